//! Says what rows state, and accounts for all of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use evidence::{CopyKey, Fact, Identifier, Observation, Problem, Reading, When};

use super::dates::{Dates, date_of, date_words, dates_of, order_of};
use super::facts::Facts;
use super::parse::{Parsed, ParsedRows, sample};
use super::row::Row;
use super::shape::SAMPLE_BYTES;
use super::{Staying, Table};
use crate::snapshot::instant_in_name;
use crate::time::Zoneless;
use crate::{Input, Message, Query, Wanted};

/// Says what the kept rows state, and accounts for the others.
pub(super) fn told<T: Table>(
    table: &T,
    input: &Input<'_>,
    query: &Query<'_>,
    parsed: ParsedRows,
    kept: &[bool],
    known: &BTreeSet<Identifier>,
) -> Reading {
    let met_zoneless = AtomicBool::new(false);
    let mut dates = dates_of(table, &parsed, query, &met_zoneless);
    let mut ends = Vec::new();
    if parsed.sieved_out > 0 {
        ends = sample(table, input, query);
        if !dates.is_order_known {
            (dates.order, dates.is_order_known) = order_of(table, ends.iter());
        }
    }
    let is_message = matches!(query.wanted, Wanted::Message(_));
    let teller = Teller { known: is_message.then_some(known), ..Teller::new(table, input, query, dates) };
    let mut told = teller.tell(&parsed, kept);
    for row in &ends {
        let at = date_of(table, row, dates).map(|when| when.at);
        at.into_iter().for_each(|at| told.reading.covers(at));
        let (senders, recipients) = table.parties(row);
        told.reading.names(&senders, &recipients, at);
    }
    let mut reading = told.finish(input, teller.dates, T::PAGE_ROWS);
    table.conclude(input, &mut reading);
    reading
}

/// Says what rows state.
pub(super) struct Teller<'a, T> {
    pub(super) table: &'a T,
    input: &'a Input<'a>,
    message: Option<&'a Message>,
    /// All ids of the message, those that this file revealed among them.
    known: Option<&'a BTreeSet<Identifier>>,
    dates: Dates<'a>,
    snapshot: Option<When>,
}

/// What some rows of a file state, and what is to be said of them together with the others.
#[derive(Default)]
pub(super) struct Told {
    pub(super) reading: Reading,
    pub(super) limits: BTreeSet<String>,
    pub(super) undated: u64,
    pub(super) first_undated: Option<String>,
}

impl<'a, T: Table> Teller<'a, T> {
    pub(super) fn new(table: &'a T, input: &'a Input<'a>, query: &Query<'a>, dates: Dates<'a>) -> Teller<'a, T> {
        let message = match query.wanted {
            Wanted::Everything => None,
            Wanted::Message(message) => Some(message),
        };
        let snapshot = match T::STAYING {
            Staying::All => instant_in_name(&input.name, query.clock),
            _ => None,
        };
        Teller { table, input, message, known: None, dates, snapshot }
    }

    /// Says what the kept rows state, and accounts for the others.
    pub(super) fn tell(&self, parsed: &ParsedRows, kept: &[bool]) -> Told {
        let mut told = Told { reading: Reading { rows: parsed.count, ..Reading::default() }, ..Told::default() };
        told.reading.pass_over(T::OTHERS, parsed.sieved_out, None);
        for (row, kept) in parsed.rows.iter().zip(kept) {
            self.tell_one(row, *kept, &mut told);
        }
        told.reading.pass_over("empty page", parsed.blank_pages, None);
        told.reading.pass_over("log header", parsed.comments, None);
        told
    }

    pub(super) fn tell_one(&self, row: &Parsed, is_kept: bool, told: &mut Told) {
        match row {
            Ok(row) => self.tell_row(row, is_kept, told),
            Err(broken) => told.reading.problems.push(Problem {
                cite: broken.raw.cite(&self.input.name),
                expected: broken.torn.expected.clone(),
                found: broken.torn.found.clone(),
            }),
        }
    }

    pub(super) fn tell_row(&self, row: &Row, is_kept: bool, told: &mut Told) {
        let (table, reading) = (self.table, &mut told.reading);
        let when = date_of(table, row, self.dates);
        when.iter().for_each(|when| reading.covers(when.at));
        let (senders, recipients) = table.parties(row);
        reading.names(&senders, &recipients, when.as_ref().map(|when| when.at));
        if !is_kept {
            reading.pass_over(T::OTHERS, 1, Some(row.cite(&self.input.name)));
            return;
        }
        if when.is_none() && !T::DATE_NAMES.is_empty() {
            told.undated += 1;
            let place = || format!("{}: {}", row.cite(&self.input.name), date_words(table, row));
            told.first_undated.get_or_insert_with(place);
        }
        reading.observed += 1;
        let ids = table.ids(row);
        if let Some(message) = self.message {
            ids.iter().filter(|id| !message.ids.contains(id)).for_each(|id| reading.reveal(id.clone()));
        }
        let mut facts = Facts {
            about: CopyKey { ids, envelope_recipients: Vec::new() },
            when,
            row,
            file: &self.input.name,
            dates: self.dates,
            speaker: table.speaker(row),
            said: &mut reading.observations,
            cite: None,
            shared: None,
            limits: &mut told.limits,
            snapshot: &self.snapshot,
        };
        let before = facts.said.len();
        if T::STAYING == Staying::All && row.is_cut() {
            facts.limit(CUT_VALUES);
        }
        table.state(row, &mut facts);
        if facts.said.len() == before {
            facts.say(Fact::Note { said: "a record that states nothing more".to_owned() });
        }
        if let Some(known) = self.known
            && !table.mentions(row).is_empty()
        {
            let is_meant =
                |fact: &Observation| fact.about.ids.is_empty() || fact.about.ids.iter().any(|id| known.contains(id));
            let said = reading.observations.split_off(before);
            reading.observations.extend(said.into_iter().filter(is_meant));
        }
    }
}

impl Told {
    /// Takes in what is to be said of further rows; their readings stay apart.
    pub(super) fn add(&mut self, other: &mut Told) {
        self.limits.append(&mut other.limits);
        self.undated += other.undated;
        self.first_undated = self.first_undated.take().or(other.first_undated.take());
    }

