//! The table of old keys.

use config::{Entry, Map, Node, Value};

use super::{Stuck, entry, flow, map_under};

/// One old key.
pub(super) struct Row {
    /// Where it stands; `*` is any key, and a type fits with any name behind a slash.
    pub(super) path: &'static str,
    /// What the Collector has done to it, for "which the Collector …".
    pub(super) since: &'static str,
    pub(super) now: Now,
}

/// What an old key is today.
pub(super) enum Now {
    /// Another key beside it, with the same value.
    Key(&'static str),
    /// It has no effect, for this reason.
    Nothing(&'static str),
    /// Something else; gives the text of the new form.
    Made(fn(&mut Map, Entry) -> Result<String, Stuck>),
}

const fn row(path: &'static str, since: &'static str, now: Now) -> Row {
    Row { path, since, now }
}

pub(super) const ROWS: &[Row] = &[
    row(
        "exporters::*::sending_queue::blocking",
        "has removed in 0.129",
        Now::Key("block_on_overflow"),
    ),
    row(
        "exporters::*::sending_queue::batch::min_size_items",
        "has removed in 0.123",
        Now::Key("min_size"),
    ),
    row(
        "exporters::*::sending_queue::batch::max_size_items",
        "has removed in 0.123",
        Now::Key("max_size"),
    ),
    row(
        "exporters::*::batcher",
        "has removed in 0.130",
        Now::Made(batcher),
    ),
    row(
        "exporters::*::middleware",
        "has renamed in 0.132",
        Now::Key("middlewares"),
    ),
    row(
        "receivers::otlp::protocols::*::middleware",
        "has renamed in 0.132",
        Now::Key("middlewares"),
    ),
    row(
        "exporters::logging::loglevel",
        "has removed in 0.111",
        Now::Made(loglevel),
    ),
    row("exporters::*::insecure", TLS_SINCE, Now::Made(into_tls)),
    row(
        "exporters::*::insecure_skip_verify",
        TLS_SINCE,
        Now::Made(into_tls),
    ),
    row("exporters::*::ca_file", TLS_SINCE, Now::Made(into_tls)),
    row("exporters::*::cert_file", TLS_SINCE, Now::Made(into_tls)),
    row("exporters::*::key_file", TLS_SINCE, Now::Made(into_tls)),
    row(
        "processors::memory_limiter::ballast_size_mib",
        "has removed in 0.109",
        Now::Nothing("there is no ballast without a garbage collector"),
    ),
    row(
        "extensions::health_check::port",
        "has replaced by `endpoint`",
        Now::Made(port),
    ),
    row(
        "extensions::health_check::check_collector_pipeline",
        "accepts without effect",
        Now::Nothing("`/delivering` of this extension says whether exporters deliver"),
    ),
    row(
        "service::telemetry::metrics::address",
        "has removed in 0.128",
        Now::Made(address),
    ),
];

const TLS_SINCE: &str = "has moved into `tls`";

/// `batcher` of an exporter, which merged requests behind the queue.
fn batcher(exporter: &mut Map, old: Entry) -> Result<String, Stuck> {
    let mut batch = match old.node.value.clone() {
        Value::Map(map) => map,
        _ => Map::default(),
    };
    let enabled = batch.remove("enabled");
    if enabled.is_some_and(|entry| entry.node.value == Value::Bool(false)) {
        return Ok("take it out: it is off".to_owned());
    }
    for (before, now) in [
        ("min_size_items", "min_size"),
        ("max_size_items", "max_size"),
    ] {
        if let Some(size) = batch.remove(before) {
            let key = now.to_owned();
            batch.push(Entry { key, ..size });
        }
    }
    if batch.get("sizer").is_none() {
        batch.push(entry("sizer", Value::Str("items".to_owned()), &old));
    }
    let batch = entry("batch", Value::Map(batch), &old);
    let new = format!("sending_queue: {{batch: {}}}", flow(&batch.node));
    let stuck = |text: &str| Stuck {
        text: text.to_owned(),
        help: format!("write `{new}`"),
    };
    let queue = map_under(exporter, "sending_queue", &old);
    let queue =
        queue.ok_or_else(|| stuck("there is no map `sending_queue` to put `batcher` into"))?;
    if queue.get("enabled").map(|node| &node.value) == Some(&Value::Bool(false)) {
        return Err(stuck(
            "`batcher` is in the queue today, and this queue is off",
        ));
    }
    if queue.get("batch").is_some() {
        return Err(stuck("`batcher` and `sending_queue::batch` are the same"));
    }
    queue.push(batch);
    Ok(format!("write `{new}`"))
}

/// The `logging` exporter had levels where `debug` has verbosity.
fn loglevel(exporter: &mut Map, old: Entry) -> Result<String, Stuck> {
    let verbosity = match old.node.as_text().map(str::to_lowercase).as_deref() {
        Some("debug") => "detailed",
        Some("info" | "") => "normal",
        _ => "basic",
    };
    if exporter.get("verbosity").is_some() {
        return Ok("take it out: `verbosity` says the same".to_owned());
    }
    exporter.push(entry("verbosity", Value::Str(verbosity.to_owned()), &old));
    Ok(format!("write `debug` with `verbosity: {verbosity}`"))
}

/// The keys of TLS stood beside `endpoint`.
fn into_tls(exporter: &mut Map, old: Entry) -> Result<String, Stuck> {
    let new = format!("write `tls: {{{}: {}}}`", old.key, flow(&old.node));
    let stuck = |text: String| Stuck {
        text,
        help: new.clone(),
    };
    let tls = map_under(exporter, "tls", &old);
    let tls =
        tls.ok_or_else(|| stuck(format!("there is no map `tls` to put `{}` into", old.key)))?;
    if tls.get(&old.key).is_some() {
        return Err(stuck(format!("`{}` stands in `tls` already", old.key)));
    }
    tls.push(old);
    Ok(new)
}

/// `port` of `health_check` meant all addresses.
fn port(health_check: &mut Map, old: Entry) -> Result<String, Stuck> {
    let endpoint = format!("0.0.0.0:{}", flow(&old.node));
    if health_check.get("endpoint").is_some() {
        return Ok("take it out: `endpoint` says the same".to_owned());
    }
    let help = format!("write `endpoint: {endpoint}`");
    health_check.push(entry("endpoint", Value::Str(endpoint), &old));
    Ok(help)
}

/// `host:port` of the metrics page. The port may come alone.
fn address(metrics: &mut Map, old: Entry) -> Result<String, Stuck> {
    let text = match (&old.node.value, old.node.as_text()) {
        (_, Some(text)) => text.to_owned(),
        (Value::Int(port), None) => port.to_string(),
        _ => String::new(),
    };
    let (host, port) = text.rsplit_once(':').unwrap_or(("", &text));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let readers = |port: i128| {
        let at = |key: &str, value: Value| entry(key, value, &old);
        let page = [
            at("host", Value::Str(host.to_owned())),
            at("port", Value::Int(port)),
        ];
        let page = at("prometheus", map_of(page));
        let exporter = at("exporter", map_of([page]));
        let reader = map_of([at("pull", map_of([exporter]))]);
        let reader = Node::new(old.node.place.clone(), reader);
        at("readers", Value::List(vec![reader]))
    };
    let Ok(port) = port.parse::<u16>() else {
        return Err(Stuck {
            text: format!(
                "`address` is no `host:port`, and the Collector {}",
                "has removed it in 0.128"
            ),
            help: format!("write `readers: {}`", flow(&readers(8888).node)),
        });
    };
    if metrics.get("readers").is_some() {
        return Ok("take it out: `readers` beside it are what counts".to_owned());
    }
    let readers = readers(i128::from(port));
    let help = format!("write `readers: {}`", flow(&readers.node));
    metrics.push(readers);
    Ok(help)
}

fn map_of(entries: impl IntoIterator<Item = Entry>) -> Value {
    let mut map = Map::default();
    entries.into_iter().for_each(|entry| map.push(entry));
    Value::Map(map)
}
