//! Which rows of the tables a step is.

use evidence::{Act, ChangeKind, ListWord, Product, Setting, SettingClass, VerdictKind};
use sources::policy::{self as weighed, Device, Honoured};
use sources::proposed::{About, Step};

use super::ROWS;
use super::policy::{self, Doing, Type};
use crate::vendor::common::{
    End, RECIPIENTS, SENDERS, ServiceKind, Width, clients_are_wide, end, host_of, is_authenticated, no_help,
    not_for_it, sender_domains, service_of, width,
};
use crate::vendor::own;
use crate::{Ends, Grant, On, Reason, Scope, Value, World};

/// Which rows a step is, and why.
pub(super) fn judge(step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let mut reasons = rows(step, grants, world);
    if let Some((why, need)) = not_for_it(world, &Product::Mimecast, grants) {
        reasons.push(row("MX4", format!("it is not for the sample: {why}")).cited(need.cites.iter().cloned()));
    }
    reasons
}

fn rows(step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let setting = match &step.about {
        About::Act(act) => return released(step, act, world),
        About::Setting(setting) => setting,
    };
    if matches!(step.kind, ChangeKind::Removed | ChangeKind::Disabled) {
        return taken_away(step, setting);
    }
    if own::is_one(setting) {
        return grants.first().map(|grant| own_form(grant, world)).unwrap_or_default();
    }
    if step.kind == ChangeKind::Enabled && setting.conditions.is_empty() && setting.entry.is_none() {
        return vec![row(
            "MU1",
            format!("`{}` is switched on by its name or id alone: fetch the policy", setting.name),
        )];
    }
    match setting.class {
        SettingClass::UserListEntry => managed_sender(setting, grants, world),
        SettingClass::ListEntry => managed_url(setting, grants, world),
        _ if policy::is_policy(setting) => of_policy(step, setting, grants, world),
        _ => Vec::new(),
    }
}

/// An exception in our own form: what it says of itself is all that there is to judge.
fn own_form(grant: &Grant, world: &World<'_>) -> Vec<Reason> {
    let scope = &grant.scope;
    let is_about = |on: &On| scope.on(on).next().is_some();
    let mut reasons = match grant.device {
        Device::Release if is_about(&On::Message) => vec![row("MN4", format!("{scope} is released"))],
        Device::Release => vec![row("MB16", "it does not name one held message".to_owned())],
        Device::ListEntry | Device::LinkExclusion if is_about(&On::Url) => links(scope),
        Device::UserList | Device::UserListDomain => entry_of_one_user(scope, world),
        Device::PermitPolicy | Device::Rule => {
            let mut reasons = senders(scope, world, None);
            reasons.extend(recipients(scope, None));
            reasons.extend(until_when(grant.ends, None, world));
            reasons
        }
        _ => return Vec::new(),
    };
    if reasons.is_empty() {
        reasons.push(row("MN2", format!("it is for: {scope}")));
    }
    if grant.ends == Ends::DeviceHasNone {
        reasons.push(row("MO1", "it stays until somebody takes it away".to_owned()));
    }
    reasons
}

fn row(id: &str, statement: String) -> Reason {
    Reason::row(ROWS.row(id), statement)
}

/// The verdicts that something helps against.
type Helps<'a> = &'a dyn Fn(&VerdictKind) -> Option<bool>;

/// That it would not help, if the evidence shows so.
fn in_vain(world: &World<'_>, what: &str, helps: Helps<'_>) -> Option<Reason> {
    let (need, cites) = no_help(world, &[Product::Mimecast], helps)?;
    let because = if need.because.is_empty() { &need.cause } else { &need.because };
    Some(row("MX1", format!("{what} does not touch what stopped the sample: {because}")).cited(cites))
}

/// Whether a device helps against a verdict, by the dated tables.
fn by_tables(device: Device) -> impl Fn(&VerdictKind) -> Option<bool> {
    move |verdict| {
        let book = weighed::of(&Product::Mimecast)?.rulebook();
        match book.overriding(device, verdict)?.honoured {
            Honoured::Yes => Some(true),
            Honoured::No => Some(false),
            _ => None,
        }
    }
}

