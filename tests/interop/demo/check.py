"""Runs the demo, does what it says, and asks its back ends.

    check.py DEMO

TRACEGATE, JAEGER and PROMETHEUS name the programs. Prints a line for each check that fails, and `N passed, N failed`.
"""

import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

# Longer than anything takes that works.
PATIENCE = 60
PORTS = [4317, 4318, 8888, 8889, 9090, 13134, 16685, 16686, 24317]


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, holds, found=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {found}")


def is_taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def free_offset():
    """A number that leads from every port of the demo to one that nobody has."""
    while True:
        offset = random.randrange(1000, 40000)
        if not any(is_taken(port + offset) for port in PORTS):
            return offset


class Demo:
    def __init__(self, demo, **environment):
        self.offset = free_offset()
        self.log = tempfile.NamedTemporaryFile("w+")
        arguments = [demo, "--offset", str(self.offset)]
        environment = os.environ | environment
        self.child = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, env=environment)
        self.wait(lambda: "Ctrl-C ends it." in self.said())

    def said(self):
        with open(self.log.name) as log:
            return log.read()

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            if time.monotonic() > deadline or self.child.poll() is not None:
                raise SystemExit(f"the demo does not come to it:\n{self.said()}")
            time.sleep(0.1)
        return found

    def printed(self, label):
        """What stands behind a label."""
        return next(line for line in self.said().splitlines() if line.startswith(label))[len(label) :].strip()

    def ask(self, port, path, **question):
        url = f"http://localhost:{port + self.offset}{path}?{urllib.parse.urlencode(question)}"
        return fetch(url)

    def query(self, expression):
        """The samples of an expression, once there are any."""
        ask = lambda: self.ask(9090, "/api/v1/query", query=expression)["data"]["result"]
        return self.wait(ask)

    def end(self):
        self.child.send_signal(signal.SIGINT)
        return self.child.wait(PATIENCE)

    def left(self):
        """Ports that are still taken after the end."""
        return [port for port in PORTS if is_taken(port + self.offset)]


def fetch(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)


def command(line):
    return subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=PATIENCE)


def has_failed(trace):
    tags = [tag for span in trace["spans"] for tag in span["tags"]]
    return any(tag["key"] == "error" and tag["value"] is True for tag in tags)


def services(trace):
    return {process["serviceName"] for process in trace["processes"].values()}


def traces(report, demo):
    """What Jaeger has, and what Tracegate says of it."""
    url = demo.printed("The same from Jaeger's API").removeprefix("curl ")
    [trace] = fetch(url)["data"]
    report.check("the trace that is shown has failed", has_failed(trace), trace)
    report.check("it is whole", {"frontend", "checkout", "payment"} <= services(trace), services(trace))
    said = command(demo.printed("Why a trace was kept"))
    report.check("why", said.returncode == 0 and "sampled by errors" in said.stdout, said)
    kept = demo.ask(16686, "/api/traces", service="frontend", limit=1000)["data"]
    asked = 0
    for trace in kept[:20]:
        said = command(demo.printed("Why a trace was kept").rsplit(" ", 1)[0] + " " + trace["traceID"])
        if "sampled by" not in said.stdout:
            report.check(f"{trace['traceID']} was kept for a reason", False, said)
            return
        asked += has_failed(trace) == ("sampled by errors" in said.stdout)
    fits = 0 < asked == len(kept[:20])
    report.check("a trace that has failed is kept by `errors`, no other is", fits, asked)


def measures(report, demo):
    """What Prometheus has, and what leads from there to Jaeger."""
    calls = 'sum(traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER",service_name="frontend"})'
    [counted] = demo.query(calls)
    kept = demo.ask(16686, "/api/traces", service="frontend", limit=100000)["data"]
    counted = float(counted["value"][1])
    report.check("all requests are counted, and few kept", counted > 4 * len(kept) > 0, (counted, len(kept)))
    edges = demo.query("sum by (client, server) (traces_service_graph_request_total)")
    edges = {(edge["metric"]["client"], edge["metric"]["server"]) for edge in edges}
    wanted = {("frontend", "checkout"), ("checkout", "payment"), ("catalog", "products")}
    report.check("who calls whom is there", wanted <= edges, edges)
    report.check("both pages are scraped", demo.query('sum(up{job=~"shop|tracegate"}) == 2'))
    rules = demo.ask(9090, "/api/v1/rules")["data"]["groups"]
    faults = [rule["lastError"] for group in rules for rule in group["rules"] if rule.get("lastError")]
    report.check("the alerts are evaluated", rules and not faults, faults)

    def behind_exemplars():
        """A trace of Jaeger that an exemplar of a failed request leads to."""
        failed = 'traces_span_metrics_duration_milliseconds_bucket{status_code="STATUS_CODE_ERROR"}'
        span = {"start": time.time() - 60, "end": time.time()}
        found = demo.ask(9090, "/api/v1/query_exemplars", query=failed, **span)["data"]
        ids = [exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]]
        known = {trace["traceID"] for trace in demo.ask(16686, "/api/traces", service="frontend", limit=100000)["data"]}
        return known & set(ids)

    report.check("an exemplar of a failed request leads to its trace", demo.wait(behind_exemplars))

    def monitored():
        """The rate of requests as Jaeger's page shows it, which asks Prometheus."""
        question = {"service": "frontend", "spanKind": "server", "lookback": 60000, "step": 5000, "ratePer": 60000}
        found = demo.ask(16686, "/api/metrics/calls", **question)
        return found["metrics"] and found["metrics"][0]["metricPoints"]

    report.check("Jaeger's monitor shows rates", demo.wait(monitored))


def end(report, demo, what):
    code = demo.end()
    report.check(f"{what}: ends with 0", code == 0, code)
    report.check(f"{what}: leaves nothing running", not demo.left(), demo.left())
    account = [line.split() for line in demo.said().split("account (items)")[-1].splitlines()[1:]]
    rows = [row for row in account if row[0] in ("receiver", "processor", "exporter", "connector")]
    report.check(f"{what}: nothing is held at the end", rows and all(row[-1] == "0" for row in rows), demo.said())
    exporters = [row for row in rows if row[0] == "exporter" and "traces" in row]
    report.check(f"{what}: what was kept was delivered", exporters and exporters[0][-3] == "0", exporters)


def main():
    report = Report()
    demo = Demo(sys.argv[1])
    try:
        traces(report, demo)
        measures(report, demo)
    finally:
        end(report, demo, "with both")
    demo = Demo(sys.argv[1], JAEGER="none", PROMETHEUS="none")
    try:
        said = demo.said()
        report.check("says what is not there", "no Jaeger" in said and "no Prometheus" in said, said)
        said = command(demo.printed("Why a trace was kept"))
        report.check("why without back ends", said.returncode == 0, said)
    finally:
        end(report, demo, "without both")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
