//! The page for 2,000 points beside the one that the Go Collector 0.159 made of them.
//!
//! What it made stands in `fixtures/prometheus`; `tests/interop/prometheus/record` makes it again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use prost::Message;

use super::points;
use crate::rig::{Service, http1};

const EXPORTER: &str =
    "{endpoint: '127.0.0.1:0', enable_open_metrics: true, send_timestamps: true}";

/// Accept headers and the fixtures of what they ask for.
const PAGES: [(&str, &str); 2] = [
    ("text/plain", "text.txt"),
    (
        "application/openmetrics-text;version=1.0.0",
        "open_metrics.txt",
    ),
];

/// Deltas of an exponential histogram that come at several scales. The Collector loses counts where it
/// makes buckets coarser, finds that they no longer add up, and shows nothing.
const LOST_BY_THE_COLLECTOR: &str = "plain_";

fn fixture(name: &str) -> PathBuf {
    let folder = "tests/it/fixtures/prometheus";
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name)
}

fn send(address: SocketAddr) {
    let requests = points::requests();
    assert_eq!(points::count(&requests), 2_000);
    for request in requests {
        let post = http1::post("/v1/metrics", &request.encode_to_vec());
        assert_eq!(http1::exchange(address, &post).status, 200);
    }
}

fn scrape(address: SocketAddr, accept: &str) -> String {
    let request = http1::request("GET", "/metrics", &[("accept", accept)], b"");
    http1::exchange(address, &request).text()
}

/// Lines in an order of their own: that of series within a family differs, and so does that of the
/// labels of an exemplar, which Go draws.
fn lines(page: &str) -> BTreeSet<String> {
    let lines = page.lines().map(|line| match line.split_once(" # {") {
        Some((sample, exemplar)) => {
            let (labels, rest) = exemplar.split_once('}').unwrap();
            let mut labels: Vec<_> = labels.split(',').collect();
            labels.sort_unstable();
            format!("{sample} # {{{}}}{rest}", labels.join(","))
        }
        None => line.to_owned(),
    });
    lines.collect()
}

/// What differs and is meant to: exemplars stay until there are newer ones.
fn without_exemplar(line: &str) -> &str {
    line.split(" # {").next().unwrap_or(line)
}

#[test]
fn the_page_is_that_of_the_collector() {
    let service =
        Service::start(&super::SERVICE.replace("{endpoint: '127.0.0.1:0', KEYS}", EXPORTER));
    send(service.http());
    for (accept, name) in PAGES {
        let recorded = std::fs::read_to_string(fixture(name)).unwrap();
        let (ours, theirs) = (
            lines(&scrape(service.extension("prometheus"), accept)),
            lines(&recorded),
        );
        let samples = |lines: &BTreeSet<String>| -> BTreeSet<String> {
            lines
                .iter()
                .map(|line| without_exemplar(line).to_owned())
                .collect()
        };
        let (our_samples, their_samples) = (samples(&ours), samples(&theirs));
        let more: Vec<_> = our_samples
            .difference(&their_samples)
            .filter(|line| !line.starts_with(LOST_BY_THE_COLLECTOR))
            .collect();
        let fewer: Vec<_> = their_samples.difference(&our_samples).collect();
        assert!(
            more.is_empty() && fewer.is_empty(),
            "{name}: more {more:#?}, fewer {fewer:#?}"
        );
        let lost: Vec<_> = theirs
            .difference(&ours)
            .filter(|line| line.contains(" # {"))
            .collect();
        assert!(lost.is_empty(), "{name}: {lost:#?}");
    }
    service.stop();
}

/// Run by `tests/interop/prometheus/record`, which starts the Collector and keeps its pages.
#[test]
#[ignore = "sends to a Collector at TRACEGATE_RECORD"]
fn send_to_the_collector() {
    if let Ok(address) = std::env::var("TRACEGATE_RECORD") {
        send(address.parse().unwrap());
    }
}
