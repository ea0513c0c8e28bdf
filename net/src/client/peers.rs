//! The addresses that a target stands for, each with its HTTP/2 connection.
//!
//! A name is looked up again whenever a connection has to be made, though not more often than every few seconds: back
//! ends come and go behind a name, and most of the old ones may still answer. Addresses that stay keep their
//! connection; those that are gone give it up. A lookup that fails leaves the addresses as they were.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http2;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::chunks::ChunkBody;
use super::target::{Address, Target};
use super::{ConnectFault, now};

/// An address that did not answer is tried after the others for this long. One that swallows packets costs whoever
/// tries it his whole timeout: that may happen now and then, but not to every other request.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// A name is not looked up more often than this while it has addresses.
const LOOKUP_EVERY: Duration = Duration::from_secs(5);

/// A name server that is slower than this is not waited for while there are addresses.
const LOOKUP_MAX: Duration = Duration::from_secs(2);

pub(super) type H2 = http2::SendRequest<ChunkBody>;

/// One address.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: Address,
    /// Its HTTP/2 connection; the lock is held while it is made, so that it is made once.
    pub(super) h2: Mutex<Option<H2>>,
    /// When its connection was last asked for.
    pub(super) used: Cell<Instant>,
    /// Tried at that moment, and without an answer since.
    silent_since: Cell<Option<Instant>>,
}

/// All of them, used in turn.
#[derive(Debug, Default)]
pub(super) struct Peers {
    list: RefCell<Vec<Rc<Peer>>>,
    next: Cell<usize>,
    looked_up: Cell<Option<Instant>>,
}

// === impl Peer ===

impl Peer {
    /// Notes that it is tried. Whoever tries it may be cancelled, so it counts as silent until it answers.
    pub(super) fn tried(&self) {
        self.silent_since.set(Some(now()));
    }

    pub(super) fn answered(&self) {
        self.silent_since.set(None);
    }

    /// Its connection, if there is one that can be used.
    pub(super) fn connection(&self) -> Option<H2> {
        let connection = self.h2.try_lock().ok()?;
        connection.as_ref().filter(|h2| !h2.is_closed()).cloned()
    }

    fn is_silent(&self) -> bool {
        let since = self.silent_since.get();
        since.is_some_and(|since| since.elapsed() < SILENT_FOR)
    }
}

// === impl Peers ===

impl Peers {
    /// Looks the target up, if that was not done a moment ago.
    pub(super) async fn refresh(&self, target: &Target) -> Result<(), ConnectFault> {
        let fresh = |at: Instant| at.elapsed() < LOOKUP_EVERY;
        let known = !self.list.borrow().is_empty();
        if known && self.looked_up.get().is_some_and(fresh) {
            return Ok(());
        }
        self.looked_up.set(Some(now()));
        let found = match tokio::time::timeout(LOOKUP_MAX, lookup(target)).await {
            Ok(found) => found,
            Err(_) if known => return Ok(()),
            Err(_) => lookup(target).await,
        };
        match found {
            Ok(found) => self.set(found),
            Err(_) if known => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn set(&self, mut found: Vec<Address>) {
        found.sort_unstable();
        found.dedup();
        let mut list = self.list.borrow_mut();
        let known = |address: &Address| list.iter().find(|peer| peer.address == *address).cloned();
        let peer = |address: Address| {
            known(&address).unwrap_or_else(|| {
                Rc::new(Peer {
                    address,
                    h2: Mutex::default(),
                    used: Cell::new(now()),
                    silent_since: Cell::default(),
                })
            })
        };
        *list = found.into_iter().map(peer).collect();
    }

    /// The connection whose turn it is: of each address in turn, or of the first.
    pub(super) fn connection(&self, rotated: bool) -> Option<H2> {
        let list = self.list.borrow();
        let turn = self.next.get();
        let first = turn.checked_rem(list.len())?;
        let connection = list.get(if rotated { first } else { 0 })?.connection()?;
        self.next.set(turn.wrapping_add(1));
        Some(connection)
    }

    /// A connection to any of them.
    pub(super) fn any_connection(&self) -> Option<H2> {
        let list = self.list.borrow();
        let (peer, h2) = list
            .iter()
            .find_map(|peer| Some((peer, peer.connection()?)))?;
        peer.used.set(now());
        Some(h2)
    }

    /// In the order to try them: as looked up, or each time with another one in front; silent ones last.
    pub(super) fn in_order(&self, rotated: bool) -> Vec<Rc<Peer>> {
        let mut peers = self.list.borrow().clone();
        let turn = self.next.get();
        if let Some(first) = turn.checked_rem(peers.len()).filter(|_| rotated) {
            self.next.set(turn.wrapping_add(1));
            peers.rotate_left(first);
        }
        peers.sort_by_key(|peer| peer.is_silent());
        peers
    }
}

async fn lookup(target: &Target) -> Result<Vec<Address>, ConnectFault> {
    let (host, port) = match target {
        Target::Unix(path) => return Ok(vec![Address::Unix(path.clone())]),
        Target::Tcp { host, port } => (host, *port),
    };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![Address::Tcp(SocketAddr::new(ip, port))]);
    }
    let found = tokio::net::lookup_host((host.as_str(), port)).await;
    let found = found.map_err(|error| ConnectFault(format!("cannot resolve {host}: {error}")))?;
    let found: Vec<_> = found.map(Address::Tcp).collect();
    if found.is_empty() {
        return Err(ConnectFault::unresolved(target));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Address {
        Address::Tcp(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port))
    }

