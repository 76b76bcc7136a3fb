//! Signatures made by the tests' own signer: what holds, what does not, and why.

mod signer;

use std::sync::OnceLock;

use auth::dkim::{self, Algorithm, DkimCheck, DkimNote, DkimReason, Explain, Keys};
use auth::message::Raw;
use auth::{Answer, Answers, Question, RecordType};
use evidence::AuthResult;
use jiff::Timestamp;
use proptest::prelude::*;
use signer::{Closed, Form, Signer, answers, crlf, zone};

const TEXT: &str = "Received: by mx.example.net\nFrom: Sender <a@example.com>\nTo: b@example.net\nSubject: Quarterly statement\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.com>\nMIME-Version: 1.0\nContent-Type: text/plain\n\nHello,\n\nplease  find it. \n\n";

fn ed25519() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::ed25519("e", "example.com"))
}

fn rsa() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::rsa("r", "example.com"))
}

fn check_at(message: &[u8], dns: &dyn auth::Dns, at: Option<&str>) -> Vec<DkimCheck> {
    let at: Option<Timestamp> = at.map(|at| at.parse().unwrap());
    dkim::check(&Raw::of(message), dns, at, &Keys::default(), Explain::Yes)
}

fn check(message: &[u8], dns: &dyn auth::Dns) -> DkimCheck {
    check_at(message, dns, None).remove(0)
}

#[test]
fn ok_signed() {
    for signer in [ed25519(), rsa()] {
        for form in ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"] {
            let signed = signer.sign(&crlf(TEXT), &Form::new(form));
            let found = check(&signed, &zone(&[signer]));
            assert_eq!(found.result, Some(AuthResult::Pass), "{form}: {}", found.reason);
            assert_eq!(found.domain.as_deref(), Some("example.com"));
            assert_eq!(found.canonicalization.unwrap().to_string(), form);
            assert_eq!(found.key_record.unwrap().text, signer.record());
            assert!(found.broken.is_none());
            assert_eq!(found.field.start, 0);
            // Saved with bare LF it is the same message.
            let bare = String::from_utf8(signed).unwrap().replace("\r\n", "\n");
            let found = check(bare.as_bytes(), &zone(&[signer]));
            assert_eq!(found.result, Some(AuthResult::Pass), "{form}, bare LF: {}", found.reason);
            assert!(found.notes.contains(&DkimNote::BareLf), "{:?}", found.notes);
        }
    }
    let found = check(
        &rsa().sign(&crlf(TEXT), &Form::new("relaxed/relaxed")),
        &answers(&[(&rsa().name(), &rsa().record_pkcs1())]),
    );
    assert_eq!(found.result, Some(AuthResult::Pass), "bare PKCS#1 key: {}", found.reason);
    assert_eq!(found.algorithm, Some(Algorithm::RsaSha256));
}

/// What the key record decides.
#[test]
fn ok_key_records() {
    let signer = ed25519();
    let key = signer.record();
    let key = key.split_once("p=").unwrap().1;
    let mut form = Form::new("relaxed/relaxed");
    form.tags = " i=x@mail.example.com;".to_owned();
    let signed = signer.sign(&crlf(TEXT), &form);
    for (name, record, result, reason) in [
        (
            "as it is",
            format!("v=DKIM1; k=ed25519; p={key}"),
            AuthResult::Pass,
            "body and signed header fields are as they were signed (ed25519 key of 256 bits)",
        ),
        (
            "test mode",
            format!("k=ed25519; t=y; p={key}"),
            AuthResult::Pass,
            "body and signed header fields are as they were signed (ed25519 key of 256 bits)",
        ),
        (
            "for mail",
            format!("k=ed25519; s=other:email; p={key}"),
            AuthResult::Pass,
            "body and signed header fields are as they were signed (ed25519 key of 256 bits)",
        ),
        ("revoked", "v=DKIM1; k=ed25519; p=".to_owned(), AuthResult::PermError, "p= is empty: the key was revoked"),
        (
            "strict identity",
            format!("k=ed25519; t=s; p={key}"),
            AuthResult::PermError,
            "t=s asks that i= be of example.com, and it is of mail.example.com",
        ),
        ("hash", format!("k=ed25519; h=sha1; p={key}"), AuthResult::PermError, "h=sha1 does not allow sha256"),
        ("service", format!("k=ed25519; s=tlsrpt; p={key}"), AuthResult::PermError, "s=tlsrpt does not allow email"),
        ("kind", rsa().record(), AuthResult::PermError, "the key is of the kind rsa, the signature is ed25519-sha256"),
        (
            "another key",
            Signer::ed25519("x", "example.com").record(),
            AuthResult::Fail,
            "the body is as it was signed, but the signature does not hold: a signed header field was changed, or the key",
        ),
    ] {
        let found = check(&signed, &answers(&[(&signer.name(), &record)]));
        assert_eq!(found.result, Some(result), "{name}: {}", found.reason);
        let said = found.reason.to_string();
        assert!(said.ends_with(reason), "{name}: {said}");
        assert_eq!(found.notes.contains(&DkimNote::TestMode), name == "test mode", "{name}");
    }
}

