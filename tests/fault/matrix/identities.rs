//! Authorities of our own, and those whom they vouch for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// What is wrong with a certificate, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    UnknownAuthority,
    Expired,
    NotYetValid,
    WrongName,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// An authority that is known and one that is not, with a folder for their files.
pub(super) struct Authorities {
    known: CertifiedIssuer<'static, KeyPair>,
    unknown: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authorities {
    pub(super) fn new() -> Self {
        let issuer = |name: &str| {
            let mut params = CertificateParams::default();
            // By default they would all have one name, and a stranger would be a forger.
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
        };
        Self {
            known: issuer("known"),
            unknown: issuer("unknown"),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn identity(&self, flaw: Flaw) -> Identity {
        let name = match flaw {
            Flaw::WrongName => "elsewhere.test",
            _ => "localhost",
        };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Flaw::NotYetValid => params.not_before = date_time_ymd(3000, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().unwrap();
        let issuer = match flaw {
            Flaw::UnknownAuthority => &self.unknown,
            _ => &self.known,
        };
        Identity {
            certificate: params.signed_by(&key, issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// A file of this name in the folder, replaced in one step.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let (fresh, file) = (
            self.folder.path().join("fresh"),
            self.folder.path().join(name),
        );
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, &file).unwrap();
        file
    }

    /// The known authority as a file.
    pub(super) fn ca_file(&self) -> PathBuf {
        self.file("ca.pem", &self.known_pem())
    }

    pub(super) fn known_pem(&self) -> String {
        self.known.pem()
    }

    /// Files of an identity, for the keys `cert_file` and `key_file`.
    pub(super) fn files(&self, name: &str, identity: &Identity) -> String {
        let certificate = self.file(&format!("{name}.pem"), &identity.certificate);
        let key = self.file(&format!("{name}.key"), &identity.key);
        format!(
            "cert_file: {}, key_file: {}",
            text(&certificate),
            text(&key)
        )
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.known.der().clone()).unwrap();
        Arc::new(roots)
    }

    /// A client that trusts the known authority, with or without an identity of its own.
    pub(super) fn client(&self, identity: Option<&Identity>) -> ClientConfig {
        let builder = ClientConfig::builder().with_root_certificates(self.roots());
        match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = parsed(identity);
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    /// A server with this identity, which asks for a certificate of the known authority or not.
    pub(super) fn server(&self, identity: &Identity, mutual: bool) -> ServerConfig {
        let builder = ServerConfig::builder();
        let builder = match mutual {
            false => builder.with_no_client_auth(),
            true => {
                let verifier = WebPkiClientVerifier::builder(self.roots()).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (chain, key) = parsed(identity);
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn parsed(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    (vec![chain], key)
}
