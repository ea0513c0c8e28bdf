//! `bench`: the kit on the command line.

use std::io::{self, Write};
use std::process::ExitCode;

use benches::generator;
use benches::measure::{self, Case, Format, Round};
use benches::process::Launch;
use benches::sink::{self, Script, Sink};
use clap::{Parser, Subcommand};

/// Load generator, sink and measurement for any OTLP collector.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Send standard requests, and print a report as one line of JSON.
    Gen(generator::Options),
    /// Receive, count and answer as told; GET /counts, /script?…, /verdict?acked=FILE and /forget
    /// on the same port.
    Sink {
        #[command(flatten)]
        options: sink::Options,
        /// The first script, such as `answer=unavailable&percent=70`.
        #[arg(long, value_parser = Script::from_query, default_value = "")]
        script: Script,
    },
    /// Run collectors side by side and print their cost for a million spans.
    Measure(Measure),
}

#[derive(Debug, clap::Args)]
struct Measure {
    /// Cases, separated by commas, or `all`.
    cases: String,
    /// Collectors; `--config FILE` is appended unless the command says `{config}`.
    #[arg(required = true, value_name = "NAME=COMMAND", value_parser = parse_collector)]
    collectors: Vec<(String, Launch)>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match Arguments::parse().task {
        Task::Gen(options) => generate(options, &mut out),
        Task::Sink { options, script } => serve(options, script, &mut out),
        Task::Measure(plan) => plan.run(&mut out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere left to report that standard error is closed.
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(options: generator::Options, out: &mut impl Write) -> io::Result<()> {
    let report = generator::run_blocking(options)?;
    writeln!(out, "{}", report.to_json())
}

/// Serves until the process is ended from outside.
fn serve(options: sink::Options, script: Script, out: &mut impl Write) -> io::Result<()> {
    let sink = Sink::start(options)?;
    sink.script(script);
    writeln!(out, "listening on {}", sink.address())?;
    out.flush()?;
    loop {
        std::thread::park();
    }
}

impl Measure {
    fn run(&self, out: &mut impl Write) -> io::Result<()> {
        let cases = parse_cases(&self.cases)?;
        measure::settle_down()?;
        let mut rounds: Vec<Round> = Vec::new();
        writeln!(out, "{}", measure::row_header())?;
        for case in cases {
            for _ in 0..self.rounds {
                for (name, launch) in &self.collectors {
                    let round = measure::round(case, name, launch)?;
                    writeln!(out, "{}", measure::row(&round))?;
                    out.flush()?;
                    rounds.push(round);
                }
            }
        }
        writeln!(out, "\n{}", measure::table(&rounds, self.format))
    }
}

fn parse_cases(names: &str) -> io::Result<Vec<&'static Case>> {
    if names == "all" {
        return Ok(measure::CASES.iter().collect());
    }
    let known = || measure::CASES.map(|case| case.name).join(", ");
    let named = |name| {
        Case::named(name).ok_or_else(|| {
            let text = format!("`{name}` is no case; there are {}", known());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
    };
    names.split(',').map(named).collect()
}

fn parse_collector(text: &str) -> Result<(String, Launch), String> {
    let (name, command) = text.split_once('=').ok_or("expected NAME=COMMAND")?;
    let launch = Launch::parse(command).ok_or("the command is empty")?;
    Ok((name.to_owned(), launch))
}
