//! A signal on the evidence of the ticket that taught it: it has to fire on what happened, and to be quiet on what was verified.

use std::collections::BTreeSet;

use ::case::runbook::{Fired, Signalled, TESTED_SCHEMA, Tested, TestedSide};
use ::case::{Deed, Purpose};
use checks::signal::Signal;
use jiff::Timestamp;
use report::EvidenceFile;

use super::bench::{Bench, Said, with_bench};
use crate::case::desk::{Desk, Worked};
use crate::cli::Clocks;
use crate::failure::Failure;
use crate::supply::Supply;

/// Both sides of a ticket's evidence, and what is tried on them.
pub struct Sides<'a, 'b, 'c> {
    ticket: Side<'a, 'b>,
    verified: Side<'a, 'c>,
    /// When the last change was made, as the journal says.
    since: Option<Timestamp>,
}

/// One side: evidence, or why there is none.
type Side<'a, 'b> = Result<&'a mut Bench<'b>, String>;

/// Opens both sides of a ticket's evidence and hands them over.
///
/// # Errors
/// [`Failure`] if the user stopped it.
pub fn with_sides<R>(
    worked: &Worked,
    clocks: &Clocks,
    take: impl FnOnce(&mut Sides<'_, '_, '_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let since = worked.journal.iter().rev().find_map(|entry| match &entry.deed {
        Deed::ChangeMade { made_at, .. } => Some(*made_at),
        _ => None,
    });
    let trusted = &worked.case.asked.trust;
    let ticket = worked.supply(&[Purpose::Ticket]);
    let verified = worked.supply(&[Purpose::Verification]);
    let none = "the ticket has no evidence of what happened: `throughline case add` adds it";
    let no_later = "the ticket has no evidence from after a change yet: `throughline case add --verification` adds it";
    with_side(&ticket, clocks, trusted, none, |ticket| {
        with_side(&verified, clocks, trusted, no_later, |verified| take(&mut Sides { ticket, verified, since }))
    })
}

fn with_side<R>(
    supply: &Supply,
    clocks: &Clocks,
    trusted: &[String],
    none: &str,
    take: impl FnOnce(Side<'_, '_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let inputs = supply.inputs();
    if inputs.is_empty() {
        return take(Err(none.to_owned()));
    }
    if let Err(failure) = supply.require_readable(&inputs) {
        return take(Err(failure.to_string()));
    }
    drop(inputs);
    with_bench(supply, clocks, trusted, |bench| take(Ok(bench)))
}

impl Sides<'_, '_, '_> {
    /// Tries a signal on both sides.
    ///
    /// # Errors
    /// [`Failure`] if the user stopped it.
    pub fn test(&mut self, signal: &Signal, needs: &[String]) -> Result<Tested, Failure> {
        let fallback = if needs.is_empty() { kinds(signal) } else { needs.to_vec() };
        let ticket = match &mut self.ticket {
            Ok(bench) => bench.ask(signal, &[])?,
            Err(why) => Said::cannot_tell(format!("Cannot tell: {why}."), fallback.clone()),
        };
        let ticket = side(ticket);
        let verified = match &mut self.verified {
            Ok(bench) => {
                bench.leave_aside(keys(&ticket.events), self.since);
                let said = bench.ask(signal, needs)?;
                let is_older = |since: &Timestamp| bench.covers_until().is_none_or(|until| until < *since);
                match self.since.filter(is_older) {
                    None => seen(said),
                    Some(since) => {
                        let statement = format!("Cannot tell: nothing in it is from after the change of {since}.");
                        Said::cannot_tell(statement, fallback)
                    }
                }
            }
            Err(why) => Said::cannot_tell(format!("Cannot tell: {why}."), fallback),
        };
        Ok(tested(signal, ticket, side(verified), self.evidence()))
    }

    /// The kinds of export on which a signal rests: those of the records of the ticket that make it fire.
    ///
    /// # Errors
    /// [`Failure`] if the user stopped it.
    pub fn needs(&mut self, signal: &Signal) -> Result<Vec<String>, Failure> {
        let Ok(bench) = &mut self.ticket else { return Ok(Vec::new()) };
        Ok(bench.ask(signal, &[])?.rests_on.into_iter().collect())
    }

    fn evidence(&self) -> Vec<EvidenceFile> {
        let mut files = self.ticket.as_ref().map(|bench| bench.evidence()).unwrap_or_default();
        files.extend(self.verified.as_ref().map(|bench| bench.evidence()).unwrap_or_default());
        files
    }
}

