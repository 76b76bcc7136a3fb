//! What one audit event states.

use std::sync::LazyLock;
use std::time::Duration;

use evidence::{
    Act, Actor, ActorKind, Address, Alteration, Change, ChangeKind, Done, Fact, Identifier, Identity, Property,
    Release, ReleaseStep, SettingClass, SignIn, SignInOutcome,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::prose::{Prose, mail_address};
use super::{INFO, TYPE};
use crate::Likeness;
use crate::codes::Codes;
use crate::mimecast::values::{message_id, peer, subject};
use crate::table::Facts;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// One event, its sentence taken apart.
pub(super) struct Told<'t> {
    audit_type: &'t str,
    category: &'t str,
    user: Option<&'t str>,
    info: &'t str,
    prose: Prose<'t>,
}

impl<'t> Told<'t> {
    /// Takes an event apart.
    pub(super) fn of(audit_type: &'t str, category: &'t str, user: Option<&'t str>, info: &'t str) -> Told<'t> {
        Told { audit_type, category, user, info, prose: Prose::of(info) }
    }

    /// States the event.
    pub(super) fn state(&self, facts: &mut Facts<'_>) {
        if self.names_another_day(facts) {
            facts.limit("some events name another day in their sentence than as `eventTime`, which is the one used");
        }
        if let Some(outcome) = self.sign_in() {
            facts.say_by(INFO, Fact::SignIn(Box::new(self.signed_in(outcome))));
        } else if let Some(step) = self.message_step() {
            self.state_step(step, facts);
        } else if let Some(kind) = self.change() {
            facts.say_by(TYPE, Fact::Change(self.changed(kind)));
        } else {
            facts.say_by(TYPE, Fact::Act(self.act()));
        }
    }

    /// Whether the sentence tells of another day than the event; its own clock is local, hence a day of grace.
    fn names_another_day(&self, facts: &Facts<'_>) -> bool {
        let day = self.prose.get(&["date"]).and_then(|said| said.parse::<Date>().ok());
        let filed = facts.when.as_ref().map(|when| when.at.to_zoned(TimeZone::UTC).date());
        day.zip(filed)
            .is_some_and(|(day, filed)| day.duration_since(filed).unsigned_abs() > Duration::from_secs(86_400))
    }

    /// Whether the event is an action on one message that it tells apart from others.
    pub(super) fn is_about_a_message(&self) -> bool {
        self.message_step().is_some()
    }

    /// The ids of the message that an action names.
    pub(super) fn ids(&self) -> Vec<Identifier> {
        if self.message_word().is_none() {
            return Vec::new();
        }
        let named = self.prose.get(&["messageid", "internetmessageid"]);
        named.and_then(|said| message_id(said.split_whitespace().next()?)).into_iter().collect()
    }

    /// Whether an action is about the message, by the addresses and the subject that it names.
    pub(super) fn looks_like(&self, at: Option<Timestamp>, likeness: &Likeness) -> bool {
        let (sender, recipients, subject) = self.looks();
        self.is_about_a_message() && likeness.fits(sender.as_slice(), &recipients, subject.as_deref(), at)
    }

    fn looks(&self) -> (Option<Address>, Vec<Address>, Option<String>) {
        let sender = self.prose.get(&["from", "sender", "senderaddress"]).and_then(mail_address).map(Address::new);
        let to = self.prose.get(&["to", "recipient", "recipients", "recipientaddress"]).unwrap_or_default();
        let recipients = to.split([',', ';']).filter_map(mail_address).map(Address::new).collect();
        (sender, recipients, self.prose.get(&["subject"]).map(subject))
    }

    /// How a sign-in ended, if the event is one. The sentence is more exact than the type.
    fn sign_in(&self) -> Option<SignInOutcome> {
        let of = |text: &str| CODES.within("sign_in", text).and_then(outcome);
        let by_type = of(self.audit_type);
        let is_of_sign_ins = CODES.means("category", self.category) == Some("sign_in");
        match of(self.prose.head) {
            Some(outcome) if by_type.is_some() || is_of_sign_ins => Some(outcome),
            _ => by_type,
        }
    }

    fn signed_in(&self, outcome: SignInOutcome) -> SignIn {
        let who = self.prose.mailbox().or(self.user);
        let steps = [("Method", &["method"]), ("2FA", &["2fa"])];
        let steps = steps.iter().filter_map(|(name, label)| Some(format!("{name}: {}", self.prose.get(*label)?)));
        let mut details = self.aliases();
        // The sentence may name another address than the one that the event is filed under: an alias, a delegate.
        if let Some(user) = self.user.filter(|user| who.is_some_and(|who| !who.eq_ignore_ascii_case(user))) {
            details.push(property("user", user));
        }
        let is_enrolment = CODES.within("enrolment", self.prose.head).is_some();
        SignIn {
            who: who.map(str::to_owned),
            outcome,
            reason: self.prose.get(&["reason"]).map(str::to_owned),
            application: self.prose.get(&["application"]).map(str::to_owned),
            client: self.prose.get(&["method"]).map(str::to_owned),
            from: peer(None, self.prose.address().map(str::to_owned)),
            steps: if is_enrolment { vec!["device enrolment".to_owned()] } else { steps.collect() },
            details,
            ..SignIn::default()
        }
    }

    /// What a failure tells of the address used: whether it is an alias, and of whom.
    fn aliases(&self) -> Vec<Property> {
        let keys = ["aliasFor", "aliases", "alternateAddresses"];
        keys.iter().filter_map(|key| Some(property(key, self.prose.dumped(key)?))).collect()
    }

    /// What was done to a message, in our word, if the event is an action on messages.
    fn message_word(&self) -> Option<&'static str> {
        CODES.within("message", self.audit_type)?;
        CODES.within("release", self.prose.head).or(Some("other"))
    }

    /// A step of a release, if the event tells of which message.
    fn message_step(&self) -> Option<ReleaseStep> {
        let step = match self.message_word()? {
            "requested" => ReleaseStep::Requested,
            "denied" => ReleaseStep::Denied,
            _ => return None,
        };
        let (sender, recipients, subject) = self.looks();
        let known = [sender.is_some(), !recipients.is_empty(), subject.is_some()];
        let tells = !self.ids().is_empty() || known.iter().filter(|part| **part).count() >= 2;
        tells.then_some(step)
    }

    fn state_step(&self, step: ReleaseStep, facts: &mut Facts<'_>) {
        let (envelope_sender, recipients, subject) = self.looks();
        facts.about.envelope_recipients = recipients.clone();
        let identity = Identity { envelope_sender, subject, ..Identity::default() };
        if identity != Identity::default() {
            facts.say(Fact::Identity(identity));
        }
        let by = self.user.or_else(|| mail_address(self.prose.head)).map(str::to_owned);
        let application = self.prose.get(&["application"]).map(|application| format!(", Application: {application}"));
        let said = format!("{}{}", self.prose.head, application.unwrap_or_default());
        facts.say_by(INFO, Fact::Release(Release { step, by, for_recipients: recipients, next: None, said }));
    }

    /// What was done to a setting, if the event changed one. Words of the type go first; those of the sentence count only
    /// if the type names something that can be set up.
    fn change(&self) -> Option<ChangeKind> {
        if CODES.within("message", self.audit_type).is_some() {
            return None;
        }
        let class = CODES.within("class", self.audit_type).filter(|class| *class != "none");
        verb(self.audit_type)
            .or_else(|| class.and_then(|_| verb(self.prose.head)))
            .or_else(|| class.filter(|class| *class == "policy").map(|_| ChangeKind::Other))
    }

    fn changed(&self, kind: ChangeKind) -> Change {
        let success = self.prose.get(&["success"]).map(str::to_ascii_lowercase);
        let done = match success.as_deref() {
            Some("false" | "no") => Done::No,
            _ => Done::Yes,
        };
        let object = self.object();
        let mut alterations: Vec<Alteration> =
            self.prose.told().map(|(name, value)| alteration(kind, name, value)).collect();
        alterations.extend(self.member(object.as_deref()).map(|member| alteration(kind, "address", member)));
        Change {
            operation: self.audit_type.to_owned(),
            kind,
            class: self.class(),
            object,
            by: self.actor(),
            tenant: None,
            alterations,
            done,
        }
    }

    /// The address that a sentence about a group, role or account names, where neither the object nor a label holds it.
    fn member(&self, object: Option<&str>) -> Option<&'t str> {
        let labelled: Vec<&str> = self.prose.told().map(|(_, value)| value).collect();
        let is_new = |address: &&str| {
            self.user.is_none_or(|user| !user.eq_ignore_ascii_case(address))
                && object.is_none_or(|object| !object.contains(*address))
                && labelled.iter().all(|value| !value.contains(*address))
        };
        self.info.split_whitespace().filter_map(mail_address).find(is_new)
    }

    /// What kind of thing was changed. A type that only says `policy` or `definition` is told apart by the sentence.
    fn class(&self) -> Option<SettingClass> {
        let policy_type = self.prose.get(&["policytype", "definitiontype", "type"]);
        let means = match CODES.within("class", self.audit_type) {
            Some("policy") | None => {
                let texts = [Some(self.audit_type), policy_type, Some(self.prose.head)];
                texts
                    .into_iter()
                    .flatten()
                    .find_map(|text| CODES.within("policy", text))
                    .or(CODES.within("class", self.audit_type))
            }
            other => other,
        };
        Some(match means? {
            "sender_policy" => SettingClass::SenderPolicy,
            "user_list_entry" => SettingClass::UserListEntry,
            "list_entry" => SettingClass::ListEntry,
            "delivery_route" => SettingClass::DeliveryRoute,
            "inbound_connector" => SettingClass::InboundConnector,
            "url_protection" => SettingClass::UrlProtection,
            "attachment_protection" => SettingClass::AttachmentProtection,
            "impersonation" => SettingClass::AntiPhish,
            "anti_spam" => SettingClass::AntiSpam,
            "sign_in_conditions" => SettingClass::ConditionalAccess,
            "group" => SettingClass::Group,
            "application" => SettingClass::Application,
            "user" => SettingClass::User,
            "organisation" => SettingClass::Organisation,
            "alert" => SettingClass::AlertPolicy,
            "policy" => SettingClass::GatewayPolicy(policy_type.unwrap_or("not named").to_owned()),
            "gateway_policy" => SettingClass::GatewayPolicy(policy_type.unwrap_or(self.prose.head).to_owned()),
            _ => return None,
        })
    }

    fn object(&self) -> Option<String> {
        const LABELS: &[&str] = &[
            "name",
            "policyname",
            "policy",
            "policynarrative",
            "narrative",
            "definition",
            "definitionname",
            "description",
            "group",
            "groupname",
            "profilegroup",
            "folder",
            "user",
            "url",
            "sender",
        ];
        let named = self.prose.get(LABELS).or_else(|| self.prose.quoted());
        named.or_else(|| mail_address(self.info)).map(str::to_owned)
    }

    fn actor(&self) -> Actor {
        let application = self.prose.get(&["application"]).unwrap_or_default();
        let kind = if CODES.means("category", self.category) == Some("vendor") {
            ActorKind::Vendor
        } else if self.user.is_none_or(|user| CODES.means("actor", user) == Some("application")) {
            ActorKind::Application
        } else if CODES.means("application", application) == Some("administrator") {
            ActorKind::Administrator
        } else {
            ActorKind::NotSaid
        };
        Actor { name: self.user.map(str::to_owned), kind, client: peer(None, self.prose.address().map(str::to_owned)) }
    }

    fn act(&self) -> Act {
        let success = self.prose.get(&["success"]).map(str::to_ascii_lowercase);
        let done = match success.as_deref() {
            Some("true" | "yes") => Done::Yes,
            Some("false" | "no") => Done::No,
            _ => match CODES.within("done", self.audit_type) {
                Some("yes") => Done::Yes,
                Some("no") => Done::No,
                _ => Done::NotSaid,
            },
        };
        let details = [("category", self.category), ("eventInfo", self.info)];
        let details = details.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| property(name, value));
        Act {
            operation: self.audit_type.to_owned(),
            object: self.prose.quoted().map(str::to_owned),
            by: self.actor(),
            done,
            details: details.collect(),
        }
    }
}

