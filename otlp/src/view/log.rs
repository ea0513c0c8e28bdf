//! Log records.

use super::{AnyValue, Attributes, Message, Singular, Text};
use crate::ItemKind;
use crate::wire::Malformed;

/// A log record. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRecord<'a> {
    pub time_unix_nano: u64,
    pub observed_time_unix_nano: u64,
    /// `SeverityNumber`: 1 to 4 trace, 5 to 8 debug, 9 to 12 info, 13 to 16 warn, 17 to 20 error,
    /// 21 to 24 fatal.
    pub severity_number: i32,
    pub severity_text: Text<'a>,
    pub event_name: Text<'a>,
    pub flags: u32,
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub dropped_attributes_count: u32,
    value: Option<Message<'a>>,
    body: &'a [u8],
}

impl<'a> LogRecord<'a> {
    /// Reads an encoded log record.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut record = Self {
            body,
            ..Self::default()
        };
        let mut value = Singular::default();
        let mut fields = Message::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => record.time_unix_nano = field.fixed64()?,
                2 => record.severity_number = field.int32()?,
                3 => record.severity_text = Text::new(field.bytes()?),
                5 => value.add(&field, &fields)?,
                7 => record.dropped_attributes_count = field.uint32()?,
                8 => record.flags = field.fixed32()?,
                9 => record.trace_id = field.bytes()?,
                10 => record.span_id = field.bytes()?,
                11 => record.observed_time_unix_nano = field.fixed64()?,
                12 => record.event_name = Text::new(field.bytes()?),
                _ => {}
            }
        }
        record.value = value.message();
        Ok(record)
    }

    /// The body, `None` if there is none.
    pub fn body(&self) -> Result<Option<AnyValue<'a>>, Malformed> {
        self.value
            .map(|value| AnyValue::read_parts(value, 1))
            .transpose()
    }

    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(ItemKind::LogRecord.carrier().attributes, 0)
    }
}
