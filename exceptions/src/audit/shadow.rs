//! What does nothing because of something else: covered by what goes before, never looked at, or blocked as well.

use std::collections::BTreeSet;

use evidence::{Condition, ListWord, Setting, SettingClass, Tier, VerdictKind};
use sources::policy::{self, AfterAMatch, Device, Honoured, Policies, Rank};

use super::scopes::{self, Index};
use super::standing::{self, Standing};
use super::{Around, Fault, Opening};
use crate::{Ends, Grant, On, Scope, Value};

/// For whom the policy is that holds an entry.
pub(super) enum HeldFor<'a> {
    /// For everybody, or it is held by no policy.
    Everybody,
    /// For these recipients, and by which rule; a default has none.
    Recipients { scope: Scope, rank: Option<Rank>, class: &'a SettingClass },
    /// The export does not show for whom.
    NotShown,
    /// For nobody: why, and the record.
    Nobody(String, Standing<'a>),
}

impl HeldFor<'_> {
    /// Adds to a scope for whom it is.
    pub(super) fn narrow(&self, scope: &mut Scope) {
        if let HeldFor::Recipients { scope: recipients, .. } = self {
            scope.terms.extend(recipients.terms.iter().cloned());
            scope.except.extend(recipients.except.iter().cloned());
        }
    }

    /// Whether it is surely for all recipients of its scope, whatever other policies there are.
    fn is_for_all_of_it(&self) -> bool {
        match self {
            HeldFor::Everybody => true,
            HeldFor::Recipients { rank, .. } => rank.is_some(),
            HeldFor::NotShown | HeldFor::Nobody(..) => false,
        }
    }
}

/// For whom the policy is that a setting stands in, or that it is.
pub(super) fn held_for<'a>(
    around: &Around<'a, '_>,
    standing: &Standing<'a>,
    holder: Option<&Standing<'a>>,
) -> HeldFor<'a> {
    let setting = standing.setting;
    let is_body = setting.entry.is_none() && setting.policy.is_none();
    let Some(body) = holder.copied().or(is_body.then_some(*standing)) else { return HeldFor::Everybody };
    if !policy::CLASSES.contains(&body.setting.class) || !body.setting.conditions.is_empty() {
        return HeldFor::Everybody;
    }
    let class = &body.setting.class;
    let product = &body.entry.observation.speaker.product;
    let Some(vendor) = policy::of(product) else { return HeldFor::Everybody };
    if body.setting.tier == Tier::Default {
        return HeldFor::Recipients { scope: Scope::default(), rank: None, class };
    }
    let names = std::iter::once(body.setting.name.as_str()).chain(body.setting.id.as_deref());
    let of_names = names.filter_map(|name| around.holders.get(name)).flatten();
    let rules: Vec<&Standing<'a>> =
        of_names.filter(|one| one.setting.policy.is_some() && one.setting.class == *class).collect();
    let mut on = rules.iter().filter(|rule| rule.is_on());
    match (rules.first(), on.next(), on.next()) {
        (None, ..) if body.setting.tier == Tier::Custom && around.ruled.contains(&(product, class)) => {
            HeldFor::Nobody("no rule says for whom its policy is, so that it is for nobody".to_owned(), body)
        }
        (Some(off), None, _) => {
            HeldFor::Nobody("the rule of its policy is switched off, so that it is for nobody".to_owned(), **off)
        }
        (_, Some(rule), None) => match scopes::recipients(rule.setting, Some(vendor)) {
            Some(scope) if !scope.terms.is_empty() || rule.setting.tier != Tier::Custom => {
                HeldFor::Recipients { scope, rank: Some(vendor.rank(rule.setting)), class }
            }
            _ => HeldFor::NotShown,
        },
        _ => HeldFor::NotShown,
    }
}

/// What may stand in the way of others.
pub(super) struct Shadows<'a> {
    openings: Vec<Covering<'a>>,
    index: Index,
    blocks: Vec<Blocking<'a>>,
    block_index: Index,
    stopping: Vec<Standing<'a>>,
    before: Vec<Before<'a>>,
    accepted: BTreeSet<String>,
}

/// One grant, as something that may cover another.
struct Covering<'a> {
    opening: usize,
    grant: Grant,
    loose: Scope,
    standing: Standing<'a>,
}

/// One block of a list.
struct Blocking<'a> {
    standing: Standing<'a>,
    scope: Scope,
}

