//! Finds the records that hold a word in a file that may be larger than memory.
//!
//! The file is cut at line ends into chunks that are looked through in parallel, each once while it is hot in cache.
//! Only records that hold a word are decoded. A cut may fall within a quoted cell: how many quotes stood before a chunk
//! is known only when all are counted, so each chunk counts its rows for both cases.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use evidence::Place;
use memchr::memmem::Finder;
use rayon::prelude::*;

use super::{
    Grammar, Record, Records, column_names, is_blank, is_flat_object, is_one_a_line, is_preamble, line_values,
};
use crate::text::{self, Encoding, Text, encoding_of};
use crate::{Input, Query, ReadError};

/// Size of a chunk in bytes: small enough to stay in the second cache while it is searched and counted.
const CHUNK_BYTES: usize = 256 * 1024;

/// A file whose records end at line ends, and what earlier looks told of it.
pub(super) struct Sift<'a> {
    input: &'a Input<'a>,
    grammar: Grammar,
    encoding: Encoding,
    columns: Vec<String>,
    /// Where the records start: after byte order mark, preamble and header.
    body: usize,
    chunk_bytes: usize,
    chunks: Vec<Chunk>,
    rows: u64,
    searched: Vec<String>,
    /// Where a searched word stands, once a line at most for each word.
    hits: Vec<usize>,
}

/// A piece of the file that starts at a line.
struct Chunk {
    range: Range<usize>,
    /// Line ends before it.
    line_ends: u64,
    /// Whether it starts within a quoted cell.
    is_inside: bool,
}

/// What stands in a chunk.
#[derive(Clone, Copy, Default)]
struct Tally {
    line_ends: u64,
    /// Rows that end in it, if it starts outside quotes, and if it starts within.
    rows: [u64; 2],
    /// Whether it holds an odd number of quotes.
    turns: bool,
}

