//! Macros: what a record can put of the message and the client into a name or a text (RFC 7208, 7).

use std::borrow::Cow;
use std::fmt;

use crate::domain::MAX_NAME_BYTES;

/// Longest explanation that is made; an SMTP reply has no place for more.
const MAX_EXPLANATION_BYTES: usize = 4_096;

/// Where a macro stands: an explanation knows three letters more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A name to be asked for.
    Domain,
    /// The text behind `exp=`.
    Explanation,
}

/// What is wrong with a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacroError {
    /// A `%` that starts nothing.
    Percent,
    /// A letter that names no value here.
    Letter,
    /// A number of parts that is zero.
    Zero,
    /// A macro without its closing brace, or with something else in it.
    Unclosed,
    /// A character that is not allowed.
    Character,
}

impl fmt::Display for MacroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MacroError::Percent => "a `%` stands there that starts no macro",
            MacroError::Letter => "a macro has a letter that means nothing there",
            MacroError::Zero => "a macro keeps zero parts",
            MacroError::Unclosed => "a macro does not end as it should",
            MacroError::Character => "a character stands there that is not allowed",
        })
    }
}

/// A value that a macro stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Sender,
    LocalPart,
    SenderDomain,
    Domain,
    Ip,
    ValidatedName,
    Family,
    Helo,
    PlainIp,
    Receiver,
    Time,
}

impl Letter {
    fn of(letter: u8, scope: Scope) -> Option<Letter> {
        Some(match letter.to_ascii_lowercase() {
            b's' => Letter::Sender,
            b'l' => Letter::LocalPart,
            b'o' => Letter::SenderDomain,
            b'd' => Letter::Domain,
            b'i' => Letter::Ip,
            b'p' => Letter::ValidatedName,
            b'v' => Letter::Family,
            b'h' => Letter::Helo,
            b'c' if scope == Scope::Explanation => Letter::PlainIp,
            b'r' if scope == Scope::Explanation => Letter::Receiver,
            b't' if scope == Scope::Explanation => Letter::Time,
            _ => return None,
        })
    }
}

/// Whether special characters of a value are written as in a URL: an upper-case letter asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    Plain,
    Url,
}

/// Whether the parts of a value are turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    AsIs,
    Reversed,
}

#[derive(Clone, Copy, Debug)]
struct Macro<'a> {
    letter: Letter,
    escape: Escape,
    keep: Option<usize>,
    order: Order,
    delimiters: &'a str,
}

#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Literal(&'a str),
    Text(&'static str),
    Macro(Macro<'a>),
}

/// Reads a text token by token.
struct Tokens<'a> {
    rest: &'a str,
    scope: Scope,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, MacroError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let token = self.token();
        if token.is_err() {
            self.rest = "";
        }
        Some(token)
    }
}

impl<'a> Tokens<'a> {
    fn token(&mut self) -> Result<Token<'a>, MacroError> {
        let literal = self.rest.find('%').unwrap_or(self.rest.len());
        if literal > 0 {
            let (text, rest) = self.rest.split_at(literal);
            self.rest = rest;
            // An explanation may hold spaces as well (RFC 7208, 6.2).
            let allowed = |byte: u8| byte.is_ascii_graphic() || (byte == b' ' && self.scope == Scope::Explanation);
            return if text.bytes().all(allowed) { Ok(Token::Literal(text)) } else { Err(MacroError::Character) };
        }
        let fixed = match self.rest.as_bytes().get(1) {
            Some(b'%') => "%",
            Some(b'_') => " ",
            Some(b'-') => "%20",
            Some(b'{') => return self.braces(),
            _ => return Err(MacroError::Percent),
        };
        self.rest = &self.rest[2..];
        Ok(Token::Text(fixed))
    }

    /// `%{` letter, digits, `r`, delimiters, `}`.
    fn braces(&mut self) -> Result<Token<'a>, MacroError> {
        let (inner, rest) = self.rest[2..].split_once('}').ok_or(MacroError::Unclosed)?;
        let first = *inner.as_bytes().first().ok_or(MacroError::Letter)?;
        let letter = Letter::of(first, self.scope).ok_or(MacroError::Letter)?;
        let escape = if first.is_ascii_uppercase() { Escape::Url } else { Escape::Plain };
        let inner = &inner[1..];
        let (digits, inner) = inner.split_at(inner.bytes().take_while(u8::is_ascii_digit).count());
        let keep = match digits {
            "" => None,
            // More digits than fit ask for more parts than there are.
            digits => Some(digits.parse().unwrap_or(usize::MAX)),
        };
        if keep == Some(0) {
            return Err(MacroError::Zero);
        }
        let (order, delimiters) = match inner.strip_prefix(['r', 'R']) {
            Some(delimiters) => (Order::Reversed, delimiters),
            None => (Order::AsIs, inner),
        };
        if !delimiters.bytes().all(|byte| b".-+,/_=".contains(&byte)) {
            return Err(MacroError::Unclosed);
        }
        self.rest = rest;
        Ok(Token::Macro(Macro { letter, escape, keep, order, delimiters }))
    }
}