/// A rule that gives a policy to recipients.
struct Before<'a> {
    standing: Standing<'a>,
    scope: Scope,
    rank: Rank,
}

/// How many rules that end the processing are compared with each rule.
const STOPPING_MAX: usize = 512;

impl<'a> Shadows<'a> {
    /// All that acts now.
    pub(super) fn of(around: &Around<'a, '_>, openings: &[Opening<'a>]) -> Shadows<'a> {
        let now = around.world.now;
        let mut covering: Vec<Covering<'a>> = Vec::new();
        for (at, opening) in openings.iter().enumerate() {
            if !opening.standing.acts(now) || !opening.held_for.is_for_all_of_it() && opening.holder.is_none() {
                continue;
            }
            let of_grant = |grant: &Grant| Covering {
                opening: at,
                loose: scopes::loose(&grant.scope),
                grant: grant.clone(),
                standing: opening.standing,
            };
            covering.extend(opening.grants.iter().map(of_grant));
        }
        let mut index = Index::default();
        covering.iter().enumerate().for_each(|(at, one)| index.add(at, &one.loose));
        let blocks: Vec<Blocking<'a>> = around.standing.iter().filter_map(|one| blocking(around, one)).collect();
        let mut block_index = Index::default();
        blocks.iter().enumerate().for_each(|(at, block)| block_index.add(at, &block.scope));
        let acting = || around.standing.iter().filter(|one| one.acts(now));
        Shadows {
            openings: covering,
            index,
            blocks,
            block_index,
            stopping: acting().filter(|one| is_stopping(one)).take(STOPPING_MAX).copied().collect(),
            before: acting().filter_map(before).collect(),
            accepted: around.world.accepted_domains(),
        }
    }

    /// What stands in the way of a setting.
    pub(super) fn faults(&self, at: usize, opening: &Opening<'_>) -> Vec<Fault> {
        if opening.grants.is_empty() || !opening.standing.is_on() {
            return Vec::new();
        }
        let shadowed = self
            .for_nobody(opening)
            .or_else(|| self.after_another_policy(opening))
            .or_else(|| self.after_a_rule(opening))
            .or_else(|| self.covered(at, opening));
        shadowed.into_iter().chain(self.blocked(opening)).collect()
    }

    fn for_nobody(&self, opening: &Opening<'_>) -> Option<Fault> {
        let HeldFor::Nobody(why, by) = &opening.held_for else { return None };
        Some(fault("shadowed", why.clone(), opening, by))
    }

    /// Another policy goes first for all recipients of the one that holds it.
    fn after_another_policy(&self, opening: &Opening<'_>) -> Option<Fault> {
        let HeldFor::Recipients { scope, rank, class } = &opening.held_for else { return None };
        let goes_before = |other: &&Before<'_>| {
            other.standing.setting.class == **class
                && other.standing.entry.observation.speaker.product == opening.step.product
                && rank.is_none_or(|rank| other.rank < rank)
                && (scope.is_within(&other.scope) || self.is_for_everybody(&other.scope))
        };
        let first = self.before.iter().filter(goes_before).min_by_key(|other| other.rank)?;
        let name = &first.standing.setting.name;
        Some(fault(
            "shadowed",
            format!("\"{name}\" goes first for all recipients of its policy"),
            opening,
            &first.standing,
        ))
    }

    /// Whether a scope is for all domains of the organisation.
    fn is_for_everybody(&self, scope: &Scope) -> bool {
        let holds = |domain: &String| {
            let domain = Value::Domain(domain.clone());
            scope
                .terms
                .iter()
                .all(|term| term.on == On::Recipient && term.values.iter().any(|value| domain.is_within(value)))
        };
        !self.accepted.is_empty() && scope.except.is_empty() && self.accepted.iter().all(holds)
    }

    /// A rule before it takes all of its mail and ends the processing of rules.
    fn after_a_rule(&self, opening: &Opening<'_>) -> Option<Fault> {
        let own = opening.standing.setting;
        let priority = own.priority?;
        let goes_before = |other: &&Standing<'_>| {
            other.setting.class == own.class
                && other.entry.observation.speaker == opening.standing.entry.observation.speaker
                && other.setting.priority.is_some_and(|other| other < priority)
                && takes_all_of(other.setting, own)
        };
        let first = self.stopping.iter().find(goes_before)?;
        let name = &first.setting.name;
        let statement =
            format!("the rule \"{name}\" goes before it, takes all of its mail, and ends the processing of rules");
        Some(fault("shadowed", statement, opening, first))
    }

