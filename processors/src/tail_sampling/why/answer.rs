//! Decisions in words and in JSON.

use std::time::Duration;

use pipeline::Now;
use pipeline::component::Answer;
use serde::Serialize;
use serde_json::Value;

use super::super::cache::Verdict;
use super::super::id::TraceId;
use super::super::policies::{Charter, Measures, Said, time_text};
use super::Why;
use super::record::{Cause, Outcome, Record};

/// What is asked, with what others know of the trace.
pub(in super::super) struct Asked<'a> {
    pub(in super::super) id: &'a TraceId,
    pub(in super::super) shows_values: bool,
    pub(in super::super) waiting: Option<Waiting>,
    /// What the late spans of the trace would follow.
    pub(in super::super) followed: Option<Verdict>,
}

/// A trace that has not been decided.
pub(in super::super) struct Waiting {
    pub(in super::super) spans: u32,
    pub(in super::super) bytes: u64,
    pub(in super::super) has_root: bool,
    pub(in super::super) due: Duration,
    /// The next span may decide it.
    pub(in super::super) decides_on_arrival: bool,
}

/// What one instance says of a trace.
#[derive(Debug, Serialize)]
struct Told<'a> {
    processor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a str>,
    /// `decided`, `pending`, `aged_out` or `never_seen`.
    state: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Outcome>,
    /// How far back every decision is remembered.
    reaches_back_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<Pending>,
    /// The newest first. There are several if the trace was forgotten and came again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decisions: Vec<Decision>,
}

#[derive(Debug, Serialize)]
struct Pending {
    decided_in_seconds: f64,
    spans: u32,
    bytes: u64,
    root_seen: bool,
}

#[derive(Debug, Serialize)]
struct Decision {
    verdict: Outcome,
    /// The policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    cause: Cause,
    text: String,
    /// Of the decision and of the spans before it, milliseconds since the epoch.
    decided_unix_ms: u64,
    first_span_unix_ms: u64,
    last_span_unix_ms: u64,
    decided_seconds_ago: f64,
    waited_seconds: f64,
    spans: u32,
    late_spans: u32,
    bytes: u64,
    latency_ms: i64,
    root_seen: bool,
    policies: Vec<Said>,
}

impl Why {
    pub(in super::super) fn answer(&self, asked: &Asked<'_>, now: Now) -> Answer {
        let found = self.ring.find(asked.id, now.mono).into_iter();
        let decisions =
            found.map(|(record, charter)| decision(&record, charter, asked.shows_values, now));
        let decisions: Vec<_> = decisions.collect();
        let reach = self.reach_at(now.mono);
        let (state, text) = match (&asked.waiting, decisions.first(), asked.followed) {
            (Some(waiting), _, _) => ("pending", pending_text(waiting, now)),
            (None, Some(newest), _) => ("decided", newest.text.clone()),
            (None, None, Some(verdict)) => ("aged_out", aged_text(verdict, reach)),
            (None, None, None) => ("never_seen", self.never_text(reach, now)),
        };
        let followed = asked
            .followed
            .map(outcome_of)
            .filter(|_| asked.waiting.is_none());
        let told = Told {
            processor: &self.label.id,
            pipeline: self.label.pipeline.as_deref(),
            state,
            text,
            verdict: decisions.first().map(|newest| newest.verdict).or(followed),
            reaches_back_seconds: seconds(reach.unwrap_or_default()),
            pending: asked.waiting.as_ref().map(|waiting| Pending {
                decided_in_seconds: seconds(waiting.due.saturating_sub(now.mono)),
                spans: waiting.spans,
                bytes: waiting.bytes,
                root_seen: waiting.has_root,
            }),
            decisions,
        };
        // Texts and numbers alone, which cannot fail.
        let value = serde_json::to_value(&told).unwrap_or(Value::Null);
        match state {
            "decided" | "pending" => Answer::Known(value),
            _ => Answer::Unknown(value),
        }
    }

