use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use pipeline::component::{Label, Outbox};
use pipeline::testkit::sample;

use telemetry::memory::{self, resident};

use super::*;
use crate::fixture::{at, build, faults, host};

const MIB: u64 = 1 << 20;

thread_local! {
    static FILES: RefCell<HashMap<String, String>> = RefCell::default();
}

/// Reads what [`write`] has written.
fn read(path: &str) -> Option<String> {
    FILES.with_borrow(|files| files.get(path).cloned())
}

fn write(path: &str, text: &str) {
    FILES.with_borrow_mut(|files| files.insert(path.to_owned(), text.to_owned()));
}

fn config(text: serde_json::Value) -> Config {
    serde_json::from_value(text).unwrap()
}

/// A limiter of 100 MiB, soft at 80, that looks at the process every second.
fn limiter(host: &Host) -> MemoryLimiter {
    let keys = serde_json::json!({"check_interval": 1_000_000_000, "limit_mib": 100});
    MemoryLimiter::new(&config(keys), host, read).unwrap()
}

#[test]
fn the_limits_are_to_hold_at_the_door() {
    let limits = Limits {
        soft: 80 * MIB,
        hard: 100 * MIB,
        every: Duration::from_secs(1),
    };
    assert_eq!(limiter(&host()).limits(), Some(limits));
}

#[test]
fn what_is_in_memory_is_taken_however_little_room_there_is() {
    let host = host();
    let limiter = limiter(&host);
    host.budget.restrict(limiter.limits());
    host.budget.occupies(100 * MIB);
    let mut lease = host.budget.lease();
    lease.overdraw(usize::try_from(100 * MIB).unwrap());
    assert!(!host.budget.admits());
    let admitted = limiter.admit(&sample(Signal::Traces, 1, 0), at(0));
    assert_eq!(admitted, Ok(()));
}

#[test]
fn what_was_admitted_goes_on_as_it_came() {
    let mut limiter = limiter(&host());
    let batch = sample(Signal::Traces, 3, 0);
    let bytes = batch.chunks()[0].bytes.clone();
    let mut out = Outbox::default();
    limiter.process(batch, at(0), &mut out);
    let passed: Vec<_> = out.drain().collect();
    assert_eq!(passed.len(), 1);
    assert_eq!(passed[0].chunks()[0].bytes.as_ptr(), bytes.as_ptr());
    assert_eq!(limiter.deadline(), None);
}

#[test]
fn items_are_counted_by_signal() {
    let check = |signal, family: &str| {
        let host = Host {
            label: Label {
                signal: Some(signal),
                ..host().label
            },
            ..host()
        };
        let yaml = "{check_interval: 1s, limit_mib: 1000}";
        let mut processor = build("memory_limiter", yaml, &host);
        processor.process(sample(signal, 3, 0), at(0), &mut Outbox::default());
        let text = host.metrics.render(&telemetry::metrics::Page::default());
        let line = format!(
            "otelcol_processor_memory_limiter_accepted_{family}{{processor=\"under_test\"}} 3\n"
        );
        assert!(text.contains(&line), "no {line}in\n{text}");
    };
    check(Signal::Traces, "spans");
    check(Signal::Metrics, "metric_points");
    check(Signal::Logs, "log_records");
}

// === limits ===

#[test]
fn limits_are_computed_from_the_keys_and_the_memory_that_there_is() {
    write("/proc/meminfo", "MemTotal:    2048000 kB\nMemFree: 1 kB\n");
    let check = |keys: serde_json::Value, soft: u64, hard: u64| {
        assert_eq!(
            config(keys.clone()).limits(read),
            Ok(Limits {
                soft,
                hard,
                every: Duration::ZERO,
            }),
            "{keys}"
        );
    };
    let ram = 2_048_000 * 1024;
    check(serde_json::json!({"limit_mib": 100}), 80 * MIB, 100 * MIB);
    check(
        serde_json::json!({"limit_mib": 100, "spike_limit_mib": 30}),
        70 * MIB,
        100 * MIB,
    );
    check(
        serde_json::json!({"limit_mib": 100, "limit_percentage": 50, "spike_limit_percentage": 9}),
        80 * MIB,
        100 * MIB,
    );
    check(
        serde_json::json!({"limit_percentage": 50}),
        ram / 2 - ram / 10,
        ram / 2,
    );
    check(
        serde_json::json!({"limit_percentage": 50, "spike_limit_percentage": 20}),
        ram / 100 * 30,
        ram / 2,
    );
}

#[test]
fn a_percentage_of_an_unknown_memory_is_an_error_that_names_the_way_out() {
    let error = config(serde_json::json!({"limit_percentage": 50}))
        .limits(read)
        .unwrap_err();
    assert!(error.starts_with("failed to get total memory, use fixed memory settings (limit_mib)"));
}

