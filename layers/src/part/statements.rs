//! What the records of one copy state at one layer, in a form that can be laid beside another copy's.
//!
//! What differs with every message is left out: ids, instants, sizes, who released it.

use std::collections::BTreeSet;

use evidence::{
    Action, Arrival, AuthMethod, Cite, Fact, Handover, Layer, Observation, Outcome, Peer, Redirect, Reply, System,
    Verdict, VerdictKind,
};
use trace::{Event, Phase};

use super::{Side, Statement, Topic};
use crate::fate::has_own_record;
use crate::stages::verdict;
use crate::stay::{End, Stay};
use crate::{cites, say};

/// One statement.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    /// What it is about.
    pub(crate) about: Topic,
    /// Who speaks: the product, because a copy's neighbour may have come over another host of it.
    pub(crate) speaker: String,
    /// What counts in a comparison.
    key: String,
    /// What is worth saying if it alone differs.
    detail: String,
    /// In words.
    said: String,
    cites: Vec<Cite>,
}

/// All that is stated at a layer. `beside` is the other copy: where both came to the same system first, what a later system
/// says of its door belongs to the delivery.
pub(crate) fn of(layer: Layer, side: &Side<'_>, beside: &Side<'_>) -> Vec<Spoken> {
    let stays = || side.copy.stays.iter();
    match layer {
        Layer::Arrival => {
            let at_the_door = stays().filter(|stay| is_entry(stay, side, beside)).flat_map(at_the_door);
            at_the_door.chain(by_received_field(side)).collect()
        }
        Layer::Authentication => {
            let results = stays().flat_map(|stay| &stay.authentications).filter_map(|event| result(event));
            results.chain(stays().flat_map(|stay| verdicts(stay, is_of_authentication))).collect()
        }
        Layer::Verdict => stays().flat_map(|stay| verdicts(stay, |kind| !is_of_authentication(kind))).collect(),
        Layer::Quarantine => stays().flat_map(|stay| &stay.holds).flat_map(|event| hold(event)).collect(),
        Layer::Release => stays().flat_map(|stay| &stay.releases).filter_map(|event| release(event)).collect(),
        Layer::Delivery => {
            let later = stays().filter(|stay| !is_entry(stay, side, beside)).flat_map(at_the_door);
            later.chain(stays().flat_map(|stay| &stay.handovers).flat_map(|event| handed_over(event))).collect()
        }
        Layer::Mailbox => stays().flat_map(|stay| &stay.station.events).flat_map(in_the_mailbox).collect(),
    }
}

/// What counts of some statements on one topic: of several signatures one that passed is enough.
pub(crate) fn keys(about: Topic, all: &[Spoken]) -> BTreeSet<&str> {
    let keys: BTreeSet<&str> = all.iter().map(|one| one.key.as_str()).collect();
    if about == Topic::Dkim && keys.contains("pass") { ["pass"].into() } else { keys }
}

/// What is worth saying beside that.
pub(crate) fn details(all: &[Spoken]) -> BTreeSet<(&str, &str)> {
    all.iter().map(|one| (one.key.as_str(), one.detail.as_str())).collect()
}

/// Some statements on one topic as one.
pub(crate) fn told(all: &[Spoken]) -> Option<Statement> {
    let said: BTreeSet<&str> = all.iter().map(|one| one.said.as_str()).collect();
    let mut cites: Vec<Cite> = Vec::new();
    for cite in all.iter().flat_map(|one| &one.cites) {
        if !cites.iter().any(|known| known.order() == cite.order()) {
            cites.push(cite.clone());
        }
    }
    cites.sort_by(|a, b| a.order().cmp(&b.order()));
    (!all.is_empty()).then(|| Statement { said: said.into_iter().collect::<Vec<_>>().join(", "), cites })
}

/// The stay at the system that the copy came to first, past attempts that a later one overcame.
pub(crate) fn entry<'s, 't>(side: &Side<'s>) -> Option<&'s Stay<'t>>
where
    's: 't,
{
    let own = || side.copy.stays.iter().filter(|stay| has_own_record(stay));
    let decided = side.copy.decided();
    let overcome = |stay: &&Stay<'_>| {
        matches!(stay.end, End::Refused(_) | End::PutOff(_))
            && !decided.is_some_and(|decided| std::ptr::eq(decided, *stay))
    };
    own().find(|stay| !overcome(stay)).or_else(|| own().next())
}

/// Whether a stay's door is the one through which the copy came to us.
fn is_entry(stay: &Stay<'_>, side: &Side<'_>, beside: &Side<'_>) -> bool {
    let product = |side: &Side<'_>| entry(side).map(|stay| stay.station.system.product.clone());
    let (own, other) = (product(side), product(beside));
    own != other || own.is_none_or(|own| stay.is(&own))
}

