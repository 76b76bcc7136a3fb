//! Sign-ins, alerts, investigations, and everything that somebody did without changing a setting.

use evidence::{Act, Address, Alert, Fact, Identifier, Identity, Property, SignIn, SignInKind, SignInOutcome};
use serde_json::{Map, Value};

use super::{CLIENT, OPERATION, actor, done, mail, object};
use crate::microsoft::{beside, details, pairs, peer, properties, text, text_of};
use crate::table::Facts;
use crate::table::row::Row;

/// States that somebody signed in, or tried to.
pub(super) fn sign_in(row: &Row, facts: &mut Facts<'_>) {
    let extended = pairs(row, &["extendedproperties"]);
    let device = pairs(row, &["deviceproperties"]);
    let of =
        |pairs: &[(String, String)], name: &str| beside(pairs, name).filter(|said| !said.is_empty()).map(str::to_owned);
    let error_code = row.text(&["errornumber"]).and_then(|code| code.parse::<i64>().ok());
    let agent = of(&extended, "UserAgent");
    let names = ["OS", "BrowserType", "DisplayName", "IsCompliantAndManaged"];
    let seen: Vec<String> = names.iter().filter_map(|name| of(&device, name)).collect();
    let mut details = details(row, &["resultstatus", "actorcontextid"]);
    for name in ["ResultStatusDetail", "UserAuthenticationMethod", "KeepMeSignedIn", "FlowTokenScenario", "LoginError"]
    {
        details.extend(of(&extended, name).map(|value| Property { name: name.to_owned(), values: vec![value] }));
    }
    facts.say_by(
        OPERATION,
        Fact::SignIn(Box::new(SignIn {
            who: row.text(&["userid"]).map(str::to_owned),
            who_id: row.text(&["userkey"]).map(str::to_owned),
            kind: SignInKind::NotSaid,
            outcome: outcome(row, error_code),
            error_code,
            reason: row.text(&["logonerror"]).map(str::to_owned).or_else(|| of(&extended, "LoginError")),
            application: row.text(&["applicationid", "client"]).map(str::to_owned),
            resource: row.text(&["objectid"]).map(str::to_owned),
            client: of(&extended, "RequestType"),
            from: peer(row, CLIENT),
            device: (!seen.is_empty()).then(|| seen.join(", ")).or(agent),
            session: of(&device, "SessionId"),
            request: row.text(&["intersystemsid"]).map(str::to_owned),
            details,
            ..SignIn::default()
        })),
    );
}

/// The error number decides, then the name of the operation; the result's own word is `Success` even for failures.
fn outcome(row: &Row, error_code: Option<i64>) -> SignInOutcome {
    if let Some(code) = error_code {
        return crate::entra::sign_ins::outcome_of(code);
    }
    match row.text(OPERATION) {
        Some("UserLoggedIn") => SignInOutcome::Succeeded,
        Some("UserLoginFailed") => SignInOutcome::Failed,
        _ => match done(row) {
            evidence::Done::Yes => SignInOutcome::Succeeded,
            evidence::Done::No => SignInOutcome::Failed,
            evidence::Done::NotSaid => SignInOutcome::NotSaid,
        },
    }
}

/// A message that an alert or an investigation is about.
#[derive(Default)]
pub(super) struct Mentioned {
    /// Its ids.
    pub(super) ids: Vec<Identifier>,
    /// Recipients that are named with it.
    recipients: Vec<Address>,
    /// Sender and subject, where named.
    identity: Identity,
}

/// How many messages of one record are looked at, and how deep their objects may lie.
const MESSAGES_MAX: usize = 2_000;
const DEPTH_MAX: u32 = 8;

/// The messages that the `Data` and `Actions` of an alert or an investigation name.
pub(super) fn messages(row: &Row) -> Vec<Mentioned> {
    let mut found = Vec::new();
    for name in ["data", "actions", "entities"] {
        if !row.has(&[name]) {
            continue;
        }
        if let Some(tree) = row.tree(&[name]) {
            gather(&tree, DEPTH_MAX, &mut found);
        }
        for text in row.list(&[name]).into_iter().filter(|text| text.starts_with('{')).take(MESSAGES_MAX) {
            if let Ok(tree) = serde_json::from_str::<Value>(text) {
                gather(&tree, DEPTH_MAX, &mut found);
            }
        }
    }
    found
}

/// Collects the objects that carry a message's ids, once each.
fn gather(tree: &Value, depth: u32, found: &mut Vec<Mentioned>) {
    if depth == 0 || found.len() >= MESSAGES_MAX {
        return;
    }
    match tree {
        Value::Array(values) => values.iter().for_each(|value| gather(value, depth - 1, found)),
        Value::Object(object) => {
            let message = mentioned(object);
            if message.ids.is_empty() {
                return object.values().for_each(|value| gather(value, depth - 1, found));
            }
            let is_known = |known: &Mentioned| known.ids == message.ids && known.recipients == message.recipients;
            if !found.iter().any(is_known) {
                found.push(message);
            }
        }
        _ => {}
    }
}

