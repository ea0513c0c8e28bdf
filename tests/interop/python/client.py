"""Exports the same objects of the Python SDK twice: to the recorder and through the collector.

    client.py SENT_GRPC SENT_HTTP [TRANSPORT/COMPRESSION=THROUGH]...

All addresses are `host:port`. Exit code 1 if any export reports a failure.
"""

import sys

import grpc
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.common.http import Compression as JsonCompression
from opentelemetry.exporter.otlp.json.http import OTLPMetricExporter as JsonMetrics
from opentelemetry.exporter.otlp.json.http import OTLPSpanExporter as JsonSpans
from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter as JsonLogs
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression as ProtoCompression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as ProtoLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as ProtoMetrics,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as ProtoSpans
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

EXPORTERS = {
    "grpc": (GrpcSpans, GrpcMetrics, GrpcLogs),
    "http-proto": (ProtoSpans, ProtoMetrics, ProtoLogs),
    "http-json": (JsonSpans, JsonMetrics, JsonLogs),
}
FAILURES = []  # The SDK's own threads export, so a failure is told to the main thread here.
SCHEMA = "https://opentelemetry.io/schemas/1.30.0"
SCOPE_ATTRIBUTES = {"scope.kind": "rich", "scope.n": 7}
SCALARS = {
    "string": "value",
    "string.empty": "",
    "string.unicode": "snäp ☃ 🚀 \u0000 \" \\ \n",
    "int": 42,
    "int.zero": 0,
    "int.max": 2**63 - 1,
    "int.min": -(2**63),
    "double": 0.1,
    "double.negative_zero": -0.0,
    "double.large": 1.7976931348623157e308,
    "double.tiny": 5e-324,
    "double.nan": float("nan"),
    "double.infinity": float("inf"),
    "bool": True,
    "bool.false": False,
    "bytes": b"\x00\x01\xfe\xff",
}
ATTRIBUTES = SCALARS | {
    "strings": ["a", "", "ü"],
    "ints": [1, -1, 2**53 + 1],
    "doubles": [0.5, -2.25],
    "bools": [True, False],
    "empty": [],
}
NESTED = ATTRIBUTES | {"map": {"inner": {"deep": [1, "two", 3.0, None, b"\xff"]}}, "none": None}


def main():
    sent_grpc, sent_http, *cases = sys.argv[1:]
    for case in cases:
        form, through = case.split("=")
        transport, compression = form.split("/")
        sent = sent_grpc if transport == "grpc" else sent_http
        ends = ((sent, "none"), (through, compression))
        pairs = [[exporter(transport, signal, *end) for end in ends] for signal in range(3)]
        own = {"service.name": "interop", "interop.case": f"python/{form}"}
        resource = Resource(own | SCALARS, SCHEMA)
        traces(resource, TeeSpans(pairs[0]))
        metrics(resource, TeeMetrics(pairs[1]))
        logs(resource, TeeLogs(pairs[2]))
    if FAILURES:
        sys.exit("\n".join(FAILURES))


def exporter(transport, signal, address, compression):
    make = EXPORTERS[transport][signal]
    if transport == "grpc":
        how = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}[compression]
        return make(endpoint=address, insecure=True, compression=how)
    path = ("traces", "metrics", "logs")[signal]
    how = {"http-proto": ProtoCompression, "http-json": JsonCompression}[transport](compression)
    return make(endpoint=f"http://{address}/v1/{path}", compression=how)


# === The same batch to both exporters ===


def both(exporters, batch):
    results = [each.export(batch) for each in exporters]
    if any(result.name != "SUCCESS" for result in results):
        FAILURES.append(f"{type(exporters[0]).__module__}: {results}")
    return results[0]


class Tee:
    def __init__(self, exporters):
        self.exporters = exporters

    def shutdown(self, *_, **__):
        for each in self.exporters:
            each.shutdown()

    def force_flush(self, *_, **__):
        return True


class TeeSpans(Tee, SpanExporter):
    def export(self, spans):
        return both(self.exporters, spans)


class TeeLogs(Tee, LogRecordExporter):
    def export(self, batch):
        return both(self.exporters, batch)


class TeeMetrics(Tee, MetricExporter):
    def __init__(self, exporters):
        Tee.__init__(self, exporters)
        delta = AggregationTemporality.DELTA
        MetricExporter.__init__(self, preferred_temporality={Counter: delta, Histogram: delta})

    def export(self, metrics_data, timeout_millis=10_000, **_):
        return both(self.exporters, metrics_data)


