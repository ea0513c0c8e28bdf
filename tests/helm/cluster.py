"""What an API server would say of the renders: the strict schemas of five minors of Kubernetes.

The schemas of Kubernetes itself come with the package `kubernetes-validate`. Those of Prometheus's
operator and of the Gateway API are our own, in schemas/, and know the fields that the chart writes.
"""

import json
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate

MINORS = 5
HERE = Path(__file__).parent


def versions():
    """The newest minors that there are schemas for, as `1.37.0`."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    names = [path.name.removesuffix("-local-strict")[1:] for path in folder.glob("v*-local-strict")]
    return folder, sorted(names, key=lambda name: [int(part) for part in name.split(".")])[-MINORS:]


def at_hand(folder, minor, work):
    """The schemas of a minor in a folder of their own. As they come they look for their definitions on the network."""
    copies = work / f"v{minor}"
    shutil.rmtree(copies, ignore_errors=True)
    copies.mkdir(parents=True)
    for path in (folder / f"v{minor}-local-strict").glob("*.json"):
        text = path.read_text().replace('"$id": "https://kubernetes.io/', '"$comment": "https://kubernetes.io/')
        text = text.replace('"/api/_definitions.json#', '"_definitions.json#')
        (copies / path.name).write_text(text)
    return copies


def validate(renders, names):
    """A check for each render and minor: its name and its faults."""
    folder, minors = versions()
    # The same with a misspelt field in depth, which has to be seen.
    spoiled = (renders / f"{names[0]}.yaml").read_text().replace("imagePullPolicy", "imagePullPolcy")
    (renders / "spoiled.yaml").write_text(spoiled)
    yield "schemas of five minors", [] if len(minors) == MINORS else [f"there are {minors}"]
    for minor in minors:
        kind = "{{.ResourceKind}}{{.KindSuffix}}.json"
        command = ["kubeconform", "-strict", "-verbose", "-output", "json", "-kubernetes-version", minor,
                   "-schema-location", f"{at_hand(folder, minor, renders / 'schemas')}/{kind}",
                   "-schema-location", f"{HERE}/schemas/{kind}"]
        files = [str(renders / f"{name}.yaml") for name in [*names, "spoiled"]]
        done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=300)
        rows = json.loads(done.stdout)["resources"] if done.stdout else []
        seen = any("imagePullPolcy" in row["msg"] for row in rows if row["filename"] == files[-1])
        yield f"Kubernetes {minor} sees a misspelt field", [] if seen else ["it does not"]
        for name, file in zip(names, files):
            mine = [row for row in rows if row["filename"] == file]
            bad = [f"{row['kind']} {row['name']}: {row['msg']}" for row in mine
                   if row["status"] not in ("statusValid", "")]
            seen = [row for row in mine if row["status"] == "statusValid"]
            yield f"{name}: Kubernetes {minor}", bad if seen or bad else [f"nothing was seen\n{done.stderr}"]
