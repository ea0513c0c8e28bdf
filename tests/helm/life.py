"""A rendered container, run as the kubelet would: its arguments, its probes, its end."""

import random
import signal
import subprocess
import time
import urllib.error
import urllib.request

START_SECONDS = 20


def faults(collector, spec, text, work):
    """What goes wrong when the program runs as `spec` says, with the configuration `text`."""
    container = spec["containers"][0]
    path = work / "life.yaml"
    path.write_text(text)
    # An address of its own on loopback, since the ports are those of the chart.
    address = f"127.{random.randrange(1, 250)}.{random.randrange(250)}.{random.randrange(1, 250)}"
    arguments = [argument.replace("/conf/relay.yaml", str(path)) for argument in container["args"]]
    log = open(work / "life.log", "w+")
    process = subprocess.Popen([collector, *arguments], env={"MY_POD_IP": address}, stdout=log, stderr=log)
    try:
        return list(of_life(process, container, address, spec["terminationGracePeriodSeconds"]))
    finally:
        process.kill()
        process.wait()


def of_life(process, container, address, grace):
    ask = lambda probe: status(container[probe]["httpGet"], address)
    end = time.monotonic() + START_SECONDS
    while ask("startupProbe") != 200:
        if process.poll() is not None or time.monotonic() > end:
            yield "it has not started; see life.log"
            return
        time.sleep(0.05)
    for probe in ("livenessProbe", "readinessProbe"):
        if ask(probe) != 200:
            yield f"{probe} fails in a program that runs"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    while ask("readinessProbe") == 200:
        if time.monotonic() - began > 2:
            yield "readiness is not taken back when the stop begins"
            break
        time.sleep(0.02)
    if ask("livenessProbe") != 200:
        yield "livenessProbe fails while the program drains"
    try:
        code = process.wait(timeout=grace)
    except subprocess.TimeoutExpired:
        yield f"it still runs after the grace period of {grace} s"
        return
    took = time.monotonic() - began
    delay = next(argument for argument in container["args"] if argument.startswith("--shutdown-delay="))
    if took < int(delay.split("=")[1].rstrip("s")) - 0.5:
        yield f"it has served on for {took:.1f} s only, with {delay}"
    if code != 0:
        yield f"it has ended with {code}"


def status(get, address):
    try:
        url = f"http://{address}:{get['port']}{get['path']}"
        return urllib.request.urlopen(url, timeout=2).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
