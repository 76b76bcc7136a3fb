//! The program as a user runs it: statuses, words, and nothing on the wrong stream.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn throughline(arguments: &[&str]) -> Output {
    command(arguments).output().expect("it runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // The program may refuse its arguments before it reads.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("it ends")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path.to_string_lossy().into_owned()
}

#[test]
fn usage_is_status_2() {
    let root = tempfile::tempdir().expect("a folder");
    let file = put(root.path(), "a.csv", b"x");
    for (arguments, words) in [
        (vec!["follow"], "PATH"),
        (vec!["follow", &file, "--format", "pdf"], "possible values: text, json, markdown, html"),
        (
            vec!["follow", &file, "--tz", "Mars/Base"],
            "--tz: expected UTC, an offset or an IANA zone, found `Mars/Base`",
        ),
        (vec!["follow", &file, "--at", "noon"], "--at: expected an instant, found `noon`. Try --at 2026-08-20T09:14Z"),
        (vec!["follow", &file, "--now", "\u{1b}[2J"], "found `\\u{1b}[2J`"),
        (vec!["follow", &file, "--message-id", "<>"], "--message-id: expected a Message-ID, found an empty one"),
        (vec!["follow", &file, "--width", "3"], "3 is not in 40..=500"),
        (vec!["sources", "no/such"], "expected a kind of export, found `no/such`"),
        (vec!["symptoms", "stale-serch"], "found `stale-serch`. Did you mean stale-search"),
        (vec!["symptoms", "zzz-qqq"], "`throughline symptoms` lists them"),
        (vec!["symptoms", "\u{1b}[2J-x", "--in"], "a value is required for '--in <PATH>'"),
        (vec!["man", "no-such"], "expected a command, found `no-such`"),
        (vec!["no-such"], "unrecognized subcommand"),
    ] {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains(words), "{arguments:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{arguments:?}");
    }
}

#[test]
fn nothing_readable_is_status_3() {
    let root = tempfile::tempdir().expect("a folder");
    let empty_folder = root.path().join("nothing");
    std::fs::create_dir(&empty_folder).expect("made");
    for (path, words) in [
        (put(root.path(), "empty.csv", b""), "the file is empty"),
        (put(root.path(), "noise.bin", &[0, 1, 2, 3, 255, 0, 7, 7, 1, 1]), "found binary data"),
        (put(root.path(), "print.pdf", b"%PDF-1.7 ..."), "found a PDF"),
        (put(root.path(), "poem.txt", b"so much depends\nupon\n"), "throughline sources"),
        (put(root.path(), "cut.zip", b"PK\x03\x04rubbish"), "the file may be cut"),
        (empty_folder.to_string_lossy().into_owned(), "expected at least one file, found none"),
        ("no/such/file".to_owned(), "no/such/file: expected a file or folder, found no such file or folder"),
    ] {
        let output = throughline(&["follow", &path]);
        assert_eq!(output.status.code(), Some(3), "{path}: {}", err(&output));
        assert!(err(&output).starts_with("throughline: nothing readable"), "{}", err(&output));
        assert!(err(&output).contains(words), "{path}: {}", err(&output));
        assert_eq!(out(&output), "", "{path}");
    }
}

#[test]
fn standard_input_is_read() {
    let output = with_input(&["follow", "-"], b"");
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("standard-input: the file is empty"), "{}", err(&output));
}

#[test]
fn help_has_examples() {
    for arguments in ["follow", "sources", "codes", "causes", "symptoms", "reconcile", "completions", "man"]
        .map(|command| [command, "--help"])
    {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains("Example"), "{}", out(&output));
        assert!(!out(&output).contains('\u{1b}'), "no colour in a pipe");
    }
}

#[test]
fn definitions_give_completions_and_pages() {
    for (arguments, words) in [
        (vec!["completions", "bash"], "--message-id"),
        (vec!["completions", "zsh"], "--message-id"),
        (vec!["completions", "powershell"], "--message-id"),
        (vec!["man"], ".TH throughline 1"),
        (vec!["man", "follow"], "message\\-id"),
        (vec!["--version"], "throughline "),
    ] {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(out(&output).contains(words), "{arguments:?}: {}", out(&output));
    }
}

#[test]
fn every_source_has_a_page() {
    let listed = throughline(&["sources"]);
    assert_eq!(listed.status.code(), Some(0));
    for source in sources::ALL {
        assert!(out(&listed).contains(source.id()));
        let page = throughline(&["sources", source.id()]);
        assert_eq!(page.status.code(), Some(0));
        assert!(out(&page).contains(source.title()), "{}", source.id());
    }
}

/// A reader that closes early is no fault: no message, no panic.
#[test]
fn closed_pipe_is_quiet() {
    let mut child =
        command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
}

