//! What samplers look at on a span, read in one pass.

use crate::ItemKind;
use crate::layout::{TRACE_ID, TRACE_STATE};
use crate::view::{AnyValue, KeyValue, Text, View};
use crate::wire::{Fields, Malformed};

/// [OpenTracing](https://github.com/opentracing/specification/blob/master/semantic_conventions.md#span-tags-table):
/// 0 is never, more is always.
const PRIORITY: &[u8] = b"sampling.priority";

/// What of a span concerns sampling. The rest is not even looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampledSpan<'a> {
    pub trace_id: &'a [u8],
    pub trace_state: Text<'a>,
    /// The attribute `sampling.priority`.
    pub priority: Option<AnyValue<'a>>,
}

impl<'a> SampledSpan<'a> {
    /// Reads it from an encoded span.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut span = Self::default();
        let attributes = ItemKind::Span.carrier().attributes;
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                TRACE_ID => span.trace_id = field.bytes()?,
                TRACE_STATE => span.trace_state = Text::new(field.bytes()?),
                number if number == attributes => {
                    let pair = field.bytes()?;
                    // Of several the first counts.
                    if KeyValue::read_key(pair)? == PRIORITY && span.priority.is_none() {
                        span.priority = Some(KeyValue::read(pair, 0)?.value()?);
                    }
                }
                _ => {}
            }
        }
        Ok(span)
    }
}
