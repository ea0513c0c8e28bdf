//! The texts of a batch, each kept once and called by a number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// The symbol of the empty text.
pub(super) const EMPTY: u32 = 0;

/// Texts by symbol, and symbols by text.
pub(super) struct Symbols {
    text: String,
    /// Where each text ends; it begins where the one before ends.
    ends: Vec<usize>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Default for Symbols {
    fn default() -> Self {
        let mut symbols = Self {
            text: String::new(),
            ends: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        let empty = symbols.put("");
        debug_assert_eq!(empty, EMPTY, "the empty text comes first");
        symbols
    }
}

impl Symbols {
    pub(super) fn put(&mut self, text: &str) -> u32 {
        let Self {
            text: all,
            ends,
            index,
            hasher,
        } = self;
        let hash = hasher.hash_one(text);
        if let Some(found) = index.find(hash, |symbol| text_of(all, ends, *symbol) == text) {
            return *found;
        }
        let symbol = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        all.push_str(text);
        ends.push(all.len());
        index.insert_unique(hash, symbol, |symbol| {
            hasher.hash_one(text_of(all, ends, *symbol))
        });
        symbol
    }

    pub(super) fn text(&self, symbol: u32) -> &str {
        text_of(&self.text, &self.ends, symbol)
    }

    /// One more than the largest symbol.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        // A text of the index takes a symbol and a byte of its own.
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.ends.len() * 8
    }
}

fn text_of<'a>(all: &'a str, ends: &[usize], symbol: u32) -> &'a str {
    let at = symbol as usize;
    let begin = match at {
        0 => 0,
        at => ends.get(at - 1).copied().unwrap_or_default(),
    };
    let end = ends.get(at).copied().unwrap_or_default();
    all.get(begin..end).unwrap_or_default()
}
