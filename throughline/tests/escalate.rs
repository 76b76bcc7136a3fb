//! Tickets are given away if their facts are in, for a reason that records show, to whom they point, with a package that holds.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use support::{Case, Evidence, cases_in, list, short, word};

/// A store of its own, and the evidence of one ticket.
struct Desk {
    folder: tempfile::TempDir,
    case: Case,
}

impl Desk {
    /// Opens a case for a ticket of `cases/`, without what is taken away.
    fn open(name: &str, without: &[(String, Option<usize>)], more: &[&str]) -> Desk {
        let case = cases_in("../cases").into_iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("no ticket {name}"));
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = folder.path().join("evidence");
        fs::create_dir(&evidence).expect("a folder");
        for file in case.evidence_without(without) {
            fs::write(evidence.join(&file.name), file.bytes()).expect("a file");
        }
        let desk = Desk { folder, case };
        let options: Vec<&str> =
            desk.case.options.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
        let new = ["case", "new", "--client", "contoso", "--format", "json"];
        let paths = evidence.to_string_lossy().into_owned();
        desk.run(&[&new[..], &options, more, &[paths.as_str()]].concat(), 0);
        desk
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str], expected: i32) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(arguments).args(["--as", "kim", "--now", &self.case.now]).arg("--store").arg(self.out("store"));
        let output = command.current_dir(self.folder.path()).output().expect("the program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{}: {arguments:?}: {}", self.case.name, short(&said));
        output
    }

    fn escalate(&self, arguments: &[&str], expected: i32) -> Value {
        let output = self.run(&[&["escalate", "1", "--format", "json"], arguments].concat(), expected);
        serde_json::from_slice(&output.stdout).expect("a document")
    }

    /// The deeds of the journal, from the archive of the case.
    fn entries(&self) -> Vec<Value> {
        let output = self.run(&["case", "journal", "1", "--format", "json"], 0);
        let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
        list(&document, "entries").to_vec()
    }
}

fn names<'a>(document: &'a Value, key: &str, name: &str) -> Vec<&'a str> {
    list(document, key).iter().map(|one| word(one, name)).collect()
}

fn missing(document: &Value) -> Vec<&str> {
    let is_missing = |fact: &&Value| word(fact, "state") == "missing";
    list(document, "facts").iter().filter(is_missing).map(|fact| word(fact, "fact")).collect()
}

/// The kinds of ids that the package has of the vendor that it names first.
fn kinds(document: &Value) -> Vec<&str> {
    let Some(first) = list(document, "ids").first() else { return vec![] };
    list(first, "ids").iter().filter(|id| !list(id, "values").is_empty()).map(|id| word(id, "kind")).collect()
}

