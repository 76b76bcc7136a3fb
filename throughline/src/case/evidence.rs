//! `case new` and `case add`: a case and its evidence.

use std::path::PathBuf;

use ::case::told::{AddedEvidence, Done, KnownFile};
use ::case::{About, Added, Answered, Asked, Case, Deed, Entry, Placed, Purpose, Status, Store as _, Wanted};

use super::copying;
use super::desk::{self, Desk, Worked};
use super::look::{self, Look};
use crate::cli::Output;
use crate::cli::case::{AddEvidence, NewCase};
use crate::failure::Failure;
use crate::output;

/// The exit status if nothing could be copied.
const NOTHING_COPIED: u8 = 3;

/// Opens a case; gives the exit status.
///
/// # Errors
/// [`Failure`] if it cannot be opened.
pub fn new(options: &NewCase) -> Result<u8, Failure> {
    let mut desk = Desk::open_or_make(&options.store, &options.clocks)?;
    usable(&desk, &options.paths)?;
    let said = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let about = About {
        client: options.client.trim().to_owned(),
        ticket: said(&options.ticket),
        site: said(&options.site),
        user: said(&options.user),
        device: said(&options.device),
        words: said(&options.words),
    };
    if !options.anyway {
        is_new(&desk, &about)?;
    }
    let asked = desk::asked(&options.which, &options.clocks);
    let (now, who, key) = (desk.now(), desk.who.clone(), desk.key.clone());
    let case = desk.store.open_once(now, &who, key, about, asked)?;
    let mut worked = desk.worked(case)?;
    // A command that is repeated under its key finds the case that it opened before.
    let (before, said) = match worked.case.entries {
        1 => (0, format!("Opened case {}", worked.case.number)),
        entries => (entries, format!("Case {} was opened under this key already", worked.case.number)),
    };
    let mut added = None;
    if !options.paths.is_empty() {
        added = Some(taken(&mut desk, &mut worked, &options.paths, Purpose::Ticket)?);
    }
    let done = Done { said, entries: desk::entries_since(&worked, before), warnings: Vec::new() };
    finish(&mut desk, &mut worked, done, added, &options.output)
}

/// Asks that no case of this client has this ticket already, unless this very command opened it: the same key.
fn is_new(desk: &Desk, about: &About) -> Result<(), Failure> {
    let known = of_ticket(desk, about)?;
    for case in &known {
        let journal = desk.store.journal(&case.uid)?;
        if desk.key.is_some() && journal.first().is_some_and(|opened| opened.key == desk.key) {
            return Ok(());
        }
    }
    let (Some(case), Some(ticket)) = (known.first(), &about.ticket) else { return Ok(()) };
    let number = case.number;
    Err(Failure::Usage {
        what: "--ticket".to_owned(),
        expected: "a ticket of this client that no case has yet".to_owned(),
        found: format!("`{}`, which case {number} has already", ticket.escape_debug()),
        hint: format!("`throughline case add {number} PATH...` adds to it; --anyway opens another case of the ticket"),
    })
}

/// The cases that a client's ticket has already.
///
/// # Errors
/// [`Failure`] if they cannot be read.
pub fn of_ticket(desk: &Desk, about: &About) -> Result<Vec<Case>, Failure> {
    let Some(ticket) = &about.ticket else { return Ok(Vec::new()) };
    let wanted = Wanted { client: Some(about.client.clone()), ticket: Some(ticket.clone()), ..Wanted::default() };
    Ok(desk.store.list(&wanted)?)
}

/// Adds evidence to a case; gives the exit status.
///
/// # Errors
/// [`Failure`] if it cannot be added.
pub fn add(options: &AddEvidence) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let asked = desk::asked(&options.which, &options.clocks);
    let is_asked = asked != Asked::default();
    if options.paths.is_empty() && !is_asked {
        return Err(Failure::Usage {
            what: "PATH".to_owned(),
            expected: "evidence, or options that name the message".to_owned(),
            found: "neither".to_owned(),
            hint: "Name a file or a folder; `throughline case add --help` has examples".to_owned(),
        });
    }
    usable(&desk, &options.paths)?;
    let before = worked.case.entries;
    if is_asked && asked != worked.case.asked {
        let draft = desk.draft(Deed::Asked { asked });
        desk.append(&mut worked, vec![draft])?;
    }
    let purpose = if options.verification { Purpose::Verification } else { Purpose::Ticket };
    let added = match options.paths.as_slice() {
        [] => None,
        paths => Some(taken(&mut desk, &mut worked, paths, purpose)?),
    };
    let said = match &added {
        None => "Said anew which message is meant".to_owned(),
        Some(added) if added.files.is_empty() => "Nothing was added".to_owned(),
        Some(added) => format!("Added {} to case {}", added.batch, worked.case.number),
    };
    let done = Done { said, entries: desk::entries_since(&worked, before), warnings: Vec::new() };
    finish(&mut desk, &mut worked, done, added, &options.output)
}

