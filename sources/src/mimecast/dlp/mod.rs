//! The log of content examination and data loss prevention (`dlp/get-logs`): which policy matched, and what was done.

use std::sync::LazyLock;

use evidence::{Action, Fact, Identifier, PolicyRef, Reading, Scope, SourceId, System, Unit, Verdict, VerdictKind};

use super::rows;
use super::tables::{self, MessageNames};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, Likeness, MatchedBy, Recognition, Source, ZoneRule};

/// The content examination log.
pub(crate) struct Dlp;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATES: &[&str] = &["eventtime", "eventtimes", "eventtimet", "eventtimetutc", "date"];
const POLICY: &[&str] = &["policy", "policys"];
const ACTION: &[&str] = &["action", "actions"];

const MESSAGE: MessageNames = tables::DETECTED;

const NEEDS: &[table::Need] = &[
    ("policy", POLICY),
    ("action", ACTION),
    ("senderAddress", MESSAGE.envelope_sender),
    ("recipientAddress", MESSAGE.recipients),
    ("eventTime", &["eventtime", "eventtimes", "eventtimet", "eventtimetutc"]),
];

impl Source for Dlp {
    fn id(&self) -> SourceId {
        "mimecast/dlp"
    }

    fn title(&self) -> &'static str {
        "Mimecast content examination log"
    }

    fn unit(&self) -> Unit {
        Unit::Event
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
                 https://api.services.mimecast.com/api/dlp/get-logs -d '{\"data\":[{\"from\":\"{start}\",\"to\":\"{end}\"}]}'",
            ),
            clicks: Some("Administration Console > Monitoring > Data Leak Prevention > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which words or pattern matched: that is in the definition",
            "one message gives several rows: one a policy, action and recipient",
            "that a held message was let go: the held release log",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["aggregateid", "acode", "identifiers", "filename"], None)
    }
}

impl Table for Dlp {
    const WRAPPERS: &'static [&'static str] = &["data", "dlpLogs", "value", "fail"];
    const ID_NAMES: &'static [&'static str] = MESSAGE.id;
    const DATE_NAMES: &'static [&'static str] = DATES;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        MESSAGE.ids(row)
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        MESSAGE.look_like(row, at, likeness)
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[("policy", POLICY), ("action", ACTION)])
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, DATES, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        MESSAGE.introduce(row, facts);
        let name = row.text(POLICY).map(str::to_owned);
        let verdict = Verdict {
            kind: VerdictKind::DataLoss,
            action: action(row),
            said: tables::said(row, &[("policy", POLICY), ("action", ACTION)]),
            policy: Some(PolicyRef { kind: Some("Content Examination".to_owned()), name, id: None }),
            scope: Scope::Enforced,
        };
        facts.say_by(ACTION, Fact::Verdict(verdict));
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// What was done to the message. A notice goes to somebody and leaves the message alone.
fn action(row: &Row) -> Action {
    match row.text(ACTION).and_then(|word| CODES.means("action", word)) {
        Some("none") => Action::None,
        Some("held") => Action::Quarantined,
        Some("bounced") => Action::Bounced,
        Some("discarded") => Action::Discarded,
        _ => Action::NotSaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            let known = match code.field.as_str() {
                "action" => ["none", "held", "bounced", "discarded"].contains(&code.means.as_str()),
                _ => false,
            };
            assert!(known && code.source.contains("read 20"), "{code:?}");
        }
    }
}
