//! Reads the tickets of `cases/`, runs the built program on their evidence, and holds every report to the contract.

#![allow(dead_code)] // Each test binary uses its own part.

pub mod rewrites;
pub mod statements;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The instant that stands for now unless a ticket says otherwise.
pub const NOW: &str = "2026-11-20T08:00:00Z";

/// The layers in the order of the contract.
pub const LAYERS: [&str; 7] = ["arrival", "authentication", "verdict", "quarantine", "release", "delivery", "mailbox"];

const STATES: [&str; 8] =
    ["passed", "changed", "stopped", "pending", "not_reached", "absent", "not_supplied", "conflict"];

const FATES: [&str; 13] = [
    "delivered",
    "junked",
    "filed",
    "forwarded",
    "discarded",
    "quarantined",
    "release_pending",
    "rejected",
    "bounced",
    "deferred",
    "removed_after_delivery",
    "lost",
    "unknown",
];

const STANDINGS: [&str; 4] = ["proved", "likely", "refuted", "not_shown"];

const KINDS: [&str; 4] = ["cause", "symptom", "gap", "risk"];

/// One ticket.
pub struct Case {
    /// File name without `.md`.
    pub name: String,
    /// Evidence files in the order of the ticket.
    pub evidence: Vec<Evidence>,
    /// Options for the prompt, such as `("--message-id", "<...>")`.
    pub options: Vec<(String, String)>,
    /// `--now`.
    pub now: String,
    /// Of the tickets in `cases/exceptions/`: `check`, `propose` or `audit`.
    pub command: String,
    /// The proposed change.
    pub candidate: Option<Evidence>,
    /// Approvals that are named by `--approval`.
    pub approvals: Vec<Evidence>,
    /// What is expected: of the whole evidence first, then of each `without`.
    pub sections: Vec<Section>,
}

/// One evidence file of a ticket.
#[derive(Clone)]
pub struct Evidence {
    /// File name.
    pub name: String,
    /// The kind word of the fence: `eml`, `text`, `csv`, `json`, `log`.
    pub kind: String,
    /// The text with LF.
    pub text: String,
    /// Written with CRLF.
    pub crlf: bool,
    /// Written as UTF-16LE with a byte order mark.
    pub utf16: bool,
}

impl Evidence {
    /// The bytes as they are written to the file.
    pub fn bytes(&self) -> Vec<u8> {
        let text = if self.crlf { self.text.replace('\n', "\r\n") } else { self.text.clone() };
        if self.utf16 {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            bytes
        } else {
            text.into_bytes()
        }
    }
}

/// What is expected of the evidence, or of the evidence without some of it.
pub struct Section {
    /// `(file, line)` taken away.
    pub without: Vec<(String, Option<usize>)>,
    /// `(line of the ticket, statement)`.
    pub statements: Vec<(usize, String)>,
}

/// All tickets of `follow`, by name: those of whole tickets, then those of each symptom.
pub fn cases() -> Vec<Case> {
    let symptoms = Path::new(env!("CARGO_MANIFEST_DIR")).join("../findings/src/symptoms");
    let mut folders: Vec<PathBuf> = fs::read_dir(&symptoms)
        .unwrap_or_else(|error| panic!("{}: {error}", symptoms.display()))
        .map(|entry| entry.expect("a readable folder").path().join("cases"))
        .filter(|cases| cases.is_dir())
        .collect();
    folders.sort();
    let of_symptoms = folders.iter().flat_map(|folder| {
        let symptom = folder.parent().and_then(Path::file_name).expect("a symptom's folder").to_string_lossy();
        let name = |case: Case| Case { name: format!("{symptom}/{}", case.name), ..case };
        cases_in(&folder.to_string_lossy()).into_iter().map(name).collect::<Vec<Case>>()
    });
    let mut cases: Vec<Case> = cases_in("../cases").into_iter().chain(of_symptoms).collect();
    if let Ok(only) = std::env::var(TICKETS) {
        cases.retain(|case| case.name.contains(&only));
    }
    cases
}

/// `TICKETS=stale_search` in the environment: only the tickets whose name holds that, while one is written.
const TICKETS: &str = "TICKETS";

/// Whether only some tickets are looked at: then nothing can be said about how many there are.
pub fn are_some_named() -> bool {
    std::env::var_os(TICKETS).is_some()
}

