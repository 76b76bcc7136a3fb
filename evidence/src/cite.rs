//! Where a statement is written.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The name of an evidence file: its path relative to what the user named, with `/` between parts.
///
/// A file inside an archive carries the archive's name in front: `export.zip/trace.csv`.
pub type FileName = Arc<str>;

/// How many characters of a record a cite repeats at most.
pub const SAID_MAX_CHARS: usize = 300;

/// Which record of a file: by line, or by record number where lines mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The line at which the record starts, counted from 1.
    Line(u64),
    /// The record's number, counted from 1, in binary files and JSON that is written on one line.
    Record(u64),
}

/// The exact place in a file that says something, with the record's own words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cite {
    /// The file that holds the record.
    pub file: FileName,
    /// The record within the file.
    pub place: Place,
    /// The whole record as byte offsets into the file as supplied (before any decoding), end exclusive.
    pub bytes: Range<u64>,
    /// The part of the record that says it, as byte offsets like [`Cite::bytes`]; `None` if the whole record does.
    pub mark: Option<Range<u64>>,
    /// The record's own words, decoded, cut at [`SAID_MAX_CHARS`] characters.
    pub said: Arc<str>,
}

impl Cite {
    /// Makes a cite; cuts `said` at [`SAID_MAX_CHARS`] characters.
    pub fn new(file: FileName, place: Place, bytes: Range<u64>, said: &str) -> Cite {
        let cut = match said.len() <= SAID_MAX_CHARS {
            true => None, // each character takes a byte at least
            false => said.char_indices().nth(SAID_MAX_CHARS),
        };
        let said = cut.map_or(said, |(at, _)| &said[..at]).into();
        Cite { file, place, bytes, mark: None, said }
    }

    /// The key by which cites are sorted: file, then position.
    pub fn order(&self) -> (&str, u64, u64) {
        (&self.file, self.bytes.start, self.bytes.end)
    }

    /// The same cite with the part that says it marked; a mark outside the record is dropped.
    pub fn marked(mut self, mark: Range<u64>) -> Cite {
        if mark.start >= self.bytes.start && mark.end <= self.bytes.end && mark.start < mark.end {
            self.mark = Some(mark);
        }
        self
    }
}

impl fmt::Display for Cite {
    /// Writes `file:line`, or `file#record`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Line(line) => write!(f, "{}:{line}", self.file),
            Place::Record(record) => write!(f, "{}#{record}", self.file),
        }
    }
}
