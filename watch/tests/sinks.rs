//! What arrives at a web server, a mail server and in a file, and what does not leave the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use watch::config::{Config, Place};
use watch::world::{Before, Fault, NotSent, Sink};
use watch::{ALERT_SCHEMA, Alert, Kind, Level};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const NOW: &str = "2026-05-01T06:15:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

/// An alert whose words somebody else wrote, who would like to write more than words.
fn hostile() -> Alert {
    Alert {
        schema: ALERT_SCHEMA.to_owned(),
        id: "alert_0123456789abcdef0123456789abcdef".to_owned(),
        client: "contoso".to_owned(),
        kind: Kind::Signal,
        level: Level::Alert,
        at: now(),
        happened_at: None,
        title: "Held again\r\nBcc: everybody@example.net".to_owned(),
        statement: "Subject `x\r\n.\r\nMAIL FROM:<evil@example.net>\r\n` \u{202e}was held – ärgerlich".to_owned(),
        owner: None,
        runbook: Some("contoso/held-again".to_owned()),
        case: Some(42),
        span: None,
        cites: Vec::new(),
        ask_for: Vec::new(),
    }
}

/// The one sink of a configuration.
fn sink(text: &str) -> Result<Box<dyn Sink>, String> {
    let text = format!("[[client]]\nname = \"contoso\"\nin = \"exports\"\n[[sink]]\nname = \"it\"\n{text}");
    let config = Config::read(&text, std::path::Path::new("/nowhere")).map_err(|error| error.to_string())?;
    let place: &Place = config.sinks.first().ok_or("no sink")?;
    watch::sink::open(place).map_err(|error| error.to_string())
}

/// The header of a request, line by line, and its body.
type Request = (Vec<String>, Vec<u8>);

/// A web server that gives one answer to each of some requests, and what it was sent.
fn web_server(answers: &'static [&'static str]) -> (u16, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let server = std::thread::spawn(move || answers.iter().map(|answer| one_request(&listener, answer)).collect());
    (port, server)
}

fn one_request(listener: &TcpListener, answer: &str) -> Request {
    let (stream, _) = listener.accept().expect("a request");
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = field(&head, "content-length").parse().expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let mut stream = reader.into_inner();
    stream
        .write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
        .expect("sent");
    (head, body)
}

fn field(head: &[String], name: &str) -> String {
    let value = |line: &String| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    head.iter().find_map(value).unwrap_or_default()
}

fn webhook(port: u16) -> Box<dyn Sink> {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("written");
    let path = secret.display();
    sink(&format!("webhook = {{ url = \"http://127.0.0.1:{port}/hook?a=b\", secret = {{ file = \"{path}\" }} }}"))
        .expect("a sink")
}

#[test]
fn a_webhook_is_signed_and_named() {
    let (port, server) = web_server(&["200 OK", "204 No Content"]);
    let mut sink = webhook(port);
    let later = now() + jiff::SignedDuration::from_secs(90);
    assert_eq!(sink.send(&hostile(), now(), Before::NotThere), Ok(()));
    assert_eq!(sink.send(&hostile(), later, Before::MayBeThere), Ok(()));
    let requests = server.join().expect("requests");
    let key = BASE64.decode(SECRET.trim_start_matches("whsec_")).expect("a key");
    for ((head, body), at) in requests.iter().zip([now(), later]) {
        assert_eq!(head[0], "POST /hook?a=b HTTP/1.1");
        assert_eq!(field(head, "content-type"), "application/json");
        assert_eq!(field(head, "webhook-id"), hostile().id, "the same for each attempt");
        assert_eq!(field(head, "webhook-timestamp"), at.as_second().to_string());
        // Checked by another implementation than the one that signs.
        let signed = [hostile().id.as_bytes(), b".", at.as_second().to_string().as_bytes(), b".", body].concat();
        assert_eq!(field(head, "webhook-signature"), format!("v1,{}", BASE64.encode(hmac_sha256(&key, &signed))));
        let alert: Alert = serde_json::from_slice(body).expect("an alert");
        assert_eq!(alert, hostile());
        assert!(head.iter().all(|line| !line.contains("everybody")), "{head:?}");
    }
}

