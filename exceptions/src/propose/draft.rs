//! A proposal before it is judged: only what is narrow, and fits the sample, becomes one.

use std::net::IpAddr;

use evidence::Address;
use findings::{Command, fill};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sources::{Clock, Input, proposed};

use super::{Proposal, Way};
use crate::{Exception, Need, On, Scope, Term, Value, World, check};

/// How long an exception may last.
const LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// When an exception that is made now has to end: the beginning of a day, at most 30 days on; `None` if nobody says when now is.
pub(crate) fn end_of(world: &World<'_>) -> Option<Timestamp> {
    let end = world.now?.checked_add(LASTS).ok()?;
    let day = end.to_zoned(TimeZone::UTC).start_of_day().ok()?;
    Some(day.timestamp())
}

/// A value as one word of PowerShell; `None` if no quoting makes it harmless.
pub(crate) fn word(value: &str) -> Option<String> {
    fill::quoted(value, fill::Shell::PowerShell)
}

/// Values as a list of PowerShell.
pub(crate) fn words<'v>(values: impl IntoIterator<Item = &'v str>) -> Option<String> {
    let words: Option<Vec<String>> = values.into_iter().map(word).collect();
    words.filter(|words| !words.is_empty()).map(|words| words.join(","))
}

/// A PowerShell command whose values are quoted already.
pub(crate) fn powershell(text: String) -> Command {
    Command { text, shell: fill::Shell::PowerShell.id() }
}

/// A proposal before it is judged.
pub(crate) struct Draft {
    /// What is judged: commands, or the entry as an export would show it.
    pub(crate) text: String,
    pub(crate) what: String,
    pub(crate) because: String,
    pub(crate) doing: Way,
    pub(crate) undoing: Way,
    pub(crate) works: Way,
    pub(crate) holds: Way,
}

impl Draft {
    /// The proposal, if the guard calls it narrow and it lets the sample through.
    pub(crate) fn judged(self, need: &Need, world: &World<'_>) -> Option<Proposal> {
        let clock = Clock {
            zone: TimeZone::UTC,
            zone_label: "UTC".to_owned(),
            reference: world.now.or(need.at).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        let candidate = proposed::read(&Input { name: "proposal".into(), bytes: self.text.as_bytes() }, &clock);
        let exception = Exception::narrow(check(&candidate, world)).ok()?;
        let scopes = exception.checked().steps.iter().flat_map(|step| &step.grants).map(|grant| &grant.scope);
        let is_for_the_sample = scopes.clone().all(|scope| fits(scope, need));
        is_for_the_sample.then(|| Proposal {
            what: self.what,
            because: self.because,
            cites: need.cites.clone(),
            doing: self.doing,
            undoing: self.undoing,
            works: self.works,
            holds: self.holds,
            radius: None,
            exception,
        })
    }
}

/// Whether nothing known of a sample speaks against its being of a scope.
pub(crate) fn fits(scope: &Scope, need: &Need) -> bool {
    scope.terms.iter().all(|term| holds(term, need)) && !scope.except.iter().any(|term| surely_holds(term, need))
}

fn holds(term: &Term, need: &Need) -> bool {
    let facts = facts(&term.on, need);
    term.is_everything() || facts.is_empty() || facts.iter().any(|fact| takes_in(term, fact))
}

fn surely_holds(term: &Term, need: &Need) -> bool {
    facts(&term.on, need).iter().any(|fact| takes_in(term, fact))
}

fn takes_in(term: &Term, fact: &Value) -> bool {
    term.values.iter().any(|value| fact.is_within(value))
}

/// What is known of a sample under one condition; empty if nothing is.
fn facts(on: &On, need: &Need) -> Vec<Value> {
    let address = |address: &Option<Address>| address.iter().cloned().map(Value::Address).collect::<Vec<_>>();
    let name = |text: &str| Value::Name(text.to_owned());
    let client = |ip: IpAddr| Value::Network(ip, ip);
    match on {
        On::HeaderFrom => address(&need.header_from),
        On::EnvelopeSender => address(&need.envelope_sender),
        On::EitherSender => [address(&need.header_from), address(&need.envelope_sender)].concat(),
        On::Client => need.client.map(client).into_iter().collect(),
        On::SignedBy => need.signed_by.iter().cloned().map(Value::Domain).collect(),
        On::Infrastructure => {
            let signers = need.signed_by.iter().cloned().map(Value::Domain);
            signers.chain(need.client.map(client)).collect()
        }
        On::Dmarc => need.dmarc_passed.map(|passed| name(if passed { "pass" } else { "fail" })).into_iter().collect(),
        On::Recipient => need.envelope_recipients.iter().cloned().map(Value::Address).collect(),
        On::Subject => need.subject.iter().map(|subject| name(subject)).collect(),
        On::Url => need.urls.iter().flat_map(|url| ways_to_write(url)).collect(),
        On::Attachment => need.attachments.iter().map(|hash| name(hash)).collect(),
        // Ids are written in several ways, groups name nobody, and other header fields are not known.
        On::Message | On::SenderGroup | On::RecipientGroup | On::Header(_) | On::Other(_) => Vec::new(),
    }
}

/// A link as lists write it: whole, without its scheme, without its query, and its host.
fn ways_to_write(url: &str) -> Vec<Value> {
    let bare = without_scheme(url);
    let path = bare.split(['?', '#']).next().unwrap_or(bare);
    let host = path.split('/').next().unwrap_or(path).to_lowercase();
    let named = [url, bare, path].map(|text| Value::Name(text.to_owned()));
    named.into_iter().chain([Value::Domain(host)]).collect()
}

/// A link without its scheme.
pub(crate) fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}
