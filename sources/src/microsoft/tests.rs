//! Parts that all of Microsoft's logs share, and records of third parties beside what those made of them.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use evidence::{Actor, Address, Fact, FileName, Identifier, Observation, Peer, Reading};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::*;
use crate::{Clock, Input, Likeness, Message, NoProgress, Query, Wanted, recognise};

#[test]
fn ok_peers() {
    for (said, expected) in [
        ("192.0.2.1", Some(("192.0.2.1", None))),
        ("192.0.2.1:4711", Some(("192.0.2.1", Some(4711)))),
        ("[2001:db8::1]:4711", Some(("2001:db8::1", Some(4711)))),
        ("2001:db8::1", Some(("2001:db8::1", None))),
        ("<null>", None),
        ("", None),
        ("[", None),
    ] {
        let found = peer_of(said);
        let found = found.as_ref().map(|peer| (peer.ip.as_deref().unwrap_or(""), peer.port));
        assert_eq!(found, expected, "{said}");
    }
}

fn read(name: &str, bytes: &[u8], wanted: &Wanted) -> Reading {
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
    let source = recognise(bytes, name).unwrap_or_else(|error| panic!("{error}"));
    let input = Input { name: FileName::from(name), bytes };
    let query = Query { wanted, clock: &clock, progress: &NoProgress };
    let reading = source.read(&input, &query).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}: a row is in no heap or in two");
    reading
}

fn sample(folder: &str, name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("samples").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn message(id: &str) -> Wanted {
    let id = Identifier::network_message_id(id).expect("a network message id");
    Wanted::Message(Message { ids: [id].into_iter().collect(), ..Message::default() })
}

const FIRST: &str = "3f9c1a52-7b84-4d10-9e2f-08dd2f6a1b01";

#[test]
fn a_record_that_names_several_messages_does_not_join_them() {
    let bytes = sample("exchange_online/audit_log", "management_activity.json");
    let reading = read("audit.json", &bytes, &message(FIRST));
    let ids: BTreeSet<&str> =
        reading.observations.iter().flat_map(|one| &one.about.ids).map(Identifier::text).collect();
    let expected: BTreeSet<&str> = [FIRST, "20261104.1a2b@news.example.net"].into_iter().collect();
    assert_eq!(ids, expected);
    assert_eq!(reading.revealed, [Identifier::MessageId("20261104.1a2b@news.example.net".to_owned())]);
}

#[test]
fn changes_of_settings_stay_whichever_message_is_followed() {
    let bytes = sample("exchange_online/audit_log", "management_activity.json");
    let reading = read("audit.json", &bytes, &message("00000000-0000-4000-8000-000000000001"));
    let operations: Vec<&str> = reading.observations.iter().filter_map(operation).collect();
    assert_eq!(
        operations,
        [
            "Set-HostedContentFilterPolicy",
            "Set-HostedContentFilterPolicy",
            "New-TenantAllowBlockListItems",
            "Set-Mailbox",
            "New-InboxRule",
            "UpdateInboxRules",
            "Update conditional access policy.",
        ]
    );
    assert_eq!(reading.observed + reading.passed_over.iter().map(|heap| heap.rows).sum::<u64>(), reading.rows);
}

/// A large file is searched for words before it is parsed: the same rows have to come out as from a small one.
#[test]
fn large_files_keep_the_same_rows() {
    let bytes = sample("exchange_online/audit_log", "search_unifiedauditlog.csv");
    let text = String::from_utf8(bytes.clone()).expect("UTF-8");
    let (header, rows) = text.split_once("\r\n").expect("a header");
    let noise = rows.lines().nth(2).expect("a request").replace(FIRST, "3f9c1a52-7b84-4d10-9e2f-08dd2f6affff");
    let mut large = format!("{header}\r\n{rows}");
    while large.len() <= 2 << 20 {
        large.push_str(&noise);
        large.push_str("\r\n");
    }
    let facts = |bytes: &[u8]| -> Vec<Fact> {
        read("audit.csv", bytes, &message(FIRST)).observations.into_iter().map(|one| one.fact).collect()
    };
    let small = facts(&bytes);
    assert!(small.len() >= 8, "{small:?}");
    assert_eq!(facts(large.as_bytes()), small);
}

fn operation(observation: &Observation) -> Option<&str> {
    match &observation.fact {
        Fact::Change(change) => Some(&change.operation),
        Fact::Act(act) => Some(&act.operation),
        _ => None,
    }
}

/// Before any id is known, sender, recipient and subject find the rows, and these reveal the ids.
#[test]
fn rows_are_found_by_their_looks() {
    let likeness = Likeness {
        senders: [Address::new("offers@news.example.net")].into(),
        envelope_recipients: [Address::new("ann@example.com")].into(),
        subjects: ["November offers".to_owned()].into(),
        ..Likeness::default()
    };
    let wanted = Wanted::Message(Message { likeness, ..Message::default() });
    for (folder, name) in
        [("defender/email_events", "run_hunting_query.json"), ("exchange_online/audit_log", "management_activity.json")]
    {
        let reading = read(name, &sample(folder, name), &wanted);
        let first = Identifier::network_message_id(FIRST).expect("an id");
        assert!(reading.revealed.contains(&first), "{folder}: {:?}", reading.revealed);
        assert_eq!(reading.revealed.len(), 2, "{folder}: {:?}", reading.revealed);
    }
}

/// Folders of the kinds that share this module.
const FOLDERS: [&str; 13] = [
    "defender/alerts",
    "defender/email_attachment_info",
    "defender/email_events",
    "defender/email_post_delivery_events",
    "defender/email_url_info",
    "defender/identity_logon_events",
    "defender/url_click_events",
    "entra/audit_log",
    "entra/conditional_access",
    "entra/risk_detections",
    "entra/sign_ins",
    "exchange_online/audit_log",
    "exchange_online/mail_flow_report",
];

/// Own samples: folder, name and content.
fn samples() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("samples");
        for entry in fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let name = entry.expect("a readable folder").file_name().to_string_lossy().into_owned();
            if !name.ends_with(".expected") {
                found.push((folder, name.clone(), sample(folder, &name)));
            }
        }
    }
    assert!(found.len() >= 35, "{}", found.len());
    found
}

