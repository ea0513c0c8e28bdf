//! The client's side: whom to trust, who we are, and which name the server must prove.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, WantsClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, WantsVerifier,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use super::{CERT, KEY, Pem, TlsFault, Version};
use super::{add_authorities, certificates, fault, private_key, provider, versions};

/// The `tls` block of an exporter, without `insecure`, which decides whether there is TLS at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Accepts any certificate for any name. The connection is encrypted, but with whom is not
    /// known.
    pub insecure_skip_verify: bool,
    /// The name that the server must prove instead of the one that was dialled.
    pub server_name_override: Option<String>,
    /// Whom to trust; the system's authorities if not given.
    pub ca: Option<Pem>,
    /// Trusts the system's authorities besides `ca`.
    pub include_system_ca_certs_pool: bool,
    /// Who we are; both or neither.
    pub cert: Option<Pem>,
    pub key: Option<Pem>,
    /// 1.2 if not given.
    pub min_version: Option<Version>,
    /// 1.3 if not given.
    pub max_version: Option<Version>,
    /// Protocols to offer, best first: `h2` for gRPC, `h2` and `http/1.1` for HTTP.
    pub alpn: Vec<Vec<u8>>,
}

/// Makes TLS connections. Cheap to clone, and to be kept: it remembers sessions to resume.
#[derive(Clone, Debug)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

// === impl ClientTls ===

impl ClientTls {
    /// Reads the files and checks that everything fits together. Nothing is connected.
    pub fn connector(&self) -> Result<TlsConnector, TlsFault> {
        self.connector_with(system_authorities)
    }

    pub(super) fn connector_with(
        &self,
        system: impl FnOnce() -> Authorities,
    ) -> Result<TlsConnector, TlsFault> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(self.min_version, self.max_version)?)
            .map_err(|cause| fault("min_version", cause.to_string()))?;
        // A file of authorities is read even if it will not be asked, so that a broken one is found
        // now.
        let roots = self.ca.is_some() || !self.insecure_skip_verify;
        let roots = roots.then(|| self.roots(system)).transpose()?;
        let mut config = self.identified(match roots {
            Some(roots) if !self.insecure_skip_verify => builder.with_root_certificates(roots),
            _ => unverified(builder, provider),
        })?;
        config.alpn_protocols.clone_from(&self.alpn);
        let overriding = self.server_name_override.as_deref();
        let server_name = overriding.map(server_name).transpose();
        Ok(TlsConnector {
            config: Arc::new(config),
            server_name: server_name.map_err(|text| fault("server_name_override", text))?,
        })
    }

    fn roots(&self, system: impl FnOnce() -> Authorities) -> Result<RootCertStore, TlsFault> {
        let mut roots = RootCertStore::empty();
        if let Some(pem) = &self.ca {
            add_authorities(&mut roots, pem)?;
        }
        if self.ca.is_none() || self.include_system_ca_certs_pool {
            let Authorities {
                certificates,
                trouble,
            } = system();
            roots.add_parsable_certificates(certificates);
            if roots.is_empty() {
                let mut text = "not given, and this system has no trusted authorities: install \
                    its CA certificates, or name the server's authority here"
                    .to_owned();
                if let Some(trouble) = trouble {
                    text = format!("{text} ({trouble})");
                }
                return Err(fault("ca_file", text));
            }
        }
        Ok(roots)
    }

    fn identified(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, TlsFault> {
        let (cert, key) = match (&self.cert, &self.key) {
            (None, None) => return Ok(builder.with_no_client_auth()),
            (Some(cert), Some(key)) => (cert, key),
            (Some(_), None) => {
                return Err(fault(
                    KEY.file,
                    "not given, but there is a certificate: give both",
                ));
            }
            (None, Some(_)) => {
                return Err(fault(CERT.file, "not given, but there is a key: give both"));
            }
        };
        let (_, chain) = certificates(cert, CERT)?;
        let (source, key) = private_key(key)?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|cause| match cause {
                Error::InconsistentKeys(_) => {
                    source.fault("the key does not belong to the certificate")
                }
                cause => source.fault(cause.to_string()),
            })
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

/// Expects a block that has passed its own validation: no key is given twice, and no version is
/// older than 1.2 at most.
impl From<&config::blocks::TlsClient> for ClientTls {
    fn from(block: &config::blocks::TlsClient) -> Self {
        let pem = |file: &str, inline: &config::Secret| match (file, inline.expose()) {
            ("", "") => None,
            ("", text) => Some(Pem::Inline(text.to_owned())),
            (path, _) => Some(Pem::File(path.into())),
        };
        let name = &block.server_name_override;
        Self {
            insecure_skip_verify: block.insecure_skip_verify,
            server_name_override: (!name.is_empty()).then(|| name.clone()),
            ca: pem(&block.ca_file, &block.ca_pem),
            include_system_ca_certs_pool: block.include_system_ca_certs_pool,
            cert: pem(&block.cert_file, &block.cert_pem),
            key: pem(&block.key_file, &block.key_pem),
            min_version: block.min_version.map(Version::from),
            max_version: block.max_version.map(Version::from),
            alpn: Vec::new(),
        }
    }
}

/// What the system trusts, and what went wrong while it was asked.
#[derive(Default)]
pub(super) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) trouble: Option<String>,
}

fn system_authorities() -> Authorities {
    let found = rustls_native_certs::load_native_certs();
    Authorities {
        certificates: found.certs,
        trouble: found.errors.first().map(ToString::to_string),
    }
}

// === impl TlsConnector ===

impl TlsConnector {
    /// The settings, for whoever drives rustls itself.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
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
        tokio_rustls::TlsConnector::from(Arc::clone(&self.config))
            .connect(name, stream)
            .await
    }
}

// === impl Unverified ===

/// Asks for no name and no chain of trust, but still that the server holds the key of its
/// certificate.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

fn unverified(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    provider: Arc<CryptoProvider>,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
