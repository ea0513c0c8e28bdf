//! "Did you mean": the known word that is closest to what was written.

/// The candidate with the smallest edit distance, if it is close enough to be meant: a third of
/// the word, at least one letter. Case and `-` against `_` cost nothing.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> Vec<char> {
    let fold = |c: char| {
        if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        }
    };
    // A word longer than any key needs no suggestion; the limit keeps the table small.
    word.chars().take(WORD_MAX).map(fold).collect()
}

const WORD_MAX: usize = 64;

/// Edits to get from one word to the other: insert, delete, replace, swap of two neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &to) in b.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let replace = at(&last, j) + usize::from(from != to);
            let mut cost = replace.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && a.get(i - 1) == Some(&to) && b.get(j - 1) == Some(&from);
            if swapped {
                cost = cost.min(at(&before_last, j - 1) + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        let known = ["endpoint", "insecure", "timeout", "batch"];
        for (written, expected) in [
            ("endpiont", Some("endpoint")),
            ("insecur", Some("insecure")),
            ("Timeout", Some("timeout")),
            ("time-out", Some("timeout")),
            ("batchl", Some("batch")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(closest(written, known), expected, "{written}");
        }
    }
}
