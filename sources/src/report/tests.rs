//! Rubbish, bombs, and what other programs expect of real reports.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use evidence::{Fact, Identity, Reading, Total};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::packed;
use crate::{Clock, Input, NoProgress, Query, Wanted, recognise, source};

fn read_as(kind: &str, bytes: &[u8]) -> Reading {
    let source = source(kind).expect("registered");
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let reading = source.read(&Input { name: "file".into(), bytes }, &query).expect("readable");
    assert_eq!(reading.rows_accounted_for(), reading.rows, "every row in one heap");
    reading
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

const FRONT: &str = "<feedback><report_metadata><org_name>r.example</org_name></report_metadata>";
const RECORD: &str = "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>";

#[test]
fn a_bomb_is_read_up_to_the_budget() {
    let mut bomb = format!("{FRONT}{RECORD}").into_bytes();
    bomb.resize(packed::UNPACKED_MAX_BYTES as usize + (1 << 20), b' ');
    let reading = read_as("report/dmarc-aggregate", &gzip(&bomb));
    assert_eq!(reading.observed, 1);
    assert!(reading.coverage.limits.iter().any(|limit| limit.contains("more than 67108864 bytes")));
}

#[test]
fn torn_reports_keep_what_stands_before() {
    let nested = "<x>".repeat(100_000);
    for (name, text, observed, problems) in [
        ("no end", format!("{FRONT}{RECORD}{RECORD}"), 2, 0),
        ("cut within a record", format!("{FRONT}{RECORD}<record><row>"), 1, 1),
        ("a fault between two", format!("{FRONT}{RECORD}<record><a b=\"<\" <!-- </record>{RECORD}"), 2, 1),
        ("many faults", format!("{FRONT}{RECORD}{}", "<record><!-- ".repeat(10_000)), 1, 1),
        ("deep", format!("{FRONT}<record>{nested}</record>{RECORD}"), 0, 1),
        ("entities", format!("<!DOCTYPE a [<!ENTITY a \"b\">]>{FRONT}{RECORD}&a;&a;"), 1, 0),
        ("prefix", format!("{FRONT}{RECORD}").replace("<r", "<d:r").replace("</r", "</d:r"), 1, 0),
    ] {
        let reading = read_as("report/dmarc-aggregate", text.as_bytes());
        assert_eq!((reading.observed, reading.problems.len()), (observed, problems), "{name}: {:?}", reading.problems);
    }
}

fn samples() -> Option<PathBuf> {
    let base = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/reports"));
    if !base.is_dir() {
        println!("SKIPPED: no samples of third parties at {}: nothing was compared", base.display());
        return None;
    }
    Some(base.to_owned())
}

/// Each file that has an expectation beside it, and this.
fn pairs(folder: &Path, ends: &[&str]) -> Vec<(PathBuf, Value)> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| ends.iter().any(|wanted| end == *wanted)));
    found.sort();
    let expected = |path: &Path| {
        let text = std::fs::read(path.with_extension("json")).expect("an expectation beside it");
        serde_json::from_slice(&text).expect("JSON")
    };
    found.into_iter().map(|path| (path.clone(), expected(&path))).collect()
}

fn totals(reading: &Reading) -> Vec<&Total> {
    let facts = reading.observations.iter().map(|observation| &observation.fact);
    facts
        .filter_map(|fact| match fact {
            Fact::Total(total) => Some(total),
            _ => None,
        })
        .collect()
}

fn by<'t>(total: &'t Total, name: &str) -> &'t str {
    total.by.iter().find(|property| property.name == name).map_or("", |property| property.values[0].as_str())
}

