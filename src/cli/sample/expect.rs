//! What the verdicts are to be: a file in YAML or JSON, written by hand or by `--output json`.
//!
//! ```yaml
//! tail_sampling:
//!   4bf92f3577b34da6a3ce929d0e0e4736: sampled
//!   0af7651916cd43dd8448eb211c80319c: {verdict: not_sampled}
//!   b9c7c989f97918e1a3ce929d0e0e4736: {verdict: sampled, policy: errors}
//! ```

use std::collections::HashMap;
use std::fmt::Write;

use config::{Fault, Faults, Node, Sources};

use super::replay::Verdict;
use super::{Sampled, hex, print};
use crate::fetch::Online;

/// What a verdict is called; the same words as in the answers.
const WORDS: [&str; 5] = ["sampled", "not_sampled", "dropped", "too_large", "evicted"];

/// One line of the file.
#[derive(Debug)]
pub(super) struct Expected {
    processor: String,
    id: [u8; 16],
    verdict: String,
    policy: Option<String>,
}

/// Reads the file; what is wrong with it is named with its place.
pub(super) fn read(file: &str, faults: &mut Faults) -> Vec<Expected> {
    let sources = Sources {
        configs: vec![format!("file:{file}")],
        sets: Vec::new(),
    };
    let mut all = Vec::new();
    let Some(root) = config::load(&sources, &Online, faults) else {
        return all;
    };
    for processor in root.as_map().iter().flat_map(|map| map.iter()) {
        let Some(traces) = processor.node.as_map() else {
            faults.push(wrong(
                &processor.node,
                &processor.key,
                "expected a map of trace ids",
            ));
            continue;
        };
        for trace in traces.iter() {
            let path = format!("{}::{}", processor.key, trace.key);
            match read_one(&processor.key, &trace.key, &trace.node) {
                Ok(expected) => all.push(expected),
                Err(text) => faults.push(wrong(&trace.node, &path, &text)),
            }
        }
    }
    if all.is_empty() && !faults.has_errors() {
        let text = "nothing is expected; write `PROCESSOR: {TRACE_ID: sampled}`";
        faults.push(wrong(&root, "", text));
    }
    all
}

fn wrong(node: &Node, path: &str, text: &str) -> Fault {
    Fault::error(node.place.clone(), path, text)
}

fn read_one(processor: &str, id: &str, node: &Node) -> Result<Expected, String> {
    let number = (id.len() == 32)
        .then(|| u128::from_str_radix(id, 16).ok())
        .flatten();
    let number = number.ok_or_else(|| format!("`{id}` is no trace id, which has 32 hex digits"))?;
    let verdict = node.as_text().or_else(|| node.get("verdict")?.as_text());
    let verdict = verdict.ok_or_else(|| format!("expected a verdict, {}", one_of()))?;
    if !WORDS.contains(&verdict) {
        return Err(format!("`{verdict}` is no verdict: {}", one_of()));
    }
    let policy = node.get("policy").and_then(Node::as_text);
    Ok(Expected {
        processor: processor.to_owned(),
        id: number.to_be_bytes(),
        verdict: verdict.to_owned(),
        policy: policy.map(str::to_owned),
    })
}

fn one_of() -> String {
    format!("one of {}", WORDS.join(", "))
}

/// What is not as expected, in words.
pub(super) fn compare(expected: &[Expected], sampled: &[Sampled]) -> Vec<String> {
    let by_processor = sampled.iter().map(|sampled| {
        let verdicts = sampled.verdicts.iter().map(|verdict| (verdict.id, verdict));
        (sampled.processor.as_str(), verdicts.collect())
    });
    let by_processor: HashMap<&str, HashMap<[u8; 16], &Verdict>> = by_processor.collect();
    let compare = |expected: &Expected| {
        let verdicts = by_processor.get(expected.processor.as_str());
        expected.compare(verdicts.map(|verdicts| verdicts.get(&expected.id).copied()))
    };
    expected.iter().filter_map(compare).collect()
}

impl Expected {
    /// `found`: of the processor, if there is one, and of the trace, if it is recorded.
    fn compare(&self, found: Option<Option<&Verdict>>) -> Option<String> {
        let mut text = format!("{}  {}\n", self.processor, hex(self.id));
        let expected = self.verdict.replace('_', " ");
        let policy = self.policy.as_ref().map(|policy| format!(" by {policy}"));
        let _ = writeln!(text, "  - {expected}{}", policy.unwrap_or_default());
        let verdict = match found {
            None => {
                text.push_str("  + there is no such processor\n");
                return Some(text);
            }
            Some(None) => {
                text.push_str("  + the trace is not recorded\n");
                return Some(text);
            }
            Some(Some(verdict)) => verdict,
        };
        let policy_is_right = self.policy.is_none() || self.policy.as_deref() == verdict.policy();
        if verdict.word() == self.verdict && policy_is_right {
            return None;
        }
        let _ = writeln!(text, "  + {}", verdict.sentence());
        text.push_str(&print::reasons(verdict));
        Some(text)
    }
}
