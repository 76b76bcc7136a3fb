//! rspamd: rules of lists, settings of users, forced actions, limits and points, whom a module leaves alone.

use std::collections::BTreeSet;

use evidence::{Cite, ConditionOn, Effect, ListWord, Product, Setting, SettingClass, VerdictKind};
use sources::policy::Device;
use sources::proposed::Step;

use super::{
    Trusted, act_of, class_of, for_whom, grant, in_vain, is_one_address, is_yes, limit, no_end, one_id, party, row,
    setting_of, trusted, value, values, values_of,
};
use crate::vendor::Stamp;
use crate::vendor::common::is_wide;
use crate::{Grant, On, Reason, Scope, Term, Value, World};

/// Limits of points, unless they are set.
const LIMITS: &[(&str, f64)] = &[
    ("reject", 15.0),
    ("add_header", 6.0),
    ("add header", 6.0),
    ("greylist", 4.0),
    ("rewrite_subject", 8.0),
    ("rewrite subject", 8.0),
    ("soft_reject", 15.0),
    ("soft reject", 15.0),
    ("quarantine", 15.0),
    ("discard", 15.0),
];
/// Parts of names of symbols and groups by which malware is found.
const MALWARE: &[&str] =
    &["virus", "clam", "malware", "antivirus", "sophos", "savapi", "kaspersky", "oletools", "mime_bad_attachment"];

/// Whether a setting is a rule for some mail, rather than a module or parameter for all.
fn is_rule(setting: &Setting) -> bool {
    matches!(class_of(setting), "multimap" | "settings" | "whitelist" | "force_actions")
}

fn is_file(text: &str) -> bool {
    text.contains("://")
        || text.starts_with(['/', '$']) && !text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).ends_with('/')
}

/// One value, or what nobody can follow where it stands in a file.
fn valued(text: &str, on: &On) -> Value {
    match on {
        _ if is_file(text) => Value::Pattern(text.to_owned()),
        On::Client => super::network(text).unwrap_or_else(|| Value::Pattern(text.to_owned())),
        On::Other(_) | On::Header(_) => Value::Name(text.to_owned()),
        On::Subject => Value::Pattern(text.to_owned()),
        On::Infrastructure => Value::party(text, Value::DomainAndBelow),
        _ => match party(text) {
            // A bare domain in a rule of lists is that domain alone.
            Value::DomainAndBelow(domain) if !text.starts_with(['.', '*']) => Value::Domain(domain),
            value => value,
        },
    }
}

/// For which mail a rule is.
fn scope(setting: &Setting) -> Scope {
    let is_mime = value(setting, "extract_from").map(str::to_lowercase);
    let sender = || match is_mime.as_deref() {
        Some("mime" | "header") => On::HeaderFrom,
        Some("both") => On::EitherSender,
        _ => On::EnvelopeSender,
    };
    let mut terms = Vec::new();
    for condition in &setting.conditions {
        let name = condition.name.to_lowercase();
        let on = match (&condition.on, name.as_str()) {
            (ConditionOn::Sender | ConditionOn::SenderDomain, "from_mime") => On::HeaderFrom,
            (ConditionOn::SenderDomain, "domains") => On::EitherSender,
            (ConditionOn::Sender | ConditionOn::SenderDomain, _) => sender(),
            (ConditionOn::Recipient | ConditionOn::RecipientDomain, _) => On::Recipient,
            (ConditionOn::SourceAddress, _) => On::Client,
            (_, "hostname") => On::Infrastructure,
            (_, "subject") => On::Subject,
            (_, name) => match name.strip_prefix("request_header ").or_else(|| name.strip_prefix("header ")) {
                Some(field) => On::Header(field.to_owned()),
                None => On::Other(condition.name.clone()),
            },
        };
        terms.push(Term::new(on.clone(), condition.values.iter().map(|text| valued(text, &on))));
    }
    terms.extend(proofs(setting));
    terms.extend(symbols_of(setting).map(|symbol| Term::one(On::Other("symbol".to_owned()), Value::Name(symbol))));
    Scope::of(terms)
}

