//! HTTP proxies: which one is used, and how to get through it.
//!
//! As in Go, `https://` and gRPC go through a tunnel (CONNECT), and plain HTTP is handed to the proxy with its whole
//! URL. The environment's variables are understood as Go understands them.

use std::fmt;
use std::io;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connect::Io;
use super::target::Target;
use crate::tls;

/// The longest head of a proxy's answer.
const ANSWER_MAX: usize = 8 << 10;

/// A proxy. Its credentials are never printed.
#[derive(Clone)]
pub struct Proxy {
    pub(super) target: Target,
    secure: bool,
    pub(super) tls: Option<tls::Connector>,
    pub(super) authorization: Option<HeaderValue>,
}

// === impl Proxy ===

impl Proxy {
    /// Reads `http://user:password@host:port`; no text of a fault has the credentials.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or("a proxy is written as http://host:port")?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => {
                return Err(format!(
                    "no proxy of the kind {scheme:?}, only http and https"
                ));
            }
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        if address.is_empty() || address.starts_with(':') {
            return Err("the URL of a proxy has a host".to_owned());
        }
        Ok(Self {
            target: Target::parse(address, Some(if secure { 443 } else { 80 }))?,
            secure,
            tls: None,
            authorization: credentials.map(basic_credentials).transpose()?,
        })
    }

    /// The proxy that the environment names for a target, by the rules of Go's
    /// `ProxyFromEnvironment`: HTTPS_PROXY for `https` and gRPC, HTTP_PROXY else, in either case
    /// of letters, but none for this machine and for what NO_PROXY lists.
    pub fn of_environment(
        secure: bool,
        target: &Target,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let Target::Tcp { host, port } = target else {
            return Ok(None);
        };
        let either = |upper: &'static str| {
            let lower = upper.to_ascii_lowercase();
            let value = |name: &str| variable(name).filter(|value| !value.is_empty());
            value(upper).or_else(|| value(&lower))
        };
        let name = if secure { "HTTPS_PROXY" } else { "HTTP_PROXY" };
        let Some(url) = either(name) else {
            return Ok(None);
        };
        if is_excluded(host, *port, &either("NO_PROXY").unwrap_or_default()) {
            return Ok(None);
        }
        let url = match url.contains("://") {
            true => url,
            false => format!("http://{url}"),
        };
        let proxy = Self::parse(&url).map_err(|fault| format!("{name}: {fault}"))?;
        Ok(Some(proxy))
    }

    /// Whether the proxy itself is spoken to by TLS, which needs [`Proxy::secured`].
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    pub fn secured(mut self, connector: tls::Connector) -> Self {
        self.tls = Some(connector);
        self
    }

    /// Asks for a tunnel (RFC 9110 §9.3.6).
    pub(super) async fn tunnel(
        &self,
        mut io: Box<dyn Io>,
        target: &Target,
    ) -> io::Result<Box<dyn Io>> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        io.write_all(&request).await?;
        io.flush().await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows belongs to the server behind.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == ANSWER_MAX {
                return Err(io::Error::other(format!(
                    "proxy {self} answers without end"
                )));
            }
            answer.push(io.read_u8().await?);
        }
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.lines().next().unwrap_or_default();
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok(io),
            _ => Err(io::Error::other(format!("proxy {self} refuses: {status}"))),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// `user:password`, both percent-encoded as in a URL, as a header (RFC 7617).
pub fn basic_credentials(credentials: &str) -> Result<HeaderValue, String> {
    let plain = match credentials.split_once(':') {
        Some((user, password)) => [&decoded(user)[..], b":", &decoded(password)].concat(),
        None => [&decoded(credentials)[..], b":"].concat(),
    };
    let value = format!("Basic {}", STANDARD.encode(plain));
    let mut value = HeaderValue::try_from(value).map_err(|_| "credentials are no header")?;
    value.set_sensitive(true);
    Ok(value)
}

/// What is no escape stands for itself.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                plain.push(u8::try_from(high * 16 + low).unwrap_or(byte));
                bytes = ahead;
            }
            _ => plain.push(byte),
        }
    }
    plain
}

/// Whether a host is reached without a proxy: this machine, or one of a list of names, addresses and networks.
fn is_excluded(host: &str, port: u16, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    list.split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| matches(&entry, &host, ip, port))
}

/// `*`; a network `10.0.0.0/8`; an address or a name, with or without a port. A name stands for what is below it too,
/// and with `.` or `*.` in front for that alone.
fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let network = network.parse().ok().zip(bits.parse().ok());
        return ip
            .zip(network)
            .is_some_and(|(ip, (network, bits))| within(ip, network, bits));
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        // A bare address of version 6 has colons, and no port.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (entry, None),
    };
    if only_port.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return ip == Some(address);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None if name.is_empty() => false,
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

