//! From a node to a component's own type, with every fault in one run.
//!
//! Serde stops at the first error. Here an error is noted with its place, the node it belongs to
//! is treated as if it were not in the file, and the decode is run again, until it succeeds or
//! can get no further. So one run names every wrong value. Unknown keys are noted in passing.

mod access;
mod cursor;
mod deserializer;
mod error;
mod special;
pub(crate) mod token;

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::DeserializeOwned;

use self::cursor::Cursor;
use self::error::{Cause, DecodeError};
use crate::fault::{Fault, Faults};
use crate::node::{Node, SEPARATOR};
use crate::validate::Validate;

pub use self::special::{NotYet, Squash};

/// Each run takes one wrong or empty value out of the way. A component with more of them than
/// this gets its remaining faults named in the next attempt.
const RUNS_MAX: usize = 256;

/// Decodes a node. All errors and warnings go to `faults`; with an error there is no value.
///
/// `path` is where the node stands, such as `receivers::otlp/2`. Unknown keys are errors, null
/// keeps a default, and values are not converted: `5` is no string.
pub fn decode<T: DeserializeOwned>(node: &Node, path: &str, faults: &mut Faults) -> Option<T> {
    let run = Run::default();
    let decoded = run.decode(node, path);
    let found = run.faults.into_inner();
    let usable = !found.has_errors();
    faults.extend(found);
    decoded.filter(|_| usable)
}

/// Decodes a node and lets the value check itself.
///
/// The checks also run when only unknown keys were wrong, so that both kinds of fault show
/// together.
pub fn decode_valid<T: DeserializeOwned + Validate>(
    node: &Node,
    path: &str,
    faults: &mut Faults,
) -> Option<T> {
    let run = Run::default();
    let decoded: Option<T> = run.decode(node, path);
    let complete = run.poisoned.borrow().is_empty();
    let mut found = run.faults.into_inner();
    // A value that was taken away would make checks fail that have nothing to say.
    if complete && let Some(value) = &decoded {
        for problem in value.validate().iter() {
            let place = node.locate(&problem.path);
            let path = join(path, &problem.path);
            found.push(Fault {
                severity: problem.severity,
                ..Fault::error(place, path, &problem.text)
            });
        }
    }
    let usable = !found.has_errors();
    faults.extend(found);
    decoded.filter(|_| usable)
}

/// What the runs over one node have found so far.
#[derive(Default)]
struct Run {
    faults: RefCell<Faults>,
    /// Paths of values that were wrong.
    poisoned: RefCell<HashSet<String>>,
    /// Paths of nulls that keep a default.
    empty: RefCell<HashSet<String>>,
}

// === impl Run ===

impl Run {
    fn decode<T: DeserializeOwned>(&self, node: &Node, path: &str) -> Option<T> {
        for _ in 0..RUNS_MAX {
            let root = Cursor::root(node, path, self);
            let place = root.place();
            match T::deserialize(root) {
                Ok(value) => return Some(value),
                Err(error) => {
                    let error = error.at(&place, path);
                    let at_root = error.path() == path;
                    if !self.note(error) || at_root {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Is this path to be treated as if it were not in the file?
    fn skips(&self, path: &str) -> bool {
        self.poisoned.borrow().contains(path) || self.empty.borrow().contains(path)
    }

    /// Takes the value of an error out of the next run; false if it already was.
    fn note(&self, error: DecodeError) -> bool {
        let (cause, place, path) = error.into_parts();
        let (text, help) = match cause {
            Cause::Null => return self.empty.borrow_mut().insert(path),
            Cause::Missing(key) => {
                let key_path = join(&path, key);
                if self.poisoned.borrow().contains(&key_path) {
                    return self.poisoned.borrow_mut().insert(path);
                }
                (format!("the key `{key}` is required"), None)
            }
            Cause::Wrong { text, help } => (text, help),
        };
        let mut fault = match place {
            Some(place) => Fault::error(place, &path, text),
            None => Fault {
                path: path.clone(),
                ..Fault::placeless(text)
            },
        };
        fault.help = help;
        self.faults.borrow_mut().push(fault);
        self.poisoned.borrow_mut().insert(path)
    }

    fn fault(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }
}

/// `path::key`; an index such as `[2]` joins without the separator.
fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", _) => key.to_owned(),
        (_, "") => path.to_owned(),
        _ if key.starts_with('[') => format!("{path}{key}"),
        _ => format!("{path}{SEPARATOR}{key}"),
    }
}
