//! The state of the traces: what comes in, waits, is decided, and goes on or ends.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Reason};
use otlp::view::{Item, Request, ResourceGroup, ScopeGroup, Span};
use otlp::{Malformed, Signal};
use ottl::Scene;
use pipeline::component::{Flush, Host, Outbox, Processor};
use pipeline::{Batch, Now, Refusal};

use super::cache::{Cache, Verdict};
use super::config::{Config, OnOverflow};
use super::emit::Emitter;
use super::log::{At, Log, Shared};
use super::meter::Meter;
use super::pending::{Pending, Traces};
use super::policies::{Policies, Seen, Trace, TraceId, Vote};

/// Decisions are made together, on this grid: what is kept at one time shares its resources.
const TICK: Duration = Duration::from_millis(250);

/// What one request holds at most, give or take a trace.
const EMIT_BYTES_MAX: usize = 1 << 20;

/// Spans that one call decides on at most, give or take a trace: what comes in meanwhile must not wait long.
const DECIDED_BYTES_MAX: u64 = 4 << 20;

/// Spans of a trace that wait for its decision. Traces beyond are a defect of their sender's, such as a span that
/// never ends its trace; the decision is made with these, and the others follow it.
const TRACE_SPANS_MAX: u32 = 1_000_000;

const NO_ROOM: Refusal = Refusal::later(
    Reason::QueueFull,
    "tail_sampling waits for room for more traces",
);

/// All traces of one instance.
pub(super) struct Sampler {
    rules: Rules,
    policies: Policies,
    log: Log,
    traces: Traces,
    cache: Cache,
    emitter: Emitter,
    /// Spans of the emitter, to be released when they are written.
    kept: Vec<At>,
    /// When the next decision is made.
    next: Option<Duration>,
    budget: Arc<Budget>,
    meter: Meter,
}

/// What the spans of a scope group have in common.
struct Group<'x, 'a> {
    resource: &'x ResourceGroup<'a>,
    scope: &'x ScopeGroup<'a>,
    /// What the policies see on the resource.
    seen: &'x Seen,
    shared: Shared<'a>,
}

/// How long and how many traces wait.
#[derive(Debug)]
struct Rules {
    wait: Duration,
    wait_after_root: Option<Duration>,
    traces_max: usize,
    bytes_max: u64,
    trace_bytes_max: Option<u64>,
    overflow: OnOverflow,
    drops_at_end: bool,
}

impl Sampler {
    pub(super) fn new(config: &Config, host: &Host) -> Result<Self, String> {
        let policies = Policies::new(&config.policies, 1, config.sample_on_first_match)?;
        let cache = &config.decision_cache;
        Ok(Self {
            rules: Rules::new(config, &host.budget),
            meter: Meter::new(host, policies.names()),
            policies,
            log: Log::new(&host.budget),
            traces: Traces::default(),
            cache: Cache::new(cache.sampled_cache_size, cache.non_sampled_cache_size),
            emitter: Emitter::default(),
            kept: Vec::new(),
            next: None,
            budget: Arc::clone(&host.budget),
        })
    }

