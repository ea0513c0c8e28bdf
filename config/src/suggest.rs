//! "Did you mean": the known word that is closest to what was written.

/// The candidate with the smallest edit distance, if it is close enough to be meant: a third of
/// the word, at least one letter. Case and `-` against `_` cost nothing.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    let fold = |c: char| {
        if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        }
    };
    // A word longer than any key needs no suggestion; the limit keeps the work small.
    word.chars().take(WORD_MAX).map(fold).collect()
}

const WORD_MAX: usize = 64;

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
