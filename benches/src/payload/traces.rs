//! The standard span: ten attributes and one event, about 500 bytes.

use super::message::{Message, Scalar};

const MILLISECOND: u64 = 1_000_000;

/// One span in this many failed, and as many (others) were slow: samplers have something to find.
const ERROR_EVERY: usize = 50;
const SLOW: u64 = 2_000 * MILLISECOND;

pub(super) fn span(slot: usize, trace_items: usize) -> Message {
    let root = slot - slot % trace_items;
    let mut span = Message::default();
    span.trace_id(1, (slot / trace_items) as u16);
    span.item_id(2, slot as u16);
    if slot != root {
        span.item_id(4, root as u16);
    }
    span.text(5, &format!("POST /cart/{}/items", slot % 60));
    // Kinds 1 to 5: internal, server, client, producer, consumer.
    span.uint(6, 1 + slot as u64 % 5);
    let slow = slot % ERROR_EVERY == ERROR_EVERY / 2;
    let length = if slow {
        SLOW
    } else {
        (5 + slot as u64 % 90) * MILLISECOND
    };
    span.time(7, length);
    span.time(8, 0);
    for (key, value) in [
        ("http.request.method", Scalar::Text("POST")),
        ("http.route", Scalar::Text("/cart/{id}/items")),
        (
            "url.path",
            Scalar::Text(&format!("/cart/{}/items", slot * 13 % 9_001)),
        ),
        ("url.scheme", Scalar::Text("https")),
        ("server.address", Scalar::Text("cart.shop.example.com")),
        ("server.port", Scalar::Int(8_443)),
        ("http.response.status_code", Scalar::Int(200)),
        (
            "user_agent.original",
            Scalar::Text("shop-android/8.3.1 (Linux; Android 16) okhttp/5.1.0"),
        ),
        (
            "customer.tier",
            Scalar::Text(if slot.is_multiple_of(16) {
                "gold"
            } else {
                "basic"
            }),
        ),
        ("cart.cached", Scalar::Bool(slot.is_multiple_of(3))),
    ] {
        span.attribute(9, key, value);
    }
    span.message(11, lookup(slot, length / 2));
    if slot % ERROR_EVERY == ERROR_EVERY - 1 {
        let mut status = Message::default();
        status.text(2, "stock service timed out");
        status.uint(3, 2);
        span.message(15, status);
    }
    span
}

/// The event in the middle of the span.
fn lookup(slot: usize, before: u64) -> Message {
    let mut event = Message::default();
    event.time(1, before);
    event.text(2, "cache.lookup");
    event.attribute(
        3,
        "cache.key",
        Scalar::Text(&format!("cart:{}", slot * 31 % 9_001)),
    );
    event.attribute(3, "cache.hit", Scalar::Bool(slot.is_multiple_of(2)));
    event
}
