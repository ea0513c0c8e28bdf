//! The sets of policies that both collectors judge by, and where they may differ.

use super::traces::{SINGLES, SLOTS, Trace};

const POLICIES: &str = include_str!("policies.txt");

pub(crate) struct Set {
    pub(crate) name: &'static str,
    /// The keys of `tail_sampling`, as JSON.
    pub(crate) config: String,
}

/// From the first span of a trace to its decision, in seconds: longer than it takes to send all of them to a slow
/// collector on a busy machine. Nobody waits for it: a stop decides what is there.
pub(crate) const WAIT: u64 = 600;

/// From the first half of the requests to the second, in seconds: after the decisions that a root has hastened, which
/// a second and the Collector's ticks make three.
pub(crate) const PAUSE: u64 = 4;

pub(crate) fn all() -> Vec<Set> {
    let set = |name, keys: &str, policies: Vec<String>| Set {
        name,
        config: format!(
            r#"{{"decision_wait":"{WAIT}s","num_traces":50000,{keys}"policies":[{}]}}"#,
            policies.join(",")
        ),
    };
    let mut counts = dealt("counts");
    counts.extend(singles(
        r#""type":"rate_limiting","rate_limiting":{"spans_per_second":1,"burst_capacity":4}"#,
    ));
    counts.extend(singles(
        r#""type":"bytes_limiting","bytes_limiting":{"bytes_per_second":1,"burst_capacity":1000}"#,
    ));
    let mut composites = named("composites");
    composites.extend((0..SINGLES).map(single_composite));
    vec![
        set("status", "", dealt("status")),
        set("latency", "", dealt("latency")),
        set("text", "", dealt("text")),
        set("patterns", "", dealt("patterns")),
        set("numbers", "", dealt("numbers")),
        set("booleans", "", dealt("booleans")),
        set("chance", "", dealt("chance")),
        set("state", "", dealt("state")),
        set("counts", "", counts),
        set("conditions", "", dealt("conditions")),
        set("events", "", dealt("events")),
        set("composite", "", composites),
        set("drops", "", named("drops")),
        set("first", r#""sample_on_first_match":true,"#, named("first")),
        set(
            "root",
            r#""decision_wait_after_root_received":"1s","#,
            named("root"),
        ),
        set(
            "large",
            r#""maximum_trace_size_bytes":3000,"#,
            named("large"),
        ),
        set("blog", "", named("blog")),
    ]
}

/// Why the verdict of a trace may be another one than the Collector's: a sentence of the reference.
pub(crate) fn reason(set: &str, trace: &Trace) -> Option<&'static str> {
    let slot = trace.slot as usize;
    match set {
        "latency" if LATENCY_BOUNDED.contains(&slot) => {
            Some("with an upper threshold the order of the spans counts there")
        }
        "latency" | "drops" | "composite" | "blog" if trace.has_odd_times => {
            Some("A start that is missing, and times after the year 2262, do not count")
        }
        "conditions" if policies("conditions").nth(slot).is_some_and(tells_errors) => {
            Some("fails for one span and holds for another keeps the trace")
        }
        "counts" if is_about(trace, 1000) => Some(RESOURCES),
        "large" if is_about(trace, 3000) => Some(RESOURCES),
        _ => None,
    }
}

const RESOURCES: &str = "count the spans, without their resources";

/// Whether the spans are within so many bytes, and with their resources may be beyond.
fn is_about(trace: &Trace, bytes: u64) -> bool {
    const RESOURCE_BYTES_MAX: u64 = 300;
    (trace.bytes..trace.bytes + trace.spans * RESOURCE_BYTES_MAX).contains(&bytes)
}

fn tells_errors(policy: &str) -> bool {
    policy.contains("propagate")
}

/// The policies of a section, as they stand there.
fn policies(section: &str) -> impl Iterator<Item = &'static str> {
    let heading = format!("\n= {section}\n");
    let (_, policies) = POLICIES.split_once(&heading).unwrap();
    policies.lines().take_while(|line| !line.is_empty())
}

/// A policy for each slot: what it says counts for the traces of its slot alone.
fn dealt(section: &str) -> Vec<String> {
    assert!(policies(section).count() <= SLOTS as usize);
    policies(section)
        .enumerate()
        .map(|(at, policy)| chosen("slot", at as u64, policy))
        .collect()
}

/// A policy for each of the traces that are alone, so that nothing but the trace empties its bucket.
fn singles(policy: &str) -> Vec<String> {
    (0..SINGLES).map(|at| chosen("only", at, policy)).collect()
}

fn chosen(key: &str, at: u64, policy: &str) -> String {
    let kind = policy.len();
    format!(
        r#"{{"name":"{key}-{at}-{kind}","type":"and","and":{{"and_sub_policy":[
            {{"name":"chosen","type":"string_attribute","string_attribute":{{"key":"{key}","values":["{at}"]}}}},
            {{"name":"asked",{policy}}}]}}}}"#
    )
}

fn single_composite(at: u64) -> String {
    let chosen = chosen("only", at, r#""type":"always_sample""#);
    format!(
        r#"{{"name":"composite-{at}","type":"composite","composite":{{"max_total_spans_per_second":8,
            "policy_order":["a"],"composite_sub_policy":[{chosen}],
            "rate_allocation":[{{"policy":"only-{at}-22","percent":50}}]}}}}"#
    )
}

fn named(section: &str) -> Vec<String> {
    policies(section)
        .enumerate()
        .map(|(at, policy)| format!(r#"{{"name":"policy-{at}",{policy}}}"#))
        .collect()
}

/// The policies of `latency` with an upper threshold.
const LATENCY_BOUNDED: std::ops::Range<usize> = 8..11;
