//! Rows of the advanced hunting tables about mail, whichever table each is of: a stream mixes them.

use evidence::{
    Access, Action, Address, Carried, Click, Fact, Folder, Identifier, Identity, NOT_REMOVED, Peer, PolicyRef, Reading,
    Scope, Status, Stored, TraceStatus, Verdict, VerdictKind,
};
use serde_json::Value;

use super::CODES;
use super::delivery::{Place, folder, moved, place, released, say_authentications, say_latest, say_place, stored};
use super::verdict::{self, Override, ground, is_class_of_content, say_override, sharpened, threat};
use crate::microsoft::{details, text};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Head, Input, Likeness, Query, ReadError, Recognition};

/// Names of the instant of a row: of hunting, of Sentinel, of the stream around it.
pub(crate) const DATE: &[&str] = &["timestamp", "timestamputc", "timegenerated", "timegeneratedutc", "time"];

const NETWORK_ID: &[&str] = &["networkmessageid"];
const RECIPIENT: &[&str] = &["recipientemailaddress"];
const THREATS: &[&str] = &["threattypes"];
const METHODS: &[&str] = &["detectionmethods"];
const CONFIDENCE: &[&str] = &["confidencelevel"];
const LOCATION: &[&str] = &["deliverylocation"];
const LATEST: &[&str] = &["latestdeliverylocation"];

/// What a row of each table needs.
pub(crate) const EMAIL_EVENTS: &[Need] = &[
    ("NetworkMessageId", NETWORK_ID),
    ("RecipientEmailAddress", RECIPIENT),
    ("DeliveryAction", &["deliveryaction", "deliverylocation", "latestdeliveryaction", "latestdeliverylocation"]),
    ("SenderFromAddress", &["senderfromaddress", "sendermailfromaddress"]),
];
pub(crate) const POST_DELIVERY: &[Need] = &[
    ("NetworkMessageId", NETWORK_ID),
    ("RecipientEmailAddress", RECIPIENT),
    ("ActionType", &["actiontype"]),
    ("ActionTrigger", &["actiontrigger", "actionresult"]),
];
pub(crate) const URL_INFO: &[Need] =
    &[("NetworkMessageId", NETWORK_ID), ("Url", &["url"]), ("UrlLocation", &["urllocation", "urldomain"])];
pub(crate) const ATTACHMENT_INFO: &[Need] = &[
    ("NetworkMessageId", NETWORK_ID),
    ("FileName", &["filename"]),
    ("SHA256", &["sha256"]),
    ("RecipientEmailAddress", &["recipientemailaddress", "senderfromaddress"]),
];
pub(crate) const URL_CLICKS: &[Need] = &[
    ("Url", &["url"]),
    ("ActionType", &["actiontype"]),
    ("AccountUpn", &["accountupn"]),
    ("Workload", &["workload", "isclickedthrough"]),
];

/// Columns by which a row is of no table about mail.
pub(crate) const STRANGERS: &[&str] = &["alertid", "evidencerole", "teamsmessageid", "deviceid", "recordtype"];

/// Judges a file by the columns of one table. An answer of the API lists its columns before its rows, as objects too.
pub(crate) fn recognise(head: &Head<'_>, needs: &[Need], strangers: &[&str]) -> Recognition {
    let rows = ["\"results\"", "\"Results\""].iter().find_map(|key| {
        let at = head.text.find(key).filter(|_| head.text.trim_start().starts_with('{'))?;
        head.text.get(at..)?.find('[').and_then(|start| head.text.get(at + start..))
    });
    table::recognise(&Head { text: rows.unwrap_or(head.text), ..*head }, needs, strangers, None)
}

/// UTC, as the API and Sentinel state it; the portal's export prints the zone of whoever looked, without naming it.
pub(crate) fn zoneless<'c>(row: &Row, clock: &'c Clock) -> Zoneless<'c> {
    match row.text(&["timestamp"]) {
        Some(said) if !said.ends_with(['Z', 'z']) && !said.contains('+') => Zoneless::AsAsked(clock),
        _ => Zoneless::Utc,
    }
}

/// How many rows the portal shows and exports of one query.
const PORTAL_ROWS: u64 = 30_000;

/// Reads a file of hunting rows.
///
/// # Errors
/// [`ReadError`] if the bytes are no text or the user asked to stop.
pub(crate) fn read(input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
    table::read(&Hunting, input, query)
}

/// Reads every row of a file of any of the tables, part after part.
///
/// # Errors
/// [`ReadError`] if the bytes are no text or the user asked to stop.
pub(super) fn read_in_parts(
    input: &Input<'_>,
    query: &Query<'_>,
    take: &mut dyn FnMut(Reading),
) -> Result<(), ReadError> {
    table::read_in_parts(&Hunting, input, query, take)
}

