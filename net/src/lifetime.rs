//! When a connection has lived or rested long enough, or must make room for another.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::connections::Slot;

/// How long a connection may live; `None`: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// From its start. A tenth more or less is drawn for each, so that connections made together do not end together.
    pub age: Option<Duration>,
    /// What requests under way are given beyond the age before they are cut off.
    pub grace: Option<Duration>,
    /// Without a request under way.
    pub idle: Option<Duration>,
}

/// The requests under way on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Rc<State>);

#[derive(Debug)]
struct State {
    under_way: Cell<usize>,
    /// When the last one ended, or the connection began.
    rested_since: Cell<Instant>,
    /// Whether a request has ended since somebody asked for this.
    answered: Cell<bool>,
    /// The next answer is the last.
    leaving: Cell<bool>,
    /// Tells the process which connections rest.
    slot: Option<Arc<Slot>>,
}

/// One request, for as long as it is under way.
pub(crate) struct UnderWay(Rc<State>);

impl Lifetime {
    /// Resolves when the connection should end: the grace it has if it is for its age.
    pub(crate) async fn over(&self, activity: &Activity) -> Option<Duration> {
        let aged = async {
            match self.age {
                Some(age) => tokio::time::sleep(spread(age, activity)).await,
                None => std::future::pending().await,
            }
        };
        let idle = async {
            match self.idle {
                Some(idle) => activity.rested(idle).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = aged => self.grace,
            () = idle => None,
            () = activity.asked_to_leave() => None,
        }
    }

    /// The same, or when its server sends it away.
    pub(crate) async fn ending(
        &self,
        activity: &Activity,
        sent_away: impl Future<Output = ()>,
    ) -> Option<Duration> {
        tokio::select! {
            biased;
            () = sent_away => None,
            grace = self.over(activity) => grace,
        }
    }
}

impl Activity {
    pub(crate) fn new(slot: Option<Arc<Slot>>) -> Self {
        Self(Rc::new(State {
            under_way: Cell::new(0),
            rested_since: Cell::new(now()),
            answered: Cell::new(false),
            leaving: Cell::new(false),
            slot,
        }))
    }

    pub(crate) fn begin(&self) -> UnderWay {
        if self.0.under_way.get() == 0
            && let Some(slot) = &self.0.slot
        {
            slot.busy();
        }
        self.0.under_way.set(self.0.under_way.get() + 1);
        UnderWay(Rc::clone(&self.0))
    }

    /// From 0 to 1, by the connection's place in memory: as good as any draw for keeping connections apart.
    pub(crate) fn draw(&self) -> f64 {
        ((Rc::as_ptr(&self.0) as usize >> 4) % 201) as f64 / 200.0
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.0.under_way.get() > 0
    }

    /// Lets the next answer be the last.
    pub(crate) fn leave(&self) {
        self.0.leaving.set(true);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.0.leaving.get()
    }

    /// Whether a request has ended since the last time that somebody asked this.
    pub(crate) fn take_answered(&self) -> bool {
        self.0.answered.take()
    }

    /// Resolves when the process needs the connection's place for another.
    pub(crate) async fn asked_to_leave(&self) {
        match &self.0.slot {
            Some(slot) => slot.asked_to_leave().await,
            None => std::future::pending().await,
        }
    }

    /// Resolves when nothing has been under way for this long from now on.
    pub(crate) async fn rests(&self, long: Duration) {
        if self.0.under_way.get() == 0 {
            self.0.rested_since.set(now());
        }
        self.rested(long).await;
    }

    /// Resolves when nothing has been under way for this long.
    async fn rested(&self, long: Duration) {
        loop {
            let since = if self.0.under_way.get() > 0 {
                now()
            } else {
                self.0.rested_since.get()
            };
            if since.elapsed() >= long {
                return;
            }
            tokio::time::sleep_until(since + long).await;
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = now();
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.0.rested_since.set(now);
        self.0.answered.set(true);
        if self.0.under_way.get() == 0
            && let Some(slot) = &self.0.slot
        {
            slot.idle(now);
        }
    }
}

/// The age with a tenth more or less.
fn spread(age: Duration, activity: &Activity) -> Duration {
    age.mul_f64(0.9 + activity.draw() / 5.0)
}

#[allow(clippy::disallowed_methods, reason = "the rim: age of connections")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_paused_time(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(test);
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_ends_at_its_age_give_or_take_a_tenth_and_tells_its_grace() {
        on_paused_time(async {
            let lifetime = Lifetime {
                age: Some(10 * SECOND),
                grace: Some(SECOND),
                idle: None,
            };
            let began = now();
            assert_eq!(lifetime.over(&Activity::new(None)).await, Some(SECOND));
            let age = began.elapsed();
            assert!(
                (9 * SECOND..=11 * SECOND + SECOND / 100).contains(&age),
                "{age:?}"
            );
        });
    }

    #[test]
    fn a_connection_is_idle_only_without_a_request_under_way() {
        on_paused_time(async {
            let lifetime = Lifetime {
                idle: Some(5 * SECOND),
                ..Lifetime::default()
            };
            let activity = Activity::new(None);
            let request = activity.begin();
            let began = now();
            let ending = async {
                tokio::time::sleep(20 * SECOND).await;
                drop(request);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                grace = lifetime.over(&activity) => assert_eq!(grace, None),
                () = ending => unreachable!("it pends"),
            }
            let rested = began.elapsed();
            assert!((25 * SECOND..26 * SECOND).contains(&rested), "{rested:?}");
        });
    }

    #[test]
    fn a_rest_may_be_counted_from_now_on() {
        on_paused_time(async {
            let activity = Activity::new(None);
            tokio::time::sleep(60 * SECOND).await;
            let began = now();
            activity.rests(5 * SECOND).await;
            assert!(
                (5 * SECOND..6 * SECOND).contains(&began.elapsed()),
                "{:?}",
                began.elapsed()
            );
        });
    }

    #[test]
    fn without_limits_a_connection_lives_for_ever() {
        on_paused_time(async {
            let activity = Activity::new(None);
            let lifetime = Lifetime::default();
            let day = Duration::from_secs(86_400);
            assert!(
                tokio::time::timeout(day, lifetime.over(&activity))
                    .await
                    .is_err()
            );
        });
    }
}
