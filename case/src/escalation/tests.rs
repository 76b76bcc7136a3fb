//! Reasons by journals and by other cases, and what a package keeps back.

use jiff::Timestamp;
use report::{
    Cite, Event, Fate, Finding, FindingKind, FollowedCause, IdentifierKind, Layer, LayerState, MessageCopy, Part,
    Report, Standing, State,
};

use super::{Asked, Escalation, EscalationAnswer, Evidence, ReasonName, Sample, escalate, package};
use crate::case::{About, Answered, Asked as AskedFor, Case};
use crate::journal::{Answer, CheckAnswer, Deed, Draft, Entry, Verification};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).expect("an instant")
}

fn cite(line: u64, said: &str) -> Cite {
    Cite {
        file: "001/log".to_owned(),
        line: Some(line),
        record: None,
        bytes: [line * 100, line * 100 + 50],
        mark: None,
        said: said.to_owned(),
        excerpt: None,
    }
}

fn layer(layer: Layer, state: State, line: u64) -> LayerState {
    let system = Some("Exchange Online".to_owned());
    LayerState { layer, state, summary: "as the record says".to_owned(), cites: vec![cite(line, "record")], system }
}

/// A copy that a filter kept back: all four facts are in.
fn copy(recipient: &str, cause: &str) -> MessageCopy {
    let stated = |part, value: &str, line| report::StatedPart {
        part,
        value: value.to_owned(),
        system: "Exchange Online".to_owned(),
        cites: vec![cite(line, value)],
    };
    MessageCopy {
        envelope_recipient: recipient.to_owned(),
        fate: Fate::Quarantined,
        changed_layer: Some(Layer::Quarantine),
        layers: vec![
            layer(Layer::Authentication, State::Passed, 1),
            layer(Layer::Verdict, State::Changed, 2),
            layer(Layer::Quarantine, State::Stopped, 3),
            layer(Layer::Delivery, State::NotReached, 3),
        ],
        timeline: vec![Event {
            at: at(0),
            system: "Exchange Online".to_owned(),
            layer: Layer::Quarantine,
            summary: "held".to_owned(),
            cites: vec![cite(3, "record")],
            assumed: None,
        }],
        because: None,
        families: vec![],
        replies: vec![],
        cause: Some(FollowedCause {
            id: cause.to_owned(),
            standing: Standing::Proved,
            layer: Layer::Verdict,
            system: "Exchange Online".to_owned(),
            policy: Some("Default".to_owned()),
            policy_kind: None,
            reply: None,
            statement: "held by its filter".to_owned(),
            cites: vec![cite(2, "verdict")],
        }),
        identifiers: vec![report::CopyIdentifier {
            kind: IdentifierKind::MessageId,
            id: "inv-1@supplier.example".to_owned(),
            host: None,
            system: "Exchange Online".to_owned(),
            at: None,
            cites: vec![cite(1, "record")],
        }],
        stated: vec![
            stated(Part::EnvelopeSender, "billing@supplier.example", 1),
            stated(Part::EnvelopeRecipient, recipient, 1),
        ],
        releases: vec![],
    }
}

fn report(recipients: &[&str], cause: &str) -> Report {
    let finding = |recipient: &&str| Finding {
        id: cause.to_owned(),
        kind: FindingKind::Cause,
        standing: Standing::Proved,
        layer: Layer::Verdict,
        envelope_recipient: Some((*recipient).to_owned()),
        statement: "held by its filter".to_owned(),
        cites: vec![cite(2, "verdict")],
        ask_for: vec![],
        owner: Some("Who runs the anti-spam policy named in the record.".to_owned()),
        narrow_fix: None,
        specific: None,
        told_apart: vec![],
        rollback: None,
        verify: None,
        picture: None,
    };
    Report {
        copies: recipients.iter().map(|recipient| copy(recipient, cause)).collect(),
        findings: recipients.iter().map(finding).collect(),
        ..Report::default()
    }
}

fn journal(about: About, deeds: Vec<Deed>) -> Vec<Entry> {
    let opened = Deed::Opened { about, asked: AskedFor::default() };
    let mut journal: Vec<Entry> = Vec::new();
    for (minute, deed) in (0..).zip(std::iter::once(opened).chain(deeds)) {
        let draft = Draft { at: at(minute), who: "kim".to_owned(), key: None, deed };
        let last = journal.last().map(|entry| (entry.seq, entry.hash.as_str()));
        journal.push(Entry::behind(&"0".repeat(32), last, draft).expect("JSON"));
    }
    journal
}

