//! The evidence of a case: adding it, what each file was recognised as, what it cannot show, and which message is meant.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use case::told::{AddedEvidence, CaseFile, ReadFile};
use case::{Asked, Purpose};
use maud::{Markup, html};
use report::{instant, visible};
use serde::Deserialize;

use super::supplied::{self, Kept};
use super::{answered, asked, shell};
use crate::entry::{Role, Visitor};
use crate::kept::Answer;
use crate::office::{Meant, Trouble, TroubleKind, Worked};
use crate::upload::{self, Sent};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/cases/{number}/evidence", get(page).post(add).layer(DefaultBodyLimit::disable()))
        .route("/cases/{number}/message", post(ask))
}

/// What an address of the page asks for.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    /// The name of what came of adding.
    told: String,
    /// What the form is for at first.
    purpose: Option<Purpose>,
}

/// What stands above the evidence.
#[derive(Default)]
struct Above {
    /// What came of adding.
    added: Option<AddedEvidence>,
    /// Why something was not done.
    trouble: Option<Trouble>,
    /// What the form of the files keeps.
    kept: Kept,
    /// What they are for.
    purpose: Option<Purpose>,
    /// What the form of the message keeps.
    asked: Option<Asked>,
}

async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let told = workbench.uploads().told(&wanted.told, &visitor.csrf).filter(|told| told.number == number);
    shown(
        &workbench,
        &visitor,
        number,
        Above { added: told.map(|told| told.added), purpose: wanted.purpose, ..Above::default() },
    )
    .await
}

/// Adds the files of a form to a case, together: their cites stand in one folder.
async fn add(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    request: Request,
) -> Response {
    let sent = async {
        visitor.may(Role::Engineer)?;
        workbench.case(number).await?;
        upload::sent(&workbench, &visitor, request).await
    };
    let sent = match sent.await {
        Ok(sent) => sent,
        Err(trouble) if matches!(trouble.kind, TroubleKind::Refused | TroubleKind::NotFound) => {
            return shell::failed(&visitor, &trouble);
        }
        Err(trouble) => return not_added(&workbench, &visitor, number, trouble, None).await,
    };
    match added(&workbench, &visitor, number, &sent).await {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(trouble) => not_added(&workbench, &visitor, number, trouble, Some(&sent)).await,
    }
}

/// The page with the reason why nothing was added, and with what is there of the batch.
pub async fn not_added(
    workbench: &Workbench,
    visitor: &Visitor,
    number: u64,
    trouble: Trouble,
    sent: Option<&Sent>,
) -> Response {
    let status = shell::status(trouble.kind);
    let kept = Kept::of(workbench, visitor, sent.and_then(|sent| sent.batch.as_deref()));
    let above = Above { trouble: Some(trouble), kept, purpose: sent.map(purpose), ..Above::default() };
    with_status(shown(workbench, visitor, number, above).await, status)
}

/// Adds what a form sent, and looks again at the case; gives the address of the page that tells what came of it.
///
/// # Errors
/// [`Trouble`] if nothing was sent, or if it could not be added: the batch is still there then.
pub async fn added(workbench: &Workbench, visitor: &Visitor, number: u64, sent: &Sent) -> Result<String, Trouble> {
    let purpose = purpose(sent);
    let nothing = || {
        let why = if sent.refused.is_empty() { "neither".to_owned() } else { sent.refused.join("\n") };
        Trouble::new(TroubleKind::Unfit, format!("expected a file, or pasted headers, found {why}"))
    };
    let id = sent.batch.clone().ok_or_else(nothing)?;
    let batch = workbench.uploads().take(&id, &visitor.csrf)?;
    if batch.is_empty() {
        return Err(nothing());
    }
    // On a task of its own: who closes the browser meanwhile has added it all the same, and the case is looked at.
    let (workbench, visitor, refused) = (workbench.clone(), visitor.clone(), sent.refused.clone());
    let adding = tokio::spawn(async move {
        let who = visitor.user.name.clone();
        let work = workbench.office(move |office| Ok((office.add(&who, number, batch.folder(), purpose), batch)));
        let mut told = match work.await? {
            (Ok(told), _) => told,
            (Err(trouble), batch) => {
                workbench.uploads().put_back(&id, batch);
                return Err(trouble);
            }
        };
        told.refused.extend(refused);
        if !told.files.is_empty() && purpose == Purpose::Ticket {
            workbench.look_again(&visitor.user.name, number);
        }
        let told = workbench.uploads().tell(&visitor.csrf, number, told);
        Ok(format!("/cases/{number}/evidence?told={told}"))
    });
    adding.await.unwrap_or_else(|_| Err(Trouble::new(TroubleKind::Internal, "a fault of this program")))
}

