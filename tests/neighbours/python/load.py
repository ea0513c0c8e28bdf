"""Sends spans at a rate through the SDK's batch processor, as an application does.

    load.py grpc|http HOST:PORT SPANS_PER_SECOND SECONDS

Prints one line of JSON: spans ended, and spans that the processor gave to the exporter.
"""

import json
import logging
import sys
import time

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

TICK = 0.01


class Counting(SpanExporter):
    """Counts what is sent: what the processor's full queue has dropped never was."""

    def __init__(self, exporter):
        self.exporter, self.sent = exporter, 0

    def export(self, spans):
        self.sent += len(spans)
        return self.exporter.export(spans)

    def shutdown(self):
        self.exporter.shutdown()

    def force_flush(self, timeout_millis=30000):
        return self.exporter.force_flush(timeout_millis)


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=f"http://{endpoint}/v1/traces")


def main(protocol, endpoint, rate, seconds):
    logging.disable(logging.WARNING)
    counting = Counting(exporter(protocol, endpoint))
    provider = TracerProvider(resource=Resource({"service.name": "load"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(counting))
    tracer = provider.get_tracer("load")
    began, ended = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while ended < passed * rate:
            tracer.start_span("work", attributes={"number": ended, "route": "/cart"}).end()
            ended += 1
        time.sleep(TICK)
    provider.force_flush()
    provider.shutdown()
    print(json.dumps({"ended": ended, "sent": counting.sent}))


main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
