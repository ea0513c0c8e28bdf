//! The lanes that send: each takes the next ticket, waits until it is due, sends, and waits for the
//! answer.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet};

use super::bodies::Bodies;
use super::client::{Client, Head, Outcome};
use super::{Options, Refused, Report};
use crate::acked::{MAX_RECORDS, Writer};
use crate::tls::Connector;
use crate::{Acked, clock};

/// Pause before another attempt to connect: a collector that restarts is back within tens of
/// milliseconds.
const RECONNECT: Duration = Duration::from_millis(5);

/// Unanswered requests of an open loop; beyond this they are counted as not sent, or a collector
/// that never answers would fill the generator's memory.
const MAX_OPEN: usize = 4096;

pub(super) async fn run(options: Options) -> io::Result<Report> {
    let acked = options
        .acked
        .as_deref()
        .map(Writer::append_to)
        .transpose()?;
    let bodies = Bodies::new(&options)?;
    let connector = Connector::new(options.ca.as_deref(), options.protocol)?;
    let head = Head::new(&options, connector.scheme())?;
    let start = clock::now();
    let load = Rc::new(Load {
        deadline: start + options.duration,
        start,
        ticket: Cell::new(0),
        returned: RefCell::default(),
        open: Cell::new(0),
        fault: RefCell::default(),
        acked: RefCell::new(acked),
        report: RefCell::default(),
        options,
        bodies,
        connector,
        head,
    });
    let shared = Rc::clone(&load);
    let all = async move {
        let mut connections = JoinSet::new();
        for _ in 0..shared.options.connections {
            connections.spawn_local(connection(Rc::clone(&shared)));
        }
        connections.join_all().await;
    };
    LocalSet::new().run_until(all).await;
    load.finish()
}

/// What all lanes share.
struct Load {
    options: Options,
    bodies: Bodies,
    connector: Connector,
    head: Head,
    start: Instant,
    deadline: Instant,
    /// Requests begun so far.
    ticket: Cell<u64>,
    /// Requests that were due when their connection turned out to be closed. The next connection
    /// sends them: nothing of them has left.
    returned: RefCell<Vec<Turn>>,
    /// Unanswered requests of an open loop.
    open: Cell<usize>,
    /// The first thing that went wrong on our side; the run stops.
    fault: RefCell<Option<io::Error>>,
    acked: RefCell<Option<Writer>>,
    report: RefCell<Report>,
}

/// A request that may be sent now.
struct Turn {
    number: u64,
    /// When it was due: now, unless the rate says otherwise.
    due: Instant,
}

// === impl Load ===

impl Load {
    fn is_over(&self) -> bool {
        let enough = self.returned.borrow().is_empty()
            && self
                .options
                .requests
                .is_some_and(|most| self.ticket.get() >= most);
        enough || clock::now() >= self.deadline || self.fault.borrow().is_some()
    }

    /// Takes the next ticket and waits until it is due; `None` when the run is over.
    async fn turn(&self) -> Option<Turn> {
        if self.is_over() {
            return None;
        }
        if let Some(turn) = self.returned.borrow_mut().pop() {
            return Some(turn);
        }
        let ticket = self.ticket.replace(self.ticket.get() + 1);
        let number = self.options.first + ticket;
        if self.options.rate == 0.0 {
            return Some(Turn {
                number,
                due: clock::now(),
            });
        }
        let after = ticket as f64 * self.options.items as f64 / self.options.rate;
        let due = Duration::try_from_secs_f64(after).ok().and_then(|after| {
            self.start
                .checked_add(after)
                .filter(|due| *due < self.deadline)
        });
        let Some(due) = due else {
            // Not begun after all.
            self.ticket.set(self.ticket.get() - 1);
            return None;
        };
        tokio::time::sleep_until(due.into()).await;
        Some(Turn { number, due })
    }

    fn body(&self, number: u64) -> Option<bytes::Bytes> {
        self.bodies
            .of(number)
            .map_err(|error| self.stop(error))
            .ok()
    }

