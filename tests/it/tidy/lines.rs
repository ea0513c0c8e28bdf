//! What stands in the lines: how many, how wide, and which words they do without.

use super::Found;
use super::house::{House, is_code};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// rustfmt holds code to 100; comments and texts may be a little wider.
const LINE_CHARS_MAX: usize = 120;

const REMINDERS: &[&str] = &["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("];

/// What ends the process. Clippy knows the first two by type; it does not look at the others.
const PANICS: &[&str] = &[
    ".unwrap()",
    ".expect(",
    "panic!(",
    "unreachable!(",
    " assert!(",
    " assert_eq!(",
];

/// Words that are true on one machine only.
const PLACES: &[&str] = &[
    "/work/",
    "/root/",
    "../shared",
    "artifactory",
    "index.crates.io",
    "static.rust-lang.org",
    "registry.npmjs.org",
    "pypi.org",
    "proxy.golang.org",
];

pub(super) fn width(house: &House, found: &mut Found) {
    for file in house.sources() {
        for (number, line) in file.lines() {
            if line.chars().count() > LINE_CHARS_MAX {
                found.at(
                    file,
                    number,
                    format!("wider than {LINE_CHARS_MAX} characters"),
                );
            }
        }
    }
}

pub(super) fn file_length(house: &House, found: &mut Found) {
    for file in house.sources() {
        let count = house.production(file).count();
        if count > FILE_LINES_MAX {
            let text = format!("{count} lines of at most {FILE_LINES_MAX}; move a concept out");
            found.at(file, 1, text);
        }
    }
}

pub(super) fn function_length(house: &House, found: &mut Found) {
    for file in house.sources() {
        let lines: Vec<_> = house.production(file).collect();
        for (at, (number, line)) in lines.iter().enumerate() {
            let (margin, head) = line.split_at(line.len() - line.trim_start().len());
            if !begins_function(head) || head.ends_with(['}', ';']) {
                continue;
            }
            // In formatted code a body ends with the first brace below its head's first letter,
            // and a declaration without a body with a parenthesis and a semicolon there.
            let ends = |(_, line): &(usize, &str)| {
                let end = line.strip_prefix(margin).unwrap_or_default();
                end == "}" || (end.starts_with(')') && end.ends_with(';'))
            };
            let count = lines[at..].iter().position(ends).map_or(0, |last| last + 1);
            if count > FUNCTION_LINES_MAX {
                let text = format!("{count} lines of at most {FUNCTION_LINES_MAX}; name a part");
                found.at(file, *number, text);
            }
        }
    }
}

fn begins_function(head: &str) -> bool {
    let modifiers = [
        "pub", "crate)", "super)", "const", "async", "unsafe", "extern", "\"C\"",
    ];
    let mut words = head.split([' ', '(', '<']);
    words.find(|word| !modifiers.contains(word)) == Some("fn")
}

pub(super) fn macros(house: &House, found: &mut Found) {
    each_line(
        house,
        &["macro_rules!"],
        "a function, a trait or a table says it too",
        found,
    );
}

pub(super) fn panics(house: &House, found: &mut Found) {
    each_line(
        house,
        PANICS,
        "answer with an error, or use `debug_assert!`",
        found,
    );
}

/// Looks for words in the code that we ship. The test kit is called by tests alone, and fails them.
fn each_line(house: &House, words: &[&str], instead: &str, found: &mut Found) {
    for file in house.sources() {
        if file.path.starts_with("pipeline/src/testkit/") {
            continue;
        }
        for (number, line) in house.production(file).filter(is_code) {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.at(file, number, format!("no `{}`: {instead}", word.trim()));
            }
        }
    }
}

pub(super) fn reminders(house: &House, found: &mut Found) {
    for file in house.sources() {
        for (number, line) in file.lines() {
            if let Some(word) = REMINDERS.iter().find(|word| line.contains(**word)) {
                found.at(
                    file,
                    number,
                    format!("`{word}` is left; do it now or leave it out"),
                );
            }
        }
    }
}

/// The repository means the same on every machine.
pub(super) fn places(house: &House, found: &mut Found) {
    let mut search = |file, number, line: &str, words: &[&str]| {
        if let Some(word) = words.iter().find(|word| line.contains(**word)) {
            found.at(
                file,
                number,
                format!("`{word}` is a place on one machine; leave it out"),
            );
        }
    };
    for file in house
        .files
        .iter()
        .filter(|file| !file.path.ends_with(".lock"))
    {
        file.lines()
            .for_each(|(number, line)| search(file, number, line, PLACES));
        if file.path.ends_with(".rs") {
            let shipped = house.production(file);
            shipped.for_each(|(number, line)| search(file, number, line, &["/tmp/"]));
        }
    }
}