/// HMAC as RFC 2104 has it, over SHA-256.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let padded = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([padded(0x36), message.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}

#[test]
fn the_example_of_the_standard() {
    // The vector of the standard's own libraries: id, instant and body as they are signed there.
    let key = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
    let signature =
        watch::sink::signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn what_an_answer_means() {
    for (answer, expected) in [
        ("302 Found\r\nLocation: http://127.0.0.1:1/elsewhere", Fault::Place),
        ("400 Bad Request", Fault::Alert),
        ("401 Unauthorized", Fault::Place),
        ("410 Gone", Fault::Place),
        ("429 Too Many Requests", Fault::Place),
        ("503 Service Unavailable", Fault::Place),
    ] {
        let answers: &'static [&'static str] = Box::leak(Box::new([answer]));
        let (port, server) = web_server(answers);
        let done = webhook(port).send(&hostile(), now(), Before::NotThere);
        assert_eq!(done.map_err(|not_sent| not_sent.fault), Err(expected), "{answer}");
        server.join().expect("one request, and none elsewhere");
    }
}

#[test]
fn nobody_answers() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let done = webhook(port).send(&hostile(), now(), Before::NotThere);
    let Err(NotSent { fault: Fault::Place, said }) = done else { panic!("{done:?}") };
    assert!(!said.contains("hook"), "an address may hold a token: {said}");
}

#[test]
fn what_does_not_leave_the_machine() {
    let secret = "secret = { env = \"THROUGHLINE_TEST_NO_SUCH\" }";
    let mail = "from = \"watch@example.com\", to = [\"ops@example.com\"]";
    for (name, text, expected) in [
        ("no secret", format!("webhook = {{ url = \"https://hooks.example.net/\", {secret} }}"), "no variable"),
        (
            "secret in the file",
            "webhook = { url = \"https://hooks.example.net/\", secret = \"whsec_abc\" }".to_owned(),
            "expected",
        ),
        (
            "plain http",
            "webhook = { url = \"http://hooks.example.net/\", secret = { env = \"PATH\" } }".to_owned(),
            "https://",
        ),
        (
            "a name like loopback",
            "webhook = { url = \"http://127.0.0.1.example.net/\", secret = { env = \"PATH\" } }".to_owned(),
            "https://",
        ),
        (
            "user in the address",
            "webhook = { url = \"https://a:b@hooks.example.net/\", secret = { env = \"PATH\" } }".to_owned(),
            "user name",
        ),
        (
            "other scheme",
            "webhook = { url = \"file:///etc/passwd\", secret = { env = \"PATH\" } }".to_owned(),
            "https://",
        ),
        ("plain SMTP", format!("mail = {{ server = \"mail.example.com\", tls = \"none\", {mail} }}"), "protected"),
        (
            "password without user",
            format!("mail = {{ server = \"mail.example.com\", password = {{ env = \"PATH\" }}, {mail} }}"),
            "user and password",
        ),
        (
            "no address",
            "mail = { server = \"mail.example.com\", from = \"x\\r\\nBcc: a@example.net\", to = [] }".to_owned(),
            "address",
        ),
        ("nothing", String::new(), "one of file, webhook and mail"),
        ("unknown word", "webhok = \"https://hooks.example.net/\"".to_owned(), "webhok"),
        (
            "credential elsewhere",
            "webhook = { url = \"https://hooks.example.net/\", secret = { credential = \"../x\" } }".to_owned(),
            "no name of a credential",
        ),
    ] {
        let error = sink(&text).map(|_| ()).expect_err(name);
        assert!(error.contains(expected), "{name}: {error}");
        assert!(!error.contains("whsec_abc"), "{name}: {error}");
    }
}

/// A mail server that takes one mail, and what was said to it.
fn mail_server() -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        one_mail(stream)
    });
    (port, server)
}

