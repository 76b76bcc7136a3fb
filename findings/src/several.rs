//! Lays the answers of several messages beside each other: how many share a cause, and which are the exceptions.
//!
//! Two copies share a cause if both causes are shown, have one id, are the word of one product, and the records name the same
//! thing that decided: a policy, a rule, an entry, or the words of a reply. A copy whose cause is not shown shares nothing,
//! however alike it looks. What the records leave unnamed is a group of its own and says so.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Address, AuthMethod, AuthResult, Cite, Fact, Layer, PolicyRef, Reply, System};
use jiff::Timestamp;
use layers::{Explained, Fate};
use trace::{Event, Trace};

use crate::{Finding, Found, Kind, Scene, Standing};

/// What decided, as the records name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decider {
    /// A policy, rule, list or definition, by its name, else by its id.
    Policy(String),
    /// The words of a reply, without addresses, ids and other words that differ from copy to copy.
    Reply(String),
    /// A policy of this kind; the records do not name which.
    Kind(String),
    /// The records name none.
    Unnamed,
}

/// The cause of a copy's fate, beside those of others.
#[derive(Clone, Debug)]
pub struct SharedCause {
    /// `family/specific`.
    pub id: String,
    /// Proved or likely.
    pub standing: Standing,
    /// The layer.
    pub layer: Layer,
    /// The product whose record decides.
    pub system: String,
    /// What decided.
    pub decider: Decider,
    /// The claim.
    pub statement: String,
    /// The records that carry it.
    pub cites: Vec<Cite>,
}

/// One copy of one of several messages.
#[derive(Clone, Debug)]
pub struct MemberCopy {
    /// For whom.
    pub envelope_recipient: Address,
    /// What became of it.
    pub fate: Fate,
    /// The layer that explains that.
    pub changed_layer: Option<Layer>,
    /// The explanation in one sentence.
    pub because: String,
    /// The cause, if it is shown.
    pub cause: Option<SharedCause>,
    /// For what it was kept back, if only a release made it arrive: the id of that cause, and the records of both.
    pub undone: Option<(String, Vec<Cite>)>,
    /// Whether fate and cause are shown.
    pub shown: bool,
}

/// Whose a message is, if a sender is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The sender's that is asked for; or none is asked for.
    Sought,
    /// Its From names the sender, its envelope another, and DMARC did not pass.
    OnlyByFrom(Address),
    /// Its From names the sender, its envelope another, and no record says how DMARC went.
    Unauthenticated(Address),
    /// Somebody else's.
    Other,
}

/// One of several messages, followed to its own answer.
#[derive(Clone, Debug)]
pub struct Member {
    /// Message-ID without brackets.
    pub message_id: Option<String>,
    /// When the first of our records speaks of it, else its own date.
    pub at: Option<Timestamp>,
    /// Whose it is.
    pub whose: Whose,
    /// Its copies.
    pub copies: Vec<MemberCopy>,
    /// The places of its records, of those without an id of a message too.
    pub places: BTreeSet<(String, u64, u64)>,
    /// The places of the records on which its stages rest.
    pub stage_places: BTreeSet<(String, u64, u64)>,
}

/// Copies that share a cause: `(message, copy)` as numbers.
#[derive(Clone, Debug)]
pub struct Group {
    /// The cause as the first of them has it, with the weakest standing of all.
    pub cause: SharedCause,
    /// The copies, in the order of the messages.
    pub copies: Vec<(usize, usize)>,
    /// How many messages they are of.
    pub messages: usize,
    /// The instant of its first message.
    pub first: Option<Timestamp>,
    /// The instant of its last message.
    pub last: Option<Timestamp>,
    /// The last copy that was delivered before the first of the group.
    pub delivered_before: Option<Timestamp>,
    /// The first copy that was delivered after the last of the group.
    pub delivered_after: Option<Timestamp>,
    /// How many copies were delivered in between.
    pub delivered_between: usize,
}

/// What several messages have in common.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// Causes that copies of at least two messages share, the one of most messages first.
    pub groups: Vec<Group>,
    /// The copies that are in no group and are worth a look: `(message, copy)`, and what differs.
    pub exceptions: Vec<(usize, usize, String)>,
}

