//! `notes`: whole notes of tickets of different families, in every form; the journal is left alone; templates and redaction.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const NOW: &str = "2026-11-20T08:00:00Z";

/// A store in a folder of its own.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        Store { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(words).args(["--now", NOW]).env_clear();
        command.env("THROUGHLINE_STORE", self.path("store")).env("THROUGHLINE_USER", "kim");
        command.output().expect("the program runs")
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Opens a case of a ticket in `cases/`.
    fn open(&self, ticket: &str, words: &[&str]) {
        let cases = support::cases_in("../cases");
        let case = cases.iter().find(|case| case.name == ticket).unwrap_or_else(|| panic!("no ticket {ticket}"));
        let folder = self.path(ticket);
        fs::create_dir_all(&folder).expect("a folder");
        for file in &case.evidence {
            fs::write(folder.join(&file.name), file.bytes()).expect("evidence is written");
        }
        let mut all = vec!["case", "new", "--client", "Contoso", "--ticket", "INC-4711", "--site", "Harbour"];
        for (name, value) in &case.options {
            all.extend([name.as_str(), value.as_str()]);
        }
        all.extend(words);
        let folder = folder.to_string_lossy().into_owned();
        all.push(&folder);
        self.done(&all);
    }

    /// The journal's last hash and the case's name, which are new in every store, by words.
    fn steady(&self, text: &str) -> String {
        let notes: Value = serde_json::from_str(&self.done(&["notes", "1", "--format", "json"])).expect("JSON");
        let of = |name: &str| notes["about"][name].as_str().expect("a word").to_owned();
        text.replace(&of("head"), "HEAD").replace(&of("uid"), "UID")
    }
}

const TICKETS: [(&str, &str); 5] = [
    ("released_then_refused_by_connector", "release-handoff"),
    ("dmarc_reject_and_the_edited_custom_policy", "authentication-alignment"),
    ("mimecast_impersonation_for_one_of_two", "content-verdict"),
    ("removed_six_hours_after_delivery", "mailbox-rule"),
    ("delivered_per_gateway_next_system_not_supplied", "not shown"),
];

/// Where copies ended differently, what is said is said of whom it is true of; where they ended alike, it is said once.
#[test]
fn customer_text_is_true_of_every_recipient() {
    for (ticket, options, holds, never) in [
        (
            "released_in_exchange_for_one_behind_mimecast",
            &["--message-id", "<inv.12@hotel.example>"][..],
            &["For 1 of 2 recipients: the message was delivered", "let go for another recipient"][..],
            &["do not ask for it again", "bo.lang@", "ada.frey@"][..],
        ),
        (
            "released_in_exchange_for_one_behind_mimecast",
            &["--message-id", "<inv.12@hotel.example>", "--user", "bo.lang@client.example"],
            &[
                "For bo.lang@client.example: the message was kept back",
                "For 1 other recipient: the message was delivered",
            ],
            &["do not ask for it again", "ada.frey@"],
        ),
        (
            "one_message_three_ends",
            &[],
            &["junk folder", "kept back for a check", "For 1 of 3 recipients: the message was delivered"],
            &["vera.pohl@"],
        ),
        ("spoof_pair_that_is_blocked", &[], &["matches an entry in a list"], &["A mail rule", "recipients"]),
        ("rejected_by_transport_rule", &[], &["A mail rule applied"], &["entry in a list"]),
    ] {
        let store = Store::new();
        store.open(ticket, options);
        let notes: Value = serde_json::from_str(&store.done(&["notes", "1", "--format", "json"])).expect("JSON");
        let told = &notes["customer"];
        let text = format!("{}{}", told["what_happened"], told["what_to_do"]);
        for wanted in holds {
            assert!(text.contains(wanted), "{ticket}: {wanted:?} is not in {text}");
        }
        for never in never {
            assert!(!text.contains(never), "{ticket}: {never:?} is in {text}");
        }
    }
}

#[test]
fn whole_notes() {
    for (ticket, family) in TICKETS {
        let store = Store::new();
        store.open(ticket, &["--words", "It never came.\nPlease help!"]);
        for (form, words) in [
            ("text", vec!["--format", "text"]),
            ("markdown", vec!["--format", "markdown", "--text", "facts"]),
            ("html", vec!["--format", "html", "--text", "customer"]),
            ("json", vec!["--format", "json", "--text", "customer"]),
            ("redacted", vec!["--format", "text", "--redact", "--text", "facts"]),
        ] {
            let text = store.done(&[vec!["notes", "INC-4711"], words.clone()].concat());
            let again = store.done(&[vec!["notes", "INC-4711"], words].concat());
            assert_eq!(text, again, "{ticket}: {form}");
            let name = format!("{}_{form}", family.replace(['-', ' '], "_"));
            insta::assert_snapshot!(name, store.steady(&text));
        }
    }
}

