//! Which of the four reasons to give a ticket to somebody else apply, each with what says so.
//!
//! A reason applies by records or journal entries, never by their absence; each of the four is told, with why it does not apply if it does
//! not.

use std::collections::{BTreeMap, BTreeSet};

use report::{Cite, CureKind, Fate, Layer, MessageCopy, Owner, ReplyExplained, Report, Standing, State};

use super::Asked;
use super::data::{self, CauseEntry};
use super::document::{EscalationReason, JournalEntry, ReasonName, ReceiverKind};
use super::side::{Side, domain, side};
use super::signs::Sign;
use crate::case::{AnsweredCause, Case};
use crate::journal::{Answer, Deed, Entry, Verification};

/// What one reason comes to.
pub struct Weighed {
    /// The reason as it is told.
    pub told: EscalationReason,
    /// Whether it applies.
    pub applies: bool,
    /// Whom it names.
    pub receiver: Option<ReceiverKind>,
}

/// The four reasons in order, then what a person says.
pub fn weigh(asked: &Asked<'_>, concerned: &[&MessageCopy], sign: Option<&Sign>) -> Vec<Weighed> {
    let mut all = vec![
        several(asked, concerned),
        ownership(asked, concerned, sign),
        disruptive(asked, concerned),
        after_fix(asked),
    ];
    all.extend(asked.reason.map(|text| said(asked, text)));
    all
}

fn applies(reason: ReasonName, statement: String, cites: Vec<Cite>) -> Weighed {
    Weighed { told: told(reason, statement, cites), applies: true, receiver: None }
}

fn does_not(reason: ReasonName, statement: &str) -> Weighed {
    Weighed { told: told(reason, statement.to_owned(), vec![]), applies: false, receiver: None }
}

fn told(reason: ReasonName, statement: String, cites: Vec<Cite>) -> EscalationReason {
    EscalationReason { reason, statement, cites, entries: vec![], said_by: None }
}

fn said(asked: &Asked<'_>, text: &str) -> Weighed {
    let mut weighed = applies(ReasonName::SaidByAPerson, text.trim().to_owned(), vec![]);
    weighed.told.said_by = Some(asked.who.to_owned());
    weighed
}

/// A cause as records name it: its id, its product, and what decided.
type CauseKey<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

/// Several recipients share the cause, in this ticket or in other open cases of the client.
fn several(asked: &Asked<'_>, concerned: &[&MessageCopy]) -> Weighed {
    const REASON: ReasonName = ReasonName::SeveralUsersOrSites;
    let report = asked.report;
    let mut by_cause: BTreeMap<CauseKey<'_>, BTreeMap<&str, &[Cite]>> = BTreeMap::new();
    let of_copies =
        report.copies.iter().filter_map(|copy| Some((copy.cause.as_ref()?, copy.envelope_recipient.as_str())));
    let counted = report.messages.iter().filter(|one| one.not_counted.is_none());
    let of_messages = counted.flat_map(|one| &one.copies);
    let of_messages = of_messages.filter_map(|copy| Some((copy.cause.as_ref()?, copy.envelope_recipient.as_str())));
    for (cause, recipient) in of_copies.chain(of_messages).filter(|(_, recipient)| !recipient.is_empty()) {
        let key = (cause.id.as_str(), cause.system.as_str(), cause.policy.as_deref(), cause.reply.as_deref());
        by_cause.entry(key).or_default().entry(recipient).or_insert(&cause.cites);
    }
    let widest = by_cause.iter().max_by_key(|(key, recipients)| (recipients.len(), std::cmp::Reverse(*key)));
    let in_ticket = widest.filter(|(_, recipients)| recipients.len() > 1);
    let others = others(asked, concerned);
    if in_ticket.is_none() && others.is_empty() {
        let statement = match by_cause.is_empty() {
            true => "no cause is shown, so none is shown to be shared",
            false => "the records show the cause for one recipient, and no other open case of this client shares it",
        };
        return does_not(REASON, statement);
    }
    let mut statements = Vec::new();
    let mut cites = Vec::new();
    if let Some(((id, system, ..), recipients)) = in_ticket {
        let by = if system.is_empty() { String::new() } else { format!(" by {system}") };
        statements.push(format!(
            "{} recipients share one cause ({id}{by}): {}",
            recipients.len(),
            list(recipients.keys())
        ));
        cites.extend(recipients.values().filter_map(|cites| cites.first()).take(12).cloned());
    }
    let mut entries = Vec::new();
    for (case, entry) in &others {
        let site = case.about.site.as_deref().map_or(String::new(), |site| format!(", site {site}"));
        let user = case.about.user.as_deref().map_or(String::new(), |user| format!(", {user}"));
        statements.push(format!("case {} of the same client is open with the same cause{user}{site}", case.number));
        entries.push(journal_entry(case, entry));
    }
    let mut weighed = applies(REASON, statements.join("; "), cites);
    weighed.told.entries = entries;
    weighed
}

