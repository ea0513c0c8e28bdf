//! Writes the series as requests of metrics.

use otlp::MetricKind;
use otlp::view::Number;
use otlp::write::{KeyValues, Point, Stream, Temporality};
use pipeline::Now;
use pipeline::component::Outbox;

use super::measure::ServiceGraph;
use super::table::Series;
use crate::requests::Requests;

/// The scope of the metrics, under the Collector's name.
const SCOPE: &str = "traces_service_graph";

/// What of a series a metric tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Requests,
    Failed,
    Server,
    Client,
}

const METRICS: [(&str, Told); 4] = [
    ("traces_service_graph_request_total", Told::Requests),
    ("traces_service_graph_request_failed_total", Told::Failed),
    ("traces_service_graph_request_server", Told::Server),
    ("traces_service_graph_request_client", Told::Client),
];

impl ServiceGraph {
    /// Sends all series as they are.
    pub(super) fn send(&mut self, now: Now, out: &mut Outbox) {
        let rules = &self.rules;
        let resource = KeyValues::default();
        let mut requests = Requests::new(SCOPE);
        requests.resource(&resource);
        for (name, told) in METRICS {
            let is_count = matches!(told, Told::Requests | Told::Failed);
            let stream = Stream {
                name,
                description: "",
                unit: if is_count { "" } else { "s" },
                kind: match is_count {
                    true => MetricKind::Sum,
                    false => rules.buckets.kind(),
                },
                temporality: Temporality::Cumulative,
                is_monotonic: true,
            };
            let mut series = self.table.iter().filter(|series| told.is_in(series));
            let mut series = series.by_ref().peekable();
            if series.peek().is_some() {
                requests.metric(&stream);
            }
            for series in series {
                let time = rules.said(now.unix_nanos);
                let point = Point {
                    attributes: &series.attributes,
                    // A point that began when it ends would cover no time.
                    start_time_unix_nano: rules.said(series.start).min(time.saturating_sub(1)),
                    time_unix_nano: time,
                    exemplars: &[],
                };
                let writer = requests.next_point(&resource, &stream);
                let count = |count| Number::Int(i64::try_from(count).unwrap_or(i64::MAX));
                let measured = (series.requests, rules.bounds.as_slice());
                match told {
                    Told::Requests => writer.number(&point, count(series.requests)),
                    Told::Failed => writer.number(&point, count(series.failed)),
                    Told::Server => series.server.write(writer, &point, measured),
                    Told::Client => series.client.write(writer, &point, measured),
                }
            }
        }
        requests.send(&self.budget, out);
        self.sent = Some(now.unix_nanos);
    }
}

// === impl Told ===

impl Told {
    /// A series without failures has no count of them.
    fn is_in(self, series: &Series) -> bool {
        self != Self::Failed || series.failed > 0
    }
}
