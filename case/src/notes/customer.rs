//! What the customer may read: plain words by fate and cause, and the ticket's own identifiers, nothing else.

use std::sync::LazyLock;

use report::{Fate, Finding, FindingKind, MessageCopy, Report, Standing};
use serde::Deserialize;

use super::document::{CustomerText, NamedValue};
use super::gather::{Looked, Sources, answer, instant, is_troubled};
use crate::case::Status;
use crate::journal::{Answer, Deed};

/// The words, as `customer.toml` has them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    fate: Vec<OfFate>,
    cause: Vec<OfCause>,
    other: Vec<OfOther>,
    done: Vec<OfDone>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfFate {
    fate: Fate,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfCause {
    cause: String,
    why: String,
    to_do: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfOther {
    when: String,
    why: String,
    to_do: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDone {
    when: String,
    text: String,
}

/// A table that cannot be read leaves the texts empty; a test holds it to being whole.
static WORDS: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("customer.toml")).unwrap_or_default());

impl Words {
    fn of_cause(&self, id: &str) -> Option<(&str, &str)> {
        let family = id.split_once('/').map_or(id, |(family, _)| family);
        let wanted = [id.to_owned(), format!("{family}/*"), "*".to_owned()];
        let found = wanted.iter().find_map(|wanted| self.cause.iter().find(|entry| entry.cause == *wanted))?;
        Some((&found.why, &found.to_do))
    }

    fn of_other(&self, when: &str) -> Option<(&str, &str)> {
        self.other.iter().find(|entry| entry.when == when).map(|entry| (entry.why.as_str(), entry.to_do.as_str()))
    }

    fn of_fate(&self, fate: Fate) -> Option<&str> {
        self.fate.iter().find(|entry| entry.fate == fate).map(|entry| entry.text.as_str())
    }

    fn of_done(&self, when: &str) -> Option<&str> {
        self.done.iter().find(|entry| entry.when == when).map(|entry| entry.text.as_str())
    }
}

/// What the ticket itself names, and the text may therefore repeat.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// Number of the ticket.
    pub(super) ticket: Option<String>,
    /// The affected user.
    pub(super) user: Option<String>,
    /// Who the reader sees as the sender.
    pub(super) sender: Option<String>,
    /// For whom the message is.
    pub(super) recipient: Option<String>,
    /// The recipients of copies that the ticket names: the affected user, else all that were asked for.
    pub(super) recipients: Vec<String>,
    /// Its subject.
    pub(super) subject: Option<String>,
}

impl Own {
    /// What a ticket names. Of several recipients it is the affected user's or the asked one's; another customer's is not named.
    pub(super) fn of(sources: &Sources<'_>) -> Own {
        let about = &sources.case.about;
        let asked = &sources.case.asked;
        let report = match sources.evidence {
            Looked::Answered(report) => Some(report),
            Looked::NotSupplied | Looked::Unreadable(_) => None,
        };
        let message = report.map(|report| &report.message);
        let sender =
            message.and_then(|message| message.header_from.clone().or_else(|| message.envelope_sender.clone()));
        let copies = report.map(|report| report.copies.as_slice()).unwrap_or_default();
        let user = about.user.as_ref().filter(|user| user.contains('@'));
        let of_user = user.filter(|user| copies.iter().any(|copy| copy.envelope_recipient.eq_ignore_ascii_case(user)));
        let recipient = match (of_user, asked.recipient.as_slice(), copies) {
            (Some(user), ..) => Some(user.clone()),
            (None, [one], _) => Some(one.clone()),
            (None, [], [one]) => Some(one.envelope_recipient.clone()),
            _ => user.cloned(),
        };
        let is_named = |address: &str| match (&recipient, asked.recipient.as_slice()) {
            (Some(one), _) => one.eq_ignore_ascii_case(address),
            (None, several) => several.iter().any(|one| one.eq_ignore_ascii_case(address)),
        };
        let of_copies = copies.iter().map(|copy| copy.envelope_recipient.clone());
        let recipients = of_copies.filter(|address| is_named(address)).collect();
        Own {
            recipients,
            ticket: about.ticket.clone(),
            user: about.user.clone(),
            sender: sender.or_else(|| asked.sender.clone()).filter(|sender| sender.contains('@')),
            recipient: recipient.filter(|recipient| !recipient.is_empty()),
            subject: message.and_then(|message| message.subject.clone()).or_else(|| asked.subject.clone()),
        }
    }

