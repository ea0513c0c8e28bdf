//! Where receivers hand requests to the pipelines of their worker.

use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Account, Books, Budget, Fate, Kind, Lease, NodeKey, Reason};
use otlp::Signal;
use smallvec::SmallVec;
use telemetry::metrics::{Counter, Family};

use crate::batch::Batch;
use crate::chain::Chain;
use crate::clock::{Clock, Now};
use crate::delivery::Room;
use crate::refusal::{Refusal, Refusals};
use crate::sender::Sender;
use crate::share::{Outcome, Share};
use crate::worker::Worker;

/// How long a request is held before it is refused. For several SDKs a refusal is a loss, and most overloads are
/// shorter than this; their own deadlines start at five seconds.
pub const HOLD_MAX: Duration = Duration::from_secs(2);

/// How long an answer is kept back while an exporter that stops its upstream is behind. Long enough that senders who
/// wait for their answers slow down to its pace, and too short for any other to notice.
const PACE_MAX: Duration = Duration::from_millis(20);

/// Their items are not known, so they are in no account.
pub(crate) const UNREAD: Family = Family::counter(
    "tracegate_receiver_unread_requests",
    "Number of requests that were refused before their body was read",
);

const NO_MEMORY: Refusal =
    Refusal::later(Reason::MemoryLimit, "data refused due to high memory usage");
const NO_ROOM: Refusal = Refusal::later(Reason::QueueFull, "sending queue is full");
/// The sender is told the rest when it comes again and finds that the signal is not taken here.
const REMOVED: Refusal = Refusal::later(
    Reason::Shutdown,
    "the pipeline of this signal was removed by a reload",
);
const STOPPING: Refusal = Refusal::later(
    Reason::Shutdown,
    "the service was stopped before the data was delivered",
);

/// One receiver's way into the pipelines of one worker, for every signal that it feeds.
#[derive(Clone)]
pub struct Inlets {
    pub(crate) worker: Rc<Worker>,
    pub(crate) books: Arc<Books>,
    pub(crate) budget: Arc<Budget>,
    /// The receiver's id.
    pub(crate) id: String,
    /// Requests that were refused before their body was read.
    pub(crate) unread: Counter,
    pub(crate) refusals: Rc<Refusals>,
    pub(crate) feeds: Rc<Feeds>,
}

/// What stands behind the inlets of one receiver on one worker: looked up for each request, so that a reload can put
/// other pipelines there. By [`Signal::index`].
#[derive(Default)]
pub(crate) struct Feeds([RefCell<Rc<Feed>>; 3]);

/// The pipelines that one signal of a receiver goes to; none where no pipeline takes the signal from it.
#[derive(Default)]
pub(crate) struct Feed {
    pub(crate) chains: SmallVec<[Rc<Chain>; 1]>,
    /// Some exporter answers for the whole way, so the sender waits for it.
    pub(crate) waits: bool,
    /// The receiver has promised its senders to answer once all exporters have, whatever is on the way.
    pub(crate) promised: bool,
    /// The exporters that set the pace.
    pub(crate) rooms: Vec<Arc<Room>>,
}

/// The way in for one signal over one transport.
pub struct Inlet {
    signal: Signal,
    inlets: Inlets,
    transport: &'static str,
    /// Opened by the first request, so that a signal that nobody sends has no rows.
    account: OnceCell<Arc<Account>>,
}

impl Inlets {
    /// The inlet of a signal. `transport` is a label: `grpc` or `http`.
    pub fn open(&self, signal: Signal, transport: &'static str) -> Inlet {
        let inlet = Inlet {
            signal,
            inlets: self.clone(),
            transport,
            account: OnceCell::new(),
        };
        if inlet.is_fed() {
            inlet.account();
        }
        inlet
    }

    pub fn clock(&self) -> Clock {
        self.worker.clock
    }

    /// Who sends a request: the peer's address, and the value of its `User-Agent` header.
    pub fn sender(&self, peer: Option<IpAddr>, user_agent: Option<&[u8]>) -> Sender {
        self.refusals.sender(peer, user_agent)
    }

    /// Counts a request that was answered with anything but success, whoever decided that: `reason` is the name of a
    /// [`Reason`], or says as briefly what is no fate of items.
    pub fn refused(
        &self,
        transport: &'static str,
        sender: Sender,
        reason: &'static str,
        text: &str,
    ) {
        let now = self.worker.clock.now();
        self.refusals.count(transport, sender, reason, text, now);
    }

    /// Waits until the budget admits a new body, at most [`HOLD_MAX`]. Whoever brings data in asks here before, and
    /// charges it to the lease: behind this door nobody is refused for want of memory.
    pub async fn admit_body(&self) -> Result<Lease, Refusal> {
        if let Some(lease) = self.budget.try_admit() {
            return Ok(lease);
        }
        let admitted = self.budget.admitted();
        tokio::time::timeout(HOLD_MAX, admitted).await.map_err(|_| {
            self.unread.add(1);
            NO_MEMORY
        })
    }
}

impl Inlet {
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Whether any pipeline takes this signal from this receiver; a reload may change it.
    pub fn is_fed(&self) -> bool {
        !self.feed().chains.is_empty()
    }

    fn feed(&self) -> Rc<Feed> {
        self.inlets.feeds.of(self.signal)
    }

    fn clock(&self) -> Clock {
        self.inlets.worker.clock
    }

