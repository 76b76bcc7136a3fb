//! Which policy of a class applied to a recipient, and why.

use evidence::{Action, Cite, Setting, SettingClass, Tier};
use lake::Entry;
use sources::policy::{self, Part, Planned};
use trace::Event;

use super::allows;
use super::fits::{Fits, Why, fits};
use super::view::{View, is_on, setting};

/// A policy with the rule that says for whom it is.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'s> {
    /// The rule; `None` for the default, and where it was not exported.
    pub(super) rule: Option<&'s Entry>,
    /// What is done; `None` if only the rule was exported.
    pub(super) body: Option<&'s Entry>,
    /// Whether it is for the copy.
    pub(super) fits: Fits,
}

/// The policy of a class that applied.
#[derive(Clone, Debug)]
pub(super) struct Applied<'s> {
    /// The policy.
    pub(super) candidate: Candidate<'s>,
    /// The record about the copy that names it.
    pub(super) named_by: Option<&'s Event>,
    /// Those before it in the order.
    pub(super) before: Vec<Candidate<'s>>,
    /// Those after it.
    pub(super) after: Vec<Candidate<'s>>,
}

/// What the settings show about a class.
#[derive(Clone, Debug)]
pub(super) enum Applying<'s> {
    /// The policy that applied.
    Shown(Box<Applied<'s>>),
    /// It depends on what the evidence does not show: on what, and which policies come into question, in their order.
    Depends(Vec<String>, Vec<Candidate<'s>>),
    /// A record names a policy that was not exported.
    NotExported(&'s Event, &'s str),
    /// None of what was exported fits.
    NoneFits,
    /// Nothing of the class was exported.
    NotSupplied,
}

impl<'s> Candidate<'s> {
    /// The rule's setting, else the policy's.
    pub(super) fn leading(&self) -> Option<&'s Setting> {
        self.rule.or(self.body).and_then(setting)
    }

    /// The policy's setting.
    pub(super) fn policy(&self) -> Option<&'s Setting> {
        self.body.and_then(setting)
    }

    /// Its name, as people see it.
    pub(super) fn name(&self) -> &'s str {
        let rule = self.rule.and_then(setting);
        let linked = rule.and_then(|rule| rule.policy.as_deref());
        self.policy()
            .map(|policy| policy.name.as_str())
            .or(linked)
            .or(rule.map(|rule| rule.name.as_str()))
            .unwrap_or("")
    }

    /// Which goes first.
    pub(super) fn tier(&self) -> Tier {
        self.leading().map_or(Tier::Default, |leading| leading.tier)
    }

    /// `custom, priority 2`.
    pub(super) fn place(&self) -> String {
        let priority = self.rule.and_then(setting).and_then(|rule| rule.priority);
        match (self.tier(), priority) {
            (Tier::StrictPreset, _) => "strict preset".to_owned(),
            (Tier::StandardPreset, _) => "standard preset".to_owned(),
            (Tier::Evaluation, _) => "evaluation".to_owned(),
            (Tier::BuiltIn, _) => "built-in protection".to_owned(),
            (Tier::Default, _) => "the default".to_owned(),
            (Tier::Custom, Some(priority)) => format!("custom, priority {priority}"),
            (Tier::Custom, None) => "custom".to_owned(),
        }
    }

    /// The records of rule and policy.
    pub(super) fn entries(&self) -> impl Iterator<Item = &'s Entry> + use<'s> {
        let body = self.body.filter(|body| self.rule.is_none_or(|rule| !std::ptr::eq(*body, rule)));
        self.rule.into_iter().chain(body)
    }

    /// What it says is done about the verdict that acted.
    pub(super) fn planned(&self, view: &View<'_>) -> Option<Planned> {
        view.planned(self.policy()?)
    }

    fn is_called(&self, name: &str) -> bool {
        let policy = self.policy();
        let ids = [policy.map(|policy| policy.name.as_str()), policy.and_then(|policy| policy.id.as_deref())];
        let linked = self.rule.and_then(setting).and_then(|rule| rule.policy.as_deref());
        ids.into_iter().chain([linked]).flatten().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A policy that another one of the class keeps from acting on this copy, and what would be different.
pub(super) struct Other<'c, 's> {
    /// The policy.
    pub(super) candidate: &'c Candidate<'s>,
    /// What it would have done otherwise, in a clause.
    pub(super) would: String,
    /// The records of that.
    pub(super) shown_by: Vec<&'s Entry>,
}

impl<'s> Applied<'s> {
    /// Policies further down that are for this copy too and would have done something else.
    pub(super) fn shadowed(&self, view: &View<'s>) -> Vec<Other<'_, 's>> {
        let fit = self.after.iter().filter(|candidate| matches!(candidate.fits, Fits::Yes(_)));
        fit.filter_map(|candidate| self.difference(view, candidate)).collect()
    }

    /// Policies that are not for this copy, though the copy is near: it is excepted, or one of several conditions holds, or
    /// they allow its very sender.
    pub(super) fn out_of_scope(&self, view: &View<'s>) -> Vec<(Other<'_, 's>, &Why)> {
        let others = self.before.iter().chain(&self.after);
        others
            .filter_map(|candidate| {
                let Fits::No(why) = &candidate.fits else { return None };
                let other = self.difference(view, candidate)?;
                let is_near = !matches!(why, Why::Others(_)) || !other.shown_by.is_empty();
                is_near.then_some((other, why))
            })
            .collect()
    }

    /// What another policy would have done otherwise; `None` if the same, or if that is not shown.
    fn difference<'c>(&self, view: &View<'s>, candidate: &'c Candidate<'s>) -> Option<Other<'c, 's>> {
        if matches!(candidate.tier(), Tier::Default | Tier::BuiltIn) {
            return None;
        }
        let kind = view.kind()?;
        let allowing = candidate.policy().and_then(|policy| allows::within(view, &policy.name, kind));
        if let Some((entry, value)) = allowing {
            return Some(Other { candidate, would: format!("allows {value}"), shown_by: vec![entry] });
        }
        let (own, other) = (self.candidate.planned(view)?, candidate.planned(view)?);
        (own.action != other.action).then(|| Other {
            candidate,
            would: format!("would have {} ({})", put(&other.action), other.said),
            shown_by: Vec::new(),
        })
    }

    /// Why it applied, in a clause.
    pub(super) fn because(&self) -> String {
        // The record settles what the settings leave open.
        let by_record = || "the record about the message names it".to_owned();
        let is_open = self.before.is_empty() || self.before.iter().any(|one| !matches!(one.fits, Fits::No(_)));
        match (&self.candidate.fits, self.candidate.tier(), self.candidate.rule) {
            (_, Tier::Default, _) if is_open && self.named_by.is_some() => by_record(),
            (_, Tier::Default, _) => "no rule before it is for this recipient".to_owned(),
            (Fits::Yes(why), _, Some(_)) => why.clone(),
            _ => by_record(),
        }
    }
}

