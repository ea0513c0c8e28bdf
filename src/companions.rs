//! Extensions, and the pages of our own telemetry: what runs on this thread beside the pipelines.

use std::time::Duration;

use ::telemetry::Resource;
use config::telemetry::Metrics;
use config::{ComponentId, Telemetry};
use ledger::Kind;
use pipeline::component::{Extension, Label, Listening, Vitals};
use pipeline::{ExtensionNode, Identity, Shared, Stop};
use tokio::task::JoinHandle;

/// What the pages of our own telemetry are called where components are named.
pub(crate) const PAGES: &str = "telemetry";

/// How long our own telemetry may take to send its last figures once the service has ended.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);

/// Those that run, in the order in which they were built.
#[derive(Default)]
pub(crate) struct Companions(Vec<Companion>);

struct Companion {
    id: String,
    origin: Origin,
    sockets: Vec<Listening>,
    task: JoinHandle<()>,
}

/// What it was built from: a successor with an equal one is not built.
#[derive(Clone, PartialEq)]
enum Origin {
    Extension(Identity),
    Page(Box<Metrics>),
}

/// The next ones: those that go on, by their place, and those that have been built and do not run yet.
pub(crate) struct Draft(Vec<Next>);

enum Next {
    Same(usize),
    New(String, Origin, Box<dyn Extension>),
}

impl Companions {
    /// Builds what does not run yet. `shared` is given the table of what all of them offer.
    pub(crate) fn draft(
        &self,
        nodes: &[ExtensionNode],
        (telemetry, resource): (&Telemetry, &Resource),
        shared: &mut Shared,
    ) -> Result<Draft, String> {
        let before = std::mem::take(&mut shared.extensions);
        let mut draft = Vec::with_capacity(nodes.len() + 1);
        for node in nodes {
            let (id, origin) = (
                node.id.to_string(),
                Origin::Extension(node.identity.clone()),
            );
            if let Some(at) = self.position(&id, &origin) {
                shared.extensions.keep(&node.id, &before);
                draft.push(Next::Same(at));
            } else if let Some(built) = build(node, shared)? {
                shared.extensions.add(&node.id, built.as_ref());
                draft.push(Next::New(id, origin, built));
            }
        }
        let origin = Origin::Page(Box::new(telemetry.metrics.clone()));
        let pages: ComponentId = PAGES.parse().map_err(|fault| format!("{PAGES}: {fault}"))?;
        if let Some(at) = self.position(PAGES, &origin) {
            shared.extensions.keep(&pages, &before);
            draft.push(Next::Same(at));
        } else if let Some(page) = admin::metric_readers(telemetry, resource, shared)? {
            shared.extensions.add(&pages, page.as_ref());
            draft.push(Next::New(PAGES.to_owned(), origin, page));
        }
        Ok(Draft(draft))
    }

    /// Starts what is new and ends what has gone. Returns where what is new listens.
    pub(crate) fn commit(
        &mut self,
        draft: Draft,
        vitals: &Vitals,
        stop: &Stop,
    ) -> Vec<(String, Listening)> {
        let mut old: Vec<_> = std::mem::take(&mut self.0).into_iter().map(Some).collect();
        let mut opened = Vec::new();
        for next in draft.0 {
            self.0.extend(match next {
                Next::Same(at) => old.get_mut(at).and_then(Option::take),
                Next::New(id, origin, extension) => {
                    let sockets = extension.listening();
                    opened.extend(sockets.iter().map(|socket| (id.clone(), socket.clone())));
                    let running = extension.run(vitals.clone(), stop.clone());
                    Some(Companion {
                        id,
                        origin,
                        sockets,
                        task: tokio::task::spawn_local(running),
                    })
                }
            });
        }
        // Whoever is connected is answered to the end; nobody else gets in.
        old.into_iter().flatten().for_each(|gone| gone.task.abort());
        opened
    }

    /// Lets our own telemetry send its last figures.
    pub(crate) async fn last_words(&mut self) {
        for page in self.0.iter_mut().filter(|running| running.id == PAGES) {
            // Who does not end in time, or has ended badly, has nothing more to say.
            let _ = tokio::time::timeout(LAST_WORDS_MAX, &mut page.task).await;
        }
    }

    /// Where they listen.
    pub(crate) fn listening(&self) -> Vec<(String, Listening)> {
        let sockets = |c: &Companion| -> Vec<_> {
            c.sockets
                .iter()
                .map(|socket| (c.id.clone(), socket.clone()))
                .collect()
        };
        self.0.iter().flat_map(sockets).collect()
    }

    fn position(&self, id: &str, origin: &Origin) -> Option<usize> {
        self.0
            .iter()
            .position(|running| running.id == id && running.origin == *origin)
    }
}

/// Nothing where it cannot be built and nobody has asked for it.
fn build(node: &ExtensionNode, shared: &Shared) -> Result<Option<Box<dyn Extension>>, String> {
    let id = node.id.to_string();
    // Extensions have no account; the label serves their log lines alone.
    let host = shared.host(Label {
        kind: Kind::Extension,
        id: id.clone(),
        signal: None,
        pipeline: None,
    });
    match (node.build.make)(&host) {
        Ok(built) => Ok(Some(built)),
        Err(text) if node.implied => {
            tracing::warn!(
                otelcol.component.id = id,
                otelcol.component.kind = Kind::Extension.name(),
                reason = text,
                "Going on without an extension that no file asks for. Give it a free port, or \
                 switch it off: `extensions: {{{id}: {{enabled: false}}}}`"
            );
            Ok(None)
        }
        Err(text) => Err(format!("failed to start extension {id}: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pipeline::component::BuildExtension;

    use super::*;

    #[test]
    fn only_what_somebody_asked_for_must_start() {
        let is_built = |implied| {
            let node = ExtensionNode {
                id: "admin".parse().unwrap(),
                identity: Identity::default(),
                implied,
                build: BuildExtension {
                    make: Arc::new(|_| Err("its port is taken".to_owned())),
                    offers: Vec::new(),
                    needs: Vec::new(),
                },
            };
            let shared = crate::running::shared(1 << 20, pipeline::Clock::start());
            build(&node, &shared).map(|built| built.is_some())
        };
        assert_eq!(is_built(true), Ok(false));
        let error = "failed to start extension admin: its port is taken";
        assert_eq!(is_built(false), Err(error.to_owned()));
    }
}
