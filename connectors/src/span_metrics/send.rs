//! Writes the series as requests of metrics, and forgets those that have had their time.

use otlp::MetricKind;
use otlp::view::Number;
use otlp::write::{MetricsWriter, Point, Stream, Temporality};
use pipeline::Now;
use pipeline::component::Outbox;

use super::measure::SpanMetrics;
use super::rules::{Measures, Rules};
use super::series::Series;
use super::store::Group;
use crate::requests::Requests;

/// The scope of the metrics, under the Collector's name.
const SCOPE: &str = "spanmetricsconnector";

impl SpanMetrics {
    /// Sends all series as they are.
    pub(super) fn send(&mut self, now: Now, out: &mut Outbox) {
        self.write(now, out, false);
    }

    /// The same because there will be no other time: a new count is what it is.
    pub(super) fn send_last(&mut self, now: Now, out: &mut Outbox) {
        self.write(now, out, true);
        // A cumulative series may still be asked for again while the service drains.
        if self.rules.is_delta {
            self.store.retain(&mut self.room, |_| false);
        }
    }

    fn write(&mut self, now: Now, out: &mut Outbox, is_last: bool) {
        let rules = &self.rules;
        if let Some(waiting) = &mut self.waiting {
            waiting.settle_all(&mut self.store, rules.exemplars_max);
        }
        if rules.is_delta {
            for (key, group) in self.store.keyed() {
                for (at, table) in group.tables.iter_mut().enumerate() {
                    for (name, series) in table.iter_mut() {
                        let before = self.sent.note((key, at, name), now.unix_nanos);
                        series.start = before.unwrap_or(series.start);
                    }
                }
            }
        }
        let mut requests = Requests::new(SCOPE);
        for (_, group) in self.store.keyed() {
            write_group(&mut requests, rules, group, now, is_last);
        }
        requests.send(&self.budget, out);
    }

    /// What is over after a time of sending: exemplars, what has expired, and all deltas.
    pub(super) fn forget(&mut self, now: Now) {
        let rules = &self.rules;
        if rules.is_delta {
            if let Some(waiting) = &mut self.waiting {
                for (key, group) in self.store.keyed() {
                    for (at, name, series) in group.named() {
                        waiting.parked.park((key, at, name), series, now.mono);
                    }
                }
            }
            self.store.retain(&mut self.room, |_| false);
        } else {
            let has_expired =
                |last, expiration: Option<_>| expiration.is_some_and(|e| now.mono - last >= e);
            for (_, group) in self.store.keyed() {
                for table in &mut group.tables {
                    table.retain(|key, series| {
                        series.exemplars.clear();
                        let stays = !has_expired(series.last_seen, rules.series_expiration);
                        match stays {
                            true => self.room.charge(key.len(), series),
                            false => self.room.release(series),
                        }
                        stays
                    });
                }
            }
            let expired = |group: &Group| has_expired(group.last_seen, rules.metrics_expiration);
            self.store.retain(&mut self.room, |group| !expired(group));
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.forget(&self.store, &mut self.room, now.mono);
        }
        self.meter.holds(self.store.series(), self.room.bytes());
    }
}

fn write_group(requests: &mut Requests, rules: &Rules, group: &mut Group, now: Now, is_last: bool) {
    if group.series().next().is_none() {
        return;
    }
    let resource = &group.attributes;
    requests.resource(resource);
    for metric in ["calls", "duration", "events"] {
        let holds = |measures: Measures| match metric {
            "calls" => measures.calls(),
            "duration" => measures.duration(),
            _ => measures == Measures::Events,
        };
        let tables = group.tables.iter_mut().zip(&rules.tables);
        let tables = tables.filter(|(table, rules)| holds(rules.measures) && !table.is_empty());
        for (table, table_rules) in tables {
            let name = name(&rules.shape.written.namespace, metric);
            let kind = match metric {
                "duration" => table_rules.buckets.kind(),
                _ => MetricKind::Sum,
            };
            let stream = Stream {
                name: &name,
                description: "",
                unit: match metric {
                    "duration" => rules.shape.written.histogram.unit.name(),
                    _ => "",
                },
                kind,
                temporality: match rules.is_delta {
                    true => Temporality::Delta,
                    false => Temporality::Cumulative,
                },
                is_monotonic: true,
            };
            requests.metric(&stream);
            for series in table.values_mut() {
                let writer = requests.next_point(resource, &stream);
                write_point(writer, (rules, kind), series, (now, is_last));
            }
        }
    }
}

fn write_point(
    writer: &mut MetricsWriter,
    (rules, kind): (&Rules, MetricKind),
    series: &mut Series,
    (now, is_last): (Now, bool),
) {
    let point = Point {
        attributes: &series.attributes,
        start_time_unix_nano: series.start,
        time_unix_nano: now.unix_nanos,
        exemplars: &series.exemplars,
    };
    if kind != MetricKind::Sum {
        let count = (series.count, rules.bounds.as_slice());
        series.buckets.write(writer, &point, count);
        return;
    }
    let hidden = series.is_new && !rules.is_delta && !is_last;
    series.is_new = false;
    let count = if hidden { 0 } else { series.count };
    writer.number(
        &point,
        Number::Int(i64::try_from(count).unwrap_or(i64::MAX)),
    );
}

fn name(namespace: &str, metric: &str) -> String {
    match namespace {
        "" => metric.to_owned(),
        namespace => format!("{namespace}.{metric}"),
    }
}
