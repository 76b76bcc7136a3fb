//! The narrowest exception: the proposal, the guard, the approval, and that a change was made.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use case::told::JournalLine;
use case::{Deed, Entry};
use maud::{Markup, html};
use report::{ExceptionCheck, ExceptionProposal, GuardAnswer, ProposalAnswer, Sheet, instant, visible};
use serde::Deserialize;
use serde_json::json;

use super::{answered, cites, forms, shell};
use crate::entry::{Role, Visitor};
use crate::kept::Answer;
use crate::office::{ChangeMade, Trouble, TroubleKind, Worked};
use crate::progress::Progress;
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/cases/{number}/exception", get(page))
        .route("/cases/{number}/exception/check", post(check))
        .route("/cases/{number}/exception/approval", post(approve))
        .route("/cases/{number}/exception/change", post(change))
}

/// The address of this page below the case.
const PART: &str = "/exception";
/// The form of an approval, as `throughline exception check` reads it.
const APPROVAL_SCHEMA: &str = "throughline.approval.v1";
/// So many lines that do not show as they are, at most.
const MAX_UNSEEN: usize = 12;

/// Which pasted change the guard is asked about, by its fingerprint, and which part of the page comes first: `guard` or `decided`. A
/// fragment would not do, for a page that asks for itself again stays where it is if its address has one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    check: String,
    first: String,
}

/// A change that is pasted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pasted {
    candidate: String,
}

/// An approval as it is typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Approving {
    candidate: String,
    role: String,
    ends: String,
    reason: String,
    sample: String,
}

/// A change that was made, as it is typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Making {
    candidate: String,
    made_at: String,
}

/// A form that was refused, with what was typed.
enum Refused {
    Check(Trouble),
    Approval(Approving, Trouble),
    Change(Making, Trouble),
}

impl Refused {
    fn trouble(&self) -> &Trouble {
        match self {
            Refused::Check(trouble) | Refused::Approval(_, trouble) | Refused::Change(_, trouble) => trouble,
        }
    }
}

async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(asked): Query<Asked>,
) -> Response {
    shown(&workbench, &visitor, number, &asked, None).await
}

/// Asks the guard about a change: the text is kept, and an address that stands for it is gone on to.
async fn check(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(form): Form<Pasted>,
) -> Response {
    let candidate = forms::pasted(&form.candidate);
    if candidate.is_empty() {
        let what = "expected a change: commands, a JSON entry or lines of a map. Found nothing";
        let refused = Refused::Check(Trouble::new(TroubleKind::Unfit, what));
        return shown(&workbench, &visitor, number, &Asked::default(), Some(refused)).await;
    }
    let fingerprint = workbench.pasted().keep(&candidate);
    Redirect::to(&format!("/cases/{number}{PART}?check={fingerprint}&first=guard")).into_response()
}

/// Records an approval: who is signed in gives it, in their own name.
async fn approve(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(form): Form<Approving>,
) -> Response {
    if let Err(trouble) = visitor.may(Role::Security) {
        return shell::failed(&visitor, &trouble);
    }
    let candidate = forms::pasted(&form.candidate);
    let (user, typed) = (visitor.user.name.clone(), form.clone());
    let done = workbench
        .office(move |office| {
            let document = json!({
                "schema": APPROVAL_SCHEMA,
                "who": user,
                "role": typed.role.trim(),
                "when": office.now().to_string(),
                "scope": [candidate],
                "ends": typed.ends.trim(),
                "reason": typed.reason.trim(),
                "sample_sha256": typed.sample.trim(),
            });
            office.approve(&user, number, &format!("{document:#}\n"))
        })
        .await;
    match done {
        Ok(_) => decided(&workbench, number, &form.candidate),
        Err(trouble) => {
            let check = workbench.pasted().keep(&forms::pasted(&form.candidate));
            shown(
                &workbench,
                &visitor,
                number,
                &Asked { check, ..Asked::default() },
                Some(Refused::Approval(form, trouble)),
            )
            .await
        }
    }
}

