//! Numbers, times and ids as Go prints them.

use std::fmt;

use jiff::Timestamp;

/// `%f`: six places behind the point.
pub(super) struct Fixed(pub(super) f64);

/// `%v`: as many digits as the number needs, in powers of ten from a million on and below 0.0001.
pub(super) struct Short(pub(super) f64);

/// A number in JSON and JavaScript, with words for what JSON has none. It is in powers of ten from
/// 1e21 on and below 0.000001.
pub(super) struct Script(pub(super) f64);

/// Nanoseconds since the Unix epoch, in UTC.
pub(super) struct Time(pub(super) u64);

/// A trace or span id in hex; nothing if it is not set.
pub(super) struct Id<'a>(pub(super) &'a [u8]);

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
        if let Some(sign) = infinity(self.0) {
            return write!(f, "{sign}Inf");
        }
        match Scientific::of(self.0) {
            Some(Scientific { digits, exponent }) if !(-4..6).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                write!(f, "{digits}e{sign}{:02}", exponent.unsigned_abs())
            }
            _ => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sign) = infinity(self.0) {
            return write!(f, "{}Infinity", sign.trim_start_matches('+'));
        }
        match Scientific::of(self.0) {
            Some(Scientific { digits, exponent }) if !(-6..21).contains(&exponent) => {
                write!(f, "{digits}e{exponent:+}")
            }
            _ => write!(f, "{}", self.0),
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

/// A number as digits and a power of ten.
struct Scientific {
    digits: String,
    exponent: i32,
}

impl Scientific {
    /// `None` for what has no digits.
    fn of(number: f64) -> Option<Self> {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e')?;
        Some(Self { digits: digits.to_owned(), exponent: exponent.parse().ok()? })
    }
}

/// The sign of an infinite number.
fn infinity(number: f64) -> Option<&'static str> {
    number.is_infinite().then_some(if number > 0.0 { "+" } else { "-" })
}
#[cfg(test)]
mod fuzz_tmp {
    use super::*;
    #[test]
    fn tmp() {
        let (mut bad, mut n, mut exps, mut expf) = (0, 0, 0,0);
        for line in std::fs::read_to_string("/tmp/dbg/floats.tsv").unwrap().lines() {
            n += 1;
            let c: Vec<&str> = line.split('\t').collect();
            let f = f64::from_bits(c[0].parse().unwrap());
            let got = [Fixed(f).to_string(), Short(f).to_string(), Script(f).to_string(), Time(c[4].parse().unwrap()).to_string()];
            let want = [c[1], c[2], c[3], c[5]];
            if got != want { bad += 1; if bad < 10 { eprintln!("{got:?} {want:?}"); } }
            let sc: i32 = c[6].parse().unwrap();
            let ix: f64 = c[7].parse().unwrap();
            let e = (ix * (std::f64::consts::LN_2 * (-f64::from(sc)).exp2())).exp();
            if Short(e).to_string() != c[8] { exps += 1; }
            if Fixed(e).to_string() != c[9] { expf += 1; }
        }
        panic!("{bad} of {n}; exp {exps} {expf}");
    }
}
