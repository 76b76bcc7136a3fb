//! What mail depends on: the servers that it is handed to, the filters that look into it, the services and directories that a
//! server asks while a message comes in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{NextHop, Outcome, Reply, VerdictKind};
use lake::{Line, Name, What};

use super::attempts::{Attempt, End, Field, Record};
use super::words::{self, Kind};
use crate::causes::stated::words::cause_of;
use crate::symptoms::Survey;

/// What a reply says, looked up once a text.
type Known = HashMap<(Option<Name>, Option<Name>), (Kind, Option<String>)>;

/// All hand-overs, and what servers asked their helpers.
pub(in crate::symptoms) fn hand_overs<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    let mut known = Known::new();
    let mut helpers: BTreeMap<(Kind, Option<Name>), BTreeSet<String>> = BTreeMap::new();
    let mut put_off: Vec<(Kind, &Line, Attempt<'a>)> = Vec::new();
    for line in survey.lines() {
        let Some(at) = line.at else { continue };
        let said = survey.text(line.said);
        let code = survey.text(line.enhanced_status_code);
        let (kind, named) = known.entry((line.said, line.enhanced_status_code)).or_insert_with(|| {
            match said.is_empty() && code.is_empty() {
                true => (Kind::Answered, None),
                false => (words::kind_of(said, code), words::named(said)),
            }
        });
        let kind = *kind;
        let subject = survey.text(line.message_id.or(line.id));
        let attempt = |end: End| Attempt { at, end, subject, said, record: Record::Line(line) };
        match &line.what {
            What::Handover(outcome, next_hop) => {
                let peer = Some(survey.text(line.peer)).filter(|peer| !peer.is_empty());
                let is_filter = *next_hop == NextHop::ContentFilter || peer.is_some_and(is_own);
                let own = if is_filter { Kind::Scanner } else { Kind::Hop };
                match (outcome, kind) {
                    (Outcome::Accepted, _) => {
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
            // A verdict is the answer of the filter that gave it.
            What::Verdict(verdict, _) if is_looked_into(verdict) => {
                field.note(Kind::Scanner, survey.text(line.speaker), attempt(End::Answered));
            }
            _ => {}
        }
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

/// The addresses from which we send: put off for their rate, or taken.
pub(super) fn own_addresses<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    let mut known: HashMap<(Option<Name>, Option<Name>), Option<Option<String>>> = HashMap::new();
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
            let reply = Reply {
                reply_code: line.reply_code,
                enhanced_status_code: line.enhanced_status_code.map(|code| survey.text(Some(code)).to_owned()),
                text: said.to_owned(),
            };
            let is_limited = cause_of(&reply, None).is_some_and(|(cause, _)| cause == "connector-routing/throttled");
            is_limited.then(|| address_in(said))
        });
        if let Some(address) = limited {
            let known = address_of.entry(speaker).or_default();
            if known.is_none() {
                known.clone_from(address);
            }
            let name = address.clone().unwrap_or_else(|| survey.text(line.speaker).to_owned());
            let subject = survey.text(line.message_id.or(line.id));
            field.note(
                Kind::OwnAddress,
                &name,
                Attempt { at, end: End::Silent, subject, said, record: Record::Line(line) },
            );
        }
    }
    for line in sent {
        let (Some(at), Some(speaker)) = (line.at, line.speaker) else { continue };
        let address = address_of.get(&speaker).and_then(Option::as_deref);
        let name = address.unwrap_or_else(|| survey.text(line.speaker));
        let subject = survey.text(line.message_id.or(line.id));
        let attempt = Attempt { at, end: End::Answered, subject, said: "", record: Record::Line(line) };
        field.note(Kind::OwnAddress, name, attempt);
    }
    field
}

/// An address of ours that the words of a limit name.
fn address_in(said: &str) -> Option<String> {
    let words = said.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'));
    words
        .map(|word| word.trim_matches(['.', ':']))
        .find(|word| word.parse::<std::net::IpAddr>().is_ok() && word.len() >= 7)
        .map(str::to_owned)
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
