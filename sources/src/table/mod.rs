//! Reads tables of rows in any spelling: CSV, JSON, `Format-List` text, `Export-Clixml`; row by row, and keeps what is
//! about the message.

mod clixml;
mod members;
mod parts;
pub(crate) mod row;
pub(crate) mod setting;

pub(crate) use parts::read_in_parts;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use evidence::{
    Address, Cite, CopyKey, Fact, FileName, Identifier, LooksUsed, Observation, Place, Problem, Product, Reading,
    System, When, Zone,
};

use crate::codes::folded;
use crate::records::{
    Cells, Grammar, Record, Records, Sieve, Splitter, column_names, csv_header, delimiter_of, is_one_a_line,
};
use crate::snapshot::instant_in_name;
use crate::text::{Encoding, Text, encoding_of};
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Clock, Head, Input, Likeness, Message, Progress, Query, ReadError, Recognition, Wanted};
use row::{Broken, Name, Names, Row, Torn, block_line};

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

/// How a file spells its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// Delimited cells under a header.
    Csv,
    /// JSON objects.
    Json,
    /// `Format-List` text.
    Blocks,
    /// `Export-Clixml`.
    Clixml,
    /// Delimited lines without a header line, or with one in a `#Fields:` comment.
    Log { columns: Vec<String> },
    /// A grammar of the kind's own.
    Own,
}

impl Shape {
    /// How the file is split into records.
    fn grammar(&self, wrappers: &'static [&'static str]) -> Grammar {
        match self {
            Shape::Csv => Grammar::Csv,
            Shape::Json => Grammar::Json { wrappers },
            Shape::Blocks | Shape::Clixml | Shape::Log { .. } | Shape::Own => Grammar::Lines,
        }
    }
}

/// Where the facts of one row go.
pub(crate) struct Facts<'a> {
    /// Ids and recipients of the row.
    pub(crate) about: CopyKey,
    /// Instant of the row.
    pub(crate) when: Option<When>,
    row: &'a Row,
    file: &'a FileName,
    dates: Dates<'a>,
    speaker: System,
    said: &'a mut Vec<Observation>,
    cite: Option<Cite>,
    shared: Option<Arc<CopyKey>>,
    limits: &'a mut BTreeSet<String>,
    snapshot: &'a Option<When>,
}

/// How the instants of a file are read.
#[derive(Clone, Copy)]
struct Dates<'a> {
    order: DayOrder,
    is_order_known: bool,
    zoneless: Zoneless<'a>,
    /// Whether an instant was read that names no zone.
    met_zoneless: &'a AtomicBool,
}

impl Facts<'_> {
    /// States a fact with the whole row as its cite.
    pub(crate) fn say(&mut self, fact: Fact) {
        let cite = self.cite();
        self.push(cite, fact);
    }

    /// States a fact; the value under one of these names is marked as the deciding word.
    pub(crate) fn say_by(&mut self, names: &[&str], fact: Fact) {
        let cite = match self.row.place(names) {
            Some(mark) => self.cite().marked(mark),
            None => self.cite(),
        };
        self.push(cite, fact);
    }

    /// States facts about one of several messages that the row names.
    pub(crate) fn about_message(&mut self, ids: Vec<Identifier>, state: impl FnOnce(&mut Self)) {
        let all = std::mem::replace(&mut self.about.ids, ids);
        state(self);
        self.about.ids = all;
    }

    /// States facts that happened at another instant than the row's, or at none that the row tells.
    pub(crate) fn at(&mut self, when: Option<When>, state: impl FnOnce(&mut Self)) {
        let of_row = std::mem::replace(&mut self.when, when);
        state(self);
        self.when = of_row;
    }

    /// States a fact; the value of this key, however deep it lies in a JSON row, is marked as the deciding word.
    pub(crate) fn say_key(&mut self, key: &str, fact: Fact) {
        let cite = self.row.cite_key(self.file, key);
        self.push(cite, fact);
    }

    /// States facts about some of the row's recipients only.
    pub(crate) fn about(&mut self, recipients: Vec<Address>, state: impl FnOnce(&mut Self)) {
        let all = std::mem::replace(&mut self.about.envelope_recipients, recipients);
        state(self);
        self.about.envelope_recipients = all;
    }

    /// Reads an instant as the file writes them.
    pub(crate) fn instant(&self, said: &str) -> Option<When> {
        self.dates.read(said)
    }

    /// When the export was taken, as far as its name says.
    pub(crate) fn snapshot(&self) -> Option<When> {
        self.snapshot.clone()
    }

    /// Notes what the file cannot show.
    pub(crate) fn limit(&mut self, sentence: impl Into<String>) {
        self.limits.insert(sentence.into());
    }

    /// A cite of the whole row.
    fn cite(&mut self) -> Cite {
        self.cite.get_or_insert_with(|| self.row.cite(self.file)).clone()
    }

    fn push(&mut self, cite: Cite, fact: Fact) {
        let about = match &self.shared {
            Some(shared) if **shared == self.about => shared.clone(),
            _ => self.shared.insert(Arc::new(self.about.clone())).clone(),
        };
        let (when, speaker) = (self.when.clone(), self.speaker.clone());
        self.said.push(Observation { cite, when, speaker, about, fact });
    }
}

