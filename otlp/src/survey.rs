//! The one walk over a request at ingest: framing checked down to the items, items counted.
//!
//! It hops from length to length, so its cost follows the number of items and not of bytes. What
//! stands inside an item is checked by the view that reads it.

use crate::layout::{
    ARRAY_VALUE, Carrier, ELEMENTS, ItemKind, KVLIST_VALUE, METRIC_CARRIER, MetricKind, POINTS,
    RESOURCE, RESOURCE_CARRIER, RESOURCE_GROUPS, SCOPE, SCOPE_CARRIER, SCOPE_GROUPS, VALUE, VALUES,
};
use crate::wire::{Fields, Malformed, Value};
use crate::{ANY_VALUE_DEPTH, Signal};

/// What an item costs at least, in bytes, however short it is on the wire.
///
/// An empty span takes two bytes here and hundreds in every program behind us. With this floor a
/// limit in bytes is a limit on items too.
pub const ITEM_COST_MIN: usize = 256;

/// What a resource, a scope or a metric costs at least, in bytes: about its shortest JSON.
pub const GROUP_COST_MIN: usize = 64;

/// What an attribute, an event, a link, an exemplar or an element of a list costs at least, in
/// bytes, where something longer than [`DESCENT_MIN`] holds it: a pointer and a length for a key, a
/// kind and a pointer for a value. An empty one takes two bytes.
pub const ELEMENT_COST_MIN: usize = 32;

/// Items, resources, scopes and attributes of metrics are searched for values that nest too deep
/// if they are longer than this, in bytes.
///
/// Shorter ones cannot nest deeper than half of this, which any stack survives, and leaving them
/// alone keeps the walk at a few nanoseconds an item.
const DESCENT_MIN: usize = 2048;

/// What a request holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Spans, log records or data points.
    pub items: usize,
    /// Bytes of the request, where every item counts as [`ITEM_COST_MIN`], every resource, scope and
    /// metric as [`GROUP_COST_MIN`], and what lies within something large as [`ELEMENT_COST_MIN`]
    /// at least. Size limits of requests apply to this.
    pub cost: u64,
}

/// Counts the items of a request and checks that each field down to them lies within its parent.
///
/// # Errors
/// The request breaks its framing, or holds a value nested deeper than [`ANY_VALUE_DEPTH`] in an
/// item, a resource, a scope or an attribute of a metric that is longer than 2 KiB.
pub fn survey(signal: Signal, request: &[u8]) -> Result<Census, Malformed> {
    let mut tally = Tally {
        elements: ItemKind::of(signal),
        items: 0,
        surcharge: 0,
    };
    let mut fields = Fields::new(request);
    while let Some(field) = fields.next_field()? {
        if field.number == RESOURCE_GROUPS {
            tally.resource_group(field.bytes()?)?;
        }
    }
    Ok(Census {
        items: tally.items,
        cost: request.len() as u64 + tally.surcharge,
    })
}

/// Items in a request that has been surveyed before: nothing is checked again but framing.
pub(crate) fn count_request(signal: Signal, request: &[u8]) -> Result<usize, Malformed> {
    count_children(request, RESOURCE_GROUPS, |group| {
        count_resource_group(signal, group)
    })
}

/// Items in one resource group.
pub(crate) fn count_resource_group(signal: Signal, group: &[u8]) -> Result<usize, Malformed> {
    count_children(group, SCOPE_GROUPS, |scope_group| {
        count_scope_group(signal, scope_group)
    })
}

/// Items in one scope group.
pub(crate) fn count_scope_group(signal: Signal, group: &[u8]) -> Result<usize, Malformed> {
    count_children(group, ELEMENTS, |element| match signal {
        Signal::Metrics => count_metric(element),
        Signal::Traces | Signal::Logs => Ok(1),
    })
}

/// Points in one metric.
pub(crate) fn count_metric(metric: &[u8]) -> Result<usize, Malformed> {
    let mut points = PointCount::default();
    let mut fields = Fields::new(metric);
    while let Some(field) = fields.next_field()? {
        if let Some(kind) = MetricKind::of_field(field.number) {
            points.add(kind, count_children(field.bytes()?, POINTS, |_| Ok(1))?);
        }
    }
    Ok(points.count)
}

// === impl Tally ===

/// The running sums of one walk.
struct Tally {
    elements: Option<ItemKind>,
    items: usize,
    /// What short elements cost beyond their bytes.
    surcharge: u64,
}

