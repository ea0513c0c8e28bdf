//! Random requests, written field by field in any order that protobuf allows.
//!
//! A request is made from a tape of random bytes: every choice takes some off its front, and an
//! empty tape chooses the smallest. Because fields are picked at random, scalars occur twice,
//! messages come in parts, alternatives replace one another, numbers are packed or not, and fields
//! that nobody knows stand in between.

use bytes::Bytes;
use otlp::Signal;
use otlp::wire::{put_fixed32, put_fixed64, put_len, put_uint, put_varint, zigzag};

/// What stands in a field.
#[derive(Clone, Copy)]
enum Kind {
    /// A message, and how many fields to write into it at most.
    Message(&'static Schema, usize),
    Text,
    Bytes,
    Varint,
    Sint32,
    Fixed64,
    Fixed32,
    PackedFixed64,
    PackedVarint,
}

use Kind::{
    Bytes as Raw, Fixed32, Fixed64, Message, PackedFixed64, PackedVarint, Sint32, Text, Varint,
};

type Schema = &'static [(u32, Kind)];

static ANY_VALUE: Schema = &[
    (1, Text),
    (2, Varint),
    (3, Varint),
    (4, Fixed64),
    (5, Message(&ARRAY, 4)),
    (6, Message(&KEY_VALUE_LIST, 3)),
    (7, Raw),
];
static ARRAY: Schema = &[(1, Message(&ANY_VALUE, 1))];
static KEY_VALUE_LIST: Schema = &[(1, Message(&PAIR, 3))];
static PAIR: Schema = &[
    (1, Text),
    (2, Message(&ANY_VALUE, 2)),
    (2, Message(&ANY_VALUE, 1)),
];
const KEY_VALUE: Kind = Message(&PAIR, 3);

static RESOURCE: Schema = &[
    (1, KEY_VALUE),
    (1, KEY_VALUE),
    (2, Varint),
    (3, Message(&ENTITY, 3)),
];
static ENTITY: Schema = &[(1, Text), (2, Text), (3, Text), (4, Text)];
static SCOPE: Schema = &[(1, Text), (2, Text), (3, KEY_VALUE), (4, Varint)];

static TRACES: Schema = &[(1, Message(&RESOURCE_SPANS, 5))];
static RESOURCE_SPANS: Schema = &[
    (1, Message(&RESOURCE, 4)),
    (2, Message(&SCOPE_SPANS, 8)),
    (2, Message(&SCOPE_SPANS, 8)),
    (3, Text),
];
static SCOPE_SPANS: Schema = &[
    (1, Message(&SCOPE, 4)),
    (2, SPAN),
    (2, SPAN),
    (2, SPAN),
    (3, Text),
];
const SPAN: Kind = Message(&SPAN_FIELDS, 8);
static SPAN_FIELDS: Schema = &[
    (1, Raw),
    (2, Raw),
    (3, Text),
    (4, Raw),
    (5, Text),
    (6, Varint),
    (7, Fixed64),
    (8, Fixed64),
    (9, KEY_VALUE),
    (9, KEY_VALUE),
    (9, KEY_VALUE),
    (10, Varint),
    (11, Message(&EVENT, 4)),
    (12, Varint),
    (13, Message(&LINK, 4)),
    (14, Varint),
    (15, Message(&STATUS, 2)),
    (16, Fixed32),
];
static EVENT: Schema = &[(1, Fixed64), (2, Text), (3, KEY_VALUE), (4, Varint)];
static LINK: Schema = &[
    (1, Raw),
    (2, Raw),
    (3, Text),
    (4, KEY_VALUE),
    (5, Varint),
    (6, Fixed32),
];
static STATUS: Schema = &[(2, Text), (3, Varint)];

static LOGS: Schema = &[(1, Message(&RESOURCE_LOGS, 5))];
static RESOURCE_LOGS: Schema = &[
    (1, Message(&RESOURCE, 4)),
    (2, Message(&SCOPE_LOGS, 8)),
    (2, Message(&SCOPE_LOGS, 8)),
    (3, Text),
];
static SCOPE_LOGS: Schema = &[
    (1, Message(&SCOPE, 4)),
    (2, LOG_RECORD),
    (2, LOG_RECORD),
    (2, LOG_RECORD),
    (3, Text),
];
const LOG_RECORD: Kind = Message(&LOG_RECORD_FIELDS, 8);
static LOG_RECORD_FIELDS: Schema = &[
    (1, Fixed64),
    (2, Varint),
    (3, Text),
    (5, Message(&ANY_VALUE, 2)),
    (5, Message(&ANY_VALUE, 1)),
    (6, KEY_VALUE),
    (6, KEY_VALUE),
    (7, Varint),
    (8, Fixed32),
    (9, Raw),
    (10, Raw),
    (11, Fixed64),
    (12, Text),
];

static METRICS: Schema = &[(1, Message(&RESOURCE_METRICS, 5))];
static RESOURCE_METRICS: Schema = &[
    (1, Message(&RESOURCE, 4)),
    (2, Message(&SCOPE_METRICS, 8)),
    (2, Message(&SCOPE_METRICS, 8)),
    (3, Text),
];
static SCOPE_METRICS: Schema = &[
    (1, Message(&SCOPE, 4)),
    (2, METRIC),
    (2, METRIC),
    (2, METRIC),
    (3, Text),
];
const METRIC: Kind = Message(&METRIC_FIELDS, 5);
static METRIC_FIELDS: Schema = &[
    (1, Text),
    (2, Text),
    (3, Text),
    (5, Message(&GAUGE, 4)),
    (7, Message(&SUM, 6)),
    (9, Message(&HISTOGRAM, 5)),
    (10, Message(&EXPONENTIAL_HISTOGRAM, 5)),
    (11, Message(&SUMMARY, 4)),
    (12, KEY_VALUE),
];
static GAUGE: Schema = &[(1, NUMBER_POINT)];
static SUM: Schema = &[
    (1, NUMBER_POINT),
    (1, NUMBER_POINT),
    (2, Varint),
    (3, Varint),
];
static HISTOGRAM: Schema = &[
    (1, Message(&HISTOGRAM_POINT, 9)),
    (1, Message(&HISTOGRAM_POINT, 9)),
    (2, Varint),
];
static EXPONENTIAL_HISTOGRAM: Schema = &[
    (1, Message(&EXPONENTIAL_POINT, 9)),
    (1, Message(&EXPONENTIAL_POINT, 9)),
    (2, Varint),
];
static SUMMARY: Schema = &[(1, Message(&SUMMARY_POINT, 6))];
const NUMBER_POINT: Kind = Message(&NUMBER_POINT_FIELDS, 6);
static NUMBER_POINT_FIELDS: Schema = &[
    (2, Fixed64),
    (3, Fixed64),
    (4, Fixed64),
    (5, EXEMPLAR),
    (6, Fixed64),
    (7, KEY_VALUE),
    (8, Varint),
];
static HISTOGRAM_POINT: Schema = &[
    (2, Fixed64),
    (3, Fixed64),
    (4, Fixed64),
    (5, Fixed64),
    (6, PackedFixed64),
    (7, PackedFixed64),
    (8, EXEMPLAR),
    (9, KEY_VALUE),
    (10, Varint),
    (11, Fixed64),
    (12, Fixed64),
];
static EXPONENTIAL_POINT: Schema = &[
    (1, KEY_VALUE),
    (2, Fixed64),
    (3, Fixed64),
    (4, Fixed64),
    (5, Fixed64),
    (6, Sint32),
    (7, Fixed64),
    (8, Message(&BUCKETS, 4)),
    (9, Message(&BUCKETS, 4)),
    (10, Varint),
    (11, EXEMPLAR),
    (12, Fixed64),
    (13, Fixed64),
    (14, Fixed64),
];
static BUCKETS: Schema = &[(1, Sint32), (2, PackedVarint)];
static SUMMARY_POINT: Schema = &[
    (2, Fixed64),
    (3, Fixed64),
    (4, Fixed64),
    (5, Fixed64),
    (6, Message(&QUANTILE, 2)),
    (7, KEY_VALUE),
    (8, Varint),
];
static QUANTILE: Schema = &[(1, Fixed64), (2, Fixed64)];
const EXEMPLAR: Kind = Message(&EXEMPLAR_FIELDS, 5);
static EXEMPLAR_FIELDS: Schema = &[
    (2, Fixed64),
    (3, Fixed64),
    (4, Raw),
    (5, Raw),
    (6, Fixed64),
    (7, KEY_VALUE),
];

/// Levels of messages below which no message is written, well within what prost accepts.
const DEPTH_MAX: usize = 24;

/// The request that this tape makes.
pub(crate) fn request(signal: Signal, tape: &[u8]) -> Bytes {
    let schema = match signal {
        Signal::Traces => TRACES,
        Signal::Metrics => METRICS,
        Signal::Logs => LOGS,
    };
    let mut tape = Tape(tape);
    // Short messages leave much of the tape: go on until it is used.
    let mut out = Vec::new();
    while !tape.0.is_empty() {
        out.extend(tape.message(schema, 4, 0));
    }
    out.into()
}

struct Tape<'a>(&'a [u8]);

