//! Components decode with their own types; every fault shows in one run.

use std::collections::BTreeMap;

use config::{GoDuration, Headers, NotYet, Optional, Problems, Secret, Squash, Validate};
use serde::{Deserialize, Serialize};

use crate::kit::{decode_text, errors, lines};

#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Example {
    text: String,
    number: u16,
    signed: i64,
    ratio: f64,
    flag: bool,
    timeout: GoDuration,
    list: Vec<String>,
    map: BTreeMap<String, String>,
    choice: Choice,
    secret: Secret,
    headers: Headers,
    section: Optional<Inner>,
    on_by_default: Optional<Inner>,
    inner: Inner,
    maybe: Option<u32>,
    items: Vec<Inner>,
    later: NotYet,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Inner {
    size: u32,
    name: String,
}

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    #[default]
    Basic,
    Normal,
    Detailed,
}

impl Default for Example {
    fn default() -> Self {
        Self {
            text: "default".to_owned(),
            number: 7,
            signed: 0,
            ratio: 0.5,
            flag: true,
            timeout: GoDuration::from_secs(5),
            list: vec!["x".to_owned()],
            map: [("a".to_owned(), "b".to_owned())].into(),
            choice: Choice::Basic,
            secret: Secret::default(),
            headers: Headers::default(),
            section: Optional::Off,
            on_by_default: Optional::on(),
            inner: Inner {
                size: 9,
                name: "own".to_owned(),
            },
            maybe: None,
            items: Vec::new(),
            later: NotYet,
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            size: 1,
            name: "inner".to_owned(),
        }
    }
}

impl Validate for Example {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(self.number > 0, "number", "`number` must be positive");
        if let Optional::On(inner) = &self.section {
            problems.require(inner.size > 0, "section::size", "`size` must be positive");
        }
        problems
    }
}

impl Validate for Inner {}

/// The value as JSON with only the keys that differ from the default.
fn changed(text: &'static str) -> String {
    let (value, faults) = decode_text::<Example>(text);
    let Some(value) = value else {
        return errors(&faults).join("\n");
    };
    let as_json = |value: &Example| serde_json::to_value(value).expect("plain");
    let (value, default) = (as_json(&value), as_json(&Example::default()));
    let (Some(value), Some(default)) = (value.as_object(), default.as_object()) else {
        panic!("an example is a map");
    };
    let differs = value
        .iter()
        .filter(|(key, value)| default.get(*key) != Some(value));
    let differs: Vec<String> = differs
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    differs.join(", ")
}

