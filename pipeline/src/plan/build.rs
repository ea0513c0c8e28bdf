//! From a document to a plan: every component is read by its owner, used or not, and every fault is named in one run.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Component, ComponentId, Document, Fault, Faults, Kind, Node, Pipeline, Reference};
use otlp::Signal;

use super::foreign::Absent;
use super::steps::{Step, fed};
use super::{
    EdgeNode, ExporterNode, ExtensionNode, PipelineNode, Plan, ProcessorNode, ReceiverNode,
};
use super::{context, order, wants};
use crate::component::{
    BuildConnector, BuildExporter, BuildExtension, BuildProcessor, BuildReceiver, Factory, Planned,
    Registry,
};

/// The components of a document, each read by its owner.
#[derive(Default)]
pub struct Planner {
    pub(super) receivers: BTreeMap<ComponentId, Read<BuildReceiver>>,
    pub(super) processors: BTreeMap<ComponentId, Read<BuildProcessor>>,
    pub(super) exporters: BTreeMap<ComponentId, Read<BuildExporter>>,
    pub(super) connectors: BTreeMap<ComponentId, Read<BuildConnector>>,
    pub(super) extensions: BTreeMap<ComponentId, Read<BuildExtension>>,
}

/// A component that could be read, with the signals that its type carries.
pub(super) struct Read<B> {
    pub(super) planned: Planned<Arc<B>>,
    pub(super) written: Node,
    signals: &'static [Signal],
    pub(super) joins: &'static [(Signal, Signal)],
    name: &'static str,
    implied: bool,
}

impl Planner {
    /// Reads every component. What cannot be read is named in `faults` and left out.
    pub fn read(document: &Document, registry: &Registry, faults: &mut Faults) -> Self {
        let mut reading = Reading {
            document,
            registry,
            absent: Absent::default(),
            faults,
        };
        let planner = Self {
            receivers: reading.section(Kind::Receiver, &[registry.receivers]),
            processors: reading.section(Kind::Processor, &[registry.processors]),
            exporters: reading.section(Kind::Exporter, &[registry.exporters]),
            connectors: reading.section(Kind::Connector, &[registry.connectors]),
            extensions: reading.section(Kind::Extension, registry.extensions),
        };
        reading.absent.check_pipelines(document, reading.faults);
        planner
    }

    /// The effective configuration of each component, by section and id, with secrets redacted.
    pub fn effective(&self) -> Vec<(Kind, Vec<(String, &serde_json::Value)>)> {
        fn rows<B>(all: &BTreeMap<ComponentId, Read<B>>) -> Vec<(String, &serde_json::Value)> {
            all.iter()
                .map(|(id, read)| (id.to_string(), &read.planned.effective))
                .collect()
        }
        vec![
            (Kind::Receiver, rows(&self.receivers)),
            (Kind::Processor, rows(&self.processors)),
            (Kind::Exporter, rows(&self.exporters)),
            (Kind::Connector, rows(&self.connectors)),
            (Kind::Extension, rows(&self.extensions)),
        ]
    }

    /// Joins the components to pipelines. `None` if `faults` has errors, from here or from before.
    pub fn plan(mut self, document: &Document, faults: &mut Faults) -> Option<Plan> {
        for pipeline in &document.service.pipelines {
            self.check_signals(pipeline, faults);
        }
        self.check_connectors(document, faults);
        let extensions = wants::check(&self, document, faults);
        if faults.has_errors() {
            return None;
        }
        context::check(&mut self, document, faults);
        let pipelines = order::topological(
            &document.service.pipelines,
            |id, from, to| self.joins(id, from, to),
            faults,
        )?;
        let steps = self.steps(&pipelines);
        let mut plan = self.join(&steps, &extensions);
        plan.check_promises(&pipelines, faults);
        plan.find_samplers(document, faults);
        (!faults.has_errors()).then_some(plan)
    }

    pub(super) fn connects(&self, id: &ComponentId) -> bool {
        self.connectors.contains_key(id)
    }

    fn check_signals(&self, pipeline: &Pipeline, faults: &mut Faults) {
        let mut check = |reference: &Reference, kind: &str, row: Option<(&str, &[Signal])>| {
            if let Some((name, signals)) = row
                && !signals.contains(&pipeline.id.signal)
            {
                let signal = pipeline.id.signal;
                let text = format!(
                    "failed to create \"{name}\" {kind} for data type \"{signal}\": telemetry type \
                     is not supported"
                );
                faults.push(Fault::error(reference.place.clone(), pipeline.path(), text));
            }
        };
        for reference in &pipeline.receivers {
            check(reference, "receiver", facts(&self.receivers, reference));
        }
        for reference in &pipeline.processors {
            check(reference, "processor", facts(&self.processors, reference));
        }
        for reference in &pipeline.exporters {
            check(reference, "exporter", facts(&self.exporters, reference));
        }
    }

