//! What forms share: what was refused stands above a form that keeps what was typed.

use axum::response::Response;
use maud::{Markup, html};
use report::visible;

use super::shell;
use crate::office::Trouble;

/// What was refused, to stand above the form.
pub fn refusal(trouble: Option<&Trouble>) -> Markup {
    html! {
        @if let Some(trouble) = trouble {
            div.refusal role="alert" {
                p { b { "That was not done." } }
                @for line in trouble.what.lines() { p { (visible(line)) } }
            }
        }
    }
}

/// The page with the status that says that something was refused.
pub fn again(mut page: Response, trouble: &Trouble) -> Response {
    *page.status_mut() = shell::status(trouble.kind);
    page
}

/// A text as it was pasted, with line breaks of one kind: browsers send two bytes for each.
pub fn pasted(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// What was typed, if it says anything.
pub fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
