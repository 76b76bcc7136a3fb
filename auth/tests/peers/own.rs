//! Messages that this test signs itself: what the standard says at its edges, one edge a message.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::encoding::PublicKeyX509Der;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::signer::{canonical_body, canonical_field, header_fields};
use crate::{Case, Record};

/// When all of them are received.
const AT: i64 = 1_795_250_000;

struct Own {
    name: &'static str,
    /// The signature's field; `{bh}` and `{b}` are filled in.
    field: &'static str,
    header: &'static str,
    body: &'static str,
    /// What was changed on the way: from, to.
    changes: &'static [(&'static str, &'static str)],
    /// The key's records, one a line; `{rsa}` and `{ed}` are filled in, `!SERVFAIL` is a status.
    records: &'static str,
    key_name: &'static str,
    /// What the standard says.
    expected: &'static str,
}

const PLAIN: Own = Own {
    name: "plain",
    field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}",
    header: "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: The  plan \r\n of today\r\n",
    body: "One \t line\r\nand  another \r\n\r\n\r\n",
    changes: &[],
    records: "v=DKIM1; k=rsa; p={rsa}",
    key_name: "s._domainkey.example.com",
    expected: "pass",
};

macro_rules! own {
    ($($name:literal, $expected:literal { $($field:ident: $value:expr),* $(,)? })*) => {
        &[$(Own { name: $name, expected: $expected, $($field: $value,)* ..PLAIN }),*]
    };
}

