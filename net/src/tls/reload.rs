//! Files that are read again when they have changed, as certificates are that live for a day.
//!
//! One thread for the process looks at all of them once a second: no handshake waits for a disk, and a broken file
//! raises its alarm before anybody connects. A file that is changed is taken at once if it is good. If it is not, it
//! may be half written, or its key may follow in a moment, so the alarm waits for the second look. Until the files
//! are good the last good ones stay in use.
//!
//! The clock of a file system may tick every few milliseconds only, so a file that is written twice can look as if it
//! were written once. What was taken is therefore read again at the next look, whatever its times say.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use telemetry::metrics::{Family, Gauge};

use super::{Owner, TlsFault};

/// How often files are looked at, unless `reload_interval` asks for less.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const FAILING: Family = Family::gauge(
    "tracegate_tls_reload_failing",
    "1 while changed TLS files cannot be used and the ones before them stay in use.",
);

const EXPIRY: Family = Family::gauge(
    "tracegate_tls_certificate_expiry_seconds",
    "When the certificate in use expires, in seconds since 1970.",
);

/// A value made of files, and made again when they change.
pub(super) struct Reloaded<T> {
    files: Vec<PathBuf>,
    make: Box<dyn Fn() -> Result<Made<T>, TlsFault> + Send + Sync>,
    current: RwLock<Arc<T>>,
    seen: Mutex<Seen>,
    report: Report,
}

/// What was made, and when the certificate in it expires.
pub(super) struct Made<T> {
    pub(super) value: T,
    /// Seconds since 1970.
    pub(super) expiry: Option<i64>,
}

/// What is known of the files.
struct Seen {
    /// As they were when they were last used.
    used: Vec<Option<Stamp>>,
    /// The hash of what was in them.
    contents: u64,
    /// They have been read again since.
    is_settled: bool,
    /// As they were when they could not be used.
    broken: Option<Vec<Option<Stamp>>>,
    /// That was so at two looks, and has been said.
    said: bool,
}

/// A file that is changed, replaced or reached by another link has another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// How one owner tells of its files.
struct Report {
    kind: String,
    component: String,
    part: String,
    failing: Gauge,
    expiry: Option<Gauge>,
}

/// What the thread looks at.
trait Look: Send + Sync {
    fn look(&self);
}

struct Watched {
    look: Weak<dyn Look>,
    /// In rounds of [`LOOK_EVERY`].
    every: u64,
}

/// Everything that is watched. While there is something, there is a thread.
static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

// === impl Reloaded ===

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Makes the value, and again whenever one of the files has changed for as long as the result
    /// is held. `every` below a second is a second.
    pub(super) fn new(
        files: Vec<PathBuf>,
        every: Duration,
        owner: Owner<'_>,
        make: impl Fn() -> Result<Made<T>, TlsFault> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, TlsFault> {
        let (used, contents) = (stamps(&files), contents(&files));
        let Made { value, expiry } = make()?;
        let reloaded = Arc::new(Self {
            make: Box::new(make),
            current: RwLock::new(Arc::new(value)),
            seen: Mutex::new(Seen {
                used,
                contents,
                is_settled: false,
                broken: None,
                said: false,
            }),
            report: Report::new(owner, expiry),
            files,
        });
        if !reloaded.files.is_empty() {
            let look: Arc<dyn Look> = reloaded.clone();
            watch(Watched {
                look: Arc::downgrade(&look),
                every: (every.as_secs() / LOOK_EVERY.as_secs()).max(1),
            });
        }
        Ok(reloaded)
    }

    pub(super) fn current(&self) -> Arc<T> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }
}

