//! Orders the systems that one passage of a message went through.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Access, Address, Fact, Identifier, Outcome, Peer, Product, SourceId, System};
use jiff::Timestamp;

use crate::passage::{Passage, place_of};
use crate::{Event, is_sample};

/// What tells two stations of one passage apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) system: System,
    /// The queue id, for mail servers that give a message a new one each time it comes in.
    pub(crate) queue_id: Option<Identifier>,
}

/// All that is said at one station, about whichever copy.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) key: Key,
    pub(crate) events: Vec<Event>,
}

impl Stop {
    /// Recipients that records of this stop name.
    pub(crate) fn recipients(&self) -> BTreeSet<&Address> {
        self.events.iter().flat_map(|event| &event.observation.about.envelope_recipients).collect()
    }

    fn ids(&self) -> BTreeSet<&Identifier> {
        self.events.iter().flat_map(|event| &event.observation.about.ids).filter(|id| id.is_strong()).collect()
    }

    /// The first instant of a record of the system itself; a sample's or a notice's only if there is no other.
    fn start(&self) -> Option<Timestamp> {
        let first = |own: bool| {
            let told_later = |event: &&Event| {
                is_sample(event.source) || matches!(event.fact(), Fact::Dsn(_) | Fact::NoticeSent { .. })
            };
            self.events.iter().filter(|event| told_later(event) != own).filter_map(Event::at).min()
        };
        first(true).or_else(|| first(false))
    }
}

/// The stops of a passage in the order of the way, and what stands beside them (hops, identity from a sample).
pub(crate) fn stops(passage: &Passage) -> (Vec<Stop>, Vec<Event>) {
    let queue_of = queue_ids(passage);
    let mut at: BTreeMap<Key, Vec<Event>> = BTreeMap::new();
    let mut beside = Vec::new();
    for event in &passage.events {
        match key_of(event, &queue_of) {
            Some(key) => at.entry(key).or_default().push(event.clone()),
            None => beside.push(event.clone()),
        }
    }
    let stops: Vec<Stop> = at.into_iter().map(|(key, events)| Stop { key, events }).collect();
    let mut ordered = in_order(adopt(stops), &passage.links);
    for stop in &mut ordered {
        stop.events.sort_by_key(place_in_time);
    }
    (ordered, beside)
}

/// Where an event stands among those of its stop; of two kinds of export that bear the same instant the kind decides, never
/// how far down in each the row happens to stand.
fn place_in_time(event: &Event) -> (Option<Timestamp>, u8, SourceId, u64) {
    (event.at(), rank(event.fact()), event.source, event.observation.cite.bytes.start)
}

/// The queue id that other ids of a filter (amavis's mail id) stand with.
fn queue_ids(passage: &Passage) -> BTreeMap<Identifier, Identifier> {
    let mut found = BTreeMap::new();
    for event in &passage.events {
        let ids = &event.observation.about.ids;
        let Some(queue) = ids.iter().find(|id| matches!(id, Identifier::QueueId { .. })) else { continue };
        for id in ids.iter().filter(|id| matches!(id, Identifier::MailId(_))) {
            found.entry(id.clone()).or_insert_with(|| queue.clone());
        }
    }
    found
}

/// Where a statement belongs; `None` for what a sample says of itself.
fn key_of(event: &Event, queue_of: &BTreeMap<Identifier, Identifier>) -> Option<Key> {
    let observation = &event.observation;
    if is_sample(event.source) && matches!(event.fact(), Fact::Identity(_) | Fact::Hop(_) | Fact::Note { .. }) {
        return None;
    }
    let system = place_of(&observation.speaker);
    match system.product {
        Product::Postfix | Product::Amavis | Product::Rspamd => {
            let queue = observation.about.ids.iter().find(|id| matches!(id, Identifier::QueueId { .. })).cloned();
            let queue = queue.or_else(|| observation.about.ids.iter().find_map(|id| queue_of.get(id)).cloned());
            let system = match (&queue, &system.product) {
                (Some(Identifier::QueueId { host, .. }), _) => System::at(Product::Postfix, host.clone()),
                _ => system,
            };
            Some(Key { system, queue_id: queue })
        }
        // A program that a mail server asks (a milter, a policy service) speaks of the message in the server's hands.
        Product::Other(_) if event.source == "postfix/log" => {
            let queue = observation.about.ids.iter().find(|id| matches!(id, Identifier::QueueId { .. })).cloned();
            match &queue {
                Some(Identifier::QueueId { host, .. }) => {
                    Some(Key { system: System::at(Product::Postfix, host.clone()), queue_id: queue })
                }
                _ => Some(Key { system, queue_id: None }),
            }
        }
        Product::Exim => {
            let queue = observation.about.ids.iter().find(|id| matches!(id, Identifier::QueueId { .. })).cloned();
            Some(Key { system, queue_id: queue })
        }
        _ => Some(Key { system, queue_id: None }),
    }
}

