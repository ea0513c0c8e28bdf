//! What both OTLP exporters share: the keys of their delivery, and what they send.

use bytes::Bytes;
use config::Optional;
use config::blocks::{Queue, Retry};
use pipeline::Batch;
use pipeline::component::Labels;
use serde::{Deserialize, Serialize};

/// The keys beside those of the client.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Delivery {
    pub(super) retry_on_failure: Retry,
    pub(super) sending_queue: Optional<Queue>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            retry_on_failure: Retry::default(),
            sending_queue: Optional::on(),
        }
    }
}

impl config::Validate for Delivery {
    fn validate(&self) -> config::Problems {
        let mut problems = config::Problems::new();
        problems.under("retry_on_failure", &self.retry_on_failure);
        problems.under("sending_queue", &self.sending_queue);
        problems
    }
}

/// The encoded requests of a batch, which concatenated are one.
pub(super) fn message(batch: &Batch) -> Vec<Bytes> {
    batch
        .chunks()
        .iter()
        .map(|chunk| chunk.bytes.clone())
        .collect()
}

/// The labels of an endpoint as it was written. As in the Collector, what is not just host and port is one name.
pub(super) fn place(endpoint: &str) -> Labels {
    let parts = endpoint.rsplit_once(':').filter(|(host, port)| {
        let bare = host.starts_with('[') == host.ends_with(']') && !port.is_empty();
        let whole = host.starts_with('[') || !host.contains(':');
        bare && whole && port.bytes().all(|b| b.is_ascii_digit())
    });
    match parts {
        Some((host, port)) => vec![
            ("server_address", host.trim_matches(['[', ']']).to_owned()),
            ("server_port", port.to_owned()),
        ],
        None => vec![("server_address", endpoint.to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &Labels, expected: &[(&str, &str)]) {
        let labels: Vec<_> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn an_endpoint_is_labelled_as_the_collector_does() {
        let name = |name| [("server_address", name)];
        check(&place("dns:///tempo:4317"), &name("dns:///tempo:4317"));
        check(&place("http://tempo:4317"), &name("http://tempo:4317"));
        check(&place("unix:///run/x"), &name("unix:///run/x"));
        let split = |host, port| [("server_address", host), ("server_port", port)];
        check(&place("tempo:4317"), &split("tempo", "4317"));
        check(&place("[::1]:4317"), &split("::1", "4317"));
    }
}