fn about(user: &str, site: Option<&str>) -> About {
    About {
        client: "contoso".to_owned(),
        user: Some(user.to_owned()),
        site: site.map(str::to_owned),
        ..About::default()
    }
}

fn asked_with(
    report: &Report,
    journal: &[Entry],
    others: &[(Case, Entry)],
    run: impl Fn(Asked<'_>) -> Asked<'_>,
) -> Escalation {
    let case = Case::of(1, journal).expect("a case");
    escalate(&run(Asked {
        case: &case,
        journal,
        report,
        proposal: None,
        others,
        now: at(100),
        who: "kim",
        to: None,
        reason: None,
        is_wanted_anyway: false,
    }))
}

fn change(guard: Option<&str>) -> Deed {
    Deed::ChangeMade {
        made_at: at(1),
        candidate: "Set-Something -Password hunter2\nNew-Rule".to_owned(),
        guard: guard.map(str::to_owned),
        ends: None,
        messages: None,
    }
}

fn verified(answer: Answer) -> Deed {
    let cites = if answer == Answer::CannotTell { vec![] } else { vec![cite(9, "the later message")] };
    let check = CheckAnswer {
        check: "workflow".to_owned(),
        answer,
        statement: "A later message.".to_owned(),
        cites,
        ask_for: vec![],
    };
    Deed::Verified { verification: Verification { answer, checks: vec![check] }, due: None }
}

fn names(escalation: &Escalation) -> Vec<&'static str> {
    escalation.reasons.iter().map(|reason| reason.reason.word()).collect()
}

#[test]
fn reasons_by_the_journal() {
    use Answer::{CameBack, CannotTell, Held};
    let narrow = || change(Some("narrow"));
    for (name, deeds, expected) in [
        ("nothing was tried", vec![], vec![]),
        ("changed, not verified", vec![narrow()], vec![]),
        ("it held", vec![narrow(), verified(Held)], vec![]),
        ("cannot tell is no answer", vec![narrow(), verified(CannotTell)], vec![]),
        ("held, then back", vec![narrow(), verified(Held), verified(CameBack)], vec!["same_symptom_after_fix"]),
        (
            "back, then cannot tell",
            vec![narrow(), verified(CameBack), verified(CannotTell)],
            vec!["same_symptom_after_fix"],
        ),
        ("back at the first look", vec![narrow(), verified(CameBack)], vec!["same_symptom_after_fix"]),
        ("back, then it held after all", vec![narrow(), verified(CameBack), verified(Held)], vec![]),
        ("back, and changed again", vec![narrow(), verified(CameBack), narrow()], vec![]),
        ("back without any change", vec![verified(CameBack)], vec![]),
        ("a broad change", vec![change(Some("broad"))], vec!["disruptive_fix"]),
        ("a broad change, then a narrow one", vec![change(Some("broad")), narrow()], vec![]),
        ("a change that nobody judged", vec![change(None)], vec![]),
    ] {
        let report = report(&["ana@example.com"], "content-verdict/spam");
        let journal = journal(about("ana@example.com", None), deeds);
        let found = asked_with(&report, &journal, &[], |asked| asked);
        assert_eq!(names(&found), expected, "{name}");
        let answer = if expected.is_empty() { EscalationAnswer::NoReason } else { EscalationAnswer::Escalated };
        assert_eq!(found.answer, answer, "{name}");
        for reason in &found.reasons {
            assert!(!reason.cites.is_empty() || !reason.entries.is_empty(), "{name}: {reason:?}");
        }
    }
}

