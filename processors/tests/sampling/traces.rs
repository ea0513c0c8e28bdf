//! Traces from a number, the same everywhere and always: with all that senders get wrong.

/// Spans of one request.
const REQUEST_SPANS: usize = 200;

/// How far apart, in traces, the spans of one trace may come.
const SCATTER: u64 = 40;

/// Traces are dealt to so many policies of a set.
pub(crate) const SLOTS: u64 = 16;

/// These many traces, of one span, two and so on, are `only` themselves: for policies that count.
pub(crate) const SINGLES: u64 = 8;

/// Longest of the traces.
const SPANS_MAX: u64 = 24;

/// 2024 and a bit, in nanoseconds.
const BASE: u64 = 1_715_000_000_000_000_000;

pub(crate) struct Trace {
    pub(crate) id: [u8; 16],
    pub(crate) slot: u64,
    pub(crate) spans: u64,
    /// Of the encoded spans.
    pub(crate) bytes: u64,
    /// Some span does not say when it began, or names a time that overflows.
    pub(crate) has_odd_times: bool,
}

/// What a collector is sent: first requests, and after a while the others.
pub(crate) struct Feed {
    pub(crate) traces: Vec<Trace>,
    pub(crate) requests: [Vec<Vec<u8>>; 2],
}

struct Span {
    trace: usize,
    resource: u64,
    scope: u64,
    is_late: bool,
    body: Vec<u8>,
}

/// So many traces. They are the same in every arrangement; when and with which others their spans come is not, and
/// the first one is that of the recorded verdicts.
pub(crate) fn feed(count: usize, arrangement: u64) -> Feed {
    let mut random = Random(0x7ace_9a7e);
    let mut traces = Vec::new();
    let mut spans = Vec::new();
    for number in 0..count {
        let (trace, mut parts) = trace(number, &mut random);
        traces.push(trace);
        spans.append(&mut parts);
    }
    let mut request_spans = REQUEST_SPANS;
    if arrangement > 0 {
        random = Random(arrangement);
        request_spans = 1 + random.below(REQUEST_SPANS as u64) as usize;
        for span in &mut spans {
            span.is_late = random.one_in(2);
        }
    }
    let mut arrivals: Vec<(u64, Span)> = spans
        .into_iter()
        .map(|span| (span.trace as u64 + random.below(SCATTER), span))
        .collect();
    arrivals.sort_by_key(|(at, _)| *at);
    let spans = arrivals.into_iter().map(|(_, span)| span);
    let (late, early): (Vec<Span>, Vec<Span>) = spans.partition(|span| span.is_late);
    Feed {
        traces,
        requests: [early, late].map(|spans| spans.chunks(request_spans).map(request).collect()),
    }
}

/// Which traces were kept of which `kept` tells how many spans went on. Each is kept whole or not at all.
pub(crate) fn kept(feed: &Feed, by: &str, kept: impl Fn(&Trace) -> u64) -> Vec<bool> {
    let whole = |trace: &Trace| {
        let spans = kept(trace);
        assert!(
            spans == 0 || spans == trace.spans,
            "{by}: a part of {:02x?}",
            trace.id
        );
        spans > 0
    };
    feed.traces.iter().map(whole).collect()
}

