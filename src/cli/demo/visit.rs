//! One visit of a customer: a trace through the shop's services, made from a table of calls.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shop::Dice;

/// SpanKind of the trace proto.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// Status.code of the trace proto.
const ERROR: u8 = 2;

/// A slow database takes so many times its usual time.
const SLOWNESS: u64 = 60;

/// One call in one service, with the calls that it makes, one after the other.
pub(super) struct Call {
    service: &'static str,
    name: &'static str,
    kind: u8,
    /// Its own time in microseconds; what it calls comes on top.
    micros: u64,
    /// What goes wrong here in a visit that fails.
    fault: Option<&'static str>,
    /// Its product and its name, for a query.
    database: Option<(&'static str, &'static str)>,
    calls: &'static [Self],
}

/// How long a request between two services is on its way, each way, in nanoseconds.
const WAY: u64 = 200_000;

/// How a visit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Fine,
    /// The databases take their time.
    Slow,
    /// The call that has a fault fails, and so does everything that waits for it.
    Failing,
}

/// What is known at the end of a visit.
#[derive(Debug, PartialEq)]
pub(super) struct Visit {
    pub(super) trace_id: String,
    /// The first span.
    pub(super) span_id: String,
    pub(super) nanos: u64,
}

/// What is wrong with a call because of what it has called.
const FAILED: &str = "a call failed";

/// What one span says.
struct Made<'a> {
    name: &'static str,
    kind: u8,
    /// Its own, and its parent's.
    ids: (&'a str, &'a str),
    times: (u64, u64),
    attributes: Vec<Value>,
    fault: Option<&'static str>,
}

/// Spans in OTLP/JSON, by service.
pub(super) type Spans = BTreeMap<&'static str, Vec<Value>>;

const fn server(
    service: &'static str,
    name: &'static str,
    micros: u64,
    calls: &'static [Call],
) -> Call {
    Call {
        service,
        name,
        kind: SERVER,
        micros,
        fault: None,
        database: None,
        calls,
    }
}

const fn query(
    service: &'static str,
    name: &'static str,
    micros: u64,
    database: (&'static str, &'static str),
) -> Call {
    Call {
        service,
        name,
        kind: CLIENT,
        micros,
        fault: None,
        database: Some(database),
        calls: &[],
    }
}

const PRODUCTS: (&str, &str) = ("postgresql", "products");
const CARTS: (&str, &str) = ("redis", "carts");

const STOCK: Call = server(
    "catalog",
    "CheckStock",
    500,
    &[query("catalog", "SELECT stock", 3_000, PRODUCTS)],
);
const CARD: Call = Call {
    fault: Some("card declined"),
    ..server("payment", "Charge", 24_000, &[])
};

pub(super) const BROWSE: Call = server(
    "frontend",
    "GET /products",
    6_000,
    &[
        server(
            "catalog",
            "ListProducts",
            4_000,
            &[query("catalog", "SELECT products", 9_000, PRODUCTS)],
        ),
        server("recommendation", "Recommend", 12_000, &[]),
    ],
);

pub(super) const FILL_CART: Call = server(
    "frontend",
    "POST /cart",
    3_000,
    &[server(
        "cart",
        "AddItem",
        2_000,
        &[query("cart", "HSET cart", 700, CARTS), STOCK],
    )],
);

pub(super) const CHECK_OUT: Call = server(
    "frontend",
    "POST /checkout",
    5_000,
    &[server(
        "checkout",
        "PlaceOrder",
        4_000,
        &[
            server(
                "cart",
                "GetCart",
                1_000,
                &[query("cart", "HGETALL cart", 900, CARTS)],
            ),
            STOCK,
            CARD,
            server("shipping", "Quote", 8_000, &[]),
        ],
    )],
);

/// A visit under way.
struct Walk<'a> {
    trace_id: &'a str,
    tier: &'static str,
    mood: Mood,
    dice: &'a mut Dice,
    spans: &'a mut Spans,
}

/// Adds the spans of one visit that began at `begin`, in nanoseconds since the epoch.
pub(super) fn visit(
    call: &'static Call,
    mood: Mood,
    begin: u64,
    dice: &mut Dice,
    spans: &mut Spans,
) -> Visit {
    let trace_id = format!("{:016x}{:016x}", dice.id(), dice.id());
    let tier = match dice.below(10) {
        0 => "platinum",
        1..4 => "gold",
        _ => "basic",
    };
    let mut walk = Walk {
        trace_id: &trace_id,
        tier,
        mood,
        dice,
        spans,
    };
    let (span_id, end, _) = walk.make(call, "", begin);
    Visit {
        trace_id,
        span_id,
        nanos: end - begin,
    }
}

