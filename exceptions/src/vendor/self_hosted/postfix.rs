//! Postfix: access tables, parameters, and messages that are let go on.

use evidence::{ChangeKind, ListWord, Product, Setting, SettingClass, VerdictKind};
use sources::policy::Device;
use sources::proposed::Step;

use super::{
    Trusted, act_of, class_of, grant, in_vain, is_no, is_one_address, network, no_end, one_id, party, released, row,
    setting_of, trusted, value, values,
};
use crate::vendor::Stamp;
use crate::vendor::common::{ServiceKind, service_of};
use crate::{Grant, On, Reason, Scope, Term, Value, World};

/// What a line of an access table looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    Client,
    Host,
    Sender,
    Recipient,
    Helo,
}

/// What it looks at: by the form of its pattern, else by the name of its table; a sender if nothing says.
fn looks(setting: &Setting) -> Looks {
    let on = setting.entry.as_ref().map_or("", |entry| entry.on.as_str());
    let table = value(setting, "table").unwrap_or_default().to_lowercase();
    let table = table.rsplit('/').next().unwrap_or_default();
    match () {
        () if on == "connecting address" => Looks::Client,
        () if table.contains("helo") => Looks::Helo,
        () if table.contains("client") && on != "address" => Looks::Host,
        () if table.contains("recipient") || table.contains("rcpt") => Looks::Recipient,
        () => Looks::Sender,
    }
}

/// What an action of an access table comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// What follows is left out.
    Permit,
    /// So that it may also relay.
    Relay,
    /// Later lines of this table are left out.
    Neutral,
    /// Keeps mail out, or back.
    Stops,
    /// Goes on by another way.
    Diverts,
    /// Marks the message.
    Marks,
    /// Something else.
    Other,
}

fn action(setting: &Setting) -> Action {
    let said = value(setting, "action").unwrap_or_default();
    let word = said.split([' ', '\t', ',']).next().unwrap_or_default().to_lowercase();
    let says = setting.entry.as_ref().map(|entry| &entry.says);
    match (says, word.as_str()) {
        (_, "relay") => Action::Relay,
        (_, "dunno") => Action::Neutral,
        (_, "hold" | "discard" | "defer" | "defer_if_reject" | "defer_if_permit" | "warn" | "info") => Action::Stops,
        (_, "filter" | "redirect" | "bcc") => Action::Diverts,
        (_, "prepend") => Action::Marks,
        // Of a list of restrictions each counts; what lets in is what matters.
        (_, word) if word.starts_with("permit") && said.to_lowercase().contains("reject") => Action::Other,
        (_, word) if word.starts_with("permit") => Action::Permit,
        (_, word) if word.starts_with("reject") => Action::Stops,
        (Some(ListWord::Allow), _) => Action::Permit,
        (Some(ListWord::Block), _) => Action::Stops,
        _ => Action::Other,
    }
}

fn term(setting: &Setting) -> Term {
    let text = setting.entry.as_ref().map_or("", |entry| entry.value.as_str());
    let negated = text.starts_with('!');
    let of = |value: Value| if negated { Value::Pattern(text.to_owned()) } else { value };
    match looks(setting) {
        Looks::Client => Term::one(On::Client, of(network(text).unwrap_or_else(|| Value::Pattern(text.to_owned())))),
        Looks::Host => Term::one(On::Infrastructure, of(party(text))),
        Looks::Sender => Term::one(On::EnvelopeSender, of(sender(setting, text))),
        Looks::Recipient => Term::one(On::Recipient, of(sender(setting, text))),
        Looks::Helo => Term::one(On::Other("HELO".to_owned()), of(party(text))),
    }
}

/// A party of a table; a local part is everybody of that name.
fn sender(setting: &Setting, text: &str) -> Value {
    match setting.entry.as_ref().map_or("", |entry| entry.on.as_str()) {
        "local part" | "header" => Value::Pattern(text.to_owned()),
        _ => party(text),
    }
}

