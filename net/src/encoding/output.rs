//! The buffer that a body is inflated into: bounded, and charged before it grows.

use super::inflate::{InflateFault, Meter, RATIO_FREE, RATIO_MAX};

/// A declared size is believed up to this many times the input. Telemetry shrinks to a fifth or a
/// tenth; what claims more starts small and grows with what really comes out.
const HINT_RATIO_MAX: usize = 16;

/// The first buffer when no size is declared, in multiples of the input.
const FIRST_RATIO: usize = 4;

/// The smallest step, so that tiny bodies do not grow byte by byte.
const STEP_MIN: usize = 512;

/// Beyond this many bytes the buffer grows only to a size that has been counted before, in a pass
/// that keeps nothing. Otherwise a bomb would be kept up to the cap, and half as much again while
/// the buffer moves. Large bodies whose size is not declared pay for it with a second pass.
const UNCOUNTED_MAX: usize = 8 << 20;

/// A pass that only counts forgets what it has when it has this much, and keeps [`WINDOW`].
const COUNTED_MIN: usize = 1 << 20;

/// What the decoders that look back into the output look back to: an LZ4 block's window.
pub(super) const WINDOW: usize = 64 << 10;

/// Bytes inflated so far. The vector's capacity is what was charged; its length is what was
/// decoded.
pub(super) struct Output<'m> {
    pub(super) bytes: Vec<u8>,
    meter: &'m mut dyn Meter,
    input: usize,
    cap: usize,
    /// The most that may come out: the caller's cap, or less if the ratio says so.
    limit: usize,
    growth: Growth,
    /// Bytes that a counting pass has forgotten.
    forgotten: usize,
}

/// How the buffer may grow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// By doubling, up to [`UNCOUNTED_MAX`].
    Blind,
    /// It wanted to grow beyond that.
    Stopped,
    /// Not at all: bytes are forgotten instead.
    Counting,
    /// As before, and there is no need for more.
    Counted,
}

impl<'m> Output<'m> {
    /// An empty buffer for `input` encoded bytes that may become `cap` decoded ones.
    pub(super) fn new(input: usize, cap: usize, meter: &'m mut dyn Meter) -> Self {
        let limit = cap.min(input.saturating_mul(RATIO_MAX).max(RATIO_FREE));
        Self {
            bytes: Vec::new(),
            meter,
            input,
            cap,
            limit,
            growth: Growth::Blind,
            forgotten: 0,
        }
    }

    /// Whether the decoder has to begin again: first to count, then to keep.
    pub(super) fn is_stopped(&self) -> bool {
        self.growth == Growth::Stopped
    }

    pub(super) fn is_counting(&self) -> bool {
        self.growth == Growth::Counting
    }

    /// Makes ready for a pass that only counts, in the buffer that is there.
    pub(super) fn count(&mut self) {
        self.bytes.clear();
        self.growth = Growth::Counting;
    }

    /// Makes ready for the pass that keeps as many bytes as have been counted.
    pub(super) fn keep(&mut self) -> Result<(), InflateFault> {
        let counted = self.total();
        if counted > self.limit {
            return Err(self.passed());
        }
        self.bytes.clear();
        self.forgotten = 0;
        self.growth = Growth::Counted;
        // One byte more, so that the buffer is not full before the decoder sees the end.
        self.reserve(counted.saturating_add(1))
    }

    /// All bytes so far, forgotten ones included.
    pub(super) fn total(&self) -> usize {
        self.forgotten.saturating_add(self.bytes.len())
    }

    /// In a counting pass, makes room by forgetting all but the window.
    pub(super) fn forget(&mut self) -> Result<(), InflateFault> {
        if self.is_counting() && self.bytes.len() >= COUNTED_MIN {
            if self.total() > self.limit {
                return Err(self.passed());
            }
            let forgotten = self.bytes.len() - WINDOW;
            self.bytes.drain(..forgotten);
            self.forgotten += forgotten;
        }
        Ok(())
    }

