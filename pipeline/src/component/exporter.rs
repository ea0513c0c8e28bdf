//! The contract of exporters: send one batch, say what became of it. Queue, retry and timeout are not theirs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ledger::Reason;

use super::receiver::Listening;
use crate::batch::Batch;

/// A future that stays on its worker.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Sends batches to one back end. An instance lives on one worker.
pub trait Exporter {
    /// One attempt. Dropping the future gives the attempt up (timeout, shutdown).
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>>;

    /// Where it listens, if it is asked for what it holds: bound when it was built, and answered from
    /// [`begin`](Self::begin) on.
    fn listening(&self) -> Vec<Listening> {
        Vec::new()
    }

    /// Called once, inside the runtime, when it has its place; what was built for a reload that failed has none. What
    /// it starts here ends when it is dropped.
    fn begin(&self) {}

    /// The most encoded bytes that one attempt may carry; larger batches are cut before they come here.
    fn request_limit(&self) -> Option<usize> {
        None
    }
}

/// The back end took the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Items that it rejected all the same (`partial_success`).
    pub rejected: u64,
    /// What it said about them.
    pub text: String,
}

/// The back end did not take the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same batch would fail again.
    Permanent { reason: Reason, text: String },
    /// It may be taken later, not before `after` if the back end said so.
    Retryable {
        after: Option<Duration>,
        text: String,
    },
    /// It took a part, and the rest may be taken later.
    Partly(Box<Partly>),
}

/// What became of a batch that the back end took a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partly {
    /// Of what has its fate.
    pub receipt: Receipt,
    /// By the number of an item in the batch: whether it is to be sent again. Items beyond the end are.
    pub left: Vec<bool>,
    /// Not before this, if the back end said so.
    pub after: Option<Duration>,
    /// Why the rest was not taken.
    pub text: String,
}

impl Failure {
    pub fn permanent(text: impl Into<String>) -> Self {
        Self::Permanent {
            reason: Reason::Permanent,
            text: text.into(),
        }
    }

    pub fn retryable(text: impl Into<String>) -> Self {
        Self::Retryable {
            after: None,
            text: text.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permanent { text, .. } | Self::Retryable { text, .. } => text,
            Self::Partly(partly) => &partly.text,
        })
    }
}

impl std::error::Error for Failure {}
