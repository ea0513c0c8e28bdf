//! The main thread's side of what runs: the plan, what its sockets and queues are, and how the next one opens.

use std::sync::Arc;

use ledger::{Kind, NodeKey};

use super::order::{Blueprint, Home, Job, SeatOf};
use super::{ExporterRoom, Shared, StartError, lanes};
use crate::component::{Host, Label, Listening, Questions};
use crate::delivery::{Intake, Room};
use crate::plan::{ExporterNode, Heritage, Plan, ReceiverNode};

/// What runs between two reloads.
#[derive(Default)]
pub(super) struct Generation {
    pub(super) plan: Arc<Plan>,
    /// By the plan's exporters.
    rooms: Vec<ExporterRoom>,
    /// By the plan's receivers.
    listening: Vec<Vec<Listening>>,
    /// By the plan's exporters.
    exporting: Vec<Vec<Listening>>,
}

impl Generation {
    pub(super) fn rooms(&self) -> Arc<[ExporterRoom]> {
        self.rooms.clone().into()
    }

    /// Where the receivers listen: component id and socket.
    pub(super) fn listening(&self) -> Vec<(String, Listening)> {
        let nodes = self.plan.receivers.iter().map(|node| &node.id);
        named(nodes.zip(&self.listening))
    }

    /// The same for exporters.
    pub(super) fn exports(&self) -> Vec<(String, Listening)> {
        let nodes = self.plan.exporters.iter().map(|node| &node.id);
        named(nodes.zip(&self.exporting))
    }

    /// Takes where new exporters listen, by their place in the plan, which must not be where anybody else does.
    pub(super) fn exporting(
        &mut self,
        new: Vec<(usize, Vec<Listening>)>,
        shared: &Shared,
    ) -> Result<(), StartError> {
        for (at, sockets) in new {
            if let Some(place) = self.exporting.get_mut(at) {
                *place = sockets;
            }
        }
        self.check_addresses(shared)
    }

    /// Opens what this generation does not hand on, and says what each worker is to do. Nothing that runs is touched:
    /// dropping the result undoes it.
    pub(super) fn succeed(
        &self,
        plan: Plan,
        shared: &Shared,
        questions: &Questions,
    ) -> Result<(Self, Vec<Job>), StartError> {
        let plan = Arc::new(plan);
        let heritage = Heritage::between(&self.plan, &plan);
        let mut next = Self {
            plan: Arc::clone(&plan),
            ..Self::default()
        };
        let workers = questions.workers();
        let mut jobs: Vec<Job> = Vec::with_capacity(workers);
        let blueprint = Arc::new(Blueprint {
            plan,
            heritage,
            shared: shared.clone(),
            questions: questions.clone(),
        });
        jobs.resize_with(workers, || Job::new(Arc::clone(&blueprint)));
        self.open_exporters(&blueprint, &mut next, &mut jobs);
        lanes::open(&self.plan, &blueprint, &mut jobs);
        self.bind_receivers(&blueprint, &mut next, &mut jobs)?;
        Ok((next, jobs))
    }

    fn open_exporters(&self, blueprint: &Blueprint, next: &mut Self, jobs: &mut [Job]) {
        let Blueprint {
            plan,
            heritage,
            shared,
            ..
        } = blueprint;
        let byte_share = shared.budget.whole() / 2 / plan.exporters.len().max(1) as u64;
        for (at, (node, before)) in plan.exporters.iter().zip(&heritage.exporters).enumerate() {
            if let Some(room) = before.and_then(|before| self.rooms.get(before)) {
                next.rooms.push(room.clone());
                let sockets = before.and_then(|before| self.exporting.get(before));
                next.exporting.push(sockets.cloned().unwrap_or_default());
                jobs.iter_mut().for_each(|job| job.intakes.push(None));
                continue;
            }
            next.exporting.push(Vec::new());
            let room = Room::new(&node.build.delivery, byte_share, account(node, shared));
            let (intake, entries) = Intake::new(Arc::clone(&room));
            for job in &mut *jobs {
                job.intakes.push(Some(intake.clone()));
            }
            let workers = jobs.len();
            if let Some(job) = jobs.get_mut(at % workers) {
                job.homes.push(Home {
                    exporter: at,
                    room: Arc::clone(&room),
                    entries,
                });
            }
            next.rooms.push(ExporterRoom {
                id: node.id.clone(),
                signal: node.signal,
                labels: node.build.labels[node.signal.index()].clone(),
                room,
            });
        }
    }

    fn bind_receivers(
        &self,
        blueprint: &Blueprint,
        next: &mut Self,
        jobs: &mut [Job],
    ) -> Result<(), StartError> {
        let Blueprint {
            plan,
            heritage,
            shared,
            ..
        } = blueprint;
        let workers = jobs.len();
        for (at, (node, before)) in plan.receivers.iter().zip(&heritage.receivers).enumerate() {
            if let Some(before) = before.filter(|before| before.goes_on)
                && let Some(sockets) = self.listening.get(before.at)
            {
                next.listening.push(sockets.clone());
                continue;
            }
            let receiver = (node.build.make)(&host(node, shared)).map_err(|text| StartError {
                component: format!("receiver {}", node.id),
                text,
            })?;
            next.listening.push(receiver.listening());
            for (job, seat) in jobs.iter_mut().zip(receiver.seats(workers)) {
                job.seats.push(SeatOf { receiver: at, seat });
            }
        }
        next.check_addresses(shared)
    }

    /// A socket that this process has already is handed to who asks for it, which must not be two of one generation.
    fn check_addresses(&self, shared: &Shared) -> Result<(), StartError> {
        let extensions = shared.extensions.listening();
        let mut taken: Vec<(String, String)> = extensions
            .map(|(id, socket)| (socket.address.clone(), format!("extension {id}")))
            .collect();
        let kinds = [("receiver", self.listening()), ("exporter", self.exports())];
        for (kind, sockets) in kinds {
            let named = sockets.into_iter();
            taken.extend(named.map(|(id, socket)| (socket.address, format!("{kind} {id}"))));
        }
        for (at, (address, component)) in taken.iter().enumerate() {
            if let Some((_, owner)) = taken.iter().take(at).find(|(other, _)| other == address) {
                return Err(StartError {
                    component: component.clone(),
                    text: format!("cannot listen on {address}: {owner} does already"),
                });
            }
        }
        Ok(())
    }
}

fn named<'a>(
    nodes: impl Iterator<Item = (&'a String, &'a Vec<Listening>)>,
) -> Vec<(String, Listening)> {
    nodes
        .flat_map(|(id, sockets)| sockets.iter().map(|socket| (id.clone(), socket.clone())))
        .collect()
}

fn account(node: &ExporterNode, shared: &Shared) -> Arc<ledger::Account> {
    shared.books.account(&NodeKey {
        kind: Kind::Exporter,
        id: node.id.clone(),
        pipeline: String::new(),
        transport: "",
        signal: node.signal,
    })
}

fn host(node: &ReceiverNode, shared: &Shared) -> Host {
    shared.host(Label {
        kind: Kind::Receiver,
        id: node.id.clone(),
        signal: None,
        pipeline: None,
    })
}
