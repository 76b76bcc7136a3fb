//! Tickets as they are worked at a prompt: the commands as somebody types them, and what the document then says.

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

const NOW: &str = "2026-11-20T08:00:00Z";

/// A command line, its exit status, and what its document says at some places.
type Line<'a> = (&'a str, i32, &'a [(&'a str, &'a str)]);

/// A store of its own, and a folder with the files of a ticket beside it.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    /// With the files of a ticket of `cases/exceptions`, its candidate and approval beside them.
    fn of(ticket: &str) -> Bench {
        let bench = Bench { root: tempfile::tempdir().expect("a folder") };
        let all = support::cases_in("../cases/exceptions");
        let case = all.into_iter().find(|case| case.name == ticket).expect("the ticket is there");
        std::fs::create_dir_all(bench.path("ticket")).expect("a folder");
        for file in &case.evidence {
            std::fs::write(bench.path("ticket").join(&file.name), file.bytes()).expect("written");
        }
        let sample = case.evidence.iter().find(|file| file.kind == "eml").map(|file| hash(&file.bytes()));
        for file in case.candidate.iter().chain(&case.approvals) {
            let text = file.text.replace("{sha256:sample.eml}", sample.as_deref().unwrap_or_default());
            std::fs::write(bench.path(&file.name), text).expect("written");
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Runs a command line in the folder of the bench. Words are split at blanks; `'a b'` is one word.
    fn run(&self, line: &str) -> Output {
        self.with_input(line, "")
    }

    fn with_input(&self, line: &str, input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(words(line)).current_dir(self.root.path()).env("THROUGHLINE_USER", "ben").env_remove("NO_COLOR");
        command.env("THROUGHLINE_STORE", self.path("store"));
        if !line.contains("--now") && !line.starts_with("watch") {
            command.args(["--now", NOW]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends")
    }

    /// The document that a command prints, and the status that it ends with.
    fn json(&self, line: &str) -> (Value, Option<i32>) {
        let output = self.run(&format!("{line} --format json"));
        let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        assert!(!told.is_null(), "{line}: {}{}", out(&output), err(&output));
        (told, output.status.code())
    }

    /// Runs command lines one after the other; each has its status and what the document says at some places.
    fn check(&self, lines: &[Line<'_>]) {
        for (line, status, expected) in lines {
            let (told, ended) = self.json(line);
            assert_eq!(ended, Some(*status), "{line}: {told:#}");
            for (place, words) in *expected {
                let found = told.pointer(place).unwrap_or(&Value::Null);
                let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                let fits = words.strip_prefix('=').map_or_else(|| found.contains(words), |whole| found == whole);
                assert!(fits, "{line}: {place}: expected {words}, found {found}");
            }
        }
    }
}

fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

/// What is kept in a store is not written to by accident.
fn writable(path: &Path) {
    let mut permissions = path.metadata().expect("it is there").permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).expect("set");
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// How a point of the triage stands.
fn point<'t>(told: &'t Value, id: &str) -> &'t Value {
    let points = told["triage"]["points"].as_array().expect("points");
    points.iter().find(|point| point["id"] == id).unwrap_or_else(|| panic!("no point is called {id}"))
}

fn state<'t>(told: &'t Value, id: &str) -> &'t str {
    point(told, id)["state"].as_str().expect("a state")
}

const TICKET: &str = "an_address_in_the_allowed_list_was_approved";

