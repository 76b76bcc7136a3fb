//! Evaluates records: which term decides, what it cost, and what is missing.
//!
//! A record is gone through once. Until a term decides, the evaluation is [`Mode::Deciding`]. An answer that was not saved
//! makes it [`Mode::Collecting`]: nothing can be decided any more, and the terms that follow only tell which answers are
//! missing as well. After the decision it is [`Mode::Counting`]: the look-ups of the rest are counted and nothing else.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use evidence::{AuthResult, SAID_MAX_CHARS};

use super::macros::{self, Letter, NotExpanded};
use super::record::{self, Directive, DomainSpec, Mechanism, Modifier, Prefixes, Qualifier, Record};
use super::{
    Client, Identity, Limit, LookupStep, MAX_LOOKUPS, MAX_VOID_LOOKUPS, Matched, OverLimit, PathStep, Reached,
    SpfCheck, SpfReason,
};
use crate::dns::{Answer, Dns, Question, RecordType};
use crate::domain;

/// Most mail exchangers whose addresses are asked for, and most names of the client that are tried (RFC 7208, 4.6.4).
const MAX_NAMES: usize = 10;

/// Most look-ups of a record that are counted; a record that needs more is taken for endless.
const MAX_COUNTED: usize = 100;

/// Deepest include that is counted after the decision. Before it, [`MAX_LOOKUPS`] bounds the depth.
const MAX_COUNTED_DEPTH: u32 = 20;

/// Longest part of an identity that a macro stands for; RFC 5321 allows a quarter of it.
const MAX_VALUE_BYTES: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Deciding,
    Collecting,
    Counting,
}

/// Whether a record speaks for the domain or was included: an explanation is taken from the former only (RFC 7208, 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Own,
    Included,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    domain: &'a str,
    depth: u32,
    role: Role,
}

/// What a record comes to.
enum Outcome {
    Decided(Box<Decision>),
    Unknown,
}

struct Decision {
    result: AuthResult,
    reason: SpfReason,
    matched: Option<Matched>,
    /// The domain whose record failed the client, and its `exp=`.
    exp: Option<(String, String)>,
}

impl Decision {
    fn error(result: AuthResult, reason: SpfReason) -> Box<Decision> {
        Box::new(Decision { result, reason, matched: None, exp: None })
    }
}

/// What a term comes to.
enum Step {
    /// It matches; within an included record, this term of it.
    Match(Option<Matched>),
    NoMatch,
    Unknown,
    /// It ends the check.
    Stop(Box<Decision>),
}

/// What the question for a record comes to.
enum Found {
    Text(Arc<[String]>, usize),
    Nothing(SpfReason),
    Error(Box<Decision>),
    Unknown,
}

/// The name that a term is about.
enum Target {
    Name(String),
    /// What the macros give cannot be asked for; it matches nothing (RFC 7208, 4.8 leaves it open).
    NotAName,
    Unknown,
}

/// Checks an identity: finds the domain, its record, and evaluates it.
pub(super) fn check(client: &Client, identity: Identity, dns: &dyn Dns) -> SpfCheck {
    let values = Values::of(client, identity);
    let domain = domain::normal(&values.domain);
    let mut evaluation = Evaluation::new(values, dns);
    let (outcome, record) = evaluation.identity(&domain);
    let (result, reason, matched, exp) = match outcome {
        Outcome::Decided(decision) => {
            let Decision { result, reason, matched, exp } = *decision;
            (Some(result), reason, matched, exp)
        }
        Outcome::Unknown => {
            let question = evaluation.needs.first().cloned().unwrap_or_else(|| Question::new(&domain, RecordType::Txt));
            (None, SpfReason::NotSaved { question, count: evaluation.needs.len() }, None, None)
        }
    };
    let explanation = exp.and_then(|(domain, spec)| evaluation.explain(&domain, &spec));
    if result.is_some() {
        // Whatever a term after the decision would have needed, the result does not rest on it.
        evaluation.needs.clear();
    }
    let total_lookups = (record.is_some() && evaluation.counted_all).then_some(evaluation.steps.len() as u32);
    let needs = evaluation.needs;
    evaluation.would_add.retain(|question| !needs.contains(question));
    SpfCheck {
        identity,
        domain,
        result,
        reason,
        record,
        matched,
        lookups: evaluation.lookups,
        void_lookups: evaluation.voids,
        total_lookups,
        over_limit: evaluation.over_limit,
        lookup_tree: evaluation.steps,
        explanation,
        asked: evaluation.asked,
        needs,
        would_add: evaluation.would_add,
    }
}

