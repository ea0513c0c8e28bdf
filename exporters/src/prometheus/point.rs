//! From the views of data points to what is kept of them.

use otlp::Malformed;
use otlp::view::{Exemplar as Seen, ItemView, Number, Repeated};

use super::drops::Reason;
use super::sample::{EXEMPLARS_MAX, Exemplar, Sample};
use super::store::Kind;
use crate::translation::{self, as_double};

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    Sample(Sample),
    /// The series has ended.
    End,
    Bad(Reason),
}

/// A point of a family of this kind.
///
/// # Errors
/// The framing is broken.
pub(super) fn read(point: &ItemView<'_>, kind: Kind) -> Result<Read, Malformed> {
    let read = match translation::read(point, kind == Kind::Counter)? {
        Ok(read) if read.ended => return Ok(Read::End),
        Ok(read) => read,
        Err(unreadable) => return Ok(Read::Bad(Reason::Unreadable(unreadable))),
    };
    Ok(Read::Sample(Sample {
        start: read.start,
        time: read.time,
        value: read.value,
        exemplars: match point {
            // Prometheus takes exemplars of counters and of buckets.
            ItemView::NumberPoint(point) if kind == Kind::Counter => exemplars(point.exemplars())?,
            ItemView::HistogramPoint(point) => exemplars(point.exemplars())?,
            ItemView::ExponentialHistogramPoint(point) => exemplars(point.exemplars())?,
            _ => Box::default(),
        },
    }))
}

/// The newest of those that lead to a trace.
fn exemplars<'a>(seen: Repeated<'a, Seen<'a>>) -> Result<Box<[Exemplar]>, Malformed> {
    let mut kept: Vec<Exemplar> = Vec::new();
    for exemplar in seen {
        let exemplar = exemplar?;
        let is_set = |id: &&[u8]| id.iter().any(|byte| *byte != 0);
        let trace = Some(exemplar.trace_id).filter(is_set);
        let span = Some(exemplar.span_id).filter(is_set);
        let kept_one = Exemplar {
            value: as_double(exemplar.value.unwrap_or(Number::Int(0))),
            time: exemplar.time_unix_nano,
            trace: trace.and_then(|id| id.try_into().ok()),
            span: span.and_then(|id| id.try_into().ok()),
        };
        let leads_on = kept_one.trace.is_some() || kept_one.span.is_some();
        if leads_on && !kept_one.value.is_nan() {
            kept.push(kept_one);
        }
    }
    let surplus = kept.len().saturating_sub(EXEMPLARS_MAX);
    kept.drain(..surplus);
    Ok(kept.into())
}
