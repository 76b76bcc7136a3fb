//! Where in the message something of a canonical body stands.

use std::ops::Range;

use super::search::Cut;
use super::variants::Variant;
use crate::dkim::canon::Canon;
use crate::message::Raw;

/// Finds the place in the message of a place in a canonical body.
pub(super) struct Places<'p, 'a> {
    pub raw: &'p Raw<'a>,
    pub variant: &'p Variant,
    pub canon: Canon,
}

impl Places<'_, '_> {
    /// The bytes of the message that hold a part of the canonical text. Where other changes were undone too, it is the line
    /// that says the same, or else the whole body.
    pub fn of(&self, text: &[u8], (start, end): Cut) -> Range<usize> {
        let body = self.raw.body_at..self.raw.body_at + self.raw.body.len();
        if self.variant.changes.is_empty() {
            let start = raw_place(self.canon, self.raw.body, start);
            let end = if end >= text.len() { self.raw.body.len() } else { raw_place(self.canon, self.raw.body, end) };
            return body.start + start..body.start + end.max(start);
        }
        let cut = &text[start..end];
        let line = cut.split(|byte| *byte == b'\r').find(|line| line.len() > 8).unwrap_or(cut);
        match memchr::memmem::find(self.raw.body, line).filter(|_| !line.is_empty()) {
            Some(at) => body.start + at..body.start + at + line.len(),
            None => body,
        }
    }
}

/// Where in a body the canonical byte stands.
fn raw_place(form: Canon, body: &[u8], canonical: usize) -> usize {
    let (mut at, mut given) = (0, 0);
    while at < body.len() {
        let stop = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |found| at + found);
        let end = if stop > at && stop < body.len() && body[stop - 1] == b'\r' { stop - 1 } else { stop };
        let line = &body[at..end];
        let length = line_length(form, line);
        if canonical < given + length + 2 {
            return at + offset_in_line(form, line, canonical - given);
        }
        given += length + 2;
        at = (stop + 1).min(body.len());
    }
    body.len()
}

fn line_length(form: Canon, line: &[u8]) -> usize {
    match form {
        Canon::Simple => line.len(),
        Canon::Relaxed => {
            let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
            (0..end).filter(|at| gives(line, *at)).count()
        }
    }
}

/// Whether a byte of a line gives a canonical byte under `relaxed`: of a run of white space only the first does.
fn gives(line: &[u8], at: usize) -> bool {
    let white = |at: usize| matches!(line[at], b' ' | b'\t');
    !(white(at) && at > 0 && white(at - 1))
}

/// How many bytes of a line give the first `canonical` bytes of its canonical form.
fn offset_in_line(form: Canon, line: &[u8], canonical: usize) -> usize {
    match form {
        Canon::Simple => canonical.min(line.len()),
        Canon::Relaxed => (0..line.len()).filter(|at| gives(line, *at)).nth(canonical).unwrap_or(line.len()),
    }
}
