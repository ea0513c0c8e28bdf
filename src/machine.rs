//! What the machine gives: the memory and the open files that this process may use.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use telemetry::memory::{self, ReadFile, read_file};

/// Part of a cgroup's limit that the byte budget may take, in percent; the rest is for everything
/// that is not payload.
const CGROUP_PERCENT: u64 = 75;

/// Part of the RAM that the byte budget may take where nothing limits the process, in percent.
const RAM_PERCENT: u64 = 50;

/// Assumed where nothing can be read.
const FALLBACK: u64 = 1 << 30;

/// Open files for everything but the connections of clients: our listeners and log, configuration, certificates, and
/// the connections of exporters.
const FILES_RESERVED: u64 = 256;

/// What a connection costs that rests: the state of HTTP/2, its buffers, and the kernel's. It counts against the byte
/// budget as a bound on their number, or a million idle connections would take the memory that no budget saw.
const CONNECTION_BYTES: u64 = 32 << 10;

/// What the machine is called: in a container or a pod its own name.
pub(crate) fn name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

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

/// How many connections the process may take, and the sentence that explains it. Raises the limit of open files as far
/// as the process may.
pub(crate) fn connections(budget: u64) -> (usize, String) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // Who may not raise it keeps what there is.
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    connections_of(files, budget)
}

/// `None` is no limit of open files.
fn connections_of(files: Option<u64>, budget: u64) -> (usize, String) {
    let borne = budget / CONNECTION_BYTES;
    // A process with very few files takes connections all the same.
    let free = files.map(|files| files.saturating_sub(FILES_RESERVED).max(files / 2));
    let (connections, why) = match (files, free) {
        (Some(files), Some(free)) if free <= borne => {
            (free, format!("{files} open files, less {}", files - free))
        }
        _ => (
            borne,
            format!("{} KiB of the memory budget each", CONNECTION_BYTES >> 10),
        ),
    };
    (usize::try_from(connections).unwrap_or(usize::MAX), why)
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
    fn connections_are_bounded_by_open_files_and_by_memory() {
        let check = |files, budget: u64, expected: usize, because: &str| {
            let (connections, why) = connections_of(files, budget);
            assert_eq!(connections, expected, "{why}");
            assert!(why.contains(because), "{why}");
        };
        check(Some(1024), 1 << 30, 768, "1024 open files, less 256");
        check(Some(1 << 20), 1 << 30, 32 << 10, "32 KiB");
        check(None, 256 << 20, 8 << 10, "32 KiB");
        check(Some(64), 1 << 30, 32, "64 open files, less 32");
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
