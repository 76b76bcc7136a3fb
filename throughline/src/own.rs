//! Our own check of a sample: from its raw bytes, the transfer over which our side took it, and saved DNS answers.

use std::net::IpAddr;
use std::ops::Range;

use auth::dkim::{Explain, Keys};
use auth::message::Raw;
use auth::{Answer, Answers, Dns, Envelope, Extent, Question, RecordType};
use evidence::{Address, Cite, Fact, FileName, Observation};
use jiff::Timestamp;
use report::OwnCheck;
use trace::Phase;

/// What the user says about the transfer, in place of what the sample says.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The address that connected.
    pub client: Option<IpAddr>,
    /// The name that it gave.
    pub helo: Option<String>,
    /// The envelope sender; empty for the null sender.
    pub sender: Option<String>,
    /// When our side took it.
    pub at: Option<Timestamp>,
}

/// A sample to be checked.
pub struct Subject<'a> {
    /// The file that holds it.
    pub bytes: &'a [u8],
    /// The kind of sample.
    pub source: &'a str,
    /// What its fields state, in the order of the text.
    pub observations: &'a [&'a Observation],
    /// Names that the user calls ours.
    pub trusted: &'a [String],
}

/// The DNS answers among what was stated.
pub fn answers<'a>(stated: impl Iterator<Item = &'a Observation>) -> Answers {
    let mut answers = Answers::default();
    for observation in stated {
        let Fact::Dns(dns) = &observation.fact else { continue };
        let Some(record_type) = RecordType::of(&dns.record_type) else { continue };
        answers.insert(&Question::new(&dns.name, record_type), Answer::of(&dns.status, dns.data.clone()));
    }
    answers
}

/// Checks a sample. `dns_answers` is how many answers `dns` had to begin with.
pub fn check(subject: &Subject<'_>, named: &Named, dns: &dyn Dns, dns_answers: u64) -> OwnCheck {
    let start = subject.bytes.iter().take_while(|byte| b"\r\n\xef\xbb\xbf".contains(byte)).count();
    let message = &subject.bytes[start..];
    let extent = extent(subject, &Raw::of(message), start);
    let (envelope, taken_from) = envelope(subject, named);
    let checked = auth::check(message, extent, &envelope, dns, &Keys::default(), Explain::Yes);
    let cite = |range: &Range<usize>| {
        let bytes = (start + range.start) as u64..(start + range.end) as u64;
        let known = subject.observations.iter().find(|one| one.cite.bytes == bytes).map(|one| one.cite.clone());
        known.or_else(|| field_cite(subject, &bytes)).map(|cite| report::Cite::from(&cite))
    };
    OwnCheck::of(&checked, &envelope, extent, taken_from, dns_answers, cite)
}

/// The cite of a field that no observation rests on, such as a signature.
fn field_cite(subject: &Subject<'_>, bytes: &Range<u64>) -> Option<Cite> {
    let file: FileName = subject.observations.first()?.cite.file.clone();
    let start = usize::try_from(bytes.start).ok()?;
    let field = subject.bytes.get(start..usize::try_from(bytes.end).ok()?)?;
    let line = subject.bytes[..start].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let said = String::from_utf8_lossy(field);
    Some(Cite::new(file, evidence::Place::Line(line), bytes.clone(), &said))
}

/// Whether the bytes are the received ones: a saved message, and the one whose fields were read rather than one that it
/// carries.
fn extent(subject: &Subject<'_>, raw: &Raw<'_>, start: usize) -> Extent {
    let is_own = |one: &&Observation| {
        let at = usize::try_from(one.cite.bytes.start).unwrap_or(usize::MAX);
        raw.fields.iter().any(|field| field.at + start == at)
    };
    let is_first = subject.observations.iter().all(is_own);
    if subject.source == "message/eml" && is_first { Extent::Whole } else { Extent::HeaderOnly }
}

/// The transfer over which our side took the message, by the Received field of our first server, and by what the user names.
fn envelope(subject: &Subject<'_>, named: &Named) -> (Envelope, String) {
    let hops = trace::hops(subject.observations, subject.trusted);
    // Legs stand newest first: the last one that is not the sender's took it from outside.
    let border = hops.legs.iter().rev().find(|leg| leg.phase != Phase::Sender);
    let from = border.and_then(|leg| leg.hop.from.as_ref());
    let client = from.and_then(|from| from.ip.as_deref()).and_then(|ip| ip.parse().ok());
    let sender = subject.observations.iter().find_map(|one| match &one.fact {
        Fact::Identity(identity) => identity.envelope_sender.as_ref().map(|sender| sender.as_str().to_owned()),
        _ => None,
    });
    let mut said: Vec<String> = Vec::new();
    said.extend(border.map(|leg| format!("the Received field of our first server ({})", leg.cite)));
    said.extend(sender.as_ref().map(|_| "the Return-Path".to_owned()));
    let is_named = named.client.is_some() || named.helo.is_some() || named.sender.is_some() || named.at.is_some();
    said.extend(is_named.then(|| "options".to_owned()));
    let envelope = Envelope {
        client: named.client.or(client),
        helo: named.helo.clone().or_else(|| from.and_then(|from| from.name.clone())).unwrap_or_default(),
        sender: named.sender.clone().or(sender),
        receiver: border.and_then(|leg| leg.hop.by.as_ref()).and_then(|by| by.name.clone()),
        at: named.at.or_else(|| border.and_then(|leg| leg.when).map(|when| when.at)),
        author_domains: author_domains(subject),
    };
    (envelope, if said.is_empty() { "nothing: the sample does not say".to_owned() } else { said.join(", ") })
}

/// The domains of all addresses in the From fields.
fn author_domains(subject: &Subject<'_>) -> Vec<String> {
    let mut domains: Vec<String> = Vec::new();
    for one in subject.observations {
        let Fact::Identity(identity) = &one.fact else { continue };
        if identity.header_from.is_none() {
            continue;
        }
        let (start, end) = (usize::try_from(one.cite.bytes.start), usize::try_from(one.cite.bytes.end));
        let (Ok(start), Ok(end)) = (start, end) else { continue };
        let field =
            String::from_utf8_lossy(subject.bytes.get(start..end).unwrap_or_default()).replace(['\r', '\n'], " ");
        let written = field.split_once(':').map_or("", |(_, value)| value);
        let mut authors = sources::addresses(written);
        // A container other than text (.msg) does not hold the field as written.
        if authors.is_empty() {
            authors.extend(identity.header_from.clone());
        }
        for domain in authors.iter().filter_map(Address::domain) {
            if !domains.iter().any(|known| known == domain) {
                domains.push(domain.to_owned());
            }
        }
    }
    domains
}
