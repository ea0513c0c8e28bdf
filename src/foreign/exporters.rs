//! Exporters that are not here. Most back ends take OTLP by now.

use config::Kind;
use pipeline::component::Foreign;

use super::{Row, Table, row};

pub(super) const TABLE: Table = Table {
    kind: Kind::Exporter,
    rows: ROWS,
    tail: TAIL,
    advice: Foreign {
        instead: "write `otlp_grpc` or `otlp_http` if this back end takes OTLP, else send to a \
                  Collector that has this exporter",
        lost: "this back end gets nothing",
    },
};

const NOTHING: &str = "this back end gets nothing";

const ROWS: &[Row] = &[
    row(
        &["jaeger", "jaeger_thrift"],
        "write `otlp_grpc` with `endpoint: HOST:4317`: Jaeger takes OTLP since 1.35, and the \
         Collector has removed this exporter",
        NOTHING,
    ),
    row(
        &["zipkin"],
        "write `otlp_grpc` if the back end takes OTLP, else send to a Collector with this exporter",
        NOTHING,
    ),
    row(
        &["loki"],
        "write `otlp_http` with `endpoint: http://HOST:3100/otlp`: Loki takes OTLP since 3.0, and \
         the Collector has removed this exporter",
        NOTHING,
    ),
    row(
        &["opencensus"],
        "write `otlp_grpc`: OpenCensus ended in 2023, and the Collector has removed this exporter",
        NOTHING,
    ),
    row(
        &["loadbalancing"],
        "write `otlp_grpc` with `endpoint: dns:///HOST:4317` and `balancer_name: round_robin`",
        "that all spans of a trace go to one back end, which tail sampling behind it needs",
    ),
    row(
        &[
            "kafka",
            "pulsar",
            "rabbitmq",
            "googlecloudpubsub",
            "awskinesis",
        ],
        "send over OTLP to a Collector that has this exporter",
        "the queue gets nothing, and nothing is kept on disk meanwhile",
    ),
    row(
        &["datadog"],
        "write `otlp_grpc` to the OTLP intake of a Datadog Agent (`HOST:4317`)",
        NOTHING,
    ),
    row(
        &["dynatrace"],
        "write `otlp_http` with `endpoint: https://ENVIRONMENT.live.dynatrace.com/api/v2/otlp` and \
         the header `Authorization: Api-Token …`",
        NOTHING,
    ),
    row(
        &["elasticsearch", "elastic"],
        "write `otlp_grpc` to the OTLP endpoint of Elastic (APM server, port 8200), with the \
         header `Authorization: ApiKey …`",
        NOTHING,
    ),
    row(
        &["opensearch"],
        "write `otlp_grpc` to the OTLP source of Data Prepper",
        NOTHING,
    ),
    row(
        &["splunk_hec", "signalfx", "sapm"],
        "write `otlp_http` with `traces_endpoint: \
         https://ingest.REALM.observability.splunkcloud.com/v2/trace/otlp` and the header \
         `X-SF-Token`; for logs to Splunk keep a Collector with this exporter",
        NOTHING,
    ),
    row(
        &["honeycomb"],
        "write `otlp_grpc` with `endpoint: api.honeycomb.io:443` and the header `x-honeycomb-team`",
        NOTHING,
    ),
    row(
        &["newrelic"],
        "write `otlp_grpc` with `endpoint: otlp.nr-data.net:4317` and the header `api-key`",
        NOTHING,
    ),
    row(
        &["lightstep"],
        "write `otlp_grpc` with `endpoint: ingest.lightstep.com:443` and the header \
         `lightstep-access-token`",
        NOTHING,
    ),
    row(
        &["coralogix"],
        "write `otlp_grpc` with `endpoint: ingress.DOMAIN:443` and the header `Authorization`",
        NOTHING,
    ),
    row(
        &["awsxray", "awsemf", "awscloudwatchlogs"],
        "send over OTLP to a Collector that has this exporter, such as that of the CloudWatch agent",
        NOTHING,
    ),
    row(
        &["googlecloud", "googlemanagedprometheus", "stackdriver"],
        "send over OTLP to a Collector that has this exporter and Google's credentials",
        NOTHING,
    ),
    row(
        &["azuremonitor", "azuredataexplorer"],
        "send over OTLP to a Collector that has this exporter",
        NOTHING,
    ),
    row(
        &["clickhouse"],
        "send over OTLP to a Collector that has this exporter",
        NOTHING,
    ),
    row(
        &["otelarrow", "stef"],
        "write `otlp_grpc`, which such back ends take as well",
        "nothing but the smaller encoding",
    ),
];

const TAIL: &[&str] = &[
    "alertmanager",
    "alibabacloud_logservice",
    "awss3",
    "azureblob",
    "bmchelix",
    "carbon",
    "cassandra",
    "dataset",
    "doris",
    "f5cloud",
    "faro",
    "googlecloudstorage",
    "honeycombmarker",
    "humio",
    "influxdb",
    "instana",
    "kinetica",
    "logicmonitor",
    "logzio",
    "mezmo",
    "parquet",
    "sentry",
    "skywalking",
    "sumologic",
    "syslog",
    "tanzuobservability",
    "tencentcloud_logservice",
    "tinybird",
];
