//! What single records mean for a run, as the table of this folder has it.

use std::sync::LazyLock;

use serde::Deserialize;

/// One line of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    field: String,
    values: Vec<String>,
    means: String,
    #[serde(default)]
    is: Weight,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and the test of the table"))]
    source: String,
}

/// Whether a sign names the cause by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Weight {
    /// It does.
    #[default]
    Strong,
    /// It needs another record.
    Weak,
}

#[derive(Default, Deserialize)]
struct Table {
    sign: Vec<Entry>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // A test reads the table.
    toml::from_str(include_str!("signs.toml")).unwrap_or_default()
});

/// The causes in the order of the guide; `means` of the table that stands for each.
pub(super) const CAUSES: &[&str] = &[
    "credential-expired-or-wrong",
    "conditional-access-blocks-the-job-identity",
    "data-not-there-yet-or-throttled",
    "password-or-key-changed",
    "environment-differs",
    "command-or-module-changed",
    "smtp-submission-off",
];

fn entries(field: &'static str) -> impl Iterator<Item = &'static Entry> {
    TABLE.sign.iter().filter(move |entry| entry.field == field)
}

fn cause_of(entry: &'static Entry) -> Option<(&'static str, Weight)> {
    let known = CAUSES.iter().find(|cause| **cause == entry.means)?;
    Some((*known, entry.is))
}

/// The cause that a whole value of a field stands for.
pub(super) fn of_value(field: &'static str, value: &str) -> Option<(&'static str, Weight)> {
    entries(field).find(|entry| entry.values.iter().any(|known| known == value)).and_then(cause_of)
}

/// The cause that words of a run name; strong words go before weak ones.
pub(super) fn of_words(text: &str) -> Option<(&'static str, Weight)> {
    // Blanks at both ends, so that a number at the end is a word too.
    let text = format!(" {} ", text.to_lowercase());
    let found = entries("words").filter(|entry| entry.values.iter().any(|known| text.contains(known.as_str())));
    found.min_by_key(|entry| entry.is).and_then(cause_of)
}

/// Whether a text holds one of a field's values with this meaning.
pub(super) fn is(field: &'static str, means: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    entries(field)
        .filter(|entry| entry.means == means)
        .any(|entry| entry.values.iter().any(|known| text.contains(known.as_str())))
}

/// Whether a value is one of a field's with this meaning.
pub(super) fn is_value(field: &'static str, means: &str, value: &str) -> bool {
    let value = value.to_lowercase();
    entries(field).filter(|entry| entry.means == means).any(|entry| entry.values.contains(&value))
}

/// How many rows a line says that were read or written: `exported 412 rows`; 0 for `no rows`.
pub(super) fn rows(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let counted = words.windows(2).find_map(|pair| {
        let [count, unit] = pair else { return None };
        count.parse::<u64>().ok().filter(|_| is_value("rows", "count", unit))
    });
    counted.or_else(|| is("rows", "none", text).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_known() {
        let table: Table = toml::from_str(include_str!("signs.toml")).expect("a table");
        for entry in &table.sign {
            let is_known = match entry.field.as_str() {
                "code" | "words" | "result" | "change" => CAUSES.contains(&entry.means.as_str()),
                "start" | "tool" | "client" => ["by-hand", "by-clock"].contains(&entry.means.as_str()),
                "rows" => ["count", "none"].contains(&entry.means.as_str()),
                _ => false,
            };
            let is_lower = entry.values.iter().all(|value| value.to_lowercase() == *value);
            assert!(is_known && is_lower && entry.source.contains("read 20"), "{entry:?}");
        }
    }

    #[test]
    fn words_and_numbers() {
        for (text, expected) in [
            ("exported 412 rows", Some(412)),
            ("Exported 0 rows to C:\\jobs\\out.csv", Some(0)),
            ("No data returned.", Some(0)),
            ("took 12 s", None),
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
        for (text, expected) in [
            (
                "AADSTS7000222: The provided client secret keys for app are expired.",
                Some("credential-expired-or-wrong"),
            ),
            ("quarantine API: 429 Too Many Requests", Some("data-not-there-yet-or-throttled")),
            ("write error: No space left on device", Some("environment-differs")),
            ("done", None),
        ] {
            assert_eq!(of_words(text).map(|(cause, _)| cause), expected, "{text}");
        }
    }
}