/// The first few, and how many more.
fn list<'a>(names: impl ExactSizeIterator<Item = &'a &'a str>) -> String {
    let count = names.len();
    let named: Vec<&str> = names.take(4).copied().collect();
    let more = if count > named.len() { format!(" and {} more", count - named.len()) } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// Open cases of the same client in which somebody else, or another site, met the same cause.
fn others<'a>(asked: &Asked<'a>, concerned: &[&MessageCopy]) -> Vec<(&'a Case, &'a Entry)> {
    let Some(answered) = &asked.case.answered else { return Vec::new() };
    let recipients: BTreeSet<&str> = concerned.iter().map(|copy| copy.envelope_recipient.as_str()).collect();
    let is_same = |other: &Case| {
        let Some(theirs) = &other.answered else { return false };
        let shares_sender = answered.senders.iter().any(|one| {
            let own = domain(one);
            !own.is_empty() && theirs.senders.iter().any(|their| domain(their) == own)
        });
        let same = |one: &AnsweredCause| theirs.causes.iter().any(|their| is_same_cause(one, their, shares_sender));
        let is_elsewhere = other.about.site != asked.case.about.site
            || theirs.causes.iter().any(|cause| {
                cause.envelope_recipient.as_deref().is_some_and(|recipient| !recipients.contains(recipient))
            });
        is_elsewhere && answered.causes.iter().any(same)
    };
    asked.others.iter().filter(|(case, _)| is_same(case)).map(|(case, entry)| (case, entry)).collect()
}

/// Whether two cases have one cause: one id at one layer, and either the records name one thing that decided, or, where the message itself
/// decides (its content, its authentication, the mailbox), the senders share a domain.
fn is_same_cause(one: &AnsweredCause, other: &AnsweredCause, shares_sender: bool) -> bool {
    if (&one.id, one.layer) != (&other.id, other.layer) {
        return false;
    }
    let is_by_message = ["content-verdict/", "authentication-alignment/", "mailbox-rule/"];
    if is_by_message.iter().any(|family| one.id.starts_with(family)) {
        return shares_sender;
    }
    let is_named = one.decided_by.is_some() && !one.system.is_empty();
    shares_sender || (is_named && (&one.system, &one.decided_by) == (&other.system, &other.decided_by))
}

/// An entry of a journal, as a document names it.
pub fn journal_entry(case: &Case, entry: &Entry) -> JournalEntry {
    JournalEntry {
        uid: entry.uid.clone(),
        case: case.number,
        seq: entry.seq,
        at: entry.at,
        who: entry.who.clone(),
        deed: entry.deed.word().to_owned(),
        hash: entry.hash.clone(),
    }
}

