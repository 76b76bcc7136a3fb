//! A ticket worked in the workbench: exception, guard, approval, change, verification, notes and escalation over HTTP, as three users.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What is asked to the guard first: a whole domain.
const WIDE: &str = "Set-HostedContentFilterPolicy -Identity Default -AllowedSenderDomains @{Add='tools.example'}";

#[test]
fn a_ticket_from_proposal_to_package() {
    let ticket = Ticket::new();
    let change = ticket.text("change.ps1");
    {
        let bench = Bench::start(&ticket, "2026-11-18T12:25:00Z");
        let (kim, sam) = (bench.enter("kim"), bench.enter("sam"));

        let page = kim.get("/cases/1/exception");
        assert!(
            page.body.contains("New-TransportRule") && !page.body.contains("AllowedSenderDomains"),
            "the narrowest"
        );
        assert!(
            page.body.contains("pre class=\"command\"") && page.body.contains("/cases/1/records/"),
            "to copy, to look at"
        );

        let narrow = kim.send("/cases/1/exception/check", &[("candidate", &change)]);
        assert!(kim.follow(&narrow).body.contains("The guard: <b>narrow</b>"));
        let wide = kim.send("/cases/1/exception/check", &[("candidate", WIDE)]);
        let answer = kim.follow(&wide);
        assert!(answer.body.contains("The guard: <b>broad</b>. It may not be made without an approval"));
        assert!(answer.body.contains("<b>sam</b>"), "who can approve is named");

        let sample = hash(&sam.get("/cases/1/exception").body);
        let approval = |reason| {
            [
                ("candidate", WIDE),
                ("role", "head of mail security"),
                ("ends", "2026-12-01"),
                ("reason", reason),
                ("sample", sample.as_str()),
            ]
        };
        let why = "winter offers; the vendor looks at the sample";
        assert_eq!(kim.send("/cases/1/exception/approval", &approval(why)).status, 403, "an engineer cannot approve");
        let empty = sam.send("/cases/1/exception/approval", &approval(" "));
        assert_eq!(empty.status, 400, "a reason is needed");
        assert!(
            empty.body.contains("head of mail security") && empty.body.contains("2026-12-01"),
            "what was typed is kept"
        );
        assert_eq!(sam.send("/cases/1/exception/approval", &approval(why)).status, 303);
        assert_eq!(ticket.last("approved"), ("sam".to_owned(), 1));
        assert!(kim.follow(&wide).body.contains("An approval covers it."));

        let made = [("candidate", change.as_str()), ("made_at", "2026-11-18T12:20Z")];
        assert_eq!(sam.send("/cases/1/exception/change", &made).status, 403, "who approves does not work on it");
        let ahead = kim.send("/cases/1/exception/change", &[made[0], ("made_at", "2026-12-24T12:20Z")]);
        assert!(ahead.status == 400 && ahead.body.contains("2026-12-24T12:20Z"), "{}", ahead.status);
        let done = kim.send("/cases/1/exception/change", &made);
        assert_eq!(done.status, 303);
        assert!(!kim.follow(&done).body.contains("GUARD:"), "a narrow change is no alarm");
        assert_eq!(ticket.last("change_made"), ("kim".to_owned(), 1));

        let page = kim.get("/cases/1/verification");
        assert!(
            page.body.contains("<b>cannot tell</b>") && page.body.contains("/cases/1/evidence?purpose=verification")
        );
        let shown = field(&page.body, "decided");
        let stale = kim.send("/cases/1/verification", &[("answer", "held"), ("decided", &shown)]);
        assert_eq!(stale.status, 409, "only the answer that is shown is recorded");
        let told = kim.send("/cases/1/verification", &[("answer", "cannot_tell"), ("decided", &shown)]);
        assert_eq!((told.status, ticket.last("verified")), (303, ("kim".to_owned(), 1)));
    }

    ticket.run("2026-11-20T08:00:00Z", &["case", "add", "INC-2001", "after/", "--verification"]);
    let bench = Bench::start(&ticket, "2026-11-20T08:00:00Z");
    let kim = bench.enter("kim");
    let page = kim.get("/cases/1/verification");
    assert!(page.body.contains("<b>held</b>. Every check is shown by records."));
    assert_eq!(ticket.last("verified").1, 1, "a look alone is not kept");
    kim.send("/cases/1/verification", &[("answer", "held"), ("decided", &field(&page.body, "decided"))]);
    assert_eq!(ticket.last("verified"), ("kim".to_owned(), 2));

    let page = kim.get("/cases/1/compare");
    assert!(page.body.contains("They part at verdict") || page.body.contains("The first difference shown: verdict"));
    assert!(page.body.contains("tools.44@tools.example"), "the most similar delivered one is beside it");
    let other = kim.get("/cases/1/compare?delivered=%3Cn.141%40bulletin.example%3E");
    assert!(other.body.contains("as chosen") && other.body.contains("n.141@bulletin.example"));
    let nobody = kim.get("/cases/1/compare?delivered=nobody%40nowhere.example");
    assert!(nobody.body.contains("no record speaks of it") && nobody.body.contains("Where they part is not shown"));

    let plain = kim.get("/cases/1/notes?text=all&face=text");
    assert!(plain.body.contains("lena.kurz@client.example") && plain.body.contains("For the customer"));
    let redacted = kim.get("/cases/1/notes?text=all&face=text&redact=on");
    let preview = between(&redacted.body, "id=\"preview\"", "</main>");
    for name in ["lena", "Lena", "tools.example", "client.example", "203.0.113.25", "id=\"map\""] {
        assert!(!preview.contains(name), "redacted notes name {name}");
    }
    let mapped = kim.get("/cases/1/notes?text=all&face=text&redact=on&map=on");
    assert!(between(&mapped.body, "id=\"map\"", "</main>").contains("lena.kurz@client.example"));
    let file = kim.get("/cases/1/notes/download?text=all&face=markdown&part=customer");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"notes-1-customer.md\"");
    assert!(!file.body.contains("203.0.113.25"));

    assert!(kim.get("/cases/1/escalation").body.contains("none of the four reasons applies"));
    assert_eq!(kim.send("/cases/1/escalation", &[("to", ""), ("reason", "")]).status, 422);
    let wish = [("to", "vendor"), ("reason", "please look at the sample"), ("sample", "header")];
    let package = kim.send("/cases/1/escalation", &wish);
    assert_eq!(package.status, 200);
    assert_eq!(package.header("content-disposition"), "attachment; filename=\"escalation-1.zip\"");
    let mut archive = zip::ZipArchive::new(Cursor::new(&package.bytes)).expect("it is an archive");
    let mut names = Vec::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).expect("it is there");
        file.read_to_end(&mut Vec::new()).expect("it can be unpacked");
        names.push(String::from_utf8_lossy(file.name_raw()).into_owned());
    }
    assert!(names.iter().any(|name| name.ends_with("SHA256SUMS")), "{names:?}");
    assert_eq!(ticket.last("escalated"), ("kim".to_owned(), 1));
}

