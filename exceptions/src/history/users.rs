//! Whose mail a scope lets through, by name: for the few scopes for which something narrower is looked for.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Address, Observation};
use sources::{Clock, Input, Progress};

use super::row::{Ids, Row};
use super::sets::hash;
use crate::{On, Scope, Term, Value};

/// How many senders of one scope are kept while a file is read; those of a scope with more are too many to be named.
const MAX_SENDERS: usize = 2_000;

/// How many recipients and messages of one sender are kept.
const MAX_OF_ONE: usize = 10_000;

/// A sender whose mail a scope lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The From address, else the envelope sender.
    pub sender: Address,
    /// To whom.
    pub envelope_recipients: BTreeSet<Address>,
    /// How many messages.
    pub messages: u64,
}

/// Senders of one scope, with whom they write to and the messages.
type Senders = BTreeMap<Address, (BTreeSet<Address>, BTreeSet<u64>)>;

/// Finds who uses each scope, whoever writes most first: a pass of its own over every row. A scope of which rows cannot tell by sender,
/// recipient and sending address has nobody; one with too many senders too.
pub fn users(files: &[Input<'_>], scopes: &[Scope], clock: &Clock, progress: &dyn Progress) -> Vec<Vec<User>> {
    let start = || vec![Senders::new(); scopes.len()];
    let fold = |all: &mut Vec<Senders>, kind: evidence::SourceId, reading: evidence::Reading| {
        if super::part::is_history(kind) {
            take(all, scopes, &reading.observations);
        }
    };
    let mut all = start();
    for one in sources::read_every(files, clock, progress, &start, &fold) {
        for (known, new) in all.iter_mut().zip(one.folded.unwrap_or_default()) {
            for (sender, (recipients, messages)) in new {
                let own = known.entry(sender).or_default();
                own.0.extend(recipients);
                own.1.extend(messages);
            }
        }
    }
    all.into_iter().map(named).collect()
}

fn named(senders: Senders) -> Vec<User> {
    if senders.len() > MAX_SENDERS {
        return Vec::new();
    }
    let mut users: Vec<User> = senders
        .into_iter()
        .map(|(sender, (envelope_recipients, messages))| User {
            sender,
            envelope_recipients,
            messages: messages.len() as u64,
        })
        .collect();
    users.sort_by(|one, other| other.messages.cmp(&one.messages).then_with(|| one.sender.cmp(&other.sender)));
    users
}

fn take(all: &mut [Senders], scopes: &[Scope], observations: &[Observation]) {
    for record in observations.chunk_by(|one, next| one.cite.bytes == next.cite.bytes) {
        for about in record.chunk_by(|one, next| one.about == next.about) {
            let Some(first) = about.iter().find(|one| one.fact.is_of_a_message()) else { continue };
            let row = Row::of(about, &first.about);
            let Some(sender) = row.header_from.or(row.envelope_sender).filter(|sender| !sender.is_null()) else {
                continue;
            };
            let ids = Ids::of(row.ids);
            let message = if ids.strong == 0 { hash(&(ids.message_id, sender.as_str())) } else { ids.strong };
            for (senders, scope) in all.iter_mut().zip(scopes) {
                let to: Vec<&Address> = row.envelope_recipients.iter().filter(|to| holds(scope, &row, to)).collect();
                let is_room = senders.len() <= MAX_SENDERS || senders.contains_key(sender);
                if to.is_empty() || !is_room {
                    continue;
                }
                let (recipients, messages) = senders.entry(sender.clone()).or_default();
                if recipients.len() < MAX_OF_ONE {
                    recipients.extend(to.into_iter().cloned());
                }
                if messages.len() < MAX_OF_ONE {
                    messages.insert(message);
                }
            }
        }
    }
}

/// Whether a row for a recipient is surely in a scope.
fn holds(scope: &Scope, row: &Row<'_>, recipient: &Address) -> bool {
    scope.terms.iter().all(|term| met(term, row, recipient))
        && !scope.except.iter().any(|term| met(term, row, recipient))
}

fn met(term: &Term, row: &Row<'_>, recipient: &Address) -> bool {
    let is = |own: Value| term.values.iter().any(|value| own.is_within(value));
    let address = |address: Option<&Address>| address.is_some_and(|address| is(Value::Address(address.clone())));
    term.is_everything()
        || match &term.on {
            On::EnvelopeSender => address(row.envelope_sender),
            On::HeaderFrom => address(row.header_from.or(row.envelope_sender)),
            On::EitherSender => address(row.envelope_sender) || address(row.header_from),
            On::Recipient => is(Value::Address(recipient.clone())),
            On::Client => row.client.and_then(Value::network).is_some_and(is),
            On::Subject => row.subject.is_some_and(|subject| is(Value::Name(subject.to_owned()))),
            _ => false,
        }
}
