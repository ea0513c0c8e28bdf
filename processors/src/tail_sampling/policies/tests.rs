//! What each policy says, by the YAML that users write and the spans that they send.

use std::time::Duration;

use otlp::view::Request;
use otlp::{Signal, json};

use super::*;

/// Policies from a list in YAML's flow style.
fn policies(yaml: &str) -> Policies {
    Policies::new(&configs(yaml), 1, false).unwrap()
}

fn configs(yaml: &str) -> Vec<PolicyConfig> {
    let json: serde_json::Value = serde_json::from_str(yaml).unwrap();
    serde_json::from_value(json).unwrap()
}

fn facts(policies: &Policies, resource: &str, spans: &[&str]) -> Facts {
    let text = format!(
        r#"{{"resourceSpans":[{{"resource":{{{resource}}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    let bytes = json::decode(Signal::Traces, text.as_bytes()).unwrap();
    let mut facts = policies.nothing();
    for group in Request::new(Signal::Traces, &bytes).resource_groups() {
        let group = group.unwrap();
        let found = policies.see_resource(group.attributes());
        for scope in group.scope_groups() {
            let scope = scope.unwrap();
            for item in scope.items() {
                let item = item.unwrap();
                let around = Around {
                    resource: &group,
                    scope: &scope,
                    found: &found,
                };
                let trace = item.span().unwrap().unwrap().trace_id;
                let span = policies.see(&around, trace, item.body, &mut facts);
                assert!(span.unwrap().is_some());
            }
        }
    }
    facts
}

const ID: TraceId = [7; 16];

fn vote(policy: &str, resource: &str, spans: &[&str]) -> Vote {
    let mut policies = policies(&format!(r#"[{{"name":"p",{policy}}}]"#));
    let facts = facts(&policies, resource, spans);
    policies
        .decide(&Trace {
            id: &ID,
            facts: &facts,
            now: Duration::ZERO,
        })
        .vote
}

/// One policy, one span.
fn check(policy: &str, span: &str, keeps: bool) {
    let expected = if keeps {
        Vote::Sampled
    } else {
        Vote::NotSampled
    };
    assert_eq!(vote(policy, "", &[span]), expected, "{policy} {span}");
}

fn attribute(key: &str, value: &str) -> String {
    format!(r#""attributes":[{{"key":"{key}","value":{{{value}}}}}]"#)
}

#[test]
fn a_status_is_one_of_the_codes_of_any_span() {
    let policy = r#""type":"status_code","status_code":{"status_codes":["ERROR","UNSET"]}"#;
    check(policy, r#"{"status":{"code":2}}"#, true);
    check(policy, r#"{"status":{"code":1}}"#, false);
    check(policy, "{}", true);
    check(policy, r#"{"status":{"code":9}}"#, false);
    assert_eq!(
        vote(
            policy,
            "",
            &[r#"{"status":{"code":1}}"#, r#"{"status":{"code":2}}"#]
        ),
        Vote::Sampled
    );
}

#[test]
fn latency_is_from_the_first_start_to_the_last_end() {
    let spans = [
        r#"{"startTimeUnixNano":"1000000000","endTimeUnixNano":"1100000000"}"#,
        r#"{"startTimeUnixNano":"1050000000","endTimeUnixNano":"1500000000"}"#,
    ];
    let check = |threshold: &str, keeps: bool| {
        let policy = format!(r#""type":"latency","latency":{{{threshold}}}"#);
        for spans in [[spans[0], spans[1]], [spans[1], spans[0]]] {
            assert_eq!(
                vote(&policy, "", &spans),
                Vote::keep_if(keeps),
                "{threshold}"
            );
        }
    };
    check(r#""threshold_ms":499"#, true);
    check(r#""threshold_ms":500"#, false);
    check(r#""threshold_ms":100,"upper_threshold_ms":500"#, true);
    check(r#""threshold_ms":100,"upper_threshold_ms":499"#, false);
}

#[test]
fn times_that_are_missing_or_backwards_are_no_latency() {
    let policy = r#""type":"latency","latency":{"threshold_ms":1000}"#;
    check(policy, "{}", false);
    check(
        policy,
        r#"{"startTimeUnixNano":"5000000000","endTimeUnixNano":"1"}"#,
        false,
    );
    let late =
        r#"{"startTimeUnixNano":"1795262759000000000","endTimeUnixNano":"1795262759100000000"}"#;
    assert_eq!(
        vote(policy, "", &[late, r#"{"endTimeUnixNano":"0"}"#]),
        Vote::NotSampled
    );
    for overflowing in [
        r#"{"startTimeUnixNano":"1795262759000000000","endTimeUnixNano":"18446744073709551615"}"#,
        r#"{"startTimeUnixNano":"1795262759000000000","endTimeUnixNano":"9223372036854775808"}"#,
    ] {
        check(policy, overflowing, false);
        assert_eq!(vote(policy, "", &[late, overflowing]), Vote::NotSampled);
        let slow = late.replace("27591", "27691");
        assert_eq!(vote(policy, "", &[overflowing, &slow]), Vote::Sampled);
    }
}

#[test]
fn attributes_are_looked_for_on_spans_and_resources() {
    let check = |policy: &str, key: &str, value: &str, keeps: bool| {
        let attributes = attribute(key, value);
        let span = format!("{{{attributes}}}");
        assert_eq!(
            vote(policy, "", &[&span]),
            Vote::keep_if(keeps),
            "{policy} {value} on a span"
        );
        assert_eq!(
            vote(policy, &attributes, &["{}"]),
            Vote::keep_if(keeps),
            "{policy} {value} on a resource"
        );
    };
    let string =
        r#""type":"string_attribute","string_attribute":{"key":"k","values":["a","","b"]}"#;
    check(string, "k", r#""stringValue":"a""#, true);
    check(string, "k", r#""stringValue":"ab""#, false);
    check(string, "k", r#""stringValue":"""#, false);
    check(string, "x", r#""stringValue":"a""#, false);
    let regex = r#""type":"string_attribute","string_attribute":{
        "key":"k","values":["b+$","^x"],"enabled_regex_matching":true}"#;
    check(regex, "k", r#""stringValue":"abb""#, true);
    check(regex, "k", r#""stringValue":"bba""#, false);
    let not = r#""type":"string_attribute","string_attribute":{"key":"k","values":["a"],"invert_match":true}"#;
    check(not, "k", r#""stringValue":"a""#, false);
    check(not, "k", r#""stringValue":"b""#, true);
    check(not, "x", r#""stringValue":"a""#, true);
    let number = r#""type":"numeric_attribute","numeric_attribute":{"key":"k","min_value":400,"max_value":499}"#;
    check(number, "k", r#""intValue":"404""#, true);
    check(number, "k", r#""intValue":"500""#, false);
    check(number, "k", r#""doubleValue":404"#, false);
    let at_most = r#""type":"numeric_attribute","numeric_attribute":{"key":"k","max_value":499}"#;
    check(at_most, "k", r#""intValue":"-7""#, true);
    check(at_most, "k", r#""stringValue":"404""#, true);
    let boolean = r#""type":"boolean_attribute","boolean_attribute":{"key":"k","value":true}"#;
    check(boolean, "k", r#""boolValue":true"#, true);
    check(boolean, "k", r#""boolValue":false"#, false);
    check(boolean, "k", r#""stringValue":"true""#, false);
}

#[test]
fn the_first_of_several_attributes_with_one_key_counts() {
    let policy = r#""type":"string_attribute","string_attribute":{"key":"k","values":["b"]}"#;
    let twice = r#"{"attributes":[{"key":"k","value":{"stringValue":"a"}},{"key":"k","value":{"stringValue":"b"}}]}"#;
    check(policy, twice, false);
}

#[test]
fn trace_state_and_flags_come_from_any_span() {
    let state = r#""type":"trace_state","trace_state":{"key":"tenant","values":["acme"]}"#;
    check(state, r#"{"traceState":"a=b,tenant=acme"}"#, true);
    check(state, r#"{"traceState":"tenant=other"}"#, false);
    check(r#""type":"trace_flags""#, r#"{"flags":257}"#, true);
    check(r#""type":"trace_flags""#, r#"{"flags":256}"#, false);
}

#[test]
fn spans_are_counted_between_the_bounds() {
    let check = |bounds: &str, spans: usize, keeps: bool| {
        let policy = format!(r#""type":"span_count","span_count":{{{bounds}}}"#);
        assert_eq!(
            vote(&policy, "", &vec!["{}"; spans]),
            Vote::keep_if(keeps),
            "{bounds} {spans}"
        );
    };
    check(r#""min_spans":2"#, 1, false);
    check(r#""min_spans":2"#, 2, true);
    check(r#""min_spans":2,"max_spans":3"#, 3, true);
    check(r#""min_spans":2,"max_spans":3"#, 4, false);
}

#[test]
fn a_percentage_keeps_the_traces_that_the_collector_keeps() {
    let kept = |percentage: &str, salt: &str| {
        let yaml = format!(
            r#"[{{"name":"p","type":"probabilistic","probabilistic":{{
                "sampling_percentage":{percentage},"hash_salt":"{salt}"}}}}]"#
        );
        let mut policies = policies(&yaml);
        let facts = policies.nothing();
        let keeps = |number: &u64| {
            let half = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut id = [0; 16];
            id[..8].copy_from_slice(&half.to_be_bytes());
            id[8..].copy_from_slice(&(!half).to_be_bytes());
            policies
                .decide(&Trace {
                    id: &id,
                    facts: &facts,
                    now: Duration::ZERO,
                })
                .vote
                == Vote::Sampled
        };
        (0..10_000).filter(keeps).count()
    };
    // Counted by the Collector's own formula.
    assert_eq!(
        [kept("1", ""), kept("10", ""), kept("33.3", "")],
        [107, 1046, 3316]
    );
    assert_eq!(
        [kept("1", "x"), kept("10", "x"), kept("33.3", "x")],
        [95, 1043, 3401]
    );
    assert_eq!(
        [
            kept("0", ""),
            kept("100", ""),
            kept("250", ""),
            kept("-1", "")
        ],
        [0, 10_000, 10_000, 0]
    );
}

#[test]
fn conditions_in_ottl_hold_for_any_span_or_event() {
    let ottl =
        |conditions: &str| format!(r#""type":"ottl_condition","ottl_condition":{{{conditions}}}"#);
    let span = r#"{"name":"GET","events":[{"name":"exception"}]}"#;
    check(
        &ottl(r#""span":["name == \"PUT\"","name == \"GET\""]"#),
        span,
        true,
    );
    check(&ottl(r#""span":["name == \"PUT\""]"#), span, false);
    check(
        &ottl(r#""spanevent":["name == \"exception\""]"#),
        span,
        true,
    );
    check(&ottl(r#""spanevent":["name == \"other\""]"#), span, false);
    check(
        &ottl(r#""span":["resource.attributes[\"a\"] == nil and scope.name == \"\""]"#),
        span,
        true,
    );
}

#[test]
fn a_condition_without_an_answer_fails_its_policy_unless_errors_are_ignored() {
    let failing = r#""span":["Len(attributes[\"no\"]) > 1"]"#;
    let policy = |mode: &str| {
        format!(r#""type":"ottl_condition","ottl_condition":{{"error_mode":"{mode}",{failing}}}"#)
    };
    let decide = |policy: String| {
        let mut policies = policies(&format!(
            r#"[{{"name":"p",{policy}}},
                {{"name":"q","type":"not","not":{{"not_sub_policy":{{"name":"r",{policy}}}}}}}]"#
        ));
        let facts = facts(&policies, "", &["{}"]);
        policies
            .decide(&Trace {
                id: &ID,
                facts: &facts,
                now: Duration::ZERO,
            })
            .votes
            .to_vec()
    };
    assert_eq!(decide(policy("propagate")), [Vote::Failed, Vote::Failed]);
    assert_eq!(decide(policy("ignore")), [Vote::NotSampled, Vote::Sampled]);
    // In any case of letters, as there.
    assert_eq!(decide(policy("Propagate")), [Vote::Failed, Vote::Failed]);
    assert_eq!(decide(policy("IGNORE")), [Vote::NotSampled, Vote::Sampled]);
    let unset = policy("").replace(r#""error_mode":"","#, "");
    assert_eq!(decide(unset), [Vote::NotSampled, Vote::Sampled]);
}

#[test]
fn policies_combine_by_the_collector_s_rules() {
    let keep = r#"{"name":"k","type":"always_sample"}"#;
    let errors = r#"{"name":"e","type":"status_code","status_code":{"status_codes":["ERROR"]}}"#;
    let (error, fine) = (r#"{"status":{"code":2}}"#, "{}");
    let and = format!(r#""type":"and","and":{{"and_sub_policy":[{keep},{errors}]}}"#);
    check(&and, error, true);
    check(&and, fine, false);
    let not = format!(r#""type":"not","not":{{"not_sub_policy":{errors}}}"#);
    check(&not, error, false);
    check(&not, fine, true);
    let drop = format!(r#""type":"drop","drop":{{"drop_sub_policy":[{errors}]}}"#);
    assert_eq!(vote(&drop, "", &[error]), Vote::Dropped);
    assert_eq!(vote(&drop, "", &[fine]), Vote::NotSampled);
}

#[test]
fn a_drop_has_the_first_word_and_a_dry_run_has_none() {
    let decide = |list: &str| {
        let mut policies = policies(list);
        let facts = facts(&policies, "", &["{}"]);
        let decision = policies.decide(&Trace {
            id: &ID,
            facts: &facts,
            now: Duration::ZERO,
        });
        let names: Vec<&str> = policies.names().map(|(name, _)| name).collect();
        (
            decision.vote,
            decision.policy.map(|at| names[at].to_owned()),
            decision.votes.len(),
        )
    };
    let keep = r#"{"name":"keep","type":"always_sample"}"#;
    let again = r#"{"name":"again","type":"always_sample"}"#;
    let drop = r#"{"name":"drop","type":"drop","drop":{"drop_sub_policy":[{"name":"x","type":"always_sample"}]}}"#;
    let dry = r#"{"name":"dry","type":"drop","dry_run":true,"drop":{
        "drop_sub_policy":[{"name":"x","type":"always_sample"}]}}"#;
    assert_eq!(
        decide(&format!("[{keep},{again}]")),
        (Vote::Sampled, Some("keep".into()), 2)
    );
    assert_eq!(
        decide(&format!("[{keep},{drop}]")),
        (Vote::Dropped, Some("drop".into()), 1)
    );
    assert_eq!(
        decide(&format!("[{keep},{dry}]")),
        (Vote::Sampled, Some("keep".into()), 2)
    );
}

#[test]
fn a_composite_gives_each_policy_its_share_of_a_second() {
    let yaml = r#"[{"name":"c","type":"composite","composite":{"max_total_spans_per_second":10,
        "composite_sub_policy":[
            {"name":"errors","type":"status_code","status_code":{"status_codes":["ERROR"]}},
            {"name":"rest","type":"always_sample"}],
        "rate_allocation":[{"policy":"errors","percent":30}]}}]"#;
    let mut policies = policies(yaml);
    let error = facts(&policies, "", &[r#"{"status":{"code":2}}"#, "{}"]);
    let fine = facts(&policies, "", &["{}", "{}"]);
    let mut check = |facts: &Facts, millis: u64, keeps: bool| {
        let now = Duration::from_millis(millis);
        let decision = policies.decide(&Trace {
            id: &ID,
            facts,
            now,
        });
        assert_eq!(decision.vote, Vote::keep_if(keeps), "at {millis} ms");
    };
    check(&error, 0, true);
    check(&error, 1, false);
    check(&fine, 2, true);
    check(&fine, 3, true);
    check(&fine, 4, false);
    check(&error, 1000, true);
}

#[test]
fn what_is_wrong_with_a_policy_is_said_at_its_place() {
    let check = |policy: &str, path: &str, text: &str| {
        let config: PolicyConfig = serde_json::from_str(policy).unwrap();
        let problems = ::config::Validate::validate(&config);
        let found: Vec<_> = problems
            .iter()
            .map(|p| (p.path.clone(), p.text.clone()))
            .collect();
        assert!(
            found.iter().any(|(p, t)| p == path && t.contains(text)),
            "{policy}: {found:?}"
        );
    };
    check(
        r#"{"type":"always_sample"}"#,
        "name",
        "policy name cannot be empty",
    );
    check(r#"{"name":"p"}"#, "type", "unknown sampling policy type");
    check(
        r#"{"name":"p","type":"status_code"}"#,
        "status_code::status_codes",
        "at least one status code",
    );
    check(
        r#"{"name":"p","type":"and","and":{"and_sub_policy":[{"name":"x","type":"string_attribute",
            "string_attribute":{"key":"k","values":["("],"enabled_regex_matching":true}}]}}"#,
        "and::and_sub_policy[0]::string_attribute::values[0]",
        "error parsing regexp",
    );
    check(
        r#"{"name":"p","type":"ottl_condition","ottl_condition":{"span":["nmae == 1"]}}"#,
        "ottl_condition::span[0]",
        "did you mean `name`?",
    );
    check(
        r#"{"name":"p","type":"composite","composite":{"composite_sub_policy":[{"name":"a","type":"always_sample"}],
            "rate_allocation":[{"policy":"b","percent":1}]}}"#,
        "composite::rate_allocation[0]::policy",
        "no policy of the composite is named \"b\"",
    );
}
