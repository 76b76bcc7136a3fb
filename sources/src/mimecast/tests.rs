//! Own fixtures, real samples where they are present, and what must not change a reading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evidence::{Address, Carried, Cite, Fact, Identifier, Observation, Reading};
use jiff::{Timestamp, tz::TimeZone};

use super::codes;
use crate::codes::Codes;
use crate::text::Text;
use crate::{Clock, Head, Input, Likeness, Message, NoProgress, Query, Recognition, Source, Wanted, source};

const KINDS: &[&str] = &[
    "mimecast/siem",
    "mimecast/message-info",
    "mimecast/held-queue",
    "mimecast/release-log",
    "mimecast/message-finder",
    "mimecast/rejection-log",
    "mimecast/audit-events",
    "mimecast/hold-summary",
    "mimecast/managed-urls",
    "mimecast/connectors",
    "mimecast/policies",
    "mimecast/managed-senders",
    "mimecast/dlp",
    "mimecast/ttp-impersonation",
    "mimecast/ttp-attachment",
    "mimecast/ttp-url",
];

fn clock() -> Clock {
    Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH }
}

fn read_as(kind: &str, bytes: &[u8], wanted: &Wanted) -> Reading {
    let source = source(kind).expect("registered");
    let input = Input { name: "file".into(), bytes };
    let clock = clock();
    let query = Query { wanted, clock: &clock, progress: &NoProgress };
    source.read(&input, &query).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

fn recognised(bytes: &[u8]) -> Vec<(&'static str, Recognition)> {
    let start = &bytes[..bytes.len().min(64 * 1024)];
    let Ok(decoded) = Text::decode(start, "file") else { return Vec::new() };
    let head = Head { text: decoded.as_str(), bytes: start, size_bytes: bytes.len() as u64 };
    KINDS
        .iter()
        .filter_map(|id| source(id))
        .map(|source: &dyn Source| (source.id(), source.recognise(&head)))
        .filter(|(_, recognition)| *recognition != Recognition::No)
        .collect()
}

/// Every row in one heap, every cite at its record, every mark inside it.
fn check_sound(name: &str, bytes: &[u8], reading: &Reading) {
    assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}: every row in one heap");
    let cites = reading.observations.iter().map(|o| &o.cite).chain(reading.problems.iter().map(|p| &p.cite));
    for cite in cites.chain(reading.passed_over.iter().filter_map(|p| p.first.as_ref())) {
        assert_eq!(said_at(bytes, cite), *cite.said, "{name}: the cite opens at its record");
        if let Some(mark) = &cite.mark {
            assert!(cite.bytes.start <= mark.start && mark.end <= cite.bytes.end, "{name}: the mark is inside");
        }
    }
}

