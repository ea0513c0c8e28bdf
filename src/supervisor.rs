//! What systemd is told of the life of this process: that it serves, reloads, stops, and is alive.
//!
//! The protocol of `sd_notify(3)`: datagrams with lines `NAME=VALUE`, to the socket that the environment names. Without
//! `NOTIFY_SOCKET` nothing is told. Nothing here fails a service or waits: who does not listen is not told, and a log
//! line says so.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use pipeline::component::{Query, Questions, Unanswered};
use rustix::time::{ClockId, clock_gettime};

/// Signs of life within the time after which systemd takes the process for dead: one may be missed, and one be late.
const SIGNS: u32 = 3;

/// The service manager, if it wants to know.
pub(crate) struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// After so long without a sign of life it ends the process.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Who the environment says has started us.
    pub(crate) fn find() -> Self {
        Self::of(|name| std::env::var_os(name), std::process::id())
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>, own: u32) -> Self {
        let socket = variable("NOTIFY_SOCKET").and_then(|name| {
            let socket = connect(&name);
            socket
                .inspect_err(|error| {
                    tracing::warn!(%error, ?name, "Cannot tell the service manager that this service is ready.");
                })
                .ok()
        });
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        // The watchdog may be meant for another process, which has passed its environment on.
        let ours = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(own));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0);
        Self {
            socket,
            watchdog: watchdog.map(Duration::from_micros),
        }
    }

    /// The configuration with this hash runs; an error: although another one was to.
    pub(crate) fn runs(&self, hash: Result<&str, &str>) {
        let status = match hash {
            Ok(hash) => format!("Serving, configuration {hash}"),
            Err(hash) => {
                format!(
                    "Serving, configuration {hash}; the one it was to take is faulty, see the log"
                )
            }
        };
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again. `Type=notify-reload` needs the time, by its own clock.
    pub(crate) fn reloads(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=Reading the configuration again"
        ));
    }

    pub(crate) fn stops(&self) {
        self.tell("STOPPING=1\nSTATUS=Delivering what is left");
    }

    /// Gives signs of life for as long as every worker has one, and while the service stops.
    pub(crate) fn watch(&self, workers: Questions) -> impl Future<Output = ()> + use<> {
        let workers = async move || match workers.ask(&Query::Alive).await {
            Ok(_) | Err(Unanswered::Stopping) => true,
            Err(Unanswered::Busy) => false,
        };
        self.watch_by(workers)
    }

    fn watch_by<A: AsyncFn() -> bool>(&self, is_alive: A) -> impl Future<Output = ()> + use<A> {
        let parts = self.socket.as_ref().zip(self.watchdog);
        let parts = parts.and_then(|((socket, address), within)| {
            let socket = socket.try_clone().ok()?;
            Some((socket, address.clone(), within / SIGNS))
        });
        async move {
            let Some((socket, address, every)) = parts else {
                return;
            };
            let mut times = tokio::time::interval(every);
            times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                times.tick().await;
                if is_alive().await {
                    // A sign that is lost now is followed by the next.
                    let _ = socket.send_to_addr(b"WATCHDOG=1", &address);
                } else {
                    tracing::error!(
                        "A worker does not answer. The service manager gets no sign of life."
                    );
                }
            }
        }
    }

    fn tell(&self, state: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::warn!(%error, state, "Cannot tell the service manager.");
        }
    }
}

/// A name that begins with `@` is one of Linux's abstract ones, any other a file's.
fn connect(name: &OsString) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::from(io::ErrorKind::Unsupported)),
    };
    let socket = UnixDatagram::unbound()?;
    // Where the manager is behind with reading, data goes on.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tempfile::TempDir;

    use super::*;

    const OWN: u32 = 7;

    fn supervisor(socket: &str, variables: &[(&str, &str)]) -> Supervisor {
        let variable = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(OsString::from(socket)),
            _ => {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            }
        };
        Supervisor::of(variable, OWN)
    }

    fn manager() -> (TempDir, UnixDatagram, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        (folder, socket, path.to_str().unwrap().to_owned())
    }

    fn heard(manager: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 512];
        let count = manager.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..count].to_vec()).unwrap())
    }

    #[test]
    fn the_manager_hears_of_the_life_of_the_service() {
        let (_folder, manager, path) = manager();
        let supervisor = supervisor(&path, &[]);
        supervisor.runs(Ok("abc"));
        let ready = "READY=1\nSTATUS=Serving, configuration abc";
        assert_eq!(heard(&manager).unwrap(), ready);
        let micros = || {
            let now = clock_gettime(ClockId::Monotonic);
            now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
        };
        let before = micros();
        supervisor.reloads();
        let said = heard(&manager).unwrap();
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("RELOADING=1"));
        let time = lines.next().unwrap().strip_prefix("MONOTONIC_USEC=");
        let time: i64 = time.unwrap().parse().unwrap();
        assert!((before..=micros()).contains(&time), "{time}");
        supervisor.runs(Err("abc"));
        let said = heard(&manager).unwrap();
        assert!(
            said.starts_with("READY=1\nSTATUS=Serving, configuration abc; "),
            "{said}"
        );
        supervisor.stops();
        assert!(heard(&manager).unwrap().starts_with("STOPPING=1\n"));
        assert_eq!(heard(&manager), None);
    }

    #[test]
    fn an_abstract_name_is_a_socket_and_anything_else_is_said_to_nobody() {
        let name = format!("tracegate-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        supervisor(&format!("@{name}"), &[]).stops();
        assert!(heard(&manager).is_some());
        for odd in ["", "notify", "vsock:2:1234"] {
            assert!(supervisor(odd, &[]).socket.is_none(), "{odd}");
        }
        // A socket that is gone is no reason to stop.
        supervisor("/nonexistent/notify", &[]).stops();
    }

    #[test]
    fn the_watchdog_is_for_this_process_if_it_is_for_any() {
        let check = |variables: &[(&str, &str)], expected: Option<u64>| {
            let found = supervisor("@x", variables).watchdog;
            assert_eq!(found, expected.map(Duration::from_micros), "{variables:?}");
        };
        check(&[], None);
        check(&[("WATCHDOG_USEC", "30000000")], Some(30_000_000));
        check(&[("WATCHDOG_USEC", "5"), ("WATCHDOG_PID", "7")], Some(5));
        check(&[("WATCHDOG_USEC", "5"), ("WATCHDOG_PID", "8")], None);
        check(&[("WATCHDOG_USEC", "0")], None);
        check(&[("WATCHDOG_USEC", "soon")], None);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_signs_of_life_only_while_the_workers_have_one() {
        let (_folder, manager, path) = manager();
        let supervisor = supervisor(&path, &[("WATCHDOG_USEC", "30000000")]);
        let watched = Duration::from_secs(35);
        let signs = async |is_alive: bool| {
            let watch = supervisor.watch_by(async || is_alive);
            assert!(tokio::time::timeout(watched, watch).await.is_err());
            std::iter::from_fn(|| heard(&manager)).count()
        };
        // At the start and then three times within the time.
        assert_eq!(signs(true).await, 4);
        assert_eq!(signs(false).await, 0);
    }
}
