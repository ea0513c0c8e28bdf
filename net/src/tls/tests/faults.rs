//! Settings that cannot work, and what becomes of those that can.

use super::*;

#[test]
fn a_fault_names_the_setting_and_what_to_do() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (one, two) = (identity(&ours, "one"), identity(&theirs, "two"));
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(Pem::File(path))
    };
    let check = |tls: ClientTls, setting: &str, text: &str| {
        let fault = tls.connector_with(Authorities::default).expect_err(text);
        assert_eq!(fault.setting, setting, "{fault}");
        assert!(fault.text.contains(text), "{fault}");
    };
    let base = || trusting(&ours);

    check(
        ClientTls::default(),
        "ca_file",
        "install its CA certificates",
    );
    let missing = Some(Pem::File(dir.path().join("missing.pem")));
    check(
        ClientTls {
            ca: missing,
            ..base()
        },
        "ca_file",
        "missing.pem: cannot be read",
    );
    let empty = file("empty.pem", "");
    check(
        ClientTls {
            ca: empty,
            ..base()
        },
        "ca_file",
        "empty.pem: no certificate found in it",
    );
    let key_only = file("key.pem", &one.key);
    check(
        ClientTls {
            ca: key_only,
            ..base()
        },
        "ca_file",
        "no certificate found in it",
    );
    let torn = format!("{}\n-----BEGIN CERTIFICATE-----\nAA", ours.pem());
    check(
        ClientTls {
            ca: inline(&torn),
            ..base()
        },
        "ca_pem",
        "not valid PEM",
    );
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mixed = format!("{}{junk}", ours.pem());
    check(
        ClientTls {
            ca: inline(&mixed),
            ..base()
        },
        "ca_pem",
        "certificate 2 in it",
    );
    check(
        ClientTls {
            cert: inline(&one.cert),
            ..base()
        },
        "key_file",
        "give both",
    );
    check(
        ClientTls {
            key: inline(&one.key),
            ..base()
        },
        "cert_file",
        "give both",
    );
    let pair = |cert: &str, key| ClientTls {
        cert: inline(cert),
        key,
        ..base()
    };
    check(
        pair(&one.cert, inline(&two.key)),
        "key_pem",
        "does not belong to the certificate",
    );
    check(
        pair(&one.key, inline(&one.key)),
        "cert_pem",
        "no certificate found",
    );
    check(
        pair(&one.cert, file("cert.pem", &one.cert)),
        "key_file",
        "no private key found",
    );
    let named = ClientTls {
        server_name_override: Some("not a name".to_owned()),
        ..base()
    };
    check(
        named,
        "server_name_override",
        "`not a name` is neither a host name nor an address",
    );
    let none_left = ClientTls {
        min_version: Some(Version::Tls13),
        max_version: Some(Version::Tls12),
        ..base()
    };
    check(none_left, "min_version", "no version is left");
    let unasked = ClientTls {
        insecure_skip_verify: true,
        ca: inline(""),
        ..base()
    };
    check(unasked, "ca_pem", "no certificate found");
}

#[test]
fn the_system_is_asked_only_if_it_is_wanted() {
    let ours = authority("ours");
    let asked = |tls: &ClientTls| {
        let mut asked = false;
        let system = || {
            asked = true;
            Authorities {
                certificates: vec![ours.der().clone()],
                trouble: None,
            }
        };
        tls.connector_with(system).unwrap();
        asked
    };
    assert!(asked(&ClientTls::default()));
    assert!(!asked(&trusting(&ours)));
    assert!(asked(&ClientTls {
        include_system_ca_certs_pool: true,
        ..trusting(&ours)
    }));
    assert!(!asked(&ClientTls {
        insecure_skip_verify: true,
        ..ClientTls::default()
    }));
}

#[test]
fn a_key_is_not_printed() {
    let one = identity(&authority("ours"), "one");
    let tls = ClientTls {
        key: inline(&one.key),
        ..ClientTls::default()
    };
    assert!(format!("{tls:?}").contains("Inline(…)"));
    assert!(!format!("{tls:?}").contains("PRIVATE KEY"));
}

#[test]
fn a_block_of_the_configuration_becomes_settings() {
    let block = config::blocks::TlsClient {
        server_name_override: "shop.example".to_owned(),
        ca_file: "/ca.pem".to_owned(),
        key_pem: config::Secret::new("the key"),
        min_version: Some(config::blocks::TlsVersion::V1_0),
        max_version: Some(config::blocks::TlsVersion::V1_3),
        ..Default::default()
    };
    let expected = ClientTls {
        server_name_override: Some("shop.example".to_owned()),
        ca: Some(Pem::File("/ca.pem".into())),
        key: inline("the key"),
        min_version: Some(Version::Tls12),
        max_version: Some(Version::Tls13),
        ..ClientTls::default()
    };
    assert_eq!(ClientTls::from(&block), expected);
    assert_eq!(
        ClientTls::from(&config::blocks::TlsClient::default()),
        ClientTls::default()
    );
}
