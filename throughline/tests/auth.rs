//! `headers` and `auth` as a user runs them; the DNS is a server of our own on the loopback.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record};
use serde_json::Value;

const SAMPLE: &str = "Return-Path: <bounce@mail.vendor.example>\r\n\
Received: from out.vendor.example (out.vendor.example [203.0.113.25]) by mx1.client.example (Postfix)\r\n \
with ESMTPS id 4QfAbC1DzLz9x for <ana@client.example>; Thu, 19 Nov 2026 10:00:04 +0000 (UTC)\r\n\
Authentication-Results: mx1.client.example; spf=pass smtp.mailfrom=bounce@mail.vendor.example;\r\n \
dmarc=fail header.from=vendor.example\r\n\
From: Vendor <news@vendor.example>\r\n\
To: ana@client.example\r\n\
Subject: News\r\n\
Date: Thu, 19 Nov 2026 10:00:00 +0000\r\n\
Message-ID: <news.1@vendor.example>\r\n\
\r\n\
Hello\r\n";

const RECORDS: &[(&str, &str)] = &[
    ("mail.vendor.example", "v=spf1 include:_spf.vendor.example -all"),
    ("_spf.vendor.example", "v=spf1 ip4:203.0.113.0/24 ~all"),
    ("_dmarc.vendor.example", "v=DMARC1; p=reject; aspf=s; pct=50"),
];

fn throughline(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
    command.output().expect("it runs")
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path.to_string_lossy().into_owned()
}

/// A name server that knows some TXT records; `broken.vendor.example` fails, and nothing else exists.
fn name_server(records: &'static [(&'static str, &'static str)]) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        let known: HashMap<&str, &str> = records.iter().copied().collect();
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
            count.fetch_add(1, Ordering::SeqCst);
            let Some(query) = question.queries.first().cloned() else { continue };
            let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            answer.metadata.recursion_available = true;
            let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
            match known.get(name.as_str()) {
                Some(text) => {
                    // In two strings, as long records are.
                    let (head, tail) = text.split_at(text.len() / 2);
                    let data = RData::TXT(TXT::new(vec![head.to_owned(), tail.to_owned()]));
                    answer.add_answer(Record::from_rdata(query.name().clone(), 300, data));
                }
                None if name.starts_with("broken.") => answer.metadata.response_code = ResponseCode::ServFail,
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
            answer.add_query(query);
            let _ = socket.send_to(&answer.to_vec().expect("it is encoded"), from);
        }
    });
    (address, asked)
}

fn own<'v>(report: &'v Value, method: &str) -> &'v Value {
    let results = report["sample"]["own"]["results"].as_array().expect("results");
    results.iter().find(|result| result["method"] == method).unwrap_or_else(|| panic!("no {method}"))
}

#[test]
fn nothing_is_asked_unless_said() {
    let root = tempfile::tempdir().expect("a folder");
    let sample = put(root.path(), "sample.eml", SAMPLE.as_bytes());
    let report: Value = serde_json::from_str(&out(&throughline(&["auth", &sample, "--format", "json"]))).expect("JSON");
    assert_eq!(report["schema"], "throughline.auth.v1");
    assert_eq!(own(&report, "spf")["result"], Value::Null, "not checked is not failed");
    assert_eq!(own(&report, "dmarc")["result"], Value::Null);
    let needs = report["sample"]["own"]["needs"].as_array().expect("needs");
    assert!(needs.contains(&Value::from("TXT mail.vendor.example")), "{needs:?}");
    assert!(needs.contains(&Value::from("TXT _dmarc.vendor.example")), "{needs:?}");
    let text = out(&throughline(&["auth", &sample]));
    assert!(text.contains("DNS records that are needed") && text.contains("dig"), "{text}");
}

#[test]
fn what_was_asked_can_be_saved_and_repeated_without_a_network() {
    let root = tempfile::tempdir().expect("a folder");
    let sample = put(root.path(), "sample.eml", SAMPLE.as_bytes());
    let saved = root.path().join("dns.jsonl").to_string_lossy().into_owned();
    let (server, asked) = name_server(RECORDS);
    let server = server.to_string();
    let live = out(&throughline(&["auth", &sample, "--resolve", "--resolver", &server, "--save-dns", &saved]));
    assert!(asked.load(Ordering::SeqCst) > 0);
    assert!(live.contains("spf=pass"), "{live}");
    assert!(live.contains("dmarc=fail"), "strict alignment: {live}");
    let before = asked.load(Ordering::SeqCst);
    let again = out(&throughline(&["auth", &sample, "--dns", &saved]));
    assert_eq!(asked.load(Ordering::SeqCst), before, "saved answers ask nobody");
    assert_eq!(live, again);
    let report = out(&throughline(&["auth", &sample, "--dns", &saved, "--format", "json"]));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let dmarc = own(&report, "dmarc");
    assert_eq!(dmarc["result"], "fail");
    let details = dmarc["details"].to_string();
    assert!(details.contains("strict") && details.contains("pct"), "{details}");
}