#[test]
fn what_was_made_against_the_guard_is_told_loudly() {
    let ticket = Ticket::new();
    let bench = Bench::start(&ticket, "2026-11-18T12:25:00Z");
    let kim = bench.enter("kim");
    let done = kim.send("/cases/1/exception/change", &[("candidate", WIDE), ("made_at", "2026-11-18T12:20Z")]);
    assert_eq!(done.status, 303);
    let page = kim.follow(&done);
    assert!(page.body.contains("GUARD: BROAD, and no approval of it is recorded"), "loud on the page");
    assert_eq!(ticket.last("change_made"), ("kim".to_owned(), 1));
    // It stays so until somebody takes it back or approves it.
    assert!(kim.get("/cases/1/exception").body.contains("GUARD: BROAD"));
}

#[test]
fn a_reader_looks_and_changes_nothing() {
    let ticket = Ticket::new();
    let bench = Bench::start(&ticket, "2026-11-18T12:25:00Z");
    let rea = bench.enter("rea");
    let before = ticket.journal().len();
    for path in ["compare", "exception", "verification", "notes", "escalation"] {
        let page = rea.get(&format!("/cases/1/{path}"));
        assert_eq!(page.status, 200, "{path}");
        assert!(
            !between(&page.body, "<main", "</main>").contains("method=\"post\""),
            "{path} offers nothing to a reader"
        );
    }
    for path in ["/runbooks", "/watch"] {
        assert_eq!(rea.get(path).status, 200, "{path}");
    }
    assert_eq!(rea.get("/runbooks/contoso/none-of-that-name").status, 404);
    assert_eq!(rea.get("/runbooks/..%2F..%2Fcontoso/cases").status, 404);
    for path in ["exception/check", "exception/approval", "exception/change", "verification", "escalation"] {
        let fields = [("candidate", WIDE), ("made_at", "2026-11-18T12:20Z"), ("to", "vendor"), ("reason", "why")];
        assert_eq!(rea.send(&format!("/cases/1/{path}"), &fields).status, 403, "{path}");
    }
    assert_eq!(ticket.journal().len(), before);
}

