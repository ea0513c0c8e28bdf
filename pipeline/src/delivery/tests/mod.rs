//! Delivery as an operator sees it: a scripted back end, paused time, and the books afterwards.

mod order;
mod search;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ledger::{Account, Kind, Reason, Tally};
use otlp::Signal;

use super::{Delivery, Intake, Merge, Queue, Retry, Room, Settings, Sizer};
use crate::batch::{Batch, Chunk, Context};
use crate::clock::Clock;
use crate::component::{Exporter, Failure, Label, LocalFuture, Receipt};
use crate::sender::Sender;
use crate::service::{Phase, Shared, Stopper};
use crate::share::{Outcome, Share};
use crate::testkit::{sample, shared};

const SECOND: Duration = Duration::from_secs(1);

/// Answers of a back end, in order; afterwards it takes everything.
#[derive(Clone, Default)]
struct BackEnd {
    script: Rc<RefCell<VecDeque<Answer>>>,
    /// Items of each attempt, and when it began.
    attempts: Rc<RefCell<Vec<(u64, Duration)>>>,
    most_at_once: Rc<Cell<usize>>,
    now: Rc<Cell<usize>>,
    limit: Option<usize>,
    clock: Option<Clock>,
    /// Judges by what is sent, once the script is at its end.
    judge: Option<Judge>,
}

type Judge = Rc<dyn Fn(&Batch) -> Result<Receipt, Failure>>;

#[derive(Clone)]
enum Answer {
    Fail(Failure),
    Partial(u64),
    Hang,
    Panic,
    After(Duration),
}

impl Exporter for BackEnd {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        let now = self.clock.map(|clock| clock.now().mono).unwrap_or_default();
        self.attempts.borrow_mut().push((batch.items(), now));
        self.now.set(self.now.get() + 1);
        self.most_at_once
            .set(self.most_at_once.get().max(self.now.get()));
        let answer = self.script.borrow_mut().pop_front();
        let judge = self.judge.clone();
        Box::pin(async move {
            let result = match answer {
                None => judge.map_or(Ok(Receipt::default()), |judge| judge(batch)),
                Some(Answer::Panic) => panic!("a defect"),
                Some(Answer::Fail(failure)) => Err(failure),
                Some(Answer::Partial(rejected)) => Ok(Receipt {
                    rejected,
                    text: "some".into(),
                }),
                Some(Answer::Hang) => std::future::pending().await,
                Some(Answer::After(time)) => {
                    tokio::time::sleep(time).await;
                    Ok(Receipt::default())
                }
            };
            self.now.set(self.now.get() - 1);
            result
        })
    }

    fn request_limit(&self) -> Option<usize> {
        self.limit
    }
}

fn settings() -> Settings {
    Settings {
        queue: Some(Queue {
            consumers: 10,
            size: 1000,
            sizer: Sizer::Requests,
            wait_for_result: false,
            block_on_overflow: false,
            merge: None,
        }),
        retry: Some(Retry {
            initial_interval: 5 * SECOND,
            randomization_factor: 0.0,
            multiplier: 1.5,
            max_interval: 30 * SECOND,
            max_elapsed_time: Some(300 * SECOND),
        }),
        timeout: Some(5 * SECOND),

        in_order: false,
    }
}

fn with_queue(change: impl FnOnce(&mut Queue)) -> Settings {
    let mut settings = settings();
    if let Some(queue) = &mut settings.queue {
        change(queue);
    }
    settings
}

fn merging(merge: Merge) -> Settings {
    with_queue(|queue| queue.merge = Some(merge))
}

fn merge() -> Merge {
    Merge {
        flush_timeout: Duration::from_millis(200),
        min_size: 100,
        max_size: None,
        sizer: Sizer::Items,
        partition_keys: Vec::new(),
    }
}

/// A batch that only counts: the exporter under test never reads it.
fn batch(items: u64) -> Batch {
    Batch::new(
        Signal::Traces,
        Bytes::from(vec![0; 10 * items as usize]),
        items,
    )
}

