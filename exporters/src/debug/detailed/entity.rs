//! References from a resource to the entities that it describes.

use std::fmt::Write;

use otlp::view::Text;

use super::NESTED;
use crate::debug::children;
use crate::debug::page::{Page, Written};

/// Resource group → resource.
const RESOURCE: u32 = 1;
/// Resource → entity references.
const ENTITY_REFS: u32 = 3;
/// The fields of a reference.
const SCHEMA_URL: u32 = 1;
const TYPE: u32 = 2;
const ID_KEYS: u32 = 3;
const DESCRIPTION_KEYS: u32 = 4;

/// Writes the references in a resource group, given as it is encoded.
pub(super) fn write(page: &mut Page, group: &[u8]) -> Written {
    let resources = children(group, RESOURCE);
    let references = resources.flat_map(|resource| children(resource, ENTITY_REFS));
    super::write_section(
        page,
        "Resource entity refs:",
        references.map(Ok),
        write_reference,
    )
}

fn write_reference(page: &mut Page, index: usize, reference: &[u8]) -> Written {
    let texts = |number| children(reference, number).map(Text::new);
    writeln!(page, "{NESTED}-> Entity ref #{index}:")?;
    let kind = texts(TYPE).last().unwrap_or_default();
    writeln!(page, "{NESTED}{NESTED}-> Type: {kind}")?;
    if let Some(url) = texts(SCHEMA_URL).last().filter(|url| !url.is_empty()) {
        writeln!(page, "{NESTED}{NESTED}-> Schema URL: {url}")?;
    }
    for (header, number) in [("ID keys", ID_KEYS), ("Description keys", DESCRIPTION_KEYS)] {
        let header = format!("{NESTED}{NESTED}-> {header}:");
        super::write_section(page, &header, texts(number).map(Ok), |page, _, key| {
            Ok(writeln!(page, "{NESTED}{NESTED}{NESTED}-> {key}")?)
        })?;
    }
    Ok(())
}
