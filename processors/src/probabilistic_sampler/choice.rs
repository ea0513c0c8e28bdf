//! The choice, whatever it is that is sampled.

use otlp::Malformed;
use otlp::sampling::{Randomness, Threshold};

use super::config::{Config, Mode};

/// Bits of a hash that count in mode `hash_seed`.
const BUCKET_BITS: u32 = 14;
const BUCKETS: u32 = 1 << BUCKET_BITS;

/// The threshold of a configuration, and how it meets one that an item has.
#[derive(Debug)]
pub(super) struct Sampler {
    rule: Rule,
    pub(super) precision: u32,
    fail_closed: bool,
}

#[derive(Debug)]
enum Rule {
    Never,
    Hash {
        seed: u32,
        threshold: Threshold,
    },
    /// The higher of the two thresholds counts.
    Equalizing(Threshold),
    /// The probabilities are multiplied.
    Proportional {
        ratio: f64,
        /// Where the item has none.
        alone: Threshold,
    },
}

/// What an item tells of its sampling.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) threshold: Option<Threshold>,
    pub(super) randomness: Option<Randomness>,
}

/// What an item is chosen by. The names of most are labels of the Collector's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    TraceIdHash,
    TraceId,
    ItsRandomness,
    Priority,
    Nothing,
    /// `from_attribute`
    Attribute,
}

/// Why the sampling of an item cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// What it tells cannot be read.
    Unreadable,
    /// It should have been dropped by the sampler that has written its threshold.
    Inconsistent,
    NoRandomness,
    /// It is sampled by another mode already.
    RandomnessInUse,
    ThresholdInUse,
}

/// Random bits, and where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chance {
    pub(super) by: By,
    randomness: Randomness,
}

/// A choice that may still be overruled by a priority.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) chance: Chance,
    pub(super) threshold: Threshold,
    trouble: Option<Trouble>,
    /// What the item tells is good enough to be written again.
    writes: bool,
    had: Option<Threshold>,
    /// Randomness that the item is to tell.
    randomness: Option<Randomness>,
}

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) is_kept: bool,
    pub(super) by: By,
    pub(super) trouble: Option<Trouble>,
    /// What it tells is to be written again, with these changes.
    pub(super) is_written: bool,
    pub(super) randomness: Option<Randomness>,
    pub(super) threshold: Option<Threshold>,
}

// === impl Sampler ===

impl Sampler {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            rule: Rule::new(config),
            precision: config.sampling_precision,
            fail_closed: config.fail_closed,
        }
    }

    /// The seed of mode `hash_seed`.
    pub(super) fn hashes(&self) -> Option<u32> {
        match self.rule {
            Rule::Hash { seed, .. } => Some(seed),
            _ => None,
        }
    }

    /// Draws for an item. `hashed`: by the hash, in the mode that has one; `always_marks`: an item gets randomness
    /// even if there is none to be hashed, as spans do.
    pub(super) fn draw(
        &self,
        told: Result<Told, Malformed>,
        trace_id: Option<[u8; 16]>,
        hashed: Option<Chance>,
        always_marks: bool,
    ) -> Draw {
        let (told, mut trouble) = match told {
            Ok(told) => (Some(told), None),
            Err(_) => (None, Some(Trouble::Unreadable)),
        };
        let mut writes = told.is_some();
        let told = told.unwrap_or_default();
        let mut randomness = None;
        let chance = match self.rule {
            Rule::Never => Chance::new(By::Priority, Randomness::MAX),
            Rule::Hash { .. } => {
                if told.randomness.is_some() {
                    trouble = Some(Trouble::RandomnessInUse);
                } else if told.threshold.is_some() {
                    trouble = Some(Trouble::ThresholdInUse);
                }
                writes &= trouble.is_none();
                let chance = hashed.unwrap_or(Chance::NONE);
                let marks = writes && (hashed.is_some() || always_marks);
                randomness = marks.then_some(chance.randomness);
                chance
            }
            Rule::Equalizing(_) | Rule::Proportional { .. } => {
                let own = told
                    .randomness
                    .map(|randomness| Chance::new(By::ItsRandomness, randomness));
                let of_trace = trace_id.filter(|_| writes);
                let of_trace =
                    of_trace.map(|id| Chance::new(By::TraceId, Randomness::of_trace_id(id)));
                own.or(of_trace).unwrap_or(Chance::NONE)
            }
        };
        let mut had = told.threshold;
        if trouble.is_none() {
            if chance.by == By::Nothing {
                trouble = Some(Trouble::NoRandomness);
            } else if had.is_some_and(|threshold| !threshold.keeps(chance.randomness)) {
                // What it tells is not true, and must not stay.
                had = None;
                trouble = Some(Trouble::Inconsistent);
            }
        }
        let threshold = match trouble {
            None => self.rule.threshold(had, self.precision),
            Some(_) if self.fail_closed => Threshold::NEVER,
            Some(_) => Threshold::ALWAYS,
        };
        Draw {
            chance,
            threshold,
            trouble,
            writes,
            had,
            randomness,
        }
    }
}