/// What a list of the whitelist module asks for beside the domain.
fn proofs(setting: &Setting) -> Vec<Term> {
    let is_set = |name: &str| value(setting, name).is_some_and(is_yes);
    let domains = values(setting, "domains").iter().map(|text| Value::party(text, Value::Domain));
    let mut terms = Vec::new();
    if class_of(setting) == "whitelist" && (is_set("valid_dkim") || is_set("valid_spf")) {
        terms.push(Term::new(On::SignedBy, domains));
    }
    if class_of(setting) == "whitelist" && is_set("valid_dmarc") {
        terms.push(Term::one(On::Dmarc, Value::Name("pass".to_owned())));
    }
    terms
}

/// The symbols that a rule asks for.
fn symbols_of(setting: &Setting) -> impl Iterator<Item = String> {
    let text = ["expression", "require_symbols"].iter().find_map(|name| value(setting, name)).unwrap_or_default();
    let is_name = |word: &&str| !word.is_empty() && !["and", "or", "not"].contains(&&*word.to_lowercase());
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    words.filter(is_name).take(50).map(str::to_owned).collect::<BTreeSet<_>>().into_iter()
}

/// Whether a rule lets mail through.
fn lets_through(setting: &Setting) -> bool {
    let says = setting.entry.as_ref().map(|entry| &entry.says);
    match class_of(setting) {
        "multimap" => says == Some(&ListWord::Allow),
        "whitelist" => says == Some(&ListWord::Allow),
        "settings" => true,
        "force_actions" => {
            let action = value(setting, "action").unwrap_or_default().to_lowercase();
            matches!(action.as_str(), "accept" | "no action" | "no_action")
        }
        _ => false,
    }
}

/// What a step lets through.
pub(super) fn grants(step: &Step) -> Vec<Grant> {
    let Some(setting) = setting_of(step).filter(|setting| setting.effect != Effect::Off) else { return Vec::new() };
    match class_of(setting) {
        _ if is_rule(setting) && lets_through(setting) => {
            vec![grant(Product::Rspamd, Device::Rule, &setting.name, scope(setting))]
        }
        name if left_alone(name) => {
            let address = setting.conditions.iter().find(|one| one.on == ConditionOn::SourceAddress);
            let scope = address.map(|condition| Scope::of([super::networks(&condition.values)])).unwrap_or_default();
            vec![grant(Product::Rspamd, Device::ConnectingAddress, &setting.name, scope)]
        }
        _ => Vec::new(),
    }
}

/// Whether a parameter says whom a module leaves alone.
fn left_alone(name: &str) -> bool {
    name.split_once('.').is_some_and(|(_, name)| {
        ["whitelist", "welcomelist", "exclude", "allowlist", "exceptions", "skip_"]
            .iter()
            .any(|word| name.to_lowercase().starts_with(word))
    })
}

/// The symbols that a list puts on mail without doing anything itself.
pub(super) fn stamps(step: &Step) -> Vec<Stamp> {
    let Some(setting) = setting_of(step).filter(|setting| class_of(setting) == "multimap") else { return Vec::new() };
    let (on, value) = (On::Other("symbol".to_owned()), Value::Name(setting.name.clone()));
    vec![Stamp { name: setting.name.clone(), on, value, scope: scope(setting) }]
}

