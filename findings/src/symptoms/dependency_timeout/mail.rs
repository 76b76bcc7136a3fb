//! What mail depends on: the servers that it is handed to, the filters that look into it, the services and directories that a
//! server asks while a message comes in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use evidence::{NextHop, Outcome, Reply, TraceStatus, VerdictKind};
use lake::{Line, Name, What};

use super::attempts::{Attempt, End, Field, Record};
use super::words::{self, Kind};
use crate::causes::stated::words::cause_of;
use crate::symptoms::Survey;

/// What a reply says, looked up once a text.
type Known = HashMap<Words, (Kind, Option<String>)>;

/// A text, and the enhanced status code beside it.
type Words = (Option<Name>, Option<Name>);

/// What counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::symptoms) enum Failing {
    /// No answer.
    Silence,
    /// No answer, or one that puts off without a limit or greylisting: the other end has trouble.
    Trouble,
}

/// All hand-overs, and what servers asked their helpers.
pub(in crate::symptoms) fn hand_overs<'a>(survey: &Survey<'a>, failing: Failing) -> Field<'a> {
    let mut field = Field::default();
    let mut known = Known::new();
    let mut helpers: BTreeMap<(Kind, Option<Name>), BTreeSet<String>> = BTreeMap::new();
    let mut handed: HashSet<Name> = HashSet::new();
    let mut delivered: Vec<&'a Line> = Vec::new();
    let mut put_off: Vec<(Kind, &Line, Attempt<'a>)> = Vec::new();
    for line in survey.lines() {
        let Some(at) = line.at else { continue };
        let is_asked = match &line.what {
            What::Handover(outcome, _) => *outcome != Outcome::Accepted,
            What::Dsn(_) | What::Arrival(Outcome::Deferred) => true,
            What::Noted => line.id.is_none() && line.message_id.is_none() && line.said.is_some(),
            _ => false,
        };
        let said = survey.text(line.said);
        // Only of what did not go well the words matter.
        let (kind, named) = match is_asked {
            true => known
                .entry((line.said, line.enhanced_status_code))
                .or_insert_with(|| what_failed(survey, line, failing)),
            false => &mut (Kind::Answered, None),
        };
        let kind = *kind;
        let subject = survey.text(line.message_id.or(line.id));
        let attempt = |end: End| {
            let domain = domain_of(survey, line).unwrap_or("");
            Attempt { at, end, subject, domain, said, record: Record::Line(line) }
        };
        match &line.what {
            What::Handover(outcome, next_hop) => {
                let peer = Some(survey.text(line.peer)).filter(|peer| !peer.is_empty());
                let is_filter = *next_hop == NextHop::ContentFilter || peer.is_some_and(is_own);
                let own = if is_filter { Kind::Scanner } else { Kind::Hop };
                match (outcome, kind) {
                    (Outcome::Accepted, _) => {
                        handed.extend(line.message_id.or(line.id));
                        if let Some(name) = peer {
                            field.note(own, name, attempt(End::Answered));
                        }
                    }
                    (_, Kind::Answered) => {
                        if let Some(name) = peer.filter(|_| line.reply_code.is_some()) {
                            field.note(own, name, attempt(End::Answered));
                        }
                    }
                    (_, kind) => {
                        let name = match kind {
                            Kind::Hop => peer.or(named.as_deref()),
                            Kind::Names => named.as_deref().or(peer),
                            // A filter or a mailbox store that says so of itself.
                            _ => peer.or(named.as_deref()),
                        };
                        let kind = if is_filter || name.is_some_and(is_own) { Kind::Scanner } else { kind };
                        if let Some(name) = name.or_else(|| domain_of(survey, line)) {
                            field.note(kind, name, attempt(End::Silent));
                        }
                    }
                }
            }
            What::Dsn(_) if matches!(kind, Kind::Hop | Kind::Names) => {
                let peer = Some(survey.text(line.peer)).filter(|peer| !peer.is_empty());
                if let Some(name) = named.as_deref().or(peer) {
                    field.note(kind, name, attempt(End::Silent));
                }
            }
            What::Arrival(Outcome::Deferred) if matches!(kind, Kind::Scanner | Kind::Policy | Kind::Lookup) => {
                let subject = if subject.is_empty() { survey.text(line.envelope_sender) } else { subject };
                put_off.push((kind, line, Attempt { subject, ..attempt(End::Silent) }));
            }
            What::Noted if kind != Kind::Answered && line.id.is_none() => {
                if let Some(name) = named.as_deref() {
                    let kind = if kind == Kind::Hop { Kind::Policy } else { kind };
                    helpers.entry((kind, line.speaker)).or_default().insert(name.to_owned());
                    field.note(kind, name, attempt(End::Silent));
                }
            }
            // A summary names no host: mail to that domain was delivered.
            What::Status(TraceStatus::Delivered) => delivered.push(line),
            // A verdict is the answer of the filter that gave it.
            What::Verdict(verdict, _) if is_looked_into(verdict) => {
                field.note(Kind::Scanner, survey.text(line.speaker), attempt(End::Answered));
            }
            _ => {}
        }
    }
    // Where everybody answered, nothing is to be compared.
    if put_off.is_empty() && !field.has_silence() {
        return field;
    }
    for line in delivered {
        let id = line.message_id.or(line.id);
        let (Some(at), Some(domain), false) =
            (line.at, domain_of(survey, line), id.is_some_and(|id| handed.contains(&id)))
        else {
            continue;
        };
        let subject = survey.text(id);
        let attempt = Attempt { at, end: End::Answered, subject, domain, said: "", record: Record::Line(line) };
        field.note(Kind::Hop, &format!("mail to {domain}"), attempt);
    }
    for (kind, line, attempt) in put_off {
        // What the client was told names no helper; the server's own warnings may.
        let named = helpers.get(&(kind, line.speaker)).filter(|names| names.len() == 1);
        let name = match named.and_then(BTreeSet::first) {
            Some(name) => name.clone(),
            None => format!("{} of {}", asked(kind), survey.text(line.speaker)),
        };
        field.note(kind, &name, attempt);
    }
    field
}

