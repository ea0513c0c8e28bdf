//! Handshakes over a stream in memory. `matrix` holds who is let in, `faults` what is refused
//! before there is a handshake, `reloading` what becomes of files that change.

mod faults;
mod matrix;
mod reloading;

use std::sync::Arc;

use config::blocks::{Tls, TlsClient, TlsClientOwn, TlsServer, TlsServerOwn, TlsVersion};
use config::{Secret, Squash};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use telemetry::metrics::{Metrics, Page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::SystemRoots;
use super::*;
use crate::settings::Protocol;

/// A certificate with its key, as PEM.
struct Signed {
    cert: String,
    key: String,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(authority: &Authority, name: &str) -> Signed {
    signed_within(authority, name, 2000..4000)
}

/// Valid from the first of January of one year to that of another.
fn signed_within(authority: &Authority, name: &str, years: std::ops::Range<i32>) -> Signed {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    let cert = params.signed_by(&key, authority).unwrap();
    Signed {
        cert: cert.pem(),
        key: key.serialize_pem(),
    }
}

fn client_block(own: TlsClientOwn, tls: Tls) -> TlsClient {
    TlsClient(Squash(own, tls))
}

fn server_block(own: TlsServerOwn, tls: Tls) -> TlsServer {
    TlsServer(Squash(own, tls))
}

/// The keys of one who trusts an authority.
fn trusts(authority: &Authority) -> Tls {
    Tls {
        ca_pem: Secret::new(authority.pem()),
        ..Tls::default()
    }
}

/// The keys of one who has a certificate.
fn bears(signed: &Signed) -> Tls {
    Tls {
        cert_pem: Secret::new(&signed.cert),
        key_pem: Secret::new(&signed.key),
        ..Tls::default()
    }
}

fn trusting(authority: &Authority) -> TlsClient {
    client_block(TlsClientOwn::default(), trusts(authority))
}

fn serving(signed: &Signed) -> TlsServer {
    server_block(TlsServerOwn::default(), bears(signed))
}

fn owner(metrics: &Metrics) -> Owner<'_> {
    Owner {
        kind: "receiver",
        component: "otlp/a",
        part: "grpc",
        metrics,
    }
}

fn no_system() -> SystemRoots {
    Err(String::new())
}

fn connector(block: &TlsClient, alpn: &[&str]) -> Result<Connector, TlsFault> {
    Connector::with(block, alpn, owner(&Metrics::default()), no_system)
}

fn server(block: &TlsServer) -> Server {
    Server::new(block, Protocol::Auto, owner(&Metrics::default())).unwrap()
}

/// Connects to `host` and has four bytes echoed; returns the protocol agreed on, or the first fault
/// of the client.
async fn exchange(
    connector: &Connector,
    host: &str,
    server: &Server,
) -> Result<Option<String>, String> {
    let (near, far) = tokio::io::duplex(16 << 10);
    let server = server.clone();
    let echo = tokio::spawn(async move {
        let Some(Accepted { mut stream, .. }) = server.accept(far, "a peer").await else {
            return Ok(());
        };
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    });
    let talk = async {
        let mut stream = connector.connect(host, near).await?;
        stream.write_all(b"ping").await?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        assert_eq!(&bytes, b"ping");
        let chosen = stream.get_ref().1.alpn_protocol();
        Ok(chosen.map(|name| String::from_utf8_lossy(name).into_owned()))
    };
    let result = talk
        .await
        .map_err(|fault: std::io::Error| fault.to_string());
    let _ = echo.await.unwrap();
    result
}

/// The same with blocks as they are configured.
async fn exchanged(client: &TlsClient, host: &str, block: &TlsServer) -> Result<(), String> {
    let connector = connector(client, &[]).map_err(|fault| fault.to_string())?;
    exchange(&connector, host, &server(block)).await.map(drop)
}

/// The metrics page, without the lines of other families than this.
fn shown(metrics: &Metrics, family: &str) -> Vec<String> {
    let page = metrics.render(&Page::default());
    let lines = page.lines().filter(|line| line.starts_with(family));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let ours = authority("ours");
    for (name, host) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
        let block = serving(&signed(&ours, name));
        assert_eq!(exchanged(&trusting(&ours), host, &block).await, Ok(()));
    }
    let block = serving(&signed(&ours, "127.0.0.1"));
    let fault = "`not a name` is neither a host name nor an address".to_owned();
    let refused = exchanged(&trusting(&ours), "not a name", &block).await;
    assert_eq!(refused, Err(fault));
}

#[tokio::test]
async fn versions_are_negotiated_within_what_both_sides_allow() {
    const OLD: Option<TlsVersion> = Some(TlsVersion::V1_2);
    const NEW: Option<TlsVersion> = Some(TlsVersion::V1_3);
    const ANCIENT: Option<TlsVersion> = Some(TlsVersion::V1_0);
    let ours = authority("ours");
    let shop = signed(&ours, "shop.example");
    let check = async |client: [Option<TlsVersion>; 2], server: [Option<TlsVersion>; 2], good| {
        let within = |tls: Tls, [min_version, max_version]: [Option<TlsVersion>; 2]| Tls {
            min_version,
            max_version,
            ..tls
        };
        let near = client_block(TlsClientOwn::default(), within(trusts(&ours), client));
        let far = server_block(TlsServerOwn::default(), within(bears(&shop), server));
        let result = exchanged(&near, "shop.example", &far).await;
        assert_eq!(result.is_ok(), good, "{client:?} {server:?} {result:?}");
    };
    check([None, None], [None, None], true).await;
    check([NEW, None], [None, None], true).await;
    check([NEW, None], [None, OLD], false).await;
    check([None, OLD], [None, OLD], true).await;
    check([None, OLD], [NEW, None], false).await;
    check([ANCIENT, OLD], [ANCIENT, None], true).await;
}

