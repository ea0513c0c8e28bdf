//! From YAML text to nodes with their places.
//!
//! The only file that knows the YAML reader. Duplicate keys are refused, merge keys and anchors
//! are followed, and `::` in a key is a path, as in the Collector.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Options, Spanned};

use crate::fault::{Fault, Faults};
use crate::node::{Entry, Map, Node, SEPARATOR, Value};
use crate::place::{Place, Source};

/// Twice as deep as any real configuration. The YAML reader takes up to 50 KiB of stack a level in
/// a debug build, and a thread may have only 2 MiB.
pub(crate) const DEPTH_MAX: usize = 32;

/// Keys, elements and values of one source: ten times as many as the largest real configurations. Keys
/// are compared with each other one by one, so this also bounds the time that a text may take.
const NODES_MAX: usize = 50_000;

/// Uses of anchors; each is read again at its place.
const ALIASES_MAX: usize = 1_000;

/// Reads a source; a syntax error becomes a fault. An empty text is null.
pub(crate) fn read(source: &Arc<Source>, faults: &mut Faults) -> Option<Node> {
    let raw: Result<Spanned<Raw>, _> = serde_saphyr::from_str_with_options(&source.text, options());
    match raw {
        Ok(raw) => Some(Reader { source, faults }.node(raw, "")),
        Err(error) => {
            faults.push(syntax_fault(source, &error));
            None
        }
    }
}

/// What a text means when it stands alone: `0x1F` is a number, `a: b` a map. All nodes get the
/// given place. `None` if it is no YAML.
pub(crate) fn read_at(text: &str, place: &Place) -> Option<Node> {
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options()).ok()?;
    let mut faults = Faults::new();
    let source = Source::new(place.source.name.clone(), text);
    let node = Reader {
        source: &source,
        faults: &mut faults,
    }
    .node(raw, "");
    (!faults.has_errors()).then(|| moved(node, place))
}

fn options() -> Options {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_depth = DEPTH_MAX;
    budget.flow_nesting_limit = DEPTH_MAX;
    budget.max_nodes = NODES_MAX;
    budget.max_aliases = ALIASES_MAX;
    budget.max_merge_keys = ALIASES_MAX;
    let mut options = Options::default();
    options.budget = Some(budget);
    // As Go's YAML reader: `yes` and `on` are texts, `017` is 15.
    options.strict_booleans = true;
    options.legacy_octal_numbers = true;
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.with_snippet = false;
    // Both come through, and `Reader::insert` names each pair; the YAML reader stops at the first.
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options
}

fn syntax_fault(source: &Arc<Source>, error: &serde_saphyr::Error) -> Fault {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let place = place_of(source, location);
    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.lines().next().unwrap_or("");
    // The place is told by the fault itself.
    let text = text.split(" at line ").next().unwrap_or(text);
    let fault = Fault::error(place, "", format!("this is no YAML: {text}"));
    match source.text.get(source.line_range(fault_offset(&fault))) {
        Some(line) if line.trim_start_matches(' ').starts_with('\t') => {
            fault.with_help("indent with spaces, YAML allows no tabs")
        }
        _ => fault,
    }
}

fn fault_offset(fault: &Fault) -> usize {
    fault.place.as_ref().map_or(0, |place| place.span.start)
}

fn place_of(source: &Arc<Source>, location: Location) -> Place {
    let span = location.span();
    let byte = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    let start = match byte(span.byte_offset()) {
        Some(offset) => offset,
        None => offset_of(&source.text, location.line(), location.column()),
    };
    let len = byte(span.byte_len()).unwrap_or(0);
    Place::new(Arc::clone(source), start..start.saturating_add(len))
}

/// Syntax errors come with line and column only, both from 1.
fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let nth = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut start = 0;
    for line in text.split_inclusive('\n').take(nth(line)) {
        start += line.len();
    }
    let rest = text.get(start..).unwrap_or("").lines().next().unwrap_or("");
    let within = rest
        .char_indices()
        .nth(nth(column))
        .map_or(rest.len(), |(at, _)| at);
    start + within
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}{SEPARATOR}{key}")
    }
}

/// `first: {rest: value}`, at every level with the place of the key as it was written.
fn nested(first: &str, rest: &str, entry: &Entry) -> Entry {
    let inner = match rest.split_once(SEPARATOR) {
        Some((second, rest)) => nested(second, rest, entry),
        None => Entry {
            key: rest.to_owned(),
            ..entry.clone()
        },
    };
    let mut map = Map::default();
    map.push(inner);
    Entry {
        key: first.to_owned(),
        key_place: entry.key_place.clone(),
        node: Node::new(entry.key_place.clone(), Value::Map(map)),
    }
}

fn moved(mut node: Node, place: &Place) -> Node {
    node.place = place.clone();
    match &mut node.value {
        Value::List(list) => {
            for element in list {
                *element = moved(std::mem::replace(element, Node::null(place.clone())), place);
            }
        }
        Value::Map(map) => {
            for entry in map.iter_mut() {
                entry.key_place = place.clone();
                let inner = std::mem::replace(&mut entry.node, Node::null(place.clone()));
                entry.node = moved(inner, place);
            }
        }
        _ => {}
    }
    node
}

// === impl Reader ===

/// Turns what the YAML reader gave into nodes of one source.
struct Reader<'a> {
    source: &'a Arc<Source>,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    fn node(&mut self, raw: Spanned<Raw>, path: &str) -> Node {
        let place = place_of(self.source, raw.referenced);
        let value = match raw.value {
            Raw::Scalar(value) => value,
            Raw::List(list) => {
                let elements = list.into_iter().enumerate();
                let element = |(index, raw)| self.node(raw, &format!("{path}[{index}]"));
                Value::List(elements.map(element).collect())
            }
            Raw::Map(entries) => {
                let mut map = Map::default();
                for (key, raw) in entries {
                    let child = join(path, &key.value);
                    let entry = Entry {
                        key_place: place_of(self.source, key.referenced),
                        key: key.value,
                        node: self.node(raw, &child),
                    };
                    self.insert(&mut map, entry, path);
                }
                Value::Map(map)
            }
        };
        Node::new(place, value)
    }

    /// Adds an entry; `a::b: value` goes where `a: {b: value}` would.
    fn insert(&mut self, map: &mut Map, entry: Entry, path: &str) {
        let entry = match entry.key.split_once(SEPARATOR) {
            Some((first, rest)) => nested(first, rest, &entry),
            None => entry,
        };
        let Some(known) = map.entry_mut(&entry.key) else {
            map.push(entry);
            return;
        };
        // A map that a path has made stands at its key.
        let by_path = [&*known, &entry]
            .iter()
            .any(|entry| entry.node.place == entry.key_place);
        match (&mut known.node.value, entry.node.value) {
            (Value::Map(known), Value::Map(new)) if by_path => {
                let path = join(path, &entry.key);
                for inner in new {
                    self.insert(known, inner, &path);
                }
            }
            _ => {
                let first = known.key_place.line();
                let text = format!(
                    "mapping key `{}` already defined at line {first}",
                    entry.key
                );
                let path = join(path, &entry.key);
                let fault = Fault::error(entry.key_place, path, text);
                self.faults
                    .push(fault.with_help("remove one, or put both into one map"));
            }
        }
    }
}

// === impl Raw ===

/// A value as the YAML reader gives it.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(value.into())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Str(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