/// What macros stand for, except for the domain.
struct Values<'a> {
    ip: IpAddr,
    sender: Cow<'a, str>,
    local_part: &'a str,
    domain: Cow<'a, str>,
    helo: Cow<'a, str>,
    receiver: &'a str,
}

impl<'a> Values<'a> {
    /// RFC 7208, 2.3, 2.4, 4.3: the null sender and HELO are `postmaster` at the HELO name, and so is an empty local part.
    fn of(client: &'a Client, identity: Identity) -> Values<'a> {
        let helo = domain::ascii(clip(client.helo.trim()));
        let sender = client.sender.trim().trim_start_matches('<').trim_end_matches('>');
        let (local_part, domain) = match identity {
            Identity::MailFrom if !sender.is_empty() => {
                let (local_part, domain) = sender.rsplit_once('@').unwrap_or(("", sender));
                (local_part, domain::ascii(clip(domain)))
            }
            _ => ("", helo.clone()),
        };
        let local_part = if local_part.is_empty() { "postmaster" } else { clip(local_part) };
        Values {
            ip: client.ip.to_canonical(),
            sender: Cow::Owned(format!("{local_part}@{domain}")),
            local_part,
            domain,
            helo,
            receiver: client.receiver.as_deref().map_or("unknown", clip),
        }
    }
}

/// A text as it is shown: one that nobody would read to its end is cut.
fn said(text: &str) -> String {
    match text.char_indices().nth(SAID_MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The first bytes of a text.
fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_VALUE_BYTES)]
}

struct Evaluation<'a> {
    values: Values<'a>,
    dns: &'a dyn Dns,
    lookups: u32,
    voids: u32,
    over_limit: Option<OverLimit>,
    /// The validated names that were found, each with the domain that it is for.
    validated: Vec<(String, String)>,
    steps: Vec<LookupStep>,
    /// Whether [`Evaluation::steps`] holds every look-up of the record.
    counted_all: bool,
    asked: Vec<Question>,
    needs: Vec<Question>,
    would_add: Vec<Question>,
}

