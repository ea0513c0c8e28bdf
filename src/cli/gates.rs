//! `--feature-gates` and `featuregate`: the Collector's switches for what is new there.
//!
//! This build has none of its own. A gate of the Collector is known by its name, so that a command line that sets it
//! still starts, with a warning that it changes nothing here.

use std::io::{self, Write};

use anyhow::bail;

/// A gate of the Collector 0.159.
struct Gate {
    id: &'static str,
    stage: Stage,
    /// What is so in this build, whatever the gate says.
    here: &'static str,
}

/// How far a gate is on its way to be gone: alpha is off unless set, beta on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Alpha,
    Beta,
}

/// The gates of the core, and those of components that have a key for them.
const GATES: [Gate; 13] = [
    Gate {
        id: "confmap.enableMergeAppendOption",
        stage: Stage::Alpha,
        here: "lists of several sources replace one another",
    },
    Gate {
        id: "pdata.useProtoPooling",
        stage: Stage::Alpha,
        here: "data stays encoded, so there is nothing to pool",
    },
    Gate {
        id: "pkg.exporterhelper.queueBatchEnabled",
        stage: Stage::Alpha,
        here: "exporters batch in their queue where `sending_queue::batch` stands",
    },
    Gate {
        id: "processor.tailsamplingprocessor.metricstatcountbytessampled",
        stage: Stage::Alpha,
        here: "the metric is on pages of the level `detailed`",
    },
    Gate {
        id: "processor.tailsamplingprocessor.metricstatcountspanssampled",
        stage: Stage::Alpha,
        here: "the metric is on pages of the level `detailed`",
    },
    Gate {
        id: "processor.tailsamplingprocessor.recordpolicy",
        stage: Stage::Alpha,
        here: "write `record_policy: true` in `tail_sampling`",
    },
    Gate {
        id: "processor.tailsamplingprocessor.usetracestate",
        stage: Stage::Alpha,
        here: "write `record_threshold: true` in `tail_sampling` to have `ot=th` written",
    },
    Gate {
        id: "receiverhelper.newReceiverMetrics",
        stage: Stage::Alpha,
        here: "refusals and their reasons are in `tracegate_items_total`",
    },
    Gate {
        id: "service.AllowNoPipelines",
        stage: Stage::Alpha,
        here: "a service has at least one pipeline",
    },
    Gate {
        id: "service.partialReload",
        stage: Stage::Alpha,
        here: "a reload keeps whatever has not changed",
    },
    Gate {
        id: "service.partialReloadReceivers",
        stage: Stage::Beta,
        here: "a reload keeps whatever has not changed",
    },
    Gate {
        id: "service.profilesSupport",
        stage: Stage::Alpha,
        here: "profiles are not taken",
    },
    Gate {
        id: "telemetry.newPipelineTelemetry",
        stage: Stage::Alpha,
        here: "what goes in and out of each component is in `tracegate_items_total`",
    },
];

/// What is to be said of the gates of a command line, a warning each. `list` is `a,-b,+c`.
pub(super) fn warnings(lists: &[String]) -> Vec<String> {
    let words = lists.iter().flat_map(|list| list.split(','));
    let ids = words.map(|word| word.trim().trim_start_matches(['+', '-']));
    ids.filter(|id| !id.is_empty()).map(warning).collect()
}

fn warning(id: &str) -> String {
    match GATES.iter().find(|gate| gate.id == id) {
        Some(gate) => format!(
            "the feature gate {id:?} changes nothing here: {}",
            gate.here
        ),
        None => match config::closest(id, GATES.iter().map(|gate| gate.id)) {
            Some(close) => format!("no such feature gate {id:?}, did you mean {close:?}?"),
            None => format!("no such feature gate {id:?}; it is ignored"),
        },
    }
}

/// Prints the table, or the row of one gate.
pub(super) fn list(id: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let rows: Vec<_> = GATES
        .iter()
        .filter(|gate| id.is_none_or(|id| gate.id == id))
        .collect();
    if let (Some(id), true) = (id, rows.is_empty()) {
        bail!("{}", warning(id));
    }
    table(&rows, out)?;
    Ok(())
}

fn table(rows: &[&Gate], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:<46} {:<6} HERE", "COLLECTOR'S GATE", "STAGE")?;
    for Gate { id, stage, here } in rows {
        let stage = match stage {
            Stage::Alpha => "alpha",
            Stage::Beta => "beta",
        };
        writeln!(out, "{id:<46} {stage:<6} {here}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gate_of_a_list_gets_one_sentence() {
        let check = |list: &str, expected: &[&str]| {
            let found = warnings(&[list.to_owned()]);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.contains(expected), "{found}");
            }
        };
        check("", &[]);
        check(
            "service.profilesSupport",
            &["changes nothing here: profiles are not taken"],
        );
        check(
            "-pdata.useProtoPooling, +x.y",
            &[
                "nothing to pool",
                "no such feature gate \"x.y\"; it is ignored",
            ],
        );
        check(
            "service.partialReloads",
            &["did you mean \"service.partialReload\"?"],
        );
    }
}
