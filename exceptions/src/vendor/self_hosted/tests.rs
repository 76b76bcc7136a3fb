//! What the guard says of changes to servers of one's own: as lines, snippets and commands, in each disguise, with look-alikes.

use std::collections::BTreeSet;

use evidence::{Address, Product, VerdictKind};
use lake::Lake;
use sources::{Clock, Input, proposed};

use crate::{Answer, Checked, Held, Need, World, check};

fn clock() -> Clock {
    let reference = "2026-05-02T12:00:00Z".parse().expect("an instant");
    Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference }
}

fn checked(text: &str, needs: &[Need]) -> Checked {
    let input = Input { name: "change.txt".into(), bytes: text.as_bytes() };
    let (lake, clock) = (Lake::default(), clock());
    check(&proposed::read(&input, &clock), &World { lake: &lake, needs, now: Some(clock.reference) })
}

fn expect(table: &[(&str, &str, Answer, &[&str])]) {
    for (name, text, answer, expected) in table {
        let checked = checked(text, &[]);
        let rows: BTreeSet<&str> =
            checked.reasons().map(|reason| reason.row).filter(|row| !row.starts_with("SO")).collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!((checked.answer, rows), (*answer, expected), "{name}: {checked:#?}");
    }
}

use Answer::{Broad, Narrow, Unknown};

#[test]
fn ok_postfix() {
    expect(&[
        ("one address", "192.0.2.7 OK\n", Narrow, &["PN1"]),
        ("one address of IPv6", "2001:db8::7 permit\n", Narrow, &["PN1"]),
        ("a network", "198.51.100.0/24 permit\n", Broad, &["SB4"]),
        ("a network by its first octets", "198.51.100 OK\n", Broad, &["SB4"]),
        ("a wide network", "10 OK\n", Broad, &["PB2"]),
        ("everybody", "0.0.0.0/0 permit\n", Broad, &["PB2"]),
        ("may relay", "192.0.2.7 RELAY\n", Broad, &["PB3"]),
        ("a sender", "ann@vendor.example OK\n", Broad, &["SB3"]),
        ("a domain", "vendor.example OK\n", Broad, &["SB2"]),
        ("a domain and below", ".vendor.example ok\n", Broad, &["SB2"]),
        ("a provider", "gmail.com OK\n", Broad, &["SB6"]),
        ("a top-level domain", ".com OK\n", Broad, &["PB2"]),
        ("a pattern that is one address", "/^ann@vendor\\.example$/ OK\n", Broad, &["SB3"]),
        ("a pattern that is a domain", "/@vendor\\.example$/ OK\n", Broad, &["SB2"]),
        ("a pattern", "/vendor/ OK\n", Broad, &["PB2"]),
        ("everybody of a name", "info@ OK\n", Broad, &["PB2"]),
        ("spared from later lines", "ann@vendor.example DUNNO\n", Narrow, &["PN2"]),
        ("kept out", "vendor.example REJECT\n", Narrow, &["SN4"]),
        ("another way", "vendor.example FILTER smtp:[127.0.0.1]:10026\n", Broad, &["PB4"]),
        ("written by a command", "echo 'vendor.example OK' >> /etc/postfix/sender_access\n", Broad, &["SB2"]),
        ("for one recipient", "echo 'bob@example.com OK' >> /etc/postfix/recipient_access\n", Broad, &["SB1"]),
        ("own networks", "postconf -e 'mynetworks = 127.0.0.0/8 [::1]/128 10.0.0.0/8'\n", Narrow, &["SN3"]),
        ("networks of others", "postconf -e 'mynetworks = 127.0.0.0/8, 203.0.113.0/24'\n", Broad, &["PB3"]),
        ("all networks", "postconf -e mynetworks=0.0.0.0/0\n", Broad, &["PB3"]),
        ("one host", "postconf -e 'mynetworks = 127.0.0.0/8 203.0.113.9'\n", Broad, &["PB5"]),
        ("no filter", "postconf -e 'smtpd_milters ='\n", Broad, &["SB10"]),
        ("fails open", "postconf -e milter_default_action=accept\n", Broad, &["SB11"]),
        (
            "restrictions that nobody can compare",
            "postconf -e 'smtpd_recipient_restrictions = reject_unauth_destination'\n",
            Unknown,
            &["SU1"],
        ),
        ("lets in everything", "postconf -e 'smtpd_relay_restrictions = permit'\n", Broad, &["PB3", "SU1"]),
        ("one message", "postsuper -H 4F2A1B\n", Narrow, &["SN6"]),
        ("all messages", "postsuper -r ALL\n", Broad, &["SB15"]),
        ("one message and all", "postsuper -H 4F2A1B; postsuper -r ALL\n", Broad, &["SN6", "SB15"]),
    ]);
}

