//! N1 to N5, B3 to B5, B7, B8, B15, B16: entries of lists.

use evidence::{ChangeKind, Cite, ListEntry, ListWord, Setting, SettingClass};
use jiff::SignedDuration;
use sources::policy::Device;
use sources::proposed::About;

use super::super::{grants as granted, words};
use super::width::{self, Who};
use super::{Case, harmless, note, row, row_at, says, unknown};
use crate::vendor::common::{self, End, ServiceKind};
use crate::vendor::own::{self, Link};
use crate::{Ends, Grant, Level, On, Reason, Scope, Value};

/// How long an entry that lets mail through may last by the service's own limit, with a day for the zones.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);
/// After how many days without use the service takes an entry away.
const UNUSED_DAYS: u16 = granted::DEFAULT_UNUSED;

/// Judges an entry that is made, altered or taken away.
pub(super) fn judge(case: &Case<'_>, setting: &Setting, entry: &ListEntry, grants: &[Grant]) -> Vec<Reason> {
    let is_alteration = case.step.kind == ChangeKind::Changed && matches!(entry.says, ListWord::Other(_));
    if is_alteration && case.listed(&setting.class, &entry.value).is_some() {
        let stated = Setting { id: None, name: entry.value.clone(), ..setting.clone() };
        return by_id(case, &stated);
    }
    let says = says(case, setting, &entry.says, &entry.value);
    match (case.step.kind, says) {
        (ChangeKind::Removed | ChangeKind::Disabled, ListWord::Allow) => {
            vec![harmless(format!("{} is no longer let through", entry.value))]
        }
        (ChangeKind::Removed | ChangeKind::Disabled, said) => vec![unblocked(setting, entry, &said)],
        (_, ListWord::Block) => vec![harmless(format!("{} is kept out; nothing is let through", entry.value))],
        (_, ListWord::Allow) if grants.is_empty() => allowed(case, setting),
        (_, ListWord::Allow) => case.by_device(grants, Some(setting)),
        // A command that alters an entry need not say which way it goes: the worse is taken.
        (_, ListWord::Other(_)) => allowed(case, setting),
    }
}

/// Judges what is done to an entry that is named by its id only.
pub(super) fn by_id(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    let id = setting.id.as_deref().unwrap_or(&setting.name);
    let Some((listed, at)) = case.listed(&setting.class, id) else {
        return vec![unknown(format!("which entry has the id {id} is not in the evidence: fetch the list"))];
    };
    let after = altered(listed, setting);
    let Some(entry) = &after.entry else { return Vec::new() };
    let reasons = judge(case, &after, entry, &granted::of_setting(case.step, &after));
    reasons.into_iter().map(|reason| reason.cited([at.observation.cite.clone()])).collect()
}

/// An entry of the evidence as it would be after a step that states only what it alters.
fn altered(listed: &Setting, stated: &Setting) -> Setting {
    let mut after = listed.clone();
    after.expires = stated.expires.clone().or(after.expires);
    after.properties.splice(0..0, stated.properties.iter().cloned());
    let says = match words::property(stated, "Action").map(words::folded).as_deref() {
        Some("allow") => Some(ListWord::Allow),
        Some("block") => Some(ListWord::Block),
        _ => None,
    };
    if let (Some(entry), Some(says)) = (&mut after.entry, says) {
        entry.says = says;
    }
    after
}

/// Judges an entry as one that lets through, whatever its words are.
fn allowed(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    let mut setting = setting.clone();
    if let Some(entry) = &mut setting.entry {
        entry.says = ListWord::Allow;
    }
    case.by_device(&granted::of_setting(case.step, &setting), Some(&setting))
}

/// Judges the end of a block.
fn unblocked(setting: &Setting, entry: &ListEntry, said: &ListWord) -> Reason {
    let value = &entry.value;
    let on = words::folded(&entry.on);
    let is_one = match setting.class {
        SettingClass::ConnectionFilter => own::is_one_client(&own::network(value)),
        SettingClass::SpoofEntry => !value.contains('*'),
        _ if on.contains("url") || on.contains("link") => {
            own::host(&own::link(value)).is_some_and(|(_, of)| of == Link::OnePath)
        }
        _ if on.contains("hash") || on.contains("file") => true,
        _ => width::who_of(&Value::party(value, Value::Domain)) == Who::Addresses,
    };
    match said {
        _ if is_one => harmless(format!("the organisation no longer blocks {value}; the filters judge it as ever")),
        ListWord::Block => row("M3", format!("the organisation would no longer block {value}")),
        _ => {
            unknown(format!("whether the entry {value} blocks or lets through is not in the evidence: fetch the list"))
        }
    }
}

