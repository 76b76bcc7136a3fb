//! The files of a package: pages, data, every cited record, and the evidence that is cited.
//!
//! A file goes in whole if it is small, else its cited records. So does a sample of the message that nothing cites: whoever is to act asks for it first.
//! Of a message only the header goes in, unless the whole sample is wanted:
//! what somebody wrote to somebody is nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use report::{Block, Cite, Row, Section, Sheet, sheet_markdown};
use sha2::{Digest, Sha256};

use super::document::{CitedFile, CitedRecord, CitedRecords, Escalation, PackedFile};
use super::sheet::Pointers;
use crate::journal::hexadecimal;

/// The name and version of the form of `records.json`.
pub const RECORDS_SCHEMA: &str = "throughline.escalation-records.v1";

/// Files up to this size go in whole.
const WHOLE_BYTES: usize = 256 << 10;
/// Of a record that is cut out, so many bytes at most.
const RECORD_BYTES: usize = 64 << 10;
/// Stands for the words of a record in the body of a sample.
const WITHHELD: &str = "[in the body of the sample, which is not attached]";

/// A file of the evidence.
pub struct Evidence<'a> {
    /// Its name, as cites have it.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The kind of export.
    pub source: Option<&'a str>,
    /// Whether it is a sample of the message itself: it goes in even if nothing cites it.
    pub is_of_the_message: bool,
}

/// What of a message sample goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// Its header.
    Header,
    /// All of it.
    Whole,
}

/// The files of a package by name, each name once; the last one, `SHA256SUMS`, names all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Names and contents.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The file that names all others of a package.
pub const SUMS: &str = "SHA256SUMS";

impl Package {
    /// What is in it.
    pub fn listed(&self) -> Vec<PackedFile> {
        let of = |(name, bytes): &(String, Vec<u8>)| PackedFile {
            name: name.clone(),
            sha256: sha256(bytes),
            bytes: bytes.len() as u64,
        };
        self.files.iter().map(of).collect()
    }
}

