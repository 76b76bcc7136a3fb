//! An integration duplicates actions and raises conflicting alerts.
//!
//! One true event is told, or acted upon, more than once. The records say which kind of repetition it is, and each is mended elsewhere:
//!
//! * one alert comes in parts, all with its id (`alerts.rs`);
//! * several integrations raise an alert of their own for one message, or one raises it anew at each run (`alerts.rs`);
//! * the same record was handed out again, word for word, or the same copy again with a grown state (`again.rs`);
//! * two engines acted on one copy, to different ends (`engines.rs`);
//! * an integration called the same action again (`called.rs`);
//! * the message itself came in twice (`entered.rs`);
//! * two collectors carry the same transaction in two dialects (`collectors.rs`).
//!
//! What is one event with several recipients, a re-injection behind a content filter, a sending that its author repeated hours later, or a
//! file that was copied as a whole, is none of these.

mod again;
mod alerts;
mod called;
mod collectors;
mod engines;
mod entered;

use std::collections::BTreeSet;

use evidence::Cite;
use jiff::Timestamp;

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "duplicate-actions"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let mut found = engines::find(survey);
        found.extend(called::find(survey));
        found.extend(entered::find(survey));
        found.extend(collectors::find(survey));
        found.extend(alerts::find(survey));
        found.extend(again::find(survey));
        found
    }
}

/// How many records of one claim are cited.
const CITES_MAX: usize = 8;

/// The first cites, each once, by file and place.
fn first_few(cites: impl IntoIterator<Item = Cite>) -> Vec<Cite> {
    let mut seen = BTreeSet::new();
    let mut cites: Vec<Cite> = cites.into_iter().collect();
    cites.retain(|cite| seen.insert((cite.file.clone(), cite.bytes.start, cite.bytes.end)));
    cites.sort_by(|a, b| a.order().cmp(&b.order()));
    cites.truncate(CITES_MAX);
    cites
}

/// An instant as a sentence has it, to the second.
fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A word without case and marks, so that spellings of portals and interfaces compare.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `1 record`, `2 records`.
fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
