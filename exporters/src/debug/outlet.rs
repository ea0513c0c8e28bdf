//! Where text goes: the service's log, or files of its own.

use std::fs::OpenOptions;
use std::io::{self, Write};

use otlp::Signal;
use pipeline::component::Label;
use telemetry::logging::VERBATIM;

use super::config::Config;
use super::counts::Counts;

pub(super) enum Outlet {
    /// Lines go through the service's log, with its level and its form, but without the place in
    /// our source, which says nothing about the data.
    Log(Label),
    /// Plain lines to every one of these.
    Writers(Vec<(String, Box<dyn Write>)>),
}

impl Outlet {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// A file cannot be opened for appending.
    pub(super) fn open(config: &Config, label: &Label) -> Result<Self, String> {
        if config.use_internal_logger {
            return Ok(Self::Log(label.clone()));
        }
        let stdout = ["stdout".to_owned()];
        let paths = config.output_paths.as_deref().unwrap_or(&stdout);
        let open = |path: &String| match open_path(path) {
            Ok(writer) => Ok((path.clone(), writer)),
            Err(error) => Err(format!(
                "cannot open output path {path:?}: {error}; name a file that can be written to"
            )),
        };
        paths
            .iter()
            .map(open)
            .collect::<Result<_, _>>()
            .map(Self::Writers)
    }

    /// Whether anybody sees what goes here.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Log(_) => tracing::event_enabled!(target: VERBATIM, tracing::Level::INFO),
            Self::Writers(_) => true,
        }
    }

    /// Writes one batch: how many items it holds, and its text if it is to be shown.
    ///
    /// # Errors
    /// A file cannot be written to. The others have been.
    pub(super) fn write(&mut self, counts: &Counts, text: Option<&str>) -> Result<(), String> {
        match self {
            Self::Log(label) => {
                log_counts(label, counts);
                if let Some(text) = text {
                    log_text(label, text);
                }
                Ok(())
            }
            Self::Writers(writers) => write_all(writers, counts, text),
        }
    }
}

fn open_path(path: &str) -> io::Result<Box<dyn Write>> {
    match path {
        "stdout" => Ok(Box::new(io::stdout())),
        "stderr" => Ok(Box::new(io::stderr())),
        path => {
            let path = path.strip_prefix("file://").unwrap_or(path);
            Ok(Box::new(
                OpenOptions::new().append(true).create(true).open(path)?,
            ))
        }
    }
}

/// All of a batch in one write, so that exporters with the same file do not write into each other.
fn write_all(
    writers: &mut [(String, Box<dyn Write>)],
    counts: &Counts,
    text: Option<&str>,
) -> Result<(), String> {
    let mut lines = format!("{counts}\n");
    if let Some(text) = text {
        lines.reserve_exact(text.len() + 1);
        lines.push_str(text);
        lines.push('\n');
    }
    let mut result = Ok(());
    for (path, writer) in writers {
        let written = writer
            .write_all(lines.as_bytes())
            .and_then(|()| writer.flush());
        result = result.and(written.map_err(|error| format!("cannot write to {path:?}: {error}")));
    }
    result
}

fn log_counts(label: &Label, counts: &Counts) {
    match counts.signal {
        Signal::Traces => tracing::info!(
            target: VERBATIM,
            {
                otelcol.component.id = label.id,
                otelcol.component.kind = label.kind_name(),
                otelcol.signal = label.signal_name(),
                "resource spans" = counts.resources,
                spans = counts.items,
            },
            "Traces"
        ),
        Signal::Metrics => tracing::info!(
            target: VERBATIM,
            {
                otelcol.component.id = label.id,
                otelcol.component.kind = label.kind_name(),
                otelcol.signal = label.signal_name(),
                "resource metrics" = counts.resources,
                metrics = counts.metrics,
                "data points" = counts.items,
            },
            "Metrics"
        ),
        Signal::Logs => tracing::info!(
            target: VERBATIM,
            {
                otelcol.component.id = label.id,
                otelcol.component.kind = label.kind_name(),
                otelcol.signal = label.signal_name(),
                "resource logs" = counts.resources,
                "log records" = counts.items,
            },
            "Logs"
        ),
    }
}

fn log_text(label: &Label, text: &str) {
    tracing::info!(
        target: VERBATIM,
        {
            otelcol.component.id = label.id,
            otelcol.component.kind = label.kind_name(),
            otelcol.signal = label.signal_name(),
        },
        "{text}"
    );
}
