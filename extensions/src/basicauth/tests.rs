//! Every form of a password in a file, and who is let in.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use net::auth::{ClientAuth, Credentials, Judgement, Sender, ServerAuth, Verdict};
use otlp::reply::Code;
use pipeline::component::Host;
use pipeline::testkit;

use super::client::Client;
use super::config::Config;
use super::hash::Hash;
use super::server::Server;
use super::table::Table;

/// `open sesame`, hashed by other programs: OpenSSL and libxcrypt.
const FORMS: &[(&str, &str)] = &[
    ("apr1", "$apr1$Xq3vB7aK$WO37AMwSEWiTB4rLF.fZS/"),
    ("md5", "$1$Xq3vB7aK$/D8xjVnN2qFJrbwvrqNON1"),
    (
        "sha256",
        "$5$Xq3vB7aK$6jXS01WQMsgppBFfMu7kND7haASqhQHfa9Av6BCpO5B",
    ),
    (
        "sha512",
        "$6$Xq3vB7aK$DB33CLy5fpsqed.EMXI9fb1OPlpoRgZFXiTkEz/EWfq50JzV.4mZRGm05BEbWmXHlyyBVjuws7Hirj6QRu3On0",
    ),
    (
        "rounds",
        "$5$rounds=1000$saltsalt$nKsyTQBmKz4GdCft0Sv/FbzLiu0y3wFdEXOzudLQLJ5",
    ),
    (
        "2y",
        "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW",
    ),
    (
        "2a",
        "$2a$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW",
    ),
    (
        "2b",
        "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy",
    ),
    ("sha", "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac="),
    ("ssha", "{SSHA}hN5uxFJUEWCPg56kk42tnVCdJ61zYWx0"),
    ("plain", "open sesame"),
];

fn config(yaml: &str) -> Config {
    let yaml = format!("extensions: {{basicauth: {yaml}}}");
    let mut faults = config::Faults::new();
    let document = testkit::document(&yaml, &mut faults).unwrap();
    let component = document.extensions.iter().next().unwrap();
    let config = component.decode_valid(&mut faults);
    config.unwrap_or_else(|| panic!("{faults:?}"))
}

fn host() -> Host {
    testkit::host(ledger::Kind::Extension, "basicauth", None)
}

/// A server for the users of a file.
fn server(htpasswd: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, htpasswd).unwrap();
    let config = config(&format!("{{htpasswd: {{file: {}}}}}", file.display()));
    Server::new(&config.htpasswd.unwrap(), &host().label).unwrap()
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn ask(server: &Server, authorization: &str) -> Verdict {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization.parse().unwrap());
    server.authenticate(Credentials::new(&headers))
}

async fn settled(server: &Server, name: &str, password: &str) -> Result<(), (Code, String)> {
    let verdict = ask(server, &basic(name, password)).settled().await;
    verdict
        .map(|_| ())
        .map_err(|status| (status.code, status.message))
}

fn refused() -> Result<(), (Code, String)> {
    Err((Code::Unauthenticated, "invalid credentials".to_owned()))
}

#[tokio::test]
async fn a_password_in_every_form_lets_its_owner_in_and_nobody_else() {
    let lines: Vec<_> = FORMS
        .iter()
        .map(|(name, hash)| format!("{name}:{hash}"))
        .collect();
    let server = server(&lines.join("\n"));
    for (name, hash) in FORMS {
        // What is known after the first time is answered in the same way.
        for _ in 0..2 {
            assert_eq!(
                settled(&server, name, "open sesame").await,
                Ok(()),
                "{name}"
            );
            assert_eq!(
                settled(&server, name, "open sesam").await,
                refused(),
                "{name}"
            );
        }
        assert_eq!(settled(&server, name, "").await, refused(), "{name}");
        if *name != "plain" {
            assert_eq!(
                settled(&server, name, hash).await,
                refused(),
                "{name}: the hash itself"
            );
        }
    }
    assert_eq!(settled(&server, "nobody", "open sesame").await, refused());
}

