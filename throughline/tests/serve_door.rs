//! The workbench as somebody finds it who is not meant to come in: hosts, origins, sessions, roles, and requests that no browser sends.

#[path = "support/served.rs"]
mod served;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use served::{Browser, FORM, Served, between, encoded, program, raw, raw_within};

const USERS: [&str; 4] = ["kim=engineer", "sam=security", "lee=engineer+security", "rea=reader"];

/// A case for the pages of this test.
fn case_of(kim: &Browser) {
    let reply = kim.post_files("/cases", &[("client", None, b"contoso"), ("ticket", None, b"INC-1")]);
    assert_eq!((reply.status, reply.location()), (303, "/cases/1/evidence"), "{}", reply.body);
}

#[test]
fn every_answer_tells_the_browser_what_to_refuse() {
    let served = Served::start(&USERS);
    let (kim, nobody) = (served.browser("kim"), served.stranger());
    case_of(&kim);
    let big = format!("text={}", "x".repeat(9 << 20));
    for (name, reply, status) in [
        ("a page", kim.get("/"), 200),
        ("a case", kim.get_ready("/cases/1/evidence"), 200),
        ("the style sheet", nobody.get("/assets/app.css"), 200),
        ("the script", nobody.get("/assets/app.js"), 200),
        ("the icon", nobody.get("/favicon.ico"), 200),
        ("signing in", nobody.get("/login"), 200),
        ("a redirect", nobody.get("/cases/1"), 303),
        ("no such page", kim.get("/nowhere"), 404),
        ("no such case", kim.get("/cases/99/journal"), 404),
        ("no number", kim.get("/cases/x/journal"), 400),
        ("no such link", nobody.get("/login/x"), 403),
        ("no session", nobody.post("/cases", &[]), 401),
        ("no token", kim.send("POST", "/cases/1/note", &[FORM], b"text=x"), 403),
        ("no method", nobody.send("DELETE", "/assets/app.css", &[], b""), 405),
        ("another host", nobody.send("GET", "/", &[("host", "attacker.example")], b""), 421),
        ("an empty note", kim.post("/cases/1/note", &[("text", "")]), 400),
        ("too large a form", kim.send("POST", "/cases/1/note", &[FORM], big.as_bytes()), 403),
        ("the API", nobody.get("/api/v1/cases"), 401),
    ] {
        assert_eq!(reply.status, status, "{name}: {}", reply.body);
        let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("{name}: no policy"));
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{name}: {policy}");
        }
        assert!(!policy.contains("script-src 'self' '") && !policy.contains("style-src 'self' '"), "{name}: {policy}");
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(header), Some(value), "{name}");
        }
        let is_asset = reply.status == 200 && !reply.body.contains("<!DOCTYPE html>");
        let kept = if is_asset { "private, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(reply.header("cache-control"), Some(kept), "{name}");
        assert!(reply.header("server").is_none() && reply.header("access-control-allow-origin").is_none(), "{name}");
        let inline = ["<script>", "<style", " onclick=", " onload=", "javascript:"];
        assert!(is_asset || inline.iter().all(|what| !reply.body.contains(what)), "{name}");
    }
}

