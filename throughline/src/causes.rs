//! `causes`: why copies meet their fate, each cause with its page.

use findings::Page;
use report::{Block, Section, Sheet, Tone};
use serde::Serialize;

use crate::cli;
use crate::failure::Failure;
use crate::output;

/// The document of `causes --format json`.
#[derive(Serialize)]
struct Causes {
    schema: &'static str,
    causes: Vec<&'static Page>,
}

/// Prints all causes, or the pages of one or a family.
///
/// # Errors
/// [`Failure::Usage`] if there is no such cause.
pub fn run(options: &cli::Causes) -> Result<(), Failure> {
    let all = findings::catalogue();
    let (causes, sheet) = match options.id.as_deref() {
        None => (all.iter().collect(), list(all)),
        Some(id) => {
            let pages = named(all, id)?;
            let sections = pages.iter().copied().map(section).collect();
            (pages, Sheet { title: format!("Causes: {id}"), sections })
        }
    };
    let document = Causes { schema: "throughline.causes.v1", causes };
    output::print(&output::page(&document, &sheet, &options.output)?)
}

/// The pages that an id, its second half, or a family names.
fn named<'p>(all: &'p [Page], id: &str) -> Result<Vec<&'p Page>, Failure> {
    let parts = |page: &Page| page.id.split_once('/').is_some_and(|(family, specific)| family == id || specific == id);
    let pages: Vec<&Page> = all.iter().filter(|page| page.id == id || parts(page)).collect();
    if !pages.is_empty() {
        return Ok(pages);
    }
    let near: Vec<&str> = all.iter().map(|page| page.id.as_str()).filter(|known| known.contains(id)).collect();
    Err(Failure::Usage {
        what: "causes".to_owned(),
        expected: "a cause or a family".to_owned(),
        found: format!("`{}`", id.escape_debug()),
        hint: match near.as_slice() {
            [] => "`throughline causes` lists them".to_owned(),
            near => format!("Did you mean {}?", near.join(" or ")),
        },
    })
}

/// One line a cause, family by family.
fn list(all: &[Page]) -> Sheet {
    let mut sections: Vec<Section> = Vec::new();
    for page in all {
        let (family, specific) = page.id.split_once('/').unwrap_or(("", &page.id));
        let fact = (specific.to_owned(), page.title.clone());
        match sections.last_mut() {
            Some(Section { title, blocks, .. }) if title == family => {
                if let Some(Block::Facts(facts)) = blocks.last_mut() {
                    facts.push(fact);
                }
            }
            _ => sections.push(Section {
                id: "family",
                title: family.to_owned(),
                blocks: vec![Block::Facts(vec![fact])],
            }),
        }
    }
    Sheet { title: "Causes of a copy's fate".to_owned(), sections }
}

fn section(page: &Page) -> Section {
    let parts = [
        ("What it is", &page.what),
        ("What proves it", &page.proof),
        ("What looks alike", &page.alike),
        ("Narrow fix", &page.fix),
        ("Owner", &page.owner),
    ];
    let facts = parts.map(|(name, text)| (name.to_owned(), text.clone()));
    let blocks = vec![Block::Text(Tone::Plain, page.title.clone()), Block::Facts(facts.to_vec())];
    Section { id: "cause", title: page.id.clone(), blocks }
}
