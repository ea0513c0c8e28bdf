//! TLS for both ends: certificates made for one run, and streams that may be encrypted.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::Protocol;

const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Names of the files in [`Certificates::folder`]; the configurations of the cases name them too.
const CA: &str = "ca.pem";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// An authority, and a server at `localhost` and 127.0.0.1 that it vouches for, as PEM files that
/// are gone with this value.
#[derive(Debug)]
pub struct Certificates(TempDir);

/// A connection as HTTP sees it.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    fn socket(&self) -> &TcpStream;
}

/// Connects in the clear, or over TLS.
#[derive(Clone)]
pub(crate) struct Connector(Option<TlsConnector>);

/// The server's side of a connection.
#[derive(Clone)]
pub(crate) struct Acceptor(TlsAcceptor);

// === impl Certificates ===

impl Certificates {
    pub fn make() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("certificates-").tempdir()?;
        for (name, text) in chain().map_err(io::Error::other)? {
            std::fs::write(folder.path().join(name), text)?;
        }
        Ok(Self(folder))
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Whom clients trust.
    pub fn ca(&self) -> std::path::PathBuf {
        self.folder().join(CA)
    }

    /// The server's certificate and key.
    pub fn server(&self) -> [std::path::PathBuf; 2] {
        [CERTIFICATE, KEY].map(|name| self.folder().join(name))
    }
}

fn chain() -> Result<[(&'static str, String); 3], rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let server = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    Ok([
        (CA, authority.pem()),
        (CERTIFICATE, server.pem()),
        (KEY, key.serialize_pem()),
    ])
}

// === impl Wire ===

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for client::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Wire for server::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

// === impl Connector ===

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encrypts = self.0.is_some();
        f.debug_struct("Connector").field("tls", &encrypts).finish()
    }
}

impl Connector {
    /// Over TLS if there is an authority to trust. The error names its file.
    pub(crate) fn new(ca: Option<&Path>, protocol: Protocol) -> io::Result<Self> {
        let Some(ca) = ca else {
            return Ok(Self(None));
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate).map_err(|error| named(ca, &error))?;
        }
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let spoken = match protocol {
            Protocol::Grpc => H2,
            Protocol::Http => HTTP1,
        };
        config.alpn_protocols = vec![spoken.to_vec()];
        Ok(Self(Some(TlsConnector::from(Arc::new(config)))))
    }

    pub(crate) const fn scheme(&self) -> &'static str {
        match self.0 {
            None => "http",
            Some(_) => "https",
        }
    }

    pub(crate) async fn connect(&self, target: SocketAddr) -> io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.0 else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::from(target.ip());
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

// === impl Acceptor ===

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    /// The error names the file that cannot be used.
    pub(crate) fn new(certificate: &Path, key: &Path) -> io::Result<Self> {
        let chain = certificates(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, &error))?;
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(chain, private);
        let mut config = config.map_err(|error| named(certificate, &error))?;
        config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// The stream, and whether HTTP/2 is spoken on it.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(Box<dyn Wire>, bool)> {
        let stream = self.0.accept(stream).await?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        Ok((Box::new(stream), h2))
    }
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    read.map_err(|error| named(file, &error))
}

fn named(file: &Path, error: &dyn fmt::Display) -> io::Error {
    let text = format!("{}: {error}", file.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
