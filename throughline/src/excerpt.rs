//! The text around a mark, for marks that a cite's first 300 characters do not reach or cannot place.

use std::collections::HashMap;

use report::{Cite, Excerpt};
use sources::Input;

/// Characters shown on each side of a mark.
const AROUND_CHARS: usize = 160;
/// Characters shown of a mark.
const MARKED_MAX_CHARS: usize = 300;

/// Adds to every cite with a mark the text around it. `each_cite` visits the cites of a document.
pub fn add(files: &[Input<'_>], each_cite: impl FnOnce(&mut dyn FnMut(&mut Cite))) {
    let files: HashMap<&str, &[u8]> = files.iter().map(|file| (&*file.name, file.bytes)).collect();
    each_cite(&mut |cite| cite.excerpt = files.get(cite.file.as_str()).and_then(|bytes| excerpt(cite, bytes)));
}

fn excerpt(cite: &Cite, file: &[u8]) -> Option<Excerpt> {
    let mark = cite.mark?;
    let at = |offset: u64| usize::try_from(offset.checked_sub(cite.bytes[0])?).ok();
    let record = file.get(usize::try_from(cite.bytes[0]).ok()?..usize::try_from(cite.bytes[1]).ok()?)?;
    let (start, end) = (at(mark[0])?, at(mark[1])?);
    let units = Units::of(record);
    let before = units.decode(record.get(units.near(start.saturating_sub(AROUND_CHARS * 4))..start)?);
    let marked = units.decode(record.get(start..end.min(start + MARKED_MAX_CHARS * 4))?);
    let after = units.decode(record.get(end..units.near(end.saturating_add(AROUND_CHARS * 4)).min(record.len()))?);
    Some(Excerpt {
        before: last_chars(before, start > AROUND_CHARS * 4),
        marked: first_chars(marked, MARKED_MAX_CHARS),
        after: first_chars(after, AROUND_CHARS),
    })
}

/// How the bytes of a record make characters; a record alone has no byte order mark.
#[derive(Clone, Copy)]
enum Units {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

impl Units {
    fn of(record: &[u8]) -> Units {
        let start = &record[..record.len().min(256)];
        let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
        match (zeros(0), zeros(1)) {
            (even, odd) if odd > even && odd * 4 > start.len() => Units::Utf16(u16::from_le_bytes),
            (even, odd) if even > odd && even * 4 > start.len() => Units::Utf16(u16::from_be_bytes),
            _ => Units::Utf8,
        }
    }

    /// An offset near this one that does not stand within a unit.
    fn near(self, offset: usize) -> usize {
        match self {
            Units::Utf8 => offset,
            Units::Utf16(_) => offset & !1,
        }
    }

    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Units::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Units::Utf16(unit) => {
                let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
                char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
        }
    }
}

fn first_chars(text: String, count: usize) -> String {
    match text.char_indices().nth(count) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The last characters; a bound within a character leaves replacement marks at the start, which are cut with it.
fn last_chars(text: String, was_cut: bool) -> String {
    let text = if was_cut { text.trim_start_matches(char::REPLACEMENT_CHARACTER) } else { &text };
    match text.char_indices().rev().nth(AROUND_CHARS) {
        Some((at, c)) => format!("…{}", &text[at + c.len_utf8()..]),
        None if was_cut => format!("…{text}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, file: &[u8], bytes: [u64; 2], mark: [u64; 2], expected: Option<(&str, &str, &str)>) {
        let said = String::new();
        let cite =
            Cite { file: String::new(), line: Some(1), record: None, bytes, mark: Some(mark), said, excerpt: None };
        let found = excerpt(&cite, file);
        let found = found.as_ref().map(|e| (e.before.as_str(), e.marked.as_str(), e.after.as_str()));
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn ok_excerpt() {
        check("plain", b"a\nstatus=sent (ok)\n", [2, 18], [9, 13], Some(("status=", "sent", " (ok)")));
        let wide: Vec<u8> = "status=sent".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check("UTF-16", &wide, [0, 22], [14, 22], Some(("status=", "sent", "")));
        let long = format!("{}mark{}", "é".repeat(1000), "y".repeat(1000));
        let (before, after) = (format!("…{}", "é".repeat(160)), format!("{}…", "y".repeat(160)));
        check("long", long.as_bytes(), [0, 3004], [2000, 2004], Some((&before, "mark", &after)));
    }

    #[test]
    fn none_outside_the_file() {
        for (bytes, mark) in [([0, 99], [0, 1]), ([5, 2], [0, 1]), ([0, 3], [2, 9]), ([1, 3], [0, 1]), ([0, 3], [2, 1])]
        {
            check("outside", b"abc", bytes, mark, None);
        }
    }
}