impl<'a> Evaluation<'a> {
    fn new(values: Values<'a>, dns: &'a dyn Dns) -> Evaluation<'a> {
        Evaluation {
            values,
            dns,
            lookups: 0,
            voids: 0,
            over_limit: None,
            validated: Vec::new(),
            steps: Vec::new(),
            counted_all: true,
            asked: Vec::new(),
            needs: Vec::new(),
            would_add: Vec::new(),
        }
    }

    /// RFC 7208, 4.3 to 4.6: the domain, its record, the evaluation.
    fn identity(&mut self, domain: &str) -> (Outcome, Option<(Question, String)>) {
        let none = |reason| Outcome::Decided(Decision::error(AuthResult::None, reason));
        if !domain::is_mail_domain(domain) {
            return (none(SpfReason::NoDomain { text: said(domain) }), None);
        }
        match self.record_of(domain, Mode::Deciding) {
            Found::Unknown => (Outcome::Unknown, None),
            Found::Error(decision) => (Outcome::Decided(decision), None),
            Found::Nothing(reason) => (none(reason), None),
            Found::Text(records, index) => {
                let text = &records[index];
                let question = Question { name: domain.to_owned(), record_type: RecordType::Txt };
                let place = Place { domain, depth: 0, role: Role::Own };
                (self.text(place, text, Mode::Deciding), Some((question, text.clone())))
            }
        }
    }

    /// Finds the record of a name (RFC 7208, 4.4, 4.5).
    fn record_of(&mut self, name: &str, mode: Mode) -> Found {
        let records = match self.ask(name, RecordType::Txt, mode) {
            Answer::Records(records) => records,
            Answer::NoData => return Found::Nothing(SpfReason::NoRecord { domain: name.to_owned() }),
            Answer::NoName => return Found::Nothing(SpfReason::NoName { domain: name.to_owned() }),
            Answer::Failed(status) => return Found::Error(failed(name, RecordType::Txt, &status)),
            Answer::NotSaved => return Found::Unknown,
        };
        let mut found = records.iter().enumerate().filter(|(_, text)| record::is_spf(text)).map(|(index, _)| index);
        match (found.next(), found.count()) {
            (None, _) => Found::Nothing(SpfReason::NoRecord { domain: name.to_owned() }),
            (Some(index), 0) => Found::Text(records, index),
            (Some(_), more) => {
                let reason = SpfReason::SeveralRecords { domain: name.to_owned(), count: more + 1 };
                Found::Error(Decision::error(AuthResult::PermError, reason))
            }
        }
    }

    /// Reads and evaluates the text of a record.
    fn text(&mut self, place: Place<'_>, text: &str, mode: Mode) -> Outcome {
        match record::parse(text) {
            Ok(record) => self.evaluate(place, &record, mode),
            Err(bad) => {
                self.counted_all = false;
                let (domain, term) = (place.domain.to_owned(), said(bad.text));
                let reason = SpfReason::Syntax { domain, term, error: bad.error };
                Outcome::Decided(Decision::error(AuthResult::PermError, reason))
            }
        }
    }

    /// Goes through the terms of a record in order (RFC 7208, 4.6.2, 4.7).
    fn evaluate(&mut self, place: Place<'_>, record: &Record<'_>, from: Mode) -> Outcome {
        let mut mode = from;
        let mut settled = None;
        for directive in &record.directives {
            match self.directive(place, directive, mode) {
                _ if mode == Mode::Counting => {}
                Step::NoMatch => {}
                Step::Unknown => {
                    mode = Mode::Collecting;
                    settled = Some(Outcome::Unknown);
                }
                Step::Match(inner) => {
                    mode = Mode::Counting;
                    settled.get_or_insert_with(|| Outcome::Decided(matched(place, record, directive, inner)));
                }
                Step::Stop(decision) => {
                    mode = Mode::Counting;
                    settled.get_or_insert(Outcome::Decided(decision));
                }
            }
        }
        let last = match record.effective_redirect() {
            Some(redirect) => self.redirect(place, redirect, mode),
            None => {
                let reason = SpfReason::NothingMatched { domain: place.domain.to_owned() };
                Outcome::Decided(Decision::error(AuthResult::Neutral, reason))
            }
        };
        settled.unwrap_or(last)
    }

    fn directive(&mut self, place: Place<'_>, directive: &Directive<'_>, mode: Mode) -> Step {
        let network_matches = |matches: bool| if matches { Step::Match(None) } else { Step::NoMatch };
        match directive.mechanism {
            Mechanism::All => return Step::Match(None),
            Mechanism::Ip4(network, bits) => {
                return network_matches(within(self.values.ip, IpAddr::V4(network), bits));
            }
            Mechanism::Ip6(network, bits) => {
                return network_matches(within(self.values.ip, IpAddr::V6(network), bits));
            }
            _ => {}
        }
        if let Err(decision) = self.count(place, directive.text, mode) {
            if let Mechanism::Include(spec) = directive.mechanism {
                self.follow(place, spec, Role::Included, Mode::Counting);
            }
            return Step::Stop(decision);
        }
        match directive.mechanism {
            Mechanism::Include(spec) => self.include(place, directive, spec, mode),
            // After the decision only includes lead to more look-ups.
            _ if mode == Mode::Counting => Step::NoMatch,
            Mechanism::A(spec, prefixes) => self.a(place, directive, spec, prefixes, mode),
            Mechanism::Mx(spec, prefixes) => self.mx(place, directive, spec, prefixes, mode),
            Mechanism::Ptr(spec) => self.ptr(place, directive, spec, mode),
            Mechanism::Exists(spec) => self.exists(place, directive, spec, mode),
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => Step::NoMatch,
        }
    }

    /// Counts a term that costs a look-up; the eleventh ends the check (RFC 7208, 4.6.4).
    fn count(&mut self, place: Place<'_>, term: &str, mode: Mode) -> Result<(), Box<Decision>> {
        if self.steps.len() >= MAX_COUNTED {
            self.counted_all = false;
        } else {
            self.steps.push(LookupStep {
                domain: place.domain.to_owned(),
                term: said(term),
                depth: place.depth,
                count: self.steps.len() as u32 + 1,
                reached: if mode == Mode::Counting { Reached::OnlyCounted } else { Reached::Evaluated },
            });
        }
        if mode == Mode::Counting {
            return Ok(());
        }
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS { Err(self.over(Limit::Lookups, place, term, mode)) } else { Ok(()) }
    }

    /// Counts a term whose own question came back empty; the third ends the check (RFC 7208, 4.6.4).
    fn void(&mut self, place: Place<'_>, directive: &Directive<'_>, mode: Mode) -> Step {
        self.voids += 1;
        if self.voids > MAX_VOID_LOOKUPS {
            Step::Stop(self.over(Limit::VoidLookups, place, directive.text, mode))
        } else {
            Step::NoMatch
        }
    }

    fn over(&mut self, limit: Limit, place: Place<'_>, term: &str, mode: Mode) -> Box<Decision> {
        let over = OverLimit { limit, domain: place.domain.to_owned(), term: said(term) };
        if mode == Mode::Deciding {
            self.over_limit = Some(over.clone());
        }
        Decision::error(AuthResult::PermError, SpfReason::OverLimit(over))
    }

    /// RFC 7208, 5.2: matches if the client passes the other record.
    fn include(&mut self, place: Place<'_>, directive: &Directive<'_>, spec: DomainSpec<'_>, mode: Mode) -> Step {
        let no_record = |target: String| {
            let (domain, term) = (place.domain.to_owned(), said(directive.text));
            let reason = SpfReason::TargetWithoutRecord { domain, term, target };
            Step::Stop(Decision::error(AuthResult::PermError, reason))
        };
        let Some(outcome) = self.follow(place, spec, Role::Included, mode) else { return Step::NoMatch };
        match outcome {
            Followed::NoRecord(target) => no_record(target),
            Followed::Outcome(Outcome::Unknown) => Step::Unknown,
            Followed::Outcome(Outcome::Decided(mut decision)) => match decision.result {
                AuthResult::Pass => {
                    if let Some(matched) = &mut decision.matched {
                        matched.path.insert(0, path_step(place, directive.text));
                    }
                    Step::Match(decision.matched)
                }
                AuthResult::TempError | AuthResult::PermError => Step::Stop(decision),
                _ => Step::NoMatch,
            },
        }
    }

    /// RFC 7208, 6.1: the other record decides as if it were this one.
    fn redirect(&mut self, place: Place<'_>, redirect: Modifier<'_>, mode: Mode) -> Outcome {
        if let Err(decision) = self.count(place, redirect.text, mode) {
            self.follow(place, redirect.spec, place.role, Mode::Counting);
            return Outcome::Decided(decision);
        }
        let followed = self.follow(place, redirect.spec, place.role, mode);
        match followed {
            None => Outcome::Unknown,
            Some(Followed::NoRecord(target)) => {
                let (domain, term) = (place.domain.to_owned(), said(redirect.text));
                let reason = SpfReason::TargetWithoutRecord { domain, term, target };
                Outcome::Decided(Decision::error(AuthResult::PermError, reason))
            }
            Some(Followed::Outcome(mut outcome)) => {
                if let Outcome::Decided(decision) = &mut outcome
                    && let Some(matched) = &mut decision.matched
                {
                    matched.path.insert(0, path_step(place, redirect.text));
                    decision.reason = SpfReason::Matched(matched.clone());
                }
                outcome
            }
        }
    }

    /// Evaluates the record that a term leads to, or counts its look-ups; `None` if it is not worth counting.
    fn follow(&mut self, place: Place<'_>, spec: DomainSpec<'_>, role: Role, mode: Mode) -> Option<Followed> {
        // To count by the names of the client would take more questions than the count is worth.
        let by_client = || macros::uses(spec.0, Letter::ValidatedName);
        if mode == Mode::Counting && (!self.counted_all || place.depth >= MAX_COUNTED_DEPTH || by_client()) {
            self.counted_all = false;
            return None;
        }
        let name = match self.target(place, Some(spec), mode) {
            Target::Name(name) => name,
            Target::NotAName => return Some(Followed::NoRecord(said(spec.0))),
            Target::Unknown => {
                self.counted_all = false;
                return Some(Followed::Outcome(Outcome::Unknown));
            }
        };
        Some(match self.record_of(&name, mode) {
            Found::Unknown => {
                self.counted_all = false;
                Followed::Outcome(Outcome::Unknown)
            }
            Found::Nothing(_) => Followed::NoRecord(name),
            Found::Error(decision) => {
                self.counted_all = false;
                Followed::Outcome(Outcome::Decided(decision))
            }
            Found::Text(records, index) => {
                let inner = Place { domain: &name, depth: place.depth + 1, role };
                Followed::Outcome(self.text(inner, &records[index], mode))
            }
        })
    }

    /// RFC 7208, 5.3: matches if the client is among the addresses of the name.
    fn a(
        &mut self,
        place: Place<'_>,
        directive: &Directive<'_>,
        spec: Option<DomainSpec<'_>>,
        prefixes: Prefixes,
        mode: Mode,
    ) -> Step {
        let name = match self.target(place, spec, mode) {
            Target::Name(name) => name,
            Target::NotAName => return Step::NoMatch,
            Target::Unknown => return Step::Unknown,
        };
        match self.address_matches(&name, prefixes, mode) {
            Addresses::Match => Step::Match(None),
            Addresses::NoMatch => Step::NoMatch,
            Addresses::Void => self.void(place, directive, mode),
            Addresses::Unknown => Step::Unknown,
            Addresses::Failed(decision) => Step::Stop(decision),
        }
    }

    /// RFC 7208, 5.4: matches if the client is among the addresses of the mail exchangers, tried by preference.
    fn mx(
        &mut self,
        place: Place<'_>,
        directive: &Directive<'_>,
        spec: Option<DomainSpec<'_>>,
        prefixes: Prefixes,
        mode: Mode,
    ) -> Step {
        let name = match self.target(place, spec, mode) {
            Target::Name(name) => name,
            Target::NotAName => return Step::NoMatch,
            Target::Unknown => return Step::Unknown,
        };
        let records = match self.ask(&name, RecordType::Mx, mode) {
            Answer::Records(records) => records,
            Answer::NoData | Answer::NoName => return self.void(place, directive, mode),
            Answer::Failed(status) => return Step::Stop(failed(&name, RecordType::Mx, &status)),
            Answer::NotSaved => return Step::Unknown,
        };
        let hosts = mail_exchangers(&records);
        let mut known = Step::NoMatch;
        for host in hosts.iter().take(MAX_NAMES) {
            let step = match self.address_matches(host, prefixes, mode) {
                Addresses::NoMatch | Addresses::Void => continue,
                Addresses::Unknown => {
                    known = Step::Unknown;
                    continue;
                }
                Addresses::Match => Step::Match(None),
                Addresses::Failed(decision) => Step::Stop(decision),
            };
            return if matches!(known, Step::Unknown) { known } else { step };
        }
        match known {
            Step::NoMatch if hosts.len() > MAX_NAMES => {
                Step::Stop(self.over(Limit::MailExchangers, place, directive.text, mode))
            }
            known => known,
        }
    }

    /// RFC 7208, 5.5: matches if a name of the client lies within the domain and has the client's address.
    fn ptr(&mut self, place: Place<'_>, directive: &Directive<'_>, spec: Option<DomainSpec<'_>>, mode: Mode) -> Step {
        let within = match self.target(place, spec, mode) {
            Target::Name(name) => name,
            Target::NotAName => return Step::NoMatch,
            Target::Unknown => return Step::Unknown,
        };
        let reverse = reverse_name(self.values.ip);
        let names = match self.ask(&reverse, RecordType::Ptr, mode) {
            Answer::Records(records) => client_names(&records),
            Answer::NoData | Answer::NoName => return self.void(place, directive, mode),
            // Unlike elsewhere, an error only means that nothing matches (RFC 7208, 5.5).
            Answer::Failed(_) => return Step::NoMatch,
            Answer::NotSaved => return Step::Unknown,
        };
        let mut known = Step::NoMatch;
        for name in names.iter().filter(|name| domain::is_within(name, &within)) {
            match self.address_matches(name, WHOLE, mode) {
                Addresses::Match => return Step::Match(None),
                Addresses::Unknown => known = Step::Unknown,
                Addresses::NoMatch | Addresses::Void | Addresses::Failed(_) => {}
            }
        }
        known
    }

    /// RFC 7208, 5.7: matches if the name has an IPv4 address, whatever the client's family.
    fn exists(&mut self, place: Place<'_>, directive: &Directive<'_>, spec: DomainSpec<'_>, mode: Mode) -> Step {
        let name = match self.target(place, Some(spec), mode) {
            Target::Name(name) => name,
            Target::NotAName => return Step::NoMatch,
            Target::Unknown => return Step::Unknown,
        };
        match self.ask(&name, RecordType::A, mode) {
            Answer::Records(_) => Step::Match(None),
            Answer::NoData | Answer::NoName => self.void(place, directive, mode),
            Answer::Failed(status) => Step::Stop(failed(&name, RecordType::A, &status)),
            Answer::NotSaved => Step::Unknown,
        }
    }

    /// Whether the client is among the addresses of a name.
    fn address_matches(&mut self, name: &str, prefixes: Prefixes, mode: Mode) -> Addresses {
        let ip = self.values.ip;
        let (record_type, bits) = match ip {
            IpAddr::V4(_) => (RecordType::A, prefixes.ip4),
            IpAddr::V6(_) => (RecordType::Aaaa, prefixes.ip6),
        };
        match self.ask(name, record_type, mode) {
            Answer::Records(records) => {
                let mut addresses = records.iter().filter_map(|text| text.trim().parse::<IpAddr>().ok());
                if addresses.any(|address| within(ip, address, bits)) { Addresses::Match } else { Addresses::NoMatch }
            }
            Answer::NoData | Answer::NoName => Addresses::Void,
            Answer::Failed(status) => Addresses::Failed(failed(name, record_type, &status)),
            Answer::NotSaved => Addresses::Unknown,
        }
    }

    /// The name that a term is about: that of the record, or what its macros give (RFC 7208, 4.8).
    fn target(&mut self, place: Place<'_>, spec: Option<DomainSpec<'_>>, mode: Mode) -> Target {
        let Some(DomainSpec(spec)) = spec else { return Target::Name(place.domain.to_owned()) };
        let name = if spec.contains('%') {
            match macros::expand_name(spec, |letter| self.value(letter, place.domain, mode)) {
                Ok(name) => name,
                Err(NotExpanded::Unknown) => return Target::Unknown,
                Err(NotExpanded::Syntax | NotExpanded::TooLong) => return Target::NotAName,
            }
        } else {
            spec.to_owned()
        };
        // A local part that is not ASCII matches nothing (RFC 8616, 4): it is no A-label.
        if !name.is_ascii() {
            return Target::NotAName;
        }
        let name = domain::normal(&name);
        if domain::is_dns_name(&name) { Target::Name(name) } else { Target::NotAName }
    }

    /// What a macro letter stands for (RFC 7208, 7.2).
    fn value(&mut self, letter: Letter, domain: &str, mode: Mode) -> Option<Cow<'a, str>> {
        Some(match letter {
            Letter::Sender => self.values.sender.clone(),
            Letter::LocalPart => Cow::Borrowed(self.values.local_part),
            Letter::SenderDomain => self.values.domain.clone(),
            Letter::Domain => Cow::Owned(domain.to_owned()),
            Letter::Ip => Cow::Owned(dotted(self.values.ip)),
            Letter::ValidatedName => return self.validated_name(domain, mode).map(Cow::Owned),
            Letter::Family => Cow::Borrowed(if self.values.ip.is_ipv4() { "in-addr" } else { "ip6" }),
            Letter::Helo => self.values.helo.clone(),
            Letter::PlainIp => Cow::Owned(self.values.ip.to_string()),
            Letter::Receiver => Cow::Borrowed(self.values.receiver),
            // The check knows no clock.
            Letter::Time => Cow::Borrowed("unknown"),
        })
    }

    /// The name of the client for `%{p}`; `None` if answers were not saved.
    fn validated_name(&mut self, domain: &str, mode: Mode) -> Option<String> {
        if let Some((_, name)) = self.validated.iter().find(|(known, _)| known == domain) {
            return Some(name.clone());
        }
        let name = self.find_validated_name(domain, mode)?;
        self.validated.push((domain.to_owned(), name.clone()));
        Some(name)
    }

    /// The name of the client that has its address: the domain itself before one within it before any; `unknown` if there
    /// is none; `None` if that was not saved (RFC 7208, 7.3).
    fn find_validated_name(&mut self, domain: &str, mode: Mode) -> Option<String> {
        let unknown = Some("unknown".to_owned());
        let names = match self.ask(&reverse_name(self.values.ip), RecordType::Ptr, mode) {
            Answer::Records(records) => client_names(&records),
            Answer::NotSaved => return None,
            Answer::NoData | Answer::NoName | Answer::Failed(_) => return unknown,
        };
        let rank = |name: &str| match name {
            name if name == domain => 0,
            name if domain::is_within(name, domain) => 1,
            _ => 2,
        };
        let mut names: Vec<&String> = names.iter().collect();
        names.sort_by_key(|name| rank(name));
        let mut missing = false;
        for name in names {
            match self.address_matches(name, WHOLE, mode) {
                Addresses::Match if !missing => return Some(name.clone()),
                Addresses::Unknown => missing = true,
                _ => {}
            }
        }
        if missing { None } else { unknown }
    }

    /// What the owner of the domain wants to be said (RFC 7208, 6.2); any error means that nothing is.
    fn explain(&mut self, domain: &str, spec: &str) -> Option<String> {
        let place = Place { domain, depth: 0, role: Role::Own };
        let Target::Name(name) = self.target(place, Some(DomainSpec(spec)), Mode::Counting) else { return None };
        let Answer::Records(records) = self.ask(&name, RecordType::Txt, Mode::Counting) else { return None };
        let [text] = &*records else { return None };
        self.asked.push(Question { name, record_type: RecordType::Txt });
        macros::expand_explanation(text, |letter| self.value(letter, domain, Mode::Counting)).ok()
    }

    /// Asks, and keeps the question for those that want to know.
    fn ask(&mut self, name: &str, record_type: RecordType, mode: Mode) -> Answer {
        let answer = self.dns.ask(name, record_type);
        let list = match (&answer, mode) {
            (Answer::NotSaved, Mode::Counting) => &mut self.would_add,
            (Answer::NotSaved, _) => &mut self.needs,
            (_, Mode::Counting) => return answer,
            _ => &mut self.asked,
        };
        if !list.iter().any(|known| known.record_type == record_type && known.name == name) {
            list.push(Question { name: name.to_owned(), record_type });
        }
        answer
    }
}