/// What is taken away: a bypass, or a protection.
fn taken_away(step: &Step, setting: &Setting) -> Vec<Reason> {
    let name = &setting.name;
    let says = setting.entry.as_ref().map(|entry| &entry.says);
    let entry = setting.entry.as_ref().map(|entry| entry.value.as_str()).unwrap_or_default();
    let is_single = matches!(Value::party(entry, Value::Domain), Value::Address(_)) || entry.contains("://");
    let bypass = || vec![row("MN5", format!("`{name}` lets nothing through any more"))];
    match says {
        Some(ListWord::Allow) => bypass(),
        Some(ListWord::Block) if is_single => vec![row("MN7", format!("`{entry}` is no longer blocked"))],
        Some(ListWord::Block) => vec![row("MB14", format!("all of `{entry}` is no longer blocked"))],
        _ => match policy::doing(step, setting) {
            Doing::LetsThrough(_) | Doing::LeavesMalware(_) => bypass(),
            Doing::Protects | Doing::Applies(_) => vec![row("MB14", format!("`{name}` protects nobody any more"))],
            Doing::NotKnown => {
                vec![row(
                    "MU1",
                    format!("`{name}` is taken away, and nothing here shows what it did: fetch the policy"),
                )]
            }
        },
    }
}

/// A release of what is held.
fn released(step: &Step, act: &Act, world: &World<'_>) -> Vec<Reason> {
    let operation = step.operation.to_lowercase();
    let tells = |word: &str| {
        operation.contains(word)
            || act.details.iter().any(|detail| detail.values.iter().any(|value| value.eq_ignore_ascii_case(word)))
    };
    if !operation.contains("release") {
        return Vec::new();
    }
    let id = act.object.as_deref().unwrap_or_default().trim();
    let mut reasons = Vec::new();
    let is_one = !id.is_empty() && !["*", "all"].contains(&id) && !id.contains([',', ';', ' ', '*']);
    let malware =
        world.needs.iter().find(|need| need.product == Product::Mimecast && need.verdict == Some(VerdictKind::Malware));
    if let Some(need) = malware {
        reasons
            .push(row("MB16", "the sample was held because of malware".to_owned()).cited(need.cites.iter().cloned()));
    } else if is_one {
        reasons.push(row("MN4", format!("held message `{id}` is released")));
    } else {
        reasons.push(row("MB16", "it does not name one held message".to_owned()));
    }
    if tells("permit") {
        reasons.push(row("MB15", "the sender is permitted with the release".to_owned()));
    }
    reasons
}

fn managed_sender(setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let Some(entry) = setting.entry.as_ref() else { return Vec::new() };
    let scope = match (&entry.says, grants.first()) {
        (ListWord::Block, _) => return vec![row("MN6", format!("`{}` is blocked", entry.value))],
        (ListWord::Allow, None) => return vec![row("MN5", format!("the entry for `{}` does not act", entry.value))],
        (ListWord::Other(_), _) => return Vec::new(),
        (ListWord::Allow, Some(grant)) => &grant.scope,
    };
    let mut reasons = entry_of_one_user(scope, world);
    reasons.push(row("MO1", "a managed sender stays until somebody takes it away".to_owned()));
    reasons.extend(in_vain(world, "a managed sender permit", &by_tables(Device::UserList)));
    reasons.extend(blocked(setting, scope, world));
    reasons
}

/// A sender who is permitted for one recipient.
fn entry_of_one_user(scope: &Scope, world: &World<'_>) -> Vec<Reason> {
    let mut reasons = senders(scope, world, None);
    match width(scope, RECIPIENTS) {
        Width::Addresses if reasons.is_empty() => reasons.push(row("MN1", format!("it is for {scope} alone"))),
        Width::Addresses => {}
        _ => reasons.push(row("MB17", format!("it is not for one recipient: {scope}"))),
    }
    reasons
}

/// A block that goes before a permit.
fn blocked(permit: &Setting, scope: &Scope, world: &World<'_>) -> Option<Reason> {
    let vendor = weighed::of(&Product::Mimecast)?;
    let goes_first = |block: &Setting| match (&permit.class, &block.class) {
        (SettingClass::UserListEntry, SettingClass::UserListEntry) => block.mailbox == permit.mailbox,
        (SettingClass::UserListEntry, SettingClass::SenderPolicy) => true,
        (SettingClass::SenderPolicy, SettingClass::SenderPolicy) => vendor.rank(block) <= vendor.rank(permit),
        _ => false,
    };
    let blocks = |setting: &Setting| {
        setting.entry.as_ref().is_some_and(|entry| entry.says == ListWord::Block) && policy::acts(setting)
    };
    let found = world.settings().find(|(setting, entry)| {
        entry.observation.speaker.product == Product::Mimecast
            && blocks(setting)
            && goes_first(setting)
            && is_of_block(scope, setting)
    });
    let (block, entry) = found?;
    let what = if block.name.is_empty() { "a block".to_owned() } else { format!("the block `{}`", block.name) };
    Some(row("MX2", format!("{what} takes in the same mail and goes first")).cited([entry.observation.cite.clone()]))
}