    /// Where a byte of this number, counted from the first, lies in `bytes`, or the first that is
    /// still there.
    pub(super) fn index(&self, number: usize) -> usize {
        number.saturating_sub(self.forgotten)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a declared size is modest enough to allocate for, and has not been found wrong.
    pub(super) fn plausible(&self, declared: usize) -> bool {
        self.growth == Growth::Blind
            && declared <= self.limit
            && declared <= self.input.saturating_mul(HINT_RATIO_MAX)
    }

    /// Makes room for `declared` bytes if that is plausible, else for a guess.
    pub(super) fn start(&mut self, declared: Option<usize>) -> Result<(), InflateFault> {
        let first = match declared {
            Some(size) if self.plausible(size) => size,
            _ => {
                let guess = self.input.saturating_mul(FIRST_RATIO);
                guess.clamp(STEP_MIN, UNCOUNTED_MAX)
            }
        };
        // One byte beyond the limit is what shows that the limit is passed.
        self.reserve(first.min(self.limit.saturating_add(1)))
    }

    /// Makes room for at least one byte more, doubling what there is.
    pub(super) fn room(&mut self) -> Result<(), InflateFault> {
        if self.is_full() {
            self.forget()?;
        }
        if self.is_full() {
            let ceiling = self.limit.saturating_add(1);
            let wanted = self
                .bytes
                .capacity()
                .saturating_mul(2)
                .max(STEP_MIN)
                .min(ceiling);
            if wanted <= self.bytes.capacity() {
                return Err(self.passed());
            }
            self.grow(wanted)?;
        }
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() == self.bytes.capacity()
    }

    /// [`reserve`](Self::reserve) for bytes of which nobody knows how many will follow.
    fn grow(&mut self, capacity: usize) -> Result<(), InflateFault> {
        if self.growth == Growth::Blind && capacity > UNCOUNTED_MAX {
            self.growth = Growth::Stopped;
            return Err(self.passed());
        }
        self.reserve(capacity)
    }

    /// Makes the whole capacity `capacity`, charged first; never shrinks.
    pub(super) fn reserve(&mut self, capacity: usize) -> Result<(), InflateFault> {
        let more = capacity.saturating_sub(self.bytes.capacity());
        if more > 0 {
            self.meter
                .charge(more)
                .map_err(|_| InflateFault::Exhausted)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        Ok(())
    }

    /// Lets `write` fill up to `most` bytes behind what is there, and keeps as many as it says it
    /// wrote.
    ///
    /// Makes room by doubling until `most` fit or the limit is reached, so `write` may get fewer
    /// than `most`.
    pub(super) fn append<E>(
        &mut self,
        most: usize,
        write: impl FnOnce(&[u8], &mut [u8]) -> Result<usize, E>,
    ) -> Result<Result<usize, E>, InflateFault> {
        let at = self.bytes.len();
        let end = at.saturating_add(most).min(self.limit.saturating_add(1));
        if end > self.bytes.capacity() {
            let doubled = self
                .bytes
                .capacity()
                .saturating_mul(2)
                .min(self.limit.saturating_add(1));
            self.grow(end.max(doubled))?;
        }
        self.bytes.resize(end, 0);
        let (before, room) = self.bytes.split_at_mut(at);
        let written = write(before, room);
        let kept = written.as_ref().map_or(0, |&count| count.min(room.len()));
        self.bytes.truncate(at + kept);
        Ok(written)
    }

    /// The fault of a body that goes beyond the limit.
    pub(super) fn passed(&self) -> InflateFault {
        if self.limit == self.cap {
            InflateFault::TooLarge { cap: self.cap }
        } else {
            InflateFault::Ratio
        }
    }

    /// The bytes, if they stayed within the limit.
    pub(super) fn finish(self) -> Result<Vec<u8>, InflateFault> {
        if self.bytes.len() > self.limit {
            Err(self.passed())
        } else {
            Ok(self.bytes)
        }
    }
}
