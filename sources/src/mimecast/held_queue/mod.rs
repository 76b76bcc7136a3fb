//! The held queue (`get-hold-message-list`): what is kept back now, and by which definition.

use std::sync::LazyLock;

use evidence::{
    Action, Fact, PolicyRef, Quarantine, QuarantineState, Reading, Release, ReleaseStep, Scope, Unit, Verdict,
    VerdictKind,
};
use serde_json::Value;

use super::codes;
use super::console::{self, Aliases, Form};
use super::rows::{self, Kind, Large, Parsed, Row, place, torn};
use super::values::{Object, instant_at, text_at};
use super::{HELD_QUEUE, look};
use crate::codes::Codes;
use crate::records::Record;
use crate::text::first_words;
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// The held queue.
pub struct HeldQueue;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const WRAPPERS: &[&str] = &["data", "value", "fail"];

/// The columns of the console's table.
const COLUMNS: Aliases = &[
    ("from", &["fromenvelope", "fromenv", "envelopefrom", "fromaddress", "senderaddress", "from", "sender"]),
    ("fromHeader", &["fromheader", "fromhdr", "headerfrom"]),
    ("to", &["to", "toaddress", "recipient", "recipients", "recipientaddress"]),
    ("subject", &["subject"]),
    ("size", &["size", "messagesize"]),
    ("route", &["route", "direction"]),
    ("dateReceived", &["datereceived", "dateheld", "heldsince", "received", "datetime", "date"]),
    ("reasonCode", &["reasoncode", "heldreason", "holdreason", "reason"]),
    ("policyInfo", &["policyinfo", "policy", "definition", "policyname"]),
    ("heldGroup", &["heldgroup", "holdtype", "heldby"]),
    ("operator", &["operator", "releasedby"]),
];

/// The kind of verdict that a hold reason, or the name of the definition that held, speaks of.
pub(super) fn verdict_of(reason: &str) -> VerdictKind {
    CODES.within("reason", reason).and_then(codes::verdict).unwrap_or(VerdictKind::Unknown)
}

impl Source for HeldQueue {
    fn id(&self) -> evidence::SourceId {
        "mimecast/held-queue"
    }

    fn title(&self) -> &'static str {
        "Mimecast held queue"
    }

    fn unit(&self) -> Unit {
        Unit::Recipient
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
                 https://api.services.mimecast.com/api/gateway/get-hold-message-list -d '{\"data\":[{\"admin\":true,\
                 \"start\":\"{start}\",\"end\":\"{end}\",\"searchBy\":{\"fieldName\":\"recipient\",\"value\":\"{recipient}\"}}]}'",
            ),
            clicks: Some("Administration Console > Message Center > Held Messages > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "rows carry no Message-ID: they are matched by sender, recipient, subject and time",
            "a message leaves the list when it is released, rejected or after 14 days: absence proves nothing",
            "who released a message: held release logs",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let objects = look::objects(head, WRAPPERS);
        let is_ours = |object: &Object| is_held(object) && !object.contains_key("operator");
        if objects.iter().any(is_held) || console::is_table(head, COLUMNS, is_ours) {
            Recognition::Certain
        } else if objects.iter().any(is_release_reply) {
            Recognition::Fits
        } else {
            Recognition::No
        }
    }
}

impl Reader for HeldQueue {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let form = Form::of(input, WRAPPERS, COLUMNS)?;
        let parse = |record: &Record, columns: &[String]| parse(record, form.object_of(record, columns), query.clock);
        rows::read(
            input,
            query,
            &Kind { grammar: form.grammar, large: Large::No, by: MatchedBy::IdsOrLooks, parse: &parse },
        )
    }

    fn spelled(&self, input: &Input<'_>) -> crate::table::Spelled {
        crate::table::Spelled::in_rows(input)
    }
}

fn is_held(object: &Object) -> bool {
    look::has(object, &["dateReceived"])
        && (object.contains_key("reasonCode") || object.contains_key("reasonId"))
        && object.contains_key("from")
}

