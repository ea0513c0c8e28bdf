//! Values as YAML that reads back as the same values, in this service, in the Collector and in
//! parsers of YAML 1.1.
//!
//! A text stays without quotes only where no parser can take it for something else: `no`, `on`,
//! `1_000` and `1e3` are quoted. A quoted text is a JSON string, which every YAML parser reads.

use std::fmt::Write as _;

use serde_json::Value;

/// Words that some YAML parser takes for a boolean or for nothing, whatever their case.
const WORDS: [&str; 10] = [
    "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nil",
];

/// Says something of the value at a path (`service::extensions[0]`), as a comment behind it.
pub(super) type Note<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Writes a map of sections in the order given.
pub(super) fn document(sections: &[(&str, Value)], note: Note<'_>) -> String {
    let mut writer = Writer {
        out: String::new(),
        path: String::new(),
        note,
    };
    for (key, value) in sections {
        writer.entry(0, key, value);
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    /// Of the value that is being written.
    path: String,
    note: Note<'a>,
}

impl Writer<'_> {
    /// Writes `key: value` at a depth of two spaces each, with what is below it.
    fn entry(&mut self, depth: usize, key: &str, value: &Value) {
        let before = self.path.len();
        if before > 0 {
            self.path.push_str("::");
        }
        self.path.push_str(key);
        self.indent(depth);
        self.out.push_str(&text(key));
        self.out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.out.push('\n');
                map.iter()
                    .for_each(|(key, value)| self.entry(depth + 1, key, value));
            }
            Value::Array(list) if !list.is_empty() => {
                self.out.push('\n');
                for (at, value) in list.iter().enumerate() {
                    self.element(depth + 1, at, value);
                }
            }
            value => {
                self.out.push(' ');
                self.flow(value);
            }
        }
        self.path.truncate(before);
    }

    /// Writes `- value`; a map below it begins on the same line.
    fn element(&mut self, depth: usize, at: usize, value: &Value) {
        let before = self.path.len();
        // Writing to a string cannot fail.
        let _ = write!(self.path, "[{at}]");
        let start = self.out.len();
        match value {
            Value::Object(map) if !map.is_empty() => {
                map.iter()
                    .for_each(|(key, value)| self.entry(depth + 1, key, value));
                let dash = start + 2 * depth;
                self.out.replace_range(dash..=dash, "-");
            }
            value => {
                self.indent(depth);
                self.out.push_str("- ");
                self.flow(value);
            }
        }
        self.path.truncate(before);
    }

    /// Scalars and what is empty, to the end of the line; a list in a list, which no configuration has, is written
    /// as JSON.
    fn flow(&mut self, value: &Value) {
        match value {
            Value::String(value) => self.out.push_str(&text(value)),
            // JSON is YAML.
            value => drop(write!(self.out, "{value}")),
        }
        if let Some(note) = (self.note)(&self.path) {
            let _ = write!(self.out, "  # {note}");
        }
        self.out.push('\n');
    }

    fn indent(&mut self, depth: usize) {
        (0..depth).for_each(|_| self.out.push_str("  "));
    }
}

/// A text as a scalar. A dollar sign that would start an expansion is doubled.
fn text(value: &str) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    let value = match value.contains("${") || value.contains("$$") {
        true => value.replace('$', "$$"),
        false => value.to_owned(),
    };
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // No line break or mark in JSON, but one in YAML 1.1.
            c if c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_plain(text: &str) -> bool {
    let body = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let inner = text.trim_start_matches(|c: char| body(c) || c == ':');
    let word = || WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    match text.chars().next() {
        _ if !inner.is_empty() || text.ends_with(':') => false,
        Some(first) if first.is_ascii_alphabetic() => !word(),
        Some('/' | '_') => true,
        // A duration. Numbers, dates and times of any YAML end in a digit, a hexadecimal digit, a
        // dot or `Z`.
        Some(first) if first.is_ascii_digit() => text.ends_with(['s', 'm', 'h']),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use config::{Environment, Faults, Sources};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_quoted_wherever_a_parser_could_take_it_for_something_else() {
        let check = |plain: bool, texts: &[&str]| {
            for text in texts {
                assert_eq!(is_plain(text), plain, "{text:?}");
            }
        };
        check(
            true,
            &[
                "otlp",
                "otlp/2",
                "200ms",
                "1h30m0s",
                "/var/log/x.log",
                "a::b",
                "localhost:4317",
                "http://x:1/y",
            ],
        );
        check(
            false,
            &[
                "", "yes", "No", "on", "OFF", "y", "null", "~", "true", "1_000", "1e3", "0x1F",
                "12", "-1", ".5",
            ],
        );
        check(
            false,
            &[
                "127.0.0.1:4317",
                "2001-01-01",
                "12:30:45",
                "a: b",
                "a #b",
                "a:",
                "- a",
                "[REDACTED]",
                "*a",
                "é",
                "${X}",
            ],
        );
    }

    #[test]
    fn what_is_written_is_laid_out_as_people_write_it() {
        let value = json!({
            "a": { "b": [], "c": {}, "d": null, "e": [1, "x", { "f": 1.5, "g": { "h": true } }] },
        });
        let expected = "\
s:
  a:
    b: []
    c: {}
    d: null
    e:
      - 1
      - x
      - f: 1.5
        g:
          h: true
t: 5s
";
        assert_eq!(
            document(&[("s", value), ("t", json!("5s"))], &|_| None),
            expected
        );
    }

    #[test]
    fn a_note_stands_behind_its_value() {
        let value = json!({ "b": [1, { "c": 2, "d": {} }] });
        let expected = "\
a:
  b:
    - 1  # a::b[0]
    - c: 2  # a::b[1]::c
      d: {}  # a::b[1]::d
";
        assert_eq!(
            document(&[("a", value)], &|path| Some(path.to_owned())),
            expected
        );
    }

    /// Reads a text back with the reader of configurations.
    fn read_back(yaml: String) -> Value {
        struct Empty;
        impl Environment for Empty {
            fn variable(&self, _: &str) -> Option<String> {
                None
            }
            fn file(&self, _: &str) -> Result<String, String> {
                Err("no files here".to_owned())
            }
        }
        let sources = Sources {
            configs: vec![format!("yaml:{yaml}")],
            sets: Vec::new(),
        };
        let mut faults = Faults::new();
        let root = config::load(&sources, &Empty, &mut faults);
        assert!(faults.is_empty(), "{faults}\n{yaml}");
        serde_json::to_value(root.unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_as_it_was() {
        let texts = [
            "",
            " ",
            "a b",
            "no",
            "1_000",
            "0123",
            "${env:X}",
            "a$b",
            "$$",
            "$${X}",
            "\"\\",
            "a\nb\t\u{7}",
            "é€😀",
            "\u{85}\u{2028}",
            "# x",
            "key: value",
            "{a}",
            "[b]",
            "'",
            "---",
            "!x",
            "@x",
            "%x",
            "&x",
            "?",
            "|",
            ">",
        ];
        for text in texts {
            let value = json!({ "k": text, "list": [text, { "deep": text }] });
            assert_eq!(
                read_back(document(&[("s", value.clone())], &|_| None)),
                json!({ "s": value }),
                "{text:?}"
            );
        }
        let numbers = json!({ "k": [0, -1, 1.5, u64::MAX, true, null, [], {}, [[1], 2]] });
        assert_eq!(
            read_back(document(&[("s", numbers.clone())], &|_| None)),
            json!({ "s": numbers })
        );
    }
}
