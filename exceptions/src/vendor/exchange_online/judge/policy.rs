//! B13, B14, B20, B21, N13 to N17: what policies do, and for whom.

use std::sync::LazyLock;

use evidence::{ChangeKind, Condition, ConditionOn, Setting, SettingClass, Tier};
use serde::Deserialize;

use super::super::grants::is_command;
use super::super::words::{self, folded};
use super::width::{self, ToWhom};
use super::{Case, harmless, note, row, row_at, unknown};
use crate::vendor::common::{self, FEW};
use crate::{Grant, Level, On, Reason, Value};

static STRENGTHS: LazyLock<Strengths> =
    LazyLock::new(|| toml::from_str(include_str!("../strength.toml")).expect("strength.toml is part of the program"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strengths {
    strength: Vec<Strength>,
}

/// How strong the values of some properties are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strength {
    properties: Vec<String>,
    row: String,
    #[serde(default)]
    from_weakest: Vec<Vec<String>>,
    higher_is: Option<Way>,
    enough: String,
    exported: Option<String>,
    /// The weakest value that cannot be less than the value of now, as far as what is recommended goes: below it, a change needs to be shown the value of now.
    strict: Option<String>,
    /// Whether many organisations have the weaker value from the start, so that only a change of it says something.
    #[serde(default)]
    lists_only_changes: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every line has one"))]
    source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Weaker,
    Stronger,
}

/// Names in a policy's command that say nothing of what the policy does.
const SILENT: &[&str] = &[
    "identity",
    "name",
    "admindisplayname",
    "comments",
    "notes",
    "confirm",
    "whatif",
    "force",
    "erroraction",
    "verbose",
    "debug",
    "priority",
    "isdefault",
    "newname",
    "state",
    "enabled",
    "quarantineretentionperiod",
    "downloadlink",
    "inlinesafetytipsenabled",
    "recommendedpolicytype",
    "whencreated",
    "whenchanged",
];

/// Judges a policy, or the rule that says for whom one is.
pub(super) fn judge(case: &Case<'_>, setting: &Setting, grants: &[Grant]) -> Vec<Reason> {
    let mut reasons = case.by_device(grants, Some(setting));
    match setting.class {
        SettingClass::OutboundSpam => reasons.extend(forwarding(case, setting)),
        SettingClass::QuarantinePolicy => reasons.extend(permissions(case, setting)),
        _ => {}
    }
    reasons.extend(lowered(case, setting));
    reasons.extend(file_types(case, setting));
    if !reasons.is_empty() {
        return reasons;
    }
    if let Some(same) = case.unchanged(setting) {
        return vec![same];
    }
    let open: Vec<String> = setting
        .properties
        .iter()
        .filter(|property| strength_of(&property.name).is_none() && !SILENT.contains(&folded(&property.name).as_str()))
        .filter(|property| !is_list(&property.name) && !case.is_same(setting, &property.name))
        .map(|property| property.name.clone())
        .collect();
    let is_scope = case.is_scope(setting) || setting.class == SettingClass::Preset;
    match case.step.kind {
        ChangeKind::Changed if is_scope => {
            vec![unknown("for whom the policy would be, and which policy those go to who leave it, is not shown")]
        }
        ChangeKind::Changed if !open.is_empty() => {
            vec![unknown(format!("what {} does to the protection is not in the tables", width::listed(&open)))]
        }
        ChangeKind::Changed => vec![harmless("no value is lower than it is now, or than what is recommended")],
        ChangeKind::Enabled => vec![harmless("a protection is switched on")],
        _ if is_scope && weak(case, setting).is_some() => weak(case, setting).into_iter().collect(),
        _ if is_scope => vec![harmless("it says for whom a policy is; what that policy does is judged with it")],
        _ => vec![harmless("no value of it is lower than what is recommended")],
    }
}

fn strength_of(name: &str) -> Option<&'static Strength> {
    let name = folded(name);
    STRENGTHS.strength.iter().find(|strength| strength.properties.iter().any(|one| folded(one) == name))
}

/// Lists whose values are judged one by one.
fn is_list(name: &str) -> bool {
    let name = folded(name);
    let lists = [
        "allowedsenders",
        "allowedsenderdomains",
        "blockedsenders",
        "blockedsenderdomains",
        "excludedsenders",
        "excludeddomains",
        "donotrewriteurls",
        "filetypes",
        "targeteduserstoprotect",
        "targeteddomainstoprotect",
    ];
    lists.contains(&name.as_str())
}

impl Strength {
    /// How strong a value is; `None` if the table does not know it.
    fn of(&self, value: &str) -> Option<i64> {
        match self.higher_is {
            Some(Way::Weaker) => value.trim().parse::<i64>().ok().map(|number| -number),
            Some(Way::Stronger) => value.trim().parse().ok(),
            None => {
                let value = folded(value);
                let value = match value.as_str() {
                    "1" => "true",
                    "0" => "false",
                    value => value,
                };
                let at = self.from_weakest.iter().position(|group| group.iter().any(|one| folded(one) == value))?;
                i64::try_from(at).ok()
            }
        }
    }
}

