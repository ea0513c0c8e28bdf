//! One worker thread: does as it is told until the service drains, then empties itself.

use std::sync::mpsc as replies;

use tokio::sync::mpsc;

use super::draft::Draft;
use super::floor::Floor;
use super::order::{Order, Prepared};
use super::{StartError, Stop};
use crate::clock::Clock;
use crate::component::Question;

/// Runs to the end of the service.
pub(super) fn run(
    clock: Clock,
    stop: Stop,
    orders: mpsc::Receiver<Order>,
    questions: mpsc::Receiver<Question>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    match runtime {
        Ok(runtime) => runtime.block_on(live(clock, stop, orders, questions)),
        Err(error) => refuse(orders, &error.to_string()),
    }
}

/// The main thread is told the reason when it gives its first order.
fn refuse(mut orders: mpsc::Receiver<Order>, text: &str) {
    if let Some(Order::Prepare(_, reply)) = orders.blocking_recv() {
        let error = StartError {
            component: "worker runtime".into(),
            text: text.to_owned(),
        };
        answer(&reply, Err(error));
    }
}

async fn live(
    clock: Clock,
    stop: Stop,
    mut orders: mpsc::Receiver<Order>,
    mut questions: mpsc::Receiver<Question>,
) {
    let mut floor = Floor::new(clock, stop.clone());
    let mut draft = None;
    loop {
        let order = tokio::select! {
            biased;
            () = stop.draining() => break,
            order = orders.recv() => order,
            Some(question) = questions.recv() => {
                floor.answer(question);
                continue;
            }
        };
        match order {
            None => break,
            Some(Order::Prepare(job, reply)) => {
                let built = Draft::build(*job, &floor);
                let prepared = built.map(|built| {
                    let readiness = built.readiness(&floor);
                    draft = Some(built);
                    readiness
                });
                answer(&reply, prepared);
            }
            Some(Order::Commit(grace, reply)) => {
                if let Some(draft) = draft.take() {
                    floor.commit(draft, grace);
                }
                // As below: nobody listens only if the service has been dropped.
                let _ = reply.send(());
            }
            Some(Order::Discard) => draft = None,
        }
    }
    drop((orders, questions, draft));
    floor.drain().await;
}

fn answer(reply: &replies::Sender<Prepared>, prepared: Prepared) {
    // Nobody listens only if another worker has failed already.
    let _ = reply.send(prepared);
}