#[test]
fn a_case_is_opened_with_its_evidence() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        (
            "case new ticket --client contoso --ticket INC-1 --user lena --words 'the offer never came'",
            0,
            &[
                ("/schema", "=throughline.case.v1"),
                ("/number", "=1"),
                ("/status", "=open"),
                ("/about/client", "=contoso"),
                ("/opened_by", "=ben"),
                ("/added/batch", "=001"),
                ("/added/files", "001/sample.eml"),
                ("/added/files", "001/trace.csv"),
                ("/evidence/0/file", "=001/quarantine.json"),
                ("/evidence/0/read/0/source", "=exchange-online/quarantine"),
                ("/evidence/0/read/0/observed", "=1"),
                ("/findings/0/id", "=content-verdict/spam"),
                ("/findings/0/cites/0/file", "001/"),
                ("/answered/copies/0/fate", "=quarantined"),
                ("/journal/1/deed", "=evidence_added"),
                ("/journal/2/deed", "=answered"),
                ("/done/entries", "=[1,2,3]"),
            ],
        ),
        ("case show 1", 0, &[("/about/ticket", "=INC-1"), ("/added", "=null"), ("/evidence/3/read/0/rows", "=6")]),
        ("case show INC-1", 0, &[("/number", "=1")]),
    ]);
    let (told, _) = bench.json("case show 1");
    for (id, expected) in [
        ("envelope_sender", "done"),
        ("envelope_recipient", "done"),
        ("time", "done"),
        ("message_id", "done"),
        ("headers", "done"),
        ("trace", "done"),
        ("quarantine", "done"),
        ("before_change", "done"),
        ("downstream", "not_needed"),
        ("delivered_sample", "done"),
    ] {
        assert_eq!(state(&told, id), expected, "{id}: {}", point(&told, id));
        let cites = point(&told, id)["cites"].as_array().expect("cites");
        assert!(expected != "done" || id == "before_change" || !cites.is_empty(), "{id} has its record");
    }
    assert!(point(&told, "delivered_sample")["said"].as_str().expect("words").contains("<old.2@tools.example>"));
    // Every cite opens at its record, and what was copied is what was named.
    for point in told["triage"]["points"].as_array().expect("points") {
        for cite in point["cites"].as_array().expect("cites") {
            let name = cite["file"].as_str().expect("a name").strip_prefix("001/").expect("of the first batch");
            let bytes = std::fs::read(bench.path("ticket").join(name)).expect("it is there");
            let at = |end: usize| usize::try_from(cite["bytes"][end].as_u64().expect("a number")).expect("small");
            assert!(at(0) < at(1) && at(1) <= bytes.len(), "{cite}");
        }
    }
    for file in told["evidence"].as_array().expect("files") {
        let name = file["file"].as_str().expect("a name").strip_prefix("001/").expect("of the first batch");
        assert_eq!(
            file["sha256"],
            hash(&std::fs::read(bench.path("ticket").join(name)).expect("it is there")).as_str()
        );
    }
}

/// What is taken away is open, or does not show; nothing else changes.
#[test]
fn evidence_taken_away() {
    for (without, id, expected) in [
        ("sample.eml", "headers", "not_needed"),
        ("trace.csv", "trace", "open"),
        ("trace.csv", "delivered_sample", "open"),
        ("trace.csv", "quarantine", "done"),
        ("quarantine.json", "trace", "done"),
    ] {
        let bench = Bench::of(TICKET);
        std::fs::remove_file(bench.path("ticket").join(without)).expect("it was there");
        let (told, _) = bench.json("case new ticket --message-id tools.51@tools.example");
        assert_eq!(state(&told, id), expected, "without {without}: {}", point(&told, id));
        if expected == "open" {
            assert!(!point(&told, id)["steps"].as_array().expect("steps").is_empty(), "{id} says what to fetch");
        }
    }
}

/// What was altered since it was added is no evidence any more, and what is gone is named.
#[test]
fn altered_evidence_is_not_used() {
    let bench = Bench::of(TICKET);
    let (told, _) = bench.json("case new ticket");
    assert_eq!(state(&told, "trace"), "done");
    let mut batches = std::fs::read_dir(bench.path("store/cases")).expect("cases");
    let evidence = batches.next().expect("a case").expect("its folder").path().join("evidence/001");
    let trace = evidence.join("trace.csv");
    let text = std::fs::read_to_string(&trace).expect("a text");
    let shown = |words: &str| {
        let (told, _) = bench.json("case show 1");
        assert!(told.to_string().contains(words), "{words}: {told}");
        state(&told, "trace").to_owned()
    };
    for (altered, words) in [(text.replace("Quarantined", "quarantined"), "SHA-256"), (format!("{text} "), "bytes")] {
        writable(&trace);
        std::fs::write(&trace, altered).expect("written");
        assert_eq!(shown(words), "open", "{words}");
    }
    std::fs::write(&trace, &text).expect("written");
    assert_eq!(shown("trace.csv"), "done", "as it was");
    writable(&evidence);
    std::fs::remove_file(&trace).expect("removed");
    assert_eq!(shown("no such file"), "open");
}

