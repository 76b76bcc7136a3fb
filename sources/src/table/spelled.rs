//! How a file spells its rows, seen from one of its records: the named values of that record, and the records beside it.

use std::ops::Range;

use evidence::{Cite, Place};

use super::parse::{Made, RowReader};
use super::row::{Names, Row, RowValue};
use super::shape::{Shape, delimiter, head_text, shape_in, shape_of};
use super::{Table, clixml};
use crate::Input;
use crate::records::{Record, column_names, csv_header, value_end};
use crate::text::{Encoding, Text, encoding_of};

/// How a file spells its rows, as far as their values have names.
#[derive(Clone, Debug)]
pub struct Spelled {
    /// `None`: lines of text without names.
    shape: Option<Shape>,
    /// Folded names of a value that holds the record proper.
    inner: &'static [&'static str],
}

/// How far before and behind a record its neighbours are looked for, in bytes; even, so that no wide character is cut.
const NEAR_BYTES: usize = 64 << 10;
/// How much of the start of a large file is read with one of its rows: it tells the order of day and month.
const LEAD_BYTES: usize = 16 << 10;

/// One record with as much around it as its reader needs.
pub(crate) struct Excerpt {
    /// A file of its own.
    pub(crate) bytes: Vec<u8>,
    /// Where in it the bytes begin that stand in the whole file one after the other.
    pub(crate) from: u64,
    /// Where these stand in the whole file.
    pub(crate) stands_at: u64,
}

impl Spelled {
    /// The rows of a kind that the table engine reads.
    pub(crate) fn in_table<T: Table>(table: &T, input: &Input<'_>) -> Spelled {
        Spelled { shape: Some(shape_in(table, &head_text(input))), inner: T::INNER }
    }

    /// The rows of a kind with columns or keys that has an engine of its own.
    pub(crate) fn in_rows(input: &Input<'_>) -> Spelled {
        Spelled { shape: shape_of(&head_text(input), None), inner: &[] }
    }

    /// The records of any other kind: objects, or lines of text.
    pub(crate) fn in_text(input: &Input<'_>) -> Spelled {
        let shape = shape_of(&head_text(input), None);
        Spelled { shape: shape.filter(|shape| matches!(shape, Shape::Json | Shape::Clixml)), inner: &[] }
    }

    /// The named values of a record, as its reader takes it apart; none if it has no names, or is torn.
    pub(crate) fn values(&self, input: &Input<'_>, record: Range<usize>) -> Vec<RowValue> {
        self.row(input, record).map(|row| row.values()).unwrap_or_default()
    }

    fn row(&self, input: &Input<'_>, record: Range<usize>) -> Option<Row> {
        let (encoding, _) = encoding_of(input.bytes);
        let one = Record::alone(input.bytes.get(record.clone())?, record.start as u64, encoding);
        let mut names = Names::default();
        let mut row = match self.shape.as_ref()? {
            Shape::Own => return None,
            Shape::Blocks => {
                let cite = Cite::new(input.name.clone(), Place::Record(1), one.bytes.clone(), &one.text);
                Row::of_block(cite, &one.text)
            }
            Shape::Clixml => {
                let whole = format!("{CLIXML_START}{}{CLIXML_END}", one.text);
                let wrapped = Input { name: input.name.clone(), bytes: whole.as_bytes() };
                clixml::rows(&wrapped).ok()?.into_iter().find_map(Result::ok)?
            }
            shape @ (Shape::Csv | Shape::Json | Shape::Log { .. }) => {
                let columns = match shape {
                    Shape::Csv => column_names(csv_header(&head_text(input))?.0),
                    _ => Vec::new(),
                };
                match RowReader::new(shape, &columns, delimiter(input)).read_any(one) {
                    Made::Row(row) => row.ok()?,
                    Made::BlankPage | Made::Comment => return None,
                }
            }
        };
        row.open(self.inner, &mut names);
        Some(row)
    }

