//! The reader against our own sample and other people's tests.

use std::path::Path;

use evidence::{Address, Fact, FileName, Place};

use super::*;
use crate::codes::{check_codes, verdict_kind};
use crate::{Message, NoProgress, Wanted};

const SAMPLE: &str = include_str!("samples/mail_logs.text");

fn read(text: &[u8], wanted: &Wanted) -> Reading {
    let input = Input { name: FileName::from("mail_logs"), bytes: text };
    let clock = Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC (default)".to_owned(),
        reference: "2026-05-02T00:00:00Z".parse().expect("an instant"),
    };
    let reading = EsaLog.read(&input, &Query { wanted, clock: &clock, progress: &NoProgress }).expect("a log");
    assert_eq!(reading.rows_accounted_for(), reading.rows);
    reading
}

fn lines_of(text: &str, message: Message) -> Vec<u64> {
    let mut lines: Vec<u64> = read(text.as_bytes(), &Wanted::Message(message))
        .observations
        .iter()
        .map(|observation| match observation.cite.place {
            Place::Line(line) | Place::Record(line) => line,
        })
        .collect();
    lines.dedup();
    lines
}

#[test]
fn every_code_is_known() {
    let results = ["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"];
    let ends = ["delivered", "bounced", "aborted", "dropped", "quarantined", "pending"];
    check_codes(&CODES, |code| match code.field.as_str() {
        "SPF" | "DKIM" | "DMARC" => results.contains(&code.means.as_str()),
        "act" => ends.contains(&code.means.as_str()),
        _ => verdict_kind(&code.means).is_some(),
    });
}

#[test]
fn ok_followed() {
    let id = Identifier::message_id("<order-77@partner.example>").expect("an id");
    let by_id = Message { ids: [id].into(), ..Message::default() };
    let mut by_looks = Message::default();
    by_looks.likeness.senders.insert(Address::new("anna@partner.example"));
    by_looks.likeness.envelope_recipients.insert(Address::new("carla@client.example"));
    let found = lines_of(SAMPLE, by_id);
    // From the connection to the end of the released copy, without the other message of the connection.
    assert!([5, 6, 39].iter().all(|line| found.contains(line)), "{found:?}");
    for (line, number) in SAMPLE.lines().zip(1..) {
        let is_other = line.contains("MID 900") || line.contains("MID 71 ") && line.contains("2025");
        assert!(!(is_other && found.contains(&number)), "{number}: {line}");
        let is_own =
            (line.contains("MID 71 ") || line.contains("MID 72 ") || line.contains("MID 73 ")) && line.contains("2026");
        assert!(!is_own || found.contains(&number) || line.contains("RPC Message done"), "{number}: {line}");
    }
    assert_eq!(lines_of(SAMPLE, by_looks), found, "by looks");
}

#[test]
fn ok_recipients_by_number() {
    let reading = read(SAMPLE.as_bytes(), &Wanted::Everything);
    let to: Vec<(&str, String)> = reading
        .observations
        .iter()
        .filter_map(|observation| match &observation.fact {
            Fact::Handover(handover) => {
                let to: Vec<&str> = observation.about.envelope_recipients.iter().map(Address::as_str).collect();
                Some((
                    if handover.outcome == evidence::Outcome::Accepted { "taken" } else { "not taken" },
                    to.join(" "),
                ))
            }
            _ => None,
        })
        .collect();
    assert!(to.contains(&("taken", "ben@client.example".to_owned())), "{to:?}");
    assert!(to.contains(&("not taken", "carla@client.example".to_owned())), "{to:?}");
}

/// The third party's normalised fields agree with what is stated; a subject keeps its encoding there.
#[test]
fn real_samples_agree_with_their_own_tests() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/sekoia-intake-formats/cisco-esa");
    if !Path::new(root).is_dir() {
        println!("SKIPPED: no samples of third parties at {root}");
        return;
    }
    let mut compared = 0;
    for entry in std::fs::read_dir(root).expect("a folder").flatten() {
        let path = entry.path();
        let Some(stem) = path.to_str().and_then(|path| path.strip_suffix(".raw.log")) else { continue };
        let expected = std::fs::read_to_string(format!("{stem}.test.json")).expect("a test");
        let expected: serde_json::Value = serde_json::from_str(&expected).expect("JSON");
        let expected = &expected["expected"];
        let reading = read(&std::fs::read(&path).expect("a file"), &Wanted::Everything);
        let first = reading.observations.first().unwrap_or_else(|| panic!("{stem}: nothing"));
        let Fact::Identity(identity) = &first.fact else { panic!("{stem}: no identity first") };
        let mut same = |name: &str, ours: Option<String>, theirs: &serde_json::Value| {
            if let Some(theirs) = theirs.as_str() {
                assert_eq!(ours.as_deref(), Some(theirs), "{stem}: {name}");
                compared += 1;
            }
        };
        let email = &expected["email"];
        same("Message-ID", first.about.message_id().map(str::to_owned), &email["message_id"]);
        let sender = identity.header_from.clone().or(identity.envelope_sender.clone());
        same("sender", sender.map(|from| from.as_str().to_owned()), &email["from"]["address"][0]);
        let to = first.about.envelope_recipients.first().map(|to| to.as_str().to_owned());
        same("recipient", to, &email["to"]["address"][0]);
        let number = first.about.ids.iter().find_map(|id| id.text().strip_prefix("MID ")).map(str::to_owned);
        same("MID", number, &email["local_id"]);
        // Their instant is the start, ours the end of the processing.
        same("end", first.when.as_ref().map(|when| when.at.to_string()), &expected["event"]["end"]);
        let act = reading.observations.iter().find_map(|observation| match &observation.fact {
            Fact::Status(status) => Some(status.said.split(':').next().unwrap_or("").to_ascii_lowercase()),
            _ => None,
        });
        same("action", act, &expected["event"]["action"]);
    }
    assert!(compared >= 30, "{compared} values compared");
}
