//! Which traces are kept, in a file and in comparison.

use super::sets;
use super::traces::Trace;

/// How many of the traces the file tells of.
pub(crate) const RECORDED: usize = 800;

/// The reference of the processor, which says where it differs.
const REFERENCE: &str = include_str!("../../src/tail_sampling/reference.md");

/// By set, and by trace whether it is kept.
pub(crate) type Verdicts = Vec<(String, Vec<bool>)>;

/// The digest of the traces, and their verdicts: four traces to a digit.
pub(crate) fn read(text: &str) -> (u64, Verdicts) {
    let mut digest = 0;
    let mut verdicts = Verdicts::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(sum) = line.strip_prefix("traces ") {
            digest = u64::from_str_radix(sum, 16).unwrap();
        } else if let Some(digits) = line.strip_prefix("  ") {
            let (_, kept) = verdicts.last_mut().unwrap();
            for digit in digits.chars().map(|digit| digit.to_digit(16).unwrap()) {
                kept.extend((0..4).rev().map(|bit| digit >> bit & 1 == 1));
            }
        } else {
            verdicts.push((line.to_owned(), Vec::new()));
        }
    }
    (digest, verdicts)
}

/// Fails where traces are judged otherwise without a reason.
pub(crate) fn all_explained(unexplained: &[String]) {
    let count = unexplained.len();
    assert!(
        unexplained.is_empty(),
        "{count}\n{}",
        unexplained.join("\n")
    );
}

/// The traces of a set that we judge otherwise than the Collector, without a reason that the reference names; and how
/// many differ for a reason.
pub(crate) fn differences(
    set: &str,
    traces: &[Trace],
    ours: &[bool],
    theirs: &[bool],
) -> (Vec<String>, usize) {
    let reference = REFERENCE.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut unexplained = Vec::new();
    let mut explained = 0;
    for (at, trace) in traces.iter().enumerate() {
        if ours[at] == theirs[at] {
            continue;
        }
        match sets::reason(set, trace) {
            Some(reason) => {
                assert!(
                    reference.contains(reason),
                    "the reference does not say: {reason}"
                );
                explained += 1;
            }
            None => unexplained.push(format!(
                "{set}: trace {at} of slot {} is {}kept there, and {}here",
                trace.slot,
                if theirs[at] { "" } else { "not " },
                if ours[at] { "" } else { "not " },
            )),
        }
    }
    (unexplained, explained)
}
