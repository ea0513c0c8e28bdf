//! What a row of a component table must be.

use config::{Faults, Kind};

use super::document;
use crate::component::Factory;

/// Checks every row: its names are types, its example is read without a fault and again when written out, an unknown
/// key is refused by name, and it has a reference. Panics with the name of the row that fails.
pub fn check_table<B>(kind: Kind, table: &[Factory<B>]) {
    let mut seen = Vec::new();
    for factory in table {
        let name = factory.name;
        for called in factory.aliases.iter().chain([&name]) {
            assert!(!seen.contains(called), "two rows are called {called}");
            assert!(is_type(called), "{called} is no component type");
            seen.push(called);
        }
        assert!(factory.reference.len() > 80, "{name} has no reference");
        check_example(kind, factory);
        check_unknown_key(kind, factory);
    }
}

fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_example<B>(kind: Kind, factory: &Factory<B>) {
    let name = factory.name;
    let (faults, effective) = plan(kind, factory, factory.example);
    assert!(
        faults.is_empty(),
        "{name}: its example has faults: {faults:?}"
    );
    let effective = effective.unwrap_or_else(|| panic!("{name}: its example is not read"));
    // JSON is YAML: what is printed as the effective configuration must mean the same.
    let (faults, again) = plan(kind, factory, &effective.to_string());
    let redacted = effective.to_string().contains("[REDACTED]");
    assert!(
        !faults.has_errors(),
        "{name}: its effective configuration has faults: {faults:?}"
    );
    assert!(
        redacted || again == Some(effective),
        "{name}: written out it means something else"
    );
}

fn check_unknown_key<B>(kind: Kind, factory: &Factory<B>) {
    let name = factory.name;
    let (faults, _) = plan(kind, factory, "no_such_key: 1");
    let named = faults
        .iter()
        .any(|fault| fault.to_string().contains("no_such_key"));
    assert!(
        faults.has_errors() && named,
        "{name}: an unknown key is not refused: {faults:?}"
    );
}

/// The faults and the effective configuration of one component with this body.
pub(super) fn plan<B>(
    kind: Kind,
    factory: &Factory<B>,
    body: &str,
) -> (Faults, Option<serde_json::Value>) {
    let mut faults = Faults::new();
    let planned = with_body(
        kind,
        factory.name,
        body,
        &mut faults,
        |component, faults| (factory.plan)(component, faults),
    );
    (faults, planned.map(|planned| planned.effective))
}

/// Calls `read` with a component of this type and body, as if it stood in a file.
pub(super) fn with_body<T>(
    kind: Kind,
    name: &str,
    body: &str,
    faults: &mut Faults,
    read: impl FnOnce(&config::Component, &mut Faults) -> Option<T>,
) -> Option<T> {
    let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
    let yaml = format!("{}:\n  {name}:\n{indented}", kind.section());
    // Only the section under test is there; what the document lacks is not asked for.
    let document = document(&yaml, faults)?;
    let component = document.section(kind).iter().next()?;
    read(component, faults)
}
