//! `escalate`: gives a ticket to somebody else, with a package that holds all they need.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use case::escalation::{
    Asked, Escalation, EscalationAnswer, Evidence, OutError, Package, ReasonName, ReceiverKind, Sample, Shape,
    WrittenPackage, escalate, package, write,
};
use case::{Case, Deed, Entry, Purpose, Status, Store as _, Wanted};
use report::Report;

use crate::case::desk::{Desk, Worked};
use crate::cli::escalate::{Escalate, Whom};
use crate::exception;
use crate::failure::Failure;
use crate::{output, sample};

/// The exit status of a refusal.
const REFUSED: u8 = 4;
/// The exit status if no reason applies.
const NO_REASON: u8 = 1;
/// How many open cases of the client are looked at.
const MAX_OTHERS: u64 = 1000;

/// Says whether a ticket is given to somebody else, and writes the package if it is; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer, or if the package cannot be written.
pub fn run(options: &Escalate) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(format!("escalation-{}.zip", worked.case.number)));
    free(&out)?;
    let report = report(&desk, &worked, options)?;
    let proposal =
        exception::propose(&desk.follow(&worked.case, &options.output), &worked.supply(&[Purpose::Ticket])).ok();
    let others = others(&desk, &worked.case)?;
    let mut document = escalate(&Asked {
        case: &worked.case,
        journal: &worked.journal,
        report: &report,
        proposal: proposal.as_ref(),
        others: &others,
        now: desk.now(),
        who: &desk.who,
        to: options.to.map(kind),
        reason: options.reason.as_deref(),
        is_wanted_anyway: options.anyway,
    });
    let status = match document.answer {
        EscalationAnswer::Refused => REFUSED,
        EscalationAnswer::NoReason => NO_REASON,
        EscalationAnswer::Escalated => {
            give_away(&mut desk, &mut worked, &mut document, &out, options)?;
            0
        }
    };
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(status)
}

/// Nothing is overwritten: that is told before anything is read.
fn free(out: &Path) -> Result<(), Failure> {
    if out.symlink_metadata().is_ok() { Err(not_written(OutError::Taken(out.to_owned()))) } else { Ok(()) }
}

/// That a package was not written.
pub fn not_written(error: OutError) -> Failure {
    let (path, found) = match error {
        OutError::Taken(path) => (path, "a file or folder of that name".to_owned()),
        OutError::Write { path, found } => (path, found),
    };
    Failure::Usage {
        what: "--out".to_owned(),
        expected: format!("to write a new package at {}", path.display()),
        found,
        hint: "Name another file or folder with --out; nothing is overwritten".to_owned(),
    }
}

/// What the evidence of the case shows; of a case whose message is not singled out yet, nothing.
fn report(desk: &Desk, worked: &Worked, options: &Escalate) -> Result<Report, Failure> {
    let nothing = |why: String| Report { assumptions: vec![why], ..Report::default() };
    match desk.report(worked, &options.output) {
        Ok(Some(report)) => Ok(report),
        Ok(None) => Ok(nothing("the case has no evidence yet: `throughline case add`".to_owned())),
        Err(unclear @ (Failure::WhichMessage { .. } | Failure::NothingReadable(_))) => {
            Ok(nothing(unclear.to_string().lines().next().unwrap_or_default().to_owned()))
        }
        Err(failure) => Err(failure),
    }
}

/// Open cases of the same client whose last answer names a cause that this one has, each with the entry that holds that answer.
///
/// # Errors
/// [`Failure`] if the store cannot be read.
pub fn others(desk: &Desk, case: &Case) -> Result<Vec<(Case, Entry)>, Failure> {
    let own: BTreeSet<&str> =
        case.answered.iter().flat_map(|answered| &answered.causes).map(|cause| cause.id.as_str()).collect();
    if case.about.client.is_empty() || own.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = Wanted {
        client: Some(case.about.client.clone()),
        status: Status::ALL.into_iter().filter(|status| *status != Status::Closed).collect(),
        limit: Some(MAX_OTHERS),
        ..Wanted::default()
    };
    let shares = |other: &Case| {
        let causes = other.answered.iter().flat_map(|answered| &answered.causes);
        other.uid != case.uid && causes.map(|cause| cause.id.as_str()).any(|id| own.contains(id))
    };
    let mut found = Vec::new();
    for other in desk.store.list(&wanted)?.into_iter().filter(shares) {
        let journal = desk.store.journal(&other.uid)?;
        let answered = journal.into_iter().rfind(|entry| matches!(entry.deed, Deed::Answered { .. }));
        found.extend(answered.map(|entry| (other, entry)));
    }
    Ok(found)
}

/// Writes the package, then the entry of the journal that names it.
fn give_away(
    desk: &mut Desk,
    worked: &mut Worked,
    document: &mut Escalation,
    out: &Path,
    options: &Escalate,
) -> Result<(), Failure> {
    let sample = if options.with_sample { Sample::Whole } else { Sample::Header };
    let made = pack(worked, document, sample)?;
    let shape = Shape::of(out);
    let sha256 = write(&made, out, shape).map_err(not_written)?;
    let draft = desk.draft(given_away(document, &sha256));
    desk.append(worked, vec![draft]).inspect_err(|_| take_back(out, shape))?;
    document.package = Some(WrittenPackage { path: out.display().to_string(), sha256, files: made.listed() });
    Ok(())
}

/// What the journal keeps of an escalation.
pub fn given_away(document: &Escalation, sha256: &str) -> Deed {
    let reason = |reason: &case::escalation::EscalationReason| match reason.reason {
        ReasonName::SaidByAPerson => format!("{}: {}", reason.reason.word(), reason.statement),
        other => other.word().to_owned(),
    };
    Deed::Escalated {
        to: document.receiver.as_ref().map_or("", |receiver| receiver.to.word()).to_owned(),
        reasons: document.reasons.iter().map(reason).collect(),
        sha256: sha256.to_owned(),
    }
}

/// Removes a package that was just written and that the journal does not name.
fn take_back(out: &Path, shape: Shape) {
    let _ = match shape {
        Shape::Archive => std::fs::remove_file(out),
        Shape::Folder => std::fs::remove_dir_all(out),
    };
}

/// The files of the package, with the evidence that the document cites and the samples of its message.
///
/// # Errors
/// [`Failure`] if it cannot be made.
pub fn pack(worked: &Worked, document: &Escalation, sample: Sample) -> Result<Package, Failure> {
    let mut cited = BTreeSet::new();
    document.clone().each_cite(|cite| {
        cited.insert(cite.file.clone());
    });
    let supply = worked.supply(&[Purpose::Ticket, Purpose::Verification]);
    let inputs = supply.inputs();
    let mut evidence = Vec::new();
    for input in &inputs {
        let source = sources::recognise(input.bytes, &input.name).ok();
        let id = document.message.message_id.as_deref();
        let is_of_the_message = source.zip(id).is_some_and(|(source, id)| sample::is_of(input, source, id));
        if is_of_the_message || cited.contains(&*input.name) {
            let source = source.map(|source| source.id());
            evidence.push(Evidence { name: &input.name, bytes: input.bytes, source, is_of_the_message });
        }
    }
    package(document, &evidence, sample).map_err(|error| Failure::Internal(error.to_string()))
}

fn kind(whom: Whom) -> ReceiverKind {
    match whom {
        Whom::Vendor => ReceiverKind::Vendor,
        Whom::Server => ReceiverKind::Server,
        Whom::Security => ReceiverKind::Security,
        Whom::PolicyOwner => ReceiverKind::PolicyOwner,
        Whom::Sender => ReceiverKind::Sender,
    }
}
