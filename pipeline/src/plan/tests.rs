//! What a configuration turns into, and what is wrong with one that turns into nothing.

use std::sync::Arc;
use std::time::Duration;

use config::blocks::Ack;
use config::{Capability, Component as Written, Document, Faults, Want};
use otlp::Signal;

use super::{EdgeNode, Heritage, Plan, Planner, Succession};
use crate::batch::ContextKey;
use crate::component::{
    BuildConnector, BuildExporter, BuildExtension, BuildProcessor, BuildReceiver, ConnectorFactory,
    ExporterFactory, ExtensionFactory, Factory, Holds, Place, Planned, ProcessorFactory,
    ReceiverFactory, Registry, Sampling, Stability, Wanted,
};
use crate::delivery::{Merge, Queue, Settings, Sizer};
use crate::testkit::document;

const fn row<B>(
    name: &'static str,
    signals: &'static [Signal],
    plan: fn(&Written, &mut Faults) -> Option<Planned<B>>,
) -> Factory<B> {
    Factory {
        name,
        aliases: &["alias"],
        signals,
        joins: &[],
        stability: Stability::Stable,
        example: "",
        reference: "",
        own_keys: &[],
        plan,
    }
}

fn planned<B>(build: B) -> Option<Planned<B>> {
    Some(Planned {
        build,
        effective: serde_json::Value::Null,
        wants: Vec::new(),
        keeps: Arc::new(|_| true),
    })
}

/// A component that names the extensions `guard` and `guard/2` where a row of `Rows` could not say so.
fn wanting<B>(build: B, written: &Written, capability: Capability) -> Option<Planned<B>> {
    let named = written.node.as_map()?.iter();
    let wants = named.map(|entry| Wanted {
        want: Want {
            path: entry.key.clone(),
            id: entry.node.as_text().expect("an id").parse().expect("an id"),
            capability,
        },
        place: entry.node.place.clone(),
    });
    Some(Planned {
        wants: wants.collect(),
        ..planned(build)?
    })
}

fn none<T>() -> Result<T, String> {
    Err("plans are not built".into())
}

fn exporter(waits: bool) -> Option<Planned<BuildExporter>> {
    let queue = Queue {
        consumers: 1,
        size: 1,
        sizer: Sizer::Requests,
        wait_for_result: waits,
        block_on_overflow: false,
        merge: None,
    };
    planned(BuildExporter {
        labels: Default::default(),
        make: Arc::new(|_| none()),
        delivery: Settings {
            queue: Some(queue),
            retry: None,
            timeout: None,
            in_order: false,
        },
    })
}

fn processor(holds: Holds) -> Option<Planned<BuildProcessor>> {
    planned(BuildProcessor {
        make: Arc::new(|_| none()),
        holds,
        place: Place::Worker,
        shards: 1,
        sampling: Sampling::None,
    })
}

static RECEIVERS: [ReceiverFactory; 4] = [
    row("promise", &Signal::ALL, |_, _| {
        planned(BuildReceiver {
            make: Arc::new(|_| none()),
            ack: Ack::Delivered,
        })
    }),
    row("in", &Signal::ALL, |_, _| {
        planned(BuildReceiver {
            make: Arc::new(|_| none()),
            ack: Ack::Accepted,
        })
    }),
    row("spans", &[Signal::Traces], |_, _| {
        planned(BuildReceiver {
            make: Arc::new(|_| none()),
            ack: Ack::Accepted,
        })
    }),
    row("door", &Signal::ALL, |written, _| {
        let build = BuildReceiver {
            make: Arc::new(|_| none()),
            ack: Ack::Accepted,
        };
        wanting(build, written, Capability::ServerAuth)
    }),
];
static EXTENSIONS: [ExtensionFactory; 3] = [
    row("guard", &[], |written, _| {
        let build = BuildExtension {
            make: Arc::new(|_| none()),
            offers: vec![Capability::ServerAuth],
            needs: Vec::new(),
        };
        match written.node.is_null() {
            true => planned(build),
            false => wanting(build, written, Capability::ServerAuth),
        }
    }),
    row("stamp", &[], |_, _| {
        planned(BuildExtension {
            make: Arc::new(|_| none()),
            offers: vec![Capability::HttpClientAuth],
            needs: vec![ContextKey::Metadata("tenant".into())],
        })
    }),
    row("page", &[], |_, _| {
        planned(BuildExtension {
            make: Arc::new(|_| none()),
            offers: Vec::new(),
            needs: Vec::new(),
        })
    }),
];
static PROCESSORS: [ProcessorFactory; 5] = [
    row("forget", &Signal::ALL, |_, _| {
        Some(Planned {
            keeps: Arc::new(|_| false),
            ..processor(Holds::Requests)?
        })
    }),
    row("pass", &Signal::ALL, |_, _| processor(Holds::Nothing)),
    row("hold", &Signal::ALL, |_, _| processor(Holds::Requests)),
    row("mix", &Signal::ALL, |_, _| processor(Holds::Items)),
    row("sample", &[Signal::Traces], |_, _| {
        sampling(Sampling::Decides, Place::Shard)
    }),
];
static EXPORTERS: [ExporterFactory; 3] = [
    row("out", &Signal::ALL, |_, _| exporter(false)),
    row("answer", &Signal::ALL, |_, _| exporter(true)),
    row("stamped", &Signal::ALL, |written, _| {
        let mut build = exporter(false)?.build;
        if let Some(queue) = &mut build.delivery.queue {
            queue.merge = Some(Merge {
                flush_timeout: Duration::ZERO,
                min_size: 1,
                max_size: None,
                sizer: Sizer::Items,
                partition_keys: Vec::new(),
            });
        }
        wanting(build, written, Capability::HttpClientAuth)
    }),
];
const SPANS_TO_METRICS: (Signal, Signal) = (Signal::Traces, Signal::Metrics);
const LOGS_TO_METRICS: (Signal, Signal) = (Signal::Logs, Signal::Metrics);

