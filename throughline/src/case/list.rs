//! `case list` and `case show`: what the store holds.

use ::case::told::CaseList;
use ::case::{Store as _, Wanted};

use super::desk::Desk;
use super::look::{self, Look};
use crate::cli::case::{ListCases, ShowCase};
use crate::failure::Failure;
use crate::{output, times};

/// Lists cases; gives the exit status.
///
/// # Errors
/// [`Failure`] if the store cannot be read.
pub fn list(options: &ListCases) -> Result<u8, Failure> {
    let desk = Desk::open(&options.store, &options.clocks)?;
    let due = match options.due.as_deref() {
        None => None,
        Some("now") => Some(desk.now()),
        Some(by) => Some(times::instant("--due", by, &times::clock(&options.clocks, None)?.zone)?),
    };
    let mut wanted = Wanted {
        client: options.client.clone(),
        ticket: options.ticket.clone(),
        status: options.status.iter().map(|status| (*status).into()).collect(),
        message_id: options.message_id.clone(),
        address: options.address.clone(),
        subject: options.subject.clone(),
        cause: options.cause.clone(),
        due,
        // One more tells whether there are more.
        limit: Some(options.limit.saturating_add(1)),
        offset: options.offset,
        ..Wanted::default()
    };
    let cases = desk.store.list(&wanted)?;
    wanted.limit = Some(options.limit);
    let list = CaseList::of(wanted, cases);
    output::print(&output::page(&list, &list.sheet(), &options.output)?)?;
    Ok(0)
}

/// Shows a case; gives the exit status.
///
/// # Errors
/// [`Failure`] if it cannot be read.
pub fn show(options: &ShowCase) -> Result<u8, Failure> {
    let desk = Desk::open(&options.store, &options.clocks)?;
    let worked = desk.named(&options.named)?;
    let look = Look::at(&desk, &worked, &options.output)?;
    let document = look::document(&worked, &look, None, None);
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(0)
}
