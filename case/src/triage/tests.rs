use report::{Comparison, Report};
use serde_json::{Value, json};

use super::*;
use crate::journal::{Draft, EvidenceFile, Purpose};

const FILES: [(&str, &str); 4] = [
    ("001/trace.csv", "exchange-online/message-trace"),
    ("001/quarantine.csv", "exchange-online/quarantine"),
    ("002/held.json", "mimecast/held-queue"),
    ("003/mail.log", "postfix/log"),
];

fn cite(file: &str, said: &str) -> Value {
    json!({ "file": file, "line": 2, "bytes": [10, 90], "said": said })
}

fn checked(check: &str, layer: &str, said: &str, file: &str) -> Value {
    let to = ["ana@example.com"];
    json!({ "check": check, "layer": layer, "envelope_recipients": to, "said": said, "cites": [cite(file, said)] })
}

fn step(check: &str, step: &str) -> Value {
    json!({ "tier": 1, "step": step, "because": [], "command": "Get-Something", "fetches": null, "check": check })
}

/// One copy for ana, with what became of it; its records stand in these files.
fn report(fate: &str, files: &[&str], more: Value) -> Report {
    let said = "2026-08-20T09:14:00Z,billing@supplier.example,ana@example.com,<inv-4711@supplier.example>";
    let event = |file: &&str| {
        json!({ "at": "2026-08-20T09:14:00Z", "system": "Exchange Online", "layer": "arrival", "summary": "taken",
            "cites": [cite(file, said)], "assumed": null })
    };
    let timeline: Vec<Value> = files.iter().map(event).collect();
    let source = |file: &str| FILES.iter().find(|(name, _)| *name == file).map(|(_, source)| *source);
    let evidence: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({ "file": file, "sha256": null, "source": source(file), "rows": 3, "observed": 1, "problems": 0,
                "passed_over": 2, "from": null, "to": null, "limits": [] })
        })
        .collect();
    let mut whole = json!({
        "schema": "throughline.report.v1",
        "message": { "message_id": "inv-4711@supplier.example", "network_message_ids": [],
            "envelope_sender": "billing@supplier.example", "header_from": "billing@supplier.example",
            "envelope_recipients": ["ana@example.com"], "subject": "Invoice 4711", "sent_at": "2026-08-20T09:13:50Z",
            "sample": null },
        "copies": [{ "envelope_recipient": "ana@example.com", "fate": fate, "changed_layer": null, "layers": [],
            "timeline": timeline }],
        "findings": [], "next_steps": [], "checked": [], "evidence": evidence,
    });
    for (key, value) in more.as_object().expect("an object") {
        match key.as_str() {
            "layers" => whole["copies"][0]["layers"] = value.clone(),
            key => whole[key] = value.clone(),
        }
    }
    serde_json::from_value(whole).expect("a report")
}

/// A ticket whose trace and quarantine show the message, with its sample.
fn held() -> Value {
    json!({
        "checked": [
            checked("quarantine", "quarantine", "held as phish", "001/quarantine.csv"),
            checked("original headers", "authentication", "001/message.eml was supplied", "001/message.eml"),
        ]
    })
}

fn journal(deeds: Vec<(&str, Deed)>) -> Vec<Entry> {
    let mut journal: Vec<Entry> = Vec::new();
    for (at, deed) in deeds {
        let draft = Draft { at: at.parse().expect("an instant"), who: "ben".to_owned(), key: None, deed };
        let last = journal.last().map(|last| (last.seq, last.hash.clone()));
        let last = last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
        journal.push(Entry::behind("00", last, draft).expect("an entry"));
    }
    journal
}

fn added(batch: &str) -> Deed {
    let file = EvidenceFile { name: format!("{batch}/trace.csv"), sha256: String::new(), bytes: 0 };
    Deed::EvidenceAdded { batch: batch.to_owned(), purpose: Purpose::Ticket, files: vec![file] }
}

fn change_made(made_at: &str) -> Deed {
    Deed::ChangeMade {
        made_at: made_at.parse().expect("an instant"),
        candidate: "Set-Something".to_owned(),
        guard: None,
        ends: None,
        messages: None,
    }
}

