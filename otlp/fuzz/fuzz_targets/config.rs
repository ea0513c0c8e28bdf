//! The text of a configuration: parsed, expanded, merged and taken apart without a panic, and every
//! fault can be drawn.
#![no_main]

use config::{Document, Environment, Faults, Sources, load};
use libfuzzer_sys::fuzz_target;

/// Nothing is set and there are no files: what a stranger writes must not reach either.
struct Nowhere;

impl Environment for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("there are no files here".to_owned())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (config, set) = text.split_once('\0').unwrap_or((text, ""));
    let sources = Sources {
        configs: vec![format!("yaml:{config}")],
        sets: vec![set.to_owned()],
    };
    let mut faults = Faults::new();
    if let Some(root) = load(&sources, &Nowhere, &mut faults) {
        drop(Document::read(&root, &mut faults));
    }
});
