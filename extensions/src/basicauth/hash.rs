//! Passwords as they stand in password files, in every form that Apache's `htpasswd` and the Collector know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha_crypt::{Sha256Params, Sha512Params};
use sha1::{Digest, Sha1};

use crate::secrecy::equal;

/// The password of a user, as it was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Hash {
    /// `$2a$`, `$2b$`, `$2y$`: slow on purpose.
    Bcrypt(String),
    /// `$apr1$` and `$1$`: a thousand rounds of MD5.
    Md5 {
        prefix: &'static str,
        salt: String,
        hashed: String,
    },
    /// `$5$` and `$6$`: thousands of rounds of SHA-2.
    Sha2 {
        wide: bool,
        rounds: usize,
        salt: String,
        hashed: String,
    },
    /// `{SHA}` without a salt, `{SSHA}` with one.
    Sha1 { salt: Vec<u8>, hashed: Vec<u8> },
    /// Anything else is the password itself.
    Plain(String),
}

const SHA1_BYTES: usize = 20;

/// Rounds of `$5$` and `$6$` that do not say how many ("Unix crypt using SHA-256 and SHA-512", section 22.2).
const SHA2_ROUNDS: usize = 5000;

/// Salts beyond this count no more (the same, section 22.1).
const SHA2_SALT_MAX: usize = 16;

impl Hash {
    /// `None` if the form is known by its beginning, and broken.
    pub(super) fn parse(text: &str) -> Option<Self> {
        for prefix in ["$apr1$", "$1$"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let (salt, hashed) = rest.split_once('$')?;
                let (salt, hashed) = (salt.to_owned(), hashed.to_owned());
                return Some(Self::Md5 {
                    prefix,
                    salt,
                    hashed,
                });
            }
        }
        for (prefix, wide) in [("$5$", false), ("$6$", true)] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return Self::sha2(wide, rest);
            }
        }
        let sha1 = |text: &str, salted: bool| {
            let mut hashed = STANDARD
                .decode(text)
                .ok()
                .filter(|hash| hash.len() >= SHA1_BYTES)?;
            let salt = hashed.split_off(SHA1_BYTES);
            (salted || salt.is_empty()).then_some(Self::Sha1 { salt, hashed })
        };
        if let Some(rest) = text.strip_prefix("{SHA}") {
            return sha1(rest, false);
        }
        if let Some(rest) = text.strip_prefix("{SSHA}") {
            return sha1(rest, true);
        }
        let bcrypt = ["$2a$", "$2b$", "$2y$"];
        let is_bcrypt = bcrypt.iter().any(|prefix| text.starts_with(prefix));
        Some(match is_bcrypt {
            true => Self::Bcrypt(text.to_owned()),
            false => Self::Plain(text.to_owned()),
        })
    }

    fn sha2(wide: bool, rest: &str) -> Option<Self> {
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$')?;
                (rounds.parse().ok()?, rest)
            }
            None => (SHA2_ROUNDS, rest),
        };
        let (salt, hashed) = rest.split_once('$')?;
        let salt = salt.get(..SHA2_SALT_MAX).unwrap_or(salt).to_owned();
        Some(Self::Sha2 {
            wide,
            rounds,
            salt,
            hashed: hashed.to_owned(),
        })
    }

    /// Whether a worker must not wait for [`matches`](Self::matches): it takes from 0.2 ms (MD5) to 50 ms and more
    /// (bcrypt).
    pub(super) fn is_slow(&self) -> bool {
        !matches!(self, Self::Plain(_) | Self::Sha1 { .. })
    }

    pub(super) fn matches(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Md5 {
                prefix,
                salt,
                hashed,
            } => equal(
                md5_crypt(password.as_bytes(), prefix, salt).as_bytes(),
                hashed.as_bytes(),
            ),
            Self::Sha2 {
                wide,
                rounds,
                salt,
                hashed,
            } => sha2_crypt(password, *wide, *rounds, salt)
                .is_some_and(|found| equal(found.as_bytes(), hashed.as_bytes())),
            Self::Sha1 { salt, hashed } => {
                let found = Sha1::new().chain_update(password).chain_update(salt);
                equal(&found.finalize(), hashed)
            }
            Self::Plain(plain) => equal(plain.as_bytes(), password.as_bytes()),
        }
    }
}

fn sha2_crypt(password: &str, wide: bool, rounds: usize, salt: &str) -> Option<String> {
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    if wide {
        sha_crypt::sha512_crypt_b64(password, salt, &Sha512Params::new(rounds).ok()?).ok()
    } else {
        sha_crypt::sha256_crypt_b64(password, salt, &Sha256Params::new(rounds).ok()?).ok()
    }
}

/// The MD5 crypt of FreeBSD and of Apache, who differ in their prefix alone: the 22 characters behind the salt.
fn md5_crypt(password: &[u8], prefix: &str, salt: &str) -> String {
    let salt = salt.as_bytes();
    let inner = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password);
    let inner: [u8; 16] = inner.finalize().into();
    let mut outer = Md5::new();
    for part in [password, prefix.as_bytes(), salt] {
        outer.update(part);
    }
    for index in 0..password.len() {
        outer.update([inner[index % 16]]);
    }
    let mut bits = password.len();
    while bits > 0 {
        // A zero for each bit that is set, else the first byte of the password: a slip of the first author that
        // became the format.
        let first = password.first().copied().unwrap_or_default();
        outer.update([if bits & 1 == 1 { 0 } else { first }]);
        bits >>= 1;
    }
    let mut last: [u8; 16] = outer.finalize().into();
    for round in 0..1000 {
        let mut next = Md5::new();
        let (front, back) = match round & 1 {
            1 => (password, last.as_slice()),
            _ => (last.as_slice(), password),
        };
        next.update(front);
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(back);
        last = next.finalize().into();
    }
    md5_text(&last)
}

/// Three bytes to four characters, in an order and an alphabet that only this format has.
fn md5_text(hash: &[u8; 16]) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = hash.map(u32::from);
    let groups = [
        (a, g, m, 4),
        (b, h, n, 4),
        (c, i, o, 4),
        (d, j, p, 4),
        (e, k, f, 4),
        (0, 0, l, 2),
    ];
    let mut text = String::with_capacity(22);
    for (high, middle, low, characters) in groups {
        let bits = high << 16 | middle << 8 | low;
        let character = |at: u32| char::from(ALPHABET[(bits >> (6 * at)) as usize % 64]);
        text.extend((0..characters).map(character));
    }
    text
}
