//! Bytes to text, with the way back: every place in the text knows its bytes in the file.

use std::borrow::Cow;
use std::ops::Range;

use crate::ReadError;

/// How a file's bytes make text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8; bytes that do not fit become U+FFFD.
    Utf8,
    /// UTF-16, least significant byte first.
    Utf16Le,
    /// UTF-16, most significant byte first.
    Utf16Be,
    /// Windows-1252, one byte a character.
    Windows1252,
}

/// The text of a file, decoded.
pub(crate) struct Text<'a> {
    text: Cow<'a, str>,
    encoding: Encoding,
    /// Pairs of (offset in the text, offset in the file), ascending, dense enough to walk from.
    anchors: Vec<(usize, u64)>,
}

/// Distance of two anchors in bytes of text.
const ANCHOR_EVERY: usize = 4096;

impl<'a> Text<'a> {
    /// Decodes UTF-8 or UTF-16 with or without byte order mark, else Windows-1252.
    ///
    /// # Errors
    /// [`ReadError::Encoding`] if the bytes are a container or another binary format.
    pub(crate) fn decode(bytes: &'a [u8], name: &str) -> Result<Text<'a>, ReadError> {
        let (encoding, mark) = encoding_of(bytes);
        refuse_binary(bytes, encoding, name)?;
        Ok(Text::part(&bytes[mark..], mark as u64, encoding))
    }

    /// Decodes a part of a file that starts at the offset `at` of it.
    pub(crate) fn part(bytes: &'a [u8], at: u64, encoding: Encoding) -> Text<'a> {
        match encoding {
            Encoding::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Text { text: Cow::Borrowed(text), encoding, anchors: vec![(0, at)] },
                Err(_) => lossy(bytes, at),
            },
            _ => transcoded(bytes, at, encoding),
        }
    }

    /// The whole text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// How the bytes make text.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The bytes of the file that make up a range of the text.
    pub(crate) fn raw(&self, range: Range<usize>) -> Range<u64> {
        self.raw_offset(range.start)..self.raw_offset(range.end)
    }

    fn raw_offset(&self, at: usize) -> u64 {
        let (from, raw) = match self.anchors.binary_search_by(|(offset, _)| offset.cmp(&at)) {
            Ok(found) => self.anchors[found],
            Err(0) => (0, 0),
            Err(next) => self.anchors[next - 1],
        };
        raw + self.encoding.raw_len(&self.text[from..at])
    }
}

impl Encoding {
    /// How many bytes of the file a piece of decoded text took.
    pub(crate) fn raw_len(self, text: &str) -> u64 {
        (match self {
            Encoding::Utf8 => text.len(),
            Encoding::Utf16Le | Encoding::Utf16Be => text.encode_utf16().count() * 2,
            Encoding::Windows1252 => text.chars().count(),
        }) as u64
    }
}

/// The encoding by byte order mark, else by where zero bytes stand, else by validity as UTF-8; and the mark's length.
pub(crate) fn encoding_of(bytes: &[u8]) -> (Encoding, usize) {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => return (Encoding::Utf8, 3),
        [0xFF, 0xFE, ..] => return (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => return (Encoding::Utf16Be, 2),
        _ => {}
    }
    let start = &bytes[..bytes.len().min(1024)];
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if start.len() >= 4 && odd * 3 > start.len() && even * 8 < start.len() {
        return (Encoding::Utf16Le, 0);
    }
    if start.len() >= 4 && even * 3 > start.len() && odd * 8 < start.len() {
        return (Encoding::Utf16Be, 0);
    }
    let start = &bytes[..bytes.len().min(1 << 20)];
    match std::str::from_utf8(start) {
        Ok(_) => return (Encoding::Utf8, 0),
        // The sample may end within a character.
        Err(error) if error.error_len().is_none() => return (Encoding::Utf8, 0),
        Err(_) => {}
    }
    let mut multibyte = 0usize;
    let mut broken = 0usize;
    for chunk in start.utf8_chunks() {
        multibyte += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    if broken > 1 && multibyte == 0 { (Encoding::Windows1252, 0) } else { (Encoding::Utf8, 0) }
}

/// Refuses bytes that are a container or another binary format.
///
/// # Errors
/// [`ReadError::Encoding`].
pub(crate) fn refuse_binary(bytes: &[u8], encoding: Encoding, name: &str) -> Result<(), ReadError> {
    match binary(bytes, encoding) {
        None => Ok(()),
        Some((found, hint)) => {
            Err(ReadError::Encoding { file: name.to_owned(), at: 0, found: found.to_owned(), hint: hint.to_owned() })
        }
    }
}

/// Cuts what follows `start` into pieces of about `size` bytes, each starting at a line.
pub(crate) fn chunks(bytes: &[u8], start: usize, size: usize) -> Vec<Range<usize>> {
    let mut cuts = vec![start];
    let mut at = start + size;
    while at < bytes.len() {
        match memchr::memchr(b'\n', &bytes[at..]) {
            Some(end) if at + end + 1 < bytes.len() => cuts.push(at + end + 1),
            _ => break,
        }
        at = cuts[cuts.len() - 1] + size;
    }
    cuts.push(bytes.len());
    cuts.windows(2).map(|pair| pair[0]..pair[1]).filter(|range| !range.is_empty()).collect()
}

/// What a binary format looks like, and what to do about it.
fn binary(bytes: &[u8], encoding: Encoding) -> Option<(&'static str, &'static str)> {
    let known: &[(&[u8], &str, &str)] = &[
        (b"\xFF\xFE\0\0", UTF_32.0, UTF_32.1),
        (b"\0\0\xFE\xFF", UTF_32.0, UTF_32.1),
        (b"PK\x03\x04", "a ZIP container, such as .xlsx", "save the sheet as CSV, or unpack the archive"),
        (
            b"\xD0\xCF\x11\xE0",
            "a compound file, such as .xls, .doc or .msg",
            "save a sheet as CSV; save a message again as .msg, this one may be cut",
        ),
        (b"!BDN", "an Outlook data file (.pst, .ost)", "open it in Outlook and save the message as .msg"),
        (b"\x7FELF", "a program", "export the records as text, CSV or JSON"),
        (b"MZ\x90\0", "a program", "export the records as text, CSV or JSON"),
        (b"\x1F\x8B", "gzip data", "unpack it first"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", "unpack it first"),
        (b"Rar!\x1A\x07", "a RAR archive", "unpack it first"),
        (b"BZh91AY", "bzip2 data", "unpack it first"),
        (b"\xFD7zXZ\0", "xz data", "unpack it first"),
        (b"%PDF", "a PDF", "export CSV or JSON instead of a printout"),
        (b"\x28\xB5\x2F\xFD", "zstd data", "unpack it first"),
        (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
        (b"\x89PNG", "a picture", "export the records as text, CSV or JSON"),
        (b"\xFF\xD8\xFF", "a picture", "export the records as text, CSV or JSON"),
    ];
    let start = &bytes[..bytes.len().min(4096)];
    if let Some((_, found, hint)) = known.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return Some((found, hint));
    }
    if is_utf_32(start) {
        return Some(UTF_32);
    }
    if matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
        return None;
    }
    if is_ebcdic(start) {
        return Some(("EBCDIC text", "convert it, or export it again, as UTF-8"));
    }
    let control = start.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31)).count();
    (control * 20 > start.len()).then_some(("binary data", "export the records as text, CSV or JSON"))
}

