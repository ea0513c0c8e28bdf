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
