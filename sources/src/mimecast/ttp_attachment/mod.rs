//! The log of attachment protection (`ttp/attachment/get-logs`): what the sandbox said of which file.

use std::sync::LazyLock;

use evidence::{
    Action, Carried, Fact, Identifier, PolicyRef, Reading, Scope, SourceId, System, Unit, Verdict, VerdictKind,
};

use super::codes;
use super::rows;
use super::tables::{self, MessageNames};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, Likeness, MatchedBy, Recognition, Source, ZoneRule};

/// The attachment protection log.
pub(crate) struct TtpAttachment;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATES: &[&str] = &["date", "dates", "datet", "datetutc", "eventtime"];
const RESULT: &[&str] = &["result", "results"];
const ACTION: &[&str] = &["actiontriggered", "actiontriggereds"];
const FILE: &[&str] = &["filename", "filenames"];

const MESSAGE: MessageNames = tables::DETECTED;

const NEEDS: &[table::Need] = &[("fileName", FILE), ("result", RESULT), ("actionTriggered", ACTION)];

impl Source for TtpAttachment {
    fn id(&self) -> SourceId {
        "mimecast/ttp-attachment"
    }

    fn title(&self) -> &'static str {
        "Mimecast attachment protection log"
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
                 https://api.services.mimecast.com/api/ttp/attachment/get-logs -d '{\"data\":[{\"from\":\"{start}\",\"to\":\"{end}\"}]}'",
            ),
            clicks: Some("Administration Console > Monitoring > Attachment Protection > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "files that no definition of attachment protection covers have no row",
            "which other file of the message was let through",
            "that a held message was let go: the held release log",
            "one row a file, not a message",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["aggregateid", "acode"], None)
    }
}

impl Table for TtpAttachment {
    const WRAPPERS: &'static [&'static str] = &["data", "attachmentLogs", "value", "fail"];
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
        tables::check(row, &[("result", RESULT)])
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, DATES, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        MESSAGE.introduce(row, facts);
        let hash = row.text(&["filehash", "filehashs"]).map(str::to_ascii_lowercase);
        let attachment = Carried::Attachment {
            name: row.text(FILE).map(str::to_owned),
            sha256: hash.filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())),
            media_type: row.text(&["filetype", "filetypes"]).map(str::to_owned),
            size_bytes: None,
        };
        facts.say_by(FILE, Fact::Carried(attachment));
        let kind = row.text(RESULT).and_then(|word| CODES.means("result", word)).and_then(codes::verdict);
        let policy = row.text(&["definition", "definitions"]).map(|name| PolicyRef {
            kind: Some("Attachment Protection".to_owned()),
            name: Some(name.to_owned()),
            id: None,
        });
        let verdict = Verdict {
            kind: kind.unwrap_or(VerdictKind::Unknown),
            action: action(row),
            said: tables::said(row, &[("result", RESULT), ("actionTriggered", ACTION)]),
            policy,
            scope: Scope::Enforced,
        };
        facts.say_by(RESULT, Fact::Verdict(verdict));
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// What was done to the message. `user release` and `admin release` say who may ask for the file itself.
fn action(row: &Row) -> Action {
    let words = row.text(ACTION).unwrap_or_default();
    match words.split(',').find_map(|word| CODES.means("actionTriggered", word)) {
        Some("none") => Action::None,
        Some("held") => Action::Quarantined,
        Some("bounced") => Action::Bounced,
        Some("discarded") => Action::Discarded,
        Some("altered") => Action::Tagged,
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
                "result" => codes::verdict(&code.means).is_some(),
                "actionTriggered" => ["none", "held", "bounced", "discarded", "altered"].contains(&code.means.as_str()),
                _ => false,
            };
            assert!(known && code.source.contains("read 20"), "{code:?}");
        }
    }
}