const UTF_32: (&str, &str) = ("UTF-32 text", "save it as UTF-8");

/// Whether three of four bytes are zero, at the same places.
fn is_utf_32(start: &[u8]) -> bool {
    let zeros = |place: usize| start.iter().skip(place).step_by(4).filter(|byte| **byte == 0).count();
    let quarter = start.len() / 4;
    let is_zero = [0, 1, 2, 3].map(|place| quarter > 4 && zeros(place) >= quarter);
    matches!(is_zero, [false, true, true, true] | [true, true, true, false])
}

/// Whether the bytes are letters, digits and blanks of EBCDIC, and no blank and no line end of ASCII is among them.
fn is_ebcdic(start: &[u8]) -> bool {
    let letters = start.iter().filter(|byte| {
        matches!(byte, 0x40 | 0x81..=0x89 | 0x91..=0x99 | 0xA2..=0xA9 | 0xC1..=0xC9 | 0xD1..=0xD9 | 0xE2..=0xE9 | 0xF0..=0xF9)
    });
    start.len() > 40 && letters.count() * 10 > start.len() * 8 && !start.iter().any(|byte| matches!(byte, b' ' | b'\n'))
}

/// What to try with a text that is of no kind that is read.
pub(crate) fn advice(text: &str) -> &'static str {
    let start = text.trim_start();
    let begins = |word: &str| start.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if begins("<!doctype html") || begins("<html") {
        return "This is a web page: use the portal's own export, as CSV, instead of saving the page";
    }
    if begins("<?xml") {
        return "This is XML: export CSV or JSON instead";
    }
    if serde_json::from_str(start).is_ok_and(|value| holds_nothing(&value)) {
        return "This is an answer without records: nothing was found; ask for a longer time, or look at the filter";
    }
    "`throughline sources` lists what is read and how to get it"
}