impl Dates<'_> {
    fn read(&self, said: &str) -> Option<When> {
        let mut when = instant(said, self.order, self.zoneless)?;
        if matches!(when.zone, Zone::Assumed(_)) && !self.met_zoneless.load(Relaxed) {
            self.met_zoneless.store(true, Relaxed);
        }
        if !self.is_order_known && is_ambiguous(said) {
            let assumed = match &when.zone {
                Zone::Assumed(zone) => format!("month before day, {zone}"),
                Zone::Stated => "month before day, as no row of the file tells; zone UTC".to_owned(),
            };
            when.zone = Zone::Assumed(assumed);
        }
        Some(when)
    }
}

/// Whether `3/4/2026` could be March or April.
fn is_ambiguous(said: &str) -> bool {
    let said = said.trim();
    let Some((first, rest)) = said.split_once('/') else { return false };
    let second = rest.split('/').next().unwrap_or("");
    let number = |text: &str| text.parse::<u8>().ok().filter(|number| *number <= 12);
    matches!((number(first), number(second)), (Some(first), Some(second)) if first != second)
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

/// Files up to this size are parsed whole, so that their coverage is exact.
const SMALL_FILE_BYTES: usize = 1 << 20;

fn first_sieve(
    table: &impl Table,
    input: &Input<'_>,
    query: &Query<'_>,
    shape: &Shape,
    head: &str,
    known: &BTreeSet<Identifier>,
) -> Sieve {
    let small = input.bytes.len() <= SMALL_FILE_BYTES;
    if small || matches!(query.wanted, Wanted::Everything) || known.is_empty() || *shape == Shape::Blocks {
        return Sieve::All;
    }
    if staying(table) == Staying::All || matches!(shape, Shape::Clixml | Shape::Own) {
        return Sieve::All;
    }
    if table.needs_all_rows(*shape == Shape::Json) || (table.by_looks() && !names_ids(table, shape, head)) {
        return Sieve::All;
    }
    sieve_of(table, known, &|_| false)
}

/// The sieve that lets pass the rows that hold one of the ids, and those that may stay in any case.
fn sieve_of<T: Table>(table: &T, known: &BTreeSet<Identifier>, is_written: &dyn Fn(&str) -> bool) -> Sieve {
    let Some(mut words) = needles(known, is_written) else { return Sieve::All };
    words.extend(known.iter().filter_map(|id| match id {
        Identifier::QueueId { host, id } if T::QUEUE_HOST == Some(host.as_str()) => Some(id.clone()),
        _ => None,
    }));
    if let Staying::Holding(also) = staying(table) {
        words.extend(also.iter().map(|word| (*word).to_owned()));
    }
    Sieve::AnyOf(words)
}

fn staying<T: Table>(_: &T) -> Staying {
    T::STAYING
}

fn names_ids<T: Table>(_: &T, shape: &Shape, head: &str) -> bool {
    let of = |names: &BTreeSet<String>| names.iter().any(|name| T::ID_NAMES.contains(&name.as_str()));
    match shape {
        Shape::Csv => csv_header(head).is_some_and(|(header, _)| of(&folded_names(&column_names(header)))),
        Shape::Json => json_objects(head).iter().any(of),
        Shape::Blocks | Shape::Clixml | Shape::Log { .. } | Shape::Own => true,
    }
}

/// Shortest part of an id that is worth searching for.
const NEEDLE_MIN_BYTES: usize = 8;
/// A word up to this length is searched about twice as fast as a longer one.
const NEEDLE_MAX_BYTES: usize = 32;

/// Words of which a row about one of the ids holds at least one, whatever escapes its grammar uses; `None` if an id
/// gives no such word. An id that the file is known to spell in one way is searched in that way only: an export has one
/// writer.
fn needles(known: &BTreeSet<Identifier>, is_written: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let mut needles = Vec::new();
    for id in known {
        match id {
            Identifier::MessageId(id) => needles.push(longest_plain_part(id)?),
            Identifier::NetworkMessageId(id) => {
                // All but the first eight of its digits tell it well enough from others.
                let tail = id.get(9..).unwrap_or(id);
                let bare = tail.replace('-', "");
                let spellings = [tail.to_ascii_uppercase(), bare.to_ascii_uppercase(), tail.to_owned(), bare];
                match spellings.iter().find(|spelling| is_written(spelling)) {
                    Some(spelling) => needles.push(spelling.clone()),
                    None => needles.extend(spellings),
                }
            }
            _ => {}
        }
    }
    Some(needles)
}

/// The longest run of characters that no JSON or CSV writer escapes.
fn longest_plain_part(id: &str) -> Option<String> {
    let parts =
        id.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '$' | '!' | '*')));
    let longest = parts.max_by_key(|part| part.len()).filter(|part| part.len() >= NEEDLE_MIN_BYTES)?;
    Some(longest[..longest.len().min(NEEDLE_MAX_BYTES)].to_owned())
}

