//! What users write for `admin`.

use std::net::IpAddr;

use ::config::blocks::HttpServer;
use ::config::{Problems, Squash, Validate};
use serde::{Deserialize, Serialize};

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

impl Config {
    /// Whether who asks must say who they are.
    fn authenticates(&self) -> bool {
        false
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.under("", &self.0);
        let Squash(_, own) = &self.0;
        if own.enabled && !is_loopback(&own.endpoint) && !self.authenticates() {
            problems.push("endpoint", exposed(&own.endpoint));
        }
        problems
    }
}

/// A name other than `localhost` may stand for anything.
fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let address = bare.unwrap_or(host).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn exposed(endpoint: &str) -> String {
    format!(
        "{endpoint} can be reached from other machines, and nobody would have to say who they are; \
         listen on localhost, or write \
         `extensions: {{basicauth/admin: {{htpasswd: {{file: …}}}}, \
         admin: {{endpoint: '{endpoint}', auth: {{authenticator: basicauth/admin}}}}}}`"
    )
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn an_endpoint_is_local_only_if_it_can_be_nothing_else() {
        for local in [
            "localhost:13134",
            "127.0.0.1:0",
            "127.1.2.3:1",
            "[::1]:13134",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for open in [
            ":13134",
            "0.0.0.0:13134",
            "[::]:1",
            "10.0.0.1:1",
            "pod.local:1",
        ] {
            assert!(!is_loopback(open), "{open}");
        }
    }
}
