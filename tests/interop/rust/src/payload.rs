//! What is exported: every kind of value, span, metric and log record that the SDK can make.

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{AsyncInstrument, MeterProvider};
use opentelemetry::trace::{
    Link, Span, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
    TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::tee::Tee;

type Outcome = Result<(), Box<dyn Error>>;

const SCHEMA: &str = "https://opentelemetry.io/schemas/1.30.0";

/// One case's payload.
pub struct Payload {
    /// Told to the recorder by a resource attribute.
    pub case: String,
    /// Whether NaN and the infinities are among the attributes.
    pub non_finite: bool,
}

impl Payload {
    pub fn traces(&self, tee: Tee<SpanExporter>) -> Outcome {
        let provider = SdkTracerProvider::builder()
            .with_resource(self.resource())
            .with_max_events_per_span(3)
            .with_max_links_per_span(2)
            .with_max_attributes_per_link(1)
            .with_batch_exporter(tee)
            .build();
        let tracer = provider.tracer_with_scope(rich_scope());
        let other = provider.tracer_with_scope(plain_scope());
        let remote = remote_parent()?;
        let upstream = Context::new().with_remote_span_context(remote.clone());
        let link = |attributes| Link::new(remote.clone(), attributes, 0);
        let two = vec![KeyValue::new("link", "first"), KeyValue::new("dropped", 1)];
        let mut server = SpanBuilder::from_name("GET /ünïcode")
            .with_kind(SpanKind::Server)
            .with_attributes(self.attributes())
            .with_links(vec![link(two), link(Vec::new()), link(Vec::new())])
            .start_with_context(&tracer, &upstream);
        for n in 0..4 {
            let time = UNIX_EPOCH + Duration::new(1_700_000_000 + n, 123_456_789);
            server.add_event_with_timestamp(format!("event {n}"), time, self.attributes());
        }
        server.set_status(Status::error("it broke: ☃"));
        let inside = upstream.with_span(server);
        let mut client = SpanBuilder::from_name("")
            .with_kind(SpanKind::Client)
            .start_with_context(&other, &inside);
        client.record_error(&"wrong".parse::<i64>().err().ok_or("not an error")?);
        client.set_status(Status::Ok);
        client.end();
        other
            .span_builder("send")
            .with_kind(SpanKind::Producer)
            .start_with_context(&other, &inside)
            .end();
        inside.span().end();
        other
            .span_builder("receive")
            .with_kind(SpanKind::Consumer)
            .start(&other)
            .end();
        tracer
            .span_builder("a new trace")
            .with_start_time(UNIX_EPOCH + Duration::from_nanos(1))
            .start(&tracer)
            .end_with_timestamp(UNIX_EPOCH + Duration::from_nanos(2));
        Ok(provider.shutdown()?)
    }

    pub fn metrics(&self, tee: Tee<MetricExporter>) -> Outcome {
        let provider = SdkMeterProvider::builder()
            .with_resource(self.resource())
            .with_periodic_exporter(tee)
            .with_view(exponential_by_name)
            .build();
        let meter = provider.meter_with_scope(rich_scope());
        let other = provider.meter_with_scope(plain_scope());
        let counter = meter.u64_counter("counter.int").with_unit("{request}");
        let counter = counter.with_description("Counts ☃").build();
        counter.add(1 << 62, &[KeyValue::new("kept", "ü")]);
        counter.add(1, &[KeyValue::new("kept", "")]);
        other
            .f64_counter("counter.double")
            .with_unit("s")
            .build()
            .add(0.1, &self.attributes());
        meter
            .i64_up_down_counter("up_down.int")
            .with_unit("{item}")
            .build()
            .add(-5, &[]);
        meter
            .f64_up_down_counter("up_down.double")
            .build()
            .add(3.5, &[]);
        let explicit = meter.f64_histogram("histogram").with_unit("ms");
        let explicit = explicit.with_boundaries(vec![0.5, 10.0, 1e6]).build();
        let exponential = meter.f64_histogram("exponential").with_unit("By").build();
        for value in [0.0, 0.25, 1.0, 7.0, 1e9] {
            explicit.record(value, &[KeyValue::new("route", "/")]);
            exponential.record(value, &[KeyValue::new("route", "/")]);
        }
        other
            .u64_histogram("histogram.int")
            .build()
            .record(u64::from(u32::MAX), &self.attributes());
        other
            .f64_histogram("exponential.negative")
            .build()
            .record(-3.0, &[]);
        meter.i64_gauge("gauge.int").build().record(i64::MIN, &[]);
        meter
            .f64_gauge("gauge.double")
            .build()
            .record(5e-324, &self.attributes());
        let observe = |value: f64| {
            move |to: &dyn AsyncInstrument<f64>| {
                to.observe(value, &[KeyValue::new("n", "one")]);
                to.observe(value * 2.5, &[KeyValue::new("n", "two")]);
            }
        };
        meter
            .f64_observable_gauge("observable.gauge")
            .with_callback(observe(1.0))
            .build();
        meter
            .f64_observable_counter("observable.counter")
            .with_callback(observe(2.0))
            .build();
        meter
            .f64_observable_up_down_counter("observable.up_down")
            .with_callback(observe(-1.0))
            .build();
        Ok(provider.shutdown()?)
    }

    pub fn logs(&self, tee: Tee<LogExporter>) -> Outcome {
        let provider = SdkLoggerProvider::builder()
            .with_resource(self.resource())
            .with_batch_exporter(tee)
            .build();
        let logger = provider.logger_with_scope(rich_scope());
        let other = provider.logger_with_scope(plain_scope());
        let parent = remote_parent()?;
        let mut record = logger.create_log_record();
        record.set_timestamp(UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789));
        record.set_observed_timestamp(UNIX_EPOCH + Duration::new(4_000_000_000, 1));
        record.set_severity_text("WARN");
        record.set_severity_number(Severity::Warn3);
        record.set_body("a text ☃".into());
        record.set_event_name("interop.event");
        record.add_attributes(nested());
        record.set_trace_context(
            parent.trace_id(),
            parent.span_id(),
            Some(TraceFlags::SAMPLED),
        );
        logger.emit(record);
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Fatal4);
        record.set_body(AnyValue::Map(Box::new(nested().into_iter().collect())));
        logger.emit(record);
        let list = vec![
            AnyValue::from("array"),
            AnyValue::from(1),
            AnyValue::from(2.5),
        ];
        let bodies = [
            Some(AnyValue::ListAny(Box::new(list))),
            Some("".into()),
            Some(AnyValue::Bytes(Box::new(vec![0, 255]))),
            Some(i64::MAX.into()),
            Some((-0.5).into()),
            Some(true.into()),
            None,
        ];
        for body in bodies {
            let mut record = other.create_log_record();
            record.set_severity_text("custom");
            if let Some(body) = body {
                record.set_body(body);
            }
            other.emit(record);
        }
        Ok(provider.shutdown()?)
    }

    fn resource(&self) -> Resource {
        Resource::builder_empty()
            .with_service_name("interop")
            .with_attribute(KeyValue::new("interop.case", self.case.clone()))
            .with_schema_url(self.attributes(), SCHEMA)
            .build()
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let strings = ["a", "", "ü"].map(StringValue::from).to_vec();
        let values: [(&'static str, Value); 20] = [
            ("string", "value".into()),
            ("string.empty", "".into()),
            ("string.unicode", "snäp ☃ 🚀 \0 \" \\ \n".into()),
            ("int", 42.into()),
            ("int.zero", 0.into()),
            ("int.max", i64::MAX.into()),
            ("int.min", i64::MIN.into()),
            ("double", 0.1.into()),
            ("double.negative_zero", (-0.0).into()),
            ("double.large", f64::MAX.into()),
            ("double.tiny", 5e-324.into()),
            ("double.nan", f64::NAN.into()),
            ("double.infinity", f64::INFINITY.into()),
            ("bool", true.into()),
            ("bool.false", false.into()),
            ("strings", Value::Array(Array::String(strings))),
            ("ints", Value::Array(Array::I64(vec![1, -1, (1 << 53) + 1]))),
            ("doubles", Value::Array(Array::F64(vec![0.5, -2.25]))),
            ("bools", Value::Array(Array::Bool(vec![true, false]))),
            ("empty", Value::Array(Array::I64(Vec::new()))),
        ];
        values
            .into_iter()
            .filter(|(_, value)| self.non_finite || is_finite(value))
            .map(|(key, value)| KeyValue::new(key, value))
            .collect()
    }
}

