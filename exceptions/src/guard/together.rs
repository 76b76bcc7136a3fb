//! What several narrow steps are together, and with what is set up already, that none of them is alone.
//!
//! Only grants are looked at, so that no vendor's word stands here. What is there already counts only together with a step of the candidate.

mod parties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use evidence::{ChangeKind, Cite, Place, Product};
use sources::policy::Device;
use sources::proposed::{About, Step};

use super::{JudgedStep, Level, Reason, World};
use crate::vendor::common::{RECIPIENTS, SENDERS, Width, is_authenticated, is_wide, width};
use crate::vendor::{self, Rows, Stamp};
use crate::{Ends, Grant, On, Scope, Term, Value};

static ROWS: LazyLock<Rows> = LazyLock::new(|| Rows::of(include_str!("rows.toml")));

/// A grant, and whether a step of the candidate makes it.
#[derive(Clone, Debug)]
struct Granted {
    grant: Grant,
    is_new: bool,
}

/// How many grants of one candidate are compared with one another.
const MANY: usize = 500;

/// What the steps are together, and with what is set up already, that none of them is alone.
pub(super) fn reasons(steps: &[JudgedStep], world: &World<'_>) -> Vec<Reason> {
    let new = steps.iter().flat_map(|step| &step.grants).filter(|grant| !grant.scope.terms.is_empty());
    let mut all: Vec<Granted> = new.map(|grant| Granted { grant: grant.clone(), is_new: true }).collect();
    let new_stamps: Vec<Stamp> = steps.iter().flat_map(|step| stamps(&step.step)).collect();
    if all.is_empty() && new_stamps.is_empty() {
        return Vec::new();
    }
    if all.len() > MANY || new_stamps.len() > MANY {
        return vec![row("T9", format!("{} exceptions in one change", all.len().max(new_stamps.len())), [])];
    }
    let steps_there: Vec<(Step, Cite)> = steps_there(world).collect();
    let there = there(&steps_there);
    let mut reasons = renewals(&all, &there, world);
    all.extend(there.into_iter().filter(|granted| !has_ended(&granted.grant, world)));
    reasons.extend(parties::reasons(&all, world));
    reasons.extend(networks(&all));
    reasons.extend(marks(&all, new_stamps, &steps_there));
    reasons.extend(layers(&all, world));
    reasons.extend(limits(&all));
    reasons
}

fn row(id: &str, statement: String, cites: impl IntoIterator<Item = Cite>) -> Reason {
    Reason::row(ROWS.row(id), statement).cited(cites)
}

/// What the evidence shows as set up, as steps.
fn steps_there<'w>(world: &'w World<'_>) -> impl Iterator<Item = (Step, Cite)> + 'w {
    let is_known = |product: &Product| vendor::of(product).is_some();
    world.settings().filter(move |(_, entry)| is_known(&entry.observation.speaker.product)).map(|(setting, entry)| {
        let cite = &entry.observation.cite;
        let (Place::Line(line) | Place::Record(line)) = cite.place;
        let step = Step {
            said: cite.said.to_string(),
            line,
            product: entry.observation.speaker.product.clone(),
            operation: sources::source(entry.source).map_or(entry.source, |source| source.title()).to_owned(),
            kind: ChangeKind::Created,
            about: About::Setting(Box::new(setting.clone())),
            replaces: Vec::new(),
        };
        (step, cite.clone())
    })
}

/// What lets mail through already.
fn there(steps: &[(Step, Cite)]) -> Vec<Granted> {
    let of = |(step, cite): &(Step, Cite)| -> Vec<Granted> {
        let grants = vendor::of(&step.product).map(|vendor| vendor.grants(step)).unwrap_or_default();
        let cited = |grant: Grant| Granted { grant: Grant { cites: vec![cite.clone()], ..grant }, is_new: false };
        grants.into_iter().map(cited).collect()
    };
    steps.iter().flat_map(of).collect()
}

fn has_ended(grant: &Grant, world: &World<'_>) -> bool {
    matches!((grant.ends, world.now), (Ends::At(at), Some(now)) if at <= now)
}

/// What was there, ended, and is made again; or is there still.
fn renewals(new: &[Granted], there: &[Granted], world: &World<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for grant in new.iter().map(|new| &new.grant) {
        let is_like = |old: &&Granted| {
            old.grant.product == grant.product
                && old.grant.device == grant.device
                && grant.scope.is_within(&old.grant.scope)
        };
        let Some(old) = there.iter().find(is_like) else { continue };
        let statement = match old.grant.ends {
            Ends::At(at) if has_ended(&old.grant, world) => {
                format!("`{}` was for the same mail and ended {at}", old.grant.name)
            }
            Ends::At(at) => format!("`{}` is for the same mail already, until {at}", old.grant.name),
            _ => format!("`{}` is for the same mail already", old.grant.name),
        };
        reasons.push(row("T7", statement, old.grant.cites.iter().cloned()));
    }
    reasons
}

