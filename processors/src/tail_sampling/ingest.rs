//! What comes in: each span joins its trace, or follows what was decided of it.

use ledger::Reason;
use otlp::view::{Item, Request, ResourceGroup, ScopeGroup, Span};
use otlp::{Malformed, Signal};
use ottl::Scene;
use pipeline::component::Outbox;
use pipeline::{Chunk, Now};

use super::cache::{Decided, Verdict};
use super::log::Shared;
use super::pending::Pending;
use super::policies::{Seen, Trace, TraceId};
use super::sampler::Sampler;
use super::slab::Slot;
use super::why::Cause;

/// Spans of a trace that wait for its decision. Traces beyond are a defect of their sender's, such as a span that never
/// ends its trace, and would take the room of a thousand others; the decision is made with these, and what follows it
/// waits no more.
const TRACE_SPANS_MAX: u32 = if cfg!(test) { 5_000 } else { 100_000 };

/// One request on its way in.
pub(super) struct Pass<'o> {
    pub(super) now: Now,
    pub(super) out: &'o mut Outbox,
    /// The trace of the span before, to which most spans belong too.
    current: Option<(TraceId, Way)>,
    /// Spans so far.
    pub(super) taken: u64,
    /// Traces that have got spans and wait, if they may be decided at once. One may be named several times.
    arrived: Vec<TraceId>,
}

/// Where the spans of a trace go.
#[derive(Clone, Copy)]
enum Way {
    Waits(Slot),
    Follows(Decided),
}

/// What the spans of a scope group have in common.
struct Group<'x, 'a> {
    resource: &'x ResourceGroup<'a>,
    scope: &'x ScopeGroup<'a>,
    /// What the policies see on the resource.
    seen: &'x Seen,
    shared: Shared<'a>,
}

impl<'o> Pass<'o> {
    pub(super) fn new(now: Now, out: &'o mut Outbox) -> Self {
        Self {
            now,
            out,
            current: None,
            taken: 0,
            arrived: Vec::new(),
        }
    }
}

impl Sampler {
    /// Takes all spans that are meant, unless the framing is broken.
    pub(super) fn ingest(&mut self, chunk: &Chunk, pass: &mut Pass<'_>) -> Result<(), Malformed> {
        let request = &chunk.bytes;
        let Some(selection) = &chunk.selection else {
            for resource in Request::new(Signal::Traces, request).resource_groups() {
                let resource = &resource?;
                let seen = &self.policies.see_resource(resource.attributes());
                for scope in resource.scope_groups() {
                    let scope = &scope?;
                    self.ingest_scope((resource, seen), scope, scope.items(), pass)?;
                }
            }
            return Ok(());
        };
        for resource in selection.resources(request) {
            let resource = resource?;
            let seen = &self.policies.see_resource(resource.group.attributes());
            for scope in resource.scopes() {
                let (scope, items) = scope?;
                self.ingest_scope((&resource.group, seen), &scope, items.map(Ok), pass)?;
            }
        }
        Ok(())
    }

    fn ingest_scope<'a>(
        &mut self,
        (resource, seen): (&ResourceGroup<'a>, &Seen),
        scope: &ScopeGroup<'a>,
        items: impl Iterator<Item = Result<Item<'a>, Malformed>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Malformed> {
        let shared = self
            .log
            .share(resource.shared_fields()?, scope.shared_fields()?);
        let mut group = Group {
            resource,
            scope,
            seen,
            shared,
        };
        for item in items {
            self.take(&item?, &mut group, pass);
            pass.taken += 1;
        }
        Ok(())
    }

    fn take(&mut self, item: &Item<'_>, group: &mut Group<'_, '_>, pass: &mut Pass<'_>) {
        let Ok(Some(span)) = item.span() else {
            return pass.out.drop_items(1, Reason::Invalid);
        };
        let Some(id) = trace_id(&span) else {
            return pass.out.drop_items(1, Reason::InvalidTraceId);
        };
        let current = pass.current.filter(|(current, _)| *current == id);
        let way = current.map(|(_, way)| way).or_else(|| self.way(&id));
        let way = match way {
            Some(Way::Follows(decided)) => {
                self.why.note_late(&id);
                let age = pass.now.mono.saturating_sub(decided.at);
                self.meter.late(decided.verdict, age, span.is_error());
                self.follow(decided.verdict, item.body, &mut group.shared, pass.out);
                Way::Follows(decided)
            }
            Some(Way::Waits(slot)) => {
                self.join(slot, &span, item.body, group);
                Way::Waits(slot)
            }
            None => {
                self.make_room(pass.now, pass.out);
                Way::Waits(self.begin(id, &span, item.body, group, pass.now))
            }
        };
        pass.current = Some((id, way));
        if let Way::Waits(slot) = way {
            if self.rules.decides_on_arrival && pass.arrived.last() != Some(&id) {
                pass.arrived.push(id);
            }
            self.hold_to_bounds(slot, &span, pass);
        }
    }

