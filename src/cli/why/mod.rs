//! `why`: asks every replica what was decided about a trace.

mod replica;
mod text;

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Answer, Failure};
use replica::{Access, Endpoint, Replica};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// 32 hexadecimal digits
    trace_id: String,
    /// Of the admin extension; every address behind the name is asked, and it
    /// may be repeated
    #[arg(
        long = "endpoint",
        value_name = "URL",
        default_value = "http://localhost:13134"
    )]
    endpoints: Vec<String>,
    /// Sent along, such as `Authorization: Bearer …`
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Whom to trust instead of the system's roots, for https
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Trust any certificate
    #[arg(long)]
    insecure_skip_verify: bool,
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
    let access = Access::new(
        &options.headers,
        options.ca_file.as_deref(),
        options.insecure_skip_verify,
    );
    let access = access.map_err(anyhow::Error::msg)?;
    let endpoints = options.endpoints.iter().map(|url| Endpoint::parse(url));
    let endpoints: Vec<_> = endpoints
        .collect::<Result<_, _>>()
        .map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    let said = runtime.block_on(ask_all(endpoints, &access, &options.trace_id));
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

/// Asks all at the same time; the answers are in the order of the endpoints and their addresses.
async fn ask_all(endpoints: Vec<Endpoint>, access: &Access, trace_id: &str) -> Vec<Said> {
    let mut said = Vec::new();
    let mut asked = JoinSet::new();
    for endpoint in endpoints {
        match endpoint.replicas().await {
            Err(reason) => said.push(Said {
                replica: endpoint.to_string(),
                answer: Err(reason),
            }),
            Ok(replicas) => {
                for replica in replicas {
                    let (access, trace_id) = (access.clone(), trace_id.to_owned());
                    let at = asked.len();
                    asked.spawn_local(async move { (at, ask(&replica, &access, &trace_id).await) });
                }
            }
        }
    }
    let mut answered: Vec<_> = asked.join_all().await;
    answered.sort_by_key(|(at, _)| *at);
    said.extend(answered.into_iter().map(|(_, said)| said));
    said
}

async fn ask(replica: &Replica, access: &Access, trace_id: &str) -> Said {
    let answered = replica
        .get(access, &format!("/api/v1/traces/{trace_id}/why"))
        .await;
    let answer = answered.and_then(|(status, body)| {
        let text = body["error"].as_str().unwrap_or_default().to_owned();
        match status {
            200 | 404 if body["instances"].is_array() => Ok(Known {
                is_known: status == 200,
                body,
            }),
            401 | 403 if text.is_empty() => Err(format!(
                "{status}: it wants to know who asks; write `--header 'Authorization: …'`, \
                 or `https://user:password@…`"
            )),
            _ if text.is_empty() => Err(format!("{status}: no answer of an admin extension")),
            _ => Err(text),
        }
    });
    Said {
        replica: replica.to_string(),
        answer,
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
