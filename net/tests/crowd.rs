//! A process that bears few connections. The limit is the process's, so this is a program of its own with one test.
// Clippy knows a test by its attribute; its helpers may panic all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use config::blocks::Transport;
use http::{Request, Response};
use hyper::body::Incoming;
use net::{Address, Answer, Listener, Protocol, Settings, connections};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server that answers everything at once.
fn start() -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0", Transport::Tcp).unwrap();
    let Address::Tcp(address) = *listener.address() else {
        panic!("it is TCP");
    };
    let settings = Rc::new(Settings::of(Protocol::Auto));
    let seat = listener.seats(1).pop().unwrap();
    let serve = move |accepted| {
        let settings = Rc::clone(&settings);
        tokio::task::spawn_local(async move {
            let handle = async |_: Request<Incoming>| Response::new(Answer::empty());
            net::serve(accepted, settings, handle, net::Farewell::never()).await;
        });
    };
    tokio::task::spawn_local(seat.serve(serve, std::future::pending::<()>()));
    address
}

/// Whether a request on this connection is answered.
async fn is_served(client: &mut TcpStream) -> bool {
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    if client.write_all(request).await.is_err() {
        return false;
    }
    let mut answer = [0; 1024];
    let read = tokio::time::timeout(PATIENCE, client.read(&mut answer));
    matches!(read.await.expect("an answer or the end"), Ok(1..))
}

async fn ends(client: &mut TcpStream) {
    let mut said = Vec::new();
    let rest = client.read_to_end(&mut said);
    let _ = tokio::time::timeout(PATIENCE, rest).await.expect("the end");
}

#[test]
fn the_longest_idle_makes_room_for_whoever_comes() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap()
        .block_on(async {
            const LIMIT: usize = 4;
            connections().set_limit(LIMIT);
            let address = start();
            let mut clients = Vec::new();
            for _ in 0..LIMIT - 1 {
                let mut client = TcpStream::connect(address).await.unwrap();
                assert!(is_served(&mut client).await);
                clients.push(client);
            }
            // The first has been used since the second was.
            assert!(is_served(&mut clients[0]).await);
            for _ in 0..20 {
                let mut newcomer = TcpStream::connect(address).await.unwrap();
                assert!(is_served(&mut newcomer).await, "there is always room");
                ends(&mut clients.remove(1)).await;
                clients.push(newcomer);
                assert!(is_served(&mut clients[0]).await, "who is in use stays");
                assert!(connections().open() <= LIMIT);
            }
            assert_eq!(connections().evicted(), 20);
        });
}
