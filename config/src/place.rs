//! Where something was written: a source and a range of bytes in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One text that a configuration was read from.
pub struct Source {
    /// What a person calls it: a path, `env:NAME`, `--set service.x`.
    pub name: String,
    pub text: String,
}

/// A range of bytes in a [`Source`]; cheap to clone.
#[derive(Clone)]
pub struct Place {
    pub source: Arc<Source>,
    /// Always within the text and on character boundaries.
    pub span: Range<usize>,
}

// === impl Source ===

impl Source {
    /// A byte order mark is dropped, so that positions are what editors show.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Arc::new(Self {
            name: name.into(),
            text,
        })
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        (line, column)
    }

    /// The range of the line that holds a byte, without its line break.
    pub fn line_range(&self, offset: usize) -> Range<usize> {
        let offset = offset.min(self.text.len());
        let start = self
            .text
            .get(..offset)
            .and_then(|before| before.rfind('\n'));
        let start = start.map_or(0, |newline| newline + 1);
        let end = self.text.get(offset..).and_then(|after| after.find('\n'));
        let end = end.map_or(self.text.len(), |newline| offset + newline);
        start..end.max(start)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold secrets.
        f.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

// === impl Place ===

impl Place {
    /// Clamps the range to the text, so that a wrong position can never panic later.
    pub fn new(source: Arc<Source>, span: Range<usize>) -> Self {
        let mut start = span.start.min(source.text.len());
        let mut end = span.end.clamp(start, source.text.len());
        while !source.text.is_char_boundary(start) {
            start -= 1;
        }
        while !source.text.is_char_boundary(end) {
            end += 1;
        }
        Self {
            source,
            span: start..end,
        }
    }

    /// A place in no file, for nodes made in tests and by defaults.
    pub fn nowhere() -> Self {
        Self::new(Source::new("", ""), 0..0)
    }

    /// The text at this place.
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or("")
    }

    /// Line from 1.
    pub fn line(&self) -> usize {
        self.source.line_column(self.span.start).0
    }

    /// Column from 1, in characters.
    pub fn column(&self) -> usize {
        self.source.line_column(self.span.start).1
    }

    /// The first occurrence of a text within this place, else the whole place.
    pub(crate) fn part(&self, text: &str) -> Self {
        match self.text().find(text) {
            Some(at) => {
                let start = self.span.start + at;
                Self::new(Arc::clone(&self.source), start..start + text.len())
            }
            None => self.clone(),
        }
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.span == other.span
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Place {
    /// `name:line:column`, as editors understand it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.line_column(self.span.start);
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}