    fn never_text(&self, reach: Option<Duration>, now: Now) -> String {
        match reach.map(time_text) {
            None => "never seen; nothing has been decided here so far".to_owned(),
            Some(reach) if self.ring.forgotten(now.mono).is_some() => {
                format!("never seen in the last {reach}; what was decided before that is forgotten")
            }
            Some(reach) => {
                format!("never seen; every decision since the first, {reach} ago, is remembered")
            }
        }
    }
}

fn decision(record: &Record<'_>, charter: &Charter, shows_values: bool, now: Now) -> Decision {
    let decided = &record.decided;
    let measures = Measures {
        id: decided.id,
        spans: decided.spans.into(),
        bytes: decided.bytes,
        millis: decided.millis,
    };
    let ago = |moment: Duration| now.mono.saturating_sub(moment);
    let unix_ms = |moment| now.unix_nanos.saturating_sub(ago(moment).as_nanos() as u64) / 1_000_000;
    let policy = decided.policy.and_then(|at| charter.name(at));
    let waited = decided.at.saturating_sub(decided.first);
    Decision {
        verdict: decided.outcome,
        policy: policy.map(str::to_owned),
        cause: decided.cause,
        text: decision_text(record, policy, waited),
        decided_unix_ms: unix_ms(decided.at),
        first_span_unix_ms: unix_ms(decided.first),
        last_span_unix_ms: unix_ms(decided.last),
        decided_seconds_ago: seconds(ago(decided.at)),
        waited_seconds: seconds(waited),
        spans: decided.spans,
        late_spans: record.late,
        bytes: decided.bytes,
        latency_ms: decided.millis,
        root_seen: decided.has_root,
        policies: match decided.outcome {
            Outcome::Sampled | Outcome::NotSampled | Outcome::Dropped => {
                charter.tell(decided.trail, &measures, shows_values)
            }
            Outcome::TooLarge | Outcome::Evicted | Outcome::Abandoned => Vec::new(),
        },
    }
}

fn decision_text(record: &Record<'_>, policy: Option<&str>, waited: Duration) -> String {
    let decided = &record.decided;
    let policy = policy.unwrap_or("a policy");
    let what = match decided.outcome {
        Outcome::Sampled => format!("sampled by {policy}"),
        Outcome::NotSampled => "not sampled: no policy kept it".to_owned(),
        Outcome::Dropped => format!("dropped by {policy}"),
        Outcome::TooLarge => format!("dropped: too large at {} bytes", decided.bytes),
        Outcome::Evicted => "dropped undecided".to_owned(),
        Outcome::Abandoned => "dropped undecided".to_owned(),
    };
    let why = match decided.cause {
        Cause::Due => "",
        Cause::Overflow => ", before its time, to make room for others",
        Cause::SpanLimit => ", before its time, as it had more spans than one trace may",
        Cause::SizeLimit => "",
        Cause::Shutdown => ", before its time, as the service stopped",
        Cause::Arrival => ", on arrival",
    };
    let plural = if decided.spans == 1 { "" } else { "s" };
    let late = match record.late {
        0 => String::new(),
        1 => "; 1 span came later".to_owned(),
        late => format!("; {late} spans came later"),
    };
    format!(
        "{what}, {} after its first span, with {} span{plural}{why}{late}",
        time_text(waited),
        decided.spans
    )
}

fn pending_text(waiting: &Waiting, now: Now) -> String {
    let left = time_text(waiting.due.saturating_sub(now.mono));
    let plural = if waiting.spans == 1 { "" } else { "s" };
    let sooner = if waiting.decides_on_arrival {
        ", or when a span settles it"
    } else {
        ""
    };
    format!(
        "pending with {} span{plural} so far, decided in {left}{sooner}",
        waiting.spans
    )
}

fn aged_text(verdict: Verdict, reach: Option<Duration>) -> String {
    let verdict = match verdict {
        Verdict::Sampled => "sampled",
        Verdict::Ended => "not sampled",
    };
    let reach = time_text(reach.unwrap_or_default());
    format!("{verdict}, but why has aged out: memory reaches back {reach}")
}

fn outcome_of(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Sampled => Outcome::Sampled,
        Verdict::Ended => Outcome::NotSampled,
    }
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}
