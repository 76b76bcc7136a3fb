//! What holds for any records and any answers.

mod support;

use auth::spf::{Client, Identity, MAX_LOOKUPS, SpfCheck};
use auth::{Answer, Answers, Dns, Question, RecordType, dmarc, spf};
use evidence::{AuthMethod, AuthResult};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use support::{Closed, Zone, answers, without};

/// Most questions of one SPF check: the record, ten terms with the addresses of ten names each, where the term may have to
/// find the name of the client among ten first; the explanation likewise; and the records of includes that are only counted.
const MOST_SPF_QUESTIONS: usize = 1 + 10 * (1 + 10 + 11) + 1 + 2 * 11 + 100;

const NAMES: [&str; 5] = ["a.example", "b.example", "c.b.example", "h.example", "p.example"];

/// The names that terms with macros lead to, for the clients below.
fn macro_names() -> Vec<String> {
    let validated = NAMES.iter().chain(&["unknown"]).map(|name| format!("{name}.b.example"));
    ["bob.a.example", "postmaster.a.example"].map(str::to_owned).into_iter().chain(validated).collect()
}

fn clients() -> impl Strategy<Value = Client> {
    (select(vec!["192.0.2.1", "192.0.2.200", "2001:db8::1"]), select(vec!["bob@a.example", "bob@b.example", ""]))
        .prop_map(|(ip, sender)| Client {
            ip: ip.parse().unwrap(),
            helo: "h.example".to_owned(),
            sender: sender.to_owned(),
            receiver: None,
        })
}

fn term() -> impl Strategy<Value = String> {
    let name = || select(NAMES.to_vec());
    let qualifier = select(vec!["", "-", "~", "?"]);
    let mechanism = prop_oneof![
        3 => name().prop_map(|name| format!("include:{name}")),
        3 => name().prop_map(|name| format!("a:{name}")),
        2 => Just("a".to_owned()),
        2 => name().prop_map(|name| format!("mx:{name}/24")),
        1 => name().prop_map(|name| format!("ptr:{name}")),
        1 => Just("exists:%{l}.a.example".to_owned()),
        1 => Just("exists:%{h}.b.example".to_owned()),
        1 => Just("exists:%{p}.b.example".to_owned()),
        1 => Just("ip4:192.0.2.0/25".to_owned()),
        1 => Just("all".to_owned()),
    ];
    let modifier = name().prop_map(|name| format!("redirect={name}"));
    let exp = name().prop_map(|name| format!("exp={name}"));
    prop_oneof![
        12 => (qualifier, mechanism).prop_map(|(qualifier, mechanism)| format!("{qualifier}{mechanism}")),
        2 => modifier,
        1 => exp,
        1 => Just("ip4:nowhere".to_owned()),
    ]
}

fn no_record() -> impl Strategy<Value = Answer> {
    select(vec![Answer::NoData, Answer::NoName, Answer::Failed("SERVFAIL".into())])
}

fn record(record_type: RecordType) -> BoxedStrategy<Answer> {
    let records = |texts: Vec<String>| Answer::of("NOERROR", texts);
    let name = || select(NAMES.to_vec()).prop_map(str::to_owned);
    match record_type {
        RecordType::A => vec(select(vec!["192.0.2.1", "192.0.2.9", "198.51.100.1"]), 1..3)
            .prop_map(move |all| records(all.into_iter().map(str::to_owned).collect()))
            .boxed(),
        RecordType::Aaaa => Just(records(vec!["2001:db8::1".to_owned()])).boxed(),
        RecordType::Mx => vec((0..3_u8, name()), 1..4)
            .prop_map(move |all| records(all.into_iter().map(|(weight, name)| format!("{weight} {name}.")).collect()))
            .boxed(),
        RecordType::Ptr => vec(name(), 1..4).prop_map(records).boxed(),
        RecordType::Txt => {
            vec(term(), 0..6).prop_map(move |terms| records(vec![format!("v=spf1 {}", terms.join(" "))])).boxed()
        }
    }
}

