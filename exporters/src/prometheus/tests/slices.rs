//! What comes in while a page is written.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ledger::Kind as Component;
use otlp::Signal;
use pipeline::{Batch, testkit};
use prost::Message;

use super::super::State;
use super::super::page::{Escaping, Format, Style};
use super::super::scrape::{self, SLICE};
use super::fixture::*;

const SERIES: usize = 10 * SLICE;

fn batch(name: &str, series: usize, value: f64) -> Batch {
    let point = |at: usize| number(value, &[("at", &at.to_string())]);
    let points = (0..series).map(point).collect();
    let request = request(&[], "", vec![gauge(name, points)]);
    let body = request.encode_to_vec();
    Batch::new(Signal::Metrics, body.into(), series as u64)
}

#[test]
fn points_are_taken_between_the_slices_of_a_page() {
    let host = testkit::host(Component::Exporter, "prometheus", None);
    let state = Rc::new(State::new(&config(bare()), &host));
    state.take(&batch("g", SERIES, 1.0)).unwrap();
    let style = Style {
        format: Format::Text,
        escaping: Escaping::Underscores,
        timestamps: false,
        created: false,
        may_escape: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (page, between) = runtime.unwrap().block_on(async {
        let mut lease = host.budget.lease();
        let mut writing = pin!(scrape::page(&state, style, &mut lease, |_| true));
        let mut between = 0;
        loop {
            let step = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
            if let Poll::Ready(page) = step {
                break (page, between);
            }
            state.take(&batch("g", SERIES, 2.0)).unwrap();
            between += 1;
        }
    });
    assert!(between >= SERIES / SLICE - 1, "{between} batches came in");
    // Every series is there once, as it was when its slice was written.
    let page = String::from_utf8(page).unwrap();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let values = samples.map(|line| line.rsplit_once(' ').unwrap().1);
    let values: Vec<_> = values.collect();
    assert_eq!(values.len(), SERIES);
    assert_eq!(values.iter().filter(|value| **value == "1").count(), SLICE);
}