/// Checks the macros and characters of a text.
pub(super) fn validate(text: &str, scope: Scope) -> Result<(), MacroError> {
    validate_to_last_macro(text, scope).map(|_| ())
}

/// Checks the macros and characters of a text, and says where what follows the last macro starts.
pub(super) fn validate_to_last_macro(text: &str, scope: Scope) -> Result<usize, MacroError> {
    let mut tokens = Tokens { rest: text, scope };
    let mut literal_at = 0;
    while let Some(token) = tokens.next() {
        if !matches!(token?, Token::Literal(_)) {
            literal_at = text.len() - tokens.rest.len();
        }
    }
    Ok(literal_at)
}

/// Whether a domain-spec holds a macro of a letter.
pub(super) fn uses(spec: &str, letter: Letter) -> bool {
    let mut tokens = Tokens { rest: spec, scope: Scope::Domain };
    tokens.any(|token| matches!(token, Ok(Token::Macro(spec)) if spec.letter == letter))
}

/// Why a text was not expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotExpanded {
    /// It is malformed.
    Syntax,
    /// A value is not known: the answers that it rests on were not saved.
    Unknown,
    /// It became longer than any reply.
    TooLong,
}

/// Expands the name of a domain-spec; a long one loses labels from the left until it fits (RFC 7208, 7.3).
///
/// `value` gives what a letter stands for, or `None` if that is not known.
pub(super) fn expand_name<'v>(
    spec: &str,
    mut value: impl FnMut(Letter) -> Option<Cow<'v, str>>,
) -> Result<String, NotExpanded> {
    let mut name = String::with_capacity(spec.len());
    for token in (Tokens { rest: spec, scope: Scope::Domain }) {
        append(&mut name, token.map_err(|_| NotExpanded::Syntax)?, &mut value)?;
        // Only the right end can remain, so that the left need not be kept while a hostile record makes it grow.
        if name.len() > 16 * MAX_NAME_BYTES {
            cut_front(&mut name, 4 * MAX_NAME_BYTES);
        }
    }
    let length = name.strip_suffix('.').unwrap_or(&name).len();
    if length > MAX_NAME_BYTES {
        let least = length - MAX_NAME_BYTES;
        if let Some(dot) = name.as_bytes()[least - 1..].iter().position(|byte| *byte == b'.') {
            cut_front_at(&mut name, least + dot);
        }
    }
    Ok(name)
}

/// Expands the text of an explanation (RFC 7208, 6.2).
pub(super) fn expand_explanation<'v>(
    text: &str,
    mut value: impl FnMut(Letter) -> Option<Cow<'v, str>>,
) -> Result<String, NotExpanded> {
    let mut explanation = String::with_capacity(text.len());
    for token in (Tokens { rest: text, scope: Scope::Explanation }) {
        append(&mut explanation, token.map_err(|_| NotExpanded::Syntax)?, &mut value)?;
        if explanation.len() > MAX_EXPLANATION_BYTES {
            return Err(NotExpanded::TooLong);
        }
    }
    Ok(explanation)
}

