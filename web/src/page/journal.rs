//! The journal of a case, notes and its status.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use case::told::in_words;
use case::{Deed, Entry, Status};
use maud::{Markup, html};
use report::{instant, visible};
use serde::Deserialize;

use super::shell;
use crate::entry::{Role, Visitor};
use crate::office::{Trouble, TroubleKind, Worked};
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/cases/{number}/journal", get(page))
        .route("/cases/{number}/note", post(note))
        .route("/cases/{number}/status", post(status))
}

/// The longest note, in bytes.
const MAX_NOTE_BYTES: usize = 1 << 20;
/// How many digits of a hash are shown at once.
const HASH_SHOWN: usize = 12;

/// What the forms keep when something was not done.
#[derive(Default)]
struct Typed {
    trouble: Option<Trouble>,
    note: String,
    status: String,
    why: String,
}

async fn page(State(workbench): State<Workbench>, visitor: Visitor, Path(number): Path<u64>) -> Response {
    shown(&workbench, &visitor, number, &Typed::default()).await
}

/// What is noted.
#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    text: String,
}

async fn note(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(form): Form<Note>,
) -> Response {
    let (who, text) = (visitor.user.name.clone(), form.text.replace("\r\n", "\n"));
    let done = match text.len() {
        0..=MAX_NOTE_BYTES => workbench.office(move |office| office.note(&who, number, &text)).await,
        _ => {
            Err(Trouble::new(TroubleKind::TooLarge, "expected a note of at most 1 MiB, found more. Add it as evidence"))
        }
    };
    match done {
        Ok(_) => back(number),
        Err(trouble) => {
            let typed = Typed { trouble: Some(trouble), note: form.text, ..Typed::default() };
            shown(&workbench, &visitor, number, &typed).await
        }
    }
}

/// How far a case is said to be.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    status: String,
    #[serde(default)]
    why: String,
}

async fn status(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(form): Form<Said>,
) -> Response {
    if let Err(trouble) = visitor.may(Role::Engineer) {
        return shell::failed(&visitor, &trouble);
    }
    let to = BY_HAND.into_iter().map(|(status, _)| status).chain([Status::Closed]);
    let done = match to.into_iter().find(|status| status.word() == form.status) {
        Some(to) => {
            let (who, why) = (visitor.user.name.clone(), form.why.clone());
            workbench.office(move |office| office.status(&who, number, to, &why)).await
        }
        None => {
            let what = "status: expected open, waiting, escalated or closed, found another word";
            Err(Trouble::new(TroubleKind::Unfit, what))
        }
    };
    match done {
        Ok(_) => back(number),
        Err(trouble) => {
            let typed = Typed { trouble: Some(trouble), status: form.status, why: form.why, ..Typed::default() };
            shown(&workbench, &visitor, number, &typed).await
        }
    }
}

fn back(number: u64) -> Response {
    Redirect::to(&format!("/cases/{number}/journal")).into_response()
}

async fn shown(workbench: &Workbench, visitor: &Visitor, number: u64, typed: &Typed) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(visitor, &trouble),
    };
    let body = html! {
        @if let Some(trouble) = &typed.trouble {
            (shell::not_done(trouble))
            @if trouble.kind == TroubleKind::Refused {
                p { a.button href=(format!("/cases/{number}/verification")) { "Verify the change first" } }
            }
        }
        section aria-labelledby="entries-title" {
            h2 id="entries-title" { "Journal" }
            (entries(&worked.journal))
            p.soft { "Entries are only ever added. Each hash is over its entry and the hash before it, so nothing can be changed unseen: " code { "throughline case verify-journal" } " checks them." }
        }
        @if visitor.user.roles != crate::Roles::default() { (note_form(visitor, number, typed)) }
        @if visitor.user.roles.has(Role::Engineer) { (status_form(visitor, &worked, typed)) }
    };
    let mut response = shell::case_page(visitor, &worked.case, "/journal", "Journal", &body);
    if let Some(trouble) = &typed.trouble {
        *response.status_mut() = shell::status(trouble.kind);
    }
    response
}

