//! Candidates between the narrowest and the widest, and which of them are worth a look.
//!
//! Mail is told by who sends it, to whom, from where, what proves it, and what it carries. A candidate takes one condition or none of
//! each, so that those that can be asked for are at most [`MAX_CANDIDATES`]; each of them fits every sample.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::net::IpAddr;

use evidence::Address;

use crate::history::host;
use crate::{Fit, Need, On, Radius, Scope, Term, Value};

/// How many candidates there are at most: four conditions or none on the sender, two or none on the recipient, on the sending address and on
/// the proof, four or none on the content; but not none at all.
pub const MAX_CANDIDATES: usize = 5 * 3 * 3 * 3 * 5 - 1;

/// How many characters of a subject tell it from others, at least.
const MIN_TELLING_CHARS: usize = 8;

/// Words before a subject that say nothing about it.
const ANSWERS: [&str; 6] = ["re", "aw", "fw", "fwd", "wg", "sv"];

/// Every combination of conditions by which the mail of some needs can be told: at most [`MAX_CANDIDATES`]; each fits every need. Those with the
/// most conditions come first, and the one without any is left out.
pub fn candidates(needs: &[Need]) -> Vec<Scope> {
    if needs.is_empty() {
        return Vec::new();
    }
    let mut all = BTreeSet::from([Scope::default()]);
    for choices in [sender(needs), recipient(needs), source(needs), proof(needs), content(needs)] {
        let with = |scope: &Scope| choices.iter().map(|term| scope.clone().and(term.clone())).collect::<Vec<_>>();
        let more: Vec<Scope> = all.iter().flat_map(with).collect();
        all.extend(more);
    }
    all.remove(&Scope::default());
    let mut all: Vec<Scope> = all.into_iter().take(MAX_CANDIDATES).collect();
    all.sort_by(|one, other| other.terms.len().cmp(&one.terms.len()).then_with(|| one.cmp(other)));
    all
}

/// A condition that fits every need: each need says at least one of its values. `None` if one says none.
fn any_of<'n>(on: &On, needs: &'n [Need], values: impl Fn(&'n Need) -> Vec<Value>) -> Option<Term> {
    let each: Vec<Vec<Value>> = needs.iter().map(values).collect();
    let is_whole = each.iter().all(|values| !values.is_empty());
    is_whole.then(|| Term::new(on.clone(), each.into_iter().flatten()))
}