#[test]
fn codes_are_explained() {
    for (arguments, status, words) in [
        (vec!["codes", "5.7.64"], 0, "connector-routing/connector-restriction"),
        (vec!["codes", "550 5.7.64 TenantAttribution; Relay Access Denied"], 0, "spoken by Exchange Online"),
        (vec!["codes", "550", "5.7.1", "Access", "denied"], 0, "which cause, only the text decides"),
        (vec!["codes", "5.1.1"], 0, "connector-routing/recipient-unknown"),
        (vec!["codes", "5.7.999"], 0, "no list has this code, and no more is known of it"),
        (vec!["codes", "250 2.1.5 fine"], 1, "no refusal"),
        (vec!["codes"], 0, "Codes and texts: Mimecast"),
        (vec!["codes", "5.7.26", "--format", "json"], 0, "\"list\": \"Gmail\""),
        (vec!["codes", "5.7.26", "--format", "html"], 0, "<h2"),
    ] {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", err(&output));
        let text = out(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    let notice = b"<a@example.com>: host mx.example.com said:\n 550 5.1.1 unknown\n\n<b@example.com>: 452 4.2.2 full\n";
    let output = with_input(&["codes", "-", "--format", "json"], notice);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["replies"][0]["meaning"]["cause"], "connector-routing/recipient-unknown");
    assert_eq!(told["replies"][1]["meaning"]["cause"], "connector-routing/mailbox-full");
}

/// A report of two totals, and a trace of three rows: one of them agrees, of the other there are no rows.
#[test]
fn totals_are_reconciled() {
    let report = |outbound: &str| {
        format!(
            "[{{\"Date\":\"2026-11-04T00:00:00\",\"Direction\":\"Inbound\",\"EventType\":\"GoodMail\",\"MessageCount\":3}}, \
             {{\"Date\":\"2026-11-04T00:00:00\",\"Direction\":\"Inbound\",\"EventType\":\"EdgeBlockSpam\",\"MessageCount\":70}}{outbound}]"
        )
    };
    let row = |number: u32| {
        format!(
            "\"2026-11-04T0{number}:00:00\",\"s{number}@supplier.example\",\"r{number}@client.example\",\"Offer\",\"Delivered\",\"\",\"192.0.2.7\",\"4711\",\"<o.{number}@supplier.example>\",\"3f2a000{number}-6d1e-4c77-8b02-08de1a2b3c29\"\n"
        )
    };
    let trace = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n".to_owned()
        + &(1..=3).map(row).collect::<String>();
    let folder = std::env::temp_dir().join(format!("throughline-reconcile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    write("trace.csv", &trace);
    let path = folder.to_string_lossy().into_owned();
    let outbound =
        ", {\"Date\":\"2026-11-04T00:00:00\",\"Direction\":\"Outbound\",\"EventType\":\"GoodMail\",\"MessageCount\":9}";
    for (more, status, outcomes) in [("", 0, vec!["explained"]), (outbound, 1, vec!["explained", "not_comparable"])] {
        write("mail_flow_2026-11-06T0700Z.json", &report(more));
        let output = throughline(&["reconcile", &path, "--format", "json"]);
        assert_eq!(output.status.code(), Some(status), "{}", err(&output));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(told["schema"], "throughline.reconciliation.v1");
        let found: Vec<&str> =
            told["totals"].as_array().expect("totals").iter().filter_map(|one| one["outcome"].as_str()).collect();
        assert_eq!(found, outcomes);
        assert_eq!(told["totals"][0]["steps"][0]["value"], -70);
        assert_eq!(told["totals"][0]["residue"], 0);
        assert_eq!(told["totals"][0]["report"]["read_at"], "2026-11-06T07:00:00Z");
    }
    for (format, words) in [("text", "refused at the edge"), ("markdown", "refused at the edge"), ("html", "<h2")] {
        let output = throughline(&["reconcile", &path, "--format", format]);
        assert!(out(&output).contains(words), "{format}: {}", out(&output));
    }
    let nothing = throughline(&["reconcile", "/nowhere/at/all"]);
    assert_eq!(nothing.status.code(), Some(3), "{}", err(&nothing));
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}

/// A ticket in which a nightly push undoes an exception.
const RETURNS: &str =
    include_str!("../../findings/src/symptoms/returns_after_policy_refresh/cases/nightly_push_undoes_the_exception.md");

/// A file of a ticket.
fn file_of<'t>(ticket: &'t str, name: &str) -> &'t str {
    let (_, rest) = ticket.split_once(&format!(" {name}\n")).expect("the file is there");
    rest.split_once("~~~").or(rest.split_once("```")).expect("it ends").0
}

/// The head of a message trace.
const TRACE: &str = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"\n";

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn symptoms_lead_from_words_to_a_page() {
    for (arguments, status, expected) in [
        (vec!["symptoms"], 0, "An integration duplicates actions and raises conflicting alerts. duplicate-actions"),
        (vec!["symptoms", "returns-after-policy-refresh"], 0, "What to look at, in order 1."),
        (
            vec!["symptoms", "Stale", "search"],
            0,
            "Search or an index shows stale results after a remediation. What it is",
        ),
        (
            vec!["symptoms", "returns-after-policy-refresh"],
            0,
            "$ throughline symptoms returns-after-policy-refresh --in exports/",
        ),
        (
            vec!["symptoms", "the fix did not last, mail is blocked again"],
            0,
            "$ throughline symptoms returns-after-policy-refresh",
        ),
        (vec!["symptoms", "xyzzy", "plugh"], 1, "None of the symptoms fits these words."),
        (vec!["symptoms", "--format", "markdown"], 0, "# Symptoms"),
        (vec!["symptoms", "stale-search", "--format", "html"], 0, "<h1>Search or an index shows stale results"),
    ] {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", err(&output));
        assert!(words(&out(&output)).contains(expected), "{arguments:?}: {}", out(&output));
    }
    let told: serde_json::Value =
        serde_json::from_slice(&throughline(&["symptoms", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(told["schema"], "throughline.symptoms.v1");
    assert_eq!(told["symptoms"].as_array().map(Vec::len), Some(findings::symptoms::ALL.len()));
}

#[test]
fn every_symptom_has_a_page_with_its_exports() {
    for symptom in findings::symptoms::ALL {
        let output = throughline(&["symptoms", symptom.id(), "--format", "json"]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(told["symptoms"][0]["id"], symptom.id());
        let page = throughline(&["symptoms", symptom.id()]);
        assert_eq!(page.status.code(), Some(0), "{}", symptom.id());
        let guide = findings::symptoms::guides().iter().find(|guide| guide.id == symptom.id()).expect("a page");
        for collect in &guide.collect {
            let source = sources::source(&collect.source).expect("a kind");
            let way = source.export().command.or(source.export().clicks).unwrap_or_default();
            assert!(words(&out(&page)).contains(&words(way)), "{}: {}", symptom.id(), collect.source);
        }
        for cause in &guide.cause {
            assert!(words(&out(&page)).contains(&words(&cause.fix)), "{}: {}", symptom.id(), cause.id);
        }
    }
}

#[test]
fn records_say_which_symptom_they_show() {
    let root = tempfile::tempdir().expect("a folder");
    let quiet = format!(
        "{TRACE}\"11/16/2026 4:40:10 PM\",\"orders@supplier.example\",\"dispo@client.example\",\"Order 8850\",\"Delivered\",\"\",\"192.0.2.61\",\"18002\",\"<order-8850@supplier.example>\",\"5a1e0002-2c35-4f68-a9e0-08de27a4e502\"\n"
    );
    let quiet = put(root.path(), "quiet.csv", quiet.as_bytes());
    for arguments in
        [vec!["symptoms", "--in", &quiet], vec!["symptoms", "returns-after-policy-refresh", "--in", &quiet]]
    {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        assert!(words(&out(&output)).contains("None that was looked for shows in these records."), "{}", out(&output));
    }
    let page = throughline(&["symptoms", "returns-after-policy-refresh", "--in", &quiet]);
    assert!(words(&out(&page)).contains("✓ required: Exchange Online message trace"), "{}", out(&page));
    assert!(words(&out(&page)).contains("there: quiet.csv"), "{}", out(&page));
    assert!(words(&out(&page)).contains("? required: Microsoft 365 unified audit log"), "{}", out(&page));
    let trace = put(root.path(), "trace.csv", file_of(RETURNS, "trace.csv").as_bytes());
    let audit = put(root.path(), "audit_log.csv", file_of(RETURNS, "audit_log.csv").as_bytes());
    for (arguments, status, expected) in [
        (vec!["symptoms", "--in", &trace, "--in", &audit], 0, "proved returns-after-policy-refresh/automation-reverts"),
        (
            vec!["symptoms", "it came back", "--in", &trace, "--in", &audit],
            0,
            "Cause An automation sets the policy back",
        ),
        (vec!["symptoms", "stale-search", "--in", &trace, "--in", &audit], 1, "None that was looked for shows"),
        (vec!["symptoms", "--in", &trace], 1, "not shown returns-after-policy-refresh"),
        (vec!["follow", &trace, &audit], 0, "proved returns-after-policy-refresh/automation-reverts"),
    ] {
        let output = throughline(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", err(&output));
        assert!(words(&out(&output)).contains(expected), "{arguments:?}: {}", out(&output));
    }
    let output = throughline(&["symptoms", "--in", &trace, "--in", &audit, "--format", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["report"]["findings"][0]["specific"], "automation-reverts");
    assert_eq!(told["report"]["findings"][0]["picture"]["shape"], "event_strip");
    let poem = put(root.path(), "poem.txt", b"so much depends\nupon\n");
    let output = throughline(&["symptoms", "--in", &poem]);
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(err(&output).starts_with("throughline: nothing readable"), "{}", err(&output));
    // What cannot be read stands beside what can.
    let output = throughline(&["symptoms", "--in", &quiet, "--in", &poem, "--in", "no/such"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(out(&output).contains("poem.txt") && out(&output).contains("no/such"), "{}", out(&output));
}
