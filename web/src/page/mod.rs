//! The pages: a file a page, and what they share.

mod account;
mod answered;
mod asked;
mod axis;
mod cites;
mod compare;
mod escalation;
mod evidence;
mod exception;
mod findings;
mod forms;
mod journal;
mod lanes;
mod new;
mod notes;
mod record;
mod runbooks;
mod several;
mod shell;
mod start;
mod supplied;
mod symptoms;
mod triage;
mod uploads;
mod verification;
mod watch;
mod way;

use axum::Router;
use axum::body::to_bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::entry::Visitor;
use crate::office::{Trouble, TroubleKind};
use crate::workbench::Workbench;

pub use shell::{bare, refused};
pub use start::encoded;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .merge(account::routes())
        .merge(compare::routes())
        .merge(escalation::routes())
        .merge(evidence::routes())
        .merge(exception::routes())
        .merge(findings::routes())
        .merge(journal::routes())
        .merge(new::routes())
        .merge(notes::routes())
        .merge(record::routes())
        .merge(runbooks::routes())
        .merge(start::routes())
        .merge(symptoms::routes())
        .merge(triage::routes())
        .merge(uploads::routes())
        .merge(verification::routes())
        .merge(watch::routes())
        .merge(way::routes())
}

/// An answer as a page: what the router itself refuses (a number that is none, a method that is not served, a form too large) is bare text.
pub async fn dressed(visitor: &Visitor, response: Response) -> Response {
    let status = response.status();
    let is_text = |value: &HeaderValue| value.as_bytes().starts_with(b"text/plain");
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !status.is_client_error() || !kind.is_none_or(is_text) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let said = to_bytes(body, MAX_SAID_BYTES).await.unwrap_or_default();
    let said = match String::from_utf8_lossy(&said).trim() {
        "" => status.canonical_reason().unwrap_or("refused").to_owned(),
        said => said.to_owned(),
    };
    let kind = if status == StatusCode::NOT_FOUND { TroubleKind::NotFound } else { TroubleKind::Unfit };
    let what = format!("expected an address or a form of the workbench, found another: {said}");
    let mut page = shell::trouble(Some(visitor), &Trouble::new(kind, what), status);
    if let Some(allowed) = parts.headers.get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    page
}

/// How much of what the router says is shown.
const MAX_SAID_BYTES: usize = 16 << 10;

/// The page of an address that has none.
pub async fn nowhere(visitor: Visitor) -> Response {
    let what = "expected the address of a page, found another. The cases are on the first page";
    shell::trouble(Some(&visitor), &Trouble::new(TroubleKind::NotFound, what), StatusCode::NOT_FOUND)
}
