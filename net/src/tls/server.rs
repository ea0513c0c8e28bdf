//! The server's side: who we are, and whom to let in.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use config::blocks::{Tls, TlsServer};
use rustls::RootCertStore;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::pem::Pem;
use super::refusal::Refusals;
use super::reload::{Made, Reloaded};
use super::validity::Validity;
use super::{Identity, Owner, TlsFault, provider, versions};
use crate::settings::Protocol;

/// A client that connects has shown who it is within this time.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Makes the handshakes of one listener. Cheap to clone; all workers share one.
///
/// A receiver makes it of its `tls` block when it is built, and puts it between accepting a
/// connection and serving it:
///
/// ```ignore
/// let tls = match &config.tls {
///     Some(block) => Some(tls::Server::new(block, Protocol::Http2, owner)?),
///     None => None,
/// };
/// // for each connection:
/// let Some(accepted) = tls.accept(stream, &peer).await else {
///     return; // Refused, counted and logged already.
/// };
/// ```
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    config: Arc<Reloaded<ServerConfig>>,
    refusals: Refusals,
}

/// A connection whose handshake is made.
pub struct Accepted<S> {
    pub stream: TlsStream<S>,
    /// Whether ALPN chose HTTP/2, or else HTTP/1.1; `None` if the client did not ask.
    pub h2: Option<bool>,
}

// === impl Server ===

impl Server {
    /// Reads the files and checks that everything fits together; they are watched for as long as a
    /// clone lives. `Http2` offers `h2` alone by ALPN, `Auto` `http/1.1` too. The error names the
    /// key and what to do.
    pub fn new(block: &TlsServer, protocol: Protocol, owner: Owner<'_>) -> Result<Self, String> {
        Self::of(block, protocol, owner).map_err(|fault| fault.to_string())
    }

    fn of(block: &TlsServer, protocol: Protocol, owner: Owner<'_>) -> Result<Self, TlsFault> {
        let parts = Parts::of(block, protocol)?;
        let files = parts.files();
        let every = block.shared().reload_interval.get();
        let config = Reloaded::new(files, every, owner, move || parts.make())?;
        Ok(Self(Arc::new(Shared {
            config,
            refusals: Refusals::new(owner),
        })))
    }

    /// Makes the handshake with `peer`, a name for the log. One that fails, or takes longer than
    /// 5 s, is counted and logged here, and no byte of payload has been read.
    pub async fn accept<S>(&self, stream: S, peer: impl fmt::Display) -> Option<Accepted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Shared { config, refusals } = &*self.0;
        let handshake = TlsAcceptor::from(config.current()).accept(stream);
        let done = match tokio::time::timeout(HANDSHAKE_MAX, handshake).await {
            Ok(done) => done,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        match done {
            Ok(stream) => {
                let chosen = stream.get_ref().1.alpn_protocol();
                let h2 = chosen.map(|name| name == b"h2");
                Some(Accepted { stream, h2 })
            }
            Err(error) => {
                refusals.refused(&peer, &error);
                None
            }
        }
    }
}

/// Of what a configuration is made, now and when the files have changed.
struct Parts {
    tls: Tls,
    identity: Identity,
    clients: Option<Pem>,
    protocol: Protocol,
}

// === impl Parts ===

impl Parts {
    fn of(block: &TlsServer, protocol: Protocol) -> Result<Self, TlsFault> {
        let tls = block.shared();
        let identity = Identity::of(tls)?.ok_or_else(|| {
            TlsFault::new(
                "cert_file",
                "not given: a server has a certificate and a key",
            )
        })?;
        let none = config::Secret::default();
        let clients = ("client_ca_file", block.client_ca_file.as_str());
        Ok(Self {
            tls: tls.clone(),
            identity,
            clients: Pem::given(clients, ("", &none)),
            protocol,
        })
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let all = [
            Some(&self.identity.cert),
            Some(&self.identity.key),
            self.clients.as_ref(),
        ];
        let files = all.into_iter().flatten().filter_map(Pem::file);
        files.map(Into::into).collect()
    }

    fn make(&self) -> Result<Made<ServerConfig>, TlsFault> {
        let provider = provider(&self.tls);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(&self.tls)?)
            .map_err(|cause| TlsFault::new("min_version", cause.to_string()))?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                authorities.add_authorities(&mut roots)?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|cause| authorities.fault(cause.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (chain, key) = self.identity.read()?;
        let expiry = chain.first().and_then(|first| Validity::of(first));
        let mut value = builder
            .with_single_cert(chain, key)
            .map_err(|cause| self.identity.fault(&cause))?;
        value.alpn_protocols = match self.protocol {
            Protocol::Http2 => vec![b"h2".to_vec()],
            Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        Ok(Made {
            value,
            expiry: expiry.map(|validity| validity.not_after),
        })
    }
}