/// What following an include or redirect comes to.
enum Followed {
    /// The target, by name, has no record.
    NoRecord(String),
    Outcome(Outcome),
}

/// What the addresses of a name come to.
enum Addresses {
    Match,
    NoMatch,
    /// There are none.
    Void,
    Unknown,
    Failed(Box<Decision>),
}

/// Every bit of an address counts.
const WHOLE: Prefixes = Prefixes { ip4: 32, ip6: 128 };

/// The decision by a mechanism that matches.
fn matched(place: Place<'_>, record: &Record<'_>, directive: &Directive<'_>, inner: Option<Matched>) -> Box<Decision> {
    let result = match directive.qualifier {
        Qualifier::Pass => AuthResult::Pass,
        Qualifier::Fail => AuthResult::Fail,
        Qualifier::SoftFail => AuthResult::SoftFail,
        Qualifier::Neutral => AuthResult::Neutral,
    };
    let matched = inner.unwrap_or_else(|| Matched {
        term: said(directive.text),
        domain: place.domain.to_owned(),
        path: Vec::new(),
    });
    let exp = record.exp.filter(|_| result == AuthResult::Fail && place.role == Role::Own);
    Box::new(Decision {
        result,
        reason: SpfReason::Matched(matched.clone()),
        matched: Some(matched),
        exp: exp.map(|exp| (place.domain.to_owned(), exp.spec.0.to_owned())),
    })
}

