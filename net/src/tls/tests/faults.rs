//! Settings that cannot work, and what becomes of those that can.

use super::*;

#[test]
fn a_client_s_fault_names_the_setting_and_what_to_do() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (one, two) = (signed(&ours, "one"), signed(&theirs, "two"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let check_block = |block: TlsClient, setting: &str, words: &str| {
        let Err(fault) = connector(&block, &[]) else {
            panic!("no fault of {setting}: {words}");
        };
        assert_eq!(fault.setting, setting, "{fault}");
        assert!(fault.text.contains(words), "{fault}");
    };
    let check = |tls: Tls, setting: &str, words: &str| {
        check_block(client_block(TlsClientOwn::default(), tls), setting, words);
    };
    let ca_file = |ca_file: String| Tls {
        ca_file,
        ..Tls::default()
    };
    let ca_pem = |text: String| Tls {
        ca_pem: Secret::new(text),
        ..Tls::default()
    };
    check(Tls::default(), "ca_file", "install its CA certificates");
    let missing = folder.path().join("missing.pem");
    let missing = ca_file(missing.to_str().unwrap().to_owned());
    check(missing, "ca_file", "missing.pem: cannot be read");
    let empty = ca_file(file("empty.pem", ""));
    check(empty, "ca_file", "empty.pem: no certificate found in it");
    let key_only = ca_file(file("key.pem", &one.key));
    check(key_only, "ca_file", "no certificate found in it");
    let torn = ca_pem(format!("{}\n-----BEGIN CERTIFICATE-----\nAA", ours.pem()));
    check(torn, "ca_pem", "not valid PEM");
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mixed = ca_pem(format!("{}{junk}", ours.pem()));
    check(mixed, "ca_pem", "certificate 2 in it");

    let identity = |cert_pem: &str, key_pem: &str| Tls {
        cert_pem: Secret::new(cert_pem),
        key_pem: Secret::new(key_pem),
        ..trusts(&ours)
    };
    check(identity(&one.cert, ""), "key_file", "give both");
    check(identity("", &one.key), "cert_file", "give both");
    let words = "does not belong to the certificate";
    check(identity(&one.cert, &two.key), "key_pem", words);
    check(
        identity(&one.key, &one.key),
        "cert_pem",
        "no certificate found",
    );
    let no_key = Tls {
        key_file: file("cert.pem", &one.cert),
        ..identity(&one.cert, "")
    };
    check(no_key, "key_file", "cert.pem: no private key found");
    let none_left = Tls {
        min_version: Some(TlsVersion::V1_3),
        max_version: Some(TlsVersion::V1_2),
        ..trusts(&ours)
    };
    check(none_left, "min_version", "no version is left");

    let named = TlsClientOwn {
        server_name_override: "not a name".to_owned(),
        ..TlsClientOwn::default()
    };
    let words = "`not a name` is neither a host name nor an address";
    check_block(
        client_block(named, trusts(&ours)),
        "server_name_override",
        words,
    );
    let credulous = TlsClientOwn {
        insecure_skip_verify: true,
        ..TlsClientOwn::default()
    };
    let unasked = client_block(credulous, ca_pem("x".to_owned()));
    check_block(unasked, "ca_pem", "no certificate found");
}

#[test]
fn a_server_s_fault_names_the_setting_and_what_to_do() {
    let ours = authority("ours");
    let (one, two) = (signed(&ours, "one"), signed(&ours, "two"));
    let check = |own: TlsServerOwn, tls: Tls, words: &str| {
        let block = server_block(own, tls);
        let Err(fault) = Server::new(&block, Protocol::Auto, owner(&Metrics::default())) else {
            panic!("no fault: {words}");
        };
        assert!(fault.contains(words), "{fault}");
    };
    let own = TlsServerOwn::default;
    check(own(), Tls::default(), "cert_file: not given");
    let mixed = Tls {
        key_pem: Secret::new(&two.key),
        ..bears(&one)
    };
    check(own(), mixed, "key_pem: the key does not belong");
    let asking = TlsServerOwn {
        client_ca_file: "/nowhere/ca.pem".to_owned(),
        ..own()
    };
    let words = "client_ca_file: /nowhere/ca.pem: cannot be read";
    check(asking, bears(&one), words);
}

#[test]
fn the_system_is_asked_only_if_it_is_wanted() {
    fn refused(tls: Tls, insecure_skip_verify: bool) -> bool {
        let own = TlsClientOwn {
            insecure_skip_verify,
            ..TlsClientOwn::default()
        };
        connector(&client_block(own, tls), &[]).is_err()
    }
    let ours = authority("ours");
    assert!(refused(Tls::default(), false));
    assert!(!refused(Tls::default(), true));
    assert!(!refused(trusts(&ours), false));
    // Its own authority is enough where the system has none.
    let both = Tls {
        include_system_ca_certs_pool: true,
        ..trusts(&ours)
    };
    assert!(!refused(both, false));
}

#[tokio::test]
async fn the_system_s_authorities_may_be_trusted_besides_our_own() {
    fn system() -> SystemRoots {
        static THEIRS: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let pem = THEIRS.get_or_init(|| STRANGER.with_borrow(Clone::clone));
        let mut roots = RootCertStore::empty();
        let der = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap();
        roots.add(der).unwrap();
        Ok(Arc::new(roots))
    }
    thread_local! {
        static STRANGER: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
    }
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    STRANGER.with_borrow_mut(|pem| *pem = theirs.pem());
    let check = async |include_system_ca_certs_pool, signer: &Authority, good| {
        let tls = Tls {
            include_system_ca_certs_pool,
            ..trusts(&ours)
        };
        let block = client_block(TlsClientOwn::default(), tls);
        let connector = Connector::with(&block, &[], owner(&Metrics::default()), system).unwrap();
        let server = server(&serving(&signed(signer, "shop.example")));
        let result = exchange(&connector, "shop.example", &server).await;
        assert_eq!(result.is_ok(), good, "{result:?}");
    };
    check(true, &theirs, true).await;
    check(true, &ours, true).await;
    check(false, &theirs, false).await;
}

#[test]
fn a_key_is_not_printed() {
    let one = signed(&authority("ours"), "one");
    let printed = format!("{:?}", bears(&one));
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
}
