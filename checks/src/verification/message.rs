//! One message of the ticket, or after it: how its copies fared, and what the logs of its way say of the moment.

use std::collections::BTreeSet;

use evidence::{
    Action, Address, Cite, Fact, Folder, Handover, Identifier, NextHop, Outcome, Product, QuarantineState, ReleaseStep,
    SourceId, System, TraceStatus, VerdictKind,
};
use findings::several::{self, SharedCause, Whose};
use findings::{Found, Scene};
use jiff::Timestamp;
use layers::exports::{logs_of, onward_of};
use layers::{End, Explained, Fate, Stay};
use trace::Event;

/// One message, followed to its own answer.
#[derive(Clone, Debug)]
pub struct Message {
    /// Message-ID without brackets.
    pub message_id: Option<String>,
    /// Every id that names it, as text: Message-ID and the services' own.
    pub ids: BTreeSet<String>,
    /// When the first of our records speaks of it.
    pub at: Option<Timestamp>,
    /// The Date that its author wrote, where a record states it.
    pub sent_at: Option<Timestamp>,
    /// Envelope sender.
    pub envelope_sender: Option<Address>,
    /// From.
    pub header_from: Option<Address>,
    /// Subject.
    pub subject: Option<String>,
    /// Whether it is of the sender who is asked for, and no record makes that doubtful.
    pub is_of_sender: bool,
    /// Its copies.
    pub copies: Vec<CopyFared>,
}

/// How one copy fared.
#[derive(Clone, Debug)]
pub struct CopyFared {
    /// For whom, under all names.
    pub recipients: BTreeSet<Address>,
    /// For whom, as it was addressed.
    pub envelope_recipient: Address,
    /// What became of it.
    pub fate: Fate,
    /// That in one sentence.
    pub because: String,
    /// Why, if that is shown.
    pub cause: Option<SharedCause>,
    /// The records of that.
    pub cites: Vec<Cite>,
    /// What a record of the mailbox system says of where it lies.
    pub lies: Lies,
    /// Every record that says that a mailbox took it.
    pub delivered: Vec<Cite>,
    /// A record that it was kept back on the way and let go by somebody, if there is one.
    pub let_go: Option<Cite>,
    /// The systems on its way, with what their logs say.
    pub way: Vec<Stop>,
    /// What would show what became of it.
    pub ask_for: Vec<SourceId>,
}

/// What a record of the mailbox system says of where a copy lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lies {
    /// In the inbox, which is named.
    Inbox(Cite),
    /// It was delivered; the folder is not named.
    Delivered(Cite),
    /// No record of a mailbox system says that it was delivered.
    NotSaid,
}

/// One system on the way of a copy.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The system.
    pub system: System,
    /// What its records say against the copy: a deferral, a refusal, an error, a warning; in words, with the record.
    pub trouble: Vec<(String, Cite)>,
    /// The records of the stay.
    pub cites: Vec<Cite>,
    /// Whether a log of the system covers the moment.
    pub log: Log,
}

/// Whether a log of a system covers the moment at which a copy was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// It does.
    Covers,
    /// It was supplied, and does not: why.
    Falls(&'static str),
    /// It was not supplied.
    NotSupplied,
    /// No export of such a system is read.
    NotRead,
}

