//! The tickets of `cases/compare/` are compared as the mail engineer who wrote them says (format: `cases/README.md`).

mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use support::rewrites::REWRITES;
use support::{Case, Evidence, LAYERS, Run, Section, cases_in, compare, is_at, list, open_cite, place, short, word};

fn tickets() -> Vec<Case> {
    cases_in("../cases/compare")
}

#[test]
fn every_pair_is_compared_right() {
    let cases = tickets();
    assert!(cases.len() >= 9, "only {} tickets found", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for (number, section) in case.sections.iter().enumerate() {
            wrong.extend(check_section(case, number, section));
        }
    }
    assert!(wrong.is_empty(), "{} statements do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

#[test]
fn rewritten_evidence_gives_the_same_comparison() {
    let mut wrong = Vec::new();
    for case in tickets() {
        let plain = match compare(&case, "plain", &case.evidence, &[]) {
            Ok(run) => answer(&run),
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        for (number, (title, rewrite)) in REWRITES.iter().enumerate() {
            let rewritten: Vec<Vec<Evidence>> =
                case.evidence.iter().map(|file| rewrite(file).unwrap_or_else(|| vec![file.clone()])).collect();
            let evidence = rewritten.concat();
            match compare(&case, &format!("rewrite{number}"), &evidence, &[]) {
                Ok(run) => {
                    let now = answer(&run);
                    wrong.extend(broken(&run).into_iter().map(|broken| format!("{}, {title}: {broken}", case.name)));
                    if now != plain {
                        let (were, became): (Vec<&String>, Vec<&String>) =
                            plain.iter().zip(&now).filter(|(one, other)| one != other).unzip();
                        wrong.push(format!("{}, {title}:\n    were   {were:?}\n    became {became:?}", case.name));
                    }
                }
                Err(error) => wrong.push(format!("{}, {title}: {error}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

#[test]
fn machine_and_run_change_no_byte() {
    for case in tickets() {
        let run =
            |environment: &[(&str, &str)]| compare(&case, "machine", &case.evidence, environment).expect("it runs");
        let plain = run(&[]);
        for environment in [vec![], vec![("TZ", "Asia/Kolkata"), ("LC_ALL", "de_DE.UTF-8"), ("COLUMNS", "40")]] {
            assert!(run(&environment).stdout == plain.stdout, "{}: {environment:?}", case.name);
        }
    }
}

/// What stays the same whatever the evidence is written like: the answer, and every fact with how it compares.
fn answer(run: &Run) -> Vec<String> {
    let report = &run.report;
    let id = |side: &str| word(&report[side]["message"], "message_id").to_owned();
    let mut answer = vec![
        format!("exit {}", run.exit),
        format!("{} against {}", id("blocked"), id("delivered")),
        format!("{} {}", word(report, "parted_at"), word(report, "standing")),
        format!("picked {}", word(&report["picked"], "because")),
    ];
    for layer in list(report, "layers") {
        answer.push(format!("{}: {} asks {}", word(layer, "layer"), word(layer, "comparison"), layer["ask_for"]));
        for fact in list(layer, "facts") {
            let said = |side: &str| word(&fact[side], "said").to_owned();
            answer.push(format!(
                "{} {} {}: {} | {}",
                word(layer, "layer"),
                word(fact, "about"),
                word(fact, "comparison"),
                said("blocked"),
                said("delivered")
            ));
        }
    }
    answer
}

fn check_section(case: &Case, number: usize, section: &Section) -> Vec<String> {
    let evidence = case.evidence_without(&section.without);
    let title = format!("{} ({number})", case.name);
    let run = match compare(case, &format!("compare{number}"), &evidence, &[]) {
        Ok(run) => run,
        Err(error) => return vec![format!("{title}: {error}")],
    };
    let mut wrong: Vec<String> =
        broken(&run).into_iter().map(|broken| format!("{title}: contract: {broken}")).collect();
    for (at, statement) in &section.statements {
        if let Err(found) = check(statement, &run) {
            wrong.push(format!(
                "{title}: cases/compare/{}.md:{at}: expected `{statement}`\n    found {found}",
                case.name
            ));
        }
    }
    wrong
}

/// What breaks the promises of a comparison, whatever the ticket.
fn broken(run: &Run) -> Vec<String> {
    let report = &run.report;
    let mut broken = Vec::new();
    if word(report, "schema") != "throughline.compare.v1" {
        broken.push(format!("schema is `{}`", word(report, "schema")));
    }
    let layers: Vec<&str> = list(report, "layers").iter().map(|layer| word(layer, "layer")).collect();
    if layers != LAYERS {
        broken.push(format!("layers are {layers:?}"));
    }
    let first = list(report, "layers").iter().find(|layer| word(layer, "comparison") == "parted");
    if first.map_or("none", |layer| word(layer, "layer")) != word(report, "parted_at") {
        broken.push(format!("parted_at is {}", word(report, "parted_at")));
    }
    for layer in list(report, "layers") {
        let name = word(layer, "layer");
        let is_silent = ["blocked_state", "delivered_state"].iter().any(|side| word(layer, side) == "not_supplied");
        if is_silent && word(layer, "comparison") != "not_compared" {
            broken.push(format!("{name} is not supplied on one side, and {}", word(layer, "comparison")));
        }
        if (word(layer, "comparison") == "not_compared") != layer["why"].is_string() {
            broken.push(format!("{name}: {} with why {}", word(layer, "comparison"), layer["why"]));
        }
        for fact in list(layer, "facts") {
            let about = word(fact, "about");
            for side in ["blocked", "delivered"] {
                if word(fact, "comparison") == "parted" && list(&fact[side], "cites").is_empty() {
                    broken.push(format!("{name} {about}: parted without a cite of the {side} one"));
                }
                for cite in list(&fact[side], "cites") {
                    broken.extend(open_cite(cite, &run.folder).err().map(|error| format!("{name} {about}: {error}")));
                }
            }
        }
    }
    broken
}

/// Checks one statement; the error says what was found instead.
fn check(statement: &str, run: &Run) -> Result<(), String> {
    let report = &run.report;
    let (head, value) = statement.split_once(':').map_or((statement, ""), |(head, value)| (head.trim(), value.trim()));
    let equals = |found: &str| if found == value { Ok(()) } else { Err(format!("{found}: {}", summary(report))) };
    match head {
        "parts" => equals(word(report, "parted_at")),
        "standing" => equals(word(report, "standing")),
        "exit" => equals(&run.exit.to_string()),
        "equal" | "parted" | "differs" => check_layers(report, head, value),
        "unknown" => check_layers(report, "not_compared", value),
        "says" => check_fact(report, value),
        "cites" => check_cites(report, value),
        "asks" => {
            let asked = |layer: &Value| list(layer, "ask_for").iter().any(|asked| asked == value);
            if list(report, "layers").iter().any(asked) { Ok(()) } else { Err(summary(report)) }
        }
        "caution" => {
            let cautions = list(report, "cautions");
            let is_there = cautions.iter().filter_map(Value::as_str).any(|caution| caution.contains(value));
            if is_there { Ok(()) } else { Err(format!("{cautions:?}")) }
        }
        "picked" => {
            let found = match report["picked"]["kinship"].as_str() {
                Some(kinship) => format!("{} {kinship}", word(&report["delivered"]["message"], "message_id")),
                None => "none".to_owned(),
            };
            equals(&found)
        }
        "next-best" => {
            equals(list(&report["picked"], "runners_up").first().map_or("none", |one| word(one, "message_id")))
        }
        _ => Err("a statement that `cases/README.md` does not know".to_owned()),
    }
}

/// Whether the layers of a list (`none`: no layer) compare like that.
fn check_layers(report: &Value, comparison: &str, value: &str) -> Result<(), String> {
    let found: BTreeSet<&str> = list(report, "layers")
        .iter()
        .filter(|layer| word(layer, "comparison") == comparison)
        .map(|layer| word(layer, "layer"))
        .collect();
    let holds = match value {
        "none" => found.is_empty(),
        layers => layers.split(',').all(|layer| found.contains(layer.trim())),
    };
    if holds { Ok(()) } else { Err(summary(report)) }
}

/// `LAYER ABOUT LIKENESS: BLOCKED | DELIVERED`, where both sides' words hold these.
fn check_fact(report: &Value, value: &str) -> Result<(), String> {
    let (head, said) = value.split_once(':').ok_or("no `:`")?;
    let words: Vec<&str> = head.split_whitespace().collect();
    let [layer, about, comparison] = words.as_slice() else { return Err("no `LAYER ABOUT LIKENESS`".to_owned()) };
    let (blocked, delivered) = said.split_once(" | ").ok_or("no ` | `")?;
    let holds = |fact: &&Value| {
        word(fact, "about") == *about
            && word(fact, "comparison") == *comparison
            && word(&fact["blocked"], "said").contains(blocked.trim())
            && word(&fact["delivered"], "said").contains(delivered.trim())
    };
    let of_layer = list(report, "layers").iter().filter(|one| word(one, "layer") == *layer);
    let facts: Vec<&Value> = of_layer.flat_map(|one| list(one, "facts")).collect();
    match facts.iter().any(holds) {
        true => Ok(()),
        false => Err(short(&format!("{facts:?}")).replace("Object", "")),
    }
}

/// Whether the facts that part the two cite all these places.
fn check_cites(report: &Value, places: &str) -> Result<(), String> {
    let parted = list(report, "layers").iter().find(|layer| word(layer, "layer") == word(report, "parted_at"));
    let facts = parted.map_or(&[][..], |layer| list(layer, "facts"));
    let cites: Vec<&Value> = facts
        .iter()
        .filter(|fact| word(fact, "comparison") == "parted")
        .flat_map(|fact| list(&fact["blocked"], "cites").iter().chain(list(&fact["delivered"], "cites")))
        .collect();
    match places.split(" | ").all(|wanted| cites.iter().any(|cite| is_at(cite, wanted.trim()))) {
        true => Ok(()),
        false => Err(format!("cites {:?}", cites.iter().map(|cite| place(cite)).collect::<Vec<_>>())),
    }
}

fn summary(report: &Value) -> String {
    let layer = |layer: &Value| {
        let (one, other) = (word(layer, "blocked_state"), word(layer, "delivered_state"));
        format!(
            "\n      {}: {one} / {other}: {} asks {}",
            word(layer, "layer"),
            word(layer, "comparison"),
            layer["ask_for"]
        )
    };
    let layers: Vec<String> = list(report, "layers").iter().map(layer).collect();
    format!("{}{}", word(report, "because"), layers.concat())
}

/// The runner itself: each statement holds where it should, and fails where it should.
#[test]
fn statements_can_fail() {
    let report: Value = serde_json::from_str(
        r#"{"parted_at":"verdict","standing":"shown","because":"x","cautions":["for different recipients"],
            "delivered":{"message":{"message_id":"a@x.example"}},
            "picked":{"kinship":"same_sender","runners_up":[{"message_id":"b@x.example"}]},
            "layers":[{"layer":"verdict","comparison":"parted","ask_for":["message/eml"],"facts":[
              {"about":"policy","comparison":"parted","blocked":{"said":"Strict","cites":[{"file":"a.csv","line":3}]},
               "delivered":{"said":"Default","cites":[]}}]}]}"#,
    )
    .expect("JSON");
    let run = Run { folder: std::path::PathBuf::new(), stdout: vec![], report, exit: 0 };
    for (statement, expected) in [
        ("parts: verdict", true),
        ("parts: none", false),
        ("standing: shown", true),
        ("standing: not_shown", false),
        ("parted: verdict", true),
        ("parted: verdict, arrival", false),
        ("equal: none", true),
        ("unknown: verdict", false),
        ("says: verdict policy parted: Strict | Default", true),
        ("says: verdict policy parted: Default | Strict", false),
        ("says: verdict policy equal: Strict | Default", false),
        ("cites: a.csv:3", true),
        ("cites: a.csv:3 | b.csv:1", false),
        ("asks: message/eml", true),
        ("asks: postfix/log", false),
        ("caution: different recipients", true),
        ("caution: other days", false),
        ("picked: a@x.example same_sender", true),
        ("picked: none", false),
        ("next-best: b@x.example", true),
        ("next-best: c@x.example", false),
        ("exit: 0", true),
        ("exit: 1", false),
        ("nonsense", false),
    ] {
        let found = check(statement, &run);
        assert_eq!(found.is_ok(), expected, "{statement}: {found:?}");
    }
}

/// The samples and the log of one ticket, put where a user may have them.
struct Places {
    root: tempfile::TempDir,
}

impl Places {
    fn new() -> Places {
        let root = tempfile::tempdir().expect("a folder");
        let cases = tickets();
        let case = cases.iter().find(|case| case.name == "equal_but_for_ids_and_times").expect("the ticket");
        let text = |name: &str| &case.evidence.iter().find(|file| file.name == name).expect("the file").text;
        // The log of each side lies beside its sample; neither alone shows both messages.
        let (fine, blocked): (Vec<&str>, Vec<&str>) =
            text("mail.log").lines().partition(|line| line.contains(" 09:00"));
        for (folder, sample, log) in [("one", "blocked.eml", blocked), ("two", "fine.eml", fine)] {
            let folder = root.path().join(folder);
            std::fs::create_dir(&folder).expect("a folder");
            std::fs::write(folder.join(sample), text(sample)).expect("written");
            std::fs::write(folder.join("mail.log"), log.join("\n") + "\n").expect("written");
        }
        Places { root }
    }

    fn path(&self, name: &str) -> String {
        self.root.path().join(name).to_string_lossy().into_owned()
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.arg("compare").args(arguments).args(["--now", support::NOW]);
        command.stdin(std::process::Stdio::null()).output().expect("it runs")
    }

    fn layers(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let told = |layer: &Value| format!("{}={}", word(layer, "layer"), word(layer, "comparison"));
        list(&report, "layers").iter().map(told).collect()
    }
}

#[test]
fn sides_may_be_folders_archives_and_files_within_the_evidence() {
    use std::io::Write;
    let places = Places::new();
    let (one, two) = (places.path("one"), places.path("two"));
    let expected = places.layers(&["--blocked", &one, "--delivered", &two]);
    assert_eq!(expected.iter().filter(|layer| layer.ends_with("=equal")).count(), 6, "{expected:?}");

    let zip = places.path("two.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&zip).expect("a file"));
    for name in ["fine.eml", "mail.log"] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
        archive.write_all(&std::fs::read(places.path(&format!("two/{name}"))).expect("read")).expect("written");
    }
    archive.finish().expect("an archive");
    assert_eq!(places.layers(&["--blocked", &one, "--delivered", &zip]), expected, "an archive");

    let (blocked, fine) = (places.path("one/blocked.eml"), places.path("two/fine.eml"));
    for evidence in [vec![one.as_str(), two.as_str()], vec![two.as_str(), one.as_str(), two.as_str()]] {
        let arguments = [&["--blocked", &blocked, "--delivered", &fine], evidence.as_slice()].concat();
        assert_eq!(places.layers(&arguments), expected, "files within the evidence");
    }
    std::fs::remove_file(&zip).expect("removed");
    let root = places.root.path().to_string_lossy().into_owned();
    let arguments = ["--blocked", &blocked, "--delivered", &fine, &root];
    assert_eq!(places.layers(&arguments), expected, "one folder holds all");
}

#[test]
fn usage_is_told_by_the_option() {
    let places = Places::new();
    let (one, root) = (places.path("one"), places.root.path().to_string_lossy().into_owned());
    let log = places.path("one/mail.log");
    let missing = places.path("none.eml");
    for (arguments, status, words) in [
        (vec![root.as_str()], 2, "--blocked <PATH>"),
        (vec!["--blocked", &one, "--delivered-message-id", "<>"], 2, "--delivered-message-id: expected a Message-ID"),
        (vec!["--blocked", &root, "--blocked-message-id", " "], 2, "--blocked-message-id: expected a Message-ID"),
        (vec!["--blocked", &missing], 3, "no such file"),
        (vec!["--blocked", &one, "--delivered", &missing], 3, "no such file"),
        (vec!["--blocked", &log, "--delivered", &log], 1, ""),
    ] {
        let output = places.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let output = places.run(&["--blocked", &log, "--delivered", &log]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("both sides are one and the same copy"));
}

#[test]
fn every_face_is_printed() {
    let places = Places::new();
    for (format, words) in [
        ("text", "Where they part"),
        ("markdown", "## Where they part"),
        ("html", "<h2 id=\"parting-title\">Where they part</h2>"),
        ("json", "\"throughline.compare.v1\""),
    ] {
        let output =
            places.run(&["--blocked", &places.path("one"), "--delivered", &places.path("two"), "--format", format]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{format}");
        assert!(said.contains(words), "{format}: {said}");
    }
}