/// All tickets of a folder, by name.
pub fn cases_in(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("README.md"))
        .collect();
    files.sort();
    files.iter().map(|file| read_case(file)).collect()
}

/// Reads one ticket; a mistake in the ticket itself is a panic that names the line.
fn read_case(file: &Path) -> Case {
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut case = Case {
        name,
        evidence: vec![],
        options: vec![],
        now: NOW.to_owned(),
        command: String::new(),
        candidate: None,
        approvals: vec![],
        sections: vec![],
    };
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut block = Vec::new();
        let closed = lines.by_ref().any(|(at, line)| {
            if line == "```" {
                return true;
            }
            block.push((at + 1, line));
            false
        });
        assert!(closed, "{}.md:{}: the block is not closed", case.name, at + 1);
        match info.split_whitespace().next() {
            Some("expected") => read_expected(&mut case, &block),
            Some("candidate") => case.candidate = Some(read_evidence(&case.name, at + 1, info, &block)),
            Some("approval") => case.approvals.push(read_evidence(&case.name, at + 1, info, &block)),
            _ => case.evidence.push(read_evidence(&case.name, at + 1, info, &block)),
        }
    }
    assert!(!case.sections.is_empty(), "{}.md: no expected block", case.name);
    assert!(!case.evidence.is_empty() || case.candidate.is_some(), "{}.md: no evidence", case.name);
    case
}

fn read_evidence(case: &str, at: usize, info: &str, block: &[(usize, &str)]) -> Evidence {
    let words: Vec<&str> = info.split_whitespace().collect();
    let [kind, name, how @ ..] = words.as_slice() else {
        panic!("{case}.md:{at}: expected a kind and a file name after the fence, found `{info}`");
    };
    for word in how {
        assert!(["crlf", "utf-16le"].contains(word), "{case}.md:{at}: unknown word `{word}`");
    }
    let mut text: String = block.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
    text.push('\n');
    Evidence {
        name: (*name).to_owned(),
        kind: (*kind).to_owned(),
        text,
        crlf: how.contains(&"crlf"),
        utf16: how.contains(&"utf-16le"),
    }
}

fn read_expected(case: &mut Case, block: &[(usize, &str)]) {
    let mut section = Section { without: vec![], statements: vec![] };
    for (at, line) in block {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(':').map_or((line, ""), |(key, value)| (key, value.trim()));
        match key {
            "message-id"
            | "sender"
            | "recipient"
            | "subject"
            | "at"
            | "tz"
            | "limit"
            | "blocked"
            | "delivered"
            | "blocked-message-id"
            | "delivered-message-id"
            | "delivered-recipient" => {
                case.options.push((format!("--{key}"), value.to_owned()));
            }
            "now" => value.clone_into(&mut case.now),
            "command" => value.clone_into(&mut case.command),
            "without" => {
                case.sections.push(section);
                let without = value.split(',').map(|place| file_and_line(place.trim())).collect();
                section = Section { without, statements: vec![] };
            }
            _ => section.statements.push((*at, line.to_owned())),
        }
    }
    case.sections.push(section);
}

fn file_and_line(place: &str) -> (String, Option<usize>) {
    match place.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => (file.to_owned(), line.parse().ok()),
        _ => (place.to_owned(), None),
    }
}

impl Case {
    /// The evidence without what a section takes away.
    pub fn evidence_without(&self, without: &[(String, Option<usize>)]) -> Vec<Evidence> {
        for (file, line) in without {
            let evidence = self.evidence.iter().find(|evidence| evidence.name == *file);
            let evidence = evidence.unwrap_or_else(|| panic!("{}.md: without: no file {file}", self.name));
            let lines = evidence.text.lines().count();
            assert!(
                line.is_none_or(|line| (1..=lines).contains(&line)),
                "{}.md: without: {file} has {lines} lines",
                self.name
            );
        }
        let mut left = Vec::new();
        for evidence in &self.evidence {
            if without.iter().any(|(file, line)| *file == evidence.name && line.is_none()) {
                continue;
            }
            let gone: BTreeSet<usize> =
                without.iter().filter(|(file, _)| *file == evidence.name).filter_map(|(_, line)| *line).collect();
            let mut evidence = evidence.clone();
            evidence.text = evidence
                .text
                .lines()
                .enumerate()
                .filter(|(at, _)| !gone.contains(&(at + 1)))
                .flat_map(|(_, line)| [line, "\n"])
                .collect();
            left.push(evidence);
        }
        left
    }
}

