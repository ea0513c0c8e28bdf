//! `validate`: names every fault of a configuration and opens nothing.

use std::io::Write;

use clap::Args;
use config::{Faults, Format};

use super::{Answer, Failure};
use crate::setup::{Asked, setup};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// For people, or for programs
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    #[arg(value_parser = ["human", "json"])]
    format: String,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

/// People read the report on standard error, programs on standard output. Warnings do no harm unless
/// it is strict.
pub(super) fn run(
    asked: &Asked,
    options: &Options,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Answer {
    let format: Format = options.format.parse().map_err(anyhow::Error::msg)?;
    let mut faults = Faults::new();
    let valid = setup(asked, &mut faults).is_some();
    match format {
        Format::Human => faults.write(format, err)?,
        Format::Json => faults.write(format, out)?,
    }
    if valid && (faults.is_empty() || !options.strict) {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}
