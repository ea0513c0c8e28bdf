//! Why a trace was kept or dropped, asked of the real binary over HTTP and by the command.

use std::net::SocketAddr;
use std::time::Duration;

use benches::generator::Options;
use benches::{Acked, clock};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use serde_json::Value;

use crate::auth::write_certificates;
use crate::cli::tracegate;
use crate::rig::{PATIENCE, Service, http1, load, requests};

const SAMPLED: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
processors:
  tail_sampling:
    decision_wait: 200ms
    why: {max_bytes: 128KiB}
    policies:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [nop]}}}
";

fn hex(trace: [u8; 16]) -> String {
    trace.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A root span of 812 ms.
fn span(trace: [u8; 16], is_error: bool) -> Span {
    Span {
        trace_id: trace.to_vec(),
        span_id: vec![1; 8],
        start_time_unix_nano: 1_795_255_664_000_000_000,
        end_time_unix_nano: 1_795_255_664_812_000_000,
        status: is_error.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..requests::named("visit")
    }
}

fn send(service: &Service, spans: Vec<Span>) {
    let request = http1::post("/v1/traces", &requests::spans(spans).encode_to_vec());
    assert_eq!(http1::exchange(service.http(), &request).status, 200);
}

fn ask(admin: SocketAddr, trace: &str) -> (u16, Value) {
    let path = format!("/api/v1/traces/{trace}/why");
    let question = format!("GET {path} HTTP/1.1\r\nhost: {admin}\r\n\r\n");
    let reply = http1::exchange(admin, question.as_bytes());
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

/// The answer once it says this.
fn answered(admin: SocketAddr, trace: &str, state: &str) -> (u16, Value) {
    let answer = || Some(ask(admin, trace)).filter(|(_, body)| body["state"] == state);
    clock::poll(PATIENCE, answer).unwrap_or_else(|| panic!("{:?}", ask(admin, trace)))
}

#[test]
fn a_kept_and_a_dropped_trace_are_explained_over_http_and_by_the_command() {
    let service = Service::start(SAMPLED);
    let admin = service.extension("admin");
    let endpoint = format!("http://{admin}");
    send(&service, vec![span([1; 16], true), span([2; 16], false)]);
    let (kept, dropped) = (hex([1; 16]), hex([2; 16]));
    let (code, body) = answered(admin, &kept, "decided");
    assert_eq!(
        (code, &body["instances"][0]["verdict"]),
        (200, &Value::from("sampled"))
    );
    let command = |trace: &str| tracegate(&["why", trace, "--endpoint", &endpoint]);
    let ended = command(&kept);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for line in [
        "tail_sampling in traces: sampled by errors, ",
        "\n  first span ",
        "\n  latency 812 ms, ",
        "\n  errors  a span has status ERROR → yes\n",
        "\n  slow    latency 812 ms < 1 s → no\n",
    ] {
        assert!(ended.out.contains(line), "{line} is not in\n{}", ended.out);
    }
    answered(admin, &dropped, "decided");
    let ended = command(&dropped);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(
        ended.out.contains(": not sampled: no policy kept it, "),
        "{}",
        ended.out
    );
    assert!(
        ended
            .out
            .contains("\n  errors  no span has status ERROR → no\n"),
        "{}",
        ended.out
    );
    // A late span is counted.
    send(&service, vec![span([2; 16], false)]);
    let late = || ask(admin, &dropped).1["instances"][0]["decisions"][0]["late_spans"].as_u64();
    assert_eq!(
        clock::poll(PATIENCE, || late().filter(|late| *late == 1)),
        Some(1)
    );
    service.stop();
}

#[test]
fn who_is_not_known_is_said_to_be_pending_never_seen_or_aged_out() {
    let waiting = SAMPLED.replace("200ms", "60s");
    let service = Service::start(&waiting);
    let admin = service.extension("admin");
    let (pending, never) = (hex([3; 16]), hex([9; 16]));
    send(&service, vec![span([3; 16], false)]);
    let (code, body) = answered(admin, &pending, "pending");
    assert_eq!(code, 200);
    let text = body["text"].as_str().unwrap();
    assert!(
        text.starts_with("pending with 1 span so far, decided in "),
        "{text}"
    );
    let (code, body) = ask(admin, &never);
    assert_eq!((code, &body["state"]), (404, &Value::from("never_seen")));
    let endpoint = format!("http://{admin}");
    let ended = tracegate(&["why", &never, "--endpoint", &endpoint]);
    let text = "tail_sampling in traces: never seen; nothing has been decided here so far\n";
    assert_eq!(
        (ended.code, ended.out.as_str(), ended.err.as_str()),
        (Some(2), text, "")
    );
    service.stop();
}

#[test]
fn what_has_aged_out_is_told_with_how_far_memory_reaches() {
    let service = Service::start(SAMPLED);
    let admin = service.extension("admin");
    let first = hex([1; 16]);
    send(&service, vec![span([1; 16], true)]);
    answered(admin, &first, "decided");
    // More decisions than two segments hold.
    let number = |at: u32| {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&at.to_be_bytes());
        id
    };
    let many = (0..6_000).map(|at| span(number(at), false));
    send(&service, many.collect());
    let (code, body) = answered(admin, &first, "aged_out");
    assert_eq!(
        (code, &body["instances"][0]["verdict"]),
        (404, &Value::from("sampled"))
    );
    let text = body["text"].as_str().unwrap();
    assert!(
        text.starts_with("sampled, but why has aged out: memory reaches back "),
        "{text}"
    );
    let ended = tracegate(&["why", &first, "--endpoint", &format!("http://{admin}")]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.out.contains(text.split(" reaches").next().unwrap()),
        "{}",
        ended.out
    );
    let page = service.page();
    let reach = page.sum(
        "tracegate_tail_sampling_why_reach_seconds",
        &["processor=\"tail_sampling\""],
    );
    assert!(reach <= PATIENCE.as_secs(), "{reach}");
    service.stop();
}

#[test]
fn every_replica_is_asked_and_the_one_that_knew_is_named() {
    let (one, other) = (Service::start(SAMPLED), Service::start(SAMPLED));
    let admins = [&one, &other].map(|service| service.extension("admin"));
    let trace = hex([1; 16]);
    send(&other, vec![span([1; 16], true)]);
    answered(admins[1], &trace, "decided");
    let urls = admins.map(|admin| format!("http://{admin}"));
    let both = ["--endpoint", &urls[0], "--endpoint", &urls[1]];
    let ended = tracegate(&[&["why", &trace], &both[..]].concat());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let first = format!(
        "{}:\ntail_sampling in traces: sampled by errors, ",
        admins[1]
    );
    assert!(ended.out.starts_with(&first), "{}", ended.out);
    let ended = tracegate(&[&["why", &trace, "--output", "json"], &both[..]].concat());
    let body: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(body["known"], true);
    let known = body["replicas"].as_array().unwrap().iter();
    let known: Vec<_> = known.map(|replica| &replica["known"]).collect();
    assert_eq!(known, [false, true]);
    // One that does not answer might have known.
    other.stop();
    let ended = tracegate(&[&["why", &trace], &both[..]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.starts_with(&format!("{}: ", admins[1])),
        "{}",
        ended.err
    );
    one.stop();
}

#[test]
fn a_port_with_tls_and_a_password_answers_those_who_have_both() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let guarded = format!(
        "\
extensions:
  basicauth: {{htpasswd: {{inline: 'bob:builder'}}}}
  admin:
    endpoint: '127.0.0.1:0'
    tls: {{cert_file: '{}', key_file: '{}'}}
    auth: {{authenticator: basicauth}}
",
        file("cert.pem"),
        file("key.pem")
    );
    let named = SAMPLED.replace("service: {", "service: {extensions: [basicauth, admin], ");
    let service = Service::start(&format!("{guarded}{named}"));
    let port = service.extension("admin").port();
    let trace = hex([1; 16]);
    send(&service, vec![span([1; 16], true)]);
    let ca = file("ca.pem");
    let ask = |url: &str, more: &[&str]| {
        let endpoint = url.replace("PORT", &port.to_string());
        tracegate(&[&["why", &trace, "--endpoint", &endpoint], more].concat())
    };
    let known = || {
        let ended = ask("https://bob:builder@localhost:PORT", &["--ca-file", &ca]);
        (ended.code != Some(2)).then_some(ended)
    };
    let ended = clock::poll(PATIENCE, known).unwrap();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let first = "tail_sampling in traces: ";
    assert!(ended.out.starts_with(first), "{}", ended.out);
    let header = ["--header", "Authorization: Basic Ym9iOmJ1aWxkZXI="];
    let with_header = [&header[..], &["--insecure-skip-verify"]].concat();
    let ended = ask("https://127.0.0.1:PORT", &with_header);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let check_refused = |url: &str, more: &[&str], reason: &str| {
        let ended = ask(url, more);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{url}");
        assert!(ended.err.contains(reason), "{url}: {}", ended.err);
        assert!(!ended.err.contains("builder"), "{url}: {}", ended.err);
    };
    let trusted = ["--ca-file", &ca];
    check_refused(
        "https://localhost:PORT",
        &trusted,
        "401: it wants to know who asks",
    );
    check_refused("https://bob:builders@localhost:PORT", &trusted, "401: ");
    // Whom nobody has signed is not told the password, and neither is one of another name.
    check_refused("https://bob:builder@localhost:PORT", &[], "UnknownIssuer");
    check_refused(
        "https://bob:builder@127.0.0.1:PORT",
        &trusted,
        "certificate",
    );
    check_refused("http://bob:builder@localhost:PORT", &[], "");
    let ended = service.stop();
    assert!(!ended.log.contains("builder"), "{}", ended.log);
}

#[test]
fn questions_that_make_no_sense_end_with_1_and_a_reason() {
    let service = Service::start(SAMPLED);
    let endpoint = format!("http://{}", service.extension("admin"));
    let check = |arguments: &[&str], reason: &str| {
        let ended = tracegate(&[&["why", "--endpoint", &endpoint], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.err.contains(reason), "{arguments:?}: {}", ended.err);
    };
    check(
        &["4bf9"],
        "\"4bf9\" is no trace id: it has 32 hexadecimal digits",
    );
    check(&[&"0".repeat(32)], "of zeros alone is invalid");
    check(
        &[&"1".repeat(32), "--header", "x"],
        "write --header 'Name: value'",
    );
    check(&[], "<TRACE_ID>");
    service.stop();
}

#[test]
fn a_reload_of_something_else_forgets_nothing() {
    let mut service = Service::start(SAMPLED);
    let admin = service.extension("admin");
    let trace = hex([1; 16]);
    send(&service, vec![span([1; 16], true)]);
    let before = answered(admin, &trace, "decided").1;
    let health = "extensions: {health_check: {endpoint: '127.0.0.1:0'}}";
    let service_key = "service: {extensions: [health_check], ";
    service.rewrite(&SAMPLED.replace("service: {", &format!("{health}\n{service_key}")));
    service.reload().unwrap();
    let after = answered(admin, &trace, "decided").1;
    let text = |body: &Value| body["instances"][0]["text"].clone();
    assert_eq!(text(&before), text(&after));
    service.stop();
}

/// One percentile of what was measured.
fn percentile(took: &mut [Duration], percent: usize) -> Duration {
    took.sort();
    took[(took.len() * percent / 100).min(took.len() - 1)]
}

/// Traces of the generator's requests with those, in an order without a pattern.
fn trace_of(number: u64, acked: &[Acked]) -> (u64, [u8; 16]) {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let request = acked[mixed as usize % acked.len()];
    let traces = request.items / TRACE_ITEMS;
    let trace = (mixed >> 40) as u16 % traces as u16;
    (
        request.request,
        benches::payload::trace_id(request.request, trace),
    )
}

const TRACE_ITEMS: u64 = 10;

/// Requests that the generator sends in a second, and a few.
const SECOND: u64 = 100;

#[test]
#[ignore = "half a minute at 50,000 spans a second: nightly"]
fn at_fifty_thousand_spans_a_second_every_decision_is_explained_within_50_ms() {
    let config = SAMPLED
        .replace(
            "{http: {endpoint: '127.0.0.1:0'}}",
            "{grpc: {endpoint: '127.0.0.1:0'}}",
        )
        .replace(
            "decision_wait: 200ms",
            "decision_wait: 5s\n    num_traces: 200000",
        )
        .replace("128KiB", "4MiB");
    let service = Service::start(&config);
    let admin = service.extension("admin");
    let running = load::begin(Options {
        target: service.grpc(),
        rate: 50_000.0,
        trace_items: TRACE_ITEMS as usize,
        duration: Duration::from_secs(30),
        record: true,
        ..Options::default()
    });
    // While it runs: how long an answer takes, whatever it is.
    let sent: Vec<_> = (1..200)
        .map(|request| Acked {
            request,
            items: 512,
        })
        .collect();
    let mut took = Vec::new();
    for number in 0.. {
        let asked = clock::now();
        ask(admin, &hex(trace_of(number, &sent).1));
        took.push(asked.elapsed());
        if running.is_over() {
            break;
        }
    }
    let report = running.report();
    assert!(took.len() > 1000, "{}", took.len());
    let p99 = percentile(&mut took, 99);
    assert!(p99 < Duration::from_millis(50), "{p99:?}");
    // Behind the last decision: all within the horizon that it states.
    let last = report.acked.last().unwrap();
    answered(
        admin,
        &hex(benches::payload::trace_id(last.request, 0)),
        "decided",
    );
    let (mut explained, mut forgotten) = (Vec::new(), Vec::new());
    // By how much the oldest that is explained falls short of how far back memory is said to reach.
    let mut short = f64::MAX;
    for number in 0..5_000 {
        let (request, trace) = trace_of(number, &report.acked);
        let (_, body) = ask(admin, &hex(trace));
        let instance = &body["instances"][0];
        let reach = instance["reaches_back_seconds"].as_f64().unwrap();
        match body["state"].as_str().unwrap() {
            "decided" => {
                explained.push(request);
                let ago = instance["decisions"][0]["decided_seconds_ago"].as_f64();
                short = short.min(reach - ago.unwrap());
            }
            "aged_out" => forgotten.push(request),
            _ => panic!("{body}"),
        }
    }
    eprintln!(
        "{} asked, p99 {p99:?}; {} explained, {} forgotten, {short} s short",
        took.len(),
        explained.len(),
        forgotten.len()
    );
    // So all within the horizon are explained. Decisions are made in the order of the requests, give or take a second.
    assert!((-0.001..1.0).contains(&short), "{short} s");
    let oldest = explained.iter().min().unwrap();
    let newest = forgotten.iter().max().unwrap();
    assert!(*newest < oldest + SECOND, "{newest}, {oldest}");
}
