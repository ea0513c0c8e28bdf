//! Answers for a person.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::Value;

use super::{Known, Said};

/// Writes what the replicas know; where none does, what each of them says instead.
pub(super) fn write(said: &[Said], out: &mut dyn Write) -> io::Result<()> {
    let answers = said
        .iter()
        .filter_map(|said| Some((said, said.answer.as_ref().ok()?)));
    let answers: Vec<(&Said, &Known)> = answers.collect();
    let anybody_knows = answers.iter().any(|(_, known)| known.is_known);
    let names_replicas = said.len() > 1;
    for (said, known) in answers
        .iter()
        .filter(|(_, known)| known.is_known == anybody_knows)
    {
        if names_replicas {
            writeln!(out, "{}:", said.replica)?;
        }
        for instance in list(&known.body, "instances") {
            write_instance(instance, out)?;
        }
    }
    Ok(())
}

fn write_instance(instance: &Value, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", text(instance, "processor"))?;
    if let Some(pipeline) = instance["pipeline"].as_str() {
        write!(out, " in {pipeline}")?;
    }
    writeln!(out, ": {}", text(instance, "text"))?;
    for (at, decision) in list(instance, "decisions").iter().enumerate() {
        // The first one's text has been said, unless the trace waits for another decision.
        if at > 0 || text(instance, "state") != "decided" {
            writeln!(out, "  decided before: {}", text(decision, "text"))?;
        }
        write_decision(decision, out)?;
    }
    Ok(())
}

fn write_decision(decision: &Value, out: &mut dyn Write) -> io::Result<()> {
    let times = [
        ("first span", "first_span_unix_ms"),
        ("last span ", "last_span_unix_ms"),
        ("decided   ", "decided_unix_ms"),
    ];
    for (name, field) in times {
        let time = decision[field]
            .as_i64()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        if let Some(time) = time {
            writeln!(out, "  {name} {time:.3}")?;
        }
    }
    let root = match decision["root_seen"].as_bool() {
        Some(true) => "root seen",
        _ => "no root seen",
    };
    writeln!(
        out,
        "  latency {} ms, {} bytes, {root}",
        decision["latency_ms"], decision["bytes"]
    )?;
    write_policies(list(decision, "policies"), 1, out)
}

fn write_policies(policies: &[Value], depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let width = policies
        .iter()
        .map(|policy| text(policy, "name").chars().count())
        .max();
    let width = width.unwrap_or_default();
    let indent = "  ".repeat(depth);
    for policy in policies {
        writeln!(
            out,
            "{indent}{:width$}  {}",
            text(policy, "name"),
            text(policy, "text")
        )?;
        write_policies(list(policy, "policies"), depth + 1, out)?;
    }
    Ok(())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(said: &[Said]) -> String {
        let mut out = Vec::new();
        write(said, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn said(replica: &str, is_known: bool, instance: Value) -> Said {
        let body = json!({"instances": [instance]});
        Said {
            replica: replica.to_owned(),
            answer: Ok(Known { is_known, body }),
        }
    }

    #[test]
    fn a_decision_is_printed_with_its_policies() {
        let decided = json!({
            "processor": "tail_sampling", "pipeline": "traces", "state": "decided", "text": "sampled by slow",
            "decisions": [{
                "first_span_unix_ms": 1_795_255_664_000_i64, "last_span_unix_ms": 1_795_255_664_250_i64,
                "decided_unix_ms": 1_795_255_674_000_i64, "latency_ms": 1812, "bytes": 477, "root_seen": true,
                "policies": [
                    {"name": "both", "text": "slow did not agree → no", "policies": [
                        {"name": "s", "text": "latency 1.812 s < 5 s → no"}]},
                    {"name": "slow", "text": "latency 1.812 s > 1 s → yes"},
                ],
            }],
        });
        let never =
            json!({"processor": "tail_sampling", "state": "never_seen", "text": "never seen"});
        let both = [
            said("10.0.0.1:1", false, never.clone()),
            said("10.0.0.2:1", true, decided),
        ];
        assert_eq!(
            printed(&both),
            "\
10.0.0.2:1:
tail_sampling in traces: sampled by slow
  first span 2026-11-21T10:07:44.000Z
  last span  2026-11-21T10:07:44.250Z
  decided    2026-11-21T10:07:54.000Z
  latency 1812 ms, 477 bytes, root seen
  both  slow did not agree → no
    s  latency 1.812 s < 5 s → no
  slow  latency 1.812 s > 1 s → yes
"
        );
        let nobody = [said("10.0.0.1:1", false, never)];
        assert_eq!(printed(&nobody), "tail_sampling: never seen\n");
    }
}
