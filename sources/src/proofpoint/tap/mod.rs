//! Proofpoint TAP: messages that carried a threat, blocked or delivered, and clicks on rewritten links.

use std::sync::LazyLock;

use evidence::{
    Action, Address, Carried, Click, Fact, Identifier, Identity, Peer, PolicyRef, Product, Quarantine, QuarantineState,
    Scope, SourceId, Status, System, TraceStatus, Unit, Verdict,
};
use serde_json::{Map, Value};

use super::{HOST, classified, id, queue_ids};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const MESSAGE: &[Need] = &[
    ("messageTime", &["messagetime"]),
    ("impostorScore", &["impostorscore", "threatsinfomap"]),
    ("phishScore", &["phishscore", "modulesrun", "policyroutes"]),
    ("recipient", &["recipient"]),
];

const CLICK: &[Need] =
    &[("clickTime", &["clicktime"]), ("clickIP", &["clickip"]), ("threatStatus", &["threatstatus"]), ("url", &["url"])];

/// The lists of a whole answer.
const SECTIONS: [&str; 4] = ["messagesBlocked", "messagesDelivered", "clicksBlocked", "clicksPermitted"];

/// Events of the TAP SIEM interface.
pub(crate) struct Tap;

impl Source for Tap {
    fn id(&self) -> SourceId {
        "proofpoint/tap"
    }

    fn title(&self) -> &'static str {
        "Proofpoint TAP events"
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
                "curl -s -u \"$PRINCIPAL:$SECRET\" \"https://tap-api-v2.proofpoint.com/v2/siem/all?format=json&interval={start}/{end}\" -o tap.json",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "messages without a threat: the interface lists only those that carried one, so absence proves nothing",
            "that a message listed as delivered reached a mailbox: it went on to the mail server; its log shows more",
            "what happened more than 7 days ago, or in more than an hour a query",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if head.text.contains("\"queryEndTime\"") && SECTIONS.iter().any(|name| head.text.contains(name)) {
            return Recognition::Certain;
        }
        let of_logger = ["ecs", "observer", "ecsversion"];
        match table::recognise(head, MESSAGE, &of_logger, None) {
            Recognition::Certain => Recognition::Certain,
            message => match table::recognise(head, CLICK, &of_logger, None) {
                Recognition::Certain => Recognition::Certain,
                _ => message,
            },
        }
    }
}

impl Table for Tap {
    const WRAPPERS: &'static [&'static str] =
        &["messagesBlocked", "messagesDelivered", "clicksBlocked", "clicksPermitted", "events", "log"];
    const ID_NAMES: &'static [&'static str] = &["messageid", "guid", "qid"];
    const DATE_NAMES: &'static [&'static str] = &["messagetime", "clicktime"];
    // An event does not say whether it was blocked: the list around it does.
    const ROWS_STAND_ALONE: bool = false;
    const QUEUE_HOST: Option<&'static str> = Some(HOST);

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let mut ids: Vec<Identifier> = row.text(&["messageid"]).and_then(Identifier::message_id).into_iter().collect();
        ids.extend(row.text(&["guid"]).and_then(id));
        ids.extend(row.text(&["qid"]).map(|qid| queue_ids(qid, None)).unwrap_or_default());
        ids
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &crate::Likeness) -> bool {
        let mut senders = row.addresses(&["sender"]);
        senders.extend(row.addresses(&["fromaddress"]));
        likeness.fits(&senders, &row.addresses(&["recipient"]), row.text(&["subject"]), at)
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(&["sender"]), row.addresses(&["recipient"]))
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let is_event = row.has(&["messagetime", "clicktime"]) && row.text(Self::DATE_NAMES).is_some();
        if is_event { Ok(()) } else { Err(missing("messageTime` or `clickTime", "the row has other keys")) }
    }

    fn surround(&self, input: &Input<'_>, rows: &mut [Row]) {
        let mut lists: Vec<(usize, &'static str)> = SECTIONS
            .iter()
            .flat_map(|name| {
                memchr::memmem::find_iter(input.bytes, &spelled(name, input.bytes))
                    .map(move |at| (at, *name))
                    .collect::<Vec<_>>()
            })
            .collect();
        lists.sort_unstable();
        for row in rows {
            let start = usize::try_from(row.bytes().start).unwrap_or(usize::MAX);
            let before = lists.partition_point(|(at, _)| *at < start);
            row.section = before.checked_sub(1).and_then(|at| lists.get(at)).map(|(_, name)| *name);
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Proofpoint)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = row.addresses(&["recipient"]);
        if row.has(&["clicktime"]) {
            return click(row, facts);
        }
        identity(row, facts);
        let passed = was_let_go(row);
        threats(row, passed, facts);
        held(row, passed, facts);
        carried(row, facts);
    }
}

