//! Enhanced summary: the downloadable message trace, one row a message, all recipients in one cell.

use std::sync::LazyLock;

use evidence::{
    Access, Address, Fact, Identifier, Identity, Quarantine, QuarantineState, Redirect, SourceId, Status, TraceStatus,
    Unit,
};

use super::STORE;
use super::message_trace::{ids, sender, subject};
use super::reply::peer;
use crate::codes::{self, Codes};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Likeness, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATE: &[&str] = &["origintimestamputc", "origintimestamp"];
const SENDER: &[&str] = &["senderaddress"];
const STATUS: &[&str] = &["recipientstatus"];
const SUBJECT: &[&str] = &["messagesubject"];
const NEEDS: &[Need] = &[
    ("origin_timestamp_utc", DATE),
    ("recipient_status", STATUS),
    ("sender_address", SENDER),
    ("message_id", &["messageid", "networkmessageid"]),
];

/// Enhanced summary report.
pub(crate) struct EnhancedSummary;

impl Source for EnhancedSummary {
    fn id(&self) -> SourceId {
        "exchange-online/enhanced-summary"
    }

    fn title(&self) -> &'static str {
        "Exchange Online enhanced summary report"
    }

    fn unit(&self) -> Unit {
        Unit::Message
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    /// The last 1 to 4 hours are missing.
    fn lag(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_mins(4 * 60)
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Start-HistoricalSearch -ReportTitle throughline -ReportType MessageTrace -MessageID '<{message_id}>' \
                 -StartDate '{start}' -EndDate '{end}'",
            ),
            clicks: Some(
                "Exchange admin center > Mail flow > Message trace > Start a trace > Report type: Enhanced summary \
                 report > Prepare report > Downloadable reports",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the last 1 to 4 hours (by older pages 24 hours), and anything older than 90 days",
            "when each recipient's copy went on: the one time is that of its arrival",
            "the folder of a delivered message, and anything after delivery",
            "members of a group when the group itself was searched for",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["eventid", "processingid", "aggregateid"], None)
    }
}

impl Table for EnhancedSummary {
    const ID_NAMES: &'static [&'static str] = &["networkmessageid", "messageid"];
    const DATE_NAMES: &'static [&'static str] = DATE;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        ids(row, &["networkmessageid"], &["messageid"])
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        let recipients: Vec<Address> = recipients(row).into_iter().map(|(recipient, _)| recipient).collect();
        likeness.fits(&row.addresses(SENDER), &recipients, row.text(SUBJECT), at)
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(SENDER), recipients(row).into_iter().map(|(recipient, _)| recipient).collect())
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        row.text(STATUS).map(drop).ok_or_else(|| missing("recipient_status", "the row has other cells"))
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let copies = recipients(row);
        facts.about.envelope_recipients = copies.iter().map(|(recipient, _)| recipient.clone()).collect();
        facts.say(Fact::Identity(Identity {
            envelope_sender: sender(row, SENDER),
            subject: subject(row, SUBJECT),
            size_bytes: row.text(&["totalbytes"]).and_then(|size| size.parse().ok()),
            direction: direction(row),
            ..Identity::default()
        }));
        for (recipient, events) in copies {
            facts.about(vec![recipient], |facts| state_copy(row, &events, facts));
        }
    }
}

fn state_copy(row: &Row, events: &str, facts: &mut Facts<'_>) {
    let status = status(events);
    let said = events.to_owned();
    let from = peer(None, row.text(&["originalclientip"]));
    facts.say_by(STATUS, Fact::Status(Status { status: status.clone(), said: said.clone(), to: None, from }));
    match status {
        TraceStatus::Expanded => facts.say_by(STATUS, Fact::Redirect(Redirect::Expanded { members: Vec::new() })),
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

/// Splits `a@example.com##Receive, Deliver;b@example.com##Receive, Fail`.
fn recipients(row: &Row) -> Vec<(Address, String)> {
    let cell = row.list(STATUS).join(";");
    let mut found: Vec<(Address, String)> = Vec::new();
    for part in cell.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once("##") {
            Some((recipient, events)) => found.push((Address::new(recipient), events.trim().to_owned())),
            // A `;` within the events belongs to the recipient before it.
            None => match found.last_mut() {
                Some((_, events)) => {
                    events.push(';');
                    events.push_str(part);
                }
                None => found.push((Address::new(part), String::new())),
            },
        }
    }
    found
}

/// The last known word decides; `Receive` alone says only that the message came.
fn status(events: &str) -> TraceStatus {
    let words = events.split([',', ';']).rev().filter_map(|word| CODES.means("recipient_status", word.trim()));
    words.filter_map(codes::trace_status).next().unwrap_or_else(|| TraceStatus::Other(events.to_owned()))
}

/// The direction as the report prints it.
pub(super) fn direction(row: &Row) -> Option<Access> {
    match CODES.means("directionality", row.text(&["directionality"])?)? {
        "inbound" => Some(Access::Inbound),
        "outbound" => Some(Access::Outbound),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "recipient_status" => codes::trace_status(&code.means).is_some(),
            _ => matches!(code.means.as_str(), "inbound" | "outbound"),
        });
    }

    #[test]
    fn ok_statuses() {
        for (events, expected) in [
            ("Receive, Deliver", TraceStatus::Delivered),
            ("Receive, Send", TraceStatus::Delivered),
            ("Receive, Quarantined", TraceStatus::Quarantined),
            ("Receive", TraceStatus::Other("Receive".to_owned())),
            ("", TraceStatus::Other(String::new())),
        ] {
            assert_eq!(status(events), expected, "{events}");
        }
    }
}
