//! Amounts of memory as people write them: `64MiB`, `512KiB`, `1048576`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a number may be followed by, the largest first.
const UNITS: [(&str, u64); 8] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes. A bare number is one of bytes; texts have one of the usual units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// A text that is no amount of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoByteSize;

// === impl ByteSize ===

impl ByteSize {
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = NoByteSize;

    fn from_str(text: &str) -> Result<Self, NoByteSize> {
        let end = text.find(|c: char| !c.is_ascii_digit());
        let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
        let number: u64 = digits.parse().map_err(|_| NoByteSize)?;
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Ok(Self(number));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let size = known.and_then(|(_, size)| number.checked_mul(*size));
        size.map(Self).ok_or(NoByteSize)
    }
}

impl fmt::Display for ByteSize {
    /// In the largest of the binary units that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS.iter().take(3);
        let mut fitting = binary.filter(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size));
        match fitting.next() {
            Some((name, size)) => write!(f, "{}{name}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByteSizeVisitor)
    }
}

struct ByteSizeVisitor;

impl de::Visitor<'_> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of memory such as `64MiB`, or a number of bytes")
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        let bytes = u64::try_from(bytes);
        bytes.map(ByteSize).map_err(|_| E::custom(NoByteSize))
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }
}

// === impl NoByteSize ===

impl fmt::Display for NoByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected an amount of memory such as 512KiB, 64MiB or 1GiB, or a number of bytes",
        )
    }
}

impl std::error::Error for NoByteSize {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_unit_and_written_in_the_largest_that_fits() {
        let check = |text: &str, bytes: u64, written: &str| {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(
                (size.bytes(), size.to_string().as_str()),
                (bytes, written),
                "{text}"
            );
        };
        check("64MiB", 64 << 20, "64MiB");
        check("64 MiB", 64 << 20, "64MiB");
        check("1536KiB", 1536 << 10, "1536KiB");
        check("2GiB", 2 << 30, "2GiB");
        check("1MB", 1_000_000, "1000000");
        check("4096", 4096, "4KiB");
        check("0", 0, "0");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "MiB",
            "-1",
            "1.5GiB",
            "64 mib",
            "64Mi",
            "99999999999999999999",
            "99999999999GiB",
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(NoByteSize), "{text}");
        }
    }
}