fn within(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let differ = ip.to_bits() ^ network.to_bits();
            bits <= 32 && differ.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let differ = ip.to_bits() ^ network.to_bits();
            bits <= 128 && differ.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_shown_without_its_credentials() {
        let check = |url: &str, shown: &str, authorization: Option<&str>| {
            let proxy = Proxy::parse(url).unwrap();
            assert_eq!(proxy.to_string(), shown, "{url}");
            let found = proxy.authorization.as_ref();
            let found = found.map(|value| value.to_str().unwrap());
            assert_eq!(found, authorization, "{url}");
            assert!(proxy.authorization.is_none_or(|value| value.is_sensitive()));
        };
        check("http://proxy:3128", "proxy:3128", None);
        check("http://proxy", "proxy:80", None);
        check("https://proxy/", "proxy:443", None);
        check("http://[::1]:8080", "[::1]:8080", None);
        // `me:p@ss`, `me:`, and an escape that is none.
        check(
            "http://me:p%40ss@proxy:1",
            "proxy:1",
            Some("Basic bWU6cEBzcw=="),
        );
        check("http://me@proxy:1", "proxy:1", Some("Basic bWU6"));
        check("http://me:p%4@proxy:1", "proxy:1", Some("Basic bWU6cCU0"));
        for url in [
            "proxy:3128",
            "socks5://me:secret@x:1",
            "http://me:secret@",
            "http://:80",
        ] {
            let fault = Proxy::parse(url).err().unwrap();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn the_environment_is_understood_as_go_understands_it() {
        let check = |variables: &[(&str, &str)], secure, target: &str, expected: Option<&str>| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name)?;
                Some(found.1.to_owned())
            };
            let target = Target::parse(target, None).unwrap();
            let found = Proxy::of_environment(secure, &target, variable).unwrap();
            let found = found.map(|proxy| proxy.to_string());
            assert_eq!(found.as_deref(), expected, "{variables:?} {target}");
        };
        const BOTH: [(&str, &str); 2] =
            [("HTTP_PROXY", "plain:1"), ("HTTPS_PROXY", "http://sec:2")];
        check(&[], true, "tempo:1", None);
        check(&BOTH, false, "tempo:1", Some("plain:1"));
        check(&BOTH, true, "tempo:1", Some("sec:2"));
        check(&[("https_proxy", "low:1")], true, "tempo:1", Some("low:1"));
        check(
            &[("https_proxy", "low:1"), BOTH[1]],
            true,
            "tempo:1",
            Some("sec:2"),
        );
        check(
            &[("HTTPS_PROXY", ""), ("https_proxy", "low:1")],
            true,
            "tempo:1",
            Some("low:1"),
        );
        for target in ["localhost:1", "127.0.0.1:1", "[::1]:1", "unix:///x"] {
            check(&BOTH, true, target, None);
        }
        let without = |list: &str, target: &str, expected: bool| {
            let variables = [BOTH[0], BOTH[1], ("no_proxy", list)];
            check(
                &variables,
                true,
                target,
                Some("sec:2").filter(|_| !expected),
            );
        };
        without("*", "tempo:1", true);
        without("tempo", "tempo:1", true);
        without("a, tempo ,b", "Tempo:1", true);
        without("tempo", "x.tempo:1", true);
        without("tempo", "xtempo:1", false);
        without(".tempo", "x.tempo:1", true);
        without(".tempo", "tempo:1", false);
        without("*.tempo", "x.tempo:1", true);
        without("*.tempo", "tempo:1", false);
        without("tempo:1", "tempo:1", true);
        without("tempo:2", "tempo:1", false);
        without("10.0.0.0/8", "10.200.0.1:1", true);
        without("10.0.0.0/8", "11.0.0.1:1", false);
        without("0.0.0.0/0", "11.0.0.1:1", true);
        without("10.0.0.0/8", "tempo:1", false);
        without("10.0.0.1", "10.0.0.1:1", true);
        without("10.0.0.1:2", "10.0.0.1:1", false);
        without("fd00::/8", "[fd00::1]:1", true);
        without("[fd00::1]:1", "[fd00::1]:1", true);
        without("fd00::1", "[fd00::1]:1", true);
        without("", "tempo:1", false);
        without(",,:80", "tempo:80", false);
        let broken = |name: &str| (name == "HTTPS_PROXY").then(|| "socks5://me:secret@x:1".into());
        let target = Target::parse("tempo:1", None).unwrap();
        let fault = Proxy::of_environment(true, &target, broken).err().unwrap();
        assert!(
            fault.starts_with("HTTPS_PROXY: ") && !fault.contains("secret"),
            "{fault}"
        );
    }
}
