//! The readers of our own metrics, as `service::telemetry::metrics` asks for them: pages that
//! Prometheus scrapes, and pushes to another collector.

mod encode;
mod export;
mod push;

use std::sync::Arc;

use config::blocks::Transport;
use config::telemetry::{Level as Written, Prometheus};
use http::StatusCode;
use http::request::Parts;
use net::Listener;
use pipeline::component::{Extension, Listening, LocalFuture, Vitals};
use pipeline::{Shared, Stop};
use telemetry::metrics::{CONTENT_TYPE, Level, Page};
use telemetry::{Process, Resource};
use tokio::task::JoinSet;

use crate::families::Families;
use crate::web::{Reply, Site};
use push::Push;

const PATH: &str = "/metrics";

/// The labels by which a series says which instrumentation made it.
const SCOPE: [(&str, &str); 3] = [
    ("otel_scope_name", "tracegate"),
    ("otel_scope_version", env!("CARGO_PKG_VERSION")),
    ("otel_scope_schema_url", ""),
];

/// All readers of a process.
struct Readers {
    pages: Vec<(Listener, Page)>,
    pushes: Vec<Push>,
    shared: Shared,
}

/// Binds a socket for every pull reader and prepares every periodic one; `None` if there is none, or
/// the level is `none`. The returned extension also reports what the books, the budget and the
/// process have to say, for as long as it runs. It ends with the service, when the last figures have
/// been sent.
///
/// The error says which reader cannot work, and which key is to be changed.
pub fn metric_readers(
    written: &config::Telemetry,
    resource: &Resource,
    shared: &Shared,
) -> Result<Option<Box<dyn Extension>>, String> {
    let level = match written.metrics.level {
        Written::None => Level::None,
        Written::Basic => Level::Basic,
        Written::Normal => Level::Normal,
        Written::Detailed => Level::Detailed,
    };
    let open = |reader: &Prometheus| {
        let listener = Listener::bind(&address(reader), Transport::Tcp)?;
        Ok((listener, page(reader, level, resource)))
    };
    let pages: Result<Vec<_>, String> = written.metrics.pages().map(open).collect();
    let pages = pages.map_err(|text| {
        format!(
            "the metrics page {text}; choose another `host` or `port` under \
             service::telemetry::metrics::readers, or `level: none`"
        )
    })?;
    let push = |written| Push::new(written, level, resource, shared);
    let pushes: Result<Vec<_>, String> = written.metrics.pushes().map(push).collect();
    let pushes =
        pushes.map_err(|text| format!("service::telemetry::metrics::readers: periodic: {text}"))?;
    if pages.is_empty() && pushes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(Readers {
        pages,
        pushes,
        shared: shared.clone(),
    })))
}

fn page(reader: &Prometheus, level: Level, resource: &Resource) -> Page {
    let scope = SCOPE.iter().filter(|_| !reader.without_scope_info);
    let scope = scope.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let chosen = &reader.with_resource_constant_labels;
    let constant = resource.iter().filter(|(name, _)| chosen.names(name));
    let constant = constant.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Page {
        level,
        suffixes: !(reader.without_units && reader.without_type_suffix),
        resource: resource.clone(),
        labels: scope.chain(constant).collect(),
    }
}

/// An IPv6 host is written without brackets in the file.
fn address(reader: &Prometheus) -> String {
    let Prometheus { host, port, .. } = reader;
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl Extension for Readers {
    fn listening(&self) -> Vec<Listening> {
        let sockets = self.pages.iter().map(|(listener, _)| Listening {
            protocol: "http",
            address: listener.address().to_string(),
        });
        sockets.collect()
    }

    fn run(self: Box<Self>, vitals: Vitals, stop: Stop) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let Self {
                pages,
                pushes,
                shared,
            } = *self;
            let clock = shared.clock;
            let started = clock.started_unix_nanos();
            // The registry asks its sources for as long as they are held here.
            let process = Arc::new(Process::new(
                started,
                Arc::new(move || clock.now().unix_nanos),
            ));
            let families = Arc::new(Families::new(&shared, vitals.rooms));
            shared.metrics.register(&process);
            shared.metrics.register(&families);
            // Dropped, and with it every page, when the last push has ended.
            let mut serving = JoinSet::new();
            for (listener, page) in pages {
                let metrics = shared.metrics.clone();
                let answer = async move |asked: Parts| match asked.uri.path() {
                    PATH => Reply::new(StatusCode::OK, CONTENT_TYPE, metrics.render(&page)),
                    _ => Reply::not_found(),
                };
                serving.spawn_local(Site::plain(listener).serve(answer));
            }
            let mut pushing = JoinSet::new();
            for push in pushes {
                pushing.spawn_local(push.run(shared.clone(), stop.clone()));
            }
            stop.abandoned().await;
            while pushing.join_next().await.is_some() {}
        })
    }
}

#[cfg(test)]
mod tests;
