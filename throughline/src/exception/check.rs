//! `exception check`: the guard on a change that somebody proposes.

use std::collections::BTreeSet;
use std::path::Path;

use exceptions::{Approval, Checked, Exception, Need, Radius, Refused, Scope, World};
use jiff::Timestamp;
use report::{BroughtUp, CheckedExceptions, ExceptionCheck, MeasuredHistory, MeasuredScope, Picture};
use sources::{Clock, proposed};

use super::{Found, Work, approval, around, as_follow, is_named, one_file, stray_approvals};
use crate::cli::{CheckException, Clocks, Output, Which};
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{excerpt, output, survey, times};

/// The exit status of a change that may not be made.
pub const REFUSED: u8 = 4;

/// Judges a proposed change; gives the exit status: 4 if it is refused.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &CheckException) -> Result<u8, Failure> {
    let clock = times::clock(&options.clocks, options.which.at.as_deref())?;
    one_reader_of_standard_input(options)?;
    let candidate = candidate(&options.candidate, &clock)?;
    let approval = options.approval.as_deref().map(|path| approval(path, &clock)).transpose()?;
    let named: Vec<&Path> = std::iter::once(&options.candidate).chain(&options.approval).map(AsRef::as_ref).collect();
    let supply = Supply::open(&options.paths).without(&named);
    let document = judged(&Question {
        candidate: &candidate,
        approvals: approval.as_slice(),
        supply: &supply,
        which: &options.which,
        clocks: &options.clocks,
        output: &options.output,
    })?;
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(if document.refused { REFUSED } else { 0 })
}

/// A change that the guard is asked about.
pub struct Question<'a> {
    /// The change.
    pub candidate: &'a proposed::Candidate,
    /// Recorded approvals; the first that covers it counts.
    pub approvals: &'a [Approval],
    /// The evidence.
    pub supply: &'a Supply,
    /// Which message is meant.
    pub which: &'a Which,
    /// Its clocks.
    pub clocks: &'a Clocks,
    /// How the answer is printed.
    pub output: &'a Output,
}

/// What the guard says of a change.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn judged(question: &Question<'_>) -> Result<ExceptionCheck, Failure> {
    let clock = times::clock(question.clocks, question.which.at.as_deref())?;
    let supply = question.supply;
    let inputs = supply.inputs();
    if inputs.is_empty() && supply.refused().next().is_some() {
        return Err(Failure::NothingReadable(supply.refused().filter_map(|file| file.error).collect()));
    }
    let work = Work::of(supply, &inputs, &clock, question.clocks);
    let found = followed(question, &work)?;
    let (small, too_large) = survey::small(&inputs);
    let ledger = around(&small, &clock)?;
    let now = work.now(ledger.around(), &found);
    let world = World { lake: ledger.around(), needs: &found.needs, now };
    let checked = exceptions::check(question.candidate, &world);
    let Decided { exception, approval, not_covered } = decided(&checked, question.approvals, &work.samples(), now);
    let (radius, picture, history) = measured(&work, &checked, &found.needs)?;
    let mut notes: Vec<String> = found.left_aside().into_iter().collect();
    notes.extend(survey::not_looked_at(&too_large).chain(survey::left_out(&ledger)));
    notes.extend(stray_approvals(&inputs));
    let compared = exceptions::unrelated(ledger.around(), exception.as_ref());
    let mut document = ExceptionCheck::of(CheckedExceptions {
        checked: &checked,
        exception: exception.as_ref(),
        approval,
        not_covered,
        usefulness: usefulness(&found),
        radius,
        candidates: picture,
        history,
        compared: &compared,
        notes,
        evidence: work.evidence(ledger.around(), &too_large),
        now,
    });
    excerpt::add(&inputs, |visit| document.each_cite(visit));
    Ok(document)
}

/// Standard input can be read once.
fn one_reader_of_standard_input(options: &CheckException) -> Result<(), Failure> {
    let all = std::iter::once(&options.candidate).chain(&options.approval).chain(&options.paths);
    if all.filter(|path| path.as_os_str() == "-").count() < 2 {
        return Ok(());
    }
    Err(Failure::Usage {
        what: "-".to_owned(),
        expected: "standard input to be one of the candidate, the approval and the evidence".to_owned(),
        found: "several of them".to_owned(),
        hint: "Put the others into files".to_owned(),
    })
}

/// The change that a file, or standard input, holds.
///
/// # Errors
/// [`Failure`] if it is no one file, or cannot be opened.
fn candidate(path: &Path, clock: &Clock) -> Result<proposed::Candidate, Failure> {
    let supply = Supply::open(&[path.to_owned()]);
    let inputs = supply.inputs();
    Ok(proposed::read(one_file("CANDIDATE", &supply, &inputs)?, clock))
}

