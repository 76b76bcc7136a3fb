//! An invented history in the shape of real exports, and what it says, counted plainly.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use evidence::Address;
use exceptions::{History, Judged, Measured, On, Radius, Scope, Term, Value, measure};
use sources::{Clock, Input, NoProgress};

pub const SENDERS: [&str; 5] = ["ann@a.example", "bob@a.example", "ann@mail.a.example", "ann@xa.example", ""];
pub const FROMS: [&str; 4] = ["ann@a.example", "news@mail.a.example", "bob@b.example", "ann@xa.example"];
pub const CLIENTS: [&str; 4] = ["192.0.2.7", "192.0.2.8", "198.51.100.7", "2001:db8::25"];
pub const RECIPIENTS: [&str; 4] = ["kim@example.com", "lee@example.com", "max@example.org", "kim@sub.example.com"];
pub const SUBJECTS: [&str; 4] = ["Order 4711", "Your ORDER, please", "Zahlungsbest\u{e4}tigung", "Hello"];
pub const URLS: [&str; 3] = ["https://shop.example/a", "https://pay.shop.example/b?c=d", "http://xshop.example"];
pub const DMARC: [Option<&str>; 3] = [Some("pass"), Some("fail"), None];

/// What became of a copy: in a trace, in the hunting table, and what these say.
pub struct Fate {
    pub status: &'static str,
    pub action: &'static str,
    pub location: &'static str,
    pub threat: &'static str,
    pub by_trace: Judged,
    pub by_events: Judged,
    pub kept_in_trace: bool,
    pub kept_in_events: bool,
}

const fn fate(
    status: &'static str,
    [action, location, threat]: [&'static str; 3],
    [by_trace, by_events]: [Judged; 2],
    [kept_in_trace, kept_in_events]: [bool; 2],
) -> Fate {
    Fate { status, action, location, threat, by_trace, by_events, kept_in_trace, kept_in_events }
}

pub const FATES: [Fate; 5] = [
    fate("Delivered", ["Delivered", "Inbox/folder", ""], [Judged::NotSaid, Judged::Clean], [false, false]),
    fate("Quarantined", ["Blocked", "Quarantine", "Phish"], [Judged::NotSaid, Judged::Phish], [true, true]),
    fate("FilteredAsSpam", ["Junked", "Junk folder", "Spam"], [Judged::Spam, Judged::Spam], [true, true]),
    fate("Pending", ["Delivered", "Inbox/folder", ""], [Judged::NotSaid, Judged::Clean], [false, false]),
    fate("Failed", ["Blocked", "Failed", "Malware"], [Judged::NotSaid, Judged::Malware], [true, true]),
];

/// One message, by numbers of the tables above.
#[derive(Clone, Debug)]
pub struct Mail {
    pub sender: usize,
    pub from: usize,
    pub client: usize,
    pub subject: usize,
    pub dmarc: usize,
    pub url: Option<usize>,
    /// Recipients, and what became of their copies.
    pub to: BTreeMap<usize, usize>,
    pub in_trace: bool,
    pub in_events: bool,
    pub in_urls: bool,
}

pub const TRACE: &str = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"";
pub const EVENTS: &str = "\"Timestamp\",\"NetworkMessageId\",\"InternetMessageId\",\"SenderMailFromAddress\",\"SenderFromAddress\",\"RecipientEmailAddress\",\"Subject\",\"EmailDirection\",\"DeliveryAction\",\"DeliveryLocation\",\"ThreatTypes\",\"DetectionMethods\",\"AuthenticationDetails\"";
pub const LINKS: &str = "\"Timestamp\",\"NetworkMessageId\",\"Url\",\"UrlDomain\",\"UrlLocation\",\"ReportId\"";

/// Rows of each kind, without the header.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub trace: Vec<String>,
    pub events: Vec<String>,
    pub links: Vec<String>,
}

pub fn network_id(number: usize) -> String {
    format!("3f2a{number:04x}-6d1e-4c77-8b02-08de1a2b3c01")
}

