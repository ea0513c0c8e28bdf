//! One item, whatever its kind.

use super::message::View;
use super::{
    AnyValue, Attributes, ExponentialHistogramPoint, HistogramPoint, LogRecord, Message, Metric,
    NumberPoint, ResourceGroup, ScopeGroup, Span, SummaryPoint,
};
use crate::ItemKind;
use crate::wire::Malformed;

/// A span, a log record or a data point, not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pub kind: ItemKind,
    /// The encoded message.
    pub body: &'a [u8],
}

/// An item, read by its kind.
#[derive(Clone, Copy, Debug)]
pub enum ItemView<'a> {
    Span(Span<'a>),
    LogRecord(LogRecord<'a>),
    NumberPoint(NumberPoint<'a>),
    HistogramPoint(HistogramPoint<'a>),
    ExponentialHistogramPoint(ExponentialHistogramPoint<'a>),
    SummaryPoint(SummaryPoint<'a>),
}

/// An item and what encloses it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'x, 'a> {
    pub resource: &'x ResourceGroup<'a>,
    pub scope: &'x ScopeGroup<'a>,
    /// The metric of a data point; `None` for spans and log records.
    pub metric: Option<&'x Metric<'a>>,
    pub item: Item<'a>,
}

impl<'a> Item<'a> {
    /// The attributes, wherever this kind keeps them. Nothing else is read.
    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(self.kind.carrier().attributes, 0)
    }

    /// The value of the first attribute with this key.
    pub fn attribute(&self, key: &str) -> Result<Option<AnyValue<'a>>, Malformed> {
        self.attributes().get(key)
    }

    /// Reads all scalar fields.
    pub fn read(&self) -> Result<ItemView<'a>, Malformed> {
        let body = self.body;
        Ok(match self.kind {
            ItemKind::Span => ItemView::Span(Span::read(body)?),
            ItemKind::LogRecord => ItemView::LogRecord(LogRecord::read(body)?),
            ItemKind::NumberPoint => ItemView::NumberPoint(NumberPoint::read(body)?),
            ItemKind::HistogramPoint => ItemView::HistogramPoint(HistogramPoint::read(body)?),
            ItemKind::ExponentialHistogramPoint => {
                ItemView::ExponentialHistogramPoint(ExponentialHistogramPoint::read(body)?)
            }
            ItemKind::SummaryPoint => ItemView::SummaryPoint(SummaryPoint::read(body)?),
        })
    }

    /// The span, `None` if the item is of another kind.
    #[inline]
    pub fn span(&self) -> Result<Option<Span<'a>>, Malformed> {
        if self.kind != ItemKind::Span {
            return Ok(None);
        }
        Span::read(self.body).map(Some)
    }

    /// The log record, `None` if the item is of another kind.
    pub fn log_record(&self) -> Result<Option<LogRecord<'a>>, Malformed> {
        matches!(self.kind, ItemKind::LogRecord)
            .then(|| LogRecord::read(self.body))
            .transpose()
    }
}

impl<'a> View<'a> for Item<'a> {
    type Context = ItemKind;

    fn read(body: &'a [u8], kind: ItemKind) -> Result<Self, Malformed> {
        Ok(Self { kind, body })
    }
}