fn triage(report: &Report, asked: &Asked, journal: &[Entry]) -> Triage {
    of(&Seen { looked: Looked::Followed(report), compared: None, asked, journal })
}

fn point<'t>(triage: &'t Triage, id: &str) -> &'t Point {
    triage.points.iter().find(|point| point.id == id).expect("it is there")
}

/// Fails unless a point stands so and says so.
fn check(name: &str, triage: &Triage, id: &str, state: PointState, words: &str) {
    let point = point(triage, id);
    assert_eq!(point.state, state, "{name}: {id}: {}", point.said);
    assert!(point.said.contains(words), "{name}: {id}: {}", point.said);
    let is_left = matches!(state, PointState::Open | PointState::NotChecked);
    assert!(!is_left || id == "before_change" || !point.steps.is_empty(), "{name}: {id} says what to do");
}

#[test]
fn looked_at_or_not() {
    use PointState::*;
    let both = ["001/trace.csv", "001/quarantine.csv"];
    for (name, fate, files, more, id, state, words) in [
        ("a trace", "quarantined", &both[..], held(), "trace", Done, "exchange-online/message-trace"),
        (
            "a list of held mail is no trace",
            "quarantined",
            &["002/held.json"],
            held(),
            "trace",
            Open,
            "no trace or log does",
        ),
        ("a mail log is one", "quarantined", &["003/mail.log"], held(), "trace", Done, "postfix/log"),
        ("the quarantine shows it", "quarantined", &both, held(), "quarantine", Done, "held as phish"),
        (
            "the quarantine is still to be searched",
            "unknown",
            &both,
            json!({ "next_steps": [step("quarantine", "Search the quarantine")] }),
            "quarantine",
            Open,
            "not shown yet",
        ),
        ("nothing is held of what was refused", "rejected", &both, json!({}), "quarantine", NotNeeded, "rejected"),
        ("of what nobody knows the end", "unknown", &both, json!({}), "quarantine", NotChecked, "not shown"),
        (
            "records disagree",
            "unknown",
            &both,
            json!({ "layers": [{ "layer": "quarantine", "state": "conflict", "summary": "held, and not held", "cites": [] }] }),
            "quarantine",
            NotChecked,
            "records disagree: held, and not held",
        ),
        ("the sample", "quarantined", &both, held(), "headers", Done, "message.eml was supplied"),
        (
            "no sample, and it is asked for",
            "quarantined",
            &both,
            json!({ "next_steps": [step("original headers", "Ask for the original")] }),
            "headers",
            Open,
            "not shown yet",
        ),
        (
            "the next system's record",
            "delivered",
            &both,
            json!({ "checked": [checked("delivery", "delivery", "stored", "001/trace.csv")] }),
            "downstream",
            Done,
            "stored",
        ),
        (
            "the next system's record is missing",
            "unknown",
            &both,
            json!({ "next_steps": [step("delivery", "Trace it there")] }),
            "downstream",
            Open,
            "not shown yet",
        ),
        (
            "it was never handed on",
            "quarantined",
            &both,
            held(),
            "downstream",
            NotNeeded,
            "quarantined: it was not handed on",
        ),
        ("nothing was kept back", "delivered", &both, json!({}), "delivered_sample", NotNeeded, "delivered"),
        ("nothing to compare with", "quarantined", &both, held(), "delivered_sample", Open, "nothing is like it"),
    ] {
        let triage = triage(&report(fate, files, more), &Asked::default(), &[]);
        check(name, &triage, id, state, words);
        let open = triage.points.iter().filter(|point| point.state == Open).count() as u64;
        assert_eq!(triage.open, open, "{name}");
    }
}