#[test]
fn ok_spamassassin() {
    let prefs = "/home/bob/.spamassassin/user_prefs";
    let own = |line: &str| format!("echo '{line}' >> {prefs}\n");
    let (signed, relayed) = (
        own("whitelist_from_dkim ann@vendor.example vendor.example"),
        own("welcomelist_from_rcvd ann@vendor.example mail.vendor.example"),
    );
    let (proved, forged) = (own("whitelist_auth ann@vendor.example"), own("whitelist_from ann@vendor.example"));
    let (domain, shared) =
        (own("whitelist_auth *@vendor.example"), own("whitelist_from_dkim ann@vendor.example amazonses.com"));
    expect(&[
        ("signed, for one user", &signed, Narrow, &["AN1"]),
        ("by its relay, for one user", &relayed, Narrow, &["AN1"]),
        ("proved, for one user", &proved, Narrow, &["AN1"]),
        ("forgeable, for one user", &forged, Broad, &["SB3"]),
        ("a domain, for one user", &domain, Broad, &["SB2"]),
        ("signed by a service for all", &shared, Broad, &["SB3"]),
        ("signed, for all", "whitelist_from_dkim ann@vendor.example vendor.example\n", Broad, &["SB7"]),
        ("proved, for all", "whitelist_auth ann@vendor.example\n", Broad, &["SB7"]),
        ("a forgeable domain", "whitelist_from *@vendor.example\n", Broad, &["SB2", "SB3", "SB7"]),
        ("in the newer spelling", "welcomelist_from *@vendor.example\n", Broad, &["SB2", "SB3", "SB7"]),
        ("everybody", "whitelist_from *\n", Broad, &["SB1", "SB3", "SB7"]),
        ("all mail of one", "all_spam_to bob@example.com\n", Broad, &["SB1"]),
        ("kept out", "blacklist_from *@vendor.example\n", Narrow, &["SN4"]),
        ("taken back", "unwhitelist_from *@vendor.example\n", Narrow, &["SN1"]),
        ("a wide network", "trusted_networks 10.0.0.0/8 203.0.0.0/8\n", Broad, &["AB5"]),
        ("one relay", "trusted_networks 203.0.113.9\n", Narrow, &["AN3"]),
        ("a high limit", "required_score 99\n", Broad, &["SB9"]),
        ("a higher limit", "required_score 7.5\n", Broad, &["SB8"]),
        ("a lower limit", "required_score 4\n", Narrow, &["SN2"]),
        ("no points", "score URIBL_BLACK 0\n", Broad, &["SB11"]),
        ("a check off", "skip_rbl_checks 1\n", Broad, &["SB11"]),
        ("one held message", "amavisd-release spam-AbC123.gz\n", Narrow, &["SN6"]),
        ("held messages by a wild card", "amavisd-release 'spam-*'\n", Broad, &["SB15"]),
    ]);
}