/// What the program said.
pub struct Run {
    /// Where the evidence lies.
    pub folder: PathBuf,
    /// Standard output as it came.
    pub stdout: Vec<u8>,
    /// The report.
    pub report: Value,
    /// Exit status.
    pub exit: i32,
}

/// Writes `evidence` into a folder of its own and runs `follow` on it.
///
/// # Errors
/// One sentence if the program gave no report.
pub fn follow(case: &Case, label: &str, evidence: &[Evidence], environment: &[(&str, &str)]) -> Result<Run, String> {
    let folder = folder_of(case, label, evidence)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.arg("follow").arg(&folder).args(["--format", "json", "--now", &case.now]);
    command.args(case.options.iter().flat_map(|(name, value)| [name, value]));
    run(command, folder, environment)
}

/// Writes `evidence` into a folder of its own and runs `compare` on it; samples are named by their files there.
///
/// # Errors
/// One sentence if the program gave no comparison.
pub fn compare(case: &Case, label: &str, evidence: &[Evidence], environment: &[(&str, &str)]) -> Result<Run, String> {
    let folder = folder_of(case, label, evidence)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.arg("compare").arg(&folder).args(["--format", "json", "--now", &case.now]);
    for (name, value) in &case.options {
        match name.as_str() {
            "--blocked" | "--delivered" => command.arg(name).arg(folder.join(value)),
            _ => command.arg(name).arg(value),
        };
    }
    run(command, folder, environment)
}

/// Writes `evidence` into a folder of its own and runs the ticket's command about exceptions on it; candidate and approvals lie beside it.
///
/// `{sha256:FILE}` in an approval is the hash of that file of the evidence.
///
/// # Errors
/// One sentence if the program gave no document.
pub fn exception(case: &Case, label: &str, evidence: &[Evidence], environment: &[(&str, &str)]) -> Result<Run, String> {
    let whole: Vec<Evidence> = evidence.iter().map(|file| hashed(file, evidence)).collect();
    let folder = folder_of(case, label, &whole)?;
    // What a section takes away is named all the same.
    let known: Vec<Evidence> = evidence.iter().chain(&case.evidence).cloned().collect();
    let asked: Vec<Evidence> = case.candidate.iter().chain(&case.approvals).map(|file| hashed(file, &known)).collect();
    let beside = folder_of(case, &format!("{label}-asked"), &asked)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    match case.command.as_str() {
        "check" => {
            let candidate = case.candidate.as_ref().ok_or("a check without a candidate")?;
            command.args(["exception", "check"]).arg(beside.join(&candidate.name));
        }
        "propose" => {
            command.args(["exception", "propose"]);
        }
        "audit" => {
            command.arg("audit-exceptions");
        }
        other => return Err(format!("no command is called `{other}`: expected check, propose or audit")),
    }
    if !evidence.is_empty() {
        command.arg(&folder);
    }
    command.args(["--format", "json"]);
    // `now: none` leaves the clock to what the evidence states.
    if case.now != "none" {
        command.args(["--now", &case.now]);
    }
    command.args(case.options.iter().flat_map(|(name, value)| [name, value]));
    for approval in &case.approvals {
        command.arg("--approval").arg(beside.join(&approval.name));
    }
    run_to(command, folder, environment, &[0, 1, 4])
}

