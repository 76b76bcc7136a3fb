//! Samples through the door: own fixtures, published crashers, and the third-party corpus where it is present.

use std::path::{Path, PathBuf};

use evidence::{Fact, Identity, Place, Reading};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Clock, Input, NoProgress, Query, ReadError, Wanted, recognise};

fn clock() -> Clock {
    Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH }
}

/// Reads a file as the kind that its content says, and checks what holds for every reading.
fn read(name: &str, bytes: &[u8], wanted: &Wanted) -> Result<(&'static str, Reading), ReadError> {
    let source = recognise(bytes, name)?;
    let input = Input { name: name.into(), bytes };
    let clock = clock();
    let reading = source.read(&input, &Query { wanted, clock: &clock, progress: &NoProgress })?;
    assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}: rows in the heaps");
    let end = if memchr::memchr(b'\n', bytes).is_some() { b'\n' } else { b'\r' };
    let ends: Vec<u64> = memchr::memchr_iter(end, bytes).map(|at| at as u64).collect();
    let cites = reading.observations.iter().map(|observation| &observation.cite);
    let problems = reading.problems.iter().map(|problem| &problem.cite);
    let passed = reading.passed_over.iter().filter_map(|heap| heap.first.as_ref());
    for cite in cites.chain(problems).chain(passed) {
        let record = bytes.get(cite.bytes.start as usize..cite.bytes.end as usize);
        let record = record.unwrap_or_else(|| panic!("{name}: cite {:?} is outside the file", cite.bytes));
        assert!(!record.is_empty(), "{name}: cite of nothing: {}", cite.said);
        if let Place::Line(line) = cite.place {
            let wide = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
            if !wide {
                let said = String::from_utf8_lossy(&record[..record.len().min(2_000)]);
                assert!(
                    said.starts_with(cite.said.trim_end_matches('\u{fffd}')),
                    "{name}: {} is not {}",
                    cite.said,
                    said
                );
                let before = ends.partition_point(|at| *at < cite.bytes.start) as u64;
                assert_eq!(before + 1, line, "{name}: line of {}", cite.said);
            }
        }
        if let Some(mark) = &cite.mark {
            assert!(mark.start >= cite.bytes.start && mark.end <= cite.bytes.end, "{name}: mark outside its record");
        }
    }
    Ok((source.id(), reading))
}

/// One line a statement, for people.
fn shown(reading: &Reading) -> String {
    let mut text = format!(
        "rows {} = observed {} + problems {} + passed over {}\n",
        reading.rows,
        reading.observed,
        reading.problems.len(),
        reading.passed_over.iter().map(|heap| heap.rows).sum::<u64>()
    );
    if let Some(first) = reading.observations.iter().max_by_key(|o| o.about.ids.len()) {
        let ids: Vec<String> = first.about.ids.iter().map(|id| format!("{id:?}")).collect();
        text.push_str(&format!("ids: {}\n", ids.join(", ")));
    }
    for o in &reading.observations {
        let when = o.when.as_ref().map_or(String::new(), |when| format!(" at {}", when.at));
        let to: Vec<&str> = o.about.envelope_recipients.iter().map(|address| address.as_str()).collect();
        let marked = o.cite.mark.as_ref().map_or(String::new(), |mark| format!(" (marked {})", mark.end - mark.start));
        text.push_str(&format!("{}{when} {} for {to:?}: {}{marked}\n", o.cite, o.speaker.id(), fact(&o.fact)));
    }
    for problem in &reading.problems {
        text.push_str(&format!("problem {}: expected {}, found {}\n", problem.cite, problem.expected, problem.found));
    }
    for heap in &reading.passed_over {
        text.push_str(&format!("passed over {}: {}\n", heap.reason, heap.rows));
    }
    text
}

fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Identity(identity) if *identity == Identity::default() => "Identity (id only)".to_owned(),
        Fact::Identity(i) => {
            let mut parts = Vec::new();
            parts.extend(i.envelope_sender.iter().map(|a| format!("envelope_sender {a}")));
            parts.extend(i.header_from.iter().map(|a| format!("header_from {a}")));
            parts.extend(i.header_to.iter().map(|a| format!("header_to {a}")));
            parts.extend(i.subject.iter().map(|s| format!("subject `{s}`")));
            parts.extend(i.sent_at.iter().map(|w| format!("sent_at {}", w.at)));
            parts.extend(i.direction.iter().map(|d| format!("direction {d:?}")));
            format!("Identity {}", parts.join(", "))
        }
        Fact::Hop(h) => {
            let show = |peer: &Option<evidence::Peer>| peer.as_ref().map_or("-".to_owned(), ToString::to_string);
            let (with, id) = (h.with.as_deref().unwrap_or("-"), h.id.as_deref().unwrap_or("-"));
            format!("Hop {} from {} by {} with {with} id {id}", h.index, show(&h.from), show(&h.by))
        }
        other => format!("{other:?}"),
    }
}

fn corpus(under: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").join(under);
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// What every message of the third-party corpus must say: its id, its authentication, its folder, its status.
#[test]
fn third_party_samples_say_what_they_hold() {
    let mut wrong = Vec::new();
    for under in ["phishing_pot", "dsn"] {
        let files = corpus(under);
        if files.is_empty() {
            eprintln!("SKIPPED: no third-party samples under {under}");
        }
        for path in files {
            let bytes = std::fs::read(&path).expect("sample");
            let name = path.to_string_lossy().into_owned();
            let Ok((kind, reading)) = read(&name, &bytes, &Wanted::Everything) else { continue };
            let has = |wanted: fn(&Fact) -> bool| reading.observations.iter().any(|o| wanted(&o.fact));
            if under == "phishing_pot" {
                let text = String::from_utf8_lossy(&bytes).to_lowercase();
                let header = text.split("\r\n\r\n").next().unwrap_or("").split("\n\n").next().unwrap_or("");
                if header.contains("\nmessage-id:")
                    && !reading.observations.iter().any(|o| o.about.message_id().is_some())
                {
                    wrong.push(format!("{name}: no Message-ID"));
                }
                if header.contains("\nauthentication-results:") && !has(|f| matches!(f, Fact::Authentication(_))) {
                    wrong.push(format!("{name}: no authentication"));
                }
                if header.contains("dest:j") && !has(|f| matches!(f, Fact::Stored(_))) {
                    wrong.push(format!("{name}: no folder"));
                }
                continue;
            }
            let lies_in = |folders: &[&str]| folders.iter().any(|folder| name.contains(&format!("/{folder}/")));
            let is_other = name.contains("/arf-") || name.contains("/rfc3834-");
            if (is_other || lies_in(&["not"])) && kind == "message/bounce" {
                wrong.push(format!("{name}: is no bounce"));
            }
            if lies_in(&["bsd", "mac", "dos"]) && !is_other && !has(|f| matches!(f, Fact::Dsn(_))) {
                wrong.push(format!("{name}: no dsn, read as {kind}"));
            }
        }
    }
    let (without_dsn, wrong): (Vec<_>, Vec<_>) = wrong.into_iter().partition(|line| line.contains("no dsn"));
    assert_eq!(wrong, Vec::<String>::new());
    // Of 394 bounces: notices that only speak in their own words, or name nobody.
    assert!(without_dsn.len() <= 8, "{} bounces without a status", without_dsn.len());
}

/// Inputs that once brought a parser down, or would: each is read or refused in words, none stops the rest.
#[test]
fn hostile_input_is_read_or_refused() {
    let head = "From: a@example.com\nTo: b@example.net\nSubject: s\nMessage-ID: <1@example.com>\n";
    let nested = |kind: &str, depth: usize| {
        let mut text = head.to_owned();
        for level in 0..depth {
            text.push_str(&format!("Content-Type: {kind}; boundary=\"b{level}\"\n\n--b{level}\n"));
        }
        text.into_bytes()
    };
    let report = "Return-Path: <>\nFrom: MAILER-DAEMON@example.com\nSubject: Undelivered Mail\nContent-Type: \
                  multipart/report; report-type=delivery-status; boundary=\"b\"\n\n";
    let many_parts = format!("{report}{}", "--b\nContent-Type: text/plain\n\n\n".repeat(20_000));
    let many_blocks = format!(
        "{report}--b\nContent-Type: message/delivery-status\n\n{}",
        "Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n".repeat(20_000)
    );
    let nested_report =
        [report.as_bytes(), &nested("multipart/digest", 3_000), &nested("message/rfc822", 3_000)].concat();
    let long_line = format!("{head}X-Long: {}\n\nbody\n", "a".repeat(10 << 20));
    let long_from = format!("From: {}\nTo: b@example.net\nDate: x\nSubject: s\n\nbody\n", "(".repeat(200_000));
    let words = format!("Subject: {}\nFrom: a@example.com\nDate: x\n\nbody", "=?utf-8?B?".repeat(20_000));
    let hops =
        "Received: from a by b.example (Postfix) with SMTP id Q1; Thu, 3 Nov 2022 04:56:17 +0000\n".repeat(30_000);
    let ids = "Message-ID: <x@example.com>\nX-MC-Unique: AbCdEfGhIjKlMnOpQrStUv-1\n".repeat(30_000);
    let inputs: Vec<(&str, Vec<u8>)> = vec![
        ("an encoded message in a message", format!("{report}--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogYUBleGFtcGxlLmNvbQ0KQ29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMg0K\n\n--b").into_bytes()),
        ("a multipart without a boundary", b"Content-Type: multipart/mixed\nFrom: a@example.com\nSubject: s\n\n--".to_vec()),
        ("boundaries that do not match", format!("{report}--B\nContent-Type: message/delivery-status\nFrom: x\n--b\nContent-Type: multipart/alternative; boundary=\"B\"\n\n--b--\n--B\n=").into_bytes()),
        ("a folded end", b"Received:\n\t".to_vec()),
        ("a folded end after a comment", b"Received: from x (y)\r\n\t".to_vec()),
        ("deep multiparts", nested("multipart/mixed", 20_000)),
        ("deep messages", nested("message/rfc822", 20_000)),
        ("deep report", nested_report),
        ("twenty thousand parts", many_parts.into_bytes()),
        ("twenty thousand recipients", many_blocks.into_bytes()),
        ("a header line of 10 MB", long_line.into_bytes()),
        ("comments without end", long_from.into_bytes()),
        ("encoded words without end", words.into_bytes()),
        ("thirty thousand hops", format!("{hops}\nbody").into_bytes()),
        ("sixty thousand ids", format!("{ids}\nbody").into_bytes()),
        ("cut in a header", b"Received: from a by mx.example.com (Postfix) with ESMTP id 4X; Thu, 3 N".to_vec()),
        ("raw bytes", b"From: \xff\xfe <a@example.com>\nSubject: \xe4\xf6\xfc\nMessage-ID: <1@x>\n\n\xff".to_vec()),
        ("zero bytes", b"From: a@example.com\nSubject: \0\0\nMessage-ID: <1@x>\n\n\0".to_vec()),
        ("a compound file that is cut", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1_\0_\0s\0u\0b\0s\0t\0g\x001\0.\x000\0_\0".to_vec()),
        ("no header at all", b"hello\nthere\n".to_vec()),
        ("only a colon", b":\n:\n".to_vec()),
        ("odd UTF-16", b"\xFF\xFER\0e\0c\0e\0i\0v\0e\0d\0:\0 \0\x00\xD8\n\0T".to_vec()),
    ];
    for (name, bytes) in inputs {
        let begun = std::time::Instant::now();
        let read = read(name, &bytes, &Wanted::Everything);
        if let Err(error) = &read {
            assert!(error.to_string().contains(name), "{error}");
        }
        for source in
            [&super::eml::Eml as &dyn crate::Source, &super::headers::Headers, &super::bounce::Bounce, &super::msg::Msg]
        {
            let input = Input { name: name.into(), bytes: &bytes };
            let clock = clock();
            if let Ok(reading) =
                source.read(&input, &Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress })
            {
                assert_eq!(reading.rows_accounted_for(), reading.rows, "{name} as {}", source.id());
            }
        }
        println!("{name}: {:?}", begun.elapsed());
        assert!(begun.elapsed().as_secs() < 60, "{name} took {:?}", begun.elapsed());
    }
}

/// What once made mail-parser panic (its issues 14, 63, 120, 145 and 155), in the shape that did: it has to get through.
#[test]
fn published_crashers_get_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/message-bounce");
    for issue in [14, 63, 120, 145, 155] {
        let bytes = std::fs::read(folder.join(format!("mail-parser-issue-{issue}.eml"))).expect("seed");
        assert!(super::boundary::parts(&bytes).is_ok(), "mail-parser issue {issue}");
        let (_, reading) = read("seed", &bytes, &Wanted::Everything).expect("read");
        assert_eq!(reading.rows_accounted_for(), reading.rows, "mail-parser issue {issue}");
    }
}

