//! Spans come in, find their other halves, and are measured as requests; at each interval the series go out.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Reason};
use otlp::json::as_text;
use otlp::view::{Request as Spans, Span};
use otlp::{Malformed, Signal};
use pipeline::component::{Answer, Flush, Host, Outbox, Processor, Query, State};
use pipeline::{Batch, Now, Shards};

use super::config::Config;
use super::graph::Graph;
use super::half::Half;
use super::meter::Meter;
use super::pending::{Key, Pending, Taken};
use super::request::{Callee, Caller};
use super::rules::Rules;
use super::table::{Table, write_key};
use crate::wanted::Values;

const SERVICE_NAME: &str = "service.name";

/// Kinds of spans that are one half of a request.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// The one instance of a connector.
pub(super) struct ServiceGraph {
    pub(super) rules: Rules,
    pub(super) table: Table,
    pub(super) budget: Arc<Budget>,
    pub(super) meter: Meter,
    /// When series were sent last, in nanoseconds since the Unix epoch; before that, when the first span came.
    pub(super) sent: Option<u64>,
    pending: Pending,
    graph: Graph,
    /// The id of the connector, for those who ask.
    id: String,
    timers: Timers,
    /// Keys are written here and kept only for what is new.
    key: Vec<u8>,
}

/// When something is to be done next; `None` while there is nothing to do it with.
#[derive(Clone, Copy, Debug, Default)]
struct Timers {
    flush: Option<Duration>,
    expire: Option<Duration>,
    forget: Option<Duration>,
}

/// What goes over to a successor.
struct Held {
    rules: Rules,
    table: Table,
    pending: Pending,
    graph: Graph,
    sent: Option<u64>,
    timers: Timers,
}

impl ServiceGraph {
    pub(super) fn new(config: &Config, host: &Host) -> Self {
        Self {
            rules: Rules::new(config),
            table: Table::new(&host.budget),
            budget: Arc::clone(&host.budget),
            meter: Meter::new(host),
            sent: None,
            pending: Pending::new(&host.budget),
            graph: Graph::new(&host.budget),
            id: host.label.id.to_string(),
            timers: Timers::default(),
            key: Vec::new(),
        }
    }

    /// Pairs the spans of one request. `taken` counts them, for whoever must know where a broken one ends.
    fn pair(&mut self, request: &[u8], now: Now, taken: &mut u64) -> Result<(), Malformed> {
        let (mut of_resource, mut of_span) = (Values::new(), Values::new());
        for group in Spans::new(Signal::Traces, request).resource_groups() {
            let group = group?;
            let attributes = group.attributes();
            let service = match attributes.get(SERVICE_NAME)? {
                Some(name) => as_text(&name)?,
                None => "".into(),
            };
            let service: Arc<str> = service.as_ref().into();
            self.rules.wanted.read(attributes, &mut of_resource)?;
            for scope in group.scope_groups() {
                for item in scope?.items() {
                    let span = Span::read(item?.body)?;
                    *taken += 1;
                    if !(SERVER..=CONSUMER).contains(&span.kind) {
                        continue;
                    }
                    if service.is_empty() {
                        self.meter.without_service(1);
                        continue;
                    }
                    self.rules.wanted.read(span.attributes(), &mut of_span)?;
                    let half = Half {
                        service: &service,
                        span: &span,
                        of_resource: &of_resource,
                        of_span: &of_span,
                    };
                    match span.kind {
                        CLIENT | PRODUCER => self.caller(&half, now)?,
                        _ => self.callee(&half, now)?,
                    }
                }
            }
            self.record(now);
        }
        Ok(())
    }

    fn caller(&mut self, half: &Half<'_, '_>, now: Now) -> Result<(), Malformed> {
        let rules = &self.rules;
        let side = half.side(rules)?;
        // Ids of another length are none, so that nobody could name them.
        let Some(key) = key(half.span.trace_id, half.span.span_id) else {
            return Ok(());
        };
        let carriers = [half.of_resource, half.of_span];
        if let Some(database) = half.name(&rules.databases, &carriers)? {
            self.pending.take_database(key, side, &database);
            self.meter.taken(Taken::First);
            return Ok(());
        }
        let caller = Caller {
            side,
            is_messaging: half.span.kind == PRODUCER,
            peer: half.name(&rules.peers, &[half.of_span])?.map(Arc::from),
        };
        let taken = self.pending.take_caller(key, caller, (rules, now.mono));
        self.meter.taken(taken);
        Ok(())
    }

    fn callee(&mut self, half: &Half<'_, '_>, now: Now) -> Result<(), Malformed> {
        let (rules, span) = (&self.rules, half.span);
        let callee = Callee {
            side: half.side(rules)?,
            is_messaging: span.kind == CONSUMER,
        };
        let mut links = match callee.is_messaging {
            true => span.links().peekable(),
            false => Span::default().links().peekable(),
        };
        if links.peek().is_some() {
            for link in links {
                let link = link?;
                let Some(key) = key(link.trace_id, link.span_id) else {
                    continue;
                };
                let callee = callee.clone();
                let taken = self.pending.take_linked(key, callee, (rules, now.mono));
                self.meter.taken(taken);
            }
        } else if !span.is_root() {
            let Some(key) = key(span.trace_id, span.parent_span_id) else {
                return Ok(());
            };
            let taken = self.pending.take_child(key, callee, (rules, now.mono));
            self.meter.taken(taken);
        } else if rules.has_virtual_nodes {
            self.pending.take_root(callee);
            self.meter.taken(Taken::First);
        }
        Ok(())
    }

