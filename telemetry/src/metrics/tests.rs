use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::*;

const SPANS: Family = Family::counter("otelcol_receiver_accepted_spans", "Spans. [Alpha]");
const UPTIME: Family = Family::counter("otelcol_process_uptime", "Uptime").seconds();
const CPU: Family = Family::counter("otelcol_process_cpu_seconds", "CPU").seconds();
const RSS: Family = Family::gauge("otelcol_process_memory_rss", "RSS").bytes();
const QUEUE: Family = Family::gauge("otelcol_exporter_queue_size", "Batches");
const TRIGGER: Family = Family::counter("trigger", "Times").from(Level::Normal);
const SIZE: Family = Family::histogram("size", "Items").from(Level::Detailed);

/// Samples as a strict parser reads them: name, sorted labels, value.
type Page0 = Vec<(String, Vec<(String, String)>, f64)>;

/// The page at a level, without suffixes and without a resource.
fn page(level: Level) -> Page {
    Page {
        level,
        ..Page::default()
    }
}

fn check(metrics: &Metrics, page: &Page, expected: &str) {
    let text = metrics.render(page);
    parse(&text);
    let text: String = text
        .split_inclusive('\n')
        .filter(|l| !l.contains("target_info"))
        .collect();
    assert_eq!(text, expected);
}

/// Reads text format 0.0.4 and accepts nothing that the format does not promise.
fn parse(text: &str) -> Page0 {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    };
    let mut samples: Page0 = Vec::new();
    let mut families: Vec<(&str, &str)> = Vec::new();
    let mut lines = text
        .strip_suffix('\n')
        .expect("ends with a line feed")
        .split('\n');
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let name = help.split_once(' ').expect("a help text").0;
            let kind = lines
                .next()
                .and_then(|l| l.strip_prefix(&format!("# TYPE {name} ")));
            let kind = kind.expect("a type after the help text");
            assert!(
                ["counter", "gauge", "histogram"].contains(&kind) && is_name(name),
                "{line}"
            );
            assert!(
                families.iter().all(|(other, _)| *other < name),
                "{name} comes late"
            );
            families.push((name, kind));
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let mut rest = labels.strip_suffix('}').expect("a closing brace");
        let mut labels = Vec::new();
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"").expect("a label");
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next().expect("a closing quote") {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().expect("an escape").1 {
                        'n' => '\n',
                        c @ ('"' | '\\') => c,
                        c => panic!("unknown escape {c}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &after[end + 1..];
            rest = if rest.is_empty() {
                rest
            } else {
                rest.strip_prefix(',').expect("a comma")
            };
        }
        labels.sort();
        assert!(
            labels.windows(2).all(|pair| pair[0].0 != pair[1].0),
            "a label twice: {line}"
        );
        let (family, kind) = *families.last().expect("a family before its samples");
        let suffix = name
            .strip_prefix(family)
            .expect("a sample of the family above");
        let suffixes: &[&str] = if kind == "histogram" {
            &["_bucket", "_sum", "_count"]
        } else {
            &[""]
        };
        assert!(suffixes.contains(&suffix), "{line}");
        let new = samples
            .iter()
            .all(|(n, l, _)| (n.as_str(), l) != (name, &labels));
        assert!(new, "a series twice: {line}");
        samples.push((name.to_owned(), labels, value.parse().expect("a number")));
    }
    samples
}

#[test]
fn a_counter_appears_with_its_first_use_even_if_that_adds_nothing() {
    let metrics = Metrics::default();
    let labels = [("transport", "grpc"), ("receiver", "otlp")];
    let counter = metrics.counter(&SPANS, &labels);
    check(&metrics, &page(Level::Normal), "");
    counter.add(0);
    let expected = |value: &str| {
        format!(
            "# HELP otelcol_receiver_accepted_spans Spans. [Alpha]\n\
             # TYPE otelcol_receiver_accepted_spans counter\n\
             otelcol_receiver_accepted_spans{{receiver=\"otlp\",transport=\"grpc\"}} {value}\n"
        )
    };
    check(&metrics, &page(Level::Normal), &expected("0"));
    counter.clone().add(512);
    check(&metrics, &page(Level::Normal), &expected("512"));
    assert_eq!(counter.get(), 512);
}

#[test]
fn a_gauge_is_always_shown_and_goes_with_its_last_handle() {
    let metrics = Metrics::default();
    let gauge = metrics.gauge(&QUEUE, &[]);
    let expected = |value: i64| {
        format!(
            "# HELP otelcol_exporter_queue_size Batches\n\
             # TYPE otelcol_exporter_queue_size gauge\n\
             otelcol_exporter_queue_size {value}\n"
        )
    };
    check(&metrics, &page(Level::Normal), &expected(0));
    gauge.set(5);
    gauge.add(-7);
    check(&metrics, &page(Level::Normal), &expected(-2));
    drop(gauge);
    check(&metrics, &page(Level::Normal), "");
}

