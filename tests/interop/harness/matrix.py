"""Runs every SDK against one collector and compares what arrived with what was sent.

    matrix.py COLLECTOR WORK_FOLDER SDK=COMMAND...

Prints a line for every case, the differences of those that fail, and `N passed, N failed`.
"""

import shlex
import signal as signals
import socket
import subprocess
import sys
import time
from pathlib import Path

from items import count, difference, items_by_case
from recorder import Recorder
from wire import Tap

# How each SDK can send, as `transport/compression`.
CASES = {
    "python": ["grpc/none", "grpc/gzip", "http-proto/none", "http-proto/gzip", "http-proto/deflate",
               "http-json/none", "http-json/gzip", "http-json/deflate"],
    "node": ["grpc/none", "grpc/gzip", "http-proto/none", "http-proto/gzip",
             "http-json/none", "http-json/gzip"],
    "rust": ["grpc/none", "grpc/gzip", "grpc/zstd",
             "http-proto/none", "http-proto/gzip", "http-proto/zstd",
             "http-json/none", "http-json/gzip", "http-json/zstd"],
}
# How the collector delivers; each is one exporter, and every case leaves through all of them.
EXITS = ["grpc/none", "grpc/gzip", "http-proto/none", "http-proto/gzip",
         "http-json/none", "http-json/gzip"]
ITEM = {"traces": "spans", "metrics": "points", "logs": "records"}
# What every case must send at the least, so that no client passes by sending little or nothing.
LEAST = {"traces": 5, "metrics": 10, "logs": 5}
SHOWN = {
    "traces": ["trace_state:", "parent_span_id:", "flags:", "events {", "links {",
               "code: STATUS_CODE_ERROR", "code: STATUS_CODE_OK", "dropped_events_count:",
               "dropped_links_count:", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER",
               "SPAN_KIND_CONSUMER", "SPAN_KIND_INTERNAL"],
    "metrics": ["sum {", "gauge {", " histogram {", "exponential_histogram {", "is_monotonic: true",
                "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE", "as_int:",
                "as_double:", "min:", "max:", "positive {", "description:", "unit:"],
    "logs": ["severity_number: SEVERITY_NUMBER_WARN3", "severity_text:", "event_name:", "trace_id:",
             "span_id:", "kvlist_value {", "bytes_value:", "observed_time_unix_nano:"],
}
SHOWN_BY_ALL = ["string_value: \"\"", "int_value:", "double_value:", "bool_value: false",
                "array_value {", "version: \"1.2.3\"", "schema_url:", "☃"]
SHOWN_BY_SOME = {
    ("python", "metrics"): ["exemplars {", "filtered_attributes {"],
    ("python", "traces"): ["double_value: nan", "double_value: inf", "bytes_value:"],
}
SENT = "sent"  # The sink of what clients export directly.

READY_SECONDS = 10
CLIENT_SECONDS = 60
ARRIVAL_SECONDS = 15
STOP_SECONDS = 15

CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:{grpc}
      http:
        endpoint: 127.0.0.1:{http}
processors:
  batch:
    timeout: 50ms
