//! A message as bytes: its header fields untouched, and its body.

use std::ops::Range;

/// Most header fields that are looked at; what comes after them is kept in the body of no signature.
pub const MAX_FIELDS: usize = 20_000;

/// One header field, untouched: from the first byte of its name to the last byte before its line end.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The name as written, without white space before the colon.
    pub name: &'a [u8],
    /// The whole field as written: name, colon, value with its folding, without the last line end.
    pub raw: &'a [u8],
    /// Where [`Field::raw`] starts within the message.
    pub at: usize,
    /// Where the value starts within [`Field::raw`]: after the colon.
    value_at: usize,
}

impl<'a> Field<'a> {
    /// The value as written, with its folding, from after the colon.
    pub fn value(&self) -> &'a [u8] {
        &self.raw[self.value_at..]
    }

    /// Whether it has this name, whatever the case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Its place within the message as bytes.
    pub fn bytes(&self) -> Range<usize> {
        self.at..self.at + self.raw.len()
    }
}

/// A message split into its header fields and its body; the bytes stay as they are.
#[derive(Clone, Debug)]
pub struct Raw<'a> {
    /// The header fields, in the order of the text.
    pub fields: Vec<Field<'a>>,
    /// The body, from after the blank line; empty if there is none.
    pub body: &'a [u8],
    /// Where [`Raw::body`] starts within the message; the end of the message if there is none.
    pub body_at: usize,
    /// Whether a line among the fields is neither a field nor a continuation, so that signatures cannot hold by the book.
    pub torn: bool,
}

impl<'a> Raw<'a> {
    /// Splits a message. Line ends may be CRLF or bare LF; `From ` lines of a mailbox file in front are skipped.
    pub fn of(message: &'a [u8]) -> Raw<'a> {
        let mut raw = Raw { fields: Vec::new(), body: &[], body_at: message.len(), torn: false };
        let mut open: Option<(usize, usize, usize, usize)> = None; // start, length of the name, start of the value, end
        let mut at = 0;
        while at < message.len() {
            let stop = memchr::memchr(b'\n', &message[at..]).map_or(message.len(), |found| at + found);
            let end = if stop > at && stop < message.len() && message[stop - 1] == b'\r' { stop - 1 } else { stop };
            let next = (stop + 1).min(message.len());
            let line = &message[at..end];
            if line.is_empty() {
                raw.body = &message[next..];
                raw.body_at = next;
                break;
            }
            if matches!(line[0], b' ' | b'\t') {
                match &mut open {
                    Some((_, _, _, field_end)) => *field_end = end,
                    None => raw.torn = true,
                }
            } else if raw.fields.is_empty()
                && open.is_none()
                && (line.starts_with(b"From ") || line.starts_with(b">From "))
            {
                // The separator of a mailbox file.
            } else {
                raw.close(message, open.take());
                match name_of(line) {
                    Some((name, value)) => open = Some((at, name, value, end)),
                    None => raw.torn = true,
                }
            }
            at = next;
        }
        raw.close(message, open);
        raw
    }

    fn close(&mut self, message: &'a [u8], open: Option<(usize, usize, usize, usize)>) {
        let Some((at, name, value_at, end)) = open else { return };
        if self.fields.len() < MAX_FIELDS {
            self.fields.push(Field { name: &message[at..at + name], raw: &message[at..end], at, value_at });
        }
    }

    /// The fields of a name, from the top.
    pub fn named<'s>(&'s self, name: &'s str) -> impl DoubleEndedIterator<Item = &'s Field<'a>> + 's {
        self.fields.iter().filter(move |field| field.is(name))
    }
}

/// The length of a field's name, and where its value starts; `None` if the line is no field.
fn name_of(line: &[u8]) -> Option<(usize, usize)> {
    let name = line.iter().position(|byte| !(33..=126).contains(byte) || *byte == b':')?;
    let colon = name + line[name..].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    (name > 0 && line[colon] == b':').then_some((name, colon + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_raw() {
        for (name, text, fields, body, torn) in [
            ("plain", "A: 1\r\nB : 2\r\n 3\r\n\r\nbody\r\n", vec!["A| 1", "B| 2\r\n 3"], "body\r\n", false),
            ("bare LF", "A: 1\nB:2\n\nbody", vec!["A| 1", "B|2"], "body", false),
            ("no body", "A: 1\r\n", vec!["A| 1"], "", false),
            ("no end", "A: 1", vec!["A| 1"], "", false),
            ("mbox", "From x\nA: 1\n\nb", vec!["A| 1"], "b", false),
            ("torn", "A: 1\nrubbish\nB: 2\n\nb", vec!["A| 1", "B| 2"], "b", true),
            ("empty", "", vec![], "", false),
            ("body only", "\r\nhi", vec![], "hi", false),
            ("a lone CR at the end", "A: 1\r", vec!["A| 1\r"], "", false),
        ] {
            let raw = Raw::of(text.as_bytes());
            let found: Vec<String> = raw
                .fields
                .iter()
                .map(|field| {
                    format!("{}|{}", String::from_utf8_lossy(field.name), String::from_utf8_lossy(field.value()))
                })
                .collect();
            assert_eq!(found, fields, "{name}");
            assert_eq!((String::from_utf8_lossy(raw.body).as_ref(), raw.torn), (body, torn), "{name}");
            assert_eq!(&text.as_bytes()[raw.body_at..], raw.body, "{name}");
            for field in &raw.fields {
                assert_eq!(&text.as_bytes()[field.bytes()], field.raw, "{name}");
            }
        }
    }
}
