//! The policy that applied says something else than what was done: it was changed since, or something else decided.
//!
//! What it is: an export shows how things are set up when it is taken. If the action in it is not what was done with the message,
//! the policy was another one then, or the copy was treated by something that the settings do not show.
//!
//! What proves it: nothing that an export taken later could show; a change after the message with its record makes it likely. What looks
//! alike: a policy that is not for the recipient (`policy-scope`). Narrow fix: none before it is known which it was; compare exports of
//! before and after. Owner: who changed the policy.

use super::applying::{Applying, applying, put, was};
use super::held::{Held, held};
use super::view::View;
use super::{claim, not_shown};
use crate::{Claim, Kind, Standing};

/// `changed-since`
pub struct Rule;

const ID: &str = "policy-scope-or-order/changed-since";

impl super::Rule for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("changed_since.rs")
    }

    fn find(&self, view: &View<'_>) -> Vec<(Kind, Claim)> {
        difference(view).into_iter().collect()
    }
}

fn difference(view: &View<'_>) -> Option<(Kind, Claim)> {
    let Applying::Shown(applied) = applying(view, &view.acting_class()?) else { return None };
    let (event, _) = view.acted()?;
    let (planned, done) = (applied.candidate.planned(view)?, view.done()?);
    if planned.action == done {
        return None;
    }
    let head = format!(
        "\"{}\" would have {} ({}), but the copy was {}",
        applied.candidate.name(),
        put(&planned.action),
        planned.said,
        was(&done),
    );
    let events = || std::iter::once(event).chain(applied.named_by);
    let since = applied.candidate.entries().find_map(|entry| match held(view, entry) {
        Held::ChangedSince(at, by, audited) => Some((entry, at, by, audited)),
        _ => None,
    });
    let changes = view.vendor.exports().changes;
    let Some((_, at, by, audited)) = since else {
        let statement = format!("{head}; nothing supplied explains that: who changed it and when would");
        return Some(not_shown(ID, statement, events(), applied.candidate.entries(), vec![changes]));
    };
    let by = by.map_or(String::new(), |by| format!(" by {by}"));
    let statement =
        format!("{head}; the policy was changed after the message ({at}{by}), so it said something else then");
    let found = claim(ID, Standing::Likely, statement, events(), applied.candidate.entries().chain(audited));
    let ask_for = if audited.is_some() { Vec::new() } else { vec![changes] };
    Some((Kind::Risk, Claim { ask_for, ..found }))
}
