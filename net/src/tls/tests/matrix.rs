//! Who is let in, by either side.

use super::*;

/// What a certificate of the peer may be.
struct Peers {
    ours: Authority,
    good: Signed,
    unknown: Signed,
    expired: Signed,
    early: Signed,
}

impl Peers {
    fn new() -> Self {
        let (ours, theirs) = (authority("ours"), authority("theirs"));
        let name = "shop.example";
        Self {
            good: signed(&ours, name),
            unknown: signed(&theirs, name),
            expired: signed_within(&ours, name, 2000..2001),
            early: signed_within(&ours, name, 3000..3001),
            ours,
        }
    }
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_name_and_time() {
    let peers = Peers::new();
    let check = async |name: &str, signed: &Signed, expected: Result<(), &str>| {
        let result = exchanged(&trusting(&peers.ours), name, &serving(signed)).await;
        match (&result, expected) {
            (Ok(()), Ok(())) => {}
            (Err(fault), Err(words)) if fault.contains(words) => {}
            _ => panic!("{name}: {result:?} instead of {expected:?}"),
        }
    };
    check("shop.example", &peers.good, Ok(())).await;
    check("shop.example", &peers.unknown, Err("UnknownIssuer")).await;
    check("shop.example", &peers.expired, Err("expired")).await;
    check("shop.example", &peers.early, Err("not valid yet")).await;
    let name = "not valid for name \"cart.example\"";
    check("cart.example", &peers.good, Err(name)).await;
}

#[tokio::test]
async fn a_name_may_be_overridden_and_all_doubt_may_be_given_up() {
    let peers = Peers::new();
    let overriding = TlsClientOwn {
        server_name_override: "shop.example".to_owned(),
        ..TlsClientOwn::default()
    };
    let overridden = client_block(overriding, trusts(&peers.ours));
    let good = exchanged(&overridden, "cart.example", &serving(&peers.good)).await;
    assert_eq!(good, Ok(()));
    let credulous = TlsClientOwn {
        insecure_skip_verify: true,
        ..TlsClientOwn::default()
    };
    for max_version in [None, Some(TlsVersion::V1_2)] {
        for signed in [&peers.good, &peers.unknown, &peers.expired, &peers.early] {
            let tls = Tls {
                max_version,
                ..Tls::default()
            };
            let credulous = client_block(credulous.clone(), tls);
            let any = exchanged(&credulous, "cart.example", &serving(signed)).await;
            assert_eq!(any, Ok(()));
        }
    }
}

#[tokio::test]
async fn a_client_is_let_in_by_its_certificate_and_the_cause_is_counted_if_not() {
    let peers = Peers::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clients.pem");
    std::fs::write(&file, peers.ours.pem()).unwrap();
    let asking = TlsServerOwn {
        client_ca_file: file.to_str().unwrap().to_owned(),
        ..TlsServerOwn::default()
    };
    for max_version in [None, Some(TlsVersion::V1_2)] {
        let tls = Tls {
            max_version,
            ..bears(&peers.good)
        };
        let block = server_block(asking.clone(), tls);
        for (client, cause) in [
            (Some(&peers.good), None),
            (Some(&peers.unknown), Some("unknown_authority")),
            (Some(&peers.expired), Some("expired")),
            (Some(&peers.early), Some("not_yet_valid")),
            (None, Some("no_certificate")),
        ] {
            let metrics = Metrics::default();
            let server = Server::new(&block, Protocol::Auto, owner(&metrics)).unwrap();
            let tls = Tls {
                ca_pem: Secret::new(peers.ours.pem()),
                ..client.map(bears).unwrap_or_default()
            };
            let client = client_block(TlsClientOwn::default(), tls);
            let connector = connector(&client, &["h2"]).unwrap();
            let result = exchange(&connector, "shop.example", &server).await;
            assert_eq!(result.is_ok(), cause.is_none(), "{cause:?}: {result:?}");
            let page = shown(&metrics, "tracegate_tls_handshake_failures").join("\n");
            match cause {
                None => assert_eq!(page, ""),
                Some(cause) => assert!(page.contains(&format!("cause=\"{cause}\"")), "{page}"),
            }
        }
    }
}