/// Records a change that was made.
async fn change(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(form): Form<Making>,
) -> Response {
    if let Err(trouble) = visitor.may(Role::Engineer) {
        return shell::failed(&visitor, &trouble);
    }
    let made = ChangeMade { candidate: forms::pasted(&form.candidate), made_at: form.made_at.trim().to_owned() };
    if made.candidate.is_empty() {
        let what = "expected what was changed: commands, a JSON entry or lines of a map. Found nothing";
        let refused = Refused::Change(form, Trouble::new(TroubleKind::Unfit, what));
        return shown(&workbench, &visitor, number, &Asked::default(), Some(refused)).await;
    }
    let user = visitor.user.name.clone();
    let done = workbench.office(move |office| office.change(&user, number, &made, &Arc::<Progress>::default())).await;
    match done {
        Ok(_) => decided(&workbench, number, &form.candidate),
        Err(trouble) => {
            let check = workbench.pasted().keep(&forms::pasted(&form.candidate));
            shown(
                &workbench,
                &visitor,
                number,
                &Asked { check, ..Asked::default() },
                Some(Refused::Change(form, trouble)),
            )
            .await
        }
    }
}

/// Goes on to what was decided, with the guard's answer to the same change beside it.
fn decided(workbench: &Workbench, number: u64, candidate: &str) -> Response {
    let fingerprint = workbench.pasted().keep(&forms::pasted(candidate));
    Redirect::to(&format!("/cases/{number}{PART}?check={fingerprint}&first=decided")).into_response()
}

/// All that the page draws.
struct Shown<'a> {
    visitor: &'a Visitor,
    worked: &'a Worked,
    proposal: Result<&'a ExceptionProposal, &'a Trouble>,
    /// The pasted change, and what the guard says of it.
    candidate: Option<Arc<str>>,
    guard: Option<Result<Arc<ExceptionCheck>, Trouble>>,
    /// What has to be said of the last change, if it was not narrow.
    warnings: Vec<String>,
    /// Who may approve.
    approvers: Vec<String>,
    now: String,
    refused: Option<Refused>,
    /// Which part comes first.
    first: &'a str,
}

async fn shown(
    workbench: &Workbench,
    visitor: &Visitor,
    number: u64,
    asked: &Asked,
    refused: Option<Refused>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(visitor, &trouble),
    };
    // What was typed is not lost to a page that asks for itself again: a refusal is worth the wait.
    let patience = if refused.is_some() { None } else { PATIENCE };
    let proposal = match workbench.proposal(&worked, patience).await {
        Answer::Ready(found) => found,
        Answer::Working(progress) => {
            return shell::waiting_page(visitor, &worked.case, PART, &answered::how_far(&progress));
        }
    };
    if let Err(trouble) = &proposal
        && !matches!(trouble.kind, TroubleKind::WhichMessage | TroubleKind::NothingReadable)
    {
        return shell::failed(visitor, trouble);
    }
    let candidate = workbench.pasted().text(&asked.check);
    let guard = match &candidate {
        None => None,
        Some(text) => match workbench.check(&worked, text.to_string(), patience).await {
            Answer::Ready(found) => Some(found),
            Answer::Working(progress) => {
                return shell::waiting_page(visitor, &worked.case, PART, &answered::how_far(&progress));
            }
        },
    };
    let warnings = warnings(workbench, &worked).await;
    let now = workbench.office(|office| Ok(office.now())).await.map(|now| now.strftime("%Y-%m-%dT%H:%MZ").to_string());
    let page = Shown {
        visitor,
        worked: &worked,
        proposal: proposal.as_deref(),
        candidate,
        guard,
        warnings,
        approvers: workbench.doors().users_with(Role::Security),
        now: now.unwrap_or_default(),
        refused,
        first: &asked.first,
    };
    let drawn = shell::case_page(visitor, &worked.case, PART, "Exception", &whole(&page));
    match &page.refused {
        Some(refused) => forms::again(drawn, refused.trouble()),
        None => drawn,
    }
}

/// What has to be said loudly of every change that was not narrow: a narrow one after it takes nothing back.
async fn warnings(workbench: &Workbench, worked: &Worked) -> Vec<String> {
    let wide = worked.journal.iter().filter_map(|entry| match &entry.deed {
        Deed::ChangeMade { candidate, guard: Some(guard), made_at, .. } if guard != "narrow" => {
            Some((entry.seq, candidate, guard, *made_at))
        }
        _ => None,
    });
    let mut said = Vec::new();
    for (seq, candidate, guard, made_at) in wide {
        match workbench.check(worked, candidate.clone(), PATIENCE).await {
            Answer::Ready(Ok(found)) => {
                let approved = found.approval.as_ref().filter(|_| !found.refused).map(|approval| approval.when);
                if approved.is_some_and(|approved| approved > made_at) {
                    said.push(format!("GUARD: {}, made before it was approved", guard.to_uppercase()));
                }
                said.extend(found.warnings());
            }
            _ => said.push(format!(
                "GUARD: {}. What it says now is not ready yet: load the page again",
                guard.to_uppercase()
            )),
        }
        if let Some(last) = said.last_mut() {
            last.push_str(&format!(" (entry {seq})"));
        }
    }
    said
}

