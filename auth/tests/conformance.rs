//! DKIM and ARC suites that nobody of this project wrote, where they are at hand.
//!
//! They lie outside the project and nothing of them is copied into it.

mod signer;

use std::fs;
use std::path::{Path, PathBuf};

use auth::arc;
use auth::dkim::{self, Cause, Change, DkimNote, DkimReason, Explain, Keys};
use auth::message::Raw;
use auth::{Answer, Answers, Question, RecordType};
use evidence::AuthResult;
use serde::Deserialize;
use signer::{answers, crlf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/conformance");

fn suite(name: &str) -> Option<PathBuf> {
    let path = Path::new(ROOT).join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not at hand", path.display());
        return None;
    }
    Some(path)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[derive(Deserialize)]
struct Scenario {
    description: String,
    tests: std::collections::BTreeMap<String, ArcTest>,
    #[serde(rename = "txt-records", default)]
    records: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ArcTest {
    description: Option<String>,
    message: String,
    cv: String,
}

/// Tests that expect what a later standard forbids: their name, and the section that settles it.
const ARC_EXCEPTIONS: &[(&str, &str, Option<AuthResult>)] = &[
    // Without c= the suite, made for a draft, takes relaxed/relaxed. RFC 8617, 4.1.2 gives the field the syntax and semantics
    // of a DKIM-Signature but for i= and v=; RFC 6376, 3.5 then takes simple/simple.
    ("ams_fields_c_na", "RFC 8617, 4.1.2; RFC 6376, 3.5", Some(AuthResult::Fail)),
];

#[test]
fn ok_arc_valimail() {
    let Some(path) = suite("arc-valimail/arc-draft-validation-tests.yml") else { return };
    let (mut passed, mut wrong) = (0, Vec::new());
    for document in serde_yaml_ng::Deserializer::from_str(&text(&path)) {
        let scenario = Scenario::deserialize(document).expect("a scenario");
        let mut dns = Answers::default();
        for (name, record) in &scenario.records {
            dns.insert(&Question::new(name, RecordType::Txt), Answer::of("NOERROR", vec![record.clone()]));
        }
        // The suite's zone is all there is: a name that it lacks does not exist.
        let dns = signer::Closed(dns);
        for (name, test) in &scenario.tests {
            let message = crlf(&test.message);
            let check = arc::check(&Raw::of(&message), &dns, None, &Keys::default());
            let exception = ARC_EXCEPTIONS.iter().find(|(exception, _, _)| exception == name);
            let expected = match (exception, test.cv.as_str()) {
                (Some((_, _, expected)), _) => expected.clone(),
                (None, "Pass") => Some(AuthResult::Pass),
                (None, "None") => Some(AuthResult::None),
                // An empty word stands where the draft left the result open; RFC 8617, 5.2 has a fail for all of them.
                (None, "Fail" | "") => Some(AuthResult::Fail),
                (None, other) => panic!("{name}: {other}"),
            };
            if check.result == expected {
                passed += 1;
            } else {
                let what = test.description.as_deref().unwrap_or_default();
                wrong.push(format!(
                    "{}: {name} ({what}): {:?}, {} — {}",
                    scenario.description, check.result, test.cv, check.reason
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{passed} passed, {} did not:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(passed, 86);
}

/// The results of all signatures, in their order.
fn dkim_of(message: &[u8], dns: &dyn auth::Dns) -> Vec<(Option<AuthResult>, DkimReason)> {
    let checks = dkim::check(&Raw::of(message), dns, None, &Keys::default(), Explain::No);
    checks.into_iter().map(|check| (check.result, check.reason)).collect()
}

fn results(message: &[u8], dns: &dyn auth::Dns) -> Vec<Option<AuthResult>> {
    dkim_of(message, dns).into_iter().map(|(result, _)| result).collect()
}

/// The text of a file, or of the file that it names.
fn followed(path: &Path) -> String {
    let found = text(path);
    let other = path.with_file_name(found.trim());
    if !found.contains('\n') && other.exists() { text(&other) } else { found }
}

#[test]
fn ok_dkim_chasquid() {
    let Some(root) = suite("dkim-chasquid") else { return };
    let mut checked = 0;
    for case in
        ["01-rfc8463", "05-dns_temp_error", "07-algo_mismatch", "09-limited_body", "11-strict_domain_check_fail"]
    {
        let message = crlf(&followed(&root.join(format!("{case}.msg"))));
        let zone = followed(&root.join(format!("{case}.dns"))).replace("\\\n", "");
        let mut dns = Answers::default();
        for line in zone.lines() {
            let Some((name, record)) = line.split_once(": ") else { continue };
            let answer = match record.trim() {
                "TEMPERROR" => Answer::of("SERVFAIL", vec![]),
                record => Answer::of("NOERROR", vec![record.to_owned()]),
            };
            dns.insert(&Question::new(name, RecordType::Txt), answer);
        }
        let expected: serde_json::Value =
            serde_json::from_str(&followed(&root.join(format!("{case}.result")))).unwrap();
        let states: Vec<&str> =
            expected["Results"].as_array().unwrap().iter().map(|one| one["State"].as_str().unwrap()).collect();
        // Case 9 names a zone that is not among the samples: the honest answer is that it cannot be checked.
        let zone_at_hand = !dns.is_empty();
        for ((result, reason), state) in dkim_of(&message, &dns).into_iter().zip(states) {
            let fits = match (state, &result) {
                (_, None) => !zone_at_hand,
                ("SUCCESS", Some(AuthResult::Pass)) => true,
                ("TEMPFAIL", Some(AuthResult::TempError)) => true,
                ("PERMFAIL", Some(AuthResult::Fail | AuthResult::PermError)) => true,
                _ => false,
            };
            assert!(fits, "{case}: {state}, but {result:?}: {reason}");
            checked += 1;
        }
    }
    assert_eq!(checked, 10);
    assert!(dkim_of(&crlf(&text(&root.join("03-bad_message.msg"))), &Answers::default()).is_empty());
}

#[test]
fn ok_dkimpy() {
    let Some(root) = suite("dkimpy") else { return };
    let message = crlf(&text(&root.join("rfc6376.signed.no_t.msg")));
    // The signature does not hold under its key, as the project that it comes from says too; so good keys give `fail`, and
    // others `permerror`.
    for (file, expected) in [
        ("test.txt", "body hash holds, signature not"),
        ("test2.txt", "body hash holds, signature not"),
        ("1024_testkey_wo_markers.pub.txt", "body hash holds, signature not"),
        ("2048_testkey_wo_markers.pub.rsa.txt", "body hash holds, signature not"),
        ("test_tlsrpt.txt", "s=tlsrpt does not allow email"),
        ("badk.txt", "k=ed25519-sha256 is not a kind of key that is known"),
        ("ed25519test.dns", "the key is of the kind ed25519, the signature is rsa-sha256"),
        ("eximtest.dns", "the key is of the kind ed25519, the signature is rsa-sha256"),
    ] {
        let dns = answers(&[("test._domainkey.football.example.com", &text(&root.join(file)))]);
        let (result, reason) = dkim_of(&message, &dns).remove(0);
        match reason {
            DkimReason::HeaderChanged => {
                assert_eq!((expected, result), ("body hash holds, signature not", Some(AuthResult::Fail)), "{file}");
            }
            DkimReason::KeyUnfit(_, error) => {
                assert_eq!((error.to_string().as_str(), result), (expected, Some(AuthResult::PermError)), "{file}");
            }
            other => panic!("{file}: {other}"),
        }
    }
}

#[test]
fn ok_stalwart_mail_auth() {
    let Some(root) = suite("stalwart-mail-auth") else { return };
    for (file, dkim, chain) in [
        ("dkim/001.txt", vec![AuthResult::Pass, AuthResult::Pass], AuthResult::None),
        ("dkim/003.txt", vec![AuthResult::Pass, AuthResult::Pass], AuthResult::None),
        ("dkim/005.txt", vec![AuthResult::Pass], AuthResult::None),
        // The body hash of the third does not hold, as the receiver says itself: the list added its footer.
        ("arc/001.txt", vec![AuthResult::Pass, AuthResult::Pass, AuthResult::Fail], AuthResult::Pass),
    ] {
        let whole = text(&root.join(file));
        let (zone, message) = whole.split_once("\n\n").unwrap();
        let records: Vec<(&str, &str)> = zone.lines().filter_map(|line| line.split_once(' ')).collect();
        let dns = answers(&records);
        let message = crlf(message);
        let found: Vec<AuthResult> = results(&message, &dns).into_iter().flatten().collect();
        assert_eq!(found, dkim, "{file}");
        let check = arc::check(&Raw::of(&message), &dns, None, &Keys::default());
        assert_eq!(check.result, Some(chain), "{file}: {}", check.reason);
    }
}

/// A real list: what it did to the message is proved, the footer and the tag of the subject.
#[test]
fn ok_what_a_list_did() {
    let Some(root) = suite("stalwart-mail-auth") else { return };
    let whole = text(&root.join("arc/001.txt"));
    let (zone, message) = whole.split_once("\n\n").unwrap();
    let records: Vec<(&str, &str)> = zone.lines().filter_map(|line| line.split_once(' ')).collect();
    let message = crlf(message);
    let checks = dkim::check(&Raw::of(&message), &answers(&records), None, &Keys::default(), Explain::Yes);
    let broken = checks[2].broken.as_ref().expect("the author's signature is broken");
    let (Some(Cause::Proved(body)), Some(Cause::Proved(header))) = (&broken.body, &broken.header) else {
        panic!("{broken:?}")
    };
    assert!(matches!(&body[..], [Change::Appended { text, .. }] if text.contains("mailing list")), "{body:?}");
    assert!(matches!(&header[..], [Change::FieldTagged { text, .. }] if text.starts_with('[')), "{header:?}");
}

/// Samples that come without the keys they were signed with: their results are `None`, and the body hash tells what it can.
#[test]
fn ok_without_keys() {
    for (folder, file, signatures, sets) in [
        ("mailauth", "arc-fail.eml", 2, 2),
        ("mailauth", "arc-fail3.eml", 1, 2),
        ("mailauth", "arc-pass2.eml", 2, 2),
        ("mailauth", "bimi.eml", 2, 1),
        ("mailauth", "message3.eml", 2, 1),
        ("mailauth", "zproov.eml", 1, 0),
        ("mimekit-dkim", "multipart-no-end-boundary.msg", 1, 0),
    ] {
        let Some(root) = suite(folder) else { return };
        let message = fs::read(root.join(file)).unwrap();
        let raw = Raw::of(&message);
        let checks = dkim::check(&raw, &Answers::default(), None, &Keys::default(), Explain::No);
        assert_eq!(checks.len(), signatures, "{file}");
        for check in &checks {
            assert_eq!(check.result, None, "{file}: {}", check.reason);
            assert!(check.needs().is_some(), "{file}");
            assert!(check.notes.contains(&DkimNote::BodyAsSigned), "{file}: {:?}", check.notes);
        }
        let chain = arc::check(&raw, &Answers::default(), None, &Keys::default());
        assert_eq!(chain.sets.len(), sets, "{file}: {}", chain.reason);
    }
}

/// The messages come without their zone: none can be checked, but all bodies are as they were signed.
#[test]
fn ok_spamassassin_dkim() {
    let Some(root) = suite("spamassassin-dkim") else { return };
    let mut signatures = 0;
    let files = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.is_file()).chain([root.join("arc/ko01.eml")]) {
        let message = fs::read(&path).unwrap();
        for check in dkim::check(&Raw::of(&message), &Answers::default(), None, &Keys::default(), Explain::No) {
            assert_eq!(check.result, None, "{}: {}", path.display(), check.reason);
            assert!(check.notes.contains(&DkimNote::BodyAsSigned), "{}: {:?}", path.display(), check.notes);
            signatures += 1;
        }
    }
    assert_eq!(signatures, 16);
}
