//! Servers of one's own: rspamd, amavis with SpamAssassin, Postfix.
//!
//! None of them knows an end, and most of them no recipient: narrow is what names its recipient and proves its sender, and somebody has to
//! take it back.

mod amavis;
mod postfix;
mod proposals;
mod rspamd;
mod spamassassin;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use evidence::{Act, Condition, Product, Setting, SettingClass, VerdictKind};
use sources::policy::Device;
use sources::proposed::{About, Step};

use super::common::{
    RECIPIENTS, SENDERS, ServiceKind, Width, clients_are_wide, is_authenticated, no_help, sender_domains, service_of,
    span, width,
};
use super::{Rows, Stamp, Vendor};
use crate::{Ends, Grant, Need, On, Proposal, Reason, Scope, Term, Value, World};

static ROWS: LazyLock<Rows> = LazyLock::new(|| Rows::of(include_str!("rows.toml")));

/// The exceptions of rspamd.
pub(super) struct Rspamd;
/// The exceptions of amavis and SpamAssassin.
pub(super) struct Amavis;
/// The exceptions of Postfix.
pub(super) struct Postfix;

impl Vendor for Rspamd {
    fn products(&self) -> &'static [Product] {
        &[Product::Rspamd]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, step: &Step) -> Vec<Grant> {
        rspamd::grants(step)
    }

    fn judge(&self, step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
        rspamd::judge(step, grants, world)
    }

    fn stamps(&self, step: &Step) -> Vec<Stamp> {
        rspamd::stamps(step)
    }

    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal> {
        proposals::rspamd(need, world)
    }
}

impl Vendor for Amavis {
    fn products(&self) -> &'static [Product] {
        &[Product::Amavis]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, step: &Step) -> Vec<Grant> {
        amavis::grants(step)
    }

    fn judge(&self, step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
        amavis::judge(step, grants, world)
    }

    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal> {
        proposals::amavis(need, world)
    }
}

impl Vendor for Postfix {
    fn products(&self) -> &'static [Product] {
        &[Product::Postfix]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, step: &Step) -> Vec<Grant> {
        postfix::grants(step)
    }

    fn judge(&self, step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
        postfix::judge(step, grants, world)
    }

    fn stamps(&self, step: &Step) -> Vec<Stamp> {
        postfix::stamps(step)
    }

    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal> {
        proposals::postfix(need, world)
    }
}

fn row(id: &str, statement: String) -> Reason {
    Reason::row(ROWS.row(id), statement)
}

/// That somebody has to take it back.
fn no_end() -> Reason {
    row("SO1", "the runbook has to carry the day on which it is taken back".to_owned())
}

/// The setting of a step, if it is about one.
fn setting_of(step: &Step) -> Option<&Setting> {
    match &step.about {
        About::Setting(setting) => Some(setting),
        About::Act(_) => None,
    }
}

/// The act of a step, if it is one.
fn act_of(step: &Step) -> Option<&Act> {
    match &step.about {
        About::Act(act) => Some(act),
        About::Setting(_) => None,
    }
}

/// What stands under a class that is a parameter's or a module's name.
fn class_of(setting: &Setting) -> &str {
    match &setting.class {
        SettingClass::GatewayPolicy(name) => name,
        _ => "",
    }
}

/// The values of a property, by its name.
fn values<'s>(setting: &'s Setting, name: &str) -> &'s [String] {
    let found = setting.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name));
    found.map_or(&[], |property| property.values.as_slice())
}

/// The first value of a property, by its name.
fn value<'s>(setting: &'s Setting, name: &str) -> Option<&'s str> {
    values(setting, name).first().map(|value| value.trim())
}

fn is_yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

fn is_no(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0")
}

fn grant(product: Product, device: Device, name: &str, scope: Scope) -> Grant {
    Grant { product, device, name: name.to_owned(), scope, ends: Ends::DeviceHasNone, cites: Vec::new() }
}

/// The one message that an act lets go.
fn released(product: Product, act: &Act) -> Vec<Grant> {
    let Some(id) = one_id(act) else { return Vec::new() };
    let scope = Scope::of([Term::one(On::Message, Value::Name(id.to_owned()))]);
    vec![Grant { ends: Ends::AtOnce, ..grant(product, Device::ListEntry, id, scope) }]
}

