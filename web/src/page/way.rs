//! The way of the message: the answer, seven stages in a lane a copy, and one stage with its records.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use report::{Finding, FindingKind, Layer, MessageCopy, NextStep, Report, Standing, visible};

use super::{answered, cites, lanes, shell};
use crate::entry::Visitor;
use crate::office::{Trouble, TroubleKind};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}", get(page)).route("/cases/{number}/way/{copy}/{layer}", get(stage))
}

/// The page of a case.
async fn page(State(workbench): State<Workbench>, visitor: Visitor, Path(number): Path<u64>) -> Response {
    shown(workbench, visitor, number, None).await
}

/// The same page with one stage of one copy open.
async fn stage(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path((number, copy, layer)): Path<(u64, usize, String)>,
) -> Response {
    let Some(layer) = Layer::ALL.into_iter().find(|one| one.word() == layer) else {
        let what = "expected a stage of the way, such as `quarantine`, found another word";
        return shell::failed(&visitor, &Trouble::new(TroubleKind::NotFound, what));
    };
    shown(workbench, visitor, number, Some((copy, layer))).await
}

async fn shown(workbench: Workbench, visitor: Visitor, number: u64, at: Option<(usize, Layer)>) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let answer = workbench.report(&worked, PATIENCE).await;
    answered::page(&visitor, &worked, "", "The way", answer, |report| whole(number, report, at))
}

fn whole(number: u64, report: &Report, at: Option<(usize, Layer)>) -> Markup {
    let open = at.and_then(|(copy, layer)| Some((report.copies.get(copy.checked_sub(1)?)?, copy, layer)));
    html! {
        (answer(number, report))
        section id="way" aria-labelledby="way-title" {
            h2 id="way-title" { "The way" }
            (lanes::lanes(number, report, at))
        }
        @if let Some((copy, place, layer)) = open { (stage_of(number, report, copy, place, layer)) }
        @if !report.next_steps.is_empty() {
            section id="next" aria-labelledby="next-title" {
                h2 id="next-title" { "Next steps" }
                ol.steps { @for (at, step) in report.next_steps.iter().enumerate() { (next_step(number, at + 1, step)) } }
            }
        }
    }
}

/// The answer in a few lines: the first cause, or that none is shown.
fn answer(number: u64, report: &Report) -> Markup {
    let is_shown = |finding: &&Finding| {
        matches!(finding.kind, FindingKind::Cause | FindingKind::Symptom)
            && matches!(finding.standing, Standing::Proved | Standing::Likely)
    };
    let causes: Vec<&Finding> = report.findings.iter().filter(is_shown).collect();
    html! {
        section.answer id="answer" aria-labelledby="answer-title" {
            h2 id="answer-title" { "The answer" }
            @if causes.is_empty() { (no_cause(report)) }
            @for finding in causes.iter().take(3) {
                article.card.(finding.standing.word().replace(' ', "-")) {
                    h3 { span.tag { (finding.standing.word()) } code { (visible(&finding.id)) } }
                    p { (visible(&finding.statement)) (cites::links(number, &finding.cites)) }
                    @if let Some(fix) = &finding.narrow_fix { p.soft { "What mends it: " (visible(fix)) } }
                    @if let Some(owner) = &finding.owner { p.soft { "Who: " (visible(owner)) } }
                }
            }
            @if causes.len() > 3 { p { a href=(format!("/cases/{number}/findings")) { (causes.len() - 3) " more findings" } } }
        }
    }
}

fn no_cause(report: &Report) -> Markup {
    let is_delivered =
        !report.copies.is_empty() && report.copies.iter().all(|copy| copy.fate == report::Fate::Delivered);
    html! {
        @if is_delivered { p { "Every copy was delivered." } }
        @else { p { "Why it is so is " b { "not shown" } " by this evidence. What would show it is below." } }
    }
}

/// One stage of one copy: what it did, by which records, and what to fetch if it is not shown.
fn stage_of(number: u64, report: &Report, copy: &MessageCopy, place: usize, layer: Layer) -> Markup {
    let Some(told) = copy.layers.iter().find(|one| one.layer == layer) else { return html! {} };
    let findings = report.findings.iter().filter(|finding| {
        finding.layer == layer && finding.envelope_recipient.as_deref().is_none_or(|one| one == copy.envelope_recipient)
    });
    html! {
        section.stage id="stage" aria-labelledby="stage-title" {
            h2 id="stage-title" { (layer.word()) " of copy " (place) ": " (told.state.word()) }
            p.soft { (visible(&copy.envelope_recipient)) @if let Some(system) = &told.system { " · " (visible(system)) } }
            p { (visible(&told.summary)) (cites::links(number, &told.cites)) }
            @for event in copy.timeline.iter().filter(|event| event.layer == layer) {
                p { time datetime=(event.at) { (report::instant(event.at)) } " " b { (visible(&event.system)) } " " (visible(&event.summary)) (cites::links(number, &event.cites)) }
            }
            @for finding in findings {
                article.card.(finding.standing.word().replace(' ', "-")) {
                    h3 { span.tag { (finding.standing.word()) } code { (visible(&finding.id)) } }
                    p { (visible(&finding.statement)) (cites::links(number, &finding.cites)) }
                }
            }
            @let steps: Vec<&NextStep> = report.next_steps.iter().filter(|step| step.layer == Some(layer)).collect();
            @if !steps.is_empty() {
                h3 { "What would show more" }
                ol.steps { @for (at, step) in steps.into_iter().enumerate() { (next_step(number, at + 1, step)) } }
            }
        }
    }
}

fn next_step(_number: u64, at: usize, step: &NextStep) -> Markup {
    html! {
        li id=(format!("step-{at}")) {
            span.tag { "tier " (step.tier) } (visible(&step.step))
            @if let Some(place) = &step.r#where { p.soft { (visible(place)) } }
            @if let Some(line) = &step.command { (shell::command(line)) }
        }
    }
}
