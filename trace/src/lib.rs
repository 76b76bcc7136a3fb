//! Follows one message hop by hop, copy by copy, over all systems; never says why.
//!
//! The way from entries to copies has four steps, one module each: `passage` puts together what carries the same ids,
//! `join` puts passages of different systems together by Message-ID, recipient and time, `station` orders the systems
//! that one passage of the message went through, and `copy` splits the result by recipient.

mod copy;
mod hops;
mod join;
mod passage;
mod station;
mod trust;

use std::collections::{BTreeSet, HashSet};

use evidence::{Address, Fact, Identifier, Identity, Observation, SourceId, System, When};
use jiff::Timestamp;
use lake::{Entry, Lake};

pub use hops::{Admd, Hops, Leg, Phase, Took, hops};
pub use join::FITS_SEVERAL;
pub use trust::{Because, Judged, Trust, judge};

/// How a record was found to be about this copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Join {
    /// By an id that names one message within its system, or by a link that a record states.
    ById,
    /// By Message-ID, recipient and time, or by looks: labelled correlated.
    Correlated,
}

/// One statement on the way of a copy.
#[derive(Clone, Debug)]
pub struct Event {
    /// What was stated.
    pub observation: Observation,
    /// The kind of export that states it.
    pub source: SourceId,
    /// How it was joined.
    pub join: Join,
}

impl Event {
    /// The instant, if the record states one.
    pub fn at(&self) -> Option<Timestamp> {
        self.observation.when.as_ref().map(|when| when.at)
    }

    /// What is said.
    pub fn fact(&self) -> &Fact {
        &self.observation.fact
    }
}

/// One system on the way of a copy, with all that is said about the copy's stay there, in causal order.
#[derive(Clone, Debug)]
pub struct Station {
    /// The system.
    pub system: System,
    /// The ids that the message had there.
    pub ids: BTreeSet<Identifier>,
    /// What is said about this copy at this station.
    pub events: Vec<Event>,
    /// Steps of a release that concern other recipients of the same message only.
    pub released_for_others: Vec<Event>,
}

/// One message for one recipient.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The recipient as first addressed.
    pub envelope_recipient: Address,
    /// Whether the recipient is only what the To field shows, because no record names an envelope recipient.
    pub recipient_from_header: bool,
    /// Other addresses that stood for the same recipient on the way.
    pub aliases: BTreeSet<Address>,
    /// The systems in the order of the way.
    pub stations: Vec<Station>,
    /// What is known of the message beside the stations: Received fields, identity from a sample.
    pub beside: Vec<Event>,
    /// The transport of notices (bounces) about this copy.
    pub notices: Vec<Event>,
}

/// Who and what the message is.
#[derive(Clone, Debug, Default)]
pub struct MessageFacts {
    /// Message-ID without brackets.
    pub message_id: Option<String>,
    /// Exchange Online's ids for it.
    pub network_message_ids: BTreeSet<String>,
    /// RFC 5321 MAIL FROM.
    pub envelope_sender: Option<Address>,
    /// RFC 5322 From.
    pub header_from: Option<Address>,
    /// All recipients followed.
    pub envelope_recipients: Vec<Address>,
    /// Subject.
    pub subject: Option<String>,
    /// The Date field, or the first instant that a record states.
    pub sent_at: Option<When>,
    /// The sample's file, if there was one.
    pub sample: Option<evidence::FileName>,
}

/// A statement of a sample from which nothing may be concluded.
#[derive(Clone, Debug)]
pub struct NotCounted {
    /// The statement.
    pub event: Event,
    /// Why it does not count.
    pub because: Because,
}

/// The way of one message.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Who and what it is.
    pub message: MessageFacts,
    /// One entry a recipient and passage (a message sent twice under one Message-ID passes twice).
    pub copies: Vec<Copy>,
    /// What a sample states and nobody we trust wrote: shown, never counted.
    pub not_counted: Vec<NotCounted>,
}

/// Follows the message that the lake holds records about.
///
/// `recipients` keeps only the copies for these addresses, under any name that they had on the way; none keeps all.
/// `trusted` are names of hosts or domains that the user calls ours, besides those that the samples show to be ours.
pub fn follow(lake: &Lake, recipients: &[Address], trusted: &[String]) -> Trace {
    let (entries, not_counted) = on_the_way(lake, trusted);
    let passages = join::across_systems(passage::by_id(&entries), &passage::with_ids(lake.alike()));
    let mut copies: Vec<Copy> = passages.iter().flat_map(|passage| copy::of_passage(passage, recipients)).collect();
    if !recipients.is_empty() {
        let asked = |address: &Address| recipients.contains(address);
        let is_meant = |copy: &Copy| asked(&copy.envelope_recipient) || copy.aliases.iter().any(asked);
        // A record that names no recipient may be about the copy that is meant, as long as no other record is.
        let named = copies.iter().any(is_meant);
        copies.retain(|copy| is_meant(copy) || !named && copy.envelope_recipient.is_null());
    }
    let message = facts(lake, &copies);
    Trace { message, copies, not_counted }
}

