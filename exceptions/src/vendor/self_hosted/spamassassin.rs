//! SpamAssassin: lists of senders and recipients, trusted networks, points, limits.

use evidence::{ChangeKind, ListWord, Product, Setting, SettingClass, VerdictKind};
use sources::policy::Device;
use sources::proposed::Step;

use super::{
    Trusted, class_of, for_whom, grant, in_vain, is_no, is_yes, limit, no_end, party, row, trusted, value, values,
};
use crate::vendor::common::{RECIPIENTS, ServiceKind, Width, host_of, service_of, width};
use crate::{Grant, On, Reason, Scope, Term, Value, World};

/// The limit above which mail is spam, unless it is set.
const USUAL_LIMIT: f64 = 5.0;

/// The directive that a setting is.
pub(super) fn directive(setting: &Setting) -> &str {
    value(setting, "directive").unwrap_or_else(|| class_of(setting))
}

/// Whether a setting is one of SpamAssassin's.
pub(super) fn is_one(setting: &Setting) -> bool {
    value(setting, "directive").is_some() || DIRECTIVES.contains(&class_of(setting))
}

/// Directives that are parameters, other than lists.
const DIRECTIVES: &[&str] = &[
    "trusted_networks",
    "internal_networks",
    "msa_networks",
    "score",
    "header",
    "body",
    "rawbody",
    "full",
    "uri",
    "meta",
    "tflags",
    "priority",
    "shortcircuit",
    "enlist_addrlist",
    "enlist_uri_host",
    "delist_uri_host",
    "required_score",
    "required_hits",
    "skip_rbl_checks",
    "use_bayes",
    "use_bayes_rules",
    "use_auto_welcomelist",
    "use_auto_whitelist",
    "bayes_auto_learn",
    "dns_available",
    "use_razor2",
    "use_pyzor",
    "use_dcc",
    "skip_uribl_checks",
    "use_txrep",
];

/// Whose preferences they are, if they are one user's: by the file into which they go.
fn user(setting: &Setting) -> Option<Term> {
    let table = value(setting, "table")?;
    let is_users = table.ends_with("user_prefs") && !table.contains("/etc/");
    is_users.then(|| Term::one(On::RecipientGroup, Value::Name(format!("the user of {table}"))))
}

/// What stands behind the sender: the domain of a signature, the relay, or the sender's own domain.
fn proof(setting: &Setting, sender: &Value) -> Option<Term> {
    let directive = directive(setting);
    let own = match sender {
        Value::Address(address) => address.domain().map(str::to_owned),
        Value::Domain(domain) | Value::DomainAndBelow(domain) => Some(domain.clone()),
        _ => None,
    };
    if let Some(condition) = setting.conditions.iter().find(|one| one.name == "signer" || one.name == "relay") {
        return Some(match (condition.name.as_str(), &condition.on) {
            ("signer", _) => {
                Term::new(On::SignedBy, condition.values.iter().map(|text| Value::party(text, Value::Domain)))
            }
            (_, evidence::ConditionOn::SourceAddress) => super::networks(&condition.values),
            _ => Term::new(
                On::Infrastructure,
                condition.values.iter().map(|text| Value::party(text, Value::DomainAndBelow)),
            ),
        });
    }
    // Without its second value the signature has to be that of the sender's domain; so has what SPF is asked for.
    let is_proved = ["_auth", "_from_dkim", "_from_spf"].iter().any(|end| directive.ends_with(end));
    own.filter(|_| is_proved).map(|domain| Term::one(On::SignedBy, Value::Domain(domain)))
}

/// What a step lets through.
pub(super) fn grants(step: &Step, setting: &Setting) -> Vec<Grant> {
    let Some(entry) = setting.entry.as_ref().filter(|entry| entry.says == ListWord::Allow) else { return Vec::new() };
    if step.kind == ChangeKind::Removed {
        return Vec::new();
    }
    let named = party(&entry.value);
    let mut terms = match entry.on.as_str() {
        "recipient" => vec![Term::one(On::Recipient, named)],
        "url" => vec![Term::one(On::Url, host_of(&entry.value).map_or(Value::Any, Value::DomainAndBelow))],
        _ => {
            let proof = proof(setting, &named);
            [Some(Term::one(On::EitherSender, named)), proof].into_iter().flatten().collect()
        }
    };
    let user = user(setting);
    let is_address = entry.value.contains('@') && !entry.value.contains(['*', '?']);
    let device = match (&user, is_address) {
        (Some(_), true) => Device::UserList,
        (Some(_), false) => Device::UserListDomain,
        (None, _) => Device::PolicySender,
    };
    terms.extend(user);
    vec![grant(Product::Amavis, device, &entry.value, Scope::of(terms))]
}

