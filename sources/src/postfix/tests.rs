//! The reader against whole logs: our own sample, generated traffic with its truth, other people's samples, rubbish.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::{Address, Fact, NextHop, Outcome, QuarantineState};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::event::Event;
use super::*;
use crate::{Clock, NoProgress};

const SAMPLE: &str = include_str!("samples/two_instances.log");

fn clock() -> Clock {
    Clock {
        zone: TimeZone::UTC,
        zone_label: "UTC (default)".to_owned(),
        reference: "2026-11-17T00:00:00Z".parse().expect("an instant"),
    }
}

fn message(ids: &[Identifier]) -> Message {
    Message { ids: ids.iter().cloned().collect(), ..Message::default() }
}

fn by_message_id(id: &str) -> Message {
    message(&[Identifier::message_id(id).expect("an id")])
}

/// Reads a log, and checks what holds for every reading.
fn read_with(bytes: &[u8], wanted: Wanted, small_bytes: usize) -> Reading {
    let input = Input { name: Arc::from("mail.log"), bytes };
    let clock = clock();
    let query = Query { wanted: &wanted, clock: &clock, progress: &NoProgress };
    let reading = read(&input, &query, small_bytes).expect("a log");
    assert_eq!(reading.rows_accounted_for(), reading.rows, "rows in heaps");
    let log = Log::of(bytes, "mail.log").expect("text");
    for observation in &reading.observations {
        let cite = &observation.cite;
        let Place::Line(number) = cite.place else { panic!("a line has a number") };
        assert!(cite.bytes.end <= bytes.len() as u64);
        if let Log::Plain { .. } = log {
            let record = &bytes[cite.bytes.start as usize..cite.bytes.end as usize];
            let said: String = String::from_utf8_lossy(record).chars().take(300).collect();
            assert_eq!(*cite.said, *said, "the cite opens at its record");
            if bytes.len() < 1 << 20 {
                let before = memchr::memchr_iter(b'\n', &bytes[..cite.bytes.start as usize]).count() as u64;
                assert_eq!(number, before + 1, "line number");
            }
        }
    }
    reading
}

fn lines(reading: &Reading) -> BTreeSet<u64> {
    let place = |cite: &Cite| match cite.place {
        Place::Line(line) => line,
        Place::Record(record) => record,
    };
    reading.observations.iter().map(|observation| place(&observation.cite)).collect()
}

/// Follows one message in the sample's lines, put into another order, and gives the lines of the sample that are cited.
fn followed(order: &[usize], message: &Message, small_bytes: usize) -> BTreeSet<usize> {
    let all: Vec<&str> = SAMPLE.lines().collect();
    let text: String = order.iter().map(|at| format!("{}\n", all[*at])).collect();
    let reading = read_with(text.as_bytes(), Wanted::Message(message.clone()), small_bytes);
    lines(&reading).into_iter().map(|line| order[line as usize - 1] + 1).collect()
}

/// The lines of `<order-77@partner.example>` in the sample, its notice and the refusal that looks like it included.
fn own_lines() -> BTreeSet<usize> {
    [2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 22, 23, 24, 25, 26, 27, 28, 29, 30].into_iter().collect()
}

