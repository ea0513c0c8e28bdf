//! The envelope that all signals share: request → resource groups → scope groups → elements.

use std::borrow::Cow;

use super::message::View;
use super::{Attributes, Entry, Item, Message, Metric, Repeated, Singular, Text};
use crate::Signal;
use crate::layout::{
    ELEMENTS, ItemKind, RESOURCE, RESOURCE_CARRIER, RESOURCE_GROUPS, SCHEMA_URL, SCOPE,
    SCOPE_CARRIER, SCOPE_GROUPS,
};
use crate::wire::{Fields, Malformed};

/// An encoded export request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    signal: Signal,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    pub const fn new(signal: Signal, body: &'a [u8]) -> Self {
        Self { signal, body }
    }

    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// The resource groups (`resource_spans` and its siblings) in order.
    pub const fn resource_groups(&self) -> Repeated<'a, ResourceGroup<'a>> {
        Message::new(self.body).repeated(RESOURCE_GROUPS, self.signal)
    }

    /// Calls `visit` for every item in order, with everything that encloses it.
    ///
    /// # Errors
    /// The framing is broken, or `visit` failed.
    pub fn for_each_item<E: From<Malformed>>(
        &self,
        mut visit: impl FnMut(&Entry<'_, 'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        for resource in self.resource_groups() {
            let resource = &resource?;
            for scope in resource.scope_groups() {
                let scope = &scope?;
                for item in scope.items() {
                    visit(&Entry {
                        resource,
                        scope,
                        metric: None,
                        item: item?,
                    })?;
                }
                for metric in scope.metrics() {
                    let metric = &metric?;
                    for item in metric.points() {
                        visit(&Entry {
                            resource,
                            scope,
                            metric: Some(metric),
                            item: item?,
                        })?;
                    }
                }
            }
        }
        Ok(())
    }
}

// === impl ResourceGroup ===

/// A resource and what it produced (`ResourceSpans` and its siblings).
#[derive(Clone, Copy, Debug)]
pub struct ResourceGroup<'a> {
    signal: Signal,
    /// `None` if the resource is not known.
    pub resource: Option<Resource<'a>>,
    /// Of the resource; that of a scope group takes precedence within it.
    pub schema_url: Text<'a>,
    body: &'a [u8],
}

impl<'a> ResourceGroup<'a> {
    /// Reads one that stands alone, such as its [`shared_fields`](Self::shared_fields).
    pub fn decode(signal: Signal, body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(body, signal)
    }

    /// The scope groups (`scope_spans` and its siblings) in order.
    pub const fn scope_groups(&self) -> Repeated<'a, ScopeGroup<'a>> {
        Message::new(self.body).repeated(SCOPE_GROUPS, self.signal)
    }

    /// The attributes of the resource; none if there is no resource.
    pub fn attributes(&self) -> Attributes<'a> {
        self.resource.unwrap_or_default().attributes()
    }

    /// The group without its scope groups, encoded: what they share.
    pub fn shared_fields(&self) -> Result<Cow<'a, [u8]>, Malformed> {
        all_but(SCOPE_GROUPS, self.body)
    }
}

impl<'a> View<'a> for ResourceGroup<'a> {
    type Context = Signal;

    fn read(body: &'a [u8], signal: Signal) -> Result<Self, Malformed> {
        let mut schema_url = Text::default();
        let mut resource = Singular::default();
        let mut fields = Message::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                RESOURCE => resource.add(&field, &fields)?,
                SCHEMA_URL => schema_url = Text::new(field.bytes()?),
                _ => {}
            }
        }
        let resource = resource.message().map(Resource::read).transpose()?;
        Ok(Self {
            signal,
            resource,
            schema_url,
            body,
        })
    }
}

/// The entity that produced the telemetry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resource<'a> {
    pub dropped_attributes_count: u32,
    message: Message<'a>,
}

impl<'a> Resource<'a> {
    pub const fn attributes(&self) -> Attributes<'a> {
        self.message.repeated(RESOURCE_CARRIER.attributes, 0)
    }

    pub(crate) const fn message(&self) -> Message<'a> {
        self.message
    }

    fn read(message: Message<'a>) -> Result<Self, Malformed> {
        let mut resource = Self {
            message,
            ..Self::default()
        };
        let mut fields = message;
        while let Some(field) = fields.next_field()? {
            if field.number == 2 {
                resource.dropped_attributes_count = field.uint32()?;
            }
        }
        Ok(resource)
    }
}

// === impl ScopeGroup ===

/// An instrumentation scope and what it produced (`ScopeSpans` and its siblings).
#[derive(Clone, Copy, Debug)]
pub struct ScopeGroup<'a> {
    signal: Signal,
    /// `None` if the scope is not known.
    pub scope: Option<Scope<'a>>,
    pub schema_url: Text<'a>,
    body: &'a [u8],
    /// What stands before and behind the elements, if they stand side by side.
    around: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> ScopeGroup<'a> {
    /// Reads one that stands alone, such as its [`shared_fields`](Self::shared_fields).
    pub fn decode(signal: Signal, body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(body, signal)
    }

    /// The spans or log records in order; none for metrics, whose items stand in
    /// [`metrics`](Self::metrics).
    pub fn items(&self) -> Repeated<'a, Item<'a>> {
        // A scope of metrics is read as an empty one, so that the kind does not matter.
        let (body, kind) = match ItemKind::of(self.signal) {
            Some(kind) => (self.body, kind),
            None => (&[][..], ItemKind::Span),
        };
        Message::new(body).repeated(ELEMENTS, kind)
    }

    /// The metrics in order; none for other signals.
    pub fn metrics(&self) -> Repeated<'a, Metric<'a>> {
        let body = if self.signal == Signal::Metrics {
            self.body
        } else {
            &[]
        };
        Message::new(body).repeated(ELEMENTS, ())
    }

    /// The attributes of the scope; none if there is no scope.
    pub fn attributes(&self) -> Attributes<'a> {
        self.scope.unwrap_or_default().attributes()
    }

    /// The group without its items, encoded: what they share.
    pub fn shared_fields(&self) -> Result<Cow<'a, [u8]>, Malformed> {
        match self.around {
            Some((before, [])) => Ok(before.into()),
            Some(([], behind)) => Ok(behind.into()),
            Some((before, behind)) => Ok([before, behind].concat().into()),
            None => all_but(ELEMENTS, self.body),
        }
    }
}