fn sender(needs: &[Need]) -> Vec<Term> {
    fn domain(need: &Need) -> Option<&str> {
        need.header_from.as_ref().and_then(Address::domain)
    }
    let exact = |address: Option<&Address>| address.filter(|one| !one.is_null()).cloned().map(Value::Address);
    let own = |need: &Need| domain(need).map(|domain| Value::Domain(domain.to_owned()));
    let whole =
        |need: &Need| domain(need).map(|domain| Value::DomainAndBelow(organizational_domain(domain).to_owned()));
    [
        any_of(&On::HeaderFrom, needs, |need| exact(need.header_from.as_ref()).into_iter().collect()),
        any_of(&On::EnvelopeSender, needs, |need| exact(need.envelope_sender.as_ref()).into_iter().collect()),
        any_of(&On::HeaderFrom, needs, |need| own(need).into_iter().collect()),
        any_of(&On::HeaderFrom, needs, |need| whole(need).into_iter().collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn recipient(needs: &[Need]) -> Vec<Term> {
    let exact = |need: &Need| need.envelope_recipients.iter().cloned().map(Value::Address).collect();
    let domain = |need: &Need| {
        let domains = need.envelope_recipients.iter().filter_map(Address::domain);
        domains.map(|domain| Value::Domain(domain.to_owned())).collect()
    };
    let choices = [any_of(&On::Recipient, needs, exact), any_of(&On::Recipient, needs, domain)];
    choices.into_iter().flatten().collect()
}

/// Behind a gateway every message comes from the same address: that tells nothing.
fn source(needs: &[Need]) -> Vec<Term> {
    let client = |need: &Need| need.client.filter(|_| !need.is_behind_a_gateway);
    let one = |need: &Need| client(need).map(|ip| Value::Network(ip, ip)).into_iter().collect();
    let near = |need: &Need| {
        let bits = |ip: IpAddr| if ip.is_ipv4() { 24 } else { 64 };
        client(need).and_then(|ip| Value::network(&format!("{ip}/{}", bits(ip)))).into_iter().collect()
    };
    let choices = [any_of(&On::Client, needs, one), any_of(&On::Client, needs, near)];
    choices.into_iter().flatten().collect()
}

fn proof(needs: &[Need]) -> Vec<Term> {
    let signed = any_of(&On::SignedBy, needs, |need| signed_by(need).map(Value::Domain).into_iter().collect());
    let passes = needs.iter().all(|need| need.dmarc_passed == Some(true));
    let dmarc = passes.then(|| Term::one(On::Dmarc, Value::Name("pass".to_owned())));
    [signed, dmarc].into_iter().flatten().collect()
}

/// The domain whose signature tells most: the author's own before one that signs for many.
fn signed_by(need: &Need) -> Option<String> {
    let author = need.header_from.as_ref().and_then(Address::domain).map(organizational_domain);
    let domains = need.signed_by.iter().map(|domain| domain.to_lowercase());
    domains.min_by_key(|domain| (author != Some(organizational_domain(domain)), domain.clone()))
}

fn content(needs: &[Need]) -> Vec<Term> {
    let subject = telling_words(needs).map(|words| Term::one(On::Subject, Value::Holds(words)));
    let link =
        any_of(&On::Url, needs, |need| telling_link(need, needs).cloned().map(Value::Name).into_iter().collect());
    let link_host = any_of(&On::Url, needs, |need| {
        let host = telling_link(need, needs).map(|url| host(url)).filter(|host| !host.is_empty());
        host.map(Value::Domain).into_iter().collect()
    });
    let attachment = any_of(&On::Attachment, needs, |need| {
        let shared = need.attachments.iter().find(|one| needs.iter().all(|need| need.attachments.contains(*one)));
        shared.or(need.attachments.first()).cloned().map(Value::Name).into_iter().collect()
    });
    [subject, link, link_host, attachment].into_iter().flatten().collect()
}

/// The link that tells most of a message: one that all of them carry, to the author's own host, the longest.
fn telling_link<'n>(need: &'n Need, needs: &[Need]) -> Option<&'n String> {
    let author = need.header_from.as_ref().and_then(Address::domain).map(organizational_domain);
    need.urls.iter().filter(|url| !host(url).is_empty()).min_by_key(|url| {
        let is_shared = needs.iter().all(|need| need.urls.contains(*url));
        (!is_shared, author != Some(organizational_domain(&host(url))), Reverse(url.len()), *url)
    })
}

/// Words that stand in the subject of every need, one after the other, and that the next such message will have too: without
/// numbers. `None` if there are too few of them to tell it.
fn telling_words(needs: &[Need]) -> Option<String> {
    let subjects: Vec<&str> =
        needs.iter().map(|need| need.subject.as_deref().map(without_answers)).collect::<Option<_>>()?;
    let first = subjects.first()?;
    let is_in_all = |words: &str| {
        let words = words.to_lowercase();
        subjects.iter().all(|subject| subject.to_lowercase().contains(&words))
    };
    let is_telling = |words: &str| words.chars().filter(|char| char.is_alphanumeric()).count() >= MIN_TELLING_CHARS;
    let mut runs: Vec<&str> = first.split(|char: char| char.is_ascii_digit()).map(whole_words(first)).collect();
    runs.push(first);
    // The longest that all have; of a subject that is all numbers, the whole of it.
    let found = runs.iter().copied().filter(|words| is_telling(words) && is_in_all(words));
    let without_numbers = found.clone().filter(|words| !words.contains(|char: char| char.is_ascii_digit()));
    let longest = |words: &mut dyn Iterator<Item = &str>| words.max_by_key(|words| words.len()).map(str::to_owned);
    longest(&mut without_numbers.into_iter()).or_else(|| longest(&mut found.into_iter()))
}

/// Cuts a part of a text back to words that stand whole in it.
fn whole_words<'t>(text: &'t str) -> impl Fn(&'t str) -> &'t str {
    move |part| {
        let at = part.as_ptr() as usize - text.as_ptr() as usize;
        let is_word = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
        let mut part_now = part;
        if is_word(text.get(..at).and_then(|before| before.chars().next_back())) {
            part_now = part_now.trim_start_matches(|char: char| !char.is_whitespace());
        }
        if is_word(text.get(at + part.len()..).and_then(|after| after.chars().next())) {
            part_now = part_now.trim_end_matches(|char: char| !char.is_whitespace());
        }
        part_now.trim_matches(|char: char| !char.is_alphanumeric())
    }
}

/// A subject without the words that answers and forwards put before it.
fn without_answers(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((head, tail)) = rest.split_once(':') {
        if !ANSWERS.iter().any(|answer| head.trim().eq_ignore_ascii_case(answer)) {
            break;
        }
        rest = tail.trim_start();
    }
    rest
}

/// The domain that an organisation registered, by its labels: two, or three below a country's `co`, `com`, `ac` and the like. No list of
/// registries stands behind this; what it makes too wide is measured and judged like everything else.
fn organizational_domain(domain: &str) -> &str {
    let mut dots = domain.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return domain };
    let is_below_country = domain.len() - last == 3 && last - second <= 4;
    let cut = if is_below_country { dots.next() } else { Some(second) };
    cut.and_then(|at| domain.get(at + 1..)).unwrap_or(domain)
}