#[test]
fn ok_own_sample() {
    let in_order: Vec<usize> = (0..SAMPLE.lines().count()).collect();
    let backwards: Vec<usize> = in_order.iter().rev().copied().collect();
    let mixed: Vec<usize> = (0..in_order.len()).map(|at| at * 7 % in_order.len()).collect();
    let order_77 = by_message_id("<order-77@partner.example>");
    let by_queue_id = message(&[Identifier::queue_id("mx1", Some("postfix-out"), "2B3C4D5E6")]);
    let mut by_looks = Message::default();
    by_looks.likeness.senders.insert(Address::new("anna@partner.example"));
    by_looks.likeness.envelope_recipients.insert(Address::new("carla@client.example"));
    by_looks.likeness.around.insert("2026-08-03T05:00:00Z".parse().expect("an instant"));
    for (name, order, message, small_bytes) in [
        ("in order, searched whole", &in_order, &order_77, usize::MAX),
        ("in order, walked", &in_order, &order_77, 0),
        ("backwards", &backwards, &order_77, usize::MAX),
        ("backwards, large", &backwards, &order_77, 0),
        ("mixed", &mixed, &order_77, usize::MAX),
        ("by the second queue id", &in_order, &by_queue_id, usize::MAX),
        ("by the second queue id, walked", &in_order, &by_queue_id, 0),
        ("by looks", &in_order, &by_looks, usize::MAX),
        ("by looks, walked", &in_order, &by_looks, 0),
        ("by looks, mixed", &mixed, &by_looks, usize::MAX),
    ] {
        assert_eq!(followed(order, message, small_bytes), own_lines(), "{name}");
    }
    let other = by_message_id("<used-again@other.example>");
    assert_eq!(followed(&in_order, &other, 0), (33..=37).collect(), "the later life of the first id");
    let other = by_message_id("<same-id-default-instance@other.example>");
    assert_eq!(followed(&in_order, &other, 0), (17..=21).collect(), "the same id on the default instance");
}

#[test]
fn ok_facts_of_own_sample() {
    let reading =
        read_with(SAMPLE.as_bytes(), Wanted::Message(by_message_id("<order-77@partner.example>")), usize::MAX);
    let said = |line: u64| -> Vec<String> {
        let here = reading.observations.iter().filter(|o| o.cite.place == Place::Line(line));
        here.map(|o| format!("{} {:?}", o.speaker.id(), o.fact)).collect()
    };
    for (name, line, words) in [
        ("arrival", 2, vec!["postfix/mx1 Arrival", "mail.partner.example", "Accepted"]),
        ("re-injection", 7, vec!["postfix/mx1/postfix-out Arrival", "QueueId { host: \"mx1\", id: \"1A2B3C4D5\" }"]),
        ("sender and size", 4, vec!["Identity", "anna@partner.example", "4096"]),
        ("amavis", 10, vec!["amavis/mx1 Verdict", "Clean", "ContentFilter"]),
        (
            "to the filter, the log knows the instance of the next id",
            12,
            vec!["Handover", "ContentFilter", "Accepted", "QueueId { host: \"mx1/postfix-out\", id: \"2B3C4D5E6\" }"],
        ),
        ("alias", 11, vec!["Redirect(Resolved", "ben@client.example"]),
        ("sieve", 14, vec!["dovecot/mx1 Stored", "Some(Junk)", "sieve"]),
        ("store", 15, vec!["MailboxStore", "Stored", "vwQ8DCqjqlqdHgAAwl8aWQ", "mx1/dovecot"]),
        ("deferral", 16, vec!["Deferred", "451", "4.7.1", "spoken_by_next_hop: true"]),
        ("bounce", 23, vec!["Refused", "550", "5.1.1", "MailServer"]),
        ("notice", 25, vec!["NoticeSent", "3C4D5E6F7"]),
        ("closed", 27, vec!["Closed"]),
        ("greylisting is no verdict", 30, vec!["Arrival", "Deferred", "450"]),
    ] {
        let said = said(line);
        for word in words {
            assert!(said.iter().any(|said| said.contains(word)), "{name}: no `{word}` in {said:#?}");
        }
    }
    assert!(said(30).iter().all(|said| !said.contains("Verdict")), "{:?}", said(30));
    let notice = Identifier::queue_id("mx1", Some("postfix-out"), "3C4D5E6F7");
    assert!(reading.revealed.contains(&notice));
    assert!(reading.observations.iter().filter(|o| o.about.ids.contains(&notice)).all(|o| o.about.ids.len() == 1));
    assert_eq!(reading.coverage.from.map(|at| at.to_string()).as_deref(), Some("2026-08-03T04:05:01Z"));
    assert_eq!(reading.coverage.to.map(|at| at.to_string()).as_deref(), Some("2026-08-03T09:00:02Z"));
}

