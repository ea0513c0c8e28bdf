//! When a certificate begins and ends, read from its DER (RFC 5280 §4.1).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// In seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Validity {
    /// `None` if the certificate is none, which rustls has refused by then.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = take(certificate, SEQUENCE)?;
        let (mut rest, _) = take(certificate, SEQUENCE)?;
        if let Some((_, behind)) = take(rest, VERSION) {
            rest = behind;
        }
        // Serial number, signature algorithm, issuer.
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            (_, rest) = take(rest, tag)?;
        }
        let (validity, _) = take(rest, SEQUENCE)?;
        let (not_before, rest) = time(validity)?;
        let (not_after, _) = time(rest)?;
        Some(Self {
            not_before,
            not_after,
        })
    }
}

/// The content of the element at the front, if it has this tag, and what is behind it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*length) {
        short @ ..=0x7f => (short, rest),
        // The length in that many bytes. A certificate of more than 64 KiB is none.
        long @ 0x81..=0x82 => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDDhhmmssZ`, where 50 is 1950, or `YYYYMMDDhhmmssZ` (RFC 5280 §4.1.2.5).
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let ((text, rest), century) = match take(der, UTC_TIME) {
        Some(found) => (found, true),
        None => (take(der, GENERALIZED_TIME)?, false),
    };
    let mut text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let mut number = |digits: usize| -> Option<i16> {
        let (digits, behind) = text.split_at_checked(digits)?;
        text = behind;
        digits.parse().ok()
    };
    let year = match century {
        true => number(2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?,
        false => number(4)?,
    };
    let mut part = || number(2).and_then(|part| i8::try_from(part).ok());
    let (month, day, hour, minute, second) = (part()?, part()?, part()?, part()?, part()?);
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some((zoned.timestamp().as_second(), rest))
}
