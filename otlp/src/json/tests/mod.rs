//! What OTLP/JSON means, as tables: what is read, what is refused and with which words, what is
//! printed. Whole schemas and random messages are in `oracle.rs`.

mod oracle;

use super::{decode, decode_within, encode};
use crate::wire::{put_fixed64, put_len, put_uint};
use crate::{ANY_VALUE_DEPTH, Signal};

/// A place in a request, for a few members that are the subject of a test.
type Around = fn(&str) -> (Signal, String);

fn resource(members: &str) -> (Signal, String) {
    let body = format!(r#"{{"resourceSpans":[{{"resource":{{{members}}}}}]}}"#);
    (Signal::Traces, body)
}

fn span(members: &str) -> (Signal, String) {
    let spans = format!(r#"{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}"#);
    (Signal::Traces, format!(r#"{{"resourceSpans":[{spans}]}}"#))
}

fn log(members: &str) -> (Signal, String) {
    let records = format!(r#"{{"scopeLogs":[{{"logRecords":[{{{members}}}]}}]}}"#);
    (Signal::Logs, format!(r#"{{"resourceLogs":[{records}]}}"#))
}

fn value(members: &str) -> (Signal, String) {
    log(&format!(r#""body":{{{members}}}"#))
}

fn metric(members: &str) -> (Signal, String) {
    let metrics = format!(r#"{{"scopeMetrics":[{{"metrics":[{{{members}}}]}}]}}"#);
    (
        Signal::Metrics,
        format!(r#"{{"resourceMetrics":[{metrics}]}}"#),
    )
}

fn point(members: &str) -> (Signal, String) {
    metric(&format!(r#""gauge":{{"dataPoints":[{{{members}}}]}}"#))
}

fn histogram(members: &str) -> (Signal, String) {
    metric(&format!(r#""histogram":{{"dataPoints":[{{{members}}}]}}"#))
}

/// `input` reads as what `printed` says, which is the form in which we print it.
#[track_caller]
fn reads(around: Around, input: &str, printed: &str) {
    let ((signal, input), (_, printed)) = (around(input), around(printed));
    let read = decode(signal, input.as_bytes());
    let read = read.unwrap_or_else(|fault| panic!("{input}\nis refused: {fault}"));
    let print = String::from_utf8(encode(signal, &read).unwrap()).unwrap();
    assert_eq!(print, printed, "for {input}");
}

/// `input` is refused for a reason and at a place that the text names.
#[track_caller]
fn refuses(around: Around, input: &str, says: &str) {
    let (signal, body) = around(input);
    refuses_body(signal, body.as_bytes(), says);
}

#[track_caller]
fn refuses_body(signal: Signal, body: &[u8], says: &str) {
    let fault = match decode(signal, body) {
        Err(fault) => fault.to_string(),
        Ok(read) => panic!("{} is taken as {read:02x?}", String::from_utf8_lossy(body)),
    };
    assert!(fault.starts_with("malformed OTLP/JSON: "), "{fault}");
    assert!(fault.contains(says), "{fault}\ndoes not say: {says}");
    assert!(fault.chars().count() < 600, "too long: {fault}");
}

// === What is read ===

#[test]
fn keys_are_read_in_camel_case_and_in_snake_case_and_others_are_skipped() {
    reads(
        span,
        r#""start_time_unix_nano":"1""#,
        r#""startTimeUnixNano":"1""#,
    );
    reads(span, r#""\u006eame":"a""#, r#""name":"a""#);
    reads(
        span,
        r#""Name":"a","start_timeUnixNano":"1","name_":"b","":0"#,
        "",
    );
    reads(
        span,
        r#""new":{"deep":[1,{"x":null}]},"name":"a","more":1e5"#,
        r#""name":"a""#,
    );
    reads(value, r#""newKind":{"a":1}"#, "");
    reads(
        value,
        r#""newKind":1,"intValue":"2","newer":[]"#,
        r#""intValue":"2""#,
    );
    reads(value, "", "");
}

#[test]
fn ids_are_hexadecimal_of_their_length_or_empty() {
    let id = r#""traceId":"5b8efff798038103d269b633813fc60c""#;
    reads(span, id, id);
    reads(span, r#""trace_id":"5B8EFFF798038103d269b633813fc60C""#, id);
    reads(
        span,
        r#""spanId":"EEE19B7EC3C1B174""#,
        r#""spanId":"eee19b7ec3c1b174""#,
    );
    reads(span, r#""traceId":"","spanId":"","parentSpanId":"""#, "");
    let zero = r#""parentSpanId":"0000000000000000""#;
    reads(span, zero, zero);
}

#[test]
fn ids_of_another_length_or_alphabet_are_refused() {
    let says = "32 hexadecimal digits or an empty string, at \
                resourceSpans[0].scopeSpans[0].spans[0].traceId, line 1 column ";
    refuses(
        span,
        r#""traceId":"abc""#,
        "3 characters, expected 32 hexadecimal",
    );
    refuses(
        span,
        r#""traceId":"5b8efff798038103d269b633813fc60""#,
        "31 characters",
    );
    refuses(
        span,
        r#""traceId":"0x8efff798038103d269b633813fc60c""#,
        says,
    );
    refuses(
        span,
        r#""traceId":"+b8efff798038103d269b633813fc60c""#,
        says,
    );
    refuses(span, r#""traceId":"ééééééééééééééééé""#, "17 characters");
    refuses(span, r#""traceId":"éééééééééééééééé""#, says);
    refuses(
        span,
        r#""spanId":"eee19b7ec3c1b1740""#,
        "17 characters, expected 16 hexadecimal",
    );
    refuses(
        span,
        r#""links":[{},{"spanId":5}]"#,
        "spans[0].links[1].spanId",
    );
}

#[test]
fn enums_are_read_by_number_and_by_name() {
    for kind in ["3", "\"3\"", "\"SPAN_KIND_CLIENT\"", "3.0"] {
        reads(span, &format!(r#""kind":{kind}"#), r#""kind":3"#);
    }
    reads(span, r#""kind":0"#, "");
    reads(span, r#""kind":"SPAN_KIND_UNSPECIFIED""#, "");
    // Numbers that are newer than this schema pass through.
    reads(span, r#""kind":99"#, r#""kind":99"#);
    reads(span, r#""kind":-1"#, r#""kind":-1"#);
    reads(
        log,
        r#""severityNumber":"SEVERITY_NUMBER_FATAL4""#,
        r#""severityNumber":24"#,
    );
    reads(
        span,
        r#""status":{"code":"STATUS_CODE_ERROR"}"#,
        r#""status":{"code":2}"#,
    );
    let sum = r#""sum":{"dataPoints":[{"asInt":"1"}],"aggregationTemporality":"#;
    let named = format!(r#"{sum}"AGGREGATION_TEMPORALITY_CUMULATIVE"}}"#);
    reads(metric, &named, &format!("{sum}2}}"));
    refuses(
        span,
        r#""kind":"CLIENT""#,
        "expected the number or the name of an enum value",
    );
    refuses(span, r#""kind":2147483648"#, "spans[0].kind");
    refuses(span, r#""kind":true"#, "invalid type: boolean `true`");
}

#[test]
fn integers_of_any_width_are_read_bare_and_in_quotes() {
    let time = r#""timeUnixNano":"1544712660300000001""#;
    reads(point, r#""timeUnixNano":1544712660300000001"#, time);
    reads(point, time, time);
    reads(
        point,
        r#""timeUnixNano":18446744073709551615"#,
        r#""timeUnixNano":"18446744073709551615""#,
    );
    reads(
        value,
        r#""intValue":-9223372036854775808"#,
        r#""intValue":"-9223372036854775808""#,
    );
    reads(
        value,
        r#""intValue":"9223372036854775807""#,
        r#""intValue":"9223372036854775807""#,
    );
    reads(value, r#""intValue":1.5e3"#, r#""intValue":"1500""#);
    reads(value, r#""intValue":-0"#, r#""intValue":"0""#);
    reads(
        span,
        r#""droppedAttributesCount":"5""#,
        r#""droppedAttributesCount":5"#,
    );
    reads(span, r#""flags":"4294967295""#, r#""flags":4294967295"#);
    reads(
        histogram,
        r#""bucketCounts":[1,"2",3.0]"#,
        r#""bucketCounts":["1","2","3"]"#,
    );
    let exponential = r#""exponentialHistogram":{"dataPoints":[{"scale":-3,"#;
    reads(
        metric,
        &format!(r#"{exponential}"positive":{{"offset":"-7","bucketCounts":["0",4]}}}}]}}"#),
        &format!(r#"{exponential}"positive":{{"offset":-7,"bucketCounts":["0","4"]}}}}]}}"#),
    );
}

#[test]
fn integers_that_do_not_fit_or_are_none_are_refused() {
    let int = "expected an integer of 64 bits, at \
               resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asInt";
    for bad in [
        "\"abc\"",
        "\"\"",
        "1.5",
        "9223372036854775808",
        "\"0x1\"",
        "\"1.0\"",
        "true",
    ] {
        refuses(point, &format!(r#""asInt":{bad}"#), int);
    }
    // Neighbours of the extremes reach us as doubles, which no longer know their last digits.
    refuses(point, r#""asInt":-9223372036854775809"#, int);
    refuses(
        point,
        r#""asInt":9007199254740993.0"#,
        "floating point `9007199254740992.0`",
    );
    refuses(point, r#""asInt":1e400"#, "number out of range");
    refuses(point, r#""asInt":{}"#, "invalid type: map");
    refuses(point, r#""asInt":[1]"#, "invalid type: sequence");
    refuses(
        span,
        r#""startTimeUnixNano":-1"#,
        "expected an unsigned integer of 64 bits",
    );
    refuses(
        span,
        r#""startTimeUnixNano":18446744073709551616"#,
        "spans[0].startTimeUnixNano",
    );
    refuses(
        span,
        r#""startTimeUnixNano":"2024-01-01T00:00:00Z""#,
        "string \"2024-01-01T00:",
    );
    refuses(
        point,
        r#""timeUnixNano":"soon""#,
        "gauge.dataPoints[0].timeUnixNano, line 1 column",
    );
    refuses(
        span,
        r#""flags":4294967296"#,
        "expected an unsigned integer of 32 bits",
    );
    refuses(
        histogram,
        r#""bucketCounts":[1,-1]"#,
        "dataPoints[0].bucketCounts[1]",
    );
}

#[test]
fn doubles_are_read_to_the_last_bit_and_by_their_three_names() {
    for (input, printed) in [
        ("5", "5"),
        ("\"0.5\"", "0.5"),
        ("0", "0"),
        ("-0.0", "-0"),
        ("0.1", "0.1"),
        ("7.0420860715e-22", "7.0420860715e-22"),
        ("1.7976931348623157e308", "1.7976931348623157e308"),
        ("5e-324", "5e-324"),
        ("18446744073709551616", "1.8446744073709552e19"),
        ("\"NaN\"", "\"NaN\""),
        ("\"Infinity\"", "\"Infinity\""),
        ("\"-Infinity\"", "\"-Infinity\""),
    ] {
        reads(
            value,
            &format!(r#""doubleValue":{input}"#),
            &format!(r#""doubleValue":{printed}"#),
        );
        reads(
            point,
            &format!(r#""asDouble":{input}"#),
            &format!(r#""asDouble":{printed}"#),
        );
        let input = format!(r#""explicitBounds":[{input}]"#);
        reads(
            histogram,
            &input,
            &format!(r#""explicitBounds":[{printed}]"#),
        );
    }
    for bad in ["\"nan\"", "\"inf\"", "\"1e999\"", "\"\"", "true", "{}"] {
        refuses(
            point,
            &format!(r#""asDouble":{bad}"#),
            "\"Infinity\" or \"-Infinity\"",
        );
    }
    refuses(point, r#""asDouble":NaN"#, "expected value");
}

#[test]
fn bytes_are_base64_of_either_alphabet_padded_or_not() {
    for input in ["-_-_AQ", "+/+/AQ==", "+/+/AQ", "-_-_AQ==", "+/+/AR=="] {
        let input = format!(r#""bytesValue":"{input}""#);
        reads(value, &input, r#""bytesValue":"+/+/AQ==""#);
    }
    reads(value, r#""bytesValue":"""#, r#""bytesValue":"""#);
    for bad in ["A", "+-+-", "AQ=A", "A Q=", "é"] {
        refuses(
            value,
            &format!(r#""bytesValue":"{bad}""#),
            "expected bytes in base64",
        );
    }
    refuses(value, r#""bytesValue":[1,2]"#, "body.bytesValue");
}

#[test]
fn null_is_the_default_of_everything() {
    let all = r#""traceId":null,"name":null,"kind":null,"startTimeUnixNano":null,"flags":null,
        "attributes":null,"events":null,"status":null,"droppedLinksCount":null"#;
    reads(span, all, "");
    reads(value, r#""stringValue":null"#, "");
    reads(
        value,
        r#""arrayValue":{"values":null}"#,
        r#""arrayValue":{}"#,
    );
    reads(
        point,
        r#""asDouble":null,"asInt":"1","exemplars":null"#,
        r#""asInt":"1""#,
    );
    reads(
        histogram,
        r#""sum":null,"min":null,"bucketCounts":null,"count":null"#,
        "",
    );
    reads(
        resource,
        r#""attributes":null,"entityRefs":[null]"#,
        r#""entityRefs":[{}]"#,
    );
    reads(
        histogram,
        r#""bucketCounts":[null,"1"]"#,
        r#""bucketCounts":["0","1"]"#,
    );
    let keys = r#""entityRefs":[{"type":"host","idKeys":[null,"a"]}]"#;
    reads(
        resource,
        keys,
        r#""entityRefs":[{"type":"host","idKeys":["","a"]}]"#,
    );
    assert_eq!(
        decode(Signal::Logs, br#"{"resourceLogs":null}"#),
        Ok(vec![])
    );
    // The list itself counts its elements, as a lost one would shift its neighbours.
    assert_eq!(
        decode(Signal::Logs, br#"{"resourceLogs":[null]}"#),
        Ok(vec![0x0a, 0])
    );
}

#[test]
fn members_of_a_oneof_are_said_even_when_they_are_zero() {
    for said in [
        r#""stringValue":"""#,
        r#""boolValue":false"#,
        r#""intValue":"0""#,
        r#""doubleValue":0"#,
        r#""arrayValue":{}"#,
        r#""kvlistValue":{}"#,
        r#""bytesValue":"""#,
    ] {
        reads(value, said, said);
        let list = format!(r#""arrayValue":{{"values":[{{{said}}},{{}},{{{said}}}]}}"#);
        reads(value, &list, &list);
    }
    reads(point, r#""asInt":0"#, r#""asInt":"0""#);
    let optional = r#""sum":0,"min":0,"max":0"#;
    reads(histogram, optional, optional);
    reads(
        histogram,
        r#""count":"0","flags":0,"bucketCounts":[],"exemplars":[]"#,
        "",
    );
    reads(metric, r#""unit":"","gauge":{}"#, r#""gauge":{}"#);
    // With `values` absent, as some senders print an empty list.
    reads(value, r#""arrayValue":{"values":[]}"#, r#""arrayValue":{}"#);
    reads(
        resource,
        r#""entityRefs":[{"type":"t"}]"#,
        r#""entityRefs":[{"type":"t"}]"#,
    );
}

#[test]
fn of_a_repeated_key_and_of_a_oneof_the_last_wins() {
    reads(
        span,
        r#""name":"a","kind":1,"name":"b""#,
        r#""name":"b","kind":1"#,
    );
    reads(span, r#""name":"a","name":null"#, "");
    reads(
        span,
        r#""spanId":"eee19b7ec3c1b174","name":"a","span_id":"""#,
        r#""name":"a""#,
    );
    reads(
        value,
        r#""stringValue":"a","intValue":1"#,
        r#""intValue":"1""#,
    );
    reads(
        value,
        r#""stringValue":"a","intValue":null"#,
        r#""stringValue":"a""#,
    );
    let events = r#""events":[{"name":"a"},{"name":"b"}],"status":{"code":1,"message":"m"}"#;
    let again = r#""events":[{"name":"c"}],"status":{"code":2}"#;
    reads(span, &format!("{events},{again}"), again);
    reads(
        metric,
        r#""sum":{"isMonotonic":true},"gauge":{},"sum":{}"#,
        r#""sum":{}"#,
    );
}

#[test]
fn a_key_repeated_a_hundred_thousand_times_costs_no_more_than_its_bytes() {
    let attributes = vec!["{}"; 100_000].join(",");
    let names = vec![r#""name":"a","kind":2"#; 100_000].join(",");
    let input = format!(r#""name":"b","kind":3,"attributes":[{attributes}],{names}"#);
    let printed = format!(r#""name":"a","kind":2,"attributes":[{attributes}]"#);
    reads(span, &input, &printed);
}

#[test]
fn reading_ends_where_the_elements_cost_more_than_is_allowed() {
    const COST_MAX: usize = 32_000;
    let check = |list: &str, element: &str, most: usize| {
        let within = |count: usize| {
            let elements = vec![element; count].join(",");
            let (signal, body) = span(&format!(r#""{list}":[{elements}]"#));
            decode_within(signal, body.as_bytes(), COST_MAX)
        };
        assert!(within(most).is_ok(), "{list}");
        let fault = within(most + most / 10).unwrap_err();
        assert!(fault.is_too_large(), "{list}: {fault}");
    };
    check("attributes", "{}", 950);
    check("events", "{}", 950);
    check(
        "attributes",
        r#"{"value":{"arrayValue":{"values":[{},{}]}}}"#,
        340,
    );
    let text = format!(r#"{{"name":"{}"}}"#, "x".repeat(1000));
    check("links", "{}", 950);
    check("events", &text, 31);

    let (signal, body) = span(r#""attributes":[{},3]"#);
    let fault = decode_within(signal, body.as_bytes(), COST_MAX).unwrap_err();
    assert!(!fault.is_too_large(), "{fault}");
}

#[test]
fn text_is_kept_as_it_is() {
    for text in [r#"a\"\\\nä€𝄞"#, r#"\u0000"#, r#"null"#] {
        let said = format!(r#""stringValue":"{text}""#);
        reads(value, &said, &said);
    }
    reads(
        value,
        r#""stringValue":"\ud834\udd1e\/""#,
        r#""stringValue":"𝄞/""#,
    );
    refuses(value, r#""stringValue":1"#, "expected a string, at ");
    refuses(span, r#""name":{}"#, "invalid type: map, expected a string");
}

// === The body as a whole ===

#[test]
fn an_empty_object_is_an_empty_request() {
    for signal in Signal::ALL {
        assert_eq!(decode(signal, b"{}"), Ok(vec![]));
        assert_eq!(decode(signal, b" {\n} "), Ok(vec![]));
        assert_eq!(encode(signal, &[]), Ok(b"{}".to_vec()));
    }
}

#[test]
fn a_request_for_another_signal_is_no_empty_request() {
    refuses_body(
        Signal::Logs,
        br#"{"resourceSpans":[{}]}"#,
        r#"no "resourceLogs" in a request of logs, whose first key is "resourceSpans""#,
    );
    refuses_body(Signal::Traces, br#"{"foo":1}"#, r#"first key is "foo""#);
    let read = decode(Signal::Traces, br#"{"foo":1,"resource_spans":[{}]}"#);
    assert_eq!(read, Ok(vec![0x0a, 0]));
}

#[test]
fn what_is_no_json_object_is_refused() {
    for (body, says) in [
        (&b""[..], "EOF while parsing"),
        (b"null", "expected an object"),
        (b"[]", "expected an object"),
        (b"\"resourceSpans\"", "expected an object"),
        (b"{", "EOF while parsing an object, line 1 column 1"),
        (b"{} {}", "trailing characters, line 1 column 4"),
        (b"{\"resourceSpans\":[]}x", "trailing characters"),
        (
            b"{\"resourceSpans\":[{},]}",
            "trailing comma, at resourceSpans[1], line 1",
        ),
        (
            b"{\"resourceSpans\":\n[{\"resource\":}]}",
            "resourceSpans[0].resource, line 2 column",
        ),
        (
            b"{\"resourceSpans\":{}}",
            "invalid type: map, expected a list, at resourceSpans",
        ),
        (
            b"{\"resourceSpans\":[[]]}",
            "expected an object, at resourceSpans[0]",
        ),
        (
            b"{\"resourceSpans\":\"\"}",
            "invalid type: string \"\", expected a list",
        ),
        (
            b"{\"resourceSpans\":[1]}",
            "integer `1`, expected an object",
        ),
        (b"{'resourceSpans':[]}", "key must be a string"),
        (
            b"{\"resourceSpans\":[{\"schemaUrl\":\"\xff\"}]}",
            "byte 32 does not belong to UTF-8",
        ),
        (
            b"{\"resourceSpans\":[{\"schemaUrl\":\"\\ud834\"}]}",
            "resourceSpans[0].schemaUrl",
        ),
        (
            b"{\"resourceSpans\":[{\"schemaUrl\":\"\\udd1e\"}]}",
            "surrogate",
        ),
        (
            b"{\"resourceSpans\":[{\"schemaUrl\":\"a\nb\"}]}",
            "control character",
        ),
        (b"{\"unknown\":\"\xff\"}", "UTF-8"),
        (b"\xef\xbb\xbf{}", "expected value"),
    ] {
        refuses_body(Signal::Traces, body, says);
    }
}

#[test]
fn a_fault_is_short_however_long_its_cause() {
    let long = "é".repeat(100_000);
    refuses(span, &format!(r#""kind":"{long}""#), "ééé…");
    refuses(span, &format!(r#""traceId":"{long}""#), "100000 characters");
    refuses_body(Signal::Traces, format!("\"{long}\"").as_bytes(), "ééé…");
    refuses_body(
        Signal::Traces,
        format!("{{\"{long}\":1}}").as_bytes(),
        "ééé…",
    );
    let deep = nested(30, r#""intValue":true"#);
    refuses(
        value,
        &deep,
        "arrayValue.values[0].arrayValue.values[0].arrayValue.values[0]…, line 1",
    );
}

// === Depth ===

/// Members of an AnyValue of `levels` levels, the innermost having `leaf`.
fn nested(levels: usize, leaf: &str) -> String {
    let (open, close) = (r#""arrayValue":{"values":[{"#, "}]}");
    format!(
        "{}{leaf}{}",
        open.repeat(levels - 1),
        close.repeat(levels - 1)
    )
}

/// The same with objects, of which each level is four levels of JSON.
fn nested_lists(levels: usize) -> String {
    let (open, close) = (r#""kvlistValue":{"values":[{"key":"k","value":{"#, "}}]}");
    format!(
        "{}{}{}",
        open.repeat(levels - 1),
        r#""boolValue":true"#,
        close.repeat(levels - 1)
    )
}

/// A request of logs with a body of so many levels, in protobuf.
fn nested_in_protobuf(levels: usize) -> Vec<u8> {
    let field = |number, body: &[u8]| {
        let mut out = Vec::new();
        put_len(&mut out, number, body);
        out
    };
    let value = (1..levels).fold(vec![0x10, 1], |value, _| field(5, &field(1, &value)));
    [5, 2, 2, 1]
        .into_iter()
        .fold(value, |body, number| field(number, &body))
}

#[test]
fn values_nest_to_the_limit_and_no_deeper() {
    for said in [
        nested(ANY_VALUE_DEPTH, r#""intValue":"1""#),
        nested_lists(ANY_VALUE_DEPTH),
    ] {
        reads(value, &said, &said);
    }
    let too_deep = "a value nested deeper than 64 levels";
    refuses(value, &nested(ANY_VALUE_DEPTH + 1, ""), too_deep);
    refuses(value, &nested_lists(ANY_VALUE_DEPTH + 1), too_deep);
    refuses(value, &nested(100_000, ""), too_deep);
    assert!(encode(Signal::Logs, &nested_in_protobuf(ANY_VALUE_DEPTH)).is_ok());
    assert!(encode(Signal::Logs, &nested_in_protobuf(ANY_VALUE_DEPTH + 1)).is_err());
    assert!(encode(Signal::Logs, &nested_in_protobuf(10_000)).is_err());
}

#[test]
fn the_deepest_value_fits_a_small_stack() {
    let read = || {
        let (signal, body) = value(&nested_lists(ANY_VALUE_DEPTH));
        let read = decode(signal, body.as_bytes()).unwrap();
        assert_eq!(encode(signal, &read), Ok(body.into_bytes()));
    };
    // Half of what a thread has by default, and without optimisation.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(read);
    thread.unwrap().join().unwrap();
}

#[test]
fn what_is_skipped_takes_no_stack_however_deep() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    reads(span, &format!(r#""unknown":{deep}"#), "");
    refuses(
        span,
        &format!(r#""name":{deep}"#),
        "invalid type: sequence, expected a string",
    );
    refuses_body(
        Signal::Traces,
        "[".repeat(1_000_000).as_bytes(),
        "expected an object",
    );
}

// === What is printed ===

#[test]
fn a_list_in_pieces_is_one_list_and_of_values_the_last_wins() {
    // Two scopes' worth of a resource, with its schema URL between and its resource in two pieces.
    let mut group = Vec::new();
    put_len(&mut group, 2, &[]);
    put_len(&mut group, 1, &[0x10, 1]);
    put_len(&mut group, 3, b"old");
    put_uint(&mut group, 999, 7);
    put_len(&mut group, 2, b"\x1a\x01u");
    put_len(&mut group, 1, b"\x0a\x03\x0a\x01k");
    put_len(&mut group, 3, b"new");
    let mut request = Vec::new();
    put_len(&mut request, 1, &group);
    let mut merged = request.clone();
    put_fixed64(&mut merged, 77, 1);
    merged.extend_from_slice(&request);
    let one = concat!(
        r#"{"resource":{"attributes":[{"key":"k"}],"droppedAttributesCount":1},"#,
        r#""scopeLogs":[{},{"schemaUrl":"u"}],"schemaUrl":"new"}"#,
    );
    let printed = encode(Signal::Logs, &merged).map(|text| String::from_utf8(text).unwrap());
    assert_eq!(printed, Ok(format!(r#"{{"resourceLogs":[{one},{one}]}}"#)));
}

#[test]
fn text_that_is_not_utf_8_is_printed_with_replacements() {
    let printed = encode(Signal::Logs, b"\x0a\x05\x1a\x03a\xffb");
    assert_eq!(
        printed,
        Ok("{\"resourceLogs\":[{\"schemaUrl\":\"a\u{fffd}b\"}]}".into())
    );
}

#[test]
fn broken_protobuf_is_malformed() {
    for broken in [
        &b"\x0a"[..],
        b"\x0a\x05",
        b"\x08\x01",
        b"\x0a\x02\x18\x01",
        b"\x0a\x01\x0b",
        b"\x0a\x06\x1a\xff\xff\xff\xff\x0f",
    ] {
        assert!(encode(Signal::Traces, broken).is_err(), "{broken:02x?}");
    }
}
