//! Rounds as rows, and their medians and minima as a table.

use std::time::Duration;

use super::{Case, Round};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns for a terminal.
    #[default]
    Text,
    /// A table for `docs/performance.md`.
    Markdown,
}

/// The titles over the rows of single rounds.
pub fn row_header() -> String {
    aligned(&[
        "case",
        "collector",
        "s/Mspan",
        "busy",
        "spans/s",
        "ready ms",
        "idle MB",
        "MB",
        "peak MB",
        "p50 ms",
        "p99 ms",
        "lost",
        "refused",
        "pressure",
    ])
}

/// One round.
pub fn row(round: &Round) -> String {
    aligned(&[
        round.case,
        &round.collector,
        &format!("{:.3}", round.cost),
        &format!("{:.2}", round.busy),
        &format!("{:.0}", round.items_per_second),
        &format!("{:.0}", millis(round.ready)),
        &megabytes(round.idle as f64),
        &megabytes(round.resident as f64),
        &megabytes(round.peak as f64),
        &format!("{:.2}", millis(round.p50)),
        &format!("{:.2}", millis(round.p99)),
        &round.lost.to_string(),
        &round.refused.to_string(),
        &round
            .pressure
            .map_or_else(|| "-".to_owned(), |share| format!("{share:.0}")),
    ])
}

const TITLES: [&str; 11] = [
    "case",
    "collector",
    "s/Mspan",
    "best",
    "busy",
    "spans/s",
    "idle MB",
    "peak MB",
    "p50 ms",
    "p99 ms",
    "lost",
];

/// One line for each case and collector, in the order in which they were first measured: medians,
/// the best cost, and the sum of what was lost.
pub fn table(rounds: &[Round], format: Format) -> String {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for round in rounds {
        let key = (round.case, round.collector.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let lines = keys.iter().map(|(case, collector)| {
        let same = |round: &&Round| round.case == *case && round.collector == *collector;
        summary(
            &rounds.iter().filter(same).collect::<Vec<_>>(),
            case,
            collector,
            format,
        )
    });
    let head = match format {
        Format::Text => aligned(&TITLES),
        Format::Markdown => {
            let rule = ["---", "---"]
                .into_iter()
                .chain(std::iter::repeat_n("---:", 9));
            format!("{}\n{}", piped(TITLES), piped(rule))
        }
    };
    std::iter::once(head)
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

fn summary(rounds: &[&Round], case: &str, collector: &str, format: Format) -> String {
    let middle = |figure: fn(&Round) -> f64| median(rounds.iter().map(|round| figure(round)));
    let best = rounds
        .iter()
        .map(|round| round.cost)
        .fold(f64::INFINITY, f64::min);
    let title = match format {
        Format::Text => case.to_owned(),
        Format::Markdown => {
            format!(
                "{case}: {}",
                Case::named(case).map_or("", |case| case.title)
            )
        }
    };
    let cells = [
        title,
        collector.to_owned(),
        format!("{:.3}", middle(|round| round.cost)),
        format!("{best:.3}"),
        format!("{:.2}", middle(|round| round.busy)),
        format!("{:.0}", middle(|round| round.items_per_second)),
        megabytes(middle(|round| round.idle as f64)),
        megabytes(middle(|round| round.peak as f64)),
        format!("{:.2}", middle(|round| millis(round.p50))),
        format!("{:.2}", middle(|round| millis(round.p99))),
        rounds
            .iter()
            .map(|round| round.lost)
            .sum::<u64>()
            .to_string(),
    ];
    match format {
        Format::Text => aligned(&cells.each_ref().map(String::as_str)),
        Format::Markdown => piped(cells.iter().map(String::as_str)),
    }
}

/// Names to the left, figures to the right.
fn aligned(cells: &[&str]) -> String {
    let cell = |(at, cell): (usize, &&str)| match at {
        0 => format!("{cell:<5}"),
        1 => format!("{cell:<12}"),
        _ => format!("{cell:>9}"),
    };
    cells
        .iter()
        .enumerate()
        .map(cell)
        .collect::<Vec<_>>()
        .join(" ")
}

fn piped<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<&str> = cells.into_iter().collect();
    format!("| {} |", cells.join(" | "))
}

/// The middle figure, or the mean of the two in the middle; 0 of none.
fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    let half = figures.len() / 2;
    let upper = figures.get(half).copied().unwrap_or_default();
    if figures.len().is_multiple_of(2) {
        let lower = half.checked_sub(1).and_then(|at| figures.get(at)).copied();
        return f64::midpoint(lower.unwrap_or_default(), upper);
    }
    upper
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1}", bytes / 1e6)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(case: &'static str, collector: &str, cost: f64, lost: u64) -> Round {
        Round {
            case,
            collector: collector.to_owned(),
            cost,
            busy: 0.5,
            items_per_second: 1_000.0,
            ready: Duration::from_millis(30),
            idle: 9_000_000,
            resident: 10_000_000,
            peak: 11_000_000,
            p50: Duration::from_micros(1_500),
            p99: Duration::from_millis(4),
            lost,
            refused: 0,
            pressure: None,
        }
    }

    #[test]
    fn the_table_has_medians_the_best_cost_and_all_losses() {
        let rounds = [
            round("P6", "ours", 3.0, 0),
            round("P6", "peer", 9.0, 0),
            round("P6", "ours", 1.0, 2),
            round("P6", "ours", 4.0, 5),
        ];
        let expected = "\
| case | collector | s/Mspan | best | busy | spans/s | idle MB | peak MB | p50 ms | p99 ms | lost |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| P6: requests of one span | ours | 3.000 | 1.000 | 0.50 | 1000 | 9.0 | 11.0 | 1.50 | 4.00 | 7 |
| P6: requests of one span | peer | 9.000 | 9.000 | 0.50 | 1000 | 9.0 | 11.0 | 1.50 | 4.00 | 0 |";
        assert_eq!(table(&rounds, Format::Markdown), expected);
        assert_eq!(table(&rounds, Format::Text).lines().count(), 3);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        for (figures, expected) in [(vec![], 0.0), (vec![3.0], 3.0), (vec![4.0, 1.0], 2.5)] {
            assert_eq!(median(figures.into_iter()), expected);
        }
    }
}
