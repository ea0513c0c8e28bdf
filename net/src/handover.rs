//! Bound sockets of this process, so that a reload can hand one to its successor.
//!
//! Two that hold the same socket take from one queue of the kernel: between the first accept of the successor and the
//! last of its predecessor no client finds the port closed. That two want the same address at the same time for good is
//! found by whoever knows both.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use config::blocks::Transport;

use crate::socket::{Acceptor, Address, Bound};

/// Ports are the process's, and so is this list.
static HELD: Mutex<Vec<Weak<Held>>> = Mutex::new(Vec::new());

/// A bound socket; closed when nobody holds it any more.
#[derive(Debug)]
pub(crate) struct Held {
    socket: Bound,
    pub(crate) address: Address,
}

impl Held {
    /// Takes over what this process holds at the endpoint, else binds it.
    pub(crate) fn bind(endpoint: &str, transport: Transport) -> Result<Arc<Self>, String> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|socket| socket.strong_count() > 0);
        let places = Address::candidates(endpoint, transport);
        let heir = |place: &Address| {
            let mut sockets = held.iter().filter_map(Weak::upgrade);
            sockets.find(|socket| socket.address == *place)
        };
        if let Some(socket) = places.first().and_then(heir) {
            return Ok(socket);
        }
        let bound = Bound::bind(endpoint, transport);
        let (socket, address) = match bound {
            Ok(bound) => bound,
            // The first address is not to be had here, and was not when the predecessor was bound.
            Err(fault) => return places.iter().find_map(heir).ok_or(fault),
        };
        let socket = Arc::new(Self { socket, address });
        held.push(Arc::downgrade(&socket));
        Ok(socket)
    }

    /// Registers the socket with the runtime of this thread. Closed with the last acceptor and the last that holds it.
    pub(crate) fn register(&self) -> io::Result<Acceptor> {
        self.socket.try_clone()?.register()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_socket_is_handed_on_until_nobody_holds_it() {
        let first = Held::bind("127.0.0.1:0", Transport::Tcp).unwrap();
        let endpoint = first.address.to_string();
        let second = Held::bind(&endpoint, Transport::Tcp).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        drop(first);
        TcpStream::connect(&endpoint).unwrap();
        drop(second);
        TcpStream::connect(&endpoint).unwrap_err();
    }

    #[test]
    fn a_port_of_the_systems_choice_is_always_a_new_one() {
        let bind = || Held::bind("127.0.0.1:0", Transport::Tcp).unwrap();
        let (first, second) = (bind(), bind());
        assert_ne!(first.address, second.address);
    }

    #[test]
    fn what_another_process_holds_is_not_to_be_had() {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = other.local_addr().unwrap().to_string();
        let fault = Held::bind(&endpoint, Transport::Tcp).unwrap_err();
        assert!(fault.contains(&endpoint), "{fault}");
    }
}
