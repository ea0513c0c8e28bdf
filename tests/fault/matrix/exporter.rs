//! The exporter's half: back ends of eight kinds behind one pipeline, over both protocols.

use std::net::SocketAddr;
use std::sync::Arc;

use benches::Protocol;
use benches::sink::Sink;
use tokio_rustls::TlsAcceptor;

use super::identities::{Authorities, Flaw, text};
use super::{Auth, discreet};
use crate::fault::PROTOCOLS;
use crate::fault::tls::relay;
use crate::rig::{PATIENCE, Service, failed_start, http1, load, requests};

/// A kind of back end, and what of it the log has to name if it gets nothing.
#[derive(Clone, Copy, Debug)]
struct BackEnd {
    name: &'static str,
    /// Without TLS it has none.
    flaw: Option<Flaw>,
    asks: bool,
    /// Whether we have a certificate for those who ask.
    answers: bool,
    refused: Option<&'static str>,
}

const fn back_end(name: &'static str, flaw: Flaw, refused: Option<&'static str>) -> BackEnd {
    BackEnd {
        name,
        flaw: Some(flaw),
        asks: false,
        answers: false,
        refused,
    }
}

const BACK_ENDS: [BackEnd; 8] = [
    BackEnd {
        flaw: None,
        ..back_end("plain", Flaw::None, None)
    },
    back_end("tls", Flaw::None, None),
    BackEnd {
        asks: true,
        answers: true,
        ..back_end("mutual", Flaw::None, None)
    },
    back_end("unknown", Flaw::UnknownAuthority, Some("UnknownIssuer")),
    back_end("expired", Flaw::Expired, Some("expired")),
    back_end("early", Flaw::NotYetValid, Some("not valid")),
    back_end("elsewhere", Flaw::WrongName, Some("not valid for name")),
    // TLS 1.3 tells us after we have begun to speak: often all that is seen is the connection's end.
    BackEnd {
        asks: true,
        ..back_end("asking", Flaw::None, Some("was lost"))
    },
];

/// One back end of a kind, and the exporter that sends to it.
struct Cell {
    protocol: Protocol,
    kind: BackEnd,
    sink: Sink,
    id: String,
    block: String,
}

impl Cell {
    fn new(authorities: &Authorities, protocol: Protocol, kind: BackEnd, auth: &str) -> Self {
        let options = benches::sink::Options {
            keep: true,
            ..benches::sink::Options::default()
        };
        let sink = Sink::start(options).unwrap();
        let (port, tls) = wire(authorities, kind, sink.address());
        let id = match protocol {
            Protocol::Grpc => format!("otlp_grpc/{}", kind.name),
            Protocol::Http => format!("otlp_http/{}", kind.name),
        };
        let scheme = if kind.flaw.is_some() { "https" } else { "http" };
        // The first refusal is the last word, so that each cell has an end.
        let block = format!(
            "  {id}: {{endpoint: '{scheme}://localhost:{port}', tls: {{{tls}}}, \
             retry_on_failure: {{enabled: false}}{auth}}}\n"
        );
        Self {
            protocol,
            kind,
            sink,
            id,
            block,
        }
    }
}

/// Where the back end listens, and our keys for it.
fn wire(authorities: &Authorities, kind: BackEnd, sink: SocketAddr) -> (u16, String) {
    let Some(flaw) = kind.flaw else {
        return (sink.port(), "insecure: true".to_owned());
    };
    let server = authorities.server(&authorities.identity(flaw), kind.asks);
    let address = relay(TlsAcceptor::from(Arc::new(server)), sink);
    let mut keys = format!("ca_file: {}", text(&authorities.ca_file()));
    if kind.answers {
        let identity = authorities.identity(Flaw::None);
        keys = format!("{keys}, {}", authorities.files("client", &identity));
    }
    (address.port(), keys)
}

/// gRPC's rule, which the Collector keeps too: no credentials in the clear.
fn is_naked(protocol: Protocol, kind: BackEnd, auth: Auth) -> bool {
    let named = matches!(auth, Auth::Bearer | Auth::Basic);
    protocol == Protocol::Grpc && kind.flaw.is_none() && named
}

/// One pipeline to all of these exporters.
fn yaml(auth: Auth, cells: &[Cell]) -> String {
    let (extension, id) = auth.client();
    let blocks: String = cells.iter().map(|cell| cell.block.as_str()).collect();
    let ids: Vec<_> = cells.iter().map(|cell| cell.id.as_str()).collect();
    format!(
        "extensions: {{{extension}}}\n\
         receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}\n\
         exporters:\n{blocks}\
         service:\n  extensions: [{id}]\n  telemetry: {{metrics: {{level: none}}}}\n  \
         pipelines: {{traces: {{receivers: [otlp], exporters: [{}]}}}}\n",
        ids.join(", ")
    )
}

fn cells(auth: Auth) {
    let authorities = Authorities::new();
    let named = match auth.client().1 {
        "" => String::new(),
        id => format!(", auth: {{authenticator: {id}}}"),
    };
    let cells = PROTOCOLS
        .into_iter()
        .flat_map(|protocol| BACK_ENDS.map(|kind| (protocol, kind)))
        .map(|(protocol, kind)| Cell::new(&authorities, protocol, kind, &named));
    let (naked, cells): (Vec<_>, Vec<_>) =
        cells.partition(|cell| is_naked(cell.protocol, cell.kind, auth));
    if !naked.is_empty() {
        let (code, log) = failed_start(&yaml(auth, &naked));
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains("require transport level security"), "{log}");
        discreet(&log);
    }
    let service = Service::start(&yaml(auth, &cells));
    let post = http1::post("/v1/traces", &requests::one_span());
    assert_eq!(http1::exchange(service.http(), &post).status, 200);
    for cell in &cells {
        judge(cell, auth, &service);
    }
    let ended = service.stop();
    discreet(&ended.log);
    for cell in &cells {
        let dropped = ended.account.spans("exporter", &cell.id).dropped;
        let arrived = cell.sink.counts().items();
        assert_eq!(dropped + arrived, 1, "{}", cell.id);
    }
}

fn judge(cell: &Cell, auth: Auth, service: &Service) {
    let Cell { id, kind, sink, .. } = cell;
    let Some(cause) = kind.refused else {
        load::arrived(sink, 1);
        let received = sink.received();
        let headers = &received[0].headers;
        let expected = auth.header();
        let found = expected.as_ref().map(|(name, _)| {
            let value = headers.get(*name).map(|value| value.to_str().unwrap());
            (*name, value.unwrap_or_default().to_owned())
        });
        assert_eq!(found, expected, "{id}");
        return;
    };
    let quoted = format!("\"{id}\"");
    let line = benches::clock::poll(PATIENCE, || {
        let lines = service.lines();
        let mut of_cell = lines.into_iter().filter(|line| line.contains(&quoted));
        of_cell.find(|line| line.contains("Dropping data"))
    });
    let line = line.unwrap_or_else(|| panic!("{id} {auth:?} drops nothing"));
    assert!(line.contains(cause), "{id} {auth:?}: {line}");
    assert_eq!(sink.counts().requests, 0, "{id}");
}

#[test]
fn back_ends_are_told_apart_by_their_certificates() {
    cells(Auth::None);
}

#[test]
fn a_token_goes_to_those_who_are_trusted() {
    cells(Auth::Bearer);
}

#[test]
fn a_password_goes_to_those_who_are_trusted() {
    cells(Auth::Basic);
}

#[test]
fn a_key_goes_to_those_who_are_trusted() {
    cells(Auth::Key);
}
