//! The quarantine list: what is or was held, why, and how far its release got, recipient by recipient.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use evidence::{
    Access, Action, Address, Fact, Identifier, Identity, PolicyRef, Quarantine, QuarantineState, Release, ReleaseStep,
    Scope, SourceId, Unit, Verdict, VerdictKind,
};

use super::STORE;
use super::message_trace::{sender, subject};
use crate::codes::{self, Codes};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Likeness, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATE: &[&str] = &["receivedtime", "timereceived", "timereceivedutc", "receivedtimeutc", "datereceived"];
const SENDER: &[&str] = &["senderaddress", "sender"];
const RECIPIENT: &[&str] = &["recipientaddress", "recipient", "recipients"];
const SUBJECT: &[&str] = &["subject"];
const TYPE: &[&str] = &["type", "quarantinetypes", "quarantinereason"];
const STATUS: &[&str] = &["releasestatus"];
const RELEASED_USER: &[&str] = &["releaseduser"];
const QUARANTINED_USER: &[&str] = &["quarantineduser"];
const DELETED_FOR: &[&str] = &["deletedforrecipients"];

const NEEDS: &[Need] = &[
    ("ReceivedTime", DATE),
    ("SenderAddress", SENDER),
    ("Type", TYPE),
    ("ReleaseStatus", &["releasestatus", "released"]),
    ("PolicyType", &["policytype", "expires", "identity", "policyname"]),
];

/// Quarantine list of Exchange Online and Defender for Office 365.
pub(crate) struct QuarantineList;

impl Source for QuarantineList {
    fn id(&self) -> SourceId {
        "exchange-online/quarantine"
    }

    fn title(&self) -> &'static str {
        "Exchange Online quarantine list"
    }

    fn unit(&self) -> Unit {
        Unit::Message
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
                "Get-QuarantineMessage -MessageId '<{message_id}>' | ForEach-Object { Get-QuarantineMessage -Identity \
                 $_.Identity } | ConvertTo-Json -Depth 4 | Set-Content quarantine.json -Encoding utf8",
            ),
            clicks: Some("Microsoft Defender portal > Email & collaboration > Review > Quarantine > Email > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "when a release was made: the list shows a state, the audit log shows the moment",
            "whether a released message arrived: see the message trace after the release",
            "messages older than 30 days, or expired; by default only the last 16 days and 100 rows",
            "messages of blocked senders, unless asked for with -IncludeMessagesFromBlockedSenderAddress",
            "the state of each recipient, unless each message was queried by -Identity",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["reasoncode", "processingid", "aggregateid", "eventid", "holdreason"], None)
    }
}

impl Table for QuarantineList {
    const ID_NAMES: &'static [&'static str] = &["identity", "messageid", "networkmessageid"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const PAGE_ROWS: &'static [u64] = &[100];

    /// The first GUID of `GUID1\GUID2` is the network message id.
    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let identity = row.text(&["identity", "networkmessageid"]);
        let network = identity.map(|text| text.split(['\\', '/']).next().unwrap_or(text));
        let network = network.and_then(Identifier::network_message_id);
        let message = row.text(&["messageid", "internetmessageid"]).and_then(Identifier::message_id);
        message.into_iter().chain(network).collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        likeness.fits(&row.addresses(SENDER), &all_recipients(row), row.text(SUBJECT), at)
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(SENDER), all_recipients(row))
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let has_state = row.text(STATUS).is_some() || row.flag(&["released"]).is_some();
        if has_state || row.text(TYPE).is_some() {
            Ok(())
        } else {
            Err(missing("ReleaseStatus", "the row has other keys"))
        }
    }

    /// UTC for the cmdlet; the portal's list does not record its zone.
    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        if row.has(&["timereceived", "datereceived"]) { Zoneless::AsAsked(clock) } else { Zoneless::Utc }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        for names in [RECIPIENT, RELEASED_USER, QUARANTINED_USER] {
            if row.lost_values(names) {
                facts.limit("lists were exported as names of .NET types: recipients are lost; export JSON instead");
            }
        }
        if row.has_cut_lists() {
            facts.limit(
                "a list ends in dots: Format-List left out its end, recipients may be missing; export JSON instead",
            );
        }
        let recipients = all_recipients(row);
        facts.about.envelope_recipients = recipients.clone();
        facts.say(Fact::Identity(identity(row)));
        let policy = policy(row);
        for (kind, said) in reasons(row) {
            facts.say_by(
                TYPE,
                Fact::Verdict(Verdict {
                    kind,
                    action: Action::Quarantined,
                    said,
                    policy: policy.clone(),
                    scope: Scope::Enforced,
                }),
            );
        }
        for (state, recipients) in states(row, &recipients) {
            facts.about(recipients, |facts| state_group(row, state, policy.clone(), facts));
        }
    }
}

