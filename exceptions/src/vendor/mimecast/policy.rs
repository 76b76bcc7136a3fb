//! What a policy of the gateway does, and for whom.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use evidence::{Condition, ConditionOn, Effect, ListWord, Setting, SettingClass, VerdictKind};
use serde::Deserialize;
use sources::proposed::Step;

use crate::{Ends, On, Scope, Term, Value};

static TYPES: LazyLock<Types> =
    LazyLock::new(|| toml::from_str(include_str!("types.toml")).expect("types.toml is part of the program"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Types {
    r#type: Vec<Type>,
}

/// A type of policies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Type {
    holds: Vec<String>,
    /// What a policy of it does, in a clause.
    pub(super) words: String,
    does: Does,
    helps: Vec<String>,
    /// Whether it is normal that it is for all recipients, if who hands over is named.
    #[serde(default)]
    pub(super) open_to_all: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every line has one"))]
    source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    Permit,
    Bypass,
    Switch,
    Definition,
    Malware,
}

/// What a policy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Lets mail through, or takes one check away.
    LetsThrough(&'static Type),
    /// Takes the look for malware away.
    LeavesMalware(&'static Type),
    /// Applies a definition that no export shows.
    Applies(&'static Type),
    /// Looks at more mail, or keeps more out.
    Protects,
    /// Nobody can tell.
    NotKnown,
}

impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        self.holds == other.holds
    }
}

impl Eq for Type {}

impl Type {
    /// Whether a policy of this type helps against a verdict; `None` if the verdict does not say enough.
    pub(super) fn helps(&self, verdict: &VerdictKind) -> Option<bool> {
        if matches!(verdict, VerdictKind::Unknown | VerdictKind::Clean) || self.helps.is_empty() {
            return None;
        }
        Some(self.helps.iter().any(|word| word == name_of(verdict)))
    }

    /// Whether it is for the one case that an address alone proves nothing: an own domain that comes from outside.
    pub(super) fn is_about_forged_own_senders(&self) -> bool {
        self.helps.iter().any(|word| word == "spoof")
    }
}

/// The name of a verdict in `types.toml`.
fn name_of(verdict: &VerdictKind) -> &'static str {
    match verdict {
        VerdictKind::Spam => "spam",
        VerdictKind::HighConfidenceSpam => "high_confidence_spam",
        VerdictKind::Phish => "phish",
        VerdictKind::HighConfidencePhish => "high_confidence_phish",
        VerdictKind::Malware => "malware",
        VerdictKind::Bulk => "bulk",
        VerdictKind::Spoof => "spoof",
        VerdictKind::Impersonation => "impersonation",
        VerdictKind::Url => "url",
        VerdictKind::Attachment => "attachment",
        VerdictKind::TransportRule => "transport_rule",
        VerdictKind::DataLoss => "data_loss",
        VerdictKind::UserBlock => "user_block",
        VerdictKind::ConnectionFilter => "connection_filter",
        VerdictKind::Greylisted => "greylisted",
        VerdictKind::Authentication(evidence::AuthMethod::Spf) => "spf",
        VerdictKind::Authentication(evidence::AuthMethod::Dkim) => "dkim",
        VerdictKind::Authentication(evidence::AuthMethod::Dmarc) => "dmarc",
        _ => "",
    }
}

/// The first value of a property, by its name in lower case without signs.
pub(super) fn property<'s>(setting: &'s Setting, folded: &str) -> Option<&'s str> {
    let found = setting.properties.iter().find(|property| fold(&property.name) == folded)?;
    found.values.first().map(|value| value.trim())
}

/// Whether a property says yes.
pub(super) fn is_set(setting: &Setting, folded: &str) -> bool {
    property(setting, folded).is_some_and(|said| ["true", "yes", "1", "on", "enabled"].contains(&&*said.to_lowercase()))
}

