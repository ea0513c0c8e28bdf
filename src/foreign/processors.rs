//! Processors that are not here.

use config::Kind;
use pipeline::component::Foreign;

use super::{Row, Table, row};

pub(super) const TABLE: Table = Table {
    kind: Kind::Processor,
    rows: ROWS,
    tail: TAIL,
    advice: Foreign {
        instead: "keep it in a Collector before or behind this service, over OTLP",
        lost: "what it adds, changes or drops; the data itself goes on",
    },
};

const ROWS: &[Row] = &[
    row(
        &["tail_sampling", "groupbytrace"],
        "keep it in a Collector behind this service, over OTLP; all spans of a trace must come to \
         the same one",
        "the choice by whole traces: every span goes on, which costs more storage behind",
    ),
    row(
        &["filter"],
        "keep it in a Collector before or behind this service, over OTLP",
        "the filter: what it would drop goes on",
    ),
    row(
        &["transform", "span", "logstransform"],
        "write `attributes` or `resource` where the statements set, delete or hash attributes; for \
         others keep it in a Collector behind this service",
        "the changes that its statements make; the data itself goes on",
    ),
    row(
        &["redaction"],
        "write `attributes` with `action: delete` or `hash` for each key",
        "the masking: values that it would hide go on as they are",
    ),
    row(
        &["k8sattributes", "k8s_tagger"],
        "let the pods name themselves: `OTEL_RESOURCE_ATTRIBUTES` with the downward API, as the \
         operator sets it; or keep it in an agent Collector",
        "k8s.* resource attributes that are found by the sender's address",
    ),
    row(
        &["resourcedetection"],
        "set the same with `resource`, `value: ${env:…}`; SDKs have detectors of their own",
        "host.*, cloud.*, os.* and container.* resource attributes",
    ),
    row(
        &["cumulativetodelta", "deltatocumulative", "deltatorate"],
        "let the SDKs choose (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`)",
        "the conversion: metrics keep the temporality that they come with",
    ),
    row(
        &["routing"],
        "write one pipeline for each way: the Collector has replaced it by the `routing` connector",
        "the choice of exporters by attributes",
    ),
    row(
        &["spanmetrics"],
        "write the connector `span_metrics`, at the end of this pipeline and at the beginning of one \
         for metrics",
        "the metrics that it makes from spans; the spans go on",
    ),
    row(
        &["servicegraph"],
        "write the connector `service_graph`, at the end of this pipeline and at the beginning of \
         one for metrics",
        "the metrics that it makes from spans; the spans go on",
    ),
    row(
        &[
            "groupbyattrs",
            "metricstransform",
            "metricsgeneration",
            "experimental_metricsgeneration",
        ],
        "keep it in a Collector before or behind this service, over OTLP",
        "the regrouping and renaming; the data itself goes on",
    ),
    row(
        &["queued_retry"],
        "write `sending_queue` and `retry_on_failure` at the exporters, where both are on anyway",
        "nothing",
    ),
];

const TAIL: &[&str] = &[
    "cardinality_guardian",
    "cascading_filter",
    "coralogix",
    "datadog",
    "datadogsemantics",
    "dnslookup",
    "drain",
    "gen_ai_normalizer",
    "geoip",
    "interval",
    "isolationforest",
    "logdedup",
    "lookup",
    "metricstarttime",
    "remoteobserver",
    "remotetap",
    "schema",
    "spanpruning",
    "sumologic",
    "unroll",
];