/// The id of the one message that an act is about.
fn one_id(act: &Act) -> Option<&str> {
    let id = act.object.as_deref()?.trim();
    let is_one =
        !id.is_empty() && !id.eq_ignore_ascii_case("all") && id != "-" && !id.contains([' ', ',', ';', '*', '?']);
    is_one.then_some(id)
}

/// A network as these servers write it: also with its last octets left out, as in `192.0.2` or `192.0.2.`.
fn network(text: &str) -> Option<Value> {
    let text = text.trim().trim_matches(['[', ']']);
    let plain = text.replace(['[', ']'], "");
    if let Some(found) = Value::network(&plain) {
        return Some(found);
    }
    let (net, bits) = plain.split_once('/').map_or((plain.as_str(), None), |(net, bits)| (net, Some(bits)));
    let octets: Vec<&str> = net.trim_end_matches('.').split('.').collect();
    let is_short = octets.len() < 4 && octets.iter().all(|octet| octet.parse::<u8>().is_ok());
    if !is_short {
        return None;
    }
    let whole: Vec<&str> = octets.iter().copied().chain(std::iter::repeat("0")).take(4).collect();
    let bits = bits.map_or_else(|| (octets.len() * 8).to_string(), str::to_owned);
    Value::network(&format!("{}/{bits}", whole.join(".")))
}

/// Networks, as a term; what is none is a pattern.
fn networks(values: &[String]) -> Term {
    Term::new(On::Client, values.iter().map(|text| network(text).unwrap_or_else(|| Value::Pattern(text.clone()))))
}

/// Whether all of a network is one's own by its range: loopback, private, link-local.
fn is_private(value: &Value) -> bool {
    const RANGES: [&str; 8] = [
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    ];
    RANGES.iter().filter_map(|range| Value::network(range)).any(|range| value.is_within(&range))
}

/// Whether a value is one address.
fn is_one_address(value: &Value) -> bool {
    matches!(value, Value::Network(first, last) if span(*first, *last) == 0)
}

/// A sender or recipient as these servers' lists write it; a pattern that is plain text with its ends fixed is that text.
fn party(text: &str) -> Value {
    let text = text.trim();
    match text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')) {
        Some((pattern, _)) => of_pattern(pattern),
        None => Value::party(text, Value::DomainAndBelow),
    }
}