#[test]
fn what_is_pasted_stays_text() {
    let ticket = Ticket::new();
    let bench = Bench::start(&ticket, "2026-11-18T12:25:00Z");
    let (kim, sam) = (bench.enter("kim"), bench.enter("sam"));
    let hostile = "</textarea><script>alert(1)</script>\u{202e}";
    let asked = kim.follow(&kim.send("/cases/1/exception/check", &[("candidate", hostile)]));
    assert!(
        asked.body.contains("alert(1)&lt;/script&gt;\\u{202e}</pre>"),
        "what turns the text is named: {}",
        asked.body
    );
    let plain = kim.follow(&kim.send("/cases/1/exception/check", &[("candidate", "New-Rule\t-Name 'Grüße'")]));
    assert!(!plain.body.contains("These lines have others"), "{}", plain.body);
    let made = kim.send("/cases/1/exception/change", &[("candidate", hostile), ("made_at", hostile)]);
    let fields =
        [("candidate", hostile), ("role", hostile), ("ends", hostile), ("reason", hostile), ("sample", hostile)];
    let approved = sam.send("/cases/1/exception/approval", &fields);
    let wish = format!("/cases/1/escalation?to={0}&reason={0}&anyway={0}", encoded(hostile));
    let compared = format!("/cases/1/compare?blocked={0}&delivered={0}", encoded(hostile));
    let noted = format!("/cases/1/notes?text={0}&face={0}&part={0}", encoded(hostile));
    assert_eq!((made.status, approved.status), (400, 400));
    for page in [asked, made, approved, kim.get(&wish), kim.get(&compared), kim.get(&noted)] {
        assert!(!page.body.contains("<script>alert") && !page.body.contains("</textarea><script"), "{}", page.body);
    }
    // An address that stands for a text that is not kept any more asks for it anew.
    assert!(kim.get("/cases/1/exception?check=0000").body.contains("Ask the guard about a change"));
}

/// A ticket of `cases/life`, its evidence on the disk, and a store with its case.
struct Ticket(tempfile::TempDir);

impl Ticket {
    fn new() -> Ticket {
        let ticket = Ticket(tempfile::tempdir().expect("a folder"));
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/life/offers_held_as_spam.md");
        let text = fs::read_to_string(text).expect("the ticket");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(fence) = line.strip_prefix("```") else { continue };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let words: Vec<&str> = fence.split_whitespace().collect();
            let Some(name) = words.get(1) else { continue };
            let end = if words.contains(&"crlf") { "\r\n" } else { "\n" };
            let file = ticket.0.path().join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, body.join(end) + end).expect("a file");
        }
        let new = ["case", "new", "--client", "contoso", "--ticket", "INC-2001", "--sender", "offers@tools.example"];
        let of = [
            "--recipient",
            "lena.kurz@client.example",
            "--at",
            "2026-11-18T09:00",
            "--user",
            "lena.kurz@client.example",
        ];
        ticket.run("2026-11-18T10:00:00Z", &[&new[..], &of[..]].concat());
        ticket.run("2026-11-18T11:00:00Z", &["case", "add", "INC-2001", "first/", "second/"]);
        ticket
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command
            .current_dir(self.0.path())
            .env("THROUGHLINE_STORE", self.0.path().join("store"))
            .env("THROUGHLINE_USER", "tier1");
        command
    }

    fn run(&self, now: &str, words: &[&str]) -> String {
        let done = self.command().args(words).args(["--now", now]).output().expect("it runs");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect("a file of the ticket").trim().to_owned()
    }

    fn journal(&self) -> Vec<Value> {
        let told = self.run("2026-11-18T12:00:00Z", &["case", "show", "INC-2001", "--format", "json"]);
        let document: Value = serde_json::from_str(&told).expect("JSON");
        document["journal"].as_array().expect("the journal").clone()
    }

    /// Who made the last entry of a kind, and how many there are.
    fn last(&self, deed: &str) -> (String, usize) {
        let all: Vec<Value> = self.journal().into_iter().filter(|entry| entry["deed"] == deed).collect();
        let who = all.last().and_then(|entry| entry["who"].as_str()).unwrap_or_default();
        (who.to_owned(), all.len())
    }
}

