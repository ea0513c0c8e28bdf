//! Attributes that are looked for among many.

use otlp::Malformed;
use otlp::view::{AnyValue, Attributes, EncodedKeyValue, Span};

/// The values of the attributes that are wanted, by their places.
pub(crate) type Values<'a> = Vec<Option<AnyValue<'a>>>;

/// The names of all that are wanted, each by its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    names: Vec<String>,
    /// Their lengths, a bit each; the highest stands for all that are longer. Most attributes are passed over by the
    /// length of their key.
    lengths: u64,
}

impl Wanted {
    /// The place of a name, where it is put if it is not there.
    pub(crate) fn place_of(&mut self, name: &str) -> usize {
        let known = self.names.iter().position(|other| other == name);
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.lengths |= length_bit(name.len());
            self.names.len() - 1
        })
    }

    /// The name at a place that was given out.
    pub(crate) fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }

    /// Reads the wanted attributes of a carrier; the first of several with one key counts.
    pub(crate) fn read<'a>(
        &self,
        attributes: Attributes<'a>,
        values: &mut Values<'a>,
    ) -> Result<(), Malformed> {
        self.clear(values);
        if self.names.is_empty() {
            return Ok(());
        }
        for attribute in attributes.encoded() {
            self.look(attribute?, values)?;
        }
        Ok(())
    }

    /// Reads a span, and on the way the wanted ones of its attributes.
    pub(crate) fn read_span<'a>(
        &self,
        body: &'a [u8],
        values: &mut Values<'a>,
    ) -> Result<Span<'a>, Malformed> {
        self.clear(values);
        let mut looked = Ok(());
        let span = Span::read_showing(body, |attribute| {
            if looked.is_ok() {
                looked = self.look(attribute, values);
            }
        })?;
        looked.map(|()| span)
    }

    fn clear(&self, values: &mut Values<'_>) {
        values.clear();
        values.resize(self.names.len(), None);
    }

    #[inline(always)]
    fn look<'a>(
        &self,
        attribute: EncodedKeyValue<'a>,
        values: &mut Values<'a>,
    ) -> Result<(), Malformed> {
        let key = attribute.key()?;
        if self.lengths & length_bit(key.len()) == 0 {
            return Ok(());
        }
        self.look_closely(key, attribute, values)
    }

    #[inline(never)]
    fn look_closely<'a>(
        &self,
        key: &[u8],
        attribute: EncodedKeyValue<'a>,
        values: &mut Values<'a>,
    ) -> Result<(), Malformed> {
        for (name, value) in self.names.iter().zip(values) {
            if key == name.as_bytes() && value.is_none() {
                *value = Some(attribute.value()?);
            }
        }
        Ok(())
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}
