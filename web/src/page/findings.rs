//! The findings of a case with their standing, and what was refuted and why.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use report::{Export, Family, Finding, FindingKind, MessageCopy, ReplyExplained, Report, Standing, ToldApart, visible};

use super::{answered, cites, shell};
use crate::entry::Visitor;
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/findings", get(page))
}

/// How many findings of one kind are drawn, and how many checks that are done.
const MAX_OF_KIND: usize = 200;
const MAX_CHECKED: usize = 24;

/// The kinds, their anchors and headings.
const KINDS: [(FindingKind, &str, &str); 4] = [
    (FindingKind::Cause, "causes", "Causes"),
    (FindingKind::Symptom, "symptoms", "Symptoms"),
    (FindingKind::Gap, "gaps", "What the evidence cannot show"),
    (FindingKind::Risk, "risks", "Risks on the way"),
];

/// The page.
async fn page(State(workbench): State<Workbench>, visitor: Visitor, Path(number): Path<u64>) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let answer = workbench.report(&worked, PATIENCE).await;
    answered::page(&visitor, &worked, "/findings", "Findings", answer, |report| whole(number, report))
}

fn whole(number: u64, report: &Report) -> Markup {
    let of = |kind: FindingKind| report.findings.iter().enumerate().filter(move |(_, finding)| finding.kind == kind);
    html! {
        @if report.findings.is_empty() { p { "None: no cause, symptom, gap or risk follows from this evidence." } }
        @for (kind, id, title) in KINDS {
            @if of(kind).next().is_some() {
                section id=(id) aria-labelledby=(format!("{id}-title")) {
                    h2 id=(format!("{id}-title")) { (title) }
                    @for (at, finding) in of(kind).take(MAX_OF_KIND) { (one(number, report, at, finding)) }
                    @if of(kind).count() > MAX_OF_KIND { p { (of(kind).count() - MAX_OF_KIND) " more for other copies." } }
                }
            }
        }
        (families(number, report))
        (replies(number, report))
        @if !report.exports.is_empty() {
            section id="fetch" aria-labelledby="fetch-title" {
                h2 id="fetch-title" { "What to fetch" }
                ul.steps { @for one in &report.exports { li id=(export_anchor(&one.source)) { (export(one)) } } }
            }
        }
        @if !report.checked.is_empty() { (checked(number, report)) }
        p { a href=(format!("/cases/{number}/symptoms")) { "Which symptoms this evidence shows" } }
    }
}

/// The address of a finding.
pub fn address(number: u64, report: &Report, finding: &Finding) -> String {
    let at = report.findings.iter().position(|one| std::ptr::eq(one, finding)).unwrap_or(0);
    format!("/cases/{number}/findings#{}", report::anchor(&report.findings, at))
}

fn one(number: u64, report: &Report, at: usize, finding: &Finding) -> Markup {
    let anchor = report::anchor(&report.findings, at);
    html! {
        article.card.(class(finding.standing)) id=(anchor) {
            h3 { (standing(finding.standing)) code { (visible(&finding.id)) } " " a.anchor href=(format!("#{anchor}")) aria-label="Link to this finding" { "#" } }
            p.soft { (visible(&report::scope(finding))) }
            p { (visible(&finding.statement)) (cites::links(number, &finding.cites)) }
            dl {
                @for (name, text) in [
                    ("Narrow fix", &finding.narrow_fix), ("Who mends it", &finding.owner), ("Take it back", &finding.rollback), ("Verify", &finding.verify),
                ] {
                    @if let Some(text) = text { dt { (name) } dd { (visible(text)) } }
                }
                @if let Some(specific) = &finding.specific { dt { "Cause" } dd { code { (visible(specific)) } } }
                @if !finding.ask_for.is_empty() { dt { "Would be settled by" } dd { (asked(report, &finding.ask_for)) } }
            }
            @if let Some(picture) = &finding.picture { (cites::picture(number, picture)) }
            @if !finding.told_apart.is_empty() { (apart(number, &finding.told_apart)) }
            @if finding.kind == FindingKind::Symptom { p { a href=(format!("/cases/{number}/symptoms/{}", finding.id)) { "Be led through this symptom" } } }
            @if !finding.cites.is_empty() {
                details { summary { "Its records" } (cites::records(number, finding.cites.iter())) }
            }
        }
    }
}

/// Which kinds of export are asked for, each linked to how it is fetched.
fn asked(report: &Report, kinds: &[String]) -> Markup {
    html! {
        @for (at, source) in kinds.iter().enumerate() {
            @if at > 0 { ", " }
            @match report.exports.iter().find(|export| export.source == *source) {
                Some(export) => a href=(format!("#{}", export_anchor(source))) { (visible(&export.title)) },
                None => (visible(source)),
            }
        }
    }
}

fn export_anchor(source: &str) -> String {
    format!("fetch-{}", source.replace('/', "-"))
}

/// How the other causes of a symptom stand.
fn apart(number: u64, told: &[ToldApart]) -> Markup {
    html! {
        h4 { "Other causes, told apart" }
        ul.apart {
            @for one in told { li { (standing(one.standing)) code { (visible(&one.specific)) } " " (visible(&one.because)) (cites::links(number, &one.cites)) } }
        }
    }
}