/// Judges an allow entry of the organisation's list.
pub(super) fn of_list(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let terms: Vec<_> = grant.scope.terms.iter().collect();
    let values = || terms.iter().flat_map(|term| &term.values);
    let on = |on: &On| terms.iter().any(|term| term.on == *on);
    if on(&On::Client) {
        return client(case, grant);
    }
    let is_submitted = grant.device == Device::SubmittedEntry;
    if on(&On::Attachment) {
        if !is_submitted {
            let what = "the service takes an allowed file only by a submission";
            let is_command = granted::is_command(case.step);
            reasons.push(if is_command { Reason::plain(Level::Useless, what.to_owned()) } else { note(what) });
        }
        let is_hash = |value: &Value| matches!(value, Value::Name(hash) if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
        if !values().all(is_hash) {
            reasons.push(unknown("the value is no SHA-256 of a file"));
            return reasons;
        }
    } else if on(&On::Url) {
        for value in values() {
            match own::host(value) {
                Some((_, Link::OnePath)) => {}
                Some((host, Link::WholeHost)) => reasons.push(whole_host("B7", value, host)),
                None => reasons.push(row_at(Level::Refuse, "B7", format!("{value}: any link at all"))),
            }
        }
    } else if terms.is_empty() {
        reasons.push(row_at(Level::Refuse, "B7", "it names nothing: all mail"));
    } else {
        reasons.extend(values().filter_map(|value| listed_sender(case, value)));
    }
    if let About::Setting(setting) = &case.step.about
        && granted::is_by_default(case.step, setting)
    {
        reasons.push(note(format!(
            "no end is written: the service takes it away {UNUSED_DAYS} days after its last use; write -RemoveAfter {UNUSED_DAYS}"
        )));
    }
    if let Err(why) = end(case, grant) {
        reasons.push(row("B7", why));
    }
    if reasons.iter().all(|reason| matches!(reason.level, Level::Note | Level::Useless)) {
        let id = match (is_submitted, on(&On::Url)) {
            (true, _) => "N1",
            (_, true) => "N3",
            (_, false) if on(&On::Attachment) => "N1",
            _ => "N2",
        };
        reasons.push(row(id, format!("only {}", grant.scope)));
    }
    reasons
}

/// That a list takes in all links of a host.
fn whole_host(id: &str, value: &Value, host: &str) -> Reason {
    let is_hosting = common::service_of(host).is_some();
    let is_domain = width::is_plain_domain(host);
    let level = if is_hosting || !is_domain { Level::Refuse } else { Level::Approval };
    let why = if is_hosting { ", where everybody can put pages" } else { "" };
    row_at(level, id, format!("{value}: every link of the host{why}, not the one that is needed"))
}

/// What is wrong with a sender on the organisation's list; `None` if nothing is.
fn listed_sender(case: &Case<'_>, value: &Value) -> Option<Reason> {
    let domain = match value {
        Value::Address(address) => address.domain().unwrap_or_default(),
        Value::Domain(domain) | Value::DomainAndBelow(domain) => domain,
        _ => return Some(row_at(Level::Refuse, "B7", format!("{value}: no single sender"))),
    };
    match width::who_of(value) {
        Who::Addresses if case.is_own(domain) => {
            Some(row("M5", format!("{value} is the organisation's own: a forged one would be let through too")))
        }
        Who::Addresses => None,
        Who::Domain if common::service_of(domain).is_some() => {
            Some(row_at(Level::Refuse, "B7", format!("everybody can have an address at {domain}")))
        }
        Who::Domain if case.is_own(domain) => {
            Some(row_at(Level::Refuse, "B7", format!("{domain} is the organisation's own domain")))
        }
        Who::Domain => Some(row("B7", format!("{value}: every sender of the domain, not the one that is needed"))),
        Who::Anybody => Some(row_at(Level::Refuse, "B7", format!("{value}: no domain of one owner"))),
    }
}

/// Whether an entry ends within the service's own limit; else why not.
fn end(case: &Case<'_>, grant: &Grant) -> Result<(), String> {
    match (grant.ends, common::end(grant.ends, None, case.world.now)) {
        (_, End::Missing) => Err("no end is set".to_owned()),
        (_, End::TooLate(at)) => Err(format!("it ends {at}, so late that it does not count as an end")),
        (Ends::Unused(days), _) if days > UNUSED_DAYS => {
            Err(format!("it ends {days} days after its last use; the service knows at most {UNUSED_DAYS}"))
        }
        (Ends::At(at), _) if case.world.now.is_some_and(|now| at.duration_since(now) > LONGEST) => {
            Err(format!("it ends {at}, more than 30 days from now"))
        }
        _ => Ok(()),
    }
}

/// Judges a pair of sender and infrastructure.
pub(super) fn pair(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let from: Vec<&Value> = grant.scope.on(&On::Infrastructure).flat_map(|term| &term.values).collect();
    if from.is_empty() {
        reasons.push(row("B8", "no infrastructure is named: any host may write in the sender's name"));
    }
    for value in from {
        let why = match value {
            Value::Network(..) if width::is_narrow_network(value) => continue,
            Value::Network(..) => format!("{value} is wider than a /24"),
            Value::Domain(domain) | Value::DomainAndBelow(domain) if common::service_of(domain).is_some() => {
                format!("everybody sends by {domain}")
            }
            Value::Domain(domain) if width::is_plain_domain(domain) => continue,
            Value::DomainAndBelow(domain) if width::is_plain_domain(domain) => continue,
            value => format!("{value}: any host may write in the sender's name"),
        };
        reasons.push(row("B8", why));
    }
    for value in grant.scope.terms.iter().filter(|term| term.on != On::Infrastructure).flat_map(|term| &term.values) {
        match width::who_of(value) {
            Who::Anybody => reasons.push(row("B8", format!("{value}: no sender of one owner"))),
            Who::Addresses => {}
            Who::Domain => reasons.extend(spoofed_domain(case, value)),
        }
    }
    if reasons.is_empty() {
        reasons.push(row("N4", format!("only for {}", grant.scope)));
        reasons.push(note("a pair never ends by itself: set a day on which somebody looks at it again"));
    }
    reasons
}

fn spoofed_domain(case: &Case<'_>, value: &Value) -> Option<Reason> {
    let (Value::Domain(domain) | Value::DomainAndBelow(domain)) = value else { return None };
    let is_service = common::service_of(domain).is_some_and(|service| service.kind == ServiceKind::Mailboxes);
    if is_service {
        return Some(row_at(Level::Approval, "B8", format!("everybody can have an address at {domain}")));
    }
    case.is_own(domain).then(|| {
        row_at(
            Level::Approval,
            "B8",
            format!("{domain} is the organisation's own: name the one address that is forged"),
        )
    })
}

/// The record by which the same list of the same policy has the value of a command already.
fn allowed_now(case: &Case<'_>, setting: &Setting) -> Option<Cite> {
    let entry = setting.entry.as_ref().filter(|_| granted::is_command(case.step))?;
    let is_same = |known: &Setting| {
        known.class == setting.class
            && known.name.eq_ignore_ascii_case(&setting.name)
            && known.policy == setting.policy
            && known.entry.as_ref().is_some_and(|known| {
                known.value.eq_ignore_ascii_case(&entry.value) && known.on == entry.on && known.says == entry.says
            })
    };
    let found = case.world.settings().find(|(known, _)| is_same(known));
    found.map(|(_, at)| at.observation.cite.clone())
}

/// Judges a sender or domain that an anti-spam policy allows.
pub(super) fn policy_sender(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    if let About::Setting(setting) = &case.step.about
        && let Some(at) = allowed_now(case, setting)
    {
        return vec![harmless(format!("{} is let through by this policy already", grant.scope)).cited([at])];
    }
    match width::who(&grant.scope) {
        Who::Addresses => {
            let own = width::domains(&grant.scope).find(|domain| case.is_own(domain));
            let level = if own.is_some() { Level::Refuse } else { Level::Approval };
            let what = own.map_or_else(String::new, |own| format!("; {own} is the organisation's own"));
            vec![row_at(
                level,
                "B4",
                format!("{} is not filtered, and nothing makes sure who sends{what}", grant.scope),
            )]
        }
        _ => vec![row("B3", format!("{} is not filtered, and nothing makes sure who sends", grant.scope))],
    }
}

/// Judges a sender who is spared the search for likenesses.
pub(super) fn impersonation(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let scope = &grant.scope;
    let domain = width::domains(scope).next().unwrap_or_default().to_owned();
    match width::who(scope) {
        Who::Addresses if case.is_own(&domain) => {
            vec![row("B15", format!("{domain} is the organisation's own: who imitates it would not be found"))]
        }
        Who::Addresses => vec![
            row("N5", format!("only {scope} is spared the search for likenesses")),
            note("the exclusion never ends by itself: set a day on which somebody looks at it again"),
        ],
        Who::Domain if common::service_of(&domain).is_some() => {
            vec![row("B15", format!("everybody can have an address at {domain}"))]
        }
        _ => vec![row("B15", format!("{scope}: not one address, so who imitates somebody with another is not found"))],
    }
}

/// Judges a connecting address.
pub(super) fn client(_case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let values: Vec<&Value> = grant.scope.on(&On::Client).flat_map(|term| &term.values).collect();
    let of = |value: &&Value| {
        if own::is_one_client(value) && !width::is_private(value) {
            row("B5", format!("whatever {value} hands over is not filtered, also for others who send by it"))
        } else {
            row_at(Level::Refuse, "B5", format!("{value}: more than one address, or none that belongs to one sender"))
        }
    };
    let mut reasons: Vec<Reason> = values.iter().map(of).collect();
    if reasons.is_empty() {
        reasons.push(row_at(Level::Refuse, "B5", "no address is named"));
    }
    reasons
}

/// Judges a link that is not looked at.
pub(super) fn link(_case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let scope: &Scope = &grant.scope;
    let of = |value: &Value| match own::host(value) {
        Some((_, Link::OnePath)) => row("N18", format!("only {value} is not looked at")),
        Some((host, Link::WholeHost)) => whole_host("B16", value, host),
        None => row_at(Level::Refuse, "B16", format!("{value}: no link is looked at")),
    };
    scope.on(&On::Url).flat_map(|term| &term.values).map(of).collect()
}
