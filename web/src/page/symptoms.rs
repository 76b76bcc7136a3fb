//! The symptoms: pick the closest, be led.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use report::{CollectedExport, Finding, FindingKind, Report, Standing, SymptomPage, Symptoms, visible};
use serde::Deserialize;

use super::start::encoded;
use super::{answered, cites, findings, shell, way};
use crate::entry::{Role, Visitor};
use crate::office::{Trouble, TroubleKind};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/symptoms", get(list))
        .route("/symptoms/{id}", get(page))
        .route("/cases/{number}/symptoms", get(of_case))
        .route("/cases/{number}/symptoms/{id}", get(page_of_case))
}

/// What somebody says that they see.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    q: String,
}

/// All symptoms, or those that words fit.
async fn list(State(workbench): State<Workbench>, visitor: Visitor, Query(said): Query<Said>) -> Response {
    let words = said.q.trim().to_owned();
    let asked = words.clone();
    let found = match workbench.office(move |office| office.symptoms(&asked)).await {
        Ok(found) => found.symptoms,
        // A word that looks like an id and is none fits nothing.
        Err(trouble) if trouble.kind == TroubleKind::Unfit => Vec::new(),
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let body = html! {
        h1 { "Symptoms" }
        p { "For whoever has no more than a symptom: say what is seen, pick the closest, and be led through it." }
        (search("/symptoms", &words))
        @if found.is_empty() { p { "None of the symptoms fits these words. Say what is seen, by whom, and since when; or " a href="/symptoms" { "look at all of them" } "." } }
        (catalogue(&found, |id| format!("/symptoms/{id}")))
        @if !words.is_empty() { (new_case(&visitor, &words, "None of them? Open a case with these words")) }
    };
    shell::page(&visitor, "Symptoms", &body)
}

/// How to find out about one symptom.
async fn page(State(workbench): State<Workbench>, visitor: Visitor, Path(id): Path<String>) -> Response {
    let guided = match one(&workbench, id).await {
        Ok(guided) => guided,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let Some(symptom) = guided.symptoms.first() else { return shell::failed(&visitor, &no_symptom()) };
    let body = html! {
        p { a href="/symptoms" { "All symptoms" } }
        h1 { (visible(&symptom.title)) }
        (new_case(&visitor, &symptom.title, "Open a case with this symptom"))
        (guide(symptom))
    };
    shell::page(&visitor, &symptom.title, &body)
}

/// The page of exactly this symptom.
async fn one(workbench: &Workbench, id: String) -> Result<Symptoms, Trouble> {
    let asked = id.clone();
    let found = workbench.office(move |office| office.symptoms(&asked)).await;
    match found {
        Ok(found) if matches!(found.symptoms.as_slice(), [only] if only.id == id) => Ok(found),
        Ok(_) => Err(no_symptom()),
        Err(trouble) if trouble.kind == TroubleKind::Unfit => Err(Trouble { kind: TroubleKind::NotFound, ..trouble }),
        Err(trouble) => Err(trouble),
    }
}

fn no_symptom() -> Trouble {
    Trouble::new(TroubleKind::NotFound, "expected the id of a symptom, found another word. The list is at /symptoms")
}

/// Which symptoms the evidence of a case shows.
async fn of_case(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(said): Query<Said>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let words = said.q.trim().to_owned();
    let asked = words.clone();
    let found = match workbench.office(move |office| office.symptoms(&asked)).await {
        Ok(found) => found.symptoms,
        Err(trouble) if trouble.kind == TroubleKind::Unfit => Vec::new(),
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let answer = workbench.report(&worked, PATIENCE).await;
    answered::page(&visitor, &worked, "/symptoms", "Symptoms", answer, |report| {
        let address = |id: &str| format!("/cases/{number}/symptoms/{id}");
        let stands = |page: &&SymptomPage, wanted: &[Standing]| {
            report.findings.iter().any(|one| is_of(one, &page.id) && wanted.contains(&one.standing))
        };
        let (shown, rest): (Vec<&SymptomPage>, Vec<&SymptomPage>) =
            found.iter().partition(|page| stands(page, &[Standing::Proved, Standing::Likely]));
        let (open, none): (Vec<&SymptomPage>, Vec<&SymptomPage>) =
            rest.into_iter().partition(|page| stands(page, &[Standing::NotShown]));
        html! {
            section aria-labelledby="symptoms-title" {
                h2 id="symptoms-title" { "Symptoms" }
                p { "What this evidence shows of the known symptoms. Pick the closest, and see what is there and what is missing." }
                (search(&format!("/cases/{number}/symptoms"), &words))
                @for (title, pages) in [("Shown", shown), ("Its cause is not shown", open), ("No sign of it in this evidence", none)] {
                    @if !pages.is_empty() { h3 { (title) } (catalogue(pages, address)) }
                }
            }
        }
    })
}

/// One symptom beside the evidence of a case.
async fn page_of_case(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path((number, id)): Path<(u64, String)>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let guided = match one(&workbench, id).await {
        Ok(guided) => guided,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let answer = workbench.report(&worked, PATIENCE).await;
    answered::page(&visitor, &worked, "/symptoms", "Symptom", answer, |report| {
        let guided = guided.with_report(report.clone());
        let (Some(symptom), Some(own)) = (guided.symptoms.first(), &guided.report) else { return html! {} };
        html! {
            p { a href=(format!("/cases/{number}/symptoms")) { "All symptoms beside this evidence" } }
            h2 { (visible(&symptom.title)) }
            (found(number, report, own))
            (guide(symptom))
        }
    })
}

fn is_of(finding: &Finding, id: &str) -> bool {
    finding.kind == FindingKind::Symptom && finding.id == id
}

/// What the records show of a symptom. `whole` is the report of the case, `own` what of it is about the symptom.
fn found(number: u64, whole: &Report, own: &Report) -> Markup {
    html! {
        section aria-labelledby="found-title" {
            h3 id="found-title" { "What this evidence shows" }
            @if own.findings.is_empty() { p { "No sign of it. What is missing of the evidence stands below." } }
            @for finding in &own.findings {
                article.card.(findings::class(finding.standing)) {
                    h4 { (findings::standing(finding.standing)) code { (visible(finding.specific.as_deref().unwrap_or(&finding.id))) } }
                    p { (visible(&finding.statement)) (cites::links(number, &finding.cites)) }
                    @if let Some(same) = whole.findings.iter().find(|one| *one == finding) {
                        p { a href=(findings::address(number, whole, same)) { "The finding in full" } }
                    }
                }
            }
            @if !own.next_steps.is_empty() { ol.steps { @for step in &own.next_steps { li { (way::next_step(step)) } } } }
        }
    }
}

fn search(action: &str, words: &str) -> Markup {
    html! {
        form.search role="search" method="get" action=(action) {
            label for="q" { "What is seen" }
            input id="q" type="search" name="q" value=(words) placeholder="it worked and now it is blocked again";
            button type="submit" { "Look" }
            @if !words.is_empty() { a.button href=(action) { "All" } }
        }
    }
}

fn catalogue<'s>(pages: impl IntoIterator<Item = &'s SymptomPage>, address: impl Fn(&str) -> String) -> Markup {
    html! {
        ul.symptoms {
            @for page in pages {
                li {
                    a href=(address(&page.id)) { (visible(&page.title)) } " " code.soft { (visible(&page.id)) }
                    @if !page.sign.is_empty() { p.soft { "Its sign: " (visible(&page.sign)) } }
                    @if !page.fits.is_empty() { p.soft { "Fits by: " (visible(&page.fits.join(", "))) } }
                }
            }
        }
    }
}

fn new_case(visitor: &Visitor, words: &str, title: &str) -> Markup {
    html! {
        @if visitor.user.roles.has(Role::Engineer) { p { a.button href=(format!("/cases/new?words={}", encoded(words))) { (title) } } }
    }
}

/// What a symptom is, what to collect, what to look at, and its causes.
fn guide(symptom: &SymptomPage) -> Markup {
    html! {
        section aria-labelledby="what-title" {
            h2 id="what-title" { "What it is" }
            p { (visible(&symptom.what)) }
            @if !symptom.sign.is_empty() { p { b { "Its sign: " } (visible(&symptom.sign)) } }
            @if !symptom.alike.is_empty() { p { b { "What looks alike: " } (visible(&symptom.alike)) } }
        }
        section id="collect" aria-labelledby="collect-title" {
            h2 id="collect-title" { "What to collect" }
            ul.steps { @for export in &symptom.collect { li { (collected(export)) } } }
        }
        section id="look" aria-labelledby="look-title" {
            h2 id="look-title" { "What to look at, in this order" }
            ol.steps {
                @for look in &symptom.look {
                    li { (visible(&look.at)) ul { @for means in &look.means { li { b { (visible(&means.seen)) } " → " (visible(&means.then)) } } } }
                }
            }
        }
        section id="causes" aria-labelledby="causes-title" {
            h2 id="causes-title" { "Its causes, and what tells them apart" }
            @for cause in &symptom.causes {
                article.card id=(format!("cause-{}", cause.id)) {
                    h3 { (visible(&cause.title)) " " code.soft { (visible(&cause.id)) } }
                    dl {
                        @for (name, text) in [
                            ("Proved by", &cause.proof), ("Refuted by", &cause.disproof), ("Narrow fix", &cause.fix),
                            ("Take it back", &cause.rollback), ("Verify", &cause.verify), ("Who mends it", &cause.owner),
                        ] { dt { (name) } dd { (visible(text)) } }
                    }
                }
            }
        }
    }
}

fn collected(export: &CollectedExport) -> Markup {
    html! {
        b { (visible(&export.title)) } " "
        span.tag { @if export.required { "required" } @else { "helps" } }
        @match export.files.as_deref() {
            None => {}
            Some([]) => span.tag.stopped { span aria-hidden="true" { "✗ " } "missing" },
            Some(files) => span.tag.passed { span aria-hidden="true" { "✓ " } "there: " (files.iter().map(|file| visible(file)).collect::<Vec<_>>().join(", ")) },
        }
        p.soft { (visible(&export.shows)) }
        @if export.files.as_ref().is_none_or(Vec::is_empty) {
            @if let Some(line) = &export.command { (shell::command(line)) }
            @if let Some(clicks) = &export.clicks { p { (visible(clicks)) } }
        }
    }
}
