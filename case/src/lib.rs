//! Works one ticket from evidence to notes, runbook and later checks; keeps it in a database.
//!
//! A [`Case`] is what its journal adds up to: a list of [`Entry`]s that is only ever added to, each bound by its hash to all before it. A
//! [`Store`] keeps journals; [`Sqlite`] does so in one file. The evidence of a case stands in its [`Folder`], copied and hashed, and is
//! never changed.

mod archive;
mod case;
pub mod escalation;
mod figures;
mod folder;
mod integrity;
mod journal;
pub mod notes;
mod private;
pub mod runbook;
mod sqlite;
mod store;
pub mod told;
pub mod triage;
mod verified;

pub use archive::{ARCHIVE_SCHEMA, Archive, Imported, Manifest, export};
pub use case::{About, Answered, AnsweredCause, AnsweredCopy, Asked, Case, Status};
pub use figures::{
    AskedFigures, ChangeFigure, FIGURES_DEEDS, FIGURES_SCHEMA, Figures, IncidentRow, Incidents, Period, TimeOf,
    TimeRow, Times,
};
pub use folder::{Added, Folder, Placed, Strange};
pub use integrity::{
    ARCHIVED_SCHEMA, ArchiveTold, CaseName, ENTRIES_SCHEMA, ExpectedHash, JOURNAL_SCHEMA, JournalEntries,
    JournalVerified, Wrong,
};
pub use journal::{
    Answer, CheckAnswer, Deed, Draft, Entry, EvidenceFile, NO_HASH, Purpose, Tampered, Verification, tampered,
};
pub use private::folder as private_folder;
pub use sqlite::Sqlite;
pub use store::{Head, Place, Store, StoreError, Wanted};
pub use verified::{
    MessageCounts, VERIFICATION_SCHEMA, VerificationReport, VerifiedCase, VerifiedChange, VerifiedMessage,
    VerifiedRefresh,
};
