//! The answer of `Get-QuarantineMessageHeader`: a record that holds the header as one of its values, as JSON, `Export-Csv` or
//! `Format-List`.

use std::ops::Range;

use crate::message::sheet::{Held, Lines, Sheet};
use crate::records::delimiter_of;
use crate::table::row::block_line;
use crate::text::Text;

/// The header that a file holds as the value of `Header`; none if it holds no such record, or several.
pub(super) fn sheet(file: &[u8]) -> Option<Sheet<'_>> {
    let decoded = Text::decode(file, "").ok()?;
    let whole = decoded.as_str();
    let (text, held) = match whole.trim_start().as_bytes().first()? {
        b'{' | b'[' => in_json(whole),
        b'#' | b'"' => in_csv(whole),
        _ => in_block(whole),
    }?;
    Some(Sheet::held(file, decoded, text, held))
}

/// `"Header": "Received: ...\r\n\tby ..."`, beside an `"Identity"`.
fn in_json(whole: &str) -> Option<(String, Held)> {
    let key = "\"Header\"";
    if !whole.contains("\"Identity\"") || whole.matches(key).nth(1).is_some() {
        return None;
    }
    let after = whole.find(key)? + key.len();
    let value = whole[after..].trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let start = whole.len() - value.len();
    let line = memchr::memchr_iter(b'\n', &whole.as_bytes()[..start]).count() as u64 + 1;
    let (text, pieces) = unescaped(value, start)?;
    Some((text, Held { pieces, lines: Lines::On(line) }))
}

/// The text of a JSON string up to its last quote (RFC 8259, 7), and where its pieces stand; none if it is torn.
fn unescaped(value: &str, start: usize) -> Option<(String, Vec<(usize, usize)>)> {
    let mut text = String::new();
    let mut pieces = vec![(0, start)];
    let mut rest = value;
    loop {
        let plain = rest.find(['"', '\\', '\n'])?;
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
        if rest.starts_with('"') {
            return Some((text, pieces));
        }
        let (letter, length) = escape(rest)?;
        pieces.push((text.len(), start + value.len() - rest.len()));
        text.push(letter);
        rest = &rest[length..];
        pieces.push((text.len(), start + value.len() - rest.len()));
    }
}

/// The character of the escape that a text begins with, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let letter = match text.strip_prefix('\\')?.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let unit = u32::from_str_radix(text.get(2..6)?, 16).ok()?;
            // Half of a pair: header fields hold none; it is shown as what it is, unreadable.
            return Some((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6));
        }
        same @ ('"' | '\\' | '/') => same,
        _ => return None,
    };
    Some((letter, 2))
}

/// A row under `"Identity","Organization","Header"`, whose cell goes on over many lines.
fn in_csv(whole: &str) -> Option<(String, Held)> {
    let skipped = if whole.starts_with("#TYPE") { whole.find('\n')? + 1 } else { 0 };
    let first_line = whole[skipped..].lines().next()?;
    let rows = rows(whole, skipped, delimiter_of(first_line));
    let [columns, row] = rows.as_slice() else { return None };
    let column = |name: &str| columns.iter().position(|cell| whole[cell.clone()].trim_matches('"') == name);
    column("Identity")?;
    let cell = row.get(column("Header")?)?;
    let inner = whole[cell.clone()].strip_prefix('"')?.strip_suffix('"')?;
    let start = cell.start + 1;
    let line = memchr::memchr_iter(b'\n', &whole.as_bytes()[..start]).count() as u64 + 1;
    let (mut text, mut pieces) = (String::new(), Vec::new());
    let mut at = start;
    for part in inner.split("\"\"") {
        if at > start {
            text.push('"');
        }
        pieces.push((text.len(), at));
        text.push_str(part);
        at += part.len() + 2;
    }
    Some((text, Held { pieces, lines: Lines::From(line) }))
}

