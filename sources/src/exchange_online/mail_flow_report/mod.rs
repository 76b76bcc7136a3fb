//! Reports that count mail: by day, direction and event, and the detail rows behind such a count.

use std::sync::LazyLock;

use evidence::{
    Access, Action, Address, Fact, Identifier, Identity, Property, Scope, SourceId, Total, Unit, Verdict, VerdictKind,
    When,
};
use jiff::SignedDuration;

use crate::codes::{self, Codes};
use crate::defender::verdict;
use crate::microsoft::details;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Likeness, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATE: &[&str] = &["date", "dateutc"];
const COUNT: &[&str] = &["messagecount", "count"];

/// Counts of a cmdlet: one row a day, direction and event.
const COUNTS: &[Need] = &[
    ("Date", DATE),
    ("EventType", &["eventtype"]),
    ("Direction", &["direction"]),
    ("MessageCount", &["messagecount"]),
];

/// Messages behind a count.
const DETAIL: &[Need] = &[
    ("Date", DATE),
    ("EventType", &["eventtype"]),
    ("MessageTraceId", &["messagetraceid"]),
    ("RecipientAddress", &["recipientaddress"]),
    ("Direction", &["direction"]),
];

/// Counts of the portal: one row a day, one column an event.
const WIDE: &[Need] = &[
    ("Date", DATE),
    ("Good mail", &["goodmail"]),
    ("Spam", &["spam", "spamdetections"]),
    ("Malware", &["malware", "emailmalware"]),
];

/// Columns of the portal's CSV that count, as it spells them.
const COLUMNS: &[&str] = &[
    "goodmail",
    "malware",
    "emailmalware",
    "phish",
    "phishing",
    "phishingemail",
    "emailphish",
    "spam",
    "spamdetections",
    "edgeprotection",
    "edgeblockspam",
    "rulemessages",
    "transportrules",
    "dlp",
    "datalossprevention",
    "total",
];

/// Mail flow and threat protection reports of Exchange Online.
pub(crate) struct MailFlowReport;

impl Source for MailFlowReport {
    fn id(&self) -> SourceId {
        "exchange-online/mail-flow-report"
    }

    fn title(&self) -> &'static str {
        "Exchange Online mail flow and threat protection reports"
    }

    fn unit(&self) -> Unit {
        Unit::Total
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Get-MailFlowStatusReport -StartDate '{start}' -EndDate '{end}' -PageSize 5000 | ConvertTo-Json | \
                 Set-Content mail_flow_status.json -Encoding utf8",
            ),
            clicks: Some(
                "Microsoft Defender portal > Reports > Email & collaboration > Mailflow status report > Export",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "messages: one message to five recipients counts five",
            "what changed after delivery: ZAP and releases do not change the counts of the mail flow status report",
            "today: data comes the next day and settles over some days; the spoof report lags 3 to 4 days",
            "more than one threat of a message: the primary one is counted",
            "rows beyond the page: 1,000 unless asked for otherwise, without a sign that more exist",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        [COUNTS, DETAIL, WIDE]
            .into_iter()
            .map(|needs| table::recognise(head, needs, &["status", "processingid"], None))
            .find(|found| *found == Recognition::Certain)
            .unwrap_or(Recognition::No)
    }
}

