//! Spans of the log as requests again.

use std::collections::VecDeque;

use hashbrown::HashMap;
use otlp::wire::{len_field_len, put_len, put_len_header};
use smallvec::SmallVec;

use super::ahead;
use super::log::{At, Chain, Log, SharedAt};
use super::mark::{Mark, Marking};
use super::pending::BLOCK;

/// `ExportTraceServiceRequest.resource_spans`, `ResourceSpans.scope_spans` and `ScopeSpans.spans`.
const RESOURCE_SPANS: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SPANS: u32 = 2;

/// Of a resource group and of its scope group: a tag and a length each.
const HEADERS: usize = 2 * 6;

/// A request with as much takes no other trace: what is kept at one time shares its resources, and what is written is
/// still near when the next request is.
const ENOUGH_BYTES: usize = 384 << 10;

/// A trace is cut here, give or take a span: back ends refuse requests beyond 4 MiB unless told otherwise.
const CUT_BYTES: usize = 2 << 20;

/// So many spans in front, memory is asked for.
const AHEAD: usize = 4;

/// Gathers spans, and writes what they share once, whichever traces they are of.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    /// What the next requests are made of, in the order in which it came.
    rest: VecDeque<Rest>,
    /// The traces whose spans have all been gathered.
    chains: Vec<Chain>,
    groups: Vec<Group>,
    /// One for each mark that has been met: there are few, and nearly always one.
    indexes: Vec<Index>,
    spans: u64,
    /// Of the spans and of what they share.
    bytes: usize,
}

/// What is left of a trace: the spans from the next one on, towards its first.
#[derive(Debug)]
struct Rest {
    chain: Chain,
    next: At,
    mark: Mark,
}

/// The groups whose spans are marked alike.
#[derive(Debug)]
struct Index {
    mark: Mark,
    /// Which group it is, by the place of what its spans share, and by its hash.
    by_place: HashMap<SharedAt, usize>,
    by_hash: HashMap<u64, usize>,
}

/// The spans of one scope.
#[derive(Debug)]
struct Group {
    shared: SharedAt,
    mark: Mark,
    spans: Vec<At>,
    /// Of the spans with their headers.
    bytes: usize,
}

impl Emitter {
    /// Adds a trace, the spans of which are to tell this.
    pub(super) fn add(&mut self, chain: Chain, mark: Mark) {
        let next = chain.last();
        self.rest.push_back(Rest { chain, next, mark });
    }

    /// Gathers the spans of the traces that were added, until there is enough for a request.
    pub(super) fn gather(&mut self, log: &Log) {
        let mut near = 0;
        while !self.has_enough() {
            if near == 0 {
                let next: SmallVec<[At; BLOCK]> =
                    self.rest.iter().take(BLOCK).map(|rest| rest.next).collect();
                near = next.len();
                log.bring_near(next);
            }
            let Some(mut rest) = self.rest.pop_front() else {
                return;
            };
            near -= 1;
            match self.gather_trace(log, rest.next, rest.mark) {
                Some(next) => {
                    rest.next = next;
                    self.rest.push_front(rest);
                }
                None => self.chains.push(rest.chain),
            }
        }
    }

    /// Where to go on, unless all of the trace has been gathered.
    fn gather_trace(&mut self, log: &Log, next: At, mark: Mark) -> Option<At> {
        let index = self.index(mark);
        // Spans of a trace that came together share the same.
        let mut last = None;
        for (at, record) in log.spans_from(next) {
            if self.bytes >= CUT_BYTES {
                return Some(at);
            }
            let group = match last.filter(|(shared, _)| *shared == record.shared) {
                Some((_, group)) => group,
                None => self.group(log, record.shared, index),
            };
            last = Some((record.shared, group));
            let bytes = len_field_len(SPANS, record.span.len());
            if let Some(group) = self.groups.get_mut(group) {
                group.spans.push(at);
                group.bytes += bytes;
            }
            self.spans += 1;
            self.bytes += bytes;
        }
        None
    }

    /// Spans of the next request, so far.
    pub(super) fn spans(&self) -> u64 {
        self.spans
    }

    /// Whether the next request takes no more traces.
    fn has_enough(&self) -> bool {
        self.bytes >= ENOUGH_BYTES
    }

    /// Writes the next request, releases the traces that end with it, and gathers for the one after it.
    pub(super) fn finish(&mut self, log: &mut Log, marking: &Marking) -> Vec<u8> {
        let mut marks = Vec::with_capacity(self.groups.len());
        let mut out = Vec::with_capacity(self.bytes + self.groups.len() * HEADERS);
        for group in self.groups.drain(..) {
            let Some((resource, scope)) = log.shared(group.shared) else {
                continue;
            };
            marks.push(group.mark);
            let scope_length = scope.len() + group.bytes;
            put_len_header(
                &mut out,
                RESOURCE_SPANS,
                resource.len() + len_field_len(SCOPE_SPANS, scope_length),
            );
            out.extend_from_slice(resource);
            put_len_header(&mut out, SCOPE_SPANS, scope_length);
            out.extend_from_slice(scope);
            // A trace's spans were added from the last to the first.
            let mut next = group.spans.iter().rev().skip(AHEAD);
            for at in group.spans.iter().rev() {
                if let Some(next) = next.next().and_then(|at| log.record(*at)) {
                    ahead::ask_for(next.span);
                }
                if let Some(record) = log.record(*at) {
                    put_len(&mut out, SPANS, record.span);
                }
            }
        }
        for chain in self.chains.drain(..) {
            log.release(chain);
        }
        for index in &mut self.indexes {
            index.by_place.clear();
            index.by_hash.clear();
        }
        self.spans = 0;
        self.bytes = 0;
        self.gather(log);
        marking.write(out, &marks)
    }

