//! `print-config`: what a configuration comes to, with defaults filled in and secrets left out.

use std::io::Write;

use clap::Args;
use config::{Faults, Format, Node};
use serde_json::{Map, Value};

use super::{Answer, Failure, for_collector, yaml};
use crate::outline;
use crate::setup::{Asked, Setup, setup};

#[derive(Args, Debug)]
pub(super) struct Options {
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    #[arg(value_parser = ["yaml", "json"])]
    format: String,
    /// Say behind each value where it was written (YAML only)
    #[arg(long)]
    origins: bool,
    /// Leave out what only this service knows, and write old names new; say each
    #[arg(long)]
    for_collector: bool,
    /// As the Collector has it; secrets are never printed here
    #[arg(long, value_name = "MODE", default_value = "redacted", value_parser = ["redacted"])]
    mode: String,
}

/// The sections in the order in which people write them, empty ones left out.
type Sections = Vec<(&'static str, Value)>;

pub(super) fn run(
    asked: &Asked,
    options: &Options,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Answer {
    if options.origins && options.format == "json" {
        return Err(anyhow::anyhow!("--origins writes comments, which JSON does not have").into());
    }
    let mut faults = Faults::new();
    let setup = setup(asked, &mut faults);
    faults.write(Format::Human, err)?;
    let Setup {
        root,
        document,
        effective,
        ..
    } = setup.ok_or(Failure::Told)?;
    let mut sections: Sections = effective
        .into_iter()
        .filter(|(_, components)| !components.is_empty())
        .map(|(kind, components)| {
            (
                kind.section(),
                Value::Object(components.into_iter().collect()),
            )
        })
        .collect();
    sections.push(("service", outline::service(&document)?));
    if options.for_collector {
        for_collector::adapt(&mut sections, err)?;
    }
    match options.format.as_str() {
        "json" => {
            let sections: Map<String, Value> = sections
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            writeln!(out, "{:#}", Value::Object(sections))?;
        }
        _ => {
            let note = |path: &str| options.origins.then(|| origin(&root, path));
            out.write_all(yaml::document(&sections, &note).as_bytes())?;
        }
    }
    Ok(())
}

/// The source and line that a value comes from; a source of one line, such as `--set`, has only its name.
fn origin(root: &Node, path: &str) -> String {
    match root.find(path) {
        Some(place) if place.source.text.contains('\n') => {
            format!("{}:{}", place.source.name, place.line())
        }
        Some(place) => place.source.name.clone(),
        None => "default".to_owned(),
    }
}