/// Rows of the hunting tables about mail.
pub(crate) struct Hunting;

impl Table for Hunting {
    const PAGE_ROWS: &'static [u64] = &[PORTAL_ROWS];
    const WRAPPERS: &'static [&'static str] = &["results", "Results", "value", "records"];
    const INNER: &'static [&'static str] = &["properties"];
    const ID_NAMES: &'static [&'static str] = &["networkmessageid", "internetmessageid", "properties"];
    const DATE_NAMES: &'static [&'static str] = DATE;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let message = row.text(&["internetmessageid"]).and_then(Identifier::message_id);
        let network = row.text(NETWORK_ID).and_then(Identifier::network_message_id);
        message.into_iter().chain(network).collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        let senders = [row.addresses(&["sendermailfromaddress"]), row.addresses(&["senderfromaddress"])].concat();
        likeness.fits(&senders, &row.addresses(RECIPIENT), row.text(&["subject"]), at)
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        // A row of another table in the same stream is kept as what it is; one of these tables without its key is torn.
        if row.has(NETWORK_ID) && row.text(NETWORK_ID).is_none() && !row.has(&["accountupn"]) {
            return Err(missing("NetworkMessageId", "it is empty"));
        }
        if row.has(DATE) { Ok(()) } else { Err(missing("Timestamp", "the row has other columns")) }
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        zoneless(row, clock)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = row.addresses(RECIPIENT);
        let has = |needs: &[Need]| needs.iter().all(|(_, names)| row.has(names));
        if row.has(&["actiontrigger", "actionresult"]) && row.has(NETWORK_ID) {
            post_delivery(row, facts);
        } else if has(EMAIL_EVENTS) {
            email(row, facts);
        } else if has(URL_CLICKS) {
            click(row, facts);
        } else if has(ATTACHMENT_INFO) {
            attachment(row, facts);
        } else if has(URL_INFO) {
            let url = row.text(&["url"]).unwrap_or_default().to_owned();
            let place = row.text(&["urllocation"]).map(str::to_owned);
            facts.say_by(&["url"], Fact::Carried(Carried::Url { url, place }));
        } else {
            let table = row.text(&["category", "type"]).unwrap_or("a table that is not about mail");
            facts.say(Fact::Note { said: format!("a row of {table}") });
        }
    }
}

/// The named columns of a row, as `Name=value`.
fn said(row: &Row, names: &[&str]) -> String {
    let words = details(row, names).into_iter().map(|one| format!("{}={}", one.name, one.values.join(", ")));
    words.collect::<Vec<_>>().join(", ")
}

/// One message for one recipient: who, authentication, verdict, overrides, where it was put, where it lies.
fn email(row: &Row, facts: &mut Facts<'_>) {
    facts.say(Fact::Identity(identity(row)));
    if let Some(Value::Object(object)) = row.tree(&["authenticationdetails"]).as_deref() {
        let results: Vec<(String, String)> =
            object.iter().filter_map(|(name, result)| Some((name.clone(), text(result)?))).collect();
        let client = row.text(&["senderipv4"]).or_else(|| row.text(&["senderipv6"]));
        say_authentications(facts, &["authenticationdetails"], &results, client);
    }
    verdicts(row, facts);
    let first = row.text(LOCATION);
    if let Some(location) = first.or_else(|| row.text(LATEST)) {
        let names = &["deliveryaction", "deliverylocation"];
        say_place(facts, &["deliverylocation", "latestdeliverylocation"], location, said(row, names));
    } else if let Some(action) = row.text(&["deliveryaction"]) {
        let status =
            Status { status: TraceStatus::Other(action.to_owned()), said: action.to_owned(), to: None, from: None };
        facts.say_by(&["deliveryaction"], Fact::Status(status));
    }
    say_latest(facts, LATEST, first, row.text(LATEST));
    let notes = said(row, &["exchangetransportrule", "connectors", "forwardinginformation", "distributionlist"]);
    if !notes.is_empty() {
        facts.say(Fact::Note { said: notes });
    }
}

fn identity(row: &Row) -> Identity {
    let direction = row.text(&["emaildirection"]).map(str::to_ascii_lowercase);
    Identity {
        recipients: None,
        envelope_sender: row.text(&["sendermailfromaddress"]).map(Address::new),
        header_from: row.text(&["senderfromaddress"]).map(Address::new),
        header_to: [row.addresses(&["to"]), row.addresses(&["cc"])].concat(),
        subject: row.text(&["subject"]).map(str::to_owned),
        size_bytes: row.text(&["emailsize"]).and_then(|size| size.parse().ok()),
        sent_at: None,
        direction: match direction.as_deref() {
            Some("inbound") => Some(Access::Inbound),
            Some("outbound") => Some(Access::Outbound),
            Some("intra-org" | "intraorg") => Some(Access::Internal),
            _ => None,
        },
        authenticated_sender: None,
    }
}

