//! The terms that look something up, one by one (RFC 7208, 5, 6.1), and the macros that stand for names.

use std::borrow::Cow;
use std::net::IpAddr;

use evidence::AuthResult;

use super::address::{MAX_NAMES, client_names, dotted, mail_exchangers, reverse_name, within};
use super::evaluate::{Decision, Evaluation, Found, Mode, Outcome, Place, Role, Step, Target, failed, path_step, said};
use super::macros::{self, Letter};
use super::record::{Directive, DomainSpec, Modifier, Prefixes};
use super::{Limit, SpfReason};
use crate::dns::{Answer, RecordType};
use crate::domain;

/// Deepest include that is counted after the decision. Before it, the limit of look-ups bounds the depth.
const MAX_COUNTED_DEPTH: u32 = 20;

/// Every bit of an address counts.
const WHOLE: Prefixes = Prefixes { ip4: 32, ip6: 128 };

/// What following an include or redirect comes to.
pub(super) enum Followed {
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

impl<'a> Evaluation<'a> {
    /// RFC 7208, 5.2: matches if the client passes the other record.
    pub(super) fn include(
        &mut self,
        place: Place<'_>,
        directive: &Directive<'_>,
        spec: DomainSpec<'_>,
        mode: Mode,
    ) -> Step {
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
    pub(super) fn redirect(&mut self, place: Place<'_>, redirect: Modifier<'_>, mode: Mode) -> Outcome {
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
    pub(super) fn follow(
        &mut self,
        place: Place<'_>,
        spec: DomainSpec<'_>,
        role: Role,
        mode: Mode,
    ) -> Option<Followed> {
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
    pub(super) fn a(
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
    pub(super) fn mx(
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
    pub(super) fn ptr(
        &mut self,
        place: Place<'_>,
        directive: &Directive<'_>,
        spec: Option<DomainSpec<'_>>,
        mode: Mode,
    ) -> Step {
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
    pub(super) fn exists(
        &mut self,
        place: Place<'_>,
        directive: &Directive<'_>,
        spec: DomainSpec<'_>,
        mode: Mode,
    ) -> Step {
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

    /// What a macro letter stands for (RFC 7208, 7.2).
    pub(super) fn value(&mut self, letter: Letter, domain: &str, mode: Mode) -> Option<Cow<'a, str>> {
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
}
