//! Finds words in a large log: chunks in parallel, each read once while it is hot in cache.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use evidence::Reading;
use memchr::memmem::Finder;
use rayon::prelude::*;

use super::journal;
use crate::text::{Encoding, Text, encoding_of};
use crate::{Progress, ReadError};

/// Size of a chunk in bytes: small enough to stay in the second cache while it is searched and counted.
const CHUNK_BYTES: usize = 256 * 1024;

/// A log as searchable bytes, with the way back to the bytes of the file.
pub(crate) enum Log<'a> {
    /// The file's own bytes after a byte order mark of this length.
    Plain { bytes: &'a [u8], mark: usize, encoding: Encoding },
    /// UTF-16, decoded.
    Decoded(Text<'a>),
    /// An export of the systemd journal: one line of syslog an entry.
    Exported {
        /// The file's bytes.
        bytes: &'a [u8],
        /// All entries as lines.
        text: String,
        /// Where each entry's line starts in the text, its bytes in the file, and its line there.
        entries: Vec<(usize, Range<usize>, u64)>,
    },
}

impl<'a> Log<'a> {
    /// Takes the file's bytes as they are, unless they are UTF-16.
    ///
    /// # Errors
    /// [`ReadError`] if UTF-16 cannot be decoded.
    pub(crate) fn of(bytes: &'a [u8], name: &str) -> Result<Log<'a>, ReadError> {
        if journal::is_export(bytes) {
            return Ok(Log::exported(bytes));
        }
        let (encoding, mark) = encoding_of(bytes);
        match encoding {
            Encoding::Utf16Le | Encoding::Utf16Be => Ok(Log::Decoded(Text::decode(bytes, name)?)),
            _ => Ok(Log::Plain { bytes: &bytes[mark..], mark, encoding }),
        }
    }

    fn exported(bytes: &'a [u8]) -> Log<'a> {
        let mut text = String::new();
        let mut entries = Vec::new();
        for entry in journal::exported(bytes) {
            entries.push((text.len(), entry.bytes, entry.line));
            text.push_str(&entry.text);
            text.push('\n');
        }
        Log::Exported { bytes, text, entries }
    }

    /// The number, from 1, of the file's line at which the record at `start` begins.
    pub(crate) fn line_number(&self, scan: &Scan, start: usize) -> u64 {
        match self {
            Log::Exported { entries, .. } => {
                let at = entries.partition_point(|(line, ..)| *line <= start).saturating_sub(1);
                entries.get(at).map_or(1, |(.., line)| *line)
            }
            _ => scan.line_number(self.bytes(), start),
        }
    }

    /// The searchable bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Log::Plain { bytes, .. } => bytes,
            Log::Decoded(text) => text.as_str().as_bytes(),
            Log::Exported { text, .. } => text.as_bytes(),
        }
    }

    /// The place in the file of a range of the searchable bytes.
    pub(crate) fn raw(&self, range: Range<usize>) -> Range<u64> {
        match self {
            Log::Plain { mark, .. } => (range.start + mark) as u64..(range.end + mark) as u64,
            Log::Decoded(text) => text.raw(range),
            Log::Exported { entries, .. } => {
                let at = entries.partition_point(|(line, ..)| *line <= range.start).saturating_sub(1);
                entries.get(at).map_or(0..0, |(_, bytes, _)| bytes.start as u64..bytes.end as u64)
            }
        }
    }

    /// A record as it stands in the file, given its range of the searchable bytes.
    pub(crate) fn raw_text(&self, range: Range<usize>) -> Cow<'_, str> {
        match self {
            Log::Exported { bytes, .. } => {
                let raw = self.raw(range);
                String::from_utf8_lossy(bytes.get(raw.start as usize..raw.end as usize).unwrap_or(&[]))
            }
            _ => self.text(range),
        }
    }

    /// A range of the searchable bytes as text.
    pub(crate) fn text(&self, range: Range<usize>) -> Cow<'_, str> {
        let bytes = &self.bytes()[range];
        match self {
            Log::Plain { encoding: Encoding::Windows1252, .. } => {
                encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0
            }
            _ => String::from_utf8_lossy(bytes),
        }
    }

    /// The line around `at`, without its line end.
    pub(crate) fn line_at(&self, at: usize) -> Range<usize> {
        let bytes = self.bytes();
        let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |at| at + 1);
        line_from(bytes, start)
    }
}