/// The policy of a class that applied to the copy.
pub(super) fn applying<'s>(view: &View<'s>, class: &SettingClass) -> Applying<'s> {
    let order = candidates(view, class);
    let named = view.named(class);
    if order.is_empty() && bodies(view, class).next().is_none() {
        return Applying::NotSupplied;
    }
    if let Some((event, name)) = named {
        return by_record(order, event, name);
    }
    let mut open = Vec::new();
    // With a default alone nobody can tell whether there are no rules or none was exported.
    let has_rules = view.policies.iter().any(|entry| {
        setting(entry).is_some_and(|setting| matches!(view.vendor.part(setting), Part::Rule | Part::Whole))
    });
    if !has_rules && order.iter().all(|candidate| candidate.tier() == Tier::Default) {
        open.push("the rules before the default, none of which was exported".to_owned());
    }
    let Some(first) = order.iter().position(|candidate| match &candidate.fits {
        Fits::Yes(_) => true,
        Fits::No(_) => false,
        Fits::NotShown(on) => {
            open.extend(on.iter().map(|on| format!("{on} (for \"{}\")", candidate.name())));
            false
        }
    }) else {
        return if open.is_empty() { Applying::NoneFits } else { Applying::Depends(open, in_question(&order)) };
    };
    if open.is_empty() {
        return Applying::Shown(Box::new(split(order, first, None)));
    }
    Applying::Depends(open, in_question(&order[..=first]))
}

