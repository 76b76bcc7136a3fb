//! The tables of one vendor: what is done about a verdict, what the words mean, what an allow overrides.

use evidence::{Action, Property, Setting, SettingClass, VerdictKind};
use serde::Deserialize;

use super::Device;
use crate::codes::{action, folded, verdict_kind};

/// What a policy says is done about a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// In our words.
    pub action: Action,
    /// As the export writes it, such as `SpamAction: MoveToJmf`.
    pub said: String,
}

/// Whether an allow helps against a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Honoured {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It does not, unless another service takes the organisation's mail first.
    OnlyBehindAGateway,
    /// It does, unless the policy's action is to keep the message back.
    UnlessKeptBack,
    /// The pages disagree, or it depends on what no export shows.
    Disputed,
}

/// What the pages say about one device and one verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overriding {
    /// Whether it helps.
    pub honoured: Honoured,
    /// Why, in a clause.
    pub because: &'static str,
    /// The page, and the day it was read.
    pub source: &'static str,
}

/// One vendor's tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rulebook {
    /// Names of conditions that say for whom a rule is, folded.
    #[serde(default)]
    pub(super) scope: Vec<String>,
    #[serde(default)]
    acts: Vec<Acts>,
    #[serde(default)]
    word: Vec<Word>,
    #[serde(default)]
    kind: Vec<NamedKind>,
    overrides: Vec<Overrides>,
}

/// Which policy acts on a verdict, and under which property it says how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acts {
    verdict: String,
    class: String,
    /// Several if the record's verdict does not tell them apart: then they count only if they agree.
    #[serde(default)]
    properties: Vec<String>,
    /// What is done whatever the policy says.
    always: Option<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every line has one"))]
    source: String,
}

/// A vendor's word for an action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    value: String,
    means: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every line has one"))]
    source: String,
}

/// What a record calls a class of policies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedKind {
    value: String,
    class: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every line has one"))]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    device: String,
    verdicts: Vec<String>,
    honoured: Honoured,
    because: String,
    source: String,
}

impl Rulebook {
    /// Reads a `rules.toml` of ours.
    pub(super) fn of(page: &str) -> Rulebook {
        toml::from_str(page).expect("rules.toml is part of the program and tested")
    }

    /// The class of policies that acts on a verdict.
    pub fn class_for(&self, verdict: &VerdictKind) -> Option<SettingClass> {
        self.acts_on(verdict).find_map(|acts| class(&acts.class))
    }

    /// The class that a record names, such as by the kind of policy that held a message.
    pub fn class_named(&self, said: &str) -> Option<SettingClass> {
        let said = folded(said);
        self.kind.iter().find(|kind| folded(&kind.value) == said).and_then(|kind| class(&kind.class))
    }

    /// What a policy says is done about a verdict; `None` if the export does not show it, or if what was found out could be one of
    /// several things for which the policy has different answers.
    pub fn planned(&self, policy: &Setting, verdict: &VerdictKind) -> Option<Planned> {
        let acts = self.acts_on(verdict).find(|acts| class(&acts.class).as_ref() == Some(&policy.class))?;
        if let Some(always) = acts.always.as_deref().and_then(action) {
            return Some(Planned { action: always, said: "one action whatever the policy says".to_owned() });
        }
        let shown = acts.properties.iter().filter_map(|name| self.said_under(policy, name));
        let shown: Vec<Planned> = shown.collect();
        let first = shown.first()?;
        let is_plain = shown.len() == acts.properties.len() && shown.iter().all(|one| one.action == first.action);
        (is_plain || shown.len() == 1 && acts.properties.len() == 1).then(|| first.clone())
    }

    /// What the pages say about a device and a verdict; `None` if they say nothing.
    pub fn overriding(&'static self, device: Device, verdict: &VerdictKind) -> Option<Overriding> {
        let found = self.overrides.iter().find(|line| {
            line.device == device.id() && line.verdicts.iter().any(|word| verdict_kind(word).as_ref() == Some(verdict))
        })?;
        Some(Overriding { honoured: found.honoured, because: &found.because, source: &found.source })
    }

