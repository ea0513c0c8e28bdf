//! `${…}`: what stands for text from the environment, from files and from itself.
//!
//! Runs over the merged tree, on string values only, never on keys. The innermost `${…}` goes
//! first and the result is looked at again. When a `${…}` is the whole value, its text is read as
//! YAML and kept as well, so that a string field gets it as it was written. `$$` is a `$`.

use crate::fault::{Fault, Faults};
use crate::load::{Environment, scheme_of, without_credentials};
use crate::mask::is_secret_path;
use crate::node::{Node, SEPARATOR, Value};
use crate::place::{Place, Source};
use crate::read::{DEPTH_MAX, read, read_at};
use crate::secret::REDACTED;

/// The Collector's limit on how often one value is looked at again.
const ROUNDS_MAX: usize = 1000;

/// Over the whole configuration; two values that name each other twice would never end.
const EXPANSIONS_MAX: usize = 10_000;

/// The longest text that a value may grow to.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Over the whole configuration: the texts that were retrieved, and those that they were put into.
const WORK_BYTES_MAX: usize = 256 << 20;

/// Each may take seconds, and a start should not.
const FETCHES_MAX: usize = 16;

/// Files that include files: as deep as two full documents.
const NESTING_MAX: usize = 2 * DEPTH_MAX;

/// Expands the values of one tree.
pub(crate) struct Expander<'a> {
    env: &'a dyn Environment,
    faults: &'a mut Faults,
    expansions: usize,
    work_bytes: usize,
    fetches: usize,
}

/// What stands behind a `${…}`.
struct Retrieved {
    /// Empty if a variable is not set.
    text: String,
    /// An unset variable is null, a text that is set but empty is a text.
    is_set: bool,
    /// A `:-default` that is empty is `""`, where an empty variable is null.
    is_text: bool,
    /// Nodes of a file keep their places in it.
    file: Option<String>,
}

// === impl Expander ===

impl<'a> Expander<'a> {
    pub(crate) fn new(env: &'a dyn Environment, faults: &'a mut Faults) -> Self {
        Self {
            env,
            faults,
            expansions: 0,
            work_bytes: 0,
            fetches: 0,
        }
    }

    pub(crate) fn expand(&mut self, root: &mut Node) {
        self.node(root, "", 0);
    }