fn sampling(sampling: Sampling, place: Place) -> Option<Planned<BuildProcessor>> {
    let Planned { build, .. } = processor(Holds::Items)?;
    planned(BuildProcessor {
        sampling,
        place,
        ..build
    })
}

fn asking(asks: Sampling) -> Option<Planned<BuildConnector>> {
    let maker = sampling(asks, Place::Owner)?.build;
    planned(BuildConnector {
        maker: Some(Arc::new(maker)),
    })
}

static CONNECTORS: [ConnectorFactory; 4] = [
    Factory {
        joins: &[SPANS_TO_METRICS],
        ..row("ask", &Signal::ALL, |_, _| asking(Sampling::Asks))
    },
    Factory {
        joins: &[SPANS_TO_METRICS],
        ..row("insist", &Signal::ALL, |_, _| {
            asking(Sampling::Insists {
                key: "key",
                help: "have it sampled",
            })
        })
    },
    Factory {
        joins: &[
            (Signal::Traces, Signal::Traces),
            (Signal::Metrics, Signal::Metrics),
            (Signal::Logs, Signal::Logs),
        ],
        ..row("forward", &Signal::ALL, |_, _| {
            planned(BuildConnector { maker: None })
        })
    },
    Factory {
        joins: &[SPANS_TO_METRICS, LOGS_TO_METRICS],
        ..row("measure", &Signal::ALL, |_, _| {
            let Planned { build, .. } = processor(Holds::Nothing)?;
            let maker = Some(Arc::new(BuildProcessor {
                place: Place::Owner,
                ..build
            }));
            planned(BuildConnector { maker })
        })
    },
];

static REGISTRY: Registry = Registry {
    receivers: &RECEIVERS,
    processors: &PROCESSORS,
    exporters: &EXPORTERS,
    connectors: &CONNECTORS,
    extensions: &[&EXTENSIONS],
    foreign: |_, _| None,
};

const COMPONENTS: &str = "
receivers: {in: , in/2: , promise: , spans: }
processors: {pass: , hold: , mix: , sample: , sample/b: }
exporters: {out: , answer: }
connectors: {forward: , forward/a: , forward/b: , measure: , ask: , insist: }
";

/// One row a pipeline: id, receivers, processors, exporters.
type Rows<'a> = &'a [(&'a str, &'a str, &'a str, &'a str)];

fn read(yaml: &str) -> (Option<Plan>, Vec<String>) {
    let mut faults = Faults::default();
    let document: Option<Document> = document(yaml, &mut faults);
    let document = document.expect("it is YAML");
    let plan = Planner::read(&document, &REGISTRY, &mut faults).plan(&document, &mut faults);
    (plan, faults.iter().map(ToString::to_string).collect())
}

fn planned_of(rows: Rows<'_>) -> (Option<Plan>, Vec<String>) {
    let pipelines = rows.iter().map(|(id, receivers, processors, exporters)| {
        format!(
            "    {id}: {{receivers: [{receivers}], processors: [{processors}], \
             exporters: [{exporters}]}}\n"
        )
    });
    let pipelines: String = pipelines.collect();
    read(&format!("{COMPONENTS}service:\n  pipelines:\n{pipelines}"))
}

