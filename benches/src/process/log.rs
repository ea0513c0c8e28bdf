//! The lines of a process, read as they come and kept within bounds.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock;

/// Lines that are kept; older ones are thrown away.
const MAX_LINES: usize = 20_000;

/// Bytes of a line that are kept in one piece; a longer one becomes several lines.
const MAX_LINE: u64 = 64 << 10;

/// Lines that an error shows.
const SHOWN: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Log {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    /// Lines that were ever pushed.
    pushed: u64,
    ended: bool,
}

impl Log {
    /// Reads to the end: the work of the reading thread.
    pub(super) fn read(&self, source: impl Read) {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = source.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            let ended = !matches!(read, Ok(length) if length > 0);
            let mut state = self.state();
            if ended {
                state.ended = true;
            } else {
                if state.lines.len() == MAX_LINES {
                    state.lines.pop_front();
                }
                let text = String::from_utf8_lossy(&line);
                state
                    .lines
                    .push_back(text.trim_end_matches(['\n', '\r']).to_owned());
                state.pushed += 1;
            }
            drop(state);
            self.grown.notify_all();
            if ended {
                return;
            }
        }
    }

    pub(super) fn wait(&self, text: &str, within: Duration) -> io::Result<String> {
        let deadline = clock::now() + within;
        let mut seen = 0;
        let mut state = self.state();
        loop {
            // Only lines that came since the last look, of those that are still kept.
            let fresh = usize::try_from(state.pushed - seen).unwrap_or(usize::MAX);
            let skip = state.lines.len().saturating_sub(fresh);
            if let Some(line) = state
                .lines
                .iter()
                .skip(skip)
                .find(|line| line.contains(text))
            {
                return Ok(line.clone());
            }
            seen = state.pushed;
            let left = deadline.saturating_duration_since(clock::now());
            if state.ended || left.is_zero() {
                let ended = state.ended;
                drop(state);
                let (kind, why) = if ended {
                    (io::ErrorKind::UnexpectedEof, "the log ended")
                } else {
                    (io::ErrorKind::TimedOut, "the time is over")
                };
                return Err(self.fault(kind, &format!("no line with `{text}`: {why}")));
            }
            let woken = self.grown.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.state().lines.iter().cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.state().lines.clear();
    }

    /// An error that shows the last lines.
    pub(super) fn fault(&self, kind: io::ErrorKind, text: &str) -> io::Error {
        let state = self.state();
        let skip = state.lines.len().saturating_sub(SHOWN);
        let last: Vec<_> = state.lines.iter().skip(skip).map(String::as_str).collect();
        io::Error::new(
            kind,
            format!("{text}; the last lines were:\n{}", last.join("\n")),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_whether_it_came_before_or_not_at_all() {
        let log = Log::default();
        log.read(&b"starting\r\nready on port 4317\nlast, without an end"[..]);
        assert_eq!(
            log.wait("ready", Duration::ZERO).unwrap(),
            "ready on port 4317"
        );
        assert_eq!(log.wait("starting", Duration::ZERO).unwrap(), "starting");

        let fault = log.wait("stopped", Duration::MAX / 4).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::UnexpectedEof);
        assert!(
            fault
                .to_string()
                .ends_with("port 4317\nlast, without an end"),
            "{fault}"
        );

        log.forget();
        assert!(log.wait("ready", Duration::ZERO).is_err());
    }

    #[test]
    fn an_endless_log_stays_within_bounds() {
        let log = Log::default();
        log.read(io::repeat(b'x').take(3 * MAX_LINE));
        assert_eq!(log.lines().len(), 3);
        log.read(&b"line\n".repeat(MAX_LINES)[..]);
        assert_eq!(log.lines(), vec!["line"; MAX_LINES]);
    }
}
