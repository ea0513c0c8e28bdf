//! Recorded traces: files of OTLP/JSON, taken apart into traces.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use otlp::Signal;
use otlp::view::Request;

/// Everything that was recorded.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Those that ended first come first; others in the order of the files.
    pub(super) traces: Vec<Trace>,
    /// Spans that have no trace.
    pub(super) homeless: u64,
}

#[derive(Debug)]
pub(super) struct Trace {
    pub(super) id: [u8; 16],
    /// When the first of its spans ended, nanoseconds since the epoch; 0: nothing is known.
    pub(super) came: u64,
    /// Requests of one span each.
    pub(super) spans: Vec<Bytes>,
}

pub(super) fn read(files: &[String]) -> anyhow::Result<Recorded> {
    let mut recorded = Recorded::default();
    let mut places = HashMap::new();
    for file in files {
        let (name, text) = text(file)?;
        for (line, request) in requests(&text) {
            let request = decode(request).map_err(|fault| fault.from_line(line));
            let request = request.map_err(|fault| anyhow!("{name}:{line}: {fault}"))?;
            take_apart(&request.into(), &mut recorded, &mut places)
                .with_context(|| format!("{name}:{line}"))?;
        }
    }
    if recorded.traces.is_empty() {
        bail!(
            "{}: no spans are recorded here; write requests of traces as OTLP/JSON, such as \
             {{\"resourceSpans\": […]}}",
            files.join(", ")
        );
    }
    recorded.traces.sort_by_key(|trace| trace.came);
    Ok(recorded)
}

fn text(file: &str) -> anyhow::Result<(&str, Vec<u8>)> {
    if file == "-" {
        let mut text = Vec::new();
        let read = std::io::stdin().read_to_end(&mut text);
        read.context("cannot read standard input")?;
        return Ok(("standard input", text));
    }
    let text = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
    Ok((file, text))
}

/// The requests of a file with their lines: one a line if the first line is a request, else the whole file.
fn requests(text: &[u8]) -> Vec<(usize, &[u8])> {
    let lines = text.split(|byte| *byte == b'\n').zip(1..);
    let mut lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let first = lines.clone().next();
    let is_lines = first.is_some_and(|(line, _)| decode(line).is_ok());
    if is_lines {
        lines.map(|(text, line)| (line, text)).collect()
    } else {
        let is_empty = lines.next().is_none();
        Vec::from_iter((!is_empty).then_some((1, text)))
    }
}

fn decode(request: &[u8]) -> Result<Vec<u8>, otlp::json::JsonFault> {
    otlp::json::decode(Signal::Traces, request)
}

fn take_apart(
    request: &Bytes,
    recorded: &mut Recorded,
    places: &mut HashMap<[u8; 16], usize>,
) -> anyhow::Result<()> {
    for (piece, _) in otlp::split(Signal::Traces, request, 1)? {
        let Some((id, end)) = identified(&piece) else {
            recorded.homeless += 1;
            continue;
        };
        let place = *places.entry(id).or_insert(recorded.traces.len());
        if place == recorded.traces.len() {
            recorded.traces.push(Trace {
                id,
                came: end,
                spans: Vec::new(),
            });
        }
        if let Some(trace) = recorded.traces.get_mut(place) {
            let known = [trace.came, end].into_iter().filter(|end| *end > 0);
            trace.came = known.min().unwrap_or_default();
            trace.spans.push(piece);
        }
    }
    Ok(())
}

/// The trace of the only span of a request, and when it ended.
fn identified(request: &[u8]) -> Option<([u8; 16], u64)> {
    let resource = Request::new(Signal::Traces, request)
        .resource_groups()
        .next()?
        .ok()?;
    let scope = resource.scope_groups().next()?.ok()?;
    let span = scope.items().next()?.ok()?.span().ok()??;
    let id: [u8; 16] = span.trace_id.try_into().ok()?;
    (id != [0; 16]).then_some((id, span.end_time_unix_nano))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_request_or_one_a_line() {
        let check = |text: &str, expected: &[usize]| {
            let lines: Vec<_> = requests(text.as_bytes())
                .iter()
                .map(|(line, _)| *line)
                .collect();
            assert_eq!(lines, expected, "{text:?}");
        };
        check("", &[]);
        check("\n \n", &[]);
        check("{\"resourceSpans\":[]}", &[1]);
        check(
            "{\"resourceSpans\":[]}\n\n{\"resourceSpans\":[]}\n",
            &[1, 3],
        );
        check("{\n\"resourceSpans\":[]\n}", &[1]);
    }
}
