//! The schema of OTLP v1.10: one table per message, one row per field, in the order of printing.
//!
//! Source: opentelemetry-proto v1.10.0. A test holds every row against the published descriptors,
//! so that none can be forgotten or misspelt.

use super::field::{
    Field,
    Kind::{
        Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Message as Nested, Sfixed64,
        Sint32, String, Uint32, Uint64,
    },
    Message,
    Presence::{Implicit, Oneof, Optional, Repeated},
};
use crate::Signal;

/// Lengths in bytes.
const TRACE_ID: usize = 16;
const SPAN_ID: usize = 8;

/// The export request of a signal.
pub(crate) const fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &EXPORT_TRACES,
        Signal::Metrics => &EXPORT_METRICS,
        Signal::Logs => &EXPORT_LOGS,
    }
}

/// The answer to an export request of a signal.
pub(crate) const fn response(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACES_RESPONSE,
        Signal::Metrics => &METRICS_RESPONSE,
        Signal::Logs => &LOGS_RESPONSE,
    }
}

// === collector/*/v1 ===

static TRACES_RESPONSE: Message = Message(&[Field::new(
    1,
    "partialSuccess",
    Nested(&TRACES_PARTIAL),
    Optional,
)]);

static METRICS_RESPONSE: Message = Message(&[Field::new(
    1,
    "partialSuccess",
    Nested(&METRICS_PARTIAL),
    Optional,
)]);

static LOGS_RESPONSE: Message = Message(&[Field::new(
    1,
    "partialSuccess",
    Nested(&LOGS_PARTIAL),
    Optional,
)]);

static TRACES_PARTIAL: Message = Message(&[
    Field::new(1, "rejectedSpans", Int64, Implicit),
    Field::new(2, "errorMessage", String, Implicit),
]);

static METRICS_PARTIAL: Message = Message(&[
    Field::new(1, "rejectedDataPoints", Int64, Implicit),
    Field::new(2, "errorMessage", String, Implicit),
]);

static LOGS_PARTIAL: Message = Message(&[
    Field::new(1, "rejectedLogRecords", Int64, Implicit),
    Field::new(2, "errorMessage", String, Implicit),
]);

// === common/v1 and resource/v1 ===

pub(super) static ANY_VALUE: Message = Message(&[
    Field::new(1, "stringValue", String, Oneof),
    Field::new(2, "boolValue", Bool, Oneof),
    Field::new(3, "intValue", Int64, Oneof),
    Field::new(4, "doubleValue", Double, Oneof),
    Field::new(5, "arrayValue", Nested(&ARRAY_VALUE), Oneof),
    Field::new(6, "kvlistValue", Nested(&KEY_VALUE_LIST), Oneof),
    Field::new(7, "bytesValue", Bytes, Oneof),
    Field::new(8, "stringValueStrindex", Int32, Oneof),
]);

static ARRAY_VALUE: Message = Message(&[Field::new(1, "values", Nested(&ANY_VALUE), Repeated)]);

static KEY_VALUE_LIST: Message = Message(&[Field::new(1, "values", Nested(&KEY_VALUE), Repeated)]);

static KEY_VALUE: Message = Message(&[
    Field::new(1, "key", String, Implicit),
    Field::new(2, "value", Nested(&ANY_VALUE), Optional),
    Field::new(3, "keyStrindex", Int32, Implicit),
]);

