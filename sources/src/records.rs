//! Splits a file into records with their exact places, and leaves out early what cannot be about the message.

pub(crate) mod parts;
mod sift;

use std::ops::Range;

use evidence::{Cite, FileName, Place};

use crate::text::Text;
use crate::{Input, Query, ReadError};

/// How a file is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// One record a line.
    Lines,
    /// Delimited cells (RFC 4180, also `;` and tab), a header line first, `#TYPE` and `sep=` lines before it.
    Csv,
    /// JSON objects: one a line, in an array, or in an array under one of these keys (`value`, `data`, ...), also
    /// several documents one after the other with or without a comma.
    Json {
        /// Keys of wrapper objects whose arrays hold the records.
        wrappers: &'static [&'static str],
    },
}

/// Which records are worth parsing.
#[derive(Clone, Debug)]
pub(crate) enum Sieve {
    /// All.
    All,
    /// Those whose text holds at least one of these words, exactly as they are written.
    AnyOf(Vec<String>),
}

/// What the quotes of a CSV row have to be.
pub(crate) const QUOTES: &str = "quotes around whole cells, doubled within (RFC 4180, 2)";

/// One record of a file.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its number or line.
    pub(crate) place: Place,
    /// Its bytes in the file.
    pub(crate) bytes: Range<u64>,
    /// Its text, decoded, without the line end.
    pub(crate) text: String,
    /// Its bytes a character, to find the way back.
    encoding: crate::text::Encoding,
}

/// All records of a file that passed the sieve.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    /// Column names of [`Grammar::Csv`], trimmed of quotes and white space.
    pub(crate) columns: Vec<String>,
    /// The records that passed, in the order of the file.
    pub(crate) records: Vec<Record>,
    /// How many records the file has (a CSV header, a `#TYPE` line and blank lines are none).
    pub(crate) rows: u64,
    /// How many were left out by the sieve.
    pub(crate) sieved_out: u64,
}

impl Record {
    /// The record that some bytes of a file are, by themselves; `at` is where they stand in it.
    pub(crate) fn alone(bytes: &[u8], at: u64, encoding: crate::text::Encoding) -> Record {
        let text = Text::part(bytes, at, encoding).as_str().to_owned();
        Record { place: Place::Record(1), bytes: at..at + bytes.len() as u64, text, encoding }
    }

    /// A cite of the whole record.
    pub(crate) fn cite(&self, file: &FileName) -> Cite {
        Cite::new(file.clone(), self.place, self.bytes.clone(), &self.text)
    }

    /// A cite of the record with a range of its text marked.
    pub(crate) fn cite_range(&self, file: &FileName, range: Range<usize>) -> Cite {
        self.cite(file).marked(self.place_of(range))
    }

    /// A range of its text as bytes of the file.
    pub(crate) fn place_of(&self, range: Range<usize>) -> Range<u64> {
        let start = self.bytes.start + self.encoding.raw_len(&self.text[..range.start]);
        start..start + self.encoding.raw_len(&self.text[range])
    }
}

/// Splits CSV records into their cells.
pub(crate) struct Cells {
    /// Made when it is first needed.
    reader: Option<csv_core::Reader>,
    /// What stands between two cells.
    pub(crate) delimiter: u8,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// How much of the last record its first row took.
    read: usize,
}

impl Cells {
    /// Prepares to split.
    pub(crate) fn new(delimiter: u8) -> Cells {
        Cells { reader: None, delimiter, text: Vec::new(), ends: Vec::new(), read: 0 }
    }

    /// How many lines of a record, split just before, belong to it only because a stray quote joined them; 0 for a
    /// sound one.
    pub(crate) fn lines_joined(&self, record: &str) -> usize {
        record.get(self.read..).unwrap_or("").lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// The cells of one record, unquoted; a record that is no valid CSV gives what can be split.
    pub(crate) fn of(&mut self, record: &str) -> Vec<String> {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        let delimiter = self.delimiter;
        let reader = self.reader.get_or_insert_with(|| csv_core::ReaderBuilder::new().delimiter(delimiter).build());
        reader.reset();
        self.ends.resize(self.ends.len().max(64), 0);
        self.text.resize(record.len() + 1, 0);
        let (mut read, mut written, mut count) = (0, 0, 0);
        loop {
            let (result, took, gave, ended) =
                reader.read_record(&record.as_bytes()[read..], &mut self.text[written..], &mut self.ends[count..]);
            (read, written, count) = (read + took, written + gave, count + ended);
            match result {
                InputEmpty => {}
                OutputFull => self.text.resize(self.text.len() * 2, 0),
                OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                Record | End => break,
            }
        }
        self.read = read;
        let starts = std::iter::once(&0).chain(&self.ends[..count]);
        let cell = |(start, end): (&usize, &usize)| String::from_utf8_lossy(&self.text[*start..*end]).into_owned();
        starts.zip(&self.ends[..count]).map(cell).collect()
    }
}

/// Splits a file into its records, again and again for other words.
pub(crate) struct Splitter<'a> {
    input: &'a Input<'a>,
    grammar: Grammar,
    sift: Option<sift::Sift<'a>>,
}

