//! Evidence on its way into a case by the workbench, and what is done to a case there: files of every name and size, several people at once.

#[path = "support/served.rs"]
mod served;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use served::{Browser, FORM, Reply, Served, between, encoded, program, read, until};

fn demo(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo").join(name)).expect("a file of the demo")
}

/// Opens a case of a ticket; gives the address of its evidence.
fn case(browser: &Browser, ticket: &str) -> String {
    let reply = browser.post_files("/cases", &[("client", None, b"contoso"), ("ticket", None, ticket.as_bytes())]);
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.location().to_owned()
}

/// Opens a batch, as the page's script does.
fn batch(browser: &Browser) -> String {
    let reply = browser.script("/uploads", b"");
    assert_eq!(reply.status, 200, "{}", reply.body);
    between(&reply.body, "\"batch\":\"", "\"").expect("a batch").to_owned()
}

fn upload(browser: &Browser, batch: &str, name: &str, bytes: &[u8]) -> Reply {
    browser.script(&format!("/uploads/{batch}/files?name={}", encoded(name)), bytes)
}

/// Adds a batch; gives the page that tells what came of it.
fn add(browser: &Browser, evidence: &str, batch: &str) -> Reply {
    let reply = browser.post_files(evidence, &[("batch", None, batch.as_bytes()), ("purpose", None, b"ticket")]);
    assert_eq!(reply.status, 303, "{}", reply.text());
    browser.get_ready(reply.location())
}

#[test]
fn a_form_without_a_script_adds_all_at_once() {
    let served = Served::start(&["kim=engineer", "rea=reader"]);
    let kim = served.browser("kim");
    let (sample, trace) = (demo("message.eml"), demo("message-trace.csv"));
    let pasted = demo("ndr.eml");
    let reply = kim.post_files(
        "/cases",
        &[
            ("client", None, b"contoso"),
            ("words", None, "„never came“".as_bytes()),
            ("batch", None, b""),
            ("files", Some("message.eml"), &sample),
            ("files", Some("again.eml"), &sample),
            ("folder", Some("exports/18 Nov/message-trace.csv"), &trace),
            ("folder", Some("exports/notes.bin"), b"\x00\x01nothing that is read"),
            ("files", Some(""), b""),
            ("pasted", None, &pasted),
            ("at", None, b""),
        ],
    );
    assert_eq!(reply.status, 303, "{}", reply.text());
    let page = kim.get_ready(reply.location());
    let text = page.text();
    for says in [
        "Added 4 files as 001",
        "= There already: 1 file with the same content: message.eml is 001/again.eml",
        "001/exports/18 Nov/message-trace.csv",
        "✓ Exchange Online message trace",
        "001/pasted.eml",
        "2026-11-17",
        "✕ not read",
        "What it cannot show",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let held = ["001/again.eml", "001/exports/18 Nov/message-trace.csv", "001/exports/notes.bin", "001/pasted.eml"];
    assert_eq!(served.evidence(), held);
    assert!(served.uploads().is_empty(), "{:?}", served.uploads());
    let journal = || kim.get("/cases/1/journal").text();
    assert!(until(Duration::from_secs(20), || journal().contains("looked at the evidence")), "{}", journal());
    assert!(kim.get_ready("/cases/1").text().contains("Order confirmation 48-1193"));
    let rea = served.browser("rea");
    let reader = rea.get_ready("/cases/1/evidence");
    assert!(reader.text().contains("001/pasted.eml") && !reader.body.contains("type=\"file\""), "{}", reader.body);
    assert!(!rea.get(reply.location()).text().contains("Added 4"), "it is told to who did it");
    // Nothing to add is no batch.
    let nothing = kim.post_files("/cases/1/evidence", &[("files", Some(""), b""), ("pasted", None, b"  ")]);
    assert_eq!(nothing.status, 400);
    assert!(nothing.text().contains("expected a file, or pasted headers, found neither"), "{}", nothing.text());
}

#[test]
fn the_script_sends_files_one_by_one_and_adds_them_together() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let batch = batch(&kim);
    let taken = upload(&kim, &batch, "exports/message-trace.csv", &demo("message-trace.csv"));
    assert!(taken.body.contains("\"kind\":\"Exchange Online message trace"), "{}", taken.body);
    let odd = upload(&kim, &batch, "holiday.jpg", b"\xff\xd8\xff\xe0 a picture");
    assert!(odd.body.contains("\"kind\":null") && odd.body.contains("\"number\":2"), "{}", odd.body);
    assert_eq!(kim.script(&format!("/uploads/{batch}/files/2/remove"), b"").status, 204);
    upload(&kim, &batch, "message.eml", &demo("message.eml"));
    assert!(add(&kim, &evidence, &batch).text().contains("Added 2 files as 001"));
    assert_eq!(served.evidence(), ["001/exports/message-trace.csv", "001/message.eml"]);
    assert_eq!(upload(&kim, &batch, "late.csv", b"x").status, 404, "it was added");
    let reply = kim.post_files(
        &evidence,
        &[("purpose", None, b"verification"), ("files", Some("message-trace.csv"), &demo("message-trace.csv"))],
    );
    assert!(kim.get_ready(reply.location()).text().contains("after the change"));
}

