//! What is proposed for the tickets of `cases/`: first whether an exception is the cure, then that what is proposed is narrow.

mod tickets;

use std::collections::BTreeMap;

use exceptions::{Answer, Checked, Cure, Done, Ends, Fit, Grant, Level, Proposal, Way, check};
use jiff::{SignedDuration, Timestamp};
use sources::Input;
use sources::proposed::{self, Candidate};
use tickets::{Followed, Ticket, ticket, tickets, utc};

/// All proposals of a cure.
fn proposals(cure: &Cure) -> &[Proposal] {
    match &cure.done {
        Done::Except(all) | Done::Mend { meanwhile: all, .. } | Done::Useless { meanwhile: all, .. } => all,
        Done::NotShown { .. } => &[],
    }
}

fn grants(proposal: &Proposal) -> Vec<&Grant> {
    proposal.exception.checked().steps.iter().flat_map(|step| &step.grants).collect()
}

/// The rows of the tables that call it narrow, such as `N8`.
fn rows(proposal: &Proposal) -> String {
    let reasons = proposal.exception.checked().reasons();
    let mut rows: Vec<&str> = reasons
        .filter(|reason| reason.level == Level::Narrow && !reason.row.is_empty())
        .map(|reason| reason.row)
        .collect();
    rows.dedup();
    rows.join("+")
}

/// A cure in short, such as `except content-verdict/spam: N8+N9, N1, N2`.
fn short(cure: &Cure) -> String {
    let rows: Vec<String> = proposals(cure).iter().map(rows).collect();
    let rows = if rows.is_empty() { String::new() } else { format!(": {}", rows.join(", ")) };
    match &cure.done {
        Done::Mend { .. } => format!("mend {}{rows}", cure.need.cause),
        Done::Useless { .. } => format!("useless {}{rows}", cure.need.cause),
        Done::Except(_) => format!("except {}{rows}", cure.need.cause),
        Done::NotShown { .. } if cure.need.cause.is_empty() => "not shown".to_owned(),
        Done::NotShown { .. } => format!("none for {}", cure.need.cause),
    }
}

fn read(text: &str, now: Option<Timestamp>) -> Candidate {
    proposed::read(&Input { name: "again".into(), bytes: text.as_bytes() }, &utc(now.unwrap_or_default()))
}

fn judged_again(text: &str, followed: &Followed) -> Checked {
    check(&read(text, followed.now), &followed.world())
}

/// What a cure does not keep of what is promised for every proposal.
fn broken(cure: &Cure, followed: &Followed) -> Vec<String> {
    let mut broken = Vec::new();
    for proposal in proposals(cure) {
        let name = &proposal.what;
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                broken.push(format!("{name}: {what}"));
            }
        };
        let is_whole = |way: &Way| {
            let has_command = way.command.as_ref().is_some_and(|command| !command.text.trim().is_empty());
            let has_clicks = way.clicks.as_ref().is_some_and(|clicks| !clicks.trim().is_empty());
            !way.what.trim().is_empty() && (has_command || has_clicks)
        };
        expect(!proposal.what.trim().is_empty() && !proposal.because.trim().is_empty(), "says what and why");
        expect(!proposal.cites.is_empty(), "why has records");
        expect(is_whole(&proposal.doing), "says how to do it");
        expect(is_whole(&proposal.undoing), "says how to undo it");
        expect(is_whole(&proposal.works) && is_whole(&proposal.holds), "has two checks");
        expect(ends_in_time(proposal, followed.now), "ends, or names the day on which it is taken back");
        let checked = proposal.exception.checked();
        expect(checked.answer == Answer::Narrow, "was judged narrow");
        let said: Vec<&str> = checked.steps.iter().map(|step| step.step.said.as_str()).collect();
        let command = proposal.doing.command.as_ref().map(|command| command.text.clone());
        let again = judged_again(&command.unwrap_or_else(|| said.join("\n")), followed);
        expect(again.answer == Answer::Narrow, &format!("is narrow when it is read again: {again:?}"));
        for grant in grants(proposal) {
            expect(!matches!(cure.need.fits(&grant.scope), Fit::No(_)), "takes the sample in");
            for term in &grant.scope.terms {
                let wider = grant.scope.clone().without(term);
                expect(grant.scope.is_within(&wider) && !wider.is_within(&grant.scope), "has no idle condition");
            }
        }
    }
    broken
}

