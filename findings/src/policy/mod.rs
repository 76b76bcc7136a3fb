//! Which policy applied to a recipient and why, what an allow could have done, and how the order of policies mattered.
//!
//! The filter's own verdict with its record stays the first cause. What stands here is beside it: a [`Kind::Risk`] where the
//! settings show something that people stumble over, a [`Kind::Gap`] where an export would show it and was not supplied. Nothing
//! is said unless settings of the same system were supplied.
//!
//! `view` gathers one system's settings as they stood at the message's time, `fits` compares conditions, `applying` finds the policy
//! that applied, `held` tells whether a setting was the same then, `allows` weighs allow entries. A rule is one file and one line
//! in [`RULES`].

mod allow_not_honoured;
mod allows;
mod applying;
mod changed_since;
mod fits;
mod held;
mod policy_scope;
mod preset_overrides_custom;
mod rule_order;
mod view;

use evidence::{Cite, Layer, SourceId};
use lake::Entry;
use layers::{Explained, Stage, State};
use trace::Event;

use crate::{Claim, Kind, Scene, Standing};
use applying::{Applied, Other};
pub(crate) use fits::is_within;
use held::held;
use view::View;

/// Something about the order and scope of policies that people stumble over.
pub trait Rule: Sync {
    /// `policy-scope-or-order/specific`.
    fn id(&self) -> &'static str;

    /// The rule's own source, whose doc comment is the page for people.
    fn page(&self) -> &'static str;

    /// What it finds at one system that the copy stayed at.
    fn find(&self, view: &View<'_>) -> Vec<(Kind, Claim)>;
}

/// All rules.
pub const RULES: &[&dyn Rule] = &[
    &preset_overrides_custom::Rule,
    &rule_order::Rule,
    &policy_scope::Rule,
    &allow_not_honoured::Rule,
    &changed_since::Rule,
];

/// What the rules find about a copy, over all systems that it stayed at and whose settings were supplied; the stage of the verdict
/// is told which policies applied.
pub(crate) fn weigh(copy: &Explained<'_>, scene: &Scene<'_>, stages: &mut [Stage]) -> Vec<(Kind, Claim)> {
    let views = view::all(copy, scene);
    if let Some(stage) = stages.iter_mut().find(|stage| stage.layer == Layer::Verdict) {
        tell(&views, stage);
    }
    views.iter().flat_map(|view| RULES.iter().flat_map(|rule| rule.find(view))).collect()
}

/// Adds to the stage of the verdict which policies applied, with their records.
fn tell(views: &[View<'_>], stage: &mut Stage) {
    if matches!(stage.state, State::NotReached | State::NotSupplied | State::Absent) {
        return;
    }
    for (sentence, cites) in views.iter().filter_map(applying::sentence) {
        stage.summary = format!("{}; {sentence}", stage.summary);
        add(&mut stage.cites, cites);
    }
}

/// A claim about the verdict's layer that rests on a message's events and on settings.
fn claim<'e>(
    id: &str,
    standing: Standing,
    statement: String,
    events: impl IntoIterator<Item = &'e Event>,
    settings: impl IntoIterator<Item = &'e Entry>,
) -> Claim {
    let mut cites = layers::cites(events);
    add(&mut cites, settings.into_iter().map(|entry| entry.observation.cite.clone()));
    Claim { id: id.to_owned(), standing, layer: Layer::Verdict, statement, cites, ask_for: Vec::new() }
}

/// The policy that applied goes before another one that is for the copy too.
///
/// Proved if the record names the policy, or what was done is what only the first one says; and if both stood so then.
fn went_before(view: &View<'_>, id: &str, applied: &Applied<'_>, other: &Other<'_, '_>) -> Claim {
    let (first, second) = (&applied.candidate, other.candidate);
    let order = first.leading().zip(second.leading()).map(|(one, two)| view.vendor.before(one, two));
    let mut statement = format!(
        "\"{}\" ({}) applied to {}: {}; {}, so \"{}\" ({}), which is for this recipient too and {}, had no say",
        first.name(),
        first.place(),
        view.copy.copy.envelope_recipient,
        applied.because(),
        order.unwrap_or_default(),
        second.name(),
        second.place(),
        other.would,
    );
    let entries = || first.entries().chain(second.entries()).chain(other.shown_by.iter().copied());
    let only_the_first = first.planned(view).zip(view.done()).is_some_and(|(planned, done)| planned.action == done);
    let mut doubt = entries().find_map(|entry| held(view, entry).words(name_of(entry)));
    if applied.named_by.is_none() && !only_the_first {
        doubt = doubt.or(Some("no record about the message names the policy".to_owned()));
    }
    let standing = if doubt.is_none() { Standing::Proved } else { Standing::Likely };
    if let Some(doubt) = doubt {
        statement = format!("{statement}; {doubt}");
    }
    claim(id, standing, statement, view.verdict.into_iter().chain(applied.named_by), entries())
}

/// The name of a setting.
fn name_of(entry: &Entry) -> &str {
    view::setting(entry).map_or("", |setting| setting.name.as_str())
}

/// A claim that the evidence cannot show something, and what would.
fn not_shown<'e>(
    id: &str,
    statement: String,
    events: impl IntoIterator<Item = &'e Event>,
    settings: impl IntoIterator<Item = &'e Entry>,
    ask_for: Vec<SourceId>,
) -> (Kind, Claim) {
    (Kind::Gap, Claim { ask_for, ..claim(id, Standing::NotShown, statement, events, settings) })
}

/// Adds cites, each place once.
fn add(cites: &mut Vec<Cite>, more: impl IntoIterator<Item = Cite>) {
    for cite in more {
        if !cites.iter().any(|known| known.order() == cite.order()) {
            cites.push(cite);
        }
    }
}