impl<'a> Splitter<'a> {
    /// Prepares to split.
    ///
    /// # Errors
    /// [`ReadError`] if the bytes are no text.
    pub(crate) fn new(input: &'a Input<'a>, grammar: Grammar) -> Result<Splitter<'a>, ReadError> {
        Ok(Splitter { input, grammar, sift: sift::Sift::new(input, grammar)? })
    }

    /// The records that pass the sieve.
    ///
    /// # Errors
    /// [`ReadError`] if the bytes are no text, or [`ReadError::Cancelled`].
    pub(crate) fn split(&mut self, sieve: &Sieve, query: &Query<'_>) -> Result<Records, ReadError> {
        match (sieve, &mut self.sift) {
            (Sieve::AnyOf(words), Some(sift)) => sift.any_of(words, query),
            _ => whole(self.input, self.grammar, sieve, query),
        }
    }
}

/// Splits a file by decoding all of it.
fn whole(input: &Input<'_>, grammar: Grammar, sieve: &Sieve, query: &Query<'_>) -> Result<Records, ReadError> {
    let decoded = Text::decode(input.bytes, &input.name)?;
    let text = decoded.as_str();
    let (columns, spans) = match grammar {
        Grammar::Lines => (Vec::new(), line_spans(text)),
        Grammar::Csv => csv_spans(text),
        Grammar::Json { wrappers } => (Vec::new(), json_spans(text, wrappers)),
    };
    let words = match sieve {
        Sieve::All => None,
        Sieve::AnyOf(words) => aho_corasick::AhoCorasick::new(words).ok(),
    };
    let numbered = matches!(grammar, Grammar::Json { .. }) && !text.trim_ascii().contains('\n');
    let mut found = Records { columns, rows: spans.len() as u64, ..Records::default() };
    let (mut line, mut counted) = (1, 0);
    for (number, span) in spans.into_iter().enumerate() {
        let body = &text[span.clone()];
        if words.as_ref().is_some_and(|words| !words.is_match(body)) {
            found.sieved_out += 1;
            continue;
        }
        line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..span.start]).count() as u64;
        counted = span.start;
        let place = if numbered { Place::Record(number as u64 + 1) } else { Place::Line(line) };
        let bytes = decoded.raw(span.clone());
        found.records.push(Record { place, bytes, text: body.to_owned(), encoding: decoded.encoding() });
        if query.progress.is_cancelled() {
            return Err(ReadError::Cancelled { file: input.name.to_string() });
        }
    }
    query.progress.advance(input.bytes.len() as u64);
    Ok(found)
}

/// Whether a line holds nothing but white space.
fn is_blank(line: &[u8]) -> bool {
    line.first().is_none_or(|first| first.is_ascii_whitespace()) && line.trim_ascii().is_empty()
}

fn line_spans(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        if !is_blank(body.as_bytes()) {
            spans.push(start..start + body.len());
        }
        start += line.len();
    }
    spans
}

/// The delimiter of a CSV file: whichever of comma, semicolon and tab stands most often outside quotes in its header.
pub(crate) fn delimiter_of(header: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in header.bytes() {
        if byte == b'"' {
            quoted = !quoted;
        } else if !quoted && let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte) {
            *count += 1;
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

/// The column names of a CSV header line, trimmed of white space and of the extra quotes that some exports add.
pub(crate) fn column_names(header: &str) -> Vec<String> {
    let header = header.trim_start_matches('\u{feff}');
    let cells = Cells::new(delimiter_of(header)).of(header);
    cells.iter().map(|cell| cell.trim().trim_matches('"').trim().to_owned()).collect()
}

/// Whether a line before the header belongs to PowerShell or a spreadsheet, not to the table.
fn is_preamble(line: &str) -> bool {
    let line = line.trim().trim_matches('"');
    line.is_empty() || line.starts_with("#TYPE ") || line.to_ascii_lowercase().starts_with("sep=")
}

/// The header line of a CSV text and the offset after it, past `#TYPE` and `sep=` lines.
pub(crate) fn csv_header(text: &str) -> Option<(&str, usize)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        start += line.len();
        let body = line.trim_end_matches(['\n', '\r']);
        if !is_preamble(body) {
            return Some((body, start));
        }
    }
    None
}