#[test]
fn every_cite_opens() {
    for (ticket, _) in TICKETS {
        let store = Store::new();
        store.open(ticket, &[]);
        let notes: Value = serde_json::from_str(&store.done(&["notes", "1", "--format", "json"])).expect("JSON");
        let uid = notes["about"]["uid"].as_str().expect("a name");
        let evidence = store.path("store").join("cases").join(uid).join("evidence");
        let records = notes["records"].as_array().expect("records");
        assert!(!records.is_empty(), "{ticket}");
        for record in records {
            support::open_cite(&record["cite"], &evidence).unwrap_or_else(|error| panic!("{ticket}: {error}"));
        }
    }
}

#[test]
fn the_journal_gets_no_entry() {
    let store = Store::new();
    store.open(TICKETS[0].0, &[]);
    let before = store.done(&["notes", "1", "--format", "json"]);
    store.done(&["notes", "1", "--redact", "--format", "html"]);
    let after = store.done(&["notes", "1", "--format", "json"]);
    assert_eq!(before, after);
}

#[test]
fn a_case_without_evidence_has_notes() {
    let store = Store::new();
    store.done(&["case", "new", "--client", "Contoso", "--user", "ana@example.com", "--sender", "a@example.net"]);
    let output = store.run(&["notes", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("no evidence was added to the ticket (not supplied)"), "{text}");
}

#[test]
fn the_cause_that_is_not_shown_is_an_exit_status() {
    let store = Store::new();
    store.open(TICKETS[4].0, &[]);
    assert_eq!(store.run(&["notes", "1"]).status.code(), Some(1));
    let shown = Store::new();
    shown.open(TICKETS[0].0, &[]);
    assert_eq!(shown.run(&["notes", "1"]).status.code(), Some(0));
}

#[test]
fn templates_from_files() {
    let store = Store::new();
    store.open(TICKETS[0].0, &[]);
    let file = |name: &str, text: &str| {
        fs::write(store.path(name), text).expect("a template is written");
        store.path(name).to_string_lossy().into_owned()
    };
    for format in ["text", "markdown", "html"] {
        let end = match format {
            "text" => "txt",
            "markdown" => "md",
            _ => "html",
        };
        let own = file(&format!("same.{end}.j2"), &store.done(&["notes", "--print-template", "--format", format]));
        let drawn = store.done(&["notes", "1", "--template", &own]);
        assert_eq!(drawn, store.done(&["notes", "1", "--format", format]), "{format}");
    }
    for (name, text, words) in [
        ("ours.txt.j2", "{{ customer.about[0].value }}", "INC-4711"),
        ("syntax.txt.j2", "one\n{% if %}", "syntax.txt.j2:2: expected a template that can be drawn"),
        ("undefined.md.j2", "\n\n{{ customer.nothing }}", "undefined.md.j2:3:"),
        ("ours.j2", "x", "expected a template named .txt.j2, .md.j2 or .html.j2"),
    ] {
        let own = file(name, text);
        let output = store.run(&["notes", "1", "--template", &own]);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains(words), "{name}: {said}");
        let expected = if name == "ours.txt.j2" { 0 } else { 2 };
        assert_eq!(output.status.code(), Some(expected), "{name}: {said}");
    }
    assert_eq!(
        store.run(&["notes", "1", "--template", &store.path("none.md.j2").to_string_lossy()]).status.code(),
        Some(2)
    );
}

#[test]
fn the_map_leads_back_and_is_never_written_over() {
    let store = Store::new();
    store.open(TICKETS[0].0, &[]);
    let map = store.path("names.json").to_string_lossy().into_owned();
    let words = ["notes", "1", "--redact", "--redact-map", &map];
    let redacted = store.done(&words);
    let read: Value = serde_json::from_str(&fs::read_to_string(&map).expect("the map")).expect("JSON");
    assert_eq!(read["schema"], "throughline.redaction.v1");
    for pair in read["pairs"].as_array().expect("pairs") {
        let original = pair["original"].as_str().expect("a word");
        // A short word may stand within a longer one.
        let is_long = original.len() > 8;
        assert!(!is_long || !redacted.to_lowercase().contains(original), "{original}");
    }
    assert!(is_private(Path::new(&map)));
    assert_eq!(store.run(&words).status.code(), Some(2), "it is there already");
    let without = store.run(&["notes", "1", "--redact-map", &map]);
    assert_eq!(without.status.code(), Some(2), "a map of nothing");
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}