/// A number for all that is sent: whoever recorded verdicts of these traces has the same.
pub(crate) fn digest(feed: &Feed) -> u64 {
    let bytes = feed.requests.iter().flatten().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn trace(number: usize, random: &mut Random) -> (Trace, Vec<Span>) {
    let mut id = [0; 16];
    for half in id.chunks_mut(8) {
        half.copy_from_slice(&random.next().to_be_bytes());
    }
    let single = (number as u64).checked_sub(20).filter(|at| *at < SINGLES);
    let spans = match single {
        Some(at) => at + 1,
        None if random.one_in(40) => SPANS_MAX,
        None => 1 + random.below(5),
    };
    let slot = random.below(SLOTS);
    let roots = random.pick(&[1, 1, 1, 1, 0, 0, 2]);
    // Most senders are healthy.
    let oddity = random.pick(&[0, 0, 0, 10, 40]);
    let mut trace = Trace {
        id,
        slot,
        spans,
        bytes: 0,
        has_odd_times: false,
    };
    let mut parts = Vec::new();
    for at in 0..spans {
        let times = times(random, oddity);
        trace.has_odd_times |= times.0 == 0 || times.0.max(times.1) > i64::MAX as u64;
        let mut body = Vec::new();
        bytes(1, &id, &mut body);
        bytes(2, &random.next().to_be_bytes(), &mut body);
        bytes(3, random.pick(TRACE_STATES).as_bytes(), &mut body);
        match at < roots {
            true => bytes(4, random.pick(&[&[][..], &[0; 8]]), &mut body),
            false => bytes(4, &random.next().to_be_bytes(), &mut body),
        }
        bytes(5, random.pick(NAMES).as_bytes(), &mut body);
        varint(6, random.pick(&[0, 1, 2, 2, 3, 4, 5, 7]), &mut body);
        fixed64(7, times.0, &mut body);
        fixed64(8, times.1, &mut body);
        let slot = text(&slot.to_string());
        attribute(9, "slot", &slot, &mut body);
        if let Some(at) = single {
            attribute(9, "only", &text(&at.to_string()), &mut body);
        }
        attributes(9, random, oddity, &mut body);
        for _ in 0..random.pick(&[0, 0, 0, 1, 2]) {
            event(random, oddity, times, &mut body);
        }
        if let Some(status) = status(random) {
            bytes(15, &status, &mut body);
        }
        let flags: u32 = random.pick(&[0, 0, 0, 1, 256, 257, 3, 0x300]);
        tag(16, 5, &mut body);
        body.extend_from_slice(&flags.to_le_bytes());
        trace.bytes += body.len() as u64;
        parts.push(Span {
            trace: number,
            resource: random.below(RESOURCES),
            scope: random.below(2),
            is_late: single.is_none() && random.one_in(6),
            body,
        });
    }
    (trace, parts)
}

const NAMES: &[&str] = &["GET /cart", "GET /cart", "POST", "", "zażółć", "health"];

const TRACE_STATES: &[&str] = &[
    "",
    "",
    "",
    "tenant=acme",
    "tenant=acme,x=y",
    "x=y , tenant=acme",
    "tenant=",
    "TENANT=acme",
    "tenant=acme,tenant=b",
    "tenant=acme,,x=1",
    "tenant = acme",
    "tenant=other",
    "garbage",
    "tenant= acme",
    "tenant=a=b",
    "t@vendor=1,tenant=acme",
    "tenant=acme,x",
    "ot=th:8,tenant=b",
    "tenant=zażółć",
    ",tenant=acme,",
    "tenant=acme,a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1,r=1,s=1,t=1,\
     u=1,v=1,w=1,x=1,y=1,z=1,aa=1,ab=1,ac=1,ad=1,ae=1,af=1,ag=1",
];

/// Start and end, of clocks that were set wrong or not at all.
fn times(random: &mut Random, oddity: u64) -> (u64, u64) {
    const MILLI: u64 = 1_000_000;
    let start = BASE + random.below(200) * MILLI;
    let took = random.pick(&[
        0, 1, 50, 98, 99, 100, 101, 500, 999, 1000, 1001, 5000, 60_000,
    ]);
    let end = start + took * MILLI + random.pick(&[0, 0, 1, 999_999]);
    if random.below(100) >= oddity {
        return (start, end);
    }
    random.pick(&[
        (0, end),
        (start, 0),
        (0, 0),
        (end, start),
        (start, u64::MAX),
        (u64::MAX, end),
        (start, 1 << 63),
        (1, end),
        (i64::MAX as u64, (1 << 63) + 5_000_000),
    ])
}

fn status(random: &mut Random) -> Option<Vec<u8>> {
    let code = random.pick(&[
        None,
        None,
        None,
        None,
        Some(0),
        Some(1),
        Some(1),
        Some(2),
        Some(9),
    ])?;
    let mut status = Vec::new();
    bytes(2, b"said", &mut status);
    varint(3, code, &mut status);
    Some(status)
}

fn event(random: &mut Random, oddity: u64, times: (u64, u64), out: &mut Vec<u8>) {
    let mut event = Vec::new();
    fixed64(
        1,
        random.pick(&[times.0, times.1, times.1.wrapping_add(5), 0]),
        &mut event,
    );
    bytes(
        2,
        random.pick(&["exception", "log", ""]).as_bytes(),
        &mut event,
    );
    let kind = random.pick(&["Timeout", "IOException", ""]);
    attribute(3, "type", &text(kind), &mut event);
    attributes(3, random, oddity, &mut event);
    bytes(11, &event, out);
}

/// The keys of policies: `s` for texts, `n` for numbers, `b` for booleans.
fn attributes(number: u64, random: &mut Random, oddity: u64, out: &mut Vec<u8>) {
    for key in ["s", "n", "b"] {
        for _ in 0..random.pick(&[0, 1, 1, 1, 2]) {
            let kind = match random.below(100) < oddity {
                true => random.pick(&["s", "n", "b", "odd"]),
                false => key,
            };
            attribute(number, key, &value(kind, random), out);
        }
    }
}

fn value(kind: &str, random: &mut Random) -> Vec<u8> {
    let mut value = Vec::new();
    match kind {
        "s" => return text(random.pick(TEXTS)),
        "n" => varint(3, random.pick(NUMBERS) as u64, &mut value),
        "b" => varint(2, random.below(2), &mut value),
        _ => match random.below(6) {
            0 => {}
            1 => bytes(7, random.pick(&[&b""[..], b"a", b"\xff\x00"]), &mut value),
            2 => {
                let mut list = Vec::new();
                bytes(1, &text(random.pick(TEXTS)), &mut list);
                bytes(5, &list, &mut value);
            }
            3 => {
                let mut map = Vec::new();
                attribute(1, "s", &text("a"), &mut map);
                bytes(6, &map, &mut value);
            }
            _ => fixed64(4, random.pick(DOUBLES).to_bits(), &mut value),
        },
    }
    value
}

const TEXTS: &[&str] = &[
    "a",
    "b",
    "ab",
    "",
    "A",
    " a",
    "a\nb",
    "zażółć",
    "503",
    "true",
    "ÅB",
];

const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    399,
    400,
    404,
    499,
    500,
    503,
    i64::MAX,
    i64::MIN,
    1 << 53,
    -400,
];

