//! What benches of components share.

use otlp::wire::put_len;

/// CPU time of this thread in nanoseconds, whatever else the machine does; 0 where the kernel does not tell.
pub fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ')
        .next()
        .map_or(0, |nanos| nanos.parse().unwrap_or(0))
}

/// The fields of a `KeyValue` with this `AnyValue`.
pub fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    let mut pair = Vec::new();
    put_len(&mut pair, 1, key.as_bytes());
    put_len(&mut pair, 2, value);
    pair
}

/// The fields of an `AnyValue` that is a text.
pub fn text(text: &str) -> Vec<u8> {
    let mut value = Vec::new();
    put_len(&mut value, 1, text.as_bytes());
    value
}
