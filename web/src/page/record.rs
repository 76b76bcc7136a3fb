//! A record of the evidence: raw text with its marks beside the decoded fields.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use report::visible;
use serde::Deserialize;

use super::shell;
use crate::entry::Visitor;
use crate::office::{RecordPlace, RecordShown, Trouble, TroubleKind};
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/records/{file}/{bytes}", get(page))
}

/// How many marks an address may ask for.
const MAX_MARKS: usize = 50;

/// What is marked: `START-END`, several with commas between.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Marks {
    mark: String,
}

/// The page.
async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path((number, file, bytes)): Path<(u64, String, String)>,
    Query(marks): Query<Marks>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let Some(place) = place(file, &bytes, &marks.mark) else {
        let what = "expected a record as its file's fingerprint and START-END in bytes, found another address";
        return shell::failed(&visitor, &Trouble::new(TroubleKind::NotFound, what));
    };
    let asked = place.clone();
    match workbench.office(move |office| office.record(number, &asked)).await {
        Ok(shown) => {
            let title = format!("Record of {}", shown.file);
            shell::case_page(&visitor, &worked.case, "/records", &title, &whole(number, &place, &shown))
        }
        Err(trouble) => shell::failed(&visitor, &trouble),
    }
}

/// A place as an address says it; `None` if it says none.
fn place(file: String, bytes: &str, marks: &str) -> Option<RecordPlace> {
    let range = |text: &str| {
        let (start, end) = text.split_once('-')?;
        Some([start.parse::<u64>().ok()?, end.parse::<u64>().ok()?])
    };
    let bytes = range(bytes).filter(|[start, end]| start < end)?;
    // A mark that is none is no reason to hide the record.
    let marks = marks.split(',').take(MAX_MARKS).filter_map(range).collect();
    Some(RecordPlace { file, bytes, marks })
}

fn whole(number: u64, place: &RecordPlace, shown: &RecordShown) -> Markup {
    html! {
        section id="record" aria-labelledby="record-title" {
            h2 id="record-title" {
                (visible(&shown.file))
                @if let Some(line) = shown.line { ", line " (line) }
                @if let Some(record) = shown.number { ", record " (record) }
            }
            p.soft {
                (shown.kind.as_deref().map_or("of no kind that is read".to_owned(), visible))
                " · bytes " (place.bytes[0]) " to " (place.bytes[1])
            }
            (beside(number, place, shown))
            @for note in &shown.notes { p { (visible(note)) } }
            @if let Some(problem) = &shown.problem { p.stopped { "Its reader cannot read it: " (visible(problem)) } }
            div.sides {
                (raw(shown))
                (fields(shown))
            }
            (facts(shown))
            @if !shown.limits.is_empty() {
                details { summary { "What this kind of export cannot show" } ul { @for limit in &shown.limits { li { (visible(limit)) } } } }
            }
            p { a href=(format!("/cases/{number}")) { "Back to the way" } }
        }
    }
}

/// The records before and behind.
fn beside(number: u64, place: &RecordPlace, shown: &RecordShown) -> Markup {
    let address = |[start, end]: [u64; 2]| format!("/cases/{number}/records/{}/{start}-{end}", place.file);
    html! {
        @if shown.before.is_some() || shown.after.is_some() {
            nav.beside aria-label="Records beside this one" {
                @if let Some(before) = shown.before { a.button rel="prev" href=(address(before)) { "← Record before" } " " }
                @if let Some(after) = shown.after { a.button rel="next" href=(address(after)) { "Record after →" } }
            }
        }
    }
}

fn raw(shown: &RecordShown) -> Markup {
    let is_marked = shown.raw.iter().any(|(is_marked, _)| *is_marked);
    html! {
        section.raw aria-labelledby="raw-title" {
            h3 id="raw-title" { "As written" }
            @if shown.raw.is_empty() { p.soft { "It has no text of its own." } }
            @else {
                @if is_marked { p.soft { "What was cited is " mark { "marked" } "." } }
                pre tabindex="0" role="group" aria-labelledby="raw-title" {
                    @if shown.begins_before { "… " }
                    @for (is_marked, text) in &shown.raw {
                        @if *is_marked { mark { (lines(text)) } } @else { (lines(text)) }
                    }
                    @if shown.is_cut { " …" }
                }
                @if shown.begins_before || shown.is_cut { p.soft { "The record is longer than what is shown of it." } }
            }
        }
    }
}

/// Text whose lines stay lines.
fn lines(text: &str) -> String {
    text.split('\n').map(|line| visible(line.strip_suffix('\r').unwrap_or(line))).collect::<Vec<_>>().join("\n")
}

fn fields(shown: &RecordShown) -> Markup {
    html! {
        section.fields aria-labelledby="fields-title" {
            h3 id="fields-title" { "Decoded" }
            @if shown.fields.is_empty() { p.soft { "It has no named values: what its reader takes from it stands below." } }
            @else {
                table.stack.decoded {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Value" } } }
                    tbody {
                        @for field in &shown.fields {
                            tr.cited[field.is_marked] {
                                th scope="row" { (visible(&field.name)) @if field.is_marked { " " span.tag { "cited" } } }
                                td {
                                    @if field.value.is_empty() { span.soft { "empty" } }
                                    @else if field.is_marked { mark { (lines(&field.value)) } }
                                    @else { (lines(&field.value)) }
                                    @for means in &field.means { p.soft { (visible(means)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn facts(shown: &RecordShown) -> Markup {
    html! {
        section aria-labelledby="facts-title" {
            h3 id="facts-title" { "What its reader takes from it" }
            @if shown.facts.is_empty() { p.soft { "Nothing: it states no fact that is followed." } }
            @else { ul { @for fact in &shown.facts { li { (visible(fact)) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, marks: &str, expected: Option<([u64; 2], &[[u64; 2]])>) {
        let found = place("00".to_owned(), bytes, marks);
        let found = found.as_ref().map(|place| (place.bytes, place.marks.as_slice()));
        assert_eq!(found, expected, "{bytes} {marks}");
    }

    #[test]
    fn ok_place() {
        check("1-9", "", Some(([1, 9], &[])));
        check("1-9", "2-3", Some(([1, 9], &[[2, 3]])));
        check("1-9", "2-3,5-7,x", Some(([1, 9], &[[2, 3], [5, 7]])));
    }

    #[test]
    fn no_place() {
        for bytes in ["", "1", "9-1", "1-1", "-1-4", "1-99999999999999999999", "a-b", "../../etc/passwd"] {
            check(bytes, "", None);
        }
    }
}
