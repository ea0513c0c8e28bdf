//! Who may come in: users with their hashes, and what is remembered of passwords that were tried.
//!
//! A good hash takes 50 ms on purpose, and a sender shows its password with every request. So each user remembers
//! the digest of the password that was right, and of the last few that were wrong. The digest is keyed with a random
//! key of this process. What is remembered is bounded by the number of users, and goes when a user's hash changes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use net::auth::Identity;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::hash::Hash;
use crate::secrecy::equal;

/// Wrong passwords that a user remembers: a fleet with an old password shows the same one again and again.
const REFUTED_MAX: usize = 8;

/// All users. Equal tables let in the same people.
#[derive(Default)]
pub(crate) struct Table {
    users: HashMap<String, Arc<User>>,
}

pub(super) struct User {
    pub(super) hash: Hash,
    memory: Mutex<Memory>,
}

/// What is known of passwords without hashing them.
#[derive(Default)]
pub(super) struct Memory {
    verified: Option<(Digest, Identity)>,
    refuted: VecDeque<Digest>,
    /// Being hashed; at most as many as fit into the verifier's queue. Who waits learns that it is done, and looks.
    pub(super) pending: Vec<(Digest, watch::Receiver<()>)>,
}

/// A password under the key of this process.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

pub(super) struct Key([u8; 32]);

// === impl Table ===

impl Table {
    /// Reads lines of `user:password`, of which later ones win. Users of `before` whose hashes are the same keep what
    /// they remember. Also returns the numbers of the lines that are none.
    pub(super) fn read(text: &str, before: Option<&Self>) -> (Self, Vec<usize>) {
        let mut table = Self::default();
        let mut bad = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let parsed = line.split_once(':').and_then(|(name, hash)| {
                let hash = Hash::parse(hash)?;
                Some((name, hash))
            });
            let Some((name, hash)) = parsed else {
                bad.push(at + 1);
                continue;
            };
            let known = before.and_then(|before| before.users.get(name));
            let user = match known.filter(|user| user.hash == hash) {
                Some(user) => Arc::clone(user),
                None => Arc::new(User {
                    hash,
                    memory: Mutex::default(),
                }),
            };
            table.users.insert(name.to_owned(), user);
        }
        (table, bad)
    }

    pub(super) fn user(&self, name: &str) -> Option<Arc<User>> {
        self.users.get(name).cloned()
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, user): (&String, &Arc<User>)| {
            other
                .users
                .get(name)
                .is_some_and(|their| their.hash == user.hash)
        };
        self.users.len() == other.users.len() && self.users.iter().all(same)
    }
}

// === impl User ===

impl User {
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Memory ===

impl Memory {
    /// What is known of a password: whose it is, or `None` if it is wrong.
    pub(super) fn recall(&self, digest: Digest) -> Option<Option<Identity>> {
        if let Some((verified, identity)) = &self.verified
            && verified.is(digest)
        {
            return Some(Some(Arc::clone(identity)));
        }
        let refuted = self.refuted.iter().any(|refuted| refuted.is(digest));
        refuted.then_some(None)
    }

    /// Remembers what a password is, and that it is no longer pending.
    pub(super) fn learn(&mut self, digest: Digest, found: Option<Identity>) {
        self.pending.retain(|(pending, _)| !pending.is(digest));
        match found {
            Some(identity) => self.verified = Some((digest, identity)),
            None => {
                if self.refuted.len() >= REFUTED_MAX {
                    self.refuted.pop_front();
                }
                self.refuted.push_back(digest);
            }
        }
    }

    pub(super) fn pending(&self, digest: Digest) -> Option<watch::Receiver<()>> {
        let found = self.pending.iter().find(|(pending, _)| pending.is(digest));
        found.map(|(_, done)| done.clone())
    }
}

// === impl Digest ===

impl Digest {
    pub(super) fn is(&self, other: Self) -> bool {
        equal(&self.0, &other.0)
    }
}

// === impl Key ===

impl Key {
    pub(super) fn random() -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| format!("no random numbers: {e}"))?;
        Ok(Self(key))
    }

    pub(super) fn digest(&self, password: &str) -> Digest {
        let digest = Sha256::new().chain_update(self.0).chain_update(password);
        Digest(digest.finalize().into())
    }
}
