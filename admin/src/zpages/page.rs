//! The page itself: HTML without scripts, in which every text that is not ours is escaped.

use std::fmt::Write as _;

use jiff::Timestamp;
use pipeline::component::Vitals;

use crate::status::{self, Node, State};

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<title>Tracegate</title><style>\
body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#222;background:#fff}\
table{border-collapse:collapse;margin-bottom:2em}\
th,td{text-align:left;padding:.2em .8em;border-bottom:1px solid #ccc;vertical-align:top}\
td.n{text-align:right;font-variant-numeric:tabular-nums}\
.bad{background:#fdd;font-weight:bold}</style></head><body>\n";

/// HTML under construction.
struct Page(String);

/// One cell of a table.
enum Cell<'a> {
    Text(&'a str),
    Number(String),
    /// Marked unless all is well.
    State(State),
}

pub(super) fn page(vitals: &Vitals) -> String {
    let nodes = status::nodes(vitals);
    let mut page = Page(HEAD.to_owned());
    service(&mut page, vitals);
    pipelines(&mut page, vitals, &nodes);
    components(&mut page, &nodes);
    errors(&mut page, vitals);
    page.raw(
        "<p>There are no feature gates in this build: <code>--feature-gates</code> is accepted \
        and changes nothing.</p>\n</body></html>\n",
    );
    page.0
}

fn service(page: &mut Page, vitals: &Vitals) {
    let (clock, budget) = (vitals.shared.clock, &vitals.shared.budget);
    let (started, now) = (clock.started_unix_nanos(), clock.now().unix_nanos);
    let uptime = std::time::Duration::from_secs(now.saturating_sub(started) / 1_000_000_000);
    let outline = vitals.outline.borrow();
    page.raw("<h1>Tracegate</h1>\n");
    page.table("service", "Service", &["", ""], |page| {
        page.row(&[Cell::Text("Version"), Cell::Text(env!("CARGO_PKG_VERSION"))]);
        page.row(&[
            Cell::Text("State"),
            Cell::State(State::of(*vitals.health.borrow())),
        ]);
        page.row(&[Cell::Text("Started"), Cell::Text(&time(started))]);
        page.row(&[Cell::Text("Uptime"), Cell::Text(&format!("{uptime:?}"))]);
        page.row(&[Cell::Text("Configuration"), Cell::Text(&outline.hash)]);
        for (name, bytes) in [
            ("Telemetry in memory", budget.used()),
            ("New requests up to", budget.admission()),
            ("Limit", budget.limit()),
        ] {
            page.row(&[Cell::Text(name), Cell::Number(format!("{bytes} bytes"))]);
        }
    });
}

fn pipelines(page: &mut Page, vitals: &Vitals, nodes: &[Node]) {
    let heads = ["Pipeline", "State", "Receivers", "Processors", "Exporters"];
    let outline = vitals.outline.borrow();
    page.table("pipelines", "Pipelines", &heads, |page| {
        for pipeline in &outline.pipelines {
            page.row(&[
                Cell::Text(&pipeline.id),
                Cell::State(status::of_pipeline(&pipeline.id, nodes)),
                Cell::Text(&pipeline.receivers.join(", ")),
                Cell::Text(&pipeline.processors.join(", ")),
                Cell::Text(&pipeline.exporters.join(", ")),
            ]);
        }
    });
}

fn components(page: &mut Page, nodes: &[Node]) {
    let heads = [
        "Component",
        "Id",
        "Signal",
        "Pipelines",
        "State",
        "Failing",
        "Queue",
        "In flight",
        "In",
        "Out",
        "Dropped",
        "Rejected",
        "Held",
    ];
    page.table("components", "Components and extensions", &heads, |page| {
        for node in nodes {
            let sum = |part: fn(&ledger::Tally) -> i64| {
                let sum = node.books.iter().map(|(_, tally)| part(tally)).sum::<i64>();
                Cell::Number(node.signal.map(|_| sum.to_string()).unwrap_or_default())
            };
            let failing = node.failing.map(|since| format!("{} s", since.as_secs()));
            let queue = node
                .queue
                .map(|(size, capacity)| format!("{size} / {capacity}"));
            let in_flight = node.in_flight.map(|batches| batches.to_string());
            page.row(&[
                Cell::Text(node.kind.name()),
                Cell::Text(&node.id),
                Cell::Text(node.signal.map_or("", otlp::Signal::name)),
                Cell::Text(&node.pipelines.join(", ")),
                Cell::State(node.state),
                Cell::Number(failing.unwrap_or_default()),
                Cell::Number(queue.unwrap_or_default()),
                Cell::Number(in_flight.unwrap_or_default()),
                sum(|tally| tally.taken.cast_signed()),
                sum(|tally| tally.passed.cast_signed()),
                sum(|tally| tally.dropped_total().cast_signed()),
                sum(|tally| tally.rejected_total().cast_signed()),
                sum(ledger::Tally::held),
            ]);
        }
    });
}

/// Without their words, which may quote telemetry: those stand in the log.
fn errors(page: &mut Page, vitals: &Vitals) {
    let heads = [
        "Last",
        "Component",
        "Id",
        "Signal",
        "Reason",
        "Items",
        "Times",
        "Sender",
    ];
    let errors = vitals.shared.errors.newest_first();
    page.table("errors", "Last errors", &heads, |page| {
        for error in &errors {
            let peer = error.peer.map(|peer| peer.to_string());
            page.row(&[
                Cell::Text(&time(error.last_unix_nanos)),
                Cell::Text(error.kind.name()),
                Cell::Text(&error.component),
                Cell::Text(error.signal.map_or("", otlp::Signal::name)),
                Cell::Text(error.reason.map_or("tried again", ledger::Reason::name)),
                Cell::Number(error.items.to_string()),
                Cell::Number(error.times.to_string()),
                Cell::Text(&peer.unwrap_or_default()),
            ]);
        }
    });
}

/// To the second, in UTC.
fn time(unix_nanos: u64) -> String {
    let second = i64::try_from(unix_nanos / 1_000_000_000).unwrap_or_default();
    Timestamp::from_second(second)
        .unwrap_or_default()
        .to_string()
}

// === impl Page ===

impl Page {
    /// Our own markup.
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// Anybody's text.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                '\'' => self.raw("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    fn table(&mut self, id: &str, title: &str, heads: &[&str], rows: impl FnOnce(&mut Self)) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "<h2 id=\"{id}\">{title}</h2>\n<table><tr>");
        for head in heads {
            let _ = write!(self.0, "<th>{head}</th>");
        }
        self.raw("</tr>\n");
        rows(self);
        self.raw("</table>\n");
    }

    fn row(&mut self, cells: &[Cell<'_>]) {
        self.raw("<tr>");
        for cell in cells {
            let (open, text) = match cell {
                Cell::Text(text) => ("<td>", *text),
                Cell::Number(text) => ("<td class=\"n\">", text.as_str()),
                Cell::State(state) if *state == State::Ok => ("<td>", state.name()),
                Cell::State(state) => ("<td class=\"bad\">", state.name()),
            };
            self.raw(open);
            self.text(text);
            self.raw("</td>");
        }
        self.raw("</tr>\n");
    }
}