/// A row, or why it is none.
pub(crate) type Parsed = Result<Row, Box<Broken>>;

/// What the splitter gave, parsed.
struct ParsedRows {
    rows: Vec<Parsed>,
    count: u64,
    sieved_out: u64,
    blank_pages: u64,
    comments: u64,
}

fn parse<T: Table>(
    table: &T,
    input: &Input<'_>,
    splitter: &mut Splitter<'_>,
    query: &Query<'_>,
    shape: &Shape,
    sieve: &Sieve,
) -> Result<ParsedRows, ReadError> {
    let whole = |rows: Vec<Parsed>| {
        query.progress.advance(input.bytes.len() as u64);
        ParsedRows { count: rows.len() as u64, rows, sieved_out: 0, blank_pages: 0, comments: 0 }
    };
    let mut found = match shape {
        Shape::Blocks => whole(blocks(input)?.into_iter().map(Ok).collect()),
        Shape::Clixml => whole(clixml::rows(input)?),
        Shape::Own => whole(table.own_rows(input)?),
        Shape::Csv | Shape::Log { .. } | Shape::Json => {
            rows_of::<T>(splitter.split(sieve, query)?, shape, delimiter(input))
        }
    };
    if *shape == Shape::Json && !T::ROWS_STAND_ALONE {
        surround(table, input, &mut found);
    }
    check(table, &mut found);
    Ok(found)
}

/// The rows that records hold, by the spelling of their file.
fn rows_of<T: Table>(split: Records, shape: &Shape, delimiter: u8) -> ParsedRows {
    let mut reader = RowReader::new(shape, &split.columns, delimiter);
    let mut found = ParsedRows {
        rows: Vec::with_capacity(split.records.len()),
        count: split.rows,
        sieved_out: split.sieved_out,
        blank_pages: 0,
        comments: 0,
    };
    for record in split.records {
        match reader.read::<T>(record) {
            Made::Row(row) => found.rows.push(row),
            Made::BlankPage => found.blank_pages += 1,
            Made::Comment => found.comments += 1,
        }
    }
    found
}

