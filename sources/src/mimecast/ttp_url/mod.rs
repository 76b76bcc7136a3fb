//! The log of URL protection (`ttp/url/get-logs`): who followed which link, and what became of it.

use std::sync::LazyLock;

use evidence::{
    Action, Carried, Click, Fact, Identifier, PolicyRef, Reading, Scope, SourceId, System, Unit, Verdict, VerdictKind,
};

use super::codes;
use super::rows;
use super::tables::{self, MessageNames};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, Likeness, MatchedBy, Recognition, Source, ZoneRule};

/// The URL protection log.
pub(crate) struct TtpUrl;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATES: &[&str] = &["date", "dates", "datet", "datetutc", "eventtime"];
const URL: &[&str] = &["url", "urls"];
const ACTION: &[&str] = &["action"];
const ACTIONS: &[&str] = &["actions"];
const SCAN: &[&str] = &["scanresult", "scanresults"];
const METHOD: &[&str] = &["creationmethod", "creationmethods"];

const MESSAGE: MessageNames = MessageNames {
    id: &["messageid", "messageids"],
    envelope_sender: &[],
    header_from: &["fromuseremailaddress", "fromuseremailaddresss"],
    recipients: &["useremailaddress", "useremailaddresss"],
    subject: &["subject", "subjects"],
    direction: &["route", "routes"],
};

const NEEDS: &[table::Need] =
    &[("userEmailAddress", MESSAGE.recipients), ("url", URL), ("scanResult", SCAN), ("date", DATES)];

impl Source for TtpUrl {
    fn id(&self) -> SourceId {
        "mimecast/ttp-url"
    }

    fn title(&self) -> &'static str {
        "Mimecast URL protection log"
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
                 https://api.services.mimecast.com/api/ttp/url/get-logs -d '{\"data\":[{\"from\":\"{start}\",\"to\":\"{end}\"}]}'",
            ),
            clicks: Some("Administration Console > Monitoring > URL Protection > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "a link that was rewritten and never followed has no row",
            "a click does not show where the message lies: it may have been forwarded",
            "a click on a blocked page is refused to the person; the message stays where it is",
            "one row a click or scan, not a message",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["aggregateid", "acode"], None)
    }
}

impl Table for TtpUrl {
    const WRAPPERS: &'static [&'static str] = &["data", "clickLogs", "value", "fail"];
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
        tables::check(row, &[("url", URL)])
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, DATES, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        MESSAGE.introduce(row, facts);
        let url = row.text(URL).unwrap_or_default().to_owned();
        let place = row.list(&["emailpartsdescription", "emailpartsdescriptions"]).join(", ");
        let place = Some(place).filter(|place| !place.is_empty());
        facts.say_by(URL, Fact::Carried(Carried::Url { url: url.clone(), place }));
        let kind = kind(row);
        let said = said(row);
        if let Some(by) = clicked_by(row) {
            let click = Click { url, by, verdict: kind.clone(), action: click_action(row), said: said.clone() };
            facts.say_by(ACTION, Fact::Click(click));
        }
        let policy = row.text(&["ttpdefinition", "ttpdefinitions"]).map(|name| PolicyRef {
            kind: Some("URL Protection".to_owned()),
            name: Some(name.to_owned()),
            id: None,
        });
        let verdict = Verdict { kind, action: message_action(row), said, policy, scope: Scope::Enforced };
        facts.say_by(SCAN, Fact::Verdict(verdict));
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// What the link was judged to be. A link that was blocked although the scan found nothing is on a list.
fn kind(row: &Row) -> VerdictKind {
    let scan = row.text(SCAN).and_then(|word| CODES.means("scanResult", word)).and_then(codes::verdict);
    match scan.unwrap_or(VerdictKind::Unknown) {
        VerdictKind::Clean if click_action(row) == Action::Rejected => VerdictKind::Url,
        kind => kind,
    }
}

/// Who clicked; `None` if the service itself scanned the link as the message came in, or by a method of no table.
fn clicked_by(row: &Row) -> Option<Option<String>> {
    let is_click = row.text(METHOD).is_none_or(|word| CODES.means("creationMethod", word) == Some("click"));
    is_click.then(|| row.text(MESSAGE.recipients).map(str::to_owned))
}

/// What the person met: `action`, and `actions` where that is of no table.
fn click_action(row: &Row) -> Action {
    let of = |names| row.text(names).and_then(|word| CODES.means("action", word));
    match of(ACTION).or_else(|| of(ACTIONS)) {
        Some("allowed") => Action::None,
        Some("warned") => Action::Tagged,
        Some("blocked") => Action::Rejected,
        _ => Action::NotSaid,
    }
}

/// What was done to the message: a click does nothing to it, a scan may hold it.
fn message_action(row: &Row) -> Action {
    match row.text(ACTION).and_then(|word| CODES.means("action", word)) {
        Some("held") => Action::Quarantined,
        _ if clicked_by(row).is_some() => Action::None,
        Some("allowed") => Action::None,
        Some("warned") => Action::None,
        _ => Action::NotSaid,
    }
}

fn said(row: &Row) -> String {
    const WORDS: &[(&str, &[&str])] = &[
        ("action", ACTION),
        ("scanResult", SCAN),
        ("category", &["category", "categorys"]),
        ("creationMethod", METHOD),
        ("userAwarenessAction", &["userawarenessaction", "userawarenessactions"]),
        ("adminOverride", &["adminoverride", "adminoverrides"]),
        ("userOverride", &["useroverride", "useroverrides"]),
    ];
    tables::said(row, WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            let known = match code.field.as_str() {
                "scanResult" => codes::verdict(&code.means).is_some(),
                "action" => ["allowed", "warned", "blocked", "held"].contains(&code.means.as_str()),
                "creationMethod" => ["scan", "click"].contains(&code.means.as_str()),
                _ => false,
            };
            assert!(known && code.source.contains("read 20"), "{code:?}");
        }
    }
}