    /// Decides on the traces whose spans have just come, where later ones do not matter.
    pub(super) fn decide_arrived(&mut self, pass: &mut Pass<'_>) {
        for id in std::mem::take(&mut pass.arrived) {
            let slot = self.traces.find(&id);
            let Some((slot, pending)) = slot.and_then(|at| Some((at, self.traces.get(at)?))) else {
                continue;
            };
            let trace = Trace {
                id: &id,
                facts: &pending.facts,
                now: pass.now.mono,
            };
            if let Some(decision) = self.policies.decide_early(&trace)
                && let Some(pending) = self.traces.take(slot)
            {
                self.carry_out(&decision, pending, Cause::Arrival, pass.now, pass.out);
            }
        }
    }

    /// Where the spans of a trace go that has been seen before.
    fn way(&mut self, id: &TraceId) -> Option<Way> {
        let waiting = self.traces.find(id).map(Way::Waits);
        waiting.or_else(|| self.cache.get(id).map(Way::Follows))
    }

    fn begin(
        &mut self,
        id: TraceId,
        span: &Span<'_>,
        body: &[u8],
        group: &mut Group<'_, '_>,
        now: Now,
    ) -> Slot {
        self.meter.new_trace();
        let mut facts = self.policies.nothing();
        self.policies
            .see(&group.scene(span), body.len(), group.seen, &mut facts);
        self.traces.add(Pending {
            id,
            facts,
            chain: self.log.append(&mut group.shared, body),
            came: now.mono,
            rooted: None,
            last_after: 0,
        })
    }

    fn join(&mut self, slot: Slot, span: &Span<'_>, body: &[u8], group: &mut Group<'_, '_>) {
        if let Some(pending) = self.traces.get_mut(slot) {
            let facts = &mut pending.facts;
            self.policies
                .see(&group.scene(span), body.len(), group.seen, facts);
            self.log.extend(&mut pending.chain, &mut group.shared, body);
        }
    }

    /// A trace ends or is decided at once when it is too large, and is decided soon after its root.
    fn hold_to_bounds(&mut self, slot: Slot, span: &Span<'_>, pass: &mut Pass<'_>) {
        let Some(pending) = self.traces.get_mut(slot) else {
            return;
        };
        let last_after = pass.now.mono.saturating_sub(pending.came).as_millis();
        pending.last_after = u32::try_from(last_after).unwrap_or(u32::MAX);
        let facts = &pending.facts;
        let is_too_large = self
            .rules
            .trace_bytes_max
            .is_some_and(|max| facts.bytes > max);
        if is_too_large || facts.spans >= TRACE_SPANS_MAX {
            pass.current = None;
            if let Some(pending) = self.traces.take(slot) {
                if is_too_large {
                    self.end_too_large(pending, pass.now, pass.out);
                } else {
                    self.meter.giant();
                    self.alarm.giant(&pending, pass.now.mono);
                    self.judge(pending, Cause::SpanLimit, pass.now, pass.out);
                }
            }
        } else if span.is_root() {
            self.traces.hasten(slot, pass.now.mono);
        }
    }

    /// A span whose trace is decided does as the others did.
    fn follow(&mut self, verdict: Verdict, span: &[u8], shared: &mut Shared<'_>, out: &mut Outbox) {
        if verdict == Verdict::Sampled {
            let chain = self.log.append(shared, span);
            self.emitter.add(&self.log, chain, self.marking.late());
            self.emit_enough(out);
        } else {
            out.drop_items(1, Reason::NotSampled);
        }
    }
}

impl<'a> Group<'_, 'a> {
    fn scene<'s>(&'s self, span: &'s Span<'a>) -> Scene<'s> {
        Scene {
            resource: self.resource,
            scope: self.scope,
            span,
            event: None,
        }
    }
}

/// `None` if the id is none: such spans are not of one trace.
fn trace_id(span: &Span<'_>) -> Option<TraceId> {
    let id = TraceId::try_from(span.trace_id).ok()?;
    id.iter().any(|byte| *byte != 0).then_some(id)
}