#[test]
fn only_by_its_own_names() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let port = served.at.port();
    for (host, is_own) in [
        (format!("127.0.0.1:{port}"), true),
        (format!("localhost:{port}"), true),
        (format!("LocalHost:{port}"), true),
        (format!("127.0.0.1.:{port}"), false),
        (format!("localhost.attacker.example:{port}"), false),
        (format!("attacker.example:{port}"), false),
        (format!("127.0.0.1:{port}@attacker.example"), false),
        (format!("kim@127.0.0.1:{port}"), false),
        (format!("127.0.0.1:{port} "), true), // Space around a value is none of it.
        (format!("127.0.0.1:{port},attacker.example"), false),
        (format!("127.1:{port}"), false),
        (format!("[::1]:{port}"), false),
        (format!("0.0.0.0:{port}"), false),
        ("127.0.0.1".to_owned(), false),
        (format!("127.0.0.1:{}", port ^ 1), false),
        (String::new(), false),
    ] {
        for path in ["/", "/login", "/api/v1/cases", "/assets/app.js", "/nowhere"] {
            let reply = kim.send("GET", path, &[("host", &host)], b"");
            assert_eq!(reply.status != 421, is_own, "{host} {path}: {}", reply.status);
        }
    }
    let two = format!("GET / HTTP/1.1\r\nhost: {0}\r\nhost: attacker.example\r\nconnection: close\r\n\r\n", served.at);
    let none = "GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned();
    let old = "GET / HTTP/1.0\r\n\r\n".to_owned();
    for request in [two, none, old] {
        let status = raw(served.at, request.as_bytes()).status;
        assert!(matches!(status, 400 | 421), "{request}: {status}");
    }
}

#[test]
fn only_for_forms_of_its_own_pages() {
    let served = Served::start(&["kim=engineer", "lee=engineer"]);
    let (kim, lee) = (served.browser("kim"), served.browser("lee"));
    case_of(&kim);
    let at = served.at;
    let (own, other) = (format!("http://{at}"), format!("http://attacker.example:{}", at.port()));
    let (with, without) = (format!("text=x&csrf={}", kim.csrf), "text=x".to_owned());
    let foreign = format!("text=x&csrf={}", lee.csrf);
    let other_port = format!("http://127.0.0.1:{}", at.port() ^ 1);
    type Row<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str, u16);
    let rows: Vec<Row<'_>> = vec![
        ("its own", vec![], &with, 303),
        ("its own, as browsers say it", vec![("origin", &own), ("sec-fetch-site", "same-origin")], &with, 303),
        ("of a script", vec![("x-csrf-token", &kim.csrf)], &without, 303),
        ("no token", vec![("origin", &own), ("sec-fetch-site", "same-origin")], &without, 403),
        ("an empty token", vec![("x-csrf-token", "")], &without, 403),
        ("another session's token", vec![], &foreign, 403),
        ("another session's token in the header", vec![("x-csrf-token", &lee.csrf)], &without, 403),
        ("another origin", vec![("origin", &other)], &with, 403),
        ("another port", vec![("origin", &other_port)], &with, 403),
        ("an origin that is not told", vec![("origin", "null")], &with, 403),
        ("another site", vec![("sec-fetch-site", "cross-site")], &with, 403),
        ("another host of the site", vec![("sec-fetch-site", "same-site")], &with, 403),
        ("an address that was typed", vec![("sec-fetch-site", "none")], &with, 403),
    ];
    for (name, headers, body, status) in rows {
        let headers: Vec<(&str, &str)> = headers.into_iter().chain([FORM]).collect();
        let reply = kim.send("POST", "/cases/1/note", &headers, body.as_bytes());
        assert_eq!(reply.status, status, "{name}: {}", reply.body);
    }
    // A token in the address is for forms with files alone: addresses stand in histories and logs.
    let path = format!("/cases/1/note?csrf={}", kim.csrf);
    assert_eq!(kim.send("POST", &path, &[FORM], b"text=x").status, 403);
    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
        assert_eq!(kim.send("POST", "/cases/1/note", &[("content-type", kind)], with.as_bytes()).status, 403, "{kind}");
    }
}

