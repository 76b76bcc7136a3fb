//! A chain of ARC seals holds, and its sealer is not trusted.
//!
//! What it is: A system on the way (a list, a gateway) changed the message and sealed what it had seen before: that DMARC
//! passed. The receiver finds the chain sound and does not trust that sealer, so the failed result behind it stands.
//!
//! What proves it: the record of the deciding system that acted on the failed DMARC, its own word that the chain holds
//! and that the sealer is not trusted, and the sealed set in which DMARC passed; or a record that names ARC as the reason, or
//! a refusal in those words (5.7.29). Where only the exported list of trusted sealers shows that it lacks the sealer, or the
//! seals keep no result, likely.
//!
//! What looks alike: a failed DMARC without any chain, a chain that does not hold, and a sealer that saw DMARC fail
//! itself (all `dmarc-fail`: trust would change nothing); a trusted chain that let the message through.
//!
//! Narrow fix: enter the one sealer, a system of ours or one that we chose, among the trusted sealers; never one that
//! anybody can send through.
//!
//! Owner: who runs the receiving system.

use evidence::{AuthFault, AuthMethod, AuthResult, Authentication, Fact, SettingClass, VerdictKind};
use layers::of_event;
use trace::Event;

use super::dmarc_fail;
use crate::causes::Cause;
use crate::causes::ground::Ground;
use crate::{Claim, Standing};

/// `authentication-alignment/arc-untrusted`
pub(super) struct Rule;

pub(super) const ID: &str = "authentication-alignment/arc-untrusted";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("arc_untrusted.rs")
    }

    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        matches!(kind, VerdictKind::Authentication(AuthMethod::Arc))
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(ID).or_else(|| behind_dmarc(ground))
    }
}

/// A failed DMARC on which the receiver acted, although a seal says that it passed before.
fn behind_dmarc(ground: &Ground<'_>) -> Option<Claim> {
    let failed = ground.stated(dmarc_fail::ID)?;
    let chain = ground.stay.authentications.iter().copied().find(|event| is_sound_chain(event))?;
    let sealed: Vec<(&Event, &Authentication)> = sealed(ground, chain).collect();
    let passed = sealed.iter().find(|(_, result)| result.result == AuthResult::Pass);
    if passed.is_none() && !sealed.is_empty() {
        return None;
    }
    let names: Vec<&str> = sealed.iter().filter_map(|(_, result)| result.authserv_id.as_deref()).collect();
    let lists = trusted_sealers(ground);
    let untrusted = matches!(chain.fact(), Fact::Authentication(result)
        if result.fault == Some(AuthFault::SealerNotTrusted));
    let lists_it = |(_, trusted): &(_, Vec<String>)| names.iter().any(|name| is_among(name, trusted));
    // Of several exports one may be older than the entry that another shows.
    let lacked = lists.first().filter(|_| !names.is_empty() && !lists.iter().any(lists_it));
    if !untrusted && lacked.is_none() {
        return None;
    }
    let mut statement = match untrusted {
        true => format!("{}: {}: its sealer is not trusted", chain.observation.speaker, of_event(chain)),
        false => format!("{}: {}; the list of trusted sealers lacks it", chain.observation.speaker, of_event(chain)),
    };
    let mut cites = failed.cites;
    cites.extend(layers::cites([chain].into_iter().chain(passed.map(|(event, _)| *event))));
    if let Some((cite, _)) = lacked {
        cites.push(cite.clone());
    }
    if let Some((event, _)) = passed {
        statement = format!("{statement}, so that what it had seen does not count ({})", of_event(event));
    }
    let standing = match (passed, untrusted) {
        (Some(_), true) => failed.standing,
        _ => failed.standing.max(Standing::Likely),
    };
    let ask_for = match standing {
        Standing::Likely if lists.is_empty() => vec!["exchange-online/organisation"],
        _ => failed.ask_for,
    };
    Some(Claim {
        id: ID.to_owned(),
        standing,
        statement: format!("{statement}; {}", failed.statement),
        cites,
        ask_for,
        ..failed
    })
}

/// Whether the deciding system says that the chain of seals holds.
fn is_sound_chain(event: &Event) -> bool {
    matches!(event.fact(), Fact::Authentication(result)
        if result.method == AuthMethod::Arc && result.result == AuthResult::Pass)
}

/// What earlier systems sealed about DMARC, in the message that the deciding system sealed: never counted by itself.
fn sealed<'g>(ground: &'g Ground<'_>, chain: &'g Event) -> impl Iterator<Item = (&'g Event, &'g Authentication)> {
    let sealed = |event: &'g Event| match event.fact() {
        Fact::Authentication(result) if result.method == AuthMethod::Dmarc => {
            result.arc_instance.map(|instance| (event, result, instance))
        }
        _ => None,
    };
    let of_file = ground.scene.trace.not_counted.iter().map(|one| &one.event);
    let all: Vec<_> =
        of_file.filter(|event| event.observation.cite.file == chain.observation.cite.file).filter_map(sealed).collect();
    // The last set is the deciding system's own.
    let own = chain.observation.cite.order();
    all.into_iter()
        .filter(move |(event, ..)| event.observation.cite.order() != own)
        .map(|(event, result, _)| (event, result))
}

/// The exported lists of trusted sealers, with their places.
fn trusted_sealers(ground: &Ground<'_>) -> Vec<(evidence::Cite, Vec<String>)> {
    let lists = ground.scene.lake.surroundings().iter().filter_map(|entry| match &entry.observation.fact {
        Fact::Setting(setting) => {
            let is_list = setting.class == SettingClass::Other("trusted ARC sealers".to_owned());
            let list = setting.properties.iter().filter(|_| is_list).find(|one| one.name.ends_with("Sealers"))?;
            Some((entry.observation.cite.clone(), list.values.clone()))
        }
        _ => None,
    });
    lists.collect()
}

/// Whether a sealer or a domain above it is listed.
fn is_among(name: &str, trusted: &[String]) -> bool {
    trusted.iter().any(|listed| super::are_kin(name, listed.trim()))
}
