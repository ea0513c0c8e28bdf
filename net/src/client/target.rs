//! Where a client connects: a host and port, and the addresses that they stand for at the moment.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

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

/// An address that did not answer is tried after the others for this long. One that swallows packets costs whoever
/// tries it his whole timeout: that may happen now and then, but not to every other request.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// The resolved addresses, used in turn.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    list: RefCell<Vec<SocketAddr>>,
    next: Cell<usize>,
    /// Tried at that moment, and without an answer since.
    silent: RefCell<Vec<(SocketAddr, Instant)>>,
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

    pub(super) fn contains(&self, address: &SocketAddr) -> bool {
        self.list.borrow().contains(address)
    }

    /// In the order to try them: as resolved, or each time with another one in front; silent ones last.
    pub(super) fn in_order(&self, rotated: bool) -> Vec<SocketAddr> {
        let mut addresses = self.list.borrow().clone();
        let turn = self.next.get();
        if let Some(first) = turn.checked_rem(addresses.len()).filter(|_| rotated) {
            self.next.set(turn.wrapping_add(1));
            addresses.rotate_left(first);
        }
        let silent = self.silent.borrow();
        addresses.sort_by_key(|address| {
            let tried = silent.iter().find(|(silent, _)| silent == address);
            tried.is_some_and(|(_, since)| since.elapsed() < SILENT_FOR)
        });
        addresses
    }

    /// Notes that an address is tried. Whoever tries it may be cancelled, so it counts as silent until it answers.
    pub(super) fn tried(&self, address: SocketAddr, now: Instant) {
        self.answered(address);
        self.silent.borrow_mut().push((address, now));
    }

    pub(super) fn answered(&self, address: SocketAddr) {
        let mut silent = self.silent.borrow_mut();
        silent.retain(|(other, since)| *other != address && since.elapsed() < SILENT_FOR);
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

    fn order(addresses: &Addresses, rotated: bool) -> Vec<u16> {
        let order = addresses.in_order(rotated);
        order.iter().map(SocketAddr::port).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_are_used_in_turn_and_silent_ones_last() {
        let address = |port| SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port);
        let addresses = Addresses::default();
        assert!(order(&addresses, true).is_empty());
        *addresses.list.borrow_mut() = [1, 2, 3].map(address).to_vec();
        assert_eq!(order(&addresses, false), [1, 2, 3]);
        assert_eq!(order(&addresses, true), [1, 2, 3]);
        assert_eq!(order(&addresses, true), [2, 3, 1]);
        addresses.tried(address(1), Instant::now());
        assert_eq!(order(&addresses, false), [2, 3, 1]);
        assert_eq!(order(&addresses, true), [3, 2, 1]);
        tokio::time::advance(SILENT_FOR).await;
        assert_eq!(order(&addresses, false), [1, 2, 3]);
        addresses.tried(address(1), Instant::now());
        addresses.answered(address(1));
        assert_eq!(order(&addresses, false), [1, 2, 3]);
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
