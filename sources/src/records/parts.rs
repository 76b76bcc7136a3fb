//! Cuts a file into parts that hold whole records, so that all of it can be read in memory that does not grow with it.

use std::ops::Range;

use evidence::Place;
use rayon::prelude::*;

use super::{Grammar, Record, column_names, csv_header, csv_rows, is_one_a_line, line_spans, line_values, sift};
use crate::text::{self, Encoding, Text, encoding_of};
use crate::{Input, Progress, ReadError};

/// A file on its way through: each call of [`Iterator::next`] gives the next part.
pub(crate) struct Parts<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    cut: Cut,
    columns: Vec<String>,
    part_bytes: usize,
    at: usize,
    line: u64,
}

/// How records are told apart.
#[derive(Clone, Debug)]
enum Cut {
    /// By line ends.
    Lines,
    /// By line ends, each holding JSON values.
    JsonLines { wrappers: &'static [&'static str] },
    /// By line ends outside quotes.
    Rows,
    /// By the brackets of JSON.
    Json(Brackets),
}

/// Whole records that stand one after the other.
pub(crate) struct Part<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
    encoding: Encoding,
    cut: PartCut,
}

/// How the records of a part are told apart.
enum PartCut {
    Lines,
    JsonLines {
        wrappers: &'static [&'static str],
    },
    Rows,
    /// They are these.
    Known(Vec<Range<usize>>),
}

impl<'a> Parts<'a> {
    /// Prepares to cut into parts of about `part_bytes`; `None` if the file can only be read as a whole.
    ///
    /// # Errors
    /// [`ReadError::Encoding`] if the bytes are no text.
    pub(crate) fn new(input: &Input<'a>, grammar: Grammar, part_bytes: usize) -> Result<Option<Parts<'a>>, ReadError> {
        let (encoding, mark) = encoding_of(input.bytes);
        text::refuse_binary(input.bytes, encoding, &input.name)?;
        let is_wide = matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be);
        let (columns, at, cut) = match grammar {
            Grammar::Lines => (Vec::new(), mark, Cut::Lines),
            Grammar::Csv if is_wide => match wide_header(input.bytes, mark, encoding) {
                Some((columns, at)) => (columns, at, Cut::Rows),
                None => return Ok(None),
            },
            Grammar::Csv => match sift::header(input.bytes, mark, encoding) {
                Some((columns, at)) => (columns, at, Cut::Rows),
                None => return Ok(None),
            },
            Grammar::Json { .. } if is_wide => return Ok(None),
            // Records that all stand on one line are numbered, which takes a look at the whole.
            Grammar::Json { .. } if memchr::memchr(b'\n', input.bytes[mark..].trim_ascii()).is_none() => {
                return Ok(None);
            }
            Grammar::Json { wrappers } if is_one_a_line(&input.bytes[mark..]) => {
                (Vec::new(), mark, Cut::JsonLines { wrappers })
            }
            Grammar::Json { wrappers } => (Vec::new(), mark, Cut::Json(Brackets::new(wrappers))),
        };
        let line = 1 + line_ends(&input.bytes[..at], encoding);
        Ok(Some(Parts { bytes: input.bytes, encoding, cut, columns, part_bytes, at, line }))
    }

    /// The column names of a CSV.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where the next part ends, if it ends at a line: after a line end outside quotes, or at the end of the file.
    fn line_cut(&self) -> usize {
        let unit = if matches!(self.encoding, Encoding::Utf16Le | Encoding::Utf16Be) { 2 } else { 1 };
        let quoted = matches!(self.cut, Cut::Rows);
        let mut end = self.at;
        let mut quotes = 0;
        loop {
            let start = end;
            end = match (start + self.part_bytes.next_multiple_of(unit)).min(self.bytes.len()) {
                end if end == self.bytes.len() => return end,
                end => match self.line_end(end) {
                    Some(end) => end,
                    None => return self.bytes.len(),
                },
            };
            if !quoted {
                return end;
            }
            quotes += count(&self.bytes[start..end], b'"', self.encoding);
            if quotes % 2 == 0 {
                return end;
            }
            // Within a quoted cell: to the first line end outside one.
            let mut from = end;
            while let Some(next) = self.line_end(from) {
                quotes += count(&self.bytes[from..next], b'"', self.encoding);
                if quotes % 2 == 0 {
                    return next;
                }
                from = next;
                if from - end > self.part_bytes {
                    break; // a stray quote: go on in larger steps
                }
            }
            end = from.max(end);
        }
    }

