#!/usr/bin/env python3
"""Records what the OpenTelemetry Collector makes of each case in cases.json.

    record.py path/to/otelcol

The Collector needs the otlp receiver, the processors that the cases name, and the file exporter.
One process runs all cases that it accepts, each with a receiver and a file of its own; each case that
it ought to refuse is a process of its own, whose error is kept.
"""

import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

CASES = pathlib.Path(__file__).parent / "cases.json"
FIRST_PORT = 24600
DEADLINE_SECONDS = 30


def config(cases, folder):
    """A configuration with one pipeline for each case."""
    parts = {"receivers": {}, "processors": {}, "exporters": {}, "pipelines": {}}
    for at, case in enumerate(cases):
        receiver, processor, exporter = f"otlp/{at}", f"{case['processor']}/{at}", f"file/{at}"
        http_server = {"endpoint": f"127.0.0.1:{FIRST_PORT + at}", "include_metadata": True}
        parts["receivers"][receiver] = {"protocols": {"http": http_server}}
        parts["processors"][processor] = case["config"]
        parts["exporters"][exporter] = {"path": f"{folder}/{at}.json"}
        parts["pipelines"][f"{case['signal']}/{at}"] = {
            "receivers": [receiver], "processors": [processor], "exporters": [exporter],
        }
    pipelines = parts.pop("pipelines")
    telemetry = {"metrics": {"level": "none"}}
    # Text is JSON, which is YAML; a dollar stands for itself only when doubled.
    service = {"pipelines": pipelines, "telemetry": telemetry}
    return json.dumps(parts | {"service": service}).replace("$", "$$")


def send(port, signal, request):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.putrequest("POST", f"/v1/{signal}")
    body = json.dumps(request).encode()
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    for tenant in ["red", "blue"]:
        connection.putheader("X-Tenant", tenant)
    connection.endheaders(body)
    response = connection.getresponse()
    assert response.status == 200, response.read()


def wait_until(ready):
    end = time.monotonic() + DEADLINE_SECONDS
    while not ready():
        assert time.monotonic() < end, "the Collector took too long"
        time.sleep(0.05)


def answers(port):
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
        return True
    except OSError:
        return False


def record_accepted(otelcol, cases, inputs):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.yaml")
        path.write_text(config(cases, folder))
        collector = subprocess.Popen([otelcol, f"--config={path}"], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(FIRST_PORT + len(cases) - 1) or collector.poll() is not None)
            assert collector.poll() is None, "the Collector does not take the accepted cases"
            for at, case in enumerate(cases):
                send(FIRST_PORT + at, case["signal"], inputs[case["input"]])
        finally:
            collector.terminate()
            collector.wait()
        for at, case in enumerate(cases):
            case["expected"] = json.loads(pathlib.Path(folder, f"{at}.json").read_text())


def record_refused(otelcol, case):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.yaml")
        path.write_text(config([case], folder))
        # An otherwise good configuration fails before any socket is bound.
        command = [otelcol, f"--config={path}"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        [line] = [line for line in run.stderr.splitlines() if line.startswith("Error: ")]
        # What goes before says where the processor stands.
        case["error"] = re.sub(r'^.*?(in pipeline "\w+/0"|processors::\w+/0): ', "", line)


def main():
    [otelcol] = sys.argv[1:]
    document = json.loads(CASES.read_text())
    accepted = [case for case in document["cases"] if "input" in case]
    record_accepted(otelcol, accepted, document["inputs"])
    for case in document["cases"]:
        if "input" not in case:
            record_refused(otelcol, case)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in document["cases"])
    inputs = json.dumps(document["inputs"], ensure_ascii=False)
    CASES.write_text(f'{{"inputs": {inputs},\n"cases": [\n{lines}\n]}}\n')


main()
