//! Lists of `tag=value` pairs, as DKIM signatures, key records, ARC sets and DMARC records are written (RFC 6376, 3.2).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Most tags of a list that are looked at: no registered list has a quarter of them.
pub const MAX_TAGS: usize = 100;

/// One `tag=value` pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The name as written; names are case-sensitive (RFC 6376, 3.2).
    pub name: &'a str,
    /// The value without white space around it; white space within is kept.
    pub value: &'a [u8],
    /// Where the value stands in the list, with the white space around it: from after `=` to before `;` or the end.
    pub place: Range<usize>,
}

impl<'a> Tag<'a> {
    /// The value as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.value)
    }

    /// The value without any white space, as values are read that may be folded anywhere, such as `b=`.
    pub fn packed(&self) -> Vec<u8> {
        self.value.iter().copied().filter(|byte| !is_white(*byte)).collect()
    }

    /// The parts of the value between `separator`, each without white space around it.
    pub fn split(&self, separator: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.value.split(move |byte| *byte == separator).map(trim)
    }

    /// The value as an unsigned decimal number; `None` if it is anything else. A number that is too large is the largest.
    pub fn number(&self) -> Option<u64> {
        if self.value.is_empty() || !self.value.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(self.value.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
    }
}

/// Why a text is no list of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagError {
    /// Nothing stands before a `;` that is not the last one.
    Empty,
    /// A pair has no `=`; the start of what stands there instead.
    NoEquals(String),
    /// A name is not a letter with letters, digits and `_` after it.
    Name(String),
    /// A tag occurs twice: the list is then not valid (RFC 6376, 3.2).
    Twice(String),
    /// A value holds a control character.
    Control(String),
    /// There are more than [`MAX_TAGS`].
    TooMany,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TagError::Empty => write!(f, "nothing stands before a `;`"),
            TagError::NoEquals(text) => write!(f, "`{text}` has no `=`"),
            TagError::Name(text) => write!(f, "`{text}` is not the name of a tag"),
            TagError::Twice(name) => write!(f, "the tag {name}= occurs twice"),
            TagError::Control(name) => write!(f, "the value of {name}= holds a control character"),
            TagError::TooMany => write!(f, "there are more than {MAX_TAGS} tags"),
        }
    }
}

impl std::error::Error for TagError {}

/// The tags of a valid list, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags<'a>(Vec<Tag<'a>>);

impl<'a> Tags<'a> {
    /// Reads a list strictly; it may be folded, and unknown tags are kept for the caller to ignore.
    ///
    /// # Errors
    /// [`TagError`] if it is not by the grammar, or a tag occurs twice: such a list counts as a whole as not valid.
    pub fn read(text: &'a [u8]) -> Result<Tags<'a>, TagError> {
        let mut tags: Vec<Tag<'a>> = Vec::with_capacity(12);
        for tag in each(text) {
            let tag = tag?;
            if tags.iter().any(|known| known.name == tag.name) {
                return Err(TagError::Twice(tag.name.to_owned()));
            }
            if tags.len() == MAX_TAGS {
                return Err(TagError::TooMany);
            }
            tags.push(tag);
        }
        Ok(Tags(tags))
    }

    /// The tag of a name.
    pub fn get(&self, name: &str) -> Option<&Tag<'a>> {
        self.0.iter().find(|tag| tag.name == name)
    }

    /// All tags, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Tag<'a>> {
        self.0.iter()
    }
}

/// Goes through the pairs of a list one by one, for a reader who takes what he can: an error is about one pair only.
pub fn each(text: &[u8]) -> impl Iterator<Item = Result<Tag<'_>, TagError>> {
    let mut at = 0;
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let start = at;
        let end = memchr::memchr(b';', &text[start..]).map_or(text.len(), |found| start + found);
        at = end + 1;
        over = end == text.len();
        let pair = &text[start..end];
        if trim(pair).is_empty() {
            // One `;` may close the list.
            return if trim(&text[end.min(text.len())..]).is_empty() { None } else { Some(Err(TagError::Empty)) };
        }
        Some(pair_of(pair, start))
    })
}

