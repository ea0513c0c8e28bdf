//! The configuration of both OTLP exporters, and what they prepare from it.

use std::time::Duration;

use config::blocks::{Compression, CompressionParams};
use config::{Faults, Headers, Validate};
use http::header::USER_AGENT;
use ledger::Kind;
use net::encoding::Encoding;
use otlp::Signal;
use pipeline::component::{Component, ExporterComponent};
use pipeline::testkit;
use serde::de::DeserializeOwned;

use super::{OtlpGrpc, OtlpHttp};
use crate::client::{Packing, headers};

/// A configuration from its YAML, or what is wrong with it.
fn read<T: DeserializeOwned + Validate>(yaml: &str) -> Result<T, String> {
    let mut faults = Faults::default();
    let written = format!(
        "exporters:\n  x:\n    {}\n",
        yaml.trim().replace('\n', "\n    ")
    );
    let document = testkit::document(&written, &mut faults).expect("it is YAML");
    let component = document
        .section(config::Kind::Exporter)
        .iter()
        .next()
        .expect("one");
    let decoded = component.decode_valid(&mut faults);
    let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
    decoded.ok_or_else(|| said.join("\n"))
}

/// Whether an exporter can be made of its configuration; the error is that of its reading or making.
fn made<C: ExporterComponent>(yaml: &str) -> Result<(), String> {
    let config: <C as Component>::Config = read(yaml)?;
    let host = testkit::host(Kind::Exporter, "x", Some(Signal::Traces));
    C::build(&config, &host).map(drop)
}

fn check_refused<C: ExporterComponent>(yaml: &str, words: &str) {
    let said = made::<C>(yaml).expect_err(yaml);
    assert!(said.contains(words), "{words:?} is not in {said}");
}

#[test]
fn grpc_defaults_are_those_of_the_collector() {
    let config = read("endpoint: tempo:4317").unwrap();
    let delivery = OtlpGrpc::delivery(&config);
    assert_eq!(delivery.timeout, Some(Duration::from_secs(5)));
    let queue = delivery.queue.unwrap();
    assert_eq!((queue.consumers, queue.size), (10, 1000));
    assert!(!queue.wait_for_result && !queue.block_on_overflow && queue.merge.is_none());
    let retry = delivery.retry.unwrap();
    assert_eq!(retry.initial_interval, Duration::from_secs(5));
    assert_eq!(retry.max_elapsed_time, Some(Duration::from_secs(300)));
}

#[test]
fn zero_and_false_switch_parts_of_the_delivery_off() {
    let yaml = "\
endpoint: tempo:4317
timeout: 0
retry_on_failure: {enabled: false}
sending_queue: {enabled: false}";
    let delivery = OtlpGrpc::delivery(&read(yaml).unwrap());
    assert_eq!(
        (delivery.timeout, delivery.retry, delivery.queue),
        (None, None, None)
    );
    let yaml = "{endpoint: \"http://x\", timeout: 7s, retry_on_failure: {max_elapsed_time: 0}}";
    let delivery = OtlpHttp::delivery(&read(yaml).unwrap());
    assert_eq!(delivery.timeout, Some(Duration::from_secs(7)));
    assert_eq!(delivery.retry.unwrap().max_elapsed_time, None);
}

#[test]
fn http_waits_half_a_minute_for_an_answer() {
    let delivery = OtlpHttp::delivery(&read("endpoint: http://x").unwrap());
    assert_eq!(delivery.timeout, Some(Duration::from_secs(30)));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    check_refused::<OtlpGrpc>("{}", "requires a non-empty \"endpoint\"");
    check_refused::<OtlpGrpc>("endpoint: tempo", "port");
    check_refused::<OtlpGrpc>(
        "{endpoint: \"x:1\", compression: lz4}",
        "unsupported compression",
    );
    check_refused::<OtlpGrpc>(
        "{endpoint: \"x:1\", balancer_name: best}",
        "balancer_name: best",
    );
    check_refused::<OtlpGrpc>(
        "{endpoint: \"x:1\", max_request_bytes: 0}",
        "max_request_bytes",
    );
    check_refused::<OtlpGrpc>("{endpoint: \"x:1\", timeout: -1s}", "non-negative");
    check_refused::<OtlpHttp>("{}", "at least one endpoint must be specified");
    check_refused::<OtlpHttp>("endpoint: loki:3100", "must begin with http:// or https://");
    check_refused::<OtlpHttp>(
        "logs_endpoint: ftp://x",
        "must begin with http:// or https://",
    );
    check_refused::<OtlpHttp>("{endpoint: \"http://x\", encoding: xml}", "xml");
    check_refused::<OtlpHttp>("endpoint: http://x:port", "invalid port");
    check_refused::<OtlpHttp>(
        "{endpoint: \"http://x\", proxy_url: \"socks5://x\"}",
        "no proxy of the kind \"socks5\"",
    );
}

