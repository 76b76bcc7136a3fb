//! The message finder's list (`message-finder/search`): one summary word a message.

use std::sync::LazyLock;

use evidence::{Fact, Reading, Status, TraceStatus, Unit};

use super::codes;
use super::console::{self, Aliases, Form};
use super::look;
use super::rows::{self, Kind, Large, Parsed, Row, place, torn};
use super::values::{Object, instant_at, message_id, peer, text_at};
use crate::codes::Codes;
use crate::records::Record;
use crate::text::first_words;
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// The message finder's list.
pub struct MessageFinder;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const WRAPPERS: &[&str] = &["data", "trackedEmails", "fail"];

/// The columns of the console's table.
const COLUMNS: Aliases = &[
    ("fromEnv", &["fromenvelope", "fromenv", "envelopefrom", "fromaddress", "senderaddress", "from", "sender"]),
    ("fromHdr", &["fromheader", "fromhdr", "headerfrom"]),
    ("to", &["to", "toaddress", "recipient", "recipients", "recipientaddress"]),
    ("subject", &["subject"]),
    ("size", &["size", "messagesize"]),
    ("route", &["route", "direction"]),
    ("status", &["status"]),
    ("info", &["info", "statusinfo", "details", "event"]),
    ("received", &["received", "datereceived", "receiveddatetime", "datetime", "date"]),
    ("sent", &["sent", "datesent"]),
    ("senderIP", &["senderip", "senderipaddress", "remoteip", "ipaddress"]),
    ("heldReason", &["heldreason", "holdreason", "reason"]),
    ("operator", &["operator", "releasedby"]),
    ("messageId", &["messageid"]),
];

/// The state that a status word of the tracking stands for; a foreign word is kept.
pub(super) fn status_of(word: &str) -> TraceStatus {
    CODES.means("status", word).and_then(codes::status).unwrap_or_else(|| TraceStatus::Other(word.to_owned()))
}

impl Source for MessageFinder {
    fn id(&self) -> evidence::SourceId {
        "mimecast/message-finder"
    }

    fn title(&self) -> &'static str {
        "Mimecast message finder list"
    }

    fn unit(&self) -> Unit {
        Unit::Message
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
                 https://api.services.mimecast.com/api/message-finder/search -d '{\"data\":[{\"messageId\":\"{message_id}\",\
                 \"start\":\"{start}\",\"end\":\"{end}\",\"searchReason\":\"support ticket\"}]}'",
            ),
            clicks: Some("Administration Console > Message Center > Message Tracking > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "rows carry no Message-ID: they are matched by sender, recipient, subject and time",
            "`received` is cut to the minute",
            "`archived` is no proof of delivery; the next hop's answer stands in message info",
            "a refusal in the SMTP session may be missing; the archive search lags 2 to 6 hours behind acceptance",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        // Message traces of other products have as much: only the names of both senders tell this list.
        let is_ours = |object: &Object| {
            is_tracked(object) && look::has(object, &["fromHdr", "route"]) && !look::has(object, &["operator"])
        };
        match look::objects(head, WRAPPERS).iter().any(is_tracked) || console::is_table(head, COLUMNS, is_ours) {
            true => Recognition::Certain,
            false => Recognition::No,
        }
    }
}

impl Reader for MessageFinder {
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

fn is_tracked(object: &Object) -> bool {
    look::has(object, &["status", "fromEnv", "to", "received"]) && !object.contains_key("heldReason")
}

fn parse(record: &Record, object: Result<Object, Parsed>, clock: &Clock) -> Parsed {
    match object {
        Ok(object) if is_tracked(&object) => Parsed::Row(Box::new(tracked(record, &object, clock))),
        Ok(_) => torn("a tracked message with `status`, `fromEnv`, `to` and `received`", first_words(&record.text)),
        Err(other) => other,
    }
}

fn tracked(record: &Record, object: &Object, clock: &Clock) -> Row {
    let mut row = Row::listed(
        object,
        ["fromEnv", "fromHdr"],
        instant_at(object, &["received", "sent"], clock),
        instant_at(object, &["sent"], clock),
    );
    row.id(text_at(object, "messageId").and_then(|id| message_id(&id))); // only the console's table may have it
    let word = text_at(object, "status").unwrap_or_default();
    let said = match text_at(object, "info") {
        Some(info) => format!("{word}: {info}"),
        None => word.clone(),
    };
    let status = Status { status: status_of(&word), said, to: None, from: peer(None, text_at(object, "senderIP")) };
    row.state(Fact::Status(status), place(record, "status", &word));
    row
}