/// Makes rows of records.
struct RowReader {
    is_json: bool,
    has_comments: bool,
    columns: Vec<Rc<Name>>,
    cells: Cells,
    names: Names,
}

/// What a record is.
enum Made {
    /// A row, or a torn one.
    Row(Parsed),
    /// An answer without rows.
    BlankPage,
    /// A comment of a log.
    Comment,
}

impl RowReader {
    fn new(shape: &Shape, columns: &[String], delimiter: u8) -> RowReader {
        let (columns, delimiter) = match shape {
            Shape::Log { columns } => (columns.as_slice(), b','),
            _ => (columns, delimiter),
        };
        RowReader {
            is_json: *shape == Shape::Json,
            has_comments: matches!(shape, Shape::Log { .. }),
            columns: columns.iter().map(|column| Name::of(column)).collect(),
            cells: Cells::new(delimiter),
            names: Names::default(),
        }
    }

    fn read<T: Table>(&mut self, record: Record) -> Made {
        match () {
            _ if self.has_comments && record.text.starts_with('#') => Made::Comment,
            _ if self.is_json && is_blank_page(&record.text, T::PAGES) => Made::BlankPage,
            _ if self.is_json => Made::Row(Row::of_json(record, &mut self.names)),
            _ => Made::Row(Row::of_cells(record, &self.columns, &mut self.cells)),
        }
    }
}

/// Gives rows what stands around them.
fn surround<T: Table>(table: &T, input: &Input<'_>, found: &mut ParsedRows) {
    let (good, torn): (Vec<Parsed>, Vec<Parsed>) = found.rows.drain(..).partition(Result::is_ok);
    let mut rows: Vec<Row> = good.into_iter().flatten().collect();
    table.surround(input, &mut rows);
    found.rows = rows.into_iter().map(Ok).chain(torn).collect();
    found.rows.sort_by_key(|row| match row {
        Ok(row) => row.bytes().start,
        Err(broken) => broken.raw.bytes().start,
    });
}

/// Opens each row's record proper, and tears the rows that lack what the kind needs.
fn check<T: Table>(table: &T, found: &mut ParsedRows) {
    let mut names = Names::default();
    for row in &mut found.rows {
        checked(table, row, &mut names);
    }
}

fn checked<T: Table>(table: &T, row: &mut Parsed, names: &mut Names) {
    let Ok(good) = row else { return };
    good.open(T::INNER, names);
    if let Err(torn) = table.check(good) {
        *row = Err(Box::new(Broken { raw: good.raw().clone(), torn }));
    }
}

/// Whether a JSON object is an answer without rows: `{"@odata.context":"...","value":[]}`.
fn is_blank_page(text: &str, wrappers: &[&str]) -> bool {
    let holds_brackets = text.get(1..).is_some_and(|rest| memchr::memchr2(b'[', b'{', rest.as_bytes()).is_some());
    if !holds_brackets || text.len() > 4096 || !wrappers.iter().any(|key| text.contains(&format!("\"{key}\""))) {
        return false;
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(object)) => wrappers.iter().any(|key| match object.get(*key) {
            Some(serde_json::Value::Array(rows)) => rows.is_empty(),
            Some(serde_json::Value::Object(inner)) => inner.is_empty(),
            _ => false,
        }),
        _ => false,
    }
}

