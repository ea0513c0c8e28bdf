//! What a person is told who started the service without a configuration: where it listens, and a
//! first span to send.

use std::fmt::Write as _;

use pipeline::component::Listening;

use crate::companions::PAGES;

/// Component ids of the embedded configuration.
const OTLP: &str = "otlp";
const HEALTH: &str = "health_check";

/// Several lines that end with one to paste into a shell.
pub(super) fn text(listening: &[(String, Listening)], unix_nanos: u64) -> String {
    let find = |id: &str, protocol: &str| {
        let socket = listening
            .iter()
            .find(|(i, l)| i == id && l.protocol == protocol);
        socket.map(|(_, listening)| listening.address.as_str())
    };
    let mut out =
        String::from("\ntracegate runs on its embedded configuration (see print-config).\n");
    let mut row = |what: &str, url: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {what:<10} {url}");
    };
    if let Some(address) = find(OTLP, "grpc") {
        row("OTLP/gRPC", address.to_owned());
    }
    let http = find(OTLP, "http");
    if let Some(address) = http {
        row("OTLP/HTTP", format!("http://{address}"));
    }
    if let Some(address) = find(PAGES, "http") {
        row("metrics", format!("http://{address}/metrics"));
    }
    if let Some(address) = find(HEALTH, "http") {
        row("health", format!("http://{address}/"));
    }
    if let Some(address) = http {
        let _ = writeln!(out, "Send a first span, which is then printed here:\n");
        let _ = writeln!(out, "{}\n", first_span(address, unix_nanos));
    }
    out
}

/// One line for a shell. Nothing in the JSON needs more than the single quotes.
fn first_span(address: &str, unix_nanos: u64) -> String {
    /// The span lasts this long, in nanoseconds.
    const LASTS: u64 = 25_000_000;
    let begin = unix_nanos.saturating_sub(LASTS);
    format!(
        "curl -sS http://{address}/v1/traces -H 'Content-Type: application/json' -d \
         '{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\
         \"value\":{{\"stringValue\":\"hello\"}}}}]}},\"scopeSpans\":[{{\"spans\":[{{\
         \"traceId\":\"{unix_nanos:032x}\",\"spanId\":\"{unix_nanos:016x}\",\"kind\":2,\
         \"name\":\"first span\",\"startTimeUnixNano\":\"{begin}\",\
         \"endTimeUnixNano\":\"{unix_nanos}\"}}]}}]}}]}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_named_and_the_span_can_be_decoded() {
        let socket = |id: &str, protocol, address: &str| {
            (
                id.to_owned(),
                Listening {
                    protocol,
                    address: address.to_owned(),
                },
            )
        };
        let listening = [
            socket("otlp", "grpc", "127.0.0.1:4317"),
            socket("otlp", "http", "[::1]:4318"),
            socket("telemetry", "http", "127.0.0.1:8888"),
        ];
        let text = text(&listening, 1_700_000_000_000_000_000);
        let named = [
            "127.0.0.1:4317",
            "http://[::1]:4318",
            "http://127.0.0.1:8888/metrics",
        ];
        assert!(named.iter().all(|url| text.contains(url)), "{text}");
        assert!(!text.contains("health"), "{text}");
        let json = text.rsplit('\'').nth(1).unwrap();
        let request = otlp::json::decode(otlp::Signal::Traces, json.as_bytes()).unwrap();
        assert_eq!(
            otlp::survey(otlp::Signal::Traces, &request).unwrap().items,
            1
        );
    }

    #[test]
    fn without_http_there_is_no_line_to_paste() {
        assert!(!text(&[], 0).contains("curl"));
    }
}
