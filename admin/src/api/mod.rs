//! Extension `admin`: everything that people and programs ask this process, below `/api/`.
//!
//! One table has all the routes, and each route is a file. What is asked here shows how the service
//! is built and can change what it does. So it stays on this machine, unless who asks must say who
//! they are; and a web page that a browser of this machine happens to show gets nothing (`guard`).

mod books;
mod config;
mod effective;
mod errors;
mod reload;
mod service_graph;
mod status;
mod why;

use http::header::{CACHE_CONTROL, HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{Method, StatusCode};
use otlp::Signal;
use pipeline::Stop;
use pipeline::component::{
    Answer, Component, Extension, ExtensionComponent, Host, Listening, LocalFuture, Query,
    Stability, Vitals,
};
use serde::Serialize;

use crate::guard;
use crate::web::{Reply, Site};
use config::Config;

/// Extension `admin`.
pub(crate) struct Admin {
    /// `None`: switched off.
    site: Option<Site>,
    shows_values: bool,
}

/// Knows all that the answers need.
struct Desk {
    vitals: Vitals,
    is_local: bool,
    /// Values that came with telemetry may stand in an answer.
    shows_values: bool,
}

/// One question.
struct Route {
    method: Method,
    /// A part in braces stands for any text.
    path: &'static str,
    /// What is answered, for people.
    what: &'static str,
    answer: Act,
}

/// How a question is answered.
enum Act {
    /// From what is known.
    Read(fn(&Desk) -> Reply),
    Reload,
    /// About the trace that the path names.
    Why,
    ServiceGraph,
}

/// Every question that can be asked. Paths and the names of fields stay as they are: what changes
/// their meaning gets another path.
const ROUTES: &[Route] = &[
    Route::get("/api/", "this list", |_| index()),
    Route::get(
        "/api/v1/status",
        "the service and its components",
        status::answer,
    ),
    Route::get("/api/v1/books", "what became of every item", books::answer),
    Route::get("/api/v1/errors", "what went wrong last", errors::answer),
    Route::get(
        "/api/v1/config",
        "what runs, secrets redacted",
        effective::answer,
    ),
    Route {
        method: Method::GET,
        path: "/api/v1/traces/{trace_id}/why",
        what: "what was decided about a trace, and why",
        answer: Act::Why,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/service-graph",
        what: "which service calls which, how often, how fast and with what success",
        answer: Act::ServiceGraph,
    },
    Route {
        method: Method::POST,
        path: "/api/config/reload",
        what: "how the reload ended",
        answer: Act::Reload,
    },
];

/// Nobody keeps an answer, and nobody guesses its type.
const HEADERS: [(HeaderName, &str); 2] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

#[derive(Serialize)]
struct Index<'a> {
    paths: Vec<IndexRow<'a>>,
}

#[derive(Serialize)]
struct IndexRow<'a> {
    method: &'a str,
    path: &'a str,
    answers: &'a str,
}

/// The body of every answer that is none.
#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

impl Component for Admin {
    const NAME: &'static str = crate::IMPLIED;
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
endpoint: 127.0.0.1:13134
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExtensionComponent for Admin {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        if !config.0.1.enabled {
            return Ok(Box::new(Self {
                site: None,
                shows_values: false,
            }));
        }
        let mut site = Site::bind(&config.0.0, &config.0.1.endpoint, host)?;
        for (name, value) in HEADERS {
            site = site.with_header(name, value);
        }
        Ok(Box::new(Self {
            site: Some(site),
            shows_values: config.0.1.show_attribute_values,
        }))
    }
}

impl Extension for Admin {
    fn listening(&self) -> Vec<Listening> {
        self.site.iter().map(Site::listening).collect()
    }

    fn run(self: Box<Self>, vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        Box::pin(async move {
            let Some(site) = self.site else {
                return;
            };
            let is_local = guard::is_local(&site.listening().address);
            let desk = Desk {
                vitals,
                is_local,
                shows_values: self.shows_values,
            };
            site.serve(async move |asked| desk.answer(&asked).await)
                .await;
        })
    }
}

// === impl Route ===

impl Route {
    const fn get(path: &'static str, what: &'static str, answer: fn(&Desk) -> Reply) -> Self {
        Self {
            method: Method::GET,
            path,
            what,
            answer: Act::Read(answer),
        }
    }

    /// The text that stands where the path has braces; empty where it has none. `None`: it is another path.
    fn named<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.path.split_once('{') {
            None => (self.path == path).then_some(""),
            Some((before, rest)) => {
                let (_, after) = rest.split_once('}')?;
                let named = path.strip_prefix(before)?.strip_suffix(after)?;
                (!named.contains('/')).then_some(named)
            }
        }
    }
}

// === impl Desk ===

impl Desk {
    /// What all instances say whom a question concerns; else why there is no answer.
    async fn ask(&self, query: &Query) -> Result<Vec<Answer>, Reply> {
        let asked = self.vitals.questions.ask(query).await;
        asked
            .map_err(|unanswered| refused(StatusCode::SERVICE_UNAVAILABLE, &unanswered.to_string()))
    }

    async fn answer(&self, asked: &Parts) -> Reply {
        if let Some(reason) = guard::refuses(self.is_local, asked) {
            return refused(StatusCode::FORBIDDEN, reason);
        }
        let path = asked.uri.path();
        let here = ROUTES
            .iter()
            .filter_map(|route| Some((route, route.named(path)?)));
        let mut here = here.peekable();
        let Some((first, named)) = here.peek().copied() else {
            return refused(StatusCode::NOT_FOUND, "no such path; GET /api/ lists all");
        };
        let allow = first.method.as_str();
        // Who asks for the head is answered like who reads the rest.
        let method = match asked.method {
            Method::HEAD => &Method::GET,
            ref method => method,
        };
        match here
            .find(|(route, _)| route.method == *method)
            .map(|(route, _)| &route.answer)
        {
            Some(Act::Read(answer)) => answer(self),
            Some(Act::Reload) => reload::answer(self).await,
            Some(Act::Why) => why::answer(self, named).await,
            Some(Act::ServiceGraph) => service_graph::answer(self).await,
            None => {
                let text = format!("{path} understands {allow} alone");
                refused(StatusCode::METHOD_NOT_ALLOWED, &text).allowing(allow)
            }
        }
    }
}

fn refused(status: StatusCode, error: &str) -> Reply {
    Reply::json(status, &Refusal { error })
}

fn index() -> Reply {
    let row = |route: &'static Route| IndexRow {
        method: route.method.as_str(),
        path: route.path,
        answers: route.what,
    };
    let paths = ROUTES.iter().map(row).collect();
    Reply::json(StatusCode::OK, &Index { paths })
}

#[cfg(test)]
mod tests;
