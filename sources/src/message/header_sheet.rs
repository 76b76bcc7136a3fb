//! A sample's header as a sheet: every field in its order, as written, with what it means beside it.

use evidence::Cite;

use super::eml::{self, Extent};
use super::fields::{Field, Header};
use super::headers::{self, Headers};
use super::msg::{self, Msg};
use super::sheet::Sheet;
use super::vendor::decode::decode;
use super::vendor::{Decoded, Written};
use super::{carrier, fields};
use crate::{Head, Input, ReadError, Recognition, Source};

/// How much of a file is looked at to tell what it is.
const HEAD_BYTES: usize = 64 * 1024;

/// The header of a sample: every field once, in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct HeaderSheet {
    /// The fields, from the top: the newest Received field stands first.
    pub fields: Vec<SheetField>,
    /// Lines among the fields that are neither a field nor a continuation.
    pub torn: Vec<Cite>,
    /// Text around the fields of a pasted header, and lines of the container.
    pub around: Vec<Cite>,
    /// Fields beyond the most that are read: how many, and where the first stands.
    pub unread: Option<(u64, Cite)>,
    /// What the sheet cannot show, in words.
    pub limits: Vec<String>,
    /// The header of the message that this one carries as an attachment, as reports and forwards do.
    pub carried: Option<Box<HeaderSheet>>,
}

/// One header field in words.
#[derive(Clone, Debug)]
pub struct SheetField {
    /// Its name as written.
    pub name: String,
    /// Its value as written, unfolded.
    pub value: String,
    /// Where it stands.
    pub cite: Cite,
    /// Whose field it is; `None` for those of a standard, and where no table knows it.
    pub vendor: Option<&'static str>,
    /// What the field is, as a short sentence; `None` if that is not known.
    pub says: Option<&'static str>,
    /// Its parts with their meanings.
    pub decoded: Vec<Decoded>,
    /// Whether it says of itself that an earlier system wrote it.
    pub written: Written,
}

/// Reads the header of a saved message, an Outlook item or a pasted header, and decodes each field.
///
/// # Errors
/// What stands against it, if the file is neither of them, or holds no header field.
pub fn header_sheet(input: &Input<'_>) -> Result<HeaderSheet, ReadError> {
    let start = &input.bytes[..input.bytes.len().min(HEAD_BYTES)];
    let head = Head { text: "", bytes: start, size_bytes: input.bytes.len() as u64 };
    let fits = |found: Recognition| matches!(found, Recognition::Certain | Recognition::Fits);
    if fits(Msg.recognise(&head)) {
        return of_outlook_item(input);
    }
    let text = Sheet::of(input.bytes);
    let header = eml::start_of(&text, &input.name);
    let sheet = if fits(eml::likeness(&text, &header, Extent::Whole)) {
        of_message(&text, header, input)
    } else if fits(Headers.recognise(&head)) {
        HeaderSheet::of(fields::pasted(&headers::sheet_of(input.bytes), &input.name))
    } else {
        return Err(no_message(input));
    };
    Ok(sheet)
}

fn of_message(text: &Sheet<'_>, header: Header, input: &Input<'_>) -> HeaderSheet {
    let attached = carrier::attached(text, &input.name, &header);
    let mut sheet = HeaderSheet::of(header);
    if let Some(attached) = attached {
        match attached.in_place {
            true => sheet.carried = Some(Box::new(HeaderSheet::of(attached.header))),
            false => sheet
                .limits
                .push("a message is attached in an encoding: save it by itself to see its header".to_owned()),
        }
    }
    sheet
}

fn of_outlook_item(input: &Input<'_>) -> Result<HeaderSheet, ReadError> {
    let mut headers = msg::headers_of(input)?.into_iter();
    let mut sheet = HeaderSheet::of(headers.next().unwrap_or_default());
    if sheet.fields.is_empty() {
        sheet.limits.push(
            "the item has no transport headers, as drafts, sent items and mail within the organisation have none"
                .to_owned(),
        );
    }
    sheet.carried = headers.next().map(|header| Box::new(HeaderSheet::of(header)));
    match sheet.fields.is_empty() && sheet.carried.is_none() {
        true => Err(no_fields(input)),
        false => Ok(sheet),
    }
}

impl HeaderSheet {
    fn of(header: Header) -> HeaderSheet {
        let Header { fields, torn, separators, prose, unread, .. } = header;
        let around = separators.into_iter().chain(prose).collect();
        let fields: Vec<SheetField> = fields.into_iter().map(SheetField::of).collect();
        HeaderSheet { fields, torn, around, unread, ..HeaderSheet::default() }
    }
}

impl SheetField {
    fn of(field: Field) -> SheetField {
        let words = decode(&field.name, &field.lower, &field.value);
        SheetField {
            name: field.name,
            value: field.value,
            cite: field.cite,
            vendor: words.vendor,
            says: words.says,
            decoded: words.decoded,
            written: words.written,
        }
    }
}

/// The error that says what the file is instead, as far as that is known.
fn no_message(input: &Input<'_>) -> ReadError {
    let found = match crate::recognise(input.bytes, &input.name) {
        Err(error @ (ReadError::Empty { .. } | ReadError::Encoding { .. })) => return error,
        Err(_) => crate::text::first_words(&String::from_utf8_lossy(&input.bytes[..input.bytes.len().min(400)])),
        Ok(source) => format!("a file of the kind `{}`", source.title()),
    };
    ReadError::Broken {
        file: input.name.to_string(),
        place: "line 1".to_owned(),
        expected: "a saved message, an Outlook item or pasted headers".to_owned(),
        found,
        hint: "save the message itself, or paste its internet headers into a file".to_owned(),
    }
}

fn no_fields(input: &Input<'_>) -> ReadError {
    ReadError::Broken {
        file: input.name.to_string(),
        place: "line 1".to_owned(),
        expected: "header fields such as `Received: ...`".to_owned(),
        found: "none".to_owned(),
        hint: "save the message as .eml; an Outlook item that was never sent has no internet headers".to_owned(),
    }
}

/// The sheet of some bytes, under a name.
#[cfg(test)]
pub(super) fn of_bytes(name: &str, bytes: &[u8]) -> Result<HeaderSheet, ReadError> {
    header_sheet(&Input { name: name.into(), bytes })
}
