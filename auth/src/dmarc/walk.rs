//! The DNS tree walk: from a domain up to the top, at most eight questions (RFC 9989, 4.10).
//!
//! It takes the place of the list of public suffixes that RFC 7489 relied on: what belongs together is what the DNS says.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::{self, Psd, Reading};
use crate::dns::{Answer, Dns, Question, RecordType};
use crate::domain;

/// How many labels are left when a long name is shortened (RFC 9989, 4.10).
const LABELS_KEPT: usize = 7;

/// Most names without an answer over whose possible answers an alignment is tried; 4 to the power of it are gone through.
const MAX_OPEN: usize = 5;

/// What stands at a name.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Record {
        text: String,
        reading: Arc<Reading>,
    },
    Nothing,
    /// Several records count as none.
    Several(usize),
    Failed(Arc<str>),
    NotSaved,
}

/// A name of a walk.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub domain: String,
    pub question: Question,
    pub found: Found,
    /// Texts that were meant to be a record and are none.
    pub almost: Arc<[String]>,
}

/// The names of a walk, from the domain itself up, as far as the walk goes.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub stops: Vec<Stop>,
}

/// Asks for the records of names, each once.
pub(super) struct Walker<'a> {
    dns: &'a dyn Dns,
    known: HashMap<String, (Found, Arc<[String]>)>,
    pub asked: Vec<Question>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(dns: &'a dyn Dns) -> Walker<'a> {
        Walker { dns, known: HashMap::new(), asked: Vec::new() }
    }

    /// Walks from a domain up until a record says `psd=y` or `psd=n`, or the top is reached.
    pub(super) fn walk(&mut self, start: &str) -> Walk {
        let mut stops = Vec::new();
        for domain in targets(start) {
            let stop = self.at(domain);
            let ends = matches!(&stop.found, Found::Record { reading, .. } if reading.record.psd != Psd::Unsaid);
            stops.push(stop);
            if ends {
                break;
            }
        }
        Walk { stops }
    }

    fn at(&mut self, domain: &str) -> Stop {
        let question = Question { name: format!("_dmarc.{domain}"), record_type: RecordType::Txt };
        let domain = domain.to_owned();
        if let Some((found, almost)) = self.known.get(&domain).cloned() {
            return Stop { domain, question, found, almost };
        }
        let (found, almost) = self.ask(&question);
        self.known.insert(domain.clone(), (found.clone(), almost.clone()));
        Stop { domain, question, found, almost }
    }

    fn ask(&mut self, question: &Question) -> (Found, Arc<[String]>) {
        let none: Arc<[String]> = Arc::new([]);
        // A name that is too long with `_dmarc` before it cannot exist.
        if !domain::is_dns_name(&question.name) {
            return (Found::Nothing, none);
        }
        let answer = self.dns.ask(&question.name, RecordType::Txt);
        if answer == Answer::NotSaved {
            return (Found::NotSaved, none);
        }
        self.asked.push(question.clone());
        let texts = match answer {
            Answer::Records(texts) => texts,
            Answer::Failed(status) => return (Found::Failed(status), none),
            Answer::NoData | Answer::NoName | Answer::NotSaved => return (Found::Nothing, none),
        };
        let mut records: Vec<(&String, Reading)> =
            texts.iter().filter_map(|text| Some((text, record::read(text)?))).collect();
        let almost = texts.iter().filter(|text| record::looks_like_one(text) && record::read(text).is_none());
        let almost = almost.cloned().collect();
        let found = match records.len() {
            0 => Found::Nothing,
            1 => {
                let (text, reading) = records.remove(0);
                Found::Record { text: text.clone(), reading: Arc::new(reading) }
            }
            count => Found::Several(count),
        };
        (found, almost)
    }
}

/// The domains of a walk: all up to the top, of a long name only itself and the last seven (RFC 9989, 4.10).
pub(super) fn targets(start: &str) -> impl Iterator<Item = &str> {
    let mut next = domain::parent(start);
    while let Some(name) = next.filter(|name| domain::label_count(name) > LABELS_KEPT) {
        next = domain::parent(name);
    }
    std::iter::once(start).chain(std::iter::successors(next, |name| domain::parent(name)))
}

impl Walk {
    /// The domain where the walk starts.
    pub(super) fn start(&self) -> &str {
        &self.stops[0].domain
    }

    /// Questions of the walk without a saved answer.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Question> {
        self.stops.iter().filter(|stop| matches!(stop.found, Found::NotSaved)).map(|stop| &stop.question)
    }

    /// The first name without a usable answer.
    pub(super) fn first_open(&self) -> Option<&Stop> {
        self.stops.iter().find(|stop| stop.is_open())
    }

    /// The organizational domain; `None` if it rests on answers that are not there.
    pub(super) fn organizational_domain(&self) -> Option<&str> {
        let open: Vec<&str> = self.stops.iter().filter(|stop| stop.is_open()).map(|stop| &*stop.domain).collect();
        same_in_every_case(&open, |case| self.organizational_if(case))
    }

    /// The organizational domain, with names that have no answer taken as `case` says (RFC 9989, 4.10.2).
    fn organizational_if(&self, case: &Case<'_>) -> &str {
        let mut highest = None;
        for (index, stop) in self.stops.iter().enumerate() {
            match stop.psd(case) {
                None => {}
                Some(Psd::Organizational) => return &stop.domain,
                Some(Psd::PublicSuffix) if index > 0 => return below(self.start(), &stop.domain),
                Some(Psd::PublicSuffix) => return &stop.domain,
                Some(Psd::Unsaid) => highest = Some(&*stop.domain),
            }
        }
        highest.unwrap_or(self.start())
    }

    /// The stop of a domain, if the walk came by it.
    pub(super) fn stop(&self, domain: &str) -> Option<&Stop> {
        self.stops.iter().find(|stop| stop.domain == domain)
    }

    /// The public suffix that ended the walk.
    pub(super) fn public_suffix(&self) -> Option<&Stop> {
        self.stops.last().filter(|stop| stop.psd(&[]) == Some(Psd::PublicSuffix))
    }
}