/// Of a mailbox file the first message is read, and the others are counted and told.
#[test]
fn a_mailbox_file_is_told() {
    let one = "From pat@example.net Thu Nov  3 04:56:17 2022\nFrom: pat@example.net\nSubject: Offer\n\nbody\n>From here\n\nFrom a \
               line of prose\nand no field\n\n";
    for (name, text, further) in [
        ("one", one.to_owned(), 0),
        ("three", one.repeat(3), 2),
        ("three with CRLF", one.repeat(3).replace('\n', "\r\n"), 2),
        ("no mailbox", one.repeat(3).replacen("From pat@example.net Thu Nov  3 04:56:17 2022\n", "", 1), 0),
    ] {
        let (_, reading) = read(name, text.as_bytes(), &Wanted::Everything).expect(name);
        let rows =
            |reason: &str| reading.passed_over.iter().find(|heap| heap.reason == reason).map_or(0, |heap| heap.rows);
        assert_eq!((rows("body not read"), rows("further message of an mbox")), (1, further), "{name}");
        let is_told = reading.coverage.limits.iter().any(|limit| limit.contains(&format!("{} messages", further + 1)));
        assert_eq!(is_told, further > 0, "{name}: {:?}", reading.coverage.limits);
        assert_eq!(reading.rows_accounted_for(), reading.rows, "{name}");
    }
}