/// What a pattern fits, if it is no more than a text with its ends fixed.
fn of_pattern(pattern: &str) -> Value {
    let whole = || Value::Pattern(pattern.to_owned());
    let (from_start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let Some(rest) = rest.strip_suffix('$') else { return whole() };
    let text = rest.replace("\\.", ".").replace("\\@", "@").replace("\\-", "-");
    // A dot that was not marked stands for any character: that is wider, if only by names that nobody has.
    let is_plain =
        text.chars().all(|c| c.is_alphanumeric() || "@._-".contains(c)) && !rest.replace("\\.", "").contains('.');
    match text.rsplit_once('@') {
        _ if !is_plain => whole(),
        Some(("", domain)) if !from_start => Value::party(domain, Value::Domain),
        Some((local, _)) if from_start && !local.is_empty() => Value::party(&text, Value::Domain),
        _ => whole(),
    }
}

fn parties(on: On, condition: &Condition) -> Term {
    Term::new(on, condition.values.iter().map(|text| party(text)))
}

/// What is wide about an exception by its senders and recipients, and the narrow row if nothing is.
///
/// These servers know no end; so it is narrow only for a named recipient, from senders who have proved that they are.
fn for_whom(scope: &Scope, narrow: &str, world: &World<'_>) -> Vec<Reason> {
    let (senders, recipients, proof) = (width(scope, SENDERS), width(scope, RECIPIENTS), is_authenticated(scope));
    let mut reasons = Vec::new();
    let named: Vec<&str> = sender_domains(scope).collect();
    match senders {
        Width::Addresses | Width::Group => {}
        Width::Domain => reasons.push(row("SB2", format!("it is for a whole domain: {scope}"))),
        // A named sending address is a sender too.
        Width::Everybody if clients_are_wide(scope) == Some(false) && !names_a_sender(scope) => {}
        Width::Everybody => reasons.push(row("SB1", format!("no sender is named that can be followed: {scope}"))),
    }
    if clients_are_wide(scope) == Some(true) {
        reasons.push(row("SB4", format!("the sending addresses are wide: {scope}")));
    }
    let own = world.accepted_domains();
    if let Some(domain) = named.iter().find(|domain| own.contains(**domain)).filter(|_| !proof) {
        reasons.push(row("SB5", format!("`{domain}` is an own domain")));
    }
    let public = named.iter().find(|domain| service_of(domain).is_some_and(|of| of.kind != ServiceKind::Hosting));
    if let Some(domain) = public.filter(|_| senders > Width::Addresses) {
        reasons.push(row("SB6", format!("anybody can send from `{domain}`")));
    }
    if !proof {
        reasons.push(row("SB3", format!("nothing proves the sender: {scope}")));
    }
    if recipients > Width::Group {
        reasons.push(row("SB7", format!("it is for all recipients: {scope}")));
    }
    if reasons.is_empty() {
        reasons.push(row(narrow, format!("it is for {scope}")));
    }
    reasons.push(no_end());
    reasons
}

fn names_a_sender(scope: &Scope) -> bool {
    scope.terms.iter().any(|term| SENDERS.contains(&term.on))
}

/// That it would not help, if the evidence shows so.
fn in_vain(
    world: &World<'_>,
    product: Product,
    what: &str,
    helps: impl Fn(&VerdictKind) -> Option<bool>,
) -> Option<Reason> {
    let (need, cites) = no_help(world, &[product], helps)?;
    let because = if need.because.is_empty() { &need.cause } else { &need.because };
    Some(row("SX1", format!("{what} does not touch what stopped the sample: {because}")).cited(cites))
}

/// Networks that are trusted: what is new beside what is trusted now, if that is shown.
fn trusted(setting: &Setting, product: &Product, ids: &Trusted, world: &World<'_>) -> Vec<Reason> {
    let name = &setting.name;
    let said: Vec<Value> = networks(values_of(setting)).values.into_iter().collect();
    let now = world.current(product, &setting.class, name);
    let known: Vec<Value> =
        now.map(|(now, _)| networks(values_of(now)).values.into_iter().collect()).unwrap_or_default();
    let is_new = |value: &&Value| !known.contains(value) && !is_private(value);
    let cites = now.map(|(_, entry)| entry.observation.cite.clone());
    let new: Vec<&Value> = said.iter().filter(is_new).collect();
    let told = |id: &str, value: &Value| row(id, format!("`{name}` takes in {value}")).cited(cites.clone());
    if new.is_empty() {
        return vec![row("SN3", format!("`{name}` trusts no network of others")).cited(cites.clone())];
    }
    new.into_iter().map(|value| told(if is_one_address(value) { ids.one } else { ids.more }, value)).take(10).collect()
}

/// Which rows a trusted network is.
struct Trusted {
    one: &'static str,
    more: &'static str,
}

/// All values of a setting that is one parameter, whatever its name.
fn values_of(setting: &Setting) -> &[String] {
    setting.properties.first().map_or(&[], |property| property.values.as_slice())
}

/// A limit in points, compared with what it is now, or with what is usual.
fn limit(name: &str, new: Option<f64>, now: f64, cites: Vec<evidence::Cite>) -> Reason {
    match new {
        Some(new) if new <= now => row("SN2", format!("`{name}` is {new}, no more than {now}")).cited(cites),
        Some(new) if new < now * 2.0 => {
            row("SB8", format!("`{name}` rises from {now} to {new}, for all mail")).cited(cites)
        }
        Some(new) => row("SB9", format!("`{name}` rises from {now} to {new}: hardly any mail reaches it")).cited(cites),
        None => row("SB9", format!("`{name}` is switched off")).cited(cites),
    }
}

#[cfg(test)]
#[test]
fn every_row_is_dated() {
    for row in ROWS.all() {
        assert!(row.source.contains("read 20") && !row.because.is_empty(), "{row:?}");
    }
}
