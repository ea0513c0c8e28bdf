//! The extension `admin` of the real binary.

use std::net::SocketAddr;

use benches::clock;
use serde_json::Value;

use crate::rig::{PATIENCE, Service, block_on, failed_start, http1, http2, requests};

const PIPELINE: &str = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
";

/// Asks as a program on this machine does.
fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, Value) {
    let question =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n");
    let reply = http1::exchange(address, question.as_bytes());
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

#[test]
fn it_runs_without_being_asked_for_and_its_figures_are_those_of_the_account() {
    let service = Service::start(PIPELINE);
    let sent = http1::post("/v1/traces", &requests::numbered(1, 3));
    assert_eq!(http1::exchange(service.http(), &sent).status, 200);
    let (code, status) = ask(service.extension("admin"), "GET", "/api/v1/status");
    assert_eq!((code, &status["state"]), (200, &Value::from("ok")));
    let rows = status["components"].as_array().unwrap();
    let row = |kind: &str| rows.iter().find(|row| row["kind"] == kind).unwrap();
    let books = |kind: &str| row(kind)["books"]["out"].as_u64();
    assert_eq!((books("receiver"), books("exporter")), (Some(3), Some(3)));
    assert_eq!(row("extension")["id"], "admin");
    let ended = service.stop();
    assert_eq!(ended.account.spans("exporter", "nop").passed, 3);
}

#[test]
fn what_runs_is_shown_with_defaults_and_without_secrets() {
    const SECRET: &str = "xyzzy-0451";
    let yaml = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}\n\
         exporters: {{otlp_http: {{endpoint: 'http://127.0.0.1:1', headers: {{x-key: {SECRET}}}}}}}\n\
         service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}}}\n"
    );
    let service = Service::start(&yaml);
    let (code, shown) = ask(service.extension("admin"), "GET", "/api/v1/config");
    assert_eq!(code, 200);
    let exporter = &shown["config"]["exporters"]["otlp_http"];
    assert_eq!(exporter["headers"]["x-key"], "[REDACTED]");
    assert_eq!(exporter["compression"], "gzip");
    assert!(!shown.to_string().contains(SECRET), "{shown}");
    service.stop();
}

#[test]
fn who_asks_for_it_gets_it_or_no_service() {
    let first = Service::start(PIPELINE);
    let taken = first.extension("admin");
    let asked = format!("extensions: {{admin: {{endpoint: '{taken}'}}}}\n{PIPELINE}");
    let (code, log) = failed_start(&asked);
    assert_eq!(code, Some(1), "{log}");
    let reason = format!("failed to start extension admin: cannot listen on {taken}");
    assert!(log.contains(&reason), "{log}");
    first.stop();
}

#[test]
fn an_address_that_others_reach_is_a_fault() {
    let (code, log) = failed_start(&format!(
        "extensions: {{admin: {{endpoint: '0.0.0.0:0'}}}}\n{PIPELINE}"
    ));
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("admin: {endpoint: '0.0.0.0:0', auth: {authenticator: basicauth/admin}}"),
        "{log}"
    );
}

#[test]
fn the_extensions_of_the_collectors_own_packages_start_and_say_what_they_are_not() {
    let yaml = format!(
        "extensions: {{pprof: {{endpoint: '127.0.0.1:0'}}, zpages: {{endpoint: '127.0.0.1:0'}}}}\n{}",
        PIPELINE.replace("service: {", "service: {extensions: [pprof, zpages], ")
    );
    let service = Service::start(&yaml);
    let page = |id: &str, path: &str| {
        let address = service.extension(id);
        let question = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        http1::exchange(address, question.as_bytes())
    };
    let zpages = page("zpages", "/debug/pipelinez");
    assert_eq!(zpages.status, 200);
    assert!(zpages.text().contains("<td>otlp</td>"), "{}", zpages.text());
    assert_eq!(page("pprof", "/debug/pprof/profile").status, 501);
    let ended = service.stop();
    assert!(
        ended.log.contains("no profiles of the Go runtime here"),
        "{}",
        ended.log
    );
}

#[test]
fn a_back_end_that_is_away_is_an_error_of_its_pipeline_until_it_is_back() {
    const CHECK: &str = "/grpc.health.v1.Health/Check";
    let yaml = "\
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters: {otlp_http: {endpoint: 'http://127.0.0.1:1', retry_on_failure: {initial_interval: 10ms}}}
extensions:
  health_check:
    use_v2: true
    http: {endpoint: '127.0.0.1:0'}
    grpc: {endpoint: '127.0.0.1:0'}
    component_health: {include_recoverable_errors: true, recovery_duration: 0s}
service:
  extensions: [health_check]
  pipelines:
    traces/away: {receivers: [otlp], exporters: [otlp_http]}
";
    let service = Service::start_with(yaml, &["--shutdown-timeout", "0s"]);
    let http = service.extension("health_check");
    let grpc = service.extension_grpc("health_check");
    // `service` is field 1 of the question, `status` of the answer: 1 serves, 2 does not.
    let check = |pipeline: &str| {
        let mut question = vec![10, u8::try_from(pipeline.len()).unwrap()];
        question.extend_from_slice(pipeline.as_bytes());
        let reply = block_on(http2::call(grpc, CHECK, http2::framed(false, &question)));
        (reply.grpc_status(), reply.body.last().copied())
    };
    assert_eq!(ask(http, "GET", "/status").0, 200);
    assert_eq!(check("traces/away"), (0, Some(1)));
    let sent = http1::post("/v1/traces", &requests::numbered(1, 1));
    assert_eq!(http1::exchange(service.http(), &sent).status, 200);
    let fails = || (ask(http, "GET", "/status").0 == 500).then_some(());
    assert!(clock::poll(PATIENCE, fails).is_some());
    let (_, report) = ask(http, "GET", "/status?pipeline=traces/away&verbose");
    let exporter = &report["components"]["exporter:otlp_http"];
    assert_eq!(exporter["status"], "StatusRecoverableError");
    assert!(
        exporter["error"]
            .as_str()
            .unwrap()
            .contains("no export has succeeded"),
        "{report}"
    );
    assert_eq!(check("traces/away"), (0, Some(2)));
    assert_eq!(check("logs").0, 5);
    let watch = http2::call(
        grpc,
        "/grpc.health.v1.Health/Watch",
        http2::framed(false, b""),
    );
    assert_eq!(block_on(watch).grpc_status(), 12);
    service.end();
}

#[test]
fn a_reload_is_answered_with_what_came_of_it() {
    let mut service = Service::start(PIPELINE);
    let admin = service.extension("admin");
    let hash = |body: &Value| body["config_hash"].as_str().unwrap().to_owned();
    let (_, before) = ask(admin, "GET", "/api/v1/status");
    service.rewrite(&PIPELINE.replace("nop", "nope"));
    let (code, refused) = ask(admin, "POST", "/api/config/reload");
    assert_eq!(code, 400, "{refused}");
    assert!(
        refused["faults"]
            .as_str()
            .unwrap()
            .contains("unknown type: \"nope\""),
        "{refused}"
    );
    assert_eq!(hash(&refused), hash(&before));
    service.rewrite(&PIPELINE.replace("nop", "debug"));
    let (code, done) = ask(admin, "POST", "/api/config/reload");
    assert_eq!(code, 200, "{done}");
    let (_, after) = ask(admin, "GET", "/api/v1/status");
    assert_ne!(hash(&done), hash(&before));
    assert_eq!(hash(&done), hash(&after));
    assert_eq!(after["pipelines"][0]["exporters"][0], "debug");
    service.stop();
}
