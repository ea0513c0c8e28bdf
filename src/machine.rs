//! What the machine gives: the memory that this process may use.

use telemetry::memory::{self, ReadFile, read_file};

/// Part of a cgroup's limit that the byte budget may take, in percent; the rest is for everything
/// that is not payload.
const CGROUP_PERCENT: u64 = 75;

/// Part of the RAM that the byte budget may take where nothing limits the process, in percent.
const RAM_PERCENT: u64 = 50;

/// Assumed where nothing can be read.
const FALLBACK: u64 = 1 << 30;

/// The byte budget, and the sentence that explains it.
pub(crate) fn budget() -> (u64, String) {
    budget_of(read_file)
}

fn budget_of(read: ReadFile) -> (u64, String) {
    let ram = memory::ram(read);
    // A limit beyond the RAM is no limit.
    let cgroup = memory::cgroup_limit(read).filter(|limit| ram.is_none_or(|ram| *limit < ram));
    match (cgroup, ram) {
        (Some(limit), _) => {
            let budget = limit / 100 * CGROUP_PERCENT;
            (
                budget,
                format!("{CGROUP_PERCENT} % of the cgroup's {} MiB", limit >> 20),
            )
        }
        (None, Some(ram)) => {
            let budget = ram / 100 * RAM_PERCENT;
            (budget, format!("{RAM_PERCENT} % of {} MiB RAM", ram >> 20))
        }
        (None, None) => (FALLBACK, "the machine does not say what it has".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: ReadFile, expected: u64, because: &str) {
        let (budget, why) = budget_of(read);
        assert_eq!(budget, expected, "{why}");
        assert!(why.contains(because), "{why}");
    }

    #[test]
    fn the_budget_is_a_part_of_what_limits_the_process() {
        check(
            |path| match path {
                "/proc/meminfo" => Some("MemTotal:    8000 kB\n".into()),
                "/proc/self/cgroup" => Some("0::/\n".into()),
                "/sys/fs/cgroup/memory.max" => Some("4000000\n".into()),
                _ => None,
            },
            3_000_000,
            "cgroup",
        );
        check(
            |path| match path {
                "/proc/meminfo" => Some("MemTotal:    8000 kB\n".into()),
                "/proc/self/cgroup" => Some("0::/\n".into()),
                "/sys/fs/cgroup/memory.max" => Some("max\n".into()),
                _ => None,
            },
            4_096_000,
            "RAM",
        );
        check(|_| None, FALLBACK, "does not say");
    }
}
