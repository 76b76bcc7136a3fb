//! The pages of all symptoms, and which one free words mean.

use std::collections::{BTreeMap, BTreeSet};
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

/// A symptom that free words fit.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Its page.
    pub guide: &'static Guide,
    /// What fits, the best first: phrases of its page, then words of the question.
    pub by: Vec<String>,
}

/// How many symptoms are offered.
const MAX_FITS: usize = 4;
/// What fits less than this share of the best one is left out, in percent.
const LEAST_SHARE: usize = 30;
/// What fits by one frequent word alone fits by chance.
const LEAST_SCORE: usize = 6;

/// The symptoms that free words fit, the best first; none if no word fits.
pub fn closest(words: &str) -> Vec<Fit> {
    let asked = Asked::of(words);
    let mut scored: Vec<(usize, Fit)> = GUIDES
        .iter()
        .map(|guide| {
            let (score, by) = asked.score(guide);
            (score, Fit { guide, by })
        })
        .collect();
    let best = scored.iter().map(|(score, _)| *score).max().unwrap_or(0);
    scored.retain(|(score, _)| *score >= LEAST_SCORE && *score * 100 >= best * LEAST_SHARE);
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.truncate(MAX_FITS);
    scored.into_iter().map(|(_, fit)| fit).collect()
}

/// The words of all pages: in how many of them each stands, and how firmly it stands for one.
static VOCABULARY: LazyLock<BTreeMap<String, usize>> = LazyLock::new(|| {
    let mut pages: BTreeMap<String, usize> = BTreeMap::new();
    for guide in GUIDES.iter() {
        for word in Page::of(guide).all() {
            *pages.entry(word).or_default() += 1;
        }
    }
    pages
});

/// The words of one page.
struct Page {
    /// Those by which people ask for it, of its title and its id.
    own: BTreeSet<String>,
    /// Those of the rest of the page that are about the symptom and its causes.
    others: BTreeSet<String>,
}

impl Page {
    fn of(guide: &Guide) -> Page {
        let named = [guide.title.clone(), guide.id.replace('-', " ")];
        let own = guide.words.iter().chain(&named).flat_map(|text| stems(text)).collect();
        let causes = guide.cause.iter().flat_map(|cause| [&cause.title, &cause.id]);
        let others = [&guide.what, &guide.sign].into_iter().chain(causes).flat_map(|text| stems(text)).collect();
        Page { own, others }
    }

    fn all(&self) -> BTreeSet<String> {
        self.own.union(&self.others).cloned().collect()
    }
}

/// What a word weighs that stands in so many of the pages: one that stands in most says nothing.
fn weight(pages: usize) -> usize {
    match pages {
        0 => 0,
        1 => 6,
        2 => 5,
        3 => 4,
        4 | 5 => 3,
        6 | 7 => 2,
        _ => 1,
    }
}

/// What somebody asks, as it is compared.
struct Asked {
    /// The words as they were written, and their stems.
    words: Vec<(String, String)>,
    /// All stems in order, for phrases.
    line: Vec<String>,
}

impl Asked {
    fn of(text: &str) -> Asked {
        let words: Vec<(String, String)> = words(text).into_iter().map(|word| (word.clone(), stem(&word))).collect();
        let line = words.iter().map(|(_, stem)| stem.clone()).collect();
        Asked { words, line }
    }

    /// A phrase of the page counts more than its words; a word counts by how few pages have it.
    fn score(&self, guide: &Guide) -> (usize, Vec<String>) {
        let mut score = 0;
        let mut phrases: Vec<(usize, String)> = Vec::new();
        for phrase in &guide.words {
            let worth = self.phrase(phrase);
            if worth > 0 {
                score += worth;
                phrases.push((worth, format!("\"{phrase}\"")));
            }
        }
        phrases.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
        let page = Page::of(guide);
        let mut by: Vec<String> = phrases.into_iter().take(3).map(|(_, phrase)| phrase).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (word, stem) in self.words.iter().filter(|(word, _)| !is_common(word)) {
            if !seen.insert(stem) {
                continue;
            }
            let own = page.own.iter().find(|known| is_like(known, stem));
            let other = page.others.iter().find(|known| is_like(known, stem));
            let worth = match (own, other) {
                (Some(known), _) => 3 * weight(VOCABULARY.get(known).copied().unwrap_or(1)),
                (None, Some(known)) => weight(VOCABULARY.get(known).copied().unwrap_or(1)),
                (None, None) => 0,
            };
            score += worth;
            if worth >= 3 && !by.iter().any(|known| known.contains(word.as_str())) {
                by.push(word.clone());
            }
        }
        (score, by)
    }

