//! The keys of `basicauth`.

use config::{NotYet, Problems, Secret, Validate};
use serde::{Deserialize, Serialize};

pub(super) const NO_SOURCE: &str = "no credential source provided";

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Whom a receiver lets in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) htpasswd: Option<Htpasswd>,
    /// What an exporter presents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_auth: Option<ClientAuth>,
}

/// Lines of `user:password`, the latter usually as a hash.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Htpasswd {
    pub(super) file: String,
    /// Its lines win over those of the file.
    pub(super) inline: Secret,
}

/// The values of files win over those beside them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct ClientAuth {
    pub(super) username: String,
    pub(super) username_file: String,
    pub(super) password: Secret,
    pub(super) password_file: String,
    #[serde(skip_serializing)]
    aws_secrets_manager: NotYet,
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        match (&self.htpasswd, &self.client_auth) {
            (Some(_), Some(_)) => {
                let text = "only one of `htpasswd` or `client_auth` can be specified";
                problems.push("", text);
            }
            (None, None) => problems.push("", NO_SOURCE),
            (Some(htpasswd), None) => {
                let some = !htpasswd.file.is_empty() || !htpasswd.inline.is_empty();
                problems.require(some, "htpasswd", NO_SOURCE);
            }
            (None, Some(own)) => {
                let alone = own.username_file.is_empty();
                let text = "invalid authorization format: a user name has no colon";
                let fits = !alone || !own.username.contains(':');
                problems.require(fits, "client_auth::username", text);
                if !alone && !own.username.is_empty() {
                    let text = "`username_file` is set, so this is ignored";
                    problems.warn("client_auth::username", text);
                }
                if !own.password_file.is_empty() && !own.password.is_empty() {
                    let text = "`password_file` is set, so this is ignored";
                    problems.warn("client_auth::password", text);
                }
            }
        }
        problems
    }
}
