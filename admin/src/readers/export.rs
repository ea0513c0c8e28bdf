//! Where a periodic reader sends: one gRPC or HTTP back end.

use bytes::Bytes;
use config::Squash;
use config::blocks::{Tls, TlsClient, TlsClientOwn};
use config::telemetry::{Otlp, Protocol, PushCompression};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use net::client::{ChunkBody, Chunks, Client, Proxy, Settings, Target};
use net::encoding::{self, Encoding, Level, deflate};
use net::{grpc, tail, tls};
use otlp::Signal;
use otlp::reply::{Format, MAX_ANSWER};
use telemetry::metrics::Metrics;

/// In the Collector's form: name, version, system.
const USER_AGENT: &str = concat!("Tracegate/", env!("CARGO_PKG_VERSION"), " (linux)");

pub(super) struct Export {
    client: Client,
    protocol: Protocol,
    /// As it is shown: a password that stands before an `@` is left out.
    url: String,
    uri: Uri,
    headers: HeaderMap,
    encoding: Encoding,
    level: Level,
}

impl Export {
    /// The error says which key is wrong; nothing is connected.
    pub(super) fn new(written: &Otlp, metrics: &Metrics) -> Result<Self, String> {
        let is_grpc = written.protocol == Protocol::Grpc;
        let uri = uri(written)?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
        let target = Target::parse(authority, Some(if secure { 443 } else { 80 }))?;
        let connector = |alpn: &[&str]| {
            let owner = tls::Owner {
                kind: "telemetry",
                component: "metrics",
                part: authority,
                metrics,
            };
            tls::Connector::new(&tls_client(written), alpn, owner)
        };
        let alpn = if is_grpc { "h2" } else { "http/1.1" };
        // As Go's clients do: gRPC goes the way of HTTPS, with or without TLS.
        let variable = |name: &str| std::env::var(name).ok();
        let proxy = match Proxy::of_environment(secure || is_grpc, &target, variable)? {
            Some(proxy) if proxy.is_secure() => Some(proxy.secured(connector(&[])?)),
            found => found,
        };
        let encoding = match written.compression {
            PushCompression::None => Encoding::Identity,
            PushCompression::Gzip => Encoding::Gzip,
        };
        let settings = Settings {
            tls: secure.then(|| connector(&[alpn])).transpose()?,
            proxy,
            h2: is_grpc,
            ..Settings::new(target)
        };
        Ok(Self {
            client: Client::new(settings),
            protocol: written.protocol,
            url: uri.to_string(),
            headers: headers(written)?,
            level: encoding.level(None).map_err(|fault| fault.to_string())?,
            encoding,
            uri,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The error is one line for the log.
    pub(super) async fn send(&self, request: Bytes) -> Result<(), String> {
        let message = self.packed(request).await?;
        match self.protocol {
            Protocol::Grpc => self.call(message).await,
            Protocol::HttpProtobuf => self.post(message).await,
        }
    }

    async fn packed(&self, request: Bytes) -> Result<Bytes, String> {
        let Self {
            encoding, level, ..
        } = *self;
        if encoding == Encoding::Identity {
            return Ok(request);
        }
        let job = move || deflate(encoding, level, std::iter::once(request.as_ref()));
        match encoding::run(0, job).await {
            Ok(Ok(packed)) => Ok(packed.into()),
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(encoding::Lost) => Err("the encoder failed".to_owned()),
        }
    }

    async fn call(&self, message: Bytes) -> Result<(), String> {
        let uri = self.uri.clone();
        let request = grpc::request(uri, &self.headers, vec![message], self.encoding);
        let sent = self.client.send(request).await;
        let mut answered = sent.map_err(|fault| fault.to_string())?;
        let outcome = grpc::outcome(&mut answered).await;
        outcome.map(drop).map_err(|status| {
            let (code, text) = (status.code.name(), status.message);
            format!("rpc error: code = {code} desc = {text}")
        })
    }

    async fn post(&self, message: Bytes) -> Result<(), String> {
        let chunks: Chunks = std::iter::once(message).collect();
        let mut request = Request::new(ChunkBody::new(chunks));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let sent = self.client.send(request).await;
        let mut answered = sent.map_err(|fault| fault.to_string())?;
        let status = answered.response.status();
        tail::read(answered.response.body_mut(), MAX_ANSWER).await?;
        self.client.reuse(answered);
        match status.is_success() {
            true => Ok(()),
            false => Err(format!(
                "{} responded with HTTP Status Code {status}",
                self.url
            )),
        }
    }
}

/// Scheme, host and path of every request.
fn uri(written: &Otlp) -> Result<Uri, String> {
    let url = written.url();
    let fault = |what: &str| format!("exporter::otlp::endpoint {:?}: {what}", written.endpoint);
    let parsed: Uri = url.parse().map_err(|_| fault("it is no URL"))?;
    let mut parts = parsed.into_parts();
    let authority = parts.authority.as_ref().map(Authority::as_str);
    let host = authority.and_then(|authority| authority.rsplit('@').next());
    let host = host.ok_or_else(|| fault("it has no host"))?;
    parts.authority = Some(host.parse().map_err(|_| fault("it has no host"))?);
    let written_path = parts.path_and_query.as_ref().map(PathAndQuery::as_str);
    let path = match (written.protocol, written_path) {
        (Protocol::Grpc, _) => Signal::Metrics.grpc_path(),
        (Protocol::HttpProtobuf, None | Some("" | "/")) => Signal::Metrics.http_path(),
        (Protocol::HttpProtobuf, Some(path)) => path,
    };
    parts.path_and_query = Some(path.parse().map_err(|_| fault("its path is none"))?);
    Uri::from_parts(parts).map_err(|_| fault("it is no URL"))
}

fn headers(written: &Otlp) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let listed = written.listed_headers();
    let own = written
        .headers
        .iter()
        .map(|(name, value)| (name, value.expose()));
    for (name, value) in listed.chain(own) {
        let fault = |_| format!("exporter::otlp::headers: {name:?} cannot be sent");
        let name = HeaderName::try_from(name).map_err(|error| fault(error.to_string()))?;
        let value = HeaderValue::try_from(value);
        let mut value = value.map_err(|error| fault(error.to_string()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let agent = HeaderValue::from_static(USER_AGENT);
    headers.entry(http::header::USER_AGENT).or_insert(agent);
    if written.protocol == Protocol::HttpProtobuf {
        let kind = HeaderValue::from_static(Format::Protobuf.content_type());
        headers.insert(CONTENT_TYPE, kind);
        if written.compression == PushCompression::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let authority = uri(written)?;
        let host = authority
            .authority()
            .map(Authority::as_str)
            .unwrap_or_default();
        if let Ok(host) = HeaderValue::try_from(host) {
            headers.insert(HOST, host);
        }
    }
    Ok(headers)
}

fn tls_client(written: &Otlp) -> TlsClient {
    let files = Tls {
        ca_file: written.certificate.clone(),
        cert_file: written.client_certificate.clone(),
        key_file: written.client_key.clone(),
        ..Tls::default()
    };
    TlsClient(Squash(TlsClientOwn::default(), files))
}