impl<'a> View<'a> for ScopeGroup<'a> {
    type Context = Signal;

    fn read(body: &'a [u8], signal: Signal) -> Result<Self, Malformed> {
        let mut schema_url = Text::default();
        let mut scope = Singular::default();
        let mut fields = Message::new(body);
        // Of the elements, from the first to the last.
        let mut elements = body.len()..0;
        let mut element_bytes = 0;
        while let Some(field) = fields.next_field()? {
            match field.number {
                ELEMENTS => {
                    elements.end = body.len() - fields.rest().len();
                    elements.start = elements.start.min(elements.end - field.raw.len());
                    element_bytes += field.raw.len();
                }
                SCOPE => scope.add(&field, &fields)?,
                SCHEMA_URL => schema_url = Text::new(field.bytes()?),
                _ => {}
            }
        }
        let scope = scope.message().map(Scope::read).transpose()?;
        let around = || {
            let (before, rest) = body.split_at_checked(elements.start)?;
            (elements.len() == element_bytes).then_some((before, rest.get(element_bytes..)?))
        };
        Ok(Self {
            signal,
            scope,
            schema_url,
            body,
            around: around(),
        })
    }
}

/// The library that produced the telemetry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    pub name: Text<'a>,
    pub version: Text<'a>,
    pub dropped_attributes_count: u32,
    message: Message<'a>,
}

impl<'a> Scope<'a> {
    pub const fn attributes(&self) -> Attributes<'a> {
        self.message.repeated(SCOPE_CARRIER.attributes, 0)
    }

    pub(crate) const fn message(&self) -> Message<'a> {
        self.message
    }

    fn read(message: Message<'a>) -> Result<Self, Malformed> {
        let mut scope = Self {
            message,
            ..Self::default()
        };
        let mut fields = message;
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => scope.name = Text::new(field.bytes()?),
                2 => scope.version = Text::new(field.bytes()?),
                4 => scope.dropped_attributes_count = field.uint32()?,
                _ => {}
            }
        }
        Ok(scope)
    }
}

/// The fields of a message but for those of one number. Nearly every sender writes them side by side, so that nothing
/// is copied.
fn all_but(number: u32, body: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let mut kept = Cow::Borrowed(&[][..]);
    // Where the kept bytes end, if they are one piece of the message.
    let mut end = 0;
    let mut fields = Fields::new(body);
    while let Some(field) = fields.next_field()? {
        if field.number == number {
            continue;
        }
        let to = body.len() - fields.rest().len();
        let from = to - field.raw.len();
        match &mut kept {
            Cow::Borrowed(piece) if piece.is_empty() || end == from => {
                *piece = &body[from - piece.len()..to];
            }
            kept => kept.to_mut().extend_from_slice(field.raw),
        }
        end = to;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{put_len, put_uint};

    #[test]
    fn shared_fields_are_what_is_left_without_the_elements() {
        let check = |numbers: &[u32], borrowed: bool| {
            let (mut body, mut expected) = (Vec::new(), Vec::new());
            for &number in numbers {
                put_len(&mut body, number, &[1, 2, 3]);
                if number != SCOPE_GROUPS {
                    put_len(&mut expected, number, &[1, 2, 3]);
                }
            }
            let found = all_but(SCOPE_GROUPS, &body).unwrap();
            assert_eq!(found, expected, "{numbers:?}");
            assert_eq!(matches!(found, Cow::Borrowed(_)), borrowed, "{numbers:?}");
        };
        check(&[], true);
        check(&[2, 2], true);
        check(&[1, 3, 2, 2], true);
        check(&[2, 1, 3], true);
        check(&[1, 2, 3], false);
        check(&[1, 2, 3, 2, 1000], false);
    }

    #[test]
    fn a_scope_knows_its_shared_fields_wherever_its_elements_stand() {
        let check = |numbers: &[u32]| {
            let mut body = Vec::new();
            for &number in numbers {
                put_len(&mut body, number, &[0x0a, 1, b'x']);
            }
            let scope = ScopeGroup::decode(Signal::Traces, &body).unwrap();
            let expected = all_but(ELEMENTS, &body).unwrap();
            assert_eq!(scope.shared_fields().unwrap(), expected, "{numbers:?}");
        };
        let (own, other) = (ELEMENTS, SCHEMA_URL);
        check(&[]);
        check(&[own, own]);
        check(&[SCOPE, 1000, other]);
        check(&[SCOPE, own, own, other]);
        check(&[SCOPE, own, own]);
        check(&[own, own, other]);
        check(&[own, 1000, own, other]);
        check(&[SCOPE, own, other, own, 1000, own]);
    }

    #[test]
    fn a_broken_message_has_no_shared_fields() {
        let mut body = Vec::new();
        put_uint(&mut body, 1, 7);
        body.push(0x0a);
        assert!(all_but(2, &body).is_err());
    }
}