impl<'a> Sift<'a> {
    /// Prepares to look; `None` if the records of the file cannot be told apart by line ends and quotes alone.
    ///
    /// # Errors
    /// [`ReadError::Encoding`] if the bytes are no text.
    pub(super) fn new(input: &'a Input<'a>, grammar: Grammar) -> Result<Option<Sift<'a>>, ReadError> {
        let (encoding, mark) = encoding_of(input.bytes);
        text::refuse_binary(input.bytes, encoding, &input.name)?;
        let is_lines = memchr::memchr(b'\n', input.bytes[mark..].trim_ascii()).is_some();
        let (columns, body) = match (encoding, grammar) {
            (Encoding::Utf16Le | Encoding::Utf16Be, _) => return Ok(None),
            (_, Grammar::Lines) => (Vec::new(), mark),
            (_, Grammar::Csv) => match header(input.bytes, mark, encoding) {
                Some(found) => found,
                None => return Ok(None),
            },
            (_, Grammar::Json { .. }) if is_lines && is_one_a_line(&input.bytes[mark..]) => (Vec::new(), mark),
            (_, Grammar::Json { .. }) => return Ok(None),
        };
        Ok(Some(Sift {
            input,
            grammar,
            encoding,
            columns,
            body,
            chunk_bytes: CHUNK_BYTES,
            chunks: Vec::new(),
            rows: 0,
            searched: Vec::new(),
            hits: Vec::new(),
        }))
    }

    /// The records that hold one of the words, exactly as they are written.
    ///
    /// # Errors
    /// [`ReadError::Cancelled`].
    pub(super) fn any_of(&mut self, words: &[String], query: &Query<'_>) -> Result<Records, ReadError> {
        if !self.searched.iter().all(|searched| words.contains(searched)) {
            self.searched.clear();
            self.hits.clear();
        }
        let new: Vec<&str> = words.iter().filter(|word| !self.searched.contains(word)).map(String::as_str).collect();
        self.look(&Words::new(&new), query)?;
        self.searched = words.to_vec();
        let mut records = Vec::new();
        self.collect(&Words::new(&words.iter().map(String::as_str).collect::<Vec<_>>()), &mut records);
        Ok(Records {
            columns: self.columns.clone(),
            sieved_out: self.rows.saturating_sub(records.len() as u64),
            records,
            rows: self.rows,
        })
    }

    /// Goes through all chunks: finds words, and counts rows if that has not been done.
    fn look(&mut self, words: &Words, query: &Query<'_>) -> Result<(), ReadError> {
        let bytes = self.input.bytes;
        let is_first = self.chunks.is_empty();
        let ranges = text::chunks(bytes, self.body, self.chunk_bytes);
        let seen: Vec<Option<(Tally, Vec<usize>)>> = ranges
            .par_iter()
            .map(|range| {
                if query.progress.is_cancelled() {
                    return None;
                }
                let mut hits = Vec::new();
                words.find(bytes, range.clone(), &mut hits);
                let tally = if is_first { self.tally(&bytes[range.clone()]) } else { Tally::default() };
                query.progress.advance(range.len() as u64);
                Some((tally, hits))
            })
            .collect();
        let mut before = Tally::default();
        for (range, seen) in ranges.into_iter().zip(seen) {
            let (tally, hits) = seen.ok_or_else(|| ReadError::Cancelled { file: self.input.name.to_string() })?;
            self.hits.extend(hits);
            if is_first {
                self.chunks.push(Chunk { range, line_ends: before.line_ends, is_inside: before.turns });
                self.rows += tally.rows[usize::from(before.turns)];
                before.line_ends += tally.line_ends;
                before.turns ^= tally.turns;
            }
        }
        if is_first {
            query.progress.advance(self.body as u64);
            self.rows += u64::from(before.turns); // the file ends within a quoted cell
            if let Some(first) = self.chunks.first_mut() {
                first.line_ends = 0;
            }
            let above = line_ends(&bytes[..self.body]);
            self.chunks.iter_mut().for_each(|chunk| chunk.line_ends += above);
        }
        self.hits.sort_unstable();
        Ok(())
    }

    fn tally(&self, piece: &[u8]) -> Tally {
        let mut tally = Tally::default();
        let mut start = 0;
        while start < piece.len() {
            let end = memchr::memchr(b'\n', &piece[start..]).map(|at| start + at);
            let line = &piece[start..end.unwrap_or(piece.len())];
            match self.grammar {
                Grammar::Lines => tally.add_rows(u64::from(!is_blank(line))),
                Grammar::Json { wrappers } => tally.add_rows(self.values_in(line, wrappers)),
                Grammar::Csv => {
                    tally.turns ^= memchr::memchr_iter(b'"', line).count() % 2 == 1;
                    if !is_blank(line) {
                        // Outside quotes at the line's end: a row ends here. So it does at the end of the file.
                        tally.rows[usize::from(tally.turns)] += 1;
                    }
                }
            }
            tally.line_ends += u64::from(end.is_some());
            start = end.map_or(piece.len(), |end| end + 1);
        }
        tally
    }

    /// How many records stand in a line of JSON.
    fn values_in(&self, line: &[u8], wrappers: &[&str]) -> u64 {
        let line = line.trim_ascii();
        match line {
            [] => 0,
            flat if is_flat_object(flat) => 1,
            _ => {
                let text = Text::part(line, 0, self.encoding);
                let mut spans = Vec::new();
                line_values(text.as_str(), 0..text.as_str().len(), wrappers, &mut spans);
                spans.len() as u64
            }
        }
    }

    /// Decodes the records around the hits.
    fn collect(&self, words: &Words, records: &mut Vec<Record>) {
        let mut last = self.body..self.body;
        let mut line = Counted::default();
        for hit in &self.hits {
            if *hit < last.end {
                continue;
            }
            let Some(chunk) = self.chunks.partition_point(|chunk| chunk.range.start <= *hit).checked_sub(1) else {
                continue;
            };
            last = match self.grammar {
                Grammar::Csv => self.row_around(*hit, chunk, last.end),
                _ => line_around(self.input.bytes, self.body, *hit),
            };
            let place = Place::Line(line.at(self, last.start));
            let decoded = Text::part(&self.input.bytes[last.clone()], last.start as u64, self.encoding);
            let text = decoded.as_str();
            let mut spans = Vec::new();
            match self.grammar {
                Grammar::Json { wrappers } => line_values(text, 0..text.len(), wrappers, &mut spans),
                _ => spans.push(0..text.len()),
            }
            for span in spans.into_iter().filter(|span| words.is_in(text[span.clone()].as_bytes())) {
                let bytes = decoded.raw(span.clone());
                records.push(Record { place, bytes, text: text[span].to_owned(), encoding: self.encoding });
            }
        }
    }

    /// The CSV row around `hit`, without its line end; `after` is where the row before it ended, at or before `hit`.
    fn row_around(&self, hit: usize, chunk: usize, after: usize) -> Range<usize> {
        let bytes = self.input.bytes;
        let mut start = self.body;
        for chunk in self.chunks[..=chunk].iter().rev() {
            let (from, is_inside) = match after > chunk.range.start {
                true => (after, false),
                false => (chunk.range.start, chunk.is_inside),
            };
            if let Some(found) = last_row(&bytes[from..hit.min(chunk.range.end)], is_inside) {
                start = from + found;
                break;
            }
        }
        let mut is_inside = false;
        for at in memchr::memchr2_iter(b'"', b'\n', &bytes[start..]) {
            if bytes[start + at] == b'"' {
                is_inside = !is_inside;
            } else if !is_inside {
                return start..start + without_line_end(&bytes[start..start + at]).len();
            }
        }
        start..start + without_line_end(&bytes[start..]).len()
    }
}

