//! Cross-origin resource sharing as rs/cors does it, by which the Collector's users have set theirs: which pages of
//! other origins a browser may let send to us.

use config::blocks;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

/// Headers that a request may have where none are named.
const SAFE_HEADERS: [&str; 3] = ["accept", "content-type", "x-requested-with"];

const TRUE: HeaderValue = HeaderValue::from_static("true");
const VARY_OF_PREFLIGHT: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

pub(super) struct Cors {
    origins: Origins,
    /// In lower case; `None`: every header.
    headers: Option<Vec<String>>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

enum Origins {
    All,
    /// What stands before and behind the `*`, in lower case.
    These(Vec<(String, Option<String>)>),
}

impl Cors {
    /// `None` without an origin, as in the Collector.
    pub(super) fn new(block: &blocks::Cors) -> Option<Self> {
        let lower = |text: &String| text.to_ascii_lowercase();
        let origins = match &block.allowed_origins {
            none if none.is_empty() => return None,
            all if all.iter().any(|origin| origin == "*") => Origins::All,
            these => Origins::These(these.iter().map(lower).map(split).collect()),
        };
        let headers = match &block.allowed_headers {
            none if none.is_empty() => Some(SAFE_HEADERS.map(str::to_owned).to_vec()),
            all if all.iter().any(|header| header == "*") => None,
            these => Some(these.iter().map(lower).collect()),
        };
        let exposed = block.exposed_headers.join(", ");
        Some(Self {
            origins,
            headers,
            exposed: HeaderValue::try_from(exposed)
                .ok()
                .filter(|e| !e.is_empty()),
            max_age: (block.max_age != 0).then(|| HeaderValue::from(block.max_age.max(0))),
        })
    }

