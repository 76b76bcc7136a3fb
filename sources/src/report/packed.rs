//! A report within what carries it: as it is, in gzip, in a zip archive of one file, or as a part of the report mail.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use evidence::{Cite, FileName, Place};

use crate::message::boundary;
use crate::message::sheet::Sheet;
use crate::text::{Text, encoding_of};

/// Most bytes that are unpacked from one file, one level deep: what lies beyond is left out, and said.
pub(super) const UNPACKED_MAX_BYTES: u64 = 64 << 20;
/// How much is unpacked to see what something is.
const GLANCE_BYTES: u64 = 64 << 10;
/// How many files at the front of an archive are looked at.
const MEMBERS_MAX: usize = 16;

/// A report, unpacked.
pub(super) struct Content<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where it stands in the file; `None` if it was packed or encoded.
    at: Option<usize>,
    /// Whether a mail carries it.
    pub(super) in_mail: bool,
    /// What of it could not be unpacked.
    pub(super) loss: Option<String>,
}

/// Looks only at the front of a file, to see what it is.
pub(super) fn holds(head: &[u8], is_report: fn(&str) -> bool) -> bool {
    find(head, is_report, GLANCE_BYTES).is_some()
}

/// Finds the report in a file.
pub(super) fn open(file: &[u8], is_report: fn(&str) -> bool) -> Option<Content<'_>> {
    find(file, is_report, UNPACKED_MAX_BYTES)
}

fn find(file: &[u8], is_report: fn(&str) -> bool, most: u64) -> Option<Content<'_>> {
    if let Some(found) = unpacked(file, most) {
        let (bytes, loss) = found;
        return match fits(&bytes, is_report) {
            true => Some(Content { bytes: Cow::Owned(bytes), at: None, in_mail: false, loss }),
            false => None,
        };
    }
    if fits(file, is_report) {
        return Some(Content { bytes: Cow::Borrowed(file), at: Some(0), in_mail: false, loss: None });
    }
    if !may_carry(file) {
        return None;
    }
    in_mail(file, is_report, most)
}

/// Whether the text is the report that is looked for, judged by its front.
fn fits(bytes: &[u8], is_report: fn(&str) -> bool) -> bool {
    let glance = &bytes[..bytes.len().min(GLANCE_BYTES as usize)];
    is_report(crate::table::decoded(glance, encoding_of(glance).0).trim_start_matches('\u{feff}').trim_start())
}

/// Words of which the header of a report mail, or of its part, holds one.
const CARRIERS: [&[u8]; 6] =
    [b"gzip", b"application/zip", b"zip-compressed", b"octet-stream", b"/xml", b"application/tlsrpt"];

/// Whether a file could be a mail that carries a report.
fn may_carry(file: &[u8]) -> bool {
    let head = file[..file.len().min(GLANCE_BYTES as usize)].to_ascii_lowercase();
    let has = |word: &[u8]| memchr::memmem::find(&head, word).is_some();
    has(b"content-type:") && CARRIERS.iter().any(|word| has(word))
}

/// The first part of a mail that is the report.
fn in_mail(file: &[u8], is_report: fn(&str) -> bool, most: u64) -> Option<Content<'_>> {
    let sheet = Sheet::of(file);
    let parts = boundary::parts(sheet.bytes()).ok()?;
    for part in parts.iter().filter(|part| !part.is_message) {
        let plain = sheet.bytes().get(part.body.clone()).unwrap_or_default();
        let body = if part.encoded { part.decoded.as_slice() } else { plain };
        if let Some((bytes, loss)) = unpacked(body, most) {
            if fits(&bytes, is_report) {
                return Some(Content { bytes: Cow::Owned(bytes), at: None, in_mail: true, loss });
            }
        } else if fits(body, is_report) {
            let in_place = !part.encoded && sheet.is_as_in_file();
            let bytes = match in_place {
                true => Cow::Borrowed(file.get(part.body.clone()).unwrap_or_default()),
                false => Cow::Owned(body.to_vec()),
            };
            return Some(Content { bytes, at: in_place.then_some(part.body.start), in_mail: true, loss: None });
        }
    }
    None
}

/// What gzip or zip data holds, and what is missing of it; `None` if it is neither.
fn unpacked(bytes: &[u8], most: u64) -> Option<(Vec<u8>, Option<String>)> {
    if bytes.starts_with(b"\x1f\x8b") {
        return Some(inflated(flate2::read::MultiGzDecoder::new(bytes), most));
    }
    bytes.starts_with(b"PK\x03\x04").then(|| member(bytes, most))
}

