//! What the books, the budget and the exporters' rooms say, as metric families.
//!
//! Nothing is counted for these pages: they are derived when somebody asks. Names, labels and
//! first appearance are the Collector's, compared with its page under the same requests. The
//! differences:
//!
//! - `exporter_in_flight_requests` is shown from the start, not from the first request on;
//! - `exporter_queue_size` and `exporter_queue_capacity` are also shown without a queue, as the
//!   exports that may run at the same time;
//! - `exporter_send_failed_*` includes what a back end rejected in a `partial_success`, and what a
//!   drain could not deliver; the former does not count as sent;
//! - a limiter refuses before anything is read: what it refuses is not incoming, and stays at 0 in
//!   `processor_memory_limiter_refused_*` (the limiter itself shows both);
//! - there are no labels `otel_scope_*`, whatever `without_scope_info` says, and no families of
//!   the scraper itself (`promhttp_*`).
//!
//! The books in full have families of their own, `tracegate_items_*`: one for each column, so that
//! a sum over all labels means something. A reason is shown once it has counted something.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::{Books, Budget, Kind, NodeKey, Reason, Tally};
use otlp::Signal;
use pipeline::{ExporterRoom, Rooms, Shared};
use telemetry::metrics::{Family, Samples, Source};

/// Types of processors that report what comes in and goes out. In the Collector these are the ones
/// that are built on `processorhelper`; `batch` is not.
const COUNTING_PROCESSORS: [&str; 3] = ["attributes", "memory_limiter", "resource"];

const INCOMING: Family = Family::counter(
    "otelcol_processor_incoming_items",
    "Items that the processor was given [Alpha]",
);
const OUTGOING: Family = Family::counter(
    "otelcol_processor_outgoing_items",
    "Items that the processor passed on [Alpha]",
);
const QUEUE_SIZE: Family = Family::gauge(
    "otelcol_exporter_queue_size",
    "Room of the sending queue in use, in units of its sizer [Alpha]",
);
const QUEUE_CAPACITY: Family = Family::gauge(
    "otelcol_exporter_queue_capacity",
    "Room of the sending queue, in units of its sizer [Alpha]",
);
const IN_FLIGHT: Family = Family::gauge(
    "otelcol_exporter_in_flight_requests",
    "Requests that are being sent or wait to be sent again [Development]",
);

const IN: Family = Family::counter("tracegate_items_in_total", "Items that came to the node");
const OUT: Family = Family::counter("tracegate_items_out_total", "Items that the node passed on");
const DROPPED: Family = Family::counter(
    "tracegate_items_dropped_total",
    "Items that were lost at the node after they had been taken",
);
const REJECTED: Family = Family::counter(
    "tracegate_items_rejected_total",
    "Items that the node handed back to their sender",
);
const HELD: Family = Family::gauge(
    "tracegate_items_held",
    "Items in the node: in, less out, dropped and rejected",
);

const BUDGET_USED: Family = Family::gauge(
    "tracegate_budget_used_bytes",
    "Bytes of telemetry that the process holds",
)
.bytes();
const BUDGET_ADMISSION: Family = Family::gauge(
    "tracegate_budget_admission_bytes",
    "Bytes in use from which no new request is read",
)
.bytes();
const BUDGET_LIMIT: Family = Family::gauge(
    "tracegate_budget_limit_bytes",
    "Bytes of telemetry that the process may hold",
)
.bytes();

const CONNECTIONS_OPEN: Family = Family::gauge(
    "tracegate_connections_open",
    "Connections of clients to all listeners",
);
const CONNECTIONS_LIMIT: Family = Family::gauge(
    "tracegate_connections_limit",
    "Connections of clients that the process takes at the same time",
);
const CONNECTIONS_EVICTED: Family = Family::counter(
    "tracegate_connections_evicted_total",
    "Idle connections that were ended to make room for others",
);

/// The books as a source of metrics.
pub(crate) struct Families {
    books: Arc<Books>,
    budget: Arc<Budget>,
    rooms: Rooms,
}

impl Families {
    pub(crate) fn new(shared: &Shared, rooms: Rooms) -> Self {
        Self {
            books: Arc::clone(&shared.books),
            budget: Arc::clone(&shared.budget),
            rooms,
        }
    }

    fn emit_budget(&self, samples: &mut Samples<'_>) {
        samples.add(&BUDGET_USED, &[], self.budget.used() as f64);
        samples.add(&BUDGET_ADMISSION, &[], self.budget.admission() as f64);
        samples.add(&BUDGET_LIMIT, &[], self.budget.limit() as f64);
    }

    fn emit_connections(samples: &mut Samples<'_>) {
        let connections = net::connections();
        samples.add(&CONNECTIONS_OPEN, &[], connections.open() as f64);
        samples.add(&CONNECTIONS_LIMIT, &[], connections.limit() as f64);
        samples.add(&CONNECTIONS_EVICTED, &[], connections.evicted() as f64);
    }

    fn emit_rooms(&self, samples: &mut Samples<'_>) {
        for room in self.rooms.borrow().iter() {
            let labels = [
                ("exporter", room.id.as_str()),
                ("data_type", room.signal.name()),
            ];
            if let Some((used, capacity)) = room.fill() {
                samples.add(&QUEUE_SIZE, &labels, used as f64);
                samples.add(&QUEUE_CAPACITY, &labels, capacity as f64);
            }
            samples.add(&IN_FLIGHT, &labels, room.in_flight() as f64);
        }
    }
}

