//! `reconcile`: the totals of all reports beside the rows that hold the same mail.

use findings::symptoms::{self, Survey};
use report::Reconciliations;

use crate::cli::Reconcile;
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{output, survey, times};

/// Compares every total with the rows; gives the exit status: 0 if each is met or explained, else 1.
///
/// # Errors
/// [`Failure`] if nothing can be read, or the answer cannot be written.
pub fn run(options: &Reconcile) -> Result<u8, Failure> {
    let clock = times::clock(&options.clocks, None)?;
    let supply = Supply::open(&options.paths);
    let inputs = supply.inputs();
    supply.require_readable(&inputs)?;
    let ledger = survey::read(&inputs, &clock)?;
    let found = symptoms::reconcile(&Survey::of(&ledger, None, times::now(&options.clocks)));
    let read_at = |file: &str| Some(sources::instant_in_name(file, &clock)?.at);
    let document = Reconciliations::of(&found, read_at);
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(u8::from(!document.is_whole()))
}