/// A log that was supplied and does not speak of the message shows nothing, unless it covers the time.
#[test]
fn a_trace_without_the_message() {
    use PointState::*;
    let silent = json!([{ "file": "001/trace.csv", "sha256": null, "source": "exchange-online/message-trace", "rows": 3,
        "observed": 0, "problems": 0, "passed_over": 3, "from": null, "to": null, "limits": [] }]);
    let absent = json!([{ "layer": "delivery", "state": "absent", "summary": "the trace covers the time and does not have it",
        "cites": [cite("001/trace.csv", "")] }]);
    for (name, more, state, words) in [
        ("does not cover it", json!({ "evidence": silent }), NotChecked, "says nothing of the message"),
        ("covers it", json!({ "evidence": silent, "layers": absent }), Done, "it is not there"),
        ("only the state", json!({ "evidence": [], "layers": absent }), Open, "no trace or log was added"),
    ] {
        let report = report("lost", &[], more);
        check(name, &triage(&report, &Asked::default(), &[]), "trace", state, words);
    }
}

#[test]
fn the_four_identifiers() {
    use PointState::*;
    let asked = Asked {
        sender: Some("billing@supplier.example".to_owned()),
        recipient: vec!["accounts@example.com".to_owned()],
        ..Asked::default()
    };
    let report = report("quarantined", &["001/trace.csv"], held());
    let told = triage(&report, &asked, &[]);
    check("as recorded", &told, "envelope_sender", Done, "billing@supplier.example");
    assert!(!point(&told, "envelope_sender").said.contains("reporter"));
    check("another recipient", &told, "envelope_recipient", Done, "no record names accounts@example.com");
    check("time", &told, "time", Done, "first seen 2026-08-20 09:14:00 UTC");
    check("id", &told, "message_id", Done, "<inv-4711@supplier.example>, subject “Invoice 4711”");
    for id in ["envelope_sender", "envelope_recipient", "time", "message_id"] {
        assert_eq!(point(&told, id).cites.len(), 1, "{id}");
    }
    let other = Asked { sender: Some("ceo@other.example".to_owned()), ..Asked::default() };
    check(
        "another sender",
        &triage(&report, &other, &[]),
        "envelope_sender",
        Done,
        "the reporter names ceo@other.example",
    );
    let domain = Asked { sender: Some("@supplier.example".to_owned()), ..Asked::default() };
    assert!(!point(&triage(&report, &domain, &[]), "envelope_sender").said.contains("reporter"));
    let mut from_only = report.clone();
    from_only.message.envelope_sender = None;
    check("only From", &triage(&from_only, &other, &[]), "envelope_sender", Open, "only the From address");
    let mut null = report.clone();
    null.message.envelope_sender = Some(String::new());
    check("null sender", &triage(&null, &Asked::default(), &[]), "envelope_sender", Done, "<> (the null sender)");
}

/// Without evidence only the reporter speaks; without a followed message nothing can be looked at.
#[test]
fn nothing_to_look_at() {
    use PointState::*;
    let asked = Asked { sender: Some("billing@supplier.example".to_owned()), ..Asked::default() };
    for (name, looked, trace, headers) in [
        ("none", Looked::NoEvidence, Open, Open),
        ("not followed", Looked::NotFollowed("found neither"), NotChecked, Open),
        ("no message in it", Looked::Followed(&Report::default()), NotChecked, Open),
    ] {
        let told = of(&Seen { looked, compared: None, asked: &asked, journal: &[] });
        check(name, &told, "envelope_sender", Done, "as reported; no record states it yet");
        check(name, &told, "envelope_recipient", Open, "not known");
        check(name, &told, "trace", trace, "");
        check(name, &told, "quarantine", trace, "");
        check(name, &told, "downstream", trace, "");
        check(name, &told, "headers", headers, "");
    }
}

/// A ticket about a symptom has no message; one that names a message still wants it.
#[test]
fn a_symptom_alone() {
    let finding = json!({ "id": "login-challenge-loop", "kind": "symptom", "standing": "proved", "layer": "mailbox",
        "envelope_recipient": null, "statement": "", "cites": [cite("001/signins.csv", "")], "ask_for": [] });
    let findings = vec![serde_json::from_value(finding).expect("a finding")];
    let report = Report { findings, ..Report::default() };
    for (name, asked, state) in [
        ("a symptom", Asked::default(), PointState::NotNeeded),
        ("its zone is no message", Asked { tz: Some("+02:00".to_owned()), ..Asked::default() }, PointState::NotNeeded),
        (
            "a message is named",
            Asked { subject: Some("Invoice".to_owned()), ..Asked::default() },
            PointState::NotChecked,
        ),
    ] {
        check(name, &triage(&report, &asked, &[]), "trace", state, "");
    }
}

