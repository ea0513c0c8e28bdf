//! Data points of the five kinds of metrics. Times are nanoseconds since the Unix epoch.

use super::message::View;
use super::scalars::Encoding;
use super::{Attributes, Message, Repeated, Scalars, Singular};
use crate::ItemKind;
use crate::layout::EXEMPLAR;
use crate::wire::{Field, Fields, Malformed};

/// A measured number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Double(f64),
    Int(i64),
}

impl Number {
    fn read_double(field: &Field<'_>) -> Result<Option<Self>, Malformed> {
        field.double().map(|value| Some(Self::Double(value)))
    }

    fn read_int(field: &Field<'_>) -> Result<Option<Self>, Malformed> {
        field.fixed64().map(|value| Some(Self::Int(value as i64)))
    }
}

// === impl NumberPoint ===

/// A point of a gauge or a sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberPoint<'a> {
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
    /// `None` if no number was recorded.
    pub value: Option<Number>,
    pub flags: u32,
    body: &'a [u8],
}

impl<'a> NumberPoint<'a> {
    /// Reads an encoded point.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut point = Self {
            body,
            ..Self::default()
        };
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 => point.start_time_unix_nano = field.fixed64()?,
                3 => point.time_unix_nano = field.fixed64()?,
                4 => point.value = Number::read_double(&field)?,
                6 => point.value = Number::read_int(&field)?,
                8 => point.flags = field.uint32()?,
                _ => {}
            }
        }
        Ok(point)
    }

    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(ItemKind::NumberPoint.carrier().attributes, 0)
    }

    pub const fn exemplars(&self) -> Repeated<'a, Exemplar<'a>> {
        Message::new(self.body).repeated(5, ())
    }
}

// === impl HistogramPoint ===

/// A point of a histogram with explicit bounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistogramPoint<'a> {
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub flags: u32,
    body: &'a [u8],
}

impl<'a> HistogramPoint<'a> {
    /// Reads an encoded point.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut point = Self {
            body,
            ..Self::default()
        };
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 => point.start_time_unix_nano = field.fixed64()?,
                3 => point.time_unix_nano = field.fixed64()?,
                4 => point.count = field.fixed64()?,
                5 => point.sum = Some(field.double()?),
                10 => point.flags = field.uint32()?,
                11 => point.min = Some(field.double()?),
                12 => point.max = Some(field.double()?),
                _ => {}
            }
        }
        Ok(point)
    }

    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(ItemKind::HistogramPoint.carrier().attributes, 0)
    }

    pub const fn exemplars(&self) -> Repeated<'a, Exemplar<'a>> {
        Message::new(self.body).repeated(8, ())
    }

    /// Counts of the buckets, one more than there are bounds.
    pub const fn bucket_counts(&self) -> Scalars<'a> {
        Scalars::new(Message::new(self.body), 6, Encoding::Fixed64)
    }

    /// Upper bounds of all buckets but the last, ascending.
    pub fn explicit_bounds(
        &self,
    ) -> impl Iterator<Item = Result<f64, Malformed>> + Clone + use<'a> {
        Scalars::new(Message::new(self.body), 7, Encoding::Fixed64)
            .map(|bits| bits.map(f64::from_bits))
    }
}

// === impl ExponentialHistogramPoint ===

/// A point of a histogram whose bounds are powers of 2^(2^-scale).
#[derive(Clone, Copy, Debug, Default)]
pub struct ExponentialHistogramPoint<'a> {
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: Option<Buckets<'a>>,
    pub negative: Option<Buckets<'a>>,
    pub flags: u32,
    body: &'a [u8],
}

