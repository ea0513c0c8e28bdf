//! Batches that keep their order, and those of which the back end took a part.

use super::*;
use crate::component::Partly;
use crate::testkit::items_of;

fn in_order() -> Settings {
    Settings {
        in_order: true,
        ..settings()
    }
}

/// Items and whole seconds of all attempts.
fn rounded(attempts: &[(u64, Duration)]) -> Vec<(u64, u64)> {
    let rounded = attempts
        .iter()
        .map(|(items, at)| (*items, at.as_secs_f64().round() as u64));
    rounded.collect()
}

/// Two of three are left, after a rejection.
fn partly() -> Failure {
    Failure::Partly(Box::new(Partly {
        receipt: Receipt {
            rejected: 1,
            text: "one is bad".into(),
        },
        left: vec![false, true, true],
        after: Some(9 * SECOND),
        text: "busy".into(),
    }))
}

#[test]
fn what_waits_to_be_sent_again_holds_up_what_came_later() {
    on_worker(async {
        let run = start(in_order(), BackEnd::default(), &[again()]);
        for items in [7, 1, 2] {
            run.intake.try_send(batch(items)).unwrap();
        }
        let (tally, attempts) = run.finish().await;
        assert_eq!(tally.passed, 10);
        assert_eq!(rounded(&attempts), [(7, 0), (7, 5), (1, 5), (2, 5)]);
    });
}

#[test]
fn batches_in_order_are_sent_one_at_a_time_also_without_a_queue() {
    for queue in [settings().queue, None] {
        on_worker(async {
            let settings = Settings {
                queue,
                ..in_order()
            };
            let script = vec![Answer::After(SECOND); 3];
            let run = start(settings, BackEnd::default(), &script);
            for items in [3, 2, 1] {
                run.intake.try_send(batch(items)).unwrap();
            }
            let (tally, attempts) = run.finish().await;
            assert_eq!(tally.passed, 6);
            assert_eq!(rounded(&attempts), [(3, 0), (2, 1), (1, 2)]);
        });
    }
}

#[test]
fn halves_of_a_refused_batch_stay_in_their_place() {
    on_worker(async {
        let too_large = |items| Failure::Permanent {
            reason: Reason::TooLarge,
            text: format!("{items} are too many"),
        };
        let taken = Rc::new(RefCell::new(Vec::new()));
        let script = [
            Answer::Fail(too_large(8)),
            Answer::Fail(too_large(4)),
            again(),
        ];
        let back_end = BackEnd {
            judge: Some(Rc::new({
                let taken = Rc::clone(&taken);
                move |batch: &Batch| {
                    taken.borrow_mut().push(first_name(batch));
                    Ok(Receipt::default())
                }
            })),
            ..BackEnd::default()
        };
        let run = start(in_order(), back_end, &script);
        run.intake.try_send(sample(Signal::Traces, 8, 0)).unwrap();
        run.intake.try_send(sample(Signal::Traces, 1, 1)).unwrap();
        let (tally, _) = run.finish().await;
        assert_eq!(tally.passed, 9);
        // 8 and its first 4 were too many, and the first 2 had to wait.
        let expected = ["GET /0/0", "GET /0/2", "GET /0/4", "GET /1/0"];
        assert_eq!(*taken.borrow(), expected);
    });
}

fn first_name(batch: &Batch) -> String {
    let request = otlp::view::Request::new(batch.signal(), &batch.chunks()[0].bytes);
    let group = request.resource_groups().next().unwrap().unwrap();
    let scope = group.scope_groups().next().unwrap().unwrap();
    let item = scope.items().next().unwrap().unwrap();
    item.span().unwrap().unwrap().name.to_string()
}

#[test]
fn of_a_batch_that_was_taken_in_part_the_rest_is_sent_again() {
    on_worker(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let back_end = BackEnd {
            judge: Some(Rc::new({
                let seen = Rc::clone(&seen);
                move |batch: &Batch| {
                    seen.borrow_mut().push((items_of(batch), first_name(batch)));
                    Ok(Receipt::default())
                }
            })),
            ..BackEnd::default()
        };
        let run = start(settings(), back_end, &[Answer::Fail(partly())]);
        let (share, mut answer) = Share::new(3);
        let mut batch = sample(Signal::Traces, 3, 0);
        batch.share(share);
        run.intake.try_send(batch).unwrap();
        let (tally, attempts) = run.finish().await;
        assert_eq!(rounded(&attempts), [(3, 0), (2, 9)]);
        assert_eq!(*seen.borrow(), [(2, "GET /0/1".to_owned())]);
        let rejected = tally.rejected[Reason::PartialSuccess as usize];
        assert_eq!((tally.taken, tally.passed, rejected), (3, 2, 1));
        let expected = Outcome::Partial {
            rejected: 1,
            reason: Reason::PartialSuccess,
        };
        assert_eq!(answer.try_recv(), Ok(expected));
    });
}

#[test]
fn the_rest_of_a_batch_is_lost_alone_when_its_time_is_up() {
    on_worker(async {
        let settings = Settings {
            retry: None,
            ..settings()
        };
        let run = start(settings, BackEnd::default(), &[Answer::Fail(partly())]);
        run.intake.try_send(sample(Signal::Traces, 3, 0)).unwrap();
        let (tally, _) = run.finish().await;
        let lost = |reason| dropped(&tally, reason);
        assert_eq!((tally.taken, tally.passed), (3, 0));
        assert_eq!(
            (lost(Reason::PartialSuccess), lost(Reason::RetriesExhausted)),
            (1, 2)
        );
    });
}

#[test]
fn of_what_an_answer_does_not_name_nothing_is_taken() {
    on_worker(async {
        let mut partly = partly();
        if let Failure::Partly(partly) = &mut partly {
            partly.left.truncate(1);
        }
        let run = start(settings(), BackEnd::default(), &[Answer::Fail(partly)]);
        for request in 0..2 {
            let whole = sample(Signal::Traces, 3, request);
            run.intake.try_send(whole).unwrap();
        }
        let (tally, attempts) = run.finish().await;
        assert_eq!(rounded(&attempts), [(3, 0), (3, 0), (2, 9)]);
        assert_eq!(tally.passed, 5);
    });
}
