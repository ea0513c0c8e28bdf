//! What a process has used, from `/proc`.

use std::io;
use std::time::Duration;

use crate::sys;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time of all threads, ended ones included; in steps of 10 ms on most
    /// machines.
    pub cpu: Duration,
    /// Bytes of memory in use (`VmRSS`).
    pub resident: u64,
    /// Most bytes that were ever in use (`VmHWM`).
    pub peak: u64,
}

impl Usage {
    /// An error when the process is gone.
    pub fn of(process: u32) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        parse(&stat, &status, sys::ticks_per_second())
            .ok_or_else(|| io::Error::other(format!("/proc/{process} is not as expected")))
    }
}

fn parse(stat: &str, status: &str, ticks_per_second: f64) -> Option<Usage> {
    // The second field is the program's name in parentheses, which may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    // User and system time are fields 14 and 15, counted from 1; the name was the second.
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    Some(Usage {
        cpu: Duration::try_from_secs_f64(ticks as f64 / ticks_per_second).ok()?,
        resident: bytes(status, "VmRSS:")?,
        peak: bytes(status, "VmHWM:")?,
    })
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_read_whatever_the_program_is_called() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 99 0 0";
        let status = "Name:\ta) b\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let expected = Usage {
            cpu: Duration::from_secs(3),
            resident: 1 << 20,
            peak: 2 << 20,
        };
        assert_eq!(parse(stat, status, 100.0), Some(expected));
    }

    #[test]
    fn our_own_process_has_used_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident);
    }
}
