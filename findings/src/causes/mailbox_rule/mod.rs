//! `mailbox-rule`: the mailbox, or something that works on it after delivery, moved the copy.
//!
//! A filter's verdict that the store only carries out is that verdict's doing, and a quarantine entry made at arrival is no removal.

mod deleted;
mod forwarded;
mod junk_filter;
mod moved;
mod post_delivery_removal;
mod rejected;
mod removal_failed;

use evidence::{ActorKind, Fact, Layer};
use layers::Fate;
use trace::{Event, Join};

use super::ground::Ground;
use super::{Cause, claim, told};
use crate::{Claim, Standing};

/// The causes of the family.
pub(super) const ALL: &[&dyn Cause] = &[
    &moved::Rule,
    &deleted::Rule,
    &forwarded::Rule,
    &rejected::Rule,
    &junk_filter::Rule,
    &post_delivery_removal::Rule,
    &removal_failed::Rule,
];

/// A claim that rests on the store's own record.
fn by_store(id: &str, event: &Event) -> Claim {
    claim(id, Standing::Proved, Layer::Mailbox, told(event), [event])
}

/// Whether a person who works in the mailbox did it.
fn is_by_person(event: &Event) -> bool {
    matches!(event.fact(), Fact::PostDelivery { by: Some(by), .. } if by.kind == ActorKind::Person)
}

/// Moved or removed after delivery. A record that knows only the place names neither who did it nor when.
fn moved_by(id: &str, ground: &Ground<'_>, event: &Event) -> Option<Claim> {
    let Fact::PostDelivery { folder, .. } = event.fact() else { return None };
    let copy = ground.copy;
    if copy.fate == Fate::Delivered {
        return None;
    }
    if event.at().is_none() {
        let statement = format!("{}; who moved it, and when, is not told", told(event));
        let ask_for = vec!["defender/email-post-delivery-events", "exchange-online/audit-log"];
        return Some(Claim { ask_for, ..claim(id, Standing::Likely, Layer::Mailbox, statement, [event]) });
    }
    // A mailbox's record bears the Message-ID only: of two copies with that id in one mailbox it may mean either.
    let recipient = &copy.copy.envelope_recipient;
    let alike = ground.scene.trace.copies.iter().filter(|other| other.envelope_recipient == *recipient).count();
    if event.join == Join::Correlated && alike > 1 {
        let statement =
            format!("{}; {alike} copies for this recipient bear that Message-ID, and it may be another", told(event));
        return Some(claim(id, Standing::Likely, Layer::Mailbox, statement, [event]));
    }
    let standing = if folder.is_none() && copy.fate == Fate::Filed { Standing::Likely } else { Standing::Proved };
    Some(claim(id, standing, Layer::Mailbox, told(event), [event]))
}
