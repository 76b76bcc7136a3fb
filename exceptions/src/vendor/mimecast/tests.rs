//! What the guard says of changes to Mimecast: as an export shows them, in each disguise, with look-alikes.

use lake::Lake;
use sources::{Clock, Input, proposed};

use crate::{Answer, Checked, Need, World, check};

fn clock() -> Clock {
    let reference = "2026-05-02T12:00:00Z".parse().expect("an instant");
    Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference }
}

fn checked(text: &str, needs: &[Need]) -> Checked {
    let input = Input { name: "candidate.json".into(), bytes: text.as_bytes() };
    let (lake, clock) = (Lake::default(), clock());
    check(&proposed::read(&input, &clock), &World { lake: &lake, needs, now: Some(clock.reference) })
}

fn rows(checked: &Checked) -> Vec<&str> {
    checked.reasons().map(|reason| reason.row).filter(|row| !row.is_empty() && !row.starts_with("MO")).collect()
}

fn expect(name: &str, text: &str, answer: Answer, expected: &[&str]) {
    let checked = checked(text, &[]);
    assert_eq!((checked.answer, rows(&checked)), (answer, expected.to_vec()), "{name}: {checked:#?}");
}

/// A managed sender as the API answers.
fn managed(sender: &str, to: &str, word: &str) -> String {
    format!(
        r#"{{"meta":{{"status":200}},"data":[{{"id":"MTOKEN:abc","sender":"{sender}","to":"{to}","type":"{word}"}}],"fail":[]}}"#
    )
}

#[test]
fn ok_managed_senders() {
    use Answer::{Broad, Narrow};
    for (name, sender, to, word, answer, expected) in [
        ("one to one", "news@vendor.example", "bob@example.com", "Permit", Narrow, &["MN1"][..]),
        ("upper case", "NEWS@VENDOR.EXAMPLE", "BOB@EXAMPLE.COM", "PERMIT", Narrow, &["MN1"]),
        ("a user of a mailbox provider", "ann@gmail.com", "bob@example.com", "Permit", Narrow, &["MN1"]),
        ("domain", "vendor.example", "bob@example.com", "Permit", Broad, &["MB2"]),
        ("domain with @", "@vendor.example", "bob@example.com", "Permit", Broad, &["MB2"]),
        ("domain as *@", "*@vendor.example", "bob@example.com", "Permit", Broad, &["MB2"]),
        ("provider", "gmail.com", "bob@example.com", "Permit", Broad, &["MB12", "MB2"]),
        ("all", "*", "bob@example.com", "Permit", Broad, &["MB1"]),
        ("a top-level domain", ".com", "bob@example.com", "Permit", Broad, &["MB1"]),
        ("pattern", "n*@vendor.example", "bob@example.com", "Permit", Broad, &["MB1"]),
        ("for a domain", "news@vendor.example", "example.com", "Permit", Broad, &["MB17"]),
        ("for all", "news@vendor.example", "*", "Permit", Broad, &["MB17"]),
        ("block", "news@vendor.example", "bob@example.com", "Block", Narrow, &["MN6"]),
        ("off", "news@vendor.example", "bob@example.com", "Auto Allow (disabled)", Narrow, &["MN5"]),
    ] {
        expect(name, &managed(sender, to, word), answer, expected);
    }
}

/// A policy as the API answers, with what is said of its sides, its validity and its flags.
fn policy(kind: &str, parts: &str) -> String {
    format!(
        r#"{{"data":[{{"id":"p1","policyType":"{kind}","policy":{{"description":"TICKET-1","fromPart":"envelope_from","enabled":true,"enforced":true,"fromEternal":true,{parts}}}}}]}}"#
    )
}

const ENDS: &str = r#""toEternal":false,"toDate":"2026-06-01T00:00:00+0000","override":false,"bidirectional":false"#;
const ONE: &str = r#""from":{"type":"individual_email_address","emailAddress":"ann@vendor.example"}"#;
const TO_ONE: &str = r#""to":{"type":"individual_email_address","emailAddress":"bob@example.com"}"#;
const BY_ADDRESS: &str = r#""conditions":{"sourceIPs":["192.0.2.7/32"]}"#;