#[rustfmt::skip]
const ALL: &[Own] = own! {
    "plain", "pass" {}
    "simple-simple", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}" }
    "no-c", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}" }
    "c-of-header-only", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}" }
    "c-unknown", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=nowsp/simple; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}" }
    "ed25519", "pass" { field: "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}", records: "v=DKIM1; k=ed25519; p={ed}" }
    "ed25519-simple", "pass" { field: "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com; s=s;\r\n\th=from:to:subject; bh={bh}; b={b}", records: "v=DKIM1; k=ed25519; p={ed}" }
    "signature-not-last", "pass" { field: "DKIM-Signature: v=1; b={b};\r\n a=rsa-sha256; c=relaxed/relaxed; d=example.com;\r\n s=s; h=from:to:subject; bh={bh}" }
    "signature-not-last-simple", "pass" { field: "DKIM-Signature: v=1; b={b};\r\n a=rsa-sha256; c=simple/simple; d=example.com;\r\n s=s; h=from:to:subject; bh={bh}" }
    "white-space-around-b", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh};\r\n b = {b} ; t=1795249000" }
    "last-semicolon", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b};" }
    "tags-folded", "pass" { field: "DKIM-Signature: v = 1 ;\r\n\ta=rsa-sha256; c=relaxed/relaxed;\r\n d = example.com; s =\ts; h = from :\r\n  to : subject;\r\n bh={bh}; b={b}" }
    "field-name-in-capitals", "pass" { field: "DKIM-SIGNATURE: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=From:TO:Subject;\r\n bh={bh};\r\n b={b}" }
    "space-before-colon", "pass" { header: "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject : The plan\r\n" }
    "unknown-tag", "pass" { field: "DKIM-Signature: v=1; zz=some thing; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "copied-fields", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; z=From:ann@example.com|Subject:a=20b; h=from:to:subject; bh={bh}; b={b}" }
    "names-without-field", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:cc:subject:cc:x-none; bh={bh}; b={b}" }
    "oversigned", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:from:to:subject:subject; bh={bh}; b={b}" }
    "oversigned-and-added", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:from:to:subject:subject; bh={bh}; b={b}", changes: &[("From: Ann", "Subject: other\r\nFrom: Ann")] }
    "subject-added-on-top", "pass" { changes: &[("From: Ann", "Subject: other\r\nFrom: Ann")] }
    "subject-added-below", "fail" { changes: &[("\r\n\r\nOne", "\r\nSubject: other\r\n\r\nOne")] }
    "second-from-on-top", "pass" { changes: &[("From: Ann", "From: Eve <eve@example.org>\r\nFrom: Ann")] }
    "fields-twice", "pass" { header: "X-A: 1\r\nFrom: Ann <ann@example.com>\r\nX-A: 2\r\nSubject: s\r\nX-A: 3\r\n", field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:x-a:subject:x-a; bh={bh}; b={b}" }
    "fields-in-another-order", "pass" { changes: &[("From: Ann <ann@example.com>\r\nTo: Bob <bob@example.net>\r\n", "To: Bob <bob@example.net>\r\nFrom: Ann <ann@example.com>\r\n")] }
    "header-changed", "fail" { changes: &[("The  plan", "Our plan")] }
    "header-refolded", "pass" { changes: &[("The  plan \r\n of", "The\r\n\tplan of")] }
    "header-refolded-simple", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}", changes: &[("The  plan \r\n of", "The plan\r\n of")] }
    "body-changed", "fail" { changes: &[("another", "the other")] }
    "body-white-space", "pass" { changes: &[("One \t line\r\n", "One line  \r\n")] }
    "body-blank-lines-added", "pass" { changes: &[("another \r\n", "another \r\n\r\n \t\r\n")] }
    "body-without-last-line-end", "pass" { changes: &[("another \r\n\r\n\r\n", "another ")] }
    "body-empty", "pass" { body: "" }
    "body-empty-simple", "pass" { body: "", field: "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}" }
    "body-blank-lines-only", "pass" { body: "\r\n\r\n" }
    "body-blank-lines-only-simple", "pass" { body: "\r\n\r\n", field: "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=s; h=from:to:subject;\r\n bh={bh};\r\n b={b}" }
    "body-white-lines-only", "pass" { body: " \r\n\t\r\n" }
    "body-8-bit", "pass" { body: "Gr\u{fc}\u{df}e \u{2713}\r\n", header: "From: J\u{f6}rg <ann@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: Gr\u{fc}\u{df}e\r\n" }
    "body-lone-cr", "pass" { body: "one\rtwo \r three\r\n" }
    "body-form-feed", "pass" { body: "one \u{c} two\u{b}\r\n\u{c}\r\n" }
    "header-no-break-space", "pass" { header: "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: a \u{a0} b\u{a0}\r\n" }
    "saved-with-bare-lf", "pass" { changes: &[("\r\n", "\n")] }
    "length", "pass" { body: "12345\r\n", field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; l=7; h=from:to:subject; bh={bh}; b={b}", changes: &[("12345\r\n", "12345\r\nfooter\r\n")] }
    "length-within-a-line", "pass" { body: "12345\r\n", field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; l=3; h=from:to:subject; bh={bh}; b={b}", changes: &[("12345\r\n", "123 and more\r\n")] }
    "length-zero", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; l=0; h=from:to:subject; bh={bh}; b={b}" }
    "length-beyond-the-body", "fail" { body: "12345\r\n", field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; l=700; h=from:to:subject; bh={bh}; b={b}" }
    "length-no-number", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; l=-7; h=from:to:subject; bh={bh}; b={b}" }
    "identity-of-subdomain", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; i=ann@news.example.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "identity-outside", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; i=ann@badexample.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "identity-strict-key", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; i=ann@news.example.com; s=s; h=from:to:subject; bh={bh}; b={b}", records: "v=DKIM1; t=s; p={rsa}" }
    "version-2", "fail" { field: "DKIM-Signature: v=2; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "no-version", "fail" { field: "DKIM-Signature: a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "tag-twice", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "from-not-signed", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=to:subject; bh={bh}; b={b}" }
    "no-from-in-message", "pass" { header: "To: Bob <bob@example.net>\r\nSubject: s\r\n" }
    "query-method", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; q=dns/txt; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "query-method-among-others", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; q=x/y:dns/txt; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "query-method-unknown", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; q=x/y; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "expired", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; t=1795000000; x=1795100000; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "expired-an-hour-ago", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; t=1795000000; x=1795246400; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "not-expired", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; t=1795000000; x=1795300000; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "expires-before-signed", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; t=1795400000; x=1795300000; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "signed-in-the-future", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; t=1795400000; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "algorithm-in-capitals", "pass" { field: "DKIM-Signature: v=1; a=RSA-SHA256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "algorithm-unknown", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha512; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}" }
    "algorithm-not-of-the-key", "fail" { records: "v=DKIM1; k=ed25519; p={ed}" }
    "rsa-sha1", "fail" {
        field: "DKIM-Signature: v=1; a=rsa-sha1; c=relaxed/relaxed; d=example.com; i=@example.com; q=dns/txt; s=s; t=1795299045; h=from : subject; bh=qlkWrn/RWaGLG3LqkFx1cgfiZok=; b=kN24UlajFMYe7qe0cU+V7Hg/T0/2Og6LyBcnEUzsqOU9YqeOVjPlGKrJ/cDqQknsLijbv 2dPDvgqHPMnXeB4tOfDJExhK1cGVrTCBrvgzG9HwBLI50HZkU3EfmrhPmDmigBrAOV0iOxr jdIYMbUuQ2tSigmySr63Pf3LtssaA8Y=",
        header: "From: a@example.com\r\nSubject: s\r\n",
        body: "hello\r\n",
        records: "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7fj+TFCVbKsiaIV45ghxTAnehwwG5a3PCclO2sOTOpCduORuhDOKsQT2Jo9DCxQc5M0dcg5QBn9nC7gK2sCSGYVjtOkfGSaUafw81366NZg2Qw5egl95ux2BrgYb3rSzc3zqB+dR6k1tpzZ7c3KD5Wa74IcKgJzC9Y40wkonOhwIDAQAB",
    }
    "rsa-key-of-768-bits", "fail" {
        field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; i=@example.com; q=dns/txt; s=s; t=1795299045; h=from : subject; bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=; b=JPFge72ur1JRrJ49va2ke5oXrjR0ztfjccZwDKgKjXngReOtYiZBHR94niKTY5Ucgpp8P aD4ODkvRWrbVASgJjQQP2Bzlfwup4wj/ZGeoEPwQsaHG0vz30meMa8KJIOv",
        header: "From: a@example.com\r\nSubject: s\r\n",
        body: "hello\r\n",
        records: "p=MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAMZ93I6XNj191ZjiVtf5dP1Rah5sKbkDcKfyw28rJfuy3+pBFVepQsX93fQ/qzbNuWZlFeSZqSPxsXn+9/meCPAraMWwshnHr/dFvl8iCfyvdyPVwiYuE1kCKSe6oECq3wIDAQAB",
    }
    "key-without-version", "pass" { records: "p={rsa}" }
    "key-version-2", "fail" { records: "v=DKIM2; p={rsa}" }
    "key-version-not-first", "fail" { records: "k=rsa; v=DKIM1; p={rsa}" }
    "key-revoked", "fail" { records: "v=DKIM1; p=" }
    "key-of-unknown-kind", "fail" { records: "v=DKIM1; k=dsa; p={rsa}" }
    "key-unreadable", "fail" { records: "v=DKIM1; p=YWJj" }
    "key-for-sha1-only", "fail" { records: "v=DKIM1; h=sha1; p={rsa}" }
    "key-for-another-service", "fail" { records: "v=DKIM1; s=other; p={rsa}" }
    "key-for-all-services", "pass" { records: "v=DKIM1; s=other:*; p={rsa}" }
    "key-in-test-mode", "pass" { records: "v=DKIM1; t=y; p={rsa}" }
    "key-with-unknown-tags", "pass" { records: "v=DKIM1; g=*; zz=1; n=a note; p={rsa}" }
    "key-with-tag-twice", "fail" { records: "v=DKIM1; p={rsa}; p={rsa}" }
    "key-as-pkcs1", "pass" { records: "v=DKIM1; p={pkcs1}" }
    "keys-two", "pass" { records: "v=DKIM1; p=YWJj\nv=DKIM1; p={rsa}" }
    "key-beside-spf", "pass" { records: "v=spf1 -all\nv=DKIM1; p={rsa}" }
    "key-missing", "fail" { key_name: "other._domainkey.example.com" }
    "key-not-answered", "temperror" { records: "!SERVFAIL" }
    "selector-of-two-labels", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=a.b; h=from:to:subject; bh={bh}; b={b}", key_name: "a.b._domainkey.example.com" }
    "domain-in-capitals", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=Example.COM; i=@example.com; s=S; h=from:to:subject; bh={bh}; b={b}" }
    "domain-as-u-label", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=b\u{fc}cher.example; s=s; h=from:to:subject; bh={bh}; b={b}", key_name: "s._domainkey.xn--bcher-kva.example" }
    "domain-of-one-label", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example; s=s; h=from:to:subject; bh={bh}; b={b}", key_name: "s._domainkey.example" }
    "body-hash-empty", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh=; b={b}" }
    "signature-empty", "fail" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b=" }
    "signature-without-padding", "pass" { field: "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject; bh={bh}; b={b}", changes: &[("==\r\nFrom", "\r\nFrom")] }
};

struct Keys {
    rsa: RsaKeyPair,
    ed: Ed25519KeyPair,
}

/// All of them, signed anew, and the keys' records.
pub fn cases() -> (Vec<Case>, Vec<Record>) {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let keys = Keys { rsa, ed: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key") };
    let spki: PublicKeyX509Der<'_> = keys.rsa.public_key().as_der().expect("a public key");
    let (mut cases, mut records) = (Vec::new(), Vec::new());
    for own in ALL {
        let name = format!("own/{}", own.name);
        let fill = |text: &str| {
            text.replace("{rsa}", &STANDARD.encode(spki.as_ref()))
                .replace("{pkcs1}", &STANDARD.encode(keys.rsa.public_key().as_ref()))
                .replace("{ed}", &STANDARD.encode(keys.ed.public_key().as_ref()))
        };
        let status = own.records.strip_prefix('!');
        records.push(Record {
            zone: name.clone(),
            name: own.key_name.to_owned(),
            record_type: "TXT".to_owned(),
            status: status.unwrap_or("NOERROR").to_owned(),
            data: if status.is_some() { vec![] } else { own.records.lines().map(fill).collect() },
        });
        let mut message = signed(own, &keys);
        for (from, to) in own.changes {
            assert!(message.contains(from), "{name}: {from:?}");
            message = message.replace(from, to);
        }
        cases.push(Case {
            zone: name.clone(),
            name,
            message: message.into_bytes(),
            at: AT,
            envelope: None,
            expected: vec![("dkim", own.expected)],
        });
    }
    (cases, records)
}

fn signed(own: &Own, keys: &Keys) -> String {
    let tag = |name: &str| {
        let tags = own.field.split_once(':').map_or("", |(_, tags)| tags);
        tags.split(';')
            .filter_map(|tag| tag.split_once('='))
            .find(|(known, _)| known.trim() == name)
            .map(|(_, value)| value.trim())
    };
    let (header_form, body_form) =
        tag("c").map_or(("simple", "simple"), |form| form.split_once('/').unwrap_or((form, "simple")));
    let mut body = canonical_body(own.body.as_bytes(), body_form);
    if let Some(length) = tag("l").and_then(|length| length.parse().ok()) {
        body.truncate(length);
    }
    let field = own.field.replace("{bh}", &STANDARD.encode(digest(&SHA256, &body)));
    let mut rest = header_fields(own.header.trim_end_matches("\r\n"));
    let mut covered = String::new();
    for name in tag("h").unwrap_or_default().split(':').map(str::trim) {
        let is_named =
            |field: &String| field.split_once(':').is_some_and(|(of, _)| of.trim_end().eq_ignore_ascii_case(name));
        if let Some(place) = rest.iter().rposition(is_named) {
            covered.push_str(&canonical_field(&rest.remove(place), header_form));
            covered.push_str("\r\n");
        }
    }
    // RFC 6376, 3.7: the value goes with all white space around it.
    let (before, after) = field.split_once("{b}").unwrap_or((&field, ""));
    let (before, after) = (before.trim_end(), after.trim_start());
    covered.push_str(&canonical_field(&format!("{before}{after}"), header_form));
    let signature = if own.field.contains("ed25519") {
        keys.ed.sign(digest(&SHA256, covered.as_bytes()).as_ref()).as_ref().to_vec()
    } else {
        let mut signature = vec![0; keys.rsa.public_modulus_len()];
        keys.rsa
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), covered.as_bytes(), &mut signature)
            .expect("a signature");
        signature
    };
    // Folded, as signers do it.
    let signature = STANDARD.encode(signature);
    let lines: Vec<&str> =
        (0..signature.len()).step_by(60).map(|at| &signature[at..signature.len().min(at + 60)]).collect();
    format!("{}\r\n{}\r\n{}", field.replace("{b}", &lines.join("\r\n  ")), own.header, own.body)
}