pub fn rows(mails: &[Mail]) -> Rows {
    let mut rows = Rows::default();
    for (number, mail) in mails.iter().enumerate() {
        let (id, at) = (network_id(number), format!("2026-04-{:02}T08:{:02}:30Z", 2 + number % 5, number % 60));
        let (sender, from) = (SENDERS[mail.sender], FROMS[mail.from]);
        let subject = SUBJECTS[mail.subject];
        for (recipient, fate) in &mail.to {
            let (to, fate) = (RECIPIENTS[*recipient], &FATES[*fate]);
            if mail.in_trace {
                let client = CLIENTS[mail.client];
                rows.trace.push(format!(
                    "\"{at}\",\"{sender}\",\"{to}\",\"{subject}\",\"{}\",\"\",\"{client}\",\"4096\",\"<m{number}@a.example>\",\"{id}\"",
                    fate.status
                ));
            }
            if mail.in_events {
                let dmarc = DMARC[mail.dmarc].map_or(String::new(), |word| format!("{{\"\"DMARC\"\":\"\"{word}\"\"}}"));
                rows.events.push(format!(
                    "\"{at}\",\"{id}\",\"<m{number}@a.example>\",\"{sender}\",\"{from}\",\"{to}\",\"{subject}\",\"Inbound\",\"{}\",\"{}\",\"{}\",\"\",\"{dmarc}\"",
                    fate.action, fate.location, fate.threat
                ));
            }
        }
        if let Some(url) = mail.url.filter(|_| mail.in_urls) {
            rows.links.push(format!("\"{at}\",\"{id}\",\"{}\",\"shop.example\",\"Body\",\"u{number}\"", URLS[url]));
        }
    }
    rows
}

/// A file of some rows; none if there are none.
pub fn file(header: &str, rows: &[String], line_end: &str) -> Option<Vec<u8>> {
    let mut text = format!("{header}{line_end}");
    for row in rows {
        let _ = write!(text, "{row}{line_end}");
    }
    (!rows.is_empty()).then(|| text.into_bytes())
}

pub fn read(files: &[Vec<u8>], scopes: &[Scope]) -> Measured {
    let names: Vec<String> = (0..files.len()).map(|number| format!("export_{number}.csv")).collect();
    let inputs: Vec<Input<'_>> =
        names.iter().zip(files).map(|(name, bytes)| Input { name: name.as_str().into(), bytes }).collect();
    measure(&inputs, scopes, &clock(), &NoProgress)
}

/// The clock of the tests.
pub fn clock() -> Clock {
    Clock {
        zone: jiff::tz::TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: "2026-05-02T12:00:00Z".parse().expect("an instant"),
    }
}

/// What does not depend on how files are cut.
pub fn history_of(measured: &Measured) -> History {
    History { cannot_show: Vec::new(), ..measured.history.clone() }
}

/// Counts one scope plainly: message by message, copy by copy.
pub fn naive(mails: &[Mail], scope: &Scope) -> Radius {
    let mut radius = Radius::default();
    let (mut recipients, mut senders) = (BTreeSet::new(), BTreeSet::new());
    for (number, mail) in mails.iter().enumerate() {
        let has_copies = mail.in_trace || mail.in_events;
        let is_known = has_copies || (mail.in_urls && mail.url.is_some());
        if !is_known {
            continue;
        }
        let copies: Vec<Option<usize>> =
            if has_copies { mail.to.keys().copied().map(Some).collect() } else { vec![None] };
        let answers: Vec<Option<bool>> = copies.iter().map(|copy| in_scope(scope, mail, number, *copy)).collect();
        if !answers.contains(&Some(true)) {
            radius.possible += u64::from(answers.contains(&None));
            continue;
        }
        radius.messages += 1;
        let (mut worst, mut is_kept_out) = (Judged::NotSaid, false);
        for copy in copies.iter().zip(&answers).filter(|(_, answer)| **answer == Some(true)).filter_map(|(c, _)| *c) {
            recipients.insert(copy);
            let fate = &FATES[mail.to[&copy]];
            is_kept_out |= mail.in_events && fate.kept_in_events;
            is_kept_out |= mail.in_trace && fate.kept_in_trace;
            worst = worst.min(if mail.in_trace { fate.by_trace } else { Judged::NotSaid });
            worst = worst.min(if mail.in_events { fate.by_events } else { Judged::NotSaid });
        }
        *radius.judged.entry(worst).or_default() += 1;
        radius.kept_out += u64::from(is_kept_out);
        if mail.in_events {
            senders.insert(FROMS[mail.from]);
        } else if mail.in_trace {
            senders.insert(SENDERS[mail.sender]);
        }
    }
    radius.recipients = recipients.len() as u64;
    radius.senders = senders.len() as u64;
    radius
}

/// Whether a copy is in the scope; `None` if its rows do not show that.
fn in_scope(scope: &Scope, mail: &Mail, number: usize, copy: Option<usize>) -> Option<bool> {
    let answer = |term: &Term| holds(term, mail, number, copy);
    if scope.except.iter().any(|term| answer(term) == Some(true))
        || scope.terms.iter().any(|t| answer(t) == Some(false))
    {
        return Some(false);
    }
    let is_shown = scope.terms.iter().chain(&scope.except).all(|term| answer(term).is_some());
    is_shown.then_some(true)
}