fn whole(page: &Shown<'_>) -> Markup {
    html! {
        @if let Some(line) = page.warnings.first() {
            div.refusal role="alert" {
                p { b { (visible(line)) } }
                @for line in &page.warnings[1..] { p { (visible(line)) } }
                p { a href="#decided" { "The change in question" } }
            }
        }
        @if page.first == "decided" { (decisions(page)) }
        @if page.first == "guard" { (guard(page)) }
        (proposed(page))
        @if page.first != "guard" { (guard(page)) }
        (approval(page))
        (making(page))
        @if page.first != "decided" { (decisions(page)) }
    }
}

/// The proposal, or why there is none.
fn proposed(page: &Shown<'_>) -> Markup {
    let number = page.worked.case.number;
    match page.proposal {
        Ok(found) => html! {
            @match found.answer {
                ProposalAnswer::Mend => p.lead.changed { "! Mend it rather than except it: an exception would hide the fault." },
                ProposalAnswer::Useless => p.lead.stopped { "✗ No exception helps." },
                ProposalAnswer::NotShown if found.is_cause_shown() => p.lead.conflict {
                    "? The cause is shown, but not all that a narrow exception would rest on: below stands what to fetch."
                },
                ProposalAnswer::NotShown => p.lead.conflict { "? What stopped the message is not shown, so nothing can be proposed yet." },
                ProposalAnswer::Nothing => p.lead.passed { "✓ Nothing keeps this message out: no exception is needed." },
                ProposalAnswer::Except => p.lead.passed { "✓ An exception is the right cure. The narrowest is below." },
            }
            (on_this_page())
            (folded(number, found.sheet()))
        },
        Err(trouble) => html! {
            section aria-labelledby="none-title" {
                h2 id="none-title" { "No proposal yet" }
                @for line in trouble.what.lines() { p { (visible(line)) } }
                p { a.button href=(format!("/cases/{number}/evidence")) { "Add evidence, or say which message is meant" } }
            }
        },
    }
}

/// A proposal as the page shows it: what a change would let in before how it is made, and what is wider folded.
fn folded(number: u64, sheet: Sheet) -> Markup {
    let (mut first, mut next, mut rest) = (Sheet::default(), Sheet::default(), Sheet::default());
    for section in sheet.sections {
        match section.id {
            "answer" => first.sections.insert(0, section),
            "radius" => first.sections.insert(1.min(first.sections.len()), section),
            "proposal" if first.sections.iter().any(|one| one.id == "proposal") => next.sections.push(section),
            "proposal" => first.sections.push(section),
            _ => rest.sections.push(section),
        }
    }
    html! {
        (cites::sheet(number, &first))
        @if !next.sections.is_empty() {
            details id="wider" { summary { (next.sections.len()) " more exceptions" } (cites::sheet_led(number, "next-", &next)) }
        }
        @if !rest.sections.is_empty() {
            details { summary { "What it rests on" } (cites::sheet(number, &rest)) }
        }
    }
}

fn on_this_page() -> Markup {
    const PLACES: [(&str, &str); 7] = [
        ("answer", "Answer"),
        ("radius", "Narrow to wide"),
        ("proposal", "The narrowest"),
        ("guard", "Guard"),
        ("approval", "Approval"),
        ("change", "I made it"),
        ("decided", "Decided"),
    ];
    html! { nav.here aria-label="On this page" { @for (id, name) in PLACES { a href=(format!("#{id}")) { (name) } } } }
}

/// The guard: what was pasted, and the answer.
fn guard(page: &Shown<'_>) -> Markup {
    let number = page.worked.case.number;
    let refused = page.refused.as_ref().and_then(|refused| match refused {
        Refused::Check(trouble) => Some(trouble),
        _ => None,
    });
    let may_ask = page.visitor.may(Role::Engineer).is_ok() || page.visitor.may(Role::Security).is_ok();
    html! {
        section.guard id="guard" aria-labelledby="guard-title" {
            h2 id="guard-title" { "Ask the guard about a change" }
            @if may_ask {
                (forms::refusal(refused))
                form method="post" action=(format!("/cases/{number}/exception/check")) {
                    (shell::csrf(page.visitor))
                    label for="candidate" { "The change: commands, a JSON entry, or lines of a map" }
                    textarea id="candidate" name="candidate" rows="5" required spellcheck="false" {
                        "\n" (page.candidate.as_deref().unwrap_or_default())
                    }
                    (unseen(page.candidate.as_deref().unwrap_or_default()))
                    p { button type="submit" { "What does the guard say?" } }
                }
            } @else { p.soft { "An engineer or a security approver can ask it about another change." } }
            @match &page.guard {
                None => {},
                Some(Err(trouble)) => (forms::refusal(Some(trouble))),
                Some(Ok(found)) => {
                    (headline(found))
                    (cites::sheet_led(number, "guard-", &found.sheet()))
                },
            }
        }
    }
}