impl Table for MailFlowReport {
    const ID_NAMES: &'static [&'static str] = &["messageid", "messagetraceid"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const OTHERS: &'static str = "not about this message";

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let message = row.text(&["messageid"]).and_then(Identifier::message_id);
        let network = row.text(&["messagetraceid"]).and_then(Identifier::network_message_id);
        message.into_iter().chain(network).collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        let (senders, recipients) = (row.addresses(&["senderaddress"]), row.addresses(&["recipientaddress"]));
        likeness.fits(&senders, &recipients, row.text(&["subject"]), at)
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.has(&["messagetraceid"]) && row.text(&["messagetraceid"]).is_some() {
            return Ok(());
        }
        let counts = || COLUMNS.iter().chain(COUNT).filter_map(|name| row.text(&[name]));
        match counts().next() {
            None => Err(missing("MessageCount", "the row counts nothing")),
            Some(_) if counts().all(|said| count(said).is_some()) => Ok(()),
            Some(_) => {
                let found = counts().find(|said| count(said).is_none()).unwrap_or_default();
                Err(Torn { expected: "a whole number".to_owned(), found: crate::text::first_words(found) })
            }
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        if row.text(&["messagetraceid"]).is_some() {
            return message(row, facts);
        }
        let (from, to) = window(facts.when.as_ref());
        let by = by(row);
        let mut total = |measure: &str, said: Option<&str>, mark: &str| {
            if let Some(count) = said.and_then(count) {
                let (from, to, by) = (from.clone(), to.clone(), by.clone());
                let total = Total { measure: measure.to_owned(), count, unit: Some(Unit::Recipient), from, to, by };
                facts.say_by(&[mark], Fact::Total(total));
            }
        };
        match row.text(&["eventtype"]) {
            Some(measure) => total(measure, row.text(COUNT), "messagecount"),
            None => {
                for name in COLUMNS {
                    total(row.written(name).unwrap_or(name), row.text(&[name]), name);
                }
            }
        }
    }
}

/// A count as written, also with separators of thousands.
fn count(said: &str) -> Option<u64> {
    let digits: String = said.chars().filter(|c| !matches!(c, ',' | ' ' | '\u{a0}' | '\u{202f}')).collect();
    digits.parse().ok()
}

/// The day that begins at a report's date, in UTC or in the zone that the date names, or the hour, if the date has a time.
fn window(date: Option<&When>) -> (Option<When>, Option<When>) {
    let Some(date) = date else { return (None, None) };
    let is_midnight = || ["T00:00", " 00:00"].iter().any(|midnight| date.said.contains(midnight));
    let is_day = date.at.as_second().rem_euclid(24 * 60 * 60) == 0 || is_midnight();
    let length = if is_day { SignedDuration::from_hours(24) } else { SignedDuration::from_hours(1) };
    let end = date.at.checked_add(length).ok();
    (Some(date.clone()), end.map(|at| When { at, ..date.clone() }))
}

/// By what a count was broken down.
fn by(row: &Row) -> Vec<Property> {
    let names =
        ["organization", "domain", "direction", "verdictsource", "action", "summarizeby", "dlppolicy", "transportrule"];
    details(row, &names)
}

/// One message behind a count.
fn message(row: &Row, facts: &mut Facts<'_>) {
    facts.about.envelope_recipients = row.addresses(&["recipientaddress"]);
    facts.say(Fact::Identity(Identity {
        envelope_sender: row.text(&["senderaddress"]).map(Address::new),
        subject: row.text(&["subject"]).map(str::to_owned),
        size_bytes: row.text(&["messagesize"]).and_then(|size| size.parse().ok()),
        direction: match row.text(&["direction"]).map(str::to_ascii_lowercase).as_deref() {
            Some("inbound") => Some(Access::Inbound),
            Some("outbound") => Some(Access::Outbound),
            Some("intraorg") => Some(Access::Internal),
            _ => None,
        },
        ..Identity::default()
    }));
    let event = row.text(&["eventtype"]).unwrap_or_default();
    let words = details(row, &["eventtype", "verdicttype", "action", "bulkcomplaintlevel", "filename", "malwarename"]);
    let said = words.into_iter().map(|one| format!("{}={}", one.name, one.values.join(", "))).collect::<Vec<_>>();
    let by_word = || row.text(&["verdicttype"]).and_then(verdict::threat);
    let kind = CODES.means("EventType", event).and_then(codes::verdict_kind).or_else(by_word);
    let kind = kind.unwrap_or(VerdictKind::Unknown);
    let action =
        row.text(&["action"]).and_then(|said| verdict::action("PolicyAction", said)).unwrap_or(Action::NotSaid);
    facts.say_by(
        &["eventtype"],
        Fact::Verdict(Verdict { kind, action, said: said.join(", "), policy: None, scope: Scope::Enforced }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| codes::verdict_kind(&code.means).is_some());
    }
}
