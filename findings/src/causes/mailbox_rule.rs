//! The mailbox, or something that works on it after delivery, moved the copy.
//!
//! What proves it: the store's own record naming another folder, a forward, a discard, or a removal, and what chose it.
//! What looks alike: a filter's verdict that the store only carries out (then the verdict explains it), and a quarantine
//! entry made at arrival. Owner: the mailbox's user for a rule of theirs; the administrator for global scripts and purges.

use evidence::{Action, ActorKind, Fact, Folder, Layer, Product, Stored, VerdictKind};
use layers::{End, Explained, Fate, Stay};
use trace::{Event, Join};

use super::{Family, by_verdict, claim, released, told};
use crate::{Claim, Scene, Standing};

/// The family `mailbox-rule`.
pub struct Rule;

impl Family for Rule {
    fn about(&self) -> &'static str {
        "a mailbox rule, the junk filter, a forward or a removal after delivery moved the copy"
    }

    fn find(&self, copy: &Explained<'_>, scene: &Scene<'_>) -> Option<Claim> {
        let stay = copy.decided()?;
        let proved = |id: &str, event: &Event| claim(id, Standing::Proved, Layer::Mailbox, told(event), [event]);
        match stay.end {
            End::Stored(event) => stored(stay, event, marked(copy)),
            // A rule of the organisation that redirects is that rule's doing, not the mailbox's.
            End::Forwarded(_) if stay.redirecting_rule().is_some() => None,
            End::HandoverRefused(event) if event.observation.speaker.product == Product::Dovecot => {
                Some(proved("mailbox-rule/rejected", event))
            }
            End::Forwarded(event) => Some(proved("mailbox-rule/forwarded", event)),
            End::Discarded(event) if event.observation.speaker.product == Product::Dovecot => {
                Some(proved("mailbox-rule/deleted", event))
            }
            End::Removed(event) | End::Moved(event) if matches!(event.fact(), Fact::PostDelivery { .. }) => {
                after_delivery(copy, event, scene)
            }
            End::Removed(event) => Some(claim(
                "mailbox-rule/post-delivery-removal",
                Standing::Likely,
                Layer::Mailbox,
                match event.fact() {
                    Fact::Quarantine(_) => format!("{}, minutes or more after it had been delivered", told(event)),
                    _ => told(event),
                },
                [event].into_iter().chain(stay.words.iter().chain(&stay.stores).copied()),
            )),
            _ => None,
        }
    }
}

/// Moved or removed after delivery: by a person who works in the mailbox, or by a purge. A record that knows only the
/// place names neither who did it nor when.
fn after_delivery(copy: &Explained<'_>, event: &Event, scene: &Scene<'_>) -> Option<Claim> {
    let Fact::PostDelivery { folder, by, .. } = event.fact() else { return None };
    if copy.fate == Fate::Delivered {
        return None;
    }
    let is_person = by.as_ref().is_some_and(|by| by.kind == ActorKind::Person);
    let id = match (is_person, copy.fate) {
        (true, Fate::RemovedAfterDelivery) => "mailbox-rule/deleted",
        (true, _) => "mailbox-rule/moved",
        (false, Fate::Filed) => "mailbox-rule/moved",
        (false, _) => "mailbox-rule/post-delivery-removal",
    };
    if event.at().is_none() {
        let statement = format!("{}; who moved it, and when, is not told", told(event));
        let ask_for = vec!["defender/email-post-delivery-events", "exchange-online/audit-log"];
        return Some(Claim { ask_for, ..claim(id, Standing::Likely, Layer::Mailbox, statement, [event]) });
    }
    // A mailbox's record bears the Message-ID only: of two copies with that id in one mailbox it may mean either.
    let alike =
        scene.trace.copies.iter().filter(|other| other.envelope_recipient == copy.copy.envelope_recipient).count();
    if event.join == Join::Correlated && alike > 1 {
        let statement =
            format!("{}; {alike} copies for this recipient bear that Message-ID, and it may be another", told(event));
        return Some(claim(id, Standing::Likely, Layer::Mailbox, statement, [event]));
    }
    let standing = if folder.is_none() && copy.fate == Fate::Filed { Standing::Likely } else { Standing::Proved };
    Some(claim(id, standing, Layer::Mailbox, told(event), [event]))
}

/// The verdict of a filter before the store that marked the copy and let it go on.
fn marked<'t>(copy: &Explained<'t>) -> Option<&'t Event> {
    let at = copy.decided_at?;
    copy.stays[..at].iter().rev().filter(|stay| released(stay).is_none()).find_map(|stay| {
        let marks = |event: &&Event| {
            matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Tagged)
                && by_verdict::id_of(event).is_some_and(|(id, _)| id.starts_with("content-verdict/"))
        };
        stay.adverse_verdicts().filter(marks).last()
    })
}

fn stored(stay: &Stay<'_>, event: &Event, marked: Option<&Event>) -> Option<Claim> {
    let Fact::Stored(Stored { folder, chosen_by }) = event.fact() else { return None };
    match folder.as_ref()? {
        Folder::Inbox | Folder::Quarantine => None,
        Folder::Deleted => Some(claim("mailbox-rule/deleted", Standing::Proved, Layer::Mailbox, told(event), [event])),
        Folder::Other(_) => Some(claim("mailbox-rule/moved", Standing::Proved, Layer::Mailbox, told(event), [event])),
        Folder::Junk => junk(stay, event, chosen_by.as_deref(), marked),
    }
}

/// Junk: a filter's verdict explains it if there is one; a rule, or the mailbox's own junk filter, if the filter said
/// clean or the record names what chose the folder.
fn junk(stay: &Stay<'_>, event: &Event, chosen_by: Option<&str>, marked: Option<&Event>) -> Option<Claim> {
    if by_verdict::best(stay).is_some() {
        return None;
    }
    // A script that files by the filter's mark carries the verdict out; the script itself is not in the log.
    if let Some((verdict, (id, layer))) = marked.and_then(|verdict| Some((verdict, by_verdict::id_of(verdict)?))) {
        let statement = format!("{}; then {}", told(verdict), told(event));
        let claim = claim(id, Standing::Likely, layer, statement, [verdict, event]);
        let ask_for = if trace::is_sample(verdict.source) { Vec::new() } else { vec!["message/eml"] };
        return Some(Claim { ask_for, ..claim });
    }
    let chosen = chosen_by.unwrap_or("").to_ascii_lowercase();
    if chosen.contains("spamfilter") {
        let statement = format!("{}: the spam filter chose the folder", told(event));
        return Some(claim("content-verdict/spam", Standing::Likely, Layer::Verdict, statement, [event]));
    }
    let clean = stay
        .verdicts
        .iter()
        .copied()
        .find(|verdict| matches!(verdict.fact(), Fact::Verdict(verdict) if verdict.kind == VerdictKind::Clean));
    match (clean, chosen_by) {
        (Some(clean), _) => {
            let statement = format!("{}, although the filter found nothing", told(event));
            Some(claim("mailbox-rule/junk-filter", Standing::Proved, Layer::Mailbox, statement, [event, clean]))
        }
        (None, Some(_)) => {
            Some(claim("mailbox-rule/junk-filter", Standing::Proved, Layer::Mailbox, told(event), [event]))
        }
        (None, None) => {
            let statement =
                format!("{}; whether the filter's verdict or the mailbox chose the folder is not shown", told(event));
            let claim = claim("mailbox-rule/junk-filter", Standing::NotShown, Layer::Mailbox, statement, [event]);
            Some(Claim { ask_for: vec!["message/eml", "exchange-online/message-trace-detail"], ..claim })
        }
    }
}