impl Message {
    /// What was found out about one message. `senders` are those of the case; none, if they are not known.
    pub fn of(scene: &Scene<'_>, found: &Found, senders: &BTreeSet<Address>) -> Message {
        let is_sender = |address: &Address| senders.contains(address);
        let is_sender: Option<&dyn Fn(&Address) -> bool> = if senders.is_empty() { None } else { Some(&is_sender) };
        let member = several::member(scene, found, is_sender);
        let facts = &scene.trace.message;
        let ids = facts.message_id.iter().cloned().chain(facts.network_message_ids.iter().cloned());
        let all = scene.copies.iter().zip(&member.copies).zip(&found.answers);
        let copies = all.map(|((copy, fared), answer)| {
            let cites = fared.cause.as_ref().map(|cause| cause.cites.clone()).unwrap_or_else(|| {
                let deciding = answer.changed_layer.and_then(|layer| copy.stage(layer));
                deciding.map(|stage| stage.cites.clone()).unwrap_or_default()
            });
            CopyFared {
                recipients: copy.copy.aliases.iter().cloned().chain([fared.envelope_recipient.clone()]).collect(),
                envelope_recipient: fared.envelope_recipient.clone(),
                fate: fared.fate,
                because: fared.because.clone(),
                cause: fared.cause.clone(),
                cites: if cites.is_empty() { last_word(copy) } else { cites },
                lies: lies(copy),
                delivered: layers::cites(events(copy).filter(|event| says_delivered(event))),
                let_go: let_go(copy),
                way: copy.stays.iter().filter_map(|stay| stop(scene, copy, stay)).collect(),
                ask_for: ask_for(copy),
            }
        });
        let copies = copies.collect();
        let own_ids = scene.trace.copies.iter().flat_map(|copy| &copy.stations).flat_map(|station| &station.ids);
        Message {
            message_id: facts.message_id.clone(),
            // Queue ids are given again: they name a message to nobody who does not know the life of the queue file.
            ids: ids
                .chain(own_ids.filter(|id| !matches!(id, Identifier::QueueId { .. })).map(|id| id.text().to_owned()))
                .collect(),
            at: met_at(scene),
            sent_at: dated(scene),
            envelope_sender: facts.envelope_sender.clone(),
            header_from: facts.header_from.clone(),
            subject: facts.subject.clone(),
            is_of_sender: member.whose == Whose::Sought,
            copies,
        }
    }

    /// What people know it by.
    pub fn name(&self) -> String {
        self.message_id.as_ref().map_or_else(|| "a message without a Message-ID".to_owned(), |id| format!("<{id}>"))
    }

    /// The copies for one recipient.
    pub fn copies_for<'m>(&'m self, recipient: &'m Address) -> impl Iterator<Item = &'m CopyFared> {
        self.copies.iter().filter(move |copy| copy.recipients.contains(recipient))
    }
}

/// When the first record of one of our systems speaks of it: what a sample says of the servers before ours does not count.
fn met_at(scene: &Scene<'_>) -> Option<Timestamp> {
    let events = scene.copies.iter().flat_map(|copy| &copy.stays).flat_map(|stay| &stay.station.events);
    let own = || events.clone().filter(|event| !trace::is_sample(event.source));
    own().filter_map(Event::at).min().or_else(|| events.clone().filter_map(Event::at).min())
}

/// The Date field, where a record states it.
fn dated(scene: &Scene<'_>) -> Option<Timestamp> {
    let identities = scene.lake.entries().iter().filter_map(|entry| match &entry.observation.fact {
        Fact::Identity(identity) => identity.sent_at.as_ref(),
        _ => None,
    });
    identities.map(|when| when.at).min()
}

/// The records of how the stay ended that decided the fate.
fn last_word(copy: &Explained<'_>) -> Vec<Cite> {
    let stay = copy.decided().or_else(|| copy.stays.last());
    stay.map(|stay| layers::cites(stay.station.events.iter().rev().take(1))).unwrap_or_default()
}

/// What a record of the mailbox system says. A gateway keeps no mailboxes: that the next server took a copy is no delivery.
fn lies(copy: &Explained<'_>) -> Lies {
    if copy.fate != Fate::Delivered {
        return Lies::NotSaid;
    }
    let inbox = copy.stays.iter().flat_map(|stay| &stay.station.events).find(|event| names_inbox(event));
    if let Some(event) = inbox {
        return Lies::Inbox(event.observation.cite.clone());
    }
    match copy.decided().map(|stay| stay.end) {
        Some(End::Stored(event) | End::Moved(event) | End::Delivered(event)) if !trace::is_sample(event.source) => {
            Lies::Delivered(event.observation.cite.clone())
        }
        Some(End::HandedOver(event)) if is_to_a_store(event) => Lies::Delivered(event.observation.cite.clone()),
        _ => Lies::NotSaid,
    }
}