/// A workbench that runs.
struct Bench {
    program: Child,
    address: String,
    links: HashMap<String, String>,
}

impl Bench {
    fn start(ticket: &Ticket, now: &str) -> Bench {
        let users = ["--user", "kim=engineer", "--user", "sam=security", "--user", "rea=reader"];
        let mut command = ticket.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--now", now]).args(users).stdout(Stdio::piped());
        let mut program = command.spawn().expect("it starts");
        let mut links = HashMap::new();
        let mut address = String::new();
        for line in BufReader::new(program.stdout.take().expect("its output")).lines() {
            let line = line.expect("a line");
            let Some((user, link)) = line.split_once("): http://") else { continue };
            let name = user.split_whitespace().next().expect("a name");
            let (at, token) = link.split_once("/login/").expect("a link");
            address = at.to_owned();
            links.insert(name.to_owned(), token.to_owned());
            if links.len() == 3 {
                break;
            }
        }
        Bench { program, address, links }
    }

    fn enter(&self, name: &str) -> Session<'_> {
        let mut session = Session { bench: self, cookie: String::new(), csrf: String::new() };
        let entered = session.send("/login", &[("link", &self.links[name])]);
        session.cookie = entered.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        session.csrf = between(&session.get("/").body, "name=\"csrf\" content=\"", "\"").to_owned();
        session
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Somebody who is signed in.
struct Session<'a> {
    bench: &'a Bench,
    cookie: String,
    csrf: String,
}

struct Answer {
    status: u16,
    head: String,
    bytes: Vec<u8>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let of = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(of).and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }
}

impl Session<'_> {
    /// A page, once it is ready.
    fn get(&self, path: &str) -> Answer {
        let ends = Instant::now() + Duration::from_secs(120);
        loop {
            let answer = self.ask(&format!("GET {path}"), "");
            if !answer.body.contains("data-working") {
                return answer;
            }
            assert!(Instant::now() < ends, "{path} is never ready");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A form that is sent.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs = fields.iter().copied().chain([("csrf", self.csrf.as_str())]);
        let form: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask(&format!("POST {path}"), &form.join("&"))
    }

    /// The page that an answer leads to.
    fn follow(&self, answer: &Answer) -> Answer {
        let path = answer.header("location").split('#').next().unwrap_or_default();
        assert!(!path.is_empty(), "{} leads nowhere: {}", answer.status, answer.body);
        self.get(path)
    }

    fn ask(&self, line: &str, form: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.bench.address).expect("it listens");
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let head = format!("Host: {}\r\nCookie: {}\r\nConnection: close\r\n{kind}", self.bench.address, self.cookie);
        let length = form.len();
        write!(stream, "{line} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{form}").expect("it is sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let bytes = bytes.split_off(end + 4);
        let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status, head, bytes, body }
    }
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    between(page, &format!("name=\"{name}\" value=\""), "\"").to_owned()
}

/// The hash of the sample that the approval's form offers.
fn hash(page: &str) -> String {
    let offered = between(page, "id=\"sample\"", "</select>");
    between(offered, "value=\"", "\"").to_owned()
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let rest = text.split_once(from).map_or("", |(_, rest)| rest);
    rest.split_once(to).map_or(rest, |(found, _)| found)
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
