//! Configurations from `http://` and `https://`: one GET, bounded in time and size.

use std::time::Duration;

use config::blocks::TlsClient;
use config::{Environment, ProcessEnvironment, SOURCE_BYTES_MAX};
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Request, StatusCode, Uri};
use net::client::{ChunkBody, Chunks, Client, Proxy, Settings, Target, basic_credentials};
use net::tail;
use net::tls;
use telemetry::metrics::Metrics;

/// A start that waits longer than this for its configuration looks hung to whoever started it.
const FETCH_MAX: Duration = Duration::from_secs(10);

/// The environment of this process, with a network.
pub(crate) struct Online;

impl Environment for Online {
    fn variable(&self, name: &str) -> Option<String> {
        ProcessEnvironment.variable(name)
    }

    fn file(&self, path: &str) -> Result<String, String> {
        ProcessEnvironment.file(path)
    }

    /// On a thread of its own, because whoever asks may be inside a runtime that must not wait.
    fn fetch(&self, url: &str) -> Result<String, String> {
        let url = url.to_owned();
        let ended = std::thread::spawn(move || fetch(&url)).join();
        ended.unwrap_or_else(|_| Err("the request failed".to_owned()))
    }
}

fn fetch(url: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| error.to_string())?;
    let bytes = runtime.block_on(async {
        let answered = tokio::time::timeout(FETCH_MAX, get(url)).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {FETCH_MAX:?}")))
    })?;
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
}

async fn get(url: &str) -> Result<Vec<u8>, String> {
    // The parser's own words would quote what may be a password.
    let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
    let authority = uri.authority().ok_or("it has no host")?.as_str();
    let (credentials, host) = match authority.rsplit_once('@') {
        Some((credentials, host)) => (Some(credentials), host),
        None => (None, authority),
    };
    let secure = uri.scheme_str() == Some("https");
    let mut request = Request::new(ChunkBody::new(Chunks::default()));
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    let text = |text: &str| HeaderValue::try_from(text).map_err(|error| error.to_string());
    headers.insert(HOST, text(host)?);
    if let Some(credentials) = credentials {
        headers.insert(AUTHORIZATION, basic_credentials(credentials)?);
    }
    let client = Client::new(settings(host, secure)?);
    let sent = client.send(request).await;
    let mut answered = sent.map_err(|fault| fault.to_string())?;
    let status = answered.response.status();
    if status != StatusCode::OK {
        return Err(format!("the server answered {status}"));
    }
    let cap = usize::try_from(SOURCE_BYTES_MAX).unwrap_or(usize::MAX);
    let read = tail::read(answered.response.body_mut(), cap).await?;
    Ok(read.body.into())
}

fn settings(host: &str, secure: bool) -> Result<Settings, String> {
    // Whoever fetches is no component, and its metrics end with the request.
    let owner = tls::Owner {
        kind: "configuration",
        component: "",
        part: "",
        metrics: &Metrics::default(),
    };
    let connector = |alpn: &[&str]| tls::Connector::new(&TlsClient::default(), alpn, owner);
    let target = Target::parse(host, Some(if secure { 443 } else { 80 }))?;
    let variable = |name: &str| std::env::var(name).ok();
    let proxy = match Proxy::of_environment(secure, &target, variable)? {
        Some(proxy) if proxy.is_secure() => Some(proxy.secured(connector(&[])?)),
        proxy => proxy,
    };
    let tls = secure.then(|| connector(&["http/1.1"])).transpose()?;
    Ok(Settings {
        tls,
        proxy,
        keep_alives: false,
        ..Settings::new(target)
    })
}
