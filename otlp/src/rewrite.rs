//! The walk that `retain` and `edit` share: a request is written again with some of its parts
//! changed or left out, and everything else as it stood.

use bytes::Bytes;

use crate::layout::{ELEMENTS, ItemKind, POINTS, RESOURCE, RESOURCE_GROUPS, SCOPE, SCOPE_GROUPS};
use crate::splice::Splice;
use crate::view::{Entry, Item, Metric, ResourceGroup, ScopeGroup, View};
use crate::wire::{Field, Fields, Malformed};
use crate::{MetricKind, Signal};

/// What became of a part of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays as it stands; the walk copies it.
    Kept,
    /// Something else has been written in its place.
    Changed,
    /// It is left out.
    Dropped,
}

/// Decides on the parts of a request. What replaces a part is written to the splice.
pub(crate) trait Rewriter<'a> {
    /// The innermost level that this rewriter looks at; what lies within is copied unseen.
    fn depth(&self) -> Depth;

    fn resource(
        &mut self,
        at: &ResourceGroup<'a>,
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed>;

    fn scope(
        &mut self,
        at: (&ResourceGroup<'a>, &ScopeGroup<'a>),
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed>;

    fn item(
        &mut self,
        at: &Entry<'_, 'a>,
        number: u32,
        splice: &mut Splice<'a>,
    ) -> Result<Fate, Malformed>;
}

/// The levels of a request that can be rewritten, from the outside in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    Resource,
    Scope,
    Item,
}

/// A request that has been rewritten.
pub(crate) struct Rewritten {
    /// The same buffer as before if nothing has changed.
    pub(crate) request: Bytes,
    /// Items that were looked at and not dropped.
    pub(crate) kept: usize,
}

/// Writes the request again as `rewriter` says.
///
/// Metrics, scopes and resources all of whose items are dropped are left out too.
pub(crate) fn rewrite<'a, R: Rewriter<'a>>(
    signal: Signal,
    request: &'a Bytes,
    rewriter: &mut R,
) -> Result<Rewritten, Malformed> {
    let depth = rewriter.depth();
    let mut walk = Walk {
        signal,
        depth,
        rewriter,
        splice: Splice::new(request),
        kept: 0,
    };
    let mut changed = false;
    let mut fields = Fields::new(request);
    while let Some(field) = fields.next_field()? {
        if field.number == RESOURCE_GROUPS {
            changed |= walk.resource_group(&field)? != Fate::Kept;
        } else {
            walk.splice.copy(field.raw);
        }
    }
    let request = if changed {
        walk.splice.write().into()
    } else {
        request.clone()
    };
    Ok(Rewritten {
        request,
        kept: walk.kept,
    })
}

struct Walk<'w, 'a, R> {
    signal: Signal,
    depth: Depth,
    rewriter: &'w mut R,
    splice: Splice<'a>,
    kept: usize,
}

impl<'a, R: Rewriter<'a>> Walk<'_, 'a, R> {
    fn resource_group(&mut self, field: &Field<'a>) -> Result<Fate, Malformed> {
        let group = ResourceGroup::read(field.bytes()?, self.signal)?;
        self.splice.open(field.number);
        let resource = self.rewriter.resource(&group, &mut self.splice)?;
        let mut part = Part::new(resource, self.kept);
        let mut fields = Fields::new(field.bytes()?);
        while let Some(field) = fields.next_field()? {
            match field.number {
                RESOURCE if resource == Fate::Changed => {}
                SCOPE_GROUPS if self.depth >= Depth::Scope => {
                    part.note(self.scope_group(&field, &group)?);
                }
                _ => self.splice.copy(field.raw),
            }
        }
        Ok(self.finish(part, field))
    }

    fn scope_group(
        &mut self,
        field: &Field<'a>,
        resource: &ResourceGroup<'a>,
    ) -> Result<Fate, Malformed> {
        let group = ScopeGroup::read(field.bytes()?, self.signal)?;
        self.splice.open(field.number);
        let scope = self.rewriter.scope((resource, &group), &mut self.splice)?;
        let mut part = Part::new(scope, self.kept);
        let mut fields = Fields::new(field.bytes()?);
        while let Some(field) = fields.next_field()? {
            match field.number {
                SCOPE if scope == Fate::Changed => {}
                ELEMENTS if self.depth == Depth::Item => {
                    part.note(self.element(&field, (resource, &group))?);
                }
                _ => self.splice.copy(field.raw),
            }
        }
        Ok(self.finish(part, field))
    }

    fn element(
        &mut self,
        field: &Field<'a>,
        (resource, scope): (&ResourceGroup<'a>, &ScopeGroup<'a>),
    ) -> Result<Fate, Malformed> {
        let body = field.bytes()?;
        match ItemKind::of(self.signal) {
            Some(kind) => {
                let item = Item { kind, body };
                self.item(
                    field,
                    &Entry {
                        resource,
                        scope,
                        metric: None,
                        item,
                    },
                )
            }
            None => self.metric(field, (resource, scope), &Metric::read(body, ())?),
        }
    }

    fn metric(
        &mut self,
        field: &Field<'a>,
        (resource, scope): (&ResourceGroup<'a>, &ScopeGroup<'a>),
        metric: &Metric<'a>,
    ) -> Result<Fate, Malformed> {
        let mut part = Part::new(Fate::Kept, self.kept);
        self.splice.open(field.number);
        // If points change they are written behind the rest, so that a kind of points that another
        // kind replaces can be left where it is read by nobody.
        let mut fields = Fields::new(field.bytes()?);
        while let Some(field) = fields.next_field()? {
            if MetricKind::of_field(field.number).is_none() {
                self.splice.copy(field.raw);
            }
        }
        if let Some(metric_kind) = metric.kind {
            let kind = metric_kind.points();
            self.splice.open(metric_kind.field());
            let mut fields = metric.points().message();
            while let Some(field) = fields.next_field()? {
                if field.number == POINTS {
                    let item = Item {
                        kind,
                        body: field.bytes()?,
                    };
                    let entry = Entry {
                        resource,
                        scope,
                        metric: Some(metric),
                        item,
                    };
                    part.note(self.item(&field, &entry)?);
                } else {
                    self.splice.copy(field.raw);
                }
            }
            self.splice.close();
        }
        Ok(self.finish(part, field))
    }

    fn item(&mut self, field: &Field<'a>, entry: &Entry<'_, 'a>) -> Result<Fate, Malformed> {
        let fate = self.rewriter.item(entry, field.number, &mut self.splice)?;
        if fate == Fate::Kept {
            self.splice.copy(field.raw);
        }
        self.kept += usize::from(fate != Fate::Dropped);
        Ok(fate)
    }

    /// Closes the part that `field` has opened, or puts the field itself in its place.
    fn finish(&mut self, part: Part, field: &Field<'a>) -> Fate {
        if part.has_dropped && self.kept == part.kept_before {
            self.splice.abandon();
            Fate::Dropped
        } else if part.has_changed {
            self.splice.close();
            Fate::Changed
        } else {
            self.splice.abandon();
            self.splice.copy(field.raw);
            Fate::Kept
        }
    }
}

/// What has happened within a resource group, scope group or metric.
struct Part {
    has_changed: bool,
    has_dropped: bool,
    kept_before: usize,
}

impl Part {
    fn new(own: Fate, kept_before: usize) -> Self {
        Self {
            has_changed: own == Fate::Changed,
            has_dropped: false,
            kept_before,
        }
    }

    fn note(&mut self, fate: Fate) {
        self.has_changed |= fate != Fate::Kept;
        self.has_dropped |= fate == Fate::Dropped;
    }
}
