//! `sample`: what the `tail_sampling` processors of a configuration would do with recorded traces, and why.

mod expect;
mod input;
mod print;
mod replay;

use std::io::Write;

use clap::Args;
use config::{Component, Faults, Format};
use ledger::{Budget, Kind};
use otlp::Signal;
use pipeline::Clock;
use pipeline::component::{Extensions, Host, Label, Processor};

use super::{Answer, Failure};
use crate::components::REGISTRY;
use crate::setup::{Asked, Setup, setup};
use replay::Verdict;

/// The type of the processors that are asked.
const SAMPLER: &str = "tail_sampling";

/// The key that divides a sampler. One is the default.
const SHARDS: &str = "num_shards";

/// Memory that an instance may believe to have. What is recorded is in memory anyway.
const MEMORY: u64 = 8 << 30;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Recorded traces, OTLP/JSON: one request, or one a line; - is standard input; may be repeated
    #[arg(long = "input", value_name = "FILE", required = true)]
    inputs: Vec<String>,
    /// Fail unless the verdicts are those of this file
    #[arg(long, value_name = "FILE")]
    expect: Option<String>,
    /// For people, or for programs and as --expect
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = ["text", "json"])]
    output: String,
}

/// The verdicts of one processor, in the order of the traces.
struct Sampled {
    processor: String,
    verdicts: Vec<Verdict>,
}

pub(super) fn run(
    asked: &Asked,
    options: &Options,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Answer {
    let mut faults = Faults::new();
    let setup = setup(asked, &mut faults);
    let samplers = setup.as_ref().map(|setup| samplers(setup, &mut faults));
    let expected = options.expect.as_deref();
    let expected = expected.map(|file| expect::read(file, &mut faults));
    faults.write(Format::Human, err)?;
    let samplers = samplers.ok_or(Failure::Told)?;
    if faults.has_errors() {
        return Err(Failure::Told);
    }
    let recorded = input::read(&options.inputs)?;
    if recorded.homeless > 0 {
        writeln!(
            err,
            "warning: spans without a valid trace id belong to no trace: {}",
            recorded.homeless
        )?;
    }
    let sampled = samplers.into_iter().map(|(processor, sampler)| Sampled {
        processor,
        verdicts: replay::run(sampler, &recorded),
    });
    let sampled: Vec<_> = sampled.collect();
    match options.output.as_str() {
        "json" => print::json(&sampled, out)?,
        _ => print::text(&sampled, out)?,
    }
    let Some(expected) = expected else {
        return Ok(());
    };
    let wrong = expect::compare(&expected, &sampled);
    if wrong.is_empty() {
        writeln!(err, "as expected: {} verdicts", expected.len())?;
        return Ok(());
    }
    writeln!(
        err,
        "not as expected: {} of {} verdicts",
        wrong.len(),
        expected.len()
    )?;
    for wrong in wrong {
        write!(err, "{wrong}")?;
    }
    Err(Failure::Told)
}

/// An instance of each sampler of the configuration, by its id.
fn samplers(setup: &Setup, faults: &mut Faults) -> Vec<(String, Box<dyn Processor>)> {
    let mut samplers = Vec::new();
    for component in setup.document.processors.iter() {
        if component.id.kind() != SAMPLER {
            continue;
        }
        if let Some(sampler) = sampler(component, faults) {
            samplers.push((component.id.to_string(), sampler));
        }
    }
    if samplers.is_empty() && !faults.has_errors() {
        let text = format!("no processor of this configuration is a `{SAMPLER}`");
        faults.push(config::Fault::placeless(text));
    }
    samplers
}

fn sampler(component: &Component, faults: &mut Faults) -> Option<Box<dyn Processor>> {
    let row = REGISTRY
        .processors
        .iter()
        .find(|row| row.is_called(SAMPLER))?;
    // One instance with the limits and rates of all shards: which traces would meet on a shard is different each time.
    let mut component = component.clone();
    if let Some(keys) = component.node.as_map_mut() {
        keys.remove(SHARDS);
    }
    // What is wrong with it has been said already.
    let planned = (row.plan)(&component, &mut Faults::new())?;
    let host = Host {
        budget: Budget::new(MEMORY),
        metrics: telemetry::metrics::Metrics::default(),
        clock: Clock::start(),
        label: Label {
            kind: Kind::Processor,
            id: component.id.to_string(),
            signal: Some(Signal::Traces),
            pipeline: None,
        },
        extensions: Extensions::default(),
        instance: "sample".into(),
        verdicts: None,
    };
    match (planned.build.make)(&host) {
        Ok(sampler) => Some(sampler),
        Err(text) => {
            faults.push(component.fault(text));
            None
        }
    }
}

/// A trace id, as people write it.
fn hex(id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}
