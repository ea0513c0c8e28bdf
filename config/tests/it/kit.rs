//! A world of files and variables for the tests, and short ways through the crate.

use std::collections::HashMap;

use config::{Document, Environment, Faults, Format, Node, Severity, Sources, decode_valid, load};
use serde::de::DeserializeOwned;

/// Files and variables that exist only here.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) files: HashMap<&'static str, &'static str>,
    pub(crate) variables: HashMap<&'static str, &'static str>,
}

impl World {
    pub(crate) fn files(files: &[(&'static str, &'static str)]) -> Self {
        Self {
            files: files.iter().copied().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn variables(variables: &[(&'static str, &'static str)]) -> Self {
        Self {
            variables: variables.iter().copied().collect(),
            ..Self::default()
        }
    }
}

impl Environment for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let text = self.files.get(path).map(|text| (*text).to_owned());
        text.ok_or_else(|| "no such file or directory".to_owned())
    }

    /// Pages are files that are named by their URL.
    fn fetch(&self, url: &str) -> Result<String, String> {
        self.file(url).map_err(|_| "no such page".to_owned())
    }
}

/// One file named `c.yaml`, loaded.
pub(crate) fn load_text(text: &'static str, faults: &mut Faults) -> Option<Node> {
    let sources = Sources {
        configs: vec!["c.yaml".to_owned()],
        sets: Vec::new(),
    };
    load(&sources, &World::files(&[("c.yaml", text)]), faults)
}

/// A fragment decoded as the component `receivers::x`.
pub(crate) fn decode_text<T>(text: &'static str) -> (Option<T>, Faults)
where
    T: DeserializeOwned + config::Validate,
{
    let mut faults = Faults::new();
    let node = load_text(text, &mut faults).expect("the text is YAML");
    let value = decode_valid(&node, "receivers::x", &mut faults);
    (value, faults)
}

/// The document's faults as a person sees them.
pub(crate) fn report_of(text: &'static str) -> String {
    let mut faults = Faults::new();
    if let Some(root) = load_text(text, &mut faults) {
        let document = Document::read(&root, &mut faults);
        document.check(&mut faults);
    }
    report(&faults)
}

pub(crate) fn report(faults: &Faults) -> String {
    let mut out = Vec::new();
    faults
        .write(Format::Human, &mut out)
        .expect("a vector takes everything");
    String::from_utf8(out).expect("the report is UTF-8")
}

/// One line a fault.
pub(crate) fn lines(faults: &Faults) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

pub(crate) fn errors(faults: &Faults) -> Vec<String> {
    let errors = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error);
    errors
        .map(|fault| format!("{}: {}", fault.path, fault.text))
        .collect()
}

/// A tree as compact JSON.
pub(crate) fn json(node: &Node) -> String {
    serde_json::to_string(node).expect("a node is JSON")
}
