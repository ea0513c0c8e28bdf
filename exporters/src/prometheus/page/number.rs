//! Numbers as Go prints them.

use std::io::Write;

use crate::number::Short;

/// Whole numbers below this are exact, and all of their digits but zeros at the end are needed.
const WHOLE_MAX: f64 = 4_503_599_627_370_496.0; // 2^52

/// As many digits as it needs, in powers of ten from a million on and below 0.0001.
pub(super) fn write_double(number: f64, out: &mut Vec<u8>) {
    if number == 0.0 {
        out.push(b'0');
    } else if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        write_short_whole(number as i64, out);
    } else if number.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        put(out, format_args!("{}", Short(number)));
    }
}

/// The same, with a point in every number.
pub(super) fn write_open_metrics(number: f64, out: &mut Vec<u8>) {
    let from = out.len();
    write_double(number, out);
    let written = out.get(from..).unwrap_or_default();
    if number.is_finite() && !written.iter().any(|byte| matches!(byte, b'.' | b'e')) {
        out.extend_from_slice(b".0");
    }
}

pub(super) fn write_count(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; DIGITS_MAX];
    out.extend_from_slice(digits_of(number, &mut digits));
}

const DIGITS_MAX: usize = 20;

/// The digits of a number, which stand at the end of `buffer` then.
fn digits_of(mut number: u64, buffer: &mut [u8; DIGITS_MAX]) -> &[u8] {
    let mut first = DIGITS_MAX;
    for (at, digit) in buffer.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        first = at;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.get(first..).unwrap_or_default()
}

fn write_short_whole(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    let mut buffer = [0; DIGITS_MAX];
    let digits = digits_of(number.unsigned_abs(), &mut buffer);
    let exponent = digits.len() - 1;
    if exponent < 6 {
        out.extend_from_slice(digits);
        return;
    }
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0');
    let kept = digits.len() - zeros.count();
    let (first, rest) = digits.split_at(1);
    out.extend_from_slice(first);
    if let Some(rest) = rest.get(..kept - 1).filter(|rest| !rest.is_empty()) {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    put(out, format_args!("e+{exponent:02}"));
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    drop(out.write_fmt(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Go 1.26 with `strconv.AppendFloat(…, 'g', -1, 64)`.
    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (number, classic, open_metrics) in [
            (0.0, "0", "0.0"),
            (-0.0, "0", "0.0"),
            (1.0, "1", "1.0"),
            (-1.0, "-1", "-1.0"),
            (0.5, "0.5", "0.5"),
            (123_456.0, "123456", "123456.0"),
            (1e6, "1e+06", "1e+06"),
            (-1_234_567.0, "-1.234567e+06", "-1.234567e+06"),
            (1_234_500.0, "1.2345e+06", "1.2345e+06"),
            (1e15, "1e+15", "1e+15"),
            (
                4_503_599_627_370_497.0,
                "4.503599627370497e+15",
                "4.503599627370497e+15",
            ),
            (
                1_763_740_800.123,
                "1.763740800123e+09",
                "1.763740800123e+09",
            ),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            let mut out = Vec::new();
            write_double(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), classic);
            let mut out = Vec::new();
            write_open_metrics(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), open_metrics);
        }
    }

    #[test]
    fn counts_have_all_their_digits() {
        for number in [0, 9, 10, 1_000_000, u64::MAX] {
            let mut out = Vec::new();
            write_count(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