impl<'a> ExponentialHistogramPoint<'a> {
    /// Reads an encoded point.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut point = Self {
            body,
            ..Self::default()
        };
        let (mut positive, mut negative) = (Singular::default(), Singular::default());
        let mut fields = Message::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 => point.start_time_unix_nano = field.fixed64()?,
                3 => point.time_unix_nano = field.fixed64()?,
                4 => point.count = field.fixed64()?,
                5 => point.sum = Some(field.double()?),
                6 => point.scale = field.sint32()?,
                7 => point.zero_count = field.fixed64()?,
                8 => positive.add(&field, &fields)?,
                9 => negative.add(&field, &fields)?,
                10 => point.flags = field.uint32()?,
                12 => point.min = Some(field.double()?),
                13 => point.max = Some(field.double()?),
                14 => point.zero_threshold = field.double()?,
                _ => {}
            }
        }
        point.positive = positive.message().map(Buckets::read).transpose()?;
        point.negative = negative.message().map(Buckets::read).transpose()?;
        Ok(point)
    }

    pub const fn attributes(&self) -> Attributes<'a> {
        let carrier = ItemKind::ExponentialHistogramPoint.carrier();
        Message::new(self.body).repeated(carrier.attributes, 0)
    }

    pub const fn exemplars(&self) -> Repeated<'a, Exemplar<'a>> {
        Message::new(self.body).repeated(11, ())
    }
}

/// A run of buckets of an exponential histogram.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buckets<'a> {
    /// Index of the first bucket.
    pub offset: i32,
    message: Message<'a>,
}

impl<'a> Buckets<'a> {
    pub const fn bucket_counts(&self) -> Scalars<'a> {
        Scalars::new(self.message, 2, Encoding::Varint)
    }

    fn read(message: Message<'a>) -> Result<Self, Malformed> {
        let mut buckets = Self {
            message,
            ..Self::default()
        };
        let mut fields = message;
        while let Some(field) = fields.next_field()? {
            if field.number == 1 {
                buckets.offset = field.sint32()?;
            }
        }
        Ok(buckets)
    }
}

// === impl SummaryPoint ===

/// A point of a summary: quantiles that the sender has computed.
#[derive(Clone, Copy, Debug, Default)]
pub struct SummaryPoint<'a> {
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
    pub count: u64,
    pub sum: f64,
    pub flags: u32,
    body: &'a [u8],
}

impl<'a> SummaryPoint<'a> {
    /// Reads an encoded point.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut point = Self {
            body,
            ..Self::default()
        };
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 => point.start_time_unix_nano = field.fixed64()?,
                3 => point.time_unix_nano = field.fixed64()?,
                4 => point.count = field.fixed64()?,
                5 => point.sum = field.double()?,
                8 => point.flags = field.uint32()?,
                _ => {}
            }
        }
        Ok(point)
    }

    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(ItemKind::SummaryPoint.carrier().attributes, 0)
    }

    pub const fn quantile_values(&self) -> Repeated<'a, Quantile> {
        Message::new(self.body).repeated(6, ())
    }
}

/// The value at one quantile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantile {
    /// From 0 (the minimum) to 1 (the maximum).
    pub quantile: f64,
    pub value: f64,
}

impl<'a> View<'a> for Quantile {
    type Context = ();

    fn read(body: &'a [u8], (): ()) -> Result<Self, Malformed> {
        let mut quantile = Self::default();
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => quantile.quantile = field.double()?,
                2 => quantile.value = field.double()?,
                _ => {}
            }
        }
        Ok(quantile)
    }
}

// === impl Exemplar ===

/// A measurement that a point was made of, with the trace during which it was taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exemplar<'a> {
    pub time_unix_nano: u64,
    pub value: Option<Number>,
    pub span_id: &'a [u8],
    pub trace_id: &'a [u8],
    body: &'a [u8],
}

impl<'a> Exemplar<'a> {
    /// Attributes of the measurement that the point itself does not have.
    pub const fn filtered_attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(EXEMPLAR.attributes, 0)
    }
}

impl<'a> View<'a> for Exemplar<'a> {
    type Context = ();

    fn read(body: &'a [u8], (): ()) -> Result<Self, Malformed> {
        let mut exemplar = Self {
            body,
            ..Self::default()
        };
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 => exemplar.time_unix_nano = field.fixed64()?,
                3 => exemplar.value = Number::read_double(&field)?,
                4 => exemplar.span_id = field.bytes()?,
                5 => exemplar.trace_id = field.bytes()?,
                6 => exemplar.value = Number::read_int(&field)?,
                _ => {}
            }
        }
        Ok(exemplar)
    }
}
