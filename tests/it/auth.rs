//! Who is let in, and what exporters present: between two services, and against clients that owe neither anything.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use benches::Protocol;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::rig::{Service, block_on, failed_start, http1, http2, load, requests};

const PROTOCOLS: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

/// `ann` with the password `open sesame`, as `htpasswd -B` writes it, and one with a plain password.
const USERS: &str = "\
ann:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW
bob:builder
";

/// A service that lets in whom the extension `AUTH` lets in.
const GUARDED: &str = "\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:0', auth: {authenticator: AUTH}}
      http: {endpoint: '127.0.0.1:0', auth: {authenticator: AUTH, request_params: [X-Token]}}
exporters: {nop: }
extensions:
  AUTH: SETTINGS
service:
  extensions: [AUTH]
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
";

fn guarded(auth: &str, settings: &str) -> Service {
    Service::start(&GUARDED.replace("AUTH", auth).replace("SETTINGS", settings))
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// What a call with these headers is answered: the status, which is 0 for success, and the text.
fn grpc(address: SocketAddr, headers: &[(&str, &str)], message: &[u8]) -> (u32, String) {
    let headers = [&[http2::GRPC, ("te", "trailers")], headers].concat();
    let body = http2::framed(false, message);
    let reply = block_on(async {
        let mut sender = http2::connect(address).await;
        http2::post(&mut sender, TRACES, &headers, body).await
    });
    let message = reply.headers.get("grpc-message");
    let message = message.map(|text| text.to_str().unwrap().to_owned());
    (reply.grpc_status(), message.unwrap_or_default())
}

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn http(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let headers = [&[("content-type", "application/x-protobuf")], headers].concat();
    let reply = http1::exchange(address, &http1::request("POST", path, &headers, body));
    (reply.status, reply.text())
}

/// Whoever has these headers gets in over both protocols; returns the spans that were sent.
fn check_admitted(service: &Service, headers: &[(&str, &str)]) -> u64 {
    let span = requests::one_span();
    assert_eq!(grpc(service.grpc(), headers, &span).0, 0, "{headers:?}");
    let (status, text) = http(service.http(), "/v1/traces", headers, &span);
    assert_eq!(status, 200, "{headers:?}: {text}");
    2
}

/// Whoever has these headers is refused over both protocols, with this text, before the body is looked at.
fn check_refused(service: &Service, headers: &[(&str, &str)], expected: &str) {
    for body in [&requests::one_span()[..], b"this is no request"] {
        let (code, text) = grpc(service.grpc(), headers, body);
        assert_eq!((code, text.as_str()), (16, expected), "{headers:?}");
        let (status, text) = http(service.http(), "/v1/traces", headers, body);
        assert_eq!(status, 401, "{headers:?}");
        assert!(text.contains(expected), "{headers:?}: {text}");
    }
}

/// Nothing but `admitted` is in the books, and no secret in the log.
fn check_books(service: Service, admitted: u64, secrets: &[&str]) {
    let ended = service.stop();
    assert_eq!(ended.account.spans("receiver", "otlp").taken, admitted);
    assert_eq!(ended.account.spans("exporter", "nop").passed, admitted);
    for secret in secrets {
        assert!(!ended.log.contains(secret), "{secret} is in {}", ended.log);
    }
}

#[test]
fn a_receiver_lets_in_who_has_a_password_and_reads_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, USERS).unwrap();
    let settings = format!("{{htpasswd: {{file: '{}'}}}}", file.display());
    let service = guarded("basicauth", &settings);
    let mut admitted = 0;
    for (name, password) in [("ann", "open sesame"), ("bob", "builder")] {
        let header = basic(name, password);
        admitted += check_admitted(&service, &[("authorization", &header)]);
        let wrong = basic(name, "wrong");
        check_refused(
            &service,
            &[("authorization", &wrong)],
            "invalid credentials",
        );
    }
    check_refused(&service, &[], "no basic auth provided");
    let other = [("authorization", "Bearer x")];
    check_refused(&service, &other, "invalid authorization scheme prefix");
    check_books(service, admitted, &["sesame", "builder", "$2y$"]);
}