/// The sheet of a header has every line of it exactly once, in its order, and nothing beside it.
fn check_sheet(name: &str, bytes: &[u8], sheet: &crate::HeaderSheet) {
    let cites = sheet.fields.iter().map(|field| &field.cite).chain(&sheet.torn).chain(&sheet.around);
    let mut places: Vec<(u64, u64)> = cites.map(|cite| (cite.bytes.start, cite.bytes.end)).collect();
    places.extend(sheet.unread.iter().map(|(_, cite)| (cite.bytes.start, cite.bytes.end)));
    places.sort_unstable();
    for pair in places.windows(2) {
        let ((_, end), (start, _)) = (pair[0], pair[1]);
        let between = bytes.get(end as usize..start as usize);
        let between = between.unwrap_or_else(|| panic!("{name}: {end} to {start}: lines stand in two fields"));
        assert!(
            sheet.unread.is_some() || between.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0),
            "{name}: {end} to {start} stands in no field: {:?}",
            String::from_utf8_lossy(between)
        );
    }
    let starts: Vec<u64> = sheet.fields.iter().map(|field| field.cite.bytes.start).collect();
    assert!(starts.is_sorted(), "{name}: fields in their order");
    assert!(places.iter().all(|(_, end)| *end <= bytes.len() as u64), "{name}: a cite outside the file");
    for field in &sheet.fields {
        assert!(!field.name.is_empty(), "{name}: {field:?}");
        assert!(field.vendor.is_none() || !field.decoded.is_empty() || field.value.is_empty(), "{name}: {field:?}");
    }
    if let Some(carried) = &sheet.carried {
        check_sheet(name, bytes, carried);
    }
}

/// Every .eml of the third-party corpus gives a sheet in which each header field stands exactly once.
#[test]
fn sheets_of_third_party_samples_are_whole() {
    let files: Vec<PathBuf> =
        corpus("").into_iter().filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    if files.is_empty() {
        eprintln!("SKIPPED: no third-party samples beside the workspace");
        return;
    }
    let (mut fields, mut decoded, mut unknown, mut refused) = (0, 0, 0, 0);
    for path in &files {
        let bytes = std::fs::read(path).expect("sample");
        let name = path.to_string_lossy();
        let Ok(sheet) = super::header_sheet::of_bytes(&name, &bytes) else {
            refused += 1;
            continue;
        };
        check_sheet(&name, &bytes, &sheet);
        let parts = || sheet.fields.iter().flat_map(|field| &field.decoded);
        fields += sheet.fields.len();
        decoded += parts().count();
        unknown += parts().filter(|part| part.means.is_none()).count();
    }
    println!("{} files, {refused} refused, {fields} fields, {decoded} parts, {unknown} of them unknown", files.len());
    assert!(files.len() < 100 || refused * 20 < files.len(), "{refused} of {} refused", files.len());
    assert!(unknown * 10 < decoded, "{unknown} of {decoded} parts are unknown");
}

