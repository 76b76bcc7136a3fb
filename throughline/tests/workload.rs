//! A generated week of traffic, against the truth that its generator wrote beside it.
//!
//! Set `THROUGHLINE_WORKLOAD` to a folder made by `gen_mail_workload.py` to follow the messages of that one instead:
//! `THROUGHLINE_WORKLOAD=DIR cargo test --release -p throughline --test workload`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Messages of the workload that is made for the test; few, because a debug build searches them.
const MESSAGES: &str = "5000";

#[test]
fn every_message_has_its_true_fate() {
    let made = tempfile::tempdir().expect("a folder");
    let folder = match std::env::var_os("THROUGHLINE_WORKLOAD") {
        Some(ready) => PathBuf::from(ready),
        None if generated(made.path()) => made.path().to_owned(),
        None => return,
    };
    let truth = std::fs::read(folder.join("truth.json")).expect("a truth file");
    let truth: Value = serde_json::from_slice(&truth).expect("JSON");
    let chosen = truth["messages_chosen"].as_array().expect("messages");
    assert!(chosen.len() >= 20, "{} messages", chosen.len());
    let mut lines = BTreeMap::new();
    for (name, rows) in [("postfix.log", "log_lines"), ("trace.csv", "trace_rows"), ("trace.jsonl", "trace_rows")] {
        lines.insert(name, Lines::of(&folder.join(name), truth[rows].as_u64().expect("a count")));
    }
    for message in chosen {
        agrees(&folder, &lines, &["postfix.log"], message);
        agrees(&folder, &lines, &["trace.jsonl"], message);
        // Of tagged messages the generator's two systems tell different ends.
        if message["instances"][0]["class"] != "spam-tagged" {
            agrees(&folder, &lines, &["postfix.log", "trace.csv"], message);
        }
    }
}

/// Makes the workload; says so if that cannot be done.
fn generated(folder: &Path) -> bool {
    let generator = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/bench/gen_mail_workload.py");
    let has_numpy = Command::new("python3").args(["-c", "import numpy"]).output().is_ok_and(|it| it.status.success());
    if !Path::new(generator).is_file() || !has_numpy {
        eprintln!("SKIPPED: needs {generator}, python3 and numpy");
        return false;
    }
    let output = Command::new("python3")
        .args([generator, "--messages", MESSAGES, "--truth", "30", "--out"])
        .arg(folder)
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

/// A file of the workload: its bytes, where its lines start, and how many rows the generator wrote.
struct Lines {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    rows: u64,
}

impl Lines {
    fn of(file: &Path, rows: u64) -> Lines {
        let bytes = std::fs::read(file).expect("a file of the workload");
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        Lines { bytes, starts, rows }
    }

    /// Whether a cite's bytes are the whole line that it names, and its words how that line starts.
    fn opens(&self, cite: &Value) -> bool {
        let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
        let (Some(line), Some(start), Some(end)) =
            (number(&cite["line"]), number(&cite["bytes"][0]), number(&cite["bytes"][1]))
        else {
            return false;
        };
        let (Some(from), Some(to)) = (self.starts.get(line - 1), self.starts.get(line)) else { return false };
        let said = cite["said"].as_str().unwrap_or("");
        start == *from
            && self.bytes[start..*to].trim_ascii_end().len() == end - start
            && !said.is_empty()
            && String::from_utf8_lossy(&self.bytes[start..end]).starts_with(said)
    }
}

/// Follows one message through some of the files: every copy and its fate, no record of another message, every cite at
/// its record, every row in one heap.
fn agrees(folder: &Path, lines: &BTreeMap<&str, Lines>, files: &[&str], message: &Value) {
    let id = message["message_id"].as_str().expect("an id");
    let output = Command::new(env!("CARGO_BIN_EXE_throughline"))
        .arg("follow")
        .args(files.iter().map(|file| folder.join(file)))
        .args(["--message-id", id, "--now", "2026-11-21T00:00:00Z", "--format", "json"])
        .output()
        .expect("it runs");
    let class = &message["instances"][0]["class"];
    let name = format!("{id} ({class}) in {files:?}");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{name}: {error}: {}", String::from_utf8_lossy(&output.stderr)));

    let has_trace = files.iter().any(|file| file.starts_with("trace"));
    let (mut expected, mut own_lines, mut own_rows) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for instance in message["instances"].as_array().expect("instances") {
        for recipient in instance["recipients"].as_array().expect("recipients") {
            let fate = fate(recipient["final"].as_str().expect("an end"), class == "spam-tagged" && has_trace);
            expected.push((recipient["address"].as_str().expect("an address"), fate));
        }
        let numbers = |key: &str| -> Vec<u64> {
            instance[key].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
        };
        own_lines.extend(numbers("lines").into_iter().chain(numbers("session_lines")));
        own_rows.extend(numbers("trace_rows"));
    }
    expected.sort_unstable();
    let copies = report["copies"].as_array().expect("copies");
    let mut found: Vec<(&str, &str)> = copies
        .iter()
        .map(|copy| (copy["envelope_recipient"].as_str().unwrap_or(""), copy["fate"].as_str().unwrap_or("")))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{name}");

    // A symptom is about many messages, and rests on theirs.
    let mut of_message = report.clone();
    if let Some(findings) = of_message["findings"].as_array_mut() {
        findings.retain(|finding| finding["kind"] != "symptom");
    }
    let mut cites = Vec::new();
    cites_in(&of_message, &mut cites);
    assert!(!cites.is_empty(), "{name}: no cite");
    for cite in cites {
        let (file, line) = (cite["file"].as_str().unwrap_or(""), cite["line"].as_u64().unwrap_or(0));
        let is_own = match file {
            "postfix.log" => own_lines.contains(&line),
            "trace.csv" => own_rows.contains(&line.saturating_sub(1)), // the header is no row
            _ => own_rows.contains(&line),
        };
        assert!(is_own, "{name}: {file}:{line} is about another message");
        assert!(lines[file].opens(cite), "{name}: {cite} does not open at its record");
    }
    for entry in report["evidence"].as_array().expect("evidence") {
        let heap = |key: &str| entry[key].as_u64().unwrap_or(u64::MAX / 4);
        let file = entry["file"].as_str().expect("a name");
        assert_eq!(heap("rows"), lines[file].rows, "{name}: rows of {file}");
        assert_eq!(heap("rows"), heap("observed") + heap("problems") + heap("passed_over"), "{name}: heaps of {file}");
    }
}

/// The fate that the generator's word means; the trace of a tagged message says that it was put to junk.
fn fate(end: &str, is_marked_as_spam: bool) -> &'static str {
    match end {
        "sent" if is_marked_as_spam => "junked",
        "sent" => "delivered",
        "pending" => "deferred",
        "bounced" | "expired" => "bounced",
        "quarantined" => "quarantined",
        other => panic!("the generator has a new end: {other}"),
    }
}

/// All cites of a report, wherever they stand.
fn cites_in<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    if value["bytes"].is_array() && value["file"].is_string() {
        found.push(value);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| cites_in(item, found)),
        Value::Object(members) => members.values().for_each(|member| cites_in(member, found)),
        _ => {}
    }
}
