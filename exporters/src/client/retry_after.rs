//! When a back end wants to be asked again.

use std::time::Duration;

use http::{HeaderMap, header};

/// `Retry-After`: seconds, or an HTTP date (RFC 9110 §10.2.3), which is compared with `now`, the Unix time in seconds.
pub(crate) fn retry_after(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value)
        .ok()?
        .timestamp()
        .as_second();
    Some(Duration::from_secs(
        u64::try_from(date).ok()?.saturating_sub(now),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let rows = [
            ("12", Some(12)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(9)),
            ("Fri, 31 Dec 1999 23:59:49 GMT", Some(0)),
            ("soon", None),
        ];
        for (value, expected) in rows {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            let found = retry_after(&headers, 946_684_790);
            assert_eq!(found, expected.map(Duration::from_secs), "{value}");
        }
    }
}