/// Whether all mail of a scope is in that of a block.
fn is_of_block(scope: &Scope, block: &Setting) -> bool {
    if block.class == SettingClass::UserListEntry {
        let Some(entry) = &block.entry else { return false };
        let blocked = crate::Term::one(On::EitherSender, Value::party(&entry.value, Value::Domain));
        return scope.is_within(&Scope::of([blocked]));
    }
    // What a policy looks at in the envelope or in the header is taken for one here: a permit looks at the same.
    let mut blocked = policy::scopes(block);
    blocked.truncate(1);
    blocked.iter().any(|block| same_sender(scope).is_within(&same_sender(block)))
}

fn same_sender(scope: &Scope) -> Scope {
    let terms = scope.terms.iter().cloned().map(|mut term| {
        if matches!(term.on, On::EnvelopeSender | On::HeaderFrom) {
            term.on = On::EitherSender;
        }
        term
    });
    Scope { terms: terms.collect(), except: scope.except.clone() }
}

/// What is wide about the senders of a scope.
fn senders(scope: &Scope, world: &World<'_>, kind: Option<&'static Type>) -> Vec<Reason> {
    let is_about_own = kind.is_some_and(Type::is_about_forged_own_senders);
    let named: Vec<&str> = sender_domains(scope).collect();
    let (width, proof) = (width(scope, SENDERS), is_authenticated(scope));
    let mut reasons = Vec::new();
    match width {
        Width::Addresses => {}
        Width::Group if proof => {}
        // Whose servers may send as the own domain is what such a policy says.
        Width::Domain if is_about_own && proof && scope.on(&On::SignedBy).next().is_some() => {}
        Width::Group | Width::Domain => {
            let whom = named.first().map_or_else(|| "a group".to_owned(), |domain| format!("all of `{domain}`"));
            reasons.push(row("MB2", format!("it is from {whom}")));
        }
        Width::Everybody => reasons.push(row("MB1", format!("no sender is named: {scope}"))),
    }
    let own = world.accepted_domains();
    if let Some(domain) = named.iter().find(|domain| own.contains(**domain)).filter(|_| !is_about_own && !proof) {
        reasons.push(row("MB11", format!("`{domain}` is an own domain")));
    }
    let public = named.iter().find(|domain| service_of(domain).is_some_and(|of| of.kind != ServiceKind::Hosting));
    if let Some(domain) = public.filter(|_| width > Width::Addresses) {
        reasons.push(row("MB12", format!("anybody can send from `{domain}`")));
    }
    reasons
}

fn of_policy(step: &Step, setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let kind = match policy::doing(step, setting) {
        Doing::Protects => {
            return vec![row("MN6", format!("`{}` keeps mail out or looks at more of it", setting.name))];
        }
        _ if !policy::acts(setting) => return vec![row("MN5", format!("`{}` is switched off", setting.name))],
        Doing::NotKnown => {
            let statement = format!("nothing shows what kind of policy `{}` is: name its type", setting.name);
            return vec![row("MU1", statement)];
        }
        Doing::LeavesMalware(kind) => return vec![row("MB7", format!("`{}` {}", setting.name, kind.words))],
        Doing::LetsThrough(kind) | Doing::Applies(kind) => kind,
    };
    let Some(scope) = grants.first().map(|grant| &grant.scope) else { return Vec::new() };
    let mut reasons = for_whom(setting, scope, kind, world);
    reasons.extend(flags(setting));
    let starts = setting.starts.as_ref().map(|when| when.at);
    reasons.extend(until_when(policy::ends(setting), starts, world));
    if reasons.is_empty() {
        reasons.push(row("MN2", format!("`{}` {} for: {scope}", setting.name, kind.words)));
    }
    reasons
        .extend(in_vain(world, &format!("`{}`, which {},", setting.name, kind.words), &|verdict| kind.helps(verdict)));
    reasons.extend(blocked(setting, scope, world).filter(|_| setting.class == SettingClass::SenderPolicy));
    reasons
}

