//! What a type can check about itself once it has been decoded.

use crate::fault::Severity;
use crate::id::ComponentId;

/// One check that failed, or a doubt, with its path below the value that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// `sending_queue::batch::min_size`, or `actions[2]`; empty for the value itself.
    pub path: String,
    /// The Collector's wording where it has one.
    pub text: String,
}

/// Another component that a value names, with the path of the id below the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// `auth::authenticator`
    pub path: String,
    pub id: ComponentId,
    pub capability: Capability,
}

/// What one component wants of another: the extension that it names must offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Admits requests.
    ServerAuth,
    /// Authenticates requests over HTTP.
    HttpClientAuth,
    /// Authenticates calls over gRPC.
    GrpcClientAuth,
    /// The same on a connection without TLS, where credentials must not be seen.
    PlainGrpcClientAuth,
}

/// The failed checks of one value, and what it wants of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    wants: Vec<Want>,
}

/// A configuration that can check itself. Every block and every component's `Config` is one.
pub trait Validate {
    /// All that is wrong, with relative paths; nothing by default.
    fn validate(&self) -> Problems {
        Problems::default()
    }
}

// === impl Capability ===

impl Capability {
    /// What is wrong with an extension that does not offer it. The texts are the Collector's.
    pub fn lacking(self) -> &'static str {
        match self {
            Self::ServerAuth => "requested authenticator is not a server authenticator",
            Self::HttpClientAuth => "requested authenticator is not a HTTP client authenticator",
            Self::GrpcClientAuth => "requested authenticator is not a gRPC client authenticator",
            Self::PlainGrpcClientAuth => {
                "the credentials require transport level security (use grpc.WithTransportCredentials() to set)"
            }
        }
    }
}

// === impl Problems ===

impl Problems {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Error, path.into(), text.into());
    }

    /// A key that is accepted and does not do what its reader may expect.
    pub fn warn(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Warning, path.into(), text.into());
    }

    fn add(&mut self, severity: Severity, path: String, text: String) {
        self.list.push(Problem {
            severity,
            path,
            text,
        });
    }

    /// Adds the problem only if the condition does not hold.
    pub fn require(&mut self, holds: bool, path: &str, text: impl Into<String>) {
        if !holds {
            self.push(path, text);
        }
    }

    /// Adds the problems of a part, which stands under a key. An empty key is the same level.
    pub fn under(&mut self, key: &str, part: &impl Validate) {
        self.part(key, part.validate());
    }

    /// The same, for problems that have been found already.
    pub fn part(&mut self, key: &str, part: Self) {
        let below = |path: String| match (key, path.as_str()) {
            ("", _) => path,
            (_, "") => key.to_owned(),
            (_, path) => format!("{key}::{path}"),
        };
        let Self { list, wants } = part;
        self.list.extend(list.into_iter().map(|problem| Problem {
            path: below(problem.path),
            ..problem
        }));
        self.wants.extend(wants.into_iter().map(|want| Want {
            path: below(want.path),
            ..want
        }));
    }

    /// Notes that the value names an extension, which is looked for when all components are known.
    pub fn want(&mut self, path: &str, id: &ComponentId, capability: Capability) {
        self.wants.push(Want {
            path: path.to_owned(),
            id: id.clone(),
            capability,
        });
    }

    pub fn into_wants(self) -> Vec<Want> {
        self.wants
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