fn plan(rows: Rows<'_>) -> Plan {
    let (plan, faults) = planned_of(rows);
    plan.unwrap_or_else(|| panic!("{faults:#?}"))
}

/// Every plan of these rows is refused, with a fault that has these words.
fn check_refused(rows: Rows<'_>, words: &[&str]) {
    let (plan, faults) = planned_of(rows);
    assert!(plan.is_none(), "{rows:?}");
    for words in words {
        let said = faults.iter().any(|fault| fault.contains(words));
        assert!(said, "{words:?} is not in {faults:#?}");
    }
}

#[test]
fn a_component_that_does_not_carry_a_signal_is_refused_there() {
    check_refused(
        &[
            ("logs", "spans", "", "out"),
            ("metrics", "spans", "", "out"),
        ],
        &[
            r#"failed to create "spans" receiver for data type "logs""#,
            r#"failed to create "spans" receiver for data type "metrics""#,
        ],
    );
}

#[test]
fn a_connector_must_end_one_pipeline_and_begin_another_of_the_signal() {
    let as_exporter = r#"connector "forward" used as exporter in [traces] pipeline"#;
    let as_receiver = r#"connector "forward" used as receiver in [traces/2] pipeline"#;
    check_refused(&[("traces", "in", "", "forward")], &[as_exporter]);
    check_refused(
        &[
            ("traces", "in", "", "out"),
            ("traces/2", "forward", "", "out"),
        ],
        &[as_receiver],
    );
    check_refused(
        &[
            ("traces", "in", "", "forward"),
            ("logs", "forward", "", "out"),
        ],
        &[
            as_exporter,
            r#"connector "forward" used as receiver in [logs] pipeline"#,
        ],
    );
}

#[test]
fn a_cycle_is_refused_with_the_way_that_closes_it() {
    check_refused(
        &[("traces", "in, forward", "pass", "forward")],
        &[
            "cycle detected: processor \"pass\" in pipeline \"traces\" -> connector \"forward\" \
           (traces to traces)",
        ],
    );
    check_refused(
        &[
            ("traces/1", "in, forward/b", "", "forward/a"),
            ("traces/2", "forward/a", "", "forward/b"),
        ],
        &["connector \"forward/a\" (traces to traces) -> connector \"forward/b\""],
    );
}

#[test]
fn a_connector_leads_to_later_pipelines_only() {
    // Written last first, with a diamond in it.
    let plan = plan(&[
        ("traces/last", "forward/b", "", "out"),
        ("traces/right", "forward/a", "", "forward/b"),
        ("traces/left", "forward/a", "", "forward/b"),
        ("traces/first", "in", "", "forward/a, out"),
    ]);
    let ids: Vec<_> = plan.pipelines.iter().map(|p| p.id.as_str()).collect();
    assert_eq!((ids[0], ids[3]), ("traces/first", "traces/last"));
    for (at, pipeline) in plan.pipelines.iter().enumerate() {
        for edge in &pipeline.edges {
            if let EdgeNode::Connector { targets, .. } = edge {
                assert!(
                    targets.iter().all(|target| *target > at),
                    "{ids:?}: {targets:?}"
                );
                assert!(!targets.is_empty());
            }
        }
    }
    assert_eq!(plan.receivers[0].feeds[Signal::Traces.index()], [0]);
}

