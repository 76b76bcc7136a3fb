//! The Received fields of one sample as a way: who ran each server, how long each transfer took, and where the clocks
//! cannot be right.

use evidence::{Cite, Fact, Hop, Observation, Peer, System, When};
use jiff::{SignedDuration, Timestamp};
use sources::{Service, ServiceRole, service_of_host};

/// Who runs a server (RFC 5598: the administrative management domain), as far as its name shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admd<'a> {
    /// A mail service.
    Service(&'a str),
    /// The owner of a domain.
    Domain(&'a str),
    /// The field names no host that tells.
    NotNamed,
}

/// A stretch of the way, by whose servers it runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The sender's side: everything before our first server.
    Sender,
    /// A filtering service directly in front of our mail system.
    Gateway,
    /// Our mail system.
    OurSystem,
    /// The mailbox store.
    Mailbox,
}

impl Phase {
    /// All phases in the order of the way.
    pub const ALL: [Phase; 4] = [Phase::Sender, Phase::Gateway, Phase::OurSystem, Phase::Mailbox];
}

/// How long a transfer took, as far as the clocks show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// The first hop whose clock agrees with the others: nothing to measure from.
    First,
    /// Since the hop before it.
    Delay(SignedDuration),
    /// This hop's clock cannot be right beside the others: it is this much ahead (or, if negative, behind). No delay
    /// follows from it.
    Skew(SignedDuration),
    /// The field states no instant that can be read.
    NotStated,
}

/// One hop of the way.
#[derive(Clone, Debug)]
pub struct Leg<'a> {
    /// What the field says.
    pub hop: &'a Hop,
    /// Who wrote it.
    pub speaker: &'a System,
    /// Where it is written.
    pub cite: &'a Cite,
    /// When it was received, by the clock of the server that wrote the field.
    pub when: Option<&'a When>,
    /// Who runs the receiving server.
    pub admd: Admd<'a>,
    /// Which stretch it belongs to.
    pub phase: Phase,
    /// How long the transfer took.
    pub took: Took,
    /// Its share of the whole, in thousandths; `None` if it has no delay or the whole took no time.
    pub share_permille: Option<u32>,
}

/// The way that a sample's Received fields tell, newest first as in the message.
#[derive(Clone, Debug, Default)]
pub struct Hops<'a> {
    /// The hops, newest first.
    pub legs: Vec<Leg<'a>>,
    /// From the first to the last hop whose clocks agree.
    pub total: Option<SignedDuration>,
}

/// A delay this near to whole half hours, over two servers' clocks, may be a clock or zone set wrongly.
const ZONE_STEP: SignedDuration = SignedDuration::from_secs(30 * 60);
const ZONE_SLACK: SignedDuration = SignedDuration::from_secs(90);

impl<'a> Leg<'a> {
    /// The name or address of the receiving server.
    pub fn by(&self) -> Option<&'a Peer> {
        self.hop.by.as_ref()
    }

    /// Whether the delay is about a whole number of half hours, which a wrongly set zone would look like too.
    pub fn may_be_zone(&self) -> bool {
        let Took::Delay(delay) = self.took else { return false };
        let over = delay.as_secs() % ZONE_STEP.as_secs();
        let slack = ZONE_SLACK.as_secs();
        delay >= ZONE_STEP - ZONE_SLACK && (over <= slack || over >= ZONE_STEP.as_secs() - slack)
    }
}

/// Reads the way out of a sample's observations, in the order of the sample.
///
/// `trusted` are names of hosts or domains that the user calls ours (`--trust`).
pub fn hops<'a>(sample: &[&'a Observation], trusted: &[String]) -> Hops<'a> {
    let mut legs: Vec<Leg<'a>> = sample
        .iter()
        .filter_map(|observation| match &observation.fact {
            Fact::Hop(hop) => Some(Leg {
                hop,
                speaker: &observation.speaker,
                cite: &observation.cite,
                when: observation.when.as_ref(),
                admd: admd(hop),
                phase: Phase::Sender,
                took: Took::NotStated,
                share_permille: None,
            }),
            _ => None,
        })
        .collect();
    legs.sort_by_key(|leg| leg.hop.index);
    set_phases(&mut legs, trusted);
    let total = set_delays(&mut legs);
    Hops { legs, total }
}