/// The cites of grants that are there already, the first few.
fn cites<'g>(of: impl IntoIterator<Item = &'g Granted>) -> Vec<Cite> {
    of.into_iter().flat_map(|granted| granted.grant.cites.iter().cloned()).take(10).collect()
}

/// Networks that adjoin and are wide together, where none of them is alone.
fn networks(all: &[Granted]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for on in [On::Client, On::Infrastructure] {
        for group in alike(all, std::slice::from_ref(&on)) {
            let mut ranges: Vec<(IpAddr, IpAddr)> = Vec::new();
            for value in group.iter().flat_map(|granted| granted.grant.scope.on(&on)).flat_map(|term| &term.values) {
                if let Value::Network(first, last) = value
                    && !is_wide(value)
                {
                    ranges.push((*first, *last));
                }
            }
            let wide = joined(ranges).into_iter().find(|(first, last)| is_wide(&Value::Network(*first, *last)));
            if let Some((first, last)) = wide {
                let network = Value::Network(first, last);
                let statement = format!("together they are {network}");
                reasons.push(row("T3", statement, cites(group)));
            }
        }
    }
    reasons
}

/// The same ranges, those that overlap or adjoin made one.
fn joined(mut ranges: Vec<(IpAddr, IpAddr)>) -> Vec<(IpAddr, IpAddr)> {
    ranges.sort_unstable();
    let mut found: Vec<(IpAddr, IpAddr)> = Vec::new();
    for (first, last) in ranges {
        match found.last_mut() {
            Some((_, end)) if first.is_ipv4() == end.is_ipv4() && first <= *end => *end = last.max(*end),
            Some((_, end)) if next(*end) == Some(first) => *end = last,
            _ => found.push((first, last)),
        }
    }
    found
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => address.to_bits().checked_add(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(address) => address.to_bits().checked_add(1).map(|bits| IpAddr::V6(bits.into())),
    }
}

/// Groups of grants of one product and device that differ only in what looks at these; only groups with something new, and of more than one.
fn alike<'g>(all: &'g [Granted], on: &[On]) -> Vec<Vec<&'g Granted>> {
    type Rest<'g> = (&'g Product, Device, Vec<&'g Term>, &'g BTreeSet<Term>);
    let mut groups: BTreeMap<Rest<'g>, Vec<&'g Granted>> = BTreeMap::new();
    for granted in all {
        let Grant { product, device, scope, .. } = &granted.grant;
        if scope.terms.iter().all(|term| !on.contains(&term.on)) {
            continue;
        }
        let rest = scope.terms.iter().filter(|term| !on.contains(&term.on)).collect();
        groups.entry((product, *device, rest, &scope.except)).or_default().push(granted);
    }
    groups.into_values().filter(|group| group.len() > 1 && group.iter().any(|granted| granted.is_new)).collect()
}

/// Conditions on a mark that another rule, new or there, sets for mail that proves less.
fn marks(all: &[Granted], new: Vec<Stamp>, there: &[(Step, Cite)]) -> Vec<Reason> {
    let mut stamps: Vec<(Stamp, Option<Cite>)> = new.into_iter().map(|stamp| (stamp, None)).collect();
    let of = |(step, cite): &(Step, Cite)| -> Vec<(Stamp, Option<Cite>)> {
        self::stamps(step).into_iter().map(|stamp| (stamp, Some(cite.clone()))).collect()
    };
    stamps.extend(there.iter().flat_map(of));
    let mut reasons = Vec::new();
    for granted in all.iter().filter(|granted| granted.grant.scope.terms.iter().any(is_mark)) {
        for (stamp, cite) in stamps.iter().filter(|(_, cite)| granted.is_new || cite.is_none()) {
            let trusted = granted.grant.scope.terms.iter().find(|term| trusts(term, stamp));
            let Some(term) = trusted.filter(|_| !proves_as_much(&stamp.scope)) else { continue };
            let name = &granted.grant.name;
            let statement = format!("`{name}` asks for {term}, and `{}` puts that on: {}", stamp.name, stamp.scope);
            reasons.push(row("T4", statement, granted.grant.cites.iter().chain(cite).cloned()));
        }
    }
    reasons.truncate(10);
    reasons
}

/// Whether a condition looks at what a rule could have put there.
fn is_mark(term: &Term) -> bool {
    matches!(term.on, On::Header(_) | On::Dmarc | On::SignedBy | On::Subject | On::Other(_))
}

fn stamps(step: &Step) -> Vec<Stamp> {
    vendor::of(&step.product).map(|vendor| vendor.stamps(step)).unwrap_or_default()
}

