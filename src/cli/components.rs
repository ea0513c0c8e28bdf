//! `components`: what this build knows, laid out as the Collector does, and the reference of one of
//! them.

use std::io::{self, Write};

use anyhow::bail;
use pipeline::component::{Factory, Stability};

use crate::components::REGISTRY;

/// The facts of a row, whatever its kind.
struct Row {
    section: &'static str,
    name: &'static str,
    aliases: &'static [&'static str],
    /// What it carries, and how far it may be relied on for that.
    stability: Vec<(String, &'static str)>,
    example: &'static str,
    reference: &'static str,
}

const SECTIONS: [&str; 5] = [
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
];

pub(super) fn list(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "buildinfo:")?;
    writeln!(out, "    command: {}", env!("CARGO_PKG_NAME"))?;
    writeln!(out, "    description: {:?}", env!("CARGO_PKG_DESCRIPTION"))?;
    writeln!(out, "    version: {}", env!("CARGO_PKG_VERSION"))?;
    let rows = rows();
    for section in SECTIONS {
        writeln!(out, "{section}:")?;
        for row in rows.iter().filter(|row| row.section == section) {
            writeln!(out, "    - name: {}", row.name)?;
            if !row.aliases.is_empty() {
                writeln!(out, "      aliases: [{}]", row.aliases.join(", "))?;
            }
            writeln!(out, "      stability:")?;
            for (what, stability) in &row.stability {
                writeln!(out, "        {what}: {stability}")?;
            }
        }
    }
    Ok(())
}

/// Prints the reference of every component of this name or alias: a receiver and an exporter may
/// share one.
pub(super) fn docs(name: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let rows = rows();
    let mut named = rows.iter().filter(|row| row.is_called(name)).peekable();
    if named.peek().is_none() {
        let known = rows
            .iter()
            .flat_map(|row| row.aliases.iter().copied().chain([row.name]));
        match config::closest(name, known) {
            Some(close) => bail!("unknown component {name:?}, did you mean `{close}`?"),
            None => bail!("unknown component {name:?}, `tracegate components` lists all"),
        }
    }
    for (count, row) in named.enumerate() {
        if count > 0 {
            writeln!(out)?;
        }
        row.write_reference(out)?;
    }
    Ok(())
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let [receivers, processors, exporters, connectors, extensions] = SECTIONS;
    rows.extend(
        REGISTRY
            .receivers
            .iter()
            .map(|factory| Row::of(receivers, factory)),
    );
    rows.extend(
        REGISTRY
            .processors
            .iter()
            .map(|factory| Row::of(processors, factory)),
    );
    rows.extend(
        REGISTRY
            .exporters
            .iter()
            .map(|factory| Row::of(exporters, factory)),
    );
    rows.extend(
        REGISTRY
            .connectors
            .iter()
            .map(|factory| Row::of(connectors, factory)),
    );
    rows.extend(
        REGISTRY
            .extensions
            .iter()
            .copied()
            .flatten()
            .map(|factory| Row::of(extensions, factory)),
    );
    rows
}

// === impl Row ===

impl Row {
    fn of<B>(section: &'static str, factory: &Factory<B>) -> Self {
        let joins = factory.joins.iter();
        let carries: Vec<String> = match section {
            "connectors" => joins.map(|(from, to)| format!("{from}-to-{to}")).collect(),
            "extensions" => vec!["extension".to_owned()],
            _ => factory.signals.iter().map(ToString::to_string).collect(),
        };
        let stability = match factory.stability {
            Stability::Development => "Development",
            Stability::Alpha => "Alpha",
            Stability::Beta => "Beta",
            Stability::Stable => "Stable",
        };
        Self {
            section,
            name: factory.name,
            aliases: factory.aliases,
            stability: carries.into_iter().map(|what| (what, stability)).collect(),
            example: factory.example,
            reference: factory.reference,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Markdown.
    fn write_reference(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "# {} `{}`\n",
            self.section.trim_end_matches('s'),
            self.name
        )?;
        if !self.aliases.is_empty() {
            writeln!(out, "Older names: `{}`.\n", self.aliases.join("`, `"))?;
        }
        for (what, stability) in &self.stability {
            writeln!(out, "- {what}: {stability}")?;
        }
        writeln!(out, "\n{}\n", self.reference.trim_end())?;
        writeln!(
            out,
            "## Example\n\n```yaml\n{}:\n  {}:",
            self.section, self.name
        )?;
        // Without keys there is nothing to write below the name.
        for line in self.example.lines().filter(|line| *line != "{}") {
            let indent = if line.is_empty() { "" } else { "    " };
            writeln!(out, "{indent}{line}")?;
        }
        writeln!(out, "```")
    }
}