/// Those that no other beats: none covers as many of the reported samples with less collateral. By collateral, the least first.
///
/// Collateral is, in this order: messages that were kept out or judged bad, messages, recipients; what may be in the scope and is not shown counts
/// as if it were. Of scopes with the same collateral the one within the other is better: a history does not show what will come.
pub fn front(candidates: &[(Scope, Radius)], needs: &[Need]) -> Vec<usize> {
    let weighed: Vec<Weighed<'_>> =
        candidates.iter().map(|(scope, radius)| Weighed::of(scope, radius, needs)).collect();
    let is_beaten = |own: &Weighed<'_>| own.covers == 0 || weighed.iter().any(|other| other.beats(own));
    let mut front: Vec<usize> =
        (0..weighed.len()).filter(|at| weighed.get(*at).is_some_and(|own| !is_beaten(own))).collect();
    front.sort_by(|one, other| match (weighed.get(*one), weighed.get(*other)) {
        (Some(one), Some(other)) => one.order(other),
        _ => Ordering::Equal,
    });
    front
}

/// What a scope covers, and at what price.
struct Weighed<'a> {
    covers: usize,
    collateral: [u64; 3],
    scope: &'a Scope,
}

impl Weighed<'_> {
    fn of<'a>(scope: &'a Scope, radius: &Radius, needs: &[Need]) -> Weighed<'a> {
        let covers = needs.iter().filter(|need| need.fits(scope) == Fit::Yes).count();
        let may = radius.possible;
        let collateral = [radius.kept_out + radius.bad() + may, radius.messages + may, radius.recipients + may];
        Weighed { covers, collateral, scope }
    }

    fn beats(&self, other: &Weighed<'_>) -> bool {
        let is_no_worse = self.covers >= other.covers
            && self.collateral.iter().zip(&other.collateral).all(|(own, other)| own <= other);
        let is_equal = self.covers == other.covers && self.collateral == other.collateral;
        is_no_worse && (!is_equal || self.scope != other.scope && self.scope.is_within(other.scope))
    }

    fn order(&self, other: &Weighed<'_>) -> Ordering {
        let key = |one: &Weighed<'_>| (one.collateral, Reverse(one.covers), Reverse(one.scope.terms.len()));
        key(self).cmp(&key(other)).then_with(|| self.scope.cmp(other.scope))
    }
}

/// The direct neighbours of a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Those with one condition more, or one that is narrower.
    pub narrower: Vec<usize>,
    /// Those with one condition less, or one that is wider.
    pub wider: Vec<usize>,
}

/// The direct neighbours of the candidate with this number, by their numbers.
pub fn neighbours<'a>(candidates: impl IntoIterator<Item = &'a Scope>, of: &Scope) -> Neighbours {
    let mut found = Neighbours::default();
    for (at, other) in candidates.into_iter().enumerate().filter(|(_, other)| other.except == of.except) {
        if is_one_step(of, other) {
            found.wider.push(at);
        } else if is_one_step(other, of) {
            found.narrower.push(at);
        }
    }
    found
}

