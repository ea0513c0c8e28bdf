//! Reads everything that the views show. The fuzz targets walk by it too.

use otlp::view::{AnyValue, Attributes, Exemplar, ItemView, Repeated, Request};
use otlp::{Malformed, Signal};

/// Reads every item and all that encloses it.
pub(crate) fn request(signal: Signal, bytes: &[u8]) -> Result<(), Malformed> {
    Request::new(signal, bytes).for_each_item(|entry| {
        attributes(entry.resource.attributes())?;
        attributes(entry.scope.attributes())?;
        if let Some(metric) = entry.metric {
            attributes(metric.metadata())?;
        }
        attributes(entry.item.attributes())?;
        match entry.item.read()? {
            ItemView::Span(span) => {
                span.events()
                    .try_for_each(|event| attributes(event?.attributes()))?;
                span.links()
                    .try_for_each(|link| attributes(link?.attributes()))
            }
            ItemView::LogRecord(record) => record.body()?.map_or(Ok(()), value),
            ItemView::NumberPoint(point) => exemplars(point.exemplars()),
            ItemView::HistogramPoint(point) => {
                exhaust(point.bucket_counts())?;
                exhaust(point.explicit_bounds())?;
                exemplars(point.exemplars())
            }
            ItemView::ExponentialHistogramPoint(point) => {
                let mut buckets = point.positive.into_iter().chain(point.negative);
                buckets.try_for_each(|buckets| exhaust(buckets.bucket_counts()))?;
                exemplars(point.exemplars())
            }
            ItemView::SummaryPoint(point) => exhaust(point.quantile_values()),
        }
    })
}

/// Counts the items by the views, which look into every resource, scope and metric but no item.
pub(crate) fn count(signal: Signal, bytes: &[u8]) -> Result<usize, Malformed> {
    let mut items = 0;
    Request::new(signal, bytes).for_each_item(|_| {
        items += 1;
        Ok::<(), Malformed>(())
    })?;
    Ok(items)
}

/// Reads a value and everything that is nested in it.
pub(crate) fn value(any: AnyValue<'_>) -> Result<(), Malformed> {
    match any {
        AnyValue::Array(mut values) => values.try_for_each(|element| value(element?)),
        AnyValue::KeyValueList(entries) => attributes(entries),
        _ => Ok(()),
    }
}

fn attributes(mut attributes: Attributes<'_>) -> Result<(), Malformed> {
    attributes.try_for_each(|attribute| value(attribute?.value()?))
}

fn exemplars<'a>(mut exemplars: Repeated<'a, Exemplar<'a>>) -> Result<(), Malformed> {
    exemplars.try_for_each(|exemplar| attributes(exemplar?.filtered_attributes()))
}

fn exhaust<T>(mut elements: impl Iterator<Item = Result<T, Malformed>>) -> Result<(), Malformed> {
    elements.try_for_each(|element| element.map(|_| ()))
}
