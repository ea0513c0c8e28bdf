//! `tail_sampling` and the Go Collector's: the same traces and policies, and the same verdicts. `run` beside this file
//! builds the other one.

#[path = "../../../processors/tests/sampling/sets.rs"]
mod sets;
#[path = "../../../processors/tests/sampling/traces.rs"]
mod traces;
#[path = "../../../processors/tests/sampling/verdicts.rs"]
mod verdicts;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use benches::clock;
use benches::process::{Collector, Launch};

use crate::rig::{PATIENCE, http1};
use sets::{PAUSE, WAIT};
use traces::Feed;
use verdicts::Verdicts;

const TRACES: usize = 10_000;

/// All traces are decided and written at the stop, which takes a debug build on a busy machine a minute.
const STOP_MAX: Duration = Duration::from_secs(300);

/// Of one line of the file.
const TRACES_OF_LINE: usize = 384;

/// Where the recorded verdicts stand, below the repository.
const FILE: &str = "processors/tests/sampling/verdicts.txt";

#[test]
#[ignore = "needs a Go Collector: tests/interop/tail_sampling/run"]
fn both_collectors_keep_the_same_traces() {
    let theirs = std::env::var("TRACEGATE_TAIL_SAMPLING_PEER").unwrap();
    let feed = traces::feed(TRACES, 0);
    let theirs = judged(Launch::new(theirs), &feed);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("TRACEGATE_RECORD").is_some() {
        std::fs::write(&file, recorded(&theirs)).unwrap();
    }
    let mut ours = Launch::new(env!("CARGO_BIN_EXE_tracegate"));
    // What it has not written by then it drops, with a line in its account.
    let limit = format!("{}s", STOP_MAX.as_secs());
    ours.arguments = ["--shutdown-timeout".into(), limit.into()].into();
    let ours = judged(ours, &feed);
    let mut unexplained = Vec::new();
    for ((set, theirs), (_, ours)) in theirs.iter().zip(&ours) {
        let (found, explained) = verdicts::differences(set, &feed.traces, ours, theirs);
        let kept = theirs.iter().filter(|kept| **kept).count();
        println!(
            "{set}: {kept} kept, {explained} differ for a reason, {} for none",
            found.len()
        );
        unexplained.extend(found);
    }
    verdicts::all_explained(&unexplained);
    still_recorded(&std::fs::read_to_string(file).unwrap(), &feed, &theirs);
}

/// The file, for the first of the traces.
fn recorded(theirs: &Verdicts) -> String {
    let first =
        |(set, kept): &(String, Vec<bool>)| (set.clone(), kept[..verdicts::RECORDED].to_vec());
    let first = theirs.iter().map(first).collect();
    write(traces::digest(&traces::feed(verdicts::RECORDED, 0)), &first)
}

/// The file, as it is read: a line for each set, and below it the traces, four to a digit.
fn write(digest: u64, verdicts: &Verdicts) -> String {
    let mut text = format!(
        "# Verdicts of the Go Collector 0.159, written by tests/interop/tail_sampling/run --record.\n\
         traces {digest:016x}\n"
    );
    for (set, kept) in verdicts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{set}");
        for line in kept.chunks(TRACES_OF_LINE) {
            let digits = line.chunks(4).map(|four| {
                let bits = four
                    .iter()
                    .fold(0, |bits, kept| bits << 1 | u32::from(*kept));
                char::from_digit(bits << (4 - four.len()), 16).unwrap()
            });
            let _ = writeln!(text, "  {}", digits.collect::<String>());
        }
    }
    text
}

/// What was recorded once is what the Collector says today.
fn still_recorded(text: &str, feed: &Feed, theirs: &Verdicts) {
    let (_, recorded) = verdicts::read(text);
    for ((set, was), (_, is)) in recorded.iter().zip(theirs) {
        let traces = &feed.traces[..verdicts::RECORDED];
        let (changed, _) = verdicts::differences(set, traces, is, was);
        assert!(changed.is_empty(), "record again: {changed:?}");
    }
}

/// Runs a collector with every set, each in a pipeline of its own.
fn judged(launch: Launch, feed: &Feed) -> Verdicts {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut collector = Collector::start(&launch, &config(address, folder.path())).unwrap();
    collector
        .wait_line("Everything is ready", PATIENCE * 4)
        .unwrap();
    let started = clock::now();
    let [early, late] = &feed.requests;
    send(address, early);
    clock::pause(Duration::from_secs(PAUSE));
    send(address, late);
    assert!(
        started.elapsed().as_secs() < WAIT,
        "too slow: some traces are decided already"
    );
    // Whatever waits is decided with what is there.
    collector.terminate().unwrap();
    let status = collector.wait_exit(STOP_MAX + PATIENCE).unwrap();
    assert!(status.success(), "{status}: {:?}", collector.lines());
    let kept = |set: &sets::Set| {
        let path = folder.path().join(set.name);
        (set.name.to_owned(), kept(&path, feed))
    };
    sets::all().iter().map(kept).collect()
}

fn config(address: SocketAddr, folder: &Path) -> String {
    let mut processors = String::new();
    let mut exporters = String::new();
    let mut pipelines = String::new();
    for set in sets::all() {
        let (name, path) = (set.name, folder.join(set.name));
        processors += &format!("  tail_sampling/{name}: {}\n", set.config);
        exporters += &format!("  file/{name}: {{path: '{}'}}\n", path.display());
        pipelines += &format!(
            "    traces/{name}: {{receivers: [otlp], processors: [tail_sampling/{name}], exporters: [file/{name}]}}\n"
        );
    }
    format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '{address}'}}}}}}}}\n\
         processors:\n{processors}exporters:\n{exporters}service:\n  telemetry: {{metrics: {{level: none}}}}\n  \
         pipelines:\n{pipelines}"
    )
}

fn send(address: SocketAddr, requests: &[Vec<u8>]) {
    for request in requests {
        let mut connection = http1::Connection::open(address);
        connection
            .send(&http1::post("/v1/traces", request))
            .unwrap();
        // The other one decides before it takes more, which may be long after.
        clock::poll(Duration::from_secs(WAIT), || {
            connection.has_reply().then_some(())
        });
        let reply = connection.reply().unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

/// Which traces stand in the file.
fn kept(path: &Path, feed: &Feed) -> Vec<bool> {
    let text = std::fs::read_to_string(path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut spans: HashMap<&str, u64> = HashMap::new();
    // No trace that was sent names another one.
    for rest in text.split("\"traceId\":\"").skip(1) {
        *spans.entry(&rest[..32]).or_default() += 1;
    }
    traces::kept(feed, &path.display().to_string(), |trace| {
        let id: String = trace.id.iter().map(|byte| format!("{byte:02x}")).collect();
        spans.get(id.as_str()).copied().unwrap_or_default()
    })
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