/// Puts statements without a queue id (a notice, a header) to the stop of the same product that has one, if there is
/// exactly one.
fn adopt(stops: Vec<Stop>) -> Vec<Stop> {
    let (mut settled, waiting): (Vec<Stop>, Vec<Stop>) = stops.into_iter().partition(|stop| {
        stop.key.queue_id.is_some()
            || !(matches!(stop.key.system.product, Product::Postfix | Product::Amavis | Product::Rspamd)
                || is_asked_by_postfix(stop))
    });
    for stop in waiting {
        let mut same = settled
            .iter_mut()
            .filter(|other| other.key.system.product == Product::Postfix && other.key.queue_id.is_some());
        match (same.next(), same.next()) {
            (Some(only), None) if stop.events.iter().all(|event| !matches!(event.fact(), Fact::Arrival(_))) => {
                only.events.extend(stop.events);
            }
            _ => settled.push(stop),
        }
    }
    settled
}

/// Whether nothing but a program that a mail server asked speaks, in the server's own log.
fn is_asked_by_postfix(stop: &Stop) -> bool {
    matches!(stop.key.system.product, Product::Other(_))
        && stop.events.iter().all(|event| event.source == "postfix/log")
}

/// Orders stops by stated links and by who handed over to whom, then by their first instant, then by what usually comes
/// first.
fn in_order(mut stops: Vec<Stop>, links: &[(Identifier, Identifier)]) -> Vec<Stop> {
    stops.sort_by_key(|stop| (stop.start(), usual_place(&stop.key.system)));
    let after = known_after(&stops, links);
    let mut waits_for = vec![0usize; stops.len()];
    after.iter().flatten().for_each(|to| waits_for[*to] += 1);
    let mut waiting: Vec<usize> = (0..stops.len()).collect();
    let mut stops: Vec<Option<Stop>> = stops.into_iter().map(Some).collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        // The earliest stop that no waiting stop is stated to precede; in a ring of statements, simply the earliest.
        let next = waiting.iter().position(|at| waits_for[*at] == 0).unwrap_or(0);
        let next = waiting.remove(next);
        after[next].iter().for_each(|to| waits_for[*to] -= 1);
        ordered.extend(stops[next].take());
    }
    ordered
}

/// For each stop the stops that come after it, whatever the clocks say: those to which a record states that it handed
/// over, and those behind a gateway. A loop of mail may have a thousand stops, so
/// that no pair of them is compared twice, and links are looked up.
fn known_after(stops: &[Stop], links: &[(Identifier, Identifier)]) -> Vec<BTreeSet<usize>> {
    let ids: Vec<BTreeSet<&Identifier>> = stops.iter().map(Stop::ids).collect();
    let mut stops_of: BTreeMap<&Identifier, Vec<usize>> = BTreeMap::new();
    for (at, ids) in ids.iter().enumerate() {
        ids.iter().for_each(|id| stops_of.entry(id).or_default().push(at));
    }
    let with = |id| stops_of.get(id).map_or(&[][..], Vec::as_slice);
    let mut after = vec![BTreeSet::new(); stops.len()];
    for (left, right) in links {
        for from in with(left).iter().filter(|from| !ids[**from].contains(right)) {
            after[*from].extend(with(right));
        }
    }
    let mut stops_at: BTreeMap<&System, Vec<usize>> = BTreeMap::new();
    stops.iter().enumerate().for_each(|(at, stop)| stops_at.entry(&stop.key.system).or_default().push(at));
    for (at, from) in stops.iter().enumerate() {
        let named = stops_at.iter().filter(|(system, _)| **system != &from.key.system && hands_to(from, system));
        named.for_each(|(_, stops)| after[at].extend(stops));
        after[at].remove(&at);
    }
    let of = |product: Product| (0..stops.len()).filter(move |at| stops[*at].key.system.product == product);
    for gateway in of(Product::Mimecast) {
        for service in of(Product::ExchangeOnline) {
            if goes(&stops[gateway], Access::Inbound) {
                after[gateway].insert(service);
            }
            if goes(&stops[gateway], Access::Outbound) {
                after[service].insert(gateway);
            }
        }
    }
    after
}

