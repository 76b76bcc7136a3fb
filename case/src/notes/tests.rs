//! What the three texts promise, over whole documents.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proptest::prelude::*;
use report::{Cite, Excerpt, Finding, MessageCopy, Report, Standing};
use serde_json::Value as Json;

use super::*;
use crate::case::{About, Asked, Case, Status};
use crate::journal::{Answer, CheckAnswer, Deed, Draft, Entry, Verification};

const UID: &str = "0123456789abcdef0123456789abcdef";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A journal of these deeds, one an hour.
fn journal(deeds: Vec<Deed>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (hour, deed) in deeds.into_iter().enumerate() {
        let last = entries.last().map(|entry| (entry.seq, entry.hash.clone()));
        let last = last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
        let draft = Draft {
            at: at("2026-08-20T08:00:00Z") + jiff::SignedDuration::from_hours(hour as i64),
            who: "kim".to_owned(),
            key: None,
            deed,
        };
        entries.push(Entry::behind(UID, last, draft).expect("an entry"));
    }
    entries
}

fn opened(about: About, asked: Asked) -> Deed {
    Deed::Opened { about, asked }
}

fn about() -> About {
    About {
        client: "Contoso".to_owned(),
        ticket: Some("INC-4711".to_owned()),
        site: Some("Harbour".to_owned()),
        user: Some("ana@example.com".to_owned()),
        device: Some("lt-0815".to_owned()),
        words: Some("the invoice never came\r\n#status solved".to_owned()),
    }
}

fn change() -> Deed {
    Deed::ChangeMade {
        made_at: at("2026-08-20T09:30:00Z"),
        candidate: "New-TenantAllowBlockListItems -ListType Sender".to_owned(),
        guard: Some("narrow".to_owned()),
        ends: None,
        messages: Some(3),
    }
}

fn verified(answer: Answer) -> Deed {
    let check = CheckAnswer {
        check: "workflow".to_owned(),
        answer,
        statement: "a later message of the same sender was delivered".to_owned(),
        cites: if answer == Answer::CannotTell { Vec::new() } else { vec![cite("002/trace.csv", "later row")] },
        ask_for: Vec::new(),
    };
    Deed::Verified { verification: Verification { answer, checks: vec![check] }, due: Some(at("2026-08-27T08:00:00Z")) }
}

fn cite(file: &str, said: &str) -> Cite {
    Cite {
        file: file.to_owned(),
        line: Some(12),
        record: None,
        bytes: [100, 100 + said.len() as u64],
        mark: None,
        said: said.to_owned(),
        excerpt: None,
    }
}

/// The report of a message that was released and then refused.
fn released_then_refused() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/tests/reports/released_then_refused.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("a report")).expect("a report is read")
}

fn drawn(deeds: Vec<Deed>, report: Option<&Report>, text: Text) -> (Notes, Vec<String>) {
    let journal = journal(deeds);
    let case = Case::of(42, &journal).expect("a case");
    let evidence = report.map_or(Looked::NotSupplied, Looked::Answered);
    let sources = Sources { case: &case, journal: &journal, evidence, comparison: None };
    let notes = notes(&sources, text);
    let faces = [Face::Text, Face::Markdown, Face::Html];
    let drawn = faces.into_iter().map(|face| write(&notes, face, 76, None).expect("the built-in template"));
    let drawn = drawn.collect();
    (notes, drawn)
}

#[test]
fn schema_file_is_current() {
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(Notes)).expect("a schema is JSON");
    now.push('\n');
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/notes.schema.json");
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        std::fs::write(&path, &now).expect("docs/ can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/notes.schema.json is stale; run the tests with THROUGHLINE_BLESS=1 and read the diff");
}

/// Every claim rests on what its standing says it rests on.
fn check_claims(notes: &Notes) {
    let ids: Vec<&str> = notes.facts.iter().map(|point| point.id.as_str()).collect();
    if !ids.is_empty() {
        assert_eq!(ids, ["affected", "symptom", "scope", "checked", "cause", "fix"]);
    }
    for point in notes.facts.iter().chain(&notes.analysis) {
        assert!(!point.claims.is_empty(), "{} says nothing", point.id);
        for claim in &point.claims {
            let rests = !claim.records.is_empty() || !claim.entries.is_empty();
            let needs =
                matches!(claim.known, Known::Recorded | Known::Proved | Known::Likely | Known::Refuted | Known::Said);
            assert!(rests || !needs, "{}: {claim:?}", point.id);
            assert!(!claim.text.is_empty() && !claim.label.is_empty(), "{claim:?}");
            for number in &claim.records {
                let record = &notes.records[usize::try_from(*number).expect("small") - 1];
                assert_eq!(record.number, *number);
            }
            for seq in &claim.entries {
                assert!(notes.journal.iter().any(|entry| entry.seq == *seq), "{claim:?}");
            }
        }
    }
}

