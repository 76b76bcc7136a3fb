//! Inbox rules: what a mailbox itself does with mail that was delivered to it.

use evidence::{Condition, ConditionOn, Property, Setting, SettingClass, SourceId, Unit};
use serde_json::Value;

use super::object::mailbox;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, decoded, missing};
use crate::text::encoding_of;
use crate::{Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

/// `Get-InboxRule`.
const CMDLET: &[Need] = &[
    ("Name", &["name"]),
    ("Enabled", &["enabled"]),
    ("Priority", &["priority"]),
    ("RuleIdentity", &["ruleidentity"]),
    ("MailboxOwnerId", &["mailboxownerid", "description", "identity", "mailbox"]),
];

/// A few columns of it, chosen to find what sends mail away.
const CHOSEN: &[Need] = &[
    ("Name", &["name"]),
    ("ForwardTo", &["forwardto", "forwardasattachmentto"]),
    ("RedirectTo", &["redirectto", "movetofolder", "deletemessage"]),
    ("MailboxOwnerId", &["mailboxownerid", "ruleidentity", "mailbox", "enabled", "priority", "description"]),
];

/// Graph `messageRule`.
const GRAPH: &[Need] = &[
    ("displayName", &["displayname"]),
    ("sequence", &["sequence"]),
    ("isEnabled", &["isenabled"]),
    ("actions", &["actions", "conditions"]),
];

/// Names that audit records have and these rows have not.
const STRANGERS: &[&str] = &["operation", "creationtime", "workload", "auditdata", "connectortype"];

const NAMES: SettingNames = SettingNames {
    name: &["name"],
    id: &["ruleidentity", "identity"],
    enabled: &["enabled"],
    priority: &["priority"],
    conditions: &[
        ("from", ConditionOn::Sender),
        ("fromaddresscontainswords", ConditionOn::Sender),
        ("fromsubscription", ConditionOn::Other),
        ("sentto", ConditionOn::Recipient),
        ("recipientaddresscontainswords", ConditionOn::Recipient),
        ("mynameintobox", ConditionOn::Other),
        ("mynameinccbox", ConditionOn::Other),
        ("mynameintoorccbox", ConditionOn::Other),
        ("mynamenotintobox", ConditionOn::Other),
        ("senttoonlyme", ConditionOn::Other),
        ("subjectcontainswords", ConditionOn::Other),
        ("subjectorbodycontainswords", ConditionOn::Other),
        ("bodycontainswords", ConditionOn::Other),
        ("headercontainswords", ConditionOn::Other),
        ("hasattachment", ConditionOn::Other),
        ("hasclassification", ConditionOn::Other),
        ("flaggedforaction", ConditionOn::Other),
        ("messagetypematches", ConditionOn::Other),
        ("withimportance", ConditionOn::Other),
        ("withsensitivity", ConditionOn::Other),
        ("receivedafterdate", ConditionOn::Other),
        ("receivedbeforedate", ConditionOn::Other),
        ("withinsizerangemaximum", ConditionOn::Other),
        ("withinsizerangeminimum", ConditionOn::Other),
    ],
    exception_prefix: Some("exceptif"),
    ..SettingNames::NONE
};

const GRAPH_NAMES: SettingNames = SettingNames {
    name: &["displayname"],
    id: &["id"],
    enabled: &["isenabled"],
    priority: &["sequence"],
    ..SettingNames::NONE
};

/// Where a rule names its mailbox; the first two are columns that the page of this kind adds.
const MAILBOX: &[&str] = &["mailbox", "userprincipalname", "mailboxownerid", "identity"];

/// Inbox rules of Exchange Online mailboxes.
pub(crate) struct InboxRules;

impl Source for InboxRules {
    fn id(&self) -> SourceId {
        "exchange-online/inbox-rules"
    }

    fn title(&self) -> &'static str {
        "Exchange Online inbox rules"
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
                "Get-InboxRule -Mailbox {recipient} -IncludeHidden | Select-Object *,@{n='Mailbox';e={'{recipient}'}} | ConvertTo-Json -Depth 4 | Set-Content inbox_rules.json -Encoding utf8",
            ),
            clicks: Some(
                "Graph Explorer: GET /users/{recipient}/mailFolders/inbox/messageRules (Outlook shows the rules, but exports none)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which message a rule acted on: the message trace detail and the mailbox audit log may",
            "rules that only Outlook on one computer runs, beyond their name",
            "hidden rules, unless asked for with -IncludeHidden; Graph lists none",
            "what a rule was before: the audit log shows New-InboxRule and Set-InboxRule",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_graph_list(head.text) {
            return Recognition::Certain;
        }
        table::any_of([CMDLET, CHOSEN, GRAPH].map(|needs| table::recognise(head, needs, STRANGERS, None)))
    }
}

