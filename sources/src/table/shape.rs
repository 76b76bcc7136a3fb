//! How a file spells its rows.

use evidence::{Cite, Place};

use super::row::{Row, block_line};
use super::{Table, clixml};
use crate::records::{Cells, Grammar, csv_header, delimiter_of};
use crate::text::{Encoding, Text, encoding_of};
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Input, ReadError};

/// How a file spells its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
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
    pub(super) fn grammar(&self, wrappers: &'static [&'static str]) -> Grammar {
        match self {
            Shape::Csv => Grammar::Csv,
            Shape::Json => Grammar::Json { wrappers },
            Shape::Blocks | Shape::Clixml | Shape::Log { .. } | Shape::Own => Grammar::Lines,
        }
    }
}

/// How much of each end of a large file is looked at for its dates.
pub(super) const SAMPLE_BYTES: usize = 64 * 1024;

pub(super) fn delimiter(input: &Input<'_>) -> u8 {
    csv_header(&head_text(input)).map_or(b',', |(header, _)| delimiter_of(header))
}

/// The first part of a file as text, up to its last whole line.
pub(super) fn head_text(input: &Input<'_>) -> String {
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
pub(super) fn shape_in<T: Table>(table: &T, head: &str) -> Shape {
    let own = table.has_own_grammar(head).then_some(Shape::Own);
    own.or_else(|| shape_of(head, T::POSITIONS)).unwrap_or(Shape::Csv)
}

/// How a text spells its rows; `None` if it is blank.
pub(super) fn shape_of(text: &str, positions: Option<&[&str]>) -> Option<Shape> {
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
pub(super) fn is_log_line(line: &str, columns: usize) -> bool {
    let cells = Cells::new(b',').of(line);
    cells.len() == columns
        && cells.first().is_some_and(|cell| instant(cell, DayOrder::MonthFirst, Zoneless::Utc).is_some())
}

/// The blocks of a `Format-List` text: a blank line or the first name again begins the next one.
pub(super) fn blocks(input: &Input<'_>) -> Result<Vec<Row>, ReadError> {
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
