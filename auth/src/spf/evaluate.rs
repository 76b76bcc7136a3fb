//! Evaluates records: which term decides, what it cost, and what is missing.
//!
//! A record is gone through once. Until a term decides, the evaluation is [`Mode::Deciding`]. An answer that was not saved
//! makes it [`Mode::Collecting`]: nothing can be decided any more, and the terms that follow only tell which answers are
//! missing as well. After the decision it is [`Mode::Counting`]: the look-ups of the rest are counted and nothing else.

use std::net::IpAddr;
use std::sync::Arc;

use evidence::{AuthResult, SAID_MAX_CHARS};

use super::address::within;
use super::macros::{self, NotExpanded};
use super::record::{self, Directive, DomainSpec, Mechanism, Qualifier, Record};
use super::values::Values;
use super::{
    Client, Identity, Limit, LookupStep, MAX_LOOKUPS, MAX_VOID_LOOKUPS, Matched, OverLimit, PathStep, Reached,
    SpfCheck, SpfReason,
};
use crate::dns::{Answer, Dns, Question, RecordType};
use crate::domain;

/// Most look-ups of a record that are counted; a record that needs more is taken for endless.
const MAX_COUNTED: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Deciding,
    Collecting,
    Counting,
}

/// Whether a record speaks for the domain or was included: an explanation is taken from the former only (RFC 7208, 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Own,
    Included,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub domain: &'a str,
    pub depth: u32,
    pub role: Role,
}

/// What a record comes to.
pub(super) enum Outcome {
    Decided(Box<Decision>),
    Unknown,
}

pub(super) struct Decision {
    pub result: AuthResult,
    pub reason: SpfReason,
    pub matched: Option<Matched>,
    /// The domain whose record failed the client, and its `exp=`.
    pub exp: Option<(String, String)>,
}

impl Decision {
    pub(super) fn error(result: AuthResult, reason: SpfReason) -> Box<Decision> {
        Box::new(Decision { result, reason, matched: None, exp: None })
    }
}

/// What a term comes to.
pub(super) enum Step {
    /// It matches; within an included record, this term of it.
    Match(Option<Matched>),
    NoMatch,
    Unknown,
    /// It ends the check.
    Stop(Box<Decision>),
}

/// What the question for a record comes to.
pub(super) enum Found {
    Text(Arc<[String]>, usize),
    Nothing(SpfReason),
    Error(Box<Decision>),
    Unknown,
}

/// The name that a term is about.
pub(super) enum Target {
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

pub(super) struct Evaluation<'a> {
    pub values: Values<'a>,
    dns: &'a dyn Dns,
    lookups: u32,
    voids: u32,
    over_limit: Option<OverLimit>,
    /// The validated names that were found, each with the domain that it is for.
    pub validated: Vec<(String, String)>,
    steps: Vec<LookupStep>,
    /// Whether [`Evaluation::steps`] holds every look-up of the record.
    pub counted_all: bool,
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
    pub(super) fn record_of(&mut self, name: &str, mode: Mode) -> Found {
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
    pub(super) fn text(&mut self, place: Place<'_>, text: &str, mode: Mode) -> Outcome {
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
    pub(super) fn count(&mut self, place: Place<'_>, term: &str, mode: Mode) -> Result<(), Box<Decision>> {
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
    pub(super) fn void(&mut self, place: Place<'_>, directive: &Directive<'_>, mode: Mode) -> Step {
        self.voids += 1;
        if self.voids > MAX_VOID_LOOKUPS {
            Step::Stop(self.over(Limit::VoidLookups, place, directive.text, mode))
        } else {
            Step::NoMatch
        }
    }

    pub(super) fn over(&mut self, limit: Limit, place: Place<'_>, term: &str, mode: Mode) -> Box<Decision> {
        let over = OverLimit { limit, domain: place.domain.to_owned(), term: said(term) };
        if mode == Mode::Deciding {
            self.over_limit = Some(over.clone());
        }
        Decision::error(AuthResult::PermError, SpfReason::OverLimit(over))
    }

    /// The name that a term is about: that of the record, or what its macros give (RFC 7208, 4.8).
    pub(super) fn target(&mut self, place: Place<'_>, spec: Option<DomainSpec<'_>>, mode: Mode) -> Target {
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
    pub(super) fn ask(&mut self, name: &str, record_type: RecordType, mode: Mode) -> Answer {
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

pub(super) fn path_step(place: Place<'_>, term: &str) -> PathStep {
    PathStep { domain: place.domain.to_owned(), term: said(term) }
}

pub(super) fn failed(name: &str, record_type: RecordType, status: &str) -> Box<Decision> {
    let question = Question { name: name.to_owned(), record_type };
    Decision::error(AuthResult::TempError, SpfReason::DnsFailed { question, status: status.to_owned() })
}

/// A text as it is shown: one that nobody would read to its end is cut.
pub(super) fn said(text: &str) -> String {
    match text.char_indices().nth(SAID_MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
