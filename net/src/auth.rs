//! Who may send to us, and as whom we send: what receivers and exporters ask of authenticators.
//!
//! An authenticator is offered by an extension under its id and looked up when a receiver or exporter is built. It
//! sees the head of a request and never a payload, so that a refused request is not read.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use config::ComponentId;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use otlp::reply::{Code, Status};

/// What is known of an authenticated sender: attributes such as `username`, `subject` or `raw`.
pub type Identity = Arc<[(String, String)]>;

/// Admits senders.
pub trait ServerAuth: Send + Sync {
    /// Who sends this request. It must not block: what takes long goes on elsewhere, see [`Verdict::Pending`].
    fn authenticate(&self, credentials: Credentials<'_>) -> Verdict;
}

/// Puts our credentials on requests to a back end.
pub trait ClientAuth: Send + Sync {
    /// Sets, inserts and removes headers of a request that is about to be sent on behalf of `sender`.
    fn apply(&self, sender: Sender<'_>, headers: &mut HeaderMap) -> Result<(), Unsendable>;

    /// Told that a back end has refused the credentials (401, UNAUTHENTICATED): looks for newer ones.
    fn refresh(&self) {}

    /// A number that changes with the credentials. A refused request has another chance only if it was sent with
    /// others than there are now.
    fn generation(&self) -> u64 {
        0
    }
}

/// Why a request cannot be sent with our credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// There are no credentials yet.
    Yet(String),
    /// Not with what is known of this sender.
    Ever(String),
}

/// What an authenticator decided.
pub enum Verdict {
    Known(Judgement),
    /// It takes longer than a worker may wait, such as a password hash that was made to be slow.
    Pending(Pin<Box<dyn Future<Output = Judgement> + Send>>),
}

/// The sender, or what it is answered: usually [`Code::Unauthenticated`], which is 401 on HTTP.
pub type Judgement = Result<Identity, Status>;

/// What a request presents: its headers, and the query parameters that the receiver was told to pass on.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    headers: &'a HeaderMap,
    query: &'a str,
    params: &'a [String],
}

/// Whose items an outgoing request carries. Both are empty where nothing was kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sender<'a> {
    /// Request metadata in lower case, one entry a value.
    pub metadata: &'a [(String, String)],
    /// What the receiver's authenticator found.
    pub identity: &'a [(String, String)],
}

/// Looks up an authenticator that a configuration names. The error is the Collector's.
pub fn found<A: ?Sized>(
    id: &ComponentId,
    find: impl FnOnce(&ComponentId) -> Option<Arc<A>>,
) -> Result<Arc<A>, String> {
    find(id)
        .ok_or_else(|| format!("failed to resolve authenticator \"{id}\": authenticator not found"))
}

// === impl Verdict ===

impl Verdict {
    /// A refusal with the usual code.
    pub fn unauthenticated(text: impl Into<String>) -> Self {
        Self::Known(Err(Status::new(Code::Unauthenticated, text)))
    }

    pub async fn settled(self) -> Judgement {
        match self {
            Self::Known(judgement) => judgement,
            Self::Pending(judging) => judging.await,
        }
    }
}

// === impl Credentials ===

impl<'a> Credentials<'a> {
    pub fn new(headers: &'a HeaderMap) -> Self {
        Self {
            headers,
            query: "",
            params: &[],
        }
    }

    /// Also presents the named parameters of a query, which win over headers of the same name.
    pub fn with_params(self, query: Option<&'a str>, params: &'a [String]) -> Self {
        Self {
            query: query.unwrap_or_default(),
            params,
            ..self
        }
    }

    /// The first value under this name. A value that is not UTF-8 is none.
    pub fn first(&self, name: &HeaderName) -> Option<Cow<'a, str>> {
        let is_name = |param: &&String| param.eq_ignore_ascii_case(name.as_str());
        if let Some(param) = self.params.iter().find(is_name)
            && let Some(value) = query_value(self.query, param)
        {
            return Some(value);
        }
        let value = self.headers.get(name)?;
        std::str::from_utf8(value.as_bytes())
            .ok()
            .map(Cow::Borrowed)
    }

    /// The value of `Authorization`.
    pub fn authorization(&self) -> Option<Cow<'a, str>> {
        self.first(&AUTHORIZATION)
    }
}

/// The first value of a parameter in `application/x-www-form-urlencoded`.
fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    query_values(query, name).next()
}

/// All values of a parameter in `application/x-www-form-urlencoded` that can be decoded.
pub fn query_values<'a>(query: &'a str, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let named = pairs.filter(move |(key, _)| decoded(key).is_some_and(|key| key == name));
    named.filter_map(|(_, value)| decoded(value))
}

/// `None` if what is escaped is not UTF-8, or is no escape.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
                bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
                rest = after;
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TOKEN: HeaderName = HeaderName::from_static("x-token");

    /// What `x-token` is for a request with this header and this query, of which `x-token` is passed on.
    fn check(header: Option<&'static [u8]>, query: Option<&str>, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(TOKEN, HeaderValue::from_bytes(value).unwrap());
        }
        let params = ["X-Token".to_owned()];
        let credentials = Credentials::new(&headers).with_params(query, &params);
        let found = credentials.first(&TOKEN);
        assert_eq!(found.as_deref(), expected, "{header:?} {query:?}");
    }

    #[test]
    fn a_credential_is_a_header_or_a_named_parameter() {
        check(Some(b"a"), None, Some("a"));
        check(Some(b"a"), Some("other=1"), Some("a"));
        check(Some(b"a"), Some("other=1&X-Token=b"), Some("b"));
        check(None, Some("X-Token=b&X-Token=c"), Some("b"));
        check(None, Some("X-Token"), Some(""));
        check(None, None, None);
    }

    #[test]
    fn a_parameter_is_unescaped_and_a_broken_one_is_none() {
        check(None, Some("X%2DToken=a%20b+c%C3%A9"), Some("a b cé"));
        for broken in ["X-Token=%", "X-Token=%4", "X-Token=%zz", "X-Token=%ff"] {
            check(None, Some(broken), None);
        }
        check(Some(b"\xff"), None, None);
    }

    #[test]
    fn a_parameter_that_is_not_named_is_not_presented() {
        let headers = HeaderMap::new();
        let credentials = Credentials::new(&headers).with_params(Some("x-token=a"), &[]);
        assert_eq!(credentials.first(&TOKEN), None);
    }
}