#[test]
fn a_connector_of_two_signals_must_be_used_at_both_ends_of_a_pair() {
    let as_exporter = r#"connector "measure" used as exporter in [traces] pipeline"#;
    let as_receiver = r#"connector "measure" used as receiver in [metrics] pipeline"#;
    check_refused(&[("traces", "in", "", "measure")], &[as_exporter]);
    check_refused(
        &[
            ("traces", "in", "", "measure"),
            ("traces/2", "measure", "", "out"),
        ],
        &[as_exporter],
    );
    check_refused(
        &[
            ("traces", "in", "", "out"),
            ("metrics", "measure", "", "out"),
        ],
        &[as_receiver],
    );
    check_refused(
        &[
            ("traces", "in", "", "measure"),
            ("metrics", "measure", "", "forward"),
            ("metrics/2", "forward", "", "measure"),
        ],
        &[r#"connector "measure" used as exporter in [metrics/2] pipeline"#],
    );
}

/// The ids behind each pipeline and connector that makes a signal, in the order of the plan.
fn ways(plan: &Plan) -> Vec<(String, Vec<&str>)> {
    let id = |at: &usize| plan.pipelines[*at].id.as_str();
    let ways = plan.pipelines.iter().map(|node| {
        let behind = node.edges.iter().flat_map(|edge| match edge {
            EdgeNode::Connector {
                targets, makers, ..
            } => targets.iter().chain(makers).map(id).collect(),
            EdgeNode::Exporter(at) => vec![plan.exporters[*at].id.as_str()],
        });
        (node.id.clone(), behind.collect())
    });
    ways.collect()
}

#[test]
fn a_connector_that_makes_a_signal_stands_once_between_all_that_it_joins() {
    let plan = plan(&[
        ("metrics/2", "measure, in", "", "out"),
        ("metrics/1", "measure", "", "forward"),
        ("metrics/3", "forward", "", "out"),
        ("traces/1", "in", "", "out, measure, measure"),
        ("traces/2", "in", "", "measure"),
        ("logs", "in", "", "measure"),
    ]);
    let spans = "measure (traces to metrics)";
    let logs = "measure (logs to metrics)";
    let mut ways = ways(&plan);
    for (at, (_, behind)) in ways.iter().enumerate() {
        let later = |id: &&str| ways.iter().skip(at).any(|(other, _)| other == id);
        assert!(
            behind.iter().all(|id| *id == "out" || later(id)),
            "{ways:?}"
        );
    }
    ways.sort_unstable();
    for (_, behind) in &mut ways {
        behind.sort_unstable();
    }
    let expected = [
        ("logs", vec![logs]),
        (logs, vec!["metrics/1", "metrics/2"]),
        (spans, vec!["metrics/1", "metrics/2"]),
        ("metrics/1", vec!["metrics/3"]),
        ("metrics/2", vec!["out"]),
        ("metrics/3", vec!["out"]),
        ("traces/1", vec![spans, "out"]),
        ("traces/2", vec![spans]),
    ];
    let expected: Vec<_> = expected.map(|(id, behind)| (id.to_owned(), behind)).into();
    assert_eq!(ways, expected);
}

#[test]
fn a_cycle_through_two_signals_names_both() {
    static BOTH: [ConnectorFactory; 1] = [Factory {
        joins: &[SPANS_TO_METRICS, (Signal::Metrics, Signal::Traces)],
        ..row("turn", &Signal::ALL, |_, _| {
            planned(BuildConnector { maker: None })
        })
    }];
    let registry = Registry {
        connectors: &BOTH,
        ..REGISTRY
    };
    let yaml = "
receivers: {in: }
connectors: {turn: }
service:
  pipelines:
    traces: {receivers: [in, turn], exporters: [turn]}
    metrics: {receivers: [turn], exporters: [turn]}
";
    let mut faults = Faults::default();
    let document = document(yaml, &mut faults).expect("it is YAML");
    let plan = Planner::read(&document, &registry, &mut faults).plan(&document, &mut faults);
    assert!(plan.is_none());
    let words = "connector \"turn\" (traces to metrics) -> connector \"turn\" (metrics to traces)";
    assert!(
        faults.iter().any(|fault| fault.to_string().contains(words)),
        "{faults:?}"
    );
}

#[test]
fn nobody_waits_for_what_a_connector_makes() {
    let plan = plan(&[
        ("traces", "promise", "", "measure"),
        ("metrics", "measure", "mix", "answer"),
    ]);
    let maker = plan.pipelines.iter().position(|node| node.makes.is_some());
    let maker = maker.expect("there is a connector");
    for at in 0..plan.pipelines.len() {
        assert!(!plan.waits(at));
        assert_eq!(plan.has_promised(at), at == 0, "{at} of {maker}");
    }
}

#[test]
fn an_exporter_is_one_for_each_signal_however_often_it_is_named() {
    let plan = plan(&[
        ("traces", "in", "", "out, out"),
        ("traces/2", "in/2", "", "out, answer"),
        ("logs", "in", "", "out"),
    ]);
    let exporters: Vec<_> = plan
        .exporters
        .iter()
        .map(|e| (e.id.as_str(), e.signal.index()))
        .collect();
    let (traces, logs) = (Signal::Traces.index(), Signal::Logs.index());
    let mut sorted = exporters.clone();
    sorted.sort_unstable();
    let mut expected = [("answer", traces), ("out", traces), ("out", logs)];
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    let edges = plan.pipelines.iter().map(|p| p.edges.len());
    assert_eq!(edges.sum::<usize>(), 4, "a repetition is no second edge");
}

#[test]
fn a_receiver_that_no_pipeline_names_is_read_and_not_built() {
    let plan = plan(&[("traces", "in", "", "out")]);
    let ids: Vec<_> = plan.receivers.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["in"]);
}

