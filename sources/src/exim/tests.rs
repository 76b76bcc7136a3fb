//! The reader against other people's logs.

use std::path::Path;

use evidence::{Fact, FileName, Outcome};

use super::*;
use crate::{NoProgress, Wanted};

fn clock() -> Clock {
    Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC (default)".to_owned(),
        reference: "2026-05-02T00:00:00Z".parse().expect("an instant"),
    }
}

fn read(text: &str, wanted: &Wanted) -> Reading {
    let input = Input { name: FileName::from("mainlog"), bytes: text.as_bytes() };
    let clock = clock();
    let query = Query { wanted, clock: &clock, progress: &NoProgress };
    let reading = EximLog.read(&input, &query).expect("a log");
    assert_eq!(reading.rows_accounted_for(), reading.rows);
    reading
}

const SAMPLE: &str = include_str!("samples/mainlog");
const REJECTS: &str = include_str!("samples/rejectlog");

fn lines_of(text: &str, wanted: crate::Message) -> Vec<u64> {
    let reading = read(text, &Wanted::Message(wanted));
    let mut lines: Vec<u64> = reading
        .observations
        .iter()
        .map(|observation| match observation.cite.place {
            evidence::Place::Line(line) | evidence::Place::Record(line) => line,
        })
        .collect();
    lines.dedup();
    lines
}

fn with_id(id: Identifier) -> crate::Message {
    crate::Message { ids: [id].into(), ..crate::Message::default() }
}

#[test]
fn ok_followed() {
    let own = vec![3, 4, 5, 6, 7, 8, 12];
    let by_id = with_id(Identifier::message_id("<order-77@partner.example>").expect("an id"));
    let by_queue = with_id(Identifier::queue_id("mx1", None, "1uAbCd-00000000Xyz-5Z12"));
    let mut by_looks = crate::Message::default();
    by_looks.likeness.senders.insert(evidence::Address::new("anna@partner.example"));
    by_looks.likeness.envelope_recipients.insert(evidence::Address::new("ben@client.example"));
    assert_eq!(lines_of(SAMPLE, by_id), own, "by Message-ID, with its notice and an earlier refusal");
    assert_eq!(lines_of(SAMPLE, by_queue), own, "by the id in a Received field");
    assert_eq!(lines_of(SAMPLE, by_looks), own, "by looks");
    let refused = with_id(Identifier::message_id("<spam-1@bulk.example>").expect("an id"));
    assert_eq!(lines_of(REJECTS, refused), vec![2], "by the header in the reject log");
}

/// The third party says which lines are failures of a host; for refusals of messages these are refusals here too.
#[test]
fn fail2ban_refusals_agree() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/logs/fail2ban");
    if !Path::new(root).is_dir() {
        println!("SKIPPED: no samples of third parties at {root}");
        return;
    }
    let mut compared = 0;
    for name in ["exim.log", "exim-spam.log"] {
        let bytes = std::fs::read(Path::new(root).join(name)).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        let mut expected: Option<(String, String)> = None;
        for line in text.lines() {
            if let Some(json) = line.strip_prefix("# failJSON: ") {
                let json: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
                let host = json["host"].as_str().unwrap_or("").to_owned();
                expected =
                    json["time"].as_str().map(|time| (time.to_owned(), host)).filter(|(_, host)| !host.is_empty());
                continue;
            }
            let Some((time, host)) = expected.take() else { continue };
            let reading = read(line, &Wanted::Everything);
            assert!(reading.problems.is_empty(), "{line}");
            let Some(first) = reading.observations.first() else { continue };
            let at = first.when.as_ref().expect("an instant").at;
            assert!(format!("{at}").starts_with(&time), "{line}: {at}");
            for observation in &reading.observations {
                if let Fact::Arrival(arrival) = &observation.fact {
                    compared += 1;
                    assert_ne!(arrival.outcome, Outcome::Accepted, "{line}");
                    let ip = arrival.client.as_ref().and_then(|client| client.ip.as_deref());
                    assert_eq!(ip, Some(host.as_str()), "{line}");
                }
            }
        }
    }
    assert!(compared >= 4, "{compared} refusals compared");
}