/// The policy that a record names: what the settings leave open is settled by it.
fn by_record<'s>(order: Vec<Candidate<'s>>, event: &'s Event, name: &'s str) -> Applying<'s> {
    if let Some(at) = order.iter().position(|candidate| candidate.is_called(name)) {
        return Applying::Shown(Box::new(split(order, at, Some(event))));
    }
    Applying::NotExported(event, name)
}

fn split<'s>(mut order: Vec<Candidate<'s>>, at: usize, named_by: Option<&'s Event>) -> Applied<'s> {
    let after = order.split_off(at + 1);
    let candidate = order.remove(at);
    Applied { candidate, named_by, before: order, after }
}

fn in_question<'s>(order: &[Candidate<'s>]) -> Vec<Candidate<'s>> {
    order.iter().filter(|candidate| !matches!(candidate.fits, Fits::No(_))).cloned().collect()
}

/// The policies of a class that are switched on, in the order in which they are looked at.
fn candidates<'s>(view: &View<'s>, class: &SettingClass) -> Vec<Candidate<'s>> {
    let of_class = |entry: &&'s Entry, parts: &[Part]| {
        setting(entry).is_some_and(|setting| {
            setting.class == *class
                && is_on(setting)
                && in_time(view, setting)
                && parts.contains(&view.vendor.part(setting))
        })
    };
    let scoped = view.policies.iter().copied().filter(|entry| of_class(entry, &[Part::Rule, Part::Whole]));
    let mut order: Vec<Candidate<'s>> = scoped
        .filter_map(|rule| {
            let scope = setting(rule)?;
            let body = match view.vendor.part(scope) {
                Part::Whole => Some(rule),
                _ => body_of(view, class, scope),
            };
            // A policy that is switched off still ends the search: it is kept.
            Some(Candidate { rule: Some(rule), body, fits: fits(view, scope) })
        })
        .collect();
    order.extend(unscoped(view, class));
    let place = |candidate: &Candidate<'s>| candidate.leading().map(|leading| view.vendor.rank(leading));
    order.sort_by(|one, other| (place(one), one.name()).cmp(&(place(other), other.name())));
    let default = view.policies.iter().copied().find(|entry| of_class(entry, &[Part::Default]));
    let everybody = || Fits::Yes("it is for everybody".to_owned());
    order.extend(default.map(|body| Candidate { rule: None, body: Some(body), fits: everybody() }));
    order
}

/// The policies whose rule was not exported: they may stand anywhere within their tier.
fn unscoped<'s>(view: &View<'s>, class: &SettingClass) -> Vec<Candidate<'s>> {
    let linked = |policy: &Setting| {
        view.policies.iter().filter_map(|entry| setting(entry)).any(|rule| {
            let names = rule.policy.as_deref().filter(|_| rule.class == *class && view.vendor.part(rule) == Part::Rule);
            names.is_some_and(|name| {
                name.eq_ignore_ascii_case(&policy.name)
                    || policy.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(name))
            })
        })
    };
    let open = || Fits::NotShown(vec!["its rule, which was not exported".to_owned()]);
    bodies(view, class)
        .filter(|body| {
            setting(body).is_some_and(|policy| !matches!(policy.tier, Tier::Default | Tier::BuiltIn) && !linked(policy))
        })
        .map(|body| Candidate { rule: None, body: Some(body), fits: open() })
        .collect()
}

/// Whether a setting was within its dates.
fn in_time(view: &View<'_>, setting: &Setting) -> bool {
    setting.starts.as_ref().is_none_or(|when| when.at <= view.at)
        && setting.expires.as_ref().is_none_or(|when| view.at < when.at)
}