fn pair_of(pair: &[u8], start: usize) -> Result<Tag<'_>, TagError> {
    let Some(equals) = memchr::memchr(b'=', pair) else { return Err(TagError::NoEquals(shown(pair))) };
    let name = trim(&pair[..equals]);
    let named = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let name = match std::str::from_utf8(name) {
        Ok(text) if named => text,
        _ => return Err(TagError::Name(shown(name))),
    };
    let value = trim(&pair[equals + 1..]);
    if value.iter().any(|byte| (*byte < b' ' && !is_white(*byte)) || *byte == 0x7f) {
        return Err(TagError::Control(name.to_owned()));
    }
    Ok(Tag { name, value, place: start + equals + 1..start + pair.len() })
}

/// Whether a byte is white space, folded or not.
pub(crate) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A text without white space around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_white(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_white(*last)
    {
        text = rest;
    }
    text
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(&trim(text)[..trim(text).len().min(40)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_tags() {
        for (name, text, expected) in [
            ("plain", "v=1; a=b", "v|1 a|b"),
            ("closed", "v=1;a=b;", "v|1 a|b"),
            ("closed with white space", "v=1;a=b; \r\n\t", "v|1 a|b"),
            ("folded anywhere", " v\r\n = \r\n 1 ;\r\n\ta = b\r\n c", "v|1 a|b\r\n c"),
            ("empty value", "p=; k=rsa", "p| k|rsa"),
            ("equals in the value", "b=ab==", "b|ab=="),
            ("case-sensitive names", "a=1; A=2", "a|1 A|2"),
            ("eight bits", "n=gr\u{fc}n", "n|gr\u{fc}n"),
            ("nothing", "", ""),
            ("names with digits and underscore", "x_1=y", "x_1|y"),
        ] {
            let tags = Tags::read(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let found: Vec<String> = tags.iter().map(|tag| format!("{}|{}", tag.name, tag.text())).collect();
            assert_eq!(found.join(" "), expected, "{name}");
            for tag in tags.iter() {
                assert_eq!(trim(&text.as_bytes()[tag.place.clone()]), tag.value, "{name}");
            }
        }
    }

    #[test]
    fn refused_tags() {
        for (name, text, expected) in [
            ("twice", "v=1; a=b; v=1", "the tag v= occurs twice"),
            ("semicolon for nothing", "v=1;; a=b", "nothing stands before a `;`"),
            ("semicolon first", ";v=1", "nothing stands before a `;`"),
            ("no equals", "v=1; rubbish; a=b", "`rubbish` has no `=`"),
            ("no name", "=1", "`` is not the name of a tag"),
            ("name with a dash", "a-b=1", "`a-b` is not the name of a tag"),
            ("name with a space", "a b=1", "`a b` is not the name of a tag"),
            ("NUL", "a=1\0", "the value of a= holds a control character"),
        ] {
            assert_eq!(Tags::read(text.as_bytes()).unwrap_err().to_string(), expected, "{name}");
        }
        let many: String = (0..200).map(|n| format!("t{n}=1;")).collect();
        assert_eq!(Tags::read(many.as_bytes()), Err(TagError::TooMany));
    }

    #[test]
    fn ok_each_goes_on_after_an_error() {
        let found: Vec<bool> = each(b"v=1; rubbish; a=b;").map(|tag| tag.is_ok()).collect();
        assert_eq!(found, [true, false, true]);
    }

    #[test]
    fn ok_values() {
        let tag = |text: &'static str| each(text.as_bytes()).next().unwrap().unwrap();
        assert_eq!(tag("t=12345").number(), Some(12345));
        assert_eq!(tag("t=99999999999999999999999999").number(), Some(u64::MAX));
        assert_eq!((tag("t=").number(), tag("t=-1").number(), tag("t=1 2").number()), (None, None, None));
        assert_eq!(tag("b=a b\r\n c").packed(), b"abc");
        assert_eq!(
            tag("h=from : to:\r\n subject").split(b':').collect::<Vec<_>>(),
            [b"from".as_slice(), b"to", b"subject"]
        );
    }
}
