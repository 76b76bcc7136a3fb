//! Puts together what carries the same ids: one passage is one message as one or more systems handled it once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Address, Fact, Identifier, NextHop, Observation, Outcome, Product, ReleaseStep, Scope, System};
use jiff::{SignedDuration, Timestamp};
use lake::Entry;

use crate::{Event, Join, is_sample};

/// Records that ids or stated links hold together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passage {
    /// The records.
    pub(crate) events: Vec<Event>,
    /// Ids that name one message within a system.
    pub(crate) ids: BTreeSet<Identifier>,
    /// Links that a record states: the message went on from the first id to the second.
    pub(crate) links: Vec<(Identifier, Identifier)>,
    /// The transport of notices about it.
    pub(crate) notices: Vec<Event>,
}

impl Passage {
    /// Message-IDs that its records carry.
    pub(crate) fn message_ids(&self) -> BTreeSet<&str> {
        self.events.iter().filter_map(|event| event.observation.about.message_id()).collect()
    }

    /// Recipients that its records name.
    pub(crate) fn recipients(&self) -> BTreeSet<&Address> {
        self.events.iter().flat_map(|event| &event.observation.about.envelope_recipients).collect()
    }

    /// First and last instant that its records (not the sample's header fields, if there are others) state.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let of = |sample: bool| {
            let instants =
                || self.events.iter().filter(move |event| is_sample(event.source) == sample).filter_map(Event::at);
            instants().min().zip(instants().max())
        };
        of(false).or_else(|| of(true))
    }

    /// The systems that speak in it.
    pub(crate) fn systems(&self) -> BTreeSet<System> {
        self.events
            .iter()
            .filter(|event| !is_sample(event.source))
            .map(|event| place_of(&event.observation.speaker))
            .collect()
    }

    /// Whether its records say that it was kept back, and nothing of what came after.
    pub(crate) fn was_held(&self) -> bool {
        self.says(|fact| matches!(fact, Fact::Quarantine(_))) && !self.says(|fact| matches!(fact, Fact::Release(_)))
    }

    /// Whether it comes out of a quarantine: its records state a release, and no hold of their own.
    pub(crate) fn was_let_go(&self) -> bool {
        let is_release = |fact: &Fact| matches!(fact, Fact::Release(release) if release.step == ReleaseStep::Released);
        self.says(is_release) && !self.says(|fact| matches!(fact, Fact::Quarantine(_)))
    }

    fn says(&self, wanted: impl Fn(&Fact) -> bool) -> bool {
        self.events.iter().filter(|event| !is_sample(event.source)).any(|event| wanted(event.fact()))
    }

    /// Whether it ended at a door with a reply of class 4: nothing but an arrival is known, and the last word was "later".
    pub(crate) fn was_put_off(&self) -> bool {
        let outcome = |event: &Event| match event.fact() {
            Fact::Arrival(arrival) if arrival.scope == Scope::Enforced => Some(arrival.outcome),
            _ => None,
        };
        let went_on = self.events.iter().filter(|event| !is_sample(event.source)).any(|event| {
            matches!(event.fact(), Fact::Handover(_) | Fact::Stored(_) | Fact::Quarantine(_) | Fact::Discarded { .. })
        });
        let last = self.events.iter().filter(|event| outcome(event).is_some()).max_by_key(|event| {
            (event.at(), outcome(event) != Some(Outcome::Accepted), event.observation.cite.bytes.start)
        });
        !went_on && last.and_then(outcome) == Some(Outcome::Deferred)
    }

    pub(crate) fn take(&mut self, other: Passage) {
        self.events.extend(other.events);
        self.ids.extend(other.ids);
        self.links.extend(other.links);
        self.notices.extend(other.notices);
    }
}

/// The system as far as one message has one id in it: a tenant's cloud service is one, each host of a mail server is one.
pub(crate) fn place_of(speaker: &System) -> System {
    match speaker.product {
        Product::ExchangeOnline | Product::Mimecast => System::of(speaker.product.clone()),
        _ => speaker.clone(),
    }
}

/// The ids under which notices about messages travelled.
pub(crate) fn notice_ids(entries: &[Entry]) -> BTreeSet<Identifier> {
    entries
        .iter()
        .filter_map(|entry| match &entry.observation.fact {
            Fact::NoticeSent { notice } => notice.clone(),
            _ => None,
        })
        .collect()
}

/// The id under which a notice travelled, on the record that announces it.
fn announced_notice(observation: &Observation) -> Option<&Identifier> {
    match &observation.fact {
        Fact::NoticeSent { notice } => notice.as_ref(),
        _ => None,
    }
}