#[test]
fn ok_amavis() {
    expect(&[
        ("malware for all", "@bypass_virus_checks_maps = (1);\n", Broad, &["SB12"]),
        ("spam for all", "@bypass_spam_checks_maps = (1);\n", Broad, &["SB10"]),
        ("spam for one", "@bypass_spam_checks_maps = ( { 'bob@example.com' => 1 } );\n", Broad, &["SB11"]),
        ("a high limit", "$sa_kill_level_deflt = 999;\n", Broad, &["SB9"]),
        ("a stricter limit", "$sa_kill_level_deflt = 6.0;\n", Narrow, &["SN2"]),
        ("malware let through", "$final_virus_destiny = D_PASS;\n", Broad, &["SB12"]),
        ("malware kept back", "$final_virus_destiny = D_DISCARD;\n", Narrow, &["SN4"]),
        ("a domain", "@whitelist_sender_maps = ( ['.vendor.example'] );\n", Broad, &["SB2", "SB3", "SB7"]),
        ("an address", "@whitelist_sender_maps = ( ['ann@vendor.example'] );\n", Broad, &["SB3", "SB7"]),
        (
            "a pattern that is one address",
            "@whitelist_sender_maps = ( new_RE(qr'^ann@vendor\\.example$'i) );\n",
            Broad,
            &["SB3", "SB7"],
        ),
        (
            "an address for one recipient",
            "@score_sender_maps = ({ 'bob@example.com' => [{'ann@vendor.example' => -3.0}] });\n",
            Broad,
            &["SB3"],
        ),
        ("kept out", "@blacklist_sender_acl = qw( .spam.example );\n", Narrow, &["SN4"]),
    ]);
}

#[test]
fn ok_rspamd() {
    let rule = |from: &str, to: &str, ip: &str, apply: &str| {
        let ip = if ip.is_empty() { String::new() } else { format!("ip = \"{ip}\"; ") };
        let to = if to.is_empty() { String::new() } else { format!("rcpt = \"{to}\"; ") };
        format!("ticket {{ from = \"{from}\"; {to}{ip}apply {{ {apply} }} }}\n")
    };
    let raised = "actions { reject = 30; }";
    let (one, no_proof) = (
        rule("ann@vendor.example", "bob@example.com", "192.0.2.7", raised),
        rule("ann@vendor.example", "bob@example.com", "", raised),
    );
    let (domain, for_all) = (
        rule("@vendor.example", "bob@example.com", "192.0.2.7", raised),
        rule("ann@vendor.example", "", "192.0.2.7", raised),
    );
    let (wide, malware) = (
        rule("ann@vendor.example", "bob@example.com", "10.0.0.0/8", raised),
        rule("ann@vendor.example", "bob@example.com", "192.0.2.7", "symbols_disabled = [\"CLAM_VIRUS\"]"),
    );
    expect(&[
        ("sender, recipient, address", &one, Narrow, &["RN1"]),
        ("no proof", &no_proof, Broad, &["SB3"]),
        ("a domain", &domain, Broad, &["SB2"]),
        ("for all", &for_all, Broad, &["SB7"]),
        ("a wide network", &wide, Broad, &["SB3", "SB4"]),
        ("malware", &malware, Broad, &["RN1", "SB12"]),
        (
            "accepted by the domain of the envelope",
            "W { type = \"from\"; filter = \"email:domain\"; map = [\"vendor.example\"]; action = \"accept\"; }\n",
            Broad,
            &["SB2", "SB3", "SB7"],
        ),
        ("limits", "actions { reject = 150; add_header = 60 }\n", Broad, &["SB9"]),
        ("a stricter limit", "actions { reject = 12; add_header = 6 }\n", Narrow, &["SN2"]),
        ("a symbol", "symbols { \"DMARC_POLICY_REJECT\" { weight = 0 } }\n", Broad, &["SB11"]),
        (
            "a module",
            "dmarc { enabled = false }\nmultimap { A { type = \"ip\"; map = \"/m\"; score = 5; } }\n",
            Broad,
            &["SB10", "SN4"],
        ),
        (
            "a mark that a forced action trusts",
            "multimap { IS_PARTNER { type = \"from\"; map = [\"@vendor.example\"]; } }\nforce_actions { rules { LET { action = \"no action\"; expression = \"IS_PARTNER\"; } } }\n",
            Broad,
            &["RB1", "SB1", "SB3", "SB7", "SN4", "T4"],
        ),
        ("networks of others", "options { local_addrs = [203.0.113.0/24] }\n", Broad, &["SB9"]),
    ]);
}

