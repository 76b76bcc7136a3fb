//! The page of each cause: what it is, what proves it, what looks alike, the narrow fix, and who owns it.
//!
//! A page is the doc comment of the rule's own file, so that rule and page are changed together.

use std::sync::LazyLock;

use serde::Serialize;

use crate::{causes, policy};

/// What people should know of a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// `family/specific`.
    pub id: String,
    /// The cause in one sentence.
    pub title: String,
    /// What it is, and why it happens.
    pub what: String,
    /// Which records prove it.
    pub proof: String,
    /// What looks like it and is something else.
    pub alike: String,
    /// The narrowest thing that mends it.
    pub fix: String,
    /// Who has to mend it.
    pub owner: String,
}

/// The parts of a page, by the words with which they begin.
const PARTS: [&str; 5] = ["What it is:", "What proves it:", "What looks alike:", "Narrow fix:", "Owner:"];

static CATALOGUE: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let mut pages: Vec<Page> = rules().filter_map(|(id, source)| page(id, source)).collect();
    pages.sort_by(|one, other| one.id.cmp(&other.id));
    pages
});

/// The pages of all causes, by id.
pub fn catalogue() -> &'static [Page] {
    &CATALOGUE
}

/// The page of one cause; `None` if there is no such cause.
pub fn page_of(id: &str) -> Option<&'static Page> {
    CATALOGUE.iter().find(|page| page.id == id)
}

/// Every rule's id and source.
fn rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    let causes = causes::all().map(|cause| (cause.id(), cause.page()));
    causes.chain(policy::RULES.iter().map(|rule| (rule.id(), rule.page())))
}

/// Reads a page out of a rule's source; `None` if a part is missing.
fn page(id: &str, source: &str) -> Option<Page> {
    let lines: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let (title, rest) = lines.split_first()?;
    // Backticks are for the reader of the source.
    let text = rest.iter().copied().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").replace('`', "");
    let mut rest = text.as_str();
    let mut parts = Vec::new();
    for (at, label) in PARTS.iter().enumerate() {
        rest = rest.split_once(label)?.1;
        let end = PARTS.get(at + 1).and_then(|next| rest.find(next)).unwrap_or(rest.len());
        parts.push(capitalised(rest.get(..end)?.trim()));
        rest = rest.get(end..)?;
    }
    let [what, proof, alike, fix, owner] = <[String; 5]>::try_from(parts).ok()?;
    Some(Page { id: id.to_owned(), title: (*title).to_owned(), what, proof, alike, fix, owner })
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_whole_page() {
        let pages = catalogue();
        for (id, _) in rules() {
            let page = pages.iter().find(|page| page.id == id);
            let page = page.unwrap_or_else(|| panic!("{id}: a part of its page is missing, or out of order"));
            for part in [&page.title, &page.what, &page.proof, &page.alike, &page.fix, &page.owner] {
                assert!(part.len() >= 8 && part.ends_with('.'), "{id}: `{part}`");
                assert!(
                    !part.contains("- ") && !part.contains('*'),
                    "{id}: a line broken at a hyphen, or an emphasis: `{part}`"
                );
            }
        }
        assert!(pages.windows(2).all(|two| two[0].id < two[1].id), "an id is there twice");
    }

    #[test]
    fn a_page_is_read_from_a_doc_comment() {
        let source = "//! It looped.\n//!\n//! What it is: two\n//! servers.\n//! What proves it: a count. What looks alike: a \
                      list.\n//!\n//! Narrow fix: one\n//! forward. Owner: routing.\n\nuse x;\n//! not this";
        let page = page("family/loop", source).unwrap();
        assert_eq!(
            [page.title, page.what, page.proof, page.alike, page.fix, page.owner],
            ["It looped.", "Two servers.", "A count.", "A list.", "One forward.", "Routing."]
        );
        for missing in ["", "//! Title only.", "//! T.\n//! What it is: x. Owner: y."] {
            assert_eq!(super::page("family/none", missing), None, "{missing}");
        }
    }
}
