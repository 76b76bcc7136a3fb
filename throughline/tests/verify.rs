//! The tickets of `cases/verification/`: whether a change held, as the mail engineer who wrote them says (format: `cases/README.md`).

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use case::{Deed, Draft, Sqlite, Store as _};
use serde_json::Value;

use support::rewrites::REWRITES;
use support::{Case, Evidence, each_cite, is_at, list, open_cite, place, short, word};

/// Evidence whose name begins so was exported after the change; the case gets it without that.
const AFTER: &str = "after-";

const CHECKS: [&str; 4] = ["workflow", "clean_log", "policy_refresh", "nothing_else"];

fn tickets() -> Vec<Case> {
    let mut cases = support::cases_in("../cases/verification");
    if let Ok(only) = std::env::var("TICKETS") {
        cases.retain(|case| case.name.contains(&only));
    }
    cases
}

/// What a ticket says of its journal.
#[derive(Default)]
struct Journal {
    made_at: Option<String>,
    ends: Option<String>,
    guard: Option<String>,
}

impl Journal {
    fn of(case: &Case) -> Journal {
        let mut journal = Journal::default();
        for (_, statement) in case.sections.iter().take(1).flat_map(|section| &section.statements) {
            let Some((key, value)) = statement.split_once(':') else { continue };
            let value = Some(value.trim().to_owned());
            match key {
                "made-at" => journal.made_at = value,
                "ends" => journal.ends = value,
                "guard" => journal.guard = value,
                _ => {}
            }
        }
        journal
    }
}

/// What the program said.
struct Run {
    /// Where the evidence of the case lies.
    folder: PathBuf,
    document: Value,
    exit: i32,
    store: PathBuf,
}

/// Opens a case with the evidence of a ticket, writes the change into its journal, and verifies.
fn verify(case: &Case, label: &str, evidence: &[Evidence]) -> Result<Run, String> {
    verify_beside(case, label, evidence, Vec::new())
}

/// The same with further entries in the journal.
fn verify_beside(case: &Case, label: &str, evidence: &[Evidence], more: Vec<Deed>) -> Result<Run, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify").join(format!("{}-{label}", case.name));
    let _ = make_writable(&root);
    let _ = fs::remove_dir_all(&root);
    let store = root.join("store");
    let (before, after) = (root.join("before"), root.join("after"));
    for folder in [&store, &before, &after] {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let (mut has_before, mut has_after) = (false, false);
    for file in evidence {
        let is_after = file.name.contains(AFTER);
        (has_before, has_after) = (has_before | !is_after, has_after | is_after);
        let folder = if is_after { &after } else { &before };
        fs::write(folder.join(file.name.replace(AFTER, "")), file.bytes()).map_err(|error| error.to_string())?;
    }
    let program = |words: &[&str], path: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(words).args(path).args(["--now", &case.now, "--as", "tester"]).arg("--store").arg(&store);
        command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    };
    let mut new = program(&["case", "new", "--client", "client"], has_before.then_some(&*before));
    new.args(case.options.iter().flat_map(|(name, value)| [name, value]));
    let opened = new.output().map_err(|error| error.to_string())?;
    if !opened.status.success() {
        return Err(format!("case new: {}", short(&String::from_utf8_lossy(&opened.stderr))));
    }
    write_journal(case, &store, more)?;
    let mut command = program(&["verify", "1", "--format", "json"], has_after.then_some(&*after));
    let output = command.output().map_err(|error| error.to_string())?;
    let exit = output.status.code().unwrap_or(-1);
    let document: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("exit {exit}, no JSON ({error}): {}", short(&String::from_utf8_lossy(&output.stderr)))
    })?;
    let uid = word(&document["case"], "uid").to_owned();
    Ok(Run { folder: store.join("cases").join(uid).join("evidence"), document, exit, store })
}

/// Evidence is kept read-only; a folder of an earlier run has to go all the same.
fn make_writable(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            make_writable(&path)?;
        }
    }
    Ok(())
}