#[test]
fn a_login_link_lets_in_one_person_once() {
    let served = Served::start(&["kim=engineer", "lee=reader"]);
    let link = served.link("kim");
    let mut nobody = served.stranger();
    // Programs look at links before people do.
    for method in ["GET", "HEAD", "GET"] {
        let reply = nobody.send(method, &format!("/login/{link}"), &[], b"");
        assert_eq!((reply.status, reply.header("set-cookie")), (200, None), "{method}");
    }
    let body = format!("link={link}");
    for (name, header) in [("origin", "http://attacker.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let reply = nobody.send("POST", "/login", &[FORM, (name, header)], body.as_bytes());
        assert_eq!((reply.status, reply.header("set-cookie")), (403, None), "{header}");
    }
    for wrong in ["", "x", &link[1..], &link.to_lowercase(), &format!("{link}x"), &"x".repeat(43)] {
        assert_eq!(nobody.send("POST", "/login", &[FORM], format!("link={wrong}").as_bytes()).status, 403, "{wrong}");
    }
    let long = format!("link={}", "x".repeat(100_000));
    assert_eq!(nobody.send("POST", "/login", &[FORM], long.as_bytes()).status, 413);
    // A cookie that somebody planted is none.
    let name = format!("throughline-{}", served.at.port());
    nobody.cookie = Some(format!("{name}=planted"));
    let reply = nobody.send("POST", "/login", &[FORM], body.as_bytes());
    let cookie = reply.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with(&format!("{name}=")) && !cookie.contains("planted"), "{cookie}");
    for flag in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(nobody.get("/account").status, 303, "what was planted lets nobody in");
    assert_eq!(nobody.send("POST", "/login", &[FORM], body.as_bytes()).status, 403, "a link is used up");
    assert_eq!(nobody.get(&format!("/login/{link}")).status, 403);
    // Whoever signs in anew leaves the old session.
    let mut kim = served.stranger();
    kim.cookie = cookie.split(';').next().map(str::to_owned);
    assert_eq!(kim.get("/account").status, 200);
    let again = kim.send("POST", "/login", &[FORM], format!("link={}", served.link("lee")).as_bytes());
    assert_eq!(again.status, 303);
    assert_eq!(kim.get("/account").status, 303, "the old session is over");
    kim.cookie = again.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
    let page = kim.get("/account");
    kim.csrf = between(&page.body, "<meta name=\"csrf\" content=\"", "\"").expect("a token").to_owned();
    assert_eq!(kim.get("/logout").status, 405, "nobody is signed out by a link");
    assert_eq!(kim.post("/logout", &[]).status, 303);
    assert_eq!(kim.get("/account").status, 303, "signed out");
}

