//! One line, as text: a function of its time, level, place, text and fields.
//!
//! A control character never gets out: a terminal would obey it, and a line feed would let a peer's
//! text pass for a line of ours. JSON's own escapes stand for them in both encodings.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::{Encoding, Settings};

/// The length from which a field's text is cut: an error may quote what a peer sent.
pub(super) const FIELD_BYTES_MAX: usize = 16 << 10;

/// Fields whose names start so say which component speaks.
const COMPONENT: &str = "otelcol.";

pub(super) struct Line<'a> {
    pub(super) unix_nanos: u64,
    pub(super) level: Level,
    /// The path of a source file and the line in it.
    pub(super) caller: Option<(&'a str, u32)>,
    pub(super) text: &'a str,
    pub(super) verbatim: bool,
    pub(super) fields: Fields,
}

/// Names, and values as JSON.
#[derive(Default)]
pub(super) struct Fields(Vec<(Cow<'static, str>, String)>);

/// The text of an event, which `tracing` keeps as the field `message`.
#[derive(Default)]
pub(super) struct Text(pub(super) String);

pub(super) struct Encoder {
    encoding: Encoding,
    /// The fields that each line has.
    common: Fields,
}

/// Escapes what is written through it, until there is no room.
struct Escaped<'a> {
    out: &'a mut String,
    room: usize,
}

// === impl Encoder ===

impl Encoder {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut common = Fields::default();
        for (name, value) in &settings.initial_fields {
            common.0.push((Cow::Owned(name.clone()), json(value)));
        }
        if let Some(resource) = &settings.resource {
            let attributes = resource
                .iter()
                .map(|(name, value)| (Cow::Owned(name.to_owned()), quoted(value)));
            let mut text = String::new();
            Fields(attributes.collect()).write(settings.encoding, &mut text);
            common
                .0
                .push((Cow::Borrowed("resource"), format!("{{{text}}}")));
        }
        Self {
            encoding: settings.encoding,
            common,
        }
    }

    pub(super) fn encode(&self, line: &Line<'_>) -> String {
        let mut fields = String::new();
        self.common.write(self.encoding, &mut fields);
        line.fields.write(self.encoding, &mut fields);
        let caller = line
            .caller
            .map(|(file, number)| format!("{}:{number}", short(file)));
        let (level, time) = (level_name(line.level), time(line.unix_nanos));
        let mut out = String::with_capacity(128 + line.text.len() + fields.len());
        match self.encoding {
            Encoding::Console => {
                out.extend([&time, "\t", level, "\t"]);
                out.extend(caller.iter().flat_map(|caller| [caller, "\t"]));
                push_text(&mut out, line.text, line.verbatim);
                if !fields.is_empty() {
                    out.extend(["\t{", &fields, "}"]);
                }
                out.push('\n');
            }
            Encoding::Json => {
                out.extend(["{\"level\":\"", level, "\",\"ts\":\"", &time, "\""]);
                out.extend(
                    caller
                        .iter()
                        .flat_map(|caller| [",\"caller\":\"", caller, "\""]),
                );
                out.push_str(",\"msg\":\"");
                push_escaped(&mut out, line.text);
                out.push('"');
                if !fields.is_empty() {
                    out.extend([",", &fields]);
                }
                out.push_str("}\n");
            }
        }
        out
    }
}

// === impl Fields ===

impl Fields {
    /// The component first, in the order of the names as in the Collector, the rest in the order of
    /// writing.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
            .0
            .sort_by_key(|(name, _)| match name.starts_with(COMPONENT) {
                true => (0, name.clone()),
                false => (1, Cow::Borrowed("")),
            });
        fields
    }

    fn write(&self, encoding: Encoding, out: &mut String) {
        let (comma, colon) = match encoding {
            Encoding::Console => (", ", ": "),
            Encoding::Json => (",", ":"),
        };
        for (name, value) in &self.0 {
            if !out.is_empty() {
                out.push_str(comma);
            }
            out.extend([&quoted(name), colon, value]);
        }
    }

    fn push(&mut self, field: &Field, value: String) {
        if field.name() != "message" {
            self.0.push((Cow::Borrowed(field.name()), value));
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.to_string());
    }

    /// What a component does not have, a signal for one, is empty and left out.
    fn record_str(&mut self, field: &Field, value: &str) {
        if !(value.is_empty() && field.name().starts_with(COMPONENT)) {
            self.push(field, quoted(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, quoted_args(format_args!("{value:?}")));
    }
}

// === impl Text ===

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail, and a value that refuses to be shown is shown in
            // part.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

// === impl Escaped ===

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            self.room = self.room.checked_sub(c.len_utf8()).ok_or(fmt::Error)?;
            push_char(self.out, c, true);
        }
        Ok(())
    }
}

/// RFC 3339 in UTC, cut to milliseconds. A nanosecond count of 64 bits ends in 2554, long before
/// jiff's calendar.
pub(super) fn time(unix_nanos: u64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(unix_nanos)).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}

/// The file and the folder it is in.
fn short(path: &str) -> &str {
    path.rmatch_indices('/')
        .nth(1)
        .map_or(path, |(at, _)| path.get(at + 1..).unwrap_or(path))
}

/// As the Collector prints a field's value: numbers without an exponent, and compact JSON inside.
fn json(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, float),
        value => value.to_string(),
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        "\"NaN\"".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "\"+Inf\"" } else { "\"-Inf\"" }.to_owned()
    } else {
        value.to_string()
    }
}

fn quoted(text: &str) -> String {
    quoted_args(format_args!("{text}"))
}

fn quoted_args(text: fmt::Arguments<'_>) -> String {
    let mut out = String::from("\"");
    let cut = Escaped {
        out: &mut out,
        room: FIELD_BYTES_MAX,
    }
    .write_fmt(text)
    .is_err();
    out.push_str(if cut { "…\"" } else { "\"" });
    out
}

fn push_escaped(out: &mut String, text: &str) {
    text.chars().for_each(|c| push_char(out, c, true));
}

fn push_text(out: &mut String, text: &str, verbatim: bool) {
    for c in text.chars() {
        match c {
            '\n' | '\t' if verbatim => out.push(c),
            c => push_char(out, c, false),
        }
    }
}

fn push_char(out: &mut String, c: char, is_quoted: bool) {
    match c {
        '"' | '\\' if is_quoted => out.extend(['\\', c]),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Writing to a string cannot fail.
        c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
        c => out.push(c),
    }
}
