//! `case journal` and `case verify-journal`: what was done, and whether it stands as it was written.

use ::case::{JournalEntries, JournalVerified};

use super::desk::Desk;
use crate::cli::case::{ListJournal, VerifyJournal};
use crate::failure::Failure;
use crate::output;

/// Lists the entries of a case; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no such case.
pub fn list(options: &ListJournal) -> Result<u8, Failure> {
    let desk = Desk::open(&options.store, &options.clocks)?;
    let worked = desk.named(&options.named)?;
    let document = JournalEntries::of(&worked.case, &worked.journal);
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(0)
}

/// Says whether journals and evidence are as they were written; gives the exit status.
///
/// # Errors
/// [`Failure`] if that cannot be looked at.
pub fn verify(options: &VerifyJournal) -> Result<u8, Failure> {
    let desk = Desk::open(&options.store, &options.clocks)?;
    if let Some(hash) = &options.expect {
        is_hash(hash.trim())?;
    }
    let worked = options.case.as_deref().map(|case| desk.of(options.client.as_deref(), case)).transpose()?;
    let only = worked.as_ref().map(|worked| &worked.case);
    let document = JournalVerified::of(&desk.root, &desk.store, only, options.expect.as_deref())?;
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(u8::from(!document.whole))
}

fn is_hash(hash: &str) -> Result<(), Failure> {
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Failure::Usage {
        what: "--expect".to_owned(),
        expected: "a head hash of 64 hexadecimal digits".to_owned(),
        found: format!("`{}`", hash.escape_debug()),
        hint: "`throughline case verify-journal` and `throughline case journal` print it".to_owned(),
    })
}