impl Tally {
    fn resource_group(&mut self, group: &[u8]) -> Result<(), Malformed> {
        self.charge(GROUP_COST_MIN, group);
        let mut fields = Fields::new(group);
        while let Some(field) = fields.next_field()? {
            match field.number {
                SCOPE_GROUPS => self.scope_group(field.bytes()?)?,
                RESOURCE => self.look_into(&RESOURCE_CARRIER, field.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn scope_group(&mut self, group: &[u8]) -> Result<(), Malformed> {
        self.charge(GROUP_COST_MIN, group);
        let mut fields = Fields::new(group);
        let Some(kind) = self.elements else {
            while let Some(field) = fields.next_field()? {
                match field.number {
                    ELEMENTS => self.metric(field.bytes()?)?,
                    SCOPE => self.look_into(&SCOPE_CARRIER, field.bytes()?)?,
                    _ => {}
                }
            }
            return Ok(());
        };
        while let Some(field) = fields.next_field()? {
            match field.number {
                ELEMENTS => self.item(kind, field.bytes()?)?,
                SCOPE => self.look_into(&SCOPE_CARRIER, field.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn metric(&mut self, metric: &[u8]) -> Result<(), Malformed> {
        self.charge(GROUP_COST_MIN, metric);
        // A metric that holds two kinds of points has the last of them: what came before it is no
        // item, though it has been charged for.
        let before = self.items;
        let mut points = PointCount::default();
        let mut fields = Fields::new(metric);
        while let Some(field) = fields.next_field()? {
            if let Some(kind) = MetricKind::of_field(field.number) {
                points.add(kind, self.points(kind, field.bytes()?)?);
            } else if field.number == METRIC_CARRIER.attributes {
                self.attribute(field.bytes()?)?;
            }
        }
        self.items = before + points.count;
        Ok(())
    }

    /// Counts the points of one kind of metric.
    fn points(&mut self, kind: MetricKind, points: &[u8]) -> Result<usize, Malformed> {
        let before = self.items;
        let mut fields = Fields::new(points);
        while let Some(field) = fields.next_field()? {
            if field.number == POINTS {
                self.item(kind.points(), field.bytes()?)?;
            }
        }
        Ok(self.items - before)
    }

    #[inline(always)]
    fn item(&mut self, kind: ItemKind, item: &[u8]) -> Result<(), Malformed> {
        self.items += 1;
        self.charge(ITEM_COST_MIN, item);
        self.look_into(kind.carrier(), item)
    }

    #[inline(always)]
    fn look_into(&mut self, carrier: &Carrier, body: &[u8]) -> Result<(), Malformed> {
        if body.len() > DESCENT_MIN {
            self.descend(carrier, body)
        } else {
            Ok(())
        }
    }

    /// An attribute of a metric, of which there may be as many as of anything.
    fn attribute(&mut self, attribute: &[u8]) -> Result<(), Malformed> {
        self.charge(ELEMENT_COST_MIN, attribute);
        if attribute.len() > DESCENT_MIN {
            self.descend_key_value(attribute, 1)
        } else {
            Ok(())
        }
    }

    /// Follows every value below a carrier. The recursion is bounded by the tables.
    #[cold]
    fn descend(&mut self, carrier: &Carrier, body: &[u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            if let Value::Len(element) = field.value {
                self.charge(ELEMENT_COST_MIN, element);
            }
            if field.number == carrier.attributes {
                self.descend_key_value(field.bytes()?, 1)?;
            } else if field.number == carrier.value {
                self.descend_value(field.bytes()?, 1)?;
            } else if let Some((_, nested)) =
                carrier.nested.iter().find(|(n, _)| *n == field.number)
            {
                self.descend(nested, field.bytes()?)?;
            }
        }
        Ok(())
    }

    /// Follows a value at this depth. The recursion is bounded by [`ANY_VALUE_DEPTH`].
    fn descend_value(&mut self, value: &[u8], depth: usize) -> Result<(), Malformed> {
        if depth > ANY_VALUE_DEPTH {
            return Err(TOO_DEEP);
        }
        let mut fields = Fields::new(value);
        while let Some(field) = fields.next_field()? {
            let follow = match field.number {
                ARRAY_VALUE => Self::descend_value,
                KVLIST_VALUE => Self::descend_key_value,
                _ => continue,
            };
            let mut elements = Fields::new(field.bytes()?);
            while let Some(element) = elements.next_field()? {
                if element.number == VALUES {
                    let element = element.bytes()?;
                    self.charge(ELEMENT_COST_MIN, element);
                    follow(self, element, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn descend_key_value(&mut self, key_value: &[u8], depth: usize) -> Result<(), Malformed> {
        let mut fields = Fields::new(key_value);
        while let Some(field) = fields.next_field()? {
            if field.number == VALUE {
                self.descend_value(field.bytes()?, depth)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    const fn charge(&mut self, least: usize, element: &[u8]) {
        self.surcharge += least.saturating_sub(element.len()) as u64;
    }
}

/// Points of one metric. The kinds are alternatives of one another: the same kind twice adds up,
/// another kind replaces what came before.
#[derive(Default)]
struct PointCount {
    kind: Option<MetricKind>,
    count: usize,
}

impl PointCount {
    fn add(&mut self, kind: MetricKind, count: usize) {
        if self.kind.replace(kind) == Some(kind) {
            self.count += count;
        } else {
            self.count = count;
        }
    }
}

/// Sums `count` over the fields of this number.
fn count_children(
    body: &[u8],
    number: u32,
    count: impl Fn(&[u8]) -> Result<usize, Malformed>,
) -> Result<usize, Malformed> {
    let mut sum = 0;
    let mut fields = Fields::new(body);
    while let Some(field) = fields.next_field()? {
        if field.number == number {
            sum += count(field.bytes()?)?;
        }
    }
    Ok(sum)
}

/// A value is nested deeper than [`ANY_VALUE_DEPTH`].
pub(crate) const TOO_DEEP: Malformed = Malformed("a value nests deeper than 64 levels");