/// What was found out about the message; nothing if none is meant.
fn followed(question: &Question<'_>, work: &Work<'_>) -> Result<Found, Failure> {
    let is_named = is_named(question.which);
    if work.inputs.is_empty() && !is_named {
        return Ok(Found::default());
    }
    match work.follow(&as_follow(&[], question.which, question.clocks, question.output)) {
        Err(Failure::WhichMessage { .. } | Failure::NothingReadable(_)) if !is_named => Ok(Found::default()),
        other => other,
    }
}

/// What may be made of a judged change.
struct Decided<'a> {
    /// `None` if it is refused.
    exception: Option<Exception>,
    /// The approval that covers it, else the first one.
    approval: Option<&'a Approval>,
    /// Why that does not cover it.
    not_covered: Option<String>,
}

fn decided<'a>(
    checked: &Checked,
    approvals: &'a [Approval],
    samples: &[String],
    now: Option<Timestamp>,
) -> Decided<'a> {
    let mut first: Option<Decided<'a>> = None;
    for approval in approvals {
        let (exception, not_covered) = covered(checked.clone(), Some(approval.clone()), samples, now);
        let decided = Decided { exception, approval: Some(approval), not_covered };
        if decided.exception.is_some() {
            return decided;
        }
        first.get_or_insert(decided);
    }
    first.unwrap_or_else(|| {
        let (exception, not_covered) = covered(checked.clone(), None, samples, now);
        Decided { exception, approval: None, not_covered }
    })
}

/// What may be made of a judged change with one approval, and why that does not cover it.
fn covered(
    checked: Checked,
    approval: Option<Approval>,
    samples: &[String],
    now: Option<Timestamp>,
) -> (Option<Exception>, Option<String>) {
    let refused = match Exception::narrow(checked) {
        Ok(exception) => return (Some(exception), None),
        Err(refused) => *refused,
    };
    match (refused, approval) {
        (Refused::Broad(broad), Some(approval)) => match Exception::approved(broad, approval, samples, now) {
            Ok(exception) => (Some(exception), None),
            Err(why) => (None, Some(why.to_string())),
        },
        (Refused::Useless(_), Some(_)) => (None, Some(exceptions::NotCovered::Useless.to_string())),
        (_, None) => (None, None),
    }
}

/// Why it is not shown whether the change would help.
fn usefulness(found: &Found) -> Option<String> {
    if !found.needs.is_empty() {
        return None;
    }
    Some(match (found.messages, found.is_shown) {
        (0, _) => "No message is followed, so it is not shown whether this would help one. Add the sample, or name the message."
            .to_owned(),
        (_, true) => "Nothing keeps the followed message out: it is not shown that anything is needed.".to_owned(),
        (_, false) => {
            "What became of the followed message is not shown, so neither is whether this would help it.".to_owned()
        }
    })
}

/// What the change would have let through, and its neighbours: each condition dropped, and the combinations by which the messages can be
/// told.
fn measured(
    work: &Work<'_>,
    checked: &Checked,
    needs: &[Need],
) -> Result<(Vec<MeasuredScope>, Option<Picture>, MeasuredHistory), Failure> {
    let mut own: Vec<Scope> = Vec::new();
    for grant in checked.steps.iter().flat_map(|step| &step.grants) {
        if !own.contains(&grant.scope) {
            own.push(grant.scope.clone());
        }
    }
    own.truncate(MAX_SCOPES);
    let mut known: BTreeSet<Scope> = own.iter().cloned().collect();
    let wider = own.iter().flat_map(|scope| scope.terms.iter().map(|term| scope.clone().without(term)));
    let lattice = if own.is_empty() { Vec::new() } else { exceptions::candidates(needs) };
    let others: Vec<Scope> = lattice.into_iter().chain(wider).filter(|scope| known.insert(scope.clone())).collect();
    let scopes: Vec<Scope> = own.iter().chain(&others).cloned().collect();
    let measured = work.measure(&scopes)?;
    let history = MeasuredHistory::from(&measured.history);
    let mut all: Vec<(Scope, Radius)> = scopes.into_iter().zip(measured.radii).collect();
    let rest = all.split_off(own.len().min(all.len()));
    let radius = all.iter().map(|(scope, radius)| MeasuredScope::of(scope, radius)).collect();
    if !history.has_rows() || all.is_empty() {
        return Ok((radius, None, history));
    }
    let front = if needs.is_empty() { Vec::new() } else { exceptions::front(&rest, needs) };
    Ok((radius, Some(report::breadth(&rest, &front, &all, BroughtUp::AskedAbout)), history))
}

/// How many scopes of one change are measured: a list of thousands of addresses says no more by each of them.
const MAX_SCOPES: usize = 64;
