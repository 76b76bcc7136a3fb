//! What the totals of reports count and which rows hold the same, as `counted.toml` says.

use std::sync::LazyLock;

use serde::Deserialize;

static COUNTED: LazyLock<Counted> = LazyLock::new(|| toml::from_str(include_str!("counted.toml")).unwrap_or_default());

/// The whole table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counted {
    report: Vec<ReportEntry>,
    measure: Vec<MeasureEntry>,
    rows: Vec<RowsEntry>,
}

/// A kind of report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportEntry {
    /// The kind of export.
    pub source: String,
    /// One of what it counts.
    pub counts_by: CountsBy,
    /// By which property it parts ways: inbound, outbound, within.
    pub direction: Option<String>,
    /// Which property names the policy.
    pub policy: Option<String>,
    /// Which property names the sender's domain, if the report is one receiver's about one sender.
    pub sender: Option<String>,
    /// Properties of which one must be a pass, lest the mail is somebody else's.
    #[serde(default)]
    pub passes: Vec<String>,
    /// Properties that part totals which must not be added up.
    #[serde(default)]
    pub parted_by: Vec<String>,
    /// Kinds of rows that hold the same mail, the closest first.
    pub rows: Vec<String>,
    /// The page that says so.
    page: String,
    /// The day on which it was read.
    read: String,
}

/// One of what a report counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CountsBy {
    /// A message and recipient.
    Recipient,
    /// A message.
    Message,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureEntry {
    report: String,
    words: Vec<String>,
    counts: Counts,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table; a test holds it to be there"))]
    page: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table; a test holds it to be there"))]
    read: String,
}

/// What a measure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counts {
    /// Mail that was let through.
    Good,
    /// Mail that a filter or rule acted on.
    Filtered,
    /// Mail that was refused before any row is written.
    Edge,
    /// How often rules matched.
    RuleHits,
    /// All of the others together.
    Sum,
    /// Mail that is held.
    Held,
    /// An event of the detail report.
    Event,
}

/// A kind of rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsEntry {
    /// The kind of export.
    pub source: String,
    /// What one row is.
    pub row: RowIs,
    /// Whether rows follow what happens after delivery.
    #[serde(default)]
    pub now: bool,
    /// Which part of the mail they hold, if not all.
    pub only: Option<Counts>,
    page: String,
    read: String,
}

impl ReportEntry {
    /// Who says what its totals count, and when that was read.
    pub(super) fn says(&self) -> String {
        format!("{} (read {})", self.page, self.read)
    }
}

impl RowsEntry {
    /// Who says what one row is, and when that was read.
    pub(super) fn says(&self) -> String {
        format!("{} (read {})", self.page, self.read)
    }
}

/// What one row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowIs {
    /// A message and recipient.
    Copy,
    /// A message with all its recipients.
    Message,
    /// An attempt to hand a copy on.
    Attempt,
    /// One of several events of a message.
    Event,
}

/// The entry of a kind of report; `None` if nobody says what its totals count.
pub(super) fn report(source: &str) -> Option<&'static ReportEntry> {
    COUNTED.report.iter().find(|entry| entry.source == source)
}

/// The entry of a kind of rows.
pub(super) fn rows(source: &str) -> Option<&'static RowsEntry> {
    COUNTED.rows.iter().find(|entry| entry.source == source)
}

/// All kinds of rows.
pub(super) fn all_rows() -> &'static [RowsEntry] {
    &COUNTED.rows
}

/// What a measure of a report counts; `None` for a word that no page lists.
pub(super) fn measure(source: &str, word: &str) -> Option<Counts> {
    let word = bare(word);
    let of_report = COUNTED.measure.iter().filter(|entry| entry.report == source);
    of_report.filter(|entry| entry.words.iter().any(|known| bare(known) == word)).map(|entry| entry.counts).next()
}

/// A word without case, blanks and signs: reports and portals spell the same measure differently.
fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_whole() {
        let counted: Counted = toml::from_str(include_str!("counted.toml")).expect("counted.toml");
        let dated = |page: &str, read: &str| {
            assert!(page.len() >= 4 && read.parse::<jiff::civil::Date>().is_ok(), "{page} {read}");
        };
        for entry in &counted.report {
            assert!(sources::source(&entry.source).is_some(), "{}", entry.source);
            assert!(entry.rows.iter().all(|id| rows(id).is_some()), "{}", entry.source);
            dated(&entry.page, &entry.read);
        }
        for entry in &counted.measure {
            assert!(report(&entry.report).is_some() && !entry.words.is_empty(), "{}", entry.report);
            dated(&entry.page, &entry.read);
        }
        for entry in &counted.rows {
            assert!(sources::source(&entry.source).is_some(), "{}", entry.source);
            dated(&entry.page, &entry.read);
        }
    }

    #[test]
    fn ok_words() {
        for (said, expected) in [
            ("GoodMail", Some(Counts::Good)),
            ("good mail", Some(Counts::Good)),
            ("Edge protection", Some(Counts::Edge)),
            ("NovelEvent", None),
        ] {
            assert_eq!(measure("exchange-online/mail-flow-report", said), expected, "{said}");
        }
    }
}
