//! The codec against others: the tables against the published descriptors, random messages against
//! prost, and the well-formed half against the serde implementation of `opentelemetry-proto`.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use proptest::prelude::*;
use prost::Message as _;

use crate::Signal;
use crate::json::field::{FIXED32, FIXED64, Field, Kind, Message, Presence};
use crate::json::{decode, encode, schema};
use crate::wire::{put_fixed32, put_fixed64, put_len, put_uint, put_varint, zigzag};

// === The published schema ===

#[derive(prost::Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(prost::Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Descriptor>,
    #[prost(message, repeated, tag = "5")]
    enums: Vec<EnumDescriptor>,
}

#[derive(prost::Message)]
struct Descriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<FieldDescriptor>,
    #[prost(message, repeated, tag = "3")]
    messages: Vec<Self>,
    #[prost(message, repeated, tag = "4")]
    enums: Vec<EnumDescriptor>,
}

#[derive(prost::Message)]
struct FieldDescriptor {
    #[prost(string, tag = "10")]
    json_name: String,
    #[prost(int32, tag = "3")]
    number: i32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    kind: i32,
    #[prost(string, tag = "6")]
    type_name: String,
    #[prost(int32, optional, tag = "9")]
    oneof: Option<i32>,
    #[prost(bool, tag = "17")]
    optional: bool,
}

#[derive(prost::Message)]
struct EnumDescriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    values: Vec<EnumValue>,
}

#[derive(prost::Message)]
struct EnumValue {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    number: i32,
}

/// All types of the schema by their full names, with the leading dot.
#[derive(Default)]
struct Published {
    messages: Vec<(String, Descriptor)>,
    enums: Vec<(String, EnumDescriptor)>,
}

impl Published {
    fn read() -> Self {
        let set = FileSet::decode(opentelemetry_proto::DESCRIPTORS).unwrap();
        let mut all = Self::default();
        for file in set.files {
            all.add(&format!(".{}", file.package), file.messages, file.enums);
        }
        all
    }

    fn add(&mut self, scope: &str, messages: Vec<Descriptor>, enums: Vec<EnumDescriptor>) {
        for mut message in messages {
            let name = format!("{scope}.{}", message.name);
            let nested = std::mem::take(&mut message.messages);
            let inner = std::mem::take(&mut message.enums);
            self.add(&name, nested, inner);
            self.messages.push((name, message));
        }
        for one in enums {
            self.enums.push((format!("{scope}.{}", one.name), one));
        }
    }

    fn message(&self, name: &str) -> &Descriptor {
        let found = self.messages.iter().find(|(full, _)| full == name);
        &found.unwrap_or_else(|| panic!("no message {name}")).1
    }

    fn enum_names(&self, name: &str) -> Vec<&str> {
        let (_, found) = self.enums.iter().find(|(full, _)| full == name).unwrap();
        for (position, value) in found.values.iter().enumerate() {
            assert_eq!(value.number, position as i32, "{name} has a gap");
        }
        found.values.iter().map(|value| &value.name[..]).collect()
    }

    /// Compares a table with the message of that name, and then those of its fields.
    fn compare(&self, table: &Message, name: &str, seen: &mut BTreeSet<String>) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let published = &self.message(name).fields;
        let rows = |rows: &mut Vec<String>| {
            rows.sort();
            rows.join("\n")
        };
        let ours = rows(&mut table.0.iter().map(row_of_table).collect());
        let theirs = rows(&mut published.iter().map(row_of_descriptor).collect());
        assert_eq!(ours, theirs, "in {name}");
        for field in table.0 {
            let theirs = published
                .iter()
                .find(|f| f.number == field.number as i32)
                .unwrap();
            match field.kind {
                Kind::Message(table) => self.compare(table, &theirs.type_name, seen),
                Kind::Enum(names) => assert_eq!(names, self.enum_names(&theirs.type_name)),
                _ => {}
            }
        }
    }
}

fn row_of_table(field: &Field) -> String {
    let kind = match field.kind {
        Kind::Double => 1,
        Kind::Int64 => 3,
        Kind::Uint64 => 4,
        Kind::Int32 => 5,
        Kind::Fixed64 => 6,
        Kind::Fixed32 => 7,
        Kind::Bool => 8,
        Kind::String => 9,
        Kind::Message(_) => 11,
        Kind::Bytes | Kind::Id(_) => 12,
        Kind::Uint32 => 13,
        Kind::Enum(_) => 14,
        Kind::Sfixed64 => 16,
        Kind::Sint32 => 17,
    };
    format!(
        "{} {} type {kind} {:?}",
        field.name, field.number, field.presence
    )
}

