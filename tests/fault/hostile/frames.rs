//! HTTP/2 frame by frame, so that a test can send what no library would.
//! Sources: RFC 9113 §4 and §6, RFC 7541 §6.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::EXPORT;
use crate::rig::PATIENCE;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const FLOW_CONTROL_ERROR: u32 = 3;
pub(super) const FRAME_SIZE_ERROR: u32 = 6;
pub(super) const COMPRESSION_ERROR: u32 = 9;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// A ping of ours that ends a flood: its answer says that all before it has been read.
const LAST: &[u8; 8] = b"the last";

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Told to go, with this error.
    Goaway(u32),
    /// Closed without a word.
    Closed,
    /// Everything has been read, and the connection is alive.
    Endured,
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The number of the client's stream.
pub(super) const fn stream(nth: u32) -> u32 {
    2 * nth + 1
}

/// The header fields of an export over gRPC, encoded.
pub(super) fn export() -> Vec<u8> {
    // POST and http stand in the static table.
    let mut block = vec![0x83, 0x86];
    block.extend(field(":path", EXPORT));
    block.extend(field(":authority", "tracegate"));
    block.extend(field("content-type", "application/grpc"));
    block.extend(field("te", "trailers"));
    block
}

/// A literal field that no table keeps.
pub(super) fn field(name: &str, value: &str) -> Vec<u8> {
    literal(0, name, value)
}

/// A literal field that goes into the peer's table.
pub(super) fn kept(name: &str, value: &str) -> Vec<u8> {
    literal(0x40, name, value)
}

fn literal(first: u8, name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![first];
    for text in [name, value] {
        // An integer with a prefix of seven bits.
        match text.len() {
            short @ ..127 => out.push(short as u8),
            long => {
                out.push(127);
                otlp::wire::put_varint(&mut out, long as u64 - 127);
            }
        }
        out.extend(text.as_bytes());
    }
    out
}

/// Sends a preface, settings and these frames, reads all answers, and says how it ended.
pub(super) fn flood(address: SocketAddr, frames: &[u8]) -> End {
    let mut connection = open(address);
    let mut writing = connection.try_clone().unwrap();
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    bytes.extend(frames);
    bytes.extend(frame(PING, 0, 0, LAST));
    // A peer that has had enough resets the connection; what it said before is what counts.
    let writer = std::thread::spawn(move || drop(writing.write_all(&bytes)));
    let end = end(&mut connection);
    drop(connection.shutdown(std::net::Shutdown::Both));
    writer.join().unwrap();
    end
}

pub(super) fn open(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_write_timeout(Some(PATIENCE)).unwrap();
    connection
}

/// Reads frames until one of them, or their end, says what became of the connection.
fn end(connection: &mut TcpStream) -> End {
    let mut reader = std::io::BufReader::new(connection);
    loop {
        let mut head = [0; 9];
        let mut payload = Vec::new();
        let read = reader.read_exact(&mut head).and_then(|()| {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            payload.resize(length as usize, 0);
            reader.read_exact(&mut payload)
        });
        match read {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer: {error}"),
            Err(_) => return End::Closed,
        }
        match head[3] {
            GOAWAY => {
                let code = payload[4..8].try_into().unwrap();
                return End::Goaway(u32::from_be_bytes(code));
            }
            PING if head[4] & ACK != 0 && payload == LAST => return End::Endured,
            _ => {}
        }
    }
}

/// Waits until the peer closes.
pub(super) fn closed(name: &str, connection: &mut TcpStream, within: Duration) {
    connection.set_read_timeout(Some(within)).unwrap();
    let mut sink = [0; 4096];
    loop {
        match connection.read(&mut sink) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("{name}: still open after {within:?}: {error}"),
        }
    }
}
