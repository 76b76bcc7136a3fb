//! Message trace: one row a message and recipient, with a summary word for what became of it.

use std::sync::LazyLock;

use evidence::{
    Fact, Identifier, Identity, Quarantine, QuarantineState, Redirect, SourceId, Status, TraceStatus, Unit,
};

use super::STORE;
use super::reply::peer;
use crate::codes::{self, Codes};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Likeness, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NETWORK_ID: &[&str] = &["messagetraceid", "networkmessageid", "id"];
const MESSAGE_ID: &[&str] = &["messageid", "internetmessageid"];
const DATE: &[&str] = &["received", "receiveddatetime", "receivedutc", "dateutc", "datetimeutc", "date"];
const SENDER: &[&str] = &["senderaddress", "sender"];
const RECIPIENT: &[&str] = &["recipientaddress", "recipient", "recipients"];
const STATUS: &[&str] = &["status"];
const SUBJECT: &[&str] = &["subject"];

const NEEDS: &[Need] =
    &[("Received", DATE), ("SenderAddress", SENDER), ("RecipientAddress", RECIPIENT), ("Status", STATUS)];
const NEEDS_ID: &[Need] = &[
    ("MessageTraceId", NETWORK_ID),
    ("Received", DATE),
    ("SenderAddress", SENDER),
    ("RecipientAddress", RECIPIENT),
    ("Status", STATUS),
];
/// Names that other exports have, and a message trace has not.
const STRANGERS: &[&str] = &[
    "processingid",
    "aggregateid",
    "reasoncode",
    "acode",
    "eventid",
    "event",
    "releasestatus",
    "quarantinetypes",
    "quarantinereason",
    "recipientstatus",
];

/// Message trace of Exchange Online, in every spelling.
pub(crate) struct MessageTrace;

impl Source for MessageTrace {
    fn id(&self) -> SourceId {
        "exchange-online/message-trace"
    }

    fn title(&self) -> &'static str {
        "Exchange Online message trace"
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

    /// The last 5 to 10 minutes are missing from a trace.
    fn lag(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_mins(10)
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Get-MessageTraceV2 -MessageId '<{message_id}>' -StartDate '{start}' -EndDate '{end}' -ResultSize 5000 | \
                 ConvertTo-Json -Depth 4 | Set-Content message_trace.json -Encoding utf8",
            ),
            clicks: Some("Exchange admin center > Mail flow > Message trace > Start a trace > Export results"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "mail refused at the edge by the IP block list or for an unknown recipient",
            "the folder of a delivered message, and anything after delivery (ZAP, a move, a deletion)",
            "the last 5 to 10 minutes, and anything older than 90 days (Get-MessageTrace: 10 days)",
            "why: that is in the trace detail",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        match table::recognise(head, NEEDS_ID, STRANGERS, None) {
            Recognition::Certain => Recognition::Certain,
            near => match table::recognise(head, NEEDS, STRANGERS, None) {
                Recognition::Certain => Recognition::Fits,
                Recognition::No => near,
                other => other,
            },
        }
    }
}

impl Table for MessageTrace {
    const ID_NAMES: &'static [&'static str] =
        &["messagetraceid", "networkmessageid", "id", "messageid", "internetmessageid"];
    const DATE_NAMES: &'static [&'static str] = DATE;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        ids(row, NETWORK_ID, MESSAGE_ID)
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        likeness.fits(&row.addresses(SENDER), &row.addresses(RECIPIENT), row.text(SUBJECT), at)
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(SENDER), row.addresses(RECIPIENT))
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let shown = format!("Message-ID {}", row.text(MESSAGE_ID).unwrap_or("none"));
        row.text(STATUS).map(drop).ok_or_else(|| missing("Status", &shown))?;
        row.text(RECIPIENT).map(drop).ok_or_else(|| missing("RecipientAddress", &shown))
    }

    /// UTC, but for the export of the screen: that follows the zone chosen in the search form.
    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        let from_screen = !row.has(&["messagetraceid", "senderaddress", "receivedutc", "dateutc", "datetimeutc"]);
        if from_screen { Zoneless::AsAsked(clock) } else { Zoneless::Utc }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = row.addresses(RECIPIENT);
        facts.say(Fact::Identity(Identity {
            envelope_sender: sender(row, SENDER),
            subject: subject(row, SUBJECT),
            size_bytes: row.text(&["size", "messagesize"]).and_then(|size| size.parse().ok()),
            ..Identity::default()
        }));
        let said = row.text(STATUS).unwrap_or_default().to_owned();
        let status = status(&said);
        facts.say_by(
            STATUS,
            Fact::Status(Status {
                status: status.clone(),
                said: said.clone(),
                to: peer(None, row.text(&["toip"])),
                from: peer(None, row.text(&["fromip"])),
            }),
        );
        match status {
            TraceStatus::Expanded => {
                facts.say_by(STATUS, Fact::Redirect(Redirect::Expanded { members: Vec::new() }));
            }
            TraceStatus::Resolved => facts.say_by(STATUS, Fact::Redirect(Redirect::Resolved { to: None })),
            TraceStatus::Quarantined => facts.say_by(
                STATUS,
                Fact::Quarantine(Quarantine {
                    state: QuarantineState::Held,
                    store: STORE.to_owned(),
                    policy: None,
                    id: None,
                    until: None,
                    said,
                }),
            ),
            _ => {}
        }
    }
}

/// The status for a vendor's word, whatever its case and blanks; an unknown word is kept.
pub(super) fn status(said: &str) -> TraceStatus {
    let known = CODES.means("Status", said).and_then(codes::trace_status);
    known.unwrap_or_else(|| TraceStatus::Other(said.to_owned()))
}

/// The ids under these names.
pub(super) fn ids(row: &Row, network_id: &[&str], message_id: &[&str]) -> Vec<Identifier> {
    let network = row.text(network_id).and_then(Identifier::network_message_id);
    let message = row.text(message_id).and_then(Identifier::message_id);
    message.into_iter().chain(network).collect()
}

/// The envelope sender under these names; a column that is there and empty is the null sender.
pub(super) fn sender(row: &Row, names: &[&str]) -> Option<evidence::Address> {
    row.has(names).then(|| evidence::Address::new(row.text(names).unwrap_or("")))
}

/// The subject under these names; line ends within it, which a long header leaves behind, become blanks.
pub(super) fn subject(row: &Row, names: &[&str]) -> Option<String> {
    let lines = row.text(names)?.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(lines.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| codes::trace_status(&code.means).is_some());
    }

    #[test]
    fn ok_statuses() {
        for (said, expected) in [
            ("Delivered", TraceStatus::Delivered),
            ("filteredAsSpam", TraceStatus::FilteredAsSpam),
            ("Filtered as spam", TraceStatus::FilteredAsSpam),
            ("gettingStatus", TraceStatus::GettingStatus),
            ("unknownFutureValue", TraceStatus::Other("unknownFutureValue".to_owned())),
        ] {
            assert_eq!(status(said), expected, "{said}");
        }
    }
}
