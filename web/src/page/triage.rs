//! The triage of a case: what is looked at before anything is changed, what of it is done, and what is open.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use case::told::next_steps;
use case::triage::{self, Looked, Point, PointState, Seen, Triage};
use maud::{Markup, html};
use report::{Fate, NextStep, visible};

use super::{cites, shell};
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::{Sides, Trouble, TroubleKind, Worked};
use crate::workbench::{PATIENCE, Workbench};

const PART: &str = "/triage";

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/triage", get(page))
}

/// The page. A case without evidence, or whose message is not singled out yet, has a triage too: that is then an open point of it.
async fn page(State(workbench): State<Workbench>, visitor: Visitor, Path(number): Path<u64>) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let report = match workbench.report(&worked, PATIENCE).await {
        Answer::Working(progress) => {
            return shell::waiting_page(&visitor, &worked.case, PART, &super::answered::how_far(&progress));
        }
        Answer::Ready(report) => report,
    };
    let was_kept_back = |report: &report::Report| report.copies.iter().any(|copy| copy.fate != Fate::Delivered);
    // The comparison is one point of several: the page does not wait for it.
    let compared = match &report {
        Ok(report) if was_kept_back(report) => match workbench.comparison(&worked, Sides::default(), PATIENCE).await {
            Answer::Ready(compared) => compared.ok(),
            Answer::Working(_) => None,
        },
        _ => None,
    };
    let looked = match &report {
        Ok(report) => Looked::Followed(report),
        Err(trouble) => match not_followed(trouble, &worked) {
            Some(looked) => looked,
            None => return shell::failed(&visitor, trouble),
        },
    };
    let seen = Seen { looked, compared: compared.as_deref(), asked: &worked.case.asked, journal: &worked.journal };
    let triage = triage::of(&seen);
    let steps = next_steps(&worked.case, &worked.journal, report.as_ref().ok().map(AsRef::as_ref), Some(&triage));
    shell::case_page(&visitor, &worked.case, PART, "Triage", &drawn(number, &triage, &steps))
}

/// What the triage says of an answer that there is not; `None` if that is a fault of the machine.
fn not_followed<'a>(trouble: &'a Trouble, worked: &Worked) -> Option<Looked<'a>> {
    match trouble.kind {
        TroubleKind::WhichMessage => Some(Looked::NotFollowed(&trouble.what)),
        TroubleKind::NothingReadable if worked.has_evidence() => Some(Looked::NotFollowed(&trouble.what)),
        TroubleKind::NothingReadable => Some(Looked::NoEvidence),
        _ => None,
    }
}

fn drawn(number: u64, triage: &Triage, steps: &[NextStep]) -> Markup {
    html! {
        section id="triage" aria-labelledby="triage-title" {
            h2 id="triage-title" {
                @match triage.open { 0 => { "Triage: nothing is open" } 1 => { "Triage: one point is open" } n => { "Triage: " (n) " points are open" } }
            }
            @if let Some(note) = &triage.note { p.soft { (visible(note)) } }
            ul.points { @for one in &triage.points { (point(number, one)) } }
        }
        @if !steps.is_empty() {
            section id="next" aria-labelledby="next-title" {
                h2 id="next-title" { "Next" }
                ol.steps { @for one in steps { (step(one)) } }
            }
        }
    }
}

fn point(number: u64, point: &Point) -> Markup {
    let (sign, class, word) = match point.state {
        PointState::Done => ('✓', "passed", "done"),
        PointState::Open => ('!', "changed", "open"),
        PointState::NotChecked => ('?', "conflict", "cannot be told"),
        PointState::NotNeeded => ('·', "soft", "not needed"),
    };
    html! {
        li id=(format!("point-{}", point.id)) {
            h3 { span.(class) { span aria-hidden="true" { (sign) " " } (word) } " " (visible(&point.title)) }
            p {
                @for (at, line) in point.said.lines().enumerate() { @if at > 0 { br; } (visible(line)) }
                (cites::links(number, &point.cites))
                @for entry in &point.entries { " " a.cite href=(format!("/cases/{number}/journal#entry-{entry}")) { "journal entry " (entry) } }
            }
            @if !point.steps.is_empty() { ol.steps { @for one in &point.steps { (step(one)) } } }
        }
    }
}

fn step(step: &NextStep) -> Markup {
    html! {
        li {
            span.tag { "tier " (step.tier) } (visible(&step.step))
            @if let Some(place) = &step.r#where { p.soft { (visible(place)) } }
            @if let Some(line) = &step.command { (shell::command(line)) }
        }
    }
}