/// Values that are lower than now, or than what is recommended where the evidence does not show how it is now.
fn lowered(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    let current = case.current(setting);
    let mut reasons = Vec::new();
    for property in &setting.properties {
        let (Some(strength), Some(then)) = (strength_of(&property.name), property.values.first()) else { continue };
        let Some(level) = strength.of(then) else {
            reasons.push(unknown(format!("what the value {then} of {} means is not in the tables", property.name)));
            continue;
        };
        let now = current.and_then(|(current, _)| words::property(current, &property.name));
        let floor = match now {
            Some(now) => strength.of(now),
            None if strength.lists_only_changes && case.step.kind == ChangeKind::Created => None,
            None if is_command(case.step) => strength.of(&strength.enough),
            None => strength.of(strength.exported.as_ref().unwrap_or(&strength.enough)),
        };
        let strict = strength.strict.as_ref().and_then(|strict| strength.of(strict));
        let is_change = case.step.kind == ChangeKind::Changed && is_command(case.step);
        if now.is_none()
            && is_change
            && floor.is_some_and(|floor| level >= floor)
            && strict.is_some_and(|strict| level < strict)
        {
            reasons.push(unknown(format!(
                "whether {then} lowers {} is not shown, as its value of now is not in the evidence: fetch Get-AntiPhishPolicy",
                property.name
            )));
        }
        if floor.is_some_and(|floor| level < floor) {
            let than = now.map_or_else(
                || format!("{}, which is recommended", strength.enough),
                |now| format!("{now} as it is now"),
            );
            let cites = current.filter(|_| now.is_some()).map(|(_, entry)| entry.observation.cite.clone());
            reasons.push(
                row(
                    &strength.row,
                    format!("{} would be {then} instead of {than}, for everybody the policy is for", property.name),
                )
                .cited(cites),
            );
        }
    }
    reasons
}

/// That a rule gives recipients a policy whose values are lower than what is recommended.
fn weak(case: &Case<'_>, rule: &Setting) -> Option<Reason> {
    let name = rule.policy.as_deref()?;
    let (policy, entry) = case
        .newest(|known| known.class == rule.class && known.policy.is_none() && known.name.eq_ignore_ascii_case(name))?;
    let lower = policy.properties.iter().find(|property| {
        let (Some(strength), Some(value)) = (strength_of(&property.name), property.values.first()) else {
            return false;
        };
        let floor = strength.of(strength.exported.as_ref().unwrap_or(&strength.enough));
        !strength.lists_only_changes && strength.of(value).zip(floor).is_some_and(|(level, floor)| level < floor)
    })?;
    let what = format!("\"{name}\" has {} {}, lower than what is recommended", lower.name, lower.values.join(", "));
    Some(row("B13", what).cited([entry.observation.cite.clone()]))
}

/// File types that are no longer kept out.
fn file_types(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    if setting.class != SettingClass::AntiMalware || !words::states(setting, "FileTypes") {
        return Vec::new();
    }
    let stated: Vec<String> = words::values(setting, "FileTypes").map(folded).collect();
    let Some((current, entry)) = case.current(setting) else {
        let replaces = case.step.replaces.iter().any(|name| folded(name) == "filetypes");
        return if case.step.kind == ChangeKind::Changed && !replaces {
            Vec::new()
        } else {
            only_if_changed(case, &stated)
        };
    };
    let lost: Vec<String> =
        words::values(current, "FileTypes").filter(|one| !stated.contains(&folded(one))).map(str::to_owned).collect();
    let replaces =
        case.step.kind != ChangeKind::Changed || case.step.replaces.iter().any(|name| folded(name) == "filetypes");
    if lost.is_empty() || !replaces {
        return Vec::new();
    }
    vec![
        row("B21", format!("{} would no longer be kept out", width::listed(&lost)))
            .cited([entry.observation.cite.clone()]),
    ]
}

fn only_if_changed(case: &Case<'_>, stated: &[String]) -> Vec<Reason> {
    match case.step.kind {
        ChangeKind::Changed => vec![unknown(
            "the command sets the whole list of file types; the list as it is now is not in the evidence: fetch Get-MalwareFilterPolicy",
        )],
        _ if stated.is_empty() => vec![row("B21", "no file type would be kept out")],
        _ => Vec::new(),
    }
}

