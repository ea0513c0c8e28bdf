//! The templates, read back by prost.

use std::collections::HashSet;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::*;
use crate::scan;

const NOW: u64 = 1_700_000_000_000_000_000;

fn stamped(signal: Signal, items: usize, request: u64) -> Vec<u8> {
    let template = Template::new(Shape {
        signal,
        items,
        trace_items: 10,
    })
    .unwrap();
    let mut out = Vec::new();
    template.stamp(request, NOW, &mut out);
    assert_eq!(out.len(), template.len());
    out
}

fn spans(request: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(request).unwrap();
    let [resource] = &request.resource_spans[..] else {
        panic!("one resource")
    };
    assert_eq!(resource.resource.as_ref().unwrap().attributes.len(), 8);
    resource
        .scope_spans
        .iter()
        .flat_map(|scope| scope.spans.clone())
        .collect()
}

#[test]
fn the_standard_span_is_about_500_bytes_with_ten_attributes_and_one_event() {
    let request = stamped(Signal::Traces, 512, 1);
    let size = request.len() / 512;
    assert!((480..=520).contains(&size), "{size} bytes a span");

    let decoded = ExportTraceServiceRequest::decode(&request[..]).unwrap();
    assert_eq!(decoded.resource_spans[0].scope_spans.len(), 2);
    assert_eq!(
        decoded.encode_to_vec().len(),
        request.len(),
        "nothing unknown to the schema"
    );
    for span in spans(&request) {
        assert_eq!((span.attributes.len(), span.events.len()), (10, 1));
    }
}

#[test]
fn spans_of_one_trace_hang_together_and_differ_from_request_to_request() {
    let all = spans(&stamped(Signal::Traces, 25, 3));
    let traces: HashSet<_> = all.iter().map(|span| span.trace_id.clone()).collect();
    assert_eq!(traces.len(), 3);
    for trace in all.chunks(10) {
        assert!(trace[0].parent_span_id.is_empty());
        for child in &trace[1..] {
            assert_eq!(child.trace_id, trace[0].trace_id);
            assert_eq!(child.parent_span_id, trace[0].span_id);
        }
    }
    let other = spans(&stamped(Signal::Traces, 25, 4));
    assert!(other.iter().all(|span| !traces.contains(&span.trace_id)));
}

#[test]
fn spans_end_at_the_time_of_the_stamp_and_some_are_slow_or_failed() {
    let spans = spans(&stamped(Signal::Traces, 100, 1));
    assert!(spans.iter().all(|span| span.end_time_unix_nano == NOW));
    let slow = |span: &&Span| NOW - span.start_time_unix_nano >= 2_000_000_000;
    assert_eq!(spans.iter().filter(slow).count(), 2);
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code == 2);
    assert_eq!(spans.iter().filter(failed).count(), 2);
}

#[test]
fn metrics_have_all_five_kinds() {
    let request = stamped(Signal::Metrics, 10, 1);
    let decoded = ExportMetricsServiceRequest::decode(&request[..]).unwrap();
    assert_eq!(
        decoded.encode_to_vec().len(),
        request.len(),
        "nothing unknown to the schema"
    );
    for scope in &decoded.resource_metrics[0].scope_metrics {
        let kinds: Vec<_> = scope
            .metrics
            .iter()
            .map(|metric| kind(&metric.data))
            .collect();
        assert_eq!(
            kinds,
            [
                ("gauge", 1),
                ("sum", 1),
                ("histogram", 1),
                ("exp", 1),
                ("summary", 1)
            ]
        );
    }
}

fn kind(data: &Option<Data>) -> (&'static str, usize) {
    match data.as_ref().unwrap() {
        Data::Gauge(gauge) => ("gauge", gauge.data_points.len()),
        Data::Sum(sum) => ("sum", sum.data_points.len()),
        Data::Histogram(histogram) => {
            for point in &histogram.data_points {
                assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
            }
            ("histogram", histogram.data_points.len())
        }
        Data::ExponentialHistogram(exponential) => {
            for point in &exponential.data_points {
                let positive = &point.positive.as_ref().unwrap().bucket_counts;
                assert_eq!(positive.iter().sum::<u64>() + point.zero_count, point.count);
            }
            ("exp", exponential.data_points.len())
        }
        Data::Summary(summary) => ("summary", summary.data_points.len()),
    }
}

#[test]
fn log_records_carry_a_body_and_their_trace() {
    let request = stamped(Signal::Logs, 20, 1);
    let decoded = ExportLogsServiceRequest::decode(&request[..]).unwrap();
    assert_eq!(
        decoded.encode_to_vec().len(),
        request.len(),
        "nothing unknown to the schema"
    );
    let records: Vec<_> = decoded.resource_logs[0]
        .scope_logs
        .iter()
        .flat_map(|scope| &scope.log_records)
        .collect();
    assert_eq!(records.len(), 20);
    for record in records {
        assert!(record.body.is_some());
        assert_eq!((record.trace_id.len(), record.span_id.len()), (16, 8));
        assert_eq!(record.time_unix_nano, NOW);
    }
}

#[test]
fn every_signal_gives_back_the_ids_that_were_stamped() {
    for signal in Signal::ALL {
        for items in [1, 2, 7, 512] {
            let request = stamped(signal, items, 42);
            let mut ids = Vec::new();
            let found = scan::ids(signal, &request, &mut ids).unwrap();
            assert_eq!(found, items as u64, "{signal}");
            assert_eq!(scan::count(signal, &request), Ok(items as u64), "{signal}");
            ids.sort_unstable();
            let expected: Vec<_> = (0..items)
                .map(|slot| ItemId::new(42, slot as u16))
                .collect();
            assert_eq!(ids, expected, "{signal}");
        }
    }
}

#[test]
fn a_shape_without_items_or_with_too_many_is_an_error() {
    for items in [0, MAX_ITEMS + 1] {
        let shape = Shape {
            signal: Signal::Logs,
            items,
            trace_items: 1,
        };
        assert!(Template::new(shape).is_err());
    }
}
