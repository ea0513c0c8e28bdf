//! `why`: asks every replica what was decided about a trace.

mod text;

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

use super::{Answer, Failure, ask};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// 32 hexadecimal digits
    trace_id: String,
    #[command(flatten)]
    asked: ask::Whom,
    /// For people, or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = ["text", "json"])]
    output: String,
}

/// What one replica said.
struct Said {
    replica: String,
    answer: Result<Known, String>,
}

/// An answer of the admin extension, and whether it knows the trace.
struct Known {
    is_known: bool,
    body: Value,
}

pub(super) fn run(options: &Options, out: &mut dyn Write, err: &mut dyn Write) -> Answer {
    let asker = options.asked.asker()?;
    let path = format!("/api/v1/traces/{}/why", options.trace_id);
    let said = ask::runtime()?.block_on(asker.ask(&path));
    let said: Vec<_> = said.into_iter().map(Said::read).collect();
    let is_known = said
        .iter()
        .any(|said| matches!(&said.answer, Ok(known) if known.is_known));
    if options.output == "json" {
        let body =
            json!({"trace_id": options.trace_id, "known": is_known, "replicas": rows(&said)});
        writeln!(out, "{body:#}")?;
    } else {
        text::write(&said, out)?;
    }
    let mut failed = false;
    for said in &said {
        if let Err(reason) = &said.answer {
            failed = true;
            writeln!(err, "{}: {reason}", said.replica)?;
        }
    }
    match (is_known, failed) {
        (true, _) => Ok(()),
        // Who has not answered might have known.
        (false, true) => Err(Failure::Told),
        (false, false) => Err(Failure::Unknown),
    }
}

// === impl Said ===

impl Said {
    fn read(said: ask::Said) -> Self {
        let answer = said.answer.and_then(|(status, body)| match status {
            200 | 404 if body["instances"].is_array() => Ok(Known {
                is_known: status == 200,
                body,
            }),
            _ => Err(ask::refusal(status, &body)),
        });
        Self {
            replica: said.replica,
            answer,
        }
    }
}

fn rows(said: &[Said]) -> Value {
    let row = |said: &Said| match &said.answer {
        Ok(Known { is_known, body }) => {
            json!({"replica": said.replica, "known": is_known, "answer": body})
        }
        Err(reason) => json!({"replica": said.replica, "error": reason}),
    };
    said.iter().map(row).collect()
}
