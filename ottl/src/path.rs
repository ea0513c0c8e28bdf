//! Fields of what a condition looks at, by the names of the language.

use std::ops::Range;

use otlp::view::Text;

use crate::check::{Index, indexes};
use crate::fault::{Fault, Trouble};
use crate::scene::Scene;
use crate::tree::Key;
use crate::value::{Step, Value};

/// What a condition is about: a path without a prefix is meant there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Span,
    SpanEvent,
}

#[derive(Clone, Debug)]
pub(crate) struct Path {
    field: Field,
    keys: Vec<Index>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    ResourceAttributes,
    ResourceDroppedAttributes,
    ResourceSchema,
    ScopeSchema,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    ScopeDroppedAttributes,
    Attributes,
    DroppedAttributes,
    DroppedEvents,
    DroppedLinks,
    EndTime,
    EndNanos,
    Flags,
    Kind,
    KindText,
    KindOldText,
    Name,
    ParentSpanId,
    ParentSpanIdText,
    SpanId,
    SpanIdText,
    StartTime,
    StartNanos,
    StatusCode,
    StatusMessage,
    TraceId,
    TraceIdText,
    TraceState,
    EventAttributes,
    EventDroppedAttributes,
    EventIndex,
    EventName,
    EventTime,
    EventNanos,
}

/// The prefix, the path behind it, and the field. Every field can be written with its prefix.
const FIELDS: [(&str, &str, Field); 41] = [
    ("resource", "attributes", Field::ResourceAttributes),
    (
        "resource",
        "dropped_attributes_count",
        Field::ResourceDroppedAttributes,
    ),
    ("resource", "schema_url", Field::ResourceSchema),
    ("scope", "schema_url", Field::ScopeSchema),
    ("scope", "name", Field::ScopeName),
    ("scope", "version", Field::ScopeVersion),
    ("scope", "attributes", Field::ScopeAttributes),
    (
        "scope",
        "dropped_attributes_count",
        Field::ScopeDroppedAttributes,
    ),
    ("span", "attributes", Field::Attributes),
    ("span", "dropped_attributes_count", Field::DroppedAttributes),
    ("span", "dropped_events_count", Field::DroppedEvents),
    ("span", "dropped_links_count", Field::DroppedLinks),
    ("span", "end_time", Field::EndTime),
    ("span", "end_time_unix_nano", Field::EndNanos),
    ("span", "flags", Field::Flags),
    ("span", "kind", Field::Kind),
    ("span", "kind.string", Field::KindText),
    ("span", "kind.deprecated_string", Field::KindOldText),
    ("span", "name", Field::Name),
    ("span", "parent_span_id", Field::ParentSpanId),
    ("span", "parent_span_id.string", Field::ParentSpanIdText),
    ("span", "span_id", Field::SpanId),
    ("span", "span_id.string", Field::SpanIdText),
    ("span", "start_time", Field::StartTime),
    ("span", "start_time_unix_nano", Field::StartNanos),
    ("span", "status.code", Field::StatusCode),
    ("span", "status.message", Field::StatusMessage),
    ("span", "trace_id", Field::TraceId),
    ("span", "trace_id.string", Field::TraceIdText),
    ("span", "trace_state", Field::TraceState),
    ("spanevent", "attributes", Field::EventAttributes),
    (
        "spanevent",
        "dropped_attributes_count",
        Field::EventDroppedAttributes,
    ),
    ("spanevent", "event_index", Field::EventIndex),
    ("spanevent", "name", Field::EventName),
    ("spanevent", "time", Field::EventTime),
    ("spanevent", "time_unix_nano", Field::EventNanos),
    ("instrumentation_scope", "name", Field::ScopeName),
    ("instrumentation_scope", "version", Field::ScopeVersion),
    (
        "instrumentation_scope",
        "attributes",
        Field::ScopeAttributes,
    ),
    (
        "instrumentation_scope",
        "dropped_attributes_count",
        Field::ScopeDroppedAttributes,
    ),
    ("instrumentation_scope", "schema_url", Field::ScopeSchema),
];

/// Of the language, and not of this build.
const NOT_YET: [&str; 4] = ["events", "links", "cache", "otelcol"];

const KINDS: [(&str, &str); 6] = [
    ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
    ("Internal", "SPAN_KIND_INTERNAL"),
    ("Server", "SPAN_KIND_SERVER"),
    ("Client", "SPAN_KIND_CLIENT"),
    ("Producer", "SPAN_KIND_PRODUCER"),
    ("Consumer", "SPAN_KIND_CONSUMER"),
];

// === impl Path ===

impl Path {
    pub(crate) fn resolve(
        words: &[String],
        keys: &[Key],
        place: &Range<usize>,
        context: Context,
    ) -> Result<Self, Fault> {
        let own = match context {
            Context::Span => "span",
            Context::SpanEvent => "spanevent",
        };
        let has_prefix = words.len() > 1
            && FIELDS
                .iter()
                .any(|(prefix, _, _)| words.first().is_some_and(|word| word == prefix));
        let (prefix, rest) = match words.split_first() {
            Some((prefix, rest)) if has_prefix => (prefix.as_str(), rest),
            _ => (own, words),
        };
        let name = rest.join(".");
        let known = || FIELDS.iter().filter(move |(owner, _, _)| *owner == prefix);
        let fault = |text: String| Fault::new(place.clone(), text);
        if prefix == "spanevent" && context == Context::Span {
            return Err(fault("a condition on a span sees no events".into())
                .with_help("write it below `spanevent`"));
        }
        let Some((_, _, field)) = known().find(|(_, path, _)| *path == name) else {
            if let Some(word) = rest.first().filter(|word| NOT_YET.contains(&word.as_str())) {
                return Err(fault(format!(
                    "`{word}` is known to the language and not in this build"
                )));
            }
            let unknown = fault(format!("`{}` is no field of a {prefix}", words.join(".")));
            return Err(unknown.with_known(&name, known().map(|(_, path, _)| *path)));
        };
        if !keys.is_empty() && !field.has_keys() {
            return Err(fault(format!("`{name}` has no keys")));
        }
        if *field == Field::TraceState && keys.len() > 1 {
            return Err(fault(format!(
                "`{name}` has keys without keys of their own"
            )));
        }
        Ok(Self {
            field: *field,
            keys: indexes(keys, context)?,
        })
    }

