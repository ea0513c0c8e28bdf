//! Written metrics are what prost reads, and what prost would have written.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    self as proto, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, HistogramDataPoint,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use otlp::exponential::Histogram;
use otlp::view::{AnyValue as Any, Number, Request};
use otlp::write::{Exemplar, Explicit, KeyValues, MetricsWriter, Point, Stream, Temporality};
use otlp::{MetricKind, OwnedValue, Signal, survey};
use prost::Message;

const START: u64 = 1_000;
const TIME: u64 = 2_000;

fn text(key: &str, value: &str) -> KeyValue {
    let value = any_value::Value::StringValue(value.into());
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn attributes(value: &str) -> KeyValues {
    let mut attributes = KeyValues::default();
    attributes.put_text("k", value);
    attributes
}

const EXEMPLARS: [Exemplar; 2] = [
    Exemplar {
        trace_id: [1; 16],
        span_id: [2; 8],
        value: 1.5,
    },
    Exemplar {
        trace_id: [3; 16],
        span_id: [4; 8],
        value: 0.0,
    },
];

fn exemplars() -> Vec<proto::Exemplar> {
    let exemplar = |exemplar: Exemplar| proto::Exemplar {
        time_unix_nano: TIME,
        span_id: exemplar.span_id.to_vec(),
        trace_id: exemplar.trace_id.to_vec(),
        value: Some(proto::exemplar::Value::AsDouble(exemplar.value)),
        ..proto::Exemplar::default()
    };
    EXEMPLARS.map(exemplar).to_vec()
}

fn stream(name: &'static str, kind: MetricKind) -> Stream<'static> {
    Stream {
        name,
        description: "",
        unit: "ms",
        kind,
        temporality: Temporality::Delta,
        is_monotonic: true,
    }
}

fn written() -> Vec<u8> {
    let (a, b) = (attributes("a"), attributes("b"));
    let point = |attributes| Point {
        attributes,
        start_time_unix_nano: START,
        time_unix_nano: TIME,
        exemplars: &[],
    };
    let with_exemplars = Point {
        exemplars: &EXEMPLARS,
        ..point(&a)
    };
    let mut writer = MetricsWriter::new();
    assert_eq!(writer.encoded_len(), 0);
    writer.resource(&attributes("shop"));
    writer.scope("lib", "1");
    writer.metric(&stream("calls", MetricKind::Sum));
    writer.number(&with_exemplars, Number::Int(-7));
    writer.number(&point(&b), Number::Double(0.5));
    writer.metric(&stream("level", MetricKind::Gauge));
    writer.number(&point(&b), Number::Int(0));
    writer.scope("other", "");
    writer.metric(&stream("duration", MetricKind::Histogram));
    let value = Explicit {
        count: 3,
        sum: 4.5,
        bounds: &[1.0, 2.0],
        counts: &[1, 0, 2],
    };
    writer.histogram(&with_exemplars, &value);
    writer.resource(&KeyValues::default());
    writer.scope("lib", "1");
    writer.metric(&stream("size", MetricKind::ExponentialHistogram));
    let mut histogram = Histogram::new(4);
    for value in [-1.0, 0.0, 1.0, 2.0, 4.0, 8.0] {
        histogram.record(value, 1);
    }
    writer.exponential(&with_exemplars, &histogram);
    writer.exponential(&point(&b), &Histogram::new(4));
    assert_eq!(writer.points(), 6);
    let expected = writer.encoded_len();
    let request = writer.finish();
    assert_eq!(request.len(), expected);
    request
}

fn metric(name: &str, data: Data) -> proto::Metric {
    proto::Metric {
        name: name.into(),
        unit: "ms".into(),
        data: Some(data),
        ..proto::Metric::default()
    }
}

fn scope(name: &str, version: &str, metrics: Vec<proto::Metric>) -> ScopeMetrics {
    ScopeMetrics {
        scope: Some(InstrumentationScope {
            name: name.into(),
            version: version.into(),
            ..InstrumentationScope::default()
        }),
        metrics,
        ..ScopeMetrics::default()
    }
}

fn resource(attributes: Vec<KeyValue>, scopes: Vec<ScopeMetrics>) -> ResourceMetrics {
    ResourceMetrics {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_metrics: scopes,
        ..ResourceMetrics::default()
    }
}

fn expected() -> ExportMetricsServiceRequest {
    let number = |attribute: &str, value, exemplars| NumberDataPoint {
        attributes: vec![text("k", attribute)],
        start_time_unix_nano: START,
        time_unix_nano: TIME,
        value: Some(value),
        exemplars,
        flags: 0,
    };
    let calls = Data::Sum(Sum {
        data_points: vec![
            number("a", number_data_point::Value::AsInt(-7), exemplars()),
            number("b", number_data_point::Value::AsDouble(0.5), Vec::new()),
        ],
        aggregation_temporality: 1,
        is_monotonic: true,
    });
    let level = number("b", number_data_point::Value::AsInt(0), Vec::new());
    let duration = Data::Histogram(proto::Histogram {
        data_points: vec![HistogramDataPoint {
            attributes: vec![text("k", "a")],
            start_time_unix_nano: START,
            time_unix_nano: TIME,
            count: 3,
            sum: Some(4.5),
            explicit_bounds: vec![1.0, 2.0],
            bucket_counts: vec![1, 0, 2],
            exemplars: exemplars(),
            ..HistogramDataPoint::default()
        }],
        aggregation_temporality: 1,
    });
    let full = ExponentialHistogramDataPoint {
        attributes: vec![text("k", "a")],
        start_time_unix_nano: START,
        time_unix_nano: TIME,
        count: 6,
        sum: Some(14.0),
        min: Some(-1.0),
        max: Some(8.0),
        scale: 0,
        zero_count: 1,
        positive: Some(Buckets {
            offset: -1,
            bucket_counts: vec![1, 1, 1, 1],
        }),
        negative: Some(Buckets {
            offset: -1,
            bucket_counts: vec![1],
        }),
        exemplars: exemplars(),
        ..ExponentialHistogramDataPoint::default()
    };
    let empty = ExponentialHistogramDataPoint {
        attributes: vec![text("k", "b")],
        start_time_unix_nano: START,
        time_unix_nano: TIME,
        sum: Some(0.0),
        ..ExponentialHistogramDataPoint::default()
    };
    let size = Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![full, empty],
        aggregation_temporality: 1,
    });
    let level = Data::Gauge(Gauge {
        data_points: vec![level],
    });
    let first = vec![
        scope(
            "lib",
            "1",
            vec![metric("calls", calls), metric("level", level)],
        ),
        scope("other", "", vec![metric("duration", duration)]),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![
            resource(vec![text("k", "shop")], first),
            resource(
                Vec::new(),
                vec![scope("lib", "1", vec![metric("size", size)])],
            ),
        ],
    }
}

#[test]
fn what_is_written_is_what_prost_reads() {
    let request = written();
    let read = ExportMetricsServiceRequest::decode(request.as_slice()).unwrap();
    assert_eq!(read, expected());
    let census = survey(Signal::Metrics, &request).unwrap();
    assert_eq!(census.items, 6);
}

#[test]
fn copied_attributes_are_written_as_they_stood() {
    let request = written();
    let group = Request::new(Signal::Metrics, &request)
        .resource_groups()
        .next();
    let copied = KeyValues::copy_of(group.unwrap().unwrap().attributes()).unwrap();
    assert_eq!(copied, attributes("shop"));
}

#[test]
fn a_key_that_is_put_again_has_its_last_value() {
    let mut attributes = KeyValues::default();
    attributes.put_text("a", "1");
    attributes.put_text("b", "2");
    attributes.put_owned("a".into(), &OwnedValue::from(3i64));
    let pairs: Vec<_> = attributes.view().map(|pair| pair.unwrap()).collect();
    let keys: Vec<_> = pairs.iter().map(|pair| pair.key.to_string()).collect();
    assert_eq!(keys, ["b", "a"]);
    assert!(matches!(pairs[1].value(), Ok(Any::Int(3))));
}