/// What did not answer, and how it is named, by the words of a line.
fn what_failed(survey: &Survey<'_>, line: &Line, failing: Failing) -> (Kind, Option<String>) {
    let said = survey.text(line.said);
    match words::kind_of(said, survey.text(line.enhanced_status_code)) {
        Kind::Answered if failing == Failing::Trouble && is_trouble(survey, line) => (Kind::Hop, None),
        kind => (kind, words::named(said)),
    }
}

/// The addresses from which we send: put off for their rate, or taken.
pub(super) fn own_addresses<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    let mut known: HashMap<Words, Option<Option<String>>> = HashMap::new();
    // Which of our addresses a server uses, as far as it is told it.
    let mut address_of: HashMap<Name, Option<String>> = HashMap::new();
    let mut sent: Vec<&'a Line> = Vec::new();
    for line in survey.lines() {
        let (What::Handover(outcome, NextHop::MailServer | NextHop::NotSaid), Some(at), Some(speaker)) =
            (&line.what, line.at, line.speaker)
        else {
            continue;
        };
        if *outcome == Outcome::Accepted {
            sent.push(line);
            continue;
        }
        let said = survey.text(line.said);
        let limited = known.entry((line.said, line.enhanced_status_code)).or_insert_with(|| {
            let is_limited = cause_of(&reply_of(survey, line), None)
                .is_some_and(|(cause, _)| cause == "connector-routing/throttled");
            is_limited.then(|| address_in(said))
        });
        if let Some(address) = limited {
            let known = address_of.entry(speaker).or_default();
            if known.is_none() {
                known.clone_from(address);
            }
            let own = address.clone().unwrap_or_else(|| survey.text(line.speaker).to_owned());
            let name = at_receiver(&own, survey.text(line.peer));
            let subject = survey.text(line.message_id.or(line.id));
            field.note(
                Kind::OwnAddress,
                &name,
                Attempt { at, end: End::Silent, subject, domain: "", said, record: Record::Line(line) },
            );
        }
    }
    for line in sent {
        let (Some(at), Some(speaker)) = (line.at, line.speaker) else { continue };
        let address = address_of.get(&speaker).and_then(Option::as_deref);
        let name = at_receiver(address.unwrap_or_else(|| survey.text(line.speaker)), survey.text(line.peer));
        let subject = survey.text(line.message_id.or(line.id));
        let attempt = Attempt { at, end: End::Answered, subject, domain: "", said: "", record: Record::Line(line) };
        field.note(Kind::OwnAddress, &name, attempt);
    }
    field
}

/// One of our addresses, and who takes mail from it or limits it.
fn at_receiver(own: &str, receiver: &str) -> String {
    if receiver.is_empty() { own.to_owned() } else { format!("{own} at {receiver}") }
}

/// An address of ours that the words of a limit name.
fn address_in(said: &str) -> Option<String> {
    let words = said.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'));
    words
        .map(|word| word.trim_matches(['.', ':']))
        .find(|word| word.parse::<std::net::IpAddr>().is_ok() && word.len() >= 7)
        .map(str::to_owned)
}

/// Whether the other end put a message off for a trouble of its own.
fn is_trouble(survey: &Survey<'_>, line: &Line) -> bool {
    const PATIENCE: &[&str] =
        &["connector-routing/greylisted", "connector-routing/throttled", "connector-routing/mailbox-full"];
    if !matches!(line.what, What::Handover(Outcome::Deferred, _)) {
        return false;
    }
    cause_of(&reply_of(survey, line), None).is_none_or(|(cause, _)| {
        cause.starts_with("connector-routing/")
            && !PATIENCE.contains(&cause)
            && cause != "connector-routing/tls-failure"
    })
}

fn reply_of(survey: &Survey<'_>, line: &Line) -> Reply {
    Reply {
        reply_code: line.reply_code,
        enhanced_status_code: line.enhanced_status_code.map(|code| survey.text(Some(code)).to_owned()),
        text: survey.text(line.said).to_owned(),
    }
}

/// Whether a name is that of the same machine: a filter that listens there.
fn is_own(name: &str) -> bool {
    name.starts_with("127.") || name == "::1" || name == "localhost" || name.starts_with("localhost.")
}

fn is_looked_into(kind: &VerdictKind) -> bool {
    !matches!(kind, VerdictKind::BlockEntry | VerdictKind::UserBlock | VerdictKind::ConnectionFilter)
}

/// What a server asked, by sort.
fn asked(kind: Kind) -> &'static str {
    match kind {
        Kind::Policy => "policy service",
        Kind::Lookup => "recipient look-up",
        _ => "content filter",
    }
}

/// The domain of the recipient, where no host is named.
fn domain_of<'a>(survey: &Survey<'a>, line: &Line) -> Option<&'a str> {
    survey.text(line.envelope_recipient).rsplit_once('@').map(|(_, domain)| domain)
}
