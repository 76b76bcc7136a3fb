//! B22: the same mail let through by a gateway in front too.

use evidence::{ChangeKind, Product, Setting};
use sources::policy::Device;
use sources::proposed::{About, Step};

use super::width::{self, Who};
use super::{Case, row};
use crate::vendor;
use crate::{Grant, On, Reason};

/// That a gateway lets the same senders through, so that no filter is left.
pub(super) fn judge(case: &Case<'_>, grants: &[Grant]) -> Vec<Reason> {
    let is_bypass = |grant: &&Grant| {
        matches!(grant.device, Device::Rule | Device::PolicySender | Device::ListEntry | Device::ConnectingAddress)
    };
    let bypasses: Vec<&Grant> = grants.iter().filter(is_bypass).collect();
    if bypasses.is_empty() {
        return Vec::new();
    }
    let Some(gateway) = vendor::of(&Product::Mimecast) else { return Vec::new() };
    let settings = case.world.settings().filter(|(_, entry)| entry.observation.speaker.product == Product::Mimecast);
    let ends: Vec<String> = bypasses.iter().flat_map(|grant| width::domains(&grant.scope)).map(end_of).collect();
    let by_address = bypasses.iter().any(|grant| grant.scope.on(&On::Client).next().is_some());
    for (setting, entry) in settings.filter(|(setting, _)| by_address || names(setting, &ends)) {
        for front in gateway.grants(&as_step(setting)) {
            if let Some(grant) = bypasses.iter().find(|grant| is_of_same_senders(grant, &front)) {
                let what = format!(
                    "{} is let through by Mimecast too (\"{}\"): no filter would be left",
                    grant.scope, front.name
                );
                return vec![row("B22", what).cited([entry.observation.cite.clone()])];
            }
        }
    }
    Vec::new()
}

/// The end of a domain that all domains share which lie below or above it, unless they are a top-level domain.
fn end_of(domain: &str) -> String {
    let labels: Vec<&str> = domain.rsplit('.').take(2).collect();
    labels.into_iter().rev().collect::<Vec<_>>().join(".")
}

/// Whether a setting names anything with one of these ends: most do not, and need no closer look.
fn names(setting: &Setting, ends: &[String]) -> bool {
    let holds = |text: &String| {
        let text = text.to_ascii_lowercase();
        ends.iter().any(|end| text.contains(end.as_str()))
    };
    let of_conditions = setting.conditions.iter().flat_map(|one| &one.values);
    let of_properties = setting.properties.iter().flat_map(|property| &property.values);
    let of_entry = setting.entry.iter().map(|entry| &entry.value);
    holds(&setting.name) || of_conditions.chain(of_properties).chain(of_entry).any(holds)
}

fn as_step(setting: &Setting) -> Step {
    Step {
        said: String::new(),
        line: 1,
        product: Product::Mimecast,
        operation: "setting".to_owned(),
        kind: ChangeKind::Created,
        about: About::Setting(Box::new(setting.clone())),
        replaces: Vec::new(),
    }
}

/// Whether two grants let the same senders through, and at least one of them more than single addresses.
fn is_of_same_senders(grant: &Grant, front: &Grant) -> bool {
    let is_wide = |grant: &Grant| width::who(&grant.scope) != Who::Addresses;
    let values = |grant: &Grant| {
        let of = |term: &&crate::Term| {
            matches!(term.on, On::HeaderFrom | On::EnvelopeSender | On::EitherSender | On::Client)
        };
        grant.scope.terms.iter().filter(of).flat_map(|term| term.values.clone()).collect::<Vec<_>>()
    };
    let (own, other) = (values(grant), values(front));
    let overlap = own.iter().any(|one| other.iter().any(|two| one.is_within(two) || two.is_within(one)));
    (is_wide(grant) || is_wide(front)) && overlap
}
