//! URLs in which a password may stand: that of an HTTP proxy, and that of an endpoint.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::secret::REDACTED;

/// `proxy_url`: shown without its credentials. Empty: as the environment says.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// The whole of it, for the one who connects; `None` if not given.
    pub fn expose(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|url| !url.is_empty())
    }

    /// Why it is no proxy that this build can use.
    pub(super) fn fault(&self) -> Option<String> {
        let url = self.expose()?;
        let rest = match url.split_once("://") {
            Some(("http" | "https", rest)) => rest,
            Some((scheme, _)) => {
                let kinds = "only http and https";
                return Some(format!(
                    "no proxy of the kind {scheme:?} in this build, {kinds}"
                ));
            }
            None => return Some("it is written as http://host:port".to_owned()),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        (host.is_empty() || host.starts_with(':')).then(|| "it has no host".to_owned())
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is no URL may be anything.
        match self.0.is_empty() || self.0.contains("://") {
            true => f.write_str(&masked(&self.0)),
            false => f.write_str(REDACTED),
        }
    }
}

/// A URL without the credentials before its host.
fn masked(url: &str) -> Cow<'_, str> {
    let mask = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (_, host) = authority.rsplit_once('@')?;
        Some(format!("{scheme}://{REDACTED}@{host}{path}"))
    };
    mask().map_or(Cow::Borrowed(url), Cow::Owned)
}

/// Shows a URL without its credentials: for fields of type `String`.
pub fn serialize_masked<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&masked(url))
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ProxyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::ProxyUrl;

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (url, shown) in [
            ("", ""),
            ("http://proxy:3128", "http://proxy:3128"),
            (
                "http://me:secret@proxy:3128/x",
                "http://[REDACTED]@proxy:3128/x",
            ),
            ("http://me:sec@ret@proxy", "http://[REDACTED]@proxy"),
            ("me:secret@proxy", "[REDACTED]"),
        ] {
            let url = ProxyUrl(url.to_owned());
            assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
        }
    }
}