    /// A part of a large file that a reader takes for a whole one, with the record in it; `None` if the record says nothing
    /// without all of its file.
    pub(crate) fn excerpt(&self, input: &Input<'_>, record: Range<usize>) -> Option<Excerpt> {
        let (encoding, mark) = encoding_of(input.bytes);
        let own = input.bytes.get(record.clone())?;
        let alone = |lead: Vec<u8>, end: &[u8]| {
            let from = lead.len() as u64;
            Some(Excerpt { bytes: [&lead, own, end].concat(), from, stands_at: record.start as u64 })
        };
        match &self.shape {
            Some(Shape::Own) => None,
            Some(Shape::Csv) => alone(input.bytes.get(..self.lead(input, record.start)?)?.to_vec(), b""),
            Some(Shape::Json | Shape::Blocks) => alone(input.bytes.get(..mark)?.to_vec(), b""),
            Some(Shape::Clixml) => {
                let head = head_text(input);
                let start = Text::part(&input.bytes[mark..], mark as u64, encoding).raw(0..head.find("<Obj ")?).end;
                let end: Vec<u8> = match encoding {
                    Encoding::Utf16Le => CLIXML_END.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                    Encoding::Utf16Be => CLIXML_END.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                    Encoding::Utf8 | Encoding::Windows1252 => CLIXML_END.as_bytes().to_vec(),
                };
                alone(input.bytes.get(..usize::try_from(start).ok()?)?.to_vec(), &end)
            }
            Some(Shape::Log { .. }) | None => {
                let around = self.around(input, &record);
                let (start, end) = (around.before_at, record.end + around.after_bytes);
                let lead = self.lead(input, start).filter(|_| self.shape.is_some()).unwrap_or(mark.min(start));
                let bytes = [input.bytes.get(..lead)?, input.bytes.get(start..end)?].concat();
                Some(Excerpt { bytes, from: lead as u64, stands_at: start as u64 })
            }
        }
    }

    /// Where the lead of a file ends: its header and, if they stand before `at`, its first rows.
    fn lead(&self, input: &Input<'_>, at: usize) -> Option<usize> {
        let (encoding, mark) = encoding_of(input.bytes);
        let text = Text::part(&input.bytes[mark..input.bytes.len().min(mark + LEAD_BYTES)], mark as u64, encoding);
        let whole = text.as_str();
        let header = match &self.shape {
            Some(Shape::Csv) => csv_header(whole)?.1,
            _ => whole.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum(),
        };
        let (mut end, mut from, mut quotes) = (header, header, 0);
        for (line_end, _) in whole.match_indices('\n').filter(|(at, _)| *at >= header) {
            quotes += whole[from..line_end].matches('"').count();
            from = line_end;
            if quotes % 2 == 0 {
                end = line_end + 1;
            }
        }
        let raw = |at: usize| usize::try_from(text.raw(0..at).end).unwrap_or(usize::MAX);
        Some(if raw(end) <= at { raw(end) } else { raw(header) })
    }

    /// The records before and behind a record, where lines tell them apart.
    pub(crate) fn neighbours(&self, input: &Input<'_>, record: &Range<usize>) -> [Option<Range<u64>>; 2] {
        let around = self.around(input, record);
        let first = self.lead_end(input);
        let before = self.last_of(around.before.as_str()).map(|span| around.before.raw(span));
        let after = self.first_of(around.after.as_str(), around.is_to_the_end).map(|span| around.after.raw(span));
        [before.filter(|one| one.start >= first), after]
    }

    fn lead_end(&self, input: &Input<'_>) -> u64 {
        if self.shape != Some(Shape::Csv) {
            return 0;
        }
        let (encoding, mark) = encoding_of(input.bytes);
        let head = head_text(input);
        let Some((_, end)) = csv_header(&head) else { return 0 };
        Text::part(&input.bytes[mark..], mark as u64, encoding).raw(0..end).end
    }

