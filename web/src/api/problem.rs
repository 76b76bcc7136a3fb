//! Why a call was not answered: RFC 9457, `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::office::{Trouble, TroubleKind};

/// Why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What sort of problem it is, such as `urn:throughline:not-found`.
    pub r#type: String,
    /// That in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was expected, what was found, and what to try.
    pub detail: String,
}

/// The answer that says so, with the status of its kind.
pub fn response(trouble: &Trouble) -> Response {
    with_status(trouble, crate::page::status(trouble.kind))
}

/// The answer that says so, with a status.
pub fn with_status(trouble: &Trouble, status: StatusCode) -> Response {
    let (name, title) = match trouble.kind {
        TroubleKind::NotFound => ("not-found", "There is no such thing"),
        TroubleKind::Unfit => ("unfit", "What was given cannot be used"),
        TroubleKind::WhichMessage => ("which-message", "The evidence singles out no message"),
        TroubleKind::NothingReadable => ("nothing-readable", "Nothing in the evidence is of a kind that is read"),
        TroubleKind::Refused => ("refused", "It is not allowed"),
        TroubleKind::Conflict => ("conflict", "Something else was done meanwhile"),
        TroubleKind::TooLarge => ("too-large", "More than is taken"),
        TroubleKind::Stopped => ("stopped", "It was stopped"),
        TroubleKind::Internal => ("internal", "A fault of the program or of the machine"),
    };
    let problem = Problem {
        r#type: format!("urn:throughline:{name}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail: trouble.what.clone(),
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
    (status, kind, axum::Json(problem)).into_response()
}