exporters:
{exporters}
service:
  telemetry:
    logs:
      level: warn
    metrics:
      level: none
  pipelines:
{pipelines}
"""


def main():
    collector, folder, *sdks = sys.argv[1:]
    signals.signal(signals.SIGTERM, lambda *_: sys.exit(1))  # So that `finally` stops the children.
    commands = {name: shlex.split(command) for name, command in (sdk.split("=", 1) for sdk in sdks)}
    with Run(collector, Path(folder)) as run:
        verdict = run.execute(commands)
    for line in verdict.lines:
        print(line)
    print(f"{verdict.passed} passed, {verdict.failed} failed")
    sys.exit(1 if verdict.failed else 0)


class Verdict:
    def __init__(self):
        self.lines, self.passed, self.failed = [], 0, 0

    def check(self, what, faults):
        """Counts one check, which passed if `faults`, a list of lines, is empty."""
        if faults:
            self.failed += 1
            self.lines += [f"FAIL {what}"] + [f"     {line}" for line in faults]
        else:
            self.passed += 1


class Run:
    """One collector between taps, the clients before it and the recorder behind it."""

    def __init__(self, collector, folder):
        self._binary, self._folder = collector, folder
        self._recorder = Recorder()
        self._taps, self._children = {}, []

    def __enter__(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_):
        for child in self._children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for tap in self._taps.values():
            tap.stop()
        self._recorder.stop()

    def execute(self, commands):
        verdict = Verdict()
        # The Node SDK writes a field that OTLP/JSON does not know; receivers have to skip it.
        sent = [self._recorder.listen_grpc(SENT), self._recorder.listen_http(SENT, strict=False)]
        grpc, http = free_ports(2)
        ports = {"grpc": grpc, "http": http}
        faults = self._start_collector(ports, self._exits())
        verdict.check("collector: is ready", faults)
        if faults:
            return verdict
        clients = {name: self._start_client(name, command, sent, ports)
                   for name, command in commands.items()}
        for name, client in clients.items():
            faults = self._finish(name, client, CLIENT_SECONDS)
            verdict.check(f"{name}: all exports are accepted", faults)
        self._await_arrival()
        collector = self._children[0]
        collector.terminate()
        verdict.check("collector: exits with 0", self._finish("collector", collector, STOP_SECONDS))
        verdict.check("recorder: every request decodes", self._recorder.faults())
        self._compare(commands, verdict)
        return verdict

    def _exits(self):
        """Opens a listener and a tap for every exit; returns the port of each."""
        ports = {}
        for exit_ in EXITS:
            if exit_.startswith("grpc"):
                port = self._recorder.listen_grpc(exit_)
            else:
                port = self._recorder.listen_http(exit_, strict=True)
            ports[exit_] = self._tap(exit_, port)
        return ports

    def _tap(self, name, target):
        self._taps[name] = Tap(target)
        return self._taps[name].port

    def _start_collector(self, ports, exits):
        """Starts the collector and waits until it listens; returns what went wrong."""
        config = self._folder / "collector.yaml"
        config.write_text(render_config(ports["grpc"], ports["http"], exits))
        child = self._spawn("collector", [self._binary, "--config", str(config)])
        deadline = time.monotonic() + READY_SECONDS
        while not all(listens(port) for port in ports.values()):
            if child.poll() is not None:
                return [f"exit code {child.returncode}"] + self._log("collector")
            if time.monotonic() > deadline:
                return [f"not ready after {READY_SECONDS} s"] + self._log("collector")
            time.sleep(0.02)
        return []

    def _start_client(self, name, command, sent, ports):
        arguments = [f"127.0.0.1:{port}" for port in sent]
        for form in CASES[name]:
            target = ports["grpc" if form.startswith("grpc") else "http"]
            arguments.append(f"{form}=127.0.0.1:{self._tap(f'{name}/{form}', target)}")
        return self._spawn(name, command + arguments)

    def _spawn(self, name, command):
        with open(self._folder / f"{name}.log", "wb") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._children.append(child)
        return child

    def _log(self, name):
        """The last lines of what a child wrote."""
        return (self._folder / f"{name}.log").read_text(errors="replace").splitlines()[-20:]

    def _finish(self, name, child, seconds):
        """Waits for the end of `child`; returns what went wrong."""
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return [f"still runs after {seconds} s"] + self._log(name)
        return [f"exit code {code}"] + self._log(name) if code else []

    def _await_arrival(self):
        """Waits until every exit has as many items as were sent, or the deadline."""
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < deadline:
            totals = count(self._recorder.received())
            if all(totals[exit_] >= totals[SENT] for exit_ in EXITS):
                return
            time.sleep(0.1)

    def _compare(self, sdks, verdict):
        found = items_by_case(self._recorder.received())
        cases = [f"{sdk}/{form}" for sdk in sdks for form in CASES[sdk]]
        for case in cases:
            before = verdict.failed
            self._check_wire(case, case.split("/", 1)[1], verdict)
            counts = []
            for signal in ITEM:
                sent = found[SENT, case, signal]
                counts.append(f"{sent.total()} {ITEM[signal]}")
                verdict.check(f"{case}: the {signal} sent are rich", poverty(sent, case, signal))
                for exit_ in EXITS:
                    differs = difference(sent, found[exit_, case, signal])
                    verdict.check(f"{case}: {signal} arrive through {exit_}", differs)
            if verdict.failed == before:
                verdict.lines.append(f"ok   {case}: {', '.join(counts)}, {len(EXITS)} ways out")
        for exit_ in EXITS:
            self._check_wire(exit_, exit_, verdict)
        strangers = {case for _, case, _ in found} - set(cases)
        verdict.check("recorder: nothing else arrives", [str(case) for case in strangers])

    def _check_wire(self, tap, form, verdict):
        forms = self._taps[tap].forms()
        carried = ", ".join(sorted(forms)) or "nothing"
        faults = [] if forms == {form} else [f"on the wire: {carried}"]
        verdict.check(f"{tap}: the wire carries {form}", faults)


def poverty(sent, case, signal):
    """What the items sent lack of what they ought to show."""
    text = "\n".join(sent)
    own = SHOWN_BY_SOME.get((case.split("/")[0], signal), [])
    shown = SHOWN[signal] + SHOWN_BY_ALL + own
    faults = [f"without `{part}`" for part in shown if part not in text]
    if sent.total() < LEAST[signal]:
        faults.insert(0, f"only {sent.total()} {ITEM[signal]} of at least {LEAST[signal]}")
    return faults


def render_config(grpc, http, exits):
    exporters, ids = [], []
    for exit_, port in exits.items():
        transport, compression = exit_.split("/")
        id_ = f"{'otlp_grpc' if transport == 'grpc' else 'otlp_http'}/{transport}-{compression}"
        scheme = "" if transport == "grpc" else "http://"
        exporters += [f"  {id_}:", f"    endpoint: {scheme}127.0.0.1:{port}",
                      f"    compression: {compression}", "    tls:", "      insecure: true"]
        if transport == "http-json":
            exporters.append("    encoding: json")
        ids.append(id_)
    pipelines = [
        f"    {signal}:\n      receivers: [otlp]\n      processors: [batch]\n"
        f"      exporters: [{', '.join(ids)}]"
        for signal in ITEM
    ]
    return CONFIG.format(grpc=grpc, http=http, exporters="\n".join(exporters),
                         pipelines="\n".join(pipelines))


def free_ports(count):
    """Ports that were free a moment ago, for a collector that cannot report the ones it chose."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
