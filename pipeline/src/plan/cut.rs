//! Where a pipeline's chain is cut. Processors before the first of which there may not be one on every worker run
//! there; the rest lives in sections, on one lane each, or on several where a processor lives on shards.
//!
//! ```text
//! workers: memory_limiter │ shards: tail_sampling │ one lane: batch, fan-out
//! ```

use ledger::{Kind, NodeKey};
use otlp::Signal;

use super::{PipelineNode, ProcessorNode};
use crate::component::Place;

/// Processors that stand one behind the other on the same lanes. Behind the last section stands the fan-out, which is
/// on all of its lanes.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(crate) processors: &'a [ProcessorNode],
    /// At least one.
    pub(crate) lanes: usize,
}

impl PipelineNode {
    /// The processors of which every worker has its own.
    pub(crate) fn on_workers(&self) -> &[ProcessorNode] {
        let first = |node: &ProcessorNode| node.build.place != Place::Worker;
        let all = self.processors.as_slice();
        let end = all.iter().position(first).unwrap_or(all.len());
        all.split_at(end).0
    }

    /// What comes behind them.
    pub(crate) fn sections(&self) -> Vec<Section<'_>> {
        let mut rest = self.processors.split_at(self.on_workers().len()).1;
        let mut sections = Vec::new();
        while let Some((first, behind)) = rest.split_first() {
            let lanes = self.shards_of(first);
            let end = match lanes {
                // Whoever lives on shards has them to himself as far as what is before him goes.
                1 => behind
                    .iter()
                    .position(|node| node.build.place == Place::Shard),
                // What comes from several meets on one lane.
                _ => Some(0),
            };
            let (processors, next) = rest.split_at(1 + end.unwrap_or(behind.len()));
            sections.push(Section { processors, lanes });
            rest = next;
        }
        sections
    }

    /// The name of a processor of this pipeline in the books, wherever it runs.
    pub(crate) fn account_of(&self, processor: &ProcessorNode) -> NodeKey {
        let pipeline = match self.makes {
            None => self.id.clone(),
            Some(_) => String::new(),
        };
        NodeKey {
            kind: self.kind(),
            id: processor.id.clone(),
            pipeline,
            transport: "",
            signal: self.signal,
        }
    }

    /// What its processors are.
    pub(crate) const fn kind(&self) -> Kind {
        match self.makes {
            None => Kind::Processor,
            Some(_) => Kind::Connector,
        }
    }

    fn shards_of(&self, node: &ProcessorNode) -> usize {
        match node.build.place {
            Place::Shard if self.signal == Signal::Traces => node.build.shards.max(1),
            _ => 1,
        }
    }
}

impl Section<'_> {
    /// The processor that lives on shards, if one does: it stands first.
    pub(crate) fn sharded(&self) -> Option<&ProcessorNode> {
        let first = self.processors.first();
        first.filter(|node| node.build.place == Place::Shard)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::component::{BuildProcessor, Holds, Sampling};
    use crate::plan::{Heritage, Identity, Plan};

    /// A pipeline of processors such as `w` for one on every worker, `o` for an owner and `s3` for one on three shards.
    fn pipeline(signal: Signal, processors: &str) -> PipelineNode {
        let node = |id: &str| {
            let (place, shards) = match id.split_at(1) {
                ("w", _) => (Place::Worker, 1),
                ("o", _) => (Place::Owner, 1),
                (_, shards) => (Place::Shard, shards.parse().unwrap()),
            };
            let id = if shards > 1 { "s1" } else { id };
            ProcessorNode {
                id: id.to_owned(),
                identity: Identity::numbered(shards),
                build: Arc::new(BuildProcessor {
                    make: Arc::new(|_| Err(String::new())),
                    holds: Holds::Nothing,
                    place,
                    shards,
                    sampling: Sampling::None,
                }),
                samplers: Arc::default(),
            }
        };
        PipelineNode {
            id: "traces".into(),
            signal,
            makes: None,
            processors: processors.split_whitespace().map(node).collect(),
            edges: Vec::new(),
        }
    }

    fn check(signal: Signal, processors: &str, expected: &str) {
        let pipeline = pipeline(signal, processors);
        let ids = |nodes: &[ProcessorNode]| -> String {
            let ids: Vec<_> = nodes.iter().map(|node| node.id.as_str()).collect();
            ids.join(" ")
        };
        let sections = pipeline.sections();
        let sections = sections
            .iter()
            .map(|s| format!("{}×{}", ids(s.processors), s.lanes));
        let all: Vec<_> = std::iter::once(ids(pipeline.on_workers()))
            .chain(sections)
            .collect();
        assert_eq!(all.join(" | "), expected, "{processors}");
    }

    #[test]
    fn a_chain_is_cut_before_the_first_that_is_not_everywhere_and_around_shards() {
        let traces = |processors, expected| check(Signal::Traces, processors, expected);
        traces("", "");
        traces("w1 w2", "w1 w2");
        traces("w1 o1 w2", "w1 | o1 w2×1");
        traces("s1 w1", " | s1 w1×1");
        traces("w1 s2 w2 o1", "w1 | s1×2 | w2 o1×1");
        traces("w1 s2", "w1 | s1×2");
        traces("o1 s1 w1", " | o1×1 | s1 w1×1");
        traces("s3 s2 w1", " | s1×3 | s1×2 | w1×1");
        // What has no traces cannot be divided by them.
        check(Signal::Logs, "w1 s2 w2", "w1 | s1 w2×1");
    }

    #[test]
    fn lanes_go_on_or_hand_over_or_begin_anew() {
        let check = |old: &str, new: &str, expected: (bool, bool, &[Option<usize>])| {
            let plan = |processors| Plan {
                pipelines: vec![pipeline(Signal::Traces, processors)],
                ..Plan::default()
            };
            let heritage = Heritage::between(&plan(old), &plan(new));
            let lineage = &heritage.pipelines[0];
            let heirs = lineage.sections.iter();
            let heirs: Vec<_> = heirs
                .map(|s| s.heir_of.map(|(_, section)| section))
                .collect();
            let found = (lineage.at.is_some(), lineage.lanes_go_on, heirs.as_slice());
            assert_eq!(found, expected, "{old} → {new}");
        };
        check("w1 s1 w2", "w1 s1 w2", (true, true, &[None]));
        check("w1 s2 w2", "s2 w2", (true, true, &[None, None]));
        check("w1 s1 w2", "w1 s2 w2", (true, false, &[Some(0), None]));
        check("w1 s2 w2", "w1 s1 w2", (true, false, &[Some(0)]));
        check("w1 s2", "w1 s2 w2", (true, false, &[Some(0), None]));
        check("s2 w2", "o1 s2 w2", (true, false, &[None, Some(0), None]));
        check("o1 s2 w2", "s3 w2", (true, false, &[Some(1), None]));
        check("w1 s2", "s2 w1", (false, false, &[None, None]));
        check("o1 s2", "s2 o1", (true, false, &[None, None]));
        check("s2", "w1", (true, false, &[]));
        check("w1", "s2", (true, false, &[None]));
    }
}
