//! Runbooks: drafted from tickets, tried on their evidence, checked on other evidence, each client's apart.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use support::rewrites::REWRITES;
use support::{Case, Evidence, each_cite, list, open_cite, short, word};

const TRACE: &str =
    "Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageId,MessageTraceId\n";
const HELD: &str = "2026-11-17T09:31:44Z,orders@supplier.example,dispo@client.example,Order 8841,Quarantined,,192.0.2.61,18000,<order-8841@supplier.example>,40fb7691-2c35-4f68-a9e0-08de27fec92e\n";
const OTHER: &str = "2026-11-17T08:12:03Z,news@bulletin.example,dispo@client.example,Issue 46,Delivered,,192.0.2.7,18000,<issue-46@bulletin.example>,3bdb6425-2c35-4f68-a9e0-08de272b9544\n";
const DELIVERED: &str = "2026-11-19T09:02:11Z,orders@supplier.example,dispo@client.example,Order 8860,Delivered,,192.0.2.61,18000,<order-8860@supplier.example>,68834577-2c35-4f68-a9e0-08de27364e77\n";
const HELD_AGAIN: &str = "2026-11-21T09:31:44Z,orders@supplier.example,dispo@client.example,Order 8901,Quarantined,,192.0.2.61,18000,<order-8901@supplier.example>,50fb7691-2c35-4f68-a9e0-08de27fec92f\n";
const QUARANTINE: &str = "Identity,ReceivedTime,SenderAddress,RecipientAddress,Subject,MessageId,Type,QuarantineTypes,PolicyType,PolicyName,Direction,Expires,ReleaseStatus,Released\n";
const HELD_ROW: &str = "40fb7691-2c35-4f68-a9e0-08de27fec92e\\0f1e2d3c-4b5a-4697-8877-66554433aa51,2026-11-17T09:31:46Z,orders@supplier.example,dispo@client.example,Order 8841,<order-8841@supplier.example>,Spam,Spam,HostedContentFilterPolicy,Default,Inbound,2026-12-17T09:31:46Z,NOTRELEASED,False\n";
const HELD_AGAIN_ROW: &str = "50fb7691-2c35-4f68-a9e0-08de27fec92f\\0f1e2d3c-4b5a-4697-8877-66554433aa51,2026-11-21T09:31:46Z,orders@supplier.example,dispo@client.example,Order 8901,<order-8901@supplier.example>,Spam,Spam,HostedContentFilterPolicy,Default,Inbound,2026-12-21T09:31:46Z,NOTRELEASED,False\n";

/// A store of its own, and files beside it.
struct Desk {
    root: PathBuf,
}

