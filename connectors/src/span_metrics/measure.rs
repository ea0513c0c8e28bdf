//! Spans come in and are measured; at each interval the series go out.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::hash_map::EntryRef;
use ledger::{Budget, Reason};
use otlp::view::{AnyValue, Request, ResourceGroup, Scope, Span, SpanEvent};
use otlp::write::{Exemplar, KeyValues};
use otlp::{Malformed, Signal};
use pipeline::component::{Flush, Host, Outbox, Processor, State};
use pipeline::{Batch, Now, Shards};

use super::adjusted::Adjusted;
use super::config::{Config, SERVICE_NAME};
use super::meter::Meter;
use super::recent::Recent;
use super::rules::{Measures, Rules, TableRules};
use super::series::Series;
use super::store::{Group, Store, Table};
use super::subject::{Carrier, Subject};
use super::waiting::Waiting;
use crate::key::put;
use crate::room::{Room, SERIES_PART, overflow};
use crate::wanted::Values;

/// The one instance of a connector.
pub(super) struct SpanMetrics {
    pub(super) rules: Rules,
    pub(super) store: Store,
    pub(super) room: Room,
    /// Of delta series: when each was sent last.
    pub(super) sent: Recent,
    /// When series are sent next; `None` while there are none.
    pub(super) next: Option<Duration>,
    pub(super) budget: Arc<Budget>,
    pub(super) meter: Meter,
    /// Exemplars wait for their traces; `None`: they are taken as they come.
    pub(super) waiting: Option<Waiting>,
    adjusted: Adjusted,
    /// Keys are written here and kept only for what is new.
    key: Vec<u8>,
}

impl SpanMetrics {
    pub(super) fn new(config: &Config, host: &Host) -> Result<Self, String> {
        let rules = Rules::new(config, &host.instance)?;
        Ok(Self {
            store: Store::new(),
            room: Room::new(&host.budget, SERIES_PART),
            sent: Recent::new(rules.timestamps_max),
            next: None,
            budget: Arc::clone(&host.budget),
            meter: Meter::new(host),
            waiting: host.verdicts.clone().map(Waiting::new),
            adjusted: Adjusted::default(),
            key: Vec::new(),
            rules,
        })
    }

    /// Measures the spans of one request. `taken` counts them, for whoever must know where a broken one ends.
    fn measure(&mut self, request: &[u8], now: Now, taken: &mut u64) -> Result<(), Malformed> {
        let (mut of_resource, mut of_span) = (Values::new(), Values::new());
        for group in Request::new(Signal::Traces, request).resource_groups() {
            let group = group?;
            let attributes = group.attributes();
            let Some(service) = attributes.get(SERVICE_NAME)? else {
                let spans = count(&group)?;
                *taken += spans;
                self.meter.without_service(spans);
                continue;
            };
            let service = service.as_text().unwrap_or_default();
            self.rules.wanted.read(attributes, &mut of_resource)?;
            let key = resource_key(&group, &self.rules.key_attributes)?;
            let limits = (self.rules.resources_max, self.room.is_full());
            let tables = self.rules.tables.len();
            // The key has been made of the same attributes, so they can be read.
            let make = || Group::new(KeyValues::copy_of(attributes).unwrap_or_default(), tables);
            let series = self.store.group(&key, limits, make);
            self.room.charge_group(key.len(), series);
            series.last_seen = now.mono;
            let mut pass = Pass {
                rules: &self.rules,
                room: &mut self.room,
                meter: &self.meter,
                waiting: self.waiting.as_mut(),
                resource: &key,
                key: &mut self.key,
                now,
            };
            for scope in group.scope_groups() {
                let scope = scope?;
                let names = scope.scope.as_ref().filter(|scope| pass.wants(scope));
                for item in scope.items() {
                    let span = pass.rules.wanted.read_span(item?.body, &mut of_span)?;
                    let (times, is_adjusted) = self.adjusted.count(&span);
                    let span_carrier = carrier(span.attributes(), &of_span);
                    let resource_carrier = carrier(attributes, &of_resource);
                    let subject = Subject {
                        service,
                        scope: names,
                        span: &span,
                        carriers: &[span_carrier, resource_carrier],
                        is_adjusted,
                    };
                    pass.span(&subject, times, series)?;
                    *taken += 1;
                }
            }
        }
        Ok(())
    }
}