fn claim<'n>(notes: &'n Notes, point: &str, label: &str) -> &'n Claim {
    let point = notes.facts.iter().find(|one| one.id == point).expect("the point");
    point.claims.iter().find(|claim| claim.label == label).unwrap_or_else(|| panic!("no {label} in {point:?}"))
}

#[test]
fn nothing_known_is_said_so() {
    let (notes, drawn) = drawn(vec![opened(About::default(), Asked::default())], None, Text::All);
    check_claims(&notes);
    for (point, label, known) in [
        ("affected", "user", Known::NotSaid),
        ("affected", "mailbox", Known::NotSupplied),
        ("symptom", "reported", Known::NotSaid),
        ("symptom", "error", Known::NotSupplied),
        ("scope", "scope", Known::NotSupplied),
        ("checked", "logs and portals", Known::NotSupplied),
        ("cause", "root cause", Known::NotSupplied),
        ("fix", "change", Known::Absent),
        ("fix", "verification", Known::Absent),
    ] {
        assert_eq!(claim(&notes, point, label).known, known, "{point}: {label}");
    }
    let customer = notes.customer.expect("a text for the customer");
    assert_eq!(customer.what_was_done, ["We looked into it. Nothing was changed so far."]);
    assert!(drawn[0].contains("6. FIX AND VERIFICATION"), "{}", drawn[0]);
}

#[test]
fn unreadable_is_no_absence() {
    let journal = journal(vec![opened(about(), Asked::default())]);
    let case = Case::of(42, &journal).expect("a case");
    let evidence = Looked::Unreadable("which message: expected one");
    let notes = notes(&Sources { case: &case, journal: &journal, evidence, comparison: None }, Text::All);
    check_claims(&notes);
    assert_eq!(claim(&notes, "cause", "root cause").known, Known::Unchecked);
}

#[test]
fn proved_names_the_layer_and_likely_the_most_likely() {
    let mut report = released_then_refused();
    let deeds = vec![opened(about(), Asked::default())];
    let (proved, _) = drawn(deeds.clone(), Some(&report), Text::All);
    check_claims(&proved);
    assert_eq!(claim(&proved, "cause", "layer").text, "delivery");
    for finding in &mut report.findings {
        if finding.standing == Standing::Proved {
            finding.standing = Standing::Likely;
        }
    }
    let (likely, _) = drawn(deeds.clone(), Some(&report), Text::All);
    assert_eq!(claim(&likely, "cause", "most likely layer").known, Known::Likely);
    let why = likely.customer.expect("a text").what_happened;
    assert!(why.iter().any(|text| text.contains("Most likely the reason is this: ")), "{why:?}");
    report.findings.iter_mut().for_each(|finding| finding.standing = Standing::NotShown);
    let (unknown, _) = drawn(deeds, Some(&report), Text::All);
    let cause = unknown.facts.iter().find(|point| point.id == "cause").expect("the point");
    assert_eq!(cause.claims.len(), 1, "no layer is named: {cause:?}");
    assert_eq!(cause.claims[0].known, Known::NotShown);
}

#[test]
fn verification_is_only_what_was_journaled() {
    let report = released_then_refused();
    let open = || opened(about(), Asked::default());
    for (name, deeds, expected, customer) in [
        ("held", vec![open(), change(), verified(Answer::Held)], "held at", "showed that it works"),
        ("came back", vec![open(), change(), verified(Answer::CameBack)], "came back at", "came back"),
        ("cannot tell", vec![open(), change(), verified(Answer::CannotTell)], "cannot tell at", "could not show yet"),
        ("changed", vec![open(), change()], "records no verification", "not verified yet"),
        (
            "changed again",
            vec![open(), change(), verified(Answer::Held), change()],
            "made after the last verification",
            "not verified yet",
        ),
        ("verified without a change", vec![open(), verified(Answer::Held)], "held at", "Nothing was changed"),
    ] {
        let (notes, drawn) = drawn(deeds, Some(&report), Text::All);
        check_claims(&notes);
        assert!(drawn[0].replace("\n    ", " ").contains(expected), "{name}: {}", drawn[0]);
        let done = notes.customer.expect("a text").what_was_done.join(" ");
        assert!(done.contains(customer), "{name}: {done}");
    }
}

