//! What comes in: each span joins its trace, or follows what was decided of it.

use ledger::Reason;
use otlp::view::{Item, Request, ResourceGroup, ScopeGroup, Span};
use otlp::{Malformed, Signal};
use pipeline::component::Outbox;
use pipeline::{Chunk, Now};
use smallvec::SmallVec;

use super::cache::{Decided, Verdict};
use super::id::TraceId;
use super::log::Shared;
use super::pending::{BLOCK, Pending};
use super::policies::{Around, Finds, Glimpse, Trace};
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
    /// Spans so far.
    pub(super) taken: u64,
    /// Traces that have got spans and wait, if they may be decided at once. One may be named several times.
    arrived: Vec<TraceId>,
}

/// A span that has not been read yet.
struct Comer<'a> {
    trace: TraceId,
    body: &'a [u8],
    /// Of its trace when the block was looked up.
    way: Option<Way>,
}

/// Where the spans of a trace go.
#[derive(Clone, Copy)]
enum Way {
    Waits(Slot),
    Follows(Decided),
}

/// What the spans of a scope group have in common.
struct Group<'x, 'a> {
    around: Around<'x, 'a>,
    shared: Shared<'a>,
}

/// Whether a span was of the trace that its first bytes name. If not, nothing was done with it.
type Taken = Result<bool, Malformed>;

impl<'o> Pass<'o> {
    pub(super) fn new(now: Now, out: &'o mut Outbox) -> Self {
        Self {
            now,
            out,
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
                let found = &self.policies.see_resource(resource.attributes());
                for scope in resource.scope_groups() {
                    let scope = &scope?;
                    self.ingest_scope((resource, found), scope, scope.items(), pass)?;
                }
            }
            return Ok(());
        };
        for resource in selection.resources(request) {
            let resource = resource?;
            let found = &self.policies.see_resource(resource.group.attributes());
            for scope in resource.scopes() {
                let (scope, items) = scope?;
                self.ingest_scope((&resource.group, found), &scope, items.map(Ok), pass)?;
            }
        }
        Ok(())
    }

    fn ingest_scope<'a>(
        &mut self,
        (resource, found): (&ResourceGroup<'a>, &Finds),
        scope: &ScopeGroup<'a>,
        mut items: impl Iterator<Item = Result<Item<'a>, Malformed>>,
        pass: &mut Pass<'_>,
    ) -> Result<(), Malformed> {
        let shared = self
            .log
            .share(resource.shared_fields()?, scope.shared_fields()?);
        let mut group = Group {
            around: Around {
                resource,
                scope,
                found,
            },
            shared,
        };
        let mut block = SmallVec::<[Comer<'a>; BLOCK]>::new();
        loop {
            let filled = fill(&mut block, &mut items, pass);
            self.look_up(&mut block);
            for comer in &block {
                self.take(comer, &mut group, pass);
            }
            block.clear();
            if !filled? {
                return Ok(());
            }
        }
    }

    /// Most traces lie where memory is slow, and lookups that do not depend on one another wait for it at the same
    /// time.
    fn look_up(&mut self, block: &mut [Comer<'_>]) {
        block
            .iter()
            .for_each(|comer| self.traces.ask_for(&comer.trace));
        for comer in &mut *block {
            comer.way = self.traces.guess(&comer.trace).map(Way::Waits);
        }
        let others = || |comer: &&mut Comer<'_>| comer.way.is_none();
        for comer in block.iter_mut().filter(others()) {
            self.cache.ask_for(&comer.trace);
        }
        for comer in block.iter_mut().filter(others()) {
            comer.way = self.cache.get(&comer.trace).map(Way::Follows);
        }
    }

    fn take<'a>(&mut self, comer: &Comer<'a>, group: &mut Group<'_, 'a>, pass: &mut Pass<'_>) {
        let Comer { trace, body, way } = comer;
        // Since the block was looked up its trace may have begun, or have been decided.
        let way = way.filter(|way| match way {
            Way::Waits(slot) => self.traces.get(*slot).is_some_and(|at| at.id == *trace),
            Way::Follows(_) => true,
        });
        let taken = match way.or_else(|| self.way(trace)) {
            Some(Way::Follows(decided)) => self.follow(trace, decided, body, group, pass),
            Some(Way::Waits(slot)) => self.join(trace, slot, body, group, pass),
            None => self.begin(trace, body, group, pass),
        };
        match taken {
            Ok(true) => {}
            Ok(false) => match whole_trace_id(body) {
                Ok(trace) => {
                    let way = None;
                    return self.take(&Comer { trace, body, way }, group, pass);
                }
                Err(reason) => pass.out.drop_items(1, reason),
            },
            Err(Malformed(_)) => pass.out.drop_items(1, Reason::Invalid),
        }
        pass.taken += 1;
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

    fn begin<'a>(
        &mut self,
        trace: &TraceId,
        body: &'a [u8],
        group: &mut Group<'_, 'a>,
        pass: &mut Pass<'_>,
    ) -> Taken {
        let mut facts = self.policies.nothing();
        let Some(span) = self.policies.see(&group.around, trace, body, &mut facts)? else {
            return Ok(false);
        };
        self.make_room(pass.now, pass.out);
        self.meter.new_trace();
        let slot = self.traces.add(Pending {
            id: *trace,
            facts,
            chain: self.log.append(&mut group.shared, body),
            came: pass.now.mono,
            rooted: None,
            last_after: 0,
        });
        self.has_come(trace, slot, span, pass);
        Ok(true)
    }

    fn join<'a>(
        &mut self,
        trace: &TraceId,
        slot: Slot,
        body: &'a [u8],
        group: &mut Group<'_, 'a>,
        pass: &mut Pass<'_>,
    ) -> Taken {
        let Some(pending) = self.traces.get_mut(slot) else {
            return Ok(false);
        };
        let facts = &mut pending.facts;
        let Some(span) = self.policies.see(&group.around, trace, body, facts)? else {
            return Ok(false);
        };
        self.log.extend(&mut pending.chain, &mut group.shared, body);
        let last_after = pass.now.mono.saturating_sub(pending.came).as_millis();
        pending.last_after = u32::try_from(last_after).unwrap_or(u32::MAX);
        self.has_come(trace, slot, span, pass);
        Ok(true)
    }

    /// A span has joined its trace, which waits.
    fn has_come(&mut self, trace: &TraceId, slot: Slot, span: Glimpse, pass: &mut Pass<'_>) {
        if self.rules.decides_on_arrival && pass.arrived.last() != Some(trace) {
            pass.arrived.push(*trace);
        }
        self.hold_to_bounds(slot, span, pass);
    }

    /// A trace ends or is decided at once when it is too large, and is decided soon after its root.
    fn hold_to_bounds(&mut self, slot: Slot, span: Glimpse, pass: &mut Pass<'_>) {
        let Some(pending) = self.traces.get(slot) else {
            return;
        };
        let facts = &pending.facts;
        let is_too_large = self
            .rules
            .trace_bytes_max
            .is_some_and(|max| facts.bytes > max);
        if is_too_large || facts.spans >= TRACE_SPANS_MAX {
            if let Some(pending) = self.traces.take(slot) {
                if is_too_large {
                    self.end_too_large(pending, pass.now, pass.out);
                } else {
                    self.meter.giant();
                    self.alarm.giant(&pending, pass.now.mono);
                    self.judge(pending, Cause::SpanLimit, pass.now, pass.out);
                }
            }
        } else if span.is_root {
            self.traces.hasten(slot, pass.now.mono);
        }
    }

    /// A span whose trace is decided does as the others did.
    fn follow<'a>(
        &mut self,
        trace: &TraceId,
        decided: Decided,
        body: &'a [u8],
        group: &mut Group<'_, 'a>,
        pass: &mut Pass<'_>,
    ) -> Taken {
        let span = Span::read(body)?;
        if span.trace_id != trace {
            return Ok(false);
        }
        self.why.note_late(trace);
        let age = pass.now.mono.saturating_sub(decided.at);
        self.meter.late(decided.verdict, age, span.is_error());
        if decided.verdict == Verdict::Sampled {
            let chain = self.log.append(&mut group.shared, body);
            self.emitter.add(chain, self.marking.late(decided.policy));
        } else {
            pass.out.drop_items(1, Reason::NotSampled);
        }
        Ok(true)
    }
}

