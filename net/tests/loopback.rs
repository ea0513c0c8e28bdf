//! Servers and clients of this crate over real sockets, on time that passes when nobody has anything to do.
// Clippy knows a test by its attribute; its helpers may panic all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::blocks::Transport;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use ledger::Budget;
use net::body::{self, BodyFault};
use net::client::{ChunkBody, Chunks, Client, Target};
use net::{Address, Answer, Listener, PingPolicy, Protocol, Settings, tail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn on_worker(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap()
        .block_on(test);
}

fn settings(protocol: Protocol) -> Settings {
    Settings::of(protocol)
}

fn tcp(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        Address::Unix(path) => panic!("{path} is no TCP"),
    }
}

/// A server that reads each body and answers with it.
struct Echo {
    address: Address,
    /// Connections that it has taken.
    connections: Rc<Cell<usize>>,
    /// How the bodies ended that could not be read.
    faults: Rc<RefCell<Vec<String>>>,
    /// Ends every connection gracefully.
    drain: Rc<Notify>,
}

impl Echo {
    fn start(settings: Settings) -> Self {
        Self::with(settings, 1 << 20, Budget::new(1 << 30))
    }

    fn on(endpoint: &str, transport: Transport, settings: Settings) -> Self {
        let listener = Listener::bind(endpoint, transport).unwrap();
        Self::listening(listener, settings, 1 << 20, Budget::new(1 << 30))
    }

    fn with(settings: Settings, cap: usize, budget: Arc<Budget>) -> Self {
        let listener = Listener::bind("127.0.0.1:0", Transport::Tcp).unwrap();
        Self::listening(listener, settings, cap, budget)
    }

    fn listening(listener: Listener, settings: Settings, cap: usize, budget: Arc<Budget>) -> Self {
        let echo = Self {
            address: listener.address().clone(),
            connections: Rc::default(),
            faults: Rc::default(),
            drain: Rc::default(),
        };
        let (count, faults, drain) = (
            Rc::clone(&echo.connections),
            Rc::clone(&echo.faults),
            Rc::clone(&echo.drain),
        );
        let settings = Rc::new(settings);
        let handle = move |request: Request<Incoming>| {
            let (lease, faults) = (budget.lease(), Rc::clone(&faults));
            async move {
                match body::read(request.into_body(), lease, cap).await {
                    Ok(received) => Response::new(Answer::new(received.into_bytes())),
                    Err(fault) => {
                        faults.borrow_mut().push(name(&fault).to_owned());
                        let mut response = Response::new(Answer::empty());
                        *response.status_mut() = http::StatusCode::BAD_REQUEST;
                        response
                    }
                }
            }
        };
        let seat = listener.seats(1).pop().unwrap();
        let serve = move |accepted| {
            count.set(count.get() + 1);
            let (settings, handle, drain) =
                (Rc::clone(&settings), handle.clone(), Rc::clone(&drain));
            tokio::task::spawn_local(async move {
                let farewell = net::Farewell {
                    leaving: drain.notified(),
                    draining: drain.notified(),
                };
                net::serve(accepted, settings, handle, farewell).await;
            });
        };
        tokio::task::spawn_local(seat.serve(serve, std::future::pending::<()>()));
        echo
    }

    fn tcp(&self) -> SocketAddr {
        tcp(&self.address)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.tcp()).await.unwrap()
    }
}

fn name(fault: &BodyFault) -> &'static str {
    match fault {
        BodyFault::TooLarge { .. } => "too large",
        BodyFault::Exhausted => "exhausted",
        BodyFault::TooSlow => "too slow",
        BodyFault::Broken(_) => "broken",
    }
}

/// Writes a request and reads the head and body of its answer, whose length must be that of the request's body.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), body: &str) -> String {
    let length = body.len();
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(stream).await
}

async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).await.unwrap();
        answer.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&answer);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| length.parse() == Ok(body.len()))
        });
        if n == 0 || whole {
            return text.into_owned();
        }
    }
}

/// A frame of HTTP/2 on the connection itself.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u8;
    [&[0, 0, length, kind, 0, 0, 0, 0, 0], payload].concat()
}

const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const PING: u8 = 6;

/// How long it takes until the peer closes the connection.
async fn closed(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    began.elapsed()
}

// === the server ===

#[test]
fn a_connection_that_says_nothing_is_cut() {
    for protocol in [Protocol::Http2, Protocol::Auto] {
        on_worker(async {
            let echo = Echo::start(settings(protocol));
            let silence = closed(&mut echo.connect().await).await;
            assert!((10 * SECOND..11 * SECOND).contains(&silence), "{silence:?}");
        });
    }
}

