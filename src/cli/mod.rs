//! The command line: what may be asked for, and which module answers.

mod ask;
mod components;
mod demo;
mod for_collector;
mod gates;
mod given;
mod graph;
mod paper;
mod print_config;
mod sample;
mod start;
mod validate;
mod welcome;
mod why;
mod yaml;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use given::Given;

/// What the help says about the end. Usage errors end with 1 too, so that there is one code for
/// "did not work".
const EXIT_CODES: &str = "\
Exit codes:
  0  it ran and was asked to stop, or what was asked for is printed or valid
  1  wrong arguments, a faulty configuration, or a start that failed
  2  `why`: everybody who was asked has answered, and nobody knows the trace";

/// The code of an answer that nobody has.
const UNKNOWN: u8 = 2;

const ABOUT: &str = "\
A telemetry service: takes OTLP in, does what collector.yaml says, sends it on.
Without a configuration it listens on 127.0.0.1, ports 4317 (gRPC) and 4318
(HTTP), and prints what arrives.";

#[derive(Debug, Parser)]
#[command(bin_name = "tracegate", version, about = ABOUT, after_help = EXIT_CODES)]
#[command(max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    running: start::Running,
    /// The Collector's switches, `a,-b`; there are none here
    #[arg(long, value_name = "LIST", global = true, allow_hyphen_values = true)]
    feature_gates: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Name every fault of a configuration, and its fix
    Validate(validate::Options),
    /// Print the effective configuration, without secrets
    #[command(alias = "print-initial-config")]
    PrintConfig(print_config::Options),
    /// List the components of this build
    Components {
        /// Print the reference of this one instead
        #[arg(long, value_name = "NAME")]
        docs: Option<String>,
    },
    /// Say what the tail_sampling of a configuration does with recorded traces
    Sample(sample::Options),
    /// Run with a small shop as the client, and count
    Demo {
        /// Stop after so many seconds
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        seconds: Option<u32>,
    },
    /// Say why a trace was kept or dropped
    Why(why::Options),
    /// Show which service calls which
    Graph(graph::Options),
    /// List the Collector's feature gates, and what is so here
    Featuregate { id: Option<String> },
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page (roff)
    Man,
}

/// Why a command did not work.
enum Failure {
    /// Everything has been said.
    Told,
    Untold(anyhow::Error),
    /// What was asked for is not known, which has been said.
    Unknown,
}

type Answer = Result<(), Failure>;

/// Does what the arguments say.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => {
            // Help and version come this way, too. There is nobody to tell that printing failed.
            let _ = refused.print();
            return if refused.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let (mut out, mut err) = (io::stdout().lock(), io::stderr());
    match answer(&cli, &mut out, &mut err) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Unknown) => UNKNOWN.into(),
        Err(Failure::Untold(error)) => match error.downcast_ref::<io::Error>() {
            // Whoever read our output has seen enough.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            _ => {
                let _ = writeln!(err, "error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn answer(cli: &Cli, out: &mut dyn Write, err: &mut dyn Write) -> Answer {
    for warning in gates::warnings(&cli.feature_gates) {
        writeln!(err, "warning: {warning}")?;
    }
    match &cli.command {
        None => start::run(&cli.given, &cli.running, err),
        Some(Command::Validate(options)) => validate::run(&cli.given.asked(), options, out, err),
        Some(Command::PrintConfig(options)) => {
            print_config::run(&cli.given.asked_or_embedded(), options, out, err)
        }
        Some(Command::Components { docs: None }) => Ok(components::list(out)?),
        Some(Command::Components { docs: Some(name) }) => Ok(components::docs(name, out)?),
        Some(Command::Sample(options)) => sample::run(&cli.given.asked(), options, out, err),
        Some(Command::Demo { seconds }) => demo::run(&cli.given, *seconds, &cli.running, err),
        Some(Command::Why(options)) => why::run(options, out, err),
        Some(Command::Graph(options)) => graph::run(options, out, err),
        Some(Command::Featuregate { id }) => Ok(gates::list(id.as_deref(), out)?),
        Some(Command::Completions { shell }) => Ok(paper::completions(*shell, out)?),
        Some(Command::Man) => Ok(paper::man(out)?),
    }
}

// === impl Failure ===

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Untold(error.into())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sources_may_stand_before_and_after_the_command() {
        let check = |arguments: &[&str], configs: &[&str], sets: &[&str]| {
            let words = std::iter::once("tracegate").chain(arguments.iter().copied());
            let cli = Cli::try_parse_from(words).unwrap();
            assert_eq!(cli.given.configs, configs, "{arguments:?}");
            assert_eq!(cli.given.sets, sets, "{arguments:?}");
        };
        check(&["--config", "a", "--config=b"], &["a", "b"], &[]);
        check(&["validate", "--config", "a"], &["a"], &[]);
        check(
            &["--config", "a", "validate", "--set", "x=1"],
            &["a"],
            &["x=1"],
        );
        check(&["--set", "x=--y"], &[], &["x=--y"]);
    }
}
