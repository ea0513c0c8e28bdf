//! What a page of 100,000 series costs. Nothing is asserted of times: they are the machine's.

use net::encoding::{Encoding, deflate};
use pipeline::Clock;

use super::super::page::{Escaping, Format, Version};
use super::fixture::*;

const SERIES: u64 = 100_000;

/// The bytes of all series are what the exporter charges for them.
#[test]
#[ignore = "prints times, which mean something with --release alone"]
fn a_page_of_many_series() {
    let clock = Clock::start();
    let mut exposed = Exposed::roomy(bare(), SERIES as usize);
    let resource = [("service.name", "shop"), ("service.instance.id", "i-1")];
    let points = |from: u64| {
        let point = |at: u64| {
            let id = at.to_string();
            let labels = [
                ("http.request.method", "GET"),
                ("http.route", "/api/v1/cart/{id}/items"),
                ("http.response.status_code", "200"),
                ("server.address", "cart.shop.svc"),
                ("client.id", &id),
            ];
            number(at as f64 * 0.37, &labels)
        };
        (from..from + 1_000).map(point).collect()
    };
    let requests: Vec<_> = (0..SERIES / 1_000)
        .map(|at| {
            request(
                &resource,
                "",
                vec![counter("http.requests", points(at * 1_000))],
            )
        })
        .collect();
    for round in ["new", "known"] {
        let begun = clock.now().mono;
        for request in &requests {
            assert_eq!(exposed.take(request).dropped, 0);
        }
        let took = clock.now().mono - begun;
        println!(
            "{round}: {:?} a point, with its encoding",
            took / SERIES as u32
        );
    }
    let bytes = exposed.budget().used();
    println!("memory: {} bytes a series", bytes / SERIES);
    for format in [
        Format::Text,
        Format::OpenMetrics(Version::V1_0_0),
        Format::Protobuf,
    ] {
        let begun = clock.now().mono;
        let page = exposed.page_in(format, Escaping::AllowUtf8);
        let took = clock.now().mono - begun;
        println!("{format:?}: {} bytes in {took:?}", page.len());
        let begun = clock.now().mono;
        let level = Encoding::Gzip.level(None).unwrap();
        let packed = deflate(Encoding::Gzip, level, std::iter::once(&page[..])).unwrap();
        let took = clock.now().mono - begun;
        println!("{format:?}: {} bytes of gzip in {took:?}", packed.len());
    }
}