/// What counts of one message that was followed; `is_sender` tells whether an address is a sender that is asked for.
pub fn member(scene: &Scene<'_>, found: &Found, is_sender: Option<&dyn Fn(&Address) -> bool>) -> Member {
    let facts = &scene.trace.message;
    let copies: Vec<MemberCopy> =
        scene.copies.iter().zip(&found.answers).map(|(copy, answer)| of_copy(copy, answer, found)).collect();
    let events = || scene.trace.copies.iter().flat_map(|copy| &copy.stations).flat_map(|station| &station.events);
    let at = events().filter_map(Event::at).min();
    let place = |cite: &Cite| (cite.file.to_string(), cite.bytes.start, cite.bytes.end);
    Member {
        message_id: facts.message_id.clone(),
        at: at.or(facts.sent_at.as_ref().map(|when| when.at)),
        whose: is_sender.map_or(Whose::Sought, |is_sender| whose(scene.trace, is_sender)),
        copies,
        places: scene.lake.entries().iter().map(|entry| place(&entry.observation.cite)).collect(),
        stage_places: found
            .answers
            .iter()
            .flat_map(|answer| &answer.stages)
            .flat_map(|stage| &stage.cites)
            .map(place)
            .collect(),
    }
}

impl Member {
    /// Whether fate and cause of every copy are shown.
    pub fn is_shown(&self) -> bool {
        !self.copies.is_empty() && self.copies.iter().all(|copy| copy.shown)
    }
}

/// Whose a message is: by its envelope, else by its From, which everybody can write.
fn whose(trace: &Trace, is_sender: &dyn Fn(&Address) -> bool) -> Whose {
    let facts = &trace.message;
    let envelope = facts.envelope_sender.as_ref().filter(|sender| !sender.is_null());
    let from = facts.header_from.as_ref();
    match (envelope, from) {
        (Some(envelope), _) if is_sender(envelope) => Whose::Sought,
        (Some(envelope), Some(from)) if is_sender(from) => {
            let results: Vec<AuthResult> = dmarc(trace).collect();
            match results.as_slice() {
                _ if are_kin(envelope, from) => Whose::Sought,
                [] => Whose::Unauthenticated(envelope.clone()),
                some if some.contains(&AuthResult::Pass) => Whose::Sought,
                _ => Whose::OnlyByFrom(envelope.clone()),
            }
        }
        (None, Some(from)) if is_sender(from) => Whose::Sought,
        // A gateway may have rewritten the envelope (SRS): any system that carried it may know the first one.
        _ if carried_for(trace, is_sender) => Whose::Sought,
        _ => Whose::Other,
    }
}

/// Whether the domains of two addresses are one, or one lies below the other.
fn are_kin(one: &Address, other: &Address) -> bool {
    let below = |low: &str, high: &str| low.strip_suffix(high).is_some_and(|head| head.ends_with('.'));
    match (one.domain(), other.domain()) {
        (Some(one), Some(other)) => one == other || below(one, other) || below(other, one),
        _ => false,
    }
}

/// How DMARC went, as systems that count say: a pass shows that the From was allowed.
fn dmarc(trace: &Trace) -> impl Iterator<Item = AuthResult> {
    events(trace).filter_map(|event| match event.fact() {
        Fact::Authentication(result) if result.method == AuthMethod::Dmarc && result.arc_instance.is_none() => {
            Some(result.result.clone())
        }
        _ => None,
    })
}

fn carried_for(trace: &Trace, is_sender: &dyn Fn(&Address) -> bool) -> bool {
    events(trace).any(|event| {
        matches!(event.fact(), Fact::Identity(identity)
            if identity.envelope_sender.as_ref().is_some_and(is_sender))
    })
}

fn events(trace: &Trace) -> impl Iterator<Item = &Event> {
    trace.copies.iter().flat_map(|copy| copy.stations.iter().flat_map(|station| &station.events).chain(&copy.beside))
}