const DOUBLES: &[f64] = &[404.0, 0.5, -0.0, f64::NAN, f64::INFINITY, 1e300];

const RESOURCES: u64 = 12;

/// Half of the resources have nothing that policies ask for.
fn resource(number: u64) -> Vec<u8> {
    let mut random = Random(number);
    let mut resource = Vec::new();
    attribute(
        1,
        "service.name",
        &text(&format!("shop-{number}")),
        &mut resource,
    );
    if number.is_multiple_of(2) {
        attribute(1, "rs", &text(random.pick(TEXTS)), &mut resource);
    }
    if number.is_multiple_of(4) {
        let key = random.pick(&["s", "n", "b"]);
        let kind = random.pick(&["s", "n", "b", "odd"]);
        attribute(1, key, &value(kind, &mut random), &mut resource);
    }
    resource
}

/// Spans grouped as exporters do: by resource, then by scope.
fn request(spans: &[Span]) -> Vec<u8> {
    let mut request = Vec::new();
    for number in 0..RESOURCES {
        let mut group = Vec::new();
        bytes(1, &resource(number), &mut group);
        let mut is_empty = true;
        for scope in 0..2 {
            let of = |span: &&Span| span.resource == number && span.scope == scope;
            let mut part = Vec::new();
            let mut fields = Vec::new();
            bytes(1, format!("lib-{scope}").as_bytes(), &mut fields);
            bytes(1, &fields, &mut part);
            for span in spans.iter().filter(of) {
                bytes(2, &span.body, &mut part);
                is_empty = false;
            }
            bytes(2, &part, &mut group);
        }
        if !is_empty {
            bytes(1, &group, &mut request);
        }
    }
    request
}

// === protobuf ===

fn tag(number: u64, wire: u64, out: &mut Vec<u8>) {
    raw(number << 3 | wire, out);
}

fn raw(mut value: u64, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(number: u64, value: u64, out: &mut Vec<u8>) {
    tag(number, 0, out);
    raw(value, out);
}

fn fixed64(number: u64, value: u64, out: &mut Vec<u8>) {
    tag(number, 1, out);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(number: u64, value: &[u8], out: &mut Vec<u8>) {
    tag(number, 2, out);
    raw(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn text(text: &str) -> Vec<u8> {
    let mut value = Vec::new();
    bytes(1, text.as_bytes(), &mut value);
    value
}

fn attribute(number: u64, key: &str, value: &[u8], out: &mut Vec<u8>) {
    let mut pair = Vec::new();
    bytes(1, key.as_bytes(), &mut pair);
    bytes(2, value, &mut pair);
    bytes(number, &pair, out);
}

// === numbers ===

/// [SplitMix](https://doi.org/10.1145/2714064.2660195): good enough, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}
