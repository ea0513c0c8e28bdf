//! Requests of remote write: the series of a table, as many in each as fit.
//!
//! Version 1 is `prometheus.WriteRequest`, version 2 `io.prometheus.write.v2.Request`. Field numbers are those of the
//! [first](https://prometheus.io/docs/specs/prw/remote_write_spec/) and the
//! [second](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/) specification. The second one writes each text
//! once, and refers to it.

use std::ops::Range;

use otlp::wire::{put_fixed64, put_len, put_len_header, put_uint, put_varint, varint_len};

use super::series::{Exemplar, Family, Group, Native, Sample, Series};
use super::symbols::{EMPTY, Symbols};
use super::table::Table;

/// `protobuf_message`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// What is written, and how much fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) version: Version,
    /// Metadata in version 1. Version 2 always has them.
    pub(super) metadata: bool,
    /// Bytes of a request before it is compressed. What no request could be without is sent all the same.
    pub(super) bytes_max: usize,
}

/// One request, not compressed.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// Concatenated they are the message.
    pub(super) body: [Vec<u8>; 2],
    /// What is in it, by number.
    pub(super) groups: Range<usize>,
    pub(super) totals: Totals,
}

/// How much of what there is in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) series: u64,
    pub(super) samples: u64,
    pub(super) histograms: u64,
    pub(super) exemplars: u64,
}

/// Writes requests, one after the other.
pub(super) struct Encoder<'t> {
    table: &'t Table,
    style: Style,
    /// The references to symbols in the request at hand; 0 for those that are not in it.
    references: Vec<u32>,
    /// The symbols in it, in their order.
    used: Vec<u32>,
    /// Families whose metadata are in it.
    described: Vec<bool>,
    symbols: Vec<u8>,
    series: Vec<u8>,
    /// Room for the series at hand, and for a message in it.
    message: Vec<u8>,
    inner: Vec<u8>,
    totals: Totals,
}

/// How far a request has come.
struct Mark {
    used: usize,
    symbols: usize,
    series: usize,
    totals: Totals,
}

// === impl Encoder ===

impl<'t> Encoder<'t> {
    pub(super) fn new(table: &'t Table, style: Style) -> Self {
        Self {
            table,
            style,
            references: Vec::new(),
            used: Vec::new(),
            described: Vec::new(),
            symbols: Vec::new(),
            series: Vec::new(),
            message: Vec::new(),
            inner: Vec::new(),
            totals: Totals::default(),
        }
    }

    /// A request of the first of these groups, as many as fit; the others remain. `None` if there are none.
    pub(super) fn next(&mut self, groups: &mut Range<usize>) -> Option<Request> {
        self.begin();
        let first = groups.start;
        while groups.start < groups.end
            && let Some(group) = self.table.groups().get(groups.start)
        {
            let mark = self.mark();
            self.put_group(groups.start, group);
            if self.symbols.len() + self.series.len() > self.style.bytes_max && groups.start > first
            {
                self.go_back(&mark);
                break;
            }
            groups.start += 1;
        }
        (groups.start > first).then(|| Request {
            body: [
                std::mem::take(&mut self.symbols),
                std::mem::take(&mut self.series),
            ],
            groups: first..groups.start,
            totals: self.totals,
        })
    }

    fn begin(&mut self) {
        for symbol in self.used.drain(..) {
            if let Some(reference) = self.references.get_mut(symbol as usize) {
                *reference = 0;
            }
        }
        self.references.resize(self.table.symbols.len(), 0);
        self.described.clear();
        self.symbols.clear();
        self.series.clear();
        self.totals = Totals::default();
        if self.style.version == Version::V2 {
            // The empty text comes first, so that 0 is a reference to nothing.
            put_len(&mut self.symbols, 4, b"");
            self.used.push(EMPTY);
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            used: self.used.len(),
            symbols: self.symbols.len(),
            series: self.series.len(),
            totals: self.totals,
        }
    }

    fn go_back(&mut self, mark: &Mark) {
        for symbol in self.used.drain(mark.used..) {
            if let Some(reference) = self.references.get_mut(symbol as usize) {
                *reference = 0;
            }
        }
        self.symbols.truncate(mark.symbols);
        self.series.truncate(mark.series);
        self.totals = mark.totals;
    }

    fn put_group(&mut self, number: usize, group: &Group) {
        let Some(family) = self.table.family_of(group) else {
            return;
        };
        let table = self.table;
        for series in table.of_group(number) {
            let mut message = std::mem::take(&mut self.message);
            message.clear();
            match self.style.version {
                Version::V1 => {
                    self.put_v1(&mut message, series);
                    put_len(&mut self.series, 1, &message);
                }
                Version::V2 => {
                    self.put_v2(&mut message, series, family);
                    put_len(&mut self.series, 5, &message);
                }
            }
            self.message = message;
            self.totals.series += 1;
            self.totals.samples += series.samples.len() as u64;
            self.totals.histograms += series.natives.len() as u64;
            self.totals.exemplars += series.exemplars.len() as u64;
        }
        if self.style.version == Version::V1 && self.style.metadata {
            self.describe(group.family, family);
        }
    }

