//! Labels of a series, kept as the text formats print them: `a="1",b="2"`, in the order of the
//! names. Nearly every scrape wants exactly this text.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::drops::Reason;
use super::store::Kind;
use crate::translation::{Unreadable, is_legacy_name};

/// Most points have fewer labels than this.
const USUAL: usize = 16;

/// One label on its way to the text.
#[derive(Clone, Debug)]
pub(super) struct Label<'a> {
    pub(super) name: Cow<'a, str>,
    /// What it was called before it was translated, which orders namesakes.
    pub(super) key: &'a str,
    pub(super) value: Cow<'a, str>,
    /// Stands on every series, so that an attribute of the same name would spoil it.
    pub(super) fixed: bool,
}

/// The labels of one series while they are collected.
#[derive(Default)]
pub(super) struct Collected<'a>(SmallVec<[Label<'a>; USUAL]>);

impl<'a> Collected<'a> {
    pub(super) fn push(&mut self, label: Label<'a>) {
        self.0.push(label);
    }

    /// Writes the text. Attributes that have got the same name share a label, with `;` between
    /// their values in the order of their keys.
    ///
    /// # Errors
    /// Why there can be no such series.
    pub(super) fn write(&mut self, kind: Kind, out: &mut String) -> Result<(), Reason> {
        out.clear();
        self.0
            .sort_unstable_by(|a, b| (&a.name, a.key).cmp(&(&b.name, b.key)));
        for namesakes in self.0.chunk_by(|a, b| a.name == b.name) {
            let [first, others @ ..] = namesakes else {
                continue;
            };
            if first.name.starts_with("__") || kind.reserves(&first.name) {
                return Err(Reason::Unreadable(Unreadable::InvalidLabel));
            }
            if !others.is_empty() && namesakes.iter().any(|label| label.fixed) {
                return Err(Reason::LabelConflict);
            }
            if !out.is_empty() {
                out.push(',');
            }
            write_name(&first.name, out);
            out.push_str("=\"");
            for (at, label) in namesakes.iter().enumerate() {
                if at > 0 {
                    out.push(';');
                }
                escape(&label.value, out);
            }
            out.push('"');
        }
        Ok(())
    }
}

/// A name as the text formats have it: in quotes if it is none of the classic ones.
pub(super) fn write_name(name: &str, out: &mut String) {
    if is_legacy_name(name) && !name.contains(':') {
        out.push_str(name);
    } else {
        out.push('"');
        escape(name, out);
        out.push('"');
    }
}

/// Text between quotes.
pub(super) fn escape(text: &str, out: &mut String) {
    let is_special = |c: char| matches!(c, '\\' | '\n' | '"');
    for part in text.split_inclusive(is_special) {
        let mut chars = part.chars();
        match chars.next_back().filter(|last| is_special(*last)) {
            None => out.push_str(part),
            Some(last) => {
                out.push_str(chars.as_str());
                out.push('\\');
                out.push(if last == '\n' { 'n' } else { last });
            }
        }
    }
}

/// The names and values in a text that was written here.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let name = match rest.strip_prefix('"') {
            Some(quoted) => unescaped(quoted, &mut rest)?,
            None => {
                let (name, after) = rest.split_at_checked(rest.find('=')?)?;
                rest = after;
                Cow::Borrowed(name)
            }
        };
        let value = unescaped(rest.strip_prefix("=\"")?, &mut rest)?;
        rest = rest.strip_prefix(',').unwrap_or(rest);
        Some((name, value))
    })
}

/// The text up to the closing quote; `rest` is what follows that.
fn unescaped<'a>(text: &'a str, rest: &mut &'a str) -> Option<Cow<'a, str>> {
    let (inner, after) = text.split_once('"')?;
    if !inner.contains('\\') {
        *rest = after;
        return Some(Cow::Borrowed(inner));
    }
    let mut is_escaped = false;
    let closes = |byte| match byte {
        _ if is_escaped => {
            is_escaped = false;
            false
        }
        byte => {
            is_escaped = byte == b'\\';
            byte == b'"'
        }
    };
    let (inner, after) = text.split_at_checked(text.bytes().position(closes)?)?;
    *rest = after.strip_prefix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
            c => out.push(c),
        }
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(labels: &[(&'static str, &'static str, &'static str)]) -> Result<String, Reason> {
        let mut collected = Collected::default();
        for &(name, key, value) in labels {
            collected.push(Label {
                name: name.into(),
                key,
                value: value.into(),
                fixed: key.is_empty(),
            });
        }
        let mut out = "before".to_owned();
        collected.write(Kind::Histogram, &mut out)?;
        Ok(out)
    }

    #[test]
    fn labels_stand_in_the_order_of_their_names_and_escaped() {
        assert_eq!(written(&[]).unwrap(), "");
        assert_eq!(
            written(&[("b", "b", "2"), ("a", "a", "x\"\\\ny"), ("C", "C", "")]).unwrap(),
            r#"C="",a="x\"\\\ny",b="2""#
        );
    }

    #[test]
    fn namesakes_share_a_label_in_the_order_of_their_keys() {
        assert_eq!(
            written(&[("a_b", "a_b", "2"), ("a_b", "a.b", "1"), ("c", "c", "3")]).unwrap(),
            r#"a_b="1;2",c="3""#
        );
    }

    #[test]
    fn what_stands_on_every_series_is_not_shared() {
        assert_eq!(
            written(&[("job", "job", "2"), ("job", "", "1")]),
            Err(Reason::LabelConflict)
        );
    }

    #[test]
    fn names_that_prometheus_keeps_for_itself_are_refused() {
        for name in ["__name__", "__", "le"] {
            assert_eq!(
                written(&[(name, name, "x")]),
                Err(Reason::Unreadable(Unreadable::InvalidLabel))
            );
        }
        written(&[("quantile", "quantile", "0.5")]).unwrap();
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = written(&[
            ("a", "a", "x,\"\\\n=y"),
            ("b.c", "b.c", ","),
            ("q\"", "q\"", ""),
            ("z", "z", "1"),
        ]);
        let text = text.unwrap();
        assert_eq!(text, r#"a="x,\"\\\n=y","b.c"=",","q\""="",z="1""#);
        let read: Vec<_> = pairs(&text).collect();
        let expected = [("a", "x,\"\\\n=y"), ("b.c", ","), ("q\"", ""), ("z", "1")];
        assert_eq!(read, expected.map(|(n, v)| (n.into(), v.into())));
        assert_eq!(pairs("").count(), 0);
    }
}
