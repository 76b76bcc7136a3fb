//! Mail services, known by the names of their hosts.

use std::sync::LazyLock;

use serde::Deserialize;

/// What a service does with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceRole {
    /// Filters in front of a mail system.
    Gateway,
    /// Keeps mailboxes.
    Mailbox,
}

/// A mail service.
#[derive(Debug, Deserialize)]
pub struct Service {
    /// Its name, as people say it.
    pub name: String,
    /// What it does.
    pub role: ServiceRole,
    domains: Vec<String>,
    #[serde(default)]
    internal: Vec<String>,
    #[allow(dead_code)] // read by people, and by the test that none is without its source
    source: String,
}

#[derive(Deserialize)]
struct Services {
    service: Vec<Service>,
}

static SERVICES: LazyLock<Vec<Service>> = LazyLock::new(|| {
    toml::from_str::<Services>(include_str!("services.toml")).map(|services| services.service).unwrap_or_default()
});

/// The service that runs a host, by the host's name; `None` for all others.
///
/// The name is what a record says: whether the host bears it rightly is a question of who wrote the record.
pub fn service_of_host(host: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| is_below(host, &service.domains))
}

/// The service among whose own servers a host is: it hands to no other service, nor to anybody's server, under this name.
pub fn service_within(host: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| is_below(host, &service.internal))
}

fn is_below(host: &str, domains: &[String]) -> bool {
    let host = host.trim_end_matches('.').as_bytes();
    let below = |domain: &String| {
        let Some(head) = host.len().checked_sub(domain.len()) else { return false };
        host[head..].eq_ignore_ascii_case(domain.as_bytes()) && (head == 0 || host[head - 1] == b'.')
    };
    domains.iter().any(below)
}

/// Whether a host is of the service of this name.
pub(crate) fn is_of(host: &str, name: &str) -> bool {
    service_of_host(host).is_some_and(|service| service.name == name)
}

/// The service of a name, as [`Service::name`] spells it.
pub fn service_of_name(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_services() {
        for (host, expected) in [
            ("am4pepf00025f97.eurprd83.prod.outlook.com", Some("Exchange Online")),
            ("client-example.mail.protection.outlook.com", Some("Exchange Online")),
            ("relay.mimecast.com.", Some("Mimecast")),
            ("evilmimecast.com", None),
            ("mx.google.com", Some("Google")),
            ("mx1.example.com", None),
            ("", None),
        ] {
            assert_eq!(service_of_host(host).map(|service| service.name.as_str()), expected, "{host}");
        }
    }

    #[test]
    fn every_service_has_a_dated_source() {
        let services: Services = toml::from_str(include_str!("services.toml")).expect("services.toml");
        for service in &services.service {
            assert!(service.source.contains("noted 20"), "{}", service.name);
            assert!(service.domains.iter().all(|domain| domain.contains('.')), "{}", service.name);
        }
    }
}
