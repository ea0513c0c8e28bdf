//! What a condition looks at.

use otlp::view::{ResourceGroup, ScopeGroup, Span, SpanEvent};

/// A span, or one of its events, with what encloses it.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub resource: &'a ResourceGroup<'a>,
    pub scope: &'a ScopeGroup<'a>,
    pub span: &'a Span<'a>,
    /// The event with its place among the span's, for conditions on events.
    pub event: Option<(usize, &'a SpanEvent<'a>)>,
}
