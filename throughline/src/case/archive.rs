//! `case export` and `case import`: a whole case in one file that opens elsewhere.

use ::case::{ARCHIVED_SCHEMA, Archive, ArchiveTold, CaseName, Deed, Imported};

use super::desk::Desk;
use crate::cli::case::{ExportCase, ImportCase};
use crate::failure::Failure;
use crate::output;

/// Writes a case into an archive; gives the exit status.
///
/// # Errors
/// [`Failure`] if it is not whole, or cannot be written.
pub fn export(options: &ExportCase) -> Result<u8, Failure> {
    let desk = Desk::open(&options.store, &options.clocks)?;
    let worked = desk.named(&options.named)?;
    let manifest = ::case::export(&worked.folder, &worked.case, &worked.journal, &options.to)?;
    let document = ArchiveTold {
        schema: ARCHIVED_SCHEMA.to_owned(),
        done: "exported".to_owned(),
        case: CaseName::of(&worked.case),
        archive: options.to.display().to_string(),
        sha256: None,
        entries: manifest.entries,
        files: manifest.files,
        head: manifest.head,
    };
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(0)
}

/// Takes a case over from an archive; gives the exit status.
///
/// # Errors
/// [`Failure`] if it is not as it was written, or contradicts the store.
pub fn import(options: &ImportCase) -> Result<u8, Failure> {
    let archive = Archive::open(&options.archive)?;
    let mut desk = Desk::open_or_make(&options.store, &options.clocks)?;
    let (sha256, entries, files) = (archive.sha256().to_owned(), archive.journal().len(), archive.files().len());
    let head = archive.journal().last().map(|entry| entry.hash.clone()).unwrap_or_default();
    let draft = desk.draft(Deed::Imported { sha256: sha256.clone() });
    let (done, case) = match archive.import(&desk.root.clone(), &mut desk.store, draft)? {
        Imported::New(case) => ("imported", case),
        Imported::Continued(case) => ("continued", case),
        Imported::Known(case) => ("known", case),
    };
    let document = ArchiveTold {
        schema: ARCHIVED_SCHEMA.to_owned(),
        done: done.to_owned(),
        case: CaseName::of(&case),
        archive: options.archive.display().to_string(),
        sha256: Some(sha256),
        entries: entries as u64,
        files: files as u64,
        head,
    };
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(0)
}
