//! Which copies are worth comparing: of two messages, the copies; of all evidence, a delivered message like the blocked one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Address, Fact, FileName, Identifier, NextHop, Observation, Outcome, TraceStatus};
use jiff::{SignedDuration, Timestamp};

use super::Side;
use crate::{Explained, Fate};

/// What makes a delivered message worth comparing, the best first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// The same message, for another recipient.
    SameMessage,
    /// The same envelope sender or author.
    SameSender(Address),
    /// A sender of the same domain.
    SameDomain(String),
    /// A policy or rule that decided over both.
    SamePolicy(String),
    /// The same recipient.
    SameRecipient(Address),
}

impl Kinship {
    fn rank(&self) -> u8 {
        match self {
            Kinship::SameMessage => 0,
            Kinship::SameSender(_) => 1,
            Kinship::SameDomain(_) => 2,
            Kinship::SamePolicy(_) | Kinship::SameRecipient(_) => 3,
        }
    }
}

impl std::fmt::Display for Kinship {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kinship::SameMessage => f.write_str("the same message, for another recipient"),
            Kinship::SameSender(sender) => write!(f, "same sender {sender}"),
            Kinship::SameDomain(domain) => write!(f, "same sender domain {domain}"),
            Kinship::SamePolicy(policy) => write!(f, "same policy \"{policy}\""),
            Kinship::SameRecipient(recipient) => write!(f, "same recipient {recipient}"),
        }
    }
}

/// A message that may have been delivered and is like the blocked one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookalike {
    /// Its Message-ID.
    pub message_id: String,
    /// Its envelope sender, else its author.
    pub sender: Option<Address>,
    /// When it was first seen.
    pub at: Option<Timestamp>,
    /// What the two share.
    pub kinship: Kinship,
    /// How far apart in time they are.
    pub apart: Option<SignedDuration>,
    /// A file that speaks of it.
    pub file: FileName,
}

/// What is known of one message from all records.
#[derive(Default)]
struct Known {
    senders: BTreeSet<Address>,
    recipients: BTreeSet<Address>,
    policies: BTreeSet<String>,
    at: Option<Timestamp>,
    file: Option<FileName>,
    seems_delivered: bool,
}

/// The messages other than `blocked` of which a record says that they were delivered, the most like it first: by sender, by
/// the sender's domain, by policy or recipient; of equals the nearest in time. What a record says of a delivery is to be
/// checked by following the message.
pub fn lookalikes(blocked: &Side<'_>, own_ids: &BTreeSet<String>, stated: &[&Observation]) -> Vec<Lookalike> {
    let mut known = by_message(stated);
    let mut own = Known::default();
    for entry in blocked.lake.entries() {
        own.learn(&entry.observation);
    }
    own.recipients = blocked.copy.copy.aliases.clone();
    own.recipients.insert(blocked.copy.copy.envelope_recipient.clone());
    own.recipients.retain(|recipient| !recipient.is_null());
    known.retain(|id, one| one.seems_delivered && !own_ids.contains(id));
    let at = blocked.start();
    let mut found: Vec<Lookalike> = known
        .into_iter()
        .filter_map(|(message_id, one)| {
            let apart = one.at.zip(at).map(|(one, at)| one.duration_since(at).abs());
            let kinship = kinship(&own, &one)?;
            Some(Lookalike {
                message_id,
                sender: one.senders.first().cloned(),
                at: one.at,
                kinship,
                apart,
                file: one.file?,
            })
        })
        .collect();
    let far = SignedDuration::MAX;
    found.sort_by(|a, b| {
        (a.kinship.rank(), a.apart.unwrap_or(far), &a.message_id).cmp(&(
            b.kinship.rank(),
            b.apart.unwrap_or(far),
            &b.message_id,
        ))
    });
    found
}

fn kinship(own: &Known, other: &Known) -> Option<Kinship> {
    let domains: BTreeSet<&str> = own.senders.iter().filter_map(Address::domain).collect();
    let sender = own.senders.intersection(&other.senders).next();
    let domain = other.senders.iter().filter_map(Address::domain).find(|domain| domains.contains(domain));
    let policy = own.policies.intersection(&other.policies).next();
    let recipient = own.recipients.intersection(&other.recipients).next();
    sender
        .map(|sender| Kinship::SameSender(sender.clone()))
        .or_else(|| domain.map(|domain| Kinship::SameDomain(domain.to_owned())))
        .or_else(|| policy.map(|policy| Kinship::SamePolicy(policy.clone())))
        .or_else(|| recipient.map(|recipient| Kinship::SameRecipient(recipient.clone())))
}

