//! Answers as they stand on the wire, against the published messages.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceResponse, metrics::v1::ExportMetricsServiceResponse,
    trace::v1::ExportTraceServiceResponse,
};
use prost::Message as _;

use super::*;

// === Success ===

#[test]
fn full_success_is_no_reservation_in_every_form() {
    for signal in Signal::ALL {
        for format in [Format::Protobuf, Format::Json] {
            let read = PartialSuccess::decode(signal, format, format.success());
            assert_eq!(read, Ok(None), "{signal} {format:?}");
            assert_eq!(PartialSuccess::decode(signal, format, b""), Ok(None));
        }
    }
    assert_eq!(Format::Protobuf.success(), b"\x0a\x00");
    assert_eq!(Format::Json.success(), br#"{"partialSuccess":{}}"#);
    let over_grpc = ExportTraceServiceResponse::decode(GRPC_SUCCESS).unwrap();
    assert_eq!(over_grpc.partial_success, None);
    let over_http = ExportTraceServiceResponse::decode(Format::Protobuf.success()).unwrap();
    assert_eq!(over_http.partial_success, Some(Default::default()));
}

#[test]
fn partial_success_is_told_per_signal_in_both_formats() {
    let partial = PartialSuccess {
        rejected: 3,
        message: "too \"old\"".into(),
    };
    for (signal, key) in [
        (Signal::Traces, "rejectedSpans"),
        (Signal::Metrics, "rejectedDataPoints"),
        (Signal::Logs, "rejectedLogRecords"),
    ] {
        let json = format!(r#"{{"partialSuccess":{{"{key}":"3","errorMessage":"too \"old\""}}}}"#);
        assert_eq!(partial.encode(signal, Format::Json), json.into_bytes());
        for format in [Format::Protobuf, Format::Json] {
            let read = PartialSuccess::decode(signal, format, &partial.encode(signal, format));
            assert_eq!(read, Ok(Some(partial.clone())));
        }
        let encoded = &partial.encode(signal, Format::Protobuf)[..];
        let (rejected, message) = match signal {
            Signal::Traces => {
                let read = ExportTraceServiceResponse::decode(encoded).unwrap();
                read.partial_success
                    .map(|p| (p.rejected_spans, p.error_message))
            }
            Signal::Metrics => {
                let read = ExportMetricsServiceResponse::decode(encoded).unwrap();
                read.partial_success
                    .map(|p| (p.rejected_data_points, p.error_message))
            }
            Signal::Logs => {
                let read = ExportLogsServiceResponse::decode(encoded).unwrap();
                read.partial_success
                    .map(|p| (p.rejected_log_records, p.error_message))
            }
        }
        .unwrap();
        assert_eq!((rejected, &message[..]), (3, "too \"old\""));
    }
}

#[test]
fn answers_of_other_senders_are_read() {
    let reads = |body: &str, rejected, message: &str| {
        let read = PartialSuccess::decode(Signal::Traces, Format::Json, body.as_bytes());
        assert_eq!(
            read,
            Ok(Some(PartialSuccess {
                rejected,
                message: message.into()
            })),
            "{body}"
        );
    };
    reads(r#"{"partialSuccess":{"rejectedSpans":2}}"#, 2, "");
    reads(
        r#"{"partial_success":{"rejected_spans":"2","error_message":"m"},"x":1}"#,
        2,
        "m",
    );
    reads(
        r#"{"partialSuccess":{"rejectedSpans":0,"errorMessage":"warning"}}"#,
        0,
        "warning",
    );
    reads(
        r#"{"partialSuccess":{"rejectedSpans":-1,"errorMessage":"odd"}}"#,
        0,
        "odd",
    );
    for plain in [
        "{}",
        r#"{"partialSuccess":null}"#,
        r#"{"partialSuccess":{"rejectedSpans":"0"}}"#,
    ] {
        let read = PartialSuccess::decode(Signal::Traces, Format::Json, plain.as_bytes());
        assert_eq!(read, Ok(None), "{plain}");
    }
}

#[test]
fn what_is_no_answer_is_malformed() {
    for (format, body) in [
        (Format::Json, &b"<html>"[..]),
        (Format::Json, b"ok"),
        (
            Format::Json,
            br#"{"partialSuccess":{"rejectedSpans":"many"}}"#,
        ),
        (Format::Json, br#"{"partialSuccess":[]}"#),
        (Format::Protobuf, b"<html>"),
        (Format::Protobuf, b"\x0a\x05"),
        (Format::Protobuf, b"\x0a\x01\x0f"),
        (Format::Protobuf, &[0; MAX_ANSWER + 1]),
    ] {
        let read = PartialSuccess::decode(Signal::Traces, format, body);
        assert!(read.is_err(), "{format:?} {read:?}");
    }
}

#[test]
fn the_text_of_a_peer_is_kept_in_bounds() {
    let long = PartialSuccess {
        rejected: 1,
        message: "é".repeat(10_000),
    };
    for format in [Format::Protobuf, Format::Json] {
        let body = long.encode(Signal::Logs, format);
        let read = PartialSuccess::decode(Signal::Logs, format, &body)
            .unwrap()
            .unwrap();
        assert_eq!(read.message, "é".repeat(KEPT_TEXT));
    }
}

#[test]
fn a_content_type_names_the_format() {
    for (value, format) in [
        ("application/x-protobuf", Some(Format::Protobuf)),
        ("application/json", Some(Format::Json)),
        ("Application/JSON; charset=utf-8", Some(Format::Json)),
        (" application/json ;x=y", Some(Format::Json)),
        ("application/protobuf", None),
        ("text/plain", None),
        ("", None),
    ] {
        assert_eq!(Format::from_content_type(value), format, "{value}");
    }
}

// === Status ===

#[derive(prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Span>,
}

#[derive(prost::Message)]
struct Span {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn info(seconds: i64, nanos: i32) -> Vec<u8> {
    RetryInfo {
        retry_delay: Some(Span { seconds, nanos }),
    }
    .encode_to_vec()
}

#[test]
fn a_status_is_the_message_of_google_rpc() {
    let status = Status::new(Code::Unavailable, "the queue is full")
        .with_retry_after(Duration::from_millis(1500));
    let encoded = status.encode(Format::Protobuf);
    let read = RpcStatus::decode(&encoded[..]).unwrap();
    assert_eq!((read.code, &read.message[..]), (14, "the queue is full"));
    assert_eq!(
        read.details[0].type_url,
        "type.googleapis.com/google.rpc.RetryInfo"
    );
    assert_eq!(read.details[0].value, info(1, 500_000_000));
    assert_eq!(read.encode_to_vec(), encoded);
    assert_eq!(Status::decode(Format::Protobuf, &encoded), Ok(status));

    let plain = Status::new(Code::InvalidArgument, "").encode(Format::Protobuf);
    assert_eq!(plain, b"\x08\x03");
}

#[test]
fn a_status_in_json_has_its_delay_in_seconds() {
    let prints = |delay, expected: &str| {
        let status = Status {
            code: Code::Unavailable,
            message: "a \"b\"".into(),
            retry_after: delay,
        };
        let json = status.encode(Format::Json);
        assert_eq!(String::from_utf8(json.clone()).unwrap(), expected);
        let read = Status::decode(Format::Json, &json).unwrap();
        assert_eq!((read.code, read.message), (status.code, status.message));
    };
    prints(None, r#"{"code":14,"message":"a \"b\""}"#);
    for (delay, text) in [
        (Duration::from_secs(1), "1s"),
        (Duration::ZERO, "0s"),
        (Duration::from_millis(1500), "1.500s"),
        (Duration::from_micros(1), "0.000001s"),
        (Duration::from_nanos(10), "0.000000010s"),
        (Duration::MAX, "315576000000s"),
    ] {
        let detail = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"#;
        let expected =
            format!(r#"{{"code":14,"message":"a \"b\"","details":[{detail}"{text}"}}]}}"#);
        prints(Some(delay), &expected);
    }
}

#[test]
fn a_retry_delay_is_read_in_the_bounds_of_its_type() {
    let longest = Duration::from_secs(315_576_000_000);
    for (seconds, nanos, delay) in [
        (1, 500_000_000, Duration::from_millis(1500)),
        (0, 0, Duration::ZERO),
        (-1, 0, Duration::ZERO),
        (0, -1, Duration::ZERO),
        (i64::MAX, 999_999_999, longest),
    ] {
        assert_eq!(decode_retry_info(&info(seconds, nanos)), Ok(delay));
    }
    assert_eq!(decode_retry_info(b""), Ok(Duration::ZERO));
    assert!(decode_retry_info(&info(0, 1_000_000_000)).is_err());
    assert!(decode_retry_info(b"\x0a\x09").is_err());
    for delay in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(7),
        longest,
    ] {
        assert_eq!(decode_retry_info(&encode_retry_info(delay)), Ok(delay));
    }
    assert_eq!(encode_retry_info(Duration::from_secs(1)), info(1, 0));
}

#[test]
fn details_of_other_types_are_passed_over() {
    let any = |name: &str, value: Vec<u8>| Any {
        type_url: name.into(),
        value,
    };
    let help = any("type.googleapis.com/google.rpc.Help", vec![0xff]);
    let retry = any("type.googleapis.com/google.rpc.RetryInfo", info(2, 0));
    for details in [vec![help.clone(), retry.clone()], vec![retry, help.clone()]] {
        let status = RpcStatus {
            code: 8,
            message: "m".into(),
            details,
        }
        .encode_to_vec();
        let read = Status::decode(Format::Protobuf, &status).unwrap();
        assert_eq!(read.code, Code::ResourceExhausted);
        assert_eq!(read.retry_after, Some(Duration::from_secs(2)));
    }
    let status = RpcStatus {
        code: 8,
        message: String::new(),
        details: vec![help],
    };
    let read = Status::decode(Format::Protobuf, &status.encode_to_vec()).unwrap();
    assert_eq!(read.retry_after, None);
}

#[test]
fn a_broken_status_is_malformed() {
    for (format, body) in [
        (Format::Protobuf, &b"\x12\x05a"[..]),
        (Format::Protobuf, &[0x0a; MAX_ANSWER + 1]),
        (Format::Json, b""),
        (Format::Json, b"upstream connect error"),
        (Format::Json, br#"{"code":"x"}"#),
    ] {
        assert!(Status::decode(format, body).is_err());
    }
}

#[test]
fn retry_after_is_whole_seconds_rounded_up_on_429_and_503() {
    let seconds = |code, delay| {
        Status::new(code, "")
            .with_retry_after(delay)
            .retry_after_seconds()
    };
    assert_eq!(seconds(Code::Unavailable, Duration::from_secs(1)), Some(1));
    assert_eq!(
        seconds(Code::Unavailable, Duration::from_millis(1001)),
        Some(2)
    );
    assert_eq!(seconds(Code::ResourceExhausted, Duration::ZERO), Some(0));
    assert_eq!(seconds(Code::Internal, Duration::from_secs(1)), None);
    assert_eq!(
        Status::new(Code::Unavailable, "").retry_after_seconds(),
        None
    );
}

// === Code ===

#[test]
fn codes_have_their_number_name_and_http_status() {
    for (number, name, http) in [
        (0, "OK", 200),
        (1, "CANCELLED", 503),
        (2, "UNKNOWN", 500),
        (3, "INVALID_ARGUMENT", 400),
        (4, "DEADLINE_EXCEEDED", 503),
        (5, "NOT_FOUND", 500),
        (6, "ALREADY_EXISTS", 500),
        (7, "PERMISSION_DENIED", 403),
        (8, "RESOURCE_EXHAUSTED", 429),
        (9, "FAILED_PRECONDITION", 500),
        (10, "ABORTED", 503),
        (11, "OUT_OF_RANGE", 503),
        (12, "UNIMPLEMENTED", 404),
        (13, "INTERNAL", 500),
        (14, "UNAVAILABLE", 503),
        (15, "DATA_LOSS", 503),
        (16, "UNAUTHENTICATED", 401),
    ] {
        let code = Code::from_number(number);
        assert_eq!(
            (u64::from(code.number()), code.name(), code.http()),
            (number, name, http)
        );
    }
    for strange in [17, 100, u64::MAX] {
        assert_eq!(Code::from_number(strange), Code::Unknown);
    }
}

#[test]
fn an_http_status_means_a_code() {
    for (status, code) in [
        (200, Code::Ok),
        (202, Code::Ok),
        (301, Code::Unknown),
        (400, Code::InvalidArgument),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (408, Code::Unknown),
        (413, Code::Unknown),
        (429, Code::ResourceExhausted),
        (500, Code::Unknown),
        (501, Code::Unknown),
        (502, Code::Unavailable),
        (503, Code::Unavailable),
        (504, Code::Unavailable),
    ] {
        assert_eq!(Code::from_http(status), code, "{status}");
    }
}