/// A sample that was stopped so.
fn need(product: Product, verdict: VerdictKind, held: Option<&str>) -> Need {
    let to = Address::new("bob@example.com");
    let cite = evidence::Cite::new("list.csv".into(), evidence::Place::Line(2), 0..1, "x");
    Need {
        product,
        verdict: Some(verdict),
        cause: "content-verdict/spam".to_owned(),
        is_shown: true,
        because: "it was taken for spam".to_owned(),
        cites: vec![cite.clone()],
        ask_for: Vec::new(),
        policy: None,
        envelope_recipients: [to.clone()].into(),
        held: held.map(|id| Held { envelope_recipient: to, id: Some(id.to_owned()), cite }).into_iter().collect(),
        header_from: Some(Address::new("ann@vendor.example")),
        envelope_sender: Some(Address::new("ann@vendor.example")),
        client: "192.0.2.7".parse().ok(),
        client_is_disputed: false,
        is_behind_a_gateway: false,
        signed_by: ["vendor.example".to_owned()].into(),
        dmarc_passed: Some(true),
        message_id: Some("1@vendor.example".to_owned()),
        subject: Some("Invoice".to_owned()),
        urls: ["https://files.vendor.example/a".to_owned()].into(),
        attachments: BTreeSet::new(),
        at: None,
    }
}

/// Whatever is proposed is narrow and for the sample: a proposal cannot be made otherwise. Here it counts that there are some.
#[test]
fn ok_proposals() {
    use VerdictKind::{
        Attachment, ConnectionFilter, Greylisted, Impersonation, Malware, Spam, Spoof, TransportRule, Url,
    };
    for (product, verdict, held, expected) in [
        (Product::Mimecast, Spam, Some("eNo1"), 2),
        (Product::Mimecast, Greylisted, None, 1),
        (Product::Mimecast, Url, Some("eNo1"), 2),
        (Product::Mimecast, Spoof, None, 1),
        (Product::Mimecast, Impersonation, Some("eNo1"), 2),
        (Product::Mimecast, Attachment, None, 1),
        (Product::Mimecast, TransportRule, None, 1),
        (Product::Mimecast, VerdictKind::Authentication(evidence::AuthMethod::Dmarc), None, 1),
        (Product::Mimecast, Malware, Some("eNo1"), 0),
        (Product::Rspamd, Spam, None, 1),
        (Product::Amavis, Spam, Some("AbC123"), 2),
        (Product::Amavis, Malware, Some("AbC123"), 0),
        (Product::Postfix, ConnectionFilter, None, 1),
        (Product::Postfix, Spam, Some("4F2A1B"), 1),
    ] {
        let lake = Lake::default();
        let needs = [need(product.clone(), verdict.clone(), held)];
        let world = World { lake: &lake, needs: &needs, now: Some(clock().reference) };
        let vendor = crate::vendor::of(&product).expect("a vendor");
        let found = vendor.proposals(&needs[0], &world);
        let told: Vec<&str> = found.iter().map(|proposal| proposal.what.as_str()).collect();
        assert_eq!(told.len(), expected, "{product:?} {verdict:?}: {told:#?}");
    }
}

/// What does not touch the verdict, or is for another sender, is useless.
#[test]
fn err_useless() {
    let permit =
        |sender: &str| format!(r#"{{"data":[{{"sender":"{sender}","to":"bob@example.com","action":"permit"}}]}}"#);
    for (name, text, need, row) in [
        (
            "a permit against malware",
            permit("ann@vendor.example"),
            need(Product::Mimecast, VerdictKind::Malware, None),
            "MX1",
        ),
        (
            "a permit of somebody else",
            permit("eve@other.example"),
            need(Product::Mimecast, VerdictKind::Spam, None),
            "MX4",
        ),
        ("another system", permit("ann@vendor.example"), need(Product::ExchangeOnline, VerdictKind::Spam, None), "MX1"),
        ("a table against spam", "192.0.2.7 OK\n".to_owned(), need(Product::Postfix, VerdictKind::Spam, None), "SX1"),
        (
            "another address",
            "192.0.2.8 OK\n".to_owned(),
            need(Product::Postfix, VerdictKind::ConnectionFilter, None),
            "SX2",
        ),
    ] {
        let checked = checked(&text, &[need]);
        assert!(checked.is_useless(), "{name}: {checked:#?}");
        assert!(checked.reasons().any(|reason| reason.row == row), "{name}: {checked:#?}");
    }
}