#[test]
fn hostile_names_become_plain_ones() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let batch = batch(&kim);
    let long = format!("{}.csv", "n".repeat(3000));
    let kept = format!("001/{}.csv", "n".repeat(116));
    for (number, (name, becomes)) in [
        ("../../../../tmp/x.csv", "001/tmp/x.csv"),
        ("/etc/cron.d/x", "001/etc/cron.d/x"),
        ("..\\..\\y.csv", "001/y.csv"),
        ("C:\\Windows\\z.csv", "001/C_/Windows/z.csv"),
        ("<script>alert(1)<\\script>.csv", "001/_script_alert(1)_/script_.csv"),
        ("'\"><img src=x onerror=alert(1)>.csv", "001/'___img src=x onerror=alert(1)_.csv"),
        ("a\0b\r\nset-cookie: x.csv", "001/a_b__set-cookie_ x.csv"),
        ("gpj.\u{202e}vsc", "001/gpj._vsc"),
        ("NUL", "001/_NUL"),
        (".", ""),
        ("", ""),
        ("../..", ""),
        (&long, &kept),
        (&"d/".repeat(40), ""),
        ("same.csv", "001/same.csv"),
        ("SAME.csv", "001/2-SAME.csv"),
        ("same.csv/inner", "001/3-same.csv/inner"),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = upload(&kim, &batch, name, format!("file {number}").as_bytes());
        let becomes = becomes.strip_prefix("001/").unwrap_or_default();
        assert_eq!(reply.status == 200, !becomes.is_empty(), "{name:?}: {}", reply.body);
        if reply.status == 200 {
            assert!(reply.body.contains(&format!("\"name\":\"{becomes}\"")), "{name:?}: {}", reply.body);
        } else {
            assert!(reply.body.contains("expected"), "{name:?}: {}", reply.body);
        }
    }
    let page = add(&kim, &evidence, &batch);
    assert!(page.text().contains("_script_alert(1)_/script_.csv"), "{}", page.text());
    assert!(!page.body.contains("<img src=x") && !page.body.contains("<script>alert"), "{}", page.body);
    assert_eq!(served.evidence().len(), 13, "{:?}", served.evidence());
    assert!(served.evidence().iter().all(|name| name.starts_with("001/") && !name.contains("..")));
    assert!(!Path::new("/tmp/x.csv").exists());
    // What a text of the ticket says is text too.
    let said = kim.post("/cases/1/note", &[("text", "<script>alert(1)</script>\n\u{202e}txet")]);
    assert_eq!(said.status, 303);
    let journal = kim.get("/cases/1/journal");
    assert!(journal.text().contains("<script>alert(1)</script>") && !journal.body.contains("<script>alert"));
    assert!(!journal.body.contains('\u{202e}'));
}

