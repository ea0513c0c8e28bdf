//! Components of older files that have nothing to do here.

use config::{Fault, Faults, Map, Node, Place, Value};

use super::type_of;

/// The metrics page where nothing else is said.
const PAGE_PORT: &str = "8888";

/// `memory_ballast` kept the garbage collector quiet.
pub(super) fn drop_ballast(root: &mut Node, faults: &mut Faults) {
    for (id, place) in take_extensions(root, "memory_ballast") {
        let text = format!("`{id}` has no effect; the Collector has removed it in 0.109");
        let path = format!("extensions::{id}");
        faults.push(Fault::warning(place, path, text).with_help(
            "take it out here and out of `service::extensions`: no garbage collector runs here, \
             and the budget is 75 % of the cgroup's memory",
        ));
    }
}

/// Takes all extensions of a type out, and out of `service::extensions`.
pub(super) fn take_extensions(root: &mut Node, kind: &str) -> Vec<(String, Place)> {
    let Some(extensions) = section(root, "extensions") else {
        return Vec::new();
    };
    let ids: Vec<_> = extensions.iter().map(|entry| entry.key.clone()).collect();
    let of_type = ids.into_iter().filter(|id| type_of(id) == kind);
    let taken: Vec<_> = of_type
        .filter_map(|id| Some((id.clone(), extensions.remove(&id)?.key_place)))
        .collect();
    if let Some(service) = section(root, "service")
        && let Some(list) = service.entry_mut("extensions")
        && let Value::List(list) = &mut list.node.value
    {
        let is_taken = |node: &Node| taken.iter().any(|(id, _)| node.as_text() == Some(id));
        list.retain(|node| !is_taken(node));
    }
    taken
}

/// A `prometheus` receiver that scrapes nothing but this process becomes a `nop` one: it would put
/// the page's own numbers into a pipeline, and everything else goes on without them.
pub(super) fn replace_own_scrapes(root: &mut Node, faults: &mut Faults) {
    let ports = page_ports(root);
    let Some(receivers) = section(root, "receivers") else {
        return;
    };
    let mut renamed = Vec::new();
    for entry in receivers.iter_mut() {
        if type_of(&entry.key) != "prometheus" || !scrapes_itself(&entry.node, &ports) {
            continue;
        }
        let id = format!("nop/{}", entry.key.trim());
        let text = format!(
            "`{}` scrapes this process alone, and this build has no such receiver: `{id}` stands \
             in for it",
            entry.key
        );
        let path = format!("receivers::{}", entry.key);
        faults.push(Fault::warning(entry.key_place.clone(), path, text).with_help(
            "take it out here and out of the pipelines, and let Prometheus scrape :8888/metrics",
        ));
        renamed.push((std::mem::replace(&mut entry.key, id.clone()), id));
        entry.node.value = Value::Null;
    }
    for (old, new) in renamed {
        rename_references(root, &old, &new);
    }
}

fn rename_references(root: &mut Node, old: &str, new: &str) {
    let pipelines = section(root, "service").and_then(|map| map.entry_mut("pipelines"));
    let pipelines = pipelines.and_then(|entry| entry.node.as_map_mut());
    for pipeline in pipelines.into_iter().flat_map(Map::iter_mut) {
        let receivers = pipeline.node.as_map_mut();
        let receivers = receivers.and_then(|map| map.entry_mut("receivers"));
        if let Some(entry) = receivers
            && let Value::List(list) = &mut entry.node.value
        {
            for node in list.iter_mut().filter(|node| node.as_text() == Some(old)) {
                node.value = Value::Str(new.to_owned());
                node.original = None;
            }
        }
    }
}

/// The ports of our own metrics page, as texts.
fn page_ports(root: &Node) -> Vec<String> {
    let metrics = ["service", "telemetry", "metrics", "readers"];
    let readers = metrics.iter().try_fold(root, |node, key| node.get(key));
    let port = |reader: &Node| {
        let path = ["pull", "exporter", "prometheus", "port"];
        match path
            .iter()
            .try_fold(reader, |node, key| node.get(key))?
            .value
        {
            Value::Int(port) => Some(port.to_string()),
            _ => None,
        }
    };
    let ports = readers.map(elements).unwrap_or_default().iter();
    ports
        .filter_map(port)
        .chain([PAGE_PORT.to_owned()])
        .collect()
}

/// Whether every target of every job is this process, and nothing discovers others.
fn scrapes_itself(receiver: &Node, ports: &[String]) -> bool {
    let alone = |node: &Node, key: &str| match node.as_map() {
        Some(map) => map.iter().all(|entry| entry.key == key),
        None => false,
    };
    let Some(config) = receiver.get("config").filter(|_| alone(receiver, "config")) else {
        return false;
    };
    let discovers = |job: &Node| {
        let keys = job.as_map().into_iter().flat_map(Map::iter);
        keys.map(|entry| entry.key.as_str())
            .any(|key| key.ends_with("_sd_configs"))
    };
    let targets = |job: &Node| {
        let groups = job.get("static_configs").map(elements).unwrap_or_default();
        let targets = groups.iter().filter_map(|group| group.get("targets"));
        let targets: Vec<Node> = targets.flat_map(elements).cloned().collect();
        targets
    };
    let own = |job: &Node| {
        let targets = targets(job);
        !discovers(job) && !targets.is_empty() && targets.iter().all(|node| is_own(node, ports))
    };
    let jobs = config
        .get("scrape_configs")
        .map(elements)
        .unwrap_or_default();
    config.get("scrape_config_files").is_none() && !jobs.is_empty() && jobs.iter().all(own)
}

/// `localhost:8888` in its many forms. The address of a pod is known by the variable's name.
fn is_own(target: &Node, ports: &[String]) -> bool {
    const HOSTS: [&str; 6] = ["", "localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"];
    let Some((host, port)) = target.as_text().and_then(|text| text.rsplit_once(':')) else {
        return false;
    };
    let place = &target.place;
    let written = place.source.text.get(place.span.clone()).unwrap_or("");
    let of_pod = written.contains("POD_IP}") || written.contains("POD_IP:-");
    ports.iter().any(|own| own == port) && (HOSTS.contains(&host) || of_pod)
}

fn elements(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(list) => list,
        _ => &[],
    }
}

pub(super) fn section<'a>(root: &'a mut Node, key: &str) -> Option<&'a mut Map> {
    root.as_map_mut()?.entry_mut(key)?.node.as_map_mut()
}
