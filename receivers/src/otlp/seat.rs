//! A worker's half of one listening socket: its connections, until the last is answered.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use http::header::HOST;
use http::{Request, Response};
use hyper::body::Incoming;
use net::auth::Identity;
use net::{Accepted, Answer, Farewell, Seat, Settings};
use pipeline::{Context, Stop};
use tokio::sync::mpsc;

/// Serves every connection of a seat with `handle`, and returns when, after the service began to drain, the last
/// request has been answered.
pub(super) async fn run<H, F>(seat: Seat, settings: Settings, handle: H, stop: Stop)
where
    H: Fn(Request<Incoming>, &Arc<Context>) -> F + Clone + 'static,
    F: Future<Output = Response<Answer>> + 'static,
{
    let settings = Rc::new(settings);
    // Nothing is ever sent: each connection holds a sender, and the channel closes with the last.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let closing = stop.clone();
    let serve = move |accepted: Accepted| {
        let context = Arc::new(Context {
            peer: accepted.peer(),
            ..Context::default()
        });
        let (settings, stop, open) = (Rc::clone(&settings), stop.clone(), open.clone());
        let handle = handle.clone();
        tokio::task::spawn_local(async move {
            let handle = move |request| handle(request, &context);
            let farewell = Farewell {
                leaving: stop.leaving(),
                draining: stop.draining(),
            };
            net::serve(accepted, settings, handle, farewell).await;
            drop(open);
        });
    };
    seat.serve(serve, closing.closed()).await;
    // The channel yields nothing but its end.
    let _ = all_closed.recv().await;
}

/// The connection's context with what belongs to one request: who its sender is, and its metadata where that is kept.
pub(super) fn context(
    connection: &Arc<Context>,
    request: &Request<Incoming>,
    include_metadata: bool,
    identity: Option<Identity>,
) -> Arc<Context> {
    if !include_metadata && identity.is_none() {
        return Arc::clone(connection);
    }
    Arc::new(Context {
        peer: connection.peer,
        metadata: match include_metadata {
            true => metadata(request),
            false => Vec::new(),
        },
        identity: identity.unwrap_or_default(),
    })
}

/// Header names in lower case, and the authority as `host`.
fn metadata(request: &Request<Incoming>) -> Vec<(String, String)> {
    let headers = request.headers().iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    let mut metadata: Vec<_> = headers.collect();
    if !request.headers().contains_key(HOST)
        && let Some(authority) = request.uri().authority()
    {
        metadata.push(("host".to_owned(), authority.to_string()));
    }
    metadata
}
