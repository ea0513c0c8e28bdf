//! What becomes of a request's headers.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use net::auth::{ClientAuth, Sender, Unsendable};
use pipeline::component::{ExtensionComponent, Extensions, Host};
use pipeline::testkit;

use super::config::Config;
use super::{HeadersSetter, Setter};
use crate::bearertokenauth::BearerTokenAuth;

fn read<T: serde::de::DeserializeOwned + config::Validate>(
    yaml: &str,
) -> (Option<T>, config::Faults) {
    let mut faults = config::Faults::new();
    let yaml = format!("extensions: {{x: {yaml}}}");
    let document = testkit::document(&yaml, &mut faults).unwrap();
    let component = document.extensions.iter().next().unwrap();
    let config = component.decode_valid(&mut faults);
    (config, faults)
}

fn host() -> Host {
    testkit::host(ledger::Kind::Extension, "headers_setter", None)
}

fn setter(headers: &str) -> Setter {
    let (config, faults) = read::<Config>(&format!("{{headers: [{headers}]}}"));
    let config = config.unwrap_or_else(|| panic!("{faults:?}"));
    Setter::new(&config, &host()).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::try_from(*value).unwrap(),
        )
    };
    pairs.iter().map(pair).collect()
}

fn known(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(pair).collect()
}

/// What a header `x` is after `rule`, given what it was.
fn check(rule: &str, before: Option<&str>, expected: Option<&str>) {
    let before: Vec<_> = before.map(|value| ("x", value)).into_iter().collect();
    let mut map = headers(&before);
    setter(rule).apply(Sender::default(), &mut map).unwrap();
    let found = map.get("x").map(|value| value.to_str().unwrap());
    assert_eq!(found, expected, "{rule} on {before:?}");
}

#[test]
fn each_action_sets_or_removes_as_the_collector_does() {
    let insert = "{key: X, action: insert, value: new}";
    check(insert, None, Some("new"));
    check(insert, Some("old"), Some("old"));
    check(insert, Some(""), Some("new"));
    let update = "{key: X, action: update, value: new}";
    check(update, None, None);
    check(update, Some("old"), Some("new"));
    check(update, Some(""), Some(""));
    for upsert in [
        "{key: X, action: upsert, value: new}",
        "{key: X, value: new}",
    ] {
        check(upsert, None, Some("new"));
        check(upsert, Some("old"), Some("new"));
    }
    check("{key: X, action: delete}", Some("old"), None);
    check("{key: X, action: delete}", None, None);
}

#[test]
fn headers_are_set_one_after_the_other() {
    let rules = "{key: x, value: a}, {key: x, action: update, value: b}, {key: y, value: c}, \
                 {key: y, action: delete}, {key: y, action: insert, value: d}";
    let mut map = headers(&[("other", "o"), ("x", "1"), ("x", "2")]);
    setter(rules).apply(Sender::default(), &mut map).unwrap();
    assert_eq!(map, headers(&[("other", "o"), ("x", "b"), ("y", "d")]));
}

/// What the header `x` becomes for this sender.
fn check_sender(
    rule: &str,
    metadata: &[(&str, &str)],
    identity: &[(&str, &str)],
    expected: Result<&str, &str>,
) {
    let (metadata, identity) = (known(metadata), known(identity));
    let sender = Sender {
        metadata: &metadata,
        identity: &identity,
    };
    let mut map = HeaderMap::new();
    let applied = setter(rule).apply(sender, &mut map);
    match expected {
        Ok(value) => {
            applied.unwrap();
            assert_eq!(map["x"], value, "{rule}");
        }
        Err(text) => assert_eq!(applied, Err(Unsendable::Ever(text.to_owned())), "{rule}"),
    }
}