/// Who owns what has to be mended is somebody else: a vendor whose sign fits, the owner of the reply that decided, or the cause's.
fn ownership(asked: &Asked<'_>, concerned: &[&MessageCopy], sign: Option<&Sign>) -> Weighed {
    const REASON: ReasonName = ReasonName::OwnershipElsewhere;
    if let Some(sign) = sign {
        let mut weighed = applies(REASON, format!("{}: {}", sign.vendor.name, sign.entry.says), sign.cites.clone());
        weighed.receiver = Some(ReceiverKind::Vendor);
        return weighed;
    }
    let Some(copy) = concerned.iter().find(|copy| copy.cause.is_some()) else {
        return does_not(REASON, "no cause is shown, so neither is whose it is");
    };
    let Some(cause) = &copy.cause else { return does_not(REASON, "no cause is shown, so neither is whose it is") };
    let (ours, says_side) = side(asked.case, copy);
    let reply = deciding_reply(copy);
    if let Some(owner) = reply.and_then(|reply| reply.owner)
        && matches!(owner, Owner::Nobody | Owner::Recipient)
        && ours != Side::Sending
    {
        let who = if owner == Owner::Nobody {
            "nobody has to mend it: it mends itself by waiting"
        } else {
            "the recipient can mend it"
        };
        return does_not(REASON, who);
    }
    let by_reply =
        reply.and_then(|reply| Some((reply, elsewhere_of(reply.owner?, ours, is_at_the_door(copy, asked.report))?)));
    if let Some((reply, receiver)) = by_reply {
        let owner = reply.owner.map_or("", Owner::word);
        let statement = format!("{} answered `{}`: {}; {owner} can mend that", reply.from, reply.said, reply.means);
        let cites = reply.cites.iter().chain(&says_side).cloned().collect();
        let mut weighed = applies(REASON, statement, cites);
        weighed.receiver = Some(receiver);
        return weighed;
    }
    let owner = owner_of(asked.report, &cause.id).unwrap_or("its owner");
    let entry = entry_of(asked.report, copy, &cause.id);
    match entry.and_then(|entry| elsewhere(entry, ours, copy, asked.report)) {
        Some((receiver, why)) => {
            let cites = cause.cites.iter().chain(&says_side).cloned().collect();
            let mut weighed =
                applies(REASON, format!("{}; it is {}'s to mend: {why}", cause.statement, trimmed(owner)), cites);
            weighed.receiver = Some(receiver);
            weighed
        }
        None if ours == Side::NotShown && entry.is_some_and(depends_on_side) => does_not(
            REASON,
            "whose it is depends on whether we send or receive this mail, and no record shows that: say who is affected (`case new --user`), or which domain is ours (--trust)",
        ),
        None => does_not(REASON, entry.and_then(|entry| entry.whose.as_deref()).unwrap_or("the cause is ours to mend")),
    }
}

/// Who can mend a copy's cause: the table's entry, or that of another shown cause which says whose doing it is.
pub fn entry_of(report: &Report, copy: &MessageCopy, id: &str) -> Option<&'static CauseEntry> {
    let entry = data::cause(id)?;
    let is_shown = |finding: &&report::Finding| {
        matches!(finding.standing, Standing::Proved | Standing::Likely)
            && entry.rather.as_deref() == Some(finding.id.as_str())
            && finding.envelope_recipient.as_deref().is_none_or(|recipient| recipient == copy.envelope_recipient)
    };
    report.findings.iter().find(is_shown).and_then(|finding| data::cause(&finding.id)).or(Some(entry))
}

/// Whether no system of ours had taken a copy when its way ended: no own log of one says so. A notice is the sender's record.
fn is_at_the_door(copy: &MessageCopy, report: &Report) -> bool {
    let is_log = |cite: &Cite| {
        let file = report.evidence.iter().find(|file| file.file == cite.file);
        file.and_then(|file| file.source.as_deref()).is_some_and(|source| !source.starts_with("message/"))
    };
    let taken = |layer: &report::LayerState| {
        layer.layer == Layer::Arrival
            && matches!(layer.state, State::Passed | State::Changed)
            && layer.cites.iter().any(is_log)
    };
    !copy.layers.iter().any(taken)
}

/// An owner as a cause's page names it, within a sentence.
pub fn trimmed(owner: &str) -> String {
    let owner = owner.trim_end_matches('.');
    let owner = owner.split("; ").next().unwrap_or(owner);
    match owner.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_lowercase()),
        None => owner.to_owned(),
    }
}

fn depends_on_side(entry: &CauseEntry) -> bool {
    entry.elsewhere.receiving.is_some() || entry.elsewhere.sending.is_some()
}

/// The reply that decided: the first of those that the copy met, if it ended the way.
pub fn deciding_reply(copy: &MessageCopy) -> Option<&ReplyExplained> {
    let ended = matches!(copy.fate, Fate::Rejected | Fate::Bounced | Fate::Deferred);
    copy.replies.first().filter(|_| ended)
}