#[test]
fn ok_policies() {
    use Answer::{Broad, Narrow, Unknown};
    let everyone = r#""from":{"type":"everyone"}"#;
    let outside = r#""from":{"type":"external_addresses"}"#;
    let domain = r#""from":{"type":"email_domain","emailDomain":"vendor.example"}"#;
    let disguised = r#""from":{"type":"individual_email_address","emailAddress":"*@vendor.example"}"#;
    let group = r#""from":{"type":"profile_group","groupId":"g1"}"#;
    let to_all = r#""to":{"type":"everyone"}"#;
    let to_group = r#""to":{"type":"profile_group","groupId":"g2"}"#;
    let wide = r#""conditions":{"sourceIPs":["10.0.0.0/8"]}"#;
    let spf = r#""conditions":{"spfDomains":["saas.example"]}"#;
    let eternal = r#""toEternal":true,"override":false"#;
    let far = r#""toEternal":false,"toDate":"2100-01-01T23:59:59+0000","override":false"#;
    let passed = r#""toEternal":false,"toDate":"2026-04-01T00:00:00+0000","override":false"#;
    let overriding = r#""toEternal":false,"toDate":"2026-06-01T00:00:00+0000","override":true"#;
    let both_ways = r#""toEternal":false,"toDate":"2026-06-01T00:00:00+0000","override":false,"bidirectional":true"#;
    let impersonation = "Impersonation Protection Bypass";
    for (name, kind, parts, answer, expected) in [
        ("one to one", impersonation, [ONE, TO_ONE, BY_ADDRESS, ENDS], Narrow, &["MN2"][..]),
        ("one to one, no address", impersonation, [ONE, TO_ONE, "\"x\":1", ENDS], Narrow, &["MN2"]),
        ("to a group, by address", impersonation, [ONE, to_group, BY_ADDRESS, ENDS], Narrow, &["MN2"]),
        ("to a group", impersonation, [ONE, to_group, "\"x\":1", ENDS], Broad, &["MB6"]),
        ("to all", impersonation, [ONE, to_all, BY_ADDRESS, ENDS], Broad, &["MB6"]),
        ("structure to all, by address", "Message Passthrough", [ONE, to_all, BY_ADDRESS, ENDS], Narrow, &["MN2"]),
        ("structure to all", "Message Passthrough", [ONE, to_all, "\"x\":1", ENDS], Broad, &["MB6"]),
        ("dns, by address", "DNS Authentication - Inbound", [ONE, to_all, BY_ADDRESS, ENDS], Narrow, &["MN2"]),
        ("own domain by address", "Anti-Spoofing SPF based Bypass", [ONE, to_all, spf, ENDS], Narrow, &["MN2"]),
        ("own domain by nothing", "Anti-Spoofing Bypass", [ONE, TO_ONE, "\"x\":1", ENDS], Broad, &["MB13"]),
        ("from everyone", impersonation, [everyone, TO_ONE, "\"x\":1", ENDS], Broad, &["MB1"]),
        ("from outside", impersonation, [outside, TO_ONE, "\"x\":1", ENDS], Broad, &["MB1"]),
        ("domain", impersonation, [domain, TO_ONE, BY_ADDRESS, ENDS], Broad, &["MB2"]),
        ("domain as one address", impersonation, [disguised, TO_ONE, BY_ADDRESS, ENDS], Broad, &["MB2"]),
        ("group", impersonation, [group, TO_ONE, "\"x\":1", ENDS], Broad, &["MB2"]),
        ("wide network", impersonation, [ONE, TO_ONE, wide, ENDS], Broad, &["MB10"]),
        ("no end", impersonation, [ONE, TO_ONE, BY_ADDRESS, eternal], Broad, &["MB3"]),
        ("end for ever", impersonation, [ONE, TO_ONE, BY_ADDRESS, far], Broad, &["MB3"]),
        ("passed", impersonation, [ONE, TO_ONE, BY_ADDRESS, passed], Answer::Useless, &["MX3"]),
        ("overrides", impersonation, [ONE, TO_ONE, BY_ADDRESS, overriding], Broad, &["MB4"]),
        ("both ways", impersonation, [ONE, TO_ONE, BY_ADDRESS, both_ways], Broad, &["MB5"]),
        ("malware", "Suspected Malware Bypass", [ONE, TO_ONE, BY_ADDRESS, ENDS], Broad, &["MB7"]),
        ("permit", "Permitted Senders", [ONE, TO_ONE, BY_ADDRESS, ENDS], Narrow, &["MN2"]),
        ("no type", "", [ONE, TO_ONE, BY_ADDRESS, ENDS], Unknown, &["MU1"]),
    ] {
        expect(name, &policy(kind, &parts.join(",")), answer, expected);
    }
}

#[test]
fn ok_managed_urls() {
    use Answer::{Broad, Narrow};
    let url = |host: &str, path: &str, kind: &str, action: &str| {
        format!(
            r#"{{"data":[{{"id":"u1","scheme":"https","domain":"{host}","port":-1,"path":"{path}","matchType":"{kind}","action":"{action}","disableRewrite":false,"disableLogClick":false,"disableUserAwareness":true}}]}}"#
        )
    };
    for (name, text, answer, expected) in [
        ("one link", url("files.vendor.example", "/a", "explicit", "permit"), Narrow, &["MN3"][..]),
        ("one link of a site of all", url("sharepoint.com", "/a", "explicit", "permit"), Narrow, &["MN3"]),
        ("domain", url("files.vendor.example", "", "domain", "permit"), Broad, &["MB8"]),
        ("site of all", url("vendor.sharepoint.com", "", "domain", "permit"), Broad, &["MB9"]),
        ("wild card", url("*.vendor.example", "/", "explicit", "permit"), Broad, &["MB8"]),
        ("block", url("files.vendor.example", "", "domain", "block"), Narrow, &["MN6"]),
    ] {
        expect(name, &text, answer, expected);
    }
}
