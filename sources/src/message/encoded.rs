//! Encoded words (RFC 2047): folded, adjacent, split within a character, in charsets of all kinds.

use encoding_rs::Encoding;

/// Longest encoded word that is looked at, in bytes; RFC 2047, 2 allows 75.
const MAX_WORD_BYTES: usize = 4096;

/// One encoded word: its charset, its bytes, and how long it is in the text.
struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
    length: usize,
}

/// Decodes the encoded words of a text; `None` if one of them is in a charset that is not known here.
///
/// Blanks between two of them are no part of the text (RFC 2047, 6.2). Two that share their charset are decoded together,
/// because many writers cut within a character, which RFC 2047, 5 forbids.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut pending: Option<(&'static Encoding, Vec<u8>)> = None;
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at(at);
        let Some(word) = word_at(from) else {
            flush(&mut pending, &mut decoded);
            decoded.push_str(before);
            decoded.push_str("=?");
            rest = &from[2..];
            continue;
        };
        let encoding = Encoding::for_label(word.charset.as_bytes())?;
        let is_adjacent = pending.is_some() && before.trim().is_empty();
        if !is_adjacent {
            flush(&mut pending, &mut decoded);
            decoded.push_str(before);
        }
        match &mut pending {
            Some((same, bytes)) if *same == encoding => bytes.extend(word.bytes),
            _ => {
                flush(&mut pending, &mut decoded);
                pending = Some((encoding, word.bytes));
            }
        }
        rest = &from[word.length..];
    }
    flush(&mut pending, &mut decoded);
    decoded.push_str(rest);
    Some(decoded)
}

fn flush(pending: &mut Option<(&'static Encoding, Vec<u8>)>, decoded: &mut String) {
    if let Some((encoding, bytes)) = pending.take() {
        decoded.push_str(&encoding.decode_without_bom_handling(&bytes).0);
    }
}

/// The encoded word at the start of a text: `=?charset?B?text?=`, the charset with a language after `*` (RFC 2231, 5).
fn word_at(text: &str) -> Option<Word<'_>> {
    let head = &text[..text.floor_char_boundary(text.len().min(MAX_WORD_BYTES))];
    let mut parts = head.get(2..)?.splitn(3, '?');
    let (charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let end = rest.find("?=")?;
    let charset = charset.split('*').next().unwrap_or(charset);
    if charset.is_empty() || charset.contains(char::is_whitespace) {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => base64(&rest[..end])?,
        "Q" | "q" => quoted(&rest[..end]),
        _ => return None,
    };
    // What stands before `rest` is all of the head that `rest` is not.
    Some(Word { charset, bytes, length: head.len() - rest.len() + end + 2 })
}

/// The bytes of Base64, with or without padding; `None` if another character stands in it.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                // Several pieces, each padded, in one word.
                (bits, held) = (0, 0);
                continue;
            }
            b' ' => continue,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

/// The bytes of the `Q` encoding (RFC 2047, 4.2); an `=` without two digits stays.
fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(digits[0])? << 4 | digit(digits[1])?) as u8)
        });
        rest = after;
        match (first, digits) {
            (b'_', _) => bytes.push(b' '),
            (b'=', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (other, _) => bytes.push(*other),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_encoded_words() {
        for (name, text, expected) in [
            ("quoted", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe_an?= Kim", "Grüße an Kim"),
            ("base64", "=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
            ("adjacent", "=?UTF-8?Q?one?= =?UTF-8?Q?_two?=", "one two"),
            ("adjacent, folded and unfolded", "=?UTF-8?Q?one?=    =?UTF-8?B?dHdv?=", "onetwo"),
            ("adjacent, other charsets", "=?ISO-8859-1?Q?=E4?= =?UTF-8?Q?=C3=A4?=", "ää"),
            ("cut within a character", "=?UTF-8?B?R3LD?= =?UTF-8?B?vMOfZQ==?=", "Grüße"),
            ("cut within a character, quoted", "=?UTF-8?Q?Gr=C3?=  =?UTF-8?Q?=BC=C3=9Fe?=", "Grüße"),
            ("text between", "=?UTF-8?Q?a?= b =?UTF-8?Q?c?=", "a b c"),
            ("a language", "=?UTF-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("Latin-1", "=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"),
            ("Windows-1252", "=?windows-1252?Q?=80_100?=", "€ 100"),
            ("Japanese", "=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
            ("within a word", "x=?UTF-8?Q?=C3=BC?=y", "xüy"),
            // Looks alike.
            ("no end", "=?UTF-8?Q?abc", "=?UTF-8?Q?abc"),
            ("no such encoding", "=?UTF-8?X?abc?=", "=?UTF-8?X?abc?="),
            ("no Base64", "=?UTF-8?B?a*c?=", "=?UTF-8?B?a*c?="),
            ("a question", "why=?", "why=?"),
            ("broken bytes", "=?UTF-8?Q?=C3?=", "\u{fffd}"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(decode("=?x-no-such-charset?Q?abc?="), None);
    }
}
