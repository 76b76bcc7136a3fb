//! Splits a passage into copies, one for each recipient.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Address, Fact, Handover, Identifier, Product, Redirect, TraceStatus};

use crate::passage::Passage;
use crate::station::{Stop, stops};
use crate::{Copy, Event, Station};

/// The copies of a passage, by recipient.
pub(crate) fn of_passage(passage: &Passage) -> Vec<Copy> {
    let (stops, beside) = stops(passage);
    let names = Names::of(&stops);
    let mut recipients: Vec<Address> = names.finals.iter().cloned().collect();
    let unnamed = recipients.is_empty();
    let mut from_header = false;
    if unnamed {
        // Nobody but the sample names a recipient: its own trace fields (Delivered-To, `for`) first, then the To field.
        let named: BTreeSet<&Address> =
            beside.iter().flat_map(|event| &event.observation.about.envelope_recipients).collect();
        from_header = named.is_empty();
        recipients = named.into_iter().cloned().collect();
        if from_header {
            recipients = shown_recipients(&stops, &beside);
        }
    }
    let mut copies: Vec<Copy> = recipients
        .into_iter()
        .map(|recipient| {
            let aliases: BTreeSet<Address> = names.first_names(&recipient);
            let mut called = aliases.clone();
            called.extend(names.users_of(&recipient, &aliases));
            let stations = stops.iter().filter_map(|stop| station(stop, &recipient, &called, unnamed)).collect();
            let notices = passage.notices.clone();
            let named = match aliases.len() {
                1 if names.finals_of(aliases.first()) == 1 => aliases.first().cloned(),
                _ => None,
            };
            let envelope_recipient = named.unwrap_or_else(|| recipient.clone());
            let mut aliases = aliases;
            aliases.insert(recipient);
            aliases.remove(&envelope_recipient);
            Copy {
                envelope_recipient,
                recipient_from_header: from_header,
                aliases,
                stations,
                beside: beside.clone(),
                notices,
            }
        })
        .collect();
    copies.sort_by(|a, b| a.envelope_recipient.cmp(&b.envelope_recipient));
    copies
}

/// Which addresses end the way, and which earlier addresses lead to them.
#[derive(Debug, Default)]
struct Names {
    finals: BTreeSet<Address>,
    /// From an address to those it became.
    became: BTreeMap<Address, BTreeSet<Address>>,
    /// From a user's name without a domain to the recipient that is meant.
    users: BTreeMap<Address, Address>,
}

impl Names {
    fn of(stops: &[Stop]) -> Names {
        let mut names = Names::default();
        let mut all = BTreeSet::new();
        for stop in stops {
            let here = stop.recipients();
            all.extend(here.iter().map(|address| (*address).clone()));
            for event in &stop.events {
                for address in &event.observation.about.envelope_recipients {
                    let became = became(event, address, &here, &settled_elsewhere(stop));
                    if !became.is_empty() {
                        names.became.entry(address.clone()).or_default().extend(became);
                    }
                }
            }
        }
        names.became.retain(|_, to| to.iter().any(|address| all.contains(address)));
        names.finals = all.into_iter().filter(|address| !names.became.contains_key(address)).collect();
        for (user, meant) in users_by_session(stops) {
            if names.finals.remove(&user) {
                names.users.insert(user, meant);
            }
        }
        names.set_users_apart();
        names
    }

    /// Takes users' names without a domain out of the recipients, if there are others, and finds whom each one means: the
    /// only recipient with that local part, or the only recipient at all.
    fn set_users_apart(&mut self) {
        let (full, users): (BTreeSet<Address>, BTreeSet<Address>) =
            std::mem::take(&mut self.finals).into_iter().partition(|address| address.domain().is_some());
        if full.is_empty() {
            self.finals = users;
            return;
        }
        for user in users {
            let mut same = full.iter().chain(self.became.keys()).filter(|address| {
                address.as_str().split(['@', '+']).next().is_some_and(|local| local.eq_ignore_ascii_case(user.as_str()))
            });
            let meant = match (same.next(), same.next()) {
                (Some(only), None) => Some(only),
                (None, _) if full.len() == 1 => full.first(),
                _ => None,
            };
            if let Some(meant) = meant.cloned() {
                self.users.insert(user, meant);
            }
        }
        self.finals = full;
    }

    /// Users' names that mean a recipient or one of its earlier addresses.
    fn users_of(&self, recipient: &Address, aliases: &BTreeSet<Address>) -> Vec<Address> {
        let means = |(_, meant): &(&Address, &Address)| *meant == recipient || aliases.contains(*meant);
        self.users.iter().filter(means).map(|(user, _)| user.clone()).collect()
    }

    /// Addresses that lead to this one, directly or over others.
    fn first_names(&self, last: &Address) -> BTreeSet<Address> {
        let mut found = BTreeSet::new();
        let mut open = vec![last.clone()];
        while let Some(address) = open.pop() {
            for (from, to) in &self.became {
                if to.contains(&address) && from != last && found.insert(from.clone()) {
                    open.push(from.clone());
                }
            }
        }
        found
    }