/// Makes the files of a package.
///
/// # Errors
/// If a document is no JSON.
pub fn package(
    escalation: &Escalation,
    evidence: &[Evidence<'_>],
    sample: Sample,
) -> Result<Package, serde_json::Error> {
    let mut told = escalation.clone();
    told.package = None;
    let files: BTreeMap<&str, &Evidence<'_>> = evidence.iter().map(|file| (file.name, file)).collect();
    if sample == Sample::Header {
        told.each_cite(|cite| withhold(cite, files.get(cite.file.as_str()).copied()));
    }
    let cites = cited(&told);
    let mut attached = Attached::default();
    let by_file = by_file(&cites);
    let mut attached_files: Vec<CitedFile> =
        by_file.iter().map(|(name, cites)| attached.add(name, files.get(name).copied(), cites, sample)).collect();
    let own = evidence.iter().filter(|file| file.is_of_the_message);
    // The header of a .msg is no piece of it.
    let has_part = |file: &&Evidence<'_>| sample == Sample::Whole || file.source != Some("message/msg");
    let uncited = own.filter(|file| !by_file.contains_key(file.name)).filter(has_part);
    attached_files.extend(uncited.map(|file| attached.add(file.name, Some(file), &[], sample)));
    let records = CitedRecords {
        schema: RECORDS_SCHEMA.to_owned(),
        records: (1..)
            .zip(&cites)
            .map(|(number, cite)| record(number, cite, files.get(cite.file.as_str()).copied()))
            .collect(),
        files: attached_files,
    };
    let to = Pointers::numbered(&records);
    let has_sample = records.files.iter().any(|file| files.get(file.file.as_str()).is_some_and(|file| is_sample(file)));
    let sample = has_sample.then_some(sample);
    let mut all = vec![
        ("summary.md".to_owned(), sheet_markdown(&told.summary(&to, sample)).into_bytes()),
        ("timeline.md".to_owned(), sheet_markdown(&told.timeline_page(&to)).into_bytes()),
        ("questions.md".to_owned(), sheet_markdown(&told.questions_page()).into_bytes()),
        ("records.md".to_owned(), sheet_markdown(&records_page(&records)).into_bytes()),
        ("records.json".to_owned(), json(&records)?),
        ("escalation.json".to_owned(), json(&told)?),
    ];
    all.extend(attached.files);
    all.sort();
    let sums: String = all.iter().map(|(name, bytes)| format!("{}  {name}\n", sha256(bytes))).collect();
    all.push((SUMS.to_owned(), sums.into_bytes()));
    Ok(Package { files: all })
}

fn json(document: &impl serde::Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec_pretty(document)?;
    text.push(b'\n');
    Ok(text)
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Every record that the document names, once, by file and place.
fn cited(escalation: &Escalation) -> Vec<Cite> {
    let mut all: BTreeMap<(String, [u64; 2]), Cite> = BTreeMap::new();
    escalation.clone().each_cite(|cite| {
        all.entry((cite.file.clone(), cite.bytes)).or_insert_with(|| cite.clone());
    });
    all.into_values().collect()
}

fn by_file(cites: &[Cite]) -> BTreeMap<&str, Vec<&Cite>> {
    let mut files: BTreeMap<&str, Vec<&Cite>> = BTreeMap::new();
    for cite in cites {
        files.entry(&cite.file).or_default().push(cite);
    }
    files
}

fn record(number: u64, cite: &Cite, file: Option<&Evidence<'_>>) -> CitedRecord {
    let sha256 = file.and_then(|file| slice(file, cite)).map(sha256);
    CitedRecord { number, cite: cite.clone(), sha256 }
}

fn slice<'a>(file: &Evidence<'a>, cite: &Cite) -> Option<&'a [u8]> {
    file.bytes.get(usize::try_from(cite.bytes[0]).ok()?..usize::try_from(cite.bytes[1]).ok()?)
}

/// Keeps back the words of a record that stands in the body of a sample: those of no field.
fn withhold(cite: &mut Cite, file: Option<&Evidence<'_>>) {
    let Some(file) = file.filter(|file| is_sample(file)) else { return };
    let is_in_header = cite.bytes[1] <= header_end(file.bytes) as u64 && file.source != Some("message/msg");
    if !is_in_header && !is_field(&cite.said) {
        cite.said = WITHHELD.to_owned();
        cite.excerpt = None;
    }
}

/// Whether a file is a message as somebody wrote it; a notice is none.
fn is_sample(file: &Evidence<'_>) -> bool {
    matches!(file.source, Some("message/eml" | "message/msg" | "message/headers"))
}

/// Whether words are a field of a header: a name, a colon, and white space.
fn is_field(said: &str) -> bool {
    let Some((name, rest)) = said.split_once(':') else { return false };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name && (rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Where the header of a message ends: at its first empty line, or at the end.
fn header_end(bytes: &[u8]) -> usize {
    let lead = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut at = lead;
    while let Some(line) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
        let text = line.get(..end).unwrap_or_default();
        // In UTF-16 an empty line has zeros between.
        if text.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return at;
        }
        at += end;
    }
    bytes.len()
}

/// The evidence in the package, by name.
#[derive(Default)]
struct Attached {
    files: Vec<(String, Vec<u8>)>,
    names: BTreeSet<String>,
}

impl Attached {
    /// Puts what may go in of a cited file into the package.
    fn add(&mut self, name: &str, file: Option<&Evidence<'_>>, cites: &[&Cite], sample: Sample) -> CitedFile {
        let Some(file) = file else {
            let what = "the file could not be opened".to_owned();
            return CitedFile { file: name.to_owned(), sha256: None, source: None, attached: None, what };
        };
        let (ending, bytes, what) = part(file, cites, sample);
        let attached = self.free(&format!("evidence/{}{ending}", safe(name)));
        self.files.push((attached.clone(), bytes));
        CitedFile {
            file: name.to_owned(),
            sha256: Some(sha256(file.bytes)),
            source: file.source.map(str::to_owned),
            attached: Some(attached),
            what: what.to_owned(),
        }
    }

