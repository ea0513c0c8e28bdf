//! What `probabilistic_sampler` tells of its choices, under the Collector's names.

use otlp::Signal;
use pipeline::component::Host;
use telemetry::metrics::{Counter, Family};

use super::choice::Choice;

const SPANS: Family = Family::counter(
    "otelcol_processor_probabilistic_sampler_count_traces_sampled",
    "Count of traces that were sampled or not",
);

const RECORDS: Family = Family::counter(
    "otelcol_processor_probabilistic_sampler_count_logs_sampled",
    "Count of logs that were sampled or not",
);

const TROUBLES: Family = Family::counter(
    "tracegate_probabilistic_sampler_errors",
    "Count of items whose sampling could not be told, which fail_closed decides on",
);

#[derive(Debug)]
pub(super) struct Meter {
    /// In the order of [`By`](super::choice::By), not kept and kept.
    chosen: [[Counter; 2]; 6],
    /// In the order of [`Trouble`](super::choice::Trouble).
    troubles: [Counter; 5],
}

impl Meter {
    /// `attribute`: the name of what log records are chosen by.
    pub(super) fn new(host: &Host, attribute: &str) -> Self {
        let family = match host.label.signal {
            Some(Signal::Logs) => &RECORDS,
            _ => &SPANS,
        };
        let policies = [
            "trace_id_hash",
            "trace_id_w3c",
            "sampling_randomness",
            "sampling_priority",
            "missing_randomness",
            attribute,
        ];
        let errors = [
            "unreadable",
            "inconsistent_threshold",
            "missing_randomness",
            "randomness_in_use",
            "threshold_in_use",
        ];
        let id = host.label.id.as_str();
        let signal = host.label.signal_name();
        Self {
            chosen: policies.map(|policy| {
                ["false", "true"].map(|sampled| {
                    let labels = [("policy", policy), ("sampled", sampled)];
                    host.metrics.counter(family, &labels)
                })
            }),
            troubles: errors.map(|error| {
                let labels = [("processor", id), ("signal", signal), ("error", error)];
                host.metrics.counter(&TROUBLES, &labels)
            }),
        }
    }

    pub(super) fn chosen(&self, choice: &Choice) {
        if let Some([not_kept, kept]) = self.chosen.get(choice.by as usize) {
            if choice.is_kept { kept } else { not_kept }.add(1);
        }
        let trouble = choice.trouble.map(|trouble| trouble as usize);
        if let Some(counter) = trouble.and_then(|at| self.troubles.get(at)) {
            counter.add(1);
        }
    }
}
