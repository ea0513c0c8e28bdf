//! The admin extension of one process, as a client sees it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use config::Squash;
use config::blocks::{Tls, TlsClient, TlsClientOwn};
use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Uri};
use net::client::{ChunkBody, Chunks, Client, Settings, Target, basic_credentials};
use net::{tail, tls};
use serde_json::Value;
use telemetry::metrics::Metrics;

/// Where the admin extension listens unless it is told otherwise.
const PORT: u16 = 13134;

/// A replica answers within 50 ms; one that has not by now is in no state to be asked.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Of an answer. A trace with hundreds of policies has a few hundred kilobytes.
const BODY_MAX: usize = 16 << 20;

/// A name or an address that was given, behind which there may be several replicas.
#[derive(Debug)]
pub(super) struct Endpoint {
    is_secure: bool,
    /// `user:password`, if the URL has them.
    credentials: Option<String>,
    target: Target,
}

/// One process. A name that stands for this machine has several addresses for one.
#[derive(Debug)]
pub(super) struct Replica {
    is_secure: bool,
    credentials: Option<String>,
    /// What the process is called by, and has to prove where that is asked.
    host: Target,
    /// Tried in turn.
    targets: Vec<Target>,
}

/// How to be let in.
#[derive(Clone)]
pub(super) struct Access {
    headers: HeaderMap,
    tls: TlsClient,
}

// === impl Access ===

impl Access {
    /// `headers` are `Name: value`.
    pub(super) fn new(
        headers: &[String],
        ca_file: Option<&str>,
        skip_verify: bool,
    ) -> Result<Self, String> {
        let mut map = HeaderMap::new();
        for header in headers {
            // Values are secrets, and in no message.
            let (name, value) = header
                .split_once(':')
                .ok_or("write --header 'Name: value'")?;
            let read = HeaderName::try_from(name.trim());
            let read = read.map_err(|_| format!("{name:?} is no name of a header"))?;
            let value = HeaderValue::try_from(value.trim());
            map.append(
                read,
                value.map_err(|_| format!("the value of {name} cannot be sent"))?,
            );
        }
        let own = TlsClientOwn {
            insecure_skip_verify: skip_verify,
            ..TlsClientOwn::default()
        };
        let shared = Tls {
            ca_file: ca_file.unwrap_or_default().to_owned(),
            ..Tls::default()
        };
        Ok(Self {
            headers: map,
            tls: TlsClient(Squash(own, shared)),
        })
    }