/// A count by policy, which is a kind of its own (`mimecast/hold-summary`).
fn is_summary(object: &Object) -> bool {
    look::has(object, &["policyInfo", "numberOfItems"])
}

/// `{"id": "...", "release": true}`, the answer to hold-release.
fn is_release_reply(object: &Object) -> bool {
    object.len() == 2 && object.contains_key("id") && object.get("release").is_some_and(Value::is_boolean)
}

fn parse(record: &Record, object: Result<Object, Parsed>, clock: &Clock) -> Parsed {
    let object = match object {
        Ok(object) => object,
        Err(other) => return other,
    };
    if is_summary(&object) {
        return Parsed::Pass("hold summary");
    }
    if is_release_reply(&object) {
        return Parsed::Row(Box::new(release_reply(record, &object)));
    }
    if !is_held(&object) {
        return torn("a held message with `reasonCode`, `from` and `dateReceived`", first_words(&record.text));
    }
    Parsed::Row(Box::new(held(record, &object, clock)))
}

fn held(record: &Record, object: &Object, clock: &Clock) -> Row {
    let mut row = Row::listed(object, ["from", "fromHeader"], instant_at(object, &["dateReceived"], clock), None);
    reason(&mut row, record, object);
    row
}

/// States the hold and why, by the most stable word: the code, else the id, else the text.
fn reason(row: &mut Row, record: &Record, object: &Object) {
    let word = ["reasonCode", "reasonId", "reason"].iter().find_map(|key| Some((*key, text_at(object, key)?)));
    let definition = text_at(object, "policyInfo");
    let said = text_at(object, "reason").or(word.as_ref().map(|(_, word)| word.clone())).unwrap_or_default();
    let mark = word.as_ref().and_then(|(key, word)| place(record, key, word));
    let policy = definition.map(|name| PolicyRef { kind: None, name: Some(name), id: None });
    let quarantine = Quarantine {
        state: QuarantineState::Held,
        store: store(object),
        policy: policy.clone(),
        id: text_at(object, "id"),
        until: None,
        said: said.clone(),
    };
    row.state(Fact::Quarantine(quarantine), mark.clone());
    let texts = [word.map(|(_, word)| word), policy.as_ref().and_then(|policy| policy.name.clone())];
    let kind = texts.iter().flatten().map(|text| verdict_of(text)).find(|kind| *kind != VerdictKind::Unknown);
    let kind = kind.unwrap_or(VerdictKind::Unknown);
    row.state(Fact::Verdict(Verdict { kind, action: Action::Quarantined, said, policy, scope: Scope::Enforced }), mark);
}

/// The store with the group that may release, where the record tells it: `ADMIN_` reasons are for administrators only.
fn store(object: &Object) -> String {
    let is_admin = text_at(object, "reasonId").is_some_and(|id| id.to_ascii_uppercase().starts_with("ADMIN_"))
        || text_at(object, "reasonCode").is_some_and(|code| code.to_ascii_lowercase().starts_with("admin_"));
    match text_at(object, "heldGroup") {
        Some(group) => format!("{HELD_QUEUE} ({group})"),
        None if is_admin => format!("{HELD_QUEUE} (Administrator)"),
        None => HELD_QUEUE.to_owned(),
    }
}

/// A reply to hold-release says that the request was taken, not that anything was let go.
fn release_reply(record: &Record, object: &Object) -> Row {
    let mut row = Row::by(None);
    let asked = object.get("release") == Some(&Value::Bool(true));
    let step = if asked { ReleaseStep::Requested } else { ReleaseStep::Failed };
    let said = format!("hold-release answered release: {asked}");
    let release = Release { step, by: None, for_recipients: Vec::new(), next: None, said };
    row.state(Fact::Release(release), place(record, "release", if asked { "true" } else { "false" }));
    row
}
