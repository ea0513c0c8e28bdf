"""Installs every values file of the chart on an API server, and asks it whether it takes the pods.

    install.py CHART WORK_FOLDER

Prints a line for every check that fails, with why, and `N passed, N failed`.
"""

import ctypes
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from check import HERE, HOST, RELEASE, Report, ran, workload

START_SECONDS = 120
TOKEN = "anybody"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
# Kinds that are not Kubernetes's own: the server learns them before the charts come.
KINDS = {
    "monitoring.coreos.com": {"v1": ["ServiceMonitor", "PodMonitor", "PrometheusRule"]},
    "gateway.networking.k8s.io": {"v1": ["HTTPRoute"]},
}


PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_parent():
    """Run by a child: it does not outlive these checks, however they end."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """An API server with its store, for as long as the `with` lasts."""

    def __init__(self, work):
        self.work = work
        self.port = free_port()
        self.processes = []
        self.trust = ssl._create_unverified_context()

    def __enter__(self):
        peer, client = free_port(), free_port()
        key, tokens = self.work / "accounts.key", self.work / "tokens.csv"
        tokens.write_text(f"{TOKEN},anybody,1\n")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        self.start("etcd", f"--data-dir={self.work}/etcd", f"--listen-client-urls=http://127.0.0.1:{client}",
                   f"--advertise-client-urls=http://127.0.0.1:{client}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
                   f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}", f"--initial-cluster=default=http://127.0.0.1:{peer}")
        # Nobody makes service accounts' tokens here, so pods are not asked for one.
        self.start("kube-apiserver", f"--etcd-servers=http://127.0.0.1:{client}", f"--secure-port={self.port}",
                   "--bind-address=127.0.0.1", f"--cert-dir={self.work}/certificates", "--authorization-mode=AlwaysAllow",
                   f"--token-auth-file={tokens}", "--disable-admission-plugins=ServiceAccount", "--service-cluster-ip-range=10.0.0.0/16,fd00:1::/112",
                   "--service-account-issuer=https://127.0.0.1", f"--service-account-key-file={key}",
                   f"--service-account-signing-key-file={key}")
        end = time.monotonic() + START_SECONDS
        while self.ask("GET", "/readyz")[0] != 200:
            if time.monotonic() > end or any(process.poll() is not None for process in self.processes):
                raise SystemExit(f"the API server has not started; see {self.work}")
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()

    def start(self, name, *arguments):
        log = open(self.work / f"{name}.log", "w")
        started = subprocess.Popen([name, *arguments], stdout=log, stderr=log, preexec_fn=end_with_parent)
        self.processes.append(started)

    def ask(self, method, path, body=None):
        """Status and JSON of an answer."""
        data = json.dumps(body).encode() if body is not None else None
        url = f"https://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, HEADERS, method=method)
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text.startswith(b"{") else {}
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else {}
        except OSError:
            return 0, {}

    def kubeconfig(self):
        path = self.work / "kubeconfig"
        cluster = {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}
        context = {"cluster": "here", "user": "anybody"}
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "anybody", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": context}],
        }))
        return path


def definition(group, version, kind):
    """A CustomResourceDefinition that knows the fields which schemas/ know."""
    plural = kind.lower() + "s"
    first = group.split(".")[0]
    schema = json.loads((HERE / "schemas" / f"{kind.lower()}-{first}-{version}.json").read_text())
    spec = structural(schema["properties"]["spec"])
    whole = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, a test"}},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}],
        },
    }


def structural(schema):
    """The same schema in the words that a CustomResourceDefinition has."""
    kept = {key: schema[key] for key in ("type", "enum", "required") if key in schema}
    if "enum" in kept:
        kept["type"] = "string"
    others = schema.get("additionalProperties")
    if "properties" in schema:
        kept["properties"] = {key: structural(value) for key, value in schema["properties"].items()}
    elif isinstance(others, dict):
        kept["additionalProperties"] = structural(others)
    elif kept.get("type") == "object":
        kept["x-kubernetes-preserve-unknown-fields"] = True
    if "items" in schema:
        kept["items"] = structural(schema["items"])
    return kept


def prepared(server):
    """The namespace and the kinds."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = RELEASE[2]
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace, "labels": labels}})
    for group, versions in KINDS.items():
        for version, kinds in versions.items():
            for kind in kinds:
                made = definition(group, version, kind)
                status, said = server.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", made)
                if status != 201:
                    raise SystemExit(f"{kind}: {said}")
            path, end = f"/apis/{group}/{version}", time.monotonic() + START_SECONDS
            while len(server.ask("GET", path)[1].get("resources", [])) < len(kinds):
                if time.monotonic() > end:
                    raise SystemExit(f"{path} has not come")
                time.sleep(0.2)
    return namespace


def pod_of(spec):
    """The pod that a controller would make of the `spec` of a workload."""
    pod = spec["template"]["spec"]
    # These classes are what the cluster's owner has made.
    for key in ("priorityClassName", "runtimeClassName"):
        pod.pop(key, None)
    for claim in spec.get("volumeClaimTemplates", []):
        name = claim["metadata"]["name"]
        pod["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": f"{name}-0"}})
    return {"metadata": {"generateName": "asked-"}, "spec": pod}


def installed(report, server, chart, namespace, values):
    """One values file: installed, its pod asked for, installed again, and gone."""
    name = values.name.removesuffix("-values.yaml")
    given = ["--namespace", namespace, "--kubeconfig", str(server.kubeconfig())]
    chosen = [str(chart), "--values", str(values)]
    made = ran("helm", "install", RELEASE[0], *chosen, *given)
    report.check(f"{name}: installs", made.stderr if made.returncode else "")
    if made.returncode:
        ran("helm", "uninstall", RELEASE[0], *given)
        return
    shown = ran("helm", "get", "manifest", RELEASE[0], *given)
    spec = workload([found for found in yaml.safe_load_all(shown.stdout) if found])["spec"]
    status, said = server.ask("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod_of(spec))
    refused = status == 403 and "violates PodSecurity" in said.get("message", "")
    if name in HOST:
        report.check(f"{name}: the namespace refuses its pods, as declared", [] if refused else [f"{status}: {said}"])
    else:
        report.check(f"{name}: the namespace takes its pods", [] if status == 201 else [f"{status}: {said.get('message')}"])
    again = ran("helm", "upgrade", RELEASE[0], *chosen, *given, "--set", "podAnnotations.again=yes")
    report.check(f"{name}: upgrades", again.stderr if again.returncode else "")
    gone = ran("helm", "uninstall", RELEASE[0], *given)
    report.check(f"{name}: goes", gone.stderr if gone.returncode else "")


def main():
    chart, work = (Path(path) for path in sys.argv[1:])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    report = Report()
    with Server(work) as server:
        namespace = prepared(server)
        for values in sorted((chart / "ci").glob("*-values.yaml")):
            installed(report, server, chart, namespace, values)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
