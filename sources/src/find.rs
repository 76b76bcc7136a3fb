//! Finds the messages that have something in common: a sender or a sender's domain, a recipient, a subject.
//!
//! One pass over every row, part by part, notes the records that fit; a second, selective one reads what else bears their
//! ids, so that a record with a queue id alone finds its Message-ID. What is found may still turn out not to fit: whoever
//! follows it knows all its records.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Address, Fact, FileName, Identifier, Observation, Outcome, Reading, Scope, SourceId};
use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use crate::query::same_subject;
use crate::{
    Clock, Input, Likeness, MatchedBy, Message, Progress, Query, Readings, Source, Wanted, ZoneRule, read_all,
    recognise,
};

/// What the messages have in common; a part that is empty is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Their envelope sender or header_from is one of these, or of one of these domains.
    pub senders: BTreeSet<SoughtSender>,
    /// One of these is an envelope recipient.
    pub envelope_recipients: BTreeSet<Address>,
    /// They have one of these subjects.
    pub subjects: BTreeSet<String>,
}

/// A sender that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SoughtSender {
    /// This address.
    Address(Address),
    /// Every address of this domain, in lower case; not those of domains below it.
    Domain(String),
}

/// A message that fits, and what it can be read by.
#[derive(Clone, Debug, Default)]
pub struct Sighted {
    /// Message-ID without brackets; `None` if no record carries one.
    pub message_id: Option<String>,
    /// What to read its records by: its Message-ID, else its other ids, else its looks.
    pub message: Message,
    /// The records that fit of a message without a Message-ID; of one without any id only these are its own.
    pub places: BTreeSet<RecordPlace>,
    /// How those records say that it fared at a door.
    pub door: Option<Outcome>,
    /// Envelope senders and header_from addresses seen.
    pub senders: BTreeSet<Address>,
    /// Envelope recipients seen.
    pub envelope_recipients: BTreeSet<Address>,
    /// The first instant that a record states.
    pub at: Option<Timestamp>,
}

/// A record: its file, and where it starts and ends in it.
pub type RecordPlace = (FileName, u64, u64);

/// The messages that fit.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    /// By time, then by Message-ID.
    pub list: Vec<Sighted>,
    /// Earlier records that fit and whose messages were not put together, because there are too many.
    pub not_gathered: usize,
}

/// Messages of so many records are put together, the latest ones.
const MAX_RECORDS: usize = 20_000;
/// Records without an id within this time are of one attempt.
const ONE_ATTEMPT: SignedDuration = SignedDuration::from_mins(10);
/// Attempts without an id that were put off within this time are of one message.
const RETRIES: SignedDuration = SignedDuration::from_hours(24);

impl SoughtSender {
    /// Reads an address, or a domain with or without a leading `@`.
    pub fn new(said: &str) -> SoughtSender {
        let address = Address::new(said);
        let domain = address.as_str().strip_prefix('@').or_else(|| {
            let text = address.as_str();
            (!text.contains('@') && text.contains('.')).then_some(text)
        });
        match domain {
            Some(domain) => SoughtSender::Domain(domain.to_owned()),
            None => SoughtSender::Address(address),
        }
    }

    /// Whether an address is the one, or of the domain.
    pub fn is(&self, address: &Address) -> bool {
        match self {
            SoughtSender::Address(sought) => sought == address,
            SoughtSender::Domain(domain) => address.domain() == Some(domain),
        }
    }
}

impl Sought {
    /// Whether an address is one of the senders that are asked for.
    pub fn is_sender(&self, address: &Address) -> bool {
        self.senders.iter().any(|sought| sought.is(address))
    }

