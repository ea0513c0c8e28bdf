//! What the sending queue promises: refusals come before acknowledgements, batches keep their
//! sizes, a caller that waits hears the truth, and nobody pays for another's bad request.

use std::time::Duration;

use benches::generator::{Options, Refused};
use benches::sink::{Answer, Script};
use benches::{Acked, Protocol, clock, grpc, scan};
use otlp::Signal;
use prost::Message;
use tonic::metadata::MetadataMap;

use super::{PROTOCOLS, Way};
use crate::rig::exchange::{Reply, RetryInfo, Status};
use crate::rig::http2::{self, framed};
use crate::rig::{Service, block_on, http1, load, requests};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[test]
fn a_full_queue_refuses_before_it_acknowledges() {
    for protocol in PROTOCOLS {
        let sink = load::closed_sink();
        let way = Way {
            keys: "sending_queue: {queue_size: 4}",
            ..Way::over(protocol)
        };
        let service = Service::start(&way.yaml(sink.address()));
        let report = load::run(Options {
            in_flight: 10,
            ..load::load(&service, protocol, 20)
        });
        // Beside the queue there is room for one parked request a worker.
        let workers = std::thread::available_parallelism().unwrap().get() as u64;
        let taken = 4..=4 + workers;
        assert!(
            taken.contains(&report.requests),
            "{} taken",
            report.requests
        );
        let why = match protocol {
            Protocol::Grpc => Refused::Grpc(grpc::UNAVAILABLE),
            Protocol::Http => Refused::Http(503),
        };
        assert_eq!(report.refused.get(&why), Some(&(20 - report.requests)));
        let mut acked = report.acked;
        check_hints(&service, report.next, &mut acked);

        sink.reopen().unwrap();
        let verdict = load::all_arrived(&sink, &acked);
        assert!(
            verdict.is_exact() && verdict.unacknowledged == 0,
            "{verdict}"
        );
        let account = service.stop().account;
        let receiver = account.spans("receiver", "otlp");
        // One was refused over each protocol for the hints.
        let refused = (20 - report.requests + 2) * 10;
        let taken = 10 * acked.len() as u64;
        assert_eq!((receiver.passed, receiver.rejected), (taken, refused));
        assert_eq!(account.spans("exporter", way.exporter()).passed, taken);
    }
}

/// A refusal says when to come back: in the status details, in a trailer, in a header. Requests that
/// found the place of a worker free are added to the acknowledged ones.
fn check_hints(service: &Service, first: u64, acked: &mut Vec<Acked>) {
    let mut numbers = first..;
    let mut refused = |ask: &dyn Fn(&[u8]) -> Reply, is_refusal: &dyn Fn(&Reply) -> bool| {
        loop {
            let request = numbers.next().unwrap();
            let reply = ask(&requests::numbered(request, 10));
            if is_refusal(&reply) {
                return reply;
            }
            acked.push(Acked { request, items: 10 });
        }
    };
    let call = |body: &[u8]| block_on(http2::call(service.grpc(), EXPORT, framed(false, body)));
    let reply = refused(&call, &|reply| reply.grpc_status() != grpc::OK);
    assert_eq!(reply.grpc_status(), grpc::UNAVAILABLE, "{reply:?}");
    let headers = MetadataMap::from_headers(reply.headers.clone());
    let binary = |name| headers.get_bin(name).unwrap().to_bytes().unwrap();
    let status = Status::decode(binary("grpc-status-details-bin")).unwrap();
    check_status(&status);
    let trailer = RetryInfo::decode(binary("google.rpc.retryinfo-bin")).unwrap();
    assert_eq!(trailer.retry_delay.unwrap().seconds, 1);

    let post = |body: &[u8]| http1::exchange(service.http(), &http1::post("/v1/traces", body));
    let reply = refused(&post, &|reply| reply.status != 200);
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"));
    assert_eq!(reply.header("content-type"), "application/x-protobuf");
    check_status(&Status::decode(&reply.body[..]).unwrap());
}

fn check_status(status: &Status) {
    assert_eq!(status.code, grpc::UNAVAILABLE as i32);
    let [detail] = &status.details[..] else {
        panic!("one detail: {status:?}")
    };
    assert_eq!(detail.type_url, "type.googleapis.com/google.rpc.RetryInfo");
    let info = RetryInfo::decode(&detail.value[..]).unwrap();
    assert_eq!(info.retry_delay.unwrap().seconds, 1);
}