/// What the files of a form are for.
fn purpose(sent: &Sent) -> Purpose {
    if sent.text("purpose") == "verification" { Purpose::Verification } else { Purpose::Ticket }
}

/// Says anew which message is meant.
async fn ask(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(fields): Form<BTreeMap<String, String>>,
) -> Response {
    if let Err(trouble) = visitor.may(Role::Engineer) {
        return shell::failed(&visitor, &trouble);
    }
    let who = visitor.user.name.clone();
    let given = asked::read(|name| fields.get(name).cloned().unwrap_or_default());
    let done = match given.clone() {
        Ok(asked) => workbench.office(move |office| office.ask(&who, number, asked)).await,
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(done) => {
            if !done.entries.is_empty() {
                workbench.look_again(&visitor.user.name, number);
            }
            Redirect::to(&format!("/cases/{number}")).into_response()
        }
        Err(trouble) if trouble.kind == TroubleKind::NotFound => shell::failed(&visitor, &trouble),
        Err(trouble) => {
            let status = shell::status(trouble.kind);
            let above = Above { trouble: Some(trouble), asked: given.ok(), ..Above::default() };
            with_status(shown(&workbench, &visitor, number, above).await, status)
        }
    }
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

/// The page.
async fn shown(workbench: &Workbench, visitor: &Visitor, number: u64, above: Above) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(visitor, &trouble),
    };
    let answer = workbench.report(&worked, PATIENCE).await;
    let (report, how_far) = match answer {
        Answer::Ready(report) => (report, None),
        Answer::Working(progress) => {
            (Err(Trouble::new(TroubleKind::Stopped, "it is being read")), Some(answered::how_far(&progress)))
        }
    };
    let unclear = report.as_ref().err().filter(|trouble| trouble.kind == TroubleKind::WhichMessage).cloned();
    let looked = workbench
        .looked(move |office| {
            let report = report.as_deref();
            office.document(number, report, None)
        })
        .await;
    let document = match looked {
        Ok(document) => document,
        Err(trouble) => return shell::failed(visitor, &trouble),
    };
    // Whoever came with an error has something to mend in a form: the page does not go on by itself then.
    if let Some(how_far) = how_far.filter(|_| above.trouble.is_none()) {
        let body = html! { (outcome(&above)) (how_far) (files(&worked, &document.evidence, "it is being read")) };
        return shell::waiting_page(visitor, &worked.case, "/evidence", &body);
    }
    let may_add = visitor.user.roles.has(Role::Engineer);
    let has_sample = document.evidence.iter().flat_map(|file| &file.read).any(is_sample);
    let not_read = if unclear.is_some() { "not read yet: choose the message" } else { "not read yet" };
    let names = match (unclear.is_some(), has_sample) {
        (false, true) => "The sample among the evidence says it. Name it yourself",
        (false, false) => "No sample among the evidence says it: name it",
        (true, _) => "Nothing singles one out yet: name it",
    };
    let body = html! {
        (outcome(&above))
        @if let Some(unclear) = &unclear { (choices(visitor, number, unclear, may_add)) }
        @if !document.evidence.is_empty() { (files(&worked, &document.evidence, not_read)) }
        @if may_add {
            (form(workbench, visitor, number, &above.kept, above.purpose.unwrap_or(Purpose::Ticket)))
            (message(visitor, &worked, above.asked.as_ref(), names, unclear.is_some()))
        } @else if document.evidence.is_empty() {
            p { "No evidence was added yet." }
        }
    };
    shell::case_page(visitor, &worked.case, "/evidence", "Evidence", &body)
}