    /// Others let all of it through anyway.
    fn covered(&self, at: usize, opening: &Opening<'_>) -> Option<Fault> {
        let mut first = None;
        for grant in &opening.grants {
            let found = self.index.perhaps_around(&scopes::loose(&grant.scope));
            let by =
                found.into_iter().map(|number| &self.openings[number]).find(|by| covers(by, at, grant, opening))?;
            first = first.or(Some(by));
        }
        let by = first?;
        let statement = format!(
            "{} lets all of it through anyway: {} ({})",
            by.grant.device.words(),
            by.grant.name,
            by.grant.scope
        );
        Some(fault("shadowed", statement, opening, &by.standing))
    }

    /// The same mail is blocked too.
    fn blocked(&self, opening: &Opening<'_>) -> Option<Fault> {
        let own = opening.standing.setting;
        if own.entry.as_ref().is_some_and(|entry| entry.on.contains(',')) && own.class == SettingClass::SenderPolicy {
            return None; // excepted from one check only
        }
        let is_blocked = |grant: &Grant| {
            let scope = scopes::loose(&grant.scope);
            let found = self.block_index.perhaps_around(&scope);
            found.into_iter().map(|number| &self.blocks[number]).find(|block| {
                block.standing.entry.observation.speaker.product == opening.step.product
                    && is_of_the_same_holder(block.standing.setting, own)
                    && standing::list(block.standing.entry) == standing::list(opening.standing.entry)
                    && scope.is_within(&block.scope)
            })
        };
        let block = opening.grants.iter().find_map(is_blocked)?;
        let held = block.standing.setting.policy.as_deref().filter(|_| block.standing.setting.entry.is_some());
        let within = held.map_or(String::new(), |policy| format!(" of \"{policy}\""));
        let name = block.standing.name();
        let statement = format!(
            "the same mail is blocked too, by the entry {name}{within}: whichever goes first, one of the two does nothing"
        );
        Some(fault("contradicting", statement, opening, &block.standing))
    }
}

fn fault(id: &'static str, statement: String, opening: &Opening<'_>, by: &Standing<'_>) -> Fault {
    let (own, other) = (opening.standing.cite(), by.cite());
    let cites = if own == other { vec![own.clone()] } else { vec![own.clone(), other.clone()] };
    Fault { id, statement, cites }
}

/// Lists of two policies, or of two users, are for different mail.
fn is_of_the_same_holder(one: &Setting, other: &Setting) -> bool {
    let is_one = |one: Option<&str>, other: Option<&str>| one.zip(other).is_none_or(|(one, other)| one == other);
    let is_body = |setting: &Setting| setting.entry.is_none();
    let (one_policy, other_policy) = (one.policy.as_deref(), other.policy.as_deref());
    one.mailbox == other.mailbox && (is_one(one_policy, other_policy) || is_body(one) || is_body(other))
}

/// Whether another grant covers all of one, by a device that helps as much, for as long.
fn covers(by: &Covering<'_>, at: usize, grant: &Grant, opening: &Opening<'_>) -> bool {
    let ends_no_later = |one: &Grant, other: &Grant| {
        one.ends.is_by(other.ends) || one.ends == Ends::NotSaid && other.ends == Ends::NotSaid
    };
    let is_around = |one: &Grant, other: &Grant, is_within: bool| {
        is_within && ends_no_later(one, other) && helps_as_much(other, one)
    };
    let own = opening.standing.setting;
    let other = by.standing.setting;
    let is_held_apart = own.policy.is_some() && other.policy.is_some() && own.policy != other.policy
        || other.policy.is_some()
            && own.policy.is_none()
            && other.class == SettingClass::SenderPolicy
            && other.tier == Tier::Default;
    let checks = |setting: &Setting| {
        setting.entry.as_ref().and_then(|entry| entry.on.split_once(',').map(|(_, of)| of.to_owned()))
    };
    let is_at_hand = by.opening != at
        && by.grant.product == grant.product
        && !is_held_apart
        && checks(own) == checks(other)
        && is_around(grant, &by.grant, grant.scope.is_within(&by.grant.scope));
    // Of two that cover each other the first stands.
    let is_mutual = || is_around(&by.grant, grant, by.grant.scope.is_within(&grant.scope));
    is_at_hand && (by.opening < at || !is_mutual())
}

