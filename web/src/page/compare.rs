//! Two messages beside each other, the first difference marked.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use report::{
    ComparedFact, ComparedLayer, ComparedSide, Comparison, Export, Fate, Likeness, PartingStanding, Report, RunnerUp,
    Stated, instant, visible,
};
use serde::Deserialize;

use super::start::encoded;
use super::{answered, cites, forms, lanes, shell};
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::Sides;
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/compare", get(page))
}

/// The address of this page below the case.
const PART: &str = "/compare";
/// How many messages are offered to choose from.
const MAX_OFFERED: usize = 200;

/// Which two are asked for; empty for those that are picked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    blocked: String,
    delivered: String,
}

async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(asked): Query<Asked>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let id = |text: &str| forms::said(text.trim().trim_matches(['<', '>']));
    let sides = Sides { blocked: id(&asked.blocked), delivered: id(&asked.delivered) };
    let is_default = sides == Sides::default();
    // The report's messages are offered to choose from, if they are there already.
    let report = match workbench.report(&worked, PATIENCE).await {
        Answer::Ready(Ok(report)) => Some(report),
        _ => None,
    };
    match workbench.comparison(&worked, sides, PATIENCE).await {
        Answer::Ready(Err(trouble)) if !is_default => {
            let body = html! { (forms::refusal(Some(&trouble))) (choice(number, &asked, report.as_deref(), None)) };
            forms::again(shell::case_page(&visitor, &worked.case, PART, "Compare", &body), &trouble)
        }
        answer => answered::page(&visitor, &worked, PART, "Compare", answer, |found| {
            whole(number, &asked, report.as_deref(), found)
        }),
    }
}

fn whole(number: u64, asked: &Asked, report: Option<&Report>, found: &Comparison) -> Markup {
    html! {
        (parting(number, found))
        (both(found))
        (choice(number, asked, report, Some(found)))
        (layers(number, found))
        (open(found))
        (fetch(&found.exports))
        (in_mind(found))
    }
}

/// The first difference, named, with what is stated on both sides.
fn parting(number: u64, found: &Comparison) -> Markup {
    let parted = found.layers.iter().find(|layer| Some(layer.layer) == found.parted_at);
    html! {
        section.answer id="parting" aria-labelledby="parting-title" {
            h2 id="parting-title" {
                @match (parted, found.standing) {
                    (Some(layer), PartingStanding::EarlierMayBeHidden) => { "The first difference shown: " (layer.layer.word()) },
                    (Some(layer), _) => { "They part at " (layer.layer.word()) },
                    (None, _) => "Where they part is not shown",
                }
            }
            p { (visible(&found.because)) }
            @if found.standing == PartingStanding::EarlierMayBeHidden {
                p.changed { "! An earlier stage could not be compared: the first difference may lie there." }
            }
            @for caution in &found.cautions { p.changed { "! " (visible(caution)) } }
            @if let Some(layer) = parted {
                @for fact in layer.facts.iter().filter(|fact| fact.comparison == Likeness::Parted) {
                    (deciding(number, fact))
                }
            }
        }
    }
}

/// A fact that parts them, in both records' own words.
fn deciding(number: u64, fact: &ComparedFact) -> Markup {
    let side = |who: &str, class: &str, stated: Option<&Stated>| {
        html! {
            div {
                p { b.(class) { (who) } }
                p { (visible(stated.map_or("nothing is stated", |stated| &stated.said)))
                    @if let Some(stated) = stated { (cites::links(number, &stated.cites)) } }
                @if let Some(cite) = stated.and_then(|stated| stated.cites.first()) { (words(cite)) }
            }
        }
    };
    html! {
        article.card.proved {
            h3 { (visible(&name(fact))) }
            div.two {
                (side("✗ blocked", "stopped", fact.blocked.as_ref()))
                (side("✓ delivered", "passed", fact.delivered.as_ref()))
            }
        }
    }
}

/// A record's own words, what says it marked.
fn words(cite: &report::Cite) -> Markup {
    html! {
        pre tabindex="0" {
            @match &cite.excerpt {
                Some(around) => { (visible(&around.before)) mark { (visible(&around.marked)) } (visible(&around.after)) },
                None => (visible(&cite.said)),
            }
        }
    }
}