/// A message by the names of an entity (`InternetMessageId`, `Recipient`, ...), or by the short ones of an alert's data:
/// `imsgid` its Message-ID, `aii` its network message id if `eid` begins with it, `tsd` sender, `trc` recipients, `ms` subject.
fn mentioned(object: &Map<String, Value>) -> Mentioned {
    let said = |names: &[&str]| text_of(object, names);
    let alert_id = said(&["imsgid"]);
    let is_alert = alert_id.is_some();
    let internet = said(&["InternetMessageId", "internetMessageId"]).or(alert_id);
    let of_alert = || said(&["aii"]).filter(|id| is_alert && said(&["eid"]).is_some_and(|eid| eid.starts_with(id)));
    let network = said(&["NetworkMessageId", "networkMessageId"]).or_else(of_alert);
    let ids: Vec<Identifier> = internet
        .as_deref()
        .and_then(Identifier::message_id)
        .into_iter()
        .chain(network.as_deref().and_then(Identifier::network_message_id))
        .collect();
    if ids.is_empty() {
        return Mentioned::default();
    }
    let short = |name: &'static str| said(&[name]).filter(|_| is_alert);
    let recipients = said(&["Recipient"]).or_else(|| short("trc")).unwrap_or_default();
    let recipients = recipients.split([';', ',']).map(Address::new).filter(|address| !address.is_null());
    Mentioned {
        ids,
        recipients: recipients.collect(),
        identity: Identity {
            envelope_sender: said(&["P1Sender", "Sender"]).or_else(|| short("tsd")).map(|said| Address::new(&said)),
            header_from: said(&["P2Sender"]).map(|said| Address::new(&said)),
            subject: said(&["Subject"]).or_else(|| short("ms")),
            ..Identity::default()
        },
    }
}

/// States a fact about each of the messages, and who they are; or about none in particular.
fn about_each(messages: Vec<Mentioned>, facts: &mut Facts<'_>, names: &[&str], fact: &Fact) {
    if messages.is_empty() {
        return facts.say_by(names, fact.clone());
    }
    for message in messages {
        facts.about_message(message.ids, |facts| {
            facts.about(message.recipients, |facts| {
                if message.identity != Identity::default() {
                    facts.at(None, |facts| facts.say(Fact::Identity(message.identity)));
                }
                facts.say_by(names, fact.clone());
            });
        });
    }
}

/// States that an alert was raised, about each message that it names.
pub(super) fn alert(row: &Row, facts: &mut Facts<'_>) {
    let owned = |names: &[&str]| row.text(names).map(str::to_owned);
    let data = row.tree(&["data"]);
    let data = data.as_deref().and_then(Value::as_object);
    let mut entities: Vec<String> = row.list(&["alertentityid"]).into_iter().map(str::to_owned).collect();
    for name in ["trc", "tsd", "to", "mfrm", "eid"] {
        let value = data.and_then(|data| data.get(name)).and_then(text);
        entities.extend(value.filter(|value| !entities.contains(value)));
    }
    let alert = Alert {
        id: owned(&["alertid", "objectid", "id"]).unwrap_or_default(),
        title: owned(&["name", "alertdisplayname"]).unwrap_or_default(),
        raised_by: owned(&["source", "workload"]),
        rule: owned(&["policyid"]),
        severity: owned(&["severity", "alertseverity"]),
        status: owned(&["status", "resultstatus"]),
        incident: None,
        entities,
    };
    about_each(messages(row), facts, &["name", "alertdisplayname"], &Fact::Alert(alert));
}

/// What an act's details are taken from, where the record has them.
const DETAILS: &[&str] = &[
    "recordtype",
    "auditlogrecordtype",
    "workload",
    "officeworkload",
    "resultstatus",
    "clientinfostring",
    "clientprocessname",
    "mailboxownerupn",
    "logontype",
    "externalaccess",
    "operationcount",
    "requesttype",
    "requestsource",
    "investigationname",
    "investigationtype",
    "status",
    "detectionmethod",
    "appid",
    "clientappid",
    "applicationdisplayname",
    "submissionid",
    "submissiontype",
    "rescanresult",
    "event",
    "itemtype",
    "sourcefilename",
    "sender",
    "receivers",
    "itemname",
    "labelname",
];

/// States that somebody did something, about each message that the record names.
pub(super) fn act(row: &Row, operation: &str, facts: &mut Facts<'_>) {
    let items = mail::items(row);
    if items.len() > 1 {
        return items.into_iter().for_each(|item| act_on(row, operation, item, facts));
    }
    let details = items.into_iter().fold(details_of(row), with_item);
    let messages = if facts.about.ids.is_empty() { messages(row) } else { Vec::new() };
    about_each(messages, facts, OPERATION, &act_of(row, operation, details));
}

/// States that somebody did something with one of several items.
pub(super) fn act_on(row: &Row, operation: &str, item: mail::Item, facts: &mut Facts<'_>) {
    let ids = item.id.iter().cloned().collect();
    let act = act_of(row, operation, with_item(details_of(row), item));
    facts.about_message(ids, |facts| facts.say_by(OPERATION, act));
}

fn act_of(row: &Row, operation: &str, details: Vec<Property>) -> Fact {
    Fact::Act(Act {
        operation: operation.to_owned(),
        object: object(row).or_else(|| row.text(&["investigationid"]).map(str::to_owned)),
        by: actor(row),
        done: done(row),
        details,
    })
}

fn details_of(row: &Row) -> Vec<Property> {
    let mut found = details(row, DETAILS);
    found.extend(properties(pairs(row, &["operationproperties"])));
    found.extend(properties(pairs(row, &["extendedproperties"])));
    found
}

/// Folder and subject of an item, beside the other details.
fn with_item(mut details: Vec<Property>, item: mail::Item) -> Vec<Property> {
    let pairs = [("Folder", item.folder), ("Subject", item.subject)];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    details.extend(properties(pairs.collect()));
    details
}
