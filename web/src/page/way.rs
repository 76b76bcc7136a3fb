//! The way of the message: the answer, seven stages in a lane a copy, the axis of time, and one stage with its records.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use report::{Cite, Event, Finding, FindingKind, Layer, LayerState, MessageCopy, NextStep, Report, Standing, visible};
use serde::Deserialize;

use super::lanes::Open;
use super::{answered, axis, cites, findings, lanes, several, shell};
use crate::entry::Visitor;
use crate::office::{Trouble, TroubleKind};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}", get(page)).route("/cases/{number}/way/{copy}/{layer}", get(stage))
}

/// From how many copies on a recipient can be looked for.
const MANY_COPIES: usize = 6;
/// How many causes the answer tells.
const MAX_CAUSES: usize = 3;

/// Whose copies are shown: those whose recipient holds this text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Whose {
    r#for: String,
}

/// The page of a case.
async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(whose): Query<Whose>,
) -> Response {
    shown(workbench, visitor, number, &whose.r#for, None).await
}

/// The same page with one stage of one copy open.
async fn stage(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path((number, copy, layer)): Path<(u64, usize, String)>,
) -> Response {
    let Some(layer) = Layer::ALL.into_iter().find(|one| one.word() == layer) else {
        return shell::failed(&visitor, &no_stage("another word"));
    };
    shown(workbench, visitor, number, "", Some((copy, layer))).await
}

fn no_stage(found: &str) -> Trouble {
    let what = format!("expected a stage of a copy of this message, such as `1/quarantine`, found {found}");
    Trouble::new(TroubleKind::NotFound, what)
}

async fn shown(
    workbench: Workbench,
    visitor: Visitor,
    number: u64,
    whose: &str,
    at: Option<(usize, Layer)>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let report = match answered::ready(&visitor, &worked, "", workbench.report(&worked, PATIENCE).await) {
        Ok(report) => report,
        Err(page) => return *page,
    };
    if at.is_some_and(|(copy, _)| copy == 0 || copy > report.copies.len()) {
        return shell::failed(&visitor, &no_stage("the number of no copy"));
    }
    shell::case_page(&visitor, &worked.case, "", "The way", &whole(number, &report, whose.trim(), at))
}

fn whole(number: u64, report: &Report, whose: &str, at: Option<(usize, Layer)>) -> Markup {
    let open = at.and_then(|(place, layer)| {
        let copy = report.copies.get(place.checked_sub(1)?)?;
        Some(Open { place, layer, panel: panel(number, report, copy, place, layer) })
    });
    let lanes = lanes::lanes(report, whose, at.map(|(copy, _)| copy));
    html! {
        (answer(number, report))
        @if report.several.is_some() { (several::drawn(number, report)) }
        @if !report.copies.is_empty() || report.message != report::Message::default() {
            section id="way" aria-labelledby="way-title" {
                h2 id="way-title" { "The way" }
                @if report.copies.len() >= MANY_COPIES { (looked_for(number, report, whose)) }
                (lanes::drawn(number, report, &lanes, open.as_ref()))
            }
            section id="time" aria-labelledby="time-title" {
                h2 id="time-title" { "When it happened" }
                (axis::drawn(number, report, &lanes))
            }
        }
        @if !report.next_steps.is_empty() {
            section id="next" aria-labelledby="next-title" {
                h2 id="next-title" { "Next steps" }
                ol.steps { @for (at, step) in report.next_steps.iter().enumerate() { li id=(format!("step-{}", at + 1)) { (next_step(step)) } } }
            }
        }
        @if !report.assumptions.is_empty() {
            section id="assumed" aria-labelledby="assumed-title" {
                h2 id="assumed-title" { "Assumed" }
                ul { @for one in &report.assumptions { li { (visible(one)) } } }
            }
        }
    }
}

/// The search for a recipient among many copies.
fn looked_for(number: u64, report: &Report, whose: &str) -> Markup {
    html! {
        form.search role="search" method="get" action=(format!("/cases/{number}#way")) {
            label for="for" { "Recipient (" (report.copies.len()) " copies)" }
            input id="for" type="search" name="for" value=(whose) placeholder="ana@example.com";
            button type="submit" { "Show" }
            @if !whose.is_empty() { a.button href=(format!("/cases/{number}#way")) { "All" } }
        }
    }
}

/// The answer in a few lines: the first causes, or that none is shown.
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
            @for finding in causes.iter().take(MAX_CAUSES) {
                article.card.(findings::class(finding.standing)) {
                    h3 { (findings::standing(finding.standing)) code { (visible(&finding.id)) } }
                    p.soft { (visible(&report::scope(finding))) }
                    p { (visible(&finding.statement)) (cites::links(number, &finding.cites)) }
                    @if let Some(fix) = &finding.narrow_fix { p.soft { "What mends it: " (visible(fix)) } }
                    @if let Some(owner) = &finding.owner { p.soft { "Who: " (visible(owner)) } }
                }
            }
            p {
                a href=(format!("/cases/{number}/findings")) {
                    @match report.findings.len().saturating_sub(causes.len().min(MAX_CAUSES)) {
                        0 => { "The findings, and what else it might have been" }
                        more => { (more) " more findings, and what else it might have been" }
                    }
                }
                " · " a href=(format!("/cases/{number}/symptoms")) { "Symptoms" }
            }
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
fn panel(number: u64, report: &Report, copy: &MessageCopy, place: usize, layer: Layer) -> Markup {
    let Some(told) = copy.layers.iter().find(|one| one.layer == layer) else { return html! {} };
    let is_its = |finding: &&Finding| {
        finding.layer == layer && finding.envelope_recipient.as_deref().is_none_or(|one| one == copy.envelope_recipient)
    };
    let found: Vec<&Finding> = report.findings.iter().filter(is_its).collect();
    let events: Vec<&Event> = copy.timeline.iter().filter(|event| event.layer == layer).collect();
    let cited = told.cites.iter();
    let cited = cited.chain(events.iter().flat_map(|event| &event.cites));
    let cited: Vec<&Cite> = cited.chain(found.iter().flat_map(|finding| &finding.cites)).collect();
    html! {
        section.stage id="stage" tabindex="-1" aria-labelledby="stage-title" {
            h3 id="stage-title" {
                span.(lanes::class(told.state)) { span aria-hidden="true" { (lanes::sign(told.state)) " " } (layer.word()) " " (told.state.word()) }
                " · " (visible(report::recipient(copy)))
            }
            p { (visible(&told.summary)) (cites::links(number, &told.cites)) }
            @if let Some(system) = &told.system { p.soft { "Said by " (visible(system)) } }
            @if !events.is_empty() { (happened(number, &events)) }
            @for finding in &found {
                article.card.(findings::class(finding.standing)) {
                    h4 { (findings::standing(finding.standing)) a href=(findings::address(number, report, finding)) { code { (visible(&finding.id)) } } }
                    p { (visible(&finding.statement)) (cites::links(number, &finding.cites)) }
                }
            }
            @if !cited.is_empty() {
                h4 { "Its records" }
                (cites::records(number, cited.into_iter()))
            }
            (missing(report, told, &found))
            p.back {
                a href=(format!("/cases/{number}#{}", lanes::anchor(place, layer))) { "Back to the lanes" }
                @for (name, other) in beside(layer) { " · " a href=(lanes::stage(number, place, other)) { (name) ": " (other.word()) } }
            }
        }
    }
}

/// The stages before and behind one.
fn beside(layer: Layer) -> Vec<(&'static str, Layer)> {
    let at = Layer::ALL.iter().position(|one| *one == layer).unwrap_or(0);
    let before = at.checked_sub(1).map(|at| ("Before", Layer::ALL[at]));
    let after = Layer::ALL.get(at + 1).map(|layer| ("Then", *layer));
    before.into_iter().chain(after).collect()
}

fn happened(number: u64, events: &[&Event]) -> Markup {
    html! {
        h4 { "What happened" }
        ul.happened {
            @for event in events {
                li {
                    time datetime=(event.at) { (report::instant(event.at)) } " " b { (visible(&event.system)) } " "
                    (visible(&event.summary)) (cites::links(number, &event.cites))
                    @if let Some(assumed) = &event.assumed { span.soft { " assumed: " (visible(assumed)) } }
                }
            }
        }
    }
}

/// What a stage does not show, and how to fetch what would.
fn missing(report: &Report, told: &LayerState, found: &[&Finding]) -> Markup {
    let asked = |source: &String| found.iter().any(|finding| finding.ask_for.contains(source));
    let steps: Vec<&NextStep> = report.next_steps.iter().filter(|step| step.layer == Some(told.layer)).collect();
    let is_told = |source: &String| steps.iter().any(|step| step.fetches.as_ref() == Some(source));
    let exports: Vec<_> =
        report.exports.iter().filter(|export| asked(&export.source) && !is_told(&export.source)).collect();
    html! {
        @if !steps.is_empty() || !exports.is_empty() {
            h4 { "What would show more" }
            ul.steps {
                @for step in steps { li { (next_step(step)) } }
                @for export in exports { li { (findings::export(export)) } }
            }
        } @else if told.state == report::State::NotSupplied {
            p.soft { "No export that would show this stage was supplied." }
        }
    }
}

/// What to do, with the line to copy.
pub fn next_step(step: &NextStep) -> Markup {
    html! {
        span.tag { "tier " (step.tier) } (visible(&step.step))
        @if let Some(place) = &step.r#where { p.soft { (visible(place)) } }
        @if let Some(line) = &step.command { (shell::command(line)) }
    }
}
