//! Which files there are, what they are called, and what they begin with.

use super::Found;
use super::house::House;

/// Names that say nothing about what they name.
const BANNED: &[&str] = &[
    "base", "common", "core", "data", "event", "events", "handler", "handlers", "helper",
    "helpers", "info", "manager", "message", "misc", "util", "utils",
];

/// Each file directly in a folder of these names is a program of its own.
const PROGRAMS: &[&str] = &["benches", "bin", "examples", "fuzz_targets", "tests"];

/// What anybody expects to find.
const EXPECTED: &[&str] = &[
    ".ci/nightly",
    ".ci/run",
    "LICENSE",
    "deny.toml",
    "docs/performance.md",
    "docs/style.md",
    "rust-toolchain.toml",
];

/// Every source is reached from a root of its crate.
pub(super) fn modules(house: &House, found: &mut Found) {
    for file in house.sources() {
        let (parents, module) = file.declared_in();
        let folder = parents[0].rsplit('/').nth(1).unwrap_or_default();
        let root = ["build", "lib", "main"].contains(&module) || PROGRAMS.contains(&folder);
        let declaration = format!("mod {module};");
        let declares = |path: &String| {
            house
                .file(path)
                .is_some_and(|f| f.text.contains(&declaration))
        };
        if !root && !parents.iter().any(declares) {
            found.at(file, 1, "no `mod` leads here; declare it or delete it");
        }
    }
}

/// `tests.rs` is exempt: it is for the tests of what stands beside it.
pub(super) fn opening(house: &House, found: &mut Found) {
    for file in house.sources() {
        if !file.text.starts_with("//!") && !file.path.ends_with("/tests.rs") {
            found.at(file, 1, "begin with `//!` and say what this file is for");
        }
    }
}

pub(super) fn names(house: &House, found: &mut Found) {
    for file in house.sources() {
        let mut words = file.path.trim_end_matches(".rs").split('/');
        if let Some(word) = words.find(|word| BANNED.contains(word)) {
            found.at(
                file,
                1,
                format!("`{word}` fits everything; name it for what it does"),
            );
        }
    }
}

/// All that must be there, and that names what it has to name.
pub(super) fn documents(house: &House, found: &mut Found) {
    let mut require = |path: &str, words: &[String]| match house.file(path) {
        None => found.missing(path),
        Some(file) => {
            for word in words.iter().filter(|word| !file.text.contains(*word)) {
                found.at(file, 1, format!("say `{word}` here"));
            }
        }
    };
    let folders: Vec<_> = house
        .members()
        .iter()
        .map(|member| format!("{member}/"))
        .collect();
    require("docs/architecture.md", &folders);
    require("README.md", &folders);
    require(
        "README.md",
        &[
            "cargo run --release".to_owned(),
            "cargo test --workspace".to_owned(),
        ],
    );
    require("CHANGELOG.md", &["## Unreleased".to_owned()]);
    EXPECTED.iter().for_each(|path| require(path, &[]));
}

pub(super) fn scripts(house: &House, found: &mut Found) {
    for file in &house.files {
        let bash = file.text.starts_with("#!/usr/bin/env bash\n");
        if bash && !file.text.contains("\nset -euo pipefail\n") {
            found.at(file, 1, "say `set -euo pipefail`");
        }
    }
}
