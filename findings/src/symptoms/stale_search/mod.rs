//! Search or an index shows stale results after a remediation.
//!
//! A list tells of a moment, and nobody wrote down which. A row that contradicts a later event is stale only if the list is known to have
//! been read after it: a newer row stands in it, or now itself is within the index's lag. Else the list was simply read before, and the
//! rule is quiet. Why it is stale, the measured lag tells: below what the vendor allows it was read too early, beyond that the index is
//! behind; and there are columns that never follow what a user moves.
//!
//! `rows.rs` finds what lists still show, `truth.rs` what happened since, `judge.rs` puts them side by side.

mod judge;
mod rows;
mod truth;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use evidence::SourceId;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "stale-search"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let rows = rows::of(survey);
        if rows.is_empty() {
            return Vec::new();
        }
        let truths = truth::Truths::of(survey, &rows);
        judge::signs(survey, &rows, &truths)
    }
}

#[derive(Default, Deserialize)]
struct Words {
    lag: Vec<Lag>,
    waiting: Vec<Waiting>,
}

#[derive(Deserialize)]
struct Lag {
    index: String,
    minutes: i64,
}

#[derive(Deserialize)]
struct Waiting {
    has: String,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("lags.toml")).unwrap_or_default());

static LAGS: LazyLock<BTreeMap<&'static str, SignedDuration>> = LazyLock::new(|| {
    WORDS.lag.iter().map(|lag| (lag.index.as_str(), SignedDuration::from_mins(lag.minutes))).collect()
});

/// How long an index may lag behind: as its source documents, else as the table allows.
fn lag(index: SourceId) -> SignedDuration {
    let documented = sources::source(index).map(|source| source.lag()).unwrap_or_default();
    documented.max(LAGS.get(index).copied().unwrap_or_default())
}

/// Whether an index says itself that it is waiting.
fn is_waiting(said: &str) -> bool {
    let said = said.to_lowercase();
    WORDS.waiting.iter().any(|word| said.contains(&word.has))
}

/// An instant as a sentence has it, to the second.
fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A span as a sentence has it: `4 min`, `7 h 20 min`, `3 days`.
fn span(span: SignedDuration) -> String {
    const DAY: i64 = 24 * 60;
    match span.as_mins() {
        0 => format!("{} s", span.as_secs()),
        mins if mins < 60 => format!("{mins} min"),
        mins if mins < 2 * DAY => match mins % 60 {
            0 => format!("{} h", mins / 60),
            rest => format!("{} h {rest} min", mins / 60),
        },
        mins => format!("{} days", mins / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_exists() {
        let words: Words = toml::from_str(include_str!("lags.toml")).unwrap();
        assert!(words.lag.iter().all(|lag| sources::source(&lag.index).is_some()));
        assert!(is_waiting("accepted: Awaiting Indexing") && !is_waiting("archived: Indexed and archived"));
    }

    #[test]
    fn ok_spans() {
        for (secs, expected) in [(30, "30 s"), (240, "4 min"), (26_400, "7 h 20 min"), (3 * 86_400, "3 days")] {
            assert_eq!(span(SignedDuration::from_secs(secs)), expected);
        }
    }
}
