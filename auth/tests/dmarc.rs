//! DMARC on saved answers: the examples of RFC 9989 in domains of our own, and what is told beside the result.

mod support;

use auth::dmarc::{Alignment, Authenticated, DmarcCheck, Policy, PolicyTag, check};
use auth::{Answer, Dns, RecordType};
use evidence::{AuthMethod, AuthResult};
use support::{Closed, answers, listed, word, zone};

/// Reads `spf pass bounce.example.com`.
fn authenticated(text: &str) -> Vec<Authenticated> {
    text.split(", ")
        .filter(|one| !one.is_empty())
        .map(|one| {
            let words: Vec<&str> = one.split(' ').collect();
            let method = if words[0] == "spf" { AuthMethod::Spf } else { AuthMethod::Dkim };
            let result = match words[1] {
                "pass" => Some(AuthResult::Pass),
                "fail" => Some(AuthResult::Fail),
                "temperror" => Some(AuthResult::TempError),
                "?" => None,
                other => Some(AuthResult::Other(other.to_owned())),
            };
            Authenticated { method, domain: words[2].to_owned(), result }
        })
        .collect()
}

fn run(author: &str, identifiers: &str, dns: &dyn Dns) -> DmarcCheck {
    check(&[author.to_owned()], &authenticated(identifiers), dns)
}

/// Every name that is not in the lines does not exist.
fn closed(author: &str, identifiers: &str, lines: &str) -> DmarcCheck {
    run(author, identifiers, &Closed(answers(&zone(lines))))
}

/// Every name that is not in the lines was not saved.
fn open(author: &str, identifiers: &str, lines: &str) -> DmarcCheck {
    run(author, identifiers, &answers(&zone(lines)))
}

const PLAIN: &str = "TXT _dmarc.example.com v=DMARC1; p=reject";
const BANK: &str =
    "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y\nTXT _dmarc.giant.bank.example v=DMARC1; p=quarantine";

