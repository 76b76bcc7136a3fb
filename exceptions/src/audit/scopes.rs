//! For which mail a setting is, by its typed conditions alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Address, Condition, ConditionOn, Setting};
use sources::policy::{Comparison, Looks, Policies};

use crate::{On, Scope, Term, Value};

/// For which mail a setting is, as far as its conditions and its entry say; `None` if one of them cannot be followed.
pub(super) fn of(setting: &Setting, vendor: Option<&dyn Policies>) -> Option<Scope> {
    let mut scope = Scope::default();
    for condition in &setting.conditions {
        scope.terms.insert(term(setting, condition, vendor)?);
    }
    for condition in &setting.exceptions {
        scope.except.insert(term(setting, condition, vendor)?);
    }
    if let Some(entry) = setting.entry.as_ref().filter(|_| setting.conditions.is_empty()) {
        scope.terms.insert(Term::one(on_of(&entry.on)?, value_of(&entry.on, &entry.value)));
    }
    if let Some(mailbox) = &setting.mailbox {
        scope.terms.insert(Term::one(On::Recipient, Value::Address(mailbox.clone())));
    }
    Some(scope)
}

/// For whom the conditions of a policy's rule say that it is; `None` if one of them cannot be followed.
pub(super) fn recipients(rule: &Setting, vendor: Option<&dyn Policies>) -> Option<Scope> {
    let scope = of(&Setting { entry: None, mailbox: None, ..rule.clone() }, vendor)?;
    let is_of_recipients = |term: &Term| matches!(term.on, On::Recipient | On::RecipientGroup);
    scope.terms.iter().chain(&scope.except).all(is_of_recipients).then_some(scope)
}

fn term(setting: &Setting, condition: &Condition, vendor: Option<&dyn Policies>) -> Option<Term> {
    let comparison = vendor.map_or(Comparison::Equal, |vendor| vendor.comparison(setting, condition));
    let sender = match vendor.map_or(Looks::Either, |vendor| vendor.looks(setting)) {
        Looks::Header => On::HeaderFrom,
        Looks::Envelope => On::EnvelopeSender,
        Looks::Either => On::EitherSender,
    };
    if comparison == Comparison::NotFollowed {
        return None;
    }
    let on = match condition.on {
        ConditionOn::Recipient | ConditionOn::RecipientDomain => On::Recipient,
        ConditionOn::RecipientGroup => On::RecipientGroup,
        ConditionOn::Sender | ConditionOn::SenderDomain => sender,
        ConditionOn::SenderGroup => On::SenderGroup,
        ConditionOn::SourceAddress => On::Client,
        ConditionOn::Other => return None,
    };
    let value = |text: &String| match (&on, comparison) {
        (_, Comparison::Holds) => Value::Holds(text.clone()),
        (On::RecipientGroup | On::SenderGroup, _) => Value::Name(text.to_lowercase()),
        (On::Client, _) => Value::network(text).unwrap_or_else(|| Value::Pattern(text.clone())),
        (_, Comparison::EqualOrBelow) => Value::party(text, Value::DomainAndBelow),
        _ => Value::party(text, Value::Domain),
    };
    Some(Term::new(on.clone(), condition.values.iter().map(value)))
}

/// What an entry of a list looks at, by our word for it.
fn on_of(on: &str) -> Option<On> {
    Some(match on {
        "url" => On::Url,
        "file hash" => On::Attachment,
        "connecting address" => On::Client,
        _ if on.starts_with("sender") || ["domain", "address"].contains(&on) => On::EitherSender,
        _ => return None,
    })
}

fn value_of(on: &str, text: &str) -> Value {
    match on {
        "url" | "file hash" => Value::Name(text.to_lowercase()),
        "connecting address" => Value::network(text).unwrap_or_else(|| Value::Pattern(text.to_owned())),
        _ => Value::party(text, Value::Domain),
    }
}

/// The same scope with whichever sender it looks at taken for any.
pub(super) fn loose(scope: &Scope) -> Scope {
    let term = |term: &Term| match term.on {
        On::HeaderFrom | On::EnvelopeSender => Term { on: On::EitherSender, values: term.values.clone() },
        _ => term.clone(),
    };
    Scope { terms: scope.terms.iter().map(term).collect(), except: scope.except.iter().map(term).collect() }
}