#[test]
fn words_first_and_evidence_later() {
    let bench = Bench::of(TICKET);
    let (told, status) = bench.json("case new --sender offers@tools.example --recipient lena.kurz@client.example");
    assert_eq!(status, Some(0));
    for (id, expected) in
        [("envelope_sender", "done"), ("time", "open"), ("message_id", "open"), ("trace", "open"), ("headers", "open")]
    {
        assert_eq!(state(&told, id), expected, "{id}");
    }
    assert!(point(&told, "envelope_sender")["said"].as_str().expect("words").contains("as reported"));
    bench.put("poem.txt", "so much depends\nupon\n");
    bench.check(&[
        (
            "case add 1 poem.txt",
            0,
            &[("/not_followed", "poem.txt"), ("/evidence/0/read/0/error", "throughline sources")],
        ),
        ("case add 1 ticket/trace.csv", 0, &[("/added/batch", "=002"), ("/triage/points/5/state", "=done")]),
        (
            "case add 1 ticket/trace.csv nowhere.csv",
            0,
            &[
                ("/added/batch", "=null"),
                ("/added/known/0/same_as", "=002/trace.csv"),
                ("/added/refused/0", "nowhere.csv"),
            ],
        ),
        ("case add 1 --message-id tools.51@tools.example", 0, &[("/asked/message_id/0", "=tools.51@tools.example")]),
    ]);
    for (line, status, words) in [
        ("case add 1 nowhere.csv", 3, "nowhere.csv"),
        ("case new nowhere.csv", 3, "nowhere.csv"),
        ("case add 1", 2, "PATH"),
        ("case add 1 .", 2, "the folder that the cases themselves are kept in"),
        ("case show 7", 2, "case 7: not in this store"),
    ] {
        let output = bench.run(line);
        assert_eq!(output.status.code(), Some(status), "{line}: {}", err(&output));
        assert!(err(&output).contains(words), "{line}: {}", err(&output));
    }
    assert_eq!(bench.json("case list").0["cases"].as_array().map(Vec::len), Some(1), "no case was opened in vain");
}

/// Two clients have a ticket of one number: neither is ever taken for the other.
#[test]
fn clients_are_kept_apart() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        (
            "case new ticket/trace.csv --client contoso --ticket 4711 --message-id tools.51@tools.example",
            0,
            &[("/number", "=1")],
        ),
        (
            "case new ticket/quarantine.json --client fabrikam --ticket 4711 --message-id tools.51@tools.example",
            0,
            &[("/number", "=2")],
        ),
        ("case show 4711 --client Contoso", 0, &[("/number", "=1")]),
        ("case show fabrikam/4711", 0, &[("/number", "=2"), ("/evidence/0/file", "=001/quarantine.json")]),
        ("case note fabrikam/4711 hello", 0, &[("/number", "=2")]),
        ("case list --client contoso", 0, &[("/cases/0/number", "=1"), ("/cases/1", "=null")]),
        ("case list --ticket 4711", 0, &[("/cases/0/number", "=2"), ("/cases/1/number", "=1")]),
    ]);
    let (one, two) = (bench.json("case show 1").0, bench.json("case show 2").0);
    assert_eq!(one["evidence"].as_array().map(Vec::len), Some(1));
    assert_ne!(one["evidence_folder"], two["evidence_folder"]);
    assert_eq!(state(&two, "trace"), "open", "the trace is the other client's");
    for (line, words) in [
        ("case show 4711", "#2 (fabrikam), #1 (contoso)"),
        ("case show 4711 --client initech", "not in this store"),
        ("case show 1 --client fabrikam", "not in this store"),
    ] {
        let output = bench.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(err(&output).contains(words), "{line}: {}", err(&output));
    }
}

/// Wherever a case is named, the client may be named beside it.
#[test]
fn the_client_is_named_to_every_command() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        ("case new ticket --client contoso --ticket 4711", 0, &[("/number", "=1")]),
        ("case new ticket --client fabrikam --ticket 4711", 0, &[("/number", "=2")]),
    ]);
    for command in [
        "case journal",
        "case verify-journal",
        "case export --to contoso.zip",
        "notes",
        "verify",
        "escalate",
        "runbook new",
    ] {
        let output = bench.run(&format!("{command} 4711 --client contoso"));
        let told = err(&output);
        assert!(!told.contains("unexpected argument") && !told.contains("may be any of"), "{command}: {told}");
        let output = bench.run(&format!("{command} 4711 --client initech"));
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(err(&output).contains("not in this store"), "{command}: {}", err(&output));
    }
    let (told, _) = bench.json("case list --client fabrikam");
    assert_eq!(told["cases"][0]["status"], "open", "the other client's case was left alone");
}