/// What is wrong with these extensions, of which `service` names some, for a receiver with these keys.
fn check_wants(extensions: &str, named: &str, door: &str, expected: Result<&[&str], &str>) {
    let (plan, faults) = read(&format!(
        "
receivers: {{door: {{{door}}}}}
exporters: {{out: }}
extensions: {{{extensions}}}
service:
  extensions: [{named}]
  pipelines: {{traces: {{receivers: [door], exporters: [out]}}}}
"
    ));
    match expected {
        Ok(order) => {
            let plan = plan.unwrap_or_else(|| panic!("{faults:#?}"));
            let built = plan.extensions.iter().map(|node| node.id.to_string());
            assert_eq!(built.collect::<Vec<_>>(), order);
        }
        Err(words) => {
            assert!(plan.is_none(), "{words}");
            let said = faults.iter().any(|fault| fault.contains(words));
            assert!(said, "{words:?} is not in {faults:#?}");
        }
    }
}

#[test]
fn who_names_an_extension_finds_it_running_and_able() {
    let auth = "auth: guard";
    check_wants(
        "guard: , page: ",
        "page, guard",
        auth,
        Ok(&["page", "guard"]),
    );
    let missing = r#"failed to resolve authenticator "guard": authenticator not found"#;
    check_wants("page: ", "page", auth, Err(missing));
    check_wants(
        "guard: ",
        "",
        auth,
        Err("add `guard` to `service::extensions`"),
    );
    check_wants("guard: ", "", auth, Err("receivers::door::auth"));
    let unable = "requested authenticator is not a server authenticator";
    check_wants("page: ", "page", "auth: page", Err(unable));
}

#[test]
fn an_extension_is_built_after_those_that_it_names() {
    let chain = "guard: {a: guard/2}, guard/2: {a: guard/3}, guard/3: ";
    check_wants(
        chain,
        "guard, guard/2, guard/3",
        "auth: guard",
        Ok(&["guard/3", "guard/2", "guard"]),
    );
    let circle = "guard: {a: guard/2}, guard/2: {a: guard}";
    let words = "cycle found: guard -> guard/2 -> guard";
    check_wants(circle, "guard, guard/2", "auth: guard", Err(words));
}

/// The warnings of a plan with these pipelines, in which `stamped` names an extension that needs the tenant.
fn check_forgetful(pipelines: &str, expected: &[&str]) {
    let (plan, faults) = read(&format!(
        "
receivers: {{in: }}
processors: {{pass: , forget: }}
connectors: {{forward: }}
exporters: {{out: , stamped: {{auth: stamp}}}}
extensions: {{stamp: }}
service:
  extensions: [stamp]
  pipelines: {{{pipelines}}}
"
    ));
    let plan = plan.unwrap_or_else(|| panic!("{faults:#?}"));
    let needs: Vec<_> = faults
        .iter()
        .filter(|fault| fault.contains("needs"))
        .collect();
    assert_eq!(needs.len(), expected.len(), "{faults:#?}");
    for (fault, words) in needs.iter().zip(expected) {
        assert!(fault.contains(words), "{fault}");
        assert!(fault.contains("exporters::stamped::auth"), "{fault}");
    }
    let stamped = plan
        .exporters
        .iter()
        .find(|node| node.id == "stamped")
        .unwrap();
    let merge = stamped
        .build
        .delivery
        .queue
        .as_ref()
        .unwrap()
        .merge
        .as_ref();
    let tenant = ContextKey::Metadata("tenant".into());
    assert_eq!(merge.unwrap().partition_keys, [tenant]);
}

#[test]
fn senders_are_kept_apart_for_an_exporter_that_must_know_them_and_who_forgets_them_is_named() {
    let keeping = "traces: {receivers: [in], processors: [pass], exporters: [stamped]}";
    check_forgetful(keeping, &[]);
    let words =
        "`stamp` needs the request metadata `tenant`, which the processor `forget` does not";
    check_forgetful(
        "traces: {receivers: [in], processors: [pass, forget], exporters: [stamped]}, \
         logs: {receivers: [in], processors: [forget], exporters: [stamped, out]}",
        &[words],
    );
    check_forgetful(
        "traces: {receivers: [in], processors: [forget], exporters: [forward, out]}, \
         traces/2: {receivers: [forward], exporters: [stamped]}",
        &[words],
    );
    check_forgetful(
        "traces: {receivers: [in], processors: [forget], exporters: [out]}, \
         traces/2: {receivers: [in], exporters: [stamped]}",
        &[],
    );
}

