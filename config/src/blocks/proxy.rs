//! The URL of an HTTP proxy, in which a password may stand.

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
        let Some((scheme, rest)) = self.0.split_once("://") else {
            // What is no URL may be anything.
            return f.write_str(if self.0.is_empty() { "" } else { REDACTED });
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match authority.rsplit_once('@') {
            Some((_, host)) => write!(f, "{scheme}://{REDACTED}@{host}{path}"),
            None => f.write_str(&self.0),
        }
    }
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