/// Verdicts that devices of letting through are weighed by.
const VERDICTS: &[VerdictKind] = &[
    VerdictKind::Spam,
    VerdictKind::HighConfidenceSpam,
    VerdictKind::Phish,
    VerdictKind::HighConfidencePhish,
    VerdictKind::Bulk,
    VerdictKind::Spoof,
    VerdictKind::Impersonation,
    VerdictKind::Url,
    VerdictKind::Attachment,
    VerdictKind::Malware,
    VerdictKind::BlockEntry,
    VerdictKind::ConnectionFilter,
];

/// Whether one device overrides all that another does, by the vendor's pages.
fn helps_as_much(wider: &Grant, narrower: &Grant) -> bool {
    if wider.device == narrower.device {
        return true;
    }
    let Some(vendor) = policy::of(&wider.product) else { return false };
    let helps = |device: Device, verdict| {
        vendor.rulebook().overriding(device, verdict).map(|found| found.honoured == Honoured::Yes)
    };
    let mut known = VERDICTS.iter().map(|verdict| (helps(narrower.device, verdict), helps(wider.device, verdict)));
    known.clone().any(|(narrower, _)| narrower == Some(true))
        && known.all(|(narrower, wider)| narrower != Some(true) || wider == Some(true))
}

/// A block of a list that acts, with the scope that it has.
fn blocking<'a>(around: &Around<'a, '_>, standing: &Standing<'a>) -> Option<Blocking<'a>> {
    let setting = standing.setting;
    let is_block = setting.entry.as_ref().is_some_and(|entry| entry.says == ListWord::Block);
    if !is_block || !standing.acts(around.world.now) {
        return None;
    }
    let vendor = policy::of(&standing.entry.observation.speaker.product);
    let mut scope =
        scopes::of(setting, vendor).map(|scope| scopes::loose(&scope)).filter(|scope| !scope.terms.is_empty())?;
    let holder = super::holder(around, standing);
    match held_for(around, standing, holder.as_ref()) {
        HeldFor::NotShown | HeldFor::Nobody(..) => return None,
        held_for => held_for.narrow(&mut scope),
    }
    Some(Blocking { standing: *standing, scope })
}

/// A rule after which no other is looked at, and whose conditions the export shows.
fn is_stopping(standing: &Standing<'_>) -> bool {
    let vendor = policy::of(&standing.entry.observation.speaker.product);
    let stops = |vendor: &dyn Policies| {
        vendor.after_a_match(standing.setting) == AfterAMatch::Stops && vendor.unread(standing.setting).is_empty()
    };
    let setting = standing.setting;
    setting.class == SettingClass::TransportRule && !setting.conditions.is_empty() && vendor.is_some_and(stops)
}

/// Whether all mail for which a rule is, is taken by another: each condition of that one follows from one of this.
fn takes_all_of(other: &Setting, own: &Setting) -> bool {
    let is_within = |narrow: &Condition, wide: &Condition| {
        let is_listed = |value: &String| wide.values.iter().any(|one| one.eq_ignore_ascii_case(value));
        narrow.name.eq_ignore_ascii_case(&wide.name) && narrow.values.iter().all(is_listed)
    };
    let follows = |wide: &Condition| own.conditions.iter().any(|narrow| is_within(narrow, wide));
    let is_excepted = |except: &Condition| own.exceptions.iter().any(|wide| is_within(except, wide));
    other.conditions.iter().all(follows) && other.exceptions.iter().all(is_excepted)
}

/// A rule that gives a policy to recipients who can be told from the records.
fn before<'a>(standing: &Standing<'a>) -> Option<Before<'a>> {
    let setting = standing.setting;
    let vendor = policy::of(&standing.entry.observation.speaker.product)?;
    let is_rule = setting.policy.is_some() && setting.entry.is_none() && policy::CLASSES.contains(&setting.class);
    let scope = scopes::recipients(setting, Some(vendor)).filter(|_| is_rule)?;
    // A custom rule has a condition: without one it is cut.
    let is_whole = vendor.unread(setting).is_empty() && (!scope.terms.is_empty() || setting.tier != Tier::Custom);
    is_whole.then(|| Before { standing: *standing, scope, rank: vendor.rank(setting) })
}