#[test]
fn a_receiver_lets_in_who_has_a_token_and_reads_nothing_of_others() {
    let settings = "{header: X-Token, scheme: '', tokens: [hunter2, swordfish]}";
    let service = guarded("bearertokenauth", settings);
    let mut admitted = 0;
    for token in ["hunter2", "swordfish"] {
        admitted += check_admitted(&service, &[("x-token", token)]);
    }
    let wrong = "provided authorization does not match expected scheme or token";
    check_refused(&service, &[("x-token", "hunter")], wrong);
    check_refused(
        &service,
        &[],
        "missing or empty authorization header: X-Token",
    );
    let span = requests::one_span();
    let query = |token: &str| format!("/v1/traces?X-Token={token}");
    assert_eq!(http(service.http(), &query("hunter2"), &[], &span).0, 200);
    assert_eq!(http(service.http(), &query("hunter3"), &[], &span).0, 401);
    check_books(service, admitted + 1, &["hunter", "swordfish"]);
}

/// A service in front, a guarded one behind it on TLS, and a back end behind that.
struct Chain {
    sink: benches::sink::Sink,
    front: Service,
    behind: Service,
    // Both read their files while they run.
    folder: TempDir,
}

const BEHIND: &str = "\
receivers:
  otlp:
    protocols:
      PROTOCOL:
        endpoint: '127.0.0.1:0'
        tls: {cert_file: 'FOLDER/cert.pem', key_file: 'FOLDER/key.pem'}
        auth: {authenticator: AUTH}
exporters: {otlp_grpc: {endpoint: 'SINK', tls: {insecure: true}}}
extensions: {AUTH: SETTINGS}
service:
  extensions: [AUTH]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
";

const FRONT: &str = "\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:0', include_metadata: true}
      http: {endpoint: '127.0.0.1:0', include_metadata: true}
exporters:
  EXPORTER:
    endpoint: https://localhost:PORT
    tls: {ca_file: 'FOLDER/ca.pem'}
    auth: {authenticator: AUTH}
    sending_queue: {batch: {min_size: 30, flush_timeout: 20ms}}
extensions:
  SETTINGS
service:
  extensions: [NAMED]
  pipelines: {traces: {receivers: [otlp], exporters: [EXPORTER]}}
";

impl Chain {
    /// `front` is extension, its settings, and all that are named; `FOLDER` in settings is a folder of this chain.
    fn start(protocol: Protocol, behind: (&str, &str), front: (&str, &str, &str)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_certificates(folder.path());
        std::fs::write(folder.path().join("token"), "old").unwrap();
        std::fs::write(folder.path().join("password"), "open sesame\n").unwrap();
        let here = |yaml: String| yaml.replace("FOLDER", folder.path().to_str().unwrap());
        let sink = load::sink();
        let (grpc, exporter) = match protocol {
            Protocol::Grpc => ("grpc", "otlp_grpc"),
            Protocol::Http => ("http", "otlp_http"),
        };
        let yaml = BEHIND
            .replace("PROTOCOL", grpc)
            .replace("SETTINGS", behind.1)
            .replace("AUTH", behind.0)
            .replace("SINK", &sink.address().to_string());
        let behind = Service::start(&here(yaml));
        let port = match protocol {
            Protocol::Grpc => behind.grpc().port(),
            Protocol::Http => behind.http().port(),
        };
        let yaml = FRONT
            .replace("SETTINGS", front.1)
            .replace("NAMED", front.2)
            .replace("AUTH", front.0)
            .replace("EXPORTER", exporter)
            .replace("PORT", &port.to_string());
        let front = Service::start(&here(yaml));
        Self {
            sink,
            front,
            behind,
            folder,
        }
    }

    /// Twenty requests over `protocol` on behalf of this tenant, numbered from `first`.
    fn send(&self, protocol: Protocol, tenant: &str, first: u64) -> Vec<benches::Acked> {
        let options = benches::generator::Options {
            first,
            headers: vec![("x-tenant".to_owned(), tenant.to_owned())],
            ..load::load(&self.front, protocol, 20)
        };
        load::run(options).acked
    }

    /// What was acknowledged arrives at the back end, and nothing else.
    fn check_arrives(&self, acked: &[benches::Acked]) {
        let verdict = load::all_arrived(&self.sink, acked);
        assert!(verdict.is_exact(), "{verdict}");
    }

    fn stop(self) {
        for ended in [self.front.stop(), self.behind.stop()] {
            for secret in ["sesame", "hunter2"] {
                assert!(!ended.log.contains(secret), "{}", ended.log);
            }
        }
    }
}

