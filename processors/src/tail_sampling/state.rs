//! What passes on when a reload puts other policies, or another number of shards, in the place of a sampler: the
//! traces that wait, with their spans, and everything that is remembered. Nothing is decided on the way, and times
//! stay as they are.

use std::sync::Arc;

use ledger::Reason;
use otlp::view::{ResourceGroup, ScopeGroup};
use otlp::{Malformed, Signal};
use pipeline::component::Outbox;
use pipeline::{Batch, Shards};

use super::cache::Decided;
use super::id::TraceId;
use super::log::{Log, Record, SharedAt};
use super::pending::Pending;
use super::policies::{Around, Charter, Facts, Finds, Level};
use super::sampler::Sampler;
use super::why::Memory;

/// What one successor is given of one predecessor.
pub(super) struct Estate {
    /// As they came.
    traces: Vec<Pending>,
    /// Their spans.
    log: Log,
    /// What the policies saw is told by numbers that are theirs.
    charter: Arc<Charter>,
    /// As they were decided.
    decided: Vec<(TraceId, Decided)>,
    /// Of each policy.
    levels: Vec<Vec<Level>>,
    memory: Memory,
    /// What was to go on and has not yet.
    kept: Vec<Batch>,
    /// Spans that could not be read again, which would be a defect of the log; they are counted and not forgotten.
    lost: u64,
}

impl Sampler {
    /// Divides all that is here. With one heir nothing is copied.
    pub(super) fn bequeath(&mut self, heirs: Shards) -> Vec<Estate> {
        let kept = self.emit_all();
        let traces = self.traces.take_all();
        let log = std::mem::replace(&mut self.log, Log::new(&self.budget));
        let decided = self.cache.take_all();
        let memory = self.why.yield_memory(&self.budget);
        let levels = self.policies.levels();
        let charter = self.policies.charter();
        let estate = |memory, log| Estate {
            traces: Vec::new(),
            log,
            charter: Arc::clone(charter),
            decided: Vec::new(),
            levels: levels.clone(),
            memory,
            kept: Vec::new(),
            lost: 0,
        };
        if heirs.count() == 1 {
            let whole = Estate {
                traces,
                decided,
                kept,
                ..estate(memory, log)
            };
            self.plan_next();
            return vec![whole];
        }
        let memories = memory.split(heirs.count(), &|id| heirs.of(id), &self.budget);
        drop(memory);
        let empty = |memory| estate(memory, Log::new(&self.budget));
        let mut estates: Vec<Estate> = memories.into_iter().map(empty).collect();
        if let Some(first) = estates.first_mut() {
            first.kept = kept;
        }
        let mut from = log;
        from.close();
        for mut pending in traces {
            let Some(estate) = estates.get_mut(heirs.of(&pending.id)) else {
                continue;
            };
            if let Some(chain) = from.copy(&pending.chain, &mut estate.log) {
                // What has been copied goes at once, so that the spans are there once and little more.
                from.release(std::mem::replace(&mut pending.chain, chain));
                estate.traces.push(pending);
            } else {
                estate.lost += u64::from(pending.facts.spans);
            }
        }
        for entry in decided {
            if let Some(estate) = estates.get_mut(heirs.of(&entry.0)) {
                estate.decided.push(entry);
            }
        }
        self.plan_next();
        estates
    }

    /// Takes over. The policies that are here now will judge what waits; what they need of its spans is gathered anew
    /// unless they are the same.
    pub(super) fn inherit(&mut self, estate: Estate, out: &mut Outbox) {
        let Estate {
            mut traces,
            mut log,
            charter,
            mut decided,
            levels,
            memory,
            kept,
            mut lost,
        } = estate;
        for batch in kept {
            out.push(batch);
        }
        let is_first = self.traces.len() == 0;
        if !charter.asks_the_same(self.policies.charter()) {
            for pending in &mut traces {
                pending.facts = self.gather(&log, pending);
            }
        }
        if is_first {
            self.log = log;
        } else {
            log.close();
            traces.retain_mut(|pending| match log.copy(&pending.chain, &mut self.log) {
                Some(chain) => {
                    log.release(std::mem::replace(&mut pending.chain, chain));
                    true
                }
                None => {
                    lost += u64::from(pending.facts.spans);
                    false
                }
            });
        }
        if lost > 0 {
            out.drop_items(lost, Reason::Invalid);
        }
        self.traces.restore(traces);
        let places = self.policies.places(&charter);
        for (_, decided) in &mut decided {
            let place = decided.policy.and_then(|at| places.get(usize::from(at)));
            decided.policy = place.copied().flatten();
        }
        decided.extend(self.cache.take_all());
        decided.sort_by_key(|(_, decided)| decided.at);
        for (id, decided) in decided {
            self.cache.remember(id, decided);
        }
        self.policies.inherit(&levels, &charter);
        self.why.adopt(memory, &self.budget);
        self.plan_next();
    }

    /// What the policies see of a trace.
    fn gather(&self, log: &Log, pending: &Pending) -> Facts {
        let mut facts = self.policies.nothing();
        let mut known = None;
        for (_, record) in log.spans(&pending.chain) {
            // A span that was read when it came is read again.
            let seen = self.see_again(log, pending, record, &mut known, &mut facts);
            debug_assert!(seen.is_ok(), "{seen:?}");
        }
        facts
    }

    fn see_again(
        &self,
        log: &Log,
        pending: &Pending,
        Record { span, shared, .. }: Record<'_>,
        known: &mut Option<(SharedAt, Finds)>,
        facts: &mut Facts,
    ) -> Result<(), Malformed> {
        let (resource, scope) = log.shared(shared).unwrap_or_default();
        let resource = ResourceGroup::decode(Signal::Traces, resource)?;
        let scope = ScopeGroup::decode(Signal::Traces, scope)?;
        if known.as_ref().is_none_or(|(at, _)| *at != shared) {
            *known = Some((shared, self.policies.see_resource(resource.attributes())));
        }
        if let Some((_, found)) = known {
            let around = Around {
                resource: &resource,
                scope: &scope,
                found,
            };
            self.policies.see(&around, &pending.id, span, facts)?;
        }
        Ok(())
    }
}
