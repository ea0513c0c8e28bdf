//! Another configuration in a running process: what runs goes on, what is new begins, and nobody who
//! sends notices.

use std::net::{SocketAddr, TcpStream};

use benches::generator::Options;
use benches::sink::Sink;
use benches::{ItemId, Protocol, clock, oracle};

use super::{NOWHERE, PROTOCOLS};
use crate::rig::{PATIENCE, Service, load};

/// From OTLP through a batch to one back end, with what changes between two reloads.
#[derive(Clone, Copy)]
struct Written {
    grpc: SocketAddr,
    http: SocketAddr,
    back_end: SocketAddr,
    /// Something in the receiver.
    request_mib: u32,
    /// Something in a processor.
    batch_ms: u32,
    /// Keys of the exporter.
    keys: &'static str,
}

impl Written {
    fn new(sink: &Sink) -> Self {
        Self {
            grpc: NOWHERE,
            http: NOWHERE,
            back_end: sink.address(),
            request_mib: 20,
            batch_ms: 10,
            keys: "",
        }
    }

    fn yaml(&self) -> String {
        let Self {
            grpc,
            http,
            back_end,
            request_mib,
            batch_ms,
            keys,
        } = self;
        let retry = "initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0s";
        format!(
            "\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '{grpc}', max_recv_msg_size_mib: {request_mib}}}
      http: {{endpoint: '{http}', max_request_body_size: {request_mib}000000}}
processors: {{batch: {{send_batch_size: 50, timeout: {batch_ms}ms}}}}
exporters:
  otlp_grpc:
    endpoint: {back_end}
    compression: none
    tls: {{insecure: true}}
    timeout: 500ms
    retry_on_failure: {{{retry}}}
    {keys}
service:
  telemetry: {{logs: {{sampling: {{enabled: false}}}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}}}}
"
        )
    }

    /// Starts a service with ports of the system's choice, which are written down from here on.
    fn start(&mut self, arguments: &[&str]) -> Service {
        let service = Service::start_with(&self.yaml(), arguments);
        (self.grpc, self.http) = (service.grpc(), service.http());
        service
    }
}

