//! Generator and sink against each other, without a collector between them.
// Clippy knows a test by its attribute; its helpers may panic all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use benches::coding::Coding;
use benches::generator::{self, Refused, Report};
use benches::oracle::{self, Verdict};
use benches::sink::{self, Answer, Counts, Script, Sink};
use benches::tls::Certificates;
use benches::{Protocol, grpc, process, scan};
use otlp::Signal;

const PROTOCOLS: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

/// Generous against a busy machine; nothing here waits for it to pass.
const SOON: Duration = Duration::from_secs(30);

fn sink() -> Sink {
    let options = sink::Options {
        remember: true,
        keep: true,
        ..sink::Options::default()
    };
    Sink::start(options).unwrap()
}

/// Forty requests of seven items over two connections with two in flight.
fn load(sink: &Sink, protocol: Protocol) -> generator::Options {
    generator::Options {
        target: sink.address(),
        protocol,
        connections: 2,
        in_flight: 2,
        items: 7,
        requests: Some(40),
        duration: SOON,
        record: true,
        ..generator::Options::default()
    }
}

fn run(options: generator::Options) -> Report {
    generator::run_blocking(options).unwrap()
}

fn verdict(sink: &Sink, report: &Report) -> Verdict {
    oracle::judge(&report.acked, sink.ids())
}

#[test]
fn everything_sent_arrives_once_over_each_protocol_signal_and_compression() {
    for protocol in PROTOCOLS {
        for signal in Signal::ALL {
            for compression in [Coding::None, Coding::Gzip, Coding::Zstd] {
                let sink = sink();
                let report = run(generator::Options {
                    signal,
                    compression,
                    ..load(&sink, protocol)
                });
                let expected = Verdict {
                    acknowledged: 280,
                    arrived: 280,
                    ..Verdict::default()
                };
                let case = format!("{protocol:?} {signal} {compression:?}");
                assert_eq!(verdict(&sink, &report), expected, "{case}");
                assert_eq!(sink.counts().items_of(signal), 280, "{case}");
                assert_eq!((report.requests, report.refusals()), (40, 0), "{case}");
                assert!(report.latency.quantile(0.5) > Duration::ZERO, "{case}");
            }
        }
    }
}

#[test]
fn everything_sent_over_tls_arrives() {
    let certificates = Certificates::make().unwrap();
    let [certificate, key] = certificates.server().map(Some);
    for protocol in PROTOCOLS {
        let options = sink::Options {
            remember: true,
            certificate: certificate.clone(),
            key: key.clone(),
            ..sink::Options::default()
        };
        let sink = Sink::start(options).unwrap();
        let load = load(&sink, protocol);
        let plain = run(generator::Options {
            requests: Some(1),
            ..load.clone()
        });
        assert_eq!(plain.requests, 0, "{protocol:?} in the clear");
        let report = run(generator::Options {
            ca: Some(certificates.ca()),
            ..load
        });
        assert_eq!(verdict(&sink, &report).arrived, 280, "{protocol:?}");
    }
}

#[test]
fn kept_payloads_are_whole_and_come_with_their_headers() {
    for protocol in PROTOCOLS {
        let sink = sink();
        let headers = vec![("x-scope-orgid".to_owned(), "blue".to_owned())];
        run(generator::Options {
            requests: Some(1),
            headers,
            ..load(&sink, protocol)
        });
        let [received] = &sink.received()[..] else {
            panic!("one payload")
        };
        assert_eq!(scan::count(received.signal, &received.payload), Ok(7));
        assert_eq!(received.protocol, protocol);
        assert_eq!(received.headers.get("x-scope-orgid").unwrap(), "blue");
    }
}

#[test]
fn static_bodies_are_counted_but_tell_the_oracle_nothing() {
    let sink = sink();
    let fixed = generator::Options {
        fixed: true,
        ..load(&sink, Protocol::Grpc)
    };
    assert!(
        generator::run_blocking(fixed.clone()).is_err(),
        "recording them would mislead"
    );
    let report = run(generator::Options {
        record: false,
        ..fixed
    });
    assert_eq!((report.items, sink.counts().items()), (280, 280));
}

