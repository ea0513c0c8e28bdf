//! Spans in detail.

use std::fmt::{Display, Write};

use otlp::view::{Span, SpanEvent, SpanLink};

use super::{NESTED, write_attributes, write_section};
use crate::debug::page::{Page, Written};
use crate::number::{Id, Time};

pub(super) fn write(page: &mut Page, index: usize, span: &Span<'_>) -> Written {
    writeln!(page, "Span #{index}")?;
    write_field(page, "Trace ID", Id(span.trace_id))?;
    write_field(page, "Parent ID", Id(span.parent_span_id))?;
    write_field(page, "ID", Id(span.span_id))?;
    write_field(page, "Name", span.name)?;
    write_field(page, "Kind", kind(span.kind))?;
    if !span.trace_state.is_empty() {
        write_field(page, "TraceState", span.trace_state)?;
    }
    write_field(page, "Start time", Time(span.start_time_unix_nano))?;
    write_field(page, "End time", Time(span.end_time_unix_nano))?;
    let status = span.status.unwrap_or_default();
    write_field(page, "Status code", status_code(status.code))?;
    write_field(page, "Status message", status.message)?;
    write_field(
        page,
        "DroppedAttributesCount",
        span.dropped_attributes_count,
    )?;
    write_field(page, "DroppedEventsCount", span.dropped_events_count)?;
    write_field(page, "DroppedLinksCount", span.dropped_links_count)?;
    write_attributes(page, "", "Attributes:", span.attributes())?;
    write_section(page, "Events:", span.events(), write_event)?;
    write_section(page, "Links:", span.links(), write_link)
}

fn write_field(page: &mut Page, name: &str, value: impl Display) -> Written {
    Ok(writeln!(page, "    {name:15}: {value}")?)
}

fn write_event(page: &mut Page, index: usize, event: SpanEvent<'_>) -> Written {
    writeln!(page, "SpanEvent #{index}")?;
    writeln!(page, "{NESTED}-> Name: {}", event.name)?;
    writeln!(page, "{NESTED}-> Timestamp: {}", Time(event.time_unix_nano))?;
    writeln!(
        page,
        "{NESTED}-> DroppedAttributesCount: {}",
        event.dropped_attributes_count
    )?;
    // The second colon is the Collector's.
    write_attributes(page, NESTED, "Attributes::", event.attributes())
}

fn write_link(page: &mut Page, index: usize, link: SpanLink<'_>) -> Written {
    writeln!(page, "SpanLink #{index}")?;
    writeln!(page, "{NESTED}-> Trace ID: {}", Id(link.trace_id))?;
    writeln!(page, "{NESTED}-> ID: {}", Id(link.span_id))?;
    writeln!(page, "{NESTED}-> TraceState: {}", link.trace_state)?;
    writeln!(
        page,
        "{NESTED}-> DroppedAttributesCount: {}",
        link.dropped_attributes_count
    )?;
    write_attributes(page, NESTED, "Attributes::", link.attributes())
}

/// Nothing for numbers that mean nothing, as in the Collector; so with all enumerations.
fn kind(kind: i32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}

fn status_code(code: i32) -> &'static str {
    match code {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "",
    }
}
