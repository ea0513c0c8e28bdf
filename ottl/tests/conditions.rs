//! Conditions as users write them, asked of spans as OTLP/JSON.
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use otlp::view::{Request, SpanEvent};
use otlp::{Signal, json};
use ottl::{Condition, Context, Scene, Trouble};

const SPAN: &str = r#"
    "traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"GET /cart","kind":2,
    "traceState":"tenant=acme,x=y","startTimeUnixNano":"1000000000","endTimeUnixNano":"1500000000",
    "status":{"code":2,"message":"boom"},
    "attributes":[
        {"key":"http.status_code","value":{"intValue":"503"}},
        {"key":"ratio","value":{"doubleValue":0.5}},
        {"key":"retried","value":{"boolValue":true}},
        {"key":"route","value":{"stringValue":"/cart"}},
        {"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}},
        {"key":"peer","value":{"kvlistValue":{"values":[{"key":"port","value":{"intValue":"80"}}]}}}],
    "events":[{"name":"exception","timeUnixNano":"1200000000",
        "attributes":[{"key":"type","value":{"stringValue":"Timeout"}}]}]
"#;

/// Asks of the span, or of its event.
fn ask(text: &str, context: Context) -> Result<bool, Trouble> {
    let condition =
        Condition::parse(text, context).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let request = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
            "scopeSpans":[{{"scope":{{"name":"lib","version":"1.2"}},"spans":[{{{SPAN}}}]}}]}}]}}"#
    );
    let bytes = json::decode(Signal::Traces, request.as_bytes()).unwrap();
    let resource = &Request::new(Signal::Traces, &bytes)
        .resource_groups()
        .next()
        .unwrap()
        .unwrap();
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
    let event = (context == Context::SpanEvent).then_some((0, event));
    condition.holds(&Scene {
        resource,
        scope,
        span,
        event,
    })
}

fn check(text: &str, expected: bool) {
    assert_eq!(ask(text, Context::Span), Ok(expected), "{text}");
}

