//! What stands around the services of an example: ports, back ends and certificates in place of those that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use benches::sink::Sink;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::arrivals::Arrivals;
use super::texts;
use crate::remote_write::back_end::BackEnd;
use crate::rig::Service;
use crate::rig::load::keeping_sink;

/// The file of the authority; other certificates and their keys are named `NAME.pem` and `NAME.key`.
const AUTHORITY: &str = "ca.pem";

#[derive(Default)]
pub(crate) struct Stage {
    /// Where a service listens for what a configuration writes.
    services: BTreeMap<String, SocketAddr>,
    sinks: BTreeMap<String, Sink>,
    written: BTreeMap<String, BackEnd>,
    certificates: Option<Certificates>,
    /// What starts the last service that shows a certificate without one.
    stranger: Option<(String, Vec<String>)>,
}

/// Where certificates and keys are.
enum Certificates {
    Made(TempDir),
    Given(PathBuf),
}

impl Stage {
    /// A stage whose certificates are in a folder, if they are there when the first of them is asked for.
    pub(crate) fn with_files(folder: &Path) -> Self {
        Self {
            certificates: Some(Certificates::Given(folder.to_owned())),
            ..Self::default()
        }
    }

    /// Starts one configuration between what stands there already, with the subcommand that runs it if there is one.
    pub(crate) fn start(&mut self, command: &[&str], yaml: &str, expected: &Value) -> Service {
        let tree: Value = serde_saphyr::from_str(yaml).unwrap();
        let mut set: Vec<String> = texts(&expected["set"]).map(str::to_owned).collect();
        for (id, exporter) in section(&tree, "exporters") {
            set.extend(self.back_end(id, exporter));
        }
        for (id, receiver) in section(&tree, "receivers") {
            for protocol in receiver["protocols"].as_object().unwrap().keys() {
                set.push(format!(
                    "receivers.{id}.protocols.{protocol}.endpoint=127.0.0.1:0"
                ));
            }
        }
        let files = files(&tree);
        if !files.is_empty() {
            let folder = self.certificates(&files);
            let at = |file: &str| folder.join(file).display().to_string();
            set.extend(
                files
                    .iter()
                    .map(|(key, file)| format!("{key}={}", at(file))),
            );
            if let Some((key, _)) = files.iter().find(|(key, _)| key.starts_with("exporters")) {
                let (tls, _) = key.rsplit_once('.').unwrap();
                let mut stranger: Vec<_> = set
                    .iter()
                    .filter(|set| !set.starts_with(tls))
                    .cloned()
                    .collect();
                stranger.push(format!("{tls}={{ca_file: '{}'}}", at(AUTHORITY)));
                let (section, _) = tls.rsplit_once('.').unwrap();
                stranger.push(format!("{section}.retry_on_failure.enabled=false"));
                let without = without_certificate(yaml);
                self.stranger = Some((without, stranger));
            }
        }
        let service = start(command, yaml, &set);
        for (_, receiver) in section(&tree, "receivers") {
            for (protocol, keys) in receiver["protocols"].as_object().unwrap() {
                let address = match protocol.as_str() {
                    "grpc" => service.grpc(),
                    _ => service.http(),
                };
                let written = keys["endpoint"].as_str().unwrap().to_owned();
                self.services.insert(written, address);
            }
        }
        for (id, exporter) in section(&tree, "exporters") {
            if id.starts_with("prometheus")
                && let Some(written) = exporter["endpoint"].as_str()
            {
                let address = service.extension(id);
                self.services.insert(written.to_owned(), address);
            }
        }
        service
    }