/// Puts entries into passages: one for each set of ids held together, and one for each record without such an id (each
/// sample file stays one).
pub(crate) fn by_id(entries: &[Entry]) -> Vec<Passage> {
    let notices = notice_ids(entries);
    let mut sets = Sets::default();
    let mut links = Vec::new();
    for Entry { observation, .. } in entries {
        if observation.about.ids.iter().any(|id| notices.contains(id)) {
            continue;
        }
        let own: Vec<&Identifier> = strong(observation).collect();
        for id in &own {
            sets.unite(own[0], id);
        }
        for (from, to) in stated_links(observation) {
            sets.unite(&from, &to);
            links.push((from, to));
        }
    }
    for (from, to) in released_links(entries, &notices) {
        sets.unite(&from, &to);
        links.push((from, to));
    }
    let sent_at = sent_at(entries);
    for (from, to) in handed_back_links(entries, &notices) {
        sets.unite(&from, &to);
        links.push((from, to));
    }
    let mut held: BTreeMap<usize, Passage> = BTreeMap::new();
    let mut loose: BTreeMap<(String, u64), Passage> = BTreeMap::new();
    let mut of_notices: Vec<&Entry> = Vec::new();
    for entry in entries {
        let observation = &entry.observation;
        if observation.about.ids.iter().any(|id| notices.contains(id)) {
            of_notices.push(entry);
            continue;
        }
        let event = |join| Event { observation: observation.clone(), source: entry.source, join };
        match strong(observation).next() {
            Some(id) => {
                let passage = held.entry(sets.find(id)).or_default();
                passage.ids.extend(strong(observation).cloned());
                passage.events.push(event(Join::ById));
            }
            None if sent_at.is_some_and(|sent_at| is_too_early(observation, sent_at)) => {}
            None => {
                let record = if is_sample(entry.source) { 0 } else { observation.cite.bytes.start + 1 };
                let key = (observation.cite.file.to_string(), record);
                loose.entry(key).or_default().events.push(event(Join::Correlated));
            }
        }
    }
    for link in links {
        if let Some(passage) = held.get_mut(&sets.find(&link.0)) {
            passage.links.push(link);
        }
    }
    attach_notices(&mut held, &of_notices);
    held.into_values().chain(loose.into_values()).collect()
}

/// Ids of a record that name one message within a system.
pub(crate) fn strong(observation: &Observation) -> impl Iterator<Item = &Identifier> {
    observation.about.ids.iter().filter(|id| id.is_strong())
}

/// The links that a record states: from the id before to the id after.
fn stated_links(observation: &Observation) -> Vec<(Identifier, Identifier)> {
    let Some(own) = strong(observation).next().cloned() else { return Vec::new() };
    match &observation.fact {
        Fact::Handover(handover) => handover.next.iter().map(|next| (own.clone(), next.clone())).collect(),
        Fact::Release(release) => release.next.iter().map(|next| (own.clone(), next.clone())).collect(),
        Fact::Arrival(arrival) => arrival.earlier.iter().map(|earlier| (earlier.clone(), own.clone())).collect(),
        _ => Vec::new(),
    }
    .into_iter()
    .filter(|(from, to)| from.is_strong() && to.is_strong() && from != to)
    .collect()
}

/// How soon after a quarantine's release line the released copy comes in again.
const RELEASE_TO_ARRIVAL: SignedDuration = SignedDuration::from_secs(120);

/// Links from a filter's quarantine to the re-injected copy, where the release record does not name the new id: the copy
/// with the same Message-ID comes in from this same machine right after the release.
fn released_links(entries: &[Entry], notices: &BTreeSet<Identifier>) -> Vec<(Identifier, Identifier)> {
    let mut links = Vec::new();
    for release in entries.iter().filter(|entry| matches!(&entry.observation.fact, Fact::Release(_))) {
        let Some((from, at)) = strong(&release.observation).next().zip(instant(&release.observation)) else { continue };
        let next = entries.iter().filter(|entry| {
            let observation = &entry.observation;
            matches!(&observation.fact, Fact::Arrival(arrival)
                if arrival.earlier.is_none() && arrival.client.as_ref().is_none_or(evidence::Peer::is_loopback))
                && !observation.about.ids.iter().any(|id| notices.contains(id))
                && matches!(observation.speaker.product, Product::Postfix)
                && instant(observation).is_some_and(|later| {
                    let wait = later.duration_since(at);
                    wait >= -SignedDuration::from_secs(2) && wait <= RELEASE_TO_ARRIVAL
                })
        });
        if let Some(to) = next.filter_map(|entry| strong(&entry.observation).next()).find(|to| *to != from) {
            links.push((from.clone(), to.clone()));
        }
    }
    links
}

