//! One object of each kind of settings in every spelling of PowerShell: the same setting comes of all.

use std::fmt::Write as _;

use evidence::{Fact, FileName, Setting};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::{Clock, Input, NoProgress, Query, Wanted, recognise};

/// The settings that a text states, by which the spellings are compared: properties differ in what is left out as empty.
fn settings(kind: &str, spelling: &str, text: &str) -> Vec<Setting> {
    let source = recognise(text.as_bytes(), spelling).unwrap_or_else(|error| panic!("{kind}, {spelling}: {error}"));
    assert_eq!(source.id(), kind, "{spelling}: {text}");
    let clock = Clock {
        zone: TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: jiff::Timestamp::from_second(1_793_527_200).unwrap_or_default(),
    };
    let input = Input { name: FileName::from(spelling), bytes: text.as_bytes() };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let reading = source.read(&input, &query).unwrap_or_else(|error| panic!("{kind}, {spelling}: {error}"));
    assert!(reading.problems.is_empty(), "{kind}, {spelling}: {:?}", reading.problems);
    let facts = reading.observations.into_iter().map(|observation| observation.fact);
    facts
        .map(|fact| match fact {
            Fact::Setting(setting) => Setting { properties: Vec::new(), ..*setting },
            other => panic!("{kind}, {spelling}: {other:?}"),
        })
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Bool(true) => vec!["True".to_owned()],
        Value::Bool(false) => vec!["False".to_owned()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

fn as_list(object: &Map<String, Value>) -> String {
    let mut text = "\r\n\r\n".to_owned();
    for (name, value) in object {
        let shown = texts(value).join(", ");
        let shown = if value.is_array() { format!("{{{shown}}}") } else { shown };
        let _ = write!(text, "{name:<34} : {shown}\r\n");
    }
    text + "\r\n\r\n"
}

/// Lists of one value only: `Export-Csv` loses longer ones.
fn as_csv(object: &Map<String, Value>) -> Option<String> {
    let mut header = Vec::new();
    let mut cells = Vec::new();
    for (name, value) in object {
        let texts = texts(value);
        if texts.len() > 1 {
            return None;
        }
        header.push(format!("\"{name}\""));
        cells.push(format!("\"{}\"", texts.join("").replace('"', "\"\"")));
    }
    Some(format!("#TYPE Deserialized.Object\r\n{}\r\n{}\r\n", header.join(","), cells.join(",")))
}

fn as_clixml(object: &Map<String, Value>) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text =
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj RefId=\"0\"><Props>\
                    "
        .to_owned();
    for (number, (name, value)) in object.iter().enumerate() {
        let _ = match value {
            Value::Null => write!(text, "<Nil N=\"{name}\" />"),
            Value::Bool(yes) => write!(text, "<B N=\"{name}\">{yes}</B>"),
            Value::Array(_) => {
                let items = texts(value).iter().map(|item| format!("<S>{}</S>", escaped(item))).collect::<String>();
                write!(text, "<Obj N=\"{name}\" RefId=\"{}\"><LST>{items}</LST></Obj>", number + 1)
            }
            other => write!(text, "<S N=\"{name}\">{}</S>", escaped(&texts(other).join(""))),
        };
    }
    text + "</Props></Obj></Objs>"
}

/// As Windows PowerShell 5.1 writes lists that came with their own methods.
fn with_wrapped_lists(object: &Map<String, Value>) -> Value {
    let wrapped = object.iter().map(|(name, value)| {
        let value = match value.as_array() {
            Some(values) if !values.is_empty() => json!({ "value": values, "Count": values.len() }),
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    Value::Object(wrapped.collect())
}

#[test]
fn every_spelling_states_the_same() {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    for (kind, value) in objects() {
        let value = object(value);
        let plain = Value::Object(value.clone());
        let expected = settings(kind, "one.json", &plain.to_string());
        assert!(!expected.is_empty(), "{kind}");
        for (spelling, text) in [
            ("array.json", Value::Array(vec![plain.clone()]).to_string()),
            ("rest.json", json!({ "@odata.context": "x", "value": [plain.clone()] }).to_string()),
            ("wrapped.json", json!({ "value": [plain], "Count": 1 }).to_string()),
            ("lists.json", with_wrapped_lists(&value).to_string()),
            ("list.txt", as_list(&value)),
            ("export.xml", as_clixml(&value)),
        ] {
            assert_eq!(settings(kind, spelling, &text), expected, "{kind}, {spelling}: {text}");
        }
        if let Some(csv) = as_csv(&value) {
            assert_eq!(settings(kind, "export.csv", &csv), expected, "{kind}: {csv}");
        }
    }
}

/// An object of each kind, some with lists that `Export-Csv` keeps.
fn objects() -> Vec<(&'static str, Value)> {
    vec![
        (
            "exchange-online/connectors",
            json!({ "Name": "In", "Enabled": true, "ConnectorType": "Partner", "SenderDomains": ["smtp:example.net;1"],
                    "SenderIPAddresses": ["192.0.2.1", "192.0.2.2"], "RequireTls": true, "Guid": "g-1" }),
        ),
        (
            "exchange-online/connectors",
            json!({ "Name": "Out", "Enabled": false, "ConnectorType": "Partner", "RecipientDomains": ["*"],
                    "SmartHosts": ["mx.example.net"], "UseMXRecord": false }),
        ),
        (
            "exchange-online/allow-block-list",
            json!({ "Identity": "RgAA", "Value": "a@example.net", "Action": "Allow", "ListSubType": "Tenant",
                    "ExpirationDate": "2026-11-29T08:00:00Z", "RemoveAfter": null, "Notes": "<INC & co>" }),
        ),
        (
            "exchange-online/allow-block-list",
            json!({ "SpoofedUser": "example.org", "SendingInfrastructure": "example.net", "SpoofType": "External",
                    "Action": "Block" }),
        ),
        (
            "exchange-online/threat-policies",
            json!({ "Name": "Finance", "State": "Enabled", "Priority": 1, "HostedContentFilterPolicy": "Finance",
                    "SentTo": null, "RecipientDomainIs": ["example.com"], "ExceptIfSentTo": ["cfo@example.com"] }),
        ),
        (
            "exchange-online/threat-policies",
            json!({ "Name": "Default", "IsDefault": true, "SpamAction": "MoveToJmf", "HighConfidenceSpamAction": "Quarantine",
                    "AllowedSenders": ["a@example.net", "b@example.net"], "RecommendedPolicyType": "Custom" }),
        ),
        (
            "exchange-online/threat-policies",
            json!({ "Name": "Standard Preset Security Policy", "State": "Enabled", "Priority": 1,
                    "SafeLinksPolicy": "Standard Preset Security Policy1", "SafeAttachmentPolicy": "Standard Preset Security Policy2",
                    "SentTo": ["ann@example.com"] }),
        ),
        (
            "exchange-online/connection-filter",
            json!({ "Name": "Default", "IsDefault": true, "IPAllowList": ["192.0.2.1"], "IPBlockList": [],
                    "EnableSafeList": false }),
        ),
        (
            "exchange-online/inbox-rules",
            json!({ "Name": "Aside", "Enabled": true, "Priority": 1, "RuleIdentity": "15394007230974001153",
                    "MailboxOwnerId": "ann", "Mailbox": "ann@example.com", "SubjectContainsWords": ["invoice"],
                    "ExceptIfFromAddressContainsWords": ["boss"], "HasAttachment": false, "MoveToFolder": "Later" }),
        ),
        (
            "exchange-online/junk-configuration",
            json!({ "Identity": "ann@example.com", "Enabled": true, "TrustedListsOnly": false, "ContactsTrusted": true,
                    "TrustedSendersAndDomains": ["example.net"], "BlockedSendersAndDomains": ["x@example.org"] }),
        ),
        (
            "exchange-online/mailboxes",
            json!({ "DisplayName": "Ann", "PrimarySmtpAddress": "ann@example.com", "RecipientTypeDetails": "UserMailbox",
                    "EmailAddresses": ["SMTP:ann@example.com", "smtp:a@example.com"], "ForwardingSmtpAddress": "smtp:a@example.org",
                    "DeliverToMailboxAndForward": true, "GrantSendOnBehalfTo": ["Bob"] }),
        ),
        (
            "exchange-online/mailboxes",
            json!({ "Identity": "ann@example.com", "User": "bob@example.com", "AccessRights": ["FullAccess"],
                    "IsInherited": false, "Deny": false }),
        ),
        (
            "exchange-online/organisation",
            json!({ "DomainName": "example.com", "DomainType": "Authoritative", "Default": true, "Name": "example.com" }),
        ),
        (
            "exchange-online/organisation",
            json!({ "Name": "example", "RejectDirectSend": true, "AuditDisabled": false }),
        ),
        (
            "exchange-online/transport-rules",
            json!({ "Name": "Through", "State": "Enabled", "Mode": "Enforce", "Priority": 0, "Conditions": ["x.FromPredicate"],
                    "From": ["a@example.net"], "SentTo": null, "ExceptIfSubjectContainsWords": ["urgent"],
                    "HasNoClassification": false, "SetSCL": "-1" }),
        ),
    ]
}
