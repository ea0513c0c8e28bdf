//! `sample`: sampling rules as tests.

use std::path::Path;

use tempfile::TempDir;

use super::{Ended, tracegate};

const PAGE: &str = include_str!("../../../docs/sampling.md");

/// A folder with the example of the documentation: the configuration, the traces, and what is expected.
struct Example {
    folder: TempDir,
}

impl Example {
    fn new() -> Self {
        let parts: Vec<&str> = PAGE.split("\n```").collect();
        let block = |at: usize| parts[2 * at + 1].split_once('\n').unwrap().1.to_owned() + "\n";
        let example = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (at, name) in ["collector.yaml", "traces.json", "expected.yaml"]
            .iter()
            .enumerate()
        {
            example.write(name, &block(at));
        }
        example
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(name, &text.replace(from, to));
    }

    fn path(&self, name: &str) -> String {
        let path: &Path = &self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, more: &[&str]) -> Ended {
        let (config, input) = (self.path("collector.yaml"), self.path("traces.json"));
        let arguments = ["sample", "--config", &config, "--input", &input];
        tracegate(&[&arguments, more].concat())
    }

    fn expect(&self) -> Ended {
        self.run(&["--expect", &self.path("expected.yaml")])
    }
}

#[test]
fn a_verdict_that_is_not_expected_is_shown_with_its_reasons_and_fails() {
    let example = Example::new();
    example.edit("collector.yaml", "threshold_ms: 1000", "threshold_ms: 500");
    example.edit("expected.yaml", "policy: errors", "policy: slow");
    let ended = example.expect();
    assert_eq!(ended.code, Some(1));
    let expected = "\
not as expected: 2 of 2 verdicts
tail_sampling  4bf92f3577b34da6a3ce929d0e0e4736
  - not sampled
  + sampled by slow
    errors  no span has status ERROR → no
    slow    latency 812 ms > 500 ms → yes
tail_sampling  0af7651916cd43dd8448eb211c80319c
  - sampled by slow
  + sampled by errors
    errors  a span has status ERROR → yes
    slow    latency 20 ms < 500 ms → no
";
    assert_eq!(ended.err, expected);
}

#[test]
fn what_is_printed_as_json_can_be_expected() {
    let example = Example::new();
    let ended = example.run(&["--output", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let printed: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let trace = &printed["tail_sampling"]["0af7651916cd43dd8448eb211c80319c"];
    assert_eq!(trace["verdict"], "sampled");
    assert_eq!(trace["policies"]["slow"], "latency 20 ms < 1 s → no");
    example.write("expected.yaml", &ended.out);
    assert_eq!(example.expect().code, Some(0));
}

#[test]
fn spans_of_a_trace_come_together_wherever_they_stand_and_traces_at_their_recorded_times() {
    let example = Example::new();
    let line = |trace: &str, start: u64, end: u64| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{trace}","spanId":"{end:016x}",
               "startTimeUnixNano":"{start}000000000","endTimeUnixNano":"{end}000000000"}}]}}]}}]}}"#
        )
        .replace('\n', " ")
    };
    let [a, b, c] = ["a", "b", "c"].map(|digit| digit.repeat(32));
    // Far apart, and the root last: still one trace of two spans.
    let traces = [
        line(&a, 100, 101),
        line(&b, 100, 102),
        line(&c, 500, 501),
        line(&a, 90, 190),
    ];
    example.write("traces.json", &traces.join("\n"));
    example.edit("collector.yaml", "type: latency", "type: rate_limiting");
    example.edit(
        "collector.yaml",
        "latency: {threshold_ms: 1000}",
        "rate_limiting: {spans_per_second: 1}",
    );
    let ended = example.run(&[]);
    let verdicts: Vec<_> = ended
        .out
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .collect();
    // A burst of two spans is there for the first trace; the second comes a second later, the third much later.
    assert_eq!(
        verdicts,
        [
            format!("  {a}  sampled by slow"),
            format!("  {b}  sampled by slow"),
            format!("  {c}  sampled by slow"),
        ],
        "{}",
        ended.err
    );
    example.edit(
        "collector.yaml",
        "spans_per_second: 1",
        "spans_per_second: 1, burst_capacity: 1",
    );
    let ended = example.run(&[]);
    assert!(
        ended.out.contains(&format!("{a}  not sampled")),
        "{}",
        ended.out
    );
}