/// How far the sender's clock may be ahead of ours.
const SENDER_AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// When the sample says that it was sent.
fn sent_at(entries: &[Entry]) -> Option<Timestamp> {
    let dates =
        entries.iter().filter(|entry| is_sample(entry.source)).filter_map(|entry| match &entry.observation.fact {
            Fact::Identity(identity) => identity.sent_at.as_ref(),
            _ => None,
        });
    dates.map(|when| when.at).min()
}

/// Whether a record without any id is from before the message was sent: then it only looks like it. (A log in a zone that
/// nobody stated may only seem early; then the answer is that nothing is shown, and the zone can be given.)
fn is_too_early(observation: &Observation, sent_at: Timestamp) -> bool {
    observation.about.ids.is_empty()
        && observation.speaker.product == Product::Postfix
        && instant(observation).is_some_and(|at| sent_at.duration_since(at) > SENDER_AHEAD)
}

/// How long a filter program may take, and how much later than the new copy its success may be logged.
const FILTER_TIME: SignedDuration = SignedDuration::from_secs(120);

/// Links from a copy that was handed to a program to the one that the program handed back to the same host: same
/// Message-ID, same recipient, taken by `pickup` while the program ran (a content filter such as SpamAssassin's).
fn handed_back_links(entries: &[Entry], notices: &BTreeSet<Identifier>) -> Vec<(Identifier, Identifier)> {
    let given = entries.iter().filter(|entry| {
        matches!(&entry.observation.fact, Fact::Handover(handover)
            if handover.next_hop == NextHop::Program && handover.outcome == Outcome::Accepted && handover.next.is_none())
    });
    let mut links = Vec::new();
    for entry in given {
        let (handover, at) = (&entry.observation, instant(&entry.observation));
        let Some((from, at)) = strong(handover).next().zip(at) else { continue };
        let ids = message_ids_of(entries, from);
        let taken = entries.iter().filter(|entry| {
            let arrival = &entry.observation;
            matches!(&arrival.fact, Fact::Arrival(arrival) if arrival.connector.as_deref() == Some("pickup") && arrival.earlier.is_none())
                && arrival.speaker == handover.speaker
                && instant(arrival).is_some_and(|taken| {
                    taken.duration_since(at) <= SignedDuration::from_secs(5) && at.duration_since(taken) <= FILTER_TIME
                })
        });
        let to = taken.filter_map(|entry| strong(&entry.observation).next()).find(|to| {
            *to != from
                && !notices.contains(*to)
                && message_ids_of(entries, to).intersection(&ids).next().is_some()
                && entries.iter().any(|entry| {
                    strong(&entry.observation).any(|id| id == *to)
                        && entry
                            .observation
                            .about
                            .envelope_recipients
                            .iter()
                            .any(|to| handover.about.envelope_recipients.contains(to))
                })
        });
        links.extend(to.map(|to| (from.clone(), to.clone())));
    }
    links
}

fn message_ids_of<'e>(entries: &'e [Entry], id: &Identifier) -> BTreeSet<&'e str> {
    let with_id = entries.iter().filter(|entry| strong(&entry.observation).any(|own| own == id));
    with_id.filter_map(|entry| entry.observation.about.message_id()).collect()
}

fn instant(observation: &Observation) -> Option<Timestamp> {
    observation.when.as_ref().map(|when| when.at)
}

/// Puts the transport of each notice beside the passage that announces it.
fn attach_notices(held: &mut BTreeMap<usize, Passage>, of_notices: &[&Entry]) {
    for passage in held.values_mut() {
        let announced: BTreeSet<Identifier> =
            passage.events.iter().filter_map(|event| announced_notice(&event.observation).cloned()).collect();
        passage.notices.extend(
            of_notices
                .iter()
                .filter(|entry| entry.observation.about.ids.iter().any(|id| announced.contains(id)))
                .map(|entry| Event { observation: entry.observation.clone(), source: entry.source, join: Join::ById }),
        );
    }
}

/// Disjoint sets of ids.
#[derive(Default)]
struct Sets {
    number: HashMap<Identifier, usize>,
    parent: Vec<usize>,
}

impl Sets {
    fn find(&mut self, id: &Identifier) -> usize {
        let mut at = match self.number.get(id) {
            Some(at) => *at,
            None => {
                let at = self.parent.len();
                self.number.insert(id.clone(), at);
                self.parent.push(at);
                at
            }
        };
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn unite(&mut self, left: &Identifier, right: &Identifier) {
        let (left, right) = (self.find(left), self.find(right));
        self.parent[right.max(left)] = right.min(left);
    }
}