/// Quiet on nothing at all is no answer.
fn seen(said: Said) -> Said {
    if said.answer != Signalled::Quiet || said.looked_at > 0 {
        return said;
    }
    let statement = match said.left_aside {
        0 => "Cannot tell: the evidence from after the change shows no item that the signal looks at.",
        _ => "Cannot tell: the evidence from after the change shows no item beside those of the ticket.",
    };
    Said { answer: Signalled::CannotTell, statement: statement.to_owned(), ..said }
}

/// By which keys events are known that happened once.
fn keys(events: &[Fired]) -> BTreeSet<String> {
    let once = events.iter().filter(|event| !event.lasts);
    once.flat_map(|event| std::iter::once(&event.key).chain(&event.also)).cloned().collect()
}

fn kinds(signal: &Signal) -> Vec<String> {
    signal.topics().iter().flat_map(|topic| topic.kinds().iter().take(2).cloned()).collect()
}

fn side(said: Said) -> TestedSide {
    let Said { answer, statement, events, left_aside, ask_for, .. } = said;
    TestedSide { answer, statement, events, left_aside: left_aside as u64, ask_for }
}

fn tested(signal: &Signal, ticket: TestedSide, verified: TestedSide, evidence: Vec<EvidenceFile>) -> Tested {
    let accepted = ticket.answer == Signalled::Fires && verified.answer != Signalled::Fires;
    let passed = accepted && verified.answer == Signalled::Quiet;
    let statement = match (ticket.answer, verified.answer) {
        (Signalled::Fires, Signalled::Quiet) => {
            "It fires on the ticket's evidence, and is quiet on what was verified.".to_owned()
        }
        (Signalled::Fires, Signalled::CannotTell) => {
            format!("It fires on the ticket's evidence. On what was verified: {}", verified.statement)
        }
        (Signalled::Fires, Signalled::Fires) => format!("It also fires on what was verified: {}", verified.statement),
        (_, Signalled::Fires) => {
            format!("It does not fire on the ticket's evidence ({}), and fires on what was verified.", ticket.statement)
        }
        _ => format!("It does not fire on the ticket's evidence: {}", ticket.statement),
    };
    Tested {
        schema: TESTED_SCHEMA.to_owned(),
        signal: signal.text().to_owned(),
        passed,
        accepted,
        statement,
        ticket,
        verified,
        evidence,
    }
}

/// By which verification a signal was tried, as the journal names it; empty if there is none.
pub fn verified_by(worked: &Worked) -> String {
    let last = worked.journal.iter().rev().find_map(|entry| match &entry.deed {
        Deed::Verified { verification, .. } => {
            let answer = match verification.answer {
                ::case::Answer::Held => "held",
                ::case::Answer::CannotTell => "cannot tell",
                ::case::Answer::CameBack => "came back",
            };
            Some(format!("entry {} of the journal, {}: {answer}", entry.seq, entry.at))
        }
        _ => None,
    });
    let batches = || {
        let names = worked.batches(Purpose::Verification);
        (!names.is_empty()).then(|| format!("evidence {}; no verification in the journal", names.join(" ")))
    };
    last.or_else(batches).unwrap_or_default()
}

/// Who works on a case with which clocks: what a test needs of the desk.
pub fn clocks_of(desk: &Desk, worked: &Worked, output: &crate::cli::Output) -> Clocks {
    desk.follow(&worked.case, output).clocks
}