#[test]
fn a_rate_spreads_the_requests_over_the_time() {
    let sink = sink();
    for open in [false, true] {
        // 40 requests of 7 items at 1400 items/s: the last is due after 195 ms.
        let report = run(generator::Options {
            rate: 1400.0,
            open,
            ..load(&sink, Protocol::Grpc)
        });
        assert_eq!(report.requests, 40);
        assert!(
            report.elapsed >= Duration::from_millis(195),
            "{:?}",
            report.elapsed
        );
    }
}

#[test]
fn an_open_loop_keeps_sending_while_nobody_answers() {
    let sink = sink();
    sink.script(Script::always(Answer::Hang));
    let load = generator::Options {
        rate: 70_000.0,
        open: true,
        in_flight: 1,
        connections: 1,
        ..load(&sink, Protocol::Grpc)
    };
    let running = std::thread::spawn(|| run(load));
    sink.wait(SOON, |counts| counts.requests == 40)
        .expect("all sent before any answer");
    assert_eq!(sink.counts().taken, 0);
    sink.script(Script::default());
    assert_eq!(running.join().unwrap().requests, 40);
}

/// Runs the standard load under a script, and compares refusals, taken and refused exports.
fn check(protocol: Protocol, script: Script, why: Refused, refused: u64) {
    let sink = sink();
    let case = format!("{protocol:?} {script:?}");
    sink.script(script);
    let report = run(load(&sink, protocol));
    assert_eq!(
        report.refused.get(&why).copied().unwrap_or_default(),
        refused,
        "{case}"
    );
    assert_eq!(report.refusals(), refused, "{case}");
    assert_eq!(report.requests, 40 - refused, "{case}");
    let Counts {
        taken,
        refused: by_sink,
        requests,
        ..
    } = sink.counts();
    assert_eq!(
        (taken, by_sink, requests),
        (40 - refused, refused, 40),
        "{case}"
    );
    let verdict = verdict(&sink, &report);
    assert!(
        verdict.is_exact() && verdict.unacknowledged == 0,
        "{case}: {verdict}"
    );
}

#[test]
fn a_script_refuses_the_share_or_number_of_exports_that_it_says() {
    let failing = Script::always(Answer::unavailable());
    check(
        Protocol::Grpc,
        failing.clone().percent(70),
        Refused::Grpc(grpc::UNAVAILABLE),
        28,
    );
    check(Protocol::Http, failing.percent(25), Refused::Http(503), 10);
    check(
        Protocol::Grpc,
        Script::next(3, Answer::invalid()),
        Refused::Grpc(3),
        3,
    );
    let exhausted = Answer::exhausted(Some(Duration::from_millis(1500)));
    check(
        Protocol::Http,
        Script::next(3, exhausted),
        Refused::Http(429),
        3,
    );
    check(
        Protocol::Grpc,
        Script::next(1, Answer::refuse(13, 500)),
        Refused::Grpc(13),
        1,
    );
}

#[test]
fn a_script_can_single_out_one_payload() {
    let sink = sink();
    // The event of slot 3 of every request names this key, and no other slot does.
    sink.script(Script::always(Answer::invalid()).containing("cart:93"));
    let report = run(generator::Options {
        items: 4,
        ..load(&sink, Protocol::Grpc)
    });
    assert_eq!(report.requests, 0);
    let report = run(generator::Options {
        items: 3,
        ..load(&sink, Protocol::Grpc)
    });
    assert_eq!(report.requests, 40);
}

