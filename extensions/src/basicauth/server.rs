//! Whom a receiver lets in.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use net::auth::{Credentials, Identity, ServerAuth, Verdict};
use pipeline::component::Label;

use super::config::Htpasswd;
use super::table::{Key, Table};
use super::verifier::{Attempt, Verifier};
use crate::renewed::{self, Renewed};

pub(super) const INVALID: &str = "invalid credentials";

const SCHEME: &str = "Basic ";

pub(crate) struct Server {
    users: Arc<Renewed<Table>>,
    key: Key,
    verifier: Verifier,
}

impl Server {
    pub(super) fn new(config: &Htpasswd, label: &Label) -> Result<Self, String> {
        let file = Some(config.file.as_str()).filter(|file| !file.is_empty());
        let paths = file.map(PathBuf::from).into_iter().collect();
        let (config, own) = (config.clone(), label.clone());
        let make = move |before: Option<&Table>| users(&config, before, &own);
        Ok(Self {
            users: Renewed::new(paths, label, make)?,
            key: Key::random()?,
            verifier: Verifier::start()?,
        })
    }

    pub(super) fn users(&self) -> Arc<Renewed<Table>> {
        Arc::clone(&self.users)
    }

    fn judge(&self, shown: &Shown, encoded: &str) -> Verdict {
        // An unknown name is refused at once, as by the Collector: it tells an attacker which names there are, which
        // are not taken for secrets, and spares the hashing.
        let Some(user) = self.users.with(|users| users.user(&shown.username)) else {
            return Verdict::unauthenticated(INVALID);
        };
        let digest = self.key.digest(&shown.password);
        let mut memory = user.memory();
        match memory.recall(digest) {
            Some(Some(identity)) => return Verdict::Known(Ok(identity)),
            Some(None) => return Verdict::unauthenticated(INVALID),
            None => {}
        }
        let attempt = Attempt {
            digest,
            password: shown.password.clone(),
            identity: identity(&shown.username, encoded),
        };
        if user.hash.is_slow() {
            return self.verifier.ask(&user, &mut memory, attempt);
        }
        let right = user.hash.matches(&attempt.password);
        memory.learn(digest, right.then(|| attempt.identity.clone()));
        match right {
            true => Verdict::Known(Ok(attempt.identity)),
            false => Verdict::unauthenticated(INVALID),
        }
    }
}

impl ServerAuth for Server {
    fn authenticate(&self, credentials: Credentials<'_>) -> Verdict {
        let Some(header) = credentials
            .authorization()
            .filter(|value| !value.is_empty())
        else {
            return Verdict::unauthenticated("no basic auth provided");
        };
        let scheme = header.get(..SCHEME.len());
        let Some(encoded) = scheme
            .filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
            .and_then(|_| header.get(SCHEME.len()..))
        else {
            return Verdict::unauthenticated("invalid authorization scheme prefix");
        };
        match Shown::decode(encoded) {
            Some(shown) => self.judge(&shown, encoded),
            None => Verdict::unauthenticated("invalid authorization format"),
        }
    }
}

/// A name and a password that somebody shows.
struct Shown {
    username: String,
    password: String,
}

impl Shown {
    fn decode(encoded: &str) -> Option<Self> {
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        Some(Self {
            username: username.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// The attributes of the Collector's authenticator.
fn identity(username: &str, encoded: &str) -> Identity {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Identity::from([pair("username", username), pair("raw", encoded)])
}

fn users(config: &Htpasswd, before: Option<&Table>, label: &Label) -> Result<Table, String> {
    let mut text = match config.file.as_str() {
        "" => String::new(),
        file => renewed::text(file).map_err(|e| format!("open htpasswd file: {e}"))?,
    };
    // Last, so that it wins.
    text.push('\n');
    text.push_str(config.inline.expose());
    let (table, bad) = Table::read(&text, before);
    if !bad.is_empty() {
        tracing::warn!(
            otelcol.component.id = label.id,
            otelcol.component.kind = label.kind_name(),
            lines = ?bad,
            "Some lines of the password file are no `user:password` and are ignored."
        );
    }
    Ok(table)
}
