//! Keeps web pages out. A browser on this machine runs what any site sends it, and reaches this
//! machine's loopback addresses. Two things give such a page away: the name under which it found
//! us, which is its own even where its owner lets that name point here (DNS rebinding), and the
//! origin that browsers put on what changes something.

use std::net::{IpAddr, SocketAddr};

use ::config::blocks::{HttpServer, Transport};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method};

/// Why a question is not answered. `is_local`: the socket is on a loopback address; elsewhere names
/// are the operator's choice, and authentication stands before this.
pub(crate) fn refuses(is_local: bool, asked: &Parts) -> Option<&'static str> {
    let host = host(asked);
    if is_local && !host.as_deref().is_some_and(is_loopback) {
        return Some(
            "this is a loopback address: ask for localhost, 127.0.0.1 or [::1], not for another name",
        );
    }
    let reads = matches!(asked.method, Method::GET | Method::HEAD);
    if !reads && is_foreign(&asked.headers, host.as_deref()) {
        return Some("a web page of another origin must not change anything here");
    }
    None
}

/// The path of a unix socket is no address, and of this machine.
pub(crate) fn is_local(address: &str) -> bool {
    let address = address.parse::<SocketAddr>();
    address.map_or(true, |address| address.ip().is_loopback())
}

/// Whether an endpoint of a file can be nothing but a loopback address. A name other than `localhost`
/// may stand for anything.
pub(crate) fn stays_here(server: &HttpServer, endpoint: &str) -> bool {
    if server.transport == Transport::Unix {
        return true;
    }
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let address = bare.unwrap_or(host).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The host and port that were asked for, by either version of HTTP.
fn host(asked: &Parts) -> Option<String> {
    let authority = asked.uri.authority().map(ToString::to_string);
    authority.or_else(|| text(&asked.headers, HOST.as_str()).map(str::to_owned))
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let address = bare.unwrap_or(name).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a browser says that another site's page asks.
fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    if !headers.contains_key(ORIGIN) {
        return false;
    }
    let origin = text(headers, ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    origin.map(|(_, origin)| origin) != host
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// Whether a question with these headers is answered on a loopback address, and on another.
    fn check(method: &str, headers: &[(&str, &str)], expected: (bool, bool)) {
        let mut request = Request::builder().method(method).uri("/api/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (asked, ()) = request.body(()).unwrap().into_parts();
        let answered = |is_local| refuses(is_local, &asked).is_none();
        assert_eq!((answered(true), answered(false)), expected, "{headers:?}");
    }

    #[test]
    fn an_endpoint_is_local_only_if_it_can_be_nothing_else() {
        let stays = |endpoint: &str| stays_here(&HttpServer::default(), endpoint);
        for local in [
            "localhost:13134",
            "127.0.0.1:0",
            "127.1.2.3:1",
            "[::1]:13134",
        ] {
            assert!(stays(local), "{local}");
        }
        for open in [
            ":13134",
            "0.0.0.0:13134",
            "[::]:1",
            "10.0.0.1:1",
            "pod.local:1",
        ] {
            assert!(!stays(open), "{open}");
        }
        let socket = HttpServer {
            transport: Transport::Unix,
            ..HttpServer::default()
        };
        assert!(stays_here(&socket, "/run/admin.sock"));
    }

    #[test]
    fn on_loopback_only_its_own_names_are_answered() {
        for own in [
            "localhost",
            "LocalHost:13134",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:13134",
        ] {
            check("GET", &[("host", own)], (true, true));
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:13134",
            "",
            "a b",
            "[::2]",
        ] {
            check("GET", &[("host", other)], (false, true));
        }
        check("GET", &[], (false, true));
    }

    #[test]
    fn a_page_of_another_origin_changes_nothing() {
        let own = ("host", "localhost:13134");
        check("POST", &[own], (true, true));
        check(
            "POST",
            &[own, ("origin", "http://localhost:13134")],
            (true, true),
        );
        for origin in ["http://evil.example", "http://localhost:8080", "null", ""] {
            check("POST", &[own, ("origin", origin)], (false, false));
        }
        // Reading is safe: without CORS headers the browser keeps the answer from the page.
        check(
            "GET",
            &[own, ("origin", "http://evil.example")],
            (true, true),
        );
    }

    #[test]
    fn http_2_names_the_host_in_its_target() {
        let ask = |target: &str| {
            let request = Request::builder().uri(target).body(()).unwrap();
            refuses(true, &request.into_parts().0)
        };
        assert_eq!(ask("http://localhost:13134/api/"), None);
        assert!(ask("http://evil.example/api/").is_some());
    }
}
