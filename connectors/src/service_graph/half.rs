//! One half of a request, as it is read off a span.

use std::sync::Arc;

use otlp::Malformed;
use otlp::json::as_text;
use otlp::view::{AnyValue, Span};

use super::request::Side;
use super::rules::Rules;

/// A span that is one half, with what it stands in.
pub(super) struct Half<'s, 'a> {
    pub(super) service: &'s Arc<str>,
    pub(super) span: &'s Span<'a>,
    pub(super) of_resource: &'s [Option<AnyValue<'a>>],
    pub(super) of_span: &'s [Option<AnyValue<'a>>],
}

impl Half<'_, '_> {
    pub(super) fn side(&self, rules: &Rules) -> Result<Side, Malformed> {
        let span = self.span;
        // A span that ends before it starts took no time.
        let nanos = span
            .end_time_unix_nano
            .saturating_sub(span.start_time_unix_nano);
        let carriers = [self.of_resource, self.of_span];
        let dimensions = rules.dimensions.iter();
        let dimensions = dimensions.map(|at| self.text(*at, &carriers));
        Ok(Side {
            service: Arc::clone(self.service),
            seconds: nanos as f64 / 1e9,
            failed: span.is_error(),
            dimensions: dimensions.collect::<Result<_, _>>()?,
        })
    }

    /// A wanted attribute as text: of the first carrier that has it.
    fn text(
        &self,
        at: usize,
        carriers: &[&[Option<AnyValue<'_>>]],
    ) -> Result<Option<Box<str>>, Malformed> {
        let mut values = carriers.iter().filter_map(|carrier| *carrier.get(at)?);
        let value = values.next();
        value
            .map(|value| as_text(&value).map(Into::into))
            .transpose()
    }

    /// The first of the wanted attributes that there is. One without text is no name.
    pub(super) fn name(
        &self,
        places: &[usize],
        carriers: &[&[Option<AnyValue<'_>>]],
    ) -> Result<Option<Box<str>>, Malformed> {
        for at in places {
            let name = self.text(*at, carriers)?.filter(|name| !name.is_empty());
            if name.is_some() {
                return Ok(name);
            }
        }
        Ok(None)
    }
}
