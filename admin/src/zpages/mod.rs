//! Extension `zpages`: one plain page on which a person sees how the service is, in any browser.

mod page;

use ::config::blocks::HttpServer;
use ::config::{Problems, Squash, Validate};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::request::Parts;
use otlp::Signal;
use pipeline::Stop;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Host, Listening, LocalFuture, Stability, Vitals,
};
use serde::{Deserialize, Serialize};

use crate::guard;
use crate::web::{HTML, Reply, Site};

/// The Collector's pages, all of which are parts of ours.
const PAGES: [&str; 6] = [
    "/",
    "/debug/",
    "/debug/servicez",
    "/debug/pipelinez",
    "/debug/extensionz",
    "/debug/featurez",
];

/// Nothing is loaded and nothing runs: the page is text.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const NO_TRACES: &str = "\
This service makes no spans about itself, so there are none to show. What it does with the spans of
others stands in its metrics, on /debug/servicez, and in the answers of the extension admin.
";

const NO_EXPVAR: &str = "\
expvar is a package of Go, and this service is not a Go program. Its figures stand on the metrics page.
";

/// Extension `zpages`.
pub(crate) struct Zpages(Site);

/// The server's keys, with our own beside them.
pub(crate) type Config = Squash<HttpServer, Keys>;

/// `endpoint` stands here again because its default is not that of the block.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Keys {
    endpoint: String,
    expvar: Expvar,
}

/// `expvar`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Expvar {
    enabled: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            endpoint: "localhost:55679".to_owned(),
            expvar: Expvar::default(),
        }
    }
}

impl Validate for Keys {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if self.expvar.enabled {
            let text = "has no effect: this is not a Go program; ask the metrics page";
            problems.warn("expvar::enabled", text);
        }
        problems
    }
}

impl Component for Zpages {
    const NAME: &'static str = "zpages";
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
endpoint: 127.0.0.1:55679
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExtensionComponent for Zpages {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        let site = Site::bind(&config.0, &config.1.endpoint, host)?;
        let site = site.with_header(CONTENT_SECURITY_POLICY, POLICY);
        Ok(Box::new(Self(site.with_header(CACHE_CONTROL, "no-store"))))
    }
}

impl Extension for Zpages {
    fn listening(&self) -> Vec<Listening> {
        vec![self.0.listening()]
    }

    fn run(self: Box<Self>, vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        let is_local = guard::is_local(&self.0.listening().address);
        let answer = async move |asked| answer(&vitals, is_local, &asked);
        Box::pin(self.0.serve(answer))
    }
}

fn answer(vitals: &Vitals, is_local: bool, asked: &Parts) -> Reply {
    if let Some(reason) = guard::refuses(is_local, asked) {
        return Reply::text(StatusCode::FORBIDDEN, format!("{reason}\n"));
    }
    match asked.uri.path() {
        path if PAGES.contains(&path) => Reply::new(StatusCode::OK, HTML, page::page(vitals)),
        "/debug/tracez" => Reply::text(StatusCode::OK, NO_TRACES),
        "/debug/expvarz" => Reply::text(StatusCode::OK, NO_EXPVAR),
        _ => Reply::not_found(),
    }
}

#[cfg(test)]
mod tests;
