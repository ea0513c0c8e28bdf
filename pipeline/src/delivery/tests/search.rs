//! Back ends that refuse requests for good, and who pays for it.

use super::*;
use crate::component::Partly;

const CLIENTS: u64 = 100;

/// A request of one of a hundred clients. The first byte says whether a strict back end can read it.
fn request(client: u64, good: bool) -> Batch {
    let bytes = Bytes::from(vec![u8::from(good); 10]);
    let sender = Sender {
        peer: Some([10, 0, 0, client as u8].into()),
        ..Sender::default()
    };
    Batch::new(Signal::Traces, bytes, 1).with_sender(sender)
}

fn refused(reason: Reason) -> Failure {
    Failure::Permanent {
        reason,
        text: "I cannot read this".into(),
    }
}

/// Refuses a whole export for one bad request in it, as a server does that decodes it at once.
fn strict() -> BackEnd {
    judged_by(
        |batch| match batch.chunks().iter().all(|chunk| chunk.bytes[0] == 1) {
            true => Ok(Receipt::default()),
            false => Err(refused(Reason::Invalid)),
        },
    )
}

fn judged_by(judge: impl Fn(&Batch) -> Result<Receipt, Failure> + 'static) -> BackEnd {
    BackEnd {
        judge: Some(Rc::new(judge)),
        ..BackEnd::default()
    }
}

/// Sends requests merged to one export; the figures, and how many attempts it took.
async fn settle(back_end: BackEnd, script: &[Answer], requests: Vec<Batch>) -> (Tally, usize, Run) {
    let count = requests.len() as u64;
    let merge = Merge {
        min_size: count,
        ..merge()
    };
    let settings = with_queue(|queue| {
        queue.merge = Some(merge);
        queue.size = count;
    });
    let run = start(settings, back_end, script);
    for request in requests {
        run.intake.try_send(request).unwrap();
    }
    let ended = || run.account.tally().held() == 0;
    while !ended() {
        tokio::time::sleep(SECOND).await;
    }
    let attempts = run.back_end.attempts.borrow().len();
    (run.account.tally(), attempts, run)
}

#[test]
fn of_a_hundred_clients_one_who_sends_bad_requests_loses_these_alone() {
    on_worker(async {
        let of = |n: u64| request(n % CLIENTS, n % CLIENTS != 42);
        let (tally, attempts, run) = settle(strict(), &[], (0..1000).map(of).collect()).await;
        assert_eq!((tally.passed, dropped(&tally, Reason::Invalid)), (990, 10));
        // Ten bad ones among a thousand, side by side: about two attempts for each level and each of them.
        assert!(attempts < 60, "{attempts}");
        let errors = run.shared.errors.newest_first();
        let found: Vec<_> = errors
            .iter()
            .map(|e| (e.peer, e.items, e.text.as_str()))
            .collect();
        let client = Some([10, 0, 0, 42].into());
        assert_eq!(found, [(client, 10, "I cannot read this")]);
    });
}

#[test]
fn of_many_clients_who_are_all_bad_now_and_then_only_the_bad_requests_are_lost() {
    on_worker(async {
        let of = |n: u64| request(n % CLIENTS, n % 101 != 7);
        let (tally, ..) = settle(strict(), &[], (0..8192).map(of).collect()).await;
        let bad = (0..8192).filter(|n| n % 101 == 7).count() as u64;
        let expected = (8192 - bad, bad);
        assert_eq!((tally.passed, dropped(&tally, Reason::Invalid)), expected);
    });
}

#[test]
fn a_back_end_that_reads_nothing_is_not_asked_about_every_request() {
    on_worker(async {
        let all = || (0..8192).map(|n| request(n % CLIENTS, false));
        let (tally, attempts, run) = settle(strict(), &[], all().collect()).await;
        assert_eq!(dropped(&tally, Reason::Invalid), 8192);
        assert!((512..530).contains(&attempts), "{attempts}");
        // It is known by now, and what comes next costs less.
        all().for_each(|request| run.intake.try_send(request).unwrap());
        let (tally, attempts) = run.finish().await;
        assert_eq!(dropped(&tally, Reason::Invalid), 2 * 8192);
        assert!(attempts.len() < 570, "{}", attempts.len());
    });
}