/// `GUID1\GUID2`, by which one message is released; half of it names no entry of the quarantine.
fn release_id(row: &Row) -> Option<String> {
    let id = row.text(&["identity"])?;
    let (message, entry) = id.split_once('\\')?;
    let is_whole = [message, entry].into_iter().all(|part| Identifier::network_message_id(part).is_some());
    is_whole.then(|| id.to_owned())
}

/// Where one recipient's copy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    Asked(ReleaseStep),
    Released,
    Deleted,
}

fn state_group(row: &Row, state: State, policy: Option<PolicyRef>, facts: &mut Facts<'_>) {
    let until = row.text(&["expires"]).and_then(|said| facts.instant(said));
    let quarantine = Quarantine {
        state: match state {
            State::Held | State::Asked(_) => QuarantineState::Held,
            State::Released => QuarantineState::Released,
            State::Deleted => QuarantineState::Gone,
        },
        store: STORE.to_owned(),
        policy,
        id: release_id(row),
        until,
        said: said(row),
    };
    let deciding = match state {
        State::Deleted => DELETED_FOR,
        _ => STATUS,
    };
    facts.say_by(deciding, Fact::Quarantine(quarantine));
    let step = match state {
        State::Asked(step) => step,
        State::Released => ReleaseStep::Released,
        State::Held | State::Deleted => return,
    };
    let release = Release {
        step,
        by: released_by(row, step),
        for_recipients: facts.about.envelope_recipients.clone(),
        next: None,
        said: release_said(row),
    };
    // The row's instant is that of the arrival in quarantine: nothing says when the release was made.
    let held_at = facts.when.take();
    facts.say_by(STATUS, Fact::Release(release));
    facts.when = held_at;
}

/// The row's lists of recipients, by what became of their copies.
struct Lists {
    deleted: BTreeSet<Address>,
    released: BTreeSet<Address>,
    quarantined: BTreeSet<Address>,
}

/// Groups the recipients by state. Lists of released and quarantined users go before the status of the row.
fn states(row: &Row, recipients: &[Address]) -> Vec<(State, Vec<Address>)> {
    if recipients.is_empty() {
        return vec![(row_state(row), Vec::new())];
    }
    let list = |names| row.addresses(names).into_iter().collect();
    let lists =
        Lists { deleted: list(DELETED_FOR), released: list(RELEASED_USER), quarantined: list(QUARANTINED_USER) };
    let of_row = row_state(row);
    let mut groups: Vec<(State, Vec<Address>)> = Vec::new();
    for recipient in recipients {
        let state = lists.state(recipient, of_row);
        match groups.iter_mut().find(|(known, _)| *known == state) {
            Some((_, group)) => group.push(recipient.clone()),
            None => groups.push((state, vec![recipient.clone()])),
        }
    }
    groups
}

impl Lists {
    fn state(&self, recipient: &Address, of_row: State) -> State {
        let still_held = match of_row {
            State::Asked(step) => State::Asked(step),
            _ => State::Held,
        };
        if self.deleted.contains(recipient) {
            State::Deleted
        } else if self.released.contains(recipient) {
            State::Released
        } else if self.quarantined.contains(recipient) || !self.released.is_empty() {
            still_held
        } else {
            of_row
        }
    }
}

