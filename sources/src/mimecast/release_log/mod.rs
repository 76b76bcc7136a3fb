//! The held release log (`get-held-release-logs`): what became of held messages, and by whom.

use std::sync::LazyLock;

use super::console::{self, Aliases, Form};
use super::rows::{self, Kind, Large, Parsed, Row, place, torn};
use super::values::{Object, instant_at, text_at};
use super::{HELD_QUEUE, detail, held_queue, look};
use crate::codes::Codes;
use crate::records::Record;
use crate::text::first_words;
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};
use evidence::{
    Action, Fact, PolicyRef, Quarantine, QuarantineState, Reading, Release, ReleaseStep, Scope, Status, TraceStatus,
    Unit, Verdict,
};

/// The held release log.
pub struct ReleaseLog;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const WRAPPERS: &[&str] = &["data", "heldReleaseLogs", "value", "fail"];

/// The columns of the console's table.
const COLUMNS: Aliases = &[
    ("fromEnv", &["fromenvelope", "fromenv", "envelopefrom", "fromaddress", "senderaddress", "from", "sender"]),
    ("fromHdr", &["fromheader", "fromhdr", "headerfrom"]),
    ("to", &["to", "toaddress", "recipient", "recipients", "recipientaddress"]),
    ("subject", &["subject"]),
    ("size", &["size", "messagesize"]),
    ("route", &["route", "direction"]),
    ("status", &["status", "releasestatus"]),
    ("released", &["released", "datereleased", "releasedate", "releaseddatetime", "releasedtime"]),
    ("operator", &["operator", "releasedby"]),
    ("heldReason", &["heldreason", "holdreason", "reason"]),
    ("heldGroup", &["heldgroup", "holdtype"]),
    ("policy", &["policy", "policyname", "definition"]),
    ("rejectReason", &["rejectreason", "rejectionreason"]),
    ("messageInfo", &["messageinfo", "info"]),
];

impl Source for ReleaseLog {
    fn id(&self) -> evidence::SourceId {
        "mimecast/release-log"
    }

    fn title(&self) -> &'static str {
        "Mimecast held release log"
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
                 https://api.services.mimecast.com/api/gateway/get-held-release-logs -d '{\"data\":[{\"start\":\"{start}\",\
                 \"end\":\"{end}\"}]}'",
            ),
            clicks: Some("Administration Console > Message Center > Held Message Releases > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "rows carry no Message-ID: they are matched by sender, recipient, subject and time",
            "a release proves no delivery: the next hop's answer stands in the SIEM delivery event or message info",
            "`status: released` is written for refused and expired messages too; only `released` with a time counts",
            "a row without `released` has no instant of its own",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        // In a table the operator tells this list from others with a state and a reason.
        let is_ours = |object: &Object| is_logged(object) && object.contains_key("operator");
        match look::objects(head, WRAPPERS).iter().any(is_logged) || console::is_table(head, COLUMNS, is_ours) {
            true => Recognition::Certain,
            false => Recognition::No,
        }
    }
}

impl Reader for ReleaseLog {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let form = Form::of(input, WRAPPERS, COLUMNS)?;
        let parse = |record: &Record, columns: &[String]| parse(record, form.object_of(record, columns), query.clock);
        rows::read(
            input,
            query,
            &Kind { grammar: form.grammar, large: Large::No, by: MatchedBy::IdsOrLooks, parse: &parse },
        )
    }

    fn spelled(&self, input: &Input<'_>) -> crate::table::Spelled {
        crate::table::Spelled::in_rows(input)
    }
}

fn is_logged(object: &Object) -> bool {
    look::has(object, &["status", "fromEnv", "to"])
        && (object.contains_key("heldReason") || (object.contains_key("operator") && object.contains_key("heldGroup")))
}

fn parse(record: &Record, object: Result<Object, Parsed>, clock: &Clock) -> Parsed {
    match object {
        Ok(object) if is_logged(&object) => Parsed::Row(Box::new(logged(record, &object, clock))),
        Ok(_) => torn("a release log row with `status`, `fromEnv`, `to` and `heldReason`", first_words(&record.text)),
        Err(other) => other,
    }
}

