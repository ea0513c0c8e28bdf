//! The list of components, and their references.

use super::{file, path, tracegate};

/// Section, name and aliases of each row of a list, read without a YAML parser: the layout is part
/// of the promise.
fn rows(list: &str) -> Vec<(String, String, Vec<String>)> {
    let mut rows: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut section = String::new();
    for line in list.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            section = name.to_owned();
        } else if let Some(name) = line.strip_prefix("    - name: ") {
            rows.push((section.clone(), name.to_owned(), Vec::new()));
        } else if let Some(aliases) = line.strip_prefix("      aliases: [") {
            let aliases = aliases.trim_end_matches(']').split(", ").map(str::to_owned);
            rows.last_mut().unwrap().2 = aliases.collect();
        }
    }
    rows
}

#[test]
fn every_component_is_listed_with_its_signals() {
    let ended = tracegate(&["components"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(
        ended
            .out
            .starts_with("buildinfo:\n    command: tracegate\n"),
        "{}",
        ended.out
    );
    let rows = rows(&ended.out);
    let named: Vec<_> = rows
        .iter()
        .map(|(s, n, _)| (s.as_str(), n.as_str()))
        .collect();
    for row in [
        ("receivers", "otlp"),
        ("receivers", "nop"),
        ("processors", "batch"),
        ("processors", "memory_limiter"),
        ("exporters", "otlp_grpc"),
        ("exporters", "otlp_http"),
        ("exporters", "debug"),
        ("exporters", "file"),
        ("exporters", "nop"),
        ("connectors", "forward"),
    ] {
        assert!(named.contains(&row), "{row:?} is not in {named:?}");
    }
    let otlp = "    - name: otlp\n      stability:\n        traces: Stable\n        metrics: ";
    assert!(ended.out.contains(otlp), "{}", ended.out);
    assert!(ended.out.contains("traces-to-traces: "), "{}", ended.out);
    // Each row has at least one line below `stability`.
    assert_eq!(
        ended.out.matches("      stability:\n        ").count(),
        rows.len()
    );
}

#[test]
fn the_older_names_of_the_collector_are_aliases() {
    let rows = rows(&tracegate(&["components"]).out);
    for (name, alias) in [
        ("otlp_grpc", "otlp"),
        ("otlp_http", "otlphttp"),
        ("debug", "logging"),
    ] {
        let row = rows
            .iter()
            .find(|(section, n, _)| section == "exporters" && n == name);
        assert_eq!(row.unwrap().2, [alias]);
    }
}

/// What the first line below a component's `stability` says that it takes: a signal, a pair of them, or neither.
fn takes<'a>(list: &'a str, section: &str, name: &str) -> &'a str {
    let rows = list.split_once(&format!("\n{section}:\n")).unwrap().1;
    let row = rows.split_once(&format!("    - name: {name}\n")).unwrap().1;
    let first = row.split_once("      stability:\n        ").unwrap().1;
    first.split_once(':').unwrap().0
}

/// The example of a reference with a pipeline around it. A connector joins two pipelines.
fn around(section: &str, name: &str, takes: &str, example: &str) -> String {
    let mut sections = vec![("receivers", "nop"), ("exporters", "nop")];
    sections.retain(|(known, _)| *known != section);
    let mut yaml = example.to_owned();
    for (section, name) in sections {
        yaml += &format!("{section}:\n  {name}:\n");
    }
    let receiver = if section == "receivers" { name } else { "nop" };
    let exporter = if section == "exporters" { name } else { "nop" };
    yaml += "service:\n";
    yaml += &match section {
        "extensions" => format!("  extensions: [{name}]\n"),
        _ => String::new(),
    };
    let processors = if section == "processors" { name } else { "" };
    yaml += "  pipelines:\n";
    yaml += &match section {
        "connectors" => {
            let (from, to) = takes.split_once("-to-").unwrap();
            format!(
                "    {from}/a: {{receivers: [nop], exporters: [{name}]}}\n    \
                 {to}/b: {{receivers: [{name}], exporters: [nop]}}\n"
            )
        }
        "extensions" => "    traces: {receivers: [nop], exporters: [nop]}\n".to_owned(),
        _ => format!(
            "    {takes}: {{receivers: [{receiver}], processors: [{processors}], \
             exporters: [{exporter}]}}\n"
        ),
    };
    yaml
}

