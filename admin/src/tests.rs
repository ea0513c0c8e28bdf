//! The table, and both servers over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use config::{Faults, Kind, Optional, Telemetry, Validate, blocks::Queue};
use ledger::Budget;
use otlp::Signal;
use pipeline::component::{
    BuildExtension, Component, Exporter, ExporterComponent, ExporterFactory, Extension, Failure,
    Health, Host, Listening, LocalFuture, Outline, PipelineOutline, Planned, Receipt, Receiver,
    ReceiverComponent, ReceiverFactory, Registry, Reload, Seat, Stability, Vitals,
};
use pipeline::{Batch, Clock, Planner, Service, Shared, delivery, testkit};
use serde::{Deserialize, Serialize};
use telemetry::Resource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::{ALL, metric_readers};

/// A receiver that receives nothing and an exporter that is never asked to send.
struct Idle;

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct Nothing {}

impl Validate for Nothing {}

impl Component for Idle {
    const NAME: &'static str = "idle";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Development;
    const EXAMPLE: &'static str = "{}";
    const REFERENCE: &'static str = "";
    type Config = Nothing;
}

impl ReceiverComponent for Idle {
    fn build(_: &Nothing, _: &Host) -> Result<Box<dyn Receiver>, String> {
        Ok(Box::new(Self))
    }
}

impl Receiver for Idle {
    fn listening(&self) -> Vec<Listening> {
        Vec::new()
    }

    fn seats(self: Box<Self>, workers: usize) -> Vec<Seat> {
        let seat =
            |_| -> Seat { Box::new(|_, stop| Box::pin(async move { stop.draining().await })) };
        (0..workers).map(seat).collect()
    }
}

impl ExporterComponent for Idle {
    fn delivery(_: &Nothing) -> delivery::Settings {
        delivery::Settings::direct(&Optional::<Queue>::on())
    }

    fn build(_: &Nothing, _: &Host) -> Result<Box<dyn Exporter>, String> {
        Ok(Box::new(Self))
    }
}

impl Exporter for Idle {
    fn export<'a>(&'a self, _: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        Box::pin(std::future::ready(Ok(Receipt::default())))
    }
}

pub(crate) fn shared() -> Shared {
    Shared {
        extensions: pipeline::component::Extensions::default(),
        instance: "test".into(),
        books: Arc::default(),
        errors: Arc::default(),
        agents: Arc::default(),
        budget: Budget::new(1 << 20),
        metrics: telemetry::metrics::Metrics::default(),
        clock: Clock::start(),
    }
}

fn service(shared: &Shared) -> Service {
    const YAML: &str = "\
receivers: {idle: }
exporters: {idle/a: }
service: {pipelines: {traces: {receivers: [idle], exporters: [idle/a]}}}
";
    const REGISTRY: Registry = Registry {
        receivers: &[ReceiverFactory::of::<Idle>()],
        processors: &[],
        exporters: &[ExporterFactory::of::<Idle>()],
        connectors: &[],
        extensions: &[],
        foreign: |_, _| None,
    };
    let mut faults = Faults::new();
    let document = testkit::document(YAML, &mut faults).unwrap();
    let planner = Planner::read(&document, &REGISTRY, &mut faults);
    let plan = planner.plan(&document, &mut faults);
    let plan = plan.unwrap_or_else(|| panic!("{faults:?}"));
    Service::start(plan, shared).unwrap()
}

/// What [`service`] runs.
fn outline() -> Outline {
    let pipeline = PipelineOutline {
        id: "traces".to_owned(),
        signal: Signal::Traces,
        receivers: vec!["idle".to_owned()],
        processors: Vec::new(),
        exporters: vec!["idle/a".to_owned()],
    };
    Outline {
        hash: "c0ffee".to_owned(),
        pipelines: vec![pipeline],
        extensions: vec!["admin".to_owned()],
        effective: serde_json::json!({"exporters": {"idle/a": {"token": "[REDACTED]"}}}),
    }
}