impl<T: Send + Sync> Look for Reloaded<T> {
    fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the files are read: what changes meanwhile is another change.
        let found = stamps(&self.files);
        let again = seen.broken.as_ref() == Some(&found);
        let is_same = found == seen.used && seen.broken.is_none();
        if (is_same && seen.is_settled) || (again && seen.said) {
            return;
        }
        let contents = contents(&self.files);
        if is_same {
            seen.is_settled = true;
            if contents == seen.contents {
                return;
            }
        }
        match (self.make)() {
            Ok(Made { value, expiry }) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                *seen = Seen {
                    used: found,
                    contents,
                    is_settled: false,
                    broken: None,
                    said: false,
                };
                self.report.reloaded(expiry);
            }
            Err(fault) => {
                seen.said = again;
                seen.broken = Some(found);
                if again {
                    self.report.failed(&fault);
                }
            }
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok()?;
        Some(Stamp {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    };
    files.iter().map(stamp).collect()
}

fn contents(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file).ok().hash(&mut hasher);
    }
    hasher.finish()
}

// === impl Watched ===

fn watch(watched: Watched) {
    let mut all = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.is_empty() {
        let thread = std::thread::Builder::new().name("tls-files".to_owned());
        if let Err(error) = thread.spawn(look_at_all) {
            tracing::error!(%error, "cannot watch TLS files: changes are not seen");
            return;
        }
    }
    all.push(watched);
}

/// Ends when nothing is left to look at.
fn look_at_all() {
    for round in 1.. {
        std::thread::park_timeout(LOOK_EVERY);
        let due: Vec<_> = {
            let mut all = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|watched| watched.look.strong_count() > 0);
            if all.is_empty() {
                return;
            }
            let due = all.iter().filter(|watched| round % watched.every == 0);
            due.filter_map(|watched| watched.look.upgrade()).collect()
        };
        due.iter().for_each(|watched| watched.look());
    }
}

// === impl Report ===

impl Report {
    fn new(owner: Owner<'_>, expiry: Option<i64>) -> Self {
        let gauge = |family: &Family| owner.metrics.gauge(family, &owner.labels());
        let report = Self {
            kind: owner.kind.to_owned(),
            component: owner.component.to_owned(),
            part: owner.part.to_owned(),
            failing: gauge(&FAILING),
            expiry: expiry.is_some().then(|| gauge(&EXPIRY)),
        };
        report.expires(expiry);
        report
    }

    fn expires(&self, expiry: Option<i64>) {
        if let (Some(gauge), Some(expiry)) = (&self.expiry, expiry) {
            gauge.set(expiry);
        }
    }

    fn reloaded(&self, expiry: Option<i64>) {
        self.failing.set(0);
        self.expires(expiry);
        tracing::info!(
            otelcol.component.id = self.component,
            otelcol.component.kind = self.kind,
            part = self.part,
            "TLS files have changed and are in use"
        );
    }

    fn failed(&self, fault: &TlsFault) {
        self.failing.set(1);
        tracing::error!(
            otelcol.component.id = self.component,
            otelcol.component.kind = self.kind,
            part = self.part,
            error = %fault,
            "TLS files have changed and cannot be used; the ones before them stay in use"
        );
    }
}

#[cfg(test)]
mod tests {
    use telemetry::metrics::Metrics;

    use super::*;

    #[test]
    fn a_file_that_is_written_twice_within_a_tick_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "0").unwrap();
        let make = {
            let file = file.clone();
            move || {
                Ok(Made {
                    value: std::fs::read_to_string(&file).unwrap(),
                    expiry: None,
                })
            }
        };
        let metrics = Metrics::default();
        let owner = Owner {
            metrics: &metrics,
            kind: "receiver",
            component: "otlp",
            part: "protocols::grpc",
        };
        let files = vec![file.clone()];
        let reloaded = Reloaded::new(files.clone(), LOOK_EVERY, owner, make).unwrap();
        std::fs::write(&file, "1").unwrap();
        reloaded.look();
        std::fs::write(&file, "2").unwrap();
        // As if both had fallen into one tick, which the clocks of newer kernels are too fine for.
        reloaded.seen.lock().unwrap().used = stamps(&files);
        reloaded.look();
        assert_eq!(*reloaded.current(), "2");
    }
}
