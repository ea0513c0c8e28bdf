"""Two collectors behind a balancer count spans, and one of them starts again: the calls that a Prometheus knows of, be
it that it scrapes both or that both write to it, have increased by the spans that were sent."""

import json
import math
import sys
import time
from pathlib import Path

from check import Process, Server, attribute, fetch, free_port, wait_for

CONFIG = """
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
connectors:
  # A count begins with a point of 0, which has to be seen.
  span_metrics: {metrics_flush_interval: 2s}
exporters:
  prometheus: {endpoint: '127.0.0.1:SHOWN'}
  prometheus_remote_write:
    endpoint: WRITTEN/api/v1/write
    protobuf_message: MESSAGE
extensions: {admin: {enabled: false}}
service:
  telemetry: {metrics: {level: none}, resource: {service.instance.id: NAME}}
  pipelines:
    traces: {receivers: [otlp], exporters: [span_metrics]}
    metrics: {receivers: [span_metrics], exporters: [prometheus, prometheus_remote_write]}
"""

SCRAPES = """
global: {scrape_interval: 500ms}
scrape_configs:
  - {job_name: collectors, honor_labels: true, static_configs: [{targets: [TARGETS]}]}
"""

CALLS = "traces_span_metrics_calls_total"
RANGE = "10m"
SPANS = 50


class Instance:
    """A collector of a name, which shows its metrics at the same place when it starts again."""

    def __init__(self, collector, work, name, written, message):
        self.collector, self.work, self.name = collector, work, name
        self.shown = free_port()
        self.starts = 0
        keys = {"SHOWN": str(self.shown), "WRITTEN": written, "MESSAGE": message, "NAME": name}
        text = CONFIG
        for key, value in keys.items():
            text = text.replace(key, value)
        self.config = work / f"{name}.yaml"
        self.config.write_text(text)
        self.process = None
        self.start()

    def start(self):
        self.starts += 1
        log = self.work / f"{self.name}.{self.starts}.log"
        self.process = Process([self.collector, "--config", str(self.config)], log)
        self.receiver = self.process.address("otlp")

    def stop(self):
        self.process.stop()


class Balancer:
    """Gives each request to the next of those that are there."""

    def __init__(self, instances):
        self.instances = instances
        self.requests = 0

    def send(self, times):
        for _ in range(times):
            instance = self.instances[self.requests % len(self.instances)]
            self.requests += 1
            body = json.dumps(self.spans()).encode()
            url = f"http://{instance.receiver}/v1/traces"
            fetch(url, {"content-type": "application/json"}, body)
        return self.requests * SPANS

    def spans(self):
        now = time.time_ns()
        first = self.requests * SPANS
        spans = [
            {
                "traceId": f"{first + at:032x}",
                "spanId": f"{first + at:016x}",
                "name": f"GET /{at % 3}",
                "kind": 2,
                "startTimeUnixNano": str(now - 1_000_000),
                "endTimeUnixNano": str(now),
            }
            for at in range(SPANS)
        ]
        # Both instances tell Prometheus of this one.
        named = {"service.name": "cart", "host.name": "h"}
        resource = {"attributes": [attribute(key, value) for key, value in named.items()]}
        return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def increases(server):
    """By how much each series has grown as of its last sample, where there is nothing to be guessed beyond it."""
    found = server.get("query", query=f"{CALLS}[{RANGE}]") or {"result": []}
    grown = {}
    for series in found["result"]:
        labels = series["metric"]
        chosen = ",".join(f"{k}={json.dumps(v)}" for k, v in labels.items() if k != "__name__")
        query = f"increase({CALLS}{{{chosen}}}[{RANGE}])"
        times = [at for at, _ in series["values"]]
        data = server.get("query", query=query, time=repr(times[-1]))
        value = float(data["result"][0]["value"][1]) if data and data["result"] else 0
        grown[(labels["collector_instance_id"], labels["span_name"])] = value
    return grown


def resets(server):
    """How often a counter has begun again, by instance."""
    query = f"max by (collector_instance_id) (resets({CALLS}[{RANGE}]))"
    found = server.get("query", query=query) or {"result": []}
    return {s["metric"]["collector_instance_id"]: float(s["value"][1]) for s in found["result"]}


def main(collector, prometheus, work, message):
    work = Path(work) / "instances"
    work.mkdir()
    written = Server(prometheus, work, "written", "", "exemplar-storage")
    running = [written]
    try:
        wait_for("Prometheus to be ready", lambda: written.get("query", query="1"))
        one, other = (
            Instance(collector, work, name, written.root, message) for name in ("one", "other")
        )
        running += [one, other]
        targets = ",".join(f"'127.0.0.1:{instance.shown}'" for instance in (one, other))
        scrapes = SCRAPES.replace("TARGETS", targets)
        scraped = Server(prometheus, work, "scraped", scrapes, "exemplar-storage")
        running.append(scraped)
        servers = {"written": written, "scraped": scraped}
        wait_for("both to be scraped", lambda: scraped.value("sum(up)") == 2)
        balancer = Balancer([one, other])

        def has(spans):
            for name, server in servers.items():
                wait_for(
                    f"{name}: {spans} calls",
                    lambda server=server: math.isclose(
                        sum(increases(server).values()), spans, rel_tol=1e-6
                    ),
                )

        has(balancer.send(20))
        has(balancer.send(20))
        balancer.instances = [one]
        other.stop()
        has(balancer.send(7))
        other.start()
        balancer.instances = [one, other]
        has(balancer.send(13))
        spans = balancer.send(20)
        has(spans)
        for name, server in servers.items():
            grown = increases(server)
            assert len(grown) == 6, f"{name}: {grown}"
            begun = resets(server)
            assert begun == {"one": 0, "other": 1}, f"{name}: {begun}"
            print(f"{name}: calls have increased by {sum(grown.values()):.0f} of {spans} spans")
        return 0
    finally:
        # Who is written to ends last.
        for process in reversed(running):
            process.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