#[test]
fn a_partial_success_reports_the_rejected_items_and_acknowledges_the_rest() {
    for protocol in PROTOCOLS {
        let sink = sink();
        sink.script(Script::next(2, Answer::Partial { rejected: 3 }));
        let report = run(load(&sink, protocol));
        assert_eq!(
            (report.requests, report.rejected, report.acked.len()),
            (40, 6, 38)
        );
    }
}

#[test]
fn a_reset_breaks_the_connection_and_a_persistent_generator_comes_back() {
    for protocol in PROTOCOLS {
        for (answer, taken) in [(Answer::Reset, 0), (Answer::TakeAndReset, 1)] {
            let sink = sink();
            sink.script(Script::next(1, answer));
            let load = generator::Options {
                persist: true,
                connections: 1,
                in_flight: 1,
                ..load(&sink, protocol)
            };
            let report = run(load);
            assert_eq!(
                report.refused.get(&Refused::Broken),
                Some(&1),
                "{protocol:?}"
            );
            assert_eq!(report.requests, 39, "{protocol:?}");
            assert_eq!(sink.counts().connections, 2, "{protocol:?}");
            assert_eq!(
                verdict(&sink, &report).unacknowledged,
                taken * 7,
                "{protocol:?}"
            );
        }
    }
}

#[test]
fn a_hanging_sink_answers_when_the_script_changes() {
    for protocol in PROTOCOLS {
        let sink = sink();
        sink.script(Script::always(Answer::Hang));
        let load = load(&sink, protocol);
        let running = std::thread::spawn(|| run(load));
        sink.wait(SOON, |counts| counts.requests == 4)
            .expect("as many as are in flight");
        assert_eq!(sink.counts().taken, 0);
        sink.script(Script::default());
        assert_eq!(running.join().unwrap().requests, 40);
    }
}

#[test]
fn a_request_without_an_answer_is_given_up() {
    let sink = sink();
    sink.script(Script::next(1, Answer::Hang));
    let patience = Duration::from_millis(50);
    let load = generator::Options {
        patience,
        requests: Some(1),
        connections: 1,
        in_flight: 1,
        ..load(&sink, Protocol::Grpc)
    };
    let report = run(load);
    assert_eq!(report.refused.get(&Refused::TimedOut), Some(&1));
}

#[test]
fn a_sink_that_does_not_read_holds_everybody_up_but_can_be_told_to_go_on() {
    for protocol in PROTOCOLS {
        let sink = sink();
        sink.script(Script::not_reading());
        let load = load(&sink, protocol);
        let running = std::thread::spawn(|| run(load));
        let connections = if protocol == Protocol::Grpc { 2 } else { 4 };
        sink.wait(SOON, |counts| counts.connections == connections)
            .expect("accepting goes on");
        assert_eq!(sink.counts().requests, 0);
        assert!(get(&sink, "/script?reading=true").starts_with("HTTP/1.1 200"));
        assert_eq!(running.join().unwrap().requests, 40);
    }
}

#[test]
fn a_delay_holds_every_answer() {
    let sink = sink();
    sink.script(Script::default().delayed(Duration::from_millis(20)));
    let report = run(generator::Options {
        requests: Some(4),
        ..load(&sink, Protocol::Grpc)
    });
    assert!(report.latency.quantile(0.01) >= Duration::from_millis(20));
}

#[test]
fn a_closed_sink_is_gone_until_it_opens_again_on_the_same_port() {
    let sink = sink();
    run(load(&sink, Protocol::Grpc));
    sink.close().unwrap();
    assert!(TcpStream::connect(sink.address()).is_err());
    let report = run(load(&sink, Protocol::Grpc));
    assert_eq!(
        report.refused.get(&Refused::NotConnected),
        Some(&2),
        "one for each connection"
    );
    sink.reopen().unwrap();
    run(generator::Options {
        first: 41,
        ..load(&sink, Protocol::Grpc)
    });
    assert_eq!(sink.counts().items(), 560);
}

