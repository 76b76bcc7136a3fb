//! What people say first finds the symptom that they mean.

use std::collections::BTreeMap;

use findings::symptoms::{self, closest};
use serde::Deserialize;

#[derive(Deserialize)]
struct Asked {
    said: Vec<String>,
}

/// Each is among the first three, and most stand first: the user picks.
#[test]
fn words_find_their_symptom() {
    let asked: BTreeMap<String, Asked> = toml::from_str(include_str!("asked.toml")).expect("a table");
    assert_eq!(asked.len(), symptoms::ALL.len());
    let (mut all, mut first, mut missed) = (0, 0, Vec::new());
    let is_written = |id: &str| symptoms::guides().iter().any(|guide| guide.id == id && !guide.words.is_empty());
    for (id, asked) in asked.iter().filter(|(id, _)| is_written(id)) {
        assert!(asked.said.len() >= 3, "{id}");
        for said in &asked.said {
            let found: Vec<(&str, String)> =
                closest(said).iter().map(|fit| (fit.guide.id.as_str(), fit.by.join(", "))).collect();
            all += 1;
            first += usize::from(found.first().is_some_and(|(found, _)| found == id));
            if !found.iter().take(3).any(|(found, _)| found == id) {
                missed.push(format!("{id}: {said}\n    {found:?}"));
            } else if std::env::var_os("SHOW_WORDS").is_some() && found.first().is_some_and(|(found, _)| found != id) {
                println!("{id}: {said}\n    {found:?}");
            }
        }
    }
    assert!(missed.is_empty(), "{} of {all} not found:\n{}", missed.len(), missed.join("\n"));
    assert!(first * 100 >= all * 85, "only {first} of {all} stand first");
}

/// What is no symptom at all finds nothing, or says by which word it fits.
#[test]
fn what_fits_is_said() {
    assert!(closest("").is_empty());
    assert!(closest("hello there").is_empty());
    for fit in closest("the exception is gone again after the policy refresh") {
        assert!(!fit.by.is_empty(), "{}", fit.guide.id);
    }
}
