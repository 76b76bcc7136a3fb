//! Policies of the gateway: for whom, from whom, from when until when, with which option or definition.

use std::sync::LazyLock;

use evidence::{Condition, ConditionOn, ListEntry, ListWord, Reading, SettingClass, SourceId, System, Unit, When};

use super::rows;
use super::tables;
use super::values::{Object, object_at, text_at};
use crate::codes::Codes;
use crate::table::row::{Names, Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Staying, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

/// Policies of the gateway.
pub(crate) struct Policies;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DESCRIPTION: &[&str] = &["description", "policynarrative", "narrative", "policyname"];
const OPTION: &[&str] = &["option", "policyoption"];
const KIND: &[&str] = &["policytype"];
const DEFINITION: &[&str] = &["definitionid", "addressalterationsetid", "definition"];
const SIDES: [Side; 2] = [
    Side { name: "from", object: &["from"], kind: &["fromtype"], value: &["fromvalue"] },
    Side { name: "to", object: &["to"], kind: &["totype"], value: &["tovalue"] },
];

const NAMES: SettingNames = SettingNames {
    name: DESCRIPTION,
    id: &["id"],
    policy: DEFINITION,
    enabled: &["enabled"],
    created: &["createtime", "created"],
    changed: &["lastupdated", "updated"],
    conditions: &[
        ("sourceips", ConditionOn::SourceAddress),
        ("hostnames", ConditionOn::Other),
        ("spfdomains", ConditionOn::Other),
    ],
    ..SettingNames::NONE
};

/// What stands in typed parts and is not repeated among the properties.
const TYPED: &[&str] = &["from", "to", "fromtype", "totype", "fromvalue", "tovalue", "policy", "conditions"];

const NEEDS: &[table::Need] = &[
    ("from", &["from", "fromtype"]),
    ("to", &["to", "totype"]),
    ("fromPart", &["frompart"]),
    ("fromEternal", &["frometernal", "toeternal", "fromdate", "fromdatetime", "todate", "todatetime"]),
    ("override", &["override", "bidirectional", "enabled"]),
];

/// One side of a policy: whom mail is from, or to.
struct Side {
    name: &'static str,
    object: &'static [&'static str],
    kind: &'static [&'static str],
    value: &'static [&'static str],
}

impl Source for Policies {
    fn id(&self) -> SourceId {
        "mimecast/policies"
    }

    fn title(&self) -> &'static str {
        "Mimecast policies"
    }

    fn unit(&self) -> Unit {
        Unit::Setting
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
                 https://api.services.mimecast.com/api/policy/blockedsenders/get-policy -d '{\"data\":[]}'",
            ),
            clicks: Some(
                "Administration Console > Gateway > Policies shows all types; the API gives only some (see the page)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which message a policy acted on: message info names the applied ones",
            "the type of a policy, where neither its option nor a column names it",
            "what a definition does: only its id is named",
            "policies of types that the API does not give: spam scanning, inbound DNS authentication, content examination, impersonation, permitted senders",
            "what a policy was before: export again later and compare, or read the audit events",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["subject", "messageid", "aggregateid"], None)
    }
}

