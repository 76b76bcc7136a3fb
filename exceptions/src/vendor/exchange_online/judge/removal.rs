//! B14: what is switched off or taken away.

use evidence::{ChangeKind, Effect, Setting, SettingClass};

use super::super::rule::{self, Treatment};
use super::super::words::{flag, folded};
use super::{Case, harmless, row, unknown, width};
use crate::Reason;

/// Judges that something is taken away, or would be off.
pub(super) fn judge(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    let current = case.current(setting);
    let cites = current.map(|(_, entry)| entry.observation.cite.clone());
    let is_off_already = current.is_some_and(|(current, _)| matches!(current.effect, Effect::Off | Effect::ReportOnly));
    if is_off_already {
        return vec![harmless("it does not act now").cited(cites)];
    }
    // What an export shows as off and nothing shows as on is known by what it says itself.
    let is_stated = case.step.kind == ChangeKind::Created;
    let known = current.map(|(current, _)| current).or(is_stated.then_some(setting));
    let reason = match (&setting.class, known) {
        (SettingClass::TransportRule, Some(rule)) => of_rule(rule, current.is_some()),
        (SettingClass::InboundConnector, Some(connector)) => of_connector(connector),
        // What is taken away is a layer until its export shows that it lets mail through.
        (SettingClass::TransportRule, None) => row(
            "B14",
            format!(
                "the rule \"{}\" may keep mail out: what it does is not in the evidence, fetch Get-TransportRule",
                setting.name
            ),
        ),
        (SettingClass::InboundConnector, None) => unknown(format!(
            "what the connector \"{}\" demands is not in the evidence: fetch Get-InboundConnector",
            setting.name
        )),
        (SettingClass::AntiSpam, _) if setting.policy.is_none() && is_stated => harmless("the policy acts for nobody"),
        (
            SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::AntiMalware
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
            | SettingClass::OutboundSpam
            | SettingClass::Preset
            | SettingClass::DkimSigning
            | SettingClass::AlertPolicy
            | SettingClass::ConditionalAccess,
            _,
        ) => {
            let name = if setting.name.is_empty() { &case.step.operation } else { &setting.name };
            row("B14", format!("\"{name}\" would no longer protect anybody"))
        }
        (SettingClass::Other(word), _) if is_exception(word) => harmless("what let mail through is taken away"),
        _ => return Vec::new(),
    };
    vec![reason.cited(cites)]
}

fn is_exception(word: &str) -> bool {
    let word = folded(word);
    word == "exception" || word.contains("simulation") || word.contains("securityoperations")
}

/// Judges values that are taken out of a list.
pub(super) fn taken_out(case: &Case<'_>, setting: &Setting) -> Vec<Reason> {
    let name = case.step.operation.split(" -").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let values = [&setting.conditions, &setting.exceptions].into_iter().flatten().flat_map(|one| &one.values);
    let values: Vec<&String> = values.chain(setting.properties.iter().flat_map(|property| &property.values)).collect();
    let what = width::listed(values);
    let list = folded(name);
    let is_rule = setting.class == SettingClass::TransportRule;
    vec![match list.as_str() {
        "filetypes" => row("B21", format!("{what} would no longer be kept out")),
        "targeteduserstoprotect" | "targeteddomainstoprotect" => {
            row("B13", format!("who imitates {what} would no longer be found"))
        }
        "donotrewriteurls" | "senderipaddresses" | "domains" | "senderipranges" => {
            harmless(format!("{what} is no longer let in by it"))
        }
        _ if is_exception_list(&setting.class) && list == "sentto" => harmless(format!("{what} is filtered again")),
        list if list.starts_with("exceptif") && !is_rule => harmless(format!("the policy is for {what} again")),
        "sentto" | "senttomemberof" | "recipientdomainis" if !is_rule => {
            row("B14", format!("the policy would no longer be for {what}"))
        }
        _ => unknown(format!("what it means to take {what} out of {name} is not in the tables")),
    }]
}

fn is_exception_list(class: &SettingClass) -> bool {
    matches!(class, SettingClass::Other(word) if is_exception(word))
}

/// Judges the end of a rule; one that lets mail through is no loss.
fn of_rule(rule: &Setting, is_in_evidence: bool) -> Reason {
    match rule::treatment(rule) {
        Treatment::StandsAside => harmless("the rule lets mail through; without it the filter judges as ever"),
        Treatment::GoesAround => harmless("the rule goes around a protection; without it the protection acts"),
        _ if !is_in_evidence => harmless("the rule is off and does nothing"),
        Treatment::KeepsOut => row("B14", format!("the rule \"{}\" keeps mail out now", rule.name)),
        Treatment::Marks => {
            row("B14", format!("the rule \"{}\" marks mail now, and others may heed the mark", rule.name))
        }
        Treatment::NotKnown => unknown(format!("what the rule \"{}\" does is not in the tables", rule.name)),
    }
}

fn of_connector(connector: &Setting) -> Reason {
    let limits = ["RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate"];
    if limits.iter().any(|name| flag(connector, name) == Some(true)) {
        return row(
            "B11",
            format!("without \"{}\" mail in the partner's name could come from anywhere", connector.name),
        );
    }
    let trusts = flag(connector, "TreatMessagesAsInternal") == Some(true);
    let why = if trusts { "its mail no longer counts as the organisation's own" } else { "it limits nobody" };
    harmless(why)
}
