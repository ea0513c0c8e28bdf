//! The order of pipelines: a connector leads to later ones only.

use config::{ComponentId, Fault, Faults, Pipeline};
use otlp::Signal;

/// Sorts the pipelines so that each comes before those that it leads to through a connector. `joins` says whether one
/// takes the first signal and gives the second. A cycle is a fault, at the reference that closes it.
pub(super) fn topological<'a>(
    pipelines: &'a [Pipeline],
    joins: impl Fn(&ComponentId, Signal, Signal) -> bool,
    faults: &mut Faults,
) -> Option<Vec<&'a Pipeline>> {
    let mut search = Search {
        pipelines,
        joins,
        marks: vec![Mark::New; pipelines.len()],
        done: Vec::new(),
    };
    for at in 0..pipelines.len() {
        if let Err(fault) = search.visit(at, &mut Vec::new()) {
            faults.push(fault);
            return None;
        }
    }
    search.done.reverse();
    Some(search.done.into_iter().map(|at| &pipelines[at]).collect())
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    OnPath,
    Done,
}

struct Search<'a, F> {
    pipelines: &'a [Pipeline],
    joins: F,
    marks: Vec<Mark>,
    /// Last first.
    done: Vec<usize>,
}

impl<F: Fn(&ComponentId, Signal, Signal) -> bool> Search<'_, F> {
    /// Depth first. `path` is what leads here, as words of the message. Its depth is at most the number of pipelines.
    fn visit(&mut self, at: usize, path: &mut Vec<String>) -> Result<(), Fault> {
        if self.marks[at] == Mark::Done {
            return Ok(());
        }
        self.marks[at] = Mark::OnPath;
        let pipelines = self.pipelines;
        let pipeline = &pipelines[at];
        let signal = pipeline.id.signal;
        let mark = path.len();
        for processor in &pipeline.processors {
            path.push(format!(
                "processor \"{}\" in pipeline \"{}\"",
                processor.id, pipeline.id
            ));
        }
        for edge in &pipeline.exporters {
            for (next, target) in pipelines.iter().enumerate() {
                let made = target.id.signal;
                let mut begins = target.receivers.iter();
                if !(self.joins)(&edge.id, signal, made) || !begins.any(|r| r.id == edge.id) {
                    continue;
                }
                path.push(format!("connector \"{}\" ({signal} to {made})", edge.id));
                if self.marks[next] == Mark::OnPath {
                    let text = format!("cycle detected: {}", path.join(" -> "));
                    return Err(Fault::error(edge.place.clone(), pipeline.path(), text));
                }
                self.visit(next, path)?;
                path.pop();
            }
        }
        path.truncate(mark);
        self.marks[at] = Mark::Done;
        self.done.push(at);
        Ok(())
    }
}