/// Forwarding to the outside.
fn forwarding(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    if case.is_scope(setting) {
        if case.step.kind == ChangeKind::Enabled {
            return Vec::new();
        }
        return senders(&setting.conditions);
    }
    let is_on = words::property(setting, "AutoForwardingMode").map(folded);
    match is_on.as_deref() {
        Some("on") => {}
        Some(_) => return vec![harmless("no mailbox forwards to the outside by this policy")],
        None => return Vec::new(),
    }
    let is_default = setting.tier == Tier::Default || setting.name.eq_ignore_ascii_case("Default");
    if is_default {
        return vec![row("B20", "the policy is for everybody, so every mailbox could forward to the outside")];
    }
    let rule = case.world.settings().find(|(rule, _)| {
        rule.class == SettingClass::OutboundSpam
            && rule.policy.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(&setting.name))
    });
    match rule {
        Some((rule, entry)) => {
            let reasons = senders(&rule.conditions);
            reasons.into_iter().map(|reason| reason.cited([entry.observation.cite.clone()])).collect()
        }
        None if case.step.kind == ChangeKind::Created => {
            vec![harmless("the policy is for nobody until a rule says for whom")]
        }
        None => vec![unknown("for whom the policy is, is not in the evidence: fetch Get-HostedOutboundSpamFilterRule")],
    }
}

/// Whose mail an outbound rule is about.
fn senders(conditions: &[Condition]) -> Vec<Reason> {
    let mailboxes = conditions.iter().find(|one| one.on == ConditionOn::Sender);
    let is_one = |text: &String| {
        let value = Value::party(text, Value::Domain);
        width::who_of(&value) == width::Who::Addresses
    };
    match mailboxes {
        Some(one) if !one.values.is_empty() && one.values.len() <= FEW && one.values.iter().all(is_one) => {
            vec![row("N13", format!("only {} may forward", one.values.join(", ")))]
        }
        _ => vec![row("B20", "a group, a domain or everybody could forward to the outside, not one mailbox")],
    }
}

/// What recipients may do with what is held.
fn permissions(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    let said: String = setting
        .properties
        .iter()
        .filter(|property| {
            folded(&property.name).starts_with("enduserquarantinepermissions")
                || folded(&property.name).starts_with("permissionto")
        })
        .map(|property| format!("{} {};", property.name, property.values.join(" ")))
        .collect();
    if said.is_empty() {
        return Vec::new();
    }
    let bits =
        words::property(setting, "EndUserQuarantinePermissionsValue").and_then(|said| said.trim().parse::<u32>().ok());
    let all = folded(&said);
    let has = |bit: u32, name: &str| bits.is_some_and(|bits| bits & bit != 0) || all.contains(&format!("{name}true"));
    if case.is_same(setting, "EndUserQuarantinePermissionsValue") {
        return Vec::new();
    }
    if has(4, "permissiontorelease") || has(32, "permissiontoallowsender") {
        return vec![row("M11", "its users could let go what is held by themselves")];
    }
    if has(8, "permissiontorequestrelease") {
        return vec![row("N14", "its users may ask for a release; somebody else decides")];
    }
    vec![harmless("its users may do nothing that lets mail through")]
}

/// Judges recipients to whom a policy does not apply.
pub(super) fn exception(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    match width::to_whom(case, &grant.scope) {
        ToWhom::Mailboxes => vec![
            row(
                "N16",
                format!("only {} leaves the policy, and the next policy in the order takes its mail", grant.scope),
            ),
            note("the exception never ends by itself: set a day on which somebody looks at it again"),
        ],
        ToWhom::Names => {
            vec![unknown("a recipient is named by a name that could be a group's: write the address of the mailbox")]
        }
        ToWhom::Group => vec![row_at(Level::Approval, "B14", format!("{}: not one mailbox", grant.scope))],
        ToWhom::Everybody => vec![row("B14", format!("{} would be without this policy", grant.scope))],
    }
}

/// Judges who may send simulated phishing.
pub(super) fn simulation(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let scope = &grant.scope;
    let clients: Vec<&Value> = scope.on(&On::Client).flat_map(|term| &term.values).collect();
    let domains: Vec<&str> = width::domains(scope).collect();
    let why = if clients.is_empty() || domains.is_empty() {
        "a domain and a sending address both have to be named".to_owned()
    } else if let Some(wide) = clients.iter().find(|value| !width::is_narrow_network(value)) {
        format!("{wide} is wider than a /24")
    } else if let Some(domain) =
        domains.iter().find(|domain| !width::is_plain_domain(domain) || common::service_of(domain).is_some())
    {
        format!("{domain} is not the domain of one simulation")
    } else if let Some(own) = domains.iter().find(|domain| case.is_own(domain)) {
        format!("{own} is the organisation's own domain")
    } else {
        return vec![row("N15", format!("only {scope}"))];
    };
    vec![row("M12", why)]
}

/// Judges a mailbox whose mail passes all filters.
pub(super) fn security_mailbox(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let level = if width::to_whom(case, &grant.scope) == ToWhom::Mailboxes { Level::Approval } else { Level::Refuse };
    vec![row_at(level, "M13", format!("{}: also malware would be delivered there", grant.scope))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strength_is_known_and_dated() {
        for strength in &STRENGTHS.strength {
            assert!(strength.of(&strength.enough).is_some() && strength.source.contains("read 20"), "{strength:?}");
            assert!(strength.from_weakest.is_empty() != strength.higher_is.is_none(), "{strength:?}");
            assert!(super::super::ROWS.all().any(|row| row.id == strength.row), "{strength:?}");
        }
    }
}
