//! What stands around every page: head, navigation, foot.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use case::Case;
use maud::{DOCTYPE, Markup, html};
use report::visible;

use crate::assets::{SCRIPT_PATH, STYLE_PATH};
use crate::entry::{Role, Visitor};
use crate::office::{Trouble, TroubleKind};

/// The parts of a case, in the order in which a ticket is worked: address below the case, and name.
pub const PARTS: [(&str, &str); 10] = [
    ("", "The way"),
    ("/triage", "Triage"),
    ("/findings", "Findings"),
    ("/compare", "Compare"),
    ("/exception", "Exception"),
    ("/verification", "Verification"),
    ("/notes", "Notes"),
    ("/escalation", "Escalation"),
    ("/evidence", "Evidence"),
    ("/journal", "Journal"),
];

/// A page for who is signed in.
pub fn page(visitor: &Visitor, title: &str, body: &Markup) -> Response {
    Html(drawn(Some(visitor), title, body, Reload::No).into_string()).into_response()
}

/// A page of a case: its head and its parts above the body. `part` is the address below the case.
pub fn case_page(visitor: &Visitor, case: &Case, part: &str, title: &str, body: &Markup) -> Response {
    let whole = format!("{title} · #{}", case.number);
    Html(drawn(Some(visitor), &whole, &within(case, part, body), Reload::No).into_string()).into_response()
}

/// The same page of a case, which asks for itself again in a second.
pub fn waiting_page(visitor: &Visitor, case: &Case, part: &str, body: &Markup) -> Response {
    let whole = format!("Working · #{}", case.number);
    Html(drawn(Some(visitor), &whole, &within(case, part, body), Reload::Soon).into_string()).into_response()
}

/// A page for who is not signed in.
pub fn bare(title: &str, body: &Markup, status: StatusCode) -> Response {
    (status, Html(drawn(None, title, body, Reload::No).into_string())).into_response()
}

/// That something was not done, for who is not signed in.
pub fn refused(trouble: &Trouble, status: StatusCode) -> Response {
    self::trouble(None, trouble, status)
}

/// That something was not done, and what to try.
pub fn trouble(visitor: Option<&Visitor>, trouble: &Trouble, status: StatusCode) -> Response {
    let title = match trouble.kind {
        TroubleKind::NotFound => "Not here",
        TroubleKind::Refused => "Not allowed",
        TroubleKind::Internal => "A fault of this program",
        _ => "That was not done",
    };
    let body = html! {
        h1 { (title) }
        @for line in trouble.what.lines() { p { (visible(line)) } }
        p { a href="/" { "To the cases" } }
    };
    (status, Html(drawn(visitor, title, &body, Reload::No).into_string())).into_response()
}

/// Above a form that comes back: that it was not done, and what to try.
pub fn not_done(trouble: &Trouble) -> Markup {
    html! {
        div.card.stopped-card role="alert" {
            p { b.stopped { "✕ That was not done" } }
            @for line in trouble.what.lines() { p { (visible(line)) } }
        }
    }
}

/// That something was not done, with the status that says so.
pub fn failed(visitor: &Visitor, trouble: &Trouble) -> Response {
    self::trouble(Some(visitor), trouble, status(trouble.kind))
}

/// The status of an answer that says that something was not done.
pub fn status(kind: TroubleKind) -> StatusCode {
    match kind {
        TroubleKind::NotFound => StatusCode::NOT_FOUND,
        TroubleKind::Unfit => StatusCode::BAD_REQUEST,
        TroubleKind::WhichMessage | TroubleKind::NothingReadable => StatusCode::UNPROCESSABLE_ENTITY,
        TroubleKind::Refused => StatusCode::FORBIDDEN,
        TroubleKind::Conflict => StatusCode::CONFLICT,
        TroubleKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        TroubleKind::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        TroubleKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The hidden field that every form carries.
pub fn csrf(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="csrf" value=(visitor.csrf); }
}

/// A line to be copied, with a button that copies it.
pub fn command(text: &str) -> Markup {
    html! { div.copy { pre tabindex="0" { (visible(text)) } button type="button" data-copy hidden { "Copy" } } }
}

/// Whether a page asks for itself again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reload {
    No,
    Soon,
}

fn within(case: &Case, part: &str, body: &Markup) -> Markup {
    let base = format!("/cases/{}", case.number);
    let subject = case.answered.as_ref().and_then(|answered| answered.subject.as_deref());
    let name = subject.or(case.about.words.as_deref()).unwrap_or("No message yet");
    html! {
        header.case {
            p.soft {
                "#" (case.number)
                @if !case.about.client.is_empty() { " · " (visible(&case.about.client)) }
                @if let Some(ticket) = &case.about.ticket { " · " (visible(ticket)) }
                " · " span.tag { (case.status.word().replace('_', " ")) }
            }
            h1 { (visible(name)) }
            nav.parts aria-label="Parts of the case" {
                @for (address, name) in PARTS {
                    a href=(format!("{base}{address}")) aria-current=[(address == part).then_some("page")] { (name) }
                }
            }
        }
        (body)
    }
}

fn drawn(visitor: Option<&Visitor>, title: &str, body: &Markup, reload: Reload) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(visitor) = visitor { meta name="csrf" content=(visitor.csrf); }
                // With the script the page looks by itself whether the answer is there.
                @if reload == Reload::Soon { noscript { meta http-equiv="refresh" content="1"; } }
                title { (visible(title)) " · throughline" }
                link rel="stylesheet" href=(*STYLE_PATH);
                link rel="icon" href="/favicon.ico" type="image/svg+xml";
                script src=(*SCRIPT_PATH) defer {}
            }
            body.workbench {
                a.skip href="#main" { "To the content" }
                @if let Some(visitor) = visitor { (top(visitor)) }
                main id="main" tabindex="-1" { (body) }
                p.told role="status" aria-live="polite" id="told" {}
            }
        }
    }
}

fn top(visitor: &Visitor) -> Markup {
    html! {
        header.top {
            nav aria-label="Workbench" {
                a.home href="/" { "throughline" }
                a href="/symptoms" { "Symptoms" }
                a href="/runbooks" { "Runbooks" }
                a href="/watch" { "Watch" }
                @if visitor.user.roles.has(Role::Engineer) { a href="/cases/new" { "New case" } }
            }
            form.who method="post" action="/logout" {
                (csrf(visitor))
                a href="/account" { (visible(&visitor.user.name)) } " " span.soft { "(" (visitor.user.roles) ")" } " "
                button type="submit" { "Sign out" }
            }
        }
    }
}
