//! Extensions that are not here.

use config::Kind;
use pipeline::component::Foreign;

use super::{Row, Table, row};

pub(super) const TABLE: Table = Table {
    kind: Kind::Extension,
    rows: ROWS,
    tail: TAIL,
    advice: Foreign {
        instead: "nothing is needed for the components of this build",
        lost: "what it does beside the pipelines; the data goes on",
    },
};

const ROWS: &[Row] = &[
    row(
        &["memory_ballast"],
        "nothing is needed: no garbage collector runs here",
        "nothing",
    ),
    row(
        &["memory_limiter"],
        "write the processor `memory_limiter` first in each pipeline",
        "nothing",
    ),
    row(
        &["cgroupruntime"],
        "nothing is needed: CPU quota and memory limit of the cgroup are read at the start",
        "nothing",
    ),
    row(
        &["db_storage", "redis_storage", "pebble_tail_storage"],
        "nothing: queues are in memory here",
        "what stands in a queue when the process ends",
    ),
    row(
        &[
            "oauth2client",
            "sigv4auth",
            "asapauth",
            "asapclient",
            "aws_iam_db_auth",
            "azureauth",
            "googleclientauth",
        ],
        "send to a Collector or a proxy that has these credentials",
        "the credentials: a back end that asks for them refuses the data",
    ),
    row(
        &["sd_notify"],
        "nothing is needed: systemd is told by itself, see `Type=notify`",
        "nothing",
    ),
    row(
        &["oidc"],
        "put a proxy that checks tokens in front of the receivers",
        "the check of who sends",
    ),
    row(
        &["opamp"],
        "deliver the configuration as a file or over https",
        "remote management by an OpAMP server",
    ),
    row(
        &["jaegerremotesampling", "awsproxy", "http_forwarder"],
        "keep a Collector with it for the clients that ask it",
        "the answers to these clients; the pipelines are not affected",
    ),
    row(
        &[
            "host_observer",
            "k8s_observer",
            "docker_observer",
            "ecs_observer",
            "ecs_task_observer",
            "kafkatopics_observer",
            "cfgarden_observer",
            "k8s_leader_elector",
        ],
        "nothing: it serves receivers that this build does not have",
        "nothing beside these receivers",
    ),
];

const TAIL: &[&str] = &[
    "ack",
    "avro_log_encoding",
    "aws_logs_encoding",
    "awscloudwatchmetricstreams_encoding",
    "azure_encoding",
    "datadog",
    "fluentbit",
    "google_cloud_logentry_encoding",
    "jaeger_encoding",
    "json_log_encoding",
    "otlp_encoding",
    "remotetap",
    "skywalking_encoding",
    "solarwindsapmsettings",
    "sumologic",
    "text_encoding",
    "tpm",
    "zipkin_encoding",
];
