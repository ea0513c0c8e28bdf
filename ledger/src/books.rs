//! The books: for each node and signal how many items came in and what became of each.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use otlp::Signal;

/// Why items ended without being passed on. The list is closed: a new way to lose an item is a new row here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The memory budget or a memory limiter had no room.
    MemoryLimit,
    /// A bounded queue was full.
    QueueFull,
    /// The bytes are not what they claim to be, or the back end says so.
    Invalid,
    /// The span has no trace id that could tell its trace from others: none, one of zeros, or one of another length.
    InvalidTraceId,
    /// One item or request exceeds a size limit.
    TooLarge,
    /// The back end refused for a reason that a retry does not mend.
    Permanent,
    /// The back end kept failing until the retry's time was up, or retry is off.
    RetriesExhausted,
    /// The back end took the request but rejected these items (`partial_success`).
    PartialSuccess,
    /// The service was told to stop and the drain deadline passed, or it no longer admits.
    Shutdown,
    /// More distinct metadata values than `metadata_cardinality_limit` allows.
    MetadataCardinality,
    /// Sampling decided against the trace.
    NotSampled,
    /// The trace made room for others before it was decided.
    Evicted,
}

impl Reason {
    pub const ALL: [Self; 12] = [
        Self::MemoryLimit,
        Self::QueueFull,
        Self::Invalid,
        Self::InvalidTraceId,
        Self::TooLarge,
        Self::Permanent,
        Self::RetriesExhausted,
        Self::PartialSuccess,
        Self::Shutdown,
        Self::MetadataCardinality,
        Self::NotSampled,
        Self::Evicted,
    ];

    /// The value of the `reason` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryLimit => "memory_limit",
            Self::QueueFull => "queue_full",
            Self::Invalid => "invalid",
            Self::InvalidTraceId => "invalid_trace_id",
            Self::TooLarge => "too_large",
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::PartialSuccess => "partial_success",
            Self::Shutdown => "shutdown",
            Self::MetadataCardinality => "metadata_cardinality",
            Self::NotSampled => "not_sampled",
            Self::Evicted => "evicted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The end of an item at one node, other than being passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Lost after it was accepted.
    Dropped(Reason),
    /// Handed back to the sender, who knows that it was not taken.
    Rejected(Reason),
}

/// What a node is, as the `kind` label says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Receiver,
    Processor,
    Connector,
    Exporter,
    /// Carries no data; it has a name here for logs alone.
    Extension,
}

impl Kind {
    pub const ALL: [Self; 4] = [
        Self::Receiver,
        Self::Processor,
        Self::Connector,
        Self::Exporter,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Processor => "processor",
            Self::Connector => "connector",
            Self::Exporter => "exporter",
            Self::Extension => "extension",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which node and signal an account belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeKey {
    pub kind: Kind,
    /// The component id as the user wrote it, `type/name`.
    pub id: String,
    /// The pipeline id for nodes of which each pipeline has its own (processors), else empty.
    pub pipeline: String,
    /// `grpc` or `http` for receivers, else empty.
    pub transport: &'static str,
    pub signal: Signal,
}

/// The account of one node and signal. Updates are relaxed atomics, once a batch.
#[derive(Debug, Default)]
pub struct Account {
    taken: AtomicU64,
    passed: AtomicU64,
    dropped: [AtomicU64; Reason::ALL.len()],
    rejected: [AtomicU64; Reason::ALL.len()],
}

impl Account {
    /// Items that came in.
    pub fn take(&self, items: u64) {
        self.taken.fetch_add(items, Ordering::Relaxed);
    }

    /// Items that went on: once for a fan-out, whose edges the next nodes count.
    pub fn pass(&self, items: u64) {
        self.passed.fetch_add(items, Ordering::Relaxed);
    }

    /// Items that ended here.
    pub fn end(&self, items: u64, fate: Fate) {
        let (column, reason) = match fate {
            Fate::Dropped(reason) => (&self.dropped, reason),
            Fate::Rejected(reason) => (&self.rejected, reason),
        };
        column[reason as usize].fetch_add(items, Ordering::Relaxed);
    }

    /// The figures as they stand. Exact once the node is at rest.
    pub fn tally(&self) -> Tally {
        let column = |c: &[AtomicU64; Reason::ALL.len()]| {
            std::array::from_fn(|i| c[i].load(Ordering::Relaxed))
        };
        // Ends are read before what came in, so that a running node never seems to hold less than nothing.
        let (dropped, rejected) = (column(&self.dropped), column(&self.rejected));
        let passed = self.passed.load(Ordering::Relaxed);
        Tally {
            taken: self.taken.load(Ordering::Relaxed),
            passed,
            dropped,
            rejected,
        }
    }
}

/// An account's figures at one moment, in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub taken: u64,
    pub passed: u64,
    /// By [`Reason`], in the order of [`Reason::ALL`].
    pub dropped: [u64; Reason::ALL.len()],
    pub rejected: [u64; Reason::ALL.len()],
}

impl Tally {
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Items that came in and have not ended: `in − out − dropped − rejected`. Negative means that the books are wrong.
    pub fn held(&self) -> i64 {
        let ended = self.passed + self.dropped_total() + self.rejected_total();
        self.taken.cast_signed() - ended.cast_signed()
    }
}

/// All accounts of the process.
#[derive(Debug, Default)]
pub struct Books {
    accounts: Mutex<Vec<(NodeKey, Arc<Account>)>>,
}

impl Books {
    /// The account of this node; opened on first use and shared by all who ask, so that workers add to one figure.
    pub fn account(&self, key: &NodeKey) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, account)) = accounts.iter().find(|(k, _)| k == key) {
            return Arc::clone(account);
        }
        let account = Arc::new(Account::default());
        accounts.push((key.clone(), Arc::clone(&account)));
        account
    }

    /// Every account with its figures, sorted by key.
    pub fn tallies(&self) -> Vec<(NodeKey, Tally)> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<_> = accounts
            .iter()
            .map(|(k, a)| (k.clone(), a.tally()))
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> NodeKey {
        NodeKey {
            kind: Kind::Exporter,
            id: id.to_owned(),
            pipeline: String::new(),
            transport: "",
            signal: Signal::Traces,
        }
    }

    #[test]
    fn every_item_that_came_in_is_passed_on_ended_or_held() {
        let account = Account::default();
        account.take(10);
        account.pass(4);
        account.end(2, Fate::Dropped(Reason::QueueFull));
        account.end(1, Fate::Rejected(Reason::Invalid));
        assert_eq!(account.tally().held(), 3);
    }

    #[test]
    fn reasons_stand_at_the_place_that_their_number_says() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at, "{reason}");
        }
    }

    #[test]
    fn who_asks_for_the_same_node_twice_gets_the_same_account() {
        let books = Books::default();
        books.account(&key("otlp")).take(1);
        books.account(&key("otlp")).take(2);
        books.account(&key("debug")).take(5);
        let taken: Vec<_> = books
            .tallies()
            .into_iter()
            .map(|(k, t)| (k.id, t.taken))
            .collect();
        assert_eq!(taken, [("debug".to_owned(), 5), ("otlp".to_owned(), 3)]);
    }
}