    /// Whether any device helps against a verdict.
    pub fn is_overridable(&self, verdict: &VerdictKind) -> bool {
        self.overrides.iter().any(|line| {
            line.honoured == Honoured::Yes
                && line.verdicts.iter().any(|word| verdict_kind(word).as_ref() == Some(verdict))
        })
    }

    fn acts_on(&self, verdict: &VerdictKind) -> impl Iterator<Item = &Acts> {
        self.acts.iter().filter(move |acts| verdict_kind(&acts.verdict).as_ref() == Some(verdict))
    }

    /// What a policy says under one property.
    pub(super) fn said_under(&self, policy: &Setting, name: &str) -> Option<Planned> {
        let name = folded(name);
        let Property { name, values } = policy.properties.iter().find(|property| folded(&property.name) == name)?;
        let said = values.first()?;
        let means = self.word.iter().find(|word| folded(&word.value) == folded(said))?;
        Some(Planned { action: action(&means.means)?, said: format!("{name}: {said}") })
    }
}

fn class(word: &str) -> Option<SettingClass> {
    Some(match word {
        "anti_spam" => SettingClass::AntiSpam,
        "anti_phish" => SettingClass::AntiPhish,
        "anti_malware" => SettingClass::AntiMalware,
        "attachment_protection" => SettingClass::AttachmentProtection,
        "url_protection" => SettingClass::UrlProtection,
        "sender_policy" => SettingClass::SenderPolicy,
        "transport_rule" => SettingClass::TransportRule,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_known_and_dated() {
        for vendor in super::super::ALL {
            let Rulebook { acts, word, kind, overrides, .. } = vendor.rulebook();
            let has_day = |source: &str| source.contains("read 20");
            for acts in acts {
                assert!(verdict_kind(&acts.verdict).is_some() && class(&acts.class).is_some(), "{acts:?}");
                assert!(acts.always.as_deref().is_none_or(|word| action(word).is_some()), "{acts:?}");
                assert!(has_day(&acts.source), "{acts:?}");
            }
            for word in word {
                assert!(action(&word.means).is_some() && has_day(&word.source), "{word:?}");
            }
            for kind in kind {
                assert!(class(&kind.class).is_some() && has_day(&kind.source), "{kind:?}");
            }
            for line in overrides {
                assert!(line.verdicts.iter().all(|word| verdict_kind(word).is_some()), "{line:?}");
                assert!(!line.verdicts.is_empty() && !line.because.is_empty() && has_day(&line.source), "{line:?}");
                assert!(Device::ALL.iter().any(|device| device.id() == line.device), "{line:?}");
            }
        }
    }

    #[test]
    fn ok_overriding() {
        let book = super::super::of(&evidence::Product::ExchangeOnline).unwrap().rulebook();
        for (device, verdict, expected) in [
            (Device::ListEntry, VerdictKind::HighConfidencePhish, Some(Honoured::OnlyBehindAGateway)),
            (Device::ListEntry, VerdictKind::Spam, Some(Honoured::Yes)),
            (Device::PolicySender, VerdictKind::HighConfidencePhish, Some(Honoured::OnlyBehindAGateway)),
            (Device::PolicySender, VerdictKind::Malware, Some(Honoured::No)),
            (Device::SubmittedEntry, VerdictKind::HighConfidencePhish, Some(Honoured::Yes)),
            (Device::SpoofPair, VerdictKind::Spoof, Some(Honoured::Yes)),
            (Device::SpoofPair, VerdictKind::Spam, Some(Honoured::No)),
            (Device::Rule, VerdictKind::Clean, None),
        ] {
            let found = book.overriding(device, &verdict).map(|found| found.honoured);
            assert_eq!(found, expected, "{device:?} {verdict:?}");
        }
    }
}