/// What the DNS says, and what it does not.
#[test]
fn ok_dns() {
    let signer = ed25519();
    let signed = signer.sign(&crlf(TEXT), &Form::new("relaxed/relaxed"));
    let question = Question::new(&signer.name(), RecordType::Txt);
    for (name, answer, result, needed) in [
        ("not saved", Answer::NotSaved, None, true),
        ("no name", Answer::NoName, Some(AuthResult::PermError), false),
        ("no data", Answer::NoData, Some(AuthResult::PermError), false),
        ("failed", Answer::of("SERVFAIL", vec![]), Some(AuthResult::TempError), false),
        (
            "several",
            Answer::of("NOERROR", vec!["v=spf1 -all".into(), "v=DKIM1; p=".into(), signer.record()]),
            Some(AuthResult::Pass),
            false,
        ),
        ("no key record", Answer::of("NOERROR", vec!["v=spf1 -all".into()]), Some(AuthResult::PermError), false),
    ] {
        let mut dns = Answers::default();
        dns.insert(&question, answer);
        let found = check(&signed, &dns);
        assert_eq!(found.result, result, "{name}: {}", found.reason);
        assert_eq!(found.needs(), needed.then_some(&question), "{name}");
        assert_eq!(found.notes.contains(&DkimNote::SeveralRecords(3)), name == "several", "{name}");
        assert_eq!(found.key.as_ref(), Some(&question), "{name}");
    }
    // A changed body is shown even without the key.
    let changed = String::from_utf8(signed).unwrap() + "Footer\r\n";
    let found = check(changed.as_bytes(), &Answers::default());
    assert_eq!(found.result, None);
    assert!(found.notes.contains(&DkimNote::BodyNotAsSigned));
    assert!(found.broken.unwrap().body.unwrap().to_string().contains("Footer"));
}

/// `t=` and `x=` are judged by the instant of reception, and not without one.
#[test]
fn ok_times() {
    let mut form = Form::new("relaxed/relaxed");
    form.tags = " t=1763600000; x=1763686400;".to_owned(); // 2025-11-20T00:53:20Z and a day later
    let signed = ed25519().sign(&crlf(TEXT), &form);
    for (name, at, result, note) in [
        ("within", Some("2025-11-20T12:00:00Z"), AuthResult::Pass, ""),
        ("at the very end", Some("2025-11-21T00:53:20Z"), AuthResult::Pass, ""),
        ("expired", Some("2025-11-21T02:53:20Z"), AuthResult::Fail, "expired 2h before the message was received"),
        ("in the future", Some("2025-11-19T23:53:20Z"), AuthResult::Pass, "signed 1h after it was received"),
        (
            "not known when",
            None,
            AuthResult::Pass,
            "expires 2025-11-21T00:53:20Z; could not be judged, as it is not known when the message was received",
        ),
    ] {
        let found = check_at(&signed, &zone(&[ed25519()]), at).remove(0);
        assert_eq!(found.result, Some(result), "{name}: {}", found.reason);
        let notes: Vec<String> = found.notes.iter().map(|note| note.to_string()).collect();
        assert!(note.is_empty() || notes.iter().any(|said| said == note), "{name}: {notes:?}");
    }
}

