use ledger::{Fate, Kind, LastError, NodeKey, Reason};
use pipeline::Shared;
use pipeline::component::Health;
use serde_json::{Value, json};

use super::*;
use crate::tests::{ask, beside, extension, faults, get, plan, shared};

const ADMIN: &str = "{endpoint: '127.0.0.1:0'}";

/// An answer as JSON, with its status.
async fn read(address: std::net::SocketAddr, path: &str) -> (String, Value) {
    let (head, body) = get(address, path).await;
    let body = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    (head, body)
}

/// Ten spans in at the receiver of the test's service, three of them lost at the exporter.
fn with_items(shared: &Shared) {
    let key = |kind, id: &str, transport| NodeKey {
        kind,
        id: id.to_owned(),
        pipeline: String::new(),
        transport,
        signal: Signal::Traces,
    };
    let account = |key| shared.books.account(&key);
    for (transport, items) in [("grpc", 4), ("http", 6)] {
        let receiver = account(key(Kind::Receiver, "idle", transport));
        receiver.take(items);
        receiver.pass(items);
    }
    let exporter = account(key(Kind::Exporter, "idle/a", ""));
    exporter.take(10);
    exporter.pass(5);
    exporter.end(3, Fate::Dropped(Reason::Permanent));
}

#[test]
fn the_status_names_every_component_with_its_state_queue_and_figures() {
    let shared = shared();
    with_items(&shared);
    beside(
        extension("admin", ADMIN),
        &shared,
        |sockets, health| async move {
            let (_, starting) = read(sockets[0], "/api/v1/status").await;
            assert_eq!(starting["state"], "starting");
            assert_eq!(starting["components"][0]["state"], "starting");
            health.send_replace(Health::Ready);
            let (head, status) = read(sockets[0], "/api/v1/status").await;
            assert!(head.contains("content-type: application/json"), "{head}");
            assert!(head.contains("cache-control: no-store"), "{head}");
            assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
            assert!(
                status["started"].as_str().unwrap().ends_with('Z'),
                "{status}"
            );
            assert!(status["uptime_seconds"].as_f64().unwrap() > 0.0);
            assert_eq!(status["config_hash"], "c0ffee");
            assert_eq!(status["budget"]["limit_bytes"], 1 << 20);
            let pipelines = json!([{
                "id": "traces", "signal": "traces", "state": "ok",
                "receivers": ["idle"], "processors": [], "exporters": ["idle/a"],
            }]);
            assert_eq!(status["pipelines"], pipelines);
            let components = json!([
                {
                    "kind": "receiver", "type": "idle", "id": "idle", "signal": "traces",
                    "pipelines": ["traces"], "state": "ok",
                    "books": {"in": 10, "out": 10, "held": 0, "dropped": {}, "rejected": {}},
                },
                {
                    "kind": "exporter", "type": "idle", "id": "idle/a", "signal": "traces",
                    "pipelines": ["traces"], "state": "ok",
                    "queue": {"size": 0, "capacity": 1000}, "in_flight": 0,
                    "books": {
                        "in": 10, "out": 5, "held": 2,
                        "dropped": {"permanent": 3}, "rejected": {},
                    },
                },
                {"kind": "extension", "type": "admin", "id": "admin", "state": "ok"},
            ]);
            assert_eq!(status["components"], components);
        },
    );
}

#[test]
fn the_books_are_told_for_each_transport() {
    let shared = shared();
    with_items(&shared);
    beside(
        extension("admin", ADMIN),
        &shared,
        |sockets, _| async move {
            let (_, books) = read(sockets[0], "/api/v1/books").await;
            let grpc = json!({
                "kind": "receiver", "id": "idle", "signal": "traces", "transport": "grpc",
                "in": 4, "out": 4, "held": 0, "dropped": {}, "rejected": {},
            });
            assert_eq!(books["nodes"][0], grpc);
            assert_eq!(books["nodes"].as_array().unwrap().len(), 3, "{books}");
        },
    );
}

#[test]
fn errors_are_told_newest_first_and_their_words_to_those_who_opted_in() {
    let shared = shared();
    let refused = |shared: &Shared| {
        let text = "label value \"bob@example.com\" too long";
        shared.errors.note(LastError {
            signal: Some(Signal::Traces),
            reason: Some(Reason::Permanent),
            items: 3,
            peer: Some([10, 0, 0, 7].into()),
            ..LastError::new(Kind::Exporter, "idle/a", text, 1_795_255_664_000_000_000)
        });
    };
    refused(&shared);
    refused(&shared);
    let row = json!({
        "kind": "exporter", "id": "idle/a", "signal": "traces", "reason": "permanent",
        "items": 6, "times": 2, "first": "2026-11-21T10:07:44Z", "last": "2026-11-21T10:07:44Z",
        "peer": "10.0.0.7",
    });
    beside(
        extension("admin", ADMIN),
        &shared,
        |sockets, _| async move {
            let (_, errors) = read(sockets[0], "/api/v1/errors").await;
            assert_eq!(errors, json!({"limit": 64, "errors": [row]}));
        },
    );
    let open = "{endpoint: '127.0.0.1:0', show_attribute_values: true}";
    beside(extension("admin", open), &shared, |sockets, _| async move {
        let (_, errors) = read(sockets[0], "/api/v1/errors").await;
        let text = errors["errors"][0]["text"].as_str().unwrap();
        assert!(text.contains("bob@example.com"), "{text}");
    });
}

