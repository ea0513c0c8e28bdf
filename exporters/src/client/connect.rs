//! How exporters connect: TLS, proxies, and the keys of the clients' connections.

use std::time::Duration;

use config::GoDuration;
use config::blocks::{GrpcClient, HttpClient, TlsClient};
use net::client::{Proxy, Settings, Target};
use net::tls;
use pipeline::component::Host;

/// Servers refuse clients that ping more often, and Go's clients do not.
const PING_EVERY_MIN: Duration = Duration::from_secs(10);

/// Of HTTP/2 under an HTTP client, as in Go.
const PING_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);

/// Connects as the block of a gRPC client says.
pub(crate) fn grpc(client: &GrpcClient, host: &Host) -> Result<Settings, String> {
    let (target, _) = client.target();
    let target = Target::parse(target.trim_end_matches('/'), None)?;
    let tls = match client.is_plaintext() {
        true => None,
        false => Some(tls::Connector::new(&client.tls, &["h2"], owner(host))?),
    };
    // The authority may have a port; the name that a server proves has none.
    let tls_name = match client.authority.as_str() {
        "" => None,
        authority => Some(Target::parse(authority, Some(443))?.host().to_owned()),
    };
    let keepalive = client.keepalive.as_ref();
    Ok(Settings {
        tls,
        tls_name,
        // As Go's gRPC does, with or without TLS.
        proxy: proxy(None, true, &target, &client.tls, host)?,
        h2: true,
        keepalive_time: keepalive
            .and_then(|k| time(k.time))
            .map(|every| every.max(PING_EVERY_MIN)),
        keepalive_timeout: keepalive.and_then(|k| time(k.timeout)),
        keepalive_while_idle: keepalive.is_some_and(|k| k.permit_without_stream),
        round_robin: client.balancer_name != "pick_first",
        wait_for_ready: client.wait_for_ready,
        ..Settings::new(target)
    })
}

/// Connects as the block of an HTTP client says; with TLS if there is a connector.
pub(crate) fn http(
    client: &HttpClient,
    target: Target,
    tls: Option<tls::Connector>,
    host: &Host,
) -> Result<Settings, String> {
    let ping_every = time(client.http2_read_idle_timeout);
    let ping_timeout = time(client.http2_ping_timeout).unwrap_or(PING_TIMEOUT_DEFAULT);
    let url = client.proxy_url.expose();
    Ok(Settings {
        proxy: proxy(url, tls.is_some(), &target, &client.tls, host)?,
        tls,
        keepalive_time: ping_every,
        keepalive_timeout: ping_every.map(|_| ping_timeout),
        keepalive_while_idle: true,
        idle_timeout: time(client.idle_conn_timeout),
        idle_max: client.idle_max(),
        connections_max: client.connections_max(),
        keep_alives: !client.disable_keep_alives,
        ..Settings::new(target)
    })
}

/// Who a TLS connection of this exporter is made for.
pub(crate) fn owner(host: &Host) -> tls::Owner<'_> {
    tls::Owner {
        kind: host.label.kind_name(),
        component: &host.label.id,
        part: host.label.signal_name(),
        metrics: &host.metrics,
    }
}

/// The proxy on the way to a target: the configured one, else the one that the environment names.
fn proxy(
    url: Option<&str>,
    secure: bool,
    target: &Target,
    block: &TlsClient,
    host: &Host,
) -> Result<Option<Proxy>, String> {
    let found = match url {
        Some(url) => Some(Proxy::parse(url).map_err(|fault| format!("proxy_url: {fault}"))?),
        None => Proxy::of_environment(secure, target, |name| std::env::var(name).ok())?,
    };
    match found {
        Some(proxy) if proxy.is_secure() => {
            let owner = tls::Owner {
                part: &format!("{} proxy", host.label.signal_name()),
                ..owner(host)
            };
            let connector = tls::Connector::new(block, &[], owner)?;
            Ok(Some(proxy.secured(connector)))
        }
        found => Ok(found),
    }
}

fn time(duration: GoDuration) -> Option<Duration> {
    Some(duration.get()).filter(|duration| !duration.is_zero())
}
