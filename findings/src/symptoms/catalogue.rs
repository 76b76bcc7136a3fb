//! The pages of all symptoms, and which one free words mean.

use std::sync::LazyLock;

use super::{ALL, CauseGuide, Guide};

static GUIDES: LazyLock<Vec<Guide>> = LazyLock::new(|| {
    let read = |id: &str, text: &str| match toml::from_str::<Guide>(text) {
        Ok(guide) => Some(Guide { id: id.to_owned(), ..guide }),
        // A test reads every guide.
        Err(_) => None,
    };
    ALL.iter().filter_map(|symptom| read(symptom.id(), symptom.guide())).collect()
});

/// The pages of all symptoms, in their order.
pub fn guides() -> &'static [Guide] {
    &GUIDES
}

/// What the page says of one cause of a symptom.
pub fn cause(id: &str, specific: &str) -> Option<&'static CauseGuide> {
    let guide = GUIDES.iter().find(|guide| guide.id == id)?;
    guide.cause.iter().find(|cause| cause.id == specific)
}

/// What an export shows of a symptom, as its page says.
pub(super) fn shows(id: &str, source: &str) -> Option<&'static str> {
    let guide = GUIDES.iter().find(|guide| guide.id == id)?;
    guide.collect.iter().find(|collect| collect.source == source).map(|collect| collect.shows.as_str())
}

/// The symptoms that free words fit, the best first; none if no word fits.
pub fn closest(words: &str) -> Vec<&'static Guide> {
    let asked = stems(words);
    let mut scored: Vec<(usize, &Guide)> = GUIDES.iter().map(|guide| (score(guide, words, &asked), guide)).collect();
    scored.retain(|(score, _)| *score > 0);
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, guide)| guide).collect()
}

/// A whole phrase counts more than its words, a word of the list more than one of the title.
fn score(guide: &Guide, words: &str, asked: &[String]) -> usize {
    let asked_text = words.to_lowercase();
    let mut score = 0;
    for phrase in &guide.words {
        if asked_text.contains(phrase.as_str()) {
            score += 4 + 2 * phrase.split_whitespace().count();
        }
    }
    let own: Vec<String> = guide.words.iter().flat_map(|phrase| stems(phrase)).collect();
    let title = stems(&guide.title);
    let id = stems(&guide.id.replace('-', " "));
    for word in asked {
        score +=
            2 * usize::from(own.contains(word)) + usize::from(title.contains(word)) + usize::from(id.contains(word));
    }
    score
}

/// Words that every ticket has.
const COMMON: &[&str] = &[
    "the", "and", "but", "for", "not", "with", "from", "our", "his", "her", "she", "they", "are", "was", "has", "have",
    "had", "that", "this", "when", "then", "after", "before", "mail", "email", "message", "one", "all", "can", "it",
    "is", "in", "of", "to", "we", "on", "at", "an", "by", "no", "still",
];

/// The words of a text without their endings.
fn stems(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1 && !COMMON.contains(word));
    words.map(stem).collect()
}

fn stem(word: &str) -> String {
    for ending in ["ing", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.len() >= 3) {
            return stem.trim_end_matches('e').to_owned();
        }
    }
    word.trim_end_matches('e').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_symptom_has_a_whole_page() {
        for symptom in ALL {
            let guide: Guide =
                toml::from_str(symptom.guide()).unwrap_or_else(|error| panic!("{}: {error}", symptom.id()));
            assert!(guide.cause.len() >= 3, "{}: fewer than three causes", symptom.id());
            assert!(guide.look.len() >= 3 && guide.words.len() >= 5, "{}: too little to be led by", symptom.id());
            assert!(guide.look.iter().all(|look| look.means.len() >= 2), "{}: a look with one result", symptom.id());
            for collect in &guide.collect {
                assert!(sources::source(&collect.source).is_some(), "{}: no kind {}", symptom.id(), collect.source);
            }
            let ids: BTreeSet<&str> = guide.cause.iter().map(|cause| cause.id.as_str()).collect();
            assert_eq!(ids.len(), guide.cause.len(), "{}: a cause is there twice", symptom.id());
            for cause in &guide.cause {
                let parts = [
                    &cause.title,
                    &cause.proof,
                    &cause.disproof,
                    &cause.fix,
                    &cause.rollback,
                    &cause.verify,
                    &cause.owner,
                ];
                for part in parts {
                    assert!(part.len() >= 8 && part.ends_with('.'), "{} {}: `{part}`", symptom.id(), cause.id);
                }
            }
        }
    }
}
