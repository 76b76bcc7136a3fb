//! The replies that a copy's records carry, explained.

use std::collections::HashSet;

use evidence::{Cite, DsnAction, Fact, Layer, Outcome, Peer, Reply};
use layers::{End, Explained as Copy, Stay};
use trace::Event;

use super::{Explained, List, Speaker, explain_by};

/// A reply that a copy met, with what it means.
#[derive(Clone, Debug)]
pub struct CopyReply {
    /// The reply.
    pub reply: Reply,
    /// Who gave it: the host as the record names it, else the system that wrote the record.
    pub from: String,
    /// What it means.
    pub explained: Explained,
    /// The layer that said it.
    pub layer: Option<Layer>,
    /// Where it is written.
    pub cites: Vec<Cite>,
}

/// How many replies of one copy are told.
const MAX_TOLD: usize = 4;

/// The replies that refused a copy or put it off: the one that decided first, then earlier ones that tell something else, each
/// once. What the sending system made up because it got no answer counts as its reply.
pub fn of_copy(copy: &Copy<'_>) -> Vec<CopyReply> {
    let decided = copy.decided_at;
    let order = |at: usize| (Some(at) != decided, usize::MAX - at);
    let mut stays: Vec<(usize, &Stay<'_>)> = copy.stays.iter().enumerate().collect();
    stays.sort_by_key(|(at, _)| order(*at));
    let mut told: Vec<CopyReply> = Vec::new();
    let mut seen = HashSet::new();
    for (at, stay) in stays {
        let decider = if Some(at) == decided { decider(&stay.end) } else { None };
        let events = stay.arrivals.iter().chain(&stay.handovers).chain(&stay.dsns).rev();
        for event in decider.into_iter().chain(events.copied()) {
            let Some((reply, host)) = refusal(event) else { continue };
            let Some(explained) = explain_by(reply, speaker(event, reply, host)) else { continue };
            let meaning = &explained.meaning;
            let key = (reply.enhanced_status_code.clone(), meaning.cause.clone(), meaning.means.clone());
            if !seen.insert(key) {
                let same = told.iter_mut().find(|told| {
                    told.reply.enhanced_status_code == reply.enhanced_status_code && told.explained.meaning == *meaning
                });
                if let Some(same) = same
                    && same.cites.len() < MAX_TOLD
                    && same.cites.iter().all(|cite| cite.order() != event.observation.cite.order())
                {
                    same.cites.push(event.observation.cite.clone());
                }
                continue;
            }
            if told.len() == MAX_TOLD {
                continue;
            }
            let from = host.map(Peer::to_string).unwrap_or_else(|| match (event.fact(), &explained.speaker) {
                // A notice that names no host is known by its words at most.
                (Fact::Dsn(_), Some(speaker)) => speaker.clone(),
                (Fact::Dsn(_), None) => "a server that is not named".to_owned(),
                _ => event.observation.speaker.to_string(),
            });
            let layer = layer_of(&explained, event);
            told.push(CopyReply { reply: reply.clone(), from, explained, layer, cites: layers::cites([event]) });
        }
    }
    told
}

/// The event that says how a stay ended, where a reply can stand in it; of one given up on the last attempt.
fn decider<'t>(end: &End<'t>) -> Option<&'t Event> {
    match *end {
        End::Refused(event) | End::PutOff(event) | End::Deferred(event) | End::HandoverRefused(event) => Some(event),
        End::GaveUp(expired, last) => Some(last.unwrap_or(expired)),
        _ => None,
    }
}

/// The reply of an event that refused or put off, and the host that gave it.
pub(super) fn refusal(event: &Event) -> Option<(&Reply, Option<&Peer>)> {
    match event.fact() {
        Fact::Arrival(arrival) if matches!(arrival.outcome, Outcome::Refused | Outcome::Deferred) => {
            Some((arrival.reply.as_ref()?, None))
        }
        Fact::Handover(handover) if matches!(handover.outcome, Outcome::Refused | Outcome::Deferred) => {
            let host = handover.to.as_ref().filter(|_| handover.spoken_by_next_hop);
            Some((handover.reply.as_ref()?, host))
        }
        Fact::Dsn(dsn) if matches!(dsn.action, DsnAction::Failed | DsnAction::Delayed) => {
            Some((&dsn.reply, dsn.remote.as_ref().or(dsn.reporting.as_ref())))
        }
        _ => None,
    }
}

/// Who gave the reply of an event: a host or words that are a service's, else the service whose own record it is.
pub(super) fn speaker(event: &Event, reply: &Reply, host: Option<&Peer>) -> Speaker {
    let is_own = match event.fact() {
        Fact::Arrival(_) => true,
        Fact::Handover(handover) => !handover.spoken_by_next_hop,
        _ => false,
    };
    match (super::speaker(&reply.text.to_lowercase(), host), List::of_product(&event.observation.speaker.product)) {
        (Speaker::Unknown, Some(list)) if is_own => Speaker::Words(list),
        (speaker, _) => speaker,
    }
}

/// The layer of a reply: that of its meaning; where two may say it, the door's for whoever stood there.
fn layer_of(explained: &Explained, event: &Event) -> Option<Layer> {
    match explained.meaning.layers.as_slice() {
        [] => None,
        [one] => Some(*one),
        several => {
            let by_record = if matches!(event.fact(), Fact::Arrival(_)) { Layer::Arrival } else { Layer::Delivery };
            several.contains(&by_record).then_some(by_record)
        }
    }
}