#[test]
fn limits_are_those_of_all_shards() {
    let example = Example::new();
    let rates = [
        ("type: latency", "type: rate_limiting"),
        (
            "latency: {threshold_ms: 1000}",
            "rate_limiting: {spans_per_second: 2, burst_capacity: 2}",
        ),
        ("    policies:", "    num_shards: 2\n    policies:"),
    ];
    for (from, to) in rates {
        example.edit("collector.yaml", from, to);
    }
    let line = |trace: &str, end: u64| {
        let span = format!(
            r#"{{"traceId":"{trace}","spanId":"{end:016x}","endTimeUnixNano":"{end}000000000"}}"#
        );
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#)
    };
    let [a, b, c] = ["a", "b", "c"].map(|digit| digit.repeat(32));
    // What the first two have used up is there again a second later, and half of it would not do.
    let traces = [line(&a, 100), line(&b, 100), line(&c, 101), line(&c, 102)];
    example.write("traces.json", &traces.join("\n"));
    let ended = example.run(&[]);
    for trace in [a, b, c] {
        assert!(
            ended.out.contains(&format!("{trace}  sampled by slow")),
            "{}{}",
            ended.out,
            ended.err
        );
    }
}

#[test]
fn bad_input_is_named_with_its_file_and_line_and_what_to_write() {
    let example = Example::new();
    let check = |file: &str, text: &str, expected: &[&str]| {
        let before = std::fs::read_to_string(example.path(file)).unwrap();
        example.write(file, text);
        let ended = example.expect();
        example.write(file, &before);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{}",
            ended.err
        );
        for expected in expected {
            assert!(
                ended.err.contains(expected),
                "{expected} is not in {}",
                ended.err
            );
        }
    };
    let good = "{\"resourceSpans\":[]}";
    check(
        "traces.json",
        "",
        &["traces.json: no spans are recorded here", "resourceSpans"],
    );
    check("traces.json", good, &["no spans are recorded here"]);
    check(
        "traces.json",
        &format!("{good}\n\n{{\"resourceSpans\":[7]}}"),
        &["traces.json:3: malformed OTLP/JSON", "line 3"],
    );
    check(
        "traces.json",
        "{\n\"resourceSpans\":\n[7]}",
        &["traces.json:1: malformed", "line 3"],
    );
    check(
        "traces.json",
        "{\"resourceLogs\":[]}",
        &["no \"resourceSpans\"", "resourceLogs"],
    );
    check(
        "expected.yaml",
        "tail_sampling:\n  12: sampled\n",
        &["expected.yaml:2", "`12` is no trace id"],
    );
    let trace = "a".repeat(32);
    check(
        "expected.yaml",
        &format!("tail_sampling:\n  {trace}: kept\n"),
        &["expected.yaml:2", "`kept` is no verdict: one of sampled"],
    );
    check(
        "expected.yaml",
        "tail_sampling: {}",
        &["nothing is expected"],
    );
    let no_sampler = "{receivers: {nop: }, exporters: {nop: }, \
                      service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}}";
    check(
        "collector.yaml",
        no_sampler,
        &["no processor of this configuration is a `tail_sampling`"],
    );
    let missing = example.run(&["--input", "/nowhere.json"]);
    assert!(
        missing.err.contains("cannot read /nowhere.json"),
        "{}",
        missing.err
    );
}

#[test]
fn a_trace_or_processor_that_is_not_there_is_not_as_expected() {
    let example = Example::new();
    let trace = "a".repeat(32);
    example.write(
        "expected.yaml",
        &format!("tail_sampling: {{{trace}: sampled}}\ntail_sampling/2: {{{trace}: sampled}}\n"),
    );
    let ended = example.expect();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("+ the trace is not recorded"),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("+ there is no such processor"),
        "{}",
        ended.err
    );
}
