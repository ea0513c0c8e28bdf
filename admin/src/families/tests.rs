use ledger::{Account, Fate};
use pipeline::Clock;
use telemetry::metrics::{Level, Metrics, Page};

use super::*;

fn node(kind: Kind, id: &str, signal: Signal) -> NodeKey {
    NodeKey {
        kind,
        id: id.to_owned(),
        pipeline: String::new(),
        transport: "",
        signal,
    }
}

fn receiver(transport: &'static str) -> NodeKey {
    NodeKey {
        transport,
        ..node(Kind::Receiver, "otlp", Signal::Traces)
    }
}

fn processor(id: &str, pipeline: &str) -> NodeKey {
    NodeKey {
        pipeline: pipeline.to_owned(),
        ..node(Kind::Processor, id, Signal::Traces)
    }
}

fn exporter(signal: Signal) -> NodeKey {
    node(Kind::Exporter, "otlp/a", signal)
}

/// What a node did with its items.
type Work = fn(&Account);

fn shared(accounts: &[(NodeKey, Work)]) -> Shared {
    let shared = Shared {
        extensions: pipeline::component::Extensions::default(),
        instance: "test".into(),
        books: Arc::default(),
        errors: Arc::default(),
        agents: Arc::default(),
        budget: Budget::new(1000),
        metrics: Metrics::default(),
        clock: Clock::start(),
    };
    for (key, work) in accounts {
        work(&shared.books.account(key));
    }
    shared
}

fn page(shared: &Shared) -> String {
    let families = Arc::new(Families::new(
        shared,
        tokio::sync::watch::channel(Arc::default()).1,
    ));
    shared.metrics.register(&families);
    let page = Page {
        level: Level::Basic,
        ..Page::default()
    };
    shared.metrics.render(&page)
}