impl Table for InboxRules {
    const ROWS_STAND_ALONE: bool = false;
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(&["name", "displayname"]).is_some() {
            Ok(())
        } else {
            Err(missing("Name", "the row has other keys"))
        }
    }

    /// The answer of Graph names the mailbox in its context, around the rules.
    fn surround(&self, input: &Input<'_>, rows: &mut [Row]) {
        let owner = owner_in_context(input.bytes);
        rows.iter_mut().for_each(|row| row.outer_recipient.clone_from(&owner));
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let is_graph = row.has(&["displayname"]) && row.has(&["sequence"]);
        let mut rule =
            if is_graph { graph(row, facts) } else { setting(row, SettingClass::MailboxRule, &NAMES, facts) };
        rule.mailbox = mailbox(row, MAILBOX).or_else(|| row.outer_recipient.as_deref().map(evidence::Address::new));
        if rule.mailbox.is_none() {
            facts.limit(NO_MAILBOX);
        }
        facts.say_setting(rule, &["enabled", "isenabled"]);
    }
}

/// Whether a text is an answer of Graph to a question for rules, also one that lists none.
fn is_graph_list(text: &str) -> bool {
    let context =
        text.trim_start().strip_prefix('{').and_then(|rest| rest.trim_start().strip_prefix("\"@odata.context\""));
    let address = context.and_then(|rest| rest.split(',').next());
    address
        .is_some_and(|address| address.contains("graph.microsoft") && address.trim_end().ends_with("/messageRules\""))
}

/// Said where a rule names its mailbox by an id only.
const NO_MAILBOX: &str = "the mailbox of a rule is named by an id or not at all: it cannot be matched with a recipient; export again with the \
                          address added, as the page of this kind shows";

/// A rule as Graph writes it: conditions, exceptions and actions are objects of their own.
fn graph(row: &Row, facts: &Facts<'_>) -> Setting {
    let mut rule = setting(row, SettingClass::MailboxRule, &GRAPH_NAMES, facts);
    rule.conditions = members(row, "conditions").into_iter().map(condition).collect();
    rule.exceptions = members(row, "exceptions").into_iter().map(condition).collect();
    rule.properties.retain(|property| !["conditions", "exceptions", "actions"].contains(&property.name.as_str()));
    rule.properties.extend(members(row, "actions").into_iter().map(|(name, values)| Property { name, values }));
    rule
}

/// The members of an object of a rule that are set, with their texts.
fn members(row: &Row, name: &str) -> Vec<(String, Vec<String>)> {
    let objects = row.objects(&[name]).into_iter().flatten();
    let members = objects.filter(|(_, value)| !matches!(value, Value::Bool(false)));
    members.map(|(key, value)| (key, texts(&value))).filter(|(_, values)| !values.is_empty()).collect()
}

fn condition((name, values): (String, Vec<String>)) -> Condition {
    let on = match name.as_str() {
        "fromAddresses" | "senderContains" => ConditionOn::Sender,
        "sentToAddresses" | "recipientContains" => ConditionOn::Recipient,
        _ => ConditionOn::Other,
    };
    Condition { on, name, values }
}

/// The texts of a value; a recipient gives its address, else its name.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(object) => {
            let recipient = object.get("emailAddress");
            let part = |name| recipient.and_then(|recipient| recipient.get(name)).and_then(Value::as_str);
            let text = part("address").filter(|text| !text.is_empty()).or_else(|| part("name"));
            vec![text.map_or_else(|| value.to_string(), str::to_owned)]
        }
        other => vec![other.to_string()],
    }
}

/// The mailbox in `users('ann%40example.com')` of an `@odata.context`; none if the file has several.
fn owner_in_context(file: &[u8]) -> Option<String> {
    const CONTEXT: &str = "$metadata#users('";
    let text = decoded(file, encoding_of(file).0);
    let mut found: Option<String> = None;
    for (at, _) in text.match_indices(CONTEXT) {
        let start = text.get(at + CONTEXT.len()..)?;
        let owner = start.split_once('\'')?.0.replace("%40", "@");
        let is_address = owner.contains('@') && owner.len() <= 320;
        if !is_address || found.as_ref().is_some_and(|known| *known != owner) {
            return None;
        }
        found = Some(owner);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_owners() {
        for (name, text, expected) in [
            ("one", "$metadata#users('ann%40example.com')/mailFolders", Some("ann@example.com")),
            ("twice", "$metadata#users('a@example.com') $metadata#users('a@example.com')", Some("a@example.com")),
            ("two", "$metadata#users('a@example.com') $metadata#users('b@example.com')", None),
            ("an id", "$metadata#users('7b1c')/mailFolders", None),
            ("me", "$metadata#Me/mailFolders('inbox')", None),
            ("open", "$metadata#users('a@example.com", None),
        ] {
            assert_eq!(owner_in_context(text.as_bytes()).as_deref(), expected, "{name}");
        }
    }
}
