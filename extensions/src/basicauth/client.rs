//! What an exporter presents.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use net::auth::{ClientAuth, Sender, Unsendable};
use pipeline::component::Label;

use super::config;
use crate::renewed::{self, Renewed};
use crate::secrecy;

pub(crate) struct Client(Arc<Renewed<HeaderValue>>);

impl Client {
    pub(super) fn new(config: &config::ClientAuth, label: &Label) -> Result<Self, String> {
        let files = [&config.username_file, &config.password_file].into_iter();
        let files = files.filter(|file| !file.is_empty()).map(PathBuf::from);
        let config = config.clone();
        Ok(Self(Renewed::new(files.collect(), label, move |_| {
            header(&config)
        })?))
    }

    pub(super) fn own(&self) -> Arc<Renewed<HeaderValue>> {
        Arc::clone(&self.0)
    }
}

/// The value of `Authorization` (RFC 7617).
fn header(config: &config::ClientAuth) -> Result<HeaderValue, String> {
    let one = |file: &str, value: &str| match file {
        "" => Ok(value.to_owned()),
        file => renewed::credential(file),
    };
    let username = one(&config.username_file, &config.username)?;
    let password = one(&config.password_file, config.password.expose())?;
    if username.contains(':') {
        return Err("invalid authorization format: a user name has no colon".into());
    }
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    secrecy::header(&format!("Basic {encoded}"), "the password")
}

impl ClientAuth for Client {
    fn apply(&self, _sender: Sender<'_>, headers: &mut HeaderMap) -> Result<(), Unsendable> {
        headers.insert(AUTHORIZATION, self.0.with(HeaderValue::clone));
        Ok(())
    }

    fn refresh(&self) {
        self.0.look();
    }

    fn generation(&self) -> u64 {
        self.0.generation()
    }
}
