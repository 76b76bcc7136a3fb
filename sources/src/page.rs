//! The text of a file with the way back into it, for kinds whose records are blocks of lines.

use std::ops::Range;

use evidence::{Cite, FileName, Place};

use crate::text::Text;
use crate::{Input, ReadError};

/// A file's text, and a maker of cites that are asked for from the top downwards.
pub(crate) struct Page<'a> {
    name: FileName,
    text: Text<'a>,
    counted: usize,
    line: u64,
}

impl<'a> Page<'a> {
    /// Decodes a file.
    ///
    /// # Errors
    /// [`ReadError`] if the bytes are no text.
    pub(crate) fn of(input: &'a Input<'_>) -> Result<Page<'a>, ReadError> {
        Ok(Page { name: input.name.clone(), text: Text::decode(input.bytes, &input.name)?, counted: 0, line: 1 })
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.text.as_str().to_owned()
    }

    /// A cite of a range of the text, without the blanks around it.
    pub(crate) fn cite(&mut self, span: Range<usize>) -> Cite {
        let text = self.text.as_str();
        let body = text.get(span.clone()).unwrap_or("");
        let start = span.start + (body.len() - body.trim_start().len());
        let span = start..start + body.trim().len();
        if span.start < self.counted {
            (self.counted, self.line) = (0, 1);
        }
        let passed = text.as_bytes().get(self.counted..span.start).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.counted = span.start;
        let said = text.get(span.clone()).unwrap_or("");
        Cite::new(self.name.clone(), Place::Line(self.line), self.text.raw(span), said)
    }
}

/// The lines of a text with their places, without their ends.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let body = line.trim_end_matches(['\n', '\r']);
        (start..start + body.len(), body)
    })
}
