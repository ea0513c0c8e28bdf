//! How many connections there are, for how long, and when there is none.

use std::rc::Rc;
use std::time::Duration;

use net::client::{Client, Settings, Target};
use telemetry::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::kit::{
    Authority, Files, SECOND, Seen, asked, connector, on_paused_time, on_socket, on_worker, plain,
    secured, to, until,
};

/// So many requests at the same time, all answered.
async fn at_once(client: &Rc<Client>, count: usize) {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let client = Rc::clone(client);
        all.spawn_local(async move { asked(&client).await });
    }
    for answered in all.join_all().await {
        answered.unwrap();
    }
}

#[test]
fn no_more_connections_are_made_than_allowed_and_no_request_is_lost() {
    for (connections_max, expected) in [(Some(1), 1), (Some(3), 3), (None, 8)] {
        on_paused_time(async move {
            let seen = Seen::default();
            let address = plain(false, SECOND, &seen).await;
            let client = Rc::new(Client::new(Settings {
                connections_max,
                ..to(address, false)
            }));
            at_once(&client, 8).await;
            assert_eq!(seen.connections.get(), expected);
            assert_eq!(seen.requests.borrow().len(), 8);
        });
    }
}

#[test]
fn connections_rest_in_a_number_and_for_a_time() {
    on_paused_time(async {
        let seen = Seen::default();
        let address = plain(false, SECOND, &seen).await;
        let client = Rc::new(Client::new(Settings {
            idle_max: Some(2),
            idle_timeout: Some(90 * SECOND),
            ..to(address, false)
        }));
        let began = Instant::now();
        at_once(&client, 5).await;
        until("three of five are closed", || seen.open.get() == 2).await;
        tokio::time::sleep_until(began + 60 * SECOND).await;
        // One is used again and rests anew.
        asked(&client).await.unwrap();
        tokio::time::sleep_until(began + 95 * SECOND).await;
        assert_eq!(seen.open.get(), 1);
        tokio::time::sleep_until(began + 155 * SECOND).await;
        assert_eq!(seen.open.get(), 0);
        assert_eq!(seen.connections.get(), 5);
        asked(&client).await.unwrap();
    });
}

#[test]
fn a_connection_of_http2_that_alpn_has_chosen_rests_for_a_time_too() {
    on_worker(async {
        let (authority, seen) = (Authority::new(), Seen::default());
        let files = Files::new(&authority, 3000);
        let server = files.server(net::Protocol::Auto, &Metrics::default());
        let address = secured(server, false, &seen).await;
        let client = Client::new(Settings {
            tls: Some(connector(&authority, &["h2"])),
            idle_timeout: Some(SECOND),
            ..to(address, false)
        });
        for connections in [1, 2] {
            asked(&client).await.unwrap();
            tokio::time::sleep(SECOND / 2).await;
            let last = Instant::now();
            asked(&client).await.unwrap();
            assert_eq!(seen.connections.get(), connections);
            until("it has rested long enough", || seen.open.get() == 0).await;
            assert!(last.elapsed() >= SECOND, "{:?}", last.elapsed());
        }
    });
}

#[test]
fn without_keep_alives_each_request_has_its_connection_and_says_so() {
    on_paused_time(async {
        let seen = Seen::default();
        let address = plain(false, Duration::ZERO, &seen).await;
        let client = Client::new(Settings {
            keep_alives: false,
            ..to(address, false)
        });
        for _ in 0..3 {
            asked(&client).await.unwrap();
        }
        assert_eq!(seen.connections.get(), 3);
        for (_, headers) in seen.requests.borrow().iter() {
            assert_eq!(headers["connection"], "close");
        }
    });
}

#[test]
fn a_unix_socket_is_a_back_end() {
    on_paused_time(async {
        let folder = tempfile::tempdir().unwrap();
        for h2 in [true, false] {
            let path = folder.path().join(format!("{h2}.sock"));
            let seen = Seen::default();
            on_socket(&path, h2, &seen);
            let client = Client::new(Settings {
                h2,
                ..Settings::new(Target::Unix(path))
            });
            asked(&client).await.unwrap();
            asked(&client).await.unwrap();
            assert_eq!(seen.connections.get(), 1);
        }
    });
}

#[test]
fn a_request_waits_for_its_back_end_only_if_it_is_told_to() {
    on_paused_time(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late.sock");
        let settings = Settings {
            h2: true,
            ..Settings::new(Target::Unix(path.clone()))
        };
        let fault = asked(&Client::new(settings.clone())).await.unwrap_err();
        assert!(fault.contains("late.sock"), "{fault}");
        let patient = Client::new(Settings {
            wait_for_ready: true,
            ..settings
        });
        let late = async {
            tokio::time::sleep(100 * SECOND).await;
            on_socket(&path, true, &Seen::default());
        };
        let (answered, ()) = tokio::join!(asked(&patient), late);
        answered.unwrap();
    });
}

/// The peer's machine still acknowledges, but its window is closed and stays so: what a program does that hangs.
#[test]
fn a_peer_that_takes_nothing_any_more_is_given_up() {
    use bytes::Bytes;
    use net::client::{ChunkBody, Chunks};
    on_worker(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        let client = Client::new(Settings {
            keepalive_timeout: Some(SECOND),
            ..to(address, false)
        });
        // More than both sockets take.
        let chunks: Chunks = std::iter::repeat_n(Bytes::from(vec![0; 1 << 20]), 32).collect();
        let mut request = http::Request::new(ChunkBody::new(chunks));
        *request.method_mut() = http::Method::POST;
        let sent = tokio::time::timeout(15 * SECOND, client.send(request)).await;
        let fault = sent.expect("given up by itself").err().expect("no answer");
        assert!(fault.to_string().contains("lost"), "{fault}");
    });
}