/// A file in which `{sha256:FILE}` is replaced by the hash of that file.
pub fn hashed(file: &Evidence, all: &[Evidence]) -> Evidence {
    let mut text = file.text.clone();
    for other in all {
        let placeholder = format!("{{sha256:{}}}", other.name);
        if text.contains(&placeholder) {
            text = text.replace(&placeholder, &sha256(&other.bytes()));
        }
    }
    Evidence { text, ..file.clone() }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new folder with the evidence in it.
fn folder_of(case: &Case, label: &str, evidence: &[Evidence]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{label}", case.name));
    // A leftover of an earlier run would be evidence.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for evidence in evidence {
        let file = folder.join(&evidence.name);
        fs::write(&file, evidence.bytes()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(folder)
}

fn run(command: Command, folder: PathBuf, environment: &[(&str, &str)]) -> Result<Run, String> {
    run_to(command, folder, environment, &[0, 1])
}

/// Runs a command that may end with one of these exit statuses and prints a document.
fn run_to(mut command: Command, folder: PathBuf, environment: &[(&str, &str)], exits: &[i32]) -> Result<Run, String> {
    command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").envs(environment.iter().copied());
    let output = command.output().map_err(|error| format!("the program does not start: {error}"))?;
    let exit = output.status.code().unwrap_or(-1);
    let stderr = String::from_utf8_lossy(&output.stderr);
    match serde_json::from_slice(&output.stdout) {
        Ok(report) if exits.contains(&exit) => Ok(Run { folder, stdout: output.stdout, report, exit }),
        Ok(_) => Err(format!("exit {exit} with a report; standard error: {}", short(&stderr))),
        Err(error) => Err(format!("exit {exit}, no JSON report ({error}); standard error: {}", short(&stderr))),
    }
}

/// The first 300 characters.
pub fn short(text: &str) -> String {
    text.trim().chars().take(300).collect()
}

/// The array under `key`, empty if there is none.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The text under `key`; `none` for null, `?` for anything else.
pub fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    match &value[key] {
        Value::Null => "none",
        other => other.as_str().unwrap_or("?"),
    }
}

/// What in a report breaks the contract, whatever the ticket.
pub fn broken_promises(run: &Run, evidence: &[Evidence]) -> Vec<String> {
    let report = &run.report;
    let mut broken = Vec::new();
    if word(report, "schema") != "throughline.report.v1" {
        broken.push(format!("schema is `{}`", word(report, "schema")));
    }
    for copy in list(report, "copies") {
        check_copy(copy, run, &mut broken);
    }
    for finding in list(report, "findings") {
        check_finding(finding, run, &mut broken);
    }
    check_several(report, &mut broken);
    let standings: Vec<&str> = list(report, "findings").iter().map(|finding| word(finding, "standing")).collect();
    if let (Some(likely), Some(proved)) =
        (standings.iter().position(|word| *word == "likely"), standings.iter().rposition(|word| *word == "proved"))
        && likely < proved
    {
        broken.push("a likely finding stands before a proved one".to_owned());
    }
    let ids: BTreeSet<&str> = list(report, "findings").iter().map(|finding| word(finding, "id")).collect();
    for step in list(report, "next_steps") {
        for because in list(step, "because") {
            if !ids.contains(because.as_str().unwrap_or("?")) {
                broken.push(format!("the step `{}` rests on {because}, which is no finding", word(step, "step")));
            }
        }
    }
    // Promise 2, for every cite wherever it stands: a part that is added to the report is held to it too.
    each_cite(report, &mut |cite| {
        if let Err(error) = open_cite(cite, &run.folder) {
            broken.push(error);
        }
    });
    check_rows(report, evidence, &mut broken);
    broken
}

/// What holds of every report on several messages: known words, cites that open, and sums that agree.
fn check_several(report: &Value, broken: &mut Vec<String>) {
    let messages = list(report, "messages");
    if messages.is_empty() {
        return;
    }
    for copy in messages.iter().flat_map(|message| list(message, "copies")) {
        let (fate, cause) = (word(copy, "fate"), &copy["cause"]);
        if !FATES.contains(&fate) {
            broken.push(format!("unknown fate `{fate}` of one of several messages"));
        }
        if !cause.is_null()
            && (list(cause, "cites").is_empty() || !["proved", "likely"].contains(&word(cause, "standing")))
        {
            broken.push(format!("the cause {} of one of several messages rests on nothing", word(cause, "id")));
        }
    }
    let counted: Vec<&Value> = messages.iter().filter(|message| message["not_counted"].is_null()).collect();
    let copies: usize = counted.iter().map(|message| list(message, "copies").len()).sum();
    let several = &report["several"];
    let grouped: usize = list(report, "shared").iter().map(|group| list(group, "of").len()).sum();
    let exceptions = list(report, "exceptions").len();
    let all_delivered =
        counted.iter().flat_map(|one| list(one, "copies")).all(|copy| word(copy, "fate") == "delivered");
    if several["messages"].as_u64() != Some(counted.len() as u64) || several["copies"].as_u64() != Some(copies as u64) {
        broken.push(format!("several counts {several}, but there are {} messages, {copies} copies", counted.len()));
    }
    if !all_delivered && grouped + exceptions != copies {
        broken.push(format!("{copies} copies, but {grouped} share a cause and {exceptions} are exceptions"));
    }
    for group in list(report, "shared") {
        if group["messages"].as_u64().is_none_or(|count| count < 2) {
            broken.push("a cause that only one message has is called shared".to_owned());
        }
    }
    let full = several["in_full"].as_u64().and_then(|at| messages.get(usize::try_from(at).ok()?));
    if full.is_none_or(|one| one["message"]["message_id"] != report["message"]["message_id"]) {
        broken.push("the message told in full is not the one that is said to be".to_owned());
    }
}

/// Every cite within a value, however deep.
pub fn each_cite(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) if fields.contains_key("said") && fields.contains_key("bytes") => visit(value),
        Value::Object(fields) => fields.values().for_each(|inner| each_cite(inner, visit)),
        Value::Array(items) => items.iter().for_each(|inner| each_cite(inner, visit)),
        _ => {}
    }
}

