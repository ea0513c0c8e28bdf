//! Consistent probability sampling: every item carries 56 random bits, and a sampler keeps those that are at least its
//! threshold ([specification](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/)).
//!
//! Both are written in hexadecimal: in the trace state of a span (`ot=th:c;rv:6e6d1a75832a2f`, see [`TraceState`]), and
//! in attributes of a log record. The threshold tells how many items a kept one stands for.

mod span;
mod trace_state;

use std::fmt;

use crate::wire::Malformed;

pub use span::SampledSpan;
pub use trace_state::TraceState;

/// How many different values randomness has.
const VALUES: u64 = 1 << 56;

/// Hexadecimal digits that write all of them.
pub const DIGITS_MAX: u32 = 14;

/// How many of the values of randomness are not sampled: of 2⁵⁶, the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

/// The random bits of an item, by which every sampler on its way decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Randomness(u64);

/// The smallest probability that a threshold can tell from none.
pub const PROBABILITY_MIN: f64 = 1.0 / VALUES as f64;

// === impl Threshold ===

impl Threshold {
    /// Keeps everything.
    pub const ALWAYS: Self = Self(0);
    /// Keeps nothing, and cannot be written.
    pub const NEVER: Self = Self(VALUES);

    /// The threshold that rejects so many of 2⁵⁶ values.
    pub const fn rejecting(values: u64) -> Self {
        Self(if values < VALUES { values } else { VALUES })
    }

    /// The threshold that keeps this part of all items, to so many significant hexadecimal digits; leading zeros and
    /// `f`s come on top. `None` if the probability is not from [`PROBABILITY_MIN`] to 1.
    pub fn of_probability(probability: f64, digits: u32) -> Option<Self> {
        if !(PROBABILITY_MIN..=1.0).contains(&probability) {
            return None;
        }
        if probability == 1.0 {
            return Some(Self::ALWAYS);
        }
        let leading = leading_digits(probability).max(leading_digits(1.0 - probability));
        let digits = (digits + leading).min(DIGITS_MAX);
        let kept = (probability * VALUES as f64).round() as u64;
        let shift = 4 * (DIGITS_MAX - digits);
        let half = (1 << shift) >> 1;
        Some(Self((VALUES - kept + half) >> shift << shift))
    }

    /// The part of all items that is kept.
    pub fn probability(self) -> f64 {
        (VALUES - self.0) as f64 / VALUES as f64
    }

    pub const fn keeps(self, randomness: Randomness) -> bool {
        self.0 <= randomness.0
    }

    /// Reads it as it is written, from 1 to 14 digits.
    ///
    /// # Errors
    /// It is not such a number.
    pub fn read(text: &[u8]) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(Malformed("t-value is empty"));
        }
        let missing = (DIGITS_MAX as usize).checked_sub(text.len());
        let missing = missing.ok_or(Malformed("t-value exceeds 14 hex digits"))?;
        Ok(Self(read_hex(text)? << (4 * missing)))
    }

    /// Writes it without trailing zeros, and nothing for [`Self::NEVER`].
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::NEVER => {}
            Self::ALWAYS => out.push(b'0'),
            Self(value) => {
                let digits = hex(value);
                let end = digits.iter().rposition(|digit| *digit != b'0');
                out.extend_from_slice(digits.get(..=end.unwrap_or_default()).unwrap_or_default());
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Leading digits `0` of a number below 1.
fn leading_digits(number: f64) -> u32 {
    // The exponent of a normal number, of which the mantissa is from 0.5 to 1.
    let exponent = (number.to_bits() >> 52) as i32 - 1022;
    exponent.min(0).unsigned_abs() / 4
}

// === impl Randomness ===

impl Randomness {
    /// What every threshold keeps but [`Threshold::NEVER`].
    pub const MAX: Self = Self(VALUES - 1);

    /// The lowest 56 bits of a number.
    pub const fn of_bits(bits: u64) -> Self {
        Self(bits & (VALUES - 1))
    }

    /// Of the last 7 bytes of a trace id, which are random by W3C trace context, level 2.
    pub const fn of_trace_id(id: [u8; 16]) -> Self {
        Self::of_bits(u128::from_be_bytes(id) as u64)
    }

    /// Reads it as it is written, in 14 digits.
    ///
    /// # Errors
    /// It is not such a number.
    pub fn read(text: &[u8]) -> Result<Self, Malformed> {
        if text.len() != DIGITS_MAX as usize {
            return Err(Malformed("r-value must have 14 hex digits"));
        }
        read_hex(text).map(Self)
    }

    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&hex(self.0));
    }
}

