//! The files that are open, the least recently used of which is closed for another one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::config::Config;
use super::sink::{Opening, Sink};

pub(super) struct Files {
    opening: Opening,
    /// Each with the number of the write that used it last.
    open: HashMap<PathBuf, (Sink, u64)>,
    open_max: usize,
    writes: u64,
}

impl Files {
    pub(super) fn new(config: &Config, started_unix_nanos: u64) -> Self {
        Self {
            opening: Opening::new(config, started_unix_nanos),
            open: HashMap::new(),
            open_max: config.group_by.max_open_files.max(1),
            writes: 0,
        }
    }

    /// # Errors
    /// The file cannot be opened.
    pub(super) fn open(&mut self, path: &Path) -> Result<(), String> {
        let opened = self.sink(path).open().map(drop);
        opened.map_err(|error| format!("cannot open {path:?}: {error}"))
    }

    /// # Errors
    /// What the system says; see [`Sink::write`].
    pub(super) fn write(
        &mut self,
        path: &Path,
        message: &[u8],
        now: Timestamp,
    ) -> Result<(), String> {
        self.sink(path).write(message, now)
    }

    fn sink(&mut self, path: &Path) -> &mut Sink {
        if self.open.len() >= self.open_max && !self.open.contains_key(path) {
            let least = self.open.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(path) = least.map(|(path, _)| path.clone()) {
                self.open.remove(&path);
            }
        }
        self.writes += 1;
        let opening = &self.opening;
        let fresh = || (Sink::new(path.to_owned(), opening.clone()), 0);
        let (sink, used) = self.open.entry(path.to_owned()).or_insert_with(fresh);
        *used = self.writes;
        sink
    }
}
