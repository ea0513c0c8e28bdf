//! Lazy views: encoded OTLP read in place, by the rules of protobuf.
//!
//! A view borrows the request. Its scalar fields are read in one pass when it is made; attributes,
//! points and everything else that repeats is read when it is iterated. Scalars that are written
//! twice have their last value, messages that are written in parts are merged, unknown fields are
//! skipped: what a view shows is what a generated decoder would show. Only invalid UTF-8 is not
//! refused but kept, see [`Text`].

mod attributes;
mod envelope;
mod item;
mod log;
mod message;
mod metric;
mod point;
mod scalars;
mod span;
mod text;
mod trace_state;
mod value;

pub use attributes::{Attributes, EncodedKeyValue, KeyValue};
pub use envelope::{Request, Resource, ResourceGroup, Scope, ScopeGroup};
pub use item::{Entry, Item, ItemView};
pub use log::LogRecord;
pub use message::Repeated;
pub(crate) use message::{Message, Singular, View};
pub use metric::Metric;
pub use point::{
    Buckets, Exemplar, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint, Quantile,
    SummaryPoint,
};
pub use scalars::Scalars;
pub use span::{Span, SpanEvent, SpanLink, Status};
pub use text::Text;
pub use value::AnyValue;