/// Whether a record of a stop names a system as the one that took it, or refused.
fn hands_to(from: &Stop, to: &System) -> bool {
    from.events.iter().any(|event| match event.fact() {
        Fact::Handover(handover) => {
            let said = handover.reply.as_ref().map_or("", |reply| reply.text.as_str());
            names(handover.to.as_ref(), said, to)
        }
        Fact::Dsn(dsn) => names(dsn.remote.as_ref(), "", to),
        _ => false,
    })
}

/// Whether a gateway's own word for the direction is this one: inbound mail passes the gateway first, outbound mail last.
fn goes(gateway: &Stop, direction: Access) -> bool {
    gateway.events.iter().any(|event| {
        matches!(event.fact(), Fact::Identity(identity) if identity.direction == Some(direction))
            && !is_sample(event.source)
    })
}

/// Whether a peer, or the words it answered with, are those of a system.
pub(crate) fn names(peer: Option<&Peer>, said: &str, system: &System) -> bool {
    let name = peer.and_then(|peer| peer.name.as_deref()).unwrap_or("");
    match &system.product {
        Product::ExchangeOnline => is_exchange_online(name) || said.contains(".outlook.com"),
        Product::Mimecast => name.ends_with(".mimecast.com"),
        Product::GoogleWorkspace => {
            name.ends_with(".google.com") || name.ends_with(".googlemail.com") || said.contains(" - gsmtp")
        }
        Product::Proofpoint => name.ends_with(".pphosted.com") || name.ends_with(".ppe-hosted.com"),
        Product::Dovecot => false,
        _ => system.instance.as_deref().is_some_and(|instance| {
            let host = instance.split('/').next().unwrap_or(instance);
            name.split('.').next() == Some(host)
        }),
    }
}

/// Whether a host name is one of Exchange Online's.
pub(crate) fn is_exchange_online(name: &str) -> bool {
    name.ends_with(".protection.outlook.com") || name.ends_with(".prod.outlook.com") || name.ends_with(".mx.microsoft")
}

/// What usually comes first when instants do not tell: gateways, then the cloud service, then the mailbox store.
fn usual_place(system: &System) -> u8 {
    match system.product {
        Product::Other(_) => 0,
        Product::Postfix
        | Product::Amavis
        | Product::Rspamd
        | Product::Exim
        | Product::ProxmoxMailGateway
        | Product::CiscoSecureEmail => 1,
        Product::Mimecast | Product::Proofpoint => 2,
        Product::ExchangeOnline | Product::GoogleWorkspace | Product::Entra => 3,
        Product::Dovecot => 4,
    }
}

/// Causal order of facts that bear the same instant.
fn rank(fact: &Fact) -> u8 {
    match fact {
        Fact::Identity(_) => 0,
        Fact::Hop(_) => 1,
        Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted => 2,
        Fact::Authentication(_) => 3,
        Fact::Verdict(_) => 4,
        Fact::Arrival(_) => 5,
        Fact::Redirect(_) => 6,
        Fact::Quarantine(_) => 7,
        Fact::Release(_) => 8,
        Fact::Status(_) => 9,
        Fact::Note { .. } => 10,
        Fact::Handover(_) => 11,
        Fact::Discarded { .. } => 12,
        Fact::Stored(_) => 13,
        Fact::Dsn(_) => 14,
        Fact::Expired => 15,
        Fact::NoticeSent { .. } => 16,
        Fact::PostDelivery { .. } => 17,
        Fact::Closed => 18,
        _ => 10, // what the message carries, and what is not about its way
    }
}