/// The line that starts at `start`, without its line end.
pub(crate) fn line_from(bytes: &[u8], start: usize) -> Range<usize> {
    let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at);
    let body = &bytes[start..end];
    let cut = body.iter().rev().take_while(|byte| **byte == b'\r').count();
    start..end - cut
}

/// The start of the line after the one that ends at `end`.
pub(crate) fn next_line(bytes: &[u8], end: usize) -> usize {
    memchr::memchr(b'\n', &bytes[end..]).map_or(bytes.len(), |at| end + at + 1)
}

/// A line as syslog would have written it: one of `journalctl -o json` is unwrapped.
pub(crate) fn unwrapped(raw: &str) -> Cow<'_, str> {
    match journal::line(raw) {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(raw),
    }
}

/// Words to look for.
pub(crate) struct Needles {
    finder: Search,
}

enum Search {
    Nothing,
    Each(Vec<Word>),
    All(AhoCorasick),
}

/// A word, and the search for its start: up to 32 bytes are searched about twice as fast as more.
struct Word {
    whole: Vec<u8>,
    start: Finder<'static>,
}

impl Word {
    fn new(word: &str) -> Word {
        let whole = word.as_bytes().to_vec();
        let start = Finder::new(&whole[..whole.len().min(32)]).into_owned();
        Word { whole, start }
    }

    fn find(&self, hay: &[u8]) -> Option<Range<usize>> {
        self.start.find_iter(hay).find(|at| hay[*at..].starts_with(&self.whole)).map(|at| at..at + self.whole.len())
    }
}

/// How many words are looked for one after the other; above, all are looked for at once.
const MANY: usize = 3;

impl Needles {
    /// Prepares the search; empty words are left out.
    pub(crate) fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Needles {
        let mut words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.dedup();
        let each = |words: &[&str]| Search::Each(words.iter().map(|word| Word::new(word)).collect());
        let finder = match words.len() {
            0 => Search::Nothing,
            1..=MANY => each(&words),
            // The longest of several words that begin alike; only so a few words are searched with vectors.
            _ => AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&words)
                .map_or_else(|_| each(&words), Search::All),
        };
        Needles { finder }
    }

    /// Prepares a search for words whatever the case of their ASCII letters.
    pub(crate) fn any_case<'w>(words: impl IntoIterator<Item = &'w str>) -> Needles {
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let all = AhoCorasick::builder().ascii_case_insensitive(true).build(&words);
        match all {
            Ok(all) if !words.is_empty() => Needles { finder: Search::All(all) },
            _ => Needles::new(words),
        }
    }

    /// The starts of all lines of `range` that hold a word as a word of its own, ascending; `range` starts at a line.
    pub(crate) fn lines(&self, bytes: &[u8], range: Range<usize>, found: &mut Vec<usize>) {
        let before = found.len();
        match &self.finder {
            Search::Nothing => return,
            Search::Each(words) => {
                for word in words {
                    walk(bytes, range.clone(), |hay| word.find(hay), found);
                }
                if words.len() > 1 {
                    found[before..].sort_unstable();
                }
            }
            Search::All(words) => {
                walk(bytes, range, |hay| words.find(hay).map(|found| found.range()), found);
            }
        }
        found.dedup();
    }
}

/// Collects the starts of the lines in which `find` finds something that stands as a word of its own.
fn walk(bytes: &[u8], range: Range<usize>, find: impl Fn(&[u8]) -> Option<Range<usize>>, found: &mut Vec<usize>) {
    let mut at = range.start;
    while at < range.end {
        let Some(hit) = find(&bytes[at..range.end]) else { return };
        let hit = at + hit.start..at + hit.end;
        let apart = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if apart(hit.start.checked_sub(1).and_then(|before| bytes.get(before))) && apart(bytes.get(hit.end)) {
            found.push(
                memchr::memrchr(b'\n', &bytes[range.start..hit.start]).map_or(range.start, |n| range.start + n + 1),
            );
            at = memchr::memchr(b'\n', &bytes[hit.end..range.end]).map_or(range.end, |n| hit.end + n + 1);
        } else {
            at = hit.start + 1;
        }
    }
}