#[test]
fn real_aggregate_reports_agree_with_their_own_tests() {
    let Some(base) = samples() else { return };
    let mut compared = 0;
    for (path, expected) in pairs(&base.join("stalwart-mail-auth/dmarc-feedback"), &["xml", "eml"]) {
        let name = path.display().to_string();
        let reading = read_as("report/dmarc-aggregate", &std::fs::read(&path).expect("readable"));
        let reporter = reading.observations[0].speaker.to_string();
        assert_eq!(Some(reporter.as_str()), expected["report_metadata"]["org_name"].as_str(), "{name}");
        let records = expected["record"].as_array().expect("records");
        let totals = totals(&reading);
        assert_eq!(records.len(), totals.len(), "{name}");
        for (record, total) in records.iter().zip(totals) {
            let row = &record["row"];
            assert_eq!(row["count"].as_u64(), Some(total.count), "{name}");
            let begin = total.from.as_ref().map(|when| when.at.as_second());
            assert_eq!(expected["report_metadata"]["date_range"]["begin"].as_i64(), begin, "{name}");
            let end = total.to.as_ref().map(|when| when.at.as_second());
            assert_eq!(expected["report_metadata"]["date_range"]["end"].as_i64(), end, "{name}");
            let evaluated = &row["policy_evaluated"];
            for (value, ours) in [
                (&row["source_ip"], by(total, "source_ip")),
                (&evaluated["disposition"], by(total, "disposition")),
                (&evaluated["dkim"], by(total, "dkim")),
                (&evaluated["spf"], by(total, "spf")),
                (&record["identifiers"]["header_from"], by(total, "header_from")),
                (&record["identifiers"]["envelope_from"], by(total, "envelope_from")),
            ] {
                let value = value.as_str().unwrap_or("");
                // Their own word for what is not there.
                assert!(value.eq_ignore_ascii_case(ours) || value == "Unspecified", "{name}: {value} {ours}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 30, "{compared}");
}

#[test]
fn real_feedback_reports_agree_with_their_own_tests() {
    let Some(base) = samples() else { return };
    let mut compared = 0;
    for (path, expected) in pairs(&base.join("stalwart-mail-auth/arf"), &["eml"]) {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).expect("readable");
        let kind = recognise(&bytes, &name).expect("known").id();
        let is_failure = expected["feedback_type"] == "AuthFailure";
        assert_eq!(kind == "report/dmarc-failure", is_failure, "{name}: {kind}");
        let reading = read_as(kind, &bytes);
        let note = reading.observations.iter().find(|o| matches!(o.fact, Fact::Note { .. })).expect("a note");
        let arrived = note.when.as_ref().map(|when| when.at.as_second());
        assert_eq!(expected["arrival_date"].as_i64(), arrived, "{name}: arrival date");
        let senders: Vec<String> = reading
            .observations
            .iter()
            .filter_map(|observation| match &observation.fact {
                Fact::Identity(Identity { envelope_sender: Some(sender), .. }) => Some(sender.to_string()),
                _ => None,
            })
            .collect();
        if let Some(sender) = expected["original_mail_from"].as_str() {
            assert!(senders.contains(&sender.trim_matches(['<', '>']).to_owned()), "{name}: {sender} in {senders:?}");
        }
        if let Some(recipient) = expected["original_rcpt_to"].as_str() {
            let ours: Vec<String> = note.about.envelope_recipients.iter().map(ToString::to_string).collect();
            assert!(ours.contains(&recipient.trim_matches(['<', '>']).to_owned()), "{name}: {recipient} in {ours:?}");
        }
        compared += 1;
    }
    assert!(compared >= 3, "{compared}");
}

#[test]
fn a_tls_report_and_the_mail_around_it_say_the_same() {
    let Some(base) = samples() else { return };
    let folder = base.join("stalwart-mail-auth/tlsrpt");
    let read = |name: &str| read_as("report/tls-rpt", &std::fs::read(folder.join(name)).expect("readable"));
    let facts = |reading: &Reading| reading.observations.iter().map(|o| o.fact.clone()).collect::<Vec<_>>();
    let (plain, mail) = (read("rpt02.json"), read("rpt02.eml"));
    assert!(!plain.observations.is_empty());
    assert_eq!(facts(&plain), facts(&mail));
}
