//! How vendors write several things into one header field.

use std::borrow::Cow;

use serde::Deserialize;

use crate::rspamd::symbols;

/// Most parts of one field that are decoded; real ones have fewer than a hundred.
const MAX_PARTS: usize = 512;

/// The grammar of a field's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Parts {
    /// One value.
    #[default]
    Whole,
    /// The first word; the rest explains it.
    First,
    /// `KEY:value;KEY:value`.
    Colons,
    /// `key=value; key="value"`, where a part without `=` is a word of its own.
    Semicolons,
    /// `key=value, key='value, value'`.
    Commas,
    /// `Word, key=value key=a,b, c key=value`: blanks separate, a list goes on after its commas.
    Words,
    /// `default: False [1.20 / 15.00]; SYMBOL(0.50)[option]`.
    Symbols,
}

/// A part of a field: its key, if it has one, and its value.
pub(crate) type Part<'a> = (Option<Cow<'a, str>>, Cow<'a, str>);

/// Cuts a value by a grammar.
pub(crate) fn cut(parts: Parts, value: &str) -> Vec<Part<'_>> {
    let value = value.trim();
    match parts {
        Parts::Whole => vec![(None, value.into())],
        Parts::First => {
            let end = value.find(|c: char| c.is_whitespace() || matches!(c, '(' | ';')).unwrap_or(value.len());
            vec![(None, value[..end].into())]
        }
        Parts::Colons => separated(value, ';', |part| part.split_once(':')),
        Parts::Semicolons => separated(value, ';', |part| part.split_once('=')),
        Parts::Commas => separated(value, ',', |part| part.split_once('=')),
        Parts::Words => words(value),
        Parts::Symbols => {
            let head = value.split(';').next().unwrap_or(value);
            let result = head.split_once(':').map(|(_, result)| result.trim()).unwrap_or(head);
            let found = symbols::of_header(value).into_iter().take(MAX_PARTS);
            let symbols = found.map(|symbol| (Some("symbol".into()), symbol.said.into()));
            std::iter::once((Some("default".into()), result.into())).chain(symbols).collect()
        }
    }
}

/// Cuts at a separator outside quotes; each part is a pair, or a word.
fn separated<'a>(value: &'a str, at: char, pair: impl Fn(&'a str) -> Option<(&'a str, &'a str)>) -> Vec<Part<'a>> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut start = 0;
    let ends = value.char_indices().chain([(value.len(), at)]);
    for (place, c) in ends {
        match quote {
            // A quote that never closes does not swallow what follows.
            Some(open) if c == open => quote = None,
            Some(_) if place < value.len() => {}
            None if matches!(c, '"' | '\'') && value[start..place].trim_end().ends_with('=') => quote = Some(c),
            _ if c == at => {
                let part = value[start..place].trim();
                start = (place + c.len_utf8()).min(value.len());
                if part.is_empty() || found.len() >= MAX_PARTS {
                    continue;
                }
                found.push(match pair(part) {
                    Some((key, value)) => (Some(key.trim().into()), unquoted(value.trim()).into()),
                    None => (None, part.into()),
                });
            }
            _ => {}
        }
    }
    found
}

fn unquoted(text: &str) -> &str {
    let inner = |mark: char| text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// Whether a word begins a pair: `name=`.
fn begins_pair(word: &str) -> Option<usize> {
    let at = word.find('=').filter(|at| *at > 0)?;
    word[..at].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).then_some(at)
}

/// A pair of words that is not closed yet.
struct Open<'a> {
    key: &'a str,
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(PartialEq)]
enum Kind {
    /// `key=value`: it goes on after a comma.
    Pair,
    /// Words without `=`: it goes on up to the next pair.
    Loose,
}

