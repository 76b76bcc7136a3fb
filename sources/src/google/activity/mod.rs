//! Activity reports of Google Workspace: what administrators, users and applications did.

use std::sync::LazyLock;

use evidence::{
    Act, Actor, ActorKind, Alteration, Change, ChangeKind, Done, Fact, Identifier, Peer, Product, Quarantine,
    QuarantineState, Release, ReleaseStep, SettingClass, SignIn, SignInKind, SignInOutcome, SourceId, System, Unit,
};
use serde_json::{Map, Value};

use super::{message_id, parameters, properties, texts};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// An activity has events, or is one event that a collector wrote as a row of its own.
const NEEDS: &[Need] = &[("id", &["id"]), ("events", &["events", "name"])];

/// How much of a file is looked at for what tells its activities from others.
const FRONT_CHARS: usize = 16 << 10;

/// Activity reports.
pub(crate) struct Activity;

impl Source for Activity {
    fn id(&self) -> SourceId {
        "google/activity"
    }

    fn title(&self) -> &'static str {
        "Google Workspace activity report"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "curl -s -H \"Authorization: Bearer $TOKEN\" \"https://admin.googleapis.com/admin/reports/v1/activity/users/all/applications/admin?startTime={start}&endTime={end}&maxResults=1000\" -o admin.json (also login, user_accounts, rules)",
            ),
            clicks: Some("Google Admin console > Reporting > Audit and investigation > Admin log events > Export all"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what a setting was where the event names no old value",
            "events that come late (admin and login within minutes, others up to days) or are older than 6 months",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        // `"id": {"applicationName": ...}` is what no other vendor's events have.
        let front: String = head.text.chars().take(FRONT_CHARS).filter(|c| !c.is_whitespace()).collect();
        if !front.contains("\"id\":{") || !front.contains("\"applicationName\":") {
            return Recognition::No;
        }
        table::recognise(head, NEEDS, &["eventinfo", "operationname"], None)
    }
}

impl Table for Activity {
    const WRAPPERS: &'static [&'static str] = &["items", "log"];
    const INNER: &'static [&'static str] = &["id"];
    const ID_NAMES: &'static [&'static str] = &["events", "parameters"];
    const DATE_NAMES: &'static [&'static str] = &["time"];
    const STAYING: Staying = Staying::Holding(&["EMAIL_SETTINGS", "email_forwarding"]);

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let about = |event: &Event| event.quarantined_message();
        events(row).iter().filter_map(about).collect()
    }

    fn stays(&self, row: &Row) -> bool {
        events(row).iter().any(|event| event.change().is_some_and(|(_, class)| class.is_some()))
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        match events(row).is_empty() {
            true => Err(missing("events", "the row has other keys")),
            false => Ok(()),
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::GoogleWorkspace)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let application = row.text(&["applicationname"]).unwrap_or_default().to_owned();
        let actor = actor(row);
        for event in events(row) {
            facts.about.ids = event.quarantined_message().into_iter().collect();
            facts.say_key("name", event.fact(&application, &actor, row));
        }
    }
}

fn actor(row: &Row) -> Actor {
    let name =
        row.at(&["actor", "email"]).or_else(|| row.at(&["actor", "key"])).or_else(|| row.at(&["actor", "profileId"]));
    let kind = match row.at(&["actor", "callerType"]).as_deref() {
        Some("KEY") => ActorKind::Application,
        Some("USER") if row.text(&["applicationname"]) == Some("admin") => ActorKind::Administrator,
        Some("USER") => ActorKind::Person,
        _ => ActorKind::NotSaid,
    };
    let client = row.text(&["ipaddress"]).map(|ip| Peer { ip: Some(ip.to_owned()), ..Peer::default() });
    Actor { name, kind, client }
}

/// Parameters that name what an event is about.
const OBJECTS: &[&str] = &[
    "USER_DEFINED_SETTING_NAME",
    "SETTING_NAME",
    "USER_EMAIL",
    "GROUP_EMAIL",
    "DOMAIN_NAME",
    "ROLE_NAME",
    "APPLICATION_NAME",
    "rule_name",
    "app_name",
    "doc_title",
    "EMAIL_LOG_SEARCH_MSG_ID",
];

/// One event of an activity.
struct Event {
    name: String,
    kind: String,
    parameters: Map<String, Value>,
}