/// What the evidence shows is the same on every day on which somebody looks at it or adds to it.
#[test]
fn the_day_of_the_look_changes_no_answer() {
    let bench = Bench::of(TICKET);
    bench.put("poem.txt", "so much depends\nupon\n");
    let spam: &[(&str, &str)] =
        &[("/findings/0/id", "=content-verdict/spam"), ("/answered/causes/0/id", "=content-verdict/spam")];
    bench.check(&[
        ("case new ticket", 0, spam),
        ("case show 1 --now 2027-06-01", 0, spam),
        ("case add 1 poem.txt --now 2027-06-02T10:00:00Z", 0, spam),
        ("case show 1", 0, &[("/journal/3/at", "2027-06-02T10:00:00"), ("/journal/4", "=null")]),
    ]);
    let notes = |now: &str| out(&bench.run(&format!("notes 1 --now {now}")));
    assert_eq!(notes("2026-11-21"), notes("2027-06-03"));
}

/// A ticket has one case; a second one is meant only if somebody says so.
#[test]
fn a_ticket_is_not_opened_twice() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        ("case new --client contoso --ticket T-1 --key first", 0, &[("/number", "=1")]),
        ("case new --client contoso --ticket T-1 --key first", 0, &[("/number", "=1")]),
        ("case new --client fabrikam --ticket T-1", 0, &[("/number", "=2")]),
        ("case new --client contoso", 0, &[("/number", "=3")]),
        ("case new --client contoso", 0, &[("/number", "=4")]),
    ]);
    for line in [
        "case new --client contoso --ticket T-1",
        "case new --client Contoso --ticket t-1 ticket",
        "case new --client contoso --ticket T-1 --key second",
    ] {
        let output = bench.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", out(&output));
        assert!(err(&output).contains("which case 1 has already"), "{line}: {}", err(&output));
    }
    bench.check(&[("case new --client contoso --ticket T-1 --anyway", 0, &[("/number", "=5")])]);
}

/// What was waited for came in.
#[test]
fn evidence_ends_the_waiting() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        ("case new ticket/trace.csv", 0, &[]),
        ("case status 1 waiting --why 'asked lena'", 0, &[("/status", "=waiting")]),
        ("case add 1 ticket/trace.csv", 0, &[("/status", "=waiting"), ("/added/batch", "=null")]),
        ("case add 1 ticket/quarantine.json --key k", 0, &[("/status", "=open"), ("/added/batch", "=002")]),
        ("case status 1 waiting --why 'asked again'", 0, &[("/status", "=waiting")]),
        ("case add 1 ticket/sample.eml --key k", 3, &[("/status", "=waiting")]),
        ("case status 1 escalated --why 'theirs'", 0, &[]),
        ("case add 1 ticket/sample.eml", 0, &[("/status", "=escalated")]),
    ]);
}