    /// A name that no other file has, whatever case counts for.
    fn free(&mut self, wanted: &str) -> String {
        let numbered = |number: usize| if number == 1 { wanted.to_owned() } else { format!("{wanted}-{number}") };
        let name = (1..).map(numbered).find(|name| !self.names.contains(&name.to_lowercase())).unwrap_or_default();
        self.names.insert(name.to_lowercase());
        name
    }
}

/// What of a file goes in: the ending of its name, the bytes, and that in words.
fn part(file: &Evidence<'_>, cites: &[&Cite], sample: Sample) -> (&'static str, Vec<u8>, &'static str) {
    const RECORDS: &str = ".cited-records.txt";
    let is_message = file.source.is_some_and(|source| source.starts_with("message/"));
    let is_whole = !is_message || (sample == Sample::Whole);
    if is_whole && (file.bytes.len() <= WHOLE_BYTES || is_message) {
        return ("", file.bytes.to_vec(), "the whole file");
    }
    if !is_message {
        return (RECORDS, cut_out(file, cites), "the cited records, cut out of a larger file");
    }
    let end = header_end(file.bytes);
    if file.source == Some("message/msg") || cites.iter().any(|cite| cite.bytes[1] > end as u64) {
        return (
            RECORDS,
            cut_out(file, cites),
            "the cited fields and records; the message itself was left out on purpose",
        );
    }
    let header = file.bytes.get(..end).unwrap_or_default().to_vec();
    (".header.txt", header, "the header; the body was left out on purpose")
}

/// Cited records, each with its place; in front the first line of a file of lines, which may name its columns.
fn cut_out(file: &Evidence<'_>, cites: &[&Cite]) -> Vec<u8> {
    let mut out = format!("Cited records of {}, SHA-256 {}\n", plain(file.name), sha256(file.bytes));
    let is_message = file.source.is_some_and(|source| source.starts_with("message/"));
    let first = file.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_line = cites.iter().all(|cite| cite.line.is_some()) && first.len() <= RECORD_BYTES;
    if is_line && !is_message && cites.iter().all(|cite| cite.line != Some(1)) {
        out.push_str(&format!("\n--- line 1\n{}\n", decode(first).trim_end()));
    }
    for cite in cites {
        let bytes = slice(file, cite).unwrap_or_default();
        let text = match cite.said.as_str() {
            WITHHELD => WITHHELD.to_owned(),
            // The bytes of a .msg are no text.
            said if file.source == Some("message/msg") => said.to_owned(),
            _ => decode(bytes.get(..bytes.len().min(RECORD_BYTES)).unwrap_or_default()),
        };
        let cut = if bytes.len() > RECORD_BYTES { "\n[cut: the record goes on]" } else { "" };
        let (place, hash) = (plain(&cite.place()), sha256(bytes));
        out.push_str(&format!(
            "\n--- {place}, bytes {}-{}, SHA-256 {hash}\n{}{cut}\n",
            cite.bytes[0],
            cite.bytes[1],
            text.trim_end()
        ));
    }
    out.into_bytes()
}

