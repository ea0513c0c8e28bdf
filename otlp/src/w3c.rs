//! The grammar of an entry of a trace state ([W3C](https://www.w3.org/TR/trace-context/#tracestate-header)), for all
//! who read one. How a list is cut to entries, and how many it may have, is theirs: the Collector's libraries differ
//! in it.

const KEY_MAX: usize = 256;
/// Of the parts of a key `tenant@system`.
const TENANT_MAX: usize = 241;
const SYSTEM_MAX: usize = 14;
const VALUE_MAX: usize = 256;

/// A name, or the names of a tenant and a system with an `@` between.
pub(crate) fn is_key(key: &[u8]) -> bool {
    let is_rest = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let starts = |name: &[u8]| name.first().is_some_and(u8::is_ascii_lowercase);
    let is_right = match parts(key) {
        None => starts(key) && key.iter().all(is_rest),
        Some((tenant, system)) => {
            let starts_tenant = starts(tenant) || tenant.first().is_some_and(u8::is_ascii_digit);
            starts_tenant && starts(system) && tenant.iter().chain(system).all(is_rest)
        }
    };
    is_right && !is_long_key(key)
}

/// Whether a key, or a part of one, is longer than it may be.
pub(crate) fn is_long_key(key: &[u8]) -> bool {
    let is_long_part = parts(key)
        .is_some_and(|(tenant, system)| tenant.len() > TENANT_MAX || system.len() > SYSTEM_MAX);
    is_long_part || key.len() > KEY_MAX
}

/// Printable ASCII without comma and equals sign, that does not end with a space.
pub(crate) fn is_value(value: &[u8]) -> bool {
    let fits = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    value.len() <= VALUE_MAX
        && value.iter().all(fits)
        && value.last().is_some_and(|byte| *byte != b' ')
}

fn parts(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = key.iter().position(|byte| *byte == b'@')?;
    let (tenant, system) = key.split_at_checked(at)?;
    Some((tenant, system.get(1..)?))
}