#[test]
fn ok_results() {
    let strict = "TXT _dmarc.example.com v=DMARC1; p=reject; aspf=s; adkim=s";
    let split = "TXT _dmarc.example.com v=DMARC1; p=reject\nTXT _dmarc.unit.example.com v=DMARC1; p=none; psd=n";
    for (name, lines, author, identifiers, expected) in [
        ("SPF, identical", PLAIN, "example.com", "spf pass example.com", "pass"),
        ("SPF, a child", PLAIN, "example.com", "spf pass child.example.com", "pass"),
        ("SPF, another", PLAIN, "child.example.com", "spf pass example.net", "fail"),
        ("DKIM, identical", PLAIN, "example.com", "dkim pass Example.COM.", "pass"),
        ("DKIM, the parent", PLAIN, "child.example.com", "dkim pass example.com", "pass"),
        ("DKIM, another", PLAIN, "child.example.com", "dkim pass example.net", "fail"),
        ("siblings", PLAIN, "a.example.com", "dkim pass b.example.com", "pass"),
        ("the top in common", PLAIN, "example.com", "dkim pass example.org.com", "fail"),
        ("strict, identical", strict, "example.com", "spf pass example.com", "pass"),
        ("strict, a child", strict, "example.com", "spf pass child.example.com", "fail"),
        ("nothing passed", PLAIN, "example.com", "spf fail example.com, dkim fail example.com", "fail"),
        ("nothing there", PLAIN, "example.com", "", "fail"),
        (
            "one of several",
            PLAIN,
            "example.com",
            "dkim fail example.com, dkim pass example.net, spf pass example.com",
            "pass",
        ),
        ("no record", "", "example.com", "spf pass example.com", "none"),
        ("two records", "TXT _dmarc.example.com v=DMARC1\nTXT _dmarc.example.com v=DMARC1;", "example.com", "", "none"),
        ("an organization within", split, "unit.example.com", "dkim pass example.com", "fail"),
        ("below it", split, "a.unit.example.com", "dkim pass b.unit.example.com", "pass"),
        ("beside it", split, "example.com", "dkim pass a.unit.example.com", "fail"),
        ("a bank, its own", BANK, "giant.bank.example", "spf pass mail.giant.bank.example", "pass"),
        ("a bank, another", BANK, "giant.bank.example", "dkim pass mail.mega.bank.example", "fail"),
        ("a bank without a record", BANK, "mega.bank.example", "dkim pass mail.mega.bank.example", "pass"),
        ("the suffix for a bank", BANK, "mega.bank.example", "dkim pass bank.example", "fail"),
        ("a name of one label", "TXT _dmarc.localhost v=DMARC1", "localhost", "spf pass localhost", "pass"),
        ("no name", PLAIN, "[192.0.2.1]", "spf pass example.com", "permerror"),
        ("no name at all", PLAIN, "", "spf pass example.com", "permerror"),
        (
            "a policy unread",
            "TXT _dmarc.example.com v=DMARC1; p=no",
            "example.com",
            "spf pass example.com",
            "permerror",
        ),
        ("no answer", "TXT _dmarc.example.com !SERVFAIL", "example.com", "spf pass example.com", "temperror"),
        (
            "no answer above",
            "TXT _dmarc.example.com !NXDOMAIN\nTXT _dmarc.com !SERVFAIL",
            "example.com",
            "spf pass example.com",
            "temperror",
        ),
        (
            "no answer that matters",
            "TXT _dmarc.example.com v=DMARC1\nTXT _dmarc.com !SERVFAIL",
            "example.com",
            "spf pass a.example.com",
            "pass",
        ),
        (
            "no answer for the identifier",
            "TXT _dmarc.example.com v=DMARC1\nTXT _dmarc.a.example.com !SERVFAIL",
            "example.com",
            "spf pass a.example.com",
            "temperror",
        ),
        ("an error for now", PLAIN, "example.com", "spf temperror example.com, dkim fail example.com", "temperror"),
        ("an error elsewhere", PLAIN, "example.com", "spf temperror example.net, dkim fail example.com", "fail"),
        ("not checked", PLAIN, "example.com", "spf fail example.com, dkim ? example.com", "?"),
        ("not checked, elsewhere", PLAIN, "example.com", "spf fail example.com, dkim ? example.net", "fail"),
        ("not checked, but passed", PLAIN, "example.com", "spf pass example.com, dkim ? example.com", "pass"),
        (
            "international names",
            "TXT _dmarc.xn--bcher-kva.example v=DMARC1; p=none",
            "B\u{fc}cher.example",
            "dkim pass mail.xn--bcher-kva.example",
            "pass",
        ),
    ] {
        let check = closed(author, identifiers, lines);
        assert_eq!(word(&check.result), expected, "{name}: {}", check.reason);
        assert!(check.needs.is_empty(), "{name}");
        assert_eq!(check.would_align.is_some(), expected == "fail", "{name}");
    }
}

#[test]
fn ok_several_author_domains() {
    let domains = ["example.com", "Example.com.", "example.net"].map(str::to_owned);
    let check_of = |domains: &[String]| check(domains, &authenticated("spf pass example.com"), &answers(&zone(PLAIN)));
    let several = check_of(&domains);
    assert_eq!(word(&several.result), "permerror");
    assert_eq!(several.notes[0].to_string(), "The header From has several domains: example.com, example.net.");
    assert_eq!(word(&check_of(&domains[..2]).result), "pass");
}