/// The numbers of the rows that are about the message; ids that they reveal are added to `known`.
fn keep<T: Table>(table: &T, query: &Query<'_>, parsed: &ParsedRows, known: &mut BTreeSet<Identifier>) -> Vec<bool> {
    let Wanted::Message(message) = query.wanted else { return vec![true; parsed.rows.len()] };
    let mut kept = vec![false; parsed.rows.len()];
    let ids: Vec<Vec<Identifier>> =
        parsed.rows.iter().map(|row| row.as_ref().map(|row| table.ids(row)).unwrap_or_default()).collect();
    let mentions: Vec<Vec<Identifier>> =
        parsed.rows.iter().map(|row| row.as_ref().map(|row| table.mentions(row)).unwrap_or_default()).collect();
    let mut rows_of: HashMap<&Identifier, Vec<usize>> = HashMap::new();
    for (number, (ids, mentions)) in ids.iter().zip(&mentions).enumerate() {
        for id in ids.iter().chain(mentions) {
            rows_of.entry(id).or_default().push(number);
        }
    }
    let mut due: Vec<Identifier> = known.iter().cloned().collect();
    let met_zoneless = AtomicBool::new(false);
    let dates = dates_of(table, parsed, query, &met_zoneless);
    for (number, row) in parsed.rows.iter().enumerate() {
        let Ok(row) = row else {
            kept[number] = true; // what cannot be read cannot be said to be about another message
            continue;
        };
        if T::STAYING != Staying::None && table.stays(row) {
            kept[number] = true;
            continue;
        }
        let by_looks = message.ids.is_empty() || (table.by_looks() && ids[number].is_empty());
        if by_looks && table.looks_like(row, date_of(table, row, dates).map(|when| when.at), &message.likeness) {
            kept[number] = true;
            due.extend(ids[number].iter().filter(|id| !known.contains(id)).cloned());
        }
    }
    known.extend(due.iter().cloned());
    while let Some(id) = due.pop() {
        for number in rows_of.get(&id).into_iter().flatten() {
            kept[*number] = true;
            for revealed in &ids[*number] {
                if known.insert(revealed.clone()) {
                    due.push(revealed.clone());
                }
            }
        }
    }
    kept
}

/// Says what the kept rows state, and accounts for the others.
fn told<T: Table>(
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
        date_of(table, row, dates).into_iter().for_each(|when| told.reading.covers(when.at));
    }
    told.finish(input, teller.dates, T::PAGE_ROWS)
}

/// Says what rows state.
struct Teller<'a, T> {
    table: &'a T,
    input: &'a Input<'a>,
    message: Option<&'a Message>,
    /// All ids of the message, those that this file revealed among them.
    known: Option<&'a BTreeSet<Identifier>>,
    dates: Dates<'a>,
    snapshot: Option<When>,
}

/// What some rows of a file state, and what is to be said of them together with the others.
#[derive(Default)]
struct Told {
    reading: Reading,
    limits: BTreeSet<String>,
    undated: u64,
    first_undated: Option<String>,
}

