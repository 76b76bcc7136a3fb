//! Which record applies to the author's domain, and which of its policies (RFC 9989, 4.10.1).

use super::record::{Reading, Usable};
use super::walk::{Found, Stop, Walk};
use super::{DmarcNote, Policy, PolicyTag};
use crate::dns::{Answer, Dns, Question, RecordType};

/// The record that applies.
pub(super) struct Applies<'w> {
    pub domain: &'w str,
    pub text: &'w str,
    pub reading: &'w Reading,
}

/// What the search for a record came to.
pub(super) enum Discovery<'w> {
    Applies(Applies<'w>),
    Nothing,
    Unusable { domain: String, notes: Vec<DmarcNote> },
    Failed { question: Question, status: String },
    NotSaved,
}

/// Finds the record: that of the author's domain, else of its organizational domain, else of its public suffix.
pub(super) fn record(walk: &Walk) -> Discovery<'_> {
    if let Found::Record { .. } = walk.stops[0].found {
        return usable(&walk.stops[0]);
    }
    // Any name that has not answered could be the end of the walk, so that what stands above it proves nothing.
    if let Some(open) = walk.first_open() {
        return match &open.found {
            Found::Failed(status) => Discovery::Failed { question: open.question.clone(), status: status.to_string() },
            _ => Discovery::NotSaved,
        };
    }
    let organizational = walk.organizational_domain().and_then(|domain| walk.stop(domain));
    let with_record = |stop: &&Stop| matches!(stop.found, Found::Record { .. });
    match organizational.filter(with_record).or_else(|| walk.public_suffix()) {
        Some(stop) => usable(stop),
        None => Discovery::Nothing,
    }
}

fn usable(stop: &Stop) -> Discovery<'_> {
    let Found::Record { text, reading } = &stop.found else { return Discovery::Nothing };
    match reading.usable {
        Usable::Yes => Discovery::Applies(Applies { domain: &stop.domain, text, reading }),
        Usable::No => Discovery::Unusable { domain: stop.domain.clone(), notes: reading.notes.clone() },
    }
}

/// Why the policy cannot be told.
pub(super) enum NoPolicy {
    /// Whether the author's domain exists was not saved.
    NotSaved(Question),
    /// Whether the author's domain exists was asked without an answer.
    Failed,
}

/// The policy for the author's domain, and its tag.
pub(super) fn policy(
    applies: &Applies<'_>,
    author: &str,
    dns: &dyn Dns,
    asked: &mut Vec<Question>,
) -> Result<(Policy, PolicyTag), NoPolicy> {
    let record = &applies.reading.record;
    let own = (record.policy, PolicyTag::P);
    if applies.domain == author {
        return Ok(own);
    }
    let below = record.subdomain_policy.map_or(own, |policy| (policy, PolicyTag::Sp));
    match record.nonexistent_policy {
        None => Ok(below),
        Some(policy) => Ok(match existence(author, dns, asked)? {
            Existence::Exists => below,
            Existence::DoesNotExist => (policy, PolicyTag::Np),
        }),
    }
}

enum Existence {
    Exists,
    DoesNotExist,
}

/// Whether a domain exists: NXDOMAIN to a question of any type says that it does not (RFC 9989, 3.2.13, A.4).
///
/// The answer for `_dmarc` below it does not tell: that name is missing below most domains.
fn existence(domain: &str, dns: &dyn Dns, asked: &mut Vec<Question>) -> Result<Existence, NoPolicy> {
    let mut outcome = Err(NoPolicy::NotSaved(Question { name: domain.to_owned(), record_type: RecordType::A }));
    for record_type in [RecordType::A, RecordType::Mx, RecordType::Aaaa, RecordType::Txt] {
        let existence = match dns.ask(domain, record_type) {
            Answer::NotSaved => continue,
            Answer::Failed(_) => Err(NoPolicy::Failed),
            Answer::NoName => Ok(Existence::DoesNotExist),
            Answer::Records(_) | Answer::NoData => Ok(Existence::Exists),
        };
        asked.push(Question { name: domain.to_owned(), record_type });
        if existence.is_ok() {
            return existence;
        }
        outcome = existence;
    }
    outcome
}
