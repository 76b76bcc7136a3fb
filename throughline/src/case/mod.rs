//! `case`: the ticket's life.

pub mod archive;
pub mod by_hand;
pub mod change;
mod copying;
pub mod desk;
pub mod evidence;
pub mod journal;
mod list;
pub mod look;
pub mod report;

use crate::cli;
use crate::failure::Failure;

/// Runs a command about cases; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(command: &cli::case::Case) -> Result<u8, Failure> {
    match command {
        cli::case::Case::New(options) => evidence::new(options),
        cli::case::Case::Add(options) => evidence::add(options),
        cli::case::Case::List(options) => list::list(options),
        cli::case::Case::Show(options) => list::show(options),
        cli::case::Case::Status(options) => by_hand::status(options),
        cli::case::Case::Note(options) => by_hand::note(options),
        cli::case::Case::Approve(options) => change::approve(options),
        cli::case::Case::Change(options) => change::change(options),
        cli::case::Case::Close(options) => by_hand::close(options),
        cli::case::Case::Reopen(options) => by_hand::reopen(options),
        cli::case::Case::Journal(options) => journal::list(options),
        cli::case::Case::VerifyJournal(options) => journal::verify(options),
        cli::case::Case::Export(options) => archive::export(options),
        cli::case::Case::Import(options) => archive::import(options),
        cli::case::Case::Report(options) => report::run(options),
    }
}