#[test]
fn an_exporter_is_made_of_every_way_to_write_an_endpoint() {
    for yaml in [
        "endpoint: tempo:4317",
        "{endpoint: \"127.0.0.1:4317\", tls: {insecure: true}}",
        "{endpoint: \"[::1]:4317\", tls: {insecure: true}}",
        "{endpoint: \"http://tempo:4317\", tls: {insecure: true}}",
        "endpoint: https://tempo:4317/",
        "{endpoint: \"tempo:4317\", authority: tempo.example, user_agent: shop/1}",
        "{endpoint: \"unix:///run/tempo.sock\", tls: {insecure: true}}",
    ] {
        made::<OtlpGrpc>(yaml).unwrap_or_else(|fault| panic!("{yaml}: {fault}"));
    }
    for yaml in [
        "endpoint: http://loki",
        "endpoint: https://loki.example/otlp/",
        "endpoint: http://[::1]:4318",
        "endpoint: http://me:secret@loki",
        "{endpoint: \"http://loki\", proxy_url: \"https://me:secret@proxy:3128\"}",
        "{logs_endpoint: \"http://loki/push?tenant=a\", encoding: json}",
    ] {
        made::<OtlpHttp>(yaml).unwrap_or_else(|fault| panic!("{yaml}: {fault}"));
    }
}

#[test]
fn a_signal_has_its_own_url_or_its_path_behind_the_base() {
    let check = |yaml: &str, expected: [Option<&str>; 3]| {
        let config: super::http::Config = read(yaml).unwrap();
        let signals = [Signal::Traces, Signal::Metrics, Signal::Logs];
        let found = signals.map(|signal| config.url(signal));
        assert_eq!(found.each_ref().map(Option::as_deref), expected, "{yaml}");
    };
    let all = [
        "http://x/v1/traces",
        "http://x/v1/metrics",
        "http://x/v1/logs",
    ]
    .map(Some);
    check("endpoint: http://x", all);
    check("endpoint: http://x/", all);
    check("logs_endpoint: http://x/", [None, None, Some("http://x/")]);
    check(
        "{endpoint: \"http://x//\", traces_endpoint: \"http://y/z/\"}",
        [
            Some("http://y/z/"),
            Some("http://x//v1/metrics"),
            Some("http://x//v1/logs"),
        ],
    );
}

#[test]
fn headers_are_sent_as_written_with_one_user_agent() {
    let written = |yaml: &str| -> Headers {
        let config: super::grpc::Config = read(&format!("endpoint: x:1\nheaders: {yaml}")).unwrap();
        config.0.headers
    };
    let all = headers(&written("{X-Scope-OrgID: shop}"), "").unwrap();
    assert_eq!(all["x-scope-orgid"], "shop");
    assert!(all["x-scope-orgid"].is_sensitive(), "no log shows it");
    assert!(all[USER_AGENT].to_str().unwrap().starts_with("Tracegate/"));
    let agent = |yaml: &str, own: &str| headers(&written(yaml), own).unwrap()[USER_AGENT].clone();
    assert_eq!(agent("{}", "shop/1"), "shop/1");
    assert_eq!(agent("{User-Agent: cart/2}", "shop/1"), "cart/2");
    assert!(headers(&written("{}"), "line\nbreak").is_err());
}

#[test]
fn a_compression_has_one_format_in_each_protocol() {
    use Compression as C;
    use Encoding as E;
    let check = |compression, framed, expected| {
        let packing = Packing::new(compression, CompressionParams::default(), framed).unwrap();
        assert_eq!(packing.encoding, expected, "{compression:?}");
    };
    check(C::Snappy, true, E::SnappyFramed);
    check(C::Snappy, false, E::Snappy);
    for framed in [false, true] {
        check(C::None, framed, E::Identity);
        check(C::Gzip, framed, E::Gzip);
        check(C::Zstd, framed, E::Zstd);
        check(C::XSnappyFramed, framed, E::SnappyFramed);
        check(C::Zlib, framed, E::Zlib);
        check(C::Deflate, framed, E::Deflate);
        check(C::Lz4, framed, E::Lz4);
    }
}

#[test]
fn credentials_of_a_url_are_shown_nowhere() {
    let yaml = "\
endpoint: http://me:hunter2@loki
logs_endpoint: http://me:hunter2@loki/x
proxy_url: http://me:hunter2@proxy";
    let config: super::http::Config = read(yaml).unwrap();
    let shown = serde_json::to_string(&config).unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("http://[REDACTED]@loki/x"), "{shown}");
}
