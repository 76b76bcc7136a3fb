//! Where the workbench is reached: the names that a request may have in its `Host`.

use std::net::SocketAddr;

/// The origins by which the workbench may be reached. A page of somewhere else whose name was made to lead to this machine (DNS rebinding)
/// sends its own name as host, and is refused.
#[derive(Clone, Debug)]
pub struct Origins {
    scheme: &'static str,
    hosts: Vec<String>,
}

impl Origins {
    /// Of a server at an address; `names` are further hosts by which it is reached, with a port if it is not that of the address.
    pub fn of(at: SocketAddr, names: &[String], is_tls: bool) -> Origins {
        let (scheme, usual) = if is_tls { ("https", 443) } else { ("http", 80) };
        let port = at.port();
        let mut hosts: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        for host in &mut hosts {
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            if !has_port && port != usual {
                *host = format!("{host}:{port}");
            }
        }
        let mut add = |host: String| {
            let host = if port == usual { host } else { format!("{host}:{port}") };
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        };
        if !at.ip().is_unspecified() {
            add(match at {
                SocketAddr::V4(at) => at.ip().to_string(),
                SocketAddr::V6(at) => format!("[{}]", at.ip()),
            });
        }
        if at.ip().is_loopback() {
            add("localhost".to_owned());
        }
        Origins { scheme, hosts }
    }

    /// Whether it is reached by TLS.
    pub fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// The one that links are made with.
    pub fn first(&self) -> String {
        format!("{}://{}", self.scheme, self.hosts.first().map_or("", String::as_str))
    }

    /// Whether a `Host` is one of ours.
    pub fn is_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether an `Origin` is one of ours.
    pub fn is_origin(&self, origin: &str) -> bool {
        origin
            .strip_prefix(self.scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .is_some_and(|host| self.is_host(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let local = Origins::of("127.0.0.1:8025".parse().unwrap(), &[], false);
        for (host, is_own) in [
            ("127.0.0.1:8025", true),
            ("LOCALHOST:8025", true),
            ("127.0.0.1", false),
            ("127.0.0.1:80", false),
            ("localhost.attacker.example:8025", false),
            ("attacker.example", false),
            ("", false),
        ] {
            assert_eq!(local.is_host(host), is_own, "{host}");
        }
        assert!(local.is_origin("http://localhost:8025"));
        for wrong in ["https://localhost:8025", "null", "http://localhost:8026", "localhost:8025", ""] {
            assert!(!local.is_origin(wrong), "{wrong}");
        }
        let named = Origins::of("0.0.0.0:443".parse().unwrap(), &["desk.example.com".to_owned()], true);
        assert_eq!(named.first(), "https://desk.example.com");
        assert!(named.is_host("desk.example.com") && !named.is_host("0.0.0.0"));
        let six = Origins::of("[::1]:9000".parse().unwrap(), &[], false);
        assert!(six.is_host("[::1]:9000"));
    }
}
