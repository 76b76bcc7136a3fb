//! The tickets of `cases/` are answered as the mail engineer who wrote them says (format: `cases/README.md`).

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;

use support::{
    Case, LAYERS, Run, Section, broken_promises, cases, findings_text, follow, is_at, list, place, short, word,
};

#[test]
fn every_ticket_is_answered_right() {
    let cases = cases();
    assert!(cases.len() >= 16, "only {} tickets found", cases.len());
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
            wrong.push(format!("{title}: cases/{}.md:{at}: expected `{statement}`\n    found {found}", case.name));
        }
    }
    wrong
}

/// Checks one statement; the error says what was found instead. `taken` holds the copies that earlier lines used up.
fn check(statement: &str, run: &Run, taken: &mut Vec<usize>) -> Result<(), String> {
    let report = &run.report;
    let (head, value) = statement.split_once(':').map_or((statement, ""), |(head, value)| (head.trim(), value.trim()));
    let words: Vec<&str> = head.split_whitespace().collect();
    match words.as_slice() {
        ["copy", address] => check_copy(report, address, value, taken),
        ["no", "copy", address] => match copies(report, address).next() {
            None => Ok(()),
            Some((_, copy)) => Err(format!("a copy with fate {}", word(copy, "fate"))),
        },
        ["layer", address, state] => check_layer(report, address, state),
        ["cause"] => check_cause(report, value),
        ["also"] => check_finding(report, value, |_| true),
        ["for", address] => check_finding(report, value, |who| who == "none" || who.eq_ignore_ascii_case(address)),
        ["never"] => check_never(report, value),
        ["cites"] => check_cites(report, value),
        ["asks"] => check_asks(report, value),
        ["exit"] => {
            let found = run.exit.to_string();
            if value.split('|').any(|exit| exit == found) { Ok(()) } else { Err(format!("exit {found}")) }
        }
        _ => Err("a statement that `cases/README.md` does not know".to_owned()),
    }
}

/// The copies for an address with their position; `*` is every copy.
fn copies<'a>(report: &'a Value, address: &'a str) -> impl Iterator<Item = (usize, &'a Value)> {
    list(report, "copies")
        .iter()
        .enumerate()
        .filter(move |(_, copy)| address == "*" || word(copy, "envelope_recipient").eq_ignore_ascii_case(address))
}

fn check_copy(report: &Value, address: &str, value: &str, taken: &mut Vec<usize>) -> Result<(), String> {
    if address == "*" && list(report, "copies").len() != 1 {
        return Err(all_copies(report));
    }
    let holds = |copy: &Value| {
        value.split(',').all(|part| match part.trim().split_once('=') {
            Some((key @ ("fate" | "changed_layer"), allowed)) => allowed.split('|').any(|one| one == word(copy, key)),
            _ => false,
        })
    };
    match copies(report, address).find(|(at, copy)| !taken.contains(at) && holds(copy)) {
        Some((at, _)) => {
            taken.push(at);
            Ok(())
        }
        None => Err(all_copies(report)),
    }
}

fn all_copies(report: &Value) -> String {
    let copies: Vec<String> = list(report, "copies")
        .iter()
        .map(|copy| {
            let who = word(copy, "envelope_recipient");
            format!("{who}: fate={}, changed_layer={}", word(copy, "fate"), word(copy, "changed_layer"))
        })
        .collect();
    if copies.is_empty() { "no copies".to_owned() } else { copies.join("; ") }
}

fn check_layer(report: &Value, address: &str, statement: &str) -> Result<(), String> {
    let (layer, allowed) = statement.split_once('=').ok_or("a layer statement without `=`")?;
    if !LAYERS.contains(&layer) {
        return Err(format!("no layer is called `{layer}`"));
    }
    let states: Vec<&str> = copies(report, address)
        .flat_map(|(_, copy)| list(copy, "layers"))
        .filter(|entry| word(entry, "layer") == layer)
        .map(|entry| word(entry, "state"))
        .collect();
    if states.iter().any(|state| allowed.split('|').any(|one| one == *state)) {
        Ok(())
    } else {
        Err(format!("{layer}={states:?}"))
    }
}

/// Whether a finding is one of the phrases `id standing|standing | id standing`.
fn is_one_of(finding: &Value, phrases: &str) -> bool {
    phrases.split(" | ").any(|phrase| {
        let (id, standings) = phrase.trim().split_once(' ').unwrap_or((phrase.trim(), "proved|likely"));
        id == word(finding, "id") && standings.split('|').any(|standing| standing.trim() == word(finding, "standing"))
    })
}

fn is_shown(finding: &Value) -> bool {
    matches!(word(finding, "standing"), "proved" | "likely")
}

fn check_cause(report: &Value, value: &str) -> Result<(), String> {
    let causes = || list(report, "findings").iter().filter(|finding| word(finding, "kind") == "cause");
    let holds = match value {
        "none" => !causes().any(is_shown),
        "not_shown" => {
            !causes().any(is_shown)
                && list(report, "findings").iter().any(|finding| word(finding, "standing") == "not_shown")
        }
        phrases => causes().next().is_some_and(|first| is_one_of(first, phrases)),
    };
    if holds { Ok(()) } else { Err(findings_text(report)) }
}

fn check_finding(report: &Value, phrases: &str, fits: impl Fn(&str) -> bool) -> Result<(), String> {
    let there = list(report, "findings")
        .iter()
        .any(|finding| fits(word(finding, "envelope_recipient")) && is_one_of(finding, phrases));
    if there { Ok(()) } else { Err(findings_text(report)) }
}

fn check_never(report: &Value, phrase: &str) -> Result<(), String> {
    match list(report, "findings").iter().find(|finding| is_one_of(finding, phrase)) {
        None => Ok(()),
        Some(finding) => Err(format!("{}: {}", word(finding, "standing"), short(word(finding, "statement")))),
    }
}

fn check_asks(report: &Value, source: &str) -> Result<(), String> {
    let asks = list(report, "findings").iter().flat_map(|finding| list(finding, "ask_for"));
    if asks.filter_map(Value::as_str).any(|asked| asked == source) { Ok(()) } else { Err(findings_text(report)) }
}

fn check_cites(report: &Value, places: &str) -> Result<(), String> {
    let first = list(report, "findings").iter().find(|finding| word(finding, "kind") == "cause");
    let cites = first.map_or(&[][..], |finding| list(finding, "cites"));
    if places.split(" | ").any(|wanted| cites.iter().any(|cite| is_at(cite, wanted.trim()))) {
        Ok(())
    } else {
        Err(format!("cites {:?}", cites.iter().map(place).collect::<Vec<_>>()))
    }
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
             "cites":[{"file":"siem.json","line":5}],"ask_for":[]},
            {"id":"content-verdict/spam","kind":"cause","standing":"not_shown","envelope_recipient":null,
             "cites":[],"ask_for":["exchange-online/message-trace"]}]}"#,
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
        ("cites: siem.json:5", true),
        ("cites: siem.json:1-4 | siem.json:4-6", true),
        ("cites: siem.json", true),
        ("cites: siem.json:4", false),
        ("cites: siem.json#5", false),
        ("asks: exchange-online/message-trace", true),
        ("asks: mimecast/siem", false),
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
