//! What depends on what, and what a crate must hold.

use super::Found;
use super::house::{Dependency, File, House, Manifest, is_code};

/// The rows of the house. A crate may name lower rows only.
const ROWS: &[(&str, u8)] = &[
    ("otlp", 1),
    ("config", 2),
    ("ledger", 2),
    ("telemetry", 2),
    ("ottl", 2),
    // Beside the house: it measures any collector from outside, and knows of ours no more than the wire.
    ("benches", 2),
    ("pipeline", 3),
    ("net", 3),
    ("receivers", 4),
    ("processors", 4),
    ("exporters", 4),
    ("connectors", 4),
    ("extensions", 4),
    ("admin", 4),
    ("tracegate", 5),
];

const COMPONENT_ROW: u8 = 4;

/// Crates that wait, or speak to sockets.
const ASYNC: &[&str] = &[
    "async-trait",
    "axum",
    "futures",
    "futures-util",
    "h2",
    "http-body",
    "http-body-util",
    "hyper",
    "hyper-util",
    "reqwest",
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "tonic",
    "tower",
];

/// What some crates must not name although no arrow forbids it.
struct Ban {
    who: fn(&str) -> bool,
    not: &'static [&'static str],
    /// Tests are bound too.
    tests: bool,
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        who: |name| matches!(name, "processors" | "connectors"),
        not: ASYNC,
        tests: true,
        why: "a processor is given batches and the time; it never waits",
    },
    Ban {
        who: |name| matches!(name, "otlp" | "ledger" | "ottl"),
        not: ASYNC,
        tests: true,
        why: "the data, the books and the language are plain values",
    },
    Ban {
        who: |_| true,
        not: &["prost", "opentelemetry-proto"],
        tests: false,
        why: "payload stays encoded; decoded messages are the oracle of tests",
    },
    Ban {
        who: |_| true,
        not: &["benches"],
        tests: false,
        why: "it is a tool of tests and people",
    },
    Ban {
        who: |name| name != "tracegate",
        not: &["anyhow"],
        tests: true,
        why: "errors of a library are types; only the composition root reports to a person",
    },
];

pub(super) fn arrows(house: &House, found: &mut Found) {
    let row = |name: &str| {
        let known = ROWS.iter().find(|(known, _)| *known == name)?;
        Some(known.1)
    };
    for Manifest {
        file,
        package,
        dependencies,
    } in &house.manifests()
    {
        let Some(own) = row(package) else {
            found.at(
                file,
                1,
                format!("`{package}` has no row; give it one in ROWS"),
            );
            continue;
        };
        for Dependency { name, line, .. } in dependencies.iter().filter(|d| !d.dev) {
            if row(name).is_some_and(|other| other >= own) {
                let why = "which is not below it; move what both need down";
                found.at(
                    file,
                    *line,
                    format!("`{package}` must not name `{name}`, {why}"),
                );
            }
        }
    }
}

pub(super) fn bans(house: &House, found: &mut Found) {
    for Ban {
        who,
        not,
        tests,
        why,
    } in BANS
    {
        for Manifest {
            file,
            package,
            dependencies,
        } in &house.manifests()
        {
            let bound = |d: &&Dependency<'_>| who(package) && (*tests || !d.dev);
            for Dependency { name, line, .. } in dependencies.iter().filter(bound) {
                if not.contains(name) {
                    found.at(
                        file,
                        *line,
                        format!("`{package}` must not name `{name}`: {why}"),
                    );
                }
            }
        }
    }
}

/// Who moves encoded bytes pays for no JSON.
pub(super) fn wire(house: &House, found: &mut Found) {
    let json = ["otlp/src/json/", "otlp/src/reply/"];
    for file in house.below("otlp/src/") {
        if json.iter().any(|folder| file.path.starts_with(folder)) {
            continue;
        }
        for (number, line) in house.production(file).filter(is_code) {
            if line.contains("serde") || line.contains("base64") {
                let text = "the wire half depends on `bytes` alone; go to `json` or `reply`";
                found.at(file, number, text);
            }
        }
    }
}

