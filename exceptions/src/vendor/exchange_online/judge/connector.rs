//! N10, N12, B10, B11: inbound connectors.

use evidence::{ChangeKind, Setting};
use sources::policy::Device;

use super::super::words::{self, condition, flag};
use super::width;
use super::{Case, harmless, row, unknown};
use crate::vendor::common::{self, FEW};
use crate::vendor::own;
use crate::{Grant, On, Reason, Value};

/// What limits who may use a connector.
const LIMITS: [&str; 3] = ["RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate", "RequireTls"];
/// What the other properties of a connector's command are about, which let nobody in.
const HARMLESS: [&str; 8] =
    ["identity", "name", "comment", "connectortype", "connectorsource", "confirm", "whatif", "force"];

/// Judges a connector.
pub(super) fn judge(case: &Case<'_>, setting: &Setting, grants: &[Grant]) -> Vec<Reason> {
    if let Some(same) =
        case.unchanged(setting).filter(|_| grants.iter().all(|grant| grant.device != Device::InternalTrust))
    {
        return vec![same];
    }
    let mut reasons = case.by_device(grants, Some(setting));
    let is_alteration = case.step.kind == ChangeKind::Changed;
    let current = case.current(setting).map(|(current, _)| current);
    if flag(setting, "CloudServicesMailEnabled") == Some(true) && !case.is_same(setting, "CloudServicesMailEnabled") {
        reasons.push(row("M9", "header fields by which the other side says how it judged mail would be believed"));
    }
    if let Some(name) = certificate(setting).filter(|name| !is_exact(name)) {
        reasons.push(row("B11", format!("the certificate name {name} is not that of one sender")));
    }
    reasons.extend(wide_addresses(setting));
    if is_alteration {
        for name in LIMITS {
            let was = current.and_then(|current| flag(current, name));
            if flag(setting, name) == Some(false) && was != Some(false) {
                reasons.push(row(
                    "B11",
                    format!("{name} would be off: mail in the partner's name could come from anywhere"),
                ));
            }
        }
    }
    // Of a new one all that limits it is stated; of one that is altered only what is altered.
    if reasons.is_empty() || !is_alteration {
        reasons.extend(limited(case, setting));
    }
    reasons
}

fn certificate(setting: &Setting) -> Option<&str> {
    let found = condition(&setting.conditions, "TlsSenderCertificateName").and_then(|one| one.values.first());
    found.map(String::as_str).or_else(|| words::property(setting, "TlsSenderCertificateName"))
}

/// Whether a certificate name is that of one sender: no wildcard, and not of a service that sends for many.
fn is_exact(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let common = name.split(',').find_map(|part| part.trim().strip_prefix("cn=")).unwrap_or(&name);
    width::is_plain_domain(common) && common::service_of(common).is_none()
}

fn wide_addresses(setting: &Setting) -> Option<Reason> {
    let addresses = condition(&setting.conditions, "SenderIPAddresses")?;
    let wide = addresses.values.iter().find(|text| !width::is_narrow_network(&own::network(text)))?;
    Some(row("B11", format!("{wide} is wider than a /24: others than the partner could use the connector")))
}

/// What a connector without anything broad is limited by.
fn limited(case: &Case<'_>, setting: &Setting) -> Option<Reason> {
    let is_on = |name| flag(setting, name) == Some(true);
    let addresses = condition(&setting.conditions, "SenderIPAddresses");
    let is_alteration = case.step.kind == ChangeKind::Changed;
    if is_on("RestrictDomainsToCertificate") || !is_alteration && certificate(setting).is_some() && !is_partner(setting)
    {
        return match certificate(setting) {
            Some(name) => Some(row("N12", format!("only who shows the certificate of {name} may use it"))),
            None if is_alteration => Some(harmless("only who shows the connector's certificate may use it")),
            None => Some(row("B11", "no certificate is named")),
        };
    }
    let exact = |one: &evidence::Condition| {
        one.values.len() <= FEW && one.values.iter().all(|text| own::is_one_client(&own::network(text)))
    };
    if is_on("RestrictDomainsToIPAddresses") || !is_alteration && addresses.is_some() && !is_partner(setting) {
        return Some(match addresses {
            Some(one) if exact(one) => row("N12", format!("only {} may use it", one.values.join(", "))),
            Some(_) => row("B11", "whole networks may use it, not single addresses of one sender"),
            None if is_alteration => harmless("only the connector's addresses may use it"),
            None => row("B11", "no address is named"),
        });
    }
    if !is_alteration {
        return Some(row("B11", "nothing limits who may use it: neither a certificate nor an address"));
    }
    let others: Vec<String> = setting
        .properties
        .iter()
        .map(|property| &property.name)
        .filter(|name| !HARMLESS.contains(&words::folded(name).as_str()))
        .filter(|name| {
            !(name.eq_ignore_ascii_case("RequireTls") && is_on("RequireTls")) && flag(setting, name) != Some(false)
        })
        .chain(setting.conditions.iter().map(|one| &one.name))
        .cloned()
        .collect();
    if others.is_empty() {
        return Some(harmless("it lets nobody in who is not let in now"));
    }
    Some(unknown(format!("what {} does to who may use the connector is not in the tables", width::listed(&others))))
}

fn is_partner(setting: &Setting) -> bool {
    words::property(setting, "ConnectorType").is_none_or(|said| said.eq_ignore_ascii_case("Partner"))
}

/// Judges a hop that is skipped when the sending address is looked for.
pub(super) fn skipped(_case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let values: Vec<&Value> = grant.scope.on(&On::Client).flat_map(|term| &term.values).collect();
    let of = |value: &&Value| {
        if width::is_narrow_network(value) {
            row("N10", format!("the hop {value} is skipped, and the address before it is judged"))
        } else {
            row(
                "M10",
                format!("{value}: wider than the addresses of one gateway, so a sender's own address could be skipped"),
            )
        }
    };
    if values.is_empty() {
        return vec![row("N10", "the last hop is skipped, and the address before it is judged")];
    }
    values.iter().map(of).collect()
}