#[test]
fn batches_are_of_one_session() {
    let served = Served::start(&["kim=engineer", "lee=engineer"]);
    let (kim, lee) = (served.browser("kim"), served.browser("lee"));
    let evidence = case(&kim, "INC-1");
    let of_kim = batch(&kim);
    assert_eq!(upload(&kim, &of_kim, "kim.csv", b"kim").status, 200);
    assert_eq!(upload(&lee, &of_kim, "lee.csv", b"lee").status, 404);
    assert_eq!(lee.script(&format!("/uploads/{of_kim}/files/1/remove"), b"").status, 404);
    lee.script(&format!("/uploads/{of_kim}/remove"), b"");
    assert_eq!(lee.post_files(&evidence, &[("batch", None, of_kim.as_bytes())]).status, 404);
    let mixed = lee.post_files(&evidence, &[("batch", None, of_kim.as_bytes()), ("files", Some("lee.csv"), b"lee")]);
    assert_eq!(mixed.status, 404);
    assert_eq!(upload(&lee, "../../cases", "lee.csv", b"lee").status, 404);
    assert!(add(&kim, &evidence, &of_kim).text().contains("Added 1 file as 001"));
    assert_eq!(served.evidence(), ["001/kim.csv"]);
    // A session that opens one after the other loses the first ones, and nobody else's.
    let of_lee = batch(&lee);
    let all: Vec<String> = (0..6).map(|_| batch(&kim)).collect();
    assert_eq!(upload(&kim, &all[0], "x", b"x").status, 404);
    assert_eq!(upload(&kim, &all[5], "x", b"x").status, 200);
    assert_eq!(upload(&lee, &of_lee, "x", b"x").status, 200);
}

#[test]
fn two_at_once_lose_nothing() {
    const EACH: usize = 12;
    let served = Served::start(&["kim=engineer", "lee=engineer"]);
    let people = [("kim", served.browser("kim")), ("lee", served.browser("lee"))];
    let evidence = case(&people[0].1, "INC-1");
    std::thread::scope(|scope| {
        for (name, browser) in &people {
            let evidence = &evidence;
            scope.spawn(move || {
                for number in 0..EACH {
                    let note = format!("note {number} of {name};");
                    assert_eq!(browser.post("/cases/1/note", &[("text", &note)]).status, 303);
                    if number % 4 == 0 {
                        let batch = batch(browser);
                        for part in 0..3 {
                            let file = format!("{name}-{number}-{part}.csv");
                            assert_eq!(upload(browser, &batch, &file, file.as_bytes()).status, 200);
                        }
                        let added = browser.post_files(evidence, &[("batch", None, batch.as_bytes())]);
                        assert_eq!(added.status, 303, "{}", added.text());
                    }
                }
            });
        }
    });
    let journal = people[0].1.get("/cases/1/journal").text();
    for (name, _) in &people {
        for number in 0..EACH {
            assert_eq!(
                journal.matches(&format!("note {number} of {name};")).count(),
                1,
                "{number} of {name}: {journal}"
            );
        }
    }
    let held = served.evidence();
    assert_eq!(held.len(), 18, "{held:?}");
    for batch in ["001", "002", "003", "004", "005", "006"] {
        let of_batch: Vec<&String> = held.iter().filter(|name| name.starts_with(&format!("{batch}/"))).collect();
        let of_kim = of_batch.iter().filter(|name| name.contains("/kim-")).count();
        assert!(of_batch.len() == 3 && (of_kim == 0 || of_kim == 3), "{held:?}");
    }
    let whole = program().args(["case", "verify-journal", "--store"]).arg(&served.store).output().expect("the program");
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stdout));
}

