//! The OpenTelemetry Transformation Language: conditions on encoded telemetry.
//!
//! A text becomes tokens, a tree, and then a [`Condition`] in which every path, function and constant is resolved, so
//! that a fault is found before data flows, with its place and the likely fix. Evaluation reads views and allocates
//! only where a function makes a new text.
//!
//! Grammar and meaning follow the
//! [language](https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/pkg/ottl/LANGUAGE.md). This
//! crate knows no component, and no context but those in [`Scene`].

mod calculate;
mod case;
mod check;
mod compare;
mod convert;
mod fault;
mod functions;
mod json;
mod lexer;
mod parser;
mod path;
pub mod pattern;
mod scene;
mod tree;
mod value;
mod wants;

pub use check::Condition;
pub use fault::{Fault, Trouble};
pub use path::Context;
pub use scene::Scene;