/// Who only reads makes no store: a mistyped name is none in which all is well.
#[test]
fn only_new_and_import_make_a_store() {
    let bench = Bench::of(TICKET);
    let names_it = |line: &str, words: &str| {
        let output = bench.run(line);
        let told = err(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {}{told}", out(&output));
        assert!(told.contains(words) && told.contains("store"), "{line}: {told}");
    };
    let lines = [
        "case list",
        "case show 1",
        "case status 1",
        "case journal 1",
        "case verify-journal",
        "case report",
        "case export 1 --to case.zip",
        "case note 1 hello",
        "case add 1 ticket",
        "notes 1",
        "escalate 1",
        "verify 1",
        "runbook list",
        "runbook show contoso/spam",
        "runbook check contoso/ ticket",
        "watch --status",
    ];
    for line in lines {
        names_it(line, "no such folder");
        assert!(!bench.path("store").exists(), "{line} made a store");
    }
    std::fs::create_dir(bench.path("store")).expect("a folder");
    for line in lines {
        names_it(line, "`throughline case new` makes one");
        assert_eq!(std::fs::read_dir(bench.path("store")).expect("listed").count(), 0, "{line}");
    }
    std::fs::write(bench.path("store/throughline.sqlite3"), "this is no database at all, but a note").expect("written");
    names_it("case list", "not a database");
    names_it("case new", "not a database");
    std::fs::remove_dir_all(bench.path("store")).expect("removed");
    assert_eq!(bench.run("case import ticket/trace.csv").status.code(), Some(3));
    assert!(!bench.path("store").exists(), "what is no archive makes no store");
    bench.check(&[("case new ticket", 0, &[]), ("case list", 0, &[("/cases/0/number", "=1")])]);
}

/// A case goes into a file of its own, and into no other.
#[test]
fn an_archive_replaces_nothing_else() {
    let bench = Bench::of(TICKET);
    bench.put("mine.txt", "mine\n");
    bench.check(&[
        ("case new ticket", 0, &[]),
        ("case new --client contoso", 0, &[]),
        ("case export 1 --to one.zip", 0, &[]),
        ("case note 1 more", 0, &[]),
        ("case export 1 --to one.zip", 0, &[("/entries", "=4")]),
    ]);
    for (line, words) in [
        ("case export 1 --to mine.txt", "mine.txt: expected no file yet"),
        ("case export 2 --to one.zip", "one.zip: expected no file yet"),
        ("case export 1 --to ticket", "ticket: expected no file yet"),
        ("case export 1 --to nowhere/x.zip", "nowhere/x.zip: expected a file in a folder that is there"),
    ] {
        let output = bench.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", err(&output));
        assert!(err(&output).contains(words), "{line}: {}", err(&output));
    }
    assert_eq!(std::fs::read_to_string(bench.path("mine.txt")).expect("read"), "mine\n");
}

#[test]
fn how_far_a_case_is() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        ("case new --client contoso", 0, &[("/status", "=open")]),
        ("case status 1", 0, &[("/status", "=open"), ("/done", "=null"), ("/triage", "=null")]),
        (
            "case status 1 waiting --why 'asked lena'",
            0,
            &[("/status", "=waiting"), ("/journal/1/said", "=waiting: asked lena")],
        ),
        ("case note 1 'she is away until Monday'", 0, &[("/journal/2/said", "she is away"), ("/done/entries", "=[3]")]),
        ("case note 1 again --key k", 0, &[("/done/entries", "=[4]")]),
        ("case note 1 again --key k", 0, &[("/done/entries", "=[]"), ("/done/said", "of this key")]),
        (
            "case close 1 --resolution 'came through'",
            0,
            &[("/status", "=closed"), ("/done/warnings", "Still open: Trace looked at")],
        ),
        ("case note 1 'a word later'", 0, &[("/status", "=closed")]),
        ("case reopen 1 --why 'again'", 0, &[("/status", "=open"), ("/closed_at", "=null")]),
    ]);
    for (line, words) in [
        ("case status 1 held --why x", "throughline verify 1"),
        ("case status 1 closed --why x", "throughline case close 1"),
        ("case status 1 changed --why x", "throughline case change 1"),
        ("case status 1 waiting", "--why"),
        ("case status 1 waiting --why ' '", "a few words"),
        ("case note 1 '  '", "a few words"),
        ("case reopen 1 --why x", "expected a closed case"),
    ] {
        let output = bench.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", out(&output));
        assert!(err(&output).contains(words), "{line}: {}", err(&output));
    }
    let noted = bench.with_input("case note 1 - --format json", "from a pipe\nin two lines\n");
    assert_eq!(noted.status.code(), Some(0), "{}", err(&noted));
    assert!(out(&noted).contains("noted: from a pipe"), "{}", out(&noted));
}

const CHANGE: &str = "Set-HostedContentFilterPolicy -Identity Default -AllowedSenders @{Add='offers@tools.example'}";

