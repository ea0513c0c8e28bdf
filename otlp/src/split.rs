//! One request as several smaller ones.
//!
//! The pieces are filled in order, each to the brim. Where a cut goes through a resource, a scope
//! or a metric, everything that describes it is written again in front of what is left of it, so
//! that each piece is a whole request and nothing is lost, unknown fields included. What fits is
//! copied as it stands.

use bytes::Bytes;

use crate::layout::{ELEMENTS, POINTS, RESOURCE_GROUPS, SCOPE_GROUPS};
use crate::splice::Splice;
use crate::survey::{count_metric, count_request, count_resource_group, count_scope_group};
use crate::view::{Message, Metric, View};
use crate::wire::{Field, Fields, Malformed};
use crate::{MetricKind, Signal};

/// How many bytes of resources, scopes and metrics may be repeated in all pieces of one request.
///
/// A large resource with many small items behind it could otherwise be made to fill the memory. An
/// ordinary resource of 1 KiB in front of each of 65,536 single spans stays within.
pub const REPEATED_BYTES_MAX: usize = 64 << 20;

/// Cuts a request into pieces of at most `max_items` items, 0 counting as 1, and returns them in
/// order with their numbers of items. All but the last are full. A request that fits is returned
/// as it is.
///
/// # Errors
/// The framing of the envelope is broken, or more than [`REPEATED_BYTES_MAX`] would be repeated.
pub fn split(
    signal: Signal,
    request: &Bytes,
    max_items: usize,
) -> Result<Vec<(Bytes, usize)>, Malformed> {
    cut(
        signal,
        request,
        Limits {
            items: max_items.max(1),
            bytes: usize::MAX,
        },
    )
}

/// Cuts a request into pieces of at most `max_bytes` encoded bytes, and returns them in order with
/// their numbers of items. A request that fits is returned as it is.
///
/// An item that is too large together with its resource and scope is alone in a piece. That piece,
/// and no other, is longer than `max_bytes`: what to do with it is for the caller to decide.
///
/// # Errors
/// The framing of the envelope is broken, or more than [`REPEATED_BYTES_MAX`] would be repeated.
pub fn split_bytes(
    signal: Signal,
    request: &Bytes,
    max_bytes: usize,
) -> Result<Vec<(Bytes, usize)>, Malformed> {
    cut(
        signal,
        request,
        Limits {
            items: usize::MAX,
            bytes: max_bytes,
        },
    )
}

/// What a piece may hold.
#[derive(Clone, Copy)]
struct Limits {
    items: usize,
    bytes: usize,
}

fn cut(signal: Signal, request: &Bytes, limits: Limits) -> Result<Vec<(Bytes, usize)>, Malformed> {
    let items = count_request(signal, request)?;
    if items <= limits.items && request.len() <= limits.bytes {
        return Ok(vec![(request.clone(), items)]);
    }
    let mut cutter = Cutter {
        signal,
        limits,
        splice: Splice::new(request),
        items: 0,
        levels: Vec::new(),
        pieces: Vec::new(),
        allowance: request.len().saturating_add(REPEATED_BYTES_MAX),
    };
    let mut fields = Fields::new(request);
    while let Some(field) = fields.next_field()? {
        if field.number == RESOURCE_GROUPS {
            cutter.resource_group(&field)?;
        } else {
            cutter.place_whole(&field, 0)?;
        }
    }
    cutter.finish_piece()?;
    Ok(cutter.pieces)
}

struct Cutter<'a> {
    signal: Signal,
    limits: Limits,
    /// The piece that is being filled, and its items.
    splice: Splice<'a>,
    items: usize,
    /// What encloses the place where we are, outermost first.
    levels: Vec<Level<'a>>,
    pieces: Vec<(Bytes, usize)>,
    /// Bytes that further pieces may have.
    allowance: usize,
}

/// A resource group, scope group or metric that cuts go through.
struct Level<'a> {
    number: u32,
    /// The fields that are written again in each piece.
    description: Vec<&'a [u8]>,
    /// Whether the present piece has something of it besides.
    occupied: bool,
}

impl<'a> Cutter<'a> {
    fn resource_group(&mut self, field: &Field<'a>) -> Result<(), Malformed> {
        let body = field.bytes()?;
        if self.place_whole(field, count_resource_group(self.signal, body)?)? {
            return Ok(());
        }
        self.cut_through(
            field.number,
            Message::new(body),
            SCOPE_GROUPS,
            Self::scope_group,
        )
    }