/// The host of the receiving server, if the field names one that means something outside of it.
pub(crate) fn host_of(hop: &Hop) -> Option<&str> {
    let by = hop.by.as_ref().filter(|by| !by.is_loopback())?;
    by.name.as_deref().filter(|name| name.contains('.'))
}

fn admd(hop: &Hop) -> Admd<'_> {
    match host_of(hop) {
        Some(host) => match service_of_host(host) {
            Some(service) => Admd::Service(&service.name),
            None => service_before(hop).unwrap_or(Admd::Domain(registered(host))),
        },
        None => service_before(hop).unwrap_or(Admd::NotNamed),
    }
}

/// The service whose inner servers handed the message over: then the receiving one is among them, whatever its name.
fn service_before(hop: &Hop) -> Option<Admd<'_>> {
    let from = hop.from.as_ref()?.name.as_deref()?;
    sources::service_within(from).map(|service| Admd::Service(&service.name))
}

/// Second-level labels under which countries register domains.
const SECOND_LEVEL: &[&str] =
    &["ac", "co", "com", "edu", "gov", "gv", "ltd", "me", "mil", "net", "nhs", "or", "org", "plc"];

/// The part of a host's name that its owner registered, as far as its labels show: no list of suffixes is asked, because
/// nothing but the drawing and the question "the same owner?" rests on it.
pub(crate) fn registered(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let is_country = host.len() - last - 1 == 2;
    if is_country && SECOND_LEVEL.contains(&&host[second + 1..last]) {
        return dots.next().map_or(host, |third| &host[third + 1..]);
    }
    &host[second + 1..]
}

/// Whether a host is what the user calls ours, or lies below it.
pub(crate) fn is_named(host: &str, trusted: &[String]) -> bool {
    trusted.iter().any(|name| {
        let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        !name.is_empty() && host.strip_suffix(name.as_str()).is_some_and(|head| head.is_empty() || head.ends_with('.'))
    })
}

/// Our mail system is whoever wrote the topmost field with a name; a filtering service directly below it is our gateway, and
/// so is everything down to the last server that the user calls ours.
fn set_phases(legs: &mut [Leg<'_>], trusted: &[String]) {
    let is_named = |leg: &Leg<'_>| host_of(leg.hop).is_some_and(|host| is_named(host, trusted));
    let Some(ours) = legs.iter().map(|leg| leg.admd).find(|admd| *admd != Admd::NotNamed) else {
        // No field names a host: whoever kept the sample wrote the top of it.
        legs.iter_mut().take(1).for_each(|leg| leg.phase = Phase::OurSystem);
        return;
    };
    let our_end = stretch(legs, 0, |leg| leg.admd == ours);
    let gateway_end = stretch(legs, our_end, |leg| is_gateway(leg.admd));
    let named_end = legs.iter().rposition(is_named).map_or(0, |at| at + 1);
    let mut in_store = true;
    for (at, leg) in legs.iter_mut().enumerate() {
        in_store &= is_store(leg.hop);
        leg.phase = if at < our_end {
            if in_store { Phase::Mailbox } else { Phase::OurSystem }
        } else if at < gateway_end.max(named_end) {
            Phase::Gateway
        } else {
            Phase::Sender
        };
    }
}

/// Where a stretch of hops that belong together ends: after the last one that does; hops that name no host may stand between.
fn stretch<'l>(legs: &[Leg<'l>], start: usize, belongs: impl Fn(&Leg<'l>) -> bool) -> usize {
    let reach = legs[start..].iter().take_while(|leg| leg.admd == Admd::NotNamed || belongs(leg)).count();
    legs[start..start + reach].iter().rposition(belongs).map_or(start, |last| start + last + 1)
}

fn is_gateway(admd: Admd<'_>) -> bool {
    let gateway = |name: &str| {
        let service: Option<&Service> = sources::service_of_name(name);
        service.is_some_and(|service| service.role == ServiceRole::Gateway)
    };
    matches!(admd, Admd::Service(name) if gateway(name))
}

