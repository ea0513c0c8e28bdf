//! Running actions on the attributes of a carrier.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::Budget;
use otlp::json::{as_text, parse_double};
use otlp::view::AnyValue;
use otlp::{AttributeList, Carrier, Levels, Malformed, OwnedValue, edit};
use pipeline::component::Outbox;
use pipeline::{Batch, Context};
use regex::Regex;
use sha2::{Digest, Sha256};

use super::{Action, Actions, Rule, Source, Target};
use crate::rewriting::rewrite_batch;

/// Edits every request of a batch and sends it on. What an edit has not changed stays as it is; a
/// request that cannot be read is dropped.
pub(crate) fn edit_batch(
    batch: Batch,
    levels: Levels,
    budget: &Arc<Budget>,
    out: &mut Outbox,
    mut edit_carrier: impl FnMut(&mut Carrier<'_, '_>) -> Result<(), Malformed>,
) {
    let signal = batch.signal();
    rewrite_batch(batch, budget, out, |chunk| {
        let edited = edit(signal, &chunk.bytes, levels, &mut edit_carrier)?;
        Ok(Some((edited, chunk.items)))
    });
}

/// Actions for one batch.
pub(crate) struct Run<'a> {
    actions: &'a [Action],
    /// What the context has for each action; empty if none asks it.
    from_context: Vec<Option<OwnedValue>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(actions: &'a Actions, context: Option<&Arc<Context>>) -> Self {
        let context = context.map(Arc::as_ref);
        let asks = |action: &Action| {
            let source = if let Action::Set { source, .. } = action {
                Some(source)
            } else {
                None
            };
            matches!(source, Some(Source::Metadata(_) | Source::ClientAddress))
        };
        let from_context = if actions.0.iter().any(asks) {
            actions
                .0
                .iter()
                .map(|action| value_in(context, action))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            actions: &actions.0,
            from_context,
        }
    }

    /// Runs all actions in order.
    ///
    /// # Errors
    /// The framing of an attribute is broken.
    pub(crate) fn apply(&self, list: &mut AttributeList<'_>) -> Result<(), Malformed> {
        for (at, action) in self.actions.iter().enumerate() {
            match action {
                Action::Set { key, rule, .. } => {
                    let may_set = match rule {
                        Rule::IfAbsent => !list.contains(key),
                        Rule::IfPresent => list.contains(key),
                        Rule::Always => true,
                    };
                    if may_set && let Some(value) = self.value(at, action, list)? {
                        list.upsert(key, &value);
                    }
                }
                Action::Delete { key, pattern } => {
                    if !key.is_empty() {
                        list.remove(key);
                    }
                    if let Some(pattern) = pattern {
                        list.retain_keys(|key| !pattern.is_match(&key.to_string_lossy()));
                    }
                }
                Action::Hash { key, pattern } => {
                    if !key.is_empty() {
                        replace(list, key, |value| Ok(Some(hash(value))))?;
                    }
                    if let Some(pattern) = pattern {
                        list.replace_values(|key, value| {
                            let matches = pattern.is_match(&key.to_string_lossy());
                            Ok(matches.then(|| hash(&value)))
                        })?;
                    }
                }
                Action::Extract { key, pattern } => extract(list, key, pattern)?,
                Action::Convert { key, to } => replace(list, key, |value| convert(value, *to))?,
            }
        }
        Ok(())
    }

    /// What the action at this place sets now.
    fn value(
        &self,
        at: usize,
        action: &'a Action,
        list: &AttributeList<'_>,
    ) -> Result<Option<Cow<'_, OwnedValue>>, Malformed> {
        let Action::Set {
            source, fallback, ..
        } = action
        else {
            return Ok(None);
        };
        let value = match source {
            Source::Value(value) => Some(Cow::Borrowed(value)),
            Source::Attribute(from) => {
                let value = list.get(from)?.map(|value| OwnedValue::copy_of(&value));
                value.transpose()?.map(Cow::Owned)
            }
            Source::Metadata(_) | Source::ClientAddress => self
                .from_context
                .get(at)
                .and_then(Option::as_ref)
                .map(Cow::Borrowed),
            Source::Nothing => None,
        };
        Ok(value.or_else(|| fallback.as_ref().map(Cow::Borrowed)))
    }
}