    /// Where something listens in the place of what the configurations write.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        let services = self.services.iter();
        services.map(|(written, address)| (written.as_str(), *address))
    }

    /// The folder with these files of certificates; they are made unless they are there.
    fn certificates(&mut self, files: &[(String, String)]) -> PathBuf {
        if let Some(Certificates::Given(folder)) = &self.certificates
            && files.iter().all(|(_, file)| folder.join(file).exists())
        {
            return folder.clone();
        }
        if !matches!(self.certificates, Some(Certificates::Made(_))) {
            self.certificates = Some(Certificates::Made(tempfile::tempdir().unwrap()));
        }
        let Some(Certificates::Made(folder)) = &self.certificates else {
            unreachable!("it was made")
        };
        make(folder.path(), files);
        folder.path().to_owned()
    }

    /// Settings that lead an exporter to a service of the example or to a back end of the test.
    fn back_end(&mut self, id: &str, exporter: &Value) -> Option<String> {
        let kind = id.split('/').next().unwrap();
        let (key, written) = match kind {
            "prometheus" => return Some(format!("exporters.{id}.endpoint=127.0.0.1:0")),
            "prometheus_remote_write" => ("http.endpoint", &exporter["http"]["endpoint"]),
            _ => ("endpoint", &exporter["endpoint"]),
        };
        let written = expanded(written.as_str()?);
        let (_, after) = written.split_once("://").unwrap_or(("", &written));
        let authority = after.split('/').next().unwrap();
        let address = match self.services.get(authority) {
            Some(address) => *address,
            None if kind == "prometheus_remote_write" => {
                let back_end = BackEnd::start(&[]);
                self.written
                    .entry(id.to_owned())
                    .or_insert(back_end)
                    .address
            }
            None => self
                .sinks
                .entry(id.to_owned())
                .or_insert_with(keeping_sink)
                .address(),
        };
        let ours = written.replace(authority, &address.to_string());
        Some(format!("exporters.{id}.{key}={ours}"))
    }

    /// The sender of an example with mutual TLS once more, without its certificate.
    pub(super) fn strangers(&self) -> Vec<Service> {
        let start = |(yaml, set): &(String, Vec<String>)| start(&[], yaml, set);
        self.stranger.iter().map(start).collect()
    }

    /// What came to the back end of each exporter.
    pub(super) fn arrived(&self) -> BTreeMap<String, Arrivals> {
        let sinks = self.sinks.iter();
        let sinks = sinks.map(|(id, sink)| (id.clone(), Arrivals::Otlp(sink.received())));
        let written = self.written.iter().map(|(id, back_end)| {
            let requests = back_end.seen().into_iter().map(|(request, _)| request);
            let requests: Vec<_> = requests.collect();
            (id.clone(), Arrivals::written(&requests))
        });
        sinks.chain(written).collect()
    }
}

fn start(command: &[&str], yaml: &str, set: &[String]) -> Service {
    let arguments: Vec<_> = set.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    Service::start_as(command, yaml, &arguments)
}

/// The keys of the exporter's certificate taken out, since what is set is laid over what is written.
fn without_certificate(yaml: &str) -> String {
    let mut tree: Value = serde_saphyr::from_str(yaml).unwrap();
    let exporters = tree["exporters"].as_object_mut().unwrap();
    for exporter in exporters.values_mut() {
        let tls = exporter["tls"].as_object_mut().unwrap();
        tls.retain(|key, _| key == "ca_file");
    }
    tree.to_string()
}

fn section<'a>(tree: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    tree[name]
        .as_object()
        .unwrap_or(NONE.get_or_init(Map::new))
        .iter()
}

static NONE: std::sync::OnceLock<Map<String, Value>> = std::sync::OnceLock::new();

/// An endpoint with the defaults of the variables in it.
fn expanded(endpoint: &str) -> String {
    let Some((before, variable)) = endpoint.split_once("${env:") else {
        return endpoint.to_owned();
    };
    let (variable, after) = variable.split_once('}').unwrap();
    let (_, default) = variable.split_once(":-").unwrap();
    format!("{before}{default}{after}")
}

/// Paths of the keys that name files for TLS, and these files.
fn files(tree: &Value) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open = vec![(String::new(), tree)];
    while let Some((path, node)) = open.pop() {
        for (key, value) in node.as_object().into_iter().flatten() {
            let path = format!("{path}{key}");
            match value.as_str() {
                Some(file) if key.ends_with("_file") => files.push((path, file.to_owned())),
                _ => open.push((format!("{path}."), value)),
            }
        }
    }
    files
}

/// Makes the files that are not there yet, with one authority for all of them.
fn make(folder: &Path, files: &[(String, String)]) {
    let names: BTreeSet<_> = files
        .iter()
        .filter_map(|(_, file)| file.strip_suffix(".key"))
        .collect();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = match std::fs::read_to_string(folder.join("ca.key")) {
        Ok(pem) => KeyPair::from_pem(&pem).unwrap(),
        Err(_) => KeyPair::generate().unwrap(),
    };
    std::fs::write(folder.join("ca.key"), key.serialize_pem()).unwrap();
    let authority = CertifiedIssuer::self_signed(params, key).unwrap();
    if !folder.join(AUTHORITY).exists() {
        std::fs::write(folder.join(AUTHORITY), authority.pem()).unwrap();
    }
    for name in names {
        let key = KeyPair::generate().unwrap();
        let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
        let certificate = CertificateParams::new(hosts).unwrap();
        let certificate = certificate.signed_by(&key, &authority).unwrap();
        std::fs::write(folder.join(name).with_extension("pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join(name).with_extension("key"), key.serialize_pem()).unwrap();
    }
}