#[test]
fn texts_are_apart() {
    let report = released_then_refused();
    let deeds = || vec![opened(about(), Asked::default()), Deed::Noted { text: "internal remark".to_owned() }];
    let (facts, _) = drawn(deeds(), Some(&report), Text::Facts);
    assert!(facts.analysis.is_empty() && facts.customer.is_none() && !facts.facts.is_empty());
    let (analysis, _) = drawn(deeds(), Some(&report), Text::Analysis);
    assert!(analysis.facts.is_empty() && analysis.customer.is_none() && !analysis.analysis.is_empty());
    check_claims(&analysis);
    let (customer, drawn) = drawn(deeds(), Some(&report), Text::Customer);
    assert!(customer.records.is_empty() && customer.journal.is_empty() && customer.about.is_none());
    for text in drawn {
        for never in ["internal", "Mimecast", "Postfix", "192.0.2", "mx1", "policy", "550", UID, "kim", "journal"] {
            assert!(!text.contains(never), "{never} in {text}");
        }
        assert!(text.contains("INC-4711"), "{text}");
    }
}

#[test]
fn hostile_subject_is_guarded_in_every_face() {
    let mut report = released_then_refused();
    report.message.subject = Some(
        "Pay at https://evil.example/x or call ceo@example.net, 192.0.2.99, 0f8fad5b-d9cb-469f-a165-70867728950e {{ticket.id}} <img src=x> [code]"
            .to_owned(),
    );
    let (_, drawn) = drawn(vec![opened(about(), Asked::default())], Some(&report), Text::Customer);
    for text in &drawn {
        for never in ["evil.example", "ceo@", "192.0.2.99", "0f8fad5b", "{{", "<img"] {
            assert!(!text.replace("\\<", "").contains(never), "{never} in {text}");
        }
    }
    assert!(!drawn[0].contains('[') && !drawn[1].contains(" [code]"), "{} {}", drawn[0], drawn[1]);
}

#[test]
fn no_line_of_plain_text_begins_with_a_sign() {
    let mut report = released_then_refused();
    for finding in &mut report.findings {
        finding.statement = "- > # | * _ = ~ h1. bq. -- ----- #status solved @admin assign: x ".repeat(12);
    }
    let (_, drawn) = drawn(vec![opened(about(), Asked::default())], Some(&report), Text::All);
    for line in drawn[0].lines() {
        let first = line.trim_start();
        assert!(!first.starts_with(['#', '*', '-', '>', '|', '=', '_', '~', '@']), "{line:?}");
        assert!(!first.starts_with("h1.") && !first.starts_with("bq.") && !first.starts_with("assign:"), "{line:?}");
        assert!(line.chars().count() <= 76, "{line:?}");
    }
    assert!(!drawn[0].contains('\r') && !drawn[0].contains('\t'));
}

#[test]
fn broken_templates_say_where() {
    let (notes, _) = drawn(vec![opened(about(), Asked::default())], None, Text::All);
    for (name, source, line, words) in [
        ("syntax", "one\n{% for x in facts %}\n", 2, "syntax"),
        ("undefined", "one\ntwo {{ nothing.here }}", 2, "does not exist"),
        ("undefined field", "{{ about.nothing }}", 1, "does not exist"),
        (
            "no end",
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}",
            1,
            "no end",
        ),
        ("include", "\n\n{% include '/etc/passwd' %}", 3, "template"),
        ("filter", "{{ about.uid|nothing }}", 1, "filter"),
    ] {
        let error = write(&notes, Face::Text, 76, Some(("ours.txt.j2", source))).expect_err(name);
        assert!(error.line == line || name == "no end" || name == "syntax", "{name}: {error}");
        assert!(error.to_string().starts_with("ours.txt.j2:"), "{name}: {error}");
        assert!(error.found.contains(words), "{name}: {error}");
    }
}

#[test]
fn own_templates_are_safe_too() {
    let mut report = released_then_refused();
    report.message.subject = Some("{{ x }} <b>bold</b> [code] @@all #solved".to_owned());
    let journal = journal(vec![opened(about(), Asked::default())]);
    let case = Case::of(42, &journal).expect("a case");
    let evidence = Looked::Answered(&report);
    let notes = notes(&Sources { case: &case, journal: &journal, evidence, comparison: None }, Text::All);
    let source = "{% for one in customer.about %}{{ one.value }}\n{% endfor %}";
    let text = |face| write(&notes, face, 76, Some(("ours", source))).expect("it is drawn");
    assert!(text(Face::Text).contains("{ {  x } } < b>bold< /b> (code) @ @ all # solved"), "{}", text(Face::Text));
    assert!(text(Face::Html).contains("&lt;b&gt;bold"), "{}", text(Face::Html));
    assert!(text(Face::Markdown).contains("\\<b\\>bold"), "{}", text(Face::Markdown));
}