/// Which rows a step is.
pub(super) fn judge(step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    if let Some(act) = act_of(step) {
        return match (step.operation.as_str(), one_id(act)) {
            ("rspamc learn_ham", Some(file)) => {
                vec![
                    row("AN4", format!("`{file}` is taught as no spam")),
                    row("SO2", "what is taught counts for all mail".to_owned()),
                ]
            }
            ("rspamc learn_spam", _) => vec![row("SN4", "it lets nothing through".to_owned())],
            _ => Vec::new(),
        };
    }
    let Some(setting) = setting_of(step) else { return Vec::new() };
    let name = setting.name.as_str();
    match (&setting.class, class_of(setting)) {
        (SettingClass::ListEntry, _) => map_entry(setting, world),
        _ if is_rule(setting) && setting.effect == Effect::Off => vec![row("SN1", format!("`{name}` is switched off"))],
        _ if is_rule(setting) => rule(setting, grants, world),
        (_, "actions") => threshold(setting, world),
        (_, "symbol") => vec![points(setting, world)],
        (_, "local_addrs" | "local_networks" | "local_addresses") => {
            trusted(setting, &Product::Rspamd, &Trusted { one: "RB3", more: "SB9" }, world)
        }
        (_, class) if left_alone(class) => alone(setting, grants),
        _ if setting.effect == Effect::Off => {
            vec![row("SB10", format!("the module `{name}` looks at nothing any more"))]
        }
        _ => Vec::new(),
    }
}

/// What a rule of settings does to the mail that it is for.
fn takes_all_away(setting: &Setting) -> bool {
    let is_set = |name: &str| value(setting, name).is_some_and(is_yes);
    is_set("whitelist") || is_set("want_spam") || is_set("apply.whitelist") || is_set("apply.want_spam")
}

/// Symbols and groups of malware that a rule of settings switches off.
fn spares_malware(setting: &Setting) -> bool {
    let off = setting.properties.iter().filter(|property| {
        let name = property.name.to_lowercase();
        name.contains("symbols_disabled") || name.contains("groups_disabled")
    });
    off.flat_map(|property| &property.values).any(|symbol| {
        let symbol = symbol.to_lowercase();
        MALWARE.iter().any(|word| symbol.contains(word))
    })
}

fn helps(setting: &Setting) -> impl Fn(&VerdictKind) -> Option<bool> {
    let is_all = takes_all_away(setting) || class_of(setting) != "settings";
    move |verdict| match verdict {
        VerdictKind::Spam | VerdictKind::HighConfidenceSpam | VerdictKind::Bulk | VerdictKind::Phish => Some(true),
        VerdictKind::Malware if !is_all => Some(false),
        _ => None,
    }
}

fn rule(setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let name = &setting.name;
    let Some(scope) = grants.first().map(|grant| &grant.scope) else {
        let says = setting.entry.as_ref().map(|entry| &entry.says);
        let is_mark = matches!(says, Some(ListWord::Other(_)));
        let words = if is_mark { "marks mail, and lets none through by itself" } else { "keeps mail out" };
        return vec![row("SN4", format!("`{name}` {words}"))];
    };
    let mut reasons = for_whom(scope, "RN1", world);
    if takes_all_away(setting)
        || class_of(setting) == "force_actions"
        || value(setting, "prefilter").is_some_and(is_yes)
    {
        reasons.push(row("RB1", format!("`{name}` takes every check away, also that for malware")));
    }
    if spares_malware(setting) {
        reasons.push(row("SB12", format!("`{name}` does not look for malware")));
    }
    let file = scope
        .terms
        .iter()
        .flat_map(|term| &term.values)
        .find(|value| matches!(value, Value::Pattern(text) if is_file(text)));
    if let Some(file) = file {
        reasons.push(row("SU1", format!("for whom `{name}` is stands in {file}: name the values")));
    }
    reasons.extend(in_vain(world, Product::Rspamd, &format!("`{name}`"), helps(setting)));
    reasons
}

