//! The text of one batch while it is written: bounded, and whole where the data is broken.

use std::fmt::{self, Write};

use otlp::Malformed;

/// The longest text of one batch, in bytes. Text is up to 40 times as long as what it shows (a
/// list of zeros in an exponential histogram), and nobody reads this much.
pub(super) const PAGE_BYTES_MAX: usize = 64 << 20;

/// Text that ends at a limit.
pub(super) struct Page {
    text: String,
    limit: usize,
}

/// Why writing goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// The page is full.
    Full,
    /// This part cannot be shown, for the reason given; its siblings can.
    Part(&'static str),
}

pub(super) type Written = Result<(), Stop>;

impl Page {
    /// Writes a page of at most `limit` bytes, beside the line that says that it is full.
    pub(super) fn write(limit: usize, write: impl FnOnce(&mut Self) -> Written) -> String {
        let mut page = Self {
            text: String::new(),
            limit,
        };
        match write(&mut page) {
            Ok(()) => {}
            Err(Stop::Full) => page.text += &format!("\n<cut: longer than {limit} bytes>\n"),
            Err(Stop::Part(reason)) => page.text += &format!("<not shown: {reason}>\n"),
        }
        page.text
    }

    /// Writes parts with their index. A part that cannot be shown is marked and the others follow,
    /// for this exporter is what people look at when something is wrong.
    pub(super) fn each<T>(
        &mut self,
        parts: impl IntoIterator<Item = Result<T, Malformed>>,
        mut write: impl FnMut(&mut Self, usize, T) -> Written,
    ) -> Written {
        for (index, part) in parts.into_iter().enumerate() {
            match part
                .map_err(Stop::from)
                .and_then(|part| write(self, index, part))
            {
                Err(Stop::Part(reason)) => writeln!(self, "<not shown: {reason}>")?,
                written => written?,
            }
        }
        Ok(())
    }
}

impl Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.limit.saturating_sub(self.text.len()) {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

impl From<fmt::Error> for Stop {
    fn from(_: fmt::Error) -> Self {
        Self::Full
    }
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Self::Part(malformed.0)
    }
}