#[test]
fn a_histogram_counts_a_value_on_a_bound_below_it() {
    let metrics = Metrics::default();
    let histogram = metrics.histogram(&SIZE, &[("processor", "batch")], &[0.5, 10.0, 1_048_576.0]);
    check(&metrics, &page(Level::Detailed), "");
    for value in [0.5, 10.0, 10.1, 2e6, f64::NAN] {
        histogram.observe(value);
    }
    check(
        &metrics,
        &page(Level::Detailed),
        "# HELP size Items\n# TYPE size histogram\n\
         size_bucket{processor=\"batch\",le=\"0.5\"} 1\n\
         size_bucket{processor=\"batch\",le=\"10\"} 2\n\
         size_bucket{processor=\"batch\",le=\"1.048576e+06\"} 3\n\
         size_bucket{processor=\"batch\",le=\"+Inf\"} 4\n\
         size_sum{processor=\"batch\"} 2.0000206e+06\n\
         size_count{processor=\"batch\"} 4\n",
    );
}

#[test]
fn samples_of_one_series_add_up() {
    let metrics = Metrics::default();
    let counters = [(), ()].map(|()| metrics.counter(&SPANS, &[("receiver", "otlp")]));
    let histograms = [(), ()].map(|()| metrics.histogram(&SIZE, &[], ITEM_BOUNDS));
    for (counter, histogram) in counters.iter().zip(&histograms) {
        counter.add(3);
        histogram.observe(20.0);
    }
    let samples = parse(&metrics.render(&page(Level::Detailed)));
    let value = |name: &str| {
        samples
            .iter()
            .find(|(n, ..)| n == name)
            .map(|(.., value)| *value)
    };
    assert_eq!(value("otelcol_receiver_accepted_spans"), Some(6.0));
    assert_eq!(value("size_sum"), Some(40.0));
    assert_eq!(value("size_count"), Some(2.0));
}

#[test]
fn a_source_is_asked_for_as_long_as_it_lives() {
    struct Books(AtomicU64);
    impl Source for Books {
        fn emit(&self, samples: &mut Samples<'_>) {
            samples.add(&SPANS, &[("receiver", "a")], self.0.load(Relaxed) as f64);
            // A counter is no histogram, and a name is of one kind.
            samples.add(&SIZE, &[], 1.0);
            samples.add(
                &Family {
                    kind: Kind::Gauge,
                    ..SPANS
                },
                &[("receiver", "b")],
                9.0,
            );
        }
    }
    let metrics = Metrics::default();
    let books = Arc::new(Books(AtomicU64::new(1)));
    metrics.clone().register(&books);
    books.0.store(2, Relaxed);
    check(
        &metrics,
        &page(Level::Detailed),
        "# HELP otelcol_receiver_accepted_spans Spans. [Alpha]\n\
         # TYPE otelcol_receiver_accepted_spans counter\n\
         otelcol_receiver_accepted_spans{receiver=\"a\"} 2\n",
    );
    drop(books);
    check(&metrics, &page(Level::Detailed), "");
}

#[test]
fn a_family_may_show_the_lowest_value_of_a_series() {
    const REACH: Family = Family::gauge("reach", "Reach").lowest();
    let metrics = Metrics::default();
    let gauges: Vec<_> = [(7, "a"), (3, "a"), (5, "a"), (9, "b")]
        .into_iter()
        .map(|(value, of)| {
            let gauge = metrics.gauge(&REACH, &[("of", of)]);
            gauge.set(value);
            gauge
        })
        .collect();
    check(
        &metrics,
        &page(Level::Basic),
        "# HELP reach Reach\n# TYPE reach gauge\nreach{of=\"a\"} 3\nreach{of=\"b\"} 9\n",
    );
    drop(gauges);
}

#[test]
fn a_level_shows_its_families_and_those_of_lower_levels() {
    let metrics = Metrics::default();
    let counters = [&SPANS, &TRIGGER].map(|family| metrics.counter(family, &[]));
    counters.iter().for_each(|counter| counter.add(1));
    let histogram = metrics.histogram(&SIZE, &[], BYTE_BOUNDS);
    histogram.observe(1.0);
    let check = |level, expected: &[&str]| {
        let text = metrics.render(&page(level));
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: Vec<_> = names.map(|rest| rest.split(' ').next().unwrap()).collect();
        assert_eq!(names, expected, "{level:?}");
    };
    let spans = "otelcol_receiver_accepted_spans";
    check(Level::None, &[]);
    check(Level::Basic, &[spans, "target_info"]);
    check(Level::Normal, &[spans, "target_info", "trigger"]);
    check(Level::Detailed, &[spans, "size", "target_info", "trigger"]);
}