    /// What a phrase is worth that was asked for: word by word in its order, or all its words anywhere.
    fn phrase(&self, phrase: &str) -> usize {
        let wanted: Vec<String> = words(phrase).iter().map(|word| stem(word)).collect();
        if wanted.is_empty() {
            return 0;
        }
        let is_there = |window: &[String]| window.iter().zip(&wanted).all(|(asked, known)| is_like(known, asked));
        if self.line.windows(wanted.len()).any(is_there) {
            return 6 * wanted.len();
        }
        let telling: Vec<String> = stems(phrase);
        let all = telling.len() >= 2 && telling.iter().all(|known| self.line.iter().any(|asked| is_like(known, asked)));
        if all { 4 * telling.len() } else { 0 }
    }
}

/// Words that every ticket has.
const COMMON: &[&str] = &[
    "the", "and", "but", "for", "not", "with", "from", "our", "his", "her", "she", "they", "are", "was", "has", "have",
    "had", "that", "this", "when", "then", "after", "before", "mail", "mails", "email", "emails", "message",
    "messages", "one", "all", "can", "cannot", "it", "is", "in", "of", "to", "we", "on", "at", "an", "by", "no",
    "still", "he", "you", "your", "my", "me", "us", "them", "their", "there", "these", "those", "its", "be", "been",
    "do", "does", "did", "don", "doesn", "isn", "won", "will", "would", "get", "gets", "got", "so", "as", "or", "if",
    "than", "too", "any", "some", "every", "each", "only", "just", "now", "also", "very", "what", "why", "who", "how",
    "which", "where", "although", "though", "because", "since", "into", "up", "out", "about", "were", "could",
    "should", "other", "same", "user", "users", "client", "customer",
];

fn is_common(word: &str) -> bool {
    word.len() < 2 || COMMON.contains(&word)
}

/// The words of a text in lower case, in order.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The telling words of a text without their endings.
fn stems(text: &str) -> Vec<String> {
    words(text).iter().filter(|word| !is_common(word)).map(|word| stem(word)).collect()
}

/// Stems that people take for the same thing, the first for all of them.
const SAME: &[&[&str]] =
    &[&["updat", "upgrad", "patch"], &["outag", "crash", "downtim"], &["login", "logon", "signin"]];

/// A word without its ending, the same for words that mean the same.
fn stem(word: &str) -> String {
    let bare = bare(word);
    let same = SAME.iter().find(|same| same.contains(&bare.as_str())).and_then(|same| same.first());
    same.map_or(bare, |first| (*first).to_owned())
}

fn bare(word: &str) -> String {
    for ending in ["ations", "ation", "ing", "ions", "ion", "ies", "ed", "es", "er", "s", "y"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3) {
            let twice =
                stem.strip_suffix(|c: char| stem[..stem.len() - c.len_utf8()].ends_with(c) && !"ls".contains(c));
            return twice.unwrap_or(stem).trim_end_matches(['e', 'i']).to_owned();
        }
    }
    word.trim_end_matches('e').to_owned()
}

/// Whether two stems are forms of one word, or one of them is a slip of the other.
fn is_like(known: &str, asked: &str) -> bool {
    if known == asked {
        return true;
    }
    let (long, short) = if known.len() >= asked.len() { (known, asked) } else { (asked, known) };
    let is_start = long.starts_with(short) && short.chars().count() >= 5;
    is_start || (short.chars().count() >= 5 && is_slip(known, asked))
}

/// Whether two words differ by one letter that is wrong, missing, too many, or by two that changed places.
fn is_slip(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[same..], &other[same..]);
    match (one, other) {
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, a @ ..], b) if a == b => true,
        (a, [_, b @ ..]) if a == b => true,
        ([a, b, rest @ ..], [c, d, others @ ..]) => a == d && b == c && rest == others,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
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