/// A topic, what counts of it, and how it is said.
struct Told<'s> {
    about: Topic,
    key: &'s str,
    said: String,
}

fn spoken(event: &Event, told: Told<'_>) -> Spoken {
    let speaker = product(&event.observation.speaker);
    let Told { about, key, said } = told;
    Spoken { about, speaker, key: key.to_lowercase(), detail: String::new(), said, cites: cites([event]) }
}

fn product(system: &System) -> String {
    System::of(system.product.clone()).to_string()
}

/// What a system says of who came to its door, and through which.
fn at_the_door(stay: &Stay<'_>) -> Vec<Spoken> {
    let mut all = Vec::new();
    for event in &stay.arrivals {
        let Fact::Arrival(arrival) = event.fact() else { continue };
        if arrival.client.as_ref().is_some_and(Peer::is_loopback) || arrival.earlier.is_some() {
            continue;
        }
        all.extend(arrival.client.as_ref().map(|client| client_address(event, client)));
        all.extend(arrival.connector.as_ref().map(|name| connector(event, name)));
        all.extend(refusal(arrival).map(|answer| reply(event, answer)));
    }
    for event in &stay.words {
        let Fact::Status(status) = event.fact() else { continue };
        all.extend(status.from.as_ref().filter(|from| !from.is_loopback()).map(|from| client_address(event, from)));
    }
    all
}

fn client_address(event: &Event, client: &Peer) -> Spoken {
    let address = client.ip.as_deref().or(client.name.as_deref()).unwrap_or("");
    spoken(event, Told { about: Topic::ClientAddress, key: address, said: address.to_owned() })
}

/// A connector by its name; what stands behind a comma, such as who logged in there, is worth saying and no other connector.
fn connector(event: &Event, name: &str) -> Spoken {
    let key = name.split(", ").next().unwrap_or(name);
    let one = spoken(event, Told { about: Topic::Connector, key, said: name.to_owned() });
    Spoken { detail: name.to_lowercase(), ..one }
}

/// What was answered to a client that was not let in.
fn refusal(arrival: &Arrival) -> Option<&Reply> {
    arrival.reply.as_ref().filter(|_| matches!(arrival.outcome, Outcome::Refused | Outcome::Deferred))
}

/// An answer by its codes: its text differs with every message.
fn reply(event: &Event, reply: &Reply) -> Spoken {
    let code = reply.reply_code.map(|code| code.to_string());
    let codes: Vec<&str> = code.as_deref().into_iter().chain(reply.enhanced_status_code.as_deref()).collect();
    spoken(event, Told { about: Topic::Reply, key: &codes.join(" "), said: say::of_reply(reply) })
}

/// What our first server wrote into the sample of the name and the encryption of its client.
fn by_received_field(side: &Side<'_>) -> Vec<Spoken> {
    let mut all = Vec::new();
    for sample in trace::samples(side.lake) {
        let observations: Vec<&Observation> = sample.iter().map(|entry| &entry.observation).collect();
        let hops = trace::hops(&observations, side.trusted);
        // Legs stand newest first: the last one that is not the sender's took it from outside.
        let Some(leg) = hops.legs.iter().rev().find(|leg| leg.phase != Phase::Sender) else { continue };
        let stated = |about: Topic, key: &str| Spoken {
            about,
            speaker: product(leg.speaker),
            key: key.to_lowercase(),
            detail: String::new(),
            said: key.to_owned(),
            cites: vec![leg.cite.clone()],
        };
        let from = leg.hop.from.as_ref();
        let helo = leg.hop.helo.as_deref().or_else(|| from.and_then(|from| from.name.as_deref()));
        all.extend(helo.map(|helo| stated(Topic::Helo, helo)));
        let version = leg.hop.tls.as_ref().map(|tls| tls.version.as_deref().unwrap_or("version not stated"));
        all.extend(version.map(|version| stated(Topic::Tls, version)));
    }
    all
}

/// An authentication result that its speaker states itself.
fn result(event: &Event) -> Option<Spoken> {
    let Fact::Authentication(stated) = event.fact() else { return None };
    if stated.arc_instance.is_some() {
        return None;
    }
    let about = match stated.method {
        AuthMethod::Spf => Topic::Spf,
        AuthMethod::Dkim => Topic::Dkim,
        AuthMethod::Dmarc => Topic::Dmarc,
        AuthMethod::Arc => Topic::Arc,
        AuthMethod::CompAuth => Topic::CompAuth,
    };
    let domain = stated.domain.as_deref().unwrap_or("").to_lowercase();
    // A reason is a code only where the method has codes; elsewhere it is a sentence about this one message.
    let reason = stated.reason.as_deref().filter(|_| stated.method == AuthMethod::CompAuth).unwrap_or("");
    let one = spoken(event, Told { about, key: stated.result.word(), said: say::of_event(event) });
    Some(Spoken { detail: format!("{domain} {reason}"), ..one })
}