fn csv_spans(text: &str) -> (Vec<String>, Vec<Range<usize>>) {
    let Some((header, start)) = csv_header(text) else { return (Vec::new(), Vec::new()) };
    let mut spans = Vec::new();
    csv_rows(text, start, &mut spans);
    (column_names(header), spans)
}

/// Collects the rows from `start` on.
fn csv_rows(text: &str, mut start: usize, spans: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut quoted = false;
    let from = start;
    for at in memchr::memchr2_iter(b'"', b'\n', &bytes[from..]).map(|at| from + at) {
        if bytes[at] == b'"' {
            quoted = !quoted;
        } else if !quoted {
            push_row(text, start..at, spans);
            start = at + 1;
        }
    }
    push_row(text, start..text.len(), spans);
}

fn push_row(text: &str, span: Range<usize>, spans: &mut Vec<Range<usize>>) {
    let body = text[span.clone()].trim_end_matches(['\n', '\r']);
    if !is_blank(body.as_bytes()) {
        spans.push(span.start..span.start + body.len());
    }
}

/// How deep wrapper objects are looked into.
const MAX_WRAPPERS: usize = 8;

fn json_spans(text: &str, wrappers: &[&str]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    if is_one_a_line(text.as_bytes()) {
        for line in line_spans(text) {
            line_values(text, line, wrappers, &mut spans);
        }
    } else {
        json_values(text, 0..text.len(), wrappers, &mut spans);
    }
    spans
}

/// Whether a JSON text holds one object a line.
pub(crate) fn is_one_a_line(bytes: &[u8]) -> bool {
    let is_whole = |line: &[u8]| line.starts_with(b"{") && value_end(line, 0) == Some(line.len());
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (first, second) = (lines.next().unwrap_or(b""), lines.next().unwrap_or(b""));
    // The first line may be torn: a log that was cut, or fetched from the middle.
    (first.starts_with(b"{") && value_end(first, 0).is_some()) || (!first.starts_with(b"[") && is_whole(second))
}

/// Collects the records of one line of a text that holds one object a line.
fn line_values(text: &str, line: Range<usize>, wrappers: &[&str], spans: &mut Vec<Range<usize>>) {
    if is_flat_object(text[line.clone()].as_bytes()) {
        spans.push(line);
        return;
    }
    // What is left of a torn line is one record, whatever values its words might be.
    match text[line.clone()].trim_start().starts_with(['{', '[', ',', '\u{feff}', ']', '}']) {
        true => json_values(text, line, wrappers, spans),
        false => spans.push(line),
    }
}

/// Whether a line is one object without a second value, object or array within it.
fn is_flat_object(line: &[u8]) -> bool {
    let once = |byte| memchr::memchr_iter(byte, line).count() == 1;
    let is_object = line.first() == Some(&b'{') && line.last() == Some(&b'}');
    is_object && once(b'{') && once(b'}') && memchr::memchr2(b'[', b']', line).is_none()
}

/// Collects the records of all values that stand in `range` one after the other.
fn json_values(text: &str, range: Range<usize>, wrappers: &[&str], spans: &mut Vec<Range<usize>>) {
    let bytes = &text.as_bytes()[..range.end];
    let mut at = range.start;
    let mut cut_arrays = 0;
    while at < bytes.len() {
        match bytes[at] {
            byte if byte.is_ascii_whitespace() || byte == b',' => at += 1,
            b'\xEF' if text[at..].starts_with('\u{feff}') => at += '\u{feff}'.len_utf8(), // a joined file's mark
            _ => match value_end(bytes, at) {
                Some(end) => {
                    json_records(text, at..end, wrappers, MAX_WRAPPERS, spans);
                    at = end;
                }
                // A cut array: its whole elements are still records. Each one costs a scan to the end, hence so few.
                None if bytes[at] == b'[' && cut_arrays < MAX_WRAPPERS => {
                    cut_arrays += 1;
                    at += 1;
                }
                None => {
                    let body = text[at..bytes.len()].trim_end();
                    spans.push(at..at + body.len());
                    return;
                }
            },
        }
    }
}

