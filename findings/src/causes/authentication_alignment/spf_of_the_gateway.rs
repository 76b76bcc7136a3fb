//! SPF was checked against the address of the gateway in front, not against the sender's.
//!
//! What it is: Mail comes through a filtering gateway, and the mail system behind it asks whether the gateway may send
//! for the sender's domain. That fails for nearly every sender, and with it DMARC, wherever the signature does not
//! survive the gateway. Enhanced filtering for connectors (skip listing) makes the service look at the address before the
//! gateway.
//!
//! What proves it: the service's own record names the address that it checked; the gateway's records of the same copy, or the
//! Received field of the service's first server, show that address to be the gateway's; and the gateway, which saw the
//! sender's address, says that SPF or DMARC passed. Without the gateway's word it is likely. Where the failure is why the
//! copy was stopped, and nothing else explains it, this is the cause in its place.
//!
//! What looks alike: a sender whose check fails at both; a result that names the sender's own address, as it does where
//! enhanced filtering is at work.
//!
//! Narrow fix: enter the gateway's addresses in the enhanced filtering of its one inbound connector; never an allow
//! entry.
//!
//! Owner: who runs the connector.

use evidence::{AuthMethod, AuthResult, Authentication, Fact, Hop, Layer, Outcome, Peer};
use layers::{Explained, Stay};
use sources::{ServiceRole, service_of_host};
use trace::Event;

use crate::causes::{Cause, claim};
use crate::{Claim, Scene, Standing};

/// `authentication-alignment/spf-of-the-gateway`
pub(super) struct Rule;

const ID: &str = "authentication-alignment/spf-of-the-gateway";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("spf_of_the_gateway.rs")
    }

    fn risk(&self, copy: &Explained<'_>, _: &Scene<'_>) -> Option<Claim> {
        risk(copy)
    }
}

/// What stands in the place of a failed check as the cause, where the records of the gateway in front show that it was the gateway's
/// address that was checked, and none of them speaks against the sender.
pub(super) fn in_place_of(copy: &Explained<'_>, cause: &Claim) -> Option<Claim> {
    let at = copy.decided_at?;
    let (behind, in_front) = (copy.stays.get(at)?, &copy.stays[..at]);
    let spf = failed_spf(behind)?;
    let (address, seen) = checked(behind, spf)?;
    let gateway = in_front.iter().rev().find(|stay| stay.handovers.iter().any(|event| was_handed_over(event)))?;
    let came = in_front.iter().flat_map(|stay| &stay.arrivals).find_map(|event| Some((*event, outside(event)?)));
    let (arrival, outside) = came.filter(|(_, outside)| *outside != address)?;
    let results = || in_front.iter().flat_map(|stay| stay.authentications.iter().copied());
    if results().any(|event| is_of_the_sender(event, is_failure)) {
        return None;
    }
    let passed = results().find(|event| is_of_the_sender(event, |result| result.result == AuthResult::Pass));
    let front = &gateway.station.system;
    let (standing, word) = match passed {
        Some(event) => (cause.standing, format!("{front} says {}", layers::of_event(event))),
        None => (cause.standing.max(Standing::Likely), format!("what {front} found is not in the evidence")),
    };
    let statement = format!(
        "{}; checked was {address}, from which {front} handed it over, and not {outside}, from which it had come to {front}: {word}.          Enhanced filtering was not at work for this message",
        cause.statement
    );
    let handed = gateway.handovers.iter().copied().find(|event| was_handed_over(event));
    let events = [spf, seen, arrival].into_iter().chain(handed).chain(passed);
    let mut cites = cause.cites.clone();
    for cite in layers::cites(events) {
        if !cites.iter().any(|known| known.order() == cite.order()) {
            cites.push(cite);
        }
    }
    let ask_for = vec!["exchange-online/connectors"];
    Some(Claim { id: ID.to_owned(), standing, layer: Layer::Authentication, statement, cites, ask_for })
}

fn failed_spf<'t>(stay: &Stay<'t>) -> Option<&'t Event> {
    let is_spf = |result: &Authentication| result.method == AuthMethod::Spf && is_failure(result);
    stay.authentications
        .iter()
        .copied()
        .find(|event| matches!(event.fact(), Fact::Authentication(result) if is_spf(result)))
}