impl Source for Families {
    fn emit(&self, samples: &mut Samples<'_>) {
        self.emit_budget(samples);
        Self::emit_connections(samples);
        self.emit_rooms(samples);
        let rooms = self.rooms.borrow().clone();
        for (key, tally) in self.books.tallies() {
            emit_account(&key, &tally, samples);
            match key.kind {
                Kind::Receiver => emit_receiver(&key, &tally, samples),
                Kind::Processor => emit_processor(&key, &tally, samples),
                Kind::Exporter => emit_exporter(&key, &tally, &rooms, samples),
                Kind::Connector | Kind::Extension => {}
            }
        }
    }
}

/// From its first request on a receiver shows all three, zeros included.
fn emit_receiver(key: &NodeKey, tally: &Tally, samples: &mut Samples<'_>) {
    if tally.taken == 0 {
        return;
    }
    let labels = [("receiver", key.id.as_str()), ("transport", key.transport)];
    // An error of the receiver itself has no name in the books: it is a refusal or a loss.
    for (what, help, value) in [
        ("accepted", "that the pipelines took", tally.passed),
        (
            "refused",
            "that the pipelines did not take",
            tally.rejected_total(),
        ),
        ("failed", "that failed in the receiver itself", 0),
    ] {
        let family = by_signal(&format!("receiver_{what}"), help, key.signal);
        samples.add(&family, &labels, value as f64);
    }
}

fn emit_processor(key: &NodeKey, tally: &Tally, samples: &mut Samples<'_>) {
    let kind = key.id.split('/').next().unwrap_or_default();
    if tally.taken == 0 || !COUNTING_PROCESSORS.contains(&kind) {
        return;
    }
    let labels = [
        ("processor", key.id.as_str()),
        ("otel_signal", key.signal.name()),
    ];
    samples.add(&INCOMING, &labels, tally.taken as f64);
    samples.add(&OUTGOING, &labels, tally.passed as f64);
}

/// `sent` is shown once an export has ended either way, a failure once there was one.
fn emit_exporter(key: &NodeKey, tally: &Tally, rooms: &[ExporterRoom], samples: &mut Samples<'_>) {
    let (full, failed): (Vec<_>, Vec<_>) =
        ended(tally).partition(|(reason, _)| *reason == Reason::QueueFull);
    let total = |ended: Vec<(Reason, u64)>| ended.iter().map(|(_, items)| items).sum::<u64>();
    let (full, failed) = (total(full), total(failed));
    let room = rooms
        .iter()
        .find(|room| room.id == key.id && room.signal == key.signal);
    let own = room.iter().flat_map(|room| &room.labels);
    let mut labels = vec![("exporter", key.id.as_str())];
    labels.extend(own.map(|(name, value)| (*name, value.as_str())));
    for (what, help, value, shown) in [
        (
            "sent",
            "that the back end took",
            tally.passed,
            tally.passed + failed > 0,
        ),
        (
            "send_failed",
            "that could not be delivered",
            failed,
            failed > 0,
        ),
        (
            "enqueue_failed",
            "for which the sending queue had no room",
            full,
            full > 0,
        ),
    ] {
        if shown {
            let family = by_signal(&format!("exporter_{what}"), help, key.signal);
            // What never came into the queue has not been on its way anywhere.
            let labels = match what {
                "enqueue_failed" => &labels[..1],
                _ => &labels,
            };
            samples.add(&family, labels, value as f64);
        }
    }
}

fn ended(tally: &Tally) -> impl Iterator<Item = (Reason, u64)> {
    let column = |column: [u64; Reason::ALL.len()]| Reason::ALL.into_iter().zip(column);
    column(tally.dropped).chain(column(tally.rejected))
}

/// A family that has the items of its signal in its name.
fn by_signal(name: &str, help: &str, signal: Signal) -> Family {
    let items = signal.items();
    Family {
        name: Cow::Owned(format!("otelcol_{name}_{items}")),
        help: Cow::Owned(format!(
            "Number of {} {help} [Alpha]",
            items.replace('_', " ")
        )),
        ..Family::counter("", "")
    }
}

/// The account as it stands in the books.
fn emit_account(key: &NodeKey, tally: &Tally, samples: &mut Samples<'_>) {
    let all = [
        ("kind", key.kind.name()),
        ("component", key.id.as_str()),
        ("pipeline", key.pipeline.as_str()),
        ("transport", key.transport),
        ("signal", key.signal.name()),
    ];
    let mut labels: Vec<_> = all.into_iter().filter(|(_, v)| !v.is_empty()).collect();
    samples.add(&IN, &labels, tally.taken as f64);
    samples.add(&OUT, &labels, tally.passed as f64);
    samples.add(&HELD, &labels, tally.held() as f64);
    for (family, column) in [(&DROPPED, tally.dropped), (&REJECTED, tally.rejected)] {
        for (reason, items) in Reason::ALL.into_iter().zip(column) {
            if items > 0 {
                labels.push(("reason", reason.name()));
                samples.add(family, &labels, items as f64);
                labels.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests;
