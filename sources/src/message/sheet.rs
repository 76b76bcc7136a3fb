//! The bytes of a sample as lines of 8-bit text, with the way back into the file.

use std::borrow::Cow;
use std::ops::Range;

use evidence::{Cite, FileName, Place, SAID_MAX_CHARS};

use crate::text::{Encoding, Text, encoding_of};

/// A sample as text that is cut into lines by LF; every offset knows its bytes in the file.
pub(crate) struct Sheet<'a> {
    file: &'a [u8],
    bytes: Cow<'a, [u8]>,
    decoded: Option<Text<'a>>,
    start: usize,
    held: Option<Held>,
}

/// Where text stands that a record holds as one of its values: which offset of the record each piece of it begins at.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Offset in the text, and in the decoded file; each piece is the file's own text up to the next.
    pub(crate) pieces: Vec<(usize, usize)>,
    /// Whether the text has its line ends from the file, and where its first line stands there.
    pub(crate) lines: Lines,
}

/// On which lines of the file the lines of a held text stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lines {
    /// One after the other, from this line on.
    From(u64),
    /// All on this line: their ends are escapes.
    On(u64),
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::From(1)
    }
}

impl Held {
    /// The offset in the decoded file of an offset in the text.
    fn place(&self, at: usize) -> usize {
        let next = self.pieces.partition_point(|(text, _)| *text <= at);
        next.checked_sub(1).and_then(|piece| self.pieces.get(piece)).map_or(at, |(text, file)| file + (at - text))
    }

    fn line(&self, line: u64) -> u64 {
        match self.lines {
            Lines::From(first) => first + line - 1,
            Lines::On(line) => line,
        }
    }
}

impl<'a> Sheet<'a> {
    /// Takes 8-bit text as it is (a lone CR as line end where there is no LF) and UTF-16 decoded.
    pub(crate) fn of(file: &'a [u8]) -> Sheet<'a> {
        let (encoding, mark) = encoding_of(file);
        if matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be)
            && let Ok(text) = Text::decode(file, "")
        {
            let bytes = with_line_feeds(text.as_str().as_bytes()).into_owned();
            return Sheet { file, bytes: Cow::Owned(bytes), decoded: Some(text), start: 0, held: None };
        }
        let start = if encoding == Encoding::Utf8 { mark } else { 0 };
        Sheet { file, bytes: with_line_feeds(file), decoded: None, start, held: None }
    }

    /// Takes a text that a value of a record of the decoded file holds.
    pub(crate) fn held(file: &'a [u8], decoded: Text<'a>, text: String, held: Held) -> Sheet<'a> {
        Sheet { file, bytes: Cow::Owned(text.into_bytes()), decoded: Some(decoded), start: 0, held: Some(held) }
    }

    /// The text; a lone CR is an LF where there is no LF, otherwise as in the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file as supplied.
    pub(crate) fn file(&self) -> &'a [u8] {
        self.file
    }

    /// Whether offsets of the text are offsets of the file, and its lines the file's.
    pub(crate) fn is_as_in_file(&self) -> bool {
        self.decoded.is_none() && matches!(self.bytes, Cow::Borrowed(_))
    }

    /// Where the text starts, after a byte order mark.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The bytes of the file that a range of the text took.
    pub(crate) fn raw(&self, range: Range<usize>) -> Range<u64> {
        let range = self.in_file(range);
        match &self.decoded {
            Some(text) => {
                let whole = text.as_str();
                text.raw(floor(whole, range.start)..floor(whole, range.end))
            }
            None => range.start as u64..range.end as u64,
        }
    }

    /// The range of the decoded file that a range of the text took.
    fn in_file(&self, range: Range<usize>) -> Range<usize> {
        match &self.held {
            Some(held) => held.place(range.start)..held.place(range.end),
            None => range,
        }
    }

    /// The line on which an offset of the text stands, from 1.
    pub(crate) fn line_of(&self, at: usize) -> u64 {
        memchr::memchr_iter(b'\n', &self.bytes[..at.min(self.bytes.len())]).count() as u64 + 1
    }

    /// A cite of a range of the text that starts on `line`.
    pub(crate) fn cite(&self, file: &FileName, range: Range<usize>, line: u64) -> Cite {
        let line = self.held.as_ref().map_or(line, |held| held.line(line));
        let whole = self.in_file(range.clone());
        let shown = whole.start..whole.end.min(whole.start.saturating_add(4 * SAID_MAX_CHARS));
        let said = match &self.decoded {
            Some(text) => {
                let whole = text.as_str();
                Cow::Borrowed(&whole[floor(whole, shown.start)..floor(whole, shown.end)])
            }
            None => {
                let bytes = self.file.get(shown).unwrap_or_default();
                let start = &bytes[..bytes.len().min(SAID_MAX_CHARS)];
                // Of plain text a cite repeats no more bytes than characters.
                let bytes = if start.is_ascii() { start } else { bytes };
                std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
            }
        };
        Cite::new(file.clone(), Place::Line(line), self.raw(range), &said)
    }
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', bytes).is_none() && memchr::memchr(b'\r', bytes).is_some() {
        return Cow::Owned(bytes.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect());
    }
    Cow::Borrowed(bytes)
}

/// Marks the first place of `word` inside the cited bytes, in 8-bit text or UTF-16; unmarked if it is not there.
pub(crate) fn mark(file: &[u8], cite: &Cite, word: &str) -> Cite {
    const LOOK_AT: u64 = 1 << 16;
    let (start, end) = (cite.bytes.start, cite.bytes.end.min(cite.bytes.start + LOOK_AT));
    let Some(record) = file.get(start as usize..end as usize) else { return cite.clone() };
    if word.is_empty() || end - start < cite.bytes.end - cite.bytes.start {
        return cite.clone();
    }
    let wide = |order: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let find = |needle: &[u8]| {
        let at = memchr::memmem::find(record, needle)? as u64;
        Some(start + at..start + at + needle.len() as u64)
    };
    let found = find(word.as_bytes());
    // Text of two bytes a character has zeros in it.
    let found = match memchr::memchr(0, record) {
        Some(_) => found.or_else(|| find(&wide(u16::to_le_bytes))).or_else(|| find(&wide(u16::to_be_bytes))),
        None => found,
    };
    found.map_or_else(|| cite.clone(), |mark| cite.clone().marked(mark))
}

/// Text of bytes in no declared charset: UTF-8 if they are, else Windows-1252.
pub(crate) fn text_of(bytes: impl Into<Vec<u8>>) -> String {
    String::from_utf8(bytes.into())
        .unwrap_or_else(|error| encoding_rs::WINDOWS_1252.decode_without_bom_handling(error.as_bytes()).0.into_owned())
}
