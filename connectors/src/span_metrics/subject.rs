//! What a series is told apart by: a span, what it stands in, and maybe one of its events.

use otlp::Malformed;
use otlp::view::{AnyValue, Attributes, Scope, Span, Text};
use otlp::write::KeyValues;

use super::config::{INSTANCE, SERVICE_NAME, SPAN_KIND, SPAN_NAME, STATUS_CODE};
use super::rules::{List, Rules};
use crate::key::{put, put_value};

const SCOPE_NAME: &str = "span.instrumentation.scope.name";
const SCOPE_VERSION: &str = "span.instrumentation.scope.version";
const METHOD: &str = "sampling.method";

/// A carrier of attributes with those of them that are wanted.
#[derive(Clone, Copy)]
pub(super) struct Carrier<'s, 'a> {
    pub(super) attributes: Attributes<'a>,
    pub(super) values: &'s [Option<AnyValue<'a>>],
}

pub(super) struct Subject<'s, 'a> {
    pub(super) service: Text<'a>,
    /// Only one that is wanted.
    pub(super) scope: Option<&'s Scope<'a>>,
    pub(super) span: &'s Span<'a>,
    /// From the most to the least specific: of the span, of an event, of the resource.
    pub(super) carriers: &'s [Carrier<'s, 'a>],
    /// Whether the span stands for others that were not kept.
    pub(super) is_adjusted: bool,
}

impl<'a> Subject<'_, 'a> {
    /// Writes what tells its series from others. Every part says how long it is.
    pub(super) fn write_key(&self, rules: &Rules, own: &List, key: &mut Vec<u8>) {
        let defaults = &rules.defaults;
        key.clear();
        let kind = if defaults.kind { self.span.kind } else { 0 };
        let status = if defaults.status { self.status() } else { 0 };
        let method = rules.says_method && self.is_adjusted;
        // Numbers that are none of those known are alike in their names, too.
        key.push(u8::try_from(kind).unwrap_or(u8::MAX).min(6));
        key.push(u8::try_from(status).unwrap_or(u8::MAX).min(3));
        key.push(u8::from(method));
        if defaults.service {
            put(key, self.service.as_bytes());
        }
        if defaults.name {
            put(key, self.span.name.as_bytes());
        }
        if !rules.scopes.is_empty() {
            let scope = self.scope.copied().unwrap_or_default();
            put(key, scope.name.as_bytes());
            put(key, scope.version.as_bytes());
        }
        for list in [&rules.common, own] {
            for named in &list.names {
                match self.value(named.at) {
                    Some(value) => put_value(key, &value),
                    None => key.push(0xff),
                }
            }
            for (name, value) in self.matching(list) {
                put(key, name.as_bytes());
                put_value(key, &value);
            }
        }
    }

    /// The attributes of its series.
    pub(super) fn attributes(&self, rules: &Rules, own: &List) -> Result<KeyValues, Malformed> {
        let defaults = &rules.defaults;
        let mut attributes = KeyValues::default();
        if defaults.service {
            attributes.put(SERVICE_NAME.into(), &AnyValue::String(self.service))?;
        }
        if defaults.name {
            attributes.put(SPAN_NAME.into(), &AnyValue::String(self.span.name))?;
        }
        if defaults.kind {
            attributes.put_text(SPAN_KIND, kind_name(self.span.kind));
        }
        if defaults.status {
            attributes.put_text(STATUS_CODE, status_name(self.status()));
        }
        if let Some(instance) = &defaults.instance {
            attributes.put_text(INSTANCE, instance);
        }
        if let Some(scope) = self.scope {
            attributes.put(SCOPE_NAME.into(), &AnyValue::String(scope.name))?;
            if !scope.version.is_empty() {
                attributes.put(SCOPE_VERSION.into(), &AnyValue::String(scope.version))?;
            }
        }
        if rules.says_method {
            let method = match self.is_adjusted {
                true => "extrapolated",
                false => "counted",
            };
            attributes.put_text(METHOD, method);
        }
        for list in [&rules.common, own] {
            for named in &list.names {
                let name = rules.wanted.name(named.at);
                match (self.value(named.at), &named.default) {
                    (Some(value), _) => attributes.put(name.into(), &value)?,
                    (None, Some(default)) => attributes.put_owned(name.into(), default),
                    (None, None) => {}
                }
            }
            for (name, value) in self.matching(list) {
                attributes.put(name, &value)?;
            }
        }
        Ok(attributes)
    }

    fn status(&self) -> i32 {
        self.span.status.map_or(0, |status| status.code)
    }

    fn value(&self, at: usize) -> Option<AnyValue<'a>> {
        let mut values = self
            .carriers
            .iter()
            .filter_map(|carrier| carrier.values.get(at).copied());
        values.find_map(|value| value)
    }

    /// The attributes whose keys match, by key; those of a more specific carrier hide others.
    fn matching(&self, list: &List) -> Vec<(Text<'a>, AnyValue<'a>)> {
        if list.globs.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(Text<'a>, AnyValue<'a>)> = Vec::new();
        for carrier in self.carriers {
            for pair in carrier.attributes.flatten() {
                let Ok(name) = pair.key.to_str() else {
                    continue;
                };
                let matches = list.globs.iter().any(|glob| glob.is_match(name));
                if matches && !found.iter().any(|(known, _)| *known == pair.key) {
                    found.push((pair.key, pair.value().unwrap_or_default()));
                }
            }
        }
        found.sort_by_key(|(name, _)| *name);
        found
    }
}

const fn kind_name(kind: i32) -> &'static str {
    match kind {
        0 => "SPAN_KIND_UNSPECIFIED",
        1 => "SPAN_KIND_INTERNAL",
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "",
    }
}

const fn status_name(code: i32) -> &'static str {
    match code {
        0 => "STATUS_CODE_UNSET",
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "",
    }
}