fn carrier<'s, 'a>(
    attributes: otlp::view::Attributes<'a>,
    values: &'s [Option<AnyValue<'a>>],
) -> Carrier<'s, 'a> {
    Carrier { attributes, values }
}

fn count(group: &ResourceGroup<'_>) -> Result<u64, Malformed> {
    let mut spans = 0;
    for scope in group.scope_groups() {
        for item in scope?.items() {
            item?;
            spans += 1;
        }
    }
    Ok(spans)
}

/// What tells a resource from others: its attributes, in whatever order they stand, or those that are named.
fn resource_key(group: &ResourceGroup<'_>, names: &[String]) -> Result<Vec<u8>, Malformed> {
    let mut pairs = Vec::new();
    for pair in group.attributes() {
        let pair = pair?;
        if names.is_empty() || names.iter().any(|name| pair.key == name.as_str()) {
            pairs.push((pair.key, otlp::OwnedValue::copy_of(&pair.value()?)?));
        }
    }
    pairs.sort_by_key(|(key, _)| *key);
    // Never empty, which is the key of what stands for all others.
    let mut key = vec![1];
    for (name, value) in &pairs {
        for part in [name.as_bytes(), value.encoded()] {
            put(&mut key, part);
        }
    }
    Ok(key)
}

/// What the spans of one resource are measured with.
struct Pass<'p> {
    rules: &'p Rules,
    room: &'p mut Room,
    meter: &'p Meter,
    waiting: Option<&'p mut Waiting>,
    /// Its key.
    resource: &'p [u8],
    key: &'p mut Vec<u8>,
    now: Now,
}

impl Pass<'_> {
    fn wants(&self, scope: &Scope<'_>) -> bool {
        let mut names = self.rules.scopes.iter();
        !scope.name.is_empty() && names.any(|name| scope.name == name.as_str())
    }

    fn span(
        &mut self,
        subject: &Subject<'_, '_>,
        times: u64,
        group: &mut Group,
    ) -> Result<(), Malformed> {
        let span = subject.span;
        // A span that ends before it starts took no time.
        let nanos = span
            .end_time_unix_nano
            .saturating_sub(span.start_time_unix_nano);
        let measured = Measured {
            duration: nanos as f64 / self.rules.unit_nanos,
            times,
        };
        let rules = self.rules;
        for (at, (table, rules)) in group.tables.iter_mut().zip(&rules.tables).enumerate() {
            if rules.measures == Measures::Events {
                for event in span.events() {
                    self.event(subject, &event?, measured, (at, table, rules))?;
                }
            } else {
                self.one(subject, measured, (at, table, rules))?;
            }
        }
        Ok(())
    }

    /// An event has the attributes of its own before those of the resource.
    fn event<'a>(
        &mut self,
        subject: &Subject<'_, 'a>,
        event: &SpanEvent<'a>,
        measured: Measured,
        table: (usize, &mut Table, &TableRules),
    ) -> Result<(), Malformed> {
        let mut values = Values::new();
        self.rules.wanted.read(event.attributes(), &mut values)?;
        let &[span, resource] = subject.carriers else {
            return Ok(());
        };
        let carriers = [span, carrier(event.attributes(), &values), resource];
        let subject = Subject {
            carriers: &carriers,
            ..*subject
        };
        self.one(&subject, measured, table)
    }

    fn one(
        &mut self,
        subject: &Subject<'_, '_>,
        measured: Measured,
        (at, table, rules): (usize, &mut Table, &TableRules),
    ) -> Result<(), Malformed> {
        subject.write_key(self.rules, &rules.list, self.key);
        let Measured { duration, times } = measured;
        if let Some(series) = table.get_mut(self.key.as_slice()) {
            series.last_seen = self.now.mono;
            self.add(series, subject, measured);
            return Ok(());
        }
        let has_room = table.len() < self.rules.series_max && !self.room.is_full();
        if has_room {
            let attributes = subject.attributes(self.rules, &rules.list)?;
            let series = self.make(table, attributes, rules);
            if let Some(waiting) = &mut self.waiting {
                let name = (self.resource, at, self.key.as_slice());
                waiting.parked.give_back(name, series);
            }
            self.add(series, subject, measured);
        } else {
            self.key.clear();
            self.meter.overflow(times);
            let bounds = &self.rules.bounds;
            self.make(table, overflow(), rules)
                .measure(duration, times, bounds);
        }
        Ok(())
    }

    /// The series of the key, made if there is none.
    fn make<'t>(
        &mut self,
        table: &'t mut Table,
        attributes: KeyValues,
        rules: &TableRules,
    ) -> &'t mut Series {
        let series = match table.entry_ref(self.key.as_slice()) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                let start = self.now.unix_nanos;
                let mut series = Series::new(attributes, &rules.buckets, start);
                self.room.charge(self.key.len(), &mut series);
                entry.insert(series)
            }
        };
        series.last_seen = self.now.mono;
        series
    }

    fn add(&mut self, series: &mut Series, subject: &Subject<'_, '_>, measured: Measured) {
        let Measured { duration, times } = measured;
        series.measure(duration, times, &self.rules.bounds);
        let max = self.rules.exemplars_max;
        if series.exemplars.len() >= max {
            return;
        }
        let exemplar = || exemplar(subject.span, duration);
        match &mut self.waiting {
            Some(waiting) => waiting.consider(series, max, (duration, self.now.mono), exemplar),
            None => series.exemplars.extend(exemplar()),
        }
    }
}

