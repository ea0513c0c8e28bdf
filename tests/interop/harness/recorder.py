"""Receives OTLP over gRPC and HTTP and keeps every request, decoded, under the name of its sink.

The decoding is that of the public protobuf packages, so nothing of the collector under test takes
part in judging it.
"""

import base64
import gzip
import json
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

REQUESTS = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
}
GRPC_METHODS = {
    f"/{request.DESCRIPTOR.file.package}.{service}/Export": signal
    for signal, request in REQUESTS.items()
    for service in request.DESCRIPTOR.file.services_by_name
}
# OTLP/JSON writes these as hexadecimal, where the JSON mapping of protobuf expects base64.
HEX_FIELDS = {"traceId", "spanId", "parentSpanId"}


class Recorder:
    """Any number of listeners that share one store. Ports are chosen by the system."""

    def __init__(self):
        self._lock = threading.Lock()
        self._received = []
        self._faults = []
        self._servers = []

    def listen_grpc(self, sink):
        """Starts a gRPC listener for `sink` and returns its port."""
        server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[_GrpcExport(self, sink)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._servers.append(lambda: server.stop(grace=None))
        return port

    def listen_http(self, sink, strict):
        """Starts an HTTP listener for `sink`, returns its port; `strict` is for `decode_json`."""
        own = {"recorder": self, "sink": sink, "strict": strict}
        handler = type("Handler", (_HttpExport,), own)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._servers.append(server.shutdown)
        return server.server_port

    def keep(self, sink, signal, request):
        with self._lock:
            self._received.append((sink, signal, request))

    def note_fault(self, sink, fault):
        with self._lock:
            self._faults.append(f"{sink}: {fault}")

    def received(self):
        """All `(sink, signal, request)` so far."""
        with self._lock:
            return list(self._received)

    def faults(self):
        """Requests that could not be decoded, in words."""
        with self._lock:
            return list(self._faults)

    def stop(self):
        for stop in self._servers:
            stop()


class _GrpcExport(grpc.GenericRpcHandler):
    def __init__(self, recorder, sink):
        self._recorder, self._sink = recorder, sink

    def service(self, call):
        signal = GRPC_METHODS.get(call.method)
        if signal is None:
            self._recorder.note_fault(self._sink, f"unknown method {call.method}")
            return None

        def export(body, context):
            try:
                self._recorder.keep(self._sink, signal, REQUESTS[signal].FromString(body))
            except Exception as fault:
                self._recorder.note_fault(self._sink, fault)
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(fault))
            return b""  # An empty Export…ServiceResponse: all accepted.

        return grpc.unary_unary_rpc_method_handler(export)


class _HttpExport(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        try:
            signal = self.path.removeprefix("/v1/")
            body = self._body()
            if self._is_json():
                request = decode_json(signal, body, self.strict)
            else:
                request = REQUESTS[signal].FromString(body)
        except Exception as fault:
            self.recorder.note_fault(self.sink, f"{self.path}: {fault}")
            return self._answer(400, b"")
        self.recorder.keep(self.sink, signal, request)
        self._answer(200, b"{}" if self._is_json() else b"")

    def log_message(self, *_):
        pass  # The default writes a line per request to standard error.

    def _is_json(self):
        return self.headers["content-type"].startswith("application/json")

    def _body(self):
        body = self._chunks() if self.headers["transfer-encoding"] == "chunked" else (
            self.rfile.read(int(self.headers["content-length"])))
        encoding = self.headers["content-encoding"] or "identity"
        if encoding == "gzip":
            return gzip.decompress(body)
        if encoding == "identity":
            return body
        raise ValueError(f"unexpected content-encoding {encoding}")

    def _chunks(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", self.headers["content-type"])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def decode_json(signal, body, strict):
    """Decodes an OTLP/JSON request; an unknown field is a fault if `strict`, else it is skipped."""
    value = json.loads(body, parse_int=lambda text: -0.0 if text == "-0" else int(text))
    return json_format.ParseDict(
        _ids_to_base64(value), REQUESTS[signal](), ignore_unknown_fields=not strict)


def _ids_to_base64(value):
    if isinstance(value, list):
        return [_ids_to_base64(each) for each in value]
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(each)).decode()
            if key in HEX_FIELDS else _ids_to_base64(each)
            for key, each in value.items()
        }
    return value
