//! The cases that our figures are measured in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Protocol;
use crate::coding::Coding;
use crate::generator::Options;

/// The ports that every configuration in `configs/` names; away from OTLP's own, where something
/// may already listen.
pub(super) const GRPC: SocketAddr = local(14_317);
pub(super) const HTTP: SocketAddr = local(14_318);
pub(super) const SINK: SocketAddr = local(15_317);

/// Frames as large as a back end could take.
const LARGE_FRAME: u32 = 1 << 20;

/// One load with one configuration, the same for every collector.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub title: &'static str,
    /// The text of a file in `configs/`.
    pub config: &'static str,
    /// What differs from the standard load: closed loop, 4 connections with 4 requests of 512 spans
    /// each in flight.
    load: fn(&mut Options),
    /// The largest frame that the back end takes, where it is not HTTP/2's default.
    pub max_frame: Option<u32>,
    /// Only a part of what comes in goes on: the cost is that of an item sent, and nothing is missed.
    pub samples: bool,
    /// Generator and sink speak TLS; the configuration finds the certificates in `BENCH_TLS`.
    pub tls: bool,
    /// Time under load before the window.
    pub warm_up: Duration,
    /// Time in which CPU and deliveries are counted.
    pub window: Duration,
}

const TLS: &str = include_str!("../../configs/tls/p1.yaml");

const P1: Case = Case {
    name: "P1",
    title: "gRPC → batch → gRPC, 512 spans a request, no compression",
    config: include_str!("../../configs/p1.yaml"),
    load: |load| load.fixed = true,
    max_frame: None,
    samples: false,
    tls: false,
    warm_up: Duration::from_secs(2),
    window: Duration::from_secs(4),
};

/// The wait of the sampler is over before the window begins.
const SAMPLED: Case = Case {
    load: |load| {
        load.rate = 50_000.0;
        load.trace_items = 10;
    },
    samples: true,
    warm_up: Duration::from_secs(13),
    window: Duration::from_secs(6),
    ..P1
};

pub const CASES: [Case; 15] = [
    P1,
    Case {
        name: "P1f",
        title: "P1 with a back end that takes frames of 1 MiB",
        max_frame: Some(LARGE_FRAME),
        ..P1
    },
    Case {
        name: "P1b",
        title: "P1 with 100 spans a request",
        load: |load| {
            load.fixed = true;
            load.items = 100;
        },
        ..P1
    },
    Case {
        name: "P1r",
        title: "P1 at 100,000 spans/s",
        load: |load| load.rate = 100_000.0,
        ..P1
    },
    Case {
        name: "P1t",
        title: "P1 with TLS in and out",
        config: TLS,
        tls: true,
        ..P1
    },
    Case {
        name: "P1rt",
        title: "P1 at 100,000 spans/s with TLS in and out",
        config: TLS,
        load: |load| load.rate = 100_000.0,
        tls: true,
        ..P1
    },
    Case {
        name: "P2",
        title: "P1 with memory_limiter and resource insert",
        config: include_str!("../../configs/p2.yaml"),
        ..P1
    },
    Case {
        name: "P3",
        title: "tail_sampling with four policies and a wait of 10 s, 50,000 spans/s",
        config: include_str!("../../configs/p3.yaml"),
        ..SAMPLED
    },
    Case {
        name: "P4",
        title: "gzip in and out at the default level, 50,000 spans/s",
        config: include_str!("../../configs/p4.yaml"),
        load: gzip,
        ..P1
    },
    Case {
        name: "P4l6",
        title: "gzip in and out at level 6 (out over HTTP), 50,000 spans/s",
        config: include_str!("../../configs/p4l6.yaml"),
        load: gzip,
        ..P1
    },
    Case {
        name: "P5r",
        title: "HTTP → batch → HTTP at 100,000 spans/s",
        config: include_str!("../../configs/p5.yaml"),
        load: |load| {
            load.protocol = Protocol::Http;
            load.rate = 100_000.0;
        },
        ..P1
    },
    Case {
        name: "P6",
        title: "requests of one span",
        load: |load| {
            load.fixed = true;
            load.items = 1;
        },
        ..P1
    },
    Case {
        name: "P7",
        title: "10,000 spans/s in requests of 100",
        load: |load| {
            load.rate = 10_000.0;
            load.items = 100;
        },
        warm_up: Duration::from_secs(3),
        window: Duration::from_secs(5),
        ..P1
    },
    Case {
        name: "P8",
        title: "span_metrics with two dimensions and exemplars → prometheus, 50,000 spans/s",
        config: include_str!("../../configs/p8.yaml"),
        load: |load| load.rate = 50_000.0,
        warm_up: Duration::from_secs(3),
        window: Duration::from_secs(5),
        ..P1
    },
    Case {
        name: "P9",
        title: "P3 with span_metrics and service_graph on all spans",
        config: include_str!("../../configs/p9.yaml"),
        ..SAMPLED
    },
];

fn gzip(load: &mut Options) {
    load.compression = Coding::Gzip;
    load.rate = 50_000.0;
}

impl Case {
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// The configuration with receivers on free ports and another back end, for a collector that
    /// says where it listens.
    pub fn config_for(&self, sink: SocketAddr) -> String {
        let free = local(0).to_string();
        self.config
            .replace(&GRPC.to_string(), &free)
            .replace(&HTTP.to_string(), &free)
            .replace(&SINK.to_string(), &sink.to_string())
    }

    /// The generator's options; acknowledgements are recorded wherever ids are fresh.
    pub fn load(&self) -> Options {
        let mut load = Options::default();
        (self.load)(&mut load);
        load.record = !load.fixed && !self.samples;
        load.target = match load.protocol {
            Protocol::Grpc => GRPC,
            Protocol::Http => HTTP,
        };
        load
    }
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_names_the_ports_of_the_cases() {
        for case in CASES {
            for address in [GRPC, HTTP, SINK] {
                assert!(
                    case.config.contains(&address.to_string()),
                    "{} {address}",
                    case.name
                );
            }
            assert_eq!(
                Case::named(case.name).map(|found| found.title),
                Some(case.title)
            );
        }
    }
}
