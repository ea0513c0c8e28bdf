//! Sections that are on or off: the Collector's `Optional[T]`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, SeqAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decode::token;
use crate::validate::{Problems, Validate};

/// A section that is on with its settings, or off.
///
/// In a file: absent leaves the default of the type that holds it; null and `{}` turn it on with
/// defaults; `enabled: false` inside turns it off, `enabled: true` on.
/// A section that is on by default is a field whose owner's `Default` says
/// `Optional::On(T::default())`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Optional<T> {
    #[default]
    Off,
    On(T),
}

// === impl Optional ===

impl<T> Optional<T> {
    pub fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Off => None,
            Self::On(section) => Some(section),
        }
    }

    pub fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Off => None,
            Self::On(section) => Some(section),
        }
    }

    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(section) => Some(section),
        }
    }

    /// For `#[serde(skip_serializing_if = "Optional::is_off")]`, where a section has required keys.
    pub fn is_off(&self) -> bool {
        !self.is_on()
    }

    pub fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }
}

impl<T: Default> Optional<T> {
    /// On with defaults, for `#[serde(default = "Optional::on")]`.
    pub fn on() -> Self {
        Self::On(T::default())
    }
}

impl<T: Validate> Validate for Optional<T> {
    /// What is off is not checked, as in the Collector.
    fn validate(&self) -> Problems {
        match self {
            Self::Off => Problems::new(),
            Self::On(section) => section.validate(),
        }
    }
}

impl<T: Serialize> Serialize for Optional<T> {
    /// A section that is off says so, so that the printed configuration can be read back.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On(section) => section.serialize(serializer),
            Self::Off => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("enabled", &false)?;
                map.end()
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple_struct(token::OPTIONAL, 2, SectionVisitor(PhantomData))
    }
}

struct SectionVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for SectionVisitor<T> {
    type Value = Optional<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Optional<T>, A::Error> {
        let missing = || de::Error::custom("a part of the section is missing");
        let enabled: bool = parts.next_element()?.ok_or_else(missing)?;
        // Read even if it is off: a wrong key in it is wrong.
        let section: T = parts.next_element()?.ok_or_else(missing)?;
        Ok(if enabled {
            Optional::On(section)
        } else {
            Optional::Off
        })
    }
}
