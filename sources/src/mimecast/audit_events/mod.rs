//! Audit events (`get-audit-events`): sign-ins, changes of settings, actions on messages, told in sentences.

mod facts;
mod prose;

use evidence::{Identifier, Reading, SourceId, System, Unit};

use self::facts::Told;
use super::rows;
use super::tables;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Staying, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, Likeness, MatchedBy, Recognition, Source, ZoneRule};

/// Audit events.
pub(crate) struct AuditEvents;

const TYPE: &[&str] = &["audittype", "audittypes"];
const INFO: &[&str] = &["eventinfo", "eventinfos", "eventinformation"];
const USER: &[&str] = &["user", "users"];
const CATEGORY: &[&str] = &["category", "categorys"];
const DATES: &[&str] = &["eventtime", "eventtimet", "eventtimetutc", "eventtimes", "datetime", "timegenerated"];

const NEEDS: &[table::Need] = &[("auditType", TYPE), ("eventInfo", INFO), ("eventTime", DATES)];

impl Source for AuditEvents {
    fn id(&self) -> SourceId {
        "mimecast/audit-events"
    }

    fn title(&self) -> &'static str {
        "Mimecast audit events"
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
                 https://api.services.mimecast.com/api/audit/get-audit-events -d '{\"data\":[{\"startDateTime\":\
                 \"{start}\",\"endDateTime\":\"{end}\"}]}'",
            ),
            clicks: Some("Administration Console > Account > Audit Logs shows and exports the same events"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the API looks back 60 days at most; the console shows more",
            "what a policy was before: events name what was changed, rarely the value before",
            "that a message left the queue: an action on a message is a request; the held release log proves the release",
            "a sign-in that an identity provider or a list of addresses stopped before Mimecast was asked",
            "the list of event types is open: an unknown type is shown with its own words",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["aggregateid", "acode"], None)
    }
}

impl Table for AuditEvents {
    const WRAPPERS: &'static [&'static str] = &["data", "value", "fail"];
    const DATE_NAMES: &'static [&'static str] = DATES;
    const STAYING: Staying = Staying::Holding(&[]);

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        told(row).ids()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        told(row).looks_like(at, likeness)
    }

    /// Sign-ins and changes bear on every message; an action on one message does not.
    fn stays(&self, row: &Row) -> bool {
        !told(row).is_about_a_message()
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn needs_all_rows(&self, _is_json: bool) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[("auditType", TYPE)])
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, DATES, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        told(row).state(facts);
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

fn told(row: &Row) -> Told<'_> {
    Told::of(
        row.text(TYPE).unwrap_or_default(),
        row.text(CATEGORY).unwrap_or_default(),
        row.text(USER),
        row.text(INFO).unwrap_or_default(),
    )
}
