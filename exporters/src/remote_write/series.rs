//! What a table holds: series with their samples, grouped by the points that brought them.

use std::ops::Range;

use smallvec::SmallVec;

/// Metrics as Prometheus's metadata describe them; the numbers are those of its protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Type {
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    Summary = 5,
    Info = 6,
    Stateset = 7,
}

/// What is known of all series of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Family {
    pub(super) kind: Type,
    /// Symbols.
    pub(super) name: u32,
    pub(super) help: u32,
    pub(super) unit: u32,
}

/// Times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) time: i64,
    /// When counting began; 0 if nobody said.
    pub(super) start: i64,
    pub(super) value: f64,
}

/// A native histogram.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Native {
    pub(super) time: i64,
    pub(super) start: i64,
    /// The message, which is the same in both protocols, without its times.
    pub(super) body: Box<[u8]>,
}

/// A measurement with the trace that it was part of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exemplar {
    /// Symbols of names and values, in turn.
    pub(super) labels: SmallVec<[u32; 4]>,
    pub(super) value: f64,
    pub(super) time: i64,
}

#[derive(Debug)]
pub(super) struct Series {
    /// Where they lie in the table.
    pub(super) labels: Range<usize>,
    pub(super) group: u32,
    /// By time, as everything here.
    pub(super) samples: SmallVec<[Sample; 1]>,
    pub(super) natives: Vec<Native>,
    pub(super) exemplars: Vec<Exemplar>,
}

/// All series of one metric and label set.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) family: u32,
    /// The series that tells which group a point belongs to.
    pub(super) principal: u32,
    /// Of the points in it, ascending.
    pub(super) times: SmallVec<[i64; 1]>,
    /// Numbers of points in the batch.
    pub(super) points: SmallVec<[u32; 1]>,
}

/// What a point brings to its series, the principal one first.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Symbols of names and values in turn, by the order of the names; of all parts.
    pub(super) labels: Vec<u32>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) labels: Range<usize>,
    pub(super) content: Content,
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Debug)]
pub(super) enum Content {
    Number(f64),
    Native(Box<[u8]>),
}

/// What a point's parts have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) family: u32,
    pub(super) time: i64,
    pub(super) start: i64,
    /// Its number in the batch; `None` for what nobody has sent as a point.
    pub(super) point: Option<u32>,
}

// === impl Type ===

impl Type {
    /// Types whose points may share a series have the same.
    pub(super) const fn shape(self) -> Self {
        match self {
            Self::Histogram | Self::Summary => self,
            _ => Self::Gauge,
        }
    }
}

// === impl Draft ===

impl Draft {
    pub(super) fn clear(&mut self) {
        self.labels.clear();
        self.parts.clear();
    }

    pub(super) fn push(&mut self, labels: impl Iterator<Item = u32>, content: Content) {
        let begin = self.labels.len();
        self.labels.extend(labels);
        self.parts.push(Part {
            labels: begin..self.labels.len(),
            content,
            exemplars: Vec::new(),
        });
    }

    /// Adds an exemplar to the part with this number.
    pub(super) fn exemplify(&mut self, part: usize, exemplar: Exemplar) {
        if let Some(part) = self.parts.get_mut(part) {
            part.exemplars.push(exemplar);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.parts.len()
    }
}

// === impl Series ===

impl Series {
    /// Whether it has this at this time.
    pub(super) fn has(&self, content: &Content, time: i64) -> bool {
        match content {
            Content::Number(value) => {
                let at = self
                    .samples
                    .binary_search_by_key(&time, |sample| sample.time);
                let known = at.ok().and_then(|at| self.samples.get(at));
                known.is_some_and(|known| known.value.to_bits() == value.to_bits())
            }
            Content::Native(body) => {
                let at = self
                    .natives
                    .binary_search_by_key(&time, |native| native.time);
                let known = at.ok().and_then(|at| self.natives.get(at));
                known.is_some_and(|known| known.body == *body)
            }
        }
    }
}
