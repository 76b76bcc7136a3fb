//! Header fields with their exact places (RFC 5322, 2.2), also where the block is cut, quoted, or stands in prose.

use std::ops::Range;

use evidence::{Cite, FileName};

use super::sheet::{Sheet, text_of};

/// How much of one field's value is looked at.
pub(crate) const MAX_VALUE_BYTES: usize = 256 * 1024;
/// How many fields of one header are looked at.
pub(crate) const MAX_FIELDS: usize = 20_000;

/// One header field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name as written.
    pub(crate) name: String,
    /// Its name in lower case.
    pub(crate) lower: String,
    /// Its value, unfolded, without the white space around it.
    pub(crate) value: String,
    /// The whole folded field.
    pub(crate) cite: Cite,
    /// Whether the value is longer than what is looked at.
    pub(crate) cut: bool,
}

impl Field {
    /// Whether it has this name, whatever the case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.lower.eq_ignore_ascii_case(name)
    }
}

/// A header and what stands around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    /// Its fields, in the order of the text.
    pub(crate) fields: Vec<Field>,
    /// Lines among the fields that are neither a field nor a continuation.
    pub(crate) torn: Vec<Cite>,
    /// Lines that belong to the container: mbox separators.
    pub(crate) separators: Vec<Cite>,
    /// Stretches of other text around the fields, where the text is not a message.
    pub(crate) prose: Vec<Cite>,
    /// Fields after the first [`MAX_FIELDS`]: how many, and where the first stands.
    pub(crate) unread: Option<(u64, Cite)>,
    /// Where the body starts; `None` if the text ends with the header.
    pub(crate) body: Option<usize>,
}

/// One line without its end, and where the next starts.
pub(super) fn line_at(bytes: &[u8], at: usize, end: usize) -> (Range<usize>, usize) {
    let stop = memchr::memchr(b'\n', &bytes[at..end]).map_or(end, |found| at + found);
    let next = (stop + 1).min(end);
    let body = if stop > at && bytes[stop - 1] == b'\r' { stop - 1 } else { stop };
    (at..body, next)
}

/// The length of a field name that is followed by a colon, and where the value starts.
pub(super) fn name_of(line: &[u8]) -> Option<(usize, usize)> {
    let head = &line[..line.len().min(160)];
    let name = head.iter().position(|byte| !(33..=126).contains(byte) || *byte == b':')?;
    let colon = name + head[name..].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    (name > 0 && head[colon] == b':').then_some((name, colon + 1))
}

struct Open {
    name: String,
    value: Vec<u8>,
    whole: Range<usize>,
    line: u64,
    cut: bool,
}

impl Open {
    fn new(line: &[u8], name: usize, value: usize, whole: Range<usize>, number: u64) -> Open {
        let mut open = Open {
            name: text_of(&line[..name]),
            value: Vec::with_capacity(line.len() - value),
            whole,
            line: number,
            cut: false,
        };
        open.take(&line[value..]);
        open
    }

    fn take(&mut self, more: &[u8]) {
        let room = MAX_VALUE_BYTES - self.value.len();
        self.cut |= more.len() > room;
        self.value.extend_from_slice(&more[..more.len().min(room)]);
    }

    /// Whether a line whose indentation was lost goes on with the `h=` tag of a signature (RFC 6376, 3.5): names of fields
    /// with colons between them look like fields, as in `content-type:subject:from; bh=...`.
    fn is_list_of_names(&self, line: &[u8]) -> bool {
        const SIGNATURES: [&str; 4] =
            ["dkim-signature", "arc-message-signature", "x-google-dkim-signature", "domainkey-signature"];
        if !SIGNATURES.iter().any(|name| name.eq_ignore_ascii_case(&self.name)) {
            return false;
        }
        let last_tag = memchr::memrchr(b';', &self.value).map_or(&self.value[..], |at| &self.value[at + 1..]);
        let names = line.split(|byte| *byte == b';').next().unwrap_or(line).trim_ascii();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_');
        last_tag.trim_ascii_start().starts_with(b"h=") && names.iter().all(is_name)
    }

    fn close(self, sheet: &Sheet<'_>, file: &FileName) -> Field {
        let mut value = text_of(self.value);
        if memchr::memchr(b'\t', value.as_bytes()).is_some() {
            value = value.replace('\t', " ");
        }
        if value.trim().len() < value.len() {
            value = value.trim().to_owned();
        }
        Field {
            lower: self.name.to_ascii_lowercase(),
            name: self.name,
            value,
            cite: sheet.cite(file, self.whole, self.line),
            cut: self.cut,
        }
    }
}

impl Header {
    fn push(&mut self, open: Option<Open>, sheet: &Sheet<'_>, file: &FileName) {
        let Some(open) = open else { return };
        if self.fields.len() < MAX_FIELDS {
            self.fields.push(open.close(sheet, file));
            return;
        }
        match &mut self.unread {
            Some((count, _)) => *count += 1,
            None => self.unread = Some((1, sheet.cite(file, open.whole, open.line))),
        }
    }

