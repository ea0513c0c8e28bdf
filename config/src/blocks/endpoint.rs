//! Addresses to listen on and to connect to.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `transport`, of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    Tcp,
    Tcp4,
    Tcp6,
    /// The endpoint is the path of a socket, or `@` and a name in the abstract namespace of Linux.
    Unix,
}

/// The Collector's other transports. It takes their names here and cannot serve over them either.
const UNSERVED: &[&str] = &[
    "udp",
    "udp4",
    "udp6",
    "ip",
    "ip4",
    "ip6",
    "unixgram",
    "unixpacket",
    "npipe",
];

/// What may stand before the path of a unix socket, as gRPC clients write it.
const UNIX_SCHEMES: [&str; 2] = ["unix://", "unix:"];

// === impl Transport ===

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tcp4 => "tcp4",
            Self::Tcp6 => "tcp6",
            Self::Unix => "unix",
        }
    }

    /// What an endpoint means: `unix:` before it is the transport, whatever else is said.
    pub fn of(self, endpoint: &str) -> (Self, &str) {
        let scheme = UNIX_SCHEMES
            .iter()
            .find_map(|scheme| endpoint.strip_prefix(scheme));
        match scheme {
            Some(path) => (Self::Unix, path),
            None => (self, endpoint),
        }
    }

    /// Why nobody can listen there.
    pub(super) fn endpoint_fault(self, endpoint: &str) -> Option<String> {
        match self.of(endpoint) {
            (Self::Unix, "" | "@") => Some("the path of a unix socket cannot be empty".to_owned()),
            (Self::Unix, _) => None,
            _ => host_port_fault(endpoint),
        }
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "tcp4" => Ok(Self::Tcp4),
            "tcp6" => Ok(Self::Tcp6),
            "unix" => Ok(Self::Unix),
            _ if UNSERVED.contains(&text) => Err(format!(
                "the transport {text:?} carries no connections that a server could accept here: \
                 use tcp, tcp4, tcp6 or unix"
            )),
            _ => Err(format!("unsupported transport type {text:?}")),
        }
    }
}

impl Serialize for Transport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Transport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Why a text is no `host:port`, in the words of Go's `net` package; the host may be empty.
pub(super) fn host_port_fault(address: &str) -> Option<String> {
    let fault = |reason: &str| Some(format!("address {address}: {reason}"));
    let Some((host, port)) = address.rsplit_once(':') else {
        return fault("missing port in address");
    };
    if host.starts_with('[') != host.ends_with(']') {
        return fault("missing ']' in address");
    }
    if host.contains(':') && !host.starts_with('[') {
        return fault("too many colons in address");
    }
    match port.parse::<u16>() {
        Ok(_) => None,
        Err(_) if port.is_empty() => fault("missing port in address"),
        Err(_) => Some(format!("invalid port {port:?}, a number up to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Transport, host_port_fault};

    #[test]
    fn an_endpoint_may_be_the_path_of_a_unix_socket() {
        let check = |transport: Transport, endpoint: &str, expected: (Transport, &str)| {
            assert_eq!(transport.of(endpoint), expected, "{endpoint}");
            assert_eq!(transport.endpoint_fault(endpoint), None, "{endpoint}");
        };
        let unix = |path| (Transport::Unix, path);
        check(Transport::Unix, "/run/otlp.sock", unix("/run/otlp.sock"));
        check(Transport::Unix, "otlp.sock", unix("otlp.sock"));
        check(Transport::Unix, "@otlp", unix("@otlp"));
        check(
            Transport::Tcp,
            "unix:///run/otlp.sock",
            unix("/run/otlp.sock"),
        );
        check(Transport::Tcp, "unix:otlp.sock", unix("otlp.sock"));
        check(Transport::Tcp, "unix:80", unix("80"));
        check(
            Transport::Tcp,
            "localhost:80",
            (Transport::Tcp, "localhost:80"),
        );
        assert!(Transport::Tcp.endpoint_fault("/run/otlp.sock").is_some());
        assert!(Transport::Unix.endpoint_fault("unix://").is_some());
    }

    #[test]
    fn a_transport_without_connections_is_known_and_refused() {
        for name in ["udp", "unixgram", "unixpacket", "npipe"] {
            let fault = name.parse::<Transport>().unwrap_err();
            assert!(fault.contains("use tcp"), "{fault}");
        }
        let fault = "carrier-pigeon".parse::<Transport>().unwrap_err();
        assert_eq!(fault, r#"unsupported transport type "carrier-pigeon""#);
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let check = |address: &str, expected: Option<&str>| {
            assert_eq!(host_port_fault(address).as_deref(), expected, "{address}");
        };
        for good in [
            "localhost:4317",
            "0.0.0.0:0",
            ":4317",
            "[::1]:4317",
            "[::]:65535",
        ] {
            check(good, None);
        }
        check(
            "localhost",
            Some("address localhost: missing port in address"),
        );
        check(
            "localhost:",
            Some("address localhost:: missing port in address"),
        );
        check(
            "::1:4317",
            Some("address ::1:4317: too many colons in address"),
        );
        check(
            "[::1:4317",
            Some("address [::1:4317: missing ']' in address"),
        );
        check(
            "localhost:otlp",
            Some(r#"invalid port "otlp", a number up to 65535"#),
        );
        check(
            "localhost:65536",
            Some(r#"invalid port "65536", a number up to 65535"#),
        );
    }
}