fn row_of_descriptor(field: &FieldDescriptor) -> String {
    let presence = match field {
        FieldDescriptor { label: 3, .. } => Presence::Repeated,
        FieldDescriptor { optional: true, .. } => Presence::Optional,
        FieldDescriptor { oneof: Some(_), .. } => Presence::Oneof,
        FieldDescriptor { kind: 11, .. } => Presence::Optional,
        _ => Presence::Implicit,
    };
    format!(
        "{} {} type {} {presence:?}",
        field.json_name, field.number, field.kind
    )
}

#[test]
fn the_tables_are_the_published_schema() {
    let published = Published::read();
    let mut seen = BTreeSet::new();
    for (signal, noun) in [
        (Signal::Traces, "Trace"),
        (Signal::Metrics, "Metrics"),
        (Signal::Logs, "Logs"),
    ] {
        let service = format!("{}.v1.Export{noun}Service", noun.to_lowercase());
        let name = format!(".opentelemetry.proto.collector.{service}");
        published.compare(
            schema::request(signal),
            &format!("{name}Request"),
            &mut seen,
        );
        published.compare(
            schema::response(signal),
            &format!("{name}Response"),
            &mut seen,
        );
    }
    assert!(seen.len() > 30, "{seen:?}");
}

// === Random messages ===

/// Messages of a schema out of random bytes, in every form that protobuf allows: fields in any
/// order and repeated, lists packed, in pieces or not, unknown fields between.
struct Dice<'a> {
    bytes: &'a [u8],
    /// The other codec of the test prints `null` for what is not finite.
    only_finite: bool,
}