/// Who the two are.
fn both(found: &Comparison) -> Markup {
    let how = match (&found.picked, &found.delivered) {
        (Some(_), Some(_)) => "picked from the records",
        (None, Some(_)) => "as chosen",
        (_, None) => "none found",
    };
    html! {
        section id="compared" aria-labelledby="compared-title" {
            h2 id="compared-title" { "The two" }
            div.two {
                div { h3 { span.stopped aria-hidden="true" { "✗ " } "Blocked" } (side(&found.blocked)) }
                div {
                    h3 { span.passed aria-hidden="true" { "✓ " } "Delivered " span.soft { "(" (how) ")" } }
                    @if let Some(delivered) = &found.delivered { (side(delivered)) }
                }
            }
            @if let Some(picked) = &found.picked {
                p { (visible(&picked.because)) }
                @for file in &picked.not_searched { p.conflict { "? " (visible(file)) " is too large to be searched" } }
            }
        }
    }
}

fn side(side: &ComparedSide) -> Markup {
    let message = &side.message;
    let said = |value: Option<&String>| visible(value.map_or("not stated", String::as_str));
    html! {
        dl {
            dt { "Subject" } dd { (said(message.subject.as_ref())) }
            dt { "From" } dd { (said(message.header_from.as_ref().or(message.envelope_sender.as_ref()))) }
            dt { "For" } dd { (said(side.envelope_recipient.as_ref())) }
            @if let Some(id) = &message.message_id { dt { "Message-ID" } dd { code { "<" (visible(id)) ">" } } }
            @if let Some(at) = side.at { dt { "First seen" } dd { (instant(at)) } }
            @if let Some(sample) = &message.sample { dt { "Sample" } dd { (visible(sample)) } }
            dt { "Fate" }
            dd {
                (side.fate.map_or("no record speaks of it", Fate::word))
                @if let Some(layer) = side.changed_layer { ", changed at " (layer.word()) }
            }
        }
    }
}

