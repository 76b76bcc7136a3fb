//! A made corpus with its expected results, where one was made: `THROUGHLINE_AUTH_CORPUS` names its folder.
//!
//! `cargo test --release -p auth --test corpus -- --ignored --nocapture` also tells how fast it was checked.

mod signer;

use std::path::Path;
use std::time::Instant;

use auth::dkim::{self, BodyHashes, Explain, Keys};
use auth::message::Raw;
use auth::{Answer, Answers, Question, RecordType, arc};
use evidence::AuthResult;

fn word(result: &Option<AuthResult>) -> &'static str {
    match result {
        Some(AuthResult::Pass) => "pass",
        Some(AuthResult::Fail) => "fail",
        Some(AuthResult::None) => "none",
        Some(_) => "other",
        None => "not checked",
    }
}

#[test]
#[ignore = "needs a corpus in THROUGHLINE_AUTH_CORPUS"]
fn ok_corpus() {
    let Ok(folder) = std::env::var("THROUGHLINE_AUTH_CORPUS") else {
        eprintln!("skipped: THROUGHLINE_AUTH_CORPUS names no corpus");
        return;
    };
    let folder = Path::new(&folder);
    let zone: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("dns.json")).unwrap()).unwrap();
    let mut dns = Answers::default();
    for (name, types) in zone.as_object().unwrap() {
        for record in types.get("TXT").and_then(|records| records.as_array()).into_iter().flatten() {
            let text: String = record.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
            dns.insert(&Question::new(name, RecordType::Txt), Answer::of("NOERROR", vec![text]));
        }
    }
    let index = std::fs::read_to_string(folder.join("index.jsonl")).unwrap();
    let messages: Vec<(serde_json::Value, Vec<u8>)> = index
        .lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let bytes = std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
            (entry, bytes)
        })
        .collect();
    let keys = Keys::default();
    let mut best = f64::MAX;
    for round in 0..5 {
        let start = Instant::now();
        let found: Vec<(Vec<dkim::DkimCheck>, arc::ArcCheck)> = messages
            .iter()
            .map(|(_, bytes)| {
                let raw = Raw::of(bytes);
                let mut hashes = BodyHashes::of(&raw);
                let checks = dkim::check_sharing(&raw, &mut hashes, &dns, None, &keys, Explain::No);
                (checks, arc::check_sharing(&raw, &mut hashes, &dns, None, &keys))
            })
            .collect();
        best = best.min(start.elapsed().as_secs_f64());
        if round > 0 {
            continue;
        }
        for ((entry, _), (checks, chain)) in messages.iter().zip(&found) {
            let expected = &entry["expect"];
            assert_eq!(checks.len() as u64, entry["signatures"].as_u64().unwrap(), "{entry}");
            for check in checks {
                assert_eq!(word(&check.result), expected["dkim"].as_str().unwrap(), "{entry}: {}", check.reason);
            }
            assert_eq!(word(&chain.result), expected["arc"].as_str().unwrap(), "{entry}: {}", chain.reason);
        }
    }
    eprintln!("{} messages, {:.0} a second", messages.len(), messages.len() as f64 / best);
    let start = Instant::now();
    let (mut broken, mut proved) = (0, 0);
    for (_, bytes) in &messages {
        for check in dkim::check(&Raw::of(bytes), &dns, None, &keys, Explain::Yes) {
            let Some(found) = check.broken else { continue };
            broken += 1;
            match found.body {
                Some(dkim::Cause::Proved(_)) => proved += 1,
                other => eprintln!("{other:?}"),
            }
        }
    }
    eprintln!("{broken} broken, {proved} proved, {:.1} s", start.elapsed().as_secs_f64());
    assert_eq!(broken, proved);
}