/// The cause of a copy's fate with what decided; nothing if it is not shown, or if the copy is simply in the inbox.
pub fn cause_of(copy: &Explained<'_>, answer: &crate::Answer, found: &Found) -> Option<SharedCause> {
    let recipient = &copy.copy.envelope_recipient;
    let is_own = |finding: &&Finding| {
        finding.kind == Kind::Cause
            && matches!(finding.standing, Standing::Proved | Standing::Likely)
            && finding.envelope_recipient.as_ref().unwrap_or(&Address::default()) == recipient
            && finding.statement == answer.because
    };
    let finding = found.findings.iter().find(is_own).filter(|_| answer.shown)?;
    let (decider, beside) = decider(copy, finding);
    let system = cited(copy, finding)
        .next()
        .map_or(String::new(), |event| System::of(event.observation.speaker.product.clone()).to_string());
    Some(SharedCause {
        id: finding.id.clone(),
        standing: finding.standing,
        layer: finding.layer,
        system,
        decider,
        statement: finding.statement.clone(),
        cites: finding.cites.iter().cloned().chain(beside).collect(),
    })
}

fn of_copy(copy: &Explained<'_>, answer: &crate::Answer, found: &Found) -> MemberCopy {
    let cause = cause_of(copy, answer, found);
    let shown = match copy.fate {
        Fate::Delivered => true,
        Fate::Unknown => false,
        _ => answer.changed_layer.is_some() && cause.is_some(),
    };
    MemberCopy {
        envelope_recipient: copy.copy.envelope_recipient.clone(),
        fate: copy.fate,
        changed_layer: answer.changed_layer,
        because: answer.because.clone(),
        undone: undone(copy, found),
        cause,
        shown,
    }
}

/// For what a copy that arrived had been kept back before it was let go, with the records of both.
fn undone(copy: &Explained<'_>, found: &Found) -> Option<(String, Vec<Cite>)> {
    let recipient = &copy.copy.envelope_recipient;
    let is_it = |finding: &&Finding| {
        finding.kind == Kind::Cause
            && finding.standing == Standing::Refuted
            && finding.envelope_recipient.as_ref().unwrap_or(&Address::default()) == recipient
    };
    let finding = found.findings.iter().find(is_it).filter(|_| copy.fate == Fate::Delivered)?;
    Some((finding.id.clone(), finding.cites.clone()))
}

/// The events of a copy at which a finding points, in the finding's order.
fn cited<'c>(copy: &'c Explained<'_>, finding: &'c Finding) -> impl Iterator<Item = &'c Event> {
    finding.cites.iter().flat_map(move |cite| {
        let events = copy.copy.stations.iter().flat_map(|station| &station.events).chain(&copy.copy.notices);
        events.filter(move |event| event.observation.cite.order() == cite.order())
    })
}

/// What decided: words of a reply first where a server's answer is the cause, else the policy first; and the record that names
/// it, if it is none of the cause's own.
fn decider(copy: &Explained<'_>, finding: &Finding) -> (Decider, Option<Cite>) {
    let policy = || cited(copy, finding).find_map(|event| named(policy_of(event.fact())?)).map(Decider::Policy);
    let reply = || {
        let replies = cited(copy, finding).filter_map(reply_of);
        let words = replies.map(|reply| steady_words(&reply, copy)).find(|words| !words.is_empty());
        words.map(Decider::Reply)
    };
    let kind = || {
        let kinds = cited(copy, finding).find_map(|event| said(policy_of(event.fact())?.kind.as_ref()));
        kinds.map(Decider::Kind)
    };
    let by_answer = ["connector-routing/", "release-handoff/"].iter().any(|family| finding.id.starts_with(family));
    if by_answer {
        return (reply().or_else(policy).unwrap_or(Decider::Unnamed), None);
    }
    match (policy(), policy_beside(copy, finding)) {
        (Some(own), _) => (own, None),
        (None, Some((name, cite))) => (Decider::Policy(name), Some(cite)),
        (None, None) => (reply().or_else(kind).unwrap_or(Decider::Unnamed), None),
    }
}

