//! Which values must not be shown when a line of the file is.
//!
//! Works on the text alone, since a file that cannot be parsed can hold a secret, too.

use std::ops::Range;

use crate::node::SEPARATOR;
use crate::place::Source;
use crate::secret::REDACTED;

/// Parts of key names whose values are secrets.
const SECRET_PARTS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "key_pem",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "authorization",
    "proxy_url",
];

/// Keys below which every value is taken for a secret.
const SECRET_SECTIONS: &[&str] = &["headers", "response_headers"];

/// A line as it may be shown.
pub(crate) struct Masked {
    pub(crate) text: String,
    /// Byte range to underline, within the shown text.
    pub(crate) mark: Range<usize>,
}

/// Does this path lead to, or through, a secret?
pub(crate) fn is_secret_path(path: &str) -> bool {
    path.split(SEPARATOR).any(is_secret_key)
}

/// The line that holds `offset`, with its secrets replaced; `mark` is in bytes of the line.
pub(crate) fn mask_line(source: &Source, offset: usize, mark: Range<usize>) -> Masked {
    let range = source.line_range(offset);
    let line = source.text.get(range.clone()).unwrap_or("");
    let from = if below_secret(source, range.start) {
        Some(value_start(line))
    } else {
        secret_start(line)
    };
    let from = [from, credentials_start(line)].into_iter().flatten().min();
    let hidden = from.filter(|from| {
        line.get(*from..)
            .is_some_and(|rest| !rest.trim().is_empty())
    });
    match hidden {
        None => Masked {
            text: line.to_owned(),
            mark,
        },
        Some(from) => {
            let text = format!("{}{REDACTED}", line.get(..from).unwrap_or(""));
            let shown = |at: usize| if at < from { at } else { from };
            let mark = if mark.start >= from {
                from..text.len()
            } else {
                shown(mark.start)..shown(mark.end)
            };
            Masked { text, mark }
        }
    }
}

fn is_secret_key(key: &str) -> bool {
    let key = key.trim_matches(|c: char| c == '"' || c == '\'' || c.is_whitespace());
    let key = key.to_ascii_lowercase();
    SECRET_SECTIONS.contains(&key.as_str()) || SECRET_PARTS.iter().any(|part| key.contains(part))
}

/// Where on this line the value of a secret key begins.
fn secret_start(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(colon) = line.get(from..)?.find(':').map(|at| from + at) {
        let is_end = line.get(colon + 1..)?.starts_with([' ', '\t']) || colon + 1 == line.len();
        let before = line.get(..colon)?;
        // `{a: b, key: value}`: the key begins behind the last mark of flow style.
        let start = before.rfind(['{', ',', ' ', '[']).map_or(0, |at| at + 1);
        let key = before.get(start..)?;
        if is_end && key.split(SEPARATOR).any(is_secret_key) {
            let gap = line.get(colon + 1..)?;
            return Some(colon + 1 + (gap.len() - gap.trim_start().len()));
        }
        from = colon + 1;
    }
    None
}

/// Where the credentials of a URL begin, `https://user:password@host`.
fn credentials_start(line: &str) -> Option<usize> {
    let from = line.find("://")? + 3;
    let rest = line.get(from..)?;
    let end = rest.find(['/', ' ', '"', '\'']).unwrap_or(rest.len());
    rest.get(..end)?.contains('@').then_some(from)
}

/// Where the value of a line begins: behind the first `key: `, else at the text itself.
fn value_start(line: &str) -> usize {
    let text = line.len() - line.trim_start().len();
    line.find(": ").map_or(text, |colon| colon + 2)
}

/// Does a line above, with less indentation, open a section of secrets?
fn below_secret(source: &Source, line_start: usize) -> bool {
    let above = source.text.get(..line_start).unwrap_or("");
    let line = source.text.get(source.line_range(line_start)).unwrap_or("");
    let mut indent = indent_of(line);
    // A list may stand on the same column as the key that it belongs to.
    let mut in_list = is_element(line);
    for line in above.lines().rev().filter(|line| !line.trim().is_empty()) {
        let own = indent_of(line);
        let encloses = own < indent || (own == indent && in_list && !is_element(line));
        if !encloses {
            continue;
        }
        let content = line.trim_start().trim_start_matches("- ");
        if let Some((key, value)) = key_and_value(content)
            && key.split(SEPARATOR).any(is_secret_key)
            && is_opening(value)
        {
            return true;
        }
        indent = own;
        in_list = is_element(line);
    }
    false
}

/// Cuts `a::b: c` at the colon that ends the key.
fn key_and_value(content: &str) -> Option<(&str, &str)> {
    content
        .split_once(": ")
        .or_else(|| content.trim_end().strip_suffix(':').map(|key| (key, "")))
}

fn is_element(line: &str) -> bool {
    line.trim_start().starts_with('-')
}

/// Nothing behind the colon, or the start of a block or flow of several lines.
fn is_opening(value: &str) -> bool {
    let value = value.trim();
    value.is_empty() || value.starts_with(['|', '>', '{', '[', '#', '&', '"', '\''])
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::mask_line;
    use crate::place::Source;

    #[test]
    fn secrets_are_not_shown_with_their_line() {
        let check = |text: &str, word: &str, expected: &str| {
            let source = Source::new("f", text);
            let at = text.find(word).unwrap();
            let start = source.line_range(at).start;
            let masked = mask_line(&source, at, at - start..at - start + word.len());
            assert_eq!(masked.text, expected);
            assert!(masked.mark.end <= masked.text.len(), "{:?}", masked.mark);
        };
        check("endpoint: x", "x", "endpoint: x");
        check("password: hunter2", "hunter2", "password: [REDACTED]");
        check("a: {key_pem: abc, b: c}", "abc", "a: {key_pem: [REDACTED]");
        check("headers: {a: abc}", "abc", "headers: [REDACTED]");
        check("x:\n  headers:\n    a: abc\n", "abc", "    a: [REDACTED]");
        check(
            "headers:\n- name: a\n  value: abc\n",
            "abc",
            "  value: [REDACTED]",
        );
        check("headers:\n  a: b\nother:\n  c: abc\n", "abc", "  c: abc");
        check("key_pem: |\n  BEGIN\n  abc\n", "abc", "  [REDACTED]");
        check(
            "exporters::otlp::headers::x: abc",
            "abc",
            "exporters::otlp::headers::x: [REDACTED]",
        );
        check("a::headers:\n  x: abc", "abc", "  x: [REDACTED]");
        check("a: ${https://me:abc@h/c}", "abc", "a: ${https://[REDACTED]");
        check("a: https://h/abc@x", "abc", "a: https://h/abc@x");
        check("key_file: /etc/abc", "abc", "key_file: /etc/abc");
    }
}