/// Whether the field is the mailbox store's own: LMTP (RFC 2033), or local delivery.
fn is_store(hop: &Hop) -> bool {
    let with = hop.with.as_deref().unwrap_or("").to_ascii_lowercase();
    with.starts_with("lmtp") || with == "local" || with == "mapi"
}

/// Sets the delays and gives the whole time.
///
/// Clocks that agree with each other are the longest run of hops whose instants never go back on the way from sender to
/// mailbox. A hop outside of the run is shown as skew, and the hops beside it are measured from each other, so that the sum
/// is not touched by it.
fn set_delays(legs: &mut [Leg<'_>]) -> Option<SignedDuration> {
    let way: Vec<(usize, Timestamp)> =
        legs.iter().enumerate().rev().filter_map(|(at, leg)| Some((at, leg.when?.at))).collect();
    let agreeing = agreeing(&way.iter().map(|(_, at)| *at).collect::<Vec<_>>());
    let (mut before, mut first): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    for (place, (leg, at)) in way.iter().enumerate() {
        let took = if agreeing.contains(&place) {
            let took = before.map_or(Took::First, |before| Took::Delay(at.duration_since(before)));
            first = first.or(Some(*at));
            before = Some(*at);
            took
        } else {
            // Right would be anything between its neighbours; the nearer end of that is the least that it is wrong by.
            let next = way[place + 1..].iter().enumerate().find(|(later, _)| agreeing.contains(&(place + 1 + later)));
            match (before, next.map(|(_, (_, at))| *at)) {
                (_, Some(next)) if *at > next => Took::Skew(at.duration_since(next)),
                (Some(before), _) if *at < before => Took::Skew(at.duration_since(before)),
                _ => Took::NotStated,
            }
        };
        legs[*leg].took = took;
    }
    let total = before?.duration_since(first?);
    for leg in legs.iter_mut() {
        if let Took::Delay(delay) = leg.took
            && total > SignedDuration::ZERO
        {
            let share = delay.as_millis().saturating_mul(1000) / total.as_millis().max(1);
            leg.share_permille = u32::try_from(share).ok();
        }
    }
    Some(total)
}

/// The places of the longest run that never goes back; of several the one that takes the least time, so that no delay is
/// made up, and of those the one nearest to us.
fn agreeing(instants: &[Timestamp]) -> Vec<usize> {
    // For each hop the best run that ends there: how many hops, and when it starts.
    let mut best: Vec<(usize, Timestamp)> = instants.iter().map(|at| (1, *at)).collect();
    let mut from: Vec<Option<usize>> = vec![None; instants.len()];
    for at in 0..instants.len() {
        for before in (0..at).filter(|before| instants[*before] <= instants[at]) {
            let longer = (best[before].0 + 1, best[before].1);
            if longer >= best[at] && longer.0 > 1 {
                best[at] = longer;
                from[at] = Some(before);
            }
        }
    }
    let took = |at: usize| instants[at].duration_since(best[at].1);
    let mut next = (0..instants.len()).max_by_key(|at| (best[*at].0, std::cmp::Reverse(took(*at)), *at));
    let mut found = Vec::new();
    while let Some(at) = next {
        found.push(at);
        next = from[at];
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_registered() {
        for (host, expected) in [
            ("mx1.example.com", "example.com"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("example.com", "example.com"),
            ("mail.example.de", "example.de"),
            ("localhost", "localhost"),
            ("mail.example.com.br", "example.com.br"),
            ("mx.com.de", "mx.com.de"),
        ] {
            assert_eq!(registered(host), expected, "{host}");
        }
    }

    #[test]
    fn ok_agreeing() {
        let at = |seconds: &[i64]| -> Vec<Timestamp> {
            seconds.iter().map(|second| Timestamp::from_second(*second).expect("an instant")).collect()
        };
        for (name, seconds, expected) in [
            ("in order", vec![1, 2, 2, 3], vec![0, 1, 2, 3]),
            ("one behind", vec![10, 4, 11, 12], vec![0, 2, 3]),
            ("the first ahead", vec![100, 10, 11], vec![1, 2]),
            ("two that disagree: the nearer to us is kept", vec![10, 4], vec![1]),
            ("none", vec![], vec![]),
        ] {
            assert_eq!(agreeing(&at(&seconds)), expected, "{name}");
        }
    }
}