#[test]
fn twenty_reloads_under_load_lose_nothing_and_break_no_connection() {
    let sinks = [load::sink(), load::sink()];
    let mut written = Written::new(&sinks[0]);
    let mut service = written.start(&[]);
    let mut acked = Vec::new();
    for turn in 0..20 {
        let before = arrived(&sinks).len();
        let loads = PROTOCOLS.map(|protocol| {
            load::begin(Options {
                first: 1 + 2 * u64::from(turn) * REQUESTS + REQUESTS * (protocol as u64),
                ..load::load(&service, protocol, REQUESTS)
            })
        });
        wait_until(|| arrived(&sinks).len() > before + 500);
        match turn % 4 {
            0 => written.batch_ms = 5 + turn,
            1 => written.back_end = sinks[turn as usize / 4 % 2].address(),
            2 => written.request_mib = 10 + turn,
            _ => service.rewrite(&written.yaml().replace("batch:", "bath:")),
        }
        if turn % 4 == 3 {
            let refusal = service.reload().unwrap_err();
            assert!(refusal.contains("What runs goes on unchanged"), "{refusal}");
            service.logs(r#"unknown type: "bath" for id"#);
        } else {
            service.rewrite(&written.yaml());
            service.reload().unwrap();
        }
        for (load, protocol) in loads.into_iter().zip(PROTOCOLS) {
            let report = load.report();
            let case = format!("turn {turn} {protocol:?}: {:?}", report.refused);
            assert_eq!(
                (report.requests, report.refusals()),
                (REQUESTS, 0),
                "{case}"
            );
            acked.extend(report.acked);
        }
    }
    service.rewrite(&written.yaml());
    let ended = service.stop();
    let verdict = oracle::judge(&acked, arrived(&sinks));
    assert!(verdict.is_exact(), "{verdict}\n{}", ended.log);
}

#[test]
fn an_exporter_that_does_not_change_keeps_its_queue() {
    let sink = load::closed_sink();
    let mut written = Written::new(&sink);
    let mut service = written.start(&[]);
    let report = load::run(load::load(&service, Protocol::Grpc, 20));
    assert_eq!(report.requests, 20);
    (written.batch_ms, written.request_mib) = (20, 40);
    service.rewrite(&written.yaml());
    service.reload().unwrap();
    let page = service.page();
    assert!(page.sum("otelcol_exporter_queue_size", &[]) > 0);
    sink.reopen().unwrap();
    let verdict = load::all_arrived(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    service.stop();
}

#[test]
fn an_exporter_that_changes_drains_what_it_had_and_takes_nothing_new() {
    let (old, new) = (load::sink(), load::sink());
    old.close().unwrap();
    let mut written = Written::new(&old);
    let mut service = written.start(&[]);
    let before = load::run(load::load(&service, Protocol::Grpc, 20));
    wait_until(|| at_the_exporter(&service) == 200);
    written.back_end = new.address();
    service.rewrite(&written.yaml());
    service.reload().unwrap();
    let after = load::run(Options {
        first: 1000,
        ..load::load(&service, Protocol::Grpc, 20)
    });
    let verdict = load::all_arrived(&new, &after.acked);
    assert!(verdict.is_exact(), "{verdict}");
    old.reopen().unwrap();
    let verdict = load::all_arrived(&old, &before.acked);
    assert!(verdict.is_exact(), "{verdict}");
    service.stop();
}

#[test]
fn an_exporter_that_changes_gives_up_at_its_deadline() {
    let (old, new) = (load::closed_sink(), load::sink());
    let mut written = Written::new(&old);
    let mut service = written.start(&["--shutdown-timeout", "1s"]);
    load::run(load::load(&service, Protocol::Grpc, 20));
    wait_until(|| at_the_exporter(&service) == 200);
    written.back_end = new.address();
    service.rewrite(&written.yaml());
    service.reload().unwrap();
    wait_until(|| service.page().dropped("shutdown") == 200);
    let ended = service.stop();
    assert_eq!(ended.account.spans("exporter", "otlp_grpc").dropped, 200);
}

#[test]
fn a_receiver_that_goes_closes_its_port_and_one_that_comes_opens_its_own() {
    let sink = load::sink();
    let mut written = Written::new(&sink);
    let mut service = written.start(&[]);
    let http = written.http;
    let without = written.yaml().replace("      http:", "      # http:");
    service.rewrite(&without);
    service.reload().unwrap();
    wait_until(|| TcpStream::connect(http).is_err());
    TcpStream::connect(written.grpc).unwrap();
    service.rewrite(&written.yaml());
    service.reload().unwrap();
    TcpStream::connect(http).unwrap();
    let report = load::run(load::load(&service, Protocol::Http, 10));
    let verdict = load::all_arrived(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    service.stop();
}

#[test]
fn a_port_that_is_taken_refuses_the_reload_and_changes_nothing() {
    let sink = load::sink();
    let mut written = Written::new(&sink);
    let mut service = written.start(&[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let good = written.yaml();
    let free = std::mem::replace(&mut written.http, taken.local_addr().unwrap());
    service.rewrite(&written.yaml());
    service.reload().unwrap_err();
    service.logs("cannot listen on");
    service.rewrite(&good);
    TcpStream::connect(free).unwrap();
    let report = load::run(load::load(&service, Protocol::Http, 10));
    let verdict = load::all_arrived(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    let page = service.page();
    let reloads = |result| {
        page.sum(
            "tracegate_config_reloads",
            &[&format!("result=\"{result}\"")],
        )
    };
    assert_eq!((reloads("success"), reloads("failure")), (0, 1));
    assert_eq!(page.sum("tracegate_config_last_reload_successful", &[]), 0);
    service.stop();
}

#[test]
fn two_components_never_share_a_port() {
    let sink = load::sink();
    let mut written = Written::new(&sink);
    let mut service = written.start(&[]);
    written.http = written.grpc;
    service.rewrite(&written.yaml());
    service.reload().unwrap_err();
    service.logs("does already");
    service.stop();
}

#[test]
fn a_watched_file_is_read_again_when_a_link_on_the_way_to_it_is_swapped() {
    let sink = load::sink();
    let mut written = Written::new(&sink);
    let folder = tempfile::tempdir().unwrap();
    // As a ConfigMap is mounted: the file is a link through a link that is swapped.
    let put = |name: &str, text: &str| {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("timeout"), text).unwrap();
        std::os::unix::fs::symlink(name, folder.path().join("..new")).unwrap();
        std::fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
    };
    put("..1", "10ms");
    std::os::unix::fs::symlink("..data/timeout", folder.path().join("timeout")).unwrap();
    let file = format!(
        "processors.batch.timeout=${{file:{}}}",
        folder.path().join("timeout").display()
    );
    let service = written.start(&["--watch", "--set", &file]);
    put("..2", "20ms");
    service.reloaded(0).unwrap();
    put("..3", "soon");
    service.reloaded(1).unwrap_err();
    put("..4", "30ms");
    service.reloaded(2).unwrap();
    service.stop();
}

#[test]
fn many_reloads_leave_no_thread_and_no_series_behind() {
    let sink = load::sink();
    let mut written = Written::new(&sink);
    let mut service = written.start(&[]);
    let mut reload = |turn: u32| {
        (written.batch_ms, written.request_mib) = (10 + turn, 10 + turn);
        written.keys = ["", "sending_queue: {queue_size: 500}"][turn as usize % 2];
        service.rewrite(&written.yaml());
        service.reload().unwrap();
        (service.page().series(), service.threads())
    };
    let (series, threads) = (1..5).map(&mut reload).max().unwrap();
    (5..40).map(&mut reload).for_each(drop);
    // What went with the last ones may still be on its way out.
    wait_until(|| service.page().series() <= series && service.threads() <= threads);
    service.stop();
}

/// Of one client in one turn.
const REQUESTS: u64 = 400;

fn arrived(sinks: &[Sink]) -> Vec<ItemId> {
    sinks.iter().flat_map(Sink::ids).collect()
}

/// Spans that have left the processors.
fn at_the_exporter(service: &Service) -> u64 {
    let exporter = ["kind=\"exporter\""];
    service.page().sum("tracegate_items_in_total", &exporter)
}

fn wait_until(is: impl Fn() -> bool) {
    let seen = clock::poll(PATIENCE, || is().then_some(()));
    assert_eq!(seen, Some(()), "it does not come");
}
