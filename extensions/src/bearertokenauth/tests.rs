//! Which tokens are let in and which one is presented.

use http::HeaderMap;
use net::auth::{ClientAuth, Credentials, Sender, ServerAuth, Unsendable, Verdict};
use otlp::reply::Code;
use pipeline::testkit;

use super::{Bearer, Config};

fn read(yaml: &str) -> (Option<Config>, config::Faults) {
    let yaml = format!("extensions: {{bearertokenauth: {{{yaml}}}}}");
    let mut faults = config::Faults::new();
    let document = testkit::document(&yaml, &mut faults).unwrap();
    let component = document.extensions.iter().next().unwrap();
    let config = component.decode_valid(&mut faults);
    (config, faults)
}

fn bearer(yaml: &str) -> Result<Bearer, String> {
    let (config, faults) = read(yaml);
    let config = config.unwrap_or_else(|| panic!("{faults:?}"));
    let host = testkit::host(ledger::Kind::Extension, "bearertokenauth", None);
    Bearer::new(&config, &host.label)
}

/// Whether a request with this header is let in; else the answer's text.
fn check(bearer: &Bearer, header: Option<(&'static str, &str)>, expected: Result<(), &str>) {
    let mut headers = HeaderMap::new();
    if let Some((name, value)) = header {
        headers.insert(name, value.parse().unwrap());
    }
    let Verdict::Known(judgement) = bearer.authenticate(Credentials::new(&headers)) else {
        panic!("a token needs no time");
    };
    let found = judgement
        .map(|identity| assert!(identity.is_empty()))
        .map_err(|status| {
            assert_eq!(status.code, Code::Unauthenticated);
            status.message
        });
    assert_eq!(found, expected.map_err(str::to_owned), "{header:?}");
}

/// The header that a request is sent with.
fn sent(bearer: &Bearer, name: &str) -> Result<String, Unsendable> {
    let mut headers = HeaderMap::new();
    bearer.apply(Sender::default(), &mut headers)?;
    assert!(headers[name].is_sensitive());
    Ok(headers[name].to_str().unwrap().to_owned())
}

const WRONG: &str = "provided authorization does not match expected scheme or token";

#[test]
fn a_request_needs_one_of_the_tokens_with_its_scheme() {
    let two = bearer("tokens: [one, two]").unwrap();
    check(&two, Some(("authorization", "Bearer one")), Ok(()));
    check(&two, Some(("authorization", "Bearer two")), Ok(()));
    for wrong in [
        "Bearer three",
        "Bearer on",
        "Bearer ",
        "one",
        "bearer one",
        "",
    ] {
        check(&two, Some(("authorization", wrong)), Err(WRONG));
    }
    let missing = "missing or empty authorization header: Authorization";
    check(&two, None, Err(missing));
    check(&two, Some(("x-token", "Bearer one")), Err(missing));
    assert_eq!(sent(&two, "authorization").unwrap(), "Bearer one");
}

#[test]
fn header_and_scheme_are_what_the_configuration_says() {
    let own = bearer("token: one, header: X-Token, scheme: \"\"").unwrap();
    check(&own, Some(("x-token", "one")), Ok(()));
    check(
        &own,
        None,
        Err("missing or empty authorization header: X-Token"),
    );
    assert_eq!(sent(&own, "x-token").unwrap(), "one");
}

#[test]
fn tokens_of_a_file_are_one_a_line_and_followed_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let yaml = format!("filename: {}, token: ignored", file.display());
    assert!(
        bearer(&yaml)
            .err()
            .unwrap()
            .contains("failed to read credentials file")
    );
    std::fs::write(&file, "one since yesterday\n\n  two\n").unwrap();
    let bearer = bearer(&yaml).unwrap();
    check(&bearer, Some(("authorization", "Bearer one")), Ok(()));
    check(&bearer, Some(("authorization", "Bearer two")), Ok(()));
    check(
        &bearer,
        Some(("authorization", "Bearer ignored")),
        Err(WRONG),
    );
    let before = bearer.generation();
    std::fs::write(&file, "three").unwrap();
    bearer.refresh();
    assert_ne!(bearer.generation(), before);
    check(&bearer, Some(("authorization", "Bearer one")), Err(WRONG));
    assert_eq!(sent(&bearer, "authorization").unwrap(), "Bearer three");
}

#[test]
fn a_file_that_is_not_there_yet_may_be_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let yaml = format!(
        "filename: {}, file_retry: {{enabled: true}}",
        file.display()
    );
    let bearer = bearer(&yaml).unwrap();
    check(&bearer, Some(("authorization", "Bearer ")), Err(WRONG));
    let yet = Unsendable::Yet("there is no token yet".into());
    assert_eq!(sent(&bearer, "authorization"), Err(yet));
    std::fs::write(&file, "one").unwrap();
    bearer.refresh();
    check(&bearer, Some(("authorization", "Bearer one")), Ok(()));
}

#[test]
fn a_configuration_has_tokens_from_one_place() {
    let rows = [
        ("scheme: Bearer", "no bearer token provided"),
        (
            "token: a, tokens: [b]",
            "either tokens or token should be provided, not both",
        ),
        ("token: a, header: \"x y\"", "is no header name"),
        (
            "token: a, filename: b",
            "a filename is specified. Configured token(s) is ignored!",
        ),
        ("tokens: [a], filename: b", "the file is ignored"),
        (
            "filename: b, file_retry: {enabled: true, max_retries: 3}",
            "have no effect",
        ),
    ];
    for (yaml, expected) in rows {
        let (_, faults) = read(yaml);
        let said = faults
            .iter()
            .any(|fault| fault.to_string().contains(expected));
        assert!(said, "{yaml}: {faults:?}");
    }
    assert!(
        bearer("token: \"a\\nb\"")
            .err()
            .unwrap()
            .contains("cannot be sent")
    );
}