    /// Everything has been checked: references that do not resolve cannot occur.
    fn join(mut self, steps: &[Step<'_>], extensions: &[&ComponentId]) -> Plan {
        let mut plan = Plan::default();
        for step in steps {
            let pipeline = match *step {
                Step::Pipeline(pipeline) => pipeline,
                Step::Maker(id, from, to) => {
                    plan.pipelines.extend(self.maker(id, (from, to), steps));
                    continue;
                }
            };
            let processors = pipeline.processors.iter().filter_map(|reference| {
                let read = self.processors.get(&reference.id)?;
                Some(ProcessorNode {
                    id: reference.id.to_string(),
                    identity: self.identity(read),
                    build: Arc::clone(&read.planned.build),
                    samplers: Arc::default(),
                })
            });
            let processors = processors.collect();
            let edges = self.edges(pipeline, steps, &mut plan);
            plan.pipelines.push(PipelineNode {
                id: pipeline.id.to_string(),
                signal: pipeline.id.signal,
                makes: None,
                processors,
                edges,
            });
        }
        for (id, read) in std::mem::take(&mut self.receivers) {
            let feeds = Signal::ALL.map(|signal| fed(&id, signal, steps));
            let identity = self.identity(&read);
            if feeds.iter().any(|pipelines| !pipelines.is_empty())
                && let Some(build) = Arc::into_inner(read.planned.build)
            {
                plan.receivers.push(ReceiverNode {
                    id: id.to_string(),
                    identity,
                    build,
                    feeds,
                });
            }
        }
        let known = extensions.iter().filter_map(|&id| {
            let identity = self.identity(self.extensions.get(id)?);
            Some((id.clone(), identity))
        });
        let known: Vec<_> = known.collect();
        for (id, identity) in known {
            if let Some(read) = self.extensions.remove(&id)
                && let Some(build) = Arc::into_inner(read.planned.build)
            {
                plan.extensions.push(ExtensionNode {
                    id,
                    implied: read.implied,
                    identity,
                    build,
                });
            }
        }
        plan
    }

    fn edges(&self, pipeline: &Pipeline, all: &[Step<'_>], plan: &mut Plan) -> Vec<EdgeNode> {
        let mut edges: Vec<EdgeNode> = Vec::new();
        let mut seen: Vec<&ComponentId> = Vec::new();
        for Reference { id, .. } in &pipeline.exporters {
            // An exporter that is named twice is one exporter.
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            if self.connects(id) {
                edges.push(self.connector_edge(id, pipeline.id.signal, all));
            } else if let Some(read) = self.exporters.get(id) {
                let (name, signal) = (id.to_string(), pipeline.id.signal);
                let known = plan
                    .exporters
                    .iter()
                    .position(|e| e.id == name && e.signal == signal);
                let at = known.unwrap_or_else(|| {
                    let build = Arc::clone(&read.planned.build);
                    plan.exporters.push(ExporterNode {
                        id: name,
                        signal,
                        identity: self.identity(read),
                        build,
                    });
                    plan.exporters.len() - 1
                });
                edges.push(EdgeNode::Exporter(at));
            }
        }
        edges
    }
}

fn facts<'a, B>(
    all: &'a BTreeMap<ComponentId, Read<B>>,
    reference: &Reference,
) -> Option<(&'a str, &'a [Signal])> {
    all.get(&reference.id).map(|read| (read.name, read.signals))
}

// === impl Reading ===

/// What the sections of a document are read with.
struct Reading<'a> {
    document: &'a Document,
    registry: &'a Registry,
    absent: Absent,
    faults: &'a mut Faults,
}

impl Reading<'_> {
    fn section<B>(
        &mut self,
        kind: Kind,
        tables: &[&'static [Factory<B>]],
    ) -> BTreeMap<ComponentId, Read<B>> {
        let mut read = BTreeMap::new();
        for component in self.document.section(kind).iter() {
            let called = |factory: &&Factory<B>| factory.is_called(component.id.kind());
            let Some(factory) = rows(tables).find(called) else {
                let fault = self.unknown(component, tables);
                self.faults.push(fault);
                continue;
            };
            if component.id.kind() != factory.name {
                let text = format!(
                    "\"{}\" alias is deprecated; use \"{}\" instead",
                    component.id.kind(),
                    factory.name
                );
                let place = component.place.clone();
                self.faults
                    .push(Fault::warning(place, component.path(), text));
            }
            if let Some(Planned {
                build,
                effective,
                wants,
                keeps,
            }) = (factory.plan)(component, self.faults)
            {
                let planned = Planned {
                    build: Arc::new(build),
                    effective,
                    wants,
                    keeps,
                };
                let row = Read {
                    implied: component.implied,
                    written: component.node.clone(),
                    planned,
                    signals: factory.signals,
                    joins: factory.joins,
                    name: factory.name,
                };
                read.insert(component.id.clone(), row);
            }
        }
        read
    }

    fn unknown<B>(&mut self, component: &Component, tables: &[&'static [Factory<B>]]) -> Fault {
        let kind = component.id.kind();
        if let Some(advice) = (self.registry.foreign)(component.kind, kind) {
            return self.absent.note(component, advice, self.document);
        }
        let names: Vec<&str> = rows(tables).map(|factory| factory.name).collect();
        let text = format!(
            "unknown type: \"{kind}\" for id: \"{}\" (valid values: [{}])",
            component.id,
            names.join(" ")
        );
        let fault = component.fault(text);
        if let Some(other) = self.registry.section_of(kind) {
            return fault.with_help(format!("`{kind}` belongs to the section `{other}`"));
        }
        let candidates = rows(tables).flat_map(|f| f.aliases.iter().copied().chain([f.name]));
        let fault = fault.with_suggestion(kind, candidates);
        match fault.help {
            Some(_) => fault,
            None => fault.with_help(self.absent.note_unknown(component, self.document)),
        }
    }
}

fn rows<B>(tables: &[&'static [Factory<B>]]) -> impl Iterator<Item = &'static Factory<B>> {
    tables.iter().copied().flatten()
}
