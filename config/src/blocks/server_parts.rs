//! Keys of both kinds of servers that have little to say.

use serde::{Deserialize, Serialize};

use crate::units::GoDuration;
use crate::validate::Problems;

/// `dialer` stands in the Collector's block for addresses, which clients use too.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Dialer {
    pub timeout: GoDuration,
}

/// One of `middlewares`: an extension between the server and its component.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Middleware {
    pub id: String,
}

pub(super) fn check_parts(problems: &mut Problems, dialer: &Dialer, middlewares: &[Middleware]) {
    if *dialer != Dialer::default() {
        problems.warn("dialer", "has no effect on a server, which dials nobody");
    }
    for (index, middleware) in middlewares.iter().enumerate() {
        let text = format!(
            "middleware {:?}: known to the Collector, not in this build, which has no extension \
             that could be one; take it out of the file",
            middleware.id
        );
        problems.push(format!("middlewares[{index}]"), text);
    }
}
