//! The house rules, which nobody has to remember because they run as a test.
//!
//! A rule is a function from the repository's text to its breaches. `evidence.txt` shows every rule something that
//! breaks it, so that none can fall silent. What clippy and rustfmt hold is not repeated here.

mod crates;
mod files;
mod house;
mod lines;

use std::fmt;

use house::{File, House};

/// Adds a breach for each line that breaks the rule.
type Rule = fn(&House, &mut Found);

#[derive(Default)]
struct Found(Vec<Breach>);

/// A line that breaks a rule, and what to do about it.
struct Breach {
    path: String,
    line: usize,
    text: String,
}

const RULES: &[(&str, Rule)] = &[
    ("arrows", crates::arrows),
    ("bans", crates::bans),
    ("wire", crates::wire),
    ("manifests", crates::manifests),
    ("members", crates::members),
    ("tables", crates::tables),
    ("modules", files::modules),
    ("opening", files::opening),
    ("names", files::names),
    ("documents", files::documents),
    ("scripts", files::scripts),
    ("width", lines::width),
    ("file length", lines::file_length),
    ("function length", lines::function_length),
    ("macros", lines::macros),
    ("panics", lines::panics),
    ("reminders", lines::reminders),
    ("places", lines::places),
];

/// Who may break which rule, and why. An exception that nothing needs any more is a breach itself.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("names", "benches/src/payload/message.rs", "protobuf's word"),
    ("names", "otlp/src/view/message.rs", "protobuf's word"),
    (
        "width",
        "config/tests/it/blocks.rs",
        "a line of JSON is one line",
    ),
    (
        "width",
        "config/tests/it/faults.rs",
        "output as it is printed",
    ),
    ("places", "tests/it/tidy/lines.rs", "the list of the words"),
    (
        "places",
        "tests/it/tidy/evidence.txt",
        "a breach on purpose",
    ),
    (
        "reminders",
        "tests/it/tidy/lines.rs",
        "the list of the words",
    ),
];

#[test]
fn the_house_is_tidy() {
    let house = House::read();
    assert!(house.sources().count() > 100, "the sources are missing");
    let mut needed = vec![false; EXCEPTIONS.len()];
    let mut breaches = Vec::new();
    for (name, rule) in RULES {
        for breach in Found::by(*rule, &house) {
            let excepts = |(rule, path): (&str, &str)| rule == *name && path == breach.path;
            match EXCEPTIONS
                .iter()
                .position(|(rule, path, _)| excepts((rule, path)))
            {
                Some(at) => needed[at] = true,
                None => breaches.push(format!("{breach} [{name}]")),
            }
        }
    }
    for ((rule, path, _), _) in EXCEPTIONS.iter().zip(needed).filter(|(_, needed)| !needed) {
        breaches.push(format!("{path}: nothing needs its exception from [{rule}]"));
    }
    assert!(
        breaches.is_empty(),
        "{} breaches:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}

#[test]
fn every_rule_finds_what_breaks_it() {
    let evidence = include_str!("evidence.txt");
    for (name, rule) in RULES {
        let case = evidence.split_once(&format!("\n=== {name}: "));
        let (_, case) = case.unwrap_or_else(|| panic!("evidence.txt shows no breach of {name}"));
        let case = case.split("\n=== ").next().unwrap();
        let mut files = case.split("\n--- ");
        let expected = files.next().unwrap().trim_end();
        let files = files.map(|file| file.split_once('\n').unwrap_or((file, "")));
        let house = House::of(files.map(|(path, text)| (path, repeated(text))));
        let found = Found::by(*rule, &house);
        let places: Vec<_> = found
            .iter()
            .map(|b| format!("{}:{}", b.path, b.line))
            .collect();
        assert_eq!(places.join(" "), expected, "{name}");
    }
}

#[test]
fn every_measured_case_has_a_row_in_the_table() {
    let house = House::read();
    let page = &house.file("docs/performance.md").unwrap().text;
    for case in benches::measure::CASES {
        let row = format!("\n| {} |", case.name);
        assert!(
            page.contains(&row),
            "docs/performance.md has no row for {}",
            case.name
        );
    }
}

/// A line `@3 text` stands for three lines `text`.
fn repeated(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let counted = line.strip_prefix('@').and_then(|rest| rest.split_once(' '));
        let (count, line) =
            counted.map_or((1, line), |(count, line)| (count.parse().unwrap(), line));
        out.push_str(&format!("{line}\n").repeat(count));
    }
    out
}

// === impl Found ===

impl Found {
    fn by(rule: Rule, house: &House) -> Vec<Breach> {
        let mut found = Self::default();
        rule(house, &mut found);
        found.0
    }

    fn at(&mut self, file: &File, line: usize, text: impl Into<String>) {
        self.add(&file.path, line, text.into());
    }

    fn missing(&mut self, path: &str) {
        self.add(path, 1, "this file must be there".to_owned());
    }

    fn add(&mut self, path: &str, line: usize, text: String) {
        let path = path.to_owned();
        self.0.push(Breach { path, line, text });
    }
}

// === impl Breach ===

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}