/// Whether all of a proposal ends by itself within 30 days, or its undoing names the day.
fn ends_in_time(proposal: &Proposal, now: Option<Timestamp>) -> bool {
    let latest = now.map(|now| now + SignedDuration::from_hours(30 * 24));
    let names_a_day = || {
        proposal.undoing.what.contains(|c: char| c.is_ascii_digit()) || proposal.what.starts_with("This is the mend")
    };
    grants(proposal).iter().all(|grant| match grant.ends {
        Ends::AtOnce => true,
        Ends::At(at) => latest.is_none_or(|latest| at <= latest),
        Ends::Unused(days) => days <= 45,
        Ends::DeviceHasNone | Ends::Never | Ends::NotSaid => names_a_day(),
    })
}

#[test]
fn every_proposal_is_narrow_and_whole() {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for ticket in tickets() {
        let Some(followed) = ticket.follow() else { continue };
        for cure in &followed.cures {
            wrong.extend(broken(cure, &followed).into_iter().map(|broken| format!("{}: {broken}", ticket.name)));
            for proposal in proposals(cure) {
                *told.entry(rows(proposal)).or_default() += 1;
            }
            if std::env::var("TICKETS").is_ok() {
                println!("{}: {}", ticket.name, short(cure));
            }
        }
    }
    assert!(wrong.is_empty(), "{} promises are broken:\n{}", wrong.len(), wrong.join("\n"));
    if std::env::var("TICKETS").is_err() {
        println!("{told:?}");
    }
}

/// What cannot be told from a ticket without a record is not cured either.
#[test]
fn nothing_is_cured_that_is_not_shown() {
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    for ticket in tickets() {
        for (gone, expected) in ticket.sections.iter().filter(|(gone, _)| !gone.is_empty()) {
            if !expected.iter().any(|line| line.starts_with("cause: not_shown")) {
                continue;
            }
            let Some(followed) = ticket.follow_in(&ticket.without(gone)) else { continue };
            looked_at += 1;
            let cured = followed.cures.iter().filter(|cure| !matches!(cure.done, Done::NotShown { .. }));
            wrong.extend(cured.map(|cure| format!("{} without {gone:?}: {}", ticket.name, short(cure))));
        }
    }
    assert!(wrong.is_empty(), "{} are cured without being shown:\n{}", wrong.len(), wrong.join("\n"));
    assert!(looked_at >= 60 || std::env::var("TICKETS").is_ok(), "only {looked_at} sections looked at");
}

fn named(name: &str) -> Ticket {
    let file = format!("{}/../cases/{name}.md", env!("CARGO_MANIFEST_DIR"));
    ticket(name, &std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}")))
}

fn cures(ticket: &Ticket) -> Vec<String> {
    ticket.follow().expect("one message").cures.iter().map(short).collect()
}

/// Whether an exception is the cure: each decision beside a ticket that looks alike.
#[test]
fn ok_cures() {
    for (name, expected) in [
        // Nothing stopped it.
        ("first_contact_tip_is_no_impersonation", &[][..]),
        ("dmarc_failed_behind_the_gateway_nothing_was_done", &[]),
        // The sender's authentication, and a failed result that decided nothing.
        ("dmarc_behind_a_phishing_entry", &["mend authentication-alignment/dmarc-fail: N8"]),
        ("sent_by_a_service_in_its_own_name", &["mend authentication-alignment/dkim-unaligned: N4"]),
        ("failed_behind_the_gateway_and_not_the_cause", &["mend mailbox-rule/moved"]),
        // Our own gateway, and a body that somebody else changed.
        ("signature_broken_by_the_gateway", &["mend authentication-alignment/spf-of-the-gateway"]),
        ("forwarder_adds_a_footer_and_signs_nothing", &["mend authentication-alignment/dkim-body-changed"]),
        // A rule of ours, and one that only reported.
        ("two_rules_matched_and_one_of_them_acted", &["mend policy-scope-or-order/transport-rule: N8"]),
        ("a_rule_matched_but_who_held_it", &["except content-verdict/spam: N8+N9"]),
        // An entry of ours, and the user's own.
        ("refused_at_the_door_by_personal_block", &["mend policy-scope-or-order/user-block-list"]),
        // The order of policies, and one that was not in the way.
        (
            "strict_preset_before_the_edited_custom_policy",
            &["mend policy-scope-or-order/preset-overrides-custom: N8+N9", "except content-verdict/spam: N8+N9"],
        ),
        (
            "recipient_excepted_from_the_policy",
            &["mend policy-scope-or-order/policy-scope: N8+N9", "except content-verdict/spam: N8+N9"],
        ),
        ("a_policy_for_somebody_else", &["except content-verdict/spam: N8+N9"]),
        // After the filter.
        ("unknown_recipient_behind_the_gateway", &["mend connector-routing/recipient-unknown"]),
        ("tls_wanted_and_not_offered", &["mend connector-routing/tls-failure"]),
        ("trace_by_alias_hunting_by_primary", &["mend mailbox-rule/moved"]),
        // What nothing overrides, and what only a submission does.
        ("allowed_address_and_malware", &["useless content-verdict/malware"]),
        ("allow_entry_does_not_reach_high_confidence_phish", &["except content-verdict/phish: N1"]),
        ("file_type_that_nobody_may_send", &["useless content-verdict/attachment"]),
        // A filter's conclusion about the message itself: with a passed DMARC a rule can tell the sender, without it cannot.
        ("allow_of_the_domain_and_mail_of_its_subdomain", &["except content-verdict/spam: N8+N9, N6, N1, N2"]),
        ("allow_entry_made_after_the_message", &["except content-verdict/spam: N8+N9, N1, N2"]),
        ("executive_named_from_a_private_address", &["except content-verdict/impersonation: N8, N5"]),
        // What became of it is not shown.
        ("delivered_per_gateway_next_system_not_supplied", &["not shown"]),
    ] {
        assert_eq!(cures(&named(name)), expected, "{name}");
    }
}

