//! What lets mail through already, and how wide it is.
//!
//! Every setting in the evidence is taken for a step that makes it so, and judged by the same tables as a planned change. What lets nothing
//! through and takes no protection away is left out.

mod faults;
mod instead;
pub(crate) mod made;
mod rank;
mod scopes;
mod shadow;
pub(crate) mod standing;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Cite, Effect, Product, Setting};
use lake::Lake;
use rayon::prelude::*;
use sources::policy;
use sources::proposed::{About, Step};
use sources::{FileReading, Readings};

use self::made::Changes;
use self::standing::Standing;
use crate::{Answer, Approval, Grant, Level, Measured, Proposal, Radius, Reason, Scope, User, Vendor, World, vendor};

/// One thing that is set up and lets mail through or takes a protection away.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Whose it is.
    pub product: Product,
    /// What it is, as an export shows it.
    pub step: Step,
    /// How people know it: the value of an entry, else the name of the rule or policy.
    pub name: String,
    /// Whether it acts now, as far as the evidence shows: switched on, begun, and not over.
    pub acts: bool,
    /// What it lets through.
    pub grants: Vec<Grant>,
    /// What the guard says of it.
    pub answer: Answer,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What it let through over the history. Where it lets mail through in several ways that may overlap, each is counted: then these are
    /// upper bounds.
    pub radius: Option<Radius>,
    /// Who made or last changed it and when, in a sentence; `None` if no record says.
    pub made: Option<String>,
    /// Which of the approvals covers it, in a sentence.
    pub approved: Option<String>,
    /// What else is wrong with it: expired, unused, shadowed, contradicting, wider than approved.
    pub faults: Vec<Fault>,
    /// What would be enough, narrower.
    pub instead: Vec<Proposal>,
    /// In a sentence, where nothing narrower can be proposed; `None` if it is narrow enough.
    pub advice: Option<String>,
    /// Its records: the setting, then those of its changes.
    pub cites: Vec<Cite>,
    /// Which of the scopes that are measured are its own.
    measured_at: Vec<usize>,
    /// How long before the end of what is known it was made, where that is shown.
    made_at: Option<jiff::Timestamp>,
}

/// Something that is wrong with what is set up, beside its width.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `expired`, `unused`, `shadowed`, `contradicting` or `wider-than-approved`.
    pub id: &'static str,
    /// In a sentence.
    pub statement: String,
    /// Records.
    pub cites: Vec<Cite>,
}

/// All that lets mail through or takes a protection away, the widest first.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// One a setting, ranked: by the measured radius where there is one, then by the answer, then by name.
    pub all: Vec<Audited>,
    /// What is to be measured over the history, in the order in which [`Audit::with_radii`] takes the radii.
    pub scopes: Vec<Scope>,
}

/// What the checks of one setting look at.
struct Around<'a, 'w> {
    world: &'w World<'a>,
    /// What entries of lists are judged beside: without the other entries, where there are very many of them.
    of_entries: World<'w>,
    changes: Changes<'a>,
    standing: Vec<Standing<'a>>,
    approvals: Vec<faults::Approved<'w>>,
    /// Policies by name and lasting id, and the rules that say for whom each is.
    holders: HashMap<&'a str, Vec<Standing<'a>>>,
    /// Of which systems and classes rules were exported that say for whom a policy is.
    ruled: BTreeSet<(&'a Product, &'a evidence::SettingClass)>,
    /// Exports that show of at least one of their settings when it was last used.
    showing_use: BTreeSet<(&'a str, &'a evidence::SettingClass)>,
}

impl Around<'_, '_> {
    /// Whether the export of a setting shows when such settings were used.
    fn shows_use(&self, standing: &Standing<'_>) -> bool {
        self.showing_use.contains(&(&*standing.cite().file, &standing.setting.class))
    }
}

/// A setting that lets something through, before it is compared with others.
struct Opening<'a> {
    standing: Standing<'a>,
    step: Step,
    grants: Vec<Grant>,
    answer: Answer,
    reasons: Vec<Reason>,
    holder: Option<Standing<'a>>,
    /// For whom the policy that holds it is.
    held_for: shadow::HeldFor<'a>,
}