#[test]
fn a_search_waits_for_a_back_end_that_is_busy_meanwhile() {
    on_worker(async {
        let bad = Answer::Fail(refused(Reason::Invalid));
        let script = [bad, again(), again()];
        let requests = (0..4).map(|n| request(n, n != 2)).collect();
        let (tally, attempts, _run) = settle(strict(), &script, requests).await;
        assert_eq!((tally.passed, dropped(&tally, Reason::Invalid)), (3, 1));
        assert_eq!(attempts, 7);
    });
}

#[test]
fn a_search_in_which_a_part_was_taken_is_not_given_up() {
    on_worker(async {
        let bad = || Answer::Fail(refused(Reason::Invalid));
        // Of the second half it takes the first request before it is busy.
        let partly = Answer::Fail(Failure::Partly(Box::new(Partly {
            receipt: Receipt::default(),
            left: (0..512).map(|n| n > 0).collect(),
            after: None,
            text: "busy".into(),
        })));
        let requests = (0..1024).map(|n| request(0, n == 1023)).collect();
        let (tally, ..) = settle(strict(), &[bad(), bad(), partly], requests).await;
        let lost = dropped(&tally, Reason::Invalid);
        assert_eq!((tally.passed, lost), (2, 1022));
    });
}

#[test]
fn what_is_too_large_is_sent_in_halves_down_to_single_items() {
    on_worker(async {
        let (small, large) = (sample(Signal::Traces, 40, 0), sample(Signal::Traces, 1, 0));
        let limit = small.bytes() / 8;
        let back_end = judged_by(move |batch| match batch.bytes() <= limit {
            true => Ok(Receipt::default()),
            false => Err(refused(Reason::TooLarge)),
        });
        assert!(large.bytes() <= limit);
        let run = start(settings(), back_end, &[]);
        let (share, answer) = Share::new(40);
        let mut waited = small;
        waited.share(share);
        run.intake.try_send(waited).unwrap();
        assert_eq!(answer.await, Ok(Outcome::Delivered));
        let budget = Arc::clone(&run.shared.budget);
        let (tally, attempts) = run.finish().await;
        assert_eq!(tally.passed, 40);
        assert!(attempts.len() < 64, "{}", attempts.len());
        assert_eq!(budget.used(), 0, "pieces are charged, and given back");
    });
}

#[test]
fn an_item_that_is_too_large_by_itself_is_dropped_and_its_sender_told_how_many() {
    on_worker(async {
        let is_large = |batch: &Batch| {
            let bytes = &batch.chunks()[0].bytes;
            bytes.windows(8).any(|part| part == b"GET /0/5")
        };
        let back_end = judged_by(move |batch| match is_large(batch) {
            true => Err(refused(Reason::TooLarge)),
            false => Ok(Receipt::default()),
        });
        let run = start(settings(), back_end, &[]);
        let (share, answer) = Share::new(8);
        let mut waited = sample(Signal::Traces, 8, 0);
        waited.share(share);
        run.intake.try_send(waited).unwrap();
        let reason = Reason::TooLarge;
        let expected = Outcome::Partial {
            rejected: 1,
            reason,
        };
        assert_eq!(answer.await, Ok(expected));
        let (tally, _) = run.finish().await;
        assert_eq!((tally.passed, tally.rejected[reason as usize]), (7, 1));
    });
}

#[test]
fn a_back_end_whose_quota_is_used_up_is_not_asked_for_every_item() {
    on_worker(async {
        let back_end = judged_by(|_| Err(refused(Reason::TooLarge)));
        let run = start(settings(), back_end, &[]);
        for _ in 0..3 {
            run.intake
                .try_send(sample(Signal::Traces, 1000, 0))
                .unwrap();
        }
        let (tally, attempts) = run.finish().await;
        assert_eq!(dropped(&tally, Reason::TooLarge), 3000);
        assert!(attempts.len() < 600 * 3, "{}", attempts.len());
    });
}
