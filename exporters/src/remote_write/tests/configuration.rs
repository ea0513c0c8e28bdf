//! Keys, defaults, and what is wrong with them.

use std::time::Duration;

use ledger::Kind;
use otlp::Signal;
use pipeline::component::ExporterComponent;
use pipeline::testkit;

use super::super::RemoteWrite;
use super::super::config::Config;
use super::fixture::{config, read};

fn refused(yaml: &str, words: &str) {
    let said = read::<Config>(yaml).expect_err(yaml);
    assert!(said.contains(words), "{words:?} is not in {said}");
}

fn beside_endpoint(keys: &str, words: &str) {
    refused(&format!("endpoint: http://x\n{keys}"), words);
}

#[test]
fn defaults_are_those_of_the_collector_in_order() {
    let config = config("");
    let delivery = RemoteWrite::delivery(&config);
    let queue = delivery.queue.unwrap();
    assert_eq!((queue.consumers, queue.size), (1, 10_000));
    assert!(delivery.in_order && delivery.timeout.is_none());
    let retry = delivery.retry.unwrap();
    assert_eq!(retry.initial_interval, Duration::from_millis(50));
    assert_eq!(retry.max_interval, Duration::from_secs(30));
    assert_eq!(retry.max_elapsed_time, Some(Duration::from_secs(300)));
    assert_eq!(config.timeout(), Some(Duration::from_secs(5)));
    assert_eq!(
        (config.parallelism(), config.style().bytes_max),
        (5, 3_000_000)
    );
}

#[test]
fn keys_are_heeded() {
    let config = config(
        "timeout: 7s\nmax_batch_size_bytes: 0\nremote_write_queue: {queue_size: 3, num_consumers: 2}\n\
         retry_on_failure: {max_elapsed_time: 2s, max_interval: 1s}",
    );
    let delivery = RemoteWrite::delivery(&config);
    assert_eq!(delivery.queue.unwrap().size, 3);
    let retry = delivery.retry.unwrap();
    assert_eq!(retry.initial_interval, Duration::from_millis(50));
    assert_eq!(retry.max_elapsed_time, Some(Duration::from_secs(2)));
    assert_eq!(config.timeout(), Some(Duration::from_secs(7)));
    assert_eq!(
        (config.parallelism(), config.style().bytes_max),
        (2, 3_000_000)
    );
    let off = "remote_write_queue: {enabled: false, queue_size: 0}\n\
               retry_on_failure: {enabled: false}\nmax_batch_request_parallelism: 9";
    let config = super::fixture::config(off);
    let delivery = RemoteWrite::delivery(&config);
    assert!(delivery.queue.is_none() && delivery.retry.is_none() && delivery.in_order);
    assert_eq!(config.parallelism(), 9);
}

#[test]
fn the_client_stands_below_http_or_beside_it() {
    for yaml in [
        "http: {endpoint: \"https://x/api/v1/push\", timeout: 9s}",
        "{endpoint: \"https://x/api/v1/push\", timeout: 9s}",
    ] {
        let config: Config = read(yaml).unwrap();
        assert_eq!(config.client().endpoint, "https://x/api/v1/push");
        assert_eq!(config.timeout(), Some(Duration::from_secs(9)));
        let host = testkit::host(Kind::Exporter, "x", Some(Signal::Metrics));
        RemoteWrite::build(&config, &host).map(drop).unwrap();
        let labels = RemoteWrite::labels(&config, Signal::Metrics);
        assert_eq!(
            labels,
            [
                ("server_address", "x".to_owned()),
                ("url_path", "/api/v1/push".to_owned())
            ]
        );
    }
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    refused("{}", "endpoint: requires a URL");
    refused("http: {timeout: 1s}", "http::endpoint: requires a URL");
    refused(
        "endpoint: mimir:9009",
        "must begin with http:// or https://",
    );
    beside_endpoint("compression: gzip", "compression type must be snappy");
    refused(
        "http: {endpoint: \"http://x\", compression: zstd}",
        "must be snappy",
    );
    beside_endpoint(
        "remote_write_queue: {queue_size: 0}",
        "a 0 size queue will drop all the data",
    );
    beside_endpoint("remote_write_queue: {queue_size: -1}", "can't be negative");
    beside_endpoint(
        "remote_write_queue: {num_consumers: -1}",
        "can't be negative",
    );
    beside_endpoint("max_batch_request_parallelism: 0", "below 1");
    beside_endpoint("max_batch_size_bytes: -1", "must be greater than 0");
    beside_endpoint(
        "external_labels: {a: \"\"}",
        "contains an empty key or value",
    );
    beside_endpoint(
        "external_labels: {__name__: x}",
        "no name that a label can have",
    );
    beside_endpoint("protobuf_message: v3", "io.prometheus.write.v2.Request");
    beside_endpoint(
        "translation_strategy: NoTranslation",
        "requires Prometheus Remote Write 2.0",
    );
    beside_endpoint(
        "include_metadata_keys: [Content-Type]",
        "reserved remote write header",
    );
    beside_endpoint(
        "retry_on_failure: {max_elapsed_time: 1ms}",
        "max_elapsed_time",
    );
    beside_endpoint("sending_queue: {queue_size: 1}", "sending_queue");
    beside_endpoint("wal: {directory: /wal}", "`wal` is a key of the Collector");
    beside_endpoint(
        "resource_constant_labels: {included: [a]}\n\
         resource_to_telemetry_conversion: {enabled: true}",
        "which it replaces",
    );
}
