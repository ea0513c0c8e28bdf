//! What the machine gives: the memory that this process may use.

use std::fs;

/// Part of a cgroup's limit that the byte budget may take, in percent; the rest is for everything
/// that is not payload.
const CGROUP_PERCENT: u64 = 75;

/// Part of the RAM that the byte budget may take where nothing limits the process, in percent.
const RAM_PERCENT: u64 = 50;

/// Assumed where nothing can be read.
const FALLBACK: u64 = 1 << 30;

/// The byte budget, and the sentence that explains it.
pub(crate) fn budget() -> (u64, String) {
    let read = |path: &str| fs::read_to_string(path).ok();
    let ram = read("/proc/meminfo").as_deref().and_then(ram);
    match (cgroup_limit(&read, ram), ram) {
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

/// The memory limit of cgroup v2 or v1, if there is one below the RAM.
fn cgroup_limit(read: &dyn Fn(&str) -> Option<String>, ram: Option<u64>) -> Option<u64> {
    const FILES: [&str; 2] = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let limits = FILES
        .iter()
        .filter_map(|path| read(path)?.trim().parse().ok());
    // v1 says "no limit" with a number larger than any memory.
    limits
        .min()
        .filter(|limit| ram.is_none_or(|ram| *limit < ram))
}

fn ram(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroup_limits_only_where_it_is_below_the_ram() {
        let check = |v2: Option<&str>, v1: Option<&str>, expected: Option<u64>| {
            let read = |path: &str| {
                let file = if path.ends_with("memory.max") { v2 } else { v1 };
                file.map(str::to_owned)
            };
            assert_eq!(
                cgroup_limit(&read, Some(8 << 30)),
                expected,
                "{v2:?} {v1:?}"
            );
        };
        check(Some("536870912\n"), None, Some(512 << 20));
        check(Some("max\n"), None, None);
        check(None, Some("9223372036854771712\n"), None);
        check(None, Some("268435456\n"), Some(256 << 20));
        check(None, None, None);
    }

    #[test]
    fn ram_is_read_from_meminfo() {
        assert_eq!(
            ram("MemTotal:       16384 kB\nMemFree: 1 kB\n"),
            Some(16 << 20)
        );
        assert_eq!(ram("nonsense"), None);
    }
}