fn check_waits(rows: Rows<'_>, expected: bool) {
    let plan = plan(rows);
    let entry = plan.receivers[0].feeds[Signal::Traces.index()][0];
    assert_eq!(plan.waits(entry), expected, "{rows:?}");
}

#[test]
fn a_sender_waits_if_some_exporter_answers_and_nothing_holds_on_the_way() {
    check_waits(&[("traces", "in", "", "out")], false);
    check_waits(&[("traces", "in", "pass", "out, answer")], true);
    check_waits(&[("traces", "in", "pass, hold", "answer")], false);
    let behind = ("traces/2", "forward", "", "answer");
    check_waits(&[("traces", "in", "", "out, forward"), behind], true);
    check_waits(&[("traces", "in", "hold", "forward"), behind], false);
    let holding = ("traces/2", "forward", "hold", "answer");
    check_waits(&[("traces", "in", "", "forward"), holding], false);
}

#[test]
fn a_promise_of_delivery_is_kept_by_what_holds_whole_requests() {
    let behind = ("traces/2", "forward", "pass", "out");
    plan(&[("traces", "promise, in", "pass, hold", "forward"), behind]);
}

#[test]
fn a_promise_of_delivery_before_a_processor_that_mixes_items_is_refused_there() {
    let words = r#"receiver "promise" has `ack: delivered`, and processor "mix" keeps items apart"#;
    check_refused(&[("traces", "promise", "pass, mix", "out")], &[words]);
    let behind = ("traces/2", "forward", "mix", "out");
    check_refused(&[("traces", "promise", "", "forward"), behind], &[words]);
    plan(&[
        ("traces", "in", "mix", "out"),
        ("logs", "promise", "", "out"),
    ]);
}

/// The pipelines whose only exporter `out` may stop its upstream.
fn check_lone(rows: Rows<'_>, expected: &[&str]) {
    let plan = plan(rows);
    let lone = plan.pipelines.iter().enumerate().filter(|(at, node)| {
        node.edges.iter().any(|edge| match edge {
            EdgeNode::Exporter(exporter) => {
                plan.exporters[*exporter].id == "out" && plan.is_lone(*exporter, *at)
            }
            EdgeNode::Connector { .. } => false,
        })
    });
    let mut lone: Vec<_> = lone.map(|(_, node)| node.id.as_str()).collect();
    lone.sort_unstable();
    assert_eq!(lone, expected, "{rows:?}");
}

#[test]
fn an_exporter_is_lone_if_no_request_that_comes_to_it_goes_to_another_one_too() {
    check_lone(&[("traces", "in", "", "out")], &["traces"]);
    check_lone(&[("traces", "in", "", "out, answer")], &[]);
    // By two pipelines of one receiver, or behind a connector.
    let other = ("traces/2", "in", "", "answer");
    check_lone(&[("traces", "in", "", "out"), other], &[]);
    let behind = ("traces/2", "forward", "", "answer");
    check_lone(
        &[
            ("traces", "in", "", "forward"),
            behind,
            ("traces/3", "in", "", "out"),
        ],
        &[],
    );
    check_lone(
        &[
            ("traces", "in", "", "forward"),
            ("traces/2", "forward", "", "out"),
        ],
        &["traces/2"],
    );
    // What a connector makes of the same requests waits for itself.
    check_lone(
        &[
            ("traces", "in", "", "out, measure"),
            ("metrics", "measure", "", "answer"),
        ],
        &["traces"],
    );
    check_lone(
        &[
            ("traces", "in", "", "answer, measure"),
            ("metrics", "measure", "", "out"),
        ],
        &["metrics"],
    );
    check_lone(
        &[
            ("traces", "in", "", "measure"),
            ("metrics", "measure", "", "out, answer"),
        ],
        &[],
    );
    // The same exporter by two ways is one.
    let same = ("traces/2", "in", "", "out");
    check_lone(
        &[("traces", "in", "", "out"), same],
        &["traces", "traces/2"],
    );
    // Requests of other receivers and signals are other requests.
    let others = [
        ("traces/2", "in/2", "", "answer"),
        ("logs", "in", "", "answer"),
    ];
    check_lone(
        &[("traces", "in", "", "out"), others[0], others[1]],
        &["traces"],
    );
    // One of two receivers of the pipeline feeds another exporter as well.
    let shared = ("traces/2", "in/2", "", "answer");
    check_lone(&[("traces", "in, in/2", "", "out"), shared], &[]);
}