/// `service::telemetry` as it stands in a file.
fn written(yaml: &str) -> Telemetry {
    let mut faults = Faults::new();
    let document = testkit::document(&format!("service: {{telemetry: {yaml}}}"), &mut faults);
    document.unwrap().service.telemetry
}

/// Runs an extension beside a service in this state, and `ask` beside both.
pub(crate) fn beside<F: Future<Output = ()>>(
    extension: Box<dyn Extension>,
    shared: &Shared,
    ask: impl FnOnce(Vec<SocketAddr>, watch::Sender<Health>) -> F,
) {
    let service = service(shared);
    let (health, watched) = watch::channel(Health::Starting);
    let vitals = Vitals {
        health: watched,
        shared: shared.clone(),
        rooms: service.rooms(),
        outline: watch::channel(Arc::new(outline())).1,
        reload: Reload::channel().0,
        questions: service.questions(),
    };
    let sockets = extension
        .listening()
        .iter()
        .map(|l| l.address.parse().unwrap())
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        tokio::task::spawn_local(extension.run(vitals, service.stop()));
        ask(sockets, health).await;
    });
}

/// The head, in lower case, and the body of the answer.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (String, String) {
    ask(address, "GET", path, &format!("host: {address}")).await
}

/// The same for any method and these header lines.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
) -> (String, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let question = format!("{method} {path} HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// An extension with this body, as the service builds it.
pub(crate) fn extension(kind: &str, yaml: &str) -> Box<dyn Extension> {
    let (planned, faults) = plan(kind, yaml);
    let host = testkit::host(ledger::Kind::Extension, kind, None);
    let planned = planned.unwrap_or_else(|| panic!("{faults:?}"));
    (planned.build.make)(&host).unwrap()
}

/// What is wrong or doubtful with an extension of this body: severity, path, text.
pub(crate) fn faults(kind: &str, yaml: &str) -> Vec<String> {
    let path = format!("extensions::{kind}");
    let (_, faults) = plan(kind, yaml);
    let own = faults.iter().filter(|fault| fault.path.starts_with(&path));
    own.map(|fault| format!("{}: {}: {}", fault.severity.name(), fault.path, fault.text))
        .collect()
}

pub(crate) fn plan(kind: &str, yaml: &str) -> (Option<Planned<BuildExtension>>, Faults) {
    let mut faults = Faults::new();
    let yaml = format!("extensions: {{{kind}: {yaml}}}");
    let document = testkit::document(&yaml, &mut faults).unwrap();
    let component = document.extensions.iter().next().unwrap();
    let factory = ALL.iter().find(|factory| factory.is_called(kind)).unwrap();
    let planned = (factory.plan)(component, &mut faults);
    (planned, faults)
}

#[test]
fn every_row_of_the_table_is_a_component() {
    testkit::check_table(Kind::Extension, ALL);
}

#[test]
fn what_is_wrong_with_a_health_check_is_named() {
    let check = |yaml: &str, expected: &str| {
        let texts = faults("health_check", &format!("{{{yaml}}}"));
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].contains(expected), "{texts:?}");
    };
    check("path: health", "health_check::path: path must start with /");
    check(
        "endpoint: localhost",
        "health_check::endpoint: address localhost",
    );
    check("endpoint: 7", "health_check::endpoint: ");
    check(
        "use_v2: true",
        "health_check: must specify at least one protocol",
    );
    check("http: {}", "health_check::http: belongs to version 2");
    check(
        "use_v2: true, http: {status: {path: status}}",
        "http::status::path: path must start with /",
    );
    check(
        "check_collector_pipeline: {enabled: true}",
        "warning: extensions::health_check::check_collector_pipeline: has no effect",
    );
}

#[test]
fn the_health_check_listens_where_the_collector_does() {
    let effective = plan("health_check", "").0.unwrap().effective;
    assert_eq!(effective["endpoint"], "localhost:13133");
    assert_eq!(effective["keep_alives_enabled"], false);
    assert_eq!(effective["path"], "/");
}

