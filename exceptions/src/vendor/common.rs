//! What several vendors ask about a scope: how wide it is, how long it lasts, and whether the sample needs it.

use std::net::IpAddr;
use std::sync::LazyLock;

use evidence::{Cite, Product, VerdictKind};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{Ends, Fit, Grant, Need, On, Scope, Term, Value, World};

/// How long an exception may last before it counts as one without an end, in hours: a year and a day.
const LONGEST_HOURS: i64 = 366 * 24;
/// How many values of one condition are still a list of single ones.
pub(crate) const FEW: usize = 10;

static SERVICES: LazyLock<Services> =
    LazyLock::new(|| toml::from_str(include_str!("services.toml")).expect("services.toml is part of the program"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Services {
    service: Vec<Service>,
}

/// A service that many unrelated people use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// What it is for.
    pub(crate) kind: ServiceKind,
    domains: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every line has one"))]
    source: String,
}

/// What a service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServiceKind {
    /// Mailboxes for everybody.
    Mailboxes,
    /// Sends mail for many customers.
    Sending,
    /// Pages and files of everybody.
    Hosting,
}

/// The service whose domain this is, or lies below.
pub(crate) fn service_of(domain: &str) -> Option<&'static Service> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let is_of =
        |of: &String| domain == *of || domain.strip_suffix(of.as_str()).is_some_and(|head: &str| head.ends_with('.'));
    SERVICES.service.iter().find(|service| service.domains.iter().any(is_of))
}

/// The host of a link, lower case; of `*.example.com/*` that is `example.com`.
pub(crate) fn host_of(url: &str) -> Option<String> {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '~']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host =
        host.split_once(':').map_or(host, |(host, _)| host).trim_start_matches(['*', '.', '~']).trim_end_matches('.');
    (!host.is_empty() && !host.contains('*')).then(|| host.to_lowercase())
}

/// How wide a condition on parties is; what is less is narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    /// One address, or a few.
    Addresses,
    /// The members of a group.
    Group,
    /// A domain, or so many addresses that they come to one.
    Domain,
    /// Everybody, or what nobody can follow.
    Everybody,
}

/// How wide a scope is on the side that these conditions look at: the narrowest of them, since all have to hold.
pub(crate) fn width(scope: &Scope, on: &[On]) -> Width {
    let terms = scope.terms.iter().filter(|term| on.contains(&term.on));
    terms.map(term_width).min().unwrap_or(Width::Everybody)
}

fn term_width(term: &Term) -> Width {
    let is_group = matches!(term.on, On::SenderGroup | On::RecipientGroup);
    let of = |value: &Value| match value {
        Value::Address(address) if address.domain().is_some() => Width::Addresses,
        Value::Name(_) if is_group => Width::Group,
        Value::Domain(domain) | Value::DomainAndBelow(domain) if domain.contains('.') => Width::Domain,
        _ => Width::Everybody,
    };
    let widest = term.values.iter().map(of).max().unwrap_or(Width::Addresses);
    if term.values.len() > FEW { widest.max(Width::Domain) } else { widest }
}

/// The conditions that look at a sender.
pub(crate) const SENDERS: &[On] = &[On::EnvelopeSender, On::HeaderFrom, On::EitherSender, On::SenderGroup];
/// The conditions that look at a recipient.
pub(crate) const RECIPIENTS: &[On] = &[On::Recipient, On::RecipientGroup];

/// The domains that a scope names as senders.
pub(crate) fn sender_domains(scope: &Scope) -> impl Iterator<Item = &str> {
    let terms = scope.terms.iter().filter(|term| SENDERS.contains(&term.on));
    terms.flat_map(|term| &term.values).filter_map(|value| match value {
        Value::Address(address) => address.domain(),
        Value::Domain(domain) | Value::DomainAndBelow(domain) => Some(domain.as_str()),
        _ => None,
    })
}

/// How many addresses a range has after its first.
pub(crate) fn span(first: IpAddr, last: IpAddr) -> u128 {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => u128::from(last.to_bits().saturating_sub(first.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(last)) => last.to_bits().saturating_sub(first.to_bits()),
        _ => u128::MAX,
    }
}

/// Whether a network is wider than what one sender has: 256 addresses, or one network of IPv6.
pub(crate) fn is_wide(value: &Value) -> bool {
    match value {
        Value::Network(first, last) => span(*first, *last) >= if first.is_ipv4() { 1 << 8 } else { 1 << 64 },
        _ => true,
    }
}

/// The addresses that may hand the mail over, if the scope says so: `Some(true)` if they are wide.
pub(crate) fn clients_are_wide(scope: &Scope) -> Option<bool> {
    let of = |term: &Term| term.values.iter().any(is_wide) || term.values.len() > FEW;
    scope.on(&On::Client).map(of).reduce(|one, other| one && other)
}

