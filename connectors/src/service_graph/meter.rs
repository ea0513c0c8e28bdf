//! What `service_graph` tells of itself, as far as it can under the Collector's names.

use pipeline::component::Host;
use telemetry::metrics::{Counter, Family, Gauge};

use super::pending::Taken;

const TOTAL: Family = Family::counter(
    "otelcol_connector_servicegraph_total_edges",
    "Total number of unique edges",
);

const EXPIRED: Family = Family::counter(
    "otelcol_connector_servicegraph_expired_edges",
    "Number of edges that expired before finding its matching span",
);

const DROPPED: Family = Family::counter(
    "otelcol_connector_servicegraph_dropped_spans",
    "Number of spans dropped when trying to add edges",
);

const WITHOUT_SERVICE: Family = Family::counter(
    "tracegate_service_graph_spans_without_service",
    "Count of spans that were not paired because their resource has no service.name",
);

const OVERFLOW: Family = Family::counter(
    "tracegate_service_graph_overflow_requests",
    "Count of requests that were measured in an overflow series because there was no room for their own",
);

const SERIES: Family = Family::gauge(
    "tracegate_service_graph_series",
    "Number of series that a connector holds, as of the last time it looked",
);

const SERIES_BYTES: Family = Family::gauge(
    "tracegate_service_graph_series_bytes",
    "Bytes of memory that these series take",
);

const WAITING: Family = Family::gauge(
    "tracegate_service_graph_waiting_spans",
    "Number of spans that wait for their other half, as of the last time a connector looked",
);

const WAITING_BYTES: Family = Family::gauge(
    "tracegate_service_graph_waiting_bytes",
    "Bytes of memory that these spans take",
);

#[derive(Debug)]
pub(super) struct Meter {
    total: Counter,
    expired: Counter,
    dropped: Counter,
    without_service: Counter,
    overflow: Counter,
    series: Gauge,
    series_bytes: Gauge,
    waiting: Gauge,
    waiting_bytes: Gauge,
}

impl Meter {
    pub(super) fn new(host: &Host) -> Self {
        let own = &[("connector", host.label.id.as_str())];
        let counter = |family| host.metrics.counter(family, own);
        let gauge = |family| host.metrics.gauge(family, own);
        Self {
            total: counter(&TOTAL),
            expired: counter(&EXPIRED),
            dropped: counter(&DROPPED),
            without_service: counter(&WITHOUT_SERVICE),
            overflow: counter(&OVERFLOW),
            series: gauge(&SERIES),
            series_bytes: gauge(&SERIES_BYTES),
            waiting: gauge(&WAITING),
            waiting_bytes: gauge(&WAITING_BYTES),
        }
    }

    pub(super) fn taken(&self, taken: Taken) {
        match taken {
            Taken::First => self.total.add(1),
            Taken::Second => {}
            Taken::Dropped => self.dropped.add(1),
        }
    }

    pub(super) fn expired(&self, spans: u64) {
        self.expired.add(spans);
    }

    pub(super) fn without_service(&self, spans: u64) {
        self.without_service.add(spans);
    }

    pub(super) fn overflow(&self) {
        self.overflow.add(1);
    }

    pub(super) fn holds(&mut self, series: usize, bytes: u64) {
        self.series.set(series as i64);
        self.series_bytes.set(bytes as i64);
    }

    pub(super) fn waits(&mut self, spans: usize, bytes: u64) {
        self.waiting.set(spans as i64);
        self.waiting_bytes.set(bytes as i64);
    }
}
