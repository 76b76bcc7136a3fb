//! Why a call was not answered: RFC 9457, `application/problem+json`.

use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::office::{Trouble, TroubleKind};

/// Why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What sort of problem it is, such as `urn:throughline:not-found`. Programs tell problems apart by this.
    pub r#type: String,
    /// That in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was expected, what was found, and what to try.
    pub detail: String,
}

/// The sorts of problems. Their names and statuses do not change within v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// What was given is of the right form, and cannot be used.
    Unfit,
    /// There is no token, or one that does not count.
    NoToken,
    /// The user may not do it.
    Refused,
    /// There is no such thing.
    NotFound,
    /// Another method.
    Method,
    /// Something else was done meanwhile.
    Conflict,
    /// More than is taken.
    TooLarge,
    /// A body of another media type.
    MediaType,
    /// Another server is meant.
    WrongHost,
    /// Path, query, header or body is not of the documented form.
    Form,
    /// The evidence singles out no message.
    WhichMessage,
    /// Nothing in the evidence is read.
    NothingReadable,
    /// A fault of the program or of the machine.
    Internal,
    /// It was stopped.
    Stopped,
}

impl Sort {
    /// All, by status.
    pub const ALL: [Sort; 14] = [
        Sort::Unfit,
        Sort::NoToken,
        Sort::Refused,
        Sort::NotFound,
        Sort::Method,
        Sort::Conflict,
        Sort::TooLarge,
        Sort::MediaType,
        Sort::WrongHost,
        Sort::Form,
        Sort::WhichMessage,
        Sort::NothingReadable,
        Sort::Internal,
        Sort::Stopped,
    ];

    /// Its status, its name and its title.
    fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Sort::Unfit => (StatusCode::BAD_REQUEST, "unfit", "What was given cannot be used"),
            Sort::NoToken => (StatusCode::UNAUTHORIZED, "no-token", "A token is needed"),
            Sort::Refused => (StatusCode::FORBIDDEN, "refused", "It is not allowed"),
            Sort::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Sort::Method => (StatusCode::METHOD_NOT_ALLOWED, "method", "That cannot be done here"),
            Sort::Conflict => (StatusCode::CONFLICT, "conflict", "Something else was done meanwhile"),
            Sort::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "More than is taken"),
            Sort::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "A body of another kind"),
            Sort::WrongHost => (StatusCode::MISDIRECTED_REQUEST, "wrong-host", "Another server is meant"),
            Sort::Form => (StatusCode::UNPROCESSABLE_ENTITY, "form", "Not of the documented form"),
            Sort::WhichMessage => {
                (StatusCode::UNPROCESSABLE_ENTITY, "which-message", "The evidence singles out no message")
            }
            Sort::NothingReadable => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "nothing-readable",
                "Nothing in the evidence is of a kind that is read",
            ),
            Sort::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of the program or of the machine")
            }
            Sort::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped", "It was stopped"),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        self.told().0
    }

    /// The `type` of its problems.
    pub fn r#type(self) -> String {
        format!("urn:throughline:{}", self.told().1)
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        self.told().2
    }

    /// A problem of this sort; `detail` says what was expected, what was found, and what to try.
    pub fn with(self, detail: impl Into<String>) -> Refusal {
        Refusal { sort: self, detail: detail.into(), header: None }
    }

    fn of(kind: TroubleKind) -> Sort {
        match kind {
            TroubleKind::NotFound => Sort::NotFound,
            TroubleKind::Unfit => Sort::Unfit,
            TroubleKind::WhichMessage => Sort::WhichMessage,
            TroubleKind::NothingReadable => Sort::NothingReadable,
            TroubleKind::Refused => Sort::Refused,
            TroubleKind::Conflict => Sort::Conflict,
            TroubleKind::TooLarge => Sort::TooLarge,
            TroubleKind::Stopped => Sort::Stopped,
            TroubleKind::Internal => Sort::Internal,
        }
    }
}

/// A problem on its way to the client.
#[derive(Clone, Debug)]
pub struct Refusal {
    sort: Sort,
    detail: String,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refusal {
    /// The same with a header.
    #[must_use]
    pub fn and(mut self, name: HeaderName, value: HeaderValue) -> Refusal {
        self.header = Some(Box::new((name, value)));
        self
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Refusal {
        Sort::of(trouble.kind).with(trouble.what)
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Refusal {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Sort::TooLarge.with("body: expected 8 MiB at most, found more"),
            _ => Sort::Form
                .with(format!("body: expected all of it, found that it broke off ({})", rejection.body_text())),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, _, title) = self.sort.told();
        let problem = Problem {
            r#type: self.sort.r#type(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
        };
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (status, kind, axum::Json(problem)).into_response();
        response.headers_mut().extend(self.header.map(|header| *header));
        response
    }
}

/// The answer to what was stopped before any call, with its status.
pub fn with_status(trouble: &Trouble, status: StatusCode) -> Response {
    let sort = Sort::ALL.into_iter().find(|sort| sort.status() == status).unwrap_or(Sort::of(trouble.kind));
    let refusal = sort.with(trouble.what.clone());
    if sort == Sort::NoToken {
        return refusal.and(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")).into_response();
    }
    refusal.into_response()
}