/// Bytes as text; a record of UTF-16 has no byte order mark, but zeros.
fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xff\xfe").unwrap_or(bytes);
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count() * 4;
    let little = zeros(1) > bytes.len();
    if little || zeros(0) > bytes.len() {
        let unit = |pair: &[u8]| match pair {
            [a, b] if little => u16::from_le_bytes([*a, *b]),
            [a, b] => u16::from_be_bytes([*a, *b]),
            _ => 0xfffd,
        };
        let units: Vec<u16> = bytes.chunks(2).map(unit).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// A name without line breaks and controls.
fn plain(name: &str) -> String {
    report::visible(name)
}

/// A name of the evidence as one that every system can unpack, and that leads nowhere else.
fn safe(name: &str) -> String {
    const MAX_CHARS: usize = 100;
    let part = |part: &str| {
        let letter = |c: char| {
            let is_plain =
                c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ' | '@' | '+' | '(' | ')' | ',' | '=');
            if is_plain { c } else { '_' }
        };
        let text: String = part.chars().take(MAX_CHARS).map(letter).collect();
        let text = text.trim_end_matches(['.', ' ']).trim_start().to_owned();
        if text.is_empty() { "_".to_owned() } else { text }
    };
    let parts = name.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..");
    let name: Vec<String> = parts.map(part).collect();
    if name.is_empty() { "file".to_owned() } else { name.join("/") }
}

/// Every record in its own words.
fn records_page(records: &CitedRecords) -> Sheet {
    let record = |record: &CitedRecord| Row {
        lead: format!("[{}] {}", record.number, record.cite.place()),
        text: record.sha256.as_ref().map_or(String::new(), |hash| format!("SHA-256 {hash}")),
        raw: Some(record.cite.said.clone()),
        ..Row::default()
    };
    let file = |file: &CitedFile| Row {
        lead: file.file.clone(),
        text: format!(
            "{}, SHA-256 {}",
            file.source.as_deref().unwrap_or("of a kind that is not known"),
            file.sha256.as_deref().unwrap_or("not known")
        ),
        notes: vec![match &file.attached {
            Some(name) => format!("{}: {name}", file.what),
            None => file.what.clone(),
        }],
        ..Row::default()
    };
    let section = |id: &'static str, title: &str, rows: Vec<Row>| Section {
        id,
        title: title.to_owned(),
        blocks: vec![Block::Rows(rows)],
    };
    Sheet {
        title: "Records".to_owned(),
        sections: vec![
            section("records", "Cited records", records.records.iter().map(record).collect()),
            section("files", "Files that they stand in", records.files.iter().map(file).collect()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for (name, expected) in [
            ("001/trace.csv", "001/trace.csv"),
            ("001/../../etc/passwd", "001/etc/passwd"),
            ("/001//a.csv", "001/a.csv"),
            ("001/a\\..\\b:c\n.csv", "001/a_.._b_c_.csv"),
            ("001/trace\u{202e}vsc.exe", "001/trace_vsc.exe"),
            ("..", "file"),
            ("001/...", "001/_"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_header_ends_at_the_first_empty_line() {
        for (name, text, expected) in [
            ("LF", "From: a\nTo: b\n\nbody\n", "From: a\nTo: b\n"),
            ("CRLF", "From: a\r\n\r\nbody", "From: a\r\n"),
            ("empty lines in front", "\r\n\nFrom: a\n\nbody", "\r\n\nFrom: a\n"),
            ("no body", "From: a\nTo: b", "From: a\nTo: b"),
            ("nothing", "", ""),
        ] {
            assert_eq!(&text[..header_end(text.as_bytes())], expected, "{name}");
        }
    }

    #[test]
    fn fields_are_told_from_what_somebody_wrote() {
        for (said, expected) in [
            ("Received: from a by b", true),
            ("X-Mc-Unique: abc", true),
            ("Subject:", true),
            ("https://pay.example/x", false),
            ("see you at 10:00 then", false),
            ("nothing", false),
        ] {
            assert_eq!(is_field(said), expected, "{said}");
        }
    }

    #[test]
    fn a_record_of_utf_16_is_shown_as_text() {
        let little: Vec<u8> = "550 5.7.1 no".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "550 5.7.1 no".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (name, bytes) in [("little", little), ("big", big), ("UTF-8", b"550 5.7.1 no".to_vec())] {
            assert_eq!(decode(&bytes), "550 5.7.1 no", "{name}");
        }
    }
}
