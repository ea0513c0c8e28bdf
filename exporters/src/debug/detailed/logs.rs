//! Log records in detail.

use std::fmt::{self, Write};

use otlp::view::LogRecord;

use super::write_attributes;
use crate::debug::page::{Page, Written};
use crate::debug::value::write_typed;
use crate::number::{Id, Time};

pub(super) fn write(page: &mut Page, index: usize, record: &LogRecord<'_>) -> Written {
    writeln!(page, "LogRecord #{index}")?;
    writeln!(
        page,
        "ObservedTimestamp: {}",
        Time(record.observed_time_unix_nano)
    )?;
    writeln!(page, "Timestamp: {}", Time(record.time_unix_nano))?;
    writeln!(page, "SeverityText: {}", record.severity_text)?;
    let number = record.severity_number;
    writeln!(page, "SeverityNumber: {}({number})", Severity(number))?;
    if !record.event_name.is_empty() {
        writeln!(page, "EventName: {}", record.event_name)?;
    }
    page.write_str("Body: ")?;
    write_typed(page, record.body()?.unwrap_or_default())?;
    page.write_char('\n')?;
    write_attributes(page, "", "Attributes:", record.attributes())?;
    writeln!(page, "Trace ID: {}", Id(record.trace_id))?;
    writeln!(page, "Span ID: {}", Id(record.span_id))?;
    Ok(writeln!(page, "Flags: {}", record.flags)?)
}

/// Six severities, each in four steps of which the first has no number.
struct Severity(i32);

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "Unspecified",
            1..=4 => "Trace",
            5..=8 => "Debug",
            9..=12 => "Info",
            13..=16 => "Warn",
            17..=20 => "Error",
            21..=24 => "Fatal",
            _ => return Ok(()),
        };
        match (self.0 - 1) % 4 {
            step @ 1..=3 => write!(f, "{name}{}", step + 1),
            _ => f.write_str(name),
        }
    }
}