fn holds(term: &Term, mail: &Mail, number: usize, copy: Option<usize>) -> Option<bool> {
    if term.values.is_empty() || term.values.contains(&Value::Any) {
        return Some(!term.values.is_empty());
    }
    let has_copies = mail.in_trace || mail.in_events;
    // An empty cell of the hunting table states nothing; in a trace it is the null sender.
    let is_stated = mail.in_trace || (mail.in_events && !SENDERS[mail.sender].is_empty());
    let envelope = is_stated.then(|| vec![address(SENDERS[mail.sender])]);
    // Where no row states it, the envelope sender is taken for it.
    let header = if mail.in_events { Some(vec![address(FROMS[mail.from])]) } else { envelope.clone() };
    let stated: Vec<Option<Vec<Value>>> = match &term.on {
        On::EnvelopeSender => vec![envelope],
        On::HeaderFrom => vec![header],
        On::EitherSender => vec![envelope, header],
        On::Client => vec![mail.in_trace.then(|| Value::network(CLIENTS[mail.client]).into_iter().collect())],
        On::Recipient => vec![copy.map(|copy| vec![address(RECIPIENTS[copy])])],
        On::Subject => vec![has_copies.then(|| vec![Value::Name(SUBJECTS[mail.subject].to_owned())])],
        On::Dmarc => vec![DMARC[mail.dmarc].filter(|_| mail.in_events).map(|word| vec![Value::Name(word.to_owned())])],
        On::Url => vec![mail.url.filter(|_| mail.in_urls).map(|url| of_url(URLS[url]))],
        On::Message => vec![Some(vec![Value::Name(network_id(number))])],
        _ => vec![None],
    };
    let is_within = |own: &Value| term.values.iter().any(|value| own.is_within(value));
    if stated.iter().flatten().flatten().any(is_within) {
        return Some(true);
    }
    let has_pattern = term.values.iter().any(|value| matches!(value, Value::Pattern(_)));
    let is_shown = !has_pattern && stated.iter().all(Option::is_some);
    is_shown.then_some(false)
}

fn address(text: &str) -> Value {
    Value::Address(Address::new(text))
}

fn of_url(url: &str) -> Vec<Value> {
    let host = url.split('/').nth(2).unwrap_or_default();
    vec![Value::Name(url.to_owned()), Value::Domain(host.to_owned())]
}

/// Conditions of every sort.
pub fn pool() -> Vec<Term> {
    let one = |on: &On, text: &str| Term::one(on.clone(), Value::party(text, Value::Domain));
    let network = |text: &str| Term::new(On::Client, Value::network(text));
    let name = |on: On, text: &str| Term::one(on, Value::Name(text.to_owned()));
    vec![
        one(&On::EnvelopeSender, "ann@a.example"),
        one(&On::EnvelopeSender, "a.example"),
        one(&On::EnvelopeSender, "*.a.example"),
        one(&On::HeaderFrom, "ann@a.example"),
        one(&On::HeaderFrom, ".a.example"),
        one(&On::HeaderFrom, "b.example"),
        one(&On::EitherSender, "mail.a.example"),
        one(&On::EitherSender, "ann@xa.example"),
        Term::one(On::HeaderFrom, Value::Holds("NN@".to_owned())),
        Term::new(On::HeaderFrom, [Value::Pattern("a*@b.example".to_owned()), address("ann@a.example")]),
        network("192.0.2.7"),
        network("192.0.2.0/24"),
        network("2001:db8::/32"),
        Term::new(On::Client, ["192.0.2.8", "198.51.100.0/24"].iter().filter_map(|text| Value::network(text))),
        one(&On::Recipient, "kim@example.com"),
        one(&On::Recipient, "example.com"),
        Term::new(On::Recipient, [address("lee@example.com"), address("max@example.org")]),
        Term::one(On::Recipient, Value::DomainAndBelow("example.com".to_owned())),
        Term::one(On::Subject, Value::Holds("order".to_owned())),
        Term::one(On::Subject, Value::Holds("BEST\u{c4}T".to_owned())),
        name(On::Subject, "hello"),
        Term::one(On::Url, Value::Domain("shop.example".to_owned())),
        Term::one(On::Url, Value::DomainAndBelow("shop.example".to_owned())),
        name(On::Url, "https://shop.example/A"),
        name(On::Dmarc, "pass"),
        name(On::Message, &network_id(0)),
        name(On::Other("a property".to_owned()), "x"),
        Term::one(On::Recipient, Value::Any),
        Term::new(On::Recipient, []),
        one(&On::Infrastructure, "a.example"),
        one(&On::SignedBy, "a.example"),
    ]
}
