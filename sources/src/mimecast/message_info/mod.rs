//! One message's tracking record (`get-message-info`): arrival, checks, hold, policies and the next hop's answer.

mod facts;
mod headers;

use std::sync::LazyLock;

use evidence::{Reading, Unit};

use super::look;
use super::rows::{self, Kind, Large, Parsed, torn};
use super::values::Object;
use crate::codes::Codes;
use crate::records::{Grammar, Record};
use crate::text::first_words;
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Tracking records of single messages.
pub struct MessageInfo;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const WRAPPERS: &[&str] = &["data", "fail"];

impl Source for MessageInfo {
    fn id(&self) -> evidence::SourceId {
        "mimecast/message-info"
    }

    fn title(&self) -> &'static str {
        "Mimecast message info"
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
                 https://api.services.mimecast.com/api/message-finder/get-message-info \
                 -d '{\"data\":[{\"id\":\"<id from message-finder/search>\"}]}'",
            ),
            clicks: Some(
                "Administration Console > Message Center > Message Tracking > open the message; only the API's JSON is read",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the object `deliveredMessage` is there for held and queued messages too: only the next hop's answer proves delivery",
            "the mailbox folder and mailbox rules are not in Mimecast",
            "refusals before DATA have no headers, hence no Message-ID",
            "metadata is gone when `messageExpiresIn` runs out",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if look::objects(head, WRAPPERS).iter().any(is_info) {
            return Recognition::Certain;
        }
        // A record may be longer than the head: its headers are in it.
        let is_long = head.text.trim_start().starts_with('{')
            && ["\"recipientInfo\"", "\"messageInfo\"", "\"transmissionInfo\""]
                .iter()
                .all(|key| head.text.contains(key));
        if is_long { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for MessageInfo {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let parse = |record: &Record, _: &[String]| parse(record, query.clock);
        let grammar = Grammar::Json { wrappers: WRAPPERS };
        rows::read(input, query, &Kind { grammar, large: Large::No, by: MatchedBy::IdsOrLooks, parse: &parse })
    }

    fn spelled(&self, input: &Input<'_>) -> crate::table::Spelled {
        crate::table::Spelled::in_rows(input)
    }
}

fn is_info(object: &Object) -> bool {
    let parts = ["recipientInfo", "deliveredMessage", "queueInfo", "retentionInfo", "spamInfo"];
    parts.iter().filter(|part| object.get(**part).is_some_and(serde_json::Value::is_object)).count() >= 2
        || (object.contains_key("recipientInfo") && object.contains_key("status"))
}

fn parse(record: &Record, clock: &Clock) -> Parsed {
    match rows::object_of(record) {
        Ok(object) if is_info(&object) => Parsed::Row(Box::new(facts::row(record, &object, clock))),
        Ok(_) => torn("a message record with `recipientInfo` and `status`", first_words(&record.text)),
        Err(other) => other,
    }
}
