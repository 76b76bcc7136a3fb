//! `exception propose`: whether an exception is the right cure, and which is the narrowest.

use std::collections::BTreeSet;

use exceptions::{Cure, Done, Measured, Need, Proposal, Radius, Scope, World};
use report::{BroughtUp, ExceptionProposal, MeasuredHistory, Picture, ProposalAnswer, ProposalOf};

use super::{Work, around, as_follow, stray_approvals};
use crate::cli::{Follow, Propose};
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{excerpt, output, survey, times};

/// Proposes the narrowest exception for the messages that are meant; gives the exit status: 1 if what stopped them is not shown.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Propose) -> Result<u8, Failure> {
    let follow = as_follow(&options.paths, &options.which, &options.clocks, &options.output);
    let document = propose(&follow, &Supply::open(&options.paths))?;
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(u8::from(document.answer == ProposalAnswer::NotShown))
}

/// The narrowest exception for the messages that the options of `follow` mean, by what was supplied.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn propose(options: &Follow, supply: &Supply) -> Result<ExceptionProposal, Failure> {
    let clock = times::clock(&options.clocks, options.at.as_deref())?;
    let inputs = supply.inputs();
    let work = Work::of(supply, &inputs, &clock, &options.clocks);
    let found = work.follow(options)?;
    let (small, too_large) = survey::small(&inputs);
    let ledger = around(&small, &clock)?;
    let world = World { lake: ledger.around(), needs: &found.needs, now: work.now(ledger.around(), &found) };
    let mut cures = exceptions::propose(&found.needs, &world);
    let candidates = exceptions::candidates(&found.needs);
    let scopes = all_scopes(&candidates, &cures);
    let measured = work.measure(&scopes)?;
    let history = MeasuredHistory::from(&measured.history);
    let picture = history.has_rows().then(|| picture(&candidates, &scopes, &measured, &found.needs, &cures)).flatten();
    if history.has_rows() {
        let radius = |scope: &Scope| radius(scope, &scopes, &measured);
        proposals(&mut cures).for_each(|proposal| proposal.radius = widest(proposal, &radius));
        cures.iter_mut().for_each(Cure::narrowest_first);
    }
    let mut assumptions: Vec<String> = found.left_aside().into_iter().collect();
    assumptions.extend(survey::not_looked_at(&too_large).chain(survey::left_out(&ledger)));
    assumptions.extend(stray_approvals(&inputs));
    let mut document = ExceptionProposal::of(ProposalOf {
        is_shown: found.is_shown,
        message: found.message,
        messages: found.messages,
        cures: &cures,
        candidates: picture,
        history,
        assumptions,
        evidence: work.evidence(ledger.around(), &too_large),
    });
    excerpt::add(&inputs, |visit| document.each_cite(visit));
    Ok(document)
}

/// Every proposal of all cures.
fn proposals(cures: &mut [Cure]) -> impl Iterator<Item = &mut Proposal> {
    cures.iter_mut().flat_map(|cure| match &mut cure.done {
        Done::Except(list) | Done::Mend { meanwhile: list, .. } | Done::Useless { meanwhile: list, .. } => {
            list.iter_mut()
        }
        Done::NotShown { .. } => [].iter_mut(),
    })
}

/// What a proposal lets through.
fn scopes_of(proposal: &Proposal) -> impl Iterator<Item = &Scope> {
    let steps = &proposal.exception.checked().steps;
    steps.iter().flat_map(|step| &step.grants).map(|grant| &grant.scope)
}

/// Every scope that is measured, each once: the candidates first.
fn all_scopes(candidates: &[Scope], cures: &[Cure]) -> Vec<Scope> {
    let mut scopes = candidates.to_vec();
    let mut known: BTreeSet<Scope> = candidates.iter().cloned().collect();
    let own = cures.iter().flat_map(|cure| match &cure.done {
        Done::Except(list) | Done::Mend { meanwhile: list, .. } | Done::Useless { meanwhile: list, .. } => {
            list.as_slice()
        }
        Done::NotShown { .. } => &[],
    });
    for scope in own.flat_map(scopes_of) {
        if known.insert(scope.clone()) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

fn radius(scope: &Scope, scopes: &[Scope], measured: &Measured) -> Option<Radius> {
    let at = scopes.iter().position(|one| one == scope)?;
    measured.radii.get(at).cloned()
}

/// What a proposal would have let through: of several ways, what the widest would have.
fn widest(proposal: &Proposal, radius: &impl Fn(&Scope) -> Option<Radius>) -> Option<Radius> {
    scopes_of(proposal).filter_map(radius).max_by_key(|radius| (radius.messages, radius.possible))
}

/// Candidates from narrow to wide, what is proposed among them.
fn picture(
    candidates: &[Scope],
    scopes: &[Scope],
    measured: &Measured,
    needs: &[Need],
    cures: &[Cure],
) -> Option<Picture> {
    let with_radius = |scope: &Scope| Some((scope.clone(), radius(scope, scopes, measured)?));
    let candidates: Vec<(Scope, Radius)> =
        candidates.iter().zip(&measured.radii).map(|(a, b)| (a.clone(), b.clone())).collect();
    let proposals = cures.iter().flat_map(|cure| match &cure.done {
        Done::Except(list) => list.as_slice(),
        _ => &[],
    });
    let proposed: Vec<(Scope, Radius)> = proposals.flat_map(scopes_of).filter_map(with_radius).collect();
    if candidates.is_empty() && proposed.is_empty() {
        return None;
    }
    let front = exceptions::front(&candidates, needs);
    Some(report::breadth(&candidates, &front, &proposed, BroughtUp::Proposed))
}
