//! The mailbox's own junk filter chose the junk folder.
//!
//! What it is: The user's junk settings (only safe senders, a blocked sender, an old client's filter) put to junk what
//! the filter of the organisation let through.
//!
//! What proves it: the store's record of the junk folder beside a clean verdict, or the record that names what chose the
//! folder. Without either it is not shown.
//!
//! What looks alike: a filter's verdict that the store only carries out; a user who moved it; a rule that files to a
//! folder named Junk.
//!
//! Narrow fix: look through the junk settings of this one mailbox; have the user mark this one sender as safe.
//!
//! Owner: the mailbox's user.

use evidence::{Fact, Folder, Layer, Stored, VerdictKind};
use layers::{End, Stay};
use trace::Event;

use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, stated::verdict, told};
use crate::{Claim, Standing};

/// `mailbox-rule/junk-filter`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/junk-filter";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("junk_filter.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let End::Stored(event) = ground.stay.end else { return None };
        let Fact::Stored(Stored { folder: Some(Folder::Junk), chosen_by }) = event.fact() else { return None };
        // A filter's verdict explains the folder if there is one.
        let is_explained = verdict::best(ground.stay).is_some() || ground.is_stated();
        (!is_explained).then(|| junk(ground.stay, event, chosen_by.as_deref()))
    }
}

/// The filter's own words, in brackets.
fn words(verdict: &Event) -> String {
    match verdict.fact() {
        Fact::Verdict(verdict) if !verdict.said.is_empty() => format!(" ({})", verdict.said),
        _ => String::new(),
    }
}

/// The mailbox chose, if the filter said clean or the record names what chose the folder.
fn junk(stay: &Stay<'_>, event: &Event, chosen_by: Option<&str>) -> Claim {
    let clean = stay
        .verdicts
        .iter()
        .copied()
        .find(|verdict| matches!(verdict.fact(), Fact::Verdict(verdict) if verdict.kind == VerdictKind::Clean));
    let proved = |statement, clean: Option<&Event>| {
        claim(ID, Standing::Proved, Layer::Mailbox, statement, [event].into_iter().chain(clean))
    };
    match (clean, chosen_by) {
        // Clean may also mean that a rule or an entry kept the filter from looking: its own words say which.
        (Some(clean), _) => {
            proved(format!("{}, although the filter let it pass{}", told(event), words(clean)), Some(clean))
        }
        (None, Some(_)) => proved(told(event), None),
        (None, None) => {
            let statement =
                format!("{}; whether the filter's verdict or the mailbox chose the folder is not shown", told(event));
            let claim = claim(ID, Standing::NotShown, Layer::Mailbox, statement, [event]);
            Claim { ask_for: vec!["message/eml", "exchange-online/message-trace-detail"], ..claim }
        }
    }
}