#[test]
fn requests_that_no_browser_sends() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    case_of(&kim);
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "get"] {
        for path in ["/", "/cases/1/journal", "/login", "/api/v1/cases", "/nowhere"] {
            for browser in [&kim, &served.stranger()] {
                let reply = browser.send(method, path, &[], b"");
                assert!(matches!(reply.status, 400 | 401 | 403 | 404 | 405), "{method} {path}: {}", reply.status);
                let has_echo = browser.cookie.as_ref().is_some_and(|cookie| reply.body.contains(cookie.as_str()));
                assert!(!has_echo, "{method} {path}");
            }
        }
    }
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e%5c%2e%2e%5cCargo.toml",
        "//etc/passwd",
        "//attacker.example/",
        "/cases/1/records/../../../etc/passwd",
        "/cases/1/records/0000000000000000/0-99999999",
        "/cases/1%00/journal",
        "/cases/1/journal%00",
        "/cases/18446744073709551616/journal",
        "/cases/-1/journal",
        "/cases/1/journal/",
        "/account/../cases/1/journal",
        "/\u{202e}",
        "/%ff%fe",
    ] {
        let reply = kim.get(path);
        assert!(matches!(reply.status, 400 | 404), "{path}: {}", reply.status);
        assert!(!reply.body.contains("root:") && !reply.body.contains("[package]"), "{path}");
    }
    let host = format!("host: {}\r\n", served.at);
    let many: String = (0..500).map(|number| format!("x-{number}: y\r\n")).collect();
    let cookie = kim.cookie.clone().unwrap_or_default();
    let body = format!("csrf={}&text=smuggled", kim.csrf);
    for (name, request) in [
        ("a long header", format!("GET / HTTP/1.1\r\n{host}x: {}\r\n\r\n", "y".repeat(1 << 20))),
        ("a long address", format!("GET /{} HTTP/1.1\r\n{host}\r\n", "y".repeat(1 << 20))),
        ("many headers", format!("GET / HTTP/1.1\r\n{host}{many}\r\n")),
        ("two lengths", format!("POST /login HTTP/1.1\r\n{host}content-length: 4\r\ncontent-length: 5\r\n\r\nabcde")),
        ("a length that is none", format!("POST /login HTTP/1.1\r\n{host}content-length: +4\r\n\r\nabcd")),
        ("a length below zero", format!("POST /login HTTP/1.1\r\n{host}content-length: -1\r\n\r\n")),
        ("another coding", format!("POST /login HTTP/1.1\r\n{host}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n")),
        ("space before the colon", format!("POST /login HTTP/1.1\r\n{host}content-length : 4\r\n\r\nabcd")),
        ("a folded header", format!("GET / HTTP/1.1\r\n{host}x: y\r\n z\r\n\r\n")),
        ("a NUL in a header", format!("GET / HTTP/1.1\r\n{host}x: \0\r\n\r\n")),
        ("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned()),
        ("HTTP/2 unasked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (
            "a piece that is too long to be",
            format!("POST /login HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        ),
    ] {
        let reply = raw_within(served.at, request.as_bytes(), Duration::from_secs(2));
        assert!(matches!(reply.status, 0 | 400..=499), "{name}: {}", reply.status);
        assert!(!reply.body.contains("HTTP/1.1 200"), "{name}: a second answer");
    }
    // A length and a coding: only one of them may count, and what follows is no request.
    let inner = format!(
        "POST /cases/1/note HTTP/1.1\r\n{host}cookie: {cookie}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n{body}",
        FORM.1,
        body.len()
    );
    let both = format!(
        "POST /login HTTP/1.1\r\n{host}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
    );
    raw_within(served.at, both.as_bytes(), Duration::from_secs(2));
    assert!(!kim.get("/cases/1/journal").body.contains("smuggled"));
    assert_eq!(kim.get("/").status, 200, "it lives");
}

#[test]
fn slow_clients_stand_in_nobodys_way() {
    let served = Served::start(&["kim=engineer"]);
    let kim = served.browser("kim");
    let slow: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = TcpStream::connect(served.at).expect("a connection");
            let head = if number % 2 == 0 { "GET / HT" } else { "POST /login HTTP/1.1\r\ncontent-length: 100\r\n" };
            stream.write_all(head.as_bytes()).expect("to be heard");
            stream
        })
        .collect();
    let start = Instant::now();
    assert_eq!(kim.get("/").status, 200);
    assert!(start.elapsed() < Duration::from_secs(5));
    let mut one = slow.into_iter().next().expect("one");
    one.set_read_timeout(Some(Duration::from_secs(40))).expect("a timeout");
    let mut said = Vec::new();
    let ended = one.read_to_end(&mut said);
    assert!(ended.is_ok() || said.is_empty(), "who says nothing for 20 s is not waited for");
    assert!(start.elapsed() < Duration::from_secs(35), "{:?}", start.elapsed());
}

/// Who may do what: each address that changes something, a form for it, and whether an engineer, a security approver and a reader may. Where one
/// may, the answer is anything but 403.
const CHANGES: &[(&str, &str, [bool; 3])] = &[
    ("/account/tokens", "purpose=x", [true, true, true]),
    ("/account/tokens/{number}/revoke", "", [true, true, true]),
    ("/cases", "FILES", [true, false, false]),
    ("/cases/{number}/evidence", "FILES", [true, false, false]),
    ("/cases/{number}/escalation", "", [true, false, false]),
    ("/cases/{number}/exception/approval", "", [false, true, false]),
    ("/cases/{number}/exception/change", "", [true, false, false]),
    ("/cases/{number}/exception/check", "", [true, true, false]),
    ("/cases/{number}/message", "sender=a%40example.com", [true, false, false]),
    ("/cases/{number}/note", "text=x", [true, true, false]),
    ("/cases/{number}/status", "status=waiting&why=x", [true, false, false]),
    ("/cases/{number}/verification", "", [true, false, false]),
    ("/uploads", "", [true, false, false]),
    ("/uploads/{batch}/files", "", [true, false, false]),
    ("/uploads/{batch}/files/{number}/remove", "", [true, false, false]),
    ("/uploads/{batch}/remove", "", [true, false, false]),
    ("/logout", "", [true, true, true]),
];

