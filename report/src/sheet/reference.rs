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
    /// Its place, where the page does not show it.
    Place(Place),
}

/// The place of a record in the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its file and line, as a page names them.
    pub said: String,
    /// Its file.
    pub file: String,
    /// The record as byte offsets into the file, end exclusive.
    pub bytes: [u64; 2],
    /// The part of the record that says it, as byte offsets into the file.
    pub mark: Option<[u64; 2]>,
}

impl Place {
    /// Where a cite points.
    pub fn of(cite: &Cite) -> Place {
        Place { said: cite.place(), file: cite.file.clone(), bytes: cite.bytes, mark: cite.mark }
    }
}

impl Reference {
    /// Whether a page says the same of both: the same number, or a place of the same name.
    pub fn reads_like(&self, other: &Reference) -> bool {
        match (self, other) {
            (Reference::Number(one), Reference::Number(other)) => one == other,
            (Reference::Place(one), Reference::Place(other)) => one.said == other.said,
            (Reference::Number(_), Reference::Place(_)) | (Reference::Place(_), Reference::Number(_)) => false,
        }
    }
}

/// What is around the markup of a page.
#[derive(Clone, Copy)]
pub(crate) enum Around<'a> {
    /// Nothing: it is a file of its own, and places are only named.
    Nothing,
    /// A page of a workbench.
    Workbench {
        /// What every anchor begins with, so that several sheets stand on one page.
        lead: &'a str,
        /// Gives the addresses of places.
        address: &'a dyn Fn(&Place) -> Option<String>,
    },
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
                None => Reference::Place(Place::of(cite)),
            };
            if !references.iter().any(|known| known.reads_like(&reference)) {
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

impl Around<'_> {
    /// The heading of a column whose cells say by themselves what they are: a file of its own leaves it empty.
    pub(crate) fn heading(self, words: &'static str) -> &'static str {
        match self {
            Around::Nothing => "",
            Around::Workbench { .. } => words,
        }
    }

    /// An anchor as it stands on this page.
    pub(crate) fn anchor(self, anchor: &str) -> String {
        match self {
            Around::Nothing => anchor.to_owned(),
            Around::Workbench { lead, .. } => format!("{lead}{anchor}"),
        }
    }
}

/// ` [1] [2]`, to stand behind a text.
pub(crate) fn text(references: &[Reference]) -> String {
    let (shown, left) = shown(references);
    let told = |one: &Reference| match one {
        Reference::Number(number) => format!(" [{number}]"),
        Reference::Place(place) => format!(" [{}]", visible(&place.said)),
    };
    let all: String = shown.iter().map(told).collect();
    all + &more(left)
}

/// The same as Markdown.
pub(crate) fn markdown(references: &[Reference], within: Within) -> String {
    let (shown, left) = shown(references);
    let told = |one: &Reference| match one {
        Reference::Number(number) => format!(" \\[{number}\\]"),
        Reference::Place(place) => format!(" {}", code(&place.said, within)),
    };
    let all: String = shown.iter().map(told).collect();
    all + &more(left)
}

/// The same as links.
pub(crate) fn markup(references: &[Reference], around: Around<'_>) -> Markup {
    let (shown, left) = shown(references);
    html! {
        @for one in shown {
            " "
            @match one {
                Reference::Number(number) => a href=(format!("#record-{number}")) { "[" (number) "]" },
                Reference::Place(place) => (named(place, around)),
            }
        }
        span.soft { (more(left)) }
    }
}

fn named(place: &Place, around: Around<'_>) -> Markup {
    let address = match around {
        Around::Nothing => None,
        Around::Workbench { address, .. } => address(place),
    };
    html! {
        @match address {
            Some(address) => a.cite href=(address) { (visible(&place.said)) },
            None => code.soft { (visible(&place.said)) },
        }
    }
}