/// Where the filter judged another address than the trace names, nothing rests on either; where they agree, the pair does.
#[test]
fn ok_sending_address() {
    let choir = named("spoof_without_any_dmarc_record");
    let agreeing = |name: &str, text: &str| (name.to_owned(), text.replacen("192.0.2.61", "203.0.113.25", 1));
    let same: Vec<_> = choir.evidence.iter().map(|(name, text)| agreeing(name, text)).collect();
    let told = |followed: &Followed| format!("{:?}", followed.cures);
    let apart = choir.follow().unwrap();
    assert_eq!(apart.cures.iter().map(short).collect::<Vec<_>>(), ["mend authentication-alignment/spf-fail"]);
    assert!(
        apart.needs[0]
            .because
            .contains("SPF was checked for 203.0.113.25, another record says that it came from 192.0.2.61")
    );
    assert!(apart.needs[0].cites.iter().any(|cite| &*cite.file == "trace.csv"), "{:?}", apart.needs[0].cites);
    assert!(!told(&apart).contains("list 192.0.2.61") && !told(&apart).contains("192.0.2.0/24"));
    let one = choir.follow_in(&same).unwrap();
    assert_eq!(one.cures.iter().map(short).collect::<Vec<_>>(), ["mend authentication-alignment/spf-fail: N4"]);
    assert!(told(&one).contains("list 203.0.113.25") && told(&one).contains("203.0.113.0/24"));
}

/// What is to be mended is the entry, and never the policy that kept the message back because of it.
#[test]
fn ok_block_entries() {
    let mend = |followed: Followed| match &followed.cures[0].done {
        Done::Mend { what, cites, .. } => (what.clone(), cites.iter().any(|cite| cite.file.contains("spoof_items"))),
        other => panic!("{other:?}"),
    };
    let pair = named("spoof_pair_that_is_blocked");
    let without = pair.without(&[("spoof_items_2026-11-16.json".to_owned(), None)]);
    let named_one = r#"the one block entry for office@council.example that matched (the record names "council.example, newhost.example")"#;
    let not_shown = "the block entry for office@council.example (not shown which: fetch the tenant allow/block list and the anti-spam policies)";
    for (name, evidence, expected) in [
        ("the list has one", &pair.evidence, (named_one, true)),
        ("no list", &without, (not_shown, false)),
        (
            "the list has one only of another sender",
            &pair
                .evidence
                .iter()
                .map(|(name, text)| {
                    (
                        name.clone(),
                        text.replace("\"SpoofedUser\": \"council.example\"", "\"SpoofedUser\": \"elsewhere.example\""),
                    )
                })
                .collect(),
            (not_shown, false),
        ),
    ] {
        let (what, cited) = mend(pair.follow_in(evidence).unwrap());
        assert!(what.contains(expected.0) && cited == expected.1, "{name}: {what}");
    }
}

/// Links of the message of a ticket, as the hunting table lists them.
fn links(urls: &[&str]) -> String {
    let row = |(at, url): (usize, &&str)| {
        format!(
            "\"2026-11-18T09:00:03Z\",\"4c1d2e3f-5a6b-4c7d-8e9f-08de27b60001\",\"{url}\",\"files.example\",\"Body\",\"u{at}\"\n"
        )
    };
    let head = "\"Timestamp\",\"NetworkMessageId\",\"Url\",\"UrlDomain\",\"UrlLocation\",\"ReportId\"\n".to_owned();
    head + &urls.iter().enumerate().map(row).collect::<String>()
}

