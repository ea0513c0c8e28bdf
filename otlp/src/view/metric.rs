//! Metrics.

use super::message::View;
use super::{Attributes, Item, Message, Repeated, Singular, Text};
use crate::layout::{METRIC_CARRIER, POINTS};
use crate::wire::Malformed;
use crate::{ItemKind, MetricKind};

/// A metric: what is measured, and its data points.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metric<'a> {
    pub name: Text<'a>,
    pub description: Text<'a>,
    pub unit: Text<'a>,
    /// `None` if the metric holds nothing, or a kind that is not known here.
    pub kind: Option<MetricKind>,
    /// `AggregationTemporality`: 1 delta, 2 cumulative; 0 for kinds that have none.
    pub aggregation_temporality: i32,
    /// Whether a sum never falls.
    pub is_monotonic: bool,
    points: Message<'a>,
    body: &'a [u8],
}

impl<'a> Metric<'a> {
    /// The data points in order, which are all of the kind that belongs to that of the metric.
    pub fn points(&self) -> Repeated<'a, Item<'a>> {
        let kind = self.kind.map_or(ItemKind::NumberPoint, MetricKind::points);
        self.points.repeated(POINTS, kind)
    }

    /// Attributes of the metric itself, not of its points.
    pub const fn metadata(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(METRIC_CARRIER.attributes, 0)
    }

    /// The part of the metric that holds the points, and facts that hold for all of them.
    fn read_points(&mut self, points: Message<'a>) -> Result<(), Malformed> {
        self.points = points;
        let has_temporality = matches!(
            self.kind,
            Some(MetricKind::Sum | MetricKind::Histogram | MetricKind::ExponentialHistogram)
        );
        let is_sum = self.kind == Some(MetricKind::Sum);
        let mut fields = points;
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 if has_temporality => self.aggregation_temporality = field.int32()?,
                3 if is_sum => self.is_monotonic = field.boolean()?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> View<'a> for Metric<'a> {
    type Context = ();

    fn read(body: &'a [u8], (): ()) -> Result<Self, Malformed> {
        let mut metric = Self {
            body,
            ..Self::default()
        };
        let mut points = Singular::default();
        let mut fields = Message::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => metric.name = Text::new(field.bytes()?),
                2 => metric.description = Text::new(field.bytes()?),
                3 => metric.unit = Text::new(field.bytes()?),
                number => {
                    let Some(kind) = MetricKind::of_field(number) else {
                        continue;
                    };
                    // Another kind replaces what came before.
                    if metric.kind.replace(kind) != Some(kind) {
                        points.clear();
                    }
                    points.add(&field, &fields)?;
                }
            }
        }
        if let Some(points) = points.message() {
            metric.read_points(points)?;
        }
        Ok(metric)
    }
}