/// The records of systems that had a hand in the message, and the message itself: what a receiver somewhere else reports of
/// its own copy (DMARC failures, complaints) is no word about ours. Beside them what a sample says and does not count.
fn on_the_way(lake: &Lake, trusted: &[String]) -> (Vec<Entry>, Vec<NotCounted>) {
    let mut not_counted = Vec::new();
    let mut strangers = HashSet::new();
    for sample in samples(lake) {
        let observations: Vec<&Observation> = sample.iter().map(|entry| &entry.observation).collect();
        for judged in judge(&observations, &hops(&observations, trusted), trusted) {
            let Trust::NotTrusted(because) = judged.trust else { continue };
            strangers.insert(std::ptr::from_ref(judged.observation));
            let source = sample.first().map_or("", |entry| entry.source);
            let event = Event { observation: judged.observation.clone(), source, join: Join::ById };
            not_counted.push(NotCounted { event, because });
        }
    }
    let counts =
        |entry: &&Entry| !is_report(entry.source) && !strangers.contains(&std::ptr::from_ref(&entry.observation));
    (lake.entries().iter().filter(counts).cloned().collect(), not_counted)
}

/// The statements of each sample that was supplied, file by file, in the order of its fields.
pub fn samples(lake: &Lake) -> Vec<Vec<&Entry>> {
    let mut files: Vec<Vec<&Entry>> = Vec::new();
    for entry in lake.entries().iter().filter(|entry| is_sample(entry.source)) {
        match files.last_mut() {
            Some(file) if file[0].observation.cite.file == entry.observation.cite.file => file.push(entry),
            _ => files.push(vec![entry]),
        }
    }
    files
}

fn facts(lake: &Lake, copies: &[Copy]) -> MessageFacts {
    let mut facts = MessageFacts::default();
    for copy in copies {
        if !copy.recipient_from_header && !facts.envelope_recipients.contains(&copy.envelope_recipient) {
            facts.envelope_recipients.push(copy.envelope_recipient.clone());
        }
    }
    let notices = passage::notice_ids(lake.entries());
    for entry in lake.entries().iter().filter(|entry| !is_report(entry.source)) {
        let about = &entry.observation.about;
        if about.ids.iter().any(|id| notices.contains(id)) {
            continue;
        }
        if facts.message_id.is_none() {
            facts.message_id = about.message_id().map(str::to_owned);
        }
        facts.network_message_ids.extend(about.ids.iter().filter_map(|id| match id {
            Identifier::NetworkMessageId(id) => Some(id.clone()),
            _ => None,
        }));
    }
    facts.message_id = facts.message_id.or_else(|| lake.asked_message_id().map(str::to_owned));
    // A sample knows its author and subject best; the envelope is known best by the systems that carried it.
    let mut identities: Vec<(bool, &lake::Entry, &Identity)> = lake
        .entries()
        .iter()
        .filter(|entry| !is_report(entry.source))
        .filter(|entry| !entry.observation.about.ids.iter().any(|id| notices.contains(id)))
        .filter_map(|entry| match &entry.observation.fact {
            Fact::Identity(identity) => Some((!is_sample(entry.source), entry, identity)),
            _ => None,
        })
        .collect();
    identities.sort_by_key(|(carried, entry, _)| (*carried, entry.observation.when.as_ref().map(|when| when.at)));
    for (carried, entry, identity) in &identities {
        if !carried && facts.sample.is_none() {
            facts.sample = Some(entry.observation.cite.file.clone());
        }
        facts.header_from = facts.header_from.take().or_else(|| identity.header_from.clone());
        facts.subject = facts.subject.take().or_else(|| identity.subject.clone().filter(|s| !s.trim().is_empty()));
        facts.sent_at = facts.sent_at.take().or_else(|| identity.sent_at.clone());
    }
    // A system further on may have rewritten it (SRS): the first one that carried it knows it best.
    let by_carrier = identities.iter().filter(|(carried, ..)| *carried);
    let by_sample = identities.iter().filter(|(carried, ..)| !carried);
    facts.envelope_sender = by_carrier.chain(by_sample).find_map(|(.., identity)| identity.envelope_sender.clone());
    facts.sent_at = facts.sent_at.or_else(|| first_instant(copies));
    facts
}

/// The first instant that a record on the way of a copy states.
fn first_instant(copies: &[Copy]) -> Option<When> {
    let stations = copies.iter().flat_map(|copy| &copy.stations).flat_map(|station| &station.events);
    let beside = copies.iter().flat_map(|copy| &copy.beside);
    stations.chain(beside).filter_map(|event| event.observation.when.clone()).min_by_key(|when| when.at)
}

/// Whether a kind of evidence is another receiver's report.
pub fn is_report(source: SourceId) -> bool {
    source.starts_with("report/")
}

/// Whether a kind of evidence is the message itself rather than a record about it.
pub fn is_sample(source: SourceId) -> bool {
    source.starts_with("message/")
}
