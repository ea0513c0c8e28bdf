//! Load at one end, a back end at the other, and the judgement of what became of it.

use std::thread::JoinHandle;

use benches::generator::{self, Options, Report};
use benches::oracle::{self, Verdict};
use benches::sink::{self, Counts, Sink};
use benches::{Acked, Protocol};

use super::{PATIENCE, Service};

/// A back end that remembers every item.
pub(crate) fn sink() -> Sink {
    let options = sink::Options {
        remember: true,
        ..sink::Options::default()
    };
    Sink::start(options).unwrap()
}

/// A back end that keeps every payload, too.
pub(crate) fn keeping_sink() -> Sink {
    let options = sink::Options {
        remember: true,
        keep: true,
        ..sink::Options::default()
    };
    Sink::start(options).unwrap()
}

/// So many requests of ten spans over two connections, with every acknowledgement recorded.
/// Connections that break are made again.
pub(crate) fn load(service: &Service, protocol: Protocol, requests: u64) -> Options {
    Options {
        target: match protocol {
            Protocol::Grpc => service.grpc(),
            Protocol::Http => service.http(),
        },
        protocol,
        connections: 2,
        in_flight: 2,
        items: 10,
        requests: Some(requests),
        duration: PATIENCE,
        record: true,
        persist: true,
        ..Options::default()
    }
}

/// Runs a load to its end.
pub(crate) fn run(options: Options) -> Report {
    generator::run_blocking(options).unwrap()
}

/// A load on a thread of its own.
pub(crate) struct Running(JoinHandle<Report>);

pub(crate) fn begin(options: Options) -> Running {
    Running(std::thread::spawn(|| run(options)))
}

impl Running {
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    pub(crate) fn report(self) -> Report {
        self.0.join().unwrap()
    }
}

/// Waits until so many items have arrived.
pub(crate) fn arrived(sink: &Sink, items: u64) -> Counts {
    until(sink, |counts| counts.items() >= items)
}

pub(crate) fn until(sink: &Sink, wanted: impl Fn(&Counts) -> bool) -> Counts {
    sink.wait(PATIENCE, wanted)
        .unwrap_or_else(|counts| panic!("still {counts:?}"))
}

/// Waits until every acknowledged item has arrived; if more stops coming, says what is missing.
pub(crate) fn all_arrived(sink: &Sink, acked: &[Acked]) -> Verdict {
    loop {
        let seen = sink.counts().items();
        let verdict = verdict(sink, acked);
        if verdict.lost == 0 {
            return verdict;
        }
        let more = sink.wait(PATIENCE, |counts| counts.items() > seen);
        assert!(more.is_ok(), "{verdict}");
    }
}

/// What was acknowledged against what has arrived by now.
pub(crate) fn verdict(sink: &Sink, acked: &[Acked]) -> Verdict {
    oracle::judge(acked, sink.ids())
}

/// A socket that nobody listens on: whoever connects is refused.
pub(crate) fn closed_sink() -> Sink {
    let sink = sink();
    sink.close().unwrap();
    sink
}
