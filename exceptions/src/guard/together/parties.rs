//! Many senders of one domain, and recipients that together are all.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Address, Product, SettingClass};

use super::{Granted, alike, cites, row};
use crate::vendor::common::{FEW, RECIPIENTS, SENDERS, ServiceKind, service_of};
use crate::{On, Reason, Value, World};

/// What the parties of all grants come to.
pub(super) fn reasons(all: &[Granted], world: &World<'_>) -> Vec<Reason> {
    let mut reasons = senders(all);
    reasons.extend(recipients(all, world));
    reasons
}

fn addresses<'g>(granted: &'g Granted, on: &'g [On]) -> impl Iterator<Item = &'g Address> {
    let terms = granted.grant.scope.terms.iter().filter(|term| on.contains(&term.on));
    terms.flat_map(|term| &term.values).filter_map(|value| match value {
        Value::Address(address) => Some(address),
        _ => None,
    })
}

/// Many addresses of one domain: by steps that are alike but for the sender, or by any steps of the candidate for one product.
fn senders(all: &[Granted]) -> Vec<Reason> {
    let mut groups = alike(all, SENDERS);
    let mut new: BTreeMap<&Product, Vec<&Granted>> = BTreeMap::new();
    for granted in all.iter().filter(|granted| granted.is_new) {
        new.entry(&granted.grant.product).or_default().push(granted);
    }
    groups.extend(new.into_values());
    let mut found: BTreeMap<String, Reason> = BTreeMap::new();
    for group in groups {
        let mut of: BTreeMap<&str, BTreeSet<&Address>> = BTreeMap::new();
        for address in group.iter().flat_map(|granted| addresses(granted, SENDERS)) {
            if let Some(domain) = address.domain() {
                of.entry(domain).or_default().insert(address);
            }
        }
        // Many people of a provider are not the provider.
        let is_public = |domain: &str| service_of(domain).is_some_and(|of| of.kind == ServiceKind::Mailboxes);
        for (domain, addresses) in of.into_iter().filter(|(domain, of)| of.len() > FEW && !is_public(domain)) {
            // What is there alone is not the candidate's doing.
            let is_more = group.iter().any(|one| one.is_new && addresses_of(one, domain).next().is_some());
            let statement = format!("{} addresses of `{domain}` are let through one by one", addresses.len());
            if is_more {
                let there = group.iter().copied().filter(|one| addresses_of(one, domain).next().is_some());
                found.entry(domain.to_owned()).or_insert_with(|| row("T1", statement, cites(there)));
            }
        }
    }
    found.into_values().collect()
}

fn addresses_of<'g>(granted: &'g Granted, domain: &'g str) -> impl Iterator<Item = &'g Address> {
    addresses(granted, SENDERS).filter(move |address| address.domain() == Some(domain))
}

/// The same mail for one part of the recipients after the other.
fn recipients(all: &[Granted], world: &World<'_>) -> Vec<Reason> {
    let known = mailboxes(world);
    let mut reasons = Vec::new();
    for group in alike(all, RECIPIENTS) {
        let union: BTreeSet<&Address> = group.iter().flat_map(|granted| addresses(granted, RECIPIENTS)).collect();
        let whole = known.iter().find(|(_, of)| of.len() > 2 && of.iter().all(|address| union.contains(address)));
        let statement = match whole {
            Some((domain, of)) => format!("together they are for all {} known mailboxes of `{domain}`", of.len()),
            None if union.len() > FEW => format!("together they are for {} recipients", union.len()),
            None => continue,
        };
        reasons.push(row("T2", statement, cites(group)));
    }
    reasons
}

/// The mailboxes that the evidence shows, by domain.
fn mailboxes(world: &World<'_>) -> BTreeMap<String, BTreeSet<Address>> {
    let mut found: BTreeMap<String, BTreeSet<Address>> = BTreeMap::new();
    for (setting, _) in world.settings().filter(|(setting, _)| setting.class == SettingClass::Mailbox) {
        let address = setting.mailbox.clone().unwrap_or_else(|| Address::new(&setting.name));
        if let Some(domain) = address.domain() {
            found.entry(domain.to_owned()).or_default().insert(address.clone());
        }
    }
    found
}