    /// Whether a record is about a message that fits: nothing in it speaks against that, and what counts most is in it.
    fn is_in(&self, seen: &Seen) -> bool {
        if seen.is_about_a_notice() && self.senders.is_empty() {
            return false;
        }
        let sender = said(&seen.senders, |address| self.is_sender(address));
        let recipient = said(&seen.recipients, |address| self.envelope_recipients.contains(address));
        let subject = seen.subject.as_deref().map(|subject| self.subjects.iter().any(|one| same_subject(one, subject)));
        let asked = [
            (!self.senders.is_empty(), sender),
            (!self.envelope_recipients.is_empty(), recipient),
            (!self.subjects.is_empty(), subject),
        ];
        let mut asked = asked.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, fits)| fits);
        asked.next().is_some_and(|first| first == Some(true)) && asked.all(|fits| fits != Some(false))
    }

    /// Whether nothing that is known of a message speaks against it.
    fn fits(&self, known: &Known) -> bool {
        let sender = self.senders.is_empty() || known.senders.iter().any(|address| self.is_sender(address));
        let recipient = self.envelope_recipients.is_empty()
            || known.recipients.is_empty()
            || known.recipients.iter().any(|address| self.envelope_recipients.contains(address));
        let subject = self.subjects.is_empty()
            || known.subjects.is_empty()
            || known.subjects.iter().any(|own| self.subjects.iter().any(|one| same_subject(one, own)));
        sender && recipient && subject
    }
}

/// Whether one of several addresses fits; `None` if there is none.
fn said(addresses: &BTreeSet<Address>, fits: impl Fn(&Address) -> bool) -> Option<bool> {
    (!addresses.is_empty()).then(|| addresses.iter().any(fits))
}