impl Stop {
    fn is_open(&self) -> bool {
        matches!(self.found, Found::NotSaved | Found::Failed(_))
    }

    /// What the record of the name says of its place; `None` without a record.
    fn psd(&self, case: &Case<'_>) -> Option<Psd> {
        match &self.found {
            Found::Record { reading, .. } => Some(reading.record.psd),
            Found::Nothing | Found::Several(_) => None,
            Found::Failed(_) | Found::NotSaved => {
                case.iter().find(|(domain, _)| *domain == self.domain).and_then(|(_, psd)| *psd)
            }
        }
    }
}

/// Whether two domains have the same organizational domain; `None` if it rests on answers that are not there.
pub(super) fn same_organization(one: &Walk, other: &Walk) -> Option<bool> {
    let (a, b) = (one.start(), other.start());
    if a == b {
        return Some(true);
    }
    // An organizational domain stands above both, or they have none in common.
    if a.rsplit('.').next() != b.rsplit('.').next() {
        return Some(false);
    }
    same_in_every_case(&open_of(one, other), |case| one.organizational_if(case) == other.organizational_if(case))
}

/// The questions without a saved answer on which it rests whether two domains have the same organizational domain.
///
/// A name whose answer could not change anything is left out: nobody need ask for `_dmarc.com` if both lie below a domain
/// that settles it.
pub(super) fn missing_between(one: &Walk, other: &Walk) -> Vec<Question> {
    let open = open_of(one, other);
    let outcomes = outcomes(&open, |case| one.organizational_if(case) == other.organizational_if(case));
    let matters = |domain: &str| {
        let Some(outcomes) = &outcomes else { return true };
        let Some(place) = open.iter().position(|known| *known == domain) else { return false };
        let unit = ANSWERS.len().pow(place as u32);
        let with_nothing = |number: usize| number - number / unit % ANSWERS.len() * unit;
        (0..outcomes.len()).any(|number| outcomes[number] != outcomes[with_nothing(number)])
    };
    let stops = one.stops.iter().chain(&other.stops);
    let mut missing: Vec<Question> = Vec::new();
    for stop in stops.filter(|stop| matches!(stop.found, Found::NotSaved) && matters(&stop.domain)) {
        if !missing.contains(&stop.question) {
            missing.push(stop.question.clone());
        }
    }
    missing
}

/// The names of two walks that have no answer.
fn open_of<'w>(one: &'w Walk, other: &'w Walk) -> Vec<&'w str> {
    let stops = one.stops.iter().chain(&other.stops);
    let mut open: Vec<&str> = stops.filter(|stop| stop.is_open()).map(|stop| &*stop.domain).collect();
    open.sort_unstable();
    open.dedup();
    open
}

/// What names without an answer may say of their place.
type Case<'a> = [(&'a str, Option<Psd>)];

/// What a name without an answer may turn out to say: no record, or a record with this `psd`.
const ANSWERS: [Option<Psd>; 4] = [None, Some(Psd::Unsaid), Some(Psd::Organizational), Some(Psd::PublicSuffix)];

/// What comes out for everything that the names without an answer could say; `None` if these are too many to try.
///
/// The answer of the name at place `n` is digit `n` of the number of a case, to the base of four.
fn outcomes<T>(open: &[&str], come_out: impl Fn(&Case<'_>) -> T) -> Option<Vec<T>> {
    if open.len() > MAX_OPEN {
        return None;
    }
    let mut case: Vec<(&str, Option<Psd>)> = open.iter().map(|domain| (*domain, None)).collect();
    let outcome_of = |number: usize| {
        let mut digits = number;
        for (_, answer) in &mut case {
            *answer = ANSWERS[digits % ANSWERS.len()];
            digits /= ANSWERS.len();
        }
        come_out(&case)
    };
    Some((0..ANSWERS.len().pow(open.len() as u32)).map(outcome_of).collect())
}

/// What comes out, if it is always the same.
fn same_in_every_case<T: PartialEq>(open: &[&str], come_out: impl Fn(&Case<'_>) -> T) -> Option<T> {
    let mut outcomes = outcomes(open, come_out)?.into_iter();
    let first = outcomes.next()?;
    outcomes.all(|outcome| outcome == first).then_some(first)
}

/// The name one label below `above` on the way down to `start`.
fn below<'a>(start: &'a str, above: &str) -> &'a str {
    let labels = domain::label_count(above) + 1;
    let mut name = start;
    while domain::label_count(name) > labels {
        name = domain::parent(name).unwrap_or(name);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_targets() {
        for (start, expected) in [
            ("example.com", "example.com com"),
            ("com", "com"),
            (
                "a.b.c.d.e.f.g.h.i.j.mail.example.com",
                "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com \
                 i.j.mail.example.com j.mail.example.com mail.example.com example.com com",
            ),
            ("1.2.3.4.5.6.7.8", "1.2.3.4.5.6.7.8 2.3.4.5.6.7.8 3.4.5.6.7.8 4.5.6.7.8 5.6.7.8 6.7.8 7.8 8"),
            ("1.2.3.4.5.6.7", "1.2.3.4.5.6.7 2.3.4.5.6.7 3.4.5.6.7 4.5.6.7 5.6.7 6.7 7"),
        ] {
            assert_eq!(targets(start).collect::<Vec<_>>().join(" "), expected, "{start}");
        }
        assert_eq!(below("a.b.example.com", "com"), "example.com");
    }
}