#[test]
fn a_connection_may_rest_between_requests_for_longer_than_a_header_may_take() {
    on_worker(async {
        let echo = Echo::start(settings(Protocol::Auto));
        let mut stream = echo.connect().await;
        for _ in 0..3 {
            assert!(ask(&mut stream, "hello").await.ends_with("hello"));
            tokio::time::sleep(100 * SECOND).await;
        }
        assert_eq!(echo.connections.get(), 1);
    });
}

#[test]
fn half_a_header_is_cut_also_behind_a_whole_request() {
    for first in [false, true] {
        on_worker(async {
            let echo = Echo::start(settings(Protocol::Auto));
            let mut stream = echo.connect().await;
            if first {
                ask(&mut stream, "hello").await;
            }
            stream.write_all(b"POST / HTTP/1.1\r\nhost:").await.unwrap();
            let wait = closed(&mut stream).await;
            assert!((10 * SECOND..16 * SECOND).contains(&wait), "{wait:?}");
        });
    }
}

#[test]
fn a_client_that_pings_too_often_is_told_to_be_calm_and_left() {
    on_worker(async {
        let policy = PingPolicy {
            min_time: 10 * SECOND,
            without_stream: true,
        };
        let echo = Echo::start(Settings {
            pings: Some(policy),
            ..settings(Protocol::Http2)
        });
        for (apart, expected) in [(9 * SECOND, true), (10 * SECOND, false)] {
            let mut stream = echo.connect().await;
            let hello = [H2_PREFACE, &frame(SETTINGS, &[])].concat();
            stream.write_all(&hello).await.unwrap();
            let mut said = Vec::new();
            for _ in 0..6 {
                // Whoever is cut off cannot write any more.
                let _ = stream.write_all(&frame(PING, &[0; 8])).await;
                let pause = tokio::time::timeout(apart, stream.read_to_end(&mut said));
                let _ = pause.await;
            }
            // GOAWAY, no stream, ENHANCE_YOUR_CALM.
            let calm = b"\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo_many_pings";
            assert_eq!(said.ends_with(calm), expected, "{apart:?}: {said:?}");
        }
    });
}

#[test]
fn a_flood_of_settings_or_pings_ends_the_connection() {
    for (kind, payload) in [(SETTINGS, &[][..]), (PING, &[0; 8])] {
        on_worker(async {
            let echo = Echo::start(settings(Protocol::Auto));
            let mut stream = echo.connect().await;
            let flood = frame(kind, payload).repeat(2000);
            let hello = [H2_PREFACE, &frame(SETTINGS, &[]), &flood].concat();
            // The server may be gone before all is written.
            let _ = stream.write_all(&hello).await;
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
            assert!(said.ends_with(b"too_many_control_frames"), "{}", said.len());
        });
    }
}

#[test]
fn requests_are_taken_on_a_unix_socket_too() {
    on_worker(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.sock");
        let endpoint = path.to_str().unwrap().to_owned();
        let echo = Echo::on(&endpoint, Transport::Unix, settings(Protocol::Auto));
        for _ in 0..2 {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            assert!(ask(&mut stream, "hello").await.ends_with("hello"));
        }
        assert_eq!(echo.connections.get(), 2);
    });
}

#[test]
fn a_preface_that_comes_in_parts_is_one_of_http2() {
    on_worker(async {
        let echo = Echo::start(settings(Protocol::Auto));
        let mut stream = echo.connect().await;
        for part in H2_PREFACE.chunks(5) {
            stream.write_all(part).await.unwrap();
            tokio::time::sleep(SECOND / 2).await;
        }
        // An empty SETTINGS frame.
        stream
            .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
            .await
            .unwrap();
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "the server's SETTINGS");
    });
}

