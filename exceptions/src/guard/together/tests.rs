//! Steps that are narrow one by one: broad together, or not.

use std::collections::BTreeSet;

use evidence::Identifier;
use lake::Lake;
use sources::{Clock, Input, Message, NoProgress, proposed};

use crate::{Answer, Need, World, check};

fn clock() -> Clock {
    let reference = "2026-05-02T12:00:00Z".parse().expect("an instant");
    Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference }
}

/// Evidence out of files of any kind.
fn lake(files: &[(&str, String)]) -> Lake {
    let clock = clock();
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, text)| Input { name: (*name).into(), bytes: text.as_bytes() }).collect();
    let ids = [Identifier::MessageId("none@x.example".to_owned())].into();
    let message = Message { ids, ..Message::default() };
    Lake::of(sources::read_all(&inputs, message, &clock, &NoProgress).expect("readings"))
}

fn rows(text: &str, there: &[(&str, String)], needs: &[Need]) -> (Answer, Vec<&'static str>) {
    let clock = clock();
    let lake = lake(there);
    let input = Input { name: "candidate.json".into(), bytes: text.as_bytes() };
    let world = World { lake: &lake, needs, now: Some(clock.reference) };
    let checked = check(&proposed::read(&input, &clock), &world);
    let rows: BTreeSet<&'static str> = checked.together.iter().map(|reason| reason.row).collect();
    (checked.answer, rows.into_iter().collect())
}