    /// To how many final addresses one leads.
    fn finals_of(&self, first: Option<&Address>) -> usize {
        first.map_or(0, |first| self.finals.iter().filter(|last| self.first_names(last).contains(first)).count())
    }
}

/// Mailbox users that only the store names, with the recipient for whom the store's session took the message: the user may
/// have another domain, another name, or lack the detail after `+`.
fn users_by_session(stops: &[Stop]) -> BTreeMap<Address, Address> {
    let events = || stops.iter().flat_map(|stop| &stop.events);
    let is_store = |event: &&Event| event.observation.speaker.product == Product::Dovecot;
    let mut took: BTreeMap<&Identifier, BTreeSet<&Address>> = BTreeMap::new();
    for event in events() {
        if let Fact::Handover(Handover { next: Some(next), .. }) = event.fact() {
            took.entry(next).or_default().extend(&event.observation.about.envelope_recipients);
        }
    }
    let others: BTreeSet<&Address> = events()
        .filter(|event| !is_store(event))
        .flat_map(|event| &event.observation.about.envelope_recipients)
        .collect();
    let mut found = BTreeMap::new();
    for event in events().filter(is_store) {
        let about = &event.observation.about;
        let meant: BTreeSet<&Address> = about.ids.iter().filter_map(|id| took.get(id)).flatten().copied().collect();
        if let ([user], Some(meant), 1) = (about.envelope_recipients.as_slice(), meant.first(), meant.len())
            && !others.contains(user)
        {
            found.insert(user.clone(), (*meant).clone());
        }
    }
    found
}

/// Addresses of a stop that were not themselves turned into others.
fn settled_elsewhere(stop: &Stop) -> BTreeSet<Address> {
    let turned: BTreeSet<&Address> = stop
        .events
        .iter()
        .filter(|event| {
            matches!(event.fact(), Fact::Redirect(_))
                || matches!(event.fact(), Fact::Status(status)
                    if matches!(status.status, TraceStatus::Expanded | TraceStatus::Resolved))
        })
        .flat_map(|event| &event.observation.about.envelope_recipients)
        .collect();
    stop.recipients().into_iter().filter(|address| !turned.contains(address)).cloned().collect()
}

/// What an event says that an address became; a group without named members became every other recipient of the stop, a
/// resolved address without a named one the only other.
fn became(
    event: &Event,
    address: &Address,
    here: &BTreeSet<&Address>,
    settled: &BTreeSet<Address>,
) -> BTreeSet<Address> {
    let mut to: BTreeSet<Address> = match event.fact() {
        Fact::Redirect(Redirect::Expanded { members }) if members.is_empty() => settled.clone(),
        Fact::Redirect(Redirect::Expanded { members }) => members.iter().cloned().collect(),
        Fact::Redirect(Redirect::Resolved { to: Some(to) }) => [to.clone()].into(),
        Fact::Redirect(Redirect::Resolved { to: None }) if settled.len() == 1 && here.len() == 2 => settled.clone(),
        _ => BTreeSet::new(),
    };
    to.remove(address);
    to
}

/// The part of a stop that concerns a recipient; `None` if the stop names only others.
fn station(stop: &Stop, recipient: &Address, aliases: &BTreeSet<Address>, all: bool) -> Option<Station> {
    let concerns = |named: &[Address]| {
        named.is_empty() || named.iter().any(|address| address == recipient || aliases.contains(address))
    };
    let named = stop.recipients();
    let passes =
        all || named.is_empty() || named.iter().any(|address| *address == recipient || aliases.contains(*address));
    if !passes {
        return None;
    }
    let events: Vec<Event> = stop
        .events
        .iter()
        .filter(|event| all || concerns(&event.observation.about.envelope_recipients))
        .cloned()
        .collect();
    let ids = events.iter().flat_map(|event| event.observation.about.ids.iter().cloned()).collect();
    let released_for_others = stop
        .events
        .iter()
        .filter(|event| matches!(event.fact(), Fact::Release(_)))
        .filter(|event| !all && !concerns(&event.observation.about.envelope_recipients))
        .cloned()
        .collect();
    (!events.is_empty()).then(|| Station { system: stop.key.system.clone(), ids, events, released_for_others })
}

/// The recipients that the To field shows, for evidence in which nobody names an envelope recipient; one unnamed
/// recipient if it shows none.
fn shown_recipients(stops: &[Stop], beside: &[Event]) -> Vec<Address> {
    let shown: BTreeSet<Address> = beside
        .iter()
        .chain(stops.iter().flat_map(|stop| &stop.events))
        .filter_map(|event| match event.fact() {
            Fact::Identity(identity) => Some(&identity.header_to),
            _ => None,
        })
        .flatten()
        .cloned()
        .collect();
    if shown.is_empty() { vec![Address::default()] } else { shown.into_iter().collect() }
}
