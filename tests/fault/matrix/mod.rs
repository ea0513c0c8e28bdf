//! Transport security times authentication, over both protocols, as server and as client: who is let
//! in, what the others are told, and that nothing of theirs is read.

mod exporter;
mod identities;
mod receiver;
mod rotation;
mod secure;

/// How a sender shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Auth {
    None,
    Bearer,
    Basic,
    /// A key in a header of its own.
    Key,
}

const AUTHS: [Auth; 4] = [Auth::None, Auth::Bearer, Auth::Basic, Auth::Key];

/// What must never be printed.
const SECRET: &str = "correct-horse-battery";

/// `user:` and the secret, in base64.
const BASIC: &str = "Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=";

impl Auth {
    /// The header that carries the credential, with its value.
    fn header(self) -> Option<(&'static str, String)> {
        match self {
            Self::None => None,
            Self::Bearer => Some(("authorization", format!("Bearer {SECRET}"))),
            Self::Basic => Some(("authorization", BASIC.to_owned())),
            Self::Key => Some(("x-api-key", SECRET.to_owned())),
        }
    }

    /// The extension that checks it, and the line that names the extension.
    fn server(self) -> (String, &'static str) {
        let (block, id) = match self {
            Self::None => return (String::new(), ""),
            Self::Bearer => (
                format!("bearertokenauth: {{token: {SECRET}}}"),
                "bearertokenauth",
            ),
            Self::Basic => (
                format!("basicauth: {{htpasswd: {{inline: 'user:{SECRET}'}}}}"),
                "basicauth",
            ),
            Self::Key => (
                format!("bearertokenauth: {{header: x-api-key, scheme: '', token: {SECRET}}}"),
                "bearertokenauth",
            ),
        };
        (block, id)
    }

    /// The same for the side that presents it.
    fn client(self) -> (String, &'static str) {
        match self {
            Self::Basic => (
                format!("basicauth: {{client_auth: {{username: user, password: {SECRET}}}}}"),
                "basicauth",
            ),
            Self::Key => (
                format!("headers_setter: {{headers: [{{key: x-api-key, value: {SECRET}}}]}}"),
                "headers_setter",
            ),
            other => other.server(),
        }
    }
}

/// Nothing that was said has the secret, in any of its forms.
fn discreet(log: &str) {
    for secret in [SECRET, BASIC.trim_start_matches("Basic ")] {
        assert!(!log.contains(secret), "the log has the secret:\n{log}");
    }
}
