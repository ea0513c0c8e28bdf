//! Where the configuration comes from: what the command line names, a file in its usual place, or
//! the embedded one.

use std::path::Path;

use clap::Args;
use config::Sources;

use crate::setup::{self, Asked};

/// Where packages of this service and of the Collector put the configuration; the first that is
/// there counts.
const DEFAULT_FILES: [&str; 3] = [
    "etc/tracegate/config.yaml",
    "etc/otelcol/config.yaml",
    "etc/otelcol-contrib/config.yaml",
];

#[derive(Args, Debug)]
pub(super) struct Given {
    /// file:PATH, env:NAME, yaml:TEXT, http(s)://… or a path; may be repeated
    #[arg(long = "config", value_name = "URI", global = true)]
    pub(super) configs: Vec<String>,
    /// One value over all configurations; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub(super) sets: Vec<String>,
    /// Keep queues in memory that are to be on disk
    #[arg(long, global = true)]
    pub(super) allow_volatile_queues: bool,
}

impl Given {
    /// What is named, else what lies in the usual place, else nothing.
    pub(super) fn asked(&self) -> Asked {
        self.asked_below(Path::new("/"))
    }

    /// The same, else the embedded configuration. `--set` alone changes what is found.
    pub(super) fn asked_or_embedded(&self) -> Asked {
        let mut asked = self.asked();
        if asked.sources.configs.is_empty() {
            asked.sources.configs.push(setup::default_source());
        }
        asked
    }

    /// What is named, else the embedded configuration, whatever lies on this machine.
    pub(super) fn named_or_embedded(&self) -> Asked {
        let mut asked = self.named();
        if asked.sources.configs.is_empty() {
            asked.sources.configs.push(setup::default_source());
        }
        asked
    }

    fn asked_below(&self, root: &Path) -> Asked {
        let mut asked = self.named();
        if asked.sources.configs.is_empty() {
            asked.found = default_file(root);
            asked.sources.configs.extend(asked.found.clone());
        }
        asked
    }

    fn named(&self) -> Asked {
        Asked {
            sources: Sources {
                configs: self.configs.clone(),
                sets: self.sets.clone(),
            },
            found: None,
            volatile_queues: self.allow_volatile_queues,
        }
    }
}

fn default_file(root: &Path) -> Option<String> {
    let paths = DEFAULT_FILES.iter().map(|path| root.join(path));
    let mut files = paths.filter(|path| path.is_file());
    files.next().map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_in_a_usual_place_is_taken_unless_another_is_named() {
        let root = tempfile::tempdir().unwrap();
        let given = |configs: &[&str]| Given {
            configs: configs.iter().map(ToString::to_string).collect(),
            sets: vec!["a=b".to_owned()],
            allow_volatile_queues: false,
        };
        let check = |configs: &[&str], expected: &[&str]| {
            let asked = given(configs).asked_below(root.path());
            let below = |path: &String| {
                let path = Path::new(path);
                let path = path.strip_prefix(root.path()).unwrap_or(path);
                path.to_str().unwrap().to_owned()
            };
            let found: Vec<_> = asked.sources.configs.iter().map(below).collect();
            assert_eq!(found, expected);
            assert_eq!(asked.sources.sets, ["a=b"]);
        };
        check(&[], &[]);
        for path in DEFAULT_FILES.iter().rev() {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            check(&[], &[path]);
            check(&["mine.yaml"], &["mine.yaml"]);
        }
    }
}