/// The change and the approvals of a ticket, as entries of the journal, and further ones.
fn write_journal(case: &Case, store: &Path, more: Vec<Deed>) -> Result<(), String> {
    let journal = Journal::of(case);
    let mut store = Sqlite::open(&store.join("throughline.sqlite3")).map_err(|error| error.to_string())?;
    let found = store.named("1").map_err(|error| error.to_string())?;
    let uid = found.first().map(|one| one.uid.clone()).ok_or("no case")?;
    let at = case.now.parse().map_err(|error| format!("now: {error}"))?;
    let draft = |deed| Draft { at, who: "tester".to_owned(), key: None, deed };
    let mut drafts = Vec::new();
    for approval in &case.approvals {
        let deed = Deed::Approved {
            by: "Noor Haddad".to_owned(),
            role: "head of security operations".to_owned(),
            ends: at,
            document: support::hashed(approval, &case.evidence).text,
        };
        drafts.push(draft(deed));
    }
    if let Some(candidate) = &case.candidate {
        let instant = |text: &Option<String>| text.as_ref().map(|text| text.parse().expect("an instant"));
        drafts.push(draft(Deed::ChangeMade {
            made_at: instant(&journal.made_at).ok_or("a change without `made-at`")?,
            candidate: candidate.text.clone(),
            guard: journal.guard,
            ends: instant(&journal.ends),
            messages: None,
        }));
    }
    drafts.extend(more.into_iter().map(draft));
    if !drafts.is_empty() {
        store.append(&uid, drafts).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn every_ticket_is_answered_right() {
    let cases = tickets();
    assert!(cases.len() >= 16 || support::are_some_named(), "only {} tickets found", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for (number, section) in case.sections.iter().enumerate() {
            let title = format!("{} ({number})", case.name);
            let run = match verify(case, &format!("{number}"), &case.evidence_without(&section.without)) {
                Ok(run) => run,
                Err(error) => {
                    wrong.push(format!("{title}: {error}"));
                    continue;
                }
            };
            wrong.extend(broken(&run).into_iter().map(|broken| format!("{title}: contract: {broken}")));
            for (at, statement) in &section.statements {
                if let Err(found) = check(statement, &run) {
                    let at = format!("cases/verification/{}.md:{at}", case.name);
                    wrong.push(format!("{title}: {at}: expected `{statement}`\n    found {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} statements do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_answer_of_every_check_has_a_ticket() {
    if support::are_some_named() {
        return;
    }
    let cases = tickets();
    let said: BTreeSet<String> = cases
        .iter()
        .flat_map(|case| &case.sections)
        .flat_map(|section| &section.statements)
        .map(|(_, statement)| statement.clone())
        .collect();
    for check in CHECKS {
        for answer in ["held", "came_back", "cannot_tell"] {
            assert!(said.contains(&format!("{check}: {answer}")), "no ticket says `{check}: {answer}`");
        }
    }
}

/// A log that ends before the last change was made says nothing of the time after it; one that goes on does.
#[test]
fn a_log_that_ends_before_the_last_change_proves_nothing() {
    let cases = support::cases_in("../cases/verification");
    let case = cases.iter().find(|case| case.name == "held_after_a_nightly_push").expect("the ticket");
    let second = Deed::ChangeMade {
        made_at: "2026-11-24T10:00:00Z".parse().expect("an instant"),
        candidate: "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries orders@supplier.example \
                    -ExpirationDate 2026-12-01"
            .to_owned(),
        guard: Some("narrow".to_owned()),
        ends: None,
        messages: None,
    };
    let answered = |deeds: Vec<Deed>| {
        let run = verify_beside(case, "last-change", &case.evidence, deeds).expect("an answer");
        let checks = list(&run.document, "checks");
        checks.iter().find(|check| word(check, "check") == "nothing_else").expect("the check").clone()
    };
    let alone = answered(Vec::new());
    assert_eq!(word(&alone, "answer"), "held", "the log goes on after the only change: {alone:#}");
    let found = answered(vec![second]);
    assert_eq!(word(&found, "answer"), "cannot_tell", "{found:#}");
    assert!(word(&found, "statement").contains("before the last change was made"), "{found:#}");
    assert_eq!(found["ask_for"][0], "exchange-online/audit-log", "{found:#}");
}

/// What was seen at a look at which it held shows nothing of the time since: when the next look is due, later records have to.
#[test]
fn a_later_look_rests_on_later_records() {
    const TRACE: &str = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n";
    let row = |at: &str, sender: &str, recipient: &str, id: &str| {
        format!(
            "\"{at}\",\"{sender}\",\"{recipient}\",\"x\",\"Delivered\",\"\",\"192.0.2.61\",\"18000\",\"<{id}>\",\"\"\n"
        )
    };
    let case = support::cases_in("../cases/verification")
        .into_iter()
        .find(|case| case.name == "held_after_a_nightly_push")
        .expect("the ticket is there");
    let news = "news@bulletin.example";
    let of_others =
        format!("{TRACE}{}", row("11/26/2026 10:10:00 AM", news, "kai.brandt@client.example", "issue-60@b.example"));
    let torn = format!("{of_others}\"11/26/2026 11:10:00 AM\",\"orders@supplier.example\",\"dispo@");
    let order = format!(
        "{TRACE}{}{}",
        row("11/26/2026 9:02:11 AM", "orders@supplier.example", "dispo@client.example", "order-8890@supplier.example"),
        row("11/27/2026 6:55:00 AM", news, "dispo@client.example", "issue-61@b.example"),
    );
    let old_log =
        case.evidence.iter().find(|file| file.name == "after-audit_log.csv").expect("the audit log").text.clone();
    let last = old_log.lines().last().expect("a row").replace("2026-11-20T06:40:00", "2026-11-27T06:40:00");
    let log = format!("{old_log}{}\n", last.replace("0a000003", "0a000004"));
    // What is added, at which instant it is looked at, the exit status, the answers of the checks, and when to look again.
    type Added<'a> = &'a [(&'a str, &'a str)];
    type Row<'a> = (&'a str, Added<'a>, &'a str, i32, [&'a str; 4], &'a str);
    let rows: [Row<'_>; 7] = [
        ("again at once", &[], "2026-11-21T08:00:00Z", 0, ["held"; 4], "2026-11-27T08:00:00Z"),
        (
            "others' mail before it is due",
            &[("b.csv", &of_others)],
            "2026-11-26T12:00:00Z",
            0,
            ["held"; 4],
            "2026-11-27T08:00:00Z",
        ),
        ("nothing new", &[], "2026-11-28T08:00:00Z", 6, ["cannot_tell"; 4], "2026-11-29T08:00:00Z"),
        ("no row", &[("c.csv", TRACE)], "2026-11-28T08:00:00Z", 6, ["cannot_tell"; 4], "2026-11-29T08:00:00Z"),
        (
            "others' mail",
            &[("d.csv", &of_others)],
            "2026-11-28T08:00:00Z",
            6,
            ["cannot_tell"; 4],
            "2026-11-29T08:00:00Z",
        ),
        (
            "a later order, and no later log of the settings",
            &[("e.csv", &order)],
            "2026-11-28T08:00:00Z",
            6,
            ["held", "held", "held", "cannot_tell"],
            "2026-11-29T08:00:00Z",
        ),
        (
            "all of it",
            &[("f.csv", &order), ("g.csv", &log)],
            "2026-11-28T08:00:00Z",
            0,
            ["held"; 4],
            "2026-12-05T08:00:00Z",
        ),
    ];
    let mut wrong = Vec::new();
    let look = |title: &str, added: Added<'_>, now: &str| {
        let run = verify(&case, &format!("later {title}"), &case.evidence).expect("it is verified");
        let folder = run.store.with_file_name("later");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in added {
            fs::write(folder.join(name), text).expect("written");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["verify", "1", "--format", "json", "--as", "tester", "--now", now, "--store"]).arg(&run.store);
        command.args(added.iter().map(|(name, _)| folder.join(name)));
        (command.output().expect("it runs"), run)
    };
    for (title, added, now, exit, answers, due) in rows {
        let (output, _) = look(title, added, now);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let found: Vec<&str> = CHECKS.iter().map(|id| answer_of(&document, id)).collect();
        if (output.status.code(), &*found, word(&document, "due")) != (Some(exit), &answers[..], due) {
            wrong.push(format!(
                "{title}: {:?} {found:?} {} {}",
                output.status.code(),
                document["due"],
                document["checks"]
            ));
        }
    }
    // A row of what was added is torn, so what became of the order is not shown; and a path that is not there is no evidence.
    let (output, run) = look("torn", &[("h.csv", &torn)], "2026-11-26T12:00:00Z");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if (output.status.code(), answer_of(&document, "clean_log")) != (Some(6), "cannot_tell") {
        wrong.push(format!("torn: {:?} {}", output.status.code(), document["checks"]));
    }
    let mut missing = Command::new(env!("CARGO_BIN_EXE_throughline"));
    missing.args(["verify", "1", "--as", "tester", "--now", "2026-11-21T08:00:00Z", "--store"]).arg(&run.store);
    let missing = missing.arg(run.store.with_file_name("nowhere.csv")).output().expect("it runs");
    if missing.status.code() != Some(3) {
        wrong.push(format!("missing: {:?}", missing.status.code()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The schema in `docs/` is that of the type; rewritten with `THROUGHLINE_BLESS=1`.
#[test]
fn the_schema_is_current() {
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(case::VerificationReport)).expect("JSON");
    now.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verification.schema.json");
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        fs::write(&path, &now).expect("docs/ can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/verification.schema.json is stale; run the tests with THROUGHLINE_BLESS=1");
}

/// Promise 1: take away what a check rests on, and it is no longer held.
#[test]
fn without_its_records_no_check_is_held() {
    let mut wrong = Vec::new();
    for case in tickets() {
        let Ok(run) = verify(&case, "whole", &case.evidence) else { continue };
        for check in list(&run.document, "checks").iter().filter(|check| word(check, "answer") == "held") {
            let id = word(check, "check");
            let left = without_cited(&case.evidence, list(check, "cites"));
            match verify(&case, &format!("without-{id}"), &left) {
                Ok(now) if answer_of(&now.document, id) == "held" => {
                    wrong.push(format!("{}: {id} is held without its records", case.name));
                }
                Ok(_) => {}
                // Nothing is left of the ticket.
                Err(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The evidence without the cited lines; files of which a cited record is more than a line go whole.
fn without_cited(evidence: &[Evidence], cites: &[Value]) -> Vec<Evidence> {
    let left = evidence.iter().filter_map(|file| {
        let batch = if file.name.contains(AFTER) { "002/" } else { "001/" };
        let name = format!("{batch}{}", file.name.replace(AFTER, ""));
        let own: Vec<u64> = cites
            .iter()
            .filter(|cite| word(cite, "file") == name)
            .map(|cite| cite["line"].as_u64().unwrap_or(0))
            .collect();
        let is_of_lines = ["csv", "log"].contains(&file.kind.as_str());
        if !own.is_empty() && (!is_of_lines || own.contains(&0)) {
            return None;
        }
        let lines = file.text.lines().zip(1_u64..).filter(|(_, number)| !own.contains(number));
        let text: String = lines.flat_map(|(line, _)| [line, "\n"]).collect();
        Some(Evidence { text, ..file.clone() })
    });
    left.collect()
}

/// Promise 4: how the evidence is written changes no answer.
#[test]
fn rewritten_evidence_gives_the_same_answer() {
    let mut wrong = Vec::new();
    for case in tickets() {
        let plain = match verify(&case, "plain", &case.evidence) {
            Ok(run) => answer(&run),
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        for (number, (title, rewrite)) in REWRITES.iter().enumerate() {
            let rewritten: Vec<Vec<Evidence>> =
                case.evidence.iter().map(|file| rewrite(file).unwrap_or_else(|| vec![file.clone()])).collect();
            match verify(&case, &format!("rewrite{number}"), &rewritten.concat()) {
                Ok(run) => {
                    wrong.extend(broken(&run).into_iter().map(|broken| format!("{}, {title}: {broken}", case.name)));
                    let now = answer(&run);
                    if now != plain {
                        wrong.push(format!("{}, {title}:\n    was    {plain:#}\n    became {now:#}", case.name));
                    }
                }
                Err(error) => wrong.push(format!("{}, {title}: {error}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

/// What stays the same whatever the evidence is written like.
fn answer(run: &Run) -> Value {
    let checks: Vec<Value> = list(&run.document, "checks")
        .iter()
        .map(|check| serde_json::json!([check["check"], check["answer"], check["statement"], check["ask_for"]]))
        .collect();
    let messages: Vec<Value> = list(&run.document, "messages")
        .iter()
        .map(|one| serde_json::json!([one["at"], one["message_id"], one["counts"], one["fate"]]))
        .collect();
    let refreshes: Vec<&Value> = list(&run.document, "refreshes").iter().map(|one| &one["at"]).collect();
    serde_json::json!({ "answer": run.document["answer"], "exit": run.exit, "checks": checks, "messages": messages, "refreshes": refreshes })
}

/// What breaks the promises of the document, whatever the ticket.
fn broken(run: &Run) -> Vec<String> {
    let document = &run.document;
    let mut broken = Vec::new();
    if word(document, "schema") != "throughline.verification.v1" {
        broken.push(format!("schema is `{}`", word(document, "schema")));
    }
    each_cite(document, &mut |cite| {
        if let Err(error) = open_cite(cite, &run.folder) {
            broken.push(error);
        }
    });
    let checks = list(document, "checks");
    let names: Vec<&str> = checks.iter().map(|check| word(check, "check")).collect();
    if names != CHECKS {
        broken.push(format!("checks are {names:?}"));
    }
    for check in checks {
        let is_of_journal = word(check, "statement").contains("the change itself, ");
        let needs_cite = word(check, "answer") == "held" || word(check, "answer") == "came_back" && !is_of_journal;
        if needs_cite && list(check, "cites").is_empty() {
            broken.push(format!("{} is {} without a cite", word(check, "check"), word(check, "answer")));
        }
        if word(check, "statement").is_empty() {
            broken.push(format!("{} says nothing", word(check, "check")));
        }
    }
    let answers: Vec<&str> = checks.iter().map(|check| word(check, "answer")).collect();
    let (over_all, exit) = match () {
        () if answers.contains(&"came_back") => ("came_back", 5),
        () if answers.contains(&"cannot_tell") => ("cannot_tell", 6),
        () => ("held", 0),
    };
    if word(document, "answer") != over_all || run.exit != exit {
        broken.push(format!("{answers:?} come to {} with exit {}", word(document, "answer"), run.exit));
    }
    broken.extend(broken_journal(run));
    broken
}

/// The answer is in the journal, and the journal is whole.
fn broken_journal(run: &Run) -> Vec<String> {
    let read = || -> Result<(Vec<case::Entry>, Vec<case::Tampered>), case::StoreError> {
        let store = Sqlite::open(&run.store.join("throughline.sqlite3"))?;
        Ok((store.journal(word(&run.document["case"], "uid"))?, store.tampered()?))
    };
    let (journal, tampered) = match read() {
        Ok(read) => read,
        Err(error) => return vec![error.to_string()],
    };
    let mut broken: Vec<String> = tampered.iter().map(|one| format!("{one:?}")).collect();
    let last = journal.iter().rev().find_map(|entry| match &entry.deed {
        Deed::Verified { verification, due } => Some((verification.answer.words().replace(' ', "_"), *due)),
        _ => None,
    });
    let due = run.document["due"].as_str().and_then(|due| due.parse().ok());
    if last != Some((word(&run.document, "answer").to_owned(), due)) {
        broken.push(format!("the journal says {last:?}"));
    }
    broken
}

fn answer_of<'d>(document: &'d Value, id: &str) -> &'d str {
    list(document, "checks").iter().find(|check| word(check, "check") == id).map_or("?", |check| word(check, "answer"))
}

/// Checks one statement; the error says what was found instead.
fn check(statement: &str, run: &Run) -> Result<(), String> {
    let document = &run.document;
    let (key, value) = statement.split_once(':').map_or((statement, ""), |(key, value)| (key.trim(), value.trim()));
    let of = |id: &str| list(document, "checks").iter().find(|check| word(check, "check") == id).ok_or("no such check");
    let told =
        |id: &str| of(id).map(|one| format!("{}: {} {}", word(one, "answer"), word(one, "statement"), one["ask_for"]));
    let is_it = |is_it: bool, found: String| if is_it { Ok(()) } else { Err(found) };
    match key.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["made-at" | "ends" | "guard"] => Ok(()),
        ["answer"] => is_it(word(document, "answer") == value, word(document, "answer").to_owned()),
        ["exit"] => is_it(run.exit.to_string() == value, run.exit.to_string()),
        ["due"] => is_it(word(document, "due") == value, word(document, "due").to_owned()),
        ["refreshes"] => {
            let found = list(document, "refreshes");
            is_it(found.len().to_string() == value, Value::from(found).to_string())
        }
        [id] if CHECKS.contains(id) => is_it(word(of(id)?, "answer") == value, told(id)?),
        ["says", id] => {
            let statement = word(of(id)?, "statement").to_lowercase();
            is_it(value.split(" | ").any(|words| statement.contains(&words.trim().to_lowercase())), told(id)?)
        }
        ["asks", id] => {
            let asked = list(of(id)?, "ask_for");
            is_it(asked.iter().any(|one| one == value), told(id)?)
        }
        ["cites", id] => {
            let cites = list(of(id)?, "cites");
            let missing = value.split(" | ").find(|wanted| !cites.iter().any(|cite| is_at(cite, wanted.trim())));
            let found: Vec<String> = cites.iter().map(place).collect();
            is_it(missing.is_none(), found.join(", "))
        }
        ["message", id] => {
            let id = id.trim_matches(['<', '>']);
            let counts: Vec<&str> = list(document, "messages")
                .iter()
                .filter(|one| word(one, "message_id") == id)
                .map(|one| word(one, "counts"))
                .collect();
            is_it(counts.contains(&value), format!("{counts:?}: {}", document["messages"]))
        }
        ["no", "message", id] => {
            let id = id.trim_matches(['<', '>']);
            is_it(!list(document, "messages").iter().any(|one| word(one, "message_id") == id), "it is".to_owned())
        }
        _ => Err("a statement that `cases/README.md` does not know".to_owned()),
    }
}
