//! Through a proxy that tunnels and forwards.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use net::client::{Client, Proxy, Settings};
use telemetry::metrics::Metrics;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{Authority, Files, Seen, asked, connector, on_worker, plain, secured, to};

/// The heads of the requests that a proxy was sent.
type Heads = Rc<RefCell<Vec<String>>>;

/// Answers CONNECT with `status` and then passes bytes; hands anything else to `backend`.
async fn pass<S>(mut client: S, status: &'static str, backend: SocketAddr, heads: Heads)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let text = String::from_utf8(head.clone()).unwrap();
    heads.borrow_mut().push(text.clone());
    let mut server = TcpStream::connect(backend).await.unwrap();
    if text.starts_with("CONNECT ") {
        // The server's first bytes come with the answer, as they may.
        let answer = format!("HTTP/1.1 {status}\r\nVia: 1.1 test\r\n\r\n");
        client.write_all(answer.as_bytes()).await.unwrap();
        if !status.starts_with('2') {
            return;
        }
    } else {
        server.write_all(&head).await.unwrap();
    }
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// A proxy before one back end, spoken to in plain text or by TLS.
async fn proxy(
    status: &'static str,
    backend: SocketAddr,
    tls: Option<net::tls::Server>,
) -> (SocketAddr, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Heads::default();
    let seen = Rc::clone(&heads);
    tokio::task::spawn_local(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (tls, seen) = (tls.clone(), Rc::clone(&seen));
            tokio::task::spawn_local(async move {
                match tls {
                    None => pass(stream, status, backend, seen).await,
                    Some(tls) => {
                        let accepted = tls.accept(stream, peer).await.unwrap();
                        pass(accepted.stream, status, backend, seen).await;
                    }
                }
            });
        }
    });
    (address, heads)
}

const CREDENTIALS: &str = "Basic bWU6c2VjcmV0";

fn with_credentials(scheme: &str, address: SocketAddr) -> Proxy {
    Proxy::parse(&format!("{scheme}://me:secret@{address}")).unwrap()
}

#[test]
fn grpc_and_https_go_through_a_tunnel() {
    on_worker(async {
        let authority = Authority::new();
        let files = Files::new(&authority, 3000);
        for (h2, tls) in [(true, false), (true, true), (false, true)] {
            let seen = Seen::default();
            let server = files.server(net::Protocol::Auto, &Metrics::default());
            let backend = match tls {
                true => secured(server, h2, &seen).await,
                false => plain(h2, Duration::ZERO, &seen).await,
            };
            let (address, heads) = proxy("200 Connection established", backend, None).await;
            let client = Client::new(Settings {
                tls: tls.then(|| connector(&authority, &[])),
                proxy: Some(with_credentials("http", address)),
                ..to(backend, h2)
            });
            asked(&client).await.unwrap();
            asked(&client).await.unwrap();
            let heads = heads.borrow();
            let [head] = heads.as_slice() else {
                panic!("one tunnel: {heads:?}");
            };
            assert!(
                head.starts_with(&format!("CONNECT {backend} HTTP/1.1\r\n")),
                "{head}"
            );
            assert!(head.contains(&format!("\r\nHost: {backend}\r\n")), "{head}");
            let line = format!("\r\nProxy-Authorization: {CREDENTIALS}\r\n");
            assert!(head.contains(&line), "{head}");
            let requests = seen.requests.borrow();
            assert_eq!(requests.len(), 2);
            assert!(
                requests
                    .iter()
                    .all(|(_, all)| !all.contains_key("proxy-authorization"))
            );
        }
    });
}

#[test]
fn plain_http_is_handed_to_the_proxy_with_its_whole_url() {
    on_worker(async {
        let seen = Seen::default();
        let backend = plain(false, Duration::ZERO, &seen).await;
        let (address, heads) = proxy("200 OK", backend, None).await;
        let client = Client::new(Settings {
            proxy: Some(with_credentials("http", address)),
            ..to(backend, false)
        });
        asked(&client).await.unwrap();
        asked(&client).await.unwrap();
        assert!(heads.borrow()[0].starts_with("POST http://back.end/path HTTP/1.1\r\n"));
        for (_, headers) in seen.requests.borrow().iter() {
            assert_eq!(headers["proxy-authorization"], CREDENTIALS);
        }
        assert_eq!(seen.requests.borrow().len(), 2);
    });
}

#[test]
fn a_proxy_may_be_spoken_to_by_tls() {
    on_worker(async {
        let authority = Authority::new();
        let files = Files::new(&authority, 3000);
        let server = || files.server(net::Protocol::Auto, &Metrics::default());
        let seen = Seen::default();
        let backend = secured(server(), true, &seen).await;
        let (address, heads) = proxy("200 OK", backend, Some(server())).await;
        let proxy = with_credentials("https", address);
        assert!(proxy.is_secure());
        let client = Client::new(Settings {
            tls: Some(connector(&authority, &["h2"])),
            proxy: Some(proxy.secured(connector(&authority, &[]))),
            ..to(backend, true)
        });
        asked(&client).await.unwrap();
        assert_eq!(heads.borrow().len(), 1);
    });
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_credentials() {
    on_worker(async {
        let backend = plain(true, Duration::ZERO, &Seen::default()).await;
        let refusal = "407 Proxy Authentication Required";
        let (address, _) = proxy(refusal, backend, None).await;
        let client = Client::new(Settings {
            proxy: Some(with_credentials("http", address)),
            ..to(backend, true)
        });
        let fault = asked(&client).await.unwrap_err();
        for words in [&*address.to_string(), &*backend.to_string(), refusal] {
            assert!(fault.contains(words), "{words} is not in {fault}");
        }
        assert!(
            !fault.contains("secret") && !fault.contains(CREDENTIALS),
            "{fault}"
        );
    });
}
