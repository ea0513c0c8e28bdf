//! The page of our own metrics, as `service::telemetry::metrics` asks for it.

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

const PATH: &str = "/metrics";

/// All pages of a process.
struct MetricsPage {
    pages: Vec<(Listener, Page)>,
    shared: Shared,
}

/// Binds a socket for every pull reader; `None` if there is none, or the level is `none`. The
/// returned extension also reports what the books, the budget and the process have to say, for as
/// long as it runs.
///
/// The error says which address cannot be listened on, and which key chooses another.
pub fn metrics_page(
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
        let page = Page {
            level,
            suffixes: !(reader.without_units && reader.without_type_suffix),
            resource: resource.clone(),
            labels: Vec::new(),
        };
        Ok((Listener::bind(&address(reader), Transport::Tcp)?, page))
    };
    let pages: Result<Vec<_>, String> = written.metrics.pages().map(open).collect();
    let pages = pages.map_err(|text| {
        format!(
            "the metrics page {text}; choose another `host` or `port` under \
             service::telemetry::metrics::readers, or `level: none`"
        )
    })?;
    if pages.is_empty() {
        return Ok(None);
    }
    let shared = shared.clone();
    Ok(Some(Box::new(MetricsPage { pages, shared })))
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

impl Extension for MetricsPage {
    fn listening(&self) -> Vec<Listening> {
        let sockets = self.pages.iter().map(|(listener, _)| Listening {
            protocol: "http",
            address: listener.address().to_string(),
        });
        sockets.collect()
    }

    fn run(self: Box<Self>, vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let Self { pages, shared } = *self;
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
            let mut serving = JoinSet::new();
            for (listener, page) in pages {
                let metrics = shared.metrics.clone();
                let answer = async move |asked: Parts| match asked.uri.path() {
                    PATH => Reply::new(StatusCode::OK, CONTENT_TYPE, metrics.render(&page)),
                    _ => Reply::not_found(),
                };
                serving.spawn_local(Site::plain(listener).serve(answer));
            }
            while serving.join_next().await.is_some() {}
        })
    }
}
