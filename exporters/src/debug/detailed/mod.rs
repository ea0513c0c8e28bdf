//! Verbosity `detailed`: every field, in the Collector's layout.

mod entity;
mod logs;
mod metrics;
mod traces;

use std::fmt::Write;

use otlp::view::{Attributes, ItemView, ResourceGroup, ScopeGroup};
use otlp::{Malformed, Signal};
use pipeline::Batch;

use super::page::{Page, Written};
use super::value::write_typed;

/// Before everything that stands within a part of an item.
const NESTED: &str = "     ";

pub(super) fn write(page: &mut Page, batch: &Batch) -> Written {
    let signal = batch.signal();
    page.each(super::groups(batch), |page, index, (group, body)| {
        write_resource(page, signal, index, &group)?;
        entity::write(page, body)?;
        page.each(group.scope_groups(), |page, index, scope| {
            write_scope(page, signal, index, &scope)?;
            page.each(scope.items(), |page, index, item| match item.read()? {
                ItemView::Span(span) => traces::write(page, index, &span),
                ItemView::LogRecord(record) => logs::write(page, index, &record),
                // Points stand in metrics.
                _ => Ok(()),
            })?;
            page.each(scope.metrics(), metrics::write)
        })
    })
}

fn write_resource(
    page: &mut Page,
    signal: Signal,
    index: usize,
    group: &ResourceGroup<'_>,
) -> Written {
    let name = match signal {
        Signal::Traces => "ResourceSpans",
        Signal::Metrics => "ResourceMetrics",
        Signal::Logs => "ResourceLog",
    };
    writeln!(page, "{name} #{index}")?;
    writeln!(page, "Resource SchemaURL: {}", group.schema_url)?;
    write_attributes(page, "", "Resource attributes:", group.attributes())
}

fn write_scope(page: &mut Page, signal: Signal, index: usize, group: &ScopeGroup<'_>) -> Written {
    let name = match signal {
        Signal::Traces => "ScopeSpans",
        Signal::Metrics => "ScopeMetrics",
        Signal::Logs => "ScopeLogs",
    };
    let scope = group.scope.unwrap_or_default();
    writeln!(page, "{name} #{index}")?;
    writeln!(page, "{name} SchemaURL: {}", group.schema_url)?;
    writeln!(
        page,
        "InstrumentationScope {} {}",
        scope.name, scope.version
    )?;
    write_attributes(
        page,
        "",
        "InstrumentationScope attributes:",
        scope.attributes(),
    )
}

/// A line for each attribute below a header, which stands at `indent` with an arrow if nested.
fn write_attributes(
    page: &mut Page,
    indent: &str,
    header: &str,
    attributes: Attributes<'_>,
) -> Written {
    let header = match indent {
        "" => header.to_owned(),
        indent => format!("{indent}-> {header}"),
    };
    write_section(page, &header, attributes, |page, _, attribute| {
        write!(page, "{indent}{NESTED}-> {}: ", attribute.key)?;
        write_typed(page, attribute.value()?)?;
        Ok(page.write_char('\n')?)
    })
}

/// Parts below a header. Without a part there is no header either.
fn write_section<T>(
    page: &mut Page,
    header: &str,
    parts: impl Iterator<Item = Result<T, Malformed>>,
    mut write: impl FnMut(&mut Page, usize, T) -> Written,
) -> Written {
    page.each(parts, |page, index, part| {
        if index == 0 {
            writeln!(page, "{header}")?;
        }
        write(page, index, part)
    })
}