    /// The offset after the first line end at or after `from`.
    fn line_end(&self, from: usize) -> Option<usize> {
        let unit = |bytes: &[u8]| match self.encoding {
            Encoding::Utf16Le => bytes == [b'\n', 0],
            _ => bytes == [0, b'\n'],
        };
        match self.encoding {
            Encoding::Utf16Le | Encoding::Utf16Be => {
                let from = from - (from - self.at) % 2;
                let found = self.bytes[from..].chunks_exact(2).position(unit)?;
                Some(from + found * 2 + 2)
            }
            _ => memchr::memchr(b'\n', &self.bytes[from..]).map(|found| from + found + 1),
        }
    }
}

/// Size of a part in bytes (tests cut even small files): small enough that what comes of it stays in the cache, large enough
/// that handing it on costs nothing.
pub(crate) const PART_BYTES: usize = if cfg!(test) { 64 } else { 128 * 1024 };
/// How many parts are read at once, at most.
const AT_ONCE: usize = 8;

/// Reads all parts of a file, several at once, and hands on what came of each in the order of the file.
///
/// # Errors
/// [`ReadError::Cancelled`].
pub(crate) fn in_order<T: Send>(
    mut parts: Parts<'_>,
    name: &str,
    progress: &dyn Progress,
    read: impl Fn(&Part<'_>) -> T + Sync,
    mut take: impl FnMut(T),
) -> Result<(), ReadError> {
    loop {
        let due: Vec<Part<'_>> = parts.by_ref().take(AT_ONCE).collect();
        if due.is_empty() {
            return Ok(());
        }
        if progress.is_cancelled() {
            return Err(ReadError::Cancelled { file: name.to_owned() });
        }
        due.par_iter().map(&read).collect::<Vec<T>>().into_iter().for_each(&mut take);
        progress.advance(due.iter().map(|part| part.len() as u64).sum());
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (end, cut) = match &mut self.cut {
            Cut::Json(brackets) => {
                let (end, spans) = brackets.next_part(self.bytes, self.at, self.part_bytes);
                (end, PartCut::Known(spans))
            }
            Cut::Lines => (self.line_cut(), PartCut::Lines),
            Cut::JsonLines { wrappers } => {
                let wrappers = *wrappers;
                (self.line_cut(), PartCut::JsonLines { wrappers })
            }
            Cut::Rows => (self.line_cut(), PartCut::Rows),
        };
        let bytes = &self.bytes[self.at..end];
        let part = Part { bytes, at: self.at, line: self.line, encoding: self.encoding, cut };
        self.line += line_ends(bytes, self.encoding);
        self.at = end;
        Some(part)
    }
}

impl Part<'_> {
    /// How many bytes of the file it takes.
    fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Calls `each` with every record, one after the other.
    pub(crate) fn each_record(&self, each: &mut dyn FnMut(Record)) {
        if let PartCut::Known(known) = &self.cut {
            known.iter().for_each(|span| each(self.known_record(span)));
            return;
        }
        let decoded = Text::part(self.bytes, self.at as u64, self.encoding);
        let text = decoded.as_str();
        let mut spans = Vec::new();
        match &self.cut {
            PartCut::Rows => csv_rows(text, 0, &mut spans),
            PartCut::JsonLines { wrappers } => {
                line_spans(text).into_iter().for_each(|line| line_values(text, line, wrappers, &mut spans));
            }
            _ => spans = line_spans(text),
        }
        let (mut line, mut counted) = (self.line, 0);
        for span in spans {
            line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..span.start]).count() as u64;
            counted = span.start;
            let bytes = decoded.raw(span.clone());
            each(Record { place: Place::Line(line), bytes, text: text[span].to_owned(), encoding: self.encoding });
        }
    }

    /// A record at a known place of the file.
    fn known_record(&self, span: &Range<usize>) -> Record {
        let within = span.start - self.at..span.end - self.at;
        let line = self.line + line_ends(&self.bytes[..within.start], self.encoding);
        let text = Text::part(&self.bytes[within], span.start as u64, self.encoding).as_str().to_owned();
        let bytes = span.start as u64..span.end as u64;
        Record { place: Place::Line(line), bytes, text, encoding: self.encoding }
    }
}

/// How far from the start of a file the header of a table is looked for.
const HEADER_BYTES: usize = 64 * 1024;

/// The columns of a CSV in UTF-16, and where its rows start.
fn wide_header(bytes: &[u8], mark: usize, encoding: Encoding) -> Option<(Vec<String>, usize)> {
    let start = &bytes[mark..bytes.len().min(mark + HEADER_BYTES)];
    let decoded = Text::part(start, mark as u64, encoding);
    let text = decoded.as_str();
    let (header, after) = csv_header(text)?;
    let is_whole = text[..after].ends_with('\n');
    is_whole.then(|| (column_names(header), mark + encoding.raw_len(&text[..after]) as usize))
}