fn events<'c>(copy: &'c Explained<'_>) -> impl Iterator<Item = &'c Event> {
    copy.stays.iter().flat_map(|stay| &stay.station.events)
}

fn says_delivered(event: &Event) -> bool {
    let is_said = match event.fact() {
        Fact::Stored(_) => true,
        Fact::Status(status) => status.status == TraceStatus::Delivered,
        _ => is_to_a_store(event),
    };
    is_said && !trace::is_sample(event.source)
}

fn names_inbox(event: &Event) -> bool {
    let is_inbox = |folder: &Option<Folder>| *folder == Some(Folder::Inbox);
    match event.fact() {
        Fact::Stored(stored) => is_inbox(&stored.folder) && !trace::is_sample(event.source),
        Fact::PostDelivery { folder, .. } => is_inbox(folder),
        _ => false,
    }
}

fn is_to_a_store(event: &Event) -> bool {
    matches!(event.fact(), Fact::Handover(Handover { next_hop: NextHop::MailboxStore, outcome: Outcome::Accepted, .. }))
}

/// That somebody let it go out of a quarantine: without that it would not have come.
fn let_go(copy: &Explained<'_>) -> Option<Cite> {
    let events = || copy.stays.iter().flat_map(|stay| &stay.station.events);
    let is_release = |event: &&Event| match event.fact() {
        Fact::Release(release) => release.step == ReleaseStep::Released,
        Fact::Quarantine(kept) => matches!(kept.state, QuarantineState::Released | QuarantineState::Held),
        _ => false,
    };
    events().find(is_release).map(|event| event.observation.cite.clone())
}

/// One system that the copy passed, as its own records or the evidence about it show.
fn stop(scene: &Scene<'_>, copy: &Explained<'_>, stay: &Stay<'_>) -> Option<Stop> {
    let own: Vec<&Event> = stay.station.events.iter().filter(|event| !trace::is_sample(event.source)).collect();
    let system = stay.station.system.clone();
    // A filter of which only another system's log speaks has no log of its own to be read.
    if matches!(system.product, Product::Other(_)) && own.is_empty() {
        return None;
    }
    let trouble = own.iter().filter_map(|event| Some((trouble(event)?, event.observation.cite.clone()))).collect();
    let moments: Vec<Timestamp> = own.iter().filter_map(|event| event.at()).collect();
    let log = log(scene, copy, stay, &moments);
    Some(Stop { cites: layers::cites(own.iter().copied().take(3)), system, trouble, log })
}

/// Whether a log of the system of a stay covers all these moments, and goes on after the last record about the copy.
fn log(scene: &Scene<'_>, copy: &Explained<'_>, stay: &Stay<'_>, moments: &[Timestamp]) -> Log {
    let kinds = logs_of(&stay.station.system.product);
    if kinds.is_empty() {
        return Log::NotRead;
    }
    let Some((first, last)) = moments.iter().min().zip(moments.iter().max()) else {
        return if kinds.iter().any(|kind| scene.lake.has(kind)) {
            Log::Falls("it has no record of it")
        } else {
            Log::NotSupplied
        };
    };
    let shows = |kind: &&SourceId| [first, last].iter().all(|at| layers::would_show(scene.lake, copy.copy, kind, **at));
    // Records of the copy itself do not show that the log goes on.
    let passed_on = passed_on(copy, stay).unwrap_or(*last).max(*last);
    let ends_at = |kind: &SourceId| {
        let own = events(copy).filter(|event| event.source == *kind).filter_map(Event::at);
        own.chain([passed_on]).max().unwrap_or(passed_on)
    };
    let goes_on = |kind: &SourceId| scene.lake.covers_until(kind, *last).is_some_and(|to| to > ends_at(kind));
    if kinds.iter().any(|kind| shows(&kind) && goes_on(kind)) {
        return Log::Covers;
    }
    let supplied: Vec<&SourceId> = kinds.iter().filter(|kind| scene.lake.has(kind)).collect();
    let files = || scene.lake.supplied().iter().filter(|file| file.source.is_some_and(|own| supplied.contains(&&own)));
    match supplied.is_empty() {
        true => Log::NotSupplied,
        false if files().any(|file| file.coverage.suspected_cut) => Log::Falls("it looks cut"),
        false
            if files().all(|file| file.coverage.to.zip(file.source).is_none_or(|(to, kind)| to <= ends_at(&kind))) =>
        {
            Log::Falls("it ends with the message, so that what came right after it is not in it")
        }
        false => Log::Falls("it does not cover the moment, or was searched for others"),
    }
}