#[test]
fn a_queue_that_is_full_for_a_moment_makes_senders_wait_instead_of_refusing_them() {
    let sink = load::sink();
    sink.script(Script::default().delayed(Duration::from_millis(20)));
    let way = Way {
        keys: "sending_queue: {queue_size: 2, num_consumers: 1}",
        ..Way::over(Protocol::Grpc)
    };
    let service = Service::start(&way.yaml(sink.address()));
    let report = load::run(load::load(&service, Protocol::Grpc, 50));
    assert_eq!(report.refusals(), 0, "{:?}", report.refused);
    let verdict = load::all_arrived(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    service.stop();
}

#[test]
fn batches_of_the_queue_keep_their_sizes() {
    let sink = load::keeping_sink();
    let way = Way {
        keys: "sending_queue: {sizer: items, queue_size: 10000, \
               batch: {min_size: 100, max_size: 110, flush_timeout: 10m}}",
        ..Way::over(Protocol::Grpc)
    };
    let service = Service::start(&way.yaml(sink.address()));
    // One lane, so that the order is known: 7 requests of 40.
    let report = load::run(Options {
        connections: 1,
        in_flight: 1,
        items: 40,
        ..load::load(&service, Protocol::Grpc, 7)
    });
    load::arrived(&sink, 240);
    assert_eq!(sink.counts().items(), 240, "40 wait for more");
    let account = service.stop().account;
    let verdict = load::verdict(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    let sizes: Vec<_> = sink
        .received()
        .iter()
        .map(|received| scan::count(Signal::Traces, &received.payload).unwrap())
        .collect();
    assert!(sizes.iter().all(|size| *size <= 110), "{sizes:?}");
    assert!(sizes.len() < 7, "nothing was merged: {sizes:?}");
    assert_eq!(account.spans("exporter", "otlp_grpc").passed, 280);
}

#[test]
fn one_request_larger_than_a_batch_is_cut() {
    let sink = load::keeping_sink();
    let way = Way {
        keys: "sending_queue: {sizer: items, queue_size: 10000, \
               batch: {min_size: 10, max_size: 64, flush_timeout: 10ms}}",
        ..Way::over(Protocol::Http)
    };
    let service = Service::start(&way.yaml(sink.address()));
    let report = load::run(Options {
        items: 1000,
        ..load::load(&service, Protocol::Http, 3)
    });
    let verdict = load::all_arrived(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    for received in sink.received() {
        assert!(scan::count(Signal::Traces, &received.payload).unwrap() <= 64);
    }
    service.stop();
}

#[test]
fn a_message_that_go_servers_would_refuse_is_cut_before_it_is_sent() {
    let sink = load::keeping_sink();
    let service = Service::start(&Way::over(Protocol::Grpc).yaml(sink.address()));
    let report = load::run(Options {
        items: 20_000,
        ..load::load(&service, Protocol::Grpc, 2)
    });
    let verdict = load::all_arrived(&sink, &report.acked);
    assert!(verdict.is_exact(), "{verdict}");
    let sizes: Vec<_> = sink.received().iter().map(|r| r.payload.len()).collect();
    assert!(sizes.iter().sum::<usize>() > 16_000_000, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 4_000_000), "{sizes:?}");
    service.stop();
}

#[test]
fn a_caller_that_waits_for_the_result_hears_what_the_back_end_said() {
    const NO_RETRY: &str = "retry_on_failure: {enabled: false}";
    for queue in ["{wait_for_result: true}", "{enabled: false}"] {
        let sink = load::sink();
        let keys: &'static str = format!("{NO_RETRY}\n    sending_queue: {queue}").leak();
        let way = Way {
            keys,
            ..Way::over(Protocol::Grpc)
        };
        let service = Service::start(&way.yaml(sink.address()));
        let call = |number| {
            let body = framed(false, &requests::numbered(number, 10));
            block_on(http2::call(service.grpc(), EXPORT, body))
        };
        let delay = Duration::from_millis(200);
        sink.script(Script::default().delayed(delay));
        let asked = clock::now();
        assert_eq!(call(1).grpc_status(), grpc::OK, "{queue}");
        assert!(asked.elapsed() >= delay, "{queue}: answered too early");
        assert_eq!(sink.counts().items(), 10, "{queue}");

        sink.script(Script::next(1, Answer::unavailable()));
        assert_eq!(call(2).grpc_status(), grpc::UNAVAILABLE, "{queue}");
        sink.script(Script::next(1, Answer::invalid()));
        const INTERNAL: u32 = 13;
        assert_eq!(call(3).grpc_status(), INTERNAL, "{queue}");
        assert_eq!(sink.counts().items(), 10, "{queue}");
        let exporter = service.stop().account.spans("exporter", "otlp_grpc");
        let ends = (exporter.passed, exporter.dropped, exporter.rejected);
        assert_eq!(
            ends,
            (10, 0, 20),
            "{queue}: who was told has the spans still"
        );
    }
}

#[test]
fn one_bad_request_does_not_take_the_others_of_its_batch_with_it() {
    for protocol in PROTOCOLS {
        let sink = load::sink();
        let way = Way {
            keys: "sending_queue: {sizer: items, queue_size: 10000, \
                   batch: {min_size: 80, flush_timeout: 10m}}",
            ..Way::over(protocol)
        };
        let service = Service::start(&way.yaml(sink.address()));
        let poison = benches::ItemId::new(5, 0).bytes();
        sink.script(Script::always(Answer::invalid()).containing(poison));
        let report = load::run(Options {
            connections: 1,
            in_flight: 1,
            ..load::load(&service, protocol, 8)
        });
        let good: Vec<_> = report
            .acked
            .iter()
            .copied()
            .filter(|acked| acked.request != 5)
            .collect();
        load::all_arrived(&sink, &good);
        let exporter = service.stop().account.spans("exporter", way.exporter());
        assert_eq!((exporter.passed, exporter.dropped), (70, 10));
    }
}
