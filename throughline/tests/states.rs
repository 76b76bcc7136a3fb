//! Layer by layer and state by state, the smallest evidence that shows it: the tables of `throughline/tests/states/`, one a family of systems.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use support::{Case, LAYERS, broken_promises, cases_in, follow, list, word};

/// The states of the contract.
const STATES: [&str; 8] =
    ["passed", "changed", "stopped", "pending", "not_reached", "absent", "not_supplied", "conflict"];

/// One line of a table: what these records show of a layer.
struct Line {
    at: usize,
    layer: String,
    states: Vec<String>,
    /// File and lines of it that are supplied; none if the family cannot show this.
    records: Vec<(String, BTreeSet<usize>)>,
}

#[test]
fn every_state_of_every_layer_is_shown_or_said_to_be_out_of_reach() {
    let cases = cases_in("tests/states");
    assert!(cases.len() >= 3, "Exchange Online alone, Mimecast in front of it, self-hosted: {} found", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let lines = lines_of(case);
        let named: Vec<(&str, &str)> = lines
            .iter()
            .flat_map(|line| line.states.iter().map(|state| (line.layer.as_str(), state.as_str())))
            .collect();
        for layer in LAYERS {
            for state in STATES.iter().filter(|state| !named.contains(&(layer, state))) {
                wrong.push(format!("{}: no line for {layer} {state}", case.name));
            }
        }
        wrong.extend(lines.iter().filter(|line| !line.records.is_empty()).filter_map(|line| against(case, line)));
    }
    assert!(wrong.is_empty(), "{} lines do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

/// What stands behind the layer that ended a way was not reached, what only a notice tells of was not looked at, and no copy is told of by
/// another one's record.
#[test]
fn what_stands_behind_the_end_was_not_looked_at() {
    let cases = cases_in("../cases");
    let layers = |ticket: &str, recipient: &str| {
        let case = cases.iter().find(|case| case.name == ticket).expect("the ticket");
        let run = follow(case, "end", &case.evidence, &[]).expect("an answer");
        let copies = list(&run.report, "copies");
        let copy = copies.iter().find(|copy| word(copy, "envelope_recipient") == recipient);
        copy.unwrap_or_else(|| panic!("{ticket}: {recipient}")).clone()
    };
    let state = |copy: &Value, layer: &str| {
        let stages = list(copy, "layers").iter();
        stages.clone().find(|stage| word(stage, "layer") == layer).map(|stage| word(stage, "state").to_owned())
    };
    for (ticket, recipient, expected) in [
        ("access_table_is_no_unknown_recipient", "payroll@client.example", ["stopped", "not_reached", "not_reached"]),
        // The next server's word about the address alone: our own server had let it go.
        ("access_table_is_no_unknown_recipient", "anne.kerr@cloud.example", ["passed", "passed", "passed"]),
        ("pasted_text_of_a_postfix_notice", "lee@other.example", ["not_supplied", "not_supplied", "not_supplied"]),
    ] {
        let copy = layers(ticket, recipient);
        let found = ["verdict", "quarantine", "release"].map(|layer| state(&copy, layer).unwrap_or_default());
        assert_eq!(found, expected, "{ticket} {recipient}");
    }
    let held = layers("released_in_exchange_for_one_behind_mimecast", "bo.lang@client.example");
    for stage in list(&held, "layers").iter().filter(|stage| word(stage, "state") == "not_reached") {
        for cite in list(stage, "cites") {
            assert!(word(cite, "said").contains("bo.lang@client.example"), "{stage}");
        }
    }
    let families = list(&held, "families");
    let content = families.iter().find(|one| word(one, "family") == "content-verdict").expect("a family");
    assert!(
        word(content, "statement").contains("verdict bulk mail") && list(content, "ask_for").is_empty(),
        "{content}"
    );
}

/// What does not hold of one line.
fn against(case: &Case, line: &Line) -> Option<String> {
    let place = format!("{}.md:{}", case.name, line.at);
    let mut evidence = case.evidence.clone();
    for file in &mut evidence {
        let kept = line.records.iter().find(|(name, _)| *name == file.name).map(|(_, kept)| kept.clone());
        let kept = kept.unwrap_or_default();
        let count = file.text.lines().count();
        assert!(kept.last().is_none_or(|last| *last <= count), "{place}: {} has {count} lines", file.name);
        let text = file.text.lines().enumerate().filter(|(at, _)| kept.contains(&(at + 1)));
        file.text = text.flat_map(|(_, line)| [line, "\n"]).collect();
    }
    evidence.retain(|file| !file.text.is_empty());
    let run = match follow(case, &format!("state{}", line.at), &evidence, &[]) {
        Ok(run) => run,
        Err(error) => return Some(format!("{place}: {error}")),
    };
    let broken = broken_promises(&run, &evidence);
    if !broken.is_empty() {
        return Some(format!("{place}: contract: {}", broken.join("; ")));
    }
    let [copy] = list(&run.report, "copies") else { return Some(format!("{place}: not one copy")) };
    let shown = list(copy, "layers").iter().find(|stage| word(stage, "layer") == line.layer)?;
    let is_right = line.states.iter().any(|state| word(shown, "state") == state);
    let said = |stage: &Value| format!("{} {}: {}", word(stage, "layer"), word(stage, "state"), word(stage, "summary"));
    (!is_right).then(|| format!("{place}: expected {} {}\n    found {}", line.layer, line.states.join(""), said(shown)))
}

/// The lines of the table: `| layer | state | FILE:LINES FILE | why |`, and without records `| layer | state, state | | why not |`.
fn lines_of(case: &Case) -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/states").join(format!("{}.md", case.name));
    let text = fs::read_to_string(path).expect("the table");
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, layer, states, records, why, _] = cells.as_slice() else { continue };
        if !LAYERS.contains(layer) {
            continue;
        }
        assert!(!why.is_empty(), "{}.md:{}: why?", case.name, at + 1);
        let states: Vec<String> = states.split(',').map(|state| state.trim().to_owned()).collect();
        assert!(states.iter().all(|state| STATES.contains(&state.as_str())), "{}.md:{}: a state", case.name, at + 1);
        let records: Vec<(String, BTreeSet<usize>)> =
            records.split_whitespace().map(|place| records_at(case, place)).collect();
        assert!(records.is_empty() || states.len() == 1, "{}.md:{}: records show one state", case.name, at + 1);
        lines.push(Line { at: at + 1, layer: (*layer).to_owned(), states, records });
    }
    lines
}

/// `mail.log:1-3,9`, or a whole file.
fn records_at(case: &Case, place: &str) -> (String, BTreeSet<usize>) {
    let (name, lines) = place.split_once(':').unwrap_or((place, ""));
    let file = case.evidence.iter().find(|file| file.name == name);
    let count = file.unwrap_or_else(|| panic!("{}.md: no file {name}", case.name)).text.lines().count();
    let number = |said: &str| said.parse::<usize>().unwrap_or_else(|_| panic!("{}.md: {place}", case.name));
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => number(from)..=number(to),
        None => number(part)..=number(part),
    };
    let kept = if lines.is_empty() { (1..=count).collect() } else { lines.split(',').flat_map(range).collect() };
    (name.to_owned(), kept)
}