/// A change is a fact: it is recorded whatever the guard says, and what is broad is said loudly.
#[test]
fn changes_are_judged_and_recorded() {
    for (name, lines) in [
        (
            "broad, without an approval",
            &[(
                "case change 1 change.ps1 --made-at 2026-11-18T13:00Z",
                4,
                &[
                    ("/journal/3/said", "guard: broad"),
                    ("/done/warnings/0", "GUARD: BROAD"),
                    ("/status", "=changed"),
                    ("/next_steps/1/command", "=throughline verify 1"),
                ][..],
            )][..],
        ),
        (
            "with its approval",
            &[(
                "case change 1 change.ps1 --made-at 2026-11-18T13:00Z --approval approval.json",
                0,
                &[
                    ("/journal/3/deed", "=approved"),
                    ("/journal/4/said", "guard: broad"),
                    ("/done/entries", "=[4,5]"),
                    ("/done/warnings/0", "Noor Haddad approved it"),
                ],
            )],
        ),
        (
            "approved before, in the journal",
            &[
                ("case approve 1 approval.json", 0, &[("/done/said", "approved by Noor Haddad")]),
                ("case approve 1 approval.json", 0, &[("/done/said", "in entry 4"), ("/done/entries", "=[]")]),
                (
                    "case change 1 change.ps1 --made-at 2026-11-18T13:00Z",
                    0,
                    &[("/done/entries", "=[5]"), ("/journal/4/said", "guard: broad")],
                ),
            ],
        ),
        (
            "made after the approval had ended",
            &[(
                "case change 1 change.ps1 --made-at 2026-12-02T13:00Z --approval approval.json --now 2026-12-03",
                4,
                &[("/done/warnings/0", "does not cover it")],
            )],
        ),
        (
            "another change than the approved one",
            &[(
                "case change 1 domain.ps1 --made-at 2026-11-18T13:00Z --approval approval.json",
                4,
                &[("/journal/4/said", "guard: broad"), ("/done/warnings/0", "does not cover it")],
            )],
        ),
        (
            "narrow",
            &[(
                "case change 1 release.ps1 --made-at 2026-11-18T13:00Z",
                0,
                &[("/journal/3/said", "guard: narrow"), ("/done/warnings", "=[]")],
            )],
        ),
    ] {
        let bench = Bench::of(TICKET);
        bench.put("domain.ps1", &CHANGE.replace("AllowedSenders", "AllowedSenderDomains").replace("offers@", ""));
        bench.put("release.ps1", "Release-QuarantineMessage -Identity 'c7d8e9f0-1a2b-4c3d-84e5-08de27aa3051\\0f1e2d3c-4b5a-4697-8877-66554433aa51' -User lena.kurz@client.example");
        assert_eq!(bench.json("case new ticket").1, Some(0), "{name}");
        bench.check(lines);
        // The guard says of a change that was made what it says of one that is proposed.
        let (made, _) = bench.json("case show 1");
        assert!(
            made["journal"].as_array().expect("entries").iter().any(|line| line["deed"] == "change_made"),
            "{name}"
        );
    }
}

#[test]
fn approvals_come_through_one_door() {
    let bench = Bench::of(TICKET);
    std::fs::copy(bench.path("approval.json"), bench.path("ticket").join("approval.json")).expect("copied");
    bench.put("not.json", "{\"schema\": \"throughline.approval.v1\", \"who\": \"me\"}");
    assert_eq!(bench.json("case new ticket").1, Some(0));
    let folder = bench.json("case show 1").0["evidence_folder"].as_str().expect("a folder").to_owned();
    let inside = format!("case approve 1 {folder}/001/approval.json");
    for (line, words) in [
        ("case approve 1 not.json", "expected a recorded approval"),
        ("case approve 1 change.ps1", "expected a recorded approval"),
        (inside.as_str(), "no evidence of the case"),
        ("case change 1 change.ps1 --made-at noon", "--made-at: expected an instant"),
        ("case change 1 change.ps1 --made-at 2027-03-01", "which is to come"),
        ("case change 1 - --made-at 2026-11-18 --approval -", "standard input to be the candidate or the approval"),
    ] {
        let output = bench.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}{}", out(&output), err(&output));
        assert!(err(&output).contains(words), "{line}: {}", err(&output));
    }
    // One that lies among the evidence covers nothing.
    bench.check(&[(
        "case change 1 change.ps1 --made-at 2026-11-18T13:00Z",
        4,
        &[("/done/warnings/0", "no approval of it is recorded")],
    )]);
    assert_eq!(bench.json("case show 1").0["journal"].as_array().map(Vec::len), Some(4), "nothing else was written");
}

#[test]
fn a_case_is_not_closed_before_its_change_is_verified() {
    let bench = Bench::of(TICKET);
    bench.put("release.ps1", CHANGE);
    bench.check(&[
        ("case new ticket", 0, &[("/number", "=1")]),
        ("case change 1 release.ps1 --made-at 2026-11-20T08:30Z", 4, &[("/triage", "=null")]),
        (
            "case close 1 --resolution done",
            4,
            &[
                ("/status", "=changed"),
                ("/done/said", "the change of entry 4 was never verified"),
                ("/done/entries", "=[]"),
            ],
        ),
        (
            "case close 1 --resolution done --anyway",
            0,
            &[("/status", "=closed"), ("/done/warnings/0", "Closed although")],
        ),
    ]);
    let (told, _) = bench.json("case show 1");
    assert_eq!(state(&told, "before_change"), "done", "{}", point(&told, "before_change"));
    assert_eq!(told["next_steps"].as_array().map(Vec::len), Some(0));
}