struct Run {
    intake: Intake,
    room: Arc<Room>,
    account: Arc<Account>,
    shared: Shared,
    stopper: Stopper,
    back_end: BackEnd,
    done: tokio::task::JoinHandle<()>,
}

impl Run {
    /// Drops the way in and waits for the queue to empty itself.
    async fn finish(self) -> (Tally, Vec<(u64, Duration)>) {
        drop(self.intake);
        self.done.await.unwrap();
        let tally = self.account.tally();
        assert_eq!(tally.held(), 0, "every item has one fate: {tally:?}");
        assert_eq!(self.room.used(), 0, "all room is given back");
        (tally, self.back_end.attempts.take())
    }
}

fn start(settings: Settings, mut back_end: BackEnd, script: &[Answer]) -> Run {
    let clock = Clock::start();
    back_end.clock = Some(clock);
    back_end.script.borrow_mut().extend(script.iter().cloned());
    let account = Arc::new(Account::default());
    let room = Room::new(&settings, 1 << 30, Arc::clone(&account));
    let (intake, entries) = Intake::new(Arc::clone(&room));
    let (stopper, stop) = Stopper::new();
    let label = Label {
        kind: Kind::Exporter,
        id: "otlp".into(),
        signal: Some(Signal::Traces),
        pipeline: None,
    };
    let shared = Shared { clock, ..shared() };
    let delivery = Delivery::new(
        Box::new(back_end.clone()),
        settings,
        (Arc::clone(&room), entries),
        &shared,
        stop,
        label,
    );
    let done = tokio::task::spawn_local(delivery.run());
    Run {
        intake,
        room,
        account,
        shared,
        stopper,
        back_end,
        done,
    }
}

/// Runs a test on a worker's kind of runtime, with time that passes when nobody has anything to do.
fn on_worker(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap()
        .block_on(test);
}

fn again() -> Answer {
    Answer::Fail(Failure::retryable("busy"))
}

fn dropped(tally: &Tally, reason: Reason) -> u64 {
    tally.dropped[reason as usize]
}

#[test]
fn a_batch_is_sent_again_until_the_back_end_takes_it() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[again(), again()]);
        run.intake.try_send(batch(7)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!((tally.taken, tally.passed), (7, 7));
        let seconds: Vec<_> = attempts
            .iter()
            .map(|(_, at)| at.as_secs_f64().round())
            .collect();
        assert_eq!(seconds, [0.0, 5.0, 13.0], "5 s, then 7.5 s");
    });
}

#[test]
fn a_back_end_that_says_when_to_come_back_is_believed() {
    on_worker(async {
        let hint = Failure::Retryable {
            after: Some(20 * SECOND),
            text: "later".into(),
        };
        let run = start(settings(), BackEnd::default(), &[Answer::Fail(hint)]);
        run.intake.try_send(batch(1)).unwrap();
        let (_, attempts) = run.finish().await;
        assert_eq!(attempts[1].1.as_secs(), 20);
    });
}

#[test]
fn what_would_fail_again_is_dropped_at_once_with_its_reason() {
    on_worker(async {
        let failure = Failure::Permanent {
            reason: Reason::Invalid,
            text: "bad".into(),
        };
        let run = start(settings(), BackEnd::default(), &[Answer::Fail(failure)]);
        run.intake.try_send(batch(7)).unwrap();
        run.intake.try_send(batch(2)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!(
            (
                attempts.len(),
                tally.passed,
                dropped(&tally, Reason::Invalid)
            ),
            (2, 2, 7)
        );
    });
}

#[test]
fn a_bad_request_is_found_among_those_it_was_merged_with() {
    on_worker(async {
        let bad = |reason| {
            let text = "bad".into();
            Answer::Fail(Failure::Permanent { reason, text })
        };
        let good = || Answer::After(Duration::ZERO);
        let invalid = bad(Reason::Invalid);
        let script = [
            invalid.clone(),
            good(),
            bad(Reason::TooLarge),
            invalid,
            good(),
        ];
        let run = start(merging(merge()), BackEnd::default(), &script);
        for items in [1, 2, 3, 94] {
            run.intake.try_send(batch(items)).unwrap();
        }
        let (tally, attempts) = run.finish().await;
        let sizes: Vec<_> = attempts.iter().map(|(items, _)| *items).collect();
        assert_eq!(sizes, [100, 3, 97, 3, 94]);
        assert_eq!((tally.passed, dropped(&tally, Reason::Invalid)), (97, 3));
    });
}

#[test]
fn a_merged_batch_that_no_part_of_would_be_taken_is_sent_but_once() {
    on_worker(async {
        let forbidden = Answer::Fail(Failure::Permanent {
            reason: Reason::Permanent,
            text: "who are you?".into(),
        });
        let run = start(merging(merge()), BackEnd::default(), &[forbidden]);
        run.intake.try_send(batch(50)).unwrap();
        run.intake.try_send(batch(50)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!(
            (attempts.len(), dropped(&tally, Reason::Permanent)),
            (1, 100)
        );
    });
}

#[test]
fn retries_end_when_their_time_is_up() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &vec![again(); 100]);
        run.intake.try_send(batch(7)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!(dropped(&tally, Reason::RetriesExhausted), 7);
        let last = attempts.last().unwrap().1;
        assert!(
            last <= 300 * SECOND && last > 260 * SECOND,
            "last attempt at {last:?}"
        );
    });
}

