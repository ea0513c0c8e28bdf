//! The metrics of the process itself, read from `/proc` at each scrape.
//!
//! The Collector's names are kept, so that dashboards work, though there is no Go runtime to ask:
//!
//! - `runtime_heap_alloc_bytes`: anonymous memory that is resident: heap and stacks, with what the
//!   allocator keeps for later;
//! - `runtime_total_sys_memory_bytes`: all memory that the system holds for the process, resident
//!   or swapped out;
//! - `runtime_total_alloc_bytes`: left out, since no allocator counts it for free.
//!
//! Where there is no `/proc`, only the uptime is reported.

use std::fs;

use crate::Clock;
use crate::metrics::{Family, Samples, Source};

const UPTIME: Family =
    Family::counter("otelcol_process_uptime", "Uptime of the process [Alpha]").seconds();
const CPU: Family = Family::counter(
    "otelcol_process_cpu_seconds",
    "Total CPU user and system time in seconds [Alpha]",
)
.seconds();
const RSS: Family = Family::gauge(
    "otelcol_process_memory_rss",
    "Total physical memory (resident set size) [Alpha]",
)
.bytes();
const HEAP: Family = Family::gauge(
    "otelcol_process_runtime_heap_alloc_bytes",
    "Bytes of resident anonymous memory: heap and stacks [Alpha]",
)
.bytes();
const SYSTEM: Family = Family::gauge(
    "otelcol_process_runtime_total_sys_memory_bytes",
    "Total bytes of memory obtained from the OS, resident or swapped out [Alpha]",
)
.bytes();

/// Ticks in a second of the times in `/proc/self/stat`: `USER_HZ`, which Linux keeps at 100 for all
/// of user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process as a source of metrics.
pub struct Process {
    started_unix_nanos: u64,
    clock: Clock,
}

/// Bytes, from `/proc/self/status`.
#[derive(Debug, PartialEq)]
struct Memory {
    resident: u64,
    anonymous: u64,
    swapped: u64,
}

impl Process {
    pub fn new(started_unix_nanos: u64, clock: Clock) -> Self {
        Self {
            started_unix_nanos,
            clock,
        }
    }
}

impl Source for Process {
    fn emit(&self, samples: &mut Samples<'_>) {
        let nanos = (self.clock)().saturating_sub(self.started_unix_nanos);
        samples.add(&UPTIME, &[], nanos as f64 / 1e9);
        let read = |path| fs::read_to_string(path).ok();
        if let Some(seconds) = read("/proc/self/stat").as_deref().and_then(cpu_seconds) {
            samples.add(&CPU, &[], seconds);
        }
        if let Some(memory) = read("/proc/self/status").as_deref().and_then(memory) {
            samples.add(&RSS, &[], memory.resident as f64);
            samples.add(&HEAP, &[], memory.anonymous as f64);
            samples.add(&SYSTEM, &[], (memory.resident + memory.swapped) as f64);
        }
    }
}

/// User and system time: fields 14 and 15 of proc_pid_stat(5). The second field is the program's
/// name in parentheses and may hold anything, parentheses too, so counting starts after the last
/// one.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

/// The lines `VmRSS`, `RssAnon` and `VmSwap` of proc_pid_status(5).
fn memory(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    };
    Some(Memory {
        resident: bytes("VmRSS")?,
        anonymous: bytes("RssAnon")?,
        // A kernel built without swap has no such line.
        swapped: bytes("VmSwap").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_whatever_the_program_is_called() {
        let check = |stat, expected| assert_eq!(cpu_seconds(stat), expected, "{stat}");
        check(
            "7 (tracegate) S 1 2 3 0 -1 4 5 6 7 8 250 31 0 0 20 0",
            Some(2.81),
        );
        check(
            "7 (a) b) (c) S 1 2 3 0 -1 4 5 6 7 8 1 0 0 0 20 0",
            Some(0.01),
        );
        check("7 (tracegate) S 1 2", None);
        check("7 (tracegate) S 1 2 3 0 -1 4 5 6 7 8 x 31", None);
        check("", None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let check = |status, expected| assert_eq!(memory(status), expected, "{status}");
        let full = "Name:\ttracegate\nVmRSS:\t    3000 kB\nRssAnon:\t 2000 kB\nVmSwap:\t  10 kB\n";
        let swapless = "VmRSS:\t 3 kB\nRssAnon:\t 2 kB\n";
        check(
            full,
            Some(Memory {
                resident: 3_072_000,
                anonymous: 2_048_000,
                swapped: 10_240,
            }),
        );
        check(
            swapless,
            Some(Memory {
                resident: 3_072,
                anonymous: 2_048,
                swapped: 0,
            }),
        );
        check("VmRSS:\t 3 kB\n", None);
        check("VmRSS:\t x kB\nRssAnon:\t 2 kB\n", None);
    }
}