#[test]
fn before_any_change() {
    use PointState::*;
    let (t1, t2, t3) = ("2026-08-20T10:00:00Z", "2026-08-20T11:00:00Z", "2026-08-20T12:00:00Z");
    let split = ["001/trace.csv"];
    let late = json!({ "checked": [checked("quarantine", "quarantine", "held as phish", "002/quarantine.csv")] });
    for (name, more, deeds, state, words) in [
        ("no change", held(), vec![(t1, added("001"))], Done, "no change is recorded"),
        ("looked first", held(), vec![(t1, added("001")), (t3, change_made(t2))], Done, "before the first change"),
        (
            "changed first",
            held(),
            vec![(t1, change_made(t1)), (t2, added("001"))],
            Open,
            "entry 1: changed before the trace",
        ),
        (
            "changed between the two",
            late,
            vec![(t1, added("001")), (t2, change_made(t2)), (t3, added("002"))],
            Open,
            "entry 2: changed before the quarantine was looked at (entry 3)",
        ),
        (
            "made before, recorded after",
            held(),
            vec![(t2, added("001")), (t3, change_made(t1))],
            NotChecked,
            "the journal does not show",
        ),
        (
            "and never looked at",
            json!({ "next_steps": [step("quarantine", "Search it")] }),
            vec![(t1, added("001")), (t2, change_made(t2))],
            Open,
            "the quarantine is not looked at",
        ),
        (
            "no quarantine to look at",
            json!({}),
            vec![(t1, added("001")), (t2, change_made(t2))],
            Done,
            "before the first change",
        ),
    ] {
        let fate = if more == json!({}) { "rejected" } else { "quarantined" };
        let told = triage(&report(fate, &split, more), &Asked::default(), &journal(deeds));
        check(name, &told, "before_change", state, words);
    }
}

#[test]
fn a_delivered_sample() {
    let compared = |fate: &str, because: &str| -> Comparison {
        let fact = json!({ "about": "outcome", "system": null, "comparison": "differs", "blocked": null,
            "delivered": { "said": "stored", "cites": [cite("001/trace.csv", "Delivered")] }, "why": null });
        let message = json!({ "message_id": "inv-4709@supplier.example", "network_message_ids": [],
            "envelope_sender": null, "header_from": null, "envelope_recipients": [], "subject": null, "sent_at": null,
            "sample": null });
        let side = json!({ "message": message, "envelope_recipient": "ana@example.com", "other_recipients": [],
            "fate": fate, "changed_layer": null, "because": null, "at": null });
        let layer = json!({ "layer": "delivery", "comparison": "differs", "blocked_state": null,
            "delivered_state": "passed", "facts": [fact], "why": null, "ask_for": [] });
        let picked = json!({ "kinship": "same_sender", "because": because, "runners_up": [], "not_searched": [] });
        serde_json::from_value(json!({ "schema": "throughline.compare.v1", "blocked": side, "delivered": side,
            "picked": picked, "parted_at": "verdict", "standing": "shown", "because": "", "layers": [layer],
            "cautions": [], "exports": [], "evidence": [], "assumptions": [] }))
        .expect("a comparison")
    };
    let report = report("quarantined", &["001/trace.csv"], held());
    for (name, fate, state, words) in [
        ("delivered", "delivered", PointState::Done, "<inv-4709@supplier.example> was delivered; they part at verdict"),
        ("in Junk itself", "junked", PointState::Open, "Picked because"),
    ] {
        let compared = compared(fate, "Picked because: same sender.");
        let seen = Seen {
            looked: Looked::Followed(&report),
            compared: Some(&compared),
            asked: &Asked::default(),
            journal: &[],
        };
        let told = of(&seen);
        check(name, &told, "delivered_sample", state, words);
        let cites = &point(&told, "delivered_sample").cites;
        assert_eq!(cites.is_empty(), state == PointState::Open, "{name}");
    }
}
