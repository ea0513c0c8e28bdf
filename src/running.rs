//! What runs, and how another configuration takes its place.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Books, Budget, Kind};
use pipeline::component::{Extensions, Health, Listening, Outline, Questions, Reload, Vitals};
use pipeline::{Clock, Service, Shared};
use telemetry::metrics::{Family, Gauge};
use tokio::sync::watch;

use crate::companions::Companions;
use crate::logs::Voice;
use crate::machine;
use crate::outline;
use crate::setup::Setup;

const INFO: Family = Family::gauge(
    "tracegate_config_info",
    "The configuration that runs, by the hash of what it says",
);
const VOLATILE: Family = Family::gauge(
    "tracegate_volatile_queues",
    "Sending queues in memory whose configuration wants them on disk",
);

/// The service with all that stands beside it.
pub(crate) struct Running {
    pub(crate) service: Service,
    companions: Companions,
    pub(crate) shared: Shared,
    voice: Voice,
    vitals: Vitals,
    health: watch::Sender<Health>,
    outlines: watch::Sender<Arc<Outline>>,
    /// Shown for as long as they are held.
    _gauges: Vec<Gauge>,
}

/// What every part of the process shares.
pub(crate) fn shared(budget: u64, clock: Clock) -> Shared {
    Shared {
        books: Arc::new(Books::default()),
        budget: Budget::new(budget),
        errors: Arc::default(),
        agents: Arc::default(),
        metrics: telemetry::metrics::Metrics::default(),
        clock,
        extensions: Extensions::default(),
        instance: machine::name().into(),
    }
}

impl Running {
    pub(crate) fn start(
        setup: Setup,
        mut shared: Shared,
        voice: Voice,
        reload: Reload,
    ) -> anyhow::Result<Self> {
        let telemetry = &setup.document.service.telemetry;
        let configured = telemetry.resource.attributes.get("service.instance.id");
        if let Some(Some(id)) = configured {
            shared.instance = id.as_str().into();
        }
        let mut companions = Companions::default();
        let drafted = companions
            .draft(
                &setup.plan.extensions,
                (telemetry, &voice.resource),
                &mut shared,
            )
            .map_err(anyhow::Error::msg)?;
        let outline = outline::of(&setup)?;
        let gauges = gauges(&outline, setup.volatile_queues, &shared);
        let service = Service::start(setup.plan, &shared)?;
        let (health, watched) = watch::channel(Health::Starting);
        let (outlines, outlined) = watch::channel(Arc::new(outline));
        let vitals = Vitals {
            health: watched,
            shared: shared.clone(),
            rooms: service.rooms(),
            outline: outlined,
            reload,
            questions: service.questions(),
        };
        companions.commit(drafted, &vitals, &service.stop());
        health.send_replace(Health::Ready);
        log_listening(Kind::Receiver, &service.listening());
        log_listening(Kind::Exporter, &service.exporting());
        log_listening(Kind::Extension, &companions.listening());
        Ok(Self {
            service,
            companions,
            shared,
            voice,
            vitals,
            health,
            outlines,
            _gauges: gauges,
        })
    }

    /// Puts another configuration in the place of the one that runs, or changes nothing and says why.
    pub(crate) fn exchange(&mut self, setup: Setup, grace: Duration) -> Result<String, String> {
        let telemetry = &setup.document.service.telemetry;
        let mut shared = self.shared.clone();
        let own = (telemetry, &self.voice.resource);
        let drafted = self
            .companions
            .draft(&setup.plan.extensions, own, &mut shared)?;
        let outline = outline::of(&setup).map_err(|defect| defect.to_string())?;
        let before = self.service.listening();
        let exporting = self.service.exporting();
        let changes = self.service.reload(setup.plan, &shared, grace);
        let changes = changes.map_err(|error| error.to_string())?;
        let opened = self
            .companions
            .commit(drafted, &self.vitals, &self.service.stop());
        log_listening(Kind::Extension, &opened);
        let mut receiving = self.service.listening();
        receiving.retain(|socket| !before.contains(socket));
        log_listening(Kind::Receiver, &receiving);
        let mut asked = self.service.exporting();
        asked.retain(|socket| !exporting.contains(socket));
        log_listening(Kind::Exporter, &asked);
        self.voice.change(telemetry);
        self._gauges = gauges(&outline, setup.volatile_queues, &shared);
        self.outlines.send_replace(Arc::new(outline));
        self.shared = shared;
        Ok(changes.to_string())
    }

    /// Where all of it listens.
    pub(crate) fn listening(&self) -> Vec<(String, Listening)> {
        [self.service.listening(), self.companions.listening()].concat()
    }

    /// The way to every worker.
    pub(crate) fn questions(&self) -> Questions {
        self.vitals.questions.clone()
    }

    pub(crate) fn hash(&self) -> String {
        self.outlines.borrow().hash.clone()
    }

    /// Lets our own telemetry say how it ended. The service has.
    pub(crate) async fn last_words(&mut self) {
        self.companions.last_words().await;
    }

    /// Says that nothing more should be sent here.
    pub(crate) fn unready(&self) {
        self.health.send_replace(Health::Draining);
    }
}

fn gauges(outline: &Outline, volatile_queues: u32, shared: &Shared) -> Vec<Gauge> {
    let info = shared.metrics.gauge(&INFO, &[("hash", &outline.hash)]);
    info.set(1);
    let volatile = (volatile_queues > 0).then(|| shared.metrics.gauge(&VOLATILE, &[]));
    if let Some(gauge) = &volatile {
        gauge.set(i64::from(volatile_queues));
    }
    [Some(info), volatile].into_iter().flatten().collect()
}

fn log_listening(kind: Kind, sockets: &[(String, Listening)]) {
    for (id, socket) in sockets {
        tracing::info!(
            otelcol.component.id = id,
            otelcol.component.kind = kind.name(),
            endpoint = %socket.address,
            "Starting {} server",
            socket.protocol.to_uppercase()
        );
    }
}
