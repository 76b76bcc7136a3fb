//! Links to the records of a statement, and the records themselves with what is cited marked.

use std::collections::HashSet;

use maud::{Markup, html};
use report::{Cite, Picture, Place, Sheet, visible};

use crate::office::RecordPlace;

/// How many links stand behind one statement.
const MAX_LINKS: usize = 6;
/// How many records are shown in one place.
const MAX_SHOWN: usize = 12;

/// The address of a record below a case: it stays the same for the same evidence.
pub fn address(number: u64, cite: &Cite) -> String {
    at(number, &cite.file, cite.bytes, cite.mark)
}

fn at(number: u64, file: &str, [start, end]: [u64; 2], mark: Option<[u64; 2]>) -> String {
    let mark = mark.map(|[start, end]| format!("?mark={start}-{end}")).unwrap_or_default();
    format!("/cases/{number}/records/{}/{start}-{end}{mark}", RecordPlace::fingerprint(file))
}

/// A link for each record.
pub fn links(number: u64, cites: &[Cite]) -> Markup {
    html! {
        @if !cites.is_empty() {
            span.cites {
                @for cite in cites.iter().take(MAX_LINKS) { " " a.cite href=(address(number, cite)) { (place(cite)) } }
                @if cites.len() > MAX_LINKS { span.soft { " +" (cites.len() - MAX_LINKS) " more" } }
            }
        }
    }
}

/// The records with the cited bytes marked in them, each once; the first few.
pub fn records<'c>(number: u64, cites: impl Iterator<Item = &'c Cite>) -> Markup {
    let mut known = HashSet::new();
    let cites: Vec<&Cite> = cites.filter(|cite| known.insert((&cite.file, cite.bytes, cite.mark))).collect();
    html! {
        @for cite in cites.iter().take(MAX_SHOWN) {
            figure.record {
                figcaption { a.cite href=(address(number, cite)) { (place(cite)) } " " span.soft { "raw and decoded" } }
                pre tabindex="0" role="group" aria-label=(format!("Record {}", place(cite))) { (excerpt(cite)) }
            }
        }
        @if cites.len() > MAX_SHOWN { p.soft { (cites.len() - MAX_SHOWN) " more records." } }
    }
}

/// The words of a record, what is cited in them marked.
fn excerpt(cite: &Cite) -> Markup {
    html! {
        @match &cite.excerpt {
            Some(excerpt) => { (visible(&excerpt.before)) mark { (visible(&excerpt.marked)) } (visible(&excerpt.after)) }
            None => { (visible(&cite.said)) }
        }
    }
}

/// The place in short: the file's own name and the line.
fn place(cite: &Cite) -> String {
    let whole = visible(&cite.place());
    match whole.rsplit_once('/') {
        Some((_, name)) => name.to_owned(),
        None => whole,
    }
}

/// The sections of a sheet, whose records are links to their pages and whose commands can be copied.
pub fn sheet(number: u64, sheet: &Sheet) -> Markup {
    sheet_led(number, "", sheet)
}

/// The same with anchors that begin with `lead`, for a page that has several.
pub fn sheet_led(number: u64, lead: &str, sheet: &Sheet) -> Markup {
    let address = |place: &Place| Some(at(number, &place.file, place.bytes, place.mark));
    html! { div.sheet { (report::sheet_markup(sheet, lead, &address)) } }
}

/// A picture, whose records are links to their pages.
pub fn picture(number: u64, picture: &Picture) -> Markup {
    let address = |place: &Place| Some(at(number, &place.file, place.bytes, place.mark));
    html! { div.picture { (report::picture_markup(picture, &address)) } }
}