#[test]
fn ok_historic_algorithms_do_not_pass() {
    // RFC 8301, 3.1: whatever the key says.
    let text = String::from_utf8(rsa().sign(&crlf(TEXT), &Form::new("relaxed/relaxed"))).unwrap();
    let found = check(text.replace("rsa-sha256", "rsa-sha1").as_bytes(), &zone(&[rsa()]));
    assert_eq!((found.result, found.reason), (Some(AuthResult::PermError), DkimReason::Sha1));
}

#[test]
fn ok_length_is_noted() {
    let mut form = Form::new("relaxed/relaxed");
    form.tags = " l=10;".to_owned();
    let found = check(&ed25519().sign(&crlf(TEXT), &form), &zone(&[ed25519()]));
    assert_eq!(found.result, Some(AuthResult::Pass), "{}", found.reason);
    assert!(found.notes.contains(&DkimNote::PartOfBody { signed_bytes: 10, body_bytes: 27 }), "{:?}", found.notes);
    form.tags = " l=28;".to_owned();
    let found = check(&ed25519().sign(&crlf(TEXT), &form), &zone(&[ed25519()]));
    let cut = DkimReason::BodyCut { signed_bytes: 28, body_bytes: 27 };
    assert_eq!((found.result, found.reason), (Some(AuthResult::Fail), cut));
}

/// A name within `h=` is a name, never a field: somebody else's library once took `content-type` there for the field.
#[test]
fn ok_names_in_h_are_no_fields() {
    let mut form = Form::new("relaxed/relaxed");
    form.fields = "from:to:\r\n content-type:\r\n\tmime-version : subject";
    let signed = ed25519().sign(&crlf(TEXT), &form);
    let found = check(&signed, &zone(&[ed25519()]));
    assert_eq!(found.result, Some(AuthResult::Pass), "{}", found.reason);
    assert_eq!(found.signed_fields, ["from", "to", "content-type", "mime-version", "subject"]);
    let raw = Raw::of(&signed);
    assert_eq!(raw.named("content-type").count(), 1);
    assert_eq!(raw.named("content-type").next().unwrap().value(), b" text/plain");
    // And a part that the body holds is found by the message's own boundary alone.
    let multipart = TEXT.replace("text/plain", "multipart/mixed; boundary=b").replace("Hello,", "--b\n\nHello\n--b--");
    let text = String::from_utf8(ed25519().sign(&crlf(&multipart), &form)).unwrap();
    let found = check(text.replace("\r\n--b--", "\r\nFooter\r\n--b--").as_bytes(), &zone(&[ed25519()]));
    assert!(found.broken.unwrap().body.unwrap().to_string().contains("Footer"));
}

#[test]
fn ok_names_repeated_in_h() {
    let two = TEXT.replace("To: b@example.net\n", "To: first@example.net\nTo: second@example.net\n");
    let mut form = Form::new("relaxed/relaxed");
    form.fields = "From:To:To:To:Subject";
    let signed = ed25519().sign(&crlf(&two), &form);
    assert_eq!(check(&signed, &zone(&[ed25519()])).result, Some(AuthResult::Pass));
    let swapped = String::from_utf8(signed).unwrap();
    let swapped = swapped.replace("first@", "x@").replace("second@", "first@").replace("To: x@", "To: second@");
    assert_eq!(check(swapped.as_bytes(), &zone(&[ed25519()])).result, Some(AuthResult::Fail));
}

#[test]
fn ok_notes_on_fields() {
    let mut form = Form::new("relaxed/relaxed");
    form.fields = "From:From:To:Date:Message-ID";
    let signed = ed25519().sign(&crlf(TEXT), &form);
    let text = String::from_utf8(signed).unwrap().replace("Received:", "To: z@example.net\r\nReceived:");
    let found = check(text.as_bytes(), &zone(&[ed25519()]));
    assert_eq!(found.result, Some(AuthResult::Pass), "{}", found.reason);
    let notes: Vec<String> = found.notes.iter().map(|note| note.to_string()).collect();
    assert_eq!(
        notes,
        [
            "not signed: Subject, MIME-Version, Content-Type",
            "more in the message than signed: To",
            "one more could be added without breaking the signature: Date, Message-ID",
        ]
    );
}

