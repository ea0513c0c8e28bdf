//! What the tests of connectors share: connectors by the text of their configuration, and metrics as lines.

use std::sync::Arc;
use std::time::Duration;

use config::Faults;
use ledger::Budget;
use otlp::view::{Attributes, Exemplar, ItemView, Number, Repeated, Request};
use otlp::{Signal, survey};
use pipeline::component::{
    BuildConnector, Flush, Host, Outbox, Planned, Processor, Sampling, Verdicts,
};
use pipeline::testkit::{document, host_with};
use pipeline::{Batch, Now, Shards};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Builds a connector of this type from the text of its configuration.
pub(crate) fn build(name: &str, yaml: &str, budget: &Arc<Budget>) -> Box<dyn Processor> {
    build_for(name, Signal::Traces, yaml, budget)
}

/// The same for what takes this signal.
pub(crate) fn build_for(
    name: &str,
    signal: Signal,
    yaml: &str,
    budget: &Arc<Budget>,
) -> Box<dyn Processor> {
    build_at(name, yaml, &host_of(name, signal, budget))
}

/// What a connector that takes this signal may use.
pub(crate) fn host_of(name: &str, signal: Signal, budget: &Arc<Budget>) -> Host {
    let mut host = host_with(Arc::clone(budget), ledger::Kind::Connector, name);
    host.label.signal = Some(signal);
    host
}

/// The same for one that has somebody to ask what became of traces, if it asks.
pub(crate) fn build_asking(
    name: &str,
    yaml: &str,
    budget: &Arc<Budget>,
    verdicts: Option<Verdicts>,
) -> Box<dyn Processor> {
    let (planned, _) = plan(name, yaml);
    let maker = planned.and_then(|planned| planned.build.maker);
    let asks = maker.is_some_and(|maker| maker.sampling != Sampling::None);
    let host = Host {
        verdicts: verdicts.filter(|_| asks),
        ..host_of(name, Signal::Traces, budget)
    };
    build_at(name, yaml, &host)
}

pub(crate) fn build_at(name: &str, yaml: &str, host: &Host) -> Box<dyn Processor> {
    let (planned, faults) = plan(name, yaml);
    let maker = planned.unwrap_or_else(|| panic!("{faults:?}")).build.maker;
    (maker.expect("it makes metrics").make)(host).expect("it can be built")
}

/// What is wrong with a configuration or doubtful in it, one `path: text` each.
pub(crate) fn problems(name: &str, yaml: &str) -> Vec<String> {
    let (_, faults) = plan(name, yaml);
    let line = |fault: &config::Fault| format!("{}: {}", fault.path, fault.text);
    faults.iter().map(line).collect()
}

fn plan(name: &str, yaml: &str) -> (Option<Planned<BuildConnector>>, Faults) {
    let mut faults = Faults::new();
    let body: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let document = document(&format!("connectors:\n  {name}:\n{body}"), &mut faults);
    let document = document.expect("it is YAML");
    let component = document.connectors.iter().next().expect("there is one");
    let factory = crate::ALL.iter().find(|row| row.name == name);
    let planned = (factory.expect("it has a row").plan)(component, &mut faults);
    (planned, faults)
}

/// Hands over what `old` holds to `new`, and what is sent thereby.
pub(crate) fn succeed(
    mut old: Box<dyn Processor>,
    mut new: Box<dyn Processor>,
    second: u32,
) -> (Box<dyn Processor>, Vec<String>) {
    let now = Now::at(SECOND * second);
    let mut out = Outbox::default();
    let state = old.yield_state(Shards::new(1)).remove(0);
    assert_eq!(old.flush(now, &mut out), Flush::Done);
    assert!(out.is_empty(), "what was handed over is not sent by two");
    new.adopt(state, now, &mut out);
    (new, lines(&mut out))
}