#[derive(Clone, Copy)]
struct Measured {
    duration: f64,
    /// How many spans the one stands for.
    times: u64,
}

/// `None` for a span without a trace to look at.
fn exemplar(span: &Span<'_>, value: f64) -> Option<Exemplar> {
    let trace_id: [u8; 16] = span.trace_id.try_into().ok()?;
    let span_id = span.span_id.try_into().ok()?;
    (trace_id != [0; 16]).then_some(Exemplar {
        trace_id,
        span_id,
        value,
    })
}

impl Processor for SpanMetrics {
    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        for chunk in batch.chunks() {
            chunk.bring_near();
            let mut taken = 0;
            // The framing of a request is checked when it comes, so this is some processor's defect.
            if self.measure(&chunk.bytes, now, &mut taken).is_err() {
                out.drop_items(chunk.items.saturating_sub(taken), Reason::Invalid);
            }
        }
        if self.next.is_none() && !self.store.is_empty() {
            self.next = Some(now.mono + self.rules.flush_interval);
        }
    }

    fn deadline(&self) -> Option<Duration> {
        let waiting = self.waiting.as_ref().and_then(Waiting::deadline);
        [self.next, waiting].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Now, out: &mut Outbox) {
        if let Some(waiting) = &mut self.waiting {
            waiting.round(now.mono, &mut self.room, &self.meter);
        }
        if self.next.is_none_or(|next| next > now.mono) {
            return;
        }
        self.send(now, out);
        self.forget(now);
        // Times that have passed while there was no room behind are not made up for.
        let interval = self.rules.flush_interval;
        let next = self.next.map(|next| next + interval);
        let next = next
            .filter(|next| *next > now.mono)
            .unwrap_or(now.mono + interval);
        self.next = (!self.store.is_empty()).then_some(next);
    }

    fn flush(&mut self, now: Now, out: &mut Outbox) -> Flush {
        self.send_last(now, out);
        self.next = None;
        Flush::Done
    }

    fn yield_state(&mut self, _heirs: Shards) -> Vec<State> {
        self.bequeath()
    }

    fn adopt(&mut self, state: State, now: Now, out: &mut Outbox) {
        self.inherit(state, now, out);
    }
}
