//! Which identifiers are aligned with the author's domain, and what that comes to (RFC 9989, 4.4, 4.10.2, 5.3).

use std::collections::HashMap;

use evidence::{AuthMethod, AuthResult};

use super::walk::{self, Found, Walk, Walker};
use super::{Alignment, AlignmentCheck, AlignmentMode, Authenticated, DmarcReason, DmarcRecord, not_saved};
use crate::dns::Question;
use crate::domain;

/// An identifier, and the walk from its domain up, where there was one.
pub(super) struct Identifier {
    pub check: AlignmentCheck,
    walk: Option<Walk>,
}

/// Looks at each identifier.
pub(super) fn identifiers(
    author: &Walk,
    record: &DmarcRecord,
    authenticated: &[Authenticated],
    walker: &mut Walker<'_>,
) -> Vec<Identifier> {
    // Signatures of one domain are common, and each domain is walked once.
    let mut walks: HashMap<String, Option<Walk>> = HashMap::new();
    let mut identifiers = Vec::with_capacity(authenticated.len());
    for one in authenticated {
        let mode = match one.method {
            AuthMethod::Spf => record.spf_alignment,
            AuthMethod::Dkim => record.dkim_alignment,
            _ => continue,
        };
        let domain = domain::normal(&one.domain);
        let walk = walks.entry(domain.clone()).or_insert_with_key(|domain| {
            let askable = domain::is_dns_name(domain) && domain != author.start();
            askable.then(|| walker.walk(domain))
        });
        let (alignment, organizational_domain) = align(author, &domain, walk.as_ref(), mode);
        let result = one.result.clone();
        let check = AlignmentCheck { method: one.method, domain, organizational_domain, mode, alignment, result };
        identifiers.push(Identifier { check, walk: walk.clone() });
    }
    identifiers
}

fn align(author: &Walk, domain: &str, walk: Option<&Walk>, mode: AlignmentMode) -> (Alignment, Option<String>) {
    // The very same domain needs no organizational domain (RFC 9989, 4.10.2).
    if domain == author.start() {
        return (Alignment::Identical, author.organizational_domain().map(str::to_owned));
    }
    let Some(walk) = walk else { return (Alignment::NotAligned, None) };
    let alignment = match (walk::same_organization(author, walk), mode) {
        (Some(true), AlignmentMode::Relaxed) => Alignment::SameOrganization,
        (Some(true), AlignmentMode::Strict) => Alignment::OnlyRelaxed,
        (None, AlignmentMode::Relaxed) => Alignment::Unknown,
        (Some(false), _) | (None, AlignmentMode::Strict) => Alignment::NotAligned,
    };
    (alignment, walk.organizational_domain().map(str::to_owned))
}

/// What the identifiers come to, once it is known that a record applies.
pub(super) fn result(
    author: &Walk,
    identifiers: &[Identifier],
    needs: &mut Vec<Question>,
) -> (Option<AuthResult>, DmarcReason) {
    let named = |identifier: &Identifier| (identifier.check.method, identifier.check.domain.clone());
    let passed = || identifiers.iter().filter(|identifier| identifier.check.passed());
    if let Some(aligned) = passed().find(|identifier| identifier.check.alignment.is_aligned()) {
        let (method, domain) = named(aligned);
        return (Some(AuthResult::Pass), DmarcReason::Aligned { method, domain });
    }

    // What is not aligned for sure cannot change anything any more; the rest might still pass.
    let may_count = || identifiers.iter().filter(|one| !is_out(one.check.alignment));
    let may_pass = || may_count().filter(|one| matches!(one.check.result, None | Some(AuthResult::Pass)));
    may_pass().for_each(|one| need(author, one, needs));
    if let Some(unchecked) = may_pass().find(|one| one.check.result.is_none()) {
        let (method, domain) = named(unchecked);
        return (None, DmarcReason::IdentifierNotChecked { method, domain });
    }
    if !needs.is_empty() {
        return (None, not_saved(needs, author));
    }
    // What passed and is open now is so because the DNS failed (RFC 9989, 5.3.6).
    if let Some(open) = may_pass().next() {
        let (question, status) = failure(author, open);
        return (Some(AuthResult::TempError), DmarcReason::DnsFailed { question, status });
    }
    temporary_errors(author, may_count().filter(|one| one.check.result == Some(AuthResult::TempError)), needs)
        .unwrap_or_else(|| {
            let reason = match passed().next() {
                Some(_) => DmarcReason::NothingAligned { domain: author.start().to_owned() },
                None => DmarcReason::NothingPassed,
            };
            (Some(AuthResult::Fail), reason)
        })
}

/// A temporary error of an aligned identifier: DMARC is neither passed nor failed (RFC 9989, 5.3.6).
fn temporary_errors<'i>(
    author: &Walk,
    identifiers: impl Iterator<Item = &'i Identifier> + Clone,
    needs: &mut Vec<Question>,
) -> Option<(Option<AuthResult>, DmarcReason)> {
    let aligned = identifiers.clone().find(|one| one.check.alignment.is_aligned());
    let named = |one: &Identifier| (one.check.method, one.check.domain.clone());
    if let Some((method, domain)) = aligned.map(named) {
        return Some((Some(AuthResult::TempError), DmarcReason::IdentifierFailedForNow { method, domain }));
    }
    identifiers.clone().for_each(|one| need(author, one, needs));
    if !needs.is_empty() {
        return Some((None, not_saved(needs, author)));
    }
    let (method, domain) = identifiers.clone().next().map(named)?;
    Some((Some(AuthResult::TempError), DmarcReason::IdentifierFailedForNow { method, domain }))
}

/// Lists the questions on which the alignment of an identifier rests.
fn need(author: &Walk, identifier: &Identifier, needs: &mut Vec<Question>) {
    if let (Alignment::Unknown, Some(walk)) = (identifier.check.alignment, &identifier.walk) {
        for question in walk::missing_between(author, walk) {
            if !needs.contains(&question) {
                needs.push(question);
            }
        }
    }
}

fn is_out(alignment: Alignment) -> bool {
    matches!(alignment, Alignment::NotAligned | Alignment::OnlyRelaxed)
}

/// The first question that failed on the way to an organizational domain.
fn failure(author: &Walk, identifier: &Identifier) -> (Question, String) {
    let stops = author.stops.iter().chain(identifier.walk.iter().flat_map(|walk| &walk.stops));
    let failed = stops.filter_map(|stop| match &stop.found {
        Found::Failed(status) => Some((stop.question.clone(), status.to_string())),
        _ => None,
    });
    failed.into_iter().next().unwrap_or_else(|| (author.stops[0].question.clone(), String::new()))
}