/// A line of a list: what it does is said by the rule that looks it up.
fn map_entry(setting: &Setting, world: &World<'_>) -> Vec<Reason> {
    let name = &setting.name;
    let table = value(setting, "table").unwrap_or_default().to_lowercase();
    let file = table.rsplit('/').next().unwrap_or_default();
    let asks = |rule: &Setting| {
        is_rule(rule)
            && !file.is_empty()
            && rule.conditions.iter().flat_map(|one| &one.values).any(|one| one.to_lowercase().ends_with(file))
    };
    let found =
        world.settings().find(|(rule, entry)| entry.observation.speaker.product == Product::Rspamd && asks(rule));
    let Some((rule_there, entry)) = found else {
        return vec![row(
            "SU1",
            format!("what an entry for `{name}` does is said by the rule that asks its list: fetch the configuration"),
        )];
    };
    let cite: Cite = entry.observation.cite.clone();
    if !lets_through(rule_there) {
        return vec![row("SN4", format!("`{}` keeps mail out or marks it", rule_there.name)).cited([cite])];
    }
    // The rule, as it would be with this value alone.
    let mut with = rule_there.clone();
    for condition in &mut with.conditions {
        if condition.values.iter().any(|one| one.to_lowercase().ends_with(file)) {
            condition.values = vec![name.clone()];
        }
    }
    let scope = scope(&with);
    let told = for_whom(&scope, "RN1", world).into_iter().map(|reason| reason.cited([cite.clone()]));
    let prefilter = value(rule_there, "prefilter").is_some_and(is_yes);
    let all =
        prefilter.then(|| row("RB1", format!("`{}` takes every check away, also that for malware", rule_there.name)));
    told.chain(all).collect()
}

fn threshold(setting: &Setting, world: &World<'_>) -> Vec<Reason> {
    let name = setting.name.as_str();
    let current = world.current(&Product::Rspamd, &setting.class, name);
    let number = |setting: &Setting| values_of(setting).first().and_then(|value| value.parse::<f64>().ok());
    let usual = LIMITS.iter().find(|(limit, _)| name.eq_ignore_ascii_case(limit)).map(|(_, usual)| *usual);
    let cites = current.iter().map(|(_, entry)| entry.observation.cite.clone()).collect();
    let now = current.and_then(|(now, _)| number(now)).or(usual);
    now.map(|now| limit(name, number(setting), now, cites)).into_iter().collect()
}

/// The points of a symbol, for all mail.
fn points(setting: &Setting, world: &World<'_>) -> Reason {
    let name = setting.name.as_str();
    let of = |setting: &Setting| {
        ["weight", "score"].iter().find_map(|name| value(setting, name)).and_then(|value| value.parse::<f64>().ok())
    };
    let current = world.current(&Product::Rspamd, &setting.class, name);
    let cites: Vec<Cite> = current.iter().map(|(_, entry)| entry.observation.cite.clone()).collect();
    match (of(setting), current.and_then(|(now, _)| of(now))) {
        (Some(new), Some(now)) if new >= now => {
            row("SN2", format!("`{name}` has {new} points, no fewer than {now}")).cited(cites)
        }
        (Some(new), _) if new <= 0.0 => row("SB11", format!("`{name}` has {new} points, for all mail")).cited(cites),
        (Some(new), Some(now)) => {
            row("SB8", format!("`{name}` falls from {now} to {new} points, for all mail")).cited(cites)
        }
        (Some(new), None) => row("SU1", format!("`{name}` has {new} points, and how many it has now is not shown")),
        (None, _) => row("SU1", format!("the points of `{name}` are no number")),
    }
}

/// Whom a module leaves alone.
fn alone(setting: &Setting, grants: &[Grant]) -> Vec<Reason> {
    let name = &setting.name;
    let all: Vec<&Value> = grants.iter().flat_map(|grant| &grant.scope.terms).flat_map(|term| &term.values).collect();
    let is_one = !all.is_empty() && all.iter().all(|value| is_one_address(value));
    let one = match () {
        () if is_one => row("RN2", format!("`{name}` is for single sending addresses")),
        () if all.is_empty() => row("SB3", format!("`{name}` is for: {}", values_of(setting).join(", "))),
        () if all.iter().any(|value| matches!(value, Value::Pattern(_))) => {
            row("SU1", format!("whom `{name}` leaves alone stands elsewhere: {}", values_of(setting).join(", ")))
        }
        () if all.iter().any(|value| is_wide(value)) => row("SB4", format!("`{name}` is for a wide network")),
        () => row("SB4", format!("`{name}` is for whole networks")),
    };
    vec![one, no_end()]
}
