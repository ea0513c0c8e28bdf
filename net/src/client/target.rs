//! Where a client connects: a host and port, or a unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A back end, or a proxy before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Tcp {
        /// A name or an IP address without brackets.
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

/// One of the places that a target stands for at the moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

// === impl Target ===

impl Target {
    /// Reads `host:port`, `[v6]:port`, or a host alone when a default port is given. Empty host:
    /// this machine. `unix://` begins the path of a socket.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            return match path {
                "" => Err(format!("\"{text}\" has no path: write unix:///path")),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let split = match text.rsplit_once(':') {
            // A colon inside brackets belongs to the address.
            Some((host, port)) if !port.ends_with(']') => Some((host, port)),
            _ => None,
        };
        let (host, port) = match (split, default_port) {
            (Some((host, port)), _) => {
                let port = port
                    .parse()
                    .map_err(|_| format!("invalid port \"{port}\" in \"{text}\""))?;
                (host, port)
            }
            (None, Some(port)) => (text, port),
            (None, None) => return Err(format!("\"{text}\" has no port: write host:port")),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host);
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }

    /// The name that a server is called by, and has to prove; that of a unix socket is the one that
    /// gRPC gives it.
    pub fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "localhost",
        }
    }

    /// What HTTP calls the server: `host:port`, and `localhost` at a unix socket.
    pub fn authority(&self) -> String {
        match self {
            Self::Tcp { .. } => self.to_string(),
            Self::Unix(_) => self.host().to_owned(),
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port_or_a_socket() {
        let check = |text: &str, default_port: Option<u16>, expected: Option<&str>| {
            let found = Target::parse(text, default_port).ok();
            let found = found.map(|target| target.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("localhost:4317", None, Some("localhost:4317"));
        check("127.0.0.1:1", None, Some("127.0.0.1:1"));
        check("[::1]:4317", None, Some("[::1]:4317"));
        check("[::1]", Some(80), Some("[::1]:80"));
        check("tempo.svc", Some(443), Some("tempo.svc:443"));
        check(":4317", None, Some("localhost:4317"));
        check("unix:///run/x.sock", None, Some("unix:///run/x.sock"));
        check("tempo.svc", None, None);
        check("tempo.svc:http", None, None);
        check("tempo.svc:70000", None, None);
        check("unix://", None, None);
    }
}
