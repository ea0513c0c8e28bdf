//! The account that the service prints at its end, and the rules that it must keep whatever
//! happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use config::{Document, Faults, Kind, ProcessEnvironment, Sources};

/// The figures of one node and signal, in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) taken: u64,
    pub(crate) passed: u64,
    pub(crate) dropped: u64,
    pub(crate) rejected: u64,
    pub(crate) held: i64,
}

/// The printed account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    rows: BTreeMap<Node, Figures>,
    /// As it was printed, for messages.
    text: String,
}

/// As printed: kind, id, signal, and transport or pipeline.
type Node = (String, String, String, String);

impl Account {
    /// Finds the account at the end of a log.
    pub(crate) fn read(log: &str) -> Self {
        let (_, table) = log
            .split_once("account (items)")
            .unwrap_or_else(|| panic!("no account in\n{log}"));
        // A line that is indented says more about the row above it.
        let rows = table.lines().skip(1).filter(|line| !line.starts_with(' '));
        Self {
            rows: rows.map(row).collect(),
            text: table.to_owned(),
        }
    }

    /// The sum over the transports and pipelines of one component and signal.
    pub(crate) fn of(&self, kind: &str, id: &str, signal: &str) -> Figures {
        let rows = self
            .rows
            .iter()
            .filter(|((k, i, s, _), _)| (k.as_str(), i.as_str(), s.as_str()) == (kind, id, signal));
        rows.map(|(_, figures)| *figures)
            .fold(Figures::default(), Figures::plus)
    }

    /// What a component did with spans.
    pub(crate) fn spans(&self, kind: &str, id: &str) -> Figures {
        self.of(kind, id, "traces")
    }

    /// Kind, id and signal of every node that has one.
    pub(crate) fn nodes(&self) -> BTreeSet<(String, String, String)> {
        let nodes = self.rows.keys().cloned();
        nodes
            .map(|(kind, id, signal, _)| (kind, id, signal))
            .collect()
    }

    /// Checks every node, and every edge of the configuration that ran.
    pub(crate) fn check(&self, yaml: &str) {
        for (node, figures) in &self.rows {
            let ended = figures.passed + figures.dropped + figures.rejected;
            assert_eq!(figures.taken, ended, "{node:?} has lost count in{self}");
            assert_eq!(figures.held, 0, "{node:?} still holds items in{self}");
        }
        self.check_edges(yaml);
    }

    /// What one node passed on came to the next, each as often as there are edges.
    fn check_edges(&self, yaml: &str) {
        let document = document(yaml);
        let is = |kind, id: &config::ComponentId| document.component(kind, id).is_some();
        let mut fed: BTreeMap<(&str, String, String), u64> = BTreeMap::new();
        for pipeline in &document.service.pipelines {
            let signal = pipeline.id.signal.name();
            let mut flow = 0;
            for from in &pipeline.receivers {
                let kind = match is(Kind::Connector, &from.id) {
                    true => "connector",
                    false => "receiver",
                };
                flow += self.of(kind, &from.id.to_string(), signal).passed;
            }
            for through in &pipeline.processors {
                let node = (
                    "processor".to_owned(),
                    through.id.to_string(),
                    signal.to_owned(),
                    pipeline.id.to_string(),
                );
                let figures = self.rows.get(&node).copied().unwrap_or_default();
                assert_eq!(figures.taken, flow, "what came to {node:?} in{self}");
                flow = figures.passed;
            }
            for to in &pipeline.exporters {
                let kind = match is(Kind::Connector, &to.id) {
                    true => "connector",
                    false => "exporter",
                };
                let node = (kind, to.id.to_string(), signal.to_owned());
                *fed.entry(node).or_default() += flow;
            }
        }
        for ((kind, id, signal), flow) in fed {
            let taken = self.of(kind, &id, &signal).taken;
            assert_eq!(taken, flow, "what came to {kind} {id} {signal} in{self}");
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Figures {
    fn plus(self, other: Self) -> Self {
        Self {
            taken: self.taken + other.taken,
            passed: self.passed + other.passed,
            dropped: self.dropped + other.dropped,
            rejected: self.rejected + other.rejected,
            held: self.held + other.held,
        }
    }
}

fn row(line: &str) -> (Node, Figures) {
    let words: Vec<_> = line.split_whitespace().collect();
    let (node, figures) = words.split_at(words.len() - 5);
    let number = |at: usize| figures[at].parse().unwrap();
    let word = |at: usize| node.get(at).copied().unwrap_or_default().to_owned();
    let figures = Figures {
        taken: number(0),
        passed: number(1),
        dropped: number(2),
        rejected: number(3),
        held: figures[4].parse().unwrap(),
    };
    ((word(0), word(1), word(2), word(3)), figures)
}

fn document(yaml: &str) -> Document {
    let sources = Sources {
        configs: vec![format!("yaml:{yaml}")],
        sets: Vec::new(),
    };
    let mut faults = Faults::new();
    let root = config::load(&sources, &ProcessEnvironment, &mut faults).unwrap();
    Document::read(&root, &mut faults)
}

const YAML: &str = "\
receivers: {otlp: , otlp/two: }
processors: {batch: }
connectors: {forward: }
exporters: {debug: , nop: }
service:
  pipelines:
    traces/in: {receivers: [otlp, otlp/two], processors: [batch], exporters: [forward, nop]}
    traces/out: {receivers: [forward], exporters: [debug]}
";

fn log(rows: [&str; 5]) -> String {
    format!(
        "a line\naccount (items)  in out dropped rejected held\n{}",
        rows.join("\n")
    )
}

const BALANCED: [&str; 5] = [
    "receiver otlp traces grpc 5 3 0 2 0",
    "receiver otlp/two traces http 4 4 0 0 0",
    "processor batch traces traces/in 7 6 1 0 0\n  dropped: 1 metadata_cardinality",
    "connector forward traces 6 6 0 0 0\nexporter nop traces 6 6 0 0 0",
    "exporter debug traces 6 5 1 0 0",
];

#[test]
fn an_account_that_balances_is_read_and_passes() {
    let account = Account::read(&log(BALANCED));
    account.check(YAML);
    let expected = Figures {
        taken: 5,
        passed: 3,
        rejected: 2,
        ..Figures::default()
    };
    assert_eq!(account.spans("receiver", "otlp"), expected);
    assert_eq!(account.spans("exporter", "file"), Figures::default());
}

#[test]
fn an_account_with_a_hole_does_not_pass() {
    for (at, row) in [
        (0, "receiver otlp traces grpc 6 3 0 2 0"),
        (0, "receiver otlp traces grpc 5 4 0 1 0"),
        (2, "processor batch traces traces/in 7 6 0 0 1"),
        (4, "exporter debug traces 5 5 0 0 0"),
    ] {
        let mut rows = BALANCED;
        rows[at] = row;
        let account = Account::read(&log(rows));
        let checked = std::panic::catch_unwind(|| account.check(YAML));
        assert!(checked.is_err(), "{row}");
    }
}
