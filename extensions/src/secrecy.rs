//! How secrets are compared and put into headers.

use http::HeaderValue;
use subtle::ConstantTimeEq;

/// Whether two secrets are equal, in a time that depends on their lengths alone.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A header value that is kept out of logs and compression tables. `what` names it in the error, which has no part
/// of the secret.
pub(crate) fn header(text: &str, what: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| format!("{what} has characters that cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
