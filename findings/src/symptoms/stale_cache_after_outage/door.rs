//! What a server remembers at its own door: results of earlier probes, blocks of addresses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use evidence::Outcome;
use lake::{Line, What};
use serde::Deserialize;

use super::super::dependency_timeout::attempts::{Attempt, End, Record};
use super::super::dependency_timeout::words;
use crate::symptoms::Survey;

/// One sort of memory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    pub(super) name: String,
    words: Vec<String>,
    pub(super) hours: i64,
    pub(super) until: String,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Default, Deserialize)]
struct Table {
    memory: Vec<Memory>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| toml::from_str(include_str!("door.toml")).unwrap_or_default());

/// The memory that a line at the door speaks from.
pub(super) fn memory_of(survey: &Survey<'_>, line: &Line) -> Option<&'static Memory> {
    if !matches!(line.what, What::Arrival(Outcome::Deferred | Outcome::Refused)) || line.said.is_none() {
        return None;
    }
    let said = survey.text(line.said).to_lowercase();
    TABLE.memory.iter().find(|memory| memory.words.iter().any(|word| said.contains(word.as_str())))
}

/// What servers say at their door of a dependency that did not answer a probe, by its name.
pub(super) fn by_dependency<'a>(survey: &Survey<'a>) -> BTreeMap<String, Vec<Attempt<'a>>> {
    let mut found: BTreeMap<String, Vec<Attempt<'a>>> = BTreeMap::new();
    for line in survey.lines() {
        if memory_of(survey, line).is_none() {
            continue;
        }
        let said = survey.text(line.said);
        if let (Some(at), Some(name)) = (line.at, words::named(said)) {
            let subject = survey.text(line.envelope_recipient);
            let attempt = Attempt { at, end: End::Silent, subject, said, record: Record::Line(line) };
            found.entry(name).or_default().push(attempt);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_table() {
        assert!(TABLE.memory.len() >= 3 && TABLE.memory.iter().all(|memory| memory.hours > 0));
    }
}
