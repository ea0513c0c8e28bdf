//! What went wrong last, for whoever asks what is wrong now: the newest few failures of the process, repeated ones
//! counted and not listed again.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use otlp::Signal;

use crate::{Kind, Reason};

/// Failures that are kept: two screens of a status page. An older one has most likely been repeated, or is over.
pub const LAST_ERRORS_MAX: usize = 64;

/// How many of them may be a receiver's. Clients cause those, and must not be able to push out what back ends say.
pub const RECEIVER_ERRORS_MAX: usize = LAST_ERRORS_MAX / 2;

/// Characters that are kept of a text. Back ends' answers are cut to the same length where they are read.
const TEXT_MAX: usize = 1024;

/// One failure, and how often it has been repeated. It has no payload of ours in it, but `text` may be the words of a
/// back end about what we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    pub kind: Kind,
    /// The component's id as the user wrote it.
    pub component: String,
    pub signal: Option<Signal>,
    /// Why the items have ended; `None` if they have not, and are tried again.
    pub reason: Option<Reason>,
    /// What was said or found, in at most 1,024 characters.
    pub text: String,
    /// Items concerned, of all repetitions.
    pub items: u64,
    /// Whoever sent them, where that is one sender and known.
    pub peer: Option<IpAddr>,
    /// Its product and version, at most 64 bytes.
    pub user_agent: Option<Arc<str>>,
    /// When it happened first and last, in nanoseconds since the Unix epoch.
    pub first_unix_nanos: u64,
    pub last_unix_nanos: u64,
    /// How often it has happened, from 1 on.
    pub times: u64,
}

/// The failures of a process, shared by all of its parts. Noting one takes a lock, and belongs on cold paths.
#[derive(Debug, Default)]
pub struct LastErrors {
    /// The one that happened last is at the back.
    kept: Mutex<VecDeque<LastError>>,
}

impl LastError {
    /// A failure that has happened once, at this moment.
    pub fn new(kind: Kind, component: &str, text: &str, unix_nanos: u64) -> Self {
        Self {
            kind,
            component: component.to_owned(),
            signal: None,
            reason: None,
            text: text.chars().take(TEXT_MAX).collect(),
            items: 0,
            peer: None,
            user_agent: None,
            first_unix_nanos: unix_nanos,
            last_unix_nanos: unix_nanos,
            times: 1,
        }
    }

    fn repeats(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.component == other.component
            && self.signal == other.signal
            && self.reason == other.reason
            && self.peer == other.peer
            && self.user_agent == other.user_agent
            && self.text == other.text
    }
}

impl LastErrors {
    pub fn note(&self, mut error: LastError) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|known| known.repeats(&error));
        if let Some(known) = known.and_then(|at| kept.remove(at)) {
            error.items += known.items;
            error.times += known.times;
            error.first_unix_nanos = known.first_unix_nanos;
        } else if error.kind == Kind::Receiver {
            let mut receivers = kept
                .iter()
                .enumerate()
                .filter(|(_, known)| known.kind == Kind::Receiver);
            let oldest = receivers.next().map(|(at, _)| at);
            if receivers.count() + 1 >= RECEIVER_ERRORS_MAX {
                oldest.and_then(|at| kept.remove(at));
            }
        }
        if kept.len() >= LAST_ERRORS_MAX {
            kept.pop_front();
        }
        kept.push_back(error);
    }

    /// At most [`LAST_ERRORS_MAX`], the one that happened last first.
    pub fn newest_first(&self) -> Vec<LastError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind, text: &str, at: u64) -> LastError {
        LastError {
            items: 5,
            ..LastError::new(kind, "otlp", text, at)
        }
    }

    /// Text, items, times, first and last moment of each.
    fn check(noted: &[LastError], expected: &[(&str, u64, u64, u64, u64)]) {
        let errors = LastErrors::default();
        noted.iter().for_each(|error| errors.note(error.clone()));
        let found = errors.newest_first();
        let found: Vec<_> = found
            .iter()
            .map(|e| {
                let (first, last) = (e.first_unix_nanos, e.last_unix_nanos);
                (e.text.as_str(), e.items, e.times, first, last)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_newest_comes_first_and_a_repetition_is_counted() {
        let noted = [("down", 1), ("bad", 2), ("down", 3), ("down", 4)]
            .map(|(text, at)| error(Kind::Exporter, text, at));
        check(&noted, &[("down", 15, 3, 1, 4), ("bad", 5, 1, 2, 2)]);
    }

    #[test]
    fn the_same_words_about_another_sender_are_another_failure() {
        let from = |last: u8| LastError {
            peer: Some([10, 0, 0, last].into()),
            ..error(Kind::Exporter, "bad", last.into())
        };
        check(
            &[from(1), from(2)],
            &[("bad", 5, 1, 2, 2), ("bad", 5, 1, 1, 1)],
        );
    }

    #[test]
    fn the_oldest_makes_room() {
        let errors = LastErrors::default();
        for at in 0..100 {
            errors.note(error(Kind::Exporter, &at.to_string(), at));
        }
        let found = errors.newest_first();
        assert_eq!(found.len(), LAST_ERRORS_MAX);
        assert_eq!(
            (found[0].last_unix_nanos, found[63].last_unix_nanos),
            (99, 36)
        );
    }

    #[test]
    fn clients_cannot_push_out_what_back_ends_say() {
        let errors = LastErrors::default();
        errors.note(error(Kind::Exporter, "down", 0));
        for at in 1..1000 {
            errors.note(error(Kind::Receiver, &at.to_string(), at));
        }
        let found = errors.newest_first();
        assert_eq!(found.len(), 1 + RECEIVER_ERRORS_MAX);
        assert_eq!(found[0].text, "999");
        assert_eq!(found[RECEIVER_ERRORS_MAX].text, "down");
    }

    #[test]
    fn a_long_text_is_cut() {
        let errors = LastErrors::default();
        errors.note(error(Kind::Exporter, &"ü".repeat(5000), 0));
        assert_eq!(errors.newest_first()[0].text, "ü".repeat(TEXT_MAX));
    }
}
