//! Extension `bearertokenauth`: one or several tokens that a receiver asks for, or that an exporter presents.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use config::{Capability, GoDuration, Problems, Secret, Validate};
use http::{HeaderMap, HeaderName, HeaderValue};
use net::auth::{ClientAuth, Credentials, Identity, Sender, ServerAuth, Unsendable, Verdict};
use otlp::Signal;
use pipeline::Stop;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Host, Label, LocalFuture, Offer, Stability, Vitals,
};
use serde::{Deserialize, Serialize};

use crate::renewed::{self, Renewed};
use crate::secrecy;

/// Extension `bearertokenauth`.
pub(crate) struct BearerTokenAuth(Arc<Bearer>);

struct Bearer {
    /// As the user wrote it, for messages.
    called: String,
    header: HeaderName,
    tokens: Arc<Renewed<Tokens>>,
}

/// Complete header values, scheme included. An exporter presents the first.
#[derive(Default, PartialEq)]
struct Tokens(Vec<HeaderValue>);

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    header: String,
    /// In front of the token, with a space between; empty for none.
    scheme: String,
    token: Secret,
    tokens: Vec<Secret>,
    /// One token a line; what follows it on the line is a comment.
    filename: String,
    file_retry: FileRetry,
}

/// What is done if the file is not there yet.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct FileRetry {
    enabled: bool,
    max_retries: u32,
    retry_interval: GoDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            header: "Authorization".to_owned(),
            scheme: "Bearer".to_owned(),
            token: Secret::default(),
            tokens: Vec::new(),
            filename: String::new(),
            file_retry: FileRetry::default(),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        let some = !self.token.is_empty() || !self.tokens.is_empty() || !self.filename.is_empty();
        problems.require(some, "", "no bearer token provided");
        let text = "either tokens or token should be provided, not both";
        let one = self.token.is_empty() || self.tokens.is_empty();
        problems.require(one, "tokens", text);
        let text = format!("{:?} is no header name", self.header);
        problems.require(self.header_name().is_some(), "header", text);
        if !self.filename.is_empty() && !self.tokens.is_empty() {
            problems.warn("filename", "`tokens` is set, so the file is ignored");
        } else if !self.filename.is_empty() && !self.token.is_empty() {
            let text = "a filename is specified. Configured token(s) is ignored!";
            problems.warn("token", text);
        }
        let retry = &self.file_retry;
        if retry.enabled && (retry.max_retries > 0 || retry.retry_interval != GoDuration::ZERO) {
            let text = "the file is looked for every second and without end: `max_retries` and \
                        `retry_interval` have no effect";
            problems.warn("file_retry", text);
        }
        problems
    }
}

impl Config {
    fn header_name(&self) -> Option<HeaderName> {
        HeaderName::try_from(self.header.as_str()).ok()
    }

    /// The file that the tokens come from, if they do.
    fn file(&self) -> Option<&str> {
        let used = self.tokens.is_empty() && !self.filename.is_empty();
        used.then_some(self.filename.as_str())
    }

    fn read(&self) -> Result<Tokens, String> {
        let Some(file) = self.file() else {
            let tokens = self.tokens.iter().chain([&self.token]);
            let tokens = tokens.filter(|token| !token.is_empty()).map(Secret::expose);
            return self.values(tokens);
        };
        let text = renewed::credential(file)?;
        let tokens = text
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        self.values(tokens)
    }

    fn values<'a>(&self, tokens: impl Iterator<Item = &'a str>) -> Result<Tokens, String> {
        let value = |token: &str| match self.scheme.as_str() {
            "" => secrecy::header(token, "the token"),
            scheme => secrecy::header(&format!("{scheme} {token}"), "the token"),
        };
        Ok(Tokens(tokens.map(value).collect::<Result<_, _>>()?))
    }
}

impl Component for BearerTokenAuth {
    const NAME: &'static str = "bearertokenauth";
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
filename: /var/run/secrets/backend/token
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExtensionComponent for BearerTokenAuth {
    fn offers(_config: &Config) -> Vec<Capability> {
        vec![
            Capability::ServerAuth,
            Capability::HttpClientAuth,
            Capability::GrpcClientAuth,
        ]
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        Ok(Box::new(Self(Arc::new(Bearer::new(config, &host.label)?))))
    }
}

impl Extension for BearerTokenAuth {
    fn offers(&self) -> Vec<Offer> {
        let server: Arc<dyn ServerAuth> = self.0.clone();
        let client: Arc<dyn ClientAuth> = self.0.clone();
        vec![Offer::new(server), Offer::new(client)]
    }

    fn run(self: Box<Self>, _vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        Box::pin(Arc::clone(&self.0.tokens).watch())
    }
}

impl Bearer {
    fn new(config: &Config, label: &Label) -> Result<Self, String> {
        let header = config.header_name().ok_or("`header` is no header name")?;
        let paths = config.file().map(PathBuf::from);
        let own = config.clone();
        let make = move |before: Option<&Tokens>| match own.read() {
            // It is looked for again and again; until it is there, nobody is let in and nothing is sent.
            Err(_) if before.is_none() && own.file_retry.enabled => Ok(Tokens::default()),
            read => read,
        };
        Ok(Self {
            called: config.header.clone(),
            header,
            tokens: Renewed::new(paths.into_iter().collect(), label, make)?,
        })
    }
}

impl ServerAuth for Bearer {
    fn authenticate(&self, credentials: Credentials<'_>) -> Verdict {
        let Some(found) = credentials.first(&self.header) else {
            let text = format!("missing or empty authorization header: {}", self.called);
            return Verdict::unauthenticated(text);
        };
        let found = found.as_bytes();
        // Every token is looked at, so that the time does not say which one it was.
        let known = self.tokens.with(|Tokens(tokens)| {
            let equal =
                |known: bool, token: &HeaderValue| known | secrecy::equal(token.as_bytes(), found);
            tokens.iter().fold(false, equal)
        });
        match known {
            // A token names nobody; like the Collector's, this authenticator finds no attributes.
            true => Verdict::Known(Ok(Identity::default())),
            false => Verdict::unauthenticated(
                "provided authorization does not match expected scheme or token",
            ),
        }
    }
}

impl ClientAuth for Bearer {
    fn apply(&self, _sender: Sender<'_>, headers: &mut HeaderMap) -> Result<(), Unsendable> {
        let token = self.tokens.with(|Tokens(tokens)| tokens.first().cloned());
        let token = token.ok_or_else(|| Unsendable::Yet("there is no token yet".into()))?;
        headers.insert(&self.header, token);
        Ok(())
    }

    fn refresh(&self) {
        self.tokens.look();
    }

    fn generation(&self) -> u64 {
        self.tokens.generation()
    }
}
