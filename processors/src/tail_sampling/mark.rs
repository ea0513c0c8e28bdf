//! What kept spans tell of their sampling, where the configuration asks for it: who has decided, and for how many they
//! stand.

use bytes::Bytes;
use otlp::sampling::{SampledSpan, Threshold, TraceState};
use otlp::{Carrier, Levels, Malformed, Place, Signal, edit};

use super::config::Config;
use super::policies::{Decision, Policies};

/// Attributes of scopes, named as the Collector's.
const POLICY: &str = "tailsampling.policy";
const COMPOSITE_POLICY: &str = "tailsampling.composite_policy";
const CACHED_DECISION: &str = "tailsampling.cached_decision";

/// What is told of the spans of one trace; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// By its place among the policies.
    policy: Option<usize>,
    /// Of a composite policy, and the place of the one within.
    composite: Option<(usize, usize)>,
    /// They came after the decision.
    is_late: bool,
    threshold: Option<Threshold>,
}

/// What is told at all.
#[derive(Debug, Default)]
pub(super) struct Marking {
    records_policy: bool,
    writes_threshold: bool,
    /// Of the policies, and of those within composite ones.
    names: Vec<(String, Vec<String>)>,
}

// === impl Marking ===

impl Marking {
    pub(super) fn new(config: &Config, policies: &Policies) -> Self {
        Self {
            records_policy: config.record_policy,
            writes_threshold: config.record_threshold,
            names: policies.names_within(),
        }
    }

    /// What the spans of a trace that is kept are to tell.
    pub(super) fn kept(&self, decision: &Decision, policies: &Policies) -> Mark {
        let mut mark = Mark::default();
        if self.records_policy {
            mark.policy = decision.policy;
            mark.composite = policies.composite(decision);
        }
        if self.writes_threshold {
            mark.threshold = Some(policies.threshold(decision));
        }
        mark
    }

    /// The same of a span that follows what was decided of its trace.
    pub(super) fn late(&self, policy: Option<u16>) -> Mark {
        Mark {
            policy: policy.filter(|_| self.records_policy).map(usize::from),
            is_late: self.records_policy,
            ..Mark::default()
        }
    }

    /// Writes the marks into a request, one for each of its scopes in order.
    pub(super) fn write(&self, request: Vec<u8>, marks: &[Mark]) -> Vec<u8> {
        if marks.iter().all(|mark| *mark == Mark::default()) {
            return request;
        }
        let request = Bytes::from(request);
        let levels = Levels {
            item: self.writes_threshold,
            ..Levels::SCOPE
        };
        let mut marks = marks.iter();
        let mut mark = Mark::default();
        let marked = edit(Signal::Traces, &request, levels, |carrier| {
            if let Place::Item(entry) = carrier.place() {
                let body = entry.item.body;
                return mark
                    .threshold
                    .map_or(Ok(()), |threshold| lower(carrier, body, threshold));
            }
            mark = marks.next().copied().unwrap_or_default();
            self.name(carrier, &mark)
        });
        // What was built here can be read; if not it goes on as it is.
        Vec::from(marked.unwrap_or(request))
    }

    fn name(&self, carrier: &mut Carrier<'_, '_>, mark: &Mark) -> Result<(), Malformed> {
        let name = |at: usize| self.names.get(at).map(|(name, _)| name);
        let within = |(at, within): (usize, usize)| self.names.get(at)?.1.get(within);
        for (key, name) in [
            (POLICY, mark.policy.and_then(name)),
            (COMPOSITE_POLICY, mark.composite.and_then(within)),
        ] {
            if let Some(name) = name {
                carrier.attributes()?.upsert(key, &name.as_str().into());
            }
        }
        if mark.is_late {
            carrier.attributes()?.upsert(CACHED_DECISION, &true.into());
        }
        Ok(())
    }
}

