//! Regular expressions as Go's users write them.
//!
//! Both engines descend from RE2, and differ in little: Go's `\d`, `\w`, `\s` and `\b` know ASCII
//! alone, it has `\Q…\E` and octal escapes, its classes do not nest, and a brace that begins no
//! repetition stands for itself.

use regex::{Regex, RegexBuilder};

/// Compiles a pattern that follows Go's syntax (<https://pkg.go.dev/regexp/syntax>).
///
/// # Errors
/// The pattern is wrong, or too large when compiled.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern);
    RegexBuilder::new(&translated)
        .octal(true)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!(
                    "error parsing regexp: larger than {limit} bytes when compiled: `{pattern}`"
                )
            }
            error => {
                // The last line says what is wrong; those above draw where.
                let text = error.to_string();
                let reason = text.lines().next_back().unwrap_or_default();
                format!(
                    "error parsing regexp: {}: `{pattern}`",
                    reason.trim_start_matches("error: ")
                )
            }
        })
}

/// Where in a pattern we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    /// Right behind the opening bracket, where a closing one stands for itself.
    ClassStart,
    Class,
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut place = Place::Outside;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '\\' {
            rest = escape(after, place, &mut out);
            place = if place == Place::Outside {
                place
            } else {
                Place::Class
            };
            continue;
        }
        rest = after;
        match (place, c) {
            (Place::Outside, '[') => {
                place = Place::ClassStart;
                out.push('[');
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                continue;
            }
            (Place::Class, ']') => {
                place = Place::Outside;
                out.push(']');
                continue;
            }
            (Place::Outside, '{') if !is_repetition(rest) => out.push_str("\\{"),
            (Place::Outside, _) => out.push(c),
            (_, '[') => match rest.starts_with(':').then(|| rest.find(":]")).flatten() {
                Some(end) => {
                    let (name, after) = rest.split_at(end + 2);
                    out.push('[');
                    out.push_str(name);
                    rest = after;
                }
                None => out.push_str("\\["),
            },
            // Operators on classes, which Go does not know.
            (_, '&' | '~') => out.extend(['\\', c]),
            (_, c) => out.push(c),
        }
        if place == Place::ClassStart {
            place = Place::Class;
        }
    }
    out
}

/// Whether a number, or a range that begins with one, follows an opening brace.
fn is_repetition(rest: &str) -> bool {
    let Some((range, _)) = rest.split_once('}') else {
        return false;
    };
    let (least, most) = range.split_once(',').unwrap_or((range, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

/// Writes what follows a backslash, and returns what follows that.
fn escape<'p>(rest: &'p str, place: Place, out: &mut String) -> &'p str {
    let Some(c) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    let translated = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'b' if place == Place::Outside => "(?-u:\\b)",
        // Ends of words in the other engine.
        '<' => "<",
        '>' => ">",
        // A reference to a group, which neither has; the other engine would read a character's number.
        '1'..='7' if !after.starts_with(|c| matches!(c, '0'..='7')) => "\\8",
        'Q' => {
            let (literal, after) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(literal));
            return after;
        }
        'p' | 'P' | 'x' if after.starts_with('{') => {
            let end = after.find('}').map_or(after.len(), |end| end + 1);
            let (name, after) = after.split_at(end);
            out.extend(['\\', c]);
            out.push_str(name);
            return after;
        }
        _ => {
            out.extend(['\\', c]);
            return after;
        }
    };
    out.push_str(translated);
    after
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        let check = |pattern: &str, text: &str, expected: Option<&str>| {
            let regex = compile(pattern).unwrap();
            assert_eq!(
                regex.find(text).map(|found| found.as_str()),
                expected,
                "{pattern} {text}"
            );
        };
        check(r"\d+", "٣ 42", Some("42"));
        check(r"^\D+$", "٣x", Some("٣x"));
        check(r"\w+", "é_a1", Some("_a1"));
        check(r"[\w.]+", "é a.b", Some("a.b"));
        check(r"[^\d]+", "12ab", Some("ab"));
        check(r"\s", "a\u{a0}", None);
        check(r"\bcart\b", "écart", Some("cart"));
        check(r"\Qa.b[\E+", "a.b[[", Some("a.b[["));
        check(r"\Q.", "a.", Some("."));
        check(r"[[a]", "[", Some("["));
        check(r"[]a]+", "x]a", Some("]a"));
        check(r"[^]a]", "]ab", Some("b"));
        check(r"[a&&b]+", "x&b", Some("&b"));
        check(r"[[:alpha:]_]+", "1a_", Some("a_"));
        check(r"[\]]", "]", Some("]"));
        check(r"\101", "A", Some("A"));
        check(r"(?i)GET", "get", Some("get"));
        check(r"(?P<a>x)(?<b>y)", "xy", Some("xy"));
        check(r"a$", "a\n", None);
        check(r"/{id}/a{2}", "/{id}/aa", Some("/{id}/aa"));
        check(r"a{,2}{", "a{,2}{", Some("a{,2}{"));
        check(r"\<b\>", "<b>", Some("<b>"));
    }

    #[test]
    fn a_wrong_pattern_is_named_on_one_line() {
        for pattern in [
            "(",
            "[",
            "*",
            r"(a)\1",
            r"\p{Nope}",
            "a{1,100000}{1,100000}",
        ] {
            let text = compile(pattern).unwrap_err();
            let is_named = text.ends_with(&format!("`{pattern}`")) && !text.contains('\n');
            assert!(
                is_named && text.starts_with("error parsing regexp: "),
                "{text}"
            );
        }
    }
}