    fn peers(ports: &[u16]) -> Peers {
        let peers = Peers::default();
        peers.set(ports.iter().copied().map(address).collect());
        peers
    }

    fn order(peers: &Peers, rotated: bool) -> Vec<u16> {
        let port = |peer: &Rc<Peer>| match peer.address {
            Address::Tcp(address) => address.port(),
            Address::Unix(_) => 0,
        };
        peers.in_order(rotated).iter().map(port).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_are_used_in_turn_and_silent_ones_last() {
        assert!(order(&Peers::default(), true).is_empty());
        let peers = peers(&[1, 2, 3]);
        assert_eq!(order(&peers, false), [1, 2, 3]);
        assert_eq!(order(&peers, true), [1, 2, 3]);
        assert_eq!(order(&peers, true), [2, 3, 1]);
        let first = Rc::clone(&peers.list.borrow()[0]);
        first.tried();
        assert_eq!(order(&peers, false), [2, 3, 1]);
        assert_eq!(order(&peers, true), [3, 2, 1]);
        tokio::time::advance(SILENT_FOR).await;
        assert_eq!(order(&peers, false), [1, 2, 3]);
        first.tried();
        first.answered();
        assert_eq!(order(&peers, false), [1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_stays_is_still_the_same_and_one_that_is_gone_is_given_up() {
        let peers = peers(&[2, 1]);
        let before = peers.in_order(false);
        peers.set([3, 2, 2].map(address).to_vec());
        assert_eq!(order(&peers, false), [2, 3]);
        assert!(Rc::ptr_eq(&before[1], &peers.in_order(false)[0]));
        assert_eq!(Rc::strong_count(&before[0]), 1, "nobody else holds it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_looked_up_again_but_not_at_once_and_a_failure_changes_nothing() {
        let peers = peers(&[1]);
        let target = |host: &str| Target::Tcp {
            host: host.to_owned(),
            port: 7,
        };
        peers.refresh(&target("127.0.0.1")).await.unwrap();
        assert_eq!(order(&peers, false), [7]);
        peers.set(vec![address(1)]);
        peers.refresh(&target("127.0.0.1")).await.unwrap();
        assert_eq!(order(&peers, false), [1], "looked up a moment ago");
        tokio::time::advance(LOOKUP_EVERY).await;
        peers.refresh(&target("no host at all")).await.unwrap();
        assert_eq!(order(&peers, false), [1], "no answer");
        tokio::time::advance(LOOKUP_EVERY).await;
        peers.refresh(&target("127.0.0.1")).await.unwrap();
        assert_eq!(order(&peers, false), [7]);
        let unknown = Peers::default().refresh(&target("no host at all")).await;
        assert!(unknown.is_err_and(|fault| fault.to_string().contains("no host at all")));
    }
}