/// Lines of a text that its field does not show as they are: with invisible characters, or such as turn the direction.
fn unseen(text: &str) -> Markup {
    let is_plain = |c: char| c == '\t' || visible(c.encode_utf8(&mut [0; 4])).chars().eq([c]);
    let lines: Vec<&str> = text.lines().filter(|line| !line.chars().all(is_plain)).collect();
    html! {
        @if !lines.is_empty() {
            div {
                p.conflict { "? Not all characters of this text show in the field, or in their order. These lines have others:" }
                @for line in lines.iter().take(MAX_UNSEEN) { pre { (visible(line)) } }
                @if lines.len() > MAX_UNSEEN { p { (lines.len() - MAX_UNSEEN) " more" } }
            }
        }
    }
}

/// The guard's answer in a line.
fn headline(found: &ExceptionCheck) -> Markup {
    let (class, sign, word) = match found.answer {
        GuardAnswer::Narrow => ("passed", "✓", "narrow"),
        GuardAnswer::Broad => ("stopped", "✗", "broad"),
        GuardAnswer::Useless => ("stopped", "✗", "useless"),
        GuardAnswer::Unknown => ("conflict", "?", "unknown: not understood whole"),
    };
    let then = match (found.refused, found.answer) {
        (true, GuardAnswer::Useless) => "It may not be made, and no approval makes it of use.",
        (true, _) => "It may not be made without an approval that covers it.",
        (false, GuardAnswer::Narrow) => "It may be made.",
        (false, _) => "An approval covers it.",
    };
    html! { p.lead.(class) { (sign) " The guard: " b { (word) } ". " (then) } }
}

/// The approval: the form for who may give it, what it needs for all others.
fn approval(page: &Shown<'_>) -> Markup {
    let number = page.worked.case.number;
    let empty =
        Approving { candidate: page.candidate.as_deref().unwrap_or_default().to_owned(), ..Approving::default() };
    let (typed, trouble) = match &page.refused {
        Some(Refused::Approval(typed, trouble)) => (typed, Some(trouble)),
        _ => (&empty, None),
    };
    let samples = samples(page);
    html! {
        section id="approval" aria-labelledby="approval-title" {
            h2 id="approval-title" { "Approve something broad" }
            p {
                "A broad change needs an approval that says who gives it, in which role, for what, until when, and why, and that names the sample that shows the need."
            }
            @if page.visitor.may(Role::Security).is_err() {
                @if page.approvers.is_empty() {
                    p.changed { "! Nobody of this workbench has the role of a security approver. It is given at the start: " code { "throughline serve --user NAME=security" } "." }
                } @else {
                    p { "Only a security approver can give it: " b { (visible(&page.approvers.join(", "))) } ". Send them the address of this page." }
                }
            } @else {
                (forms::refusal(trouble))
                form method="post" action=(format!("/cases/{number}/exception/approval")) {
                    (shell::csrf(page.visitor))
                    p { "Given by " b { (visible(&page.visitor.user.name)) } ", now." }
                    label for="approved" { "What is approved; what is narrower and ends no later is covered too" }
                    textarea id="approved" name="candidate" rows="4" required spellcheck="false" { "\n" (typed.candidate) }
                    (unseen(&typed.candidate))
                    label for="role" { "Your role" }
                    input id="role" name="role" required value=(if typed.role.is_empty() { "security approver" } else { &typed.role });
                    label for="ends" { "Until when" }
                    input id="ends" name="ends" type="date" required value=(typed.ends);
                    label for="reason" { "Why" }
                    textarea id="reason" name="reason" rows="3" required { "\n" (typed.reason) }
                    label for="sample" { "The sample that shows the need" }
                    @if samples.is_empty() {
                        p.changed { "! The evidence holds no message sample: without one the guard lets no approval cover anything. Its SHA-256:" }
                        input id="sample" name="sample" required pattern="[0-9A-Fa-f]{64}" value=(typed.sample) spellcheck="false";
                    } @else {
                        select id="sample" name="sample" required {
                            @for (file, sha256) in &samples {
                                option value=(sha256) selected[*sha256 == typed.sample] { (visible(file)) " · " (sha256.get(..12).unwrap_or_default()) }
                            }
                        }
                    }
                    p { button.main type="submit" { "Approve in my name" } }
                }
            }
        }
    }
}