/// A key as the file's encoding spells it.
fn spelled(name: &str, file: &[u8]) -> Vec<u8> {
    let quoted = format!("\"{name}\"");
    match crate::text::encoding_of(file).0 {
        crate::text::Encoding::Utf16Le => quoted.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        crate::text::Encoding::Utf16Be => quoted.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => quoted.into_bytes(),
    }
}

/// Whether the event was let go on, by the list in which it stands or the word that a collector added.
fn was_let_go(row: &Row) -> Option<bool> {
    let said = row.section.or_else(|| row.text(&["status", "eventtype", "type"]))?;
    match CODES.means("section", said)? {
        "blocked" => Some(false),
        "let_go" => Some(true),
        _ => None,
    }
}

fn identity(row: &Row, facts: &mut Facts<'_>) {
    let mut header_to = row.addresses(&["toaddresses"]);
    header_to.extend(row.addresses(&["ccaddresses"]));
    let identity = Identity {
        envelope_sender: row.text(&["sender"]).map(Address::new),
        header_from: row.addresses(&["fromaddress"]).into_iter().next(),
        header_to,
        subject: row.text(&["subject"]).map(str::to_owned),
        size_bytes: row.text(&["messagesize"]).and_then(|size| size.parse().ok()),
        ..Identity::default()
    };
    facts.say(Fact::Identity(identity));
}

/// The threats that the message carried. What was found after it had been let go on is dated by the finding.
fn threats(row: &Row, passed: Option<bool>, facts: &mut Facts<'_>) {
    let arrived = facts.when.clone();
    let folder = row.text(&["quarantinefolder"]);
    let action = match (passed, folder) {
        (Some(true), _) => Action::None,
        (_, Some(_)) => Action::Quarantined,
        _ => Action::NotSaid,
    };
    for threat in row.objects(&["threatsinfomap"]) {
        let text = |name: &str| said(&threat, name);
        let classification = text("classification").unwrap_or_default();
        let status = text("threatStatus").unwrap_or_default();
        let found = text("threatTime").and_then(|at| facts.instant(&at));
        let later = match (&found, &arrived) {
            (Some(found), Some(arrived)) => passed == Some(true) && found.at > arrived.at,
            _ => false,
        };
        facts.when = if later { found } else { arrived.clone() };
        let words: Vec<String> = ["classification", "threatType", "threatStatus", "threat", "campaignId", "campaignID"]
            .iter()
            .filter_map(|name| Some(format!("{name}={}", text(name)?)))
            .collect();
        let verdict = Verdict {
            kind: classified(CODES.means("classification", &classification)),
            action: action.clone(),
            said: words.join(" "),
            policy: policy(row),
            scope: Scope::Enforced,
        };
        facts.say_key("classification", Fact::Verdict(verdict));
        if later {
            facts.say(Fact::Note { said: "the threat was found after the message had been let go on".to_owned() });
        }
        if CODES.means("threatStatus", &status) == Some("withdrawn") {
            let said = format!(
                "Proofpoint withdrew the threat (threatStatus={status}): the verdict was a mistake, or is over"
            );
            facts.say(Fact::Note { said });
        }
        if text("threatType").is_some_and(|kind| kind.eq_ignore_ascii_case("url"))
            && let Some(url) = text("threat")
        {
            facts.say(Fact::Carried(Carried::Url { url, place: None }));
        }
    }
    facts.when = arrived;
}

