//! Numbers, times and ids as Go prints them.

use std::fmt;

use jiff::Timestamp;

/// `%f`: six places behind the point.
pub(crate) struct Fixed(pub(super) f64);

/// `%v`: as many digits as the number needs, in powers of ten from a million on and below 0.0001.
pub(crate) struct Short(pub(super) f64);

/// A number in JSON and JavaScript, with words for what JSON has none. It is in powers of ten from
/// 1e21 on and below 0.000001.
pub(crate) struct Script(pub(super) f64);

/// Nanoseconds since the Unix epoch, in UTC.
pub(crate) struct Time(pub(super) u64);

/// A trace or span id in hex; nothing if it is not set.
pub(crate) struct Id<'a>(pub(super) &'a [u8]);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match infinity(self.0) {
            Some(sign) => write!(f, "{sign}Inf"),
            None => write!(f, "{:.6}", self.0),
        }
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_finite() {
            return Fixed(self.0).fmt(f);
        }
        let decimal = Decimal::of(self.0);
        match decimal.exponent {
            -4..6 => decimal.write_plain(f),
            exponent @ ..0 => write!(f, "{}e-{:02}", decimal.mantissa(), -exponent),
            exponent => write!(f, "{}e+{exponent:02}", decimal.mantissa()),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sign) = infinity(self.0) {
            return write!(f, "{}Infinity", sign.trim_start_matches('+'));
        }
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        let decimal = Decimal::of(self.0);
        match decimal.exponent {
            -6..21 => decimal.write_plain(f),
            exponent => write!(f, "{}e{exponent:+}", decimal.mantissa()),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Go counts in signed nanoseconds, so that the far future is the past.
        match Timestamp::from_nanosecond(i128::from(self.0 as i64)) {
            Ok(time) => write!(f, "{}", time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC")),
            Err(_) => write!(f, "{}", self.0), // never: jiff knows the years up to 9999
        }
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A finite number in as few digits as tell it from every other.
struct Decimal {
    sign: &'static str,
    digits: String,
    /// The power of ten of the first digit.
    exponent: i32,
}

impl Decimal {
    fn of(number: f64) -> Self {
        let shortest = format!("{:e}", number.abs());
        // Where two numbers of this length are equally near, Go takes the even one and Rust the
        // greater one, unless it is asked for a length.
        let places = shortest.find('e').unwrap_or_default().saturating_sub(2);
        let even = format!("{:.places$e}", number.abs());
        let text = if even.parse() == Ok(number.abs()) {
            even
        } else {
            shortest
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self {
            sign: if number.is_sign_negative() { "-" } else { "" },
            digits: mantissa.replace('.', ""),
            exponent: exponent.parse().unwrap_or_default(),
        }
    }

    /// The number without its power of ten: a point behind the first digit, if there are more.
    fn mantissa(&self) -> String {
        let (first, rest) = self.digits.split_at_checked(1).unwrap_or_default();
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{first}{point}{rest}", self.sign)
    }

    fn write_plain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sign,
            digits,
            exponent,
        } = self;
        let Ok(above_one) = usize::try_from(exponent + 1) else {
            let zeros = exponent.unsigned_abs() as usize - 1;
            return write!(f, "{sign}0.{:0<zeros$}{digits}", "");
        };
        match digits.split_at_checked(above_one) {
            Some(("", _)) => write!(f, "{sign}0.{digits}"),
            Some((whole, "")) => write!(f, "{sign}{whole}"),
            Some((whole, fraction)) => write!(f, "{sign}{whole}.{fraction}"),
            None => write!(f, "{sign}{digits:0<above_one$}"),
        }
    }
}

/// The sign of an infinite number.
fn infinity(number: f64) -> Option<&'static str> {
    number
        .is_infinite()
        .then_some(if number > 0.0 { "+" } else { "-" })
}
#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Go 1.26 with `%f`, `%v` and `encoding/json`.
    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let check = |number: f64, [fixed, short, script]: [&str; 3]| {
            assert_eq!(Fixed(number).to_string(), fixed);
            assert_eq!(Short(number).to_string(), short);
            assert_eq!(Script(number).to_string(), script);
        };
        check(0.0, ["0.000000", "0", "0"]);
        check(-0.0, ["-0.000000", "-0", "-0"]);
        check(-2.5, ["-2.500000", "-2.5", "-2.5"]);
        check(0.001, ["0.001000", "0.001", "0.001"]);
        check(0.0001, ["0.000100", "0.0001", "0.0001"]);
        check(0.00001, ["0.000010", "1e-05", "0.00001"]);
        check(0.000001, ["0.000001", "1e-06", "0.000001"]);
        check(-1.5e-7, ["-0.000000", "-1.5e-07", "-1.5e-7"]);
        check(123456.0, ["123456.000000", "123456", "123456"]);
        check(1e6, ["1000000.000000", "1e+06", "1000000"]);
        check(
            12345678.5,
            ["12345678.500000", "1.23456785e+07", "12345678.5"],
        );
        check(
            1e20,
            [
                "100000000000000000000.000000",
                "1e+20",
                "100000000000000000000",
            ],
        );
        check(1e21, ["1000000000000000000000.000000", "1e+21", "1e+21"]);
    }

    /// 750546.04541015625 lies half-way between two numbers that are as short as any.
    #[test]
    fn of_two_numbers_equally_near_the_even_one_is_printed() {
        assert_eq!(
            Short(768_559_150.5 / 1024.0).to_string(),
            "750546.0454101562"
        );
        assert_eq!(Fixed(0.007_812_5).to_string(), "0.007812");
        assert_eq!(Fixed(0.023_437_5).to_string(), "0.023438");
    }

    #[test]
    fn what_is_no_number_has_a_word() {
        let check = |number: f64, [fixed, short, script]: [&str; 3]| {
            assert_eq!(Fixed(number).to_string(), fixed);
            assert_eq!(Short(number).to_string(), short);
            assert_eq!(Script(number).to_string(), script);
        };
        check(f64::NAN, ["NaN", "NaN", "NaN"]);
        check(f64::INFINITY, ["+Inf", "+Inf", "Infinity"]);
        check(f64::NEG_INFINITY, ["-Inf", "-Inf", "-Infinity"]);
    }
}
