//! The trace state of a span, of which the entry `ot` is ours.

use super::{Randomness, Threshold};
use crate::w3c::{is_key, is_long_key, is_value};
use crate::wire::Malformed;

/// A longer trace state is not read.
const BYTES_MAX: usize = 1024;
/// As many entries are too many, empty ones included.
const ENTRIES_MAX: usize = 32;

const SYNTAX: Malformed = Malformed("invalid syntax of the trace state");
const SIZE: Malformed = Malformed("invalid tracestate size");

/// A trace state ([W3C](https://www.w3.org/TR/trace-context/#tracestate-header)), with what OpenTelemetry writes in it:
/// `vendor=opaque,ot=th:c;rv:6e6d1a75832a2f`. It is read and written as the Collector does.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceState<'a> {
    entries: &'a [u8],
    /// The value of `ot`.
    fields: &'a [u8],
    threshold: Option<Number<'a, Threshold>>,
    randomness: Option<Number<'a, Randomness>>,
}

/// A number of `ot`; what is not changed stays as it was written.
#[derive(Clone, Copy, Debug)]
struct Number<'a, T> {
    value: T,
    text: Option<&'a [u8]>,
}

impl<'a> TraceState<'a> {
    /// Reads the text of the field.
    ///
    /// # Errors
    /// It is too long, or breaks the grammar of W3C or of OpenTelemetry.
    pub fn read(text: &'a [u8]) -> Result<Self, Malformed> {
        let mut state = Self {
            entries: text,
            ..Self::default()
        };
        if text.len() > BYTES_MAX {
            return Err(SIZE);
        }
        if text.is_empty() {
            return Ok(state);
        }
        // A comma at the end begins no entry.
        let list = text.strip_suffix(b",").unwrap_or(text);
        for (at, entry) in list.split(|byte| *byte == b',').enumerate() {
            if at + 1 >= ENTRIES_MAX {
                return Err(SIZE);
            }
            let entry = trimmed(entry);
            if entry.is_empty() {
                continue;
            }
            let (key, value) = cut(entry, b'=').ok_or(SYNTAX)?;
            if is_long_key(key) {
                return Err(SIZE);
            }
            if !is_key(key) || !is_value(value) {
                return Err(SYNTAX);
            }
            if key == b"ot" {
                state.read_fields(value)?;
            }
        }
        Ok(state)
    }