impl<'a, T: Table> Teller<'a, T> {
    fn new(table: &'a T, input: &'a Input<'a>, query: &Query<'a>, dates: Dates<'a>) -> Teller<'a, T> {
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
    fn tell(&self, parsed: &ParsedRows, kept: &[bool]) -> Told {
        let mut told = Told { reading: Reading { rows: parsed.count, ..Reading::default() }, ..Told::default() };
        told.reading.pass_over(T::OTHERS, parsed.sieved_out, None);
        for (row, kept) in parsed.rows.iter().zip(kept) {
            self.tell_one(row, *kept, &mut told);
        }
        told.reading.pass_over("empty page", parsed.blank_pages, None);
        told.reading.pass_over("log header", parsed.comments, None);
        told
    }

    fn tell_one(&self, row: &Parsed, is_kept: bool, told: &mut Told) {
        match row {
            Ok(row) => self.tell_row(row, is_kept, told),
            Err(broken) => told.reading.problems.push(Problem {
                cite: broken.raw.cite(&self.input.name),
                expected: broken.torn.expected.clone(),
                found: broken.torn.found.clone(),
            }),
        }
    }

    fn tell_row(&self, row: &Row, is_kept: bool, told: &mut Told) {
        let (table, reading) = (self.table, &mut told.reading);
        let when = date_of(table, row, self.dates);
        when.iter().for_each(|when| reading.covers(when.at));
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
    fn add(&mut self, other: &mut Told) {
        self.limits.append(&mut other.limits);
        self.undated += other.undated;
        self.first_undated = self.first_undated.take().or(other.first_undated.take());
    }

    /// The reading, with what there is to say of all its rows.
    fn finish(self, input: &Input<'_>, dates: Dates<'_>, page_rows: &[u64]) -> Reading {
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
        if names_next_page(input.bytes) {
            reading.coverage.suspected_cut = true;
            reading.coverage.limits.push(NEXT_PAGE.to_owned());
        }
        reading
    }
}

/// Said where values were lost on the way into the export.
const CUT_VALUES: &str =
    "nested values or lists were cut when the export was written: export again with ConvertTo-Json -Depth 10";

/// Row caps of message trace, historical search and portal exports.
const ROW_CAPS: [u64; 5] = [1_000, 5_000, 10_000, 50_000, 100_000];

/// Said where the service had more rows to give.
const NEXT_PAGE: &str = "the last page names a next one (@odata.nextLink): rows are missing";
/// Up to this size in bytes a whole file is searched for pages; of a larger one its ends.
const PAGED_BYTES: usize = 64 << 20;

/// Whether the last answer of an OData service in a file names a next page.
fn names_next_page(bytes: &[u8]) -> bool {
    let searched = if bytes.len() <= PAGED_BYTES { bytes } else { &bytes[bytes.len() - SAMPLE_BYTES..] };
    let last = |name: &[u8]| memchr::memmem::rfind(searched, name);
    let next = last(b"\"@odata.nextLink\"");
    next.is_some_and(|next| last(b"\"@odata.context\"").is_none_or(|context| context < next))
}

fn suspect_cut(reading: &mut Reading, page_rows: &[u64]) {
    suspect_cut_at(reading.rows, page_rows, reading);
}

/// Says that rows are probably missing if the file has as many as an export gives at most.
fn suspect_cut_at(rows: u64, page_rows: &[u64], reading: &mut Reading) {
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

fn dates_of<'c>(table: &impl Table, parsed: &ParsedRows, query: &Query<'c>, met_zoneless: &'c AtomicBool) -> Dates<'c> {
    let rows = || parsed.rows.iter().filter_map(|row| row.as_ref().ok());
    let (order, is_order_known) = order_of(table, rows());
    let zoneless = rows().next().map_or(Zoneless::Utc, |row| table.zoneless(row, query.clock));
    Dates { order, is_order_known, zoneless, met_zoneless }
}

fn order_of<'r, T: Table>(_: &T, rows: impl Iterator<Item = &'r Row>) -> (DayOrder, bool) {
    let further = |row: &'r Row| T::INSTANT_NAMES.iter().filter_map(|name| row.text(&[name]));
    DayOrder::of(rows.flat_map(|row| row.text(T::DATE_NAMES).into_iter().chain(further(row))))
}

fn date_of<T: Table>(_: &T, row: &Row, dates: Dates<'_>) -> Option<When> {
    dates.read(row.text(T::DATE_NAMES)?)
}

/// The instant of a row, as written.
fn date_texts<'r, T: Table>(_: &T, row: &'r Row) -> Option<&'r str> {
    row.text(T::DATE_NAMES)
}

/// What stands where the date of a row should.
fn date_words<T: Table>(_: &T, row: &Row) -> String {
    row.text(T::DATE_NAMES).map_or_else(|| "none".to_owned(), crate::text::first_words)
}

fn positions<T: Table>(_: &T) -> Option<&'static [&'static str]> {
    T::POSITIONS
}

/// How much of each end of a large file is looked at for its dates.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Rows from both ends of a large file: they tell the order of day and month, and the time that the file covers.
fn sample<T: Table>(table: &T, input: &Input<'_>, query: &Query<'_>) -> Vec<Row> {
    let head = head_text(input);
    let Some(shape) = shape_of(&head, positions(table)) else { return Vec::new() };
    let (encoding, _) = encoding_of(input.bytes);
    let tail_at = (input.bytes.len().saturating_sub(SAMPLE_BYTES)) & !1;
    let tail = decoded(&input.bytes[tail_at..], encoding);
    let tail = tail.split_once('\n').map_or("", |(_, whole_lines)| whole_lines);
    let text = format!("{head}\n{tail}");
    let part = Input { name: input.name.clone(), bytes: text.as_bytes() };
    let quiet = Query { progress: &crate::NoProgress, ..*query };
    let Ok(mut splitter) = Splitter::new(&part, shape.grammar(T::WRAPPERS)) else { return Vec::new() };
    let rows = parse(table, &part, &mut splitter, &quiet, &shape, &Sieve::All).map(|parsed| parsed.rows);
    let rows = rows.unwrap_or_default();
    rows.into_iter().flatten().collect()
}

