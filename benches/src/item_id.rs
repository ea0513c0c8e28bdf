//! The name of one item, carried inside the payload from the generator to the sink.

/// Items of one request differ in the low 16 bits.
const SLOT_BITS: u32 = 16;

/// Most items that one request of the generator can carry: each has a slot of its own.
pub const MAX_ITEMS: usize = 1 << SLOT_BITS;

/// `request number << 16 | slot`: the oracle can say which acknowledged request lost which item.
///
/// Requests count from 1, so that no id is zero: an all-zero span id is invalid in OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u64);

impl ItemId {
    pub const fn new(request: u64, slot: u16) -> Self {
        Self(request << SLOT_BITS | slot as u64)
    }

    pub const fn request(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    pub const fn slot(self) -> u16 {
        self.0 as u16
    }

    /// The eight bytes of a span id.
    pub const fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The text that a data point's attribute holds: 16 hexadecimal digits.
    pub fn hex(self) -> [u8; 16] {
        let mut text = [0; 16];
        for (at, digit) in text.iter_mut().enumerate() {
            let nibble = (self.0 >> (60 - 4 * at) & 0xf) as u8;
            *digit = if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            };
        }
        text
    }

    /// Reads either form; `None` for bytes that no generator wrote.
    pub fn parse(form: &[u8]) -> Option<Self> {
        if let Ok(bytes) = <[u8; 8]>::try_from(form) {
            return Some(Self(u64::from_be_bytes(bytes)));
        }
        let text = std::str::from_utf8(form)
            .ok()
            .filter(|text| text.len() == 16)?;
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_both_forms_and_splits_into_request_and_slot() {
        for (request, slot) in [(1, 0), (1, u16::MAX), (0xabcd_ef01_2345, 77)] {
            let id = ItemId::new(request, slot);
            assert_eq!((id.request(), id.slot()), (request, slot));
            assert_eq!(ItemId::parse(&id.bytes()), Some(id));
            assert_eq!(ItemId::parse(&id.hex()), Some(id));
        }
        assert_eq!(ItemId::parse(b"1234567"), None);
        assert_eq!(ItemId::parse(b"not sixteen hex!"), None);
    }
}
