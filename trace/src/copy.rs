//! Splits a passage into copies, one for each recipient.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evidence::{
    Address, Fact, FileName, Folder, Handover, Identifier, Outcome, Product, QuarantineState, Redirect, Scope,
    SourceId, TraceStatus, VerdictKind,
};

use crate::passage::Passage;
use crate::station::{Stop, stops};
use crate::{Copy, Event, Station, is_sample};

/// The copies of a passage, by recipient; `asked` are the recipients that the ticket is about.
pub(crate) fn of_passage(passage: &Passage, asked: &[Address]) -> Vec<Copy> {
    let (mut stops, beside) = stops(passage);
    unname_strangers(&mut stops);
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
            recipients = vec![shown_recipient(&stops, &beside, asked)];
        }
    }
    let finals_by_first = names.finals_by_first();
    let savers = if unnamed { Savers::default() } else { Savers::of(&recipients, &names, &stops, &beside, asked) };
    let mut copies: Vec<Copy> = recipients
        .into_iter()
        .map(|recipient| {
            let aliases: BTreeSet<Address> = names.first_names(&recipient);
            let mut called = aliases.clone();
            called.extend(names.users_of(&recipient, &aliases));
            let stations =
                stops.iter().filter_map(|stop| station(stop, &recipient, &called, &savers, unnamed)).collect();
            let notices = passage.notices.clone();
            let named = match aliases.len() {
                1 => aliases.first().filter(|first| finals_by_first.get(*first) == Some(&1)).cloned(),
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
    /// The same the other way round.
    came_from: BTreeMap<Address, BTreeSet<Address>>,
    /// From a user's name without a domain to the recipient that is meant.
    users: BTreeMap<Address, Address>,
}

impl Names {
    fn of(stops: &[Stop]) -> Names {
        let mut names = Names::default();
        let mut all = BTreeSet::new();
        for stop in stops {
            let (here, settled, outside) = (stop.recipients(), settled_elsewhere(stop), sent_outside(stop));
            all.extend(here.iter().map(|address| (*address).clone()));
            for event in &stop.events {
                for address in &event.observation.about.envelope_recipients {
                    let became = became(event, address, &here, &settled, &outside);
                    if !became.is_empty() {
                        names.became.entry(address.clone()).or_default().extend(became);
                    }
                }
            }
        }
        names.learn_from_samples(stops);
        names.became.retain(|_, to| to.iter().any(|address| all.contains(address)));
        names.finals = all.into_iter().filter(|address| !names.became.contains_key(address)).collect();
        names.set_forwarders_apart(stops);
        for (user, meant) in users_by_session(stops) {
            if names.finals.remove(&user) {
                names.users.insert(user, meant);
            }
        }
        names.set_users_apart();
        names.set_accounts_apart(stops);
        for (from, to) in &names.became {
            for address in to {
                names.came_from.entry(address.clone()).or_default().insert(from.clone());
            }
        }
        names
    }

    /// Takes names by which people sign in out of the recipients, where the only other recipient with that local part is
    /// the address to which the mail came: the audit log knows a mailbox by its owner's sign-in name.
    fn set_accounts_apart(&mut self, stops: &[Stop]) {
        let named = |by_account: bool| -> BTreeSet<&Address> {
            let events = stops.iter().flat_map(|stop| &stop.events).filter(|event| is_by_account(event) == by_account);
            events.flat_map(|event| &event.observation.about.envelope_recipients).collect()
        };
        let (accounts, addresses) = (named(true), named(false));
        let senders: BTreeSet<&Address> = stops.iter().flat_map(|stop| &stop.events).filter_map(sender).collect();
        for account in accounts.difference(&addresses) {
            // What a sender does with the copy that the client kept of what was sent is on nobody's way.
            if senders.contains(account) && addresses.iter().any(|address| self.finals.contains(*address)) {
                self.finals.remove(*account);
                continue;
            }
            let same = |address: &&Address| address != account && local_part(address) == local_part(account);
            let mut same =
                self.finals.iter().chain(self.became.keys()).filter(|one| addresses.contains(*one)).filter(same);
            let meant = same.next().filter(|_| same.next().is_none()).cloned();
            if let Some(meant) = meant
                && self.finals.remove(*account)
            {
                self.users.insert((*account).clone(), meant);
            }
        }
    }

    /// Where nothing but saved messages names recipients: such a message is one copy, so that all its trace fields
    /// (Delivered-To, `for`) name the same recipient, the last name on top.
    fn learn_from_samples(&mut self, stops: &[Stop]) {
        let events = || stops.iter().flat_map(|stop| &stop.events);
        let named = |event: &&Event| !event.observation.about.envelope_recipients.is_empty();
        if events().filter(named).any(|event| !is_saved_message(event.source)) {
            return;
        }
        for event in events() {
            let Some((last, earlier)) = event.observation.about.envelope_recipients.split_first() else { continue };
            for name in earlier {
                self.became.entry(name.clone()).or_default().insert(last.clone());
            }
        }
    }

    /// A saved message that a system outside sent on to us: its trace fields name the address that it was sent on from, which is
    /// of none of our recipients' domains. It means the one recipient for whom our own systems took the message by that id.
    fn set_forwarders_apart(&mut self, stops: &[Stop]) {
        let events = || stops.iter().flat_map(|stop| &stop.events);
        let carried: Vec<&Event> = events().filter(|event| !is_sample(event.source)).collect();
        let recipients: BTreeSet<&Address> =
            carried.iter().flat_map(|event| &event.observation.about.envelope_recipients).collect();
        let (Some(only), 1) = (recipients.first(), recipients.len()) else { return };
        let is_id = |id: &&Identifier| matches!(id, Identifier::NetworkMessageId(_));
        let ids: BTreeSet<&Identifier> =
            carried.iter().flat_map(|event| event.observation.about.ids.iter().filter(is_id)).collect();
        for event in events().filter(|event| is_saved_message(event.source)) {
            let about = &event.observation.about;
            if !about.ids.iter().any(|id| ids.contains(id)) {
                continue;
            }
            for name in about.envelope_recipients.iter().filter(|name| name.domain() != only.domain()) {
                if self.finals.contains(*only) && self.finals.remove(name) {
                    self.users.insert(name.clone(), (*only).clone());
                }
            }
        }
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
        let mut open = vec![last];
        while let Some(address) = open.pop() {
            for from in self.came_from.get(address).into_iter().flatten() {
                if from != last && found.insert(from.clone()) {
                    open.push(from);
                }
            }
        }
        found
    }

    /// To how many final addresses each earlier one leads.
    fn finals_by_first(&self) -> BTreeMap<Address, usize> {
        let mut finals = BTreeMap::new();
        for first in self.finals.iter().flat_map(|last| self.first_names(last)) {
            *finals.entry(first).or_default() += 1;
        }
        finals
    }
}

/// Takes the name out of records that name only who asked for a release, or deleted from quarantine, where that is no
/// recipient: an administrator did it, for whichever copy.
fn unname_strangers(stops: &mut [Stop]) {
    let events = stops.iter().flat_map(|stop| &stop.events).filter(|event| !is_by_account(event));
    let known: BTreeSet<Address> =
        events.flat_map(|event| event.observation.about.envelope_recipients.clone()).collect();
    let locals: BTreeSet<String> = known.iter().map(local_part).collect();
    for event in stops.iter_mut().flat_map(|stop| &mut stop.events).filter(|event| is_by_account(event)) {
        let [who] = event.observation.about.envelope_recipients.as_slice() else { continue };
        let only_who = match event.fact() {
            Fact::Release(release) => release.by.as_deref().is_some_and(|by| Address::new(by) == *who),
            Fact::Quarantine(kept) => kept.state == QuarantineState::Gone,
            _ => false,
        };
        if only_who && !known.is_empty() && !locals.contains(&local_part(who)) {
            Arc::make_mut(&mut event.observation.about).envelope_recipients.clear();
        }
    }
}

/// Whether a record names people by the name that they sign in with, not by the address that the mail came to.
fn is_by_account(event: &Event) -> bool {
    event.source == "exchange-online/audit-log"
        && match event.fact() {
            Fact::PostDelivery { .. } | Fact::Release(_) | Fact::Identity(_) => true,
            Fact::Quarantine(kept) => kept.state == QuarantineState::Gone,
            _ => false,
        }
}

fn sender(event: &Event) -> Option<&Address> {
    let Fact::Identity(identity) = event.fact() else { return None };
    identity.envelope_sender.as_ref().or(identity.header_from.as_ref())
}

fn local_part(address: &Address) -> String {
    address.as_str().split('@').next().unwrap_or_default().to_lowercase()
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

/// Addresses of a stop whose copies a summary word sends to another server.
fn sent_outside(stop: &Stop) -> BTreeSet<Address> {
    let is_sent = |event: &&Event| matches!(event.fact(), Fact::Status(status) if status.to.is_some());
    stop.events.iter().filter(is_sent).flat_map(|event| event.observation.about.envelope_recipients.clone()).collect()
}

/// What an event says that an address became; a group without named members became every other recipient of the stop, a
/// resolved address without a named one the only other, unless that one's copy left the organization: an address is resolved
/// to its mailbox, or forwarded, and the record does not say which.
fn became(
    event: &Event,
    address: &Address,
    here: &BTreeSet<&Address>,
    settled: &BTreeSet<Address>,
    outside: &BTreeSet<Address>,
) -> BTreeSet<Address> {
    let mut to: BTreeSet<Address> = match event.fact() {
        Fact::Redirect(Redirect::Expanded { members }) if members.is_empty() => settled.clone(),
        Fact::Redirect(Redirect::Expanded { members }) => members.iter().cloned().collect(),
        Fact::Redirect(Redirect::Resolved { to: Some(to) }) => [to.clone()].into(),
        Fact::Redirect(Redirect::Resolved { to: None }) if settled.len() == 1 && here.len() == 2 => {
            settled.difference(outside).cloned().collect()
        }
        _ => BTreeSet::new(),
    };
    to.remove(address);
    to
}

/// Out of whose mailbox each sample file was saved, where a message has several copies.
///
/// A sample's fields were written for one copy: they say nothing about the folder, the release or the lists of the others.
#[derive(Debug, Default)]
struct Savers {
    /// `None` if the sample fits several copies or none.
    of_file: BTreeMap<FileName, Option<Address>>,
}

impl Savers {
    fn of(recipients: &[Address], names: &Names, stops: &[Stop], beside: &[Event], asked: &[Address]) -> Savers {
        let mut savers = Savers::default();
        if let [only] = recipients {
            savers.contradicted(only, stops);
        }
        if recipients.len() < 2 {
            return savers;
        }
        let mut shown: BTreeMap<FileName, BTreeSet<Address>> = BTreeMap::new();
        for event in beside.iter().chain(stops.iter().flat_map(|stop| &stop.events)) {
            if is_sample(event.source) {
                let shown = shown.entry(event.observation.cite.file.clone()).or_default();
                if let Fact::Identity(identity) = event.fact() {
                    shown.extend(identity.header_to.iter().cloned());
                }
            }
        }
        for (file, shown) in shown {
            let is = |recipient: &Address, among: &dyn Fn(&Address) -> bool| {
                among(recipient) || names.first_names(recipient).iter().any(among)
            };
            let mut fitting: Vec<&Address> =
                recipients.iter().filter(|recipient| is(recipient, &|address| shown.contains(address))).collect();
            if fitting.is_empty() {
                fitting = recipients.iter().collect();
            }
            if fitting.len() > 1 {
                // Who asks about one recipient brings that recipient's sample.
                let meant: Vec<&Address> =
                    fitting.iter().copied().filter(|one| is(one, &|address| asked.contains(address))).collect();
                fitting = if meant.len() == 1 { meant } else { fitting };
            }
            if fitting.len() > 1 && is_from_junk(&file, stops) {
                let junked: Vec<&Address> = fitting
                    .iter()
                    .copied()
                    .filter(|one| has_word(stops, one, &[TraceStatus::FilteredAsSpam]))
                    .collect();
                fitting = if junked.len() == 1 { junked } else { fitting };
            }
            if fitting.len() > 1 && is_from_a_hold(&file, stops) {
                let held: Vec<&Address> = fitting
                    .iter()
                    .copied()
                    .filter(|one| has_word(stops, one, &[TraceStatus::Quarantined, TraceStatus::FilteredAsSpam]))
                    .collect();
                fitting = if held.len() == 1 { held } else { fitting };
            }
            let saver = (fitting.len() == 1).then(|| fitting[0].clone());
            savers.of_file.insert(file, saver);
        }
        savers.details(recipients, names, stops, asked);
        savers
    }

    /// A trace detail is about one recipient; where it does not name it, its end must be that of exactly one recipient in
    /// the trace, or one recipient must have been asked for.
    fn details(&mut self, recipients: &[Address], names: &Names, stops: &[Stop], asked: &[Address]) {
        let events = || stops.iter().flat_map(|stop| &stop.events);
        let mut ends: BTreeMap<FileName, BTreeSet<TraceStatus>> = BTreeMap::new();
        for event in events().filter(|event| is_unnamed_detail(event)) {
            ends.entry(event.observation.cite.file.clone()).or_default().extend(words_for(event.fact()));
        }
        for (file, words) in ends {
            let words: Vec<TraceStatus> = words.into_iter().collect();
            let of_word = |recipient: &Address| has_word(stops, recipient, &words);
            let is_asked = |recipient: &Address| {
                asked.contains(recipient) || names.first_names(recipient).iter().any(|name| asked.contains(name))
            };
            let only = |wanted: &dyn Fn(&Address) -> bool| {
                let mut fitting = recipients.iter().filter(|recipient| wanted(recipient));
                fitting.next().filter(|_| fitting.next().is_none()).cloned()
            };
            self.of_file.insert(file, only(&of_word).or_else(|| only(&is_asked)));
        }
    }

    /// A trace detail that names no recipient and ends in a refusal is about somebody else, if the trace says that the only
    /// recipient that it shows got the message: a trace that was searched for one recipient has no rows of the others.
    fn contradicted(&mut self, recipient: &Address, stops: &[Stop]) {
        if !has_word(stops, recipient, &[TraceStatus::Delivered]) || has_word(stops, recipient, &[TraceStatus::Failed])
        {
            return;
        }
        let details = stops.iter().flat_map(|stop| &stop.events).filter(|event| is_unnamed_detail(event));
        let mut ends: BTreeMap<&FileName, BTreeSet<TraceStatus>> = BTreeMap::new();
        for event in details {
            ends.entry(&event.observation.cite.file).or_default().extend(words_for(event.fact()));
        }
        let others = ends.into_iter().filter(|(_, words)| words.iter().eq([&TraceStatus::Failed]));
        self.of_file.extend(others.map(|(file, _)| (file.clone(), None)));
    }

    /// Whether what a sample says counts for a copy.
    fn speaks_of(&self, event: &Event, recipient: &Address) -> bool {
        if is_unnamed_detail(event) {
            return match self.of_file.get(&event.observation.cite.file) {
                None => true,
                Some(Some(only)) => only == recipient,
                Some(None) => matches!(event.fact(), Fact::Arrival(_) | Fact::Identity(_) | Fact::Note { .. }),
            };
        }
        let names_recipients = !event.observation.about.envelope_recipients.is_empty();
        if !is_sample(event.source) || names_recipients {
            return true;
        }
        match (self.of_file.get(&event.observation.cite.file), event.fact()) {
            (None, _) => true,
            (Some(saver), fact) => saver.as_ref() == Some(recipient) || !is_of_one_copy(fact),
        }
    }
}

/// Whether an event stands in a trace detail that does not name its recipient.
fn is_unnamed_detail(event: &Event) -> bool {
    event.source == "exchange-online/message-trace-detail" && event.observation.about.envelope_recipients.is_empty()
}

/// The words that a trace has for a copy of which a detail states this.
fn words_for(fact: &Fact) -> Vec<TraceStatus> {
    match fact {
        Fact::Handover(handover) => match handover.outcome {
            Outcome::Refused => vec![TraceStatus::Failed],
            Outcome::Deferred => vec![TraceStatus::Pending],
            _ => vec![TraceStatus::Delivered],
        },
        Fact::Stored(stored) if stored.folder == Some(Folder::Quarantine) => vec![TraceStatus::Quarantined],
        Fact::Stored(_) => vec![TraceStatus::Delivered, TraceStatus::FilteredAsSpam],
        Fact::Quarantine(_) => vec![TraceStatus::Quarantined],
        Fact::Discarded { .. } => vec![TraceStatus::Failed],
        _ => Vec::new(),
    }
}

/// Whether a statement in a message's own fields is about the one copy that was saved.
fn is_of_one_copy(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Stored(_) | Fact::Release(_) | Fact::Quarantine(_) | Fact::PostDelivery { .. } | Fact::Verdict(_)
    )
}

/// Whether a sample says that it lay in the junk folder.
fn is_from_junk(file: &FileName, stops: &[Stop]) -> bool {
    stops.iter().flat_map(|stop| &stop.events).any(|event| {
        event.observation.cite.file == *file
            && matches!(event.fact(), Fact::Stored(stored) if stored.folder == Some(Folder::Junk))
    })
}

/// Whether a sample bears a verdict against it and says nothing of a folder: the header of a copy that was kept back.
fn is_from_a_hold(file: &FileName, stops: &[Stop]) -> bool {
    let of_file = || stops.iter().flat_map(|stop| &stop.events).filter(|event| event.observation.cite.file == *file);
    let against = |event: &Event| {
        matches!(event.fact(), Fact::Verdict(verdict)
            if verdict.kind != VerdictKind::Clean && verdict.scope == Scope::Enforced)
    };
    of_file().any(against) && !of_file().any(|event| matches!(event.fact(), Fact::Stored(_)))
}

/// Whether a summary word for a recipient is one of these.
fn has_word(stops: &[Stop], recipient: &Address, words: &[TraceStatus]) -> bool {
    stops.iter().flat_map(|stop| &stop.events).any(|event| {
        event.observation.about.envelope_recipients.contains(recipient)
            && matches!(event.fact(), Fact::Status(status) if words.contains(&status.status))
    })
}

/// The part of a stop that concerns a recipient; `None` if the stop names only others.
fn station(
    stop: &Stop,
    recipient: &Address,
    aliases: &BTreeSet<Address>,
    savers: &Savers,
    all: bool,
) -> Option<Station> {
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
        .filter(|event| savers.speaks_of(event, recipient))
        .filter(|event| all || !is_of_others_lost(event, stop, recipient, aliases))
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

/// Whether a row of the quarantine's list, exported without its recipients, is about others: the trace names whom the
/// quarantine holds, and this recipient is not among them.
fn is_of_others_lost(event: &Event, stop: &Stop, recipient: &Address, aliases: &BTreeSet<Address>) -> bool {
    if event.source != "exchange-online/quarantine" || !event.observation.about.envelope_recipients.is_empty() {
        return false;
    }
    let is_held =
        |event: &&Event| matches!(event.fact(), Fact::Status(status) if status.status == TraceStatus::Quarantined);
    let held: BTreeSet<&Address> =
        stop.events.iter().filter(is_held).flat_map(|event| &event.observation.about.envelope_recipients).collect();
    !held.is_empty() && !held.contains(recipient) && !aliases.iter().any(|alias| held.contains(alias))
}

/// Whether a kind of sample is the message as it lay in a mailbox, and not a notice about it.
fn is_saved_message(source: SourceId) -> bool {
    is_sample(source) && source != "message/bounce"
}

/// The recipient that the To field shows, for evidence in which nobody names an envelope recipient. A sample is the copy
/// of one mailbox: if the field shows several, only the ticket tells whose it is; otherwise the recipient is not named.
fn shown_recipient(stops: &[Stop], beside: &[Event], asked: &[Address]) -> Address {
    let shown: BTreeSet<&Address> = beside
        .iter()
        .chain(stops.iter().flat_map(|stop| &stop.events))
        .filter_map(|event| match event.fact() {
            Fact::Identity(identity) => Some(&identity.header_to),
            _ => None,
        })
        .flatten()
        .collect();
    let meant: Vec<&Address> = shown.iter().copied().filter(|address| asked.contains(address)).collect();
    // A refusal at MAIL FROM was found by what was asked: the recipient of the ticket is the one that it would have had.
    let by_looks = || stops.iter().flat_map(|stop| &stop.events).all(|event| event.observation.about.ids.is_empty());
    if let ([only], true) = (asked, shown.is_empty() && by_looks()) {
        return only.clone();
    }
    match (shown.len(), meant.as_slice()) {
        (1, _) => shown.first().copied().cloned().unwrap_or_default(),
        (_, [only]) => (*only).clone(),
        _ => Address::default(),
    }
}