/// Lets a span tell that no more than this is left of its like. It may tell of less already, or what cannot be read.
fn lower(
    carrier: &mut Carrier<'_, '_>,
    span: &[u8],
    threshold: Threshold,
) -> Result<(), Malformed> {
    let span = SampledSpan::read(span)?;
    let Ok(mut state) = TraceState::read(span.trace_state.as_bytes()) else {
        return Ok(());
    };
    if state.threshold().is_none_or(|own| own <= threshold) {
        state.set_threshold(threshold);
        carrier.set_trace_state(span.trace_state, |out| state.write(out));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use otlp::{Signal, json};
    use pipeline::Shards;
    use pipeline::component::{Outbox, Processor};
    use serde_json::Value;

    use crate::fixture::{at, batch, build, host};

    const POLICIES: &str = "
decision_wait: 1s
policies:
- {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
- name: mix
  type: composite
  composite:
    max_total_spans_per_second: 1000
    composite_sub_policy:
    - {name: never, type: latency, latency: {threshold_ms: 100000}}
    - {name: named, type: string_attribute, string_attribute: {key: k, values: [v]}}
- name: half-of-them
  type: and
  and:
    and_sub_policy:
    - {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}
    - {name: all, type: always_sample}
";

    /// Spans, each with its trace and with these fields.
    fn send(sampler: &mut dyn Processor, millis: u64, spans: &[(u8, &str)], out: &mut Outbox) {
        let spans = spans.iter().map(|(trace, fields)| {
            let id = format!("{trace:02x}").repeat(16);
            format!(r#"{{"traceId":"{id}","name":"{trace}"{fields}}}"#)
        });
        let spans: Vec<_> = spans.collect();
        let text = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        );
        sampler.process(batch(Signal::Traces, &text), at(millis), out);
    }

    /// Every kept span as its name, its trace state, and the attributes of its scope.
    fn kept(out: &mut Outbox) -> Vec<String> {
        let mut found = Vec::new();
        for batch in out.drain() {
            let text = json::encode(Signal::Traces, &batch.chunks()[0].bytes).unwrap();
            let request: Value = serde_json::from_slice(&text).unwrap();
            let resources = request["resourceSpans"].as_array().unwrap().iter();
            for scope in resources.flat_map(|resource| resource["scopeSpans"].as_array().unwrap()) {
                let attributes = scope["scope"]["attributes"].as_array();
                let attributes = attributes.into_iter().flatten().map(|pair| {
                    let (value, key) = (&pair["value"], pair["key"].as_str().unwrap());
                    let text = value["stringValue"].as_str().unwrap_or("true");
                    format!(
                        " {}={text}",
                        key.strip_prefix("tailsampling.").unwrap_or(key)
                    )
                });
                let attributes: String = attributes.collect();
                for span in scope["spans"].as_array().unwrap() {
                    let state = span["traceState"].as_str().unwrap_or("-");
                    found.push(format!(
                        "{} {state}{attributes}",
                        span["name"].as_str().unwrap()
                    ));
                }
            }
        }
        found.sort();
        found
    }

    const ERROR: &str = r#","status":{"code":2}"#;
    const NAMED: &str = r#","attributes":[{"key":"k","value":{"stringValue":"v"}}]"#;

    fn check(keys: &str, spans: &[(u8, &str)], expected: &[&str]) {
        let mut sampler = build("tail_sampling", &format!("{keys}{POLICIES}"), &host());
        let mut out = Outbox::default();
        send(sampler.as_mut(), 0, spans, &mut out);
        sampler.tick(at(1250), &mut out);
        assert_eq!(kept(&mut out), expected, "{keys}");
    }

    #[test]
    fn scopes_of_kept_spans_name_the_policies_that_decided_if_they_are_to() {
        let spans = [(0xe1, ERROR), (0xe2, ERROR), (0xa1, NAMED)];
        let plain = ["161 -", "225 -", "226 -"];
        check("", &spans, &plain);
        check(
            "record_policy: true",
            &spans,
            &[
                "161 - policy=mix composite_policy=named",
                "225 - policy=errors",
                "226 - policy=errors",
            ],
        );
    }

    #[test]
    fn a_late_span_says_that_it_follows_a_decision_and_whose() {
        let yaml = format!("record_policy: true{POLICIES}");
        let mut sampler = build("tail_sampling", &yaml, &host());
        let mut out = Outbox::default();
        send(sampler.as_mut(), 0, &[(1, ERROR)], &mut out);
        sampler.tick(at(1250), &mut out);
        kept(&mut out);
        send(sampler.as_mut(), 2000, &[(1, "")], &mut out);
        let late = ["1 - policy=errors cached_decision=true"];
        assert_eq!(kept(&mut out), late);
        // It says so also when another policy stands there since.
        let first = "policies:\n- {name: first, type: latency, latency: {threshold_ms: 1}}";
        let yaml = yaml.replace("policies:", first);
        let mut heir = build("tail_sampling", &yaml, &host());
        let state = sampler.yield_state(Shards::new(1)).remove(0);
        heir.adopt(state, at(3000), &mut out);
        send(heir.as_mut(), 3000, &[(1, "")], &mut out);
        assert_eq!(kept(&mut out), late);
        // Of one that is gone nothing can be said.
        let without = build("tail_sampling", &yaml.replace("errors", "faults"), &host());
        let mut sampler = std::mem::replace(&mut heir, without);
        let state = sampler.yield_state(Shards::new(1)).remove(0);
        heir.adopt(state, at(4000), &mut out);
        send(heir.as_mut(), 4000, &[(1, "")], &mut out);
        assert_eq!(kept(&mut out), ["1 - cached_decision=true"]);
    }

    #[test]
    fn kept_spans_tell_for_how_many_they_stand_if_they_are_to() {
        let lower = (1_u8..).find(|trace| {
            let mut sampler = build("tail_sampling", POLICIES, &host());
            let mut out = Outbox::default();
            send(sampler.as_mut(), 0, &[(*trace, "")], &mut out);
            sampler.tick(at(1250), &mut out);
            !kept(&mut out).is_empty()
        });
        let trace = lower.unwrap();
        let state = |state: &str| format!(r#","traceState":"{state}""#);
        let (quarter, sixteenth, bad) = (state("v=x,ot=th:4"), state("ot=th:f"), state("broken"));
        let spans = [
            (trace, ""),
            (trace, &quarter),
            (trace, &sixteenth),
            (trace, &bad),
        ];
        let told = |text: &str| format!("{trace} {text}");
        let expected = ["broken", "ot=th:8", "ot=th:8,v=x", "ot=th:f"].map(told);
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check("record_threshold: true", &spans, &expected);
        // An error is kept whatever the dice say.
        let failing = [(trace, ERROR)];
        check("record_threshold: true", &failing, &[&told("ot=th:0")]);
    }
}
