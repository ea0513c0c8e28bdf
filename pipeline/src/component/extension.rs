//! The contract of extensions: what runs beside the pipelines and sees how they are.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use config::ComponentId;
use otlp::Signal;
use tokio::sync::watch;

use super::ask::Questions;
use super::exporter::LocalFuture;
use super::outline::Outline;
use super::receiver::Listening;
use super::reload::Reload;
use crate::service::{Rooms, Shared, Stop};

/// Something beside the pipelines. It runs on the admin thread, which has no part in carrying data.
pub trait Extension {
    /// Where it listens, for the ready lines.
    fn listening(&self) -> Vec<Listening> {
        Vec::new()
    }

    /// What other components find under its id; they are built after it.
    fn offers(&self) -> Vec<Offer> {
        Vec::new()
    }

    /// Runs to the end of the process.
    fn run(self: Box<Self>, vitals: Vitals, stop: Stop) -> LocalFuture<'static, ()>;
}

/// One thing that an extension offers to other components, such as an `Arc<dyn ServerAuth>`.
#[derive(Clone)]
pub struct Offer(Arc<dyn Any + Send + Sync>);

/// What the extensions offer, by id and type. Clones see the same.
#[derive(Clone, Default)]
pub struct Extensions(Arc<Vec<Running>>);

#[derive(Clone)]
struct Running {
    id: ComponentId,
    offers: Vec<Offer>,
    sockets: Vec<Listening>,
}

/// Whether the service takes data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Starting,
    Ready,
    Draining,
}

// === impl Offer ===

impl Offer {
    pub fn new<T: Any + Send + Sync>(offered: T) -> Self {
        Self(Arc::new(offered))
    }
}

// === impl Extensions ===

impl Extensions {
    /// Adds a new extension.
    pub fn add(&mut self, id: &ComponentId, extension: &dyn Extension) {
        Arc::make_mut(&mut self.0).push(Running {
            id: id.clone(),
            offers: extension.offers(),
            sockets: extension.listening(),
        });
    }

    /// Adds an extension that goes on, from the table of those that run.
    pub fn keep(&mut self, id: &ComponentId, from: &Self) {
        let own = from.0.iter().filter(|running| running.id == *id);
        Arc::make_mut(&mut self.0).extend(own.cloned());
    }

    pub fn get<T: Clone + 'static>(&self, id: &ComponentId) -> Option<T> {
        let own = self.0.iter().filter(|running| running.id == *id);
        let mut offers = own.flat_map(|running| &running.offers);
        offers
            .find_map(|offer| offer.0.downcast_ref::<T>())
            .cloned()
    }

    /// Where they listen.
    pub(crate) fn listening(&self) -> impl Iterator<Item = (&ComponentId, &Listening)> {
        let running = self.0.iter();
        running.flat_map(|r| r.sockets.iter().map(|socket| (&r.id, socket)))
    }
}

/// How the service is, for those who ask.
#[derive(Clone)]
pub struct Vitals {
    pub health: watch::Receiver<Health>,
    pub shared: Shared,
    /// Of the exporters that run; a reload sends others.
    pub rooms: Rooms,
    /// What runs; a reload sends another.
    pub outline: watch::Receiver<Arc<Outline>>,
    pub reload: Reload,
    /// What the processors know, of all generations.
    pub questions: Questions,
}

impl Vitals {
    /// The exporters whose every attempt has failed for at least `patience`, and for how long.
    pub fn failing(&self, patience: Duration) -> Vec<(String, Signal, Duration)> {
        let now = self.shared.clock.now().mono;
        let rooms = self.rooms.borrow();
        let failing = rooms.iter().filter_map(|room| {
            let since = now.saturating_sub(room.failing_since()?);
            (since >= patience).then_some((room.id.clone(), room.signal, since))
        });
        failing.collect()
    }
}
