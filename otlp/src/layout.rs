//! Where the messages of OTLP keep what is read alike in all of them, as tables of field numbers.
//!
//! The numbers are those of
//! [opentelemetry-proto 1.x](https://github.com/open-telemetry/opentelemetry-proto). The envelope
//! has the same numbers for every signal; the carriers of attributes differ in theirs.

use crate::Signal;

/// Request → resource groups (`resource_spans` and its siblings).
pub(crate) const RESOURCE_GROUPS: u32 = 1;
/// Resource group → resource.
pub(crate) const RESOURCE: u32 = 1;
/// Resource group → scope groups (`scope_spans` and its siblings).
pub(crate) const SCOPE_GROUPS: u32 = 2;
/// Scope group → instrumentation scope.
pub(crate) const SCOPE: u32 = 1;
/// Scope group → spans, log records or metrics.
pub(crate) const ELEMENTS: u32 = 2;
/// Resource group or scope group → schema URL.
pub(crate) const SCHEMA_URL: u32 = 3;
/// Gauge, sum, histogram, exponential histogram, summary → data points.
pub(crate) const POINTS: u32 = 1;

/// Span → its trace id and trace state.
pub(crate) const TRACE_ID: u32 = 1;
pub(crate) const TRACE_STATE: u32 = 3;

/// `KeyValue`.
pub(crate) const KEY: u32 = 1;
pub(crate) const VALUE: u32 = 2;

/// The alternatives of `AnyValue`.
pub(crate) const STRING_VALUE: u32 = 1;
pub(crate) const BOOL_VALUE: u32 = 2;
pub(crate) const INT_VALUE: u32 = 3;
pub(crate) const DOUBLE_VALUE: u32 = 4;
pub(crate) const ARRAY_VALUE: u32 = 5;
pub(crate) const KVLIST_VALUE: u32 = 6;
pub(crate) const BYTES_VALUE: u32 = 7;
/// `ArrayValue` and `KeyValueList` → their elements.
pub(crate) const VALUES: u32 = 1;

/// A message that carries attributes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    /// Number of the repeated `KeyValue` field.
    pub(crate) attributes: u32,
    /// Number of a field that is an `AnyValue` itself; 0, which no field has, for none.
    pub(crate) value: u32,
    /// Fields that are carriers in turn.
    pub(crate) nested: &'static [(u32, &'static Self)],
}

impl Carrier {
    const fn of(attributes: u32) -> Self {
        Self {
            attributes,
            value: 0,
            nested: &[],
        }
    }
}

pub(crate) static RESOURCE_CARRIER: Carrier = Carrier::of(1);
pub(crate) static SCOPE_CARRIER: Carrier = Carrier::of(3);
pub(crate) static METRIC_CARRIER: Carrier = Carrier::of(12);
pub(crate) static SPAN_EVENT: Carrier = Carrier::of(3);
pub(crate) static SPAN_LINK: Carrier = Carrier::of(4);
pub(crate) static EXEMPLAR: Carrier = Carrier::of(7);

/// The kinds of items, one for each layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    Span,
    LogRecord,
    NumberPoint,
    HistogramPoint,
    ExponentialHistogramPoint,
    SummaryPoint,
}

static ITEMS: [Carrier; 6] = [
    Carrier {
        nested: &[(11, &SPAN_EVENT), (13, &SPAN_LINK)],
        ..Carrier::of(9)
    },
    Carrier {
        value: 5,
        ..Carrier::of(6)
    },
    Carrier {
        nested: &[(5, &EXEMPLAR)],
        ..Carrier::of(7)
    },
    Carrier {
        nested: &[(8, &EXEMPLAR)],
        ..Carrier::of(9)
    },
    Carrier {
        nested: &[(11, &EXEMPLAR)],
        ..Carrier::of(1)
    },
    Carrier::of(7),
];

impl ItemKind {
    pub(crate) const fn carrier(self) -> &'static Carrier {
        &ITEMS[self as usize]
    }

    /// What the elements of a scope are, `None` where they are metrics, which hold the items.
    pub(crate) const fn of(signal: Signal) -> Option<Self> {
        match signal {
            Signal::Traces => Some(Self::Span),
            Signal::Logs => Some(Self::LogRecord),
            Signal::Metrics => None,
        }
    }
}

/// The five kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    Gauge,
    Sum,
    Histogram,
    ExponentialHistogram,
    Summary,
}

impl MetricKind {
    /// The kind whose points stand in this field of a metric, `None` if it is another field.
    #[inline]
    pub(crate) const fn of_field(number: u32) -> Option<Self> {
        match number {
            5 => Some(Self::Gauge),
            7 => Some(Self::Sum),
            9 => Some(Self::Histogram),
            10 => Some(Self::ExponentialHistogram),
            11 => Some(Self::Summary),
            _ => None,
        }
    }

    /// The field of a metric in which the points of this kind stand.
    pub(crate) const fn field(self) -> u32 {
        match self {
            Self::Gauge => 5,
            Self::Sum => 7,
            Self::Histogram => 9,
            Self::ExponentialHistogram => 10,
            Self::Summary => 11,
        }
    }

    /// What the points of such a metric are.
    pub const fn points(self) -> ItemKind {
        match self {
            Self::Gauge | Self::Sum => ItemKind::NumberPoint,
            Self::Histogram => ItemKind::HistogramPoint,
            Self::ExponentialHistogram => ItemKind::ExponentialHistogramPoint,
            Self::Summary => ItemKind::SummaryPoint,
        }
    }
}
