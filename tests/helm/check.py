"""Renders the chart with every values file and judges what comes out.

    check.py [--update] COLLECTOR CHART WORK_FOLDER

Prints a line for every check that fails, with why, and `N passed, N failed`.
"""

import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

import cluster
import life
import restricted

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
RELEASE = ["shop", "--namespace", "telemetry"]
# What `kubectl` would put there; the configuration reads it.
POD_IP = {"IPv4": "10.1.2.3", "IPv6": "[fd00::1]"}
# Renders that leave the pod security standard "restricted" because their values ask for it.
HOST = {"host-ports": ["hostPort of tracegate"]}

# Configurations that the program has a warning for, on purpose.
LENIENT = ["alternate-config", "older-forms", "older-names"]
# Renders whose text is somebody else's; the alerts have tests of their own.
UNKEPT = ["default-rules"]


class Report:
    """Counts checks, and prints those that fail."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, faults):
        """One check: `faults` is a text, or a list of texts; none is a pass."""
        faults = [faults] if isinstance(faults, str) else list(faults)
        faults = [fault for fault in faults if fault]
        if not faults:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {name}")
        for fault in faults:
            print("    " + fault.strip().replace("\n", "\n    "))


def ran(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def render(chart, values):
    """Manifests and notes as one text, or what Helm says against it."""
    given = [*RELEASE, "--values", str(values)]
    made = ran("helm", "template", RELEASE[0], str(chart), *given[1:])
    if made.returncode:
        return None, made.stderr
    dry = ran("helm", "install", RELEASE[0], str(chart), *given[1:], "--dry-run=client")
    notes = dry.stdout.split("\nNOTES:\n", 1)[-1].strip()
    comment = "".join(f"# {line}".rstrip() + "\n" for line in notes.splitlines())
    return made.stdout.rstrip() + "\n---\n# NOTES\n" + comment, ""


def difference(text, golden, update):
    """How a render differs from the one that was committed."""
    if update:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    before = golden.read_text() if golden.exists() else ""
    lines = difflib.unified_diff(before.splitlines(), text.splitlines(), "committed", "now", lineterm="")
    shown = list(lines)[:60]
    return "\n".join(shown + ["tests/helm/run --update takes it over, if it is meant"]) if shown else ""


def configuration(objects):
    """The configuration that a render mounts, or nothing."""
    for found in objects:
        if found["kind"] in ("ConfigMap", "Secret"):
            texts = found.get("data" if found["kind"] == "ConfigMap" else "stringData", {})
            if "relay" in texts:
                return texts["relay"]
    return None


def workload(objects):
    kinds = ("DaemonSet", "Deployment", "StatefulSet")
    return next(found for found in objects if found["kind"] in kinds)


def environment(objects):
    """The variables of the container, where something else sets them a stand-in."""
    container = workload(objects)["spec"]["template"]["spec"]["containers"][0]
    names = {row["name"]: row.get("value", "stand-in") for row in container["env"]}
    family = "IPv6" if "MY_POD_IPV6" in names else "IPv4"
    return names | {"MY_POD_IP": POD_IP[family], "PATH": ""}


def read_by_collector(collector, objects, folder, lenient):
    """What the program says against a configuration; warnings count too."""
    text = configuration(objects)
    if text is None:
        return ""
    path = folder / "relay.yaml"
    path.write_text(text)
    strict = [] if lenient else ["--strict"]
    said = ran(collector, "validate", *strict, f"--config={path}", env=environment(objects))
    return said.stderr + said.stdout if said.returncode else ""


def alerts(objects):
    """The rules that alert."""
    groups = (found["spec"]["groups"] for found in objects if found["kind"] == "PrometheusRule")
    return [rule for found in groups for group in found for rule in group["rules"] if "alert" in rule]


def unused(objects):
    """Open ports that are nobody's, and names that lead nowhere."""
    spec = workload(objects)["spec"]["template"]["spec"]
    names = {port["name"] for port in spec["containers"][0].get("ports", [])}
    numbers = set()
    for found in objects:
        if found["kind"] == "Service":
            for port in found["spec"].get("ports", []):
                numbers.add(port["port"])
                if port["targetPort"] not in names:
                    yield f"Service port {port['name']} leads to no port of the container"
    for found in objects:
        if found["kind"] == "Ingress":
            for rule in found["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    number = path["backend"]["service"]["port"]["number"]
                    if number not in numbers:
                        yield f"Ingress leads to port {number}, which the Service does not have"


def accepted(report, collector, chart, work, update):
    """Values files that render."""
    rendered = {}
    for values in sorted((chart / "ci").glob("*-values.yaml")):
        name = values.name.removesuffix("-values.yaml")
        text, error = render(chart, values)
        report.check(f"{name}: renders", error if text is None else "")
        if text is None:
            continue
        rendered[name] = [found for found in yaml.safe_load_all(text) if found]
        objects = rendered[name]
        (work / f"{name}.yaml").write_text(text)
        runbooks = {rule["annotations"]["runbook_url"] for rule in alerts(objects) if "runbook_url" in rule["annotations"]}
        lame = [url for url in runbooks if not url.startswith("https://wiki.example.com/tracegate/operating#tracegate")]
        report.check(f"{name}: alerts lead to the runbook", lame)
        if name not in UNKEPT:
            report.check(f"{name}: as committed", difference(text, GOLDEN / f"{name}.yaml", update))
        lint = ran("helm", "lint", "--strict", "--quiet", str(chart), "--values", str(values))
        report.check(f"{name}: lint", lint.stdout + lint.stderr if lint.returncode else "")
        lenient = name in LENIENT
        report.check(f"{name}: the program reads it", read_by_collector(collector, objects, work, lenient))
        report.check(f"{name}: restricted", set(restricted.breaches(objects)) ^ set(HOST.get(name, [])))
        report.check(f"{name}: ports lead somewhere", unused(objects))
    stale = {path.stem for path in GOLDEN.glob("*.yaml")} - set(rendered)
    report.check("no golden without values", [f"{name}: delete it" for name in sorted(stale)])
    return rendered


def refused(report, chart, work):
    """Values that must fail, and what has to be said."""
    for case in yaml.safe_load((HERE / "refused.yaml").read_text()):
        values = work / "refused.yaml"
        values.write_text(yaml.safe_dump(case["values"]))
        made = ran("helm", "template", *RELEASE, str(chart), "--values", str(values))
        said = " ".join(made.stderr.split())
        faults = [] if made.returncode else ["it renders"]
        faults += [f"not said: {words}\nbut: {made.stderr}" for words in case["says"] if words not in said]
        report.check(f"refused: {case['name']}", faults)


def paths(values, depth=3):
    """The keys of the values, as lists of names."""
    for key, value in values.items():
        yield [key]
        if isinstance(value, dict) and depth > 1:
            yield from ([key, *rest] for rest in paths(value, depth - 1))


def emptied(report, chart, work):
    """Null in the place of any value renders, or is refused in words; it never ends within a template."""
    kinds = ["clusterRole", "podMonitor", "networkPolicy", "httproute", "ingress", "serviceMonitor", "prometheusRule"]
    for path in paths(yaml.safe_load((chart / "values.yaml").read_text())):
        given = {"role": "gateway", "image": {"repository": "tracegate"}, "autoscaling": {"enabled": True}}
        given |= {kind: {"create": True} if kind == "clusterRole" else {"enabled": True} for kind in kinds}
        *folder, key = path
        at = given
        for name in folder:
            at = at.setdefault(name, {})
        at[key] = None
        values = work / "emptied.yaml"
        values.write_text(yaml.safe_dump(given))
        made = ran("helm", "template", *RELEASE, str(chart), "--values", str(values))
        report.check(f"{'.'.join(path)}: null", made.stderr if made.returncode and "\n* " not in made.stderr else "")


def older(report, chart, rendered):
    """Helm 3 renders the same, where it is there."""
    helm = os.environ.get("TRACEGATE_HELM3")
    for name, objects in rendered.items() if helm else ():
        values = chart / "ci" / f"{name}-values.yaml"
        # One that was built from its source takes itself to be at Kubernetes 1.20.
        made = ran(helm, "template", *RELEASE, str(chart), "--values", str(values), "--kube-version", "1.34.0")
        theirs = [found for found in yaml.safe_load_all(made.stdout) if found]
        same = sorted(map(yaml.safe_dump, theirs)) == sorted(map(yaml.safe_dump, objects))
        report.check(f"{name}: Helm 3 renders the same", "" if same else made.stderr or "it does not")


def documented(report, collector, chart, work):
    """The values files of the guide."""
    guide = chart.parent.parent / "docs" / "kubernetes.md"
    for nth, block in enumerate(guide.read_text().split("```yaml values\n")[1:], 1):
        values = work / "documented.yaml"
        values.write_text(block.split("```")[0] + "image: {repository: registry.example.com/tracegate}\n")
        text, error = render(chart, values)
        report.check(f"guide, block {nth}: renders", error if text is None else "")
        if text is not None:
            objects = [found for found in yaml.safe_load_all(text) if found]
            report.check(f"guide, block {nth}: the program reads it", read_by_collector(collector, objects, work, False))


def part(report, chart, work):
    """The chart as a part of another, which switches it on and names a registry for all."""
    whole = work / "whole"
    shutil.copytree(chart, whole / "charts" / "tracegate", ignore=shutil.ignore_patterns("ci"))
    version = yaml.safe_load((chart / "Chart.yaml").read_text())["version"]
    dependency = {"name": "tracegate", "version": version, "condition": "tracegate.enabled"}
    about = {"apiVersion": "v2", "name": "whole", "version": "1.0.0", "dependencies": [dependency]}
    (whole / "Chart.yaml").write_text(yaml.safe_dump(about))
    values = {"enabled": True, "role": "agent", "image": {"repository": "tracegate"}}
    values = {"global": {"imageRegistry": "mirror.example.com"}, "tracegate": values}
    (whole / "values.yaml").write_text(yaml.safe_dump(values))
    made = ran("helm", "template", *RELEASE, str(whole))
    said = "" if "image: \"mirror.example.com/tracegate:" in made.stdout else made.stdout + made.stderr
    report.check("as a part of another chart", said)


def main():
    arguments = sys.argv[1:]
    update = "--update" in arguments
    collector, chart, work = (Path(path) for path in arguments if path != "--update")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    report = Report()
    rendered = accepted(report, collector, chart, work, update)
    for name, faults in restricted.shown(rendered["gateway"]):
        report.check(f"restricted sees {name}", faults)
    for name, faults in cluster.validate(work, sorted(rendered)):
        report.check(name, faults)
    older(report, chart, rendered)
    emptied(report, chart, work)
    refused(report, chart, work)
    documented(report, collector, chart, work)
    part(report, chart, work)
    for name in ("agent", "sampler", "health-check-named"):
        container = workload(rendered[name])["spec"]["template"]["spec"]
        faults = life.faults(collector, container, configuration(rendered[name]), work)
        report.check(f"{name}: starts, is probed and stops as rendered", faults)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
