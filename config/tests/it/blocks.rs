//! The shared blocks: the Collector's keys, defaults and messages.

use std::fmt::Debug;

use config::blocks::{
    GrpcClient, GrpcServer, HttpClient, HttpServer, KeepaliveClient, Queue, Retry, Sizer, Timeout,
    TlsClient, TlsServer,
};
use config::{Optional, Problems, Telemetry, Validate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kit::{decode_text, errors};

fn print<T: Serialize + Default>() -> String {
    serde_json::to_string(&T::default()).expect("a block is JSON")
}

/// Left: the block's keys. Right: its warnings; there is no error.
fn check_warnings<T: DeserializeOwned + Validate>(cases: &[(&'static str, &[&str])]) {
    for (text, expected) in cases {
        let (value, faults) = decode_text::<T>(text);
        assert!(value.is_some(), "{text}: {faults}");
        let found: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.path, fault.text))
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|line| line.trim_start_matches("receivers::x::"))
            .collect();
        assert_eq!(found, *expected, "{text}");
    }
}

/// Left: the block's keys. Right: its errors, or nothing.
fn check<T: DeserializeOwned + Validate>(cases: &[(&'static str, &[&str])]) {
    for (text, expected) in cases {
        let (value, faults) = decode_text::<T>(text);
        let found = errors(&faults);
        let found: Vec<&str> = found
            .iter()
            .map(|line| line.trim_start_matches("receivers::x"))
            .collect();
        let found: Vec<&str> = found
            .iter()
            .map(|line| line.trim_start_matches("::"))
            .collect();
        assert_eq!(found, *expected, "{text}");
        assert_eq!(value.is_some(), expected.is_empty(), "{text}");
    }
}

#[test]
fn defaults_are_the_collectors() {
    let defaults = [
        print::<GrpcServer>(),
        print::<HttpServer>(),
        print::<GrpcClient>(),
        print::<HttpClient>(),
        print::<TlsClient>(),
        print::<TlsServer>(),
        print::<KeepaliveClient>(),
        print::<Queue>(),
        print::<Retry>(),
        print::<Timeout>(),
    ];
    let shared = r#""ca_file":"","ca_pem":"","cert_file":"","cert_pem":"","key_file":"","key_pem":"","include_system_ca_certs_pool":false,"min_version":null,"max_version":null,"cipher_suites":[],"include_insecure_cipher_suites":false,"curve_preferences":[],"reload_interval":"0s","tpm":{"enabled":false,"path":"","owner_auth":"","auth":""}}"#;
    let tls = format!(
        r#"{{"insecure":false,"insecure_skip_verify":false,"server_name_override":"",{shared}"#
    );
    let expected = [
        r#"{"endpoint":"localhost:4317","transport":"tcp","max_recv_msg_size_mib":0,"max_concurrent_streams":0,"read_buffer_size":524288,"write_buffer_size":0,"keepalive":{"server_parameters":{"max_connection_idle":"0s","max_connection_age":"0s","max_connection_age_grace":"0s","time":"0s","timeout":"0s"},"enforcement_policy":{"min_time":"0s","permit_without_stream":false}},"include_metadata":false}"#.to_owned(),
        r#"{"endpoint":"localhost:4318","transport":"tcp","max_request_body_size":67108864,"compression_algorithms":["","gzip","zstd","zlib","snappy","deflate","lz4","x-snappy-framed"],"response_headers":{},"include_metadata":false,"read_timeout":"0s","read_header_timeout":"0s","write_timeout":"0s","idle_timeout":"0s","keep_alives_enabled":true}"#.to_owned(),
        format!(r#"{{"endpoint":"","compression":"gzip","tls":{tls},"keepalive":{{"enabled":false}},"read_buffer_size":0,"write_buffer_size":524288,"wait_for_ready":false,"headers":{{}},"balancer_name":"round_robin","authority":"","user_agent":""}}"#),
        format!(r#"{{"endpoint":"","tls":{tls},"compression":"gzip","compression_params":{{}},"timeout":"30s","headers":{{}},"read_buffer_size":0,"write_buffer_size":524288,"max_idle_conns":100,"max_idle_conns_per_host":0,"max_conns_per_host":0,"idle_conn_timeout":"1m30s","disable_keep_alives":false,"http2_read_idle_timeout":"0s","http2_ping_timeout":"0s","force_attempt_http2":true,"proxy_url":"","cookies":{{"enabled":false}}}}"#),
        tls.clone(),
        format!(r#"{{"client_ca_file":"","client_ca_file_reload":false,{shared}"#),
        r#"{"time":"0s","timeout":"0s","permit_without_stream":false}"#.to_owned(),
        r#"{"num_consumers":10,"queue_size":1000,"sizer":"requests","wait_for_result":false,"block_on_overflow":false,"batch":{"enabled":false}}"#.to_owned(),
        r#"{"enabled":true,"initial_interval":"5s","randomization_factor":0.5,"multiplier":1.5,"max_interval":"30s","max_elapsed_time":"5m0s"}"#.to_owned(),
        r#"{"timeout":"5s"}"#.to_owned(),
    ];
    for (found, expected) in defaults.iter().zip(expected) {
        assert_eq!(*found, expected);
    }
}

/// What `print-config` shows can be read back, and means the same.
#[test]
fn printed_defaults_are_read_back() {
    fn check<T>()
    where
        T: Default + PartialEq + Serialize + DeserializeOwned + Debug,
    {
        let text: &'static str = print::<T>().leak();
        let mut faults = config::Faults::new();
        let root = crate::kit::load_text(text, &mut faults).expect("JSON is YAML");
        let read: Option<T> = config::decode(&root, "x", &mut faults);
        assert_eq!(read, Some(T::default()), "{faults}");
        assert!(faults.is_empty(), "{faults}");
    }
    check::<GrpcServer>();
    check::<HttpServer>();
    check::<GrpcClient>();
    check::<HttpClient>();
    check::<TlsClient>();
    check::<TlsServer>();
    check::<KeepaliveClient>();
    check::<Queue>();
    check::<Retry>();
    check::<Timeout>();
    check::<Telemetry>();
}

/// The section as an exporter has it: on by default.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Exporter {
    sending_queue: Optional<Queue>,
}

impl Default for Exporter {
    fn default() -> Self {
        Self {
            sending_queue: Optional::on(),
        }
    }
}

impl Validate for Exporter {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.under("sending_queue", &self.sending_queue);
        problems
    }
}

#[test]
fn queues_refuse_what_the_collector_refuses() {
    let items = "sending_queue::batch::sizer: `batch` supports only `items` or `bytes` sizer, \
                 found \"requests\"";
    let small = "sending_queue::batch::min_size: `min_size` must be less than or equal to \
                 `queue_size`";
    check::<Exporter>(&[
        ("sending_queue:", &[]),
        ("sending_queue: {enabled: false, num_consumers: 0}", &[]),
        (
            "sending_queue: {num_consumers: 0, queue_size: -1}",
            &[
                "sending_queue::num_consumers: `num_consumers` must be positive",
                "sending_queue::queue_size: `queue_size` must be positive",
            ],
        ),
        (
            "sending_queue: {sizer: item}",
            &["sending_queue::sizer: invalid sizer: \"item\", one of `requests`, `items`, `bytes`"],
        ),
        (
            "sending_queue: {storage: file_storage}",
            &[
                "sending_queue::storage: `storage` is a key of the Collector that this build does \
               not have yet",
            ],
        ),
        // The batch counts items, the queue requests.
        ("sending_queue: {batch: {}}", &[]),
        ("sending_queue: {batch: }", &[]),
        // The two traps: the batch takes over the queue's sizer, if there is one.
        ("sending_queue: {sizer: requests, batch: {}}", &[items]),
        ("sending_queue: {sizer: items, batch: {}}", &[small]),
        // A null takes over nothing: the queue's items are the batch's default.
        ("sending_queue: {sizer: requests, batch: }", &[]),
        ("sending_queue: {sizer: items, batch: }", &[small]),
        (
            "sending_queue: {sizer: requests, batch: {sizer: bytes}}",
            &[],
        ),
        (
            "sending_queue: {sizer: items, queue_size: 8192, batch: {}}",
            &[],
        ),
        ("sending_queue: {sizer: items, batch: {min_size: 0}}", &[]),
        (
            "sending_queue: {sizer: requests, batch: {enabled: false}}",
            &[],
        ),
        (
            "sending_queue: {batch: {flush_timeout: 0s, min_size: -1, max_size: -1}}",
            &[
                "sending_queue::batch::flush_timeout: `flush_timeout` must be positive, found 0s",
                "sending_queue::batch::min_size: `min_size` must be non-negative",
                "sending_queue::batch::max_size: `max_size` must be non-negative",
            ],
        ),
        (
            "sending_queue: {batch: {max_size: 5}}",
            &[
                "sending_queue::batch::max_size: `max_size` (5) must be greater or equal to \
               `min_size` (8192)",
            ],
        ),
        (
            "sending_queue: {batch: {partition: {metadata_keys: [a, B, b]}}}",
            &[
                "sending_queue::batch::partition::metadata_keys[2]: duplicate entry in \
               metadata_keys: \"b\" (case-insensitive)",
            ],
        ),
    ]);
}

#[test]
fn a_batch_takes_over_the_sizer_of_its_queue() {
    for (text, expected) in [
        ("sending_queue: {batch: {}}", Sizer::Items),
        ("sending_queue: {sizer: bytes, batch: {}}", Sizer::Bytes),
        (
            "sending_queue: {sizer: bytes, batch: {sizer: items}}",
            Sizer::Items,
        ),
        ("sending_queue: {sizer: bytes, batch: }", Sizer::Items),
    ] {
        let mut faults = config::Faults::new();
        let root = crate::kit::load_text(text, &mut faults).expect("YAML");
        let exporter: Exporter = config::decode(&root, "x", &mut faults).expect("no fault");
        let queue = exporter.sending_queue.into_option().expect("on");
        assert_eq!(queue.batch.as_ref().expect("on").sizer, expected, "{text}");
    }
}

#[test]
fn retries_refuse_what_the_collector_refuses() {
    check::<Retry>(&[
        ("max_elapsed_time: 0", &[]),
        ("{enabled: false, multiplier: -1}", &[]),
        (
            "{initial_interval: -1s, randomization_factor: 2, multiplier: -1}",
            &[
                "initial_interval: initial_interval value must be greater than or equal to 0",
                "multiplier: multiplier value must be greater than or equal to 0",
                "randomization_factor: randomization_factor value must be less than or equal to 1",
            ],
        ),
        (
            "max_elapsed_time: 1s",
            &[
                "max_elapsed_time: 'max_elapsed_time' must not be less than 'initial_interval'",
                "max_elapsed_time: 'max_elapsed_time' must not be less than 'max_interval'",
            ],
        ),
    ]);
    check::<Timeout>(&[
        ("timeout: 0s", &[]),
        ("timeout: -1s", &["timeout: 'timeout' must be non-negative"]),
    ]);
}

#[test]
fn servers_listen_on_a_host_and_a_port() {
    check::<GrpcServer>(&[
        ("endpoint: 0.0.0.0:4317", &[]),
        (
            "endpoint: 4317",
            &["endpoint: expected a string, found an integer `4317`"],
        ),
        (
            "endpoint: localhost",
            &["endpoint: address localhost: missing port in address"],
        ),
        ("transport: tcp6", &[]),
        (
            "transport: carrier",
            &["transport: unsupported transport type \"carrier\""],
        ),
        ("{transport: unix, endpoint: /run/otlp.sock}", &[]),
        ("endpoint: unix:///run/otlp.sock", &[]),
        (
            "{transport: unix, endpoint: ''}",
            &["endpoint: the path of a unix socket cannot be empty"],
        ),
        (
            "transport: unixgram",
            &[
                "transport: the transport \"unixgram\" carries no connections that a server could \
                 accept here: use tcp, tcp4, tcp6 or unix",
            ],
        ),
        (
            "tls: {cert_file: a}",
            &[
                "tls: TLS configuration must include both certificate and key \
               (CertFile/CertPem and KeyFile/KeyPem)",
            ],
        ),
        (
            "middlewares: [{id: limiter}]",
            &[
                "middlewares[0]: middleware \"limiter\": known to the Collector, not in this build, \
               which has no extension that could be one; take it out of the file",
            ],
        ),
        ("middlewares: []", &[]),
        (
            "keepalive: {enforcement_policy: {min_time: 10s}, server_parameters: {time: 1m}}",
            &[],
        ),
        (
            "max_recv_msg_size_mib: 64MiB",
            &["max_recv_msg_size_mib: expected an integer, found a string `64MiB`"],
        ),
    ]);
    check::<HttpServer>(&[
        ("endpoint: ':4318'", &[]),
        ("compression_algorithms: []", &[]),
        (
            "compression_algorithms: [gzip, brotli]",
            &["compression_algorithms[1]: unsupported compression type \"brotli\""],
        ),
        (
            "idle_timeout: -1s",
            &["idle_timeout: 'idle_timeout' must be non-negative"],
        ),
        (
            "cors: {allowed_origins: ['https://*.example.com'], max_age: 7200}",
            &[],
        ),
    ]);
}

#[test]
fn request_limits_are_ours_unless_set() {
    let grpc = |mib| GrpcServer {
        max_recv_msg_size_mib: mib,
        ..GrpcServer::default()
    };
    assert_eq!(grpc(0).request_bytes_max(), 64 << 20);
    assert_eq!(grpc(4).request_bytes_max(), 4 << 20);
    let http = |bytes| HttpServer {
        max_request_body_size: bytes,
        ..HttpServer::default()
    };
    assert_eq!(http(0).request_bytes_max(), 64 << 20);
    assert_eq!(http(-1).request_bytes_max(), 64 << 20);
    assert_eq!(http(5).request_bytes_max(), 5);
}

#[test]
fn clients_need_an_address_they_can_reach() {
    check::<GrpcClient>(&[
        ("endpoint: tempo:4317", &[]),
        ("endpoint: 'http://tempo:4317'", &[]),
        ("endpoint: 'https://tempo:4317'", &[]),
        ("endpoint: 'dns:///tempo:4317'", &[]),
        ("endpoint: 'unix:///run/tempo.sock'", &[]),
        (
            "endpoint: 'https://me:secret@tempo:4317'",
            &["endpoint: an endpoint has no credentials: give them by `auth` or `headers`"],
        ),
        (
            "endpoint: 'unix://tempo.sock'",
            &["endpoint: a unix socket has an absolute path: unix:///path"],
        ),
        (
            "headers: {}",
            &[r#"endpoint: requires a non-empty "endpoint""#],
        ),
        (
            "endpoint: tempo",
            &["endpoint: address tempo: missing port in address"],
        ),
        (
            "endpoint: tempo:grpc",
            &[r#"endpoint: invalid port "grpc", a number up to 65535"#],
        ),
        (
            "{endpoint: 'a:1', balancer_name: random}",
            &["balancer_name: invalid balancer_name: random"],
        ),
        (
            "{endpoint: 'a:1', compression: brotli}",
            &[concat!(
                r#"compression: unsupported compression type "brotli", one of `none`, `gzip`, "#,
                "`zstd`, `snappy`, `x-snappy-framed`, `zlib`, `deflate`, `lz4`"
            )],
        ),
        (
            "{endpoint: 'a:1', compression: lz4}",
            &[r#"compression: unsupported compression type "lz4" for gRPC"#],
        ),
    ]);
    check::<HttpClient>(&[
        ("{compression: zstd, compression_params: {level: 3}}", &[]),
        (
            "{compression: gzip, compression_params: {level: 12}}",
            &[
                "compression_params::level: unsupported parameters {Level:12} for compression type \
               \"gzip\"",
            ],
        ),
        ("compression: none", &[]),
        ("compression: ''", &[]),
        ("proxy_url: 'http://me:secret@proxy:3128'", &[]),
        (
            "proxy_url: 'me:secret@proxy:3128'",
            &["proxy_url: it is written as http://host:port"],
        ),
        (
            "proxy_url: 'socks5://proxy'",
            &["proxy_url: no proxy of the kind \"socks5\" in this build, only http and https"],
        ),
        ("proxy_url: 'https://:443'", &["proxy_url: it has no host"]),
    ]);
}

#[test]
fn cookies_are_not_kept_and_that_is_said() {
    check_warnings::<HttpClient>(&[
        ("cookies: {enabled: false}", &[]),
        (
            "cookies: {enabled: true}",
            &[
                "cookies::enabled: this build keeps no cookies: a load balancer that relies on \
               them sees each request as a new client's",
            ],
        ),
    ]);
}

#[test]
fn a_client_keeps_the_smaller_number_of_idle_connections() {
    let client = |all, host| HttpClient {
        max_idle_conns: all,
        max_idle_conns_per_host: host,
        ..HttpClient::default()
    };
    assert_eq!(HttpClient::default().idle_max(), Some(100));
    assert_eq!(client(0, 0).idle_max(), None);
    assert_eq!(client(5, 0).idle_max(), Some(5));
    assert_eq!(client(5, 2).idle_max(), Some(2));
}

#[test]
fn tls_names_each_file_once() {
    check::<TlsClient>(&[
        ("insecure: true", &[]),
        (
            "{cert_file: a, key_file: b, ca_file: c, min_version: '1.2'}",
            &[],
        ),
        (
            "{ca_file: a, ca_pem: b}",
            &["ca_pem: provide either a CA file or the PEM-encoded string, but not both"],
        ),
        (
            "cert_file: a",
            &[": TLS configuration must include both certificate and key \
               (CertFile/CertPem and KeyFile/KeyPem)"],
        ),
        (
            "{min_version: '1.3', max_version: '1.2'}",
            &[
                "min_version: invalid TLS configuration: min_version cannot be greater than \
               max_version",
            ],
        ),
        ("reload_interval: 1h", &[]),
        ("tpm: {enabled: false}", &[]),
        (
            "tpm: {enabled: true, path: /dev/tpmrm0}",
            &[
                "tpm::enabled: this build has no access to a TPM: give the key as `key_file` or \
                 `key_pem`",
            ],
        ),
        (
            "min_version: '1.4'",
            &["min_version: unsupported TLS version: \"1.4\""],
        ),
        (
            "min_version: 1.2",
            &["min_version: expected a string, found a number `1.2`"],
        ),
    ]);
}

#[test]
fn a_tls_server_has_a_certificate_and_takes_no_key_for_what_it_is_not() {
    let both = "TLS configuration must include both certificate and key";
    let one = format!(": {both} (CertFile/CertPem and KeyFile/KeyPem)");
    let none = format!(": {both} for server connections");
    check::<TlsServer>(&[
        ("{cert_file: a, key_file: b}", &[]),
        (
            "{cert_file: a, key_pem: b, client_ca_file: c, client_ca_file_reload: true}",
            &[],
        ),
        ("client_ca_file: c", &[&none]),
        ("cert_file: a", &[&one]),
        (
            "{cert_file: a, key_file: b, insecure: true}",
            &["insecure: unknown key `insecure`"],
        ),
    ]);
    check_warnings::<TlsServer>(&[
        ("{cert_file: a, key_file: b}", &[]),
        (
            "{cert_file: a, key_file: b, ca_file: c}",
            &["ca_file: has no effect on a server: its clients are verified by `client_ca_file`"],
        ),
    ]);
}

#[test]
fn what_our_tls_cannot_do_is_said() {
    let left_out = |at: u32, name: &str| {
        format!("cipher_suites[{at}]: {name} is not in this build and is left out")
    };
    let cbc = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA";
    let rc4 = "TLS_RSA_WITH_RC4_128_SHA";
    check_warnings::<TlsClient>(&[
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            &[],
        ),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", &[]),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, \
             TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]",
            &[&left_out(1, cbc)],
        ),
        (
            "{include_insecure_cipher_suites: true, min_version: '1.3', \
             cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}",
            &[&left_out(0, rc4)],
        ),
        (
            "curve_preferences: [X25519MLKEM768, X25519]",
            &["curve_preferences[0]: X25519MLKEM768 is not in this build and is left out"],
        ),
        (
            "min_version: '1.0'",
            &[
                "min_version: this build speaks TLS 1.2 and 1.3 only: peers that know no newer than \
               1.1 are refused",
            ],
        ),
    ]);
    let none_left = "cipher_suites: no cipher suite of TLS 1.2 is left: name one that this build \
                     has, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or set min_version to \
                     \"1.3\"";
    check::<TlsClient>(&[
        (
            "cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
            &[
                "cipher_suites[0]: invalid TLS cipher suite: \"TLS_RSA_WITH_RC4_128_SHA\", which is \
               insecure",
            ],
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265]",
            &["cipher_suites[0]: invalid TLS cipher suite: \
               \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265\" (did you mean \
               `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`?)"],
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]",
            &[none_left],
        ),
        (
            "{max_version: '1.2', cipher_suites: [TLS_AES_128_GCM_SHA256]}",
            &[none_left],
        ),
        (
            "curve_preferences: [P-256]",
            &["curve_preferences[0]: invalid curve type: \"P-256\" (did you mean `P256`?)"],
        ),
        (
            "curve_preferences: [P521]",
            &[
                "curve_preferences: none of these curves is in this build: name X25519, P256 or P384",
            ],
        ),
        (
            "{min_version: '1.0', max_version: '1.1'}",
            &["max_version: this build speaks TLS 1.2 and 1.3 only"],
        ),
    ]);
}

#[test]
fn what_a_server_cannot_honour_is_a_warning() {
    check_warnings::<HttpServer>(&[
        (
            "cors: {allowed_headers: [x-token]}",
            &[
                "cors::allowed_headers: The CORS configuration specifies allowed headers but no \
               allowed origins, and is therefore ignored.",
            ],
        ),
        (
            "cors: {allowed_origins: ['*']}",
            &[
                "cors::allowed_origins[0]: browsers do not send credentials to a server that allows \
               every origin: name them, such as https://*.example.com",
            ],
        ),
        (
            "dialer: {timeout: 1s}",
            &["dialer: has no effect on a server, which dials nobody"],
        ),
        ("dialer: {}", &[]),
    ]);
}
