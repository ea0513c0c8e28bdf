//! `GET /api/v1/books`: for each node and signal what came in and what became of it, in items.

use std::collections::BTreeMap;

use http::StatusCode;
use ledger::{NodeKey, Reason, Tally};
use serde::Serialize;

use super::Desk;
use crate::web::Reply;

#[derive(Serialize)]
struct Books {
    nodes: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    id: String,
    signal: &'static str,
    /// Of a processor.
    #[serde(skip_serializing_if = "String::is_empty")]
    pipeline: String,
    /// Of a receiver.
    #[serde(skip_serializing_if = "str::is_empty")]
    transport: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

/// `in = out + dropped + rejected + held`, once a node is at rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    #[serde(rename = "in")]
    taken: u64,
    out: u64,
    held: i64,
    /// By reason; one that has ended nothing is left out.
    dropped: BTreeMap<&'static str, u64>,
    rejected: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(super) fn add(&mut self, tally: &Tally) {
        self.taken += tally.taken;
        self.out += tally.passed;
        self.held += tally.held();
        for (sums, column) in [
            (&mut self.dropped, tally.dropped),
            (&mut self.rejected, tally.rejected),
        ] {
            let ended = Reason::ALL.into_iter().zip(column);
            for (reason, items) in ended.filter(|(_, items)| *items > 0) {
                *sums.entry(reason.name()).or_default() += items;
            }
        }
    }
}

pub(super) fn answer(desk: &Desk) -> Reply {
    let tallies = desk.vitals.shared.books.tallies();
    let nodes = tallies.into_iter().map(row).collect();
    Reply::json(StatusCode::OK, &Books { nodes })
}

fn row((key, tally): (NodeKey, Tally)) -> Row {
    let mut figures = Figures::default();
    figures.add(&tally);
    Row {
        kind: key.kind.name(),
        id: key.id,
        signal: key.signal.name(),
        pipeline: key.pipeline,
        transport: key.transport,
        figures,
    }
}