/// Own samples of all kinds give their sheets: what is decoded, what is torn, what is carried.
#[test]
fn sheets_of_own_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message");
    for (file, fields, torn, carried) in [
        ("eml/samples/content_type_in_signature.eml", 9, 0, None),
        ("eml/samples/minus_one_hour.eml", 9, 0, None),
        ("eml/samples/gateways.eml", 30, 0, None),
        ("headers/samples/cut_in_the_middle.txt", 6, 0, None),
        ("headers/samples/quarantine_view.json", 0, 0, None),
        ("msg/samples/transport_headers.msg", 5, 0, None),
        ("msg/samples/a_message_in_a_message.msg", 0, 0, Some(5)),
        ("bounce/samples/exim_text.eml", 0, 0, None),
    ] {
        let bytes = std::fs::read(folder.join(file)).expect(file);
        let sheet = super::header_sheet::of_bytes(file, &bytes).expect(file);
        if !file.starts_with("msg/") && !file.contains("quarantine_view") {
            check_sheet(file, &bytes, &sheet);
        }
        if fields > 0 {
            assert_eq!(sheet.fields.len(), fields, "{file}");
        }
        assert_eq!(sheet.torn.len(), torn, "{file}");
        assert_eq!(sheet.carried.map(|carried| carried.fields.len()), carried, "{file}");
    }
    for (name, bytes) in [("nothing", &b""[..]), ("a table", b"a,b,c\n1,2,3\n"), ("words", b"hello\nthere\n")] {
        assert!(super::header_sheet::of_bytes(name, bytes).is_err(), "{name}");
    }
}

/// A header that a signature names is not the message's own: the content type is the one below.
#[test]
fn a_content_type_in_a_signature_is_none() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message");
    for (file, expected) in [
        ("eml/samples/content_type_in_signature.eml", vec!["text/plain; charset=utf-8"]),
        ("headers/samples/cut_in_the_middle.txt", vec![]),
    ] {
        let bytes = std::fs::read(folder.join(file)).expect(file);
        let sheet = super::header_sheet::of_bytes(file, &bytes).expect(file);
        let found: Vec<&str> = sheet
            .fields
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case("content-type"))
            .map(|field| field.value.as_str())
            .collect();
        assert_eq!(found, expected, "{file}");
        let signature = sheet.fields.iter().find(|field| field.name == "DKIM-Signature").expect(file);
        assert!(signature.value.contains("b=BBBB"), "{file}: {}", signature.value);
    }
}

proptest::proptest! {
    /// Any bytes give a sheet or are refused in words; no line stands in two fields.
    #[test]
    fn any_bytes_give_a_sheet(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_000)) {
        if let Ok(sheet) = super::header_sheet::of_bytes("any", &bytes) {
            check_sheet("any", &bytes, &sheet);
        }
    }

    /// Lines that nearly are vendors' fields are decoded or shown, whatever stands in them.
    #[test]
    fn any_values_are_decoded(lines in proptest::collection::vec((0usize..14, "[ -~äß\\t]{0,80}"), 1..20)) {
        const NAMES: [&str; 14] = [
            "Received", "Date", "Subject", "From", "Authentication-Results", "Received-SPF", "X-Forefront-Antispam-Report",
            "X-Microsoft-Antispam-Untrusted", "X-Proofpoint-Spam-Details", "X-IronPort-AV", "X-Barracuda-Spam-Status",
            "X-SEA-Spam", "X-Spamd-Result", "X-Spam-Status",
        ];
        let mut text = "From: a@example.com\nMessage-ID: <1@example.com>\n".to_owned();
        for (name, value) in &lines {
            text.push_str(&format!("{}: {value}\n", NAMES[*name]));
        }
        text.push_str("\nbody\n");
        let sheet = super::header_sheet::of_bytes("lines", text.as_bytes()).expect("a message");
        check_sheet("lines", text.as_bytes(), &sheet);
        let _ = read("lines", text.as_bytes(), &Wanted::Everything);
    }
}