fn is_of_authentication(kind: &VerdictKind) -> bool {
    matches!(kind, VerdictKind::Authentication(_))
}

/// What a filter concluded, did, and by which policy.
fn verdicts<'s>(stay: &'s Stay<'_>, fits: impl Fn(&VerdictKind) -> bool + 's) -> impl Iterator<Item = Spoken> + 's {
    let stated = stay.verdicts.iter().filter_map(|event| Some((*event, verdict(event)?)));
    stated.filter(move |(_, verdict)| fits(&verdict.kind)).flat_map(|(event, verdict)| of_verdict(event, verdict))
}

fn of_verdict(event: &Event, verdict: &Verdict) -> Vec<Spoken> {
    let mut all = Vec::new();
    if verdict.kind != VerdictKind::Unknown {
        let kind = say::of_verdict_kind(&verdict.kind);
        let said = if verdict.said.is_empty() { kind.to_owned() } else { format!("{kind} ({})", verdict.said) };
        all.push(spoken(event, Told { about: Topic::Verdict, key: kind, said }));
    }
    if verdict.action != Action::NotSaid {
        let done = say::done(&verdict.action);
        all.push(spoken(event, Told { about: Topic::Action, key: done, said: done.to_owned() }));
    }
    let policy = verdict.policy.as_ref().and_then(say::policy);
    all.extend(policy.map(|policy| spoken(event, Told { about: Topic::Policy, key: &policy, said: policy.clone() })));
    all
}

fn hold(event: &Event) -> Vec<Spoken> {
    let Fact::Quarantine(held) = event.fact() else { return Vec::new() };
    let policy = held.policy.as_ref().and_then(say::policy).map(|policy| (Topic::Policy, policy));
    let reason = Some(held.said.clone()).filter(|said| !said.is_empty()).map(|said| (Topic::Reason, said));
    let told = policy.into_iter().chain(reason);
    told.map(|(about, said)| spoken(event, Told { about, key: &said.clone(), said })).collect()
}

fn release(event: &Event) -> Option<Spoken> {
    let Fact::Release(release) = event.fact() else { return None };
    let step = format!("{:?}", release.step);
    Some(spoken(event, Told { about: Topic::ReleaseStep, key: &step, said: say::of_event(event) }))
}

/// To whom a copy was handed, by which route, and what the other end said.
fn handed_over(event: &Event) -> Vec<Spoken> {
    let Fact::Handover(handover) = event.fact() else { return Vec::new() };
    let Handover { to, connector, tls, reply: answer, .. } = handover;
    if to.as_ref().is_some_and(Peer::is_loopback) {
        return Vec::new();
    }
    let next = to.as_ref().map(|to| to.name.clone().or(to.ip.clone()).unwrap_or_default());
    let told = [(Topic::NextHop, next.as_ref()), (Topic::Route, connector.as_ref()), (Topic::Tls, tls.as_ref())];
    let stated = told.into_iter().filter_map(|(about, said)| {
        let said = said.filter(|said| !said.is_empty())?;
        Some(spoken(event, Told { about, key: said, said: said.clone() }))
    });
    stated.chain(answer.as_ref().map(|answer| reply(event, answer))).collect()
}

/// What a mailbox, or the store in front of it, did.
fn in_the_mailbox(event: &Event) -> Vec<Spoken> {
    let told: Vec<(Topic, String)> = match event.fact() {
        Fact::Stored(stored) => {
            let folder = stored.folder.as_ref().map(|folder| (Topic::Folder, say::of_folder(folder)));
            // Only what put it somewhere else is a rule that acted.
            let chosen = stored.chosen_by.clone().filter(|_| stored.folder != Some(evidence::Folder::Inbox));
            folder.into_iter().chain(chosen.map(|rule| (Topic::Rule, rule))).collect()
        }
        Fact::PostDelivery { action, folder, .. } => {
            let to = folder.as_ref().map_or(String::new(), |folder| format!(" to {}", say::of_folder(folder)));
            vec![(Topic::AfterDelivery, format!("{}{to}", say::done(action)))]
        }
        Fact::Redirect(Redirect::Forwarded { to, .. }) => {
            let mut to: Vec<String> = to.iter().map(ToString::to_string).collect();
            to.sort_unstable();
            vec![(Topic::Forward, to.join(", "))]
        }
        _ => Vec::new(),
    };
    told.into_iter().map(|(about, said)| spoken(event, Told { about, key: &said.clone(), said })).collect()
}
