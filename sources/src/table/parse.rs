//! From records to rows.

use std::rc::Rc;

use super::row::{Broken, Name, Names, Row};
use super::shape::{SAMPLE_BYTES, Shape, blocks, decoded, delimiter, head_text, shape_of};
use super::{Table, clixml};
use crate::records::{Cells, Record, Records, Sieve, Splitter};
use crate::text::encoding_of;
use crate::{Input, Query, ReadError};

/// A row, or why it is none.
pub(crate) type Parsed = Result<Row, Box<Broken>>;

/// What the splitter gave, parsed.
pub(super) struct ParsedRows {
    pub(super) rows: Vec<Parsed>,
    pub(super) count: u64,
    pub(super) sieved_out: u64,
    pub(super) blank_pages: u64,
    pub(super) comments: u64,
}

pub(super) fn parse<T: Table>(
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
pub(super) fn rows_of<T: Table>(split: Records, shape: &Shape, delimiter: u8) -> ParsedRows {
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
pub(super) struct RowReader {
    is_json: bool,
    has_comments: bool,
    columns: Vec<Rc<Name>>,
    cells: Cells,
    names: Names,
}

/// What a record is.
pub(super) enum Made {
    /// A row, or a torn one.
    Row(Parsed),
    /// An answer without rows.
    BlankPage,
    /// A comment of a log.
    Comment,
}

impl RowReader {
    pub(super) fn new(shape: &Shape, columns: &[String], delimiter: u8) -> RowReader {
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

    pub(super) fn read<T: Table>(&mut self, record: Record) -> Made {
        match () {
            _ if self.is_json && is_blank_page(&record.text, T::PAGES) => Made::BlankPage,
            _ => self.read_any(record),
        }
    }

    /// The same of whatever kind.
    pub(super) fn read_any(&mut self, record: Record) -> Made {
        match () {
            _ if self.has_comments && record.text.starts_with('#') => Made::Comment,
            _ if self.is_json => Made::Row(Row::of_json(record, &mut self.names)),
            _ => Made::Row(Row::of_cells(record, &self.columns, &mut self.cells)),
        }
    }
}

/// Gives rows what stands around them.
pub(super) fn surround<T: Table>(table: &T, input: &Input<'_>, found: &mut ParsedRows) {
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
pub(super) fn check<T: Table>(table: &T, found: &mut ParsedRows) {
    let mut names = Names::default();
    for row in &mut found.rows {
        checked(table, row, &mut names);
    }
}

pub(super) fn checked<T: Table>(table: &T, row: &mut Parsed, names: &mut Names) {
    let Ok(good) = row else { return };
    good.open(T::INNER, names);
    if let Err(torn) = table.check(good) {
        *row = Err(Box::new(Broken { raw: good.raw().clone(), torn }));
    }
}

/// Whether a JSON object is an answer without rows: `{"@odata.context":"...","value":[]}`.
pub(super) fn is_blank_page(text: &str, wrappers: &[&str]) -> bool {
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

/// Rows from both ends of a large file: they tell the order of day and month, and the time that the file covers.
pub(super) fn sample<T: Table>(table: &T, input: &Input<'_>, query: &Query<'_>) -> Vec<Row> {
    let head = head_text(input);
    let Some(shape) = shape_of(&head, T::POSITIONS) else { return Vec::new() };
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