impl Tape<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    fn message(&mut self, schema: Schema, fields_max: usize, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..self.below(fields_max + 1) {
            if self.below(16) == 15 {
                self.unknown_field(&mut out);
            }
            let (number, kind) = schema[self.below(schema.len())];
            self.field(&mut out, number, kind, depth);
        }
        out
    }

    fn field(&mut self, out: &mut Vec<u8>, number: u32, kind: Kind, depth: usize) {
        match kind {
            Message(..) if depth == DEPTH_MAX => {}
            Message(schema, fields_max) => {
                let body = self.message(schema, fields_max, depth + 1);
                put_len(out, number, &body);
            }
            Text => put_len(out, number, self.text().as_bytes()),
            Raw => {
                let bytes: Vec<u8> = (0..self.below(20)).map(|_| self.byte()).collect();
                put_len(out, number, &bytes);
            }
            Varint => put_uint(out, number, self.integer()),
            Sint32 => put_uint(out, number, zigzag(i64::from(self.integer() as i32))),
            Fixed64 => put_fixed64(out, number, self.integer()),
            Fixed32 => put_fixed32(out, number, self.integer() as u32),
            PackedFixed64 if self.below(3) == 0 => put_fixed64(out, number, self.integer()),
            PackedVarint if self.below(3) == 0 => put_uint(out, number, self.integer()),
            PackedFixed64 => {
                let packed: Vec<u8> = (0..self.below(5))
                    .flat_map(|_| self.integer().to_le_bytes())
                    .collect();
                put_len(out, number, &packed);
            }
            PackedVarint => {
                let mut packed = Vec::new();
                for _ in 0..self.below(5) {
                    put_varint(&mut packed, self.integer());
                }
                put_len(out, number, &packed);
            }
        }
    }

    /// A few texts occur often, so that keys meet; some are longer than a length byte can say.
    fn text(&mut self) -> String {
        match self.byte() {
            0..160 => ["", "a", "b", "key", "λ"][self.below(5)].to_owned(),
            160..250 => format!("text {}", self.byte()),
            _ => "long ".repeat(30 * (1 + self.below(20))),
        }
    }

    fn integer(&mut self) -> u64 {
        match self.below(4) {
            0 => u64::from(self.byte()),
            1 => f64::from(self.byte()).to_bits(),
            2 => (self.byte() as i8) as u64,
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    fn unknown_field(&mut self, out: &mut Vec<u8>) {
        let number = 100 + self.below(3000) as u32;
        let kind = [Text, Varint, Fixed64, Fixed32][self.below(4)];
        self.field(out, number, kind, 0);
    }
}
