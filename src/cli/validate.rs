//! `validate`: names every fault of a configuration and opens nothing.

use std::io::Write;

use config::{Faults, Format, Sources};

use super::{Answer, Failure};
use crate::setup::setup;

/// People read the report on standard error, programs on standard output. Warnings are shown and do
/// no harm.
pub(super) fn run(
    sources: &Sources,
    format: &str,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Answer {
    let format: Format = format.parse().map_err(anyhow::Error::msg)?;
    let mut faults = Faults::new();
    let valid = setup(sources, &mut faults).is_some();
    faults.sort();
    match format {
        Format::Human => faults.write(format, err)?,
        Format::Json => faults.write(format, out)?,
    }
    if valid { Ok(()) } else { Err(Failure::Told) }
}