/// RFC 9989, B.4: a short, a deep, and a suffix's walk.
#[test]
fn ok_walks() {
    let signing = "TXT _dmarc.signing.example.com v=DMARC1; p=none";
    for (lines, author, organizational_domain, found_at, names) in [
        (PLAIN, "example.com", "example.com", Some("example.com"), "example.com com"),
        (
            signing,
            "signing.example.com",
            "signing.example.com",
            Some("signing.example.com"),
            "signing.example.com example.com com",
        ),
        (
            PLAIN,
            "a.b.c.d.e.f.g.h.i.j.k.example.com",
            "example.com",
            Some("example.com"),
            "a.b.c.d.e.f.g.h.i.j.k.example.com g.h.i.j.k.example.com h.i.j.k.example.com i.j.k.example.com \
             j.k.example.com k.example.com example.com com",
        ),
        (
            BANK,
            "giant.bank.example",
            "giant.bank.example",
            Some("giant.bank.example"),
            "giant.bank.example bank.example",
        ),
        (
            BANK,
            "mail.mega.bank.example",
            "mega.bank.example",
            Some("bank.example"),
            "mail.mega.bank.example mega.bank.example bank.example",
        ),
        (BANK, "bank.example", "bank.example", Some("bank.example"), "bank.example"),
        ("", "a.example.com", "a.example.com", None, "a.example.com example.com com"),
        (
            "TXT _dmarc.mail.example.com v=DMARC1; p=none\nTXT _dmarc.example.com v=DMARC1; p=reject",
            "a.mail.example.com",
            "example.com",
            Some("example.com"),
            "a.mail.example.com mail.example.com example.com com",
        ),
        (
            "TXT _dmarc.mail.example.com v=DMARC1; psd=n\nTXT _dmarc.example.com v=DMARC1; p=reject",
            "a.mail.example.com",
            "mail.example.com",
            Some("mail.example.com"),
            "a.mail.example.com mail.example.com",
        ),
        (
            "TXT _dmarc.com v=DMARC1; psd=y",
            "a.mail.example.com",
            "example.com",
            Some("com"),
            "a.mail.example.com mail.example.com example.com com",
        ),
    ] {
        let check = closed(author, "", lines);
        let walked: Vec<&str> = check.walk.iter().map(|step| step.domain.as_str()).collect();
        assert_eq!(walked.join(" "), names, "{author}");
        assert_eq!(check.organizational_domain.as_deref(), Some(organizational_domain), "{author}");
        assert_eq!(check.found_at.as_deref(), found_at, "{author}");
    }
}

#[test]
fn ok_policies() {
    let full = "TXT _dmarc.example.com v=DMARC1; p=reject; sp=quarantine; np=none";
    let testing = "TXT _dmarc.example.com v=DMARC1; p=reject; t=y";
    let (reject, quarantine, none) = (Some(Policy::Reject), Some(Policy::Quarantine), Some(Policy::None));
    let (p, sp, np) = (Some(PolicyTag::P), Some(PolicyTag::Sp), Some(PolicyTag::Np));
    for (name, lines, author, policy, tag, requested) in [
        ("the domain", full.to_owned(), "example.com", reject, p, reject),
        ("a name below", format!("{full}\nA a.example.com 192.0.2.1"), "a.example.com", quarantine, sp, quarantine),
        ("without records", format!("{full}\nA a.example.com !NOERROR"), "a.example.com", quarantine, sp, quarantine),
        ("that does not exist", full.to_owned(), "a.example.com", none, np, none),
        ("below, only p", PLAIN.to_owned(), "a.example.com", reject, p, reject),
        ("testing", testing.to_owned(), "a.example.com", reject, p, quarantine),
        ("testing quarantine", testing.replace("reject", "quarantine"), "example.com", quarantine, p, none),
        ("testing none", testing.replace("reject", "none"), "example.com", none, p, none),
        ("no p", "TXT _dmarc.example.com v=DMARC1; rua=mailto:a@example.com".to_owned(), "example.com", none, p, none),
        ("a suffix", BANK.to_owned(), "mega.bank.example", reject, p, reject),
        ("no record", String::new(), "example.com", None, None, None),
        (
            "no answer",
            format!("{full}\nA a.example.com !SERVFAIL\nMX a.example.com !NXDOMAIN"),
            "a.example.com",
            none,
            np,
            none,
        ),
    ] {
        let check = closed(author, "", &lines);
        assert_eq!((check.policy, check.policy_tag, check.requested_policy), (policy, tag, requested), "{name}");
    }
}