    fn account(&self) -> &Account {
        self.account.get_or_init(|| {
            self.inlets.books.account(&NodeKey {
                kind: Kind::Receiver,
                id: self.inlets.id.clone(),
                pipeline: String::new(),
                transport: self.transport,
                signal: self.signal,
            })
        })
    }

    /// Offers one request. It is taken by every pipeline or by none; a request that cannot be taken at once is held
    /// for up to [`HOLD_MAX`]. `Ok` is the answer for the sender: delivered, or taken where nobody waits for more.
    #[allow(
        clippy::manual_async_fn,
        reason = "an async fn holds its arguments twice, and every request would move a batch more"
    )]
    pub fn offer(&self, mut batch: Batch) -> impl Future<Output = Result<Outcome, Refusal>> {
        async move {
            let items = batch.items();
            if items == 0 {
                return Ok(Outcome::Delivered);
            }
            self.account().take(items);
            let mut feed = self.feed();
            let mut now = self.clock().now();
            if let Err(first) = feed.admit(&batch, now) {
                feed = self.hold(&batch, first).await?;
                now = self.clock().now();
            }
            self.account().pass(items);
            if !feed.waits && !feed.promised {
                feed.enter(batch, now);
                feed.pace().await;
                return Ok(Outcome::Delivered);
            }
            let (share, answer) = match feed.promised {
                true => Share::promised(items),
                false => Share::new(items),
            };
            batch.share(share);
            feed.enter(batch, now);
            answer.await.map_err(|_| STOPPING)
        }
    }

    /// Counts a request that was refused before it could be offered.
    pub fn refused(&self, items: u64, reason: Reason) {
        self.account().take(items);
        self.account().end(items, Fate::Rejected(reason));
    }

    /// Asks again whenever room appears, and now and then for what rings no bell, until the time is up.
    /// Returns who has admitted the batch: a reload may have put others there meanwhile.
    async fn hold(&self, batch: &Batch, first: Refusal) -> Result<Rc<Feed>, Refusal> {
        const LOOK_AGAIN: Duration = Duration::from_millis(100);
        let mut held = Held {
            inlet: self,
            batch,
            reason: Some(first.reason),
        };
        if is_final(&first) {
            return Err(first);
        }
        let until = self.clock().now().mono + HOLD_MAX;
        loop {
            let freed = self.inlets.worker.freed();
            let now = self.clock().now();
            let feed = self.feed();
            match feed.admit(batch, now) {
                Ok(()) => {
                    held.reason = None;
                    return Ok(feed);
                }
                Err(refusal) => {
                    held.reason = Some(refusal.reason);
                    if is_final(&refusal) || now.mono >= until {
                        return Err(refusal);
                    }
                }
            }
            let left = until.saturating_sub(now.mono).min(LOOK_AGAIN);
            // Either the bell or the time: both lead to another look.
            let _ = tokio::time::timeout(left, freed).await;
        }
    }
}

// === impl Feeds ===

impl Feeds {
    pub(crate) fn of(&self, signal: Signal) -> Rc<Feed> {
        Rc::clone(&self.0[signal.index()].borrow())
    }

    /// Lets nothing be held back that a sender waits for, because the service drains.
    pub(crate) fn hurry(&self) {
        let feeds = self.0.iter().map(|feed| feed.borrow());
        feeds.filter(|feed| feed.promised).for_each(|feed| {
            feed.chains.iter().for_each(|chain| chain.hurry());
        });
    }

    pub(crate) fn set(&self, signal: Signal, feed: Feed) {
        *self.0[signal.index()].borrow_mut() = Rc::new(feed);
    }
}

// === impl Feed ===

impl Feed {
    fn admit(&self, batch: &Batch, now: Now) -> Result<(), Refusal> {
        if self.chains.is_empty() {
            return Err(REMOVED);
        }
        for chain in &self.chains {
            // Who waits for room that will never be there again must not wait.
            chain.check_running()?;
            if !chain.is_open() {
                return Err(NO_ROOM);
            }
            chain.admit(batch, now)?;
        }
        Ok(())
    }

    /// Keeps the answer back while an exporter is behind. The data has gone on already.
    async fn pace(&self) {
        if self.rooms.iter().any(|room| room.is_behind()) {
            let eased = async {
                for room in &self.rooms {
                    room.eased().await;
                }
            };
            // Out of time is as good as eased: the queue is there to be filled.
            let _ = tokio::time::timeout(PACE_MAX, eased).await;
        }
    }

    /// A feed has at least one chain; each but the last gets a clone, which costs a reference count a chunk.
    fn enter(&self, batch: Batch, now: Now) {
        if let Some((last, others)) = self.chains.split_last() {
            for chain in others {
                chain.accept(batch.clone(), now);
            }
            last.accept(batch, now);
        }
    }
}

/// Whether waiting cannot turn the refusal.
fn is_final(refusal: &Refusal) -> bool {
    refusal.retry.is_none() || refusal.reason == Reason::Shutdown
}

// === impl Held ===

/// A request while it is held. Unless it goes in, it is counted as refused: also if its sender has gone meanwhile, and
/// nobody is left to be told.
struct Held<'a> {
    inlet: &'a Inlet,
    batch: &'a Batch,
    /// Why it is not in; `None` once it is.
    reason: Option<Reason>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let Some(reason) = self.reason else { return };
        let inlet = self.inlet;
        let items = self.batch.items();
        inlet.account().end(items, Fate::Rejected(reason));
    }
}