#[test]
fn md5_passwords_of_any_length_are_as_openssl_makes_them() {
    let rows = [
        ("", "$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0"),
        (
            "a password that is longer than sixteen",
            "$apr1$8chars12$12F1LSsa/7D7F94w9BOEe.",
        ),
    ];
    for (password, hash) in rows {
        let hash = Hash::parse(hash).unwrap();
        assert!(hash.matches(password), "{password:?}");
        assert!(!hash.matches("x"), "{password:?}");
    }
}

#[test]
fn lines_that_are_none_are_numbered_and_later_ones_win() {
    let text = "\n a:1 \nno colon\nb:{SHA}short\nc:$apr1$nothing\nd:$6$nothing\na:2\n";
    let (table, bad) = Table::read(text, None);
    assert_eq!(bad, [3, 4, 5, 6]);
    assert!(table.user("a").unwrap().hash.matches("2"));
    assert!(table.user("b").is_none());
}

#[test]
fn a_user_keeps_what_is_remembered_until_the_hash_changes() {
    let (before, _) = Table::read("a:1\nb:1", None);
    let (after, _) = Table::read("a:1\nb:2\nc:3", Some(&before));
    let same = |name| Arc::ptr_eq(&before.user(name).unwrap(), &after.user(name).unwrap());
    assert!(same("a") && !same("b"));
}

#[tokio::test]
async fn lines_of_the_configuration_win_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, "ann:old\nbob:file").unwrap();
    let text = format!(
        "{{htpasswd: {{file: {}, inline: \"ann:new\"}}}}",
        file.display()
    );
    let server = Server::new(&config(&text).htpasswd.unwrap(), &host().label).unwrap();
    assert_eq!(settled(&server, "ann", "new").await, Ok(()));
    assert_eq!(settled(&server, "ann", "old").await, refused());
    assert_eq!(settled(&server, "bob", "file").await, Ok(()));
    std::fs::write(folder.path().join("next"), "bob:changed").unwrap();
    std::fs::rename(folder.path().join("next"), &file).unwrap();
    server.users().look();
    assert_eq!(settled(&server, "bob", "file").await, refused());
    assert_eq!(settled(&server, "bob", "changed").await, Ok(()));
}

/// What is wrong with a request that has this `Authorization`.
fn check_header(authorization: Option<&str>, expected: &str) {
    let server = server("ann:secret");
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, value.parse().unwrap());
    }
    match server.authenticate(Credentials::new(&headers)) {
        Verdict::Known(Err(status)) => {
            assert_eq!(status.message, expected, "{authorization:?}");
            assert_eq!(status.code, Code::Unauthenticated);
        }
        _ => panic!("{authorization:?} was not refused at once"),
    }
}

#[test]
fn a_header_that_is_none_is_refused_in_the_collectors_words() {
    check_header(None, "no basic auth provided");
    check_header(Some(""), "no basic auth provided");
    check_header(Some("Bearer x"), "invalid authorization scheme prefix");
    check_header(Some("Basic"), "invalid authorization scheme prefix");
    check_header(Some("Basic ?"), "invalid authorization format");
    check_header(Some("Basic YW5u"), "invalid authorization format");
    check_header(Some(&basic("ann", "wrong")), "invalid credentials");
}

#[test]
fn the_scheme_is_read_in_any_case_and_the_sender_gets_a_name() {
    let server = server("ann:a:b");
    let encoded = STANDARD.encode("ann:a:b");
    match ask(&server, &format!("bAsIc {encoded}")) {
        Verdict::Known(Ok(identity)) => {
            let pairs = identity.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            assert_eq!(
                pairs.collect::<Vec<_>>(),
                [("username", "ann"), ("raw", encoded.as_str())]
            );
        }
        _ => panic!("ann is not known at once"),
    }
}

