//! Makes foreign text harmless for the ticket systems that it is pasted or mailed into.
//!
//! All of it is done on the values, before they reach a template: so a template of one's own is as safe as ours. What is acted upon by
//! whom, and what is written instead, stands in `defuse.toml`.

use std::sync::LazyLock;

use report::visible;
use serde::Deserialize;

/// A form in which notes are written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// A page of its own.
    Html,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    fields: Vec<String>,
    rule: Vec<Rule>,
    #[allow(dead_code)] // The tests go through them.
    system: Vec<System>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    find: String,
    #[serde(default)]
    last: Option<Next>,
    #[serde(default)]
    next: Vec<Next>,
    put: String,
    faces: Vec<Face>,
}

/// What stands beside the place.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
enum Next {
    Word,
    Letter,
    Digit,
    Literal(String),
}

impl TryFrom<String> for Next {
    type Error = String;

    fn try_from(text: String) -> Result<Next, String> {
        match text.as_str() {
            "word" => Ok(Next::Word),
            "letter" => Ok(Next::Letter),
            "digit" => Ok(Next::Digit),
            literal => {
                let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                inner.map(|inner| Next::Literal(inner.to_owned())).ok_or_else(|| format!("`{literal}` names nothing"))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // For readers and for the tests.
struct System {
    system: String,
    acts: String,
    text: String,
    safe: String,
    source: String,
}

/// A table that cannot be read would let everything through; a test holds it to being whole.
static TABLE: LazyLock<Table> = LazyLock::new(|| toml::from_str(include_str!("defuse.toml")).unwrap_or_default());

/// Signs that mean something at the beginning of a line: lists, quotes, rules, headings, tables, signatures.
const BEGINS: [char; 15] = ['#', '*', '-', '+', '>', '|', '=', '_', '~', '/', '.', '!', '@', ':', '%'];

/// Words of letters alone that are markup in front of a point: a quote, a block of code, one that is not broken.
const MARKUP: [&str; 3] = ["bq", "bc", "pre"];

/// What is put in front of a line that begins with one of them.
const LEAD: &str = "· ";

/// A value as it may stand anywhere in a text of this form: one line, nothing in it is acted upon.
pub(super) fn safe(text: &str, face: Face) -> String {
    let text = defused(&visible(text), face);
    match face {
        Face::Text => begun(text),
        Face::Markdown => report::markdown_text(&begun(text)),
        Face::Html => text,
    }
}

/// A line that may begin with anything.
pub(super) fn begun(text: String) -> String {
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let is_marked = first_word.strip_suffix('.').is_some_and(is_markup);
    let before_colon = first_word.split_once(':').map(|(word, _)| word.to_lowercase());
    let is_field = before_colon.is_some_and(|word| TABLE.fields.contains(&word));
    let is_sign = text.starts_with(|c: char| BEGINS.contains(&c) || c.is_whitespace());
    if is_sign || is_marked || is_field { format!("{LEAD}{}", text.trim_start()) } else { text }
}

/// Whether a word in front of a point is markup at the beginning of a line: `h1.` is a heading, `bq.` a quote, `1.` a list; the last word
/// of a sentence is not.
fn is_markup(word: &str) -> bool {
    let is_plain = word.len() > 1 && word.chars().all(char::is_alphabetic);
    let is_known = MARKUP.iter().any(|known| known.eq_ignore_ascii_case(word));
    (1..=3).contains(&word.len()) && (!is_plain || is_known)
}

/// Goes through a text once, from left to right, and breaks what the rules name.
fn defused(text: &str, face: Face) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let last = text.get(..text.len() - rest.len()).and_then(|before| before.chars().next_back());
        let rule = TABLE.rule.iter().find(|rule| rule.faces.contains(&face) && fits(rule, last, rest));
        match rule {
            Some(rule) => {
                let found = rest.get(..rule.find.len()).unwrap_or_default();
                out.push_str(&spelled(rule, found));
                rest = rest.get(rule.find.len()..).unwrap_or_default();
            }
            None => {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

fn fits(rule: &Rule, last: Option<char>, rest: &str) -> bool {
    let begins = |text: &str| text.as_bytes().first().map(u8::to_ascii_lowercase);
    if begins(rest) != begins(&rule.find) {
        return false;
    }
    let found = rest.get(..rule.find.len()).is_some_and(|found| found.eq_ignore_ascii_case(&rule.find));
    if !found {
        return false;
    }
    let is_barred =
        rule.last.as_ref().zip(last).is_some_and(|(barred, last)| barred.begins(last.encode_utf8(&mut [0; 4])));
    let after = rest.get(rule.find.len()..).unwrap_or_default();
    !is_barred && (rule.next.is_empty() || rule.next.iter().any(|next| next.begins(after)))
}

/// What is put in, with the letters' case of what was there.
fn spelled(rule: &Rule, found: &str) -> String {
    match rule.put.to_ascii_lowercase().strip_prefix(&rule.find.to_ascii_lowercase()) {
        Some(tail) => format!("{found}{tail}"),
        None => rule.put.clone(),
    }
}

impl Next {
    fn begins(&self, text: &str) -> bool {
        let first = text.chars().next();
        match self {
            Next::Word => first.is_some_and(char::is_alphanumeric),
            Next::Letter => first.is_some_and(char::is_alphabetic),
            Next::Digit => first.is_some_and(|c| c.is_ascii_digit()),
            Next::Literal(literal) => text.starts_with(literal.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> Table {
        toml::from_str(include_str!("defuse.toml")).expect("the table is read")
    }

    #[test]
    fn every_system_has_its_rows() {
        let table = table();
        for system in ["ServiceNow", "Jira", "Zammad", "Zendesk", "ConnectWise", "Autotask", "HaloPSA", "any"] {
            assert!(table.system.iter().any(|row| row.system == system), "{system}");
        }
        for row in &table.system {
            assert!(row.source.contains(", read 20"), "{}: no day in `{}`", row.system, row.source);
            assert_eq!(defused(&visible(&row.text), Face::Text), row.safe, "{}: {}", row.system, row.acts);
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "ana@example.com wrote to billing@supplier.example at 09:14:05",
            "550 5.7.51 TenantInboundAttribution; Rejecting. Recipient has a partner connector",
            "C# and 50 % of 3 - 2 = 1, a/b, it's \"quoted\" (x) -- y",
            "from 192.0.2.1 and 2001:db8::1",
            "Get-Mailbox -Identity 'ana' | Format-List",
        ] {
            assert_eq!(safe(text, Face::Text), text);
        }
    }

    #[test]
    fn ok_begun() {
        for (text, expected) in [
            ("h1. Heading", "· h1. Heading"),
            ("bq. quote", "· bq. quote"),
            ("in. (for ana)", "in. (for ana)"),
            ("1. one", "· 1. one"),
            ("> quoted", "· > quoted"),
            ("-- ", "· -- "),
            ("Assign: admin", "· Assign: admin"),
            ("Mimecast: held", "Mimecast: held"),
            ("| a | b |", "· | a | b |"),
            ("#status solved", "· # status solved"),
            ("/assign me", "· /assign me"),
            ("  - x", "· - x"),
            ("plain", "plain"),
        ] {
            assert_eq!(safe(text, Face::Text), expected);
        }
    }

    /// What no plain text may hold, whatever was put in.
    const NEVER: [&str; 15] =
        ["[", "]", "{{", "}}", "{%", "#{", "${", "@@", "://", "##", "---", "___", "\r", "\n", "<!"];

    proptest! {
        #[test]
        fn nothing_is_acted_upon(text in "([a-zA-Z]{0,3}|[\\[\\]{}#@$%<>&!|:/_=*~? \\\\.-]|\\PC|\u{202e}|\r|\n){0,60}") {
            let safe = safe(&text, Face::Text);
            for never in NEVER {
                prop_assert!(!safe.contains(never), "{never:?} in {safe:?} of {text:?}");
            }
            let chars: Vec<char> = safe.chars().collect();
            for pair in chars.windows(2) {
                let bad = matches!(pair, ['<', c] if c.is_alphabetic() || *c == '/')
                    || matches!(pair, ['#' | '{' | '!', c] if c.is_alphanumeric());
                prop_assert!(!bad, "{pair:?} in {safe:?}");
            }
            for at in 0..chars.len() {
                let is_mention = chars[at] == '@'
                    && chars.get(at + 1).is_some_and(|c| c.is_alphanumeric())
                    && !at.checked_sub(1).is_some_and(|at| chars[at].is_alphanumeric());
                prop_assert!(!is_mention, "{safe:?}");
            }
            prop_assert!(!safe.starts_with(BEGINS));
        }

        #[test]
        fn markdown_holds_no_markup(text in "([a-zA-Z]{0,3}|[\\[\\]{}#@$%<>&!|:/_=*~? \\\\.-]|\\PC|\r|\n){0,60}") {
            let safe = safe(&text, Face::Markdown);
            prop_assert!(!safe.contains("{{") && !safe.contains("://") && !safe.contains('\n'));
        }
    }
}
