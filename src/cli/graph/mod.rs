//! `graph`: asks every replica which service calls which, and shows all of it as one graph.

mod diagram;
mod merged;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{Answer, Failure, ask};
use merged::Graph;

/// Between two questions of `--live`. A service needs a moment to see that a request was one.
const LIVE_INTERVAL: Duration = Duration::from_secs(2);

/// Puts the cursor in the first place and clears what is behind it.
const REDRAW: &str = "\x1b[H\x1b[2J";

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    asked: ask::Whom,
    /// A table for people, diagrams for Graphviz and Mermaid, or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = ["text", "dot", "mermaid", "json"])]
    output: String,
    /// Ask again every two seconds, and show what has changed, until Ctrl-C
    #[arg(long)]
    live: bool,
}

/// What all replicas have said.
#[derive(Default, PartialEq)]
struct Shown {
    graph: String,
    /// Why some said nothing, a line each.
    failures: Vec<String>,
}

pub(super) fn run(options: &Options, out: &mut dyn Write, err: &mut dyn Write) -> Answer {
    let asker = options.asked.asker()?;
    ask::runtime()?.block_on(async {
        let shown = look(&asker, &options.output).await;
        if !options.live {
            write!(out, "{}", shown.graph)?;
            tell(&shown.failures, err)?;
            return match shown.failures.is_empty() {
                true => Ok(()),
                // What is shown is not all there is.
                false => Err(Failure::Told),
            };
        }
        let redraws = options.output == "text" && io::stdout().is_terminal();
        let mut before = Shown::default();
        let mut now = shown;
        loop {
            if now.graph != before.graph {
                let begin = if redraws { REDRAW } else { "" };
                write!(out, "{begin}{}", now.graph)?;
                out.flush()?;
            }
            if now.failures != before.failures {
                tell(&now.failures, err)?;
            }
            tokio::time::sleep(LIVE_INTERVAL).await;
            before = std::mem::replace(&mut now, look(&asker, &options.output).await);
        }
    })
}

fn tell(failures: &[String], err: &mut dyn Write) -> io::Result<()> {
    failures.iter().try_for_each(|line| writeln!(err, "{line}"))
}

/// Asks all replicas. Where none has a graph nothing is shown.
async fn look(asker: &ask::Asker, output: &str) -> Shown {
    let mut graph = Graph::default();
    let (mut failures, mut answers) = (Vec::new(), 0);
    for said in asker.ask("/api/v1/service-graph").await {
        let read = said.answer.and_then(|(status, body)| match status {
            200 => graph.add(body),
            _ => Err(ask::refusal(status, &body)),
        });
        match read {
            Ok(()) => answers += 1,
            Err(reason) => failures.push(format!("{}: {reason}", said.replica)),
        }
    }
    let graph = match (answers, output) {
        (0, _) => String::new(),
        (_, "dot") => diagram::dot(&graph),
        (_, "mermaid") => diagram::mermaid(&graph),
        (_, "json") => format!("{:#}\n", json!(graph)),
        _ => text::table(&graph),
    };
    Shown { graph, failures }
}
