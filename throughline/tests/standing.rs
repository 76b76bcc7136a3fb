//! Promises 1 and 5 of the contract, on every ticket of `cases/`: a claim falls with its records, and then says what to fetch;
//! no step that is proposed is broad. And every cause of the catalogue has been tried on tickets.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use support::rewrites::Rows;
use support::{Case, Evidence, Run, cases, findings_text, follow, list, word};

/// How often the records of a claim are taken away: each time another record may carry it.
const ROUNDS: usize = 8;

/// Promise 1. Whoever takes every record away on which a cause rests, and again those on which it then rests, sees it fall; and if
/// nothing else explains the copy, the report asks for an export.
#[test]
fn a_cause_falls_with_its_records() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for case in cases() {
        let Ok(run) = follow(&case, "standing", &plain(&case.evidence), &[]) else { continue };
        for cause in list(&run.report, "findings").iter().filter(|finding| is_proved_cause(finding)) {
            tried += 1;
            if let Err(why) = falls(&case, cause, &run) {
                wrong.push(format!("{}: {} for {}: {why}", case.name, word(cause, "id"), recipient(cause)));
            }
        }
    }
    assert!(tried >= 60 || support::are_some_named(), "only {tried} proved causes in the tickets");
    assert!(wrong.is_empty(), "{} causes stand without their records:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

fn is_proved_cause(finding: &Value) -> bool {
    word(finding, "kind") == "cause" && word(finding, "standing") == "proved"
}

fn recipient(finding: &Value) -> &str {
    word(finding, "envelope_recipient")
}

fn falls(case: &Case, cause: &Value, run: &Run) -> Result<(), String> {
    let (id, who) = (word(cause, "id"), recipient(cause));
    let mut evidence = plain(&case.evidence);
    let mut cites = list(cause, "cites").to_vec();
    for _ in 0..ROUNDS {
        evidence = evidence.iter().filter_map(|file| without(file, &cites)).collect();
        if evidence.is_empty() {
            return Ok(());
        }
        // Without a readable file there is no report, and nothing is claimed.
        let Ok(after) = follow(case, "standing-without", &evidence, &[]) else { return Ok(()) };
        let same = |finding: &&Value| {
            word(finding, "id") == id
                && word(finding, "kind") == "cause"
                && matches!(word(finding, "standing"), "proved" | "likely")
                && (recipient(finding) == who || recipient(finding) == "none")
        };
        match list(&after.report, "findings").iter().find(same) {
            Some(still) => cites = list(still, "cites").to_vec(),
            None => return asks_for_more(&after, who),
        }
    }
    Err(format!("still there after {ROUNDS} rounds; at first {}", findings_text(&run.report)))
}

/// What is not explained is asked for.
fn asks_for_more(run: &Run, who: &str) -> Result<(), String> {
    let about = |finding: &&Value| recipient(finding) == who || recipient(finding) == "none";
    let findings = || list(&run.report, "findings").iter().filter(about);
    let is_explained = findings()
        .any(|finding| word(finding, "kind") == "cause" && matches!(word(finding, "standing"), "proved" | "likely"));
    let copies = list(&run.report, "copies");
    let copy = copies.iter().find(|copy| word(copy, "envelope_recipient") == who);
    let is_delivered = copy.is_some_and(|copy| word(copy, "fate") == "delivered");
    let is_gone = copy.is_none() && !copies.is_empty();
    let asks = findings().any(|finding| !list(finding, "ask_for").is_empty());
    if is_explained || is_delivered || is_gone || asks {
        Ok(())
    } else {
        Err(format!("fell, and nothing is asked for{}", findings_text(&run.report)))
    }
}

/// Promise 1, of symptoms. Whoever takes every record away on which a symptom rests, and again those on which it then rests, sees it
/// fall: what is left of it is not shown, and asks for an export.
#[test]
fn a_symptom_falls_with_its_records() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for case in cases() {
        let Ok(run) = follow(&case, "symptom", &plain(&case.evidence), &[]) else { continue };
        for symptom in list(&run.report, "findings").iter().filter(|finding| is_shown_symptom(finding)) {
            tried += 1;
            if let Err(why) = symptom_falls(&case, symptom) {
                wrong.push(format!("{}: {}: {why}", case.name, word(symptom, "id")));
            }
        }
    }
    assert!(tried >= 33 || support::are_some_named(), "only {tried} symptoms in the tickets");
    assert!(wrong.is_empty(), "{} symptoms stand without their records:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

fn is_shown_symptom(finding: &Value) -> bool {
    word(finding, "kind") == "symptom" && matches!(word(finding, "standing"), "proved" | "likely")
}

fn symptom_falls(case: &Case, symptom: &Value) -> Result<(), String> {
    let mut evidence = plain(&case.evidence);
    let mut cites = list(symptom, "cites").to_vec();
    for _ in 0..ROUNDS {
        evidence = evidence.iter().filter_map(|file| without(file, &cites)).collect();
        if evidence.is_empty() {
            return Ok(());
        }
        let Ok(after) = follow(case, "symptom-without", &evidence, &[]) else { return Ok(()) };
        let mut own = list(&after.report, "findings").iter().filter(|one| word(one, "id") == word(symptom, "id"));
        match own.clone().find(|one| is_shown_symptom(one)) {
            Some(still) => cites = list(still, "cites").to_vec(),
            None => {
                let silent = own.find(|one| word(one, "standing") == "not_shown" && list(one, "ask_for").is_empty());
                return silent.map_or(Ok(()), |one| Err(format!("asks for nothing: {}", word(one, "statement"))));
            }
        }
    }
    Err(format!("still there after {ROUNDS} rounds"))
}

/// What the tickets in the folder of one symptom show of it.
#[derive(Debug, Default)]
struct SymptomTried {
    causes: BTreeSet<String>,
    quiet: BTreeSet<String>,
    not_shown: BTreeSet<String>,
}

/// Every symptom has tickets with three different causes, two look-alikes in which it is not claimed, and one of which the
/// deciding evidence is missing.
#[test]
fn every_symptom_is_tried() {
    let mut tried: BTreeMap<String, SymptomTried> =
        findings::symptoms::ALL.iter().map(|symptom| (symptom.id().to_owned(), SymptomTried::default())).collect();
    for case in cases() {
        let Some((folder, _)) = case.name.split_once('/') else { continue };
        let id = folder.replace('_', "-");
        let Some(tried) = tried.get_mut(&id) else { continue };
        for (number, section) in case.sections.iter().enumerate() {
            let Ok(run) = follow(&case, "symptom-tried", &case.evidence_without(&section.without), &[]) else {
                continue;
            };
            let own: Vec<&Value> =
                list(&run.report, "findings").iter().filter(|finding| word(finding, "id") == id).collect();
            let shown = own.iter().filter(|finding| is_shown_symptom(finding));
            tried.causes.extend(shown.filter_map(|one| one["specific"].as_str()).map(str::to_owned));
            if own.iter().any(|one| word(one, "standing") == "not_shown") {
                tried.not_shown.insert(case.name.clone());
            }
            if number == 0 && own.iter().all(|one| word(one, "standing") == "refuted") {
                tried.quiet.insert(case.name.clone());
            }
        }
    }
    let too_few: Vec<String> = tried
        .iter()
        .filter(|(_, tried)| tried.causes.len() < 3 || tried.quiet.len() < 2 || tried.not_shown.is_empty())
        .map(|(id, tried)| format!("{id}: {tried:?}"))
        .collect();
    assert!(too_few.is_empty() || support::are_some_named(), "not tried enough:\n{}", too_few.join("\n"));
}

/// Who is nobody in any ticket.
const STRANGER: &str = "a.stranger@elsewhere.example";

/// Promise 1, of whose records: change whom the records of a cause are about, and nothing that it then says of the first recipient
/// is proved by them.
#[test]
fn a_record_of_somebody_else_never_proves() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for case in cases() {
        let Ok(run) = follow(&case, "others", &plain(&case.evidence), &[]) else { continue };
        for cause in list(&run.report, "findings").iter().filter(|finding| is_proved_cause(finding)) {
            let who = recipient(cause);
            let Some(evidence) = given_to_a_stranger(&case, cause) else { continue };
            tried += 1;
            let Ok(after) = follow(&case, "others-changed", &evidence, &[]) else { continue };
            // Whose release it was is the very proof that it was not this copy's.
            let claims = list(&after.report, "findings").iter().filter(|finding| {
                is_proved_cause(finding)
                    && recipient(finding) == who
                    && word(finding, "id") != "release-handoff/released-other-recipient"
            });
            for claim in claims {
                let is_theirs = |cite: &&Value| {
                    let record = record(&evidence, cite);
                    record.contains(STRANGER) && !record.to_lowercase().contains(&who.to_lowercase())
                };
                if let Some(cite) = list(claim, "cites").iter().find(is_theirs) {
                    wrong.push(format!("{}: {} for {who}: {}", case.name, word(claim, "id"), word(cite, "said")));
                }
            }
        }
    }
    assert!(tried >= 60 || support::are_some_named(), "only {tried} causes with a record that names the recipient");
    assert!(wrong.is_empty(), "{} causes proved by another's record:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

/// The evidence with a stranger in the place of the recipient in each record of a cause that states whom it is about; `None` if
/// none does.
fn given_to_a_stranger(case: &Case, cause: &Value) -> Option<Vec<Evidence>> {
    let who = recipient(cause);
    let mut evidence = plain(&case.evidence);
    let mut is_changed = false;
    for file in evidence.iter_mut() {
        let mut ranges: Vec<(usize, usize)> = list(cause, "cites")
            .iter()
            .filter(|cite| word(cite, "file") == file.name)
            .filter_map(|cite| Some((cite["bytes"][0].as_u64()? as usize, cite["bytes"][1].as_u64()? as usize)))
            .collect();
        ranges.sort_unstable();
        ranges.dedup();
        for (start, end) in ranges.into_iter().rev() {
            let Some(record) = file.text.get(start..end) else { continue };
            if !states_its_recipient(file, record, who) {
                continue;
            }
            let changed = record.replace(who, STRANGER);
            file.text.replace_range(start..end, &changed);
            is_changed = true;
        }
    }
    is_changed.then_some(evidence)
}

/// Whether a record has a place of its own for the recipient, and names this one there: not one that only speaks of somebody by
/// a session's user or in another server's words.
fn states_its_recipient(file: &Evidence, record: &str, who: &str) -> bool {
    let has_column = || file.text.lines().next().is_some_and(|head| head.to_lowercase().contains("recipient"));
    !who.is_empty()
        && match file.kind.as_str() {
            "log" => record.contains(&format!("to=<{who}>")),
            "csv" => record.contains(who) && has_column(),
            "json" => record.contains(who) && record.to_lowercase().contains("recipient"),
            _ => false,
        }
}

/// The record behind a cite.
fn record<'e>(evidence: &'e [Evidence], cite: &Value) -> &'e str {
    let file = evidence.iter().find(|file| word(cite, "file") == file.name);
    let range = cite["bytes"][0].as_u64().unwrap_or(0) as usize..cite["bytes"][1].as_u64().unwrap_or(0) as usize;
    file.and_then(|file| file.text.get(range)).unwrap_or("")
}

/// The evidence with one byte a character and LF, so that cites count in its text.
fn plain(evidence: &[Evidence]) -> Vec<Evidence> {
    evidence.iter().map(|file| Evidence { crlf: false, utf16: false, ..file.clone() }).collect()
}

/// A file without the records of some cites; `None` if nothing is left.
fn without(file: &Evidence, cites: &[Value]) -> Option<Evidence> {
    let mut starts: Vec<(usize, usize)> = cites
        .iter()
        .filter(|cite| word(cite, "file") == file.name)
        .filter_map(|cite| Some((cite["bytes"][0].as_u64()? as usize, cite["bytes"][1].as_u64()? as usize)))
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let mut text = file.text.clone();
    for (start, end) in starts.into_iter().rev() {
        text = match element(file, &text, start) {
            Some(text) => text,
            None => {
                let tail = text.get(end..)?;
                format!("{}{}", text.get(..start)?, tail.strip_prefix('\n').unwrap_or(tail))
            }
        };
    }
    (!text.trim().is_empty()).then(|| Evidence { text, ..file.clone() })
}

/// The text of a JSON array without the element that holds a byte.
fn element(file: &Evidence, text: &str, start: usize) -> Option<String> {
    let is_lines = text.lines().all(|line| line.starts_with('{') && line.ends_with('}'));
    if file.kind != "json" || is_lines {
        return None;
    }
    let rows = Rows::elements(text)?;
    let mut at = text.find(rows.rows.first()?.as_str())?;
    let mut left = Vec::new();
    for row in &rows.rows {
        if !(at..at + row.len()).contains(&start) {
            left.push(row.clone());
        }
        at += row.len() + 1;
    }
    (left.len() < rows.rows.len()).then(|| rows.text(&left))
}

/// Promise 5. No step of any ticket opens a door for more than the message at hand.
#[test]
fn no_step_is_broad() {
    let mut wrong = Vec::new();
    for case in cases() {
        let Ok(run) = follow(&case, "broad", &case.evidence, &[]) else { continue };
        for step in list(&run.report, "next_steps") {
            let texts = [word(step, "step"), word(step, "command")];
            if let Some(text) = texts.into_iter().find(|text| is_broad(text)) {
                wrong.push(format!("{}: {text}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "broad steps:\n{}", wrong.join("\n"));
    assert!(is_broad("Add supplier.example to the allowed domains"), "the test itself");
    assert!(is_broad("Set-HostedContentFilterPolicy -AllowedSenderDomains @{Add='supplier.example'}"), "a command");
    assert!(!is_broad("Release this one message; do not add an allow entry"), "a warning");
}

/// Whether a step adds an allow, or takes a protection away, without saying not to.
fn is_broad(step: &str) -> bool {
    const DOORS: [&str; 9] = [
        "allowed domains",
        "allow entry",
        "allowlist",
        "allow list",
        "allowedsenderdomains",
        "bypass",
        "whitelist",
        "setscl -1",
        "turn off",
    ];
    const NEGATIONS: [&str; 4] = ["not ", "no ", "without ", "never "];
    let lower = step.to_lowercase();
    lower.split([';', ',', '.', ':']).any(|clause| {
        DOORS.iter().any(|door| clause.contains(door)) && !NEGATIONS.iter().any(|word| clause.contains(word))
    })
}

/// What the tickets show of one cause.
#[derive(Default)]
struct Tried {
    fires: BTreeSet<String>,
    falls: BTreeSet<String>,
    stays_quiet: BTreeSet<String>,
}

/// Every cause of the catalogue has a ticket in which it fires, one in which it falls when its deciding record is taken away, and
/// one that looks alike and in which it must not be claimed.
///
/// With `SHOW_TRIED=1` in the environment and `--nocapture` the whole table is printed.
#[test]
fn every_cause_is_tried() {
    let mut tried: BTreeMap<String, Tried> = BTreeMap::new();
    for page in findings::catalogue() {
        tried.entry(page.id.clone()).or_default();
    }
    for case in cases() {
        let mut whole = BTreeSet::new();
        for (number, section) in case.sections.iter().enumerate() {
            let evidence = case.evidence_without(&section.without);
            let Ok(run) = follow(&case, "tried", &evidence, &[]) else { continue };
            let shown = shown(&run.report);
            if number == 0 {
                for (_, statement) in &section.statements {
                    let Some(id) = statement.strip_prefix("never:").and_then(|rest| rest.split_whitespace().next())
                    else {
                        continue;
                    };
                    if !shown.contains(id) {
                        note(&mut tried, id, |tried| &mut tried.stays_quiet, &case.name);
                    }
                }
                for id in &shown {
                    note(&mut tried, id, |tried| &mut tried.fires, &case.name);
                }
                whole = shown;
            } else {
                for id in whole.difference(&shown) {
                    note(&mut tried, id, |tried| &mut tried.falls, &case.name);
                }
            }
        }
    }
    if std::env::var_os("SHOW_TRIED").is_some() {
        for (id, tried) in &tried {
            println!(
                "{id}: fires {}, falls {}, quiet {}",
                tried.fires.len(),
                tried.falls.len(),
                tried.stays_quiet.len()
            );
        }
    }
    let missing: Vec<String> = tried
        .iter()
        .flat_map(|(id, tried)| {
            [("fires", &tried.fires), ("falls", &tried.falls), ("stays quiet", &tried.stays_quiet)]
                .into_iter()
                .filter(|(_, tickets)| tickets.is_empty())
                .map(move |(what, _)| format!("{id}: no ticket in which it {what}"))
        })
        .collect();
    assert!(missing.is_empty(), "{} of {} causes are not tried:\n{}", missing.len(), tried.len(), missing.join("\n"));
}

/// Notes a ticket for a cause of the catalogue; gaps have ids too, and are none.
fn note(tried: &mut BTreeMap<String, Tried>, id: &str, which: fn(&mut Tried) -> &mut BTreeSet<String>, ticket: &str) {
    if let Some(tried) = tried.get_mut(id) {
        which(tried).insert(ticket.to_owned());
    }
}

/// The causes and risks that a report proves or calls likely.
fn shown(report: &Value) -> BTreeSet<String> {
    list(report, "findings")
        .iter()
        .filter(|finding| matches!(word(finding, "standing"), "proved" | "likely"))
        .map(|finding| word(finding, "id").to_owned())
        .collect()
}
