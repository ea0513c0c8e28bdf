//! What a point brings to each of its series.

use otlp::Malformed;
use otlp::json::as_text;
use otlp::view::{Exemplar as Seen, ItemView, Number, NumberPoint, Repeated};
use smallvec::SmallVec;

use super::STALE;
use super::labels::Labels;
use super::native;
use super::series::{Content, Exemplar};
use super::symbols::EMPTY;
use super::translate::{Described, Translator, millis};
use crate::translation::{Explicit, Point, Summary, Value, as_double, hex};

/// Characters of an exemplar's labels: what OpenMetrics allows, and Prometheus takes.
const EXEMPLAR_CHARS_MAX: usize = 128;

type Exemplars<'a> = Repeated<'a, Seen<'a>>;

impl Translator<'_> {
    /// Whether histograms with explicit bounds have a series for each bucket.
    pub(super) const fn has_classic(&self) -> bool {
        !self.naming.custom_buckets || self.naming.keep_classic
    }

    /// Puts the parts of a point into the draft, the principal one first.
    pub(super) fn draw(
        &mut self,
        metric: &Described,
        labels: &Labels,
        point: &Point,
        seen: &ItemView<'_>,
    ) -> Result<(), Malformed> {
        let (exemplars, time) = (exemplars_of(seen), millis(point.time));
        let value_or_end = |value| if point.ended { STALE } else { value };
        match &point.value {
            Value::Number(number) => {
                let value = value_or_end(as_double(*number));
                self.number(labels, metric.name, value);
                // OpenTelemetry's rules know exemplars of counters and of histograms.
                match metric.is_counter {
                    true => self.exemplify(exemplars, time, |_| Some(0)),
                    false => Ok(()),
                }
            }
            Value::Exponential(histogram) => {
                let body = match point.ended {
                    true => native::stale(false),
                    false => native::exponential(histogram),
                };
                self.native(labels, metric.name, body);
                self.exemplify(exemplars, time, |_| Some(0))
            }
            Value::Summary(summary) => {
                self.summary(metric, labels, summary, value_or_end);
                Ok(())
            }
            Value::Histogram(histogram) => {
                if self.has_classic() {
                    let first = self.classic(metric, labels, histogram, value_or_end);
                    let above = |value| histogram.bounds.iter().position(|bound| value <= *bound);
                    let last = self.draft.len() - 1;
                    self.exemplify(exemplars, time, |value| {
                        Some(above(value).map_or(last, |at| (first + at).min(last)))
                    })?;
                }
                if self.naming.custom_buckets {
                    let body = match point.ended {
                        true => native::stale(true),
                        false => native::custom(histogram),
                    };
                    let part = self.draft.len();
                    self.native(labels, metric.name, body);
                    self.exemplify(exemplars, time, |_| Some(part))?;
                }
                Ok(())
            }
        }
    }

    pub(super) fn number(&mut self, labels: &Labels, name: u32, value: f64) {
        let labels = self.labeller.series(labels, name, None);
        self.draft.push(labels, Content::Number(value));
    }

    fn native(&mut self, labels: &Labels, name: u32, body: Box<[u8]>) {
        let labels = self.labeller.series(labels, name, None);
        self.draft.push(labels, Content::Native(body));
    }

    fn with_own(&mut self, labels: &Labels, name: u32, own: (&str, f64), value: f64) {
        let text = match own.1 {
            f64::INFINITY => "+Inf".to_owned(),
            f64::NEG_INFINITY => "-Inf".to_owned(),
            number => number.to_string(),
        };
        let own = labels.own(own.0, &text, &mut self.table.symbols);
        let labels = self.labeller.series(labels, name, Some(own));
        self.draft.push(labels, Content::Number(value));
    }

    /// Count, sum and buckets; gives the number of the first bucket's part.
    fn classic(
        &mut self,
        metric: &Described,
        labels: &Labels,
        histogram: &Explicit,
        value_or_end: impl Fn(f64) -> f64,
    ) -> usize {
        let count = value_or_end(histogram.count as f64);
        self.number(labels, metric.count, count);
        if let Some(sum) = histogram.sum {
            self.number(labels, metric.sum, value_or_end(sum));
        }
        let first = self.draft.len();
        let mut below = 0_u64;
        for (bound, in_bucket) in histogram.bounds.iter().zip(&histogram.counts) {
            below = below.saturating_add(*in_bucket);
            // The last bucket is everything.
            if *bound < f64::INFINITY {
                let value = value_or_end(below as f64);
                self.with_own(labels, metric.bucket, ("le", *bound), value);
            }
        }
        self.with_own(labels, metric.bucket, ("le", f64::INFINITY), count);
        first
    }

    fn summary(
        &mut self,
        metric: &Described,
        labels: &Labels,
        summary: &Summary,
        value_or_end: impl Fn(f64) -> f64,
    ) {
        let count = value_or_end(summary.count as f64);
        self.number(labels, metric.count, count);
        self.number(labels, metric.sum, value_or_end(summary.sum));
        for (quantile, value) in &summary.quantiles {
            let own = ("quantile", *quantile);
            self.with_own(labels, metric.name, own, value_or_end(*value));
        }
    }

    /// Adds exemplars to the parts of the draft; `part` says to which, by the value.
    fn exemplify(
        &mut self,
        exemplars: Exemplars<'_>,
        time: i64,
        part: impl Fn(f64) -> Option<usize>,
    ) -> Result<(), Malformed> {
        for seen in exemplars {
            let seen = seen?;
            let value = as_double(seen.value.unwrap_or(Number::Int(0)));
            let labels = self.exemplar_labels(&seen)?;
            // What leads nowhere is no example.
            if value.is_nan() || labels.is_empty() {
                continue;
            }
            if let Some(part) = part(value) {
                let exemplar = Exemplar {
                    labels,
                    value,
                    time: match seen.time_unix_nano {
                        0 => time,
                        nanos => millis(nanos),
                    },
                };
                self.draft.exemplify(part, exemplar);
            }
        }
        Ok(())
    }

    /// Trace and span, and what else there is if there is room for all of it.
    fn exemplar_labels(&mut self, seen: &Seen<'_>) -> Result<SmallVec<[u32; 4]>, Malformed> {
        let symbols = &mut self.table.symbols;
        let mut pairs: SmallVec<[(u32, u32); 4]> = SmallVec::new();
        let mut chars = 0;
        for (name, id) in [("span_id", seen.span_id), ("trace_id", seen.trace_id)] {
            if id.iter().any(|byte| *byte != 0) {
                let id = hex(id);
                chars += name.len() + id.len();
                pairs.push((symbols.put(name), symbols.put(&id)));
            }
        }
        let ids = pairs.len();
        for attribute in seen.filtered_attributes() {
            let attribute = attribute?;
            let key = attribute.key.to_string_lossy();
            let Some(name) = self.naming.label(&key) else {
                continue;
            };
            let value = as_text(&attribute.value()?)?;
            let pair = (symbols.put(&name), symbols.put(&value));
            if pair.1 != EMPTY && !pairs.iter().any(|(known, _)| *known == pair.0) {
                chars += name.chars().count() + value.chars().count();
                pairs.push(pair);
            }
        }
        if chars > EXEMPLAR_CHARS_MAX {
            pairs.truncate(ids);
        }
        pairs.sort_by(|(a, _), (b, _)| symbols.text(*a).cmp(symbols.text(*b)));
        Ok(pairs.into_iter().flat_map(|(n, v)| [n, v]).collect())
    }
}

fn exemplars_of<'a>(point: &ItemView<'a>) -> Exemplars<'a> {
    match point {
        ItemView::NumberPoint(point) => point.exemplars(),
        ItemView::HistogramPoint(point) => point.exemplars(),
        ItemView::ExponentialHistogramPoint(point) => point.exemplars(),
        _ => NumberPoint::default().exemplars(),
    }
}
