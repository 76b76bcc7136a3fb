//! Reads tables of rows in any spelling: CSV, JSON, `Format-List` text, `Export-Clixml`; row by row, and keeps what is
//! about the message.
//!
//! A kind implements [`Table`]. A file goes through the modules in this order: [`shape`] (how it spells its rows),
//! [`choose`] (which records are worth parsing), [`parse`] (records to rows), [`choose`] again (which rows are the
//! message's), [`tell`] (what they state).

mod choose;
mod clixml;
mod dates;
mod facts;
mod members;
mod parse;
mod parts;
mod recognise;
pub(crate) mod row;
pub(crate) mod setting;
mod shape;
mod spelled;
mod tell;

use std::collections::BTreeSet;

use evidence::{Identifier, LooksUsed, Product, Reading, System};

use crate::records::{Sieve, Splitter};
use crate::time::Zoneless;
use crate::{Clock, Input, Likeness, Progress, Query, ReadError, Reader, Wanted};
use choose::{first_sieve, keep, sieve_of};
pub(crate) use facts::Facts;
pub(crate) use parse::Parsed;
use parse::parse;
pub(crate) use parts::read_in_parts;
pub(crate) use recognise::{Need, any_of, missing, recognise};
pub use row::RowValue;
use row::{Row, Torn};
pub(crate) use shape::decoded;
use shape::{head_text, shape_in};
pub use spelled::Spelled;
use tell::told;

/// What one kind of export adds to the common way of reading.
pub(crate) trait Table {
    /// Keys of JSON objects whose arrays hold the rows.
    const WRAPPERS: &'static [&'static str] = &["value", "Value", "d", "results", "Results"];
    /// Those of the wrappers under which an empty list means an answer without rows.
    const PAGES: &'static [&'static str] = Self::WRAPPERS;
    /// Folded names of a value that holds the record proper, a JSON object or one as text, from the outside inwards.
    const INNER: &'static [&'static str] = &[];
    /// Folded names under which the message's ids stand.
    const ID_NAMES: &'static [&'static str] = &[];
    /// Folded names of the instant by which a row is placed in time; none if rows have no instant of their own.
    const DATE_NAMES: &'static [&'static str];
    /// Folded names of further instants in a row: they too tell whether day or month stands first.
    const INSTANT_NAMES: &'static [&'static str] = &[];
    /// Which rows bear on every message, such as settings and their changes.
    const STAYING: Staying = Staying::None;
    /// Whether a row says the same whatever rows stand around it, so that a file can be read in parts.
    const ROWS_STAND_ALONE: bool = true;
    /// Why rows are left out when one message is followed.
    const OTHERS: &'static str = "other message";
    /// How many rows a page of this kind has where it was not asked for more, beside the caps that all exports share.
    const PAGE_ROWS: &'static [u64] = &[];
    /// The host under which this kind gives queue ids: rows that carry no other id are then searched by them.
    const QUEUE_HOST: Option<&'static str> = None;
    /// Columns of a file that names none; `None` if a header is needed.
    const POSITIONS: Option<&'static [&'static str]> = None;

    /// Ids of the message in a row.
    fn ids(&self, _row: &Row) -> Vec<Identifier> {
        Vec::new()
    }

    /// Ids of several messages that a row names: it is kept if one of them is known, and none of them reveals another. The
    /// kind states each of its facts about one of these messages; those about the others are left out again.
    fn mentions(&self, _row: &Row) -> Vec<Identifier> {
        Vec::new()
    }

    /// Whether a row looks like the message, for messages or rows without ids.
    fn looks_like(&self, _row: &Row, _at: Option<jiff::Timestamp>, _likeness: &Likeness) -> bool {
        false
    }

    /// Senders and recipients that a row names, whichever message it is about: whether the export was searched for one of them.
    fn parties(&self, _row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (Vec::new(), Vec::new())
    }

    /// Whether this row bears on every message; asked only where [`Table::STAYING`] says that some rows do.
    fn stays(&self, _row: &Row) -> bool {
        true
    }

    /// Whether rows without ids are matched by looks even where the message has ids.
    fn by_looks(&self) -> bool {
        false
    }

    /// What a row needs in order to be one of this kind.
    ///
    /// # Errors
    /// [`Torn`] if something is missing.
    fn check(&self, row: &Row) -> Result<(), Torn>;

    /// Which zone the instants of a file have, judged by its first row.
    fn zoneless<'c>(&self, _row: &Row, _clock: &'c Clock) -> Zoneless<'c> {
        Zoneless::Utc
    }

    /// Whether a file, judged by its start, is written in a grammar that only this kind has: then [`Table::own_rows`] reads it.
    fn has_own_grammar(&self, _start: &str) -> bool {
        false
    }

    /// The rows of a file in a grammar of this kind's own.
    ///
    /// # Errors
    /// [`ReadError`] if the bytes are no text.
    fn own_rows(&self, _input: &Input<'_>) -> Result<Vec<Parsed>, ReadError> {
        Ok(Vec::new())
    }

    /// Gives rows what stands around them.
    fn surround(&self, _input: &Input<'_>, _rows: &mut [Row]) {}

    /// Whether every row must be parsed because its neighbours say something about it.
    fn needs_all_rows(&self, _is_json: bool) -> bool {
        false
    }

    /// Who speaks in a file, judged by one of its rows.
    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::ExchangeOnline)
    }

    /// Says what the whole file admits to be missing.
    fn conclude(&self, _input: &Input<'_>, _reading: &mut Reading) {}

    /// Says what a row states.
    fn state(&self, row: &Row, facts: &mut Facts<'_>);
}

/// Which rows of a kind bear on every message, and are kept whichever is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staying {
    /// None: each row is about its own message, or about none.
    None,
    /// All: settings of the organisation.
    All,
    /// Some of those that hold one of these words, exactly as written; [`Table::stays`] has the last word.
    Holding(&'static [&'static str]),
}

