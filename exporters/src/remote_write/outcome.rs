//! What the fates of its requests mean for a batch.

use std::ops::Range;
use std::time::Duration;

use pipeline::component::{Failure, Partly, Receipt};

use super::send::Fate;
use super::table::Table;
use super::translate::Translated;

/// A request by its groups, and what became of it.
pub(super) type Ended = (Range<usize>, Fate);

const DROPPED: &str = "data points that remote write cannot carry; \
                       tracegate_remote_write_points_dropped says why";

/// `items` is how many the batch has by its books.
pub(super) fn outcome(
    items: u64,
    translated: &Translated,
    ended: &[Ended],
) -> Result<Receipt, Failure> {
    let Translated {
        table,
        points,
        dropped,
    } = translated;
    let (mut rejected, mut refused) = (0, 0);
    let mut said = None;
    for (groups, fate) in ended {
        let points = points_in(table, groups);
        match fate {
            Fate::Taken { lost: 0, .. } | Fate::Later { .. } => continue,
            Fate::Taken { lost, .. } => rejected += points.min(*lost),
            // Somebody else tells of the same resource, which is no loss.
            Fate::Spoilt { .. } if points == 0 => continue,
            Fate::Refused { .. } | Fate::Spoilt { .. } | Fate::TooLarge { .. } => refused += points,
        }
        said = said.or(Some(fate.text()));
    }
    let why = if *dropped > 0 { DROPPED } else { "" };
    let receipt = Receipt {
        rejected: rejected + refused + dropped,
        text: said.unwrap_or(why).to_owned(),
    };
    let Some((after, text)) = later(ended) else {
        return match refused > 0 && refused == points - dropped {
            true => Err(Failure::permanent(receipt.text)),
            false => Ok(receipt),
        };
    };
    let text = text.to_owned();
    let is_all = *dropped == 0 && ended.iter().all(|(_, fate)| fate.is_later());
    // Where views and books do not agree on what an item is, nobody can be told which are left.
    if is_all || *points != items {
        return Err(Failure::Retryable { after, text });
    }
    Err(Failure::Partly(Box::new(Partly {
        receipt,
        left: left(translated, ended),
        after,
        text,
    })))
}

/// When to come again, if anything may be taken later, and why.
fn later(ended: &[Ended]) -> Option<(Option<Duration>, &str)> {
    let later = ended.iter().filter_map(|(_, fate)| match fate {
        Fate::Later { after, text } => Some((*after, text.as_str())),
        _ => None,
    });
    later.max_by_key(|(after, _)| *after)
}

/// By the number of a point: whether it is to be sent again.
fn left(translated: &Translated, ended: &[Ended]) -> Vec<bool> {
    let mut left = vec![false; usize::try_from(translated.points).unwrap_or_default()];
    for (groups, _) in ended.iter().filter(|(_, fate)| fate.is_later()) {
        let groups = translated.table.groups().get(groups.clone());
        let groups = groups.unwrap_or_default().iter();
        for point in groups.flat_map(|group| &group.points) {
            if let Some(is_left) = left.get_mut(*point as usize) {
                *is_left = true;
            }
        }
    }
    left
}

/// How many points are in these groups.
pub(super) fn points_in(table: &Table, groups: &Range<usize>) -> u64 {
    let groups = table.groups().get(groups.clone()).unwrap_or_default();
    groups.iter().map(|group| group.points.len() as u64).sum()
}