/// The policies of a class, without their rules.
fn bodies<'v, 's: 'v>(view: &'v View<'s>, class: &'v SettingClass) -> impl Iterator<Item = &'s Entry> + 'v {
    view.policies.iter().copied().filter(move |entry| {
        setting(entry).is_some_and(|setting| {
            setting.class == *class && matches!(view.vendor.part(setting), Part::Body | Part::Default)
        })
    })
}

fn body_of<'s>(view: &View<'s>, class: &SettingClass, rule: &Setting) -> Option<&'s Entry> {
    let linked = rule.policy.as_deref()?;
    bodies(view, class).find(|body| {
        setting(body).is_some_and(|policy| {
            policy.name.eq_ignore_ascii_case(linked)
                || policy.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(linked))
        })
    })
}

/// Which policies applied, the one that acted first: a sentence for the verdict's stage, and its records.
pub(super) fn sentence(view: &View<'_>) -> Option<(String, Vec<Cite>)> {
    let acting = view.acting_class();
    let others = policy::CLASSES.iter().filter(|class| acting.as_ref() != Some(class));
    let mut told = Vec::new();
    let mut cites = Vec::new();
    for class in acting.iter().chain(others) {
        let is_acting = acting.as_ref() == Some(class);
        match applying(view, class) {
            Applying::Shown(applied) => {
                let Applied { candidate, .. } = applied.as_ref();
                // What nobody names and what does not agree with the deed is only what the settings say.
                let agrees =
                    candidate.planned(view).zip(view.done()).is_none_or(|(planned, done)| planned.action == done);
                let by = if is_acting && applied.named_by.is_none() && !agrees { ", by the settings" } else { "" };
                let mut one = format!("{} \"{}\"{by} ({}", policy::words(class), candidate.name(), candidate.place());
                if is_acting {
                    one = format!("{one}: {}{}", applied.because(), deed(view, candidate));
                }
                told.push(format!("{one})"));
                super::add(&mut cites, candidate.entries().map(|entry| entry.observation.cite.clone()));
            }
            Applying::Depends(on, _) if is_acting => {
                told.push(format!("{}: depends on {}, not shown", policy::words(class), on.join(" and ")));
            }
            _ => {}
        }
    }
    let plural = if told.len() == 1 { "policy" } else { "policies" };
    (!told.is_empty()).then(|| (format!("{plural} that applied: {}", told.join("; ")), cites))
}

/// What the policy says is done, and what was done if that is something else.
fn deed(view: &View<'_>, candidate: &Candidate<'_>) -> String {
    let Some(planned) = candidate.planned(view) else { return String::new() };
    match view.done() {
        Some(done) if done == planned.action => format!("; {}, as was done", planned.said),
        Some(done) => {
            format!("; it would have {} ({}), but the copy was {}", put(&planned.action), planned.said, was(&done))
        }
        None => format!("; its action is {}", planned.said),
    }
}

/// `would have ...`
pub(super) fn put(action: &Action) -> &'static str {
    match action {
        Action::None => "let it go on",
        Action::Tagged => "marked it and let it go on",
        Action::Junked => "put it to junk",
        Action::Quarantined => "kept it back",
        Action::Rejected => "refused it",
        Action::Deferred => "put it off",
        Action::Discarded => "thrown it away",
        Action::Bounced => "bounced it",
        Action::Redirected => "sent it to another address",
        Action::Sandboxed => "looked into it first",
        Action::NotSaid => "done something that is not said",
    }
}

/// `the copy was ...`
pub(super) fn was(action: &Action) -> &'static str {
    match action {
        Action::None => "let go on",
        Action::Tagged => "marked and let go on",
        Action::Junked => "put to junk",
        Action::Quarantined => "kept back",
        Action::Rejected => "refused",
        Action::Deferred => "put off",
        Action::Discarded => "thrown away",
        Action::Bounced => "bounced",
        Action::Redirected => "sent to another address",
        Action::Sandboxed => "looked into first",
        Action::NotSaid => "treated in a way that is not said",
    }
}