/// The samples whose names begin with `prefix`, without their help texts.
fn check(prefix: &str, accounts: &[(NodeKey, Work)], expected: &str) {
    let page = page(&shared(accounts));
    let lines = page.split_inclusive('\n');
    let found: String = lines.filter(|line| line.starts_with(prefix)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_receiver_shows_all_its_counters_from_the_first_request_on() {
    let idle: (NodeKey, Work) = (receiver("grpc"), |_| {});
    check("otelcol", &[idle], "");
    check(
        "otelcol",
        &[(receiver("http"), |account| {
            account.take(10);
            account.pass(10);
        })],
        "\
otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"} 10
otelcol_receiver_failed_spans{receiver=\"otlp\",transport=\"http\"} 0
otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"http\"} 0
",
    );
    check(
        "otelcol",
        &[(receiver("grpc"), |account| {
            account.take(5);
            account.pass(2);
            account.end(1, Fate::Rejected(Reason::MemoryLimit));
            account.end(2, Fate::Rejected(Reason::QueueFull));
        })],
        "\
otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 2
otelcol_receiver_failed_spans{receiver=\"otlp\",transport=\"grpc\"} 0
otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\"} 3
",
    );
}

#[test]
fn the_items_of_each_signal_have_their_own_noun() {
    let take: Work = |account| {
        account.take(1);
        account.pass(1);
    };
    let accounts = Signal::ALL.map(|signal| (exporter(signal), take));
    check(
        "otelcol",
        &accounts,
        "\
otelcol_exporter_sent_log_records{exporter=\"otlp/a\"} 1
otelcol_exporter_sent_metric_points{exporter=\"otlp/a\"} 1
otelcol_exporter_sent_spans{exporter=\"otlp/a\"} 1
",
    );
}

#[test]
fn a_processor_of_several_pipelines_is_one_series_and_batch_is_none() {
    let pass: Work = |account| {
        account.take(10);
        account.pass(9);
    };
    let accounts = [
        (processor("attributes/a", "traces"), pass),
        (processor("attributes/a", "traces/2"), pass),
        (processor("batch", "traces"), pass),
        (processor("resource", "traces"), |_: &Account| {}),
    ];
    check(
        "otelcol",
        &accounts,
        "\
otelcol_processor_incoming_items{otel_signal=\"traces\",processor=\"attributes/a\"} 20
otelcol_processor_outgoing_items{otel_signal=\"traces\",processor=\"attributes/a\"} 18
",
    );
}

#[test]
fn an_exporter_tells_what_it_sent_from_what_failed_and_what_found_no_room() {
    let exporter = || exporter(Signal::Traces);
    check(
        "otelcol",
        &[(exporter(), |account| {
            account.take(20);
            account.pass(10);
            account.end(1, Fate::Dropped(Reason::Permanent));
            account.end(2, Fate::Dropped(Reason::RetriesExhausted));
            account.end(3, Fate::Rejected(Reason::PartialSuccess));
            account.end(4, Fate::Dropped(Reason::QueueFull));
        })],
        "\
otelcol_exporter_enqueue_failed_spans{exporter=\"otlp/a\"} 4
otelcol_exporter_send_failed_spans{exporter=\"otlp/a\"} 6
otelcol_exporter_sent_spans{exporter=\"otlp/a\"} 10
",
    );
    check(
        "otelcol",
        &[(exporter(), |account| {
            account.take(8);
            account.end(8, Fate::Dropped(Reason::QueueFull));
        })],
        "otelcol_exporter_enqueue_failed_spans{exporter=\"otlp/a\"} 8\n",
    );
    check(
        "otelcol",
        &[(exporter(), |account| {
            account.take(8);
            account.end(2, Fate::Dropped(Reason::Permanent));
        })],
        "\
otelcol_exporter_send_failed_spans{exporter=\"otlp/a\"} 2
otelcol_exporter_sent_spans{exporter=\"otlp/a\"} 0
",
    );
    check("otelcol", &[(exporter(), |account| account.take(8))], "");
}

#[test]
fn every_column_of_the_books_is_a_family_and_a_reason_shows_once_it_has_counted() {
    let accounts: [(NodeKey, Work); 3] = [
        (receiver("grpc"), |_| {}),
        (processor("batch", "traces/2"), |account| {
            account.take(7);
            account.pass(3);
            account.end(1, Fate::Dropped(Reason::MetadataCardinality));
        }),
        (node(Kind::Connector, "forward", Signal::Logs), |account| {
            account.take(4);
            account.end(4, Fate::Rejected(Reason::Shutdown));
        }),
    ];
    let connector = "component=\"forward\",kind=\"connector\"";
    let batch = "component=\"batch\",kind=\"processor\",pipeline=\"traces/2\"";
    let otlp = "component=\"otlp\",kind=\"receiver\",signal=\"traces\",transport=\"grpc\"";
    let expected = format!(
        "\
tracegate_items_dropped_total{{{batch},reason=\"metadata_cardinality\",signal=\"traces\"}} 1
tracegate_items_held{{{batch},signal=\"traces\"}} 3
tracegate_items_held{{{connector},signal=\"logs\"}} 0
tracegate_items_held{{{otlp}}} 0
tracegate_items_in_total{{{batch},signal=\"traces\"}} 7
tracegate_items_in_total{{{connector},signal=\"logs\"}} 4
tracegate_items_in_total{{{otlp}}} 0
tracegate_items_out_total{{{batch},signal=\"traces\"}} 3
tracegate_items_out_total{{{connector},signal=\"logs\"}} 0
tracegate_items_out_total{{{otlp}}} 0
tracegate_items_rejected_total{{{connector},reason=\"shutdown\",signal=\"logs\"}} 4
"
    );
    check("tracegate_items", &accounts, &expected);
}

#[test]
fn the_budget_shows_what_is_used_and_both_its_limits() {
    let shared = shared(&[]);
    let mut lease = shared.budget.lease();
    lease.try_grow(300).unwrap();
    let expected = "\
# HELP tracegate_budget_admission_bytes Bytes in use from which no new request is read
# TYPE tracegate_budget_admission_bytes gauge
tracegate_budget_admission_bytes 750
# HELP tracegate_budget_limit_bytes Bytes of telemetry that the process may hold
# TYPE tracegate_budget_limit_bytes gauge
tracegate_budget_limit_bytes 1000
# HELP tracegate_budget_used_bytes Bytes of telemetry that the process holds
# TYPE tracegate_budget_used_bytes gauge
tracegate_budget_used_bytes 300
";
    let page = page(&shared);
    let budget = page.find("# HELP tracegate_budget").unwrap();
    let end = page.find("# HELP tracegate_connections").unwrap();
    assert_eq!(&page[budget..end], expected);
}
