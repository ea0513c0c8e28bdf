//! HTTP/1.1 by hand, so that a test can send what no library would.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::PATIENCE;
use super::exchange::Reply;

/// One request, as bytes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: tracegate\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    request("GET", path, &[], b"")
}

/// A POST of an OTLP request in binary protobuf.
pub(crate) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let protobuf = [("content-type", "application/x-protobuf")];
    request("POST", path, &protobuf, body)
}

/// Sends one request over a connection of its own and reads the reply.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Reply {
    let mut connection = Connection::open(address);
    // A server may answer and close before it has read everything; then the reply says why.
    let _ = connection.send(request);
    connection.reply().unwrap()
}

pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        // A peer that has closed already knows.
        let _ = self.0.shutdown(std::net::Shutdown::Write);
    }

    /// Whether anything has been answered by now.
    pub(crate) fn has_reply(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        peeked.is_ok()
    }

    /// The next reply; an error when the connection ends before it is whole.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let (status, headers) = parse(&String::from_utf8(head).unwrap());
        let length = headers.get("content-length");
        let length = length.map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Reply {
            status,
            headers,
            body,
            trailers: HeaderMap::new(),
        })
    }

    /// Waits until the peer closes; everything that it said until then.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("still open: {error}"),
        }
    }
}

fn parse(head: &str) -> (u16, HeaderMap) {
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        )
    });
    (status.parse().unwrap(), headers.collect())
}
