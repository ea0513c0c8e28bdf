//! What users write for `admin`.

use ::config::blocks::HttpServer;
use ::config::{Problems, Squash, Validate};
use serde::{Deserialize, Serialize};

use crate::guard;

/// The server's keys, with our own beside them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Config(pub(crate) Squash<HttpServer, Keys>);

/// `endpoint` stands here again because its default is not that of the block; what is written counts
/// in both places.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Keys {
    pub(crate) enabled: bool,
    /// `host:port`; checked by the block.
    pub(crate) endpoint: String,
    /// Whether answers may hold values that came with telemetry.
    pub(crate) show_attribute_values: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint: "localhost:13134".to_owned(),
            show_attribute_values: false,
        }
    }
}

impl Validate for Keys {}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.under("", &self.0);
        let Squash(server, own) = &self.0;
        if own.enabled && !guard::stays_here(server, &own.endpoint) {
            let text = exposed(&own.endpoint);
            problems.require(server.auth.is_on(), "endpoint", text);
            if server.auth.is_on() && !server.tls.is_on() {
                let text =
                    "credentials come in plain text from other machines; write a `tls` block";
                problems.warn("endpoint", text);
            }
        }
        let text = "no page of another origin may read what this extension answers";
        problems.require(!server.cors.is_on(), "cors", text);
        problems
    }
}

fn exposed(endpoint: &str) -> String {
    format!(
        "{endpoint} can be reached from other machines, and nobody would have to say who they are; \
         listen on localhost, or write \
         `extensions: {{basicauth/admin: {{htpasswd: {{file: …}}}}, \
         admin: {{endpoint: '{endpoint}', auth: {{authenticator: basicauth/admin}}}}}}`"
    )
}