fn connector(skips_last: bool) -> String {
    format!(
        "[{{\"Enabled\": true, \"ConnectorType\": \"OnPremises\", \"ConnectorSource\": \"AdminUI\", \"SenderIPAddresses\": [\"192.0.2.0/24\"], \
         \"SenderDomains\": [\"smtp:*;1\"], \"RequireTls\": true, \"EFSkipLastIP\": {skips_last}, \"EFSkipIPs\": [], \"Name\": \"From gateway\", \
         \"TreatMessagesAsInternal\": false, \"RestrictDomainsToIPAddresses\": false, \"RestrictDomainsToCertificate\": false, \
         \"WhenChangedUTC\": \"2026-10-01T06:00:00.0000000Z\", \"Guid\": \"4a0b1c2d-4e5f-4a6b-8c7d-9e0f1a2b3c4d\"}}]"
    )
}

/// One more export shows one more way, and only where it says the deciding thing.
#[test]
fn ok_with_one_more_export() {
    let quote = || named("asked_by_sender_recipient_and_time");
    let bank = || named("signature_broken_by_the_gateway");
    for (name, ticket, expected) in [
        ("no link is known", quote(), "none for content-verdict/url"),
        (
            "one link",
            quote().with("EmailUrlInfo.csv", &links(&["https://files.example/q/31?x=1"])),
            "except content-verdict/url: N1, N3",
        ),
        (
            "two links",
            quote().with("EmailUrlInfo.csv", &links(&["https://files.example/q/31", "https://files.example/q/32"])),
            "none for content-verdict/url",
        ),
        (
            "a whole host",
            quote().with("EmailUrlInfo.csv", &links(&["https://files.example/"])),
            "none for content-verdict/url",
        ),
        ("no connector is known", bank(), "mend authentication-alignment/spf-of-the-gateway"),
        (
            "the gateway's connector",
            bank().with("connectors_2026-11-17.json", &connector(false)),
            "mend authentication-alignment/spf-of-the-gateway: N10",
        ),
        (
            "a connector that skips the last hop",
            bank().with("connectors_2026-11-17.json", &connector(true)),
            "mend authentication-alignment/spf-of-the-gateway",
        ),
    ] {
        assert_eq!(cures(&ticket), [expected], "{name}");
        let followed = ticket.follow().unwrap();
        let broken: Vec<String> = followed.cures.iter().flat_map(|cure| broken(cure, &followed)).collect();
        assert!(broken.is_empty(), "{name}: {broken:?}");
    }
}

/// What is proposed never depends on the order of rows, line ends, or a file that is there twice.
#[test]
fn proposals_do_not_depend_on_the_form_of_the_evidence() {
    for name in [
        "allow_of_the_domain_and_mail_of_its_subdomain",
        "one_message_three_ends",
        "executive_named_from_a_private_address",
    ] {
        let ticket = named(name);
        let told = |evidence: &[(String, String)]| -> Vec<String> {
            let followed = ticket.follow_in(evidence).unwrap();
            let proposals = followed.cures.iter().flat_map(proposals).map(|one| one.what.clone());
            followed.cures.iter().map(short).chain(proposals).collect()
        };
        let plain = told(&ticket.evidence);
        let mut turned = ticket.evidence.clone();
        turned.reverse();
        let crlf: Vec<_> =
            ticket.evidence.iter().map(|(name, text)| (name.clone(), text.replace('\n', "\r\n"))).collect();
        let copies = ticket.evidence.iter().map(|(name, text)| (format!("again/{name}"), text.clone()));
        let doubled: Vec<_> = ticket.evidence.iter().cloned().chain(copies).collect();
        for (form, evidence) in [("turned", turned), ("CRLF", crlf), ("doubled", doubled)] {
            assert_eq!(told(&evidence), plain, "{name}: {form}");
        }
    }
}

/// Without a clock nothing is dated by guessing: what ends by its last use, or by nothing but a day, is left.
#[test]
fn ok_without_a_clock() {
    let mut followed = named("allow_of_the_domain_and_mail_of_its_subdomain").follow().unwrap();
    followed.now = None;
    let cures = exceptions::propose(&followed.needs, &followed.world());
    assert_eq!(cures.iter().map(short).collect::<Vec<_>>(), ["except content-verdict/spam: N8+N9, N1, N2"]);
    let ends: Vec<Ends> = cures.iter().flat_map(proposals).flat_map(grants).map(|grant| grant.ends).collect();
    assert_eq!(ends, [Ends::AtOnce, Ends::Unused(45), Ends::Unused(45)]);
}
