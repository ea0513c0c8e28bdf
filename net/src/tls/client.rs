//! The client's side: whom to trust, who we are, and which name the server must prove.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use config::blocks::{Tls, TlsClient};
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use super::pem::Pem;
use super::reload::{Made, Reloaded};
use super::validity::Validity;
use super::verify::unverified;
use super::{Identity, Owner, TlsFault, ca, provider, versions};

/// Makes TLS connections. Cheap to clone, and to be kept: it remembers sessions to resume, and
/// watches its files for as long as a clone lives.
#[derive(Clone)]
pub struct Connector {
    config: Arc<Reloaded<ClientConfig>>,
    server_name: Option<ServerName<'static>>,
}

/// What the system trusts, or why that is nothing.
pub(super) type SystemRoots = Result<Arc<RootCertStore>, String>;

// === impl Connector ===

impl Connector {
    /// Reads the files and checks that everything fits together. Nothing is connected. `alpn` are
    /// the protocols to offer, best first. The error names the key and what to do.
    pub fn new(block: &TlsClient, alpn: &[&str], owner: Owner<'_>) -> Result<Self, String> {
        Self::with(block, alpn, owner, system_roots).map_err(|fault| fault.to_string())
    }

    pub(super) fn with(
        block: &TlsClient,
        alpn: &[&str],
        owner: Owner<'_>,
        system: fn() -> SystemRoots,
    ) -> Result<Self, TlsFault> {
        let parts = Parts {
            tls: block.shared().clone(),
            ca: ca(block.shared()),
            identity: Identity::of(block.shared())?,
            skip_verify: block.insecure_skip_verify,
            alpn: alpn.iter().map(|name| name.as_bytes().to_vec()).collect(),
            system,
        };
        let overriding = block.server_name_override.as_str();
        let overriding = Some(overriding).filter(|name| !name.is_empty());
        let server_name = overriding.map(server_name).transpose();
        let files = parts.files();
        let every = block.shared().reload_interval.get();
        Ok(Self {
            server_name: server_name.map_err(|text| TlsFault::new("server_name_override", text))?,
            config: Reloaded::new(files, every, owner, move || parts.make())?,
        })
    }

    /// The settings as of now, for whoever drives rustls itself.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.current()
    }

    /// Makes the handshake over `stream`, which is connected to `host`, a name or address without
    /// port. The server must prove that name, or the one that overrides it. Has no deadline of its
    /// own.
    pub async fn connect<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(host)
                .map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?,
        };
        tokio_rustls::TlsConnector::from(self.config())
            .connect(name, stream)
            .await
    }
}

/// `name` as a certificate bears it. An address of version 6 may stand in brackets, as in an
/// endpoint.
fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| format!("`{name}` is neither a host name nor an address"))
}

/// Reads the system's authorities once for the process: all exporters share them.
fn system_roots() -> SystemRoots {
    static ROOTS: OnceLock<SystemRoots> = OnceLock::new();
    let load = || {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let trouble = found.errors.first().map(ToString::to_string);
            return Err(trouble.unwrap_or_default());
        }
        Ok(Arc::new(roots))
    };
    ROOTS.get_or_init(load).clone()
}

/// Of what a configuration is made, now and when the files have changed.
struct Parts {
    tls: Tls,
    ca: Option<Pem>,
    identity: Option<Identity>,
    skip_verify: bool,
    alpn: Vec<Vec<u8>>,
    system: fn() -> SystemRoots,
}

// === impl Parts ===

impl Parts {
    fn files(&self) -> Vec<PathBuf> {
        let identity = self.identity.as_ref();
        let all = [
            self.ca.as_ref(),
            identity.map(|identity| &identity.cert),
            identity.map(|identity| &identity.key),
        ];
        let files = all.into_iter().flatten().filter_map(Pem::file);
        files.map(Into::into).collect()
    }

    fn make(&self) -> Result<Made<ClientConfig>, TlsFault> {
        let provider = provider(&self.tls);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(&self.tls)?)
            .map_err(|cause| TlsFault::new("min_version", cause.to_string()))?;
        // A file of authorities is read even if it will not be asked, so that a broken one is found
        // now.
        let roots = self.ca.is_some() || !self.skip_verify;
        let roots = roots.then(|| self.roots()).transpose()?;
        let builder = match roots {
            Some(roots) if !self.skip_verify => builder.with_root_certificates(roots),
            _ => unverified(builder, provider),
        };
        let (mut value, expiry) = match &self.identity {
            None => (builder.with_no_client_auth(), None),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                let validity = chain.first().and_then(|first| Validity::of(first));
                let value = builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|cause| identity.fault(&cause))?;
                (value, validity.map(|validity| validity.not_after))
            }
        };
        value.alpn_protocols.clone_from(&self.alpn);
        Ok(Made { value, expiry })
    }

    /// Whom to trust: `ca_file`, the system's authorities if it is not given, or both.
    fn roots(&self) -> Result<Arc<RootCertStore>, TlsFault> {
        let Some(ca) = &self.ca else {
            return (self.system)().map_err(|trouble| {
                let text = "not given, and this system has no trusted authorities: install its CA \
                            certificates, or name the server's authority here";
                match trouble.as_str() {
                    "" => TlsFault::new("ca_file", text),
                    _ => TlsFault::new("ca_file", format!("{text} ({trouble})")),
                }
            });
        };
        let mut roots = RootCertStore::empty();
        if self.tls.include_system_ca_certs_pool
            && let Ok(system) = (self.system)()
        {
            roots = RootCertStore::clone(&system);
        }
        ca.add_authorities(&mut roots)?;
        Ok(Arc::new(roots))
    }
}