#[test]
fn who_may_do_what() {
    let known: BTreeSet<&str> = CHANGES.iter().map(|(path, ..)| *path).collect();
    for path in changing() {
        assert!(known.contains(path.as_str()), "{path} changes something: say in CHANGES who may");
    }
    let served = Served::start(&USERS);
    let kim = served.browser("kim");
    case_of(&kim);
    let users = [&kim, &served.browser("sam"), &served.browser("rea")];
    for (route, form, may) in CHANGES {
        let path = route.replace("{number}", "1").replace("{batch}", "x");
        let query = if path.ends_with("/files") { "?name=x.csv" } else { "" };
        for (browser, may) in users.iter().zip(may) {
            let reply = match *form {
                "FILES" => browser.post_files(&path, &[("text", None, b"x"), ("ticket", None, b"INC-2")]),
                fields => browser.send(
                    "POST",
                    &format!("{path}{query}"),
                    &[FORM, ("x-csrf-token", &browser.csrf)],
                    fields.as_bytes(),
                ),
            };
            assert_eq!(reply.status != 403, *may, "{route} of {}: {}", browser.csrf, reply.text());
            assert!(reply.status < 500, "{route}: {}", reply.text());
        }
        let reply = served.stranger().send("POST", &path, &[FORM], form.as_bytes());
        assert_eq!(reply.status, 401, "{route} of nobody");
    }
    let journal = served.browser("lee").get("/cases/1/journal").text();
    assert!(!journal.contains("rea "), "{journal}");
}

/// The addresses of all pages that change something, as the pages name them where they are made.
fn changing() -> BTreeSet<String> {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/page");
    let mut folders = vec![pages];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the pages").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a page");
            for route in text.split(".route(").skip(1) {
                let handlers = &route[..end_of(route)];
                let address = between(route, "\"", "\"").expect("an address in letters");
                let changes = ["post(", "put(", "patch(", "delete(", "any(", "on("];
                if changes.iter().any(|word| handlers.contains(word)) {
                    found.insert(address.to_owned());
                }
            }
        }
    }
    assert!(found.len() > 5, "{found:?}");
    found
}

