//! `case status`, `note`, `close` and `reopen`: entries that people make by hand.

use std::io::Read as _;

use ::case::told::Done;
use ::case::triage::{Point, PointState};
use ::case::{Answer, Deed, Entry, Purpose, Status};

use super::desk::{self, Desk, Worked};
use super::look::{self, Look};
use crate::cli::Output;
use crate::cli::case::{CaseStatus, CloseCase, NoteCase, ReopenCase};
use crate::failure::Failure;
use crate::output;

/// The exit status of a refusal.
const REFUSED: u8 = 4;
/// The longest note, in bytes.
const MAX_NOTE_BYTES: u64 = 1 << 20;

/// Shows how far a case is, or says so; gives the exit status.
///
/// # Errors
/// [`Failure`] if it cannot be set.
pub fn status(options: &CaseStatus) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let Some((to, why)) = options.status.zip(options.why.as_deref()) else {
        return told(&worked, None, &options.output);
    };
    let done = set(&mut desk, &mut worked, Status::from(to), why)?;
    told(&worked, Some(done), &options.output)
}

/// Says how far a case is.
///
/// # Errors
/// [`Failure`] if that is not said by hand, or not of this case.
pub fn set(desk: &mut Desk, worked: &mut Worked, to: Status, why: &str) -> Result<Done, Failure> {
    let number = worked.case.number;
    settable(worked, to)?;
    let why = words("--why", why)?;
    let draft = desk.draft(Deed::StatusSet { status: to, why });
    append(desk, worked, draft, format!("Case {number} is {} now", to.word()))
}

/// Asks that a status may be set by hand: what records have to show is never said by hand.
fn settable(worked: &Worked, to: Status) -> Result<(), Failure> {
    let number = worked.case.number;
    let hint = match to {
        _ if worked.case.status == Status::Closed => {
            format!("`throughline case reopen {number} --why TEXT` opens it again")
        }
        Status::Open | Status::Waiting | Status::Escalated => return Ok(()),
        Status::Changed => format!("`throughline case change {number} CANDIDATE --made-at TIME` records a change"),
        Status::Held | Status::CameBack => format!("`throughline verify {number}` says so, by records"),
        Status::Closed => format!("`throughline case close {number} --resolution TEXT` closes it"),
    };
    let found = match worked.case.status {
        Status::Closed => "a closed case".to_owned(),
        _ => format!("`{}`", to.word()),
    };
    Err(Failure::Usage {
        what: "STATUS".to_owned(),
        expected: "open, waiting or escalated, of a case that is not closed".to_owned(),
        found,
        hint,
    })
}

/// Notes something; gives the exit status.
///
/// # Errors
/// [`Failure`] if it cannot be noted.
pub fn note(options: &NoteCase) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let text = if options.text == "-" { standard_input()? } else { options.text.clone() };
    let done = noted(&mut desk, &mut worked, &text)?;
    told(&worked, Some(done), &options.output)
}

/// Notes something in the journal.
///
/// # Errors
/// [`Failure`] if it says nothing, or cannot be written.
pub fn noted(desk: &mut Desk, worked: &mut Worked, text: &str) -> Result<Done, Failure> {
    let draft = desk.draft(Deed::Noted { text: words("TEXT", text)? });
    let said = format!("Noted in case {}", worked.case.number);
    append(desk, worked, draft, said)
}

fn standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_NOTE_BYTES + 1).read_to_end(&mut bytes);
    let wrong = |found: String| Failure::Usage {
        what: "-".to_owned(),
        expected: "a note as UTF-8 text, up to 1 MiB".to_owned(),
        found,
        hint: "Add a longer text as evidence".to_owned(),
    };
    read.map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > MAX_NOTE_BYTES {
        return Err(wrong("a longer one".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| wrong("other bytes".to_owned()))
}

/// Closes a case; gives the exit status: 4 if a change of it is not verified.
///
/// # Errors
/// [`Failure`] if it cannot be closed.
pub fn close(options: &CloseCase) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let look = Look::at(&desk, &worked, &options.output)?;
    let open = still_open(&look.triage(&worked).points);
    let (done, status) = match closed(&mut desk, &mut worked, &options.resolution, options.anyway, open)? {
        Closed::Done(done) => (done, 0),
        Closed::Refused(done) => (done, REFUSED),
    };
    let document = look::document(&worked, &look, Some(done), None);
    output::print(&output::page(&document, &document.receipt(), &options.output)?)?;
    Ok(status)
}

/// What came of closing a case.
pub enum Closed {
    /// It is closed.
    Done(Done),
    /// It is not: a change of it is not verified.
    Refused(Done),
}