/// The message samples among the evidence, with their hashes.
fn samples(page: &Shown<'_>) -> Vec<(String, String)> {
    let files = page.proposal.iter().flat_map(|found| &found.evidence);
    let is_sample = |source: &Option<String>| source.as_ref().is_some_and(|source| source.starts_with("message/"));
    files
        .filter(|file| is_sample(&file.source))
        .filter_map(|file| Some((file.file.clone(), file.sha256.clone()?)))
        .collect()
}

/// That a change was made.
fn making(page: &Shown<'_>) -> Markup {
    let number = page.worked.case.number;
    // Only what was pasted above stands in it: what was made says who made it, never a proposal.
    let candidate = page.candidate.as_deref().map(str::to_owned).unwrap_or_default();
    let empty = Making { candidate, made_at: page.now.clone() };
    let (typed, trouble) = match &page.refused {
        Some(Refused::Change(typed, trouble)) => (typed, Some(trouble)),
        _ => (&empty, None),
    };
    let loud = page.guard.iter().flatten().filter(|found| found.refused).flat_map(|found| found.warnings());
    html! {
        section id="change" aria-labelledby="change-title" {
            h2 id="change-title" { "I made this change" }
            @if page.visitor.may(Role::Engineer).is_err() {
                p.soft { "An engineer records what was changed." }
            } @else {
                p { "Recorded once it is made, whatever the guard says: what was done is a fact. The guard's answer is kept beside it." }
                @for line in loud.take(1) { p.stopped { "✗ As pasted above: " (visible(&line)) } }
                (forms::refusal(trouble))
                form method="post" action=(format!("/cases/{number}/exception/change")) {
                    (shell::csrf(page.visitor))
                    label for="made" { "What was changed" }
                    textarea id="made" name="candidate" rows="5" required spellcheck="false" { "\n" (typed.candidate) }
                    (unseen(&typed.candidate))
                    label for="made_at" { "When it was made" }
                    input id="made_at" name="made_at" required value=(typed.made_at) aria-describedby="made_at-hint";
                    p.soft id="made_at-hint" { "With its offset, such as 2026-08-20T16:10Z; without one it is the time of the case's zone." }
                    p { button.main type="submit" { "Record that I made it" } }
                }
            }
        }
    }
}

/// Approvals and changes that the journal has.
fn decisions(page: &Shown<'_>) -> Markup {
    let number = page.worked.case.number;
    let is_decision = |entry: &&Entry| matches!(entry.deed, Deed::Approved { .. } | Deed::ChangeMade { .. });
    let decided: Vec<&Entry> = page.worked.journal.iter().filter(is_decision).collect();
    html! {
        section id="decided" aria-labelledby="decided-title" {
            h2 id="decided-title" { "What was approved and changed" }
            @if decided.is_empty() { p.soft { "Nothing yet." } }
            @for entry in decided.iter().rev() { (decision(number, entry)) }
            p { a href=(format!("/cases/{number}/journal")) { "The whole journal" } }
            @if decided.iter().any(|entry| matches!(entry.deed, Deed::ChangeMade { .. })) {
                p { a.button href=(format!("/cases/{number}/verification")) { "Did it hold?" } }
            }
        }
    }
}

fn decision(number: u64, entry: &Entry) -> Markup {
    let line = JournalLine::of(entry);
    html! {
        article.card id=(format!("entry-{}", entry.seq)) {
            h3 {
                a href=(format!("/cases/{number}/journal#entry-{}", entry.seq)) { "Entry " (entry.seq) } ": "
                @match &entry.deed {
                    Deed::ChangeMade { guard: Some(guard), .. } => { "a change, guard: " span.(if guard == "narrow" { "passed" } else { "stopped" }) { (guard) } },
                    Deed::ChangeMade { .. } => "a change, not judged",
                    _ => "an approval",
                }
            }
            p.soft { (instant(entry.at)) " by " b { (visible(&entry.who)) } }
            p { (visible(&line.said)) }
            details {
                summary { "as recorded" }
                pre tabindex="0" {
                    @match &entry.deed {
                        Deed::ChangeMade { candidate, .. } => (whole_text(candidate)),
                        Deed::Approved { document, .. } => (whole_text(document)),
                        _ => {},
                    }
                }
            }
        }
    }
}

/// A text of several lines, each made visible.
fn whole_text(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<String>>().join("\n")
}