#[test]
fn without_retry_a_retryable_failure_is_final() {
    on_worker(async {
        let settings = Settings {
            retry: None,
            ..settings()
        };
        let run = start(settings, BackEnd::default(), &[again()]);
        run.intake.try_send(batch(7)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!(
            (attempts.len(), dropped(&tally, Reason::RetriesExhausted)),
            (1, 7)
        );
    });
}

#[test]
fn a_batch_that_waits_for_its_retry_occupies_no_consumer() {
    on_worker(async {
        let settings = with_queue(|queue| queue.consumers = 1);
        let run = start(settings, BackEnd::default(), &[again()]);
        for items in [7, 1, 2] {
            run.intake.try_send(batch(items)).unwrap();
        }
        let (tally, attempts) = run.finish().await;
        assert_eq!(tally.passed, 10);
        let order: Vec<_> = attempts.iter().map(|(items, _)| *items).collect();
        assert_eq!(order, [7, 1, 2, 7]);
    });
}

#[test]
fn no_more_attempts_run_at_once_than_there_are_consumers() {
    on_worker(async {
        let settings = with_queue(|queue| queue.consumers = 3);
        let run = start(
            settings,
            BackEnd::default(),
            &vec![Answer::After(SECOND); 9],
        );
        for _ in 0..9 {
            run.intake.try_send(batch(1)).unwrap();
        }
        let most = Rc::clone(&run.back_end.most_at_once);
        let (tally, _) = run.finish().await;
        assert_eq!((tally.passed, most.get()), (9, 3));
    });
}

#[test]
fn an_attempt_that_hangs_is_cut_off_by_the_timeout_and_made_again() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[Answer::Hang]);
        run.intake.try_send(batch(7)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!(tally.passed, 7);
        assert_eq!(
            attempts[1].1.as_secs(),
            10,
            "5 s of timeout and 5 s of back-off"
        );
    });
}

#[test]
fn room_is_held_until_the_fate_of_a_batch_is_known() {
    on_worker(async {
        let settings = with_queue(|queue| queue.size = 2);
        let run = start(settings, BackEnd::default(), &[again(), again()]);
        run.intake.try_send(batch(1)).unwrap();
        run.intake.try_send(batch(1)).unwrap();
        tokio::time::sleep(SECOND).await;
        assert!(
            run.intake.try_send(batch(1)).is_err(),
            "both wait for their retry"
        );
        let third = batch(1);
        let permit = run.intake.reserve(run.intake.size(&third)).await;
        run.intake.send(third, permit);
        let (tally, _) = run.finish().await;
        assert_eq!(tally.passed, 3);
    });
}

#[test]
fn a_batch_larger_than_the_whole_queue_is_let_in_alone() {
    on_worker(async {
        let settings = with_queue(|queue| (queue.sizer, queue.size) = (Sizer::Items, 10));
        let run = start(settings, BackEnd::default(), &[]);
        run.intake.try_send(batch(50)).unwrap();
        assert!(run.intake.try_send(batch(1)).is_err());
        let (tally, _) = run.finish().await;
        assert_eq!(tally.passed, 50);
    });
}

