//! What a signal can ask for, and which kinds of export show it: `fields.toml` and `shown_by.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::{COUNTED, Topic};

/// One field, for people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldPage {
    /// Of which list.
    pub of: String,
    /// Its name.
    pub name: String,
    /// What sort of value it is.
    #[serde(rename = "type")]
    pub sort: String,
    /// What it means.
    pub means: String,
    /// Whether it is there whatever the export.
    #[serde(default)]
    pub sure: bool,
    /// Kinds of export that state it.
    #[serde(default)]
    pub ask_for: Vec<String>,
}

/// All that a signal can ask for.
pub struct Fields;

#[derive(Deserialize)]
struct Pages {
    field: Vec<FieldPage>,
}

#[derive(Deserialize)]
struct Kinds {
    kinds: Vec<String>,
}

static PAGES: LazyLock<Vec<FieldPage>> =
    LazyLock::new(|| toml::from_str::<Pages>(include_str!("fields.toml")).map(|pages| pages.field).unwrap_or_default());

static KINDS: LazyLock<BTreeMap<String, Kinds>> =
    LazyLock::new(|| toml::from_str(include_str!("shown_by.toml")).unwrap_or_default());

static NAMES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let counted = COUNTED.into_iter().chain(Topic::ALL.into_iter().map(Topic::word));
    PAGES.iter().map(|page| page.name.as_str()).chain(counted).collect()
});

/// The kinds of export that show a list.
pub(super) fn kinds(topic: Topic) -> &'static [String] {
    let topic = if topic == Topic::Counts { Topic::Copies } else { topic };
    KINDS.get(topic.word()).map_or(&[], |kinds| &kinds.kinds)
}

impl Fields {
    /// Fields of which any name may be asked.
    pub(super) const LOOKUPS: [&'static str; 3] = ["to", "from", "systems"];

    /// All of them.
    pub fn pages() -> &'static [FieldPage] {
        &PAGES
    }

    /// Whether items of some list have it.
    pub(super) fn is_known(name: &str) -> bool {
        NAMES.contains(name)
    }

    /// The field whose name is nearest to a name that is none.
    pub(super) fn nearest(name: &str) -> String {
        let near = |own: &&&str| (distance(own, name), own.len());
        NAMES.iter().min_by_key(near).map(|own| (*own).to_owned()).unwrap_or_default()
    }

    /// Kinds of export that state a field; those of its list, where none are named.
    pub(super) fn ask_for(name: &str, topics: &BTreeSet<Topic>) -> Vec<String> {
        let counted = Topic::ALL.into_iter().find(|topic| topic.word() == name.trim_end_matches("_rows"));
        if let Some(topic) = counted.filter(|_| topics.contains(&Topic::Counts)) {
            return kinds(topic).to_vec();
        }
        let of = |page: &&FieldPage| page.name == name && topics.iter().any(|topic| topic.word() == page.of);
        let mut named: Vec<String> = PAGES.iter().filter(of).flat_map(|page| page.ask_for.clone()).collect();
        if named.is_empty() {
            let own: Vec<Topic> = topics
                .iter()
                .copied()
                .filter(|topic| PAGES.iter().any(|page| page.name == name && page.of == topic.word()))
                .collect();
            named.extend(own.into_iter().flat_map(|topic| kinds(topic).iter().take(3).cloned()));
        }
        named
    }
}

/// How many letters differ, roughly: those that only one of two names has.
fn distance(own: &str, other: &str) -> usize {
    let own: Vec<char> = own.chars().collect();
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in own.iter().enumerate() {
        let mut before = number;
        let mut next = vec![number + 1];
        for (at, theirs) in other.iter().enumerate() {
            let above = row.get(at + 1).copied().unwrap_or_default();
            let left = next.last().copied().unwrap_or_default();
            let cost = before + usize::from(letter != theirs);
            before = above;
            next.push(cost.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
