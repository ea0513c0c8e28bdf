//! What single policies looked at, as a person would say it.

use std::fmt::Write;
use std::time::Duration;

use super::Vote;
use super::config::{
    Latency, NumericAttribute, Probabilistic, SpanCount, StringAttribute, TraceState,
};

/// Texts of a configuration that are quoted; of more, the first few say what they are about.
const QUOTED_MAX: usize = 4;

/// A value with its unit, for programs, beside the words for people.
pub(super) type Measured = Option<(f64, &'static str)>;

pub(super) fn latency(own: &Latency, millis: i64) -> String {
    let took = millis_text(millis);
    let limit = millis_text(own.threshold_ms);
    if millis <= own.threshold_ms {
        let sign = if millis < own.threshold_ms { "<" } else { "=" };
        return format!("latency {took} {sign} {limit}");
    }
    match own.upper_threshold_ms {
        0 => format!("latency {took} > {limit}"),
        upper if millis > upper => format!("latency {took} > {}", millis_text(upper)),
        upper => format!("{limit} < latency {took} ≤ {}", millis_text(upper)),
    }
}

pub(super) fn probability(own: &Probabilistic, percent: f64, vote: Vote) -> String {
    let sign = if vote == Vote::Sampled { "≤" } else { ">" };
    format!(
        "the trace id falls at {percent:.4} % {sign} {} %",
        own.sampling_percentage
    )
}

pub(super) fn span_count(own: &SpanCount, spans: u64) -> String {
    let (min, max) = (i64::from(own.min_spans), i64::from(own.max_spans));
    let count = i64::try_from(spans).unwrap_or(i64::MAX);
    if count < min {
        format!("{spans} spans < {min}")
    } else if max != 0 && count > max {
        format!("{spans} spans > {max}")
    } else if max != 0 {
        format!("{min} ≤ {spans} spans ≤ {max}")
    } else {
        format!("{spans} spans ≥ {min}")
    }
}

pub(super) fn bucket(
    wanted: u64,
    there: Option<u64>,
    vote: Vote,
    unit: &'static str,
) -> (String, Measured) {
    let sign = if vote == Vote::Sampled { "≤" } else { ">" };
    let there = there.unwrap_or_default();
    let text = format!("{wanted} {unit} {sign} {there} that the rate allowed at that time");
    (text, Some((there as f64, unit)))
}

pub(super) fn number_within(own: &NumericAttribute, number: Option<u64>) -> String {
    let bounds = match (own.min_value, own.max_value) {
        (min, 0) => format!("≥ {min}"),
        (0, max) => format!("≤ {max}"),
        (min, max) => format!("from {min} to {max}"),
    };
    match number {
        Some(number) => format!("attribute {:?} = {}, {bounds}", own.key, number as i64),
        None => format!("attribute {:?} {bounds}", own.key),
    }
}

pub(super) fn text_of(own: &StringAttribute, number: Option<u64>) -> String {
    let hit = number.and_then(|at| own.values.get(usize::try_from(at).ok()?));
    let quoted: Vec<_> = match hit {
        Some(hit) => vec![format!("{hit:?}")],
        None => own
            .values
            .iter()
            .map(|value| format!("{value:?}"))
            .collect(),
    };
    let verb = match own.enabled_regex_matching {
        true => "that matches",
        false => "with the value",
    };
    format!("attribute {:?} {verb} {}", own.key, any_of(&quoted))
}

pub(super) fn trace_state(own: &TraceState) -> String {
    let quoted = own
        .values
        .iter()
        .map(|value| format!("{}={value}", own.key));
    let quoted: Vec<_> = quoted.collect();
    format!("trace state {}", any_of(&quoted))
}

/// `a, b or 7 more`.
pub(super) fn any_of(texts: &[String]) -> String {
    let shown = texts.iter().take(QUOTED_MAX).cloned().collect::<Vec<_>>();
    match (texts.len() - shown.len(), shown.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, others))) => format!("{} or {last}", others.join(", ")),
        (more, _) => format!("{} or {more} more", shown.join(", ")),
    }
}

/// `812 ms`, `1.5 s`, `4 min 10 s`.
pub(in super::super) fn time_text(time: Duration) -> String {
    const STEPS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let millis = time.as_millis();
    let seconds = time.as_secs();
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    if seconds < 60 {
        return format!("{} s", millis as f64 / 1e3);
    }
    // The two largest units that are there.
    let mut rest = seconds;
    let mut text = String::new();
    let mut shown = 0;
    for (step, unit) in STEPS {
        let count = rest / step;
        rest %= step;
        if shown == 2 || (count == 0 && shown == 0) {
            continue;
        }
        shown += 1;
        if count > 0 {
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a text cannot fail.
            let _ = write!(text, "{space}{count} {unit}");
        }
    }
    text
}

fn millis_text(millis: i64) -> String {
    let text = time_text(Duration::from_millis(millis.unsigned_abs()));
    if millis < 0 {
        format!("−{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_two_largest_units() {
        let check = |millis: u64, text: &str| {
            assert_eq!(time_text(Duration::from_millis(millis)), text);
        };
        check(0, "0 ms");
        check(812, "812 ms");
        check(1_000, "1 s");
        check(3_250, "3.25 s");
        check(60_000, "1 min");
        check(250_900, "4 min 10 s");
        check(3_600_000, "1 h");
        check(3_605_000, "1 h");
        check(90_000_000, "1 d 1 h");
    }
}