#[test]
fn the_oracle_names_the_request_that_was_lost_on_the_way() {
    let sink = sink();
    let report = run(load(&sink, Protocol::Grpc));
    let mut arrived = sink.ids();
    arrived.retain(|id| id.request() != 17 && id.0 != arrived_last(&report));
    let verdict = oracle::judge(&report.acked, arrived);
    assert_eq!((verdict.lost, verdict.losers), (8, vec![(17, 7), (40, 1)]));
}

/// The id of the last item of the last request.
fn arrived_last(report: &Report) -> u64 {
    benches::ItemId::new(report.next - 1, 6).0
}

#[test]
fn the_command_line_sees_counts_scripts_and_verdicts_over_http() {
    let sink = sink();
    let folder = tempfile::tempdir().unwrap();
    let acked = folder.path().join("acked");
    run(generator::Options {
        acked: Some(acked.clone()),
        ..load(&sink, Protocol::Http)
    });

    assert!(get(&sink, "/counts").contains(r#""spans":280"#));
    let verdict = get(&sink, &format!("/verdict?acked={}", acked.display()));
    assert!(verdict.contains(r#""acknowledged":280"#) && verdict.contains(r#""lost":0"#));

    assert!(get(&sink, "/script?answer=unavailable").contains("503"));
    assert_eq!(run(load(&sink, Protocol::Http)).requests, 0);
    for wrong in ["/script?answer=maybe", "/verdict?acked=/nowhere"] {
        assert!(get(&sink, wrong).starts_with("HTTP/1.1 400"), "{wrong}");
    }
    assert!(get(&sink, "/forget").starts_with("HTTP/1.1 200"));
    assert_eq!(sink.counts().requests, 0);
    assert!(get(&sink, "/").starts_with("HTTP/1.1 404"));
}

fn get(sink: &Sink, path: &str) -> String {
    let mut stream = TcpStream::connect(sink.address()).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_is_not_otlp_is_counted_as_malformed_and_refused_for_good() {
    let sink = sink();
    let mut stream = TcpStream::connect(sink.address()).unwrap();
    let request = "POST /v1/traces HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\
                   content-type: application/x-protobuf\r\ncontent-length: 3\r\n\r\nabc";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    assert_eq!((sink.counts().malformed, sink.counts().taken), (1, 0));
}

#[test]
fn a_child_is_watched_through_its_log_until_it_ends() {
    let mut launch = process::Launch::new("/bin/sh");
    launch.arguments = ["-c", "exec cat \"$1\" >&2", "sh", "{config}"]
        .map(Into::into)
        .to_vec();
    let mut child = process::Collector::start(&launch, "receivers: {}\n").unwrap();
    assert_eq!(child.wait_line("receivers", SOON).unwrap(), "receivers: {}");
    assert!(child.wait_exit(SOON).unwrap().success());

    let script = "echo ready with $2 >&2; exec sleep 600";
    launch.arguments = ["-c", script, "sh"].map(Into::into).to_vec();
    let mut child = process::Collector::start(&launch, "").unwrap();
    let ready = child.wait_line("ready", SOON).unwrap();
    assert!(ready.ends_with("collector.yaml"), "{ready}");
    assert!(child.usage().unwrap().resident > 0);
    let fault = child.wait_exit(Duration::ZERO).unwrap_err();
    assert!(fault.to_string().contains("ready with"), "{fault}");
    child.terminate().unwrap();
    assert!(
        child.wait_exit(SOON).unwrap().code().is_none(),
        "ended by a signal"
    );
    assert!(child.wait_line("stopped", SOON).is_err());
}

#[test]
fn a_dropped_child_is_killed() {
    let mut launch = process::Launch::new("/bin/sh");
    launch.arguments = ["-c", "exec sleep 600", "sh"].map(Into::into).to_vec();
    let child = process::Collector::start(&launch, "").unwrap();
    let (id, folder) = (child.id(), child.folder().to_owned());
    drop(child);
    assert!(process::Usage::of(id).is_err());
    assert!(!folder.exists());
}
