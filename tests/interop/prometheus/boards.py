"""Every expression of every dashboard returns data from a Prometheus that scrapes a collector under load.

So does every panel of the Collector's public dashboards, and every rule of its chart, for the components that we have:
`collector_boards.txt` has what they look at.
"""

import json
import math
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from check import PATIENCE, Process, Server, attribute, fetch, free_port, wait_for

# Everything that has a metric of its own, with room for little in some of it.
CONFIG = """
receivers:
  otlp:
    protocols:
      http: {endpoint: '127.0.0.1:0'}
  otlp/tls:
    protocols:
      http: {endpoint: '127.0.0.1:0', tls: {cert_file: WORK/cert.pem, key_file: WORK/key.pem}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 1000}
  batch: {timeout: 200ms, send_batch_size: 20}
  probabilistic_sampler: {sampling_percentage: 50}
  tail_sampling: {decision_wait: 1s, policies: &policies [
    {name: errors, type: status_code, status_code: {status_codes: [ERROR]}},
    {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}},
  ]}
  tail_sampling/small: {decision_wait: 5s, num_traces: 5, policies: *policies}
connectors:
  span_metrics: {metrics_flush_interval: 1s}
  service_graph: {metrics_flush_interval: 1s, store_expiration_loop: 1s}
exporters:
  nop:
  otlp_http: {endpoint: 'http://127.0.0.1:SINK', compression: none}
  # Nobody is there, and few may wait.
  otlp_http/dead:
    endpoint: 'http://127.0.0.1:1'
    timeout: 1s
    sending_queue: {queue_size: 1, num_consumers: 1}
    retry_on_failure: {initial_interval: 200ms, max_interval: 300ms, max_elapsed_time: 2s}
  prometheus: {endpoint: '127.0.0.1:0'}
  prometheus_remote_write: {endpoint: 'http://127.0.0.1:SINK/api/v1/write'}
extensions:
  admin: {enabled: false}
service:
  extensions: [admin]
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: PORT, without_type_suffix: SUFFIX}}}}]}
  pipelines:
    traces: {receivers: [otlp, otlp/tls], processors: [memory_limiter, tail_sampling, batch], exporters: [otlp_http, otlp_http/dead, span_metrics, service_graph]}
    traces/small: {receivers: [otlp], processors: [tail_sampling/small], exporters: [nop]}
    traces/share: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [nop]}
    metrics: {receivers: [otlp, span_metrics, service_graph], processors: [memory_limiter], exporters: [otlp_http, otlp_http/dead, prometheus, prometheus_remote_write]}
    logs: {receivers: [otlp], processors: [memory_limiter], exporters: [otlp_http, otlp_http/dead]}
"""

SCRAPES = """
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: tracegate, static_configs: [{targets: ['127.0.0.1:PLAIN', '127.0.0.1:SUFFIXED']}]}
  - {job_name: exporter, static_configs: [{targets: ['SERVED']}]}
"""

# What Grafana puts into an expression.
CHOSEN = [("$__rate_interval", "10s"), ("$__range", "1m"), ("$job", ".+"), ("$instance", ".+")]