#[test]
fn too_much_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::over(&folder.path().join("store"), &["kim=engineer"], &["--max-upload", "1000000"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let names: Vec<String> = (0..10_000).map(|number| format!("{number}.csv")).collect();
    let many: Vec<served::Part<'_>> =
        names.iter().map(|name| ("files", Some(name.as_str()), b"x".as_slice())).collect();
    let reply = kim.post_files(&evidence, &many);
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert!(
        reply.text().contains("expected at most 2000 files in one upload, found more. Pack them as a ZIP"),
        "{}",
        reply.text()
    );
    let large = vec![b'x'; 1_000_001];
    for reply in
        [kim.post_files(&evidence, &[("files", Some("log"), &large)]), upload(&kim, &batch(&kim), "log", &large)]
    {
        assert_eq!(reply.status, 413);
        assert!(reply.body.contains("at most 1000000 bytes"), "{}", reply.body);
    }
    let halves = batch(&kim);
    assert_eq!(upload(&kim, &halves, "one", &large[..600_000]).status, 200);
    assert_eq!(upload(&kim, &halves, "two", &large[..600_000]).status, 413, "an upload is all its files");
    assert_eq!(upload(&kim, &halves, "three", &large[..300_000]).status, 200, "what was refused takes no room");
    let text = vec![b'x'; 9 << 20];
    assert_eq!(kim.post_files(&evidence, &[("pasted", None, &text)]).status, 413);
    let kind = [("content-type", "multipart/form-data; boundary=b")];
    let path = format!("{evidence}?csrf={}", kim.csrf);
    for (name, body) in [
        ("no boundary", vec![b'x'; 9 << 20]),
        ("a head without an end", [b"--b\r\nx: ".as_slice(), &text].concat()),
        ("no end", b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"x\"\r\n\r\nabc".to_vec()),
    ] {
        let reply = kim.send("POST", &path, &kind, &body);
        assert!(matches!(reply.status, 400 | 413), "{name}: {} {}", reply.status, reply.text());
    }
    assert_eq!(served.evidence(), Vec::<String>::new());
    let left: Vec<_> = served.uploads().into_iter().filter_map(|path| Some(path.file_name()?.to_owned())).collect();
    assert_eq!(left, ["one", "three"], "what waits to be added is there, and nothing else");
}

#[test]
fn what_is_broken_off_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let served = Served::over(&store, &["kim=engineer"], &[]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let batch = batch(&kim);
    let cookie = kim.cookie.clone().unwrap_or_default();
    let head = |path: &str, kind: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\nx-csrf-token: {}\r\ncontent-type: {kind}\r\ncontent-length: 50000000\r\n\r\n",
            served.at, kim.csrf
        )
    };
    let part = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"cut.log\"\r\n\r\n";
    for head in [
        head(&format!("/uploads/{batch}/files?name=cut.log"), "application/octet-stream"),
        head(&evidence, "multipart/form-data; boundary=b") + part,
    ] {
        let mut stream = TcpStream::connect(served.at).expect("a connection");
        stream.write_all(head.as_bytes()).expect("to be heard");
        stream.write_all(&vec![b'x'; 5_000_000]).expect("to be heard");
        let is_there = || served.uploads().iter().any(|path| path.ends_with("cut.log"));
        assert!(until(Duration::from_secs(10), is_there), "it is on its way");
        let waits = kim.post_files(&evidence, &[("batch", None, batch.as_bytes())]);
        assert!(matches!(waits.status, 400 | 409), "what is on its way is not added: {}", waits.text());
        drop(stream);
        assert!(until(Duration::from_secs(10), || served.uploads().is_empty()), "{:?}", served.uploads());
    }
    assert_eq!(served.evidence(), Vec::<String>::new());
    // What was never added goes with the program, however that ends.
    let again = self::batch(&kim);
    assert_eq!(upload(&kim, &again, "left.log", b"x").status, 200);
    assert_eq!(served.uploads().len(), 1);
    served.interrupt();
    let left = || walk(&store.join("uploads")).into_iter().filter(|name| !name.ends_with(".lock")).collect::<Vec<_>>();
    assert_eq!(left(), Vec::<String>::new());
    let served = Served::over(&store, &["kim=engineer"], &[]);
    let kim = served.browser("kim");
    let again = self::batch(&kim);
    assert_eq!(upload(&kim, &again, "left.log", b"x").status, 200);
    // Another program on the same store removes nothing that is still used.
    let other = Served::over(&store, &["lee=engineer"], &[]);
    assert_eq!(left().len(), 1, "{:?}", left());
    assert_eq!(upload(&kim, &again, "more.log", b"x").status, 200);
    drop(other);
    served.kill();
    assert_eq!(left().len(), 2, "{:?}", left());
    drop(Served::over(&store, &["kim=engineer"], &[]));
    assert_eq!(left(), Vec::<String>::new());
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}