#[test]
fn ok_split_in_two_files() {
    let all: Vec<&str> = SAMPLE.lines().collect();
    for cut in [3, 7, 12, 16, 20, 23, 24, 26, 33] {
        let parts: Vec<String> =
            [&all[..cut], &all[cut..]].iter().map(|part| format!("{}\n", part.join("\n"))).collect();
        let inputs: Vec<Input<'_>> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| Input { name: Arc::from(format!("mail.log.{at}")), bytes: part.as_bytes() })
            .collect();
        let read = crate::read_all(&inputs, by_message_id("order-77@partner.example"), &clock(), &NoProgress)
            .expect("one message");
        let mut found = BTreeSet::new();
        for (at, file) in read.files.iter().enumerate() {
            let reading = file.reading.as_ref().expect("a log");
            found.extend(lines(reading).into_iter().map(|line| line as usize + at * cut));
        }
        assert_eq!(found, own_lines(), "cut after line {cut}");
    }
}

#[test]
fn ok_other_forms() {
    let wanted = || Wanted::Message(by_message_id("<order-77@partner.example>"));
    let plain = read_with(SAMPLE.as_bytes(), wanted(), usize::MAX);
    let crlf = SAMPLE.replace('\n', "\r\n");
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(SAMPLE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let mut broken = b"Aug  3 04:00:00 mx1 postfix/smtpd[1]: \xFF\xFE\0\0 x\n\n\0\0\0\n".to_vec();
    broken.extend(SAMPLE.trim_end().bytes());
    let mut long = format!("Aug  3 04:00:00 mx1 postfix/smtpd[1]: {}\n", "x ".repeat(5 << 20)).into_bytes();
    long.extend(SAMPLE.bytes());
    for (name, bytes, ahead) in
        [("CRLF", crlf.as_bytes(), 0), ("UTF-16", &utf16, 0), ("rubbish ahead", &broken, 3), ("10 MB line", &long, 1)]
    {
        for small_bytes in [0, usize::MAX] {
            let reading = read_with(bytes, wanted(), small_bytes);
            let shifted: BTreeSet<u64> = lines(&plain).into_iter().map(|line| line + ahead).collect();
            assert_eq!(lines(&reading), shifted, "{name}");
        }
    }
    for observation in &read_with(&utf16, wanted(), usize::MAX).observations {
        let bytes = &utf16[observation.cite.bytes.start as usize..observation.cite.bytes.end as usize];
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let said: String = String::from_utf16_lossy(&units).chars().take(300).collect();
        assert_eq!(*observation.cite.said, *said);
    }
}

#[test]
fn ok_lines() {
    for (name, text, words) in [
        (
            "list block",
            "NOQUEUE: reject: RCPT from x.example[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using list.example; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
            vec!["Refused", "ConnectionFilter", "Rejected"],
        ),
        (
            "only a warning",
            "4C0FFEE: reject_warning: RCPT from x.example[192.0.2.7]: 554 5.7.1 blocked using list.example; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
            vec!["ReportOnly", "ConnectionFilter"],
        ),
        (
            "milter",
            "4C0FFEE: milter-reject: END-OF-MESSAGE from x.example[192.0.2.7]: 5.7.1 Spam message rejected; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
            vec!["Refused", "Spam", "milter"],
        ),
        (
            "hold",
            "4C0FFEE: hold: header Subject: x from x.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>: odd",
            vec!["Held", "Postfix hold queue", "TransportRule", "Quarantined", "header_checks"],
        ),
        ("operator", "4C0FFEE: released from hold", vec!["Release", "Released", "postsuper"]),
        ("discarded", "4C0FFEE: removed (discarded)", vec!["Discarded", "Closed"]),
        ("expired", "4C0FFEE: from=<a@example.net>, status=expired, returned to sender", vec!["Expired"]),
        (
            "never reached",
            "4C0FFEE: to=<b@example.com>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to mx.example[192.0.2.9]:25: Connection timed out)",
            vec!["Deferred", "spoken_by_next_hop: false", "4.4.1"],
        ),
        (
            "Exchange",
            "4C0FFEE: to=<b@example.com>, relay=example-com.mail.protection.example[192.0.2.9]:25, delay=1, delays=0/0/1/0, dsn=2.6.0, status=sent (250 2.6.0 <q@example.net> [InternalId=77, Hostname=X.example] 9000 bytes in 0.2, 40 KB/sec Queued mail for delivery)",
            vec!["MessageId(\"q@example.net\")", "MailServer", "Accepted"],
        ),
        (
            "Mimecast",
            "4C0FFEE: to=<b@example.com>, relay=mx.example[192.0.2.9]:25, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 SmtpThread-9 Received OK [aB3dE5gH7jK9lM1nO3pQ5r.uk1])",
            vec!["Acode(\"aB3dE5gH7jK9lM1nO3pQ5r\")"],
        ),
        (
            "forwarded",
            "4C0FFEE: to=<b@example.com>, relay=local, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (forwarded as 5C0FFEE)",
            vec!["Forwarded", "5C0FFEE"],
        ),
    ] {
        let daemon = if text.contains("relay=local") { "local" } else { "smtp" };
        let daemon = if text.contains("on hold") || text.contains("from hold") { "postsuper" } else { daemon };
        let bytes = format!("Aug  3 04:05:06 mx1 postfix/{daemon}[1]: {text}\n");
        let reading = read_with(bytes.as_bytes(), Wanted::Everything, 0);
        let said = format!("{:?}", reading.observations);
        for word in words {
            assert!(said.contains(word), "{name}: no `{word}` in {said}");
        }
    }
}

/// Where the generator of mail traffic and other people's samples lie, if they are here.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).join(path);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

/// What became of a recipient's copy, as far as the log says, in the words of the generator.
fn fates(reading: &Reading) -> BTreeMap<String, &'static str> {
    let mut fates = BTreeMap::new();
    let mut expired = false;
    for observation in &reading.observations {
        for recipient in &observation.about.envelope_recipients {
            let fate = match &observation.fact {
                Fact::Handover(handover) if handover.next_hop == NextHop::ContentFilter => continue,
                Fact::Handover(handover) => match handover.outcome {
                    Outcome::Accepted => "sent",
                    Outcome::Deferred => "pending",
                    _ => "bounced",
                },
                Fact::Quarantine(quarantine) if quarantine.state == QuarantineState::Held => "quarantined",
                _ => continue,
            };
            fates.insert(recipient.to_string(), fate);
        }
        expired |= observation.fact == Fact::Expired;
    }
    for fate in fates.values_mut().filter(|fate| **fate == "pending" && expired) {
        *fate = "expired";
    }
    fates
}