    /// The addresses and names that may stand in the text, and the ticket's number.
    pub(super) fn allowed(&self) -> Vec<&str> {
        let named = [&self.ticket, &self.user, &self.sender, &self.recipient].into_iter().flatten();
        named.chain(&self.recipients).map(String::as_str).collect()
    }
}

/// The text for the customer, not guarded yet.
pub(super) fn text(sources: &Sources<'_>, own: &Own) -> CustomerText {
    let report = match sources.evidence {
        Looked::Answered(report) => Some(report),
        Looked::NotSupplied | Looked::Unreadable(_) => None,
    };
    let (what_happened, what_to_do) = why(report, own);
    CustomerText { about: about(report, own), what_happened, what_was_done: done(sources), what_to_do }
}

fn about(report: Option<&Report>, own: &Own) -> Vec<NamedValue> {
    let sent_at = report.and_then(|report| report.message.sent_at).map(instant);
    let user = own.user.as_ref().filter(|user| Some(*user) != own.recipient.as_ref()).cloned();
    let named = [
        ("Ticket", own.ticket.clone()),
        ("For", user),
        ("Message from", own.sender.clone()),
        ("Message to", own.recipient.clone()),
        ("With the subject", own.subject.clone()),
        ("Dated", sent_at),
    ];
    let value = |(name, value): (&str, Option<String>)| Some(NamedValue { name: name.to_owned(), value: value? });
    named.into_iter().filter_map(value).collect()
}

/// What became of the message and why, and what is left to the reader. Copies that ended alike are told of as one message; where they did not,
/// each way is told with whom it is true of, so that nothing is said of all that is true of one.
fn why(report: Option<&Report>, own: &Own) -> (Vec<String>, Vec<String>) {
    let Some(report) = report.filter(|report| !report.copies.is_empty()) else { return no_copy(report) };
    let ends = ends(report, own);
    match ends.as_slice() {
        [] => no_copy(Some(report)),
        [end] => (end.said.clone(), vec![end.to_do.clone()]),
        [one, other] if one.is_as(other) => (one.said.clone(), vec![one.to_do.clone()]),
        ends => apart(ends),
    }
}

/// No record tells of a copy; a symptom may be shown all the same.
fn no_copy(report: Option<&Report>) -> (Vec<String>, Vec<String>) {
    let symptom = report.and_then(answer).filter(|finding| finding.kind == FindingKind::Symptom);
    let (why, to_do) = match symptom {
        Some(found) => of_finding(found),
        None => words(WORDS.of_other("no_message")),
    };
    (vec![why].into_iter().filter(|why| !why.is_empty()).collect(), vec![to_do])
}

/// One way in which copies ended: either of recipients that the ticket names, or of others.
struct End {
    named: Vec<String>,
    copies: usize,
    fate: Fate,
    /// What became of them, then why.
    said: Vec<String>,
    to_do: String,
}

impl End {
    fn is_as(&self, other: &End) -> bool {
        (self.fate, &self.said) == (other.fate, &other.said)
    }
}

/// The ways in which the copies ended: first those of the recipients that the ticket names, then those in trouble, each as often as in the report.
fn ends(report: &Report, own: &Own) -> Vec<End> {
    let is_own = |address: &str| own.recipients.iter().any(|own| own.eq_ignore_ascii_case(address));
    let mut ends: Vec<End> = Vec::new();
    for copy in &report.copies {
        let named = is_own(&copy.envelope_recipient).then(|| copy.envelope_recipient.clone());
        let (why, to_do) = why_of(report, copy);
        let fate = WORDS.of_fate(copy.fate).map(str::to_owned);
        let said = fate.into_iter().chain(Some(why).filter(|why| !why.is_empty())).collect();
        let end = End { named: named.into_iter().collect(), copies: 1, fate: copy.fate, said, to_do };
        match ends.iter_mut().find(|known| known.is_as(&end) && known.named.is_empty() == end.named.is_empty()) {
            Some(known) => {
                known.named.extend(end.named);
                known.copies += 1;
            }
            None => ends.push(end),
        }
    }
    ends.sort_by_key(|end| (end.named.is_empty(), end.fate == Fate::Delivered));
    ends
}