/// All that lets mail through by the settings in the evidence; what was approved tells what is wider than that.
pub fn audit(world: &World<'_>, approvals: &[Approval]) -> Audit {
    let standing = standing::all(world);
    let entries = standing.iter().filter(|one| one.setting.entry.is_some()).count();
    let without = if entries > ENTRIES_MAX { Some(without_entries(&standing)) } else { None };
    let around = Around {
        world,
        of_entries: World { lake: without.as_ref().unwrap_or(world.lake), ..*world },
        changes: Changes::of(world.lake),
        holders: holders(&standing),
        ruled: ruled(&standing),
        showing_use: showing_use(&standing),
        approvals: faults::approved(approvals),
        standing,
    };
    let mut openings: Vec<Opening<'_>> = around.standing.par_iter().filter_map(|one| opening(&around, *one)).collect();
    once(&mut openings);
    let shadows = shadow::Shadows::of(&around, &openings);
    let mut all: Vec<Audited> =
        openings.par_iter().enumerate().map(|(at, opening)| audited(&around, &shadows, at, opening)).collect();
    rank::sort(&mut all);
    instead::propose(&mut all, &around.of_entries);
    let scopes = to_measure(&mut all);
    Audit { all, scopes }
}

/// How many entries of lists are judged each beside all others: beyond, the time would grow with their square.
const ENTRIES_MAX: usize = 500;

/// All settings but the entries of lists.
fn without_entries(standing: &[Standing<'_>]) -> Lake {
    let mut files: BTreeMap<(&str, evidence::SourceId), Vec<evidence::Observation>> = BTreeMap::new();
    for one in standing.iter().filter(|one| one.setting.entry.is_none()) {
        files.entry((&*one.cite().file, one.entry.source)).or_default().push(one.entry.observation.clone());
    }
    let file = |((file, source), observations): ((&str, evidence::SourceId), Vec<evidence::Observation>)| FileReading {
        file: file.into(),
        source: Some(source),
        reading: Ok(evidence::Reading { observations, ..evidence::Reading::default() }),
    };
    Lake::of(Readings { files: files.into_iter().map(file).collect(), ..Readings::default() })
}

/// Policies that hold entries, and the rules of policies, by the name and id of the policy.
fn holders<'a>(standing: &[Standing<'a>]) -> HashMap<&'a str, Vec<Standing<'a>>> {
    let mut found: HashMap<&str, Vec<Standing<'_>>> = HashMap::new();
    for one in standing.iter().filter(|one| one.setting.entry.is_none()) {
        let names: BTreeSet<&str> = match &one.setting.policy {
            Some(policy) => [policy.as_str()].into(),
            None => std::iter::once(one.setting.name.as_str()).chain(one.setting.id.as_deref()).collect(),
        };
        names.into_iter().for_each(|name| found.entry(name).or_default().push(*one));
    }
    found
}

fn ruled<'a>(standing: &[Standing<'a>]) -> BTreeSet<(&'a Product, &'a evidence::SettingClass)> {
    let rules = standing.iter().filter(|one| one.setting.entry.is_none() && one.setting.policy.is_some());
    rules.map(|one| (&one.entry.observation.speaker.product, &one.setting.class)).collect()
}

fn showing_use<'a>(standing: &[Standing<'a>]) -> BTreeSet<(&'a str, &'a evidence::SettingClass)> {
    let used = standing.iter().filter(|one| one.setting.last_used.is_some());
    used.map(|one| (&*one.cite().file, &one.setting.class)).collect()
}

/// What the guard says of a setting; `None` if it lets nothing through and takes nothing away, or is switched off and would be narrow.
fn opening<'a>(around: &Around<'a, '_>, standing: Standing<'a>) -> Option<Opening<'a>> {
    let vendor = vendor::of(&standing.entry.observation.speaker.product)?;
    let step = standing.step();
    // What is switched off is judged as if it were on: whoever switches it on is not asked again.
    let judged = if standing.is_on() { step.clone() } else { switched_on(&step) };
    let mut grants = vendor.grants(&judged);
    let world = if standing.setting.entry.is_some() { &around.of_entries } else { around.world };
    let mut reasons = vendor.judge(&judged, &grants, world);
    if standing.setting.entry.is_none() {
        reasons.extend(weaknesses(vendor, &judged, &reasons));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level));
    let weakens = reasons.iter().any(|reason| matches!(reason.level, Level::Approval | Level::Refuse));
    if grants.is_empty() && !weakens {
        return None;
    }
    let answer = crate::guard::answer(&reasons).unwrap_or(Answer::Unknown);
    if !standing.is_on() && (answer != Answer::Broad || grants.is_empty()) {
        return None;
    }
    let holder = holder(around, &standing);
    let held_for = shadow::held_for(around, &standing, holder.as_ref());
    grants.iter_mut().for_each(|grant| {
        held_for.narrow(&mut grant.scope);
        if grant.cites.is_empty() {
            grant.cites.push(standing.cite().clone());
        }
    });
    Some(Opening { standing, step, grants, answer, reasons, holder, held_for })
}

