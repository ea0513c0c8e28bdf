//! How a client connects.

use std::time::Duration;

use super::proxy::Proxy;
use super::target::Target;
use crate::tls;

/// HTTP/1.1 connections at rest, unless set. There are never more than there were requests at the same time.
pub(super) const IDLE_MAX: usize = 1000;

/// How a client connects.
#[derive(Clone)]
pub struct Settings {
    pub target: Target,
    /// `None`: plain text.
    pub tls: Option<tls::Connector>,
    /// The name that the server must prove; `None`: the target's host.
    pub tls_name: Option<String>,
    pub proxy: Option<Proxy>,
    /// HTTP/2 by prior knowledge (gRPC). Otherwise HTTP/1.1, or what ALPN chooses.
    pub h2: bool,
    /// HTTP/2 pings after this much silence.
    pub keepalive_time: Option<Duration>,
    /// How long a ping may go unanswered and, over TCP, data unacknowledged; `None`: 20 s.
    pub keepalive_timeout: Option<Duration>,
    /// Ping without requests under way too.
    pub keepalive_while_idle: bool,
    /// How long a connection is kept without use, unless `h2`; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// HTTP/1.1 connections at rest; `None`: [`IDLE_MAX`].
    pub idle_max: Option<usize>,
    /// HTTP/1.1 connections altogether. Further requests wait; `None`: no limit.
    pub connections_max: Option<usize>,
    /// Whether connections are used again, unless `h2`.
    pub keep_alives: bool,
    /// Use all addresses in turn, rather than the first that answers.
    pub round_robin: bool,
    /// Requests wait for a connection instead of failing when it cannot be made; `h2` only.
    pub wait_for_ready: bool,
}

impl Settings {
    /// Plain text over HTTP/1.1 to the first address that answers, without limits.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            tls: None,
            tls_name: None,
            proxy: None,
            h2: false,
            keepalive_time: None,
            keepalive_timeout: None,
            keepalive_while_idle: false,
            idle_timeout: None,
            idle_max: None,
            connections_max: None,
            keep_alives: true,
            round_robin: false,
            wait_for_ready: false,
        }
    }

    /// Where sockets are connected to.
    pub(super) fn dialled(&self) -> &Target {
        self.proxy.as_ref().map_or(&self.target, |it| &it.target)
    }

    /// Whether requests are handed to the proxy as they are, rather than through a tunnel: plain HTTP is.
    pub(super) fn forwarded(&self) -> bool {
        self.proxy.is_some() && self.tls.is_none() && !self.h2
    }
}
