//! The way in the workbench: every link leads somewhere, what is cited is what is marked, and nothing that evidence says becomes markup.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::Digest as _;
use tempfile::TempDir;

/// A workbench with some cases, and somebody who is signed in.
struct Served {
    at: String,
    cookie: String,
    child: Child,
    _folder: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    for name in ["THROUGHLINE_STORE", "THROUGHLINE_USER"] {
        command.env_remove(name);
    }
    command
}

impl Served {
    /// Starts one with a case for each body of evidence, numbered from 1.
    fn with(cases: &[&[(&str, Vec<u8>)]]) -> Served {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store");
        for (at, evidence) in cases.iter().enumerate() {
            let files = folder.path().join(format!("evidence-{at}"));
            fs::create_dir(&files).expect("a folder");
            evidence.iter().for_each(|(name, bytes)| fs::write(files.join(name), bytes).expect("a file"));
            let ticket = format!("INC-{at}");
            let mut new = program();
            new.args(["case", "new", "--client", "contoso", "--ticket", &ticket, "--store"]).arg(&store).arg(&files);
            let made = new.output().expect("the program");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--user", "kim=engineer", "--store"]).arg(&store);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let link = lines.find_map(|line| Some(line.ok()?.split_once("): ")?.1.to_owned())).expect("a link");
        let (at, token) = link.trim_start_matches("http://").split_once("/login/").expect("a login link");
        let mut served = Served { at: at.to_owned(), cookie: String::new(), child, _folder: folder };
        let body = format!("link={token}");
        let login = format!(
            "POST /login HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            body.len()
        );
        let (head, _) = served.send(&login, &body);
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        served.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        served
    }

    fn send(&self, head: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.at).expect("a connection");
        let request = format!("{head}host: {}\r\ncookie: {}\r\nconnection: close\r\n\r\n{body}", self.at, self.cookie);
        stream.write_all(request.as_bytes()).expect("to be sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.to_owned(), body.to_owned())
    }

    /// The status and the page, as soon as it is not one that waits for an answer.
    fn get(&self, path: &str) -> (u16, String) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let (head, body) = self.send(&format!("GET {path} HTTP/1.1\r\n"), "");
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            if !body.contains("data-working") {
                return (status, body);
            }
            assert!(Instant::now() < until, "{path}: no answer in time");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// All pages about the way that links lead to from the page of a case, by address without fragment. Every one of them is there, and
    /// so is what its fragment names.
    fn pages(&self, number: u64) -> BTreeMap<String, String> {
        let base = format!("/cases/{number}");
        let is_ours = |path: &str| {
            let below = path.strip_prefix(&base);
            let of_case = |rest: &str| {
                rest.is_empty()
                    || ["/way/", "/records/", "/findings", "/symptoms"].iter().any(|part| rest.starts_with(part))
            };
            below.is_some_and(of_case) || path.starts_with("/symptoms")
        };
        let mut pages = BTreeMap::new();
        let mut anchors: BTreeSet<(String, String)> = BTreeSet::new();
        let mut due = VecDeque::from([base.clone()]);
        while let Some(path) = due.pop_front() {
            if pages.contains_key(&path) {
                continue;
            }
            let (status, body) = self.get(&path);
            assert_eq!(status, 200, "{path}: {body}");
            for link in all_between(&body, " href=\"", "\"") {
                let link = unescaped(link);
                let (to, anchor) = link.split_once('#').unwrap_or((&link, ""));
                let to = if to.is_empty() { path.clone() } else { to.to_owned() };
                if is_ours(&to) {
                    if !anchor.is_empty() {
                        anchors.insert((to.clone(), anchor.to_owned()));
                    }
                    due.push_back(to);
                }
            }
            let ids = all_between(&body, " id=\"", "\"");
            let distinct: BTreeSet<&&str> = ids.iter().collect();
            assert_eq!(distinct.len(), ids.len(), "{path}: an id is there twice: {ids:?}");
            pages.insert(path, body);
        }
        for (path, anchor) in anchors {
            assert!(pages[&path].contains(&format!(" id=\"{anchor}\"")), "{path} has no #{anchor}");
        }
        pages
    }
}

