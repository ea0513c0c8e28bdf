//! The demo's line: what came in by signal, and what reached the exporters' back ends.

use ledger::{Kind, NodeKey, Tally};

/// Items since the start.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// By [`otlp::Signal::index`].
    received: [u64; 3],
    delivered: u64,
}

impl Figures {
    pub(super) fn of(tallies: &[(NodeKey, Tally)]) -> Self {
        let mut figures = Self::default();
        for (key, tally) in tallies {
            match key.kind {
                Kind::Receiver => {
                    if let Some(received) = figures.received.get_mut(key.signal.index()) {
                        *received += tally.taken;
                    }
                }
                Kind::Exporter => {
                    figures.delivered += tally.passed;
                }
                Kind::Processor | Kind::Connector | Kind::Extension => {}
            }
        }
        figures
    }

    pub(super) fn head() -> String {
        let received = ["spans in", "points in", "records in"].map(str::to_owned);
        columns("after", &received, "delivered")
    }

    pub(super) fn line(&self, second: u32) -> String {
        let received = self.received.map(grouped);
        columns(&format!("{second} s"), &received, &grouped(self.delivered))
    }
}

fn columns(after: &str, received: &[String; 3], delivered: &str) -> String {
    let [spans, points, records] = received;
    format!("{after:>5} | {spans:>8} {points:>9} {records:>10} {delivered:>9}")
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use otlp::Signal;

    use super::*;

    #[test]
    fn receivers_and_exporters_are_summed_and_processors_are_not() {
        let row = |kind, signal, taken, passed| {
            let key = NodeKey {
                kind,
                id: "x".to_owned(),
                pipeline: String::new(),
                transport: "",
                signal,
            };
            (
                key,
                Tally {
                    taken,
                    passed,
                    ..Tally::default()
                },
            )
        };
        let tallies = [
            row(Kind::Receiver, Signal::Traces, 5, 5),
            row(Kind::Receiver, Signal::Traces, 2, 1),
            row(Kind::Receiver, Signal::Logs, 3, 3),
            row(Kind::Processor, Signal::Traces, 9, 9),
            row(Kind::Exporter, Signal::Traces, 6, 4),
            row(Kind::Exporter, Signal::Logs, 3, 3),
        ];
        let expected = Figures {
            received: [7, 0, 3],
            delivered: 7,
        };
        assert_eq!(Figures::of(&tallies), expected);
    }

    #[test]
    fn large_numbers_are_grouped_and_stand_under_their_heads() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
        let figures = Figures {
            received: [1_000, 20, 300],
            delivered: 1_300,
        };
        assert_eq!(figures.line(12).len(), Figures::head().len());
        assert!(
            figures
                .line(12)
                .trim_start()
                .starts_with("12 s |    1,000 ")
        );
    }
}