fn one_mail(stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut heard = String::new();
    let mut is_data = false;
    reader.get_mut().write_all(b"220 mail.example.com ESMTP\r\n").expect("sent");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).expect("a line") == 0 {
            return heard;
        }
        heard.push_str(&line);
        let word = line.trim_end().to_ascii_uppercase();
        let answer = match (is_data, word.as_str()) {
            (true, ".") => {
                is_data = false;
                "250 2.0.0 queued\r\n"
            }
            (true, _) => continue,
            (false, "DATA") => {
                is_data = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, word) if word.starts_with("EHLO") => "250-mail.example.com\r\n250 8BITMIME\r\n",
            (false, _) => "250 2.1.0 ok\r\n",
        };
        reader.get_mut().write_all(answer.as_bytes()).expect("sent");
    }
}

#[test]
fn a_mail_holds_foreign_words_in_its_body_alone() {
    let (port, server) = mail_server();
    let mut sink = sink(&format!(
        "mail = {{ server = \"127.0.0.1\", port = {port}, tls = \"none\", from = \"Watch <watch@example.com>\", to = [\"ops@example.com\", \"ana@example.com\"] }}"
    ))
    .expect("a sink");
    assert_eq!(sink.send(&hostile(), now(), Before::NotThere), Ok(()));
    drop(sink);
    let heard = server.join().expect("a mail");
    let (commands, rest) = heard.split_once("DATA\r\n").expect("a mail");
    assert_eq!(commands.matches("MAIL FROM").count() + rest.matches("\nMAIL FROM").count(), 1, "{heard}");
    assert_eq!(commands.matches("RCPT TO").count(), 2, "{heard}");
    let (head, body) = rest.split_once("\r\n\r\n").expect("a header and a body");
    assert!(head.contains("Subject: throughline: contoso: the signal of a runbook fired"), "{head}");
    assert!(head.contains(&format!("Message-ID: <{}@example.com>", hostile().id)), "{head}");
    assert!(head.contains("Fri, 01 May 2026 06:15:00"), "{head}");
    assert!(!head.contains("everybody") && !head.contains("evil"), "{head}");
    assert!(!body.contains("\u{202e}"), "{body}");
    assert!(rest.matches("\r\n.\r\n").count() == 1, "the mail ends once: {rest}");
}

#[test]
fn a_mail_server_that_is_not_there() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let text = format!(
        "mail = {{ server = \"127.0.0.1\", port = {port}, tls = \"none\", from = \"watch@example.com\", to = [\"ops@example.com\"] }}"
    );
    let done = sink(&text).expect("a sink").send(&hostile(), now(), Before::NotThere);
    assert_eq!(done.map_err(|not_sent| not_sent.fault), Err(Fault::Place));
}

#[test]
fn a_file_has_each_alert_on_a_line_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.jsonl");
    let mut sink = sink(&format!("file = \"{}\"", path.display())).expect("a sink");
    let other = Alert { id: "alert_2".to_owned(), ..hostile() };
    assert_eq!(sink.send(&hostile(), now(), Before::NotThere), Ok(()));
    assert_eq!(sink.send(&hostile(), now(), Before::MayBeThere), Ok(()), "it is there already");
    // A write that was cut off: half a line.
    let half = "{\"schema\":\"throughline.alert.v1\",\"id\":\"alert_2\",\"cli";
    std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(half.as_bytes()))
        .expect("written");
    assert_eq!(sink.send(&other, now(), Before::MayBeThere), Ok(()));
    let text = std::fs::read_to_string(&path).expect("a file");
    let ids: Vec<String> = text.lines().map(|line| serde_json::from_str::<Alert>(line).expect("an alert").id).collect();
    assert_eq!(ids, [hostile().id, other.id]);
    // Rotated away: the next alert makes a new file.
    std::fs::rename(&path, folder.path().join("alerts.jsonl.1")).expect("rotated");
    assert_eq!(sink.send(&hostile(), now(), Before::NotThere), Ok(()));
    assert_eq!(std::fs::read_to_string(&path).expect("a file").lines().count(), 1);
}

#[test]
fn a_folder_that_is_not_there() {
    let done =
        sink("file = \"no/such/folder/alerts.jsonl\"").expect("a sink").send(&hostile(), now(), Before::NotThere);
    assert_eq!(done.map_err(|not_sent| not_sent.fault), Err(Fault::Place));
}
