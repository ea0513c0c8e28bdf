//! Candidates of series that are not there at the moment: a delta series goes each time it has been sent.

use std::hash::BuildHasher;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashMap};
use otlp::write::Exemplar;

use super::super::series::Series;
use super::candidates::Candidates;

/// A series that has not come back by now will not show an old exemplar.
const STAY_MAX: Duration = Duration::from_secs(300);

/// By series, which are known by a hash with a seed.
#[derive(Debug, Default)]
pub(in super::super) struct Parked {
    hasher: DefaultHashBuilder,
    series: HashMap<u64, Place>,
}

#[derive(Debug)]
struct Place {
    candidates: Box<Candidates>,
    /// Those that have been kept since.
    exemplars: Vec<Exemplar>,
    since: Duration,
}

impl Parked {
    /// Takes the candidates of a series that goes.
    pub(in super::super) fn park(
        &mut self,
        name: (&[u8], usize, &[u8]),
        series: &mut Series,
        now: Duration,
    ) {
        let candidates = series.candidates.take();
        if let Some(candidates) = candidates.filter(|own| own.len() > 0) {
            let place = Place {
                candidates,
                exemplars: Vec::new(),
                since: now,
            };
            self.series.insert(self.hasher.hash_one(name), place);
        }
    }

    /// Gives them back to one that has come again.
    pub(in super::super) fn give_back(&mut self, name: (&[u8], usize, &[u8]), series: &mut Series) {
        if self.series.is_empty() {
            return;
        }
        if let Some(place) = self.series.remove(&self.hasher.hash_one(name)) {
            series.candidates = Some(place.candidates);
            series.exemplars = place.exemplars;
        }
    }

    pub(in super::super) fn each(
        &mut self,
    ) -> impl Iterator<Item = (&mut Candidates, &mut Vec<Exemplar>)> {
        let places = self.series.values_mut();
        places.map(|place| (&mut *place.candidates, &mut place.exemplars))
    }

    pub(in super::super) fn forget(&mut self, now: Duration) {
        self.series.retain(|_, place| {
            let holds = place.candidates.len() > 0 || !place.exemplars.is_empty();
            holds && now.saturating_sub(place.since) < STAY_MAX
        });
    }

    pub(in super::super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(in super::super) fn candidates(&self) -> usize {
        let places = self.series.values();
        places.map(|place| place.candidates.len()).sum()
    }
}