#[test]
fn several_users_by_copies_and_by_other_cases() {
    let other = |user: &str, site: Option<&str>, sender: &str, cause: &str, decided_by: &str| {
        let mut report = report(&[user], cause);
        report.message.envelope_sender = Some(sender.to_owned());
        let mut answered = Answered::of(&report);
        for cause in &mut answered.causes {
            cause.decided_by = Some(decided_by.to_owned());
        }
        let journal = journal(about(user, site), vec![Deed::Answered { answered }]);
        let case = Case::of(2, &journal).expect("a case");
        (case, journal.last().cloned().expect("an entry"))
    };
    let spam = "content-verdict/spam";
    let route = "connector-routing/connector-restriction";
    for (name, recipients, cause, others, expected) in [
        ("one recipient", vec!["ana@example.com"], spam, vec![], false),
        ("two recipients", vec!["ana@example.com", "ben@example.com"], spam, vec![], true),
        (
            "another user, the same sender",
            vec!["ana@example.com"],
            spam,
            vec![other("ben@example.com", None, "x@supplier.example", spam, "Default")],
            true,
        ),
        (
            "another user, another sender",
            vec!["ana@example.com"],
            spam,
            vec![other("ben@example.com", None, "x@shop.example", spam, "Default")],
            false,
        ),
        (
            "another user, another cause",
            vec!["ana@example.com"],
            spam,
            vec![other("ben@example.com", None, "x@supplier.example", "content-verdict/bulk", "Default")],
            false,
        ),
        (
            "the same user again",
            vec!["ana@example.com"],
            spam,
            vec![other("ana@example.com", None, "x@supplier.example", spam, "Default")],
            false,
        ),
        (
            "the same user, another site",
            vec!["ana@example.com"],
            spam,
            vec![other("ana@example.com", Some("Lyon"), "x@supplier.example", spam, "Default")],
            true,
        ),
        (
            "one connector, two senders",
            vec!["ana@example.com"],
            route,
            vec![other("ben@example.com", None, "x@shop.example", route, "Default")],
            true,
        ),
        (
            "two connectors, two senders",
            vec!["ana@example.com"],
            route,
            vec![other("ben@example.com", None, "x@shop.example", route, "Inbound 2")],
            false,
        ),
    ] {
        let mut report = report(&recipients, cause);
        report.message.envelope_sender = Some("billing@supplier.example".to_owned());
        let answered = Deed::Answered { answered: Answered::of(&report) };
        let journal = journal(about("ana@example.com", None), vec![answered]);
        let found = asked_with(&report, &journal, &others, |asked| asked);
        let applies = found.reasons.iter().any(|reason| reason.reason == ReasonName::SeveralUsersOrSites);
        assert_eq!(applies, expected, "{name}: {:?}", found.reasons);
    }
}

#[test]
fn what_a_person_says_is_marked() {
    let report = report(&["ana@example.com"], "content-verdict/spam");
    let journal = journal(about("ana@example.com", None), vec![]);
    let found = asked_with(&report, &journal, &[], |asked| Asked {
        to: Some(super::ReceiverKind::Security),
        reason: Some(" the board asked "),
        ..asked
    });
    assert_eq!(found.answer, EscalationAnswer::Escalated);
    assert_eq!(found.reasons.len(), 1);
    assert_eq!(
        (found.reasons[0].statement.as_str(), found.reasons[0].said_by.as_deref()),
        ("the board asked", Some("kim"))
    );
    assert_eq!(found.receiver.and_then(|receiver| receiver.said_by).as_deref(), Some("kim"));
}

#[test]
fn a_fact_that_no_record_states_is_missing() {
    let journal = journal(about("ana@example.com", None), vec![]);
    type Take = fn(&mut MessageCopy);
    let rows: [(&str, Take, &str); 8] = [
        ("no sender", |copy| copy.stated.retain(|part| part.part != Part::EnvelopeSender), "identifiers"),
        ("no id", |copy| copy.identifiers.clear(), "identifiers"),
        ("no time", |copy| copy.timeline.clear(), "identifiers"),
        ("authentication not supplied", |copy| copy.layers[0].state = State::NotSupplied, "authentication"),
        ("authentication by no record", |copy| copy.layers[0].cites.clear(), "authentication"),
        (
            "no verdict",
            |copy| {
                copy.layers[1].state = State::NotSupplied;
                copy.cause = None
            },
            "verdict",
        ),
        ("no delivery record", |copy| copy.layers[3].state = State::NotSupplied, "downstream"),
        (
            "only a relay",
            |copy| {
                copy.layers[3].state = State::Passed;
                copy.fate = Fate::Unknown
            },
            "downstream",
        ),
    ];
    for (name, take, expected) in rows {
        let mut report = report(&["ana@example.com"], "content-verdict/spam");
        report.copies.iter_mut().for_each(take);
        let found = asked_with(&report, &journal, &[], |asked| Asked { is_wanted_anyway: true, ..asked });
        assert_eq!(found.answer, EscalationAnswer::Refused, "{name}");
        let missing: Vec<&str> =
            found.facts.iter().filter(|fact| !fact.missing.is_empty()).map(|fact| fact.fact.word()).collect();
        assert_eq!(missing, [expected], "{name}");
        assert!(
            found.facts.iter().all(|fact| fact.missing.is_empty() || !fact.fetch.is_empty()),
            "{name}: how to get it"
        );
    }
    let nothing = asked_with(&Report::default(), &journal, &[], |asked| asked);
    assert_eq!(nothing.answer, EscalationAnswer::Refused);
    assert!(nothing.facts.iter().all(|fact| !fact.missing.is_empty() && !fact.fetch.is_empty()), "{:?}", nothing.facts);
}