/// What a step lets through.
pub(super) fn grants(step: &Step) -> Vec<Grant> {
    if let Some(act) = act_of(step) {
        return if step.operation.contains("-r") || step.operation.contains("-H") {
            released(Product::Postfix, act)
        } else {
            Vec::new()
        };
    }
    let Some(setting) = setting_of(step).filter(|_| step.kind != ChangeKind::Removed) else { return Vec::new() };
    let name = &setting.name;
    match (&setting.class, class_of(setting)) {
        (SettingClass::ListEntry, _) if matches!(action(setting), Action::Permit | Action::Relay) => {
            let device = if looks(setting) == Looks::Client { Device::ConnectingAddress } else { Device::PolicySender };
            vec![grant(Product::Postfix, device, name, Scope::of([term(setting)]))]
        }
        (_, "mynetworks") => {
            let term = super::networks(values(setting, name));
            vec![grant(Product::Postfix, Device::ConnectingAddress, name, Scope::of([term]))]
        }
        _ => Vec::new(),
    }
}

/// The header fields that a table puts on mail.
pub(super) fn stamps(step: &Step) -> Vec<Stamp> {
    let of = |setting: &Setting| {
        let said = value(setting, "action")?;
        let (name, text) = said.split_once(char::is_whitespace)?.1.split_once(':')?;
        let (on, value) = (On::Header(name.trim().to_owned()), Value::Name(text.trim().to_owned()));
        Some(Stamp { name: setting.name.clone(), on, value, scope: Scope::of([term(setting)]) })
    };
    let setting =
        setting_of(step).filter(|setting| setting.class == SettingClass::ListEntry && action(setting) == Action::Marks);
    setting.and_then(of).into_iter().collect()
}

/// Which rows a step is.
pub(super) fn judge(step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    if let Some(act) = act_of(step) {
        return let_go(&step.operation, one_id(act), world);
    }
    let Some(setting) = setting_of(step) else { return Vec::new() };
    match &setting.class {
        SettingClass::ListEntry if step.kind == ChangeKind::Removed => {
            vec![row("SU1", format!("nothing here shows what `{}` did: fetch the table", setting.name))]
        }
        SettingClass::ListEntry => entry(setting, grants, world),
        _ => parameter(step, setting, world),
    }
}

/// A message that waits is let go on, or put back into the queue.
fn let_go(operation: &str, id: Option<&str>, world: &World<'_>) -> Vec<Reason> {
    let option = operation.split_whitespace().nth(1).unwrap_or_default();
    match (option, id) {
        ("-r" | "-H", Some(id)) => super::amavis::release_of(id, world, Product::Postfix),
        ("-r" | "-H", None) => vec![row("SB15", "it does not name one message".to_owned())],
        ("-h" | "-f" | "-i" | "-s", _) => {
            vec![row("SN4", format!("`{operation}` lets through nothing that was stopped"))]
        }
        _ => Vec::new(),
    }
}

/// Verdicts that an access table can undo: those of the session, not those of a filter that reads the message.
fn helps(verdict: &VerdictKind) -> Option<bool> {
    match verdict {
        VerdictKind::ConnectionFilter | VerdictKind::Greylisted | VerdictKind::BlockEntry => Some(true),
        VerdictKind::Spam
        | VerdictKind::HighConfidenceSpam
        | VerdictKind::Phish
        | VerdictKind::HighConfidencePhish
        | VerdictKind::Malware
        | VerdictKind::Bulk
        | VerdictKind::Url
        | VerdictKind::Attachment => Some(false),
        _ => None,
    }
}

fn entry(setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let name = &setting.name;
    let mut reasons = match action(setting) {
        Action::Stops => return vec![row("SN4", format!("`{name}` keeps mail out, or back"))],
        Action::Neutral => return vec![row("PN2", format!("`{name}` is spared the later lines of this table"))],
        Action::Marks => return vec![row("SN4", format!("`{name}` is marked, and let through by nothing here"))],
        Action::Diverts => return vec![row("PB4", format!("mail of `{name}` takes another way"))],
        Action::Other => {
            return vec![row("SU1", format!("nothing here shows what `{name}` does: fetch `postconf -n`"))];
        }
        Action::Relay => vec![row("PB3", format!("`{name}` may send to anywhere through this server"))],
        Action::Permit => permitted(setting, grants, world),
    };
    reasons.push(no_end());
    reasons.extend(in_vain(world, Product::Postfix, "an access table", helps));
    reasons
}

