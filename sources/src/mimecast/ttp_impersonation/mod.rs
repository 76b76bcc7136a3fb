//! The log of impersonation protection (`ttp/impersonation/get-logs`): who seemed to be imitated, by which definition, and what was done.

use evidence::{Action, Fact, Identifier, PolicyRef, Reading, Scope, SourceId, System, Unit, Verdict, VerdictKind};

use super::rows;
use super::siem::detection_action;
use super::tables::{self, MessageNames};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, Likeness, MatchedBy, Recognition, Source, ZoneRule};

/// The impersonation protection log.
pub(crate) struct TtpImpersonation;

const DATES: &[&str] = &["eventtime", "eventtimes", "eventtimet", "eventtimetutc", "date"];
const IDENTIFIERS: &[&str] = &["identifiers", "identifierss"];
const ACTION: &[&str] = &["action", "actions"];
const DEFINITION: &[&str] = &["definition", "definitions"];

const HITS: &[&str] = &["hits", "hitsd"];

const MESSAGE: MessageNames = tables::DETECTED;

const NEEDS: &[table::Need] = &[
    ("identifiers", &["identifiers", "identifierss", "impersonationresults", "impersonationresultss"]),
    ("definition", DEFINITION),
    ("taggedMalicious", &["taggedmalicious", "taggedmaliciouss", "taggedmaliciousb"]),
    ("recipientAddress", MESSAGE.recipients),
];

impl Source for TtpImpersonation {
    fn id(&self) -> SourceId {
        "mimecast/ttp-impersonation"
    }

    fn title(&self) -> &'static str {
        "Mimecast impersonation protection log"
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
                 https://api.services.mimecast.com/api/ttp/impersonation/get-logs -d '{\"data\":[{\"from\":\"{start}\",\"to\":\"{end}\"}]}'",
            ),
            clicks: Some("Administration Console > Monitoring > Impersonation Protection > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "messages that no definition hit have no row",
            "that a held message was let go: the held release log",
            "a definition without action still writes a row: several definitions may hit one message",
            "who is on the list of imitated names: that is in the definition",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["aggregateid", "acode"], None)
    }
}

impl Table for TtpImpersonation {
    const WRAPPERS: &'static [&'static str] = &["data", "impersonationLogs", "value", "fail"];
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
        tables::check(row, &[("definition", DEFINITION)])
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, DATES, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        MESSAGE.introduce(row, facts);
        let policy = row.text(DEFINITION).map(|name| PolicyRef {
            kind: Some("Impersonation Protection".to_owned()),
            name: Some(name.to_owned()),
            id: None,
        });
        // A definition that found nothing may still write a row.
        let is_hit = row.text(HITS) != Some("0") || !row.list(IDENTIFIERS).is_empty();
        let verdict = Verdict {
            kind: if is_hit { VerdictKind::Impersonation } else { VerdictKind::Clean },
            action: action(row),
            said: said(row),
            policy,
            scope: Scope::Enforced,
        };
        facts.say_by(ACTION, Fact::Verdict(verdict));
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// What was done: a message that goes on may still be marked.
fn action(row: &Row) -> Action {
    let is_tagged = [["taggedmalicious", "taggedmaliciousb"], ["taggedexternal", "taggedexternalb"]]
        .iter()
        .any(|names| row.flag(names) == Some(true));
    match row.text(ACTION).map_or(Action::NotSaid, detection_action) {
        Action::None if is_tagged => Action::Tagged,
        other => other,
    }
}

/// The words of the row, and what each hit was about.
fn said(row: &Row) -> String {
    let mut said = tables::said(row, &[("action", ACTION), ("hits", HITS)]);
    for word in row.list(IDENTIFIERS) {
        said.push_str("; ");
        said.push_str(word);
    }
    for result in row.objects(&["impersonationresults", "impersonationresultss"]) {
        let part = |key| super::values::text_at(&result, key);
        if let Some(found) = part("similarDomain").or_else(|| part("stringSimilarToDomain")) {
            let source = part("impersonationDomainSource").unwrap_or_else(|| "hit".to_owned());
            said.push_str(&format!("; {source}: {found}"));
        }
    }
    said
}