#[test]
fn ok_too_many_signatures() {
    let mut message = crlf(TEXT);
    for _ in 0..40 {
        message = ed25519().sign(&message, &Form::new("relaxed/relaxed"));
    }
    let found = check_at(&message, &zone(&[ed25519()]), None);
    assert_eq!(found.len(), dkim::MAX_SIGNATURES + 1);
    assert!(found[..32].iter().all(|check| check.result == Some(AuthResult::Pass)));
    assert_eq!(found[32].result, None);
    assert_eq!(found[32].reason.to_string(), "the message has 40 signatures; only the first 32 were checked");
}

#[test]
fn refused_signatures() {
    let signed = String::from_utf8(ed25519().sign(&crlf(TEXT), &Form::new("relaxed/relaxed"))).unwrap();
    for (name, from, to, reason) in [
        ("duplicate tag", "v=1;", "v=1; v=1;", "the signature field is not valid: the tag v= occurs twice"),
        ("no From", "h=From:", "h=", "the signature field is not valid: h= does not name From"),
        ("no domain", "d=example.com;", "", "the signature field is not valid: the tag d= is missing"),
    ] {
        let found = check(signed.replacen(from, to, 1).as_bytes(), &zone(&[ed25519()]));
        assert_eq!(found.result, Some(AuthResult::PermError), "{name}");
        assert_eq!(found.reason.to_string(), reason, "{name}");
    }
}

/// Mail that was made to cost much: it ends, within what a test may take, and says what it left out.
#[test]
fn ok_costly() {
    let names: Vec<String> = (0..1900).map(|number| format!("x{number}")).collect();
    let mut many = String::new();
    for _ in 0..dkim::MAX_SIGNATURES {
        many.push_str(&format!("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e; h=from:{}; bh=YQ==; b=YQ==\r\n", names.join(":")));
    }
    for number in 0..20_000 {
        many.push_str(&format!("x{}: a\r\n", number % 1900));
    }
    many.push_str("From: a@example.com\r\n\r\nbody\r\n");
    let found = check_at(many.as_bytes(), &zone(&[ed25519()]), None);
    assert_eq!(found.len(), dkim::MAX_SIGNATURES);
    let last = found.last().and_then(|check| check.broken.clone()).and_then(|broken| broken.header);
    assert!(last.unwrap().to_string().contains("the search ended at its budget"));
    for unit in ["<", "<!--", "..\n", "https://", "--b\r\n\r\n<body>\r\n", " \t", "\r", "=E4= \n"] {
        let text = format!(
            "From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n{}",
            unit.repeat(20_000 / unit.len())
        );
        let signed = ed25519().sign(b"From: a@example.com\r\n\r\nother\r\n", &Form::new("simple/simple"));
        let field = signed.split(|byte| *byte == b'F').next().unwrap();
        let found = check([field, text.as_bytes()].concat().as_slice(), &zone(&[ed25519()]));
        assert!(found.result.is_some(), "{unit:?}");
    }
}