/// The policy that another record of the same stay names for the same verdict, where the deciding record names none: a log
/// says that it held, the list of what is held says by which policy. `None` if two are named.
fn policy_beside(copy: &Explained<'_>, finding: &Finding) -> Option<(String, Cite)> {
    let (kind, action) = cited(copy, finding).find_map(|event| match event.fact() {
        Fact::Verdict(verdict) => Some((&verdict.kind, &verdict.action)),
        _ => None,
    })?;
    let stay = copy.decided()?;
    let beside = stay.verdicts.iter().filter_map(|event| match event.fact() {
        Fact::Verdict(other) if other.kind == *kind && other.action == *action => {
            Some((named(other.policy.as_ref()?)?, event.observation.cite.clone()))
        }
        _ => None,
    });
    let beside: Vec<(String, Cite)> = beside.collect();
    let first = beside.first()?.clone();
    beside.iter().all(|(name, _)| *name == first.0).then_some(first)
}

/// The words of another server, or of a summary that repeats them.
fn reply_of(event: &Event) -> Option<Reply> {
    match event.fact() {
        Fact::Arrival(arrival) => arrival.reply.clone(),
        Fact::Handover(handover) => handover.reply.clone(),
        Fact::Dsn(dsn) => Some(dsn.reply.clone()),
        Fact::Status(status) => {
            let (_, text) = status.said.split_once(": ")?;
            Some(Reply { text: text.to_owned(), ..Reply::default() })
        }
        _ => None,
    }
}

fn policy_of(fact: &Fact) -> Option<&PolicyRef> {
    match fact {
        Fact::Verdict(verdict) => verdict.policy.as_ref(),
        Fact::Quarantine(kept) => kept.policy.as_ref(),
        _ => None,
    }
}

fn named(policy: &PolicyRef) -> Option<String> {
    let by_id = || {
        let id = said(policy.id.as_ref())?;
        Some(said(policy.kind.as_ref()).map_or(id.clone(), |kind| format!("{kind} {id}")))
    };
    said(policy.name.as_ref()).or_else(by_id)
}

fn said(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).cloned()
}

/// How much of a reply is compared.
const REPLY_WORDS: usize = 24;

/// The words of a reply that do not differ from copy to copy: codes stay; addresses and words with digits (ids, hosts of a
/// pool, instants) go.
fn steady_words(reply: &Reply, copy: &Explained<'_>) -> String {
    let own = copy.copy.envelope_recipient.as_str();
    let codes = reply.reply_code.map(|code| code.to_string()).into_iter().chain(reply.enhanced_status_code.clone());
    let codes: Vec<String> = codes.collect();
    let text = reply.text.split_whitespace().filter(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let is_code = codes.contains(&bare);
        !is_code && !bare.is_empty() && !bare.contains('@') && bare != own && !bare.bytes().any(|b| b.is_ascii_digit())
    });
    let text: Vec<&str> = text.take(REPLY_WORDS).collect();
    codes.iter().map(String::as_str).chain(text).collect::<Vec<_>>().join(" ")
}

/// The messages that count: the sender's own. If there is none, those that may be its own, for no record says otherwise.
pub fn counted(members: &[Member]) -> BTreeSet<usize> {
    let of = |wanted: fn(&Whose) -> bool| -> BTreeSet<usize> {
        members.iter().enumerate().filter(|(_, member)| wanted(&member.whose)).map(|(at, _)| at).collect()
    };
    let own = of(|whose| *whose == Whose::Sought);
    if own.is_empty() { of(|whose| matches!(whose, Whose::Unauthenticated(_))) } else { own }
}

/// What the causes of two copies must have in common to be one: id, system, and what decided.
type CauseKey<'m> = (&'m str, &'m str, &'m Decider);

