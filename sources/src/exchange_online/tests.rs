//! Tests over all kinds of this folder: own samples, third-party samples, turned and torn files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use evidence::{Address, FileName, Identifier, Observation, Reading};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::records::{Grammar, Sieve, Splitter};
use crate::table::decoded;
use crate::text::encoding_of;
use crate::{Clock, Input, Likeness, Message, NoProgress, Query, Source, Wanted, recognise};

const KINDS: [(&str, &str); 5] = [
    ("message_trace", "exchange-online/message-trace"),
    ("message_trace_detail", "exchange-online/message-trace-detail"),
    ("enhanced_summary", "exchange-online/enhanced-summary"),
    ("extended_report", "exchange-online/extended-report"),
    ("quarantine", "exchange-online/quarantine"),
];

fn clock() -> Clock {
    Clock {
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        zone_label: "UTC+2 by --tz".to_owned(),
        reference: Timestamp::UNIX_EPOCH,
    }
}

fn read(source: &dyn Source, name: &str, bytes: &[u8], wanted: &Wanted) -> Reading {
    let input = Input { name: FileName::from(name), bytes };
    let query = Query { wanted, clock: &clock(), progress: &NoProgress };
    source.read(&input, &query).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Own samples: file and kind.
fn samples() -> Vec<(PathBuf, &'static str)> {
    let mut found = Vec::new();
    for (folder, id) in KINDS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/exchange_online").join(folder).join("samples");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(files.filter(|path| path.extension().is_none_or(|end| end != "expected")).map(|path| (path, id)));
    }
    found.sort();
    assert!(found.len() >= 20);
    found
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Every row in one heap, every cite at its record.
fn check_sound(name: &str, bytes: &[u8], reading: &Reading) {
    assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}: a row is in no heap or in two");
    let (encoding, _) = encoding_of(bytes);
    let cites = reading.observations.iter().map(|observation| &observation.cite);
    for cite in cites.chain(reading.problems.iter().map(|problem| &problem.cite)) {
        let place = cite.bytes.start as usize..cite.bytes.end as usize;
        let record = bytes.get(place).unwrap_or_else(|| panic!("{name}: {cite}: outside the file"));
        let record: String = decoded(record, encoding).chars().take(300).collect();
        assert_eq!(record, *cite.said, "{name}: {cite}: the bytes are not the record");
        if let Some(mark) = &cite.mark {
            assert!(cite.bytes.start <= mark.start && mark.end <= cite.bytes.end, "{name}: {cite}: mark outside");
        }
    }
}

/// Facts without their place, counted.
type Stated = BTreeMap<String, usize>;

fn stated(reading: &Reading) -> Stated {
    let mut stated = Stated::new();
    for observation in &reading.observations {
        let Observation { when, speaker, about, fact, .. } = observation;
        *stated.entry(format!("{when:?} {speaker:?} {about:?} {fact:?}")).or_insert(0) += 1;
    }
    stated
}