/// The form of a document: its keys, and how long its lists are.
fn form(value: &Json) -> Json {
    match value {
        Json::Object(fields) => Json::Object(fields.iter().map(|(key, value)| (key.clone(), form(value))).collect()),
        Json::Array(list) => Json::Array(list.iter().map(form).collect()),
        Json::String(_) => Json::String(String::new()),
        other => other.clone(),
    }
}

/// What is cut in the middle of a name names somebody still.
#[test]
fn redacted_notes_hold_no_half_of_a_name() {
    let (deeds, mut report) = peopled("quilla", "zjorn", "lawfirmq.example", "hx7", "203.0.113.9", "ab123CDEF456");
    let cut = |name: &str| {
        let filled = format!("{} String=\"mx.lawfirmq.{name}", "word ".repeat(80));
        filled.chars().rev().take(300).collect::<Vec<char>>().into_iter().rev().collect::<String>()
    };
    let mut record = cite("001/trace.json", &cut("e"));
    record.excerpt = Some(Excerpt {
        before: "…orn@lawfirmq.example; said ".to_owned(),
        marked: "refused".to_owned(),
        after: " by hx7.lawfirmq.ex…".to_owned(),
    });
    report.copies[0].layers[0].cites = vec![record];
    let journal = journal(deeds);
    let case = Case::of(42, &journal).expect("a case");
    let sources = Sources { case: &case, journal: &journal, evidence: Looked::Answered(&report), comparison: None };
    let shown = |notes: &Notes| serde_json::to_value(notes).expect("JSON").to_string();
    assert!(shown(&notes(&sources, Text::All)).contains("mx.lawfirmq.e"), "the record is told");
    let redacted = shown(&redacted(&sources, Text::All).0);
    for half in ["lawfirmq", "orn@"] {
        assert!(!redacted.contains(half), "{half} in {redacted}");
    }
    assert!(redacted.contains("word word word"), "{redacted}");
}

/// A ticket in which the same people and hosts stand in every place.
fn peopled(first: &str, last: &str, domain: &str, host: &str, ip: &str, id: &str) -> (Vec<Deed>, Report) {
    let address = format!("{first}.{last}@{domain}");
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |c| format!("{}{}", c.to_uppercase(), chars.as_str()))
    };
    let name = format!("{} {}", capital(first), capital(last));
    let said = format!(
        "{id}: from=<{address}>, client={host}.{domain}[{ip}], \"DisplayName\":\"{name}\", u={first}.{last}%40{domain}"
    );
    let around = Excerpt {
        before: format!("From: \"{name}\" <{first}."),
        marked: format!("{last}@{domain}"),
        after: format!("> by {host}.{domain} with {ip}"),
    };
    let mut record = cite(&format!("001/{address}.eml"), &said);
    record.excerpt = Some(around);
    // By JSON, as an older or newer report would have it.
    let copy: MessageCopy = serde_json::from_value(serde_json::json!({
        "envelope_recipient": address,
        "fate": "rejected",
        "changed_layer": "delivery",
        "layers": [{
            "layer": "delivery",
            "state": "stopped",
            "summary": format!("refused by {host} ({ip}) for {name}"),
            "cites": [record],
            "system": format!("Postfix {host}"),
        }],
        "timeline": [{
            "at": "2026-08-20T07:00:00Z",
            "system": format!("Postfix {host}"),
            "layer": "delivery",
            "summary": format!("{id} refused for {address}"),
            "cites": [record],
        }],
        "because": format!("{host}.{domain} refused it"),
    }))
    .expect("a copy");
    let finding: Finding = serde_json::from_value(serde_json::json!({
        "id": "connector-routing/relay-denied",
        "kind": "cause",
        "standing": "proved",
        "layer": "delivery",
        "envelope_recipient": address,
        "statement": format!("{host}.{domain} refused {address} ({ip})"),
        "cites": [record],
        "ask_for": [],
    }))
    .expect("a finding");
    let message = report::Message {
        message_id: Some(format!("{id}@{host}.{domain}")),
        envelope_sender: Some(format!("billing@{domain}")),
        envelope_recipients: vec![address.clone()],
        subject: Some(format!("Invoice for {name} by {host}.{domain}")),
        ..report::Message::default()
    };
    let report = Report { message, copies: vec![copy], findings: vec![finding], ..Report::default() };
    let about = About {
        client: format!("{} Ltd", capital(last)),
        user: Some(name.clone()),
        device: Some(format!("lt-{last}-7")),
        words: Some(format!("{} says {host} is down; write to {}", capital(first), address.to_uppercase())),
        ..About::default()
    };
    let deeds = vec![
        opened(about, Asked { recipient: vec![address], ..Asked::default() }),
        Deed::Noted { text: format!("asked {name} ({last}, {first}) about {ip} and {id}") },
        change(),
        verified(Answer::Held),
    ];
    (deeds, report)
}