/// Whether a scope demands a proof of who sends: a signature, a result of DMARC, or a narrow sending address.
pub(crate) fn is_authenticated(scope: &Scope) -> bool {
    scope.terms.iter().any(|term| !term.values.is_empty() && term.values.iter().all(|value| proves(&term.on, value)))
        || clients_are_wide(scope) == Some(false)
}

/// Whether a value tells one sender from all others: the name of a service that sends for many does not.
fn proves(on: &On, value: &Value) -> bool {
    match (on, value) {
        (On::SignedBy | On::Infrastructure, Value::Domain(domain) | Value::DomainAndBelow(domain)) => {
            domain.contains('.') && service_of(domain).is_none()
        }
        (On::Dmarc, Value::Name(result)) => result.eq_ignore_ascii_case("pass"),
        _ => false,
    }
}

/// What an end comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It ends in time.
    InTime,
    /// It ended before now.
    Past(Timestamp),
    /// It ends so late that it does not count as an end.
    TooLate(Timestamp),
    /// The device knows an end and none is set.
    Missing,
    /// The device knows no end.
    NotKnown,
}

/// What an end comes to, at an instant that counts as now.
pub(crate) fn end(ends: Ends, starts: Option<Timestamp>, now: Option<Timestamp>) -> End {
    match ends {
        Ends::AtOnce | Ends::Unused(_) => End::InTime,
        Ends::Never | Ends::NotSaid => End::Missing,
        Ends::DeviceHasNone => End::NotKnown,
        Ends::At(at) => match now.max(starts) {
            _ if now.is_some_and(|now| at <= now) => End::Past(at),
            Some(from) if at.duration_since(from) <= SignedDuration::from_hours(LONGEST_HOURS) => End::InTime,
            Some(_) => End::TooLate(at),
            // Without any instant to compare with, only what vendors write for "for ever" is known to be too late.
            None if at.as_second() >= 4_000_000_000 => End::TooLate(at),
            None => End::InTime,
        },
    }
}

/// Why something of a product does not help the samples; `None` if it may.
///
/// `helps` says whether it helps against a verdict, as far as the tables say. What is not shown rules nothing out.
pub(crate) fn no_help<'w>(
    world: &World<'w>,
    products: &[Product],
    helps: impl Fn(&VerdictKind) -> Option<bool>,
) -> Option<(&'w Need, Vec<Cite>)> {
    let all: Vec<&Need> = world.needs.iter().collect();
    let mine: Vec<&Need> = all.iter().copied().filter(|need| products.contains(&need.product)).collect();
    if mine.is_empty() {
        // Another system stopped it.
        let is_shown = !all.is_empty() && all.iter().all(|need| need.is_shown);
        return all.first().filter(|_| is_shown).map(|need| (*need, need.cites.clone()));
    }
    let in_vain =
        |need: &&Need| need.is_shown && need.verdict.as_ref().is_some_and(|verdict| helps(verdict) == Some(false));
    mine.iter().all(in_vain).then(|| mine[0]).map(|need| (need, need.cites.clone()))
}

/// Why what is granted is not for the sample: none of its copies that this product stopped is in the scope. `None` if it may be.
pub(crate) fn not_for_it<'w>(world: &World<'w>, product: &Product, grants: &[Grant]) -> Option<(String, &'w Need)> {
    let mine: Vec<&'w Need> = world.needs.iter().filter(|need| need.product == *product).collect();
    let mut first = None;
    for need in mine {
        for grant in grants {
            match need.fits(&grant.scope) {
                Fit::No(why) => first = first.or(Some((why, need))),
                Fit::Yes | Fit::NotShown(_) => return None,
            }
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_dated() {
        for service in &SERVICES.service {
            assert!(!service.domains.is_empty() && service.source.contains("read 20"), "{service:?}");
            for domain in &service.domains {
                assert!(domain.contains('.') && *domain == domain.to_lowercase(), "{domain}");
            }
        }
    }

    #[test]
    fn ok_end() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let now = Some(at("2026-05-02T12:00:00Z"));
        for (name, ends, starts, now, expected) in [
            ("in a month", Ends::At(at("2026-06-01T00:00:00Z")), None, now, End::InTime),
            ("passed", Ends::At(at("2026-05-01T00:00:00Z")), None, now, End::Past(at("2026-05-01T00:00:00Z"))),
            ("in two years", Ends::At(at("2028-06-01T00:00:00Z")), None, now, End::TooLate(at("2028-06-01T00:00:00Z"))),
            ("no clock", Ends::At(at("2026-06-01T00:00:00Z")), None, None, End::InTime),
            ("for ever", Ends::At(at("2100-01-01T00:00:00Z")), None, None, End::TooLate(at("2100-01-01T00:00:00Z"))),
            ("never", Ends::Never, None, now, End::Missing),
            ("no device", Ends::DeviceHasNone, None, now, End::NotKnown),
        ] {
            assert_eq!(end(ends, starts, now), expected, "{name}");
        }
    }
}