    /// Adds what has become known to the series.
    fn record(&mut self, now: Now) {
        let start = *self.sent.get_or_insert(now.unix_nanos);
        for request in self.pending.drain() {
            let edge = write_key(&request, &mut self.key);
            let edge = self.key.get(..edge).unwrap_or_default();
            self.graph.record(edge, &request, now);
            let known = (&self.rules, now, start);
            if self.table.record(&mut self.key, &request, known) {
                self.meter.overflow();
            }
        }
    }

    fn expire(&mut self, now: Now) {
        self.pending.expire(&self.rules, now.mono);
        self.record(now);
        self.tell();
    }

    fn forget(&mut self, now: Now) {
        self.table.forget_stale(now.mono);
        self.graph.forget_stale(now.mono);
        self.tell();
    }

    fn tell(&mut self) {
        let expired = self.pending.take_expired();
        self.meter.expired(expired);
        self.meter.waits(self.pending.spans(), self.pending.bytes());
        self.meter.holds(self.table.len(), self.table.bytes());
    }

    /// Names the next times for what there is.
    fn arm(&mut self, now: Duration) {
        let rules = &self.rules;
        let arm = |timer: &mut Option<Duration>, is_wanted: bool, interval: Duration| {
            *timer = is_wanted.then(|| timer.unwrap_or(now + interval));
        };
        let timers = &mut self.timers;
        let has_series = !self.table.is_empty();
        // A successor with other dimensions has edges and no series yet.
        let is_known = has_series || !self.graph.is_empty();
        arm(&mut timers.forget, is_known, rules.cache_interval);
        let waits = !self.pending.is_empty();
        arm(&mut timers.expire, waits, rules.expiration_interval);
        let interval = rules.flush_interval.unwrap_or_default();
        let is_sent = has_series && rules.flush_interval.is_some();
        arm(&mut timers.flush, is_sent, interval);
    }
}

/// Where the span of these ids is waited for; `None` if they are no ids.
fn key(trace_id: &[u8], span_id: &[u8]) -> Option<Key> {
    Some(Key {
        trace_id: trace_id.try_into().ok()?,
        span_id: span_id.try_into().ok()?,
    })
}

impl Processor for ServiceGraph {
    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        self.sent.get_or_insert(now.unix_nanos);
        for chunk in batch.chunks() {
            chunk.bring_near();
            let mut taken = 0;
            // The framing of a request is checked when it comes, so this is some processor's defect.
            if self.pair(&chunk.bytes, now, &mut taken).is_err() {
                self.record(now);
                out.drop_items(chunk.items.saturating_sub(taken), Reason::Invalid);
            }
        }
        if self.rules.flush_interval.is_none() {
            self.send(now, out);
        }
        self.arm(now.mono);
    }

    fn deadline(&self) -> Option<Duration> {
        let Timers {
            flush,
            expire,
            forget,
        } = self.timers;
        [flush, expire, forget].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Now, out: &mut Outbox) {
        let is_due = |timer: Option<Duration>| timer.is_some_and(|at| at <= now.mono);
        if is_due(self.timers.expire) {
            self.timers.expire = None;
            self.expire(now);
            if self.rules.flush_interval.is_none() {
                self.send(now, out);
            }
        }
        if is_due(self.timers.flush) {
            self.send(now, out);
            // Times that have passed while there was no room behind are not made up for.
            let next = self.timers.flush.zip(self.rules.flush_interval);
            let next = next.map(|(last, interval)| last + interval);
            self.timers.flush = next.filter(|next| *next > now.mono);
        }
        if is_due(self.timers.forget) {
            self.timers.forget = None;
            self.forget(now);
        }
        self.arm(now.mono);
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        // The other halves may have been on their way: no node is made up for them.
        self.pending.give_up();
        self.tell();
        self.send(now, out);
        self.timers = Timers::default();
        Flush::Done
    }

    fn ask(&self, query: &Query, now: Now) -> Answer {
        match query {
            Query::ServiceGraph => Answer::Known(self.graph.tell(&self.id, now)),
            Query::Why { .. } | Query::Verdicts(_) | Query::Alive => Answer::None,
        }
    }

    fn yield_state(&mut self, _heirs: Shards) -> Vec<State> {
        let empty = Rules::new(&Config::default());
        vec![Box::new(Held {
            rules: std::mem::replace(&mut self.rules, empty),
            table: std::mem::replace(&mut self.table, Table::new(&self.budget)),
            pending: std::mem::replace(&mut self.pending, Pending::new(&self.budget)),
            graph: std::mem::replace(&mut self.graph, Graph::new(&self.budget)),
            sent: self.sent,
            timers: std::mem::take(&mut self.timers),
        })]
    }

    fn adopt(&mut self, state: State, now: Now, out: &mut Outbox) {
        let Ok(held) = state.downcast::<Held>() else {
            return;
        };
        let Held {
            rules,
            table,
            pending,
            graph,
            sent,
            timers,
        } = *held;
        (self.sent, self.graph) = (sent, graph);
        if rules.shape == self.rules.shape {
            (self.table, self.pending) = (table, pending);
            let sooner = |at: Option<Duration>, interval| at.map(|at| at.min(now.mono + interval));
            self.timers = Timers {
                flush: (self.rules.flush_interval)
                    .and_then(|interval| sooner(timers.flush, interval)),
                expire: sooner(timers.expire, self.rules.expiration_interval),
                forget: sooner(timers.forget, self.rules.cache_interval),
            };
            self.arm(now.mono);
            return;
        }
        // Its series are others from now on, so what they have is sent once more, as they were. What waits was read for
        // other dimensions.
        let own = std::mem::replace(&mut self.rules, rules);
        let own_table = std::mem::replace(&mut self.table, table);
        self.send(now, out);
        (self.rules, self.table) = (own, own_table);
        let mut pending = pending;
        pending.give_up();
        self.meter.expired(pending.take_expired());
        self.arm(now.mono);
    }
}