/// Who has to mend what a reply tells of, if that is not us.
///
/// To a reply behind our door the sending side is a system of ours.
fn elsewhere_of(owner: Owner, ours: Side, is_at_the_door: bool) -> Option<ReceiverKind> {
    match (owner, ours) {
        (Owner::Vendor, _) => Some(ReceiverKind::Vendor),
        (Owner::SenderAdministrator | Owner::Sender, Side::Receiving) if is_at_the_door => Some(ReceiverKind::Sender),
        (Owner::RecipientAdministrator | Owner::GatewayAdministrator | Owner::Recipient, Side::Sending) => {
            Some(ReceiverKind::Server)
        }
        _ => None,
    }
}

/// Who owns a cause, if that is not us, and why so.
fn elsewhere(entry: &CauseEntry, ours: Side, copy: &MessageCopy, report: &Report) -> Option<(ReceiverKind, String)> {
    let of = &entry.elsewhere;
    let by_side = match ours {
        Side::Receiving => of.receiving.map(|to| (to, "our user should get this mail")),
        Side::Sending => of.sending.map(|to| (to, "our user sent this mail")),
        Side::Both | Side::NotShown => None,
    };
    let always = of.always.map(|to| (to, "it is theirs whoever sends or gets the mail"));
    if let Some((to, why)) = by_side.or(always) {
        return Some((to, why.to_owned()));
    }
    if let Some(to) = of.at_the_door.filter(|_| ours == Side::Receiving && is_at_the_door(copy, report)) {
        return Some((to, "it was refused before a system of ours had taken it".to_owned()));
    }
    let next = of.next?;
    let reply = deciding_reply(copy)?;
    let is_ours = has_own_records(reply, copy, report);
    (!is_ours)
        .then(|| (next, format!("{} refused it, and no record of that system itself is in the ticket", reply.from)))
}

/// Whether the system that gave a reply has own records in the ticket: then we run it, or have its portal.
fn has_own_records(reply: &ReplyExplained, copy: &MessageCopy, report: &Report) -> bool {
    let from = reply.from.to_lowercase();
    let is_its = |vendor: &&data::VendorEntry| {
        vendor.words.iter().any(|word| from.contains(word.as_str()))
            || vendor.product == reply.list
            || from == vendor.product.to_lowercase()
    };
    let exports = data::vendors().iter().find(is_its).is_some_and(|vendor| {
        report.evidence.iter().any(|file| {
            file.observed > 0 && file.source.as_deref().is_some_and(|source| source.starts_with(&vendor.source))
        })
    });
    let label = from.split(['.', ' ', '[']).next().unwrap_or_default();
    let by_host = !label.is_empty()
        && copy
            .timeline
            .iter()
            .any(|event| event.system.to_lowercase().split([' ', '/', '.']).skip(1).any(|word| word == label));
    exports || by_host
}

/// Who owns a cause, as its page says.
pub fn owner_of<'a>(report: &'a Report, id: &str) -> Option<&'a str> {
    report.findings.iter().find(|finding| finding.id == id).and_then(|finding| finding.owner.as_deref())
}

/// The cure changes something for everybody: by the guard's answer to a change, by what an exception would have to be, or by the cause.
fn disruptive(asked: &Asked<'_>, concerned: &[&MessageCopy]) -> Weighed {
    const REASON: ReasonName = ReasonName::DisruptiveFix;
    if let Some((entry, why)) = broad_change(asked.journal) {
        let mut weighed = applies(REASON, why, vec![]);
        weighed.told.entries = vec![journal_entry(asked.case, entry)];
        weighed.receiver = Some(ReceiverKind::PolicyOwner);
        return weighed;
    }
    let Some(cause) = concerned.iter().find_map(|copy| copy.cause.as_ref()) else {
        return does_not(REASON, "no cause is shown, so no cure is known");
    };
    let cure = asked.proposal.and_then(|proposal| proposal.cures.iter().find(|cure| cure.need.cause == cause.id));
    if cure.is_some_and(|cure| cure.cure == CureKind::Except && !cure.proposals.is_empty()) {
        return does_not(REASON, "a narrow exception is enough: `throughline exception propose` names it");
    }
    if let Some(cure) = cure.filter(|cure| cure.cure == CureKind::Except) {
        let mut weighed = applies(
            REASON,
            format!("no narrow exception lets this mail through, so whatever does is broad: {}", cure.because),
            cause.cites.clone(),
        );
        weighed.receiver = Some(ReceiverKind::PolicyOwner);
        return weighed;
    }
    let of = |id: &str| data::cause(id).and_then(|entry| Some((entry.receiver, entry.everybody.as_deref()?)));
    let own = concerned.iter().find_map(|copy| {
        let entry = entry_of(asked.report, copy, &copy.cause.as_ref()?.id)?;
        Some((entry.receiver, entry.everybody.as_deref()?))
    });
    let of_reply = || concerned.iter().find_map(|copy| deciding_reply(copy)?.cause.as_deref().and_then(of));
    match own.or_else(of_reply) {
        Some((receiver, everybody)) => {
            let what = cure.and_then(|cure| cure.what.as_deref());
            let what = what.map_or(String::new(), |what| format!(" ({})", what.trim_end_matches('.')));
            let mut weighed =
                applies(REASON, format!("the cure{what} is felt by others: {everybody}"), cause.cites.clone());
            weighed.receiver = Some(receiver);
            weighed
        }
        None => does_not(
            REASON,
            "the cure that the cause's page names touches nothing but this mail's own sender, recipient, rule or entry",
        ),
    }
}

