//! What codes and words of sign-ins mean for this symptom: a dated table.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What a row does in an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Does {
    /// A further step is asked for.
    Asks,
    /// Name or password are wrong, or the account cannot sign in at all.
    Credentials,
    /// Something else refuses.
    Refuses,
}

/// Whether a code tells a cause by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Weight {
    /// It only leads to it.
    Hint,
    /// It tells it.
    Proof,
}

/// One error code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    /// The number.
    pub(super) value: i64,
    /// What a row with it does.
    pub(super) does: Does,
    /// The cause that it speaks for.
    #[serde(default)]
    pub(super) cause: Option<String>,
    /// Whether it tells the cause by itself.
    pub(super) weight: Weight,
    /// What it means, in a few words.
    pub(super) means: String,
    /// The page that says so, and the day it was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every code has one"))]
    source: String,
}

/// A word of a vendor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    field: String,
    holds: String,
    means: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every word has one"))]
    source: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Page {
    code: Vec<Code>,
    word: Vec<Word>,
}

struct Table {
    codes: BTreeMap<i64, Code>,
    words: Vec<Word>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // A test reads the table.
    let page: Page = toml::from_str(include_str!("codes.toml")).unwrap_or_default();
    Table { codes: page.code.into_iter().map(|code| (code.value, code)).collect(), words: page.word }
});

/// What a code means here.
pub(super) fn code(value: i64) -> Option<&'static Code> {
    TABLE.codes.get(&value)
}

/// Our word for the first listed word of a field that a text holds; hyphens and underscores count as blanks.
pub(super) fn within(field: &str, text: &str) -> Option<&'static str> {
    let text: String = text.chars().map(|c| if matches!(c, '-' | '_') { ' ' } else { c }).collect();
    let text = text.to_lowercase();
    let mut words = TABLE.words.iter().filter(|word| word.field == field);
    words.find(|word| text.contains(&word.holds)).map(|word| word.means.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symptoms::catalogue;

    #[test]
    fn every_code_and_word_is_sound() {
        let page: Page = toml::from_str(include_str!("codes.toml")).expect("a table");
        for code in &page.code {
            assert!(code.source.contains("read 20") && !code.means.is_empty(), "{}", code.value);
            let Some(cause) = &code.cause else { continue };
            assert!(catalogue::cause("login-challenge-loop", cause).is_some(), "{}: no cause {cause}", code.value);
        }
        assert_eq!(page.code.len(), TABLE.codes.len(), "a code is there twice");
        for word in &page.word {
            assert!(word.source.contains("read 20"), "{}", word.holds);
            assert_eq!(word.holds, word.holds.to_lowercase().replace(['-', '_'], " "), "{}", word.holds);
        }
    }
}