#[test]
fn a_value_is_taken_from_the_sender_or_is_the_default() {
    let rule = "{key: x, action: upsert, from_context: Tenant, default_value: nobody}";
    check_sender(rule, &[("tenant", "red")], &[], Ok("red"));
    check_sender(rule, &[("other", "red")], &[("tenant", "no")], Ok("nobody"));
    check_sender(rule, &[("tenant", "")], &[], Ok("nobody"));
    check_sender(
        "{key: x, action: upsert, from_context: t}",
        &[],
        &[],
        Ok(""),
    );
    let rule = "{key: x, action: upsert, from_attribute: username, default_value: nobody}";
    check_sender(rule, &[], &[("username", "ann")], Ok("ann"));
    check_sender(
        rule,
        &[("username", "no")],
        &[("Username", "no")],
        Ok("nobody"),
    );
}

#[test]
fn a_sender_with_two_values_or_an_unfit_one_is_refused() {
    let rule = "{key: x, action: upsert, from_context: t}";
    let two = "2 source keys found in the context, can't determine which one to use";
    check_sender(rule, &[("t", "a"), ("T", "b")], &[], Err(two));
    let unfit = "the sender's value has characters that cannot be sent in a header";
    check_sender(rule, &[("t", "a\nb")], &[], Err(unfit));
}

#[test]
fn a_value_of_a_file_follows_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    std::fs::write(&one, " 1\n").unwrap();
    std::fs::write(&two, "2").unwrap();
    let setter = setter(&format!(
        "{{key: a, action: upsert, value_file: {}}}, {{key: b, action: upsert, value_file: {}}}",
        one.display(),
        two.display()
    ));
    let apply = || {
        let mut map = HeaderMap::new();
        setter.apply(Sender::default(), &mut map).unwrap();
        map
    };
    assert_eq!(apply(), headers(&[("a", "1"), ("b", "2")]));
    std::fs::write(&two, "three").unwrap();
    setter.refresh();
    assert_eq!(apply(), headers(&[("a", "1"), ("b", "three")]));
    assert_eq!(setter.generation(), 1);
}

#[test]
fn another_authenticator_comes_first_and_asks_for_tls() {
    let (token, _) = read("{token: t}");
    let bearer = BearerTokenAuth::build(&token.unwrap(), &host()).unwrap();
    let mut extensions = Extensions::default();
    extensions.add(&"bearertokenauth".parse().unwrap(), bearer.as_ref());
    let yaml = "{headers: [{key: authorization, action: insert, value: late}, \
                {key: x, action: upsert, value: y}], additional_auth: bearertokenauth}";
    let config = read::<Config>(yaml).0.unwrap();
    let plain = config::Capability::PlainGrpcClientAuth;
    assert!(!HeadersSetter::offers(&config).contains(&plain));
    let host = Host {
        extensions,
        ..host()
    };
    let setter: Arc<dyn ClientAuth> = Arc::new(Setter::new(&config, &host).unwrap());
    let mut map = HeaderMap::new();
    setter.apply(Sender::default(), &mut map).unwrap();
    assert_eq!(map, headers(&[("authorization", "Bearer t"), ("x", "y")]));
}

#[test]
fn a_header_has_a_name_an_action_and_one_source() {
    let rows = [
        ("{}", "missing headers configuration"),
        ("{headers: [{value: a}]}", "missing header name"),
        ("{headers: [{key: \"a b\", value: a}]}", "is no header name"),
        ("{headers: [{key: a}]}", "missing header source, must be"),
        (
            "{headers: [{key: a, value: b, from_context: c}]}",
            "invalid header source, must be only one of",
        ),
        (
            "{headers: [{key: a, value: b}]}",
            "The action was not provided",
        ),
        (
            "{headers: [{key: a, value: b, action: set}]}",
            "is no action",
        ),
    ];
    for (yaml, expected) in rows {
        let (_, faults) = read::<Config>(yaml);
        let said = faults
            .iter()
            .any(|fault| fault.to_string().contains(expected));
        assert!(said, "{yaml}: {faults:?}");
    }
}