/// What one look at the whole log brought.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Lines that are not blank.
    pub(crate) rows: u64,
    /// The start of each chunk, and the number of line ends before it.
    pub(crate) chunks: Vec<(usize, u64)>,
    /// The starts of the lines that hold a word, ascending.
    pub(crate) hits: Vec<usize>,
}

/// Looks through the whole log once: finds words, counts lines.
///
/// # Errors
/// [`ReadError::Cancelled`].
pub(crate) fn scan(bytes: &[u8], needles: &Needles, progress: &dyn Progress, name: &str) -> Result<Scan, ReadError> {
    let parts: Vec<Option<Part>> = chunks(bytes)
        .into_par_iter()
        .map(|range| {
            if progress.is_cancelled() {
                return None;
            }
            let mut part = Part { start: range.start, ..Part::default() };
            needles.lines(bytes, range.clone(), &mut part.hits);
            (part.ends, part.rows) = count(&bytes[range.clone()]);
            progress.advance(range.len() as u64);
            Some(part)
        })
        .collect();
    let mut scan = Scan::default();
    let mut ends = 0;
    for part in parts {
        let part = part.ok_or_else(|| ReadError::Cancelled { file: name.to_owned() })?;
        scan.chunks.push((part.start, ends));
        ends += part.ends;
        scan.rows += part.rows;
        scan.hits.extend(part.hits);
    }
    Ok(scan)
}

/// How many chunks are read at once, at most.
const AT_ONCE: usize = 8;

/// Reads every chunk of a log, several at once, and hands on what came of each in the order of the log; the last reading
/// holds what there is to say of the whole.
///
/// # Errors
/// [`ReadError::Cancelled`].
pub(crate) fn in_order(
    bytes: &[u8],
    progress: &dyn Progress,
    name: &str,
    read: impl Fn(Range<usize>) -> Reading + Sync,
    take: &mut dyn FnMut(Reading),
) -> Result<(), ReadError> {
    let mut rows = 0;
    for due in chunks(bytes).chunks(AT_ONCE) {
        if progress.is_cancelled() {
            return Err(ReadError::Cancelled { file: name.to_owned() });
        }
        let parts: Vec<Reading> = due.par_iter().map(|chunk| read(chunk.clone())).collect();
        for mut part in parts {
            part.rows = part.rows_accounted_for();
            rows += part.rows;
            take(part);
        }
        progress.advance(due.iter().map(|chunk| chunk.len() as u64).sum());
    }
    let mut last = Reading { rows, ..Reading::default() };
    suspect_cut(&mut last);
    take(Reading { rows: 0, ..last });
    Ok(())
}

/// Says that lines are probably missing if the log has as many as a viewer exports at most.
pub(crate) fn suspect_cut(reading: &mut Reading) {
    if matches!(reading.rows, 1_000 | 5_000 | 10_000 | 50_000 | 100_000) {
        reading.coverage.suspected_cut = true;
        reading.coverage.limits.push(format!("exactly {} rows: probably cut at the row cap", reading.rows));
    }
}

/// Finds words in a part of the log, chunks in parallel; `range` starts at a line.
pub(crate) fn find(bytes: &[u8], range: Range<usize>, needles: &Needles, progress: &dyn Progress) -> Vec<usize> {
    find_kept(bytes, range, needles, &|_| true, progress)
}

/// Finds words in a part of the log as [`find`] does; `keep` sifts the hits, given the bytes of a line.
pub(crate) fn find_kept(
    bytes: &[u8],
    range: Range<usize>,
    needles: &Needles,
    keep: &(dyn Fn(&[u8]) -> bool + Sync),
    progress: &dyn Progress,
) -> Vec<usize> {
    let parts: Vec<Vec<usize>> = chunks(&bytes[range.clone()])
        .into_par_iter()
        .map(|part| {
            let mut found = Vec::new();
            if !progress.is_cancelled() {
                needles.lines(bytes, range.start + part.start..range.start + part.end, &mut found);
                found.retain(|start| keep(&bytes[line_from(bytes, *start)]));
            }
            found
        })
        .collect();
    parts.concat()
}

