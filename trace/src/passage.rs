//! Puts together what carries the same ids: one passage is one message as one or more systems handled it once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use evidence::{
    Address, Fact, Identifier, NextHop, Observation, Outcome, Product, Release, ReleaseStep, Scope, System,
};
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
    let released = released_links(entries, &notices);
    for (from, to) in released.iter().cloned() {
        sets.unite(&from, &to);
        links.push((from, to));
    }
    for (from, to) in relayed_links(entries, &notices) {
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
        let observation = &*let_go_for(observation, &released, entries);
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

/// The passages that ids hold together.
pub(crate) fn with_ids(entries: &[Entry]) -> Vec<Passage> {
    by_id(entries).into_iter().filter(|passage| !passage.ids.is_empty()).collect()
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

/// A release with those recipients for whom the copy came in again: amavis's line names all for whom it was held, also
/// when it was let go for one of them.
fn let_go_for<'e>(
    release: &'e Observation,
    released: &[(Identifier, Identifier)],
    entries: &[Entry],
) -> Cow<'e, Observation> {
    let Fact::Release(fact) = &release.fact else { return Cow::Borrowed(release) };
    let next = released.iter().filter(|(from, _)| release.about.ids.contains(from)).map(|(_, to)| to);
    let [next] = next.collect::<Vec<_>>()[..] else { return Cow::Borrowed(release) };
    let again = || entries.iter().map(|entry| &entry.observation).filter(|it| it.about.ids.contains(next));
    let named: BTreeSet<&Address> = again().flat_map(|it| &it.about.envelope_recipients).collect();
    let is_whole = again().any(|it| matches!(it.fact, Fact::Closed));
    let kept: Vec<Address> = fact.for_recipients.iter().filter(|to| named.contains(to)).cloned().collect();
    if !is_whole || kept.is_empty() || kept.len() == fact.for_recipients.len() {
        return Cow::Borrowed(release);
    }
    let mut narrowed = release.clone();
    narrowed.fact = Fact::Release(Release { for_recipients: kept.clone(), ..fact.clone() });
    Arc::make_mut(&mut narrowed.about).envelope_recipients = kept;
    Cow::Owned(narrowed)
}

/// How far the clocks of two of our servers may part.
const SERVERS_APART: SignedDuration = SignedDuration::from_secs(5 * 60);

/// Links from one server to the next, where the one knows the other by its address only: the answer names the id under
/// which the other's own log (of a mail server, or of a mailbox store) has the message, with the same Message-ID. So the
/// order is known, even where one log has fractions of a second and the other has none.
fn relayed_links(entries: &[Entry], notices: &BTreeSet<Identifier>) -> Vec<(Identifier, Identifier)> {
    let mut message_ids: HashMap<&Identifier, BTreeSet<&str>> = HashMap::new();
    let mut taken: HashMap<&str, BTreeMap<&Identifier, &Observation>> = HashMap::new();
    for Entry { observation, .. } in entries {
        for id in strong(observation).filter(|id| !notices.contains(id)) {
            message_ids.entry(id).or_default().extend(observation.about.message_id());
            if matches!(id, Identifier::QueueId { .. }) {
                taken.entry(id.text()).or_default().entry(id).or_insert(observation);
            }
        }
    }
    let mut links = Vec::new();
    for Entry { observation, .. } in entries {
        let Fact::Handover(handover) = &observation.fact else { continue };
        let (Some(from), Some(next)) = (strong(observation).next(), &handover.next) else { continue };
        let Some(own) = message_ids.get(from).filter(|_| handover.outcome == Outcome::Accepted) else { continue };
        for (to, theirs) in taken.get(next.text()).into_iter().flatten() {
            if *to != from && *to != next && is_near(observation, theirs) && !own.is_disjoint(&message_ids[*to]) {
                links.push((from.clone(), (*to).clone()));
            }
        }
    }
    links
}

/// Whether two servers speak at about the same instant, as far as both state one.
fn is_near(left: &Observation, right: &Observation) -> bool {
    instant(left).zip(instant(right)).is_none_or(|(left, right)| left.duration_since(right).abs() <= SERVERS_APART)
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
