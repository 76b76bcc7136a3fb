//! The pages: a file a page, and what they share.

mod account;
mod answered;
mod asked;
mod cites;
mod compare;
mod escalation;
mod evidence;
mod exception;
mod findings;
mod journal;
mod lanes;
mod new;
mod notes;
mod record;
mod runbooks;
mod shell;
mod start;
mod supplied;
mod symptoms;
mod uploads;
mod verification;
mod watch;
mod way;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;

use crate::entry::Visitor;
use crate::office::{Trouble, TroubleKind};
use crate::workbench::Workbench;

pub use shell::{bare, refused, status};

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
        .merge(uploads::routes())
        .merge(verification::routes())
        .merge(watch::routes())
        .merge(way::routes())
}

/// The page of an address that has none.
pub async fn nowhere(visitor: Visitor) -> Response {
    let what = "expected the address of a page, found another. The cases are on the first page";
    shell::trouble(Some(&visitor), &Trouble::new(TroubleKind::NotFound, what), StatusCode::NOT_FOUND)
}