fn utf16(text: &str, mark: &str) -> Vec<u8> {
    mark.encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Turning a file round must not change what it states.
#[test]
fn ok_turned_samples() {
    let mut turned = 0;
    for (path, _) in samples() {
        let name = name_of(&path);
        let bytes = fs::read(&path).unwrap();
        let (encoding, mark) = encoding_of(&bytes);
        let text = decoded(&bytes[mark..], encoding);
        let source = recognise(&bytes, &name).unwrap();
        let all = stated(&read(source, &name, &bytes, &Wanted::Everything));
        let same = |what: &str, bytes: &[u8]| {
            let source = recognise(bytes, &name).unwrap_or_else(|error| panic!("{what}: {error}"));
            let reading = read(source, &name, bytes, &Wanted::Everything);
            check_sound(&format!("{name} {what}"), bytes, &reading);
            assert_eq!(stated(&reading), all, "{name}: {what}");
        };
        let unix = text.replace("\r\n", "\n");
        same("LF", unix.as_bytes());
        same("CRLF", unix.replace('\n', "\r\n").as_bytes());
        same("UTF-8 with mark", format!("\u{feff}{text}").as_bytes());
        same("UTF-16 with mark", &utf16(&text, "\u{feff}"));
        same("UTF-16 without mark", &utf16(&text, ""));
        let is_csv = path.extension().is_some_and(|end| end == "csv");
        let is_lines = path.extension().is_some_and(|end| end == "jsonl");
        if !(is_csv || is_lines) || name.starts_with("headerless") || name.starts_with("torn") {
            continue;
        }
        turned += 1;
        let grammar = if is_csv { Grammar::Csv } else { Grammar::Json { wrappers: &[] } };
        let input = Input { name: FileName::from(name.as_str()), bytes: text.as_bytes() };
        let query = Query { wanted: &Wanted::Everything, clock: &clock(), progress: &NoProgress };
        let split = Splitter::new(&input, grammar).unwrap().split(&Sieve::All, &query).unwrap();
        let first = split.records.first().map_or(text.len(), |record| record.bytes.start as usize);
        let (header, rows): (&str, Vec<&str>) =
            (&text[..first], split.records.iter().map(|record| record.text.as_str()).collect());
        let file = |rows: &[&str]| format!("{header}{}\n", rows.join("\n"));
        let reversed: Vec<&str> = rows.iter().rev().copied().collect();
        same("rows reversed", file(&reversed).as_bytes());
        let twice: Vec<&str> = rows.iter().chain(&rows).copied().collect();
        let twice = file(&twice);
        let doubled = stated(&read(source, &name, twice.as_bytes(), &Wanted::Everything));
        assert_eq!(doubled, all.iter().map(|(fact, count)| (fact.clone(), count * 2)).collect(), "{name}: doubled");
        let (left, right) = rows.split_at(rows.len() / 2);
        let mut halves = Stated::new();
        for half in [left, right].into_iter().filter(|half| !half.is_empty()) {
            for (fact, count) in stated(&read(source, &name, file(half).as_bytes(), &Wanted::Everything)) {
                *halves.entry(fact).or_insert(0) += count;
            }
        }
        assert_eq!(halves, all, "{name}: split in two");
    }
    assert!(turned >= 8, "only {turned} files were turned round");
}

/// Files that were damaged on the way: no panic, every row in one heap, every cite inside the file.
#[test]
fn ok_torn_samples() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for (path, id) in samples() {
        let name = name_of(&path);
        let whole = fs::read(&path).unwrap();
        let source = crate::source(id).unwrap();
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..next() % 6 {
                let at = next() % bytes.len();
                match next() % 4 {
                    0 => bytes[at] = b"\"'{}[];,:|\\\n\xff\0"[next() % 14],
                    1 => bytes.truncate(at + 1),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, next() as u8),
                }
                if bytes.is_empty() {
                    bytes.push(b'x');
                }
            }
            let input = Input { name: FileName::from(name.as_str()), bytes: &bytes };
            let query = Query { wanted: &Wanted::Everything, clock: &clock(), progress: &NoProgress };
            let _ = recognise(&bytes, &name);
            if let Ok(reading) = source.read(&input, &query) {
                assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}");
                for observation in &reading.observations {
                    assert!(observation.cite.bytes.end <= bytes.len() as u64, "{name}");
                }
            }
        }
    }
}

fn wanted(ids: &[Identifier], likeness: Likeness) -> Wanted {
    Wanted::Message(Message { ids: ids.iter().cloned().collect(), likeness, ..Message::default() })
}

const TRACE_HEADER: &str =
    "\"MessageId\",\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"MessageTraceId\"";

fn trace_row(number: usize, message_id: &str) -> String {
    format!(
        "\"<{message_id}>\",\"2026-03-{:02}T10:00:00Z\",\"a@example.net\",\"r{number}@example.com\",\"s\",\"Delivered\",\
         \"0f{number:06x}-1111-4222-8333-444455556666\"",
        1 + number % 28
    )
}

/// A file that is too large to be parsed whole: the sieve, and ids that rows reveal.
#[test]
fn ok_followed_in_large_file() {
    let mut text = format!("{TRACE_HEADER}\r\n");
    for number in 0..9_000 {
        text.push_str(&trace_row(number, &format!("m{number}@example.net")));
        text.push_str("\r\n");
    }
    // The same message once more under another network message id, and one row with that id alone.
    text.push_str(&trace_row(9_000, "m17@example.net"));
    text.push_str("\r\n");
    text.push_str(&trace_row(9_000, ""));
    text.push_str("\r\n");
    assert!(text.len() > 1 << 20);
    let source = recognise(text.as_bytes(), "trace").unwrap();
    let id = Identifier::message_id("m17@example.net").unwrap();
    let reading = read(source, "trace", text.as_bytes(), &wanted(&[id], Likeness::default()));
    check_sound("large", text.as_bytes(), &reading);
    assert_eq!((reading.rows, reading.observed), (9_002, 3));
    assert_eq!(reading.revealed.len(), 2);
    assert_eq!(reading.coverage.from.map(|at| at.to_string()).as_deref(), Some("2026-03-01T10:00:00Z"));
    let other = Identifier::message_id("nobody-knows-it@example.net").unwrap();
    let reading = read(source, "trace", text.as_bytes(), &wanted(&[other], Likeness::default()));
    assert_eq!((reading.rows, reading.observed, reading.passed_over[0].rows), (9_002, 0, 9_002));
}

