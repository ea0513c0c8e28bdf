//! More comes in than there is memory for: refused with a hint, counted, and never lost afterwards.

use benches::generator::{Options, Refused};
use benches::{Protocol, grpc};

use super::PROTOCOLS;
use crate::rig::{Service, load};

const LIMITED: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors: {memory_limiter: {check_interval: 100ms, limit_mib: 400, spike_limit_mib: 390}}
exporters:
  otlp_grpc:
    endpoint: SINK
    compression: none
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 0s}
    sending_queue: {queue_size: 100000}
service: {pipelines: {traces: {receivers: [otlp], processors: [memory_limiter], exporters: [otlp_grpc]}}}
";

#[test]
fn what_the_memory_limiter_has_no_room_for_is_refused_and_the_rest_arrives() {
    for protocol in PROTOCOLS {
        let sink = load::closed_sink();
        let yaml = LIMITED.replace("SINK", &sink.address().to_string());
        let service = Service::start(&yaml);
        // About 25 MB, and the soft limit lies at ten.
        let report = load::run(Options {
            items: 500,
            in_flight: 20,
            ..load::load(&service, protocol, 100)
        });
        let why = match protocol {
            Protocol::Grpc => Refused::Grpc(grpc::UNAVAILABLE),
            Protocol::Http => Refused::Http(503),
        };
        let refused = report.refusals();
        assert!(refused > 0, "there was room for all");
        let told = report.refused.get(&why).copied().unwrap_or_default();
        assert_eq!(told, refused, "{:?}", report.refused);
        assert!(report.requests > 10, "only {} taken", report.requests);

        sink.reopen().unwrap();
        let verdict = load::all_arrived(&sink, &report.acked);
        assert!(
            verdict.is_exact() && verdict.unacknowledged == 0,
            "{verdict}"
        );
        let later = load::run(Options {
            first: report.next,
            ..load::load(&service, protocol, 10)
        });
        assert_eq!(later.refusals(), 0, "{:?}", later.refused);
        let ended = service.stop();
        assert!(ended.log.contains(" memory_limit"), "{}", ended.log);
        let exporter = ended.account.spans("exporter", "otlp_grpc");
        assert_eq!(exporter.passed, report.items + later.items);
    }
}