impl Walk<'_> {
    /// Adds the span of a call and those below it; gives its id, its end and whether it failed. The
    /// depth is that of the tables above.
    fn make(&mut self, call: &'static Call, parent: &str, begin: u64) -> (String, u64, bool) {
        let span_id = self.span_id();
        let slow = self.mood == Mood::Slow && call.kind == CLIENT;
        let percent = 50 + self.dice.below(100);
        let own = call.micros * 1_000 * if slow { SLOWNESS } else { 1 } / 100 * percent;
        let mut fault = call.fault.filter(|_| self.mood == Mood::Failing);
        let mut end = begin + own / 2;
        for below in call.calls {
            let (its_end, failed) = self.ask(call.service, below, &span_id, end);
            end = its_end;
            if failed {
                fault = Some(FAILED);
                break;
            }
        }
        end += own / 2;
        let mut attributes = Vec::new();
        if let Some((product, name)) = call.database {
            attributes.push(text("db.system.name", product));
            attributes.push(text("db.namespace", name));
        }
        let own = Made {
            name: call.name,
            kind: call.kind,
            ids: (&span_id, parent),
            times: (begin, end),
            attributes,
            fault,
        };
        self.add(call.service, own);
        (span_id, end, fault.is_some())
    }

    /// A service calls what is below it: another one over the network, or its own database. Gives the end, and
    /// whether it failed.
    fn ask(
        &mut self,
        asker: &'static str,
        call: &'static Call,
        parent: &str,
        begin: u64,
    ) -> (u64, bool) {
        if call.kind == CLIENT {
            let (_, end, failed) = self.make(call, parent, begin);
            return (end, failed);
        }
        let span_id = self.span_id();
        let (_, end, failed) = self.make(call, &span_id, begin + WAY);
        let end = end + WAY;
        let half = Made {
            name: call.name,
            kind: CLIENT,
            ids: (&span_id, parent),
            times: (begin, end),
            attributes: vec![text("server.address", call.service)],
            fault: failed.then_some(FAILED),
        };
        self.add(asker, half);
        (end, failed)
    }

    fn span_id(&mut self) -> String {
        format!("{:016x}", self.dice.id())
    }

    fn add(&mut self, service: &'static str, made: Made<'_>) {
        let Made {
            name,
            kind,
            ids: (span_id, parent),
            times: (begin, end),
            mut attributes,
            fault,
        } = made;
        attributes.push(text("customer.tier", self.tier));
        let (status, events) = match fault {
            Some(fault) => {
                let thrown = json!({
                    "timeUnixNano": end,
                    "name": "exception",
                    "attributes": [text("exception.message", fault)],
                });
                (json!({ "code": ERROR, "message": fault }), json!([thrown]))
            }
            None => (json!({}), json!([])),
        };
        let span = json!({
            "traceId": self.trace_id,
            "spanId": span_id,
            "parentSpanId": parent,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": begin,
            "endTimeUnixNano": end,
            "attributes": attributes,
            "events": events,
            "status": status,
        });
        self.spans.entry(service).or_default().push(span);
    }
}

/// An attribute.
pub(super) fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Visits once; gives the spans' names and statuses in the order in which they ended.
    fn check(call: &'static Call, mood: Mood, expected: &[(&str, bool)]) -> Visit {
        let mut spans = Spans::new();
        let visit = visit(call, mood, 1_000, &mut Dice::new(7), &mut spans);
        let mut all: Vec<&Value> = spans.values().flatten().collect();
        all.sort_by_key(|span| span["endTimeUnixNano"].as_u64());
        let found: Vec<_> = all
            .iter()
            .map(|span| {
                (
                    span["name"].as_str().unwrap(),
                    span["status"]["code"] == ERROR,
                )
            })
            .collect();
        assert_eq!(found, expected);
        for span in all {
            assert_eq!(span["traceId"], visit.trace_id);
            let parent = &span["parentSpanId"];
            assert_eq!(*parent == "", span["spanId"] == visit.span_id, "{span}");
            let parent = spans
                .values()
                .flatten()
                .find(|other| other["spanId"] == *parent);
            let (kind, above) = (&span["kind"], parent.map(|parent| &parent["kind"]));
            // A service is called by a client's span, which is what makes an edge between two.
            assert!(
                *kind == CLIENT || above.is_none_or(|above| *above == CLIENT),
                "{span}"
            );
        }
        visit
    }

    #[test]
    fn a_visit_is_one_trace_and_a_slow_one_takes_longer() {
        let names = [
            ("HSET cart", false),
            ("SELECT stock", false),
            ("CheckStock", false),
            ("CheckStock", false),
            ("AddItem", false),
            ("AddItem", false),
            ("POST /cart", false),
        ];
        let fine = check(&FILL_CART, Mood::Fine, &names);
        let slow = check(&FILL_CART, Mood::Slow, &names);
        assert!(
            slow.nanos > 10 * fine.nanos,
            "{} and {}",
            slow.nanos,
            fine.nanos
        );
    }

    #[test]
    fn a_failure_ends_the_visit_and_is_seen_up_to_its_first_span() {
        let expected = [
            ("HGETALL cart", false),
            ("GetCart", false),
            ("GetCart", false),
            ("SELECT stock", false),
            ("CheckStock", false),
            ("CheckStock", false),
            ("Charge", true),
            ("Charge", true),
            ("PlaceOrder", true),
            ("PlaceOrder", true),
            ("POST /checkout", true),
        ];
        check(&CHECK_OUT, Mood::Failing, &expected);
    }
}