/// What the context has for an action.
fn value_in(context: Option<&Context>, action: &Action) -> Option<OwnedValue> {
    let Action::Set { source, .. } = action else {
        return None;
    };
    match source {
        // An address that is not known is an empty text, as in the Collector.
        Source::ClientAddress => {
            let peer = context.and_then(|context| context.peer);
            Some(
                peer.map(|peer| peer.to_string())
                    .unwrap_or_default()
                    .as_str()
                    .into(),
            )
        }
        Source::Metadata(key) => {
            let values: Vec<_> = context?.metadata(key).collect();
            (!values.is_empty()).then(|| values.join(";").as_str().into())
        }
        Source::Value(_) | Source::Attribute(_) | Source::Nothing => None,
    }
}

/// Gives the value of one attribute another, if `make` makes one.
fn replace(
    list: &mut AttributeList<'_>,
    key: &str,
    make: impl FnOnce(&AnyValue<'_>) -> Result<Option<OwnedValue>, Malformed>,
) -> Result<(), Malformed> {
    let made = list
        .get(key)?
        .map(|value| make(&value))
        .transpose()?
        .flatten();
    if let Some(value) = made {
        list.update(key, &value);
    }
    Ok(())
}

/// Sets what the groups of the expression find in a text.
fn extract(list: &mut AttributeList<'_>, key: &str, pattern: &Regex) -> Result<(), Malformed> {
    let Some(AnyValue::String(text)) = list.get(key)? else {
        return Ok(());
    };
    let text = text.to_string_lossy().into_owned();
    if let Some(found) = pattern.captures(&text) {
        for name in pattern.capture_names().flatten() {
            // A group that took no part in the match is empty.
            let part = found.name(name).map_or("", |part| part.as_str());
            list.upsert(name, &part.into());
        }
    }
    Ok(())
}

/// SHA-256 in lower-case hex. What is no scalar becomes an empty text.
fn hash(value: &AnyValue<'_>) -> OwnedValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = match value {
        AnyValue::String(text) => Sha256::digest(text.as_bytes()),
        AnyValue::Bool(value) => Sha256::digest([u8::from(*value)]),
        AnyValue::Int(value) => Sha256::digest(value.to_le_bytes()),
        AnyValue::Double(value) => Sha256::digest(value.to_le_bytes()),
        AnyValue::Empty | AnyValue::Bytes(_) | AnyValue::Array(_) | AnyValue::KeyValueList(_) => {
            return "".into();
        }
    };
    let mut hex = String::with_capacity(digest.len() * 2);
    for byte in digest {
        for digit in [byte >> 4, byte & 15] {
            hex.extend(
                DIGITS
                    .get(usize::from(digit))
                    .map(|digit| char::from(*digit)),
            );
        }
    }
    hex.as_str().into()
}

/// The value in another kind, `None` if it is of that kind or cannot be converted.
fn convert(value: &AnyValue<'_>, to: Target) -> Result<Option<OwnedValue>, Malformed> {
    Ok(match (to, value) {
        (Target::String, AnyValue::String(_))
        | (Target::Int, AnyValue::Int(_))
        | (Target::Double, AnyValue::Double(_)) => None,
        (Target::String, value) => Some(as_text(value)?.as_ref().into()),
        (Target::Int, AnyValue::Double(value)) => Some((*value as i64).into()),
        (Target::Int, AnyValue::Bool(value)) => Some(i64::from(*value).into()),
        (Target::Int, AnyValue::String(text)) => text
            .to_str()
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
            .map(OwnedValue::from),
        (Target::Double, AnyValue::Int(value)) => Some((*value as f64).into()),
        (Target::Double, AnyValue::Bool(value)) => Some(f64::from(u8::from(*value)).into()),
        (Target::Double, AnyValue::String(text)) => text
            .to_str()
            .ok()
            .and_then(parse_double)
            .map(OwnedValue::from),
        _ => None,
    })
}
