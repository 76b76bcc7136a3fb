//! The lines of amavis: verdict lines and releases.

use super::codes;
use evidence::{Action, VerdictKind};

/// What an amavis line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event<'t> {
    /// `Passed CLEAN {RelayedInbound}, ...` or `Blocked SPAM {DiscardedInbound,Quarantined}, ...`.
    Judged(Judged<'t>),
    /// `Quarantined message release: <mail_id> <sender> -> <rcpt>,<rcpt>`.
    Released { mail_id: &'t str, sender: &'t str, recipients: Vec<&'t str>, said: &'t str },
    /// `dispatch_from_quarantine failed`: the copy stays where it is.
    NotReleased { mail_id: &'t str, said: &'t str },
    /// Anything else.
    Service,
}

/// A verdict line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged<'t> {
    pub(super) passed: bool,
    /// The category with its detail, such as `INFECTED (Eicar)`.
    pub(super) category: &'t str,
    /// What was done, such as `DiscardedInbound,Quarantined`.
    pub(super) actions: &'t str,
    pub(super) sender: Option<&'t str>,
    pub(super) recipients: Vec<&'t str>,
    pub(super) quarantine: Option<&'t str>,
    pub(super) queue_id: Option<&'t str>,
    pub(super) message_id: Option<&'t str>,
    pub(super) mail_id: Option<&'t str>,
    pub(super) size_bytes: Option<u64>,
    pub(super) queued_as: Vec<&'t str>,
    /// Verdict, category and actions, as written.
    pub(super) said: &'t str,
}

/// Reads the text of an amavis line.
pub(super) fn read(body: &str) -> Event<'_> {
    let text = match body.split_once(") ") {
        Some((id, rest)) if id.starts_with('(') => rest,
        _ => body,
    };
    if let Some(at) = text.find("Quarantined message release") {
        return released(&text[at..]).unwrap_or(Event::Service);
    }
    if text.contains("dispatch_from_quarantine failed") || text.starts_with("Quarantine release ") {
        return not_released(body, text).unwrap_or(Event::Service);
    }
    judged(text).map_or(Event::Service, Event::Judged)
}

fn released(text: &str) -> Option<Event<'_>> {
    let (_, rest) = text.split_once(": ")?;
    let (mail_id, rest) = rest.split_once(' ')?;
    let (sender, recipients) = route(rest)?;
    Some(Event::Released { mail_id, sender, recipients, said: text })
}

/// `(rel-<mail_id>) ...`, or `Quarantine release <mail_id>: missing X-Envelope-To`.
fn not_released<'t>(body: &'t str, text: &'t str) -> Option<Event<'t>> {
    let named = text.strip_prefix("Quarantine release ").and_then(|rest| rest.split(':').next());
    let run = body.strip_prefix("(rel-").and_then(|rest| rest.split(')').next());
    let mail_id = named.or(run)?;
    Some(Event::NotReleased { mail_id, said: text })
}

fn judged(text: &str) -> Option<Judged<'_>> {
    let (passed, rest) = match text.split_once(' ')? {
        ("Passed", rest) => (true, rest),
        ("Blocked", rest) => (false, rest),
        _ => return None,
    };
    let (category, actions, end) = match rest.find(" {") {
        Some(open) => {
            let close = open + rest.get(open..)?.find('}')?;
            (&rest[..open], &rest[open + 2..close], close + 1)
        }
        // Before release 2.7 no actions were logged.
        None => {
            let end = [", [", ", LOCAL", ", <"].iter().filter_map(|word| rest.find(word)).min()?;
            (&rest[..end], "", end)
        }
    };
    let said = &text[..text.len() - rest.len() + end];
    let tail = &rest[end..];
    let (sender, recipients) = match tail.find(" <").and_then(|at| route(&tail[at + 1..])) {
        Some((sender, recipients)) => (Some(sender), recipients),
        None => (None, Vec::new()),
    };
    Some(Judged {
        passed,
        category,
        actions,
        sender,
        recipients,
        quarantine: field(tail, "quarantine: "),
        queue_id: field(tail, "Queue-ID: "),
        message_id: field(tail, " Message-ID: "),
        mail_id: field(tail, "mail_id: "),
        size_bytes: field(tail, "size: ").and_then(|size| size.parse().ok()),
        queued_as: field(tail, "queued_as: ").map(|ids| ids.split('/').collect()).unwrap_or_default(),
        said,
    })
}

