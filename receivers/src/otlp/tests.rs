//! The configuration of the OTLP receiver.

use ::config::{Faults, GoDuration, Kind};
use ::otlp::Signal;
use net::encoding::Encoding;
use pipeline::testkit;

use super::config::{Config, encodings};

/// A configuration from its YAML, or what is wrong with it.
fn read(yaml: &str) -> Result<Config, String> {
    let mut faults = Faults::default();
    let written = format!("receivers: {{otlp: {yaml}}}");
    let document = testkit::document(&written, &mut faults).expect("it is YAML");
    let component = document.section(Kind::Receiver).iter().next().expect("one");
    let decoded = component.decode_valid(&mut faults);
    let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
    decoded.ok_or_else(|| said.join("\n"))
}

fn check_refused(yaml: &str, words: &str) {
    let said = read(yaml).expect_err(yaml);
    assert!(said.contains(words), "{words:?} is not in {said}");
}

#[test]
fn a_protocol_is_on_when_its_key_is_there() {
    for (yaml, expected) in [
        ("{protocols: {grpc: , http: }}", (true, true)),
        ("{protocols: {grpc: }}", (true, false)),
        ("{protocols: {http: {}}}", (false, true)),
    ] {
        let Config { protocols, .. } = read(yaml).unwrap();
        assert_eq!(
            (protocols.grpc.is_on(), protocols.http.is_on()),
            expected,
            "{yaml}"
        );
    }
    let none = "must specify at least one protocol when using the OTLP receiver";
    check_refused("", none);
    check_refused("{protocols: }", none);
    check_refused("{protocols: {thrift: }}", "thrift");
}

#[test]
fn defaults_are_the_loopback_ports_and_64_mib() {
    let Config { protocols, .. } = read("{protocols: {grpc: , http: }}").unwrap();
    let (grpc, http) = (
        protocols.grpc.as_ref().unwrap(),
        &protocols.http.as_ref().unwrap().0,
    );
    assert_eq!(
        (&*grpc.endpoint, &*http.endpoint),
        ("localhost:4317", "localhost:4318")
    );
    assert_eq!(
        (grpc.request_bytes_max(), http.request_bytes_max()),
        (64 << 20, 64 << 20)
    );
    assert!(http.keep_alives_enabled && !http.include_metadata && !grpc.include_metadata);
    let none = GoDuration::from_secs(0);
    for timeout in [
        http.read_timeout,
        http.read_header_timeout,
        http.write_timeout,
        http.idle_timeout,
    ] {
        assert_eq!(timeout, none);
    }
}

#[test]
fn a_limit_is_in_the_unit_of_its_key() {
    let yaml = "{protocols: {grpc: {max_recv_msg_size_mib: 3}, http: {max_request_body_size: 5}}}";
    let Config { protocols, .. } = read(yaml).unwrap();
    assert_eq!(
        protocols.grpc.as_ref().unwrap().request_bytes_max(),
        3 << 20
    );
    assert_eq!(protocols.http.as_ref().unwrap().0.request_bytes_max(), 5);
}

#[test]
fn a_path_has_one_leading_slash_and_is_not_empty() {
    let yaml = "{protocols: {http: {traces_url_path: t, metrics_url_path: //m/}}}";
    let Config { protocols, .. } = read(yaml).unwrap();
    let paths = protocols.http.as_ref().unwrap().1.paths();
    let by_signal = |signal: Signal| paths[signal.index()].as_str();
    assert_eq!(
        Signal::ALL.map(by_signal),
        Signal::ALL.map(|signal| match signal {
            Signal::Traces => "/t",
            Signal::Metrics => "/m/",
            Signal::Logs => "/v1/logs",
        })
    );
    check_refused(
        "{protocols: {http: {logs_url_path: ''}}}",
        "logs_url_path cannot be empty",
    );
}

#[test]
fn an_empty_list_of_algorithms_switches_decoding_off() {
    let listed = |yaml: &str| {
        let Config { protocols, .. } = read(&format!("{{protocols: {{http: {yaml}}}}}")).unwrap();
        encodings(&protocols.http.as_ref().unwrap().0.compression_algorithms)
    };
    assert_eq!(listed("{compression_algorithms: []}"), None);
    let some = listed("{compression_algorithms: [gzip, lz4]}").unwrap();
    assert_eq!(some, [Encoding::Gzip, Encoding::Lz4]);
    let all = listed("{}").unwrap();
    assert!(all.contains(&Encoding::Identity) && all.contains(&Encoding::SnappyFramed));
    assert_eq!(all.len(), 8);
}
