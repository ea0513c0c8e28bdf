//! How faults are shown: to people with the line and a caret, to programs as JSON.

use std::fmt::{self, Write as _};
use std::io;
use std::str::FromStr;

use serde_json::json;

use crate::fault::{Fault, Faults};
use crate::mask::mask_line;
use crate::place::Place;

/// A line longer than this is cut around the mark.
const LINE_CHARS_MAX: usize = 160;

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Human,
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(format!("unknown format {text:?}, one of `human`, `json`")),
        }
    }
}

impl Faults {
    /// Writes the report. Secrets in the shown lines are replaced.
    pub fn write(&self, format: Format, out: &mut dyn io::Write) -> io::Result<()> {
        match format {
            Format::Human => {
                for fault in self.iter() {
                    writeln!(out, "{}", fault.report())?;
                }
                Ok(())
            }
            Format::Json => {
                let list: Vec<_> = self.iter().map(Fault::json).collect();
                let report = json!({ "faults": list, "errors": self.errors() });
                writeln!(out, "{report:#}")
            }
        }
    }
}

impl Fault {
    /// Several lines for a person: what, where, the line with a caret, and the fix.
    pub fn report(&self) -> String {
        let mut text = format!("{}: {}\n", self.severity.name(), self.text);
        // Writing to a `String` cannot fail.
        let _ = self.write_details(&mut text);
        text
    }

    fn write_details(&self, out: &mut String) -> fmt::Result {
        let width = self
            .place
            .as_ref()
            .map_or(1, |place| place.line().to_string().len());
        if let Some(place) = &self.place {
            writeln!(out, "{:width$}--> {place}", "")?;
            write_snippet(out, place, width)?;
        }
        if !self.path.is_empty() {
            writeln!(out, "{:width$} = at {}", "", self.path)?;
        }
        if let Some(help) = &self.help {
            writeln!(out, "{:width$} = help: {help}", "")?;
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        let place = self.place.as_ref();
        json!({
            "severity": self.severity.name(),
            "file": place.map(|place| place.source.name.as_str()),
            "line": place.map(Place::line),
            "column": place.map(Place::column),
            "path": self.path,
            "text": self.text,
            "help": self.help,
        })
    }
}

/// The first line of a place, and carets under it.
fn write_snippet(out: &mut String, place: &Place, width: usize) -> fmt::Result {
    let line = place.source.line_range(place.span.start);
    if place.source.text.is_empty() {
        return Ok(());
    }
    let start = place.span.start - line.start;
    let end = place
        .span
        .end
        .clamp(place.span.start, line.end.max(place.span.start))
        - line.start;
    let shown = mask_line(&place.source, place.span.start, start..end);
    let before = shown
        .text
        .get(..shown.mark.start)
        .unwrap_or("")
        .chars()
        .count();
    let marked = shown
        .text
        .get(shown.mark)
        .unwrap_or("")
        .trim_end()
        .chars()
        .count()
        .max(1);
    // A long line is cut so that the mark is seen.
    let cut = before.saturating_sub(LINE_CHARS_MAX / 2);
    let text: String = shown.text.chars().skip(cut).take(LINE_CHARS_MAX).collect();
    let marked = marked.min(LINE_CHARS_MAX - (before - cut).min(LINE_CHARS_MAX - 1));
    writeln!(out, "{:width$} |", "")?;
    writeln!(out, "{:width$} | {}", place.line(), text.trim_end())?;
    // Tabs keep their width, so that the caret stands where it should.
    let indent: String = text
        .chars()
        .take(before - cut)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let indent = format!("{indent:<0$}", before - cut);
    writeln!(out, "{:width$} | {indent}{}", "", "^".repeat(marked))
}