#[test]
fn items_that_the_back_end_rejects_are_counted_apart_from_those_it_took() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[Answer::Partial(3)]);
        run.intake.try_send(batch(7)).unwrap();
        let (tally, _) = run.finish().await;
        assert_eq!(
            (tally.passed, dropped(&tally, Reason::PartialSuccess)),
            (4, 3)
        );
    });
}

#[test]
fn what_a_back_end_rejects_of_one_request_is_told_to_a_sender_who_waits() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[Answer::Partial(2)]);
        let (share, answer) = Share::new(7);
        let mut waited = batch(7);
        waited.share(share);
        run.intake.try_send(waited).unwrap();
        let reason = Reason::PartialSuccess;
        let expected = Outcome::Partial {
            rejected: 2,
            reason,
        };
        assert_eq!(answer.await, Ok(expected));
        let (tally, _) = run.finish().await;
        assert_eq!((tally.passed, tally.rejected[reason as usize]), (5, 2));
    });
}

#[test]
fn what_a_back_end_rejects_of_several_requests_is_pinned_on_no_sender() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[Answer::Partial(2)]);
        let (share, answer) = Share::new(7);
        let mut waited = batch(7);
        waited.share(share);
        waited.append(batch(3));
        run.intake.try_send(waited).unwrap();
        let reason = Reason::PartialSuccess;
        let expected = Outcome::Partial {
            rejected: 0,
            reason,
        };
        assert_eq!(answer.await, Ok(expected));
        let (tally, _) = run.finish().await;
        assert_eq!((tally.passed, dropped(&tally, reason)), (8, 2));
    });
}

#[test]
fn an_exporter_that_panics_loses_nothing_and_goes_on() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[Answer::Panic]);
        run.intake.try_send(batch(7)).unwrap();
        run.intake.try_send(batch(2)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!((tally.passed, attempts.len()), (9, 3));
    });
}

#[test]
fn merging_sends_at_the_size_or_at_the_time() {
    on_worker(async {
        let run = start(merging(merge()), BackEnd::default(), &[]);
        for _ in 0..3 {
            run.intake.try_send(batch(40)).unwrap();
        }
        run.intake.try_send(batch(5)).unwrap();
        tokio::time::sleep(SECOND).await;
        let sent = run.back_end.attempts.borrow().clone();
        assert_eq!(
            sent.iter().map(|(items, _)| *items).collect::<Vec<_>>(),
            [120, 5]
        );
        assert_eq!(sent[1].1.as_millis(), 200);
        run.finish().await;
    });
}

#[test]
fn what_is_merged_so_far_is_sent_when_the_upstream_ends() {
    on_worker(async {
        let run = start(merging(merge()), BackEnd::default(), &[]);
        run.intake.try_send(batch(40)).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!((tally.passed, attempts.len()), (40, 1));
        assert_eq!(
            attempts[0].1,
            Duration::ZERO,
            "without waiting for the timeout"
        );
    });
}

#[test]
fn batches_of_different_partitions_are_kept_apart() {
    on_worker(async {
        let keys = vec![crate::batch::ContextKey::Metadata("x-tenant".to_owned())];
        let run = start(
            merging(Merge {
                partition_keys: keys,
                ..merge()
            }),
            BackEnd::default(),
            &[],
        );
        for (tenant, items) in [("a", 60), ("b", 60), ("a", 60)] {
            let metadata = vec![("X-Tenant".to_owned(), tenant.to_owned())];
            let context = Context {
                metadata,
                ..Context::default()
            };
            let batch = batch(items).with_context(Some(Arc::new(context)));
            run.intake.try_send(batch).unwrap();
        }
        let (_, attempts) = run.finish().await;
        let mut sizes: Vec<_> = attempts.iter().map(|(items, _)| *items).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [60, 120]);
    });
}