    /// The first field of a name.
    pub(crate) fn first(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.is(name))
    }
}

/// Reads the header that starts at `range.start`, up to the blank line that ends it.
///
/// A line that is no field ends the header too, unless a field follows it: then it is a torn line.
pub(crate) fn header(sheet: &Sheet<'_>, file: &FileName, range: Range<usize>) -> Header {
    let bytes = sheet.bytes();
    let mut found = Header::default();
    let mut open: Option<Open> = None;
    let mut at = range.start;
    let mut number = sheet.line_of(at);
    let mut begun = false;
    while at < range.end {
        let (line, next) = line_at(bytes, at, range.end);
        let text = &bytes[line.clone()];
        if text.is_empty() {
            if begun {
                found.body = Some(next);
                break;
            }
        } else if matches!(text[0], b' ' | b'\t') && open.is_some() {
            if let Some(open) = &mut open {
                open.take(text);
                open.whole.end = line.end;
            }
        } else if !begun && (text.starts_with(b"From ") || text.starts_with(b">From ")) {
            found.separators.push(sheet.cite(file, line, number));
        } else if let Some((name, value)) = name_of(text) {
            found.push(open.take(), sheet, file);
            open = Some(Open::new(text, name, value, line, number));
            begun = true;
        } else {
            found.push(open.take(), sheet, file);
            let (after, _) = line_at(bytes, next, range.end);
            if text.starts_with(b"--") || !begun || name_of(&bytes[after]).is_none() {
                found.body = Some(at);
                break;
            }
            found.torn.push(sheet.cite(file, line, number));
        }
        at = next;
        number += 1;
    }
    found.push(open, sheet, file);
    found
}

/// Field names that say "this is a mail header" by themselves.
pub(crate) fn is_telling(name: &str) -> bool {
    const TELLING: &[&str] = &[
        "received",
        "authentication-results",
        "arc-authentication-results",
        "message-id",
        "return-path",
        "dkim-signature",
        "received-spf",
        "delivered-to",
        "mime-version",
        "content-type",
        "from",
        "to",
        "subject",
        "date",
    ];
    let name = name.to_ascii_lowercase();
    TELLING.contains(&name.as_str())
        || ["x-ms-", "x-microsoft-", "x-forefront-", "x-mimecast-", "x-mc-"].iter().any(|head| name.starts_with(head))
}

/// Strips `> ` quoting and indentation that a quote leaves; the length of what was stripped.
fn quote_len(line: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let blanks = line[at..].iter().take_while(|byte| **byte == b' ').count();
        match line.get(at + blanks) {
            Some(b'>' | b'|') if blanks <= 3 => at += blanks + 1,
            _ => break,
        }
    }
    if at > 0 && line.get(at) == Some(&b' ') { at + 1 } else { at }
}

/// Reads fields out of pasted text: quoted, cut, with prose before and after, with lost indentation.
pub(crate) fn pasted(sheet: &Sheet<'_>, file: &FileName) -> Header {
    let bytes = sheet.bytes();
    let mut found = Header::default();
    let mut open: Option<Open> = None;
    let mut prose: Option<(Range<usize>, u64)> = None;
    let mut at = sheet.start();
    let mut number = 1;
    while at < bytes.len() {
        let (line, next) = line_at(bytes, at, bytes.len());
        let whole = &bytes[line.clone()];
        let text = &whole[quote_len(whole)..];
        let goes_on = open.as_ref().is_some_and(|open| open.is_list_of_names(text));
        let named = name_of(text).filter(|_| !goes_on).filter(|(name, value)| {
            let known = &text[..*name];
            let word = String::from_utf8_lossy(known);
            // `Name : value` is how tools print their objects, not how headers look.
            *value == name + 1 && (is_telling(&word) || word.to_ascii_lowercase().starts_with("x-") || open.is_some())
        });
        if text.iter().all(u8::is_ascii_whitespace) {
            found.push(open.take(), sheet, file);
        } else if let Some((name, value)) = named {
            found.push(open.take(), sheet, file);
            if let Some((range, line)) = prose.take() {
                found.prose.push(sheet.cite(file, range, line));
            }
            open = Some(Open::new(text, name, value, line, number));
        } else if let Some(open) = &mut open {
            // An indented continuation, or one whose indentation was lost on the way through a ticket.
            if !matches!(text[0], b' ' | b'\t') {
                open.take(b" ");
            }
            open.take(text);
            open.whole.end = line.end;
        } else {
            match &mut prose {
                Some((range, _)) => range.end = line.end,
                None => prose = Some((line, number)),
            }
        }
        at = next;
        number += 1;
    }
    found.push(open, sheet, file);
    if let Some((range, line)) = prose {
        found.prose.push(sheet.cite(file, range, line));
    }
    found
}