/// Whether a condition holds because of a stamp.
fn trusts(term: &Term, stamp: &Stamp) -> bool {
    let is_on = match (&term.on, &stamp.on) {
        (On::Header(one), On::Header(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    };
    is_on && term.values.iter().any(|value| stamp.value.is_within(value) || matches!(value, Value::Pattern(_)))
}

/// Whether mail that is marked has shown who sends it.
fn proves_as_much(scope: &Scope) -> bool {
    width(scope, SENDERS) == Width::Addresses && is_authenticated(scope)
}

/// Whether a device leaves a sender alone, rather than one message, link or hop.
fn is_about_senders(grant: &Grant) -> bool {
    let is_one_thing = |on: &On| matches!(on, On::Message | On::Url | On::Attachment);
    grant.scope.terms.iter().all(|term| !is_one_thing(&term.on))
        && grant.scope.terms.iter().any(|term| SENDERS.contains(&term.on))
}

/// The senders of a scope, whether it looks at the envelope or the header.
fn sender(scope: &Scope) -> BTreeSet<&Value> {
    scope.terms.iter().filter(|term| SENDERS.contains(&term.on)).flat_map(|term| &term.values).collect()
}

/// Whether two scopes name a sender that both let through.
fn share_a_sender(one: &Scope, other: &Scope) -> bool {
    let (one, other) = (sender(one), sender(other));
    one.iter().any(|value| other.iter().any(|like| value.is_within(like) || like.is_within(value)))
}

/// Whether two scopes may hold for one recipient.
fn share_a_recipient(one: &Scope, other: &Scope) -> bool {
    let of = |scope: &Scope| -> Vec<Value> {
        let terms = scope.terms.iter().filter(|term| term.on == On::Recipient);
        terms.flat_map(|term| term.values.iter().cloned()).collect()
    };
    let (one, other) = (of(one), of(other));
    let overlap = |value: &Value| other.iter().any(|like| value.is_within(like) || like.is_within(value));
    one.is_empty() || other.is_empty() || one.iter().any(overlap)
}

/// The same sender let through by two products.
fn layers(all: &[Granted], world: &World<'_>) -> Vec<Reason> {
    let mut told: BTreeMap<(&Product, &Product), Reason> = BTreeMap::new();
    let about: Vec<&Granted> = all.iter().filter(|granted| is_about_senders(&granted.grant)).collect();
    for one in about.iter().filter(|granted| granted.is_new) {
        for other in about.iter().filter(|other| other.grant.product != one.grant.product) {
            let (mine, its) = (&one.grant, &other.grant);
            let pair = ((&mine.product).min(&its.product), (&mine.product).max(&its.product));
            let is_told = told.get(&pair).is_some_and(|reason| reason.level != Level::Note);
            if is_told || !share_a_sender(&mine.scope, &its.scope) || !share_a_recipient(&mine.scope, &its.scope) {
                continue;
            }
            let reason = at_two_layers(one, other, world);
            if told.get(&pair).is_none_or(|before| before.level < reason.level) {
                told.insert(pair, reason);
            }
        }
    }
    told.into_values().collect()
}

/// What it comes to that two products let the same sender through.
fn at_two_layers(new: &Granted, other: &Granted, world: &World<'_>) -> Reason {
    let stopped = |product: &Product| world.needs.iter().any(|need| need.product == *product);
    let (mine, its) = (&new.grant, &other.grant);
    let is_one = |on: &[On]| width(&its.scope, on) == Width::Addresses;
    // The sample shows that both stopped it; or what is there is for one person, as people's own lists are.
    let is_needed = stopped(&mine.product) && (!other.is_new || stopped(&its.product));
    let is_of_one_person = !other.is_new && is_one(SENDERS) && is_one(RECIPIENTS);
    let id = if is_needed || is_of_one_person { "T8" } else { "T5" };
    let (mine, its) = ((&mine.name, &mine.scope), (&its.name, &its.scope));
    let statement = format!("`{}` lets through {}, and another layer by `{}`: {}", mine.0, mine.1, its.0, its.1);
    row(id, statement, other.grant.cites.iter().cloned())
}

/// A recipient limit that another new entry of the same product undoes.
fn limits(all: &[Granted]) -> Vec<Reason> {
    let new = || {
        all.iter().filter(|granted| granted.is_new && is_about_senders(&granted.grant)).map(|granted| &granted.grant)
    };
    let is_limited = |grant: &Grant| grant.scope.terms.iter().any(|term| RECIPIENTS.contains(&term.on));
    let senders =
        |grant: &Grant| Scope::of(grant.scope.terms.iter().filter(|term| SENDERS.contains(&term.on)).cloned());
    let mut reasons = Vec::new();
    for limited in new().filter(|grant| is_limited(grant)) {
        let undoes = |open: &&Grant| {
            open.product == limited.product && !is_limited(open) && share_a_sender(&senders(limited), &senders(open))
        };
        if let Some(open) = new().find(undoes) {
            let statement =
                format!("`{}` is for {}, but `{}` lets through {}", limited.name, limited.scope, open.name, open.scope);
            reasons.push(row("T6", statement, []));
        }
    }
    reasons.truncate(1);
    reasons
}