#[test]
fn a_batch_over_the_request_limit_is_cut_between_requests() {
    on_worker(async {
        let back_end = BackEnd {
            limit: Some(250),
            ..BackEnd::default()
        };
        let run = start(settings(), back_end, &[again()]);
        let mut large = batch(10);
        for _ in 0..3 {
            large.append(batch(10));
        }
        run.intake.try_send(large).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!((tally.taken, tally.passed), (40, 40));
        let sizes: Vec<_> = attempts.iter().map(|(items, _)| *items).collect();
        assert_eq!(sizes, [20, 20, 20], "two pieces, one of them sent twice");
    });
}

#[test]
fn a_queue_drains_with_retries_on() {
    on_worker(async {
        let run = start(settings(), BackEnd::default(), &[again(), again(), again()]);
        run.intake.try_send(batch(7)).unwrap();
        run.stopper.raise(Phase::Draining);
        let (tally, _) = run.finish().await;
        assert_eq!(tally.passed, 7);
    });
}

#[test]
fn what_is_left_at_the_deadline_is_counted_as_lost_to_the_shutdown() {
    on_worker(async {
        let settings = with_queue(|queue| queue.consumers = 2);
        let run = start(
            settings,
            BackEnd::default(),
            &[again(), Answer::Hang, Answer::Hang],
        );
        for items in [1, 2, 4, 8] {
            run.intake.try_send(batch(items)).unwrap();
        }
        tokio::time::sleep(SECOND).await;
        run.stopper.raise(Phase::Abandoned);
        let (tally, _) = run.finish().await;
        assert_eq!((tally.passed, dropped(&tally, Reason::Shutdown)), (0, 15));
    });
}

#[test]
fn a_sender_who_waits_is_told_and_his_items_count_as_handed_back() {
    on_worker(async {
        let failure = Failure::Permanent {
            reason: Reason::Permanent,
            text: "bad".into(),
        };
        let run = start(settings(), BackEnd::default(), &[Answer::Fail(failure)]);
        let (share, answer) = Share::new(3);
        let mut waited = Batch::empty(Signal::Traces);
        waited.push(Chunk {
            bytes: Bytes::from_static(b"x"),
            items: 3,
            share: Some(share),
            sender: Sender::default(),
            selection: None,
        });
        waited.append(batch(4));
        run.intake.try_send(waited).unwrap();
        assert_eq!(answer.await, Ok(Outcome::Permanent(Reason::Permanent)));
        let (tally, _) = run.finish().await;
        assert_eq!(tally.rejected[Reason::Permanent as usize], 3);
        assert_eq!(dropped(&tally, Reason::Permanent), 4);
    });
}

#[test]
fn a_sender_whose_request_was_cut_is_answered_by_its_pieces_alone() {
    on_worker(async {
        let request = sample(Signal::Traces, 3, 0).chunks()[0].clone();
        let limit = Some(request.bytes.len() - 1);
        let run = start(
            settings(),
            BackEnd {
                limit,
                ..BackEnd::default()
            },
            &[],
        );
        let (share, answer) = Share::new(3);
        let mut waited = Batch::empty(Signal::Traces);
        waited.push(Chunk {
            share: Some(share),
            ..request
        });
        run.intake.try_send(waited).unwrap();
        assert_eq!(answer.await, Ok(Outcome::Delivered));
        run.finish().await;
    });
}

#[test]
fn a_sender_whose_request_arrived_in_part_is_not_asked_to_send_it_again() {
    on_worker(async {
        let mut settings = settings();
        settings.retry = None;
        let request = sample(Signal::Traces, 3, 0).chunks()[0].clone();
        let limit = Some(request.bytes.len() - 1);
        let good = Answer::After(Duration::ZERO);
        let run = start(
            settings,
            BackEnd {
                limit,
                ..BackEnd::default()
            },
            &[good, again()],
        );
        let (share, answer) = Share::new(3);
        let mut waited = Batch::empty(Signal::Traces);
        waited.push(Chunk {
            share: Some(share),
            ..request
        });
        run.intake.try_send(waited).unwrap();
        assert_eq!(
            answer.await,
            Ok(Outcome::Permanent(Reason::RetriesExhausted))
        );
        run.finish().await;
    });
}
