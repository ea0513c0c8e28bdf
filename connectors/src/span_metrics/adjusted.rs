//! For how many spans one stands that a sampler has kept, by the threshold in its trace state.

use otlp::view::Span;

/// The threshold has this many hexadecimal digits, those at the end that are zero left out.
const DIGITS: usize = 14;
const WHOLE: u64 = 1 << 56;

/// Counts spans by the [threshold](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/) of
/// their sampling. A count that is no whole number is rounded up or down at random, so that the sum is right.
#[derive(Debug)]
pub(super) struct Adjusted {
    random: u64,
}

impl Default for Adjusted {
    fn default() -> Self {
        Self {
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }
}

impl Adjusted {
    /// The count, and whether the trace state says it.
    pub(super) fn count(&mut self, span: &Span<'_>) -> (u64, bool) {
        if span.trace_state.is_empty() {
            return (1, false);
        }
        match threshold(span) {
            Some(threshold) => (self.divide(WHOLE, WHOLE - threshold), true),
            None => (1, false),
        }
    }

    fn divide(&mut self, whole: u64, part: u64) -> u64 {
        let (count, rest) = (whole / part, whole % part);
        count + u64::from(rest > 0 && self.next() % part < rest)
    }

    /// Marsaglia's xorshift with a multiplication behind it.
    fn next(&mut self) -> u64 {
        let mut x = self.random;
        x ^= x << 12;
        x ^= x >> 25;
        x ^= x << 27;
        self.random = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

fn threshold(span: &Span<'_>) -> Option<u64> {
    let mut values = span.trace_state_entry("ot").ok()??.split(';');
    let digits = values.find_map(|value| value.strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return None;
    }
    let value = u64::from_str_radix(digits, 16).ok()?;
    Some(value << (4 * (DIGITS - digits.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(state: &str) -> Span<'_> {
        let mut span = Span::default();
        span.trace_state = state.into();
        span
    }

    fn count(state: &str) -> (u64, bool) {
        let span = span(state);
        Adjusted::default().count(&span)
    }

    #[test]
    fn a_threshold_says_for_how_many_spans_one_stands() {
        assert_eq!(count(""), (1, false));
        assert_eq!(count("other=th:8"), (1, false));
        assert_eq!(count("ot=rv:abcdabcdabcdff"), (1, false));
        assert_eq!(count("ot=th:0"), (1, true));
        assert_eq!(count("ot=th:8"), (2, true));
        assert_eq!(count("a=b,ot=rv:1;th:c"), (4, true));
        assert_eq!(count("ot=th:ffffffffffffff"), (WHOLE, true));
    }

    #[test]
    fn a_threshold_that_is_none_is_left_out() {
        for state in ["ot=th:", "ot=th:g", "ot=th:000000000000001", "ot=th:+8"] {
            assert_eq!(count(state), (1, false), "{state}");
        }
    }

    #[test]
    fn counts_that_are_no_whole_numbers_are_right_in_the_sum() {
        let span = span("ot=th:1");
        let mut adjusted = Adjusted::default();
        let total: u64 = (0..15_000).map(|_| adjusted.count(&span).0).sum();
        // One of sixteen is dropped: 16/15 each.
        assert!(total.abs_diff(16_000) < 200, "{total}");
    }
}