/// Whether the second is the first with one condition less, or with one that is wider.
fn is_one_step(narrow: &Scope, wide: &Scope) -> bool {
    let mut gone = narrow.terms.difference(&wide.terms);
    let mut new = wide.terms.difference(&narrow.terms);
    match (gone.next(), new.next(), gone.next().is_some() || new.next().is_some()) {
        (Some(_), None, false) => true,
        (Some(gone), Some(new), false) => gone.is_within(new),
        _ => false,
    }
}

/// The numbers of candidates from the narrowest to the widest: by how much they let through, then by how many conditions they have.
pub fn narrow_to_wide(candidates: &[(Scope, Radius)]) -> Vec<usize> {
    let mut order: Vec<(usize, &(Scope, Radius))> = candidates.iter().enumerate().collect();
    order.sort_by(|(_, (one, of_one)), (_, (other, of_other))| {
        let key = |scope: &Scope, radius: &Radius| {
            (radius.messages, radius.recipients, radius.possible, std::cmp::Reverse(scope.terms.len()))
        };
        key(one, of_one).cmp(&key(other, of_other)).then_with(|| one.cmp(other))
    });
    order.into_iter().map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use evidence::Product;

    use super::*;

    fn need(from: &str, to: &[&str], subject: &str) -> Need {
        Need {
            product: Product::ExchangeOnline,
            verdict: None,
            cause: String::new(),
            is_shown: true,
            because: String::new(),
            cites: Vec::new(),
            ask_for: Vec::new(),
            policy: None,
            envelope_recipients: to.iter().map(|to| Address::new(to)).collect(),
            held: Vec::new(),
            header_from: Some(Address::new(from)),
            envelope_sender: Some(Address::new("bounce@mail.example.net")),
            client: "192.0.2.7".parse().ok(),
            client_is_disputed: false,
            is_behind_a_gateway: false,
            signed_by: BTreeSet::from(["example.net".to_owned(), "a-bulk-sender.example".to_owned()]),
            dmarc_passed: Some(true),
            message_id: Some("m1@example.net".to_owned()),
            subject: Some(subject.to_owned()),
            urls: BTreeSet::from(["https://www.example.net/orders".to_owned(), "https://social.example/".to_owned()]),
            attachments: BTreeSet::from(["ab".repeat(32)]),
            at: None,
        }
    }

    #[test]
    fn ok_candidates_fit_every_need() {
        let one = need("orders@example.net", &["kim@example.com"], "Your order 4711 was sent");
        let other = need("news@shop.example.net", &["lee@example.org"], "Your order 4712 was sent");
        let plain = Need {
            client: None,
            signed_by: BTreeSet::new(),
            dmarc_passed: None,
            urls: BTreeSet::new(),
            attachments: BTreeSet::new(),
            ..need("orders@example.net", &["kim@example.com"], "Hi")
        };
        let gateway = Need { is_behind_a_gateway: true, ..one.clone() };
        for (name, needs, expected) in [
            ("all that can be known", vec![one.clone()], MAX_CANDIDATES),
            ("two samples", vec![one.clone(), other.clone()], MAX_CANDIDATES),
            ("behind a gateway", vec![gateway], 5 * 3 * 3 * 5 - 1),
            ("little is known", vec![plain.clone()], 5 * 3 - 1),
            ("what one of two does not say", vec![one, plain], 5 * 3 - 1),
            ("nothing", vec![], 0),
        ] {
            let scopes = candidates(&needs);
            assert_eq!(scopes.len(), expected, "{name}");
            let misfit = scopes.iter().find(|scope| !needs.iter().all(|need| need.fits(scope) == Fit::Yes));
            assert_eq!(misfit, None, "{name}");
            assert!(scopes.iter().all(|scope| !scope.terms.is_empty()), "{name}");
        }
    }

    #[test]
    fn ok_telling_words() {
        for (name, subjects, expected) in [
            ("number at the end", vec!["Your order 4711"], Some("Your order")),
            ("number in a word", vec!["Invoice INV-2026-7 from Example"], Some("from Example")),
            ("answered", vec!["Re: AW: Quarterly figures"], Some("Quarterly figures")),
            ("too short", vec!["Hi"], None),
            ("short beside a number", vec!["Order 4711"], Some("Order 4711")),
            ("in both", vec!["Your order 1 was sent today", "YOUR ORDER 2 was sent today"], Some("was sent today")),
            ("not in both", vec!["Your order was sent", "Something else entirely"], None),
            ("no subject", vec![""], None),
            ("other letters", vec!["Zahlungsbest\u{e4}tigung 12"], Some("Zahlungsbest\u{e4}tigung")),
        ] {
            let needs: Vec<Need> =
                subjects.iter().map(|subject| need("a@example.net", &["kim@example.com"], subject)).collect();
            assert_eq!(telling_words(&needs).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn ok_organizational_domains() {
        for (domain, expected) in [
            ("example.net", "example.net"),
            ("mail.example.net", "example.net"),
            ("a.b.example.net", "example.net"),
            ("mail.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("mail.example.de", "example.de"),
            ("localhost", "localhost"),
            ("", ""),
        ] {
            assert_eq!(organizational_domain(domain), expected, "{domain}");
        }
    }

    fn radius(messages: u64, kept_out: u64, possible: u64) -> Radius {
        Radius { messages, recipients: messages.min(3), kept_out, possible, ..Radius::default() }
    }

    #[test]
    fn ok_front() {
        let needs = [need("orders@example.net", &["kim@example.com"], "Your order 4711 was sent")];
        let from = Term::one(On::HeaderFrom, Value::party("orders@example.net", Value::Domain));
        let domain = Term::one(On::HeaderFrom, Value::Domain("example.net".to_owned()));
        let to = Term::one(On::Recipient, Value::party("kim@example.com", Value::Domain));
        let stranger = Term::one(On::HeaderFrom, Value::Domain("example.org".to_owned()));
        let sent = |terms: &[&Term]| Scope::of(terms.iter().copied().cloned());
        for (name, given, expected) in [
            (
                "fewer messages",
                vec![(sent(&[&from]), radius(9, 2, 0)), (sent(&[&from, &to]), radius(1, 1, 0))],
                vec![1],
            ),
            (
                "equal: the one within the other",
                vec![(sent(&[&from, &to]), radius(1, 1, 0)), (sent(&[&from]), radius(1, 1, 0))],
                vec![0],
            ),
            (
                "each better in one",
                vec![(sent(&[&domain]), radius(9, 1, 0)), (sent(&[&to]), radius(5, 3, 0))],
                vec![0, 1],
            ),
            ("covers nothing", vec![(sent(&[&stranger]), radius(0, 0, 0)), (sent(&[&from]), radius(9, 2, 0))], vec![1]),
            (
                "not shown is not little",
                vec![(sent(&[&domain]), radius(0, 0, 50)), (sent(&[&from]), radius(9, 2, 0))],
                vec![1],
            ),
            ("equal: both stay", vec![(sent(&[&to]), radius(1, 1, 0)), (sent(&[&from]), radius(1, 1, 0))], vec![1, 0]),
        ] {
            assert_eq!(front(&given, &needs), expected, "{name}");
        }
    }

    #[test]
    fn ok_neighbours() {
        let from = Term::one(On::HeaderFrom, Value::party("orders@example.net", Value::Domain));
        let domain = Term::one(On::HeaderFrom, Value::Domain("example.net".to_owned()));
        let to = Term::one(On::Recipient, Value::party("kim@example.com", Value::Domain));
        let all = [
            Scope::of([from.clone(), to.clone()]),
            Scope::of([from.clone()]),
            Scope::of([domain.clone(), to.clone()]),
            Scope::of([domain]),
            Scope::of([to]),
        ];
        for (of, narrower, wider) in [
            (0, vec![], vec![1, 2, 4]),
            (1, vec![0], vec![3]),
            (2, vec![0], vec![3, 4]),
            (3, vec![1, 2], vec![]),
            (4, vec![0, 2], vec![]),
        ] {
            assert_eq!(neighbours(&all, &all[of]), Neighbours { narrower, wider }, "{of}");
        }
    }

    #[test]
    fn ok_narrow_to_wide() {
        let to = |text| Scope::of([Term::one(On::Recipient, Value::party(text, Value::Domain))]);
        let given = [
            (to("example.com"), radius(9, 0, 0)),
            (to("kim@example.com"), radius(2, 0, 0)),
            (to("a.example"), radius(2, 0, 7)),
        ];
        assert_eq!(narrow_to_wide(&given), [1, 2, 0]);
    }
}
