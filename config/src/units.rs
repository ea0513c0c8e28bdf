//! Durations as Go writes them: `1h30m`, `.5s`, `200ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::decode::token;

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A signed span of time in nanoseconds, read and written by Go's rules
/// (<https://pkg.go.dev/time#ParseDuration>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

/// Why a text is no duration; `Display` gives Go's wording without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationFault {
    Invalid,
    MissingUnit,
    UnknownUnit,
}

// === impl GoDuration ===

impl GoDuration {
    pub const ZERO: Self = Self(0);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(MILLISECOND))
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// As the standard library's type; a negative one, which validation refuses, becomes zero.
    pub fn get(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl FromStr for GoDuration {
    type Err = DurationFault;

    fn from_str(text: &str) -> Result<Self, DurationFault> {
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or("")),
            Some(b'+') => (false, text.get(1..).unwrap_or("")),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(DurationFault::Invalid);
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (nanos, after) = leading_term(rest)?;
            total += nanos;
            rest = after;
            // Checked in each step, so that the sum cannot overflow.
            if total > i128::from(i64::MAX) + 1 {
                return Err(DurationFault::Invalid);
            }
        }
        let signed = if negative { -total } else { total };
        i64::try_from(signed)
            .map(Self)
            .map_err(|_| DurationFault::Invalid)
    }
}

impl fmt::Display for GoDuration {
    /// As Go's `Duration.String`: `200ms`, `1.5s`, `1m0s`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let nanos = self.0.unsigned_abs();
        let below = |unit: i64| nanos < unit.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if below(MICROSECOND) {
            return write!(f, "{nanos}ns");
        }
        if below(MILLISECOND) {
            return write!(f, "{}µs", decimal(nanos, MICROSECOND));
        }
        if below(SECOND) {
            return write!(f, "{}ms", decimal(nanos, MILLISECOND));
        }
        let (hours, rest) = divide(nanos, HOUR);
        let (minutes, rest) = divide(rest, MINUTE);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(rest, SECOND))
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(token::DURATION, DurationVisitor)
    }
}

/// Our own deserializer passes nanoseconds; others pass what was written.
struct DurationVisitor;

impl<'de> de::Visitor<'de> for DurationVisitor {
    type Value = GoDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `5s`")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<GoDuration, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<GoDuration, E> {
        Ok(GoDuration(nanos))
    }

    fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<GoDuration, E> {
        i64::try_from(nanos)
            .map(GoDuration)
            .map_err(|_| E::custom(DurationFault::Invalid))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
        text.parse().map_err(E::custom)
    }
}

// === impl DurationFault ===

impl fmt::Display for DurationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "time: invalid duration",
            Self::MissingUnit => "time: missing unit in duration",
            Self::UnknownUnit => "time: unknown unit",
        })
    }
}

impl std::error::Error for DurationFault {}

/// One `number unit` at the start of the text, in nanoseconds, and what follows it.
fn leading_term(text: &str) -> Result<(i128, &str), DurationFault> {
    let (whole, rest) = leading_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => leading_digits(after),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationFault::Invalid);
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = match unit {
        "" => return Err(DurationFault::MissingUnit),
        "ns" => 1,
        "us" | "µs" | "μs" => MICROSECOND, // U+00B5 and U+03BC
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return Err(DurationFault::UnknownUnit),
    };
    let whole = if whole.is_empty() {
        Ok(0)
    } else {
        whole.parse::<u64>()
    };
    let whole = whole.map_err(|_| DurationFault::Invalid)?;
    let nanos = i128::from(whole) * i128::from(unit) + fraction_of(fraction, unit);
    Ok((nanos, rest))
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// `digits` behind the point, of a unit; digits below a nanosecond are cut off, as in Go.
fn fraction_of(digits: &str, unit: i64) -> i128 {
    const DIGITS_MAX: usize = 18; // what an i64 holds; no unit has more places
    let mut value: i128 = 0;
    let mut scale: i128 = 1;
    for digit in digits.bytes().take(DIGITS_MAX) {
        value = value * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    value * i128::from(unit) / scale
}

fn divide(nanos: u64, unit: i64) -> (u64, u64) {
    let unit = unit.unsigned_abs();
    (nanos / unit, nanos % unit)
}

/// `nanos` in a unit, with as many places behind the point as it needs.
fn decimal(nanos: u64, unit: i64) -> String {
    let (whole, rest) = divide(nanos, unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    let fraction = format!("{rest:0places$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::GoDuration;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let check = |text: &str, expected: Result<i64, &str>| {
            let actual = text.parse::<GoDuration>().map(GoDuration::nanos);
            assert_eq!(
                actual.map_err(|fault| fault.to_string()),
                expected.map_err(str::to_owned)
            );
        };
        check("0", Ok(0));
        check("-0", Ok(0));
        check("5s", Ok(5_000_000_000));
        check("+5s", Ok(5_000_000_000));
        check("-1s", Ok(-1_000_000_000));
        check("1h30m", Ok(5_400_000_000_000));
        check("1.5s", Ok(1_500_000_000));
        check(".5s", Ok(500_000_000));
        check("1.s", Ok(1_000_000_000));
        check("100µs", Ok(100_000));
        check("100μs", Ok(100_000));
        check("100us", Ok(100_000));
        check("7ns", Ok(7));
        check("1.9ns", Ok(1));
        check("0.3333333333333333333h", Ok(1_199_999_999_999));
        check("9223372036854775807ns", Ok(i64::MAX));
        check("-9223372036854775808ns", Ok(i64::MIN));
        check("9223372036854775808ns", Err("time: invalid duration"));
        check("3000000h", Err("time: invalid duration"));
        for text in ["", "-", ".", "s", ".s", "-.s", "abc", "+-1s"] {
            check(text, Err("time: invalid duration"));
        }
        for text in ["10", "1h1", "1.5", "-3"] {
            check(text, Err("time: missing unit in duration"));
        }
        for text in ["1d", "1w", "1hr", "30S", "5 s", "1 m", "1M", "1s "] {
            check(text, Err("time: unknown unit"));
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (200_000_000, "200ms"),
            (2_200_000, "2.2ms"),
            (5_000_000_000, "5s"),
            (3_300_000_000, "3.3s"),
            (60_000_000_000, "1m0s"),
            (245_001_000_000, "4m5.001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (-1_500_000_000, "-1.5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(GoDuration::from_nanos(nanos).to_string(), expected);
        }
    }
}