    fn read_fields(&mut self, fields: &'a [u8]) -> Result<(), Malformed> {
        (self.threshold, self.randomness) = (None, None);
        self.fields = fields;
        for field in fields.split(|byte| *byte == b';') {
            let (key, text) = cut(field, b':').ok_or(SYNTAX)?;
            let starts_well = key.first().is_some_and(u8::is_ascii_lowercase);
            let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            let is_text = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
            if !starts_well || !key.iter().all(is_word) || !text.iter().all(is_text) {
                return Err(SYNTAX);
            }
            match key {
                b"th" => self.threshold = Some(Number::read(text, Threshold::read)?),
                b"rv" => self.randomness = Some(Number::read(text, Randomness::read)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// The threshold of the samplers so far.
    pub fn threshold(&self) -> Option<Threshold> {
        self.threshold.map(|number| number.value)
    }

    /// Randomness that takes the place of the trace id's.
    pub fn randomness(&self) -> Option<Randomness> {
        self.randomness.map(|number| number.value)
    }

    pub fn set_threshold(&mut self, value: Threshold) {
        self.threshold = Some(Number { value, text: None });
    }

    pub fn set_randomness(&mut self, value: Randomness) {
        self.randomness = Some(Number { value, text: None });
    }

    /// Appends the text: `ot` first, as the newest entry, then the others as they came.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut separator = &b"ot="[..];
        let mut begin = |out: &mut Vec<u8>, name: &[u8]| {
            out.extend_from_slice(std::mem::replace(&mut separator, b";"));
            out.extend_from_slice(name);
        };
        if let Some(number) = self.randomness {
            begin(out, b"rv:");
            number.write(out, Randomness::write);
        }
        if let Some(number) = self.threshold {
            begin(out, b"th:");
            number.write(out, Threshold::write);
        }
        let fields = self.fields.split(|byte| *byte == b';');
        for field in fields.filter(|field| !field.is_empty()) {
            if !field.starts_with(b"rv:") && !field.starts_with(b"th:") {
                begin(out, field);
            }
        }
        for entry in self.entries.split(|byte| *byte == b',').map(trimmed) {
            if !entry.is_empty() && !entry.starts_with(b"ot=") {
                if out.len() > start {
                    out.push(b',');
                }
                out.extend_from_slice(entry);
            }
        }
    }
}

impl<'a, T: Copy> Number<'a, T> {
    fn read(text: &'a [u8], read: fn(&[u8]) -> Result<T, Malformed>) -> Result<Self, Malformed> {
        Ok(Self {
            value: read(text)?,
            text: Some(text),
        })
    }

    fn write(&self, out: &mut Vec<u8>, write: fn(T, &mut Vec<u8>)) {
        match self.text {
            Some(text) => out.extend_from_slice(text),
            None => write(self.value, out),
        }
    }
}

fn trimmed(mut entry: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = entry {
        entry = rest;
    }
    entry
}

fn cut(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    let (head, tail) = text.split_at_checked(at)?;
    Some((head, tail.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(state: &TraceState<'_>) -> String {
        let mut out = Vec::new();
        state.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn fault(text: &str) -> &'static str {
        TraceState::read(text.as_bytes()).unwrap_err().0
    }

    #[test]
    fn what_is_read_is_written_with_our_entry_first_and_its_numbers_in_front() {
        let check = |text: &str, expected: &str| {
            let state = TraceState::read(text.as_bytes()).unwrap();
            assert_eq!(written(&state), expected, "{text}");
        };
        check("", "");
        check(",", "");
        check("a=1", "a=1");
        check(" a=1 ,, b@c=2\t,", "a=1,b@c=2");
        check(
            "ot=x:1;th:c0;rv:0123456789ABCD",
            "ot=rv:0123456789ABCD;th:c0;x:1",
        );
        check("v=x, ot=th:8", "ot=th:8,v=x");
        check("ot=a:;b:2", "ot=a:;b:2");
        check("ot=th:1,ot=rv:00000000000000", "ot=rv:00000000000000");
    }

    #[test]
    fn numbers_are_read_and_replaced() {
        let text = b"v=x,ot=th:c;rv:0123456789abcd";
        let mut state = TraceState::read(text).unwrap();
        assert_eq!(state.threshold(), Threshold::read(b"c").ok());
        assert_eq!(
            state.randomness(),
            Some(Randomness::of_bits(0x01_2345_6789_abcd))
        );
        state.set_threshold(Threshold::read(b"e66600").unwrap());
        state.set_randomness(Randomness::of_bits(1));
        assert_eq!(written(&state), "ot=rv:00000000000001;th:e666,v=x");

        let mut state = TraceState::read(b"v=x").unwrap();
        assert_eq!((state.threshold(), state.randomness()), (None, None));
        state.set_threshold(Threshold::ALWAYS);
        assert_eq!(written(&state), "ot=th:0,v=x");
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for text in [
            "a", "=1", "a=", "A=1", "1=1", "a=1=2", "a=\u{7f}", "@a=1", "a@=1", "a@1=1", "a@b@c=1",
            "a=b c=d", "ot=th", "ot=th:c;", "ot=;th:c", "ot=:c", "ot=Th:c", "ot=t-h:c", "ot=a:+",
        ] {
            assert_eq!(fault(text), SYNTAX.0, "{text}");
        }
        assert_eq!(fault("ot=th:"), "t-value is empty");
        assert_eq!(fault("ot=rv:12"), "r-value must have 14 hex digits");
        assert_eq!(fault("ot=th:xyz"), "no hex digit in a t-value or r-value");
    }

    #[test]
    fn lengths_have_the_limits_of_w3c() {
        let ok = |text: &str| assert!(TraceState::read(text.as_bytes()).is_ok(), "{text}");
        let entries = |n: usize| vec!["a=1"; n].join(",");
        ok(&entries(31));
        assert_eq!(fault(&entries(32)), SIZE.0);
        ok(&format!("{},", entries(31)));
        assert_eq!(fault(&format!("{},,", entries(31))), SIZE.0);
        ok(&format!("a={}", "x".repeat(256)));
        assert_eq!(fault(&format!("a={}", "x".repeat(257))), SYNTAX.0);
        ok(&format!("{}=1", "a".repeat(256)));
        assert_eq!(fault(&format!("{}=1", "a".repeat(257))), SIZE.0);
        ok(&format!("{}@{}=1", "a".repeat(241), "b".repeat(14)));
        assert_eq!(fault(&format!("{}@b=1", "a".repeat(242))), SIZE.0);
        assert_eq!(fault(&format!("a@{}=1", "b".repeat(15))), SIZE.0);
        assert_eq!(fault(&"a=1,".repeat(257)), SIZE.0);
    }
}