#[test]
fn a_reader_has_all_suffixes_or_none() {
    let check = |family: &Family, plain: &str, suffixed: &str| {
        let name = |suffixes| {
            let page = Page {
                suffixes,
                ..Page::default()
            };
            printed_name(family, &page)
        };
        assert_eq!((name(false), name(true)), (plain.into(), suffixed.into()));
    };
    let spans = "otelcol_receiver_accepted_spans";
    check(&SPANS, spans, "otelcol_receiver_accepted_spans_total");
    let uptime = "otelcol_process_uptime";
    check(&UPTIME, uptime, "otelcol_process_uptime_seconds_total");
    let cpu = "otelcol_process_cpu_seconds";
    check(&CPU, cpu, "otelcol_process_cpu_seconds_total");
    let rss = "otelcol_process_memory_rss";
    check(&RSS, rss, "otelcol_process_memory_rss_bytes");
    let dotted = Family::gauge("http.server.7 é", "");
    check(&dotted, "http_server_7__", "http_server_7__");
}

#[test]
fn hostile_texts_leave_the_page_valid() {
    let metrics = Metrics::default();
    let family = Family::gauge("a", "back\\slash \"quote\" line\nfeed");
    let labels = [
        ("otel.signal", "\\\n\"}, {é\r"),
        ("7", ""),
        ("x y", "1"),
        ("x.y", "2"),
    ];
    let _gauge = metrics.gauge(&family, &labels);
    check(
        &metrics,
        &page(Level::Normal),
        "# HELP a back\\\\slash \"quote\" line\\nfeed\n# TYPE a gauge\n\
         a{_7=\"\",otel_signal=\"\\\\\\n\\\"}, {é\r\",x_y=\"1;2\"} 0\n",
    );
    let samples = parse(&metrics.render(&page(Level::Normal)));
    assert!(
        samples[0]
            .1
            .contains(&("otel_signal".to_owned(), "\\\n\"}, {é\r".to_owned()))
    );
}

#[test]
fn the_target_is_described_by_the_resource() {
    let changes =
        [("service.instance.id", "7"), ("zone\"", "a")].map(|(n, v)| (n.into(), Some(v.into())));
    let resource = Resource::new("tracegate", "1.2.3", changes).unwrap();
    assert_eq!(
        Metrics::default().render(&Page {
            resource,
            ..Page::default()
        }),
        "# HELP target_info Target metadata\n# TYPE target_info gauge\n\
         target_info{service_instance_id=\"7\",service_name=\"tracegate\",\
         service_version=\"1.2.3\",zone_=\"a\"} 1\n"
    );
}

#[test]
fn numbers_are_printed_as_in_go() {
    let check = |value, expected| assert_eq!(text::number(value), expected);
    check(0.0, "0");
    check(-1.5, "-1.5");
    check(100_000.0, "100000");
    check(999_999.5, "999999.5");
    check(1e6, "1e+06");
    check(61_579_264.0, "6.1579264e+07");
    check(0.0001, "0.0001");
    check(0.000_012, "1.2e-05");
    check(1e100, "1e+100");
    check(f64::INFINITY, "+Inf");
    check(f64::NEG_INFINITY, "-Inf");
    check(f64::NAN, "NaN");
}

#[test]
fn the_process_reports_its_uptime_and_where_linux_runs_its_use_of_cpu_and_memory() {
    let metrics = Metrics::default();
    let process = Arc::new(crate::Process::new(
        1_000_000_000,
        Arc::new(|| 3_500_000_000),
    ));
    metrics.register(&process);
    let samples = parse(&metrics.render(&page(Level::Basic)));
    let value = |name: &str| {
        samples
            .iter()
            .find(|(n, ..)| n == name)
            .map(|(.., value)| *value)
    };
    assert_eq!(value("otelcol_process_uptime"), Some(2.5));
    if cfg!(target_os = "linux") {
        let resident = value("otelcol_process_memory_rss").unwrap();
        let heap = value("otelcol_process_runtime_heap_alloc_bytes").unwrap();
        let system = value("otelcol_process_runtime_total_sys_memory_bytes").unwrap();
        assert!(0.0 < heap && heap <= resident && resident <= system);
        assert!(value("otelcol_process_cpu_seconds").is_some());
    }
}
