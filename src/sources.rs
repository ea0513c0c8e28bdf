//! The files that a configuration is read from, and whether any of them has changed since.

use std::cell::RefCell;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use config::Environment;

use crate::fetch::Online;

/// How often the files are looked at. A ConfigMap takes a minute to arrive, and an editor's user a second to look up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files that change together are there after this long without another change.
const SETTLE: Duration = Duration::from_millis(300);

/// One file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    path: String,
    /// Device, inode, size and the times of its last change; `None` where there is no file. Links are followed, so
    /// that the swap of a link on the way to the file is seen.
    seen: Option<[i128; 5]>,
}

/// The environment of this process, which notes what it reads.
#[derive(Default)]
pub(crate) struct Recorded(RefCell<Vec<Print>>);

/// Looks at files now and then.
pub(crate) struct Watch(Vec<Print>);

// === impl Print ===

impl Print {
    fn of(path: &str) -> Self {
        let found = std::fs::metadata(path).ok();
        let nanos =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            path: path.to_owned(),
            seen: found.map(|file| {
                let changed = nanos(file.ctime(), file.ctime_nsec());
                let written = nanos(file.mtime(), file.mtime_nsec());
                [
                    file.dev().into(),
                    file.ino().into(),
                    file.size().into(),
                    changed,
                    written,
                ]
            }),
        }
    }
}

// === impl Recorded ===

impl Recorded {
    pub(crate) fn into_prints(self) -> Vec<Print> {
        self.0.into_inner()
    }
}

impl Environment for Recorded {
    fn variable(&self, name: &str) -> Option<String> {
        Online.variable(name)
    }

    fn file(&self, path: &str) -> Result<String, String> {
        // Before it is read: what changes afterwards is news.
        self.0.borrow_mut().push(Print::of(path));
        Online.file(path)
    }

    fn fetch(&self, url: &str) -> Result<String, String> {
        Online.fetch(url)
    }
}

// === impl Watch ===

impl Watch {
    pub(crate) fn new(prints: Vec<Print>) -> Self {
        Self(prints)
    }

    /// Watches what was read last. What could not be read to the end is watched as far as it got.
    pub(crate) fn follow(&mut self, prints: &[Print]) {
        self.0 = prints.to_vec();
    }

    /// Resolves when something has changed and nothing changes any more. Cancelled, it has seen nothing.
    pub(crate) async fn changed(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let mut now = self.look();
            if now == self.0 {
                continue;
            }
            loop {
                tokio::time::sleep(SETTLE).await;
                let next = self.look();
                if next == now {
                    return;
                }
                now = next;
            }
        }
    }

    fn look(&self) -> Vec<Print> {
        self.0.iter().map(|print| Print::of(&print.path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change_and_so_is_a_file_that_comes_or_goes() {
        let folder = std::env::temp_dir().join(format!("tracegate-prints-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("1")).unwrap();
        std::fs::create_dir_all(folder.join("2")).unwrap();
        let path = folder
            .join("..data/config.yaml")
            .to_string_lossy()
            .into_owned();
        let link = |to: &str| {
            let new = folder.join("..new");
            std::os::unix::fs::symlink(to, &new).unwrap();
            std::fs::rename(new, folder.join("..data")).unwrap();
        };
        std::fs::write(folder.join("1/config.yaml"), "a: 1").unwrap();
        let nothing = Print::of(&path);
        link("1");
        let first = Print::of(&path);
        assert_ne!(first, nothing);
        assert_eq!(first, Print::of(&path));
        std::fs::write(folder.join("2/config.yaml"), "a: 2").unwrap();
        link("2");
        assert_ne!(Print::of(&path), first);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