#[derive(Default)]
struct Part {
    start: usize,
    ends: u64,
    rows: u64,
    hits: Vec<usize>,
}

/// Cuts the log into pieces of about [`CHUNK_BYTES`], each starting at a line.
pub(crate) fn chunks(bytes: &[u8]) -> Vec<Range<usize>> {
    crate::text::chunks(bytes, 0, CHUNK_BYTES)
}

/// Counts line ends, and lines that are not blank, of a piece that starts at a line.
pub(crate) fn count(piece: &[u8]) -> (u64, u64) {
    let next = piece.get(1..).unwrap_or(&[]);
    // Only a line that starts with a blank or control character can be blank.
    let (mut ends, mut low) = (0, u64::from(piece.first().is_some_and(|byte| *byte <= b' ')));
    let (lanes, rest) = piece[..next.len()].as_chunks::<LANE>();
    let (next_lanes, next_rest) = next.as_chunks::<LANE>();
    for (lanes, next_lanes) in lanes.chunks(MOST_LANES).zip(next_lanes.chunks(MOST_LANES)) {
        // One counter for each place in a lane, for the vector unit.
        let (mut lane_ends, mut lane_low) = ([0u8; LANE], [0u8; LANE]);
        for (lane, next) in lanes.iter().zip(next_lanes) {
            for at in 0..LANE {
                let end = u8::from(lane[at] == b'\n');
                lane_ends[at] += end;
                lane_low[at] += end & u8::from(next[at] <= b' ');
            }
        }
        ends += lane_ends.map(u64::from).iter().sum::<u64>();
        low += lane_low.map(u64::from).iter().sum::<u64>();
    }
    for (byte, next) in rest.iter().zip(next_rest) {
        ends += u64::from(*byte == b'\n');
        low += u64::from(*byte == b'\n' && *next <= b' ');
    }
    ends += u64::from(piece.last() == Some(&b'\n'));
    let open = u64::from(piece.last().is_some_and(|byte| *byte != b'\n'));
    let is_blank = |line: &&[u8]| line.trim_ascii().is_empty();
    let blank = match low {
        0 => 0,
        _ => piece.split_inclusive(|byte| *byte == b'\n').filter(is_blank).count() as u64,
    };
    (ends, ends + open - blank)
}

/// How many bytes are looked at at once.
const LANE: usize = 32;
/// As many lanes as a counter of one byte bears.
const MOST_LANES: usize = 255;

impl Scan {
    /// The number, from 1, of the line that starts at `start`.
    pub(crate) fn line_number(&self, bytes: &[u8], start: usize) -> u64 {
        let chunk = self.chunks.partition_point(|(at, _)| *at <= start).saturating_sub(1);
        let (at, before) = self.chunks.get(chunk).copied().unwrap_or((0, 0));
        before + memchr::memchr_iter(b'\n', &bytes[at..start]).count() as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoProgress;

    #[test]
    fn ok_counts() {
        for (name, text, rows) in [
            ("plain", "a\nb\n", 2),
            ("open end", "a\nb", 2),
            ("blank lines", "\n\na\n \t\r\n\nb\n\n", 2),
            ("carriage returns", "a\r\n\r\nb\r\n", 2),
            ("nothing", "", 0),
            ("indented", "  a\n b", 2),
        ] {
            let all = Needles::new([]);
            let scan = scan(text.as_bytes(), &all, &NoProgress, "x").expect("not cancelled");
            assert_eq!(scan.rows, rows, "{name}");
        }
    }

    #[test]
    fn ok_words() {
        let bytes = b"x AB12: y\nz AB12F: y\nAB12\n\n.AB12, AB12\nCD: AB12:AB12";
        for words in [vec!["AB12"], vec!["AB12", "none1", "none2", "none3"]] {
            let found = scan(bytes, &Needles::new(words), &NoProgress, "x").expect("not cancelled");
            assert_eq!(found.hits, vec![0, 21, 27, 39]);
            let numbers: Vec<u64> = found.hits.iter().map(|at| found.line_number(bytes, *at)).collect();
            assert_eq!(numbers, vec![1, 3, 5, 6]);
        }
    }
}