#[test]
fn ok_generated_traffic() {
    let Some(generator) = shared("bench/gen_mail_workload.py") else { return };
    let numpy = std::process::Command::new("python3").args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: python3 with numpy is not there");
        return;
    }
    let folder = std::env::temp_dir().join(format!("postfix-traffic-{}", std::process::id()));
    // A debug build is slow at searching; set POSTFIX_TRAFFIC_FACTOR=20 for a release build.
    let factor: u32 = std::env::var("POSTFIX_TRAFFIC_FACTOR").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1);
    for (time, ids, messages) in [("bsd", "short", 2_500), ("rfc3339", "long", 1_000)] {
        let messages = messages * factor;
        let made = std::process::Command::new("python3")
            .arg(&generator)
            .args([
                "--messages",
                &messages.to_string(),
                "--truth",
                if factor > 1 { "80" } else { "30" },
                "--time",
                time,
                "--queue-ids",
                ids,
                "--out",
            ])
            .arg(&folder)
            .output()
            .expect("python3 runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = std::fs::read(folder.join("postfix.log")).expect("a log");
        let truth = std::fs::read(folder.join("truth.json")).expect("a truth");
        let truth: serde_json::Value = serde_json::from_slice(&truth).expect("JSON");
        agrees(&log, &truth, &format!("{time}, {ids}"));
    }
    drop(std::fs::remove_dir_all(&folder));
}

