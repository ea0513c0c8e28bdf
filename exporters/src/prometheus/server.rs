//! The server that is scraped: `/metrics`, and nothing else.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use ::config::blocks::HttpServer;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use net::encoding::{Encoding, deflate, run};
use net::tls::Owner;
use net::{Answer, Front, Listener};
use otlp::reply::Status;
use pipeline::component::{Host, Listening};
use telemetry::metrics::{Counter, Family};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::State;
use super::config::{Config, Keys};
use super::page::{Escaping, Style, negotiate};
use super::scrape;

const PATH: &str = "/metrics";

/// Pages that are written at the same time. Each is in memory as a whole, and one more would only
/// slow the others down.
const PAGES_MAX: usize = 2;

/// How often at least what has expired is let go of, if nobody scrapes.
const SWEEP_MAX: Duration = Duration::from_secs(60);

/// A metric_expiration that is shorter is still looked after this often only.
const SWEEP_MIN: Duration = Duration::from_secs(1);

const SCRAPES: Family = Family::counter(
    "tracegate_prometheus_scrapes",
    "Pages that the prometheus exporter has served",
);

pub(super) struct Server {
    address: String,
    /// Taken when it begins.
    waiting: Cell<Option<(Listener, net::Settings)>>,
    desk: Rc<Desk>,
    /// Ended with the exporter.
    tasks: RefCell<Vec<JoinHandle<()>>>,
}

/// What every connection shares.
struct Desk {
    state: Rc<State>,
    host: Host,
    keys: Keys,
    may_escape: bool,
    front: Front,
    /// Zero: none.
    write_timeout: Duration,
    pages: Semaphore,
    scrapes: Counter,
}

impl Server {
    /// Binds the socket. Nothing is answered yet.
    pub(super) fn bind(config: &Config, host: &Host, state: Rc<State>) -> Result<Self, String> {
        let server: &HttpServer = &config.0;
        let owner = Owner {
            kind: host.label.kind.name(),
            component: &host.label.id,
            part: "http",
            metrics: &host.metrics,
        };
        let settings = net::Settings::http(server, owner)?;
        let front = Front::new(server, |id| host.get(id))?;
        let listener = Listener::bind(&config.1.endpoint, server.transport)?;
        let desk = Desk {
            state,
            host: host.clone(),
            may_escape: !config.1.naming().strategy.escapes(),
            keys: config.1.clone(),
            front,
            write_timeout: server.write_timeout.get(),
            pages: Semaphore::new(PAGES_MAX),
            scrapes: host
                .metrics
                .counter(&SCRAPES, &[("exporter", &host.label.id)]),
        };
        Ok(Self {
            address: listener.address().to_string(),
            waiting: Cell::new(Some((listener, settings))),
            desk: Rc::new(desk),
            tasks: RefCell::new(Vec::new()),
        })
    }

    pub(super) fn listening(&self) -> Listening {
        Listening {
            protocol: "http",
            address: self.address.clone(),
        }
    }

    /// Answers from here on, until it is dropped.
    pub(super) fn begin(&self) {
        let Some((listener, settings)) = self.waiting.take() else {
            return;
        };
        let serving = tokio::task::spawn_local(serve(listener, settings, Rc::clone(&self.desk)));
        let expiration = self.desk.keys.metric_expiration.get();
        let sweeping = sweep(Rc::clone(&self.desk.state), expiration);
        let sweeping = tokio::task::spawn_local(sweeping);
        self.tasks.borrow_mut().extend([serving, sweeping]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.borrow().iter().for_each(JoinHandle::abort);
    }
}

async fn sweep(state: Rc<State>, expiration: Duration) {
    let every = (expiration / 2).clamp(SWEEP_MIN, SWEEP_MAX);
    loop {
        tokio::time::sleep(every).await;
        state.sweep();
    }
}

async fn serve(listener: Listener, settings: net::Settings, desk: Rc<Desk>) {
    let Some(seat) = listener.seats(1).pop() else {
        return;
    };
    let settings = Rc::new(settings);
    // Connections end with this task, which owns theirs.
    let connections = Rc::new(RefCell::new(tokio::task::JoinSet::new()));
    let serve = move |accepted| {
        let (settings, desk) = (Rc::clone(&settings), Rc::clone(&desk));
        let mut connections = connections.borrow_mut();
        while connections.try_join_next().is_some() {}
        connections.spawn_local(async move {
            let handle = move |request| {
                let desk = Rc::clone(&desk);
                async move { desk.handle(request).await }
            };
            net::serve(accepted, settings, handle, net::Farewell::never()).await;
        });
    };
    seat.serve(serve, pending::<()>()).await;
}

// === impl Desk ===

impl Desk {
    async fn handle(&self, request: Request<Incoming>) -> Response<Answer> {
        // Nobody reads the body of a question.
        let close = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        let answer =
            async |request: Request<Incoming>, _| self.answer(request.into_parts().0).await;
        let refused = |_: &Request<Incoming>, status: Status| {
            let words = format!("{}\n", status.message);
            text(net::refusal_status(&status), words)
        };
        let mut response = self.front.around(request, refused, answer).await;
        if close {
            net::close_after(&mut response);
        }
        response
    }