/// Where the cells of the first three rows stand, with their quotes.
fn rows(whole: &str, from: usize, delimiter: u8) -> Vec<Vec<Range<usize>>> {
    let (mut rows, mut row): (Vec<Vec<Range<usize>>>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    let (mut start, mut quoted) = (from, false);
    for (at, byte) in whole.bytes().enumerate().skip(from).chain([(whole.len(), b'\n')]) {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted && at < whole.len() => {}
            b'\n' => {
                let end = if whole[start..at].ends_with('\r') { at - 1 } else { at };
                row.push(start..end);
                let is_blank = row.iter().all(|cell| cell.is_empty());
                rows.extend((!is_blank).then(|| std::mem::take(&mut row)));
                row.clear();
                start = at + 1;
            }
            byte if byte == delimiter => {
                row.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
        if rows.len() > 2 {
            break;
        }
    }
    rows
}

/// `Header       : Received: ...`, whose further lines are indented to where the value begins.
fn in_block(whole: &str) -> Option<(String, Held)> {
    let mut has_identity = false;
    let mut at = 0;
    for (number, line) in (1..).zip(whole.split_inclusive('\n')) {
        match block_line(line.trim_end()) {
            Some(("Identity", _)) => has_identity = true,
            Some(("Header", value)) if has_identity => {
                let indent = line.trim_end().len() - value.len();
                return Some(unindented(whole, at, indent, number));
            }
            // Nothing but such lines stands before it.
            None if !line.trim().is_empty() && !line.starts_with(' ') => return None,
            _ => {}
        }
        at += line.len();
    }
    None
}

/// The value that begins `indent` bytes into the line at `at`, with as much taken from its further lines.
fn unindented(whole: &str, at: usize, indent: usize, number: u64) -> (String, Held) {
    let mut text = String::new();
    let mut pieces = Vec::new();
    let mut start = at;
    for (count, line) in whole[at..].split_inclusive('\n').enumerate() {
        let blanks = line.bytes().take_while(|byte| *byte == b' ').count();
        let is_blank = line.trim().is_empty();
        if count > 0 && !is_blank && blanks < indent {
            break;
        }
        let cut = if is_blank { line.len() - line.trim_start_matches(' ').len() } else { indent };
        pieces.push((text.len(), start + cut));
        text.push_str(&line[cut..]);
        start += line.len();
    }
    (text, Held { pieces, lines: Lines::From(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_views() {
        for (name, file, expected) in [
            (
                "json",
                "[{\"Identity\":\"a\\\\b\",\"Header\":\"Received: x\\r\\n\\tby \\u003cy\\u003e\\r\\nFrom: a\"}]",
                "Received: x\r\n\tby <y>\r\nFrom: a",
            ),
            (
                "block",
                "\r\nIdentity : a\\b\r\nHeader   : Received: x\r\n            by y\r\n           From: a\r\n\r\n",
                "Received: x\r\n by y\r\nFrom: a\r\n\r\n",
            ),
            (
                "csv",
                "#TYPE X\r\n\"Identity\",\"Header\"\r\n\"a\\b\",\"Received: x\r\n by y\r\nFrom: \"\"Ann\"\" <a>\r\n\"\r\n",
                "Received: x\r\n by y\r\nFrom: \"Ann\" <a>\r\n",
            ),
        ] {
            let sheet = sheet(file.as_bytes());
            assert_eq!(sheet.map(|sheet| sheet.bytes().to_vec()), Some(expected.as_bytes().to_vec()), "{name}");
        }
    }

    #[test]
    fn refused_views() {
        for (name, file) in [
            ("torn string", "{\"Identity\":\"a\",\"Header\":\"Received: x"),
            ("torn escape", "{\"Identity\":\"a\",\"Header\":\"Received: \\u00"),
            ("two", "[{\"Identity\":\"a\",\"Header\":\"A: 1\"},{\"Identity\":\"b\",\"Header\":\"A: 1\"}]"),
            ("no identity", "{\"Header\":\"Received: x\"}"),
            ("a header", "Received: x\r\nHeader : y\r\n"),
            ("torn cell", "\"Identity\",\"Header\"\r\n\"a\",\"Received: x\r\n by"),
            ("two rows", "\"Identity\",\"Header\"\r\n\"a\",\"A: 1\"\r\n\"b\",\"A: 1\"\r\n"),
            ("no row", "\"Identity\",\"Header\"\r\n"),
            ("nothing", ""),
        ] {
            assert!(sheet(file.as_bytes()).is_none(), "{name}");
        }
    }
}
