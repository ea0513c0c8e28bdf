//! The metrics page and the account at the end tell the same story.

use benches::clock;
use benches::sink::{Answer, Script};

use crate::rig::{PATIENCE, Service, http1, load, requests};

/// Three ways behind a connector: to a back end that takes, to one that refuses, and to nowhere.
const THREE_WAYS: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
processors: {batch: {timeout: 10ms}, resource: {attributes: [{key: a, action: delete}]}}
connectors: {forward: }
exporters:
  otlp_grpc: {endpoint: TAKES, compression: none, tls: {insecure: true}}
  otlp_http: {endpoint: 'http://REFUSES', compression: none}
  nop:
service:
  pipelines:
    traces/in: {receivers: [otlp], processors: [resource], exporters: [forward, nop]}
    traces/one: {receivers: [forward], processors: [batch], exporters: [otlp_grpc, otlp_http]}
    traces/two: {receivers: [forward, otlp], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], exporters: [nop]}
";

#[test]
fn the_metrics_page_shows_the_figures_of_the_account() {
    let (takes, refuses) = (load::sink(), load::sink());
    refuses.script(Script::next(1, Answer::refuse(7, 403)));
    let yaml = THREE_WAYS
        .replace("TAKES", &takes.address().to_string())
        .replace("REFUSES", &refuses.address().to_string());
    let service = Service::start(&yaml);
    for number in 1..=10 {
        let request = http1::post("/v1/traces", &requests::numbered(number, 7));
        assert_eq!(http1::exchange(service.http(), &request).status, 200);
    }
    assert_eq!(
        http1::exchange(service.http(), &http1::post("/v1/traces", b"x")).status,
        400
    );
    let at_rest = || {
        let page = service.page();
        let ended = ["out", "dropped", "rejected"]
            .map(|fate| page.sum(&format!("tracegate_items_{fate}_total"), &[]));
        (page.sum("tracegate_items_in_total", &[]) == ended.iter().sum::<u64>()).then_some(page)
    };
    // Three times to the one, once to the other, and the batches of the last in between.
    load::arrived(&takes, 3 * 70);
    load::until(&refuses, |counts| counts.items() + counts.refused > 0);
    let page = clock::poll(PATIENCE, at_rest).unwrap();

    let ended = service.stop();
    let mut dropped = 0;
    for (kind, id, signal) in ended.account.nodes() {
        let labels = [
            format!("kind=\"{kind}\""),
            format!("component=\"{id}\""),
            format!("signal=\"{signal}\""),
        ];
        let labels = labels.each_ref().map(String::as_str);
        let shown = ["in", "out", "dropped", "rejected"]
            .map(|fate| page.sum(&format!("tracegate_items_{fate}_total"), &labels));
        let figures = ended.account.of(&kind, &id, &signal);
        let printed = [
            figures.taken,
            figures.passed,
            figures.dropped,
            figures.rejected,
        ];
        assert_eq!(shown, printed, "{kind} {id} {signal}");
        dropped += figures.dropped;
    }
    assert!(dropped > 0, "nothing was refused");
    let budget = page.sum("tracegate_budget_used_bytes", &[]);
    assert_eq!(budget, 0, "bytes are charged that nobody holds");
}