/// Groups the copies of the sender's own messages by their cause, and names the exceptions.
pub fn shared(members: &[Member]) -> Shared {
    let counted: Vec<(usize, &Member)> = counted(members).into_iter().map(|at| (at, &members[at])).collect();
    let copies: Vec<(usize, usize, &MemberCopy)> = counted
        .iter()
        .flat_map(|(at, member)| member.copies.iter().enumerate().map(|(copy, one)| (*at, copy, one)))
        .collect();
    let mut by_cause: BTreeMap<CauseKey<'_>, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, copy, one) in &copies {
        if let Some(cause) = one.cause.as_ref().filter(|_| one.shown) {
            by_cause.entry((&cause.id, &cause.system, &cause.decider)).or_default().push((*at, *copy));
        }
    }
    let delivered: Vec<Timestamp> =
        copies.iter().filter(|(.., one)| one.fate == Fate::Delivered).filter_map(|(at, ..)| members[*at].at).collect();
    let mut groups: Vec<Group> = by_cause
        .into_values()
        .filter_map(|copies| group(members, copies, &delivered))
        .filter(|group| group.messages > 1)
        .collect();
    groups.sort_by(|a, b| {
        let size = |group: &Group| std::cmp::Reverse((group.messages, group.copies.len()));
        (size(a), a.first, &a.cause.id, &a.cause.decider).cmp(&(size(b), b.first, &b.cause.id, &b.cause.decider))
    });
    let exceptions = exceptions(&groups, &copies);
    Shared { groups, exceptions }
}

fn group(members: &[Member], copies: Vec<(usize, usize)>, delivered: &[Timestamp]) -> Option<Group> {
    let causes = || copies.iter().filter_map(|(at, copy)| members[*at].copies[*copy].cause.as_ref());
    let standing = causes().map(|cause| cause.standing).max()?;
    let cause = SharedCause { standing, ..causes().next()?.clone() };
    let own: BTreeSet<usize> = copies.iter().map(|(at, _)| *at).collect();
    let instants = || own.iter().filter_map(|at| members[*at].at);
    let (first, last) = (instants().min(), instants().max());
    let before = |at: &Timestamp| first.is_some_and(|first| *at < first);
    let after = |at: &Timestamp| last.is_some_and(|last| *at > last);
    Some(Group {
        cause,
        messages: own.len(),
        first,
        last,
        delivered_before: delivered.iter().copied().filter(before).max(),
        delivered_after: delivered.iter().copied().filter(after).min(),
        delivered_between: delivered.iter().filter(|at| !before(at) && !after(at)).count(),
        copies,
    })
}

/// The copies in no group. Where all was delivered, nothing is an exception.
fn exceptions(groups: &[Group], copies: &[(usize, usize, &MemberCopy)]) -> Vec<(usize, usize, String)> {
    let grouped: BTreeSet<(usize, usize)> = groups.iter().flat_map(|group| group.copies.iter().copied()).collect();
    if copies.iter().all(|(.., one)| one.fate == Fate::Delivered) {
        return Vec::new();
    }
    let largest = groups.first().map(|group| &group.cause);
    let left = copies.iter().filter(|(at, copy, _)| !grouped.contains(&(*at, *copy)));
    left.map(|(at, copy, one)| (*at, *copy, what_differs(one, largest))).collect()
}

/// What parts an exception from the largest group.
fn what_differs(one: &MemberCopy, largest: Option<&SharedCause>) -> String {
    match (&one.cause, largest) {
        _ if one.fate == Fate::Delivered => format!("delivered: {}", one.because),
        (Some(cause), _) if !one.shown => format!("not shown what became of it: {}", cause.statement),
        (Some(cause), Some(largest)) if cause.id == largest.id && cause.system != largest.system => {
            format!("the same kind of cause, but the word of another system: {}", cause.statement)
        }
        (Some(cause), Some(largest)) if cause.id == largest.id => match &cause.decider {
            Decider::Policy(name) | Decider::Reply(name) => {
                format!("the same kind of cause, but \"{name}\" decided: {}", cause.statement)
            }
            Decider::Unnamed | Decider::Kind(_) => {
                format!("the same kind of cause, but the records do not name what decided: {}", cause.statement)
            }
        },
        (Some(cause), Some(_)) => format!("another cause: {}", cause.statement),
        (Some(cause), None) => format!("its cause, which no other shares: {}", cause.statement),
        (None, _) => format!("its cause is not shown, so it is not counted: {}", one.because),
    }
}

#[cfg(test)]
mod tests;