/// A change that is recorded before trace and quarantine are added is pointed out.
#[test]
fn a_change_before_the_look_is_pointed_out() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        ("case new ticket/sample.eml", 0, &[("/triage/points/5/state", "=open")]),
        ("case change 1 change.ps1 --made-at 2026-11-20T08:00Z", 4, &[]),
        (
            "case add 1 ticket",
            0,
            &[("/triage/points/7/state", "=open"), ("/triage/points/7/said", "changed before the trace was looked at")],
        ),
    ]);
}

#[test]
fn cases_are_found_again() {
    let bench = Bench::of(TICKET);
    bench.check(&[
        ("case new ticket --client contoso --ticket INC-1 --user lena.kurz@client.example", 0, &[]),
        ("case new --client fabrikam --sender news@bulletin.example --subject 'This week'", 0, &[]),
        ("case status 2 waiting --why asked", 0, &[]),
    ]);
    for (filters, expected) in [
        ("", "2 1"),
        ("--client CONTOSO", "1"),
        ("--status waiting", "2"),
        ("--status waiting --status open", "2 1"),
        ("--status closed", ""),
        ("--message-id <tools.51@tools.example>", "1"),
        ("--message-id c7d8e9f0-1a2b-4c3d-84e5-08de27aa3051", "1"),
        ("--address lena.kurz@client.example", "1"),
        ("--address @bulletin.example", "2"),
        ("--subject 'winter'", "1"),
        ("--subject week", "2"),
        ("--cause content-verdict", "1"),
        ("--cause content-verdict/spam", "1"),
        ("--cause content-verdict/phish", ""),
        ("--due", ""),
        ("--due 2026-12-01", ""),
        ("--limit 1", "2"),
        ("--limit 1 --offset 1", "1"),
    ] {
        let (told, status) = bench.json(&format!("case list {filters}"));
        assert_eq!((status, told["schema"].as_str()), (Some(0), Some("throughline.cases.v1")), "{filters}");
        let found: Vec<String> =
            told["cases"].as_array().expect("cases").iter().map(|case| case["number"].to_string()).collect();
        assert_eq!(found.join(" "), expected, "{filters}");
        assert_eq!(told["more"], filters == "--limit 1", "{filters}");
    }
}

/// What strangers wrote neither moves the cursor nor becomes markup.
#[test]
fn text_of_strangers_is_harmless() {
    let bench = Bench::of(TICKET);
    let words = "\u{1b}[2J<script>alert(1)</script>\u{202e}";
    let line = format!("case new ticket --client '{words}' --words '{words}' --ticket 'INC {words}'");
    assert_eq!(bench.run(&line).status.code(), Some(0));
    for (line, format) in [
        ("case show 1", "text"),
        ("case show 1", "html"),
        ("case show 1", "markdown"),
        ("case list", "html"),
        ("case list", "text"),
    ] {
        let told = out(&bench.run(&format!("{line} --format {format}")));
        assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{line} {format}");
        assert!(format == "text" || !told.contains("<script>"), "{line} {format}");
    }
    for line in ["case show 1", "case list", "case status 1"] {
        for wide in out(&bench.run(line)).lines().filter(|line| !line.contains("$ ")) {
            assert!(wide.chars().count() <= 80, "{line}: {wide}");
        }
    }
}

#[test]
fn help_has_examples() {
    let bench = Bench { root: tempfile::tempdir().expect("a folder") };
    for command in ["new", "add", "list", "show", "status", "note", "approve", "change", "close", "reopen"] {
        let output = Command::new(env!("CARGO_BIN_EXE_throughline")).args(["case", command, "--help"]).output();
        let told = out(&output.expect("it runs"));
        assert!(
            told.contains("Example") && told.contains(&format!("throughline case {command} ")),
            "{command}: {told}"
        );
    }
    assert!(!Path::new(&bench.path("store")).exists());
}