/// Fills a block with the next spans that have an id; whether there may be more.
fn fill<'a>(
    block: &mut SmallVec<[Comer<'a>; BLOCK]>,
    items: &mut impl Iterator<Item = Result<Item<'a>, Malformed>>,
    pass: &mut Pass<'_>,
) -> Result<bool, Malformed> {
    while block.len() < BLOCK {
        let Some(item) = items.next() else {
            return Ok(false);
        };
        let body = item?.body;
        match trace_id(body) {
            Ok(trace) => block.push(Comer {
                trace,
                body,
                way: None,
            }),
            Err(reason) => {
                pass.out.drop_items(1, reason);
                pass.taken += 1;
            }
        }
    }
    Ok(true)
}

/// The trace of a span, by its first bytes: nearly every sender writes it there. Were it written again behind, that one
/// would count, as is seen when the span is read.
fn trace_id(body: &[u8]) -> Result<TraceId, Reason> {
    const TRACE_ID_TAG: u8 = 1 << 3 | 2;
    if let [TRACE_ID_TAG, 16, rest @ ..] = body
        && let Some(id) = rest.first_chunk()
        && is_meant(id)
    {
        return Ok(*id);
    }
    whole_trace_id(body)
}

/// The same by all of the span.
fn whole_trace_id(body: &[u8]) -> Result<TraceId, Reason> {
    let span = Span::read(body).map_err(|_| Reason::Invalid)?;
    let id = TraceId::try_from(span.trace_id).map_err(|_| Reason::InvalidTraceId)?;
    is_meant(&id).then_some(id).ok_or(Reason::InvalidTraceId)
}

/// An id of zeros is none, and spans that have it are not of one trace.
fn is_meant(id: &TraceId) -> bool {
    id.iter().any(|byte| *byte != 0)
}
