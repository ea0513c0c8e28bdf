//! Verdicts for people and for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::replay::Verdict;
use super::{Sampled, hex};

impl Verdict {
    /// `sampled`, `not_sampled`, `dropped` and so on.
    pub(super) fn word(&self) -> &str {
        self.told["verdict"].as_str().unwrap_or("unknown")
    }

    /// The policy that decided.
    pub(super) fn policy(&self) -> Option<&str> {
        self.told["decisions"][0]["policy"].as_str()
    }

    /// What each policy said, with its name.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (&str, &str)> {
        let policies = self.told["decisions"][0]["policies"].as_array();
        policies.into_iter().flatten().filter_map(|said| {
            let asked = said["vote"] != "not_asked";
            asked.then_some((said["name"].as_str()?, said["text"].as_str()?))
        })
    }

    /// "sampled by errors"
    pub(super) fn sentence(&self) -> String {
        let word = self.word().replace('_', " ");
        match self.policy() {
            Some(policy) => format!("{word} by {policy}"),
            None => word,
        }
    }
}

/// The reasons under a verdict, a line each.
pub(super) fn reasons(verdict: &Verdict) -> String {
    let width = verdict
        .reasons()
        .map(|(name, _)| name.chars().count())
        .max();
    let width = width.unwrap_or_default();
    let lines = verdict.reasons();
    lines
        .map(|(name, text)| format!("    {name:<width$}  {text}\n"))
        .collect()
}

pub(super) fn text(sampled: &[Sampled], out: &mut dyn Write) -> io::Result<()> {
    for Sampled {
        processor,
        verdicts,
    } in sampled
    {
        let kept = verdicts
            .iter()
            .filter(|verdict| verdict.word() == "sampled")
            .count();
        writeln!(
            out,
            "{processor}: {kept} of {} traces sampled",
            verdicts.len()
        )?;
        for verdict in verdicts {
            writeln!(out, "  {}  {}", hex(verdict.id), verdict.sentence())?;
            write!(out, "{}", reasons(verdict))?;
        }
    }
    Ok(())
}

/// By processor and trace id, so that it can be expected again.
pub(super) fn json(sampled: &[Sampled], out: &mut dyn Write) -> io::Result<()> {
    let of_one = |sampled: &Sampled| {
        let verdicts = sampled.verdicts.iter().map(|verdict| {
            let reasons = verdict
                .reasons()
                .map(|(name, text)| (name.to_owned(), json!(text)));
            let mut told = json!({ "verdict": verdict.word() });
            if let Some(policy) = verdict.policy() {
                told["policy"] = json!(policy);
            }
            told["policies"] = Value::Object(reasons.collect());
            (hex(verdict.id), told)
        });
        Value::Object(verdicts.collect())
    };
    let all: Map<_, _> = sampled
        .iter()
        .map(|sampled| (sampled.processor.clone(), of_one(sampled)))
        .collect();
    writeln!(out, "{:#}", Value::Object(all))
}