#[test]
fn a_name_server_that_fails_is_a_temporary_error() {
    let root = tempfile::tempdir().expect("a folder");
    let text = SAMPLE.replace("mail.vendor.example", "broken.vendor.example");
    let sample = put(root.path(), "sample.eml", text.as_bytes());
    let (server, _) = name_server(&[]);
    let server = server.to_string();
    let report = out(&throughline(&["auth", &sample, "--resolve", "--resolver", &server, "--format", "json"]));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(own(&report, "spf")["result"], "temperror");
}

#[test]
fn the_transfer_can_be_named() {
    let root = tempfile::tempdir().expect("a folder");
    let sample = put(root.path(), "sample.eml", SAMPLE.as_bytes());
    let zone: String = RECORDS
        .iter()
        .map(|(name, text)| {
            format!("{{\"name\":\"{name}\",\"type\":\"TXT\",\"status\":\"NOERROR\",\"data\":[\"{text}\"]}}\n")
        })
        .collect();
    let dns = put(root.path(), "dns.jsonl", zone.as_bytes());
    for (client, expected) in [("203.0.113.25", "pass"), ("198.51.100.1", "fail")] {
        let report = out(&throughline(&["auth", &sample, "--dns", &dns, "--client", client, "--format", "json"]));
        let report: Value = serde_json::from_str(&report).expect("JSON");
        assert_eq!(own(&report, "spf")["result"], expected, "{client}");
        assert_eq!(report["disagreements"].as_array().map(Vec::len), Some(usize::from(expected == "fail")), "{client}");
    }
}

#[test]
fn header_fields_alone_say_nothing_of_signatures() {
    let root = tempfile::tempdir().expect("a folder");
    let header = SAMPLE.split("\r\n\r\n").next().expect("a header").replace(
        "Subject",
        "DKIM-Signature: v=1; a=rsa-sha256; d=vendor.example; s=s1; h=from; bh=AAAA; b=AAAA\r\nSubject",
    );
    let sample = put(root.path(), "headers.txt", header.as_bytes());
    let report = out(&throughline(&["auth", &sample, "--format", "json"]));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let results = report["sample"]["own"]["results"].to_string();
    assert!(!results.contains("dkim="), "{results}");
    assert!(report["sample"]["own"]["not_checked"].to_string().contains("DKIM and ARC"), "{report}");
}

#[test]
fn headers_shows_hops_and_trust_in_every_face() {
    let root = tempfile::tempdir().expect("a folder");
    let sample = put(root.path(), "sample.eml", SAMPLE.as_bytes());
    for format in ["text", "markdown", "html", "json"] {
        let shown = out(&throughline(&["headers", &sample, "--format", format]));
        for words in ["mx1.client.example", "spf", "News"] {
            assert!(shown.contains(words), "{format} lacks {words}: {shown}");
        }
    }
    let report = out(&throughline(&["headers", &sample, "--format", "json"]));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["schema"], "throughline.headers.v1");
    assert_eq!(report["sample"]["results"][0]["trust"], "ours");
}

#[test]
fn a_sample_that_is_none_is_told() {
    let root = tempfile::tempdir().expect("a folder");
    let dns = put(
        root.path(),
        "dns.jsonl",
        b"{\"name\":\"a.example\",\"type\":\"TXT\",\"status\":\"NXDOMAIN\",\"data\":[]}\n",
    );
    let output = throughline(&["headers", &dns]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("expected a saved message or headers, found dns/answers"), "{said}");
    let sample = put(root.path(), "sample.eml", SAMPLE.as_bytes());
    let output = throughline(&["auth", &sample, "--dns", &sample]);
    assert_eq!(output.status.code(), Some(3));
    let output = throughline(&["auth", &sample, "--save-dns", &dns]);
    assert_eq!(output.status.code(), Some(2), "--save-dns without --resolve");
}