/// Where the bracket ends that was open before a text.
fn end_of(text: &str) -> usize {
    let mut open = 1;
    let end = text.find(|letter| {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    end.unwrap_or(text.len())
}

#[test]
fn tokens_are_shown_once_and_never_may_more_than_their_user() {
    let served = Served::start(&USERS);
    let (kim, rea) = (served.browser("kim"), served.browser("rea"));
    let call = |token: &str| {
        let bearer = format!("Bearer {token}");
        served.stranger().send("GET", "/api/v1/cases", &[("authorization", &bearer)], b"").status
    };
    let made = kim.post("/account/tokens", &[("purpose", "<script>night job"), ("engineer", "on")]);
    let start = made.body.find("throughline_").unwrap_or_else(|| panic!("{}", made.text()));
    let token: String =
        made.body[start..].chars().take_while(|one| one.is_ascii_alphanumeric() || "_-".contains(*one)).collect();
    assert_ne!(call(&token), 401);
    let page = kim.get("/account");
    assert!(
        page.text().contains("<script>night job engineer") && !page.body.contains("<script>night"),
        "{}",
        page.body
    );
    assert!(!page.body.contains(&token), "it is shown once");
    assert!(page.text().contains("as long as the workbench runs"));
    for (user, role) in [(&kim, "security"), (&rea, "engineer"), (&rea, "security")] {
        let refused = user.post("/account/tokens", &[("purpose", "x"), (role, "on")]);
        assert_eq!(refused.status, 403, "{role}");
        assert!(!refused.body.contains("throughline_"), "{role}");
    }
    for purpose in ["", " ", &"x".repeat(101)] {
        assert_eq!(kim.post("/account/tokens", &[("purpose", purpose)]).status, 400);
    }
    let address = between(&page.body, "action=\"/account/tokens/", "/revoke").expect("a token to revoke");
    rea.post(&format!("/account/tokens/{address}/revoke"), &[]);
    assert_ne!(call(&token), 401, "only its user revokes it");
    kim.post(&format!("/account/tokens/{address}/revoke"), &[]);
    assert_eq!(call(&token), 401);
    assert_eq!(kim.get("/api/v1/cases").status, 401, "a cookie opens no API");
    for wrong in ["", "x", "throughline_", &encoded(&token)] {
        assert_eq!(call(wrong), 401, "{wrong}");
    }
}

#[test]
fn others_reach_it_only_if_somebody_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, options, says) in [
        ("another address", vec!["--listen", "0.0.0.0:0"], "one that others can reach"),
        ("another address, by version 6", vec!["--listen", "[::]:0"], "one that others can reach"),
        ("without TLS", vec!["--listen", "0.0.0.0:0", "--beyond-this-machine"], "--tls-cert"),
        ("a certificate alone", vec!["--tls-cert", "x.pem"], "--tls-key"),
        (
            "without a name",
            vec!["--listen", "0.0.0.0:0", "--beyond-this-machine", "--tls-cert", "x", "--tls-key", "y"],
            "--host",
        ),
        (
            "a certificate that is not there",
            vec!["--tls-cert", "x.pem", "--tls-key", "y.pem"],
            "a certificate with its key",
        ),
    ] {
        let mut command = program();
        command.arg("serve").args(&options).arg("--store").arg(folder.path()).stdin(Stdio::null());
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let done = command.output().expect("the program");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
        assert!(done.stdout.is_empty(), "{name}: no link is told");
    }
}

#[test]
fn with_tls_the_cookie_is_bound_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, certificate) = (folder.path().join("desk.key"), folder.path().join("desk.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: no openssl to make a certificate with");
        return;
    }
    let (key, certificate) = (key.to_string_lossy().into_owned(), certificate.to_string_lossy().into_owned());
    let options = ["--tls-cert", &certificate, "--tls-key", &key, "--host", "desk.example.com"];
    let served = Served::over(&folder.path().join("store"), &["kim=engineer"], &options);
    // `openssl s_client` is the client, so that no other TLS is needed here.
    let ask = |request: &str| -> String {
        let mut client = std::process::Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-CAfile", &certificate, "-connect"])
            .arg(served.at.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        client.stdin.as_mut().expect("its input").write_all(request.as_bytes()).expect("to be heard");
        let out = client.wait_with_output().expect("an answer");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let port = served.at.port();
    let host = format!("desk.example.com:{port}");
    let page = ask(&format!("GET /login HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let body = format!("link={}", served.link("kim"));
    let head = format!(
        "POST /login HTTP/1.1\r\nhost: {host}\r\norigin: ORIGIN\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        FORM.1,
        body.len()
    );
    assert!(ask(&head.replace("ORIGIN", &format!("http://{host}"))).starts_with("HTTP/1.1 403"), "another scheme");
    let entered = ask(&head.replace("ORIGIN", &format!("https://{host}")));
    assert!(entered.contains("set-cookie: __Host-throughline=") && entered.contains("; Secure"), "{entered}");
    let plain = raw(served.at, format!("GET /login HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
    assert_eq!(plain.status, 0, "without TLS there is no answer");
}
