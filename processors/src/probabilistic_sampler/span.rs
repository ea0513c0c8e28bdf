//! Spans: their trace state tells of their sampling.

use otlp::json::parse_double;
use otlp::sampling::{SampledSpan, Threshold, TraceState};
use otlp::view::AnyValue;
use otlp::{Carrier, Malformed};

use super::choice::{By, Chance, Choice, Sampler, Told};

/// Chooses for an encoded span, and writes into it what it is to tell if it is kept.
pub(super) fn choose(
    sampler: &Sampler,
    body: &[u8],
    carrier: &mut Carrier<'_, '_>,
) -> Result<Choice, Malformed> {
    let span = SampledSpan::read(body)?;
    let state = TraceState::read(span.trace_state.as_bytes());
    let told = state.map(|state| Told {
        threshold: state.threshold(),
        randomness: state.randomness(),
    });
    let id = identity(span.trace_id);
    let seed = sampler.hashes();
    let hashed = seed
        .zip(id)
        .map(|(seed, id)| Chance::of_hash(By::TraceIdHash, &id, seed));
    let mut draw = sampler.draw(told, id, hashed, true);
    if let Some(threshold) = span.priority.and_then(priority) {
        draw.overrule(threshold);
    }
    let choice = draw.choose();
    if let Ok(mut state) = state
        && choice.is_written
    {
        if let Some(randomness) = choice.randomness {
            state.set_randomness(randomness);
        }
        if let Some(threshold) = choice.threshold {
            state.set_threshold(threshold);
        }
        carrier.set_trace_state(span.trace_state, |out| state.write(out));
    }
    Ok(choice)
}

/// A trace id that is one.
pub(super) fn identity(bytes: &[u8]) -> Option<[u8; 16]> {
    let id: [u8; 16] = bytes.try_into().ok()?;
    (id != [0; 16]).then_some(id)
}

/// What a priority says; nothing if it is no number, or below zero.
fn priority(value: AnyValue<'_>) -> Option<Threshold> {
    let number = match value {
        AnyValue::Int(number) => number as f64,
        AnyValue::Double(number) => number,
        AnyValue::String(text) => parse_double(text.to_str().ok()?)?,
        _ => return None,
    };
    if number == 0.0 {
        Some(Threshold::NEVER)
    } else {
        (number > 0.0).then_some(Threshold::ALWAYS)
    }
}