    /// The reading, with what there is to say of all its rows.
    pub(super) fn finish(self, input: &Input<'_>, dates: Dates<'_>, page_rows: &[u64]) -> Reading {
        let Told { mut reading, mut limits, undated, first_undated } = self;
        if let Some(first) = first_undated {
            let rows = if undated == 1 { "1 row has".to_owned() } else { format!("{} rows have", grouped(undated)) };
            limits
                .insert(format!("{rows} no date that can be read, first {first}; export again with dates as ISO 8601"));
        }
        if let (Zoneless::AsAsked(clock), true) = (dates.zoneless, dates.met_zoneless.load(Relaxed)) {
            limits.insert(format!("the file does not record the zone of its times: read as {}", clock.zone_label));
        }
        reading.coverage.limits.extend(limits);
        suspect_cut(&mut reading, page_rows);
        if names_next_page(input.bytes.trim_ascii_start()) {
            reading.coverage.suspected_cut = true;
            reading.coverage.limits.push(NEXT_PAGE.to_owned());
        }
        reading
    }
}

/// Said where values were lost on the way into the export.
pub(super) const CUT_VALUES: &str =
    "nested values or lists were cut when the export was written: export again with ConvertTo-Json -Depth 10";

/// Row caps of message trace, historical search and portal exports.
pub(super) const ROW_CAPS: [u64; 5] = [1_000, 5_000, 10_000, 50_000, 100_000];

/// Said where the service had more rows to give.
pub(super) const NEXT_PAGE: &str = "the last page names a next one (@odata.nextLink): rows are missing";
/// Up to this size in bytes a whole file is searched for pages; of a larger one its ends.
pub(super) const PAGED_BYTES: usize = 64 << 20;

/// Whether the last answer of an OData service in a file names a next page.
pub(super) fn names_next_page(bytes: &[u8]) -> bool {
    if !matches!(bytes.first(), Some(b'{' | b'[' | 0xEF | 0xFE | 0xFF)) {
        return false;
    }
    let searched = if bytes.len() <= PAGED_BYTES { bytes } else { &bytes[bytes.len() - SAMPLE_BYTES..] };
    let last = |name: &str| memchr::memmem::rfind(searched, &as_written(name, bytes));
    let next = last("\"@odata.nextLink\"");
    next.is_some_and(|next| last("\"@odata.context\"").is_none_or(|context| context < next))
}

/// A text in the encoding that the byte order mark of a file names.
fn as_written(text: &str, file: &[u8]) -> Vec<u8> {
    match file {
        [0xFF, 0xFE, ..] => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        [0xFE, 0xFF, ..] => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

pub(super) fn suspect_cut(reading: &mut Reading, page_rows: &[u64]) {
    suspect_cut_at(reading.rows, page_rows, reading);
}

/// Says that rows are probably missing if the file has as many as an export gives at most.
pub(super) fn suspect_cut_at(rows: u64, page_rows: &[u64], reading: &mut Reading) {
    if ROW_CAPS.contains(&rows) || page_rows.contains(&rows) {
        reading.coverage.suspected_cut = true;
        let rows = grouped(rows);
        reading.coverage.limits.push(format!("exactly {rows} rows: probably cut at the row cap"));
    }
}

/// `5,000` for 5000.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