/// Verdicts that points can undo.
fn helps(verdict: &VerdictKind) -> Option<bool> {
    match verdict {
        VerdictKind::Spam | VerdictKind::HighConfidenceSpam | VerdictKind::Bulk | VerdictKind::Phish => Some(true),
        VerdictKind::Malware | VerdictKind::Attachment | VerdictKind::Greylisted | VerdictKind::ConnectionFilter => {
            Some(false)
        }
        _ => None,
    }
}

/// Which rows a step is.
pub(super) fn judge(step: &Step, setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    if setting.class == SettingClass::ListEntry {
        return entry(step, setting, grants, world);
    }
    let name = setting.name.as_str();
    let said = values(setting, directive(setting));
    let first = said.first().map(|value| value.trim_matches(['(', ')']));
    let current = world.current(&Product::Amavis, &setting.class, name);
    let now = current.and_then(|(now, _)| values(now, directive(now)).first()?.parse::<f64>().ok());
    let cites: Vec<evidence::Cite> = current.iter().map(|(_, entry)| entry.observation.cite.clone()).collect();
    let points = first.and_then(|first| first.parse::<f64>().ok());
    match directive(setting) {
        "trusted_networks" | "internal_networks" | "msa_networks" => {
            trusted(setting, &Product::Amavis, &Trusted { one: "AN3", more: "AB5" }, world)
        }
        "required_score" | "required_hits" => vec![limit(name, points, now.unwrap_or(USUAL_LIMIT), cites)],
        "score" => vec![score(name, points, now, cites)],
        "shortcircuit" if first.is_some_and(|first| ["ham", "on"].contains(&first)) => {
            vec![row("SB11", format!("whatever `{name}` fits is not looked at further"))]
        }
        "skip_rbl_checks" | "skip_uribl_checks" => {
            vec![switch(name, first.is_some_and(is_yes))]
        }
        "dns_available" => vec![switch(name, first.is_some_and(is_no))],
        directive if directive.starts_with("use_") || directive == "bayes_auto_learn" => {
            vec![switch(name, first.is_some_and(is_no))]
        }
        "tflags" | "priority" => Vec::new(),
        _ => vec![row("SU1", format!("what `{name}` fits is a rule of one's own: nobody can follow it from here"))],
    }
}

fn switch(name: &str, is_off: bool) -> Reason {
    match is_off {
        true => row("SB11", format!("`{name}` takes a check away from all mail")),
        false => row("SN4", format!("`{name}` looks at more")),
    }
}

/// The points of a rule, for all mail.
fn score(name: &str, points: Option<f64>, now: Option<f64>, cites: Vec<evidence::Cite>) -> Reason {
    match (points, now) {
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

fn entry(step: &Step, setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let Some(entry) = &setting.entry else { return Vec::new() };
    let (name, directive) = (&entry.value, directive(setting));
    let is_taken_back = step.kind == ChangeKind::Removed || !matches!(entry.says, ListWord::Allow | ListWord::Block);
    match &entry.says {
        _ if is_taken_back && directive.contains("black") || is_taken_back && directive.contains("blocklist") => {
            return vec![row("SN5", format!("`{name}` is no longer kept out by its address"))];
        }
        _ if is_taken_back => return vec![row("SN1", format!("`{name}` is no longer let through"))],
        ListWord::Block => return vec![row("SN4", format!("`{name}` is kept out"))],
        _ => {}
    }
    let Some(scope) = grants.first().map(|grant| &grant.scope) else { return Vec::new() };
    let mut reasons = match entry.on.as_str() {
        "recipient" => recipient(scope, name),
        "url" => vec![link(name), no_end()],
        _ => for_whom(scope, "AN1", world),
    };
    if directive.ends_with("_allows_relays") {
        reasons.push(row("SB3", format!("the relay of `{name}` is no longer looked at")));
    }
    reasons.extend(in_vain(world, Product::Amavis, &format!("`{directive}`"), helps));
    reasons
}

/// All mail for somebody.
fn recipient(scope: &Scope, name: &str) -> Vec<Reason> {
    let id = if width(scope, RECIPIENTS) == Width::Addresses { "SB1" } else { "PB2" };
    vec![row(id, format!("all mail for `{name}` is let through, whoever sends it")), no_end()]
}

fn link(host: &str) -> Reason {
    let is_open =
        host_of(host).as_deref().and_then(service_of).is_some_and(|service| service.kind == ServiceKind::Hosting);
    let id = if is_open { "SB6" } else { "SB2" };
    row(id, format!("no link of `{host}` is looked up any more"))
}