    fn scope_group(&mut self, field: &Field<'a>) -> Result<(), Malformed> {
        let body = field.bytes()?;
        if self.place_whole(field, count_scope_group(self.signal, body)?)? {
            return Ok(());
        }
        let element = match self.signal {
            Signal::Metrics => Self::metric,
            Signal::Traces | Signal::Logs => Self::item,
        };
        self.cut_through(field.number, Message::new(body), ELEMENTS, element)
    }

    fn metric(&mut self, field: &Field<'a>) -> Result<(), Malformed> {
        let body = field.bytes()?;
        let metric = Metric::read(body, ())?;
        let (false, Some(kind)) = (self.place_whole(field, count_metric(body)?)?, metric.kind)
        else {
            return Ok(());
        };
        // Points of a kind that another kind replaces are read by nobody: they go.
        let is_description = |number| MetricKind::of_field(number).is_none();
        self.enter(
            field.number,
            raw_fields(Message::new(body), is_description)?,
        );
        self.cut_through(kind.field(), metric.points().message(), POINTS, Self::item)?;
        self.leave();
        Ok(())
    }

    fn item(&mut self, field: &Field<'a>) -> Result<(), Malformed> {
        self.place_whole(field, 1).map(|_| ())
    }

    /// Adds `field` as it stands if it fits, or if there is nothing in it to cut between: then it
    /// starts the next piece. Says whether it did.
    fn place_whole(&mut self, field: &Field<'a>, items: usize) -> Result<bool, Malformed> {
        let fits = self.items + items <= self.limits.items
            && self.splice.closed_len(field.raw.len()) <= self.limits.bytes;
        if !fits {
            if items > 1 {
                return Ok(false);
            }
            self.start_piece()?;
        }
        self.splice.copy(field.raw);
        self.items += items;
        for level in &mut self.levels {
            level.occupied = true;
        }
        Ok(true)
    }

    /// Adds the children of a message one by one, and in front of them, in every piece, the rest of
    /// its fields.
    fn cut_through(
        &mut self,
        number: u32,
        message: Message<'a>,
        child: u32,
        add_child: fn(&mut Self, &Field<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.enter(number, raw_fields(message, |number| number != child)?);
        let mut fields = message;
        while let Some(field) = fields.next_field()? {
            if field.number == child {
                add_child(self, &field)?;
            }
        }
        self.leave();
        Ok(())
    }

    fn enter(&mut self, number: u32, description: Vec<&'a [u8]>) {
        let level = Level {
            number,
            description,
            occupied: false,
        };
        level.open(&mut self.splice);
        self.levels.push(level);
    }

    fn leave(&mut self) {
        if let Some(level) = self.levels.pop() {
            level.close(&mut self.splice);
        }
    }

    /// Finishes the piece and opens the present levels again in the next.
    fn start_piece(&mut self) -> Result<(), Malformed> {
        for level in self.levels.iter().rev() {
            level.close(&mut self.splice);
        }
        self.finish_piece()?;
        for level in &mut self.levels {
            level.open(&mut self.splice);
            level.occupied = false;
        }
        Ok(())
    }

    fn finish_piece(&mut self) -> Result<(), Malformed> {
        if self.splice.body_len() > 0 {
            self.allowance =
                self.allowance
                    .checked_sub(self.splice.body_len())
                    .ok_or(Malformed(
                        "a resource or scope is too large to be repeated in all pieces",
                    ))?;
            self.pieces.push((self.splice.write().into(), self.items));
            self.splice.clear();
            self.items = 0;
        }
        Ok(())
    }
}

impl<'a> Level<'a> {
    fn open(&self, splice: &mut Splice<'a>) {
        splice.open(self.number);
        for raw in &self.description {
            splice.copy(raw);
        }
    }

    /// Leaves no trace in a piece that has nothing but the description.
    fn close(&self, splice: &mut Splice<'a>) {
        if self.occupied {
            splice.close();
        } else {
            splice.abandon();
        }
    }
}

/// The fields whose numbers `keep` accepts, tags included.
fn raw_fields<'a>(
    mut message: Message<'a>,
    keep: impl Fn(u32) -> bool,
) -> Result<Vec<&'a [u8]>, Malformed> {
    let mut raw = Vec::new();
    while let Some(field) = message.next_field()? {
        if keep(field.number) {
            raw.push(field.raw);
        }
    }
    Ok(raw)
}