    /// Counts in `taken` what it could take: all, unless the framing is broken.
    fn ingest(
        &mut self,
        request: &[u8],
        taken: &mut u64,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), Malformed> {
        for resource in Request::new(Signal::Traces, request).resource_groups() {
            let resource = &resource?;
            let seen = &self.policies.see_resource(resource.attributes());
            for scope in resource.scope_groups() {
                let scope = &scope?;
                let shared = self
                    .log
                    .share(resource.shared_fields()?, scope.shared_fields()?);
                let mut group = Group {
                    resource,
                    scope,
                    seen,
                    shared,
                };
                for item in scope.items() {
                    self.take(&item?, &mut group, now, out);
                    *taken += 1;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, item: &Item<'_>, group: &mut Group<'_, '_>, now: Now, out: &mut Outbox) {
        let Some((id, span)) = identified(item) else {
            return out.drop_items(1, Reason::Invalid);
        };
        if self.traces.get_mut(&id).is_none() {
            if let Some(verdict) = self.cache.get(&id) {
                return self.follow(verdict, item.body, &mut group.shared, out);
            }
            self.make_room(now, out);
            self.meter.new_trace();
            self.traces
                .add(id, self.policies.nothing(), now.mono, self.rules.wait);
        }
        let Some(pending) = self.traces.get_mut(&id) else {
            return;
        };
        let had_root = pending.facts.has_root;
        let Group {
            resource,
            scope,
            seen,
            ..
        } = *group;
        let scene = Scene {
            resource,
            scope,
            span: &span,
            event: None,
        };
        self.policies
            .see(&scene, item.body.len(), seen, &mut pending.facts);
        pending.last = Some(self.log.append(&mut group.shared, item.body, pending.last));
        let is_root = pending.facts.has_root && !had_root;
        let (spans, bytes) = (pending.facts.spans, pending.facts.bytes);
        if self.rules.trace_bytes_max.is_some_and(|max| bytes > max) {
            self.end_too_large(&id, out);
        } else if spans >= TRACE_SPANS_MAX {
            self.decide(&id, now, out);
        } else if let Some(wait) = self.rules.wait_after_root.filter(|_| is_root) {
            self.traces.hasten(id, now.mono.saturating_add(wait));
        }
    }

    /// A span whose trace is decided does as the others did.
    fn follow(&mut self, verdict: Verdict, span: &[u8], shared: &mut Shared<'_>, out: &mut Outbox) {
        self.meter.late(verdict);
        if verdict == Verdict::Sampled {
            let at = self.log.append(shared, span, None);
            self.emitter.add(&self.log, at);
            self.kept.push(at);
        } else {
            out.drop_items(1, Reason::NotSampled);
        }
    }

    /// Makes room for a trace, unless there is some.
    fn make_room(&mut self, now: Now, out: &mut Outbox) {
        while self.is_full() && self.rules.overflow != OnOverflow::Block {
            let Some((id, pending)) = self.traces.take_first() else {
                return;
            };
            match self.rules.overflow {
                OnOverflow::DropOldest => {
                    self.meter.dropped_too_early();
                    out.drop_items(u64::from(pending.facts.spans), Reason::Evicted);
                    self.release(pending.last);
                }
                OnOverflow::DecideEarly | OnOverflow::Block => {
                    self.meter.decided_early();
                    self.judge(id, &pending, now, out);
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        self.traces.len() >= self.rules.traces_max || self.log.bytes() > self.rules.bytes_max
    }

    fn end_too_large(&mut self, id: &TraceId, out: &mut Outbox) {
        if let Some((id, pending)) = self.traces.take(id) {
            self.meter.dropped_too_large();
            self.cache.remember(id, Verdict::Ended);
            out.drop_items(u64::from(pending.facts.spans), Reason::TooLarge);
            self.release(pending.last);
        }
    }

    fn decide(&mut self, id: &TraceId, now: Now, out: &mut Outbox) {
        if let Some((id, pending)) = self.traces.take(id) {
            self.judge(id, &pending, now, out);
        }
    }

    fn judge(&mut self, id: TraceId, pending: &Pending, now: Now, out: &mut Outbox) {
        let facts = &pending.facts;
        let decision = self.policies.decide(&Trace {
            id: &id,
            facts,
            now: now.mono,
        });
        let sampled = decision.vote == Vote::Sampled;
        self.meter.decided(&decision);
        let verdict = if sampled {
            Verdict::Sampled
        } else {
            Verdict::Ended
        };
        self.cache.remember(id, verdict);
        if let Some(last) = pending.last.filter(|_| sampled) {
            self.emitter.add(&self.log, last);
            self.kept.push(last);
            if self.emitter.bytes() >= EMIT_BYTES_MAX {
                self.emit(out);
            }
        } else {
            out.drop_items(u64::from(facts.spans), Reason::NotSampled);
            self.release(pending.last);
        }
    }

    /// Writes what is to go on.
    fn emit(&mut self, out: &mut Outbox) {
        let spans = self.emitter.spans();
        if spans == 0 {
            return;
        }
        let request = self.emitter.finish(&self.log);
        let mut lease = self.budget.lease();
        lease.overdraw(request.capacity());
        out.push(Batch::new(Signal::Traces, lease.attach(request), spans));
        for last in std::mem::take(&mut self.kept) {
            self.release(Some(last));
        }
    }

    /// Lets go of a trace's spans, from the last to the first.
    fn release(&mut self, last: Option<At>) {
        let mut next = last;
        while let Some(at) = next {
            next = self.log.record(at).and_then(|record| record.previous);
            self.log.release(at);
        }
    }

    fn plan_next(&mut self) {
        // Up to the next point of the grid, so that no trace is decided before its time.
        let grid = |due: Duration| {
            TICK * u32::try_from(due.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u32::MAX)
        };
        self.next = self.traces.next_due().map(grid);
        self.meter.pending(self.traces.len(), self.log.bytes());
    }
}

impl Processor for Sampler {
    fn admit(&self, _batch: &Batch, _now: Now) -> Result<(), Refusal> {
        let blocks = self.rules.overflow == OnOverflow::Block;
        if blocks && self.is_full() {
            Err(NO_ROOM)
        } else {
            Ok(())
        }
    }

    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        for chunk in batch.chunks() {
            let mut taken = 0;
            // The framing of a request is checked when it comes, so this is some processor's defect.
            if self.ingest(&chunk.bytes, &mut taken, now, out).is_err() {
                out.drop_items(chunk.items.saturating_sub(taken), Reason::Invalid);
            }
        }
        self.emit(out);
        self.plan_next();
    }

    fn deadline(&self) -> Option<Duration> {
        self.next
    }

    fn tick(&mut self, now: Now, out: &mut Outbox) {
        let mut decided = 0;
        while decided < DECIDED_BYTES_MAX
            && self.traces.next_due().is_some_and(|due| due <= now.mono)
            && let Some((id, pending)) = self.traces.take_first()
        {
            decided += pending.facts.bytes;
            self.judge(id, &pending, now, out);
        }
        self.emit(out);
        self.plan_next();
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        let mut decided = 0;
        while decided < DECIDED_BYTES_MAX
            && let Some((id, pending)) = self.traces.take_first()
        {
            decided += pending.facts.bytes;
            if self.rules.drops_at_end {
                out.drop_items(u64::from(pending.facts.spans), Reason::Shutdown);
                self.release(pending.last);
            } else {
                self.judge(id, &pending, now, out);
            }
        }
        self.emit(out);
        self.plan_next();
        if self.traces.len() == 0 {
            Flush::Done
        } else {
            Flush::More
        }
    }
}

/// The span with the id of its trace; `None` if it has none.
fn identified<'a>(item: &Item<'a>) -> Option<(TraceId, Span<'a>)> {
    let span = item.span().ok()??;
    let id = TraceId::try_from(span.trace_id).ok()?;
    id.iter().any(|byte| *byte != 0).then_some((id, span))
}

// === impl Rules ===

impl Rules {
    fn new(config: &Config, budget: &Budget) -> Self {
        let some = |bytes: u64| (bytes > 0).then_some(bytes);
        let wait_after_root = config.decision_wait_after_root_received.get();
        Self {
            wait: config.decision_wait.get(),
            wait_after_root: (!wait_after_root.is_zero()).then_some(wait_after_root),
            traces_max: usize::try_from(config.num_traces).unwrap_or(usize::MAX),
            bytes_max: some(config.max_pending_bytes).unwrap_or(budget.limit() / 2),
            trace_bytes_max: some(config.maximum_trace_size_bytes),
            overflow: config.overflow(),
            drops_at_end: config.drop_pending_traces_on_shutdown,
        }
    }
}