#[test]
fn half_a_preface_is_cut() {
    for protocol in [Protocol::Http2, Protocol::Auto] {
        on_worker(async {
            let echo = Echo::start(settings(protocol));
            let mut stream = echo.connect().await;
            stream.write_all(b"P").await.unwrap();
            let wait = closed(&mut stream).await;
            assert!((10 * SECOND..11 * SECOND).contains(&wait), "{wait:?}");
        });
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_connection_ends() {
    on_worker(async {
        let echo = Echo::start(settings(Protocol::Auto));
        let mut stream = echo.connect().await;
        let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab";
        stream.write_all(head).await.unwrap();
        tokio::time::sleep(SECOND).await;
        echo.drain.notify_waiters();
        tokio::time::sleep(3 * SECOND).await;
        stream.write_all(b"cd").await.unwrap();
        assert!(read_answer(&mut stream).await.ends_with("abcd"));
        assert!(closed(&mut stream).await < 2 * SECOND);
    });
}

// === bodies ===

#[test]
fn a_body_that_keeps_coming_is_read_however_long_it_takes() {
    on_worker(async {
        let echo = Echo::start(settings(Protocol::Auto));
        let mut stream = echo.connect().await;
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            60 * 2048
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..60 {
            tokio::time::sleep(SECOND).await;
            stream.write_all(&[b'x'; 2048]).await.unwrap();
        }
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    });
}

/// A body of which this much is sent at once, and nothing more.
async fn check_fault(cap: usize, budget: u64, sent: usize, fault: &str, after: Duration) {
    let echo = Echo::with(settings(Protocol::Auto), cap, Budget::new(budget));
    let mut stream = echo.connect().await;
    let began = Instant::now();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(&vec![b'x'; sent]).await.unwrap();
    assert!(
        read_answer(&mut stream).await.starts_with("HTTP/1.1 400"),
        "{fault}"
    );
    let took = began.elapsed();
    assert!(
        (after..after + SECOND).contains(&took),
        "{fault} after {took:?}"
    );
    assert_eq!(*echo.faults.borrow(), [fault]);
}

#[test]
fn a_body_that_stops_or_passes_its_bounds_is_given_up() {
    const MANY: usize = 1 << 20;
    on_worker(async {
        check_fault(MANY, 1 << 30, 0, "too slow", 10 * SECOND).await;
        // Each 1,024 bytes buy a second more.
        check_fault(MANY, 1 << 30, 5 * 1024, "too slow", 15 * SECOND).await;
        check_fault(1000, 1 << 30, 1001, "too large", Duration::ZERO).await;
        check_fault(MANY, 1000, 1001, "exhausted", Duration::ZERO).await;
    });
}

// === the client ===

fn client(host: &str, port: u16, h2: bool) -> Client {
    let target = Target::Tcp {
        host: host.to_owned(),
        port,
    };
    Client::new(net::client::Settings {
        h2,
        idle_timeout: Some(90 * SECOND),
        round_robin: true,
        ..net::client::Settings::new(target)
    })
}

/// Sends two chunks; whether they came back as one.
async fn echoes(client: &Client) -> bool {
    let chunks: Chunks = ["ab", "cd"]
        .into_iter()
        .map(|c| Bytes::from_static(c.as_bytes()))
        .collect();
    let mut request = Request::new(ChunkBody::new(chunks));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = Uri::from_static("http://back.end/path");
    request
        .headers_mut()
        .insert("host", http::HeaderValue::from_static("back.end"));
    let Ok(mut answered) = client.send(request).await else {
        return false;
    };
    let body = tail::read(answered.response.body_mut(), 100)
        .await
        .unwrap()
        .body;
    client.reuse(answered);
    body == "abcd"
}

#[test]
fn requests_one_after_the_other_share_a_connection() {
    for h2 in [false, true] {
        on_worker(async {
            let echo = Echo::start(settings(Protocol::Auto));
            let client = client("127.0.0.1", echo.tcp().port(), h2);
            for _ in 0..5 {
                assert!(echoes(&client).await);
            }
            assert_eq!(echo.connections.get(), 1, "h2: {h2}");
        });
    }
}

#[test]
fn requests_at_the_same_time_share_one_connection_over_http2() {
    on_worker(async {
        let echo = Echo::start(settings(Protocol::Http2));
        let client = Rc::new(client("127.0.0.1", echo.tcp().port(), true));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let client = Rc::clone(&client);
            all.spawn_local(async move { echoes(&client).await });
        }
        assert!(all.join_all().await.into_iter().all(|came_back| came_back));
        assert_eq!(echo.connections.get(), 1);
    });
}

#[test]
fn a_connection_that_the_server_has_closed_is_made_again_without_a_failure() {
    for h2 in [false, true] {
        on_worker(async {
            let echo = Echo::start(settings(Protocol::Auto));
            let client = client("127.0.0.1", echo.tcp().port(), h2);
            for round in 1..4 {
                assert!(echoes(&client).await, "h2: {h2}, round {round}");
                assert_eq!(echo.connections.get(), round);
                echo.drain.notify_waiters();
                tokio::time::sleep(5 * SECOND).await;
            }
        });
    }
}

#[test]
fn nobody_at_home_is_a_fault_that_names_the_address() {
    on_worker(async {
        let port = tcp(Listener::bind("127.0.0.1:0", Transport::Tcp)
            .unwrap()
            .address())
        .port();
        for h2 in [false, true] {
            let client = client("127.0.0.1", port, h2);
            let request = Request::new(ChunkBody::new(Chunks::default()));
            let Err(fault) = client.send(request).await else {
                panic!("somebody answered");
            };
            assert!(
                fault.to_string().contains(&format!("127.0.0.1:{port}")),
                "{fault}"
            );
        }
    });
}