    fn around<'a>(&self, input: &Input<'a>, record: &Range<usize>) -> Around<'a> {
        let (encoding, mark) = encoding_of(input.bytes);
        let bytes = input.bytes;
        let (at, end) = (record.start.min(bytes.len()), record.end.min(bytes.len()));
        let start = if at > mark + NEAR_BYTES { at - NEAR_BYTES } else { mark.min(at) };
        let before = Text::part(&bytes[start..at], start as u64, encoding);
        // Cut within a line, it begins at the next one.
        let cut =
            if start > mark { before.as_str().find('\n').map_or(before.as_str().len(), |end| end + 1) } else { 0 };
        let start = usize::try_from(before.raw(0..cut).end).unwrap_or(at);
        let before = Text::part(&bytes[start..at], start as u64, encoding);
        let limit = bytes.len().min(end + NEAR_BYTES);
        let after = Text::part(&bytes[end..limit], end as u64, encoding);
        let is_to_the_end = limit == bytes.len();
        let whole = after.as_str();
        let lines = if is_to_the_end { whole.len() } else { whole.rfind('\n').map_or(0, |end| end + 1) };
        let after_bytes = usize::try_from(after.raw(0..lines).end).unwrap_or(end) - end;
        Around { before, before_at: start, after, after_bytes, is_to_the_end }
    }

    /// The first record of the text behind one.
    fn first_of(&self, text: &str, is_to_the_end: bool) -> Option<Range<usize>> {
        let start = text.len() - text.trim_start_matches(['\r', '\n']).len();
        let body = &text[start..];
        let end = match &self.shape {
            Some(Shape::Own | Shape::Clixml) => return None,
            Some(Shape::Json) => {
                let start = text.len() - text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',').len();
                let end = text[start..].starts_with('{').then(|| value_end(text.as_bytes(), start)).flatten()?;
                return Some(start..end);
            }
            Some(Shape::Blocks) => {
                let is_blank = |line: &&str| line.trim().is_empty();
                let end: usize = body.split_inclusive('\n').take_while(|line| !is_blank(line)).map(str::len).sum();
                Some(end).filter(|end| *end < body.len() || is_to_the_end)?
            }
            Some(Shape::Csv) => {
                let mut quotes = 0;
                let mut from = 0;
                let found = body.match_indices('\n').map(|(at, _)| at).find(|at| {
                    quotes += body[from..*at].matches('"').count();
                    from = *at;
                    quotes % 2 == 0
                });
                found.or_else(|| is_to_the_end.then_some(body.len()))?
            }
            Some(Shape::Log { .. }) | None => body.find('\n').or_else(|| is_to_the_end.then_some(body.len()))?,
        };
        let record = body[..end].trim_end_matches(['\r', '\n']);
        (!record.trim().is_empty()).then(|| start..start + record.len())
    }

    /// The last record of the text before one.
    fn last_of(&self, text: &str) -> Option<Range<usize>> {
        if !text.ends_with('\n') {
            return None;
        }
        let body = text.trim_end_matches(['\r', '\n']);
        let body = if self.shape == Some(Shape::Json) { body.trim_end_matches(',') } else { body };
        let starts = || body.rmatch_indices('\n').map(|(at, _)| at + 1).chain(std::iter::once(0));
        let start = match &self.shape {
            Some(Shape::Own | Shape::Clixml) => return None,
            Some(Shape::Json) => {
                let is_whole =
                    |at: &usize| body[*at..].starts_with('{') && value_end(body.as_bytes(), *at) == Some(body.len());
                starts().take(1).find(is_whole)?
            }
            Some(Shape::Blocks) => {
                let lines = starts().zip(std::iter::once(body.len()).chain(starts().map(|at| at.saturating_sub(1))));
                let own = lines.take_while(|(start, end)| !body[*start..*end].trim().is_empty());
                own.last().map(|(start, _)| start)?
            }
            Some(Shape::Csv) => {
                let mut quotes = 0;
                let mut until = body.len();
                starts().find(|at| {
                    quotes += body[*at..until].matches('"').count();
                    until = *at;
                    quotes % 2 == 0
                })?
            }
            Some(Shape::Log { .. }) | None => starts().next()?,
        };
        (!body[start..].trim().is_empty()).then_some(start..body.len())
    }
}

const CLIXML_START: &str = r#"<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">"#;
const CLIXML_END: &str = "</Objs>";

/// What stands near a record.
struct Around<'a> {
    /// Whole lines before it.
    before: Text<'a>,
    /// Where they begin.
    before_at: usize,
    /// What stands behind it, perhaps cut within a line.
    after: Text<'a>,
    /// How many bytes of that are whole lines.
    after_bytes: usize,
    /// Whether the file ends with it.
    is_to_the_end: bool,
}