/// The address that a system checked, or else took the copy from, and the record that names it.
fn checked<'t>(stay: &Stay<'t>, spf: &'t Event) -> Option<(String, &'t Event)> {
    let stated = match spf.fact() {
        Fact::Authentication(result) => result.client.clone(),
        _ => None,
    };
    let took = || stay.arrivals.iter().find_map(|event| Some((outside(event)?, *event)));
    let by_word = || {
        stay.words.iter().find_map(|event| match event.fact() {
            Fact::Status(status) => Some((status.from.as_ref()?.ip.clone()?, *event)),
            _ => None,
        })
    };
    stated.map(|address| (address, spf)).or_else(took).or_else(by_word)
}

/// The address of another machine from which a system took the copy.
fn outside(event: &Event) -> Option<String> {
    let Fact::Arrival(arrival) = event.fact() else { return None };
    let client = arrival.client.as_ref().filter(|client| arrival.outcome == Outcome::Accepted && !client.is_loopback());
    client?.ip.clone()
}

fn was_handed_over(event: &Event) -> bool {
    matches!(event.fact(), Fact::Handover(handover) if handover.outcome == Outcome::Accepted)
}

fn is_failure(result: &Authentication) -> bool {
    matches!(result.result, AuthResult::Fail | AuthResult::SoftFail)
}

/// Whether a result is about whether the sender may send for its domain, and is like this.
fn is_of_the_sender(event: &Event, like: impl Fn(&Authentication) -> bool) -> bool {
    matches!(event.fact(), Fact::Authentication(result)
        if matches!(result.method, AuthMethod::Spf | AuthMethod::Dmarc) && like(result))
}

/// The claim, if a result of the copy shows it.
fn risk(copy: &Explained<'_>) -> Option<Claim> {
    let stated = || copy.stays.iter().flat_map(|stay| stay.authentications.iter().copied());
    let spf = |event: &Event| match event.fact() {
        Fact::Authentication(result) if result.method == AuthMethod::Spf => Some(result.clone()),
        _ => None,
    };
    let (behind, result) = stated().find_map(|event| Some((event, spf(event).filter(is_failure)?)))?;
    let checked = result.client.as_deref()?;
    let (hop, gateway) = hop_from(copy, behind, checked)?;
    let passed = stated().find(|event| {
        event.observation.speaker != behind.observation.speaker
            && spf(event).is_some_and(|other| other.result == AuthResult::Pass && other.domain == result.domain)
    });
    let name = gateway.name.as_deref().unwrap_or(checked);
    let domain = result.domain.as_deref().unwrap_or("the sender's domain");
    let speaker = &behind.observation.speaker;
    let (standing, seen) = match passed {
        Some(event) => (
            Standing::Proved,
            format!("{}, which saw the sender's own address, says that SPF passed", event.observation.speaker),
        ),
        None => (Standing::Likely, "the gateway's own result is not in the evidence".to_owned()),
    };
    let statement = format!(
        "{speaker} checked SPF of {domain} against {checked}, the address of the gateway {name}, not against the \
         sender's; {seen}. Enhanced filtering was not at work for this message"
    );
    let found = claim(ID, standing, Layer::Authentication, statement, [behind, hop].into_iter().chain(passed));
    Some(Claim { ask_for: vec!["exchange-online/connectors"], ..found })
}

/// The transfer in which the speaker's side took the message from this address, if the other end is a gateway.
fn hop_from<'c>(copy: &'c Explained<'_>, behind: &Event, address: &str) -> Option<(&'c Event, Peer)> {
    let from = |hop: &Hop| hop.from.clone().filter(|from| from.ip.as_deref() == Some(address));
    copy.copy.beside.iter().find_map(|event| {
        let Fact::Hop(hop) = event.fact() else { return None };
        let from = from(hop).filter(|_| event.observation.speaker.product == behind.observation.speaker.product)?;
        let service = from.name.as_deref().and_then(service_of_host);
        service.filter(|service| service.role == ServiceRole::Gateway).map(|_| (event, from))
    })
}
