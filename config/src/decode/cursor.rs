//! Our serde deserializer: a node, where it stands, and how it came to be asked for.

use std::cell::RefCell;

use serde::de::Visitor;

use super::access::{Elements, Entries, Parts};
use super::error::{Cause, DecodeError, quoted};
use super::{Run, join, special};
use crate::fault::Fault;
use crate::mask;
use crate::node::{Map, Node, Value};
use crate::place::Place;

/// A suggestion lists all known keys only if they fit on a line.
const KEYS_LISTED_MAX: usize = 10;

/// One node being decoded.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
    /// Where the key stands, for a map or list, which has no good place of its own.
    pub(super) key_place: Option<&'a Place>,
    /// The value of a struct's key: there null means "as if absent".
    pub(super) in_struct: bool,
    /// Set while several types read one map; it checks the keys against all of them at the end.
    pub(super) known: Option<&'a RefCell<Known>>,
    pub(super) run: &'a Run,
}

/// The keys that the types that share one map have asked for.
#[derive(Default)]
pub(super) struct Known {
    pub(super) keys: Vec<&'static str>,
    /// One of the types takes any key.
    pub(super) open: bool,
}

pub(super) type Result<T, E = DecodeError> = std::result::Result<T, E>;

// === impl Cursor ===

impl<'a> Cursor<'a> {
    pub(super) fn root(node: &'a Node, path: &str, run: &'a Run) -> Self {
        Self {
            node,
            path: path.to_owned(),
            key_place: None,
            in_struct: false,
            known: None,
            run,
        }
    }

    /// Scalars are marked themselves, anything larger by its key.
    pub(super) fn place(&self) -> Place {
        match (&self.node.value, self.key_place) {
            (Value::Null | Value::Map(_) | Value::List(_), Some(key)) => key.clone(),
            _ => self.node.place.clone(),
        }
    }

    /// The last part of the path.
    pub(super) fn key(&self) -> &str {
        self.path
            .rsplit(crate::node::SEPARATOR)
            .next()
            .unwrap_or("")
    }

    pub(super) fn expected(&self, wanted: &str) -> DecodeError {
        let hidden = mask::is_secret_path(&self.path);
        let found = self.node.describe();
        let found = if hidden {
            found.split(" `").next().unwrap_or("")
        } else {
            &found
        };
        DecodeError::wrong(format!("expected {wanted}, found {found}"))
    }

    /// Null in a struct leaves the default alone; elsewhere it is the type's zero.
    pub(super) fn null(&self) -> Result<bool> {
        match (self.node.is_null(), self.in_struct) {
            (true, true) => Err(DecodeError::new(Cause::Null)),
            (is_null, _) => Ok(is_null),
        }
    }

