//! A scope within another takes in nothing that the other does not.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use evidence::Address;
use exceptions::{On, Scope, Term, Value};
use proptest::prelude::*;

/// A message, as conditions look at it.
#[derive(Clone, Debug)]
struct Mail {
    envelope_sender: String,
    header_from: String,
    recipient: String,
    client: IpAddr,
    signed_by: String,
    subject: String,
}

/// Whether a value takes in a party or text, looked at as plainly as can be.
fn takes_in(value: &Value, text: &str) -> bool {
    let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
    match value {
        Value::Address(address) => address.as_str() == text,
        Value::Domain(of) => domain == of,
        Value::DomainAndBelow(of) => of.is_empty() || domain == of || domain.ends_with(&format!(".{of}")),
        Value::Holds(part) => text.to_lowercase().contains(&part.to_lowercase()),
        Value::Name(name) => name.eq_ignore_ascii_case(text),
        Value::Any => true,
        Value::Network(first, last) => text.parse::<IpAddr>().is_ok_and(|at| *first <= at && at <= *last),
        Value::Pattern(_) => false,
    }
}

fn holds(term: &Term, mail: &Mail) -> bool {
    let client = mail.client.to_string();
    let texts: Vec<&str> = match term.on {
        On::EnvelopeSender => vec![&mail.envelope_sender],
        On::HeaderFrom => vec![&mail.header_from],
        On::EitherSender => vec![&mail.envelope_sender, &mail.header_from],
        On::Recipient => vec![&mail.recipient],
        On::Client => vec![&client],
        On::SignedBy => vec![&mail.signed_by],
        On::Subject => vec![&mail.subject],
        _ => Vec::new(),
    };
    term.values.iter().any(|value| texts.iter().any(|text| takes_in(value, text)))
}

fn matches(scope: &Scope, mail: &Mail) -> bool {
    scope.terms.iter().all(|term| holds(term, mail)) && !scope.except.iter().any(|term| holds(term, mail))
}

fn domain() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a.example", "x.a.example", "xa.example", "example", "b.example"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["ann", "bob"]), domain()).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn client() -> impl Strategy<Value = u32> {
    (0_u32..8).prop_map(|at| 0xC000_0200 + at)
}

fn mail() -> impl Strategy<Value = Mail> {
    let subject = prop::sample::select(vec!["", "Invoice 7", "re: invoice", "hello"]).prop_map(str::to_owned);
    (address(), address(), address(), client(), domain(), subject).prop_map(
        |(envelope_sender, header_from, recipient, client, signed_by, subject)| Mail {
            envelope_sender,
            header_from,
            recipient,
            client: IpAddr::V4(Ipv4Addr::from(client)),
            signed_by,
            subject,
        },
    )
}

fn party() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => address().prop_map(|text| Value::Address(Address::new(&text))),
        3 => domain().prop_map(Value::Domain),
        3 => domain().prop_map(Value::DomainAndBelow),
        1 => prop::sample::select(vec!["a", "@a.example", ".example", "", "ann@"]).prop_map(|text| Value::Holds(text.to_owned())),
        1 => Just(Value::Any),
        1 => Just(Value::Pattern("^a".to_owned())),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let parties = prop::collection::vec(party(), 0..3);
    let on = prop::sample::select(vec![On::EnvelopeSender, On::HeaderFrom, On::EitherSender, On::Recipient]);
    let network = (client(), client()).prop_map(|(one, other)| {
        Value::Network(Ipv4Addr::from(one.min(other)).into(), Ipv4Addr::from(one.max(other)).into())
    });
    let text = prop_oneof![
        prop::sample::select(vec!["invoice", "INVOICE", "i", "", "re"]).prop_map(|text| Value::Holds(text.to_owned())),
        prop::sample::select(vec!["invoice 7", "hello"]).prop_map(|text| Value::Name(text.to_owned())),
    ];
    prop_oneof![
        5 => (on, parties).prop_map(|(on, values)| Term::new(on, values)),
        2 => prop::collection::vec(network, 1..3).prop_map(|values| Term::new(On::Client, values)),
        1 => domain().prop_map(|domain| Term::one(On::SignedBy, Value::Domain(domain))),
        1 => text.prop_map(|value| Term::one(On::Subject, value)),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    (prop::collection::vec(term(), 0..4), prop::collection::vec(term(), 0..2)).prop_map(|(terms, except)| Scope {
        terms: terms.into_iter().collect(),
        except: except.into_iter().collect::<BTreeSet<_>>(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn within_is_within(wide in scope(), more in prop::collection::vec(term(), 0..3), other in scope(), mails in prop::collection::vec(mail(), 20)) {
        let narrower = more.into_iter().fold(wide.clone(), Scope::and);
        prop_assert!(narrower.is_within(&wide) && wide.is_within(&wide));
        for narrow in [&narrower, &other] {
            if narrow.is_within(&wide) {
                for mail in mails.iter().filter(|mail| matches(narrow, mail)) {
                    prop_assert!(matches(&wide, mail), "{narrow} within {wide}, not for {mail:?}");
                }
            }
        }
    }

    /// Whoever is within somebody who is within a third is within the third.
    #[test]
    fn within_goes_on(one in scope(), two in scope(), three in scope()) {
        if one.is_within(&two) && two.is_within(&three) {
            prop_assert!(one.is_within(&three), "{one} | {two} | {three}");
        }
    }
}