impl fmt::Display for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

/// At most 14 digits, in either case.
fn read_hex(text: &[u8]) -> Result<u64, Malformed> {
    text.iter().try_fold(0, |value, byte| {
        let digit = char::from(*byte).to_digit(16);
        let digit = digit.ok_or(Malformed("no hex digit in a t-value or r-value"))?;
        Ok(value << 4 | u64::from(digit))
    })
}

fn hex(value: u64) -> [u8; DIGITS_MAX as usize] {
    let mut digits = [0; DIGITS_MAX as usize];
    for (at, digit) in digits.iter_mut().rev().enumerate() {
        let value = (value >> (4 * at)) as u8 & 0xf;
        *digit = if value < 10 {
            b'0' + value
        } else {
            b'a' + value - 10
        };
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_written_without_trailing_zeros_and_read_back() {
        let check = |value: u64, text: &str| {
            assert_eq!(Threshold(value).to_string(), text);
            assert_eq!(Threshold::read(text.as_bytes()), Ok(Threshold(value)));
        };
        check(0, "0");
        check(1 << 52, "1");
        check(0xc << 52, "c");
        check(1, "00000000000001");
        check(0xff_ffff_ffff_ffff, "ffffffffffffff");
        assert_eq!(Threshold::NEVER.to_string(), "");
        assert_eq!(Threshold::read(b"C0"), Ok(Threshold(0xc << 52)));
    }

    #[test]
    fn what_is_no_threshold_and_no_randomness_says_what_is_wrong() {
        let threshold = |text: &str| Threshold::read(text.as_bytes()).unwrap_err().0;
        assert_eq!(threshold(""), "t-value is empty");
        assert_eq!(
            threshold("000000000000001"),
            "t-value exceeds 14 hex digits"
        );
        for text in ["+1", "0x1", "g", "-1", " 1", "1_0"] {
            assert_eq!(
                threshold(text),
                "no hex digit in a t-value or r-value",
                "{text}"
            );
        }
        let randomness = |text: &str| Randomness::read(text.as_bytes()).map_err(|bad| bad.0);
        assert_eq!(
            randomness("6e6d1a75832a2f"),
            Ok(Randomness(0x6e_6d1a_7583_2a2f))
        );
        assert_eq!(
            randomness("6e6d1a75832a2"),
            Err("r-value must have 14 hex digits")
        );
        assert!(randomness("6e6d1a75832a2x").is_err());
    }

    #[test]
    fn a_probability_is_rounded_to_digits_beyond_those_that_are_zeros_or_fs() {
        let check = |probability: f64, digits: u32, expected: &str| {
            let threshold = Threshold::of_probability(probability, digits).unwrap();
            assert_eq!(
                threshold.to_string(),
                expected,
                "{probability} to {digits} digits"
            );
        };
        check(1.0, 4, "0");
        check(0.5, 4, "8");
        check(0.25, 1, "c");
        check(1.0 / 3.0, 14, "aaaaaaaaaaaaac");
        check(1.0 / 3.0, 4, "aaab");
        check(1.0 / 3.0, 1, "b");
        check(0.1, 4, "e666");
        check(0.01, 4, "fd70a");
        check(0.99, 4, "028f6");
        check(0.001, 4, "ffbe77");
        check(PROBABILITY_MIN, 4, "ffffffffffffff");
        for beyond in [
            0.0,
            -0.5,
            PROBABILITY_MIN / 2.0,
            1.01,
            f64::NAN,
            f64::INFINITY,
        ] {
            assert_eq!(Threshold::of_probability(beyond, 4), None, "{beyond}");
        }
    }

    #[test]
    fn an_item_is_kept_from_the_threshold_on() {
        let half = Threshold::of_probability(0.5, 14).unwrap();
        assert!(half.keeps(Randomness::of_bits(1 << 55)));
        assert!(!half.keeps(Randomness::of_bits((1 << 55) - 1)));
        assert!(Threshold::ALWAYS.keeps(Randomness::of_bits(0)));
        assert!(!Threshold::NEVER.keeps(Randomness::MAX));
        assert_eq!(half.probability(), 0.5);
    }

    #[test]
    fn the_randomness_of_a_trace_is_its_last_seven_bytes() {
        let id = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128.to_be_bytes();
        assert_eq!(Randomness::of_trace_id(id).to_string(), "0a0b0c0d0e0f10");
    }
}
