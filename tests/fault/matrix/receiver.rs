//! The receiver's half: eight ways to connect, four to authenticate, two protocols.

use std::io;

use benches::Protocol;
use benches::grpc::{OK, UNAUTHENTICATED};
use tokio_rustls::rustls::ClientConfig;

use super::identities::{Authorities, Flaw, text};
use super::{AUTHS, Auth, SECRET, discreet, secure};
use crate::fault::PROTOCOLS;
use crate::rig::{PATIENCE, Service, block_on, load, requests};

const GUARDED: &str = "\
extensions: {EXTENSION}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:0'TLS AUTH}
      http: {endpoint: '127.0.0.1:0'TLS AUTH}
exporters: {otlp_grpc: {endpoint: SINK, compression: none, tls: {insecure: true}}}
service:
  extensions: [NAMED]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
";

/// What the receiver asks of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Plain,
    Tls,
    Mutual,
}

/// Who connects: what its certificate lacks, or that it has none.
type Caller = Option<Flaw>;

/// A refused handshake, by the name that the log and the metrics give its cause.
type Cause = &'static str;

struct Guarded {
    service: Service,
    sink: benches::sink::Sink,
    auth: Auth,
    wire: Wire,
    taken: u64,
}

impl Guarded {
    fn start(authorities: &Authorities, wire: Wire, auth: Auth) -> Self {
        let sink = load::sink();
        let identity = authorities.files("server", &authorities.identity(Flaw::None));
        let tls = match wire {
            Wire::Plain => String::new(),
            Wire::Tls => format!(", tls: {{{identity}}}"),
            Wire::Mutual => {
                let ca = authorities.ca_file();
                format!(", tls: {{{identity}, client_ca_file: {}}}", text(&ca))
            }
        };
        let (extension, id) = auth.server();
        let named = match id {
            "" => String::new(),
            id => format!(", auth: {{authenticator: {id}}}"),
        };
        let yaml = GUARDED
            .replace("EXTENSION", &extension)
            .replace("NAMED", id)
            .replace("TLS", &tls)
            .replace(" AUTH", &named)
            .replace("SINK", &sink.address().to_string());
        Self {
            service: Service::start(&yaml),
            sink,
            auth,
            wire,
            taken: 0,
        }
    }

    fn send(
        &self,
        protocol: Protocol,
        tls: Option<ClientConfig>,
        credential: Option<(&'static str, String)>,
        body: &[u8],
    ) -> io::Result<u32> {
        let address = match protocol {
            Protocol::Grpc => self.service.grpc(),
            Protocol::Http => self.service.http(),
        };
        block_on(async {
            let export = secure::export(address, protocol, tls, credential, body);
            tokio::time::timeout(PATIENCE, export).await.unwrap()
        })
    }

    /// One cell in which the connection is made: whoever has the credential is served, and of the
    /// others nothing is read.
    fn open(&mut self, protocol: Protocol, tls: impl Fn() -> Option<ClientConfig>) {
        let case = format!("{protocol:?} {:?} {:?}", self.wire, self.auth);
        let (good, bad) = match protocol {
            Protocol::Grpc => (OK, UNAUTHENTICATED),
            Protocol::Http => (200, 401),
        };
        let span = requests::one_span();
        let said = self.send(protocol, tls(), self.auth.header(), &span);
        assert_eq!(said.unwrap(), good, "{case}");
        self.taken += 1;
        let Some((name, value)) = self.auth.header() else {
            return;
        };
        // A payload that was decoded would be answered INVALID_ARGUMENT or 400.
        let wrong = value
            .replace(SECRET, "wrong")
            .replace("dXNlcjpj", "eHNlcjpj");
        for credential in [None, Some((name, wrong)), Some((name, String::new()))] {
            let said = self.send(protocol, tls(), credential.clone(), b"\xff\xff");
            assert_eq!(said.unwrap(), bad, "{case}: {credential:?}");
        }
    }

    /// One cell in which no connection is made; the metrics and the log say why.
    fn shut(&self, protocol: Protocol, tls: &dyn Fn() -> Option<ClientConfig>, cause: Cause) {
        let case = format!("{protocol:?} {:?} {:?} {cause}", self.wire, self.auth);
        let failures = || {
            let label = format!("cause=\"{cause}\"");
            let family = "tracegate_tls_handshake_failures";
            self.service.page().sum(family, &[&label])
        };
        let before = failures();
        let said = self.send(protocol, tls(), self.auth.header(), &requests::one_span());
        assert!(said.is_err(), "{case}: {said:?}");
        let counted = benches::clock::poll(PATIENCE, || (failures() > before).then_some(()));
        let lines = self.service.lines().join("\n");
        assert!(counted.is_some(), "{case} is not counted:\n{lines}");
        // There is a line a second at most, so it is asked for until it comes.
        let told = benches::clock::poll(PATIENCE, || {
            let said = format!("\"cause\": \"{cause}\"");
            let lines = self.service.lines();
            let found = lines.iter().any(|line| line.contains(&said));
            if !found {
                drop(self.send(protocol, tls(), None, b""));
            }
            found.then_some(())
        });
        assert!(told.is_some(), "{case} is not in the log");
    }

    fn end(self) {
        load::arrived(&self.sink, self.taken);
        let ended = self.service.stop();
        discreet(&ended.log);
        let receiver = ended.account.spans("receiver", "otlp");
        assert_eq!((receiver.taken, receiver.passed), (self.taken, self.taken));
        assert_eq!(self.sink.counts().items(), self.taken);
    }
}

fn cells(auth: Auth) {
    let authorities = Authorities::new();
    let client = |caller: Caller| {
        let identity = caller.map(|flaw| authorities.identity(flaw));
        Some(authorities.client(identity.as_ref()))
    };
    for wire in [Wire::Plain, Wire::Tls] {
        let mut guarded = Guarded::start(&authorities, wire, auth);
        for protocol in PROTOCOLS {
            guarded.open(protocol, || client(None).filter(|_| wire == Wire::Tls));
        }
        guarded.end();
    }
    let mut guarded = Guarded::start(&authorities, Wire::Mutual, auth);
    for protocol in PROTOCOLS {
        guarded.open(protocol, || client(Some(Flaw::None)));
        // Whom a client's certificate names is for the authenticator; the chain is what is checked.
        guarded.open(protocol, || client(Some(Flaw::WrongName)));
        let rows: [(Caller, Cause); 4] = [
            (Some(Flaw::UnknownAuthority), "unknown_authority"),
            (Some(Flaw::Expired), "expired"),
            (Some(Flaw::NotYetValid), "not_yet_valid"),
            (None, "no_certificate"),
        ];
        for (caller, cause) in rows {
            guarded.shut(protocol, &|| client(caller), cause);
        }
    }
    guarded.end();
}

#[test]
fn of_those_who_connect_without_credentials_the_certificates_decide() {
    cells(AUTHS[0]);
}

#[test]
fn of_those_who_connect_with_a_token_both_decide() {
    cells(Auth::Bearer);
}

#[test]
fn of_those_who_connect_with_a_password_both_decide() {
    cells(Auth::Basic);
}

#[test]
fn of_those_who_connect_with_a_key_both_decide() {
    cells(Auth::Key);
}