/// Checks every chosen message of a generated log.
fn agrees(log: &[u8], truth: &serde_json::Value, name: &str) {
    let numbers = |value: &serde_json::Value| -> BTreeSet<u64> {
        value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect()
    };
    let chosen = truth["messages_chosen"].as_array().expect("messages");
    assert!(chosen.len() > 15);
    for message in chosen {
        let id = message["message_id"].as_str().expect("an id");
        let instances = message["instances"].as_array().expect("instances");
        let own: BTreeSet<u64> = instances.iter().flat_map(|instance| numbers(&instance["lines"])).collect();
        for small_bytes in [0, usize::MAX] {
            let reading = read_with(log, Wanted::Message(by_message_id(id)), small_bytes);
            assert_eq!(lines(&reading), own, "{name}: {id}, {}", instances[0]["class"]);
            let found = fates(&reading);
            for recipient in
                instances.iter().rev().take(1).flat_map(|instance| instance["recipients"].as_array()).flatten()
            {
                let address = recipient["address"].as_str().unwrap_or("").to_lowercase();
                let expected = recipient["final"].as_str().unwrap_or("");
                assert_eq!(found.get(&address).copied(), Some(expected), "{name}: {id} for {address}");
            }
            let mut again = by_message_id(id);
            again.ids.extend(reading.revealed.iter().cloned());
            again.likeness.around.extend(reading.observations.iter().filter_map(|o| Some(o.when.as_ref()?.at)));
            let second = read_with(log, Wanted::Message(again), small_bytes);
            assert_eq!(lines(&second), own, "{name}: {id} asked again with its queue ids");
        }
    }
}

#[test]
fn ok_other_peoples_logs() {
    let mut read = 0;
    for folder in ["logs/modoboa-maillog", "logs/mail-chains", "logs/fail2ban", "sekoia-intake-formats/postfix"] {
        let Some(folder) = shared(&format!("samples/{folder}")) else { return };
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_log = name == "postfix.log"
                || name == "dovecot.log"
                || name.ends_with(".raw.log")
                || name.ends_with("1.log")
                || name.starts_with("amavis")
                || name.starts_with("lmtp");
            if !is_log {
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("a file");
            let reading = read_with(&bytes, Wanted::Everything, usize::MAX);
            if name.ends_with(".raw.log") || name.contains("chain") || name.starts_with("mail") {
                assert!(reading.problems.len() <= 1, "{name}: {:?}", reading.problems);
            }
            read += 1;
        }
    }
    assert!(read > 10);
}

const MILTERS: &str = include_str!("samples/milters.log");

#[test]
fn ok_milters_are_followed() {
    let message = by_message_id("<order-77@partner.example>");
    for small_bytes in [usize::MAX, 0] {
        let reading = read_with(MILTERS.as_bytes(), Wanted::Message(message.clone()), small_bytes);
        let expected: BTreeSet<u64> = (1..=16).filter(|line| *line != 12).collect();
        assert_eq!(lines(&reading), expected, "with the policy servers, which name no id");
    }
}

/// The entries of an export are followed as the same lines of syslog are; cites open at the entries.
#[test]
fn ok_journal_export() {
    let export = include_bytes!("samples/journal.export");
    let message = Wanted::Message(by_message_id("<order-77@partner.example>"));
    let reading = read_with(export, message.clone(), usize::MAX);
    assert_eq!(reading.observed, 7);
    for observation in &reading.observations {
        let cite = &observation.cite;
        assert!(cite.said.starts_with("__CURSOR="), "{}", cite.said);
        assert!(export[cite.bytes.start as usize..].starts_with(b"__CURSOR="));
        let before = memchr::memchr_iter(b'\n', &export[..cite.bytes.start as usize]).count() as u64;
        assert_eq!(cite.place, Place::Line(before + 1));
    }
    let plain: String =
        crate::lines::journal::exported(export).iter().map(|entry| format!("{}\n", entry.text)).collect();
    let said = |reading: &Reading| -> Vec<String> {
        reading.observations.iter().map(|o| format!("{:?} {:?} {:?}", o.when, o.about, o.fact)).collect()
    };
    assert_eq!(said(&reading), said(&read_with(plain.as_bytes(), message, usize::MAX)));
}