    fn connector(&self) -> Result<tls::Connector, String> {
        // Whoever asks is no component, and its metrics end with the answer.
        let owner = tls::Owner {
            kind: "command",
            component: "ask",
            part: "",
            metrics: &Metrics::default(),
        };
        tls::Connector::new(&self.tls, &["http/1.1"], owner)
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// `http://host:port`, `https://…`, `host:port`, or `unix:///path`.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (is_secure, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(("unix", _)) | None => (false, url),
            Some((scheme, _)) => {
                return Err(format!(
                    "cannot ask over {scheme}: write http:// or https://"
                ));
            }
        };
        let (credentials, host) = match rest.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials.to_owned()), host),
            None => (None, rest),
        };
        let is_unix = host.starts_with("unix://");
        let host = if is_unix {
            host
        } else {
            host.trim_end_matches('/')
        };
        if host.is_empty() || (!is_unix && host.contains('/')) {
            return Err("an endpoint is http://host:port, without a path".to_owned());
        }
        Ok(Self {
            is_secure,
            credentials,
            target: Target::parse(host, Some(PORT))?,
        })
    }

    /// Every process behind the name. The error says why it has none.
    pub(super) async fn replicas(&self) -> Result<Vec<Replica>, String> {
        let Target::Tcp { host, port } = &self.target else {
            return Ok(vec![self.replica(vec![self.target.clone()])]);
        };
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        let found = found.map_err(|error| format!("cannot resolve {host}: {error}"))?;
        Ok(self.behind(found.collect()))
    }

    /// The processes at the addresses of the name.
    fn behind(&self, mut addresses: Vec<SocketAddr>) -> Vec<Replica> {
        addresses.sort();
        addresses.dedup();
        if addresses.iter().all(|address| address.ip().is_loopback()) {
            let targets = addresses.into_iter().map(Target::from).collect();
            return vec![self.replica(targets)];
        }
        let replica = |address| self.replica(vec![Target::from(address)]);
        addresses.into_iter().map(replica).collect()
    }

    fn replica(&self, targets: Vec<Target>) -> Replica {
        Replica {
            is_secure: self.is_secure,
            credentials: self.credentials.clone(),
            host: self.target.clone(),
            targets,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

// === impl Replica ===

impl Replica {
    /// Status and JSON of an answer.
    pub(super) async fn get(&self, access: &Access, path: &str) -> Result<(u16, Value), String> {
        let mut reason = "it has no address".to_owned();
        for target in &self.targets {
            let answered = self.get_from(target, access, path);
            match tokio::time::timeout(ANSWER_MAX, answered).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(why)) => reason = why,
                Err(_) => reason = format!("no answer within {ANSWER_MAX:?}"),
            }
        }
        Err(reason)
    }

    async fn get_from(
        &self,
        target: &Target,
        access: &Access,
        path: &str,
    ) -> Result<(u16, Value), String> {
        let mut request = Request::new(ChunkBody::new(Chunks::default()));
        let scheme = if self.is_secure { "https" } else { "http" };
        let authority = self.host.authority();
        let uri = Uri::builder().scheme(scheme).authority(authority.as_str());
        let uri = uri.path_and_query(path).build();
        *request.uri_mut() = uri.map_err(|_| format!("{path:?} cannot be asked for"))?;
        let headers = request.headers_mut();
        let host = HeaderValue::try_from(authority).map_err(|error| error.to_string())?;
        headers.insert(HOST, host);
        if let Some(credentials) = &self.credentials {
            headers.insert(AUTHORIZATION, basic_credentials(credentials)?);
        }
        headers.extend(access.headers.clone());
        let client = Client::new(Settings {
            tls: self.is_secure.then(|| access.connector()).transpose()?,
            tls_name: Some(self.host.host().to_owned()),
            keep_alives: false,
            ..Settings::new(target.clone())
        });
        let sent = client.send(request).await;
        let mut answered = sent.map_err(|fault| fault.to_string())?;
        let status = answered.response.status().as_u16();
        let read = tail::read(answered.response.body_mut(), BODY_MAX).await?;
        // Another program's answer is none of ours.
        let body = serde_json::from_slice(&read.body).unwrap_or(Value::Null);
        Ok((status, body))
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.targets[..] {
            [only] => only.fmt(f),
            _ => self.host.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn each_address_of_a_name_is_a_replica_unless_they_are_of_this_machine() {
        let check = |addresses: &[&str], expected: &[&str]| {
            let addresses = addresses.iter().map(|address| address.parse().unwrap());
            let endpoint = Endpoint::parse("http://pods:1").unwrap();
            let found = endpoint.behind(addresses.collect());
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        };
        let pods = ["10.0.0.2:1", "10.0.0.1:1", "10.0.0.2:1"];
        check(&pods, &["10.0.0.1:1", "10.0.0.2:1"]);
        check(&["[::1]:1", "127.0.0.1:1"], &["pods:1"]);
        check(&["[::1]:1"], &["[::1]:1"]);
        check(
            &["[fd00::7]:1", "10.0.0.1:1"],
            &["10.0.0.1:1", "[fd00::7]:1"],
        );
    }

    #[test]
    fn of_several_addresses_of_this_machine_one_has_to_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        runtime.unwrap().block_on(the_second_answers());
    }

    async fn the_second_answers() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
            String::from_utf8(asked).unwrap()
        };
        let endpoint = Endpoint::parse(&format!("localhost:{port}")).unwrap();
        // Nobody listens at the one that is tried first.
        let (here, nobody) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 0));
        let replicas = endpoint.behind(vec![(here, port).into(), (nobody, port).into()]);
        let access = Access::new(&[], None, false).unwrap();
        let (answered, asked) = tokio::join!(replicas[0].get(&access, "/path"), answers);
        assert_eq!(answered, Ok((200, serde_json::json!({}))));
        // It is asked for by its name, whichever address it has.
        assert!(
            asked.contains(&format!("host: localhost:{port}\r\n")),
            "{asked}"
        );
    }

    #[test]
    fn an_endpoint_is_a_url_or_a_host_with_a_port() {
        let check = |url: &str, expected: Result<&str, &str>| {
            let read = Endpoint::parse(url);
            let found = read.as_ref().map(|endpoint| {
                let Endpoint {
                    is_secure,
                    credentials,
                    target,
                } = endpoint;
                format!(
                    "{is_secure} {target} {}",
                    credentials.as_deref().unwrap_or("-")
                )
            });
            match expected {
                Ok(text) => assert_eq!(found.as_deref(), Ok(text), "{url}"),
                Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{found:?}"),
            }
        };
        check("http://localhost:1", Ok("false localhost:1 -"));
        check("https://pods.svc/", Ok("true pods.svc:13134 -"));
        check("10.0.0.7:13134", Ok("false 10.0.0.7:13134 -"));
        check("https://bob:a@b@[::1]:1", Ok("true [::1]:1 bob:a@b"));
        check(
            "unix:///run/admin.sock",
            Ok("false unix:///run/admin.sock -"),
        );
        check("http://a/api", Err("without a path"));
        check("ftp://a", Err("cannot ask over ftp"));
        check("http://", Err("an endpoint is"));
        check("http://a:b", Err("invalid port"));
    }

    #[test]
    fn headers_are_a_name_and_a_value_which_no_message_repeats() {
        let check = |header: &str, error: Option<&str>| {
            let read = Access::new(&[header.to_owned()], None, false);
            assert_eq!(read.err().as_deref(), error, "{header}");
        };
        check("Authorization: Bearer x:y", None);
        check("secret", Some("write --header 'Name: value'"));
        check("a b: secret", Some("\"a b\" is no name of a header"));
        check("a: sec\nret", Some("the value of a cannot be sent"));
    }
}
