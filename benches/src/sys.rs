//! The calls to the operating system that the standard library does not have.
#![allow(unsafe_code)]

use std::io;

use libc::c_int;

/// Sends a signal to one process.
pub(crate) fn kill(process: u32, signal: c_int) -> io::Result<()> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    // Zero and negative numbers would mean whole groups of processes.
    if process <= 0 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: kill reads no memory of ours; every pair of arguments is defined, bad ones return an
    // error.
    check(unsafe { libc::kill(process, signal) })
}

/// Binds the calling thread to one core. Threads and processes that it starts afterwards are bound
/// as well.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut cores = no_cores();
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: the set is ours and initialised, and the core's bit lies inside it, as just checked.
    unsafe { libc::CPU_SET(core, &mut cores) };
    // SAFETY: thread 0 is the caller; the kernel reads exactly the size that we name, from a live
    // value.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const cores) })
}

/// How many ticks of `/proc/PID/stat` make a second.
pub(crate) fn ticks_per_second() -> f64 {
    // SAFETY: sysconf reads no memory of ours; an unknown name returns -1.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

fn no_cores() -> libc::cpu_set_t {
    // SAFETY: `cpu_set_t` is an array of integers, for which all zeroes is a value: the empty set.
    unsafe { std::mem::zeroed() }
}

fn check(code: c_int) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