/// The third party says which lines are a host's fault: where such a line refuses a message, we name the same host.
#[test]
fn fail2ban_refusals_agree() {
    let Some(file) = shared("samples/logs/fail2ban/postfix.log") else { return };
    let text = std::fs::read_to_string(file).expect("text");
    let mut compared = 0;
    let mut expected: Option<String> = None;
    for line in text.lines() {
        if let Some(json) = line.strip_prefix("# failJSON: ") {
            let json: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
            expected = json["host"].as_str().map(str::to_owned).filter(|_| json["match"] == true);
            continue;
        }
        let Some(host) = expected.take() else { continue };
        let reading = read_with(line.as_bytes(), Wanted::Everything, usize::MAX);
        for observation in &reading.observations {
            if let Fact::Arrival(arrival) = &observation.fact {
                let ip = arrival.client.as_ref().and_then(|client| client.ip.as_deref());
                assert_eq!(ip, Some(host.as_str()), "{line}");
                assert_ne!(arrival.outcome, Outcome::Accepted, "{line}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 8, "{compared} refusals compared");
}

#[test]
fn ok_proxmox_is_followed() {
    let log = include_str!("samples/proxmox.log");
    let message = by_message_id("<spam-1@bulk.example>");
    for small_bytes in [usize::MAX, 0] {
        let reading = read_with(log.as_bytes(), Wanted::Message(message.clone()), small_bytes);
        assert_eq!(lines(&reading), (1..=13).collect(), "through the filter and out of its quarantine");
    }
}

/// The third party's fields of a spamd line agree with what is stated.
#[test]
fn ok_other_peoples_spamd() {
    let Some(folder) = shared("samples/sekoia-intake-formats/spamassassin") else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let Some(test) = path.to_str().and_then(|path| path.strip_suffix(".raw.log")) else { continue };
        let expected = std::fs::read_to_string(format!("{test}.test.json")).expect("a test");
        let expected: serde_json::Value = serde_json::from_str(&expected).expect("JSON");
        let reading = read_with(&std::fs::read(&path).expect("a file"), Wanted::Everything, usize::MAX);
        assert!(reading.problems.is_empty());
        for observation in &reading.observations {
            // The third party names the Message-ID's domain as the source's.
            let domain = expected["expected"]["source"]["domain"].as_str().expect("a domain");
            let id = observation.about.message_id().expect("an id");
            assert!(id.ends_with(&format!("@{domain}")), "{id}");
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn ok_grok_patterns() {
    let Some(folder) = shared("samples/logs/postfix-grok-patterns") else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let daemon = name.split('_').next().unwrap_or("").replace("trivial", "trivial-rewrite");
        let text = std::fs::read_to_string(entry.path()).expect("text");
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'))?.trim();
            Some(line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line).replace("\\\"", "\""))
        };
        let Some(data) = value("data") else { continue };
        let read = event::read(&daemon, &data);
        if let Some(id) = value("postfix_queueid").filter(|id| id != "NOQUEUE") {
            assert_eq!(read.queue_id, Some(id.as_str()), "{name}");
            compared += 1;
        }
        if let Some(status) = value("postfix_status") {
            match &read.event {
                Event::Delivery(delivery) => assert_eq!(delivery.status, status, "{name}"),
                Event::Expired => assert_eq!(status, "expired", "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

proptest! {
    #[test]
    fn ok_rubbish(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
        let mut log = bytes;
        let sample = SAMPLE.as_bytes();
        let at = cut * sample.len() / 400;
        log.extend(&sample[at..(at + 600).min(sample.len())]);
        for small_bytes in [0, usize::MAX] {
            read_with(&log, Wanted::Message(by_message_id("order-77@partner.example")), small_bytes);
        }
        read_with(&log, Wanted::Everything, 0);
    }

    #[test]
    fn ok_torn_lines(line in 0usize..37, from in 0usize..400, to in 0usize..400) {
        let text = SAMPLE.lines().nth(line).unwrap_or("");
        let range = from.min(text.len())..to.min(text.len()).max(from.min(text.len()));
        if let Some(torn) = text.get(range) {
            read_with(torn.as_bytes(), Wanted::Everything, 0);
            let prefixed = format!("Aug  3 04:05:01 mx1 postfix/smtpd[1]: {torn}");
            read_with(prefixed.as_bytes(), Wanted::Everything, 0);
            for program in ["amavis[1]", "dovecot"] {
                read_with(format!("Aug  3 04:05:01 mx1 {program}: {torn}").as_bytes(), Wanted::Everything, 0);
            }
        }
    }
}
