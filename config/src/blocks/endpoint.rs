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
}

/// The Collector's other transports.
const NOT_YET: &[&str] = &[
    "udp",
    "udp4",
    "udp6",
    "ip",
    "ip4",
    "ip6",
    "unix",
    "unixgram",
    "unixpacket",
    "npipe",
];

// === impl Transport ===

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tcp4 => "tcp4",
            Self::Tcp6 => "tcp6",
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
            _ if NOT_YET.contains(&text) => Err(format!(
                "the transport {text:?} is one of the Collector that this build does not have yet"
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
    use super::host_port_fault;

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