/// Why a copy ended as it did, and what is left to the reader.
fn why_of(report: &Report, copy: &MessageCopy) -> (String, String) {
    let shown = |standing| matches!(standing, Standing::Proved | Standing::Likely);
    // The answer may be about another recipient's copy.
    let is_of_copy =
        |recipient: &Option<String>| recipient.as_ref().is_none_or(|recipient| *recipient == copy.envelope_recipient);
    let causes = || {
        report.findings.iter().filter(|finding| {
            finding.kind == FindingKind::Cause && shown(finding.standing) && is_of_copy(&finding.envelope_recipient)
        })
    };
    let is_its_cause = |finding: &&Finding| copy.cause.as_ref().is_some_and(|cause| cause.id == finding.id);
    let of_cause = causes().find(is_its_cause).or_else(|| causes().next());
    let of_symptom = || answer(report).filter(|finding| finding.kind == FindingKind::Symptom);
    match of_cause.or_else(of_symptom) {
        Some(found) => of_finding(found),
        None if !is_troubled(copy) => words(WORDS.of_other("nothing_wrong")),
        None => words(WORDS.of_other("not_shown")),
    }
}

/// The words for a cause or symptom, with its standing.
fn of_finding(found: &Finding) -> (String, String) {
    let (why, to_do) = words(WORDS.of_cause(&found.id));
    match found.standing {
        Standing::Proved => (why, to_do),
        _ => (format!("Most likely the reason is this: {}", lower_first(&why)), to_do),
    }
}

fn words(found: Option<(&str, &str)>) -> (String, String) {
    let (why, to_do) = found.unwrap_or_default();
    (why.to_owned(), to_do.to_owned())
}

/// How many recipients one sentence names.
const MAX_NAMED: usize = 3;

/// The ways told one by one. What is left to do is that of the recipients whom the ticket names, else that of each copy that did not arrive.
fn apart(ends: &[End]) -> (Vec<String>, Vec<String>) {
    let all: usize = ends.iter().map(|end| end.copies).sum();
    let some_named = ends.iter().any(|end| !end.named.is_empty());
    let recipients = |count: usize| if count == 1 { "recipient" } else { "recipients" };
    let whom = |end: &End| match end.named.as_slice() {
        [] if some_named => format!("For {} other {}", end.copies, recipients(end.copies)),
        [] => format!("For {} of {all} recipients", end.copies),
        named if named.len() <= MAX_NAMED => format!("For {}", named.join(", ")),
        named => format!("For {} of the recipients that the ticket names", named.len()),
    };
    let said = |end: &End| {
        // Of a copy that arrived beside others nothing is left to explain.
        let told = if end.fate == Fate::Delivered { &end.said[..end.said.len().min(1)] } else { &end.said[..] };
        format!("{}: {}", whom(end), lower_first(&told.join(" ")))
    };
    let asked = |end: &&End| if some_named { !end.named.is_empty() } else { end.fate != Fate::Delivered };
    let mut to_do: Vec<&End> = ends.iter().filter(asked).collect();
    to_do.dedup_by(|one, other| one.to_do == other.to_do);
    let to_do = match to_do.as_slice() {
        [one] => vec![one.to_do.clone()],
        several => several.iter().map(|end| format!("{}: {}", whom(end), lower_first(&end.to_do))).collect(),
    };
    (ends.iter().map(said).collect(), to_do)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), chars.as_str()))
}