fn facts(reading: &Reading) -> Vec<String> {
    let of = |one: &Observation| format!("{:?} {:?} {:?} {:?}", one.when, one.speaker, one.about, one.fact);
    let mut facts: Vec<String> = reading.observations.iter().map(of).collect();
    facts.sort();
    facts
}

/// Other line ends, UTF-16 and doubled rows change neither the kind nor the facts.
#[test]
fn spelling_of_a_file_does_not_matter() {
    for (folder, name, bytes) in samples() {
        let plain = read(&name, &bytes, &Wanted::Everything);
        let Ok(text) = String::from_utf8(bytes.clone()) else { continue };
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.replace("\r\n", "\n");
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for (how, changed) in
            [("LF", lines.clone().into_bytes()), ("CRLF", lines.replace('\n', "\r\n").into_bytes()), ("UTF-16", utf16)]
        {
            let found = read(&name, &changed, &Wanted::Everything);
            assert_eq!(facts(&found), facts(&plain), "{folder}/{name}: {how}");
        }
        let is_json = text.starts_with(['{', '[']);
        let doubled = match text.split_once('\n') {
            Some((_, rows)) if name.ends_with(".csv") && !text.starts_with('#') && plain.problems.is_empty() => {
                format!("{text}{rows}")
            }
            _ if is_json => format!("{text}\n{text}"),
            _ => continue,
        };
        let found = read(&name, doubled.as_bytes(), &Wanted::Everything);
        let twice: BTreeSet<String> = facts(&found).into_iter().collect();
        assert_eq!(twice, facts(&plain).into_iter().collect(), "{folder}/{name}: doubled");
    }
}

/// A file that was cut or damaged anywhere: no panic, every row in one heap, every cite within the file.
#[test]
fn torn_files_are_read_as_far_as_they_go() {
    for (folder, name, bytes) in samples() {
        let source = recognise(&bytes, &name).unwrap_or_else(|error| panic!("{error}"));
        let step = (bytes.len() / 24).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[at] = [b'"', b'{', b']', 0xFF, b'\\', b','][at / step % 6];
            for torn in [&bytes[..at], &damaged] {
                for wanted in [Wanted::Everything, message(FIRST)] {
                    let clock =
                        Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
                    let input = Input { name: FileName::from(name.as_str()), bytes: torn };
                    let query = Query { wanted: &wanted, clock: &clock, progress: &NoProgress };
                    let Ok(reading) = source.read(&input, &query) else { continue };
                    assert_eq!(reading.rows_accounted_for(), reading.rows, "{folder}/{name}: {at}");
                    let cites = reading.observations.iter().map(|one| &one.cite);
                    for cite in cites.chain(reading.problems.iter().map(|problem| &problem.cite)) {
                        assert!(cite.bytes.end <= torn.len() as u64, "{folder}/{name}: {at}: {cite}");
                    }
                }
            }
        }
    }
}

const SEKOIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/sekoia-intake-formats");

/// What another program made of the same records, and where we differ on purpose.
const DIFFER: &[(&str, &str, &str)] = &[
    (
        "o365-audit/automated_investigation_and_response_2",
        "email.to.address",
        "the mailbox of an investigation, which names no message for it",
    ),
    (
        "o365-audit/email_reported2",
        "email.to.address",
        "a label on an item without ids: receivers are details of the act",
    ),
    ("o365-audit/email_reported2", "email.subject", "a label on an item without ids: its name is a detail of the act"),
    ("o365-audit/external_user", "user.email", "the name of a guest is kept as written, `urn:spo:guest#...`"),
    ("o365-audit/external_user", "user.name", "the name of a guest is kept as written, `urn:spo:guest#...`"),
    ("o365-audit/extra_fields_2", "email.subject", "a file on a device, no mail"),
    (
        "o365-audit/security_compliance_alert_2",
        "email.*",
        "an alert whose data names no id of a message: addresses are its entities",
    ),
    (
        "o365-audit/security_compliance_alert_4",
        "email.*",
        "an alert whose data names no id of a message: addresses are its entities",
    ),
    (
        "o365-audit/security_compliance_alert_malicious_url",
        "email.*",
        "an alert whose data names no id of a message: addresses are its entities",
    ),
    ("entra-graph-audit/test_directory_audit", "user.name", "we name the user principal name, they the display name"),
    (
        "entra-eventhub/sign-in_activity*",
        "@timestamp",
        "we take when the sign-in was made, they when the record was written",
    ),
    (
        "entra-eventhub/user_risk_detection*",
        "@timestamp",
        "we take when the risk was detected, they when the record was written",
    ),
    (
        "m365-defender/test_identity_logon*",
        "user.name",
        "we name the user principal name, they the account of the domain",
    ),
];

/// What our observations say, by kind of value.
#[derive(Default)]
struct Told {
    instants: BTreeSet<Timestamp>,
    operations: BTreeSet<String>,
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
    ids: BTreeSet<String>,
    senders: BTreeSet<String>,
    recipients: BTreeSet<String>,
    subjects: BTreeSet<String>,
    alerts: BTreeSet<String>,
    codes: BTreeSet<String>,
}

impl Told {
    fn of(reading: &Reading) -> Told {
        let mut told = Told::default();
        for Observation { when, about, fact, .. } in &reading.observations {
            told.instants.extend(when.iter().map(|when| when.at));
            told.ids.extend(about.ids.iter().map(|id| id.text().to_owned()));
            told.recipients.extend(about.envelope_recipients.iter().map(|one| one.as_str().to_owned()));
            told.fact(fact);
        }
        told
    }

    fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Change(change) => {
                self.operations.insert(change.operation.trim_end_matches('.').to_owned());
                let objects = change.object.as_deref().unwrap_or_default().split(", ");
                self.names.extend(objects.map(str::to_lowercase));
                self.actor(&change.by);
            }
            Fact::Act(act) => {
                self.operations.insert(act.operation.trim_end_matches('.').to_owned());
                self.actor(&act.by);
                let subjects =
                    act.details.iter().filter(|one| one.name == "Subject").flat_map(|one| one.values.clone());
                self.subjects.extend(subjects);
            }
            Fact::SignIn(sign_in) => {
                self.names.extend(sign_in.who.iter().chain(&sign_in.who_id).map(|name| name.to_lowercase()));
                self.peer(sign_in.from.as_ref());
                self.codes.extend(sign_in.error_code.map(|code| code.to_string()));
            }
            Fact::Click(click) => self.names.extend(click.by.iter().map(|name| name.to_lowercase())),
            Fact::Alert(alert) => {
                self.alerts.extend([alert.id.clone(), alert.title.clone()]);
                self.alerts.extend(alert.severity.clone());
            }
            Fact::Release(release) => self.names.extend(release.by.iter().map(|name| name.to_lowercase())),
            Fact::Identity(identity) => {
                let senders = identity.envelope_sender.iter().chain(&identity.header_from);
                self.senders.extend(senders.map(|one| one.as_str().to_owned()));
                self.subjects.extend(identity.subject.clone());
            }
            _ => {}
        }
    }

    fn actor(&mut self, actor: &Actor) {
        self.names.extend(actor.name.iter().map(|name| name.to_lowercase()));
        self.peer(actor.client.as_ref());
    }

    fn peer(&mut self, peer: Option<&Peer>) {
        let address = peer.and_then(|peer| peer.ip.as_deref()?.parse::<IpAddr>().ok());
        self.addresses.extend(address);
    }

    /// Whether a normalised field of the other program is said by us too; `None` if we do not state such fields.
    fn agrees(&self, field: &str, value: &str) -> Option<bool> {
        Some(match field {
            "@timestamp" => {
                let value = value.parse::<Timestamp>().ok()?.as_microsecond();
                self.instants.iter().any(|at| at.as_microsecond() == value)
            }
            "event.action" if !self.operations.is_empty() => self.operations.contains(value.trim_end_matches('.')),
            "user.name" | "user.email" if !self.names.is_empty() => self.names.contains(&value.to_lowercase()),
            "source.ip" if !self.addresses.is_empty() => self.addresses.contains(&value.parse::<IpAddr>().ok()?),
            "email.message_id" => self.ids.contains(value.trim_matches(['<', '>'])),
            "email.local_id" => self.ids.contains(value),
            "email.from.address" => self.senders.contains(&value.to_lowercase()),
            "email.to.address" => self.recipients.contains(&value.to_lowercase()),
            "email.subject" => self.subjects.contains(value),
            "office365.alert.id" | "office365.alert.display_name" | "office365.alert.severity" => {
                self.alerts.contains(value)
            }
            "error.code" if !self.codes.is_empty() => self.codes.contains(value),
            _ => return None,
        })
    }
}

/// The fields of a JSON tree by their paths; each member of a list is a value of its own.
fn fields(tree: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match tree {
        Value::Object(object) => {
            for (name, value) in object {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(value, &inner, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, path, found)),
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Null => {}
        other => found.push((path.to_owned(), other.to_string())),
    }
}

fn tests_of(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new(SEKOIA).join(folder)) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(".test.json")).collect();
    paths.sort();
    paths
}

#[test]
fn real_records_agree_with_their_own_tests() {
    if !Path::new(SEKOIA).is_dir() {
        println!("SKIPPED: no samples of third parties at {SEKOIA}: nothing was compared");
        return;
    }
    let (mut compared, mut wrong, mut unused) = (0, Vec::new(), DIFFER.iter().collect::<Vec<_>>());
    for folder in ["o365-audit", "m365-defender", "entra-graph-audit", "entra-eventhub"] {
        for test in tests_of(folder) {
            let name = test.file_name().unwrap_or_default().to_string_lossy().replace(".test.json", "");
            let raw = fs::read(test.with_file_name(format!("{name}.raw.json"))).expect("the record");
            if recognise(&raw, &name).is_err() {
                continue; // of a kind that is not read: see tests/real_input.rs
            }
            let expected: Value = serde_json::from_slice(&fs::read(&test).expect("the test")).expect("JSON");
            let mut found = Vec::new();
            fields(&expected["expected"], "", &mut found);
            let told = Told::of(&read(&name, &raw, &Wanted::Everything));
            for (field, value) in found {
                let file = format!("{folder}/{name}");
                match told.agrees(&field, &value) {
                    Some(true) => compared += 1,
                    Some(false) if DIFFER.iter().any(|(f, n, _)| fits(f, &file) && fits(n, &field)) => {
                        unused.retain(|(f, n, _)| !(fits(f, &file) && fits(n, &field)));
                    }
                    Some(false) => wrong.push(format!("{file}: {field} {value}")),
                    None => {}
                }
            }
        }
    }
    println!("{compared} normalised fields agree");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(unused.is_empty(), "agreed differences that are none any more: {unused:?}");
    assert!(compared >= 250, "{compared}");
}

/// Whether a file's name fits one that may end in `*`.
fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}