/// Records made to take long: many keys, many recipients, many ids, deep nesting, one long line.
#[test]
fn ok_costly_records() {
    let recipients: Vec<String> = (0..20_000).map(|number| format!("r{number}@example.com")).collect();
    let keys: Vec<String> = (0..50_000).map(|number| format!("\"k{number}\":\"v\"")).collect();
    let list = |text: &str| format!("\"{}\"", recipients.join(text));
    let quarantine = |extra: &str| {
        format!(
            r#"{{"Identity":"x","ReceivedTime":"2026-03-04T10:00:00Z","SenderAddress":"a@example.net","Type":"Spam","ReleaseStatus":"Released","Expires":"","RecipientAddress":{},"ReleasedUser":{},{extra}}}"#,
            list(";"),
            list(",")
        )
    };
    let summary = format!(
        "origin_timestamp_utc,sender_address,recipient_status,message_id\n2026-03-04T10:00:00Z,a@example.net,\"{}\",<x@example.net>\n",
        recipients.join("##Receive, Deliver;")
    );
    let detail =
        |data: &str| format!("MessageId,Date,Event,Detail,Data\nx,2026-03-04T10:00:00Z,Fail,\"{data}\",\"{data}\"\n");
    for (name, id, text) in [
        ("many keys", KINDS[4].1, quarantine(&keys.join(","))),
        ("deep", KINDS[4].1, quarantine(&format!("\"deep\":{}", "[".repeat(100_000)))),
        ("many recipients", KINDS[2].1, summary),
        ("open braces", KINDS[1].1, detail(&"{LED=".repeat(100_000))),
        ("open elements", KINDS[1].1, detail(&"<MEP a=''".repeat(100_000))),
        (
            "agents",
            KINDS[1].1,
            detail(&format!("<r><MEP Name='CustomData' Blob='{}'/></r>", ";S:TRA=ETR|a=".repeat(50_000))),
        ),
        ("blocks", KINDS[0].1, "Status : x\n\n".repeat(50_000)),
    ] {
        let source = crate::source(id).unwrap();
        let reading = read(source, name, text.as_bytes(), &Wanted::Everything);
        assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}");
        assert!(reading.rows > 0, "{name}");
    }
}

#[test]
fn ok_followed_by_looks() {
    let likeness = Likeness {
        senders: [Address::new("a@example.net")].into(),
        envelope_recipients: [Address::new("r3@example.com")].into(),
        ..Likeness::default()
    };
    let rows: Vec<String> = (0..9).map(|number| trace_row(number, &format!("m{number}@example.net"))).collect();
    let text = format!("{TRACE_HEADER}\n{}\n", rows.join("\n"));
    let source = recognise(text.as_bytes(), "trace").unwrap();
    let reading = read(source, "trace", text.as_bytes(), &wanted(&[], likeness));
    check_sound("looks", text.as_bytes(), &reading);
    assert_eq!((reading.rows, reading.observed, reading.revealed.len()), (9, 1, 2));
}

/// A Message-ID leads over the trace to the rows that know the network message id alone.
#[test]
fn ok_followed_over_files() {
    let trace = format!("{TRACE_HEADER}\n{}\n{}\n", trace_row(3, "m3@example.net"), trace_row(4, "m4@example.net"));
    let id = "0F000003-1111-4222-8333-444455556666";
    let quarantine = format!(
        r#"[{{"Identity":"{id}\\\\0f0000ff-1111-4222-8333-444455556666","ReceivedTime":"2026-03-04T10:00:00Z","SenderAddress":"a@example.net","Type":"Spam","ReleaseStatus":"NOTRELEASED","Expires":"2026-04-04T10:00:00Z"}}]"#
    );
    let id = id.replace('-', "");
    let detail = format!(
        "MessageTraceId,Date,Event,Detail\n{id},2026-03-04T10:00:00Z,Receive,x\n0f000009111142228333444455556666,2026-03-04T10:00:00Z,Receive,x\n"
    );
    let input = |name: &str, text: &'static str| Input { name: FileName::from(name), bytes: text.as_bytes() };
    let files = [("q.json", quarantine), ("d.csv", detail), ("t.csv", trace)]
        .map(|(name, text)| input(name, Box::leak(text.into_boxed_str())));
    let message = Message { ids: [Identifier::message_id("<m3@example.net>").unwrap()].into(), ..Message::default() };
    let readings = crate::read_all(&files, message, &clock(), &NoProgress).expect("one message");
    let observed: Vec<(u64, u64)> = readings
        .files
        .iter()
        .map(|file| file.reading.as_ref().map_or((0, 0), |reading| (reading.observed, reading.rows)))
        .collect();
    assert_eq!(observed, [(1, 1), (1, 2), (1, 2)]);
    assert_eq!(readings.message.ids.len(), 2);
}