/// A header may be short: an author alone is one, a part's header and loose words are none.
#[test]
fn short_headers() {
    for (name, text, expected) in [
        ("author", "From: pat@example.net (Pat)\n\n", Some("message/headers")),
        ("author and recipient", "From: Pat <pat@example.net>\nTo: kim@example.com\n", Some("message/headers")),
        ("author without address", "From: Pat\n", None),
        ("part", "Content-Type: text/html; name=a.html\nContent-Disposition: inline\n", None),
        ("words", "From: pat@example.net\n\nand so on\n\nwithout an end", Some("message/eml")),
        ("settings", "from: pat@example.net\nretries: 3\n", None),
    ] {
        let found = crate::recognise(text.as_bytes(), name).ok().map(|source| source.id());
        assert_eq!(found, expected, "{name}");
    }
}

/// A sample of another message is counted and left out; one that carries a known id reveals its others.
#[test]
fn only_the_followed_message_is_kept() {
    let text = "Received: from a.example by mx1.example.com (Postfix) with ESMTP id 4XyZ12; Thu, 3 Nov 2022 04:56:17 +0000\n\
                From: pat@example.net\nTo: kim@example.com\nSubject: Offer\nMessage-ID: <1@example.net>\n\nbody\n";
    for (name, ids, kept, revealed) in [
        ("known", vec!["1@example.net"], true, 1),
        ("another", vec!["2@example.net"], false, 0),
        ("nothing known", vec![], true, 2),
    ] {
        let mut message = crate::Message::default();
        message.ids.extend(ids.into_iter().filter_map(evidence::Identifier::message_id));
        let (_, reading) = read("sample.eml", text.as_bytes(), &Wanted::Message(message)).expect(name);
        assert_eq!((!reading.observations.is_empty(), reading.revealed.len()), (kept, revealed), "{name}");
        assert_eq!(reading.passed_over.iter().any(|heap| heap.reason == "other message"), !kept, "{name}");
    }
}

/// A bounce without the returned header is kept by its looks: sender, recipient and time.
#[test]
fn a_bounce_without_the_original_is_kept_by_its_looks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message/bounce/samples/mimecast.eml");
    let bytes = std::fs::read(path).expect("sample");
    for (name, sender, kept) in [("same", "pat@sender.example", true), ("another", "sam@sender.example", false)] {
        let mut message = crate::Message::default();
        message.ids.extend(evidence::Identifier::message_id("unseen@sender.example"));
        message.likeness.senders.insert(evidence::Address::new(sender));
        message.likeness.envelope_recipients.insert(evidence::Address::new("kim@client.example"));
        message.likeness.around.insert("2026-08-04T08:00:00Z".parse().expect("instant"));
        let (_, reading) = read("mimecast.eml", &bytes, &Wanted::Message(message)).expect(name);
        assert_eq!(!reading.observations.is_empty(), kept, "{name}");
    }
}

/// LF, CRLF, CR and UTF-16 say the same.
#[test]
fn line_ends_and_encodings_say_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message/eml/samples/exchange_spoof.eml");
    let text = String::from_utf8(std::fs::read(path).expect("sample")).expect("UTF-8").replace("\r\n", "\n");
    let facts = |bytes: &[u8]| -> Vec<String> {
        let (_, reading) = read("sample", bytes, &Wanted::Everything).expect("read");
        reading.observations.iter().map(|o| format!("{} {} {:?}", o.speaker.id(), fact(&o.fact), o.about)).collect()
    };
    let expected = facts(text.as_bytes());
    assert!(expected.len() > 20);
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (name, bytes) in [
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("CR", text.replace('\n', "\r").into_bytes()),
        ("UTF-8 mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16", wide),
    ] {
        assert_eq!(facts(&bytes), expected, "{name}");
    }
}

