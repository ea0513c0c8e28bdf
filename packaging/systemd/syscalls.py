"""What the program asks of the kernel lies within the filter of the unit.

    packaging/systemd/syscalls.py PROGRAM

Runs it under strace with receivers and exporters of every kind of socket, sends something, reloads, stops, and compares
its system calls with those that `systemd-analyze syscall-filter` knows. Needs strace, and systemd's programs.
"""

import functools
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PATIENCE = 60

CONFIG = """
receivers:
  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}
  otlp/unix: {protocols: {http: {endpoint: WORK/socket, transport: unix}}}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 75}
  batch:
connectors: {span_metrics: }
exporters:
  otlp_grpc: {endpoint: 'http://localhost:1', retry_on_failure: {enabled: false}}
  otlp_http: {endpoint: 'https://localhost:1', retry_on_failure: {enabled: false}}
  file: {path: WORK/out.json}
  prometheus: {endpoint: '127.0.0.1:0'}
extensions: {admin: {enabled: false}}
service:
  extensions: [admin]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}
  pipelines:
    traces: {receivers: [otlp, otlp/unix], processors: [memory_limiter, batch], exporters: [otlp_grpc, otlp_http, file, span_metrics]}
    metrics: {receivers: [span_metrics], exporters: [prometheus]}
"""

SPAN = {
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "spanId": "00f067aa0ba902b7",
    "name": "first span",
    "startTimeUnixNano": "1767225600000000000",
    "endTimeUnixNano": "1767225600812000000",
}


@functools.cache
def members(group):
    """The calls of one of systemd's groups, those of the groups in it included."""
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", group], check=True, capture_output=True, text=True
    )
    calls = set()
    for word in (line.strip() for line in listed.stdout.splitlines()[1:]):
        if word.startswith("@"):
            calls |= members(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def allowed(unit):
    """What the unit's filter leaves: lists are added up, and those with `~` taken away."""
    calls = set()
    for taken_away, groups in re.findall(r"^SystemCallFilter=(~?)(.*)$", unit, re.MULTILINE):
        for group in groups.split():
            calls = calls - members(group) if taken_away else calls | members(group)
    return calls


def wait_for(log, text):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if text in line:
                return line
        time.sleep(0.1)
    raise TimeoutError(f"nobody said {text} within {PATIENCE} s:\n{log.read_text()}")


def used(program, work):
    """The calls of a run from the start to the end."""
    config, log, trace = (work / name for name in ("collector.yaml", "log", "trace"))
    config.write_text(CONFIG.replace("WORK", str(work)))
    command = ["strace", "--follow-forks", "--quiet=all", f"--output={trace}", program]
    with log.open("wb") as out:
        running = subprocess.Popen([*command, "--config", config, "--watch"], stdout=out, stderr=out)
    try:
        wait_for(log, "Everything is ready")
        line = next(
            line
            for line in log.read_text().splitlines()
            if "Starting HTTP server" in line and '"otelcol.component.id": "otlp"' in line
        )
        address = line.split('"endpoint": "')[1].split('"')[0]
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}).encode()
        request = urllib.request.Request(f"http://{address}/v1/traces", body, {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=PATIENCE).read()
        config.write_text(config.read_text() + "# changed\n")
        wait_for(log, "Configuration reloaded")
    finally:
        # strace is asked to let go; what it has followed is told to end.
        for child in Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split():
            subprocess.run(["kill", child], check=True)
        running.wait(PATIENCE)
    wait_for(log, "Shutdown complete")
    return set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))


def main(program):
    unit = (Path(__file__).parent / "tracegate.service").read_text()
    with tempfile.TemporaryDirectory() as work:
        calls = used(program, Path(work))
    refused = sorted(calls - allowed(unit))
    print(f"{len(calls)} system calls, {len(refused)} of them outside of the unit's filter {' '.join(refused)}")
    return len(refused) > 0 or len(calls) < 20


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