    pub(crate) fn get<'a>(&'a self, scene: &Scene<'a>) -> Result<Value<'a>, Trouble> {
        if self.field == Field::TraceState
            && let [key] = self.keys.as_slice()
        {
            return trace_state(key, scene);
        }
        let mut value = self.field.get(scene);
        for key in &self.keys {
            match value.at(&key.step(scene)?).map_err(Trouble)? {
                Some(within) => value = within,
                None => return Ok(Value::Nil),
            }
        }
        Ok(value)
    }
}

/// The text of a key, empty if there is none; nil if there is no trace state to be read.
fn trace_state<'a>(key: &Index, scene: &Scene<'a>) -> Result<Value<'a>, Trouble> {
    let Index::Known(Step::Key(key)) = key else {
        return Err(Trouble("a trace state has texts as keys".into()));
    };
    let entry = scene.span.trace_state_entry(key);
    Ok(entry.map_or(Value::Nil, |text| {
        Value::Text(text.unwrap_or_default().into())
    }))
}

// === impl Field ===

impl Field {
    const fn has_keys(self) -> bool {
        matches!(
            self,
            Self::ResourceAttributes
                | Self::ScopeAttributes
                | Self::Attributes
                | Self::EventAttributes
                | Self::TraceState
        )
    }

    fn get<'a>(self, scene: &Scene<'a>) -> Value<'a> {
        let Scene {
            resource,
            scope,
            span,
            event,
        } = scene;
        let text = |text: Text<'a>| Value::Text(text.to_string_lossy());
        let count = |count: u32| Value::Int(count.into());
        let nanos = |nanos: u64| nanos as i64;
        let status = span.status.unwrap_or_default();
        let scope_fields = scope.scope.unwrap_or_default();
        match self {
            Self::ResourceAttributes => Value::Map(resource.attributes()),
            Self::ResourceDroppedAttributes => count(
                resource
                    .resource
                    .unwrap_or_default()
                    .dropped_attributes_count,
            ),
            Self::ResourceSchema => text(resource.schema_url),
            Self::ScopeSchema => text(scope.schema_url),
            Self::ScopeName => text(scope_fields.name),
            Self::ScopeVersion => text(scope_fields.version),
            Self::ScopeAttributes => Value::Map(scope.attributes()),
            Self::ScopeDroppedAttributes => count(scope_fields.dropped_attributes_count),
            Self::Attributes => Value::Map(span.attributes()),
            Self::DroppedAttributes => count(span.dropped_attributes_count),
            Self::DroppedEvents => count(span.dropped_events_count),
            Self::DroppedLinks => count(span.dropped_links_count),
            Self::EndTime => Value::Time(nanos(span.end_time_unix_nano)),
            Self::EndNanos => Value::Int(nanos(span.end_time_unix_nano)),
            Self::Flags => count(span.flags),
            Self::Kind => Value::Int(span.kind.into()),
            Self::KindText => Value::Text(kind(span.kind).0.into()),
            Self::KindOldText => Value::Text(kind(span.kind).1.into()),
            Self::Name => text(span.name),
            Self::ParentSpanId => Value::Id(id(span.parent_span_id, 8)),
            Self::ParentSpanIdText => Value::Text(hex(&id(span.parent_span_id, 8)).into()),
            Self::SpanId => Value::Id(id(span.span_id, 8)),
            Self::SpanIdText => Value::Text(hex(&id(span.span_id, 8)).into()),
            Self::StartTime => Value::Time(nanos(span.start_time_unix_nano)),
            Self::StartNanos => Value::Int(nanos(span.start_time_unix_nano)),
            Self::StatusCode => Value::Int(status.code.into()),
            Self::StatusMessage => text(status.message),
            Self::TraceId => Value::Id(id(span.trace_id, 16)),
            Self::TraceIdText => Value::Text(hex(&id(span.trace_id, 16)).into()),
            Self::TraceState => text(span.trace_state),
            Self::EventAttributes => {
                event.map_or(Value::Nil, |(_, event)| Value::Map(event.attributes()))
            }
            Self::EventDroppedAttributes => event.map_or(Value::Nil, |(_, event)| {
                count(event.dropped_attributes_count)
            }),
            Self::EventIndex => event.map_or(Value::Nil, |(index, _)| Value::Int(index as i64)),
            Self::EventName => event.map_or(Value::Nil, |(_, event)| text(event.name)),
            Self::EventTime => event.map_or(Value::Nil, |(_, event)| {
                Value::Time(nanos(event.time_unix_nano))
            }),
            Self::EventNanos => event.map_or(Value::Nil, |(_, event)| {
                Value::Int(nanos(event.time_unix_nano))
            }),
        }
    }
}

/// An id that is not set is all zeros.
fn id(bytes: &[u8], length: usize) -> std::borrow::Cow<'_, [u8]> {
    if bytes.is_empty() {
        vec![0; length].into()
    } else {
        bytes.into()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn kind(kind: i32) -> (&'static str, &'static str) {
    let known = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind));
    known.copied().unwrap_or(("", ""))
}
