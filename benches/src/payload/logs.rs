//! The standard log record: a line of text, six attributes, and the trace that it belongs to.

use super::message::{Message, Scalar};

pub(super) fn record(slot: usize, trace_items: usize) -> Message {
    let failed = slot % 50 == 49;
    let mut record = Message::default();
    record.time(1, 0);
    // Severity 17 is ERROR, 9 is INFO.
    record.uint(2, if failed { 17 } else { 9 });
    record.text(3, if failed { "ERROR" } else { "INFO" });
    let mut body = Message::default();
    body.text(
        1,
        &format!(
            "reserved {} pieces of article {}",
            slot % 7,
            slot * 31 % 9_001
        ),
    );
    record.message(5, body);
    for (key, value) in [
        ("code.function.name", Scalar::Text("shop::stock::reserve")),
        ("code.file.path", Scalar::Text("src/stock/reserve.rs")),
        ("code.line.number", Scalar::Int(187)),
        ("thread.name", Scalar::Text("stock-worker-2")),
        ("article.id", Scalar::Int(slot as u64 * 31 % 9_001)),
        ("article.fragile", Scalar::Bool(slot.is_multiple_of(3))),
    ] {
        record.attribute(6, key, value);
    }
    record.trace_id(9, (slot / trace_items) as u16);
    record.item_id(10, slot as u16);
    record.time(11, 0);
    record
}