/// Reads a file of one kind.
///
/// # Errors
/// [`ReadError`] if the bytes are no text or the user asked to stop.
pub(crate) fn read<T: Table>(table: &T, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
    let head = head_text(input);
    let shape = shape_in(table, &head);
    let mut known = match query.wanted {
        Wanted::Everything => BTreeSet::new(),
        Wanted::Message(message) => message.ids.clone(),
    };
    let mut sieve = first_sieve(table, input, query, &shape, &head, &known);
    let again = Again(query.progress);
    let mut splitter = Splitter::new(input, shape.grammar(T::WRAPPERS))?;
    for round in 0.. {
        // The bytes count as read once, however often they are gone through.
        let order = if round == 0 { *query } else { Query { progress: &again, ..*query } };
        let parsed = parse(table, input, &mut splitter, &order, &shape, &sieve)?;
        let kept = keep(table, query, &parsed, &mut known);
        let written = |word: &str| {
            parsed
                .rows
                .iter()
                .zip(&kept)
                .any(|(row, kept)| *kept && row.as_ref().is_ok_and(|row| row.raw().holds(word)))
        };
        let next = match (&sieve, sieve_of(table, &known, &written)) {
            (Sieve::All, _) => None,
            (Sieve::AnyOf(old), Sieve::AnyOf(new)) if new.iter().all(|needle| old.contains(needle)) => None,
            (Sieve::AnyOf(_), Sieve::AnyOf(new)) if round < 8 => Some(Sieve::AnyOf(new)),
            (Sieve::AnyOf(_), _) => Some(Sieve::All),
        };
        match next {
            Some(next) => sieve = next,
            None => {
                let looks = if matches!(sieve, Sieve::AnyOf(_)) { LooksUsed::No } else { LooksUsed::AsAsked };
                return Ok(Reading { looks, ..told(table, input, query, parsed, &kept, &known) });
            }
        }
    }
    Err(ReadError::Cancelled { file: input.name.to_string() })
}

/// Progress of going through a file once more.
struct Again<'a>(&'a dyn Progress);

impl Progress for Again<'_> {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl<T: Table + Sync> Reader for T {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        read(self, input, query)
    }

    fn read_in_parts(
        &self,
        input: &Input<'_>,
        query: &Query<'_>,
        take: &mut dyn FnMut(Reading),
    ) -> Result<(), ReadError> {
        read_in_parts(self, input, query, take)
    }

    fn spelled(&self, input: &Input<'_>) -> Spelled {
        Spelled::in_table(self, input)
    }
}