#[test]
fn the_configuration_is_told_with_its_hash_and_without_secrets() {
    beside(
        extension("admin", ADMIN),
        &shared(),
        |sockets, _| async move {
            let (_, config) = read(sockets[0], "/api/v1/config").await;
            let expected = json!({
                "hash": "c0ffee",
                "config": {"exporters": {"idle/a": {"token": "[REDACTED]"}}},
            });
            assert_eq!(config, expected);
        },
    );
}

#[test]
fn a_question_that_is_none_is_told_what_it_should_be() {
    beside(
        extension("admin", ADMIN),
        &shared(),
        |sockets, _| async move {
            let own = format!("host: {}", sockets[0]);
            let check = async |method: &str, path: &str, host: &str, status: &str, text: &str| {
                let (head, body) = ask(sockets[0], method, path, host).await;
                assert_eq!(&head[9..12], status, "{method} {path}: {head}");
                assert!(body.contains(text), "{method} {path}: {body}");
                head
            };
            check("GET", "/api/", &own, "200", "\"path\":\"/api/v1/status\"").await;
            check("HEAD", "/api/", &own, "200", "").await;
            check(
                "GET",
                "/api/config/reload",
                &own,
                "405",
                "understands POST alone",
            )
            .await;
            check(
                "POST",
                "/api/config/reload",
                &own,
                "400",
                "the service is stopping",
            )
            .await;
            check("GET", "/", &own, "404", "GET /api/ lists all").await;
            let why = "/api/v1/traces/7/why";
            check("GET", why, &own, "400", "32 hexadecimal digits").await;
            check("POST", why, &own, "405", "understands GET alone").await;
            let why = "/api/v1/traces/4bf92f3577b34da6a3ce929d0e0e4736/why";
            check("GET", why, &own, "404", "no tail_sampling runs here").await;
            check("GET", "/api/v1/traces/a/b/why", &own, "404", "lists all").await;
            let head = check(
                "DELETE",
                "/api/",
                &own,
                "405",
                "/api/ understands GET alone",
            )
            .await;
            assert!(head.contains("allow: get\r\n"), "{head}");
            check(
                "GET",
                "/api/",
                "host: evil.example",
                "403",
                "not for another name",
            )
            .await;
        },
    );
}

#[test]
fn every_path_that_is_answered_stands_in_the_reference() {
    for route in ROUTES {
        let row = format!("`{} {}`", route.method, route.path);
        assert!(Admin::REFERENCE.contains(&row), "{row}");
    }
}

#[test]
fn an_admin_that_is_switched_off_listens_nowhere() {
    assert!(
        extension("admin", "{enabled: false}")
            .listening()
            .is_empty()
    );
}

#[test]
fn it_listens_on_this_machine_unless_told_otherwise() {
    let effective = plan("admin", "").0.unwrap().effective;
    assert_eq!(effective["endpoint"], "localhost:13134");
    assert_eq!(effective["show_attribute_values"], false);
}

#[test]
fn an_address_that_others_reach_is_refused_with_the_block_to_write() {
    let texts = faults("admin", "{endpoint: '0.0.0.0:13134'}");
    assert_eq!(texts.len(), 1, "{texts:?}");
    let block = "admin: {endpoint: '0.0.0.0:13134', auth: {authenticator: basicauth/admin}}";
    assert!(texts[0].contains(block), "{texts:?}");
    assert!(
        texts[0].starts_with("error: extensions::admin::endpoint: "),
        "{texts:?}"
    );
    let auth = "endpoint: '0.0.0.0:13134', auth: {authenticator: basicauth/admin}";
    let doubts = faults("admin", &format!("{{{auth}}}"));
    assert_eq!(doubts.len(), 1, "{doubts:?}");
    assert!(doubts[0].contains("plain text"), "{doubts:?}");
    let tls = "tls: {cert_file: a.pem, key_file: b.pem}";
    assert_eq!(
        faults("admin", &format!("{{{auth}, {tls}}}")),
        Vec::<String>::new()
    );
    let cors = faults("admin", "{cors: {allowed_origins: ['https://a']}}");
    assert!(
        cors[0].starts_with("error: extensions::admin::cors: no page of"),
        "{cors:?}"
    );
    let off = faults("admin", "{endpoint: '0.0.0.0:13134', enabled: false}");
    assert_eq!(off, Vec::<String>::new());
}