/// What came of adding, or why nothing was done.
fn outcome(above: &Above) -> Markup {
    html! {
        @if let Some(trouble) = &above.trouble { (shell::not_done(trouble)) }
        @if let Some(added) = &above.added {
            section.outcome aria-labelledby="added-title" role="status" {
                h2 id="added-title" {
                    @match &added.batch {
                        Some(batch) => { "Added " (count(added.files.len(), "file")) " as " code { (batch) } }
                        None => "Nothing new was added",
                    }
                }
                @if !added.known.is_empty() {
                    p { b { "= There already: " } (count(added.known.len(), "file")) " with the same content:" }
                    ul { @for file in &added.known { li { (visible(&file.file)) " is " code { (visible(&file.same_as)) } } } }
                }
                @if !added.refused.is_empty() {
                    p.stopped { "✕ Not taken: " (count(added.refused.len(), "file")) }
                    ul { @for why in &added.refused { li { (visible(why)) } } }
                }
            }
        }
    }
}

/// The messages that could be meant, each to be chosen by a click.
fn choices(visitor: &Visitor, number: u64, unclear: &Trouble, may_ask: bool) -> Markup {
    html! {
        section.card.not-shown aria-labelledby="choices-title" {
            h2 id="choices-title" { "Which message is meant?" }
            @if unclear.meant.is_empty() {
                @for line in unclear.what.lines() { p { (visible(line)) } }
            } @else {
                p { "The evidence speaks of several. Choose one, or name it below by its Message-ID, or by sender, recipient, subject and time." }
                table.stack {
                    thead { tr { th scope="col" { "When" } th scope="col" { "From" } th scope="col" { "Subject" } th scope="col" { "File" } th scope="col" { "Choose" } } }
                    tbody {
                        @for one in &unclear.meant {
                            tr {
                                td.when data-label="when" { @if let Some(at) = one.at { (instant(at)) } @else { "no time" } }
                                td data-label="from" {
                                    (visible(one.sender.as_deref().unwrap_or("unknown sender")))
                                    @if let Some(id) = &one.message_id { p.soft { "<" (visible(id)) ">" } }
                                }
                                th scope="row" data-label="subject" { (visible(one.subject.as_deref().unwrap_or("no subject"))) }
                                td data-label="file" { (visible(&one.file)) }
                                td data-label="choose" { @if !is_singled_out(one) { span.soft { "nothing singles it out: name it below" } } @else if may_ask { (choice(visitor, number, one)) } @else { (visible(one.message_id.as_deref().unwrap_or(""))) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether something is known of a message by which it can be chosen.
fn is_singled_out(one: &Meant) -> bool {
    one.message_id.is_some() || one.sender.is_some() || one.subject.is_some()
}

/// The button that chooses one message: by its Message-ID, else by all that is known of it.
fn choice(visitor: &Visitor, number: u64, one: &Meant) -> Markup {
    let at = one.at.map(|at| at.to_string());
    let of = one.message_id.as_deref().or(one.subject.as_deref()).unwrap_or("this message");
    html! {
        form method="post" action=(format!("/cases/{number}/message")) {
            (shell::csrf(visitor))
            @if let Some(id) = &one.message_id {
                input type="hidden" name="message_id" value=(id);
            } @else {
                @if let Some(sender) = &one.sender { input type="hidden" name="sender" value=(sender); }
                @if let Some(subject) = &one.subject { input type="hidden" name="subject" value=(subject); }
                @if let Some(at) = &at { input type="hidden" name="at" value=(at); }
            }
            button type="submit" aria-label=(format!("This one: {}", visible(of))) { "This one" }
        }
    }
}

/// All files of the case: what each is, what it covers, and what it cannot show; `not_read` says why the rows of a file of the ticket were not
/// read.
fn files(worked: &Worked, files: &[CaseFile], not_read: &str) -> Markup {
    let added = |seq: u64| worked.journal.iter().find(|entry| entry.seq == seq);
    html! {
        section aria-labelledby="files-title" {
            h2 id="files-title" { "Files" }
            table.stack.files {
                thead { tr { th scope="col" { "File" } th scope="col" { "What it is" } th scope="col" { "Covers" } th scope="col" { "What it cannot show" } } }
                tbody {
                    @for file in files {
                        @let parts = parts(file);
                        @let not_read = if file.purpose == Purpose::Verification { "not read here: the verification reads it" } else { not_read };
                        @for (at, part) in parts.iter().enumerate() {
                            tr {
                                th scope="row" {
                                    (visible(&part.file))
                                    @if at == 0 {
                                        p.soft {
                                            (answered::megabytes(file.bytes))
                                            @if file.purpose == Purpose::Verification { " · after the change" }
                                            @if let Some(entry) = added(file.entry) {
                                                " · " a href=(format!("/cases/{}/journal#entry-{}", worked.case.number, file.entry)) { (visible(&entry.who)) " " (instant(entry.at)) }
                                            }
                                        }
                                    }
                                }
                                td data-label="what it is" { (kind(part)) }
                                td data-label="covers" { (covers(part, not_read)) }
                                td data-label="cannot show" { (limits(part)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a file was read as; one that was not looked at stands for itself.
fn parts(file: &CaseFile) -> Vec<ReadFile> {
    if file.read.is_empty() {
        return vec![ReadFile { file: file.file.clone(), ..ReadFile::default() }];
    }
    file.read.clone()
}

fn kind(part: &ReadFile) -> Markup {
    html! {
        @match (&part.title, &part.error) {
            (Some(title), _) => { span.passed { "✓ " } (title) }
            (None, Some(_)) => span.stopped { "✕ not read" },
            (None, None) => span.soft { "not looked at yet" },
        }
        @if let Some(rows) = part.rows {
            p.soft {
                (count(usize::try_from(rows).unwrap_or(usize::MAX), "row"))
                @if let Some(observed) = part.observed { ", " (observed) " about the message" }
            }
        }
        @if let Some(problems) = part.problems.filter(|problems| *problems > 0) {
            p.changed { "! " (count(usize::try_from(problems).unwrap_or(usize::MAX), "row")) " could not be read" }
        }
        @if let Some(error) = &part.error { @for line in error.lines() { p { (visible(line)) } } }
    }
}

fn is_sample(part: &ReadFile) -> bool {
    part.source.as_deref().is_some_and(|source| source.starts_with("message/"))
}

fn covers(part: &ReadFile, not_read: &str) -> Markup {
    html! {
        @match (part.from, part.to) {
            (None, None) if part.error.is_some() => span.soft { "–" },
            (None, None) if part.rows.is_none() => span.soft { (not_read) },
            (Some(from), Some(to)) => { span.when { (instant(from)) } " to " span.when { (instant(to)) } }
            (Some(one), None) | (None, Some(one)) => span.when { (instant(one)) },
            (None, None) => span.soft { "no instant" },
        }
    }
}

fn limits(part: &ReadFile) -> Markup {
    html! {
        @match part.cannot_show.as_slice() {
            [] => span.soft { "–" },
            [one] => (visible(one)),
            [first, more @ ..] => {
                (visible(first))
                details { summary { "and " (more.len()) " more" } ul { @for limit in more { li { (visible(limit)) } } } }
            }
        }
    }
}

/// The form that adds evidence.
fn form(workbench: &Workbench, visitor: &Visitor, number: u64, kept: &Kept, purpose: Purpose) -> Markup {
    let address = format!("/cases/{number}/evidence");
    html! {
        section id="add" aria-labelledby="add-title" {
            h2 id="add-title" { "Add evidence" }
            form method="post" enctype="multipart/form-data" action=(supplied::action(&address, visitor)) data-evidence {
                (supplied::fields(workbench, kept))
                fieldset {
                    legend { "What it is for" }
                    p { input type="radio" id="ticket" name="purpose" value="ticket" checked[purpose == Purpose::Ticket]; " " label.inline for="ticket" { "The ticket: it shows what happened" } }
                    p { input type="radio" id="verification" name="purpose" value="verification" checked[purpose == Purpose::Verification]; " " label.inline for="verification" { "The verification: it shows what is so after the change" } }
                }
                p { button.main type="submit" { "Add to the case" } }
                p.soft { "Files are copied and stay as they are. They are added together, so that their records are named in one folder." }
            }
        }
    }
}

/// The form that says which message is meant.
fn message(visitor: &Visitor, worked: &Worked, given: Option<&Asked>, names: &str, is_open: bool) -> Markup {
    let asked = given.unwrap_or(&worked.case.asked);
    html! {
        section id="message" aria-labelledby="message-title" {
            h2 id="message-title" { "Which message is meant" }
            details open[is_open || given.is_some()] {
                summary {
                    @if *asked == Asked::default() { (names) } @else { "Named by you; change it" }
                }
                form method="post" action=(format!("/cases/{}/message", worked.case.number)) {
                    (shell::csrf(visitor))
                    (asked::fields(asked))
                    p { button type="submit" { "This is meant" } }
                }
            }
        }
    }
}

fn count(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