/// An answer to every question that the terms above can lead to.
fn spf_zone() -> impl Strategy<Value = Zone> {
    let reverse = ["1.2.0.192.in-addr.arpa", "200.2.0.192.in-addr.arpa"].map(str::to_owned);
    let reverse6 = format!("1{}.8.b.d.0.1.0.0.2.ip6.arpa", ".0".repeat(23));
    let mut questions: Vec<Question> = Vec::new();
    for name in NAMES.map(str::to_owned).iter().chain(&macro_names()) {
        for record_type in [RecordType::A, RecordType::Aaaa, RecordType::Mx, RecordType::Txt] {
            questions.push(Question::new(name, record_type));
        }
    }
    questions.extend(reverse.iter().chain([&reverse6]).map(|name| Question::new(name, RecordType::Ptr)));
    questions
        .into_iter()
        .map(|question| {
            let kind = question.record_type;
            // Every other answer empty or failed would end most checks at once.
            prop_oneof![6 => record(kind), 1 => no_record()].prop_map(move |answer| (question.clone(), answer))
        })
        .collect::<Vec<_>>()
}

fn said(check: &SpfCheck) -> (Option<AuthResult>, String) {
    (check.result.clone(), check.reason.to_string())
}

/// Counts questions.
struct Counted<'a>(&'a dyn Dns, std::sync::atomic::AtomicUsize);

impl Dns for Counted<'_> {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(name, auth::domain::normal(name), "asked in normal form");
        self.0.ask(name, record_type)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The result rests on what was saved: without one of the answers it is the same, or it is none and asks for that answer.
    #[test]
    fn spf_is_honest(client in clients(), zone in spf_zone()) {
        let full = spf::check(&client, Identity::MailFrom, &answers(&zone));
        prop_assert!(full.result.is_some() && full.needs.is_empty(), "{}: {:?}", full.reason, full.needs);
        prop_assert!(full.would_add.is_empty(), "{:?}", full.would_add);
        for (index, (question, _)) in zone.iter().enumerate() {
            let less = spf::check(&client, Identity::MailFrom, &without(&zone, index));
            if less.result.is_none() {
                prop_assert!(less.needs.contains(question), "{question} is not in {:?}", less.needs);
                prop_assert!(full.asked.contains(question), "{question} was not asked");
            } else {
                prop_assert_eq!(said(&less), said(&full), "without {}", question);
                prop_assert!(less.needs.is_empty());
                if less.explanation != full.explanation || less.total_lookups != full.total_lookups {
                    prop_assert!(less.would_add.contains(question), "{question} is not in {:?}", less.would_add);
                }
            }
        }
    }

    /// Asking for what is missing, round by round, ends at the result of the full answers.
    #[test]
    fn spf_rounds_end(client in clients(), zone in spf_zone()) {
        let full = spf::check(&client, Identity::MailFrom, &answers(&zone));
        let mut saved = Answers::default();
        for _ in 0..30 {
            let check = spf::check(&client, Identity::MailFrom, &saved);
            if check.result.is_some() {
                prop_assert_eq!(said(&check), said(&full));
                return Ok(());
            }
            prop_assert!(!check.needs.is_empty());
            for question in check.needs {
                let known = zone.iter().find(|(known, _)| *known == question);
                saved.insert(&question, known.expect("every question has an answer").1.clone());
            }
        }
        prop_assert!(false, "it does not end");
    }

    #[test]
    fn spf_limits_hold(client in clients(), zone in spf_zone()) {
        let known = answers(&zone);
        let counted = Counted(&known, Default::default());
        let check = spf::check(&client, Identity::MailFrom, &counted);
        prop_assert!(counted.1.into_inner() <= MOST_SPF_QUESTIONS);
        prop_assert!(check.lookups <= MAX_LOOKUPS + 1);
        prop_assert_eq!(check.lookups > MAX_LOOKUPS, check.over_limit.is_some_and(|over| over.limit == spf::Limit::Lookups));
    }

    /// Other answers, and records in another order, change nothing.
    #[test]
    fn spf_other_answers_do_not_matter(client in clients(), zone in spf_zone()) {
        let full = spf::check(&client, Identity::MailFrom, &answers(&zone));
        let mut turned: Zone = zone.into_iter().rev().collect();
        for (_, answer) in &mut turned {
            if let Answer::Records(records) = answer {
                *answer = Answer::of("NOERROR", records.iter().rev().cloned().collect());
            }
        }
        turned.push((Question::new("other.example", RecordType::Txt), Answer::of("NOERROR", vec!["v=spf1 +all".into()])));
        prop_assert_eq!(spf::check(&client, Identity::MailFrom, &answers(&turned)), full);
    }

    /// Whatever stands in the DNS and in the envelope, there is an answer and no panic.
    #[test]
    fn spf_takes_anything(
        ip in any::<[u8; 16]>(),
        helo in any::<String>(),
        sender in any::<String>(),
        records in vec(any::<String>(), 1..4),
        spf in "v=spf1( [ -~]{0,40})*",
        macros in "v=spf1( (a|mx|exists|include|exp|redirect|ptr)[:=](%\\{[slodiphcrtvSLODIPHCRTV][0-9]{0,3}r?[-.+,/_=]{0,3}\\}|[%._a-z-]){0,20})*",
    ) {
        for text in records.iter().chain([&spf, &macros]) {
            let mut saved = Answers::default();
            for record_type in RecordType::ALL {
                let texts = vec![text.clone(), records[0].clone()];
                for name in ["example.com", "a.example", helo.as_str()] {
                    saved.insert(&Question::new(name, record_type), Answer::of("NOERROR", texts.clone()));
                }
            }
            for sender in [sender.as_str(), "x@example.com", &format!("{sender}@example.com"), ""] {
                let client = Client { ip: ip.into(), helo: helo.clone(), sender: sender.to_owned(), receiver: Some(helo.clone()) };
                for identity in [Identity::MailFrom, Identity::Helo] {
                    let open = spf::check(&client, identity, &saved);
                    prop_assert_eq!(open.result.is_none(), !open.needs.is_empty());
                    let closed = spf::check(&client, identity, &Closed(saved.clone()));
                    prop_assert!(closed.result.is_some());
                    prop_assert!(!closed.reason.to_string().is_empty());
                }
            }
        }
    }
}