/// How much is sent, in MB: `THROUGHLINE_TEST_UPLOAD_MB` sends more.
const UPLOAD_MB: u64 = 300;
/// How much the memory may grow meanwhile, in kB.
const MAY_GROW_KB: u64 = 40 << 10;

#[test]
fn a_large_log_does_not_make_the_memory_grow() {
    if !Path::new("/proc/self/status").exists() {
        eprintln!("skipped: this system does not tell how much memory a process has");
        return;
    }
    let sent_mb = std::env::var("THROUGHLINE_TEST_UPLOAD_MB").ok().and_then(|mb| mb.parse().ok()).unwrap_or(UPLOAD_MB);
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let asked = kim.post("/cases/1/message", &[("message_id", "the.one@supplier.example")]);
    assert_eq!(asked.status, 303, "{}", asked.text());
    let batch = batch(&kim);
    kim.get("/cases/1/evidence");
    let before = served.memory_kb("VmHWM");
    let start = std::time::Instant::now();
    let reply = send_log(&kim, &format!("/uploads/{batch}/files?name=mail.log"), sent_mb << 20);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let (sent, after) = (start.elapsed(), served.memory_kb("VmHWM"));
    eprintln!("{sent_mb} MB sent in {sent:?}; most memory before {before} kB, after {after} kB");
    assert!(after < before + MAY_GROW_KB, "{before} kB became {after} kB");
    // What is mapped from files counts as memory too, but is the system's to take back: only what is the process's own is held.
    let (most, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                most.fetch_max(served.memory_kb("RssAnon"), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let added = kim.post_files(&evidence, &[("batch", None, batch.as_bytes())]);
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(added.status, 303, "{}", added.text());
    });
    let most = most.into_inner();
    eprintln!("most memory of its own while it was added: {most} kB; in all {:?}", start.elapsed());
    assert!(most < before + MAY_GROW_KB, "{before} kB became {most} kB");
    assert_eq!(served.evidence(), ["001/mail.log"]);
}

/// Sends a log of a mail server that is made as it is sent.
fn send_log(browser: &Browser, path: &str, bytes: u64) -> Reply {
    let mut stream = TcpStream::connect(browser.at).expect("a connection");
    let cookie = browser.cookie.clone().unwrap_or_default();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: {cookie}\r\nx-csrf-token: {}\r\ncontent-length: {bytes}\r\n\r\n",
        browser.at, browser.csrf
    );
    stream.write_all(head.as_bytes()).expect("to be heard");
    let mut left = usize::try_from(bytes).expect("a size");
    let mut number = 0_u64;
    let mut lines = Vec::new();
    while left > 0 {
        lines.clear();
        while lines.len() < 1 << 20 {
            number += 1;
            let (minute, second, id) = (number / 60 % 60, number % 60, number % 0xfff_ffff);
            let line = format!(
                "2026-11-17T08:{minute:02}:{second:02}+00:00 mx postfix/qmgr[812]: 4hZ{id:07X}: from=<n{id}@bulk.example>, size=4120, nrcpt=1 (queue active)\n"
            );
            lines.extend_from_slice(line.as_bytes());
        }
        let piece = &lines[..lines.len().min(left)];
        stream.write_all(piece).expect("to be heard");
        left -= piece.len();
    }
    read(&mut stream)
}