    fn node(&mut self, node: &mut Node, path: &str, depth: usize) {
        if depth > NESTING_MAX {
            self.too_many(node, path);
            return;
        }
        if let Value::Str(text) = &mut node.value {
            let text = std::mem::take(text);
            node.value = Value::Null;
            self.scalar(node, text, path);
        }
        match &mut node.value {
            Value::List(list) => {
                for (index, element) in list.iter_mut().enumerate() {
                    self.node(element, &format!("{path}[{index}]"), depth + 1);
                }
            }
            Value::Map(map) => {
                for entry in map.iter_mut() {
                    let path = match path {
                        "" => entry.key.clone(),
                        _ => format!("{path}{SEPARATOR}{}", entry.key),
                    };
                    self.node(&mut entry.node, &path, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Puts into the node what its text comes to. With a fault it stays null.
    fn scalar(&mut self, node: &mut Node, mut text: String, path: &str) {
        for _ in 0..ROUNDS_MAX {
            let Some(uri) = find_uri(&text) else {
                self.warn_of_bare(node, &text, path);
                node.value = Value::Str(text.replace("$$", "$"));
                node.original = node.original.take().map(|_| text.replace("$$", "$"));
                return;
            };
            self.expansions += 1;
            if self.expansions > EXPANSIONS_MAX {
                break;
            }
            let place = node.place.part(uri);
            let retrieved = match self.retrieve(uri, &place, path) {
                Ok(retrieved) => retrieved,
                Err(fault) => return self.faults.push(fault),
            };
            self.work_bytes += text.len() + retrieved.text.len();
            if self.work_bytes > WORK_BYTES_MAX {
                break;
            }
            if uri != text {
                let longer = text.replace(uri, &retrieved.text);
                if longer.len() > TEXT_BYTES_MAX {
                    break;
                }
                text = longer;
                continue;
            }
            node.place = place;
            if !retrieved.is_set {
                return;
            }
            node.original = Some(retrieved.text.replace("$$", "$"));
            match self.value_of(&retrieved, node) {
                Value::Str(_) => text = retrieved.text,
                value => {
                    node.value = value;
                    return;
                }
            }
        }
        self.too_many(node, path);
    }

    /// A text read as YAML; a text that is no YAML stays one.
    fn value_of(&mut self, retrieved: &Retrieved, node: &mut Node) -> Value {
        let text = || Value::Str(retrieved.text.clone());
        if retrieved.is_text {
            return text();
        }
        let Some(name) = &retrieved.file else {
            return read_at(&retrieved.text, &node.place).map_or_else(text, |node| node.value);
        };
        let mut faults = Faults::new();
        let root = read(
            &Source::new(name.as_str(), retrieved.text.as_str()),
            &mut faults,
        );
        // A file that says it is YAML is meant to be.
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            self.faults.extend(faults);
        }
        root.map_or_else(text, |root| root.value)
    }

    /// The text behind `${…}`.
    fn retrieve(&mut self, uri: &str, place: &Place, path: &str) -> Result<Retrieved, Fault> {
        let fail = |text: String| Fault::error(place.clone(), path, text);
        let inner = uri.trim_start_matches("${").trim_end_matches('}');
        // A default may be a secret.
        let shown = if is_secret_path(path) {
            REDACTED
        } else {
            inner
        };
        let (scheme, opaque) = match scheme_of(inner) {
            Some(parts) => parts,
            None if inner.contains(':') => return Err(without_scheme(shown, fail)),
            None => ("env", inner),
        };
        if opaque.contains('$') {
            let text = format!("the uri {shown:?} contains unsupported characters ('$')");
            return Err(fail(text));
        }
        match scheme {
            "env" => self.variable(opaque, place, path),
            "file" => match self.env.file(opaque) {
                Ok(text) => Ok(Retrieved::file(opaque, &text)),
                Err(reason) => Err(fail(format!(
                    "unable to read the file file:{opaque}: {reason}"
                ))),
            },
            "yaml" => Ok(Retrieved::text(opaque)),
            "http" | "https" => self.page(inner).map_err(fail),
            // A variable with a default: `${NAME:-default}` is not what the Collector reads.
            _ if opaque.starts_with('-') => Err(without_scheme(shown, fail)),
            _ => {
                let text = format!("scheme {scheme:?} is not supported for uri {shown:?}");
                Err(fail(text).with_suggestion(scheme, ["env", "file", "yaml", "https"]))
            }
        }
    }

    fn page(&mut self, url: &str) -> Result<Retrieved, String> {
        let shown = without_credentials(url);
        self.fetches += 1;
        if self.fetches > FETCHES_MAX {
            return Err(format!(
                "{shown} is more than the {FETCHES_MAX} pages that one configuration may fetch"
            ));
        }
        match self.env.fetch(url) {
            Ok(text) => Ok(Retrieved::file(&shown, &text)),
            Err(reason) => Err(format!("unable to fetch {shown}: {reason}")),
        }
    }

    fn variable(&mut self, text: &str, place: &Place, path: &str) -> Result<Retrieved, Fault> {
        let (name, default) = match text.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (text, None),
        };
        if !valid_name(name) {
            let text = format!(
                "environment variable {name:?} has invalid name: \
                 must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$"
            );
            return Err(Fault::error(place.clone(), path, text));
        }
        match (self.env.variable(name), default) {
            (Some(value), _) => Ok(Retrieved::text(&value)),
            (None, Some("")) => Ok(Retrieved {
                is_text: true,
                ..Retrieved::text("")
            }),
            (None, Some(default)) => Ok(Retrieved::text(default)),
            (None, None) => {
                let text = format!("the environment variable `{name}` is not set");
                let help = format!("`${{env:{name}:-default}}` says what to use then");
                let fault = Fault::warning(place.clone(), path, text).with_help(help);
                self.faults.push(fault);
                Ok(Retrieved {
                    is_set: false,
                    ..Retrieved::text("")
                })
            }
        }
    }

    /// `$NAME` was expanded by collectors before 0.107 and is a text since.
    fn warn_of_bare(&mut self, node: &Node, text: &str, path: &str) {
        let Some(name) = bare_variable(text, |name| self.env.variable(name).is_some()) else {
            return;
        };
        let fault = Fault::warning(
            node.place.clone(),
            path,
            format!("`${name}` stays as it is: a variable stands in braces since version 0.107"),
        );
        let help = format!("write `${{env:{name}}}` for the variable, `$${name}` for the text");
        self.faults.push(fault.with_help(help));
    }

    fn too_many(&mut self, node: &mut Node, path: &str) {
        node.value = Value::Null;
        node.original = None;
        let fault = Fault::error(node.place.clone(), path, "too many recursive expansions");
        self.faults
            .push(fault.with_help("does a `${…}` lead back to itself?"));
    }
}

// === impl Retrieved ===

impl Retrieved {
    fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_set: true,
            is_text: false,
            file: None,
        }
    }

    /// The line break that ends a file is not part of a token that stands in it.
    fn file(path: &str, text: &str) -> Self {
        let token = text.strip_suffix('\n').unwrap_or(text);
        let token = token.strip_suffix('\r').unwrap_or(token);
        Self {
            file: Some(path.to_owned()),
            ..Self::text(if token.contains('\n') { text } else { token })
        }
    }
}

/// The first `${…}` that may be expanded: up to the first `}`, from the last `${` before it.
///
/// One with an odd number of `$` in front is escaped, and then everything behind it stays as it
/// is, too.
fn find_uri(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let close = rest.find('}')? + 1;
        let (head, tail) = rest.split_at(close);
        if let Some(open) = head.rfind("${") {
            let (before, uri) = head.split_at(open);
            let escapes = before
                .bytes()
                .rev()
                .take_while(|byte| *byte == b'$')
                .count();
            return (escapes % 2 == 0).then_some(uri);
        }
        rest = tail;
    }
}

/// The first `$NAME` that was probably meant as a variable: one that is set, or one in capitals, as
/// variables are. `$1` and `$name` of patterns and templates are not.
fn bare_variable(text: &str, is_set: impl Fn(&str) -> bool) -> Option<&str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = after.find(|c| !word(c)).unwrap_or(after.len());
        let (name, behind) = after.split_at(end);
        let capitals = |name: &str| name.len() > 1 && !name.contains(|c: char| c.is_lowercase());
        if valid_name(name) && (capitals(name) || is_set(name)) {
            return Some(name);
        }
        rest = behind;
    }
    None
}

/// `NAME:-default`, where the Collector wants `env:NAME:-default`.
fn without_scheme(inner: &str, fail: impl Fn(String) -> Fault) -> Fault {
    let fault = fail(format!("invalid uri: {inner:?}"));
    match inner.split_once(":-") {
        Some((name, _)) if valid_name(name) => fault.with_help(format!("write `${{env:{inner}}}`")),
        _ => fault,
    }
}

/// `^[a-zA-Z_][a-zA-Z0-9_]*$`
fn valid_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