static SCOPE: Message = Message(&[
    Field::new(1, "name", String, Implicit),
    Field::new(2, "version", String, Implicit),
    Field::new(3, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(4, "droppedAttributesCount", Uint32, Implicit),
]);

static ENTITY_REF: Message = Message(&[
    Field::new(1, "schemaUrl", String, Implicit),
    Field::new(2, "type", String, Implicit),
    Field::new(3, "idKeys", String, Repeated),
    Field::new(4, "descriptionKeys", String, Repeated),
]);

static RESOURCE: Message = Message(&[
    Field::new(1, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(2, "droppedAttributesCount", Uint32, Implicit),
    Field::new(3, "entityRefs", Nested(&ENTITY_REF), Repeated),
]);

// === trace/v1 ===

static EXPORT_TRACES: Message = Message(&[Field::new(
    1,
    "resourceSpans",
    Nested(&RESOURCE_SPANS),
    Repeated,
)]);

static RESOURCE_SPANS: Message = Message(&[
    Field::new(1, "resource", Nested(&RESOURCE), Optional),
    Field::new(2, "scopeSpans", Nested(&SCOPE_SPANS), Repeated),
    Field::new(3, "schemaUrl", String, Implicit),
]);

static SCOPE_SPANS: Message = Message(&[
    Field::new(1, "scope", Nested(&SCOPE), Optional),
    Field::new(2, "spans", Nested(&SPAN), Repeated),
    Field::new(3, "schemaUrl", String, Implicit),
]);

static SPAN: Message = Message(&[
    Field::new(1, "traceId", Id(TRACE_ID), Implicit),
    Field::new(2, "spanId", Id(SPAN_ID), Implicit),
    Field::new(3, "traceState", String, Implicit),
    Field::new(4, "parentSpanId", Id(SPAN_ID), Implicit),
    Field::new(16, "flags", Fixed32, Implicit),
    Field::new(5, "name", String, Implicit),
    Field::new(6, "kind", Enum(SPAN_KINDS), Implicit),
    Field::new(7, "startTimeUnixNano", Fixed64, Implicit),
    Field::new(8, "endTimeUnixNano", Fixed64, Implicit),
    Field::new(9, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(10, "droppedAttributesCount", Uint32, Implicit),
    Field::new(11, "events", Nested(&EVENT), Repeated),
    Field::new(12, "droppedEventsCount", Uint32, Implicit),
    Field::new(13, "links", Nested(&LINK), Repeated),
    Field::new(14, "droppedLinksCount", Uint32, Implicit),
    Field::new(15, "status", Nested(&STATUS), Optional),
]);

const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static EVENT: Message = Message(&[
    Field::new(1, "timeUnixNano", Fixed64, Implicit),
    Field::new(2, "name", String, Implicit),
    Field::new(3, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(4, "droppedAttributesCount", Uint32, Implicit),
]);

static LINK: Message = Message(&[
    Field::new(1, "traceId", Id(TRACE_ID), Implicit),
    Field::new(2, "spanId", Id(SPAN_ID), Implicit),
    Field::new(3, "traceState", String, Implicit),
    Field::new(4, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(5, "droppedAttributesCount", Uint32, Implicit),
    Field::new(6, "flags", Fixed32, Implicit),
]);

static STATUS: Message = Message(&[
    Field::new(2, "message", String, Implicit),
    Field::new(3, "code", Enum(STATUS_CODES), Implicit),
]);

const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

// === metrics/v1 ===

static EXPORT_METRICS: Message = Message(&[Field::new(
    1,
    "resourceMetrics",
    Nested(&RESOURCE_METRICS),
    Repeated,
)]);

static RESOURCE_METRICS: Message = Message(&[
    Field::new(1, "resource", Nested(&RESOURCE), Optional),
    Field::new(2, "scopeMetrics", Nested(&SCOPE_METRICS), Repeated),
    Field::new(3, "schemaUrl", String, Implicit),
]);

static SCOPE_METRICS: Message = Message(&[
    Field::new(1, "scope", Nested(&SCOPE), Optional),
    Field::new(2, "metrics", Nested(&METRIC), Repeated),
    Field::new(3, "schemaUrl", String, Implicit),
]);

static METRIC: Message = Message(&[
    Field::new(1, "name", String, Implicit),
    Field::new(2, "description", String, Implicit),
    Field::new(3, "unit", String, Implicit),
    Field::new(5, "gauge", Nested(&GAUGE), Oneof),
    Field::new(7, "sum", Nested(&SUM), Oneof),
    Field::new(9, "histogram", Nested(&HISTOGRAM), Oneof),
    Field::new(
        10,
        "exponentialHistogram",
        Nested(&EXPONENTIAL_HISTOGRAM),
        Oneof,
    ),
    Field::new(11, "summary", Nested(&SUMMARY), Oneof),
    Field::new(12, "metadata", Nested(&KEY_VALUE), Repeated),
]);

const TEMPORALITIES: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

static GAUGE: Message = Message(&[Field::new(1, "dataPoints", Nested(&NUMBER_POINT), Repeated)]);

static SUM: Message = Message(&[
    Field::new(1, "dataPoints", Nested(&NUMBER_POINT), Repeated),
    Field::new(2, "aggregationTemporality", Enum(TEMPORALITIES), Implicit),
    Field::new(3, "isMonotonic", Bool, Implicit),
]);

static HISTOGRAM: Message = Message(&[
    Field::new(1, "dataPoints", Nested(&HISTOGRAM_POINT), Repeated),
    Field::new(2, "aggregationTemporality", Enum(TEMPORALITIES), Implicit),
]);

static EXPONENTIAL_HISTOGRAM: Message = Message(&[
    Field::new(1, "dataPoints", Nested(&EXPONENTIAL_POINT), Repeated),
    Field::new(2, "aggregationTemporality", Enum(TEMPORALITIES), Implicit),
]);

static SUMMARY: Message = Message(&[Field::new(
    1,
    "dataPoints",
    Nested(&SUMMARY_POINT),
    Repeated,
)]);

static NUMBER_POINT: Message = Message(&[
    Field::new(7, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(2, "startTimeUnixNano", Fixed64, Implicit),
    Field::new(3, "timeUnixNano", Fixed64, Implicit),
    Field::new(4, "asDouble", Double, Oneof),
    Field::new(6, "asInt", Sfixed64, Oneof),
    Field::new(5, "exemplars", Nested(&EXEMPLAR), Repeated),
    Field::new(8, "flags", Uint32, Implicit),
]);

static HISTOGRAM_POINT: Message = Message(&[
    Field::new(9, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(2, "startTimeUnixNano", Fixed64, Implicit),
    Field::new(3, "timeUnixNano", Fixed64, Implicit),
    Field::new(4, "count", Fixed64, Implicit),
    Field::new(5, "sum", Double, Optional),
    Field::new(6, "bucketCounts", Fixed64, Repeated),
    Field::new(7, "explicitBounds", Double, Repeated),
    Field::new(8, "exemplars", Nested(&EXEMPLAR), Repeated),
    Field::new(10, "flags", Uint32, Implicit),
    Field::new(11, "min", Double, Optional),
    Field::new(12, "max", Double, Optional),
]);

static EXPONENTIAL_POINT: Message = Message(&[
    Field::new(1, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(2, "startTimeUnixNano", Fixed64, Implicit),
    Field::new(3, "timeUnixNano", Fixed64, Implicit),
    Field::new(4, "count", Fixed64, Implicit),
    Field::new(5, "sum", Double, Optional),
    Field::new(6, "scale", Sint32, Implicit),
    Field::new(7, "zeroCount", Fixed64, Implicit),
    Field::new(8, "positive", Nested(&BUCKETS), Optional),
    Field::new(9, "negative", Nested(&BUCKETS), Optional),
    Field::new(10, "flags", Uint32, Implicit),
    Field::new(11, "exemplars", Nested(&EXEMPLAR), Repeated),
    Field::new(12, "min", Double, Optional),
    Field::new(13, "max", Double, Optional),
    Field::new(14, "zeroThreshold", Double, Implicit),
]);

static BUCKETS: Message = Message(&[
    Field::new(1, "offset", Sint32, Implicit),
    Field::new(2, "bucketCounts", Uint64, Repeated),
]);

static SUMMARY_POINT: Message = Message(&[
    Field::new(7, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(2, "startTimeUnixNano", Fixed64, Implicit),
    Field::new(3, "timeUnixNano", Fixed64, Implicit),
    Field::new(4, "count", Fixed64, Implicit),
    Field::new(5, "sum", Double, Implicit),
    Field::new(6, "quantileValues", Nested(&QUANTILE), Repeated),
    Field::new(8, "flags", Uint32, Implicit),
]);

static QUANTILE: Message = Message(&[
    Field::new(1, "quantile", Double, Implicit),
    Field::new(2, "value", Double, Implicit),
]);

static EXEMPLAR: Message = Message(&[
    Field::new(7, "filteredAttributes", Nested(&KEY_VALUE), Repeated),
    Field::new(2, "timeUnixNano", Fixed64, Implicit),
    Field::new(3, "asDouble", Double, Oneof),
    Field::new(6, "asInt", Sfixed64, Oneof),
    Field::new(4, "spanId", Id(SPAN_ID), Implicit),
    Field::new(5, "traceId", Id(TRACE_ID), Implicit),
]);

// === logs/v1 ===

static EXPORT_LOGS: Message = Message(&[Field::new(
    1,
    "resourceLogs",
    Nested(&RESOURCE_LOGS),
    Repeated,
)]);

static RESOURCE_LOGS: Message = Message(&[
    Field::new(1, "resource", Nested(&RESOURCE), Optional),
    Field::new(2, "scopeLogs", Nested(&SCOPE_LOGS), Repeated),
    Field::new(3, "schemaUrl", String, Implicit),
]);

static SCOPE_LOGS: Message = Message(&[
    Field::new(1, "scope", Nested(&SCOPE), Optional),
    Field::new(2, "logRecords", Nested(&LOG_RECORD), Repeated),
    Field::new(3, "schemaUrl", String, Implicit),
]);

static LOG_RECORD: Message = Message(&[
    Field::new(1, "timeUnixNano", Fixed64, Implicit),
    Field::new(11, "observedTimeUnixNano", Fixed64, Implicit),
    Field::new(2, "severityNumber", Enum(SEVERITIES), Implicit),
    Field::new(3, "severityText", String, Implicit),
    Field::new(5, "body", Nested(&ANY_VALUE), Optional),
    Field::new(6, "attributes", Nested(&KEY_VALUE), Repeated),
    Field::new(7, "droppedAttributesCount", Uint32, Implicit),
    Field::new(8, "flags", Fixed32, Implicit),
    Field::new(9, "traceId", Id(TRACE_ID), Implicit),
    Field::new(10, "spanId", Id(SPAN_ID), Implicit),
    Field::new(12, "eventName", String, Implicit),
]);

const SEVERITIES: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];