#[test]
fn a_type_that_nobody_knows_is_refused_with_a_suggestion() {
    let yaml = "
receivers: {on: , out: }
exporters: {alias: }
service: {pipelines: {traces: {receivers: [on], exporters: [alias]}}}
";
    let (plan, faults) = read(yaml);
    assert!(plan.is_none());
    for words in [
        r#"unknown type: "on" for id: "on" (valid values: [promise in spans door])"#,
        "did you mean `in`",
        "`out` belongs to the section `exporters`",
        r#""alias" alias is deprecated; use "out" instead"#,
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(words)),
            "{words}: {faults:#?}"
        );
    }
}

// === what a reload takes over ===

const WITH: &str = "
receivers: {in: {a: 1}}
processors: {pass: {a: 1}, hold: {a: 1}, mix: {a: 1}}
exporters: {out: {a: 1}}
";

/// A plan of these sections with one pipeline through these processors.
fn chain_of(sections: &str, processors: &str) -> Plan {
    let pipeline = format!("{{receivers: [in], processors: [{processors}], exporters: [out]}}");
    let (plan, faults) = read(&format!(
        "{sections}service: {{pipelines: {{traces: {pipeline}}}}}"
    ));
    plan.unwrap_or_else(|| panic!("{faults:#?}"))
}

/// Who goes on of a chain of these processors when it becomes that one; an id with `!` has other keys.
fn check_succession(old: &str, new: &str, expected: &[Succession]) {
    let mut sections = WITH.to_owned();
    for id in new.split(", ").filter_map(|id| id.strip_suffix('!')) {
        sections = sections.replace(&format!("{id}: {{a: 1}}"), &format!("{id}: {{a: 2}}"));
    }
    let (old, new) = (
        chain_of(WITH, old),
        chain_of(&sections, &new.replace('!', "")),
    );
    let heritage = Heritage::between(&old, &new);
    assert_eq!(heritage.pipelines[0].on_workers, expected);
    assert_eq!(heritage.exporters, [Some(0)]);
}

#[test]
fn a_processor_goes_on_unless_an_item_could_pass_another_twice_or_never() {
    use Succession::{Nobody, Same, Successor};
    check_succession("pass, hold", "pass, hold", &[Same(0), Same(1)]);
    check_succession("pass, hold", "pass!, hold", &[Successor(0), Same(1)]);
    check_succession("pass, hold", "hold", &[Same(1)]);
    check_succession("pass, hold", "pass, mix, hold", &[Same(0), Nobody, Same(1)]);
    check_succession("pass, hold", "hold, pass", &[Nobody, Nobody]);
    check_succession(
        "pass, hold, mix",
        "mix, pass!, hold",
        &[Nobody, Nobody, Nobody],
    );
}

#[test]
fn what_was_written_decides_who_goes_on_wherever_it_stands() {
    let plan = |receiver: &str, exporter: &str| {
        chain_of(
            &format!("receivers: {{in: {receiver}}}\nexporters:\n  out: {exporter}\n"),
            "",
        )
    };
    let old = plan("{a: 1}", "{key: x}");
    let check = |new: &Plan, receiver: bool, exporter: bool| {
        let heritage = Heritage::between(&old, new);
        let goes_on = heritage.receivers[0].map(|before| before.goes_on);
        assert_eq!(
            (goes_on, heritage.exporters[0].is_some()),
            (Some(receiver), exporter)
        );
    };
    check(&plan("{a: 1}", "\n    key: x"), true, true);
    check(&plan("{a: 2}", "{key: x}"), false, true);
    check(&plan("{a: 1}", "{key: y}"), true, false);
    let empty = Heritage::between(&Plan::default(), &old);
    assert!(empty.receivers[0].is_none() && empty.exporters[0].is_none());
}

#[test]
fn who_names_an_extension_goes_on_only_with_it() {
    let plan = |key: &str| {
        let (plan, faults) = read(&format!(
            "
receivers: {{door: {{auth: guard}}}}
exporters: {{out: }}
extensions: {{guard: {{a: guard/2}}, guard/2: {key}}}
service:
  extensions: [guard, guard/2]
  pipelines: {{traces: {{receivers: [door], exporters: [out]}}}}
"
        ));
        plan.unwrap_or_else(|| panic!("{faults:#?}"))
    };
    let goes_on = |new: &Plan| {
        Heritage::between(&plan(""), new).receivers[0]
            .unwrap()
            .goes_on
    };
    assert!(goes_on(&plan("")));
    assert!(
        !goes_on(&plan("{}")),
        "an extension that its own names is another"
    );
}

