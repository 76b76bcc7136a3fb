//! What holds for every kind of line log: rubbish does no harm, and the spelling of a file changes nothing.

use evidence::{Cite, FileName, Identifier, Place};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::{NoProgress, Source};

/// A kind, a sample of it, and a message in it.
const KINDS: &[(&dyn Source, &str, &str)] = &[
    (&crate::exim::EximLog, include_str!("../exim/samples/mainlog"), "<order-77@partner.example>"),
    (&crate::exim::EximLog, include_str!("../exim/samples/rejectlog"), "<spam-1@bulk.example>"),
    (&crate::rspamd::log::RspamdLog, include_str!("../rspamd/log/samples/rspamd.log"), "<order-77@partner.example>"),
    (&crate::rspamd::log::RspamdLog, include_str!("../rspamd/log/samples/journal.json"), "<order-77@partner.example>"),
    (
        &crate::cisco::esa_log::EsaLog,
        include_str!("../cisco/esa_log/samples/mail_logs.text"),
        "<order-77@partner.example>",
    ),
    (
        &crate::cisco::esa_log::EsaLog,
        include_str!("../cisco/esa_log/samples/syslog.text"),
        "<order-80@partner.example>",
    ),
];

fn reading(source: &dyn Source, bytes: &[u8], wanted: &Wanted) -> Reading {
    let input = Input { name: FileName::from("log"), bytes };
    let clock = Clock {
        zone: TimeZone::UTC,
        zone_label: "UTC (default)".to_owned(),
        reference: "2026-05-02T00:00:00Z".parse().expect("an instant"),
    };
    let reading = source.read(&input, &Query { wanted, clock: &clock, progress: &NoProgress }).expect("a log");
    assert_eq!(reading.rows_accounted_for(), reading.rows, "rows in heaps");
    for observation in &reading.observations {
        check_cite(bytes, &observation.cite);
    }
    reading
}

fn check_cite(bytes: &[u8], cite: &Cite) {
    assert!(cite.bytes.end <= bytes.len() as u64 && cite.bytes.start <= cite.bytes.end, "{cite:?}");
    if let Some(mark) = &cite.mark {
        assert!(mark.start >= cite.bytes.start && mark.end <= cite.bytes.end, "{cite:?}");
    }
}

fn about(id: &str) -> Wanted {
    let id = Identifier::message_id(id).expect("an id");
    Wanted::Message(Message { ids: [id].into(), ..Message::default() })
}

/// What is stated, without where it stands.
fn facts(reading: &Reading) -> Vec<String> {
    let said = reading.observations.iter().map(|o| format!("{:?} {:?} {:?} {:?}", o.when, o.speaker, o.about, o.fact));
    let mut facts: Vec<String> = said.collect();
    facts.sort();
    facts
}

#[test]
fn spelling_changes_nothing() {
    for (source, sample, id) in KINDS {
        for wanted in [Wanted::Everything, about(id)] {
            let plain = facts(&reading(*source, sample.as_bytes(), &wanted));
            assert!(!plain.is_empty(), "{}", source.id());
            let crlf = sample.replace('\n', "\r\n");
            let marked = format!("\u{feff}{sample}");
            let wide: Vec<u8> =
                "\u{feff}".encode_utf16().chain(sample.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            for (name, bytes) in [("CRLF", crlf.as_bytes()), ("mark", marked.as_bytes()), ("UTF-16", &wide)] {
                assert_eq!(facts(&reading(*source, bytes, &wanted)), plain, "{} {name}", source.id());
            }
        }
    }
}

#[test]
fn order_and_doubles_change_nothing() {
    for (source, sample, id) in KINDS {
        // The header of a refused message belongs to the line above it.
        if sample.contains("Envelope-from: <") {
            continue;
        }
        let plain = facts(&reading(*source, sample.as_bytes(), &about(id)));
        let lines: Vec<&str> = sample.lines().collect();
        let mixed: Vec<&str> = (0..lines.len()).map(|at| lines[at * 7 % lines.len()]).collect();
        let mixed = if lines.len().is_multiple_of(7) { lines.iter().rev().copied().collect() } else { mixed };
        let mut found = facts(&reading(*source, mixed.join("\n").as_bytes(), &about(id)));
        assert_eq!(found, plain, "{} mixed", source.id());
        let twice = format!("{sample}\n{sample}");
        found = facts(&reading(*source, twice.as_bytes(), &about(id)));
        found.dedup();
        let mut once = plain;
        once.dedup();
        assert_eq!(found, once, "{} twice", source.id());
    }
}

#[test]
fn ids_are_revealed() {
    for (source, sample, id) in KINDS {
        let first = reading(*source, sample.as_bytes(), &about(id));
        // A log that names no host gives no queue id of another system away.
        let names_ids = first.revealed.iter().any(|id| matches!(id, Identifier::QueueId { .. }));
        let is_own_file = source.id() == "rspamd/log" && !sample.starts_with('{');
        assert_eq!(names_ids, !is_own_file, "{}", source.id());
        for observation in &first.observations {
            assert!(matches!(observation.cite.place, Place::Line(line) if line > 0));
        }
    }
}

/// Quadratic work would take minutes here.
#[test]
fn ids_that_stand_everywhere_take_no_longer() {
    let mut log = String::new();
    for number in 0..15_000 {
        let time = format!("Sat May  2 {:02}:{:02}:{:02} 2026 Info:", number / 3600, number / 60 % 60, number % 60);
        log.push_str(&format!("{time} Start MID 5 ICID 7\n{time} MID 5 ICID 7 From: <a@x.example>\n"));
        log.push_str(&format!("{time} MID 5 Message-ID '<x@y.example>'\n{time} ICID 7 ACCEPT SG A match b\n"));
        log.push_str(&format!("{time} MID {number} was generated for bounce of MID 5\n"));
    }
    let found = reading(&crate::cisco::esa_log::EsaLog, log.as_bytes(), &about("<x@y.example>"));
    assert!(found.observed >= 60_000, "{}", found.observed);
    let block: String = "I Message-Id: <x@y.example>\n".repeat(60_000);
    let log = format!("2026-05-02 10:00:00 1AbCdE-0001Xy-5Z H=[192.0.2.7] F=<> rejected after DATA: x\n{block}");
    let found = reading(&crate::exim::EximLog, log.as_bytes(), &about("<x@y.example>"));
    assert_eq!(found.observed, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rubbish_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0usize..6, cut in 0usize..400, gap in 0usize..90) {
        let (source, sample, id) = KINDS[which];
        let sample = sample.as_bytes();
        let at = cut * sample.len() / 400;
        let mut log = bytes;
        log.extend(&sample[at..(at + 700).min(sample.len())]);
        let hole = (log.len() / 2).min(log.len().saturating_sub(gap));
        log.drain(hole..(hole + gap).min(log.len()));
        let name = "log";
        for wanted in [Wanted::Everything, about(id)] {
            // Bytes that are no text are refused as a whole.
            if Log::of(&log, name).is_ok() {
                reading(source, &log, &wanted);
            }
        }
    }

    #[test]
    fn torn_lines_do_no_harm(which in 0usize..6, line in 0usize..60, from in 0usize..500, to in 0usize..500) {
        let (source, sample, id) = KINDS[which];
        let text = sample.lines().nth(line).unwrap_or("");
        let from = (0..=from.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let to = (0..=to.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0).max(from);
        let torn = format!("{}{}\n{}", &text[..from], &text[to..], &text[from..]);
        reading(source, torn.as_bytes(), &Wanted::Everything);
        reading(source, torn.as_bytes(), &about(id));
    }
}