/// What is missing is asked for, unless nothing rests on it.
#[test]
fn ok_missing_answers() {
    let np = "TXT _dmarc.example.com v=DMARC1; p=reject; np=none";
    let with_top = format!("{PLAIN}\nTXT _dmarc.com !NXDOMAIN");
    for (name, lines, author, identifiers, expected, needs) in [
        ("nothing", "", "example.com", "", "?", "TXT _dmarc.example.com, TXT _dmarc.com"),
        ("the very same domain", PLAIN, "example.com", "spf pass example.com", "pass", ""),
        ("another top", PLAIN, "example.com", "spf pass example.net", "fail", ""),
        ("nothing passed", PLAIN, "example.com", "spf fail bounce.example.com", "fail", ""),
        // Whatever the top says, both are of one organization, or the name below has a record of its own.
        ("a name below", PLAIN, "example.com", "spf pass bounce.example.com", "?", "TXT _dmarc.bounce.example.com"),
        (
            "a name below that has none",
            "TXT _dmarc.example.com v=DMARC1; p=reject\nTXT _dmarc.bounce.example.com !NXDOMAIN",
            "example.com",
            "spf pass bounce.example.com",
            "pass",
            "",
        ),
        (
            "the top in common",
            PLAIN,
            "example.com",
            "spf pass vendor.com",
            "?",
            "TXT _dmarc.com, TXT _dmarc.vendor.com",
        ),
        (
            "strict",
            "TXT _dmarc.example.com v=DMARC1; p=reject; aspf=s",
            "example.com",
            "spf pass bounce.example.com",
            "fail",
            "",
        ),
        ("no record of its own", PLAIN, "a.example.com", "", "?", "TXT _dmarc.a.example.com, TXT _dmarc.com"),
        (
            "whether it exists",
            "TXT _dmarc.a.example.com !NXDOMAIN\nTXT _dmarc.example.com v=DMARC1; p=reject; np=none\nTXT _dmarc.com !NXDOMAIN",
            "a.example.com",
            "",
            "fail",
            "A a.example.com",
        ),
        ("whether it exists, unasked", np, "example.com", "", "fail", ""),
        ("beside the author, the top known", &with_top, "example.com", "dkim pass a.com, dkim pass b.com", "fail", ""),
    ] {
        let check = open(author, identifiers, lines);
        assert_eq!((word(&check.result).as_str(), listed(&check.needs).as_str()), (expected, needs), "{name}");
    }
}

#[test]
fn ok_reasons_and_remedies() {
    let strict = "TXT _dmarc.vendor.example v=DMARC1; p=reject; aspf=s";
    let relaxed = "TXT _dmarc.vendor.example v=DMARC1; p=reject";
    for (lines, identifiers, reason, remedy) in [
        (
            relaxed,
            "dkim fail vendor.example, spf pass bounce.esp.example",
            "Nothing that passed is aligned with vendor.example.",
            "vendor.example signed and is aligned, but DKIM gave fail; SPF passed for bounce.esp.example, which is not \
             aligned; a DKIM signature or an SPF pass of vendor.example or a name below it would have passed.",
        ),
        (
            strict,
            "spf pass bounce.vendor.example",
            "Nothing that passed is aligned with vendor.example.",
            "SPF passed for bounce.vendor.example, which relaxed alignment would take, but the record asks for strict \
             (`aspf=s`); a DKIM signature of vendor.example or a name below it or an SPF pass of vendor.example would have \
             passed.",
        ),
        (
            relaxed,
            "spf softfail vendor.example",
            "Neither SPF nor a DKIM signature passed.",
            "vendor.example of the envelope is aligned, but SPF gave softfail; a DKIM signature or an SPF pass of \
             vendor.example or a name below it would have passed.",
        ),
        (
            relaxed,
            "",
            "Neither SPF nor a DKIM signature passed.",
            "a DKIM signature or an SPF pass of vendor.example or a name below it would have passed.",
        ),
    ] {
        let check = closed("vendor.example", identifiers, lines);
        assert_eq!(check.reason.to_string(), reason, "{identifiers}");
        assert_eq!(check.would_align.as_deref(), Some(remedy), "{identifiers}");
    }
    let passed = closed("vendor.example", "dkim pass mail.vendor.example", relaxed);
    assert_eq!(passed.reason.to_string(), "DKIM passed for mail.vendor.example, which is aligned.");
    let aligned = &passed.alignment[0];
    assert_eq!(aligned.alignment, Alignment::SameOrganization);
    assert_eq!(aligned.organizational_domain.as_deref(), Some("vendor.example"));
}

