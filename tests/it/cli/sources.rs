//! Configurations that come from elsewhere, and queues that were to be on disk.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::tracegate;
use crate::rig::Service;

const VALID: &str = "\
receivers: {otlp: {protocols: {grpc: }}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
";

/// Answers one request with these bytes; gives its address, and in the end the request's head.
fn page(answer: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<_> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        // Whoever has read enough hangs up.
        let _ = stream.write_all(&answer);
        head.join("\n").to_lowercase()
    });
    (address, serving)
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

#[test]
fn a_page_is_a_configuration() {
    let (address, serving) = page(ok(VALID));
    let uri = format!("http://{address}/collector.yaml?a=b");
    let ended = tracegate(&["validate", "--config", &uri]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let head = serving.join().unwrap();
    assert!(
        head.starts_with("get /collector.yaml?a=b http/1.1\n"),
        "{head}"
    );
    assert!(head.contains(&format!("host: {address}")), "{head}");
}

#[test]
fn a_page_may_be_a_part_of_one() {
    let (address, serving) = page(ok("{nop: , nop/2: }"));
    let uri = format!("yaml:exporters: ${{http://{address}/exporters}}");
    let ended = tracegate(&[
        "print-config",
        "--config",
        &format!("yaml:{VALID}"),
        "--config",
        &uri,
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("nop/2"), "{}", ended.out);
    serving.join().unwrap();
}

#[test]
fn what_a_page_answers_instead_is_said_without_credentials() {
    let check = |answer: Vec<u8>, expected: &str| {
        let (address, serving) = page(answer);
        let uri = format!("http://me:secret@{address}/c?token=secret");
        let ended = tracegate(&["validate", "--config", &uri]);
        let fault = format!("error: unable to fetch http://{address}/c?…: {expected}");
        assert!(
            ended.err.contains(&fault),
            "{fault} is not in\n{}",
            ended.err
        );
        assert!(!ended.err.contains("secret"), "{}", ended.err);
        let head = serving.join().unwrap();
        // `me:secret`
        assert!(head.contains("authorization: basic bwu6c2vjcmv0"), "{head}");
    };
    check(
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "the server answered 404 Not Found",
    );
    check(
        b"HTTP/1.1 301 Moved Permanently\r\nLocation: /d\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "the server answered 301 Moved Permanently",
    );
    let mut large = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    large.resize((16 << 20) + 1_000, b' ');
    check(large, "the answer is larger than 16777216 bytes");
    check(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff".to_vec(),
        "it is no UTF-8 text",
    );
}

#[test]
fn a_page_that_nobody_serves_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let ended = tracegate(&["validate", "--config", &format!("http://{address}/c")]);
    let fault = format!("unable to fetch http://{address}/c: cannot connect to {address}");
    assert!(ended.err.contains(&fault), "{}", ended.err);
}

#[test]
fn queues_that_were_to_be_on_disk_are_counted_where_they_may_be_in_memory() {
    let yaml = "
extensions: {file_storage: {directory: /nowhere}}
receivers: {otlp: {protocols: {grpc: {endpoint: \"127.0.0.1:0\"}}}}
exporters:
  otlp_grpc: {endpoint: \"127.0.0.1:1\", tls: {insecure: true}, sending_queue: {storage: file_storage}}
  otlp_grpc/2: {endpoint: \"127.0.0.1:1\", tls: {insecure: true}, sending_queue: {storage: file_storage}}
service:
  extensions: [file_storage]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc, otlp_grpc/2]}}
";
    let ended = tracegate(&["validate", "--config", &format!("yaml:{yaml}")]);
    assert_eq!(
        (ended.code, ended.err.matches("error: ").count()),
        (Some(1), 3)
    );
    let service = Service::start_with(yaml, &["--allow-volatile-queues"]);
    assert_eq!(service.page().sum("tracegate_volatile_queues", &[]), 2);
    service.stop();
}