/// When the next system on the way first had the copy.
fn passed_on(copy: &Explained<'_>, stay: &Stay<'_>) -> Option<Timestamp> {
    let next = copy.stays.iter().skip_while(|one| !std::ptr::eq(*one, stay)).nth(1)?;
    next.station.events.iter().filter(|event| !trace::is_sample(event.source)).filter_map(Event::at).min()
}

/// What a record says against the copy, in words.
fn trouble(event: &Event) -> Option<String> {
    let by = &event.observation.speaker;
    let what = match event.fact() {
        Fact::Arrival(arrival) if arrival.scope == evidence::Scope::Enforced => {
            attempt(arrival.outcome, "at the door")?
        }
        Fact::Handover(handover) => attempt(handover.outcome, "by the next hop")?,
        Fact::Verdict(verdict)
            if verdict.scope == evidence::Scope::Enforced && is_alarm(&verdict.kind, &verdict.action) =>
        {
            format!("judged `{}`", verdict.said)
        }
        Fact::Quarantine(kept) if kept.state == QuarantineState::Held => "kept back".to_owned(),
        Fact::Dsn(dsn) if matches!(dsn.action, evidence::DsnAction::Failed | evidence::DsnAction::Delayed) => {
            format!("a notice says `{}`", dsn.reply.text)
        }
        Fact::Discarded { said } => format!("thrown away: `{said}`"),
        Fact::Expired => "given up".to_owned(),
        Fact::NoticeSent { .. } => "a notice of non-delivery was sent".to_owned(),
        Fact::Release(release) if release.step == ReleaseStep::Failed => {
            format!("a release failed: `{}`", release.said)
        }
        Fact::Note { said } if is_warning(said) => format!("`{said}`"),
        _ => return None,
    };
    Some(format!("{by}: {what}"))
}

fn attempt(outcome: Outcome, whom: &str) -> Option<String> {
    match outcome {
        Outcome::Deferred => Some(format!("put off {whom}")),
        Outcome::Refused => Some(format!("refused {whom}")),
        Outcome::Accepted | Outcome::NotSaid => None,
    }
}

/// A verdict that did something, or that names something worse than bulk.
fn is_alarm(kind: &VerdictKind, action: &Action) -> bool {
    let acted = matches!(
        action,
        Action::Junked
            | Action::Quarantined
            | Action::Rejected
            | Action::Deferred
            | Action::Discarded
            | Action::Bounced
            | Action::Sandboxed
            | Action::Redirected
    );
    let is_harmless = matches!(kind, VerdictKind::Clean | VerdictKind::TransportRule | VerdictKind::Unknown);
    acted || (*action == Action::Tagged && !is_harmless)
}

/// Words by which a log says that something went wrong, as words of their own.
const WARNINGS: &[&str] = &["warning", "error", "failed", "timeout", "fatal", "panic"];

fn is_warning(said: &str) -> bool {
    let said = said.to_lowercase();
    let mut words = said.split(|c: char| !c.is_alphanumeric()).peekable();
    let is_none = said.contains("no error") || said.contains("error=none") || said.contains("error: none");
    !is_none && words.any(|word| WARNINGS.contains(&word))
}

/// Which exports would show where a copy came to lie.
fn ask_for(copy: &Explained<'_>) -> Vec<SourceId> {
    let mut asked: Vec<SourceId> = copy
        .stages
        .iter()
        .filter(|stage| stage.layer >= evidence::Layer::Delivery)
        .flat_map(|stage| stage.ask_for.clone())
        .collect();
    if asked.is_empty() {
        let last = copy.stays.last().map(|stay| onward_of(&stay.station.system.product)).unwrap_or_default();
        asked = last;
    }
    asked.dedup();
    asked
}
