//! The names of files that were put aside, and which of them have had their time.
//!
//! `traces.json` becomes `traces-2006-01-02T15-04-05.000.json`, as the Collector names it: tools
//! that collect these files find them by this form.

use jiff::civil::DateTime;
use jiff::{Span, ToSpan};

/// In Rust's notation of Go's `2006-01-02T15-04-05.000`.
const FORM: &str = "%Y-%m-%dT%H-%M-%S.%3f";

/// The parts of a file's name around the time: `traces-` and `.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    before: String,
    after: String,
}

impl Names {
    /// Of the backups of a file with this name, which has no directory.
    pub(super) fn of(file: &str) -> Self {
        let dot = file.rfind('.').unwrap_or(file.len());
        let (stem, extension) = file.split_at(dot);
        Self {
            before: format!("{stem}-"),
            after: extension.to_owned(),
        }
    }

    pub(super) fn at(&self, time: DateTime) -> String {
        format!("{}{}{}", self.before, time.strftime(FORM), self.after)
    }

    /// When the file of this name was put aside; `None` if it is none of ours.
    fn time(&self, name: &str) -> Option<DateTime> {
        let time = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        DateTime::strptime("%Y-%m-%dT%H-%M-%S%.3f", time).ok()
    }

    /// Those of `names` that are beyond the newest `backups_max`, or older than `days_max` days;
    /// 0 is no limit.
    pub(super) fn outdated(
        &self,
        names: impl Iterator<Item = String>,
        now: DateTime,
        (backups_max, days_max): (u32, u32),
    ) -> Vec<String> {
        let mut backups: Vec<_> = names
            .filter_map(|name| Some((self.time(&name)?, name)))
            .collect();
        backups.sort_by(|one, other| other.cmp(one));
        let oldest = (days_max > 0).then(|| now.saturating_sub(days(days_max)));
        let kept = if backups_max == 0 {
            usize::MAX
        } else {
            backups_max as usize
        };
        let is_outdated = |place: usize, time: DateTime| {
            place >= kept || oldest.is_some_and(|oldest| time < oldest)
        };
        let backups = backups.into_iter().enumerate();
        backups
            .filter(|(place, (time, _))| is_outdated(*place, *time))
            .map(|(_, (_, name))| name)
            .collect()
    }
}

/// A day is 24 hours. Beyond what a calendar has, the longest span there is.
fn days(count: u32) -> Span {
    const DAYS_MAX: u32 = 7_000_000;
    i64::from(count.min(DAYS_MAX)).days()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_time_stands_before_the_extension() {
        let time = date(2024, 2, 9).at(7, 5, 3, 42_999_999);
        let check = |file: &str, expected: &str| {
            let names = Names::of(file);
            assert_eq!(names.at(time), expected);
            assert_eq!(
                names.time(expected),
                Some(date(2024, 2, 9).at(7, 5, 3, 42_000_000))
            );
        };
        check("traces.json", "traces-2024-02-09T07-05-03.042.json");
        check("traces", "traces-2024-02-09T07-05-03.042");
        check("a.b.json", "a.b-2024-02-09T07-05-03.042.json");
        check(".json", "-2024-02-09T07-05-03.042.json");
        check("größe.", "größe-2024-02-09T07-05-03.042.");
    }

    #[test]
    fn only_the_newest_and_youngest_are_kept_and_others_never_touched() {
        let names = [
            "t-2024-02-09T07-00-00.000.json",
            "t-2024-02-07T07-00-00.000.json",
            "t.json",
            "t-2024-02-08T07-00-00.000.json",
            "t-2024-02-08T07-00-00.000.log",
            "other-2024-02-01T07-00-00.000.json",
            "t-2024-02-31T07-00-00.000.json",
            "t-notes.json",
        ];
        let check = |limits: (u32, u32), expected: &[&str]| {
            let now = date(2024, 2, 9).at(8, 0, 0, 0);
            let listed = names.iter().map(|name| (*name).to_owned());
            let mut outdated = Names::of("t.json").outdated(listed, now, limits);
            outdated.sort();
            assert_eq!(outdated, expected, "{limits:?}");
        };
        let (seventh, eighth) = (names[1], names[3]);
        check((0, 0), &[]);
        check((3, 0), &[]);
        check((2, 0), &[seventh]);
        check((1, 0), &[seventh, eighth]);
        check((0, 2), &[seventh]);
        check((1, 3), &[seventh, eighth]);
        check((0, u32::MAX), &[]);
    }
}