#[test]
fn a_health_check_follows_the_service_from_start_to_drain() {
    let extension = extension(
        "health_check",
        "{endpoint: '127.0.0.1:0', response_headers: {x-from: here}}",
    );
    beside(extension, &shared(), |sockets, health| async move {
        let status = async |path: &str| get(sockets[0], path).await.0[9..12].to_owned();
        assert_eq!(status("/").await, "503");
        health.send_replace(Health::Ready);
        let (head, body) = get(sockets[0], "/").await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        for header in [
            "content-type: application/json",
            "connection: close",
            "x-from: here",
        ] {
            assert!(head.contains(header), "{head}");
        }
        assert!(
            body.starts_with(r#"{"status":"Server available","upSince":"20"#),
            "{body}"
        );
        assert_eq!(status("/ready").await, "200");
        assert_eq!(status("/delivering").await, "200");
        health.send_replace(Health::Draining);
        assert_eq!(status("/").await, "503");
        assert_eq!(status("/ready").await, "503");
        assert_eq!(status("/live").await, "200");
    });
}

#[test]
fn every_reader_has_a_page_with_books_rooms_budget_and_process() {
    const READER: &str = "host: 127.0.0.1, port: 0";
    let telemetry = written(&format!(
        "{{metrics: {{readers: [\
         {{pull: {{exporter: {{prometheus: {{{READER}}}}}}}}}, \
         {{pull: {{exporter: {{prometheus: {{{READER}, without_units: false}}}}}}}}]}}}}"
    ));
    let resource = Resource::new("tracegate", "1.2.3", []).unwrap();
    let shared = shared();
    let page = metric_readers(&telemetry, &resource, &shared)
        .unwrap()
        .unwrap();
    beside(page, &shared, |sockets, _health| async move {
        let (head, body) = get(sockets[0], "/metrics").await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(
            head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
            "{head}"
        );
        for line in [
            "otelcol_exporter_in_flight_requests{data_type=\"traces\",exporter=\"idle/a\"} 0\n",
            "otelcol_exporter_queue_capacity{data_type=\"traces\",exporter=\"idle/a\"} 1000\n",
            "otelcol_exporter_queue_size{data_type=\"traces\",exporter=\"idle/a\"} 0\n",
            "\notelcol_process_uptime ",
            "tracegate_budget_limit_bytes 1.048576e+06\n",
            "tracegate_items_held{component=\"idle/a\",kind=\"exporter\",signal=\"traces\"} 0\n",
            "service_version=\"1.2.3\"} 1\n",
        ] {
            assert!(body.contains(line), "no {line} in {body}");
        }
        let (_, suffixed) = get(sockets[1], "/metrics").await;
        assert!(
            suffixed.contains("\notelcol_process_uptime_seconds_total "),
            "{suffixed}"
        );
        let (head, body) = get(sockets[0], "/").await;
        assert!(head.starts_with("http/1.1 404 not found\r\n"), "{head}");
        assert_eq!(body, "404 page not found\n");
    });
}

#[test]
fn level_none_opens_no_page() {
    let resource = Resource::default();
    let page = metric_readers(&written("{metrics: {level: none}}"), &resource, &shared());
    assert!(page.unwrap().is_none());
}

#[test]
fn an_address_in_use_is_named_with_the_keys_that_choose_another() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let telemetry = written(&format!(
        "{{metrics: {{readers: [{{pull: {{exporter: {{prometheus: \
         {{host: 127.0.0.1, port: {}}}}}}}}}]}}}}",
        address.port()
    ));
    let error = metric_readers(&telemetry, &Resource::default(), &shared())
        .err()
        .unwrap();
    let keys = "`host` or `port` under service::telemetry::metrics::readers";
    assert!(
        error.contains(&format!("cannot listen on {address}")),
        "{error}"
    );
    assert!(error.contains(keys), "{error}");
}