    fn stop(&self, error: io::Error) {
        self.fault.borrow_mut().get_or_insert(error);
    }

    /// Waits for the answer and books it; false when the connection is broken.
    async fn settle(&self, turn: Turn, answer: impl Future<Output = Outcome>) -> bool {
        let answer = tokio::time::timeout(self.options.patience, answer).await;
        match answer.unwrap_or(Err(Refused::TimedOut)) {
            Err(Refused::NotSent) => {
                self.returned.borrow_mut().push(turn);
                false
            }
            outcome => {
                self.book(&turn, outcome);
                outcome != Err(Refused::Broken)
            }
        }
    }

    fn book(&self, turn: &Turn, outcome: Outcome) {
        let mut report = self.report.borrow_mut();
        match outcome {
            Err(why) => *report.refused.entry(why).or_default() += 1,
            Ok(rejected) => {
                let acked = Acked {
                    request: turn.number,
                    items: self.options.items as u64,
                };
                report.requests += 1;
                report.items += acked.items;
                report.rejected += rejected;
                report
                    .latency
                    .record(clock::now().saturating_duration_since(turn.due));
                if rejected > 0 {
                    return;
                }
                if let Some(Err(error)) = self.acked.borrow_mut().as_mut().map(|f| f.write(acked)) {
                    self.stop(error);
                }
                if self.options.record {
                    if report.acked.len() >= MAX_RECORDS {
                        self.stop(io::Error::other("too many requests to record in memory"));
                    }
                    report.acked.push(acked);
                }
            }
        }
    }

    fn finish(&self) -> io::Result<Report> {
        if let Some(writer) = self.acked.borrow_mut().as_mut() {
            writer.flush()?;
        }
        if let Some(error) = self.fault.take() {
            return Err(error);
        }
        let mut report = self.report.take();
        let unsent = self.returned.take().len() as u64;
        if self.options.requests.is_some() && unsent > 0 {
            *report.refused.entry(Refused::NotSent).or_default() += unsent;
        }
        report.elapsed = clock::now().saturating_duration_since(self.start);
        report.bytes_per_item = self.bodies.payload_len() as f64 / self.options.items as f64;
        report.next = self.options.first + self.ticket.get();
        Ok(report)
    }
}

/// Keeps one connection alive, if the options want that, and its lanes busy.
async fn connection(load: Rc<Load>) {
    loop {
        match Client::lanes(&load.options, &load.connector).await {
            Err(_) => {
                let mut report = load.report.borrow_mut();
                *report.refused.entry(Refused::NotConnected).or_default() += 1;
            }
            Ok(clients) => {
                let mut lanes = JoinSet::new();
                for client in clients {
                    lanes.spawn_local(lane(Rc::clone(&load), client));
                }
                lanes.join_all().await;
            }
        }
        if !load.options.persist || load.is_over() {
            return;
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Sends until the run is over or the connection breaks.
async fn lane(load: Rc<Load>, mut client: Client) {
    let mut unanswered = JoinSet::new();
    while client.is_ready().await
        && let Some(turn) = load.turn().await
        && let Some(body) = load.body(turn.number)
    {
        // The connection may have been closed while the turn was not due yet.
        if !client.is_ready().await {
            load.returned.borrow_mut().push(turn);
            break;
        }
        if !load.options.open {
            let turn = Turn {
                due: clock::now(),
                ..turn
            };
            if !load.settle(turn, client.send(&load.head, body)).await {
                break;
            }
            continue;
        }
        if load.open.get() >= MAX_OPEN {
            load.book(&turn, Err(Refused::NotSent));
            continue;
        }
        load.open.set(load.open.get() + 1);
        let answer = client.send(&load.head, body);
        let shared = Rc::clone(&load);
        unanswered.spawn_local(async move {
            shared.settle(turn, answer).await;
            shared.open.set(shared.open.get() - 1);
        });
        while unanswered.try_join_next().is_some() {}
    }
    unanswered.join_all().await;
}