/// Finds the messages that fit in all files.
pub fn find(files: &[Input<'_>], sought: &Sought, clock: &Clock, progress: &dyn Progress) -> Sightings {
    let kinds: Vec<Option<&'static dyn Source>> =
        files.par_iter().map(|input| recognise(input.bytes, &input.name).ok()).collect();
    let read = |rule: ZoneRule, clock: &Clock| -> Vec<Seen> {
        let due = files.par_iter().zip(&kinds).filter_map(|(input, kind)| Some((input, (*kind)?)));
        let due = due.filter(|(_, kind)| {
            kind.zone() == rule && kind.matched_by() != MatchedBy::Nothing && !kind.id().starts_with("report/")
        });
        due.flat_map_iter(|(input, kind)| fitting(input, kind, sought, clock, progress)).collect()
    };
    let mut seen = read(ZoneRule::Stated, clock);
    let mut clock = clock.clone();
    if let Some(first) = seen.iter().filter_map(|one| one.at).min() {
        clock.reference = first;
    }
    seen.extend(read(ZoneRule::Unstated, &clock));
    seen.sort_by(|a, b| (a.at, &a.place).cmp(&(b.at, &b.place)));
    let not_gathered = seen.len().saturating_sub(MAX_RECORDS);
    seen.drain(..not_gathered);
    let (with_ids, without): (Vec<Seen>, Vec<Seen>) = seen.into_iter().partition(|one| !one.ids.is_empty());
    let mut list = named(files, &with_ids, sought, &clock, progress);
    let known: BTreeSet<Identifier> = list
        .iter()
        .flat_map(|one| one.message.ids.iter().cloned())
        .chain(with_ids.iter().flat_map(|one| one.ids.iter().cloned()))
        .collect();
    list.extend(unnamed(without, &known));
    list.sort_by(|a, b| {
        (a.at, &a.message_id, &a.message.ids, &a.places).cmp(&(b.at, &b.message_id, &b.message.ids, &b.places))
    });
    Sightings { list, not_gathered }
}

/// The messages of the samples among some files, by time, then by Message-ID; a sample without one is left out.
pub fn sampled(files: &[Input<'_>], clock: &Clock, progress: &dyn Progress) -> Vec<Sighted> {
    let query = Query { wanted: &Wanted::Everything, clock, progress };
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for input in files {
        let Ok(source) = recognise(input.bytes, &input.name) else { continue };
        if !source.id().starts_with("message/") {
            continue;
        }
        let Ok(reading) = source.read(input, &query) else { continue };
        let mut of_file: BTreeMap<String, Known> = BTreeMap::new();
        for seen in records(&reading.observations, source.id()) {
            if let Some(id) = seen.message_id() {
                of_file.entry(id.to_owned()).or_default().learn(&seen);
            }
        }
        // A sample is of one message; others that it names are quoted in it.
        if let [(id, one)] = of_file.into_iter().collect::<Vec<_>>().as_slice() {
            known.entry(id.clone()).or_default().merge(one);
        }
    }
    let mut list: Vec<Sighted> =
        known.into_iter().map(|(id, known)| known.sighted(Some(id), BTreeSet::new())).collect();
    list.sort_by(|a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
    list
}

/// The records of one file that fit, read part by part.
fn fitting(input: &Input<'_>, kind: &dyn Source, sought: &Sought, clock: &Clock, progress: &dyn Progress) -> Vec<Seen> {
    let query = Query { wanted: &Wanted::Everything, clock, progress };
    let mut found = Vec::new();
    let mut take = |part: Reading| {
        found.extend(records(&part.observations, kind.id()).into_iter().filter(|seen| sought.is_in(seen)));
    };
    // What cannot be read is told by the reading of each message.
    let _ = kind.read_in_parts(input, &query, &mut take);
    found
}

/// What one record says of a message.
#[derive(Clone, Debug)]
struct Seen {
    place: RecordPlace,
    ids: BTreeSet<Identifier>,
    /// Ids of the same message elsewhere, which the record names.
    links: BTreeSet<Identifier>,
    senders: BTreeSet<Address>,
    recipients: BTreeSet<Address>,
    subject: Option<String>,
    at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    /// How the message fared at a door.
    door: Option<Outcome>,
}

impl Seen {
    fn at(place: RecordPlace) -> Seen {
        Seen {
            place,
            ids: BTreeSet::new(),
            links: BTreeSet::new(),
            senders: BTreeSet::new(),
            recipients: BTreeSet::new(),
            subject: None,
            at: None,
            sent_at: None,
            door: None,
        }
    }

    fn message_id(&self) -> Option<&str> {
        self.ids.iter().find_map(|id| match id {
            Identifier::MessageId(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Whether the only sender named is the null sender.
    fn is_about_a_notice(&self) -> bool {
        !self.senders.is_empty() && self.senders.iter().all(Address::is_null)
    }
}

/// The records of some observations about messages, in their order.
fn records(observations: &[Observation], source: SourceId) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for one in observations.iter().filter(|one| one.fact.is_of_a_message()) {
        let place = (one.cite.file.clone(), one.cite.bytes.start, one.cite.bytes.end);
        if seen.last().is_none_or(|last| last.place != place) {
            seen.push(Seen::at(place));
        }
        let Some(record) = seen.last_mut() else { continue };
        record.ids.extend(one.about.ids.iter().cloned());
        record.recipients.extend(one.about.envelope_recipients.iter().cloned());
        let when = one.when.as_ref().map(|when| when.at);
        record.at = record.at.into_iter().chain(when).min();
        match &one.fact {
            Fact::Identity(identity) => {
                record.senders.extend(identity.envelope_sender.iter().chain(&identity.header_from).cloned());
                if source.starts_with("message/") {
                    record.recipients.extend(identity.header_to.iter().cloned());
                }
                record.subject = record.subject.take().or_else(|| identity.subject.clone());
                record.sent_at = record.sent_at.or(identity.sent_at.as_ref().map(|when| when.at));
            }
            Fact::Arrival(arrival) => {
                record.links.extend(arrival.earlier.clone());
                if arrival.scope == Scope::Enforced && arrival.outcome != Outcome::NotSaid {
                    record.door = Some(arrival.outcome);
                }
            }
            Fact::Handover(handover) => record.links.extend(handover.next.clone()),
            Fact::Release(release) => record.links.extend(release.next.clone()),
            _ => {}
        }
    }
    seen
}

/// What is known of one message.
#[derive(Clone, Debug, Default)]
struct Known {
    senders: BTreeSet<Address>,
    recipients: BTreeSet<Address>,
    subjects: BTreeSet<String>,
    at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
}

impl Known {
    fn learn(&mut self, seen: &Seen) {
        self.senders.extend(seen.senders.iter().cloned());
        self.recipients.extend(seen.recipients.iter().cloned());
        self.subjects.extend(seen.subject.iter().filter(|subject| !subject.trim().is_empty()).cloned());
        self.at = self.at.into_iter().chain(seen.at).min();
        self.sent_at = self.sent_at.into_iter().chain(seen.sent_at).min();
    }

    fn merge(&mut self, other: &Known) {
        self.senders.extend(other.senders.iter().cloned());
        self.recipients.extend(other.recipients.iter().cloned());
        self.subjects.extend(other.subjects.iter().cloned());
        self.at = self.at.into_iter().chain(other.at).min();
        self.sent_at = self.sent_at.into_iter().chain(other.sent_at).min();
    }

    fn sighted(self, message_id: Option<String>, ids: BTreeSet<Identifier>) -> Sighted {
        let own: BTreeSet<Identifier> = message_id.as_deref().and_then(Identifier::message_id).into_iter().collect();
        let ids = if own.is_empty() { ids } else { own };
        Sighted {
            message_id,
            message: Message { ids, ..Message::default() },
            senders: self.senders,
            envelope_recipients: self.recipients,
            at: self.at.or(self.sent_at),
            ..Sighted::default()
        }
    }
}

/// Puts the messages together whose records carry ids.
fn named(files: &[Input<'_>], seen: &[Seen], sought: &Sought, clock: &Clock, progress: &dyn Progress) -> Vec<Sighted> {
    let ids: BTreeSet<Identifier> = seen.iter().flat_map(|one| one.ids.iter().cloned()).collect();
    if ids.is_empty() || progress.is_cancelled() {
        return Vec::new();
    }
    let fitting: BTreeSet<&RecordPlace> = seen.iter().map(|one| &one.place).collect();
    let message = Message { ids, ..Message::default() };
    let Ok(readings) = read_all(files, message, clock, progress) else { return Vec::new() };
    let mut all: Vec<Seen> = readings.files.iter().flat_map(of_file).collect();
    let read: BTreeSet<RecordPlace> = all.iter().map(|one| one.place.clone()).collect();
    all.extend(seen.iter().filter(|one| !read.contains(&one.place)).cloned());
    let heaps = heaps(&all);
    let mut list = Vec::new();
    for heap in heaps {
        let mut known: BTreeMap<Option<&str>, (Known, BTreeSet<Identifier>, bool)> = BTreeMap::new();
        let message_ids = MessageIds::of(heap.iter().map(|at| &all[*at]));
        for one in heap.iter().map(|at| &all[*at]) {
            for key in message_ids.of_record(one) {
                let (known, ids, fits) = known.entry(key).or_default();
                known.learn(one);
                ids.extend(one.ids.iter().cloned());
                *fits |= fitting.contains(&one.place);
            }
        }
        let of_heap = known.into_iter().filter(|(_, (known, _, fits))| *fits && sought.fits(known));
        list.extend(of_heap.map(|(id, (known, ids, _))| {
            let sighted = known.sighted(id.map(str::to_owned), ids);
            let own = || heap.iter().map(|at| &all[*at]);
            match id {
                Some(_) => sighted,
                None => {
                    let places = own().map(|one| one.place.clone()).collect();
                    Sighted { places, door: door(own()), ..sighted }
                }
            }
        }));
    }
    list
}

/// How many messages that hang together a record may be of that names none of them.
const MAX_SHARED: usize = 50;

/// The Message-IDs of records that hang together.
struct MessageIds<'s> {
    all: BTreeSet<&'s str>,
    beside: HashMap<&'s Identifier, BTreeSet<&'s str>>,
}

impl<'s> MessageIds<'s> {
    fn of(records: impl Iterator<Item = &'s Seen>) -> MessageIds<'s> {
        let mut ids = MessageIds { all: BTreeSet::new(), beside: HashMap::new() };
        for one in records {
            let Some(message_id) = one.message_id() else { continue };
            ids.all.insert(message_id);
            for id in one.ids.iter().filter(|id| id.is_strong()) {
                ids.beside.entry(id).or_default().insert(message_id);
            }
        }
        ids
    }

    /// The Message-ID of a record; for one that names none, those that stand beside its ids, for a queue id is given again, else
    /// all of the records that hang together with it. `None` if there is none.
    fn of_record(&self, one: &'s Seen) -> BTreeSet<Option<&'s str>> {
        if let Some(own) = one.message_id() {
            return [Some(own)].into();
        }
        let beside: BTreeSet<Option<&str>> =
            one.ids.iter().filter_map(|id| self.beside.get(id)).flatten().map(|id| Some(*id)).collect();
        match beside.is_empty() {
            false => beside,
            true if self.all.is_empty() || self.all.len() > MAX_SHARED => [None].into(),
            true => self.all.iter().map(|id| Some(*id)).collect(),
        }
    }
}

fn of_file(file: &crate::FileReading) -> Vec<Seen> {
    let source = file.source.filter(|source| !source.starts_with("report/"));
    match (&file.reading, source) {
        (Ok(reading), Some(source)) => records(&reading.observations, source),
        _ => Vec::new(),
    }
}

/// The numbers of the records that share an id, directly or over others.
fn heaps(all: &[Seen]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..all.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    let mut first: HashMap<&Identifier, usize> = HashMap::new();
    for (at, one) in all.iter().enumerate() {
        for id in one.ids.iter().chain(&one.links) {
            let other = *first.entry(id).or_insert(at);
            let (a, b) = (root(&mut parent, at), root(&mut parent, other));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut heaps: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, one) in all.iter().enumerate() {
        if !one.ids.is_empty() {
            heaps.entry(root(&mut parent, at)).or_default().push(at);
        }
    }
    heaps.into_values().collect()
}

/// Puts the attempts together that no id names: of one sender and recipient, with one subject, at one time.
fn unnamed(mut seen: Vec<Seen>, known: &BTreeSet<Identifier>) -> Vec<Sighted> {
    seen.sort_by(|a, b| (a.at, &a.place).cmp(&(b.at, &b.place)));
    let mut groups: Vec<(Seen, Vec<Seen>)> = Vec::new();
    let mut to: HashMap<Option<Address>, Vec<usize>> = HashMap::new();
    for one in seen {
        let of_recipient = to.entry(one.recipients.first().cloned()).or_default();
        let is_near =
            |at: &&usize| groups[**at].0.at.zip(one.at).is_none_or(|(last, at)| at.duration_since(last) <= RETRIES);
        let same =
            of_recipient.iter().rev().take_while(is_near).find(|at| is_same_attempt(&groups[**at].0, &one)).copied();
        match same {
            Some(at) => {
                let (last, group) = &mut groups[at];
                last.at = one.at.or(last.at);
                group.push(one);
            }
            None => {
                of_recipient.push(groups.len());
                groups.push((one.clone(), vec![one]));
            }
        }
    }
    groups.into_iter().map(|(_, group)| by_looks(&group, known)).collect()
}

fn is_same_attempt(last: &Seen, next: &Seen) -> bool {
    let put_off = last.door == Some(Outcome::Deferred) && next.door == Some(Outcome::Deferred);
    let within = if put_off { RETRIES } else { ONE_ATTEMPT };
    let share = |a: &BTreeSet<Address>, b: &BTreeSet<Address>| a.is_empty() || b.is_empty() || !a.is_disjoint(b);
    let near = match (last.at, next.at) {
        (Some(last), Some(next)) => next.duration_since(last).abs() <= within,
        (last, next) => last == next,
    };
    let subjects = last.subject.as_deref().zip(next.subject.as_deref());
    near && share(&last.senders, &next.senders)
        && share(&last.recipients, &next.recipients)
        && subjects.is_none_or(|(a, b)| same_subject(a, b))
}

/// A refusal for good counts more than that it was put off.
fn door<'s>(records: impl Iterator<Item = &'s Seen>) -> Option<Outcome> {
    records.filter_map(|one| one.door).max()
}

fn by_looks(group: &[Seen], others: &BTreeSet<Identifier>) -> Sighted {
    let mut known = Known::default();
    group.iter().for_each(|one| known.learn(one));
    let at = known.at.or(known.sent_at);
    let likeness = Likeness {
        senders: known.senders.iter().filter(|sender| !sender.is_null()).cloned().collect(),
        envelope_recipients: known.recipients.clone(),
        subjects: known.subjects.clone(),
        around: at.into_iter().collect(),
        ..Likeness::default()
    };
    Sighted {
        message_id: None,
        message: Message { likeness, others: others.clone(), ..Message::default() },
        places: group.iter().map(|one| one.place.clone()).collect(),
        door: door(group.iter()),
        senders: known.senders,
        envelope_recipients: known.recipients,
        at,
    }
}

impl Readings {
    /// Sets aside what is said of messages by other records than these, which name no id; what stands around messages stays.
    pub fn keep_only(&mut self, places: &BTreeSet<RecordPlace>) {
        self.message.ids.clear();
        for reading in self.files.iter_mut().filter_map(|file| file.reading.as_mut().ok()) {
            let is_own = |one: &Observation| {
                !one.fact.is_of_a_message()
                    || places.contains(&(one.cite.file.clone(), one.cite.bytes.start, one.cite.bytes.end))
            };
            let rows = |reading: &Reading| -> BTreeSet<(u64, u64)> {
                reading.observations.iter().map(|one| (one.cite.bytes.start, one.cite.bytes.end)).collect()
            };
            let before = rows(reading).len();
            reading.observations.retain(is_own);
            let aside = (before - rows(reading).len()) as u64;
            let aside = aside.min(reading.observed);
            reading.observed -= aside;
            reading.pass_over("other message", aside, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_sought_sender() {
        for (said, address, expected) in [
            ("billing@supplier.example", "Billing@Supplier.example", true),
            ("billing@supplier.example", "sales@supplier.example", false),
            ("supplier.example", "sales@supplier.example", true),
            ("@Supplier.example", "sales@supplier.example", true),
            ("supplier.example", "sales@mail.supplier.example", false),
            ("supplier.example", "sales@notsupplier.example", false),
            ("supplier.example", "supplier.example@other.example", false),
        ] {
            assert_eq!(SoughtSender::new(said).is(&Address::new(address)), expected, "{said} {address}");
        }
    }

    fn seen(door: Outcome, recipient: &str, at: &str) -> Seen {
        Seen {
            senders: [Address::new("a@x.example")].into(),
            recipients: [Address::new(recipient)].into(),
            at: Some(at.parse().expect("an instant")),
            door: Some(door),
            ..Seen::at(("a.log".into(), at.len() as u64, 0))
        }
    }

    #[test]
    fn attempts_without_an_id() {
        use Outcome::{Deferred, Refused};
        for (name, first, second, expected) in [
            ("refused at once again", (Refused, "b", "09:00:00"), (Refused, "b", "09:00:02"), 1),
            ("refused an hour later", (Refused, "b", "09:00:00"), (Refused, "b", "10:00:00"), 2),
            ("put off, and again", (Deferred, "b", "09:00:00"), (Deferred, "b", "10:00:00"), 1),
            ("for somebody else", (Refused, "b", "09:00:00"), (Refused, "c", "09:00:02"), 2),
        ] {
            let of = |(door, to, at): (Outcome, &str, &str)| seen(door, to, &format!("2026-11-18T{at}Z"));
            assert_eq!(unnamed(vec![of(first), of(second)], &BTreeSet::new()).len(), expected, "{name}");
        }
    }
}