/// The last change or approval of something broad, unless a change after it was narrow.
fn broad_change(journal: &[Entry]) -> Option<(&Entry, String)> {
    let told = |entry: &Entry| match &entry.deed {
        Deed::ChangeMade { guard, .. } => Some(match guard.as_deref() {
            Some("broad") => Some(format!("the change of {} was judged broad by the guard", entry.at)),
            _ => None,
        }),
        Deed::Approved { by, role, .. } => {
            Some(Some(format!("something broad had to be approved: {by} ({role}) did, entered {}", entry.at)))
        }
        _ => None,
    };
    let (entry, last) = journal.iter().rev().find_map(|entry| Some((entry, told(entry)?)))?;
    Some((entry, last?))
}

/// A change was made and verified, and the trouble is back.
fn after_fix(asked: &Asked<'_>) -> Weighed {
    const REASON: ReasonName = ReasonName::SameSymptomAfterFix;
    let Some(changed) = asked.journal.iter().position(|entry| matches!(entry.deed, Deed::ChangeMade { .. })) else {
        return does_not(REASON, "no change is in the journal");
    };
    let since = asked.journal.get(changed..).unwrap_or_default();
    let verified = |entry: &&Entry| answer(entry).is_some_and(|answer| answer != Answer::CannotTell);
    let Some(last) = since.iter().rfind(verified) else {
        return does_not(
            REASON,
            "the change was not verified, or verification could not tell: run `throughline verify`",
        );
    };
    if answer(last) != Some(Answer::CameBack) {
        return does_not(REASON, "the change held when it was last verified");
    }
    let later_change = since.iter().find(|entry| entry.seq > last.seq && matches!(entry.deed, Deed::ChangeMade { .. }));
    if let Some(change) = later_change {
        let statement =
            format!("it came back, and was changed again at {}: that change is not verified yet", change.at);
        return does_not(REASON, &statement);
    }
    let made = since.iter().rfind(|entry| entry.seq < last.seq && matches!(entry.deed, Deed::ChangeMade { .. }));
    let held = since.iter().rfind(|entry| entry.seq < last.seq && answer(entry) == Some(Answer::Held));
    let statement = match held {
        Some(held) => format!("the fix held when it was verified at {}, and had come back at {}", held.at, last.at),
        None => format!("a change was made, and verification found at {} that the trouble came back", last.at),
    };
    let mut weighed = applies(REASON, statement, verification(last).map(came_back).unwrap_or_default());
    let entries = made.into_iter().chain(held).chain([last]);
    weighed.told.entries = entries.map(|entry| journal_entry(asked.case, entry)).collect();
    weighed
}

fn verification(entry: &Entry) -> Option<&Verification> {
    match &entry.deed {
        Deed::Verified { verification, .. } => Some(verification),
        _ => None,
    }
}

fn answer(entry: &Entry) -> Option<Answer> {
    verification(entry).map(|verification| verification.answer)
}

/// The records of the checks that found it back.
fn came_back(verification: &Verification) -> Vec<Cite> {
    let checks = verification.checks.iter().filter(|check| check.answer == Answer::CameBack);
    checks.flat_map(|check| check.cites.iter().cloned()).collect()
}
