//! Names of labels.

use std::borrow::Cow;

use super::Strategy;

/// The name of a label for an attribute; `None` if nothing of it is left that could be one.
///
/// Two attributes may have the same name then.
pub(crate) fn label_name(strategy: Strategy, key: &str) -> Option<Cow<'_, str>> {
    let name = match strategy.escapes() {
        true => escaped(key),
        false => Cow::Borrowed(key),
    };
    name.contains(|c| c != '_').then_some(name)
}

/// The same for remote write, where the Collector joins underscores that follow each other, and puts
/// `key` before one that stands in front. A name between double underscores keeps these.
pub(crate) fn joined_label_name(strategy: Strategy, key: &str) -> Option<Cow<'_, str>> {
    if !strategy.escapes() {
        return label_name(strategy, key);
    }
    let is_plain = |name: &str| {
        let mut before = b'_';
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| {
                let joins = byte == b'_' && before == b'_';
                before = byte;
                (byte.is_ascii_alphanumeric() || byte == b'_') && !joins
            })
    };
    if key.is_empty() {
        return None;
    }
    if is_plain(key) {
        return Some(Cow::Borrowed(key));
    }
    let inner = key
        .strip_prefix("__")
        .and_then(|key| key.strip_suffix("__"));
    let name = match inner {
        Some(inner) => format!("__{}__", joined(inner)),
        None => joined(key),
    };
    let name = match name.bytes().next() {
        Some(b'0'..=b'9') => format!("key_{name}"),
        Some(b'_') if inner.is_none() => format!("key{name}"),
        _ => name,
    };
    name.contains(|c| c != '_').then_some(Cow::Owned(name))
}

/// With one underscore for each run of what is not allowed.
fn joined(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut is_open = true;
    for c in text.chars() {
        let is_allowed = c.is_ascii_alphanumeric();
        if is_allowed {
            name.push(c);
        } else if is_open {
            name.push('_');
        }
        is_open = is_allowed;
    }
    name
}

fn escaped(key: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_with_digit = key.starts_with(|c: char| c.is_ascii_digit());
    if !begins_with_digit && key.chars().all(is_allowed) {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len() + 4);
    if begins_with_digit {
        name.push_str("key_");
    }
    name.extend(key.chars().map(|c| if is_allowed(c) { c } else { '_' }));
    Cow::Owned(name)
}
