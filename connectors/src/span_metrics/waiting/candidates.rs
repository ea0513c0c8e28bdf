//! The candidates of one series, and which of those that were kept become its exemplars.

use otlp::write::Exemplar;

/// More of one series than its share: the first ones of a duration that none of the others has, by powers of two. What
/// is slow is rare, and it is what people look for.
const RARE_MAX: usize = 16;

/// Measurements whose traces may still be dropped.
#[derive(Debug, Default)]
pub(in super::super) struct Candidates {
    list: Vec<Exemplar>,
    /// A bit for each [`scale`] that one of them has.
    scales: u64,
    /// Whoever waits for their traces has said this much of them.
    pub(in super::super) turn: u32,
}

impl Candidates {
    #[inline]
    pub(in super::super) fn want(&self, scale: u32, share: usize) -> bool {
        let count = self.list.len();
        count < share || (self.scales & 1 << scale == 0 && count < share + RARE_MAX)
    }

    /// Spans of one trace come together, and one is enough.
    pub(in super::super) fn ends_with(&self, other: &Exemplar) -> bool {
        let last = self.list.last();
        last.is_some_and(|last| last.trace_id == other.trace_id)
    }

    pub(in super::super) fn add(&mut self, candidate: Exemplar) {
        self.scales |= 1 << scale(candidate.value);
        self.list.push(candidate);
    }

    /// Says how many have gone.
    pub(in super::super) fn retain(&mut self, keeps: impl FnMut(&Exemplar) -> bool) -> usize {
        let before = self.list.len();
        self.list.retain(keeps);
        let scales = self.list.iter().map(|own| 1 << scale(own.value));
        self.scales = scales.fold(0, |all, one: u64| all | one);
        before - self.list.len()
    }

    pub(in super::super) fn len(&self) -> usize {
        self.list.len()
    }
}

/// Adds an exemplar, if there is room, or in the place of one of which there is another like it.
pub(in super::super) fn put(exemplars: &mut Vec<Exemplar>, new: Exemplar, max: usize) {
    if exemplars.len() < max {
        exemplars.push(new);
        return;
    }
    let count = |of: u32| {
        exemplars
            .iter()
            .filter(|own| scale(own.value) == of)
            .count()
    };
    if count(scale(new.value)) == 0
        && let Some(at) = exemplars.iter().position(|own| count(scale(own.value)) > 1)
        && let Some(place) = exemplars.get_mut(at)
    {
        *place = new;
    }
}

/// The power of two of a value, of 64 in turn, which no two durations share that differ by less than 2^64 times.
#[inline]
pub(in super::super) fn scale(value: f64) -> u32 {
    (value.to_bits() >> 52) as u32 % u64::BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(trace: u8, value: f64) -> Exemplar {
        Exemplar {
            trace_id: [trace; 16],
            span_id: [trace; 8],
            value,
        }
    }

    #[test]
    fn a_rare_duration_is_taken_though_there_are_enough() {
        let mut own = Candidates::default();
        for trace in 0..4 {
            assert!(own.want(scale(10.0), 4), "{trace}");
            own.add(exemplar(trace, 10.0));
        }
        assert!(!own.want(scale(11.0), 4));
        assert!(own.want(scale(900.0), 4));
        own.add(exemplar(9, 900.0));
        assert!(!own.want(scale(1000.0), 4));
        // Once it is gone, another one may come.
        assert_eq!(own.retain(|own| own.value < 100.0), 1);
        assert!(own.want(scale(1000.0), 4));
    }

    #[test]
    fn what_is_like_another_makes_room_for_what_is_not() {
        let mut exemplars = Vec::new();
        for (trace, value) in [(1, 10.0), (2, 900.0), (3, 11.0), (4, 12.0), (5, 70.0)] {
            put(&mut exemplars, exemplar(trace, value), 3);
        }
        let traces: Vec<_> = exemplars.iter().map(|own| own.trace_id[0]).collect();
        assert_eq!(traces, [5, 2, 3]);
        put(&mut exemplars, exemplar(6, 0.0), 3);
        assert!(exemplars.iter().all(|own| own.trace_id[0] != 6));
        put(&mut exemplars, exemplar(7, 1.0), 0);
        assert_eq!(exemplars.len(), 3);
    }
}