/// The one scope of all mail that several let through, where they differ in the values of one condition only; else each by itself.
pub(super) fn joined(scopes: &BTreeSet<Scope>) -> Vec<Scope> {
    let mut by_rest: BTreeMap<(&On, Vec<&Term>, &BTreeSet<Term>), Term> = BTreeMap::new();
    let mut others: Vec<Scope> = Vec::new();
    for scope in scopes {
        // The sender or the connecting address is what lists have many of.
        let listed = scope.terms.iter().find(|term| LISTED.contains(&term.on));
        let Some(listed) = listed else {
            others.push(scope.clone());
            continue;
        };
        let rest: Vec<&Term> = scope.terms.iter().filter(|term| *term != listed).collect();
        let known =
            by_rest.entry((&listed.on, rest, &scope.except)).or_insert_with(|| Term::new(listed.on.clone(), []));
        known.values.extend(listed.values.iter().cloned());
    }
    let whole = |((_, rest, except), listed): ((&On, Vec<&Term>, &BTreeSet<Term>), Term)| Scope {
        terms: rest.into_iter().cloned().chain([listed]).collect(),
        except: except.clone(),
    };
    by_rest.into_iter().map(whole).chain(others).collect()
}

const LISTED: &[On] = &[On::HeaderFrom, On::EnvelopeSender, On::EitherSender, On::Client, On::Url, On::Attachment];

/// Scopes by the values in them, so that those which take in all of another are found without trying each.
#[derive(Default)]
pub(super) struct Index {
    by_token: HashMap<String, Vec<usize>>,
    wide: Vec<usize>,
}

/// How many scopes are tried for one: what has a thousand of the same is told by the first.
const TRIED_MAX: usize = 512;

/// How many domains above one are looked up; real ones have fewer labels.
const LABELS_MAX: usize = 32;

impl Index {
    /// Notes a scope under a number of the caller's.
    pub(super) fn add(&mut self, number: usize, scope: &Scope) {
        let of_names = |term: &&Term| term.values.iter().all(|value| token(value).is_some());
        match scope.terms.iter().find(of_names) {
            Some(term) if !term.values.is_empty() => {
                for token in term.values.iter().filter_map(token) {
                    let known = self.by_token.entry(token).or_default();
                    known.push(number);
                }
            }
            _ => self.wide.push(number),
        }
    }

    /// Numbers of scopes among which all are that take in all of this one, the least first.
    pub(super) fn perhaps_around(&self, scope: &Scope) -> BTreeSet<usize> {
        let firsts = scope.terms.iter().filter_map(|term| term.values.first());
        let tokens = firsts.flat_map(wider).filter_map(|token| self.by_token.get(&token));
        tokens.flatten().chain(&self.wide).copied().take(TRIED_MAX).collect()
    }
}

/// By what a value is found; `None` for one that takes in what its text does not tell.
fn token(value: &Value) -> Option<String> {
    Some(match value {
        Value::Address(address) => format!("a {address}"),
        Value::Domain(domain) => format!("d {domain}"),
        Value::DomainAndBelow(domain) if !domain.is_empty() => format!("b {domain}"),
        Value::Name(name) => format!("n {}", name.to_lowercase()),
        Value::Pattern(text) => format!("p {text}"),
        Value::Network(first, last) if first == last => format!("i {first}"),
        _ => return None,
    })
}

/// The tokens of all values that take in this one, as far as they have one.
fn wider(value: &Value) -> Vec<String> {
    let below = |domain: &str| -> Vec<String> {
        let starts = std::iter::once(0).chain(domain.match_indices('.').map(|(at, _)| at + 1));
        starts.take(LABELS_MAX).map(|at| format!("b {}", &domain[at..])).collect()
    };
    let domain_of = |address: &Address| address.domain().map(str::to_owned);
    let mut found: Vec<String> = token(value).into_iter().collect();
    match value {
        Value::Address(address) => {
            if let Some(domain) = domain_of(address) {
                found.push(format!("d {domain}"));
                found.extend(below(&domain));
            }
        }
        Value::Domain(domain) | Value::DomainAndBelow(domain) => found.extend(below(domain)),
        _ => {}
    }
    found
}
