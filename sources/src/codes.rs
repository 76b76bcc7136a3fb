//! Vendor codes: dated tables beside each kind, and what they mean in our words.

use std::collections::HashMap;

use evidence::{Action, AuthMethod, TraceStatus, VerdictKind};
use serde::Deserialize;

/// One vendor code.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Code {
    /// Field, column or key in which it stands.
    pub(crate) field: String,
    /// The code as the vendor writes it.
    pub(crate) value: String,
    /// Our word for it.
    pub(crate) means: String,
    /// The page that says so, and the day it was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every code has one"))]
    pub(crate) source: String,
}

/// A table of vendor codes.
#[derive(Debug)]
pub(crate) struct Codes {
    by_code: HashMap<(String, String), String>,
    /// The same by field and value exactly as the table writes them, which most exports do.
    as_written: HashMap<String, HashMap<String, String>>,
    /// In the order of the file.
    pub(crate) all: Vec<Code>,
}

#[derive(Deserialize)]
struct Page {
    code: Vec<Code>,
}

impl Codes {
    /// Reads a `codes.toml` of ours.
    pub(crate) fn of(page: &str) -> Codes {
        let page: Page = toml::from_str(page).expect("codes.toml is part of the program and tested");
        let mut as_written: HashMap<String, HashMap<String, String>> = HashMap::new();
        for Code { field, value, means, .. } in &page.code {
            as_written.entry(field.clone()).or_default().insert(value.clone(), means.clone());
        }
        let by_code = page.code.iter().map(|code| ((folded(&code.field), folded(&code.value)), code.means.clone()));
        Codes { by_code: by_code.collect(), as_written, all: page.code }
    }

    /// Our word for a code; case, blanks and punctuation do not count.
    pub(crate) fn means(&self, field: &str, value: &str) -> Option<&str> {
        let exactly = self.as_written.get(field).and_then(|values| values.get(value));
        exactly.or_else(|| self.by_code.get(&(folded(field), folded(value)))).map(String::as_str)
    }

    /// Our word for the first code of a field that stands in a text, whatever the case; hyphens count as blanks, because
    /// vendors write both `header-based` and `header based`.
    pub(crate) fn within(&self, field: &str, text: &str) -> Option<&str> {
        let text = blurred(text);
        let of_field = self.all.iter().filter(|code| code.field == field);
        of_field.into_iter().find(|code| text.contains(&blurred(&code.value))).map(|code| code.means.as_str())
    }
}

/// A text in lower case with single blanks; hyphens and underscores count as blanks.
fn blurred(text: &str) -> String {
    text.to_lowercase().replace(['-', '_'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name reduced to its letters and digits, lower case: `Date (UTC)` and `date_utc` are one.
pub(crate) fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The verdict kind that a table's word stands for.
pub(crate) fn verdict_kind(means: &str) -> Option<VerdictKind> {
    Some(match means {
        "clean" => VerdictKind::Clean,
        "spam" => VerdictKind::Spam,
        "high_confidence_spam" => VerdictKind::HighConfidenceSpam,
        "phish" => VerdictKind::Phish,
        "high_confidence_phish" => VerdictKind::HighConfidencePhish,
        "malware" => VerdictKind::Malware,
        "bulk" => VerdictKind::Bulk,
        "spoof" => VerdictKind::Spoof,
        "impersonation" => VerdictKind::Impersonation,
        "attachment" => VerdictKind::Attachment,
        "url" => VerdictKind::Url,
        "transport_rule" => VerdictKind::TransportRule,
        "data_loss" => VerdictKind::DataLoss,
        "block_entry" => VerdictKind::BlockEntry,
        "user_block" => VerdictKind::UserBlock,
        "connection_filter" => VerdictKind::ConnectionFilter,
        "greylisted" => VerdictKind::Greylisted,
        "dmarc" => VerdictKind::Authentication(AuthMethod::Dmarc),
        "unknown" => VerdictKind::Unknown,
        _ => return None,
    })
}

/// The action that a table's word stands for.
pub(crate) fn action(means: &str) -> Option<Action> {
    Some(match means {
        "none" => Action::None,
        "tagged" => Action::Tagged,
        "junked" => Action::Junked,
        "quarantined" => Action::Quarantined,
        "rejected" => Action::Rejected,
        "deferred" => Action::Deferred,
        "discarded" => Action::Discarded,
        "redirected" => Action::Redirected,
        "sandboxed" => Action::Sandboxed,
        "not_said" => Action::NotSaid,
        _ => return None,
    })
}

/// The trace status that a table's word stands for.
pub(crate) fn trace_status(means: &str) -> Option<TraceStatus> {
    Some(match means {
        "delivered" => TraceStatus::Delivered,
        "expanded" => TraceStatus::Expanded,
        "resolved" => TraceStatus::Resolved,
        "failed" => TraceStatus::Failed,
        "filtered_as_spam" => TraceStatus::FilteredAsSpam,
        "getting_status" => TraceStatus::GettingStatus,
        "pending" => TraceStatus::Pending,
        "quarantined" => TraceStatus::Quarantined,
        "recalled" => TraceStatus::Recalled,
        _ => return None,
    })
}

/// Asserts that every code of a table has a source with a day, and a meaning that is known.
#[cfg(test)]
pub(crate) fn check_codes(codes: &Codes, is_known: impl Fn(&Code) -> bool) {
    assert!(!codes.all.is_empty());
    for code in &codes.all {
        assert!(is_known(code), "{code:?}: unknown meaning");
        assert!(code.source.contains("read 20"), "{code:?}: no day");
    }
    assert_eq!(codes.by_code.len(), codes.all.len(), "a code stands twice");
}
