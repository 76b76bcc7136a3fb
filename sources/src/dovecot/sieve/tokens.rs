//! The words of a Sieve script (RFC 5228, 8.1), with their places.

use std::ops::Range;

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A command, test or number.
    Word,
    /// `:contains`.
    Tag,
    /// A string, unquoted.
    String,
    /// One of `( ) [ ] { } , ;`.
    Mark(char),
    /// The rest of a `#` comment.
    Comment,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

impl Token {
    /// Whether it is this mark.
    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// Whether it is this command or test, whatever the case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// The words of a script; the second part is where a character stands that begins no word.
pub(super) fn tokens(script: &str) -> (Vec<Token>, Option<usize>) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = script.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &script[at..];
        let (kind, text, len) = match c {
            c if c.is_whitespace() || c == '\u{feff}' => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                let line = rest.lines().next().unwrap_or("");
                (Kind::Comment, line.trim_start_matches('#').trim().to_owned(), line.len())
            }
            '/' if rest.starts_with("/*") => {
                let Some(end) = rest.find("*/") else { return (found, Some(at)) };
                at += end + 2;
                continue;
            }
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' => (Kind::Mark(c), c.to_string(), 1),
            '"' => match quoted(rest) {
                Some((text, len)) => (Kind::String, text, len),
                None => return (found, Some(at)),
            },
            ':' => {
                let len = 1 + word_len(&rest[1..]);
                (Kind::Tag, rest[..len].to_ascii_lowercase(), len)
            }
            _ if begins_multiline(rest) => match multiline(rest) {
                Some((text, len)) => (Kind::String, text, len),
                None => return (found, Some(at)),
            },
            _ => match word_len(rest) {
                0 => return (found, Some(at)),
                len => (Kind::Word, rest[..len].to_owned(), len),
            },
        };
        found.push(Token { kind, text, span: at..at + len });
        at += len;
    }
    (found, None)
}

fn word_len(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

/// A quoted string and the length that it takes; a backslash takes the next character as it is.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, at + 1)),
            '\\' => text.extend(chars.next().map(|(_, c)| c)),
            c => text.push(c),
        }
    }
    None
}

fn begins_multiline(rest: &str) -> bool {
    rest.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("text:"))
}

/// `text:` and all lines up to one that is a dot.
fn multiline(rest: &str) -> Option<(String, usize)> {
    let mut at = rest.find('\n')? + 1;
    let start = at;
    for line in rest.get(at..)?.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']) == "." {
            return Some((rest.get(start..at)?.trim_end().to_owned(), at + 1));
        }
        at += line.len();
    }
    None
}