#[test]
fn errors_keep_what_was_typed() {
    let served = Served::start(&["kim=engineer", "sam=security"]);
    let kim = served.browser("kim");
    case(&kim, "INC-1");
    let page = kim.get("/cases/new?words=%3Cb%3Enever+came");
    assert!(page.body.contains("&lt;b&gt;never came"), "{}", page.body);
    assert_eq!(served.browser("sam").get("/cases/new").status, 403);
    let sample = demo("message.eml");
    let mut parts: Vec<served::Part<'_>> = vec![
        ("client", None, b"contoso"),
        ("ticket", None, b"INC-1"),
        ("words", None, b"\"never\" came"),
        ("sender", None, b"orders@supplier.example"),
        ("at", None, b"half past nine"),
        ("files", Some("message.eml"), &sample),
    ];
    let reply = kim.post_files("/cases", &parts);
    assert_eq!(reply.status, 400, "{}", reply.text());
    for kept in [
        "value=\"contoso\"",
        "&quot;never&quot; came",
        "value=\"orders@supplier.example\"",
        "value=\"half past nine\"",
        "message.eml",
    ] {
        assert!(reply.body.contains(kept), "{kept}: {}", reply.body);
    }
    let batch = between(&reply.body, "name=\"batch\" value=\"", "\"").expect("a batch").to_owned();
    parts.pop();
    parts.pop();
    parts.push(("batch", None, batch.as_bytes()));
    let known = kim.post_files("/cases", &parts);
    assert_eq!(known.status, 409, "{}", known.text());
    assert!(known.text().contains("which case 1 has already"), "{}", known.text());
    parts[1] = ("ticket", None, b"INC-2");
    let reply = kim.post_files("/cases", &parts);
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert!(reply.location().starts_with("/cases/2/evidence?told="));
    assert_eq!(served.evidence(), ["001/message.eml"]);
}

#[test]
fn one_of_several_messages_is_chosen_by_a_click() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let reply = kim.post_files(&evidence, &[("files", Some("message-trace.csv"), &demo("message-trace.csv"))]);
    let page = kim.get_ready(reply.location());
    assert!(
        page.text().contains("Which message is meant?") && page.text().contains("This week in logistics"),
        "{}",
        page.text()
    );
    // What was not read states nothing, and without a sample none says which message is meant.
    for (words, is_there) in [
        ("not read yet: choose the message", true),
        ("no instant", false),
        ("The sample among the evidence says it", false),
    ] {
        assert_eq!(page.text().contains(words), is_there, "{words}: {}", page.text());
    }
    let id = "a81f.40c2@news.bulletin.example";
    assert!(page.body.contains(&format!("name=\"message_id\" value=\"{id}\"")), "{}", page.body);
    let chosen = kim.post("/cases/1/message", &[("message_id", id)]);
    assert_eq!((chosen.status, chosen.location()), (303, "/cases/1"));
    let head = || kim.get_ready("/cases/1").text();
    assert!(until(Duration::from_secs(20), || head().contains("This week in logistics")), "{}", head());
    for (name, text, status) in
        [("at", "half past", 400), ("tz", "Nowhere/Land", 400), ("subject", &"x".repeat(5000), 400)]
    {
        let reply = kim.post("/cases/1/message", &[(name, text)]);
        assert_eq!(reply.status, status, "{name}: {}", reply.text());
        assert!(reply.text().contains("That was not done"), "{name}");
    }
}

