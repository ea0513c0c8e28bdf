//! Where an exporter posts to: a URL, and the client that reaches it.

use bytes::Bytes;
use config::blocks::HttpClient;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use net::client::{ChunkBody, Chunks, Client, Target, basic_credentials};
use net::tls;
use pipeline::component::{Host, Labels};

use super::connect;

/// One URL with its connections.
pub(crate) struct Route {
    pub(crate) client: Client,
    /// As it was written, without credentials.
    pub(crate) url: String,
    uri: Uri,
    host: HeaderValue,
    /// Of the URL's credentials.
    authorization: Option<HeaderValue>,
}

impl Route {
    /// `secured` makes what `https://` needs.
    pub(crate) fn new(
        url: &str,
        client: &HttpClient,
        secured: impl FnOnce() -> Result<tls::Connector, String>,
        host: &Host,
    ) -> Result<Self, String> {
        // Credentials become a header, as in Go, and are in no text from here on.
        let (url, credentials) = without_credentials(url);
        let fault = |what: String| format!("endpoint {url:?}: {what}");
        let uri: Uri = url.parse().map_err(|e| fault(format!("{e}")))?;
        let (tls, port) = match uri.scheme_str() {
            Some("https") => (Some(secured()?), 443),
            Some("http") => (None, 80),
            _ => return Err(fault("it must begin with http:// or https://".into())),
        };
        let authority = uri
            .authority()
            .ok_or_else(|| fault("it has no host".into()))?;
        let target = Target::parse(authority.as_str(), Some(port))?;
        Ok(Self {
            client: Client::new(connect::http(client, target, tls, host)?),
            host: HeaderValue::try_from(authority.as_str()).map_err(|e| fault(e.to_string()))?,
            authorization: credentials.map(basic_credentials).transpose()?,
            uri,
            url,
        })
    }

    /// A POST of this body with these headers, and those that the URL makes unless they are there.
    pub(crate) fn post(&self, headers: &HeaderMap, body: Vec<Bytes>) -> Request<ChunkBody> {
        let chunks: Chunks = body.into_iter().collect();
        let mut request = Request::new(ChunkBody::new(chunks));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let all = request.headers_mut();
        *all = headers.clone();
        all.entry(HOST).or_insert_with(|| self.host.clone());
        if let Some(authorization) = &self.authorization {
            let entry = all.entry(AUTHORIZATION);
            entry.or_insert_with(|| authorization.clone());
        }
        request
    }
}

/// The TLS of a client's block, with the protocols that it lets us speak.
pub(crate) fn connector(client: &HttpClient, host: &Host) -> Result<tls::Connector, String> {
    let alpn: &[&str] = match client.force_attempt_http2 {
        true => &["h2", "http/1.1"],
        false => &["http/1.1"],
    };
    tls::Connector::new(&client.tls, alpn, connect::owner(host))
}

/// The labels of a URL; the port stands there only if it was written.
pub(crate) fn url_place(url: &Uri) -> Labels {
    let host = url.host().unwrap_or_default();
    let mut labels = vec![("server_address", host.trim_matches(['[', ']']).to_owned())];
    if let Some(port) = url.port_u16() {
        labels.push(("server_port", port.to_string()));
    }
    if url.path() != "/" {
        labels.push(("url_path", url.path().to_owned()));
    }
    labels
}

/// A URL without what stands before the `@` of its host, and that.
fn without_credentials(url: &str) -> (String, Option<&str>) {
    let split = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (credentials, host) = authority.rsplit_once('@')?;
        Some((format!("{scheme}://{host}{path}"), Some(credentials)))
    };
    split().unwrap_or_else(|| (url.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_labelled_as_the_collector_does() {
        let check = |url: &str, expected: &[(&str, &str)]| {
            let labels = url_place(&url.parse().unwrap());
            let labels: Vec<_> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
            assert_eq!(labels, expected);
        };
        check(
            "http://127.0.0.1:4318/base/v1/traces",
            &[
                ("server_address", "127.0.0.1"),
                ("server_port", "4318"),
                ("url_path", "/base/v1/traces"),
            ],
        );
        check(
            "https://loki.example/otlp",
            &[("server_address", "loki.example"), ("url_path", "/otlp")],
        );
    }
}