const DMARC_NAMES: [&str; 6] = ["d.c.b.a.example", "c.b.a.example", "b.a.example", "a.example", "z.example", "example"];

fn dmarc_record() -> impl Strategy<Value = Answer> {
    let text = (
        select(vec!["", "; p=none", "; p=quarantine", "; p=reject", "; p=refuse"]),
        select(vec!["", "", "; sp=reject", "; sp=x; rua=mailto:a@a.example"]),
        select(vec!["", "", "; np=reject", "; np=none"]),
        select(vec!["", "", "", "; psd=y", "; psd=n", "; psd=u"]),
        select(vec!["", "; aspf=s", "; adkim=s", "; adkim=s; aspf=s", "; t=y"]),
    )
        .prop_map(|(p, sp, np, psd, mode)| format!("v=DMARC1{p}{sp}{np}{psd}{mode}"));
    prop_oneof![
        6 => text.prop_map(|text| Answer::of("NOERROR", vec![text])),
        1 => Just(Answer::of("NOERROR", vec!["v=DMARC1; p=none".into(), "v=DMARC1; p=reject".into()])),
        1 => Just(Answer::of("NOERROR", vec!["v=spf1 -all".into(), "v=dmarc1; p=none".into()])),
        4 => no_record(),
    ]
}

fn dmarc_zone() -> impl Strategy<Value = Zone> {
    DMARC_NAMES
        .iter()
        .flat_map(|name| {
            let record = Question::new(&format!("_dmarc.{name}"), RecordType::Txt);
            let exists = Question::new(name, RecordType::A);
            [
                dmarc_record().prop_map(move |answer| (record.clone(), answer)).boxed(),
                no_record().prop_map(move |answer| (exists.clone(), answer)).boxed(),
            ]
        })
        .collect::<Vec<_>>()
}