/// Looks at a case to which evidence was added, and tells what was found; gives the exit status.
fn finish(
    desk: &mut Desk,
    worked: &mut Worked,
    mut done: Done,
    added: Option<Added>,
    output: &Output,
) -> Result<u8, Failure> {
    let before = worked.case.entries;
    let look = look(desk, worked, output)?;
    done.entries.extend(desk::entries_since(worked, before));
    let nothing = added.as_ref().is_some_and(|added| added.files.is_empty() && added.known.is_empty());
    let document = look::document(worked, &look, Some(done), added.map(told));
    output::print(&output::page(&document, &document.sheet(), output)?)?;
    Ok(if nothing { NOTHING_COPIED } else { 0 })
}

/// Asks that at least one of the paths is there, and that none holds the store: a case cannot hold itself.
///
/// # Errors
/// [`Failure`] if it is not so.
pub fn usable(desk: &Desk, paths: &[PathBuf]) -> Result<(), Failure> {
    if let Some(path) = paths.iter().find(|path| path.is_dir() && crate::supply::is_within(&desk.root, path)) {
        return Err(Failure::Usage {
            what: path.display().to_string(),
            expected: "evidence".to_owned(),
            found: "the folder that the cases themselves are kept in".to_owned(),
            hint: "Put the evidence into a folder beside it".to_owned(),
        });
    }
    let missing = |path: &PathBuf| match path.metadata() {
        Err(error) if path.as_os_str() != "-" => Some(format!("{}: {error}", path.display())),
        _ => None,
    };
    let missing: Option<Vec<String>> = paths.iter().map(missing).collect();
    match missing {
        Some(missing) if !missing.is_empty() => Err(Failure::NothingReadable(missing)),
        _ => Ok(()),
    }
}

/// Copies evidence into a case and looks at it.
///
/// # Errors
/// [`Failure`] if it cannot be added.
pub fn take(
    desk: &mut Desk,
    worked: &mut Worked,
    paths: &[PathBuf],
    purpose: Purpose,
    output: &Output,
) -> Result<Added, Failure> {
    let added = taken(desk, worked, paths, purpose)?;
    if purpose == Purpose::Ticket {
        look(desk, worked, output)?;
    }
    Ok(added)
}

/// Copies evidence into a case.
///
/// # Errors
/// [`Failure`] if it cannot be added.
pub fn taken(desk: &mut Desk, worked: &mut Worked, paths: &[PathBuf], purpose: Purpose) -> Result<Added, Failure> {
    let uid = worked.case.uid.clone();
    let staging = worked.folder.root().join("staging");
    let mut added = copying::watched(paths, &staging, || {
        worked.folder.stage(paths, purpose, &mut std::io::stdin().lock(), || desk.store.journal(&uid))
    })?;
    if !added.files.is_empty() {
        let (batch, files) = (added.batch.clone(), added.files.clone());
        let mut drafts = vec![desk.draft(Deed::EvidenceAdded { batch, purpose, files })];
        if worked.case.status == Status::Waiting && !is_repeated(desk, worked) {
            let why = format!("evidence {} came in", added.batch);
            drafts.push(desk.draft(Deed::StatusSet { status: Status::Open, why }));
        }
        desk.append(worked, drafts)?;
    }
    if worked.folder.add(&added, &worked.journal)? == Placed::Dropped && !added.files.is_empty() {
        let key = desk.key.as_deref().unwrap_or_default().escape_debug();
        added.refused.push(format!("expected evidence for a new entry, found an entry with the key `{key}` already"));
        added.files.clear();
    }
    Ok(added)
}

/// Whether the journal has evidence of this command's key already.
fn is_repeated(desk: &Desk, worked: &Worked) -> bool {
    let is_same = |entry: &Entry| matches!(entry.deed, Deed::EvidenceAdded { .. }) && entry.key == desk.key;
    desk.key.is_some() && worked.journal.iter().any(is_same)
}

/// Follows the message of a case, and keeps the answer if it is another than before.
fn look(desk: &mut Desk, worked: &mut Worked, output: &Output) -> Result<Look, Failure> {
    let look = Look::at(desk, worked, output)?;
    answered(desk, worked, look.report())?;
    Ok(look)
}

/// Keeps what the evidence shows, if it is another answer than before.
///
/// # Errors
/// [`Failure`] if it cannot be written.
pub fn answered(desk: &mut Desk, worked: &mut Worked, report: Option<&report::Report>) -> Result<(), Failure> {
    let answered = report.map(Answered::of).unwrap_or_default();
    if worked.case.answered.clone().unwrap_or_default() != answered {
        let mut draft = desk.draft(Deed::Answered { answered });
        draft.key = None;
        desk.append(worked, vec![draft])?;
    }
    Ok(())
}

/// What was copied, in words.
pub fn told(added: Added) -> AddedEvidence {
    let known = added.known.iter().map(|(file, same_as)| KnownFile { file: file.clone(), same_as: same_as.clone() });
    AddedEvidence {
        batch: (!added.files.is_empty()).then(|| added.batch.clone()),
        files: added.files.iter().map(|file| file.name.clone()).collect(),
        known: known.collect(),
        refused: added.refused.clone(),
    }
}