fn policy(row: &Row) -> Option<PolicyRef> {
    let name = row.text(&["quarantinerule"]).map(str::to_owned)?;
    Some(PolicyRef { kind: Some("quarantineRule".to_owned()), name: Some(name), id: None })
}

/// Whether it was kept back, or the word for the list in which it stands.
fn held(row: &Row, passed: Option<bool>, facts: &mut Facts<'_>) {
    let folder = row.text(&["quarantinefolder"]);
    let from = row.text(&["senderip"]).map(|ip| Peer { ip: Some(ip.to_owned()), ..Peer::default() });
    match (passed, folder) {
        (Some(true), folder) => {
            let said = row.section.or_else(|| row.text(&["status"])).unwrap_or("delivered").to_owned();
            facts.say_by(&["status"], Fact::Status(Status { status: TraceStatus::Delivered, said, to: None, from }));
            if let Some(folder) = folder {
                facts.say(Fact::Note { said: format!("a copy stands in the quarantine folder `{folder}`") });
            }
        }
        (_, Some(folder)) => {
            let hold = Quarantine {
                state: QuarantineState::Held,
                store: format!("Proofpoint quarantine ({folder})"),
                policy: policy(row),
                id: None,
                until: None,
                said: format!("quarantineFolder={folder}"),
            };
            facts.say_by(&["quarantinefolder"], Fact::Quarantine(hold));
        }
        (Some(false), None) => {
            let said = row.section.or_else(|| row.text(&["status"])).unwrap_or("blocked").to_owned();
            let status = TraceStatus::Other("blocked".to_owned());
            facts.say_by(&["status"], Fact::Status(Status { status, said, to: None, from }));
        }
        (None, None) => {}
    }
}

fn carried(row: &Row, facts: &mut Facts<'_>) {
    for part in row.objects(&["messageparts"]) {
        let text = |name: &str| said(&part, name);
        if text("disposition").is_some_and(|word| word.eq_ignore_ascii_case("inline")) {
            continue;
        }
        facts.say(Fact::Carried(Carried::Attachment {
            name: text("filename"),
            sha256: text("sha256").map(|hash| hash.to_lowercase()),
            media_type: text("oContentType").or_else(|| text("contentType")),
            size_bytes: None,
        }));
    }
}

fn click(row: &Row, facts: &mut Facts<'_>) {
    let classification = row.text(&["classification"]).unwrap_or_default();
    let status = row.text(&["threatstatus"]).unwrap_or_default();
    let click = Click {
        url: row.text(&["url"]).unwrap_or_default().to_owned(),
        by: row.text(&["recipient"]).map(str::to_owned),
        verdict: classified(CODES.means("classification", classification)),
        action: match was_let_go(row) {
            Some(true) => Action::None,
            Some(false) => Action::Rejected,
            None => Action::NotSaid,
        },
        said: format!(
            "classification={classification} threatStatus={status} clickIP={}",
            row.text(&["clickip"]).unwrap_or("-")
        ),
    };
    facts.say_by(&["url"], Fact::Click(click));
}

/// The text under a key of an object.
fn said(object: &Map<String, Value>, name: &str) -> Option<String> {
    let value = object.get(name)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (!value.is_null() && !text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "classification" => codes::verdict_kind(&code.means).is_some(),
            "section" => ["blocked", "let_go"].contains(&code.means.as_str()),
            "threatStatus" => ["active", "withdrawn"].contains(&code.means.as_str()),
            _ => false,
        });
    }
}
