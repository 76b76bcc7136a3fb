//! SPF on saved answers: the result, and what is told beside it.

mod support;

use auth::spf::{Client, Identity, Limit, Reached, SpfCheck, check};
use support::{Closed, answers, listed, word, zone};

fn client(ip: &str, sender: &str) -> Client {
    Client {
        ip: ip.parse().unwrap(),
        helo: "mail.example.net".to_owned(),
        sender: sender.to_owned(),
        receiver: Some("mx.example.org".to_owned()),
    }
}

fn run(ip: &str, sender: &str, lines: &str) -> SpfCheck {
    check(&client(ip, sender), Identity::MailFrom, &answers(&zone(lines)))
}

const ESP: &str = "
    TXT example.com v=spf1 ip4:192.0.2.0/28 include:_spf.esp.example mx a:web.example.com -all exp=why.example.com
    TXT example.com some other text
    TXT _spf.esp.example v=spf1 include:_a.esp.example include:_b.esp.example ~all
    TXT _a.esp.example v=spf1 ip4:198.51.100.0/24 -all
    TXT _b.esp.example v=spf1 a:b.esp.example ip6:2001:db8::/32
    A b.esp.example 203.0.113.9
    AAAA b.esp.example !NOERROR
    MX example.com 20 mx2.example.com.
    MX example.com 10 mx1.example.com.
    A mx1.example.com 192.0.2.101
    A mx2.example.com 192.0.2.102
    A web.example.com 192.0.2.103
    TXT why.example.com %{i} is not of %{o}; see http://example.com/?s=%{S}
";

#[test]
fn ok_the_deciding_term() {
    for (ip, result, reason, lookups) in [
        ("192.0.2.7", "pass", "The client matches ip4:192.0.2.0/28 of example.com.", 0),
        (
            "198.51.100.7",
            "pass",
            "The client matches ip4:198.51.100.0/24 of _a.esp.example (by include:_spf.esp.example of example.com, \
             include:_a.esp.example of _spf.esp.example).",
            2,
        ),
        (
            "2001:db8::7",
            "pass",
            "The client matches ip6:2001:db8::/32 of _b.esp.example (by include:_spf.esp.example of example.com, \
             include:_b.esp.example of _spf.esp.example).",
            4,
        ),
        ("192.0.2.102", "pass", "The client matches mx of example.com.", 5),
        ("::ffff:192.0.2.103", "pass", "The client matches a:web.example.com of example.com.", 6),
        ("203.0.113.1", "fail", "The client matches -all of example.com.", 6),
    ] {
        let check = run(ip, "bob@Example.com", ESP);
        assert_eq!(
            (word(&check.result), check.reason.to_string(), check.lookups),
            (result.to_owned(), reason.to_owned(), lookups),
            "{ip}"
        );
        assert_eq!(check.total_lookups, Some(6), "{ip}");
        assert!(check.needs.is_empty(), "{ip}");
        assert_eq!(check.domain, "example.com");
        assert!(check.record.unwrap().1.starts_with("v=spf1 ip4"), "{ip}");
    }
}

#[test]
fn ok_explanation() {
    let check = run("203.0.113.1", "bob@example.com", ESP);
    let said = "203.0.113.1 is not of example.com; see http://example.com/?s=bob%40example.com";
    assert_eq!(check.explanation.as_deref(), Some(said));

    let without = ESP.lines().filter(|line| !line.contains("TXT why")).collect::<Vec<_>>().join("\n");
    let check = run("203.0.113.1", "bob@example.com", &without);
    assert_eq!((word(&check.result).as_str(), check.explanation), ("fail", None));
    assert_eq!((listed(&check.needs), listed(&check.would_add)), (String::new(), "TXT why.example.com".to_owned()));
}

#[test]
fn ok_lookup_tree() {
    let check = run("198.51.100.7", "bob@example.com", ESP);
    let tree: Vec<String> = check
        .lookup_tree
        .iter()
        .map(|step| {
            let mark = if step.reached == Reached::Evaluated { "" } else { " (not reached)" };
            format!("{}{} {}{mark}", "  ".repeat(step.depth as usize), step.count, step.term)
        })
        .collect();
    assert_eq!(
        tree,
        [
            "1 include:_spf.esp.example",
            "  2 include:_a.esp.example",
            "  3 include:_b.esp.example (not reached)",
            "    4 a:b.esp.example (not reached)",
            "5 mx (not reached)",
            "6 a:web.example.com (not reached)",
        ]
    );
}

