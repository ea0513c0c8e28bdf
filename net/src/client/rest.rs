//! HTTP/1.1 connections at rest: so many, for so long.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use hyper::client::conn::http1;
use tokio::time::Instant;

use super::chunks::ChunkBody;
use super::now;

pub(super) type H1 = http1::SendRequest<ChunkBody>;

/// The one used last is at the end, and is used first: the others get a chance to end.
#[derive(Debug)]
pub(super) struct Resting {
    list: RefCell<VecDeque<(H1, Instant)>>,
    max: usize,
    timeout: Option<Duration>,
    /// Somebody waits for the oldest to be too old.
    swept: Cell<bool>,
}

// === impl Resting ===

impl Resting {
    pub(super) fn new(max: usize, timeout: Option<Duration>) -> Rc<Self> {
        Rc::new(Self {
            list: RefCell::default(),
            max,
            timeout,
            swept: Cell::new(false),
        })
    }

    pub(super) fn put(self: &Rc<Self>, connection: H1) {
        let mut list = self.list.borrow_mut();
        list.push_back((connection, now()));
        if list.len() > self.max {
            list.pop_front();
        }
        if let (Some(timeout), false) = (self.timeout, self.swept.replace(true)) {
            tokio::task::spawn_local(Self::sweep(Rc::downgrade(self), timeout));
        }
    }

    /// One that is still good.
    pub(super) fn take(&self) -> Option<H1> {
        let mut list = self.list.borrow_mut();
        while let Some((connection, since)) = list.pop_back() {
            let fresh = self.timeout.is_none_or(|max| since.elapsed() < max);
            if fresh && connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Closes those that have rested too long, as long as there are any.
    async fn sweep(resting: Weak<Self>, timeout: Duration) {
        loop {
            let oldest = {
                let Some(resting) = resting.upgrade() else {
                    return;
                };
                let mut list = resting.list.borrow_mut();
                list.retain(|(connection, since)| {
                    since.elapsed() < timeout && !connection.is_closed()
                });
                match list.front() {
                    Some((_, since)) => *since,
                    None => return resting.swept.set(false),
                }
            };
            tokio::time::sleep_until(oldest + timeout).await;
        }
    }
}