fn row_state(row: &Row) -> State {
    if row.flag(&["systemreleased"]) == Some(true) {
        return State::Released;
    }
    match row.text(STATUS).and_then(|said| CODES.means("ReleaseStatus", said)) {
        Some("requested") => State::Asked(ReleaseStep::Requested),
        Some("approved") => State::Asked(ReleaseStep::Approved),
        Some("denied") => State::Asked(ReleaseStep::Denied),
        Some("failed") => State::Asked(ReleaseStep::Failed),
        Some("released") => State::Released,
        Some(_) => State::Held,
        None if row.flag(&["released"]) == Some(true) => State::Released,
        None => State::Held,
    }
}

fn released_by(row: &Row, step: ReleaseStep) -> Option<String> {
    if step != ReleaseStep::Released {
        return None;
    }
    if row.flag(&["systemreleased"]) == Some(true) {
        return Some("Microsoft (SystemReleased)".to_owned());
    }
    let by = row.list(&["releasedby"]).join(", ");
    (!by.is_empty()).then_some(by)
}

fn all_recipients(row: &Row) -> Vec<Address> {
    let mut seen = BTreeSet::new();
    let lists = [RECIPIENT, QUARANTINED_USER, RELEASED_USER, DELETED_FOR];
    let all = lists.into_iter().flat_map(|names| row.addresses(names));
    all.filter(|address| seen.insert(address.clone())).collect()
}

fn identity(row: &Row) -> Identity {
    let direction = row.text(&["direction", "maildirection"]).unwrap_or("").to_ascii_lowercase();
    Identity {
        envelope_sender: sender(row, SENDER),
        subject: subject(row, SUBJECT),
        size_bytes: row.text(&["size", "messagesize"]).and_then(|size| size.parse().ok()),
        direction: match direction.as_str() {
            "inbound" => Some(Access::Inbound),
            "outbound" => Some(Access::Outbound),
            _ => None,
        },
        ..Identity::default()
    }
}

fn policy(row: &Row) -> Option<PolicyRef> {
    let kind = row.text(&["policytype"]).map(str::to_owned);
    let name = row.text(&["policyname"]).map(str::to_owned);
    (kind.is_some() || name.is_some()).then_some(PolicyRef { kind, name, id: None })
}

/// Each reason that the row names, once.
fn reasons(row: &Row) -> Vec<(VerdictKind, String)> {
    let mut found: Vec<(VerdictKind, String)> = Vec::new();
    for (name, label) in
        [("type", "Type"), ("quarantinetypes", "QuarantineTypes"), ("quarantinereason", "Quarantine reason")]
    {
        for word in row.list(&[name]).iter().flat_map(|text| text.split([',', ';'])).map(str::trim) {
            let kind = CODES.means("Type", word).and_then(codes::verdict_kind).unwrap_or(VerdictKind::Unknown);
            if !word.is_empty() && !found.iter().any(|(known, _)| *known == kind) {
                found.push((kind, format!("{label}={word}")));
            }
        }
    }
    if found.is_empty() {
        found.push((VerdictKind::Unknown, "no reason named".to_owned()));
    }
    found
}

/// The reason and what the recipient may do, in the row's own words.
fn said(row: &Row) -> String {
    words(
        row,
        &[
            ("Type", TYPE),
            ("ReleaseStatus", STATUS),
            ("TagName", &["tagname"]),
            ("PermissionToRelease", &["permissiontorelease"]),
            ("PermissionToRequestRelease", &["permissiontorequestrelease"]),
        ],
    )
}

fn release_said(row: &Row) -> String {
    words(row, &[("ReleaseStatus", STATUS), ("Released", &["released"]), ("SystemReleased", &["systemreleased"])])
}

fn words(row: &Row, fields: &[(&str, &[&str])]) -> String {
    let words = fields.iter().filter_map(|(label, names)| Some(format!("{label}={}", row.text(names)?)));
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        let steps = ["held", "requested", "approved", "denied", "released", "failed"];
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "Type" => codes::verdict_kind(&code.means).is_some(),
            _ => steps.contains(&code.means.as_str()),
        });
    }
}
