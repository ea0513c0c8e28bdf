//! Large bodies on other threads.

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_small_job_runs_where_it_is_and_a_large_one_elsewhere_if_there_are_cores() {
    let here = std::thread::current().id();
    let ran_on = |bytes| block_on(run(bytes, || std::thread::current().id())).unwrap();
    assert_eq!(ran_on(OFFLOAD_MIN - 1), here);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(ran_on(OFFLOAD_MIN) == here, cores == 1);
}

#[test]
fn a_job_that_panics_is_reported_and_the_threads_go_on() {
    block_on(async {
        if std::thread::available_parallelism().unwrap().get() > 1 {
            for _ in 0..20 {
                assert_eq!(
                    run(OFFLOAD_MIN, || panic!("on purpose")).await,
                    Err::<(), _>(Lost)
                );
            }
        }
        assert_eq!(run(OFFLOAD_MIN, || 7).await, Ok(7));
    });
}

#[test]
fn more_jobs_than_may_wait_are_all_done() {
    block_on(async {
        let jobs: Vec<_> = (0..500)
            .map(|number| tokio::task::spawn(run(OFFLOAD_MIN, move || number)))
            .collect();
        for (number, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.unwrap(), Ok(number));
        }
    });
}

#[test]
fn a_large_body_inflates_off_thread_and_its_meter_comes_back() {
    let body = noise(3 * OFFLOAD_MIN);
    let purse = || Purse {
        charged: 0,
        limit: usize::MAX,
    };
    for encoding in ALL {
        let encoded: bytes::Bytes = deflated(encoding, &body).into();
        let off = inflate_off(encoding, encoded.clone(), MIB, purse());
        let (bytes, meter) = block_on(off).map_err(|fault| fault.to_string()).unwrap();
        assert!(bytes == body, "{encoding:?}");
        assert_eq!(meter.charged, bytes.capacity());
        let off = inflate_off(encoding, encoded, 1_000, purse());
        assert_eq!(
            block_on(off).err(),
            Some(InflateFault::TooLarge { cap: 1_000 })
        );
    }
}
