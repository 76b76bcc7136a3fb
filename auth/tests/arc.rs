//! Chains sealed by the tests' own signer.

mod signer;

use auth::arc::{self, ArcReason, ChainError};
use auth::dkim::Keys;
use auth::message::Raw;
use auth::{Answer, Answers, Dns, Question, RecordType};
use evidence::AuthResult;
use signer::{Signer, crlf, zone};

const TEXT: &str =
    "From: a@example.com\nTo: b@example.net\nSubject: words\nDate: x\nMessage-ID: <1@example.com>\n\nHello,\n";

fn check(message: &[u8], dns: &dyn Dns) -> arc::ArcCheck {
    arc::check(&Raw::of(message), dns, None, &Keys::default())
}

fn sealed(signers: &[&Signer]) -> Vec<u8> {
    let mut message = crlf(TEXT);
    for (signer, instance) in signers.iter().zip(1..) {
        message = signer.seal(&message, instance, if instance == 1 { "none" } else { "pass" });
    }
    message
}

#[test]
fn ok_chain() {
    let (first, second) = (Signer::ed25519("a", "example.org"), Signer::rsa("b", "example.net"));
    for count in 1..=4 {
        let signers: Vec<&Signer> = [&first, &second, &first, &second].into_iter().take(count).collect();
        let found = check(&sealed(&signers), &zone(&[&first, &second]));
        assert_eq!(found.result, Some(AuthResult::Pass), "{count}: {}", found.reason);
        assert_eq!((found.sets.len(), found.oldest_pass), (count, Some(0)));
        assert_eq!(found.sets[0].seal.domain.as_deref(), Some("example.org"));
    }
    let found = check(&crlf(TEXT), &Answers::default());
    assert_eq!((found.result, found.reason), (Some(AuthResult::None), ArcReason::NoSets));
}

/// A list changes the body and seals anew: the chain holds, and says from where on the message is unchanged.
#[test]
fn ok_oldest_pass() {
    let (first, list) = (Signer::ed25519("a", "example.org"), Signer::ed25519("l", "lists.example.net"));
    let changed = [sealed(&[&first]), b"Footer\r\n".to_vec()].concat();
    let message = list.seal(&changed, 2, "pass");
    let found = check(&message, &zone(&[&first, &list]));
    assert_eq!((found.result.clone(), found.oldest_pass), (Some(AuthResult::Pass), Some(2)), "{}", found.reason);
    assert_eq!(found.sets[0].message.result, Some(AuthResult::Fail));
    assert_eq!(found.sets[0].seal.result, Some(AuthResult::Pass));
}

#[test]
fn ok_broken_chains() {
    let (first, second) = (Signer::ed25519("a", "example.org"), Signer::ed25519("b", "example.net"));
    let dns = zone(&[&first, &second]);
    let good = String::from_utf8(sealed(&[&first, &second])).unwrap();
    for (name, message, reason) in [
        (
            "body",
            good.clone() + "Footer\r\n",
            "the message signature i=2 does not hold: the body hash is not that of bh=: the body was changed after it was signed",
        ),
        (
            "subject",
            good.replace("Subject: words", "Subject: [x] words"),
            "the message signature i=2 does not hold: the body is as it was signed, but the signature does not hold: a signed header field was changed, or the key",
        ),
        (
            "first results",
            good.replace("i=1; example.org; dkim=pass", "i=1; example.org; dkim=fail"),
            "the seal i=2 does not hold: a field of the sets up to it was changed, or the key",
        ),
        (
            "claim of the first",
            good.replace("cv=none", "cv=pass"),
            "the chain is not built by the rules: i=1 says cv=pass where only cv=none may stand",
        ),
        (
            "newest says fail",
            good.replacen("cv=pass", "cv=fail", 1),
            "the newest seal, i=2, says cv=fail: the chain was broken before it",
        ),
        (
            "no known claim",
            good.replacen("cv=pass", "cv=maybe", 1),
            "the chain is not built by the rules: i=2 says no known cv= where only cv=pass may stand",
        ),
        (
            "a field twice",
            format!("ARC-Authentication-Results: i=2; example.com\r\n{good}"),
            "the chain is not built by the rules: i=2 has ARC-Authentication-Results twice",
        ),
        (
            "a gap",
            good.replace("i=1;", "i=3;"),
            "the chain is not built by the rules: i=1 has no ARC-Authentication-Results",
        ),
        (
            "instance 51",
            good.replace("i=2;", "i=51;"),
            "the chain is not built by the rules: ARC-Seal has no i= from 1 to 50",
        ),
        (
            "instance 0",
            good.replace("i=1;", "i=0;"),
            "the chain is not built by the rules: ARC-Seal has no i= from 1 to 50",
        ),
        (
            "h= in a seal",
            good.replacen("cv=pass;", "cv=pass; h=from;", 1),
            "the seal i=2 does not hold: the signature field is not valid: it has the tag h=, which it must not",
        ),
        (
            "a seal covered",
            good.replacen("h=From:", "h=arc-seal:From:", 1),
            "the message signature i=2 does not hold: the signature field is not valid: h= names ARC-Seal, which it must not",
        ),
    ] {
        let found = check(message.as_bytes(), &dns);
        assert_eq!(found.result, Some(AuthResult::Fail), "{name}");
        assert_eq!(found.reason.to_string(), reason, "{name}");
    }
}

#[test]
fn ok_without_keys() {
    let (first, second) = (Signer::ed25519("a", "example.org"), Signer::ed25519("b", "example.net"));
    let message = sealed(&[&first, &second]);
    let found = check(&message, &zone(&[&second]));
    assert_eq!(found.result, None);
    let needed: Vec<String> = found.needs().map(Question::to_string).collect();
    assert_eq!(needed, ["TXT a._domainkey.example.org", "TXT a._domainkey.example.org"]);
    // What fails whatever the missing keys fails.
    let changed = [message.clone(), b"Footer\r\n".to_vec()].concat();
    assert_eq!(check(&changed, &Answers::default()).result, Some(AuthResult::Fail));
    // RFC 8617, 5.2.1: errors of the DNS are permanent.
    let mut dns = zone(&[&second]);
    dns.insert(&Question::new(&first.name(), RecordType::Txt), Answer::of("SERVFAIL", vec![]));
    assert_eq!(check(&message, &dns).result, Some(AuthResult::Fail));
}

/// The longest chain that may be, and what is longer.
#[test]
fn ok_long_chain() {
    let signer = Signer::ed25519("a", "example.org");
    let signers = vec![&signer; 50];
    let message = sealed(&signers);
    let found = check(&message, &zone(&[&signer]));
    assert_eq!(found.result, Some(AuthResult::Pass), "{}", found.reason);
    let longer = signer.seal(&message, 51, "pass");
    assert_eq!(check(&longer, &zone(&[&signer])).reason, ArcReason::Chain(ChainError::Instance("ARC-Seal")));
}
