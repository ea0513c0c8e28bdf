//! What becomes of names that the scraper cannot read: `escaping` in its Accept header.

use std::fmt::Write;

use super::super::labels::{escape, pairs, write_name};
use crate::translation::is_legacy_name;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Escaping {
    /// It reads every name.
    AllowUtf8,
    #[default]
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "allow-utf-8" => Some(Self::AllowUtf8),
            "underscores" => Some(Self::Underscores),
            "dots" => Some(Self::Dots),
            "values" => Some(Self::Values),
            _ => None,
        }
    }

    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    pub(super) fn metric_name(self, name: &str, out: &mut String) {
        out.clear();
        self.name_to(name, true, out);
    }

    /// Labels that have the same name then share it.
    pub(super) fn labels(self, labels: &str, out: &mut String) {
        out.clear();
        let mut escaped: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs(labels) {
            let mut own = String::new();
            self.name_to(&name, false, &mut own);
            match escaped.iter_mut().find(|(name, _)| *name == own) {
                Some((_, joined)) => {
                    joined.push(';');
                    joined.push_str(&value);
                }
                None => escaped.push((own, value.into_owned())),
            }
        }
        for (at, (name, value)) in escaped.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_name(name, out);
            out.push_str("=\"");
            escape(value, out);
            out.push('"');
        }
    }

    /// Labels have no colons.
    fn name_to(self, name: &str, colons: bool, out: &mut String) {
        let is_allowed = |c: char, at: usize| {
            c.is_ascii_alphabetic()
                || c == '_'
                || (c == ':' && colons)
                || (c.is_ascii_digit() && at > 0)
        };
        let is_classic = is_legacy_name(name) && (colons || !name.contains(':'));
        match self {
            Self::AllowUtf8 => out.push_str(name),
            _ if is_classic => out.push_str(name),
            Self::Underscores => {
                let chars = name.char_indices();
                out.extend(chars.map(|(at, c)| if is_allowed(c, at) { c } else { '_' }));
            }
            Self::Dots => {
                for (at, c) in name.char_indices() {
                    match c {
                        '.' => out.push_str("_dot_"),
                        c if c != '_' && is_allowed(c, at) => out.push(c),
                        _ => out.push_str("__"),
                    }
                }
            }
            Self::Values => {
                out.push_str("U__");
                for (at, c) in name.char_indices() {
                    match c {
                        '_' => out.push_str("__"),
                        c if is_allowed(c, at) => out.push(c),
                        // Writing to a string cannot fail.
                        c => drop(write!(out, "_{:x}_", u32::from(c))),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are those that Prometheus's own library makes.
    #[test]
    fn names_that_cannot_be_read_are_escaped() {
        let check = |escaping: Escaping, name: &str, expected: &str| {
            let mut out = "before".to_owned();
            escaping.metric_name(name, &mut out);
            assert_eq!(out, expected, "{escaping:?} {name}");
        };
        for escaping in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
            check(escaping, "a_b:c1", "a_b:c1");
        }
        check(Escaping::AllowUtf8, "a.b é", "a.b é");
        check(Escaping::Underscores, "1a.b é", "_a_b__");
        check(Escaping::Dots, "a.b_c é", "a_dot_b__c____");
        check(Escaping::Values, "a.b_c é", "U__a_2e_b__c_20__e9_");
    }

    #[test]
    fn labels_that_have_the_same_name_then_share_it() {
        let mut out = String::new();
        Escaping::Underscores.labels(r#""a.b"="1","a:b"="2",a_b="3",c="\"4\"""#, &mut out);
        assert_eq!(out, r#"a_b="1;2;3",c="\"4\"""#);
        Escaping::AllowUtf8.labels(r#""a.b"="1",a_b="3""#, &mut out);
        assert_eq!(out, r#""a.b"="1",a_b="3""#);
    }
}
