//! What other programs expect of real events.

use std::path::Path;

use evidence::{Fact, Handover, Identifier, Outcome, Reading};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{Clock, Input, Message, NoProgress, Query, Wanted, recognise, source};

fn read_as(kind: &str, bytes: &[u8], wanted: &Wanted) -> Reading {
    let source = source(kind).expect("registered");
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
    let query = Query { wanted, clock: &clock, progress: &NoProgress };
    source.read(&Input { name: "file".into(), bytes }, &query).expect("readable")
}

#[test]
fn real_events_agree_with_their_own_tests() {
    let base = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/sekoia-intake-formats"));
    if !base.is_dir() {
        println!("SKIPPED: no samples of third parties at {}: nothing was compared", base.display());
        return;
    }
    let mut compared = 0;
    for folder in ["proofpoint-pod", "proofpoint-tap"] {
        for entry in std::fs::read_dir(base.join(folder)).expect("a folder") {
            let path = entry.expect("readable").path();
            let Some(stem) = path.to_str().and_then(|name| name.strip_suffix(".raw.json")) else { continue };
            let Ok(test) = std::fs::read(format!("{stem}.test.json")) else { continue };
            let expected = &serde_json::from_slice::<Value>(&test).expect("JSON")["expected"];
            let bytes = std::fs::read(&path).expect("readable");
            let kind = recognise(&bytes, stem).expect("known").id();
            let reading = read_as(kind, &bytes, &Wanted::Everything);
            let first = reading.observations.first().expect("an observation");
            if let Some(at) = expected["@timestamp"].as_str() {
                let at: Timestamp = at.parse().expect("an instant");
                assert_eq!(first.when.as_ref().map(|when| when.at), Some(at), "{stem}");
                compared += 1;
            }
            if let Some(id) = expected["email"]["message_id"].as_str() {
                assert_eq!(first.about.message_id(), Some(id), "{stem}");
                compared += 1;
            }
            if let Some(id) = expected["email"]["local_id"].as_str() {
                assert!(first.about.ids.contains(&Identifier::queue_id("proofpoint", None, id)), "{stem}: {id}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// The rows of the mail transfer agent carry no Message-ID: they are found by the queue id that a message event reveals,
/// in a large file too.
#[test]
fn a_large_log_is_joined_by_queue_id() {
    let message = |number: usize| {
        format!(
            "{{\"guid\":\"g{number}\",\"ts\":\"2026-05-02T08:00:00+0000\",\"envelope\":{{\"from\":\"a@example.net\",\"rcpts\":[\"b@example.com\"]}},\"connection\":{{\"sid\":\"s{number}\"}},\"msg\":{{\"header\":{{\"message-id\":[\"<message-{number}@example.net>\"]}}}},\"filter\":{{\"qid\":\"42FNw{number:08}-1\",\"disposition\":\"continue\"}}}}\n"
        )
    };
    let sent = |number: usize| {
        format!(
            "{{\"ts\":\"2026-05-02T08:00:05+0000\",\"pps\":{{}},\"data\":\"\",\"sm\":{{\"qid\":\"42FNw{number:08}\",\"to\":[\"<b@example.com>\"],\"stat\":\"Sent (ok)\",\"relay\":\"mx.example.com. [192.0.2.10]\",\"dsn\":\"2.0.0\"}}}}\n"
        )
    };
    let text: String = (0..8_000).map(|number| message(number) + &sent(number)).collect();
    assert!(text.len() > 1 << 20);
    let ids = Identifier::message_id("message-4711@example.net").into_iter().collect();
    let wanted = Wanted::Message(Message { ids, ..Message::default() });
    let reading = read_as("proofpoint/message-log", text.as_bytes(), &wanted);
    assert_eq!(reading.observed, 2);
    let handed_over = |fact: &Fact| matches!(fact, Fact::Handover(Handover { outcome: Outcome::Accepted, .. }));
    assert!(reading.observations.iter().any(|observation| handed_over(&observation.fact)));
}