fn entries(journal: &[Entry]) -> Markup {
    html! {
        table.stack.journal {
            thead { tr { th scope="col" { "Entry" } th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Hash" } } }
            tbody {
                @for entry in journal {
                    tr id=(format!("entry-{}", entry.seq)) {
                        th scope="row" { a href=(format!("#entry-{}", entry.seq)) { (entry.seq) } }
                        td.when data-label="when" { time datetime=(entry.at) { (instant(entry.at)) } }
                        td data-label="who" { (visible(&entry.who)) }
                        td data-label="what" { (what(&entry.deed)) }
                        td data-label="hash" { (hash(&entry.hash)) }
                    }
                }
            }
        }
    }
}

/// What was done: in a sentence, and in full where somebody wrote more than that.
fn what(deed: &Deed) -> Markup {
    let full = match deed {
        Deed::Noted { text } => return lines(text),
        Deed::StatusSet { status, why } => {
            return html! { b { (status.word().replace('_', " ")) } @if !why.is_empty() { ": " (lines(why)) } };
        }
        Deed::EvidenceAdded { files, .. } => {
            files.iter().map(|file| format!("{} ({} bytes, SHA-256 {})", file.name, file.bytes, file.sha256)).collect()
        }
        Deed::Approved { document, .. } => vec![document.clone()],
        Deed::ChangeMade { candidate, .. } => vec![candidate.clone()],
        Deed::Escalated { reasons, .. } => reasons.clone(),
        _ => Vec::new(),
    };
    html! {
        (visible(&in_words(deed)))
        @if !full.is_empty() { details { summary { "In full" } @for one in &full { (lines(one)) } } }
    }
}

/// A text with its lines.
fn lines(text: &str) -> Markup {
    html! { @for line in text.lines() { p { (visible(line)) } } }
}

fn hash(hash: &str) -> Markup {
    let (short, rest) = hash.split_at_checked(HASH_SHOWN).unwrap_or((hash, ""));
    html! { details.hash { summary { code { (short) } "…" } code { (short) (rest) } } }
}

fn note_form(visitor: &Visitor, number: u64, typed: &Typed) -> Markup {
    html! {
        section aria-labelledby="note-title" {
            h2 id="note-title" { "Note something" }
            form method="post" action=(format!("/cases/{number}/note")) {
                (shell::csrf(visitor))
                label for="text" { "Note" }
                textarea.words id="text" name="text" rows="3" required { (typed.note) }
                p { button type="submit" { "Note it" } }
            }
        }
    }
}

/// What is said by hand; the rest is shown by records.
const BY_HAND: [(Status, &str); 3] = [
    (Status::Open, "Open: it is worked on"),
    (Status::Waiting, "Waiting for somebody else, such as the reporter"),
    (Status::Escalated, "Escalated: somebody else has it"),
];

fn status_form(visitor: &Visitor, worked: &Worked, typed: &Typed) -> Markup {
    let address = format!("/cases/{}/status", worked.case.number);
    let is = |word: &str| typed.status == word;
    html! {
        section id="status" aria-labelledby="status-title" {
            h2 id="status-title" { "How far it is: " (worked.case.status.word().replace('_', " ")) }
            @if worked.case.status == Status::Closed {
                form method="post" action=(address) {
                    (shell::csrf(visitor))
                    input type="hidden" name="status" value="open";
                    label for="why" { "Why it is opened again" }
                    textarea.words id="why" name="why" rows="2" required { (typed.why) }
                    p { button type="submit" { "Open it again" } }
                }
            } @else {
                form method="post" action=(address) {
                    (shell::csrf(visitor))
                    label for="status-to" { "Set it to" }
                    select id="status-to" name="status" {
                        @for (status, name) in BY_HAND { option value=(status.word()) selected[is(status.word())] { (name) } }
                    }
                    label for="why" { "Why" }
                    textarea.words id="why" name="why" rows="2" required { @if !is("closed") { (typed.why) } }
                    p { button type="submit" { "Set it" } }
                }
                h3 { "Close it" }
                form method="post" action=(address) {
                    (shell::csrf(visitor))
                    input type="hidden" name="status" value="closed";
                    label for="resolution" { "Resolution" }
                    textarea.words id="resolution" name="why" rows="2" required { @if is("closed") { (typed.why) } }
                    p { button type="submit" { "Close the case" } }
                    p.soft { "A case whose change was never verified is not closed here." }
                }
            }
        }
    }
}
