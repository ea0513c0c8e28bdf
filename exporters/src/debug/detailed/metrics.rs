//! Metrics in detail.

use std::fmt::Write;

use otlp::MetricKind;
use otlp::view::{
    Exemplar, ExponentialHistogramPoint, HistogramPoint, Item, ItemView, Metric, Number,
    NumberPoint, Repeated, SummaryPoint,
};

use super::{NESTED, write_attributes, write_section};
use crate::debug::bucket;
use crate::debug::page::{Page, Written};
use crate::number::{Fixed, Id, Time};

const DATA_POINT_ATTRIBUTES: &str = "Data point attributes:";

pub(super) fn write(page: &mut Page, index: usize, metric: Metric<'_>) -> Written {
    writeln!(page, "Metric #{index}")?;
    writeln!(page, "Descriptor:")?;
    writeln!(page, "{NESTED}-> Name: {}", metric.name)?;
    writeln!(page, "{NESTED}-> Description: {}", metric.description)?;
    writeln!(page, "{NESTED}-> Unit: {}", metric.unit)?;
    writeln!(page, "{NESTED}-> DataType: {}", kind(metric.kind))?;
    write_attributes(page, NESTED, "Metadata:", metric.metadata())?;
    if metric.kind == Some(MetricKind::Sum) {
        writeln!(page, "{NESTED}-> IsMonotonic: {}", metric.is_monotonic)?;
    }
    if !matches!(
        metric.kind,
        None | Some(MetricKind::Gauge | MetricKind::Summary)
    ) {
        let temporality = temporality(metric.aggregation_temporality);
        writeln!(page, "{NESTED}-> AggregationTemporality: {temporality}")?;
    }
    page.each(metric.points(), write_point)
}

fn write_point(page: &mut Page, index: usize, point: Item<'_>) -> Written {
    match point.read()? {
        ItemView::NumberPoint(point) => write_number(page, index, &point),
        ItemView::HistogramPoint(point) => write_histogram(page, index, &point),
        ItemView::ExponentialHistogramPoint(point) => write_exponential(page, index, &point),
        ItemView::SummaryPoint(point) => write_summary(page, index, &point),
        // Spans and log records do not stand in metrics.
        ItemView::Span(_) | ItemView::LogRecord(_) => Ok(()),
    }
}

fn write_number(page: &mut Page, index: usize, point: &NumberPoint<'_>) -> Written {
    writeln!(page, "NumberDataPoints #{index}")?;
    write_attributes(page, "", DATA_POINT_ATTRIBUTES, point.attributes())?;
    write_times(page, point.start_time_unix_nano, point.time_unix_nano)?;
    write_value(page, "", point.value)?;
    write_exemplars(page, point.exemplars())
}

fn write_histogram(page: &mut Page, index: usize, point: &HistogramPoint<'_>) -> Written {
    writeln!(page, "HistogramDataPoints #{index}")?;
    write_attributes(page, "", DATA_POINT_ATTRIBUTES, point.attributes())?;
    write_times(page, point.start_time_unix_nano, point.time_unix_nano)?;
    write_totals(page, point.count, [point.sum, point.min, point.max])?;
    for (index, bound) in point.explicit_bounds().enumerate() {
        writeln!(page, "ExplicitBounds #{index}: {}", Fixed(bound?))?;
    }
    for (index, count) in point.bucket_counts().enumerate() {
        writeln!(page, "Buckets #{index}, Count: {}", count?)?;
    }
    write_exemplars(page, point.exemplars())
}

fn write_exponential(
    page: &mut Page,
    index: usize,
    point: &ExponentialHistogramPoint<'_>,
) -> Written {
    writeln!(page, "ExponentialHistogramDataPoints #{index}")?;
    write_attributes(page, "", DATA_POINT_ATTRIBUTES, point.attributes())?;
    write_times(page, point.start_time_unix_nano, point.time_unix_nano)?;
    write_totals(page, point.count, [point.sum, point.min, point.max])?;
    for (lower, upper, count) in bucket::negative(point)? {
        writeln!(
            page,
            "Bucket [{}, {}), Count: {count}",
            Fixed(-upper),
            Fixed(-lower)
        )?;
    }
    if point.zero_count != 0 {
        writeln!(page, "Bucket [0, 0], Count: {}", point.zero_count)?;
    }
    for bucket in bucket::positive(point) {
        let (lower, upper, count) = bucket?;
        writeln!(
            page,
            "Bucket ({}, {}], Count: {count}",
            Fixed(lower),
            Fixed(upper)
        )?;
    }
    write_exemplars(page, point.exemplars())
}

fn write_summary(page: &mut Page, index: usize, point: &SummaryPoint<'_>) -> Written {
    writeln!(page, "SummaryDataPoints #{index}")?;
    write_attributes(page, "", DATA_POINT_ATTRIBUTES, point.attributes())?;
    write_times(page, point.start_time_unix_nano, point.time_unix_nano)?;
    write_totals(page, point.count, [Some(point.sum), None, None])?;
    page.each(point.quantile_values(), |page, index, at| {
        let (quantile, value) = (Fixed(at.quantile), Fixed(at.value));
        Ok(writeln!(
            page,
            "QuantileValue #{index}: Quantile {quantile}, Value {value}"
        )?)
    })
}

fn write_times(page: &mut Page, start: u64, time: u64) -> Written {
    writeln!(page, "StartTimestamp: {}", Time(start))?;
    Ok(writeln!(page, "Timestamp: {}", Time(time))?)
}

fn write_totals(page: &mut Page, count: u64, totals: [Option<f64>; 3]) -> Written {
    writeln!(page, "Count: {count}")?;
    for (name, total) in ["Sum", "Min", "Max"].into_iter().zip(totals) {
        if let Some(total) = total {
            writeln!(page, "{name}: {}", Fixed(total))?;
        }
    }
    Ok(())
}

fn write_value(page: &mut Page, indent: &str, value: Option<Number>) -> Written {
    match value {
        Some(Number::Int(value)) => writeln!(page, "{indent}Value: {value}")?,
        Some(Number::Double(value)) => writeln!(page, "{indent}Value: {}", Fixed(value))?,
        None => {}
    }
    Ok(())
}

fn write_exemplars<'a>(page: &mut Page, exemplars: Repeated<'a, Exemplar<'a>>) -> Written {
    write_section(page, "Exemplars:", exemplars, |page, index, exemplar| {
        writeln!(page, "Exemplar #{index}")?;
        writeln!(page, "{NESTED}-> Trace ID: {}", Id(exemplar.trace_id))?;
        writeln!(page, "{NESTED}-> Span ID: {}", Id(exemplar.span_id))?;
        writeln!(
            page,
            "{NESTED}-> Timestamp: {}",
            Time(exemplar.time_unix_nano)
        )?;
        write_value(page, &format!("{NESTED}-> "), exemplar.value)?;
        write_attributes(
            page,
            NESTED,
            "FilteredAttributes:",
            exemplar.filtered_attributes(),
        )
    })
}

fn kind(kind: Option<MetricKind>) -> &'static str {
    match kind {
        None => "Empty",
        Some(MetricKind::Gauge) => "Gauge",
        Some(MetricKind::Sum) => "Sum",
        Some(MetricKind::Histogram) => "Histogram",
        Some(MetricKind::ExponentialHistogram) => "ExponentialHistogram",
        Some(MetricKind::Summary) => "Summary",
    }
}

fn temporality(temporality: i32) -> &'static str {
    match temporality {
        0 => "Unspecified",
        1 => "Delta",
        2 => "Cumulative",
        _ => "",
    }
}