/// The events of a row; some collectors write one row an event, with its parameters as an object.
fn events(row: &Row) -> Vec<Event> {
    let text = |object: &Map<String, Value>, name: &str| {
        object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let found = row.objects(&["events"]);
    if !found.is_empty() {
        let each = |event: &Map<String, Value>| Event {
            name: text(event, "name"),
            kind: text(event, "type"),
            parameters: match event.get("parameters") {
                Some(Value::Array(list)) => parameters(list, 0),
                Some(Value::Object(object)) => object.clone(),
                _ => Map::new(),
            },
        };
        return found.iter().map(each).collect();
    }
    let Some(name) = row.text(&["name"]) else { return Vec::new() };
    let parameters = match row.tree(&["parameters"]).map(std::borrow::Cow::into_owned) {
        Some(Value::Object(object)) => object,
        Some(Value::Array(list)) => parameters(&list, 0),
        _ => Map::new(),
    };
    vec![Event { name: name.to_owned(), kind: row.text(&["type"]).unwrap_or_default().to_owned(), parameters }]
}

impl Event {
    fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| texts(self.parameters.get(*name)?).into_iter().next())
    }

    /// The message that was let go from a quarantine, or thrown away there.
    fn quarantined_message(&self) -> Option<Identifier> {
        let is_quarantine = CODES.means("quarantine event", &self.name).is_some();
        is_quarantine.then(|| message_id(&self.text(&["EMAIL_LOG_SEARCH_MSG_ID"])?)).flatten()
    }

    /// What was done to which class of setting, if it was a change.
    fn change(&self) -> Option<(ChangeKind, Option<SettingClass>)> {
        let word = self.name.to_ascii_uppercase();
        let first = word.split('_').next().unwrap_or("");
        if let Some("forwarding") = CODES.means("change event", &self.name) {
            return Some((ChangeKind::Changed, Some(SettingClass::Forwarding)));
        }
        let kind = match CODES.means("first word", first)? {
            "created" => ChangeKind::Created,
            "changed" => ChangeKind::Changed,
            "removed" => ChangeKind::Removed,
            "enabled" => ChangeKind::Enabled,
            "disabled" => ChangeKind::Disabled,
            _ => ChangeKind::Other,
        };
        let class = match CODES.means("type", &self.kind)? {
            "gmail" => Some(SettingClass::Other("Gmail setting".to_owned())),
            "user" => Some(SettingClass::User),
            "group" => Some(SettingClass::Group),
            "domain" => Some(SettingClass::AcceptedDomain),
            "organisation" => Some(SettingClass::Organisation),
            _ => None,
        };
        Some((kind, class))
    }

    fn fact(&self, application: &str, actor: &Actor, row: &Row) -> Fact {
        match CODES.means("quarantine event", &self.name) {
            Some("released") => {
                return Fact::Release(Release {
                    step: ReleaseStep::Released,
                    by: actor.name.clone(),
                    for_recipients: Vec::new(),
                    next: None,
                    said: format!("{} {}", self.name, self.text(&["QUARANTINE_NAME"]).unwrap_or_default()),
                });
            }
            Some("dropped") => {
                let name = self.text(&["QUARANTINE_NAME"]).unwrap_or_default();
                return Fact::Quarantine(Quarantine {
                    state: QuarantineState::Gone,
                    store: format!("Gmail admin quarantine ({name})"),
                    policy: None,
                    id: None,
                    until: None,
                    said: self.name.clone(),
                });
            }
            _ => {}
        }
        let outcome = match CODES.means("sign-in event", &self.name) {
            Some("succeeded") => Some(SignInOutcome::Succeeded),
            Some("failed") => Some(SignInOutcome::Failed),
            Some("interrupted") => Some(SignInOutcome::Interrupted),
            _ => None,
        };
        if let Some(outcome) = outcome.filter(|_| ["login", "saml"].contains(&application)) {
            return Fact::SignIn(Box::new(self.sign_in(outcome, application, actor, row)));
        }
        match self.change() {
            Some((kind, class)) => Fact::Change(Change {
                operation: self.name.clone(),
                kind,
                class,
                object: self.object().or_else(|| actor.name.clone().filter(|_| application == "user_accounts")),
                by: actor.clone(),
                tenant: None,
                alterations: self.alterations(),
                done: Done::Yes,
            }),
            None => Fact::Act(Act {
                operation: self.name.clone(),
                object: self.object(),
                by: actor.clone(),
                done: Done::NotSaid,
                details: properties(&self.parameters),
            }),
        }
    }

    fn object(&self) -> Option<String> {
        self.text(OBJECTS)
    }

    fn alterations(&self) -> Vec<Alteration> {
        if let Some(to) = self.text(&["email_forwarding_destination_address"]) {
            let name = "email_forwarding_destination_address".to_owned();
            return vec![Alteration { name, before: None, after: Some(to) }];
        }
        let (before, after) = (self.text(&["OLD_VALUE", "old_value"]), self.text(&["NEW_VALUE", "new_value"]));
        let mut found = Vec::new();
        if before.is_some() || after.is_some() {
            let name = self.text(&["SETTING_NAME"]).unwrap_or_else(|| self.name.clone());
            found.push(Alteration { name, before, after });
        }
        let told = ["OLD_VALUE", "old_value", "NEW_VALUE", "new_value"];
        let others =
            properties(&self.parameters).into_iter().filter(|property| !told.contains(&property.name.as_str()));
        found.extend(others.map(|property| Alteration {
            name: property.name,
            before: None,
            after: Some(property.values.join(", ")),
        }));
        found
    }

    fn sign_in(&self, outcome: SignInOutcome, application: &str, actor: &Actor, row: &Row) -> SignIn {
        let challenges = self.parameters.get("login_challenge_method").map(texts).unwrap_or_default();
        SignIn {
            who: actor.name.clone(),
            who_id: row.at(&["actor", "profileId"]),
            kind: SignInKind::Interactive,
            outcome,
            reason: self.text(&["login_failure_type", "saml_status_code", "saml_second_level_status_code"]),
            application: self.text(&["application_name"]).or_else(|| Some(application.to_owned())),
            client: self.text(&["login_type"]),
            from: actor.client.clone(),
            steps: challenges,
            request: row.text(&["uniquequalifier"]).map(str::to_owned),
            details: properties(&self.parameters),
            ..SignIn::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| {
            let words: &[&str] = match code.field.as_str() {
                "quarantine event" => &["released", "dropped"],
                "change event" => &["forwarding"],
                "first word" => &["created", "changed", "removed", "enabled", "disabled", "other"],
                "type" => &["gmail", "user", "group", "domain", "organisation", "other"],
                "sign-in event" => &["succeeded", "failed", "interrupted"],
                _ => &[],
            };
            words.contains(&code.means.as_str())
        });
    }
}
