//! The summary of the held queue (`get-hold-summary-list`): how many are held, by definition.

use evidence::{Fact, Property, Reading, SourceId, System, Total, Unit};

use super::rows;
use super::tables;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Staying, Table};
use crate::{Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

/// The hold summary.
pub(crate) struct HoldSummary;

const POLICY: &[&str] = &["policyinfo"];
const COUNT: &[&str] = &["numberofitems"];

const NEEDS: &[table::Need] = &[("policyInfo", POLICY), ("numberOfItems", COUNT)];

impl Source for HoldSummary {
    fn id(&self) -> SourceId {
        "mimecast/hold-summary"
    }

    fn title(&self) -> &'static str {
        "Mimecast hold summary"
    }

    fn unit(&self) -> Unit {
        Unit::Total
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
                 https://api.services.mimecast.com/api/gateway/get-hold-summary-list -d '{\"data\":[]}'",
            ),
            clicks: Some("Administration Console > Message Center > Held Summary"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which messages are held: the held queue",
            "messages that were let go, rejected or ran out: they are no longer counted",
            "one count is of messages and held recipients, not of messages",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["reasoncode", "from"], None)
    }
}

impl Table for HoldSummary {
    const WRAPPERS: &'static [&'static str] = &["data", "value", "fail"];
    const OTHERS: &'static str = "not about one message";
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[("policyInfo", POLICY), ("numberOfItems", COUNT)])?;
        match count(row) {
            Some(_) => Ok(()),
            None => Err(Torn {
                expected: "a number under `numberOfItems`".to_owned(),
                found: row.text(COUNT).map_or("none".to_owned(), crate::text::first_words),
            }),
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.when = facts.snapshot();
        let Some(count) = count(row) else { return };
        let by = Property {
            name: "policyInfo".to_owned(),
            values: row.list(POLICY).into_iter().map(str::to_owned).collect(),
        };
        let total = Total {
            measure: "numberOfItems".to_owned(),
            count,
            unit: Some(Unit::Recipient),
            from: None,
            to: facts.when.clone(),
            by: vec![by],
        };
        facts.say_by(COUNT, Fact::Total(total));
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

fn count(row: &Row) -> Option<u64> {
    row.text(COUNT)?.replace(',', "").parse().ok()
}