/// What is wide about the two sides of a policy and its conditions.
fn for_whom(setting: &Setting, scope: &Scope, kind: &'static Type, world: &World<'_>) -> Vec<Reason> {
    let mut reasons = senders(scope, world, Some(kind));
    let proof = is_authenticated(scope);
    reasons.extend(recipients(scope, Some(kind)));
    if kind.is_about_forged_own_senders() && !proof {
        let own_or_open = policy::names_only_inside(setting) || width(scope, SENDERS) > Width::Addresses;
        let id = if own_or_open { "MB11" } else { "MB13" };
        reasons.push(row(id, "no sending address, host or SPF domain is named".to_owned()));
    }
    reasons
}

/// What is wide about the recipients and the sending addresses.
fn recipients(scope: &Scope, kind: Option<&'static Type>) -> Vec<Reason> {
    let (proof, recipients) = (is_authenticated(scope), width(scope, RECIPIENTS));
    let may_be_open = kind.is_some_and(|kind| kind.open_to_all) && proof;
    let mut reasons = Vec::new();
    if recipients > Width::Group && !may_be_open || recipients == Width::Group && !proof {
        reasons.push(row("MB6", format!("it is for more than named recipients: {scope}")));
    }
    if clients_are_wide(scope) == Some(true) {
        reasons.push(row("MB10", format!("the sending addresses are wide: {scope}")));
    }
    reasons
}

fn flags(setting: &Setting) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if policy::is_set(setting, "override") || policy::is_set(setting, "policyoverride") {
        reasons.push(row("MB4", format!("`{}` overrides the order", setting.name)));
    }
    if policy::is_set(setting, "bidirectional") {
        reasons.push(row("MB5", format!("`{}` acts in both directions", setting.name)));
    }
    reasons
}

fn until_when(ends: Ends, starts: Option<jiff::Timestamp>, world: &World<'_>) -> Option<Reason> {
    Some(match end(ends, starts, world.now) {
        End::InTime | End::NotKnown => return None,
        End::Past(at) => row("MX3", format!("its last day was {at}")),
        End::TooLate(at) => row("MB3", format!("its last day, {at}, is more than a year away")),
        End::Missing => row("MB3", "it names no last day".to_owned()),
    })
}

fn managed_url(setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let Some(entry) = setting.entry.as_ref() else { return Vec::new() };
    let url = &entry.value;
    match (&entry.says, grants.first()) {
        (ListWord::Block, _) => return vec![row("MN6", format!("`{url}` is blocked"))],
        (ListWord::Other(_), _) => return Vec::new(),
        (ListWord::Allow, None) => return vec![row("MN5", format!("the entry for `{url}` does not act"))],
        (ListWord::Allow, Some(_)) => {}
    }
    let mut reasons: Vec<Reason> = grants.iter().flat_map(|grant| links(&grant.scope)).collect();
    if policy::is_set(setting, "disablerewrite") || policy::is_set(setting, "disablelogclick") {
        reasons.push(row("MO2", format!("`{url}` is not rewritten, or clicks on it are not logged")));
    }
    reasons.push(row("MO1", "a managed URL stays until somebody takes it away".to_owned()));
    let helps = |verdict: &VerdictKind| match verdict {
        VerdictKind::Url | VerdictKind::Phish | VerdictKind::HighConfidencePhish => Some(true),
        VerdictKind::Unknown | VerdictKind::Clean => None,
        _ => Some(false),
    };
    reasons.extend(in_vain(world, "a managed URL permit", &helps));
    reasons
}

/// One link, or a whole site.
fn links(scope: &Scope) -> Vec<Reason> {
    let is_link =
        |value: &Value| matches!(value, Value::Name(link) if host_of(link).is_some_and(|host| host.contains('.')));
    let values: Vec<&Value> = scope.on(&On::Url).flat_map(|term| &term.values).collect();
    let hosted = values.iter().find_map(|value| match value {
        Value::Domain(host) | Value::DomainAndBelow(host) => service_of(host).map(|_| host),
        _ => None,
    });
    vec![match hosted {
        _ if !values.is_empty() && values.iter().all(|value| is_link(value)) => {
            row("MN3", format!("exactly {scope} is permitted"))
        }
        Some(host) => row("MB9", format!("anybody can publish at `{host}`")),
        None => row("MB8", format!("more than one link is permitted: {scope}")),
    }]
}