fn path_step(place: Place<'_>, term: &str) -> PathStep {
    PathStep { domain: place.domain.to_owned(), term: said(term) }
}

fn failed(name: &str, record_type: RecordType, status: &str) -> Box<Decision> {
    let question = Question { name: name.to_owned(), record_type };
    Decision::error(AuthResult::TempError, SpfReason::DnsFailed { question, status: status.to_owned() })
}

/// Whether an address lies within a network; addresses of another family never do.
fn within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// The mail exchangers that can be asked for, by preference and then by name: the DNS gives them in any order.
fn mail_exchangers(records: &[String]) -> Vec<String> {
    let mut hosts: Vec<(u32, String)> = records
        .iter()
        .filter_map(|record| {
            let (preference, host) = record.trim().split_once([' ', '\t'])?;
            Some((preference.parse().ok()?, domain::normal(host)))
        })
        .filter(|(_, host)| domain::is_dns_name(host))
        .collect();
    hosts.sort();
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// The names of the client that are tried, by name: the DNS gives them in any order.
fn client_names(records: &[String]) -> Vec<String> {
    let mut names: Vec<String> = records.iter().map(|record| domain::normal(record)).collect();
    names.retain(|name| domain::is_dns_name(name));
    names.sort();
    names.dedup();
    names.truncate(MAX_NAMES);
    names
}

/// The name under which the names of an address are (RFC 1035, 3.5; RFC 3596, 2.5).
fn reverse_name(ip: IpAddr) -> String {
    let mut parts = dotted(ip).split('.').rev().collect::<Vec<_>>().join(".");
    parts.push_str(if ip.is_ipv4() { ".in-addr.arpa" } else { ".ip6.arpa" });
    parts
}

/// An address in dotted parts: bytes of IPv4, hexadecimal digits of IPv6 (RFC 7208, 7.3).
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let mut text = String::with_capacity(63);
            for byte in ip.octets() {
                let dot = if text.is_empty() { "" } else { "." };
                let _ = write!(text, "{dot}{:x}.{:x}", byte >> 4, byte & 15);
            }
            text
        }
    }
}