/// Closes a case; `open` is what of its triage is still open, in sentences.
///
/// # Errors
/// [`Failure`] if it is closed already, or if the resolution says nothing.
pub fn closed(
    desk: &mut Desk,
    worked: &mut Worked,
    resolution: &str,
    anyway: bool,
    open: Vec<String>,
) -> Result<Closed, Failure> {
    if worked.case.status == Status::Closed {
        return Err(closed_state("a case that is not closed", "a closed one", worked));
    }
    let why = words("--resolution", resolution)?;
    if let Some(why) = not_verified(&worked.journal).filter(|_| !anyway) {
        let said = format!("Not closed: {why}. Verify it, or close it with --anyway");
        return Ok(Closed::Refused(Done { said, entries: Vec::new(), warnings: open }));
    }
    let overdue = worked.case.due.filter(|due| *due < desk.now());
    let draft = desk.draft(Deed::StatusSet { status: Status::Closed, why });
    let said = format!("Closed case {}", worked.case.number);
    let mut done = append(desk, worked, draft, said)?;
    done.warnings = not_verified(&worked.journal).into_iter().map(|why| format!("Closed although {why}")).collect();
    done.warnings
        .extend(overdue.map(|due| format!("Closed although the second look was due at {due}, and nobody took it")));
    done.warnings.extend(open);
    Ok(Closed::Done(done))
}

/// What of the triage is still open, in sentences.
fn still_open(points: &[Point]) -> Vec<String> {
    let open = points.iter().filter(|point| point.state == PointState::Open);
    open.map(|point| format!("Still open: {}: {}", point.title, point.said)).collect()
}

/// Why a change is not known to have held; `None` if none was made, or if the last word about the last one is that it held, and no evidence
/// came behind it.
fn not_verified(journal: &[Entry]) -> Option<String> {
    let made = |entry: &&Entry| matches!(entry.deed, Deed::ChangeMade { .. });
    let change = journal.iter().rfind(made)?;
    let word = |entry: &Entry| match &entry.deed {
        Deed::Verified { verification, .. } if entry.seq > change.seq => Some((entry.seq, verification.answer)),
        _ => None,
    };
    let last = journal.iter().filter_map(word).rfind(|(_, answer)| *answer != Answer::CannotTell);
    let asked = journal.iter().filter_map(word).next().is_some();
    match last {
        Some((_, Answer::Held)) => {
            let looked = journal.iter().filter_map(word).map(|(seq, _)| seq).max()?;
            let is_newer = |entry: &&Entry| {
                entry.seq > looked && matches!(entry.deed, Deed::EvidenceAdded { purpose: Purpose::Verification, .. })
            };
            let newer = journal.iter().find(is_newer)?;
            Some(format!(
                "the evidence of entry {} came after the change of entry {} was verified (entry {looked})",
                newer.seq, change.seq
            ))
        }
        Some((seq, _)) => Some(format!("the change of entry {} came back (entry {seq})", change.seq)),
        None if asked => Some(format!("whether the change of entry {} held could not be told", change.seq)),
        None => Some(format!("the change of entry {} was never verified", change.seq)),
    }
}

/// Opens a closed case again; gives the exit status.
///
/// # Errors
/// [`Failure`] if it is not closed.
pub fn reopen(options: &ReopenCase) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let done = opened_again(&mut desk, &mut worked, &options.why)?;
    told(&worked, Some(done), &options.output)
}

/// Opens a closed case again.
///
/// # Errors
/// [`Failure`] if it is not closed, or if the reason says nothing.
pub fn opened_again(desk: &mut Desk, worked: &mut Worked, why: &str) -> Result<Done, Failure> {
    if worked.case.status != Status::Closed {
        return Err(closed_state("a closed case", "one that is not", worked));
    }
    let draft = desk.draft(Deed::StatusSet { status: Status::Open, why: words("--why", why)? });
    let said = format!("Opened case {} again", worked.case.number);
    append(desk, worked, draft, said)
}

fn closed_state(expected: &str, found: &str, worked: &Worked) -> Failure {
    Failure::Usage {
        what: format!("case {}", worked.case.number),
        expected: expected.to_owned(),
        found: found.to_owned(),
        hint: format!("`throughline case show {}` says how far it is", worked.case.number),
    }
}

/// A text that says something.
///
/// # Errors
/// [`Failure::Usage`] if it is empty.
fn words(what: &str, text: &str) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(Failure::Usage {
            what: what.to_owned(),
            expected: "a few words".to_owned(),
            found: "nothing".to_owned(),
            hint: "The journal keeps them for whoever reads it later".to_owned(),
        }),
        text => Ok(text.to_owned()),
    }
}

/// Adds one entry, and says so.
pub fn append(desk: &mut Desk, worked: &mut Worked, draft: ::case::Draft, said: String) -> Result<Done, Failure> {
    let before = worked.case.entries;
    desk.append(worked, vec![draft])?;
    Ok(desk::done_since(worked, before, said))
}

/// Prints what a command did; gives the exit status.
pub fn told(worked: &Worked, done: Option<Done>, output: &Output) -> Result<u8, Failure> {
    let document = look::receipt(worked, done);
    output::print(&output::page(&document, &document.receipt(), output)?)?;
    Ok(0)
}
