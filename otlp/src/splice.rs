//! Puts a new message together from slices of an old one, with one copy at the end.
//!
//! What is to be written is noted first: ranges of the source, freshly encoded bytes, and openings
//! of nested messages whose length is known when they are closed. Neighbouring ranges join, so a
//! request in which one attribute changes becomes a handful of notes and one pass of `memcpy`.

use std::mem;
use std::ops::Range;

use crate::wire::{len_field_len, put_len, put_len_header};

/// The notes of a message that is being put together.
#[derive(Debug)]
pub(crate) struct Splice<'a> {
    source: &'a [u8],
    fresh: Vec<u8>,
    notes: Vec<Note>,
    /// The innermost message that is open, at last the whole.
    body: Open,
    /// The messages around it, outermost first.
    outer: Vec<Open>,
}

#[derive(Debug)]
enum Note {
    /// A range of the source.
    Copy(Range<usize>),
    /// A range of the fresh bytes.
    Fresh(Range<usize>),
    /// The head of a nested message with this body length.
    Head { number: u32, length: usize },
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    number: u32,
    /// Where its head is noted.
    note: usize,
    /// Bytes of the body so far.
    length: usize,
}

impl<'a> Splice<'a> {
    pub(crate) fn new(source: &'a [u8]) -> Self {
        let whole = Open::default();
        Self {
            source,
            fresh: Vec::new(),
            notes: Vec::new(),
            body: whole,
            outer: Vec::new(),
        }
    }

    /// Starts afresh with the same source.
    pub(crate) fn clear(&mut self) {
        self.fresh.clear();
        self.notes.clear();
        self.outer.clear();
        self.body = Open::default();
    }

    /// Bytes of the innermost open message so far.
    pub(crate) const fn body_len(&self) -> usize {
        self.body.length
    }

    /// Bytes of the whole if `more` bytes were added and everything were closed.
    pub(crate) fn closed_len(&self, more: usize) -> usize {
        let mut number = self.body.number;
        let mut length = self.body.length + more;
        for parent in self.outer.iter().rev() {
            length = parent.length + len_field_len(number, length);
            number = parent.number;
        }
        length
    }

    /// Adds `raw`, which must be a slice of the source.
    #[inline]
    pub(crate) fn copy(&mut self, raw: &'a [u8]) {
        let start = raw
            .as_ptr()
            .addr()
            .wrapping_sub(self.source.as_ptr().addr());
        let range = start..start.wrapping_add(raw.len());
        debug_assert_eq!(
            self.source.get(range.clone()),
            Some(raw),
            "a slice of another buffer"
        );
        self.body.length += raw.len();
        match self.notes.last_mut() {
            Some(Note::Copy(last)) if last.end == range.start => last.end = range.end,
            _ => self.notes.push(Note::Copy(range)),
        }
    }

    /// Adds a length-delimited field with a new body.
    pub(crate) fn put(&mut self, number: u32, body: &[u8]) {
        self.write_with(|out| put_len(out, number, body));
    }

    /// Adds the fields that `write` appends.
    pub(crate) fn write_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.fresh.len();
        write(&mut self.fresh);
        let range = start..self.fresh.len();
        self.body.length += range.len();
        match self.notes.last_mut() {
            Some(Note::Fresh(last)) if last.end == range.start => last.end = range.end,
            _ => self.notes.push(Note::Fresh(range)),
        }
    }

    /// Opens a nested message: what is added next is in its body.
    pub(crate) fn open(&mut self, number: u32) {
        self.outer.push(self.body);
        self.body = Open {
            number,
            note: self.notes.len(),
            length: 0,
        };
        self.notes.push(Note::Head { number, length: 0 });
    }

    /// Closes the innermost open message.
    pub(crate) fn close(&mut self) {
        if let Some(closed) = self.take_innermost() {
            if let Some(Note::Head { length, .. }) = self.notes.get_mut(closed.note) {
                *length = closed.length;
            }
            self.body.length += len_field_len(closed.number, closed.length);
        }
    }

    /// Closes the innermost open message as if it had never been opened.
    pub(crate) fn abandon(&mut self) {
        if let Some(abandoned) = self.take_innermost() {
            self.notes.truncate(abandoned.note);
        }
    }

    /// Writes the message, of which everything must have been closed.
    pub(crate) fn write(&self) -> Vec<u8> {
        debug_assert!(self.outer.is_empty(), "a nested message is still open");
        let mut out = Vec::with_capacity(self.body.length);
        for note in &self.notes {
            match note {
                Note::Copy(range) => extend(&mut out, self.source, range),
                Note::Fresh(range) => extend(&mut out, &self.fresh, range),
                Note::Head { number, length } => put_len_header(&mut out, *number, *length),
            }
        }
        debug_assert_eq!(out.len(), self.body.length, "lengths add up");
        out
    }

    fn take_innermost(&mut self) -> Option<Open> {
        let parent = self.outer.pop()?;
        Some(mem::replace(&mut self.body, parent))
    }
}

fn extend(out: &mut Vec<u8>, from: &[u8], range: &Range<usize>) {
    out.extend_from_slice(from.get(range.clone()).unwrap_or_default());
}