/// Whether a JSON value is an empty list, or an object that holds an empty list and no list that is not.
fn holds_nothing(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(list) => list.is_empty(),
        serde_json::Value::Object(object) => {
            let mut lists = object.values().filter_map(serde_json::Value::as_array).peekable();
            lists.peek().is_some() && lists.all(Vec::is_empty)
        }
        _ => false,
    }
}

/// What stands against a text as JSON, with the place within it.
pub(crate) fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    match error.line() {
        0 | 1 => format!("broken JSON ({what}, at its character {})", error.column()),
        line => format!("broken JSON ({what}, at its line {line}, character {})", error.column()),
    }
}

fn lossy(body: &[u8], mark: u64) -> Text<'_> {
    let mut text = String::with_capacity(body.len());
    let mut anchors = vec![(0, mark)];
    let mut raw = mark;
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        raw += chunk.valid().len() as u64;
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            raw += chunk.invalid().len() as u64;
            anchors.push((text.len(), raw));
        }
    }
    Text { text: Cow::Owned(text), encoding: Encoding::Utf8, anchors }
}

fn transcoded(body: &[u8], mark: u64, encoding: Encoding) -> Text<'static> {
    let decoded: String = match encoding {
        Encoding::Utf16Le | Encoding::Utf16Be => {
            let units = body.chunks_exact(2).map(|pair| match encoding {
                Encoding::Utf16Le => u16::from_le_bytes([pair[0], pair[1]]),
                _ => u16::from_be_bytes([pair[0], pair[1]]),
            });
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        _ => encoding_rs::WINDOWS_1252.decode_without_bom_handling(body).0.into_owned(),
    };
    let mut anchors = vec![(0, mark)];
    let mut raw = mark;
    let mut last = 0;
    for (at, _) in decoded.char_indices() {
        if at - last >= ANCHOR_EVERY {
            raw += encoding.raw_len(&decoded[last..at]);
            anchors.push((at, raw));
            last = at;
        }
    }
    Text { text: Cow::Owned(decoded), encoding, anchors }
}

/// Whether there is nothing but white space and zero bytes.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    let body = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] | [0xFF, 0xFE, rest @ ..] | [0xFE, 0xFF, rest @ ..] => rest,
        all => all,
    };
    body.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

/// The first words of a text for an error message: at most 80 characters of its first line that is not blank.
pub(crate) fn first_words(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no text");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("`{}…`", &line[..at]),
        None => format!("`{line}`"),
    }
}