impl Dice<'_> {
    fn roll(&mut self, sides: u64) -> u64 {
        let (first, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        u64::from(*first) % sides
    }

    fn bits(&mut self) -> u64 {
        match self.roll(4) {
            0 => 0,
            1 => self.roll(256),
            2 => u64::MAX - self.roll(3),
            _ => (0..8).fold(0, |bits, _| bits << 8 | self.roll(256)),
        }
    }

    fn double(&mut self) -> u64 {
        match f64::from_bits(self.bits()) {
            value if value.is_finite() => value.to_bits(),
            _ if self.only_finite => 0,
            value if value.is_nan() => f64::NAN.to_bits(),
            value => value.to_bits(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let letters = ["a", "\"", "\\", "\u{1}", "é", "𝄞", "/", "\u{2028}"];
        let length = self.roll(4);
        (0..length)
            .map(|_| letters[self.roll(8) as usize])
            .collect::<String>()
            .into_bytes()
    }

    fn number(&mut self, kind: Kind) -> u64 {
        match kind {
            Kind::Double => self.double(),
            Kind::Bool => self.roll(2),
            Kind::Enum(names) => self.roll(names.len() as u64),
            Kind::Fixed32 | Kind::Uint32 => self.bits() & 0xffff_ffff,
            Kind::Int32 => self.bits() as i32 as u64,
            Kind::Sint32 => zigzag(self.bits() as i32 as i64),
            _ => self.bits(),
        }
    }

    fn body(&mut self, kind: Kind, depth: usize) -> Vec<u8> {
        match kind {
            Kind::Id(length) if self.roll(4) > 0 => {
                (0..length).map(|_| self.roll(256) as u8).collect()
            }
            Kind::Id(_) => Vec::new(),
            Kind::Message(message) if depth > 0 => self.message(message, depth - 1),
            Kind::Message(_) => Vec::new(),
            _ => self.text(),
        }
    }

    fn field(&mut self, field: &Field, depth: usize, out: &mut Vec<u8>) {
        let (number, kind) = (field.number, field.kind);
        if field.is_packed() && self.roll(4) > 0 {
            let mut run = Vec::new();
            for _ in 0..self.roll(4) {
                match (kind.wire_type(), self.number(kind)) {
                    (FIXED64, bits) => run.extend_from_slice(&bits.to_le_bytes()),
                    (FIXED32, bits) => run.extend_from_slice(&(bits as u32).to_le_bytes()),
                    (_, bits) => put_varint(&mut run, bits),
                }
            }
            return put_len(out, number, &run);
        }
        match kind {
            Kind::String | Kind::Bytes | Kind::Id(_) | Kind::Message(_) => {
                put_len(out, number, &self.body(kind, depth));
            }
            _ => match (kind.wire_type(), self.number(kind)) {
                (FIXED64, bits) => put_fixed64(out, number, bits),
                (FIXED32, bits) => put_fixed32(out, number, bits as u32),
                (_, bits) => put_uint(out, number, bits),
            },
        }
    }

    fn message(&mut self, message: &Message, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..=self.roll(message.0.len() as u64 + 2) {
            match message
                .0
                .get(self.roll(message.0.len() as u64 + 1) as usize)
            {
                Some(field) => self.field(field, depth, &mut out),
                None => put_len(&mut out, 1000, b"unknown"),
            }
        }
        out
    }
}

fn random(signal: Signal, bytes: &[u8], only_finite: bool) -> Vec<u8> {
    Dice { bytes, only_finite }.message(schema::request(signal), 12)
}

/// The message as prost reads it, in the one form in which prost writes it.
fn as_prost_reads(signal: Signal, request: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    Ok(match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(request)?.encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(request)?.encode_to_vec(),
        Signal::Logs => ExportLogsServiceRequest::decode(request)?.encode_to_vec(),
    })
}

/// The message as `opentelemetry-proto` prints it.
fn as_serde_prints(signal: Signal, request: &[u8]) -> Vec<u8> {
    match signal {
        Signal::Traces => {
            serde_json::to_vec(&ExportTraceServiceRequest::decode(request).unwrap()).unwrap()
        }
        Signal::Metrics => {
            serde_json::to_vec(&ExportMetricsServiceRequest::decode(request).unwrap()).unwrap()
        }
        Signal::Logs => {
            serde_json::to_vec(&ExportLogsServiceRequest::decode(request).unwrap()).unwrap()
        }
    }
}

/// The message as `opentelemetry-proto` reads it from its JSON.
fn as_serde_reads(signal: Signal, json: &[u8]) -> Vec<u8> {
    match signal {
        Signal::Traces => serde_json::from_slice::<ExportTraceServiceRequest>(json)
            .unwrap()
            .encode_to_vec(),
        Signal::Metrics => serde_json::from_slice::<ExportMetricsServiceRequest>(json)
            .unwrap()
            .encode_to_vec(),
        Signal::Logs => serde_json::from_slice::<ExportLogsServiceRequest>(json)
            .unwrap()
            .encode_to_vec(),
    }
}

#[test]
fn complete_requests_mean_what_another_codec_reads() {
    for (signal, example) in [
        (Signal::Traces, include_str!("examples/traces.json")),
        (Signal::Metrics, include_str!("examples/metrics.json")),
        (Signal::Logs, include_str!("examples/logs.json")),
    ] {
        let read = decode(signal, example.as_bytes()).unwrap();
        let theirs = as_serde_reads(signal, example.as_bytes());
        assert_eq!(as_prost_reads(signal, &read).unwrap(), theirs, "{signal}");
        // Their reader refuses a list without `values`, the form in which Go prints an empty one.
        let printed = String::from_utf8(encode(signal, &read).unwrap()).unwrap();
        let printed = printed.replace(r#""kvlistValue":{}"#, r#""kvlistValue":{"values":[]}"#);
        assert_eq!(
            as_serde_reads(signal, printed.as_bytes()),
            theirs,
            "{signal}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn a_message_printed_and_read_is_the_message(
        signal in prop::sample::select(&Signal::ALL[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let request = random(signal, &bytes, false);
        let printed = encode(signal, &request).unwrap();
        let read = decode(signal, &printed).unwrap();
        prop_assert_eq!(as_prost_reads(signal, &read), as_prost_reads(signal, &request));
        prop_assert_eq!(encode(signal, &read).unwrap(), printed);
    }

    #[test]
    fn what_another_codec_prints_is_read_as_it_was(
        signal in prop::sample::select(&Signal::ALL[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let request = random(signal, &bytes, true);
        let read = decode(signal, &as_serde_prints(signal, &request)).unwrap();
        prop_assert_eq!(as_prost_reads(signal, &read), as_prost_reads(signal, &request));
    }

    #[test]
    fn what_was_damaged_is_refused_or_is_a_request(
        signal in prop::sample::select(&Signal::ALL[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let request = random(signal, &bytes, false);
        let mut printed = encode(signal, &request).unwrap();
        let mut request = request;
        for (at, byte) in damage {
            let at_printed = at.index(printed.len());
            printed[at_printed] = byte;
            if !request.is_empty() {
                let at_request = at.index(request.len());
                request[at_request] = byte;
            }
        }
        if let Ok(read) = decode(signal, &printed) {
            prop_assert!(as_prost_reads(signal, &read).is_ok());
            prop_assert!(encode(signal, &read).is_ok());
        }
        // Whatever prost can read can be printed.
        let printed = encode(signal, &request);
        prop_assert!(printed.is_ok() || as_prost_reads(signal, &request).is_err());
    }
}
