//! The trace state of a span: `key=value,key=value`, by the rules of
//! [W3C](https://www.w3.org/TR/trace-context/#tracestate-header) as the Collector's libraries read them.

use super::Text;
use crate::w3c::{is_key, is_value};
use crate::wire::Malformed;

/// Entries of one trace state.
const ENTRIES_MAX: usize = 32;

const WRONG: Malformed = Malformed("not a trace state");

pub(super) fn entry<'a>(state: Text<'a>, key: &str) -> Result<Option<&'a str>, Malformed> {
    let state = state.to_str().map_err(|_| WRONG)?;
    let mut keys = [""; ENTRIES_MAX];
    let mut found = None;
    let entries = state.split(',').filter(|entry| !entry.is_empty());
    for (count, entry) in entries.enumerate() {
        let (name, value) = entry.split_once('=').ok_or(WRONG)?;
        let name = name.trim_start_matches([' ', '\t']);
        let value = value.trim_end_matches([' ', '\t']);
        let known = keys.get(..count).unwrap_or_default();
        if !is_key(name.as_bytes()) || !is_value(value.as_bytes()) || known.contains(&name) {
            return Err(WRONG);
        }
        *keys.get_mut(count).ok_or(WRONG)? = name;
        if name == key {
            found = Some(value);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_key() {
        let check = |state: &str, key: &str, expected: Option<&str>| {
            assert_eq!(entry(state.into(), key), Ok(expected), "{state}");
        };
        check("a=1,b=2", "b", Some("2"));
        check("a=1\t ,\t b=2 ", "b", Some("2"));
        check("a= 1", "a", Some(" 1"));
        check(",a=1,,", "a", Some("1"));
        check("ab=1", "a", None);
        check("", "a", None);
        check("1t@sys=x", "1t@sys", Some("x"));
    }

    #[test]
    fn one_wrong_entry_spoils_the_whole() {
        let check = |wrong: &str| {
            let state = format!("a=1,{wrong}");
            assert_eq!(entry(state.as_str().into(), "a"), Err(WRONG), "{state}");
        };
        for wrong in [
            "b", "b=", "=1", "B=1", "b =1", "1=1", "b=1=2", "b=ż", "b=\u{7}", "a=2", " ",
        ] {
            check(wrong);
        }
        check("t@1=x");
        check("@s=x");
        check(&format!("{}=x", "b".repeat(257)));
        check(&format!("b={}", "x".repeat(257)));
        let many = |count: usize| {
            let list: Vec<_> = (0..count).map(|at| format!("k{at}=v")).collect();
            entry(list.join(",").as_str().into(), "k0").is_ok()
        };
        assert!(many(32) && !many(33));
    }
}