/// What is wide about a line that lets in.
fn permitted(setting: &Setting, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let name = &setting.name;
    let found = grants.iter().flat_map(|grant| &grant.scope.terms).next();
    let Some((on, value)) = found.and_then(|term| Some((&term.on, term.values.first()?))) else { return Vec::new() };
    let own = world.accepted_domains();
    let domain = match value {
        Value::Address(address) => address.domain(),
        Value::Domain(domain) | Value::DomainAndBelow(domain) => Some(domain.as_str()),
        _ => None,
    };
    let is_public = domain.and_then(service_of).is_some_and(|service| service.kind != ServiceKind::Hosting);
    let one = match (on, value) {
        (On::Client, value) if is_one_address(value) => {
            row("PN1", format!("only what `{name}` hands over skips what follows"))
        }
        (On::Client, Value::Network(..)) if !crate::vendor::common::is_wide(value) => {
            row("SB4", format!("a whole network skips what follows: {value}"))
        }
        (On::Client, value) => row("PB2", format!("a wide network skips what follows: {value}")),
        (On::Recipient, Value::Address(_)) => row("SB1", format!("all mail for `{name}` skips what follows")),
        (On::Recipient, _) => row("PB2", format!("all mail for {value} skips what follows")),
        (_, Value::Address(_)) if domain.is_some_and(|domain| own.contains(domain)) => {
            row("SB5", format!("`{name}` is an own address, which anybody can write"))
        }
        (_, Value::Address(_)) => row("SB3", format!("nothing proves that `{name}` sends it")),
        (_, Value::Domain(_) | Value::DomainAndBelow(_)) if is_public => {
            row("SB6", format!("anybody can send from `{name}`"))
        }
        (_, Value::Domain(domain) | Value::DomainAndBelow(domain)) if own.contains(domain) => {
            row("SB5", format!("`{domain}` is an own domain"))
        }
        (_, Value::Domain(domain) | Value::DomainAndBelow(domain)) if domain.contains('.') => {
            row("SB2", format!("whoever writes an address of `{domain}` skips what follows"))
        }
        (_, value) => row("PB2", format!("nobody can tell who that is not: {value}")),
    };
    vec![one]
}

/// Parameters by which whole filters are called.
const FILTERS: &[&str] = &[
    "smtpd_milters",
    "non_smtpd_milters",
    "content_filter",
    "smtpd_proxy_filter",
    "header_checks",
    "mime_header_checks",
    "nested_header_checks",
    "body_checks",
    "milter_header_checks",
];
/// Parameters that say what is done about a client that failed a test.
const TESTS: &[&str] = &[
    "postscreen_denylist_action",
    "postscreen_blacklist_action",
    "postscreen_greet_action",
    "postscreen_dnsbl_action",
    "postscreen_bare_newline_action",
];
/// Parameters that are switches, on for protection.
const SWITCHES: &[&str] = &[
    "smtpd_helo_required",
    "smtpd_reject_unlisted_sender",
    "smtpd_reject_unlisted_recipient",
    "strict_rfc821_envelopes",
];

