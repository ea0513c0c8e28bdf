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
use crate::rewrite::{Depth, Fate, Rewriter, Rewritten, rewrite};
use crate::splice::Splice;
use crate::view::{Entry, Message, ResourceGroup, ScopeGroup, Text};
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
    mut edit: impl FnMut(&mut Carrier<'_, '_>) -> Result<(), Malformed>,
) -> Result<Bytes, Malformed> {
    if levels == Levels::default() {
        return Ok(request.clone());
    }
    let mut editor = Editor::new(levels, |carrier: &mut Carrier<'_, '_>| {
        edit(carrier).map(|()| true)
    });
    rewrite(signal, request, &mut editor).map(|rewritten| rewritten.request)
}

/// Gives every item to `sift`, which may change it, and keeps those for which it says so. Returns the request with
/// their number; `None` if no item is left.
///
/// Scopes and resources that lose all their items go too. If every item is kept as it is, so is the request.
///
/// # Errors
/// The framing is broken, or `sift` failed.
pub fn sift(
    signal: Signal,
    request: &Bytes,
    sift: impl FnMut(&mut Carrier<'_, '_>) -> Result<bool, Malformed>,
) -> Result<Option<(Bytes, usize)>, Malformed> {
    let Rewritten { request, kept } =
        rewrite(signal, request, &mut Editor::new(Levels::ITEM, sift))?;
    Ok((kept > 0).then_some((request, kept)))
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
    trace_state: &'x mut TraceState,
}

/// What a span is to have as its trace state, in a buffer that is used for one span after the other.
#[derive(Debug, Default)]
struct TraceState {
    text: Vec<u8>,
    is_set: bool,
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

    /// Gives a span the trace state that is written to an empty buffer, in place of the one that it has.
    pub fn set_trace_state(&mut self, old: Text<'_>, write: impl FnOnce(&mut Vec<u8>)) {
        let TraceState { text, is_set } = self.trace_state;
        text.clear();
        write(text);
        *is_set = text != old.as_bytes();
    }
}

// === impl Editor ===

struct Editor<'a, F> {
    levels: Levels,
    edit: F,
    /// Used for one carrier after the other, to keep its buffers.
    list: AttributeList<'a>,
    trace_state: TraceState,
}

impl<'a, F> Editor<'a, F>
where
    F: FnMut(&mut Carrier<'_, '_>) -> Result<bool, Malformed>,
{
    fn new(levels: Levels, edit: F) -> Self {
        Self {
            levels,
            edit,
            list: AttributeList::default(),
            trace_state: TraceState::default(),
        }
    }

    /// Edits one carrier whose attributes stand in the fields of this number, and writes it as a
    /// field of its parent if it has changed.
    fn edit(
        &mut self,
        place: Place<'_, 'a>,
        message: Message<'a>,
        [attributes, field]: [u32; 2],
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed> {
        self.trace_state.is_set = false;
        let mut carrier = Carrier {
            place,
            message,
            number: attributes,
            list: &mut self.list,
            is_loaded: false,
            trace_state: &mut self.trace_state,
        };
        let is_kept = (self.edit)(&mut carrier)?;
        let is_loaded = carrier.is_loaded;
        if !is_kept {
            return Ok(Fate::Dropped);
        }
        let state = self
            .trace_state
            .is_set
            .then_some(self.trace_state.text.as_slice());
        let has_changed = is_loaded && self.list.is_changed();
        if !has_changed && state.is_none() {
            return Ok(Fate::Kept);
        }
        splice.open(field);
        let list = has_changed.then_some((&self.list, attributes));
        list::write(message, list, state, splice)?;
        splice.close();
        Ok(Fate::Changed)
    }
}

impl<'a, F> Rewriter<'a> for Editor<'a, F>
where
    F: FnMut(&mut Carrier<'_, '_>) -> Result<bool, Malformed>,
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