/// Those of `localhost`, and of whoever has signed them.
pub(crate) fn write_certificates(folder: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    for (name, text) in [
        ("ca.pem", issuer.pem()),
        ("cert.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

const ANN: &str =
    "{htpasswd: {inline: 'ann:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW'}}";

#[test]
fn an_exporter_presents_its_password() {
    let own = "basicauth: {client_auth: {username: ann, password_file: 'FOLDER/password'}}";
    for protocol in PROTOCOLS {
        let chain = Chain::start(
            protocol,
            ("basicauth", ANN),
            ("basicauth", own, "basicauth"),
        );
        chain.check_arrives(&chain.send(protocol, "red", 1));
        chain.stop();
    }
}

#[test]
fn an_exporter_whose_token_was_exchanged_sends_again_what_was_refused() {
    let own = "bearertokenauth: {filename: 'FOLDER/token'}";
    for protocol in PROTOCOLS {
        let new = ("bearertokenauth", "{token: hunter2}");
        let chain = Chain::start(protocol, new, ("bearertokenauth", own, "bearertokenauth"));
        // The front may send its old token before it looks at the file; nothing is lost by that.
        std::fs::write(chain.folder.path().join("token"), "hunter2").unwrap();
        chain.check_arrives(&chain.send(protocol, "red", 1));
        chain.stop();
    }
}

#[test]
fn an_exporter_passes_on_what_it_knows_of_the_sender_and_joins_no_two_senders() {
    let own = "headers_setter: {headers: [{key: x-team, action: upsert, from_context: x-tenant}], \
               additional_auth: bearertokenauth}
  bearertokenauth: {token: hunter2}";
    // The team is a token of its own, so that a request with another one is refused.
    let teams = (
        "bearertokenauth",
        "{header: X-Team, scheme: '', tokens: [red, blue]}",
    );
    for protocol in PROTOCOLS {
        let named = "headers_setter, bearertokenauth";
        let chain = Chain::start(protocol, teams, ("headers_setter", own, named));
        // All at once; those of green are refused behind, and take nobody else's with them.
        let sent = std::thread::scope(|scope| {
            let team = |team, first| {
                scope.spawn({
                    let chain = &chain;
                    move || chain.send(protocol, team, first)
                })
            };
            let [red, blue, green] = [team("red", 1), team("blue", 1000), team("green", 2000)];
            green.join().unwrap();
            [red.join().unwrap(), blue.join().unwrap()].concat()
        });
        chain.check_arrives(&sent);
        let ended = chain.front.stop();
        let id = match protocol {
            Protocol::Grpc => "otlp_grpc",
            Protocol::Http => "otlp_http",
        };
        assert_eq!(ended.account.spans("exporter", id).dropped, 200);
        assert!(!ended.log.contains("hunter2"), "{}", ended.log);
        chain.behind.stop();
    }
}

#[test]
fn credentials_that_nobody_offers_or_that_would_be_seen_are_named_before_anything_starts() {
    let yaml = |auth: &str, named: &str, more: &str| {
        format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}}}
exporters: {{otlp_grpc: {{endpoint: 'localhost:1', tls: {{insecure: {more}}}, auth: {{authenticator: {auth}}}}}}}
extensions:
  bearertokenauth: {{token: hunter2}}
  basicauth: {{htpasswd: {{inline: 'a:b'}}}}
service:
  extensions: [{named}]
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}}}
"
        )
    };
    let rows = [
        (
            yaml("bearertokenauth/x", "basicauth", "false"),
            r#"failed to resolve authenticator "bearertokenauth/x": authenticator not found"#,
        ),
        (
            yaml("bearertokenauth", "basicauth", "false"),
            "add `bearertokenauth` to `service::extensions`",
        ),
        (
            yaml("basicauth", "basicauth", "false"),
            "requested authenticator is not a gRPC client authenticator",
        ),
        (
            yaml("bearertokenauth", "bearertokenauth", "true"),
            "the credentials require transport level security",
        ),
    ];
    for (yaml, expected) in rows {
        let (code, log) = failed_start(&yaml);
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(expected), "{expected:?} is not in {log}");
        assert!(
            log.contains("exporters::otlp_grpc::auth::authenticator"),
            "{log}"
        );
        assert!(!log.contains("hunter2"), "{log}");
    }
}