/// An attribute in JSON.
pub(crate) fn text(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

pub(crate) fn take(connector: &mut Box<dyn Processor>, batch: Batch, second: u32) -> Vec<String> {
    let mut out = Outbox::default();
    connector.process(batch, Now::at(SECOND * second), &mut out);
    lines(&mut out)
}

pub(crate) fn tick(connector: &mut Box<dyn Processor>, second: u32) -> Vec<String> {
    let mut out = Outbox::default();
    connector.tick(Now::at(SECOND * second), &mut out);
    lines(&mut out)
}

/// Every point in a line of its own, in the order of the alphabet. Times in seconds.
pub(crate) fn lines(out: &mut Outbox) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in out.drain() {
        for chunk in batch.chunks() {
            assert_eq!(
                survey(Signal::Metrics, &chunk.bytes).unwrap().items as u64,
                chunk.items
            );
            let request = Request::new(Signal::Metrics, &chunk.bytes);
            let visit = |entry: &otlp::view::Entry<'_, '_>| {
                let metric = entry.metric.unwrap();
                let value = point(&entry.item.read()?);
                lines.push(format!(
                    "{}{} {} {value}{}",
                    pairs(entry.resource.attributes()),
                    pairs(attributes(&entry.item.read()?)),
                    metric.name,
                    metric.unit
                ));
                Ok::<_, otlp::Malformed>(())
            };
            request.for_each_item(visit).unwrap();
        }
    }
    lines.sort_unstable();
    lines
}

fn attributes<'a>(point: &ItemView<'a>) -> Attributes<'a> {
    match point {
        ItemView::NumberPoint(point) => point.attributes(),
        ItemView::HistogramPoint(point) => point.attributes(),
        ItemView::ExponentialHistogramPoint(point) => point.attributes(),
        _ => panic!("no such points are made"),
    }
}

fn pairs(attributes: Attributes<'_>) -> String {
    let pair = |pair: Result<otlp::view::KeyValue<'_>, _>| {
        let pair = pair.unwrap();
        match pair.value().unwrap().as_text() {
            Some(text) => format!("{}={text}", pair.key),
            None => format!("{}={:?}", pair.key, pair.value().unwrap()),
        }
    };
    let pairs: Vec<_> = attributes.map(pair).collect();
    format!("{{{}}}", pairs.join(","))
}

fn point(point: &ItemView<'_>) -> String {
    let seconds = |nanos: u64| nanos / 1_000_000_000;
    match point {
        ItemView::NumberPoint(point) => {
            let Some(Number::Int(value)) = point.value else {
                panic!("counts are integers");
            };
            format!(
                "{}..{} {value}{}",
                seconds(point.start_time_unix_nano),
                seconds(point.time_unix_nano),
                exemplars(point.exemplars())
            )
        }
        ItemView::HistogramPoint(point) => {
            let counts: Vec<_> = point.bucket_counts().map(Result::unwrap).collect();
            let last = counts.iter().rposition(|count| *count != 0).unwrap();
            format!(
                "{}..{} n={} sum={} {:?}{}",
                seconds(point.start_time_unix_nano),
                seconds(point.time_unix_nano),
                point.count,
                point.sum.unwrap(),
                &counts[..=last],
                exemplars(point.exemplars())
            )
        }
        ItemView::ExponentialHistogramPoint(point) => {
            let counts = point
                .positive
                .map(|side| side.bucket_counts().map(Result::unwrap));
            format!(
                "n={} zero={} scale={} sum={} min={} max={} {:?}",
                point.count,
                point.zero_count,
                point.scale,
                point.sum.unwrap(),
                point.min.unwrap(),
                point.max.unwrap(),
                counts.map(Iterator::collect::<Vec<_>>)
            )
        }
        _ => panic!("no such points are made"),
    }
}

fn exemplars<'a>(exemplars: Repeated<'a, Exemplar<'a>>) -> String {
    let exemplar = |exemplar: Result<Exemplar<'_>, _>| {
        let exemplar = exemplar.unwrap();
        let Some(Number::Double(value)) = exemplar.value else {
            panic!("exemplars are durations");
        };
        let (trace, span) = (exemplar.trace_id[15], exemplar.span_id[7]);
        format!(" @{trace}/{span}={value}")
    };
    exemplars.map(exemplar).collect()
}
