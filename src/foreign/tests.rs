use std::collections::HashSet;

use config::Kind;

use super::{TABLES, advice, letters};
use crate::components::REGISTRY;

#[test]
fn no_type_has_two_rows() {
    for table in &TABLES {
        let mut seen = HashSet::new();
        let rows = table.rows.iter().flat_map(|row| row.names);
        for name in rows.chain(table.tail) {
            let plain: String = letters(name).collect();
            assert!(seen.insert(plain), "{name} twice in {:?}", table.kind);
        }
    }
}

#[test]
fn every_type_of_the_contrib_distribution_is_here_or_has_advice() {
    let mut kind = None;
    let mut types = 0;
    for word in include_str!("contrib.txt")
        .lines()
        .skip(1)
        .flat_map(str::split_whitespace)
    {
        if let Some(name) = word.strip_suffix(':') {
            kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            continue;
        }
        let kind = kind.expect("a kind comes before its types");
        let is_here = REGISTRY.names(kind).contains(&word) || HANDLED.contains(&word);
        assert!(is_here || advice(kind, word).is_some(), "{kind:?} {word}");
        types += 1;
    }
    assert_eq!(types, 243);
}

/// Types that `legacy` has the words for.
const HANDLED: [&str; 1] = ["file_storage"];

#[test]
fn both_spellings_of_a_type_mean_it() {
    let check = |kind, name: &str, word: &str| {
        let lost = advice(kind, name).map_or("", |advice| advice.lost);
        assert!(lost.contains(word), "{name}: {lost}");
    };
    check(Kind::Receiver, "hostmetrics", "CPU");
    check(Kind::Receiver, "host_metrics", "CPU");
    check(Kind::Processor, "k8s_attributes", "k8s.*");
    check(Kind::Exporter, "load_balancing", "spans of a trace");
    check(Kind::Connector, "round_robin", "nothing");
    check(Kind::Receiver, "zookeeper", "what it collects");
    assert!(advice(Kind::Receiver, "zokeeper").is_none());
    // A type of another kind is no type of this one.
    assert!(advice(Kind::Exporter, "hostmetrics").is_none());
}

#[test]
fn no_type_is_both_registered_and_foreign() {
    for kind in Kind::ALL {
        for name in REGISTRY.names(kind) {
            assert!(advice(kind, name).is_none(), "{name}");
            assert!(advice(kind, &name.replace('_', "")).is_none(), "{name}");
        }
    }
}