#[test]
fn the_memory_that_there_is_is_the_lowest_limit_of_the_cgroups_around_or_ram() {
    let check = |files: &[(&str, &str)], expected: Option<u64>| {
        FILES.with_borrow_mut(HashMap::clear);
        files.iter().for_each(|(path, text)| write(path, text));
        assert_eq!(memory::total(read), expected, "{files:?}");
    };
    let ram = ("/proc/meminfo", "MemTotal:    1000 kB\n");
    let v2 = ("/proc/self/cgroup", "0::/a/b\n");
    check(&[], None);
    check(&[ram], Some(1_024_000));
    check(&[ram, v2], Some(1_024_000));
    check(
        &[ram, v2, ("/sys/fs/cgroup/a/b/memory.max", "max\n")],
        Some(1_024_000),
    );
    check(
        &[ram, v2, ("/sys/fs/cgroup/a/b/memory.max", "5000\n")],
        Some(5000),
    );
    check(
        &[
            ram,
            v2,
            ("/sys/fs/cgroup/a/b/memory.max", "5000\n"),
            ("/sys/fs/cgroup/a/memory.max", "4000\n"),
            ("/sys/fs/cgroup/memory.max", "6000\n"),
        ],
        Some(4000),
    );
    let namespace = ("/proc/self/cgroup", "0::/\n");
    check(
        &[ram, namespace, ("/sys/fs/cgroup/memory.max", "7000\n")],
        Some(7000),
    );
    let v1 = (
        "/proc/self/cgroup",
        "3:cpu,cpuacct:/c\n2:memory:/docker/c\n",
    );
    let unlimited = "9223372036854771712\n";
    check(
        &[
            ram,
            v1,
            (
                "/sys/fs/cgroup/memory/docker/c/memory.limit_in_bytes",
                unlimited,
            ),
        ],
        Some(1_024_000),
    );
    check(
        &[
            ram,
            v1,
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "8000\n"),
        ],
        Some(8000),
    );
}

#[test]
fn this_machine_says_what_it_has_and_what_is_used() {
    let total = memory::total(read_file).unwrap();
    let used = resident(read_file).unwrap();
    assert!(used > 0 && used < total, "{used} of {total}");
}

#[test]
fn wrong_settings_are_named_in_the_collectors_words() {
    let check = |yaml: &str, expected: &[&str]| {
        let expected: Vec<_> = expected
            .iter()
            .map(|text| format!("processors::memory_limiter{text}"))
            .collect();
        assert_eq!(faults("memory_limiter", yaml), expected, "{yaml}");
    };
    check("{check_interval: 1s, limit_mib: 100}", &[]);
    check(
        "{limit_mib: 100}",
        &["::check_interval: 'check_interval' must be greater than zero"],
    );
    check(
        "{check_interval: 1s}",
        &[": 'limit_mib' or 'limit_percentage' must be greater than zero"],
    );
    check(
        "{check_interval: 1s, limit_percentage: 101}",
        &[
            "::limit_percentage: 'limit_percentage' and 'spike_limit_percentage' must be greater \
           than zero and less than or equal to hundred",
        ],
    );
    check(
        "{check_interval: 1s, limit_mib: 100, spike_limit_mib: 100}",
        &["::spike_limit_mib: 'spike_limit_mib' must be smaller than 'limit_mib'"],
    );
    check(
        "{check_interval: 1s, limit_percentage: 50, spike_limit_percentage: 50}",
        &[
            "::spike_limit_percentage: 'spike_limit_percentage' must be smaller than \
           'limit_percentage'",
        ],
    );
    let gc = |keys: &str, expected: &[&str]| {
        check(
            &format!("{{check_interval: 1s, limit_mib: 1, {keys}}}"),
            expected,
        );
    };
    gc(
        "min_gc_interval_when_hard_limited: 11s",
        &[
            "::min_gc_interval_when_soft_limited: 'min_gc_interval_when_soft_limited' should be \
           larger than 'min_gc_interval_when_hard_limited'",
        ],
    );
    gc(
        "max_gc_interval_when_soft_limited: -1s",
        &[
            "::max_gc_interval_when_soft_limited: 'max_gc_interval_when_soft_limited' must be \
           non-negative",
        ],
    );
    gc(
        "max_gc_interval_when_soft_limited: 9s, max_gc_interval_when_hard_limited: 0s",
        &[
            "::max_gc_interval_when_soft_limited: 'max_gc_interval_when_soft_limited' must be \
           greater than or equal to 'min_gc_interval_when_soft_limited' (or 0 to disable)",
        ],
    );
    gc(
        "max_gc_interval_when_soft_limited: 20s",
        &[
            "::max_gc_interval_when_soft_limited: 'max_gc_interval_when_soft_limited' should be \
           larger than or equal to 'max_gc_interval_when_hard_limited' (when both are set)",
        ],
    );
    gc("max_gc_interval_when_soft_limited: 0s", &[]);
}
