//! What the Go Collector answers, condition by condition: `tests/interop/ottl` writes the table.
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use otlp::view::{Request, SpanEvent};
use otlp::{Signal, json};
use ottl::{Condition, Context, Scene};

const SPANS: &str = include_str!("collector/span.json");
const TABLE: &str = include_str!("collector/table.txt");

/// Conditions whose answer differs: the condition, our answer, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("status == nil", "fault", LEADS_NOWHERE),
    (
        "IsRootSpan(1)",
        "fault",
        "it takes nothing, and whoever gives it something errs",
    ),
    (
        "attributes[\"tags\"][1 - 1] == \"a\"",
        "yes",
        "an index may be calculated",
    ),
    (
        "attributes[Concat([\"ro\", \"ute\"], \"\")] == \"/cart\"",
        "fault",
        NOT_YET,
    ),
    ("IsList(events)", "fault", NOT_YET),
    ("Len(events) == 2", "fault", NOT_YET),
    ("Double(\"0x1p4\") == 16", "fault", HEXADECIMAL),
    ("Double(\"0x1.8p1\") == 3", "fault", HEXADECIMAL),
    ("Double(attributes[\"hex\"]) == 16", "error", HEXADECIMAL),
    ("Duration(\"1\") == Duration(\"1s\")", "fault", NEVER),
    ("Duration(\"1d\") == Duration(\"24h\")", "fault", NEVER),
    ("Duration(\"x\") == Duration(\"1s\")", "fault", NEVER),
    ("Duration(\"\") == Duration(\"0s\")", "fault", NEVER),
    ("Duration(\"1 s\") == Duration(\"1s\")", "fault", NEVER),
    (
        "Duration(\"9223372036854775808ns\") > Duration(\"1s\")",
        "fault",
        NEVER,
    ),
    ("spanevent.event_index == 0", "yes", EVENT_INDEX),
    ("event_index == 0", "yes", EVENT_INDEX),
    ("\"\\xff\" == \"\\xff\"", "fault", "texts are UTF-8"),
    ("IsMatch(name, \"x{0,1001}\")", "yes", MORE_PATTERNS),
    ("IsMatch(name, \"a**\")", "yes", MORE_PATTERNS),
    ("IsMatch(name, \"(?x)G E T\")", "yes", MORE_PATTERNS),
    ("IsRootSpan()", "yes", "of an event it is said of the span"),
];

const LEADS_NOWHERE: &str = "a status as a whole equals nothing";
const NOT_YET: &str = "not in this build";
const HEXADECIMAL: &str = "floats are read in decimal digits";
const NEVER: &str = "a text that is no duration is said before data comes, not for each span";
const MORE_PATTERNS: &str = "our engine reads more patterns than Go's";
const EVENT_INDEX: &str = "the Collector has an index there only when it transforms";

fn answer(text: &str, context: Context, scene: &Scene<'_>) -> &'static str {
    match Condition::parse(text, context).map(|condition| condition.holds(scene).ok()) {
        Ok(Some(true)) => "yes",
        Ok(Some(false)) => "no",
        Ok(None) => "error",
        Err(_) => "fault",
    }
}

#[test]
fn conditions_have_the_collector_s_answers() {
    let bytes = json::decode(Signal::Traces, SPANS.as_bytes()).unwrap();
    let resource = Request::new(Signal::Traces, &bytes)
        .resource_groups()
        .next();
    let resource = &resource.unwrap().unwrap();
    let scope = &resource.scope_groups().next().unwrap().unwrap();
    let span = &scope
        .items()
        .next()
        .unwrap()
        .unwrap()
        .span()
        .unwrap()
        .unwrap();
    let event: &SpanEvent<'_> = &span.events().next().unwrap().unwrap();
    let mut differ = Vec::new();
    let mut rows = 0;
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let Some((expected, rest)) = line.split_once(' ') else {
            continue;
        };
        let (context, text) = rest.trim_start().split_once(' ').unwrap();
        let (context, event) = match context {
            "event" => (Context::SpanEvent, Some((0, event))),
            _ => (Context::Span, None),
        };
        let scene = Scene {
            resource,
            scope,
            span,
            event,
        };
        let text = text.trim_start();
        let listed = DIFFERENT.iter().find(|(listed, _, _)| *listed == text);
        let expected = listed.map_or(expected, |(_, ours, _)| ours);
        let found = answer(text, context, &scene);
        if found != expected {
            differ.push(format!("{expected}, not {found}: {text}"));
        }
        rows += 1;
    }
    assert!(rows > 500, "{rows} rows");
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
}