#[test]
fn values_are_read_without_conversion() {
    for (text, expected) in [
        ("text: a", r#"text: "a""#),
        ("text: '5'", r#"text: "5""#),
        ("text: ''", r#"text: """#),
        ("number: 65535", "number: 65535"),
        ("number: 1e3", "number: 1000"),
        ("signed: -5", "signed: -5"),
        ("ratio: 2", "ratio: 2.0"),
        ("flag: false", "flag: false"),
        ("timeout: 1m30s", r#"timeout: "1m30s""#),
        ("list: [a, b]", r#"list: ["a","b"]"#),
        ("list: a,b", r#"list: ["a","b"]"#),
        ("list: ''", "list: []"),
        ("list: []", "list: []"),
        ("map: {c: d}", r#"map: {"c":"d"}"#),
        ("map: {c: }", r#"map: {"c":""}"#),
        ("choice: detailed", r#"choice: "detailed""#),
        ("secret: hunter2", r#"secret: "[REDACTED]""#),
        (
            "headers: {a: b, C: d}",
            r#"headers: {"C":"[REDACTED]","a":"[REDACTED]"}"#,
        ),
        (
            "headers: [{name: a, value: b}]",
            r#"headers: {"a":"[REDACTED]"}"#,
        ),
        ("maybe: 5", "maybe: 5"),
        (
            "items: [{size: 2}, {}]",
            r#"items: [{"name":"inner","size":2},{"name":"inner","size":1}]"#,
        ),
        ("items: [null]", r#"items: [{"name":"inner","size":1}]"#),
    ] {
        assert_eq!(changed(text), expected, "{text}");
    }
}

#[test]
fn null_keeps_the_default() {
    for text in [
        "text:",
        "number: null",
        "ratio: ~",
        "flag:",
        "timeout:",
        "list:",
        "map:",
        "choice:",
        "secret:",
        "headers:",
        "inner:",
        "maybe:",
        "items:",
        "on_by_default:",
        "later:",
        "{text: , number: , flag: , inner: {size: 9, name: own}}",
    ] {
        assert_eq!(changed(text), "", "{text}");
    }
}

#[test]
fn a_section_is_on_when_it_is_there() {
    for (text, expected) in [
        ("text: default", ""),
        ("section:", r#"section: {"name":"inner","size":1}"#),
        ("section: {}", r#"section: {"name":"inner","size":1}"#),
        (
            "section: {size: 3}",
            r#"section: {"name":"inner","size":3}"#,
        ),
        (
            "section: {enabled: true}",
            r#"section: {"name":"inner","size":1}"#,
        ),
        (
            "section: {enabled: }",
            r#"section: {"name":"inner","size":1}"#,
        ),
        ("section: {enabled: false, size: 3}", ""),
        ("on_by_default: {}", ""),
        (
            "on_by_default: {size: 2}",
            r#"on_by_default: {"name":"inner","size":2}"#,
        ),
        (
            "on_by_default: {enabled: false}",
            r#"on_by_default: {"enabled":false}"#,
        ),
        (
            "section: {enabled: 5}",
            "receivers::x::section::enabled: expected a boolean, found an integer `5`",
        ),
        (
            "section: {enabled: false, siz: 3}",
            "receivers::x::section::siz: unknown key `siz`",
        ),
        (
            "section: 5",
            "receivers::x::section: expected a map, found an integer `5`",
        ),
    ] {
        assert_eq!(changed(text), expected, "{text}");
    }
}

#[test]
fn wrong_values_say_what_was_found_and_what_is_wanted() {
    for (text, expected) in [
        (
            "text: 5",
            r#"text: expected a string, found an integer `5` (quote it: `"5"`)"#,
        ),
        (
            "text: true",
            r#"text: expected a string, found a boolean `true` (quote it: `"true"`)"#,
        ),
        ("text: [a]", "text: expected a string, found a list"),
        (
            "number: '5'",
            "number: expected an integer, found a string `5` (remove the quotes)",
        ),
        (
            "number: many",
            "number: expected an integer, found a string `many`",
        ),
        (
            "number: 65536",
            "number: `65536` is out of range, expected 0 to 65535",
        ),
        (
            "number: -1",
            "number: `-1` is out of range, expected 0 to 65535",
        ),
        (
            "number: 1.5",
            "number: expected an integer, found a number `1.5`",
        ),
        ("ratio: a", "ratio: expected a number, found a string `a`"),
        (
            "flag: 'yes'",
            "flag: expected a boolean, found a string `yes` (write `true` or `false`, unquoted)",
        ),
        ("list: 5", "list: expected a list, found an integer `5`"),
        ("list: {a: b}", "list: expected a list, found a map"),
        (
            "list: [a, 5]",
            r#"list[1]: expected a string, found an integer `5` (quote it: `"5"`)"#,
        ),
        ("map: [a]", "map: expected a map, found a list"),
        (
            "choice: detaild",
            "choice: unknown value `detaild` (did you mean `detailed`?)",
        ),
        (
            "choice: x",
            "choice: unknown value `x` (one of `basic`, `normal`, `detailed`)",
        ),
        ("secret: 5", "secret: expected a string, found an integer"),
        (
            "headers: {a: 5}",
            "headers::a: expected a string, found an integer",
        ),
        (
            "headers: 5",
            "headers: expected a map of headers, or a list of `{name, value}`, found an integer",
        ),
        (
            "headers: [{name: a, value: b}, {name: a, value: c}]",
            "headers: duplicate keys in map-style list: [a]",
        ),
        (
            "headers: [{value: b}]",
            "headers[0]: the key `name` is required",
        ),
        (
            "timeout: true",
            "timeout: expected a duration such as `5s`, found a boolean `true`",
        ),
        (
            "timeout: '10'",
            "timeout: time: missing unit in duration (did you mean `10s`?)",
        ),
        (
            "timeout: 5 s",
            "timeout: time: unknown unit (did you mean `5s`?)",
        ),
        (
            "timeout: 2d",
            "timeout: time: unknown unit (there is no unit for days, write `48h`)",
        ),
        (
            "timeout: soon",
            "timeout: time: invalid duration \
             (write numbers with units `ns`, `us`, `ms`, `s`, `m`, `h`, such as `1m30s`)",
        ),
        ("txt: a", "txt: unknown key `txt` (did you mean `text`?)"),
        (
            "inner: {size: 1, colour: 2}",
            "inner::colour: unknown key `colour` (the keys here are `size`, `name`)",
        ),
        (
            "later: 1",
            "later: `later` is a key of the Collector that this build does not have yet \
             (take it out of the file)",
        ),
        ("number: 0", "number: `number` must be positive"),
        (
            "section: {size: 0}",
            "section::size: `size` must be positive",
        ),
    ] {
        let (value, faults) = decode_text::<Example>(text);
        assert!(value.is_none(), "{text}");
        let lines = lines(&faults);
        assert_eq!(lines.len(), 1, "{text}: {lines:?}");
        let line = lines[0]
            .split_once("error: receivers::x::")
            .expect("an error of x")
            .1;
        assert_eq!(line, expected, "{text}");
    }
}

#[test]
fn a_bare_number_as_a_duration_works_and_warns() {
    for (text, nanos, warning) in [
        ("timeout: 0", 0, None),
        ("timeout: 5", 5, Some(("`5` is 5ns", "did you mean `5s`?"))),
        (
            "timeout: 30000",
            30_000,
            Some(("`30000` is 30µs", "did you mean `30000ms`?")),
        ),
        (
            "timeout: 5000000000",
            5_000_000_000,
            Some(("`5000000000` is 5s", "write `5s`")),
        ),
    ] {
        let (value, faults) = decode_text::<Example>(text);
        assert_eq!(value.expect("it works").timeout.nanos(), nanos);
        let expected = warning.map(|(what, help)| {
            format!(
                "c.yaml:1:10: warning: receivers::x::timeout: a bare number is nanoseconds: \
                 {what} ({help})"
            )
        });
        assert_eq!(
            lines(&faults),
            expected.into_iter().collect::<Vec<_>>(),
            "{text}"
        );
    }
}

#[test]
fn every_fault_shows_in_one_run() {
    let text = "text: 5\nnumbr: 1\ntimeout: 2d\nlist: [a, 1, 2]\nflag:\nsection: {size: x, nam: y}\n\
                items: [{size: -1}, {sise: 1}]\nlater: {}\nchoice: c\n";
    let (value, faults) = decode_text::<Example>(text);
    assert!(value.is_none());
    let mut paths: Vec<&str> = faults
        .iter()
        .map(|fault| fault.path.trim_start_matches("receivers::x::"))
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "choice",
            "items[0]::size",
            "items[1]::sise",
            "later",
            "list[1]",
            "list[2]",
            "numbr",
            "section::nam",
            "section::size",
            "text",
            "timeout"
        ]
    );
}

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Paths {
    traces_url_path: String,
}

impl Validate for Paths {}

#[test]
fn two_types_share_one_map() {
    type Both = Squash<Inner, Squash<Paths, Timed>>;
    let (value, faults) = decode_text::<Both>("{size: 4, traces_url_path: /t, timeout: 1s}");
    let value = value.unwrap_or_else(|| panic!("{faults}"));
    assert_eq!((value.size, value.1.traces_url_path.as_str()), (4, "/t"));
    assert_eq!(
        serde_json::to_string(&value).expect("plain"),
        r#"{"size":4,"name":"inner","traces_url_path":"/t","timeout":"1s"}"#
    );

    let (_, faults) = decode_text::<Both>("{sise: 4, traces_url_pth: /t, name: 5, timeout: x}");
    let mut found = errors(&faults);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "receivers::x::name: expected a string, found an integer `5`",
            "receivers::x::sise: unknown key `sise`",
            "receivers::x::timeout: time: invalid duration",
            "receivers::x::traces_url_pth: unknown key `traces_url_pth`",
        ]
    );
}

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Timed {
    timeout: GoDuration,
}

impl Validate for Timed {}

#[test]
fn a_section_may_hold_two_types() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Holder {
        http: Optional<Squash<Inner, Paths>>,
    }
    impl Validate for Holder {}
    let on = |text| {
        decode_text::<Holder>(text)
            .0
            .expect("no fault")
            .http
            .is_on()
    };
    assert!(on("http:"));
    assert!(on("http: {size: 2, traces_url_path: x, enabled: true}"));
    assert!(!on("http: {size: 2, enabled: false}"));
    let (_, faults) = decode_text::<Holder>("http: {enabled: true, traces_url: x}");
    assert_eq!(
        errors(&faults),
        ["receivers::x::http::traces_url: unknown key `traces_url`"]
    );
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Doubted {
    buffer: u32,
}

impl Validate for Doubted {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if self.buffer > 0 {
            problems.warn("buffer", "has no effect");
        }
        problems
    }
}

#[test]
fn a_doubt_is_said_and_the_value_is_used() {
    let (value, faults) = decode_text::<Doubted>("buffer: 5");
    assert_eq!(value, Some(Doubted { buffer: 5 }));
    assert_eq!(
        lines(&faults),
        ["c.yaml:1:1: warning: receivers::x::buffer: has no effect"]
    );
}