impl Table for Policies {
    const WRAPPERS: &'static [&'static str] = &["data", "policies", "value", "fail"];
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[])?;
        match inner(row).as_ref().unwrap_or(row).has(&["from", "fromtype", "to", "totype", "frompart"]) {
            true => Ok(()),
            false => Err(table::missing("from", "the row has other keys")),
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, &["createtime", "lastupdated", "fromdate"], clock)
    }

    fn state(&self, outer: &Row, facts: &mut Facts<'_>) {
        let inner = inner(outer);
        let row = inner.as_ref().unwrap_or(outer);
        let mut policy = setting(row, class(outer, row), &NAMES, facts);
        policy.id = outer.text(NAMES.id).map(str::to_owned);
        if policy.name.is_empty() {
            policy.name = policy.id.clone().unwrap_or_default();
        }
        policy.policy = policy.policy.or_else(|| outer.text(DEFINITION).map(str::to_owned));
        policy.starts = bound(row, facts, &["frometernal"], &["fromdate", "fromdatetime"]);
        policy.expires = bound(row, facts, &["toeternal"], &["todate", "todatetime"]);
        policy.conditions = conditions(row, policy.conditions);
        policy.entry = entry(outer, row);
        policy.properties.retain(|property| !TYPED.contains(&crate::codes::folded(&property.name).as_str()));
        if inner.is_some() {
            let used = [NAMES.id, DEFINITION, TYPED].concat();
            policy.properties.extend(outer.others(&used));
        }
        facts.say_setting(policy, &["option", "frompart"]);
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// The policy within the row: API 1.0 puts it under `policy`, as an object or a list of one.
fn inner(row: &Row) -> Option<Row> {
    let object = row.objects(&["policy"]).into_iter().next()?;
    Some(row.inner(&object, &mut Names::default()))
}

/// The class, by the type that a column names, else by the option, which only some types have.
fn class(outer: &Row, row: &Row) -> SettingClass {
    let kind = outer.text(KIND).or_else(|| row.text(KIND));
    let option = outer.text(OPTION).or_else(|| row.text(OPTION));
    let by_kind = kind.and_then(|word| CODES.within("policyType", word));
    match by_kind.or_else(|| option.and_then(|word| CODES.means("option", word))) {
        Some("block" | "allow" | "sender_policy") => SettingClass::SenderPolicy,
        Some("delivery_route") => SettingClass::DeliveryRoute,
        Some("url_protection") => SettingClass::UrlProtection,
        Some("attachment_protection") => SettingClass::AttachmentProtection,
        Some("impersonation") => SettingClass::AntiPhish,
        Some("anti_spam") => SettingClass::AntiSpam,
        Some("bypass") => SettingClass::GatewayPolicy("Anti-Spoofing SPF based Bypass".to_owned()),
        _ if outer.has(&["addressalterationsetid"]) => SettingClass::GatewayPolicy("Address Alteration".to_owned()),
        _ => SettingClass::GatewayPolicy(kind.map_or_else(
            || option.map_or("not named".to_owned(), |option| format!("not named (option `{option}`)")),
            str::to_owned,
        )),
    }
}

/// For a policy that blocks or permits senders: what it says about whom.
fn entry(outer: &Row, row: &Row) -> Option<ListEntry> {
    let option = outer.text(OPTION).or_else(|| row.text(OPTION))?;
    let says = match CODES.means("option", option)? {
        "block" => ListWord::Block,
        "allow" => ListWord::Allow,
        _ => return None,
    };
    let [from, _] = SIDES;
    let kind = from.kind_of(row)?;
    let value = from.values(row).into_iter().next().unwrap_or_else(|| kind.clone());
    Some(ListEntry { says, on: kind, value })
}

/// Both sides as conditions, before those that the row has anyway, and those that stand under `conditions`.
fn conditions(row: &Row, own: Vec<Condition>) -> Vec<Condition> {
    let mut found: Vec<Condition> = SIDES.iter().filter_map(|side| side.condition(row)).collect();
    for object in row.objects(&["conditions"]) {
        let nested = row.inner(&object, &mut Names::default());
        found.extend(table::setting::conditions(&nested, NAMES.conditions));
    }
    found.extend(own);
    found
}

/// When a policy begins or ends to act; `None` if it always did or does.
fn bound(row: &Row, facts: &Facts<'_>, eternal: &[&str], names: &[&str]) -> Option<When> {
    if row.flag(eternal) == Some(true) {
        return None;
    }
    tables::instant(facts, row.text(names)?)
}

impl Side {
    /// `email_domain`, `profile_group`, ...
    fn kind_of(&self, row: &Row) -> Option<String> {
        let nested = || self.object(row).and_then(|object| text_at(&object, "type"));
        row.text(self.kind).map(str::to_owned).or_else(nested)
    }

    fn object(&self, row: &Row) -> Option<Object> {
        row.objects(self.object).into_iter().next()
    }

    /// The addresses, domains, groups or attributes that it names.
    fn values(&self, row: &Row) -> Vec<String> {
        let named: Vec<String> = row.list(self.value).into_iter().map(str::to_owned).collect();
        if !named.is_empty() {
            return named;
        }
        const KEYS: [&str; 6] = ["emailAddress", "emailDomain", "domain", "groupId", "headerDisplayName", "value"];
        let Some(object) = self.object(row) else { return Vec::new() };
        let group = object_at(&object, "group").and_then(|group| text_at(group, "id"));
        let attribute = object_at(&object, "attribute").and_then(|attribute| {
            let name = text_at(attribute, "name").or_else(|| text_at(attribute, "id"))?;
            Some(format!("{name}={}", text_at(attribute, "value").unwrap_or_default()))
        });
        KEYS.iter().filter_map(|key| text_at(&object, key)).chain(group).chain(attribute).collect()
    }

    /// The side as a condition; none for everyone.
    fn condition(&self, row: &Row) -> Option<Condition> {
        let kind = self.kind_of(row)?;
        let is_sender = self.name == "from";
        let on = match CODES.means("target", &kind) {
            Some("everyone") => return None,
            Some("address") if is_sender => ConditionOn::Sender,
            Some("address") => ConditionOn::Recipient,
            Some("domain") if is_sender => ConditionOn::SenderDomain,
            Some("domain") => ConditionOn::RecipientDomain,
            Some("group") if is_sender => ConditionOn::SenderGroup,
            Some("group") => ConditionOn::RecipientGroup,
            _ => ConditionOn::Other,
        };
        let mut values = self.values(row);
        if values.is_empty() {
            values.push(kind.clone());
        }
        let part = row.text(&["frompart"]).filter(|_| is_sender).map(|part| format!(", {part}")).unwrap_or_default();
        Some(Condition { on, name: format!("{} ({kind}{part})", self.name), values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            assert!(!code.means.is_empty() && code.source.contains("read 20"), "{code:?}");
        }
    }
}