/// The first 300 characters of the bytes that a cite names, in the file's own encoding.
fn said_at(bytes: &[u8], cite: &Cite) -> String {
    let raw = &bytes[cite.bytes.start as usize..cite.bytes.end as usize];
    let text = match bytes {
        [0xFF, 0xFE, ..] => {
            let units: Vec<u16> = raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(raw).into_owned(),
    };
    text.chars().take(300).collect()
}

// ---- code tables

#[test]
fn every_code_is_known() {
    for (name, table, lines) in [
        ("siem", include_str!("siem/codes.toml"), 60),
        ("held_queue", include_str!("held_queue/codes.toml"), 20),
        ("message_finder", include_str!("message_finder/codes.toml"), 10),
        ("release_log", include_str!("release_log/codes.toml"), 8),
        ("message_info", include_str!("message_info/codes.toml"), 6),
    ] {
        let codes = Codes::of(table);
        assert!(codes.all.len() >= lines, "{name}: {} lines", codes.all.len());
        for code in codes.all {
            assert!(is_known(&code.field, &code.means), "{name}: {code:?}");
            assert!(code.source.contains("read 20"), "{name}: {code:?} has no day");
        }
    }
}

fn is_known(field: &str, means: &str) -> bool {
    let among = |words: &[&str]| words.contains(&means);
    match field {
        "type" | "file" => among(&[
            "receipt",
            "process",
            "delivery",
            "journal",
            "spam",
            "virus",
            "url",
            "attachment",
            "impersonation",
            "internal",
            "entity",
            "mailflow",
        ]),
        "integrated.threat" => codes::verdict(means).is_some(),
        "integrated.state" => codes::status(means).is_some(),
        "integrated.action" => among(&["none", "junked", "quarantined"]),
        "integrated.mode" => means == "enforced",
        "url.action" => means == "blocked",
        "receipt.action" => among(&["accepted", "refused"]),
        "process.action" => among(&["accepted", "held", "sandboxed", "bounced", "retried"]),
        "detection.action" => among(&["none", "held", "bounced", "discarded", "tagged"]),
        "rejection" => means == "no_verdict" || codes::verdict(means).is_some(),
        "hold_reason" | "url.reason" | "internal.result" | "reason" => codes::verdict(means).is_some(),
        "status" => codes::status(means).is_some() || among(&["denied", "expired", "requested"]),
        "text" => among(&["expired"]),
        "receiptEvent" => among(&["accepted", "deferred", "refused"]),
        "queue" => among(&["expired", "held", "queued"]),
        _ => false,
    }
}

// ---- own fixtures

/// Folder of a kind, its id, and its samples.
fn fixtures() -> Vec<(&'static str, PathBuf)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mimecast");
    let mut found = Vec::new();
    for kind in KINDS.iter().copied() {
        let folder = base.join(kind.trim_start_matches("mimecast/").replace('-', "_")).join("samples");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .expect("a folder of samples")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension != "expected"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{kind} has samples");
        found.extend(files.into_iter().map(|file| (kind, file)));
    }
    found
}

// ---- what must not change a reading

/// Observations without their places, sorted.
fn statements(reading: &Reading) -> Vec<String> {
    let mut all: Vec<String> = reading.observations.iter().map(statement).collect();
    all.sort();
    all
}

fn statement(observation: &Observation) -> String {
    format!("{:?} {:?} {:?} {:?}", observation.when, observation.speaker, observation.about, observation.fact)
}

/// The rows of a fixture with one row a line; a CSV's header apart.
fn lines_of(text: &str) -> (Vec<&str>, Vec<&str>) {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_table =
        !text.trim_start().starts_with(['{', '[']) && !text.contains("|datetime=") && !text.starts_with("datetime=");
    let (head, rows) = lines.split_at(usize::from(is_table));
    (head.to_vec(), rows.to_vec())
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn form_does_not_change_statements() {
    let mut tried = 0;
    for (kind, path) in fixtures() {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let whole = statements(&read_as(kind, text.as_bytes(), &Wanted::Everything));
        let same = |form: &str, bytes: &[u8]| {
            let reading = read_as(kind, bytes, &Wanted::Everything);
            check_sound(&format!("{name}, {form}"), bytes, &reading);
            assert_eq!(statements(&reading), whole, "{name}: {form}");
        };
        let crlf = text.replace("\r\n", "\n").replace('\n', "\r\n");
        same("CRLF", crlf.as_bytes());
        same("LF", text.replace("\r\n", "\n").as_bytes());
        same("UTF-16", &utf16(&text));
        same("byte order mark", format!("\u{feff}{text}").as_bytes());
        if text.trim_start().starts_with(['{', '[']) && !text.trim_end().lines().all(|line| line.starts_with('{')) {
            continue; // one document over several lines has no rows to shuffle
        }
        tried += 1;
        let (head, rows) = lines_of(&text);
        let file = |rows: &[&str]| head.iter().chain(rows).fold(String::new(), |file, line| file + line + "\n");
        let reversed: Vec<&str> = rows.iter().rev().copied().collect();
        same("reversed", file(&reversed).as_bytes());
        let halves = rows.split_at(rows.len() / 2);
        let mut split = Vec::new();
        for half in [halves.0, halves.1].into_iter().filter(|half| !half.is_empty()) {
            split.extend(statements(&read_as(kind, file(half).as_bytes(), &Wanted::Everything)));
        }
        split.sort();
        assert_eq!(split, whole, "{name}: split in two files");
        let doubled: Vec<&str> = rows.iter().flat_map(|row| [*row, *row]).collect();
        let mut twice = statements(&read_as(kind, file(&doubled).as_bytes(), &Wanted::Everything));
        twice.dedup();
        let mut once = whole.clone();
        once.dedup();
        assert_eq!(twice, once, "{name}: doubled rows");
    }
    assert!(tried >= 5, "{tried} fixtures have one row a line");
}

#[test]
fn rubbish_is_read_without_panic() {
    for (kind, path) in fixtures() {
        let bytes = std::fs::read(&path).expect("readable");
        for cut in (0..bytes.len()).step_by((bytes.len() / 60).max(1)) {
            let part = &bytes[..cut];
            if crate::text::is_blank(part) {
                continue;
            }
            recognised(part);
            check_sound("cut", part, &read_as(kind, part, &Wanted::Everything));
        }
        for other in KINDS.iter().copied() {
            check_sound("as another kind", &bytes, &read_as(other, &bytes, &Wanted::Everything));
        }
    }
    for rubbish in [
        "{",
        "[[[[",
        "{\"data\":{\"data\":1}}",
        "|=|=|=",
        "a|datetime=|acc=|",
        "{\"aCode\":{},\"acc\":[],\"datetime\":1}",
        "\"",
        "{}",
        "null",
        "[1,2]",
    ] {
        for kind in KINDS.iter().copied() {
            check_sound(rubbish, rubbish.as_bytes(), &read_as(kind, rubbish.as_bytes(), &Wanted::Everything));
        }
        recognised(rubbish.as_bytes());
    }
}

#[test]
fn a_cut_head_is_recognised() {
    let event = r#"{"type":"receipt","action":"Acc","aggregateId":"AAAAAAAAAAAAAAAAAAAAAA","processingId":"P1","accountId":"CEX1","timestamp":1767225600000}"#;
    let page = format!("{{\"value\":[{}],\"isCaughtUp\":true}}", vec![event; 2000].join(","));
    let long = "x".repeat(200_000);
    let info = format!(
        r#"{{"meta":{{"status":200}},"data":[{{"recipientInfo":{{"messageInfo":{{"fromEnvelope":"a@example.com","transmissionInfo":"<pre>{long}"}}}},"status":"held"}}]}}"#
    );
    for (name, text, kind) in
        [("page on one line", page, "mimecast/siem"), ("long record", info, "mimecast/message-info")]
    {
        assert_eq!(recognised(text.as_bytes()), [(kind, Recognition::Certain)], "{name}");
        check_sound(name, text.as_bytes(), &read_as(kind, text.as_bytes(), &Wanted::Everything));
    }
}

/// An answer that names further pages, or events that were still to come, shows no absence.
#[test]
fn ok_admitted_gaps_are_cuts() {
    let event = r#"{"type":"receipt","action":"Acc","aggregateId":"AAAAAAAAAAAAAAAAAAAAAA","processingId":"P1","accountId":"CEX1","timestamp":1767225600000}"#;
    for (name, page, cut) in [
        ("caught up", format!("{{\"value\":[{event}],\"isCaughtUp\":true}}"), false),
        ("not caught up", format!("{{\"value\":[{event}],\"isCaughtUp\":false}}"), true),
    ] {
        let reading = read_as("mimecast/siem", page.as_bytes(), &Wanted::Everything);
        assert_eq!(reading.coverage.suspected_cut, cut, "{name}");
    }
}

#[test]
fn refusals_name_their_verdict() {
    for (text, kind) in [
        ("Envelope blocked - User Entry", "Some(UserBlock)"),
        ("Envelope blocked - User Domain Entry", "Some(UserBlock)"),
        ("Rejected by header-based manually blocked senders: a@example.com", "Some(UserBlock)"),
        ("Rejected by header based Blocked Senders: a@example.com", "Some(BlockEntry)"),
        ("Envelope Rejected - Block Policy for Envelope From Address", "Some(BlockEntry)"),
        ("Administrative prohibition envelope blocked", "Some(BlockEntry)"),
        ("Anti-Spoofing policy - Inbound not allowed", "Some(Spoof)"),
        ("Rejected by header-based Anti-Spoofing policy", "Some(Spoof)"),
        ("SPF Sender Invalid - envelope rejected", "Some(Authentication(Spf))"),
        ("DKIM Sender Invalid - envelope rejected", "Some(Authentication(Dkim))"),
        ("DMARC Sender Invalid - envelope rejected", "Some(Authentication(Dmarc))"),
        ("Local CT IP Reputation - (reject)", "Some(ConnectionFilter)"),
        ("csi.mimecast.org Poor Reputation Sender", "Some(ConnectionFilter)"),
        ("Email rejected due to security policies - MCSpamSignature.x", "Some(Spam)"),
        ("Virus Signature Detection", "Some(Malware)"),
        ("Message bounced due to Content Examination Policy", "Some(TransportRule)"),
        ("Invalid Recipient", "None"),
        ("Internal resources are temporarily unavailable", "None"),
        ("Mail loop detected", "None"),
        ("This route requires encryption (TLS)", "None"),
        ("a text of the future", "None"),
    ] {
        let row = serde_json::json!({"type": "receipt", "action": "Rej", "aggregateId": "A", "processingId": "P",
            "accountId": "C", "timestamp": 1767225600000_u64, "rejectionCode": "550", "rejectionInfo": text});
        let reading = read_as("mimecast/siem", row.to_string().as_bytes(), &Wanted::Everything);
        let found = reading.observations.iter().find_map(|observation| match &observation.fact {
            Fact::Verdict(verdict) => Some(verdict.kind.clone()),
            _ => None,
        });
        assert_eq!(format!("{found:?}"), kind, "{text}");
        let replied = reading.observations.iter().any(|observation| {
            matches!(&observation.fact, Fact::Arrival(arrival) if arrival.reply.as_ref().is_some_and(|reply| reply.text == text))
        });
        assert!(replied, "{text} stands in the reply");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    #[test]
    fn broken_bytes_are_accounted_for(which in 0usize..64, hits in proptest::collection::vec((0usize..1 << 16, 0u8..=255), 1..24)) {
        let all = fixtures();
        let (kind, path) = &all[which % all.len()];
        let mut bytes = std::fs::read(path).expect("readable");
        let length = bytes.len();
        for (at, byte) in hits {
            bytes[at % length] = byte;
        }
        recognised(&bytes);
        let source = source(kind).expect("registered");
        let clock = clock();
        let wanted = [Wanted::Everything, followed(&[Identifier::Acode("Qm4xT7vLReKpZ2sYw9NbHg".to_owned())])];
        for wanted in &wanted {
            let query = Query { wanted, clock: &clock, progress: &NoProgress };
            if let Ok(reading) = source.read(&Input { name: "file".into(), bytes: &bytes }, &query) {
                proptest::prop_assert_eq!(reading.rows_accounted_for(), reading.rows);
                for observation in &reading.observations {
                    proptest::prop_assert!(observation.cite.bytes.end <= length as u64);
                }
            }
        }
    }
}

// ---- one message

fn followed(ids: &[Identifier]) -> Wanted {
    Wanted::Message(Message { ids: ids.iter().cloned().collect(), ..Message::default() })
}

#[test]
fn a_message_is_followed_over_revealed_ids() {
    // Refused and unrelated rows, a receipt with Message-ID and aCode, a delivery with the aCode only.
    let receipt = r#"{"type":"receipt","action":"Acc","aggregateId":"AAAAAAAAAAAAAAAAAAAAAA_1767225600","processingId":"P1","accountId":"CEX1","timestamp":1767225600000,"messageId":"<x+1=a@example.com>","recipients":"to@example.net","senderEnvelope":"from@example.com","senderIp":"192.0.2.1"}"#;
    let delivery = r#"{"type":"delivery","delivered":"true","aggregateId":"AAAAAAAAAAAAAAAAAAAAAA_1767225600","processingId":"P2","accountId":"CEX1","timestamp":1767225660000,"recipients":"to@example.net"}"#;
    let other = r#"{"type":"receipt","action":"Acc","aggregateId":"BBBBBBBBBBBBBBBBBBBBBB","processingId":"P3","accountId":"CEX1","timestamp":1767229200000,"messageId":"<y@example.com>","recipients":"to@example.net","senderEnvelope":"from@example.com"}"#;
    let file = format!("{other}\n{delivery}\n{receipt}\n");
    for (name, id, kept) in [
        ("by Message-ID", Identifier::message_id("<x+1=a@example.com>"), 2),
        ("by aCode", Identifier::acode("AAAAAAAAAAAAAAAAAAAAAA"), 2),
        ("by a run", Some(Identifier::ProcessingId("P3".to_owned())), 1),
        ("unknown", Identifier::message_id("nobody@example.org"), 0),
        ("only of another vendor", Identifier::network_message_id("0123456789abcdef0123456789abcdef"), 0),
    ] {
        let wanted = followed(&id.into_iter().collect::<Vec<_>>());
        let reading = read_as("mimecast/siem", file.as_bytes(), &wanted);
        check_sound(name, file.as_bytes(), &reading);
        assert_eq!(reading.observed, kept, "{name}");
        let covers = (reading.coverage.from.map(|at| at.to_string()), reading.coverage.to.map(|at| at.to_string()));
        assert_eq!(
            covers,
            (Some("2026-01-01T00:00:00Z".to_owned()), Some("2026-01-01T01:00:00Z".to_owned())),
            "{name}"
        );
    }
    let wanted = followed(&[Identifier::MessageId("x+1=a@example.com".to_owned())]);
    let reading = read_as("mimecast/siem", file.as_bytes(), &wanted);
    assert!(reading.revealed.contains(&Identifier::Acode("AAAAAAAAAAAAAAAAAAAAAA".to_owned())));
    assert!(reading.revealed.contains(&Identifier::ProcessingId("P2".to_owned())));
}

#[test]
fn rows_without_ids_are_matched_by_looks() {
    let held = include_bytes!("held_queue/samples/list.json");
    let likeness = Likeness {
        senders: [Address::new("news@shop.example")].into(),
        envelope_recipients: [Address::new("amira@example.com")].into(),
        ..Likeness::default()
    };
    for (name, ids, likeness, kept) in [
        ("looks", vec![Identifier::MessageId("a@b".to_owned())], likeness.clone(), 1),
        ("looks only", vec![], likeness, 1),
        ("no looks", vec![Identifier::MessageId("a@b".to_owned())], Likeness::default(), 0),
    ] {
        let wanted = Wanted::Message(Message { ids: ids.into_iter().collect(), likeness, ..Message::default() });
        let reading = read_as("mimecast/held-queue", held, &wanted);
        check_sound(name, held, &reading);
        assert_eq!(reading.observed, kept, "{name}");
    }
}

#[test]
fn rows_of_tables_are_kept_or_passed_over() {
    let rejections = include_bytes!("rejection_log/samples/page.json").as_slice();
    let audit = include_bytes!("audit_events/samples/page.json").as_slice();
    let clicks = include_bytes!("ttp_url/samples/page.json").as_slice();
    let policies = include_bytes!("policies/samples/get_policy_2026-05-02.json").as_slice();
    let summary = include_bytes!("hold_summary/samples/hold_summary_2026-05-02T0900Z.json").as_slice();
    let looks = |sender: &str, recipient: &str| Likeness {
        senders: [Address::new(sender)].into(),
        envelope_recipients: [Address::new(recipient)].into(),
        ..Likeness::default()
    };
    let primary = looks("news@lists.example.net", "anna.berg@example.com");
    let alias = looks("news@lists.example.net", "a.berg@example.com");
    let held = looks("robot@quantum.example", "anna.berg@example.com");
    for (name, kind, bytes, id, likeness, observed, others) in [
        ("a refusal under the primary address", "rejection-log", rejections, "a@b.example", primary, 1, 3),
        ("a refusal under the alias", "rejection-log", rejections, "a@b.example", alias, 1, 3),
        ("a refusal of nobody we know", "rejection-log", rejections, "a@b.example", Likeness::default(), 0, 4),
        // 16 sign-ins, changes and acts bear on every message; the two steps of a release name theirs.
        ("events, and no message", "audit-events", audit, "a@b.example", Likeness::default(), 16, 2),
        ("a release by its id", "audit-events", audit, "77@supplier.example", Likeness::default(), 17, 1),
        ("a denial by its looks", "audit-events", audit, "a@b.example", held, 17, 1),
        ("clicks by id", "ttp-url", clicks, "p78@parcels.example", Likeness::default(), 1, 3),
        ("settings bear on all", "policies", policies, "a@b.example", Likeness::default(), 4, 0),
        ("so do totals", "hold-summary", summary, "a@b.example", Likeness::default(), 2, 0),
    ] {
        let ids = [Identifier::MessageId(id.to_owned())].into();
        let reading = read_as(
            &format!("mimecast/{kind}"),
            bytes,
            &Wanted::Message(Message { ids, likeness, ..Message::default() }),
        );
        check_sound(name, bytes, &reading);
        let passed_over: u64 = reading.passed_over.iter().map(|heap| heap.rows).sum();
        assert_eq!((reading.observed, passed_over), (observed, others), "{name}");
    }
}

#[test]
fn a_siem_log_is_searched_by_looks_if_no_id_is_known() {
    let log = include_bytes!("siem/samples/api2_type.ndjson");
    let likeness = Likeness {
        senders: [Address::new("billing@partner.example")].into(),
        envelope_recipients: [Address::new("amira@example.com")].into(),
        ..Likeness::default()
    };
    let wanted = Wanted::Message(Message { ids: Default::default(), likeness, ..Message::default() });
    let reading = read_as("mimecast/siem", log, &wanted);
    check_sound("looks", log, &reading);
    assert!(reading.observed >= 3, "receipt by looks, process and delivery by the ids that it reveals");
    assert!(!reading.revealed.is_empty());
}

// ---- real samples, present on some machines only

fn samples() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples");
    if !path.is_dir() {
        println!("SKIPPED: no real samples at {}", path.display());
        return None;
    }
    Some(path)
}

/// The real files of these kinds and the kind of each.
fn real_files(base: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut found: Vec<(PathBuf, &'static str)> = std::fs::read_dir(base.join("sekoia-intake-formats/mimecast"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".raw.json"))
        .map(|path| (path, "mimecast/siem"))
        .collect();
    for (file, kind) in [
        ("elastic-integrations/mimecast_siem_v1.ndjson", "mimecast/siem"),
        ("elastic-integrations/mimecast_siem_v1_docs.ndjson", "mimecast/siem"),
        ("elastic-integrations/mimecast_siem_v2.ndjson", "mimecast/siem"),
        ("elastic-integrations/mimecast_message_release.ndjson", "mimecast/release-log"),
        ("demisto-content/mimecast_api2_siem_page.json", "mimecast/siem"),
        ("demisto-content/mimecast_hold_message_list.json", "mimecast/held-queue"),
        ("demisto-content/mimecast_message_info.json", "mimecast/message-info"),
        ("demisto-content/mimecast_message_tracking_search.json", "mimecast/message-finder"),
        ("azure-sentinel-mimecast/sentinel_mimecast_seg_cg.csv", "mimecast/siem"),
        ("azure-sentinel-mimecast/sentinel_mimecast_audit.csv", "mimecast/audit-events"),
        ("elastic-integrations/mimecast_audit_events.ndjson", "mimecast/audit-events"),
        ("elastic-integrations/mimecast_cloud_integrated.ndjson", "mimecast/siem"),
        ("elastic-integrations/mimecast_dlp.ndjson", "mimecast/dlp"),
        ("elastic-integrations/mimecast_ttp_attachment.ndjson", "mimecast/ttp-attachment"),
        ("elastic-integrations/mimecast_ttp_impersonation.ndjson", "mimecast/ttp-impersonation"),
        ("elastic-integrations/mimecast_ttp_url.ndjson", "mimecast/ttp-url"),
        ("demisto-content/mimecast_hold_summary.json", "mimecast/hold-summary"),
        ("demisto-content/mimecast_policy_block_sender.json", "mimecast/policies"),
    ] {
        found.push((base.join(file), kind));
    }
    found.sort();
    found
}

#[test]
fn each_id_of_a_real_sample_finds_its_rows() {
    let Some(base) = samples() else { return };
    for (path, kind) in real_files(&base) {
        let name = path.strip_prefix(&base).unwrap_or(&path).display().to_string();
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(recognised(&bytes), [(kind, Recognition::Certain)], "{name}");
        let reading = read_as(kind, &bytes, &Wanted::Everything);
        for (id, observed) in ids_with_rows(&reading) {
            let reading = read_as(kind, &bytes, &followed(std::slice::from_ref(&id)));
            check_sound(&name, &bytes, &reading);
            assert!(reading.observed >= observed, "{name}: {id} alone finds its {observed} rows");
        }
    }
}

/// Each id of a reading, and how many rows carry it.
fn ids_with_rows(reading: &Reading) -> BTreeMap<Identifier, u64> {
    let mut rows: BTreeMap<Identifier, std::collections::BTreeSet<u64>> = BTreeMap::new();
    for observation in &reading.observations {
        for id in &observation.about.ids {
            rows.entry(id.clone()).or_default().insert(observation.cite.bytes.start);
        }
    }
    rows.into_iter().map(|(id, rows)| (id, rows.len() as u64)).collect()
}

#[test]
fn real_samples_agree_with_their_own_tests() {
    let Some(base) = samples() else { return };
    let mut compared = 0;
    for (path, kind) in real_files(&base) {
        let test = PathBuf::from(path.to_string_lossy().replace(".raw.json", ".test.json"));
        if test == path || !test.is_file() {
            continue;
        }
        let name = test.display().to_string();
        let value: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&test).expect("readable")).expect("a test of the source");
        let expected = &value["expected"];
        let reading = read_as(kind, &std::fs::read(&path).expect("readable"), &Wanted::Everything);
        let about = &reading.observations.first().expect("an observation").about;
        if let Some(id) = expected["email"]["message_id"].as_str() {
            let id = id.trim_matches(['<', '>']);
            assert_eq!(about.message_id(), Some(id), "{name}: message id");
            compared += 1;
        }
        for (field, ours) in [("from", senders(&reading)), ("to", about.envelope_recipients.clone())] {
            for address in
                expected["email"][field]["address"].as_array().into_iter().flatten().filter_map(|a| a.as_str())
            {
                assert!(ours.contains(&Address::new(address)), "{name}: {field} {address} in {ours:?}");
                compared += 1;
            }
        }
        if let Some(at) = expected["@timestamp"].as_str() {
            let at: Timestamp = at.parse().expect("an instant");
            let ours = reading.observations.iter().find_map(|observation| observation.when.as_ref());
            assert_eq!(ours.map(|when| when.at), Some(at), "{name}: instant");
            compared += 1;
        }
        for (field, value) in carried_by(expected) {
            let known = reading.observations.iter().any(|observation| match &observation.fact {
                Fact::Carried(Carried::Url { url, .. }) => field == "url" && *url == value,
                Fact::Carried(Carried::Attachment { name, .. }) if field == "name" => {
                    name.as_deref() == Some(value.as_str())
                }
                Fact::Carried(Carried::Attachment { sha256, .. }) => {
                    field == "sha256" && sha256.as_deref() == Some(value.as_str())
                }
                Fact::Identity(identity) => field == "subject" && identity.subject.as_deref() == Some(value.as_str()),
                Fact::Arrival(arrival) => {
                    field == "ip"
                        && arrival.client.as_ref().is_some_and(|peer| peer.ip.as_deref() == Some(value.as_str()))
                }
                _ => false,
            });
            assert!(known, "{name}: {field} {value}");
            compared += 1;
        }
        if let Some(action) = expected["event"]["action"].as_str() {
            assert!(agrees(action, &reading), "{name}: action {action}: {:?}", reading.observations);
            compared += 1;
        }
    }
    println!("{compared} normalised fields agree");
    assert!(compared >= 60, "{compared}");
}

/// Log shippers keep the vendor's record beside their own reading of it: both have to tell the same.
///
/// Agreed differences: `event.action` of attachment and URL logs is the shipper's join of two of the vendor's words, and is
/// compared by the words that it is made of; a threat feed's indicators are no evidence of mail.
#[test]
fn records_within_ecs_documents_agree_with_them() {
    let Some(base) = samples() else { return };
    let mut compared = 0;
    for (file, kind) in [
        ("mimecast__dlp_logs.sample_event.json", Some("mimecast/dlp")),
        ("mimecast__ttp_ap_logs.sample_event.json", Some("mimecast/ttp-attachment")),
        ("mimecast__ttp_url_logs.sample_event.json", Some("mimecast/ttp-url")),
        ("mimecast__threat_intel_malware_customer.sample_event.json", None),
    ] {
        let text = std::fs::read(base.join("elastic-sample-events").join(file)).expect("readable");
        let document: serde_json::Value = serde_json::from_slice(&text).expect("a document");
        let record = document["event"]["original"].as_str().expect("the vendor's record").as_bytes();
        let Some(kind) = kind else {
            assert_eq!(recognised(record), [], "{file}");
            continue;
        };
        assert_eq!(recognised(record), [(kind, Recognition::Certain)], "{file}");
        let reading = read_as(kind, record, &Wanted::Everything);
        assert_eq!((reading.observed, reading.problems.len()), (1, 0), "{file}");
        let told = format!("{:?}", reading.observations);
        let expected = [
            document["email"]["message_id"].as_str().map(|id| id.trim_matches(['<', '>']).to_owned()),
            document["email"]["subject"].as_str().map(str::to_owned),
            document["email"]["to"]["address"][0].as_str().map(str::to_owned),
            document["email"]["from"]["address"][0].as_str().map(|from| from.trim_matches(['<', '>']).to_owned()),
            document["rule"]["name"].as_str().map(str::to_owned),
            document["url"]["original"].as_str().map(str::to_owned),
            document["email"]["attachments"]["file"]["name"].as_str().map(str::to_owned),
            document["email"]["attachments"]["file"]["hash"]["sha256"].as_str().map(str::to_owned),
            document["mimecast"]["result"].as_str().map(str::to_owned),
            document["mimecast"]["scanResult"].as_str().map(str::to_owned),
        ];
        for value in expected.iter().flatten().filter(|value| !value.is_empty()) {
            assert!(told.contains(value.as_str()), "{file}: {value} in {told}");
            compared += 1;
        }
        for word in document["event"]["action"].as_str().unwrap_or_default().split('_') {
            assert!(told.contains(word), "{file}: action word {word} in {told}");
            compared += 1;
        }
        let at: Timestamp = document["@timestamp"].as_str().and_then(|at| at.parse().ok()).expect("an instant");
        assert!(reading.observations.iter().all(|it| it.when.as_ref().is_some_and(|when| when.at == at)), "{file}");
        compared += 1;
    }
    assert!(compared >= 24, "{compared} fields agree");
}

/// The links, files and subject that another program found in a record, and the connecting address of a receipt.
fn carried_by(expected: &serde_json::Value) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut add = |field: &'static str, value: &serde_json::Value| {
        found.extend(value.as_str().map(|value| (field, value.to_owned())));
    };
    add("url", &expected["url"]["original"]);
    add("subject", &expected["email"]["subject"]);
    if expected["event"]["dataset"] == "receipt" {
        add("ip", &expected["source"]["ip"]);
    }
    for attachment in expected["email"]["attachments"].as_array().into_iter().flatten() {
        add("name", &attachment["file"]["name"]);
        add("sha256", &attachment["file"]["hash"]["sha256"]);
    }
    found
}

fn senders(reading: &Reading) -> Vec<Address> {
    let of = |observation: &Observation| match &observation.fact {
        Fact::Identity(identity) => [identity.envelope_sender.clone(), identity.header_from.clone()],
        _ => [None, None],
    };
    reading.observations.iter().flat_map(of).flatten().collect()
}

/// Whether the facts say what the vendor's action word says.
fn agrees(action: &str, reading: &Reading) -> bool {
    use evidence::{Outcome, QuarantineState};
    let any = |test: &dyn Fn(&Fact) -> bool| reading.observations.iter().any(|observation| test(&observation.fact));
    match action {
        "Acc" => any(&|fact| match fact {
            Fact::Arrival(arrival) => arrival.outcome == Outcome::Accepted,
            Fact::Note { said } => said.contains("goes on"),
            _ => false,
        }),
        "Rej" => any(&|fact| matches!(fact, Fact::Arrival(arrival) if arrival.outcome == Outcome::Refused)),
        "Hld" => any(&|fact| matches!(fact, Fact::Quarantine(hold) if hold.state == QuarantineState::Held)),
        other => any(&|fact| matches!(fact, Fact::Verdict(verdict) if verdict.said.contains(other))),
    }
}
