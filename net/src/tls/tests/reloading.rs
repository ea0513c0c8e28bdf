//! Files that change while they are in use.

use std::path::Path;
use std::time::Duration;

use super::*;

/// A folder with a certificate, its key and the authority of clients.
struct Files(tempfile::TempDir);

impl Files {
    fn new(signed: &Signed, clients: &Authority) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(signed, clients);
        files
    }

    fn write(&self, signed: &Signed, clients: &Authority) {
        write_into(self.0.path(), signed, clients);
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn server(&self) -> TlsServer {
        let own = TlsServerOwn {
            client_ca_file: self.path("clients.pem"),
            ..TlsServerOwn::default()
        };
        let tls = Tls {
            cert_file: self.path("cert.pem"),
            key_file: self.path("key.pem"),
            ..Tls::default()
        };
        server_block(own, tls)
    }

    fn client(&self) -> TlsClient {
        let tls = Tls {
            ca_file: self.path("clients.pem"),
            cert_file: self.path("cert.pem"),
            key_file: self.path("key.pem"),
            ..Tls::default()
        };
        client_block(TlsClientOwn::default(), tls)
    }
}

fn write_into(folder: &Path, signed: &Signed, clients: &Authority) {
    for (name, text) in [
        ("cert.pem", &signed.cert),
        ("key.pem", &signed.key),
        ("clients.pem", &clients.pem()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// Waits until a condition holds, for as long as ten looks at the files take.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn gauge(metrics: &Metrics, name: &str) -> f64 {
    let lines = shown(metrics, name);
    let value = lines.first().and_then(|line| line.rsplit(' ').next());
    value.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_server_takes_over_changed_files_of_every_kind() {
    let (old, new) = (authority("old"), authority("new"));
    let files = Files::new(&signed_within(&old, "shop.example", 2000..3000), &old);
    let metrics = Metrics::default();
    let server = Server::new(&files.server(), Protocol::Auto, owner(&metrics)).unwrap();
    let check = async |who: &Authority| {
        let tls = Tls {
            ca_pem: Secret::new(who.pem()),
            ..bears(&signed(who, "client"))
        };
        let block = client_block(TlsClientOwn::default(), tls);
        let connector = connector(&block, &[]).unwrap();
        exchange(&connector, "shop.example", &server).await.is_ok()
    };
    assert!(check(&old).await && !check(&new).await);
    let expiry = gauge(&metrics, "tracegate_tls_certificate_expiry_seconds");
    assert_eq!(expiry, 32_503_680_000.0, "the first of January 3000");
    files.write(&signed_within(&new, "shop.example", 2000..2999), &new);
    until("the new certificate is used", async || check(&new).await).await;
    assert!(!check(&old).await);
    let expiry = gauge(&metrics, "tracegate_tls_certificate_expiry_seconds");
    assert_eq!(expiry, 32_472_144_000.0, "the first of January 2999");
}

#[tokio::test]
async fn a_client_takes_over_changed_files_of_every_kind() {
    let (old, new) = (authority("old"), authority("new"));
    let files = Files::new(&signed(&old, "client"), &old);
    let connector = connector(&files.client(), &[]).unwrap();
    let check = async |who: &Authority| {
        let folder = Files::new(&signed(who, "shop.example"), who);
        let server = server(&folder.server());
        exchange(&connector, "shop.example", &server).await.is_ok()
    };
    assert!(check(&old).await && !check(&new).await);
    files.write(&signed(&new, "client"), &new);
    until("the new certificate is used", async || check(&new).await).await;
    assert!(!check(&old).await);
}

/// As Kubernetes replaces the files of a mounted secret: the folder is a link, and the link moves.
#[tokio::test]
async fn a_link_that_is_swapped_is_a_change() {
    let (old, new) = (authority("old"), authority("new"));
    let root = tempfile::tempdir().unwrap();
    for (name, who) in [("old", &old), ("new", &new)] {
        let folder = root.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        write_into(&folder, &signed(who, "shop.example"), who);
    }
    let data = root.path().join("..data");
    std::os::unix::fs::symlink("old", &data).unwrap();
    let tls = Tls {
        cert_file: data.join("cert.pem").to_str().unwrap().to_owned(),
        key_file: data.join("key.pem").to_str().unwrap().to_owned(),
        ..Tls::default()
    };
    let block = server_block(TlsServerOwn::default(), tls);
    let server = server(&block);
    let connector = connector(&trusting(&new), &[]).unwrap();
    let check = async || exchange(&connector, "shop.example", &server).await.is_ok();
    assert!(!check().await);
    let next = root.path().join("..next");
    std::os::unix::fs::symlink("new", &next).unwrap();
    std::fs::rename(&next, &data).unwrap();
    until("the new folder is used", check).await;
}

#[tokio::test]
async fn broken_files_raise_an_alarm_and_leave_the_old_ones_in_use() {
    let ours = authority("ours");
    let shop = signed(&ours, "shop.example");
    let files = Files::new(&shop, &ours);
    let metrics = Metrics::default();
    let server = Server::new(&files.server(), Protocol::Auto, owner(&metrics)).unwrap();
    let connector = connector(&files.client(), &[]).unwrap();
    let check = async || exchange(&connector, "shop.example", &server).await.is_ok();
    let failing = || gauge(&metrics, "tracegate_tls_reload_failing") == 1.0;
    assert!(check().await && !failing());
    for broken in ["", "no certificate"] {
        std::fs::write(files.path("cert.pem"), broken).unwrap();
        until("there is an alarm", async || failing()).await;
        assert!(check().await);
        std::fs::remove_file(files.path("key.pem")).unwrap();
        files.write(&shop, &ours);
        until("the alarm is over", async || !failing()).await;
        assert!(check().await);
    }
}
