//! Metrics by remote write through the real binary, to a back end that is busy at times.

pub(crate) mod back_end;
mod differential;

use benches::clock;

use crate::rig::{PATIENCE, Service, example, http1};
use back_end::{BackEnd, TimeSeries, WriteRequest};

/// The configuration is that of the gallery.
const YAML: &str = include_str!("../../../examples/11-remote-write/collector.yaml");

const SET: [&str; 2] = [
    // Every request of its own.
    "processors.batch={send_batch_size: 1, timeout: 1ms}",
    "exporters.prometheus_remote_write.retry_on_failure={max_interval: 100ms}",
];

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
    let endpoint = format!(
        "exporters.prometheus_remote_write.http.endpoint=http://{}/api/v1/write",
        back_end.address
    );
    example::start(YAML, &[&SET[..], &[&endpoint]].concat())
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
        let seen = back_end.seen();
        let taken = seen.iter().filter(|(_, status)| *status == 204);
        (taken.count() == 20).then(|| seen.clone())
    };
    let seen = clock::poll(PATIENCE, taken).unwrap();
    let order: Vec<_> = seen.iter().map(|(step, _)| value(step) as u64).collect();
    let expected: Vec<_> = [0, 0, 0, 1, 1].into_iter().chain(1..20).collect();
    assert_eq!(
        order, expected,
        "none comes before those that came before it"
    );
    let ended = service.stop();
    let figures = ended
        .account
        .of("exporter", "prometheus_remote_write", "metrics");
    assert_eq!((figures.taken, figures.passed), (20, 20));
}

#[test]
fn what_is_refused_is_lost_alone_and_said() {
    let back_end = BackEnd::start(&[204, 400, 204]);
    let service = start(&back_end);
    let mut connection = http1::Connection::open(service.http());
    (0..3).for_each(|step| send(&mut connection, step));
    let all = || (back_end.seen().len() == 3).then_some(());
    clock::poll(PATIENCE, all).unwrap();
    let ended = service.stop();
    let figures = ended
        .account
        .of("exporter", "prometheus_remote_write", "metrics");
    assert_eq!((figures.taken, figures.passed, figures.dropped), (3, 2, 1));
    let said = "error exporting 1 points in 1 series, request to";
    assert!(ended.log.contains(said), "{}", ended.log);
}