fn logged(record: &Record, object: &Object, clock: &Clock) -> Row {
    let mut row = Row::listed(object, ["fromEnv", "fromHdr"], instant_at(object, &["released"], clock), None);
    reason(&mut row, record, object);
    release(&mut row, record, object);
    if let Some(checks) = object.get("spamProcessingDetail") {
        // The checks were made on arrival, not at the instant of the release.
        let released = row.when.take();
        detail::state(&mut row, record, checks);
        row.when = released;
    }
    row
}

/// States why the message was held; the row's instant is that of the release, so these have none.
fn reason(row: &mut Row, record: &Record, object: &Object) {
    let policy = text_at(object, "policy").map(|name| PolicyRef { kind: None, name: Some(name), id: None });
    let Some(said) = text_at(object, "heldReason").or_else(|| text_at(object, "policy")) else { return };
    let kind = held_queue::verdict_of(&said);
    let mark = place(record, "heldReason", &said);
    let verdict = Verdict { kind, action: Action::Quarantined, said, policy, scope: Scope::Enforced };
    row.state_at(Fact::Verdict(verdict), None, None, mark);
}

/// How far a row says that the release got, and the field whose word decided; `None` for a foreign status.
fn step(object: &Object) -> Option<(ReleaseStep, &'static str)> {
    let told = |key: &'static str| text_at(object, key).and_then(|text| CODES.within("text", &text).map(|_| key));
    if let Some(key) = told("messageInfo").or_else(|| told("rejectReason")) {
        return Some((ReleaseStep::Expired, key));
    }
    if text_at(object, "rejectReason").is_some() {
        return Some((ReleaseStep::Denied, "rejectReason"));
    }
    let status = text_at(object, "status").unwrap_or_default();
    Some(match CODES.means("status", &status)? {
        "released" if text_at(object, "released").is_some() => (ReleaseStep::Released, "released"),
        // `released` without a time: nothing shows that it was let go.
        "released" | "requested" => (ReleaseStep::Requested, "status"),
        "denied" => (ReleaseStep::Denied, "status"),
        "expired" => (ReleaseStep::Expired, "status"),
        "failed" => (ReleaseStep::Failed, "status"),
        _ => return None,
    })
}

fn release(row: &mut Row, record: &Record, object: &Object) {
    let words: Vec<String> = ["status", "released", "messageInfo", "rejectReason"]
        .iter()
        .filter_map(|key| Some(format!("{key} `{}`", text_at(object, key)?)))
        .collect();
    let said = words.join(", ");
    let Some((step, decided_by)) = step(object) else {
        let word = text_at(object, "status").unwrap_or_default();
        let mark = place(record, "status", &word);
        return row.state(Fact::Status(Status { status: TraceStatus::Other(word), said, to: None, from: None }), mark);
    };
    let mark = text_at(object, decided_by).and_then(|word| place(record, decided_by, &word));
    let release = Release {
        step,
        by: text_at(object, "operator"),
        for_recipients: row.recipients.clone(),
        next: None,
        said: said.clone(),
    };
    row.state(Fact::Release(release), mark.clone());
    let state = match step {
        ReleaseStep::Released => Some(QuarantineState::Released),
        ReleaseStep::Expired | ReleaseStep::Denied => Some(QuarantineState::Gone),
        // The log does not say whether it is still held.
        ReleaseStep::Requested | ReleaseStep::Approved | ReleaseStep::Failed => None,
    };
    if let Some(state) = state {
        let store = match text_at(object, "heldGroup") {
            Some(group) => format!("{HELD_QUEUE} ({group})"),
            None => HELD_QUEUE.to_owned(),
        };
        let policy = text_at(object, "policy").map(|name| PolicyRef { kind: None, name: Some(name), id: None });
        row.state(Fact::Quarantine(Quarantine { state, store, policy, id: None, until: None, said }), mark);
    }
    contradiction(row, record, object, step);
}

/// Says so where the status word is `released` and the rest of the row tells otherwise.
fn contradiction(row: &mut Row, record: &Record, object: &Object, step: ReleaseStep) {
    let status = text_at(object, "status").unwrap_or_default();
    if CODES.means("status", &status) != Some("released") || step == ReleaseStep::Released {
        return;
    }
    let other = match step {
        ReleaseStep::Expired => "its text says that the time in the queue ran out",
        ReleaseStep::Denied => "it names a reason for refusing the release",
        _ => "it names no time of release",
    };
    row.note(format!("the row contradicts itself: status `{status}`, but {other}"), place(record, "status", &status));
}