/// How an export is fetched.
pub fn export(export: &Export) -> Markup {
    html! {
        b { (visible(&export.title)) } " " code.soft { (visible(&export.source)) }
        @if let Some(line) = &export.command { (shell::command(line)) }
        @if let Some(clicks) = &export.clicks { p { (visible(clicks)) } }
        @if export.command.is_none() && export.clicks.is_none() { p.soft { "There is no one way to fetch it." } }
    }
}

/// What else it might have been: the six families, each statement once.
fn families(number: u64, report: &Report) -> Markup {
    let mut told: Vec<(&Family, Vec<&MessageCopy>)> = Vec::new();
    let mut known = HashMap::new();
    for copy in &report.copies {
        for family in &copy.families {
            let at = *known.entry((&family.family, family.standing, &family.statement)).or_insert(told.len());
            match told.get_mut(at) {
                Some((_, copies)) => copies.push(copy),
                None => told.push((family, vec![copy])),
            }
        }
    }
    let weighed = report.copies.iter().filter(|copy| !copy.families.is_empty()).count();
    html! {
        @if !told.is_empty() {
            section id="families" aria-labelledby="families-title" {
                h2 id="families-title" { "What else it might have been" }
                table.stack.families {
                    caption { "The six families of causes. One is refuted by a record of its own only, never because another explains the fate." }
                    thead { tr { th scope="col" { "Family" } th scope="col" { "Standing" } th scope="col" { "Why" } } }
                    tbody {
                        @for (family, copies) in told.iter().take(MAX_OF_KIND) {
                            tr {
                                th scope="row" { (visible(&family.family)) }
                                td.when data-label="standing" { (standing(family.standing)) }
                                td data-label="why" {
                                    (visible(&family.statement)) (cites::links(number, &family.cites))
                                    @if copies.len() < weighed { p.soft { "for " (visible(report::recipient(copies[0]))) @if copies.len() > 1 { " and " (copies.len() - 1) " more" } } }
                                    @if !family.ask_for.is_empty() { p.soft { "Would be settled by: " (asked(report, &family.ask_for)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the servers answered, each reply once.
fn replies(number: u64, report: &Report) -> Markup {
    let mut told: Vec<(&ReplyExplained, usize)> = Vec::new();
    let mut known = HashMap::new();
    for reply in report.copies.iter().flat_map(|copy| &copy.replies) {
        let key = (&reply.enhanced_status_code, &reply.means, &reply.cause, &reply.from);
        let at = *known.entry(key).or_insert(told.len());
        match told.get_mut(at) {
            Some((_, copies)) => *copies += 1,
            None => told.push((reply, 1)),
        }
    }
    html! {
        @if !told.is_empty() {
            section id="replies" aria-labelledby="replies-title" {
                h2 id="replies-title" { "What the servers answered" }
                @for (reply, copies) in told.iter().take(MAX_OF_KIND) {
                    article.card {
                        h3 {
                            @if let Some(code) = reply.reply_code { (code) " " }
                            @if let Some(code) = &reply.enhanced_status_code { (visible(code)) " " }
                            "from " (visible(&reply.from))
                        }
                        p { (visible(&reply.means)) (cites::links(number, &reply.cites)) }
                        @if !reply.said.is_empty() { pre tabindex="0" { (visible(&reply.said)) } }
                        dl {
                            dt { "What to do" } dd { (visible(&reply.to_do)) }
                            @if let Some(owner) = reply.owner { dt { "Who mends it" } dd { (owner.word()) } }
                            dt { "Cause" } dd { @if let Some(cause) = &reply.cause { code { (visible(cause)) } } @else { "neither code nor words name one" } }
                            dt { "Explained by" } dd { (visible(&reply.list)) ": " (visible(&reply.source)) }
                            @if *copies > 1 { dt { "Copies" } dd { (copies) } }
                        }
                    }
                }
            }
        }
    }
}

fn checked(number: u64, report: &Report) -> Markup {
    html! {
        section id="checked" aria-labelledby="checked-title" {
            h2 id="checked-title" { "Already checked" }
            ul {
                @for one in report.checked.iter().take(MAX_CHECKED) { li { b { (visible(&one.check)) } ": " (visible(&one.said)) (cites::links(number, &one.cites)) } }
                @if report.checked.len() > MAX_CHECKED { li { (report.checked.len() - MAX_CHECKED) " more, for other copies" } }
            }
        }
    }
}

/// How well something stands: sign, word, colour.
pub fn standing(standing: Standing) -> Markup {
    let (sign, tone) = match standing {
        Standing::Proved => ('✓', "stands proved"),
        Standing::Likely => ('!', "stands likely"),
        Standing::Refuted => ('✗', "stands refuted"),
        Standing::NotShown => ('?', "stands not-shown"),
    };
    html! { span class={ "tag " (tone) } { span aria-hidden="true" { (sign) " " } (standing.word()) } }
}

/// The class of a standing in the style sheet.
pub fn class(standing: Standing) -> String {
    standing.word().replace(' ', "-")
}