    fn integer(&self, min: i128, max: i128) -> Result<i128> {
        if self.null()? {
            return Ok(0);
        }
        let number = match &self.node.value {
            Value::Int(number) => *number,
            // `1e3` and `100.0` are floats in YAML; the Collector takes them too.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and within 2^63, as checked"
            )]
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9.2e18 => {
                *number as i128
            }
            Value::Str(text) if text.parse::<i128>().is_ok() && self.node.original.is_none() => {
                return Err(self.expected("an integer").with_help("remove the quotes"));
            }
            _ => return Err(self.expected("an integer")),
        };
        if number < min || number > max {
            let text = format!("`{number}` is out of range, expected {min} to {max}");
            return Err(DecodeError::wrong(text));
        }
        Ok(number)
    }

    pub(super) fn unsigned<'de, V: Visitor<'de>>(self, visitor: V, max: u64) -> Result<V::Value> {
        let number = self.integer(0, i128::from(max))?;
        visitor.visit_u64(u64::try_from(number).unwrap_or(0))
    }

    pub(super) fn signed<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        min: i64,
        max: i64,
    ) -> Result<V::Value> {
        let number = self.integer(i128::from(min), i128::from(max))?;
        visitor.visit_i64(i64::try_from(number).unwrap_or(0))
    }

    pub(super) fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.null()? {
            return visitor.visit_f64(0.0);
        }
        match &self.node.value {
            #[expect(clippy::cast_precision_loss, reason = "a float field means a float")]
            Value::Int(number) => visitor.visit_f64(*number as f64),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Str(text) if text.parse::<f64>().is_ok() && self.node.original.is_none() => {
                Err(self.expected("a number").with_help("remove the quotes"))
            }
            _ => Err(self.expected("a number")),
        }
    }

    pub(super) fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.node.as_text() {
            return visitor.visit_str(text);
        }
        if self.null()? {
            return visitor.visit_str("");
        }
        let error = self.expected("a string");
        Err(match &self.node.value {
            Value::Bool(_) | Value::Int(_) | Value::Float(_)
                if !mask::is_secret_path(&self.path) =>
            {
                error.with_help(format!("quote it: `\"{}\"`", self.node.place.text()))
            }
            _ => error,
        })
    }

    /// The entries of a map that are to be seen in this run.
    pub(super) fn entries<'de, V: Visitor<'de>>(
        &self,
        map: &Map,
        keys: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value> {
        let taken = |key: &str| match (keys, self.known) {
            (Some(keys), _) => keys.contains(&key),
            // The switch of an `Optional` is no key of the map in it.
            (None, Some(known)) => !known.borrow().keys.contains(&key),
            (None, None) => true,
        };
        let seen = map.iter().filter(|entry| taken(&entry.key));
        visitor.visit_map(Entries::new(self, seen.collect(), keys.is_some()))
    }

    /// Notes keys that no type has asked for.
    pub(super) fn check_keys(&self, map: &Map, keys: &[&'static str]) {
        for entry in map
            .iter()
            .filter(|entry| !keys.contains(&entry.key.as_str()))
        {
            let path = join(&self.path, &entry.key);
            let text = format!("unknown key `{}`", entry.key);
            let fault = Fault::error(entry.key_place.clone(), path, text);
            let fault = match crate::suggest::closest(&entry.key, keys.iter().copied()) {
                Some(close) => fault.with_help(format!("did you mean `{close}`?")),
                None if keys.is_empty() => fault.with_help("there are no keys here"),
                None if keys.len() <= KEYS_LISTED_MAX => {
                    fault.with_help(format!("the keys here are {}", quoted(keys)))
                }
                None => fault,
            };
            self.run.fault(fault);
        }
    }

    pub(super) fn structure<'de, V: Visitor<'de>>(
        self,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let empty = Map::default();
        let map = match &self.node.value {
            Value::Map(map) => map,
            _ if self.null()? => &empty,
            _ => return Err(self.expected("a map")),
        };
        match self.known {
            Some(known) => known.borrow_mut().keys.extend(keys),
            None => self.check_keys(map, keys),
        }
        self.entries(map, Some(keys), visitor)
    }

    pub(super) fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Value::List(list) = &self.node.value {
            return visitor.visit_seq(Elements::new(&self, list));
        }
        // As in the Collector, a text in place of a list is cut at its commas.
        if let Value::Str(text) = &self.node.value {
            let split = |part: &str| Node {
                original: self.node.original.as_ref().map(|_| part.to_owned()),
                ..Node::new(self.node.place.clone(), Value::Str(part.to_owned()))
            };
            let parts: Vec<Node> = match text.as_str() {
                "" => Vec::new(),
                text => text.split(',').map(split).collect(),
            };
            return visitor.visit_seq(Elements::new(&self, &parts));
        }
        if self.null()? {
            return visitor.visit_seq(Elements::new(&self, &[]));
        }
        Err(self.expected("a list"))
    }

    /// Several types read the same map: `enabled` first if there is such a switch.
    pub(super) fn parts<'de, V: Visitor<'de>>(self, switch: bool, visitor: V) -> Result<V::Value> {
        let map = match &self.node.value {
            Value::Map(map) => Some(map),
            Value::Null => None,
            _ => return Err(self.expected("a map")),
        };
        let own = RefCell::new(Known::default());
        let known = self.known.unwrap_or(&own);
        if switch {
            known.borrow_mut().keys.push(special::SWITCH);
        }
        let mut shared = Cursor {
            known: Some(known),
            ..self.clone()
        };
        // The section is there, if empty: its types see an empty map, not a null.
        shared.in_struct = false;
        let value = visitor.visit_seq(Parts::new(shared, map, switch))?;
        if self.known.is_none()
            && let Some(map) = map
            && !own.borrow().open
        {
            self.check_keys(map, &own.borrow().keys);
        }
        Ok(value)
    }
}
