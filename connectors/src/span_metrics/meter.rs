//! What `span_metrics` tells of itself.

use pipeline::component::{Host, Verdict};
use telemetry::metrics::{Counter, Family, Gauge};

const SERIES: Family = Family::gauge(
    "tracegate_span_metrics_series",
    "Number of series that a connector holds, as of the last time it sent them",
);

const BYTES: Family = Family::gauge(
    "tracegate_span_metrics_series_bytes",
    "Bytes of memory that these series take",
);

const OVERFLOW: Family = Family::counter(
    "tracegate_span_metrics_overflow_measurements",
    "Count of spans and events that were measured in an overflow series because there was no room for their own",
);

const WITHOUT_SERVICE: Family = Family::counter(
    "tracegate_span_metrics_spans_without_service",
    "Count of spans that were not measured because their resource has no service.name",
);

const EXEMPLAR_TRACES: Family = Family::counter(
    "tracegate_span_metrics_exemplar_traces",
    "Count of traces that a sampler was asked about for an exemplar, by what it said; unknown: none has seen them, or \
     remembers",
);

#[derive(Debug)]
pub(super) struct Meter {
    series: Gauge,
    bytes: Gauge,
    overflow: Counter,
    without_service: Counter,
    /// Only where somebody is asked: kept, dropped, unknown.
    asked: Option<[Counter; 3]>,
}

impl Meter {
    pub(super) fn new(host: &Host) -> Self {
        let connector = ("connector", host.label.id.as_str());
        let own = &[connector];
        let asks = host.verdicts.is_some();
        let asked = |verdict| {
            let labels = &[connector, ("verdict", verdict)];
            host.metrics.counter(&EXEMPLAR_TRACES, labels)
        };
        Self {
            series: host.metrics.gauge(&SERIES, own),
            bytes: host.metrics.gauge(&BYTES, own),
            overflow: host.metrics.counter(&OVERFLOW, own),
            without_service: host.metrics.counter(&WITHOUT_SERVICE, own),
            asked: asks.then(|| ["kept", "dropped", "unknown"].map(asked)),
        }
    }

    pub(super) fn holds(&mut self, series: usize, bytes: u64) {
        self.series.set(series as i64);
        self.bytes.set(bytes as i64);
    }

    pub(super) fn overflow(&self, times: u64) {
        self.overflow.add(times);
    }

    /// What has become of a trace that was asked for.
    pub(super) fn decided(&self, verdict: Verdict) {
        let Some([kept, dropped, unknown]) = &self.asked else {
            return;
        };
        let counter = match verdict {
            Verdict::Kept => kept,
            Verdict::Dropped => dropped,
            Verdict::Unknown | Verdict::Waiting { .. } => unknown,
        };
        counter.add(1);
    }

    pub(super) fn without_service(&self, spans: u64) {
        self.without_service.add(spans);
    }
}