fn check_copy(copy: &Value, run: &Run, broken: &mut Vec<String>) {
    let who = word(copy, "envelope_recipient");
    if !FATES.contains(&word(copy, "fate")) {
        broken.push(format!("{who}: unknown fate `{}`", word(copy, "fate")));
    }
    let changed = word(copy, "changed_layer");
    if changed != "none" && !LAYERS.contains(&changed) {
        broken.push(format!("{who}: unknown changed_layer `{changed}`"));
    }
    let layers: Vec<&str> = list(copy, "layers").iter().map(|layer| word(layer, "layer")).collect();
    if layers != LAYERS {
        broken.push(format!("{who}: layers are {layers:?}"));
    }
    for layer in list(copy, "layers") {
        if !STATES.contains(&word(layer, "state")) {
            broken.push(format!("{who}: {}: unknown state `{}`", word(layer, "layer"), word(layer, "state")));
        }
        check_cites(layer, &format!("{who}: layer {}", word(layer, "layer")), run, broken);
    }
    for family in list(copy, "families") {
        let (name, standing) = (word(family, "family"), word(family, "standing"));
        if standing != "not_shown" && list(family, "cites").is_empty() {
            broken.push(format!("{who}: family {name} is {standing} without a cite"));
        }
        check_cites(family, &format!("{who}: family {name}"), run, broken);
    }
    for event in list(copy, "timeline") {
        if list(event, "cites").is_empty() {
            broken.push(format!("{who}: `{}` on the timeline has no cite", word(event, "summary")));
        }
        check_cites(event, &format!("{who}: timeline"), run, broken);
    }
}

fn check_finding(finding: &Value, run: &Run, broken: &mut Vec<String>) {
    let (id, standing) = (word(finding, "id"), word(finding, "standing"));
    if !STANDINGS.contains(&standing) {
        broken.push(format!("{id}: unknown standing `{standing}`"));
    }
    if !KINDS.contains(&word(finding, "kind")) {
        broken.push(format!("{id}: unknown kind `{}`", word(finding, "kind")));
    }
    if !LAYERS.contains(&word(finding, "layer")) {
        broken.push(format!("{id}: unknown layer `{}`", word(finding, "layer")));
    }
    if standing != "not_shown" && list(finding, "cites").is_empty() {
        broken.push(format!("{id}: {standing} without a cite"));
    }
    check_cites(finding, id, run, broken);
}

/// Promise 2: each cite opens at the very record.
fn check_cites(holder: &Value, what: &str, run: &Run, broken: &mut Vec<String>) {
    for cite in list(holder, "cites") {
        if let Err(error) = open_cite(cite, &run.folder) {
            broken.push(format!("{what}: {error}"));
        }
    }
}

/// Whether a cite opens at the very record, else why not.
///
/// # Errors
/// One sentence.
pub fn open_cite(cite: &Value, folder: &Path) -> Result<(), String> {
    let file = word(cite, "file");
    let bytes = fs::read(folder.join(file)).map_err(|error| format!("cite of {file}: {error}"))?;
    let (Some(start), Some(end)) = (cite["bytes"][0].as_u64(), cite["bytes"][1].as_u64()) else {
        return Err(format!("cite of {file}: bytes are {}", cite["bytes"]));
    };
    let range = usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX);
    let record = bytes.get(range).ok_or_else(|| format!("cite of {file}: {start}..{end} is outside the file"))?;
    let text = decode(record, &bytes);
    let said = word(cite, "said");
    if said.is_empty() || !text.starts_with(said) {
        return Err(format!("cite of {file}: said `{}`, the record is `{}`", short(said), short(&text)));
    }
    if said.chars().count() > 300 {
        return Err(format!("cite of {file}: said has more than 300 characters"));
    }
    match (cite["line"].as_u64(), cite["record"].as_u64()) {
        (Some(line), _) => {
            let before = decode(bytes.get(..start as usize).unwrap_or(&[]), &bytes);
            let counted = before.matches('\n').count() as u64 + 1;
            if line == counted {
                Ok(())
            } else {
                Err(format!("cite of {file}: says line {line}, its bytes start on line {counted}"))
            }
        }
        (None, Some(record)) if record > 0 => Ok(()),
        _ => Err(format!("cite of {file}: neither a line nor a record")),
    }
}