#[tokio::test]
async fn a_slow_hash_is_made_once_and_never_by_who_asks() {
    let server = server(&format!("ann:{}", FORMS[5].1));
    let right = basic("ann", "open sesame");
    // Whoever asks meanwhile waits for the same hash.
    let first: Vec<Verdict> = (0..200).map(|_| ask(&server, &right)).collect();
    assert!(matches!(first[0], Verdict::Pending(_)));
    for verdict in first {
        assert!(verdict.settled().await.is_ok());
    }
    assert!(matches!(ask(&server, &right), Verdict::Known(Ok(_))));
}

#[tokio::test]
async fn more_wrong_passwords_than_can_be_hashed_are_told_to_come_again() {
    let server = server(&format!("ann:{}", FORMS[5].1));
    let verdicts: Vec<Verdict> = (0..200)
        .map(|n| ask(&server, &basic("ann", &n.to_string())))
        .collect();
    let busy = |verdict: &&Verdict| match verdict {
        Verdict::Known(Err(status)) => {
            assert_eq!(status.code, Code::Unavailable);
            assert_eq!(status.retry_after, Some(Duration::from_secs(1)));
            true
        }
        _ => false,
    };
    let refused_at_once = verdicts.iter().filter(busy).count();
    assert!((100..=136).contains(&refused_at_once), "{refused_at_once}");
    for verdict in verdicts {
        let judgement: Judgement = verdict.settled().await;
        assert!(judgement.is_err());
    }
    assert_eq!(settled(&server, "ann", "open sesame").await, Ok(()));
}

fn header(client: &Client) -> String {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "theirs".parse().unwrap());
    client.apply(Sender::default(), &mut headers).unwrap();
    assert!(headers[AUTHORIZATION].is_sensitive());
    headers[AUTHORIZATION].to_str().unwrap().to_owned()
}

#[test]
fn an_exporter_presents_its_name_and_password_and_files_win() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "from file\n").unwrap();
    let client = |yaml: &str| Client::new(&config(yaml).client_auth.unwrap(), &host().label);
    let plain = client("{client_auth: {username: ann, password: se:cret}}").unwrap();
    assert_eq!(header(&plain), basic("ann", "se:cret"));
    let both = format!(
        "{{client_auth: {{username: ann, password: x, password_file: {}}}}}",
        file.display()
    );
    let both = client(&both).unwrap();
    assert_eq!(header(&both), basic("ann", "from file"));
    assert_eq!(both.generation(), 0);
    std::fs::write(&file, "changed").unwrap();
    both.refresh();
    assert_eq!(header(&both), basic("ann", "changed"));
    assert_eq!(both.generation(), 1);
    std::fs::write(&file, "a:b").unwrap();
    let named = format!("{{client_auth: {{username_file: {}}}}}", file.display());
    let error = client(&named).err().unwrap();
    assert!(error.contains("invalid authorization format"), "{error}");
}

/// The faults of a configuration.
fn check_faults(yaml: &str, expected: &str) {
    let yaml = format!("extensions: {{basicauth: {yaml}}}");
    let mut faults = config::Faults::new();
    let document = testkit::document(&yaml, &mut faults).unwrap();
    let component = document.extensions.iter().next().unwrap();
    let _: Option<Config> = component.decode_valid(&mut faults);
    let said = faults
        .iter()
        .any(|fault| fault.to_string().contains(expected));
    assert!(said, "{yaml}: {faults:?}");
}

#[test]
fn a_configuration_is_for_one_side_and_complete() {
    let both = "{htpasswd: {inline: \"a:b\"}, client_auth: {username: a}}";
    check_faults(
        both,
        "only one of `htpasswd` or `client_auth` can be specified",
    );
    check_faults("{}", "no credential source provided");
    check_faults("{htpasswd: {}}", "no credential source provided");
    check_faults(
        "{client_auth: {username: \"a:b\"}}",
        "invalid authorization format",
    );
    let aws = "{client_auth: {aws_secrets_manager: {secret_arn: x}}}";
    check_faults(aws, "does not have yet");
    let file = "{client_auth: {username: a, password: b, password_file: c}}";
    check_faults(file, "`password_file` is set");
}