    fn index(&mut self, mark: Mark) -> usize {
        let known = self.indexes.iter().position(|index| index.mark == mark);
        known.unwrap_or_else(|| {
            self.indexes.push(Index {
                mark,
                by_place: HashMap::new(),
                by_hash: HashMap::new(),
            });
            self.indexes.len() - 1
        })
    }

    /// The group of the spans that share this and are marked alike. The same fields may stand in several segments.
    fn group(&mut self, log: &Log, shared: SharedAt, index: usize) -> usize {
        let groups = &mut self.groups;
        let Some(index) = self.indexes.get_mut(index) else {
            return groups.len();
        };
        if let Some(&at) = index.by_place.get(&shared) {
            return at;
        }
        let hash = log.shared_hash(shared).unwrap_or_default();
        let known = index.by_hash.get(&hash).copied();
        let same = |&at: &usize| {
            let group = groups.get(at);
            group.is_some_and(|group: &Group| log.shared(group.shared) == log.shared(shared))
        };
        let at = known.filter(same).unwrap_or(groups.len());
        if at == groups.len() {
            let (resource, scope) = log.shared(shared).unwrap_or_default();
            self.bytes += resource.len() + scope.len();
            groups.push(Group {
                shared,
                mark: index.mark,
                spans: Vec::new(),
                bytes: 0,
            });
            index.by_hash.insert(hash, at);
        }
        index.by_place.insert(shared, at);
        at
    }
}

#[cfg(test)]
mod tests {
    use ledger::Budget;
    use otlp::{Signal, json};

    use super::*;

    /// Appends the spans of a request to a log, as one trace.
    fn append(log: &mut Log, request: &str) -> Chain {
        let bytes = json::decode(Signal::Traces, request.as_bytes()).unwrap();
        let mut chain = None;
        for resource in otlp::view::Request::new(Signal::Traces, &bytes).resource_groups() {
            let resource = resource.unwrap();
            for scope in resource.scope_groups() {
                let scope = scope.unwrap();
                let fields = (
                    resource.shared_fields().unwrap(),
                    scope.shared_fields().unwrap(),
                );
                let mut shared = log.share(fields.0, fields.1);
                for item in scope.items() {
                    let span = item.unwrap().body;
                    match &mut chain {
                        None => chain = Some(log.append(&mut shared, span)),
                        Some(chain) => log.extend(chain, &mut shared, span),
                    }
                }
            }
        }
        chain.unwrap()
    }

    fn emitted(log: &mut Log, chains: impl IntoIterator<Item = Chain>) -> String {
        let mut emitter = Emitter::default();
        for chain in chains {
            emitter.add(chain, Mark::default());
        }
        emitter.gather(log);
        let request = emitter.finish(log, &Marking::default());
        String::from_utf8(json::encode(Signal::Traces, &request).unwrap()).unwrap()
    }

    #[test]
    fn a_trace_is_written_as_it_came() {
        let mut log = Log::new(&Budget::new(1 << 30));
        let request = concat!(
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"intValue":"1"}}]},"#,
            r#""scopeSpans":[{"scope":{"name":"s"},"spans":[{"name":"one"},{"name":"two"}],"schemaUrl":"u"}],"#,
            r#""schemaUrl":"v"}]}"#,
        );
        let chain = append(&mut log, request);
        assert_eq!(emitted(&mut log, [chain]), request);
    }

    #[test]
    fn what_traces_share_is_written_once_also_from_several_segments() {
        let mut log = Log::new(&Budget::new(1 << 30));
        let request = |name: &str| {
            format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{{"name":"{name}"}}]}}]}}]}}"#
            )
        };
        let one = append(&mut log, &request("one"));
        // Fills the segment.
        append(&mut log, &request(&"x".repeat(5 << 20)));
        let two = append(&mut log, &request("two"));
        assert_eq!(
            emitted(&mut log, [one, two]),
            r#"{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"s"},"spans":[{"name":"two"},{"name":"one"}]}]}]}"#
        );
    }

    #[test]
    fn what_is_written_is_released() {
        let budget = Budget::new(1 << 30);
        let mut log = Log::new(&budget);
        let request = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"NAME"}]}]}]}"#;
        for _ in 0..20 {
            let chain = append(&mut log, &request.replace("NAME", &"x".repeat(5 << 20)));
            emitted(&mut log, [chain]);
            assert_eq!(budget.used(), 0);
        }
    }
}