/// Ids that JSON writers escape are still found in a large file.
#[test]
fn ok_escaped_ids() {
    for (name, id, escaped) in [
        ("plus", "a+b=c@example.net", r"a\u002bb\u003dc@example.net"),
        ("slash and quote", r#"x"y/z@example.net"#, r#"x\"y\/z@example.net"#),
        ("short parts", "a+b@c+d", r"a\u002bb@c\u002bd"),
    ] {
        let row = |number: usize, id: &str| {
            format!(
                r#"{{"MessageTraceId":"0f{number:06x}-1111-4222-8333-444455556666","MessageId":"\u003c{id}\u003e","Received":"2026-03-05T10:00:00Z","SenderAddress":"a@example.net","RecipientAddress":"r@example.com","Status":"Delivered"}}"#
            )
        };
        let mut lines: Vec<String> = (0..6_000).map(|number| row(number, &format!("m{number}@example.org"))).collect();
        lines[4_000] = row(4_000, escaped);
        let text = lines.join("\n");
        let source = recognise(text.as_bytes(), name).unwrap();
        let id = Identifier::message_id(id).unwrap();
        let reading = read(source, name, text.as_bytes(), &wanted(&[id], Likeness::default()));
        assert_eq!((reading.observed, reading.rows), (1, 6_000), "{name}");
        check_sound(name, text.as_bytes(), &reading);
    }
}

#[test]
fn ok_row_caps() {
    for (rows, cut) in [(999, false), (1_000, true), (5_000, true), (5_001, false)] {
        let rows: Vec<String> = (0..rows).map(|number| trace_row(number, "m@example.net")).collect();
        let text = format!("{TRACE_HEADER}\n{}\n", rows.join("\n"));
        let source = recognise(text.as_bytes(), "trace").unwrap();
        let reading = read(source, "trace", text.as_bytes(), &Wanted::Everything);
        assert_eq!(reading.coverage.suspected_cut, cut, "{}", rows.len());
    }
}

/// An audit log has 100 rows where nobody asked for more.
#[test]
fn ok_row_caps_of_the_audit_log() {
    for (rows, cut) in [(99, false), (100, true), (101, false)] {
        let row = |number: u64| {
            let data = format!(
                "{{\"\"CreationTime\"\":\"\"2026-11-18T07:30:00\"\",\"\"Id\"\":\"\"{number}\"\",\"\"Operation\"\":\"\"Set-Mailbox\"\",\"\"RecordType\"\":1,\"\"Workload\"\":\"\"Exchange\"\"}}"
            );
            format!("2026-11-18T07:30:00,admin@client.example,Set-Mailbox,\"{data}\"")
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        let text = format!("CreationDate,UserIds,Operations,AuditData\n{}\n", rows.join("\n"));
        let source = recognise(text.as_bytes(), "audit.csv").unwrap();
        let reading = read(source, "audit.csv", text.as_bytes(), &Wanted::Everything);
        assert_eq!((reading.rows as usize, reading.coverage.suspected_cut), (rows.len(), cut));
    }
}

#[test]
fn refused_files() {
    for (name, text, missing) in [
        (
            "trace without recipient",
            "\"MessageId\",\"Received\",\"SenderAddress\",\"Status\",\"MessageTraceId\"\n1,2,3,4,5\n",
            "column `RecipientAddress`",
        ),
        (
            "detail without event",
            "{\"MessageTraceId\":\"x\",\"MessageId\":\"y\",\"Date\":\"2026-01-01\",\"Detail\":\"z\"}",
            "key `Event`",
        ),
        (
            "extended without event_id",
            "date_time_utc,source,message_id,recipient_address\n2026-01-01,SMTP,x,y\n",
            "column `event_id`",
        ),
    ] {
        let error = recognise(text.as_bytes(), name).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(missing), "{name}: {error}");
    }
    for (name, text) in [
        (
            "siem",
            "{\"processingId\":\"x\",\"aggregateId\":\"y\",\"messageId\":\"z\",\"subject\":\"s\",\"timestamp\":\"1\"}",
        ),
        (
            "held list",
            "{\"data\":[{\"id\":\"x\",\"dateReceived\":\"2026-01-01T00:00:00+0000\",\"reasonCode\":\"r\",\"subject\":\"s\"}]}",
        ),
        ("log", "Jan  1 00:00:00 mx1 postfix/smtpd[1]: connect from unknown[192.0.2.1]\n"),
        ("headers", "Received: from a by b\nMessage-ID: <x@example.com>\nSubject: s\n"),
    ] {
        let ours = recognise(text.as_bytes(), name).is_ok_and(|source| source.id().starts_with("exchange-online/"));
        assert!(!ours, "{name}");
    }
}
