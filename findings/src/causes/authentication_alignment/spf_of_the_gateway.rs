//! SPF was checked against the address of the gateway in front, not against the sender's.
//!
//! What it is: Mail comes through a filtering gateway, and the mail system behind it asks whether the gateway may send
//! for the sender's domain. That fails for nearly every sender, and with it DMARC, wherever the signature does not
//! survive the gateway. Enhanced filtering for connectors (skip listing) makes the service look at the address before the
//! gateway.
//!
//! What proves it: the service's own result names the address that it checked, the Received field of its first server
//! shows that address to be the gateway's, and the gateway, which saw the sender's address, says that SPF passed. Without
//! the gateway's word it is likely.
//!
//! What looks alike: a sender whose SPF fails at both; a result that names the sender's own address, as it does where
//! enhanced filtering is at work.
//!
//! Narrow fix: enter the gateway's addresses in the enhanced filtering of its one inbound connector; never an allow
//! entry.
//!
//! Owner: who runs the connector.

use evidence::{AuthMethod, AuthResult, Authentication, Fact, Hop, Layer, Peer};
use layers::Explained;
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

/// The claim, if a result of the copy shows it.
fn risk(copy: &Explained<'_>) -> Option<Claim> {
    let stated = || copy.stays.iter().flat_map(|stay| stay.authentications.iter().copied());
    let spf = |event: &Event| match event.fact() {
        Fact::Authentication(result) if result.method == AuthMethod::Spf => Some(result.clone()),
        _ => None,
    };
    let failed = |result: &Authentication| matches!(result.result, AuthResult::Fail | AuthResult::SoftFail);
    let (behind, result) = stated().find_map(|event| Some((event, spf(event).filter(failed)?)))?;
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