/// Reads at most so many bytes; what could be unpacked before a fault is kept.
fn inflated(from: impl Read, most: u64) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let loss = match from.take(most + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > most => {
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            Some(format!("the packed report unpacks to more than {most} bytes: the rest was left out"))
        }
        Ok(_) => None,
        Err(error) => Some(format!("the packed report could not be unpacked to its end ({error}): fetch it again")),
    };
    (bytes, loss)
}

/// The first file of a zip archive, by its local header (APPNOTE.TXT, 4.3.7); sizes it claims are not believed.
fn member(archive: &[u8], most: u64) -> (Vec<u8>, Option<String>) {
    let mut at = 0;
    for _ in 0..MEMBERS_MAX {
        let Some(header) = archive.get(at..).filter(|rest| rest.starts_with(b"PK\x03\x04") && rest.len() >= 30) else {
            break;
        };
        let short = |offset: usize| usize::from(u16::from_le_bytes([header[offset], header[offset + 1]]));
        let (flags, method) = (short(6), short(8));
        let start = 30 + short(26) + short(28);
        let size = short(18) | (short(20) << 16);
        let name = header.get(30..30 + short(26)).unwrap_or_default();
        let body = header.get(start..).unwrap_or_default();
        if flags & 1 == 1 {
            return (Vec::new(), Some("the archive is encrypted: unpack it with its password first".to_owned()));
        }
        if name.ends_with(b"/") {
            at = at.saturating_add(start).saturating_add(size);
            continue;
        }
        let (bytes, loss) = match method {
            8 => inflated(flate2::read::DeflateDecoder::new(body), most),
            0 => inflated(if size == 0 { body } else { &body[..size.min(body.len())] }, most),
            other => {
                return (Vec::new(), Some(format!("the archive is packed by method {other}: unpack it yourself")));
            }
        };
        let more = members(archive)
            .filter(|count| *count > 1)
            .map(|count| format!("an archive of {count} files: only the first is read; unpack it and name the folder"));
        return (bytes, loss.or(more));
    }
    (Vec::new(), None)
}

/// How many files an archive says that it has, in its last record (APPNOTE.TXT, 4.3.16).
fn members(archive: &[u8]) -> Option<u16> {
    let tail = &archive[archive.len().saturating_sub(64 << 10)..];
    let at = memchr::memmem::rfind(tail, b"PK\x05\x06")?;
    Some(u16::from_le_bytes([*tail.get(at + 10)?, *tail.get(at + 11)?]))
}

impl Content<'_> {
    /// Its text; every place in it knows its bytes in the file, if it stands there as it is.
    pub(super) fn text(&self) -> Text<'_> {
        let (encoding, mark) = encoding_of(&self.bytes);
        Text::part(&self.bytes[mark..], (self.at.unwrap_or(0) + mark) as u64, encoding)
    }

    /// A maker of cites.
    pub(super) fn places<'p>(&self, file: &FileName, whole: &'p [u8]) -> Places<'p> {
        let line_end = if memchr::memchr(b'\n', whole).is_some() { b'\n' } else { b'\r' };
        Places { file: file.clone(), whole, in_place: self.at.is_some(), line_end, counted: 0, line: 1 }
    }
}

/// Makes cites: of the record's own bytes where they stand in the file, else of the whole file, by the record's number.
pub(super) struct Places<'p> {
    file: FileName,
    whole: &'p [u8],
    in_place: bool,
    line_end: u8,
    counted: usize,
    line: u64,
}

impl Places<'_> {
    /// A cite of a range of the text, which is record `number` from 1.
    pub(super) fn cite(&mut self, text: &Text<'_>, span: Range<usize>, number: u64) -> Cite {
        let said = text.as_str().get(span.clone()).unwrap_or("");
        if !self.in_place {
            return Cite::new(self.file.clone(), Place::Record(number), 0..self.whole.len() as u64, said);
        }
        let raw = text.raw(span);
        let start = usize::try_from(raw.start).unwrap_or(self.whole.len()).min(self.whole.len());
        if start < self.counted {
            (self.counted, self.line) = (0, 1);
        }
        self.line += memchr::memchr_iter(self.line_end, &self.whole[self.counted..start]).count() as u64;
        self.counted = start;
        Cite::new(self.file.clone(), Place::Line(self.line), raw, said)
    }
}