fn rich_scope() -> InstrumentationScope {
    InstrumentationScope::builder("interop.first")
        .with_version("1.2.3")
        .with_schema_url(SCHEMA)
        .with_attributes([
            KeyValue::new("scope.kind", "rich"),
            KeyValue::new("scope.n", 7),
        ])
        .build()
}

fn plain_scope() -> InstrumentationScope {
    InstrumentationScope::builder("interop.second")
        .with_version("0.0.1-beta+build")
        .build()
}

fn remote_parent() -> Result<SpanContext, Box<dyn Error>> {
    let state = TraceState::from_key_value([("vendor", "opaque/value"), ("other@tenant", "1")])?;
    Ok(SpanContext::new(
        TraceId::from(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        SpanId::from(0x00ff_00ff_00ff_00ff),
        TraceFlags::SAMPLED,
        true,
        state,
    ))
}

fn exponential_by_name(instrument: &Instrument) -> Option<Stream> {
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    instrument
        .name()
        .starts_with("exponential")
        .then(|| Stream::builder().with_aggregation(aggregation).build().ok())?
}

fn is_finite(value: &Value) -> bool {
    !matches!(value, Value::F64(number) if !number.is_finite())
}

fn nested() -> Vec<(Key, AnyValue)> {
    let deep = vec![
        AnyValue::from(1),
        AnyValue::from("two"),
        AnyValue::Bytes(Box::new(vec![255])),
    ];
    let inner = [(Key::from("deep"), AnyValue::ListAny(Box::new(deep)))];
    let map = [(
        Key::from("inner"),
        AnyValue::Map(Box::new(inner.into_iter().collect())),
    )];
    [
        ("string", "snäp ☃ 🚀 \0".into()),
        ("string.empty", "".into()),
        ("int.max", i64::MAX.into()),
        ("double", 0.1.into()),
        ("bool.false", false.into()),
        ("bytes", AnyValue::Bytes(Box::new(vec![0, 1, 254, 255]))),
        ("map", AnyValue::Map(Box::new(map.into_iter().collect()))),
        ("empty", AnyValue::ListAny(Box::default())),
    ]
    .map(|(key, value)| (Key::from(key), value))
    .to_vec()
}
