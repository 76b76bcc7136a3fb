//! What a client's tickets taught: a text file a cause, with a signal that tells when it is there again.
//!
//! A [`Runbook`] is a text with a front for programs and a body for people; a [`Shelf`] keeps those of a store, each client's apart, each
//! version beside the newest. What their signals say about evidence is [`Checked`].

mod drawn;
mod place;
mod ran;
mod text;

pub use drawn::{LISTED_SCHEMA, Listed, ListedRunbook, TESTED_SCHEMA, Tested, TestedSide, WRITTEN_SCHEMA, Written};
pub use place::{Kept, Shelf, ShelfError, client_name, is_slug, read, slug_of};
pub use ran::{CHECK_SCHEMA, Checked, Fired, Ran, Signalled};
pub use text::{RUNBOOK_SCHEMA, Runbook, RunbookError, RunbookStatus, SourceCase};