/// Letters and digits around a place count: `ana` is not in `banana`.
fn holds(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    text.match_indices(&wanted).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + wanted.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn redacted_notes_hold_no_original(
        first in "qx[a-z]{3,8}",
        last in "zj[a-z]{3,8}",
        domain in "[a-z]{2,6}q[a-z]{2,6}\\.(com|example|co\\.uk)",
        host in "hx[a-z]{1,5}[0-9]{1,2}",
        octets in (1u8..=255, 0u8..=255, 0u8..=255, 1u8..=255),
        id in "[a-f]{2}[0-9]{3}[A-F]{4}[0-9]{3}",
        text in prop::sample::select(vec![Text::All, Text::Facts, Text::Analysis, Text::Customer]),
    ) {
        let ip = format!("{}.{}.{}.{}", octets.0, octets.1, octets.2, octets.3);
        let (deeds, report) = peopled(&first, &last, &domain, &host, &ip, &id);
        let journal = journal(deeds);
        let case = Case::of(42, &journal).expect("a case");
        let sources = Sources { case: &case, journal: &journal, evidence: Looked::Answered(&report), comparison: None };
        let (redacted, map) = redacted(&sources, text);
        let plain = notes(&sources, text);
        let json = |notes: &Notes| serde_json::to_value(notes).expect("JSON");
        let (mut one, mut other) = (json(&plain), json(&redacted));
        one["redacted"] = Json::Null;
        other["redacted"] = Json::Null;
        prop_assert_eq!(form(&one), form(&other));
        let mut texts = vec![json(&redacted).to_string()];
        for face in [Face::Text, Face::Markdown, Face::Html] {
            texts.push(write(&redacted, face, 76, None).expect("the built-in template"));
        }
        for text in &texts {
            for original in [&first, &last, &domain, &host, &ip, &id, &format!("{first}.{last}")] {
                prop_assert!(!holds(text, original), "{} in {}", original, text);
            }
        }
        // The same thing has one other name.
        let mut originals: Vec<&String> = map.pairs.iter().map(|pair| &pair.original).collect();
        let mut pseudonyms: Vec<&String> = map.pairs.iter().map(|pair| &pair.pseudonym).collect();
        let count = originals.len();
        originals.sort();
        originals.dedup();
        pseudonyms.sort();
        pseudonyms.dedup();
        prop_assert_eq!((originals.len(), pseudonyms.len()), (count, count), "{:?}", map.pairs);
        let again = super::redacted(&sources, Text::All);
        let once_more = super::redacted(&sources, Text::All);
        prop_assert_eq!(again, once_more);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_of_strangers_is_written(
        words in "(\\PC|[\\[\\]{}<>#@\\\\\"':/=?%.-]|\u{202e}|\r|\n){0,80}",
        subject in "(\\PC|[\\[\\]{}<>#@\\\\\"':/=?%.-]|\u{202e}|\r|\n){0,80}",
    ) {
        let mut report = released_then_refused();
        report.message.subject = Some(subject.clone());
        report.each_cite(|cite| cite.said = words.clone());
        let deeds = vec![opened(About { words: Some(words), ..about() }, Asked::default()), Deed::Noted { text: subject }];
        let journal = journal(deeds);
        let case = Case::of(42, &journal).expect("a case");
        let sources = Sources { case: &case, journal: &journal, evidence: Looked::Answered(&report), comparison: None };
        for notes in [notes(&sources, Text::All), redacted(&sources, Text::All).0] {
            for face in [Face::Text, Face::Markdown, Face::Html] {
                let text = write(&notes, face, 76, None).expect("the built-in template");
                prop_assert!(!text.contains(['\u{202e}', '\r']), "{:?}", text);
            }
        }
    }
}

#[test]
fn status_words_are_codes() {
    for status in Status::ALL {
        assert!(status.word().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    }
}