/// Writes a small Outlook item: `streams` are paths within it and their content.
fn outlook_item(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    use std::io::Write;
    let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).expect("container");
    for (path, content) in streams {
        if let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) {
            file.create_storage_all(folder).expect("storage");
        }
        file.create_stream(path).expect("stream").write_all(content).expect("content");
    }
    file.flush().expect("flush");
    file.into_inner().into_inner()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const HEADERS: &str = "Received: from mail.shop.example (203.0.113.9) by X.mail.protection.outlook.com (192.0.2.5) with\r\n \
                       Microsoft SMTP Server id 15.20.9000.5; Tue, 4 Aug 2026 08:15:06 +0000\r\nFrom: news@shop.example\r\nTo: \
                       kim@client.example\r\nSubject: Gr\u{fc}\u{df}e\r\nMessage-ID: <m1@shop.example>\r\n\r\n";

/// Transport headers (UTF-16 and 8-bit), a draft without, a message within a message, a report, another compound file.
#[test]
fn outlook_items_are_read() {
    let props = ("/__properties_version1.0", vec![0u8; 32]);
    let ndr = "Diagnostic information for administrators:\r\n\r\nGenerating server: A.prod.outlook.com\r\n\r\n\
               kim@client.example\r\n#550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found ##\r\n\r\nOriginal message headers:\r\n\r\n\
               From: pat@sender.example\r\nTo: kim@client.example\r\nSubject: Offer\r\nMessage-ID: <o5@sender.example>\r\n";
    for (name, streams, expected) in [
        (
            "transport headers",
            vec![props.clone(), ("/__substg1.0_007D001F", wide(HEADERS)), ("/__substg1.0_1000001F", wide("body"))],
            "5 of 6 <m1@shop.example>",
        ),
        (
            "eight bits",
            vec![props.clone(), ("/__substg1.0_007D001E", HEADERS.as_bytes().to_vec())],
            "5 of 5 <m1@shop.example>",
        ),
        (
            "draft",
            vec![
                props.clone(),
                ("/__substg1.0_0037001F", wide("Offer")),
                ("/__substg1.0_5D01001F", wide("pat@sender.example")),
                ("/__recip_version1.0_#00000000/__substg1.0_39FE001F", wide("kim@client.example")),
            ],
            "3 of 3 ",
        ),
        (
            "a message in a message",
            vec![
                props.clone(),
                ("/__substg1.0_0037001F", wide("FW")),
                ("/__attach_version1.0_#00000000/__substg1.0_3701000D/__substg1.0_007D001F", wide(HEADERS)),
            ],
            "5 of 6 <m1@shop.example>",
        ),
        (
            "report",
            vec![
                props.clone(),
                ("/__substg1.0_001A001F", wide("REPORT.IPM.Note.NDR")),
                ("/__substg1.0_1000001F", wide(ndr)),
            ],
            "5 of 5 <o5@sender.example>",
        ),
    ] {
        let bytes = outlook_item(&streams);
        if std::env::var_os("BLESS").is_some() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message/msg/samples");
            let _ = std::fs::create_dir_all(&folder);
            std::fs::write(folder.join(format!("{}.msg", name.replace(' ', "_"))), &bytes).expect("write");
        }
        let (id, reading) = read(name, &bytes, &Wanted::Everything).expect(name);
        let ids: Vec<String> = reading.revealed.iter().map(ToString::to_string).collect();
        assert_eq!(
            format!("{} of {} {}", reading.observed, reading.rows, ids.join(" ")),
            expected,
            "{name}\n{}",
            shown(&reading)
        );
        assert_eq!(id, "message/msg", "{name}");
    }
    let bytes = outlook_item(&[("/Workbook", vec![0; 5000])]);
    assert!(read("sheet.xls", &bytes, &Wanted::Everything).is_err(), "another compound file");
    let bytes = outlook_item(&[props, ("/__substg1.0_007D001F", wide(HEADERS))]);
    let (_, reading) = read("exact.msg", &bytes, &Wanted::Everything).expect("read");
    for observation in &reading.observations {
        let cite = &observation.cite;
        let record = &bytes[cite.bytes.start as usize..cite.bytes.end as usize];
        assert_eq!(record, wide(&cite.said), "{}", cite.said);
    }
}
