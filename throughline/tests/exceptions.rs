//! The tickets of `cases/exceptions/`: proposed changes are judged, exceptions proposed and bypasses listed as the mail engineer who wrote
//! them says (format: `cases/README.md`).

mod support;

use serde_json::Value;

use support::rewrites::REWRITES;
use support::{
    Case, Evidence, Run, Section, cases_in, each_cite, exception, is_at, list, open_cite, place, short, word,
};

fn tickets() -> Vec<Case> {
    let mut cases = cases_in("../cases/exceptions");
    if let Ok(only) = std::env::var("TICKETS") {
        cases.retain(|case| case.name.contains(&only));
    }
    cases
}

#[test]
fn every_ticket_is_answered_right() {
    let cases = tickets();
    assert!(cases.len() >= 12 || support::are_some_named(), "only {} tickets found", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for (number, section) in case.sections.iter().enumerate() {
            wrong.extend(check_section(case, number, section));
        }
    }
    assert!(wrong.is_empty(), "{} statements do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

fn check_section(case: &Case, number: usize, section: &Section) -> Vec<String> {
    let evidence = case.evidence_without(&section.without);
    let title = format!("{} ({number})", case.name);
    let run = match exception(case, &format!("exception{number}"), &evidence, &[]) {
        Ok(run) => run,
        Err(error) => return vec![format!("{title}: {error}")],
    };
    let mut wrong: Vec<String> =
        broken(&run).into_iter().map(|broken| format!("{title}: contract: {broken}")).collect();
    for (at, statement) in &section.statements {
        if let Err(found) = check(statement, &run) {
            let at = format!("cases/exceptions/{}.md:{at}", case.name);
            wrong.push(format!("{title}: {at}: expected `{statement}`\n    found {found}"));
        }
    }
    wrong
}

#[test]
fn rewritten_evidence_gives_the_same_answer() {
    let mut wrong = Vec::new();
    for case in tickets() {
        let plain = match exception(&case, "plain", &case.evidence, &[]) {
            Ok(run) => answer(&run),
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        for (number, (title, rewrite)) in REWRITES.iter().enumerate() {
            let rewritten: Vec<Vec<Evidence>> =
                case.evidence.iter().map(|file| rewrite(file).unwrap_or_else(|| vec![file.clone()])).collect();
            match exception(&case, &format!("rewrite{number}"), &rewritten.concat(), &[]) {
                Ok(run) => {
                    wrong.extend(broken(&run).into_iter().map(|broken| format!("{}, {title}: {broken}", case.name)));
                    let now = answer(&run);
                    if now != plain {
                        let (were, became) = first_difference(&plain, &now);
                        wrong.push(format!("{}, {title}:\n    was    {were}\n    became {became}", case.name));
                    }
                }
                Err(error) => wrong.push(format!("{}, {title}: {error}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_candidate_is_judged_the_same_however_it_is_written() {
    let mut wrong = Vec::new();
    for case in tickets().into_iter().filter(|case| case.candidate.is_some()) {
        let run = |candidate: Option<Evidence>, label: &str| {
            let case = Case { name: case.name.clone(), candidate, ..copy_of(&case) };
            exception(&case, label, &case.evidence, &[]).map(|run| verdict(&run))
        };
        let plain = run(case.candidate.clone(), "candidate");
        let written = |crlf, utf16| case.candidate.clone().map(|file| Evidence { crlf, utf16, ..file });
        for (title, candidate) in [("CRLF", written(true, false)), ("UTF-16LE", written(false, true))] {
            let now = run(candidate, "candidate-rewritten");
            if now != plain {
                wrong.push(format!("{}, {title}:\n    was    {plain:?}\n    became {now:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn copy_of(case: &Case) -> Case {
    Case {
        name: case.name.clone(),
        evidence: case.evidence.clone(),
        options: case.options.clone(),
        now: case.now.clone(),
        command: case.command.clone(),
        candidate: case.candidate.clone(),
        approvals: case.approvals.clone(),
        sections: Vec::new(),
    }
}

/// Answer, rows and scopes of a judged change.
fn verdict(run: &Run) -> Vec<String> {
    let step = |step: &Value| {
        let rows: Vec<&str> = list(step, "reasons").iter().map(|reason| word(reason, "row")).collect();
        format!("{} {rows:?} {} {}", word(step, "answer"), step["scopes"], step["ends"])
    };
    let mut all = vec![format!("{} exit {}", word(&run.report, "answer"), run.exit)];
    all.extend(list(&run.report, "candidate").iter().map(step));
    all
}

/// What stays the same whatever the evidence is written like: all but where records stand and how many rows there are.
fn answer(run: &Run) -> Value {
    fn kept(value: &Value) -> Value {
        const LEFT_OUT: [&str; 6] = ["evidence", "cites", "rows", "notes", "assumptions", "sample"];
        match value {
            Value::Object(fields) => fields
                .iter()
                .filter(|(key, value)| !LEFT_OUT.contains(&key.as_str()) || key.as_str() == "rows" && is_drawn(value))
                .map(|(key, value)| (key.clone(), kept(value)))
                .collect(),
            Value::Array(items) => items.iter().map(kept).collect(),
            other => other.clone(),
        }
    }
    /// Rows of the tables and of the picture, not counts of what was read.
    fn is_drawn(rows: &Value) -> bool {
        rows.as_array().is_some_and(|rows| rows.iter().all(|row| row.is_string() || row.get("scope").is_some()))
    }
    let mut answer = kept(&run.report);
    answer["exit"] = Value::from(run.exit);
    answer
}

fn first_difference(one: &Value, other: &Value) -> (String, String) {
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (one, other) = (text(one), text(other));
    let differing = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    differing.map_or(("fewer lines".to_owned(), "more lines".to_owned()), |(one, other)| (short(one), short(other)))
}

/// What breaks the promises of these documents, whatever the ticket.
fn broken(run: &Run) -> Vec<String> {
    let report = &run.report;
    let mut broken = Vec::new();
    each_cite(report, &mut |cite| {
        if let Err(error) = open_cite(cite, &run.folder) {
            broken.push(error);
        }
    });
    match word(report, "schema") {
        "throughline.guard.v1" => broken.extend(broken_guard(run)),
        "throughline.proposal.v1" => {
            if (word(report, "answer") == "not_shown") != (run.exit == 1) {
                broken.push(format!("answer {} with exit {}", word(report, "answer"), run.exit));
            }
        }
        "throughline.audit.v1" => {}
        other => broken.push(format!("schema is `{other}`")),
    }
    for proposal in all_proposals(report) {
        broken.extend(broken_proposal(proposal));
    }
    for file in list(report, "evidence") {
        let count = |key: &str| file[key].as_u64().unwrap_or(u64::MAX);
        if count("rows") != count("observed") + count("problems") + count("passed_over") {
            broken.push(format!("{}: rows do not add up", word(file, "file")));
        }
    }
    broken
}

/// A change is refused if and only if it is not narrow and no approval covers it; then the exit status is 4.
fn broken_guard(run: &Run) -> Vec<String> {
    let report = &run.report;
    let refused = report["refused"] == true;
    let is_covered = !report["approval"].is_null() && report["not_covered"].is_null();
    let mut broken = Vec::new();
    if refused != (run.exit == 4) {
        broken.push(format!("refused is {refused} with exit {}", run.exit));
    }
    if refused == (word(report, "answer") == "narrow" || is_covered) {
        broken.push(format!("{}, covered {is_covered}, refused {refused}", word(report, "answer")));
    }
    let is_narrow = |step: &Value| {
        let levels = || list(step, "reasons").iter().map(|reason| word(reason, "level"));
        levels().any(|level| level == "narrow") && levels().all(|level| ["narrow", "note"].contains(&level))
    };
    if word(report, "answer") == "narrow" && !list(report, "candidate").iter().all(is_narrow) {
        broken.push("narrow, with a step that is not".to_owned());
    }
    if word(report, "answer") == "narrow" && !list(report, "unread").is_empty() {
        broken.push("narrow, with a part that was not read".to_owned());
    }
    broken
}

/// A proposal is narrow by the guard, and says all that belongs to it.
fn broken_proposal(proposal: &Value) -> Vec<String> {
    let what = word(proposal, "what");
    let mut broken = Vec::new();
    let levels: Vec<&str> = list(proposal, "reasons").iter().map(|reason| word(reason, "level")).collect();
    if !levels.contains(&"narrow") || levels.iter().any(|level| !["narrow", "note"].contains(level)) {
        broken.push(format!("{what}: proposed, and {levels:?}"));
    }
    for part in ["doing", "undoing", "works", "holds"] {
        let way = &proposal[part];
        if word(way, "what").is_empty() && way["command"].is_null() && way["clicks"].is_null() {
            broken.push(format!("{what}: {part} says nothing"));
        }
    }
    broken
}

fn all_proposals(report: &Value) -> Vec<&Value> {
    let of_cures = list(report, "cures").iter().flat_map(|cure| list(cure, "proposals"));
    of_cures.chain(list(report, "bypasses").iter().flat_map(|one| list(one, "instead"))).collect()
}

/// Every reason: of steps, of all together, of proposals, and of what is set up.
fn all_reasons(report: &Value) -> Vec<&Value> {
    let of = |holders: &'static str| list(report, holders).iter().flat_map(|one| list(one, "reasons"));
    let of_proposals = all_proposals(report).into_iter().flat_map(|one| list(one, "reasons"));
    of("candidate").chain(list(report, "together")).chain(of_proposals).chain(of("bypasses")).collect()
}

/// Checks one statement; the error says what was found instead.
fn check(statement: &str, run: &Run) -> Result<(), String> {
    let report = &run.report;
    let (key, value) = statement.split_once(':').map_or((statement, ""), |(key, value)| (key.trim(), value.trim()));
    let words = key.split_whitespace().collect::<Vec<_>>();
    match words.as_slice() {
        ["answer"] => one_of(value, &[word(report, "answer")]),
        ["refused"] => one_of(value, &[if report["refused"] == true { "yes" } else { "no" }]),
        ["exit"] => one_of(value, &[&run.exit.to_string()]),
        ["row"] => one_of(value, &rows(&all_reasons(report))),
        ["no", "row"] => none_of(value, &rows(&all_reasons(report))),
        ["together"] => one_of(value, &rows(&list(report, "together").iter().collect::<Vec<_>>())),
        ["operation"] => one_of(value, &each(list(report, "candidate"), "operation")),
        ["steps"] => one_of(value, &[&list(report, "candidate").len().to_string()]),
        ["scope"] => holds(value, &scopes(report)),
        ["ends"] => holds(value, &each(list(report, "candidate"), "ends")),
        ["unread"] => holds(value, &each(list(report, "unread"), "found")),
        ["not", "covered"] => holds(value, &[word(report, "not_covered")]),
        ["cure"] => one_of(value, &each(list(report, "cures"), "cure")),
        ["cure", "for", address] => one_of(value, &each(&cures_for(report, address), "cure")),
        ["first"] => one_of(value, &first_rows(report)),
        ["proposes"] => one_of(value, &proposed_rows(report)),
        ["never", "proposes"] => none_of(value, &proposed_rows(report)),
        ["proposes", "nothing"] if all_proposals(report).is_empty() => Ok(()),
        ["does"] => holds(value, &commands(report)),
        ["never", "does"] => match holds(value, &commands(report)) {
            Ok(()) => Err(commands(report).join("\n    ")),
            Err(_) => Ok(()),
        },
        ["asks"] => one_of(value, &asks(report)),
        ["radius"] => check_radius(value, first_radius(report)),
        ["radius", name @ ..] => check_radius(value, &bypass(report, &name.join(" "))?["radius"]),
        ["bypasses"] => one_of(value, &[&list(report, "bypasses").len().to_string()]),
        ["bypass", "answer"] => check_bypass(report, value, |one| vec![word(one, "answer")]),
        ["bypass", rank] => holds(value, &at_rank(report, rank)),
        ["made"] => check_bypass(report, value, |one| vec![word(one, "made")]),
        ["fault"] => check_bypass(report, value, |one| each(list(one, "faults"), "id")),
        ["no", "fault"] => match check_bypass(report, value, |one| each(list(one, "faults"), "id")) {
            Ok(()) => Err(bypasses_text(report)),
            Err(_) => Ok(()),
        },
        ["unrelated"] => holds(value, &changes(report, |one| one["by"].is_null())),
        ["explained"] => holds(value, &changes(report, |one| !one["by"].is_null())),
        ["no", "unrelated"] => match changes(report, |one| one["by"].is_null()).as_slice() {
            [] => Ok(()),
            found => Err(found.join("; ")),
        },
        ["missing"] => holds(value, &each(list(report, "missing"), "statement")),
        ["cites"] => check_cites(report, value),
        ["says"] => says(report, value),
        ["never", "says"] => match says(report, value) {
            Ok(()) => Err("it does".to_owned()),
            Err(_) => Ok(()),
        },
        _ => Err("a statement that `cases/README.md` does not know".to_owned()),
    }
}

/// `a|b`: one of these is among what was found.
fn one_of(wanted: &str, found: &[impl AsRef<str>]) -> Result<(), String> {
    let is_there = |wanted: &str| found.iter().any(|one| one.as_ref().eq_ignore_ascii_case(wanted.trim()));
    if wanted.split('|').any(is_there) { Ok(()) } else { Err(joined(found)) }
}

fn none_of(wanted: &str, found: &[impl AsRef<str>]) -> Result<(), String> {
    if one_of(wanted, found).is_err() { Ok(()) } else { Err(joined(found)) }
}

/// `words | words`: one of these stands in what was found, whatever the case.
fn holds(wanted: &str, found: &[impl AsRef<str>]) -> Result<(), String> {
    let is_there = |words: &str| {
        found.iter().any(|one| one.as_ref().to_lowercase().contains(&words.trim().trim_matches('"').to_lowercase()))
    };
    if wanted.split(" | ").any(is_there) { Ok(()) } else { Err(joined(found)) }
}

fn joined(found: &[impl AsRef<str>]) -> String {
    let all: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
}

fn each<'a, V: std::borrow::Borrow<Value>>(all: &'a [V], key: &str) -> Vec<&'a str> {
    all.iter().map(|one| word(one.borrow(), key)).collect()
}

fn rows(reasons: &[&Value]) -> Vec<String> {
    let told = |reason: &&Value| match word(reason, "row") {
        "" => format!("({}: {})", word(reason, "level"), word(reason, "statement")),
        row => row.to_owned(),
    };
    reasons.iter().map(told).collect()
}

fn scopes(report: &Value) -> Vec<String> {
    let of =
        |one: &Value| list(one, "scopes").iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<String>>();
    let holders = list(report, "candidate").iter().chain(list(report, "bypasses")).chain(all_proposals(report));
    holders.flat_map(of).collect()
}

fn cures_for<'a>(report: &'a Value, address: &str) -> Vec<&'a Value> {
    let is_for = |cure: &&Value| {
        let recipients = list(&cure["need"], "envelope_recipients");
        recipients.iter().filter_map(Value::as_str).any(|one| one.eq_ignore_ascii_case(address))
    };
    list(report, "cures").iter().filter(is_for).collect()
}

fn rows_of(proposal: &Value) -> Vec<String> {
    list(proposal, "rows").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn first_rows(report: &Value) -> Vec<String> {
    all_proposals(report).first().map(|first| rows_of(first)).unwrap_or_default()
}

fn proposed_rows(report: &Value) -> Vec<String> {
    all_proposals(report).into_iter().flat_map(rows_of).collect()
}

fn commands(report: &Value) -> Vec<String> {
    let way = |way: &Value| format!("{} {} {}", word(way, "what"), word(way, "command"), word(way, "clicks"));
    let done = |one: &Value| [way(&one["doing"]), word(one, "what").to_owned()];
    all_proposals(report).into_iter().flat_map(done).collect()
}

fn asks(report: &Value) -> Vec<&str> {
    list(report, "cures").iter().flat_map(|cure| list(cure, "ask_for")).filter_map(Value::as_str).collect()
}

/// Of a judged change its first scope, of a proposal the first that is proposed.
fn first_radius(report: &Value) -> &Value {
    match list(report, "radius").first() {
        Some(first) => first,
        None => all_proposals(report).first().map_or(&Value::Null, |first| &first["radius"]),
    }
}

/// `messages 3, kept out 2, spam 2`: these numbers.
fn check_radius(wanted: &str, radius: &Value) -> Result<(), String> {
    let number = |what: &str| match what {
        "messages" | "recipients" | "senders" | "possible" => radius[what].as_u64(),
        "kept out" => radius["kept_out"].as_u64(),
        judged => {
            let count = list(radius, "judged").iter().find(|one| word(one, "judged") == judged.replace(' ', "_"));
            Some(count.and_then(|one| one["messages"].as_u64()).unwrap_or(0))
        }
    };
    for part in wanted.split(',') {
        let (what, count) = part.trim().rsplit_once(' ').ok_or("a radius without a number")?;
        if radius.is_null() || number(what).map(|found| found.to_string()).as_deref() != Some(count) {
            return Err(format!("{what} in {radius}"));
        }
    }
    Ok(())
}

fn bypass<'a>(report: &'a Value, name: &str) -> Result<&'a Value, String> {
    let all = list(report, "bypasses");
    all.iter().find(|one| word(one, "name").eq_ignore_ascii_case(name)).ok_or_else(|| bypasses_text(report))
}

fn bypasses_text(report: &Value) -> String {
    let told = |one: &Value| {
        let rows = rows(&list(one, "reasons").iter().collect::<Vec<_>>());
        let faults = each(list(one, "faults"), "id");
        format!("\n      {}. `{}` {} {rows:?} {faults:?}", one["rank"], word(one, "name"), word(one, "answer"))
    };
    list(report, "bypasses").iter().map(told).collect()
}

fn at_rank(report: &Value, rank: &str) -> Vec<String> {
    let is_meant = |one: &&Value| one["rank"].to_string() == rank;
    let told = |one: &Value| format!("{} {}", word(one, "name"), word(one, "operation"));
    list(report, "bypasses").iter().filter(is_meant).map(told).collect()
}

/// `WORD NAME`: what is set up by this name has this.
fn check_bypass<'a>(report: &'a Value, value: &str, of: impl Fn(&'a Value) -> Vec<&'a str>) -> Result<(), String> {
    let (word, name) = value.rsplit_once(" of ").ok_or("expected `... of NAME`")?;
    let found = of(bypass(report, name)?);
    holds(word, &found).map_err(|found| format!("{found} in {}", bypasses_text(report)))
}

/// Differences, as `setting property: before -> after`.
fn changes(report: &Value, is_meant: impl Fn(&Value) -> bool) -> Vec<String> {
    let told = |one: &Value| {
        let changed = [word(one, "before"), word(one, "after"), word(one, "changed")];
        format!("{} {}: {}", word(one, "setting"), word(one, "property"), changed.join(" -> "))
    };
    list(report, "unrelated").iter().filter(|one| is_meant(one)).map(told).collect()
}

fn check_cites(report: &Value, value: &str) -> Result<(), String> {
    let mut cites = Vec::new();
    each_cite(report, &mut |cite| cites.push(cite.clone()));
    match value.split(" | ").find(|wanted| !cites.iter().any(|cite| is_at(cite, wanted.trim()))) {
        None => Ok(()),
        Some(missing) => {
            let found: Vec<String> = cites.iter().map(place).collect();
            Err(format!("no cite at {missing}; there are {}", found.join(", ")))
        }
    }
}

/// Whether any text of the answer holds these words.
fn says(report: &Value, words: &str) -> Result<(), String> {
    fn texts(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.to_lowercase()),
            Value::Object(fields) => {
                let told = fields.iter().filter(|(key, _)| !["evidence", "cites"].contains(&key.as_str()));
                told.for_each(|(_, one)| texts(one, all));
            }
            Value::Array(items) => items.iter().for_each(|one| texts(one, all)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    texts(report, &mut all);
    holds(words, &all).map_err(|found| short(&found))
}