/// What is missing is asked for in as few rounds as can be; what decides before it is a result all the same.
#[test]
fn ok_missing_answers() {
    for (name, ip, lines, result, needs) in [
        ("no record saved", "192.0.2.1", "", "?", "TXT example.com"),
        ("a match before", "192.0.2.1", "TXT example.com v=spf1 ip4:192.0.2.1 include:a.example -all", "pass", ""),
        (
            "the names of all terms that are known",
            "192.0.2.1",
            "TXT example.com v=spf1 include:a.example a mx exists:%{i}.x.example ptr ip4:192.0.2.1 redirect=b.example",
            "?",
            "TXT a.example, A example.com, MX example.com, A 192.0.2.1.x.example, PTR 1.2.0.192.in-addr.arpa",
        ),
        (
            "and of the redirect, if it may be reached",
            "2001:db8::1",
            "TXT example.com v=spf1 a redirect=b.example",
            "?",
            "AAAA example.com, TXT b.example",
        ),
        (
            "exchangers after one that is missing",
            "192.0.2.1",
            "TXT example.com v=spf1 mx -all\nMX example.com 10 a.example\nMX example.com 20 b.example\n\
             A b.example 192.0.2.1",
            "?",
            "A a.example",
        ),
        (
            "exchangers after the one that matches",
            "192.0.2.1",
            "TXT example.com v=spf1 mx -all\nMX example.com 10 b.example\nMX example.com 20 a.example\n\
             A b.example 192.0.2.1",
            "pass",
            "",
        ),
        (
            "names of the client that cannot matter",
            "192.0.2.1",
            "TXT example.com v=spf1 ptr -all\nPTR 1.2.0.192.in-addr.arpa a.example.org\n\
             PTR 1.2.0.192.in-addr.arpa b.example.com\nA b.example.com 192.0.2.1",
            "pass",
            "",
        ),
        (
            "a bad term after the missing answer",
            "192.0.2.1",
            "TXT example.com v=spf1 include:a.example ip4:nowhere -all",
            "permerror",
            "",
        ),
        (
            "an error after the missing answer",
            "192.0.2.1",
            "TXT example.com v=spf1 include:a.example a -all\nA example.com !SERVFAIL",
            "?",
            "TXT a.example",
        ),
        (
            "an unknown name within a name",
            "192.0.2.1",
            "TXT example.com v=spf1 exists:%{p}.x.example -all",
            "?",
            "PTR 1.2.0.192.in-addr.arpa",
        ),
    ] {
        let check = run(ip, "bob@example.com", lines);
        assert_eq!((word(&check.result).as_str(), listed(&check.needs).as_str()), (result, needs), "{name}");
    }
}

#[test]
fn ok_three_kinds_of_nothing() {
    for (lines, result, reason) in [
        ("TXT example.com !NXDOMAIN", "none", "example.com does not exist."),
        ("TXT example.com !NOERROR", "none", "example.com has no SPF record."),
        ("TXT example.com v=spf10 -all", "none", "example.com has no SPF record."),
        ("TXT example.com !TIMEOUT", "temperror", "The DNS gave no answer to TXT example.com (TIMEOUT)."),
        ("", "?", "The answer to TXT example.com was not saved."),
        (
            "TXT example.com v=spf1 -all\nTXT example.com v=spf1 +all",
            "permerror",
            "example.com has 2 SPF records, and may have only one.",
        ),
        (
            "TXT example.com v=spf1 a:192.0.2.1 -all",
            "permerror",
            "The record of example.com cannot be read at `a:192.0.2.1`: an address stands where a domain is due; `ip4:` or \
             `ip6:` was meant.",
        ),
        (
            "TXT example.com v=spf1 include:a.example -all\nTXT a.example !NXDOMAIN",
            "permerror",
            "`include:a.example` in the record of example.com leads to a.example, which has no SPF record.",
        ),
        (
            "TXT example.com v=spf1 ip4:198.51.100.1",
            "neutral",
            "No mechanism matches the client, and the record of example.com says nothing of others.",
        ),
    ] {
        let check = run("192.0.2.1", "bob@example.com", lines);
        assert_eq!((word(&check.result).as_str(), check.reason.to_string().as_str()), (result, reason), "{lines}");
    }
}

