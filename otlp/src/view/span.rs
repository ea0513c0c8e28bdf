//! Spans.

use super::message::View;
use super::{Attributes, EncodedKeyValue, Message, Repeated, Text, trace_state};
use crate::ItemKind;
use crate::layout::{SPAN_EVENT, SPAN_LINK};
use crate::wire::{Fields, Malformed};

const ATTRIBUTES: u32 = ItemKind::Span.carrier().attributes;
const EVENTS: u32 = 11;
const STATUS: u32 = 15;

/// A span. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span<'a> {
    /// 16 bytes, if the sender keeps to the specification.
    pub trace_id: &'a [u8],
    /// 8 bytes, if the sender keeps to the specification.
    pub span_id: &'a [u8],
    /// Empty for a root span.
    pub parent_span_id: &'a [u8],
    pub trace_state: Text<'a>,
    pub name: Text<'a>,
    /// `SpanKind`: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    pub flags: u32,
    pub start_time_unix_nano: u64,
    pub end_time_unix_nano: u64,
    pub status: Option<Status<'a>>,
    pub dropped_attributes_count: u32,
    pub dropped_events_count: u32,
    pub dropped_links_count: u32,
    body: &'a [u8],
    /// From the first attribute to the end of the last, so that nobody who reads them walks over the rest.
    attributes: &'a [u8],
}

impl<'a> Span<'a> {
    /// Reads an encoded span.
    #[inline]
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read_showing(body, |_| {})
    }

    /// Reads an encoded span and shows its attributes on the way, so that who looks at all of them walks over the span
    /// once. They are shown also if the span turns out to be malformed behind them.
    #[inline]
    pub fn read_showing(
        body: &'a [u8],
        mut show: impl FnMut(EncodedKeyValue<'a>),
    ) -> Result<Self, Malformed> {
        let mut span = Self {
            body,
            ..Self::default()
        };
        let mut attributes = body.len()..0;
        let mut fields = Fields::new(body);
        span.read_head(&mut fields);
        loop {
            let start = body.len() - fields.rest().len();
            while let Some(attribute) = fields.next_short(ATTRIBUTES) {
                show(EncodedKeyValue::new(attribute));
            }
            let end = body.len() - fields.rest().len();
            if end > start {
                attributes = attributes.start.min(start)..end;
            }
            while fields.next_short(EVENTS).is_some() {}
            if let Some(status) = fields.next_short(STATUS) {
                span.status.get_or_insert_default().merge(status)?;
            }
            let Some(field) = fields.next_field()? else {
                break;
            };
            match field.number {
                ATTRIBUTES => {
                    let end = body.len() - fields.rest().len();
                    attributes = attributes.start.min(end - field.raw.len())..end;
                    if let Ok(attribute) = field.bytes() {
                        show(EncodedKeyValue::new(attribute));
                    }
                }
                1 => span.trace_id = field.bytes()?,
                2 => span.span_id = field.bytes()?,
                3 => span.trace_state = Text::new(field.bytes()?),
                4 => span.parent_span_id = field.bytes()?,
                5 => span.name = Text::new(field.bytes()?),
                6 => span.kind = field.int32()?,
                7 => span.start_time_unix_nano = field.fixed64()?,
                8 => span.end_time_unix_nano = field.fixed64()?,
                10 => span.dropped_attributes_count = field.uint32()?,
                12 => span.dropped_events_count = field.uint32()?,
                14 => span.dropped_links_count = field.uint32()?,
                STATUS => span.status.get_or_insert_default().merge(field.bytes()?)?,
                16 => span.flags = field.fixed32()?,
                _ => {}
            }
        }
        span.attributes = body.get(attributes).unwrap_or_default();
        Ok(span)
    }

    /// Reads the fields before the attributes as far as they are written in the order of their numbers, as nearly every
    /// encoder does: each branch then goes where it went for the span before.
    #[inline(always)]
    fn read_head(&mut self, fields: &mut Fields<'a>) {
        let known = |field: Option<&'a [u8]>| field.unwrap_or_default();
        self.trace_id = known(fields.next_short(1));
        self.span_id = known(fields.next_short(2));
        self.trace_state = Text::new(known(fields.next_short(3)));
        self.parent_span_id = known(fields.next_short(4));
        self.name = Text::new(known(fields.next_short(5)));
        self.kind = fields.next_choice(6).unwrap_or_default().into();
        self.start_time_unix_nano = fields.next_fixed64(7).unwrap_or_default();
        self.end_time_unix_nano = fields.next_fixed64(8).unwrap_or_default();
    }

    /// Whether the operation has failed.
    pub fn is_error(&self) -> bool {
        const ERROR: i32 = 2;
        self.status.is_some_and(|status| status.code == ERROR)
    }

    /// Whether the span has no parent: none is written, or one of zeros.
    pub fn is_root(&self) -> bool {
        self.parent_span_id.iter().all(|byte| *byte == 0)
    }

    /// The value of a key of the trace state.
    ///
    /// # Errors
    /// The whole of it is no trace state, and nothing of it counts.
    pub fn trace_state_entry(&self, key: &str) -> Result<Option<&'a str>, Malformed> {
        trace_state::entry(self.trace_state, key)
    }

    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.attributes).repeated(ATTRIBUTES, 0)
    }

    pub const fn events(&self) -> Repeated<'a, SpanEvent<'a>> {
        Message::new(self.body).repeated(EVENTS, ())
    }

    pub const fn links(&self) -> Repeated<'a, SpanLink<'a>> {
        Message::new(self.body).repeated(13, ())
    }
}

/// How the operation of a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status<'a> {
    pub message: Text<'a>,
    /// `StatusCode`: 0 unset, 1 ok, 2 error.
    pub code: i32,
}

impl<'a> Status<'a> {
    fn merge(&mut self, body: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                2 => self.message = Text::new(field.bytes()?),
                3 => self.code = field.int32()?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Something that happened during a span.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanEvent<'a> {
    pub time_unix_nano: u64,
    pub name: Text<'a>,
    pub dropped_attributes_count: u32,
    body: &'a [u8],
}

impl<'a> SpanEvent<'a> {
    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(SPAN_EVENT.attributes, 0)
    }
}

impl<'a> View<'a> for SpanEvent<'a> {
    type Context = ();

    fn read(body: &'a [u8], (): ()) -> Result<Self, Malformed> {
        let mut event = Self {
            body,
            ..Self::default()
        };
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => event.time_unix_nano = field.fixed64()?,
                2 => event.name = Text::new(field.bytes()?),
                4 => event.dropped_attributes_count = field.uint32()?,
                _ => {}
            }
        }
        Ok(event)
    }
}

/// A pointer from a span to another span.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanLink<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub trace_state: Text<'a>,
    pub flags: u32,
    pub dropped_attributes_count: u32,
    body: &'a [u8],
}

impl<'a> SpanLink<'a> {
    pub const fn attributes(&self) -> Attributes<'a> {
        Message::new(self.body).repeated(SPAN_LINK.attributes, 0)
    }
}

impl<'a> View<'a> for SpanLink<'a> {
    type Context = ();

    fn read(body: &'a [u8], (): ()) -> Result<Self, Malformed> {
        let mut link = Self {
            body,
            ..Self::default()
        };
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next_field()? {
            match field.number {
                1 => link.trace_id = field.bytes()?,
                2 => link.span_id = field.bytes()?,
                3 => link.trace_state = Text::new(field.bytes()?),
                5 => link.dropped_attributes_count = field.uint32()?,
                6 => link.flags = field.fixed32()?,
                _ => {}
            }
        }
        Ok(link)
    }
}
