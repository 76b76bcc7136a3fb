//! Where the records of a statement stand, as a page points at them.

use std::collections::HashMap;
use std::sync::Arc;

use maud::{Markup, html};

use crate::document::Cite;
use crate::markdown::{Within, code};
use crate::text::visible;

/// Where a record stands, as a page points at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Its number on the page, which shows it.
    Number(usize),
    /// Its file and line.
    Place(String),
}

/// The numbers under which a page shows records; of one that it does not show, the place is named.
#[derive(Clone, Debug, Default)]
pub struct Numbers(Arc<HashMap<(String, [u64; 2]), usize>>);

impl Numbers {
    /// Numbers of records by file and bytes.
    pub(crate) fn of(numbers: impl Iterator<Item = ((String, [u64; 2]), usize)>) -> Numbers {
        Numbers(Arc::new(numbers.collect()))
    }

    /// How a page points at the records of a statement, each once: numbers first, ascending.
    pub fn references(&self, cites: &[Cite]) -> Vec<Reference> {
        let mut references: Vec<Reference> = Vec::new();
        for cite in cites {
            let reference = match self.0.get(&(cite.file.clone(), cite.bytes)) {
                Some(number) => Reference::Number(*number),
                None => Reference::Place(cite.place()),
            };
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        references.sort_by_key(|one| match one {
            Reference::Number(number) => *number,
            Reference::Place(_) => usize::MAX,
        });
        references
    }
}

/// How many numbers, and how many places, stand behind one statement.
const NUMBERS_SHOWN: usize = 8;
const PLACES_SHOWN: usize = 3;

/// Those that are shown, and how many are left.
fn shown(references: &[Reference]) -> (&[Reference], usize) {
    let is_numbered = references.iter().all(|one| matches!(one, Reference::Number(_)));
    let count = references.len().min(if is_numbered { NUMBERS_SHOWN } else { PLACES_SHOWN });
    (&references[..count], references.len() - count)
}

fn more(left: usize) -> String {
    if left == 0 { String::new() } else { format!(" (+{left} more)") }
}

/// ` [1] [2]`, to stand behind a text.
pub(crate) fn text(references: &[Reference]) -> String {
    let (shown, left) = shown(references);
    let told = |one: &Reference| match one {
        Reference::Number(number) => format!(" [{number}]"),
        Reference::Place(place) => format!(" [{}]", visible(place)),
    };
    let all: String = shown.iter().map(told).collect();
    all + &more(left)
}

/// The same as Markdown.
pub(crate) fn markdown(references: &[Reference], within: Within) -> String {
    let (shown, left) = shown(references);
    let told = |one: &Reference| match one {
        Reference::Number(number) => format!(" \\[{number}\\]"),
        Reference::Place(place) => format!(" {}", code(place, within)),
    };
    let all: String = shown.iter().map(told).collect();
    all + &more(left)
}

/// The same as links.
pub(crate) fn markup(references: &[Reference]) -> Markup {
    let (shown, left) = shown(references);
    html! {
        @for one in shown {
            " "
            @match one {
                Reference::Number(number) => a href=(format!("#record-{number}")) { "[" (number) "]" },
                Reference::Place(place) => code.soft { (visible(place)) },
            }
        }
        span.soft { (more(left)) }
    }
}