#[test]
fn ok_identities() {
    let lines =
        "TXT mail.example.net v=spf1 ip4:192.0.2.1 exists:%{l}.%{h} -all\nA postmaster.mail.example.net 192.0.2.9
        TXT xn--bcher-kva.example v=spf1 exists:%{o} -all\nA xn--bcher-kva.example 192.0.2.9";
    for (identity, sender, result, domain) in [
        (Identity::MailFrom, "", "pass", "mail.example.net"),
        (Identity::MailFrom, "<>", "pass", "mail.example.net"),
        (Identity::Helo, "bob@example.com", "pass", "mail.example.net"),
        (Identity::MailFrom, "bob@[192.0.2.1]", "none", "[192.0.2.1]"),
        (Identity::MailFrom, "bob@localhost", "none", "localhost"),
        (Identity::MailFrom, "bob@B\u{fc}cher.example", "pass", "xn--bcher-kva.example"),
    ] {
        let check = check(&client("192.0.2.3", sender), identity, &answers(&zone(lines)));
        assert_eq!((word(&check.result).as_str(), check.domain.as_str()), (result, domain), "{identity:?} {sender}");
    }
    // A local part beyond ASCII has no name in the DNS (RFC 8616, 4).
    let lines = "TXT example.com v=spf1 exists:%{l}.example.com -all";
    assert_eq!(word(&run("192.0.2.3", "b\u{fc}@example.com", lines).result), "fail");
}

#[test]
fn ok_limits() {
    let eleven = format!("TXT example.com v=spf1 {} -all", "a:h.example ".repeat(11).trim());
    let in_include = "TXT example.com v=spf1 a:h.example a:h.example include:e.example -all
        TXT e.example v=spf1 a:h.example a:h.example a:h.example a:h.example include:f.example a:h.example a:h.example
        TXT f.example v=spf1 a:h.example a:h.example";
    let empty = "TXT example.com v=spf1 a:n1.example exists:n2.example mx:n3.example -all
        A n1.example !NXDOMAIN\nA n2.example !NOERROR\nMX n3.example !NXDOMAIN";
    let many: String = (10..=20).map(|n| format!("MX example.com {n} h.example.\n")).collect();
    let many = format!("TXT example.com v=spf1 mx -all\n{many}");
    for (name, lines, limit, domain, term, total) in [
        ("eleven", eleven.as_str(), Limit::Lookups, "example.com", "a:h.example", Some(11)),
        ("in an include", in_include, Limit::Lookups, "e.example", "a:h.example", None),
        ("empty", empty, Limit::VoidLookups, "example.com", "mx:n3.example", Some(3)),
        ("exchangers", many.as_str(), Limit::MailExchangers, "example.com", "mx", Some(1)),
    ] {
        let check = run("192.0.2.1", "bob@example.com", &format!("{lines}\nA h.example 198.51.100.1"));
        let over = check.over_limit.unwrap_or_else(|| panic!("{name}: {}", check.reason));
        assert_eq!((over.limit, over.domain.as_str(), over.term.as_str()), (limit, domain, term), "{name}");
        assert_eq!(word(&check.result), "permerror", "{name}");
        if let Some(total) = total {
            assert_eq!(check.total_lookups, Some(total), "{name}");
        }
    }
    let check = run("192.0.2.1", "bob@example.com", &format!("{in_include}\nA h.example 198.51.100.1"));
    assert_eq!((check.lookups, check.total_lookups), (11, Some(12)));
    let sentence = "`a:h.example` in the record of e.example would be look-up 11; 10 are allowed.";
    assert_eq!(check.reason.to_string(), sentence);
}

#[test]
fn ok_endless_records() {
    for lines in [
        "TXT example.com v=spf1 redirect=example.com",
        "TXT example.com v=spf1 include:example.com include:example.com -all",
        "TXT example.com v=spf1 ip4:192.0.2.1 include:example.com include:example.com include:example.com -all",
    ] {
        let zone = zone(lines);
        let check = check(&client("192.0.2.1", "bob@example.com"), Identity::MailFrom, &Closed(answers(&zone)));
        assert_eq!(check.total_lookups, None, "{lines}");
        assert!(check.lookup_tree.len() <= 100, "{lines}");
        assert_ne!(check.result, None, "{lines}");
    }
}

/// Run with `cargo test -p auth --release --test spf -- --ignored --nocapture`.
#[test]
#[ignore = "measures; of use in a release build only"]
fn how_fast() {
    let saved = answers(&zone(ESP));
    let rounds = 20_000_u32;
    for (name, ip) in [("first term", "192.0.2.7"), ("second include", "2001:db8::7"), ("to the end", "203.0.113.1")] {
        let client = client(ip, "bob@example.com");
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(check(std::hint::black_box(&client), Identity::MailFrom, &saved));
        }
        let each = start.elapsed() / rounds;
        println!("{name}: {each:?} a check");
        assert!(each.as_micros() < 100, "10,000 checks a second are the least");
    }
}