/// What was done, by the last deed that says so: a change later than its verification is not verified.
fn done(sources: &Sources<'_>) -> Vec<String> {
    let mut state = "nothing";
    let mut escalated = false;
    for entry in sources.journal {
        match &entry.deed {
            Deed::ChangeMade { .. } => state = "changed",
            Deed::Verified { verification, .. } if state != "nothing" => {
                state = match verification.answer {
                    Answer::Held => "held",
                    Answer::CameBack => "came_back",
                    Answer::CannotTell => "cannot_tell",
                }
            }
            Deed::Escalated { .. } => escalated = true,
            _ => {}
        }
    }
    let closed = sources.case.status == Status::Closed;
    let told = [Some(state), escalated.then_some("escalated"), closed.then_some("closed")];
    told.into_iter().flatten().filter_map(|when| WORDS.of_done(when)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that would tell more than a customer may know, promise something, or blame somebody.
    const NEVER: [&str; 24] = [
        "policy",
        "dmarc",
        "spf",
        "dkim",
        "connector",
        "tenant",
        "allow list",
        "whitelist",
        "threshold",
        "exchange",
        "mimecast",
        "proofpoint",
        "guarantee",
        "never happen",
        "promise",
        "will not happen",
        "your fault",
        "mistake",
        "you should have",
        "wrongly",
        "quarantine policy",
        "{",
        "@",
        "://",
    ];

    #[test]
    fn words_are_whole() {
        let words: Words = toml::from_str(include_str!("customer.toml")).expect("the table is read");
        for fate in [
            Fate::Delivered,
            Fate::Junked,
            Fate::Filed,
            Fate::Forwarded,
            Fate::Discarded,
            Fate::Quarantined,
            Fate::ReleasePending,
            Fate::Rejected,
            Fate::Bounced,
            Fate::Deferred,
            Fate::RemovedAfterDelivery,
            Fate::Lost,
            Fate::Unknown,
        ] {
            assert!(words.of_fate(fate).is_some(), "{fate:?}");
        }
        for family in [
            "policy-scope-or-order",
            "authentication-alignment",
            "content-verdict",
            "connector-routing",
            "release-handoff",
            "mailbox-rule",
        ] {
            assert!(words.cause.iter().any(|entry| entry.cause == format!("{family}/*")), "{family}");
        }
        for when in ["not_shown", "nothing_wrong", "no_message"] {
            assert!(words.of_other(when).is_some(), "{when}");
        }
        for when in ["nothing", "changed", "held", "came_back", "cannot_tell", "escalated", "closed"] {
            assert!(words.of_done(when).is_some(), "{when}");
        }
        let texts = words.fate.iter().map(|entry| &entry.text).chain(words.done.iter().map(|entry| &entry.text));
        let causes = words.cause.iter().flat_map(|entry| [&entry.why, &entry.to_do]);
        let others = words.other.iter().flat_map(|entry| [&entry.why, &entry.to_do]);
        for text in texts.chain(causes).chain(others) {
            let low = text.to_lowercase();
            assert!(text.ends_with('.') && text.len() < 200, "{text}");
            assert!(!NEVER.iter().any(|never| low.contains(never)), "{text}");
        }
    }

    #[test]
    fn ok_of_cause() {
        for (id, begins) in [
            ("mailbox-rule/deleted", "A rule or somebody"),
            ("mailbox-rule/anything-new", "The mailbox itself"),
            ("stale-search", "The records show a known kind"),
            ("release-handoff/released-other-recipient", "The message was kept back. It was let go for another"),
            ("release-handoff/released-deferred", "The message was kept back and then let go"),
            ("policy-scope-or-order/transport-rule", "A mail rule"),
            ("policy-scope-or-order/block-entry", "The message matches an entry"),
            ("policy-scope-or-order/connection-filter", "The server from which"),
            ("policy-scope-or-order/anything-new", "A setting of the mail system"),
        ] {
            let why = WORDS.of_cause(id).map(|(why, _)| why);
            assert!(why.is_some_and(|why| why.starts_with(begins)), "{id}: {why:?}");
        }
    }
}
