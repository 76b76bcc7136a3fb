//! Text of strangers made harmless and fitted to columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many characters of one value are shown at most; mail headers and replies have no limit of their own.
const SHOWN_MAX_CHARS: usize = 2_000;

/// Makes every character that is invisible, moves the cursor, or turns the reading direction visible.
///
/// They become `\n`, `\u{1b}`, `\u{202e}`: plain ASCII, because not every font has pictures of them. The result has
/// one line and is cut at 2,000 characters.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN_MAX_CHARS {
            shown.push('…');
            break;
        }
        push_visible(&mut shown, c);
    }
    shown
}

/// Appends one character as [`visible`] shows it.
pub(crate) fn push_visible(shown: &mut String, c: char) {
    match c {
        _ if c.is_ascii_control() => shown.extend(c.escape_default()),
        _ if is_deceptive(c) => shown.extend(c.escape_unicode()),
        _ => shown.push(c),
    }
}

/// C1 controls, direction marks, characters without a shape, line and paragraph separators, tags, private use.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Columns that a character takes on a terminal.
pub(crate) fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Cuts at the end to `columns`, with `…` in the last one.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = head(text, columns.saturating_sub(1)).to_owned();
    kept.push('…');
    kept
}

/// Cuts a mail address to `columns`: the local part first, then the front of the domain, so that both ends of the
/// address stay readable.
pub(crate) fn cut_address(address: &str, columns: usize) -> String {
    if width(address) <= columns {
        return address.to_owned();
    }
    let Some((local, domain)) = address.rsplit_once('@') else { return cut(address, columns) };
    let room = columns.saturating_sub(width(domain) + 2);
    if room >= 4 {
        return format!("{}…@{domain}", head(local, room));
    }
    let local = cut(local, columns / 3);
    let room = columns.saturating_sub(width(&local) + 2);
    format!("{local}@…{}", tail(domain, room))
}

/// Cuts a path to `columns` from the left, so that the file name stays readable.
pub(crate) fn cut_path(path: &str, columns: usize) -> String {
    if width(path) <= columns {
        return path.to_owned();
    }
    format!("…{}", tail(path, columns.saturating_sub(1)))
}

/// The longest start of a text that fits into `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += char_width(c);
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest end of a text that fits into `columns`.
fn tail(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices().rev() {
        taken += char_width(c);
        if taken > columns {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

/// Fills a text up to `columns` with spaces.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks a text into lines of at most `columns`, between words where possible. At least one line.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let space = usize::from(used > 0);
        if used + space + width(word) <= columns {
            push(&mut lines, word, space);
            used += space + width(word);
            continue;
        }
        if used > 0 {
            lines.push(String::new());
        }
        let mut rest = word;
        while width(rest) > columns {
            let part = head(rest, columns);
            push(&mut lines, part, 0);
            lines.push(String::new());
            rest = &rest[part.len()..];
        }
        push(&mut lines, rest, 0);
        used = width(rest);
    }
    lines
}

fn push(lines: &mut [String], word: &str, spaces: usize) {
    if let Some(line) = lines.last_mut() {
        line.push_str(&" ".repeat(spaces));
        line.push_str(word);
    }
}

/// A number with commas between thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(value: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(value), if value == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_visible() {
        for (name, text, expected) in [
            ("escape sequence", "\x1b[31mred\x07", "\\u{1b}[31mred\\u{7}"),
            ("C1", "\u{9b}2J", "\\u{9b}2J"),
            ("direction", "exe.\u{202e}fdp", "exe.\\u{202e}fdp"),
            ("line break", "a\r\nb", "a\\r\\nb"),
            ("plain", "grüße 日本", "grüße 日本"),
        ] {
            assert_eq!(visible(text), expected, "{name}");
        }
    }

    #[test]
    fn ok_cut_address() {
        for (address, columns, expected) in [
            ("ana@example.com", 20, "ana@example.com"),
            ("a-very-long-local-part@example.com", 20, "a-very-…@example.com"),
            ("ana@a.very.long.chain.of.labels.example.com", 20, "ana@…els.example.com"),
        ] {
            assert_eq!(cut_address(address, columns), expected);
        }
    }

    #[test]
    fn ok_wrap() {
        for (text, columns, expected) in [
            ("one two three", 8, vec!["one two", "three"]),
            ("", 8, vec![""]),
            ("0123456789abcdef0", 8, vec!["01234567", "89abcdef", "0"]),
            ("日本語日本語", 8, vec!["日本語日", "本語"]),
        ] {
            assert_eq!(wrap(text, columns), expected, "{text}");
        }
    }

    #[test]
    fn ok_number() {
        for (value, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(number(value), expected);
        }
    }
}
