//! Verbosity `normal`: a line for each span, log record and data point.

use std::fmt::Write;

use otlp::Signal;
use otlp::view::{
    Attributes, ExponentialHistogramPoint, HistogramPoint, Item, ItemView, LogRecord, Metric,
    Number, ResourceGroup, ScopeGroup, Span, SummaryPoint,
};
use pipeline::Batch;

use super::bucket;
use super::page::{Page, Written};
use super::value::{write_pairs, write_value};
use crate::number::{Fixed, Id, Short};

pub(super) fn write(page: &mut Page, batch: &Batch) -> Written {
    let signal = batch.signal();
    page.each(super::groups(batch), |page, index, (group, _)| {
        write_resource(page, signal, index, &group)?;
        page.each(group.scope_groups(), |page, index, scope| {
            write_scope(page, signal, index, &scope)?;
            page.each(scope.items(), |page, _, item| write_item(page, item))?;
            page.each(scope.metrics(), |page, _, metric| {
                page.each(metric.points(), |page, _, point| {
                    write_point(page, &metric, point)
                })
            })
        })
    })
}

fn write_resource(
    page: &mut Page,
    signal: Signal,
    index: usize,
    group: &ResourceGroup<'_>,
) -> Written {
    let name = match signal {
        Signal::Traces => "ResourceTraces",
        Signal::Metrics => "ResourceMetrics",
        Signal::Logs => "ResourceLog",
    };
    write!(page, "{name} #{index}")?;
    if !group.schema_url.is_empty() {
        write!(page, " [{}]", group.schema_url)?;
    }
    write_trailing_pairs(page, group.attributes())
}

fn write_scope(page: &mut Page, signal: Signal, index: usize, group: &ScopeGroup<'_>) -> Written {
    let name = match signal {
        Signal::Traces => "ScopeTraces",
        Signal::Metrics => "ScopeMetrics",
        Signal::Logs => "ScopeLog",
    };
    write!(page, "{name} #{index}")?;
    let scope = group.scope.unwrap_or_default();
    if !(scope.name.is_empty() && scope.version.is_empty()) {
        write!(page, " {}", scope.name)?;
    }
    if !scope.version.is_empty() {
        write!(page, "@{}", scope.version)?;
    }
    if !group.schema_url.is_empty() {
        write!(page, " [{}]", group.schema_url)?;
    }
    write_trailing_pairs(page, group.attributes())
}

/// A space and the pairs, if there are any, and the end of the line.
fn write_trailing_pairs(page: &mut Page, attributes: Attributes<'_>) -> Written {
    if attributes.clone().next().is_some() {
        page.write_char(' ')?;
        write_pairs(page, attributes, " ")?;
    }
    Ok(page.write_char('\n')?)
}

fn write_item(page: &mut Page, item: Item<'_>) -> Written {
    match item.read()? {
        ItemView::Span(span) => write_span(page, &span),
        ItemView::LogRecord(record) => write_log_record(page, &record),
        // Points stand in metrics.
        _ => Ok(()),
    }
}

fn write_span(page: &mut Page, span: &Span<'_>) -> Written {
    write!(
        page,
        "{} {} {}",
        span.name,
        Id(span.trace_id),
        Id(span.span_id)
    )?;
    write_trailing_pairs(page, span.attributes())
}

fn write_log_record(page: &mut Page, record: &LogRecord<'_>) -> Written {
    write_value(page, record.body()?.unwrap_or_default())?;
    page.write_char(' ')?;
    write_pairs(page, record.attributes(), " ")?;
    Ok(page.write_char('\n')?)
}

fn write_point(page: &mut Page, metric: &Metric<'_>, point: Item<'_>) -> Written {
    write!(page, "{}{{", metric.name)?;
    write_pairs(page, point.attributes(), ",")?;
    page.write_str("} ")?;
    match point.read()? {
        ItemView::NumberPoint(point) => match point.value {
            Some(Number::Int(value)) => write!(page, "{value}")?,
            Some(Number::Double(value)) => write!(page, "{}", Short(value))?,
            None => {}
        },
        ItemView::HistogramPoint(point) => write_histogram(page, &point)?,
        ItemView::ExponentialHistogramPoint(point) => write_exponential(page, &point)?,
        ItemView::SummaryPoint(point) => write_summary(page, &point)?,
        // Spans and log records do not stand in metrics.
        ItemView::Span(_) | ItemView::LogRecord(_) => {}
    }
    Ok(page.write_char('\n')?)
}

fn write_histogram(page: &mut Page, point: &HistogramPoint<'_>) -> Written {
    write_totals(page, point.count, [point.sum, point.min, point.max])?;
    let mut bounds = point.explicit_bounds();
    for count in point.bucket_counts() {
        page.write_char(' ')?;
        if let Some(bound) = bounds.next() {
            write!(page, "le{}=", Short(bound?))?;
        }
        write!(page, "{}", count?)?;
    }
    Ok(())
}

fn write_exponential(page: &mut Page, point: &ExponentialHistogramPoint<'_>) -> Written {
    write_totals(page, point.count, [point.sum, point.min, point.max])?;
    for (lower, _, count) in bucket::negative(point)? {
        write!(page, " le{}={count}", Short(-lower))?;
    }
    if point.zero_count != 0 {
        write!(page, " zero={}", point.zero_count)?;
    }
    for bucket in bucket::positive(point) {
        let (_, upper, count) = bucket?;
        write!(page, " le{}={count}", Short(upper))?;
    }
    Ok(())
}

fn write_totals(page: &mut Page, count: u64, totals: [Option<f64>; 3]) -> Written {
    write!(page, "count={count}")?;
    for (name, total) in ["sum", "min", "max"].into_iter().zip(totals) {
        if let Some(total) = total {
            write!(page, " {name}={}", Short(total))?;
        }
    }
    Ok(())
}

fn write_summary(page: &mut Page, point: &SummaryPoint<'_>) -> Written {
    write!(page, "count={} sum={}", point.count, Fixed(point.sum))?;
    for quantile in point.quantile_values() {
        let quantile = quantile?;
        write!(
            page,
            " q{}={}",
            Short(quantile.quantile),
            Short(quantile.value)
        )?;
    }
    Ok(())
}