fn line_ends(bytes: &[u8], encoding: Encoding) -> u64 {
    count(bytes, b'\n', encoding)
}

/// How often an ASCII character stands in some bytes.
fn count(bytes: &[u8], character: u8, encoding: Encoding) -> u64 {
    (match encoding {
        Encoding::Utf16Le => bytes.chunks_exact(2).filter(|unit| *unit == [character, 0]).count(),
        Encoding::Utf16Be => bytes.chunks_exact(2).filter(|unit| *unit == [0, character]).count(),
        _ => memchr::memchr_iter(character, bytes).count(),
    }) as u64
}

/// How deep wrappers are looked into; what lies deeper belongs to its record.
const DEPTH_MAX: usize = 8;

/// Finds the records of a JSON text from its brackets, in one pass, whatever the size of the text.
///
/// A record is an element of an array at the top or under a wrapper's key, or a value at the top; an object around such
/// an array is none.
#[derive(Clone, Debug)]
struct Brackets {
    wrappers: &'static [&'static str],
    /// The containers around the place reached, as far as records may stand in them.
    open: Vec<Around>,
}

/// A container that records may stand in.
#[derive(Clone, Copy, Debug)]
struct Around {
    start: usize,
    is_array: bool,
    /// Whether a record was found in it.
    has_records: bool,
    /// Whether the value that comes next stands under a wrapper's key.
    expects: bool,
}

impl Brackets {
    fn new(wrappers: &'static [&'static str]) -> Brackets {
        Brackets { wrappers, open: Vec::new() }
    }

    /// Where the next part ends, and the records that end in it.
    fn next_part(&mut self, bytes: &[u8], start: usize, part_bytes: usize) -> (usize, Vec<Range<usize>>) {
        let mut spans = Vec::new();
        let mut at = start;
        while at < bytes.len() {
            // Never within a record: a container that holds none so far may be one itself.
            if at - start >= part_bytes && !spans.is_empty() && self.open.iter().all(|around| around.has_records) {
                return (at, spans);
            }
            at = match bytes[at] {
                byte if byte.is_ascii_whitespace() || matches!(byte, b',' | b':') => at + 1,
                b'\xEF' if bytes[at..].starts_with(b"\xEF\xBB\xBF") => at + 3,
                b']' | b'}' if !self.open.is_empty() => self.close(at, &mut spans),
                b'"' if self.open.last().is_some_and(|around| !around.is_array && !around.expects) => {
                    self.key(bytes, at)
                }
                b'{' | b'[' if self.may_hold() => self.enter(bytes[at], at),
                _ => self.value(bytes, at, &mut spans),
            };
        }
        // What is still open at the end of the file is torn: its innermost object, if it holds no records.
        if let Some(torn) = self.open.iter().rev().find(|around| !around.has_records && !around.is_array) {
            spans.push(torn.start.max(start)..start + bytes[start..].trim_ascii_end().len());
        }
        (bytes.len(), spans)
    }

    /// Whether records may stand in a container that begins here.
    fn may_hold(&self) -> bool {
        self.open.len() < DEPTH_MAX && self.open.last().is_none_or(|around| around.is_array || around.expects)
    }

    fn enter(&mut self, bracket: u8, at: usize) -> usize {
        if let Some(around) = self.open.last_mut() {
            around.expects = false;
        }
        self.open.push(Around { start: at, is_array: bracket == b'[', has_records: false, expects: false });
        at + 1
    }

    /// Reads a key and what follows it, up to its value, or past a value in which no record may stand.
    fn key(&mut self, bytes: &[u8], at: usize) -> usize {
        let Some(end) = super::string_end(bytes, at) else { return bytes.len() };
        let is_wrapper = self.wrappers.iter().any(|key| key.as_bytes() == &bytes[at + 1..end - 1]);
        let value = end + bytes[end..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count();
        match bytes.get(value) {
            Some(b'{' | b'[') if is_wrapper && !is_empty(bytes, value) => {
                if let Some(around) = self.open.last_mut() {
                    around.expects = true;
                }
                value
            }
            Some(b'}') | None => value,
            Some(_) => super::value_end(bytes, value).unwrap_or(bytes.len()),
        }
    }

    /// Takes a value that is an element of an array, or stands at the top.
    fn value(&mut self, bytes: &[u8], at: usize, spans: &mut Vec<Range<usize>>) -> usize {
        let end = super::value_end(bytes, at).unwrap_or(at + bytes[at..].trim_ascii_end().len());
        self.found(at..end, spans);
        end.max(at + 1)
    }

    fn close(&mut self, at: usize, spans: &mut Vec<Range<usize>>) -> usize {
        if let Some(around) = self.open.pop()
            && !around.has_records
        {
            self.found(around.start..at + 1, spans);
        }
        at + 1
    }

    fn found(&mut self, span: Range<usize>, spans: &mut Vec<Range<usize>>) {
        spans.push(span);
        self.open.iter_mut().for_each(|around| around.has_records = true);
    }
}

