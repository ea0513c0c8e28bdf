//! What the rules said of one trace, in a few bytes.
//!
//! A byte for each rule that was asked, in the order of asking, an outer one before those within it: its vote, and
//! whether a number goes with it. What a rule looked at and what follows from the facts of the trace, such as its
//! latency, is not written again: [`super::tell`] knows both.

use otlp::wire::put_varint;

use super::Vote;

/// Longer ones are cut. It takes thousands of policies.
const BYTES_MAX: usize = 32 << 10;

/// Beside the vote: a number belongs to this rule.
const NUMBER: u8 = 1 << 7;

/// One buffer is enough for all traces.
#[derive(Debug, Default)]
pub(in super::super) struct Trail(Vec<u8>);

/// The place of a rule that is being asked.
#[derive(Clone, Copy)]
pub(super) struct Asked(usize);

/// What one rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) vote: Vote,
    pub(super) has_number: bool,
}

/// Reads a trail from its beginning.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

// === impl Trail ===

impl Trail {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(in super::super) fn bytes(&self) -> &[u8] {
        self.0.get(..BYTES_MAX).unwrap_or(&self.0)
    }

    /// A rule is asked.
    pub(super) fn ask(&mut self) -> Asked {
        self.0.push(0);
        Asked(self.0.len() - 1)
    }

    /// The number of a rule: behind those within it, if there are any.
    pub(super) fn number(&mut self, asked: Asked, number: u64) {
        if let Some(byte) = self.0.get_mut(asked.0) {
            *byte |= NUMBER;
        }
        put_varint(&mut self.0, number);
    }

    /// What it said.
    pub(super) fn said(&mut self, asked: Asked, vote: Vote) {
        if let Some(byte) = self.0.get_mut(asked.0) {
            *byte |= vote.code();
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// What the next rule said; `None` at the end, and where nothing can be read.
    pub(super) fn entry(&mut self) -> Option<Entry> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(Entry {
            vote: Vote::of_code(byte & !NUMBER)?,
            has_number: byte & NUMBER != 0,
        })
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        take_varint(&mut self.0)
    }
}

/// Reads a number that `put_varint` has written.
pub(in super::super) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            out.push(7);
            let mut rest = out.as_slice();
            assert_eq!(take_varint(&mut rest), Some(value));
            assert_eq!(rest, [7]);
        }
        assert_eq!(take_varint(&mut &[0x80, 0x80][..]), None);
    }
}
