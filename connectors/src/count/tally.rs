//! The counts of one resource.

use hashbrown::HashMap;
use otlp::view::{AnyValue, Number};
use otlp::write::{KeyValues, Point, Stream, Temporality};
use otlp::{Malformed, MetricKind, OwnedValue};
use ottl::Scene;

use super::meter::Meter;
use super::sections::{Attribute, Counted};
use crate::key::put_value;
use crate::requests::Requests;
use crate::wanted::Wanted;

/// The values of wanted attributes, from the most specific carrier to the least: item, scope, resource.
pub(super) type Carriers<'c, 'a> = [&'c [Option<AnyValue<'a>>]; 3];

/// What has been counted by the metrics of one list.
pub(super) struct Tally<'s> {
    counted: &'s [Counted],
    /// By the places of the metrics.
    counts: Vec<HashMap<Vec<u8>, (KeyValues, u64)>>,
    /// The earliest and the latest time of what has come, in nanoseconds since the Unix epoch.
    times: Option<(u64, u64)>,
    key: Vec<u8>,
}

/// The value of an attribute that something is counted by.
enum Found<'s, 'a> {
    Given(AnyValue<'a>),
    Default(&'s OwnedValue),
}

impl<'s> Tally<'s> {
    pub(super) fn new(counted: &'s [Counted]) -> Self {
        Self {
            counts: counted.iter().map(|_| HashMap::new()).collect(),
            counted,
            times: None,
            key: Vec::new(),
        }
    }

    /// Nobody wants to know.
    pub(super) fn is_idle(&self) -> bool {
        self.counted.is_empty()
    }

    /// Notes when something happened; 0 is no time.
    pub(super) fn note(&mut self, time: u64) {
        if time != 0 {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
    }

    /// Counts something, wherever its attributes and the conditions want it. `scene` is what conditions look at.
    pub(super) fn count(
        &mut self,
        (wanted, carriers): (&Wanted, &Carriers<'_, '_>),
        scene: Option<&Scene<'_>>,
        meter: &Meter,
    ) -> Result<(), Malformed> {
        for (counted, counts) in self.counted.iter().zip(&mut self.counts) {
            let values = counted.attributes.iter();
            let values = values.map(|attribute| Found::of(attribute, carriers));
            // What lacks an attribute is not counted.
            let Some(values) = values.collect::<Option<Vec<_>>>() else {
                continue;
            };
            if !holds(counted, scene, meter) {
                continue;
            }
            self.key.clear();
            values.iter().for_each(|value| value.put(&mut self.key));
            if let Some((_, count)) = counts.get_mut(self.key.as_slice()) {
                *count += 1;
                continue;
            }
            let mut attributes = KeyValues::default();
            for (attribute, value) in counted.attributes.iter().zip(&values) {
                let name = wanted.name(attribute.at);
                match value {
                    Found::Given(value) => attributes.put(name.into(), value)?,
                    Found::Default(value) => attributes.put_owned(name.into(), value),
                }
            }
            counts.insert(self.key.clone(), (attributes, 1));
        }
        Ok(())
    }

    pub(super) fn has_counts(&self) -> bool {
        self.counts.iter().any(|counts| !counts.is_empty())
    }

    /// Writes a metric for each that has counted something. `now` is the time where nothing that came had one.
    pub(super) fn write(&self, requests: &mut Requests, resource: &KeyValues, now: u64) {
        let (start, end) = self.times.unwrap_or((now, now));
        for (counted, counts) in self.counted.iter().zip(&self.counts) {
            if counts.is_empty() {
                continue;
            }
            let stream = Stream {
                name: &counted.name,
                description: &counted.description,
                unit: "",
                kind: MetricKind::Sum,
                temporality: Temporality::Delta,
                is_monotonic: true,
            };
            requests.metric(&stream);
            for (attributes, count) in counts.values() {
                let point = Point {
                    attributes,
                    start_time_unix_nano: start,
                    time_unix_nano: end,
                    exemplars: &[],
                };
                let count = Number::Int(i64::try_from(*count).unwrap_or(i64::MAX));
                requests.next_point(resource, &stream).number(&point, count);
            }
        }
    }
}

// === impl Found ===

impl<'s, 'a> Found<'s, 'a> {
    fn of(attribute: &'s Attribute, carriers: &Carriers<'_, 'a>) -> Option<Self> {
        let mut given = carriers
            .iter()
            .filter_map(|values| *values.get(attribute.at)?);
        let default = || attribute.default.as_ref().map(Self::Default);
        given.next().map(Self::Given).or_else(default)
    }

    /// Writes its part of a key. The text 200 and the number are two values here.
    fn put(&self, key: &mut Vec<u8>) {
        let put = |key: &mut Vec<u8>, value: &AnyValue<'_>| {
            key.push(kind(value));
            put_value(key, value);
        };
        match self {
            Self::Given(value) => put(key, value),
            Self::Default(value) => put(key, &value.view().unwrap_or_default()),
        }
    }
}

/// Whether something is counted: any of the conditions holds for it, or there is none. A condition that has no answer
/// does not hold.
fn holds(counted: &Counted, scene: Option<&Scene<'_>>, meter: &Meter) -> bool {
    let Some(scene) = scene else {
        return counted.conditions.is_empty();
    };
    counted.conditions.is_empty()
        || counted.conditions.iter().any(|condition| {
            condition.holds(scene).unwrap_or_else(|_| {
                meter.failed();
                false
            })
        })
}

const fn kind(value: &AnyValue<'_>) -> u8 {
    match value {
        AnyValue::Empty => 0,
        AnyValue::String(_) => 1,
        AnyValue::Bool(_) => 2,
        AnyValue::Int(_) => 3,
        AnyValue::Double(_) => 4,
        AnyValue::Bytes(_) => 5,
        AnyValue::Array(_) => 6,
        AnyValue::KeyValueList(_) => 7,
    }
}