fn delimiter(input: &Input<'_>) -> u8 {
    csv_header(&head_text(input)).map_or(b',', |(header, _)| delimiter_of(header))
}

/// The first part of a file as text, up to its last whole line.
fn head_text(input: &Input<'_>) -> String {
    let (encoding, mark) = encoding_of(input.bytes);
    let end = input.bytes.len().min(SAMPLE_BYTES);
    let mut text = decoded(&input.bytes[mark.min(end)..end], encoding);
    if end < input.bytes.len() {
        text.truncate(text.rfind('\n').map_or(text.len(), |at| at + 1));
    }
    text
}

/// Bytes of a file, decoded as the whole file is.
pub(crate) fn decoded(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Utf16Le => encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0.into_owned(),
        Encoding::Utf16Be => encoding_rs::UTF_16BE.decode_without_bom_handling(bytes).0.into_owned(),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// How a file of a kind spells its rows.
fn shape_in<T: Table>(table: &T, head: &str) -> Shape {
    let own = table.has_own_grammar(head).then_some(Shape::Own);
    own.or_else(|| shape_of(head, T::POSITIONS)).unwrap_or(Shape::Csv)
}

/// How a text spells its rows; `None` if it is blank.
fn shape_of(text: &str, positions: Option<&[&str]>) -> Option<Shape> {
    let start = text.trim_start();
    if start.starts_with(['{', '[']) {
        return Some(Shape::Json);
    }
    if clixml::is_clixml(start) {
        return Some(Shape::Clixml);
    }
    let first = start.lines().next()?;
    if block_line(first).is_some() {
        return Some(Shape::Blocks);
    }
    if let Some(positions) = positions {
        if let Some(fields) = start.lines().take(20).find_map(|line| line.strip_prefix("#Fields:")) {
            return Some(Shape::Log { columns: fields.trim().split(',').map(str::to_owned).collect() });
        }
        if is_log_line(first, positions.len()) {
            return Some(Shape::Log { columns: positions.iter().map(|name| (*name).to_owned()).collect() });
        }
    }
    Some(Shape::Csv)
}

/// Whether a line without a header has as many cells as the log has columns, and starts with an instant.
fn is_log_line(line: &str, columns: usize) -> bool {
    let cells = Cells::new(b',').of(line);
    cells.len() == columns
        && cells.first().is_some_and(|cell| instant(cell, DayOrder::MonthFirst, Zoneless::Utc).is_some())
}

/// The blocks of a `Format-List` text: a blank line or the first name again begins the next one.
fn blocks(input: &Input<'_>) -> Result<Vec<Row>, ReadError> {
    let text = Text::decode(input.bytes, &input.name)?;
    let whole = text.as_str();
    let mut spans = Vec::new();
    let (mut open, mut offset): (Option<(usize, usize)>, usize) = (None, 0);
    for line in whole.split_inclusive('\n') {
        let body = line.trim_end();
        let end = offset + body.len();
        if body.trim().is_empty() {
            spans.extend(open.take());
        } else {
            open = Some((open.map_or(offset, |(start, _)| start), end));
        }
        offset += line.len();
    }
    spans.extend(open);
    let (mut line, mut counted) = (1, 0);
    let rows = spans.into_iter().map(|(start, end)| {
        line += memchr::memchr_iter(b'\n', &whole.as_bytes()[counted..start]).count() as u64;
        counted = start;
        let cite = Cite::new(input.name.clone(), Place::Line(line), text.raw(start..end), &whole[start..end]);
        Row::of_block(cite, &whole[start..end])
    });
    Ok(rows.collect())
}

/// Something that a kind needs: any one of these folded names, and how to call it.
pub(crate) type Need = (&'static str, &'static [&'static str]);

/// Judges a file by its names: certain if one header or object has all `needs` and none of `strangers`, near if it
/// lacks one of at least three.
pub(crate) fn recognise(
    head: &Head<'_>,
    needs: &[Need],
    strangers: &[&str],
    positions: Option<&'static [&'static str]>,
) -> Recognition {
    let Some(shape) = shape_of(head.text, positions) else { return Recognition::No };
    let (noun, objects) = match &shape {
        Shape::Clixml => ("property", clixml::names_of(head.text)),
        Shape::Csv => {
            let Some((header, _)) = csv_header(head.text) else { return Recognition::No };
            ("column", vec![folded_names(&column_names(header))])
        }
        Shape::Log { columns } => ("column", vec![folded_names(columns)]),
        Shape::Json => ("key", json_objects(head.text)),
        Shape::Own => return Recognition::No,
        Shape::Blocks => {
            let names = head.text.trim_start().lines().take_while(|line| !line.trim().is_empty());
            ("name", vec![names.filter_map(block_line).map(|(name, _)| folded(name)).collect()])
        }
    };
    let mut near = None;
    for names in objects {
        if strangers.iter().any(|stranger| names.contains(*stranger)) {
            continue;
        }
        let missing: Vec<&Need> =
            needs.iter().filter(|(_, any)| !any.iter().any(|name| names.contains(*name))).collect();
        match missing.as_slice() {
            [] => return Recognition::Certain,
            [(name, _)] if needs.len() >= 4 => near = near.or_else(|| Some(format!("{noun} `{name}`"))),
            _ => {}
        }
    }
    near.map_or(Recognition::No, |missing| Recognition::Near { missing })
}

fn folded_names(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| folded(name)).collect()
}

/// How many objects of a JSON text are looked at, and how deep they may lie.
const OBJECTS_MAX: usize = 64;
const OBJECT_DEPTH_MAX: usize = 5;

/// The folded keys of the first objects of a JSON text, which may be cut; of JSON lines each line is looked at by itself, so
/// that a torn one hides no other.
fn json_objects(text: &str) -> Vec<BTreeSet<String>> {
    if !is_one_a_line(text.as_bytes()) {
        return objects_in(text);
    }
    let mut objects: Vec<BTreeSet<String>> = Vec::new();
    for line in text.lines() {
        objects.extend(objects_in(line));
        if objects.len() >= OBJECTS_MAX {
            break;
        }
    }
    objects
}

/// The folded keys of the first objects of a JSON text, which may be cut. No recursion: any depth.
fn objects_in(text: &str) -> Vec<BTreeSet<String>> {
    let bytes = text.as_bytes();
    let mut objects: Vec<BTreeSet<String>> = Vec::new();
    // Number of the object that each open bracket belongs to; `None` for an array or an object too deep.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => {
                let counts = open.len() < OBJECT_DEPTH_MAX && objects.len() < OBJECTS_MAX;
                open.push(counts.then_some(objects.len()));
                if counts {
                    objects.push(BTreeSet::new());
                }
            }
            b'[' => open.push(None),
            b'}' | b']' => {
                open.pop();
            }
            b'"' => {
                let start = at + 1;
                at = start;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                let is_key = bytes.get(at + 1..).is_some_and(|rest| {
                    rest.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b':')
                });
                let object = open.last().copied().flatten().and_then(|number| objects.get_mut(number));
                if let (true, Some(object), Some(key)) = (is_key, object, text.get(start..at))
                    && !key.contains('@')
                {
                    object.insert(folded(key));
                }
            }
            _ => {}
        }
        at += 1;
    }
    objects
}

/// The best of what several lists of needs recognised: for kinds whose rows have more than one set of names.
pub(crate) fn any_of(found: impl IntoIterator<Item = Recognition>) -> Recognition {
    let rank = |found: &Recognition| match found {
        Recognition::Certain => 0,
        Recognition::Fits => 1,
        Recognition::Near { .. } => 2,
        Recognition::No => 3,
    };
    found.into_iter().min_by_key(rank).unwrap_or(Recognition::No)
}

/// What is missing in a row, as a problem says it.
pub(crate) fn missing(name: &str, row_has: &str) -> Torn {
    Torn { expected: format!("a value under `{name}`"), found: format!("none; {row_has}") }
}