/// Decodes a part of a file by the byte order mark of the whole.
fn decode(part: &[u8], whole: &[u8]) -> String {
    if whole.starts_with(&[0xff, 0xfe]) {
        let units: Vec<u16> = part.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(part).into_owned()
    }
}

/// Promise 3: each row is in exactly one heap, each file is named once; evidence that is true in shape has no problems.
fn check_rows(report: &Value, evidence: &[Evidence], broken: &mut Vec<String>) {
    for file in list(report, "evidence") {
        let count = |key: &str| file[key].as_u64();
        let name = word(file, "file");
        let (Some(rows), Some(observed), Some(problems), Some(passed_over)) =
            (count("rows"), count("observed"), count("problems"), count("passed_over"))
        else {
            broken.push(format!("{name}: rows, observed, problems and passed_over are not all numbers"));
            continue;
        };
        if rows != observed + problems + passed_over {
            broken.push(format!("{name}: {rows} rows, but {observed} + {problems} + {passed_over}"));
        }
        if problems > 0 {
            broken.push(format!("{name}: {problems} rows could not be read"));
        }
        if word(file, "source") == "none" {
            broken.push(format!("{name}: not recognised"));
        }
    }
    let mut named: Vec<&str> = list(report, "evidence").iter().map(|file| word(file, "file")).collect();
    named.sort_unstable();
    let mut supplied: Vec<&str> = evidence.iter().map(|evidence| evidence.name.as_str()).collect();
    supplied.sort_unstable();
    if named != supplied {
        broken.push(format!("evidence names {named:?}, supplied were {supplied:?}"));
    }
}

/// One finding a line, for failure messages.
pub fn findings_text(report: &Value) -> String {
    let mut text = if list(report, "findings").is_empty() { "no findings".to_owned() } else { String::new() };
    for finding in list(report, "findings") {
        let places: Vec<String> = list(finding, "cites").iter().map(place).collect();
        let _ = write!(
            text,
            "\n      {} {} {} for {} at {places:?} ask_for {}",
            word(finding, "kind"),
            word(finding, "id"),
            word(finding, "standing"),
            word(finding, "envelope_recipient"),
            finding["ask_for"],
        );
    }
    text
}

/// `file:line` or `file#record` of a cite.
pub fn place(cite: &Value) -> String {
    match (cite["line"].as_u64(), cite["record"].as_u64()) {
        (Some(line), _) => format!("{}:{line}", word(cite, "file")),
        (None, Some(record)) => format!("{}#{record}", word(cite, "file")),
        (None, None) => word(cite, "file").to_owned(),
    }
}

/// Whether a cite is at `FILE`, `FILE:LINE`, `FILE:FROM-TO`, `FILE#RECORD`, or in `FILE` with these `"WORDS"`.
pub fn is_at(cite: &Value, wanted: &str) -> bool {
    let file = word(cite, "file");
    if let Some((name, words)) = wanted.strip_suffix('"').and_then(|wanted| wanted.split_once(" \"")) {
        return file == name && word(cite, "said").contains(words);
    }
    if let Some((name, record)) = wanted.rsplit_once('#') {
        return file == name && cite["record"].as_u64() == record.parse().ok();
    }
    let Some((name, lines)) = wanted.rsplit_once(':') else { return file == wanted };
    let (from, to) = lines.split_once('-').unwrap_or((lines, lines));
    let (Ok(from), Ok(to)) = (from.parse::<u64>(), to.parse::<u64>()) else { return false };
    file == name && cite["line"].as_u64().is_some_and(|line| (from..=to).contains(&line))
}