/// What takes a protection away though it is so already: judged as if nothing were set up yet, because nothing is weaker than itself.
fn weaknesses(vendor: &dyn Vendor, step: &Step, known: &[Reason]) -> Vec<Reason> {
    let nothing = Lake::default();
    let world = World { lake: &nothing, needs: &[], now: None };
    let mut step = step.clone();
    if let About::Setting(setting) = &mut step.about {
        let is_chosen = |property: &evidence::Property| {
            !property.values.iter().any(|value| vendor::is_from_the_start(&step.product, &property.name, value))
        };
        setting.properties.retain(is_chosen);
    }
    let found = vendor.judge(&step, &vendor.grants(&step), &world);
    let is_new = |reason: &Reason| !reason.row.is_empty() && known.iter().all(|known| known.row != reason.row);
    let weakens = |reason: &Reason| matches!(reason.level, Level::Approval | Level::Refuse);
    found.into_iter().filter(|reason| weakens(reason) && is_new(reason)).collect()
}

/// The same setting, acting.
fn switched_on(step: &Step) -> Step {
    let mut step = step.clone();
    if let About::Setting(setting) = &mut step.about {
        setting.effect = Effect::Acts;
    }
    step
}

/// The policy, list or mailbox setting that holds an entry.
fn holder<'a>(around: &Around<'a, '_>, inner: &Standing<'a>) -> Option<Standing<'a>> {
    let name = inner.setting.policy.as_deref().filter(|_| inner.setting.entry.is_some())?;
    let product = &inner.entry.observation.speaker.product;
    let named = around.holders.get(name)?.iter().filter(|one| one.setting.policy.is_none());
    let mut fits = named.filter(|one| {
        let lists_it = || {
            let values = one.setting.properties.iter().flat_map(|property| &property.values);
            values.into_iter().any(|value| value.contains(inner.name()))
        };
        one.entry.observation.speaker.product == *product
            && one.setting.tier == inner.setting.tier
            && one.setting.mailbox == inner.setting.mailbox
            && lists_it()
    });
    fits.next().copied()
}

/// Leaves out of a policy what its entries say one by one.
fn once(openings: &mut Vec<Opening<'_>>) {
    let mut said: BTreeMap<Place, Said> = BTreeMap::new();
    for inner in openings.iter() {
        let Some(holder) = &inner.holder else { continue };
        let known = said.entry(place(holder)).or_default();
        for grant in &inner.grants {
            known.scopes.entry(grant.device).or_default().insert(grant.scope.clone());
        }
        known.rows.extend(inner.reasons.iter().map(|reason| reason.row));
    }
    let said: BTreeMap<Place, Said> = said.into_iter().map(|(place, said)| (place, said.joined())).collect();
    openings.retain_mut(|opening| {
        let is_entry = opening.standing.setting.entry.is_some();
        let Some(said) = said.get(&place(&opening.standing)).filter(|_| !is_entry) else { return true };
        opening.grants.retain(|grant| !said.holds(grant));
        if opening.grants.is_empty() {
            opening.reasons.retain(|reason| !said.rows.contains(reason.row));
            opening.answer = crate::guard::answer(&opening.reasons).unwrap_or(Answer::Unknown);
        }
        !opening.grants.is_empty() || opening.answer == Answer::Broad
    });
}

/// A setting by where it is written.
type Place = (evidence::FileName, u64, String);

fn place(standing: &Standing<'_>) -> Place {
    let cite = standing.cite();
    (cite.file.clone(), cite.bytes.start, standing.setting.name.clone())
}

/// What the entries of a policy let through, and by which rows.
#[derive(Default)]
struct Said {
    scopes: BTreeMap<policy::Device, BTreeSet<Scope>>,
    rows: BTreeSet<&'static str>,
}

impl Said {
    fn joined(self) -> Said {
        let joined = |scopes: &BTreeSet<Scope>| scopes::joined(scopes).into_iter().collect();
        Said { scopes: self.scopes.iter().map(|(device, scopes)| (*device, joined(scopes))).collect(), ..self }
    }