/// The filters' verdict, and what organisation and user overrode.
fn verdicts(row: &Row, facts: &mut Facts<'_>) {
    let action = action(row);
    let found = row.text(THREATS).and_then(threat).filter(|kind| *kind != VerdictKind::Clean);
    let by_policy = row.text(&["emailactionpolicy"]).and_then(|said| verdict::kind("EmailActionPolicy", said));
    let overrides = [
        ("orglevelaction", "orglevelpolicy", VerdictKind::BlockEntry),
        ("userlevelaction", "userlevelpolicy", VerdictKind::UserBlock),
    ];
    let mut overridden = false;
    for (level, policy, otherwise) in &overrides {
        let Some(result) = row.text(&[level]) else { continue };
        overridden = true;
        let of = Override {
            result,
            source: row.text(&[policy]).unwrap_or_default(),
            level: row.written(level).unwrap_or(level),
            otherwise,
            rule: row.text(&["exchangetransportrule"]).filter(|_| is_transport_rule(row.text(&[policy]))),
        };
        // What the organisation blocks is kept back by that very entry, whatever was found beside it; an allow beside a class did
        // nothing to it.
        let is_class = found.is_some() || by_policy.is_some();
        let is_block = result.eq_ignore_ascii_case("block");
        let action = if is_class && !is_block { Action::None } else { action.clone() };
        say_override(facts, &[level], of, action);
    }
    let threat = found.clone();
    let kind = match (by_policy, found) {
        (Some(kind), _) | (None, Some(kind)) => kind,
        // A copy that was blocked without a threat was not found clean: the row does not say why.
        (None, None) if overridden || !row.has(THREATS) || is_blocked(row) => return,
        (None, None) => VerdictKind::Clean,
    };
    let (confidence, methods) = (row.text(CONFIDENCE).unwrap_or_default(), row.text(METHODS).unwrap_or_default());
    let action = if kind == VerdictKind::Clean { Action::None } else { action };
    let names = [
        "threattypes",
        "confidencelevel",
        "detectionmethods",
        "bulkcomplaintlevel",
        "emailaction",
        "emailactionpolicy",
        "deliveryaction",
    ];
    let words = said(row, &names);
    let verdict = Verdict {
        kind: sharpened(kind, confidence, methods),
        action,
        said: if words.is_empty() { "no threat types".to_owned() } else { words },
        policy: policy(row),
        scope: Scope::Enforced,
    };
    if let Some(kind) = threat.filter(|_| is_class_of_content(&verdict.kind)).and_then(|kind| ground(&kind, methods)) {
        let ground = Verdict { kind, ..verdict.clone() };
        facts.say_by(&["emailactionpolicy", "threattypes"], Fact::Verdict(verdict));
        return facts.say_by(METHODS, Fact::Verdict(ground));
    }
    facts.say_by(&["emailactionpolicy", "threattypes"], Fact::Verdict(verdict));
}

fn is_blocked(row: &Row) -> bool {
    row.text(&["deliveryaction"]).is_some_and(|said| said.eq_ignore_ascii_case("blocked"))
}

fn is_transport_rule(said: Option<&str>) -> bool {
    said.and_then(|said| verdict::kind("OverrideSource", said)) == Some(VerdictKind::TransportRule)
}

fn policy(row: &Row) -> Option<PolicyRef> {
    let kind = row.text(&["emailactionpolicy"]).map(str::to_owned);
    let id = row.text(&["emailactionpolicyguid"]).map(str::to_owned);
    (kind.is_some() || id.is_some()).then_some(PolicyRef { kind, name: None, id })
}

/// What was done: the action's own word, else where the copy was put.
fn action(row: &Row) -> Action {
    let by_word = row.text(&["emailaction"]).and_then(|said| verdict::action("EmailAction", said));
    let by_place = || match row.text(LOCATION).and_then(place)? {
        Place::Quarantine => Some(Action::Quarantined),
        Place::Folder(Folder::Junk) => Some(Action::Junked),
        Place::Dropped => Some(Action::Discarded),
        _ => None,
    };
    let by_delivery = || row.text(&["deliveryaction"]).and_then(|said| verdict::action("DeliveryAction", said));
    by_word.or_else(by_place).or_else(by_delivery).unwrap_or(Action::NotSaid)
}