fn authenticated() -> impl Strategy<Value = Vec<dmarc::Authenticated>> {
    let one = (
        select(vec![AuthMethod::Spf, AuthMethod::Dkim]),
        select(DMARC_NAMES.to_vec()),
        select(vec![
            Some(AuthResult::Pass),
            Some(AuthResult::Pass),
            Some(AuthResult::Fail),
            Some(AuthResult::TempError),
            None,
        ]),
    );
    vec(
        one.prop_map(|(method, domain, result)| dmarc::Authenticated { method, domain: domain.to_owned(), result }),
        0..4,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// As for SPF, and the same for the policy of a message that did not pass.
    #[test]
    fn dmarc_is_honest(author in select(DMARC_NAMES.to_vec()), authenticated in authenticated(), zone in dmarc_zone()) {
        let author = [author.to_owned()];
        let full = dmarc::check(&author, &authenticated, &answers(&zone));
        prop_assert!(full.needs.is_empty(), "{:?}", full.needs);
        let unchecked = authenticated.iter().any(|one| one.result.is_none());
        prop_assert!(full.result.is_some() || unchecked, "{}", full.reason);
        for (index, (question, _)) in zone.iter().enumerate() {
            let less = dmarc::check(&author, &authenticated, &without(&zone, index));
            let asks = less.needs.contains(question);
            match &less.result {
                Some(_) => prop_assert_eq!(&less.result, &full.result, "without {}", question),
                None => prop_assert!(asks || full.result.is_none(), "{question} is not in {:?}", less.needs),
            }
            if less.policy.is_some() {
                prop_assert_eq!((less.policy, less.policy_tag), (full.policy, full.policy_tag), "without {}", question);
            } else if full.policy.is_some() && full.result != Some(AuthResult::Pass) {
                prop_assert!(asks, "{question} is not in {:?}", less.needs);
            }
            if less.organizational_domain.is_some() {
                prop_assert_eq!(&less.organizational_domain, &full.organizational_domain, "without {}", question);
            }
            // A question that failed or is missing may hide how an identifier stands, and never change it.
            for (less, full) in less.alignment.iter().zip(&full.alignment) {
                if less.alignment.is_aligned() {
                    prop_assert!(full.alignment.is_aligned(), "without {}", question);
                }
            }
        }
    }

    /// Rounds of asking end at the result of the full answers, also from nothing.
    #[test]
    fn dmarc_rounds_end(author in select(DMARC_NAMES.to_vec()), authenticated in authenticated(), zone in dmarc_zone()) {
        let author = [author.to_owned()];
        let full = dmarc::check(&author, &authenticated, &answers(&zone));
        let mut saved = Answers::default();
        for _ in 0..4 {
            let check = dmarc::check(&author, &authenticated, &saved);
            if check.needs.is_empty() {
                prop_assert_eq!(check.result, full.result);
                return Ok(());
            }
            for question in check.needs {
                let known = zone.iter().find(|(known, _)| *known == question);
                saved.insert(&question, known.expect("every question has an answer").1.clone());
            }
        }
        prop_assert!(false, "it does not end");
    }

    /// Other answers, records in another order, and identifiers in another order change neither result nor policy.
    #[test]
    fn dmarc_other_answers_do_not_matter(
        author in select(DMARC_NAMES.to_vec()),
        authenticated in authenticated(),
        zone in dmarc_zone(),
    ) {
        let author = [author.to_owned()];
        let full = dmarc::check(&author, &authenticated, &answers(&zone));
        let mut turned: Zone = zone.into_iter().rev().collect();
        for (_, answer) in &mut turned {
            if let Answer::Records(records) = answer {
                *answer = Answer::of("NOERROR", records.iter().rev().cloned().collect());
            }
        }
        let other = Question::new("_dmarc.other.example", RecordType::Txt);
        turned.push((other, Answer::of("NOERROR", vec!["v=DMARC1; p=reject; psd=y".into()])));
        prop_assert_eq!(&dmarc::check(&author, &authenticated, &answers(&turned)), &full);
        let reversed: Vec<_> = authenticated.into_iter().rev().collect();
        let check = dmarc::check(&author, &reversed, &answers(&turned));
        prop_assert_eq!((check.result, check.policy, check.found_at), (full.result, full.policy, full.found_at));
    }

    #[test]
    fn dmarc_takes_anything(
        authors in vec(any::<String>(), 0..3),
        domain in any::<String>(),
        long in "([a-z]{1,3}\\.){0,60}example",
        texts in vec(any::<String>(), 1..3),
        tags in "v=DMARC1( ?; ?(p|sp|np|psd|t|rua|ruf|adkim|aspf|pct|fo|v|x) ?= ?[ -~]{0,12})*",
    ) {
        let authenticated = [&domain, &long].map(|domain| dmarc::Authenticated {
            method: AuthMethod::Dkim,
            domain: domain.clone(),
            result: Some(AuthResult::Pass),
        });
        for text in texts.iter().chain([&tags]) {
            let mut saved = Answers::default();
            for name in ["example", "a.example", long.as_str(), domain.as_str()] {
                let question = Question::new(&format!("_dmarc.{name}"), RecordType::Txt);
                saved.insert(&question, Answer::of("NOERROR", vec![text.clone()]));
            }
            for authors in [&authors[..], std::slice::from_ref(&long), &["b.a.example".to_owned()]] {
                let open = dmarc::check(authors, &authenticated, &saved);
                prop_assert!(open.result.is_some() || !open.needs.is_empty());
                let closed = Closed(saved.clone());
                let counted = Counted(&closed, Default::default());
                let check = dmarc::check(authors, &authenticated, &counted);
                prop_assert!(check.result.is_some() && check.walk.len() <= 8);
                prop_assert!(counted.1.into_inner() <= 8 * 3 + 4);
            }
        }
    }
}