#[tokio::test]
async fn suites_and_curves_are_those_that_are_listed() {
    let ours = authority("ours");
    let shop = signed(&ours, "shop.example");
    let listed = |tls: Tls, suites: &[&str], curves: &[&str]| Tls {
        max_version: (!suites.is_empty()).then_some(TlsVersion::V1_2),
        cipher_suites: suites.iter().map(|&name| name.to_owned()).collect(),
        curve_preferences: curves.iter().map(|&name| name.to_owned()).collect(),
        ..tls
    };
    let check = async |suites: [&[&str]; 2], curves: [&[&str]; 2], good| {
        let near = listed(trusts(&ours), suites[0], curves[0]);
        let far = listed(bears(&shop), suites[1], curves[1]);
        let near = client_block(TlsClientOwn::default(), near);
        let far = server_block(TlsServerOwn::default(), far);
        let result = exchanged(&near, "shop.example", &far).await;
        assert_eq!(result.is_ok(), good, "{suites:?} {curves:?} {result:?}");
    };
    const AES: &[&str] = &["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];
    const CHACHA: &[&str] = &["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"];
    const LACKING: &[&str] = &[AES[0], "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"];
    check([AES, AES], [&[], &[]], true).await;
    check([AES, LACKING], [&[], &[]], true).await;
    check([AES, CHACHA], [&[], &[]], false).await;
    check([&[], CHACHA], [&["P384"], &["P384", "P521"]], true).await;
    check([&[], &[]], [&["X25519"], &["P256", "X25519"]], true).await;
    check([&[], &[]], [&["X25519"], &["P256"]], false).await;
}

/// The names that the configuration takes for ours are those of the library.
#[test]
fn every_suite_and_curve_of_the_library_can_be_chosen() {
    let all = rustls::crypto::ring::default_provider();
    for suite in &all.cipher_suites {
        let name = suite.suite().as_str().unwrap();
        let name = name.replace("TLS13_", "TLS_");
        let tls = Tls {
            cipher_suites: vec![name.clone()],
            ..Tls::default()
        };
        assert_eq!(tls.usable_cipher_suites(), [name.as_str()]);
        let found = &provider(&tls).cipher_suites;
        assert!(found.contains(suite), "{name}");
    }
    for curve in ["X25519", "P256", "P384"] {
        let tls = Tls {
            curve_preferences: vec![curve.to_owned()],
            ..Tls::default()
        };
        assert_eq!(provider(&tls).kx_groups.len(), 1, "{curve}");
    }
    assert_eq!(all.kx_groups.len(), 3);
}

#[tokio::test]
async fn a_protocol_is_agreed_on_by_alpn() {
    let ours = authority("ours");
    let block = serving(&signed(&ours, "shop.example"));
    let check = async |offered: &[&str], protocol, expected: Option<Option<&str>>| {
        let connector = connector(&trusting(&ours), offered).unwrap();
        let server = Server::new(&block, protocol, owner(&Metrics::default())).unwrap();
        let agreed = exchange(&connector, "shop.example", &server).await.ok();
        assert_eq!(
            agreed.as_ref().map(Option::as_deref),
            expected,
            "{offered:?}"
        );
    };
    for protocol in [Protocol::Auto, Protocol::Http2] {
        check(&["h2"], protocol, Some(Some("h2"))).await;
        check(&["http/1.1", "h2"], protocol, Some(Some("h2"))).await;
        check(&[], protocol, Some(None)).await;
        check(&["spdy"], protocol, None).await;
    }
    check(&["http/1.1"], Protocol::Auto, Some(Some("http/1.1"))).await;
    check(&["http/1.1"], Protocol::Http2, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_or_nonsense_is_refused_and_counted() {
    let metrics = Metrics::default();
    let block = serving(&signed(&authority("ours"), "shop.example"));
    let server = Server::new(&block, Protocol::Auto, owner(&metrics)).unwrap();
    let counted = |cause: &str, count: u32| {
        let labels = format!("cause=\"{cause}\",component=\"otlp/a\",kind=\"receiver\"");
        let line = format!("tracegate_tls_handshake_failures{{{labels},part=\"grpc\"}} {count}");
        let page = shown(&metrics, "tracegate_tls_handshake_failures");
        assert!(page.contains(&line), "{line} is not in {page:?}");
    };
    let (silent, far) = tokio::io::duplex(1024);
    let began = tokio::time::Instant::now();
    assert!(server.accept(far, "a peer").await.is_none());
    assert_eq!(began.elapsed(), std::time::Duration::from_secs(5));
    drop(silent);
    counted("timeout", 1);

    let (mut plain, far) = tokio::io::duplex(1024);
    plain
        .write_all(b"POST /v1/traces HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert!(server.accept(far, "a peer").await.is_none());
    counted("not_tls", 1);

    let (gone, far) = tokio::io::duplex(1024);
    drop(gone);
    assert!(server.accept(far, "a peer").await.is_none());
    counted("closed", 1);
}