/// One place for versions and one for lints.
pub(super) fn manifests(house: &House, found: &mut Found) {
    let manifests = house.manifests();
    for Manifest {
        file, dependencies, ..
    } in &manifests
    {
        for Dependency { name, line, .. } in dependencies.iter().filter(|d| !d.inherited) {
            let place = "[workspace.dependencies]";
            found.at(
                file,
                *line,
                format!("the version of `{name}` belongs into {place}"),
            );
        }
        if !file.text.contains("\n[lints]\nworkspace = true\n") {
            found.at(file, 1, "say `[lints] workspace = true`");
        }
    }
    let Some(root) = house.file("Cargo.toml") else {
        return;
    };
    let named = |name: &str| {
        manifests
            .iter()
            .flat_map(|m| &m.dependencies)
            .any(|d| d.name == name)
    };
    let versions = root
        .lines()
        .skip_while(|(_, line)| *line != "[workspace.dependencies]");
    for (number, line) in versions
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('['))
    {
        let name = line.split(['=', ' ']).next().unwrap_or_default();
        if !name.is_empty() && name != "#" && !named(name) {
            found.at(
                root,
                number,
                format!("no crate names `{name}`; take it out"),
            );
        }
    }
}

/// A folder at the root with a manifest is a member, and every member is one.
pub(super) fn members(house: &House, found: &mut Found) {
    let Some(root) = house.file("Cargo.toml") else {
        return;
    };
    let members = house.members();
    for member in &members {
        if house.file(&format!("{member}/Cargo.toml")).is_none() {
            found.at(root, 1, format!("the member `{member}` has no manifest"));
        }
    }
    for file in &house.files {
        let folder = file.path.strip_suffix("/Cargo.toml");
        let folder = folder.filter(|folder| !folder.contains('/'));
        if folder.is_some_and(|folder| !members.iter().any(|member| member == folder)) {
            found.at(
                file,
                1,
                "this folder is no member; name it in the root manifest",
            );
        }
    }
    for Manifest { file, package, .. } in house.manifests() {
        if ![format!("{package}/Cargo.toml"), "Cargo.toml".into()].contains(&file.path) {
            found.at(file, 1, "a package is called like its folder");
        }
    }
}

/// To be registered is to be tested: a component has a row, an example and a reference, its table
/// is walked by the contract suite, and the binary knows the table.
pub(super) fn tables(house: &House, found: &mut Found) {
    for (name, _) in ROWS.iter().filter(|(_, row)| *row == COMPONENT_ROW) {
        let Some(table) = house.file(&format!("{name}/src/lib.rs")) else {
            continue;
        };
        let mut components = 0;
        for file in house.below(&format!("{name}/src/")) {
            for (line, component) in house.production(file).filter_map(component) {
                components += 1;
                if !has_row(table, component) {
                    let text = format!("`{component}` has no row in `ALL` of {}", table.path);
                    found.at(file, line, text);
                }
                facts(house, file, line, found);
            }
        }
        let walks = |file: &File| file.text.contains("check_table(");
        if components > 0 && !house.below(&format!("{name}/")).any(walks) {
            let text = "no test walks the table; call `pipeline::testkit::check_table`";
            found.at(table, 1, text);
        }
        let row = format!("{name}::ALL");
        let known = house
            .file("src/components.rs")
            .is_some_and(|file| file.text.contains(&row));
        if components > 0 && !known {
            found.at(
                table,
                1,
                format!("nobody knows the table; name `{row}` in src/components.rs"),
            );
        }
    }
}

fn component((number, line): (usize, &str)) -> Option<(usize, &str)> {
    let name = line.strip_prefix("impl Component for ")?;
    Some((number, name.strip_suffix(" {")?))
}

fn has_row(table: &File, component: &str) -> bool {
    let mut rows = table.text.split("::of::<").skip(1);
    rows.any(|row| {
        let path = row.split('>').next().unwrap_or_default();
        path.rsplit("::").next() == Some(component)
    })
}

fn facts(house: &House, file: &File, line: usize, found: &mut Found) {
    let body: Vec<_> = house
        .production(file)
        .skip(line)
        .take_while(|at| at.1 != "}")
        .collect();
    let states = |fact: &str| {
        body.iter()
            .any(|(_, text)| text.trim_start().starts_with(fact))
    };
    if !states("const EXAMPLE: &'static str =") {
        found.at(
            file,
            line,
            "state an EXAMPLE, which the contract suite runs",
        );
    }
    if !states("const REFERENCE: &'static str =") {
        found.at(file, line, "state a REFERENCE, which users read");
    }
}