    fn holds(&self, grant: &Grant) -> bool {
        self.scopes.get(&grant.device).is_some_and(|scopes| scopes.iter().any(|scope| grant.scope.is_within(scope)))
    }
}

/// All that is to be said of one setting.
fn audited(around: &Around<'_, '_>, shadows: &shadow::Shadows<'_>, at: usize, opening: &Opening<'_>) -> Audited {
    let Opening { standing, step, grants, answer, reasons, holder, .. } = opening;
    let product = step.product.clone();
    let made = made::made(&around.changes, &product, standing.setting, holder.as_ref().map(|holder| holder.setting));
    let mut faults = faults::by_time(around, opening);
    faults.extend(shadows.faults(at, opening));
    let (approved, wider) = faults::by_approval(around, opening);
    faults.extend(wider);
    let mut cites = vec![standing.cite().clone()];
    cites.extend(made.iter().flat_map(|made| made.cites.iter().cloned()));
    let since = |setting: &Setting| setting.changed.as_ref().or(setting.created.as_ref()).map(|when| when.at);
    Audited {
        product,
        step: step.clone(),
        name: standing.name().to_owned(),
        acts: standing.acts(around.world.now),
        grants: grants.clone(),
        answer: *answer,
        reasons: reasons.clone(),
        radius: None,
        made_at: made.as_ref().and_then(|made| made.at).or_else(|| since(standing.setting)),
        made: made.map(|made| made.said),
        approved,
        faults,
        instead: Vec::new(),
        advice: None,
        cites,
        measured_at: Vec::new(),
    }
}

/// Gives each the numbers of the scopes by which it is measured, and lists these, each once.
fn to_measure(all: &mut [Audited]) -> Vec<Scope> {
    let mut numbers: HashMap<Scope, usize> = HashMap::new();
    let mut scopes: Vec<Scope> = Vec::new();
    for audited in all {
        let own: BTreeSet<Scope> = audited.grants.iter().map(|grant| grant.scope.clone()).collect();
        let mut number = |scope: Scope| {
            *numbers.entry(scope).or_insert_with_key(|scope| {
                scopes.push(scope.clone());
                scopes.len() - 1
            })
        };
        audited.measured_at = scopes::joined(&own).into_iter().map(&mut number).collect();
    }
    scopes
}

impl Audit {
    /// The same with the radii of [`Audit::scopes`], ranked by them; what let nothing through for long is unused.
    #[must_use]
    pub fn with_radii(mut self, measured: &Measured) -> Audit {
        if measured.history.rows.values().all(|rows| *rows == 0) {
            return self;
        }
        for audited in &mut self.all {
            let own: Vec<&Radius> = audited.measured_at.iter().filter_map(|at| measured.radii.get(*at)).collect();
            if own.is_empty() || own.len() < audited.measured_at.len() {
                continue;
            }
            let radius = rank::sum(&own);
            if let Some(fault) = faults::by_radius(audited, &radius, &measured.history) {
                audited.faults.push(fault);
            }
            audited.radius = Some(radius);
        }
        rank::sort(&mut self.all);
        self
    }

    /// Those of which nothing narrower is known yet and mail came in by them, the widest first, with the scopes by which to find who uses
    /// them ([`crate::users`]).
    pub fn unnamed(&self) -> Vec<(usize, Scope)> {
        let is_used = |one: &Audited| one.radius.as_ref().is_some_and(|radius| radius.messages > 0);
        let of = |(at, one): (usize, &Audited)| match one.grants.as_slice() {
            [grant] if one.advice.is_some() && one.acts && is_used(one) => Some((at, grant.scope.clone())),
            _ => None,
        };
        self.all.iter().enumerate().filter_map(of).take(NAMED_MAX).collect()
    }

    /// The same with what would be enough for those who use them.
    #[must_use]
    pub fn with_users(mut self, unnamed: &[(usize, Scope)], users: &[Vec<User>], world: &World<'_>) -> Audit {
        for ((at, _), users) in unnamed.iter().zip(users) {
            if let Some(audited) = self.all.get_mut(*at).filter(|_| !users.is_empty()) {
                instead::for_users(audited, users, world);
            }
        }
        self
    }
}

/// For how many settings, the widest first, it is looked up who uses them.
const NAMED_MAX: usize = 12;