    async fn answer(&self, asked: Parts) -> Response<Answer> {
        if asked.uri.path() != PATH {
            return text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned());
        }
        let page = self.page(&asked);
        if self.write_timeout.is_zero() {
            return page.await;
        }
        match tokio::time::timeout(self.write_timeout, page).await {
            Ok(response) => response,
            Err(_) => {
                let words = "the page took longer than write_timeout allows\n";
                text(StatusCode::SERVICE_UNAVAILABLE, words.to_owned())
            }
        }
    }

    async fn page(&self, asked: &Parts) -> Response<Answer> {
        // Never closed.
        let _permit = self.pages.acquire().await;
        let accept = header(&asked.headers, &ACCEPT);
        let (format, escaping) = negotiate(&accept, self.keys.enable_open_metrics);
        let style = Style {
            format,
            escaping,
            timestamps: self.keys.send_timestamps,
            created: self.keys.created_samples,
            may_escape: self.may_escape && escaping != Escaping::AllowUtf8,
        };
        let names = asked_names(asked.uri.query().unwrap_or_default());
        let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);
        let mut lease = self.host.budget.lease();
        let page = scrape::page(&self.state, style, &mut lease, is_asked).await;
        self.scrapes.add(1);
        let mut response = Response::new(Answer::empty());
        let headers = response.headers_mut();
        if let Ok(kind) = HeaderValue::try_from(format.content_type(escaping)) {
            headers.insert(CONTENT_TYPE, kind);
        }
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        let encodings = header(&asked.headers, &ACCEPT_ENCODING);
        let body = match gzipped(page, &encodings).await {
            Ok(zipped) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                lease.give_back(
                    usize::try_from(lease.bytes())
                        .unwrap_or_default()
                        .saturating_sub(zipped.len()),
                );
                zipped
            }
            Err(page) => page,
        };
        *response.body_mut() = Answer::new(lease.attach(body));
        response
    }
}

/// Gives the page back where the scraper does not take gzip.
async fn gzipped(page: Vec<u8>, encodings: &str) -> Result<Vec<u8>, Vec<u8>> {
    let level = Encoding::Gzip.level(None);
    let (true, Ok(level)) = (takes_gzip(encodings), level) else {
        return Err(page);
    };
    let page = Bytes::from(page);
    let whole = page.clone();
    let packed = run(page.len(), move || {
        deflate(Encoding::Gzip, level, std::iter::once(&page[..]))
    });
    match packed.await {
        Ok(Ok(packed)) => Ok(packed),
        _ => Err(whole.into()),
    }
}

/// Whether gzip is among the encodings, and not with a weight of nothing.
fn takes_gzip(encodings: &str) -> bool {
    encodings.split(',').any(|encoding| {
        let (name, parameters) = encoding.split_once(';').unwrap_or((encoding, ""));
        let weight = parameters.trim().strip_prefix("q=");
        let is_refused = weight.and_then(|q| q.trim().parse().ok()) == Some(0.0_f32);
        matches!(name.trim(), "gzip" | "*") && !is_refused
    })
}

/// All values of a header, as one list.
fn header(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// The values of `name[]`, which ask for these families alone.
fn asked_names(query: &str) -> Vec<String> {
    let values = net::auth::query_values(query, "name[]");
    values.map(std::borrow::Cow::into_owned).collect()
}

fn text(status: StatusCode, words: String) -> Response<Answer> {
    let mut response = Response::new(Answer::new(words));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
