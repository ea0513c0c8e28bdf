//! The headers of every request.

use config::Headers;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// In the Collector's form: name, version, system and architecture.
pub(crate) const USER_AGENT: &str = concat!("Tracegate/", env!("CARGO_PKG_VERSION"), " (linux)");

/// The configured headers, and a user agent: theirs, else `user_agent`, else our own.
pub(crate) fn headers(configured: &Headers, user_agent: &str) -> Result<HeaderMap, String> {
    let mut all = HeaderMap::new();
    for (name, value) in configured.iter() {
        let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no header name"))?;
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_| format!("the value of header {name} cannot be sent in a header"))?;
        value.set_sensitive(true);
        all.insert(name, value);
    }
    if !all.contains_key(header::USER_AGENT) {
        let agent = if user_agent.is_empty() {
            USER_AGENT
        } else {
            user_agent
        };
        let agent = HeaderValue::try_from(agent);
        all.insert(
            header::USER_AGENT,
            agent.map_err(|_| "user_agent cannot be sent in a header")?,
        );
    }
    Ok(all)
}
