//! Metrics by remote write through the real binary, to a back end that is busy at times.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use benches::clock;
use prost::Message;

use crate::rig::{PATIENCE, Service, http1};

/// The configuration is the one that the page shows.
const PAGE: &str = include_str!("../../docs/prometheus.md");

const ARGUMENTS: [&str; 6] = [
    "--set",
    "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
    // Every request of its own.
    "--set",
    "processors.batch={send_batch_size: 1, timeout: 1ms}",
    "--set",
    "exporters.prometheus_remote_write.retry_on_failure={max_interval: 100ms}",
];

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// A back end that answers with these statuses, and then takes everything.
#[derive(Clone)]
struct BackEnd {
    address: SocketAddr,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    /// Values of the gauge in each request, with what was answered.
    seen: Arc<Mutex<Vec<(f64, u16)>>>,
}

impl BackEnd {
    fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let back_end = Self {
            address: listener.local_addr().unwrap(),
            statuses: Arc::new(Mutex::new(statuses.iter().copied().collect())),
            seen: Arc::default(),
        };
        let accepting = back_end.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let back_end = accepting.clone();
                thread::spawn(move || back_end.serve(stream));
            }
        });
        back_end
    }

    fn serve(&self, mut stream: TcpStream) {
        while let Some(body) = request(&mut stream) {
            let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
            let decoded = WriteRequest::decode(&*plain).unwrap();
            let status = self.statuses.lock().unwrap().pop_front().unwrap_or(204);
            self.seen.lock().unwrap().push((value(&decoded), status));
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The body of the next request on a connection.
fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(
        head.starts_with("post /api/v1/write http/1.1\r\n"),
        "{head}"
    );
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// That of the only sample of `steps`.
fn value(request: &WriteRequest) -> f64 {
    let named = |series: &&TimeSeries| {
        let has = |name: &str, value: &str| {
            let mut labels = series.labels.iter();
            labels.any(|label| label.name == name && label.value == value)
        };
        has("__name__", "steps") && has("cluster", "north") && has("job", "shop")
    };
    let series = request.timeseries.iter().find(named).unwrap();
    let [sample] = series.samples[..] else {
        panic!("{series:?}")
    };
    sample.value
}

fn start(back_end: &BackEnd) -> Service {
    let (_, yaml) = PAGE.split_once("```yaml\n").unwrap();
    let (yaml, _) = yaml.split_once("```").unwrap();
    let shown = "http://localhost:9090";
    assert!(yaml.contains(shown), "{yaml}");
    let yaml = yaml.replace(shown, &format!("http://{}", back_end.address));
    Service::start_with(&yaml, &ARGUMENTS)
}

fn send(connection: &mut http1::Connection, step: u64) {
    let now = clock::unix_nanos();
    let body = format!(
        r#"{{"resourceMetrics": [{{"resource": {{"attributes": [
            {{"key": "service.name", "value": {{"stringValue": "shop"}}}}]}},
            "scopeMetrics": [{{"metrics": [{{"name": "steps", "gauge": {{"dataPoints": [
                {{"timeUnixNano": "{now}", "asInt": "{step}"}}]}}}}]}}]}}]}}"#
    );
    let json = [("content-type", "application/json")];
    let request = http1::request("POST", "/v1/metrics", &json, body.as_bytes());
    connection.send(&request).unwrap();
    assert_eq!(connection.reply().unwrap().status, 200);
}

#[test]
fn samples_stay_in_order_while_a_back_end_is_busy() {
    let back_end = BackEnd::start(&[503, 429, 204, 500, 500]);
    let service = start(&back_end);
    let mut connection = http1::Connection::open(service.http());
    (0..20).for_each(|step| send(&mut connection, step));
    let taken = || {
        let seen = back_end.seen.lock().unwrap();
        let taken = seen.iter().filter(|(_, status)| *status == 204);
        (taken.count() == 20).then(|| seen.clone())
    };
    let seen = clock::poll(PATIENCE, taken).unwrap();
    let order: Vec<_> = seen.iter().map(|(step, _)| *step as u64).collect();
    let expected: Vec<_> = [0, 0, 0, 1, 1].into_iter().chain(1..20).collect();
    assert_eq!(
        order, expected,
        "none comes before those that came before it"
    );
    let ended = service.stop();
    let figures = ended.account.metrics("exporter", "prometheus_remote_write");
    assert_eq!((figures.taken, figures.passed), (20, 20));
}

#[test]
fn what_is_refused_is_lost_alone_and_said() {
    let back_end = BackEnd::start(&[204, 400, 204]);
    let service = start(&back_end);
    let mut connection = http1::Connection::open(service.http());
    (0..3).for_each(|step| send(&mut connection, step));
    let all = || (back_end.seen.lock().unwrap().len() == 3).then_some(());
    clock::poll(PATIENCE, all).unwrap();
    let ended = service.stop();
    let figures = ended.account.metrics("exporter", "prometheus_remote_write");
    assert_eq!((figures.taken, figures.passed, figures.dropped), (3, 2, 1));
    let said = "error exporting 1 points in 1 series, request to";
    assert!(ended.log.contains(said), "{}", ended.log);
}