    /// The headers that answer a preflight; `None` if the request is none.
    pub(super) fn preflight(&self, method: &Method, asked: &HeaderMap) -> Option<HeaderMap> {
        let wanted = asked.get(ACCESS_CONTROL_REQUEST_METHOD);
        let wanted = wanted.filter(|wanted| method == Method::OPTIONS && !wanted.is_empty())?;
        let mut told = HeaderMap::new();
        told.insert(VARY, VARY_OF_PREFLIGHT);
        let Some(origin) = self.allowed_origin(asked) else {
            return Some(told);
        };
        let headers = asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS);
        if !is_allowed(wanted.as_bytes()) || !headers.iter().all(|list| self.allows_headers(list)) {
            return Some(told);
        }
        told.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        told.insert(ACCESS_CONTROL_ALLOW_METHODS, wanted.clone());
        for list in headers.iter().filter(|list| !list.is_empty()) {
            told.append(ACCESS_CONTROL_ALLOW_HEADERS, list.clone());
        }
        told.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        if let Some(max_age) = &self.max_age {
            told.insert(ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        Some(told)
    }

    /// The headers that go with the answer to any other request.
    pub(super) fn marks(&self, method: &Method, asked: &HeaderMap) -> HeaderMap {
        let mut told = HeaderMap::new();
        told.insert(VARY, HeaderValue::from_static("Origin"));
        let allowed = self.allowed_origin(asked);
        if let Some(origin) = allowed.filter(|_| is_allowed(method.as_str().as_bytes())) {
            told.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            if let Some(exposed) = &self.exposed {
                told.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
            }
            told.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        told
    }

    /// What the browser is told of its page's origin; `None` if that is not allowed.
    fn allowed_origin(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        let origin = asked.get(ORIGIN).filter(|origin| !origin.is_empty())?;
        let these = match &self.origins {
            Origins::All => return Some(HeaderValue::from_static("*")),
            Origins::These(these) => these,
        };
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let is_one = these.iter().any(|(start, end)| match end {
            None => *start == text,
            // What stands before and behind does not overlap.
            Some(end) => text
                .strip_prefix(start.as_str())
                .is_some_and(|rest| rest.ends_with(end.as_str())),
        });
        is_one.then(|| origin.clone())
    }

    fn allows_headers(&self, list: &HeaderValue) -> bool {
        let Some(allowed) = &self.headers else {
            return true;
        };
        let names = list.to_str().unwrap_or("\0").split(',').map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .all(|name| allowed.iter().any(|allowed| allowed == name))
    }
}

fn split(origin: String) -> (String, Option<String>) {
    match origin.split_once('*') {
        Some((start, end)) => (start.to_owned(), Some(end.to_owned())),
        None => (origin, None),
    }
}

/// Methods of requests from other origins.
fn is_allowed(method: &[u8]) -> bool {
    [&b"GET"[..], b"POST", b"HEAD", b"OPTIONS"].contains(&method)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    const TOLD_ALWAYS: &str =
        "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

    fn cors(origins: &[&str], headers: &[&str], exposed: &[&str], max_age: i64) -> Cors {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let block = blocks::Cors {
            allowed_origins: owned(origins),
            allowed_headers: owned(headers),
            exposed_headers: owned(exposed),
            max_age,
        };
        Cors::new(&block).unwrap()
    }

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn lines(told: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<_> = told.iter().map(line).collect();
        lines.sort();
        lines
    }

    /// What a preflight from this origin is told beside what it is told always.
    fn check(cors: &Cors, asked: &[(&str, &str)], expected: &[&str]) {
        let method = ("access-control-request-method", "POST");
        let asked = map(&[&[method], asked].concat());
        let told = lines(&cors.preflight(&Method::OPTIONS, &asked).unwrap());
        assert_eq!(told, [expected, &[TOLD_ALWAYS]].concat(), "{asked:?}");
    }

    #[test]
    fn a_preflight_from_an_allowed_origin_is_told_what_it_may() {
        let cors = cors(&["https://*.example.com", "http://a.b"], &[], &[], 7200);
        let allowed = |origin: &str| {
            check(
                &cors,
                &[
                    ("origin", origin),
                    ("access-control-request-headers", "content-type"),
                ],
                &[
                    "access-control-allow-credentials: true",
                    "access-control-allow-headers: content-type",
                    "access-control-allow-methods: POST",
                    &format!("access-control-allow-origin: {origin}"),
                    "access-control-max-age: 7200",
                ],
            );
        };
        allowed("https://shop.example.com");
        allowed("https://Shop.Example.com");
        allowed("http://a.b");
        for origin in [
            "https://example.com",
            "http://a.b.c",
            "http://shop.example.com",
            "",
        ] {
            check(&cors, &[("origin", origin)], &[]);
        }
    }

    #[test]
    fn a_header_must_be_allowed() {
        let origin = ("origin", "http://a");
        let named = cors(&["http://a"], &["X-Token", "content-type"], &[], 0);
        let asks = |headers| [origin, ("access-control-request-headers", headers)];
        check(&named, &asks("authorization"), &[]);
        check(&named, &asks("content-type,authorization"), &[]);
        let told = |list: &str| {
            [
                "access-control-allow-credentials: true".to_owned(),
                format!("access-control-allow-headers: {list}"),
                "access-control-allow-methods: POST".to_owned(),
                "access-control-allow-origin: http://a".to_owned(),
            ]
        };
        let list = "content-type,x-token";
        check(
            &named,
            &asks(list),
            &told(list).each_ref().map(String::as_str),
        );
        let all = cors(&["http://a"], &["*"], &[], 0);
        let list = "anything";
        check(
            &all,
            &asks(list),
            &told(list).each_ref().map(String::as_str),
        );
    }

    #[test]
    fn a_method_must_be_allowed_and_an_option_is_no_preflight_by_itself() {
        let cors = cors(&["http://a"], &[], &[], 0);
        let asked = map(&[
            ("origin", "http://a"),
            ("access-control-request-method", "DELETE"),
        ]);
        let told = cors.preflight(&Method::OPTIONS, &asked).unwrap();
        assert_eq!(lines(&told), [TOLD_ALWAYS]);
        assert!(cors.preflight(&Method::POST, &asked).is_none());
        assert!(
            cors.preflight(&Method::OPTIONS, &map(&[("origin", "http://a")]))
                .is_none()
        );
    }

    #[test]
    fn an_answer_says_who_may_read_it() {
        let cors = cors(&["http://a"], &[], &["X-Id", "Retry-After"], 60);
        let marks = |origin| lines(&cors.marks(&Method::POST, &map(&[("origin", origin)])));
        let expected = [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: http://a",
            "access-control-expose-headers: X-Id, Retry-After",
            "vary: Origin",
        ];
        assert_eq!(marks("http://a"), expected);
        assert_eq!(marks("http://b"), ["vary: Origin"]);
    }

    #[test]
    fn a_bare_star_is_every_origin() {
        let cors = cors(&["http://a", "*"], &[], &[], -1);
        check(
            &cors,
            &[("origin", "http://b")],
            &[
                "access-control-allow-credentials: true",
                "access-control-allow-methods: POST",
                "access-control-allow-origin: *",
                "access-control-max-age: 0",
            ],
        );
    }
}