/// Text such as bodies and values are made of: words, white space in all its forms, line ends.
fn body() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z<>=.&]{1,8}",
        "[ \t]{1,3}",
        Just("\r\n".to_owned()),
        Just("From ".to_owned()),
        Just("\u{fc}".to_owned())
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just("relaxed/relaxed"), Just("relaxed/simple"), Just("simple/relaxed"), Just("simple/simple")]
        .prop_map(Form::new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What the tests' own signer signs holds, whatever the text.
    #[test]
    fn prop_signed_passes(body in body(), subject in "[a-z \t]{0,40}", form in form()) {
        let text = format!("From: a@example.com\r\nSubject:{subject}\r\n\r\n{body}");
        let signed = ed25519().sign(text.as_bytes(), &form);
        let found = check(&signed, &zone(&[ed25519()]));
        prop_assert_eq!(found.result, Some(AuthResult::Pass), "{}", found.reason);
    }

    /// Any letter of the signed text changed: it does not hold any more.
    #[test]
    fn prop_changed_fails(body in body(), at in any::<prop::sample::Index>(), form in form()) {
        let text = format!("From: a@example.com\r\nSubject: some words\r\n\r\n{body}");
        let mut signed = ed25519().sign(text.as_bytes(), &form);
        let start = signed.len() - text.len();
        let letters: Vec<usize> = (start..signed.len()).filter(|at| signed[*at].is_ascii_lowercase()).collect();
        let at = letters[at.index(letters.len())];
        signed[at] = if signed[at] == b'z' { b'y' } else { b'z' };
        // The letters of names in the header do not count for the hash, but a field of another name is another field.
        let found = check(&signed, &zone(&[ed25519()]));
        prop_assert_eq!(found.result, Some(AuthResult::Fail), "{}", found.reason);
        for cause in found.broken.iter().flat_map(|broken| [&broken.body, &broken.header]).flatten() {
            prop_assert!(!matches!(cause, dkim::Cause::Proved(changes) if changes.is_empty()));
        }
    }

    /// Under relaxed, white space may change where there was some, and at the end of lines.
    #[test]
    fn prop_relaxed_is_blind_to_white_space(body in body(), more in "[ \t]{1,3}") {
        let text = format!("From: a@example.com\r\nSubject: some words\r\n\r\n{body}");
        let signed = String::from_utf8(ed25519().sign(text.as_bytes(), &Form::new("relaxed/relaxed"))).unwrap();
        let (head, rest) = signed.split_once("Subject:").unwrap();
        let rest = rest.replace(' ', &format!(" {more}")).replace("\r\n", &format!("{more}\r\n"));
        // The blank line between header and body is no place for white space.
        let rest = rest.replacen(&format!("{more}\r\n{more}\r\n"), "\r\n\r\n", 1);
        let found = check(format!("{head}Subject:{rest}").as_bytes(), &zone(&[ed25519()]));
        prop_assert_eq!(found.result, Some(AuthResult::Pass), "{}", found.reason);
    }

    /// Rubbish of any kind: an answer, no panic.
    #[test]
    fn prop_rubbish(bytes in proptest::collection::vec(any::<u8>(), 0..600), tags in "[ -~\r\n\t]{0,200}") {
        let dns = Closed(zone(&[ed25519()]));
        let keys = Keys::default();
        let mut message = format!("DKIM-Signature: {tags}\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=e; h=from:to; bh=YQ==; b=YQ==; {tags}\r\nARC-Seal: i=1; {tags}\r\n").into_bytes();
        message.extend_from_slice(&bytes);
        for message in [message.as_slice(), &bytes] {
            let raw = Raw::of(message);
            for found in dkim::check(&raw, &dns, None, &keys, Explain::Yes) {
                prop_assert!(found.field.end <= message.len());
                prop_assert!(!found.reason.to_string().is_empty());
            }
            auth::arc::check(&raw, &dns, None, &keys);
        }
        dkim::KeyRecord::read(&tags);
        dkim::KeyRecord::read(&String::from_utf8_lossy(&bytes));
    }

    /// A signed message with rubbish put anywhere: an answer, no panic, and places within the message.
    #[test]
    fn prop_damaged(body in body(), at in any::<prop::sample::Index>(), rubbish in proptest::collection::vec(any::<u8>(), 1..40), form in form()) {
        let text = format!("From: a@example.com\r\nSubject: some words\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<body>{body}\r\n--b--\r\n");
        let mut signed = ed25519().sign(text.as_bytes(), &form);
        let at = at.index(signed.len());
        signed.splice(at..at, rubbish);
        for found in dkim::check(&Raw::of(&signed), &zone(&[ed25519()]), None, &Keys::default(), Explain::Yes) {
            for cause in found.broken.iter().flat_map(|broken| [&broken.body, &broken.header]).flatten() {
                let dkim::Cause::Proved(changes) = cause else { continue };
                for change in changes {
                    if let dkim::Change::Inserted { place, .. } | dkim::Change::Appended { place, .. } = change {
                        prop_assert!(place.start <= place.end && place.end <= signed.len());
                    }
                }
            }
        }
    }
}