fn managed(entries: &[(String, String)]) -> String {
    let of = |(sender, to): &(String, String)| {
        format!(r#"{{"id":"MTOKEN:x","sender":"{sender}","to":"{to}","type":"Permit"}}"#)
    };
    let entries: Vec<String> = entries.iter().map(of).collect();
    format!(r#"{{"meta":{{"status":200}},"data":[{}],"fail":[]}}"#, entries.join(","))
}

fn each(senders: impl Iterator<Item = String>, to: &str) -> String {
    managed(&senders.map(|sender| (sender, to.to_owned())).collect::<Vec<_>>())
}

#[test]
fn ok_parties() {
    let one = |sender: &str, to: &str| (sender.to_owned(), to.to_owned());
    let numbered = |count: usize, domain: &'static str| (0..count).map(move |at| format!("a{at}@{domain}"));
    for (name, text, there, answer, expected) in [
        (
            "two unrelated",
            managed(&[one("a@x.example", "bob@example.com"), one("b@y.example", "ann@example.com")]),
            vec![],
            Answer::Narrow,
            vec![],
        ),
        ("two of one domain", each(numbered(2, "x.example"), "bob@example.com"), vec![], Answer::Narrow, vec![]),
        ("many of one domain", each(numbered(12, "x.example"), "bob@example.com"), vec![], Answer::Broad, vec!["T1"]),
        ("many of a provider", each(numbered(12, "gmail.com"), "bob@example.com"), vec![], Answer::Narrow, vec![]),
        (
            "many of one domain, each for another recipient",
            managed(&(0..12).map(|at| (format!("a{at}@x.example"), format!("r{at}@example.com"))).collect::<Vec<_>>()),
            vec![],
            Answer::Broad,
            vec!["T1"],
        ),
        (
            "one more of one domain",
            each(["new@x.example".to_owned()].into_iter(), "bob@example.com"),
            vec![("there.json", each(numbered(11, "x.example"), "bob@example.com"))],
            Answer::Broad,
            vec!["T1"],
        ),
        (
            "one of another domain",
            each(["new@y.example".to_owned()].into_iter(), "bob@example.com"),
            vec![("there.json", each(numbered(11, "x.example"), "bob@example.com"))],
            Answer::Narrow,
            vec![],
        ),
        (
            "many recipients",
            managed(&(0..12).map(|at| one("a@x.example", &format!("r{at}@example.com"))).collect::<Vec<_>>()),
            vec![],
            Answer::Broad,
            vec!["T2"],
        ),
        (
            "the same again",
            managed(&[one("a@x.example", "bob@example.com")]),
            vec![("there.json", managed(&[one("a@x.example", "bob@example.com")]))],
            Answer::Narrow,
            vec!["T7"],
        ),
    ] {
        assert_eq!(rows(&text, &there, &[]), (answer, expected), "{name}");
    }
}

/// Bypass policies for one address, each by one network.
fn policies(networks: &[&str]) -> String {
    let of = |network: &&str| {
        format!(
            r#"{{"id":"p","policyType":"Message Passthrough","policy":{{"description":"T-1","fromPart":"envelope_from","enabled":true,"fromEternal":true,"toEternal":false,"toDate":"2026-06-01T00:00:00+0000","override":false,"from":{{"type":"individual_email_address","emailAddress":"a@x.example"}},"to":{{"type":"everyone"}},"conditions":{{"sourceIPs":["{network}"]}}}}}}"#
        )
    };
    format!(r#"{{"data":[{}]}}"#, networks.iter().map(of).collect::<Vec<_>>().join(","))
}

#[test]
fn ok_networks() {
    for (name, networks, answer, expected) in [
        ("halves of a wide one", &["198.51.100.0/24", "198.51.101.0/24"][..], Answer::Broad, vec!["T3"]),
        ("halves of a narrow one", &["198.51.100.0/25", "198.51.100.128/25"], Answer::Narrow, vec![]),
        ("two apart", &["198.51.100.0/24", "203.0.113.0/24"], Answer::Narrow, vec![]),
        ("two addresses", &["198.51.100.255/32", "198.51.101.0/32"], Answer::Narrow, vec![]),
    ] {
        assert_eq!(rows(&policies(networks), &[], &[]), (answer, expected), "{name}");
    }
}

#[test]
fn ok_joined() {
    let ip = |text: &str| text.parse().expect("an address");
    let pairs = |ranges: &[(&str, &str)]| ranges.iter().map(|(first, last)| (ip(first), ip(last))).collect::<Vec<_>>();
    for (name, ranges, expected) in [
        (
            "apart",
            &[("192.0.2.1", "192.0.2.2"), ("192.0.2.9", "192.0.2.9")][..],
            &[("192.0.2.1", "192.0.2.2"), ("192.0.2.9", "192.0.2.9")][..],
        ),
        ("adjoining", &[("192.0.2.3", "192.0.2.9"), ("192.0.2.1", "192.0.2.2")], &[("192.0.2.1", "192.0.2.9")]),
        ("within", &[("192.0.2.1", "192.0.2.9"), ("192.0.2.2", "192.0.2.3")], &[("192.0.2.1", "192.0.2.9")]),
        (
            "the end of all",
            &[("255.255.255.255", "255.255.255.255"), ("::", "::1")],
            &[("255.255.255.255", "255.255.255.255"), ("::", "::1")],
        ),
    ] {
        assert_eq!(super::joined(pairs(ranges)), pairs(expected), "{name}");
    }
}

/// One rule marks mail, and another trusts the mark.
#[test]
fn ok_marks() {
    let trusting = "New-TransportRule -Name trusts -From ann@vendor.example -SentTo bob@example.com \
        -HeaderContainsMessageHeader X-Checked -HeaderContainsWords yes -SetSCL -1 -ExpiryDate 2026-06-01";
    let marking = |condition: &str, header: &str| {
        format!("New-TransportRule -Name marks {condition} -SetHeaderName {header} -SetHeaderValue yes")
    };
    for (name, mark, expected) in [
        ("a mark for a domain", marking("-SenderDomainIs vendor.example", "X-Checked"), true),
        ("a mark for all", marking("", "x-checked"), true),
        ("a mark that nobody trusts", marking("-SenderDomainIs vendor.example", "X-Ticket"), false),
        (
            "a mark for a proved sender",
            marking("-From ann@vendor.example -SenderIpRanges 192.0.2.7", "X-Checked"),
            false,
        ),
    ] {
        let (_, rows) = rows(&format!("{mark}\n{trusting}\n"), &[], &[]);
        assert_eq!(rows.contains(&"T4"), expected, "{name}: {rows:?}");
    }
}

/// The same sender at two layers.
#[test]
fn ok_layers() {
    let entry = |sender: &str| {
        format!(
            "New-TenantAllowBlockListItems -Allow -ListType Sender -Entries {sender} -ExpirationDate 2026-05-20 -Notes T1\n"
        )
    };
    let there = |sender: &str, to: &str| vec![("there.json", managed(&[(sender.to_owned(), to.to_owned())]))];
    for (name, text, there, expected) in [
        ("another sender", entry("ann@vendor.example"), there("eve@other.example", "bob@example.com"), vec![]),
        (
            "one person's own list",
            entry("ann@vendor.example"),
            there("ann@vendor.example", "bob@example.com"),
            vec!["T8"],
        ),
        ("the whole domain", entry("ann@vendor.example"), there("vendor.example", "bob@example.com"), vec!["T5"]),
    ] {
        assert_eq!(rows(&text, &there, &[]).1, expected, "{name}");
    }
}
