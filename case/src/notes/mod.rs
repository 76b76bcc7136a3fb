//! The notes of a ticket: facts, internal analysis, and a text for the customer, from the case, its journal and its report.
//!
//! Nothing is invented: a claim rests on records or on entries of the journal, and a point of which nothing is known says so, and why.
//! [`notes`] writes the document, [`redacted`] the same without the names of people and places, [`write()`] draws it by a template.

mod analysis;
mod customer;
mod defuse;
mod document;
mod facts;
mod gather;
mod guard;
mod identities;
mod redact;
mod template;
#[cfg(test)]
mod tests;

pub use defuse::Face;
pub use document::{
    Claim, CustomerText, Known, NOTES_SCHEMA, NamedValue, NotedCase, NotedEntry, Notes, NumberedRecord, Point, Text,
};
pub use gather::{Looked, Sources};
pub use redact::{Pseudonym, REDACTION_SCHEMA, Redaction};
pub use template::{TemplateError, template, write};

use gather::Gathered;

use crate::journal::Deed;

/// Writes the notes. Of the other texts nothing is in them, nor of the records that only those cite.
pub fn notes(sources: &Sources<'_>, text: Text) -> Notes {
    let mut gathered = Gathered::of(*sources);
    let wants = |one: Text| text == one || text == Text::All;
    let facts = if wants(Text::Facts) { facts::facts(&mut gathered) } else { Vec::new() };
    let analysis = if wants(Text::Analysis) { analysis::analysis(&mut gathered) } else { Vec::new() };
    let customer = wants(Text::Customer).then(|| {
        let own = customer::Own::of(sources);
        let mut text = customer::text(sources, &own);
        guard::guard(&mut text, &own);
        text
    });
    let (records, journal) = gathered.cited();
    let about = (text != Text::Customer).then(|| about(sources));
    Notes { schema: NOTES_SCHEMA.to_owned(), redacted: false, about, facts, analysis, customer, records, journal }
}

/// Writes the notes with other names for people, hosts, addresses, domains and ids, and gives the map for oneself.
pub fn redacted(sources: &Sources<'_>, text: Text) -> (Notes, Redaction) {
    let mut notes = notes(sources, text);
    let redaction = redact::redact(&mut notes, sources);
    (notes, redaction)
}

fn about(sources: &Sources<'_>) -> NotedCase {
    let case = sources.case;
    // That the case came from another store says nothing of the ticket: the notes are the same there.
    let of_ticket = || sources.journal.iter().filter(|entry| !matches!(entry.deed, Deed::Imported { .. }));
    NotedCase {
        number: case.number,
        uid: case.uid.clone(),
        ticket: case.about.ticket.clone(),
        status: case.status,
        opened_at: case.opened_at,
        closed_at: case.closed_at,
        entries: of_ticket().count() as u64,
        head: of_ticket().next_back().map_or_else(|| case.head.clone(), |last| last.hash.clone()),
    }
}
