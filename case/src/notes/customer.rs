//! What the customer may read: plain words by fate and cause, and the ticket's own identifiers, nothing else.

use std::sync::LazyLock;

use report::{Fate, FindingKind, Report, Standing};
use serde::Deserialize;

use super::document::{CustomerText, NamedValue};
use super::gather::{Looked, Sources, answer, instant, is_troubled, main_copy};
use crate::case::Status;
use crate::journal::{Answer, Deed};

/// The words, as `customer.toml` has them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    fate: Vec<OfFate>,
    cause: Vec<OfCause>,
    /// What is dangerous about a message that came.
    risk: Vec<OfCause>,
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
        Own {
            ticket: about.ticket.clone(),
            user: about.user.clone(),
            sender: sender.or_else(|| asked.sender.clone()).filter(|sender| sender.contains('@')),
            recipient: recipient.filter(|recipient| !recipient.is_empty()),
            subject: message.and_then(|message| message.subject.clone()).or_else(|| asked.subject.clone()),
        }
    }

    /// The addresses and names that may stand in the text, and the ticket's number.
    pub(super) fn allowed(&self) -> Vec<&str> {
        [&self.ticket, &self.user, &self.sender, &self.recipient].into_iter().flatten().map(String::as_str).collect()
    }
}

/// The text for the customer, not guarded yet.
pub(super) fn text(sources: &Sources<'_>, own: &Own) -> CustomerText {
    let report = match sources.evidence {
        Looked::Answered(report) => Some(report),
        Looked::NotSupplied | Looked::Unreadable(_) => None,
    };
    let (why, to_do) = why(report, own);
    let what_to_do = to_do.into_iter().collect();
    CustomerText { about: about(report, own), what_happened: why, what_was_done: done(sources), what_to_do }
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

/// What became of the message and why, and what is left to the reader.
fn why(report: Option<&Report>, own: &Own) -> (Vec<String>, Option<String>) {
    let told = |fate: Option<Fate>, (why, to_do): (&str, &str)| {
        let fate = fate.and_then(|fate| WORDS.of_fate(fate));
        let why = Some(why).filter(|why| !why.is_empty());
        (fate.into_iter().chain(why).map(str::to_owned).collect(), Some(to_do.to_owned()))
    };
    let other = |when: &str| WORDS.of_other(when).unwrap_or_default();
    let Some(report) = report else { return told(None, other("no_message")) };
    let is_own = |address: &str| own.recipient.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(address));
    let own_copy = report.copies.iter().find(|copy| is_own(&copy.envelope_recipient));
    let copy = own_copy.or_else(|| main_copy(report));
    let fate = copy.map(|copy| copy.fate);
    // The answer may be about another recipient's copy.
    let of_copy = |recipient: &Option<String>| match (recipient, copy) {
        (Some(recipient), Some(copy)) => *recipient == copy.envelope_recipient,
        (None, _) | (_, None) => true,
    };
    let shown = |standing| matches!(standing, Standing::Proved | Standing::Likely);
    let of_cause = report.findings.iter().find(|finding| {
        finding.kind == FindingKind::Cause && shown(finding.standing) && of_copy(&finding.envelope_recipient)
    });
    let of_symptom = || answer(report).filter(|finding| finding.kind == FindingKind::Symptom);
    if let Some(found) = of_cause.or_else(of_symptom) {
        let (why, to_do) = WORDS.of_cause(&found.id).unwrap_or_default();
        let why = match found.standing {
            Standing::Proved => why.to_owned(),
            _ => format!("Most likely the reason is this: {}", lower_first(why)),
        };
        return told(fate, (&why, to_do));
    }
    let risk = report.findings.iter().find_map(|finding| {
        let is_shown = finding.kind == FindingKind::Risk && shown(finding.standing);
        let of_risk = || WORDS.risk.iter().find(|entry| entry.cause == finding.id);
        (is_shown && of_copy(&finding.envelope_recipient)).then(of_risk).flatten()
    });
    if let Some(found) = risk {
        return told(fate, (&found.why, &found.to_do));
    }
    match copy {
        None => told(None, other("no_message")),
        Some(copy) if !is_troubled(copy) => told(fate, other("nothing_wrong")),
        Some(_) => told(fate, other("not_shown")),
    }
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
        let causes = words.cause.iter().chain(&words.risk).flat_map(|entry| [&entry.why, &entry.to_do]);
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
        ] {
            let why = WORDS.of_cause(id).map(|(why, _)| why);
            assert!(why.is_some_and(|why| why.starts_with(begins)), "{id}: {why:?}");
        }
    }
}