    // === version 1 ===

    fn put_v1(&mut self, out: &mut Vec<u8>, series: &Series) {
        let symbols = &self.table.symbols;
        put_labels(out, symbols, self.table.labels(series));
        for sample in &series.samples {
            put_sample(out, sample, 0);
        }
        for exemplar in &series.exemplars {
            let body = &mut self.inner;
            body.clear();
            put_labels(body, symbols, &exemplar.labels);
            put_value_and_time(body, exemplar);
            put_len(out, 3, body);
        }
        for native in &series.natives {
            put_native(out, 4, native, 0);
        }
    }

    /// `WriteRequest.metadata`, once for each family.
    fn describe(&mut self, number: u32, family: &Family) {
        let number = number as usize;
        if self.described.len() <= number {
            self.described.resize(number + 1, false);
        }
        if std::mem::replace(&mut self.described[number], true) {
            return;
        }
        let symbols = &self.table.symbols;
        let body = &mut self.inner;
        body.clear();
        put_uint(body, 1, family.kind as u64);
        for (field, text) in [(2, family.name), (4, family.help), (5, family.unit)] {
            put_len(body, field, symbols.text(text).as_bytes());
        }
        put_len(&mut self.series, 3, body);
    }

    // === version 2 ===

    fn put_v2(&mut self, out: &mut Vec<u8>, series: &Series, family: &Family) {
        self.put_references(out, self.table.labels(series));
        for sample in &series.samples {
            put_sample(out, sample, sample.start);
        }
        for native in &series.natives {
            put_native(out, 3, native, native.start);
        }
        for exemplar in &series.exemplars {
            let mut body = Vec::new();
            self.put_references(&mut body, &exemplar.labels);
            put_value_and_time(&mut body, exemplar);
            put_len(out, 4, &body);
        }
        let mut metadata = Vec::new();
        put_uint(&mut metadata, 1, family.kind as u64);
        for (field, symbol) in [(3, family.help), (4, family.unit)] {
            put_uint(&mut metadata, field, u64::from(self.reference(symbol)));
        }
        put_len(out, 5, &metadata);
    }

    fn put_references(&mut self, out: &mut Vec<u8>, labels: &[u32]) {
        let mut body = std::mem::take(&mut self.inner);
        body.clear();
        for symbol in labels {
            put_varint(&mut body, u64::from(self.reference(*symbol)));
        }
        put_len(out, 1, &body);
        self.inner = body;
    }

    /// The place of a text in the request.
    fn reference(&mut self, symbol: u32) -> u32 {
        let Some(known) = self.references.get_mut(symbol as usize) else {
            return 0;
        };
        if *known == 0 && symbol != EMPTY {
            *known = u32::try_from(self.used.len()).unwrap_or(u32::MAX);
            self.used.push(symbol);
            let text = self.table.symbols.text(symbol);
            put_len(&mut self.symbols, 4, text.as_bytes());
        }
        *known
    }
}

/// `Label`s, which are the first field of what has some.
fn put_labels(out: &mut Vec<u8>, symbols: &Symbols, labels: &[u32]) {
    for pair in labels.chunks_exact(2) {
        let texts = [(1, symbols.text(pair[0])), (2, symbols.text(pair[1]))];
        let length = |(_, text): &(u32, &str)| 1 + varint_len(text.len() as u64) + text.len();
        put_len_header(out, 1, texts.iter().map(length).sum());
        for (field, text) in texts {
            put_len(out, field, text.as_bytes());
        }
    }
}

fn put_sample(out: &mut Vec<u8>, sample: &Sample, start: i64) {
    let Sample { time, value, .. } = *sample;
    let [time, start] = [time, start].map(|time| time as u64);
    let start_length = match start {
        0 => 0,
        start => 1 + varint_len(start),
    };
    put_len_header(out, 2, 9 + 1 + varint_len(time) + start_length);
    put_fixed64(out, 1, value.to_bits());
    put_uint(out, 2, time);
    if start != 0 {
        put_uint(out, 3, start);
    }
}

fn put_native(out: &mut Vec<u8>, field: u32, native: &Native, start: i64) {
    let [time, start] = [native.time, start].map(|time| time as u64);
    let start_length = match start {
        0 => 0,
        start => 2 + varint_len(start),
    };
    put_len_header(
        out,
        field,
        native.body.len() + 1 + varint_len(time) + start_length,
    );
    out.extend_from_slice(&native.body);
    put_uint(out, 15, time);
    if start != 0 {
        put_uint(out, 17, start);
    }
}

fn put_value_and_time(out: &mut Vec<u8>, exemplar: &Exemplar) {
    put_fixed64(out, 2, exemplar.value.to_bits());
    put_uint(out, 3, exemplar.time as u64);
}