#[test]
fn tickets_go_to_whom_their_records_point() {
    // Ticket, exit status, what is missing, reasons, to whom, ids of the first vendor that have to be there.
    type Row =
        (&'static str, i32, &'static [&'static str], &'static [&'static str], &'static str, &'static [&'static str]);
    let rows: [Row; 13] = [
        (
            "released_in_mimecast_and_never_handed_on",
            0,
            &[],
            &["ownership_elsewhere"],
            "vendor",
            &["acode", "release_by", "released_at", "time"],
        ),
        (
            "released_then_refused_by_connector",
            0,
            &[],
            &["ownership_elsewhere", "disruptive_fix"],
            "server",
            &["time", "sender", "recipient"],
        ),
        (
            "allowed_address_and_malware",
            0,
            &[],
            &["ownership_elsewhere"],
            "security",
            &["network_message_id", "message_id", "time", "recipient"],
        ),
        ("sent_by_a_service_in_its_own_name", 0, &[], &["ownership_elsewhere"], "sender", &["message_id", "time"]),
        ("cisco_refused_for_dmarc", 0, &[], &["ownership_elsewhere"], "sender", &["queue_id", "time"]),
        (
            "several_held_by_one_mimecast_policy",
            0,
            &[],
            &["several_users_or_sites"],
            "policy_owner",
            &["acode", "time"],
        ),
        ("gateway_sealed_it_and_is_not_trusted", 0, &[], &["disruptive_fix"], "policy_owner", &["time"]),
        ("outbound_delivered_says_the_trace_and_the_partner_refused", 0, &[], &["ownership_elsewhere"], "server", &[]),
        // What broke the signature stood between the sender and us.
        ("the_gateway_rewrote_the_links_and_dmarc_held_it_behind", 0, &[], &["disruptive_fix"], "server", &[]),
        // A narrow exception is enough, nobody else has it, and it is ours.
        ("allow_entry_expired_the_day_before", 1, &[], &[], "none", &[]),
        ("blocked_domain_of_the_anti_spam_policy", 1, &[], &[], "none", &[]),
        // A gateway's hand-over is no delivery.
        ("delivered_per_gateway_next_system_not_supplied", 4, &["downstream"], &[], "none", &[]),
        // Refused before the message had an id.
        ("exim_refused_at_rcpt_by_looks", 4, &["identifiers"], &[], "none", &[]),
    ];
    for (name, exit, lacks, reasons, to, ids) in rows {
        let desk = Desk::open(name, &[], &[]);
        let document = desk.escalate(&["--out", "out.zip"], exit);
        assert_eq!(missing(&document), lacks, "{name}");
        assert_eq!(names(&document, "reasons", "reason"), reasons, "{name}");
        let receiver = &document["receiver"];
        assert_eq!(if receiver.is_null() { "none" } else { word(receiver, "to") }, to, "{name}: {receiver}");
        let kinds = kinds(&document);
        assert!(ids.iter().all(|id| kinds.contains(id)), "{name}: {kinds:?}");
        assert_eq!(desk.out("out.zip").exists(), exit == 0, "{name}");
        for fact in list(&document, "facts") {
            let is_missing = word(fact, "state") == "missing";
            assert!(is_missing || !list(fact, "cites").is_empty(), "{name}: {fact}");
            assert_eq!(is_missing, !list(fact, "fetch").is_empty(), "{name}: {fact}");
        }
        for reason in list(&document, "reasons") {
            assert!(!list(reason, "cites").is_empty() || !list(reason, "entries").is_empty(), "{name}: {reason}");
        }
        let escalated = desk.entries().iter().filter(|entry| entry["deed"]["deed"] == "escalated").count();
        assert_eq!(escalated, usize::from(exit == 0), "{name}");
    }
}

#[test]
fn without_the_deciding_record_it_is_refused_again() {
    for (name, gone, lacks) in [
        ("released_in_mimecast_and_never_handed_on", None, "identifiers"),
        ("allowed_address_and_malware", Some("message/eml"), "authentication"),
        ("sent_by_a_service_in_its_own_name", Some("message/eml"), "authentication"),
    ] {
        let whole = Desk::open(name, &[], &[]);
        let kinds: BTreeMap<String, bool> =
            whole.case.evidence.iter().map(|file| (file.name.clone(), gone.is_none() || file.kind == "eml")).collect();
        let without: Vec<(String, Option<usize>)> =
            kinds.into_iter().filter(|(_, is_gone)| *is_gone).map(|(file, _)| (file, None)).collect();
        let kept =
            whole.case.evidence.iter().filter(|file| !without.iter().any(|(gone, _)| *gone == file.name)).count();
        let id = whole.escalate(&["--out", "out.zip"], 0)["message"]["message_id"].as_str().map(str::to_owned);
        let id = id.unwrap_or_default();
        if kept == 0 {
            let empty = Desk::bare(&whole.case.now);
            let document = empty.escalate(&["--anyway"], 4);
            assert!(missing(&document).contains(&lacks), "{name}");
            continue;
        }
        let desk = Desk::open(name, &without, &["--message-id", &id]);
        let document = desk.escalate(&["--out", "out.zip", "--anyway", "--reason", "all the same"], 4);
        assert!(missing(&document).contains(&lacks), "{name}: {:?}", missing(&document));
        assert!(!desk.out("out.zip").exists(), "{name}");
    }
}

impl Desk {
    /// A case without evidence.
    fn bare(now: &str) -> Desk {
        let mut case = cases_in("../cases").remove(0);
        now.clone_into(&mut case.now);
        let desk = Desk { folder: tempfile::tempdir().expect("a folder"), case };
        desk.run(&["case", "new", "--client", "contoso", "--format", "json"], 0);
        desk
    }
}

/// The files of an archive by name.
fn unpacked(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(fs::File::open(path).expect("an archive")).expect("an archive");
    let names: Vec<String> = archive.file_names().map(|name| name.expect("a name").into_owned()).collect();
    let read = |name: String| {
        let mut bytes = Vec::new();
        archive.by_name(&name).expect("a file").read_to_end(&mut bytes).expect("bytes");
        (name, bytes)
    };
    names.into_iter().map(read).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_package_holds_what_it_says() {
    let desk = Desk::open("released_in_mimecast_and_never_handed_on", &[], &["--user", "ana@client.example"]);
    let document = desk.escalate(&["--out", "out.zip"], 0);
    let archive = fs::read(desk.out("out.zip")).expect("an archive");
    assert_eq!(document["package"]["sha256"], sha256(&archive));
    let entries = desk.entries();
    let last = &entries.last().expect("an entry")["deed"];
    assert_eq!((last["deed"].as_str(), last["to"].as_str()), (Some("escalated"), Some("vendor")));
    assert_eq!(last["sha256"], sha256(&archive));
    let files = unpacked(&desk.out("out.zip"));
    let sums = String::from_utf8_lossy(&files["SHA256SUMS"]).into_owned();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "SHA256SUMS") {
        assert!(sums.contains(&format!("{}  {name}\n", sha256(bytes))), "{name}");
    }
    let records: Value = serde_json::from_slice(&files["records.json"]).expect("JSON");
    assert!(!list(&records, "records").is_empty());
    for file in list(&records, "files") {
        let attached = &files[word(file, "attached")];
        if word(file, "what") == "the whole file" {
            assert_eq!(file["sha256"], sha256(attached), "{file}");
        }
    }
    let evidence: BTreeMap<String, Vec<u8>> =
        desk.case.evidence.iter().map(|file: &Evidence| (format!("001/{}", file.name), file.bytes())).collect();
    for record in list(&records, "records") {
        let cite = &record["cite"];
        let bytes = &evidence[word(cite, "file")];
        let at = |place: usize| usize::try_from(cite["bytes"][place].as_u64().expect("an offset")).expect("an offset");
        assert_eq!(record["sha256"], sha256(&bytes[at(0)..at(1)]), "{cite}");
    }
    let summary = String::from_utf8_lossy(&files["summary.md"]).into_owned();
    assert!(summary.contains("Mimecast support"), "{summary}");
    // Every number on a page is that of a record.
    let count = list(&records, "records").len();
    for page in ["summary.md", "timeline.md"] {
        let text = String::from_utf8_lossy(&files[page]).into_owned();
        for number in text.split("\\[").skip(1).filter_map(|rest| rest.split("\\]").next()?.parse::<usize>().ok()) {
            assert!((1..=count).contains(&number), "{page}: [{number}]");
        }
    }
}

#[test]
fn the_sample_goes_in_only_if_it_is_wanted() {
    let desk = Desk::open("sent_by_a_service_in_its_own_name", &[], &[]);
    let sample = desk.case.evidence.iter().find(|file| file.kind == "eml").expect("a sample");
    let body = sample.text.split_once("\n\n").expect("a body").1.lines().rfind(|line| line.len() > 8);
    let body = body.expect("a line of the body").to_owned();
    desk.escalate(&["--out", "header.zip"], 0);
    desk.escalate(&["--out", "folder", "--with-sample"], 0);
    let all: Vec<u8> = unpacked(&desk.out("header.zip")).into_values().flatten().collect();
    assert!(!String::from_utf8_lossy(&all).contains(&body), "{body}");
    let whole = desk.out("folder").join("evidence/001").join(&sample.name);
    assert_eq!(fs::read(whole).expect("the sample"), sample.bytes());
}

#[test]
fn nothing_is_overwritten_and_no_reason_writes_nothing() {
    let desk = Desk::open("allow_entry_expired_the_day_before", &[], &[]);
    fs::write(desk.out("there.zip"), "mine").expect("a file");
    let output = desk.run(&["escalate", "1", "--out", "there.zip", "--anyway"], 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing is overwritten"));
    assert_eq!(fs::read(desk.out("there.zip")).expect("a file"), b"mine");
    desk.escalate(&[], 1);
    let document = desk.escalate(&["--reason", "the board asked", "--to", "security"], 0);
    assert_eq!(names(&document, "reasons", "said_by"), ["kim"]);
    assert_eq!(word(&document["receiver"], "said_by"), "kim");
    assert!(desk.out("escalation-1.zip").exists());
    for format in ["text", "markdown", "html"] {
        let out = format!("{format}.zip");
        let output = desk.run(&["escalate", "1", "--anyway", "--format", format, "--out", &out], 0);
        assert!(String::from_utf8_lossy(&output.stdout).contains(&out), "{format}");
    }
}

/// Every cause that a report can name has somebody who can mend it.
#[test]
fn every_cause_is_in_the_table() {
    for page in findings::catalogue() {
        assert!(case::escalation::is_known_cause(&page.id), "{}", page.id);
    }
}