impl Tally {
    fn add_rows(&mut self, rows: u64) {
        self.rows = self.rows.map(|before| before + rows);
    }
}

/// How far the line ends have been counted.
#[derive(Default)]
struct Counted {
    at: usize,
    line_ends: u64,
}

impl Counted {
    /// The number, from 1, of the line at `start`; asked in ascending order.
    fn at(&mut self, sift: &Sift<'_>, start: usize) -> u64 {
        let chunk = sift.chunks.partition_point(|chunk| chunk.range.start <= start).checked_sub(1);
        if let Some(chunk) = chunk.map(|at| &sift.chunks[at])
            && chunk.range.start >= self.at
        {
            *self = Counted { at: chunk.range.start, line_ends: chunk.line_ends };
        }
        self.line_ends += line_ends(&sift.input.bytes[self.at.min(start)..start]);
        self.at = start;
        self.line_ends + 1
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Where the last row starts in a piece that starts at a line; `None` if that is before the piece.
fn last_row(piece: &[u8], mut is_inside: bool) -> Option<usize> {
    let mut start = (!is_inside).then_some(0);
    for at in memchr::memchr2_iter(b'"', b'\n', piece) {
        if piece[at] == b'"' {
            is_inside = !is_inside;
        } else if !is_inside {
            start = Some(at + 1);
        }
    }
    start
}

fn line_around(bytes: &[u8], body: usize, at: usize) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &bytes[body..at]).map_or(body, |end| body + end + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
    start..start + without_line_end(&bytes[start..end]).len()
}

fn without_line_end(mut row: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = row {
        row = rest;
    }
    row
}

/// The columns of a CSV file, and where its rows start.
pub(super) fn header(bytes: &[u8], mark: usize, encoding: Encoding) -> Option<(Vec<String>, usize)> {
    let mut start = mark;
    for line in bytes[mark..].split_inclusive(|byte| *byte == b'\n') {
        start += line.len();
        let text = Text::part(without_line_end(line), 0, encoding);
        if !is_preamble(text.as_str()) {
            return Some((column_names(text.as_str()), start));
        }
    }
    None
}

/// Words to look for.
struct Words(Search);

enum Search {
    Each(Vec<Finder<'static>>),
    All(AhoCorasick),
}

/// How many words are looked for one after the other; above, all are looked for at once.
const MANY: usize = 4;

impl Words {
    fn new(words: &[&str]) -> Words {
        let each = || Search::Each(words.iter().map(|word| Finder::new(*word).into_owned()).collect());
        Words(match words.len() {
            0..=MANY => each(),
            _ => AhoCorasick::new(words).map_or_else(|_| each(), Search::All),
        })
    }