#[test]
fn fields_are_found_with_and_without_their_prefix() {
    check(r#"name == "GET /cart""#, true);
    check(r#"span.name == "GET /cart""#, true);
    check("kind == SPAN_KIND_SERVER", true);
    check(r#"kind.string == "Server""#, true);
    check(
        "status.code == STATUS_CODE_ERROR and span.status.message == \"boom\"",
        true,
    );
    check(r#"resource.attributes["service.name"] == "shop""#, true);
    check(
        r#"scope.name == "lib" and instrumentation_scope.version == "1.2""#,
        true,
    );
    check(
        r#"trace_state["tenant"] == "acme" and trace_state["no"] == """#,
        true,
    );
    check(
        "trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)",
        true,
    );
    check(
        r#"span_id == SpanID("0102030405060708") and span_id.string == "0102030405060708""#,
        true,
    );
    check("parent_span_id == SpanID(0x0000000000000000)", true);
    check("IsRootSpan()", true);
}

#[test]
fn attributes_have_keys_within_keys() {
    check(r#"attributes["http.status_code"] >= 500"#, true);
    check(r#"attributes["tags"][1] == "b""#, true);
    check(r#"attributes["peer"]["port"] == 80"#, true);
    check(r#"attributes["nothing"] == nil"#, true);
    check(r#"attributes["nothing"]["at all"] == nil"#, true);
    check(r#"attributes["retried"] == true"#, true);
    check(r#"attributes[attributes["route"]] == nil"#, true);
    check(r#"attributes["peer"] == {"port": 80}"#, true);
    check(r#"attributes["tags"] == ["a", "b"]"#, true);
    check(r#"attributes["tags"] == ["b", "a"]"#, false);
}

#[test]
fn values_of_different_kinds_are_not_equal_and_numbers_mix() {
    check(r#"attributes["http.status_code"] == "503""#, false);
    check(r#"attributes["http.status_code"] != "503""#, true);
    check(r#"attributes["http.status_code"] == 503.0"#, true);
    check(r#"attributes["ratio"] < 1"#, true);
    check(r#"attributes["route"] > 1"#, false);
    check(r#"attributes["nothing"] != 1"#, true);
    check("false < true", true);
    check(r#""a" < "b""#, true);
    check("0x01 < 0x0102", true);
}

#[test]
fn not_binds_closer_than_and_and_and_closer_than_or() {
    check("true or true and false", true);
    check("(true or true) and false", false);
    check("not false and true", true);
    check("not (true and false)", true);
    check("not (not true)", true);
    check("false or false or true", true);
}

#[test]
fn numbers_times_and_durations_are_calculated() {
    check(
        "end_time_unix_nano - start_time_unix_nano == 500000000",
        true,
    );
    check(r#"end_time - start_time > Duration("499ms")"#, true);
    check(r#"end_time - start_time > Duration("1m30s")"#, false);
    check("(1 + 2) * 3 == 9 and 1 + 2 * 3 == 7", true);
    check("-1 < 0 and 2 - -1 == 3", true);
    check("7 / 2 == 3 and 7.0 / 2.0 == 3.5", true);
    assert!(ask("1 / 0 == 1", Context::Span).is_err());
    check("1 + 1.0 == 2.0", true);
}

#[test]
fn functions_do_as_in_the_collector() {
    check(r#"IsMatch(name, "^GET /(cart|buy)$")"#, true);
    check(r#"IsMatch(attributes["http.status_code"], "5..")"#, true);
    check(r#"IsMatch(attributes["nothing"], ".*")"#, false);
    check(r#"IsMatch(target=name, pattern="POST")"#, false);
    check(
        r#"IsString(name) and not IsString(attributes["ratio"]) and IsInt(attributes["http.status_code"])"#,
        true,
    );
    check(
        r#"IsBool(attributes["retried"]) and IsList(attributes["tags"]) and IsMap(attributes["peer"])"#,
        true,
    );
    check(r#"Len(name) == 9 and Len(attributes["tags"]) == 2"#, true);
    check(
        r#"Int("12") == 12 and Int(1.9) == 1 and Int(true) == 1 and Int("x") == nil"#,
        true,
    );
    check(
        r#"Double("0.5") == 0.5 and Double(attributes["http.status_code"]) == 503.0"#,
        true,
    );
    check(
        r#"String(attributes["http.status_code"]) == "503" and String(nil) == nil"#,
        true,
    );
    check(
        r#"ConvertCase(name, "lower") == "get /cart" and ConvertCase("aBc-d", "snake") == "a_bc_d""#,
        true,
    );
    check(
        r#"HasPrefix(name, "GET") and HasSuffix(name, "cart")"#,
        true,
    );
    assert!(ask(r#"HasPrefix(attributes["nothing"], "x")"#, Context::Span).is_err());
    assert!(ask("Len(1) == 1", Context::Span).is_err());
    check(
        r#"String(attributes["peer"]) == "{\"port\":80}" and IsMatch(attributes["tags"], "^.\"a\",")"#,
        true,
    );
    assert!(ask("Len(name)", Context::Span).is_err());
}

#[test]
fn conditions_on_events_see_the_event_and_its_span() {
    let check = |text: &str| assert_eq!(ask(text, Context::SpanEvent), Ok(true), "{text}");
    check(r#"name == "exception" and span.name == "GET /cart""#);
    check(r#"attributes["type"] == "Timeout" and spanevent.event_index == 0"#);
    check(r#"time_unix_nano > span.start_time_unix_nano"#);
}

#[test]
fn a_fault_says_where_and_what_to_write() {
    let check = |text: &str, place: &str, says: &str| {
        let fault = Condition::parse(text, Context::Span)
            .err()
            .unwrap_or_else(|| panic!("{text} is read"));
        let found = text.get(fault.place.clone()).unwrap();
        assert_eq!(found, place, "{text}: {fault}");
        assert!(fault.to_string().contains(says), "{text}: {fault}");
    };
    check("", "", "expected a value, found the end");
    check("name = \"x\"", "=", "write `==`");
    check("name == 'x'", "'", "texts stand in double quotes");
    check("name == \"x", "\"x", "without its closing quote");
    check("name == \"x\" && true", "&", "write `and`, `or`");
    check("!IsString(name)", "!", "write `not`");
    check("nmae == \"x\"", "nmae", "did you mean `name`?");
    check(
        "span.atributes[\"a\"] == 1",
        "span.atributes[\"a\"]",
        "did you mean `attributes`?",
    );
    check("name[\"x\"] == 1", "name[\"x\"]", "`name` has no keys");
    check(
        "spanevent.name == \"x\"",
        "spanevent.name",
        "write it below `spanevent`",
    );
    check(
        "Ismatch(name, \"x\")",
        "Ismatch(name, \"x\")",
        "did you mean `IsMatch`?",
    );
    check(
        "IsMatch(name)",
        "IsMatch(name)",
        "takes 2 arguments: target, pattern",
    );
    check("IsString(name, 1)", "1", "takes one argument: target");
    check(
        "IsMatch(name, \"(\")",
        "IsMatch(name, \"(\")",
        "error parsing regexp",
    );
    check(
        "ParseJSON(name) == 1",
        "ParseJSON(name)",
        "known to the language and not in this build",
    );
    check(
        "kind == SPAN_KIND_SERVR",
        "SPAN_KIND_SERVR",
        "did you mean `SPAN_KIND_SERVER`?",
    );
    check(
        "set(name, \"x\")",
        "(",
        "the editor `set` has no place in a condition",
    );
    check("trace_id == TraceID(0x01)", "0x01", "an id of 16 bytes");
    check(
        "99999999999999999999 == 1",
        "99999999999999999999",
        "does not fit 64 bits",
    );
    check("(name == \"x\"", "", "expected `)`");
    check("\"x\"", "\"x\"", "compare it with something");
    check("name", "name", "compare it with something");
    check("not not true", "not", "write `not (not …)`");
    check("\"a\\d\" == name", "\\d", r"write `\\` for a backslash");
    check("\"a\" + 1 == 2", "\"a\"", "this cannot be calculated with");
    check("IsString(1)", "1", "expected a string but got an integer");
    check("Double(\"x\") > 1", "\"x\"", "is no number");
    check(
        "IsMatch(pattern=\"x\", name)",
        "name",
        "what has no name comes first",
    );
    check(
        "name == \"x\" name",
        "name",
        "expected the end, `and` or `or`",
    );
}

#[test]
fn hostile_texts_end_soon() {
    let parse = |text: String| {
        Condition::parse(&text, Context::Span)
            .map(drop)
            .map_err(|fault| fault.text)
    };
    for open in ["(", "not ", "[", "IsString(", "-"] {
        let fault = parse(open.repeat(5_000)).unwrap_err();
        assert!(
            fault.contains("levels deep") || fault.contains("expected"),
            "{open}: {fault}"
        );
    }
    assert!(
        parse("x".repeat(100_000))
            .unwrap_err()
            .contains("longer than")
    );
    assert!(parse(format!("{} true", "true or ".repeat(5000))).is_ok());
}