/// What the program said.
struct Said {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new(name: &str) -> Desk {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runbook").join(name);
        make_writable(&root);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        Desk { root }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    fn run(&self, words: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.args(words).arg("--store").arg(self.store()).args(["--now", support::NOW, "--as", "ben"]);
        let output = command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { exit: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs a command that ends with `exit`, and gives its document.
    fn json(&self, exit: i32, words: &[&str]) -> Value {
        let said = self.run(&[words, &["--format", "json"]].concat());
        assert_eq!(said.exit, exit, "{words:?}\n{}\n{}", short(&said.stdout), said.stderr);
        serde_json::from_str(&said.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}\n{}\n{}", said.stdout, said.stderr))
    }

    /// Opens a case with evidence.
    fn case(&self, client: &str, paths: &[&str], options: &[&str]) {
        let said = self.run(&[&["case", "new", "--client", client], paths, options].concat());
        assert!([0, 1].contains(&said.exit), "{}", said.stderr);
    }

    /// A ticket whose order was held as spam, with the evidence from after the change if it is wanted.
    fn held(&self, client: &str) {
        let trace = self.file("before/trace.csv", &format!("{TRACE}{OTHER}{HELD}"));
        let quarantine = self.file("before/quarantine.csv", &format!("{QUARANTINE}{HELD_ROW}"));
        self.case(
            client,
            &[&trace, &quarantine],
            &["--message-id", "order-8841@supplier.example", "--ticket", "INC-4711"],
        );
    }
}

fn make_writable(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            make_writable(&entry.path());
        }
    }
}

fn keys(document: &Value) -> Vec<String> {
    let all = list(document, "runbooks").iter().flat_map(|ran| list(ran, "events"));
    all.map(|event| word(event, "key").to_owned()).collect()
}

/// From the ticket to the next return, and all that stands between.
#[test]
fn a_ticket_teaches_and_the_signal_notices() {
    let desk = Desk::new("life");
    desk.held("Contoso");
    let name = "Contoso/spam";
    let draft = desk.json(1, &["runbook", "new", "1", "--owner", "mail team"]);
    assert_eq!(draft["runbook"]["status"], "draft", "nothing was verified yet");
    assert_eq!(draft["runbook"]["root_cause"], "content-verdict/spam");
    assert_eq!(draft["test"]["ticket"]["answer"], "fires");
    assert_eq!(draft["test"]["verified"]["answer"], "cannot_tell");
    assert_eq!(draft["runbook"]["version"], 1);

    // The export from after the change shows the held one once more, beside a later one that arrived.
    let after = desk.file("after/trace.csv", &format!("{TRACE}{OTHER}{HELD}{DELIVERED}"));
    assert_eq!(desk.run(&["case", "add", "1", &after, "--verification"]).exit, 0);
    let tested = desk.json(0, &["runbook", "new", "1", "--owner", "mail team"]);
    assert_eq!((&tested["runbook"]["status"], &tested["runbook"]["version"]), (&"tested".into(), &2.into()));
    assert_eq!(tested["test"]["verified"]["answer"], "quiet", "{}", tested["test"]["verified"]);
    let file = PathBuf::from(word(&tested, "file"));
    assert!(file.ends_with("runbooks/contoso/spam.md") && file.with_file_name("spam.v1.md").exists());
    for (version, expected) in [("1", "draft"), ("2", "tested")] {
        assert_eq!(desk.json(0, &["runbook", "show", name, "--version", version])["status"], expected);
    }
    assert_eq!(list(&desk.json(0, &["runbook", "list", "--client", "contoso"]), "runbooks").len(), 1);
    assert_eq!(desk.json(0, &["runbook", "test", name])["passed"], true);
    for face in ["text", "markdown", "html"] {
        for words in [&["runbook", "show", name][..], &["runbook", "list"], &["runbook", "test", name]] {
            let said = desk.run(&[words, &["--format", face]].concat());
            assert!(
                said.exit == 0 && said.stdout.contains("content-verdict/spam"),
                "{words:?} {face}: {}",
                said.stderr
            );
        }
    }

    // The journal holds the hash of each version.
    let journal = fs::read_to_string(&file).unwrap();
    let entries = desk.json(0, &["case", "journal", "1"]).to_string();
    assert!(entries.contains("runbook_written") && entries.contains(word(&tested, "sha256")), "{entries}");
    assert!(journal.starts_with("+++\nschema = \"throughline.runbook.v1\"\nclient = \"Contoso\"\n"), "{journal}");

    // Other evidence: quiet, there again, and not to be told.
    let later = desk.file("later/trace.csv", &format!("{TRACE}{DELIVERED}{HELD_AGAIN}"));
    let quarantine = desk.file("later/quarantine.csv", &format!("{QUARANTINE}{HELD_AGAIN_ROW}"));
    let clean = desk.file("quiet/trace.csv", &format!("{TRACE}{OTHER}{DELIVERED}"));
    let quiet = desk.json(0, &["runbook", "check", name, &clean]);
    assert_eq!(quiet["answer"], "quiet");
    let fires = desk.json(5, &["runbook", "check", name, &later, &quarantine]);
    let event = &fires["runbooks"][0]["events"][0];
    assert_eq!(list(&fires["runbooks"][0], "events").len(), 1, "{fires}");
    assert!(
        word(event, "statement").contains("orders@supplier.example to dispo@client.example at 2026-11-21 09:31Z"),
        "{event}"
    );
    each_cite(&fires, &mut |cite| open_cite(cite, &desk.root.join("later")).unwrap_or_else(|error| panic!("{error}")));
    let all = desk.json(5, &["runbook", "check", "contoso/", &later, &quarantine]);
    assert_eq!(keys(&all), keys(&fires));
    let cannot = desk.json(6, &["runbook", "check", name, &later]);
    assert!(
        !list(&cannot["runbooks"][0], "ask_for").is_empty(),
        "the reason of the hold is not in the trace: {cannot}"
    );
    let audit = desk.file("audit/audit.csv", "CreationDate,UserIds,Operations,AuditData\n2026-11-18T07:05:00,a@client.example,Set-Mailbox,\"{\"\"CreationTime\"\":\"\"2026-11-18T07:05:00\"\",\"\"Id\"\":\"\"0a000000-1111-4222-8333-444455556600\"\",\"\"Operation\"\":\"\"Set-Mailbox\"\",\"\"RecordType\"\":1,\"\"UserId\"\":\"\"a@client.example\"\",\"\"ObjectId\"\":\"\"kai\"\",\"\"Parameters\"\":[]}\"\n");
    let cannot = desk.json(6, &["runbook", "check", name, &audit]);
    assert!(
        list(&cannot["runbooks"][0], "ask_for").iter().any(|kind| kind == "exchange-online/quarantine"),
        "{cannot}"
    );
}

/// What was held and let go each day is there again; what simply arrived is not.
#[test]
fn what_somebody_let_go_is_there_again() {
    let desk = Desk::new("let-go");
    desk.held("contoso");
    desk.json(1, &["runbook", "new", "1", "--owner", "mail team"]);
    let arrived = HELD_AGAIN.replace("Quarantined", "Delivered");
    let trace = desk.file("later/trace.csv", &format!("{TRACE}{OTHER}{arrived}"));
    let row = HELD_AGAIN_ROW.replace("NOTRELEASED,False", "RELEASED,True");
    let released = desk.file("later/quarantine.csv", &format!("{QUARANTINE}{row}"));
    let fires = desk.json(5, &["runbook", "check", "contoso/spam", &trace, &released]);
    assert_eq!(list(&fires["runbooks"][0], "events").len(), 1, "{fires}");
    let other = row.replace("orders@supplier.example", "news@bulletin.example").replace("order-8901", "issue-50");
    let other = desk.file("other/quarantine.csv", &format!("{QUARANTINE}{other}"));
    desk.json(0, &["runbook", "check", "contoso/spam", &trace, &other]);
}

/// An export that could not show it is no sign that it is not there.
#[test]
fn quiet_needs_an_export_that_could_show_it() {
    let desk = Desk::new("could-show");
    desk.held("contoso");
    desk.json(1, &["runbook", "new", "1", "--owner", "mail team"]);
    let empty = desk.file("empty/trace.csv", TRACE);
    desk.json(6, &["runbook", "check", "contoso/spam", &empty]);
    let clean = desk.file("clean/trace.csv", &format!("{TRACE}{OTHER}"));
    desk.json(0, &["runbook", "check", "contoso/spam", &clean]);

    desk.case("demo", &["../demo"], &[]);
    let drafted = desk.json(1, &["runbook", "new", "2", "--owner", "mail team"]);
    let name = format!("demo/{}", word(&drafted["runbook"], "slug"));
    for alone in ["message-trace.csv", "release-log.json"] {
        let file = format!("../demo/{alone}");
        desk.json(6, &["runbook", "check", &name, &file]);
    }
    desk.json(6, &["runbook", "check", &name, &clean]);
    desk.json(5, &["runbook", "check", &name, "../demo"]);
}

/// A signal that does not fire on the ticket, or fires on what was verified, is not kept.
#[test]
fn a_signal_that_does_not_pass_is_refused() {
    let desk = Desk::new("refused");
    desk.held("contoso");
    let after = desk.file("after/trace.csv", &format!("{TRACE}{OTHER}{DELIVERED}"));
    desk.run(&["case", "add", "1", &after, "--verification"]);
    for (name, signal, said) in [
        (
            "does not fire",
            "copies.filter(c, c.sender_domain == \"other.example\")",
            "does not fire on the ticket's evidence",
        ),
        (
            "fires on both",
            "copies.filter(c, c.sender_domain == \"supplier.example\")",
            "also fires on what was verified",
        ),
        (
            "fires on the verified only",
            "copies.filter(c, c.at > time(\"2026-11-18T00:00:00Z\"))",
            "and fires on what was verified",
        ),
        (
            "looks at what is not there",
            "audit.filter(a, a.kind == \"changed\")",
            "does not fire on the ticket's evidence",
        ),
    ] {
        let refused = desk.json(4, &["runbook", "new", "1", "--signal", signal]);
        assert!(word(&refused["test"], "statement").contains(said), "{name}: {}", refused["test"]["statement"]);
        assert!(refused["file"].is_null());
    }
    assert!(list(&desk.json(0, &["runbook", "list"]), "runbooks").is_empty());
    for (name, signal, said) in [
        ("no CEL", "copies.filter(", "expected an expression in CEL"),
        ("another name", "mails.exists(m, true)", "found `mails`"),
        ("another field", "copies.exists(c, c.sendr == \"x\")", "Perhaps `sender`"),
        ("too long", &"x".repeat(5_000), "expected 1 to 4000 characters"),
    ] {
        let said_at = desk.run(&["runbook", "new", "1", "--signal", signal]);
        assert!(said_at.exit == 2 && said_at.stderr.contains(said), "{name}: {} {}", said_at.exit, said_at.stderr);
    }
    let slug = desk.run(&["runbook", "new", "1", "--slug", "../../x"]);
    assert!(slug.exit == 2 && slug.stderr.contains("Try --slug x"), "{}", slug.stderr);
    assert_eq!(desk.run(&["runbook", "show", "contoso/../../etc/passwd"]).exit, 2);
}

/// An edited file is the next version, if its signal passes; a slip of the pen is told with its line.
#[test]
fn an_edited_file_is_the_next_version() {
    let desk = Desk::new("edited");
    desk.held("contoso");
    desk.held("fabrikam");
    let written = desk.json(1, &["runbook", "new", "1"]);
    let text = fs::read_to_string(word(&written, "file")).unwrap();
    let edit = |name: &str, from: &str, to: &str| {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{name}");
        desk.file(&format!("{name}.md"), &edited)
    };
    let signal = "signal = '";
    for (name, from, to, exit, said) in [
        ("unknown", "owner = ", "onwer = ", 2, "line 13"),
        ("client", "client = \"contoso\"", "client = \"fabrikam\"", 2, "its own client's runbooks"),
        ("needs", "needs = [", "needs = [\"no/such-kind\", ", 2, "kinds of export"),
        ("version", "version = 1", "version = 7", 2, "the newest"),
        ("broken", signal, "signal = 'copies.filter(x, ", 2, "a signal in CEL"),
        ("never", signal, "signal = 'copies.filter(x, x.at < 0)' # '", 4, ""),
        ("fine", "+++\n\n#", "+++\n\nBy hand.\n\n#", 1, ""),
    ] {
        let said_at = desk.run(&["runbook", "write", &edit(name, from, to)]);
        assert!(
            said_at.exit == exit && said_at.stderr.contains(said),
            "{name}: {} {}{}",
            said_at.exit,
            said_at.stderr,
            said_at.stdout
        );
    }
    let newest = desk.json(0, &["runbook", "show", "contoso/spam"]);
    assert_eq!(newest["version"], 2);
    assert!(word(&newest, "text").starts_with("By hand."));
    assert_eq!(desk.run(&["runbook", "new", "2"]).exit, 1, "the other client has its own");
    assert_eq!(desk.json(0, &["runbook", "show", "fabrikam/spam"])["case"]["number"], 2);
    let both = desk.json(0, &["runbook", "list"]);
    assert_eq!(list(&both, "runbooks").len(), 2);
    // A file that was put into another client's folder is not run for it.
    let store = desk.store().join("runbooks");
    fs::copy(store.join("contoso/spam.md"), store.join("fabrikam/stray.md")).unwrap();
    let trace = desk.file("again/trace.csv", &format!("{TRACE}{OTHER}"));
    let all = desk.json(6, &["runbook", "check", "fabrikam/", &trace]);
    let stray = list(&all, "runbooks").iter().find(|ran| word(ran, "runbook").ends_with("stray")).unwrap();
    assert!(stray["answer"] == "cannot_tell" && list(stray, "events").is_empty(), "{stray}");
    let taken = desk.run(&["runbook", "new", "2", "--slug", "stray"]);
    assert_eq!(taken.exit, 2, "{}", taken.stderr);
}

/// Tickets of every family: the drafted signal fires on them, its events keep their keys however the evidence is written, and their
/// cites open.
#[test]
fn every_family_has_a_signal_that_fires() {
    let wanted = [
        "released_then_refused_by_connector",
        "cisco_refused_for_dmarc",
        "allow_entry_does_not_reach_high_confidence_phish",
        "header_check_before_the_message_id",
        "tls_required_by_us_not_offered_by_them",
        "filed_by_sieve_on_a_host_known_by_address",
        "a_colleague_sets_the_list_anew",
    ];
    let cases: Vec<Case> =
        support::cases().into_iter().filter(|case| wanted.iter().any(|name| case.name.ends_with(name))).collect();
    assert_eq!(cases.len(), wanted.len(), "a ticket is gone");
    let mut wrong = Vec::new();
    for case in &cases {
        let desk = Desk::new(&format!("family-{}", case.name));
        let folder = put(&desk, "plain", &case.evidence);
        let options: Vec<&str> =
            case.options.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
        desk.case("client", &[&folder], &options);
        let said = desk.run(&["runbook", "new", "1", "--slug", "x", "--format", "json"]);
        if said.exit != 1 {
            wrong.push(format!("{}: exit {}: {}{}", case.name, said.exit, said.stderr, short(&said.stdout)));
            continue;
        }
        let plain = desk.json(5, &["runbook", "check", "client/x", &folder]);
        each_cite(&plain, &mut |cite| {
            wrong.extend(open_cite(cite, Path::new(&folder)).err().map(|error| format!("{}: {error}", case.name)))
        });
        for (label, rewrite) in REWRITES
            .iter()
            .filter(|(label, _)| ["rows reversed", "rows doubled", "files split", "UTF-16LE"].contains(label))
        {
            let files: Vec<Evidence> =
                case.evidence.iter().flat_map(|file| rewrite(file).unwrap_or_else(|| vec![file.clone()])).collect();
            let folder = put(&desk, "rewritten", &files);
            let rewritten = desk.json(5, &["runbook", "check", "client/x", &folder]);
            if keys(&rewritten) != keys(&plain) {
                wrong.push(format!("{}: {label}: {:?} instead of {:?}", case.name, keys(&rewritten), keys(&plain)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn put(desk: &Desk, name: &str, files: &[Evidence]) -> String {
    let folder = desk.root.join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    files.iter().for_each(|file| fs::write(folder.join(&file.name), file.bytes()).unwrap());
    folder.display().to_string()
}