#[test]
fn ok_notes() {
    let lines = "TXT _dmarc.example.com v=DMARC1; p=none; pct=50; x=1; t=y; psd=n
        TXT _dmarc.a.example.com v=DMARC1; p=none
        TXT _dmarc.a.example.com v=DMARC1; p=reject
        TXT _dmarc.b.a.example.com v=dmarc1; p=none";
    let notes: Vec<String> = closed("b.a.example.com", "", lines).notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "`v=dmarc1; p=none` at _dmarc.b.a.example.com is no DMARC record: `v=DMARC1` must come first, spelled like this, \
             before a semicolon.",
            "_dmarc.a.example.com has 2 DMARC records, so that none of them counts.",
            "example.com says that it is an organizational domain (`psd=n`).",
            "The tag `pct` is obsolete (RFC 9989) and counts for nothing; older receivers may still go by it.",
            "The tag `x` is unknown and counts for nothing.",
            "`t=y`: the owner is testing, and asks for one level less than the policy says.",
        ]
    );
    let check = closed("example.com", "", "TXT _dmarc.example.com v=DMARC1; p=no; rua=mailto:a@example.com");
    assert_eq!((check.policy, word(&check.result).as_str()), (Some(Policy::None), "fail"));
    assert_eq!(check.notes.len(), 2, "{:?}", check.notes);
}

/// A walk asks at most eight times, whatever the length of the name.
#[test]
fn ok_few_questions() {
    struct Counting(std::sync::atomic::AtomicUsize);
    impl Dns for Counting {
        fn ask(&self, _: &str, _: RecordType) -> Answer {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Answer::NoName
        }
    }
    let long = format!("{}example.com", "a.".repeat(100));
    let dns = Counting(Default::default());
    assert_eq!(word(&run(&long, "", &dns).result), "none");
    assert_eq!(dns.0.into_inner(), 8);
}

/// Run with `cargo test -p auth --release --test dmarc -- --ignored --nocapture`.
#[test]
#[ignore = "measures; of use in a release build only"]
fn how_fast() {
    let saved = Closed(answers(&zone(PLAIN)));
    let author = ["news.example.com".to_owned()];
    let identifiers = authenticated("spf pass bounce.example.com, dkim pass esp.example, dkim fail example.com");
    let rounds = 20_000_u32;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(check(std::hint::black_box(&author), &identifiers, &saved));
    }
    let each = start.elapsed() / rounds;
    println!("{each:?} a check");
    assert!(each.as_micros() < 100, "10,000 checks a second are the least");
}

/// What could not be looked at may still have passed.
#[test]
fn a_failure_needs_everything_to_be_looked_at() {
    use auth::dkim::{Explain, Keys};
    use auth::{Envelope, Extent};
    let dns = Closed(answers(&zone(PLAIN)));
    let known = Envelope {
        client: Some("192.0.2.1".parse().unwrap()),
        sender: Some("bounce@other.example".to_owned()),
        author_domains: vec!["example.com".to_owned()],
        ..Envelope::default()
    };
    let message = b"From: a@example.com\r\n\r\nhello\r\n";
    let result = |extent: Extent, envelope: &Envelope| {
        let checked = auth::check(message, extent, envelope, &dns, &Keys::default(), Explain::No);
        support::word(&checked.dmarc.result)
    };
    assert_eq!(result(Extent::Whole, &known), "fail");
    assert_eq!(result(Extent::HeaderOnly, &known), "?", "a signature may hold");
    assert_eq!(result(Extent::Whole, &Envelope { client: None, ..known.clone() }), "?", "SPF may pass");
    assert_eq!(result(Extent::HeaderOnly, &Envelope { author_domains: vec![], ..known }), "?", "no From at hand");
}