/// Collects the records of one value: the elements of an array, or of the arrays under wrapper keys, or itself.
fn json_records(text: &str, value: Range<usize>, wrappers: &[&str], depth: usize, spans: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    if depth > 0 && bytes[value.start] == b'[' {
        let mut at = value.start + 1;
        let before = spans.len();
        while at < value.end - 1 {
            if bytes[at].is_ascii_whitespace() || bytes[at] == b',' {
                at += 1;
                continue;
            }
            let Some(end) = value_end(&bytes[..value.end - 1], at) else {
                spans.push(at..at + text[at..value.end - 1].trim_end().len()); // torn: not to be looked into
                break;
            };
            json_records(text, at..end, wrappers, depth - 1, spans);
            at = end;
        }
        if spans.len() > before {
            return;
        }
    }
    if depth > 0 && bytes[value.start] == b'{' {
        let before = spans.len();
        for (key, inner) in members(bytes, value.clone()) {
            if wrappers.contains(&&text[key]) && matches!(bytes[inner.start], b'[' | b'{') {
                let empty = text[inner.start + 1..inner.end - 1].trim().is_empty();
                if !empty {
                    json_records(text, inner, wrappers, depth - 1, spans);
                }
            }
        }
        if spans.len() > before {
            return;
        }
    }
    spans.push(value);
}

/// The members of an object: key (without quotes) and value.
fn members(bytes: &[u8], object: Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
    let bytes = &bytes[..object.end - 1];
    let mut found = Vec::new();
    let mut at = object.start + 1;
    loop {
        while at < bytes.len() && (bytes[at].is_ascii_whitespace() || bytes[at] == b',') {
            at += 1;
        }
        if at >= bytes.len() || bytes[at] != b'"' {
            return found;
        }
        let Some(key_end) = value_end(bytes, at) else { return found };
        let key = at + 1..key_end - 1;
        at = key_end;
        while at < bytes.len() && (bytes[at].is_ascii_whitespace() || bytes[at] == b':') {
            at += 1;
        }
        let Some(end) = (at < bytes.len()).then(|| value_end(bytes, at)).flatten() else { return found };
        found.push((key, at..end));
        at = end;
    }
}

/// The offset after the JSON value that starts at `at`; `None` if the text ends within it. No recursion: any depth.
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut at = at;
            while at < bytes.len() {
                match bytes[at] {
                    b'"' => {
                        at = string_end(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            None
        }
        _ => {
            let rest = &bytes[at..];
            let end = rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b'\n' | b'\r' | b' ' | b'\t'));
            Some(at + end.unwrap_or(rest.len()).max(1))
        }
    }
}

fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_json_records() {
        let wrappers: &[&str] = &["value", "data", "trackedEmails"];
        for (name, text, expected) in [
            ("one a line", "{\"a\":1}\n{\"a\":2}\n", vec!["{\"a\":1}", "{\"a\":2}"]),
            ("array", "[ {\"a\":1},\n {\"a\":\"]\"} ]", vec!["{\"a\":1}", "{\"a\":\"]\"}"]),
            (
                "wrapped",
                "{\"meta\":{}, \"data\":[{\"trackedEmails\":[{\"b\":1},{\"b\":2}]}]}",
                vec!["{\"b\":1}", "{\"b\":2}"],
            ),
            ("two on a line", "{\"a\":1},{\"a\":2}", vec!["{\"a\":1}", "{\"a\":2}"]),
            ("torn line", "{\"a\":1}\n{\"a\":\"x\n{\"a\":3}", vec!["{\"a\":1}", "{\"a\":\"x", "{\"a\":3}"]),
            ("cut array", "[{\"a\":1},\n{\"a\":2", vec!["{\"a\":1}", "{\"a\":2"]),
            ("mark of a joined file", "{\"a\":1}\u{feff}{\"a\":2}", vec!["{\"a\":1}", "{\"a\":2}"]),
            ("many cut arrays", "[[[[[[[[[[[{\"a\":1}", vec!["[[[{\"a\":1}"]),
            ("stray characters", "{\"a\":1}\u{fffd}\n{\"a\":2}", vec!["{\"a\":1}", "\u{fffd}", "{\"a\":2}"]),
            ("torn within an array", "[x\" [\u{ef}\"\u{ef}]", vec!["x\"", "[\u{ef}\"\u{ef}"]),
            ("empty page", "{\"meta\":1,\"data\":[]}", vec!["{\"meta\":1,\"data\":[]}"]),
        ] {
            let found: Vec<&str> = json_spans(text, wrappers).into_iter().map(|span| &text[span]).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn ok_csv_rows() {
        for (name, text, columns, expected) in [
            ("plain", "a,b\r\n1,2\r\n", vec!["a", "b"], vec!["1,2"]),
            ("type line", "#TYPE X\n\"a\",\"b\"\n\"1\n1\",\"2\"\n3,4", vec!["a", "b"], vec!["\"1\n1\",\"2\"", "3,4"]),
            ("semicolons", "a;b\n1;2\n", vec!["a", "b"], vec!["1;2"]),
            ("header only", "a,b\n", vec!["a", "b"], vec![]),
        ] {
            let (found_columns, spans) = csv_spans(text);
            let found: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
            assert_eq!((found_columns, found), (columns.into_iter().map(str::to_owned).collect(), expected), "{name}");
        }
    }
}