/// Whether nothing stands in the brackets that begin here.
fn is_empty(bytes: &[u8], at: usize) -> bool {
    let inner = bytes[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(inner, Some(b']' | b'}') | None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Sieve, whole};
    use super::*;
    use crate::{Clock, NoProgress, Query, Wanted};

    const GRAMMARS: [Grammar; 3] = [Grammar::Lines, Grammar::Csv, Grammar::Json { wrappers: &["value", "data"] }];

    /// However the parts fall, the records are those of the plain splitter.
    fn compare(bytes: &[u8], part_bytes: usize) {
        let input = Input { name: "x".into(), bytes };
        let clock = Clock {
            zone: jiff::tz::TimeZone::UTC,
            zone_label: "UTC".to_owned(),
            reference: jiff::Timestamp::UNIX_EPOCH,
        };
        let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
        for grammar in GRAMMARS {
            let Ok(Some(parts)) = Parts::new(&input, grammar, part_bytes) else { continue };
            let expected = whole(&input, grammar, &Sieve::All, &query).expect("a text");
            assert_eq!(parts.columns(), expected.columns, "{grammar:?}");
            let mut found: Vec<Record> = Vec::new();
            parts.for_each(|part| part.each_record(&mut |record| found.push(record)));
            let plain = |records: &[Record]| -> Vec<(Place, Range<u64>, String)> {
                records.iter().map(|record| (record.place, record.bytes.clone(), record.text.clone())).collect()
            };
            assert_eq!(plain(&found), plain(&expected.records), "{grammar:?} {:?}", String::from_utf8_lossy(bytes));
        }
    }

    const PIECES: [&str; 17] = [
        "\"",
        "\"",
        "\n",
        "\n",
        "\r\n",
        ",",
        " ",
        "word",
        "a,b\n",
        "\"x\",\"y\"\n",
        "\"x\n\ny\"",
        "ï",
        "#TYPE x\n",
        "{\"a\":1}\n",
        "{\"value\":[{\"b\":\"w\"},{\"b\":2}]}\n",
        "\t",
        ";",
    ];

    fn wide(text: &str) -> Vec<u8> {
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn ok_lines_and_rows(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60), part_bytes in 1usize..64) {
            let text = pieces.concat();
            compare(text.as_bytes(), part_bytes);
            compare(&wide(&text), part_bytes);
        }

        #[test]
        fn ok_documents(
            records in prop::collection::vec(prop::sample::select(vec![
                r#"{"a":1}"#, r#"{"a":"]}\\\"["}"#, r#"{"meta":{"x":[{"y":1}]},"data":[{"b":1}, {"b":[2]}]}"#, "7", "[]", "{}",
                r#"{"data":[],"c":1}"#, r#"{"value":{"c":[1]}}"#,
            ]), 0..12),
            shape in 0..3,
            part_bytes in 1usize..64,
        ) {
            let list = records.join(",\n ");
            let text = match shape {
                0 => format!("[\n{list}\n]"),
                1 => format!("{{\"meta\": 1,\n \"value\": [{list}],\n \"next\": \"]\"}}\n"),
                _ => format!("[\n{{\"data\":[{list}]}},\n{{\"data\":[{list}]}}]"),
            };
            compare(text.as_bytes(), part_bytes);
        }

        /// Torn files give records within the file, and end.
        #[test]
        fn ok_rubbish(pieces in prop::collection::vec(prop::sample::select(vec!["{", "}", "[", "]", "\"", ":", ",", "\n", "a", "\"data\":", "1", "\\"]), 0..40), part_bytes in 1usize..16) {
            let text = format!("[\n{}", pieces.concat());
            let input = Input { name: "x".into(), bytes: text.as_bytes() };
            for part in Parts::new(&input, GRAMMARS[2], part_bytes).expect("a text").into_iter().flatten() {
                part.each_record(&mut |record| {
                    assert_eq!(&text[record.bytes.start as usize..record.bytes.end as usize], record.text);
                });
            }
        }
    }
}
