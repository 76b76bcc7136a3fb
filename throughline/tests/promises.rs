//! Promise 4 of the contract, on every ticket of `cases/`: the order of rows, the files they stand in, their number, line
//! ends, encoding, zone and locale of the machine change no answer.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use support::rewrites::{REWRITES, Rows};
use support::{Case, Evidence, Run, broken_promises, cases, follow, list, short, word};

#[test]
fn rewritten_evidence_gives_the_same_answer() {
    let mut wrong = Vec::new();
    for case in cases() {
        let plain = match follow(&case, "plain", &case.evidence, &[]) {
            Ok(run) => run,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        let answer = Answer::of(&plain);
        for (number, (title, rewrite)) in REWRITES.iter().enumerate() {
            let rewritten: Vec<Vec<Evidence>> =
                case.evidence.iter().map(|file| rewrite(file).unwrap_or_else(|| vec![file.clone()])).collect();
            let evidence: Vec<Evidence> = rewritten.concat();
            wrong.extend(differences(&case, title, &format!("rewrite{number}"), &evidence, &answer));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

fn differences(case: &Case, title: &str, label: &str, evidence: &[Evidence], answer: &Answer) -> Vec<String> {
    let run = match follow(case, label, evidence, &[]) {
        Ok(run) => run,
        Err(error) => return vec![format!("{}, {title}: {error}", case.name)],
    };
    let mut wrong: Vec<String> = broken_promises(&run, evidence)
        .into_iter()
        .map(|broken| format!("{}, {title}: contract: {broken}", case.name))
        .collect();
    wrong.extend(answer.against(&Answer::of(&run)).into_iter().map(|other| format!("{}, {title}: {other}", case.name)));
    wrong
}

#[test]
fn machine_and_run_change_no_byte() {
    let mut wrong = Vec::new();
    for case in cases() {
        let run = |environment: &[(&str, &str)]| -> Result<Run, String> {
            follow(&case, "machine", &case.evidence, environment)
        };
        let environments = [
            ("a second run", vec![]),
            ("TZ=Asia/Kolkata", vec![("TZ", "Asia/Kolkata")]),
            ("TZ=America/St_Johns, LC_ALL=de_DE.UTF-8", vec![("TZ", "America/St_Johns"), ("LC_ALL", "de_DE.UTF-8")]),
            ("LC_ALL=C, no colour, narrow", vec![("LC_ALL", "C"), ("NO_COLOR", "1"), ("COLUMNS", "40")]),
        ];
        let plain = match run(&[]) {
            Ok(run) => run,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        for (title, environment) in environments {
            match run(&environment) {
                Ok(other) if other.stdout == plain.stdout && other.exit == plain.exit => {}
                Ok(other) => wrong.push(format!("{}, {title}: {}", case.name, first_difference(&plain, &other))),
                Err(error) => wrong.push(format!("{}, {title}: {error}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

fn first_difference(plain: &Run, other: &Run) -> String {
    let (left, right) = (String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&other.stdout));
    let line = left.lines().zip(right.lines()).find(|(left, right)| left != right);
    match line {
        Some((left, right)) => format!("`{}` became `{}`", short(left), short(right)),
        None => format!("{} bytes became {}, exit {} became {}", left.len(), right.len(), plain.exit, other.exit),
    }
}

/// What promise 4 keeps: copies with fate and layer, findings with standing, cites up to position.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    exit: i32,
    copies: Vec<String>,
    findings: Vec<String>,
    cites: Vec<(String, BTreeSet<String>)>,
    several: Vec<String>,
}

impl Answer {
    fn of(run: &Run) -> Answer {
        let mut copies: Vec<String> = list(&run.report, "copies").iter().map(copy_text).collect();
        copies.sort();
        let mut cites: Vec<(String, BTreeSet<String>)> = list(&run.report, "findings")
            .iter()
            .map(|finding| (finding_text(finding), list(finding, "cites").iter().map(said).collect()))
            .collect();
        cites.sort();
        let findings = cites.iter().map(|(finding, _)| finding.clone()).collect();
        Answer { exit: run.exit, copies, findings, cites, several: several_text(&run.report) }
    }

    /// What differs, the most telling first; cites are compared only where the findings agree.
    fn against(&self, other: &Answer) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.copies != other.copies {
            wrong.push(format!("copies\n    were   {:?}\n    became {:?}", self.copies, other.copies));
        }
        if self.several != other.several {
            wrong.push(format!("several messages\n    were   {:?}\n    became {:?}", self.several, other.several));
        }
        if self.exit != other.exit {
            wrong.push(format!("exit {} became {}", self.exit, other.exit));
        }
        if self.findings != other.findings {
            wrong.push(format!("findings\n    were   {:?}\n    became {:?}", self.findings, other.findings));
            return wrong;
        }
        for ((finding, before), (_, after)) in self.cites.iter().zip(&other.cites) {
            if before != after {
                wrong.push(format!("cites of {finding}\n    were   {before:?}\n    became {after:?}"));
            }
        }
        wrong
    }
}

/// Each of several messages, what they share, and the exceptions.
fn several_text(report: &Value) -> Vec<String> {
    let fared = |copy: &Value| {
        format!("{} {} {}", word(copy, "envelope_recipient"), word(copy, "fate"), word(&copy["cause"], "id"))
    };
    let message = |one: &Value| {
        let mut copies: Vec<String> = list(one, "copies").iter().map(fared).collect();
        copies.sort();
        format!(
            "{} {} {} {}",
            word(one, "at"),
            word(&one["message"], "message_id"),
            word(one, "not_counted"),
            copies.join(", ")
        )
    };
    let group = |one: &Value| {
        let cause = &one["cause"];
        let by = format!("{} {}", word(cause, "policy"), word(cause, "reply"));
        format!("{} {} {} {} {by}", word(cause, "id"), word(cause, "standing"), one["messages"], one["copies"])
    };
    let exception = |one: &Value| format!("{} {}", word(one, "message_id"), word(one, "differs"));
    let mut all: Vec<String> = list(report, "messages").iter().map(message).collect();
    all.extend(list(report, "shared").iter().map(group));
    let mut exceptions: Vec<String> = list(report, "exceptions").iter().map(exception).collect();
    exceptions.sort();
    all.extend(exceptions);
    all
}

fn copy_text(copy: &Value) -> String {
    let states: Vec<String> =
        list(copy, "layers").iter().map(|layer| format!("{}={}", word(layer, "layer"), word(layer, "state"))).collect();
    format!(
        "{} {} {} ({})",
        word(copy, "envelope_recipient"),
        word(copy, "fate"),
        word(copy, "changed_layer"),
        states.join(" ")
    )
}

fn finding_text(finding: &Value) -> String {
    let specific = finding["specific"].as_str().map(|specific| format!("/{specific}")).unwrap_or_default();
    let id = format!("{}{specific}", word(finding, "id"));
    format!("{id} {} for {}", word(finding, "standing"), word(finding, "envelope_recipient"))
}

/// The record's own words without white space: line ends and the cut at 300 characters depend on the writing.
fn said(cite: &Value) -> String {
    word(cite, "said").chars().filter(|char| !char.is_whitespace()).take(120).collect()
}

#[test]
fn rows_of_a_json_array_are_found() {
    for (name, text, expected) in [
        ("array", "[{\"a\":1},{\"b\":\"],}\"}]\n", vec!["{\"a\":1}", "{\"b\":\"],}\"}"]),
        (
            "envelope",
            "{\"meta\":{\"s\":[1]},\"data\":[{\"a\":[1,2]},\n{\"b\":2}\n],\"fail\":[]}",
            vec!["{\"a\":[1,2]}", "\n{\"b\":2}"],
        ),
        ("escaped quote", "[{\"a\":\"x\\\",y\"},{\"b\":1}]", vec!["{\"a\":\"x\\\",y\"}", "{\"b\":1}"]),
    ] {
        let rows = Rows::elements(text).unwrap_or_else(|| panic!("{name}: no array"));
        assert_eq!(rows.rows, expected, "{name}");
        assert_eq!(rows.text(&rows.rows), text, "{name}: put together again");
    }
}
