//! One file: opened, written to message by message, put aside when it is full.
//!
//! The path is looked at before each message, because a file that somebody has moved or removed
//! would swallow everything that is written to it afterwards. A message is written whole or, as
//! far as the file system lets us, not at all: the next one must be readable.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::backups::Names;
use super::config::{Config, Rotation};

/// Data may be private, as the Collector has it.
const FILE_MODE: u32 = 0o600;

/// A file system stamps files with a clock that may be behind ours by a tick of the kernel.
const TICK_MAX_NANOS: i128 = 20_000_000;

/// Names tried for one backup, a millisecond apart, before it is an error: files of a few bytes
/// may follow each other within one.
const NAMES_MAX: i64 = 1000;

/// How files are opened.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// A file from before this moment, in nanoseconds since the Unix epoch, is emptied. One that
    /// is younger has been written by this process, before a reload or before it was closed.
    emptied_before: Option<i128>,
    directory_mode: Option<u32>,
    rotation: Option<Rotation>,
}

pub(super) struct Sink {
    path: PathBuf,
    opening: Opening,
    /// With the device and inode that tell whether the path still leads to it.
    open: Option<(File, (u64, u64))>,
}

// === impl Opening ===

impl Opening {
    pub(super) fn new(config: &Config, started_unix_nanos: u64) -> Self {
        let rotation = config.rotation.as_ref().cloned();
        let rotation = rotation.filter(|_| !config.group_by.enabled);
        let emptied = !config.append && rotation.is_none();
        Self {
            emptied_before: emptied.then(|| i128::from(started_unix_nanos) - TICK_MAX_NANOS),
            directory_mode: config.directory_mode(),
            rotation,
        }
    }

    fn open(&self, path: &Path) -> io::Result<(File, Metadata)> {
        let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
        if let (Some(mode), Some(directory)) = (self.directory_mode, directory) {
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(directory)?;
        }
        // Appending, so that an exporter of before a reload and its heir do not overwrite each
        // other.
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(FILE_MODE);
        let file = options.open(path)?;
        let found = file.metadata()?;
        let modified = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        if found.is_file() && self.emptied_before.is_some_and(|moment| modified < moment) {
            file.set_len(0)?;
        }
        Ok((file, found))
    }
}

// === impl Sink ===

impl Sink {
    pub(super) fn new(path: PathBuf, opening: Opening) -> Self {
        Self {
            path,
            opening,
            open: None,
        }
    }

    /// Opens the file, unless it is open and still there. Returns what the path leads to.
    pub(super) fn open(&mut self) -> io::Result<Metadata> {
        let found = match fs::metadata(&self.path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let (Some((_, identity)), Some(found)) = (&self.open, found)
            && *identity == identity_of(&found)
        {
            return Ok(found);
        }
        self.open = None;
        let (file, found) = self.opening.open(&self.path)?;
        self.open = Some((file, identity_of(&found)));
        fs::metadata(&self.path)
    }

    /// Writes one message with all that frames it. `now` is when, for the name of a backup.
    ///
    /// # Errors
    /// What the system says. Nothing of the message is in the file then, unless the file is no
    /// plain one or could not be cut back.
    pub(super) fn write(&mut self, message: &[u8], now: Timestamp) -> Result<(), String> {
        let mut found = self.open().map_err(|error| self.text("open", &error))?;
        if self.is_full(&found, message.len()) {
            self.rotate(now)
                .map_err(|error| self.text("rotate", &error))?;
            found = self.open().map_err(|error| self.text("open", &error))?;
        }
        let Some((file, _)) = &self.open else {
            return Err(format!("cannot open {:?}", self.path));
        };
        // A shared file can be written to by reference.
        let mut writer: &File = file;
        writer.write_all(message).map_err(|error| {
            if found.is_file() {
                // What is left of a message would make the next one unreadable. If this fails
                // too, the first error is what a person has to know.
                drop(file.set_len(found.len()));
            }
            self.text("write to", &error)
        })
    }

    /// A message that is larger than a whole file gets one of its own.
    fn is_full(&self, found: &Metadata, message: usize) -> bool {
        let max = self.opening.rotation.as_ref().map(Rotation::bytes_max);
        let after = found.len().saturating_add(message as u64);
        found.is_file() && found.len() > 0 && max.is_some_and(|max| after > max)
    }

    /// Puts the file aside, and removes those that have had their time.
    fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        let Some(rotation) = &self.opening.rotation else {
            return Ok(());
        };
        let zone = match rotation.localtime {
            true => TimeZone::system(),
            false => TimeZone::UTC,
        };
        let now = zone.to_datetime(now);
        let Some(file) = self.path.file_name().and_then(|name| name.to_str()) else {
            return Err(io::Error::other("the path has no file name"));
        };
        let names = Names::of(file);
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::rename(&self.path, free_name(&names, directory, now)?)?;
        let limits = (rotation.max_backups, rotation.max_days);
        if let Err(error) = clean(&names, directory, now, limits) {
            tracing::warn!(%error, path = ?self.path, "cannot remove old files");
        }
        self.open = None;
        Ok(())
    }

    fn text(&self, what: &str, error: &io::Error) -> String {
        format!("cannot {what} {:?}: {error}", self.path)
    }
}

fn identity_of(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The first name from `now` on that no file has.
fn free_name(names: &Names, directory: &Path, now: DateTime) -> io::Result<PathBuf> {
    let mut later = (0..NAMES_MAX).map(|later| now.saturating_add(later.milliseconds()));
    loop {
        let Some(time) = later.next() else {
            return Err(io::Error::other("all names for a backup are taken"));
        };
        let path = directory.join(names.at(time));
        if !path.try_exists()? {
            return Ok(path);
        }
    }
}

fn clean(names: &Names, directory: &Path, now: DateTime, limits: (u32, u32)) -> io::Result<()> {
    if limits == (0, 0) {
        return Ok(());
    }
    let entries = fs::read_dir(directory)?.filter_map(Result::ok);
    let present = entries.filter_map(|entry| entry.file_name().into_string().ok());
    for name in names.outdated(present, now, limits) {
        fs::remove_file(directory.join(name))?;
    }
    Ok(())
}
