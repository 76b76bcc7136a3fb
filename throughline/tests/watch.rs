//! `watch` as a process: what it tells, what it does not tell twice, who may watch, and what a kill leaves behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A client with its folder of exports, in a store of its own.
struct Client {
    folder: tempfile::TempDir,
}

impl Client {
    fn new() -> Client {
        let client = Client { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(client.exports()).expect("a folder");
        client
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn exports(&self) -> PathBuf {
        self.path("exports")
    }

    fn arrives(&self, name: &str, content: &str) {
        fs::write(self.exports().join(name), content).expect("written");
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(["watch", "--store"]).arg(self.path("store"));
        command.args(options).env("THROUGHLINE_USER", "ana").env_remove("NOTIFY_SOCKET");
        command
    }

    fn watching(&self, options: &[&str]) -> Command {
        let mut command = self.command(&["--client", "contoso", "--settle", "0s", "--poll", "50ms"]);
        command.arg("--in").arg(self.exports()).arg("--results").arg(self.path("alerts.jsonl")).args(options);
        command
    }

    fn once(&self) -> Output {
        self.watching(&["--once"]).output().expect("it runs")
    }

    /// The kinds of the alerts in the file, in order.
    fn told(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("alerts.jsonl")).unwrap_or_default();
        let alert = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("a line is an alert");
        text.lines().map(|line| alert(line)["kind"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// A process that is ended with what started it.
struct Running(Child);

impl Running {
    fn of(mut command: Command) -> Running {
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs"))
    }

    fn kill(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const TRACE_HEAD: &str = r#""Received","SenderAddress","RecipientAddress","Subject","Status","ToIP","FromIP","Size","MessageId","MessageTraceId""#;

fn trace(rows: &[(&str, &str)]) -> String {
    let row = |(at, id): &(&str, &str)| {
        format!(
            "\"{at}\",\"billing@supplier.example\",\"ana@example.com\",\"Invoice\",\"Delivered\",\"\",\"192.0.2.10\",\"4096\",\"<{id}@supplier.example>\",\"3f2a0021-6d1e-4c77-8b02-08de1a2b{id}\""
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("{TRACE_HEAD}\n{}\n", rows.join("\n"))
}

/// An audit log with one change of a policy.
fn audit(at: &str, policy: &str) -> String {
    let data = format!(
        r#"{{""CreationTime"":""{at}"",""Id"":""0a000001-1111-4222-8333-444455556666"",""Operation"":""Set-HostedContentFilterPolicy"",""OrganizationId"":""7d1c2b3a-4e5f-4061-8273-94a5b6c7d8e9"",""RecordType"":1,""ResultStatus"":""True"",""UserKey"":""1003200000000001"",""UserType"":2,""Version"":1,""Workload"":""Exchange"",""ObjectId"":""{policy}"",""UserId"":""admin@example.com"",""Parameters"":[{{""Name"":""Identity"",""Value"":""{policy}""}},{{""Name"":""BulkThreshold"",""Value"":""5""}}]}}"#
    );
    format!(
        "CreationDate,UserIds,Operations,AuditData\n{at},admin@example.com,Set-HostedContentFilterPolicy,\"{data}\"\n"
    )
}

#[test]
fn the_same_folder_is_told_once() {
    let client = Client::new();
    client.arrives("audit.csv", &audit("2025-11-04T16:10:05", "Sales"));
    client.arrives("trace.csv", &trace(&[("2025-11-04T18:00:00Z", "3c21"), ("2025-11-04T16:00:00Z", "3c22")]));
    client.arrives("notes.bin", "nothing that anybody exports");
    let first = client.once();
    let said = String::from_utf8_lossy(&first.stdout).into_owned();
    assert_eq!(first.status.code(), Some(6), "{said}{}", String::from_utf8_lossy(&first.stderr));
    assert!(said.contains("Set-HostedContentFilterPolicy of `Sales` by admin@example.com"), "{said}");
    let told: BTreeSet<String> = client.told().into_iter().collect();
    assert_eq!(told, BTreeSet::from(["change_checked".to_owned(), "not_readable".to_owned()]), "{said}");
    // Again; under other names; its rows in another export, with one of another day.
    for step in 0..4 {
        match step {
            1 => fs::rename(client.exports().join("trace.csv"), client.exports().join("t.csv")).expect("renamed"),
            2 => client.arrives("copy.csv", &audit("2025-11-04T16:10:05", "Sales")),
            3 => client
                .arrives("more.csv", &trace(&[("2025-11-05T18:00:00Z", "3c23"), ("2025-11-04T18:00:00Z", "3c21")])),
            _ => {}
        }
        let again = client.once();
        let said = String::from_utf8_lossy(&again.stdout).into_owned();
        assert_eq!((again.status.code(), said.as_str()), (Some(0), ""), "step {step}");
    }
    assert_eq!(client.told().len(), 2);
}

#[test]
fn a_client_that_nobody_knows_is_named() {
    let client = Client::new();
    let says_so =
        || String::from_utf8_lossy(&client.once().stderr).contains("a client with a case or a runbook, found none");
    assert!(says_so());
    let mut new = Command::new(env!("CARGO_BIN_EXE_throughline"));
    new.args(["case", "new", "--client", "contoso", "--ticket", "INC-1", "--store"]).arg(client.path("store"));
    let made = new.env("THROUGHLINE_USER", "ana").output().expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(!says_so());
}

#[test]
fn there_is_one_watcher_of_a_client() {
    let client = Client::new();
    let running = Running::of(client.watching(&[]));
    let beat = || {
        fs::read_dir(client.path("store/watch")).is_ok_and(|files| {
            files.flatten().any(|file| file.path().extension().is_some_and(|extension| extension == "json"))
        })
    };
    wait_for("the heartbeat", beat);
    let second = client.once();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(75), "{said}");
    assert!(said.contains("another process watches it already"), "{said}");
    let status = client.command(&["--status"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(0), "{said}");
    assert!(said.starts_with("contoso: in time\n"), "{said}");
    running.kill();
    assert_eq!(client.once().status.code(), Some(0), "the lock ends with the process");
}

#[test]
fn another_client_is_watched_beside_it() {
    let client = Client::new();
    let running = Running::of(client.watching(&[]));
    wait_for("the lock", || client.path("store/watch").exists());
    let mut other = client.command(&["--once", "--client", "fabrikam", "--settle", "0s", "--in"]);
    assert_eq!(other.arg(client.exports()).output().expect("it runs").status.code(), Some(0));
    running.kill();
}

/// Killed at any moment, again and again while exports arrive: each change is told once.
#[test]
fn killed_and_started_again() {
    let client = Client::new();
    let changes = 25;
    for at in 0..changes {
        client
            .arrives(&format!("audit-{at}.csv"), &audit(&format!("2025-11-04T16:{at:02}:05"), &format!("Policy {at}")));
        client.arrives(
            &format!("trace-{at}.csv"),
            &trace(&[(&format!("2025-11-04T17:{at:02}:00Z"), &format!("3c{at:02}"))]),
        );
        let running = Running::of(client.watching(&[]));
        // Mostly at any moment, now and then when something was told just now.
        let before = client.told().len();
        match at % 3 {
            0 => wait_for("an alert", || client.told().len() > before),
            _ => std::thread::sleep(Duration::from_millis(37 * at % 500)),
        }
        running.kill();
    }
    wait_for("an end", || client.once().status.code() == Some(0) && !client.told().is_empty());
    let text = fs::read_to_string(client.path("alerts.jsonl")).expect("alerts");
    for at in 0..changes {
        let named = format!("of `Policy {at}`");
        assert_eq!(text.matches(&named).count(), 1, "{named} in {text}");
    }
}

/// A row of a trace: an order for one recipient, and what became of it.
fn order(at: &str, number: u32, status: &str) -> String {
    format!(
        "{at},orders@supplier.example,dispo@client.example,Order {number},{status},,192.0.2.61,18000,<order-{number}@supplier.example>,40fb7691-2c35-4f68-a9e0-08de27fe{number}\n"
    )
}

fn orders(rows: &[String]) -> String {
    let head = "Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageId,MessageTraceId\n";
    head.to_owned() + &rows.concat()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const RUNBOOK: &str = r#"+++
schema = "throughline.runbook.v1"
client = "contoso"
slug = "orders-held"
title = "Orders of the supplier are held"
version = 1
status = "tested"
root_cause = "content-verdict/spam"
signal = 'copies.filter(c, c.fared == "blocked" && c.sender == "orders@supplier.example")'
needs = []
validation = "A later order is delivered."
rollback = "Take the change back if an order is held."
owner = "mail team"
written_by = "ben"
written_at = "2025-11-18T09:00:00Z"
verified_by = ""

[case]
number = 1
uid = "0f4c1f8e0f4c1f8e0f4c1f8e0f4c1f8e"
ticket = "INC-4711"
+++

# What it is

The filter held orders.
"#;

#[test]
fn a_signal_fires_once_an_event() {
    let client = Client::new();
    let shelf = client.path("store/runbooks/contoso");
    fs::create_dir_all(&shelf).expect("a folder");
    fs::write(shelf.join("orders-held.md"), RUNBOOK).expect("written");
    let (first, second) =
        (order("2025-11-21T09:31:44Z", 8901, "Quarantined"), order("2025-11-22T09:31:44Z", 8902, "Quarantined"));
    let fine = order("2025-11-22T10:00:00Z", 8903, "Delivered");
    for (name, content, status, count) in [
        ("quiet.csv", orders(std::slice::from_ref(&fine)), 0, 0),
        ("held.csv", orders(&[fine.clone(), first.clone()]), 5, 1),
        ("the-same-again.csv", orders(&[first.clone(), fine.clone()]), 0, 1),
        ("one-more.csv", orders(&[first.clone(), second.clone(), fine.clone()]), 5, 2),
        ("twice.csv", orders(&[second.clone(), second, first]).replace('\n', "\r\n"), 0, 2),
    ] {
        client.arrives(name, &content);
        let done = client.once();
        assert_eq!(done.status.code(), Some(status), "{name}: {}", said(&done));
        assert_eq!(client.told().iter().filter(|kind| *kind == "signal").count(), count, "{name}: {}", said(&done));
    }
    let text = fs::read_to_string(client.path("alerts.jsonl")).expect("alerts");
    let alert: serde_json::Value = serde_json::from_str(text.lines().next().unwrap_or_default()).expect("an alert");
    assert_eq!((&alert["runbook"], &alert["owner"]), (&"contoso/orders-held".into(), &"mail team".into()));
    let cite = &alert["cites"][0];
    assert_eq!((&cite["file"], &cite["line"]), (&"held.csv".into(), &3.into()), "{alert:#}");
}

/// A row of the audit log of one tenant; `parameters` is JSON.
fn cmdlet(at: &str, by: (&str, u8), operation: &str, object: &str, parameters: &str) -> String {
    let (by, kind) = by;
    let data = format!(
        r#"{{"CreationTime":"{at}","Id":"{at}","Operation":"{operation}","OrganizationId":"7d1c2b3a-4e5f-4061-8273-94a5b6c7d8e9","RecordType":1,"ResultStatus":"True","UserType":{kind},"Version":1,"Workload":"Exchange","UserId":"{by}","ObjectId":"{object}","Parameters":{parameters}}}"#
    );
    format!("{at},{by},{operation},\"{}\"\n", data.replace('"', "\"\""))
}

/// What was seen at a look at which it held shows nothing of the time since, and an export about others shows nothing of it either.
#[test]
fn a_look_that_is_due_rests_on_news() {
    use case::Store as _;
    let client = Client::new();
    let run = |command: &mut Command| {
        let done = command.args(["--as", "ana", "--store"]).arg(client.path("store")).output().expect("it runs");
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    };
    let program = || Command::new(env!("CARGO_BIN_EXE_throughline"));
    let others = |at: &str, number: u32| {
        order(at, number, "Delivered").replace("orders@supplier", "news@bulletin").replace("@supplier", "@bulletin")
    };
    let rows = [order("2025-11-17T09:31:44Z", 8841, "Quarantined"), others("2025-11-17T16:20:00Z", 8842)];
    fs::write(client.path("ticket.csv"), orders(&rows)).expect("written");
    let mut new = program();
    new.args(["case", "new", "--client", "Contoso", "--message-id", "order-8841@supplier.example"]);
    run(new.arg(client.path("ticket.csv")));
    let mut store = case::Sqlite::open(&client.path("store/throughline.sqlite3")).expect("a store");
    let uid = store.list(&case::Wanted::default()).expect("cases")[0].uid.clone();
    let deed = case::Deed::ChangeMade {
        made_at: "2025-11-18T12:00:00Z".parse().expect("an instant"),
        candidate:
            "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries 'orders@supplier.example' -NoExpiration"
                .to_owned(),
        guard: Some("narrow".to_owned()),
        ends: None,
        messages: None,
    };
    let at = "2025-11-18T12:10:00Z".parse().expect("an instant");
    store.append(&uid, vec![case::Draft { at, who: "ana".to_owned(), key: None, deed }]).expect("noted");
    drop(store);
    let rows = [
        others("2025-11-18T12:31:00Z", 8850),
        order("2025-11-19T09:02:11Z", 8860, "Delivered"),
        others("2025-11-20T06:55:00Z", 8861),
    ];
    fs::write(client.path("after.csv"), orders(&rows)).expect("written");
    let (ana, push) = (("ana@example.com", 2), ("push@example.com", 5));
    let list = r#"[{"Name":"ListType","Value":"Sender"},{"Name":"Allow","Value":"True"},{"Name":"Entries","Value":"orders@supplier.example"},{"Name":"NoExpiration","Value":"True"}]"#;
    let size = r#"[{"Name":"Identity","Value":"kai"},{"Name":"MaxSendSize","Value":"25 MB"}]"#;
    let policy = r#"[{"Name":"Identity","Value":"Default"},{"Name":"SpamAction","Value":"Quarantine"}]"#;
    let log = [
        "CreationDate,UserIds,Operations,AuditData\n".to_owned(),
        cmdlet("2025-11-18T07:05:00", ana, "Set-Mailbox", "kai", size),
        cmdlet("2025-11-18T12:00:10", ana, "New-TenantAllowBlockListItems", "", list),
        cmdlet("2025-11-19T02:00:07", push, "Set-HostedContentFilterPolicy", "Default", policy),
        cmdlet("2025-11-20T06:40:00", ana, "Set-Mailbox", "kai", size),
    ];
    fs::write(client.path("log.csv"), log.concat()).expect("written");
    let mut verify = program();
    verify.args(["verify", "1", "--now", "2025-11-20T08:00:00Z"]);
    run(verify.args([client.path("after.csv"), client.path("log.csv")]));
    client.arrives("later.csv", &orders(&[others("2025-11-21T10:10:00Z", 8870)]));
    let done = client.once();
    assert_eq!(client.told(), ["cannot_tell"], "{}", said(&done));
    assert_eq!(done.status.code(), Some(6), "{}", said(&done));
    assert!(said(&done).contains("2025-11-20 08:00:00Z, when it was looked at and held"), "{}", said(&done));
}

#[test]
fn a_change_of_a_case_that_does_not_hold() {
    use case::Store as _;
    let client = Client::new();
    let ticket = client.path("ticket.csv");
    fs::write(&ticket, orders(&[order("2025-11-17T09:31:44Z", 8841, "Quarantined")])).expect("written");
    let mut new = Command::new(env!("CARGO_BIN_EXE_throughline"));
    new.args([
        "case",
        "new",
        "--client",
        "Contoso",
        "--message-id",
        "order-8841@supplier.example",
        "--as",
        "ana",
        "--store",
    ]);
    let new = new.arg(client.path("store")).arg(&ticket).output().expect("it runs");
    assert_eq!(new.status.code(), Some(0), "{}", said(&new));
    let mut store = case::Sqlite::open(&client.path("store/throughline.sqlite3")).expect("a store");
    let uid = store.list(&case::Wanted::default()).expect("cases")[0].uid.clone();
    let deed = case::Deed::ChangeMade {
        made_at: "2025-11-18T08:00:00Z".parse().expect("an instant"),
        candidate: "New-TenantAllowBlockListItems -ListType Sender -Entries orders@supplier.example -Allow".to_owned(),
        guard: Some("narrow".to_owned()),
        ends: None,
        messages: None,
    };
    let at = "2025-11-18T08:05:00Z".parse().expect("an instant");
    store.append(&uid, vec![case::Draft { at, who: "ana".to_owned(), key: None, deed }]).expect("noted");
    // An export from before the change is none of the time after it.
    client.arrives("before.csv", &orders(&[order("2025-11-17T09:31:44Z", 8841, "Quarantined")]));
    let old: std::time::SystemTime = "2025-11-17T12:00:00Z".parse::<jiff::Timestamp>().expect("an instant").into();
    let file = fs::File::options().write(true).open(client.exports().join("before.csv")).expect("a file");
    file.set_modified(old).expect("set");
    let done = client.once();
    assert_eq!((done.status.code(), client.told().len()), (Some(0), 0), "{}", said(&done));
    client.arrives("after.csv", &orders(&[order("2025-11-21T09:31:44Z", 8901, "Quarantined")]));
    let path = client.exports().join("after.csv");
    let written: std::time::SystemTime = "2025-11-21T12:00:00Z".parse::<jiff::Timestamp>().expect("an instant").into();
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(written)).expect("set");
    let done = client.once();
    assert_eq!(done.status.code(), Some(5), "{}", said(&done));
    assert_eq!(client.told(), ["came_back"]);
    let case = store.list(&case::Wanted::default()).expect("cases").remove(0);
    assert_eq!(case.status, case::Status::CameBack);
    let journal = store.journal(&uid).expect("a journal");
    let last = journal.last().expect("an entry");
    assert_eq!((last.deed.word(), last.who.as_str()), ("verified", "throughline watch"));
    assert_eq!(client.once().status.code(), Some(0), "it is told once");
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_hears_that_it_is_ready_and_alive() {
    let client = Client::new();
    let path = client.path("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    let mut command = client.watching(&[]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let running = Running::of(command);
    let mut heard = BTreeSet::new();
    while heard.len() < 2 {
        let mut message = [0_u8; 256];
        let length = socket.recv(&mut message).expect("a message");
        heard.insert(String::from_utf8_lossy(&message[..length]).into_owned());
    }
    assert_eq!(heard, BTreeSet::from(["READY=1".to_owned(), "WATCHDOG=1".to_owned()]));
    running.kill();
}

#[test]
fn what_cannot_be_watched() {
    let client = Client::new();
    let config = client.path("watch.toml");
    fs::write(&config, "[[client]]\nname = \"contoso\"\nin = \"exports\"\nschedule = \"61 6 * * *\"\n")
        .expect("written");
    for (options, expected) in [
        (vec!["--once"], "at least one client"),
        (vec!["--once", "--config", "no-such-file.toml"], "expected a configuration"),
        (vec!["--once", "--config", config.to_str().unwrap_or_default()], "schedule of `contoso`"),
        (
            vec!["--once", "--client", "contoso", "--in", ".", "--schedule", "0 6 * * *", "--zone", "Nowhere/Land"],
            "IANA zone",
        ),
        (vec!["--once", "--client", "contoso", "--in", ".", "--settle", "soon"], "a span such as"),
    ] {
        let done = client.command(&options).output().expect("it runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.contains(expected), "{options:?}: {said}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_told_until_it_is() {
    let client = Client::new();
    fs::remove_dir(client.exports()).expect("removed");
    assert_eq!(client.once().status.code(), Some(6));
    assert_eq!(client.once().status.code(), Some(0), "it is known");
    fs::create_dir(client.exports()).expect("a folder");
    assert_eq!(client.once().status.code(), Some(0));
    fs::remove_dir(client.exports()).expect("removed");
    assert_eq!(client.once().status.code(), Some(6), "it is so again");
    assert_eq!(client.told(), ["not_readable", "not_readable"]);
}

/// The units in the docs are ones that systemd reads.
#[test]
fn the_units_of_the_docs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/systemd");
    for name in ["throughline-watch.service", "throughline-watch-once.service", "throughline-watch-once.timer"] {
        let unit = fs::read_to_string(folder.join(name)).expect(name);
        assert!(unit.contains("[Unit]") && unit.contains("Description="), "{name}");
    }
}
