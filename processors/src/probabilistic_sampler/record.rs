//! Log records: attributes tell of their sampling.

use otlp::json::as_text;
use otlp::sampling::{Randomness, Threshold};
use otlp::view::{AnyValue, Attributes, LogRecord};
use otlp::{Carrier, Malformed, OwnedValue};

use super::choice::{By, Chance, Choice, Sampler, Told};
use super::config::{Config, Source};
use super::span::identity;

const THRESHOLD: &str = "sampling.threshold";
const RANDOMNESS: &str = "sampling.randomness";

/// What a configuration says of log records.
#[derive(Debug)]
pub(super) struct Records {
    hashes_trace_id: bool,
    /// Empty: none.
    from_attribute: String,
    /// Empty: none.
    priority: String,
}

impl Records {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            hashes_trace_id: config.attribute_source == Source::TraceId,
            from_attribute: config.from_attribute.clone(),
            priority: config.sampling_priority.clone(),
        }
    }

    /// Chooses, and writes into the record what it is to tell if it is kept.
    pub(super) fn choose(
        &self,
        sampler: &Sampler,
        record: &LogRecord<'_>,
        carrier: &mut Carrier<'_, '_>,
    ) -> Result<Choice, Malformed> {
        let attributes = record.attributes();
        let id = identity(record.trace_id);
        let hashed = match sampler.hashes() {
            Some(seed) => self.hashed(id, attributes, seed)?,
            None => None,
        };
        let mut draw = sampler.draw(told(attributes)?, id, hashed, false);
        if let Some(threshold) = self.priority(attributes, sampler.precision)? {
            draw.overrule(threshold);
        }
        let choice = draw.choose();
        if let Some(randomness) = choice.randomness {
            let text = randomness.to_string();
            carrier
                .attributes()?
                .upsert(RANDOMNESS, &text.as_str().into());
        }
        if let Some(threshold) = choice.threshold {
            let text = OwnedValue::from(threshold.to_string().as_str());
            carrier.attributes()?.upsert(THRESHOLD, &text);
        }
        Ok(choice)
    }

    /// By the trace id, or by the attribute where there is none or it does not count.
    fn hashed(
        &self,
        id: Option<[u8; 16]>,
        attributes: Attributes<'_>,
        seed: u32,
    ) -> Result<Option<Chance>, Malformed> {
        if let Some(id) = id.filter(|_| self.hashes_trace_id) {
            return Ok(Some(Chance::of_hash(By::TraceIdHash, &id, seed)));
        }
        if self.from_attribute.is_empty() {
            return Ok(None);
        }
        let hash =
            |bytes: &[u8]| (!bytes.is_empty()).then(|| Chance::of_hash(By::Attribute, bytes, seed));
        Ok(match attributes.get(&self.from_attribute)? {
            None => None,
            Some(AnyValue::Bytes(bytes)) => hash(bytes),
            Some(value) => hash(as_text(&value)?.as_bytes()),
        })
    }

    /// The record's own percentage. What is none counts as if it were not there, 0 included.
    fn priority(
        &self,
        attributes: Attributes<'_>,
        precision: u32,
    ) -> Result<Option<Threshold>, Malformed> {
        if self.priority.is_empty() {
            return Ok(None);
        }
        let percentage = match attributes.get(&self.priority)? {
            Some(AnyValue::Double(number)) => number,
            Some(AnyValue::Int(number)) => number as f64,
            _ => return Ok(None),
        };
        Ok(Threshold::of_probability(percentage / 100.0, precision))
    }
}

/// What the attributes tell; the inner error is the record's, which stays as it is.
fn told(attributes: Attributes<'_>) -> Result<Result<Told, Malformed>, Malformed> {
    let text = |key| {
        let value = attributes.get(key)?;
        let text = value.and_then(|value| value.as_text());
        Ok(text.filter(|text| !text.is_empty()))
    };
    let (threshold, randomness) = (text(THRESHOLD)?, text(RANDOMNESS)?);
    Ok((|| {
        Ok(Told {
            threshold: threshold
                .map(|text| Threshold::read(text.as_bytes()))
                .transpose()?,
            randomness: randomness
                .map(|text| Randomness::read(text.as_bytes()))
                .transpose()?,
        })
    })())
}