/// A header of a few lines names no message: no button stands beside what nothing singles out, and the fields are there.
#[test]
fn what_nothing_singles_out_is_no_choice() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let header = b"Received: from a.example by b.example; Wed, 18 Nov 2026 09:00:00 +0000\n\
        X-Spam-Flag: YES\nX-Spam-Score: 7.1\n";
    let log = b"Nov 18 09:00:01 mx1 postfix/qmgr[9]: 4C0FFEE01: from=<a@supplier.example>, size=812, nrcpt=1 (queue active)\n";
    let reply = kim.post_files(&evidence, &[("files", Some("maillog"), log), ("pasted", None, header)]);
    let page = kim.get_ready(reply.location());
    let forms = page.body.split("action=\"/cases/1/message\"").skip(1).filter_map(|rest| rest.split("</form>").next());
    let forms: Vec<&str> = forms.collect();
    assert!(forms.iter().any(|form| form.contains("name=\"recipient\"")), "{}", page.text());
    for form in forms {
        let names = ["message_id", "sender", "subject"].map(|name| form.contains(&format!("name=\"{name}\"")));
        assert!(names.contains(&true), "{form}");
    }
}

#[test]
fn the_journal_is_written_by_hand() {
    let served = Served::start(&["kim=engineer", "sam=security"]);
    let (kim, sam) = (served.browser("kim"), served.browser("sam"));
    case(&kim, "INC-1");
    let journal = || kim.get("/cases/1/journal").text();
    assert_eq!(sam.post("/cases/1/note", &[("text", "called the user\nshe waits")]).status, 303);
    assert!(journal().contains("sam called the user she waits"), "{}", journal());
    for (status, why, answer, says) in [
        ("waiting", "", 400, "expected a few words"),
        ("waiting", "for the export", 303, "waiting : for the export"),
        ("held", "it held", 400, "expected open, waiting, escalated or closed"),
        ("", "x", 400, "found another word"),
        ("closed", "", 400, "expected a few words"),
        ("closed", "<b>released</b>", 303, "closed : <b>released</b>"),
        ("waiting", "x", 400, "a closed case"),
        ("closed", "again", 400, "a closed one"),
        ("open", "it came back", 303, "open : it came back"),
    ] {
        let reply = kim.post("/cases/1/status", &[("status", status), ("why", why)]);
        assert_eq!(reply.status, answer, "{status} {why}: {}", reply.text());
        let text = if answer == 303 { journal() } else { reply.text() };
        assert!(text.contains(says), "{status} {why}: {text}");
        assert!(
            answer == 303 || why.is_empty() || reply.body.contains(why) || status == "closed" || status == "waiting",
            "{status}"
        );
    }
    let made = program()
        .args(["case", "change", "1", "-", "--made-at", "2026-11-17T10:00:00Z", "--as", "kim", "--store"])
        .arg(&served.store)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .and_then(|mut child| {
            let command = b"New-TenantAllowBlockListItems -ListType Sender -Allow -Entries orders@supplier.example -ExpirationDate 2026-12-17\n";
            child.stdin.take().expect("its input").write_all(command)?;
            child.wait()
        });
    assert!(made.is_ok_and(|status| status.success()));
    let refused = kim.post("/cases/1/status", &[("status", "closed"), ("why", "done & dusted")]);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("was never verified") && refused.text().contains("Verify the change first"));
    assert!(refused.body.contains("done &amp; dusted"), "{}", refused.body);
}

#[test]
fn a_form_that_never_ends_is_not_waited_for_by_others() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let evidence = case(&kim, "INC-1");
    let cookie = kim.cookie.clone().unwrap_or_default();
    let head = format!(
        "POST /cases/1/note HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\ncontent-type: {}\r\ncontent-length: 1000\r\n\r\ncsrf=",
        served.at, FORM.1
    );
    let mut slow: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(served.at).expect("a connection")).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(head.as_bytes()).expect("to be heard"));
    assert!(
        add(&kim, &evidence, &{
            let batch = batch(&kim);
            upload(&kim, &batch, "message.eml", &demo("message.eml"));
            batch
        })
        .text()
        .contains("Added 1 file")
    );
    slow[0].set_nonblocking(true).expect("not to wait");
    assert!(slow[0].read(&mut [0]).is_err(), "it is still waited for, alone");
}
