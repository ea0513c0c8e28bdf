//! `auth` of clients and servers (`configauth.Config`): the extension that authenticates.

use serde::{Deserialize, Serialize};

use crate::id::ComponentId;

/// Use it as `Optional<Auth>`. Whoever holds it states in its validation what it wants of the extension.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Auth {
    pub authenticator: ComponentId,
}

/// The same on an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HttpAuth {
    pub authenticator: ComponentId,
    /// Query parameters that the authenticator sees as if they were headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_params: Vec<String>,
}
