//! What goes over the wire, and what each answer means for the points.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ledger::{Kind, Reason};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use otlp::Signal;
use pipeline::component::{ExporterComponent, Failure, Partly, Receipt};
use pipeline::{Context, testkit};
use prost::Message;
use telemetry::metrics::{Level, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::super::RemoteWrite;
use super::fixture::*;
use super::oracle::{v1, v2};

const V2: &str = "protobuf_message: io.prometheus.write.v2.Request\n";

/// Status and headers of an answer, with the text in its body.
#[derive(Clone, Copy)]
struct Scripted(u16, &'static str, &'static str);

const TAKEN: Scripted = Scripted(204, "", "");

/// Head and inflated body of a request.
type Seen = (String, Vec<u8>);

/// A back end that answers by a script, and then takes everything.
#[derive(Clone, Default)]
struct BackEnd {
    /// By a text that the request has in it, else for any.
    script: Rc<RefCell<VecDeque<(&'static str, Scripted)>>>,
    seen: Rc<RefCell<Vec<Seen>>>,
    /// Nobody is answered before so many are there.
    together: Option<Rc<Barrier>>,
    most_at_once: Rc<Cell<usize>>,
    now: Rc<Cell<usize>>,
}

impl BackEnd {
    fn new(script: &[(&'static str, Scripted)]) -> Self {
        let back_end = Self::default();
        back_end.script.borrow_mut().extend(script);
        back_end
    }

    async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let back_end = self.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(back_end.clone().serve(stream));
            }
        });
        address
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        loop {
            let head = loop {
                if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let text = String::from_utf8(read[..head].to_vec())
                .unwrap()
                .to_lowercase();
            let length = text.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            while read.len() < head + length {
                assert!(stream.read_buf(&mut read).await.unwrap() > 0);
            }
            let body: Vec<u8> = read.drain(..head + length).skip(head).collect();
            let body = inflated(&body);
            self.now.set(self.now.get() + 1);
            self.most_at_once
                .set(self.most_at_once.get().max(self.now.get()));
            if let Some(together) = &self.together {
                together.wait().await;
            }
            let Scripted(status, headers, said) = self.answer(&body);
            self.seen.borrow_mut().push((text, body));
            self.now.set(self.now.get() - 1);
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{said}",
                said.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn answer(&self, body: &[u8]) -> Scripted {
        let text = String::from_utf8_lossy(body).into_owned();
        let mut script = self.script.borrow_mut();
        let at = script.iter().position(|(part, _)| text.contains(part));
        at.and_then(|at| script.remove(at))
            .map_or(TAKEN, |(_, answer)| answer)
    }

    fn heads(&self) -> Vec<String> {
        self.seen
            .borrow()
            .iter()
            .map(|(head, _)| head.clone())
            .collect()
    }
}

/// One snappy block.
fn inflated(block: &[u8]) -> Vec<u8> {
    struct Free;
    impl net::encoding::Meter for Free {
        fn charge(&mut self, _bytes: usize) -> Result<(), ledger::Exhausted> {
            Ok(())
        }
    }
    net::encoding::inflate(net::encoding::Encoding::Snappy, block, 64 << 20, &mut Free).unwrap()
}

/// Exports once, and hands over what the exporter has counted.
fn export(
    back_end: &BackEnd,
    keys: &str,
    request: &ExportMetricsServiceRequest,
) -> (Result<Receipt, Failure>, Vec<(String, f64)>) {
    on_worker(async {
        let address = back_end.listen().await;
        let yaml = format!("endpoint: http://{address}/api/v1/write\n{keys}");
        let host = testkit::host(Kind::Exporter, "remote", Some(Signal::Metrics));
        let exporter = RemoteWrite::build(&read(&yaml).unwrap(), &host).unwrap();
        let context = Context {
            metadata: vec![("tenant".into(), "t-1".into())],
            ..Context::default()
        };
        let batch = batch(request).with_context(Some(context.into()));
        let result = exporter.export(&batch).await;
        assert_eq!(host.budget.used(), 0, "all memory is given back");
        (result, counts(&host))
    })
}

fn counts(host: &pipeline::component::Host) -> Vec<(String, f64)> {
    let families = host.metrics.collect(Level::Detailed).into_iter();
    let of_exporter = families.filter_map(|family| {
        let name = family
            .name
            .strip_prefix("otelcol_exporter_prometheusremotewrite_")?;
        match family.points.first()?.value {
            Value::Number(number) => Some((name.to_owned(), number)),
            _ => None,
        }
    });
    of_exporter.collect()
}

fn on_worker<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap()
        .block_on(test)
}

/// Gauges with one point each.
fn gauges(names: &[&str]) -> ExportMetricsServiceRequest {
    let gauges = names.iter().map(|name| gauge(name, vec![number(1.0, &[])]));
    request(&[], "", gauges.collect())
}

/// Keys with which each of them is in a request of its own.
const ONE_EACH: &str = "max_batch_size_bytes: 1\n";

/// The text of a failure without the address of the back end.
fn said(text: &str) -> String {
    let (before, rest) = text.split_once("http://").unwrap();
    let (_, after) = rest.split_once(' ').unwrap();
    format!("{before}URL {after}")
}

#[test]
fn a_request_says_what_it_is() {
    let back_end = BackEnd::default();
    let keys = "include_metadata_keys: [tenant]\nheaders: {content-type: x, user-agent: y, a: b}";
    let (result, counts) = export(&back_end, keys, &gauges(&["g"]));
    assert_eq!(result, Ok(Receipt::default()));
    let [head] = &back_end.heads()[..] else {
        panic!()
    };
    assert!(
        head.starts_with("post /api/v1/write http/1.1\r\n"),
        "{head}"
    );
    for line in [
        "content-encoding: snappy",
        "content-type: application/x-protobuf",
        "x-prometheus-remote-write-version: 0.1.0",
        "tenant: t-1",
        "a: b",
    ] {
        assert!(
            head.contains(&format!("\r\n{line}\r\n")),
            "{line} is not in {head}"
        );
    }
    assert!(head.contains("\r\nuser-agent: tracegate/"), "{head}");
    let (_, body) = &back_end.seen.borrow()[0];
    let decoded = v1::WriteRequest::decode(&**body).unwrap();
    assert_eq!(decoded.timeseries.len(), 1);
    let counted = [
        ("consumers", 5.0),
        ("sent_batches", 1.0),
        ("translated_time_series", 1.0),
    ];
    assert_eq!(
        counts,
        counted.map(|(name, number)| (name.to_owned(), number))
    );
}

#[test]
fn what_an_answer_means_for_a_batch() {
    let later = |after: Option<u64>| {
        move |result: Result<Receipt, Failure>| match result {
            Err(Failure::Retryable { after: found, .. }) => {
                assert_eq!(found, after.map(Duration::from_secs));
            }
            other => panic!("{other:?}"),
        }
    };
    let never = |result: Result<Receipt, Failure>| match result {
        Err(Failure::Permanent {
            reason: Reason::Permanent,
            ..
        }) => {}
        other => panic!("{other:?}"),
    };
    type Check<'a> = &'a dyn Fn(Result<Receipt, Failure>);
    let rows: [(Scripted, Check<'_>); 10] = [
        (Scripted(200, "", "ok"), &|result| {
            assert_eq!(result, Ok(Receipt::default()))
        }),
        (Scripted(429, "retry-after: 7\r\n", ""), &later(Some(7))),
        (Scripted(429, "", ""), &later(None)),
        (Scripted(500, "", ""), &later(None)),
        (Scripted(503, "retry-after: 3\r\n", ""), &later(Some(3))),
        (Scripted(301, "location: /x\r\n", ""), &never),
        (Scripted(400, "", ""), &never),
        (Scripted(401, "", ""), &never),
        (Scripted(404, "", ""), &never),
        (Scripted(413, "", ""), &never),
    ];
    for (answer, check) in rows {
        let back_end = BackEnd::new(&[("", answer)]);
        check(export(&back_end, "", &gauges(&["g"])).0);
    }
}

#[test]
fn a_refusal_says_what_was_refused_and_why() {
    let answer = Scripted(400, "", "out of order\n sample");
    let back_end = BackEnd::new(&[("", answer)]);
    let point = histogram("h", CUMULATIVE, vec![buckets([1, 2, 3])]);
    let (result, _) = export(&back_end, "", &request(&[], "", vec![point]));
    let Err(Failure::Permanent { text, .. }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(
        said(&text),
        "error exporting 1 points in 5 series, request to URL responded with HTTP Status Code 400, \
         Message=out of order sample"
    );
}

#[test]
fn nobody_there_is_a_reason_to_come_again() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nowhere.local_addr().unwrap();
    drop(nowhere);
    let result = on_worker(async {
        let host = testkit::host(Kind::Exporter, "remote", Some(Signal::Metrics));
        let config = read(&format!("endpoint: http://{address}")).unwrap();
        let exporter = RemoteWrite::build(&config, &host).unwrap();
        exporter.export(&batch(&gauges(&["g"]))).await
    });
    assert!(
        matches!(result, Err(Failure::Retryable { .. })),
        "{result:?}"
    );
}

#[test]
fn requests_of_a_batch_go_side_by_side_up_to_a_number() {
    let names: Vec<_> = (0..9).map(|at| format!("g{at}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for parallel in [1, 3] {
        let back_end = BackEnd {
            together: Some(Rc::new(Barrier::new(parallel))),
            ..BackEnd::default()
        };
        let keys = format!("{ONE_EACH}max_batch_request_parallelism: {parallel}");
        let (result, _) = export(&back_end, &keys, &gauges(&names));
        assert_eq!(result, Ok(Receipt::default()));
        assert_eq!(back_end.most_at_once.get(), parallel);
        assert_eq!(back_end.seen.borrow().len(), 9);
    }
}

#[test]
fn of_a_batch_only_what_may_be_taken_later_is_left() {
    let script = [
        ("bad", Scripted(400, "", "no")),
        ("busy", Scripted(503, "retry-after: 4\r\n", "")),
    ];
    let back_end = BackEnd::new(&script);
    let mut request = gauges(&["fine", "bad", "busy", "fine_too"]);
    let metrics = &mut request.resource_metrics[0].scope_metrics[0].metrics;
    metrics.push(sum("delta", (DELTA, true), vec![number(1.0, &[])]));
    let (result, _) = export(&back_end, ONE_EACH, &request);
    let Err(Failure::Partly(partly)) = result else {
        panic!("{result:?}")
    };
    let Partly {
        receipt,
        left,
        after,
        text,
    } = *partly;
    assert_eq!(left, [false, false, true, false, false]);
    assert_eq!((receipt.rejected, after), (2, Some(Duration::from_secs(4))));
    assert!(
        receipt.text.contains("Status Code 400, Message=no"),
        "{}",
        receipt.text
    );
    assert!(text.contains("Status Code 503"), "{text}");
}

#[test]
fn what_is_refused_of_a_batch_and_what_cannot_be_sent_is_rejected() {
    let back_end = BackEnd::new(&[("bad", Scripted(400, "", "no"))]);
    let (result, _) = export(&back_end, ONE_EACH, &gauges(&["fine", "bad"]));
    assert_eq!(result.unwrap().rejected, 1);
    let back_end = BackEnd::default();
    let delta = request(
        &[],
        "",
        vec![sum("d", (DELTA, true), vec![number(1.0, &[])])],
    );
    let (result, counts) = export(&back_end, "", &delta);
    assert_eq!(result.unwrap().rejected, 1);
    assert!(
        back_end.seen.borrow().is_empty(),
        "nothing to send is not sent"
    );
    assert!(
        counts.contains(&("failed_translations".to_owned(), 1.0)),
        "{counts:?}"
    );
}

#[test]
fn a_request_that_is_too_large_is_sent_in_halves() {
    let too_large = ("huge", Scripted(413, "", "too large"));
    let back_end = BackEnd::new(&[too_large; 3]);
    let (result, _) = export(&back_end, "", &gauges(&["a", "b", "huge", "c"]));
    let receipt = result.unwrap();
    assert_eq!(receipt.rejected, 1);
    let series = |(_, body): &Seen| v1::WriteRequest::decode(&**body).unwrap().timeseries.len();
    let sizes: Vec<_> = back_end.seen.borrow().iter().map(series).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 4 + 2 + 2 + 1 + 1, "{sizes:?}");
}

#[test]
fn what_a_back_end_refuses_takes_nothing_else_with_it() {
    let late = ("late", Scripted(400, "", "out of order sample"));
    let back_end = BackEnd::new(&[late; 4]);
    let (result, _) = export(
        &back_end,
        "",
        &gauges(&["one", "two", "late", "three", "four"]),
    );
    let receipt = result.unwrap();
    assert_eq!(receipt.rejected, 1);
    assert!(receipt.text.contains("out of order"), "{}", receipt.text);
    let has = |seen: &&Seen, name: &str| String::from_utf8_lossy(&seen.1).contains(name);
    for name in ["one", "two", "three", "four"] {
        let seen = back_end.seen.borrow();
        let with_it = seen.iter().filter(|seen| has(seen, name));
        assert!(with_it.clone().any(|seen| !has(&seen, "late")), "{name}");
    }
}

#[test]
fn what_is_told_of_a_resource_is_no_point_that_could_be_lost() {
    let other = ("target_info", Scripted(400, "", "out of order sample"));
    let back_end = BackEnd::new(&[other; 4]);
    let attributes = [("service.name", "shop"), ("host.name", "h")];
    let points = ["a", "b", "c"].map(|name| gauge(name, vec![number(1.0, &[])]));
    let (result, _) = export(&back_end, "", &request(&attributes, "", points.into()));
    assert_eq!(result, Ok(Receipt::default()));
}

#[test]
fn who_refuses_everything_is_not_asked_for_ever() {
    let names: Vec<_> = (0..500).map(|at| format!("g{at}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let back_end = BackEnd::new(&[("", Scripted(400, "", "no")); 200]);
    let (result, _) = export(&back_end, "", &gauges(&names));
    assert!(
        matches!(result, Err(Failure::Permanent { .. })),
        "{result:?}"
    );
    assert_eq!(back_end.seen.borrow().len(), 1 + 2 * 32);
}

#[test]
fn who_refuses_everything_is_asked_less_from_then_on_until_something_is_taken() {
    let names: Vec<_> = (0..500).map(|at| format!("g{at}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let back_end = BackEnd::new(&[("", Scripted(400, "", "no")); 1 + 2 * 32 + 1 + 2 * 3]);
    let asked = on_worker(async {
        let yaml = format!("endpoint: http://{}/api/v1/write", back_end.listen().await);
        let host = testkit::host(Kind::Exporter, "remote", Some(Signal::Metrics));
        let exporter = RemoteWrite::build(&read(&yaml).unwrap(), &host).unwrap();
        let mut asked = Vec::new();
        for _ in 0..3 {
            let before = back_end.seen.borrow().len();
            let _ = exporter.export(&batch(&gauges(&names))).await;
            asked.push(back_end.seen.borrow().len() - before);
        }
        asked
    });
    assert_eq!(asked, [1 + 2 * 32, 1 + 2 * 3, 1]);
}

#[test]
fn bad_samples_take_few_others_with_them_wherever_they_are() {
    let late = |at| if at % 125 == 60 { "late" } else { "" };
    let names: Vec<_> = (0..1000).map(|at| format!("g{at}{}", late(at))).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let late = ("late", Scripted(400, "", "out of order sample"));
    let back_end = BackEnd::new(&[late; 200]);
    let (result, _) = export(&back_end, "", &gauges(&names));
    let lost = result.unwrap().rejected;
    assert!((8..=8 * 16).contains(&lost), "{lost}");
}

const ALL_WRITTEN: &str = "x-prometheus-remote-write-samples-written: 2\r\n\
                           x-prometheus-remote-write-histograms-written: 1\r\n\
                           x-prometheus-remote-write-exemplars-written: 0\r\n";
const SOME_WRITTEN: &str = "x-prometheus-remote-write-samples-written: 1\r\n\
                            x-prometheus-remote-write-histograms-written: 1\r\n\
                            x-prometheus-remote-write-exemplars-written: 0\r\n";
const NONE_WRITTEN: &str = "x-prometheus-remote-write-samples-written: 0\r\n\
                            x-prometheus-remote-write-histograms-written: 0\r\n\
                            x-prometheus-remote-write-exemplars-written: 0\r\n";

/// Two numbers and a native histogram in version 2.
fn written(answer: Scripted) -> (Result<Receipt, Failure>, Vec<(String, f64)>) {
    let back_end = BackEnd::new(&[("", answer)]);
    let mut request = gauges(&["a", "b"]);
    let metrics = &mut request.resource_metrics[0].scope_metrics[0].metrics;
    metrics.push(exponential(
        "e",
        CUMULATIVE,
        vec![exponential_point(0, 0, &[1])],
    ));
    let result = export(&back_end, V2, &request);
    let [head] = &back_end.heads()[..] else {
        panic!()
    };
    let content = "content-type: application/x-protobuf;proto=io.prometheus.write.v2.request\r\n";
    assert!(head.contains(content), "{head}");
    assert!(
        head.contains("x-prometheus-remote-write-version: 2.0.0\r\n"),
        "{head}"
    );
    let (_, body) = &back_end.seen.borrow()[0];
    assert_eq!(v2::Request::decode(&**body).unwrap().timeseries.len(), 3);
    result
}

#[test]
fn version_2_is_taken_at_its_word() {
    let (result, counts) = written(Scripted(204, ALL_WRITTEN, ""));
    assert_eq!(result, Ok(Receipt::default()));
    assert!(
        counts.contains(&("written_samples".to_owned(), 2.0)),
        "{counts:?}"
    );
    assert!(
        counts.contains(&("written_histograms".to_owned(), 1.0)),
        "{counts:?}"
    );
    // Some was written, whatever the status says.
    for status in [204, 400] {
        let (result, _) = written(Scripted(status, SOME_WRITTEN, "one is late"));
        let receipt = result.unwrap();
        assert_eq!(receipt.rejected, 1, "{status}");
        let told = "written were 1 of 2 samples and 1 of 1 histograms";
        assert!(receipt.text.contains(told), "{}", receipt.text);
    }
    for (status, headers) in [(204, ""), (400, NONE_WRITTEN), (415, "")] {
        let (result, _) = written(Scripted(status, headers, ""));
        assert!(
            matches!(result, Err(Failure::Permanent { .. })),
            "{status} {headers}"
        );
    }
    let (result, _) = written(Scripted(204, "", ""));
    let words = "it may know remote write 1 only";
    assert!(result.unwrap_err().to_string().contains(words));
    let (result, _) = written(Scripted(503, SOME_WRITTEN, ""));
    assert!(
        matches!(result, Err(Failure::Retryable { .. })),
        "{result:?}"
    );
}