#[test]
fn every_reference_has_an_example_that_is_valid() {
    let list = tracegate(&["components"]).out;
    for (section, name, aliases) in rows(&list) {
        let reference = tracegate(&["components", "--docs", &name])
            .out
            .replace("\n## ", "\n- ");
        let heading = format!("{} `{name}`\n", section.trim_end_matches('s'));
        let own = reference
            .split("# ")
            .find(|part| part.starts_with(&heading));
        let own = own.unwrap_or_else(|| panic!("{heading} is not in\n{reference}"));
        for alias in aliases {
            assert!(own.contains(&format!("`{alias}`")), "{own}");
        }
        let example = own
            .split("```yaml\n")
            .last()
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let yaml = around(&section, &name, takes(&list, &section, &name), example);
        let file = file(&yaml);
        let ended = tracegate(&["validate", "--config", path(&file)]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{yaml}");
    }
}

#[test]
fn a_name_that_several_components_have_prints_all_of_them() {
    let reference = tracegate(&["components", "--docs", "otlp"]).out;
    assert!(reference.starts_with("# receiver `otlp`\n"), "{reference}");
    assert!(
        reference.contains("\n# exporter `otlp_grpc`\n"),
        "{reference}"
    );
}

/// When set, the overview is written.
const RECORD: &str = "TRACEGATE_RECORD";

const OVERVIEW: &str = "docs/components.md";

const INTRODUCTION: &str = "\
# Components

What this build has, by the names that a configuration uses; older names are in brackets and work, too. All keys, and
what differs from the Collector and why: `tracegate components --docs NAME`.

This page is made from `tracegate components`: `TRACEGATE_RECORD=1 cargo test --test it cli::components`.
";

/// A row of the overview: names, stability by signal, and the first sentence of the reference.
fn overview_row(section: &str, name: &str, aliases: &[String]) -> String {
    let kind = section.trim_end_matches('s');
    let docs = tracegate(&["components", "--docs", name]).out;
    let heading = format!("# {kind} `{name}`\n");
    let (_, reference) = docs
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no {heading} in\n{docs}"));
    let mut paragraphs = reference.split("\n\n").map(str::trim);
    let stability = paragraphs.find(|text| text.starts_with("- ")).unwrap();
    let stability = stability.trim_start_matches("- ").replace("\n- ", ", ");
    let first = paragraphs.next().unwrap().replace('\n', " ");
    let sentence = match first.split_once(". ") {
        Some((sentence, _)) => sentence,
        None => first.trim_end_matches('.'),
    };
    let older: String = aliases
        .iter()
        .map(|alias| format!(" (`{alias}`)"))
        .collect();
    format!("| `{name}`{older} | {stability} | {sentence} |\n")
}

#[test]
fn the_overview_is_that_of_this_build() {
    let list = tracegate(&["components"]).out;
    let mut written = INTRODUCTION.to_owned();
    let mut last = String::new();
    for (section, name, aliases) in rows(&list) {
        if section != last {
            written += &format!("\n## {section}\n\n| name | stability | |\n|---|---|---|\n");
            last.clone_from(&section);
        }
        written += &overview_row(&section, &name, &aliases);
    }
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(OVERVIEW);
    if std::env::var_os(RECORD).is_some() {
        std::fs::write(&page, &written).unwrap();
    }
    let found = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        found == written,
        "{OVERVIEW} is stale: set {RECORD} and run this test"
    );
}