/// What all records state, by the Message-ID that they carry or that another record carries beside their id.
fn by_message(stated: &[&Observation]) -> BTreeMap<String, Known> {
    let mut named: HashMap<&Identifier, &str> = HashMap::new();
    for one in stated {
        let Some(message_id) = one.about.message_id() else { continue };
        for id in one.about.ids.iter().filter(|id| id.is_strong()) {
            named.entry(id).or_insert(message_id);
        }
    }
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for one in stated.iter().filter(|one| one.fact.is_of_a_message()) {
        let by_other = || one.about.ids.iter().find_map(|id| named.get(id).copied());
        let Some(message_id) = one.about.message_id().or_else(by_other) else { continue };
        known.entry(message_id.to_owned()).or_default().learn(one);
    }
    known
}

impl Known {
    fn learn(&mut self, one: &Observation) {
        let present = |address: &&Address| !address.is_null();
        self.recipients.extend(one.about.envelope_recipients.iter().filter(present).cloned());
        match &one.fact {
            Fact::Identity(identity) => {
                let senders = identity.envelope_sender.iter().chain(&identity.header_from);
                self.senders.extend(senders.filter(present).cloned());
            }
            Fact::Verdict(verdict) => {
                self.policies.extend(verdict.policy.as_ref().and_then(|policy| policy.name.clone()));
            }
            _ => {}
        }
        let at = one.when.as_ref().map(|when| when.at);
        self.at = self.at.into_iter().chain(at).min();
        let file = self.file.take().into_iter().chain([one.cite.file.clone()]).min_by(|a, b| (**a).cmp(&**b));
        self.file = file;
        self.seems_delivered |= says_delivered(&one.fact);
    }
}

fn says_delivered(fact: &Fact) -> bool {
    match fact {
        Fact::Stored(_) => true,
        Fact::Status(status) => status.status == TraceStatus::Delivered,
        Fact::Handover(handover) => {
            handover.outcome == Outcome::Accepted && handover.next_hop != NextHop::ContentFilter
        }
        _ => false,
    }
}

/// How far a copy is from lying in its recipient's mailbox: 0 is delivered.
pub fn mailbox_distance(fate: Fate) -> u8 {
    match fate {
        Fate::Delivered => 0,
        Fate::Junked | Fate::Filed | Fate::Forwarded | Fate::RemovedAfterDelivery => 1,
        Fate::Unknown => 2,
        _ => 3,
    }
}

/// The copy of a blocked message that is meant if nothing is known of another message: the one that came least far.
pub fn blocked_copy(copies: &[Explained<'_>]) -> Option<usize> {
    let place = |at: &usize| {
        let copy = &copies[*at];
        let start = copy.stays.iter().filter_map(|stay| stay.start()).min();
        (3 - mailbox_distance(copy.fate).min(3), copy.copy.envelope_recipient.clone(), start)
    };
    (0..copies.len()).min_by_key(place)
}

/// Which copy of each message is compared: of the blocked one a copy that was not delivered, of the other one that was,
/// both for the same recipient where there is a choice. `None` where there is no such pair of two copies.
pub fn choose(blocked: &[Explained<'_>], delivered: &[Explained<'_>]) -> Option<(usize, usize)> {
    let recipient = |copy: &Explained<'_>| copy.copy.envelope_recipient.clone();
    let start = |copy: &Explained<'_>| copy.stays.iter().filter_map(|stay| stay.start()).min();
    let is_one =
        |a: &Explained<'_>, b: &Explained<'_>| recipient(a) == recipient(b) && start(a) == start(b) && ids(a) == ids(b);
    let pairs = (0..blocked.len()).flat_map(|one| (0..delivered.len()).map(move |other| (one, other)));
    pairs.filter(|(one, other)| !is_one(&blocked[*one], &delivered[*other])).min_by_key(|(one, other)| {
        let (one, other) = (&blocked[*one], &delivered[*other]);
        let blocked_first = 3 - mailbox_distance(one.fate).min(3);
        let places = (recipient(one), start(one), recipient(other), start(other));
        (blocked_first > 2, mailbox_distance(other.fate), recipient(one) != recipient(other), blocked_first, places)
    })
}

fn ids<'c>(copy: &'c Explained<'_>) -> BTreeSet<&'c Identifier> {
    copy.stays.iter().flat_map(|stay| &stay.station.ids).collect()
}
