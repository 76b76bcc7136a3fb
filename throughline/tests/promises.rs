//! Promise 4 of the contract, on every ticket of `cases/`: the order of rows, the files they stand in, their number, line
//! ends, encoding, zone and locale of the machine change no answer.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use support::{Case, Evidence, Run, broken_promises, cases, follow, list, short, word};

/// Rewrites one evidence file into one or more; `None` if the transformation does not apply to its kind.
type Rewrite = fn(&Evidence) -> Option<Vec<Evidence>>;

const REWRITES: [(&str, Rewrite); 8] = [
    ("rows reversed", |file| reordered(file, |rows| rows.reverse())),
    ("rows shuffled (1)", |file| reordered(file, |rows| shuffle(rows, 1))),
    ("rows shuffled (2)", |file| reordered(file, |rows| shuffle(rows, 2))),
    ("rows doubled", |file| reordered(file, |rows| rows.extend_from_within(..))),
    ("each row doubled in place", |file| {
        reordered(file, |rows| *rows = rows.iter().flat_map(|row| [row.clone(), row.clone()]).collect())
    }),
    ("files split", split),
    ("CRLF", |file| Some(vec![Evidence { crlf: true, ..file.clone() }])),
    ("UTF-16LE", |file| {
        matches!(file.kind.as_str(), "csv" | "json" | "log").then(|| vec![Evidence { utf16: true, ..file.clone() }])
    }),
];

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
        Answer { exit: run.exit, copies, findings, cites }
    }

    /// What differs, the most telling first; cites are compared only where the findings agree.
    fn against(&self, other: &Answer) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.copies != other.copies {
            wrong.push(format!("copies\n    were   {:?}\n    became {:?}", self.copies, other.copies));
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
    format!("{} {} for {}", word(finding, "id"), word(finding, "standing"), word(finding, "envelope_recipient"))
}

/// The record's own words without white space: line ends and the cut at 300 characters depend on the writing.
fn said(cite: &Value) -> String {
    word(cite, "said").chars().filter(|char| !char.is_whitespace()).take(120).collect()
}

/// A file's text as rows between what stands before and after them.
struct Rows {
    before: String,
    rows: Vec<String>,
    between: &'static str,
    after: String,
}

impl Rows {
    /// The rows of a file whose kind has rows that may stand in any order.
    fn of(file: &Evidence) -> Option<Rows> {
        let text = file.text.as_str();
        match file.kind.as_str() {
            "csv" => {
                let typed = text.lines().next().filter(|line| line.starts_with("#TYPE"));
                let heads = 1 + usize::from(typed.is_some());
                Some(Rows::lines(text, heads))
            }
            "log" => Some(Rows::lines(text, 0)),
            "json" if text.lines().all(|line| line.starts_with('{') && line.ends_with('}')) => {
                Some(Rows::lines(text, 0))
            }
            "json" => Rows::elements(text),
            _ => None,
        }
    }

    fn lines(text: &str, heads: usize) -> Rows {
        let all: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        let (before, rows) = all.split_at(heads.min(all.len()));
        Rows { before: before.concat(), rows: rows.to_vec(), between: "", after: String::new() }
    }

    /// The objects of the first array that stands at the top or directly in the top object, each with its white space.
    fn elements(text: &str) -> Option<Rows> {
        let mut depth = Vec::new();
        let (mut quoted, mut escaped, mut inside) = (false, false, None);
        let (mut start, mut from, mut rows) = (0, 0, Vec::new());
        for (at, char) in text.char_indices() {
            if quoted {
                (quoted, escaped) = (escaped || char != '"', !escaped && char == '\\');
                continue;
            }
            match char {
                '"' => quoted = true,
                '{' | '[' => {
                    depth.push(char);
                    if char == '[' && inside.is_none() && depth.len() <= 2 {
                        (inside, start, from) = (Some(depth.len()), at + 1, at + 1);
                    }
                }
                ',' if inside == Some(depth.len()) => {
                    rows.push(text.get(from..at)?.to_owned());
                    from = at + 1;
                }
                ']' if inside == Some(depth.len()) => {
                    rows.push(text.get(from..at)?.trim_end().to_owned());
                    let tail = from + rows.last()?.len();
                    return Some(Rows {
                        before: text.get(..start)?.to_owned(),
                        rows,
                        between: ",",
                        after: text.get(tail..)?.to_owned(),
                    });
                }
                '}' | ']' => {
                    depth.pop();
                }
                _ => {}
            }
        }
        None
    }

    fn text(&self, rows: &[String]) -> String {
        format!("{}{}{}", self.before, rows.join(self.between), self.after)
    }
}

fn reordered(file: &Evidence, change: impl Fn(&mut Vec<String>)) -> Option<Vec<Evidence>> {
    let rows = Rows::of(file)?;
    let mut changed = rows.rows.clone();
    change(&mut changed);
    Some(vec![Evidence { text: rows.text(&changed), ..file.clone() }])
}

/// Every second row goes into a second file.
fn split(file: &Evidence) -> Option<Vec<Evidence>> {
    let rows = Rows::of(file)?;
    if rows.rows.len() < 2 {
        return None;
    }
    let half = |which: usize| -> Evidence {
        let part: Vec<String> =
            rows.rows.iter().enumerate().filter(|(at, _)| at % 2 == which).map(|(_, row)| row.clone()).collect();
        Evidence { name: format!("part{which}-{}", file.name), text: rows.text(&part), ..file.clone() }
    };
    Some(vec![half(0), half(1)])
}

/// A fixed order that depends on nothing but the seed (a linear congruential generator, Fisher and Yates' shuffle).
fn shuffle(rows: &mut [String], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for at in (1..rows.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(at, (state >> 33) as usize % (at + 1));
    }
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
