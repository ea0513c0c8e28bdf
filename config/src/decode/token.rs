//! Names by which our own types ask [`super::cursor::Cursor`] for what serde has no word for.
//!
//! Serde passes the name of a newtype or tuple struct through; any other deserializer ignores it.

/// `GoDuration`: text or a bare number, which is nanoseconds and gets a warning.
pub(crate) const DURATION: &str = "$config::GoDuration";
/// `NotYet`: always a fault.
pub(crate) const NOT_YET: &str = "$config::NotYet";
/// `Node`: the node itself, with its places.
pub(crate) const NODE: &str = "$config::Node";
/// `Optional`: the `enabled` switch, then the rest of the same map.
pub(crate) const OPTIONAL: &str = "$config::Optional";
/// `Squash`: two types read from the same map.
pub(crate) const SQUASH: &str = "$config::Squash";
