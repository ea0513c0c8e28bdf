//! Cross-origin resource sharing of an HTTP server (`confighttp.CORSConfig`).

use serde::{Deserialize, Serialize};

use crate::validate::{Problems, Validate};

/// On only with an origin. Credentials are always allowed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Cors {
    /// Each may contain one `*`.
    pub allowed_origins: Vec<String>,
    /// `*` is every header. None: `Accept`, `Content-Type`, `X-Requested-With`.
    pub allowed_headers: Vec<String>,
    pub exposed_headers: Vec<String>,
    /// Seconds for which browsers remember a preflight; 0 leaves it to them, less forbids it.
    pub max_age: i64,
}

impl Validate for Cors {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if self.allowed_origins.is_empty() && !self.allowed_headers.is_empty() {
            problems.warn(
                "allowed_headers",
                "The CORS configuration specifies allowed headers but no allowed origins, and is \
                 therefore ignored.",
            );
        }
        for (index, origin) in self.allowed_origins.iter().enumerate() {
            if origin == "*" {
                let text = "browsers do not send credentials to a server that allows every \
                            origin: name them, such as https://*.example.com";
                problems.warn(format!("allowed_origins[{index}]"), text);
            }
        }
        problems
    }
}
