//! Globs over attribute keys, whose parts are separated by dots: `*` stays within a part, `**` does not.

use regex::Regex;

/// The glob as a pattern for whole keys.
///
/// # Errors
/// A class or a choice is not closed.
pub(super) fn compile(glob: &str) -> Result<Regex, String> {
    let mut pattern = String::from("^(?s:");
    let mut open = 0;
    let mut chars = glob.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
            '*' => pattern.push_str("[^.]*"),
            '?' => pattern.push_str("[^.]"),
            '[' => {
                pattern.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    pattern.push('^');
                }
                class(&mut chars, &mut pattern)?;
            }
            '{' => {
                open += 1;
                pattern.push_str("(?:");
            }
            ',' if open > 0 => pattern.push('|'),
            '}' if open > 0 => {
                open -= 1;
                pattern.push(')');
            }
            '\\' => literal(chars.next().ok_or("a backslash at the end")?, &mut pattern),
            c => literal(c, &mut pattern),
        }
    }
    if open > 0 {
        return Err("a `{` is not closed".to_owned());
    }
    pattern.push_str(")$");
    ottl::pattern::compile(&pattern)
}

/// What stands up to the closing bracket.
fn class(chars: &mut impl Iterator<Item = char>, pattern: &mut String) -> Result<(), String> {
    for c in chars {
        match c {
            ']' => {
                pattern.push(']');
                return Ok(());
            }
            '-' => pattern.push('-'),
            c => literal(c, pattern),
        }
    }
    Err("a `[` is not closed".to_owned())
}

fn literal(c: char, pattern: &mut String) {
    if c.is_ascii_punctuation() {
        pattern.push('\\');
    }
    pattern.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_part_and_two_do_not() {
        let check = |glob: &str, key: &str, expected: bool| {
            let pattern = compile(glob).unwrap();
            assert_eq!(pattern.is_match(key), expected, "{glob} on {key}");
        };
        check("http.*", "http.route", true);
        check("http.*", "http.request.method", false);
        check("http.**", "http.request.method", true);
        check("**", "anything.at.all", true);
        check("*", "a.b", false);
        check("k?y", "key", true);
        check("k?y", "k.y", false);
        check("db.{name,system}", "db.system", true);
        check("db.{name,system}", "db.user", false);
        check("v[0-9]", "v7", true);
        check("v[!0-9]", "v7", false);
        check(r"a\*", "a*", true);
        check(r"a\*", "ab", false);
        check("a+b", "aab", false);
        check("http", "https", false);
    }

    #[test]
    fn what_is_not_closed_is_a_fault() {
        for glob in ["{a", "[a", r"a\"] {
            assert!(compile(glob).is_err(), "{glob}");
        }
    }
}