    /// Whether a word stands in a record.
    fn is_in(&self, record: &[u8]) -> bool {
        match &self.0 {
            Search::Each(finders) => finders.iter().any(|finder| finder.find(record).is_some()),
            Search::All(all) => all.is_match(record),
        }
    }

    /// Adds where a word stands in `range`, once a line at most for each.
    fn find(&self, bytes: &[u8], range: Range<usize>, hits: &mut Vec<usize>) {
        match &self.0 {
            Search::Each(finders) => {
                for finder in finders {
                    each_line(bytes, range.clone(), |piece| finder.find(piece), hits);
                }
            }
            Search::All(all) => each_line(bytes, range, |piece| all.find(piece).map(|found| found.start()), hits),
        }
    }
}

fn each_line(bytes: &[u8], range: Range<usize>, find: impl Fn(&[u8]) -> Option<usize>, hits: &mut Vec<usize>) {
    let mut at = range.start;
    while let Some(hit) = find(&bytes[at..range.end]) {
        hits.push(at + hit);
        at = memchr::memchr(b'\n', &bytes[at + hit..range.end]).map_or(range.end, |end| at + hit + end + 1);
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::super::{Sieve, whole};
    use super::*;
    use crate::{Clock, NoProgress, Wanted};

    const PIECES: [&[u8]; 28] = [
        b"\"",
        b"\"",
        b"\n",
        b"\n",
        b"\r\n",
        b",",
        b" ",
        b"needle",
        b"word",
        b"a",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"\\",
        b"\"value\":",
        b"{\"a\":\"needle\"}\n",
        b"{\"a\":1}",
        b"\"x\",\"y\"\n",
        b"\"x\n\ny\"",
        b"\xC3\xAF",
        b"\xEF",
        b"\xEF\xBB\xBF",
        b"\t",
        b"#TYPE x\n",
        b"a,b\n",
        b"{\"value\":[{\"b\":\"word\"},{\"b\":2}]}\n",
    ];

    fn compare(bytes: &[u8], chunk_bytes: usize, looks: &[&[&str]]) {
        let input = Input { name: "x".into(), bytes };
        let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: jiff::Timestamp::UNIX_EPOCH };
        let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
        for grammar in [Grammar::Lines, Grammar::Csv, Grammar::Json { wrappers: &["value"] }] {
            let Ok(Some(mut sift)) = Sift::new(&input, grammar) else { continue };
            sift.chunk_bytes = chunk_bytes;
            for words in looks {
                let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                let found = sift.any_of(&words, &query).expect("not cancelled");
                let expected = whole(&input, grammar, &Sieve::AnyOf(words), &query).expect("a text");
                let plain = |records: &Records| -> Vec<(Place, Range<u64>, String)> {
                    let of = |record: &Record| (record.place, record.bytes.clone(), record.text.clone());
                    records.records.iter().map(of).collect()
                };
                assert_eq!(plain(&found), plain(&expected), "{grammar:?}");
                let numbers = |records: &Records| (records.rows, records.sieved_out, records.columns.clone());
                assert_eq!(numbers(&found), numbers(&expected), "{grammar:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// However the chunks fall, the records and counts are those of the plain splitter.
        #[test]
        fn ok_as_the_plain_splitter(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60),
            chunk_bytes in 1usize..64,
        ) {
            compare(&pieces.concat(), chunk_bytes, &[&["needle"], &["needle", "word"], &["word"], &["a", "b", "c", "x", "y"]]);
        }
    }

    #[test]
    fn ok_rows_over_many_chunks() {
        let row = "\"one\",\"two lines\nof \"\"needle\"\"\"\r\n\n";
        compare(format!("a,b\n{}", row.repeat(50)).as_bytes(), 16, &[&["needle"]]);
        compare(format!("a,b\n\"needle\n{}", row.repeat(50)).as_bytes(), 16, &[&["needle"]]); // a quote that never ends
    }
}