/// What was done with a copy after its delivery: by ZAP, by a person, by the service.
fn post_delivery(row: &Row, facts: &mut Facts<'_>) {
    let names = ["actiontype", "action", "actiontrigger", "actionresult", "sourcelocation", "deliverylocation"];
    let said = said(row, &names);
    if let Some(kind) = row.text(THREATS).and_then(threat) {
        let (confidence, methods) = (row.text(CONFIDENCE).unwrap_or_default(), row.text(METHODS).unwrap_or_default());
        let words = self::said(row, &["threattypes", "detectionmethods", "actiontype"]);
        let kind = sharpened(kind, confidence, methods);
        let verdict = Verdict { kind, action: Action::NotSaid, said: words, policy: None, scope: Scope::Enforced };
        facts.say_by(THREATS, Fact::Verdict(verdict));
    }
    let result = row.text(&["actionresult"]).unwrap_or_default().to_ascii_lowercase();
    if !(result.is_empty() || result.starts_with("success") || result.starts_with("succeeded")) {
        return facts.say_by(&["actionresult"], Fact::Note { said: format!("{NOT_REMOVED}: {said}") });
    }
    let by = row.text(&["actiontrigger"]).map(str::to_owned);
    let to = row.text(LOCATION).unwrap_or_default();
    let means = row.text(&["action"]).and_then(|word| CODES.means("PostDeliveryAction", word));
    let fact = match means {
        Some("quarantine") => moved(Action::Quarantined, "Quarantine", said),
        Some("junk") => moved(Action::Junked, "Junk folder", said),
        Some("deleted") => moved(Action::Discarded, "Deleted items", said),
        Some("removed") => Fact::PostDelivery { action: Action::Discarded, folder: None, by: None, said },
        Some("release") => {
            // The row of a release also names the place to which the copy went.
            facts.say_by(&["action", "actiontype"], released(by, facts.about.envelope_recipients.clone(), said));
            if let Some(to @ (Place::Mailbox | Place::Folder(_))) = place(to) {
                facts.say_by(LOCATION, stored(to));
            }
            return;
        }
        Some("inbox") => Fact::Stored(Stored { folder: Some(Folder::Inbox), chosen_by: by_what(row) }),
        Some("redelivery") if matches!(place(to), Some(Place::Mailbox | Place::Folder(_))) => {
            Fact::Stored(Stored { folder: folder(to), chosen_by: by_what(row) })
        }
        _ => Fact::Note { said: format!("after delivery: {said}") },
    };
    facts.say_by(&["action", "actiontype"], fact);
}

/// What chose the place, such as `Redelivery (SpecialAction)`.
fn by_what(row: &Row) -> Option<String> {
    let kind = row.text(&["actiontype"])?;
    Some(row.text(&["actiontrigger"]).map_or(kind.to_owned(), |trigger| format!("{kind} ({trigger})")))
}

fn attachment(row: &Row, facts: &mut Facts<'_>) {
    let attachment = Carried::Attachment {
        name: row.text(&["filename"]).map(str::to_owned),
        sha256: row.text(&["sha256"]).map(str::to_ascii_lowercase),
        media_type: row.text(&["filetype", "fileextension"]).map(str::to_owned),
        size_bytes: row.text(&["filesize"]).and_then(|size| size.parse().ok()),
    };
    facts.say_by(&["filename"], Fact::Carried(attachment));
    if let Some(kind) = row.text(THREATS).and_then(threat) {
        let said = said(row, &["threattypes", "threatnames", "detectionmethods", "filename"]);
        let verdict = Verdict { kind, action: Action::NotSaid, said, policy: None, scope: Scope::Enforced };
        facts.say_by(THREATS, Fact::Verdict(verdict));
    }
}

fn click(row: &Row, facts: &mut Facts<'_>) {
    let word = row.text(&["actiontype"]).unwrap_or_default();
    let from = row.text(&["ipaddress"]).map(|ip| Peer { ip: Some(ip.to_owned()), ..Peer::default() });
    let from = from.map_or(String::new(), |peer| format!(", from {peer}"));
    let click = Click {
        url: row.text(&["url"]).unwrap_or_default().to_owned(),
        by: row.text(&["accountupn"]).map(str::to_owned),
        verdict: row.text(THREATS).and_then(threat).unwrap_or(VerdictKind::Unknown),
        action: verdict::action("ClickAction", word).unwrap_or(Action::NotSaid),
        said: said(row, &["actiontype", "isclickedthrough", "workload", "threattypes", "detectionmethods"]) + &from,
    };
    facts.say_by(&["actiontype"], Fact::Click(click));
}