# === What is exported ===


def traces(resource, tee):
    limits = SpanLimits(max_events=3, max_links=2, max_event_attributes=30, max_link_attributes=1)
    provider = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(tee))
    tracer = provider.get_tracer("interop.first", "1.2.3", SCHEMA, SCOPE_ATTRIBUTES)
    other = provider.get_tracer("interop.second", "0.0.1-beta+build")
    remote = SpanContext(
        0x0102030405060708090A0B0C0D0E0F10, 0x00FF00FF00FF00FF, True, TraceFlags(1),
        TraceState([("vendor", "opaque/value"), ("other@tenant", "1")]),
    )
    upstream = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    links = [Link(remote, {"link": "first", "dropped": 1}), Link(remote), Link(remote)]
    with tracer.start_as_current_span(
        "GET /ünïcode", upstream, SpanKind.SERVER, ATTRIBUTES, links
    ) as server:
        for n in range(4):
            server.add_event(f"event {n}", ATTRIBUTES)
        server.set_status(Status(StatusCode.ERROR, "it broke: ☃"))
        with other.start_as_current_span("", kind=SpanKind.CLIENT) as client:
            client.record_exception(ValueError("wrong"))
            client.set_status(StatusCode.OK)
        other.start_span("send", kind=SpanKind.PRODUCER).end()
    other.start_span("receive", kind=SpanKind.CONSUMER).end()
    tracer.start_span("a new trace", start_time=1, attributes={"only": "this"}).end(2)
    provider.shutdown()


def metrics(resource, tee):
    views = [
        View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation()),
        View(instrument_name="counter.int", attribute_keys={"kept"}),
    ]
    reader = PeriodicExportingMetricReader(tee, export_interval_millis=3_600_000)
    provider = MeterProvider(
        [reader], resource, AlwaysOnExemplarFilter(), shutdown_on_exit=False, views=views
    )
    meter = provider.get_meter("interop.first", "1.2.3", SCHEMA, SCOPE_ATTRIBUTES)
    other = provider.get_meter("interop.second", "0.0.1-beta+build")
    with any_span():
        counter = meter.create_counter("counter.int", "{request}", "Counts ☃")
        counter.add(2**62, {"kept": "yes", "filtered": "ü"})
        counter.add(1, {"kept": ""})
        other.create_counter("counter.double", "s").add(0.1, ATTRIBUTES)
        balance = meter.create_up_down_counter("up_down", "{item}", "")
        balance.add(-5)
        balance.add(3.5, {"side": "left"})
        explicit = meter.create_histogram(
            "histogram", "ms", explicit_bucket_boundaries_advisory=[0.5, 10, 1e6]
        )
        exponential = meter.create_histogram("exponential", "By")
        for value in (0, 0.25, 1, 7, 1e9):
            explicit.record(value, {"route": "/"})
            exponential.record(value, {"route": "/"})
    meter.create_gauge("gauge.int").set(-(2**63))
    meter.create_gauge("gauge.double").set(5e-324, ATTRIBUTES)
    meter.create_observable_gauge("observable.gauge", [observed])
    meter.create_observable_counter("observable.counter", [observed])
    meter.create_observable_up_down_counter("observable.up_down", [observed])
    provider.shutdown()


def any_span():
    """A current span that is not exported: exemplars and log records take their context from it."""
    return TracerProvider(shutdown_on_exit=False).get_tracer("context").start_as_current_span("any")


def observed(_: CallbackOptions):
    return [Observation(1, {"n": "one"}), Observation(2.5, {"n": "two"})]


def logs(resource, tee):
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(tee))
    logger = provider.get_logger("interop.first", "1.2.3", SCHEMA, SCOPE_ATTRIBUTES)
    other = provider.get_logger("interop.second")
    with any_span():
        logger.emit(LogRecord(
            timestamp=1_700_000_000_123_456_789, observed_timestamp=2**63 - 1,
            severity_text="WARN", severity_number=SeverityNumber.WARN3,
            body="a text ☃", attributes=NESTED, event_name="interop.event",
        ))
        logger.emit(LogRecord(body=NESTED, severity_number=SeverityNumber.FATAL4))
    for body in (["array", 1, None, [2.5]], "", b"\x00\xff", 2**63 - 1, -0.5, True, None):
        other.emit(LogRecord(body=body, severity_text="custom"))
    provider.shutdown()


if __name__ == "__main__":
    main()