fn append<'v>(
    out: &mut String,
    token: Token<'_>,
    value: &mut impl FnMut(Letter) -> Option<Cow<'v, str>>,
) -> Result<(), NotExpanded> {
    match token {
        Token::Literal(text) | Token::Text(text) => out.push_str(text),
        Token::Macro(spec) => {
            let value = value(spec.letter).ok_or(NotExpanded::Unknown)?;
            let value = transform(&value, &spec);
            match spec.escape {
                Escape::Plain => out.push_str(&value),
                Escape::Url => escape_into(out, &value),
            }
        }
    }
    Ok(())
}

/// Splits a value at its delimiters, turns it round, keeps the right parts, and joins them with dots (RFC 7208, 7.3).
fn transform<'v>(value: &'v str, spec: &Macro<'_>) -> Cow<'v, str> {
    if spec.keep.is_none() && spec.order == Order::AsIs && spec.delimiters.is_empty() {
        return Cow::Borrowed(value);
    }
    let delimiters = if spec.delimiters.is_empty() { "." } else { spec.delimiters };
    let mut parts: Vec<&str> = value.split(|letter| delimiters.contains(letter)).collect();
    if spec.order == Order::Reversed {
        parts.reverse();
    }
    let skip = parts.len() - parts.len().min(spec.keep.unwrap_or(usize::MAX));
    Cow::Owned(parts[skip..].join("."))
}

/// Writes what is not unreserved in a URL as `%XX` (RFC 3986, 2.3).
fn escape_into(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

fn cut_front(text: &mut String, keep: usize) {
    cut_front_at(text, text.len() - keep);
}

fn cut_front_at(text: &mut String, mut at: usize) {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    text.drain(..at);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(letter: Letter) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match letter {
            Letter::Sender => "strong-bad@email.example.com",
            Letter::LocalPart => "strong-bad",
            Letter::SenderDomain | Letter::Domain => "email.example.com",
            Letter::Ip => "192.0.2.3",
            Letter::ValidatedName => return None,
            Letter::Family => "in-addr",
            Letter::Helo => "a&b c",
            Letter::PlainIp => "192.0.2.3",
            Letter::Receiver => "mx.example.org",
            Letter::Time => "unknown",
        }))
    }

    #[test]
    fn ok_names() {
        for (spec, expected) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l-}", "strong.bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{d99999999999999999999}", "email.example.com"),
            ("a%%b%_c%-d.example", "a%b c%20d.example"),
            ("%{H}.example", "a%26b%20c.example"),
        ] {
            assert_eq!(expand_name(spec, value).unwrap(), expected, "{spec}");
        }
        assert_eq!(expand_name("%{p}", value), Err(NotExpanded::Unknown));
    }

    #[test]
    fn ok_long_names_lose_labels() {
        let spec = format!("{}last.example", "%{d}.".repeat(400));
        let name = expand_name(&spec, value).unwrap();
        assert!(name.len() <= MAX_NAME_BYTES, "{}", name.len());
        assert!(name.len() > MAX_NAME_BYTES - 20 && name.ends_with(".last.example"), "{name}");
        let exact = format!("{}{}", "a.".repeat(126), "b");
        assert_eq!(expand_name(&exact, value).unwrap(), exact);
        assert_eq!(expand_name(&format!("xyz.{exact}."), value).unwrap(), format!("{exact}."));
    }

    #[test]
    fn bad_macros() {
        for (text, expected) in [
            ("%", MacroError::Percent),
            ("%(d)", MacroError::Percent),
            ("%{d", MacroError::Unclosed),
            ("%{d2x}", MacroError::Unclosed),
            ("%{}", MacroError::Letter),
            ("%{c}", MacroError::Letter),
            ("%{d0}", MacroError::Zero),
            ("a b", MacroError::Character),
        ] {
            assert_eq!(validate(text, Scope::Domain), Err(expected), "{text}");
        }
        assert_eq!(validate("see %{c} %{r} %{t}", Scope::Explanation), Ok(()));
    }
}