/// `<sender> -> <rcpt>,<rcpt>`.
fn route(text: &str) -> Option<(&str, Vec<&str>)> {
    let (sender, rest) = text.split_once(" -> ")?;
    let mut recipients = Vec::new();
    let mut rest = rest;
    while rest.starts_with('<') {
        let end = rest.find('>')? + 1;
        recipients.push(&rest[..end]);
        rest = rest[end..].strip_prefix(',').unwrap_or("");
    }
    Some((sender.rsplit(' ').next().unwrap_or(sender), recipients))
}

/// The value after `key`, up to the next comma.
fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let rest = &text[text.find(key)? + key.len()..];
    let end = match rest.starts_with('<') {
        true => rest.find(">,").or_else(|| rest.rfind('>')).map(|at| at + 1)?,
        false => rest.find(", ").unwrap_or(rest.len()),
    };
    Some(&rest[..end]).filter(|value| !value.is_empty())
}

impl Judged<'_> {
    /// The kind of the verdict, by the category's first word.
    pub(super) fn kind(&self) -> VerdictKind {
        let word = self
            .category
            .split([' ', '('])
            .next()
            .unwrap_or("")
            .trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
        codes::verdict("amavis category", word).unwrap_or(VerdictKind::Unknown)
    }

    /// Whether amavis found nothing itself: the server to which it handed the copy back refused it or put it off.
    pub(super) fn is_word_of_the_next_server(&self) -> bool {
        self.category.starts_with("MTA-BLOCKED")
    }

    /// Whether an action is named, such as `Quarantined` or `Discarded`.
    pub(super) fn did(&self, action: &str) -> bool {
        self.actions.split(',').any(|word| word.trim().starts_with(action))
    }

    /// What was done with the copies that the line names.
    pub(super) fn action(&self) -> Action {
        match self {
            _ if self.passed && self.did("RelayedTagged") => Action::Tagged,
            _ if self.passed => Action::None,
            _ if self.quarantine.is_some() || self.did("Quarantined") => Action::Quarantined,
            _ if self.did("Rejected") => Action::Rejected,
            _ if self.did("Bounced") => Action::Bounced,
            _ if self.did("TempFailed") => Action::Deferred,
            _ if self.did("Discarded") => Action::Discarded,
            _ => Action::NotSaid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_judged() {
        for (name, body, kind, action, recipients, queued_as) in [
            (
                "clean",
                "(01155-07) Passed CLEAN {RelayedInbound}, [192.0.2.7]:4 [192.0.2.7] <a@example.net> -> <b@example.com>,<c@example.com>, Queue-ID: 4C0FFEE, Message-ID: <x@example.net>, mail_id: abc, Hits: -1, size: 9, queued_as: 5C0FFEE, 9 ms",
                VerdictKind::Clean,
                Action::None,
                2,
                vec!["5C0FFEE"],
            ),
            (
                "held",
                "(01155-07) Blocked SPAM {DiscardedInbound,Quarantined}, [192.0.2.7] <> -> <b@example.com>, quarantine: s/spam-abc.gz, Queue-ID: 4C0FFEE, Message-ID: <x@example.net>, mail_id: abc, Hits: 9, size: 9, 9 ms",
                VerdictKind::Spam,
                Action::Quarantined,
                1,
                vec![],
            ),
            (
                "virus",
                "(01155-07) Blocked INFECTED (Eicar, Test) {DiscardedInbound}, [192.0.2.7] <a@example.net> -> <b@example.com>, Queue-ID: 4C0FFEE, mail_id: abc, Hits: -, size: 9, 9 ms",
                VerdictKind::Malware,
                Action::Discarded,
                1,
                vec![],
            ),
        ] {
            match read(body) {
                Event::Judged(found) => assert_eq!(
                    (found.kind(), found.action(), found.recipients.len(), found.queued_as, found.queue_id),
                    (kind, action, recipients, queued_as, Some("4C0FFEE")),
                    "{name}"
                ),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn ok_released() {
        let body = "(rel-abc) Quarantined message release: abc <a@example.net> -> <b@example.com>";
        let Event::Released { mail_id, sender, recipients, .. } = read(body) else { panic!("no release") };
        assert_eq!((mail_id, sender, recipients), ("abc", "<a@example.net>", vec!["<b@example.com>"]));
    }
}
