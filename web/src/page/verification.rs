//! Whether a change held: three answers, by which records, and when to look again.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use case::told::JournalLine;
use case::{Answer as Verdict, Deed, Entry, VerificationReport};
use maud::{Markup, html};
use report::{instant, visible};
use serde::Deserialize;

use super::compare::fetch;
use super::{answered, cites, forms, shell};
use crate::entry::{Role, Visitor};
use crate::kept::Answer;
use crate::office::{Trouble, TroubleKind, Worked};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/verification", get(page).post(record))
}

/// The address of this page below the case.
const PART: &str = "/verification";

/// Which answer was on the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    answer: String,
    decided: u64,
}

async fn page(State(workbench): State<Workbench>, visitor: Visitor, Path(number): Path<u64>) -> Response {
    shown(&workbench, &visitor, number, None).await
}

/// Puts the answer that the page showed into the journal; one that is another by now is shown first.
async fn record(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(seen): Form<Seen>,
) -> Response {
    if let Err(trouble) = visitor.may(Role::Engineer) {
        return shell::failed(&visitor, &trouble);
    }
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let found = match workbench.verification(&worked, None).await {
        Answer::Ready(Ok(found)) => found,
        Answer::Ready(Err(trouble)) => return shell::failed(&visitor, &trouble),
        Answer::Working(_) => return Redirect::to(&format!("/cases/{number}{PART}")).into_response(),
    };
    if seen.decided != worked.decided() || seen.answer != word(found.answer) {
        let what =
            "expected the answer that the page showed, found that the case was worked on since. This is the answer now";
        return shown(&workbench, &visitor, number, Some(Trouble::new(TroubleKind::Conflict, what))).await;
    }
    let user = visitor.user.name.clone();
    match workbench.office(move |office| office.verified(&user, number, &found, seen.decided)).await {
        Ok(_) => Redirect::to(&format!("/cases/{number}{PART}")).into_response(),
        Err(trouble) => shown(&workbench, &visitor, number, Some(trouble)).await,
    }
}

async fn shown(workbench: &Workbench, visitor: &Visitor, number: u64, trouble: Option<Trouble>) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(visitor, &trouble),
    };
    let answer = workbench.verification(&worked, PATIENCE).await;
    let drawn = answered::page(visitor, &worked, PART, "Verification", answer, |found| {
        html! { (forms::refusal(trouble.as_ref())) (whole(visitor, &worked, found)) }
    });
    match &trouble {
        Some(trouble) => forms::again(drawn, trouble),
        None => drawn,
    }
}

fn whole(visitor: &Visitor, worked: &Worked, found: &VerificationReport) -> Markup {
    let number = worked.case.number;
    let (class, sign, means) = match found.answer {
        Verdict::Held => ("passed", "✓", "Every check is shown by records."),
        Verdict::CameBack => ("stopped", "✗", "Records show that at least one check failed."),
        Verdict::CannotTell => {
            ("conflict", "?", "At least one check is not shown by the evidence. Silence is no proof.")
        }
    };
    html! {
        section.answer id="held" aria-labelledby="held-title" {
            h2 id="held-title" { "Did it hold?" }
            p.lead.(class) { (sign) " " b { (found.answer.words()) } ". " (means) }
            p {
                @match found.due {
                    Some(due) => { "Look again " b { time datetime=(due) { (instant(due)) } } "." },
                    None => "No second look is due.",
                }
            }
            p { a.button href=(format!("/cases/{number}/evidence?purpose=verification")) { "Add evidence of the time after the change" } }
        }
        (record_form(visitor, worked, found))
        (recorded(number, &worked.journal))
        (cites::sheet(number, &found.sheet()))
        (fetch(&found.exports))
    }
}

/// The button that puts this answer into the journal.
fn record_form(visitor: &Visitor, worked: &Worked, found: &VerificationReport) -> Markup {
    html! {
        @if found.changes.is_empty() {
            p.changed { "! No change is known: " a href=(format!("/cases/{}/exception#change", worked.case.number)) { "record it first" } "." }
        }
        @if visitor.may(Role::Engineer).is_ok() {
            form method="post" action=(format!("/cases/{}{PART}", worked.case.number)) {
                (shell::csrf(visitor))
                input type="hidden" name="answer" value=(word(found.answer));
                input type="hidden" name="decided" value=(worked.decided());
                button.main type="submit" { "Record this answer: " (found.answer.words()) }
            }
        }
    }
}

/// The answers that the journal has.
fn recorded(number: u64, journal: &[Entry]) -> Markup {
    let answers: Vec<&Entry> = journal.iter().filter(|entry| matches!(entry.deed, Deed::Verified { .. })).collect();
    html! {
        section id="recorded" aria-labelledby="recorded-title" {
            h2 id="recorded-title" { "What was recorded" }
            @if answers.is_empty() { p.soft { "No answer yet." } }
            ul {
                @for entry in answers.iter().rev() {
                    li { (visible(&JournalLine::of(entry).said)) " " span.soft { "(" a href=(format!("/cases/{number}/journal#entry-{}", entry.seq)) { "entry " (entry.seq) } ", " (instant(entry.at)) " by " (visible(&entry.who)) ")" } }
                }
            }
            p { a href=(format!("/cases/{number}/journal")) { "The whole journal" } }
        }
    }
}

fn word(answer: Verdict) -> &'static str {
    match answer {
        Verdict::Held => "held",
        Verdict::CameBack => "came_back",
        Verdict::CannotTell => "cannot_tell",
    }
}