#[test]
fn a_sample_of_the_message_goes_in_uncited() {
    let report = report(&["ana@example.com"], "content-verdict/spam");
    let journal = journal(about("ana@example.com", None), Vec::new());
    let found = asked_with(&report, &journal, &[], |asked| Asked { is_wanted_anyway: true, ..asked });
    let text = "Subject: invoice\n\npay by tomorrow\n";
    let made = |source: &'static str, is_of_the_message: bool, sample: Sample| {
        let file = Evidence { name: "mail", bytes: text.as_bytes(), source: Some(source), is_of_the_message };
        let made = package(&found, &[file], sample).expect("a package");
        let is_sample = |(name, _): &&(String, Vec<u8>)| name.starts_with("evidence/mail");
        let attached = made.files.iter().find(is_sample).map(|(name, bytes)| (name.clone(), bytes.len()));
        let summary = made.files.iter().find(|(name, _)| name == "summary.md").expect("a summary");
        (attached, String::from_utf8_lossy(&summary.1).contains("No message sample is attached"))
    };
    let named = |name: &str, bytes: usize| (Some((name.to_owned(), bytes)), false);
    assert_eq!(made("message/eml", true, Sample::Header), named("evidence/mail.header.txt", 17));
    assert_eq!(made("message/eml", true, Sample::Whole), named("evidence/mail", text.len()));
    assert_eq!(made("message/msg", true, Sample::Whole), named("evidence/mail", text.len()));
    assert_eq!(made("message/msg", true, Sample::Header), (None, true));
    assert_eq!(made("message/eml", false, Sample::Whole), (None, true));
}

#[test]
fn a_package_keeps_bodies_and_secrets_back() {
    let body = "pay by tomorrow, says the chairwoman";
    let sample = format!("Subject: invoice\nFrom: a@supplier.example\n\n{body}\n");
    let mut report = report(&["ana@example.com"], "content-verdict/spam");
    let start = sample.find(body).expect("a body") as u64;
    let of = |bytes: [u64; 2], said: &str| Cite {
        file: "001/mail.eml".to_owned(),
        bytes,
        said: said.to_owned(),
        ..cite(1, "")
    };
    report.copies[0].timeline[0].cites =
        vec![of([0, 16], "Subject: invoice"), of([start, start + body.len() as u64], body)];
    let approved = Deed::Approved {
        by: "Noor".to_owned(),
        role: "security".to_owned(),
        ends: at(5),
        document: "because the merger is secret".to_owned(),
    };
    let noted = Deed::Noted { text: "she was furious".to_owned() };
    let journal = journal(about("ana@example.com", None), vec![approved, noted, change(Some("narrow"))]);
    let found = asked_with(&report, &journal, &[], |asked| Asked { is_wanted_anyway: true, ..asked });
    let evidence = [Evidence {
        name: "001/mail.eml",
        bytes: sample.as_bytes(),
        source: Some("message/eml"),
        is_of_the_message: true,
    }];
    let text = |sample: Sample| {
        let made = package(&found, &evidence, sample).expect("a package");
        let all = made.files.iter().map(|(name, bytes)| format!("{name}\n{}", String::from_utf8_lossy(bytes)));
        all.collect::<Vec<String>>().join("\n")
    };
    for (name, sample, words, expected) in [
        ("the header", Sample::Header, "Subject: invoice", true),
        ("the body", Sample::Header, body, false),
        ("the body, if it is wanted", Sample::Whole, body, true),
        ("the approval's text", Sample::Whole, "merger", false),
        ("who approved", Sample::Whole, "Noor", true),
        ("a note", Sample::Whole, "furious", false),
        ("a password", Sample::Whole, "hunter2", false),
        ("the rest of the change", Sample::Whole, "New-Rule", true),
    ] {
        assert_eq!(text(sample).contains(words), expected, "{name}");
    }
    let again = package(&found, &evidence, Sample::Header).expect("a package");
    assert_eq!(package(&found, &evidence, Sample::Header).expect("a package"), again, "the same bytes");
    let names: Vec<&str> = again.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "escalation.json",
            "evidence/001/mail.eml.cited-records.txt",
            "questions.md",
            "records.json",
            "records.md",
            "summary.md",
            "timeline.md",
            "SHA256SUMS"
        ]
    );
}
