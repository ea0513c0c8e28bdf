//! Values that are made of files and made again when a file changes.
//!
//! Files are looked at every second by the admin thread, so that no worker ever waits for a disk. A file counts as
//! changed when its identity, length or time of change is another, seen through symbolic links: that covers writing in
//! place, renaming over, and the way Kubernetes swaps a volume. A change that cannot be read or understood keeps the
//! value from before and is logged once.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use pipeline::component::Label;

/// Between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);

/// A larger file holds no credentials: 100,000 users take a tenth of this.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A value that is made of files, or of none.
pub(crate) struct Renewed<T> {
    /// Makes the value; it is given the one from before.
    make: Make<T>,
    paths: Vec<PathBuf>,
    value: RwLock<T>,
    generation: AtomicU64,
    /// Of the files when the value was made last.
    stamps: Mutex<Vec<Option<Stamp>>>,
    label: Label,
}

type Make<T> = Box<dyn Fn(Option<&T>) -> Result<T, String> + Send + Sync>;

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    changed: (i64, i64),
}

impl<T: PartialEq> Renewed<T> {
    /// Makes the first value; its error is that of the start.
    pub(crate) fn new(
        paths: Vec<PathBuf>,
        label: &Label,
        make: impl Fn(Option<&T>) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, String> {
        // The stamps come first: a file that changes after is read again.
        let stamps = stamps(&paths);
        Ok(Arc::new(Self {
            value: RwLock::new(make(None)?),
            make: Box::new(make),
            paths,
            generation: AtomicU64::new(0),
            stamps: Mutex::new(stamps),
            label: label.clone(),
        }))
    }

    /// Calls `read` with the value of now.
    pub(crate) fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes with the value.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Makes the value again if a file has changed.
    pub(crate) fn look(&self) {
        if self.paths.is_empty() {
            return;
        }
        let seen = stamps(&self.paths);
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != seen {
            *known = seen;
            self.make_again();
        }
    }

    fn make_again(&self) {
        let (id, kind) = (self.label.id.as_str(), self.label.kind_name());
        match self.with(|before| (self.make)(Some(before))) {
            Ok(value) if self.with(|before| *before == value) => {}
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = value;
                self.generation.fetch_add(1, Ordering::Release);
                tracing::info!(
                    otelcol.component.id = id,
                    otelcol.component.kind = kind,
                    "Credentials were read again."
                );
            }
            Err(error) => tracing::error!(
                otelcol.component.id = id,
                otelcol.component.kind = kind,
                error,
                "Changed credentials cannot be used. Those from before stay."
            ),
        }
    }

    /// Looks at the files until it is dropped.
    pub(crate) async fn watch(self: Arc<Self>) {
        if self.paths.is_empty() {
            return;
        }
        loop {
            tokio::time::sleep(INTERVAL).await;
            self.look();
        }
    }
}

/// The text of a small file.
pub(crate) fn text(path: &str) -> Result<String, String> {
    let fail = |error: std::io::Error| format!("{path}: {error}");
    let mut text = String::new();
    let file = File::open(path).map_err(fail)?;
    let mut file = file.take(FILE_BYTES_MAX + 1);
    file.read_to_string(&mut text).map_err(fail)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{path}: it has more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(text)
}

/// A secret that is alone in its file, without the white space around it.
pub(crate) fn credential(path: &str) -> Result<String, String> {
    let text = text(path).map_err(|e| format!("failed to read credentials file {e}"))?;
    match text.trim() {
        "" => Err(format!("credentials file {path:?} is empty")),
        text => Ok(text.to_owned()),
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok()?;
        Some(Stamp {
            file: (found.dev(), found.ino()),
            length: found.len(),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    };
    paths.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::testkit;

    fn renewed(path: &std::path::Path) -> Result<Arc<Renewed<String>>, String> {
        let host = testkit::host(ledger::Kind::Extension, "x", None);
        let name = path.to_string_lossy().into_owned();
        Renewed::new(vec![path.to_owned()], &host.label, move |_| {
            credential(&name)
        })
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_lost_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(renewed(&path).err().unwrap().contains("failed to read"));
        std::fs::write(&path, " \n").unwrap();
        assert!(renewed(&path).err().unwrap().contains("is empty"));
        std::fs::write(&path, " one\n").unwrap();
        let value = renewed(&path).unwrap();
        let now = || (value.with(Clone::clone), value.generation());
        assert_eq!(now(), ("one".to_owned(), 0));
        value.look();
        assert_eq!(now(), ("one".to_owned(), 0), "nothing has changed");
        std::fs::write(folder.path().join("new"), "another").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        value.look();
        assert_eq!(now(), ("another".to_owned(), 1));
        std::fs::remove_file(&path).unwrap();
        value.look();
        assert_eq!(now(), ("another".to_owned(), 1));
        std::fs::write(&path, "another").unwrap();
        value.look();
        assert_eq!(now(), ("another".to_owned(), 1), "the same words again");
    }

    #[test]
    fn a_volume_of_kubernetes_is_followed_through_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name)).unwrap();
        for (version, text) in [("v1", "one"), ("v2", "two")] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("token"), text).unwrap();
        }
        link("v1", "current");
        link("current/token", "token");
        let value = renewed(&at("token")).unwrap();
        link("v2", "next");
        std::fs::rename(at("next"), at("current")).unwrap();
        value.look();
        assert_eq!(value.with(Clone::clone), "two");
    }
}
