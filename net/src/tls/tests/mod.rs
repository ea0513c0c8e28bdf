//! Handshakes over a stream in memory; `faults.rs` holds what is refused before there is one.

mod faults;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::client::Authorities;
use super::*;

/// A certificate with its key, as PEM.
struct Identity {
    cert: String,
    key: String,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn identity(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let cert = params.signed_by(&key, authority).unwrap();
    Identity {
        cert: cert.pem(),
        key: key.serialize_pem(),
    }
}

fn inline(text: &str) -> Option<Pem> {
    Some(Pem::Inline(text.to_owned()))
}

fn trusting(authority: &CertifiedIssuer<'static, KeyPair>) -> ClientTls {
    ClientTls {
        ca: inline(&authority.pem()),
        ..ClientTls::default()
    }
}

/// A server with `identity`; with `clients`, it lets in only who has a certificate of that
/// authority.
fn server(
    identity: &Identity,
    clients: Option<&CertifiedIssuer<'static, KeyPair>>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.cert.as_bytes())
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                    .build()
                    .unwrap(),
            )
        }
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Connects to `host` and has four bytes echoed; returns the protocol agreed on, or the first fault
/// of the client.
async fn exchange(
    client: &ClientTls,
    host: &str,
    server: ServerConfig,
) -> Result<Option<Vec<u8>>, String> {
    let (near, far) = tokio::io::duplex(16 << 10);
    let echo = tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let mut stream = acceptor.accept(far).await?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    });
    let connector = client
        .connector_with(Authorities::default)
        .map_err(|fault| fault.to_string())?;
    let talk = async {
        let mut stream = connector.connect(host, near).await?;
        stream.write_all(b"ping").await?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await?;
        assert_eq!(&bytes, b"ping");
        Ok(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    let result = talk
        .await
        .map_err(|fault: std::io::Error| fault.to_string());
    let _ = echo.await.unwrap();
    result
}

const ALL: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_name() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let shop = identity(&ours, "shop.example");
    let of = |result: Result<_, String>| result.map(|_| ());
    let refused = |why: &str| Err(format!("invalid peer certificate: {why}"));

    let good = exchange(&trusting(&ours), "shop.example", server(&shop, None, ALL)).await;
    assert_eq!(of(good), Ok(()));
    let unknown = exchange(&trusting(&theirs), "shop.example", server(&shop, None, ALL)).await;
    assert_eq!(of(unknown), refused("UnknownIssuer"));
    let wrong = exchange(&trusting(&ours), "cart.example", server(&shop, None, ALL)).await;
    assert!(wrong.is_err_and(|text| text.contains("not valid for name \"cart.example\"")));

    let overridden = ClientTls {
        server_name_override: Some("shop.example".to_owned()),
        ..trusting(&ours)
    };
    let good = exchange(&overridden, "cart.example", server(&shop, None, ALL)).await;
    assert_eq!(of(good), Ok(()));
    let unverified = ClientTls {
        insecure_skip_verify: true,
        ..trusting(&theirs)
    };
    for versions in [ALL, &[&rustls::version::TLS12]] {
        let any = exchange(&unverified, "cart.example", server(&shop, None, versions)).await;
        assert_eq!(of(any), Ok(()));
    }
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let ours = authority("ours");
    for (name, host) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
        let server = server(&identity(&ours, name), None, ALL);
        assert_eq!(exchange(&trusting(&ours), host, server).await, Ok(None));
    }
    let server = server(&identity(&ours, "127.0.0.1"), None, ALL);
    let fault = "`not a name` is neither a host name nor an address".to_owned();
    assert_eq!(
        exchange(&trusting(&ours), "not a name", server).await,
        Err(fault)
    );
}

#[tokio::test]
async fn a_client_certificate_opens_a_server_that_asks_for_one() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let shop = identity(&ours, "shop.example");
    let with = |identity: &Identity| ClientTls {
        cert: inline(&identity.cert),
        key: inline(&identity.key),
        ..trusting(&ours)
    };
    let known = with(&identity(&ours, "client"));
    let stranger = with(&identity(&theirs, "client"));
    for versions in [ALL, &[&rustls::version::TLS12]] {
        let server = || server(&shop, Some(&ours), versions);
        assert_eq!(exchange(&known, "shop.example", server()).await, Ok(None));
        assert!(exchange(&stranger, "shop.example", server()).await.is_err());
        assert!(
            exchange(&trusting(&ours), "shop.example", server())
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn versions_and_protocols_are_negotiated_within_what_is_set() {
    let ours = authority("ours");
    let shop = identity(&ours, "shop.example");
    let check = async |client: ClientTls, versions, expected: Option<Option<&[u8]>>| {
        let result = exchange(&client, "shop.example", server(&shop, None, versions)).await;
        assert_eq!(result.ok().as_ref().map(Option::as_deref), expected);
    };
    let (min, max) = (Some(Version::Tls13), Some(Version::Tls12));
    let old: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    check(
        ClientTls {
            min_version: min,
            ..trusting(&ours)
        },
        old,
        None,
    )
    .await;
    check(
        ClientTls {
            min_version: min,
            ..trusting(&ours)
        },
        ALL,
        Some(None),
    )
    .await;
    check(
        ClientTls {
            max_version: max,
            ..trusting(&ours)
        },
        old,
        Some(None),
    )
    .await;
    let offering = |alpn: &[&[u8]]| ClientTls {
        alpn: alpn.iter().map(|name| name.to_vec()).collect(),
        ..trusting(&ours)
    };
    check(offering(&[b"h2"]), ALL, Some(Some(b"h2"))).await;
    check(offering(&[b"http/1.1"]), ALL, Some(Some(b"http/1.1"))).await;
    check(offering(&[b"spdy"]), ALL, None).await;
}