fn property(name: &str, value: &str) -> Property {
    Property { name: name.to_owned(), values: vec![value.to_owned()] }
}

fn outcome(means: &str) -> Option<SignInOutcome> {
    Some(match means {
        "succeeded" => SignInOutcome::Succeeded,
        "failed" => SignInOutcome::Failed,
        "interrupted" => SignInOutcome::Interrupted,
        _ => return None,
    })
}

/// The first word of a text that says what was done to a setting.
fn verb(text: &str) -> Option<ChangeKind> {
    let means = text.split(|c: char| !c.is_alphanumeric()).find_map(|word| CODES.means("verb", word))?;
    Some(match means {
        "created" => ChangeKind::Created,
        "changed" => ChangeKind::Changed,
        "removed" => ChangeKind::Removed,
        "enabled" => ChangeKind::Enabled,
        "disabled" => ChangeKind::Disabled,
        _ => return None,
    })
}

/// What became of one labelled value: `from A to B`, `A -> B`, or one value, which is that before a removal.
fn alteration(kind: ChangeKind, name: &str, value: &str) -> Alteration {
    let arrow = [" -> ", " => ", " changed to "].iter().find_map(|mark| value.split_once(mark));
    let from_to = || value.strip_prefix("from ").and_then(|rest| rest.split_once(" to "));
    let (before, after) = match arrow.or_else(from_to) {
        Some((before, after)) => (Some(before), Some(after)),
        None if kind == ChangeKind::Removed => (Some(value), None),
        None => (None, Some(value)),
    };
    let whole = |value: Option<&str>| value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    Alteration { name: name.to_owned(), before: whole(before), after: whole(after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        assert!(CODES.all.len() > 40);
        for code in &CODES.all {
            let means = code.means.as_str();
            let known = match code.field.as_str() {
                "sign_in" => outcome(means).is_some(),
                "verb" => verb(&code.value).is_some(),
                "category" => ["sign_in", "vendor"].contains(&means),
                "release" => ["requested", "denied"].contains(&means),
                "message" => means == "message",
                "done" => ["yes", "no"].contains(&means),
                "enrolment" => means == "enrolment",
                "actor" => means == "application",
                "application" => means == "administrator",
                "class" | "policy" => {
                    means == "none" || means == "policy" || {
                        let told = Told::of(&code.value, "", None, "");
                        told.class().is_some()
                    }
                }
                _ => false,
            };
            assert!(known && code.source.contains("read 20"), "{code:?}");
        }
    }
}
