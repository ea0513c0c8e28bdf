//! Where a client connects: a host and port, and the addresses that they stand for at the moment.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};

use super::ConnectFault;

/// The host and port of a back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an IP address without brackets.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// Reads `host:port`, `[v6]:port`, or a host alone when a default port is given. Empty host: this machine.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, String> {
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
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The resolved addresses, used in turn.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    list: RefCell<Vec<SocketAddr>>,
    next: Cell<usize>,
}

impl Addresses {
    /// Looks the host up. Done before each new connection, which is when gRPC clients do it too.
    pub(super) async fn resolve(&self, target: &Target) -> Result<(), ConnectFault> {
        if let Ok(ip) = target.host.parse::<IpAddr>() {
            *self.list.borrow_mut() = vec![SocketAddr::new(ip, target.port)];
            return Ok(());
        }
        let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
        let mut found: Vec<_> = found
            .map_err(|e| ConnectFault::resolve(target, &e))?
            .collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return Err(ConnectFault::unresolved(target));
        }
        *self.list.borrow_mut() = found;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    pub(super) fn all(&self) -> Vec<SocketAddr> {
        self.list.borrow().clone()
    }

    /// The next turn's number.
    pub(super) fn turn(&self) -> usize {
        let turn = self.next.get();
        self.next.set(turn.wrapping_add(1));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, default_port: Option<u16>, expected: Result<(&str, u16), ()>) {
        let found = Target::parse(text, default_port);
        let found = found
            .as_ref()
            .map(|t| (t.host.as_str(), t.port))
            .map_err(|_| ());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_target_is_a_host_and_a_port() {
        check("localhost:4317", None, Ok(("localhost", 4317)));
        check("127.0.0.1:1", None, Ok(("127.0.0.1", 1)));
        check("[::1]:4317", None, Ok(("::1", 4317)));
        check("[::1]", Some(80), Ok(("::1", 80)));
        check("tempo.svc", Some(443), Ok(("tempo.svc", 443)));
        check(":4317", None, Ok(("localhost", 4317)));
        check("tempo.svc", None, Err(()));
        check("tempo.svc:http", None, Err(()));
        check("tempo.svc:70000", None, Err(()));
    }
}
