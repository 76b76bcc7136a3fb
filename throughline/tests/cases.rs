//! The tickets of `cases/` are answered as the mail engineer who wrote them says (format: `cases/README.md`).

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;

use support::statements::check;
use support::{Case, Run, Section, broken_promises, cases, follow};

#[test]
fn every_ticket_is_answered_right() {
    let cases = cases();
    assert!(cases.len() >= 16 || support::are_some_named(), "only {} tickets found", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for (number, section) in case.sections.iter().enumerate() {
            wrong.extend(check_section(case, number, section));
        }
    }
    assert!(wrong.is_empty(), "{} statements do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

/// What does not hold of one section of a ticket, one sentence each.
fn check_section(case: &Case, number: usize, section: &Section) -> Vec<String> {
    let evidence = case.evidence_without(&section.without);
    let label = format!("case{number}");
    let title = match section.without.as_slice() {
        [] => case.name.clone(),
        without => {
            let gone: Vec<String> =
                without.iter().map(|(file, line)| line.map_or(file.clone(), |line| format!("{file}:{line}"))).collect();
            format!("{} without {}", case.name, gone.join(", "))
        }
    };
    let run = match follow(case, &label, &evidence, &[]) {
        Ok(run) => run,
        Err(error) => return vec![format!("{title}: {error}")],
    };
    let mut wrong: Vec<String> =
        broken_promises(&run, &evidence).into_iter().map(|broken| format!("{title}: contract: {broken}")).collect();
    let mut taken = Vec::new();
    for (at, statement) in &section.statements {
        if let Err(found) = check(statement, &run, &mut taken) {
            wrong.push(format!("{title}: {}.md:{at}: expected `{statement}`\n    found {found}", case.name));
        }
    }
    wrong
}

/// The tickets themselves are sound: each place that they name is there.
#[test]
fn tickets_name_places_that_exist() {
    for case in cases() {
        for section in &case.sections {
            let evidence = case.evidence_without(&section.without);
            for (at, statement) in &section.statements {
                let Some(places) = statement.strip_prefix("cites:") else { continue };
                for wanted in places.split(" | ") {
                    let wanted = wanted.trim();
                    if let Some((name, words)) = wanted.strip_suffix('"').and_then(|wanted| wanted.split_once(" \"")) {
                        let there = evidence.iter().any(|file| file.name == name && file.text.contains(words));
                        assert!(there, "cases/{}.md:{at}: no such words: {wanted}", case.name);
                        continue;
                    }
                    let (name, lines) = wanted.rsplit_once([':', '#']).unwrap_or((wanted, "1"));
                    let last: usize = lines.rsplit('-').next().and_then(|line| line.parse().ok()).unwrap_or(0);
                    let there = evidence
                        .iter()
                        .any(|evidence| evidence.name == name && (1..=evidence.text.lines().count()).contains(&last));
                    assert!(there, "cases/{}.md:{at}: no such place: {wanted}", case.name);
                }
            }
        }
    }
}

/// `demo/` holds the evidence of one ticket as plain files, so that the README's command runs on it.
///
/// With `UPDATE_DEMO=1` in the environment the files are written anew.
#[test]
fn demo_is_the_ticket_of_the_refused_release() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "released_then_refused_by_connector").expect("the ticket");
    let mut expected: Vec<&str> = case.evidence.iter().map(|evidence| evidence.name.as_str()).collect();
    expected.sort_unstable();
    if std::env::var_os("UPDATE_DEMO").is_some() {
        for evidence in &case.evidence {
            fs::write(folder.join(&evidence.name), evidence.bytes()).expect("a writable demo folder");
        }
    }
    let mut there: Vec<String> = fs::read_dir(&folder)
        .expect("demo/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    there.sort_unstable();
    assert_eq!(there, expected, "files of demo/");
    for evidence in &case.evidence {
        let file = fs::read(folder.join(&evidence.name)).expect("a file of demo/");
        assert!(file == evidence.bytes(), "demo/{} differs from the ticket; run with UPDATE_DEMO=1", evidence.name);
    }
}

/// The runner itself: each statement holds where it should, and fails where it should.
#[test]
fn statements_can_fail() {
    let report: Value = serde_json::from_str(
        r#"{"copies":[
            {"envelope_recipient":"a@x.example","fate":"bounced","changed_layer":"release","layers":[{"layer":"delivery","state":"stopped"}]},
            {"envelope_recipient":"b@x.example","fate":"delivered","changed_layer":null,"layers":[]}],
          "findings":[
            {"id":"release-handoff/released-rejected","kind":"cause","standing":"proved","envelope_recipient":"a@x.example",
             "cites":[{"file":"siem.json","line":5,"said":"to=<a@x.example> status=bounced"}],"ask_for":[]},
            {"id":"content-verdict/spam","kind":"cause","standing":"not_shown","envelope_recipient":null,
             "cites":[],"ask_for":["exchange-online/message-trace"]}],
          "next_steps":[
            {"tier":1,"step":"Search the quarantine","command":"Get-QuarantineMessage","where":null,"layer":"quarantine"},
            {"tier":2,"step":"Trace it","command":null,"where":"Mail flow > Message trace","layer":"delivery"}],
          "checked":[{"check":"arrival","cites":[{"file":"siem.json","line":5,"said":"accepted"}]}],
          "several":{"messages":3,"not_counted":1,"not_followed":0,"fates":[{"fate":"bounced","copies":2},{"fate":"delivered","copies":1}]},
          "shared":[{"cause":{"id":"content-verdict/spam","policy":"Inbound","reply":null},"messages":2}],
          "exceptions":[{"message_id":"m1@x.example","envelope_recipient":"b@x.example","fate":"delivered","cause":null}]}"#,
    )
    .expect("JSON");
    let run = Run { folder: std::path::PathBuf::new(), stdout: vec![], report, exit: 0 };
    for (statement, expected) in [
        ("copy a@x.example: fate=bounced|rejected, changed_layer=release", true),
        ("copy a@x.example: fate=bounced, changed_layer=none", false),
        ("copy b@x.example: fate=delivered, changed_layer=none", true),
        ("copy c@x.example: fate=delivered", false),
        ("copy *: fate=delivered", false),
        ("no copy c@x.example", true),
        ("no copy a@x.example", false),
        ("layer a@x.example delivery=stopped|changed", true),
        ("layer a@x.example delivery=passed", false),
        ("layer a@x.example mailbox=not_reached", false),
        ("cause: release-handoff/released-rejected proved", true),
        ("cause: content-verdict/phish proved | release-handoff/released-rejected likely|proved", true),
        ("cause: release-handoff/released-rejected likely", false),
        ("cause: content-verdict/spam not_shown", false),
        ("cause: none", false),
        ("cause: not_shown", false),
        ("also: content-verdict/spam not_shown", true),
        ("also: content-verdict/spam proved", false),
        ("for a@x.example: release-handoff/released-rejected proved", true),
        ("for b@x.example: release-handoff/released-rejected proved", false),
        ("never: content-verdict/spam", true),
        ("never: release-handoff/released-rejected", false),
        ("never: release-handoff/released-rejected likely", true),
        ("step: 1 \"quarantine\" > 2 \"message trace\"", true),
        ("step: 1 \"get-quarantinemessage\"", true),
        ("step: 2 \"message trace\" > 1 \"quarantine\"", false),
        ("step: 2 \"quarantine\"", false),
        ("step: 1 \"quarantine\" > 1 \"quarantine\"", false),
        ("no step: \"release\"", true),
        ("no step: \"Message trace\"", false),
        ("no steps", false),
        ("checked: arrival", true),
        ("checked: arrival siem.json:5", true),
        ("checked: arrival siem.json:6", false),
        ("checked: verdict", false),
        ("cites: siem.json:5", true),
        ("cites: siem.json:1-4 | siem.json:4-6", true),
        ("cites: siem.json", true),
        ("cites: siem.json \"status=bounced\"", true),
        ("cites: siem.json \"status=sent\"", false),
        ("cites: siem.json:4", false),
        ("cites: siem.json#5", false),
        ("asks: exchange-online/message-trace", true),
        ("asks: mimecast/siem", false),
        ("messages: 3", true),
        ("messages: 2", false),
        ("not-counted: 1", true),
        ("not-followed: 1", false),
        ("fates: delivered 1, bounced 2", true),
        ("fates: bounced 2", false),
        ("shares: content-verdict/spam 2", true),
        ("shares: content-verdict/spam 2 by Inbound", true),
        ("shares: content-verdict/spam 2 by VIP", false),
        ("shares: content-verdict/spam 3", false),
        ("shares: none", false),
        ("exceptions: 1", true),
        ("exceptions: 0", false),
        ("exception: <m1@x.example> b@x.example: fate=delivered, cause=none", true),
        ("exception: <m1@x.example> b@x.example: fate=bounced, cause=none", false),
        ("exception: - b@x.example: fate=delivered, cause=none", false),
        ("exit: 0|1", true),
        ("exit: 1", false),
        ("nonsense", false),
    ] {
        let found = check(statement, &run, &mut Vec::new());
        assert_eq!(found.is_ok(), expected, "{statement}: {found:?}");
    }
    let mut taken = Vec::new();
    assert!(check("copy a@x.example: fate=bounced", &run, &mut taken).is_ok(), "first copy");
    assert!(check("copy a@x.example: fate=bounced", &run, &mut taken).is_err(), "one copy answers one line");
}
