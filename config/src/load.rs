//! `--config` and `--set`: which texts are read, in which order, and how they become one tree.

use std::io::Read as _;
use std::sync::Arc;

use crate::expand::Expander;
use crate::fault::{Fault, Faults};
use crate::merge::merge;
use crate::node::{Map, Node, Value};
use crate::place::Source;
use crate::read::read;

/// A configuration larger than this is a mistake, such as the path of a log file.
pub const SOURCE_BYTES_MAX: u64 = 16 << 20;

/// What the command line names, each in the order given. `--set` is laid over all of `--config`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`: `file:path`, `env:NAME`, `yaml:text`, `http://…`, `https://…`, or a path.
    pub configs: Vec<String>,
    /// `--set`: `a.b.c=value`.
    pub sets: Vec<String>,
}

/// Where files and variables come from; tests bring their own.
pub trait Environment {
    /// The value of an environment variable; `None` if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file, or why it cannot be read.
    fn file(&self, path: &str) -> Result<String, String>;

    /// What an `http` or `https` URL answers, or why there is no answer. Whoever knows sockets brings
    /// it, and bounds its time and its size ([`SOURCE_BYTES_MAX`]).
    fn fetch(&self, url: &str) -> Result<String, String> {
        let _ = url;
        Err("there is no network here".to_owned())
    }
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

/// Reads, merges and expands all sources.
///
/// Faults of all sources are named. There is no tree if one of them could not be read at all,
/// since what it would have set would then look like mistakes of the others.
pub fn load(sources: &Sources, env: &dyn Environment, faults: &mut Faults) -> Option<Node> {
    if sources.configs.is_empty() && sources.sets.is_empty() {
        faults.push(Fault::placeless(
            "at least one config flag must be provided",
        ));
        return None;
    }
    let configs = sources.configs.iter().map(|uri| source_of(uri, env));
    let sets = sources.sets.iter().map(|set| source_of_set(set));
    let mut tree: Option<Node> = None;
    let mut complete = true;
    for source in configs.chain(sets) {
        let root = match source {
            Ok(source) => read_root(&source, faults),
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        match (root, &mut tree) {
            (Some(root), Some(tree)) => merge(tree, root),
            (Some(root), None) => tree = Some(root),
            (None, _) => complete = false,
        }
    }
    let mut tree = tree.filter(|_| complete)?;
    if tree.as_map().is_none_or(Map::is_empty) {
        faults.push(Fault::error(tree.place, "", "empty configuration file"));
        return None;
    }
    Expander::new(env, faults).expand(&mut tree);
    Some(tree)
}

/// A document must be a map; an empty one is an empty map.
fn read_root(source: &Arc<Source>, faults: &mut Faults) -> Option<Node> {
    let mut root = read(source, faults)?;
    let found = match root.value {
        Value::Map(_) => return Some(root),
        Value::Null => {
            root.value = Value::Map(Map::default());
            return Some(root);
        }
        Value::List(_) => "[]interface {}",
        Value::Str(_) => "string",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
    };
    let text = format!("retrieved value (type={found}) cannot be used as a Conf");
    faults
        .push(Fault::error(root.place, "", text).with_help("a configuration is a map of sections"));
    None
}

fn source_of(uri: &str, env: &dyn Environment) -> Result<Arc<Source>, Fault> {
    let fail = |text: String| Err(Fault::placeless(text));
    let (scheme, opaque) = scheme_of(uri).unwrap_or(("file", uri));
    match scheme {
        "file" => match env.file(opaque) {
            Ok(text) => Ok(Source::new(opaque, text)),
            Err(reason) => fail(format!("unable to read the file {uri}: {reason}")),
        },
        "env" => match env.variable(opaque) {
            Some(text) => Ok(Source::new(uri, text)),
            None => fail(format!(
                "the environment variable {opaque:?} of {uri:?} is not set"
            )),
        },
        // The text itself may hold a secret, so it is not the name.
        "yaml" => Ok(Source::new("<yaml>", opaque)),
        "http" | "https" => {
            let shown = without_credentials(uri);
            match env.fetch(uri) {
                Ok(text) => Ok(Source::new(shown, text)),
                Err(reason) => fail(format!("unable to fetch {shown}: {reason}")),
            }
        }
        _ => fail(format!("unsupported scheme on URI {uri:?}")),
    }
}

/// `a.b.c=value` is the document `a::b::c: value`.
fn source_of_set(set: &str) -> Result<Arc<Source>, Fault> {
    let Some((key, value)) = set.split_once('=') else {
        let text = format!("invalid value {set:?} for flag -set: missing equal sign");
        return Err(Fault::placeless(text).with_help("write --set key=value"));
    };
    let key = key.trim();
    let text = format!("{}: {value}", key.replace('.', crate::node::SEPARATOR));
    Ok(Source::new(format!("--set {key}"), text))
}

/// `scheme:rest`, if there is a scheme: two letters or more, so that `C:\x` is a path.
pub(crate) fn scheme_of(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let first = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let rest_fits = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    (scheme.len() >= 2 && first && scheme.chars().all(rest_fits)).then_some((scheme, rest))
}

/// A URL as it may be shown: a password may stand before its `@`, a token behind its `?`.
pub fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, query) = match rest.split_once(['?', '#']) {
        Some((rest, _)) => (rest, "?…"),
        None => (rest, ""),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}{query}")
}

// === impl ProcessEnvironment ===

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let mut limited = file.take(SOURCE_BYTES_MAX + 1);
        limited
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        if bytes.len() as u64 > SOURCE_BYTES_MAX {
            return Err(format!("it is larger than {SOURCE_BYTES_MAX} bytes"));
        }
        String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
    }
}