pub(super) fn fold(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a setting is a policy of the gateway, other than an entry of a list.
pub(super) fn is_policy(setting: &Setting) -> bool {
    matches!(
        setting.class,
        SettingClass::SenderPolicy
            | SettingClass::GatewayPolicy(_)
            | SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
    )
}

/// What a policy does.
pub(super) fn doing(step: &Step, setting: &Setting) -> Doing {
    let option =
        property(setting, "option").or_else(|| property(setting, "policyoption")).map(fold).unwrap_or_default();
    match setting.entry.as_ref().map(|entry| &entry.says) {
        Some(ListWord::Block) => return Doing::Protects,
        Some(ListWord::Allow) => return by_type("permittedsender", "").unwrap_or(Doing::NotKnown),
        _ => {}
    }
    // A type stands in a column, in the class, or in what is called to make the policy.
    let class = match &setting.class {
        SettingClass::GatewayPolicy(name) if !name.starts_with("not named") => fold(name),
        SettingClass::AntiSpam => "spamscanning".to_owned(),
        SettingClass::AntiPhish => "impersonationprotection".to_owned(),
        SettingClass::UrlProtection => "urlprotection".to_owned(),
        SettingClass::AttachmentProtection => "attachmentprotection".to_owned(),
        _ => String::new(),
    };
    let named = [property(setting, "policytype").map(fold).unwrap_or_default(), class, fold(&step.operation)];
    named.iter().find_map(|name| by_type(name, &option)).unwrap_or(Doing::NotKnown)
}

fn by_type(name: &str, option: &str) -> Option<Doing> {
    if name.contains("blockedsender") {
        // The other option of such a policy is that mail is not blocked.
        return Some(if option.starts_with("block") { Doing::Protects } else { Doing::NotKnown });
    }
    let found = TYPES.r#type.iter().find(|one| one.holds.iter().any(|word| name.contains(word)))?;
    Some(match (found.does, option) {
        (Does::Malware, "disablebypass") => Doing::Protects,
        (Does::Malware, _) => Doing::LeavesMalware(found),
        (Does::Permit | Does::Bypass | Does::Switch, "disablebypass") => Doing::Protects,
        (Does::Switch, "apply" | "applyantispoofing" | "applygreylisting" | "takenoactionexceptapply") => {
            Doing::Protects
        }
        // A switch is a bypass by its name, or by its option.
        (Does::Switch, "") if !name.contains("bypass") => Doing::NotKnown,
        (Does::Permit, "noaction" | "takenoaction") => Doing::Protects,
        (Does::Permit | Does::Bypass | Does::Switch, _) => Doing::LetsThrough(found),
        (Does::Definition, _) => Doing::Applies(found),
    })
}

/// For which mail a policy is; the second scope is that of the other direction, if it acts in both.
pub(super) fn scopes(setting: &Setting) -> Vec<Scope> {
    let sides: Vec<Term> = setting.conditions.iter().filter_map(|condition| term(setting, condition)).collect();
    let mut found = vec![Scope::of(merged(sides.iter().cloned()))];
    if is_set(setting, "bidirectional") {
        found.push(Scope::of(merged(sides.into_iter().map(exchanged))));
    }
    found
}

/// One condition for all sending addresses: any range is enough.
fn merged(terms: impl Iterator<Item = Term>) -> impl Iterator<Item = Term> {
    let mut clients: BTreeSet<Value> = BTreeSet::new();
    let mut others = Vec::new();
    for term in terms {
        if term.on == On::Client { clients.extend(term.values) } else { others.push(term) }
    }
    others.into_iter().chain((!clients.is_empty()).then(|| Term::new(On::Client, clients)))
}

fn exchanged(term: Term) -> Term {
    let on = match term.on {
        On::EnvelopeSender | On::HeaderFrom | On::EitherSender => On::Recipient,
        On::SenderGroup => On::RecipientGroup,
        On::Recipient => On::EitherSender,
        On::RecipientGroup => On::SenderGroup,
        other => other,
    };
    Term { on, values: term.values }
}

/// A condition as a term; `None` if it takes in all mail that the policy could be for.
fn term(setting: &Setting, condition: &Condition) -> Option<Term> {
    let name = condition.name.to_lowercase();
    let kind = name.split_once('(').map(|(_, rest)| rest.split([',', ')']).next().unwrap_or(rest).trim().to_owned());
    let kind = kind.unwrap_or_default();
    let looks = match property(setting, "frompart").map(fold).as_deref() {
        Some("headerfrom") => On::HeaderFrom,
        Some("both") => On::EitherSender,
        // The envelope is what a policy looks at unless it says otherwise.
        _ => On::EnvelopeSender,
    };
    let parties = |on: On| {
        let named = |value: &String| match Value::party(value, Value::Domain) {
            // A side that names no one is everyone's.
            _ if fold(value) == fold(&kind) => Value::Any,
            value => value,
        };
        Term::new(on, condition.values.iter().map(named))
    };
    let names = |on: On| Term::new(on, condition.values.iter().cloned().map(Value::Name));
    Some(match condition.on {
        ConditionOn::Sender | ConditionOn::SenderDomain => parties(looks),
        ConditionOn::SenderGroup => names(On::SenderGroup),
        ConditionOn::Recipient | ConditionOn::RecipientDomain => parties(On::Recipient),
        ConditionOn::RecipientGroup => names(On::RecipientGroup),
        ConditionOn::SourceAddress => Term::new(On::Client, condition.values.iter().map(|text| network(text))),
        ConditionOn::Other if fold(&name) == "hostnames" => {
            Term::new(On::Infrastructure, condition.values.iter().map(|text| host(text)))
        }
        ConditionOn::Other if fold(&name) == "spfdomains" => {
            Term::new(On::SignedBy, condition.values.iter().map(|text| host(text)))
        }
        // All mail comes from outside, and goes to somebody inside.
        ConditionOn::Other if ["everyone", "externaladdresses", "internaladdresses"].contains(&&*fold(&kind)) => {
            return None;
        }
        ConditionOn::Other => names(On::Other(condition.name.clone())),
    })
}

fn network(text: &str) -> Value {
    Value::network(text).unwrap_or_else(|| Value::Pattern(text.to_owned()))
}

fn host(text: &str) -> Value {
    match Value::party(text, Value::Domain) {
        Value::Address(address) => Value::Name(address.to_string()),
        other => other,
    }
}

/// Whether a policy is from all mail that comes from inside, or by names that anybody can take.
pub(super) fn names_only_inside(setting: &Setting) -> bool {
    let is_inside = |condition: &Condition| {
        let name = fold(&condition.name);
        condition.on == ConditionOn::Other && name.starts_with("from") && name.contains("internaladdresses")
    };
    setting.conditions.iter().any(is_inside)
}

/// When a policy ends by itself.
pub(super) fn ends(setting: &Setting) -> Ends {
    let has_a_date = ["todate", "todatetime"].iter().any(|name| property(setting, name).is_some());
    match &setting.expires {
        Some(when) => Ends::At(when.at),
        None if is_set(setting, "toeternal") || !has_a_date => Ends::Never,
        None => Ends::NotSaid,
    }
}

/// Whether a policy acts.
pub(super) fn acts(setting: &Setting) -> bool {
    setting.effect != Effect::Off
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_dated() {
        for one in &TYPES.r#type {
            assert!(!one.holds.is_empty() && one.source.contains("read 20"), "{one:?}");
            for name in &one.holds {
                assert_eq!(*name, fold(name), "{one:?}");
            }
        }
    }
}
