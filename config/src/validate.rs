//! What a type can check about itself once it has been decoded.

use crate::fault::Severity;

/// One check that failed, or a doubt, with its path below the value that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// `sending_queue::batch::min_size`, or `actions[2]`; empty for the value itself.
    pub path: String,
    /// The Collector's wording where it has one.
    pub text: String,
}

/// The failed checks of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

/// A configuration that can check itself. Every block and every component's `Config` is one.
pub trait Validate {
    /// All that is wrong, with relative paths; nothing by default.
    fn validate(&self) -> Problems {
        Problems::default()
    }
}

// === impl Problems ===

impl Problems {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Error, path.into(), text.into());
    }

    /// A key that is accepted and does not do what its reader may expect.
    pub fn warn(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Warning, path.into(), text.into());
    }

    fn add(&mut self, severity: Severity, path: String, text: String) {
        self.list.push(Problem {
            severity,
            path,
            text,
        });
    }

    /// Adds the problem only if the condition does not hold.
    pub fn require(&mut self, holds: bool, path: &str, text: impl Into<String>) {
        if !holds {
            self.push(path, text);
        }
    }

    /// Adds the problems of a part, which stands under a key. An empty key is the same level.
    pub fn under(&mut self, key: &str, part: &impl Validate) {
        for problem in part.validate().list {
            let path = match (key, problem.path.as_str()) {
                ("", _) => problem.path,
                (_, "") => key.to_owned(),
                (_, path) => format!("{key}::{path}"),
            };
            self.add(problem.severity, path, problem.text);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
