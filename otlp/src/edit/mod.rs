//! Edits of attributes by splicing.
//!
//! An edit names the levels that it touches and gets every carrier of attributes on them: it may
//! look at what encloses the carrier, and change its attributes. One new buffer comes out, in which
//! everything that was not changed is copied as it stood, unknown fields included. An edit of
//! resources alone never visits an item, so its price is one copy of the request.

mod list;
mod value;

use bytes::Bytes;

pub use list::AttributeList;
pub use value::OwnedValue;

use crate::Signal;
use crate::layout::{RESOURCE, RESOURCE_CARRIER, SCOPE, SCOPE_CARRIER};
use crate::rewrite::{Depth, Fate, Rewriter, rewrite};
use crate::splice::Splice;
use crate::view::{Entry, Message, ResourceGroup, ScopeGroup};
use crate::wire::Malformed;

/// The levels whose attributes an edit may change. The others are hopped over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    pub resource: bool,
    pub scope: bool,
    /// Spans, log records and data points; not span events, links or exemplars.
    pub item: bool,
}

impl Levels {
    pub const RESOURCE: Self = Self {
        resource: true,
        scope: false,
        item: false,
    };
    pub const SCOPE: Self = Self {
        resource: false,
        scope: true,
        item: false,
    };
    pub const ITEM: Self = Self {
        resource: false,
        scope: false,
        item: true,
    };
}

/// Where a carrier of attributes stands. Everything here reads as it was before the edit.
#[derive(Clone, Copy, Debug)]
pub enum Place<'x, 'a> {
    Resource(&'x ResourceGroup<'a>),
    Scope(&'x ResourceGroup<'a>, &'x ScopeGroup<'a>),
    Item(&'x Entry<'x, 'a>),
}

/// Gives every carrier of attributes on these levels to `edit`, outer ones before inner ones.
///
/// A resource or scope that the request leaves out is an empty carrier, and is written if it gets
/// attributes. If nothing has changed the request is returned as it is.
///
/// # Errors
/// The framing is broken where the edit has looked, or `edit` failed.
pub fn edit(
    signal: Signal,
    request: &Bytes,
    levels: Levels,
    edit: impl FnMut(&mut Carrier<'_, '_>) -> Result<(), Malformed>,
) -> Result<Bytes, Malformed> {
    if levels == Levels::default() {
        return Ok(request.clone());
    }
    let mut editor = Editor {
        levels,
        edit,
        list: AttributeList::default(),
    };
    rewrite(signal, request, &mut editor).map(|rewritten| rewritten.request)
}

// === impl Carrier ===

/// A resource, a scope or an item that is being edited.
#[derive(Debug)]
pub struct Carrier<'x, 'a> {
    place: Place<'x, 'a>,
    message: Message<'a>,
    number: u32,
    list: &'x mut AttributeList<'a>,
    is_loaded: bool,
}

impl<'x, 'a> Carrier<'x, 'a> {
    pub const fn place(&self) -> Place<'x, 'a> {
        self.place
    }

    /// The attributes, to be looked at and changed. They are read at the first call, so whoever
    /// decides by the [`place`](Self::place) to leave the carrier alone should decide before.
    ///
    /// # Errors
    /// The framing of the carrier is broken.
    pub fn attributes(&mut self) -> Result<&mut AttributeList<'a>, Malformed> {
        if !self.is_loaded {
            self.list.load(self.message, self.number)?;
            self.is_loaded = true;
        }
        Ok(self.list)
    }
}

// === impl Editor ===

struct Editor<'a, F> {
    levels: Levels,
    edit: F,
    /// Used for one carrier after the other, to keep its buffers.
    list: AttributeList<'a>,
}

impl<'a, F> Editor<'a, F>
where
    F: FnMut(&mut Carrier<'_, '_>) -> Result<(), Malformed>,
{
    /// Edits one carrier whose attributes stand in the fields of this number, and writes it as a
    /// field of its parent if it has changed.
    fn edit(
        &mut self,
        place: Place<'_, 'a>,
        message: Message<'a>,
        [attributes, field]: [u32; 2],
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        let list = &mut self.list;
        let mut carrier = Carrier {
            place,
            message,
            number: attributes,
            list,
            is_loaded: false,
        };
        (self.edit)(&mut carrier)?;
        if !carrier.is_loaded || !self.list.is_changed() {
            return Ok(Fate::Kept);
        }
        splice.open(field);
        self.list.write(message, attributes, splice)?;
        splice.close();
        Ok(Fate::Changed)
    }
}

impl<'a, F> Rewriter<'a> for Editor<'a, F>
where
    F: FnMut(&mut Carrier<'_, '_>) -> Result<(), Malformed>,
{
    fn depth(&self) -> Depth {
        match self.levels {
            Levels { item: true, .. } => Depth::Item,
            Levels { scope: true, .. } => Depth::Scope,
            Levels { .. } => Depth::Resource,
        }
    }

    fn resource(
        &mut self,
        group: &ResourceGroup<'a>,
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        if !self.levels.resource {
            return Ok(Fate::Kept);
        }
        let message = group.resource.unwrap_or_default().message();
        let numbers = [RESOURCE_CARRIER.attributes, RESOURCE];
        self.edit(Place::Resource(group), message, numbers, splice)
    }

    fn scope(
        &mut self,
        (resource, group): (&ResourceGroup<'a>, &ScopeGroup<'a>),
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        if !self.levels.scope {
            return Ok(Fate::Kept);
        }
        let message = group.scope.unwrap_or_default().message();
        let numbers = [SCOPE_CARRIER.attributes, SCOPE];
        self.edit(Place::Scope(resource, group), message, numbers, splice)
    }

    fn item(
        &mut self,
        entry: &Entry<'_, 'a>,
        number: u32,
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        let message = Message::new(entry.item.body);
        let numbers = [entry.item.kind.carrier().attributes, number];
        self.edit(Place::Item(entry), message, numbers, splice)
    }
}
