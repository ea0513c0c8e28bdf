//! Bodies in every encoding, two after one another in the same decoders: no panic, never more than
//! the cap, never more memory than is charged, and the second as if there had been no first.
#![no_main]

use ledger::{Budget, Exhausted};
use libfuzzer_sys::fuzz_target;
use net::encoding::{Encoding, Meter, inflate};

const CAP: usize = 1 << 20;

const ENCODINGS: [Encoding; 8] = [
    Encoding::Identity,
    Encoding::Gzip,
    Encoding::Zstd,
    Encoding::Snappy,
    Encoding::SnappyFramed,
    Encoding::Zlib,
    Encoding::Deflate,
    Encoding::Lz4,
];

struct Purse(usize);

impl Meter for Purse {
    fn charge(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.0 += bytes;
        Ok(())
    }
}

fn inflated(encoding: Encoding, body: &[u8]) -> Option<Vec<u8>> {
    let mut purse = Purse(0);
    let bytes = inflate(encoding, body, CAP, &mut purse).ok()?;
    assert!(bytes.len() <= CAP);
    assert_eq!(purse.0, bytes.capacity());
    Some(bytes)
}

fuzz_target!(|bytes: &[u8]| {
    let [kind, cut, rest @ ..] = bytes else {
        return;
    };
    let encoding = ENCODINGS[usize::from(kind & 7)];
    let (first, second) = rest.split_at(rest.len() * usize::from(*cut) / 256);
    let alone = inflated(encoding, second);
    drop(inflated(encoding, first));
    assert_eq!(inflated(encoding, second), alone);
    // A budget that runs out in the midst stops it, and gets everything back.
    let budget = Budget::new(usize::from(*cut) as u64 * 256);
    let mut lease = budget.lease();
    drop(inflate(encoding, second, CAP, &mut lease));
    drop(lease);
    assert_eq!(budget.used(), 0);
});