class Sink(BaseHTTPRequestHandler):
    """A back end that takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def spans(traces, first):
    """A request with one span for each of these traces, every third with an error."""
    now = time.time_ns()
    listed = [
        {
            "traceId": f"{trace + 1:032x}",
            "spanId": f"{trace + first + 1:016x}",
            "name": "GET /cart",
            "kind": 2,
            "startTimeUnixNano": str(now - 1_000_000),
            "endTimeUnixNano": str(now),
            "status": {"code": 2 if trace % 3 == 0 else 0},
        }
        for trace in traces
    ]
    # The second resource does not say whose it is.
    resources = [[attribute("service.name", "cart")], []]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": listed[half::2]}]}
            for half, attributes in enumerate(resources)
        ]
    }


def metrics(count):
    now = str(time.time_ns())
    point = {"timeUnixNano": now, "asInt": count}
    listed = [
        {"name": "carts", "sum": {"isMonotonic": True, "aggregationTemporality": 2, "dataPoints": [point]}},
        {"name": "unsaid", "sum": {"dataPoints": [point]}},
    ]
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": listed}]}]}


def logs():
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": "sold"}}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


class Load(threading.Thread):
    """A client that goes on until it is told to stop."""

    def __init__(self, addresses):
        super().__init__(daemon=True)
        self.addresses = addresses
        self.stopping = threading.Event()
        self.failed = None

    def run(self):
        try:
            turn = 0
            while not self.stopping.wait(0.1):
                for address, tls in self.addresses:
                    self.send(address, turn)
                    knock(tls)
                turn += 1
        except Exception as fault:  # told by the main thread
            self.failed = fault

    def send(self, address, turn):
        kind = {"content-type": "application/json"}
        bodies = [
            ("traces", spans(range(20 * turn, 20 * turn + 20), 0)),
            # Spans of traces that were decided long ago.
            ("traces", spans(range(20 * (turn - 40), 20 * (turn - 40) + 20), 1 << 40) if turn > 40 else None),
            ("metrics", metrics(turn)),
            ("logs", logs()),
        ]
        for signal, body in bodies:
            if body:
                fetch(f"http://{address}/v1/{signal}", kind, json.dumps(body).encode())
        for signal in ("traces", "metrics", "logs"):
            try:
                fetch(f"http://{address}/v1/{signal}", kind, b"no JSON")
            except OSError:
                pass


def knock(address):
    """A client that speaks no TLS."""
    try:
        fetch(f"http://{address}/", {})
    except (OSError, HTTPException):
        pass


def make_certificate(work):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", work / "key.pem", "-out", work / "cert.pem", "-days", "30", "-subj", "/CN=localhost"],
        check=True,
        capture_output=True,
    )


def receiver(process, component):
    """Where a receiver listens."""

    def found():
        for line in process.log.read_text().splitlines():
            if "Starting HTTP server" in line and f'"otelcol.component.id": "{component}"' in line:
                return line.split('"endpoint": "')[1].split('"')[0]
        return None

    return wait_for(f"{component} to listen", found)


def chosen(expression):
    for name, value in CHOSEN:
        expression = expression.replace(name, value)
    return expression


def expressions(board):
    """The expressions of a dashboard, and those that its variables come from."""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], chosen(target["expr"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            query = chosen(variable["definition"]).removeprefix("label_values(").removesuffix(")")
            series, label = query.rsplit(", ", 1)
            yield f"${variable['name']}", f"count by ({label}) ({series})"


def public_panels(table):
    """Board, panel, and the expressions that it lives by, from a table."""
    for line in table.read_text().splitlines():
        if line and not line.startswith("#"):
            board, panel, *queries = (field.strip() for field in line.split("|"))
            yield board, panel, queries


def returns_data(server, expression):
    data = server.get("query", query=expression)
    found = data["result"] if data else []
    return any(not math.isnan(float(sample["value"][1])) for sample in found)


class Judge:
    """Counts panels that live, and says why others do not."""

    def __init__(self, server, load):
        self.server = server
        self.load = load
        self.alive = 0
        self.dead = 0

    def see(self, name, queries):
        missing = list(queries)

        def all_return_data():
            if self.load.failed:
                raise self.load.failed
            missing[:] = [query for query in missing if not returns_data(self.server, query)]
            return not missing

        try:
            wait_for(name, all_return_data)
            self.alive += 1
        except TimeoutError:
            self.dead += 1
            for query in missing:
                print(f"FAILED {name}: nothing from {query}")


def judge(server, load, root):
    """How many panels are dead."""
    dead = 0
    for file in sorted((root / "ops/dashboards").glob("*.json")):
        judge = Judge(server, load)
        for title, expression in expressions(json.loads(file.read_text())):
            judge.see(f"{file.name}, {title}", [expression])
        print(f"{file.name}: {judge.alive} of {judge.alive + judge.dead} expressions return data")
        dead += judge.dead
    public = {}
    for board, panel, queries in public_panels(Path(__file__).parent / "collector_boards.txt"):
        public.setdefault(board, Judge(server, load)).see(f"{board}, {panel}", queries)
    for board, judge in public.items():
        print(f"{board}: {judge.alive} of {judge.alive + judge.dead} panels alive")
        dead += judge.dead
    return dead


def main(collector, prometheus, work):
    work = Path(work)
    root = Path(__file__).resolve().parents[3]
    make_certificate(work)
    sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    running, ports = [], {}
    try:
        for name, suffix in (("plain", "true"), ("suffixed", "false")):
            ports[name] = free_port()
            text = CONFIG.replace("WORK", str(work)).replace("SINK", str(sink.server_address[1]))
            text = text.replace("PORT", str(ports[name])).replace("SUFFIX", suffix)
            config = work / f"{name}.yaml"
            config.write_text(text)
            running.append(Process([collector, "--config", str(config)], work / f"{name}.log"))
        addresses = [(receiver(process, "otlp"), receiver(process, "otlp/tls")) for process in running]
        scrapes = SCRAPES.replace("PLAIN", str(ports["plain"])).replace("SUFFIXED", str(ports["suffixed"]))
        scrapes = scrapes.replace("SERVED", running[0].address("prometheus"))
        server = Server(prometheus, work, "boards", scrapes, "exemplar-storage")
        running.append(server.process)
        load = Load(addresses)
        load.start()
        dead = judge(server, load, root)
        load.stopping.set()
        load.join(PATIENCE)
        return dead > 0
    finally:
        for process in running:
            process.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
