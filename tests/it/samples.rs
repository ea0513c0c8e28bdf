//! Configurations as people write them: each starts, passes a span, and ends with balanced books.

use std::path::{Path, PathBuf};

use benches::clock;

use crate::rig::{PATIENCE, Service, block_on, http1, http2, load, requests};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Folders of samples, below the repository. Those for people to read are in `examples/`, with a test of their own.
const FOLDERS: [&str; 2] = ["benches/configs", "tests/it/fixtures/valid"];

/// Lines of the samples that cannot stay as they are: ports that tests share, names that only
/// exist elsewhere, and logs that would not say where the service listens.
const CHANGES: [(&str, &str); 9] = [
    ("127.0.0.1:14317", "127.0.0.1:0"),
    ("127.0.0.1:14318", "127.0.0.1:0"),
    ("127.0.0.1:15317", "SINK"),
    ("127.0.0.1:5317", "SINK"),
    ("127.0.0.1:5318", "SINK"),
    (
        "{endpoint: \"dns:///tempo.example:4317\"}",
        "{endpoint: \"dns:///SINK\", tls: {insecure: true}}",
    ),
    ("level: warn", "level: info"),
    ("encoding: json", "encoding: console"),
    ("level: none", "level: basic"),
];

#[test]
fn every_sample_starts_and_passes_a_span() {
    let files = FOLDERS.into_iter().flat_map(files);
    let mut count = 0;
    for file in files {
        check(&file);
        count += 1;
    }
    assert!(count >= 12, "{count} samples");
}

fn check(file: &Path) {
    let case = file.display();
    let sink = load::sink();
    let mut yaml = std::fs::read_to_string(file).unwrap();
    for (written, ours) in CHANGES {
        yaml = yaml.replace(written, ours);
    }
    yaml = yaml.replace("SINK", &sink.address().to_string());
    let service = Service::start(&yaml);
    send(&service, &yaml);
    if yaml.contains(&sink.address().to_string()) {
        load::arrived(&sink, 1);
    }
    // Whatever else there is, every exporter of traces has it too.
    let passed = || {
        let exporters = ["kind=\"exporter\"", "signal=\"traces\""];
        let page = service.page();
        let taken = page.sum("tracegate_items_in_total", &exporters);
        (taken > 0 && taken == page.sum("tracegate_items_out_total", &exporters)).then_some(())
    };
    clock::poll(PATIENCE, passed).unwrap_or_else(|| panic!("{case}: not passed"));
    let ended = service.stop();
    assert!(
        !ended.log.contains("Dropping data"),
        "{case}: {}",
        ended.log
    );
}

/// One span over the protocol that the sample has.
fn send(service: &Service, yaml: &str) {
    let span = requests::one_span();
    if yaml.contains("grpc: {endpoint") || yaml.contains("grpc:\n") {
        let body = http2::framed(false, &span);
        let reply = block_on(http2::call(service.grpc(), EXPORT, body));
        assert_eq!(reply.grpc_status(), 0, "{reply:?}");
        return;
    }
    let path = match yaml.contains("traces_url_path: /traces") {
        true => "/traces",
        false => "/v1/traces",
    };
    let reply = http1::exchange(service.http(), &http1::post(path, &span));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // Those in folders want more than a sink: certificates.
    files.retain(|file| file.is_file());
    files.sort();
    files
}
