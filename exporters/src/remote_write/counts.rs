//! What the exporter counts beside the books, under the Collector's names.

use pipeline::component::Host;
use telemetry::metrics::{Counter, Family, Gauge};

use super::encode::{Totals, Version};

const CONSUMERS: Family = Family::gauge(
    "otelcol_exporter_prometheusremotewrite_consumers",
    "Number of configured workers to use to fan out the outgoing requests",
);
const FAILED: Family = Family::counter(
    "otelcol_exporter_prometheusremotewrite_failed_translations",
    "Number of translation operations that failed to translate metrics from Otel to Prometheus",
);
const SENT: Family = Family::counter(
    "otelcol_exporter_prometheusremotewrite_sent_batches",
    "Number of remote write request batches sent to the remote write endpoint regardless of success or failure",
);
const TRANSLATED: Family = Family::counter(
    "otelcol_exporter_prometheusremotewrite_translated_time_series",
    "Number of Prometheus time series that were translated from OTel metrics",
);
const SAMPLES: Family = Family::counter(
    "otelcol_exporter_prometheusremotewrite_written_samples",
    "Number of samples that the back end says it has written, of remote write 2",
);
const HISTOGRAMS: Family = Family::counter(
    "otelcol_exporter_prometheusremotewrite_written_histograms",
    "Number of native histograms that the back end says it has written, of remote write 2",
);
const EXEMPLARS: Family = Family::counter(
    "otelcol_exporter_prometheusremotewrite_written_exemplars",
    "Number of exemplars that the back end says it has written, of remote write 2",
);

pub(super) struct Counts {
    _consumers: Gauge,
    failed: Counter,
    sent: Counter,
    translated: Counter,
    /// Samples, histograms and exemplars, where the back end tells of them.
    written: Option<[Counter; 3]>,
}

impl Counts {
    pub(super) fn new(host: &Host, url: &str, version: Version, parallelism: usize) -> Self {
        let labels = [("exporter", host.label.id.as_str()), ("endpoint", url)];
        let counter = |family: &Family| host.metrics.counter(family, &labels);
        let consumers = host.metrics.gauge(&CONSUMERS, &labels);
        consumers.set(i64::try_from(parallelism).unwrap_or(i64::MAX));
        Self {
            _consumers: consumers,
            failed: counter(&FAILED),
            sent: counter(&SENT),
            translated: counter(&TRANSLATED),
            written: (version == Version::V2)
                .then(|| [&SAMPLES, &HISTOGRAMS, &EXEMPLARS].map(counter)),
        }
    }

    /// A batch has become so many series; of some of its points there are none.
    pub(super) fn translated(&self, series: usize, dropped: u64) {
        self.translated.add(series as u64);
        if dropped > 0 {
            self.failed.add(1);
        }
    }

    pub(super) fn sent(&self) {
        self.sent.add(1);
    }

    pub(super) fn written(&self, totals: &Totals) {
        let Some([samples, histograms, exemplars]) = &self.written else {
            return;
        };
        samples.add(totals.samples);
        histograms.add(totals.histograms);
        exemplars.add(totals.exemplars);
    }
}
