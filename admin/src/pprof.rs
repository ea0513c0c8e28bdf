//! Extension `pprof`: accepted, so that files which name it start, and says what to use instead.

use ::config::{GoDuration, Validate};
use http::StatusCode;
use http::request::Parts;
use net::Listener;
use otlp::Signal;
use pipeline::Stop;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Host, Listening, LocalFuture, Stability, Vitals,
};
use serde::{Deserialize, Serialize};

use crate::web::{Reply, Site};

/// What every question is answered, and what the page says.
const INSTEAD: &str = "\
This service is not a Go program and has no profiles of the Go runtime.

For CPU time, from outside and without a restart:
  perf record --call-graph dwarf -p PID -- sleep 10 && perf report
For memory: heaptrack --pid PID, or the budget on the metrics page:
  tracegate_budget_used_bytes, otelcol_process_memory_rss
For what waits: GET /api/v1/status of the extension admin.
";

/// Extension `pprof`.
pub(crate) struct Pprof(Site);

/// The Collector's keys.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    endpoint: String,
    dialer: Dialer,
    block_profile_fraction: i64,
    mutex_profile_fraction: i64,
    save_to_file: String,
}

/// Without effect, as in the Collector: nothing is dialled.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Dialer {
    timeout: GoDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: "localhost:1777".to_owned(),
            dialer: Dialer::default(),
            block_profile_fraction: 0,
            mutex_profile_fraction: 0,
            save_to_file: String::new(),
        }
    }
}

impl Validate for Config {}

impl Component for Pprof {
    const NAME: &'static str = "pprof";
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
endpoint: 127.0.0.1:1777
";
    const REFERENCE: &'static str = include_str!("pprof.md");
    type Config = Config;
}

impl ExtensionComponent for Pprof {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        tracing::warn!(
            otelcol.component.id = host.label.id,
            otelcol.component.kind = host.label.kind_name(),
            "There are no profiles of the Go runtime here; use `perf record -p PID` for CPU time and \
             `heaptrack --pid PID` for memory."
        );
        let listener = Listener::bind(&config.endpoint, ::config::blocks::Transport::Tcp)?;
        Ok(Box::new(Self(Site::plain(listener))))
    }
}

impl Extension for Pprof {
    fn listening(&self) -> Vec<Listening> {
        vec![self.0.listening()]
    }

    fn run(self: Box<Self>, _vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        Box::pin(self.0.serve(async |asked| answer(&asked)))
    }
}

/// A profile that is none must not pass for one.
fn answer(asked: &Parts) -> Reply {
    let status = match asked.uri.path() {
        "/" | "/debug/pprof" | "/debug/pprof/" => StatusCode::OK,
        path if path.starts_with("/debug/pprof/") => StatusCode::NOT_IMPLEMENTED,
        _ => return Reply::not_found(),
    };
    Reply::text(status, INSTEAD)
}

#[cfg(test)]
mod tests {
    use crate::tests::{beside, extension, faults, get, shared};

    #[test]
    fn every_key_of_the_collector_is_accepted() {
        let texts = faults(
            "pprof",
            "{endpoint: '0.0.0.0:1777', block_profile_fraction: 3, mutex_profile_fraction: 5, \
             save_to_file: cpu.out, dialer: {timeout: 5s}}",
        );
        assert_eq!(texts, Vec::<String>::new());
    }

    #[test]
    fn its_page_says_what_to_use_instead_and_no_profile_is_made_up() {
        let pprof = extension("pprof", "{endpoint: '127.0.0.1:0'}");
        beside(pprof, &shared(), |sockets, _| async move {
            let check = async |path: &str, status: &str, text: &str| {
                let (head, body) = get(sockets[0], path).await;
                assert_eq!(&head[9..12], status, "{path}");
                assert!(body.contains(text), "{path}: {body}");
            };
            check("/debug/pprof/", "200", "perf record").await;
            check("/debug/pprof/profile?seconds=30", "501", "perf record").await;
            check("/debug/pprof/heap", "501", "heaptrack").await;
            check("/metrics", "404", "404 page not found").await;
        });
    }
}
