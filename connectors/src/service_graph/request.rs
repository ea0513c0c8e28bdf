//! Requests from one service to another, and their halves.

use std::sync::Arc;

/// Who calls where there is no client's span.
const USER: &str = "user";

/// What is called where nothing names it.
const UNKNOWN: &str = "unknown";

/// One half of a request, as its span shows it.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) service: Arc<str>,
    pub(super) seconds: f64,
    pub(super) failed: bool,
    /// The values of the dimensions, by their places in the configuration. A producer is copied for each link to it,
    /// and the sender chooses how long the values are, so copies share them.
    pub(super) dimensions: Arc<[Option<Box<str>>]>,
}

/// The half that calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) side: Side,
    pub(super) is_messaging: bool,
    /// What the other half is called, should it send no span.
    pub(super) peer: Option<Arc<str>>,
}

/// The half that is called.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    pub(super) side: Side,
    pub(super) is_messaging: bool,
}

/// A request from one service to another.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: Side,
    pub(super) server: Side,
    pub(super) connection: Connection,
    pub(super) virtual_node: Option<Virtual>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    Direct,
    Messaging,
    Database,
    Virtual,
}

/// Which side sends no spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Virtual {
    Client,
    Server,
}

// === impl Side ===

impl Side {
    /// A half that sent no span.
    fn unseen(name: &str) -> Self {
        Self {
            service: name.into(),
            seconds: 0.0,
            failed: false,
            dimensions: Arc::default(),
        }
    }

    /// The request to a database, which took as long there as it did here.
    pub(super) fn with_database(self, name: &str) -> Request {
        let server = Self {
            service: name.into(),
            dimensions: Arc::default(),
            ..self.clone()
        };
        Request {
            client: self,
            server,
            connection: Connection::Database,
            virtual_node: None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let values = self.dimensions.iter().flatten();
        let values: usize = values.map(|value| value.len()).sum();
        self.service.len() + size_of_val::<[Option<Box<str>>]>(&self.dimensions) + values
    }
}

// === impl Callee ===

impl Callee {
    /// The request that nobody is seen to have made.
    pub(super) fn called_by_user(self) -> Request {
        Request {
            client: Side::unseen(USER),
            server: self.side,
            connection: Connection::Virtual,
            virtual_node: Some(Virtual::Client),
        }
    }
}

// === impl Caller ===

impl Caller {
    pub(super) fn with(self, callee: Callee) -> Request {
        let connection = match self.is_messaging || callee.is_messaging {
            true => Connection::Messaging,
            false => Connection::Direct,
        };
        Request {
            client: self.side,
            server: callee.side,
            connection,
            virtual_node: None,
        }
    }

    /// The request as the caller alone has seen it.
    pub(super) fn alone(self) -> Request {
        let server = Side::unseen(self.peer.as_deref().unwrap_or(UNKNOWN));
        Request {
            client: self.side,
            server,
            connection: Connection::Virtual,
            virtual_node: Some(Virtual::Server),
        }
    }
}

// === impl Request ===

impl Request {
    pub(super) fn failed(&self) -> bool {
        self.client.failed || self.server.failed
    }
}

// === impl Connection ===

impl Connection {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "",
            Self::Messaging => "messaging_system",
            Self::Database => "database",
            Self::Virtual => "virtual_node",
        }
    }
}

// === impl Virtual ===

impl Virtual {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}
