//! The main thread's side of what runs: the plan, what its sockets and queues are, and how the next one opens.

use std::sync::Arc;

use ledger::{Kind, NodeKey};

use super::order::{Blueprint, Home, Job, SeatOf};
use super::{ExporterRoom, Shared, StartError, lanes};
use crate::component::{Host, Label, Listening};
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
}

impl Generation {
    pub(super) fn rooms(&self) -> Arc<[ExporterRoom]> {
        self.rooms.clone().into()
    }

    /// Where the receivers listen: component id and socket.
    pub(super) fn listening(&self) -> Vec<(String, Listening)> {
        let nodes = self.plan.receivers.iter().zip(&self.listening);
        nodes
            .flat_map(|(node, sockets)| sockets.iter().map(|s| (node.id.clone(), s.clone())))
            .collect()
    }

    /// Opens what this generation does not hand on, and says what each worker is to do. Nothing that runs is touched:
    /// dropping the result undoes it.
    pub(super) fn succeed(
        &self,
        plan: Plan,
        shared: &Shared,
        workers: usize,
    ) -> Result<(Self, Vec<Job>), StartError> {
        let plan = Arc::new(plan);
        let heritage = Heritage::between(&self.plan, &plan);
        let mut next = Self {
            plan: Arc::clone(&plan),
            ..Self::default()
        };
        let mut jobs: Vec<Job> = Vec::with_capacity(workers);
        let blueprint = Arc::new(Blueprint {
            plan,
            heritage,
            shared: shared.clone(),
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
        } = blueprint;
        let byte_share = shared.budget.whole() / 2 / plan.exporters.len().max(1) as u64;
        for (at, (node, before)) in plan.exporters.iter().zip(&heritage.exporters).enumerate() {
            if let Some(room) = before.and_then(|before| self.rooms.get(before)) {
                next.rooms.push(room.clone());
                jobs.iter_mut().for_each(|job| job.intakes.push(None));
                continue;
            }
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
        let receivers = self.listening();
        taken.extend(
            receivers
                .into_iter()
                .map(|(id, socket)| (socket.address, format!("receiver {id}"))),
        );
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
