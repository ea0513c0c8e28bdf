//! The account that is printed when the service ends: what came in, and what became of it.

use std::io::Write;

use ledger::{Books, Reason};

/// One line a node and signal, what came in and what became of it, and below it the reasons of its
/// losses.
pub(crate) fn print(books: &Books, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<44} {:>14} {:>14} {:>12} {:>12} {:>8}",
        "account (items)", "in", "out", "dropped", "rejected", "held"
    )?;
    for (key, tally) in books.tallies() {
        let place = if key.pipeline.is_empty() {
            key.transport
        } else {
            key.pipeline.as_str()
        };
        let node = format!("{} {} {} {place}", key.kind, key.id, key.signal);
        writeln!(
            out,
            "{:<44} {:>14} {:>14} {:>12} {:>12} {:>8}",
            node.trim_end(),
            tally.taken,
            tally.passed,
            tally.dropped_total(),
            tally.rejected_total(),
            tally.held()
        )?;
        for (fate, items) in [("dropped", &tally.dropped), ("rejected", &tally.rejected)] {
            print_reasons(fate, items, out)?;
        }
    }
    Ok(())
}

/// Why items ended at a node, below its line; nothing where none did.
fn print_reasons(
    fate: &str,
    items: &[u64; Reason::ALL.len()],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let some = Reason::ALL
        .iter()
        .zip(items)
        .filter(|(_, items)| **items > 0);
    let reasons: Vec<_> = some
        .map(|(reason, items)| format!("{items} {reason}"))
        .collect();
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {fate}: {}", reasons.join(", "))
}
