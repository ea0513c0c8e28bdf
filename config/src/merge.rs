//! Later sources win: maps merge by key, everything else is replaced whole.

use crate::node::{Entry, Map, Node, Value};

/// Lays `over` on `base`.
///
/// As in the Collector, lists are replaced, and a later null replaces an earlier map: a second
/// file with a bare `processors:` erases the processors of the first.
pub(crate) fn merge(base: &mut Node, over: Node) {
    match (&mut base.value, over.value) {
        (Value::Map(base), Value::Map(over)) => {
            for entry in over {
                merge_entry(base, entry);
            }
        }
        (_, value) => {
            *base = Node {
                value,
                ..Node::null(over.place)
            }
        }
    }
}

fn merge_entry(base: &mut Map, over: Entry) {
    match base.entry_mut(&over.key) {
        Some(known) => {
            if known.node.as_map().is_none() || over.node.as_map().is_none() {
                known.key_place = over.key_place;
            }
            merge(&mut known.node, over.node);
        }
        None => base.push(over),
    }
}
