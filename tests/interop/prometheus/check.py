"""Starts a collector and Prometheuses that scrape it or are written to, sends metrics, and asks for them again."""

import json
import math
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

# Longer than anything takes that works.
PATIENCE = 60
TRACE = "0102030405060708090a0b0c0d0e0f10"
SPAN = "0102030405060708"

CONFIG = """
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
exporters:
  prometheus:
    endpoint: 127.0.0.1:0
    enable_open_metrics: true
    const_labels: {environment: test}
  prometheus_remote_write:
    endpoint: WRITTEN/api/v1/write
    external_labels: {environment: test}
    protobuf_message: MESSAGE
    retry_on_failure: {max_interval: 1s}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [otlp], exporters: [prometheus, prometheus_remote_write]}
"""

# One server asks for OpenMetrics, one for protobuf, which has native histograms.
SCRAPES = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: scraped
    honor_labels: true
    static_configs: [{targets: ['ADDRESS']}]
"""


class Process:
    """A child with its log in a file."""

    def __init__(self, arguments, log):
        self.log = log
        self.child = subprocess.Popen(arguments, stdout=log.open("wb"), stderr=subprocess.STDOUT)

    def address(self, component):
        """Where a component listens, once it says so."""

        def found():
            for line in self.log.read_text().splitlines():
                if "Starting HTTP server" in line and f'"{component}"' in line:
                    return line.split('"endpoint": "')[1].split('"')[0]
            return None

        return wait_for(f"{component} to listen", found)

    def stop(self):
        self.child.terminate()
        self.child.wait(PATIENCE)


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE} s for {what}")
        time.sleep(0.1)


def fetch(url, headers=(), body=None):
    request = urllib.request.Request(url, data=body, headers=dict(headers))
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return response.read()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def attribute(key, value):
    return {"key": key, "value": {"stringValue": value}}


def request(start, now):
    """One point of every kind."""
    times = {"startTimeUnixNano": str(start), "timeUnixNano": str(now)}
    exemplar = {"timeUnixNano": str(now), "traceId": TRACE, "spanId": SPAN}
    labels = {"attributes": [attribute("http.route", '/a "b" \\ c')]}
    metrics = [
        {
            "name": "room.temperature",
            "description": "How warm it is",
            "unit": "Cel",
            "gauge": {"dataPoints": [{**times, **labels, "asDouble": -1.5}]},
        },
        {
            "name": "requests",
            "description": "How many came",
            "sum": {
                "isMonotonic": True,
                "aggregationTemporality": 2,
                "dataPoints": [
                    {**times, **labels, "asInt": 12345678, "exemplars": [{**exemplar, "asInt": 1}]}
                ],
            },
        },
        {
            "name": "latency",
            "description": "How long they took",
            "unit": "s",
            "histogram": {
                "aggregationTemporality": 2,
                "dataPoints": [
                    {
                        **times,
                        **labels,
                        "count": 6,
                        "sum": 7.5,
                        "explicitBounds": [0.1, 1],
                        "bucketCounts": [1, 2, 3],
                        "exemplars": [{**exemplar, "asDouble": 0.5}],
                    }
                ],
            },
        },
        {
            "name": "size",
            "description": "How large they were",
            "unit": "By",
            "exponentialHistogram": {
                "aggregationTemporality": 2,
                "dataPoints": [
                    {
                        **times,
                        **labels,
                        "count": 7,
                        "sum": 30,
                        "scale": 0,
                        "zeroCount": 1,
                        "positive": {"offset": 1, "bucketCounts": [4, 0, 0, 0, 2]},
                    }
                ],
            },
        },
        {
            "name": "wait",
            "description": "How long they waited",
            "unit": "s",
            "summary": {
                "dataPoints": [
                    {
                        **times,
                        **labels,
                        "count": 9,
                        "sum": 4.5,
                        "quantileValues": [{"quantile": 0.5, "value": 0.25}],
                    }
                ]
            },
        },
        {
            "name": "refused",
            "description": "It does not say what it counts",
            "sum": {"dataPoints": [{**times, "asInt": 1}]},
        },
    ]
    resource = [
        attribute("service.namespace", "shop"),
        attribute("service.name", "cart"),
        attribute("service.instance.id", "i-1"),
        attribute("host.name", "h"),
    ]
    scope = {"scope": {"name": "lib"}, "metrics": metrics}
    return {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [scope]}]}


class Server:
    """A Prometheus that scrapes what it is told; one that is told nothing is written to."""

    def __init__(self, folder, work, name, scrapes, features):
        port = free_port()
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/api/v1/"
        self.log = work / f"{name}.log"
        config = work / f"{name}.yml"
        config.write_text(scrapes)
        self.arguments = [
            f"{folder}/prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={work / name}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--enable-feature={features}",
            "--log.level=warn",
        ]
        if not scrapes:
            self.arguments.append("--web.enable-remote-write-receiver")
        self.start()

    def start(self):
        self.process = Process(self.arguments, self.log)

    def stop(self):
        self.process.stop()

    def get(self, path, **parameters):
        try:
            url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
            return json.loads(fetch(url))["data"]
        except (urllib.error.URLError, ConnectionError):
            return None

    def value(self, query):
        """The number that a query returns; None while there is none."""
        data = self.get("query", query=query)
        if not data or not data["result"]:
            return None
        (sample,) = data["result"]
        return float(sample["value"][1])

    def exemplars(self, query):
        now = time.time()
        found = self.get("query_exemplars", query=query, start=now - 3600, end=now + 60) or []
        return [exemplar["labels"] for series in found for exemplar in series["exemplars"]]


LABELS = (
    'environment="test",http_route="/a \\"b\\" \\\\ c",instance="i-1",job="shop/cart",'
    'otel_scope_name="lib"'
)


def queries(text, native, written):
    """Servers, queries and what they return."""
    classic = [
        (f"room_temperature_celsius{{{LABELS}}}", -1.5),
        (f"requests_total{{{LABELS}}}", 12345678),
        (f'latency_seconds_bucket{{{LABELS},le="0.1"}}', 1),
        (f'latency_seconds_bucket{{{LABELS},le="+Inf"}}', 6),
        (f"latency_seconds_sum{{{LABELS}}}", 7.5),
        (f"latency_seconds_count{{{LABELS}}}", 6),
        (f'wait_seconds{{{LABELS},quantile="0.5"}}', 0.25),
        (f"wait_seconds_count{{{LABELS}}}", 9),
        ('target_info{job="shop/cart",instance="i-1",host_name="h"}', 1),
    ]
    up = ('up{job="scraped"}', 1)
    histogram = f"size_bytes{{{LABELS}}}"
    return [
        *((text, query, value) for query, value in [*classic, up]),
        *((native, query, value) for query, value in [*classic, up] if "_bucket" not in query),
        *((written, query, value) for query, value in classic),
        *(
            (server, query, value)
            for server in (native, written)
            for query, value in [
                (f"histogram_count({histogram})", 7),
                (f"histogram_sum({histogram})", 30),
                # Of 7, one is zero, 4 lie in (2, 4], none in (4, 32] and 2 in (32, 64].
                (f"histogram_fraction(2, 4, {histogram})", 4 / 7),
                (f"histogram_fraction(4, 32, {histogram})", 0),
                (f"histogram_fraction(32, 64, {histogram})", 2 / 7),
            ]
        ),
    ]


def checks(text, native, written, page, promtool):
    """Names of checks, and whether they hold."""
    names = {text: "text", native: "native", written: "written"}
    for server, query, expected in queries(text, native, written):
        name = names[server]

        def arrived(server=server, query=query, expected=expected):
            value = server.value(query)
            return value is not None and math.isclose(value, expected, abs_tol=1e-9)

        yield f"{name}: {query} = {expected}", arrived
    for server in (text, written):
        for query in ("requests_total", "latency_seconds_bucket"):
            expected = {"trace_id": TRACE, "span_id": SPAN}
            yield (
                f"{names[server]}: exemplar of {query}",
                lambda server=server, query=query, expected=expected: expected
                in server.exemplars(query),
            )
        # What is refused is not there, and everything else is.
        yield (
            f"{names[server]}: nothing that was refused",
            lambda server=server: not server.get("query", query="refused_total")["result"],
        )

    def is_clean():
        done = subprocess.run(
            [promtool, "check", "metrics"], input=page(), capture_output=True, check=False
        )
        said = (done.stdout + done.stderr).decode().strip()
        if said:
            print(said)
        return done.returncode == 0 and not said

    yield "promtool check metrics", is_clean


def while_it_is_down(written, send):
    """Points that are sent while the back end is away arrive when it is back, in their order."""
    written.stop()
    for _ in range(3):
        send()
    written.start()
    query = f"count_over_time(requests_total{{{LABELS}}}[10m])"
    yield "written: what was sent while it was down", lambda: written.value(query) == 4


def main(collector, prometheus, work, message):
    work = Path(work)
    written = Server(prometheus, work, "written", "", "exemplar-storage,native-histograms")
    running = [written]
    try:
        config = work / "collector.yaml"
        config.write_text(CONFIG.replace("WRITTEN", written.root).replace("MESSAGE", message))
        running.append(Process([collector, "--config", str(config)], work / "collector.log"))
        receiver, exporter = (running[1].address(name) for name in ("otlp", "prometheus"))
        scrapes = SCRAPES.replace("ADDRESS", exporter)
        text = Server(prometheus, work, "text", scrapes, "exemplar-storage")
        running.append(text)
        # Prometheus takes remote write 2 since it wants to be told so for each job.
        if message != "prometheus.WriteRequest":
            scrapes += "    scrape_native_histograms: true\n"
        native = Server(prometheus, work, "native", scrapes, "native-histograms")
        running.append(native)
        wait_for("Prometheus to be ready", lambda: written.get("query", query="1"))

        def send():
            now = time.time_ns()
            body = json.dumps(request(now - 60_000_000_000, now)).encode()
            fetch(f"http://{receiver}/v1/metrics", {"content-type": "application/json"}, body)

        send()
        outcomes = {True: 0, False: 0}

        def page():
            return fetch(f"http://{exporter}/metrics")

        def every_check():
            yield from checks(text, native, written, page, f"{prometheus}/promtool")
            yield from while_it_is_down(written, send)

        for name, holds in every_check():
            try:
                passed = bool(wait_for(name, holds))
            except TimeoutError as fault:
                print(f"FAILED {name}: {fault}")
                passed = False
            outcomes[passed] += 1
        print(f"{outcomes[True]} passed, {outcomes[False]} failed")
        return outcomes[False] > 0
    finally:
        for process in running:
            process.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