fn parameter(step: &Step, setting: &Setting, world: &World<'_>) -> Vec<Reason> {
    let name = setting.name.as_str();
    let new: Vec<String> = values(setting, name).iter().map(|value| value.to_lowercase()).collect();
    let current = world.current(&Product::Postfix, &setting.class, name);
    let now: Option<Vec<String>> =
        current.map(|(now, _)| values(now, name).iter().map(|value| value.to_lowercase()).collect());
    let cites = current.map(|(_, entry)| entry.observation.cite.clone());
    let told = |id: &str, what: String| row(id, what).cited(cites.clone());
    let is_gone = step.kind == ChangeKind::Removed;
    match name {
        "mynetworks" if !is_gone => trusted(setting, &Product::Postfix, &Trusted { one: "PB5", more: "PB3" }, world),
        "smtpd_authorized_xclient_hosts" | "smtpd_authorized_xforward_hosts" if !is_gone => {
            trusted(setting, &Product::Postfix, &Trusted { one: "PB5", more: "PB3" }, world)
        }
        _ if name.ends_with("_restrictions") => restrictions(name, &new, now.as_deref(), &told),
        "receive_override_options" if new.iter().any(|value| value.contains("no_milters")) => {
            vec![told("SB10", "no milter looks at mail any more".to_owned())]
        }
        "milter_default_action" if new.iter().any(|value| value == "accept") => {
            vec![told("SB11", "mail goes on unread while a filter does not answer".to_owned())]
        }
        _ if FILTERS.contains(&name) => filters(name, &new, now.as_deref(), &told),
        _ if TESTS.contains(&name) => {
            let is_lax = is_gone || new.iter().any(|value| value == "ignore");
            vec![if is_lax {
                told("SB10", format!("`{name}` no longer does anything"))
            } else {
                told("SN4", format!("`{name}` acts"))
            }]
        }
        _ if SWITCHES.contains(&name) => {
            let is_off = is_gone || new.iter().any(|value| is_no(value));
            vec![if is_off {
                told("SB11", format!("`{name}` is switched off"))
            } else {
                told("SN4", format!("`{name}` is on"))
            }]
        }
        _ => Vec::new(),
    }
}

type Tells<'t> = &'t dyn Fn(&str, String) -> Reason;

/// Filters that are called, compared with those of now.
fn filters(name: &str, new: &[String], now: Option<&[String]>, told: Tells<'_>) -> Vec<Reason> {
    if new.is_empty() {
        return vec![told("SB10", format!("`{name}` calls nothing any more"))];
    }
    let Some(now) = now else {
        return vec![told("SU1", format!("what `{name}` calls now is not shown: fetch `postconf -n`"))];
    };
    match now.iter().find(|one| !new.contains(one)) {
        Some(gone) => vec![told("SB10", format!("`{name}` no longer calls `{gone}`"))],
        None => vec![told("SN4", format!("`{name}` calls all that it calls now"))],
    }
}

/// A list of restrictions, compared with that of now: what it loses, and what now lets in before the rest.
fn restrictions(name: &str, new: &[String], now: Option<&[String]>, told: Tells<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let refuses =
        |one: &str| one.starts_with("reject") || one.starts_with("defer") || one.starts_with("check_policy_service");
    let is_relay = name.contains("relay") || name.contains("recipient");
    if let Some(at) = new.iter().position(|one| one == "permit") {
        let before = new.get(..at).unwrap_or_default();
        if !before.iter().any(|one| refuses(one)) {
            reasons.push(told("PB3", format!("`{name}` lets in everything: `permit` stands first")));
        }
    }
    let Some(now) = now else {
        reasons.push(told("SU1", format!("what `{name}` is now is not shown: fetch `postconf -n`")));
        return reasons;
    };
    for gone in now.iter().filter(|one| !new.contains(one)) {
        let is_relay_guard =
            gone.starts_with("reject_unauth_destination") || gone.starts_with("defer_unauth_destination");
        match () {
            () if is_relay_guard && is_relay => reasons.push(told("PB3", format!("`{gone}` is gone from `{name}`"))),
            () if refuses(gone) => reasons.push(told("SB11", format!("`{gone}` is gone from `{name}`, for all mail"))),
            () if gone.starts_with("check_") => reasons.push(told("SU1", format!("`{gone}` is gone from `{name}`"))),
            () => {}
        }
    }
    for added in new.iter().filter(|one| !now.contains(one)) {
        match () {
            () if added.starts_with("permit_auth_destination") => {
                reasons.push(told("SB11", format!("`{added}` in `{name}` skips what follows")))
            }
            () if added.starts_with("permit")
                && added != "permit_mynetworks"
                && added != "permit_sasl_authenticated" =>
            {
                reasons.push(told("SB11", format!("`{added}` in `{name}` skips what follows")));
            }
            () if added.starts_with("check_") => {
                reasons.push(told("SU1", format!("what `{added}` lets in stands in its table: check that too")));
            }
            () => {}
        }
    }
    if reasons.is_empty() {
        reasons.push(told("SN4", format!("`{name}` refuses all that it refuses now")));
    }
    reasons
}