fn all_between<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The text of markup.
fn text_of(markup: &str) -> String {
    let mut text = String::new();
    let mut rest = markup;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    unescaped(&(text + rest))
}

/// Files that were added first stand below `001`.
fn fingerprint(name: &str) -> String {
    sha2::Sha256::digest(format!("001/{name}").as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The words of a mark as they stand in a file.
fn words(file: &[u8], from: usize, to: usize) -> String {
    let is_wide = file.starts_with(&[0xFF, 0xFE]);
    let text = match is_wide {
        true => {
            let units = file[from..to].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|one| one.expect("UTF-16")).collect()
        }
        false => String::from_utf8(file[from..to].to_vec()).expect("UTF-8"),
    };
    text.replace("\r\n", "\n")
}

/// Every record page marks the bytes that its address names; gives how many marks were looked at, and how many pages show a marked field.
fn marks_are_the_cited_bytes(pages: &BTreeMap<String, String>, name: &str, file: &[u8]) -> (usize, usize) {
    let (mut marks, mut fields) = (0, 0);
    let mine = format!("/records/{}/", fingerprint(name));
    for (path, body) in pages.iter().filter(|(path, _)| path.contains(&mine)) {
        let Some((_, mark)) = path.split_once("?mark=") else { continue };
        let (from, to) = mark.split_once('-').expect("a range");
        let (from, to) = (from.parse().expect("a number"), to.parse().expect("a number"));
        let raw = all_between(body, "<section class=\"raw\"", "</section>")[0];
        let raw = raw.split_once("<pre").expect("its text").1;
        let marked: String = all_between(raw, "<mark>", "</mark>").into_iter().map(text_of).collect();
        assert_eq!(marked, words(file, from, to), "{path}");
        marks += 1;
        fields += usize::from(body.contains("<tr class=\"cited\">"));
    }
    (marks, fields)
}

const MESSAGE: &str = "From: Supplier Orders <orders@supplier.example>\r\nTo: Ana Duarte <ana.duarte@client.example>\r\n\
Subject: Order confirmation 48-1193\r\nDate: Tue, 17 Nov 2026 08:02:09 +0000\r\n\
Message-ID: <20261117080209.48.1193@mail.supplier.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nDear Ana,\r\n";

const LOG: &str = "\
Nov 17 08:02:11 mx1 postfix/smtpd[2001]: 4C0FFEE01: client=mail.supplier.example[192.0.2.61]
Nov 17 08:02:11 mx1 postfix/cleanup[2002]: 4C0FFEE01: message-id=<20261117080209.48.1193@mail.supplier.example>
Nov 17 08:02:11 mx1 postfix/qmgr[1000]: 4C0FFEE01: from=<orders@supplier.example>, size=1822, nrcpt=1 (queue active)
Nov 17 08:02:12 mx1 postfix/smtp[2003]: 4C0FFEE01: to=<ana.duarte@client.example>, relay=mx.client.example[198.51.100.9]:25, \
delay=1.1, delays=0.1/0/0.4/0.6, dsn=5.7.1, status=bounced (host mx.client.example[198.51.100.9] said: 550 5.7.1 rejected (in reply to end of DATA command))
Nov 17 08:02:12 mx1 postfix/qmgr[1000]: 4C0FFEE01: removed
";

fn trace(subject: &str, status: &str) -> String {
    let columns = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"";
    let subject = subject.replace('"', "\"\"");
    let other = "\"2026-11-17T08:00:00Z\",\"desk@partner.example\",\"ana.duarte@client.example\",\"Minutes\",\"Delivered\",\"\",\"192.0.2.61\",\"18223\",\"<1@partner.example>\",\"3f6d2c1b-7a90-4e5d-f1c2-08de25e0a1b7\"";
    let own = format!(
        "\"2026-11-17T08:03:30Z\",\"orders@supplier.example\",\"ana.duarte@client.example\",\"{subject}\",\"{status}\",\"\",\"192.0.2.61\",\"1822\",\"<20261117080209.48.1193@mail.supplier.example>\",\"90b1e7d4-2c35-4f68-a9e0-08de25c6f3d2\""
    );
    format!("{columns}\r\n{other}\r\n{own}\r\n")
}

fn wide(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn demo() -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    let files = fs::read_dir(folder).expect("the demo").map(|entry| entry.expect("a file").path());
    files
        .map(|path| {
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read(&path).expect("a file"))
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere_and_marks_are_the_cited_bytes() {
    let demo = demo();
    let demo: Vec<(&str, Vec<u8>)> = demo.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let second = vec![
        ("message.eml", MESSAGE.as_bytes().to_vec()),
        ("mail.log", LOG.as_bytes().to_vec()),
        ("trace_wide.csv", wide(&trace("Zahlungsbestätigung 😀, zweite", "Quarantined"))),
    ];
    let third = vec![
        ("message.eml", MESSAGE.as_bytes().to_vec()),
        ("trace.csv", trace("Zahlungsbestätigung 😀, \"zweite\"", "Quarantined").into_bytes()),
    ];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sources/src/message/eml/samples");
    let fourth = vec![("exchange_spoof.eml", fs::read(samples.join("exchange_spoof.eml")).expect("a sample"))];
    let served = Served::with(&[&demo, &second, &third, &fourth]);
    // The names of the evidence and how many marks at least are cited, and how many of them in a field.
    for (number, evidence, expected) in [
        (1, &demo, [("mimecast-siem.json", 3, 3), ("held-queue.json", 1, 1), ("release-log.json", 1, 1)].as_slice()),
        (2, &second, &[("trace_wide.csv", 1, 1), ("mail.log", 3, 0)]),
        (3, &third, &[("trace.csv", 1, 1)]),
        (4, &fourth, &[("exchange_spoof.eml", 1, 1)]),
    ] {
        let pages = served.pages(number);
        assert!(pages.keys().any(|path| path.contains("/way/1/delivery")), "{:?}", pages.keys());
        for (name, marks, fields) in expected {
            let file = &evidence.iter().find(|(known, _)| known == name).expect("a file").1;
            let found = marks_are_the_cited_bytes(&pages, name, file);
            assert!(found.0 >= *marks && found.1 >= *fields, "{name}: {found:?} of {:?}", pages.keys());
        }
    }
}

#[test]
fn a_stage_shows_its_records_marked_and_how_to_fetch_what_is_missing() {
    let evidence = [
        ("message.eml", MESSAGE.as_bytes().to_vec()),
        ("trace.csv", trace("Order confirmation 48-1193", "Quarantined").into_bytes()),
    ];
    let served = Served::with(&[&evidence]);
    let (_, page) = served.get("/cases/1/way/1/quarantine");
    let stage = all_between(&page, "<section class=\"stage\"", "</section>")[0];
    assert!(stage.contains("<mark>Quarantined</mark>"), "{stage}");
    let others =
        ["verdict", "release", "delivery", "mailbox"].map(|layer| served.get(&format!("/cases/1/way/1/{layer}")).1);
    let stages = others.iter().map(|page| all_between(page, "<section class=\"stage\"", "</section>")[0]);
    assert!(stages.into_iter().any(|stage| stage.contains("data-copy")), "{others:?}");
    assert!(page.contains(" aria-current=\"true\""), "{page}");
    // What became of a stage is no sign of each event that happened there.
    let time = all_between(&page, "<section id=\"time\"", "</section>")[0];
    assert!(time.contains("status Quarantined"), "{time}");
    for word in ["passed", "stopped", "not_supplied", "✓", "✗"] {
        assert!(!time.contains(word), "{word}: {time}");
    }
    for (name, path) in [
        ("no such copy", "/cases/1/way/9/quarantine"),
        ("copy 0", "/cases/1/way/0/quarantine"),
        ("no stage", "/cases/1/way/1/inbox"),
    ] {
        assert_eq!(served.get(path).0, 404, "{name}");
    }
}

#[test]
fn a_record_that_is_not_of_the_evidence_is_not_there() {
    let first = [("message.eml", MESSAGE.as_bytes().to_vec())];
    let second = [("message.eml", MESSAGE.as_bytes().to_vec()), ("mail.log", LOG.as_bytes().to_vec())];
    let served = Served::with(&[&first, &second]);
    let (own, other) = (fingerprint("message.eml"), fingerprint("mail.log"));
    let end = MESSAGE.len();
    for (path, status) in [
        (format!("1/records/{own}/0-40"), 200),
        (format!("1/records/{own}/0-40?mark=6-20"), 200),
        (format!("1/records/{own}/0-40?mark=90-99,x,4"), 200),
        (format!("2/records/{other}/0-40"), 200),
        (format!("1/records/{other}/0-40"), 404),
        ("1/records/0000000000000000/0-40".to_owned(), 404),
        (format!("1/records/{own}/0-{}", end + 1), 404),
        (format!("1/records/{own}/{end}-{}", end + 9), 404),
        (format!("1/records/{own}/40-0"), 404),
        (format!("1/records/{own}/0-0"), 404),
        (format!("1/records/{own}/0-99999999999999999999"), 404),
        (format!("1/records/{own}/..%2F..%2Fetc%2Fpasswd"), 404),
        ("1/records/..%2Fmessage.eml/0-40".to_owned(), 404),
        (format!("9/records/{own}/0-40"), 404),
    ] {
        assert_eq!(served.get(&format!("/cases/{path}")).0, status, "{path}");
    }
}

#[test]
fn what_evidence_says_never_becomes_markup() {
    let subject = "</title><script>alert(1)</script> \"><img src=x onerror=alert(2)>";
    let eml = MESSAGE
        .replace("Order confirmation 48-1193", subject)
        .replace("Supplier Orders <", "\"<svg onload=alert(3)>\" <")
        .replace("text/plain", "text/html")
        .replace("Dear Ana,", "<script>alert(4)</script>");
    let file = "<b onclick=alert(5)>&amp;.csv";
    let evidence = [("message.eml", eml.into_bytes()), (file, trace(subject, "Quarantined").into_bytes())];
    let served = Served::with(&[&evidence]);
    let pages = served.pages(1);
    assert!(pages.len() > 10, "{:?}", pages.keys());
    let own = pages.iter().find(|(path, _)| path.contains(&fingerprint(file))).expect("a record of the file");
    assert!(own.1.contains("&lt;b onclick=alert(5)&gt;&amp;amp;.csv"), "{}", own.1);
    for (path, body) in &pages {
        for tag in ["<script>", "<img", "<svg o", "<b o", "</title><s"] {
            assert!(!body.contains(tag), "{path}: {tag}");
        }
    }
}

#[test]
fn a_symptom_is_found_by_words_and_led_through() {
    let served = Served::with(&[&[("message.eml", MESSAGE.as_bytes().to_vec())]]);
    for (path, status, holds) in [
        ("/symptoms", 200, "/symptoms/stale-search"),
        ("/symptoms?q=search+shows+old+results", 200, "/symptoms/stale-search"),
        ("/symptoms?q=no-such-id", 200, "None of the symptoms fits"),
        ("/symptoms/stale-search", 200, "What to collect"),
        ("/symptoms/no-such-id", 404, "Not here"),
        ("/symptoms/anything", 404, "Not here"),
        ("/cases/1/symptoms", 200, "No sign of it in this evidence"),
        ("/cases/1/symptoms/stale-search", 200, "missing"),
        ("/cases/1/symptoms/no-such-id", 404, "Not here"),
    ] {
        let (found, body) = served.get(path);
        assert!(found == status && body.contains(holds), "{path}: {found}: {body}");
    }
}
