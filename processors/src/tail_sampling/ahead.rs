//! Memory that is about to be used, asked for beforehand.

/// What memory gives at a time.
const LINE: usize = 64;

/// Asks for memory that is soon read and written. What is written to memory that is not near waits in the CPU, and
/// once there is no place left for it there, everything else waits too. This is a hint: where there is none, nothing is
/// done.
pub(super) fn ask_for<T>(memory: &[T]) {
    let start = memory.as_ptr().cast::<u8>();
    let before = start.addr() % LINE;
    for offset in (0..before + size_of_val(memory)).step_by(LINE) {
        ask_for_line(start.wrapping_sub(before).wrapping_add(offset));
    }
}

#[cfg(target_arch = "x86_64")]
fn ask_for_line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
    // SAFETY: it reads and writes nothing, whatever the address; every x86-64 has SSE, to which it belongs.
    #[expect(
        unsafe_code,
        reason = "the safe hint of the standard library is not stable yet"
    )]
    unsafe {
        _mm_prefetch::<_MM_HINT_ET0>(at.cast());
    }
}

#[cfg(target_arch = "aarch64")]
fn ask_for_line(at: *const u8) {
    // SAFETY: it reads and writes nothing, whatever the address, and changes neither flags nor the stack.
    #[expect(
        unsafe_code,
        reason = "the safe hint of the standard library is not stable yet"
    )]
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn ask_for_line(_at: *const u8) {}