// === impl Rule ===

impl Rule {
    fn new(config: &Config) -> Self {
        let percentage = config.sampling_percentage.min(100.0);
        if percentage == 0.0 {
            return Self::Never;
        }
        let ratio = f64::from(percentage) / 100.0;
        // The configuration was checked: the probability can be told.
        let alone = Threshold::of_probability(ratio, config.sampling_precision);
        let alone = alone.unwrap_or(Threshold::NEVER);
        match config.mode {
            Mode::Equalizing => Self::Equalizing(alone),
            Mode::Proportional => Self::Proportional { ratio, alone },
            Mode::HashSeed => {
                // In 32 bits and cut, not rounded, as in the Collector.
                const SCALE: f32 = (BUCKETS as f64 / 100.0) as f32;
                let kept = (percentage * SCALE) as u32;
                if kept == 0 {
                    return Self::Never;
                }
                let rejected = u64::from(BUCKETS.saturating_sub(kept));
                Self::Hash {
                    seed: config.hash_seed,
                    threshold: Threshold::rejecting(rejected << (56 - BUCKET_BITS)),
                }
            }
        }
    }

    fn threshold(&self, had: Option<Threshold>, precision: u32) -> Threshold {
        match self {
            Self::Never => Threshold::NEVER,
            Self::Hash { threshold, .. } => *threshold,
            Self::Equalizing(threshold) => had.map_or(*threshold, |had| had.max(*threshold)),
            Self::Proportional { ratio, alone } => had.map_or(*alone, |had| {
                let probability = had.probability() * ratio;
                Threshold::of_probability(probability, precision).unwrap_or(Threshold::NEVER)
            }),
        }
    }
}

// === impl Chance ===

impl Chance {
    const NONE: Self = Self::new(By::Nothing, Randomness::MAX);

    const fn new(by: By, randomness: Randomness) -> Self {
        Self { by, randomness }
    }

    /// Randomness of a hash of bytes, which holds the Collector's choice of 14 bits in front.
    pub(super) fn of_hash(by: By, bytes: &[u8], seed: u32) -> Self {
        let hash = u64::from(fnv1a_32(&seed.to_le_bytes(), bytes));
        let bucket = hash & u64::from(BUCKETS - 1);
        let first = u64::from(BUCKETS - 1) - bucket;
        let rest = hash >> (32 - 14);
        let mixed = rest ^ (rest << 10);
        Self::new(by, Randomness::of_bits(first << 42 | mixed << 14 | bucket))
    }
}

/// [FNV-1a](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv) of 32 bits.
fn fnv1a_32(seed: &[u8], bytes: &[u8]) -> u32 {
    seed.iter()
        .chain(bytes)
        .fold(0x811c_9dc5, |hash: u32, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        })
}

// === impl Draw ===

impl Draw {
    /// A priority has this threshold.
    pub(super) fn overrule(&mut self, threshold: Threshold) {
        self.threshold = threshold;
        self.chance.by = By::Priority;
    }

    pub(super) fn choose(self) -> Choice {
        let is_kept = self.threshold.keeps(self.chance.randomness);
        let is_written = is_kept && self.writes;
        // A probability is never raised: the item would stand for fewer than it does.
        let lowers = self.had.is_some_and(|had| had > self.threshold);
        Choice {
            is_kept,
            by: self.chance.by,
            trouble: self.trouble,
            is_written,
            randomness: self.randomness.filter(|_| is_written),
            threshold: (is_written && !lowers).then_some(self.threshold),
        }
    }
}
