//! One logical message, which protobuf allows to be written in several parts.
//!
//! A decoder that meets a singular message field twice merges the second into the first, which for
//! their bytes means: one after the other. Hardly any sender does this, so a message is one slice
//! in practice, and the places where further parts would stand are kept beside it.

use std::fmt;

use crate::wire::{Field, Fields, Malformed};

/// A message, and at the same time the cursor over its fields.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Message<'a> {
    part: Fields<'a>,
    /// Further parts are the fields of this number in what is left of the parent, and those of the
    /// second number in what is left of the grandparent, whose parts are parts of the parent. A
    /// value of an attribute is the deepest place where this occurs: key-value, value, array.
    later: Later<'a>,
}

/// The parent and the grandparent behind the first part, with the numbers to look for in them.
type Later<'a> = [(Fields<'a>, u32); 2];

impl<'a> Message<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        const NONE: (Fields<'_>, u32) = (Fields::new(&[]), 0);
        Self {
            part: Fields::new(body),
            later: [NONE; 2],
        }
    }

    #[inline(always)]
    pub(crate) fn next_field(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        match self.part.next_field() {
            Ok(None) if self.has_later() => self.next_field_of_later_part(),
            found => found,
        }
    }

    /// What has not been read yet of the part that is being read.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.part.rest()
    }

    const fn has_later(&self) -> bool {
        !self.later[0].0.rest().is_empty() || !self.later[1].0.rest().is_empty()
    }

    #[cold]
    fn next_field_of_later_part(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        while self.has_later() {
            let [parent, grandparent] = &mut self.later;
            if let Some(part) = find(&mut parent.0, parent.1)? {
                self.part = Fields::new(part);
                if let Some(field) = self.part.next_field()? {
                    return Ok(Some(field));
                }
            } else if let Some(part) = find(&mut grandparent.0, grandparent.1)? {
                parent.0 = Fields::new(part);
            }
        }
        Ok(None)
    }

    /// The fields of one number, each a message.
    pub(crate) const fn repeated<T: View<'a>>(
        self,
        number: u32,
        context: T::Context,
    ) -> Repeated<'a, T> {
        Repeated {
            fields: self,
            number,
            context,
        }
    }
}

/// The next field of this number; uses up `fields` if there is none.
fn find<'a>(fields: &mut Fields<'a>, number: u32) -> Result<Option<&'a [u8]>, Malformed> {
    while let Some(field) = fields.next_field()? {
        if field.number == number {
            return field.bytes().map(Some);
        }
    }
    Ok(None)
}

// === impl Singular ===

/// Collects a singular message field while the fields of its parent are read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Singular<'a> {
    /// The first part, and where the others would stand.
    first: Option<(&'a [u8], Later<'a>)>,
    again: bool,
}

impl<'a> Singular<'a> {
    /// Takes `field`, which `parent` has just yielded.
    #[inline]
    pub(crate) fn add(&mut self, field: &Field<'a>, parent: &Message<'a>) -> Result<(), Malformed> {
        let body = field.bytes()?;
        if self.first.is_some() {
            self.again = true;
        } else {
            self.first = Some((body, [(parent.part, field.number), parent.later[0]]));
        }
        Ok(())
    }

    /// Forgets all parts, for a field that another alternative replaces.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The message, `None` if the field did not occur.
    #[inline]
    pub(crate) fn message(&self) -> Option<Message<'a>> {
        let (body, later) = self.first?;
        // Parts that do not exist need not be looked for each time the message is read.
        let alone = Message::new(body);
        Some(if self.again {
            Message { later, ..alone }
        } else {
            alone
        })
    }
}

// === impl Repeated ===

/// The elements of a repeated message field in order, each read when it is reached.
///
/// After an error the iterator ends.
#[derive(Clone, Copy)]
pub struct Repeated<'a, T: View<'a>> {
    fields: Message<'a>,
    number: u32,
    context: T::Context,
}

/// What is read from the body of one message.
pub trait View<'a>: Sized {
    /// What the reader must know of the place where the message stands.
    type Context: Copy;

    fn read(body: &'a [u8], context: Self::Context) -> Result<Self, Malformed>;
}

impl<'a, T: View<'a>> Repeated<'a, T> {
    /// The message in which the elements stand.
    pub(crate) const fn message(self) -> Message<'a> {
        self.fields
    }

    /// The same elements, read in another way.
    pub(crate) const fn read_as<U: View<'a, Context = T::Context>>(self) -> Repeated<'a, U> {
        Repeated {
            fields: self.fields,
            number: self.number,
            context: self.context,
        }
    }

    /// What the reader of an element must know of its place.
    pub(crate) const fn context(&self) -> T::Context {
        self.context
    }

    /// The body of the next element.
    #[inline]
    pub(crate) fn next_body(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        while let Some(field) = self.fields.next_field()? {
            if field.number == self.number {
                return field.bytes().map(Some);
            }
        }
        Ok(None)
    }
}

impl<'a, T: View<'a>> Iterator for Repeated<'a, T> {
    type Item = Result<T, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_body() {
            Ok(body) => body.map(|body| T::read(body, self.context)),
            Err(malformed) => {
                self.fields = Message::default();
                Some(Err(malformed))
            }
        }
    }
}

impl<'a, T: View<'a> + fmt::Debug> fmt::Debug for Repeated<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            fields,
            number,
            context,
        } = *self;
        f.debug_list()
            .entries(Self {
                fields,
                number,
                context,
            })
            .finish()
    }
}