/// `Yes, score=5.1 required=5.0 tests=A,B, C using per-user scores of LEVEL=3.5`: a run of loose words is a pair, too, whose
/// key is its first word; before all pairs a word stands by itself.
fn words(value: &str) -> Vec<Part<'_>> {
    let mut found: Vec<Part<'_>> = Vec::new();
    let mut open: Option<Open<'_>> = None;
    let mut at = 0;
    for word in value.split_whitespace() {
        let start = at + value[at..].find(word).unwrap_or(0);
        let end = start + word.len();
        at = end;
        if found.len() >= MAX_PARTS {
            break;
        }
        if let Some(equals) = begins_pair(word) {
            found.extend(open.take().map(|open| open.close(value)));
            open = Some(Open { key: &word[..equals], start: start + equals + 1, end, kind: Kind::Pair });
            continue;
        }
        match &mut open {
            Some(open) if open.kind == Kind::Loose || value[open.start..open.end].ends_with(',') => open.end = end,
            None if found.is_empty() => found.push((None, word.trim_end_matches(',').into())),
            _ => {
                found.extend(open.take().map(|open| open.close(value)));
                open = Some(Open { key: word, start: end, end, kind: Kind::Loose });
            }
        }
    }
    found.extend(open.map(|open| open.close(value)));
    found
}

impl<'a> Open<'a> {
    fn close(self, value: &'a str) -> Part<'a> {
        let text = value[self.start..self.end].trim().trim_end_matches(',');
        (Some(self.key.into()), unquoted(text).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_cuts() {
        for (name, parts, value, expected) in [
            ("whole", Parts::Whole, " a b ", "|a b"),
            ("first", Parts::First, "Pass (x: y) z=1", "|Pass"),
            ("colons", Parts::Colons, "CIP:2001:db8::1;CTRY:;SFV:SPM;CAT:SPM", "CIP|2001:db8::1 CTRY| SFV|SPM CAT|SPM"),
            ("colons, a loose part", Parts::Colons, "CAT:SPM;odd;;", "CAT|SPM |odd"),
            (
                "semicolons",
                Parts::Semicolons,
                "suspicious;Policy=A B;E=Sophos;i=\"6.05,213;1\"; d=\"scan'208,217\"",
                "|suspicious Policy|A B E|Sophos i|6.05,213;1 d|scan'208,217",
            ),
            ("a quote left open", Parts::Semicolons, "a=\"b;c=d", "a|\"b;c=d"),
            (
                "commas",
                Parts::Commas,
                "Gauge=XXI, Probability=35%, Report='A 1, B 2'",
                "Gauge|XXI Probability|35% Report|A 1, B 2",
            ),
            (
                "words",
                Parts::Words,
                "Yes, score=5.1 required=5.0 tests=A,B, C autolearn=no version=3",
                "|Yes score|5.1 required|5.0 tests|A,B, C autolearn|no version|3",
            ),
            (
                "words, loose ones",
                Parts::Words,
                "No, SCORE=0.00 using per-user scores of TAG_LEVEL=3.5 KILL_LEVEL=9.0 tests=",
                "|No SCORE|0.00 using|per-user scores of TAG_LEVEL|3.5 KILL_LEVEL|9.0 tests|",
            ),
            (
                "words, values with blanks after commas",
                Parts::Words,
                "vendor=x engine=2.50:6.0.138, 18.0.572 definitions=a:b, c signatures=0",
                "vendor|x engine|2.50:6.0.138, 18.0.572 definitions|a:b, c signatures|0",
            ),
            (
                "symbols",
                Parts::Symbols,
                "default: False [1.20 / 15.00]; R_SPF_ALLOW(-0.20)[+ip4:192.0.2.0/24]; BAD(1.00)[a;b]",
                "default|False [1.20 / 15.00] symbol|R_SPF_ALLOW(-0.20)[+ip4:192.0.2.0/24] symbol|BAD(1.00)[a;b]",
            ),
            ("nothing", Parts::Words, "", ""),
        ] {
            let found: Vec<String> = cut(parts, value)
                .iter()
                .map(|(key, value)| format!("{}|{value}", key.as_deref().unwrap_or("")))
                .collect();
            assert_eq!(found.join(" "), expected, "{name}");
        }
    }
}
