//! Reads back what a request holds: how many items, and which.

use otlp::wire::{Fields, Value};
use otlp::{Malformed, Signal};

use crate::ItemId;
use crate::payload::ID_ATTRIBUTE;

/// Where an item carries its id.
#[derive(Clone, Copy)]
enum Place {
    /// This field holds the eight bytes.
    Field(u32),
    /// This repeated field holds attributes, one of them [`ID_ATTRIBUTE`].
    Attribute(u32),
}

/// The fields of `Metric` that hold data points, with the field of a point that holds its
/// attributes: gauge, sum, histogram, exponential histogram, summary.
const POINTS: [(u32, u32); 5] = [(5, 7), (7, 7), (9, 9), (10, 1), (11, 7)];

/// The items of an encoded request.
pub fn count(signal: Signal, request: &[u8]) -> Result<u64, Malformed> {
    let mut items = 0;
    each_item(signal, request, &mut |_, _| {
        items += 1;
        Ok(())
    })?;
    Ok(items)
}

/// Appends the id of every item that carries one, and returns the number of all items.
pub fn ids(signal: Signal, request: &[u8], out: &mut Vec<ItemId>) -> Result<u64, Malformed> {
    let mut items = 0;
    each_item(signal, request, &mut |item, place| {
        items += 1;
        out.extend(id_of(item, place)?);
        Ok(())
    })?;
    Ok(items)
}

type Visit<'v> = dyn FnMut(&[u8], Place) -> Result<(), Malformed> + 'v;

fn each_item(signal: Signal, request: &[u8], visit: &mut Visit<'_>) -> Result<(), Malformed> {
    for resource in children(request, 1) {
        for scope in children(resource?, 2) {
            for entry in children(scope?, 2) {
                match signal {
                    Signal::Traces => visit(entry?, Place::Field(2))?,
                    Signal::Logs => visit(entry?, Place::Field(10))?,
                    Signal::Metrics => each_point(entry?, visit)?,
                }
            }
        }
    }
    Ok(())
}

fn each_point(metric: &[u8], visit: &mut Visit<'_>) -> Result<(), Malformed> {
    for field in Fields::new(metric) {
        let field = field?;
        let kind = POINTS.iter().find(|(number, _)| *number == field.number);
        if let (Some((_, attributes)), Value::Len(data)) = (kind, field.value) {
            for point in children(data, 1) {
                visit(point?, Place::Attribute(*attributes))?;
            }
        }
    }
    Ok(())
}

fn id_of(item: &[u8], place: Place) -> Result<Option<ItemId>, Malformed> {
    match place {
        Place::Field(number) => {
            let id = children(item, number).next().transpose()?;
            Ok(id.and_then(ItemId::parse))
        }
        Place::Attribute(number) => {
            for pair in children(item, number) {
                let pair = pair?;
                let key = children(pair, 1).next().transpose()?;
                if key == Some(ID_ATTRIBUTE.as_bytes()) {
                    let any = children(pair, 2).next().transpose()?.unwrap_or_default();
                    let text = children(any, 1).next().transpose()?;
                    return Ok(text.and_then(ItemId::parse));
                }
            }
            Ok(None)
        }
    }
}

/// The length-delimited fields of a message with this number.
fn children(message: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields::new(message).filter_map(move |field| match field {
        Ok(field) if field.number == number => match field.value {
            Value::Len(body) => Some(Ok(body)),
            _ => Some(Err(Malformed("a message field has another wire type"))),
        },
        Ok(_) => None,
        Err(malformed) => Some(Err(malformed)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_request_is_malformed_and_not_a_smaller_one() {
        // One resource of one scope of one span, each with a length byte; the span's two bytes are
        // cut to one.
        let whole = [0x0a, 6, 0x12, 4, 0x12, 2, 0x30, 1];
        assert_eq!(count(Signal::Traces, &whole), Ok(1));
        assert!(count(Signal::Traces, &whole[..7]).is_err());
        let wrong_wire_type = [0x08, 1];
        assert!(count(Signal::Traces, &wrong_wire_type).is_err());
    }

    #[test]
    fn an_item_that_no_generator_wrote_counts_without_an_id() {
        let foreign = [0x0a, 6, 0x12, 4, 0x12, 2, 0x30, 1];
        let mut found = Vec::new();
        assert_eq!(ids(Signal::Traces, &foreign, &mut found), Ok(1));
        assert_eq!(found, []);
    }
}