/// The form that picks other sides: a Message-ID each, from the messages at hand.
fn choice(number: u64, asked: &Asked, report: Option<&Report>, found: Option<&Comparison>) -> Markup {
    let followed: Vec<_> = report.iter().flat_map(|report| &report.messages).take(MAX_OFFERED).collect();
    let runners_up: &[RunnerUp] =
        found.and_then(|found| found.picked.as_ref()).map_or(&[], |picked| &picked.runners_up);
    let own = || found.and_then(|found| found.blocked.message.message_id.clone()).unwrap_or_default();
    let picked = || found.and_then(|found| found.delivered.as_ref()?.message.message_id.clone()).unwrap_or_default();
    let blocked = if asked.blocked.is_empty() { own() } else { asked.blocked.clone() };
    let delivered = if asked.delivered.is_empty() { picked() } else { asked.delivered.clone() };
    let base = format!("/cases/{number}/compare");
    html! {
        section id="choice" aria-labelledby="choice-title" {
            h2 id="choice-title" { "Compare others" }
            form.two method="get" action=(base) {
                div {
                    label for="blocked" { "Message-ID of the blocked one" }
                    input id="blocked" name="blocked" list="messages" value=(blocked) autocomplete="off" spellcheck="false";
                }
                div {
                    label for="delivered" { "Message-ID of the delivered one" }
                    input id="delivered" name="delivered" list="messages" value=(delivered) autocomplete="off" spellcheck="false";
                }
                datalist id="messages" {
                    @for one in &followed {
                        @if let Some(id) = &one.message.message_id {
                            option value=(id) { (visible(one.message.subject.as_deref().unwrap_or_default())) }
                        }
                    }
                    @for one in runners_up { option value=(one.message_id) { (visible(&one.because)) } }
                }
                p {
                    button type="submit" { "Compare" } " "
                    @if !asked.blocked.is_empty() || !asked.delivered.is_empty() { a href=(base) { "Back to the most similar delivered one" } }
                }
            }
            @if !runners_up.is_empty() {
                h3 { "Next best" }
                ul {
                    @for one in runners_up {
                        li {
                            a href=(format!("{base}?blocked={}&delivered={}", encoded(&blocked), encoded(&one.message_id))) {
                                "<" (visible(&one.message_id)) ">"
                            }
                            " " (visible(&one.because))
                            @if let Some(at) = one.at { " " span.soft { (instant(at)) } }
                        }
                    }
                }
            }
            @if followed.len() > 1 {
                details {
                    summary { (followed.len()) " messages of this case" }
                    ul {
                        @for one in &followed {
                            @if let Some(id) = &one.message.message_id {
                                li {
                                    a href=(format!("{base}?blocked={}", encoded(id))) { "<" (visible(id)) ">" }
                                    " " (visible(one.message.subject.as_deref().unwrap_or_default()))
                                    @if let Some(copy) = one.copies.first() { " " span.soft { (copy.fate.word()) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Layer by layer, each fact of both sides beside the other.
fn layers(number: u64, found: &Comparison) -> Markup {
    html! {
        section id="layers" aria-labelledby="layers-title" {
            h2 id="layers-title" { "Layer by layer" }
            p.soft { "= equal · ~ differs, parts nothing · ≠ parted · ? could not be compared" }
            table.stack.pairs.layered {
                thead { tr {
                    th scope="col" { "stage" } th scope="col" { "blocked" } th scope="col" { "how they compare" } th scope="col" { "delivered" }
                } }
                @for layer in &found.layers { (layer_rows(number, layer, found)) }
            }
        }
    }
}

fn layer_rows(number: u64, layer: &ComparedLayer, found: &Comparison) -> Markup {
    let is_first = found.parted_at == Some(layer.layer);
    let (sign, means) = sign(layer.comparison);
    let state = |state: Option<report::State>| {
        html! {
            @match state {
                Some(state) => span class=(lanes::class(state)) { span aria-hidden="true" { (lanes::sign(state)) } " " (state.word()) },
                None => span.soft { "? no record" },
            }
        }
    };
    html! {
        tbody id=(format!("layer-{}", layer.layer.word())) {
            tr.layer.decided[is_first] {
                th scope="rowgroup" { (layer.layer.word()) }
                td data-label="blocked" { (state(layer.blocked_state)) }
                td.when { span aria-hidden="true" { (sign) } " " (means) }
                td data-label="delivered" {
                    (state(layer.delivered_state))
                    @if is_first { p.stopped { "← " (if found.standing == PartingStanding::EarlierMayBeHidden { "first difference shown" } else { "they part here" }) } }
                }
            }
            @for fact in layer.facts.iter().filter(|fact| fact.about != "outcome") { (fact_row(number, fact)) }
        }
    }
}

fn fact_row(number: u64, fact: &ComparedFact) -> Markup {
    let (sign, means) = sign(fact.comparison);
    let stated = |stated: Option<&Stated>| {
        html! {
            @match stated {
                Some(stated) => { (visible(&stated.said)) (cites::links(number, &stated.cites)) },
                None => span.soft { "nothing is stated" },
            }
        }
    };
    html! {
        tr.parts[fact.comparison == Likeness::Parted] {
            th scope="row" { (visible(&name(fact))) }
            td data-label="blocked" { (stated(fact.blocked.as_ref())) }
            td.when.soft { span aria-hidden="true" { (sign) } " " (means) }
            td data-label="delivered" {
                (stated(fact.delivered.as_ref()))
                @if let Some(why) = &fact.why { p.soft { (visible(why)) } }
            }
        }
    }
}

/// What could not be compared, and why.
fn open(found: &Comparison) -> Markup {
    let open: Vec<&ComparedLayer> = found.layers.iter().filter(|layer| layer.why.is_some()).collect();
    html! {
        @if !open.is_empty() {
            section id="not-compared" aria-labelledby="not-compared-title" {
                h2 id="not-compared-title" { "What could not be compared" }
                ul {
                    @for layer in open {
                        li {
                            b { (layer.layer.word()) } ": " (visible(layer.why.as_deref().unwrap_or_default()))
                            @if !layer.ask_for.is_empty() { p.soft { "would be shown by: " (visible(&layer.ask_for.join(", "))) } }
                        }
                    }
                }
            }
        }
    }
}

/// How to get what is missing.
pub fn fetch(exports: &[Export]) -> Markup {
    html! {
        @if !exports.is_empty() {
            section id="fetch" aria-labelledby="fetch-title" {
                h2 id="fetch-title" { "What to fetch" }
                @for export in exports {
                    h3 { (visible(&export.title)) " " code.soft { (visible(&export.source)) } }
                    @if let Some(clicks) = &export.clicks { p { (visible(clicks)) } }
                    @if let Some(line) = &export.command { (shell::command(line)) }
                }
            }
        }
    }
}

fn in_mind(found: &Comparison) -> Markup {
    html! {
        @if !found.assumptions.is_empty() {
            section id="in-mind" aria-labelledby="in-mind-title" {
                h2 id="in-mind-title" { "Assumed" }
                ul { @for one in &found.assumptions { li { (visible(one)) } } }
            }
        }
    }
}

/// What a fact is about, and who says so.
fn name(fact: &ComparedFact) -> String {
    let about = fact.about.replace('_', " ");
    fact.system.as_ref().map_or(about.clone(), |system| format!("{about} ({system})"))
}

fn sign(likeness: Likeness) -> (char, &'static str) {
    match likeness {
        Likeness::Equal => ('=', "equal"),
        Likeness::Differs => ('~', "differs, parts nothing"),
        Likeness::Parted => ('≠', "parted"),
        Likeness::NotCompared => ('?', "could not be compared"),
    }
}
