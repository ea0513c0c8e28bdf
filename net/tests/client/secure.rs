//! TLS under real requests.

use std::rc::Rc;

use net::Protocol;
use net::client::{Client, Settings};
use telemetry::metrics::{Metrics, Page};
use tokio::task::JoinSet;

use crate::kit::{
    Authority, Files, NAME, SECOND, Seen, asked, connector, on_worker, secured, to, until,
};

/// A gRPC client, one of HTTP/1.1, and one of HTTP that takes what the server prefers.
const CLIENTS: [(bool, &[&str]); 3] = [
    (true, &["h2"]),
    (false, &["http/1.1"]),
    (false, &["h2", "http/1.1"]),
];

#[test]
fn requests_are_answered_over_tls_in_both_protocols() {
    on_worker(async {
        let authority = Authority::new();
        let files = Files::new(&authority, 3000);
        for (h2, alpn) in CLIENTS {
            let seen = Seen::default();
            let server = files.server(Protocol::Auto, &Metrics::default());
            let address = secured(server, h2, &seen).await;
            let tls = Some(connector(&authority, alpn));
            let client = Client::new(Settings {
                tls,
                ..to(address, h2)
            });
            for _ in 0..3 {
                asked(&client).await.unwrap();
            }
            assert_eq!(seen.connections.get(), 1, "{alpn:?}");
            let (uri, _) = seen.requests.borrow()[0].clone();
            let whole = alpn[0] == "h2";
            assert_eq!(uri.authority().is_some(), whole, "{alpn:?} {uri}");
        }
    });
}

#[test]
fn the_name_to_prove_may_be_another_than_the_address() {
    on_worker(async {
        let authority = Authority::new();
        let files = Files::new(&authority, 3000);
        let server = files.server(Protocol::Http2, &Metrics::default());
        let address = secured(server, true, &Seen::default()).await;
        for (name, good) in [(NAME, true), ("cart.example", false)] {
            let client = Client::new(Settings {
                tls: Some(connector(&authority, &["h2"])),
                tls_name: Some(name.to_owned()),
                ..to(address, true)
            });
            let result = asked(&client).await;
            assert_eq!(result.is_ok(), good, "{result:?}");
        }
    });
}

/// A request with a handshake of its own, and one on a connection that stays, all the time.
#[test]
fn a_certificate_is_rotated_under_load_without_a_failed_request() {
    on_worker(async {
        let authority = Authority::new();
        let (files, metrics) = (Files::new(&authority, 3000), Metrics::default());
        let server = files.server(Protocol::Auto, &metrics);
        let address = secured(server, false, &Seen::default()).await;
        let stop = Rc::new(std::cell::Cell::new(false));
        let mut load = JoinSet::new();
        for (h2, alpn) in CLIENTS {
            for keep_alives in [false, true] {
                let tls = Some(connector(&authority, alpn));
                let settings = Settings {
                    tls,
                    keep_alives,
                    ..to(address, h2)
                };
                let stop = Rc::clone(&stop);
                load.spawn_local(async move {
                    let mut client = Client::new(settings.clone());
                    let mut answered = 0;
                    while !stop.get() {
                        asked(&client).await.unwrap();
                        answered += 1;
                        // HTTP/2 keeps its connection, so this one needs another client.
                        if !keep_alives {
                            client = Client::new(settings.clone());
                        }
                    }
                    answered
                });
            }
        }
        for (year, expiry) in [(2998, "3.244060800e+10"), (2997, "3.240907200e+10")] {
            files.rotate(&authority, year);
            let line = "tracegate_tls_certificate_expiry_seconds";
            let seconds: f64 = expiry.parse().unwrap();
            until("the new certificate is used", || {
                let page = metrics.render(&Page::default());
                let value = page.lines().find(|l| l.starts_with(line)).unwrap();
                value.rsplit(' ').next().unwrap().parse() == Ok(seconds)
            })
            .await;
            tokio::time::sleep(SECOND / 5).await;
        }
        stop.set(true);
        let answered = load.join_all().await;
        assert!(answered.iter().all(|count| *count > 0), "{answered:?}");
    });
}
