//! What the tests over all sources share.

#![allow(dead_code, reason = "each test file uses its part")]

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use evidence::{Cite, FileName, Place, Reading, SAID_MAX_CHARS};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sources::{Clock, Input, NoProgress, Query, Source, Wanted};

/// Zone and year for records that state none.
pub fn clock() -> Clock {
    Clock {
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        zone_label: "UTC+2 by --tz".to_owned(),
        reference: "2026-05-02T12:00:00Z".parse::<Timestamp>().expect("an instant"),
    }
}

/// Reads every row of a file.
///
/// # Errors
/// Those of the source.
pub fn try_read(source: &dyn Source, name: &str, bytes: &[u8]) -> Result<Reading, String> {
    try_read_wanted(source, name, bytes, &Wanted::Everything)
}

/// Reads the wanted rows of a file.
///
/// # Errors
/// Those of the source.
pub fn try_read_wanted(source: &dyn Source, name: &str, bytes: &[u8], wanted: &Wanted) -> Result<Reading, String> {
    let input = Input { name: FileName::from(name), bytes };
    let query = Query { wanted, clock: &clock(), progress: &NoProgress };
    source.read(&input, &query).map_err(|error| error.to_string())
}

/// The folder of a source: `message/eml` is `src/message/eml`; a vendor with one kind may do with `src/postfix`.
pub fn folder_of(id: &str) -> PathBuf {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let own = src.join(id.replace('-', "_"));
    match id.split_once('/') {
        Some((vendor, _)) if !own.is_dir() => src.join(vendor.replace('-', "_")),
        _ => own,
    }
}

/// Every row is in one heap, and every cite opens at its record.
pub fn check_reading(name: &str, bytes: &[u8], reading: &Reading) -> Result<(), String> {
    if reading.rows_accounted_for() != reading.rows {
        return Err(format!("{name}: {} rows, {} in heaps", reading.rows, reading.rows_accounted_for()));
    }
    let observed = reading.observations.iter().map(|observation| &observation.cite);
    let problems = reading.problems.iter().map(|problem| &problem.cite);
    let passed_over = reading.passed_over.iter().filter_map(|heap| heap.first.as_ref());
    observed.chain(problems).chain(passed_over).try_for_each(|cite| check_cite(name, bytes, cite))
}

/// Checks that a cite opens at its record.
///
/// # Errors
/// What is wrong with it.
pub fn check_cite(name: &str, bytes: &[u8], cite: &Cite) -> Result<(), String> {
    let fault = |what: &str| Err(format!("{name}: {cite}, bytes {:?}: {what}", cite.bytes));
    let Some(record) = bytes.get(cite.bytes.start as usize..cite.bytes.end as usize) else {
        return fault("outside the file");
    };
    if *cite.file != *name {
        return fault("names another file");
    }
    // A property of an Outlook item may lie in pieces: then the whole file is its place.
    let in_pieces = matches!(cite.place, Place::Record(_)) && record.len() == bytes.len() && is_compound(record);
    if !in_pieces && !decodings(record).iter().any(|text| text.chars().take(SAID_MAX_CHARS).eq(cite.said.chars())) {
        return fault("another record stands there");
    }
    if cite.mark.as_ref().is_some_and(|mark| mark.start < cite.bytes.start || mark.end > cite.bytes.end) {
        return fault("the mark is outside the record");
    }
    match cite.place {
        Place::Line(line) if line != line_of(bytes, cite.bytes.start as usize) => fault("stands on another line"),
        _ => Ok(()),
    }
}

/// Whether a record may lie in the file in pieces, packed or encoded.
fn is_compound(file: &[u8]) -> bool {
    let magics: [&[u8]; 3] = [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", b"\x1f\x8b", b"PK\x03\x04"];
    let encoded = ["base64", "quoted-printable"].map(|word| format!("content-transfer-encoding: {word}"));
    magics.iter().any(|magic| file.starts_with(magic)) || {
        let text = String::from_utf8_lossy(file).to_ascii_lowercase();
        encoded.iter().any(|field| text.contains(field))
    }
}

/// The bytes as text, in each encoding that exports use.
fn decodings(record: &[u8]) -> [Cow<'_, str>; 4] {
    let decode = |encoding: &'static encoding_rs::Encoding| encoding.decode_without_bom_handling(record).0;
    [
        String::from_utf8_lossy(record),
        decode(encoding_rs::UTF_16LE),
        decode(encoding_rs::UTF_16BE),
        decode(encoding_rs::WINDOWS_1252),
    ]
}

/// The line on which a byte stands, from 1; a lone CR ends a line where there is no LF.
fn line_of(bytes: &[u8], at: usize) -> u64 {
    let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
    bytes[..at].iter().filter(|byte| **byte == end).count() as u64 + 1
}

/// The part of a file that a cite marks, as text.
pub fn marked<'b>(bytes: &'b [u8], cite: &Cite) -> Option<Cow<'b, str>> {
    let mark = cite.mark.as_ref()?;
    let record = &bytes[cite.bytes.start as usize..cite.bytes.end as usize];
    let which = decodings(record).iter().position(|text| text.chars().take(SAID_MAX_CHARS).eq(cite.said.chars()))?;
    let [utf8, utf16_le, utf16_be, windows] = decodings(&bytes[mark.start as usize..mark.end as usize]);
    Some(match which {
        0 => utf8,
        1 => utf16_le,
        2 => utf16_be,
        _ => windows,
    })
}