/// Whom a connector of these pipelines asks what became of traces, with `!` those whose word counts, and what is told.
fn check_samplers(rows: Rows<'_>, expected: &[&str], told: &[&str]) {
    let mut all = vec![("metrics", "ask", "", "out")];
    all.extend(rows);
    let (plan, faults) = planned_of(&all);
    let plan = plan.unwrap_or_else(|| panic!("{rows:?}: {faults:#?}"));
    let mut makers = plan.pipelines.iter().filter(|node| node.makes.is_some());
    let asking = &makers.next().expect("it makes metrics").processors[0];
    let samplers = asking.samplers.iter();
    let samplers = samplers.map(|s| {
        format!(
            "{}:{}{}",
            s.pipeline,
            s.id,
            if s.is_last { "!" } else { "" }
        )
    });
    assert_eq!(samplers.collect::<Vec<_>>(), expected, "{rows:?}");
    assert_eq!(faults.len(), told.len(), "{faults:#?}");
    for (fault, words) in faults.iter().zip(told) {
        assert!(fault.contains(words), "{words:?} is not in {fault}");
    }
}

#[test]
fn who_asks_what_is_kept_asks_the_samplers_behind_the_same_receivers() {
    let seen = ("traces", "in", "", "ask");
    check_samplers(&[seen], &[], &[]);
    check_samplers(
        &[seen, ("traces/b", "in", "pass, sample", "out")],
        &["traces/b:sample!"],
        &[],
    );
    // Either may keep it.
    check_samplers(
        &[
            seen,
            ("traces/b", "in", "sample", "out"),
            ("traces/c", "in", "sample/b", "answer"),
        ],
        &["traces/b:sample!", "traces/c:sample/b!"],
        &[],
    );
    // The last of several decides.
    check_samplers(
        &[
            seen,
            ("traces/b", "in", "sample", "forward/a"),
            ("traces/c", "forward/a", "sample, sample/b", "out"),
        ],
        &["traces/b:sample", "traces/c:sample", "traces/c:sample/b!"],
        &[],
    );
    // What has passed the sampler is kept.
    check_samplers(&[("traces", "in", "sample", "ask, out")], &[], &[]);
    // What is not exported is found nowhere.
    check_samplers(
        &[
            ("traces", "in", "", "ask"),
            ("traces/b", "in", "sample", "measure"),
            ("metrics/b", "measure", "", "out"),
        ],
        &[],
        &[],
    );
    // The samplers of others know nothing of it.
    check_samplers(&[seen, ("traces/b", "in/2", "sample", "out")], &[], &[]);
    check_samplers(
        &[
            ("traces", "in, spans", "", "ask"),
            ("traces/b", "in", "sample", "out"),
        ],
        &["traces/b:sample!"],
        &["none decides on the traces of receiver `spans`"],
    );
}

#[test]
fn who_insists_on_what_is_kept_is_refused_where_nobody_decides() {
    check_refused(
        &[
            ("traces", "in", "", "insist"),
            ("metrics", "insist", "", "out"),
        ],
        &[
            "connectors::insist::key",
            "traces of receiver `in`",
            "have it sampled",
        ],
    );
    plan(&[
        ("traces", "in", "sample", "insist, out"),
        ("metrics", "insist", "", "out"),
    ]);
}

#[test]
fn a_connector_with_other_samplers_is_another() {
    let plan = |sampler: &str| {
        plan(&[
            ("traces", "in", "", "ask"),
            ("metrics", "ask", "", "out"),
            ("traces/b", "in", sampler, "out"),
        ])
    };
    let succession = |old: &str, new: &str| {
        let (old, new) = (plan(old), plan(new));
        let heritage = Heritage::between(&old, &new);
        let maker = new.pipelines.iter().position(|node| node.makes.is_some());
        heritage.pipelines[maker.expect("it makes metrics")].sections[0].successions[0]
    };
    assert_eq!(succession("sample", "pass, sample"), Succession::Same(0));
    assert_eq!(succession("pass", "sample"), Succession::Successor(0));
    assert_eq!(succession("sample", "sample/b"), Succession::Successor(0));
}
