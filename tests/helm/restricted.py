"""The pod security standard "restricted", as far as a chart can break it.

Its rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/, which
include the ones of "baseline".
"""

import copy

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}
PROFILES = ("RuntimeDefault", "Localhost")


def breaches(objects):
    """What a namespace that enforces the standard would refuse."""
    for found in objects:
        spec = found.get("spec", {}).get("template", {}).get("spec")
        if spec:
            yield from of_pod(spec)


def of_pod(spec):
    pod = spec.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield key
    for volume in spec.get("volumes", []):
        for kind in set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {kind}"
    for sysctl in pod.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    if pod.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"
    for container in spec.get("initContainers", []) + spec["containers"]:
        for breach in of_container(container, pod):
            yield f"{breach} of {container['name']}"


def of_container(container, pod):
    own = container.get("securityContext", {})
    both = {**pod, **own}
    capabilities = own.get("capabilities", {})
    profile = both.get("seccompProfile", {}).get("type")
    rules = {
        "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
        "privileged": not own.get("privileged"),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
        "capabilities.drop": "ALL" in capabilities.get("drop", []),
        "capabilities.add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "runAsNonRoot": both.get("runAsNonRoot") is True,
        "runAsUser": both.get("runAsUser") != 0,
        "seccompProfile": profile in PROFILES,
        "procMount": own.get("procMount", "Default") == "Default",
        "appArmorProfile": both.get("appArmorProfile", {}).get("type") != "Unconfined",
        "seLinuxOptions": not {"user", "role"} & set(both.get("seLinuxOptions", {})),
        "host of a probe": not any(asks_host(container.get(key)) for key in ("livenessProbe", "readinessProbe", "startupProbe")),
    }
    return [name for name, kept in rules.items() if not kept]


def asks_host(probe):
    return bool((probe or {}).get("httpGet", {}).get("host"))


def shown(objects):
    """That the rules see a breach: each of these changes has to be one."""
    container = lambda pod: pod["containers"][0]
    changes = {
        "hostNetwork": lambda pod: pod.update(hostNetwork=True),
        "a hostPath": lambda pod: pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}}),
        "a hostPort": lambda pod: container(pod)["ports"][0].update(hostPort=4317),
        "root": lambda pod: pod["securityContext"].update(runAsUser=0),
        "escalation": lambda pod: container(pod)["securityContext"].pop("allowPrivilegeEscalation"),
        "capabilities": lambda pod: container(pod)["securityContext"].pop("capabilities"),
        "no seccomp": lambda pod: [where.pop("seccompProfile") for where in (pod["securityContext"], container(pod)["securityContext"])],
        "perhaps root": lambda pod: [where.pop("runAsNonRoot") for where in (pod["securityContext"], container(pod)["securityContext"])],
    }
    for name, change in changes.items():
        changed = copy.deepcopy(objects)
        for found in changed:
            spec = found.get("spec", {}).get("template", {}).get("spec")
            if spec:
                change(spec)
        yield name, [] if list(breaches(changed)) else ["it does not"]
