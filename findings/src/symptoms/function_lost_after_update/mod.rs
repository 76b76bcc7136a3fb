//! An update installs cleanly, and one business-critical function disappears.
//!
//! The sign is a function that was used until an instant, and whose use fails from then on, on the way that it always took. What
//! explains it is a change in between that bears on the function. Each kind of function has its file: mail that is refused
//! ([`mail`]), applications that can no longer sign in ([`sign_ins`]), rules that no longer act ([`rules`]), filters that are no longer
//! asked ([`plugins`]), reports that lack a column ([`reports`]). What nobody needed any more was not lost, and what was never used
//! before either.

mod mail;
mod plugins;
mod reports;
mod rules;
mod sign_ins;

use std::collections::BTreeSet;

use evidence::{Cite, Layer, SourceId};
use jiff::Timestamp;

use super::altered::{self, Altered, minute, short, shown};
use super::picture::{BeforeAfter, Compared, Weight};
use super::{Apart, Picture, Sign, Survey, Symptom};
use crate::Standing;

/// The rule.
pub struct Rule;

/// So many signs are told.
const MAX_SIGNS: usize = 4;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "function-lost-after-update"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let altered = altered::all(survey);
        let mut lost = mail::all(survey, &altered);
        lost.extend(sign_ins::all(survey, &altered));
        lost.extend(rules::all(survey, &altered));
        lost.extend(plugins::all(survey));
        lost.extend(reports::all(survey));
        lost.sort_by_key(|one| one.standing);
        lost.truncate(MAX_SIGNS);
        lost.into_iter().map(sign).collect()
    }
}

/// A function that was lost.
struct Lost {
    specific: Option<&'static str>,
    standing: Standing,
    good_until: Option<Timestamp>,
    bad_from: Option<Timestamp>,
    function: String,
    statement: String,
    cites: Vec<Cite>,
    ask_for: Vec<SourceId>,
    apart: Vec<Apart>,
    rows: Vec<Row>,
}

/// One line of the picture.
struct Row {
    field: String,
    before: Option<String>,
    after: Option<String>,
    decides: Weight,
    cites: Vec<Cite>,
}

impl Row {
    fn new(field: &str, before: Option<String>, after: Option<String>, cites: Vec<Cite>) -> Row {
        Row { field: field.to_owned(), before, after, decides: Weight::Differs, cites }
    }

    fn altered(one: &Altered) -> Row {
        let property = one.property.as_deref().map(|property| format!(" {property}")).unwrap_or_default();
        let is_gone = one.property.is_none() && one.takes_away();
        let there = || (one.property.is_none() && one.before.is_some() || is_gone).then(|| "there".to_owned());
        Row {
            field: format!("{} {}{property}", altered::class(&one.class), short(&one.name)),
            before: one.before.as_deref().map(shown).or_else(there),
            after: one.after.as_deref().map(shown).or_else(|| is_gone.then(|| "gone".to_owned())),
            decides: Weight::Decides,
            cites: one.cites.iter().take(2).cloned().collect(),
        }
    }
}

fn sign(lost: Lost) -> Sign {
    let edge = |at: Option<Timestamp>, word: &str| at.map_or(word.to_owned(), |at| format!("{word} {}", minute(at)));
    let mut rows = vec![Compared {
        field: lost.function.clone(),
        before: Some("works".to_owned()),
        after: Some("fails".to_owned()),
        weight: Weight::Differs,
        cites: lost.cites.iter().take(2).cloned().collect(),
    }];
    rows.extend(lost.rows.into_iter().map(|row| Compared {
        field: row.field,
        before: row.before,
        after: row.after,
        weight: row.decides,
        cites: row.cites,
    }));
    let picture = BeforeAfter { before: edge(lost.good_until, "until"), after: edge(lost.bad_from, "from"), rows };
    let mut cites = lost.cites;
    let mut seen: BTreeSet<(String, u64)> = BTreeSet::new();
    cites.retain(|cite| seen.insert((cite.file.to_string(), cite.bytes.start)));
    cites.truncate(12);
    Sign {
        specific: lost.specific,
        standing: lost.standing,
        layer: Layer::Delivery,
        envelope_recipient: None,
        statement: capital(&lost.statement),
        cites,
        ask_for: lost.ask_for,
        apart: lost.apart,
        picture: Some(Picture::BeforeAfter(picture)),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A reply, not longer than a line.
fn short_reply(said: &str, code: &str) -> String {
    let end = said.char_indices().nth(REPLY_CHARS).map_or(said.len(), |(at, _)| at);
    match (said, code) {
        ("", "") => "no reason stated".to_owned(),
        ("", code) => code.to_owned(),
        _ => format!("`{}`", said.get(..end).unwrap_or(said)),
    }
}

/// So much of a reply is repeated.
const REPLY_CHARS: usize = 110;
